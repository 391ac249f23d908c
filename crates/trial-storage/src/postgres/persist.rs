//! Stores the effects of a plan: all of them by one statement, whatever the number of tables and rows.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::{try_join_all, try_join3};
use trial_core::access_codes::{AccessCodeLease, AccessCodeMove, AccessCodeState};
use trial_core::applications::ApplicationRecord;
use trial_core::audit::AuditRecord;
use trial_core::error::LedgerError;
use trial_core::fraud_guard::{RangeBlockRecord, RangeCount};
use trial_core::mails::MailRecord;
use trial_core::planner::Effects;
use trial_core::quota::QuotaUse;
use trial_core::values::{AccessCode, AccessCodeKind, TenantId};
use trial_core::verification::{Challenge, PhoneRecord, SendUpdate, SmsDay};

use super::fault::Trouble;
use super::guard::Decided;
use super::load::Loaded;
use super::set::{Column, Set};
use crate::convert::{bad, day_number, integer, micros};
use crate::events::NewEvent;
use crate::number_range_rows::BlockRow;
use crate::portal_rows::{OwnPasswordRow, OwnerActsRow, PortalSessionRow};
use crate::rows::{NewApplication, NewAudit, NewChallenge, NewCodeRequest, NewMail, NewTenant, code_after};

/// A part of the statement: the rows of one table.
struct Step<'a> {
    name: &'static str,
    set: Set<'a>,
    rows: usize,
    /// The column at fault if fewer rows are touched than named; `None` if that cannot happen.
    found_by: Option<&'static str>,
}

/// The effects of a plan, as a statement.
pub(super) struct Storing<'a> {
    set: Set<'a>,
    /// The identity of the statement among the few there are: a bit of its own.
    pub(super) which: u32,
}

impl<'a> Storing<'a> {
    /// The statement that stores the effects; `None` if there are none. It fails in any transaction but that of the
    /// facts, and unless every row that it changes exists: that transaction is serial with every other, so rows found
    /// when the facts were loaded still exist.
    ///
    /// Steps are left out in groups, so that there are few statements to prepare.
    pub(super) fn of(effects: &'a Effects, new: &'a New<'a>, loaded: &Loaded, batch: &'a Decided) -> Option<Self> {
        let groups = [
            vec![
                new.challenges(),
                new.code_requests(),
                settle_sends(&effects.sends),
                change_sms(&effects.sms_days),
                first_sms(&effects.sms_days),
            ],
            // A new code updates the phone, a submitted one leaves an application.
            vec![
                update_challenges(&effects.challenges),
                upsert_phones(&effects.phones),
                new.applications(),
                count_of_prefixes(&effects.prefix_counts),
                new.prefix_blocks(),
            ],
            vec![
                new.tenants(),
                give(&effects.leases),
                new.mails(),
                new.audit(),
                change_quota(effects.quota_use),
                first_quota(effects.quota_use),
                move_marks(&effects.leases, &loaded.free_since),
            ],
            vec![new.events()],
            vec![
                new.changed_tenants(),
                end_sessions(&effects.ended_sessions),
                move_codes(&effects.moves),
                new.own_passwords(),
                new.sessions(),
                new.owner_acts(),
            ],
        ];
        let mut groups_in_use = 0_u32;
        let mut steps = Vec::new();
        for (place, group) in groups.into_iter().enumerate() {
            if group.iter().any(|step| step.rows > 0) {
                groups_in_use |= 1 << place;
                steps.extend(group);
            }
        }
        // Thirty-one combinations of five groups, from 1 on.
        let which = 1_u32.checked_shl(groups_in_use.checked_sub(1)?)?;
        Some(Self { set: whole(steps, batch), which })
    }

    pub(super) async fn run(self, mut conn: &AsyncPgConnection) -> Result<(), Trouble> {
        self.set.execute(&mut conn).await?;
        Ok(())
    }
}

