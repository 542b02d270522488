//! Intervals in which all routes of a vantage point turned out to be uncertain. They are applied at the end of a replay.

use rustc_hash::FxHashMap;

use super::breaks::{Break, Breaks};
use super::index::PeerId;
use super::spans::{PeerSpan, PeerState};
use crate::bgp::Family;
use crate::time::{Timestamp, Window};

/// The intervals in which sessions are to be marked as unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionDoubts {
    uncertain: FxHashMap<PeerId, Vec<Window>>,
    breaks: FxHashMap<PeerId, Vec<Window>>,
}

impl SessionDoubts {
    /// Marks the session as unknown during `window`. What is known before and after it stays known.
    pub(super) fn add(&mut self, peer: PeerId, window: Window) {
        self.uncertain.entry(peer).or_default().push(window);
    }

    /// Marks the session as unknown during `window`; what the peer held before it is no evidence for what it holds after.
    pub(super) fn add_break(&mut self, peer: PeerId, window: Window) {
        self.breaks.entry(peer).or_default().push(window);
        self.add(peer, window);
    }

    /// Applies the doubts to the history of the sessions. `dumps` returns the instants at which RIB dumps showed the table of
    /// a peer. Returns the breaks.
    pub(super) fn apply(
        self,
        sessions: &mut Vec<PeerSpan>,
        dumps: impl Fn(PeerId, Family) -> Vec<Timestamp>,
    ) -> Breaks {
        let breaks = breaks(self.breaks, dumps);
        if !breaks.is_empty() {
            apply_breaks(sessions, &breaks);
        }
        let uncertain: FxHashMap<PeerId, Vec<Window>> =
            self.uncertain.into_iter().map(|(peer, windows)| (peer, Window::united(windows))).collect();
        if !uncertain.is_empty() {
            let cut = |span: PeerSpan| match uncertain.get(&span.peer) {
                Some(windows) => cut_session(span, windows),
                None => vec![span],
            };
            *sessions = std::mem::take(sessions).into_iter().flat_map(cut).collect();
        }
        breaks
    }
}

fn breaks(windows: FxHashMap<PeerId, Vec<Window>>, dumps: impl Fn(PeerId, Family) -> Vec<Timestamp>) -> Breaks {
    let mut breaks = Breaks::default();
    for (peer, windows) in windows {
        let windows = Window::united(windows);
        for family in Family::ALL {
            let dumps = dumps(peer, family);
            let after = |end: Timestamp| dumps.iter().copied().find(|at| *at >= end).unwrap_or(Timestamp::MAX);
            let of_window = |window: &Window| Break { window: *window, known_again: after(window.end) };
            breaks.insert((peer, family), windows.iter().map(of_window).collect());
        }
    }
    breaks
}

fn apply_breaks(sessions: &mut Vec<PeerSpan>, breaks: &Breaks) {
    // End-of-RIB does not show that a table is complete if part of the transfer was not recorded.
    let mut unrecorded: FxHashMap<(PeerId, Family, Timestamp), Timestamp> = FxHashMap::default();
    for span in sessions.iter().filter(|span| span.state == PeerState::Syncing) {
        let mut own = breaks.get(&(span.peer, span.family)).into_iter().flatten();
        if let Some(last) = own.rfind(|other| other.window.start < span.to && other.window.end > span.from) {
            unrecorded.insert((span.peer, span.family, span.to), last.known_again);
        }
    }
    let broken = |span: PeerSpan| match breaks.get(&(span.peer, span.family)) {
        Some(breaks) => {
            let known_again = unrecorded.get(&(span.peer, span.family, span.from)).copied();
            let parts = incomplete_until(span, known_again.unwrap_or(Timestamp::MIN));
            parts.into_iter().flat_map(|span| broken_table(span, breaks)).collect()
        }
        None => vec![span],
    };
    *sessions = std::mem::take(sessions).into_iter().flat_map(broken).collect();
}

/// After a break, prefixes without an update are unknown until a RIB dump shows the whole table.
fn broken_table(span: PeerSpan, breaks: &[Break]) -> Vec<PeerSpan> {
    let (mut parts, mut rest) = (Vec::new(), Some(span));
    for Break { window, known_again } in breaks {
        let Some(span) = rest.take() else { break };
        if !span.complete || span.from >= window.end || span.to <= window.end {
            rest = Some(span);
            continue;
        }
        let until = (*known_again).min(span.to);
        parts.push(PeerSpan { to: window.end, ..span.clone() });
        parts.push(PeerSpan { from: window.end, to: until, complete: false, record: None, ..span.clone() });
        rest = (until < span.to).then_some(PeerSpan { from: until, ..span });
    }
    parts.extend(rest);
    parts.retain(|span| span.from < span.to);
    parts
}

/// Marks a table as incomplete up to `at`.
fn incomplete_until(span: PeerSpan, at: Timestamp) -> Vec<PeerSpan> {
    if !span.complete || at <= span.from {
        return vec![span];
    }
    let at = at.min(span.to);
    let parts = [PeerSpan { to: at, complete: false, ..span.clone() }, PeerSpan { from: at, ..span }];
    parts.into_iter().filter(|span| span.from < span.to).collect()
}

/// Marks an open session as unknown in these intervals, which are in order and disjoint.
fn cut_session(span: PeerSpan, windows: &[Window]) -> Vec<PeerSpan> {
    if !span.state.is_open() {
        return vec![span];
    }
    let (mut parts, mut at) = (Vec::new(), span.from);
    for window in windows.iter().filter(|window| window.start < span.to && window.end > span.from) {
        let (from, to) = (window.start.max(span.from), window.end.min(span.to));
        if at < from {
            parts.push(PeerSpan { from: at, to: from, ..span.clone() });
        }
        let state = PeerState::Unknown;
        parts.push(PeerSpan { from, to, state, complete: false, record: None, ..span.clone() });
        at = to;
    }
    if at < span.to {
        parts.push(PeerSpan { from: at, ..span });
    }
    parts
}
