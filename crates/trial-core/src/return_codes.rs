//! The table of published return codes, and the return code of each outcome. The order of decision is in
//! [`crate::planner`].
//!
//! A new return code is a row of the table, and the refusal that it answers: [`CodeRefusal`] or [`ApplyRefusal`] with
//! its rule. Replies, pages, the console, metrics, both OpenAPI documents and `docs/api.md` read the table.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::applications::{ApplyOutcome, ApplyRefusal, NoCodeReason};
use crate::values::{Locale, UnknownName};
use crate::verification::{BudgetScope, CodeOutcome, CodeRefusal, SendState};

/// The wait after 005.
const CONFLICT_RETRY: Duration = Duration::from_mins(1);

/// A text in English and in Chinese.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(pub &'static str, pub &'static str);

impl Text {
    /// The text in this language.
    pub const fn in_locale(self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.0,
            Locale::ZhCn => self.1,
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct ReturnCodeRow {
    /// The published code, which is also the label of metrics.
    pub code: &'static str,
    /// The place in `docs/api.md`: that of its rule in the order of decision.
    pub rule: u8,
    /// The published meaning.
    pub meaning: &'static str,
    /// The conditions under which it is answered.
    pub cause: &'static str,
    /// The behaviour of a good website.
    pub website: &'static str,
    /// The message of the reply.
    pub message: Text,
    /// The event, on the application page.
    pub event: Text,
    /// The visitor's next step, on the application page; `{wait}`, `{contact}` and `{portal}` are filled in.
    pub next: Text,
    /// The short name in the console.
    pub name: Text,
}

/// Creates the return codes of an interface from its table.
macro_rules! return_codes {
    ($(#[$about:meta])* $type:ident {
        $($variant:ident = $code:literal, $meaning:literal {
            rule: $rule:literal,
            cause: $cause:literal,
            website: $website:literal,
            message: $message:expr,
            event: $event:expr,
            next: $next:expr,
            name: $name:expr,
        })+
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $(#[doc = concat!($code, ": ", $meaning, ".")] $variant,)+
        }

        impl $type {
            /// Every code, as the contract lists them.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// The row of this code.
            pub const fn row(self) -> &'static ReturnCodeRow {
                match self {
                    $(Self::$variant => &ReturnCodeRow {
                        code: $code,
                        rule: $rule,
                        meaning: $meaning,
                        cause: $cause,
                        website: $website,
                        message: $message,
                        event: $event,
                        next: $next,
                        name: $name,
                    },)+
                }
            }

            /// The published code.
            pub const fn as_str(self) -> &'static str {
                self.row().code
            }
        }
    };
}

const QUOTA_MESSAGE: Text = Text(
    "The number of e-mails sent today has reached the threshold. Contact operations personnel.",
    "今日发送的邮件数已达到上限，请联系运营人员。",
);
const QUOTA_EVENT: Text = Text("No more trials can be started today.", "今日的试用名额已满。");
const QUOTA_NEXT: Text = Text(
    "Come back tomorrow, or contact {contact} and quote the request id below.",
    "请明天再来，或联系 {contact}，并提供下方的请求编号。",
);
const QUOTA_NAME: Text = Text("threshold reached", "邮件已达上限");

return_codes! {
    /// Return codes of `generateverifycode`.
    SendCode {
        Sent = "200", "the code was sent" {
            rule: 1,
            cause: "the gateway accepted the message",
            website: "asks for the code; offers another after 60 seconds",
            message: Text("The short message is sent successfully.", "The short message is sent successfully."),
            event: Text("We have sent a code to your phone.", "验证码已发送到您的手机。"),
            next: Text(
                "Enter it below. If it does not arrive, you can request another one in {wait}.",
                "请在下方输入。若未收到，请留意垃圾短信，{wait}后可重新获取。",
            ),
            name: Text("sent", "已发送"),
        }
        TooSoon = "201", "a code already exists, request another later" {
            rule: 2,
            cause: "less than 60 seconds since the last one, or 5 in an hour, or 10 in 24 hours for this phone",
            website: "keeps asking for the code; counts down `Retry-After` before it offers another",
            message: Text("A verification code already exists. Request another one later.", "验证码已存在，请稍后再获取。"),
            event: Text("A code was sent to this phone already.", "已向该手机发送过验证码。"),
            next: Text(
                "Use the latest one. You can request another one in {wait}.",
                "请使用最近收到的验证码，{wait}后可重新获取。",
            ),
            name: Text("too soon", "请求过早"),
        }
        Exception = "202", "an exception occurred while sending the code" {
            rule: 3,
            cause: "database or gateway not reached, no clear answer from the gateway, or the phone is locked after too many wrong codes",
            website: "shows the support contact and keeps the field, as the code may still arrive; does not retry by itself",
            message: Text(
                "An exception occurred while sending the verification code. Contact operations personnel.",
                "发送验证码时出现异常，请联系运营人员。",
            ),
            event: Text("The code could not be sent.", "验证码发送异常。"),
            next: Text(
                "Try again in {wait}. If it fails again, contact {contact} and quote the request id below.",
                "{wait}后请再试；如仍失败，请联系 {contact}，并提供下方的请求编号。",
            ),
            name: Text("exception", "发送异常"),
        }
        NotSent = "204", "the SMS could not be sent" {
            rule: 4,
            cause: "the gateway refused the number, or the SMS budget of the day is spent",
            website: "asks to check the number; shows the support contact",
            message: Text("The short message could not be sent. Contact operations personnel.", "短信发送失败，请联系运营人员。"),
            event: Text("No message can be sent to this phone right now.", "短信发送失败。"),
            next: Text(
                "Check the number. If it is right, contact {contact} and quote the request id below.",
                "请检查号码；如号码无误，请联系 {contact}，并提供下方的请求编号。",
            ),
            name: Text("not sent", "发送失败"),
        }
        QuotaReached = "205", "the e-mails sent today have reached the threshold" {
            rule: 5,
            cause: "no more trials today; checked first, before an SMS is paid for",
            website: "asks to come back tomorrow; shows the support contact",
            message: QUOTA_MESSAGE,
            event: QUOTA_EVENT,
            next: QUOTA_NEXT,
            name: QUOTA_NAME,
        }
    }
}

return_codes! {
    /// Return codes of `applyTenant`.
    ApplyCode {
        Success = "000", "success; the account information is on its way by e-mail" {
            rule: 1,
            cause: "tenant, access codes and mail are stored durably, now or by the same application within the last 24 hours",
            website: "says that the mail is on its way, and to which address",
            message: Text("success", "success"),
            event: Text("Your trial is ready.", "您的试用已开通。"),
            next: Text("We are sending your sign-in details by e-mail.", "账号信息正通过邮件发送。"),
            name: Text("accepted", "已受理"),
        }
        NoCode = "001", "the code does not exist or has expired" {
            rule: 3,
            cause: "none sent, expired by time or after 5 wrong attempts, or used for a trial",
            website: "offers a new code",
            message: Text("The verification code does not exist or has expired. Get a new one.", "验证码不存在或已过期，请重新获取。"),
            event: Text("The code does not exist or has expired.", "验证码不存在或已过期。"),
            next: Text("Request a new code and enter it.", "请重新获取验证码并输入。"),
            name: Text("no valid code", "验证码不存在"),
        }
        WrongCode = "002", "wrong code" {
            rule: 4,
            cause: "it is not the code that was sent last; counted",
            website: "asks to enter it again, keeps the other fields",
            message: Text("The verification code is wrong.", "验证码错误。"),
            event: Text("The code is wrong.", "验证码错误。"),
            next: Text(
                "Compare it with the latest message. After a few wrong attempts you need a new code.",
                "请与最近收到的短信核对。多次输错后需要重新获取验证码。",
            ),
            name: Text("wrong code", "验证码错误"),
        }
        Exception = "003", "an exception occurred while verifying the code" {
            rule: 2,
            cause: "the phone is locked after 100 consecutive wrong codes, or the code cannot be looked up",
            website: "shows the support contact",
            message: Text(
                "An exception occurred while verifying the verification code. Contact operations personnel.",
                "校验验证码时出现异常，请联系运营人员。",
            ),
            event: Text("The code cannot be verified.", "验证码校验异常。"),
            next: Text(
                "Contact {contact} and quote the request id below.",
                "请联系 {contact}，并提供下方的请求编号。",
            ),
            name: Text("phone locked", "手机已锁定"),
        }
        TenantExists = "004", "a tenant in trial or commercial use already exists" {
            rule: 5,
            cause: "same phone, e-mail address or company; answered only after a right code",
            website: "says that an account exists; shows the support contact",
            message: Text(
                "A tenant in trial or commercial use already exists. Contact operations personnel.",
                "已存在试用或商用的租户，请联系运营人员。",
            ),
            event: Text(
                "This company, phone or e-mail address has a trial or a contract already.",
                "该公司、手机号或邮箱已有试用或正式租户。",
            ),
            next: Text(
                "If it is yours, sign in at {portal}. Otherwise contact {contact} and quote the request id below.",
                "如属于您，请在 {portal} 登录；否则请联系 {contact}，并提供下方的请求编号。",
            ),
            name: Text("tenant exists", "租户已存在"),
        }
        Conflict = "005", "resource conflict, try again in 1 minute" {
            rule: 8,
            cause: "overload, a lock held too long, or a connection lost at the commit; the outcome may be unknown",
            website: "sends the very same application again after `Retry-After`, at most a few times",
            message: Text("Resource conflict. Try again in 1 minute.", "资源冲突，请在1分钟后重试。"),
            event: Text("Many people are applying right now.", "当前申请人数较多。"),
            next: Text(
                "Your code stays valid. Press “Start the trial” again in {wait}.",
                "您的验证码仍然有效，{wait}后请再次点击“开始试用”。",
            ),
            name: Text("busy", "资源冲突"),
        }
        PoolEmpty = "006", "no voice or multimedia access code left for trial use" {
            rule: 6,
            cause: "a trial needs one of each",
            website: "says that no trial is available now; shows the support contact",
            message: Text(
                "No voice or multimedia access code is left for trial use. Contact operations personnel.",
                "试用的语音或多媒体接入码已用完，请联系运营人员。",
            ),
            event: Text("No trial numbers are left right now.", "试用号码暂时已分配完。"),
            next: Text(
                "Contact {contact} and quote the request id below: they can free one for you.",
                "请联系 {contact}，并提供下方的请求编号，我们可以为您安排号码。",
            ),
            name: Text("no access code", "无接入码"),
        }
        QuotaReached = "205", "the e-mails sent today have reached the threshold" {
            rule: 7,
            cause: "no more trials today",
            website: "asks to come back tomorrow; shows the support contact",
            message: QUOTA_MESSAGE,
            event: QUOTA_EVENT,
            next: QUOTA_NEXT,
            name: QUOTA_NAME,
        }
    }
}

/// A return code of either interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnCode(&'static str);

/// The answer to a request for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeReply {
    /// The return code.
    pub code: SendCode,
    /// The time until the next message can be sent, if it is known.
    pub retry_after: Option<Duration>,
}

