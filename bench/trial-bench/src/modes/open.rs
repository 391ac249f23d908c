//! The open loop at each rate, beside a bare commit.

use crate::applicants::prepare;
use crate::ceilings::{bare, bare_at};
use crate::loads::open as run;
use crate::options::Options;
use crate::results::{OpenLevel, OpenRound};
use crate::services::{Fleet, Ground};

use super::Beside;

/// Connections that wait for applications. If all of them wait for answers, applications wait for them, and that
/// counts.
const CONNECTIONS: usize = 256;

/// The service at each rate, beside a bare commit.
pub(crate) async fn open(ground: &Ground, options: &Options, beside: Beside) -> anyhow::Result<Vec<OpenLevel>> {
    let mut levels = Vec::new();
    for &database in &options.databases {
        for &instances in options.instances_on(database) {
            for &rate in &options.rates {
                let mut level = OpenLevel { database, instances, rate, rounds: Vec::new() };
                for _ in 0..options.rounds {
                    level.rounds.push(round(ground, options, &level, beside).await?);
                }
                levels.push(level);
            }
        }
    }
    Ok(levels)
}

async fn round(ground: &Ground, options: &Options, level: &OpenLevel, beside: Beside) -> anyhow::Result<OpenRound> {
    let (bare, paced) = match beside {
        Beside::Ceilings => (
            Some(bare(&ground.store(level.database)?, options, 1).await?),
            Some(bare_at(&ground.store(level.database)?, options, level.rate).await?),
        ),
        Beside::Nothing => (None, None),
    };
    let wanted = level.rate.saturating_mul(options.open_seconds);
    let store = ground.store(level.database)?;
    let fleet = Fleet::start(ground, &store, options, level.instances, wanted)?;
    let applicants = prepare(&fleet.addresses(), 0..wanted).await?;
    let service = run(&fleet.addresses(), &applicants, CONNECTIONS, level.rate).await?;
    store.totals()?.check(service.done, service.refused)?;
    Ok(OpenRound { service, bare, paced })
}
