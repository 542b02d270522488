//! Arguments as typed values, and what the user sees of a run.

mod cache;
mod plan;
mod progress;
mod redetect;

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use etcetera::BaseStrategy;

use outage_replay::bgp::{Asn, Collector, Prefix, Project};
use outage_replay::catalog::{Broker, Catalog, Match, Mirror, Patience, Query, Target};
use outage_replay::detect::Thresholds;
use outage_replay::fetch::{Cache, Downloader, Limits};
use outage_replay::pipeline::{Sources, check_download};
use outage_replay::report::{self, Answer, Export, Report, Style};
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::{Metric, Sufficiency};
use outage_replay::{Error, Options};

use cache::CacheCommand;
use progress::Progress;
use redetect::{Explain, Redetect};

const AFTER_HELP: &str = "\
Examples:
  outage-replay --asn 131279 --from 2014-12-22T12:00 --to 2014-12-23T20:00 --archive data/dprk-2014
  outage-replay --prefix 2001:db8::/32 --from 2024-05-01 --duration 36h --archive mirror --format csv

Exit codes:
  0  finished, and the data sufficed, outage or not
  1  failed
  2  wrong usage
  3  finished, but the data were insufficient or incomplete for part of the question
  4  an outage was found and --fail-on-outage was given; wins over 3

Times without an offset are UTC. Absence of data is never reported as absence of routes.";

/// Lines are no longer than this, however wide the terminal.
const MAX_WIDTH: usize = 200;

/// When did a network disappear from the Internet's routing table, for how long, and how sure are we?
#[derive(Debug, Parser)]
#[command(name = "outage-replay", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: Option<Args>,
}

/// What to do instead of a run.
#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a run with the same arguments would read, without downloading it
    Plan(Box<Args>),
    /// Judge a run again that --output wrote, without its archives; flags that are not given are as in that run
    Redetect(Box<Redetect>),
    /// Show the records behind the outages of a run that --output wrote
    Explain(Explain),
    /// Look after the downloaded files
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
        /// Where they are [default: the user's cache directory]
        #[arg(long, value_name = "DIR", env = "OUTAGE_REPLAY_CACHE", global = true)]
        cache_dir: Option<PathBuf>,
    },
}

impl Cli {
    /// Does what was asked: what to print, and the exit code.
    pub fn run(&self) -> anyhow::Result<(Vec<u8>, u8)> {
        match (&self.command, &self.args) {
            (Some(Command::Plan(args)), _) => {
                let text = plan::render(&args.query()?, &args.store()?, args.format)?;
                Ok((text.into_bytes(), 0))
            }
            (Some(Command::Redetect(redetect)), _) => redetect.run(),
            (Some(Command::Explain(explain)), _) => Ok((explain.run()?, 0)),
            (Some(Command::Cache { command, cache_dir }), _) => {
                let (text, is_well) = cache::run(command, &cache_root(cache_dir.as_deref())?)?;
                Ok((text.into_bytes(), u8::from(!is_well)))
            }
            (None, Some(args)) => args.run(),
            (None, None) => Err(usage("nothing to look for: pass --asn, --prefix or --targets")),
        }
    }
}

