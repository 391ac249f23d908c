//! The tables, in Markdown.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::ceilings::Bare;
use crate::loads::Load;
use crate::machine::Machine;
use crate::results::{
    Attacked, Besieged, BesiegedRound, Ceilings, ClosedLevel, ClosedRound, Flat, Looked, OpenLevel, OpenRound, Refusal,
    Results, Section, Start, median, of_rounds,
};
use crate::services::Database;

/// The marks around the tables in a document.
const BEGIN: &str = "<!-- trial-bench report: begin -->\n";
const END: &str = "<!-- trial-bench report: end -->\n";

pub(crate) fn tables(results: &Results) -> String {
    let Results { closed, open, start, flat, attack, hostile, forms, operations, sign_in } = results;
    let closed = closed.as_ref();
    let beside = closed.filter(|closed| closed.levels.iter().any(has_ceilings));
    let all = [
        section("Closed loop", closed, CLOSED, closed_row),
        section("Closed loop, beside the ceilings", beside, CEILINGS, ceilings_row),
        section("Open loop", open.as_ref(), OPEN, open_row),
        section("Start", start.as_ref(), START, start_row),
        section("Empty and full", flat.as_ref(), FLAT, flat_row),
        section("Under attack", attack.as_ref(), ATTACK, attack_row),
        section("Beside hostile clients", hostile.as_ref(), HOSTILE, hostile_row),
        section("Beside forms without a session", forms.as_ref(), HOSTILE, hostile_row),
        section("Operations", operations.as_ref(), OPERATIONS, operations_row),
        section("Refused at the portal", sign_in.as_ref(), SIGN_IN, sign_in_row),
    ];
    let mut text = String::new();
    let mut told = None;
    for (machine, table) in all.into_iter().flatten() {
        // Once for all tables of one run.
        if told != Some(machine) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{machine}\n");
            told = Some(machine);
        }
        text.push_str(&table);
        text.push('\n');
    }
    text
}

fn has_ceilings(level: &ClosedLevel) -> bool {
    level.rounds.iter().any(|round| !round.ceilings.bare.is_empty())
}

/// Rounds of this build and of another one, at one level.
pub(crate) struct Ratio {
    pub(crate) database: Database,
    pub(crate) instances: usize,
    pub(crate) connections: usize,
    /// This build, and the other.
    pub(crate) rounds: Vec<(Load, Load)>,
}

impl Ratio {
    pub(crate) const HEAD: &str = "| database | instances | connections | applications/s, this | other | ratio (min – median – max) | \
        p50 ratio | p99 ratio |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
}

/// Ratios of one level; of each figure the minimum, median and maximum of the rounds.
pub(crate) fn ratio_row(level: &Ratio) -> String {
    let Ratio { database, instances, connections, rounds } = level;
    let middle = |pick: fn(&(Load, Load)) -> f64| median(rounds.iter().map(pick)).unwrap_or_default();
    let spread = |pick: fn(&Load) -> f64| {
        let mut ratios: Vec<f64> = rounds.iter().map(|(this, other)| pick(this) / pick(other)).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios.first().copied().unwrap_or_default(), ratios.last().copied().unwrap_or_default());
        format!("{least:.2} – {:.2} – {most:.2}", median(ratios.iter().copied()).unwrap_or_default())
    };
    format!(
        "| {database} | {instances} | {connections} | {:.0} | {:.0} | {} | {} | {} |\n",
        middle(|(this, _)| this.per_second),
        middle(|(_, other)| other.per_second),
        spread(|load| load.per_second),
        spread(|load| load.p50),
        spread(|load| load.p99),
    )
}

/// Puts the tables into a document, below the picture if there is one beside it.
pub(crate) fn write(path: &Path, tables: &str) -> anyhow::Result<()> {
    let picture = path.with_extension("svg");
    let name = picture.file_name().filter(|_| picture.exists()).map(|name| name.to_string_lossy());
    let picture = name.map(|name| format!("![Applications each second over connections]({name})\n\n"));
    let tables = format!("{}{tables}", picture.unwrap_or_default());
    let document = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replaced(&document, tables.trim_end())
        .with_context(|| format!("{} has no place for tables", path.display()))?;
    fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(document: &str, tables: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}\n\n{END}{after}"))
}

/// The machine and the table, if there are any results.
fn section<'a, T>(
    title: &str,
    section: Option<&'a Section<T>>,
    columns: &[&str],
    row: fn(&T) -> Vec<Option<String>>,
) -> Option<(&'a Machine, String)> {
    let Section { machine, levels } = section.filter(|section| !section.levels.is_empty())?;
    let rows: Vec<_> = levels.iter().map(row).collect();
    Some((machine, format!("### {title}\n\n{}", table(columns, &rows))))
}

