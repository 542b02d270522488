//! A run: from typed arguments to the printed report and the exit code.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use outage_replay::bgp::{Family, Prefix};
use outage_replay::catalog::Choice;
use outage_replay::pipeline;
use outage_replay::query::{Criteria, Query};
use outage_replay::report::{Report, printable};
use outage_replay::{Error, Options};

use super::arguments::Args;
use super::progress::Progress;
use super::question::{Countries, Question};
use super::signals::Signals;
use super::source::Store;
use super::{plan, tasks, typed, usage};

impl Args {
    /// Runs the query, prints the report and returns the exit code.
    pub fn run(&self, sources: BTreeMap<String, String>, out: &mut dyn Write) -> anyhow::Result<u8> {
        let query = self.query()?;
        let options = Options { jobs: self.output.jobs, criteria: self.detection.criteria(Criteria::default())? };
        self.output.check()?;
        let labels = self.output.labels.read()?;
        let progress = self.progress()?;
        self.output.surprise().iter().for_each(|what| progress.warn(what));
        let store = self.store(&progress)?;
        let asked = match self.all_prefixes {
            true => pipeline::scan(&query, store.sources(), &options, progress.as_ref()),
            false => Ok(query),
        };
        let run = |query| outage_replay::run(&query, store.sources(), &options, progress.as_ref());
        let result = asked.and_then(run);
        progress.finish();
        // After a cancellation no output is begun.
        let report = match result {
            Ok(_) if pipeline::Progress::is_cancelled(progress.as_ref()) => Err(Error::Cancelled),
            result => result,
        };
        let report = report.map_err(|error| progress.interrupted(error))?;
        let report = Report { labels, setting_sources: sources, ..report };
        if !self.output.format.has_verdict && !self.quiet {
            progress.verdict(&report);
        }
        if self.output.strict && !report.is_complete() {
            progress.incomplete(&report);
        }
        // The result is not lost if the folder cannot be written.
        let code = self.output.print(&report, out);
        if let Some(folder) = self.output.write(&report)? {
            progress.wrote(folder);
        }
        code
    }

    /// Returns what a run would read, or its tasks, and the exit code.
    pub fn plan(&self, as_tasks: bool) -> anyhow::Result<(Vec<u8>, u8)> {
        if as_tasks && self.all_prefixes {
            return Err(usage(
                "a scan has no tasks: name networks, or pass --prefix 0.0.0.0/0,::/0 without --all-prefixes",
            ));
        }
        let query = self.query()?;
        let progress = self.progress()?;
        let store = self.store(&progress)?;
        let result = match as_tasks {
            true => pipeline::tasks(&query, store.sources(), self.output.jobs, progress.as_ref())
                .map(|tasks| tasks::lines(&tasks))
                .map_err(Into::into),
            false => plan::render(&query, store.sources(), self.output.format, self.output.all),
        };
        progress.finish();
        match result {
            Ok(text) => Ok((printable(&text).into_bytes(), 0)),
            Err(error) => Err(progress.interrupted_any(error)),
        }
    }

    /// Returns the progress of a run, which signals may cancel.
    fn progress(&self) -> anyhow::Result<Arc<Progress>> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        Ok(Arc::new(Progress::new(self.quiet, self.verbose, self.allowance.into(), signals)))
    }

    /// Returns the query of these arguments.
    fn query(&self) -> anyhow::Result<Query> {
        let everything = Family::ALL.map(Prefix::everything);
        let question = Question {
            asns: &self.asn,
            prefixes: if self.all_prefixes { &everything } else { &self.prefix },
            lists: &self.targets,
            countries: Countries { codes: &self.country, by: self.country_by, statistics: &self.delegated },
            matching: self.matching.matching,
            from: self.from,
            to: self.to,
            duration: self.duration,
        };
        let (targets, window) = question.read()?;
        if self.baseline > Duration::from_secs(7 * 86400) {
            return Err(usage("--baseline is at most 7days"));
        }
        Ok(Query {
            targets: targets.targets,
            labels: targets.labels,
            groups: targets.groups,
            window,
            collectors: self.collector.iter().map(|name| typed::collector(name)).collect(),
            project: self.project,
            baseline: self.baseline,
            ribs: self.ribs,
            scan: None,
        })
    }

    /// Whether neither a network nor a time is given.
    pub fn asks_nothing(&self) -> bool {
        self.asn.is_empty()
            && self.prefix.is_empty()
            && self.targets.is_empty()
            && !self.all_prefixes
            && self.country.is_empty()
            && self.from.is_none()
            && self.to.is_none()
            && self.duration.is_none()
    }

    /// Returns the catalog and the cache that these arguments choose.
    fn store(&self, progress: &Arc<Progress>) -> anyhow::Result<Store> {
        let choice = if self.all_collectors { Choice::All } else { Choice::Few { budget: self.allowance.budget } };
        self.source.store(choice, progress)
    }
}
