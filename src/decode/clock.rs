//! Checks record times against the order of the records.
//!
//! The order of a file is the order on the wire. A record's time is only a claim: clocks are set back, and single stamps are
//! off by hours. A file is split into runs of records with consistent times. If no run steps back, all are trusted.
//! Otherwise the heaviest chain of runs in order is trusted, and a run that leaves the chain and returns to it is an outlier,
//! dated only by the records around it.

use std::time::Duration;

use crate::time::{Timestamp, Window};

/// A smaller step back is no contradiction: collectors write with several threads, and whole seconds beside microseconds.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);
/// A longer step ahead may be a pause or a wrong time: the records after it decide.
const STEP_AHEAD: Duration = Duration::from_secs(5);
/// The longest step of a clock that runs on from one file to the next.
const LONG_STEP: Duration = Duration::from_secs(60);
/// Records are written up to this long before or after the interval in the names of the files.
pub const STRAY: Duration = Duration::from_secs(600);
/// From this many late records on the clock was set back, rather than single stamps wrong.
pub const MANY: u64 = 10;
/// Steps ahead are cut into runs up to this number, and steps back up to twice as many: with more than that the clock of
/// the file cannot be used.
const MAX_RUNS: usize = 1000;

/// Consecutive records of a file whose times follow one another: no step back, and no step ahead of more than some seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Index of its first record in the file.
    pub record: u64,
    /// How many records it has.
    pub n_records: u64,
    /// The time of its first record.
    pub first_at: Timestamp,
    /// The latest time in it.
    pub last_at: Timestamp,
}

/// How far the times in a run can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The times are right.
    Believed,
    /// The times are wrong: the records were written between these instants. The second is None if no trusted record follows.
    Outlier(Timestamp, Option<Timestamp>),
}

/// The runs of a file in the making.
#[derive(Debug)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    /// What the current run has to reach to be where the one before it was; the beginning of time where it did not step back.
    catches_up_at: Timestamp,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { runs: Vec::new(), catches_up_at: Timestamp::MIN }
    }
}

impl Runs {
    /// Takes the time of the next record. Hot: once per record.
    #[inline]
    pub(crate) fn add(&mut self, record: u64, at: Timestamp) {
        if let Some(run) = self.runs.last_mut() {
            let ahead = at.micros_since(run.last_at);
            let is_close = ahead <= STEP_AHEAD.as_micros() as i64 && ahead > -(CLOCK_TOLERANCE.as_micros() as i64);
            if is_close && (run.last_at >= self.catches_up_at || at < self.catches_up_at) {
                run.n_records += 1;
                run.last_at = run.last_at.max(at);
                return;
            }
        }
        self.begin(record, at);
    }

    #[cold]
    fn begin(&mut self, record: u64, at: Timestamp) {
        let n = self.runs.len();
        if let Some(run) = self.runs.last_mut()
            && n >= if at < run.last_at { MAX_RUNS * 2 } else { MAX_RUNS }
        {
            // With this many steps ahead they count as pauses; with this many steps back the file is not used.
            run.n_records += 1;
            run.last_at = run.last_at.max(at);
            return;
        }
        let before = self.runs.last().map_or(Timestamp::MIN, |run| run.last_at);
        self.catches_up_at = if is_late(at, before) { before } else { Timestamp::MIN };
        self.runs.push(Run { record, n_records: 1, first_at: at, last_at: at });
    }

    /// The latest time of the run that the last record belongs to.
    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        self.runs.last().map_or(Timestamp::MIN, |run| run.last_at)
    }

    /// The number of that run, from 0.
    #[inline]
    pub(crate) fn index(&self) -> u16 {
        self.runs.len().saturating_sub(1) as u16
    }

    pub(crate) fn finish(self) -> Vec<Run> {
        self.runs
    }
}

/// Whether the times of a file step back so often that they are useless.
pub fn is_unusable(runs: &[Run]) -> bool {
    runs.len() > MAX_RUNS
}

/// The trusted runs of a file, decided by the file alone and the nominal interval in its name.
pub fn believed(runs: &[Run], nominal: Option<Window>) -> Vec<Run> {
    let standings = judge(runs, None, None, nominal);
    let believed = runs.iter().zip(standings).filter(|(_, standing)| *standing == Standing::Believed);
    believed.map(|(run, _)| *run).collect()
}

/// The earliest and the latest time of some runs.
pub fn span(runs: &[Run]) -> Option<(Timestamp, Timestamp)> {
    Some((runs.iter().map(|run| run.first_at).min()?, runs.iter().map(|run| run.last_at).max()?))
}

