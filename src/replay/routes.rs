//! The selected routes of one collector. The routes of two prefixes never influence each other.
//!
//! Routes depend on sessions only through [`Effect`] and, for a message, through the [`Session`] that carried it.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::breaks::Breaks;
use super::effects::{Effect, TableDump};
use super::index::{PeerId, PerPeer};
use super::route::{History, Route, Spans};
use super::route_doubts::{RouteDoubts, apply_breaks};
use super::session::Session;
use super::spans::{Basis, Cause, RouteSpan, RouteState};
use super::table::{self, Holders};
use super::times::Contradiction;
use crate::bgp::{AsPath, Asn, Family, Prefix};
use crate::decode::Lost;
use crate::time::{Timestamp, Window};

/// The routes of all peers, and the states that they have left.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Tables of them grow by doubling, so each is a pointer.
    routes: PerPeer<FxHashMap<Prefix, Box<Route>>>,
    spans: Spans,
    /// Who holds the selected prefixes, by RIB dump.
    dumps: Vec<Holders>,
    doubts: RouteDoubts,
    first_ases: PerPeer<FirstAses>,
    n_missed_announcements: u64,
    n_missed_withdrawals: u64,
}

/// How the AS paths of a peer begin.
#[derive(Clone, Copy, Debug, Default)]
struct FirstAses {
    n_paths: u64,
    /// Paths that begin with an AS other than that of the peer.
    n_mismatched: u64,
}

/// The session that carried a message: its peer, the AS number of the peer, and its state.
#[derive(Clone, Copy)]
pub(super) struct Carrier<'a> {
    pub peer: PeerId,
    pub asn: Asn,
    pub session: &'a Session,
}

/// The result of a replay for the selected prefixes.
pub(super) struct RouteOutcome {
    pub spans: Vec<RouteSpan>,
    pub dumps: Vec<Holders>,
    /// Whether most paths of a peer begin with an AS other than its own.
    pub first_as_mismatch: PerPeer<bool>,
    pub n_missed_announcements: u64,
    pub n_missed_withdrawals: u64,
}

impl Routes {
    /// Makes room for the first `n_peers` peers.
    pub(super) fn add_peers(&mut self, n_peers: usize) {
        self.routes.resize_with(n_peers, FxHashMap::default);
        self.first_ases.resize_with(n_peers, FirstAses::default);
    }

    pub(super) fn add_dump(&mut self, holders: Holders) {
        self.dumps.push(holders);
    }

    pub(super) fn state(&self, peer: PeerId, prefix: &Prefix) -> Option<&RouteState> {
        self.routes[peer].get(prefix).and_then(|route| route.state())
    }

    /// Marks a route as uncertain during `window`, in which it became what it is now.
    pub(super) fn doubt_change(&mut self, peer: PeerId, prefix: Prefix, window: Window, applied_at: Timestamp) {
        let state = self.state(peer, &prefix).cloned();
        self.doubts.add_change(peer, prefix, window, state, applied_at);
    }