/// All steps in one statement. A missing row makes a number of its column's name, which the server refuses.
fn whole<'a>(steps: Vec<Step<'a>>, batch: &'a Decided) -> Set<'a> {
    let mut done = Set::default();
    let mut checks = Set::default();
    let mut link = "WITH ";
    let decided = std::iter::once(row_of(batch));
    for Step { name, set, rows, found_by } in decided.chain(steps) {
        done = done.sql(link).sql(name).sql(" AS (").then(set);
        if let Some(column) = found_by {
            done = done.sql(" RETURNING 1");
            let named = Column::Number(i64::try_from(rows).unwrap_or(i64::MAX));
            checks = checks.sql(" UNION ALL SELECT (SELECT count(*) FROM ").sql(name).sql("), ").bind(named);
            checks = checks.sql(", '").sql(column).sql(" '");
        }
        done = done.sql(")");
        link = ", ";
    }
    done.sql(
        " SELECT CASE WHEN touched = named THEN 0 ELSE (place || touched)::integer END FROM (\
            SELECT (pg_current_xact_id()::text::bigint = ",
    )
    .bind(Column::Number(batch.transaction))
    .sql(")::integer::bigint, 1::bigint, 'transaction '")
    .then(checks)
    .sql(") AS checks (touched, named, place)")
}

/// As [`bare::store_on_postgres`](crate::bare::store_on_postgres) says.
pub(crate) async fn store_accepted(conn: &AsyncPgConnection, effects: &Effects) -> Result<(), LedgerError> {
    let (new, marks) = (New::of(effects), HashMap::new());
    let steps = [
        update_challenges(&effects.challenges),
        new.tenants(),
        give(&effects.leases),
        move_marks(&effects.leases, &marks),
        new.mails(),
        new.applications(),
        new.audit(),
        change_quota(effects.quota_use),
        first_quota(effects.quota_use),
    ];
    let (mut first, mut last) = (conn, conn);
    let stored = steps.into_iter().map(|Step { set, rows, found_by, .. }| async move {
        let mut conn = conn;
        let touched = set.execute(&mut conn).await?;
        match found_by {
            Some(column) if touched != rows => Err(Trouble::Ledger(bad(column))),
            _ => Ok(()),
        }
    });
    let begun = async { Ok(first.batch_execute("BEGIN").await?) };
    let committed = async { Ok(last.batch_execute("COMMIT").await?) };
    try_join3(begun, try_join_all(stored), committed).await.map(drop).map_err(LedgerError::from)
}

/// The batch itself: a server that has this row has all that the batch stored.
fn row_of(batch: &Decided) -> Step<'_> {
    let columns =
        vec![Column::Number(batch.transaction), Column::Number(batch.at), Column::Text(Cow::Borrowed(&batch.timeline))];
    let head = "INSERT INTO decided_batches (transaction, at, timeline) VALUES (";
    Step { name: "decided", set: Set::over(head, columns, ")"), rows: 1, found_by: None }
}

/// Stores applications that were refused without the admission lock.
pub(super) async fn refused(conn: &AsyncPgConnection, records: &[ApplicationRecord]) -> Result<(), Trouble> {
    let rows: Vec<NewApplication<'_>> = records.iter().map(Into::into).collect();
    insert(conn, insert_applications(&rows)).await
}

/// Adds mails to the outbox.
pub(super) async fn mails(conn: &AsyncPgConnection, records: &[MailRecord]) -> Result<(), Trouble> {
    let rows: Vec<NewMail<'_>> = records.iter().map(Into::into).collect();
    insert(conn, insert_mails(&rows)).await
}

/// Stores the last block of a prefix.
pub(super) async fn block_prefix(conn: &AsyncPgConnection, record: &RangeBlockRecord) -> Result<(), Trouble> {
    insert(conn, upsert_blocks(&[record.into()])).await
}

/// Stores one entry of the audit.
pub(super) async fn audit(conn: &AsyncPgConnection, record: &AuditRecord) -> Result<(), Trouble> {
    insert(conn, insert_audit(&[record.into()])).await
}

async fn insert(mut conn: &AsyncPgConnection, step: Step<'_>) -> Result<(), Trouble> {
    step.set.execute(&mut conn).await?;
    Ok(())
}

