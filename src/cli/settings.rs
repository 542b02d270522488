//! Settings from outside the command line. In order of precedence: flag, environment variable, `outage-replay.toml` in the working
//! directory, the user's settings file, default.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use clap::error::{ContextKind, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use etcetera::BaseStrategy;
use toml::Value;

use super::arguments::DETECTION;
use super::similar::nearest;
use super::{mistakes, misuse, text_of_regular, usage};

const FILE: &str = "outage-replay.toml";
/// `--min-peers` is `OUTAGE_REPLAY_MIN_PEERS`.
const PREFIX: &str = "OUTAGE_REPLAY_";
/// Variables of the project's own tests. They are no settings, and a run does not object to them.
const OF_TESTS: [&str; 12] = [
    "MRT",
    "TEST_",
    "HISTORIES",
    "SEED",
    "FIRST_SEED",
    "QUESTIONS",
    "TROUBLE",
    "SHOW",
    "GO_ON",
    "DAMAGES",
    "DUMPS",
    "COMPARE_CACHE",
];
/// Flags that choose settings files, and cannot be set in one.
const OF_FILES: [&str; 2] = ["config", "no-config"];
/// Older names, by flag.
const ALIASES: [(&str, &str); 2] = [("broker-url", "BGPKIT_BROKER_URL"), ("cache-dir", "OUTAGE_REPLAY_CACHE")];

/// Settings that have no effect without another one. A settings file may contain them for runs with both.
const NEEDS: [(&str, &str); 3] = [("export", "output"), ("force", "output"), ("collector-name", "archive")];

/// The command and heading whose flags do not come from settings: their defaults are those of the earlier run.
const AS_IT_WAS: (&str, &str) = ("redetect", DETECTION);

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Variable(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Variable(name) => f.write_str(name),
            Origin::File(path) => path.display().fmt(f),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// The command line, completed with variables and settings files.
pub struct Parsed {
    /// All values.
    pub matches: ArgMatches,
    /// The source of values that are not on the command line, by flag.
    chosen: BTreeMap<String, Origin>,
    /// The files that were looked for, and whether they exist.
    pub files: Vec<(PathBuf, bool)>,
    /// Variables that begin like settings and are not. Other programs may use them.
    pub strangers: Vec<String>,
}

/// Parses the command line. Help, version and most errors in it end the program.
///
/// `command` is parsed; `shown` is the same one as help shows it.
pub fn parse(command: &Command, shown: &Command, words: Vec<OsString>) -> anyhow::Result<Parsed> {
    let matches = match command.clone().try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) => return Err(ended(error, shown, &words)),
    };
    let (subcommand, said) = match matches.subcommand() {
        Some((name, said)) => (command.find_subcommand(name), said),
        None => (None, &matches),
    };
    let described = subcommand.unwrap_or(command);
    let mut chosen = Chosen { command, given: given(described, said), values: BTreeMap::new() };
    let mut files = Vec::new();
    let strangers = strangers(command);
    if settings(described).next().is_some() {
        if let Some(stranger) = strangers.first().filter(|_| described.get_name() != "config") {
            return Err(unknown_variable(command, stranger));
        }
        chosen.add(variables(command))?;
        for (path, is_chosen) in paths(said)? {
            let layer = file(command, &path)?;
            if is_chosen && layer.is_none() {
                return Err(usage(format!("there is no settings file {}", path.display())));
            }
            files.push((path, layer.is_some()));
            chosen.add(layer.unwrap_or_default())?;
        }
    }
    let known: BTreeSet<&str> = settings(described).filter_map(Arg::get_long).collect();
    chosen.values.retain(|name, _| known.contains(name.as_str()));
    for (name, needed) in NEEDS {
        if !chosen.given.contains(needed) && !chosen.values.contains_key(needed) {
            chosen.values.remove(name);
        }
    }
    // They follow the name of the subcommand, where there is one.
    let mut all = words;
    let at = all.len().min(1 + usize::from(subcommand.is_some()));
    all.splice(at..at, chosen.values.iter().flat_map(|(name, (values, _))| flags(described, name, values)));
    let origins: BTreeMap<String, Origin> =
        chosen.values.into_iter().map(|(name, (_, origin))| (name, origin)).collect();
    match command.clone().try_get_matches_from(&all) {
        Ok(matches) => Ok(Parsed { matches, chosen: origins, files, strangers }),
        Err(error) => Err(blamed(error, &origins, shown, &all)),
    }
}

