//! The configured database.

use std::fmt;
use std::path::{Path, PathBuf};

use trial_storage::PostgresOptions;

use super::secret::ServiceUrl;

/// The configured database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// One PostgreSQL server, or several.
    Postgres {
        /// The URL of connections, with its password.
        url: ServiceUrl,
        /// Name and hosts, as shown.
        place: String,
    },
}

impl Database {
    /// Parses a URL; a path in it is relative to `base`.
    ///
    /// # Errors
    /// The message names the problem without repeating the URL, which may hold a password.
    pub(crate) fn parse(url: &ServiceUrl, base: &Path) -> Result<Self, String> {
        let text = url.reveal();
        url.check().map_err(|error| error.to_string())?;
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let place = PostgresOptions::place(text).map_err(|error| error.to_string())?;
            return Ok(Self::Postgres { url: url.clone(), place });
        }
        let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            None => Err("must be sqlite:PATH or postgres://…".to_owned()),
            Some("") => Err("names no file; write sqlite:PATH".to_owned()),
            Some(path) if path.starts_with(":memory:") => {
                Err("names a database in memory, which would be lost with the process; use sqlite:PATH".to_owned())
            }
            Some(path) if path.contains(['?', '\0']) => Err("must be sqlite:PATH, without parameters".to_owned()),
            Some(path) => Ok(Self::Sqlite(base.join(path))),
        }
    }
}

/// The place of the database, for messages.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres { place, .. } => f.write_str(place),
        }
    }
}