/// Rows to insert, and tenants to update.
pub(super) struct New<'a> {
    challenges: Vec<NewChallenge<'a>>,
    code_requests: Vec<NewCodeRequest<'a>>,
    tenants: Vec<NewTenant<'a>>,
    changed_tenants: Vec<NewTenant<'a>>,
    mails: Vec<NewMail<'a>>,
    applications: Vec<NewApplication<'a>>,
    audit: Vec<NewAudit<'a>>,
    events: Vec<NewEvent<'a>>,
    prefix_blocks: Vec<BlockRow>,
    own_passwords: Vec<OwnPasswordRow>,
    sessions: Vec<PortalSessionRow>,
    owner_acts: Vec<OwnerActsRow>,
}

impl<'a> New<'a> {
    pub(super) fn of(effects: &'a Effects) -> Self {
        Self {
            challenges: effects.new_challenges.iter().map(Into::into).collect(),
            code_requests: effects.code_requests.iter().map(Into::into).collect(),
            tenants: effects.tenants.iter().map(Into::into).collect(),
            changed_tenants: effects.changed_tenants.iter().map(Into::into).collect(),
            mails: effects.mails.iter().map(Into::into).collect(),
            applications: effects.applications.iter().map(Into::into).collect(),
            audit: effects.audit.iter().map(Into::into).collect(),
            events: effects.events.iter().map(Into::into).collect(),
            prefix_blocks: effects.prefix_blocks.iter().map(Into::into).collect(),
            own_passwords: effects.own_passwords.iter().map(Into::into).collect(),
            sessions: effects.new_sessions.iter().map(Into::into).collect(),
            owner_acts: effects.owner_acts.iter().map(Into::into).collect(),
        }
    }

    fn challenges(&self) -> Step<'_> {
        let rows = &self.challenges;
        let columns = vec![
            Column::bytes(rows, |row| row.id),
            Column::texts(rows, |row| row.phone),
            Column::texts(rows, |row| row.key_id),
            Column::numbers(rows, |row| row.made_at),
            Column::numbers(rows, |row| row.expires_at),
            Column::integers(rows, |row| row.tries),
            Column::texts(rows, |row| row.state),
            Column::optional_numbers(rows, |row| row.proven_at),
        ];
        let head = "INSERT INTO challenges (id, phone, key_id, made_at, expires_at, tries, state, proven_at) \
            SELECT * FROM unnest(";
        Step { name: "new_challenges", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
    }

    fn code_requests(&self) -> Step<'_> {
        let rows = &self.code_requests;
        let columns = vec![
            Column::bytes(rows, |row| row.id),
            Column::texts(rows, |row| row.request_id),
            Column::numbers(rows, |row| row.at),
            Column::texts(rows, |row| row.phone),
            Column::integers(rows, |row| row.country_code),
            Column::optional_bytes(rows, |row| row.challenge),
            Column::optional_texts(rows, |row| row.state),
            Column::optional_texts(rows, |row| row.refusal.as_deref()),
            Column::texts(rows, |row| row.return_code),
        ];
        let head = "INSERT INTO code_requests (id, request_id, at, phone, country_code, challenge, state, refusal, \
            return_code) SELECT * FROM unnest(";
        Step { name: "new_code_requests", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
    }

    fn tenants(&self) -> Step<'_> {
        let rows = &self.tenants;
        let columns = vec![
            Column::bytes(rows, |row| row.id),
            Column::texts(rows, |row| row.status),
            Column::texts(rows, |row| row.phone),
            Column::integers(rows, |row| row.country_code),
            Column::texts(rows, |row| row.email),
            Column::texts(rows, |row| row.email_key),
            Column::texts(rows, |row| row.company),
            Column::texts(rows, |row| row.company_key),
            Column::numbers(rows, |row| row.created_at),
            Column::numbers(rows, |row| row.trial_ends_at),
            Column::texts(rows, |row| row.key_id),
            Column::integers(rows, |row| row.password_issue),
            Column::numbers(rows, |row| row.password_issued_at),
            Column::texts(rows, |row| row.locale),
            Column::numbers(rows, |row| row.told_until),
            Column::optional_numbers(rows, |row| row.next_step_at),
        ];
        let head = "INSERT INTO tenants (id, status, phone, country_code, email, email_key, company, company_key, \
            created_at, trial_ends_at, key_id, password_issue, password_issued_at, locale, told_until, next_step_at) \
            SELECT * FROM unnest(";
        Step { name: "new_tenants", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
    }

