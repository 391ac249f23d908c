//! The modules of the core form layers, each of which uses lower ones only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up. The modules of one layer may use each other.
const LAYERS: &[&[&str]] = &[
    &["error", "values"],
    &["policy"],
    &[
        "access_codes",
        "applications",
        "audit",
        "bot_challenge",
        "clients",
        "clock_gap",
        "fraud_guard",
        "mails",
        "operators",
        "platform",
        "portal",
        "privacy",
        "quota",
        "return_codes",
        "sms",
        "tenants",
        "timeline",
        "verification",
        "warnings",
    ],
    &["planner"],
    &["ports"],
];

/// The most modules that may use each other in one circle.
const LARGEST_CIRCLE: usize = 6;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a text names after `crate::`, without comments.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let after = code.split("crate::").skip(1);
    after.map(|rest| rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()).collect()
}

/// The modules that each module uses.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    files_below(&source(), &mut files);
    let known: BTreeSet<&str> = LAYERS.iter().copied().flatten().copied().collect();
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let below = file.strip_prefix(source()).unwrap();
        let module = below.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let names = named(&fs::read_to_string(&file).unwrap());
        let of_another = |name: &String| known.contains(name.as_str()) && *name != module;
        let others: Vec<String> = names.into_iter().filter(of_another).collect();
        uses.entry(module).or_default().extend(others);
    }
    uses.remove("lib");
    uses
}

fn layer(module: &str) -> usize {
    LAYERS.iter().position(|layer| layer.contains(&module)).unwrap_or_else(|| panic!("{module} stands in no layer"))
}

#[test]
fn layers_only_look_down() {
    let mut looks_up = Vec::new();
    for (module, used) in uses() {
        looks_up
            .extend(used.iter().filter(|used| layer(used) > layer(&module)).map(|used| format!("{module} -> {used}")));
    }
    assert!(looks_up.is_empty(), "modules that use a layer above theirs: {looks_up:?}");
}

#[test]
fn circles_of_modules_are_small() {
    let uses = uses();
    let reach = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = next.pop() {
            next.extend(uses[&module].iter().filter(|used| seen.insert((*used).clone())).cloned());
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        uses.keys().map(|module| (module.as_str(), reach(module))).collect();
    for module in uses.keys() {
        let circle: Vec<_> = uses
            .keys()
            .filter(|other| reached[module.as_str()].contains(*other) && reached[other.as_str()].contains(module))
            .collect();
        assert!(circle.len() <= LARGEST_CIRCLE, "{} modules use each other: {circle:?}", circle.len());
    }
}
