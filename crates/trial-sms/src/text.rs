//! The text of the short messages.

use std::sync::Arc;

use trial_core::sms::SmsMessage;
use trial_core::values::Locale;

/// The brand that signs a message by default.
pub const DEFAULT_BRAND: &str = "Trialgate";

/// The wording of messages, for gateways that take a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// The name of the sender.
    pub brand: Arc<str>,
    /// The website whose form the phone may fill in by itself, from a last line `@domain #code`.
    pub autofill_domain: Option<Arc<str>>,
}

impl Wording {
    /// The text of a message.
    pub fn text(&self, message: &SmsMessage) -> String {
        let text = code_text(&self.brand, message);
        match &self.autofill_domain {
            None => text,
            Some(domain) => format!("{text}\n\n@{domain} #{}", message.code.reveal()),
        }
    }
}

impl Default for Wording {
    fn default() -> Self {
        Self { brand: DEFAULT_BRAND.into(), autofill_domain: None }
    }
}

/// The text of a message with a code, for gateways that take a text: one short message in either language, unless the
/// brand is long. It has no link or phone number, so that there is nothing to forge but the code.
pub fn code_text(brand: &str, message: &SmsMessage) -> String {
    let (code, minutes) = (message.code.reveal(), message.valid_minutes);
    match message.locale {
        Locale::En => {
            let unit = if minutes == 1 { "minute" } else { "minutes" };
            format!(
                "{brand}: your verification code is {code}. It is valid for {minutes} {unit}. Do not tell it to anybody."
            )
        }
        Locale::ZhCn => format!("【{brand}】您的验证码是 {code}，{minutes} 分钟内有效。请勿将验证码告诉任何人。"),
    }
}
