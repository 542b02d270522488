//! `outage-replay dataset`: the tables of many runs as one.

use std::io::Write;
use std::path::PathBuf;

use outage_replay::observations;
use outage_replay::report::printable;

use super::output_failed;

/// The arguments of `dataset`.
#[derive(Debug, clap::Args)]
pub struct Dataset {
    /// Folders of runs, which --output wrote with --export parquet
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The folder of the data set: new, or one with other runs
    ///
    /// Each table has its own folder in it, with subfolders date=… and collector=…, named as Hive and Spark do. A run that is
    /// added again replaces its own files with the same bytes.
    #[arg(long, value_name = "DIR", required = true)]
    into: PathBuf,
}

impl Dataset {
    /// Adds the runs and prints what was added.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<u8> {
        for run in &self.runs {
            let tables = observations::add_to_dataset(run, &self.into)?;
            let (rows, files) = tables.iter().fold((0, 0), |(rows, files), of| (rows + of.rows, files + of.files));
            let line = format!("{}: {} tables, {rows} rows in {files} files\n", run.display(), tables.len());
            out.write_all(printable(&line).as_bytes()).map_err(output_failed)?;
        }
        Ok(0)
    }
}
