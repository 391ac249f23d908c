//! An engine with every part replaceable.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use trial_core::applications::{ApplyOutcome, ApplyRefusal, NoCodeReason};
use trial_core::error::LedgerError;
use trial_core::mails::{DueMail, MailKind};
use trial_core::planner::{Batch, Outcome, Planner};
use trial_core::ports::{
    Clock, Mailer, MockOutbox, MockSmsGateway, MockUpkeep, Outbox, SmsGateway, TrialLedger, Unexpected,
};
use trial_core::return_codes::ApplyReply;
use trial_core::tenants::{Tenant, TenantStatus};
use trial_core::values::{AccessCodeKind, Locale, MailId, Phone, TenantId};
use trial_core::verification::{CodeOutcome, CodeToSend, SendState};
use trial_engine::{Engine, EngineOptions, EngineParts, SmsRoute};
use trial_testkit::{FixedClock, RecordingMailer, SeededEntropy, data};

/// Parts that must not be used, except the ledger; each test replaces its own.
pub(crate) fn parts(ledger: impl TrialLedger + 'static) -> EngineParts {
    let mut outbox = MockOutbox::new();
    outbox.expect_claim().returning(|_, _| Ok(Vec::new()));
    let mut upkeep = MockUpkeep::new();
    upkeep.expect_due_tenants().returning(|_, _, _| Ok(Vec::new()));
    upkeep.expect_clock_mark().returning(|| Ok(None));
    upkeep.expect_mark_clock().returning(|_| Ok(()));
    upkeep.expect_warn().returning(|_| Ok(false));
    upkeep.expect_count_hours().returning(|_| Ok(false));
    upkeep.expect_end_rests().returning(|_, _, _| Ok(Vec::new()));
    EngineParts {
        ledger: Arc::new(TurnAtOnce(ledger)),
        screen: None,
        upkeep: Arc::new(upkeep),
        operations: Arc::new(trial_testkit::MemoryLedger::default()),
        prefixes: Arc::new(trial_testkit::MemoryLedger::default()),
        warning_readers: Vec::new(),
        outbox: Arc::new(outbox),
        gateways: vec![SmsRoute::everywhere(Arc::new(silent_gateway()))],
        mailer: Arc::new(RecordingMailer::default()),
        clock: Arc::new(FixedClock::default()),
        entropy: Arc::new(SeededEntropy::new(3)),
        planner: data::planner(),
        platform: None,
        time: None,
        privacy: None,
    }
}

/// A ledger that is ready at once, so that a mock need expect only the commit.
struct TurnAtOnce<L>(L);

#[async_trait]
impl<L: TrialLedger> TrialLedger for TurnAtOnce<L> {
    async fn commit(&self, batch: Arc<Batch>, planner: Arc<Planner>) -> Result<Vec<Outcome>, LedgerError> {
        self.0.commit(batch, planner).await
    }

    async fn check(&self) -> Result<(), LedgerError> {
        self.0.check().await
    }
}

/// A gateway that must only be asked for its name.
fn silent_gateway() -> MockSmsGateway {
    let mut gateway = MockSmsGateway::new();
    gateway.expect_name().return_const("mock");
    gateway.expect_send().times(0);
    gateway
}

pub(crate) fn with_gateway(parts: EngineParts, gateway: impl SmsGateway + 'static) -> EngineParts {
    EngineParts { gateways: vec![SmsRoute::everywhere(Arc::new(gateway))], ..parts }
}

pub(crate) fn with_mail(
    parts: EngineParts,
    outbox: impl Outbox + 'static,
    mailer: impl Mailer + 'static,
) -> EngineParts {
    EngineParts { outbox: Arc::new(outbox), mailer: Arc::new(mailer), ..parts }
}

/// Applies in the background.
pub(crate) fn apply(engine: &Engine, n: u32) -> JoinHandle<Result<ApplyReply, Unexpected>> {
    let service = engine.service();
    tokio::spawn(async move { service.apply(data::application(n, "000000")).await })
}

pub(crate) fn no_code() -> Outcome {
    Outcome::Apply(ApplyOutcome::Refused(ApplyRefusal::NoCode { reason: NoCodeReason::NeverSent }))
}

pub(crate) fn options() -> EngineOptions {
    EngineOptions::default()
}

pub(crate) fn now() -> DateTime<Utc> {
    FixedClock::default().now()
}

/// A decision to send a code to this phone.
pub(crate) fn decided_to_send(phone: &Phone) -> (Outcome, CodeToSend) {
    let entropy = SeededEntropy::new(4);
    let ids = trial_core::planner::FreshIds::new(now(), &entropy.draw());
    let code = CodeToSend {
        next_send_in: Some(std::time::Duration::from_mins(1)),
        would_block: None,
        code_request: ids.code_request,
        challenge: ids.challenge,
        phone: phone.clone(),
        code: data::keyring().current_code(ids.challenge, phone),
        expires_at: now() + std::time::Duration::from_secs(299),
        locale: Locale::En,
        is_test: false,
    };
    let outcome = CodeOutcome::Send { challenge: ids.challenge, state: SendState::Sending };
    (Outcome::SendCode(outcome, Some(code.clone())), code)
}

/// The account mail of the `n`-th applicant.
pub(crate) fn due_mail(n: u8) -> DueMail {
    let tenant = Tenant {
        id: TenantId::new(now(), [n; 10]),
        status: TenantStatus::Trial,
        phone: data::phone(n.into()),
        email: data::email(n.into()),
        company: data::company(n.into()),
        created_at: now(),
        trial_ends_at: now() + std::time::Duration::from_hours(30 * 24),
        key_id: "current".to_owned(),
        password_issue: 1,
        password_issued_at: now(),
        locale: Locale::En,
        converted_at: None,
        suspended_at: None,
        closes_at: None,
        closed_at: None,
        told_until: now(),
        next_step_at: None,
        conversion_asked_at: None,
    };
    DueMail {
        id: MailId::new(now(), [n; 10]),
        kind: MailKind::Account,
        to: tenant.email.clone(),
        locale: Locale::En,
        created_at: now(),
        attempts: 0,
        access_codes: BTreeMap::from([
            (AccessCodeKind::Voice, data::voice(n.into())),
            (AccessCodeKind::Multimedia, data::multimedia(n.into())),
        ]),
        detail: None,
        tenant: Some(tenant),
        superseded: false,
    }
}