    fn changed_tenants(&self) -> Step<'_> {
        let rows = &self.changed_tenants;
        let columns = vec![
            Column::bytes(rows, |row| row.id),
            Column::texts(rows, |row| row.status),
            Column::numbers(rows, |row| row.trial_ends_at),
            Column::integers(rows, |row| row.password_issue),
            Column::numbers(rows, |row| row.password_issued_at),
            Column::optional_numbers(rows, |row| row.converted_at),
            Column::optional_numbers(rows, |row| row.suspended_at),
            Column::optional_numbers(rows, |row| row.closes_at),
            Column::optional_numbers(rows, |row| row.closed_at),
            Column::numbers(rows, |row| row.told_until),
            Column::optional_numbers(rows, |row| row.next_step_at),
            Column::optional_numbers(rows, |row| row.conversion_asked_at),
        ];
        let head = "UPDATE tenants SET status = new.status, trial_ends_at = new.trial_ends_at, \
            password_issue = new.password_issue, password_issued_at = new.password_issued_at, \
            converted_at = new.converted_at, suspended_at = new.suspended_at, closes_at = new.closes_at, \
            closed_at = new.closed_at, told_until = new.told_until, next_step_at = new.next_step_at, \
            conversion_asked_at = new.conversion_asked_at FROM unnest(";
        let tail = ") AS new (id, status, trial_ends_at, password_issue, password_issued_at, converted_at, suspended_at, \
            closes_at, closed_at, told_until, next_step_at, conversion_asked_at) WHERE tenants.id = new.id";
        Step {
            name: "changed_tenants",
            set: Set::over(head, columns, tail),
            rows: rows.len(),
            found_by: Some("tenants.id"),
        }
    }

    fn own_passwords(&self) -> Step<'_> {
        let rows = &self.own_passwords;
        let columns = vec![
            Column::bytes(rows, |row| &row.tenant),
            Column::integers(rows, |row| row.issue),
            Column::texts(rows, |row| &row.hash),
            Column::numbers(rows, |row| row.set_at),
        ];
        let head = "INSERT INTO portal_passwords (tenant, issue, hash, set_at) SELECT * FROM unnest(";
        let tail = ") ON CONFLICT (tenant) DO UPDATE SET issue = excluded.issue, hash = excluded.hash, \
            set_at = excluded.set_at";
        Step { name: "own_passwords", set: Set::over(head, columns, tail), rows: rows.len(), found_by: None }
    }

    fn sessions(&self) -> Step<'_> {
        let rows = &self.sessions;
        let columns = vec![
            Column::bytes(rows, |row| &row.secret),
            Column::bytes(rows, |row| &row.tenant),
            Column::integers(rows, |row| row.issue),
            Column::numbers(rows, |row| row.created_at),
            Column::numbers(rows, |row| row.used_at),
            Column::numbers(rows, |row| row.expires_at),
        ];
        let head = "INSERT INTO portal_sessions (secret, tenant, issue, created_at, used_at, expires_at) \
            SELECT * FROM unnest(";
        Step { name: "new_sessions", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
    }

    fn owner_acts(&self) -> Step<'_> {
        let rows = &self.owner_acts;
        let columns = vec![
            Column::bytes(rows, |row| &row.tenant),
            Column::numbers(rows, |row| row.hour),
            Column::integers(rows, |row| row.wishes),
            Column::integers(rows, |row| row.passwords),
            Column::integers(rows, |row| row.sign_outs),
            Column::integers(rows, |row| row.day),
            Column::integers(rows, |row| row.links),
            Column::integers(rows, |row| row.changes),
            Column::optional_integers(rows, |row| row.digest_changes),
            Column::optional_numbers(rows, |row| row.digest_last_at),
            Column::optional_numbers(rows, |row| row.digest_due_at),
        ];
        let head = "INSERT INTO owner_acts (tenant, hour, wishes, passwords, sign_outs, day, links, changes, \
            digest_changes, digest_last_at, digest_due_at) SELECT * FROM unnest(";
        let tail = ") ON CONFLICT (tenant) DO UPDATE SET hour = excluded.hour, wishes = excluded.wishes, \
            passwords = excluded.passwords, sign_outs = excluded.sign_outs, day = excluded.day, \
            links = excluded.links, changes = excluded.changes, digest_changes = excluded.digest_changes, \
            digest_last_at = excluded.digest_last_at, digest_due_at = excluded.digest_due_at";
        Step { name: "owner_acts_noted", set: Set::over(head, columns, tail), rows: rows.len(), found_by: None }
    }

    fn mails(&self) -> Step<'_> {
        insert_mails(&self.mails)
    }

    fn applications(&self) -> Step<'_> {
        insert_applications(&self.applications)
    }

    fn prefix_blocks(&self) -> Step<'_> {
        upsert_blocks(&self.prefix_blocks)
    }

    fn audit(&self) -> Step<'_> {
        insert_audit(&self.audit)
    }

    /// They are delivered in the order of their numbers, which are assigned in the order of the rows.
    fn events(&self) -> Step<'_> {
        let rows = &self.events;
        let columns = vec![
            Column::bytes(rows, |row| row.id),
            Column::texts(rows, |row| row.kind),
            Column::bytes(rows, |row| row.tenant),
            Column::numbers(rows, |row| row.at),
            Column::texts(rows, |row| row.payload),
            Column::texts(rows, |row| row.state),
            Column::integers(rows, |row| row.attempts),
            Column::numbers(rows, |row| row.next_attempt_at),
        ];
        let head = "INSERT INTO platform_events (id, kind, tenant, at, payload, state, attempts, next_attempt_at) \
            SELECT id, kind, tenant, at, payload, state, attempts, next_attempt_at FROM unnest(";
        let tail = ") WITH ORDINALITY AS new (id, kind, tenant, at, payload, state, attempts, next_attempt_at, place) \
            ORDER BY place";
        Step { name: "new_events", set: Set::over(head, columns, tail), rows: rows.len(), found_by: None }
    }
}

