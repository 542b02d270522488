//! What is said about a command line that cannot be parsed, where more helps than the words of the parser.

use std::ffi::OsString;
use std::path::Path;

use clap::Command;
use clap::error::ContextKind;

use outage_replay::query::Match;

use super::typed;

/// Words of other programs, and what they are called here.
const SYNONYMS: [(&[&str], &str); 11] = [
    (&["--start", "--since", "--begin", "--after", "--start-time", "--ts-start"], "--from"),
    (&["--end", "--until", "--stop", "--before", "--end-time", "--ts-end"], "--to"),
    (&["--as", "--origin", "--origin-asn", "-a"], "--asn"),
    (&["--prefixes", "-p"], "--prefix"),
    (&["--file", "--files", "--input", "-i", "-f"], "--archive"),
    (&["--out", "--output-dir", "-o"], "--output"),
    (&["--json"], "--format json"),
    (&["--csv"], "--format csv"),
    (&["--threads", "-j"], "--jobs"),
    (&["--colour"], "--color"),
    (&["--no-color", "--no-colour"], "--color never"),
];

/// What other programs call a run without effects.
const DRY_RUNS: [&str; 3] = ["--dry-run", "-n", "--dryrun"];

/// How the names of archive files end.
const FILE_ENDINGS: [&str; 6] = [".gz", ".bz2", ".zst", ".mrt", ".xz", ".bz"];

/// Returns what is wrong with the command line. None if the words of the parser say enough.
pub fn explained(error: &clap::Error, words: &[OsString], command: &Command) -> Option<String> {
    let context = |kind| error.get(kind).map(ToString::to_string);
    if let Some(word) = context(ContextKind::InvalidSubcommand) {
        return misplaced(&word, words, command);
    }
    let flag = context(ContextKind::InvalidArg)?;
    if error.kind() != clap::error::ErrorKind::UnknownArgument {
        return None;
    }
    if DRY_RUNS.contains(&flag.as_str()) {
        return Some(format!(
            "there is no {flag}: outage-replay plan, with the same arguments, shows what a run would read"
        ));
    }
    let (_, meant) = SYNONYMS.iter().find(|(names, _)| names.contains(&flag.as_str()))?;
    Some(format!("there is no {flag}: did you mean {meant}?"))
}

/// Describes a word that is neither a flag nor its value.
fn misplaced(word: &str, words: &[OsString], command: &Command) -> Option<String> {
    if command.find_subcommand(word).is_some() {
        return Some(format!("the command comes first: outage-replay {word} …"));
    }
    let is_target = typed::target(word, Match::Exact).is_ok();
    if is_target && let Some((flag, values)) = list_before(word, words) {
        return Some(format!("a list is separated by commas: {flag} {}", values.join(",")));
    }
    if is_target {
        let flag = if word.contains('/') { "--prefix" } else { "--asn" };
        return Some(format!("'{word}' needs a flag: {flag} {word}"));
    }
    let is_file = FILE_ENDINGS.iter().any(|ending| word.ends_with(ending)) || Path::new(word).exists();
    is_file.then(|| format!("files and folders are given with --archive: --archive {word}"))
}

/// Returns the flag and the values of the list that a word continues.
fn list_before(word: &str, words: &[OsString]) -> Option<(String, Vec<String>)> {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let at = words.iter().position(|other| *other == word)?;
    let first = words[..at].iter().rposition(|word| word.starts_with('-'))?;
    let (flag, inline) = match words[first].split_once('=') {
        Some((flag, value)) => (flag, Some(value)),
        None => (words[first], None),
    };
    let is_list = matches!(flag, "--asn" | "--prefix");
    let values = inline.into_iter().chain(words[first + 1..].iter().copied().take_while(|word| !word.starts_with('-')));
    is_list.then(|| (flag.to_owned(), values.map(|value| value.trim_end_matches(',').to_owned()).collect()))
}
