//! Refuses to decide on a server, a schema or a session other than those of earlier acknowledgements.
//!
//! Each batch that stores something leaves a row. An instance remembers the last of its own that was acknowledged, and
//! each decision looks it up in the round trip that loads the facts: a server that lacks it was promoted before it had
//! everything, or was restored from an older state. Then nothing is decided on this database until an operator has
//! confirmed it.
//!
//! Batches of other instances are not remembered: one whose wait for a standby was cancelled can be seen, and may be
//! missing after a fail-over without harm, because it was never acknowledged.

use std::borrow::Cow;
use std::cmp::Ordering as Comparison;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use trial_core::error::LedgerError;

use super::fault::Trouble;
use super::migrate;
use super::session::Writable;
use super::set::{Column, Set};

/// Batches are kept for this number of the server's transactions.
const KEPT: i64 = 500_000;

/// A stored batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) transaction: i64,
    pub(super) at: i64,
    pub(super) timeline: String,
}

/// The state of the database in a transaction.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The newest migration that has run.
    schema: String,
    halted: Option<String>,
    confirmed: i64,
    server: Writable,
    /// The requested batch exists.
    is_found: bool,
    /// The number of the server's next transaction.
    next: i64,
    token: String,
    /// `fsync` and `full_page_writes` are on.
    is_durable: bool,
}

/// A reason to refuse decisions on this database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// An instance found that acknowledged work is missing.
    #[error(
        "{0}. Nothing is decided by this database until an operator has looked at what is missing and runs \
         `trialgate database confirm`"
    )]
    Halted(String),
    /// Acknowledged work is missing.
    #[error(
        "the batch of transaction {transaction} on timeline {timeline} was acknowledged and is not in the database of the \
         server that answers now (timeline {now}): it was promoted before it had everything, or restored from an older state"
    )]
    Lost { transaction: i64, timeline: String, now: String },
    /// Another server is writable and not older.
    #[error(
        "{0} can be written to as well, and is not older than the server in use: each accepts writes that the other lacks; \
         stop the one that is wrong"
    )]
    Rival(String),
    /// A newer release has migrated the database.
    #[error("the database was migrated by a newer release ({0}); stop this one, and start that one")]
    Newer(String),
    /// The session of another client.
    #[error(
        "a connection did not keep its session, as behind pgbouncer with `pool_mode = transaction`; name the server itself \
         in `storage.url`, or use `pool_mode = session`"
    )]
    Pooled,
}

/// The memory that an instance has of the database.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// The number of times that operators had confirmed the database.
    confirmed: i64,
    last: Option<Decided>,
    /// This instance was refused for missing work, and not accepted since.
    was_halted: bool,
    server: Option<Writable>,
    rival: Option<(String, Writable)>,
}

/// Compares the database with the memory of this instance.
pub(super) struct Guard {
    /// The newest migration of this release.
    ours: String,
    memory: Mutex<Memory>,
    is_refusing: AtomicBool,
    is_volatile: AtomicBool,
}

type Columns = (Nullable<Text>, Nullable<Text>, BigInt, Text, Text, Bool, BigInt, Nullable<Text>, Bool);
type StateRow = (Option<String>, Option<String>, i64, String, String, bool, i64, Option<String>, bool);

impl State {
    /// Reads the state, and looks for a batch.
    pub(super) async fn load(mut conn: &AsyncPgConnection, asked: &Decided) -> Result<Self, Trouble> {
        let (schema, halted, confirmed, started, timeline, is_found, next, token, is_durable) = Set::new(
            vec![
                (
                    "SELECT (SELECT max(version)::text FROM __diesel_schema_migrations), halted, confirmed, \
                        pg_postmaster_start_time()::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), \
                        EXISTS (SELECT FROM decided_batches WHERE transaction = ",
                    Column::Number(asked.transaction),
                ),
                (" AND at = ", Column::Number(asked.at)),
                (" AND timeline = ", Column::Text(Cow::Borrowed(&asked.timeline))),
            ],
            "), pg_snapshot_xmax(pg_current_snapshot())::text::bigint, current_setting('trialgate.session', true), \
                current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' FROM database_state",
        )
        .returning::<Columns>()
        .get_result::<StateRow>(&mut conn)
        .await?;
        Ok(Self {
            schema: schema.unwrap_or_default(),
            halted,
            confirmed,
            server: Writable { started, timeline },
            is_found,
            next,
            token: token.unwrap_or_default(),
            is_durable,
        })
    }

