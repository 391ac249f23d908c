//! Scheduled work: the lifecycle of tenants, alerts, and retention.

pub(crate) mod alerts;
pub(crate) mod retention;
pub(crate) mod sweeper;
