//! Reasons to doubt the records of a collector: lost messages, wrong clocks, silent vantage points, records that are late or of
//! unsupported kinds, and iBGP sessions, which are not independent views.

use std::collections::BTreeMap;
use std::time::Duration;

use super::text::{clock, count, duration, from_to};
use super::{CollectorCoverage, Report};
use crate::bgp::Collector;
use crate::replay::{Doubt, DoubtReason, PeerId, Replay};
use crate::time::{Timestamp, Window, Windows};

/// When the messages of the vantage points of a collector are uncertain, for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubts {
    /// Why.
    pub reason: DoubtReason,
    /// How often.
    pub n: usize,
    /// The number of vantage points concerned.
    pub n_vantage_points: usize,
    /// For how long, added up over the vantage points; None for lost messages, which have an instant each.
    pub duration: Option<Duration>,
    /// When the first begins.
    pub first: Timestamp,
    /// When the last ends. For lost messages: when the last one was sent.
    pub last: Timestamp,
}

impl Doubts {
    /// Returns the doubts of a collector, by reason.
    pub fn of(replay: &Replay) -> Vec<Doubts> {
        let of_reason = |reason| Doubts::new(reason, replay.doubts.iter().filter(|doubt| doubt.reason == reason));
        DoubtReason::ALL.into_iter().filter_map(of_reason).collect()
    }

    /// Returns the doubts by peer and reason. Those of the collector as a whole have no peer.
    pub(super) fn of_peers(replay: &Replay) -> Vec<(Option<PeerId>, Doubts)> {
        let mut of_peers: BTreeMap<(Option<PeerId>, DoubtReason), Vec<&Doubt>> = BTreeMap::new();
        for doubt in &replay.doubts {
            of_peers.entry((doubt.peer, doubt.reason)).or_default().push(doubt);
        }
        let doubts = |((peer, reason), own): ((Option<PeerId>, DoubtReason), Vec<&Doubt>)| {
            Some((peer, Doubts::new(reason, own.into_iter())?))
        };
        of_peers.into_iter().filter_map(doubts).collect()
    }

    fn new<'a>(reason: DoubtReason, doubts: impl Iterator<Item = &'a Doubt>) -> Option<Doubts> {
        let mut of_peers: BTreeMap<Option<PeerId>, Vec<Window>> = BTreeMap::new();
        for doubt in doubts {
            of_peers.entry(doubt.peer).or_default().push(doubt.window);
        }
        let is_instant = reason == DoubtReason::LostMessage;
        let windows = || of_peers.values().flatten();
        let last = windows().map(|window| if is_instant { window.start } else { window.end }).max()?;
        Some(Doubts {
            reason,
            n: windows().count(),
            n_vantage_points: of_peers.keys().flatten().count(),
            duration: (!is_instant).then(|| of_peers.values().map(|windows| covered(windows)).sum()),
            first: windows().map(|window| window.start).min()?,
            last,
        })
    }

    /// `2008-02-19 00:15:07 to 23:58:40`.
    fn when(&self) -> String {
        match Window::new(self.first, self.last) {
            Ok(window) if clock(window.start) != clock(window.end) => from_to(window),
            _ => clock(self.first),
        }
    }

    /// States what is uncertain and what follows. `whom` names the vantage points.
    pub(super) fn sentence(&self, whom: &str) -> String {
        let when = self.when();
        let is_one = self.n_vantage_points <= 1;
        let in_all = if is_one { "" } else { " in all" };
        let long = format!("{}{in_all}", self.duration.map(duration).unwrap_or_default());
        match self.reason {
            DoubtReason::LostMessage => {
                let messages = count(self.n, "message", "messages");
                format!(
                    "{messages} from {whom} could not be read in full, {when}; what {} may have changed counts as unknown",
                    if self.n == 1 { "it" } else { "they" }
                )
            }
            DoubtReason::Clock => {
                format!(
                    "the times of records contradict their order, {when}; what changed then counts as unknown ({long})"
                )
            }
            DoubtReason::Silence => format!(
                "{whom} fell silent while others went on, {when}; {} from the last message on ({long})",
                if is_one { "unknown" } else { "each is unknown" }
            ),
            DoubtReason::Renumbered => format!(
                "{whom} changed address or AS number, {when}; the routes of the old {} count as unknown ({long})",
                if is_one { "one" } else { "ones" }
            ),
        }
    }
}

/// How much time the windows cover.
fn covered(windows: &[Window]) -> Duration {
    windows.iter().copied().collect::<Windows>().duration()
}

/// Returns the doubts about the records of each collector, line by line.
pub(super) fn lines(report: &Report) -> Vec<(&Collector, String)> {
    let mut lines = Vec::new();
    for of in &report.coverage.collectors {
        let mut push = |text: String| lines.push((&of.collector, text));
        if of.n_internal > 0 {
            push(internal(of.n_internal, of.n_peers));
        }
        for doubts in &of.doubts {
            push(doubts.sentence(&count(doubts.n_vantage_points, "vantage point", "vantage points")));
        }
        let unread = unread(report, of);
        if !unread.is_empty() {
            push(unread.join("; "));
        }
    }
    lines
}