    /// The timeline of the server.
    pub(super) fn timeline(&self) -> &str {
        &self.server.timeline
    }
}

impl Memory {
    /// The batch to look for.
    pub(super) fn asked(&self) -> Decided {
        self.last.clone().unwrap_or_default()
    }

    /// Returns the reason to refuse a state, if any. Everything remembered was acknowledged before the state was read.
    fn refusal(&self, state: &State, ours: &str) -> Option<Refusal> {
        if state.schema.as_str() > ours {
            return Some(Refusal::Newer(state.schema.clone()));
        }
        if let Some(reason) = &state.halted {
            return Some(Refusal::Halted(reason.clone()));
        }
        if let Some((name, rival)) = &self.rival
            && rival.started != state.server.started
            && rival.timeline >= state.server.timeline
        {
            return Some(Refusal::Rival(name.clone()));
        }
        let Decided { transaction, timeline, .. } = self.last.clone()?;
        let is_removed = || transaction + KEPT <= state.next;
        let is_kept = match state.confirmed.cmp(&self.confirmed) {
            Comparison::Less => false,
            Comparison::Equal => state.is_found || is_removed(),
            // A confirmation of another loss, on a server that was not in use, is none of this one.
            Comparison::Greater => state.is_found || self.was_halted,
        };
        (!is_kept).then(|| Refusal::Lost { transaction, timeline, now: state.server.timeline.clone() })
    }
}

impl Guard {
    pub(super) fn new() -> Self {
        Self {
            ours: migrate::newest(),
            memory: Mutex::default(),
            is_refusing: AtomicBool::default(),
            is_volatile: AtomicBool::default(),
        }
    }

    /// The memory. The state to compare with it must be read later.
    pub(super) fn memory(&self) -> Memory {
        self.lock().clone()
    }

    /// Compares a state with the memory from before it was read, and with the session that it should have been read in.
    pub(super) fn judge(&self, before: &Memory, state: &State, token: Option<&str>) -> Result<(), Refusal> {
        self.note_durability(state.is_durable);
        let refusal = match token {
            Some(token) if token != state.token => Some(Refusal::Pooled),
            _ => before.refusal(state, &self.ours),
        };
        if let Some(refusal) = refusal {
            self.lock().was_halted |= matches!(refusal, Refusal::Halted(_) | Refusal::Lost { .. });
            if !self.is_refusing.swap(true, Ordering::Relaxed) {
                tracing::error!(%refusal, "decisions on this database are refused");
            }
            return Err(refusal);
        }
        // Without a session, the comparison is incomplete.
        if token.is_some() && self.is_refusing.swap(false, Ordering::Relaxed) {
            tracing::info!("decisions on this database are accepted again");
        }
        self.use_server(state);
        Ok(())
    }

    /// Remembers a batch that was acknowledged.
    pub(super) fn acknowledge(&self, state: &State, batch: Decided) {
        let mut memory = self.lock();
        let is_last = memory.last.as_ref().is_none_or(|last| {
            // On another timeline, transaction numbers restart where it forked.
            (&batch.timeline, batch.transaction) > (&last.timeline, last.transaction)
        });
        if state.confirmed == memory.confirmed && is_last {
            memory.last = Some(batch);
        }
    }

    /// The server used last.
    pub(super) fn server(&self) -> Option<Writable> {
        self.lock().server.clone()
    }

