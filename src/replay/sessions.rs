//! The sessions of one collector: who the peers are, when each session was up, and whether its table was known.
//!
//! All of it follows from what a file shows whatever was selected: session state changes, the times of messages, the sizes of
//! tables and the control sample. Sessions never see a route; what they do to routes is returned as [`Effect`]s.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::activity::Activity;
use super::breaks::Breaks;
use super::control::{Audit, ControlSample, ControlSamples};
use super::due::{Due, Schedule};
use super::effects::{Effect, TableDump};
use super::identity;
use super::index::{DumpIndex, PeerId, PerPeer};
use super::peers::Peers;
use super::sample::NEARLY_WHOLE;
use super::sampled::SampledTables;
use super::session::{Session, SessionStates};
use super::session_doubts::SessionDoubts;
use super::silence::{Silence, silent_peers};
use super::spans::{Cause, Doubt, DoubtReason, PeerSpan, PeerState};
use super::table::DumpCensus;
use super::times::Contradiction;
use crate::bgp::{Family, Peer, PerFamily};
use crate::decode::{Lost, Reading, Run};
use crate::time::{Timestamp, Window};

/// The end of a table transfer that no End-of-RIB marks.
pub const SYNC_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A transfer is over if the sample of the table hardly grew in this time before [`SYNC_TIMEOUT`].
const QUIET_TIME: Duration = Duration::from_secs(120);
/// Updates within this time before a RIB dump may not be in it yet, because the daemon still had them queued. CAIDA's
/// routing-tables engine uses the same value (`RT_RIB_BACKLOG_TIME`).
pub const RIB_BACKLOG: Duration = Duration::from_secs(60);
/// A vantage point that is absent from a RIB dump and has been silent this long was lost when it fell silent. CAIDA's
/// routing-tables engine uses the same value (`RT_MAX_INACTIVE_TIME`).
pub const MAX_SILENCE: Duration = Duration::from_secs(3600);
/// How long a RIB dump shows the tables where no update file follows it.
pub const RIB_INSTANT: Duration = Duration::from_secs(60);
/// A session that was up for less than this of a silence was closed properly.
const MIN_SILENCE: Duration = Duration::from_secs(3 * 60);

/// The sessions of one collector.
#[derive(Debug)]
pub(super) struct Sessions {
    /// From the start of the updates to the end of the selected window.
    window: Window,
    peers: Peers,
    states: SessionStates,
    /// An OPEN that the next message of the peer confirms.
    opened: PerPeer<Option<Cause>>,
    activity: Activity,
    samples: ControlSamples,
    schedule: Schedule,
    dumps: Vec<DumpCensus>,
    has_rib: bool,
    latest_dump: Option<DumpIndex>,
    /// Whether the collector records state changes, as far as it was read.
    has_states: bool,
    gaps: Vec<Window>,
    /// Since when there are updates without a gap; None within a gap.
    contiguous_since: Option<Timestamp>,
    doubts: Vec<Doubt>,
    uncertain: SessionDoubts,
}

/// The result of a replay whatever was selected.
pub(super) struct SessionOutcome {
    pub peers: Peers,
    pub spans: Vec<PeerSpan>,
    pub dumps: Vec<DumpCensus>,
    pub has_rib: bool,
    pub doubts: Vec<Doubt>,
    /// Intervals without any record that no gap explains.
    pub holes: Vec<Window>,
    pub breaks: Breaks,
    pub control: Option<ControlSample>,
}

impl Sessions {
    pub(super) fn new(window: Window, samples: SampledTables) -> Sessions {
        Sessions {
            window,
            peers: Peers::default(),
            states: SessionStates::default(),
            opened: PerPeer::default(),
            activity: Activity::new(window),
            samples: ControlSamples::new(window, samples),
            schedule: Schedule::default(),
            dumps: Vec::new(),
            has_rib: false,
            latest_dump: None,
            has_states: false,
            gaps: Vec::new(),
            contiguous_since: Some(window.start),
            doubts: Vec::new(),
            uncertain: SessionDoubts::default(),
        }
    }

    /// The identifiers of peers, new or known.
    pub(super) fn ids(&mut self, peers: impl Iterator<Item = Peer>) -> Vec<PeerId> {
        let mut ids = Vec::new();
        for peer in peers {
            ids.push(self.peers.id(peer));
            if self.states.n_peers() < self.peers.len() {
                self.states.add_peer(self.window.start);
                self.opened.push(None);
                self.activity.add_peer();
                self.samples.add_peer(&peer);
            }
        }
        ids
    }

