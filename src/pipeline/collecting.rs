//! The first half of a run: list, plan, read, replay.

use std::thread;

use rustc_hash::FxHashSet;

use super::collector_run::{Again, Archive, CollectorRun};
use super::round::{Round, RoundTask};
use super::{Progress, ahead, looking_back, needed_ribs};
use crate::archive::ArchiveFile;
use crate::bgp::Collector;
use crate::catalog::{self, Catalog, RibNotes};
use crate::coverage::{FileReading, ListingSource};
use crate::decode::{Selection, SkippedPrefixes};
use crate::error::Error;
use crate::fetch::Cache;
use crate::observations::Observations;
use crate::query::{Query, RibChoice, Target};
use crate::replay::SampleNumbers;

/// How much memory readings may take that are held in case a replay begins again, in bytes: of one collector, some days of updates, of
/// which a reading for a few prefixes keeps little but the control sample; and of all collectors.
const MAX_HELD_OF_ONE: usize = 64 << 20;
const MAX_HELD: usize = 256 << 20;
/// How often findings may send for further RIB dumps.
const MAX_LOOKS: usize = 4;

/// The listing of the catalog.
pub(super) struct Listing {
    pub files: Vec<ArchiveFile>,
    /// Collectors that have to have some.
    pub expected: Vec<Collector>,
}

/// Reads what the listed files say about a query.
pub(super) fn collect(
    query: &Query,
    listing: &Listing,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Observations, Error> {
    let archives = thread::scope(|scope| {
        let download = |files: &[ArchiveFile]| ahead::fetch(scope, files, cache, progress);
        read(listing, RoundTask { query, listed: &listing.files, cache, progress, download: &download })
    })?;
    let sources = archives.iter().map(Archive::source).collect();
    let (mut replays, mut gaps, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for Archive { mut replay, reports, aside, gaps: own, .. } in archives {
        // Files are numbered as the report lists them.
        replay.number_files_from(files.len() as u32);
        replays.push(replay);
        gaps.extend(own);
        files.extend(reports.into_iter().chain(aside));
    }
    Ok(Observations {
        query: query.clone(),
        note: None,
        listing: ListingSource::default(),
        replays,
        sources,
        gaps,
        files,
    })
}

/// What archives say about the files that were read, each note once.
pub(super) fn note(catalog: &dyn Catalog, listed: &[ArchiveFile], files: &[FileReading]) -> Option<String> {
    let names: FxHashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let read = listed.iter().filter(|file| names.contains(file.name.as_str()));
    let mut notes: Vec<String> = Vec::new();
    for note in read.flat_map(|file| catalog.notes(file)) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    (!notes.is_empty()).then(|| notes.join(" "))
}

/// Chooses files and reads them, until every prefix of the chosen origins is known in every file.
fn read(listing: &Listing, task: RoundTask) -> Result<Vec<Archive>, Error> {
    let query = task.query;
    let mut plan = catalog::plan(query, &listing.files, &RibNotes::default());
    if plan.collectors.is_empty() {
        return Err(nothing_covers(query, &listing.files));
    }
    plan.expect(&listing.expected, query.window);
    let planned: Vec<ArchiveFile> =
        plan.collectors.iter().flat_map(|plan| plan.ribs.iter().chain(&plan.updates)).cloned().collect();
    if !ahead::may_download(&planned, task.cache, task.progress) {
        let (n_files, bytes) = ahead::to_download(&planned, task.cache);
        return Err(Error::NotDownloaded { n_files, bytes });
    }
    let (mut selection, mut skipped_in_ribs, mut revealed) = (selection(query), SkippedPrefixes::default(), Vec::new());
    let numbers = SampleNumbers::default();
    let mut n_looks = 0;
    let again = Again {
        for_prefixes: selection.has_origins(),
        for_ribs: query.ribs == RibChoice::Auto,
        max_held: MAX_HELD_OF_ONE.min(MAX_HELD / plan.collectors.len()),
    };
    let run = |plan| CollectorRun::new(plan, query.window, numbers.clone(), again);
    let mut runs: Vec<CollectorRun> = plan.collectors.into_iter().map(run).collect();
    // An AS stands for prefixes that only the archives reveal, and neither withdrawals nor routes of other origins nor covering
    // prefixes name it. Each prefix is looked for in every file from when it is revealed on; files that were read before are
    // read again if they may name it.
    loop {
        let done = Round::new(task, runs, selection, skipped_in_ribs, revealed).run()?;
        let mut read = done.runs;
        (selection, skipped_in_ribs, revealed) = (done.selection, done.skipped_in_ribs, done.revealed);
        let new = &revealed[done.n_in_ribs..];
        let may_be_in_ribs = new.iter().any(|prefix| skipped_in_ribs.may_affect(prefix));
        if may_be_in_ribs || read.iter().any(|run| run.is_stale(&revealed)) {
            runs = read.into_iter().map(|run| run.for_prefixes(&revealed, may_be_in_ribs)).collect();
            continue;
        }
        let by_older = looking_back::look(&task, &mut read, &selection)?;
        if !by_older.is_empty() {
            by_older.iter().for_each(|prefix| selection.add_prefix(*prefix));
            revealed.extend(by_older);
            runs = read.into_iter().map(|run| run.for_prefixes(&revealed, true)).collect();
            continue;
        }
        n_looks += 1;
        let takes_more = again.for_ribs && n_looks <= MAX_LOOKS;
        let Some(needed) = takes_more.then(|| needed_ribs::find(&task, &read)).flatten() else {
            return Ok(read.into_iter().filter_map(CollectorRun::finish).collect());
        };
        let begin = |(run, needed): (CollectorRun, _)| run.with_ribs(needed, &revealed, query, &listing.files);
        runs = read.into_iter().zip(needed).map(begin).collect();
    }
}

/// What the readers look for.
fn selection(query: &Query) -> Selection {
    let mut selection = Selection::new();
    for (network, _) in query.networks() {
        match network {
            Target::Asn(asn) => selection.add_origin(asn),
            Target::Prefix(prefix, matching) if matching.includes_more_specific() => selection.add_within(prefix),
            Target::Prefix(prefix, _) => selection.add_prefix(prefix),
            Target::Group(_) => {}
        }
    }
    selection
}

fn nothing_covers(query: &Query, files: &[ArchiveFile]) -> Error {
    let window = format!("{} .. {}", query.window.start, query.window.end);
    let times = || files.iter().map(|file| file.named_at);
    let holds = match times().min().zip(times().max()) {
        Some((first, last)) => format!("the archive holds files named {first} to {last}"),
        None if query.collectors.is_empty() && query.project.is_none() => {
            "the catalog lists none for these days".to_owned()
        }
        None => "the chosen collectors have none for these days".to_owned(),
    };
    Error::NothingCovers { window, holds }
}
