//! Notices for visitors in two languages. Those of return codes are in their table.

use std::time::Duration;

use trial_core::bot_challenge::ProofRefusal;
use trial_core::return_codes::{ApplyCode, ReturnCodeRow, SendCode};
use trial_core::values::Locale;

use super::SiteSettings;
use crate::messages::in_locale;
use crate::problem::seconds_up;

/// The notice above the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) is_good: bool,
    /// The event.
    pub(super) what: &'static str,
    /// The next step.
    pub(super) next: String,
}

/// English and Chinese, each as event and next step; `{wait}`, `{contact}` and `{portal}` are filled in.
type Said = [(&'static str, &'static str); 2];

/// The notice for a return code of `generateverifycode`.
pub(super) fn of_code(code: SendCode, locale: Locale, wait: Option<Duration>, site: &SiteSettings) -> Notice {
    let soon = (code == SendCode::Exception).then_some(Duration::from_mins(1));
    of_row(code == SendCode::Sent, code.row(), locale, wait.or(soon), site)
}

/// The notice for a return code of `applyTenant`.
pub(super) fn of_application(code: ApplyCode, locale: Locale, wait: Option<Duration>, site: &SiteSettings) -> Notice {
    of_row(code == ApplyCode::Success, code.row(), locale, wait, site)
}

fn of_row(is_good: bool, row: &ReturnCodeRow, locale: Locale, wait: Option<Duration>, site: &SiteSettings) -> Notice {
    notice(is_good, [(row.event.0, row.next.0), (row.event.1, row.next.1)], locale, wait, site)
}

/// The notice for an address over its limit.
pub(super) fn of_many_requests(locale: Locale, wait: Duration) -> Notice {
    let said = [
        ("Too many requests from your network.", "Try again in {wait}."),
        ("来自您网络的请求过多。", "{wait}后请再试。"),
    ];
    let (what, next) = said[usize::from(locale == Locale::ZhCn)];
    Notice { is_good: false, what, next: next.replace("{wait}", &lasting(wait, locale)) }
}

/// The notice for a failed bot challenge.
pub(super) fn of_guard(refusal: ProofRefusal, locale: Locale, site: &SiteSettings) -> Notice {
    let said = match refusal {
        ProofRefusal::Missing => [
            (
                "Your browser has not completed the bot check.",
                "Turn on JavaScript, open this page by https and press “Send code” again, or contact {contact} and quote \
                 the request id below.",
            ),
            (
                "您的浏览器未完成人机验证。",
                "请启用 JavaScript，通过 https 打开本页面，并再次点击“获取验证码”；或联系 {contact}，并提供下方的请求编号。",
            ),
        ],
        ProofRefusal::Wrong | ProofRefusal::Expired | ProofRefusal::Used => [
            (
                "The bot check failed.",
                "Press “Send code” again. If it fails again, contact {contact} and quote the request id below.",
            ),
            ("本次人机验证未通过。", "请再次点击“获取验证码”；如仍失败，请联系 {contact}，并提供下方的请求编号。"),
        ],
    };
    notice(false, said, locale, None, site)
}

/// The notice for an unexpected failure.
pub(super) fn of_failure(locale: Locale, site: &SiteSettings) -> Notice {
    let said = [
        ("Something went wrong.", "Try again. If it fails again, contact {contact} and quote the request id below."),
        ("服务出现异常。", "请再试一次；如仍失败，请联系 {contact}，并提供下方的请求编号。"),
    ];
    notice(false, said, locale, None, site)
}

fn notice(is_good: bool, said: Said, locale: Locale, wait: Option<Duration>, site: &SiteSettings) -> Notice {
    let (what, next) = said[usize::from(locale == Locale::ZhCn)];
    let soon = in_locale(locale, "a while", "稍");
    let wait = wait.map_or_else(|| soon.to_owned(), |wait| lasting(wait, locale));
    let next =
        next.replace("{wait}", &wait).replace("{contact}", &site.support_contact).replace("{portal}", &site.portal_url);
    Notice { is_good, what, next }
}

/// A duration as people say it, rounded up.
fn lasting(wait: Duration, locale: Locale) -> String {
    let seconds = seconds_up(wait);
    let (number, en, zh) = match seconds {
        ..=90 => (seconds, "second", "秒"),
        91..=5_400 => (seconds.div_ceil(60), "minute", "分钟"),
        _ => (seconds.div_ceil(3_600), "hour", "小时"),
    };
    match locale {
        Locale::En => format!("{number} {en}{}", if number == 1 { "" } else { "s" }),
        Locale::ZhCn => format!("{number} {zh}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_said_as_people_say_them() {
        for (seconds, en, zh) in [
            (1, "1 second", "1 秒"),
            (60, "60 seconds", "60 秒"),
            (91, "2 minutes", "2 分钟"),
            (3_600, "60 minutes", "60 分钟"),
            (5_401, "2 hours", "2 小时"),
        ] {
            let wait = Duration::from_secs(seconds);
            assert_eq!((lasting(wait, Locale::En).as_str(), lasting(wait, Locale::ZhCn).as_str()), (en, zh));
        }
    }

    #[test]
    fn every_return_code_says_what_to_do_in_both_languages() {
        let site = SiteSettings::default();
        let wait = Some(Duration::from_secs(30));
        let mut said = Vec::new();
        for locale in [Locale::En, Locale::ZhCn] {
            said.extend(SendCode::ALL.map(|code| of_code(code, locale, wait, &site)));
            said.extend(ApplyCode::ALL.map(|code| of_application(code, locale, wait, &site)));
        }
        for Notice { what, next, .. } in &said {
            assert!(!what.is_empty() && !next.is_empty() && !next.contains('{'), "{what} {next}");
        }
        let mut texts: Vec<&str> = said.iter().map(|notice| notice.what).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), said.len() - 2, "only the threshold is told in the same words by both");
    }
}