    pub(super) fn peers(&self) -> &Peers {
        &self.peers
    }

    pub(super) fn session(&self, peer: PeerId, family: Family) -> &Session {
        self.states.get(peer, family)
    }

    /// The states of a session, per family.
    pub(super) fn states(&self, peer: PeerId) -> PerFamily<PeerState> {
        self.states.of_peer(peer).map(|session| session.state)
    }

    /// Adds an accepted RIB dump, to be applied when its time comes. Its sample is known by `name`.
    pub(super) fn add_dump(&mut self, name: &str, dump: DumpCensus) {
        self.has_rib |= dump.done_at <= self.window.end;
        // Messages of the second in which the last record was written may be in the RIB dump. They are applied first, so that
        // they outweigh it.
        let last_instant = Timestamp::from_micros((dump.done_at.secs() + 1) * 1_000_000 - 1);
        self.schedule.add(last_instant, Due::Dump(DumpIndex::new(self.dumps.len())));
        self.dumps.push(dump);
        self.samples.add_dump(name);
    }

    /// Adds an interval without data.
    pub(super) fn add_gap(&mut self, gap: Window) {
        self.schedule.add(gap.start, Due::GapBegins);
        self.schedule.add(gap.end, Due::GapEnds);
        self.gaps.push(gap);
    }

    /// Notes whether the next file contains state changes, and the intervals in which its clock is not trusted. What falls due
    /// before the file is applied after this.
    pub(super) fn expect_file(&mut self, reading: &Reading, doubtful: Vec<Window>) {
        self.has_states |= reading.census.counts.state_changes > 0;
        let doubt = |window| Doubt { window, peer: None, reason: DoubtReason::Clock };
        self.doubts.extend(doubtful.into_iter().map(doubt));
    }

    /// Takes what the next file shows as a whole. Returns the numbers that its sampled prefixes have here.
    pub(super) fn begin_file(&mut self, reading: &Reading, peers: &[PeerId], believed: &[Run]) -> Vec<u32> {
        self.activity.add_runs(believed);
        for (activity, peer) in reading.census.peers.iter().zip(peers) {
            self.peers.note_internal(*peer, activity.is_internal);
            let is_first = self.activity.add(*peer, activity, believed);
            // Without RIB dumps the session counts as up since the contiguous updates began.
            if let Some(since) = self.contiguous_since.filter(|_| is_first) {
                self.begin_without_rib(*peer, since);
            }
        }
        self.samples.begin_file(&reading.census.control, peers)
    }

    /// Removes and returns what comes next, if it is due by `now`. Hot: once per route event.
    #[inline]
    pub(super) fn next_due(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        self.schedule.next_by(now)
    }

    /// Applies what is due.
    pub(super) fn apply_due(&mut self, at: Timestamp, due: Due) -> Vec<Effect> {
        match due {
            Due::GapBegins => {
                self.contiguous_since = None;
                self.forget_all(at)
            }
            Due::GapEnds => {
                // Records at the very start of the gap, or of a rejected file inside it, are no basis for what follows.
                let effects = self.forget_all(at);
                self.resume(at);
                effects
            }
            Due::Dump(dump) => self.apply_dump(dump),
            Due::DumpExpires(dump) if self.latest_dump == Some(dump) => self.forget_all(at),
            Due::DumpExpires(_) => Vec::new(),
            Due::SyncMark(peer) => {
                self.samples.of_peer_mut(peer).mark();
                Vec::new()
            }
            Due::SyncTimeout(peer) => {
                self.sync_timeout(peer, at);
                Vec::new()
            }
        }
    }

    /// No vantage point is known from `at` on.
    fn forget_all(&mut self, at: Timestamp) -> Vec<Effect> {
        self.samples.end_falls(at);
        self.states.peers().map(|peer| self.forget(peer, at)).collect()
    }

    /// The peer is not known from `at` on.
    fn forget(&mut self, peer: PeerId, at: Timestamp) -> Effect {
        self.samples.forget(peer, None, &self.states);
        self.states.set_all(peer, PeerState::Unknown, Cause::time(at));
        Effect::Forget { peer, family: None, at }
    }

