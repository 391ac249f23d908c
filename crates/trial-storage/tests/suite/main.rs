//! The SQLite ledger: checked by the conformance suite of every ledger, and by tests for files.

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

/// The number of migrations of this release, the same for every database.
fn migrations() -> usize {
    let of = |dialect: &str| {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
        std::fs::read_dir(directory).unwrap().count()
    };
    assert_eq!(of("sqlite"), of("postgres"));
    of("sqlite")
}
