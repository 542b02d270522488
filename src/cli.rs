//! The command line: arguments, commands, output and exit codes.

mod arguments;
mod cache;
mod choice;
mod compare;
mod dataset;
mod demo;
mod downloads;
mod judging;
mod labels;
mod memory;
mod mistakes;
mod plan;
mod progress;
mod question;
mod redetect;
mod reference;
mod reproduce;
mod results;
mod run;
mod settings;
mod signals;
mod similar;
mod size;
mod source;
mod statistics;
mod survey;
mod tasks;
mod terminal;
mod typed;
mod windows;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use etcetera::BaseStrategy;

use outage_replay::Error;
use outage_replay::report::printable;

use arguments::{Args, DETECTION, PlanArgs};
use cache::CacheCommand;
use compare::Compare;
use dataset::Dataset;
use demo::Demo;
use redetect::{Explain, Redetect};
use reproduce::Reproduce;
use settings::Parsed;
use signals::Interrupted;
use survey::SurveyArgs;
use tasks::{Collect, Join};
pub use terminal::Stdout;

/// The synopsis: what a run cannot do without.
const USAGE: &str = "\
outage-replay --asn <ASN> --from <TIME> --to <TIME> [OPTIONS]
       outage-replay --prefix <PREFIX> --from <TIME> --duration <LENGTH> [OPTIONS]
       outage-replay <COMMAND>";

/// What is printed if nothing is asked.
const SHORT_USAGE: &str = "\
When did a network disappear from the Internet's routing table, for how long, and how sure are we?

Usage: outage-replay --asn <ASN> --from <TIME> --to <TIME> [OPTIONS]
       outage-replay --prefix <PREFIX> --from <TIME> --duration <LENGTH> [OPTIONS]
       outage-replay <COMMAND>

Without the network, from an archive inside the program:
  outage-replay demo

What a run from the public archives would download:
  outage-replay plan --asn 131279 --from 2014-12-21 --to 2014-12-24

-h lists flags and commands, --help explains them.";

const AFTER_HELP: &str = "\
Exit codes: 0 the data sufficed, 1 failed, 2 wrong usage, 3 insufficient data, 4 an outage and --fail-on-outage.
--help explains every flag in more detail and shows examples.";

const AFTER_LONG_HELP: &str = "\
Examples:
  outage-replay --asn 131279 --from 2014-12-22T12:00 --to 2014-12-23T20:00 --archive data/dprk-2014
  outage-replay --prefix 2001:db8::/32 --from 2024-05-01 --duration 36h --archive mirror
  outage-replay plan --asn 131279 --from 2014-12-21 --to 2014-12-24
  outage-replay survey --prefix 175.45.176.0/24 --from 2014-12-01 --to 2015-01-01

Exit codes:
  0  finished, and the data sufficed, outage or not
  1  failed
  2  wrong usage
  3  finished, but the data were insufficient or incomplete for part of the question
  4  an outage was found and --fail-on-outage was given; takes precedence over 3
  5  reproduce or compare found a difference
  6  join: tasks have no part yet
  130, 143  ended by Ctrl-C or SIGTERM; run the same command again to resume

Settings:
  Every flag can also be set by an environment variable (OUTAGE_REPLAY_MIN_PEERS)
  or a line in outage-replay.toml (min-peers = 5), in the working directory or in
  the user's configuration directory. A flag takes precedence over a variable, a
  variable over the file in the working directory, and that file over the user's.
  --strict=false turns a switch off.
  --config FILE reads only that file; --no-config reads none.
  outage-replay config shows what is in force and where it comes from.

Times without an offset are UTC. Absence of data is never reported as absence of routes.";

const COMPLETIONS_HELP: &str = "\
Where shells look for the script:
  bash  outage-replay completions bash > ~/.local/share/bash-completion/completions/outage-replay
  zsh   outage-replay completions zsh > ~/.zfunc/_outage-replay, with fpath+=~/.zfunc before compinit
  fish  outage-replay completions fish > ~/.config/fish/completions/outage-replay.fish";

/// The version of the program, its commit where it is known, and the version of the MRT parser.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), env!("BUILT_COMMIT"), "\nbgpkit-parser ", env!("BUILT_PARSER"));

/// When did a network disappear from the Internet's routing table, for how long, and how sure are we?
#[derive(Debug, Parser)]
#[command(name = "outage-replay", version, long_version = VERSION, max_term_width = 100)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, override_usage = USAGE)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: Args,
    /// Read settings from this file and no other
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "no_config", help_heading = "Settings")]
    config: Option<PathBuf>,
    /// Read no settings file
    #[arg(long, global = true, help_heading = "Settings")]
    no_config: bool,
}