/// The answer to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplyReply {
    /// The return code.
    pub code: ApplyCode,
    /// The time until the next attempt can succeed, if it is known.
    pub retry_after: Option<Duration>,
}

impl ReturnCode {
    /// Every code, those of `applyTenant` first.
    pub fn all() -> impl Iterator<Item = Self> {
        let applied = ApplyCode::ALL.map(ApplyCode::as_str);
        let sent = SendCode::ALL.map(SendCode::as_str);
        applied.into_iter().chain(sent.into_iter().filter(move |code| !applied.contains(code))).map(Self)
    }

    /// The published code.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for ReturnCode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::all().find(|code| code.0 == text);
        found.ok_or_else(|| UnknownName(text.to_owned(), "return code"))
    }
}

impl Serialize for ReturnCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl From<SendCode> for ReturnCode {
    fn from(code: SendCode) -> Self {
        Self(code.as_str())
    }
}

impl From<ApplyCode> for ReturnCode {
    fn from(code: ApplyCode) -> Self {
        Self(code.as_str())
    }
}

impl CodeReply {
    /// 202: nothing is known about the send, or it must not be tried.
    pub const EXCEPTION: Self = Self { code: SendCode::Exception, retry_after: None };
}

impl ApplyReply {
    /// 003: the code cannot be looked up.
    pub const EXCEPTION: Self = Self { code: ApplyCode::Exception, retry_after: None };
    /// 005: the outcome is unknown, or the queue is full; the same application may be sent again.
    pub const CONFLICT: Self = Self { code: ApplyCode::Conflict, retry_after: Some(CONFLICT_RETRY) };
}

