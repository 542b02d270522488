//! Recognises one router under several names, and retires vantage points that no longer exist.
//!
//! A vantage point is an address and an AS number. A router that changes either becomes a new vantage point, and the old one
//! must not keep voting.

use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};

use super::replayer::{Cause, Replayer};
use super::silence::{Heard, Minutes, Silence};
use super::*;

/// A session that is up for less than this of a silence was closed properly.
const MIN_SILENCE: Duration = Duration::from_secs(3 * 60);

impl Replayer {
    /// The number of a peer that is known. TABLE_DUMP and old sessions write AS_TRANS for an AS number of four octets (RFC
    /// 6793): with one other number at that address it is the same peer.
    pub(super) fn known_as(&mut self, peer: &Peer) -> Option<usize> {
        if let Some(index) = self.index_of.get(peer) {
            return Some(*index);
        }
        let others: Vec<usize> =
            (0..self.peers.len()).filter(|other| self.peers[*other].address == peer.address).collect();
        let [only] = others[..] else { return None };
        let is_hidden = |asn: Asn| asn == Asn::TRANS;
        match (is_hidden(peer.asn), is_hidden(self.peers[only].asn)) {
            (true, false) => self.dumped_as[only] = Some(*peer),
            (false, true) => self.dumped_as[only] = Some(std::mem::replace(&mut self.peers[only], *peer)),
            _ => return None,
        }
        self.index_of.insert(*peer, only);
        Some(only)
    }

    /// A message came from this peer: another one at the same address, under another AS number, is no more. Two that one RIB
    /// dump lists side by side live side by side, and a link-local address names nobody.
    pub(super) fn end_former_selves(&mut self, peer: usize, cause: Cause) {
        let address = self.peers[peer].address;
        if !self.has_twin[peer] || !is_unique(&address) {
            return;
        }
        let lives =
            |replayer: &Replayer, other: usize| replayer.sessions[other].iter().any(|session| session.state.is_open());
        let former: Vec<usize> = (0..self.peers.len())
            .filter(|other| *other != peer && self.peers[*other].address == address && lives(self, *other))
            .filter(|other| {
                let latest = self.latest_rib.and_then(|index| self.tables.get(index));
                !latest.is_some_and(|table| table.lists(peer) && table.lists(*other))
            })
            .collect();
        for other in former {
            let since = self.last_heard(other, cause.at);
            if let Ok(window) = Window::new(since, cause.at) {
                self.overlay.doubt_session(other, window);
            }
            self.doubts.push(Doubt {
                window: Window { start: since, end: cause.at.max(since + Duration::from_micros(1)) },
                peer: Some(other),
                reason: DoubtReason::Renumbered,
            });
            self.forget_sample(other, None);
            self.forget_routes(other, None, cause.at);
            for family in Family::ALL {
                self.set_session(other, family, PeerState::Unknown, false, Cause::time(cause.at));
            }
        }
    }

    /// Since when a peer is silent, to the minute; at the latest `at`.
    fn last_heard(&self, peer: usize, at: Timestamp) -> Timestamp {
        let Some(minute) = self.minute(at) else { return at };
        match self.minutes[peer].last_before(minute) {
            Some(last) => self.instant(last + 1).min(at),
            None => self.instant(minute).min(at),
        }
    }

    /// What turns out at the end: vantage points that fell silent, stretches without any record, times that contradict each
    /// other. Returns the stretches without a record.
    pub(super) fn take_back(&mut self) -> Vec<Window> {
        let end = self.minute(Timestamp::from_micros(self.window.end.micros() - 1)).map_or(0, |last| last + 1);
        let gaps = Window::united(self.gaps.clone());
        let mut holes = self.pauses.suspicious(self.window.start, self.window.end, &gaps);
        let no_records = self.minutes_in(&[&gaps[..], &holes].concat());
        let silent = Heard { peers: &self.minutes, end }.of_peers(&no_records);
        let window_of =
            |silence: &Silence| Window { start: self.instant(silence.first), end: self.instant(silence.last + 1) };
        let silent: Vec<(usize, Window)> = silent.iter().map(|(peer, silence)| (*peer, window_of(silence))).collect();
        // A session that is known to be closed has nothing to say.
        let unexplained =
            self.open_for_long(holes.iter().copied().chain(silent.iter().map(|(_, window)| *window)), &gaps);
        holes.retain(|hole| (0..self.peers.len()).any(|peer| unexplained.contains(&(peer, *hole))));
        for hole in &holes {
            let open = (0..self.peers.len()).filter(|peer| unexplained.contains(&(*peer, *hole)));
            open.for_each(|peer| self.overlay.break_session(peer, *hole));
        }
        for (peer, window) in silent.into_iter().filter(|silent| unexplained.contains(silent)) {
            self.take_back_session(peer, window, DoubtReason::Silence);
        }
        for (peer, since) in self.renumbered(end) {
            let window = Window { start: since, end: self.window.end };
            self.take_back_session(peer, window, DoubtReason::Renumbered);
        }
        for (peer, since) in self.gone_after_the_window() {
            self.take_back_session(peer, Window { start: since, end: self.window.end }, DoubtReason::Silence);
        }
        self.take_back_contradictions();
        let tables = &self.tables;
        let dumps = |peer: usize, family: Family| -> Vec<Timestamp> {
            tables.iter().filter(|table| table.size(peer, family) > 0).map(|table| table.done_at).collect()
        };
        std::mem::take(&mut self.overlay).apply(&mut self.session_spans, &mut self.route_spans, dumps);
        holes
    }

