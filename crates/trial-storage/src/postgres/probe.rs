//! Probe of decisions: takes what most decisions take under the admission lock, and changes nothing. A lock that keeps
//! applications or code requests from being decided keeps the probe from its end as well.

use std::pin::pin;

use diesel::sql_types::{Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use tokio::time::timeout;
use trial_core::error::LedgerError;

use super::PATIENCE;
use super::admission_lock::Turns;
use super::connect::Connections;
use super::fault::Trouble;
use super::set::Set;
use super::settings::ADMISSION_LOCK;
use super::transaction::{Kind, TURNSTILE};

/// The locks of applications and code requests, in one message: of the tables that they read or write, and of the rows
/// that every one of them changes, which are found as decisions find them. The row of a phone or a tenant is not among
/// them. A row lock makes a record of the log, so that the commit waits for a standby as a decision does.
const PROBE: &str = "LOCK TABLE setting_changes, safe_prefixes IN ACCESS SHARE MODE; \
    LOCK TABLE applications, code_requests, challenges, phones, sms_days, prefix_spans, prefix_blocks, tenants, \
        access_codes, pool_marks, quota_days, mails, audit, platform_events, decided_batches IN ROW EXCLUSIVE MODE; \
    SELECT 1 FROM (VALUES ('voice'), ('multimedia')) kinds (kind), LATERAL (\
        SELECT kind, since, code FROM pool_marks WHERE kind = kinds.kind ORDER BY version DESC LIMIT 1 FOR UPDATE) mark, \
        LATERAL (SELECT 1 FROM access_codes \
        WHERE kind = mark.kind AND state = 'free' AND (since, code) >= (mark.since, mark.code) \
        ORDER BY since, code LIMIT 1 FOR UPDATE) free; \
    SELECT 1 FROM quota_days ORDER BY day DESC, version DESC LIMIT 1 FOR UPDATE; \
    WITH RECURSIVE counted AS ((SELECT day, country_code FROM sms_days \
        ORDER BY day DESC, country_code DESC, version DESC LIMIT 1) \
        UNION ALL SELECT counted.day, next.country_code FROM counted, LATERAL (SELECT country_code FROM sms_days \
        WHERE day = counted.day AND country_code < counted.country_code \
        ORDER BY country_code DESC, version DESC LIMIT 1) next) \
        SELECT 1 FROM counted, LATERAL (SELECT 1 FROM sms_days WHERE day = counted.day \
        AND country_code = counted.country_code ORDER BY version DESC LIMIT 1 FOR UPDATE) held; \
    SELECT 1 FROM prefix_spans ORDER BY span DESC LIMIT 64 FOR UPDATE";

/// A session that others wait for: its process, user and program, the start of its last statement, and the tables that
/// they wait for. The start is `None` if the session is of another role, which hides it.
type Blocker = (i32, String, String, Option<String>, Option<String>);
type BlockerColumns = (Integer, Text, Text, Nullable<Text>, Nullable<Text>);

impl Turns {
    /// Takes the locks of a decision, and commits.
    pub(super) async fn probe(&self) -> Result<(), LedgerError> {
        self.connections.transaction(Kind::Turn, PATIENCE, |conn| take_locks(conn).boxed()).await
    }

    /// The sessions that a probe waits for, or else the error that it ends with: as sentences, the graver ones with
    /// `true`. `others` are connections that see it wait.
    pub(super) async fn obstacles(&self, others: &Connections) -> Vec<(bool, String)> {
        let mut probing = pin!(self.probe());
        let in_time = timeout(self.bounds.turn / 2, probing.as_mut()).await;
        let (probed, seen) = if let Ok(probed) = in_time {
            (probed, Vec::new())
        } else {
            let seen = others.transaction(Kind::Read, PATIENCE, |conn| blockers(conn).boxed()).await;
            (probing.await, seen.unwrap_or_default())
        };
        match probed {
            Err(error) if seen.is_empty() => vec![(true, format!("decisions fail: {}", error.with_causes()))],
            probed => seen.into_iter().map(|blocker| (probed.is_err(), sentence(blocker))).collect(),
        }
    }
}

async fn take_locks(mut conn: &AsyncPgConnection) -> Result<(), Trouble> {
    Ok(conn.batch_execute(PROBE).await?)
}

/// The sessions that wait for nobody, and that others wait for. One that holds the admission lock is reported
/// elsewhere. A statement may quote personal data: its text is not read.
async fn blockers(mut conn: &AsyncPgConnection) -> Result<Vec<Blocker>, Trouble> {
    let blockers = Set::default()
        .sql(
            "SELECT a.pid, coalesce(a.usename, '')::text, \
            coalesce(nullif(a.application_name, ''), a.client_addr::text, 'local')::text, \
            to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')::text, \
            string_agg(DISTINCT c.relname::text, ', ') \
            FROM pg_locks w JOIN pg_stat_activity waiter ON waiter.pid = w.pid \
            CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b (pid) \
            JOIN pg_stat_activity a ON a.pid = b.pid \
            LEFT JOIN pg_locks t ON t.pid = w.pid AND t.locktype IN ('relation', 'tuple') \
            AND (t.locktype = 'tuple' OR NOT t.granted) \
            LEFT JOIN pg_class c ON c.oid = t.relation \
            WHERE NOT w.granted AND waiter.datname = current_database() \
            AND cardinality(pg_blocking_pids(a.pid)) = 0 \
            AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND ",
        )
        .sql(ADMISSION_LOCK)
        .sql(TURNSTILE)
        .sql(") GROUP BY 1, 2, 3, 4 ORDER BY 1");
    Ok(blockers.returning::<BlockerColumns>().load(&mut conn).await?)
}

fn sentence((pid, user, program, since, tables): Blocker) -> String {
    let since = since.map(|since| format!(", whose last statement began at {since} UTC,")).unwrap_or_default();
    let tables = tables.map(|tables| format!(" on {tables}")).unwrap_or_default();
    format!(
        "session {pid} of {user} ({program}){since} holds locks{tables} that decisions wait for; end it with \
         `SELECT pg_terminate_backend({pid})`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If the probe did not lock a table that decisions write, it would succeed while they fail.
    #[test]
    fn every_table_of_a_plan_is_probed() {
        // Of commands on tenants and of the portal alone.
        let others = ["portal_passwords", "portal_sessions", "owner_acts"];
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        let probed: Vec<&str> = PROBE.split(|c: char| !is_word(c)).collect();
        let words: Vec<&str> = include_str!("persist.rs").split_whitespace().collect();
        let heads = words.windows(2).filter(|pair| ["INTO", "UPDATE"].contains(&pair[0].trim_start_matches('"')));
        let written: Vec<&str> = heads.map(|pair| pair[1]).filter(|table| table.chars().all(is_word)).collect();
        assert!(written.contains(&"applications") && written.contains(&"pool_marks"), "{written:?}");
        for table in written {
            assert!(probed.contains(&table) || others.contains(&table), "{table}");
        }
    }

    #[test]
    fn a_blocker_is_named_with_what_is_known_of_it() {
        let shell = |since: Option<&str>, tables: Option<&str>| {
            (7, "ada".to_owned(), "psql".to_owned(), since.map(str::to_owned), tables.map(str::to_owned))
        };
        assert_eq!(
            sentence(shell(Some("2026-11-30 10:00:00"), Some("mails"))),
            "session 7 of ada (psql), whose last statement began at 2026-11-30 10:00:00 UTC, holds locks on mails that \
             decisions wait for; end it with `SELECT pg_terminate_backend(7)`"
        );
        assert_eq!(
            sentence(shell(None, None)),
            "session 7 of ada (psql) holds locks that decisions wait for; end it with `SELECT pg_terminate_backend(7)`"
        );
    }
}
