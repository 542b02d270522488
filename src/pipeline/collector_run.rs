//! The files of one collector on their way into its replay: RIB dumps first, then updates in order, each dropped once
//! it was applied.

use std::collections::BTreeMap;
use std::mem;

use rustc_hash::FxHashSet;

use super::acceptance;
use super::collector_state::CollectorState;
use super::coverage;
use super::reading::ReadFile;
use crate::archive::{ArchiveFile, DumpKind};
use crate::bgp::{Prefix, Project};
use crate::catalog::{self, CollectorPlan, RibNotes};
use crate::coverage::{FileReading, Gap, Verdict};
use crate::decode::{Reading, SkippedPrefixes, clock};
use crate::observations::{Observations, Source};
use crate::query::Query;
use crate::replay::{FileIndex, FileTime, Replay, Replayer, SampleNumbers, SampledTables};
use crate::time::Window;

/// One collector, while its files are read.
pub(super) struct CollectorRun {
    pub plan: CollectorPlan,
    window: Window,
    /// Why RIB dumps were rejected, by name: a rejected one stays so, whatever it was compared with.
    rejections: BTreeMap<String, String>,
    /// RIB dumps read and not yet judged, by name.
    ribs: BTreeMap<String, ReadFile>,
    /// Their control samples.
    samples: SampledTables,
    numbers: SampleNumbers,
    /// Updates read and not yet applied, by name.
    ready: BTreeMap<String, ReadFile>,
    replayer: Option<Replayer>,
    again: Again,
    /// RIB dumps that findings need, by name.
    needed: FxHashSet<String>,
    held: Held,
    replay: Option<Replay>,
    /// Reports of the RIB dumps, then of the updates applied so far.
    reports: Vec<FileReading>,
    n_ribs: usize,
    /// Reports of what was read and is not in the plan that was carried out, by name.
    aside: BTreeMap<String, FileReading>,
    /// How many update files are behind us.
    n_applied: usize,
    /// Number of update files whose gaps the replay knows.
    n_gaps_announced: usize,
    gaps: Vec<Gap>,
    /// Reports of older RIB dumps, which serve the baseline alone.
    older: Vec<FileReading>,
    /// The names of all older RIB dumps that were read, also of those that are in the plan to be compared.
    taken_older: FxHashSet<String>,
}

/// Why a replay may have to begin again.
#[derive(Clone, Copy)]
pub(super) struct Again {
    /// Updates may reveal prefixes of the chosen origins.
    pub for_prefixes: bool,
    /// Findings may need RIB dumps that were left out.
    pub for_ribs: bool,
    /// How much memory the held readings of the collector may take, in bytes. What does not fit is read again.
    pub max_held: usize,
}

/// Readings that have been applied, in case the replay begins again: files whose readings are held need not be read again.
#[derive(Default)]
struct Held {
    /// By name.
    ribs: BTreeMap<String, ReadFile>,
    updates: BTreeMap<String, ReadFile>,
    n_bytes: usize,
    /// The prefixes that the readings of all other update files left out, and for how many prefixes those were read at least.
    skipped_in_others: Option<(SkippedPrefixes, usize)>,
}

impl Held {
    fn has_room(&mut self, read: &ReadFile, max_held: usize) -> bool {
        let n_bytes = self.n_bytes + read.reading.n_bytes();
        let has_room = n_bytes <= max_held;
        if has_room {
            self.n_bytes = n_bytes;
        }
        has_room
    }

    fn add_rib(&mut self, rib: ReadFile, max_held: usize) {
        if self.has_room(&rib, max_held) {
            self.ribs.insert(rib.report.name.clone(), rib);
        }
    }

    /// Adds an update file, and holds its reading if there is room.
    fn add_updates(&mut self, updates: ReadFile, max_held: usize) {
        if self.skipped_in_others.is_none() && self.has_room(&updates, max_held) {
            self.updates.insert(updates.report.name.clone(), updates);
            return;
        }
        let (skipped, n_known) =
            self.skipped_in_others.get_or_insert_with(|| (SkippedPrefixes::of_many_files(), updates.n_known));
        skipped.merge(&updates.reading.skipped_prefixes);
        *n_known = updates.n_known.min(*n_known);
    }

