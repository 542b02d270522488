//! The arguments of a run.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;
use clap::builder::{OsStringValueParser, TypedValueParser};

use outage_replay::bgp::{Asn, Prefix, Project};
use outage_replay::query::{Criteria, Match, Metric, RegisteredBy, RibChoice, Sufficiency, Thresholds};
use outage_replay::registry::Country;
use outage_replay::time::Timestamp;

use super::choice::one_of;
use super::downloads::Allowance;
use super::results::Output;
use super::source::SourceArgs;
use super::statistics::{self, Statistics};
use super::{misuse, size, typed};

/// The heading of [`Detection`] in help texts.
pub const DETECTION: &str = "Detection";

/// What a prefix target includes beside the prefix itself.
const MATCHES: [(Match, &str); 4] = [
    (Match::Exact, "Nothing else"),
    (Match::MoreSpecific, "Everything inside it"),
    (Match::LessSpecific, "Everything that covers it"),
    (Match::Any, "Both"),
];

/// What is registered in a country.
const REGISTRATIONS: [(RegisteredBy, &str); 2] = [
    (RegisteredBy::Address, "Address blocks, whichever AS announces them"),
    (RegisteredBy::Asn, "ASes, with whatever they originate"),
];

/// Which RIB dumps inside a window are read.
const RIB_CHOICES: [(RibChoice, &str); 4] = [
    (RibChoice::Auto, "One every 48 hours, the first one after each gap, and those that an outage needs"),
    (RibChoice::All, "Every one"),
    (RibChoice::Daily, "One every 24 hours, and the first one after each gap"),
    (RibChoice::Edges, "None"),
];

/// The arguments of a run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Networks by origin AS: 131279, AS131279 or 2.207. Repeatable, comma lists
    ///
    /// An AS stands for every prefix that it originates in any file that is read.
    #[arg(long, value_name = "ASN", value_delimiter = ',', value_parser = typed::asn, help_heading = "Target")]
    pub asn: Vec<Asn>,
    /// Prefixes, IPv4 or IPv6. Repeatable, comma lists
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = typed::prefix, help_heading = "Target")]
    pub prefix: Vec<Prefix>,
    /// Every prefix of the table that may have been out: what else disappeared?
    ///
    /// The archives are read twice: a first, quick pass finds the prefixes that enough vantage points lost at the same time. No
    /// other prefix can have been out while there were enough vantage points to judge.
    #[arg(
        long,
        conflicts_with_all = ["asn", "prefix", "targets", "country", "matching"],
        help_heading = "Target"
    )]
    pub all_prefixes: bool,
    /// Every AS that may have been out as a whole, with everything that it originates
    ///
    /// Like --all-prefixes, but by origin: the first pass also finds out who originates each prefix.
    #[arg(
        long,
        conflicts_with_all = ["asn", "prefix", "targets", "country", "matching", "all_prefixes"],
        help_heading = "Target"
    )]
    pub all_asns: bool,
    /// A file with one AS number or prefix a line; # begins a comment; - is standard input
    ///
    /// In a CSV table, the first column is read. If the table has a heading (target, asn or prefix), its column `label` names
    /// targets, and targets with the same `group` are also judged together, as one network.
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub targets: Vec<PathBuf>,
    /// Everything that is registered in a country, judged as one network: KP, IR. Repeatable, comma lists
    ///
    /// Registration is not location: a block may be used abroad, and networks of the country may use foreign blocks. Needs
    /// --delegated.
    #[arg(
        long,
        value_name = "CODE",
        value_delimiter = ',',
        value_parser = str::parse::<Country>,
        requires = "delegated",
        help_heading = "Target"
    )]
    pub country: Vec<Country>,
    /// What belongs to a country
    #[arg(
        long,
        value_name = "WHAT",
        value_parser = one_of(REGISTRATIONS.map(|(by, help)| (by, by.into(), help))),
        default_value = <&str>::from(RegisteredBy::default()),
        help_heading = "Target"
    )]
    pub country_by: RegisteredBy,
    /// Statistics of the registries: files, their URLs, or folders of files named delegated-REGISTRY-extended-DATE. Repeatable
    ///
    /// A file on a server is downloaded into the cache. From a folder, the last file of each registry up to the first day of the
    /// window is read, if it is at most 31 days older than that day; .gz and .bz2 files are read as they are. A file passed by
    /// name is read whatever its date. Registries publish one a day:
    /// https://ftp.apnic.net/stats/apnic/2014/delegated-apnic-extended-20141222.gz
    #[arg(
        long,
        value_name = "PATH",
        num_args = 1..,
        value_parser = OsStringValueParser::new().try_map(statistics::parse),
        help_heading = "Target"
    )]
    pub delegated: Vec<Statistics>,
    #[command(flatten)]
    pub matching: MatchArg,

    /// Start of the window: 2014-12-22, 2014-12-22T16:15, RFC 3339 or Unix seconds
    ///
    /// Without an offset it is UTC.
    #[arg(long, value_name = "TIME", help_heading = "Window")]
    pub from: Option<Timestamp>,
    /// End of the window, not included
    #[arg(long, value_name = "TIME", conflicts_with = "duration", help_heading = "Window")]
    pub to: Option<Timestamp>,
    /// Length of the window instead of its end: 36h, 90min, 2days
    ///
    /// Units are s, min, h, days, weeks; one of --to and --duration is needed.
    #[arg(long, value_name = "LENGTH", value_parser = length, help_heading = "Window")]
    pub duration: Option<Duration>,

    /// A file with one window per line, its start and its end: 2014-12-22,2014-12-24. Each window is answered separately
    ///
    /// A hyphen is standard input. With --output each window has a folder of its own. A table of --targets may also have columns `from` and
    /// `to`: then a target is asked about in that window.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to", "duration"], help_heading = "Window")]
    pub windows: Option<PathBuf>,

    #[command(flatten)]
    pub source: SourceArgs,
    /// Every collector that the catalog has, instead of the cheapest ones with enough full feeds
    ///
    /// The choice weighs full feeds against the listed sizes of files: three to five collectors, of both projects. `plan` shows
    /// it. With --archive, all collectors in it are read anyway.
    #[arg(long, conflicts_with = "collector", help_heading = "Source")]
    pub all_collectors: bool,
    /// Only these collectors. Repeatable, comma lists
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Source")]
    pub collector: Vec<String>,
    /// Only the collectors of this project: riperis or routeviews
    #[arg(long, value_name = "NAME", help_heading = "Source")]
    pub project: Option<Project>,
    /// Read RIB dumps from this long before the window to learn how widely a prefix is normally seen; at most 7days
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "0s", help_heading = "Source")]
    pub baseline: Duration,

    /// Which RIB dumps inside the window are read, besides the last one before it and the first one after it
    ///
    /// RIB dumps are most of what a run downloads and decompresses.
    #[arg(
        long,
        value_name = "WHICH",
        value_parser = one_of(RIB_CHOICES.map(|(ribs, help)| (ribs, ribs.into(), help))),
        default_value = <&str>::from(RibChoice::default()),
        help_heading = "Source"
    )]
    pub ribs: RibChoice,

    #[command(flatten)]
    pub allowance: Downloads,
    #[command(flatten)]
    pub detection: Detection,
    #[command(flatten)]
    pub output: Output,
    /// No progress on standard error
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Print on standard error what is being done
    ///
    /// Given twice (-vv), it also names every file.
    #[arg(long, short, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

