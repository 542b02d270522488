//! One round of reading: every thread takes files from one queue, RIB dumps and updates together, and after reading one applies
//! all files that have thereby become ready. So few files are held at a time, and the result does not depend on the threads.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustc_hash::FxHashSet;

use super::collector_run::CollectorRun;
use super::reading::{FileReader, ReadFile};
use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::bgp::{Asn, Prefix};
use crate::catalog;
use crate::decode::{Change, MaxLengths, Reading, RibEntry, Selection, SkippedPrefixes};
use crate::error::Error;
use crate::fetch::Cache;
use crate::helpers::Helpers;
use crate::progress::Progress;
use crate::query::Query;

/// More threads than this for each file find nothing to do.
const MAX_HELPERS: usize = 8;
/// How many update files may wait for an earlier one, apart from one for each thread.
const MAX_READY: usize = 32;

/// The most prefixes that the chosen origins may have, several times as many as the largest networks originate. Each takes some KB.
const MAX_REVEALED: usize = 150_000;

/// What a round of reading is about.
#[derive(Clone, Copy)]
pub(super) struct RoundInput<'a> {
    pub query: &'a Query,
    /// Everything that is listed, to find an older RIB dump in.
    pub listed: &'a [ArchiveFile],
    pub cache: Option<&'a Cache>,
    pub progress: &'a dyn Progress,
    /// Begins to download files, in this order.
    pub download: &'a (dyn Fn(&[ArchiveFile]) + Sync),
}

/// A round of reading.
pub(super) struct Round<'a> {
    input: RoundInput<'a>,
    /// The chosen origins: for them RIB dumps have to be known before updates.
    origins: Vec<Asn>,
    runs: Vec<Mutex<CollectorRun>>,
    queue: Mutex<Queue>,
    /// The prefixes that readings of RIB dumps left out. One filter for all dumps: their prefixes are mostly the same, and
    /// one filter for each would take 4 MB.
    skipped_in_ribs: Mutex<SkippedPrefixes>,
    helpers: Helpers,
}

struct Queue {
    jobs: VecDeque<Job>,
    selection: Arc<Selection>,
    /// The prefixes of the chosen origins that were revealed so far, in this order; the selection contains them.
    revealed: Vec<Prefix>,
    /// How many of them were looked for in all RIB dumps.
    n_in_ribs: usize,
    /// Jobs that are not done, and the RIB dumps among them.
    n_open: usize,
    n_ribs_open: usize,
    /// Whether a RIB dump has been read to its end, so that most prefixes of the chosen origins are revealed.
    has_read_rib: bool,
    n_running: usize,
    /// Update files that wait for their turn, and how many may.
    n_ready: usize,
    max_ready: usize,
    /// Whether updates may be read.
    takes_updates: bool,
    error: Option<Error>,
}

struct Job {
    run: usize,
    file: ArchiveFile,
    /// Whether it should be read once another RIB dump has revealed the prefixes of the chosen origins. A dump that lists
    /// short prefixes first names the covering prefixes long before those that they cover, and its beginning would have to be
    /// read again.
    waits_for_prefixes: bool,
    /// The earlier reading of a RIB dump that is read again, if that can be extended.
    earlier: Option<Box<ReadFile>>,
}

impl Job {
    fn new(run: usize, file: ArchiveFile) -> Job {
        Job { run, file, waits_for_prefixes: false, earlier: None }
    }
}

