//! A run: from typed arguments to the printed report and the exit code.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use outage_replay::bgp::{Family, Prefix};
use outage_replay::catalog::Choice;
use outage_replay::pipeline;
use outage_replay::query::{Criteria, Query, Scanned};
use outage_replay::report::{Report, printable};
use outage_replay::{Error, Options};

use super::arguments::Args;
use super::progress::Progress;
use super::question::{Asked, Countries, Question};
use super::results::Output;
use super::signals::Signals;
use super::source::{self, Store};
use super::windows::{Windows, in_words};
use super::{output_failed, plan, tasks, typed, usage};

impl Args {
    /// Answers the question in each of its windows, prints the reports and returns the exit code.
    pub fn run(&self, sources: BTreeMap<String, String>, out: &mut dyn Write) -> anyhow::Result<u8> {
        let progress = self.progress()?;
        let options = Options { jobs: self.output.jobs, criteria: self.detection.criteria(Criteria::default())? };
        let labels = self.output.labels.read()?;
        let queries = self.queries(&progress)?;
        let outputs: Vec<Output> = match &queries[..] {
            [_] => vec![self.output.clone()],
            _ => queries.iter().map(|query| self.output.of_window(query.window)).collect(),
        };
        outputs.iter().try_for_each(Output::check)?;
        self.output.memory.watch();
        self.output.surprise().iter().for_each(|what| progress.warn(what));
        let store = self.store(&progress)?;
        let mut windows = Windows::default();
        for (query, output) in queries.iter().zip(&outputs) {
            let report = self.answer(query, &store, &options, &progress);
            let report = match report {
                // The other windows may have an answer.
                Err(error) if queries.len() > 1 && is_of_one_window(&error) => {
                    progress.failed(&format!("{}: {error:#}", in_words(query.window)));
                    windows.failed(query.window);
                    continue;
                }
                report => report?,
            };
            let report = Report { labels: labels.clone(), setting_sources: sources.clone(), ..report };
            if !output.format.has_verdict && !self.quiet {
                progress.verdict(&report);
            }
            if output.strict && !report.is_complete() {
                progress.incomplete(&report);
            }
            // The result is not lost if the folder cannot be written.
            let code = match queries.len() {
                1 => output.print(&report, out),
                _ => windows.print(output, &report, out),
            };
            if let Some(folder) = output.write(&report)? {
                progress.wrote(folder);
            }
            windows.add(query.window, &report, code?);
        }
        if queries.len() > 1 && self.output.format.name == "table" {
            out.write_all(printable(&windows.summary()).as_bytes()).map_err(output_failed)?;
        }
        Ok(windows.code())
    }

    fn answer(
        &self,
        query: &Query,
        store: &Store,
        options: &Options,
        progress: &Arc<Progress>,
    ) -> anyhow::Result<Report> {
        let run = || {
            let scan = |of| pipeline::scan(query, store.sources(), of, options, progress.as_ref());
            let scanned = self.scanned().map(scan).transpose()?;
            outage_replay::run(scanned.as_ref().unwrap_or(query), store.sources(), options, progress.as_ref())
        };
        let result = run();
        progress.finish();
        // After a cancellation no output is begun.
        let report = match result {
            Ok(_) if pipeline::Progress::is_cancelled(progress.as_ref()) => Err(Error::Cancelled),
            result => result,
        };
        report.map_err(|error| progress.interrupted(error))
    }

    /// Returns what a run would read, or its tasks, and the exit code.
    pub fn plan(&self, as_tasks: bool) -> anyhow::Result<(Vec<u8>, u8)> {
        if as_tasks && self.scanned().is_some() {
            return Err(usage(
                "a scan has no tasks: name networks, or pass --prefix 0.0.0.0/0,::/0 instead of --all-prefixes or --all-asns",
            ));
        }
        let progress = self.progress()?;
        let queries = self.queries(&progress)?;
        if as_tasks && queries.len() > 1 {
            return Err(usage("the tasks of each window are a run of their own: plan one window at a time"));
        }
        let store = self.store(&progress)?;
        let render = |query: &Query| match as_tasks {
            true => pipeline::tasks(query, store.sources(), self.output.jobs, progress.as_ref())
                .map(|tasks| tasks::lines(&tasks))
                .map_err(Into::into),
            false => plan::render(query, store.sources(), self.output.format, self.output.all),
        };
        let texts = queries.iter().map(render).collect::<anyhow::Result<Vec<String>>>();
        progress.finish();
        match texts {
            Ok(texts) if self.output.format.name == "table" => Ok((printable(&texts.join("\n")).into_bytes(), 0)),
            Ok(texts) => Ok((printable(&texts.concat()).into_bytes(), 0)),
            Err(error) => Err(progress.interrupted_any(error)),
        }
    }

    /// Returns the progress of a run, which signals may cancel.
    fn progress(&self) -> anyhow::Result<Arc<Progress>> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        Ok(Arc::new(Progress::new(self.quiet, self.verbose, self.allowance.into(), signals)))
    }

    /// Returns the query of these arguments in each of their windows.
    fn queries(&self, progress: &Arc<Progress>) -> anyhow::Result<Vec<Query>> {
        if self.baseline > Duration::from_secs(7 * 86400) {
            return Err(usage("--baseline is at most 7days"));
        }
        let cache = || source::cache(self.source.cache_dir.as_deref(), self.source.offline, progress);
        let statistics = || self.delegated.iter().map(|of| of.path(cache)).collect();
        let everything = Family::ALL.map(Prefix::everything);
        let question = Question {
            asns: &self.asn,
            prefixes: if self.scanned().is_some() { &everything } else { &self.prefix },
            lists: &self.targets,
            countries: Countries { codes: &self.country, by: self.country_by, statistics: Some(&statistics) },
            matching: self.matching.matching,
            from: self.from,
            to: self.to,
            duration: self.duration,
            windows: self.windows.as_deref(),
        };
        let asked = question.read()?;
        let query = |(targets, window): Asked| Query {
            targets: targets.targets,
            labels: targets.labels,
            groups: targets.groups,
            window,
            collectors: self.collector.iter().map(|name| typed::collector(name)).collect(),
            project: self.project,
            baseline: self.baseline,
            ribs: self.ribs,
            scan: None,
        };
        Ok(asked.into_iter().map(query).collect())
    }

    /// Returns what is scanned for if no network is named.
    fn scanned(&self) -> Option<Scanned> {
        match (self.all_prefixes, self.all_asns) {
            (true, _) => Some(Scanned::Prefixes),
            (_, true) => Some(Scanned::Asns),
            _ => None,
        }
    }

    /// Whether neither a network nor a time is given.
    pub fn asks_nothing(&self) -> bool {
        self.asn.is_empty()
            && self.prefix.is_empty()
            && self.targets.is_empty()
            && self.scanned().is_none()
            && self.country.is_empty()
            && self.from.is_none()
            && self.to.is_none()
            && self.duration.is_none()
            && self.windows.is_none()
    }

    /// Returns the catalog and the cache that these arguments choose.
    fn store(&self, progress: &Arc<Progress>) -> anyhow::Result<Store> {
        let choice = if self.all_collectors { Choice::All } else { Choice::Few { budget: self.allowance.budget } };
        self.source.store(choice, progress)
    }
}

/// Whether an error is about the window, and not about the run.
fn is_of_one_window(error: &anyhow::Error) -> bool {
    use Error::{NothingCovers, TooManyLosses, TooManyPrefixes};
    matches!(error.downcast_ref(), Some(NothingCovers { .. } | TooManyPrefixes { .. } | TooManyLosses { .. }))
}