fn insert_mails<'a>(rows: &'a [NewMail<'_>]) -> Step<'a> {
    let columns = vec![
        Column::bytes(rows, |row| row.id),
        Column::texts(rows, |row| row.kind),
        Column::optional_bytes(rows, |row| row.tenant),
        Column::texts(rows, |row| row.recipient),
        Column::texts(rows, |row| row.locale),
        Column::texts(rows, |row| row.state),
        Column::integers(rows, |row| row.attempts),
        Column::numbers(rows, |row| row.created_at),
        Column::numbers(rows, |row| row.next_attempt_at),
        Column::optional_integers(rows, |row| row.quota_day),
        Column::optional_numbers(rows, |row| row.quota_unit),
        Column::optional_numbers(rows, |row| row.quota_threshold),
        Column::integers(rows, |row| row.priority),
        Column::optional_texts(rows, |row| row.detail),
        Column::texts(rows, |row| row.quota_budget),
    ];
    let head = "INSERT INTO mails (id, kind, tenant, recipient, locale, state, attempts, created_at, \
        next_attempt_at, quota_day, quota_unit, quota_threshold, priority, detail, quota_budget) SELECT * FROM unnest(";
    Step { name: "new_mails", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
}

fn insert_applications<'a>(rows: &'a [NewApplication<'_>]) -> Step<'a> {
    let columns = vec![
        Column::bytes(rows, |row| row.id),
        Column::texts(rows, |row| row.request_id),
        Column::numbers(rows, |row| row.at),
        Column::texts(rows, |row| row.phone),
        Column::integers(rows, |row| row.country_code),
        Column::texts(rows, |row| row.email),
        Column::texts(rows, |row| row.email_key),
        Column::texts(rows, |row| row.company),
        Column::texts(rows, |row| row.company_key),
        Column::optional_bytes(rows, |row| row.challenge),
        Column::texts(rows, |row| row.outcome),
        Column::optional_bytes(rows, |row| row.tenant),
        Column::optional_texts(rows, |row| row.refusal.as_deref()),
        Column::texts(rows, |row| row.return_code),
    ];
    let head = "INSERT INTO applications (id, request_id, at, phone, country_code, email, email_key, company, \
        company_key, challenge, outcome, tenant, refusal, return_code) SELECT * FROM unnest(";
    Step { name: "new_applications", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
}

fn insert_audit<'a>(rows: &'a [NewAudit<'_>]) -> Step<'a> {
    let columns = vec![
        Column::bytes(rows, |row| row.id),
        Column::numbers(rows, |row| row.at),
        Column::texts(rows, |row| row.actor),
        Column::texts(rows, |row| row.action),
        Column::texts(rows, |row| row.subject),
        Column::texts(rows, |row| row.detail),
    ];
    let head = "INSERT INTO audit (id, at, actor, action, subject, detail) SELECT * FROM unnest(";
    Step { name: "new_audit", set: Set::over(head, columns, ")"), rows: rows.len(), found_by: None }
}

fn end_sessions(tenants: &[TenantId]) -> Step<'_> {
    let columns = vec![Column::bytes(tenants, |tenant| tenant.as_bytes())];
    let head = "DELETE FROM portal_sessions USING unnest(";
    let tail = ") AS ended (id) WHERE portal_sessions.tenant = ended.id";
    Step { name: "ended_sessions", set: Set::over(head, columns, tail), rows: tenants.len(), found_by: None }
}

fn update_challenges(challenges: &[Challenge]) -> Step<'_> {
    let columns = vec![
        Column::bytes(challenges, |challenge| challenge.id.as_bytes()),
        Column::numbers(challenges, |challenge| micros(challenge.expires_at)),
        Column::integers(challenges, |challenge| integer(challenge.tries)),
        Column::texts(challenges, |challenge| challenge.state.as_str()),
        Column::optional_numbers(challenges, |challenge| challenge.proven_at.map(micros)),
    ];
    let head = "UPDATE challenges SET expires_at = new.expires_at, tries = new.tries, state = new.state, \
        proven_at = new.proven_at FROM unnest(";
    let tail = ") AS new (id, expires_at, tries, state, proven_at) WHERE challenges.id = new.id";
    Step {
        name: "changed_challenges",
        set: Set::over(head, columns, tail),
        rows: challenges.len(),
        found_by: Some("challenges.id"),
    }
}

fn upsert_phones(phones: &[PhoneRecord]) -> Step<'_> {
    let columns = vec![
        Column::texts(phones, |record| record.phone.as_str()),
        Column::integers(phones, |record| record.phone.country_code().into()),
        Column::integers(phones, |record| integer(record.failures)),
        Column::optional_bytes(phones, |record| record.challenge.as_ref().map(|id| id.as_bytes().as_slice())),
        Column::optional_bytes(phones, |record| record.previous.as_ref().map(|id| id.as_bytes().as_slice())),
    ];
    let head = "INSERT INTO phones (phone, country_code, failures, challenge, previous) SELECT * FROM unnest(";
    let tail = ") ON CONFLICT (phone) DO UPDATE SET failures = excluded.failures, challenge = excluded.challenge, \
        previous = excluded.previous";
    Step { name: "phones_seen", set: Set::over(head, columns, tail), rows: phones.len(), found_by: None }
}

fn count_of_prefixes(counts: &[RangeCount]) -> Step<'_> {
    let small = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let columns = vec![
        Column::numbers(counts, |count| count.prefix.as_stored()),
        Column::integers(counts, |count| count.span.as_stored()),
        Column::integers(counts, |count| small(count.more.messages)),
        Column::integers(counts, |count| small(count.more.sent)),
        Column::integers(counts, |count| small(count.more.used)),
    ];
    let head = "INSERT INTO prefix_spans (prefix, span, messages, sent, used) SELECT * FROM unnest(";
    let tail = ") ON CONFLICT (prefix, span) DO UPDATE SET messages = prefix_spans.messages + excluded.messages, \
        sent = prefix_spans.sent + excluded.sent, used = prefix_spans.used + excluded.used";
    Step { name: "counted_prefixes", set: Set::over(head, columns, tail), rows: counts.len(), found_by: None }
}

fn upsert_blocks(rows: &[BlockRow]) -> Step<'_> {
    let columns = vec![
        Column::numbers(rows, |row| row.prefix),
        Column::numbers(rows, |row| row.since),
        Column::numbers(rows, |row| row.until),
        Column::numbers(rows, |row| row.sent),
        Column::numbers(rows, |row| row.used),
        Column::numbers(rows, |row| row.met),
        Column::integers(rows, |row| row.counted_after),
    ];
    let head = "INSERT INTO prefix_blocks (prefix, since, until, sent, used, met, counted_after) SELECT * FROM unnest(";
    let tail = ") ON CONFLICT (prefix) DO UPDATE SET since = excluded.since, until = excluded.until, \
        sent = excluded.sent, used = excluded.used, met = excluded.met, counted_after = excluded.counted_after";
    Step { name: "blocked_prefixes", set: Set::over(head, columns, tail), rows: rows.len(), found_by: None }
}

