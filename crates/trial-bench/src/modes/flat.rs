use anyhow::ensure;

use crate::applicants::prepare;
use crate::loads::{Load, Work, closed};
use crate::options::Options;
use crate::results::{Flat, FlatRound};
use crate::services::{Database, Fleet, Ground, Store};

const CONNECTIONS: usize = 64;
/// Applicants of a run have smaller numbers than those that are in the database before it.
const PAST_FROM: u32 = 1_000_000;
/// More than these, and `doctor` takes longer than the run.
const EXAMINED: u32 = 200_000;

/// What is in the full database.
struct Past {
    tenants: u32,
    challenges: u32,
    in_use: u32,
    /// Free access codes of each kind.
    free: u32,
}

impl Past {
    fn of(options: &Options) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number, cut off if it is large"
        )]
        let scaled = |full: f64| (full * options.scale) as u32;
        let pairs = scaled(500_000.0);
        let tenants = scaled(10_000_000.0).max(1);
        let in_use = options.in_use.unwrap_or(pairs / 2).min(tenants);
        let needed = options.applicants.saturating_mul(u32::try_from(options.rounds).unwrap_or(u32::MAX));
        Self {
            tenants,
            challenges: scaled(10_000_000.0).max(1),
            in_use,
            free: pairs.saturating_sub(in_use).max(needed),
        }
    }
}

/// The rate on an empty database and on a full one, in turn.
pub(crate) async fn flat(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Flat>> {
    ensure!(
        options.applicants.saturating_mul(u32::try_from(options.rounds)?) <= PAST_FROM,
        "{PAST_FROM} applicants are enough for all rounds together"
    );
    if !options.databases.contains(&Database::Postgres) {
        return Ok(Vec::new());
    }
    let past = Past::of(options);
    let full = ground.store(Database::Postgres)?;
    seed(ground, options, &full, &past)?;
    let mut rounds = Vec::new();
    let (mut first, mut before) = (0, None);
    for _ in 0..options.rounds {
        let wanted = options.wanted(before);
        let empty = on_empty(ground, options, wanted).await?;
        let full = on_full(ground, options, &full, first..first + wanted).await?;
        before = Some(empty.per_second.max(full.per_second));
        first += wanted;
        rounds.push(FlatRound { empty, full });
    }
    if past.tenants <= EXAMINED {
        Fleet::resume(ground, &full, options, 1)?.examine()?;
    }
    Ok(vec![Flat {
        database: Database::Postgres,
        tenants: past.tenants.into(),
        in_use: past.in_use.into(),
        challenges: past.challenges.into(),
        access_codes: 2 * u64::from(past.in_use + past.free),
        rounds,
    }])
}

fn seed(ground: &Ground, options: &Options, full: &Store<'_>, past: &Past) -> anyhow::Result<()> {
    Fleet::migrate(ground, full, options)?;
    ground.run(full, include_str!("../../sql/functions.sql"), &[])?;
    let numbers = [
        ("tenants", past.tenants),
        ("challenges", past.challenges),
        ("in_use", past.in_use),
        ("free", past.free),
        ("first", PAST_FROM),
    ];
    let numbers = numbers.map(|(name, number)| (name, number.to_string()));
    let numbers: Vec<_> = numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
    ground.run(full, include_str!("../../sql/seed.sql"), &numbers)
}

async fn on_empty(ground: &Ground, options: &Options, wanted: u32) -> anyhow::Result<Load> {
    let store = ground.store(Database::Postgres)?;
    let fleet = Fleet::start(ground, &store, options, 1, wanted)?;
    apply(ground, options, &store, &fleet, 0..wanted).await
}

async fn on_full(
    ground: &Ground,
    options: &Options,
    full: &Store<'_>,
    applicants: std::ops::Range<u32>,
) -> anyhow::Result<Load> {
    let fleet = Fleet::resume(ground, full, options, 1)?;
    apply(ground, options, full, &fleet, applicants).await
}

async fn apply(
    ground: &Ground,
    options: &Options,
    store: &Store<'_>,
    fleet: &Fleet,
    applicants: std::ops::Range<u32>,
) -> anyhow::Result<Load> {
    let applicants = prepare(&fleet.addresses(), applicants).await?;
    let before = ground.totals(store)?;
    let load = closed(&fleet.addresses(), Work::applications(&applicants), CONNECTIONS, options.lasting()).await?;
    ground.totals(store)?.since(before).check(load.done, load.refused)?;
    Ok(load)
}
