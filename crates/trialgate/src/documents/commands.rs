//! The reference of the command line, from clap's command tree.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Block;
use crate::cli::Cli;

/// Names of the commands that are documented, sorted.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<String> = tree().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.sort_unstable();
    names
}

fn tree() -> Command {
    let mut tree = Cli::command().disable_help_subcommand(true);
    tree.build();
    tree
}

/// The table of all commands, each with a link to the section of its block.
pub(super) fn overview(blocks: &[Block<'_>]) -> String {
    let tree = tree();
    let mut text = "| command | purpose |\n| --- | --- |\n".to_owned();
    for command in tree.get_subcommands() {
        let name = command.get_name();
        let block = blocks.iter().find(|block| block.name == "command" && block.arguments.contains(&name));
        let heading = block.unwrap_or_else(|| panic!("no section describes {name}")).heading;
        let anchor = heading.to_lowercase().replace(' ', "-").replace(',', "");
        let names = leaves(command).iter().map(|(path, _)| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        writeln!(text, "| [{names}](#{anchor}) | {} |", sentence(&about(command))).unwrap();
    }
    text
}

/// Usage, purpose and options of a command and those below it.
pub(super) fn reference(name: &str) -> String {
    let tree = tree();
    let command = tree.find_subcommand(name).unwrap_or_else(|| panic!("{name} is not a command"));
    let leaves = leaves(command);
    let usages =
        leaves.iter().map(|(path, leaf)| format!("trialgate {path}{}\n", usage(leaf))).collect::<Vec<_>>().concat();
    let mut text = format!("```sh\n{usages}```\n\n");
    if leaves.len() > 1 {
        text += "| command | purpose |\n| --- | --- |\n";
        for (path, leaf) in &leaves {
            writeln!(text, "| `{path}` | {} |", sentence(&about(leaf))).unwrap();
        }
        text += "\n";
    }
    let mut rows: Vec<(String, String)> = Vec::new();
    for (_, leaf) in &leaves {
        for argument in arguments(leaf).filter(|argument| argument.get_id() != "json") {
            let row = (spelled(argument), meaning(argument));
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    if !rows.is_empty() {
        text += "| argument | meaning |\n| --- | --- |\n";
        for (spelled, meaning) in rows {
            writeln!(text, "| `{spelled}` | {meaning} |").unwrap();
        }
        text += "\n";
    }
    text
}

/// A command's leaves, each with its path.
fn leaves(command: &Command) -> Vec<(String, &Command)> {
    let name = command.get_name();
    if !command.has_subcommands() {
        return vec![(name.to_owned(), command)];
    }
    let below = command.get_subcommands().flat_map(leaves);
    below.map(|(path, leaf)| (format!("{name} {path}"), leaf)).collect()
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    let own = |argument: &&Arg| {
        !argument.is_global_set()
            && !argument.is_hide_set()
            && argument.get_id() != "help"
            && argument.get_id() != "version"
    };
    command.get_arguments().filter(own)
}

fn usage(command: &Command) -> String {
    arguments(command)
        .map(|argument| {
            let spelled = spelled(argument);
            if argument.is_required_set() { format!(" {spelled}") } else { format!(" [{spelled}]") }
        })
        .collect()
}

/// An argument as it is typed: `NAME`, `--flag`, `--option VALUE`, or `--option VALUE…` if it may be repeated.
fn spelled(argument: &Arg) -> String {
    let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    let repeated = if matches!(argument.get_action(), ArgAction::Append) { "…" } else { "" };
    match argument.get_long() {
        None => format!("{value}{repeated}"),
        Some(long) if argument.get_action().takes_values() => format!("--{long} {value}{repeated}"),
        Some(long) => format!("--{long}"),
    }
}

fn meaning(argument: &Arg) -> String {
    let mut text = sentence(&argument.get_help().map(ToString::to_string).unwrap_or_default());
    let values = argument.get_possible_values();
    if argument.get_action().takes_values() && !values.is_empty() {
        let names = values.iter().map(|value| format!("`{}`", value.get_name())).collect::<Vec<_>>().join(", ");
        write!(text, " One of {names}.").unwrap();
    }
    let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        write!(text, " Default: `{}`.", defaults.join(", ")).unwrap();
    }
    text.trim_start().to_owned()
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// A text of clap, which has no final stop, as a sentence in a cell.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    if line.is_empty() || line.ends_with(['.', '?', '!']) { line } else { line + "." }
}