    /// Whether an update file names any of `revealed` for which it was not read.
    fn is_stale(&self, revealed: &[Prefix]) -> bool {
        let others_are_stale = self.skipped_in_others.as_ref().is_some_and(|(skipped, n_known)| {
            revealed.get(*n_known..).unwrap_or_default().iter().any(|prefix| skipped.may_affect(prefix))
        });
        others_are_stale || self.updates.values().any(|updates| updates.is_stale(revealed))
    }
}

/// The archive of one collector, read and replayed.
pub(super) struct Archive {
    project: Project,
    /// RIB dumps, then updates.
    pub reports: Vec<FileReading>,
    /// Files that were read for a plan that was given up.
    pub aside: Vec<FileReading>,
    pub gaps: Vec<Gap>,
    pub replay: Replay,
    n_ribs: usize,
}

impl CollectorRun {
    pub(super) fn new(plan: CollectorPlan, window: Window, numbers: SampleNumbers, again: Again) -> CollectorRun {
        CollectorRun {
            plan,
            window,
            rejections: BTreeMap::new(),
            ribs: BTreeMap::new(),
            samples: SampledTables::new(numbers.clone()),
            numbers,
            ready: BTreeMap::new(),
            replayer: None,
            again,
            needed: FxHashSet::default(),
            held: Held::default(),
            replay: None,
            reports: Vec::new(),
            n_ribs: 0,
            aside: BTreeMap::new(),
            n_applied: 0,
            n_gaps_announced: 0,
            gaps: Vec::new(),
            older: Vec::new(),
            taken_older: FxHashSet::default(),
        }
    }

    /// Whether an update file names any of `revealed` for which it was not read.
    pub(super) fn is_stale(&self, revealed: &[Prefix]) -> bool {
        self.held.is_stale(revealed)
    }

    /// Begins the replay again for the prefixes in `revealed`, if files may name one for which they were not read: RIB dumps with
    /// `may_be_in_ribs`, update files, older RIB dumps. Files are read again that may name one, or are not held any more.
    pub(super) fn for_prefixes(self, revealed: &[Prefix], may_be_in_ribs: bool) -> CollectorRun {
        let begins_again = may_be_in_ribs || self.has_older() || self.is_stale(revealed);
        if begins_again { self.begun_again(revealed) } else { self }
    }

    /// Begins the replay again with more RIB dumps, by name, if there are any.
    pub(super) fn with_ribs(
        self,
        needed: FxHashSet<String>,
        revealed: &[Prefix],
        query: &Query,
        listed: &[ArchiveFile],
    ) -> CollectorRun {
        if needed.is_empty() {
            return self;
        }
        let mut run = self.begun_again(revealed);
        run.needed.extend(needed);
        run.plan_again(query, listed);
        run
    }

    /// Returns the run as it was before any file was applied. A file whose reading is held need not be read again, unless it
    /// names one of `revealed` for which it was not read.
    fn begun_again(self, revealed: &[Prefix]) -> CollectorRun {
        let mut run = CollectorRun::new(self.plan, self.window, self.numbers, self.again);
        (run.rejections, run.aside, run.needed) = (self.rejections, self.aside, self.needed);
        (run.ribs, run.samples) = (self.held.ribs, self.samples);
        run.ready = self.held.updates.into_iter().filter(|(_, updates)| !updates.is_stale(revealed)).collect();
        run
    }

    /// The RIB dumps and the update files that are still to be read.
    pub(super) fn to_read(&self) -> (Vec<ArchiveFile>, Vec<ArchiveFile>) {
        let ribs = self.plan.ribs.iter().filter(|rib| !self.is_settled() && !self.ribs.contains_key(&rib.name));
        let updates = self.plan.updates.iter().skip(self.n_applied);
        let updates = updates.filter(|updates| !self.ready.contains_key(&updates.name));
        (ribs.cloned().collect(), updates.cloned().collect())
    }

    /// Whether RIB dumps belong to its plan.
    pub(super) fn has_ribs(&self) -> bool {
        !self.plan.ribs.is_empty()
    }

