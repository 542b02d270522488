//! `outage-replay redetect` and `explain`: an earlier run judged again or explained, without its archives.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use outage_replay::bgp::{Asn, Prefix};
use outage_replay::report::{self, printable};
use outage_replay::{Options, observations, pipeline};

use super::arguments::MatchArg;
use super::judging::Judging;
use super::question::{once_each, targets};
use super::results::{Colour, style};
use super::typed;

/// The arguments of `redetect`.
#[derive(Debug, clap::Args)]
pub struct Redetect {
    /// The folder that --output wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Only these ASes of the earlier question. Repeatable, comma lists
    #[arg(long, value_name = "ASN", value_delimiter = ',', value_parser = typed::asn, help_heading = "Target")]
    asn: Vec<Asn>,
    /// Only these prefixes, inside those of the earlier question. Repeatable, comma lists
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = typed::prefix, help_heading = "Target")]
    prefix: Vec<Prefix>,
    #[command(flatten)]
    matching: MatchArg,

    #[command(flatten)]
    judging: Judging,
}

impl Redetect {
    /// Judges the run again, prints the report and returns the exit code.
    pub fn run(&self, sources: BTreeMap<String, String>, out: &mut dyn Write) -> anyhow::Result<u8> {
        let labels = self.judging.begin()?;
        let mut observations = observations::read(&self.folder)?;
        let targets = once_each(targets(&self.asn, &self.prefix, self.matching.matching));
        if !targets.is_empty() {
            observations = pipeline::narrow(observations, targets)?;
        }
        let criteria = report::read_criteria(&self.folder)?.unwrap_or_default();
        self.judging.judge(observations, self.judging.detection.criteria(criteria)?, labels, sources, out)
    }
}

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The folder that --output wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only this outage, by its id; otherwise those of whole networks, and of prefixes that were lost on their own
    #[arg(long, value_name = "ID")]
    outage: Option<String>,
    /// Show every record, not only the first few
    #[arg(long)]
    all: bool,
    /// Whether to print colours
    #[arg(long, value_name = "WHEN", value_parser = Colour::parser(), default_value = "auto")]
    color: Colour,
    /// Accepted as for other commands; there is no progress
    #[arg(long, short, hide = true)]
    quiet: bool,
}

impl Explain {
    /// Returns what is printed.
    pub fn run(&self) -> anyhow::Result<Vec<u8>> {
        let observations = observations::read(&self.folder)?;
        let criteria = report::read_criteria(&self.folder)?.unwrap_or_default();
        let report = pipeline::judge(observations, &Options { jobs: 0, criteria })?;
        let outage = self.outage.as_deref().map(|id| report::find_outage(&report, id)).transpose()?;
        Ok(printable(&report::explain(&report, outage, style(self.all, self.color))).into_bytes())
    }
}
