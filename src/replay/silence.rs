//! Detects silence: intervals without records from a whole collector, or from one vantage point, that are too long to be
//! usual pauses.
//!
//! File names reveal missing files, but not missing records: the daemon died, a file was overwritten, or a session closed
//! and the close was never recorded. A busy source that suddenly sends nothing was not being recorded. A source that rarely
//! sends anything cannot be judged this way.

use std::time::Duration;

use super::bits::Bits;
use super::index::PeerId;
use crate::decode::Run;
use crate::time::{Timestamp, Window};

/// The shortest pause of a whole collector that can be a hole, and the shortest next to a missing file.
const MIN_PAUSE: Duration = Duration::from_secs(150);
const MIN_PAUSE_BY_A_GAP: Duration = Duration::from_secs(60);
/// A hole is longer than this many times the longest usual pause. Pauses under five seconds are not recorded.
const TIMES_USUAL_PAUSE: u32 = 4;
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
/// How many bursts of records, of five seconds at most, are needed to estimate what is usual.
const MIN_BURSTS: u64 = 30;
/// How many other minutes are needed to estimate what is usual.
const MIN_MINUTES: u32 = 10;
/// The shortest silence, in minutes, that counts when most busy vantage points share it.
const MIN_JOINT: u32 = 3;
/// The shortest that counts for a single vantage point.
const MIN_SINGLE: u32 = 10;
/// A silence counts if it is longer than this many times the longest usual one.
const TIMES_USUAL: u32 = 3;
/// How improbable a silence must be if minutes were silent independently of each other: the natural logarithm.
const LOG_IMPROBABLE: f64 = -14.0;
/// Silences at least half as long are usual if there are more of them than one in this many minutes, plus one.
const RARE: u32 = 240;
/// The share of the busy vantage points that must fall silent together. Fewer than three busy ones are not compared.
const MOST: f64 = 0.75;
/// Busy vantage points send messages in at least this share of all minutes.
const MIN_BUSY: f64 = 0.3;

/// The minutes in which one vantage point sent a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Minutes(Bits);

/// A silence, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// The first silent minute.
    pub first: u32,
    /// The last one.
    pub last: u32,
    /// How many minutes of it count. The others are excused: nothing was recorded, for a known reason.
    n: u32,
}

impl Silence {
    fn length(&self) -> u32 {
        self.n
    }

    fn overlaps(&self, other: &Silence) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl Minutes {
    /// Adds a minute in which the vantage point sent a message.
    pub(super) fn add(&mut self, minute: u32) {
        self.0.set(minute, true);
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter()
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.iter().next()
    }

    pub(super) fn last(&self) -> Option<u32> {
        self.iter().last()
    }

    /// The last minute with a message before minute `minute`.
    pub(super) fn last_before(&self, minute: u32) -> Option<u32> {
        self.iter().take_while(|own| *own < minute).last()
    }

    /// The silences between its first minute and `end`, the minute after the last one of the window. Minutes that are
    /// `excused` do not count: a silence that continues after them is one silence.
    fn silences(&self, end: u32, excused: &Minutes) -> Vec<Silence> {
        let Some(first) = self.first() else { return Vec::new() };
        let (mut silences, mut open): (Vec<Silence>, Option<Silence>) = (Vec::new(), None);
        for minute in first..end {
            if self.0.has(minute) {
                silences.extend(open.take());
            } else if !excused.0.has(minute) {
                let silence = open.get_or_insert(Silence { first: minute, last: minute, n: 0 });
                (silence.last, silence.n) = (minute, silence.n + 1);
            }
        }
        silences.extend(open);
        silences
    }

    /// Its silences of at least `min` minutes that are too long to be pauses, given how often it sends messages otherwise.
    pub(super) fn suspicious(&self, end: u32, excused: &Minutes, min: u32) -> Vec<Silence> {
        let Some(first) = self.first() else { return Vec::new() };
        let silences = self.silences(end, excused);
        let n_excused = excused.iter().filter(|minute| (first..end).contains(minute)).count() as u32;
        let n_known = (end.saturating_sub(first)).saturating_sub(n_excused);
        let n_active = self.iter().filter(|minute| !excused.0.has(*minute)).count() as u32;
        let is_suspicious = |silence: &&Silence| {
            let length = silence.length();
            let long = || silences.iter().filter(|other| other.length() * 2 >= length);
            let n_long: u32 = long().map(|other| other.length()).sum();
            let usual = silences.iter().map(Silence::length).filter(|other| other * 2 < length).max().unwrap_or(0);
            let n_other = n_known.saturating_sub(n_long);
            // Add one silent minute to those observed, because few minutes prove little.
            let share = f64::from(n_active) / f64::from(n_other + 1);
            length >= min
                && n_other >= MIN_MINUTES
                && share >= MIN_BUSY
                && long().count() as u32 <= n_known / RARE + 1
                && length > TIMES_USUAL * usual
                && f64::from(length) * (1.0 - share).ln() <= LOG_IMPROBABLE
        };
        silences.iter().filter(is_suspicious).copied().collect()
    }
}

/// The pauses of a collector, to the second: intervals without a record from any peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Pauses {
    pauses: Vec<Window>,
    recorded_until: Option<Timestamp>,
}

