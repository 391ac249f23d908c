//! The table of runtime settings. A new setting is a row here, and the place that uses its field.
//!
//! A row is: name = key of the configuration, field of the policy: its type = its default, the values that a change may
//! set, and the effect in English and in Chinese. The configuration, `/ops/v1/settings`, the console, the command line,
//! the JSON Schema and `docs/configuration.md` read it.

use std::time::Duration;

use chrono_tz::Tz;

use super::key::{Bounds, count, mode, percent, settings, time};
use crate::policy::{BreakerMode, Policy};
use crate::values::named;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

settings! {
    /// Limits that protect phones and money.
    #[derive(Debug, Clone, PartialEq)]
    Limits in limits {
        PhoneSendsPerHour = "limits.phone.sends_per_hour", phone_sends_per_hour: u32 = 5, count(1, 1_000),
            "Most codes to one phone within any hour.",
            "每个号码任意一小时内发送验证码的上限。";
        PhoneSendsPerDay = "limits.phone.sends_per_day", phone_sends_per_day: u32 = 10, count(1, 1_000),
            "Most codes to one phone within any 24 hours.",
            "每个号码任意 24 小时内发送验证码的上限。";
        SmsPerDay = "limits.sms_per_day", sms_per_day: u32 = 10_000, count(1, 100_000_000),
            "Most codes in all per day.",
            "每日发送验证码的总上限。";
        SmsPerCountryDay = "limits.sms_per_country_day", sms_per_country_day: u32 = 50, count(1, 100_000_000),
            "Most codes to one country other than the default region's per day.",
            "每日向默认地区以外的单个国家/地区发送验证码的上限。";
        SmsPerPrefixDay = "limits.sms_per_prefix_day", sms_per_prefix_day: u32 = 0, count(0, 100_000_000),
            "Most codes to one number range (10,000 numbers) per day; 0 for no limit.",
            "每日向一个号段（1 万个号码）发送验证码的上限；0 表示不限。";
        @others {
            /// Sends to one phone within any [`FAILED_SENDS_SPAN`](crate::policy::FAILED_SENDS_SPAN) that failed; no
            /// setting.
            failed_sends_per_span: u32 = 6;
            /// Sends to one phone within any hour that failed; no setting.
            failed_sends_per_hour: u32 = 30;
            /// Requests that one client address may make.
            address: AddressLimits = AddressLimits::default();
        }
    }

    /// Requests that one client address may make, with higher limits for the networks around it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    AddressLimits in limits.address {
        AddressCodesPerHour = "limits.address.codes_per_hour", codes_per_hour: u32 = 30, count(0, 1_000_000),
            "Most code requests of one client address per hour; 0 for no limit.",
            "每个客户端地址每小时请求验证码的上限；0 表示不限。";
        AddressApplicationsPerHour = "limits.address.applications_per_hour", applications_per_hour: u32 = 60,
            count(0, 1_000_000),
            "Most applications of one client address per hour; 0 for no limit.",
            "每个客户端地址每小时申请的上限；0 表示不限。";
        AddressFailuresPerHour = "limits.address.failures_per_hour", failures_per_hour: u32 = 600, count(0, 1_000_000),
            "Most requests of one client address per hour without a valid signature or body; 0 for no limit.",
            "每个客户端地址每小时签名或内容无效的请求的上限；0 表示不限。";
    }

    /// The conditions for the block of a number range.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    BreakerPolicy in abuse.breaker {
        BreakerMode = "abuse.breaker.mode", mode: BreakerMode = BreakerMode::Shadow, mode(),
            "Mode of the fraud guard for number ranges whose codes are not used: off, shadow (list only) or on.",
            "防刷模式（针对验证码无人使用的号段）：off 关闭，shadow 仅列出，on 封禁。";
        BreakerMinSends = "abuse.breaker.min_sends", min_sends: u32 = 30, count(1, 1_000_000),
            "Codes sent to a number range before it is judged.",
            "判定一个号段前至少须发送的验证码数。";
        BreakerMinConversion = "abuse.breaker.min_conversion", min_conversion: u32 = 10, percent(),
            "Percentage of the codes of a number range that must be used.",
            "一个号段的验证码中必须被使用的百分比。";
        BreakerBlockFor = "abuse.breaker.block_for", block_for: Duration = 12 * HOUR, time(MINUTE, 30 * DAY),
            "Duration of a number range's block.",
            "号段的封禁时长。";
    }

    /// Codes: lifetime, resend, attempts.
    #[derive(Debug, Clone, PartialEq)]
    VerificationPolicy in verification {
        CodeTtl = "verification.code_ttl", code_ttl: Duration = 5 * MINUTE, time(MINUTE, DAY),
            "Lifetime of a code after each send.",
            "验证码每次发送后的有效期。";
        CodeCap = "verification.code_cap", code_cap: Duration = 10 * MINUTE, time(MINUTE, DAY),
            "Longest lifetime of a code, resends included.",
            "验证码含重发在内的最长有效期。";
        ResendAfter = "verification.resend_after", resend_after: Duration = MINUTE, time(Duration::ZERO, DAY),
            "Shortest interval between two code requests.",
            "再次获取验证码的最短间隔。";
        MaxTries = "verification.max_tries", max_tries: u32 = 5, count(1, 1_000),
            "Wrong attempts that invalidate a code.",
            "使验证码失效的输错次数。";
        MaxFailures = "verification.max_failures", max_failures: u32 = 100, count(1, 1_000_000),
            "Consecutive wrong attempts, over all codes, that lock a phone.",
            "锁定手机号的连续输错次数（跨验证码累计）。";
    }

    /// The trial itself.
    #[derive(Debug, Clone, PartialEq)]
    TrialPolicy in trial {
        TrialDuration = "trial.duration", duration: Duration = 30 * DAY, time(HOUR, 3_650 * DAY),
            "Duration of new trials.",
            "新试用的时长。";
        TrialGrace = "trial.grace", grace: Duration = 7 * DAY, time(Duration::ZERO, 3_650 * DAY),
            "Grace period: an expired trial is suspended for this long before it is closed.",
            "宽限期：试用到期后暂停多久再关闭。";
        Quarantine = "pool.quarantine", quarantine: Duration = 30 * DAY, time(Duration::ZERO, 3_650 * DAY),
            "Quarantine of the access codes of a closed tenant.",
            "已关闭租户的接入码的隔离时长。";
        LowWater = "pool.low_water", low_water: u64 = 20, count(0, 100_000_000),
            "Free access codes of a kind at or below which a warning is sent.",
            "某类空闲接入码不多于此数时告警。";
        @others {
            /// The fields that identify a customer.
            unique_by: UniqueBy = UniqueBy { phone: true, email: true, company: true };
            /// The times between the reminders and the end of a trial.
            reminders: Vec<Duration> = vec![7 * DAY, DAY];
        }
    }

    /// The daily e-mail limit.
    #[derive(Debug, Clone, PartialEq)]
    QuotaPolicy in quota {
        Threshold = "quota.threshold", threshold: u32 = 1_000, count(0, u32::MAX),
            "E-mails of each day, at most; 0 stops applications.",
            "每天的邮件上限；0 表示停止受理申请。";
        KeptForResends = "quota.kept_for_resends", kept_for_resends: u32 = 0, count(0, 100_000_000),
            "E-mails per day that are reserved for operators.",
            "每日为操作员保留的邮件数。";
        OwnerMails = "quota.owner_mails", owner_mails: Option<u32> = None, count(0, 100_000_000),
            "Most e-mails per day about owners' passwords; they do not count against the daily limit. `threshold/20` follows it.",
            "每日租户密码相关邮件的上限，不占用每日邮件上限；threshold/20 表示随其变化。";
        @others {
            /// The time zone of the day, which begins at 00:00.
            timezone: Tz = Tz::UTC;
        }
    }
}

/// The fields that identify a customer: two tenants in use must not share any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueBy {
    /// The phone.
    pub phone: bool,
    /// The e-mail address.
    pub email: bool,
    /// The company's name.
    pub company: bool,
}
