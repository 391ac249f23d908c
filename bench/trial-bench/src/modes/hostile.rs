//! Honest applicants beside hostile clients.

use crate::applicants::prepare;
use crate::loads::{Hostility, Load, Siege, Work, closed};
use crate::options::Options;
use crate::results::{Besieged, BesiegedRound};
use crate::services::{Database, Fleet, Ground};

const CONNECTIONS: usize = 64;

/// The rate of honest applicants alone, and then beside hostile clients of each of these kinds. The database does not
/// matter: it is SQLite.
pub(crate) async fn hostile(ground: &Ground, options: &Options, kinds: &[Hostility]) -> anyhow::Result<Vec<Besieged>> {
    let mut all: Vec<_> = kinds.iter().map(|&hostility| Besieged { hostility, rounds: Vec::new() }).collect();
    for _ in 0..options.rounds {
        let quiet = round(ground, options, None).await?.load;
        for besieged in &mut all {
            let Beside { load, hostile, resident_mib, peak_mib } =
                round(ground, options, Some(besieged.hostility)).await?;
            let (quiet, peak_mib) = (quiet.clone(), Some(peak_mib));
            besieged.rounds.push(BesiegedRound { quiet, besieged: load, hostile, resident_mib, peak_mib });
        }
    }
    Ok(all)
}

struct Beside {
    load: Load,
    /// Requests of hostile clients per second.
    hostile: f64,
    resident_mib: u64,
    peak_mib: u64,
}

async fn round(ground: &Ground, options: &Options, hostility: Option<Hostility>) -> anyhow::Result<Beside> {
    let wanted = options.wanted(None);
    let store = ground.store(Database::Sqlite)?;
    let fleet = Fleet::start(ground, &store, options, 1, wanted)?;
    let addresses = fleet.addresses();
    let applicants = prepare(&addresses, 0..wanted).await?;
    let siege = hostility.zip(addresses.first()).map(|(hostility, address)| {
        let connections = options.scaled(f64::from(hostility.connections())).max(8);
        Siege::lay(*address, hostility, usize::try_from(connections).unwrap_or(usize::MAX))
    });
    let siege = siege.transpose()?;
    let load = closed(&addresses, Work::applications(&applicants), CONNECTIONS, options.lasting()).await?;
    let (resident_mib, peak_mib) = (fleet.resident_mib()?, fleet.peak_mib()?);
    let hostile = siege.map(Siege::lift).transpose()?.unwrap_or_default();
    store.totals()?.check(load.done, load.refused)?;
    Ok(Beside { load, hostile, resident_mib, peak_mib })
}
