//! Events for the platform, and their queries by operators. A lease is a due time in the future, as for mails.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use diesel::sqlite::SqliteConnection;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::platform::{
    DueEvent, EndpointId, EventClaim, EventPage, EventQueue, EventSettledAs, EventSettlement, EventState, EventView,
};
use trial_core::ports::{EventOperations, EventOutbox};
use trial_core::values::EventId;

use super::operations::append_audit;
use super::{SqliteLedger, fault, snapshot};
use crate::convert::{micros, readable};
use crate::events::{self, EventRow};
use crate::schema::{platform_endpoints, platform_events};
use crate::statement::Literal;
use crate::views;

const IS_DUE: Literal = Literal("platform_events.state = 'due'");
const IS_FAILED: Literal = Literal("platform_events.state = 'failed'");

/// The oldest event of each tenant, if due; the longest due first.
macro_rules! heads {
    ($condition:literal) => {
        concat!(
            "SELECT e.id FROM platform_events e WHERE e.state = 'due' AND e.next_attempt_at ",
            $condition,
            " ? AND NOT EXISTS (SELECT 1 FROM platform_events o \
                WHERE o.tenant = e.tenant AND o.state = 'due' AND o.seq < e.seq) \
              ORDER BY e.next_attempt_at, e.seq LIMIT ?"
        )
    };
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

#[async_trait]
impl EventOutbox for SqliteLedger {
    async fn claim_events(&self, endpoint: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError> {
        // The query takes no lock: an idle outbox never blocks an applicant.
        let look = move |conn: &mut SqliteConnection| {
            if disabled(conn, &endpoint)?.is_some() {
                return Ok(Some(EventClaim::Disabled));
            }
            Ok(heads(conn, lease, 1)?.is_empty().then(|| EventClaim::Due(Vec::new())))
        };
        if let Some(nothing) = self.reader().run(look).await? {
            return Ok(nothing);
        }
        self.writer
            .transact(move |conn| {
                let heads = heads(conn, lease, limit)?;
                let claimed = heads.into_iter().filter_map(|id| claim_one(conn, lease, &id).transpose());
                Ok(EventClaim::Due(claimed.collect::<Result<_, _>>()?))
            })
            .await
    }

    async fn settle_events(&self, endpoint: EndpointId, settlements: Vec<EventSettlement>) -> Result<(), LedgerError> {
        self.writer.transact(move |conn| settlements.iter().try_for_each(|one| settle_one(conn, &endpoint, one))).await
    }
}

#[async_trait]
impl EventOperations for SqliteLedger {
    async fn events(&self, page: EventPage) -> Result<Vec<EventView>, LedgerError> {
        self.reader().run(move |conn| event_page(conn, page)).await
    }

    async fn event(&self, id: EventId) -> Result<Option<EventView>, LedgerError> {
        self.reader().run(move |conn| event(conn, id)).await
    }

    async fn replay_event(&self, id: EventId, by: ChangedBy) -> Result<bool, LedgerError> {
        self.writer.transact(move |conn| replay(conn, id, &by)).await
    }

    async fn enable_endpoint(&self, endpoint: EndpointId, by: ChangedBy) -> Result<bool, LedgerError> {
        self.writer
            .transact(move |conn| {
                let gone = diesel::delete(platform_endpoints::table.find(endpoint.as_str()));
                let was_disabled = gone.execute(conn).map_err(fault)? > 0;
                if was_disabled {
                    append_audit(
                        conn,
                        &by,
                        "platform.enable",
                        "platform",
                        "before disabled, after enabled".to_owned(),
                    )?;
                }
                Ok(was_disabled)
            })
            .await
    }

    async fn event_queue(&self, endpoint: EndpointId) -> Result<EventQueue, LedgerError> {
        self.reader().run(move |conn| snapshot(conn, |conn| queue(conn, &endpoint))).await
    }
}

fn heads(conn: &mut SqliteConnection, lease: Lease, limit: u32) -> Result<Vec<Vec<u8>>, LedgerError> {
    let mut load = |query: &'static str, at, limit: i64| {
        let found = diesel::sql_query(query).bind::<BigInt, _>(at).bind::<BigInt, _>(limit).load::<Head>(conn);
        Ok::<_, LedgerError>(found.map_err(fault)?.into_iter().map(|head| head.id).collect::<Vec<_>>())
    };
    let mut ids = load(heads!("<="), micros(lease.now), limit.into())?;
    let room = i64::from(limit) - i64::try_from(ids.len()).unwrap_or(i64::MAX);
    ids.extend(load(heads!(">"), micros(lease.horizon), room)?);
    Ok(ids)
}

/// An unreadable event is shown as failed, so that those after it are sent.
fn claim_one(conn: &mut SqliteConnection, lease: Lease, id: &[u8]) -> Result<Option<DueEvent>, LedgerError> {
    let row = platform_events::table.filter(platform_events::id.eq(id));
    let due = match events::due(row.select(EventRow::as_select()).first(conn).map_err(fault)?) {
        Ok(due) => due,
        Err(LedgerError::Corrupt(reason)) => {
            let given_up = (
                platform_events::state.eq(EventState::Failed.as_str()),
                platform_events::settled_at.eq(micros(lease.now)),
                platform_events::last_reply.eq(views::unreadable(&*reason)),
            );
            return diesel::update(row).set(given_up).execute(conn).map(|_| None).map_err(fault);
        }
        Err(error) => return Err(error),
    };
    let claimed = (
        platform_events::next_attempt_at.eq(micros(lease.until)),
        platform_events::lease.eq(lease.id.as_bytes().as_slice()),
    );
    diesel::update(row).set(claimed).execute(conn).map_err(fault)?;
    Ok(Some(due))
}

fn settle_one(
    conn: &mut SqliteConnection,
    endpoint: &EndpointId,
    settlement: &EventSettlement,
) -> Result<(), LedgerError> {
    use platform_events::{attempts, id, last_reply, lease, next_attempt_at, settled_at, state, table};
    let at = micros(settlement.at);
    let row = table.filter(id.eq(settlement.event.as_bytes().as_slice()));
    let still_leased = row.filter(IS_DUE).filter(lease.eq(settlement.lease.as_bytes().as_slice()));
    let attempted = attempts.eq(attempts + 1);
    let nobodys = lease.eq(None::<Vec<u8>>);
    let settled = match &settlement.settled_as {
        EventSettledAs::Sent { reply } => diesel::update(row.filter(state.ne(EventState::Sent.as_str())))
            .set((attempted, nobodys, state.eq(EventState::Sent.as_str()), settled_at.eq(at), last_reply.eq(reply)))
            .execute(conn),
        EventSettledAs::Retry { next_attempt_at: next, error } => diesel::update(still_leased)
            .set((attempted, nobodys, next_attempt_at.eq(micros(*next)), last_reply.eq(error)))
            .execute(conn),
        EventSettledAs::Failed { error } => diesel::update(still_leased)
            .set((attempted, nobodys, state.eq(EventState::Failed.as_str()), settled_at.eq(at), last_reply.eq(error)))
            .execute(conn),
        EventSettledAs::Gone { reply } => {
            let gone = (
                platform_endpoints::id.eq(endpoint.as_str()),
                platform_endpoints::disabled_at.eq(at),
                platform_endpoints::reason.eq(reply),
            );
            let noted = diesel::insert_or_ignore_into(platform_endpoints::table).values(gone);
            noted.execute(conn).map_err(fault)?;
            diesel::update(still_leased).set((nobodys, next_attempt_at.eq(at), last_reply.eq(reply))).execute(conn)
        }
    };
    settled.map(drop).map_err(fault)
}

fn event_page(conn: &mut SqliteConnection, page: EventPage) -> Result<Vec<EventView>, LedgerError> {
    use platform_events::{id, state, table};
    let mut newest = table.order(id.desc()).limit(page.limit.into()).select(EventRow::as_select()).into_boxed();
    if let Some(before) = page.before {
        newest = newest.filter(id.lt(before.as_bytes().to_vec()));
    }
    if let Some(of) = page.state {
        newest = newest.filter(state.eq(of.as_str()));
    }
    readable::<EventRow, _>(newest.load(conn).map_err(fault)?)
}

fn event(conn: &mut SqliteConnection, id: EventId) -> Result<Option<EventView>, LedgerError> {
    let row = platform_events::table.filter(platform_events::id.eq(id.as_bytes().as_slice()));
    let found = row.select(EventRow::as_select()).first(conn).optional().map_err(fault)?;
    found.map(EventView::try_from).transpose()
}

fn replay(conn: &mut SqliteConnection, id: EventId, by: &ChangedBy) -> Result<bool, LedgerError> {
    let Some(before) = event(conn, id)? else { return Ok(false) };
    let due = (
        platform_events::state.eq(EventState::Due.as_str()),
        platform_events::attempts.eq(0),
        platform_events::next_attempt_at.eq(micros(by.at)),
        platform_events::lease.eq(None::<Vec<u8>>),
        platform_events::settled_at.eq(None::<i64>),
    );
    let row = platform_events::table.filter(platform_events::id.eq(id.as_bytes().as_slice()));
    diesel::update(row).set(due).execute(conn).map_err(fault)?;
    append_audit(conn, by, "platform.replay", &id.to_string(), format!("before {}, after due", before.state))?;
    Ok(true)
}

fn queue(conn: &mut SqliteConnection, endpoint: &EndpointId) -> Result<EventQueue, LedgerError> {
    use diesel::dsl::{count_star, min};
    let due = platform_events::table.filter(IS_DUE).select((count_star(), min(platform_events::at)));
    let failed = platform_events::table.filter(IS_FAILED).select(count_star());
    events::queue(due.first(conn).map_err(fault)?, failed.first(conn).map_err(fault)?, disabled(conn, endpoint)?)
}

fn disabled(conn: &mut SqliteConnection, endpoint: &EndpointId) -> Result<Option<(i64, String)>, LedgerError> {
    let found = platform_endpoints::table
        .find(endpoint.as_str())
        .select((platform_endpoints::disabled_at, platform_endpoints::reason));
    found.first(conn).optional().map_err(fault)
}
