//! Events for the platform, and their queries by operators. A lease is a due time in the future, as for mails.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::Binary;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::mails::Lease;
use trial_core::platform::{
    EndpointId, EventClaim, EventPage, EventQueue, EventSettledAs, EventSettlement, EventState, EventView,
};
use trial_core::ports::{EventOperations, EventOutbox};
use trial_core::values::EventId;

use super::fault::Trouble;
use super::operations::append_audit;
use super::set::{Column, Set, storable};
use super::transaction::Kind;
use super::{PATIENCE, PostgresLedger};
use crate::convert::{micros, readable};
use crate::events::{self, EventRow};
use crate::schema::{platform_endpoints, platform_events};
use crate::statement::Literal;
use crate::views;

const IS_DUE: Literal = Literal("platform_events.state = 'due'");
const IS_FAILED: Literal = Literal("platform_events.state = 'failed'");

#[async_trait]
impl EventOutbox for PostgresLedger {
    async fn claim_events(&self, endpoint: EndpointId, lease: Lease, limit: u32) -> Result<EventClaim, LedgerError> {
        let connections = self.others.clone();
        let endpoint = Arc::new(endpoint);
        self.to_its_end(async move {
            connections
                .transaction(Kind::Write, PATIENCE, |conn| claim(conn, Arc::clone(&endpoint), lease, limit).boxed())
                .await
        })
        .await
    }

    async fn settle_events(
        &self,
        endpoint: EndpointId,
        mut settlements: Vec<EventSettlement>,
    ) -> Result<(), LedgerError> {
        // Two workers settle the same events in the same order, so that they do not deadlock.
        settlements.sort_by_key(|settlement| settlement.event);
        let connections = self.others.clone();
        let asked = Arc::new((endpoint, settlements));
        self.to_its_end(async move {
            connections.transaction(Kind::Write, PATIENCE, |conn| settle(conn, Arc::clone(&asked)).boxed()).await
        })
        .await
    }
}

#[async_trait]
impl EventOperations for PostgresLedger {
    async fn events(&self, page: EventPage) -> Result<Vec<EventView>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| event_page(conn, page).boxed()).await
    }

    async fn event(&self, id: EventId) -> Result<Option<EventView>, LedgerError> {
        self.in_transaction(Kind::Read, move |conn| event(conn, id).boxed()).await
    }

    async fn replay_event(&self, id: EventId, by: ChangedBy) -> Result<bool, LedgerError> {
        let by = Arc::new(by);
        self.in_transaction(Kind::Write, move |conn| replay(conn, id, Arc::clone(&by)).boxed()).await
    }

    async fn enable_endpoint(&self, endpoint: EndpointId, by: ChangedBy) -> Result<bool, LedgerError> {
        let asked = Arc::new((endpoint, by));
        self.in_transaction(Kind::Write, move |conn| enable(conn, Arc::clone(&asked)).boxed()).await
    }

    async fn event_queue(&self, endpoint: EndpointId) -> Result<EventQueue, LedgerError> {
        let endpoint = Arc::new(endpoint);
        self.in_transaction(Kind::Read, move |conn| queue(conn, Arc::clone(&endpoint)).boxed()).await
    }
}

