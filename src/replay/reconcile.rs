//! RIB dumps against what the updates had shown.

use rustc_hash::FxHashSet;

use super::control::NEARLY_WHOLE;
use super::replayer::{Cause, Due, Replayer};
use super::routes::Route;
use super::*;

impl Replayer {
    /// Takes a RIB dump for what it is: the truth about every route that no later message has changed.
    pub(super) fn apply_rib(&mut self, index: usize) {
        let tables = std::mem::take(&mut self.tables);
        let table = &tables[index];
        let in_gap = self.gaps.iter().any(|gap| table.overlaps(gap));
        for family in Family::ALL {
            for peer in 0..self.peers.len() {
                if table.size(peer, family) > 0 {
                    self.apply_table(peer, family, index, &tables);
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
        self.check_falls(table.done_at);
        self.tables = tables;
    }

    fn apply_table(&mut self, peer: usize, family: Family, index: usize, tables: &[RibTable]) {
        let table = &tables[index];
        let session = self.sessions[peer][family as usize];
        // The daemon clears the routes of a session that was closed just before in the background.
        let closed_meanwhile = session.state == PeerState::Down && session.since > table.begun_at - RIB_BACKLOG;
        // Of a session that was opened just before or meanwhile it may list routes of the one before.
        let opened_meanwhile = session.opened_at > table.begun_at - RIB_BACKLOG;
        // A dump in the middle of a table transfer lists what has arrived: it cannot tell absent from not yet sent.
        // What was lost of a message just before it may not be in it yet.
        let lost_meanwhile = session.lost_message_at.is_some_and(|at| at > table.begun_at - RIB_BACKLOG);
        if closed_meanwhile
            || opened_meanwhile
            || lost_meanwhile
            || session.state == PeerState::Syncing && !session.lost_table
        {
            return;
        }
        // Between a dump for the baseline alone and the first updates anything may have changed.
        let has_followed = session.confirmed_at >= self.window.start;
        let is_known = session.state == PeerState::Up && session.complete && has_followed;
        let mut known_since = is_known.then_some(session.confirmed_at);
        let audit = self.audit(peer, family, index, table, is_known);
        if audit.is_out_of_step {
            self.disbelieve(peer, family, session.confirmed_at, table);
            known_since = None;
        }
        // Where nobody records that a session was opened, the dump may show the middle of a transfer.
        let is_part = audit.lacks_much || !self.has_states && has_shrunk(peer, family, &tables[..=index]);
        self.set_session(peer, family, PeerState::Up, !is_part, Cause::time(table.done_at));
        let session = &mut self.sessions[peer][family as usize];
        (session.confirmed_at, session.dumped_at) = (table.done_at, Some(table.done_at));
        session.lost_announcements = is_part;

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
            self.reconcile_unlisted(peer, prefix, table, known_since, is_part);
        }
    }

    /// The vantage point is out of step with the dump: some of what it said since the dump before is missing, and nobody
    /// knows what. Only what it said just now outweighs the dump.
    fn disbelieve(&mut self, peer: usize, family: Family, since: Timestamp, table: &RibTable) {
        self.set_session(peer, family, PeerState::Unknown, false, Cause::time(since));
        let spans = &mut self.route_spans;
        self.routes[peer].retain(|prefix, route| {
            if prefix.family() != family {
                return true;
            }
            route.close(peer, *prefix, since, spans);
            route.since = table.done_at;
            route.heard_at.is_some_and(|heard_at| heard_at > table.begun_at - RIB_BACKLOG)
        });
        spans.retain_mut(|span| {
            if (span.peer, span.prefix.family()) == (peer, family) {
                span.to = span.to.min(since);
            }
            span.from < span.to
        });
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
            if route.held.is_none() {
                let held = route.take_rest(&holder.paths);
                let record = Some(holder.record);
                self.set_route(peer, prefix, Some(held), Evidence::Rib, Cause { at, claimed_at: at, record });
            }
            return;
        }
        if known_since.is_some() && !matches!(route.held, Some(Held::Present(_) | Held::Unknown)) {
            self.corrections.missed_announcements += 1;
            route.unknown_since(peer, prefix, route.evident_at, &mut self.route_spans);
        }
        route.evident_at = at;
        route.is_blurred = false;
        route.paths.clone_from(&holder.paths);
        route.withdrawn_ids.clear();
        let held = route.present();
        self.set_route(peer, prefix, held, Evidence::Rib, Cause { at, claimed_at: at, record: Some(holder.record) });
    }

    /// The dump does not list the route: it is absent unless a later message announced it. Of a table that may be a part
    /// nothing follows but that what was known is in doubt.
    fn reconcile_unlisted(
        &mut self,
        peer: usize,
        prefix: Prefix,
        table: &RibTable,
        known_since: Option<Timestamp>,
        is_part: bool,
    ) {
        let Some(route) = self.routes[peer].get_mut(&prefix) else { return };
        if route.heard_at.is_some_and(|heard_at| heard_at > table.begun_at - RIB_BACKLOG) {
            return;
        }
        match route.held {
            Some(Held::Present(_)) => {
                self.corrections.missed_withdrawals += u64::from(known_since.is_some() && !is_part);
                route.unknown_since(peer, prefix, route.evident_at, &mut self.route_spans);
            }
            Some(Held::Absent) => {
                route.evident_at = table.begun_at;
                return;
            }
            Some(Held::Unknown) => {}
            None => return,
        }
        route.evident_at = table.done_at;
        route.is_blurred &= is_part;
        route.paths.clear();
        if !is_part {
            self.set_route(peer, prefix, Some(Held::Absent), Evidence::NotInRib, Cause::time(table.done_at));
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
        self.forget_sample(peer, Some(family));
        self.forget_routes(peer, Some(family), at);
        self.set_session(peer, family, PeerState::Unknown, false, Cause::time(at));
    }
}

/// Whether the last of these tables of a peer is much smaller than the latest one before it.
fn has_shrunk(peer: usize, family: Family, tables: &[RibTable]) -> bool {
    let mut sizes = tables.iter().rev().map(|table| table.size(peer, family) as f64);
    let Some(size) = sizes.next() else { return false };
    sizes.find(|before| *before > 0.0).is_some_and(|before| size < NEARLY_WHOLE * before)
}
