//! An SQLite database with something in every table.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use tempfile::TempDir;
use trial_core::applications::{Application, ApplicationQuery};
use trial_core::clients::{ApiClientChange, ApiClientChanged, ApiClientName, SeenSignature};
use trial_core::fraud_guard::{SafeOutcome, SafeRange, SafeReason};
use trial_core::mails::{Lease, SettledAs, Settlement};
use trial_core::operators::{Operator, Role, SecretHash, Session};
use trial_core::platform::{EndpointId, EventClaim, EventSettledAs, EventSettlement};
use trial_core::policy::{Policy, SettingCommand, SettingKey, SettingValue, UniqueBy};
use trial_core::portal::{AttemptKind, PortalAttempt, PortalAttempts, PortalSession};
use trial_core::ports::{
    ApiClients, EventOutbox, NumberRanges, Operations, Operators, Outbox, Portal, Receipts, SettingsStore, Upkeep,
};
use trial_core::sms::{DeliveryReceipt, DeliveryState, GatewayReply};
use trial_core::tenants::{TenantOutcome, TenantPage};
use trial_core::values::{CompanyName, Email, LeaseId, Locale};
use trial_core::warnings::{NewWarning, Warning};
use trial_storage::{Move, PostgresOptions, SqliteLedger, SqliteOptions};
use trial_testkit::{LedgerHarness, data};

pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) options: SqliteOptions,
    pub(crate) harness: LedgerHarness<SqliteLedger>,
    /// Was accepted.
    pub(crate) accepted: Application,
    /// Would be, if it were sent.
    pub(crate) waiting: Application,
}

