//! The rate on an empty and on a full database.

use anyhow::ensure;

use crate::applicants::prepare;
use crate::loads::{Load, Work, closed};
use crate::options::Options;
use crate::results::{Flat, FlatRound};
use crate::services::{Database, Fleet, Ground, Past, Store};

const CONNECTIONS: usize = 64;
/// With more tenants than these, `doctor` takes longer than the run.
const EXAMINED: u32 = 200_000;

/// The rate on an empty database and on a full one, alternately.
pub(crate) async fn flat(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Flat>> {
    ensure!(
        options.applicants.saturating_mul(u32::try_from(options.rounds)?) <= Past::FIRST,
        "a run has {} applicants at most, in all rounds together",
        Past::FIRST
    );
    let mut all = Vec::new();
    for &database in &options.databases {
        all.push(on(ground, options, database).await?);
    }
    Ok(all)
}

async fn on(ground: &Ground, options: &Options, database: Database) -> anyhow::Result<Flat> {
    let past = Past::of(options);
    let full = ground.store(database)?;
    full.migrate().await?;
    past.write(&full)?;
    let mut rounds = Vec::new();
    let (mut first, mut before) = (0, None);
    for _ in 0..options.rounds {
        let wanted = options.wanted(before);
        let empty = on_empty(ground, options, database, wanted).await?;
        let full = on_full(ground, options, &full, first..first + wanted).await?;
        before = Some(empty.per_second.max(full.per_second));
        first += wanted;
        rounds.push(FlatRound { empty, full });
    }
    if past.tenants <= EXAMINED {
        Fleet::resume(ground, &full, options, 1)?.examine()?;
    }
    Ok(Flat {
        database,
        tenants: past.tenants.into(),
        in_use: past.in_use.into(),
        challenges: past.challenges.into(),
        access_codes: 2 * u64::from(past.in_use + past.free),
        rounds,
    })
}

async fn on_empty(ground: &Ground, options: &Options, database: Database, wanted: u32) -> anyhow::Result<Load> {
    let store = ground.store(database)?;
    let fleet = Fleet::start(ground, &store, options, 1, wanted)?;
    apply(options, &store, &fleet, 0..wanted).await
}

async fn on_full(
    ground: &Ground,
    options: &Options,
    full: &Store<'_>,
    applicants: std::ops::Range<u32>,
) -> anyhow::Result<Load> {
    let fleet = Fleet::resume(ground, full, options, 1)?;
    apply(options, full, &fleet, applicants).await
}

async fn apply(
    options: &Options,
    store: &Store<'_>,
    fleet: &Fleet,
    applicants: std::ops::Range<u32>,
) -> anyhow::Result<Load> {
    let applicants = prepare(&fleet.addresses(), applicants).await?;
    let before = store.totals()?;
    let load = closed(&fleet.addresses(), Work::applications(&applicants), CONNECTIONS, options.lasting()).await?;
    store.totals()?.since(before).check(load.done, load.refused)?;
    Ok(load)
}