fn settle_sends(sends: &[SendUpdate]) -> Step<'_> {
    let columns = vec![
        Column::bytes(sends, |update| update.code_request.as_bytes()),
        Column::texts(sends, |update| update.reply.state().as_str()),
        Column::texts(sends, |update| &update.gateway),
        Column::optional_texts(sends, |update| update.reply.detail()),
        Column::texts(sends, |update| code_after(update)),
    ];
    let head = "UPDATE code_requests SET state = new.state, gateway = new.gateway, reply = new.reply, \
        return_code = new.return_code FROM unnest(";
    let tail = ") AS new (id, state, gateway, reply, return_code) WHERE code_requests.id = new.id";
    Step {
        name: "settled_sends",
        set: Set::over(head, columns, tail),
        rows: sends.len(),
        found_by: Some("code_requests.id"),
    }
}

fn sms_columns(days: &[SmsDay]) -> Vec<Column<'_>> {
    vec![
        Column::integers(days, |day| day_number(day.day)),
        Column::integers(days, |day| day.country_code.into()),
        Column::numbers(days, |day| day.sent.into()),
    ]
}

/// Changes the counters that exist. A row is found by its last version, as everywhere in this file: the migration
/// that creates `sms_days` says why.
fn change_sms(days: &[SmsDay]) -> Step<'_> {
    let head = "UPDATE sms_days SET sent = new.sent, version = sms_days.version + 1 FROM unnest(";
    let tail = ") AS new (day, country_code, sent) WHERE sms_days.ctid = (SELECT ctid FROM sms_days last \
        WHERE last.day = new.day AND last.country_code = new.country_code ORDER BY last.version DESC LIMIT 1)";
    Step { name: "changed_sms", set: Set::over(head, sms_columns(days), tail), rows: days.len(), found_by: None }
}