impl House {
    pub(crate) async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let busy_timeout = Duration::from_millis(500);
        let options = SqliteOptions { busy_timeout, ..SqliteOptions::new(dir.path().join("trialgate.db")) };
        SqliteLedger::migrate(&options).await.unwrap();
        let planner = data::planner_with(|policy| policy.platform_listens = true);
        let harness = LedgerHarness::with_planner(SqliteLedger::open(options.clone()).await.unwrap(), planner);
        let nobody = data::application(1, "none");
        Self { dir, options, harness, accepted: nobody.clone(), waiting: nobody }
    }

    pub(crate) async fn furnished() -> Self {
        Self::furnished_after(Duration::ZERO).await
    }

    /// One with all rows younger by this.
    pub(crate) async fn furnished_after(wait: Duration) -> Self {
        let mut house = Self::empty().await;
        house.harness.wait(wait);
        house.harness = house.harness.with_access_codes(9).await;
        house.customers().await;
        house.mails().await;
        house.hours().await;
        house.events().await;
        house.visitors().await;
        house.staff().await;
        house.callers().await;
        house.owners().await;
        house.prefixes().await;
        house
    }

    async fn customers(&mut self) {
        let harness = &self.harness;
        harness.set_threshold(100).await;
        self.accepted = Application {
            company: CompanyName::parse("\u{795e}\u{9a6c} \u{1F680} Straße e\u{301}").unwrap(),
            email: Email::parse("Ann.O'Neil+trial@Example.COM").unwrap(),
            locale: Locale::ZhCn,
            ..harness.prepared(1).await
        };
        assert_eq!(harness.apply_for_code(self.accepted.clone()).await, "000");
        for n in 2..=5 {
            harness.join(n).await;
        }
        harness.set_threshold(200).await;
        for value in [Some(SettingValue::Count(3)), None, Some(SettingValue::Count(4))] {
            let order = SettingCommand { key: SettingKey::MaxTries, value, seen: None };
            harness.ledger.change_setting(order, Arc::new(Policy::default()), harness.operator()).await.unwrap();
        }
    }

    /// One mail sent, one failed, one to be retried, one leased, and one waiting.
    async fn mails(&self) {
        let harness = &self.harness;
        let taken = lease(harness);
        let claimed = harness.ledger.claim(taken, 4).await.unwrap();
        let settled = [
            SettledAs::Sent { reply: "250 2.0.0 Ok".to_owned() },
            SettledAs::Failed { error: "550 no such \0 user".to_owned() },
            SettledAs::Retry {
                next_attempt_at: harness.now() + Duration::from_secs(10),
                error: "451 later".to_owned(),
            },
        ];
        let settled = claimed.iter().zip(settled).map(|(mail, settled_as)| Settlement {
            mail: mail.id,
            lease: taken.id,
            at: harness.now(),
            settled_as,
        });
        harness.ledger.settle(settled.collect()).await.unwrap();
    }

    /// The first hour has ended and is counted, and a pool runs low.
    async fn hours(&self) {
        let warning = Warning {
            day: self.harness.now().date_naive(),
            name: "quota.70".to_owned(),
            at: self.harness.now(),
            words: "70 of 100".to_owned(),
        };
        assert!(self.harness.ledger.warn(NewWarning { warning, mails: Vec::new() }).await.unwrap());
        let later = self.harness.now() + Duration::from_hours(1);
        assert!(!self.harness.ledger.count_hours(later).await.unwrap());
    }

    /// One event delivered, one given up, one whose endpoint is gone, and two waiting.
    async fn events(&self) {
        let harness = &self.harness;
        let (endpoint, taken) = (EndpointId::of_url("https://platform.example.com/hooks"), lease(harness));
        let claim = harness.ledger.claim_events(endpoint.clone(), taken, 4).await.unwrap();
        let EventClaim::Due(claimed) = claim else { panic!("the endpoint is not gone") };
        let settled = [
            EventSettledAs::Sent { reply: "200".to_owned() },
            EventSettledAs::Failed { error: "400 \0".to_owned() },
            EventSettledAs::Gone { reply: "410".to_owned() },
        ];
        let settled = claimed.iter().zip(settled).map(|(due, settled_as)| EventSettlement {
            event: due.event.id,
            lease: taken.id,
            at: harness.now(),
            settled_as,
        });
        harness.ledger.settle_events(endpoint, settled.collect()).await.unwrap();
    }

    async fn visitors(&mut self) {
        let harness = &self.harness;
        let refused = harness.ask(&data::phone(6)).await.unwrap();
        harness.report(&refused, GatewayReply::Refused { reason: "no \0 route \u{FFFF}".to_owned() }).await;
        harness.ask(&data::phone(7)).await.unwrap();
        let unknown = harness.ask(&data::foreign_phone(1)).await.unwrap();
        harness.report(&unknown, GatewayReply::Unknown { reason: "timeout".to_owned() }).await;
        assert!(harness.ask(&data::phone(7)).await.is_err());
        assert_eq!(harness.apply_for_code(data::application(7, "wrong")).await, "002");
        assert_eq!(harness.apply_for_code(data::application(6, "wrong")).await, "001");
        assert_eq!(harness.apply_for_code(self.accepted.clone()).await, "000");
        harness.ledger.unlock_phone(data::phone(7), harness.operator()).await.unwrap();
        let known = Application { company: data::company(2), ..harness.prepared(10).await };
        let told = DeliveryReceipt {
            gateway: "scripted".to_owned(),
            provider_id: "provider-1".to_owned(),
            state: DeliveryState::Failed,
            reason: Some("status \0 UNDELIV".to_owned()),
            at: harness.now(),
        };
        assert!(harness.ledger.record_receipt(told).await.unwrap());
        assert_eq!(harness.apply_for_code(known).await, "004");
        self.waiting = harness.prepared(8).await;
    }

    /// One operator signed in, and one revoked.
    async fn staff(&self) {
        let (ledger, now) = (&self.harness.ledger, self.harness.now());
        let [ada, bob] = [(1, "Ada", Role::Admin), (2, "bob", Role::Viewer)]
            .map(|(n, name, role)| data::operator(n, name, role, now));
        let bob = Operator { expires_at: Some(now + Duration::from_hours(1)), ..bob };
        for operator in [&ada, &bob] {
            ledger.add_operator(operator.clone(), self.harness.operator()).await.unwrap();
        }
        let session = Session::begin(SecretHash::from_bytes([3; 32]), &ada, now);
        assert!(ledger.begin_session(session, self.harness.operator()).await.unwrap());
        assert!(ledger.revoke_operator(bob.name, self.harness.operator()).await.unwrap());
    }

    /// One client with two secrets, one removed, and a signature seen.
    async fn callers(&self) {
        let (ledger, now) = (&self.harness.ledger, self.harness.now());
        for (n, name) in [(1, "Site"), (2, "shop")] {
            ledger.add_caller(data::caller(n, name, now), self.harness.operator()).await.unwrap();
        }
        let changes = [
            ("Site", ApiClientChange::Rotate(data::sealed_secret(3))),
            ("Site", ApiClientChange::Suspend),
            ("shop", ApiClientChange::Remove),
        ];
        for (name, change) in changes {
            let name = ApiClientName::parse(name).unwrap();
            let outcome = ledger.change_caller(name, change, self.harness.operator()).await.unwrap();
            assert!(matches!(outcome, ApiClientChanged::Done(_)), "{outcome:?}");
        }
        let seen = SeenSignature::new([7; 32], now);
        assert_eq!(ledger.remember_signatures(vec![seen], now).await.unwrap(), [true]);
    }

    /// One range is blocked, and one is safe.
    async fn prefixes(&self) {
        let by = self.harness.operator();
        let (prefix, reason) = ("+8613".parse().unwrap(), SafeReason::parse("\u{5ba2}\u{6237}").unwrap());
        let safe = SafeRange { prefix, reason, at: by.at, actor: by.actor.clone() };
        assert_eq!(self.harness.ledger.add_safe_prefix(safe, by).await.unwrap(), SafeOutcome::Added);
        let block = "INSERT INTO prefix_blocks (prefix, since, until, sent, used, met, counted_after) \
            VALUES (861667328, 1, 2, 40, 1, 3, -1)";
        self.connect().batch_execute(block).unwrap();
    }

    async fn owners(&self) {
        let (ledger, now) = (&self.harness.ledger, self.harness.now());
        let tenant = ledger.tenants(first_page()).await.unwrap().remove(0).tenant.id;
        let account = ledger.portal_account(tenant).await.unwrap().unwrap();
        let (account, own) = account.with_own_password("$argon2id$".to_owned(), now);
        let session = PortalSession::begin(SecretHash::from_bytes([4; 32]), &account, now);
        assert!(matches!(self.harness.set_password(own, session).await, TenantOutcome::Done(_)));
        let one = PortalAttempt::new(AttemptKind::SignIn, "admin@example", "192.0.2.1", now, &data::keyring());
        let tries = ledger.count_portal_try(one).await.unwrap();
        assert_eq!(tries, PortalAttempts { account: 1, address: 1 });
    }

    pub(crate) fn moving(&self, to: &PostgresOptions, chunk: u32) -> Move {
        Move { chunk, ..Move::new(self.options.clone(), to.clone(), unique_by()) }
    }

    pub(crate) fn connect(&self) -> SqliteConnection {
        let mut conn = SqliteConnection::establish(self.options.path.to_str().unwrap()).unwrap();
        conn.batch_execute("PRAGMA busy_timeout = 2000").unwrap();
        conn
    }

    /// Every row of every table, as text, for any tables and columns; sorted. PostgreSQL's texts hold no NUL.
    pub(crate) fn contents(&self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            line: String,
        }
        let mut conn = self.connect();
        let mut lines = |sql: &str| -> Vec<String> {
            let lines: Vec<Line> = diesel::sql_query(sql).load(&mut conn).unwrap();
            lines.into_iter().map(|line| line.line.replace('\0', "\u{FFFD}")).collect()
        };
        let tables = lines(
            "SELECT name AS line FROM sqlite_schema
                WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ('moved_to', 'clock_marks') AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
        );
        let mut contents = Vec::new();
        for table in tables {
            let columns = lines(&format!("SELECT name AS line FROM pragma_table_info('{table}') ORDER BY name"));
            let text = |column: &String| {
                format!(
                    "'{column}=' || CASE typeof({column}) WHEN 'blob' THEN '\\x' || lower(hex({column}))
                        WHEN 'null' THEN 'NULL' ELSE {column} END"
                )
            };
            let columns: Vec<String> = columns.iter().map(text).collect();
            contents
                .extend(lines(&format!("SELECT '{table} ' || {} AS line FROM {table}", columns.join(" || ' ' || "))));
        }
        contents.sort_unstable();
        contents
    }
}