/// What a round brought.
pub(super) struct Done {
    pub runs: Vec<CollectorRun>,
    pub selection: Selection,
    /// The prefixes that readings of RIB dumps left out, in this round or before it.
    pub skipped_in_ribs: SkippedPrefixes,
    /// The prefixes of the chosen origins, in the order in which they were revealed; the selection contains them.
    pub revealed: Vec<Prefix>,
    /// How many of them were looked for in all RIB dumps.
    pub n_in_ribs: usize,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        input: RoundInput<'a>,
        runs: Vec<CollectorRun>,
        selection: Selection,
        skipped_in_ribs: SkippedPrefixes,
        revealed: Vec<Prefix>,
    ) -> Round<'a> {
        let origins: Vec<Asn> = selection.origins().collect();
        let mut jobs: VecDeque<Job> = VecDeque::new();
        for (index, run) in runs.iter().enumerate() {
            let (mut ribs, updates) = run.to_read();
            by_size(&mut ribs);
            jobs.extend(ribs.into_iter().chain(updates).map(|file| Job::new(index, file)));
        }
        if !origins.is_empty() {
            if revealed.is_empty() {
                begin_with_revealing_dumps(&mut jobs);
            } else {
                jobs.make_contiguous().sort_by_key(|job| !is_rib(&job.file));
            }
        }
        let n_ribs_open = jobs.iter().filter(|job| is_rib(&job.file)).count();
        let queue = Queue {
            n_open: jobs.len(),
            n_ribs_open,
            has_read_rib: false,
            n_running: 0,
            jobs,
            selection: Arc::new(selection),
            n_in_ribs: revealed.len(),
            revealed,
            n_ready: 0,
            max_ready: MAX_READY + rayon::current_num_threads(),
            takes_updates: origins.is_empty() || n_ribs_open == 0,
            error: None,
        };
        let runs = runs.into_iter().map(Mutex::new).collect();
        let skipped_in_ribs = Mutex::new(skipped_in_ribs);
        Round { input, origins, runs, queue: Mutex::new(queue), skipped_in_ribs, helpers: Helpers::new() }
    }

    /// Reads and applies everything, with every thread of the pool.
    pub(super) fn run(self) -> Result<Done, Error> {
        let files: Vec<ArchiveFile> = lock(&self.queue).jobs.iter().map(|job| job.file.clone()).collect();
        let (n_ribs, n_files) = (files.iter().filter(|file| is_rib(file)).count(), files.len());
        self.input.progress.begin(n_ribs, n_files - n_ribs);
        (self.input.download)(&files);
        drop(files);
        self.settle_what_can_be();
        thread::scope(|scope| {
            let n_threads = rayon::current_num_threads().min(n_files.max(1) * MAX_HELPERS);
            (1..n_threads).for_each(|_| drop(scope.spawn(|| self.work())));
            self.work();
        });
        let queue = self.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = queue.error {
            return Err(error);
        }
        Error::if_cancelled(self.input.progress)?;
        let runs = self.runs.into_iter().map(|run| run.into_inner().unwrap_or_else(PoisonError::into_inner));
        let selection = Arc::unwrap_or_clone(queue.selection);
        let skipped_in_ribs = self.skipped_in_ribs.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Done {
            runs: runs.collect(),
            selection,
            skipped_in_ribs,
            revealed: queue.revealed,
            n_in_ribs: queue.n_in_ribs,
        })
    }

    fn work(&self) {
        let _ended = Ended(self);
        loop {
            let next = {
                let mut queue = lock(&self.queue);
                if queue.is_over() {
                    break;
                }
                queue.take_next().map(|mut job| {
                    let earlier = job.earlier.take().map(|earlier| queue.with_revealed_since(*earlier));
                    (job, earlier, Arc::clone(&queue.selection), queue.revealed.len())
                })
            };
            let Some((job, earlier, selection, n_known)) = next else {
                // Until there is a job, helps the threads that are reading: decompresses blocks and computes digests.
                self.helpers.help_until(|| lock(&self.queue).has_news());
                continue;
            };
            let RoundInput { cache, progress, .. } = self.input;
            let reader = FileReader { cache, selection: &selection, helpers: &self.helpers, progress };
            let read = match earlier {
                Some((earlier, revealed)) => {
                    let max_lengths = MaxLengths::of_skipped(&lock(&self.skipped_in_ribs), &revealed);
                    reader.read_again(&job.file, earlier, max_lengths)
                }
                None => reader.read(&job.file),
            };
            match read {
                Ok(read) => self.deliver(&job, ReadFile { n_known, ..read }, &selection),
                Err(error) => self.fail(error),
            }
            let mut queue = lock(&self.queue);
            queue.n_running -= 1;
            queue.n_open -= 1;
            drop(queue);
            self.helpers.rouse();
        }
    }

    fn fail(&self, error: Error) {
        lock(&self.queue).error.get_or_insert(error);
    }

    /// Hands a file that was read with `selection` to its collector.
    fn deliver(&self, job: &Job, mut read: ReadFile, selection: &Selection) {
        if !self.reveal(originated(&read.reading, selection)) {
            return;
        }
        if !is_rib(&job.file) {
            return self.with_run(job.run, |run| {
                run.add_updates(read);
                run.apply();
            });
        }
        let skipped = mem::take(&mut read.reading.skipped_prefixes);
        lock(&self.skipped_in_ribs).merge(&skipped);
        let has_all = self.with_run(job.run, |run| run.add_rib(read));
        let was_last = {
            let mut queue = lock(&self.queue);
            queue.has_read_rib = true;
            queue.n_ribs_open -= 1;
            queue.n_ribs_open == 0
        };
        if self.origins.is_empty() {
            if has_all {
                self.settle(job.run);
            }
        } else if was_last {
            self.settle_all();
        }
    }

    /// Selects prefixes of the chosen origins from now on. Returns false, and ends the round, if there are too many.
    fn reveal(&self, prefixes: BTreeSet<Prefix>) -> bool {
        let mut queue = lock(&self.queue);
        let is_new = |prefix: &Prefix| !queue.selection.has_prefix(prefix);
        let new: Vec<Prefix> = prefixes.into_iter().filter(is_new).collect();
        if queue.revealed.len() + new.len() > MAX_REVEALED {
            let origins: Vec<String> = self.origins.iter().map(Asn::to_string).collect();
            let origins = origins.join(", ");
            queue.error.get_or_insert(Error::TooManyPrefixes { origins, limit: MAX_REVEALED });
            return false;
        }
        if !new.is_empty() {
            let selection = Arc::make_mut(&mut queue.selection);
            new.iter().for_each(|prefix| selection.add_prefix(*prefix));
            queue.revealed.extend(new);
        }
        true
    }

    /// Begins the replays that wait for no RIB dump.
    fn settle_what_can_be(&self) {
        if !self.origins.is_empty() && lock(&self.queue).n_ribs_open == 0 {
            return self.settle_all();
        }
        for run in 0..self.runs.len() {
            let waits_for_others = |run: &mut CollectorRun| !self.origins.is_empty() && run.has_ribs();
            if self.with_run(run, |run| run.may_settle() && !waits_for_others(run)) {
                self.settle(run);
            }
        }
    }

    /// Once all RIB dumps have been read, every prefix of the chosen origins that they reveal is known. If no dump has to be
    /// read again or in addition, begins all replays and lets updates be read; otherwise queues those dumps.
    fn settle_all(&self) {
        loop {
            // Counts one more than are read, so that no other thread comes here meanwhile.
            lock(&self.queue).n_ribs_open += 1;
            let revealed = lock(&self.queue).revealed.clone();
            let needed = self.needed_ribs(&revealed);
            let is_settled = needed.is_empty();
            self.add(needed);
            for run in (0..self.runs.len()).filter(|_| is_settled) {
                self.with_run(run, |run| {
                    if run.may_settle() {
                        run.begin();
                        run.apply();
                    }
                });
            }
            let mut queue = lock(&self.queue);
            queue.n_ribs_open -= 1;
            if is_settled {
                queue.takes_updates = true;
                queue.n_in_ribs = revealed.len();
            }
            if is_settled || queue.n_ribs_open > 0 {
                break;
            }
        }
    }

    /// What has to be read before any replay begins: RIB dumps that were read before the last of the revealed prefixes was
    /// known, and may name it; then those that take the place of broken ones, which may reveal more.
    fn needed_ribs(&self, revealed: &[Prefix]) -> Vec<Job> {
        let skipped = lock(&self.skipped_in_ribs);
        let latest_missed = revealed.iter().rposition(|prefix| skipped.may_affect(prefix));
        drop(skipped);
        let n_known = latest_missed.map_or(0, |n| n + 1);
        let runs = 0..self.runs.len();
        let stale = runs.clone().flat_map(|run| {
            let stale = self.with_run(run, |run| run.take_ribs_read_before(n_known));
            stale.into_iter().map(move |(file, earlier)| {
                let earlier = earlier.reading.can_be_extended().then(|| Box::new(earlier));
                Job { earlier, ..Job::new(run, file) }
            })
        });
        let stale: Vec<Job> = stale.collect();
        if !stale.is_empty() {
            return stale;
        }
        let RoundInput { query, listed, .. } = self.input;
        let judge = |run: &mut CollectorRun| if run.may_settle() { run.judge(query, listed) } else { Vec::new() };
        runs.flat_map(|run| self.with_run(run, judge).into_iter().map(move |file| Job::new(run, file))).collect()
    }

    /// Judges the RIB dumps of a collector, and begins its replay or sends for an older one.
    fn settle(&self, run: usize) {
        loop {
            let RoundInput { query, listed, .. } = self.input;
            let new = self.with_run(run, |run| {
                let new = run.judge(query, listed);
                if new.is_empty() {
                    run.begin();
                    run.apply();
                }
                new
            });
            let is_settled = new.is_empty() || new.iter().any(is_rib);
            self.add(new.into_iter().map(|file| Job::new(run, file)).collect());
            if is_settled {
                break;
            }
        }
    }

    /// More files to read, before all others.
    fn add(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let files: Vec<ArchiveFile> = jobs.iter().map(|job| job.file.clone()).collect();
        self.input.progress.added(files.len());
        (self.input.download)(&files);
        let mut queue = lock(&self.queue);
        queue.n_open += files.len();
        queue.n_ribs_open += files.iter().filter(|file| is_rib(file)).count();
        jobs.into_iter().rev().for_each(|job| queue.jobs.push_front(job));
    }

    fn with_run<T>(&self, index: usize, act: impl FnOnce(&mut CollectorRun) -> T) -> T {
        let mut run = lock(&self.runs[index]);
        let before = run.n_ready();
        let result = act(&mut run);
        let after = run.n_ready();
        drop(run);
        let mut queue = lock(&self.queue);
        queue.n_ready = (queue.n_ready + after).saturating_sub(before);
        result
    }
}

