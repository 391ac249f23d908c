//! Measures Trialgate against its ceiling: the same rows, by a bare diesel loop, on the same machine in the same run.
//!
//! The service is seeded and driven only through its public interface and its command line. Applications are a closed
//! loop: each connection sends its next one when the last is answered.

#![expect(clippy::print_stdout, reason = "a report is what this program is for")]

mod applicants;
mod ceiling;
mod client;
mod drive;
mod report;
mod service;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;

use report::{HEADING, Level};
use service::Service;

/// Applications per second, and how long they take, beside the same rows by a bare diesel loop.
#[derive(Parser)]
struct Arguments {
    /// Connections, one level after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    connections: Vec<usize>,
    /// Seconds that each level lasts at most.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Applicants that are prepared for each level at most.
    #[arg(long, default_value_t = 60_000)]
    applicants: u32,
    /// How often each level is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The server; built by `cargo build --release`.
    #[arg(long, default_value = "target/release/trialgate")]
    server: PathBuf,
    /// Where databases are made. Not a file system in memory: what is measured is the durable commit.
    #[arg(long, default_value = "target/bench")]
    directory: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::fs::create_dir_all(&arguments.directory).context("cannot make the directory for databases")?;
    println!("{HEADING}");
    for &connections in &arguments.connections {
        // Contestants take turns, so that a machine that changes its pace changes it for both.
        let mut rounds = Vec::new();
        for _ in 0..arguments.rounds {
            let service = runtime.block_on(measure_service(&arguments, connections))?;
            let ceiling =
                ceiling::measure(&arguments.directory, connections, arguments.applicants, seconds(&arguments))?;
            rounds.push((service, ceiling));
        }
        println!("{}", Level::median(connections, &rounds));
    }
    println!("\n{}", runtime.block_on(measure_start(&arguments))?);
    Ok(())
}

fn seconds(arguments: &Arguments) -> Duration {
    Duration::from_secs(arguments.seconds)
}

async fn measure_service(arguments: &Arguments, connections: usize) -> anyhow::Result<drive::Measured> {
    // One connection cannot use up more than it has time for: seeding more would only take longer.
    let wanted = u32::try_from(connections * 4_000).unwrap_or(u32::MAX).min(arguments.applicants);
    let service = Service::start(&arguments.server, &arguments.directory, wanted)?;
    let applicants = applicants::prepare(service.address(), wanted).await?;
    let measured = drive::apply(service.address(), applicants, connections, seconds(arguments)).await?;
    let resident = service.resident_mib()?;
    service.verify(measured.accepted)?;
    Ok(drive::Measured { resident_mib: resident, ..measured })
}

async fn measure_start(arguments: &Arguments) -> anyhow::Result<report::Start> {
    let mut service = Service::start(&arguments.server, &arguments.directory, 100)?;
    let mut starts = Vec::new();
    for _ in 0..10 {
        starts.push(service.restart().await?);
    }
    starts.sort();
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(report::Start { median: starts[starts.len() / 2], idle_mib: service.resident_mib()? })
}
