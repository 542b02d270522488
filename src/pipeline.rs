//! The whole run for one query: list, plan, read in parallel, replay, judge.
//!
//! Files are read in parallel and each collector's events are applied in order, so the result does not depend on the
//! number of threads.

mod ahead;
mod coverage;
mod reading;
mod subjects;

use std::collections::BTreeMap;
use std::thread::{self, Scope};

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::bgp::{Asn, Collector, Family, Prefix};
use crate::catalog::{self, ArchiveFile, Catalog, CollectorPlan, Match, Plan, Query, Target};
use crate::coverage::{FileReading, Gap, GapReason, Verdict};
use crate::decode::{Change, Selection};
use crate::detect::{self, AsnTimeline, Findings, Thresholds};
use crate::error::Error;
use crate::fetch::Cache;
use crate::replay::{self, History, Replay};
use crate::report::{Parameters, Report};
use crate::time::Window;
use crate::visibility::{Metric, Sufficiency, Timeline, View};

pub use crate::progress::Progress;
use reading::ReadFile;
pub use reading::check_download;

/// How a query is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Threads; 0 for one per core.
    pub jobs: usize,
    /// Which share decides.
    pub metric: Metric,
    /// How much data suffices.
    pub sufficiency: Sufficiency,
    /// When a fall is an outage.
    pub thresholds: Thresholds,
}

/// Where archive files are listed, and where they are kept once downloaded.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// What there is.
    pub catalog: &'a dyn Catalog,
    /// Files of publishers' servers go through it; a local archive needs none.
    pub cache: Option<&'a Cache>,
}

impl<'a, C: Catalog> From<&'a C> for Sources<'a> {
    fn from(catalog: &'a C) -> Sources<'a> {
        Sources { catalog, cache: None }
    }
}

impl<'a> From<&'a dyn Catalog> for Sources<'a> {
    fn from(catalog: &'a dyn Catalog) -> Sources<'a> {
        Sources { catalog, cache: None }
    }
}

/// Answers a query from the files of a catalog.
pub fn run<'a>(
    query: &Query,
    sources: impl Into<Sources<'a>>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let Sources { catalog, cache } = sources.into();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .map_err(|source| Error::Threads { n: options.jobs, source })?;
    let listing = Listing { files: catalog.list(query)?, expected: catalog.expected(query)?, note: catalog.note() };
    pool.install(|| answer(query, &listing, cache, options, progress))
}

/// What the catalog says.
struct Listing<'a> {
    files: Vec<ArchiveFile>,
    /// Collectors that have to have some.
    expected: Vec<Collector>,
    note: Option<&'a str>,
}

/// The archive files of one collector, read.
struct Archive {
    plan: CollectorPlan,
    ribs: Vec<ReadFile>,
    updates: Vec<ReadFile>,
    /// RIB dumps that an older one took the place of, only for the report.
    passed_over: Vec<FileReading>,
}

impl Archive {
    fn files(&self) -> impl Iterator<Item = &ReadFile> {
        self.ribs.iter().chain(&self.updates)
    }

    fn reports(&self) -> impl Iterator<Item = &FileReading> {
        self.passed_over.iter().chain(self.files().map(|file| &file.report))
    }
}