/// The arguments of a run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Networks by origin AS: 131279, AS131279 or 2.207. Repeatable, comma lists
    #[arg(long, value_name = "ASN", value_delimiter = ',', help_heading = "Target")]
    asn: Vec<Asn>,
    /// Prefixes, IPv4 or IPv6. Repeatable, comma lists
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', help_heading = "Target")]
    prefix: Vec<Prefix>,
    /// A file with one AS number or prefix a line; # begins a comment
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    targets: Vec<PathBuf>,
    /// Which prefixes a --prefix stands for, beside itself
    #[arg(long = "match", value_name = "WHICH", value_enum, default_value_t, help_heading = "Target")]
    matching: Matching,

    /// Start of the window: 2014-12-22, 2014-12-22T16:15, RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME", help_heading = "Window")]
    from: Timestamp,
    /// End of the window, not included
    #[arg(long, value_name = "TIME", conflicts_with = "duration", help_heading = "Window")]
    to: Option<Timestamp>,
    /// Length of the window instead of its end: 36h, 90min, 2days
    #[arg(long, value_name = "LENGTH", value_parser = length, help_heading = "Window")]
    duration: Option<Duration>,

    /// A folder in the publishers' layout: rrc06/2021.01/updates.….gz, route-views2/bgpdata/2014.05/UPDATES/….bz2
    #[arg(long, value_name = "DIR", env = "OUTAGE_REPLAY_ARCHIVE", help_heading = "Source")]
    archive: Option<PathBuf>,
    /// The bgpkit-broker server that lists the publishers' files [default: the public one]
    #[arg(long, value_name = "URL", env = "BGPKIT_BROKER_URL", help_heading = "Source")]
    broker_url: Option<String>,
    /// Where downloaded files are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR", env = "OUTAGE_REPLAY_CACHE", help_heading = "Source")]
    cache_dir: Option<PathBuf>,
    /// Use only what is in the cache
    #[arg(long, help_heading = "Source")]
    offline: bool,
    /// Every collector that the catalog has, instead of a small and diverse choice
    #[arg(long, conflicts_with = "collector", help_heading = "Source")]
    all_collectors: bool,
    /// Only these collectors. Repeatable, comma lists
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Source")]
    collector: Vec<String>,
    /// Only the collectors of this project: riperis or routeviews
    #[arg(long, value_name = "NAME", help_heading = "Source")]
    project: Option<Project>,
    /// Read RIB dumps from this long before the window to learn how widely a prefix is normally seen; at most 7days
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "0s", help_heading = "Source")]
    baseline: Duration,

    /// Fewer distinct peer ASes than this decide nothing
    #[arg(long, value_name = "N", default_value_t = Sufficiency::default().min_peers, help_heading = "Detection")]
    min_peers: usize,
    /// Less than this share of the full-feed ASes decides nothing
    #[arg(long, value_name = "SHARE", default_value_t = Sufficiency::default().min_coverage, value_parser = share, help_heading = "Detection")]
    min_coverage: f64,
    /// Down while the share of peer ASes that see it is below this
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().down_below, value_parser = share, help_heading = "Detection")]
    down_below: f64,
    /// Up again once it is at least this [default: 0.6; 0.5 with --metric ioda]
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Detection")]
    up_at: Option<f64>,
    /// Shorter falls are flaps
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "120s", help_heading = "Detection")]
    min_duration: Duration,
    /// Outages separated by at most this are one
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "120s", help_heading = "Detection")]
    merge_gap: Duration,
    /// Outages and flaps separated by at most this are one episode
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "6h", help_heading = "Detection")]
    episode_gap: Duration,
    /// A loss that is no outage is listed while the share is below this
    #[arg(long, value_name = "SHARE", default_value_t = Thresholds::default().degraded_below, value_parser = share, help_heading = "Detection")]
    degraded_below: f64,
    /// Which share decides: of the peers that normally carry the prefix, or, as IODA, of all full feeds
    #[arg(long, value_name = "RULE", value_enum, default_value_t, help_heading = "Detection")]
    metric: MetricName,

    /// What to print
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,
    /// Also write the run into this folder: tables, timelines, manifest
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Which files to write with --output
    #[arg(
        long,
        value_name = "KIND",
        value_enum,
        value_delimiter = ',',
        default_value = "csv,parquet",
        requires = "output",
        help_heading = "Output"
    )]
    export: Vec<ExportName>,
    /// Fold nothing: every row of every list in the table
    #[arg(long, help_heading = "Output")]
    all: bool,
    /// Replace an earlier run in the --output folder
    #[arg(long, requires = "output", help_heading = "Output")]
    force: bool,
    /// Exit with 4 when an outage was found
    #[arg(long, help_heading = "Output")]
    fail_on_outage: bool,
    /// Threads; 0 for one per core
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Output")]
    jobs: usize,
    /// No progress on standard error
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Say on standard error what is being done
    #[arg(long, short, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Matching {
    /// Nothing else
    Exact,
    /// Everything inside it
    #[default]
    MoreSpecific,
    /// Everything that covers it
    LessSpecific,
    /// Both
    Any,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum MetricName {
    #[default]
    Baseline,
    Ioda,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For a person
    #[default]
    Table,
    /// One document
    Json,
    /// One outage a line, then the run
    Ndjson,
    /// One outage a row
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportName {
    Csv,
    Parquet,
}

impl ExportName {
    fn export(self) -> Export {
        match self {
            ExportName::Csv => Export::Csv,
            ExportName::Parquet => Export::Parquet,
        }
    }
}

impl MetricName {
    fn metric(self) -> Metric {
        match self {
            MetricName::Baseline => Metric::Baseline,
            MetricName::Ioda => Metric::Ioda,
        }
    }
}

/// Where archive files are listed, and where they are kept once downloaded.
pub struct Store {
    catalog: Box<dyn Catalog>,
    cache: Option<Cache>,
}

impl Store {
    /// As the pipeline wants them.
    pub fn sources(&self) -> Sources<'_> {
        Sources { catalog: self.catalog.as_ref(), cache: self.cache.as_ref() }
    }
}

