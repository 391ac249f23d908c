//! The closed loop at each number of connections, beside its ceilings.

use std::collections::HashMap;
use std::time::Duration;

use crate::applicants::prepare;
use crate::ceilings::{bare, one_transaction_each};
use crate::loads::{Work, closed as run};
use crate::options::Options;
use crate::results::{Ceilings, ClosedLevel, ClosedRound};
use crate::services::{Database, Fleet, Ground};

/// The loads measured in the same round as the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Ceilings,
    Nothing,
}

/// Connections at which one transaction per application is measured.
const FUNCTION_AT: usize = 64;

/// The service at each level, beside its ceilings. Contestants alternate, so that a change of the machine's speed
/// affects all of them.
pub(crate) async fn closed(ground: &Ground, options: &Options, beside: Beside) -> anyhow::Result<Vec<ClosedLevel>> {
    let mut levels = Vec::new();
    for &database in &options.databases {
        for &connections in &options.connections {
            levels.extend(level(ground, options, beside, database, connections).await?);
        }
    }
    Ok(levels)
}

async fn level(
    ground: &Ground,
    options: &Options,
    beside: Beside,
    database: Database,
    connections: usize,
) -> anyhow::Result<Vec<ClosedLevel>> {
    let instances = options.instances_on(database);
    let new = |&instances| ClosedLevel { database, instances, connections, rounds: Vec::new() };
    let mut levels: Vec<_> = instances.iter().map(new).collect();
    let mut paces = HashMap::new();
    for _ in 0..options.rounds {
        let ceilings = match beside {
            Beside::Ceilings => {
                ceilings(ground, options, database, batches(connections), connections == FUNCTION_AT).await?
            }
            Beside::Nothing => Ceilings::default(),
        };
        for level in &mut levels {
            let before = paces.get(&level.instances).copied();
            let mut round = service(ground, options, level, before, beside).await?;
            paces.insert(level.instances, round.service.per_second);
            round.ceilings = Ceilings { empty: round.ceilings.empty, ..ceilings.clone() };
            tell(level, &round);
            level.rounds.push(round);
        }
    }
    Ok(levels)
}

#[expect(clippy::print_stderr, reason = "a run takes long and shows its progress")]
fn tell(level: &ClosedLevel, round: &ClosedRound) {
    let ClosedLevel { database, instances, connections, .. } = level;
    let bare: Vec<_> =
        round.ceilings.bare.iter().map(|bare| format!("{:.0} by {}", bare.per_second, bare.batch)).collect();
    eprintln!(
        "{database}, {instances} x {connections} connections: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms; bare {}; function {:.0}; empty {:.0}",
        round.service.per_second,
        round.service.p50,
        round.service.p99,
        bare.join(", "),
        round.ceilings.function.unwrap_or_default(),
        round.ceilings.empty.unwrap_or_default(),
    );
}

/// A batch of 64 is a ceiling for every level; one of 256 for those that may fill it, and one of 1 for the one that
/// cannot fill any other.
fn batches(connections: usize) -> &'static [usize] {
    match connections {
        1 => &[1, 64],
        2..64 => &[64],
        _ => &[64, 256],
    }
}

/// Bare diesel in these batches, and one transaction per application if requested and possible.
pub(crate) async fn ceilings(
    ground: &Ground,
    options: &Options,
    database: Database,
    batches: &[usize],
    with_function: bool,
) -> anyhow::Result<Ceilings> {
    let mut ceilings = Ceilings::default();
    for &batch in batches {
        let store = ground.store(database)?;
        ceilings.bare.push(bare(&store, options, batch).await?);
    }
    if with_function && database == Database::Postgres {
        let store = ground.store(database)?;
        ceilings.function = Some(one_transaction_each(&store, options).await?);
    }
    Ok(ceilings)
}

async fn service(
    ground: &Ground,
    options: &Options,
    level: &ClosedLevel,
    before: Option<f64>,
    beside: Beside,
) -> anyhow::Result<ClosedRound> {
    let wanted = options.wanted(before);
    let store = ground.store(level.database)?;
    let fleet = Fleet::start(ground, &store, options, level.instances, wanted)?;
    let addresses = fleet.addresses();
    let empty = match beside {
        Beside::Ceilings => Some(empty(&addresses, level.connections, options.lasting()).await?),
        Beside::Nothing => None,
    };
    let applicants = prepare(&addresses, 0..wanted).await?;
    let service = run(&addresses, Work::applications(&applicants), level.connections, options.lasting()).await?;
    let resident_mib = fleet.resident_mib()?;
    store.totals()?.check(service.done, service.refused)?;
    Ok(ClosedRound { service, resident_mib, ceilings: Ceilings { empty, ..Ceilings::default() } })
}

async fn empty(addresses: &[std::net::SocketAddr], connections: usize, lasting: Duration) -> anyhow::Result<f64> {
    Ok(run(addresses, Work::Empty, connections, lasting / 2).await?.per_second)
}
