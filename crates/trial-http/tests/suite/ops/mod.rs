//! The operations interface, on a ledger in memory.

mod document;
mod entrance;
mod resources;
mod searches;

use actix_web::test::TestRequest;
use chrono::{DateTime, TimeDelta, Utc};
use trial_core::access_codes::AccessCodeState;
use trial_core::clients::{ApiClient, EncryptedSecret};
use trial_core::fraud_guard::{CountSpan, RangeBlock, SafeRange, SafeReason};
use trial_core::operators::{Operator, Role};
use trial_core::ports::{ApiClients as _, NumberRanges as _, Operators as _};
use trial_core::values::{ApplicationId, MailId, TenantId};
use trial_testkit::{FixedClock, LedgerHarness, MemoryLedger, data};

use crate::support::{Answer, Fixture, call};
use trial_http::{HttpSettings, Site};

/// One operator of each role; two tenants, one with a failed mail; one locked phone; a number range that would be
/// blocked, and a safe one; two API clients, one with a secret whose key is missing.
pub(crate) struct House {
    pub(crate) site: Site,
    pub(crate) ledger: MemoryLedger,
    pub(crate) clock: FixedClock,
    pub(crate) tenant: TenantId,
    pub(crate) application: ApplicationId,
    pub(crate) free_code: String,
    pub(crate) failed_mail: MailId,
    pub(crate) due_mail: MailId,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let ledger = MemoryLedger::default();
        let harness = LedgerHarness::new(ledger.clone()).with_access_codes(3).await;
        for (n, role) in (1..).zip(Role::ALL) {
            let operator = data::operator(n, &format!("{role}-one"), *role, harness.now());
            ledger.add_operator(operator, harness.operator()).await.unwrap();
        }
        let first = harness.join(1).await;
        harness.join(2).await;
        let mails: Vec<MailId> = ledger.state().mails.keys().copied().collect();
        let failed_mail =
            mails.iter().copied().find(|id| ledger.state().mails[id].record.tenant == Some(first)).unwrap();
        let due_mail = mails.into_iter().find(|id| *id != failed_mail).unwrap();
        ledger.change(|state| {
            let mail = state.mails.get_mut(&failed_mail).unwrap();
            mail.state = trial_core::mails::MailState::Failed;
            mail.last_reply = Some("550 no such mailbox".to_owned());
            state.phones.get_mut(&data::phone(1)).unwrap().failures = 100;
            state.prefix_blocks.insert(data::phone(1).prefix(), block(harness.now()));
        });
        let by = harness.operator();
        let safe = SafeRange {
            prefix: "+8618".parse().unwrap(),
            reason: SafeReason::parse("the numbers of a customer").unwrap(),
            at: by.at,
            actor: by.actor.clone(),
        };
        ledger.add_safe_prefix(safe, by).await.unwrap();
        let lost = EncryptedSecret { key_id: "gone".to_owned(), ..data::sealed_secret(7) };
        let shop = ApiClient { next_secret: Some(lost), ..data::caller(2, "shop", harness.now()) };
        for caller in [data::caller(1, "site", harness.now()), shop] {
            ledger.add_caller(caller, harness.operator()).await.unwrap();
        }
        let state = ledger.state();
        let application =
            *state.applications.iter().find(|(_, kept)| kept.application.phone == data::phone(1)).unwrap().0;
        let free = state.access_codes.iter().find(|(_, kept)| kept.state == AccessCodeState::Free);
        let free_code = free.unwrap().0.to_string();
        let clock = harness.clock.clone();
        let mut fixture = Fixture { ledger: ledger.clone(), clock: clock.clone(), ..Fixture::default() };
        change(&mut fixture.settings);
        fixture.health.expect_dependencies().returning(Vec::new);
        Self { site: fixture.site(), ledger, clock, tenant: first, application, free_code, failed_mail, due_mail }
    }

    /// Sends a request as an operator of this role.
    pub(crate) async fn ask(&self, role: Role, request: TestRequest) -> Answer {
        call(&self.site, shown(request, data::operator_token(number(role)).as_str())).await
    }

    pub(crate) async fn get(&self, role: Role, path: &str) -> Answer {
        self.ask(role, crate::support::get(path)).await
    }

    /// Actions of the audit after this many entries.
    pub(crate) fn done_since(&self, entries: usize) -> Vec<(String, &'static str, String)> {
        let audit = self.ledger.state().audit;
        audit.into_iter().skip(entries).map(|entry| (entry.actor, entry.action, entry.subject)).collect()
    }

    pub(crate) fn audited(&self) -> usize {
        self.ledger.state().audit.len()
    }

    pub(crate) fn change_operator(&self, role: Role, change: impl Fn(&mut Operator)) {
        let token = data::operator_token(number(role)).hash();
        self.ledger.change(|state| {
            state.operators.values_mut().filter(|operator| operator.token == token).for_each(&change);
        });
    }
}

/// A block that begins now.
fn block(since: DateTime<Utc>) -> RangeBlock {
    let until = since + TimeDelta::hours(12);
    RangeBlock { since, until, sent: 40, used: 1, met: 7, counted_after: CountSpan::of(since) }
}

/// A request with this token, and a request id that snapshots can show.
pub(crate) fn shown(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {token}"))).insert_header(("x-request-id", "asked"))
}

fn number(role: Role) -> u8 {
    role as u8 + 1
}
