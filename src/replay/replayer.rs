//! The replay of one collector, fed file by file.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::control::{Sample, Sampled};
use super::routes::{Route, join};
use super::sessions::Session;
use super::table::RibTable;
use super::*;
use crate::decode::{Change, Reading, RouteEvent};

/// What the passing of time brings, in the order in which things of one instant happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    GapEnds,
    GapBegins,
    Rib(usize),
    RibExpires(usize),
    SyncMark(usize),
    SyncTimeout(usize),
}

/// Why something changes: when, and by which record, where one brought it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cause {
    pub at: Timestamp,
    pub record: Option<RecordRef>,
}

impl Cause {
    /// Nothing but the passing of time.
    pub fn time(at: Timestamp) -> Cause {
        Cause { at, record: None }
    }
}

/// A replay in the making. It takes the files of one collector in order and keeps none of them:
///
/// 1. [`Replayer::rib`]: every accepted RIB dump, also those after the window. They are small once read, and whether
///    there is one decides what updates alone may say.
/// 2. [`Replayer::updates`]: the update files in the order of their names, which is the order on the wire.
/// 3. [`Replayer::gap`]: a stretch without data, at any time before the file in which it ends or that follows it.
#[derive(Debug)]
pub struct Replayer {
    pub(super) collector: Collector,
    /// From the beginning of the updates to the end of the window asked about.
    pub(super) window: Window,
    /// In order of appearance.
    pub(super) peers: Vec<Peer>,
    pub(super) index_of: FxHashMap<Peer, usize>,
    pub(super) tables: Vec<RibTable>,
    pub(super) has_rib: bool,
    /// Whether the collector records state changes, as far as was read.
    pub(super) has_states: bool,
    pub(super) latest_rib: Option<usize>,
    pub(super) gaps: Vec<Window>,
    /// Since when there are updates without a gap; nothing within one.
    pub(super) contiguous_since: Option<Timestamp>,
    pub(super) sessions: Vec<[Session; 2]>,
    /// Peers that sent any message: of the others nothing shows that a session was ever up.
    pub(super) speaks: Vec<bool>,
    /// First and last message in the latest two files with any, the latest first.
    pub(super) heard: Vec<[Option<(Timestamp, Timestamp)>; 2]>,
    pub(super) routes: Vec<FxHashMap<Prefix, Route>>,
    pub(super) samples: Vec<Sample>,
    pub(super) sampled: Sampled,
    pub(super) due: BTreeSet<(Timestamp, Due)>,
    pub(super) session_spans: Vec<PeerSpan>,
    pub(super) route_spans: Vec<RouteSpan>,
    pub(super) corrections: Corrections,
    /// Routes seen per peer, and those among them whose path begins with another AS.
    pub(super) first_hops: Vec<(u64, u64)>,
    /// Which peers are of the collector's own AS.
    is_internal: Vec<bool>,
}

impl Replayer {
    /// Before any file. `window` reaches from the beginning of the updates to the end of the window asked about; `samples`
    /// are those of the RIB dumps.
    pub fn new(collector: Collector, window: Window, samples: SampledTables) -> Replayer {
        Replayer {
            collector,
            window,
            peers: Vec::new(),
            index_of: FxHashMap::default(),
            tables: Vec::new(),
            has_rib: false,
            has_states: false,
            latest_rib: None,
            gaps: Vec::new(),
            contiguous_since: Some(window.start),
            sessions: Vec::new(),
            speaks: Vec::new(),
            heard: Vec::new(),
            routes: Vec::new(),
            samples: Vec::new(),
            sampled: Sampled::new(samples),
            due: BTreeSet::new(),
            session_spans: Vec::new(),
            route_spans: Vec::new(),
            corrections: Corrections::default(),
            first_hops: Vec::new(),
            is_internal: Vec::new(),
        }
    }

