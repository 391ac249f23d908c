//! Honest applicants during an attack on codes.

use crate::applicants::prepare;
use crate::loads::{Attack, Load, Work, closed};
use crate::options::Options;
use crate::results::{Attacked, AttackedRound};
use crate::services::{Database, Fleet, Ground};

const CONNECTIONS: usize = 64;
/// Phones with a code, at which the attacker guesses until it is spent.
const VICTIMS: u32 = 2_000;
/// Numbers that no honest applicant of a run has.
const VICTIMS_FROM: u32 = 40_000_000;
const STRANGERS_FROM: u32 = 50_000_000;

/// The rate of honest applicants, without an attack and with one, alternately.
pub(crate) async fn attack(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Attacked>> {
    let mut all = Vec::new();
    for &database in &options.databases {
        let mut attacked = Attacked { database, rounds: Vec::new() };
        for _ in 0..options.rounds {
            let (quiet, _) = round(ground, options, database, false).await?;
            let (load, guesses) = round(ground, options, database, true).await?;
            attacked.rounds.push(AttackedRound { quiet, attacked: load, guesses });
        }
        all.push(attacked);
    }
    Ok(all)
}

async fn round(
    ground: &Ground,
    options: &Options,
    database: Database,
    is_attacked: bool,
) -> anyhow::Result<(Load, f64)> {
    let wanted = options.wanted(None);
    let store = ground.store(database)?;
    let fleet = Fleet::start(ground, &store, options, 1, wanted)?;
    let addresses = fleet.addresses();
    // Victims are prepared in any case, so that the databases are alike.
    let victims = prepare(&addresses, VICTIMS_FROM..VICTIMS_FROM + VICTIMS).await?;
    let applicants = prepare(&addresses, 0..wanted).await?;
    let strangers = STRANGERS_FROM..STRANGERS_FROM + VICTIMS;
    let attack = is_attacked.then(|| Attack::start(addresses.clone(), &victims, strangers));
    let load = closed(&addresses, Work::applications(&applicants), CONNECTIONS, options.lasting()).await?;
    let guesses = attack.map(Attack::stop).transpose()?.unwrap_or_default();
    store.totals()?.check(load.done, load.refused)?;
    Ok((load, guesses))
}