/// The prefixes that a selected origin originates in any RIB entry or announcement, and that are not selected.
pub(super) fn originated(reading: &Reading, selection: &Selection) -> BTreeSet<Prefix> {
    if !selection.has_origins() {
        return BTreeSet::new();
    }
    let announced = reading.events.iter().filter_map(|event| match &event.change {
        Change::Announce { prefix, path, .. } if selection.originates(path) => Some(*prefix),
        _ => None,
    });
    let has_origin = |entries: &[RibEntry]| entries.iter().any(|entry| selection.originates(&entry.path));
    let listed = reading.rib.records().filter(|(_, entries)| has_origin(entries)).map(|(record, _)| record.prefix);
    // A busy file announces few prefixes, many times.
    let prefixes: FxHashSet<Prefix> = announced.chain(listed).collect();
    prefixes.into_iter().filter(|prefix| !selection.has_prefix(prefix)).collect()
}

impl Queue {
    fn is_over(&self) -> bool {
        self.error.is_some() || self.n_open == 0
    }

    fn has_news(&self) -> bool {
        self.is_over() || self.position().is_some()
    }

    /// The first job that may be done now. While no thread is at work, there is always one.
    fn position(&self) -> Option<usize> {
        let is_full = self.n_ready >= self.max_ready && self.n_running > 0;
        let may_reveal = self.has_read_rib || self.n_running == 0;
        self.jobs.iter().position(|job| {
            let is_possible = is_rib(&job.file) || (self.takes_updates && !is_full);
            is_possible && (may_reveal || !job.waits_for_prefixes)
        })
    }

