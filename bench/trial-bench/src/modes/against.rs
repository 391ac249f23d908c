//! This build beside another one, alternately, on new databases: the ratio of their speeds.

use std::path::Path;

use crate::applicants::prepare;
use crate::loads::{Load, Work, closed};
use crate::options::Options;
use crate::report::{Ratio, ratio_row};
use crate::services::{Database, Fleet, Ground};

/// The table, in Markdown: for each level the ratio of this build to the other, as minimum, median and maximum of the
/// rounds.
pub(crate) async fn against(ground: &Ground, options: &Options, other: &Path) -> anyhow::Result<String> {
    let theirs = Options { server: other.to_owned(), ..options.clone() };
    let mut table = Ratio::HEAD.to_owned();
    for &database in &options.databases {
        for &instances in options.instances_on(database) {
            for &connections in &options.connections {
                let mut rounds = Vec::new();
                for round in 0..options.rounds {
                    // The first of a pair finds the machine as the second of the pair before left it: the pairs
                    // alternate.
                    let pair = if round % 2 == 0 {
                        let ours = load(ground, options, database, instances, connections).await?;
                        (ours, load(ground, &theirs, database, instances, connections).await?)
                    } else {
                        let other = load(ground, &theirs, database, instances, connections).await?;
                        (load(ground, options, database, instances, connections).await?, other)
                    };
                    rounds.push(pair);
                }
                table.push_str(&ratio_row(&Ratio { database, instances, connections, rounds }));
            }
        }
    }
    Ok(table)
}

async fn load(
    ground: &Ground,
    options: &Options,
    database: Database,
    instances: usize,
    connections: usize,
) -> anyhow::Result<Load> {
    let wanted = options.wanted(None);
    let store = ground.store(database)?;
    let fleet = Fleet::start(ground, &store, options, instances, wanted)?;
    let applicants = prepare(&fleet.addresses(), 0..wanted).await?;
    let load = closed(&fleet.addresses(), Work::applications(&applicants), connections, options.lasting()).await?;
    store.totals()?.check(load.done, load.refused)?;
    Ok(load)
}