    /// A gap is over. Without RIB dumps the updates after it are a new beginning.
    fn resume(&mut self, at: Timestamp) {
        if self.gaps.iter().any(|gap| gap.contains(at)) {
            return;
        }
        self.contiguous_since = Some(at);
        for peer in self.states.peers() {
            if self.activity.has_sent(peer) {
                self.begin_without_rib(peer, at);
            }
        }
    }

    fn begin_without_rib(&mut self, peer: PeerId, since: Timestamp) {
        if self.has_rib {
            return;
        }
        for family in Family::ALL {
            if self.states.get(peer, family).state == PeerState::Unknown {
                self.states.set(peer, family, PeerState::Up, false, Cause::time(since));
                self.states.get_mut(peer, family).withdrawals_imply = true;
            }
        }
    }

    /// The session closed.
    pub(super) fn down(&mut self, peer: PeerId, cause: Cause) -> Vec<Effect> {
        self.opened[peer] = None;
        self.samples.forget(peer, None, &self.states);
        self.states.set_all(peer, PeerState::Down, cause);
        vec![Effect::Forget { peer, family: None, at: cause.at }]
    }

    /// The session opened: its table transfer begins.
    pub(super) fn up(&mut self, peer: PeerId, cause: Cause) -> Vec<Effect> {
        self.opened[peer] = None;
        self.samples.forget(peer, None, &self.states);
        self.states.set_all(peer, PeerState::Syncing, cause);
        for family in Family::ALL {
            let session = self.states.get_mut(peer, family);
            (session.opened_at, session.lost_announcements) = (cause.at, false);
        }
        self.schedule.add(cause.at + (SYNC_TIMEOUT - QUIET_TIME), Due::SyncMark(peer));
        self.schedule.add(cause.at + SYNC_TIMEOUT, Due::SyncTimeout(peer));
        vec![Effect::Forget { peer, family: None, at: cause.at }]
    }

    /// A transfer without End-of-RIB times out.
    fn sync_timeout(&mut self, peer: PeerId, at: Timestamp) {
        for family in Family::ALL {
            let session = *self.states.get(peer, family);
            let is_of_this_transfer = session.opened_at + SYNC_TIMEOUT <= at && !session.complete;
            let is_open = session.state.is_open() && !session.lost_table;
            if is_of_this_transfer && is_open && !session.withdrawals_imply {
                // Prefixes without a route stay unknown unless the sample shows that the whole table has arrived.
                let is_transferred = self.samples.of_peer(peer).is_transferred(family);
                let complete = is_transferred && !session.lost_announcements;
                self.states.set(peer, family, PeerState::Up, complete, Cause::time(at));
            }
        }
    }

    /// The peer has sent its whole table.
    pub(super) fn end_of_rib(&mut self, peer: PeerId, family: Family, cause: Cause) {
        let session = *self.states.get(peer, family);
        if session.state == PeerState::Syncing {
            self.states.set(peer, family, PeerState::Up, !session.lost_announcements, cause);
        }
    }

    /// The peer sent an OPEN. Where state changes are recorded, they show when a session begins. Otherwise it begins with the
    /// OPEN, unless the connection is closed next.
    pub(super) fn open(&mut self, peer: PeerId, cause: Cause) {
        if !self.has_states {
            self.opened[peer] = Some(cause);
        }
    }

    /// A connection that was not established was closed.
    pub(super) fn close_connection(&mut self, peer: PeerId) {
        self.opened[peer] = None;
    }

    /// The peer sent a message that only an established session carries. Hot: once per route event.
    #[inline]
    pub(super) fn note_message(&mut self, peer: PeerId, cause: Cause) -> Vec<Effect> {
        let mut effects = if self.peers.has_twin(peer) { self.end_former_selves(peer, cause) } else { Vec::new() };
        if let Some(opened) = self.opened[peer].take() {
            effects.extend(self.up(peer, opened));
        }
        if self.states.of_peer(peer).values().all(|session| session.state == PeerState::Down) {
            effects.extend(self.up(peer, cause));
            // It is unknown when the session opened, and what the peer sent before this message.
            Family::ALL.into_iter().for_each(|family| self.states.get_mut(peer, family).lost_announcements = true);
        }
        effects
    }

