//! The replay of one collector, fed file by file. The [`Replayer`] puts events in order and passes each to the sessions first
//! and then to the routes.

use super::due::Due;
use super::index::{FileIndex, PeerId};
use super::outcome::Replay;
use super::routes::{Carrier, RouteOutcome, Routes, join};
use super::sampled::SampledTables;
use super::sessions::{SessionOutcome, Sessions};
use super::spans::{Cause, Corrections, RecordRef};
use super::table::RibTable;
use super::times::{FileRuns, FileTime, Moment, Times};
use crate::bgp::{AsPath, Collector, Peer, Prefix};
use crate::decode::{Change, ControlChange, Reading, RouteEvent};
use crate::time::{Timestamp, Window};

/// A replay in progress. It takes the files of one collector in order and keeps none of them:
///
/// 1. [`Replayer::rib`]: every accepted RIB dump, including those after the window. They are small once read, and whether
///    there is one decides what follows from updates alone.
/// 2. [`Replayer::updates`]: the update files in the order of their names, which is the order on the wire.
/// 3. [`Replayer::gap`]: an interval without data. Add it before the file in which it ends, or else before the next file.
#[derive(Debug)]
pub struct Replayer {
    collector: Collector,
    /// The end of the selected window. Later events are ignored.
    end: Timestamp,
    times: Times,
    sessions: Sessions,
    routes: Routes,
    n_late_records: u64,
}

impl Replayer {
    /// A replay before any file. `window` reaches from the start of the updates to the end of the selected window; `samples`
    /// are the control samples of the RIB dumps.
    pub fn new(collector: Collector, window: Window, samples: SampledTables) -> Replayer {
        Replayer {
            collector,
            end: window.end,
            times: Times::new(),
            sessions: Sessions::new(window, samples),
            routes: Routes::default(),
            n_late_records: 0,
        }
    }

    /// Adds an accepted RIB dump, to be applied when its time comes. `file` is the index by which its records are
    /// referred to, `name` the name of its sample.
    pub fn rib(&mut self, file: FileIndex, name: &str, reading: &Reading) {
        let peers = self.ids(reading.census.peers.iter().map(|activity| activity.peer));
        if let Some(table) = RibTable::new(file, reading, &peers) {
            let (census, holders) = table.split();
            self.sessions.add_dump(name, census);
            self.routes.add_dump(holders);
        }
    }

    /// Adds an interval without data.
    pub fn gap(&mut self, gap: Window) {
        self.sessions.add_gap(gap);
    }

