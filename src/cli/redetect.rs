//! An earlier run, judged again or explained, without its archives.

use std::io::{self, Write};
use std::path::PathBuf;

use outage_replay::report::{self, Earlier, Report};
use outage_replay::{Options, pipeline};

use super::arguments::{Detection, Format, Output};
use super::run::style;
use super::terminal::printable;

/// Which earlier run, and what is to be different.
#[derive(Debug, clap::Args)]
pub struct Redetect {
    /// The folder that --output wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    detection: Detection,
    #[command(flatten)]
    output: Output,
}

impl Redetect {
    /// Judges, and prints what was found: the exit code.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<u8> {
        self.output.check()?;
        let Earlier { observations, criteria } = report::read(&self.folder)?;
        let options = Options { jobs: self.output.jobs, criteria: self.detection.criteria(criteria)? };
        let report = pipeline::judge(observations, &options)?;
        self.output.write(&report)?;
        // Rows alone do not say whether the data suffice. Nobody to tell is no reason to stop.
        if self.output.format == Format::Csv {
            if let Some(note) = &report.note {
                let _ = writeln!(io::stderr(), "{}", printable(&format!("note: {note}")));
            }
            let _ = writeln!(io::stderr(), "verdict: {}", report.answer().name().replace('_', " "));
        }
        self.output.print(&report, out)
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
        let Earlier { observations, criteria } = report::read(&self.folder)?;
        let report: Report = pipeline::judge(observations, &Options { jobs: 0, criteria })?;
        let outage = self.outage.as_deref().map(|id| report::find_outage(&report, id)).transpose()?;
        Ok(printable(&report::explain(&report, outage, style(self.all))).into_bytes())
    }
}