/// A table without empty columns.
fn table(columns: &[&str], rows: &[Vec<Option<String>>]) -> String {
    let told: Vec<_> = (0..columns.len()).filter(|place| rows.iter().any(|row| row[*place].is_some())).collect();
    let line = |cells: &dyn Fn(usize) -> String| {
        format!("| {} |\n", told.iter().map(|place| cells(*place)).collect::<Vec<_>>().join(" | "))
    };
    let mut text = line(&|place| columns[place].to_owned());
    text += &line(&|_| "---:".to_owned());
    for row in rows {
        text += &line(&|place| row[place].clone().unwrap_or_else(|| "–".to_owned()));
    }
    text
}

const CLOSED: &[&str] =
    &["database", "instances", "connections", "applications/s", "p50 ms", "p99 ms", "not 000", "resident MiB"];

fn closed_row(level: &ClosedLevel) -> Vec<Option<String>> {
    let of = |pick: fn(&ClosedRound) -> Option<f64>| of_rounds(&level.rounds, pick);
    let refused: u64 = level.rounds.iter().map(|round| round.service.refused).sum();
    let resident = level.rounds.iter().map(|round| round.resident_mib).max();
    vec![
        Some(level.database.to_string()),
        Some(level.instances.to_string()),
        Some(level.connections.to_string()),
        whole(of(|round| Some(round.service.per_second))),
        hundredths(of(|round| Some(round.service.p50))),
        hundredths(of(|round| Some(round.service.p99))),
        Some(refused.to_string()),
        resident.map(|mib| mib.to_string()),
    ]
}

const CEILINGS: &[&str] = &[
    "database",
    "instances",
    "connections",
    "applications/s",
    "bare, 1 in a commit",
    "bare, 64",
    "bare, 256",
    "one transaction each",
    "empty endpoint/s",
    "ratio to bare, 1",
    "to bare, 64",
    "to bare, 256",
    "to one transaction each",
    "to the empty endpoint",
];

type Pick<'a> = &'a dyn Fn(&ClosedRound) -> Option<f64>;