/// Lists the records of a collector that are late, unsupported or unreadable, and what its updates missed.
fn unread(report: &Report, of: &CollectorCoverage) -> Vec<String> {
    let n = |n: u64, one: &str, many: &str| count(usize::try_from(n).unwrap_or(usize::MAX), one, many);
    let mut parts = Vec::new();
    if of.late_records > 0 {
        let late = n(of.late_records, "record has a time", "records have times");
        parts.push(format!("{late} that cannot be right"));
    }
    let missed = [
        (of.missed_announcements, "announcement", "announcements"),
        (of.missed_withdrawals, "withdrawal", "withdrawals"),
    ];
    let missed = missed.into_iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| n(count, one, many));
    let missed: Vec<String> = missed.collect();
    if !missed.is_empty() {
        parts.push(format!("RIB dumps show {} that the updates do not", missed.join(" and ")));
    }
    match n_unsupported(report, of) {
        0 => {}
        unsupported => {
            let records = n(unsupported, "record is of a kind that is", "records are of kinds that are");
            parts.push(format!("{records} not read: routes in them are not known"));
        }
    }
    if of.source.n_skipped_ranges > 0 {
        let places = count(of.source.n_skipped_ranges, "place", "places");
        let bytes = n(of.source.skipped_bytes, "byte", "bytes");
        parts.push(format!("{bytes} at {places} in update files belong to no record"));
    }
    parts
}

/// Returns the number of records of kinds that this version does not read.
pub(super) fn n_unsupported(report: &Report, of: &CollectorCoverage) -> u64 {
    report.files.iter().filter(|file| file.collector == of.collector).map(|file| file.n_unsupported).sum()
}

/// `3 of 12 vantage points are iBGP sessions of the collector's own AS`.
fn internal(n_internal: usize, n_peers: usize) -> String {
    let are = if n_internal == 1 { "is an iBGP session" } else { "are iBGP sessions" };
    format!("{n_internal} of {} {are} of the collector's own AS", count(n_peers, "vantage point", "vantage points"))
}

/// Explains why iBGP sessions are not independent views. None if there are none.
pub(super) fn internal_doubt(report: &Report) -> Option<String> {
    let sum = |of: fn(&CollectorCoverage) -> usize| report.coverage.collectors.iter().map(of).sum::<usize>();
    let (n_internal, n_peers) = (sum(|of| of.n_internal), sum(|of| of.n_peers));
    let shows = if n_internal == 1 { "it shows" } else { "they show" };
    let views = if n_internal == 1 { "not an independent view" } else { "not independent views" };
    let text = || format!("{}: {shows} what that network selected, {views}.", internal(n_internal, n_peers));
    (n_internal > 0).then(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(start: &str, end: &str, peer: usize, reason: DoubtReason) -> Doubt {
        let at = |time: &str| format!("2008-02-19T{time}").parse::<Timestamp>().unwrap();
        let end = if start == end { at(end) + Duration::from_micros(1) } else { at(end) };
        Doubt { window: Window::new(at(start), end).unwrap(), peer: Some(PeerId::new(peer)), reason }
    }

    fn check(doubts: &[Doubt], expected: &str) {
        let found = Doubts::new(doubts[0].reason, doubts.iter()).unwrap();
        let whom = count(found.n_vantage_points, "vantage point", "vantage points");
        assert_eq!(found.sentence(&whom), expected);
    }

    #[test]
    fn each_reason_says_how_many_when_and_what_follows() {
        let lost = |at, peer| doubt(at, at, peer, DoubtReason::LostMessage);
        check(
            &[lost("00:15:07", 0), lost("12:00", 0), lost("23:58:40", 1)],
            "3 messages from 2 vantage points could not be read in full, 2008-02-19 00:15:07 to 23:58:40; what they may \
             have changed counts as unknown",
        );
        check(
            &[lost("00:15:07", 0)],
            "1 message from 1 vantage point could not be read in full, 2008-02-19 00:15:07; what it may have changed \
             counts as unknown",
        );
        check(
            &[doubt("08:30:02", "09:50", 3, DoubtReason::Silence)],
            "1 vantage point fell silent while others went on, 2008-02-19 08:30:02 to 09:50:00; unknown from the last \
             message on (1 h 19 min 58 s)",
        );
        check(
            &[doubt("08:31", "08:33", 0, DoubtReason::Clock)].map(|doubt| Doubt { peer: None, ..doubt }),
            "the times of records contradict their order, 2008-02-19 08:31:00 to 08:33:00; what changed then counts as \
             unknown (2 min)",
        );
    }

    #[test]
    fn time_of_one_vantage_point_counts_once() {
        let doubts = [
            doubt("08:00", "09:00", 0, DoubtReason::Silence),
            doubt("08:30", "09:30", 0, DoubtReason::Silence),
            doubt("08:00", "08:30", 1, DoubtReason::Silence),
        ];
        let found = Doubts::new(DoubtReason::Silence, doubts.iter()).unwrap();
        assert_eq!((found.n, found.n_vantage_points, found.duration), (3, 2, Some(Duration::from_secs(2 * 3600))));
    }
}
