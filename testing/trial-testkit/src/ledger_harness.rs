//! The harness of tests that decide on a ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use trial_core::applications::{Application, ApplyOutcome};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::planner::{Batch, Outcome, Planner, Request};
use trial_core::policy::{Policy, SettingCommand, SettingKey, SettingOutcome, SettingValue};
use trial_core::portal::{OwnPassword, PasswordChange, PortalSession};
use trial_core::ports::{Clock, Operations, Screen, SettingsStore, TrialLedger};
use trial_core::quota::QuotaView;
use trial_core::return_codes::ApplyReply;
use trial_core::sms::GatewayReply;
use trial_core::tenants::{TenantAction, TenantChange, TenantCommand, TenantOutcome};
use trial_core::values::{Phone, TenantId};
use trial_core::verification::{CodeOutcome, CodeRefusal, CodeRequest, CodeToSend, SendReport};

use crate::data::{access_codes, application, batch, changed_by, code_request, phone, planner};
use crate::{FixedClock, SeededEntropy};

/// A harness for a test's applicants: a ledger, a planner and a clock, and the codes sent to their phones.
#[derive(Debug)]
pub struct LedgerHarness<L> {
    /// The ledger.
    pub ledger: Arc<L>,
    /// Its clock.
    pub clock: FixedClock,
    /// Its ids.
    pub entropy: SeededEntropy,
    planner: Arc<Planner>,
    phones: Mutex<BTreeMap<Phone, CodeToSend>>,
}

/// Sets the daily e-mail limit.
///
/// # Errors
/// Those of the ledger.
pub async fn set_threshold(settings: &impl SettingsStore, threshold: u32, by: ChangedBy) -> Result<(), LedgerError> {
    let value = Some(SettingValue::Count(threshold));
    let order = SettingCommand { key: SettingKey::Threshold, value, seen: None };
    let outcome = settings.change_setting(order, Arc::new(Policy::default()), by).await?;
    assert!(!matches!(outcome, SettingOutcome::Refused(_)), "a limit that leaves something to applications");
    Ok(())
}

impl<L: TrialLedger + SettingsStore + Operations> LedgerHarness<L> {
    /// Sets the daily e-mail limit.
    pub async fn set_threshold(&self, threshold: u32) {
        set_threshold(&*self.ledger, threshold, self.operator()).await.expect("the ledger can be used");
    }

    /// A day of the daily e-mail limit, under the settings in force.
    pub async fn quota(&self, day: NaiveDate) -> QuotaView {
        let settings = self.ledger.settings().await.expect("the ledger can be used");
        let used = self.ledger.quota(day).await.expect("the ledger can be used");
        used.under(&settings.overrides.policy(self.planner.policy()).quota)
    }
}

impl<L: TrialLedger> LedgerHarness<L> {
    /// A harness that decides by the default policy.
    pub fn new(ledger: L) -> Self {
        Self::with_planner(ledger, planner())
    }

    /// A harness that decides by this planner.
    pub fn with_planner(ledger: L, planner: Arc<Planner>) -> Self {
        Self {
            ledger: Arc::new(ledger),
            clock: FixedClock::default(),
            entropy: SeededEntropy::new(7),
            planner,
            phones: Mutex::default(),
        }
    }

    /// Decides by another planner from now on.
    pub fn set_planner(&mut self, planner: Arc<Planner>) {
        self.planner = planner;
    }

    /// The time on the clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the clock forward.
    pub fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// The author of a change now.
    pub fn operator(&self) -> ChangedBy {
        changed_by(self.now(), &self.entropy)
    }

    /// A batch of these requests, now.
    pub fn batch(&self, requests: impl IntoIterator<Item = Request>) -> Arc<Batch> {
        Arc::new(batch(self.now(), &self.entropy, requests))
    }

