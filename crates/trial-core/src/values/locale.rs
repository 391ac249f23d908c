//! The languages of replies, messages and mails.

use super::{Phone, named};

/// The languages that replies, short messages and mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locale {
    /// English.
    En,
    /// Chinese, simplified.
    ZhCn,
}

named!(Locale, "locale", { En => "en", ZhCn => "zh-CN" });

impl Locale {
    /// The default language of a phone: Chinese for China, English for every other country.
    pub fn of_phone(phone: &Phone) -> Self {
        if phone.country_code() == 86 { Self::ZhCn } else { Self::En }
    }
}