    /// The peer sent a message, so other AS numbers at the same address no longer exist. Two peers that one RIB dump lists
    /// side by side do coexist, and so may peers at link-local addresses.
    fn end_former_selves(&mut self, peer: PeerId, cause: Cause) -> Vec<Effect> {
        if !identity::is_unique(&self.peers.name(peer).address) {
            return Vec::new();
        }
        let is_open = |other: PeerId| self.states.of_peer(other).values().any(|session| session.state.is_open());
        let latest = self.latest_dump.map(|dump| &self.dumps[dump.get()]);
        let coexist = |other: PeerId| latest.is_some_and(|dump| dump.lists(peer) && dump.lists(other));
        let former: Vec<PeerId> = self.peers.twins(peer).filter(|other| is_open(*other) && !coexist(*other)).collect();
        let mut effects = Vec::new();
        for other in former {
            let since = self.activity.silent_since(other, cause.at);
            if let Ok(window) = Window::new(since, cause.at) {
                self.uncertain.add(other, window);
            }
            let window = Window { start: since, end: cause.at.max(since + Duration::from_micros(1)) };
            self.doubts.push(Doubt { window, peer: Some(other), reason: DoubtReason::Renumbered });
            effects.push(self.forget(other, cause.at));
        }
        effects
    }

    /// A message could not be read, or only in part.
    pub(super) fn lose_message(&mut self, peer: PeerId, lost: Lost, cause: Cause) -> Vec<Effect> {
        let mut effects = self.note_message(peer, cause);
        let window = Window { start: cause.at, end: cause.at + Duration::from_micros(1) };
        self.doubts.push(Doubt { window, peer: Some(peer), reason: DoubtReason::LostMessage });
        let families = PerFamily::from(lost.families);
        for family in Family::ALL.into_iter().filter(|family| families[*family]) {
            if lost.announcements {
                self.states.lose_announcements(peer, family, cause);
            }
            self.states.get_mut(peer, family).lost_message_at = Some(cause.at);
            effects.push(Effect::Lose { peer, family, lost, at: cause.at });
        }
        effects
    }

    /// Marks a session as unknown during `window`, in which its state changed at an unknown instant.
    pub(super) fn doubt_change(&mut self, peer: PeerId, window: Window) {
        self.uncertain.add(peer, window);
    }

    /// Applies an announcement or withdrawal of a sampled prefix. Hot: once per announced or withdrawn prefix of the sample.
    pub(super) fn sample_change(
        &mut self,
        peer: PeerId,
        prefix: u32,
        is_announced: bool,
        Cause { at, claimed_at, .. }: Cause,
    ) {
        let family = self.samples.family(prefix);
        if self.samples.is_untracked(peer) || self.states.get(peer, family).dumped_after(claimed_at).is_some() {
            return;
        }
        let n_before = self.samples.apply(peer, prefix, is_announced, at);
        if is_announced {
            self.check_progress(peer, family, at);
        } else if let Some((since, most)) = self.samples.of_peer_mut(peer).lost_since(family, n_before, at) {
            self.lose_table(peer, family, since, most);
        }
        self.samples.check_fall(prefix, is_announced, at, &self.states);
    }

    /// A transfer that has brought nearly the whole table is no reason to exclude the vantage point any longer; a lost table
    /// is back.
    fn check_progress(&mut self, peer: PeerId, family: Family, at: Timestamp) {
        let session = self.states.get(peer, family);
        if session.state == PeerState::Syncing && self.samples.of_peer(peer).is_nearly_whole(family) {
            // What a lost table lacks was withdrawn; what a transfer has not brought yet may still come.
            let complete = session.lost_table;
            self.states.set(peer, family, PeerState::Up, complete, Cause::time(at));
        }
    }

    /// The vantage point withdrew its whole table: its own upstream failed, and it is no evidence about any prefix.
    fn lose_table(&mut self, peer: PeerId, family: Family, since: Timestamp, n_before: u32) {
        if self.states.get(peer, family).is_whole() {
            self.samples.lose_table(peer, family, n_before);
            self.states.set(peer, family, PeerState::Syncing, false, Cause::time(since));
            self.states.get_mut(peer, family).lost_table = true;
        }
    }

    /// Applies a RIB dump: it shows every route that no later message has changed.
    fn apply_dump(&mut self, index: DumpIndex) -> Vec<Effect> {
        let dump = self.dumps[index.get()].clone();
        let is_in_gap = self.gaps.iter().any(|gap| dump.overlaps(gap));
        let mut effects = Vec::new();
        for family in Family::ALL {
            for peer in self.states.peers() {
                effects.extend(match dump.size(peer, family) {
                    0 => self.absent_from_dump(peer, family, &dump),
                    _ => self.apply_table((peer, family), index, &dump, is_in_gap),
                });
            }
        }
        if is_in_gap {
            // No updates follow: the RIB dump shows the tables at one instant.
            self.schedule.add(dump.done_at + RIB_INSTANT, Due::DumpExpires(index));
        }
        self.latest_dump = Some(index);
        self.samples.check_falls(dump.done_at, &self.states);
        effects
    }

