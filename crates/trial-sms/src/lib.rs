//! SMS gateways: adapters of [`trial_core::ports::SmsGateway`].
//!
//! Every gateway is checked by `trial_testkit::sms_conformance`.

mod charset;
mod http;
mod huawei;
mod json;
mod receipt;
mod refusal;
mod sandbox;
mod smpp;
mod template;
mod text;
mod twilio;
mod web;

pub use http::{Accept, HttpGateway, HttpGatewaySettings};
pub use huawei::{HuaweiAuth, HuaweiGateway, HuaweiSettings, huawei_receipts};
pub use sandbox::SandboxGateway;
pub use smpp::{SmppAlphabet, SmppGateway, SmppReceipts, SmppSettings, SmppTimeouts};
pub use template::TemplateError;
pub use text::{DEFAULT_BRAND, Wording, code_text};
pub use twilio::{TwilioGateway, TwilioSender, TwilioSettings, twilio_receipts};
pub use web::{UnusableGateway, WebTimeouts};