    pub(super) fn announce(
        &mut self,
        from: Carrier,
        prefix: Prefix,
        path_id: Option<u32>,
        path: &AsPath,
        cause: Cause,
    ) {
        let peer = from.peer;
        if let Some(dumped_at) = from.session.dumped_after(cause.claimed_at) {
            return self.mark_uncertain(peer, prefix, dumped_at, true);
        }
        self.first_ases[peer].add(from.asn, path);
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Box::new(Route::new(cause.at)));
        let cause = in_order(route, cause);
        route.announce(path_id, path, cause, &mut History { peer, prefix, spans: &mut self.spans });
    }

    pub(super) fn withdraw(&mut self, from: Carrier, prefix: Prefix, path_id: Option<u32>, cause: Cause) {
        let (peer, session) = (from.peer, from.session);
        if let Some(dumped_at) = session.dumped_after(cause.claimed_at) {
            return self.mark_uncertain(peer, prefix, dumped_at, false);
        }
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Box::new(Route::new(cause.at)));
        let cause = in_order(route, cause);
        if session.withdrawals_imply && route.updated_at().is_none() && session.since < cause.at {
            self.spans.list.push(RouteSpan {
                peer,
                prefix,
                from: session.since,
                to: cause.at,
                state: RouteState::Present(None),
                evidence: Basis::ImpliedByWithdraw,
                announced_at: session.since,
                record: cause.record,
            });
        }
        route.withdraw(path_id, session.complete, cause, &mut History { peer, prefix, spans: &mut self.spans });
    }

    /// A message about the prefix could not be read: its state is unknown until the next one.
    pub(super) fn blur(&mut self, peer: PeerId, prefix: Prefix, at: Timestamp) {
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Box::new(Route::new(at)));
        route.blur_by_update(at, &mut History { peer, prefix, spans: &mut self.spans });
    }

    /// A message bears a time before a RIB dump that precedes it: the message may be late, or its time wrong. If the two
    /// contradict each other, the state is unknown since the RIB dump.
    fn mark_uncertain(&mut self, peer: PeerId, prefix: Prefix, dumped_at: Timestamp, is_announced: bool) {
        match self.routes[peer].entry(prefix) {
            Entry::Occupied(mut entry) => {
                let agrees = match entry.get().state() {
                    Some(RouteState::Present(_)) => is_announced,
                    // A prefix without a route in a whole table is absent.
                    Some(RouteState::Absent) | None => !is_announced,
                    Some(RouteState::Unknown) => true,
                };
                if !agrees {
                    let since = dumped_at.max(entry.get().since());
                    entry.get_mut().contradict(since, &mut History { peer, prefix, spans: &mut self.spans });
                }
            }
            Entry::Vacant(entry) if is_announced => {
                entry.insert(Box::new(Route::unknown(dumped_at)));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Applies what sessions do to routes.
    pub(super) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Forget { peer, family, at } => self.forget(peer, family, at),
            Effect::Lose { peer, family, lost, at } => self.lose(peer, family, lost, at),
            Effect::Reconcile(table) => self.reconcile(&table),
        }
    }

    fn forget(&mut self, peer: PeerId, family: Option<Family>, at: Timestamp) {
        let spans = &mut self.spans;
        self.routes[peer].retain(|prefix, route| {
            let is_gone = family.is_none_or(|family| prefix.family() == family);
            if is_gone {
                route.close(at, &mut History { peer, prefix: *prefix, spans });
            }
            !is_gone
        });
    }

    /// What a lost part of a message may have withdrawn or announced is unknown until the next message about it, the next
    /// table transfer or the next RIB dump.
    fn lose(&mut self, peer: PeerId, family: Family, lost: Lost, at: Timestamp) {
        let spans = &mut self.spans;
        for (prefix, route) in self.routes[peer].iter_mut().filter(|(prefix, _)| prefix.family() == family) {
            let is_affected = match route.state() {
                Some(RouteState::Present(_)) => lost.withdrawals,
                Some(RouteState::Absent) => lost.announcements,
                Some(RouteState::Unknown) | None => false,
            };
            if is_affected {
                route.blur(at, &mut History { peer, prefix: *prefix, spans });
            }
        }
    }

    /// Applies the table of one peer in a RIB dump, which shows every route that no later message has changed.
    fn reconcile(&mut self, table: &TableDump) {
        if let Some(since) = table.discard_since {
            self.discard_since(since, table);
        }
        let (peer, family) = (table.peer, table.family);
        let Routes { routes, spans, dumps, first_ases, .. } = self;
        let (routes, first_ases) = (&mut routes[peer], &mut first_ases[peer]);
        let dump = &dumps[table.dump.get()];
        let is_own = |prefix: &Prefix| prefix.family() == family;
        let mut n_listed = 0;
        for (prefix, holders) in dump.iter().filter(|(prefix, _)| is_own(prefix)) {
            let Some(holder) = table::holder_of(holders, peer) else { continue };
            n_listed += 1;
            holder.paths.iter().for_each(|(_, path)| first_ases.add(table.asn, path));
            let first_at = table.known_since.unwrap_or(holder.at);
            let route = routes.entry(*prefix).or_insert_with(|| Box::new(Route::new(first_at)));
            let mut history = History { peer, prefix: *prefix, spans };
            self.n_missed_announcements += u64::from(route.reconcile_listed(holder, table, &mut history));
        }
        // Each of them has a route now, and nearly always there are no others.
        if routes.keys().filter(|prefix| is_own(prefix)).count() == n_listed {
            return;
        }
        let is_listed =
            |prefix: &Prefix| dump.get(prefix).is_some_and(|holders| table::holder_of(holders, peer).is_some());
        for (prefix, route) in routes.iter_mut() {
            if is_own(prefix) && !is_listed(prefix) {
                let mut history = History { peer, prefix: *prefix, spans };
                self.n_missed_withdrawals += u64::from(route.reconcile_unlisted(table, &mut history));
            }
        }
    }

    /// The peer is out of step with a RIB dump: some of its messages since the previous one are missing, and it is unknown
    /// which. Only the latest messages outweigh the RIB dump.
    fn discard_since(&mut self, since: Timestamp, table: &TableDump) {
        let (peer, family) = (table.peer, table.family);
        let spans = &mut self.spans;
        self.routes[peer].retain(|prefix, route| {
            prefix.family() != family
                || route.discard_since(since, table, &mut History { peer, prefix: *prefix, spans })
        });
        spans.list.retain_mut(|span| {
            if (span.peer, span.prefix.family()) == (peer, family) {
                span.to = span.to.min(since);
            }
            span.from < span.to
        });
    }

    /// The history of all routes up to `end`, without what turned out to be uncertain.
    pub(super) fn finish(mut self, end: Timestamp, contradictions: &[Contradiction], breaks: &Breaks) -> RouteOutcome {
        for peer in self.routes.ids() {
            self.forget(peer, None, end);
            // Release the memory before the spans are sorted.
            self.routes[peer] = FxHashMap::default();
        }
        let is_by_message = |span: &&RouteSpan| matches!(span.evidence, Basis::Announce | Basis::Withdraw);
        for contradiction in contradictions {
            let inside = self.spans.list.iter().filter(is_by_message).filter(|span| contradiction.contains(span.from));
            inside.for_each(|span| self.doubts.add(span.peer, span.prefix, contradiction.doubtful()));
        }
        apply_breaks(&mut self.spans.list, breaks);
        self.doubts.apply(&mut self.spans.list);
        self.spans.add_momentary();
        let mut first_as_mismatch = PerPeer::default();
        self.first_ases.values().for_each(|first| first_as_mismatch.push(first.n_mismatched * 2 > first.n_paths));
        RouteOutcome {
            spans: self.spans.list,
            dumps: self.dumps,
            first_as_mismatch,
            n_missed_announcements: self.n_missed_announcements,
            n_missed_withdrawals: self.n_missed_withdrawals,
        }
    }
}

impl FirstAses {
    /// Counts whether the first AS of a path is that of the peer. Where either number was lost (`AS_TRANS`) they cannot be
    /// compared.
    fn add(&mut self, asn: Asn, path: &AsPath) {
        let first = path.first();
        if asn != Asn::TRANS && first != Some(Asn::TRANS) {
            self.n_paths += 1;
            self.n_mismatched += u64::from(first != Some(asn));
        }
    }
}

/// A message takes effect no earlier than the previous one about the same prefix.
fn in_order(route: &Route, cause: Cause) -> Cause {
    Cause { at: route.updated_at().map_or(cause.at, |updated_at| updated_at.max(cause.at)), ..cause }
}

/// Joins spans of one route that touch and have the same state: a withdrawal and an announcement at one instant.
pub(super) fn join(spans: &mut Vec<RouteSpan>) {
    spans.sort_unstable_by_key(|span| (span.prefix, span.peer, span.from, span.to));
    spans.dedup_by(|next, span| {
        let same = (span.peer, span.prefix, span.to) == (next.peer, next.prefix, next.from) && span.state == next.state;
        if same {
            span.to = next.to;
            span.announced_at = next.announced_at;
        }
        same
    });
    spans.shrink_to_fit();
}