/// Ends the program with the help that was asked for, or returns the error in the words that help most.
fn ended(error: clap::Error, shown: &Command, words: &[OsString]) -> anyhow::Error {
    match mistakes::explained(&error, words, shown) {
        Some(what) => misuse(what),
        None if error.kind() == ErrorKind::DisplayHelp => {
            // The switches of help take no value.
            match shown.clone().try_get_matches_from(words) {
                Err(help) if help.kind() == ErrorKind::DisplayHelp => help.exit(),
                _ => error.exit(),
            }
        }
        // Nor do those of other messages, but for those about a value of theirs.
        None if error.use_stderr()
            && error.kind() != ErrorKind::InvalidValue
            && error.kind() != ErrorKind::ValueValidation =>
        {
            let _ = write!(io::stderr(), "{}", error.render().to_string().replace(SWITCH_VALUE, ""));
            process::exit(error.exit_code())
        }
        None => error.exit(),
    }
}

/// What clap adds to the name of a switch that may be switched off.
const SWITCH_VALUE: &str = "[=<BOOL>]";

/// The error for a variable that begins like a setting and is none.
fn unknown_variable(command: &Command, name: &str) -> anyhow::Error {
    let known: Vec<String> = all_settings(command).filter_map(Arg::get_long).flat_map(names_of).collect();
    let hint =
        nearest(name, known.iter().map(String::as_str)).map_or(String::new(), |near| format!("; did you mean {near}?"));
    usage(format!("the environment variable {name} is not a setting{hint}"))
}

impl Parsed {
    /// Returns the sources of values that are not on the command line, by flag.
    pub fn sources(&self) -> BTreeMap<String, String> {
        self.chosen.iter().map(|(name, origin)| (name.clone(), origin.to_string())).collect()
    }

    /// Returns every setting of the command: name, values and source.
    pub fn effective(&self, command: &Command) -> Vec<(String, Vec<String>, Origin)> {
        let (described, said) = match self.matches.subcommand() {
            Some((name, said)) => (command.find_subcommand(name).unwrap_or(command), said),
            None => (command, &self.matches),
        };
        let one = |arg: &Arg| {
            let name = arg.get_long()?.to_owned();
            let id = arg.get_id().as_str();
            let raw = said.try_get_raw(id).ok().flatten();
            let mut values: Vec<String> =
                raw.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect();
            let origin = match (self.chosen.get(&name), said.value_source(id)) {
                (Some(origin), _) => origin.clone(),
                (None, Some(ValueSource::CommandLine)) => Origin::Flag,
                _ => Origin::Default,
            };
            if let Ok(Some(is_on)) = said.try_get_one::<bool>(id) {
                values = vec![is_on.to_string()];
            }
            if matches!(arg.get_action(), ArgAction::Count) {
                values = vec![said.get_count(id).to_string()];
            }
            Some((name, values, origin))
        };
        settings(described).filter(|arg| !arg.is_hide_set()).filter_map(one).collect()
    }
}

/// Returns the flags of a command that variables and files can set.
fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        arg.get_long().is_some()
            && (command.get_name(), arg.get_help_heading().unwrap_or_default()) != AS_IT_WAS
            && !matches!(
                arg.get_action(),
                ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
            )
    })
}

