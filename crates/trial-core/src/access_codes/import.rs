//! Imports of access codes.

use std::collections::BTreeMap;

use crate::values::{AccessCode, AccessCodeKind};

/// Access codes to be loaded into the pool, each with the line it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessCodeImport {
    /// Line in the file, code and kind, in the file's order.
    pub rows: Vec<(u64, AccessCode, AccessCodeKind)>,
}

/// The plan of an import. Nothing is loaded unless `refused` is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// Codes that are new.
    pub new: Vec<(AccessCode, AccessCodeKind)>,
    /// Rows whose code is in the pool already, or in a row before.
    pub known: u64,
    /// Those of them that repeat a row before.
    pub repeated: Vec<RepeatedAccessCode>,
    /// Rows that cannot be loaded.
    pub refused: Vec<RefusedAccessCode>,
}

/// A row that repeats a row before. It does no harm, but may be a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedAccessCode {
    /// Its line in the file.
    pub line: u64,
    /// The line of the first row with its code.
    pub first: u64,
    /// The code.
    pub code: AccessCode,
}

impl ImportPlan {
    /// Codes that one transaction stores: more would keep applicants waiting.
    pub const PIECE: usize = 2_000;

    /// The new codes, by transaction; none if any row is refused. A repeated import stores the pieces that are missing.
    pub fn pieces(&self) -> impl Iterator<Item = &[(AccessCode, AccessCodeKind)]> {
        let stored = if self.refused.is_empty() { self.new.as_slice() } else { &[] };
        stored.chunks(Self::PIECE)
    }

    /// The detail of the import's audit entry, stored with its first piece.
    pub fn audit_detail(&self) -> String {
        format!("{} new, {} known", self.new.len(), self.known)
    }
}

/// A row that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAccessCode {
    /// Its line in the file.
    pub line: u64,
    /// The reason.
    pub reason: String,
}

impl AccessCodeImport {
    /// Sorts the rows into new, known and refused. `known` holds the kinds of those codes that are in the pool, in any
    /// state.
    pub fn plan(&self, known: &BTreeMap<AccessCode, AccessCodeKind>) -> ImportPlan {
        let mut plan = ImportPlan::default();
        let mut seen: BTreeMap<&AccessCode, (u64, AccessCodeKind)> = BTreeMap::new();
        for (line, code, kind) in &self.rows {
            let refuse = |reason| RefusedAccessCode { line: *line, reason };
            match (seen.get(code), known.get(code)) {
                (Some((first, other)), _) if other != kind => {
                    plan.refused
                        .push(refuse(format!("code {code} is in line {first} as {other}; a code has one kind")));
                }
                (_, Some(other)) if other != kind => {
                    plan.refused.push(refuse(format!("code {code} is in the pool as {other}; a code has one kind")));
                }
                (Some((first, _)), _) => {
                    plan.known += 1;
                    plan.repeated.push(RepeatedAccessCode { line: *line, first: *first, code: code.clone() });
                }
                (None, Some(_)) => plan.known += 1,
                (None, None) => plan.new.push((code.clone(), *kind)),
            }
            seen.entry(code).or_insert((*line, *kind));
        }
        plan
    }
}
