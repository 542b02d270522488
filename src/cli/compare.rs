//! `outage-replay compare`: what differs between two runs.

use std::io::Write;
use std::path::{Path, PathBuf};

use outage_replay::report::{self, printable};
use outage_replay::{Options, observations, pipeline};

use super::{DIFFERENT, output_failed};

/// The arguments of `compare`.
#[derive(Debug, clap::Args)]
pub struct Compare {
    /// The folder of the first run, which --output wrote
    #[arg(value_name = "FIRST")]
    first: PathBuf,
    /// The folder of the second run
    #[arg(value_name = "SECOND")]
    second: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Compare {
    /// Prints what differs and returns the exit code.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let (first, second) = (judged(&self.first)?, judged(&self.second)?);
        let comparison = report::compare(&first, &second);
        let text = match self.json {
            true => format!("{:#}\n", comparison.document()),
            false => comparison.text(),
        };
        out.write_all(printable(&text).as_bytes()).map_err(output_failed)?;
        Ok(if comparison.is_same() { 0 } else { DIFFERENT })
    }
}

/// Judges a written run as it was judged.
fn judged(folder: &Path) -> anyhow::Result<report::Report> {
    let observations = observations::read(folder)?;
    let criteria = report::read_criteria(folder)?.unwrap_or_default();
    Ok(pipeline::judge(observations, &Options { jobs: 0, criteria })?)
}