/// What to do instead of a run.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a run with the same arguments would read, without downloading it
    Plan(Box<PlanArgs>),
    /// Look for losses in RIB dumps alone, over weeks or months, without reading the updates between them
    Survey(Box<SurveyArgs>),
    /// Work on the tasks that plan --tasks listed, on any machine: collect what the archive of each collector shows
    Collect(Box<Collect>),
    /// Judge what tasks have collected, as if one run had read everything
    Join(Box<Join>),
    /// Judge again a run that --output wrote, without its archives; flags that are not given keep the values of that run
    Redetect(Box<Redetect>),
    /// Show the records behind the outages of a run that --output wrote
    Explain(Explain),
    /// Repeat a run that --output wrote, from the same files, and check that its results are the same
    Reproduce(Reproduce),
    /// Show what differs between two runs that --output wrote
    Compare(Compare),
    /// Add the tables of runs that --output wrote to one partitioned data set, for Polars, DuckDB and Spark
    Dataset(Dataset),
    /// Ask about North Korea in December 2014, from an archive inside the program
    ///
    /// The archive is a reconstruction from published facts, not captured data. No network is used.
    Demo(Box<Demo>),
    /// Manage the cache of downloaded files
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
        /// The cache directory [default: the user's cache directory]
        #[arg(long, value_name = "DIR", global = true)]
        cache_dir: Option<PathBuf>,
    },
    /// Show every setting that is in force, and where it comes from
    Config(Box<Args>),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all commands into a folder
    Man {
        /// Where to write them
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Runs the command line and returns the exit code. Results are printed to `out`.
pub fn run(out: &mut dyn Write) -> anyhow::Result<u8> {
    let (command, shown) = (command(), shown());
    let parsed = settings::parse(&command, &shown, env::args_os().collect())?;
    let cli = Cli::from_arg_matches(&parsed.matches)?;
    cli.run(command, shown, &parsed, out)
}

impl Cli {
    fn run(
        self,
        command: clap::Command,
        shown: clap::Command,
        parsed: &Parsed,
        out: &mut dyn Write,
    ) -> anyhow::Result<u8> {
        let (text, code) = match self.command {
            Some(Command::Redetect(redetect)) => return redetect.run(parsed.sources(), out),
            None if self.args.asks_nothing() => return Err(Usage::Nothing.into()),
            None => return self.args.run(parsed.sources(), out),
            Some(Command::Survey(survey)) => return survey.run(out),
            Some(Command::Collect(collect)) => return collect.run(out),
            Some(Command::Join(join)) => return join.run(parsed.sources(), out),
            Some(Command::Reproduce(reproduce)) => return reproduce.run(out),
            Some(Command::Compare(compare)) => return compare.run(out),
            Some(Command::Dataset(dataset)) => return dataset.run(out),
            Some(Command::Demo(demo)) => return demo.run(out),
            Some(Command::Plan(plan)) => plan.args.plan(plan.tasks)?,
            Some(Command::Explain(explain)) => (explain.run()?, 0),
            Some(Command::Cache { command, cache_dir }) => {
                let (text, is_intact) = cache::run(&command, &cache_root(cache_dir.as_deref())?)?;
                (printable(&text).into_bytes(), u8::from(!is_intact))
            }
            Some(Command::Config(_)) => {
                (reference::config(&command, parsed, cache_root(None).ok().as_deref()).into_bytes(), 0)
            }
            Some(Command::Completions { shell }) => (reference::completions(shown, shell), 0),
            Some(Command::Man { folder: None }) => (reference::page(shown)?, 0),
            Some(Command::Man { folder: Some(folder) }) => (reference::pages(shown, &folder)?.into_bytes(), 0),
        };
        out.write_all(&text).map_err(output_failed)?;
        Ok(code)
    }
}

/// The exit code of `reproduce` and `compare` if they find a difference.
const DIFFERENT: u8 = 5;

/// Returns the error of an output that could not be written.
pub fn output_failed(source: io::Error) -> anyhow::Error {
    Error::Print { source }.into()
}

/// Returns the definition of the command line, in which switches can be switched off.
fn command() -> clap::Command {
    with_switches(shown())
}

/// Returns the definition of the command line as help, manual and completions show it. The thresholds of `redetect` have no
/// defaults: those of the earlier run hold.
fn shown() -> clap::Command {
    let as_it_was = |arg: Arg| match arg.get_help_heading() {
        Some(DETECTION) => arg.default_value(None::<&str>),
        _ => arg,
    };
    with_hints(Cli::command().mut_subcommand("redetect", |redetect| redetect.mut_args(as_it_was)))
}

/// Lets shells complete the names of files only where a file or folder is meant.
fn with_hints(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|of| of.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_hints));
    command.mut_args(|arg| {
        let takes =
            |name: &str| arg.get_value_names().is_some_and(|names| names.iter().any(|own| own.as_str() == name));
        let hint = match () {
            () if takes("DIR") => ValueHint::DirPath,
            () if takes("FILE") || takes("PATH") => ValueHint::AnyPath,
            () => ValueHint::Other,
        };
        if arg.get_action().takes_values() { arg.value_hint(hint) } else { arg }
    })
}

