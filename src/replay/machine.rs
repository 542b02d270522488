//! The state machine behind a replay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::*;
use crate::decode::{Change, RouteEvent};

/// The session of one peer, for one family.
#[derive(Clone, Copy, Debug)]
struct Session {
    state: PeerState,
    complete: bool,
    since: Timestamp,
    /// Whether a withdrawal out of nothing means that the route had been there since `since`.
    withdrawals_imply: bool,
}

/// What is known of one prefix at one peer.
#[derive(Clone, Debug)]
struct Route {
    /// Paths held, by path identifier; the last one represents the route. Empty when none is held.
    paths: Vec<(Option<u32>, Arc<AsPath>)>,
    /// Present or absent, or nothing known.
    held: Option<Held>,
    evidence: Evidence,
    since: Timestamp,
    /// Time of the last message about it; nothing known before the first one.
    heard_at: Option<Timestamp>,
    announced_at: Timestamp,
}

/// What the passing of time brings, in the order in which things of one instant happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    GapEnds,
    GapBegins,
    Rib(usize),
    RibExpires(usize),
    SyncTimeout(usize),
}

struct Machine<'a> {
    history: &'a History<'a>,
    peers: Vec<Peer>,
    tables: Vec<RibTable>,
    has_rib: bool,
    latest_rib: Option<usize>,
    sessions: Vec<[Session; 2]>,
    /// Peers that sent any message: of the others nothing shows that a session was ever up.
    speaks: Vec<bool>,
    routes: Vec<FxHashMap<Prefix, Route>>,
    due: BTreeSet<(Timestamp, Due)>,
    session_spans: Vec<PeerSpan>,
    route_spans: Vec<RouteSpan>,
    corrections: Corrections,
    /// Routes seen per peer, and those among them whose path begins with another AS.
    first_hops: Vec<(u64, u64)>,
}

pub(super) fn run(history: &History) -> Replay {
    let readings = || history.ribs.iter().chain(&history.updates);
    let peers: BTreeSet<Peer> = readings().flat_map(|reading| reading.peers.iter().map(|p| p.peer)).collect();
    let peers: Vec<Peer> = peers.into_iter().collect();
    let index_of: BTreeMap<Peer, usize> = peers.iter().enumerate().map(|(index, peer)| (*peer, index)).collect();
    let maps = |reading: &Reading| -> Vec<usize> { reading.peers.iter().map(|p| index_of[&p.peer]).collect() };

    let tables: Vec<RibTable> = history
        .ribs
        .iter()
        .filter_map(|rib| {
            let map = maps(rib);
            RibTable::new(rib, peers.len(), |peer| map[peer as usize])
        })
        .collect();
    let mut machine = Machine::new(history, peers, tables);
    for updates in &history.updates {
        let map = maps(updates);
        for event in &updates.events {
            if let Some(peer) = map.get(event.peer as usize) {
                machine.apply(*peer, event);
            }
        }
    }
    machine.finish()
}