    /// Adds a RIB dump, and returns whether all of the plan are there.
    pub(super) fn add_rib(&mut self, mut rib: ReadFile) -> bool {
        if !mem::replace(&mut rib.is_sample_taken, true) {
            self.samples.take(&rib.report.name, &mut rib.reading);
        }
        // It waits for all others.
        rib.reading.rib.shrink_to_fit();
        self.ribs.insert(rib.report.name.clone(), rib);
        self.has_all_ribs()
    }

    /// Adds an update file. Once the replay has begun the plan is final, and a file that is not in it is set aside.
    pub(super) fn add_updates(&mut self, updates: ReadFile) {
        let name = updates.report.name.clone();
        if self.is_settled() && !self.is_due(&name) {
            self.aside.insert(name, updates.report);
        } else {
            self.ready.insert(name, updates);
        }
    }

    /// Whether an update file is still to be applied.
    fn is_due(&self, name: &str) -> bool {
        self.plan.updates.iter().skip(self.n_applied).any(|updates| updates.name == name)
    }

    /// Whether the replay can begin.
    pub(super) fn may_settle(&self) -> bool {
        !self.is_settled() && self.has_all_ribs()
    }

    fn has_all_ribs(&self) -> bool {
        self.plan.ribs.iter().all(|rib| self.ribs.contains_key(&rib.name))
    }

    fn is_settled(&self) -> bool {
        self.replayer.is_some() || self.replay.is_some()
    }

    /// Removes and returns the RIB dumps that were read when fewer than `n_known` prefixes had been revealed.
    pub(super) fn take_ribs_read_before(&mut self, n_known: usize) -> Vec<(ArchiveFile, ReadFile)> {
        let ribs = &mut self.ribs;
        let take = |file: &ArchiveFile| {
            let is_stale = ribs.get(&file.name).is_some_and(|rib| rib.n_known < n_known);
            let rib = if is_stale { ribs.remove(&file.name) } else { None };
            Some((file.clone(), rib?))
        };
        self.plan.ribs.iter().filter_map(take).collect()
    }

    /// Judges the RIB dumps, once all have been read. If one is rejected and another takes its place, the plan changes: then
    /// returns the additional files, and must be called again when the RIB dumps among them have been read. If it returns
    /// no files, the replay can begin.
    pub(super) fn judge(&mut self, query: &Query, listed: &[ArchiveFile]) -> Vec<ArchiveFile> {
        loop {
            let ribs: Vec<&ReadFile> = self.plan.ribs.iter().filter_map(|rib| self.ribs.get(&rib.name)).collect();
            let candidates = ribs.iter().map(|rib| rib.candidate(self.rejections.get(&rib.report.name)));
            let rejections = acceptance::rejections(&candidates.collect::<Vec<_>>());
            let n_rejected = self.rejections.len();
            let rejected = ribs.iter().zip(rejections).filter_map(|(rib, why)| Some((rib.report.name.clone(), why?)));
            self.rejections.extend(rejected);
            if self.rejections.len() == n_rejected {
                return Vec::new();
            }
            let new = self.plan_again(query, listed);
            if !new.is_empty() {
                return new;
            }
        }
    }

    /// Plans without the rejected RIB dumps, and returns the files that the new plan needs and the old one did not.
    fn plan_again(&mut self, query: &Query, listed: &[ArchiveFile]) -> Vec<ArchiveFile> {
        let own: Vec<ArchiveFile> =
            listed.iter().filter(|file| file.collector == self.plan.collector).cloned().collect();
        let notes = RibNotes { rejected: self.rejections.keys().cloned().collect(), needed: self.needed.clone() };
        let Some(plan) = catalog::plan(query, &own, &notes).collectors.pop() else { return Vec::new() };
        let old = mem::replace(&mut self.plan, plan);
        let known: FxHashSet<&str> = old.files().map(|file| file.name.as_str()).collect();
        self.plan.files().filter(|file| !known.contains(file.name.as_str())).cloned().collect()
    }