/// Begins the counters that do not exist yet.
fn first_sms(days: &[SmsDay]) -> Step<'_> {
    let head = "INSERT INTO sms_days (day, country_code, sent) SELECT * FROM unnest(";
    let tail = ") AS new (day, country_code, sent) WHERE (SELECT last.version FROM sms_days last \
        WHERE last.day = new.day AND last.country_code = new.country_code ORDER BY last.version DESC LIMIT 1) IS NULL";
    Step { name: "first_sms", set: Set::over(head, sms_columns(days), tail), rows: days.len(), found_by: None }
}

fn give(leases: &[AccessCodeLease]) -> Step<'_> {
    let columns = vec![
        Column::texts(leases, |lease| lease.code.as_str()),
        Column::numbers(leases, |lease| micros(lease.at)),
        Column::bytes(leases, |lease| lease.tenant.as_bytes()),
    ];
    let head = "UPDATE access_codes SET state = 'leased', since = new.since, tenant = new.tenant FROM unnest(";
    let tail = ") AS new (code, since, tenant) WHERE access_codes.code = new.code AND access_codes.state = ";
    // As a value, so that no plan reads the whole index of free codes, which looks small until statistics are taken.
    let free = Column::Text(AccessCodeState::Free.as_str().into());
    Step {
        name: "given",
        set: Set::over(head, columns, tail).bind(free),
        rows: leases.len(),
        found_by: Some("access_codes.state"),
    }
}

