//! What is known of one prefix at one peer.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::effects::TableDump;
use super::held_paths::{HeldPaths, IdentifiedPath};
use super::index::PeerId;
use super::spans::{Basis, Cause, RecordRef, RouteSpan, RouteState};
use super::table::Holder;
use crate::bgp::{AsPath, Prefix};
use crate::time::Timestamp;

/// What is known of one prefix at one peer.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Paths held, by path identifier; the last one represents the route. Empty when none is held.
    paths: HeldPaths,
    /// Identifiers of paths that were withdrawn while not all paths were known.
    withdrawn_ids: BTreeSet<u32>,
    /// Whether a message that could not be read may have added or removed paths.
    is_blurred: bool,
    /// None before anything is known.
    state: Option<RouteState>,
    evidence: Basis,
    since: Timestamp,
    /// The record that began the state.
    record: Option<RecordRef>,
    /// Time of the last message about the prefix; None before the first one.
    updated_at: Option<Timestamp>,
    announced_at: Timestamp,
    /// When a message or a RIB dump last confirmed the state.
    evident_at: Timestamp,
}

/// Where the history of one route is recorded.
pub(super) struct History<'a> {
    pub peer: PeerId,
    pub prefix: Prefix,
    pub spans: &'a mut Spans,
}

/// What peers held, and for how long.
#[derive(Debug, Default)]
pub(super) struct Spans {
    pub list: Vec<RouteSpan>,
    /// The first route to each prefix that was replaced at the instant of its announcement. It lasted for no time, but shows
    /// that the prefix was announced.
    momentary: FxHashMap<Prefix, RouteSpan>,
}

impl Spans {
    /// Moves momentary routes into the list, where nothing else shows that the prefix had a route, or may have had one.
    pub(super) fn add_momentary(&mut self) {
        let momentary = std::mem::take(&mut self.momentary);
        if momentary.is_empty() {
            return;
        }
        let held = self.list.iter().filter(|span| span.state != RouteState::Absent);
        let held: FxHashSet<Prefix> = held.map(|span| span.prefix).collect();
        self.list.extend(momentary.into_values().filter(|span| !held.contains(&span.prefix)));
    }
}

impl Route {
    pub(super) fn new(at: Timestamp) -> Route {
        Route {
            paths: HeldPaths::default(),
            withdrawn_ids: BTreeSet::new(),
            is_blurred: false,
            state: None,
            evidence: Basis::Rib,
            since: at,
            record: None,
            updated_at: None,
            announced_at: at,
            evident_at: at,
        }
    }

    /// A route of which nothing is known since `at`.
    pub(super) fn unknown(at: Timestamp) -> Route {
        Route { state: Some(RouteState::Unknown), ..Route::new(at) }
    }

    pub(super) fn state(&self) -> Option<&RouteState> {
        self.state.as_ref()
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    pub(super) fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }

    /// Applies an announcement. Hot: once per announced prefix.
    pub(super) fn announce(&mut self, path_id: Option<u32>, path: &AsPath, cause: Cause, history: &mut History) {
        self.paths.announce(path_id, path.clone());
        if let Some(id) = path_id {
            self.withdrawn_ids.remove(&id);
        }
        self.updated_at = Some(cause.at);
        self.evident_at = cause.at;
        self.set(self.present(), Basis::Announce, cause, history);
        self.announced_at = cause.at;
    }

    /// Applies a withdrawal. `is_complete` is whether the whole table of the session is known. Hot: once per withdrawn
    /// prefix.
    pub(super) fn withdraw(&mut self, path_id: Option<u32>, is_complete: bool, cause: Cause, history: &mut History) {
        let mut is_unknown = false;
        match path_id {
            Some(id) => {
                self.paths.remove(path_id);
                let has_no_ids = self.paths.all_lack_ids();
                if has_no_ids || !is_complete {
                    self.withdrawn_ids.insert(id);
                }
                // Without identifiers in the RIB dump it is unknown which of its paths are left.
                if has_no_ids && self.withdrawn_ids.len() < self.paths.len() {
                    is_unknown = true;
                } else if has_no_ids {
                    self.paths.clear();
                }
            }
            None => {
                self.paths.clear();
                self.is_blurred = false;
            }
        }
        is_unknown |= self.is_blurred && self.paths.is_empty();
        self.updated_at = Some(cause.at);
        self.evident_at = cause.at;
        // Where the table is not known as a whole, the peer may have held other paths all along.
        let may_have_others = path_id.is_some() && !is_complete;
        let state = match is_unknown {
            true => Some(RouteState::Unknown),
            false => self.present().or((!may_have_others).then_some(RouteState::Absent)),
        };
        self.set(state, Basis::Withdraw, cause, history);
    }

    /// The state while any path is held: the latest path represents the route.
    fn present(&self) -> Option<RouteState> {
        self.paths.latest().map(|path| RouteState::Present(Some(path.clone())))
    }

    /// Ends the open span and begins the next one. A repeated state changes nothing.
    fn set(&mut self, state: Option<RouteState>, evidence: Basis, cause: Cause, history: &mut History) {
        if self.state == state {
            return;
        }
        self.close(cause.at, history);
        self.state = state;
        self.evidence = evidence;
        self.since = cause.at;
        self.record = cause.record;
        self.announced_at = cause.at;
    }

