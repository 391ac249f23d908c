//! What the mails say. The words are in `templates/`, compiled in.

use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use trial_core::{ACCOUNT_PASSWORD_VALID_DAYS, AccountMail, Locale, MailContent, OutgoingMail};

// The templates say "7 days".
const _: () = assert!(ACCOUNT_PASSWORD_VALID_DAYS == 7);

/// The mails in each language, as HTML and as plain text.
#[derive(Debug, Clone)]
pub struct Templates {
    portal_url: String,
    support_contact: String,
    timezone: Tz,
}

/// A mail in words.
pub(crate) struct WrittenMail {
    pub(crate) subject: &'static str,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Templates {
    /// `portal_url` is where tenants sign in, `support_contact` whom they ask; dates are given in `timezone`, and name it.
    pub fn new(portal_url: String, support_contact: String, timezone: Tz) -> Self {
        Self { portal_url, support_contact, timezone }
    }

    pub(crate) fn write(&self, mail: &OutgoingMail) -> Result<WrittenMail, askama::Error> {
        let MailContent::Account(account) = &mail.content;
        let facts = &self.facts(account, mail.locale);
        let (subject, text, html) = match mail.locale {
            Locale::En => {
                let subject = "Your contact centre trial is ready";
                (subject, AccountEnText { facts }.render()?, AccountEnHtml { subject, facts }.render()?)
            }
            Locale::ZhCn => {
                let subject = "您的联络中心试用已开通";
                (subject, AccountZhCnText { facts }.render()?, AccountZhCnHtml { subject, facts }.render()?)
            }
        };
        Ok(WrittenMail { subject, text, html })
    }

    fn facts<'a>(&'a self, account: &'a AccountMail, locale: Locale) -> AccountFacts<'a> {
        AccountFacts {
            portal_url: &self.portal_url,
            support_contact: &self.support_contact,
            account_name: &account.account_name,
            initial_password: account.initial_password.reveal(),
            tenant: account.tenant.to_string(),
            voice: account.voice.as_str(),
            multimedia: account.multimedia.as_str(),
            password_valid_until: self.date(account.password_valid_until, locale),
            trial_ends_at: self.date(account.trial_ends_at, locale),
        }
    }

    /// To the minute, with the time zone's name and, where the name does not say it, its distance from UTC on that day.
    fn date(&self, instant: DateTime<Utc>, locale: Locale) -> String {
        let local = instant.with_timezone(&self.timezone);
        let zone = match self.timezone {
            Tz::UTC => "UTC".to_owned(),
            named => format!("{}, UTC{}", named.name(), local.format("%:z")),
        };
        match locale {
            Locale::En => format!("{} ({zone})", local.format("%-d %B %Y, %H:%M")),
            Locale::ZhCn => format!("{}（{zone}）", local.format("%Y年%-m月%-d日 %H:%M")),
        }
    }
}

/// What the words are filled in with.
struct AccountFacts<'a> {
    portal_url: &'a str,
    support_contact: &'a str,
    account_name: &'a str,
    initial_password: &'a str,
    tenant: String,
    voice: &'a str,
    multimedia: &'a str,
    password_valid_until: String,
    trial_ends_at: String,
}

impl AccountFacts<'_> {
    fn portal_is_link(&self) -> bool {
        self.portal_url.starts_with("https://") || self.portal_url.starts_with("http://")
    }
}

#[derive(Template)]
#[template(path = "account.en.html")]
struct AccountEnHtml<'a> {
    subject: &'static str,
    facts: &'a AccountFacts<'a>,
}

#[derive(Template)]
#[template(path = "account.en.txt")]
struct AccountEnText<'a> {
    facts: &'a AccountFacts<'a>,
}

#[derive(Template)]
#[template(path = "account.zh-CN.html")]
struct AccountZhCnHtml<'a> {
    subject: &'static str,
    facts: &'a AccountFacts<'a>,
}

#[derive(Template)]
#[template(path = "account.zh-CN.txt")]
struct AccountZhCnText<'a> {
    facts: &'a AccountFacts<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_time_zone_and_its_distance_that_day() {
        let date = |timezone, seconds| {
            let templates = Templates::new(String::new(), String::new(), timezone);
            let instant = DateTime::from_timestamp(seconds, 0).unwrap();
            (templates.date(instant, Locale::En), templates.date(instant, Locale::ZhCn))
        };
        let pair = |en: &str, zh_cn: &str| (en.to_owned(), zh_cn.to_owned());
        assert_eq!(date(Tz::UTC, 1_795_000_000), pair("18 November 2026, 11:06 (UTC)", "2026年11月18日 11:06（UTC）"));
        assert_eq!(
            date(Tz::Europe__Berlin, 1_780_272_000),
            pair("1 June 2026, 02:00 (Europe/Berlin, UTC+02:00)", "2026年6月1日 02:00（Europe/Berlin, UTC+02:00）")
        );
        assert!(date(Tz::Europe__Berlin, 1_795_000_000).0.ends_with("12:06 (Europe/Berlin, UTC+01:00)"));
        assert!(date(Tz::Asia__Shanghai, 1_795_000_000).0.ends_with("19:06 (Asia/Shanghai, UTC+08:00)"));
    }
}
