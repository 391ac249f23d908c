//! Measures Trialgate, and in the same run the best rate of the machine's databases for the same rows.
//!
//! The service is seeded and driven only through its public interface and its command line. The stored data is compared
//! with the answers that applicants got.

#![expect(clippy::print_stdout, reason = "a report is what this program is for")]

mod applicants;
mod ceilings;
mod http;
mod loads;
mod machine;
mod modes;
mod options;
mod plot;
mod report;
mod results;
mod services;

use anyhow::Context;
use clap::Parser;

use loads::Hostility;
use machine::Machine;
use modes::Beside;
use options::{Arguments, Mode, Options};
use results::{Results, Section};
use services::Ground;

fn main() -> anyhow::Result<()> {
    let Arguments { mode, options } = Arguments::parse();
    let mode = mode.unwrap_or(Mode::Compare);
    if !matches!(mode, Mode::Report | Mode::Plot) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure(mode, &options))?;
    }
    let results = Results::load(&options.results)?;
    match mode {
        Mode::Ceilings | Mode::Against => return Ok(()),
        Mode::Plot => return plot::draw(&results, &options.svg),
        _ => {}
    }
    if let Some(path) = options.write.as_deref() {
        report::write(path, &report::tables(&results))?;
    }
    println!("{}", report::tables(&measured_by(mode, results)));
    Ok(())
}

/// The results that a run of this mode replaced.
fn measured_by(mode: Mode, all: Results) -> Results {
    let nothing = Results::default();
    match mode {
        Mode::Load => Results { closed: all.closed, open: all.open, ..nothing },
        Mode::Closed => Results { closed: all.closed, ..nothing },
        Mode::Open => Results { open: all.open, ..nothing },
        Mode::Start => Results { start: all.start, ..nothing },
        Mode::Flat => Results { flat: all.flat, ..nothing },
        Mode::Attack => Results { attack: all.attack, ..nothing },
        Mode::Hostile => Results { hostile: all.hostile, ..nothing },
        Mode::Forms => Results { forms: all.forms, ..nothing },
        Mode::Operations => Results { operations: all.operations, ..nothing },
        Mode::SignIn => Results { sign_in: all.sign_in, ..nothing },
        Mode::Compare | Mode::Report | Mode::Ceilings | Mode::Against | Mode::Plot => all,
    }
}

/// Measures, and saves each part as soon as it is there: the next one may fail.
async fn measure(mode: Mode, options: &Options) -> anyhow::Result<()> {
    let ground = Ground::new(options)?;
    let machine = Machine::here(&ground)?;
    if matches!(mode, Mode::Ceilings) {
        return print_ceilings(&ground, &machine, options).await;
    }
    if matches!(mode, Mode::Against) {
        let other = options.other.as_deref().context("--other names the server to compare with")?;
        println!("{machine}\n\n{}", modes::against(&ground, options, other).await?);
        return Ok(());
    }
    let mut results = Results::load(&options.results)?;
    let beside =
        if matches!(mode, Mode::Compare | Mode::Closed | Mode::Open) { Beside::Ceilings } else { Beside::Nothing };
    if matches!(mode, Mode::Compare | Mode::Load | Mode::Closed) {
        results.closed = section(&machine, modes::closed(&ground, options, beside).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Load | Mode::Open) {
        results.open = section(&machine, modes::open(&ground, options, beside).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Start) {
        results.start = section(&machine, modes::start(&ground, options).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Attack) {
        results.attack = section(&machine, modes::attack(&ground, options).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Hostile) {
        results.hostile = section(&machine, modes::hostile(&ground, options, &Hostility::CONNECTIONS).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Forms) {
        results.forms = section(&machine, modes::hostile(&ground, options, &Hostility::FORMS).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Flat) {
        results.flat = section(&machine, modes::flat(&ground, options).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::Operations) {
        results.operations = section(&machine, modes::operations(&ground, options).await?);
        results.save(&options.results)?;
    }
    if matches!(mode, Mode::Compare | Mode::SignIn) {
        results.sign_in = section(&machine, modes::sign_in(&ground, options).await?);
        results.save(&options.results)?;
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "a run measures one part of the results")]
fn section<T>(machine: &Machine, levels: Vec<T>) -> Option<Section<T>> {
    Some(Section { machine: machine.clone(), levels })
}

async fn print_ceilings(ground: &Ground, machine: &Machine, options: &Options) -> anyhow::Result<()> {
    println!("{machine}\n");
    for _ in 0..options.rounds {
        for &database in &options.databases {
            let ceilings = modes::ceilings(ground, options, database, &[1, 64, 256], true).await?;
            println!("{database}: {}", report::ceilings(&ceilings));
        }
    }
    Ok(())
}
