//! Routes of one vantage point: announced, withdrawn, forgotten.

use std::collections::hash_map::Entry;

use super::replayer::{Cause, Replayer};
use super::*;

/// What is known of one prefix at one peer.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Paths held, by path identifier; the last one represents the route. Empty when none is held.
    pub paths: Vec<(Option<u32>, AsPath)>,
    /// Identifiers of paths that were withdrawn while it was not known which ones there are.
    pub withdrawn_ids: Vec<u32>,
    /// Whether paths may have come or gone of which nothing was read.
    pub is_blurred: bool,
    /// Present or absent, or nothing known.
    pub held: Option<Held>,
    evidence: Evidence,
    pub since: Timestamp,
    /// The record since when it is so.
    record: Option<RecordRef>,
    /// Time of the last message about it; nothing known before the first one.
    pub heard_at: Option<Timestamp>,
    pub announced_at: Timestamp,
    /// When a message or a RIB dump last showed that it is so.
    pub evident_at: Timestamp,
}

impl Replayer {
    pub(super) fn announce(&mut self, peer: usize, prefix: Prefix, path_id: Option<u32>, path: &AsPath, cause: Cause) {
        self.note_message(peer, cause);
        let Some(cause) = self.in_order(peer, prefix, cause, true) else { return };
        let at = cause.at;
        self.count_first_hop(peer, path);
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Route::new(at));
        route.paths.retain(|(id, _)| *id != path_id);
        route.paths.push((path_id, path.clone()));
        route.withdrawn_ids.retain(|id| Some(*id) != path_id);
        let held = route.present();
        route.heard_at = Some(at);
        route.evident_at = at;
        self.set_route(peer, prefix, held, Evidence::Announce, cause);
        if let Some(route) = self.routes[peer].get_mut(&prefix) {
            route.announced_at = at;
        }
    }

    pub(super) fn withdraw(&mut self, peer: usize, prefix: Prefix, path_id: Option<u32>, cause: Cause) {
        self.note_message(peer, cause);
        let Some(cause) = self.in_order(peer, prefix, cause, false) else { return };
        let at = cause.at;
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
                record: cause.record,
            });
        }
        let mut doubt = None;
        match path_id {
            Some(id) => {
                route.paths.retain(|(id, _)| *id != path_id);
                let is_nameless = !route.paths.is_empty() && route.paths.iter().all(|(id, _)| id.is_none());
                if (is_nameless || !session.complete) && !route.withdrawn_ids.contains(&id) {
                    route.withdrawn_ids.push(id);
                }
                // Of paths whose identifiers the RIB dump did not record, nothing tells which of them are gone.
                if is_nameless && route.withdrawn_ids.len() < route.paths.len() {
                    doubt = Some(Held::Unknown);
                } else if is_nameless {
                    route.paths.clear();
                }
            }
            None => {
                route.paths.clear();
                route.is_blurred = false;
            }
        }
        if route.is_blurred && route.paths.is_empty() {
            doubt = Some(Held::Unknown);
        }
        route.heard_at = Some(at);
        route.evident_at = at;
        // Where the whole table is not known, other paths may have been there all along.
        let has_others = path_id.is_some() && !session.complete;
        let held = doubt.or(route.present()).or((!has_others).then_some(Held::Absent));
        self.set_route(peer, prefix, held, Evidence::Withdraw, cause);
    }

    /// When a message takes effect; nothing when a RIB dump may be later.
    fn in_order(&mut self, peer: usize, prefix: Prefix, cause: Cause, is_announced: bool) -> Option<Cause> {
        let heard_at = self.routes[peer].get(&prefix).and_then(|route| route.heard_at).unwrap_or(cause.at);
        if let Some(dumped_at) = self.sessions[peer][prefix.family() as usize].dumped_after(cause.claimed_at) {
            self.doubt(peer, prefix, dumped_at, is_announced);
            return None;
        }
        Some(Cause { at: cause.at.max(heard_at), ..cause })
    }

    /// The peer said something about a prefix that cannot be read: what it holds is unknown until it says more.
    pub(super) fn blur(&mut self, peer: usize, prefix: Prefix, cause: Cause) {
        self.note_message(peer, cause);
        let route = self.routes[peer].entry(prefix).or_insert_with(|| Route::new(cause.at));
        route.blur(peer, prefix, cause.at, &mut self.route_spans);
        route.heard_at = Some(cause.at);
    }

    /// A message bears a time before a RIB dump that came before it: it may be late, or its time wrong. Where they contradict
    /// each other nothing is known of the prefix since the dump.
    fn doubt(&mut self, peer: usize, prefix: Prefix, dumped_at: Timestamp, is_announced: bool) {
        match self.routes[peer].entry(prefix) {
            Entry::Occupied(mut entry) => {
                let agrees = match entry.get().held {
                    Some(Held::Present(_)) => is_announced,
                    // What a whole table does not hold is absent.
                    Some(Held::Absent) | None => !is_announced,
                    Some(Held::Unknown) => true,
                };
                if !agrees {
                    let since = dumped_at.max(entry.get().since);
                    entry.get_mut().unknown_since(peer, prefix, since, &mut self.route_spans);
                    entry.get_mut().evident_at = since;
                }
            }
            Entry::Vacant(entry) if is_announced => {
                entry.insert(Route { held: Some(Held::Unknown), ..Route::new(dumped_at) });
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Counts whether the first AS of a path is the peer's own. Where either number was lost (`AS_TRANS`) they cannot be
    /// compared.
    pub(super) fn count_first_hop(&mut self, peer: usize, path: &AsPath) {
        let (asn, first) = (self.peers[peer].asn, path.first());
        if asn != Asn::TRANS && first != Some(Asn::TRANS) {
            let (n, foreign) = &mut self.first_hops[peer];
            *n += 1;
            *foreign += u64::from(first != Some(asn));
        }
    }

    /// Ends the open span of a route and begins the next one; a repeat changes nothing.
    pub(super) fn set_route(
        &mut self,
        peer: usize,
        prefix: Prefix,
        held: Option<Held>,
        evidence: Evidence,
        Cause { at, record, .. }: Cause,
    ) {
        let Some(route) = self.routes[peer].get_mut(&prefix) else { return };
        if route.held == held {
            return;
        }
        route.close(peer, prefix, at, &mut self.route_spans);
        route.held = held;
        route.evidence = evidence;
        route.since = at;
        route.record = record;
        route.announced_at = at;
    }

    pub(super) fn forget_routes(&mut self, peer: usize, family: Option<Family>, at: Timestamp) {
        let spans = &mut self.route_spans;
        self.routes[peer].retain(|prefix, route| {
            let gone = family.is_none_or(|family| prefix.family() == family);
            if gone {
                route.close(peer, *prefix, at, spans);
            }
            !gone
        });
    }
}

impl Route {
    pub fn new(at: Timestamp) -> Route {
        Route {
            paths: Vec::new(),
            withdrawn_ids: Vec::new(),
            is_blurred: false,
            held: None,
            evidence: Evidence::Rib,
            since: at,
            record: None,
            heard_at: None,
            announced_at: at,
            evident_at: at,
        }
    }

    /// What is held while any path is: the latest path stands for the route.
    pub fn present(&self) -> Option<Held> {
        self.paths.last().map(|(_, path)| Held::Present(Some(path.clone())))
    }

    /// What a RIB dump shows of a prefix of which only withdrawn paths were known until then.
    pub fn take_rest(&mut self, listed: &[(Option<u32>, AsPath)]) -> Held {
        let is_left = |(id, _): &&(Option<u32>, AsPath)| id.is_none_or(|id| !self.withdrawn_ids.contains(&id));
        self.paths = listed.iter().filter(is_left).cloned().collect();
        // Without identifiers nothing tells which of them are gone.
        let n_nameless = self.paths.iter().filter(|(id, _)| id.is_none()).count();
        if n_nameless > 0 && self.paths.len() <= self.withdrawn_ids.len() {
            return Held::Unknown;
        }
        self.present().unwrap_or(Held::Absent)
    }

    /// Records what was known up to `at`.
    pub fn close(&self, peer: usize, prefix: Prefix, at: Timestamp, spans: &mut Vec<RouteSpan>) {
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
                record: self.record,
            });
        }
    }

    /// A message that was not read may have changed it: which of several paths are left is not known either.
    pub fn blur(&mut self, peer: usize, prefix: Prefix, at: Timestamp, spans: &mut Vec<RouteSpan>) {
        self.unknown_since(peer, prefix, at, spans);
        self.evident_at = at;
        self.is_blurred = true;
        self.paths.clear();
        self.withdrawn_ids.clear();
    }

    /// What seemed known is known only up to `at`.
    pub fn unknown_since(&mut self, peer: usize, prefix: Prefix, at: Timestamp, spans: &mut Vec<RouteSpan>) {
        self.close(peer, prefix, at, spans);
        self.held = Some(Held::Unknown);
        self.since = at;
        self.record = None;
    }
}

/// Joins spans of one route that touch and say the same: a withdrawal and an announcement in one instant.
pub(super) fn join(spans: &mut Vec<RouteSpan>) {
    spans.sort_unstable_by_key(|span| (span.prefix, span.peer, span.from));
    spans.dedup_by(|next, span| {
        let same = (span.peer, span.prefix, span.to) == (next.peer, next.prefix, next.from) && span.held == next.held;
        if same {
            span.to = next.to;
            span.announced_at = next.announced_at;
        }
        same
    });
    spans.shrink_to_fit();
}