    /// What a file showed, and the prefixes that were revealed since.
    fn with_revealed_since(&self, earlier: ReadFile) -> (ReadFile, Vec<Prefix>) {
        let revealed = self.revealed.get(earlier.n_known..).unwrap_or_default().to_vec();
        (earlier, revealed)
    }

    fn take_next(&mut self) -> Option<Job> {
        let job = self.jobs.remove(self.position()?)?;
        self.n_running += 1;
        Some(job)
    }
}

/// A thread that panics ends the work of all.
struct Ended<'a, 'w>(&'a Round<'w>);

impl Drop for Ended<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(Error::Cancelled);
        }
        self.0.helpers.rouse();
    }
}

/// Puts the largest first: one that begins last keeps everybody waiting. Files that are still to be downloaded keep the
/// order in which they come.
fn by_size(files: &mut [ArchiveFile]) {
    files.sort_by_cached_key(|file| {
        Reverse(if matches!(file.location, Location::Remote { .. }) { 0 } else { file.size() })
    });
}

/// Puts RIB dumps before updates. If some are sorted by address, they reveal the prefixes of the chosen origins, and those that
/// probably are not wait for them.
fn begin_with_revealing_dumps(jobs: &mut VecDeque<Job>) {
    let is_by_length = |job: &Job| catalog::may_be_by_length(&job.file);
    let has_by_address = jobs.iter().any(|job| is_rib(&job.file) && !is_by_length(job));
    let waits = |job: &Job| has_by_address && is_rib(&job.file) && is_by_length(job);
    jobs.iter_mut().for_each(|job| job.waits_for_prefixes = waits(job));
    jobs.make_contiguous().sort_by_key(|job| (!is_rib(&job.file), job.waits_for_prefixes));
}

fn is_rib(file: &ArchiveFile) -> bool {
    file.kind == DumpKind::Rib
}

