//! Decides when events happened where record times contradict the order of the records.
//!
//! The clock of a replay is the latest trusted time so far. Every record advances it, selected or not. A record whose time
//! steps back was still written after its predecessors, so it is applied at the current clock, and whatever it changes is
//! uncertain between its own time and the clock.

use std::time::Duration;

use super::spans::{Cause, RecordRef};
use crate::decode::clock::{self, MANY, Standing, is_late};
use crate::decode::{Reading, Run};
use crate::time::{Timestamp, Window};

/// What the archive shows about the time of a file, apart from its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileTime {
    /// The interval that its name gives.
    pub nominal: Option<Window>,
    /// The first trusted time of the next file.
    pub next_at: Option<Timestamp>,
}

/// The clock of one collector, according to its records.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// The latest trusted time of all records so far.
    pub now: Timestamp,
    /// For each run of the current file, the latest trusted time before it, and how far its own times are trusted.
    runs: Vec<(Timestamp, Standing)>,
    /// The latest trusted time before the next file.
    reached: Timestamp,
    /// The trusted time of the latest record; earlier than `reached` where the clock was set back.
    latest: Option<Timestamp>,
    /// Intervals that two runs of records claim, because the clock was set back by as much.
    contradicted: Vec<Window>,
}

/// How far the times of a file are trusted.
#[derive(Debug, Default)]
pub(super) struct FileRuns {
    pub believed: Vec<Run>,
    /// How many records have a time that contradicts their order.
    pub n_doubtful: u64,
    /// Intervals that are uncertain because of them.
    pub doubtful: Vec<Window>,
}

/// When an event takes effect, and the interval in which it may have happened where its time is not trusted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub at: Timestamp,
    pub may_be: Option<Window>,
}

impl Moment {
    pub(super) fn cause(&self, record: Option<RecordRef>) -> Cause {
        Cause { at: self.at, claimed_at: self.may_be.map_or(self.at, |may_be| may_be.start), record }
    }
}

/// An interval that two runs of records claim, because the clock was set back. What changed within it is uncertain, and for
/// as long before and after it as the clock was set back by: it is unknown which of the two times was right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contradiction(Window);

impl Contradiction {
    pub(super) fn contains(&self, at: Timestamp) -> bool {
        self.0.start <= at && at <= self.0.end
    }

    pub(super) fn doubtful(&self) -> Window {
        let by = self.0.duration();
        Window { start: self.0.start - by, end: self.0.end + by }
    }
}

impl Times {
    pub(super) fn new() -> Times {
        let never = Timestamp::MIN;
        Times { now: never, runs: Vec::new(), reached: never, latest: None, contradicted: Vec::new() }
    }

    /// Adds the runs of the next file.
    pub(super) fn begin_file(&mut self, reading: &Reading, time: FileTime) -> FileRuns {
        let standings = clock::judge(&reading.census.runs, self.latest, time.next_at, time.nominal);
        let mut file = FileRuns::default();
        self.now = self.now.max(self.reached);
        self.runs.clear();
        for (run, standing) in reading.census.runs.iter().zip(standings) {
            self.runs.push((self.reached, standing));
            match standing {
                Standing::Believed => {
                    if is_late(run.first_at, self.reached) {
                        let contradicted = Window { start: run.first_at, end: self.reached };
                        file.n_doubtful += 1;
                        file.doubtful.push(contradicted);
                        self.contradicted.push(contradicted);
                    }
                    self.latest = Some(run.last_at);
                    self.reached = self.reached.max(run.last_at);
                    file.believed.push(*run);
                }
                Standing::Outlier(since, until) => {
                    file.n_doubtful += run.n_records;
                    // Single stamps can be wrong, but with so many the clock itself was wrong, and perhaps before the run too.
                    if is_late(run.first_at, self.reached) && run.n_records >= MANY {
                        self.contradicted.push(Window { start: run.first_at, end: self.reached });
                    }
                    file.doubtful.extend(Window::new(since, until.unwrap_or(since + Duration::from_micros(1))));
                }
            }
        }
        file
    }

    /// When an event of a run happened. `clock` is the latest time in the run up to the event.
    pub(super) fn moment(&mut self, run: u16, at: Timestamp, clock: Timestamp) -> Moment {
        let (reached, standing) = self.runs.get(usize::from(run)).copied().unwrap_or((self.now, Standing::Believed));
        self.now = self.now.max(reached);
        if let Standing::Outlier(since, until) = standing {
            let may_be = Window::new(since.min(self.now), until.unwrap_or(Timestamp::MAX).max(self.now)).ok();
            let may_be = may_be.filter(|window| window.duration() >= clock::CLOCK_TOLERANCE);
            return Moment { at: self.now.max(since), may_be };
        }
        self.now = self.now.max(clock);
        if is_late(at, self.now) {
            Moment { at: self.now, may_be: Some(Window { start: at, end: self.now }) }
        } else {
            Moment { at, may_be: None }
        }
    }

    /// Where the clock was set back, in order.
    pub(super) fn contradictions(self) -> Vec<Contradiction> {
        Window::united(self.contradicted).into_iter().map(Contradiction).collect()
    }
}