    /// The peers whose session, of either family, was up for [`MIN_SILENCE`] or more of some stretches of time, or for all of
    /// a shorter one, each with the stretch.
    fn open_for_long(&self, windows: impl Iterator<Item = Window>, gaps: &[Window]) -> FxHashSet<(usize, Window)> {
        let windows: FxHashSet<Window> = windows.collect();
        let mut open: FxHashMap<(usize, Family, Window), Duration> = FxHashMap::default();
        for span in self.session_spans.iter().filter(|span| span.state.is_open()) {
            let Ok(up) = Window::new(span.from, span.to) else { continue };
            for (window, both) in windows.iter().filter_map(|window| Some((*window, window.intersect(&up)?))) {
                *open.entry((span.peer, span.family, window)).or_default() += both.duration();
            }
        }
        // Where a file is missing later on, nothing is known of sessions from then on.
        let until_gap = |window: Window| window.without(gaps).first().map_or(Duration::ZERO, Window::duration);
        let long = open.into_iter().filter(|((.., window), open)| *open >= MIN_SILENCE.min(until_gap(*window)));
        long.map(|((peer, _, window), _)| (peer, window)).collect()
    }

    fn take_back_session(&mut self, peer: usize, window: Window, reason: DoubtReason) {
        if window.start < window.end {
            self.overlay.break_session(peer, window);
            self.doubts.push(Doubt { window, peer: Some(peer), reason });
        }
    }

    /// The minutes of the replay that lie in some stretches, or begin or end in them.
    fn minutes_in(&self, stretches: &[Window]) -> Minutes {
        let mut minutes = Minutes::default();
        for gap in stretches {
            let (start, end) = (gap.start.max(self.window.start), gap.end.min(self.window.end));
            let last = Timestamp::from_micros(end.micros() - 1);
            if let (true, Some(first), Some(last)) = (start < end, self.minute(start), self.minute(last)) {
                (first..=last).for_each(|minute| minutes.add(minute));
            }
        }
        minutes
    }

    /// Peers that fell silent for good when another address of their AS, or another AS at their address, spoke up that no RIB
    /// dump had listed: the router took that name. With the instant since when.
    fn renumbered(&self, end: u32) -> Vec<(usize, Timestamp)> {
        let mut renumbered = Vec::new();
        for (new, first) in (0..self.peers.len()).filter_map(|new| Some((new, self.minutes[new].first()?))) {
            let mut before = self.tables.iter().filter(|table| table.done_at < self.instant(first)).peekable();
            // What was there before the first dump, or is in one, is not new.
            if before.peek().is_none() || before.any(|table| table.lists(new)) {
                continue;
            }
            let is_kin = |old: &usize| {
                let (old, new) = (&self.peers[*old], &self.peers[new]);
                old != new && (old.asn == new.asn || old.address == new.address && !old.address.is_unspecified())
            };
            for old in (0..self.peers.len()).filter(is_kin) {
                let last = self.minutes[old].last();
                let since = last.map_or(self.window.start, |last| self.instant(last + 1));
                let (earlier, later): (Vec<&RibTable>, Vec<&RibTable>) =
                    self.tables.iter().partition(|table| table.begun_at < self.instant(first));
                let is_silent = last.is_none_or(|last| last <= first && last + 1 < end);
                let lists = |tables: &[&RibTable]| tables.iter().any(|table| table.lists(old));
                if is_silent && lists(&earlier) && !lists(&later) {
                    renumbered.push((old, since));
                }
            }
        }
        renumbered
    }

    /// Peers that the first RIB dump after the window does not list any more, though the one before does: unknown since they
    /// were last heard.
    fn gone_after_the_window(&self) -> Vec<(usize, Timestamp)> {
        let after = self.tables.iter().find(|table| table.begun_at >= self.window.end);
        let before = self.tables.iter().rfind(|table| table.done_at < self.window.end);
        let Some((after, before)) = after.zip(before) else { return Vec::new() };
        let is_closed = |peer: usize| {
            let closed =
                |span: &PeerSpan| span.peer == peer && span.state == PeerState::Down && span.to >= self.window.end;
            self.session_spans.iter().any(closed)
        };
        let is_gone = |peer: &usize| before.lists(*peer) && !after.lists(*peer) && !is_closed(*peer);
        let gone = (0..self.peers.len()).filter(is_gone);
        let since = |peer: usize| self.minutes[peer].last().map_or(before.done_at, |last| self.instant(last + 1));
        gone.map(|peer| (peer, since(peer).max(before.done_at))).collect()
    }

    /// Where a clock was set back two stretches of records claim the same time. What changed in either is uncertain there, and
    /// for as long on both sides as the clock was set back by: nothing tells which of the two was right.
    fn take_back_contradictions(&mut self) {
        for contradicted in Window::united(std::mem::take(&mut self.times.contradicted)) {
            let is_inside = |at: Timestamp| contradicted.start <= at && at <= contradicted.end;
            let by = contradicted.duration();
            let doubtful = Window { start: contradicted.start - by, end: contradicted.end + by };
            let by_message = |span: &&RouteSpan| matches!(span.evidence, Evidence::Announce | Evidence::Withdraw);
            for span in self.route_spans.iter().filter(by_message).filter(|span| is_inside(span.from)) {
                self.overlay.doubt_route(span.peer, span.prefix, doubtful);
            }
            for span in self.session_spans.iter().filter(|span| span.record.is_some() && is_inside(span.from)) {
                self.overlay.doubt_session(span.peer, doubtful);
            }
        }
    }
}

/// Whether an address belongs to one router alone.
fn is_unique(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_unicast_link_local(),
    }
}