impl CodeRefusal {
    /// The return code of this refusal, and the remediation for operators.
    pub const fn answer(&self) -> (SendCode, &'static str) {
        match self {
            Self::QuotaReached { .. } => (
                SendCode::QuotaReached,
                "raise the daily e-mail limit with `trialgate quota set N`, or wait for the next day",
            ),
            Self::PhoneLocked { .. } => (SendCode::Exception, PHONE_LOCKED),
            Self::TooSoon { .. } => (SendCode::TooSoon, "nothing; the applicant waits and requests another code"),
            Self::HourlyLimit { .. } => (
                SendCode::TooSoon,
                "the applicant waits; if this affects genuine visitors, raise `limits.phone.sends_per_hour`",
            ),
            Self::DailyLimit { .. } => (
                SendCode::TooSoon,
                "the applicant waits; if this affects genuine visitors, raise `limits.phone.sends_per_day`",
            ),
            Self::SendsFailed { refused, .. } => (
                if *refused { SendCode::NotSent } else { SendCode::Exception },
                "see the gateway's replies to the earlier requests; once it accepts messages, the applicant can \
                 request another code",
            ),
            Self::BudgetSpent { scope: BudgetScope::All, .. } => (
                SendCode::NotSent,
                "check whether the traffic is genuine; if so, raise the limit with `trialgate settings set \
                 limits.sms_per_day N`",
            ),
            Self::BudgetSpent { scope: BudgetScope::Country(_), .. } => (
                SendCode::NotSent,
                "check whether the traffic is genuine; if so, raise the limit with `trialgate settings set \
                 limits.sms_per_country_day N`",
            ),
            Self::BudgetSpent { scope: BudgetScope::Prefix(_), .. } => (
                SendCode::NotSent,
                "check whether the traffic is genuine; if so, raise the limit with `trialgate settings set \
                 limits.sms_per_prefix_day N`",
            ),
            Self::PrefixBlocked(_) => (
                SendCode::NotSent,
                "check whether the traffic is genuine. If it is, unblock the number range with `trialgate prefixes \
                 release PREFIX` and add it to the safe list with `trialgate prefixes safe add`; if not, leave it \
                 blocked",
            ),
        }
    }
}