    fn apply_table(
        &mut self,
        (peer, family): (PeerId, Family),
        index: DumpIndex,
        dump: &DumpCensus,
        is_in_gap: bool,
    ) -> Option<Effect> {
        let newest = dump.begun_at - RIB_BACKLOG;
        let session = *self.states.get(peer, family);
        // The daemon clears the routes of a session that closed just before in the background.
        let closed_meanwhile = session.state == PeerState::Down && session.since > newest;
        // After a session opened, the RIB dump may list routes of the session before it.
        let opened_meanwhile = session.opened_at > newest;
        // The lost part of a message just before the RIB dump may not be in it yet.
        let lost_meanwhile = session.lost_message_at.is_some_and(|at| at > newest);
        // In the middle of a table transfer the RIB dump lists what has arrived: a prefix that it lacks may still come.
        let is_transferring = session.state == PeerState::Syncing && !session.lost_table;
        if closed_meanwhile || opened_meanwhile || lost_meanwhile || is_transferring {
            return None;
        }
        // Between a RIB dump that serves the baseline alone and the first updates, anything may have changed.
        let has_followed = session.confirmed_at >= self.window.start;
        let is_known = session.is_whole() && has_followed;
        let Audit { is_out_of_step, lacks_much } =
            self.samples.audit(peer, family, index, newest, &self.peers, is_known);
        if is_out_of_step {
            self.states.set(peer, family, PeerState::Unknown, false, Cause::time(session.confirmed_at));
        }
        // Where state changes are not recorded, the RIB dump may show the middle of a transfer. In a gap nothing is recorded.
        let growth = growth(peer, family, &self.dumps[..=index.get()]);
        let has_shrunk = growth.is_some_and(|growth| growth < NEARLY_WHOLE);
        let is_part = lacks_much || (!self.has_states || is_in_gap) && has_shrunk || is_in_gap && growth.is_none();
        self.states.set(peer, family, PeerState::Up, !is_part, Cause::time(dump.done_at));
        let after = self.states.get_mut(peer, family);
        (after.confirmed_at, after.dumped_at) = (dump.done_at, Some(dump.done_at));
        after.lost_announcements = is_part;
        Some(Effect::Reconcile(TableDump {
            peer,
            asn: self.peers.asn(peer),
            family,
            dump: index,
            begun_at: dump.begun_at,
            done_at: dump.done_at,
            newest,
            known_since: (is_known && !is_out_of_step).then_some(session.confirmed_at),
            discard_since: is_out_of_step.then_some(session.confirmed_at),
            is_part,
        }))
    }

    /// A session that was up has no route in a RIB dump: it was lost when it fell silent, or the RIB dump contradicts it.
    fn absent_from_dump(&mut self, peer: PeerId, family: Family, dump: &DumpCensus) -> Option<Effect> {
        let session = self.states.get(peer, family);
        if session.state != PeerState::Up || session.since >= dump.begun_at {
            return None;
        }
        let last = self.activity.last_message(peer, dump.begun_at).unwrap_or(session.since);
        let lost_at = if last + MAX_SILENCE <= dump.begun_at { last } else { dump.begun_at };
        let at = lost_at.max(session.since);
        self.samples.forget(peer, Some(family), &self.states);
        self.states.set(peer, family, PeerState::Unknown, false, Cause::time(at));
        Some(Effect::Forget { peer, family: Some(family), at })
    }

