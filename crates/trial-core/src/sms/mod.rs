//! Short messages, the replies of gateways and delivery receipts.

mod message;
mod receipt;

pub use message::{GatewayReply, GatewayUnusable, ServedCountries, SmsMessage};
pub use receipt::{Delivery, DeliveryReceipt, DeliveryState, PROVIDER_ID_LENGTH, UnreadableReceipt};
