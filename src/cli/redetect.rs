//! An earlier run, judged again or explained, without its archives.

use std::path::PathBuf;
use std::time::Duration;

use outage_replay::detect::Thresholds;
use outage_replay::report::{self, Earlier, Export, Report};
use outage_replay::visibility::{Metric, Sufficiency};
use outage_replay::{Options, pipeline};

use super::arguments::{ExportName, Format, MetricName, length, share};
use super::run::{exit_code, render, style};
use super::terminal::printable;
use super::usage;

/// Which earlier run, and what is to be different.
#[derive(Debug, clap::Args)]
pub struct Redetect {
    /// The folder that --output wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Fewer distinct peer ASes than this decide nothing
    #[arg(long, value_name = "N", help_heading = "Detection")]
    min_peers: Option<usize>,
    /// Less than this share of the full-feed ASes decides nothing
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Detection")]
    min_coverage: Option<f64>,
    /// Down while the share of peer ASes that see it is below this
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Detection")]
    down_below: Option<f64>,
    /// Up again once it is at least this
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Detection")]
    up_at: Option<f64>,
    /// Shorter falls are flaps
    #[arg(long, value_name = "LENGTH", value_parser = length, help_heading = "Detection")]
    min_duration: Option<Duration>,
    /// Outages separated by at most this are one
    #[arg(long, value_name = "LENGTH", value_parser = length, help_heading = "Detection")]
    merge_gap: Option<Duration>,
    /// Outages and flaps separated by at most this are one episode
    #[arg(long, value_name = "LENGTH", value_parser = length, help_heading = "Detection")]
    episode_gap: Option<Duration>,
    /// A loss that is no outage is listed while the share is below this
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Detection")]
    degraded_below: Option<f64>,
    /// Which share decides
    #[arg(long, value_name = "RULE", value_enum, help_heading = "Detection")]
    metric: Option<MetricName>,

    /// What to print
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: Format,
    /// Also write the new judgement into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Which files to write with --output
    #[arg(
        long,
        value_name = "KIND",
        value_enum,
        value_delimiter = ',',
        default_value = "csv,parquet,html",
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
    /// Exit with 3 when anything is missing, whatever it does to the result
    #[arg(long, help_heading = "Output")]
    strict: bool,
    /// Threads; 0 for one per core
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Output")]
    jobs: usize,
}

impl Redetect {
    /// What to print, and the exit code.
    pub fn run(&self) -> anyhow::Result<(Vec<u8>, u8)> {
        if let Some(folder) = &self.output {
            report::check_folder(folder, self.force)?;
        }
        let earlier = report::read(&self.folder)?;
        let options = self.options(&earlier)?;
        let report = pipeline::judge(earlier.observations, &options)?;
        if let Some(folder) = &self.output {
            let exports: Vec<Export> = self.export.iter().map(|name| name.export()).collect();
            report::write(&report, folder, &exports, self.force)?;
        }
        Ok((render(&report, self.format, self.all)?, exit_code(&report, self.fail_on_outage, self.strict)))
    }

    /// What was not said is as it was.
    fn options(&self, earlier: &Earlier) -> anyhow::Result<Options> {
        let was = earlier.thresholds;
        let metric = self.metric.map_or(earlier.metric, MetricName::metric);
        let down_below = self.down_below.unwrap_or(was.down_below);
        // Another rule has another usual threshold.
        let usual = match metric {
            _ if metric == earlier.metric => was.up_at,
            Metric::Baseline => Thresholds::default().up_at,
            Metric::Ioda => Thresholds::default().down_below,
        };
        let up_at = self.up_at.unwrap_or(usual.max(down_below));
        if up_at < down_below {
            return Err(usage(format!("--up-at {up_at} is below --down-below {down_below}")));
        }
        Ok(Options {
            jobs: self.jobs,
            metric,
            sufficiency: Sufficiency {
                min_peers: self.min_peers.unwrap_or(earlier.sufficiency.min_peers),
                min_coverage: self.min_coverage.unwrap_or(earlier.sufficiency.min_coverage),
            },
            thresholds: Thresholds {
                down_below,
                up_at,
                min_duration: self.min_duration.unwrap_or(was.min_duration),
                merge_gap: self.merge_gap.unwrap_or(was.merge_gap),
                episode_gap: self.episode_gap.unwrap_or(was.episode_gap),
                degraded_below: self.degraded_below.unwrap_or(was.degraded_below),
            },
        })
    }
}

/// Which earlier run, and which of its outages.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The folder that --output wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only this outage, by its id; otherwise those of whole networks, and of prefixes that went on their own
    #[arg(long, value_name = "ID")]
    outage: Option<String>,
    /// Every record, where otherwise the first few stand for all
    #[arg(long)]
    all: bool,
}

impl Explain {
    /// What to print.
    pub fn run(&self) -> anyhow::Result<Vec<u8>> {
        let Earlier { observations, metric, sufficiency, thresholds } = report::read(&self.folder)?;
        let report: Report = pipeline::judge(observations, &Options { jobs: 0, metric, sufficiency, thresholds })?;
        let outage = self.outage.as_deref().map(|id| report::find_outage(&report, id)).transpose()?;
        Ok(printable(&report::explain(&report, outage, style(self.all))).into_bytes())
    }
}