/// An argument that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

fn usage(what: impl std::fmt::Display) -> anyhow::Error {
    Usage(what.to_string()).into()
}

fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("'{text}' is not a length of time: write 36h, 90min, 2days or 120s"))
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("'{text}' is not a share: write a number from 0 to 1")),
    }
}

/// Where downloaded files are kept.
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

impl Args {
    fn run(&self) -> anyhow::Result<(Vec<u8>, u8)> {
        let query = self.query()?;
        let options = self.options()?;
        if let Some(folder) = &self.output {
            report::check_folder(folder, self.force)?;
        }
        let store = self.store()?;
        let progress = Progress::new(self.quiet, self.verbose);
        let result = outage_replay::run(&query, store.sources(), &options, &progress);
        progress.finish();
        let report = result?;
        if let Some(folder) = &self.output {
            report::write(&report, folder, &self.exports(), self.force)?;
            progress.wrote(folder);
        }
        Ok((render(&report, self.format, self.all)?, exit_code(&report, self.fail_on_outage)))
    }

    /// The question.
    fn query(&self) -> anyhow::Result<Query> {
        let to = match (self.to, self.duration) {
            (Some(to), _) => to,
            (None, Some(duration)) => self.from + duration,
            (None, None) => return Err(usage("the window has no end: pass --to or --duration")),
        };
        let window =
            Window::new(self.from, to).map_err(|error| usage(format!("--to must be later than --from: {error}")))?;
        let now = Timestamp::from_secs(chrono::Utc::now().timestamp());
        // RIPE RIS and RouteViews published their first MRT files in 1999 and 2001.
        let first = Timestamp::from_secs(915_148_800);
        if window.start < first {
            return Err(usage(format!("--from {} is before 1999: there are no archives", window.start)));
        }
        if window.end > now {
            return Err(usage(format!("--to {} is in the future: it is {now} now", window.end)));
        }
        if self.baseline > Duration::from_secs(7 * 86400) {
            return Err(usage("--baseline is at most 7days"));
        }
        Ok(Query {
            targets: self.all_targets()?,
            window,
            collectors: match self.all_collectors && self.archive.is_none() {
                true => Broker::collectors()?,
                false => self.collector.iter().map(|name| Collector::new(name)).collect(),
            },
            project: self.project,
            baseline: self.baseline,
        })
    }

    fn all_targets(&self) -> anyhow::Result<Vec<Target>> {
        let matching = match self.matching {
            Matching::Exact => Match::Exact,
            Matching::MoreSpecific => Match::MoreSpecific,
            Matching::LessSpecific => Match::LessSpecific,
            Matching::Any => Match::Any,
        };
        let mut targets: Vec<Target> = self.asn.iter().map(|asn| Target::Asn(*asn)).collect();
        targets.extend(self.prefix.iter().map(|prefix| Target::Prefix(*prefix, matching)));
        for path in &self.targets {
            let text =
                fs::read_to_string(path).with_context(|| format!("cannot read targets from {}", path.display()))?;
            for (index, line) in text.lines().enumerate() {
                let word = line.split('#').next().unwrap_or_default().trim();
                if word.is_empty() {
                    continue;
                }
                let target = match (word.parse::<Asn>(), word.contains('/').then(|| word.parse::<Prefix>())) {
                    (_, Some(Ok(prefix))) => Target::Prefix(prefix, matching),
                    (Ok(asn), None) => Target::Asn(asn),
                    (_, Some(Err(error))) => {
                        return Err(usage(format!("{}, line {}: {error}", path.display(), index + 1)));
                    }
                    (Err(error), None) => {
                        return Err(usage(format!("{}, line {}: {error}", path.display(), index + 1)));
                    }
                };
                targets.push(target);
            }
        }
        let mut unique = Vec::new();
        for target in targets {
            if !unique.contains(&target) {
                unique.push(target);
            }
        }
        if unique.is_empty() {
            return Err(usage("nothing to look for: pass --asn, --prefix or --targets"));
        }
        Ok(unique)
    }

