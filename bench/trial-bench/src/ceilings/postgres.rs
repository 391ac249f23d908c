//! The rows of accepted applications by bare diesel on PostgreSQL: one durable commit per batch over one connection,
//! one statement per table, every statement prepared once, and all of them, from BEGIN to COMMIT, sent without waiting
//! for an answer. It loads nothing and decides nothing; ids, codes and times are at hand.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use trial_core::planner::Effects;
use trial_storage::bare::store_on_postgres;

use super::{Bare, Commits};
use crate::services::Store;

/// Query plans are the generic ones, by index: the tables have no statistics yet.
const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET jit = off";

/// Writes until the time has passed, or all batches are written. The first is not measured: it prepares the statements.
pub(super) async fn measure(
    store: &Store<'_>,
    applications: usize,
    batches: &[Effects],
    batch: usize,
    mut commits: Commits,
) -> anyhow::Result<Bare> {
    store.prepare(applications).await?;
    let mut conn = AsyncPgConnection::establish(&store.url()).await?;
    conn.batch_execute(SESSION).await?;
    let mut batches = batches.iter();
    if let Some(first) = batches.next() {
        store_on_postgres(&conn, first).await?;
    }
    commits.start();
    for effects in batches {
        let Some(begun) = commits.next().await else { break };
        store_on_postgres(&conn, effects).await?;
        commits.count(begun.elapsed(), effects.tenants.len())?;
    }
    store.totals()?.is_whole()?;
    Ok(commits.bare(batch))
}