fn ceilings_row(level: &ClosedLevel) -> Vec<Option<String>> {
    let of = |pick: Pick<'_>| of_rounds(&level.rounds, pick);
    let ratio = |to: Pick<'_>| of(&|round| Some(round.service.per_second / to(round)?));
    let bare = |batch| move |round: &ClosedRound| Some(round.ceilings.of_batch(batch)?.per_second);
    let (one, some, many) = (bare(1), bare(64), bare(256));
    let function = |round: &ClosedRound| round.ceilings.function;
    let empty = |round: &ClosedRound| round.ceilings.empty;
    let all: [Pick<'_>; 5] = [&one, &some, &many, &function, &empty];
    let mut row = vec![
        Some(level.database.to_string()),
        Some(level.instances.to_string()),
        Some(level.connections.to_string()),
        whole(of(&|round| Some(round.service.per_second))),
    ];
    row.extend(all.iter().map(|pick| whole(of(pick))));
    row.extend(all.iter().map(|pick| hundredths(ratio(pick))));
    row
}

/// One line for a run of ceilings alone.
pub(crate) fn ceilings(ceilings: &Ceilings) -> String {
    let bare = ceilings.bare.iter().map(|bare| {
        let Bare { batch, per_second, p50, p99 } = bare;
        format!("{per_second:.0}/s with {batch} in a commit (p50 {p50:.2} ms, p99 {p99:.2} ms)")
    });
    let function = ceilings.function.map(|per_second| format!("{per_second:.0}/s with one transaction each"));
    bare.chain(function).collect::<Vec<_>>().join(", ")
}

const OPEN: &[&str] = &[
    "database",
    "instances",
    "rate/s",
    "applications/s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "longest ms",
    "not 000",
    "bare commit p50 ms",
    "bare commit p99 ms",
    "at the same rate: p50 ms",
    "p99 ms",
    "p50 to a bare commit",
    "to one at the same rate",
];

fn open_row(level: &OpenLevel) -> Vec<Option<String>> {
    let of = |pick: fn(&OpenRound) -> Option<f64>| of_rounds(&level.rounds, pick);
    let refused: u64 = level.rounds.iter().map(|round| round.service.refused).sum();
    vec![
        Some(level.database.to_string()),
        Some(level.instances.to_string()),
        Some(level.rate.to_string()),
        whole(of(|round| Some(round.service.per_second))),
        hundredths(of(|round| Some(round.service.p50))),
        hundredths(of(|round| Some(round.service.p99))),
        hundredths(of(|round| Some(round.service.p999))),
        hundredths(of(|round| Some(round.service.longest))),
        Some(refused.to_string()),
        hundredths(of(|round| Some(round.bare?.p50))),
        hundredths(of(|round| Some(round.bare?.p99))),
        hundredths(of(|round| Some(round.paced?.p50))),
        hundredths(of(|round| Some(round.paced?.p99))),
        hundredths(of(|round| Some(round.service.p50 / round.bare?.p50))),
        hundredths(of(|round| Some(round.service.p50 / round.paced?.p50))),
    ]
}

const START: &[&str] = &["database", "start to first answer ms", "slowest ms", "resident, idle MiB"];

fn start_row(start: &Start) -> Vec<Option<String>> {
    let slowest = start.starts.iter().copied().max_by(f64::total_cmp);
    vec![
        Some(start.database.to_string()),
        whole(median(start.starts.iter().copied())),
        whole(slowest),
        Some(start.idle_mib.to_string()),
    ]
}

const FLAT: &[&str] = &[
    "database",
    "tenants",
    "of these in use",
    "spent codes",
    "access codes",
    "empty: applications/s",
    "full: applications/s",
    "ratio",
    "empty: p99 ms",
    "full: p99 ms",
];

fn flat_row(flat: &Flat) -> Vec<Option<String>> {
    let of = |pick: fn(&crate::results::FlatRound) -> Option<f64>| of_rounds(&flat.rounds, pick);
    vec![
        Some(flat.database.to_string()),
        Some(flat.tenants.to_string()),
        Some(flat.in_use.to_string()),
        Some(flat.challenges.to_string()),
        Some(flat.access_codes.to_string()),
        whole(of(|round| Some(round.empty.per_second))),
        whole(of(|round| Some(round.full.per_second))),
        hundredths(of(|round| Some(round.full.per_second / round.empty.per_second))),
        hundredths(of(|round| Some(round.empty.p99))),
        hundredths(of(|round| Some(round.full.p99))),
    ]
}

const ATTACK: &[&str] = &[
    "database",
    "quiet: applications/s",
    "attacked: applications/s",
    "ratio",
    "quiet: p99 ms",
    "attacked: p99 ms",
    "guesses/s",
];

fn attack_row(attacked: &Attacked) -> Vec<Option<String>> {
    let of = |pick: fn(&crate::results::AttackedRound) -> Option<f64>| of_rounds(&attacked.rounds, pick);
    vec![
        Some(attacked.database.to_string()),
        whole(of(|round| Some(round.quiet.per_second))),
        whole(of(|round| Some(round.attacked.per_second))),
        hundredths(of(|round| Some(round.attacked.per_second / round.quiet.per_second))),
        hundredths(of(|round| Some(round.quiet.p99))),
        hundredths(of(|round| Some(round.attacked.p99))),
        whole(of(|round| Some(round.guesses))),
    ]
}

const HOSTILE: &[&str] = &[
    "beside",
    "hostile connections",
    "hostile requests/s",
    "alone: applications/s",
    "beside: applications/s",
    "ratio",
    "alone: p50 ms",
    "beside: p50 ms",
    "alone: p99 ms",
    "beside: p99 ms",
    "not 000",
    "resident MiB",
    "at most MiB",
];

fn hostile_row(besieged: &Besieged) -> Vec<Option<String>> {
    let of = |pick: fn(&BesiegedRound) -> Option<f64>| of_rounds(&besieged.rounds, pick);
    let refused: u64 = besieged.rounds.iter().map(|round| round.besieged.refused).sum();
    let resident = besieged.rounds.iter().map(|round| round.resident_mib).max();
    vec![
        Some(besieged.hostility.to_string()),
        Some(besieged.hostility.connections().to_string()),
        whole(of(|round| Some(round.hostile))),
        whole(of(|round| Some(round.quiet.per_second))),
        whole(of(|round| Some(round.besieged.per_second))),
        hundredths(of(|round| Some(round.besieged.per_second / round.quiet.per_second))),
        hundredths(of(|round| Some(round.quiet.p50))),
        hundredths(of(|round| Some(round.besieged.p50))),
        hundredths(of(|round| Some(round.quiet.p99))),
        hundredths(of(|round| Some(round.besieged.p99))),
        Some(refused.to_string()),
        resident.map(|mib| mib.to_string()),
        besieged.rounds.iter().filter_map(|round| round.peak_mib).max().map(|mib| mib.to_string()),
    ]
}

const OPERATIONS: &[&str] =
    &["database", "applications", "page or call", "p50 ms", "p99 ms", "p50 ms among a hundredth", "ratio"];

fn operations_row(looked: &Looked) -> Vec<Option<String>> {
    vec![
        Some(looked.database.to_string()),
        Some(looked.applications.to_string()),
        Some(format!("`{}`", looked.what)),
        hundredths(Some(looked.all)),
        hundredths(Some(looked.p99)),
        hundredths(Some(looked.few)),
        hundredths(Some(looked.all / looked.few)),
    ]
}

const SIGN_IN: &[&str] = &[
    "database",
    "fault",
    "attempts",
    "p50 ms",
    "p99 ms",
    "took longer than no such account in",
    "p-value (Mann–Whitney)",
];

fn sign_in_row(refusal: &Refusal) -> Vec<Option<String>> {
    vec![
        Some(refusal.database.to_string()),
        Some(refusal.what.clone()),
        Some(refusal.tries.to_string()),
        hundredths(Some(refusal.p50)),
        hundredths(Some(refusal.p99)),
        Some(format!("{:.1} % of pairs", 100.0 * refusal.superiority)),
        hundredths(Some(refusal.p_value)),
    ]
}

fn whole(number: Option<f64>) -> Option<String> {
    number.map(|number| format!("{number:.0}"))
}

fn hundredths(number: Option<f64>) -> Option<String> {
    number.map(|number| format!("{number:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_has_its_spread() {
        let load =
            |per_second: f64| Load { done: 1, refused: 0, per_second, p50: 2.0, p99: 4.0, p999: 4.0, longest: 4.0 };
        let rounds = vec![(load(90.0), load(100.0)), (load(100.0), load(100.0)), (load(120.0), load(100.0))];
        let row = ratio_row(&Ratio { database: Database::Sqlite, instances: 1, connections: 64, rounds });
        let expected =
            "| SQLite | 1 | 64 | 100 | 100 | 0.90 – 1.00 – 1.20 | 1.00 – 1.00 – 1.00 | 1.00 – 1.00 – 1.00 |\n";
        assert_eq!(row, expected);
    }
    use crate::loads::{Hostility, Load};
    use crate::services::Database;

    fn round(per_second: f64, bare: f64) -> ClosedRound {
        let service = Load { done: 9, refused: 0, per_second, p50: 1.0, p99: 2.0, p999: 3.0, longest: 4.0 };
        let bare = vec![Bare { batch: 64, per_second: bare, p50: 1.0, p99: 2.0 }];
        ClosedRound { service, resident_mib: 40, ceilings: Ceilings { bare, ..Ceilings::default() } }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let rounds = vec![round(100.0, 200.0), round(300.0, 400.0), round(50.0, 500.0)];
        let level = ClosedLevel { database: Database::Sqlite, instances: 1, connections: 64, rounds };
        let row = ceilings_row(&level);
        assert_eq!(row.len(), CEILINGS.len());
        let cell = |name| row[CEILINGS.iter().position(|column| *column == name).unwrap()].as_deref();
        assert_eq!(cell("applications/s"), Some("100"));
        assert_eq!(cell("bare, 64"), Some("400"));
        assert_eq!(cell("to bare, 64"), Some("0.50"));
        assert_eq!(cell("bare, 256"), None);
    }

    #[test]
    fn every_table_has_a_cell_for_each_column() {
        let level = ClosedLevel { database: Database::Sqlite, instances: 1, connections: 64, rounds: Vec::new() };
        assert_eq!(closed_row(&level).len(), CLOSED.len());
        let level = OpenLevel { database: Database::Sqlite, instances: 1, rate: 100, rounds: Vec::new() };
        assert_eq!(open_row(&level).len(), OPEN.len());
        assert_eq!(start_row(&Start { database: Database::Sqlite, starts: vec![1.0], idle_mib: 1 }).len(), START.len());
        assert_eq!(attack_row(&Attacked { database: Database::Sqlite, rounds: Vec::new() }).len(), ATTACK.len());
        assert_eq!(hostile_row(&Besieged { hostility: Hostility::Idle, rounds: Vec::new() }).len(), HOSTILE.len());
    }

    #[test]
    fn a_column_without_any_figure_is_left_out() {
        let rows = [vec![Some("1".to_owned()), None, None], vec![Some("2".to_owned()), None, Some("3".to_owned())]];
        assert_eq!(table(&["a", "b", "c"], &rows), "| a | c |\n| ---: | ---: |\n| 1 | – |\n| 2 | 3 |\n");
    }

    #[test]
    fn tables_replace_the_text_between_the_marks() {
        let document = format!("before\n{BEGIN}old\n{END}after\n");
        let new = replaced(&document, "new").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(replaced(&new, "new").unwrap(), new);
        assert_eq!(replaced("no place", "new"), None);
    }
}
