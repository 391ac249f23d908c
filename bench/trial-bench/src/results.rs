//! The results of measurements, as stored.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::ceilings::Bare;
use crate::loads::{Hostility, Load};
use crate::machine::Machine;
use crate::services::Database;

/// The latest results of each kind.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<Section<ClosedLevel>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) open: Option<Section<OpenLevel>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Section<Start>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flat: Option<Section<Flat>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attack: Option<Section<Attacked>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hostile: Option<Section<Besieged>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) forms: Option<Section<Besieged>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operations: Option<Section<Looked>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sign_in: Option<Section<Refusal>>,
}

/// The results of one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Section<T> {
    pub(crate) machine: Machine,
    pub(crate) levels: Vec<T>,
}

/// The service on one database, with this many instances and connections.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClosedLevel {
    pub(crate) database: Database,
    pub(crate) instances: usize,
    pub(crate) connections: usize,
    pub(crate) rounds: Vec<ClosedRound>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ClosedRound {
    pub(crate) service: Load,
    pub(crate) resident_mib: u64,
    #[serde(default)]
    pub(crate) ceilings: Ceilings,
}

/// The ceilings measured in the same round as the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ceilings {
    /// Requests per second of an endpoint of the same server that does nothing.
    pub(crate) empty: Option<f64>,
    /// The same rows by bare diesel, in batches of several sizes.
    pub(crate) bare: Vec<Bare>,
    /// Applications per second with one transaction each.
    pub(crate) function: Option<f64>,
}

impl Ceilings {
    pub(crate) fn of_batch(&self, batch: usize) -> Option<Bare> {
        self.bare.iter().copied().find(|bare| bare.batch == batch)
    }
}

/// The service on one database at a fixed rate.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OpenLevel {
    pub(crate) database: Database,
    pub(crate) instances: usize,
    pub(crate) rate: u32,
    pub(crate) rounds: Vec<OpenRound>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenRound {
    pub(crate) service: Load,
    /// One application per commit, by bare diesel, one after the other.
    pub(crate) bare: Option<Bare>,
    /// The same at the rate of the service.
    pub(crate) paced: Option<Bare>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) database: Database,
    /// Times from the start of the process to its first answer, in milliseconds.
    pub(crate) starts: Vec<f64>,
    pub(crate) idle_mib: u64,
}

/// Rates at 64 connections on an empty database and on a full one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Flat {
    pub(crate) database: Database,
    pub(crate) tenants: u64,
    pub(crate) in_use: u64,
    pub(crate) challenges: u64,
    pub(crate) access_codes: u64,
    pub(crate) rounds: Vec<FlatRound>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FlatRound {
    pub(crate) empty: Load,
    pub(crate) full: Load,
}

/// Rates of honest applicants at 64 connections.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attacked {
    pub(crate) database: Database,
    pub(crate) rounds: Vec<AttackedRound>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttackedRound {
    pub(crate) quiet: Load,
    pub(crate) attacked: Load,
    /// Guesses answered per second.
    pub(crate) guesses: f64,
}

/// Rates of honest applicants at 64 connections, beside hostile clients of one kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Besieged {
    pub(crate) hostility: Hostility,
    pub(crate) rounds: Vec<BesiegedRound>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BesiegedRound {
    pub(crate) quiet: Load,
    pub(crate) besieged: Load,
    /// Requests sent per second on the hostile connections, whole or not.
    pub(crate) hostile: f64,
    pub(crate) resident_mib: u64,
    /// The peak since the start.
    #[serde(default)]
    pub(crate) peak_mib: Option<u64>,
}

/// The time of one page or call of operators.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Looked {
    pub(crate) database: Database,
    pub(crate) applications: u64,
    pub(crate) what: String,
    /// Medians in milliseconds, among a hundredth of the applications and among all.
    pub(crate) few: f64,
    pub(crate) all: f64,
    /// The 99th percentile in milliseconds, among all.
    pub(crate) p99: f64,
}

/// The time of one kind of refusal at the portal, beside that of an account that does not exist.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) database: Database,
    pub(crate) what: String,
    pub(crate) tries: usize,
    /// The median in milliseconds.
    pub(crate) p50: f64,
    /// The 99th percentile in milliseconds.
    pub(crate) p99: f64,
    /// The share of pairs in which it took longer than that of an unknown account: a half if they do not differ.
    pub(crate) superiority: f64,
    /// The probability of such a share, or one further from a half, by chance (Mann and Whitney's test, two-sided).
    pub(crate) p_value: f64,
}

impl Results {
    /// Reads the results stored at this path; none if there is no file.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let kept = fs::read_to_string(path)?;
        serde_json::from_str(&kept).with_context(|| format!("{} was written by another version", path.display()))
    }

    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)?).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The median; of an even number, the mean of the two in the middle; `None` of nothing.
pub(crate) fn median(all: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = all.into_iter().collect();
    all.sort_by(f64::total_cmp);
    let upper = *all.get(all.len() / 2)?;
    let lower = all[(all.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// The median of a figure over rounds; `None` if one lacks it.
pub(crate) fn of_rounds<Round>(rounds: &[Round], pick: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
    median(rounds.iter().map(pick).collect::<Option<Vec<_>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }

    #[test]
    fn a_figure_missing_in_one_round_has_no_median() {
        assert_eq!(of_rounds(&[Some(1.0), None], |round| *round), None);
        assert_eq!(of_rounds(&[Some(1.0), Some(3.0)], |round| *round), Some(2.0));
    }

    #[test]
    fn other_results_are_kept() {
        let kept: Results = serde_json::from_str("{}").unwrap();
        assert!(kept.closed.is_none() && kept.flat.is_none());
    }
}
