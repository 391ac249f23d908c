//! Delivery from the outboxes: mails and events, at a limited rate.

pub(crate) mod delivery;
pub(crate) mod events;
pub(crate) mod mails;
pub(crate) mod rate_limiter;
pub(crate) mod wakers;
