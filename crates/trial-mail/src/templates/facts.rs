//! The variables of the templates.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minijinja::{Value, context};
use trial_core::mails::{AccountMail, LifecycleMail, MailKind, PasswordChangedMail, PasswordMail};
use trial_core::policy::ACCOUNT_PASSWORD_VALID_DAYS;
use trial_core::portal::PortalLink;
use trial_core::values::{Locale, TenantId};

// The templates say "7 days".
const _: () = assert!(ACCOUNT_PASSWORD_VALID_DAYS == 7);

/// The variables that are the same in every mail.
#[derive(Debug, Clone)]
pub struct MailSetting {
    /// The address at which tenants sign in.
    pub portal_url: String,
    /// The contact of tenants.
    pub support_contact: String,
    /// The zone of dates, whose name they carry.
    pub timezone: Tz,
}

/// An account, as texts.
pub(super) struct AccountFacts {
    pub(super) account_name: String,
    pub(super) initial_password: String,
    pub(super) tenant: String,
    pub(super) voice: String,
    pub(super) multimedia: String,
    pub(super) password_valid_until: DateTime<Utc>,
    pub(super) trial_ends_at: DateTime<Utc>,
    pub(super) is_customer: bool,
}

impl AccountFacts {
    /// A fictitious account, for previews and checks of templates.
    pub(super) fn example() -> Self {
        let day = |days: u64| DateTime::UNIX_EPOCH + chrono::Days::new(20_780 + days);
        Self {
            account_name: "admin@example".to_owned(),
            initial_password: "Exam-ple0-Pass-word".to_owned(),
            tenant: "00000000-0000-7000-8000-000000000000".to_owned(),
            voice: "4000000000".to_owned(),
            multimedia: "example-chat".to_owned(),
            password_valid_until: day(ACCOUNT_PASSWORD_VALID_DAYS.into()),
            trial_ends_at: day(30),
            is_customer: false,
        }
    }

    /// The variables of templates.
    pub(super) fn context(self, setting: &MailSetting, locale: Locale) -> Value {
        context! {
            account_name => self.account_name,
            initial_password => self.initial_password,
            tenant => self.tenant,
            voice => self.voice,
            multimedia => self.multimedia,
            password_valid_until => setting.date(self.password_valid_until, locale),
            trial_ends_at => setting.date(self.trial_ends_at, locale),
            is_customer => self.is_customer,
            ..setting.context()
        }
    }
}

impl From<&AccountMail> for AccountFacts {
    fn from(account: &AccountMail) -> Self {
        Self {
            account_name: account.account_name.clone(),
            initial_password: account.initial_password.reveal().to_owned(),
            tenant: account.tenant.to_string(),
            voice: account.voice.as_str().to_owned(),
            multimedia: account.multimedia.as_str().to_owned(),
            password_valid_until: account.password_valid_until,
            trial_ends_at: account.trial_ends_at,
            is_customer: account.is_customer,
        }
    }
}

/// The variables of a lifecycle mail.
pub(super) fn life_context(life: &LifecycleMail, setting: &MailSetting, locale: Locale) -> Value {
    let date = |instant: Option<DateTime<Utc>>| instant.map(|instant| setting.date(instant, locale));
    context! {
        account_name => life.account_name.as_str(),
        tenant => life.tenant.to_string(),
        trial_ends_at => setting.date(life.trial_ends_at, locale),
        closes_at => date(life.closes_at),
        recoverable_until => date(life.recoverable_until),
        is_customer => life.is_customer,
        ..setting.context()
    }
}

/// A link to set a password, as texts.
pub(super) fn password_context(asked: &PasswordMail, setting: &MailSetting, locale: Locale) -> Value {
    context! {
        account_name => asked.account_name.as_str(),
        link => setting.link(asked),
        valid_until => setting.date(asked.valid_until, locale),
        ..setting.context()
    }
}

/// A changed password, as variables. Its time is in UTC in any zone: it is compared with logs.
pub(super) fn password_changed_context(changed: &PasswordChangedMail, setting: &MailSetting, locale: Locale) -> Value {
    context! {
        account_name => changed.account_name.as_str(),
        changed_at => written(changed.changed_at, Tz::UTC, locale),
        changes => changed.changes,
        lost_password_url => setting.portal_page("lost"),
        ..setting.context()
    }
}

/// A fictitious change of a password.
pub(super) fn example_password_changed() -> PasswordChangedMail {
    PasswordChangedMail {
        account_name: "admin@example".to_owned(),
        changed_at: DateTime::UNIX_EPOCH + chrono::Days::new(20_780),
        changes: None,
    }
}

