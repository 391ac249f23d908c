//! Plays many seeds of the simulation, or shows in how many of them each mutation is found.
//!
//! `simulate seeds FROM COUNT` fails with the least that leads to the first failure; `simulate mutations FROM COUNT` prints a table.

use std::error::Error;
use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{available_parallelism, scope};

use trial_testkit::simulation::{Found, Mutation, find, simulate};

/// Seeds between two lines of progress.
const PROGRESS: u64 = 500;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, from, count] = arguments.as_slice() else { return Err("seeds|mutations FROM COUNT".into()) };
    let (from, count) = (from.parse()?, count.parse()?);
    match what.as_str() {
        "seeds" => seeds(from, count),
        "mutations" => mutations(from, count),
        other => Err(format!("{other:?} is neither seeds nor mutations").into()),
    }
}

fn seeds(from: u64, count: u64) -> Result<ExitCode, Box<dyn Error>> {
    let (next, done, answers, accepted) =
        (AtomicU64::new(from), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Option<Box<Found>>> = Mutex::default();
    scope(|threads| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while failed.lock().is_ok_and(|failed| failed.is_none()) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        return;
                    }
                    match find(seed, None) {
                        Ok(run) => {
                            answers.fetch_add(run.answers, Ordering::Relaxed);
                            accepted.fetch_add(run.accepted, Ordering::Relaxed);
                        }
                        Err(found) => {
                            if let Ok(mut failed) = failed.lock() {
                                failed.get_or_insert(found);
                            }
                        }
                    }
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(PROGRESS) {
                        let _ = writeln!(stderr(), "{done} of {count} seeds");
                    }
                }
            });
        }
    });
    if let Some(found) = failed.into_inner().map_err(|_| "a thread had died")? {
        write!(stdout(), "{found}")?;
        return Ok(ExitCode::FAILURE);
    }
    let (answers, accepted) = (answers.into_inner(), accepted.into_inner());
    writeln!(stdout(), "{count} seeds from {from}: everything held; {answers} answers, {accepted} of them 000")?;
    Ok(ExitCode::SUCCESS)
}

fn mutations(from: u64, count: u64) -> Result<ExitCode, Box<dyn Error>> {
    // A mutation is often found by a panic of the storage, which would fill the screen.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = stdout().lock();
    writeln!(
        out,
        "| mutation | found in, of {count} seeds | median step | first seen as |\n| --- | --- | --- | --- |"
    )?;
    let mut missed = false;
    for mutation in Mutation::ALL {
        let failures: Vec<_> = (from..from + count).filter_map(|seed| simulate(seed, Some(mutation)).err()).collect();
        let mut steps: Vec<usize> = failures.iter().map(|failure| failure.step).collect();
        steps.sort_unstable();
        let median = steps.get(steps.len() / 2).map_or_else(|| "–".to_owned(), ToString::to_string);
        let words = failures.first().map_or("–", |failure| &failure.broken);
        writeln!(out, "| {mutation} | {} | {median} | {words} |", failures.len())?;
        missed |= failures.is_empty();
    }
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