    /// Commits a batch; records the codes to be sent.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn try_commit(&self, batch: Arc<Batch>) -> Result<Vec<Outcome>, LedgerError> {
        let length = batch.requests.len();
        let outcomes = self.ledger.commit(batch, Arc::clone(&self.planner)).await?;
        assert_eq!(outcomes.len(), length, "one outcome for each request");
        for outcome in &outcomes {
            if let Outcome::SendCode(_, Some(to_send)) = outcome {
                let mut phones = self.phones.lock().expect("no panic in here");
                phones.insert(to_send.phone.clone(), to_send.clone());
            }
        }
        Ok(outcomes)
    }

    /// Commits these requests together.
    pub async fn commit(&self, requests: impl IntoIterator<Item = Request>) -> Vec<Outcome> {
        self.try_commit(self.batch(requests)).await.expect("the ledger can be used")
    }

    async fn decide(&self, request: Request) -> Outcome {
        self.commit([request]).await.remove(0)
    }

    /// Asks for a code, without a gateway's reply.
    ///
    /// # Errors
    /// The refusal by a rule.
    pub async fn ask(&self, phone: &Phone) -> Result<CodeToSend, CodeRefusal> {
        self.request_code(code_request(phone)).await
    }

    /// Asks for a code, without a gateway's reply.
    ///
    /// # Errors
    /// The refusal by a rule.
    pub async fn request_code(&self, asked: CodeRequest) -> Result<CodeToSend, CodeRefusal> {
        match self.decide(Request::SendCode(asked)).await {
            Outcome::SendCode(CodeOutcome::Send { .. }, Some(to_send)) => Ok(to_send),
            Outcome::SendCode(CodeOutcome::Refused(refusal), None) => Err(refusal),
            other => panic!("an answer to a request for a code, not {other:?}"),
        }
    }

    /// The report of the gateway's reply, to be recorded.
    pub fn report_of(&self, sent: &CodeToSend, reply: GatewayReply) -> Request {
        Request::SendReport(SendReport {
            code_request: sent.code_request,
            phone: sent.phone.clone(),
            challenge: sent.challenge,
            gateway: "scripted".to_owned(),
            reply,
        })
    }

    /// Records the gateway's reply.
    pub async fn report(&self, sent: &CodeToSend, reply: GatewayReply) {
        assert_eq!(self.decide(self.report_of(sent, reply)).await, Outcome::SendReport);
    }

    /// Asks for a code that is sent and accepted.
    pub async fn send(&self, phone: &Phone) -> CodeToSend {
        let sent = self.ask(phone).await.expect("a code is sent");
        self.report(&sent, GatewayReply::Accepted { provider_id: Some("provider-1".to_owned()) }).await;
        sent
    }

    /// The code that the phone got last.
    pub fn code_on(&self, phone: &Phone) -> String {
        let phones = self.phones.lock().expect("no panic in here");
        phones.get(phone).expect("a code was sent").code.reveal().to_owned()
    }

    /// Applies for a trial.
    pub async fn apply(&self, application: Application) -> ApplyOutcome {
        match self.decide(Request::Apply(application)).await {
            Outcome::Apply(outcome) => outcome,
            other => panic!("an answer to an application, not {other:?}"),
        }
    }

    /// Applies for a trial; returns the published return code.
    pub async fn apply_for_code(&self, application: Application) -> &'static str {
        ApplyReply::from(&self.apply(application).await).code.as_str()
    }

    /// Decides a command about a tenant.
    pub async fn order(&self, tenant: TenantId, order: TenantAction) -> TenantOutcome {
        let order = TenantCommand { tenant, order, actor: "operator".to_owned() };
        match self.decide(Request::Tenant(order)).await {
            Outcome::Tenant(outcome) => outcome,
            other => panic!("an answer to a command, not {other:?}"),
        }
    }

    /// Decides a command that is accepted.
    pub async fn change(&self, tenant: TenantId, order: TenantAction) -> TenantChange {
        let what = order.action();
        match self.order(tenant, order).await {
            TenantOutcome::Done(change) => change,
            TenantOutcome::Refused(refusal) => panic!("{what} is accepted, not refused: {refusal}"),
        }
    }

    /// An owner sets a password at the portal.
    pub async fn set_password(&self, own: OwnPassword, session: PortalSession) -> TenantOutcome {
        self.order(own.tenant, by_owner(own, session, false)).await
    }

    /// An owner sets a password by a mailed link.
    pub async fn set_password_by_link(&self, own: OwnPassword, session: PortalSession) -> TenantOutcome {
        self.order(own.tenant, by_owner(own, session, true)).await
    }

    /// The `n`-th applicant's application, with the code that is sent for it now.
    pub async fn prepared(&self, n: u32) -> Application {
        self.send(&phone(n)).await;
        application(n, &self.code_on(&phone(n)))
    }

    /// The `n`-th applicant gets a tenant.
    pub async fn join(&self, n: u32) -> TenantId {
        match self.apply(self.prepared(n).await).await {
            ApplyOutcome::Accepted { tenant } => tenant,
            other => panic!("a tenant, not {other:?}"),
        }
    }

    /// The phone of the `n`-th applicant submits this many wrong codes, and gets new ones as needed.
    pub async fn try_wrong(&self, n: u32, times: u32) {
        let mut left = times;
        while left > 0 {
            if self.apply_for_code(application(n, "wrong")).await == "002" {
                left -= 1;
            } else {
                self.wait(Duration::from_hours(24));
                self.send(&phone(n)).await;
            }
        }
    }
}

/// The command by which an owner sets a password.
pub(crate) fn by_owner(own: OwnPassword, session: PortalSession, by_link: bool) -> TenantAction {
    TenantAction::SetPassword(Box::new(PasswordChange { own, session, by_link }))
}

impl<L: TrialLedger + Screen> LedgerHarness<L> {
    /// Pre-screens a batch.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn try_screen(&self, batch: Arc<Batch>) -> Result<Vec<Option<Outcome>>, LedgerError> {
        let length = batch.requests.len();
        let outcomes = self.ledger.screen(batch, Arc::clone(&self.planner)).await?;
        assert_eq!(outcomes.len(), length, "one answer for each request");
        Ok(outcomes)
    }

    /// Pre-screens these requests together.
    pub async fn screen(&self, requests: impl IntoIterator<Item = Request>) -> Vec<Option<Outcome>> {
        self.try_screen(self.batch(requests)).await.expect("the ledger can be used")
    }
}

impl<L: TrialLedger + Operations> LedgerHarness<L> {
    /// A harness with this many free access codes of each kind.
    pub async fn with_access_codes(self, pairs: u32) -> Self {
        let import = self.ledger.import_access_codes(access_codes(pairs), false, self.operator());
        assert_eq!(import.await.expect("the ledger can be used").refused, []);
        self
    }
}