    /// Another writable server, if any.
    pub(super) fn set_rival(&self, rival: Option<(String, Writable)>) {
        self.lock().rival = rival;
    }

    fn use_server(&self, state: &State) {
        let mut memory = self.lock();
        memory.was_halted = false;
        if let Some(before) = memory.server.replace(state.server.clone())
            && before != state.server
        {
            let (timeline, before) = (&state.server.timeline, &before.timeline);
            tracing::warn!(
                timeline,
                before,
                "the database server was started anew or is another one; it has the last batch that was acknowledged"
            );
        }
        if state.confirmed > memory.confirmed {
            memory.last = None;
        }
        // A server that came back may have fewer: its batches are remembered with its own count.
        memory.confirmed = state.confirmed;
    }

    fn note_durability(&self, is_durable: bool) {
        let was_volatile = self.is_volatile.swap(!is_durable, Ordering::Relaxed);
        if was_volatile == is_durable {
            if is_durable {
                tracing::info!("`fsync` and `full_page_writes` of the database server are on again");
            } else {
                tracing::error!(
                    "`fsync` or `full_page_writes` of the database server is off: a power cut loses acknowledged work; \
                     turn both on"
                );
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Refusal> for LedgerError {
    fn from(refusal: Refusal) -> Self {
        Self::Unavailable(Box::new(refusal))
    }
}

/// Makes every instance refuse until an operator has confirmed the database.
pub(super) async fn halt(mut conn: &AsyncPgConnection, reason: &str) -> Result<(), Trouble> {
    let set = "UPDATE database_state SET halted = ";
    Set::new(vec![(set, Column::Text(reason.into()))], " WHERE halted IS NULL").execute(&mut conn).await?;
    Ok(())
}

/// Returns the reason of the halt, if there is one.
pub(super) async fn halted(mut conn: &AsyncPgConnection) -> Result<Option<String>, Trouble> {
    let halted = Set::new(Vec::new(), "SELECT halted FROM database_state");
    Ok(halted.returning::<Nullable<Text>>().get_result::<Option<String>>(&mut conn).await?)
}

/// Accepts the database as it is: every instance forgets its memory.
pub(super) async fn confirm(mut conn: &AsyncPgConnection) -> Result<(), Trouble> {
    let sql = "UPDATE database_state SET halted = NULL, confirmed = confirmed + 1";
    Set::new(Vec::new(), sql).execute(&mut conn).await?;
    Ok(())
}

/// Removes batches older than those that are kept.
pub(super) async fn prune(mut conn: &AsyncPgConnection) -> Result<(), Trouble> {
    let sql =
        "DELETE FROM decided_batches WHERE transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint - ";
    Set::new(vec![(sql, Column::Number(KEPT))], "").execute(&mut conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(transaction: i64, timeline: &str) -> Decided {
        Decided { transaction, at: 1, timeline: timeline.to_owned() }
    }

    fn server(timeline: &str) -> Writable {
        Writable { started: format!("start of {timeline}"), timeline: timeline.to_owned() }
    }

    fn state(timeline: &str, is_found: bool, next: i64) -> State {
        State {
            schema: "20".to_owned(),
            halted: None,
            confirmed: 0,
            server: server(timeline),
            is_found,
            next,
            token: "token".to_owned(),
            is_durable: true,
        }
    }

    fn remembering(last: Decided) -> Memory {
        Memory { last: Some(last), ..Memory::default() }
    }

    #[test]
    fn a_server_without_the_last_batch_is_refused() {
        let before = remembering(batch(105, "01"));
        for (found, is_lost) in [
            (state("01", true, 106), false),
            (state("02", true, 300), false),
            // Promoted before it had the batch, or restored; then little was done, or much.
            (state("02", false, 100), true),
            (state("02", false, 300), true),
            (state("01", false, 104 + KEPT), true),
            // Removed, because it is old.
            (state("01", false, 105 + KEPT), false),
        ] {
            let refusal = before.refusal(&found, "20");
            assert_eq!(matches!(refusal, Some(Refusal::Lost { transaction: 105, .. })), is_lost, "{found:?}");
            assert_eq!(refusal.is_some(), is_lost, "{found:?}");
            assert_eq!(Memory::default().refusal(&found, "20"), None, "without a memory nothing is missing");
        }
    }

    #[test]
    fn a_confirmation_counts_on_the_server_that_has_it() {
        let confirmed = |confirmed, is_found| State { confirmed, ..state("01", is_found, 300) };
        let before = Memory { confirmed: 1, ..remembering(batch(105, "02")) };
        assert!(before.refusal(&confirmed(0, true), "20").is_some(), "the server before the confirmation");
        assert!(before.refusal(&confirmed(1, false), "20").is_some());
        assert!(before.refusal(&confirmed(2, false), "20").is_some(), "it was there before this batch");
        assert_eq!(before.refusal(&confirmed(2, true), "20"), None);
        let halted = Memory { was_halted: true, ..before };
        assert_eq!(halted.refusal(&confirmed(2, false), "20"), None);
        assert!(halted.refusal(&confirmed(1, false), "20").is_some());
    }

    #[test]
    fn a_newer_schema_a_halt_and_a_rival_are_refused() {
        let found = state("02", false, 1);
        let newer = State { schema: "21".to_owned(), ..found.clone() };
        assert_eq!(Memory::default().refusal(&newer, "20"), Some(Refusal::Newer("21".to_owned())));
        let halted = State { halted: Some("why".to_owned()), ..found.clone() };
        assert_eq!(Memory::default().refusal(&halted, "20"), Some(Refusal::Halted("why".to_owned())));
        for (timeline, is_refused) in [("01", false), ("02", false), ("03", true)] {
            let memory = Memory { rival: Some(("other:5432".to_owned(), server(timeline))), ..Memory::default() };
            assert_eq!(memory.refusal(&found, "20").is_some(), is_refused, "{timeline}");
        }
        let twin = Writable { started: "another start".to_owned(), timeline: "02".to_owned() };
        let memory = Memory { rival: Some(("other:5432".to_owned(), twin)), ..Memory::default() };
        assert!(memory.refusal(&found, "20").is_some(), "neither is older");
    }

    #[test]
    fn the_last_acknowledged_batch_is_remembered_until_an_operator_confirms_the_database() {
        let guard = Guard::new();
        let read = State { schema: guard.ours.clone(), ..state("01", true, 9) };
        guard.judge(&guard.memory(), &read, Some("token")).unwrap();
        assert_eq!(guard.memory().asked(), Decided::default(), "batches of others are not remembered");
        for (acknowledged, remembered) in [
            (batch(7, "01"), batch(7, "01")),
            (batch(5, "01"), batch(7, "01")),
            (batch(6, "02"), batch(6, "02")),
            (batch(8, "01"), batch(6, "02")),
        ] {
            guard.acknowledge(&read, acknowledged);
            assert_eq!(guard.memory().asked(), remembered);
        }
        let lacking = State { is_found: false, ..read.clone() };
        assert!(matches!(guard.judge(&guard.memory(), &lacking, Some("token")), Err(Refusal::Lost { .. })));
        let confirmed = State { confirmed: 1, ..lacking };
        assert_eq!(guard.judge(&guard.memory(), &confirmed, Some("another's")), Err(Refusal::Pooled));
        guard.judge(&guard.memory(), &confirmed, Some("token")).unwrap();
        guard.acknowledge(&read, batch(9, "02"));
        assert_eq!(guard.memory().asked(), Decided::default(), "it was acknowledged before");
        guard.judge(&guard.memory(), &read, Some("token")).unwrap();
        guard.acknowledge(&read, batch(10, "01"));
        assert_eq!(guard.memory().asked(), batch(10, "01"), "the server from before the confirmation came back");
        assert!(matches!(guard.judge(&guard.memory(), &confirmed, Some("token")), Err(Refusal::Lost { .. })));
    }
}
