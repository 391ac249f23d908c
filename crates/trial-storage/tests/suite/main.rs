//! The SQLite ledger: judged by the conformance suite that judges every ledger, and by what only a file can do.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod displaced;
mod erasure;
mod events;
mod files;
mod guarantees;
mod invariants;
mod locks;
mod plans;
mod poison;
mod postgres;

/// How many migrations this release has: as many in every database.
fn migrations() -> usize {
    let of = |dialect: &str| {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
        std::fs::read_dir(directory).unwrap().count()
    };
    assert_eq!(of("sqlite"), of("postgres"));
    of("sqlite")
}