    /// Records what was known up to `at`.
    pub(super) fn close(&self, at: Timestamp, history: &mut History) {
        let Some(state) = &self.state else { return };
        let is_momentary =
            self.since == at && self.evidence == Basis::Announce && matches!(state, RouteState::Present(_));
        if self.since >= at && !is_momentary {
            return;
        }
        let span = || RouteSpan {
            peer: history.peer,
            prefix: history.prefix,
            from: self.since,
            to: at,
            state: state.clone(),
            evidence: self.evidence,
            announced_at: self.announced_at,
            record: self.record,
        };
        if is_momentary {
            history.spans.momentary.entry(history.prefix).or_insert_with(span);
        } else {
            history.spans.list.push(span());
        }
    }

    /// The state is known only up to `at`.
    fn unknown_since(&mut self, at: Timestamp, history: &mut History) {
        self.close(at, history);
        self.state = Some(RouteState::Unknown);
        self.since = at;
        self.record = None;
    }

    /// A message that contradicts a RIB dump makes the state unknown since the RIB dump.
    pub(super) fn contradict(&mut self, since: Timestamp, history: &mut History) {
        self.unknown_since(since, history);
        self.evident_at = since;
    }

    /// A message that could not be read may have changed the route. Which of several paths are left is unknown too.
    pub(super) fn blur(&mut self, at: Timestamp, history: &mut History) {
        self.contradict(at, history);
        self.is_blurred = true;
        self.paths.clear();
        self.withdrawn_ids.clear();
    }

    /// A message about the prefix itself could not be read.
    pub(super) fn blur_by_update(&mut self, at: Timestamp, history: &mut History) {
        self.blur(at, history);
        self.updated_at = Some(at);
    }

    /// Discards the history since `since`, because it is not consistent with a RIB dump. Returns whether the route was updated
    /// so late that its state outweighs the RIB dump.
    pub(super) fn discard_since(&mut self, since: Timestamp, table: &TableDump, history: &mut History) -> bool {
        self.close(since, history);
        self.since = table.done_at;
        self.is_newer_than(table)
    }

    /// Whether an update of the route may not be in the RIB dump yet.
    fn is_newer_than(&self, table: &TableDump) -> bool {
        self.updated_at.is_some_and(|updated_at| updated_at > table.newest)
    }

    /// Applies a RIB dump that lists the route: it is present unless a later message withdrew it. Returns whether an
    /// announcement was missed.
    pub(super) fn reconcile_listed(&mut self, holder: &Holder, table: &TableDump, history: &mut History) -> bool {
        let at = holder.at;
        let cause = Cause { at, claimed_at: at, record: Some(holder.record) };
        if self.updated_at.is_some_and(|updated_at| updated_at >= at) || self.is_newer_than(table) {
            if self.state.is_none() {
                let rest = self.take_rest(&holder.paths);
                self.set(Some(rest), Basis::Rib, cause, history);
            }
            return false;
        }
        let is_expected = matches!(self.state, Some(RouteState::Present(_) | RouteState::Unknown));
        let is_missed = table.known_since.is_some() && !is_expected;
        if is_missed {
            self.unknown_since(self.evident_at, history);
        }
        self.evident_at = at;
        self.is_blurred = false;
        self.paths = holder.paths.iter().cloned().collect();
        self.withdrawn_ids.clear();
        self.set(self.present(), Basis::Rib, cause, history);
        is_missed
    }

    /// Takes the listed paths that were not withdrawn, where nothing but withdrawals was known until now.
    fn take_rest(&mut self, listed: &[IdentifiedPath]) -> RouteState {
        let is_left = |(id, _): &&IdentifiedPath| id.is_none_or(|id| !self.withdrawn_ids.contains(&id));
        self.paths = listed.iter().filter(is_left).cloned().collect();
        // Without identifiers in the RIB dump it is unknown which of its paths are left.
        if self.paths.any_lacks_id() && self.paths.len() <= self.withdrawn_ids.len() {
            return RouteState::Unknown;
        }
        self.present().unwrap_or(RouteState::Absent)
    }

    /// Applies a RIB dump that does not list the route: it is absent unless a later message announced it, or unknown if the
    /// RIB dump may show only a part of the table. Returns whether a withdrawal was missed.
    pub(super) fn reconcile_unlisted(&mut self, table: &TableDump, history: &mut History) -> bool {
        if self.is_newer_than(table) {
            return false;
        }
        let mut is_missed = false;
        match self.state {
            Some(RouteState::Present(_)) => {
                is_missed = table.known_since.is_some() && !table.is_part;
                self.unknown_since(self.evident_at, history);
            }
            Some(RouteState::Absent) => {
                self.evident_at = table.begun_at;
                return false;
            }
            Some(RouteState::Unknown) => {}
            None => return false,
        }
        self.evident_at = table.done_at;
        self.is_blurred &= table.is_part;
        self.paths.clear();
        if !table.is_part {
            self.set(Some(RouteState::Absent), Basis::NotInRib, Cause::time(table.done_at), history);
        }
        is_missed
    }
}