    /// How to answer it.
    fn options(&self) -> anyhow::Result<Options> {
        let (metric, up_at) = match self.metric {
            MetricName::Baseline => (Metric::Baseline, Thresholds::default().up_at),
            MetricName::Ioda => (Metric::Ioda, Thresholds::default().down_below),
        };
        let up_at = self.up_at.unwrap_or(up_at.max(self.down_below));
        if up_at < self.down_below {
            return Err(usage(format!("--up-at {up_at} is below --down-below {}", self.down_below)));
        }
        Ok(Options {
            jobs: self.jobs,
            metric,
            sufficiency: Sufficiency { min_peers: self.min_peers, min_coverage: self.min_coverage },
            thresholds: Thresholds {
                down_below: self.down_below,
                up_at,
                min_duration: self.min_duration,
                merge_gap: self.merge_gap,
                episode_gap: self.episode_gap,
                degraded_below: self.degraded_below,
            },
        })
    }

    /// Where the files are listed and kept.
    fn store(&self) -> anyhow::Result<Store> {
        if let Some(archive) = &self.archive {
            return Ok(Store { catalog: Box::new(Mirror::open(archive)?), cache: None });
        }
        let root = cache_root(self.cache_dir.as_deref())?;
        if self.offline {
            // A cache is itself an archive.
            return Ok(Store { catalog: Box::new(Mirror::open(&root)?), cache: None });
        }
        let downloader = Downloader::new(Limits::default(), check_download)?;
        Ok(Store {
            catalog: Box::new(Broker::new(self.broker_url.as_deref(), Patience::default())),
            cache: Some(Cache::new(&root, Some(downloader))),
        })
    }

    /// Which files to write.
    fn exports(&self) -> Vec<Export> {
        self.export.iter().map(|name| name.export()).collect()
    }
}

/// The report as it is printed.
fn render(report: &Report, format: Format, all: bool) -> anyhow::Result<Vec<u8>> {
    let json_error = || anyhow!("cannot print the report as JSON");
    Ok(match format {
        Format::Table => report::table(report, style(all)).into_bytes(),
        Format::Csv => report::outages_csv(report)?,
        Format::Json => {
            let mut bytes = serde_json::to_vec_pretty(&report::document(report)).with_context(json_error)?;
            bytes.push(b'\n');
            bytes
        }
        Format::Ndjson => {
            let mut bytes = Vec::new();
            for line in report::lines(report) {
                serde_json::to_writer(&mut bytes, &line).with_context(json_error)?;
                bytes.push(b'\n');
            }
            bytes
        }
    })
}

/// How the page is drawn on standard output. A pipe has the width that the shell exports, if any.
fn style(all: bool) -> Style {
    let stdout = std::io::stdout();
    let width = match terminal_size::terminal_size_of(&stdout) {
        Some((terminal_size::Width(width), _)) => Some(usize::from(width)),
        None => std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()),
    };
    Style {
        colour: wants_colour(stdout.is_terminal(), std::env::var_os("NO_COLOR")),
        width: width.unwrap_or(Style::default().width).min(MAX_WIDTH),
        all,
    }
}

/// Colours are for a person at a terminal who has not said no (<https://no-color.org>).
fn wants_colour(is_terminal: bool, no_color: Option<OsString>) -> bool {
    is_terminal && no_color.is_none_or(|value| value.is_empty())
}

/// 0 finished with sufficient data, 3 finished without, 4 an outage that the user wants to fail on.
fn exit_code(report: &Report, fail_on_outage: bool) -> u8 {
    match report.answer() {
        Answer::Outage if fail_on_outage => 4,
        _ if !report.is_sufficient() => 3,
        _ => 0,
    }
}

/// 2 wrong usage, 1 everything else.
pub fn exit_code_of(error: &anyhow::Error) -> u8 {
    let unknown_name =
        matches!(error.downcast_ref::<Error>(), Some(Error::UnknownCollector { .. } | Error::UnknownOutage { .. }));
    if error.is::<Usage>() || unknown_name { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_nobody_who_objects() {
        assert!(wants_colour(true, None));
        assert!(wants_colour(true, Some("".into())));
        assert!(!wants_colour(true, Some("1".into())));
        assert!(!wants_colour(false, None));
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
