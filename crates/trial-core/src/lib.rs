//! The rules of one-click trials, as a pure function over a batch.
//!
//! A request is parsed into a [`Request`], waits in a [`Batch`] with everyone else who arrived meanwhile, and is decided by
//! [`Planner::plan`] against the [`Facts`] that storage loaded for the batch's [`FactKeys`]. The [`Plan`] says what to answer
//! ([`Outcome`]) and what to store ([`Effects`]).
//!
//! Where to find the rule behind a return code: [`planner`] holds one file for each request kind, and each
//! decides in the order of the published table.
//!
//! This crate has no clock, no entropy, no I/O and no runtime: time and fresh ids arrive in the batch.

mod abuse;
mod access_code_file;
pub mod advice;
mod altcha;
mod audit;
mod batch;
mod callers;
mod care;
mod clock_gap;
mod consent;
mod error;
mod facts;
mod guard;
mod keyring;
mod life;
mod mail;
mod operations;
mod operators;
mod outcome;
mod plan;
pub mod planner;
mod platform;
mod policy;
mod pool;
mod portal;
pub mod ports;
mod receipts;
mod records;
mod redaction;
mod return_code;
mod searches;
mod settings;
mod sms;
mod story;
pub(crate) mod values;
mod warnings;

pub use abuse::{
    AbusePolicy, BlockedPrefix, BreakerMode, BreakerPolicy, CountSpan, JudgedSpans, MAX_SAFE_PREFIXES, MOST_BLOCKS,
    PREFIX_COUNTS_KEEP, PrefixBlock, PrefixBlockRecord, PrefixBounds, PrefixCount, PrefixCounts, PrefixOutlook,
    SafeOutcome, SafePrefix, SafeReason, SafeReasonError, prefix_outlook,
};
pub use access_code_file::{AccessCodeFile, AccessCodeFileError, FileHeader};
pub use altcha::{ALTCHA_COST, AltchaChallenge, AltchaCost, CHALLENGE_LIVES};
pub use audit::{ACTORS, APPLICANT, AuditEntry, AuditQuery, SERVICE, VISITOR};
pub use batch::{Application, Batch, CodeRequest, FactKeys, FreshIds, Request, SendReport};
pub use callers::{
    Caller, CallerAdded, CallerChange, CallerChanged, CallerCredentials, CallerLimits, CallerName, CallerRefusal,
    CallerSecret, CallerStatus, DEFAULT_CALLER_RATE, EntranceRefusal, MAX_CALLER_RATE, Resealed, SIGNATURE_KEEPS,
    Scope, SealState, SealedSecret, SeenSignature, callers_in_use, reseal_callers,
};
pub use care::{
    Compaction, ERASED, ERASED_EMAIL, Expired, Expiring, ExpiryPage, Forgotten, MIN_RETENTION, Person, PersonData,
    Retention,
};
pub use clock_gap::{ClockGap, MAX_CLOCK_GAP};
pub use consent::{Agreement, Terms};
pub use error::LedgerError;
pub use facts::{
    AcceptedApplication, Facts, HeldCode, LifeFacts, PastSend, PhoneFacts, PoolFacts, PrefixFacts, PrefixesFacts,
    QuotaFacts, TenantFact,
};
pub use guard::{GuardUnusable, GuardVerdict, ProofRefusal};
pub use keyring::{InitialPassword, Keyring, KeyringError, SecretKey, VerificationCode};
pub use life::{
    DueTenant, LifeChange, LifeOrder, LifeOutcome, LifeRefusal, MAX_EXTENSION, MIN_PASSWORD_LIFE_LEFT, NOTICE_KEEPS,
    NOTICE_WAITS, Notice, TenantOrder,
};
pub use mail::{
    AccountMail, ComposeError, DeliveryError, DueMail, Lease, LifeMail, MailContent, MailRetry, OutgoingMail,
    PasswordChangedMail, PasswordMail, SettledAs, Settlement,
};
pub use operations::{
    AccessCodeImport, AccessCodePage, AccessCodeStock, AccessCodeView, ApplicationQuery, ApplicationSearch,
    ApplicationView, BudgetView, ChangedBy, CodeRequestView, HourCount, ImportPlan, MailAttempt, MailPage, MailQueue,
    MailRetried, MailView, OutboxMail, QuotaView, RefusedAccessCode, RefusedMail, RepeatedAccessCode, TenantPage,
    TenantSearch, TenantView, ThresholdChange, TimelineView, Violation, retried_words,
};
pub use operators::{
    Access, CsrfToken, FAILED_SIGN_INS_PER_HOUR, Operator, OperatorAdded, OperatorName, OperatorNameError,
    OperatorToken, Permission, PortalSecret, REVEALS_PER_HOUR, Role, SESSION_IDLE, SESSION_LIFETIME,
    SESSIONS_PER_OPERATOR, SIGN_INS_PER_HOUR, SecretHash, Session, SessionSecret, SignedIn, Standing, Visitor,
};
pub use outcome::{
    ApplyOutcome, ApplyRefusal, BudgetScope, CodeOutcome, CodeRefusal, CodeToSend, NoCodeReason, Outcome, SharedField,
};
pub use plan::{Effects, Plan, Screened, SendUpdate};
pub use planner::Planner;
pub use platform::{
    DueEvent, EVENT_RETRIES, EVENT_RETRY_CAP, EndpointId, EventClaim, EventPage, EventQueue, EventSettledAs,
    EventSettlement, EventState, EventView, PlatformEvent, PlatformEventKind, TellError,
};
pub use policy::{
    ACCOUNT_PASSWORD_VALID_DAYS, AddressLimits, CLOCK_SKEW, CODE_DIGITS, FAILED_SENDS_SPAN, Limits, MIN_LIFE_LEFT,
    PhonePolicy, Policy, QuotaPolicy, REPLAY_WINDOW, TestNumber, TrialPolicy, UniqueBy, VerificationPolicy,
};
pub use pool::{FreedCode, PoolOrder, PoolOutcome, PoolOutlook, RestOver, USE_DAYS, pool_outlook};
pub use portal::{
    MAX_PASSWORD, MIN_PASSWORD, NewPassword, OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, OwnPassword, OwnerActs,
    PORTAL_LINK_LIVES, PORTAL_LINKS_PER_ACCOUNT, PORTAL_LINKS_PER_ADDRESS, PORTAL_SESSION_IDLE,
    PORTAL_SESSION_LIFETIME, PORTAL_TRIES_PER_ACCOUNT, PORTAL_TRIES_PER_ADDRESS, PasswordChange, PasswordDigest,
    PasswordError, PortalAccount, PortalLink, PortalLinkClaim, PortalSession, PortalTries, PortalTry, TryKind,
    normalized_password,
};
pub use receipts::{Delivery, DeliveryReceipt, DeliveryState, PROVIDER_ID_LENGTH, UnreadableReceipt};
pub use records::{
    AccessCodeLease, AccessCodeMove, AccessCodeState, ApplicationRecord, AuditRecord, Challenge, ChallengeState,
    CodeRequestRecord, MailBudget, MailKind, MailRecord, MailState, PhoneRecord, QuotaUnit, QuotaUse, SendState,
    SmsDay, Tenant, TenantStatus,
};
pub use redaction::{Redaction, UrlError, check_url, shown_url};
pub use return_code::{ApplyCode, ApplyReply, CodeReply, SendCode};
pub use searches::{CLIENT_MISSES_PER_HOUR, Filter, PERSON_SEARCHED, PersonSearch, PersonalFilter, SearchOutcome};
pub use settings::{
    Overrides, PolicyFault, PolicyInForce, SettingChange, SettingError, SettingKey, SettingOrder, SettingOutcome,
    SettingRefusal, SettingValue, SettingsInForce,
};
pub use sms::{GatewayReply, GatewayUnusable, ServedCountries, SmsMessage};
pub use story::{StoryEntry, StorySources};
pub use values::{
    AccessCode, AccessCodeError, AccessCodeKind, ApplicationId, AuditId, CallerId, ChallengeId, CodeRequestId,
    CompanyError, CompanyKey, CompanyName, Email, EmailError, EmailKey, EventId, Lasting, LastingError, LeaseId,
    Locale, MailHosts, MailId, OperatorId, Phone, PhoneError, PhonePrefix, PhonePrefixError, RequestId, ServedCountry,
    SubmittedCode, SubmittedCodeError, TenantId, UnknownName,
};
pub use warnings::{QUOTA_LEVELS, REFUSALS_WITHIN, Warning, WarningToTell, refusal_warnings, warnings};