async fn claim(
    mut conn: &AsyncPgConnection,
    endpoint: Arc<EndpointId>,
    lease: Lease,
    limit: u32,
) -> Result<EventClaim, Trouble> {
    if disabled(conn, &endpoint).await?.is_some() {
        return Ok(EventClaim::Disabled);
    }
    let mut ids = heads(conn, " <= ", micros(lease.now), limit.into()).await?;
    let room = i64::from(limit) - i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if room > 0 {
        ids.extend(heads(conn, " > ", micros(lease.horizon), room).await?);
    }
    if ids.is_empty() {
        return Ok(EventClaim::Due(Vec::new()));
    }
    Set::new(
        vec![
            ("UPDATE platform_events SET next_attempt_at = ", Column::Number(micros(lease.until))),
            (", lease = ", Column::Bytes(lease.id.as_bytes())),
            (" WHERE id = ANY(", Column::bytes(&ids, |id| id)),
        ],
        ")",
    )
    .execute(&mut conn)
    .await?;
    let claimed: Vec<EventRow> = platform_events::table
        .filter(platform_events::id.eq_any(&ids))
        .order(platform_events::seq)
        .select(EventRow::as_select())
        .load(&mut conn)
        .await?;
    let mut due = Vec::new();
    for row in claimed {
        let id = row.id.clone();
        match events::due(row) {
            Ok(event) => due.push(event),
            Err(LedgerError::Corrupt(reason)) => give_up(conn, &id, lease, &views::unreadable(&*reason)).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(EventClaim::Due(due))
}

/// Shows an unreadable event as failed, so that those after it are sent.
async fn give_up(mut conn: &AsyncPgConnection, id: &[u8], lease: Lease, reason: &str) -> Result<(), Trouble> {
    let given_up = (
        platform_events::state.eq(EventState::Failed.as_str()),
        platform_events::settled_at.eq(micros(lease.now)),
        platform_events::last_reply.eq(storable(reason)),
    );
    diesel::update(platform_events::table.filter(platform_events::id.eq(id))).set(given_up).execute(&mut conn).await?;
    Ok(())
}

/// The oldest event of each tenant, if due; the longest due first. One that another worker claims is due until it is
/// settled, so that no later one of its tenant takes its place.
async fn heads(
    mut conn: &AsyncPgConnection,
    condition: &'static str,
    at: i64,
    limit: i64,
) -> Result<Vec<Vec<u8>>, Trouble> {
    let found = Set::default()
        .sql("SELECT e.id FROM platform_events e WHERE e.state = 'due' AND e.next_attempt_at")
        .sql(condition)
        .bind(Column::Number(at))
        .sql(
            " AND NOT EXISTS (SELECT 1 FROM platform_events o \
                WHERE o.tenant = e.tenant AND o.state = 'due' AND o.seq < e.seq) \
              ORDER BY e.next_attempt_at, e.seq LIMIT ",
        )
        .bind(Column::Number(limit))
        .sql(" FOR UPDATE OF e SKIP LOCKED");
    Ok(found.returning::<Binary>().load::<Vec<u8>>(&mut conn).await?)
}

async fn settle(conn: &AsyncPgConnection, asked: Arc<(EndpointId, Vec<EventSettlement>)>) -> Result<(), Trouble> {
    let (endpoint, settlements) = &*asked;
    if let Some(gone) = settlements.iter().find_map(|one| match &one.settled_as {
        EventSettledAs::Gone { reply } => Some((micros(one.at), reply)),
        _ => None,
    }) {
        disable(conn, endpoint, gone).await?;
    }
    try_join_all(settlements.iter().map(|one| settle_one(conn, one))).await.map(drop)
}

async fn disable(
    mut conn: &AsyncPgConnection,
    endpoint: &EndpointId,
    (at, reason): (i64, &String),
) -> Result<(), Trouble> {
    let columns = vec![Column::Text(endpoint.as_str().into()), Column::Number(at), Column::Text(storable(reason))];
    let head = "INSERT INTO platform_endpoints (id, disabled_at, reason) VALUES (";
    Set::over(head, columns, ") ON CONFLICT (id) DO NOTHING").execute(&mut conn).await?;
    Ok(())
}

async fn settle_one(mut conn: &AsyncPgConnection, settlement: &EventSettlement) -> Result<(), Trouble> {
    const LEASED: &str = " AND state = 'due' AND lease = ";
    let at = Column::Number(micros(settlement.at));
    let event = Column::Bytes(settlement.event.as_bytes());
    let lease = Column::Bytes(settlement.lease.as_bytes());
    let end = |head, reply| {
        vec![(head, at.clone()), (", last_reply = ", Column::Text(storable(reply))), (" WHERE id = ", event.clone())]
    };
    let pieces = match &settlement.settled_as {
        EventSettledAs::Sent { reply } => {
            let head =
                "UPDATE platform_events SET attempts = attempts + 1, lease = NULL, state = 'sent', settled_at = ";
            let set = Set::new(end(head, reply), " AND state <> 'sent'");
            set.execute(&mut conn).await?;
            return Ok(());
        }
        EventSettledAs::Failed { error } => end(
            "UPDATE platform_events SET attempts = attempts + 1, lease = NULL, state = 'failed', settled_at = ",
            error,
        ),
        EventSettledAs::Gone { reply } => end("UPDATE platform_events SET lease = NULL, next_attempt_at = ", reply),
        EventSettledAs::Retry { next_attempt_at, error } => {
            let head = "UPDATE platform_events SET attempts = attempts + 1, lease = NULL, next_attempt_at = ";
            let mut pieces = end(head, error);
            pieces[0].1 = Column::Number(micros(*next_attempt_at));
            pieces
        }
    };
    // None, if it was settled before or another worker has the lease: then it does not count.
    Set::new(pieces, LEASED).bind(lease).execute(&mut conn).await?;
    Ok(())
}

async fn event_page(mut conn: &AsyncPgConnection, page: EventPage) -> Result<Vec<EventView>, Trouble> {
    use platform_events::{id, state, table};
    let mut newest = table.order(id.desc()).limit(page.limit.into()).select(EventRow::as_select()).into_boxed();
    if let Some(before) = page.before {
        newest = newest.filter(id.lt(before.as_bytes().to_vec()));
    }
    if let Some(of) = page.state {
        newest = newest.filter(state.eq(of.as_str()));
    }
    let rows: Vec<EventRow> = newest.load(&mut conn).await?;
    Ok(readable(rows)?)
}

async fn event(mut conn: &AsyncPgConnection, id: EventId) -> Result<Option<EventView>, Trouble> {
    let row = platform_events::table.filter(platform_events::id.eq(id.as_bytes().as_slice()));
    let found = row.select(EventRow::as_select()).get_result(&mut conn).await.optional()?;
    Ok(found.map(EventView::try_from).transpose()?)
}

async fn replay(mut conn: &AsyncPgConnection, id: EventId, by: Arc<ChangedBy>) -> Result<bool, Trouble> {
    let row = platform_events::table.filter(platform_events::id.eq(id.as_bytes().as_slice()));
    let before: Vec<String> = row.select(platform_events::state).for_update().load(&mut conn).await?;
    let Some(before) = before.as_slice().first() else { return Ok(false) };
    let due = (
        platform_events::state.eq(EventState::Due.as_str()),
        platform_events::attempts.eq(0),
        platform_events::next_attempt_at.eq(micros(by.at)),
        platform_events::lease.eq(None::<Vec<u8>>),
        platform_events::settled_at.eq(None::<i64>),
    );
    diesel::update(row).set(due).execute(&mut conn).await?;
    append_audit(conn, &by, "platform.replay", &id.to_string(), format!("before {before}, after due")).await?;
    Ok(true)
}

async fn enable(mut conn: &AsyncPgConnection, asked: Arc<(EndpointId, ChangedBy)>) -> Result<bool, Trouble> {
    let (endpoint, by) = &*asked;
    let was_disabled = diesel::delete(platform_endpoints::table.find(endpoint.as_str())).execute(&mut conn).await? > 0;
    if was_disabled {
        let detail = "before disabled, after enabled".to_owned();
        append_audit(conn, by, "platform.enable", "platform", detail).await?;
    }
    Ok(was_disabled)
}

async fn queue(mut conn: &AsyncPgConnection, endpoint: Arc<EndpointId>) -> Result<EventQueue, Trouble> {
    use diesel::dsl::{count_star, min};
    let due = platform_events::table.filter(IS_DUE).select((count_star(), min(platform_events::at)));
    let due = due.get_result(&mut conn).await?;
    let failed = platform_events::table.filter(IS_FAILED).select(count_star()).get_result(&mut conn).await?;
    Ok(events::queue(due, failed, disabled(conn, &endpoint).await?)?)
}

async fn disabled(mut conn: &AsyncPgConnection, endpoint: &EndpointId) -> Result<Option<(i64, String)>, Trouble> {
    let found = platform_endpoints::table
        .find(endpoint.as_str())
        .select((platform_endpoints::disabled_at, platform_endpoints::reason));
    Ok(found.get_result(&mut conn).await.optional()?)
}