    /// Applies the next update file. `file` is the index by which its records are referred to, `time` what is
    /// known about its time apart from its records.
    pub fn updates(&mut self, file: FileIndex, reading: &Reading, time: FileTime) {
        let peers = self.ids(reading.census.peers.iter().map(|activity| activity.peer));
        let FileRuns { believed, n_doubtful, doubtful } = self.times.begin_file(reading, time);
        self.n_late_records += n_doubtful;
        self.sessions.expect_file(reading, doubtful);
        if let Some(first) = believed.first() {
            self.advance(first.first_at);
        }
        let sampled = self.sessions.begin_file(reading, &peers, &believed);
        let mut changes = reading.census.control.changes.iter().peekable();
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
                self.take(*peer, file, event);
            }
        }
        sample_changes(self, reading.events.len());
    }

    /// The result of all files.
    pub fn finish(mut self) -> Replay {
        self.advance(self.end);
        let Replayer { collector, end, times, sessions, routes, n_late_records } = self;
        let contradictions = times.contradictions();
        let SessionOutcome { peers, mut spans, dumps, has_rib, mut doubts, holes, breaks, control } =
            sessions.finish(&contradictions);
        let found = routes.finish(end, &contradictions, &breaks);
        let RouteOutcome { spans: mut routes, dumps: holders, first_as_mismatch, .. } = found;
        let mut tables: Vec<RibTable> =
            dumps.into_iter().zip(holders).map(|(census, holders)| RibTable::join(census, holders)).collect();
        // Sort the peers, and renumber everything else accordingly.
        let mut order: Vec<PeerId> = peers.ids().collect();
        order.sort_unstable_by_key(|peer| peers.name(*peer));
        let mut id_of = order.clone();
        order.iter().enumerate().for_each(|(n, peer)| id_of[peer.get()] = PeerId::new(n));
        spans.iter_mut().for_each(|span| span.peer = id_of[span.peer.get()]);
        routes.iter_mut().for_each(|span| span.peer = id_of[span.peer.get()]);
        tables.iter_mut().for_each(|table| table.renumber(&order, &id_of));
        doubts.iter_mut().for_each(|doubt| doubt.peer = doubt.peer.map(|peer| id_of[peer.get()]));
        doubts.sort_unstable();
        doubts.dedup();
        spans.sort_unstable();
        join(&mut routes);
        Replay {
            collector,
            peers: order.iter().map(|peer| *peers.name(*peer)).collect(),
            first_as_mismatch: order.iter().map(|peer| first_as_mismatch[*peer]).collect(),
            is_internal: order.iter().map(|peer| peers.is_internal(*peer)).collect(),
            doubts,
            holes,
            sessions: spans,
            routes,
            tables,
            has_rib,
            corrections: Corrections {
                late_records: n_late_records,
                missed_announcements: found.n_missed_announcements,
                missed_withdrawals: found.n_missed_withdrawals,
            },
            control,
        }
    }

    /// The identifiers of peers, new or known.
    fn ids(&mut self, peers: impl Iterator<Item = Peer>) -> Vec<PeerId> {
        let ids = self.sessions.ids(peers);
        self.routes.add_peers(self.sessions.peers().len());
        ids
    }

    /// Applies what falls due up to `now`, within the window.
    fn advance(&mut self, now: Timestamp) {
        let now = now.min(self.end);
        while let Some((at, due)) = self.sessions.next_due(now) {
            self.apply_due(at, due);
        }
    }

    #[cold]
    fn apply_due(&mut self, at: Timestamp, due: Due) {
        let effects = self.sessions.apply_due(at, due);
        effects.into_iter().for_each(|effect| self.routes.apply(effect));
    }

    /// Applies an announcement or withdrawal of the control sample. Hot: once per announced or withdrawn prefix of it.
    fn sample_change(&mut self, peer: PeerId, prefix: u32, change: &ControlChange) {
        let moment = self.times.moment(change.run, change.at, change.at);
        self.advance(self.times.now);
        if moment.at < self.end {
            self.sessions.sample_change(peer, prefix, change.is_announced, moment.cause(None));
        }
    }

    /// Applies an event. If its time is not trusted, whatever it changes is uncertain for all the time in which it may have
    /// happened.
    fn take(&mut self, peer: PeerId, file: FileIndex, event: &RouteEvent) {
        let moment = self.times.moment(event.run, event.at, event.clock);
        // What falls due before the event is not caused by it.
        self.advance(self.times.now);
        let Some(may_be) = moment.may_be else { return self.apply(peer, file, event, moment) };
        let prefix = event.change.prefix();
        let route = |replayer: &Replayer| prefix.and_then(|prefix| replayer.routes.state(peer, &prefix).cloned());
        let (route_before, states_before) = (route(self), self.sessions.states(peer));
        self.apply(peer, file, event, moment);
        let is_changed = match (&route_before, &route(self)) {
            (Some(before), Some(after)) => before.differs_from(after),
            (before, after) => before != after,
        };
        if let Some(prefix) = prefix.filter(|_| is_changed) {
            self.routes.doubt_change(peer, prefix, may_be, moment.at);
        }
        if self.sessions.states(peer) != states_before {
            self.sessions.doubt_change(peer, may_be);
        }
    }

    fn apply(&mut self, peer: PeerId, file: FileIndex, event: &RouteEvent, moment: Moment) {
        if moment.at >= self.end {
            return;
        }
        let cause = moment.cause(Some(RecordRef::new(file, event.record, event.offset)));
        // Hot: once per route event.
        let effects = match &event.change {
            Change::Announce { prefix, path_id, path } => return self.announce(peer, *prefix, *path_id, path, cause),
            Change::Withdraw { prefix, path_id } => return self.withdraw(peer, *prefix, *path_id, cause),
            Change::Unclear { prefix } => {
                self.note_message(peer, cause);
                return self.routes.blur(peer, *prefix, cause.at);
            }
            Change::SessionDown => self.sessions.down(peer, cause),
            Change::SessionUp => self.sessions.up(peer, cause),
            Change::Alive => self.sessions.note_message(peer, cause),
            Change::Lost(lost) => self.sessions.lose_message(peer, *lost, cause),
            Change::EndOfRib { family } => return self.sessions.end_of_rib(peer, *family, cause),
            Change::Open => return self.sessions.open(peer, cause),
            Change::ConnectionClosed => return self.sessions.close_connection(peer),
        };
        effects.into_iter().for_each(|effect| self.routes.apply(effect));
    }

    fn note_message(&mut self, peer: PeerId, cause: Cause) {
        for effect in self.sessions.note_message(peer, cause) {
            self.routes.apply(effect);
        }
    }

    fn announce(&mut self, peer: PeerId, prefix: Prefix, path_id: Option<u32>, path: &AsPath, cause: Cause) {
        self.note_message(peer, cause);
        let from = carrier(&self.sessions, peer, &prefix);
        self.routes.announce(from, prefix, path_id, path, cause);
    }

    fn withdraw(&mut self, peer: PeerId, prefix: Prefix, path_id: Option<u32>, cause: Cause) {
        self.note_message(peer, cause);
        let from = carrier(&self.sessions, peer, &prefix);
        self.routes.withdraw(from, prefix, path_id, cause);
    }
}

fn carrier<'a>(sessions: &'a Sessions, peer: PeerId, prefix: &Prefix) -> Carrier<'a> {
    Carrier { peer, asn: sessions.peers().asn(peer), session: sessions.session(peer, prefix.family()) }
}
