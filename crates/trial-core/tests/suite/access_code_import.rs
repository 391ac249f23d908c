//! Plans of imports.

use std::collections::BTreeMap;

use trial_core::access_codes::AccessCodeImport;
use trial_core::values::{AccessCode, AccessCodeKind};

use AccessCodeKind::{Multimedia, Voice};

fn code(text: &str) -> AccessCode {
    AccessCode::parse(text).unwrap()
}

/// New codes, the number of known rows, and the refused lines with a piece of the reason.
fn plan(rows: &[(&str, AccessCodeKind)], known: &[(&str, AccessCodeKind)]) -> (Vec<String>, u64, Vec<(u64, String)>) {
    let rows = rows.iter().zip(2..).map(|((text, kind), line)| (line, code(text), *kind)).collect();
    let known: BTreeMap<_, _> = known.iter().map(|(text, kind)| (code(text), *kind)).collect();
    let plan = AccessCodeImport { rows }.plan(&known);
    let new = plan.new.into_iter().map(|(code, kind)| format!("{kind} {code}")).collect();
    (new, plan.known, plan.refused.into_iter().map(|row| (row.line, row.reason)).collect())
}

#[test]
fn nothing_comes_to_nothing() {
    assert_eq!(plan(&[], &[("1", Voice)]), (vec![], 0, vec![]));
}

#[test]
fn new_codes_are_kept_in_the_files_order() {
    let (new, known, refused) = plan(&[("2", Voice), ("1", Multimedia), ("3", Voice)], &[]);
    assert_eq!((new, known, refused), (vec!["voice 2".into(), "multimedia 1".into(), "voice 3".into()], 0, vec![]));
}

#[test]
fn what_is_so_already_is_known() {
    let (new, known, refused) = plan(&[("1", Voice), ("2", Voice), ("2", Voice)], &[("1", Voice)]);
    assert_eq!((new, known, refused), (vec!["voice 2".to_owned()], 2, vec![]));
}

#[test]
fn a_row_that_says_again_what_one_before_says_is_named() {
    let rows = [(2, "1"), (4, "2"), (5, "1"), (9, "1")].map(|(line, text)| (line, code(text), Voice));
    let known = BTreeMap::from([(code("2"), Voice)]);
    let plan = AccessCodeImport { rows: rows.to_vec() }.plan(&known);
    let repeated: Vec<_> = plan.repeated.iter().map(|row| (row.line, row.first, row.code.as_str())).collect();
    assert_eq!((plan.known, repeated), (3, vec![(5, 2, "1"), (9, 2, "1")]));
}

#[test]
fn a_code_of_another_kind_in_the_pool_is_refused() {
    let (new, known, refused) = plan(&[("1", Multimedia), ("2", Voice)], &[("1", Voice)]);
    assert_eq!((new, known), (vec!["voice 2".to_owned()], 0));
    assert_eq!(refused, [(2, "code 1 is in the pool as voice; a code has one kind".to_owned())]);
}

#[test]
fn a_code_of_two_kinds_in_the_file_is_refused_with_the_line_of_the_first() {
    let (new, known, refused) = plan(&[("1", Voice), ("1", Voice), ("1", Multimedia)], &[]);
    assert_eq!((new, known), (vec!["voice 1".to_owned()], 1));
    assert_eq!(refused, [(4, "code 1 is in line 2 as voice; a code has one kind".to_owned())]);
}

#[test]
fn every_bad_row_is_named() {
    let (_, known, refused) = plan(&[("1", Multimedia), ("1", Voice), ("1", Multimedia)], &[("1", Voice)]);
    assert_eq!(refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(known, 0);
}