fn answer(
    query: &Query,
    listing: &Listing,
    cache: Option<&Cache>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let mut selection = Selection::new();
    for target in &query.targets {
        match target {
            Target::Asn(asn) => selection.add_origin(*asn),
            Target::Prefix(prefix, Match::Exact | Match::LessSpecific) => selection.add_prefix(*prefix),
            Target::Prefix(prefix, Match::MoreSpecific | Match::Any) => selection.add_within(*prefix),
        }
    }
    let archives = thread::scope(|scope| read(query, listing, cache, selection, progress, scope))?;
    let gaps: Vec<Vec<Gap>> = archives.iter().map(|archive| coverage::gaps(archive, query.window)).collect();
    let replays: Vec<Replay> = archives
        .par_iter()
        .zip(&gaps)
        .map(|(archive, gaps)| {
            let accepted = archive.ribs.iter().filter(|rib| rib.report.verdict != Verdict::Rejected);
            replay::replay(&History {
                collector: archive.plan.collector.clone(),
                ribs: accepted.map(|rib| &rib.reading).collect(),
                updates: archive.updates.iter().map(|updates| &updates.reading).collect(),
                gaps: gaps.iter().map(|gap| gap.window).collect(),
                window: Window { start: archive.plan.start.min(query.window.start), end: query.window.end },
            })
        })
        .collect();
    stop(progress)?;
    let view = View::new(&replays, query.window, options.metric, options.sufficiency);

    let known = prefixes(&archives);
    let subjects = subjects::subjects(query, &known, &archives);
    let (timelines, prefix_findings) = judge_prefixes(&view, &subjects, &known, options);
    let (asn_timelines, asn_findings) = judge_asns(&view, query, &subjects, &prefix_findings, options);
    let mut findings = asn_findings;
    findings.extend(prefix_findings);

    let summaries = subjects::summaries(query, &subjects, &timelines, &asn_timelines);
    let spans = subjects.iter().flat_map(|subject| view.spans_of(&subject.prefix)).collect();
    let (gaps, rows) = coverage::rows(&archives, gaps, &replays, query.window);
    Ok(Report {
        parameters: Parameters::new(query, options.metric, options.sufficiency, options.thresholds),
        note: listing.note.map(str::to_owned),
        findings,
        summaries,
        timelines,
        asn_timelines,
        spans,
        sessions: view.sessions(),
        coverage: coverage::coverage(&view, &replays, &archives, gaps, rows),
        files: archives.iter().flat_map(Archive::reports).cloned().collect(),
    })
}

/// Ends the run here if that is wanted.
fn stop(progress: &dyn Progress) -> Result<(), Error> {
    if progress.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// Chooses files and reads them, until every prefix of the chosen origins is known in every file.
fn read<'scope>(
    query: &Query,
    listing: &Listing,
    cache: Option<&'scope Cache>,
    mut selection: Selection,
    progress: &'scope dyn Progress,
    scope: &'scope Scope<'scope, '_>,
) -> Result<Vec<Archive>, Error> {
    let mut rejected = FxHashSet::default();
    let mut passed_over: BTreeMap<String, FileReading> = BTreeMap::new();
    // A seed that turns out to be broken gives way to an older one.
    let (plan, mut ribs) = loop {
        let mut plan = catalog::plan(query, &listing.files, &rejected);
        if plan.collectors.is_empty() {
            return Err(nothing_covers(query, &listing.files));
        }
        plan.expect(&listing.expected, query.window);
        ahead::fetch(scope, &plan, cache, progress);
        let ribs = read_ribs(&plan, cache, &selection, progress)?;
        let n_rejected = rejected.len();
        for rib in ribs.iter().flatten().filter(|rib| rib.report.verdict == Verdict::Rejected) {
            rejected.insert(rib.report.name.clone());
            passed_over.insert(rib.report.name.clone(), rib.report.clone());
        }
        if rejected.len() == n_rejected {
            break (plan, ribs);
        }
    };
    let mut updates = read_updates(&plan, cache, &selection, progress)?;
    // An AS stands for prefixes that only the archives reveal, and neither withdrawals nor routes of other origins nor
    // covering prefixes name it: what was found is read again as prefixes.
    while selection.has_origins() {
        let found = originated(ribs.iter().chain(&updates).flatten(), &selection);
        let mut is_new = false;
        for prefix in found {
            is_new |= !selection.wants_exactly(&prefix);
            selection.add_prefix(prefix);
        }
        if !is_new {
            break;
        }
        ribs = read_ribs(&plan, cache, &selection, progress)?;
        updates = read_updates(&plan, cache, &selection, progress)?;
    }
    let archives = plan.collectors.into_iter().zip(ribs).zip(updates);
    let archive = |((plan, ribs), updates): ((CollectorPlan, Vec<ReadFile>), Vec<ReadFile>)| {
        let reads = |report: &&FileReading| plan.ribs.iter().any(|rib| rib.name == report.name);
        let own = passed_over.values().filter(|report| report.collector == plan.collector);
        let passed_over = own.filter(|report| !reads(report)).cloned().collect();
        Archive { plan, ribs, updates, passed_over }
    };
    Ok(archives.map(archive).collect())
}

