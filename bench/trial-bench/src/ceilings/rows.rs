//! The rows that an accepted application stores, as records of the core: a new column of one of them reaches the
//! ceilings with the service.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use trial_core::access_codes::AccessCodeLease;
use trial_core::applications::{Application, ApplicationRecord, ApplyOutcome};
use trial_core::audit::AuditRecord;
use trial_core::mails::{MailKind, MailRecord};
use trial_core::planner::Effects;
use trial_core::quota::{MailBudget, QuotaUnit, QuotaUse};
use trial_core::tenants::{Tenant, TenantStatus};
use trial_core::values::{
    AccessCode, AccessCodeKind, ApplicationId, AuditId, ChallengeId, CompanyName, Email, Locale, MailId, Phone,
    RequestId, SubmittedCode, TenantId,
};
use trial_core::verification::{Challenge, ChallengeState};

use crate::applicants::{phone, scattered};

/// Microseconds since 1970, as `sql/` has it too.
const NOW: i64 = 1_800_000_000_000_000;
/// More than a run writes.
const THRESHOLD: u32 = 100_000_000;

/// The effects of one batch: these applications, all accepted.
pub(super) fn effects(numbers: &[u32]) -> anyhow::Result<Effects> {
    let mut effects = Effects::default();
    for &number in numbers {
        accept(number, &mut effects)?;
    }
    let reserved = numbers.last().map_or(0, |last| last + 1);
    effects.quota_use = Some(QuotaUse { day: day(), reserved, owner_mails: 0 });
    Ok(effects)
}

/// The code of an applicant, before it is used.
pub(super) fn challenge(number: u32) -> Challenge {
    Challenge {
        id: ChallengeId::from_bytes(id(1, number)),
        phone: phone_of(number),
        key_id: "bench".to_owned(),
        made_at: now(),
        expires_at: now() + TimeDelta::minutes(5),
        tries: 0,
        state: ChallengeState::Open,
        proven_at: None,
    }
}

/// The access codes of an applicant.
pub(super) fn codes(number: u32) -> [(AccessCodeKind, AccessCode); 2] {
    [
        (AccessCodeKind::Voice, AccessCode::from_stored(&format!("400{number:07}"))),
        (AccessCodeKind::Multimedia, AccessCode::from_stored(&format!("chat-{number:07}"))),
    ]
}

/// The time of everything.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(NOW).unwrap_or_default()
}

fn day() -> NaiveDate {
    now().date_naive()
}

fn phone_of(number: u32) -> Phone {
    Phone::from_canonical(&format!("+86{}", phone(number)), 86)
}

fn accept(number: u32, effects: &mut Effects) -> anyhow::Result<()> {
    let who = scattered(number);
    let (company, email) = (format!("Company {who}"), format!("applicant{who}@example.com"));
    let company = CompanyName::from_stored(&company, &company.to_lowercase());
    let email = Email::from_stored(&email, &email);
    let tenant = TenantId::from_bytes(id(2, number));
    let request_id = RequestId::from_stored(&format!("01890a5d-ac96-774b-bcce-{number:012x}"));
    let challenge = challenge(number);
    let locale = Locale::of_phone(&challenge.phone);
    effects.applications.push(ApplicationRecord {
        id: ApplicationId::from_bytes(id(4, number)),
        at: now(),
        application: Application {
            request_id: request_id.clone(),
            company: company.clone(),
            phone: phone_of(number),
            code: SubmittedCode::parse("123456")?,
            email: email.clone(),
            locale,
            agreed: None,
        },
        challenge: Some(challenge.id),
        outcome: ApplyOutcome::Accepted { tenant },
    });
    effects.challenges.push(Challenge { expires_at: now(), state: ChallengeState::Consumed, ..challenge });
    effects.leases.extend(codes(number).map(|(kind, code)| AccessCodeLease { code, kind, tenant, at: now() }));
    effects.mails.push(MailRecord {
        id: MailId::from_bytes(id(3, number)),
        kind: MailKind::Account,
        tenant: Some(tenant),
        to: email.clone(),
        locale,
        created_at: now(),
        quota: Some(QuotaUnit { budget: MailBudget::Threshold, day: day(), unit: number + 1, threshold: THRESHOLD }),
        detail: None,
    });
    effects.audit.push(AuditRecord {
        id: AuditId::from_bytes(id(5, number)),
        at: now(),
        actor: "applicant".to_owned(),
        action: "tenant.create",
        subject: tenant.to_string(),
        detail: format!("application {request_id}"),
    });
    effects.tenants.push(Tenant {
        id: tenant,
        status: TenantStatus::Trial,
        phone: phone_of(number),
        email,
        company,
        created_at: now(),
        trial_ends_at: now() + TimeDelta::days(30),
        key_id: "bench".to_owned(),
        password_issue: 1,
        password_issued_at: now(),
        locale,
        converted_at: None,
        suspended_at: None,
        closes_at: None,
        closed_at: None,
        conversion_asked_at: None,
        told_until: now(),
        next_step_at: Some(now() + TimeDelta::days(23)),
    });
    Ok(())
}

/// 16 bytes that grow with `n`, as ids of version 7 grow with time, and differ by kind.
fn id(kind: u8, n: u32) -> [u8; 16] {
    let mut id = [kind; 16];
    id[..8].copy_from_slice(&(u64::from(n) << 16).to_be_bytes());
    id
}
