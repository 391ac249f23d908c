//! Warnings to operations.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::ports::Upkeep;

use super::page::List;

/// A warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningReport {
    /// The name: `pool.voice.low`, `quota.90`, `owner_mails.70`.
    pub name: String,
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// The warning, in words.
    pub words: String,
}

/// The warnings of a day, oldest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(upkeep: &dyn Upkeep, day: NaiveDate) -> Result<List<WarningReport>, LedgerError> {
    let found = upkeep.warnings(day).await?;
    let items =
        found.into_iter().map(|warning| WarningReport { name: warning.name, at: warning.at, words: warning.words });
    Ok(List { items: items.collect() })
}
