//! The first half of a run: list, plan, read, replay.

use std::collections::BTreeSet;
use std::thread;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::collector_run::{Again, Archive, CollectorRun};
use super::collector_state::CollectorState;
use super::looking_back::{self, LookBack};
use super::reading::{FileReader, ReadFile};
use super::round::{self, Round, RoundInput};
use super::{Progress, ahead, needed_ribs};
use crate::archive::ArchiveFile;
use crate::bgp::{Collector, Prefix};
use crate::catalog::{self, CollectorPlan, Plan, RibNotes};
use crate::coverage::FileReading;
use crate::decode::{Selection, SkippedPrefixes};
use crate::error::Error;
use crate::fetch::Cache;
use crate::helpers::Helpers;
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
    let plan = plan(query, listing)?;
    let archives = thread::scope(|scope| {
        let download = |files: &[ArchiveFile]| ahead::fetch(scope, files, cache, progress);
        let input = RoundInput { query, listed: &listing.files, cache, progress, download: &download };
        read(plan.collectors, input)
    })?;
    let mut observations = Observations::nothing(query.clone());
    archives.into_iter().for_each(|archive| observations.add(archive.observations(query)));
    Ok(observations)
}

/// Chooses the files that a query needs.
pub(super) fn plan(query: &Query, listing: &Listing) -> Result<Plan, Error> {
    let mut plan = catalog::plan(query, &listing.files, &RibNotes::default());
    if plan.collectors.is_empty() {
        return Err(nothing_covers(query, &listing.files));
    }
    plan.expect(&listing.expected, query.window);
    Ok(plan)
}

/// What archives say about the files that were read, each note once. `notes` are those of all listed files.
pub(super) fn note<'a>(
    notes: impl Iterator<Item = (&'a ArchiveFile, Vec<String>)>,
    files: &[FileReading],
) -> Option<String> {
    let names: FxHashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut of_read: Vec<String> = Vec::new();
    for note in notes.filter(|(file, _)| names.contains(file.name.as_str())).flat_map(|(_, notes)| notes) {
        if !of_read.contains(&note) {
            of_read.push(note);
        }
    }
    (!of_read.is_empty()).then(|| of_read.join(" "))
}

/// Reads the files of plans, and those that they turn out to need besides.
fn read(plans: Vec<CollectorPlan>, input: RoundInput) -> Result<Vec<Archive>, Error> {
    let RoundInput { query, listed, .. } = input;
    let planned: Vec<ArchiveFile> = plans.iter().flat_map(CollectorPlan::files).cloned().collect();
    ahead::check_allowed(&planned, input.cache, input.progress)?;
    let may_read = |files: &[ArchiveFile]| ahead::may_download(files, input.cache, input.progress);
    let mut collected = Collected::new(query, plans, Vec::new());
    let mut n_looks = 0;
    loop {
        collected = collected.read(input)?;
        let (mut look, mut by_older) = (LookBack::default(), BTreeSet::new());
        while let Some(older) = look.next(query, listed, &collected.states()) {
            let files: Vec<ArchiveFile> = older.iter().map(|(_, file)| file.clone()).collect();
            if !may_read(&files) {
                break;
            }
            by_older.extend(collected.read_older(input, older)?);
        }
        if !by_older.is_empty() {
            collected = collected.with_prefixes(by_older);
            continue;
        }
        n_looks += 1;
        let needed = match takes_more_ribs(query, n_looks) {
            true => needed_ribs::find(query, &collected.states(), &may_read),
            false => None,
        };
        match needed {
            Some(needed) => collected = collected.with_ribs(needed, input),
            None => return Ok(collected.finish()),
        }
    }
}

/// Whether findings may send for further RIB dumps, at the `n_looks`th look at them.
pub(super) fn takes_more_ribs(query: &Query, n_looks: usize) -> bool {
    query.ribs == RibChoice::Auto && n_looks <= MAX_LOOKS
}

/// What was read so far.
pub(super) struct Collected {
    /// By collector.
    runs: Vec<CollectorRun>,
    selection: Selection,
    /// The prefixes that readings of RIB dumps left out.
    skipped_in_ribs: SkippedPrefixes,
    /// The prefixes of the chosen origins, in the order in which they were revealed; the selection contains them.
    pub revealed: Vec<Prefix>,
}