impl Pauses {
    /// Adds the next run of records; the replay begins at `start`.
    pub(super) fn add(&mut self, run: &Run, start: Timestamp) {
        let recorded_until = self.recorded_until.unwrap_or(start);
        self.pauses.extend(Window::new(recorded_until, run.first_at));
        self.recorded_until = Some(recorded_until.max(run.last_at));
    }

    /// The pauses up to `end` that are too long to be usual. Time inside `gaps` (sorted and disjoint) does not count, because
    /// it is already known that nothing was recorded then.
    pub(super) fn suspicious(&self, start: Timestamp, end: Timestamp, gaps: &[Window]) -> Vec<Window> {
        let Some(recorded_until) = self.recorded_until else { return Vec::new() };
        let seconds = |parts: &[Window]| parts.iter().map(Window::duration).sum::<Duration>();
        let known = Window::new(start, end).map_or(Duration::ZERO, |all| seconds(&all.without(gaps)));
        let last = Window::new(recorded_until, end).ok();
        let pauses: Vec<Pause> = self
            .pauses
            .iter()
            .copied()
            .chain(last)
            .filter_map(|pause| {
                let parts = pause.without(gaps);
                let (first, last) = parts.first().zip(parts.last())?;
                let window = Window { start: first.start, end: last.end };
                Some(Pause { window, length: seconds(&parts), is_by_a_gap: parts != [pause] })
            })
            .collect();
        let mut lengths: Vec<Duration> = pauses.iter().map(|pause| pause.length).collect();
        lengths.sort_unstable();
        let active = known.saturating_sub(lengths.iter().sum()).as_secs() / SHORTEST_PAUSE.as_secs();
        let is_suspicious = |pause: &&Pause| {
            // All shorter than half of it are usual.
            let n_usual = lengths.partition_point(|other| *other * 2 < pause.length);
            let n_long = (lengths.len() - n_usual) as u64;
            let usual = lengths[..n_usual].last().copied().unwrap_or_default().max(SHORTEST_PAUSE);
            pause.length >= if pause.is_by_a_gap { MIN_PAUSE_BY_A_GAP } else { MIN_PAUSE }
                && pause.length > usual * TIMES_USUAL_PAUSE
                && active + n_usual as u64 >= MIN_BURSTS
                && n_long <= known.as_secs() / 60 / u64::from(RARE) + 1
        };
        pauses.iter().filter(is_suspicious).map(|pause| pause.window).collect()
    }
}

/// An interval without a record from any peer.
#[derive(Clone, Copy, Debug)]
struct Pause {
    window: Window,
    /// Its length without the time inside gaps.
    length: Duration,
    /// Whether it touches or contains a gap.
    is_by_a_gap: bool,
}