fn read_ribs(
    plan: &Plan,
    cache: Option<&Cache>,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<Vec<Vec<ReadFile>>, Error> {
    let lists: Vec<&[ArchiveFile]> = plan.collectors.iter().map(|plan| plan.ribs.as_slice()).collect();
    let mut ribs = reading::read_all("RIB dumps", &lists, cache, selection, progress)?;
    for ribs in &mut ribs {
        reading::judge_ribs(ribs);
    }
    Ok(ribs)
}

fn read_updates(
    plan: &Plan,
    cache: Option<&Cache>,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<Vec<Vec<ReadFile>>, Error> {
    let lists: Vec<&[ArchiveFile]> = plan.collectors.iter().map(|plan| plan.updates.as_slice()).collect();
    reading::read_all("updates", &lists, cache, selection, progress)
}

fn nothing_covers(query: &Query, files: &[ArchiveFile]) -> Error {
    let window = format!("{} .. {}", query.window.start, query.window.end);
    let times = || files.iter().map(|file| file.named_at);
    let holds = match times().min().zip(times().max()) {
        Some((first, last)) => format!("the archive holds files named {first} to {last}"),
        None => "no file is left of the chosen collectors and project".to_owned(),
    };
    Error::NothingCovers { window, holds }
}

/// Prefixes that a chosen AS originates in any RIB entry or announcement.
fn originated<'a>(files: impl Iterator<Item = &'a ReadFile>, selection: &Selection) -> Vec<Prefix> {
    let origins: Vec<Asn> = selection.origins().collect();
    let mut prefixes: Vec<Prefix> = files
        .flat_map(|file| &file.reading.events)
        .filter_map(|event| match &event.change {
            Change::RibEntry { prefix, path, .. } | Change::Announce { prefix, path, .. } => {
                origins.iter().any(|origin| path.originates(*origin)).then_some(*prefix)
            }
            _ => None,
        })
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

/// Every prefix that the data show, sorted.
fn prefixes(archives: &[Archive]) -> Vec<Prefix> {
    let events = archives.iter().flat_map(Archive::files).flat_map(|file| &file.reading.events);
    let mut prefixes: Vec<Prefix> = events.filter_map(|event| prefix_of(&event.change)).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

fn prefix_of(change: &Change) -> Option<Prefix> {
    match change {
        Change::RibEntry { prefix, .. } | Change::Announce { prefix, .. } | Change::Withdraw { prefix, .. } => {
            Some(*prefix)
        }
        _ => None,
    }
}

fn judge_prefixes(
    view: &View,
    subjects: &[subjects::Subject],
    known: &[Prefix],
    options: &Options,
) -> (Vec<Timeline>, Findings) {
    let judged: Vec<(Timeline, Findings)> = subjects
        .par_iter()
        .map(|subject| {
            let timeline = view.timeline(subject.prefix, None);
            let asn = subject.asns.first().copied();
            let findings = detect::prefix_findings(
                view,
                &timeline,
                subject.target,
                asn,
                known,
                options.metric,
                &options.thresholds,
            );
            (timeline, findings)
        })
        .collect();
    let mut findings = Findings::default();
    let mut timelines = Vec::with_capacity(judged.len());
    for (timeline, found) in judged {
        timelines.push(timeline);
        findings.extend(found);
    }
    (timelines, findings)
}

fn judge_asns(
    view: &View,
    query: &Query,
    subjects: &[subjects::Subject],
    prefix_findings: &Findings,
    options: &Options,
) -> (Vec<AsnTimeline>, Findings) {
    let (mut spaces, mut findings) = (Vec::new(), Findings::default());
    for target in &query.targets {
        let Target::Asn(asn) = target else { continue };
        for family in Family::ALL {
            let timelines: Vec<Timeline> = subjects
                .par_iter()
                .filter(|subject| subject.asns.contains(asn) && subject.prefix.family() == family)
                .map(|subject| view.timeline(subject.prefix, Some(*asn)))
                .collect();
            if timelines.is_empty() {
                continue;
            }
            let timelines: Vec<&Timeline> = timelines.iter().collect();
            let (metric, thresholds) = (options.metric, &options.thresholds);
            let space = AsnTimeline::new(*asn, family, &timelines, metric, thresholds, query.window.end);
            findings.extend(detect::asn_findings(
                view,
                &space,
                &timelines,
                &prefix_findings.outages,
                metric,
                thresholds,
            ));
            spaces.push(space);
        }
    }
    (spaces, findings)
}