/// The arguments of a plan.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub args: Args,
    /// Print the run in parts instead, one task per line, for collect
    ///
    /// Each line is a JSON document with everything that a machine needs to know: one collector, and its files.
    #[arg(long, help_heading = "Output")]
    pub tasks: bool,
}

/// What a prefix of the question stands for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct MatchArg {
    /// Which prefixes a --prefix stands for, besides itself
    #[arg(
        long = "match",
        value_name = "WHICH",
        value_parser = one_of(MATCHES.map(|(matching, help)| (matching, matching.into(), help))),
        default_value = <&str>::from(Match::default()),
        help_heading = "Target"
    )]
    pub matching: Match,
}

/// What may be downloaded.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Downloads {
    /// Download at most this much: 500M, 1GB [default: no limit]
    ///
    /// Without --collector as many collectors are chosen as fit into it. A plan that needs more is an error.
    #[arg(long, value_name = "SIZE", value_parser = size::parse, help_heading = "Source")]
    pub budget: Option<u64>,
    /// A download larger than this needs consent: --yes, or an answer on the terminal
    #[arg(long, value_name = "SIZE", value_parser = size::parse, default_value = "1GB", help_heading = "Source")]
    pub max_download: u64,
    /// Allow downloads of any size without asking
    #[arg(long, short = 'y', help_heading = "Source")]
    pub yes: bool,
}

impl From<Downloads> for Allowance {
    fn from(downloads: Downloads) -> Allowance {
        Allowance { limit: downloads.max_download, yes: downloads.yes, budget: downloads.budget }
    }
}

