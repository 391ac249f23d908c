//! Start times and the memory of an idle process.

use std::time::Duration;

use crate::options::Options;
use crate::results::Start;
use crate::services::{Fleet, Ground};

const STARTS: usize = 10;

/// Starts on an existing database, and the memory of an idle process.
pub(crate) async fn start(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Start>> {
    let mut all = Vec::new();
    for &database in &options.databases {
        let store = ground.store(database)?;
        let mut fleet = Fleet::start(ground, &store, options, 1, 100)?;
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            starts.push(fleet.restart().await?.as_secs_f64() * 1e3);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        all.push(Start { database, starts, idle_mib: fleet.resident_mib()? });
    }
    Ok(all)
}