impl Collected {
    /// Nothing yet. `known` are prefixes of the chosen origins.
    pub(super) fn new(query: &Query, plans: Vec<CollectorPlan>, known: Vec<Prefix>) -> Collected {
        let mut selection = selection(query);
        known.iter().for_each(|prefix| selection.add_prefix(*prefix));
        let again = Again {
            for_prefixes: selection.has_origins(),
            for_ribs: query.ribs == RibChoice::Auto,
            max_held: MAX_HELD_OF_ONE.min(MAX_HELD / plans.len().max(1)),
        };
        let numbers = SampleNumbers::default();
        let run = |plan| CollectorRun::new(plan, query.window, numbers.clone(), again);
        let runs = plans.into_iter().map(run).collect();
        Collected { runs, selection, skipped_in_ribs: SkippedPrefixes::default(), revealed: known }
    }

    /// Reads all that was not read yet, until every prefix of the chosen origins is known in every file.
    ///
    /// An AS stands for prefixes that only the archives reveal, and neither withdrawals nor routes of other origins nor covering
    /// prefixes name it. Each prefix is looked for in every file from when it is revealed on; files that were read before are
    /// read again if they may name it.
    pub(super) fn read(mut self, input: RoundInput) -> Result<Collected, Error> {
        loop {
            let n_known = self.revealed.len();
            let done = Round::new(input, self.runs, self.selection, self.skipped_in_ribs, self.revealed).run()?;
            let may_be_in_ribs =
                done.revealed[done.n_in_ribs..].iter().any(|prefix| done.skipped_in_ribs.may_affect(prefix));
            let grew = done.revealed.len() > n_known;
            let is_stale = |run: &CollectorRun| run.is_stale(&done.revealed) || (grew && run.has_older());
            let again = may_be_in_ribs || done.runs.iter().any(is_stale);
            self = Collected {
                runs: done.runs,
                selection: done.selection,
                skipped_in_ribs: done.skipped_in_ribs,
                revealed: done.revealed,
            };
            if !again {
                return Ok(self);
            }
            self = self.begun_again(may_be_in_ribs);
        }
    }

    fn begun_again(self, may_be_in_ribs: bool) -> Collected {
        let begin = |run: CollectorRun| run.for_prefixes(&self.revealed, may_be_in_ribs);
        Collected { runs: self.runs.into_iter().map(begin).collect(), ..self }
    }

    /// Looks for further prefixes of the chosen origins in all files.
    fn with_prefixes(mut self, prefixes: BTreeSet<Prefix>) -> Collected {
        prefixes.iter().for_each(|prefix| self.selection.add_prefix(*prefix));
        self.revealed.extend(prefixes);
        self.begun_again(true)
    }

    /// Begins again with further RIB dumps, by collector and name, where there are any.
    pub(super) fn with_ribs(self, needed: Vec<FxHashSet<String>>, input: RoundInput) -> Collected {
        let begin = |(run, needed): (CollectorRun, _)| run.with_ribs(needed, &self.revealed, input.query, input.listed);
        Collected { runs: self.runs.into_iter().zip(needed).map(begin).collect(), ..self }
    }

    /// Reads older RIB dumps, each with the index of its collector, for the baseline alone: no update between them and the window
    /// is read. Returns prefixes of the chosen origins that only they reveal, which have to be looked for in all files.
    pub(super) fn read_older(
        &mut self,
        input: RoundInput,
        older: Vec<(usize, ArchiveFile)>,
    ) -> Result<BTreeSet<Prefix>, Error> {
        let files: Vec<ArchiveFile> = older.iter().map(|(_, file)| file.clone()).collect();
        input.progress.added(files.len());
        (input.download)(&files);
        let RoundInput { cache, progress, .. } = input;
        let helpers = Helpers::new();
        let reader = FileReader { cache, selection: &self.selection, helpers: &helpers, progress };
        let read = |(index, file): (usize, ArchiveFile)| Ok((index, reader.read(&file)?));
        let read: Vec<Result<(usize, ReadFile), Error>> = older.into_par_iter().map(read).collect();
        Error::if_cancelled(progress)?;
        let mut revealed = BTreeSet::new();
        for read in read {
            let (index, rib) = read?;
            revealed.extend(round::originated(&rib.reading, &self.selection));
            let run = &mut self.runs[index];
            let rejection = run.replay().and_then(|replay| looking_back::rejection(&rib, replay));
            run.add_older(rib, rejection);
        }
        Ok(revealed)
    }

    /// What is known of each collector.
    pub(super) fn states(&self) -> Vec<CollectorState<'_>> {
        self.runs.iter().map(CollectorRun::state).collect()
    }

    /// Everything that the files said.
    pub(super) fn finish(self) -> Vec<Archive> {
        self.runs.into_iter().filter_map(CollectorRun::finish).collect()
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