/// Intervals in which single vantage points fell silent while others went on. `end` is the minute after the last one of the
/// window. Minutes in which the whole collector is known to have recorded nothing are `excused`.
pub(super) fn silent_peers(peers: &[(PeerId, &Minutes)], end: u32, excused: &Minutes) -> Vec<(PeerId, Silence)> {
    let suspicious = |(peer, minutes): &(PeerId, &Minutes)| {
        let (peer, silences) = (*peer, minutes.suspicious(end, excused, MIN_JOINT));
        silences.into_iter().map(move |silence| (peer, silence))
    };
    let candidates: Vec<(PeerId, Silence)> = peers.iter().flat_map(suspicious).collect();
    let is_busy = |(_, minutes): &&(PeerId, &Minutes)| {
        let n = minutes.iter().count() as f64;
        minutes.first().is_some_and(|first| n >= MIN_BUSY * f64::from(end.saturating_sub(first).max(1)))
    };
    let n_busy = peers.iter().filter(is_busy).count();
    let is_reported = |(peer, silence): &&(PeerId, Silence)| {
        if silence.length() >= MIN_SINGLE {
            return true;
        }
        let together = candidates.iter().filter(|(other, s)| other != peer && s.overlaps(silence)).count() + 1;
        n_busy >= 3 && together as f64 >= MOST * n_busy as f64
    };
    candidates.iter().filter(is_reported).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes with messages, as ranges: `0-59 70-120`.
    fn minutes(text: &str) -> Minutes {
        let mut minutes = Minutes::default();
        for word in text.split_whitespace() {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            (first.parse().unwrap()..=last.parse().unwrap()).for_each(|minute| minutes.add(minute));
        }
        minutes
    }

    fn suspicious(text: &str, end: u32) -> Vec<(u32, u32)> {
        let silences = minutes(text).suspicious(end, &Minutes::default(), MIN_JOINT);
        silences.iter().map(|silence| (silence.first, silence.last)).collect()
    }

    #[test]
    fn a_peer_that_sends_every_minute_and_then_not_for_seven_was_not_recorded() {
        assert_eq!(suspicious("0-44 52-134", 135), [(45, 51)]);
        assert_eq!(suspicious("0-44", 60), [(45, 59)]);
    }

    /// The suspicious pauses between runs of records, which are given by their seconds: `0-600 720-1800`.
    fn pauses(text: &str, end: i64, gaps: &[Window]) -> Vec<(i64, i64)> {
        let at = Timestamp::from_secs;
        let mut pauses = Pauses::default();
        for word in text.split_whitespace() {
            let (first, last) = word.split_once('-').unwrap();
            let [first_at, last_at] = [first, last].map(|second| at(second.parse().unwrap()));
            pauses.add(&Run { record: 0, n_records: 9, first_at, last_at }, at(0));
        }
        let found = pauses.suspicious(at(0), at(end), gaps);
        found.iter().map(|pause| (pause.start.secs(), pause.end.secs())).collect()
    }

    #[test]
    fn a_collector_that_pauses_for_seconds_did_not_record_for_three_minutes() {
        assert_eq!(pauses("0-600 612-900 1080-1800", 1800, &[]), [(900, 1080)]);
        // The same holds at the beginning and at the end.
        assert_eq!(pauses("300-1000 1010-1800", 1800, &[]), [(0, 300)]);
        assert_eq!(pauses("0-1000 1010-1800", 2000, &[]), [(1800, 2000)]);
        assert_eq!(pauses("0-600 650-900 1080-1800", 1800, &[]), []);
    }

    #[test]
    fn a_missing_file_is_no_pause_and_does_not_hide_a_pause_around_it() {
        let gap = [Window { start: Timestamp::from_secs(900), end: Timestamp::from_secs(1200) }];
        assert_eq!(pauses("0-890 1201-2400", 2400, &gap), []);
        assert_eq!(pauses("0-820 1290-2400", 2400, &gap), [(820, 1290)]);
    }

    #[test]
    fn a_missing_file_in_the_middle_of_a_silence_does_not_hide_it() {
        let (active, gap) = (minutes("0-41 53-134"), minutes("45-49"));
        let silences = active.suspicious(135, &gap, MIN_JOINT);
        let silences: Vec<(u32, u32)> = silences.iter().map(|silence| (silence.first, silence.last)).collect();
        assert_eq!(silences, [(42, 52)]);
    }

    #[test]
    fn a_pause_that_recurs_every_two_hours_is_usual() {
        assert_eq!(suspicious("0-119 125-239 245-359 365-479 485-600", 601), []);
    }

    #[test]
    fn silence_of_a_peer_that_rarely_sends_is_not_reported() {
        assert_eq!(suspicious("0 9 31 40 55 90 120", 240), []);
        assert_eq!(suspicious("0-5", 240), []);
    }

    #[test]
    fn three_busy_vantage_points_that_fall_silent_together_are_reported_even_if_briefly() {
        let busy = minutes("0-59 65-120");
        let silent = |peers: [&Minutes; 4]| -> Vec<usize> {
            let peers: Vec<(PeerId, &Minutes)> = (0..).map(PeerId::new).zip(peers).collect();
            silent_peers(&peers, 121, &Minutes::default()).iter().map(|(peer, _)| peer.get()).collect()
        };
        assert_eq!(silent([&busy, &busy, &busy, &minutes("3 50 61 62 100")]), [0, 1, 2]);
        let all = minutes("0-120");
        assert!(silent([&busy, &all, &all, &Minutes::default()]).is_empty());
    }
}