impl<'a> Machine<'a> {
    fn new(history: &'a History<'a>, peers: Vec<Peer>, tables: Vec<RibTable>) -> Machine<'a> {
        let start = history.window.start;
        let end = history.window.end;
        let has_rib = tables.iter().any(|table| table.done_at <= end);
        let activities = || history.updates.iter().flat_map(|reading| &reading.peers);
        let speaking: BTreeSet<Peer> =
            activities().filter(|activity| activity.first_at.is_some()).map(|activity| activity.peer).collect();
        let speaks: Vec<bool> = peers.iter().map(|peer| speaking.contains(peer)).collect();
        let session = |speaks: &bool| match *speaks && !has_rib {
            true => Session { state: PeerState::Up, complete: false, since: start, withdrawals_imply: true },
            false => Session { state: PeerState::Unknown, complete: false, since: start, withdrawals_imply: false },
        };
        let mut due = BTreeSet::new();
        for gap in &history.gaps {
            due.insert((gap.start, Due::GapBegins));
            due.insert((gap.end, Due::GapEnds));
        }
        for (index, table) in tables.iter().enumerate() {
            // Messages of the second in which the last record was written may be in the dump: they come first, and
            // what they say is kept.
            let last_instant = Timestamp::from_micros((table.done_at.secs() + 1) * 1_000_000 - 1);
            due.insert((last_instant, Due::Rib(index)));
        }
        let n = peers.len();
        Machine {
            history,
            peers,
            tables,
            has_rib,
            latest_rib: None,
            sessions: speaks.iter().map(|speaks| [session(speaks); 2]).collect(),
            speaks,
            routes: vec![FxHashMap::default(); n],
            due,
            session_spans: Vec::new(),
            route_spans: Vec::new(),
            corrections: Corrections::default(),
            first_hops: vec![(0, 0); n],
        }
    }

    fn apply(&mut self, peer: usize, event: &RouteEvent) {
        if event.at >= self.history.window.end {
            return;
        }
        self.advance(event.at);
        let at = event.at;
        match &event.change {
            // hot: once per route event
            Change::Announce { prefix, path_id, path } => self.announce(peer, *prefix, *path_id, path, at),
            Change::Withdraw { prefix, path_id } => self.withdraw(peer, *prefix, *path_id, at),
            Change::SessionDown => self.session_down(peer, at),
            Change::SessionUp => self.session_up(peer, at),
            Change::EndOfRib { family } => self.end_of_rib(peer, *family, at),
            Change::RibEntry { .. } | Change::Open => {}
        }
    }

    /// Does what falls due up to `now`.
    fn advance(&mut self, now: Timestamp) {
        while let Some(&(at, due)) = self.due.first() {
            if at > now {
                break;
            }
            self.due.pop_first();
            match due {
                Due::GapBegins => self.forget_all(at),
                Due::GapEnds if !self.has_rib => self.start_over(at),
                Due::GapEnds => {}
                Due::Rib(index) => self.apply_rib(index),
                Due::RibExpires(index) if self.latest_rib == Some(index) => self.forget_all(at),
                Due::RibExpires(_) => {}
                Due::SyncTimeout(peer) => {
                    for family in Family::ALL {
                        let session = self.sessions[peer][family as usize];
                        if session.state == PeerState::Syncing && session.since + SYNC_TIMEOUT <= at {
                            // Without End-of-RIB nothing proves that the transfer is over: silence stays unknown.
                            self.set_session(peer, family, PeerState::Up, false, at);
                        }
                    }
                }
            }
        }
    }

    fn finish(mut self) -> Replay {
        let end = self.history.window.end;
        self.advance(end);
        for peer in 0..self.peers.len() {
            self.forget_routes(peer, None, end);
            for family in Family::ALL {
                self.close_session(peer, family, end);
            }
        }
        self.session_spans.sort_unstable();
        join(&mut self.route_spans);
        let foreign_first_hop = self.first_hops.iter().map(|(n, foreign)| foreign * 2 > *n).collect();
        Replay {
            collector: self.history.collector.clone(),
            peers: self.peers,
            foreign_first_hop,
            sessions: self.session_spans,
            routes: self.route_spans,
            tables: self.tables,
            has_rib: self.has_rib,
            corrections: self.corrections,
        }
    }

    // Sessions

    fn set_session(&mut self, peer: usize, family: Family, state: PeerState, complete: bool, at: Timestamp) {
        let session = self.sessions[peer][family as usize];
        if session.state == state && session.complete == complete && state != PeerState::Syncing {
            return;
        }
        let at = at.max(session.since);
        self.close_session(peer, family, at);
        self.sessions[peer][family as usize] = Session { state, complete, since: at, withdrawals_imply: false };
    }

    /// Records the state of a session up to `at`.
    fn close_session(&mut self, peer: usize, family: Family, at: Timestamp) {
        let Session { state, complete, since, .. } = self.sessions[peer][family as usize];
        if since < at {
            self.session_spans.push(PeerSpan { peer, family, from: since, to: at, state, complete });
        }
    }

    fn session_down(&mut self, peer: usize, at: Timestamp) {
        for family in Family::ALL {
            self.set_session(peer, family, PeerState::Down, false, at);
        }
        self.forget_routes(peer, None, at);
    }

    fn session_up(&mut self, peer: usize, at: Timestamp) {
        self.forget_routes(peer, None, at);
        for family in Family::ALL {
            self.set_session(peer, family, PeerState::Syncing, false, at);
        }
        self.due.insert((at + SYNC_TIMEOUT, Due::SyncTimeout(peer)));
    }

    fn end_of_rib(&mut self, peer: usize, family: Family, at: Timestamp) {
        if self.sessions[peer][family as usize].state == PeerState::Syncing {
            self.set_session(peer, family, PeerState::Up, true, at);
        }
    }

    /// A message from a closed session shows that it is open again.
    fn note_message(&mut self, peer: usize, at: Timestamp) {
        if self.sessions[peer].iter().all(|session| session.state == PeerState::Down) {
            self.session_up(peer, at);
        }
    }

    /// Nothing is known of any vantage point from `at` on.
    fn forget_all(&mut self, at: Timestamp) {
        for peer in 0..self.peers.len() {
            for family in Family::ALL {
                self.set_session(peer, family, PeerState::Unknown, false, at);
            }
            self.forget_routes(peer, None, at);
        }
    }

    /// Without RIB dumps the updates after a gap are a new beginning.
    fn start_over(&mut self, at: Timestamp) {
        for peer in 0..self.peers.len() {
            if !self.speaks[peer] {
                continue;
            }
            for family in Family::ALL {
                self.set_session(peer, family, PeerState::Up, false, at);
                self.sessions[peer][family as usize].withdrawals_imply = true;
            }
        }
    }

    // Routes

    fn announce(&mut self, peer: usize, prefix: Prefix, path_id: Option<u32>, path: &Arc<AsPath>, at: Timestamp) {
        self.note_message(peer, at);
        let Some(at) = self.in_order(peer, prefix, at) else { return };
        self.count_first_hop(peer, path);
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Route::new(at));
        route.paths.retain(|(id, _)| *id != path_id);
        route.paths.push((path_id, path.clone()));
        let held = route.present();
        route.heard_at = Some(at);
        self.set_route(peer, prefix, held, Evidence::Announce, at);
        if let Some(route) = self.routes[peer].get_mut(&prefix) {
            route.announced_at = at;
        }
    }

    fn withdraw(&mut self, peer: usize, prefix: Prefix, path_id: Option<u32>, at: Timestamp) {
        self.note_message(peer, at);
        let Some(at) = self.in_order(peer, prefix, at) else { return };
        let session = self.sessions[peer][prefix.family() as usize];
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Route::new(at));
        if session.withdrawals_imply && route.heard_at.is_none() && session.since < at {
            self.route_spans.push(RouteSpan {
                peer,
                prefix,
                from: session.since,
                to: at,
                held: Held::Present(None),
                evidence: Evidence::ImpliedByWithdraw,
                announced_at: session.since,
            });
        }
        match path_id {
            // Paths whose identifier the RIB dump did not record go with the last one that is known.
            Some(_) => {
                route.paths.retain(|(id, _)| *id != path_id);
                if route.paths.iter().all(|(id, _)| id.is_none()) {
                    route.paths.clear();
                }
            }
            None => route.paths.clear(),
        }
        route.heard_at = Some(at);
        let held = route.present().or(Some(Held::Absent));
        self.set_route(peer, prefix, held, Evidence::Withdraw, at);
    }

    /// The time at which a message takes effect; nothing when it is older than what is known.
    fn in_order(&mut self, peer: usize, prefix: Prefix, at: Timestamp) -> Option<Timestamp> {
        let heard_at = self.routes[peer].get(&prefix).and_then(|route| route.heard_at).unwrap_or(at);
        if at + CLOCK_TOLERANCE <= heard_at {
            self.corrections.late_records += 1;
            return None;
        }
        Some(at.max(heard_at))
    }

    fn count_first_hop(&mut self, peer: usize, path: &AsPath) {
        let (n, foreign) = &mut self.first_hops[peer];
        *n += 1;
        *foreign += u64::from(path.first() != Some(self.peers[peer].asn));
    }

    /// Ends the open span of a route and begins the next one; a repeat changes nothing.
    fn set_route(&mut self, peer: usize, prefix: Prefix, held: Option<Held>, evidence: Evidence, at: Timestamp) {
        let Some(route) = self.routes[peer].get_mut(&prefix) else { return };
        if route.held == held {
            return;
        }
        route.close(peer, prefix, at, &mut self.route_spans);
        route.held = held;
        route.evidence = evidence;
        route.since = at;
        route.announced_at = at;
    }

    fn forget_routes(&mut self, peer: usize, family: Option<Family>, at: Timestamp) {
        let spans = &mut self.route_spans;
        self.routes[peer].retain(|prefix, route| {
            let gone = family.is_none_or(|family| prefix.family() == family);
            if gone {
                route.close(peer, *prefix, at, spans);
            }
            !gone
        });
    }

    // RIB dumps

    /// Takes a RIB dump for what it is: the truth about every route that no later message has changed.
    fn apply_rib(&mut self, index: usize) {
        let tables = std::mem::take(&mut self.tables);
        let table = &tables[index];
        let in_gap = self.history.gaps.iter().any(|gap| table.overlaps(gap));
        for family in Family::ALL {
            for peer in 0..self.peers.len() {
                if table.sizes[peer][family as usize] > 0 {
                    self.apply_table(peer, family, table);
                } else {
                    self.absent_from_rib(peer, family, table);
                }
            }
        }
        if in_gap {
            // Nothing follows: the dump speaks for one instant.
            self.due.insert((table.done_at + RIB_INSTANT, Due::RibExpires(index)));
        }
        self.latest_rib = Some(index);
        self.tables = tables;
    }

    fn apply_table(&mut self, peer: usize, family: Family, table: &RibTable) {
        let session = self.sessions[peer][family as usize];
        let closed_meanwhile = session.state == PeerState::Down && session.since >= table.begun_at;
        // A dump in the middle of a table transfer lists what has arrived: it cannot tell absent from not yet sent.
        if closed_meanwhile || session.state == PeerState::Syncing {
            return;
        }
        let known_since = (session.state == PeerState::Up && session.complete).then_some(session.since);
        self.set_session(peer, family, PeerState::Up, true, table.done_at);

        let mut listed = FxHashSet::default();
        for (prefix, holders) in table.holders.iter().filter(|(prefix, _)| prefix.family() == family) {
            let Ok(found) = holders.binary_search_by_key(&peer, |holder| holder.peer) else { continue };
            listed.insert(*prefix);
            self.reconcile_listed(peer, *prefix, &holders[found], table, known_since);
        }
        let unlisted: Vec<Prefix> = self.routes[peer]
            .keys()
            .filter(|prefix| prefix.family() == family && !listed.contains(*prefix))
            .copied()
            .collect();
        for prefix in unlisted {
            self.reconcile_unlisted(peer, prefix, table, known_since);
        }
    }

    /// The dump lists the route: it is present unless a later message withdrew it.
    fn reconcile_listed(
        &mut self,
        peer: usize,
        prefix: Prefix,
        holder: &Holder,
        table: &RibTable,
        known_since: Option<Timestamp>,
    ) {
        for (_, path) in &holder.paths {
            self.count_first_hop(peer, path);
        }
        let at = holder.at;
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Route::new(known_since.unwrap_or(at)));
        if route.heard_at.is_some_and(|heard_at| heard_at >= at || heard_at > table.begun_at - RIB_BACKLOG) {
            return;
        }
        if known_since.is_some() && !matches!(route.held, Some(Held::Present(_))) {
            self.corrections.missed_announcements += 1;
            let last_evidence = route.heard_at.unwrap_or(route.since);
            route.unknown_since(peer, prefix, last_evidence, &mut self.route_spans);
        }
        route.paths.clone_from(&holder.paths);
        let held = route.present();
        self.set_route(peer, prefix, held, Evidence::Rib, at);
    }

    /// The dump does not list the route: it is absent unless a later message announced it.
    fn reconcile_unlisted(&mut self, peer: usize, prefix: Prefix, table: &RibTable, known_since: Option<Timestamp>) {
        let Some(route) = self.routes[peer].get_mut(&prefix) else { return };
        if route.heard_at.is_some_and(|heard_at| heard_at > table.begun_at - RIB_BACKLOG) {
            return;
        }
        if matches!(route.held, Some(Held::Present(_))) {
            self.corrections.missed_withdrawals += u64::from(known_since.is_some());
            let last_evidence = route.announced_at;
            route.unknown_since(peer, prefix, last_evidence, &mut self.route_spans);
            route.paths.clear();
            self.set_route(peer, prefix, Some(Held::Absent), Evidence::NotInRib, table.done_at);
        }
    }

    /// A session that was up and has no route in a RIB dump: lost when it fell silent, or contradicted.
    fn absent_from_rib(&mut self, peer: usize, family: Family, table: &RibTable) {
        let session = self.sessions[peer][family as usize];
        if session.state != PeerState::Up || session.since >= table.begun_at {
            return;
        }
        let last = self.last_message(peer, table.begun_at).unwrap_or(session.since);
        let lost_at = if last + MAX_SILENCE <= table.begun_at { last } else { table.begun_at };
        let at = lost_at.max(session.since);
        self.forget_routes(peer, Some(family), at);
        self.set_session(peer, family, PeerState::Unknown, false, at);
    }

    /// The last time before `at` at which the peer is known to have sent anything.
    fn last_message(&self, peer: usize, at: Timestamp) -> Option<Timestamp> {
        let activities = self.history.updates.iter().flat_map(|reading| &reading.peers);
        let times = activities.filter(|activity| activity.peer == self.peers[peer]).filter_map(|activity| {
            [activity.last_at, activity.first_at].into_iter().flatten().find(|time| *time <= at)
        });
        times.max()
    }
}