    /// Begins the replay with the RIB dumps and the gaps that are known before any update file is read.
    pub(super) fn begin(&mut self) {
        let (mut ribs, plan, rejections) = (mem::take(&mut self.ribs), &self.plan, &self.rejections);
        let is_accepted = |name: &str| !rejections.contains_key(name) && plan.only_compared.as_deref() != Some(name);
        let may_begin_again = self.again.for_prefixes || self.takes_more_ribs();
        // A dump that is only compared, or gone from the plan, may have a use when the replay begins again.
        let mut samples = if may_begin_again { self.samples.clone() } else { mem::take(&mut self.samples) };
        samples.retain(|name| is_accepted(name) && plan.ribs.iter().any(|rib| rib.name == name));
        let mut replayer = self.replayer(samples);
        for (file, mut rib) in
            (0..).map(FileIndex::new).zip(self.plan.ribs.iter().filter_map(|rib| ribs.remove(&rib.name)))
        {
            if let Some(why) = rejections.get(&rib.report.name) {
                rib.report.verdict = Verdict::Rejected;
                rib.report.detail = Some(why.clone());
            } else if is_accepted(&rib.report.name) {
                replayer.rib(file, &rib.report.name, &rib.reading);
            }
            self.reports.push(rib.report.clone());
            if may_begin_again {
                self.held.add_rib(rib, self.again.max_held);
            }
        }
        self.aside.extend(ribs.into_iter().map(|(name, rib)| (name, rib.report)));
        self.begin_with(replayer);
        for updates in mem::take(&mut self.ready).into_values() {
            self.add_updates(updates);
        }
    }

    fn takes_more_ribs(&self) -> bool {
        self.again.for_ribs && !self.plan.left_out.is_empty()
    }

    /// Returns the replayer of the collector before any file is applied.
    fn replayer(&self, samples: SampledTables) -> Replayer {
        let window = Window { start: self.plan.start.min(self.window.start), end: self.reach().end };
        Replayer::new(self.plan.collector.clone(), window, samples)
    }

    /// The window, and what is read beyond its end.
    fn reach(&self) -> Window {
        Window { start: self.window.start, end: self.plan.end.max(self.window.end) }
    }

    /// All RIB dumps are in their place.
    fn begin_with(&mut self, replayer: Replayer) {
        self.n_ribs = self.reports.len();
        self.replayer = Some(replayer);
        self.announce(coverage::known_gaps(&self.plan, &self.reports, self.window));
    }

    fn announce(&mut self, gaps: Vec<Gap>) {
        if let Some(replayer) = &mut self.replayer {
            gaps.iter().for_each(|gap| replayer.gap(gap.window));
        }
        // Gaps beyond the window change no answer, so they are not reported.
        let shown = gaps.into_iter().filter_map(|gap| {
            let window = Window::new(gap.window.start, gap.window.end.min(self.window.end)).ok()?;
            Some(Gap { window, ..gap })
        });
        self.gaps.extend(shown);
    }

    /// How many update files were read and wait for their turn.
    pub(super) fn n_ready(&self) -> usize {
        self.ready.len()
    }

    /// Applies the updates whose turn has come. The gaps of a file and of the one after it are announced first: records that
    /// come late may lie in them.
    pub(super) fn apply(&mut self) {
        let is_read = |run: &CollectorRun, n: usize| {
            run.plan.updates.get(n).is_none_or(|updates| run.ready.contains_key(&updates.name))
        };
        while let Some(file) = self.plan.updates.get(self.n_applied).map(|file| file.name.clone()) {
            if self.replayer.is_none() || !is_read(self, self.n_applied) || !is_read(self, self.n_applied + 1) {
                break;
            }
            while self.n_gaps_announced < self.plan.updates.len().min(self.n_applied + 2) {
                self.announce_gaps_of(self.n_gaps_announced);
                self.n_gaps_announced += 1;
            }
            let Some(updates) = self.ready.remove(&file) else { break };
            // The times in an unreadable file cannot be trusted, so it is not applied.
            let time = self.time_of(self.n_applied, &updates.reading);
            if let Some(replayer) = &mut self.replayer
                && updates.report.verdict != Verdict::Unreadable
            {
                replayer.updates(FileIndex::new(self.reports.len()), &updates.reading, time);
            }
            self.reports.push(updates.report.clone());
            self.n_applied += 1;
            if self.again.for_prefixes || self.takes_more_ribs() {
                // RIB dumps reveal nearly all prefixes before the updates are read.
                let may_hold = self.plan.ribs.is_empty() || self.takes_more_ribs();
                self.held.add_updates(updates, if may_hold { self.again.max_held } else { 0 });
            }
        }
        if self.n_applied == self.plan.updates.len() {
            self.replay = self.replayer.take().map(Replayer::finish).or(self.replay.take());
        }
    }