/// When a file begins, as seen from the file before it, whose records end at `last`. A few leading records before that time
/// are bad stamps; many mean that the clock was set back.
pub fn begins_at(believed: &[Run], last: Option<Timestamp>) -> Option<Timestamp> {
    let late = believed.iter().take_while(|run| last.is_some_and(|last| is_late(run.first_at, last)));
    let (n_runs, n_records) = late.fold((0, 0), |(n_runs, n_records), run| (n_runs + 1, n_records + run.n_records));
    let first = believed.get(n_runs).filter(|_| n_records < MANY).or(believed.first());
    first.map(|run| run.first_at)
}

/// Judges the runs of a file. `before` is the latest time that is believed of the files before it, `after` the first one
/// of the file after it, `nominal` the interval in its name.
pub fn judge(
    runs: &[Run],
    before: Option<Timestamp>,
    after: Option<Timestamp>,
    nominal: Option<Window>,
) -> Vec<Standing> {
    let all_in_order = runs.windows(2).all(|pair| matches!(pair, [a, b] if !is_late(b.first_at, a.last_at)));
    let is_plausible = |run: &Run| nominal.is_none_or(|nominal| is_near(run, &nominal));
    let first_fits = before.zip(runs.first()).is_none_or(|(before, run)| !is_late(run.first_at, before));
    let last_fits = after.zip(runs.last()).is_none_or(|(after, run)| !is_late(after, run.last_at));
    if all_in_order && first_fits && last_fits && runs.iter().all(is_plausible) {
        return vec![Standing::Believed; runs.len()];
    }
    let chain = chain(runs, before, after, &is_plausible);
    (0..runs.len()).map(|index| standing(runs, index, &chain, before, after, nominal)).collect()
}

fn is_near(run: &Run, nominal: &Window) -> bool {
    run.first_at + STRAY >= nominal.start && run.last_at <= nominal.end + STRAY
}

/// Whether `at` is earlier than something that precedes it: the previous record, or what is already known. Small steps back
/// of the clock do not count.
pub fn is_late(at: Timestamp, before: Timestamp) -> bool {
    at + CLOCK_TOLERANCE <= before
}

/// Which runs belong to the chain of most records whose times are in order. Runs outside the interval of the file, or that
/// contradict the files around it, count only if there are no others.
fn chain(
    runs: &[Run],
    before: Option<Timestamp>,
    after: Option<Timestamp>,
    is_plausible: &dyn Fn(&Run) -> bool,
) -> Vec<bool> {
    let fits = |run: &Run| {
        is_plausible(run)
            && before.is_none_or(|before| !is_late(run.first_at, before))
            && after.is_none_or(|after| !is_late(after, run.last_at))
    };
    let (any_fitting, any_plausible) = (runs.iter().any(fits), runs.iter().any(is_plausible));
    let counts = |run: &Run| if any_fitting { fits(run) } else { is_plausible(run) || !any_plausible };
    let weight = |run: &Run| if counts(run) { run.n_records } else { 0 };
    // The heaviest chain that ends with each run, and the run before it there.
    let mut best: Vec<(u64, Option<usize>)> = Vec::with_capacity(runs.len());
    for (index, run) in runs.iter().enumerate() {
        let own = weight(run);
        let earlier = (0..index).filter(|other| best[*other].0 > 0 && !is_late(run.first_at, runs[*other].last_at));
        let previous = earlier.max_by_key(|other| best[*other].0);
        let total = if own == 0 { 0 } else { own + previous.map_or(0, |other| best[other].0) };
        best.push((total, previous.filter(|_| own > 0)));
    }
    let mut is_in = vec![false; runs.len()];
    // The last of equals: what came later on the wire is the clock that goes on.
    let mut next = (0..runs.len()).max_by_key(|index| best[*index].0).filter(|index| best[*index].0 > 0);
    while let Some(index) = next {
        is_in[index] = true;
        next = best[index].1;
    }
    is_in
}

