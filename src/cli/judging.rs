//! Observations are judged and shown: what `redetect` and `join` have in common.

use std::collections::BTreeMap;
use std::io::Write;

use outage_replay::observations::Observations;
use outage_replay::query::Criteria;
use outage_replay::report::{Labels, Report};
use outage_replay::{Options, pipeline};

use super::arguments::Detection;
use super::results::Output;

/// What counts as an outage, and what is printed and written.
#[derive(Debug, clap::Args)]
pub struct Judging {
    #[command(flatten)]
    pub detection: Detection,
    #[command(flatten)]
    pub output: Output,
    /// No verdict on standard error
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

impl Judging {
    /// Checks that the output can be written, before the work begins, and returns the labels.
    pub fn begin(&self) -> anyhow::Result<Labels> {
        self.output.check()?;
        let labels = self.output.labels.read()?;
        self.output.memory.watch();
        Ok(labels)
    }

    /// Judges observations, prints the report and returns the exit code.
    pub fn judge(
        &self,
        observations: Observations,
        criteria: Criteria,
        labels: Labels,
        sources: BTreeMap<String, String>,
        out: &mut dyn Write,
    ) -> anyhow::Result<u8> {
        let options = Options { jobs: self.output.jobs, criteria };
        let report = Report { labels, setting_sources: sources, ..pipeline::judge(observations, &options)? };
        self.output.deliver(&report, self.quiet, out)
    }
}