    /// What is known of the time of the `n`th update file, once the one after it was read.
    fn time_of(&self, n: usize, reading: &Reading) -> FileTime {
        let nominal = |n: usize| self.plan.span(n, self.window.end);
        let next = self.plan.updates.get(n + 1).and_then(|next| self.ready.get(&next.name));
        let next = next.filter(|next| next.report.verdict != Verdict::Unreadable);
        let believed = next.map(|next| clock::believed(&next.reading.census.runs, nominal(n + 1))).unwrap_or_default();
        let last = clock::believed(&reading.census.runs, nominal(n)).last().map(|run| run.last_at);
        FileTime { nominal: nominal(n), next_at: clock::begins_at(&believed, last) }
    }

    fn announce_gaps_of(&mut self, n: usize) {
        let updates = self.plan.updates.get(n).and_then(|updates| self.ready.get(&updates.name));
        let gaps = updates.map(|updates| coverage::gaps_of_file(&self.plan, n, updates, self.reach()));
        self.announce(gaps.unwrap_or_default());
    }

    /// What was replayed, once all files were applied.
    pub(super) fn replay(&self) -> Option<&Replay> {
        self.replay.as_ref()
    }

    /// What is known of the collector so far.
    pub(super) fn state(&self) -> CollectorState<'_> {
        let plan = &self.plan;
        // A dump that was only compared with others may serve the baseline as well, once.
        let is_compared =
            |name: &str| plan.only_compared.as_deref() == Some(name) && !self.rejections.contains_key(name);
        let reports = self.reports.iter().chain(self.aside.values()).filter(|report| report.kind == DumpKind::Rib);
        CollectorState {
            name: &plan.collector,
            ribs: plan.ribs.iter().collect(),
            left_out: plan.left_out.iter().collect(),
            spent_ribs: reports
                .map(|report| report.name.as_str())
                .filter(|name| !is_compared(name))
                .chain(self.taken_older.iter().map(String::as_str))
                .collect(),
            replay: self.replay.as_ref(),
        }
    }

    /// Whether older RIB dumps were taken. They were read for the prefixes that were known then.
    pub(super) fn has_older(&self) -> bool {
        !self.taken_older.is_empty()
    }

    /// Takes an older RIB dump for the baseline alone; `rejection` is the reason for not using it.
    pub(super) fn add_older(&mut self, mut rib: ReadFile, rejection: Option<String>) {
        self.taken_older.insert(rib.report.name.clone());
        let listed = self.reports.iter().position(|report| report.name == rib.report.name);
        let file = FileIndex::new(listed.unwrap_or(self.reports.len() + self.older.len()));
        match rejection {
            Some(why) => (rib.report.verdict, rib.report.detail) = (Verdict::Rejected, Some(why)),
            None => {
                if let Some(replay) = &mut self.replay {
                    replay.take_older(file, &rib.reading);
                }
            }
        }
        if listed.is_none() {
            self.older.push(rib.report);
        }
    }

    /// Everything that the files said, once all were applied.
    pub(super) fn finish(self) -> Option<Archive> {
        let replay = self.replay?;
        let inside = |hole: &Window| Window::new(hole.start, hole.end.min(self.window.end)).ok();
        let holes = replay.holes.iter().filter_map(inside).map(|hole| coverage::silent(&self.plan, hole));
        let gaps = self.gaps.into_iter().chain(holes).collect();
        let gaps = coverage::since(self.plan.start.min(self.window.start), gaps);
        let (project, reports, n_ribs) = (self.plan.project, self.reports, self.n_ribs);
        let is_used = |name: &str| reports.iter().any(|report| report.name == name);
        let aside = self.aside.into_values().filter(|report| !is_used(&report.name));
        let aside = self.older.into_iter().chain(aside).collect();
        Some(Archive { project, reports, aside, gaps, replay, n_ribs })
    }
}