impl ApplyRefusal {
    /// The return code of this refusal, and the remediation for operators.
    pub const fn answer(&self) -> (ApplyCode, &'static str) {
        match self {
            Self::PhoneLocked { .. } => (ApplyCode::Exception, PHONE_LOCKED),
            Self::KeyMissing { .. } => (
                ApplyCode::Exception,
                "add the key to `secrets.keys` again, after the current one, and restart; or the applicant requests a \
                 new code once this one has expired",
            ),
            Self::NoCode { reason: NoCodeReason::Used } => (
                ApplyCode::NoCode,
                "nothing if the tenant exists (`trialgate applications find --phone`); another application needs a new \
                 code",
            ),
            Self::NoCode { .. } => (ApplyCode::NoCode, "the applicant requests a new code"),
            Self::WrongCode { .. } => {
                (ApplyCode::WrongCode, "the applicant enters the code again, or requests a new one")
            }
            Self::TenantExists { .. } => (
                ApplyCode::TenantExists,
                "an existing customer: see `trialgate tenants show ID`; the code stays valid until it expires",
            ),
            Self::PoolEmpty { .. } => (
                ApplyCode::PoolEmpty,
                "import access codes with `trialgate access-codes import FILE.csv`; the code stays valid until it \
                 expires",
            ),
            Self::QuotaReached { .. } => (
                ApplyCode::QuotaReached,
                "raise the daily e-mail limit with `trialgate quota set N`; the code stays valid until it expires",
            ),
        }
    }
}

/// The remediation of a locked phone.
const PHONE_LOCKED: &str =
    "ask the applicant; if the attempts were theirs, unlock the phone with `trialgate phones unlock PHONE`";

impl From<&CodeRefusal> for CodeReply {
    fn from(refusal: &CodeRefusal) -> Self {
        Self { code: refusal.answer().0, retry_after: refusal.retry_after() }
    }
}

impl From<SendState> for CodeReply {
    fn from(state: SendState) -> Self {
        let code = match state {
            SendState::Accepted => SendCode::Sent,
            SendState::Refused => SendCode::NotSent,
            SendState::Sending | SendState::Unreached | SendState::Unknown => SendCode::Exception,
        };
        Self { code, retry_after: None }
    }
}

impl From<&CodeOutcome> for CodeReply {
    fn from(outcome: &CodeOutcome) -> Self {
        match outcome {
            CodeOutcome::Send { state, .. } => Self::from(*state),
            CodeOutcome::Refused(refusal) => Self::from(refusal),
        }
    }
}

impl From<&ApplyOutcome> for ApplyReply {
    fn from(outcome: &ApplyOutcome) -> Self {
        let code = match outcome {
            ApplyOutcome::Accepted { .. } | ApplyOutcome::Replayed { .. } => ApplyCode::Success,
            ApplyOutcome::Refused(refusal) => refusal.answer().0,
        };
        Self { code, retry_after: None }
    }
}

/// Published codes are printed, stored and serialised by their text.
macro_rules! texts {
    ($($code:ident, $what:literal;)+) => { $(
        impl fmt::Display for $code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $code {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let found = Self::ALL.into_iter().find(|code| code.as_str() == text);
                found.ok_or_else(|| UnknownName(text.to_owned(), $what))
            }
        }

        impl Serialize for $code {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+ };
}

texts! {
    SendCode, "return code of generateverifycode";
    ApplyCode, "return code of applyTenant";
}