/// Lets every switch take a value: `--strict=false` overrides a settings file.
fn with_switches(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|of| of.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_switches));
    command.mut_args(|arg| match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name("BOOL")
            .value_parser(BoolishValueParser::new())
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true),
        _ => arg,
    })
}

/// A command line that cannot be used.
#[derive(Debug, thiserror::Error)]
enum Usage {
    /// Without a question.
    #[error("{SHORT_USAGE}")]
    Nothing,
    /// Help explains how it is used.
    #[error("{0}\n\nFor more information, try '--help'.")]
    Misused(String),
    /// The message says all.
    #[error("{0}")]
    Refused(String),
}

/// Returns the error of a value that cannot be used.
fn usage(what: impl std::fmt::Display) -> anyhow::Error {
    Usage::Refused(what.to_string()).into()
}

/// Returns the error of arguments that are missing or do not belong together.
fn misuse(what: impl std::fmt::Display) -> anyhow::Error {
    Usage::Misused(what.to_string()).into()
}

/// Reads a text file that the user may not have named. It is not a pipe: reading one could wait for ever.
fn text_of_regular(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    text_of(path)
}

/// Reads a text file: UTF-8, with or without a byte-order mark.
fn text_of(path: &Path) -> io::Result<String> {
    text_from(fs::read(path)?)
}

/// Reads text: UTF-8, with or without a byte-order mark.
fn text_from(bytes: Vec<u8>) -> io::Result<String> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let text = match &bytes[..] {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(wrong("it is UTF-16 text: save it as UTF-8")),
        [0xef, 0xbb, 0xbf, text @ ..] => text,
        text => text,
    };
    String::from_utf8(text.to_vec()).map_err(|_| wrong("it is not UTF-8 text"))
}

/// Returns the folder of downloaded files.
fn cache_root(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    match chosen {
        Some(root) => Ok(root.to_owned()),
        None => {
            let base =
                etcetera::choose_base_strategy().context("cannot find the user's cache directory: pass --cache-dir")?;
            Ok(base.cache_dir().join(env!("CARGO_PKG_NAME")))
        }
    }
}

/// The most names that an error lists.
const MAX_NAMES: usize = 12;

/// Returns an error as it is printed. For unknown names it suggests similar ones.
pub fn message_of(error: &anyhow::Error) -> String {
    if let Some(usage @ Usage::Nothing) = error.downcast_ref::<Usage>() {
        return usage.to_string();
    }
    let words = match error.downcast_ref::<Error>() {
        Some(Error::UnknownCollector { name, known }) => {
            let near = typed::nearest_collector(name, known);
            match (near, known.len() > MAX_NAMES) {
                (Some(near), true) => format!("unknown collector '{name}'; did you mean {near}?"),
                (Some(near), false) => format!("{error:#}; did you mean {near}?"),
                (None, true) => format!(
                    "unknown collector '{name}': the archives have {}; outage-replay plan --all-collectors lists them",
                    known.len()
                ),
                (None, false) => format!("{error:#}"),
            }
        }
        Some(Error::UnknownOutage { id, known }) if !known.is_empty() => {
            let near = similar::similar(id, known);
            format!(
                "no outage '{id}' in this run; did you mean {}? A network and a time, 'AS131279 2014-12-22T16:15', name one too",
                near.join(", ")
            )
        }
        _ => format!("{error:#}"),
    };
    // Line breaks of the program's own are kept.
    let lines: Vec<String> = words.split('\n').map(printable).collect();
    format!("error: {}", lines.join("\n"))
}

/// Returns the exit code of an error: 2 for wrong usage, 130 or 143 for a signal, 1 for anything else.
pub fn exit_code_of(error: &anyhow::Error) -> u8 {
    if let Some(Interrupted { code, .. }) = error.downcast_ref::<Interrupted>() {
        return *code;
    }
    let unknown = |error: &Error| {
        matches!(error, Error::UnknownCollector { .. } | Error::UnknownOutage { .. } | Error::CollectorName { .. })
    };
    let unknown_name = error.downcast_ref::<Error>().is_some_and(unknown);
    if error.is::<Usage>() || unknown_name { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }
}
