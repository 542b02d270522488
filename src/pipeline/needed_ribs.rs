//! RIB dumps that were left out of the plan and that a finding needs: those inside and next to an outage, those that narrow an edge
//! in doubt, those that end an interval in which most vantage points are unknown, and those that show who carries a new prefix.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use rustc_hash::FxHashSet;

use super::collector_state::CollectorState;
use super::judging::{self, Preview};
use crate::archive::ArchiveFile;
use crate::detect::Fall;
use crate::query::Query;
use crate::replay::Replay;
use crate::time::{Timestamp, Window};

/// For this many outages, and as many intervals that are hardly known, the longest ones, dumps of every collector are read.
/// Further outages are checked in the dumps of one collector.
const LONGEST: usize = 4;
/// Shorter intervals are not worth the reading of a table, and a dump that is written so soon after a change may not show it.
const WORTH: Duration = Duration::from_secs(10 * 60);

/// Returns the names of RIB dumps to be read besides, for each of `collectors`; None if there are none, or `may_read` refuses them.
pub(super) fn find(
    query: &Query,
    collectors: &[CollectorState],
    may_read: &dyn Fn(&[ArchiveFile]) -> bool,
) -> Option<Vec<FxHashSet<String>>> {
    let needed = needed(query, collectors);
    let files: Vec<ArchiveFile> = collectors
        .iter()
        .zip(&needed)
        .flat_map(|(of, needed)| of.left_out.iter().filter(|rib| needed.contains(&rib.name)))
        .map(|rib| ArchiveFile::clone(rib))
        .collect();
    (!files.is_empty() && may_read(&files)).then_some(needed)
}

fn needed(query: &Query, collectors: &[CollectorState]) -> Vec<FxHashSet<String>> {
    if collectors.iter().all(|of| of.left_out.is_empty()) {
        return vec![FxHashSet::default(); collectors.len()];
    }
    let replays: Vec<&Replay> = collectors.iter().filter_map(|of| of.replay).collect();
    let Preview { mut falls, thin, without_baseline } = judging::preview(query, &replays);
    falls.sort_by_key(|fall| (Reverse(fall.duration()), fall.seen.start));
    let (thin, without_baseline) = (longest(thin), longest(without_baseline));
    let mut dumps: Vec<Dumps> = collectors.iter().map(Dumps::of).collect();
    let (lengthy, others) = falls.split_at(falls.len().min(LONGEST));
    for dumps in &mut dumps {
        lengthy.iter().for_each(|fall| dumps.need_for(fall));
        thin.iter().for_each(|window| dumps.need_within(*window));
        let unread = without_baseline.iter().filter(|window| !dumps.read.iter().any(|at| window.contains(*at)));
        for window in unread.copied().collect::<Vec<_>>() {
            dumps.need_nearest_to_middle(window);
        }
    }
    for fall in others {
        // One collector suffices.
        if !dumps.iter().any(|dumps| dumps.has_inside(fall)) {
            let _ = dumps.iter_mut().any(|dumps| dumps.need_inside(fall));
        }
    }
    dumps.into_iter().map(|dumps| dumps.needed.into_iter().map(str::to_owned).collect()).collect()
}

/// The longest of some intervals, without those that are too short.
fn longest(mut windows: Vec<Window>) -> Vec<Window> {
    windows.retain(|window| window.duration() >= WORTH);
    windows.sort_by_key(|window| (Reverse(window.duration()), window.start));
    windows.truncate(LONGEST);
    windows
}

/// The RIB dumps of one collector, by the time of their name.
struct Dumps<'a> {
    read: Vec<Timestamp>,
    left_out: Vec<(Timestamp, &'a str)>,
    needed: BTreeSet<&'a str>,
}

impl<'a> Dumps<'a> {
    fn of(collector: &CollectorState<'a>) -> Dumps<'a> {
        let opened = |rib: &ArchiveFile| rib.nominal_span().start;
        let left_out = collector.left_out.iter().map(|rib| (opened(rib), rib.name.as_str())).collect();
        Dumps { read: collector.ribs.iter().map(|rib| opened(rib)).collect(), left_out, needed: BTreeSet::new() }
    }

    fn need_for(&mut self, fall: &Fall) {
        if self.need_inside(fall) || self.has_inside(fall) {
            self.need_before(fall.seen.start);
            self.need_after(fall.seen.end);
        }
        for bounds in [fall.start_bounds, fall.end_bounds] {
            let doubt = bounds.earliest.zip(bounds.latest).and_then(|(from, to)| Window::new(from, to).ok());
            if let Some(doubt) = doubt.filter(|doubt| doubt.duration() >= WORTH) {
                self.need_nearest_to_middle(doubt);
            }
        }
    }

    fn has_inside(&self, fall: &Fall) -> bool {
        inside(fall).is_some_and(|window| self.read.iter().any(|at| window.contains(*at)))
    }

    /// Marks a dump that was written during an outage as needed, unless one is read. Returns whether it marked one.
    fn need_inside(&mut self, fall: &Fall) -> bool {
        match inside(fall) {
            Some(window) if !self.has_inside(fall) => self.need_nearest_to_middle(window),
            _ => false,
        }
    }

    /// Needs the first dump in an interval in which most vantage points are unknown, and one in its middle: they may be known
    /// from there on, or have been known until there.
    fn need_within(&mut self, window: Window) {
        if let Some((_, name)) = self.left_out.iter().find(|(at, _)| window.contains(*at)) {
            self.needed.insert(name);
        }
        self.need_nearest_to_middle(window);
    }

    fn need_nearest_to_middle(&mut self, window: Window) -> bool {
        let middle = window.start + window.duration() / 2;
        let within = self.left_out.iter().filter(|(at, _)| window.contains(*at));
        let nearest = within.min_by_key(|(at, _)| at.micros_since(middle).abs());
        nearest.is_some_and(|(_, name)| {
            self.needed.insert(name);
            true
        })
    }

    /// Needs the last dump before an instant, unless one that is read is as late.
    fn need_before(&mut self, at: Timestamp) {
        let last = self.left_out.iter().rfind(|(opened, _)| *opened + WORTH <= at);
        if let Some((opened, name)) = last
            && !self.read.iter().any(|read| read > opened && *read + WORTH <= at)
        {
            self.needed.insert(name);
        }
    }

    /// Needs the first dump after an instant, unless one that is read is as early.
    fn need_after(&mut self, at: Timestamp) {
        let first = self.left_out.iter().find(|(opened, _)| *opened >= at);
        if let Some((opened, name)) = first
            && !self.read.iter().any(|read| *read >= at && read < opened)
        {
            self.needed.insert(name);
        }
    }
}

/// When a RIB dump must have been opened to show an outage.
fn inside(fall: &Fall) -> Option<Window> {
    Window::new(fall.seen.start + WORTH, fall.seen.end).ok()
}