pub(crate) fn unique_by() -> UniqueBy {
    Policy::default().trial.unique_by
}

pub(crate) fn first_page() -> TenantPage {
    TenantPage { before: None, limit: 100 }
}

pub(crate) fn lease<L>(harness: &LedgerHarness<L>) -> Lease
where
    L: trial_core::ports::TrialLedger,
{
    let now = harness.now();
    Lease {
        id: LeaseId::new(now, harness.entropy.draw()),
        now,
        until: now + Duration::from_mins(2),
        horizon: now + Duration::from_hours(1),
    }
}

/// Everything that operators can see of it.
pub(crate) async fn seen(ledger: &impl Operations) -> Vec<String> {
    fn show(view: impl Debug) -> String {
        format!("{view:#?}")
    }
    let day = trial_testkit::FixedClock::default();
    let day = trial_core::ports::Clock::now(&day).date_naive();
    let mut seen = vec![
        show(ledger.access_code_stock().await.unwrap()),
        show(ledger.quota(day).await.unwrap()),
        show(ledger.tenants(first_page()).await.unwrap()),
        show(ledger.violations(unique_by()).await.unwrap()),
    ];
    let phones = (1..=10).map(data::phone).chain([data::foreign_phone(1)]);
    for (n, phone) in phones.enumerate() {
        let n = u32::try_from(n).unwrap();
        seen.push(show(ledger.phone_failures(phone.clone()).await.unwrap()));
        for query in [
            ApplicationQuery::Phone(phone),
            ApplicationQuery::Email(data::email(n).key().clone()),
            ApplicationQuery::RequestId(data::request_id(&format!("apply-{n}"))),
        ] {
            seen.push(show(ledger.find_applications(query, 100).await.unwrap()));
        }
    }
    seen.push(show(ledger.find_applications(ApplicationQuery::RequestId(data::request_id("ask")), 100).await.unwrap()));
    // PostgreSQL's texts hold no NUL.
    seen.into_iter().map(|text| text.replace("\\0", "\u{FFFD}")).collect()
}
