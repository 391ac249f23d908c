//! The generated parts of the documents, and the test that compares them. `just docs` writes them.
//!
//! A document has blocks `<!-- generated: NAME ARGUMENTS -->` … `<!-- end -->`; everything else is written by hand.

mod commands;
mod keys;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use trial_core::return_codes::{ApplyCode, ReturnCodeRow, SendCode};

const OPENING: &str = "<!-- generated: ";
const CLOSING: &str = "<!-- end -->";

/// A document with generated blocks.
struct Document {
    path: PathBuf,
    text: String,
}

/// A generated block.
#[derive(Clone)]
struct Block<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    /// The heading above it.
    heading: &'a str,
}

impl Document {
    fn open(name: &str) -> Self {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).join(name);
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let mut heading = "";
        let mut blocks = Vec::new();
        for line in self.text.lines() {
            if line.starts_with('#') {
                heading = line.trim_start_matches('#').trim();
            }
            if let Some(call) = line.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix(" -->")) {
                let mut words = call.split(' ');
                let name = words.next().unwrap();
                blocks.push(Block { name, arguments: words.collect(), heading });
            }
        }
        blocks
    }

    /// The document with every block generated anew.
    fn generated(&self) -> String {
        let blocks = self.blocks();
        let mut parts = self.text.split(OPENING);
        let mut text = parts.next().unwrap().to_owned();
        for (block, part) in blocks.iter().zip(parts) {
            let (call, rest) = part.split_once('\n').unwrap();
            let (_, after) = rest.split_once(CLOSING).unwrap_or_else(|| panic!("{call} has no end"));
            let content = match block.name {
                "keys" => keys::table(&block.arguments),
                "runtime" => keys::runtime(),
                "return-codes" => return_codes(block.arguments[0]),
                "commands" => commands::overview(&blocks),
                "command" => block.arguments.iter().map(|command| commands::reference(command)).collect(),
                other => panic!("{other} is not a kind of block"),
            };
            write!(text, "{OPENING}{call}\n\n{}\n\n{CLOSING}{after}", content.trim_end()).unwrap();
        }
        text
    }

    /// Compares the document with what is generated, or writes it.
    fn check(&self) {
        let generated = self.generated();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&self.path, &generated).unwrap();
        } else {
            let differing = self.text.lines().zip(generated.lines()).find(|(now, new)| now != new);
            assert!(self.text == generated, "{} is out of date; run `just docs`: {differing:?}", self.path.display());
        }
    }

    /// The arguments of all blocks of this name.
    fn arguments(&self, name: &str) -> Vec<&str> {
        self.blocks().into_iter().filter(|block| block.name == name).flat_map(|block| block.arguments).collect()
    }
}

fn return_codes(interface: &str) -> String {
    let mut rows: Vec<&ReturnCodeRow> = match interface {
        "generateverifycode" => SendCode::ALL.map(SendCode::row).to_vec(),
        "applyTenant" => ApplyCode::ALL.map(ApplyCode::row).to_vec(),
        other => panic!("{other} has no return codes"),
    };
    rows.sort_by_key(|row| row.rule);
    let mut text = "| code | meaning | cause | the website |\n| --- | --- | --- | --- |\n".to_owned();
    for ReturnCodeRow { code, meaning, cause, website, .. } in rows {
        writeln!(text, "| {code} | {meaning} | {cause} | {website} |").unwrap();
    }
    text
}

#[test]
fn the_documents_are_what_the_code_generates() {
    for name in ["api.md", "cli.md", "configuration.md"] {
        Document::open(name).check();
    }
}

#[test]
fn every_key_and_every_command_is_in_one_block() {
    let document = Document::open("configuration.md");
    let mut written: Vec<String> = document
        .blocks()
        .iter()
        .filter(|block| block.name == "keys")
        .flat_map(|block| keys::selected(&block.arguments))
        .collect();
    written.sort_unstable();
    assert_eq!(written, crate::config::keys().collect::<Vec<_>>());
    let document = Document::open("cli.md");
    let mut written = document.arguments("command");
    written.sort_unstable();
    assert_eq!(written, commands::names());
}
