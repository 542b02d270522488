//! `outage-replay reproduce`: an earlier run again, from the same files, and whether its results are the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::ArgAction;
use serde_json::{Value, json};

use outage_replay::Options;
use outage_replay::bgp::Collector;
use outage_replay::coverage::FileReading;
use outage_replay::observations::{self, ResultFile, RunRecord};
use outage_replay::pipeline;
use outage_replay::report::{self, printable};

use super::downloads::Allowance;
use super::labels::LabelArgs;
use super::progress::Progress;
use super::results::MAX_JOBS;
use super::signals::Signals;
use super::{DIFFERENT, output_failed, size, source, typed, usage};

/// How many names a message lists.
const MOST_NAMES: usize = 10;

/// The arguments of `reproduce`.
#[derive(Debug, clap::Args)]
pub struct Reproduce {
    /// The folder that --output wrote, or its manifest.json
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where its files are, as for a run; otherwise they are taken from the cache, or downloaded from where they were
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Source")]
    archive: Vec<PathBuf>,
    /// The collector whose files --archive names, where no folder has its name
    #[arg(long, value_name = "NAME", requires = "archive", value_parser = typed::collector_name, help_heading = "Source")]
    collector_name: Option<String>,
    /// Where downloaded files are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR", help_heading = "Source")]
    cache_dir: Option<PathBuf>,
    /// Use only what is in the cache
    #[arg(long, help_heading = "Source")]
    offline: bool,
    /// A download larger than this needs consent: --yes, or an answer on the terminal
    #[arg(long, value_name = "SIZE", value_parser = size::parse, default_value = "1GB", help_heading = "Source")]
    max_download: u64,
    /// Allow downloads of any size without asking
    #[arg(long, short = 'y', help_heading = "Source")]
    yes: bool,
    #[command(flatten)]
    labels: LabelArgs,
    /// Also write the results into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Replace an earlier run in the --output folder
    #[arg(long, requires = "output", help_heading = "Output")]
    force: bool,
    /// Print one JSON document
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Threads, at most 1024; 0 for one per core
    #[arg(long, value_name = "N", default_value = "0", value_parser = typed::number(0..=MAX_JOBS), help_heading = "Output")]
    jobs: usize,
    /// No progress on standard error
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print on standard error what is being done
    #[arg(long, short, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

impl Reproduce {
    /// Runs the question again, prints what is the same, and returns the exit code.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let record = observations::read_record(&self.run)?;
        let criteria = record.criteria.ok_or_else(|| {
            usage(format!("{} contains observations, and no results to compare with", self.run.display()))
        })?;
        if let Some(folder) = &self.output {
            report::check_folder(folder, self.force)?;
        }
        let labels = self.labels.read()?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        let allowance = Allowance { limit: self.max_download, yes: self.yes, budget: None };
        let progress = Arc::new(Progress::new(self.quiet, self.verbose, allowance, signals));
        let result = self.reproduce(&record, &Options { jobs: self.jobs, criteria }, &progress);
        progress.finish();
        let report = result.map_err(|error| progress.interrupted_any(error))?;
        let report = report::Report { labels, ..report };
        let exports = report::exports_of(record.results.iter().map(|file| file.name.as_str()));
        let written = match &self.output {
            Some(folder) => report::write(&report, folder, &exports, self.force)?,
            None => report::result_files(&report, &exports)?,
        };
        let found = Reproduced {
            record: &record,
            files: files(&record.files, &report.files),
            results: results(&record.results, &written),
        };
        let text = match self.json {
            true => format!("{:#}\n", found.document()),
            false => found.text(),
        };
        out.write_all(printable(&text).as_bytes()).map_err(output_failed)?;
        Ok(if found.is_same() { 0 } else { DIFFERENT })
    }

    fn reproduce(
        &self,
        record: &RunRecord,
        options: &Options,
        progress: &Arc<Progress>,
    ) -> anyhow::Result<report::Report> {
        if !self.archive.is_empty() {
            let name = self.collector_name.as_deref().map(Collector::new);
            let mirror = pipeline::open_archive(&self.archive, name.as_ref(), progress.as_ref())?;
            return Ok(pipeline::reproduce(record, Some(&mirror), None, options, progress.as_ref())?);
        }
        let cache = source::cache(self.cache_dir.as_deref(), self.offline, progress)?;
        Ok(pipeline::reproduce(record, None, Some(&cache), options, progress.as_ref())?)
    }
}

/// What is the same, and what is not.
struct Reproduced<'a> {
    record: &'a RunRecord,
    /// Archive files with different contents than then.
    files: Vec<&'a str>,
    /// Every result of the run, and whether it is the same.
    results: Vec<(&'a str, bool)>,
}

/// Returns the archive files whose bytes are not those of the run.
fn files<'a>(then: &'a [FileReading], now: &[FileReading]) -> Vec<&'a str> {
    let digests: BTreeMap<&str, &str> = now.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect();
    let is_other = |file: &&FileReading| digests.get(file.name.as_str()).is_none_or(|digest| *digest != file.sha256);
    then.iter().filter(is_other).map(|file| file.name.as_str()).collect()
}

fn results<'a>(then: &'a [ResultFile], now: &[ResultFile]) -> Vec<(&'a str, bool)> {
    let digests: BTreeMap<&str, &str> = now.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect();
    let is_same = |file: &ResultFile| digests.get(file.name.as_str()) == Some(&file.sha256.as_str());
    then.iter().map(|file| (file.name.as_str(), is_same(file))).collect()
}

impl Reproduced<'_> {
    fn is_same(&self) -> bool {
        self.files.is_empty() && self.results.iter().all(|(_, is_same)| *is_same)
    }

    fn document(&self) -> Value {
        json!({
            "schema_version": observations::SCHEMA_VERSION,
            "tool": observations::TOOL,
            "same": self.is_same(),
            "run": { "tool": self.record.tool, "commit": self.record.commit },
            "files": { "n": self.record.files.len(), "different": self.files },
            "results": self.results.iter().map(|(name, is_same)| json!({ "name": name, "same": is_same })).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let RunRecord { tool, commit, files, .. } = self.record;
        let commit = commit.as_ref().map_or(String::new(), |commit| format!(" (commit {commit})"));
        let (own, own_commit) = (observations::TOOL, observations::COMMIT);
        let own_commit = own_commit.map_or(String::new(), |commit| format!(" (commit {commit})"));
        let _ = writeln!(text, "The run was made by {tool}{commit}; this is {} {}{own_commit}.", own.name, own.version);
        let _ = match self.files.len() {
            0 => writeln!(text, "Archive files: all {} match the digests of the run.", files.len()),
            n => {
                writeln!(text, "Archive files: {n} of {} have different contents: {}.", files.len(), names(&self.files))
            }
        };
        let other: Vec<&str> = self.results.iter().filter(|(_, is_same)| !is_same).map(|(name, _)| *name).collect();
        let _ = match other.len() {
            0 => writeln!(text, "Results: all {} files are the same, byte for byte.", self.results.len()),
            n => writeln!(text, "Results: {n} of {} files differ: {}.", self.results.len(), names(&other)),
        };
        text
    }
}

fn names(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        n => format!("{shown} and {n} more"),
    }
}
