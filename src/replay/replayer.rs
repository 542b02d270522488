//! The replay of one collector, fed file by file.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::control::{Sample, Sampled};
use super::overlay::Overlay;
use super::routes::{Route, join};
use super::sessions::Session;
use super::silence::{Minutes, Pauses};
use super::table::RibTable;
use super::times::{FileRuns, FileTime, Moment, Times};
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
    /// The time that the record bears, or the earliest at which it may have been written.
    pub claimed_at: Timestamp,
    pub record: Option<RecordRef>,
}

impl Cause {
    /// Nothing but the passing of time.
    pub fn time(at: Timestamp) -> Cause {
        Cause { at, claimed_at: at, record: None }
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
    /// The minutes since the beginning in which each peer sent anything.
    pub(super) minutes: Vec<Minutes>,
    /// Stretches without a record from any peer.
    pub(super) pauses: Pauses,
    pub(super) is_internal: Vec<bool>,
    /// Whether another peer has the same address.
    pub(super) has_twin: Vec<bool>,
    /// The name that RIB dumps give a peer, where it is another one.
    pub(super) dumped_as: Vec<Option<Peer>>,
    /// An OPEN that the next message of the peer confirms.
    pub(super) opened: Vec<Option<Cause>>,
    pub(super) times: Times,
    pub(super) doubts: Vec<Doubt>,
    pub(super) overlay: Overlay,
    pub(super) routes: Vec<FxHashMap<Prefix, Route>>,
    pub(super) samples: Vec<Sample>,
    pub(super) sampled: Sampled,
    pub(super) due: BTreeSet<(Timestamp, Due)>,
    pub(super) session_spans: Vec<PeerSpan>,
    pub(super) route_spans: Vec<RouteSpan>,
    pub(super) corrections: Corrections,
    /// Routes seen per peer, and those among them whose path begins with another AS.
    pub(super) first_hops: Vec<(u64, u64)>,
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
            minutes: Vec::new(),
            pauses: Pauses::default(),
            is_internal: Vec::new(),
            has_twin: Vec::new(),
            dumped_as: Vec::new(),
            opened: Vec::new(),
            times: Times::new(),
            doubts: Vec::new(),
            overlay: Overlay::default(),
            routes: Vec::new(),
            samples: Vec::new(),
            sampled: Sampled::new(samples),
            due: BTreeSet::new(),
            session_spans: Vec::new(),
            route_spans: Vec::new(),
            corrections: Corrections::default(),
            first_hops: Vec::new(),
        }
    }

    /// Takes an accepted RIB dump, to be applied when its time comes. `file` is how records of it are referred to, `name` that
    /// of its sample.
    pub fn rib(&mut self, file: u32, name: &str, reading: &Reading) {
        let peers = self.intern(reading.census.peers.iter().map(|activity| activity.peer));
        if let Some(table) = RibTable::new(file, reading, &peers) {
            self.take_table(name, table);
        }
    }

    /// Takes the RIB dumps of a replay that began with the same ones; `name` tells their names.
    pub fn ribs_of<'a>(&mut self, replay: Replay, name: impl Fn(u32) -> &'a str) {
        self.intern(replay.peers.into_iter());
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

    /// Takes the next update file. `file` is how records of it are referred to, `time` what is known of its time beside its
    /// records.
    pub fn updates(&mut self, file: u32, reading: &Reading, time: FileTime) {
        let peers = self.intern(reading.census.peers.iter().map(|activity| activity.peer));
        self.has_states |= reading.census.counts.state_changes > 0;
        let FileRuns { believed, n_doubtful, doubtful } = self.times.begin_file(reading, time);
        self.corrections.late_records += n_doubtful;
        let in_doubt = |window| Doubt { window, peer: None, reason: DoubtReason::Clock };
        self.doubts.extend(doubtful.into_iter().map(in_doubt));
        if let Some(first) = believed.first() {
            self.advance(first.first_at.min(self.window.end));
        }
        believed.iter().for_each(|run| self.pauses.add(run, self.window.start));
        let latest = believed.iter().map(|run| run.last_at).max();
        let of_believed = |minute: &&u32| {
            let (start, end) = (i64::from(**minute) * 60, i64::from(**minute) * 60 + 59);
            believed.iter().any(|run| run.first_at.secs() <= end && run.last_at.secs() >= start)
        };
        for (activity, peer) in reading.census.peers.iter().zip(&peers) {
            self.is_internal[*peer] |= activity.is_internal;
            if let Some((first, last)) = activity.first_at.zip(activity.last_at) {
                let until = latest.unwrap_or(last);
                self.heard[*peer] = [Some((first.min(until), last.min(until))), self.heard[*peer][0]];
                self.speaks_up(*peer);
            }
            for minute in activity.minutes.iter().filter(of_believed) {
                if let Some(minute) = self.minute(Timestamp::from_secs(i64::from(*minute) * 60)) {
                    self.minutes[*peer].add(minute);
                }
            }
        }
        let sampled = self.begin_sample(&reading.census.control, &peers);
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

    /// The number of the minute since the beginning, within the window.
    pub(super) fn minute(&self, at: Timestamp) -> Option<u32> {
        let minute = at.secs().div_euclid(60) - self.window.start.secs().div_euclid(60);
        u32::try_from(minute).ok().filter(|_| at < self.window.end)
    }

    /// The instant at which a minute since the beginning begins.
    pub(super) fn instant(&self, minute: u32) -> Timestamp {
        Timestamp::from_secs((self.window.start.secs().div_euclid(60) + i64::from(minute)) * 60)
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
        let holes = self.take_back();
        let control = self.control_sample();
        let Replayer { collector, peers, has_rib, corrections, first_hops, is_internal, mut doubts, .. } = self;
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
        doubts.iter_mut().for_each(|doubt| doubt.peer = doubt.peer.map(|peer| index_of[peer]));
        doubts.sort_unstable();
        doubts.dedup();
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
            doubts,
            holes,
            sessions,
            routes,
            tables,
            has_rib,
            corrections,
            control,
        }
    }

    /// The numbers of peers, new or known.
    pub(super) fn intern(&mut self, peers: impl Iterator<Item = Peer>) -> Vec<usize> {
        peers.map(|peer| self.known_as(&peer).unwrap_or_else(|| self.new_peer(peer))).collect()
    }

    fn new_peer(&mut self, peer: Peer) -> usize {
        self.index_of.insert(peer, self.peers.len());
        self.sessions.push([Session::unknown(self.window.start); 2]);
        self.speaks.push(false);
        self.heard.push([None; 2]);
        self.minutes.push(Minutes::default());
        self.is_internal.push(false);
        self.dumped_as.push(None);
        let twins = (0..self.peers.len()).filter(|other| self.peers[*other].address == peer.address);
        let twins: Vec<usize> = twins.collect();
        self.has_twin.push(!twins.is_empty());
        twins.into_iter().for_each(|twin| self.has_twin[twin] = true);
        self.opened.push(None);
        self.routes.push(FxHashMap::default());
        self.samples.push(self.sampled.of(&peer));
        self.first_hops.push((0, 0));
        self.peers.push(peer);
        self.peers.len() - 1
    }

    fn take(&mut self, peer: usize, file: u32, event: &RouteEvent) {
        let moment = self.times.moment(event.run, event.at, event.clock);
        let prefix = event.change.prefix();
        let Some(may_be) = moment.may_be else { return self.apply(peer, file, event, moment) };
        // The change happened at some instant of that time. Whatever falls due first is not caused by it.
        self.advance(self.times.now.min(self.window.end));
        let held = |replayer: &Replayer| {
            let route = prefix.and_then(|prefix| replayer.routes[peer].get(&prefix));
            route.and_then(|route| route.held.clone())
        };
        let states = |replayer: &Replayer| replayer.sessions[peer].map(|session| session.state);
        let (held_before, states_before) = (held(self), states(self));
        self.apply(peer, file, event, moment);
        let held_after = held(self);
        let is_changed = match (&held_before, &held_after) {
            (Some(before), Some(after)) => before.differs_from(after),
            (before, after) => before != after,
        };
        if let Some(prefix) = prefix.filter(|_| is_changed) {
            self.overlay.doubt_change(peer, prefix, may_be, held_after, moment.at);
        }
        if states(self) != states_before {
            self.overlay.doubt_session(peer, may_be);
        }
    }

    fn apply(&mut self, peer: usize, file: u32, event: &RouteEvent, moment: Moment) {
        let at = moment.at;
        self.advance(self.times.now.min(self.window.end));
        if at >= self.window.end {
            return;
        }
        let record = Some(RecordRef { file, record: event.record, offset: event.offset });
        let claimed_at = moment.may_be.map_or(at, |may_be| may_be.start);
        let cause = Cause { at, claimed_at, record };
        match &event.change {
            // hot: once per route event
            Change::Announce { prefix, path_id, path } => self.announce(peer, *prefix, *path_id, path, cause),
            Change::Withdraw { prefix, path_id } => self.withdraw(peer, *prefix, *path_id, cause),
            Change::SessionDown => self.session_down(peer, cause),
            Change::SessionUp => self.session_up(peer, cause),
            Change::EndOfRib { family } => self.end_of_rib(peer, *family, cause),
            Change::Alive => self.note_message(peer, cause),
            Change::Open => self.open(peer, cause),
            Change::ConnectionClosed => self.opened[peer] = None,
            Change::Lost(lost) => self.lose_message(peer, *lost, cause),
            Change::Unclear { prefix } => self.blur(peer, *prefix, cause),
            Change::RibEntry { .. } => {}
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