fn standing(
    runs: &[Run],
    index: usize,
    chain: &[bool],
    before: Option<Timestamp>,
    after: Option<Timestamp>,
    nominal: Option<Window>,
) -> Standing {
    let run = &runs[index];
    if chain[index] {
        return Standing::Believed;
    }
    let previous = (0..index).rev().find(|other| chain[*other]);
    let next = (index + 1..runs.len()).find(|other| chain[*other]);
    let since = previous.map(|other| runs[other].last_at).or(before);
    let until = next.map(|other| runs[other].first_at).or(after);
    // A clock that runs on from the file before, or into the file after, was set: both sides of the step are believed, and
    // what they contradict each other in is not.
    let runs_on = |from: Timestamp, to: Timestamp| !is_late(to, from) && to <= from + LONG_STEP;
    // Unless the trusted records continue as well: then these few stamps are wrong.
    let continues = |before: Timestamp| {
        let is_slip = next.is_some_and(|other| runs_on(before, runs[other].first_at)) && run.n_records < MANY;
        runs_on(before, run.first_at) && !is_slip
    };
    let is_continued_by = |after: Timestamp| {
        let is_slip = previous.is_some_and(|other| runs_on(runs[other].last_at, after)) && run.n_records < MANY;
        runs_on(run.last_at, after) && !is_slip
    };
    let is_continued =
        previous.is_none() && before.is_some_and(continues) || next.is_none() && after.is_some_and(is_continued_by);
    let is_single_sided = since.is_none() || until.is_none();
    let is_plausible = nominal.is_none_or(|nominal| is_near(run, &nominal));
    if is_continued || is_single_sided && is_plausible {
        return Standing::Believed;
    }
    let (mut since, mut until) = (since.unwrap_or(run.first_at), until);
    if let Some(until) = &mut until
        && is_late(*until, since)
    {
        (since, *until) = (*until, since);
    }
    // A time within the interval of the file may be right, and its neighbours' wrong.
    if is_plausible {
        since = since.min(run.first_at);
        until = until.map(|until| until.max(run.last_at));
    }
    Standing::Outlier(since, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `08:30:00+300/200 08:40:00/1`: runs by their beginning, length in seconds and number of records.
    fn runs(text: &str) -> Vec<Run> {
        let mut record = 0;
        let run = |word: &str| {
            let (times, n) = word.split_once('/').unwrap();
            let (begin, length) = times.split_once('+').unwrap_or((times, "0"));
            let first_at = at(begin);
            let n_records = n.parse().unwrap();
            record += n_records;
            let last_at = first_at + Duration::from_secs(length.parse().unwrap());
            Run { record: record - n_records, n_records, first_at, last_at }
        };
        text.split_whitespace().map(run).collect()
    }

    fn at(time: &str) -> Timestamp {
        format!("2024-03-10T{time}").parse().unwrap()
    }

    fn check(before: &str, text: &str, after: &str, expected: &str) {
        let nominal = Window { start: at("08:30:00"), end: at("08:35:00") };
        let side = |time: &str| (!time.is_empty()).then(|| at(time));
        let clock = |at: Timestamp| at.to_datetime().format("%H:%M:%S").to_string();
        let standings = judge(&runs(text), side(before), side(after), Some(nominal)).into_iter().map(|s| match s {
            Standing::Believed => "ok".to_owned(),
            Standing::Outlier(since, until) => {
                format!("{}..{}", clock(since), until.map_or("?".to_owned(), clock))
            }
        });
        assert_eq!(standings.collect::<Vec<_>>().join(" "), expected, "{text}");
    }

    #[test]
    fn times_in_order_are_believed_whatever_their_pauses() {
        check("08:29:58", "08:30:01+50/9 08:33:00+100/9", "08:35:01", "ok ok");
    }

    #[test]
    fn one_record_hours_ahead_was_written_between_its_neighbours() {
        check("08:29:58", "08:30:01+60/50 10:31:02/1 08:31:03+200/90", "08:35:01", "ok 08:31:01..08:31:03 ok");
        check("08:29:58", "08:30:01+290/50 10:31:02/1", "08:35:01", "ok 08:34:51..08:35:01");
        check("08:29:58", "10:31:02/1 08:30:01+290/50", "08:35:01", "08:29:58..08:30:01 ok");
        check("08:29:58", "08:30:01+290/50 10:31:02/1", "", "ok 08:34:51..?");
    }

    #[test]
    fn a_burst_ahead_that_comes_back_is_an_outlier_even_when_it_is_most_of_the_file() {
        check("08:29:58", "08:30:01/3 08:47:50/40 08:31:02+200/30", "08:35:01", "ok 08:30:01..08:31:02 ok");
    }

    #[test]
    fn one_record_far_behind_is_an_outlier_and_its_own_time_stays_possible() {
        check("08:29:58", "08:30:01+200/50 08:31:00/1 08:33:25+60/9", "08:35:01", "ok 08:31:00..08:33:25 ok");
    }

    #[test]
    fn a_clock_that_is_set_back_for_good_is_believed_on_both_sides_of_the_step() {
        check("08:29:58", "08:30:01+120/50 08:30:03+180/80", "08:33:05", "ok ok");
        check("08:29:58", "08:30:01+240/80 08:32:10+60/30", "08:33:12", "ok ok");
        check("", "08:30:01+240/80 08:32:10+60/30", "", "ok ok");
    }
}