    /// Takes an accepted RIB dump, to be applied when its time comes. `file` is how records of it are referred to, `name` that
    /// of its sample.
    pub fn rib(&mut self, file: u32, name: &str, reading: &Reading) {
        let peers = self.intern(reading.peers.iter().map(|activity| activity.peer));
        for (activity, peer) in reading.peers.iter().zip(&peers) {
            self.is_internal[*peer] |= activity.is_internal;
        }
        if let Some(table) = RibTable::new(file, reading, &peers) {
            self.take_table(name, table);
        }
    }

    /// Takes the RIB dumps of a replay that began with the same ones; `name` tells their names.
    pub fn ribs_of<'a>(&mut self, replay: Replay, name: impl Fn(u32) -> &'a str) {
        for (peer, is_internal) in self.intern(replay.peers.into_iter()).into_iter().zip(replay.is_internal) {
            self.is_internal[peer] |= is_internal;
        }
        replay.tables.into_iter().for_each(|table| self.take_table(name(table.file), table));
    }

    fn take_table(&mut self, name: &str, table: RibTable) {
        self.has_rib |= table.done_at <= self.window.end;
        // Messages of the second in which the last record was written may be in the dump: they come first, and what
        // they say is kept.
        let last_instant = Timestamp::from_micros((table.done_at.secs() + 1) * 1_000_000 - 1);
        self.due.insert((last_instant, Due::Rib(self.tables.len())));
        self.tables.push(table);
        self.sample_table(name);
    }

    /// Takes a stretch without data.
    pub fn gap(&mut self, gap: Window) {
        self.due.insert((gap.start, Due::GapBegins));
        self.due.insert((gap.end, Due::GapEnds));
        self.gaps.push(gap);
    }

    /// Takes the next update file. `file` is how records of it are referred to.
    pub fn updates(&mut self, file: u32, reading: &Reading) {
        let peers = self.intern(reading.peers.iter().map(|activity| activity.peer));
        self.has_states |= reading.counts.state_changes > 0;
        if let Some((first_at, _)) = reading.span {
            self.advance(first_at.min(self.window.end));
        }
        for (activity, peer) in reading.peers.iter().zip(&peers) {
            self.is_internal[*peer] |= activity.is_internal;
            if let Some(heard) = activity.first_at.zip(activity.last_at) {
                self.heard[*peer] = [Some(heard), self.heard[*peer][0]];
                self.speaks_up(*peer);
            }
        }
        let sampled = self.begin_sample(&reading.control, &peers);
        let mut changes = reading.control.changes.iter().peekable();
        let mut sample_changes = |replayer: &mut Replayer, n_events: usize| {
            while let Some(change) = changes.next_if(|change| change.n_before as usize <= n_events) {
                if let (Some(peer), Some(prefix)) =
                    (peers.get(change.peer as usize), sampled.get(change.prefix as usize))
                {
                    replayer.sample_change(*peer, *prefix, change);
                }
            }
        };
        for (n_events, event) in reading.events.iter().enumerate() {
            sample_changes(self, n_events);
            if let Some(peer) = peers.get(event.peer as usize) {
                self.apply(*peer, file, event);
            }
        }
        sample_changes(self, reading.events.len());
    }

    /// Everything that the files said.
    pub fn finish(mut self) -> Replay {
        let end = self.window.end;
        self.advance(end);
        for peer in 0..self.peers.len() {
            self.forget_routes(peer, None, end);
            // What is sorted below takes its place.
            self.routes[peer] = FxHashMap::default();
            for family in Family::ALL {
                self.close_session(peer, family, end);
            }
        }
        let control = self.control_sample();
        let Replayer { collector, peers, has_rib, corrections, first_hops, is_internal, .. } = self;
        let (mut sessions, mut routes, mut tables) = (self.session_spans, self.route_spans, self.tables);
        // Peers sorted, and everything else by their new numbers.
        let mut order: Vec<usize> = (0..peers.len()).collect();
        order.sort_unstable_by_key(|peer| peers[*peer]);
        let mut index_of = vec![0; peers.len()];
        for (index, peer) in order.iter().enumerate() {
            index_of[*peer] = index;
        }
        sessions.iter_mut().for_each(|span| span.peer = index_of[span.peer]);
        routes.iter_mut().for_each(|span| span.peer = index_of[span.peer]);
        tables.iter_mut().for_each(|table| table.renumber(&order, &index_of));
        sessions.sort_unstable();
        join(&mut routes);
        let is_foreign = |peer: &usize| {
            let (n, n_foreign) = first_hops[*peer];
            n_foreign * 2 > n
        };
        Replay {
            collector,
            peers: order.iter().map(|peer| peers[*peer]).collect(),
            foreign_first_hop: order.iter().map(is_foreign).collect(),
            is_internal: order.iter().map(|peer| is_internal[*peer]).collect(),
            doubts: Vec::new(),
            sessions,
            routes,
            tables,
            has_rib,
            corrections,
            control,
        }
    }

    /// The numbers of peers, new or known.
    fn intern(&mut self, peers: impl Iterator<Item = Peer>) -> Vec<usize> {
        peers
            .map(|peer| {
                *self.index_of.entry(peer).or_insert_with(|| {
                    self.sessions.push([Session::unknown(self.window.start); 2]);
                    self.speaks.push(false);
                    self.heard.push([None; 2]);
                    self.routes.push(FxHashMap::default());
                    self.samples.push(self.sampled.of(&peer));
                    self.first_hops.push((0, 0));
                    self.is_internal.push(false);
                    self.peers.push(peer);
                    self.peers.len() - 1
                })
            })
            .collect()
    }

    fn apply(&mut self, peer: usize, file: u32, event: &RouteEvent) {
        let at = event.at;
        if at >= self.window.end {
            return;
        }
        self.advance(at);
        let record = Some(RecordRef { file, record: event.record, offset: event.offset });
        let cause = Cause { at, record };
        match &event.change {
            // hot: once per route event
            Change::Announce { prefix, path_id, path } => self.announce(peer, *prefix, *path_id, path, cause),
            Change::Withdraw { prefix, path_id } => self.withdraw(peer, *prefix, *path_id, cause),
            Change::SessionDown => self.session_down(peer, cause),
            Change::SessionUp => self.session_up(peer, cause),
            Change::EndOfRib { family } => self.end_of_rib(peer, *family, cause),
            Change::Alive => self.note_message(peer, cause),
            Change::RibEntry { .. } | Change::Open | Change::ConnectionClosed => {}
            Change::Lost(_) | Change::Unclear { .. } => {}
        }
    }

    /// Does what falls due up to `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some(&(at, due)) = self.due.first() {
            if at > now {
                break;
            }
            self.due.pop_first();
            match due {
                Due::GapBegins => {
                    self.contiguous_since = None;
                    self.forget_all(at);
                }
                Due::GapEnds => {
                    // Records of the instant of a cut, and of a file that is not to be relied on, lead nowhere.
                    self.forget_all(at);
                    self.resume(at);
                }
                Due::Rib(index) => self.apply_rib(index),
                Due::RibExpires(index) if self.latest_rib == Some(index) => self.forget_all(at),
                Due::RibExpires(_) => {}
                Due::SyncMark(peer) => self.mark_sample(peer),
                Due::SyncTimeout(peer) => self.sync_timeout(peer, at),
            }
        }
    }

    /// Nothing is known of any vantage point from `at` on.
    fn forget_all(&mut self, at: Timestamp) {
        self.forget_falls(at);
        for peer in 0..self.peers.len() {
            self.forget_sample(peer, None);
            for family in Family::ALL {
                self.set_session(peer, family, PeerState::Unknown, false, Cause::time(at));
            }
            self.forget_routes(peer, None, at);
        }
    }
}
