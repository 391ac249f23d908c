//! Mail transports: adapters of [`trial_core::ports::Mailer`], and the templates of mails.
//!
//! Every mailer is checked by `trial_testkit::mail_conformance`.

mod sandbox;
mod smtp;
mod templates;

pub use sandbox::SandboxMailer;
pub use smtp::{DkimSettings, HelloName, HelloNameError, SmtpMailer, SmtpSettings, SmtpSettingsError};
pub use templates::{MailSetting, TemplateError, Templates, WrittenMail};