fn given(command: &Command, said: &ArgMatches) -> BTreeSet<String> {
    let is_said = |arg: &&Arg| {
        matches!(said.try_contains_id(arg.get_id().as_str()), Ok(true)) && {
            said.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        }
    };
    settings(command).filter(is_said).filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

/// The values of one source, by flag.
type Layer = BTreeMap<String, (Vec<String>, Origin)>;

/// The values chosen so far. Sources are added in order of precedence.
struct Chosen<'a> {
    command: &'a Command,
    given: BTreeSet<String>,
    values: Layer,
}

impl Chosen<'_> {
    /// Adds the values of a source that no source before it has set or excludes.
    fn add(&mut self, layer: Layer) -> anyhow::Result<()> {
        let before: BTreeSet<String> = self.given.iter().chain(self.values.keys()).cloned().collect();
        for (name, (values, origin)) in &layer {
            let rivals = self.rivals(name);
            if before.contains(name) || rivals.iter().any(|rival| before.contains(rival)) {
                continue;
            }
            if let Some(rival) = rivals.iter().find(|rival| layer.contains_key(*rival)) {
                return Err(usage(format!("{origin}: {name} and {rival} exclude each other")));
            }
            self.values.insert(name.clone(), (values.clone(), origin.clone()));
        }
        Ok(())
    }

    /// Returns the flags that a flag excludes.
    fn rivals(&self, name: &str) -> Vec<String> {
        let conflicts = |arg: &Arg| -> Vec<String> {
            let others = self.command.get_arg_conflicts_with(arg);
            others.into_iter().filter_map(|other| other.get_long().map(str::to_owned)).collect()
        };
        let mut rivals = Vec::new();
        for arg in settings(self.command) {
            match arg.get_long() {
                Some(long) if long == name => rivals.extend(conflicts(arg)),
                Some(long) if conflicts(arg).iter().any(|other| other == name) => rivals.push(long.to_owned()),
                _ => {}
            }
        }
        rivals
    }
}

/// Returns the variables of a setting in order of precedence.
fn names_of(long: &str) -> impl Iterator<Item = String> {
    let aliases = ALIASES.iter().filter(move |(flag, _)| *flag == long).map(|(_, name)| (*name).to_owned());
    std::iter::once(format!("{PREFIX}{}", long.replace('-', "_").to_uppercase())).chain(aliases)
}

/// Returns the variables that are set and not empty.
fn variables(command: &Command) -> Layer {
    let mut layer = Layer::default();
    for arg in settings(command) {
        let Some(long) = arg.get_long() else { continue };
        let set = |name: &String| env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(name) = names_of(long).find(set) {
            let value = env::var_os(&name).unwrap_or_default().to_string_lossy().into_owned();
            layer.insert(long.to_owned(), (vec![value], Origin::Variable(name)));
        }
    }
    layer
}

/// Returns the flags of a command and of its subcommands that variables and files can set.
fn all_settings(command: &Command) -> impl Iterator<Item = &Arg> {
    settings(command).chain(command.get_subcommands().flat_map(settings))
}

fn strangers(command: &Command) -> Vec<String> {
    let known: BTreeSet<String> = all_settings(command).filter_map(Arg::get_long).flat_map(names_of).collect();
    let all = env::vars_os().filter(|(_, value)| !value.is_empty());
    let is_stranger = |name: &String| match name.strip_prefix(PREFIX) {
        Some(rest) => {
            !known.contains(name)
                && !OF_TESTS.iter().any(|own| rest == *own || (own.ends_with('_') && rest.starts_with(own)))
        }
        None => false,
    };
    let mut strangers: Vec<String> =
        all.map(|(name, _)| name.to_string_lossy().into_owned()).filter(is_stranger).collect();
    strangers.sort();
    strangers
}

