//! Decides when events happened where record times contradict the order of the records.
//!
//! The clock of a replay is the latest trusted time so far. Every record advances it, selected or not. A record whose time
//! steps back was still written after its predecessors, so it is applied at the current clock, and whatever it changes is
//! uncertain between its own time and the clock.

use super::*;
use crate::decode::clock::{self, MANY, Standing, is_late};
use crate::decode::{Reading, Run};

/// What the archive says about the time of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileTime {
    /// The interval that its name tells.
    pub nominal: Option<Window>,
    /// The first time that is believed of the file after it.
    pub next_at: Option<Timestamp>,
}

/// The clock of one collector, as its files tell it.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// The latest time that is believed, of every record so far.
    pub now: Timestamp,
    /// The latest time that is believed of any record before each run of the file that is being applied, and the judgement
    /// of the run.
    runs: Vec<(Timestamp, Standing)>,
    /// The same before the next file.
    reached: Timestamp,
    /// The time that is believed of the latest record; earlier than `reached` where the clock was set back.
    latest: Option<Timestamp>,
    /// Stretches that two runs of records claim, because the clock was set back by as much.
    pub contradicted: Vec<Window>,
}

/// What the runs of a file are worth.
#[derive(Debug, Default)]
pub(super) struct FileRuns {
    pub believed: Vec<Run>,
    /// How many records contradict the order.
    pub n_doubtful: u64,
    /// Stretches of time that are in doubt because of them.
    pub doubtful: Vec<Window>,
}

/// When an event takes effect, and from when to when it may have happened if that is not the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub at: Timestamp,
    pub may_be: Option<Window>,
}

impl Times {
    pub fn new() -> Times {
        let never = Timestamp::MIN;
        Times { now: never, runs: Vec::new(), reached: never, latest: None, contradicted: Vec::new() }
    }

    /// Takes the runs of the next file.
    pub fn begin_file(&mut self, reading: &Reading, time: FileTime) -> FileRuns {
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
                    // So many records are no slip of a stamp: the clock itself was elsewhere, and perhaps before it too.
                    if is_late(run.first_at, self.reached) && run.n_records >= MANY {
                        self.contradicted.push(Window { start: run.first_at, end: self.reached });
                    }
                    file.doubtful.extend(Window::new(since, until.unwrap_or(since + Duration::from_micros(1))));
                }
            }
        }
        file
    }

    /// When an event of that run happened. `clock` is the latest time in its run up to it.
    pub fn moment(&mut self, run: u16, at: Timestamp, clock: Timestamp) -> Moment {
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
}