/// A thread that panicked left nothing that anybody uses.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgp::{Collector, Project};
    use crate::time::Timestamp;

    fn file(kind: DumpKind, name: &str) -> ArchiveFile {
        ArchiveFile {
            collector: Collector::new("rrc00"),
            project: Project::RipeRis,
            kind,
            named_at: Timestamp::MIN,
            name: name.to_owned(),
            location: Location::Local(name.into()),
            lasts: None,
            records: None,
        }
    }

    fn job(file: ArchiveFile) -> Job {
        Job::new(0, file)
    }

    fn queue(kinds: &[DumpKind]) -> Queue {
        Queue {
            jobs: kinds.iter().map(|kind| job(file(*kind, kind.name()))).collect(),
            selection: Arc::default(),
            revealed: Vec::new(),
            n_in_ribs: 0,
            n_open: kinds.len(),
            n_ribs_open: kinds.iter().filter(|kind| **kind == DumpKind::Rib).count(),
            has_read_rib: false,
            n_running: 0,
            n_ready: 0,
            max_ready: 4,
            takes_updates: true,
            error: None,
        }
    }

    fn kind(job: Option<Job>) -> Option<DumpKind> {
        job.map(|job| job.file.kind)
    }

    #[test]
    fn while_too_many_updates_wait_only_rib_dumps_are_read() {
        let mut queue = queue(&[DumpKind::Updates, DumpKind::Updates, DumpKind::Rib]);
        assert_eq!(kind(queue.take_next()), Some(DumpKind::Updates));
        queue.n_ready = 4;
        assert_eq!(kind(queue.take_next()), Some(DumpKind::Rib));
        assert_eq!(kind(queue.take_next()), None);
        queue.n_ready = 3;
        assert_eq!(kind(queue.take_next()), Some(DumpKind::Updates));
    }

    #[test]
    fn somebody_always_goes_on() {
        let mut queue = queue(&[DumpKind::Updates]);
        queue.n_ready = 100;
        assert_eq!(kind(queue.take_next()), Some(DumpKind::Updates));
    }

    #[test]
    fn what_an_as_has_is_known_from_rib_dumps_before_updates_are_read() {
        let mut queue = queue(&[DumpKind::Rib, DumpKind::Updates]);
        queue.takes_updates = false;
        assert_eq!(kind(queue.take_next()), Some(DumpKind::Rib));
        assert_eq!(kind(queue.take_next()), None);
    }

    fn dump(project: Project, name: &str, year: i32) -> Job {
        let named_at = format!("{year}-01-01").parse().unwrap();
        job(ArchiveFile { project, named_at, ..file(DumpKind::Rib, name) })
    }

    #[test]
    fn a_dump_sorted_by_length_waits_until_another_dump_has_revealed_the_prefixes() {
        let mut jobs = VecDeque::from([
            dump(Project::RipeRis, "by length", 2024),
            dump(Project::RouteViews, "by address", 2024),
            dump(Project::RipeRis, "by length too", 2024),
            job(file(DumpKind::Updates, "updates")),
        ]);
        begin_with_revealing_dumps(&mut jobs);
        let mut queue = Queue { jobs, takes_updates: false, ..queue(&[]) };
        assert_eq!(queue.take_next().unwrap().file.name, "by address");
        assert!(queue.take_next().is_none(), "the first dump is still being read");
        queue.has_read_rib = true;
        assert_eq!(queue.take_next().unwrap().file.name, "by length");
        assert_eq!(queue.take_next().unwrap().file.name, "by length too");
    }

    #[test]
    fn dumps_that_are_all_sorted_by_length_do_not_wait_for_each_other() {
        let mut jobs = VecDeque::from([dump(Project::RipeRis, "first", 2024), dump(Project::RipeRis, "second", 2024)]);
        begin_with_revealing_dumps(&mut jobs);
        let mut queue = Queue { jobs, takes_updates: false, ..queue(&[]) };
        assert_eq!(queue.take_next().unwrap().file.name, "first");
        assert_eq!(queue.take_next().unwrap().file.name, "second");
    }

    #[test]
    fn old_dumps_do_not_wait_for_each_other() {
        let mut jobs = VecDeque::from([dump(Project::RipeRis, "first", 2010), dump(Project::RipeRis, "second", 2010)]);
        begin_with_revealing_dumps(&mut jobs);
        assert!(jobs.iter().all(|job| !job.waits_for_prefixes));
    }
}
