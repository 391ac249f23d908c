//! A copy of the database, taken during service.

use std::fs::{self, File};
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use super::{SqliteLedger, SqliteOptions, blocking, open};
use crate::OpenError;

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    verdict: String,
}

impl SqliteLedger {
    /// Copies the database at one instant into a new file, checks every page of the copy, and only then gives it its
    /// name; returns its size in bytes. Neither the copy nor its users wait for each other.
    ///
    /// # Errors
    /// The file exists already or cannot be written, the database cannot be read, or the copy is damaged.
    pub async fn backup(options: &SqliteOptions, to: &Path) -> Result<u64, OpenError> {
        let (options, to) = (options.clone(), to.to_owned());
        blocking(move || copy(&options, &to)).await
    }
}

fn copy(options: &SqliteOptions, to: &Path) -> Result<u64, OpenError> {
    let failed = |source: std::io::Error| OpenError::Database { path: to.to_owned(), source: source.into() };
    if to.exists() {
        return Err(failed(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the file exists already")));
    }
    let part = trial_files::with_suffix(to, ".part");
    let mut from = open::open(options)?;
    // Closed before SQLite opens it: SQLite fills an empty file.
    drop(trial_files::create_anew(&part).map_err(failed)?);
    let name = part.to_string_lossy().into_owned();
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(name)
        .execute(&mut from)
        .map_err(|error| OpenError::Database { path: options.path.clone(), source: error.into() })?;
    check(&part).inspect_err(|_| drop(fs::remove_file(&part)))?;
    let file = File::open(&part).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&part, to).map_err(failed)?;
    if let Some(directory) = to.parent().filter(|path| !path.as_os_str().is_empty()) {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    }
    Ok(file.metadata().map_err(failed)?.len())
}

/// Every page and every index of the copy.
fn check(part: &Path) -> Result<(), OpenError> {
    let mut conn: SqliteConnection = open::open(&SqliteOptions::new(part))?;
    let found: Verdict = diesel::sql_query("SELECT integrity_check AS verdict FROM pragma_integrity_check LIMIT 1")
        .get_result(&mut conn)
        .map_err(|source| OpenError::Damaged { path: part.to_owned(), source })?;
    if found.verdict == "ok" {
        return Ok(());
    }
    let source = std::io::Error::other(format!("the copy is not whole: {}", found.verdict));
    Err(OpenError::Database { path: part.to_owned(), source: source.into() })
}