/// Returns the paths of settings files in order of precedence, and whether the user named them.
fn paths(said: &ArgMatches) -> anyhow::Result<Vec<(PathBuf, bool)>> {
    let from_variable = |flag: &str| names_of(flag).find_map(env::var_os).filter(|value| !value.is_empty());
    let flag = |id: &str| said.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false);
    let is_off = match from_variable("no-config") {
        Some(value) => {
            matches!(value.to_string_lossy().to_lowercase().as_str(), "1" | "true" | "yes" | "on" | "y" | "t")
        }
        None => false,
    };
    let named = said.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    if flag("no_config") || (is_off && named.is_none()) {
        return Ok(Vec::new());
    }
    if let Some(path) = named.or_else(|| from_variable("config").map(PathBuf::from)) {
        return Ok(vec![(path, true)]);
    }
    let mut paths = vec![(PathBuf::from(FILE), false)];
    if let Ok(base) = etcetera::choose_base_strategy() {
        paths.push((base.config_dir().join(env!("CARGO_PKG_NAME")).join(FILE), false));
    }
    Ok(paths)
}

/// Returns the settings of a file. None if it does not exist.
fn file(command: &Command, path: &Path) -> anyhow::Result<Option<Layer>> {
    let text = match text_of_regular(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(usage(format!("cannot read {}: {error}", path.display()))),
    };
    let table: toml::Table = text.parse().map_err(|error| usage(format!("{}: {error}", path.display()).trim_end()))?;
    let in_files = settings(command).filter_map(Arg::get_long).filter(|name| !OF_FILES.contains(name));
    let names: Vec<&str> = in_files.collect();
    let mut layer = Layer::default();
    for (name, value) in table {
        if !names.contains(&name.as_str()) {
            let hint =
                nearest(&name, names.iter().copied()).map_or(String::new(), |near| format!("; did you mean {near}?"));
            return Err(usage(format!("{}: unknown setting '{}'{hint}", path.display(), name.escape_debug())));
        }
        let values = match &value {
            Value::Array(values) => values.iter().map(scalar).collect(),
            value => scalar(value).map(|value| vec![value]),
        };
        let Some(values) = values else {
            return Err(usage(format!("{}: {name} is neither a value nor a list of values", path.display())));
        };
        layer.insert(name, (values, Origin::File(path.to_owned())));
    }
    Ok(Some(layer))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(is_so) => Some(is_so.to_string()),
        Value::Datetime(at) => Some(at.to_string()),
        Value::Array(_) | Value::Table(_) => None,
    }
}

/// Returns a setting as it would be written on the command line.
fn flags(command: &Command, name: &str, values: &[String]) -> Vec<OsString> {
    let action = settings(command).find(|arg| arg.get_long() == Some(name)).map(Arg::get_action);
    let flag = OsString::from(format!("--{name}"));
    let with = |value: &String| OsString::from(format!("--{name}={value}"));
    match (action, values) {
        // The number of repetitions. The parser rejects any other value.
        (Some(ArgAction::Count), [value]) => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => vec![flag],
            "false" | "no" | "off" | "0" => Vec::new(),
            "2" => vec![flag.clone(), flag],
            _ => vec![with(value)],
        },
        _ => values.iter().map(with).collect(),
    }
}

/// Returns an error of the parser with the source of the value.
fn blamed(
    error: clap::Error,
    origins: &BTreeMap<String, Origin>,
    shown: &Command,
    words: &[OsString],
) -> anyhow::Error {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let name = argument.trim_start_matches('-').split([' ', '=', '[']).next().unwrap_or_default();
    let Some(origin) = origins.get(name) else { return ended(error, shown, words) };
    let text = error.to_string();
    let what = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    let line = match origin {
        Origin::File(path) => line_of(path, name).map_or(String::new(), |line| format!(", line {line}")),
        _ => String::new(),
    };
    usage(format!("{origin}{line}: {}", what.trim_end()))
}

/// Returns the number of the line of a settings file that sets something.
fn line_of(path: &Path, name: &str) -> Option<usize> {
    let text = text_of_regular(path).ok()?;
    let sets = |line: &str| line.split('=').next().is_some_and(|key| key.trim().trim_matches('"') == name);
    text.lines().position(sets).map(|index| index + 1)
}
