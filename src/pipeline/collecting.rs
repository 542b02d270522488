//! The first half of a run: list, plan, read, replay.

use std::collections::BTreeMap;
use std::thread::{self, Scope};

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::reading::{self, ReadFile};
use super::{Progress, ahead, coverage};
use crate::bgp::{Asn, Collector};
use crate::catalog::{self, ArchiveFile, CollectorPlan, Match, Plan, Query, Target};
use crate::coverage::{FileReading, Gap, Verdict};
use crate::decode::{Change, Selection};
use crate::error::Error;
use crate::fetch::Cache;
use crate::replay::{Replay, Replayer};
use crate::report::{Observations, Source};
use crate::time::Window;

/// The archive files of one collector, read.
pub(super) struct Archive {
    pub plan: CollectorPlan,
    pub ribs: Vec<ReadFile>,
    pub updates: Vec<ReadFile>,
    /// RIB dumps that an older one took the place of, only for the report.
    passed_over: Vec<FileReading>,
}

impl Archive {
    fn n_files(&self) -> u32 {
        (self.passed_over.len() + self.ribs.len() + self.updates.len()) as u32
    }

    fn reports(&self) -> impl Iterator<Item = &FileReading> {
        let read = self.ribs.iter().chain(&self.updates).map(|file| &file.report);
        self.passed_over.iter().chain(read)
    }

    fn source(&self) -> Source {
        let is_rejected = |file: &&FileReading| reading::is_rib(file) && file.verdict == Verdict::Rejected;
        let skipped = || self.updates.iter().flat_map(|file| &file.reading.skipped);
        Source {
            project: self.plan.project,
            n_update_files: self.updates.len(),
            n_rib_dumps_rejected: self.reports().filter(is_rejected).count(),
            n_skipped_ranges: skipped().count(),
            skipped_bytes: skipped().map(|skipped| skipped.bytes).sum(),
        }
    }
}

/// What the catalog says.
pub(super) struct Listing<'a> {
    pub files: Vec<ArchiveFile>,
    /// Collectors that have to have some.
    pub expected: Vec<Collector>,
    pub note: Option<&'a str>,
}

/// Reads what the listed files say about a query.
pub(super) fn collect(
    query: &Query,
    listing: &Listing,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Observations, Error> {
    let archives = thread::scope(|scope| read(query, listing, cache, selection(query), progress, scope))?;
    let gaps: Vec<Vec<Gap>> = archives.iter().map(|archive| coverage::gaps(archive, query.window)).collect();
    // Files are numbered as the report lists them.
    let firsts = archives.iter().scan(0, |next, archive| {
        let first = *next;
        *next += archive.n_files();
        Some(first)
    });
    let firsts: Vec<u32> = firsts.collect();
    let replays: Vec<Replay> = archives
        .par_iter()
        .zip(firsts)
        .zip(&gaps)
        .map(|((archive, first), gaps)| replay(archive, first, gaps, query.window))
        .collect();
    stop(progress)?;
    let (gaps, rows) = coverage::rows(&archives, gaps, &replays, query.window);
    Ok(Observations {
        query: query.clone(),
        note: listing.note.map(str::to_owned),
        replays,
        sources: archives.iter().map(Archive::source).collect(),
        gaps,
        rows,
        files: archives.iter().flat_map(Archive::reports).cloned().collect(),
    })
}

/// Replays one collector whose files are numbered from `first` on.
fn replay(archive: &Archive, first: u32, gaps: &[Gap], window: Window) -> Replay {
    let window = Window { start: archive.plan.start.min(window.start), end: window.end };
    let mut replayer = Replayer::new(archive.plan.collector.clone(), window);
    let first = first + archive.passed_over.len() as u32;
    let (ribs, updates) =
        (archive.ribs.iter().zip(first..), archive.updates.iter().zip(first + archive.ribs.len() as u32..));
    for (rib, file) in ribs.filter(|(rib, _)| rib.report.verdict != Verdict::Rejected) {
        replayer.rib(file, &rib.reading);
    }
    gaps.iter().for_each(|gap| replayer.gap(gap.window));
    // What a wrong clock wrote has no place in time.
    for (updates, file) in updates.filter(|(updates, _)| updates.report.verdict != Verdict::Unreadable) {
        replayer.updates(file, &updates.reading);
    }
    replayer.finish()
}

/// What the readers look for.
fn selection(query: &Query) -> Selection {
    let mut selection = Selection::new();
    for target in &query.targets {
        match target {
            Target::Asn(asn) => selection.add_origin(*asn),
            Target::Prefix(prefix, Match::Exact | Match::LessSpecific) => selection.add_prefix(*prefix),
            Target::Prefix(prefix, Match::MoreSpecific | Match::Any) => selection.add_within(*prefix),
        }
    }
    selection
}

/// Ends the run here if that is wanted.
pub(super) fn stop(progress: &dyn Progress) -> Result<(), Error> {
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
    // An AS stands for prefixes that only the archives reveal, and neither withdrawals nor routes of other origins nor
    // covering prefixes name it. RIB dumps reveal nearly all of them: they are read again for these, before the updates
    // are read once. What only updates reveal is looked for in everything.
    if add_originated(&mut selection, ribs.iter().flatten()) {
        ribs = read_ribs(&plan, cache, &selection, progress)?;
    }
    let mut updates = read_updates(&plan, cache, &selection, progress)?;
    while add_originated(&mut selection, ribs.iter().chain(&updates).flatten()) {
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

/// Selects the prefixes that a chosen AS originates in any RIB entry or announcement; says whether one is new.
fn add_originated<'a>(selection: &mut Selection, files: impl Iterator<Item = &'a ReadFile>) -> bool {
    let origins: Vec<Asn> = selection.origins().collect();
    let mut is_new = false;
    for event in files.flat_map(|file| &file.reading.events) {
        if let Change::RibEntry { prefix, path, .. } | Change::Announce { prefix, path, .. } = &event.change
            && !selection.wants_exactly(prefix)
            && origins.iter().any(|origin| path.originates(*origin))
        {
            selection.add_prefix(*prefix);
            is_new = true;
        }
    }
    is_new
}
