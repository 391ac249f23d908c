//! Short messages: gateways in order with their circuit breakers, and delivery receipts.

pub(crate) mod dispatch;
pub(crate) mod receipts;
