//! `outage-replay collect` and `join`: a run in parts, on as many machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::ArgAction;

use outage_replay::Error;
use outage_replay::archive::Location;
use outage_replay::fetch::{BaseUrl, Cache};
use outage_replay::observations::{self, Task};
use outage_replay::pipeline::{self, Joined};
use outage_replay::query::Criteria;
use outage_replay::report::printable;

use super::downloads::Allowance;
use super::judging::Judging;
use super::memory::MemoryLimit;
use super::progress::Progress;
use super::results::MAX_JOBS;
use super::signals::Signals;
use super::{output_failed, source, typed, usage};

/// The exit code of `join` if tasks have no part yet.
const LACKS_PARTS: u8 = 6;
/// How many tasks a message names.
const MOST_NAMES: usize = 5;

/// The arguments of `collect`.
#[derive(Debug, clap::Args)]
pub struct Collect {
    /// Lists of tasks, one a line, that plan --tasks or join --next wrote; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    tasks: Vec<PathBuf>,
    /// Where to write the parts, one folder per task; a part that exists is not collected again
    #[arg(long, value_name = "DIR", required = true)]
    parts: PathBuf,
    /// Another server with the publishers' files, which is asked first. Repeatable
    #[arg(long, value_name = "URL", help_heading = "Source")]
    mirror: Vec<BaseUrl>,
    /// Where downloaded files are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR", help_heading = "Source")]
    cache_dir: Option<PathBuf>,
    /// Use only what is in the cache
    #[arg(long, help_heading = "Source")]
    offline: bool,
    /// Threads, at most 1024; 0 for one per core
    #[arg(long, value_name = "N", default_value = "0", value_parser = typed::number(0..=MAX_JOBS), help_heading = "Settings")]
    jobs: usize,
    #[command(flatten)]
    memory: MemoryLimit,
    /// No progress on standard error
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print on standard error what is being done
    #[arg(long, short, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

impl Collect {
    /// Works on the tasks in order, and prints the name of each whose part is there.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<u8> {
        let tasks = read_tasks(&self.tasks)?;
        self.memory.watch();
        fs::create_dir_all(&self.parts).with_context(|| format!("cannot make the folder {}", self.parts.display()))?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        let progress = Arc::new(Progress::new(self.quiet, self.verbose, Allowance::unlimited(), signals));
        for task in &tasks {
            if !observations::has_part(task, &self.parts) {
                let collected = self.collect(task, &progress);
                collected.map_err(|error| progress.interrupted_any(error))?;
            }
            writeln!(out, "{}", printable(&task.name())).and_then(|()| out.flush()).map_err(output_failed)?;
        }
        progress.finish();
        Ok(0)
    }

    fn collect(&self, task: &Task, progress: &Arc<Progress>) -> anyhow::Result<()> {
        let cache = self.cache(task, progress)?;
        let part = pipeline::collect_part(task, cache.as_ref(), self.jobs, progress.as_ref())?;
        // After a cancellation no output is begun.
        if pipeline::Progress::is_cancelled(progress.as_ref()) {
            return Err(Error::Cancelled.into());
        }
        match observations::write_part(&part, task, &self.parts) {
            // Another worker was faster: its part is the same.
            Err(_) if observations::has_part(task, &self.parts) => Ok(()),
            written => Ok(written?),
        }
    }

    /// Returns the cache, if a file of the task has to go through it.
    fn cache(&self, task: &Task, progress: &Arc<Progress>) -> anyhow::Result<Option<Cache>> {
        let is_here = |location: &Location| !matches!(location, Location::Remote { .. } | Location::Cached { .. });
        if task.files.iter().all(|(file, _)| is_here(&file.location)) {
            return Ok(None);
        }
        let cache = source::cache(self.cache_dir.as_deref(), self.offline, progress)?;
        Ok(Some(cache.with_mirrors(self.mirror.clone())))
    }
}

/// The arguments of `join`.
#[derive(Debug, clap::Args)]
pub struct Join {
    /// The list of tasks that plan --tasks wrote; - is standard input
    #[arg(value_name = "FILE")]
    tasks: PathBuf,
    /// Folders with parts. Repeatable
    #[arg(long, value_name = "DIR", required = true, num_args = 1..)]
    parts: Vec<PathBuf>,
    /// Write the tasks that have no part yet into this file, for collect
    #[arg(long, value_name = "FILE")]
    next: Option<PathBuf>,
    /// A list of tasks that failed for good: nothing is known of their collectors
    ///
    /// Where one of them has no part, the whole window is a gap of its collector in the result, as if none of its files could be
    /// downloaded.
    #[arg(long, value_name = "FILE")]
    failed: Vec<PathBuf>,

    #[command(flatten)]
    judging: Judging,
}

impl Join {
    /// Judges what the parts show, prints the report and returns the exit code.
    pub fn run(&self, sources: BTreeMap<String, String>, out: &mut dyn Write) -> anyhow::Result<u8> {
        let labels = self.judging.begin()?;
        let criteria = self.judging.detection.criteria(Criteria::default())?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        let progress = Progress::new(self.judging.quiet, 0, Allowance::unlimited(), signals);
        let tasks = read_tasks(std::slice::from_ref(&self.tasks))?;
        let load = |task: &Task| {
            let found = self.parts.iter().find(|parts| observations::has_part(task, parts));
            found.map_or(Ok(None), |parts| observations::read_part(task, parts))
        };
        let failed = read_tasks(&self.failed)?;
        let joined = pipeline::join(tasks, &failed, &load, self.judging.output.jobs, &progress);
        let joined = joined.map_err(|error| progress.interrupted(error))?;
        let lacking = match &joined {
            Joined::Whole(_) => &[][..],
            Joined::Lacks(tasks) => tasks,
        };
        if let Some(next) = &self.next {
            fs::write(next, lines(lacking)).with_context(|| format!("cannot write {}", next.display()))?;
        }
        let observations = match joined {
            Joined::Whole(observations) => *observations,
            Joined::Lacks(tasks) => {
                let _ = writeln!(io::stderr(), "{}", printable(&self.what_lacks(&tasks)));
                return Ok(LACKS_PARTS);
            }
        };
        self.judging.judge(observations, criteria, labels, sources, out)
    }

    fn what_lacks(&self, tasks: &[Task]) -> String {
        let mut text = match tasks.len() {
            1 => "1 task has no part yet: ".to_owned(),
            n => format!("{n} tasks have no part yet: "),
        };
        let names: Vec<String> = tasks.iter().take(MOST_NAMES).map(Task::name).collect();
        text += &names.join(", ");
        if tasks.len() > MOST_NAMES {
            let _ = write!(text, " and {} more", tasks.len() - MOST_NAMES);
        }
        text += match &self.next {
            Some(_) => "; collect the list that --next wrote, and join again",
            None => "; --next FILE writes them into a list for collect",
        };
        text
    }
}

/// Returns a list of tasks as it is written.
pub fn lines(tasks: &[Task]) -> String {
    tasks.iter().map(|task| task.to_line() + "\n").collect()
}

/// Reads lists of tasks; `-` is standard input.
fn read_tasks(paths: &[PathBuf]) -> anyhow::Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for path in paths {
        let (text, name) = typed::read_list(path, "tasks")?;
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            tasks.push(Task::parse(line).map_err(|error| usage(format!("{name}, line {number}: {error}")))?);
        }
    }
    Ok(tasks)
}