/// A link that leads nowhere.
pub(super) fn example_password() -> PasswordMail {
    PasswordMail {
        account_name: "admin@example".to_owned(),
        link: PortalLink::example(),
        valid_until: DateTime::UNIX_EPOCH + chrono::Days::new(20_780),
    }
}

/// A warning, as text.
pub(super) fn warning_context(warning: &str, setting: &MailSetting) -> Value {
    context! { warning, ..setting.context() }
}

/// The lifecycle of a fictitious tenant.
pub(super) fn example_life(kind: MailKind) -> LifecycleMail {
    let trial_ends_at = DateTime::UNIX_EPOCH + chrono::Days::new(20_810);
    LifecycleMail {
        tenant: TenantId::new(DateTime::UNIX_EPOCH, [0; 10]),
        account_name: "admin@example".to_owned(),
        trial_ends_at,
        closes_at: (kind == MailKind::Suspended).then(|| trial_ends_at + chrono::Days::new(7)),
        recoverable_until: (kind == MailKind::Closed).then(|| trial_ends_at + chrono::Days::new(37)),
        is_customer: false,
    }
}

impl MailSetting {
    fn context(&self) -> Value {
        let portal_url = self.portal_url.as_str();
        context! {
            portal_url,
            portal_is_link => portal_url.starts_with("https://") || portal_url.starts_with("http://"),
            support_contact => self.support_contact.as_str(),
        }
    }

    /// The address of a link to set a password.
    pub(super) fn link(&self, asked: &PasswordMail) -> String {
        format!("{}?link={}", self.portal_page("new-password"), asked.link.reveal())
    }

    /// The address of a page of our portal, which is at the root of the host that `portal.url` names.
    fn portal_page(&self, page: &str) -> String {
        let url = self.portal_url.as_str();
        let host = url.find("://").map_or(0, |scheme| scheme + 3);
        let end = url[host..].find('/').map_or(url.len(), |path| host + path);
        format!("{}/portal/{page}", &url[..end])
    }

    fn date(&self, instant: DateTime<Utc>, locale: Locale) -> String {
        written(instant, self.timezone, locale)
    }
}

/// To the minute, with the time zone's name and, if the name does not say it, its offset from UTC on that day.
fn written(instant: DateTime<Utc>, timezone: Tz, locale: Locale) -> String {
    let local = instant.with_timezone(&timezone);
    let zone = match (timezone, locale) {
        (Tz::UTC, _) => "UTC".to_owned(),
        (Tz::Asia__Shanghai, Locale::ZhCn) => "北京时间".to_owned(),
        (named, _) => format!("{}, UTC{}", named.name(), local.format("%:z")),
    };
    match locale {
        Locale::En => format!("{} ({zone})", local.format("%-d %B %Y, %H:%M")),
        Locale::ZhCn => format!("{}（{zone}）", local.format("%Y-%m-%d %H:%M")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_host_of_the_portal() {
        for (portal_url, link) in [
            ("https://trial.example.com/portal/", "https://trial.example.com/portal/new-password?link=example"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/portal/new-password?link=example"),
            ("https://trial.example.com", "https://trial.example.com/portal/new-password?link=example"),
        ] {
            let setting =
                MailSetting { portal_url: portal_url.to_owned(), support_contact: String::new(), timezone: Tz::UTC };
            assert_eq!(setting.link(&example_password()), link);
        }
    }

    #[test]
    fn names_the_time_zone_and_its_distance_that_day() {
        let date = |timezone, seconds| {
            let setting = MailSetting { portal_url: String::new(), support_contact: String::new(), timezone };
            let instant = DateTime::from_timestamp(seconds, 0).unwrap();
            (setting.date(instant, Locale::En), setting.date(instant, Locale::ZhCn))
        };
        let pair = |en: &str, zh_cn: &str| (en.to_owned(), zh_cn.to_owned());
        assert_eq!(date(Tz::UTC, 1_795_000_000), pair("18 November 2026, 11:06 (UTC)", "2026-11-18 11:06（UTC）"));
        assert_eq!(
            date(Tz::Europe__Berlin, 1_780_272_000),
            pair("1 June 2026, 02:00 (Europe/Berlin, UTC+02:00)", "2026-06-01 02:00（Europe/Berlin, UTC+02:00）")
        );
        assert!(date(Tz::Europe__Berlin, 1_795_000_000).0.ends_with("12:06 (Europe/Berlin, UTC+01:00)"));
        assert_eq!(
            date(Tz::Asia__Shanghai, 1_795_000_000),
            pair("18 November 2026, 19:06 (Asia/Shanghai, UTC+08:00)", "2026-11-18 19:06（北京时间）")
        );
    }
}
