//! The services under measurement: databases, and instances of the service on them.

mod fleet;
mod ground;
mod half_year;
mod past;
mod totals;

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub(crate) use fleet::Fleet;
pub(crate) use ground::{Ground, Store};
pub(crate) use half_year::HalfYear;
pub(crate) use past::Past;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}