impl Archive {
    /// Returns what was observed at this collector alone.
    pub(super) fn observations(self, query: &Query) -> Observations {
        let source = self.source();
        Observations {
            replays: vec![self.replay],
            sources: vec![source],
            gaps: self.gaps,
            files: self.reports.into_iter().chain(self.aside).collect(),
            ..Observations::nothing(query.clone())
        }
    }

    fn source(&self) -> Source {
        let (ribs, updates) = self.reports.split_at(self.n_ribs);
        let skipped = || updates.iter().flat_map(|file| &file.skipped);
        Source {
            project: self.project,
            n_update_files: updates.len(),
            n_rib_dumps_rejected: ribs.iter().filter(|rib| rib.verdict == Verdict::Rejected).count(),
            n_skipped_ranges: skipped().count(),
            skipped_bytes: skipped().map(|skipped| skipped.bytes).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::FileReader;
    use super::*;
    use crate::archive::{DumpKind, Location};
    use crate::bgp::Collector;
    use crate::decode::Selection;
    use crate::helpers::Helpers;

    fn updates(name: &str) -> ArchiveFile {
        ArchiveFile {
            collector: Collector::new("rrc00"),
            named_at: "2014-12-22T08:00".parse().unwrap(),
            kind: DumpKind::Updates,
            project: Project::RipeRis,
            name: name.to_owned(),
            location: Location::Local(name.into()),
            lasts: None,
            records: None,
        }
    }

    /// The run of a collector with two update files, which do not exist.
    fn two_updates(again: Again) -> CollectorRun {
        let window = Window::new("2014-12-22T08:00".parse().unwrap(), "2014-12-22T09:00".parse().unwrap()).unwrap();
        let plan = CollectorPlan {
            collector: Collector::new("rrc00"),
            project: Project::RipeRis,
            ribs: Vec::new(),
            left_out: Vec::new(),
            only_compared: None,
            updates: vec![updates("a"), updates("b")],
            gaps: Vec::new(),
            start: window.start,
            end: window.end,
        };
        CollectorRun::new(plan, window, SampleNumbers::default(), again)
    }

    fn add(run: &mut CollectorRun, name: &str) -> usize {
        let (selection, helpers) = (Selection::new(), Helpers::new());
        let reader = FileReader { cache: None, selection: &selection, helpers: &helpers, progress: &() };
        run.add_updates(reader.read(&updates(name)).unwrap());
        run.n_ready()
    }

    #[test]
    fn files_whose_readings_do_not_fit_are_read_again() {
        for (max_held, n_again) in [(0, 2), (1 << 20, 0)] {
            let mut run = two_updates(Again { for_prefixes: true, for_ribs: false, max_held });
            run.begin();
            assert_eq!((add(&mut run, "b"), add(&mut run, "a")), (1, 2));
            run.apply();
            assert_eq!((run.n_ready(), run.to_read().1.len()), (0, 0));
            assert_eq!(run.begun_again(&[]).to_read().1.len(), n_again, "{max_held} bytes");
        }
    }

    #[test]
    fn what_a_plan_that_was_given_up_needed_does_not_wait_for_its_turn() {
        let mut run = two_updates(Again { for_prefixes: false, for_ribs: false, max_held: 0 });
        assert_eq!((add(&mut run, "early"), add(&mut run, "b")), (1, 2));
        run.begin();
        assert_eq!(run.n_ready(), 1);
        assert_eq!((add(&mut run, "late"), add(&mut run, "a")), (1, 2));
        run.apply();
        assert_eq!(run.n_ready(), 0);
        let archive = run.finish().unwrap();
        let names = |reports: &[FileReading]| reports.iter().map(|report| report.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&archive.reports).join(" "), names(&archive.aside).join(" ")),
            ("a b".into(), "early late".into())
        );
    }
}