/// What counts as an outage. A flag that is not given has its default or, with `redetect`, the value of the earlier run.
#[derive(Debug, clap::Args)]
pub struct Detection {
    /// Do not judge with fewer distinct peer ASes than this
    ///
    /// A number of ASes. The previous state is held, and the time is reported as not judged.
    #[arg(long, value_name = "N", default_value = "10", value_parser = typed::number(0..=usize::MAX), help_heading = DETECTION)]
    min_peers: Option<usize>,
    /// Do not judge with less than this share of the full-feed ASes
    ///
    /// A share from 0 to 1 of those that the run knows of. A higher one makes more of a window unknown (exit code 3), a lower
    /// one accepts that collectors are missing.
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = share, help_heading = DETECTION)]
    min_coverage: Option<f64>,
    /// A prefix is down while the share of peer ASes that see it is below this
    ///
    /// A share from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = share, help_heading = DETECTION)]
    down_below: Option<f64>,
    /// It is up again once the share is at least this [default: 0.6; 0.5 with --metric ioda]
    ///
    /// A share from 0 to 1, not below --down-below.
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = DETECTION)]
    up_at: Option<f64>,
    /// A fall in visibility that is shorter than this is a flap
    ///
    /// A length: 90s, 5min. Flaps are counted and listed, not reported as outages.
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "120s", help_heading = DETECTION)]
    min_duration: Option<Duration>,
    /// Outages separated by at most this are one
    ///
    /// A length: 90s, 5min.
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "120s", help_heading = DETECTION)]
    merge_gap: Option<Duration>,
    /// Outages and flaps separated by at most this are one episode
    ///
    /// A length: 6h, 1day.
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "6h", help_heading = DETECTION)]
    episode_gap: Option<Duration>,
    /// A loss that is not an outage is listed while the share is below this
    ///
    /// A share from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value = "0.9", value_parser = share, help_heading = DETECTION)]
    degraded_below: Option<f64>,
    /// Which share decides: of the peers that normally carry the prefix, or, as in IODA, of all full feeds
    #[arg(
        long,
        value_name = "RULE",
        value_parser = one_of([Metric::Baseline, Metric::Ioda].map(|metric| (metric, metric.into(), ""))),
        default_value = <&str>::from(Metric::default()),
        help_heading = DETECTION
    )]
    metric: Option<Metric>,
}

impl Detection {
    /// Returns the criteria `was` with the values of these flags.
    pub fn criteria(&self, was: Criteria) -> anyhow::Result<Criteria> {
        let metric = self.metric.unwrap_or(was.metric);
        let down_below = self.down_below.unwrap_or(was.thresholds.down_below);
        // Another metric has another default.
        let usual = if metric == was.metric { was } else { Criteria::of(metric) };
        let up_at = self.up_at.unwrap_or(usual.thresholds.up_at.max(down_below));
        if down_below <= 0.0 {
            return Err(misuse("--down-below 0 finds no outage: no share is below it"));
        }
        if up_at < down_below {
            return Err(misuse(format!("--up-at {up_at} is below --down-below {down_below}")));
        }
        Ok(Criteria {
            metric,
            sufficiency: Sufficiency {
                min_peers: self.min_peers.unwrap_or(was.sufficiency.min_peers),
                min_coverage: self.min_coverage.unwrap_or(was.sufficiency.min_coverage),
            },
            thresholds: Thresholds {
                down_below,
                up_at,
                min_duration: self.min_duration.unwrap_or(was.thresholds.min_duration),
                merge_gap: self.merge_gap.unwrap_or(was.thresholds.merge_gap),
                episode_gap: self.episode_gap.unwrap_or(was.thresholds.episode_gap),
                degraded_below: self.degraded_below.unwrap_or(was.thresholds.degraded_below),
            },
        })
    }
}

/// Parses a length of time: `36h`.
pub fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("'{text}' is not a length of time: write 36h, 90min, 2days or 120s"))
}

/// Parses a share from 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("'{text}' is not a share: write a number from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        detection: Detection,
    }

    #[test]
    fn the_defaults_that_help_shows_are_those_of_the_library() {
        let alone = Alone::parse_from(["outage-replay"]);
        let other = Criteria {
            metric: Metric::Baseline,
            sufficiency: Sufficiency { min_peers: 1, min_coverage: 0.1 },
            thresholds: Thresholds {
                down_below: 0.1,
                min_duration: Duration::ZERO,
                merge_gap: Duration::ZERO,
                episode_gap: Duration::ZERO,
                degraded_below: 0.1,
                ..Thresholds::default()
            },
        };
        assert_eq!(alone.detection.criteria(other).ok(), Some(Criteria::default()));
    }
}