fn move_codes(moves: &[AccessCodeMove]) -> Step<'_> {
    let tenant = |moved: &'_ AccessCodeMove, held: bool| (moved.to == AccessCodeState::Leased) == held;
    let columns = vec![
        Column::texts(moves, |moved| moved.code.as_str()),
        Column::texts(moves, |moved| moved.from.as_str()),
        Column::texts(moves, |moved| moved.to.as_str()),
        Column::numbers(moves, |moved| micros(moved.since)),
        Column::optional_bytes(moves, |moved| tenant(moved, true).then_some(moved.tenant.as_bytes().as_slice())),
        Column::optional_bytes(moves, |moved| tenant(moved, false).then_some(moved.tenant.as_bytes().as_slice())),
    ];
    let head = "UPDATE access_codes SET state = new.state, since = new.since, tenant = new.tenant, \
        last_tenant = new.last_tenant FROM unnest(";
    let tail = ") AS new (code, was, state, since, tenant, last_tenant) \
        WHERE access_codes.code = new.code AND access_codes.state = new.was";
    Step {
        name: "moved_codes",
        set: Set::over(head, columns, tail),
        rows: moves.len(),
        found_by: Some("access_codes.state"),
    }
}

fn quota_columns<'a>(used: Option<QuotaUse>) -> Vec<Column<'a>> {
    vec![
        Column::Integers(used.iter().map(|used| day_number(used.day)).collect()),
        Column::Numbers(used.iter().map(|used| used.reserved.into()).collect()),
        Column::Numbers(used.iter().map(|used| used.owner_mails.into()).collect()),
    ]
}

/// Changes the day's row, if it exists.
fn change_quota<'a>(used: Option<QuotaUse>) -> Step<'a> {
    let head = "UPDATE quota_days SET reserved = new.reserved, owner_mails = new.owner_mails, \
        version = quota_days.version + 1 FROM unnest(";
    let tail = ") AS new (day, reserved, owner_mails) WHERE quota_days.ctid = (SELECT ctid FROM quota_days last \
        WHERE last.day = new.day ORDER BY last.version DESC LIMIT 1)";
    let rows = used.iter().len();
    Step { name: "changed_quota", set: Set::over(head, quota_columns(used), tail), rows, found_by: None }
}

/// Begins the day's row, if it does not exist yet.
fn first_quota<'a>(used: Option<QuotaUse>) -> Step<'a> {
    let head = "INSERT INTO quota_days (day, reserved, owner_mails) SELECT * FROM unnest(";
    let tail = ") AS new (day, reserved, owner_mails) WHERE (SELECT last.version FROM quota_days last \
        WHERE last.day = new.day ORDER BY last.version DESC LIMIT 1) IS NULL";
    let rows = used.iter().len();
    Step { name: "first_quota", set: Set::over(head, quota_columns(used), tail), rows, found_by: None }
}

/// Moves each pool's mark to the last assigned code: codes are assigned in order, so none before it is free.
fn move_marks<'a>(leases: &'a [AccessCodeLease], free_since: &HashMap<AccessCode, i64>) -> Step<'a> {
    let last = |kind: &AccessCodeKind| leases.iter().rev().find(|lease| lease.kind == *kind);
    let last: Vec<&AccessCodeLease> = AccessCodeKind::ALL.iter().filter_map(last).collect();
    let since = |lease: &&AccessCodeLease| free_since.get(&lease.code).copied().unwrap_or(0);
    let columns = vec![
        Column::Texts(last.iter().map(|lease| lease.kind.as_str().into()).collect()),
        Column::Numbers(last.iter().map(since).collect()),
        Column::Texts(last.iter().map(|lease| lease.code.as_str().into()).collect()),
    ];
    let head =
        "UPDATE pool_marks SET since = new.since, code = new.code, version = pool_marks.version + 1 FROM unnest(";
    let tail = ") AS new (kind, since, code) WHERE pool_marks.ctid = (SELECT ctid FROM pool_marks last \
        WHERE last.kind = new.kind ORDER BY last.version DESC LIMIT 1)";
    Step {
        name: "moved_marks",
        set: Set::over(head, columns, tail),
        rows: last.len(),
        found_by: Some("pool_marks.kind"),
    }
}