    /// The history of all sessions, without what turned out to be uncertain at the end: vantage points that fell silent,
    /// intervals without any record, and times that contradict each other.
    pub(super) fn finish(mut self, contradictions: &[Contradiction]) -> SessionOutcome {
        let mut spans = std::mem::take(&mut self.states).finish(self.window.end);
        let holes = self.take_back_silences(&spans);
        for (peer, since) in identity::renumbered(&self.peers, &self.activity, &self.dumps, self.window) {
            self.take_back_since(peer, since, DoubtReason::Renumbered);
        }
        for (peer, since) in
            identity::gone_after_the_window(&self.peers, &self.activity, &self.dumps, &spans, self.window)
        {
            self.take_back_since(peer, since, DoubtReason::Silence);
        }
        for contradiction in contradictions {
            for span in spans.iter().filter(|span| span.record.is_some() && contradiction.contains(span.from)) {
                self.uncertain.add(span.peer, contradiction.doubtful());
            }
        }
        let Sessions { peers, dumps, has_rib, doubts, uncertain, samples, .. } = self;
        let breaks = uncertain.apply(&mut spans, |peer, family| {
            dumps.iter().filter(|dump| dump.size(peer, family) > 0).map(|dump| dump.done_at).collect()
        });
        SessionOutcome { peers, spans, dumps, has_rib, doubts, holes, breaks, control: samples.finish() }
    }

    /// Takes back what seemed known during silences of single vantage points and of the whole collector. Returns the latter.
    fn take_back_silences(&mut self, spans: &[PeerSpan]) -> Vec<Window> {
        let activity = &self.activity;
        let gaps = Window::united(self.gaps.clone());
        let mut holes = activity.suspicious_pauses(&gaps);
        let no_records = activity.minutes_in(&[&gaps[..], &holes].concat());
        let minutes: Vec<_> = activity.minutes().collect();
        let silences = silent_peers(&minutes, activity.n_minutes(), &no_records);
        let window_of = |silence: &Silence| Window {
            start: activity.instant(silence.first),
            end: activity.instant(silence.last + 1),
        };
        let silences: Vec<(PeerId, Window)> =
            silences.iter().map(|(peer, silence)| (*peer, window_of(silence))).collect();
        // A peer whose session is known to be closed sends nothing: its silence needs no explanation.
        let windows: FxHashSet<Window> =
            holes.iter().copied().chain(silences.iter().map(|(_, window)| *window)).collect();
        let unexplained = open_for_long(spans, &windows, &gaps);
        holes.retain(|hole| self.peers.ids().any(|peer| unexplained.contains(&(peer, *hole))));
        for hole in &holes {
            let open = self.peers.ids().filter(|peer| unexplained.contains(&(*peer, *hole)));
            open.for_each(|peer| self.uncertain.add_break(peer, *hole));
        }
        for (peer, window) in silences.into_iter().filter(|silence| unexplained.contains(silence)) {
            self.take_back(peer, window, DoubtReason::Silence);
        }
        holes
    }

    fn take_back_since(&mut self, peer: PeerId, since: Timestamp, reason: DoubtReason) {
        self.take_back(peer, Window { start: since, end: self.window.end }, reason);
    }

    fn take_back(&mut self, peer: PeerId, window: Window, reason: DoubtReason) {
        if window.start < window.end {
            self.uncertain.add_break(peer, window);
            self.doubts.push(Doubt { window, peer: Some(peer), reason });
        }
    }
}

/// The peers whose session, of either family, was up for [`MIN_SILENCE`] or more of some intervals, or for all of a shorter
/// one, each with the interval.
fn open_for_long(spans: &[PeerSpan], windows: &FxHashSet<Window>, gaps: &[Window]) -> FxHashSet<(PeerId, Window)> {
    let mut open: FxHashMap<(PeerId, Family, Window), Duration> = FxHashMap::default();
    for span in spans.iter().filter(|span| span.state.is_open()) {
        let Ok(up) = Window::new(span.from, span.to) else { continue };
        for (window, both) in windows.iter().filter_map(|window| Some((*window, window.intersect(&up)?))) {
            *open.entry((span.peer, span.family, window)).or_default() += both.duration();
        }
    }
    // Sessions are unknown from the first missing file on.
    let until_gap = |window: Window| window.without(gaps).first().map_or(Duration::ZERO, Window::duration);
    let long = open.into_iter().filter(|((.., window), open)| *open >= MIN_SILENCE.min(until_gap(*window)));
    long.map(|((peer, _, window), _)| (peer, window)).collect()
}

/// The size of the last of these tables of a peer, divided by that of its previous one. None if there is none before it.
fn growth(peer: PeerId, family: Family, dumps: &[DumpCensus]) -> Option<f64> {
    let mut sizes = dumps.iter().rev().map(|dump| dump.size(peer, family) as f64);
    let size = sizes.next()?;
    sizes.find(|before| *before > 0.0).map(|before| size / before)
}