impl Route {
    fn new(at: Timestamp) -> Route {
        Route { paths: Vec::new(), held: None, evidence: Evidence::Rib, since: at, heard_at: None, announced_at: at }
    }

    /// What is held while any path is: the latest path stands for the route.
    fn present(&self) -> Option<Held> {
        self.paths.last().map(|(_, path)| Held::Present(Some(path.clone())))
    }

    /// Records what was known up to `at`.
    fn close(&self, peer: usize, prefix: Prefix, at: Timestamp, spans: &mut Vec<RouteSpan>) {
        let Some(held) = &self.held else { return };
        if self.since < at {
            spans.push(RouteSpan {
                peer,
                prefix,
                from: self.since,
                to: at,
                held: held.clone(),
                evidence: self.evidence,
                announced_at: self.announced_at,
            });
        }
    }

    /// What seemed known is known only up to `at`.
    fn unknown_since(&mut self, peer: usize, prefix: Prefix, at: Timestamp, spans: &mut Vec<RouteSpan>) {
        self.close(peer, prefix, at, spans);
        self.held = Some(Held::Unknown);
        self.since = at;
    }
}

/// Joins spans of one route that touch and say the same: a withdrawal and an announcement in one instant.
fn join(spans: &mut Vec<RouteSpan>) {
    spans.sort_by_key(|span| (span.prefix, span.peer, span.from));
    spans.dedup_by(|next, span| {
        let same = (span.peer, span.prefix, span.to) == (next.peer, next.prefix, next.from) && span.held == next.held;
        if same {
            span.to = next.to;
            span.announced_at = next.announced_at;
        }
        same
    });
}
