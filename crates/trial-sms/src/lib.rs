//! SMS gateways: adapters of [`trial_core::ports::SmsGateway`].
//!
//! Every gateway is judged by `trial_testkit::sms_conformance`.

mod sandbox;
mod text;

pub use sandbox::SandboxGateway;
pub use text::{DEFAULT_BRAND, code_text};
