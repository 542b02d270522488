//! Everything that the vantage points of all collectors knew, prefix by prefix.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::index::{CollectorIndex, VantagePointIndex};
use super::observed::{ObservedSpan, ObservedState, Provenance};
use super::{Baseline, FullFeed, FullFeedRule, LiveFeeds, Step, Timeline, sweep};
use crate::bgp::{AsPath, Asn, Collector, Family, PerFamily, Prefix, VantagePoint};
use crate::query::{Criteria, Metric, Sufficiency};
use crate::replay::{DumpIndex, FileIndex, PeerId, PeerState, RecordRef, Replay, RouteSpan, RouteState};
use crate::time::{Steps, Timestamp, Window};

/// An origin is the main one where it is named by this many times as many vantage points as all others.
const MAIN_ORIGIN: usize = 9;

/// A RIB dump, searched for one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchedDump {
    /// Its collector.
    pub collector: CollectorIndex,
    /// The file.
    pub file: FileIndex,
    /// When its last record was written.
    pub at: Timestamp,
    /// ASes with a whole table in it.
    pub full_feeds: BTreeSet<Asn>,
    /// Those among them that list the prefix.
    pub holding: BTreeSet<Asn>,
    /// Their entries: peer, record, path.
    pub entries: Vec<(PeerId, RecordRef, AsPath)>,
}

/// The time for which one vantage point held one route, or none, or for which that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSpan {
    /// Who.
    pub vantage_point: VantagePoint,
    /// The prefix.
    pub prefix: Prefix,
    /// For how long.
    pub window: Window,
    /// A route, none, or unknown.
    pub state: RouteState,
    /// Why we believe so.
    pub evidence: &'static str,
}

/// The time that one session spent in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSpan {
    /// Whose.
    pub vantage_point: VantagePoint,
    /// Which half of its table.
    pub family: Family,
    /// For how long.
    pub window: Window,
    /// The state.
    pub state: PeerState,
}

/// One vantage point in a view.
#[derive(Clone, Debug)]
struct Member {
    collector: CollectorIndex,
    peer: PeerId,
    /// Index into `View::asns`.
    asn: usize,
    /// When its session is up and it is a full feed, and whether its whole table is known, per family.
    usable: PerFamily<Vec<(Window, bool)>>,
    /// Whether it counts as a feed, per family: without RIB dumps only if its updates name a prefix that was asked for.
    is_feed: PerFamily<bool>,
}

impl Member {
    fn is_feed(&self, family: Family) -> bool {
        self.is_feed[family] && !self.usable[family].is_empty()
    }
}

/// The replays of all collectors, side by side.
#[derive(Debug)]
pub struct View<'a> {
    replays: Vec<&'a Replay>,
    vantage_points: Vec<VantagePoint>,
    members: Vec<Member>,
    asns: Vec<Asn>,
    full_feed: FullFeed,
    /// When each replay begins.
    begins: Vec<Timestamp>,
    /// The ASes with a full table in each RIB dump of each replay, per family: every prefix is compared with them.
    full_asns: Vec<Vec<PerFamily<BTreeSet<Asn>>>>,
    has_rib: bool,
    metric: Metric,
    window: Window,
    until: Timestamp,
    sufficiency: Sufficiency,
    /// Full-feed ASes over time, whatever their sessions, per family.
    n_full_feeds: PerFamily<Steps<usize>>,
}

impl<'a> View<'a> {
    /// Puts replays side by side. Where any collector has RIB dumps, those without are left out: their vantage points
    /// cannot be classified as full or partial. `window` is the one asked about; the replays may reach a little beyond it.
    pub fn new(replays: Vec<&'a Replay>, window: Window, criteria: &Criteria) -> View<'a> {
        let has_rib = replays.iter().any(|replay| replay.has_rib);
        let begins: Vec<Timestamp> = replays.iter().map(|replay| replay.begins()).collect();
        let full_feed = FullFeed::judge(&replays, &begins, criteria.metric);
        let used = |replay: &&&Replay| replay.has_rib == has_rib;
        let asns: BTreeSet<Asn> =
            replays.iter().filter(used).flat_map(|r| r.peers.iter().map(|peer| peer.asn)).collect();
        let asns: Vec<Asn> = asns.into_iter().collect();
        let ends = replays.iter().flat_map(|replay| replay.sessions.iter().map(|session| session.to));
        let until = ends.max().unwrap_or(window.end).max(window.end);
        let mut view = View {
            replays: Vec::new(),
            vantage_points: Vec::new(),
            members: Vec::new(),
            asns,
            full_feed,
            begins,
            full_asns: Vec::new(),
            has_rib,
            metric: criteria.metric,
            window,
            until,
            sufficiency: criteria.sufficiency,
            n_full_feeds: PerFamily::from_fn(|_| Steps::until(Timestamp::MAX)),
        };
        view.replays.clone_from(&replays);
        view.full_asns = view.collectors().map(|collector| view.full_asns_of(collector)).collect();
        for (collector, replay) in view.collectors().zip(&replays).filter(|(_, replay)| used(replay)) {
            let spans = if has_rib { &[][..] } else { &replay.routes };
            let named: FxHashSet<(PeerId, Family)> =
                spans.iter().map(|span| (span.peer, span.prefix.family())).collect();
            for (peer, who) in replay.peer_ids().zip(&replay.peers) {
                let Ok(asn) = view.asns.binary_search(&who.asn) else { continue };
                let is_feed = PerFamily::from_fn(|family| has_rib || named.contains(&(peer, family)));
                let usable = PerFamily::from_fn(|family| view.usable(collector, peer, family));
                view.members.push(Member { collector, peer, asn, usable, is_feed });
                view.vantage_points.push(VantagePoint { collector: replay.collector.clone(), peer: *who });
            }
        }
        view.n_full_feeds = PerFamily::from_fn(|family| view.count_full_feeds(family));
        view
    }

    /// When the replay of a collector begins.
    pub(super) fn begins(&self, collector: CollectorIndex) -> Timestamp {
        self.begins.get(collector.get()).copied().unwrap_or(Timestamp::MIN)
    }

    /// The collectors, in order.
    pub fn collectors(&self) -> impl Iterator<Item = CollectorIndex> + use<> {
        (0..self.replays.len()).map(CollectorIndex::new)
    }

    /// The replay of a collector.
    pub fn replay(&self, collector: CollectorIndex) -> &'a Replay {
        self.replays[collector.get()]
    }

    /// The vantage point with this index.
    pub fn vantage_point(&self, vantage_point: VantagePointIndex) -> &VantagePoint {
        &self.vantage_points[vantage_point.get()]
    }

    /// What it rests on, per collector.
    pub fn replays(&self) -> &[&'a Replay] {
        &self.replays
    }

    /// Every vantage point that might be usable.
    pub fn vantage_points(&self) -> &[VantagePoint] {
        &self.vantage_points
    }

    /// Whether RIB dumps show which vantage points are full feeds, and which routes are absent.
    pub fn has_rib(&self) -> bool {
        self.has_rib
    }

    /// How full feeds were distinguished from partial ones, per family.
    pub fn rules(&self) -> PerFamily<Option<FullFeedRule>> {
        self.full_feed.rules
    }

    /// The window asked about.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The end of the data: the end of the window, or a little later. What happens there decides how a loss inside the
    /// window is understood.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Returns the vantage points that were full feeds at any time; without RIB dumps, those whose updates name a prefix that was
    /// asked for.
    pub fn full_feeds(&self, family: Family) -> Vec<&VantagePoint> {
        let members = self.members.iter().zip(&self.vantage_points);
        let usable = members.filter(|(member, _)| member.is_feed(family));
        usable.map(|(_, vantage_point)| vantage_point).collect()
    }

    /// What every usable vantage point said about a prefix, over the data; in order of vantage point and time.
    pub fn observed(&self, prefix: &Prefix) -> Vec<ObservedSpan> {
        let (mut observed, mut n_before) = (Vec::new(), 0);
        for members in self.members.chunk_by(|a, b| a.collector == b.collector) {
            let Some(first) = members.first() else { continue };
            let mut spans = self.replay(first.collector).of_prefix(prefix);
            // Both are in order of peer.
            for member in members {
                let before = spans.iter().take_while(|span| span.peer < member.peer).count();
                let n_own = spans[before..].iter().take_while(|span| span.peer == member.peer).count();
                let (own, rest) = spans[before..].split_at(n_own);
                let vantage_point = VantagePointIndex::new(n_before);
                for (window, complete) in &member.usable[prefix.family()] {
                    observed_of(vantage_point, *window, *complete, own, &mut observed);
                }
                spans = rest;
                n_before += 1;
            }
        }
        observed
    }

    /// Returns the spans of [`View::observed`]; if an origin is given, only those that [`View::of_origin`] keeps.
    pub fn observed_of(&self, prefix: &Prefix, origin: Option<Asn>) -> Vec<ObservedSpan> {
        let observed = self.observed(prefix);
        match origin {
            Some(origin) if !is_main_origin(&observed, origin) => Self::of_origin(&observed, origin).into_owned(),
            _ => observed,
        }
    }

    /// Returns the spans of a prefix that show whether it was seen with routes of `origin`. A route whose origin is not known
    /// shows that only where nearly all vantage points that name an origin name this one.
    pub fn of_origin(observed: &[ObservedSpan], origin: Asn) -> Cow<'_, [ObservedSpan]> {
        if is_main_origin(observed, origin) {
            return Cow::Borrowed(observed);
        }
        let shows = |span: &&ObservedSpan| span.state == ObservedState::Absent || span.state.known_path().is_some();
        Cow::Owned(observed.iter().filter(shows).cloned().collect())
    }

    /// Returns the visibility of a prefix, counting only routes of `origin` where one is given.
    pub fn timeline(&self, prefix: Prefix, origin: Option<Asn>) -> Timeline {
        self.timeline_of(prefix, origin, &self.observed_of(&prefix, origin))
    }

    /// Does the same as [`View::timeline`], from what [`View::observed_of`] returned for the prefix and the origin.
    pub fn timeline_of(&self, prefix: Prefix, origin: Option<Asn>, observed: &[ObservedSpan]) -> Timeline {
        let baseline = self.baseline(&prefix, observed, origin);
        self.timeline_from(prefix, origin, observed, baseline)
    }

    /// Returns the timeline that counts only routes of `origin`. `observed` are the spans of the prefix whatever the origin,
    /// from which `timeline` was computed. Most prefixes have one origin: then both timelines share their memory.
    pub fn timeline_of_origin(&self, timeline: &Timeline, observed: &[ObservedSpan], origin: Asn) -> Timeline {
        let own = Self::of_origin(observed, origin);
        let baseline = self.baseline(&timeline.prefix, &own, Some(origin));
        let counts_alike = |span: &ObservedSpan| span.state.sees(Some(origin)) == span.state.sees(timeline.origin);
        if baseline == *timeline.baseline && own.len() == observed.len() && own.iter().all(counts_alike) {
            return Timeline { origin: Some(origin), ..timeline.clone() };
        }
        self.timeline_from(timeline.prefix, Some(origin), &own, baseline)
    }

    fn timeline_from(
        &self,
        prefix: Prefix,
        origin: Option<Asn>,
        observed: &[ObservedSpan],
        baseline: Baseline,
    ) -> Timeline {
        let n_full_feeds = self.has_rib.then(|| &self.n_full_feeds[prefix.family()]);
        let steps = self.steps(observed, origin, &baseline, n_full_feeds, self.sufficiency);
        Timeline { prefix, origin, steps: Arc::new(steps), baseline: Arc::new(baseline) }
    }

    /// `timeline` as only some collectors saw it, however few; `observed` are the spans of its prefix.
    pub fn part_of(
        &self,
        timeline: &Timeline,
        observed: &[ObservedSpan],
        keep: impl Fn(&Collector) -> bool,
    ) -> Timeline {
        let is_kept = |span: &&ObservedSpan| keep(&self.vantage_point(span.vantage_point).collector);
        let kept: Vec<ObservedSpan> = observed.iter().filter(is_kept).cloned().collect();
        let anyone = Sufficiency { min_peers: 1, min_coverage: 0.0 };
        let steps = self.steps(&kept, timeline.origin, &timeline.baseline, None, anyone);
        Timeline { steps: Arc::new(steps), ..timeline.clone() }
    }

    fn steps(
        &self,
        observed: &[ObservedSpan],
        origin: Option<Asn>,
        baseline: &Baseline,
        n_full_feeds: Option<&Steps<usize>>,
        sufficiency: Sufficiency,
    ) -> Steps<Step> {
        sweep::steps(&sweep::Sweep {
            observed,
            origin,
            asn_of: &|vantage_point| self.members[vantage_point.get()].asn,
            n_asns: self.asns.len(),
            baseline,
            n_full_feeds,
            end: self.until,
            sufficiency,
        })
    }

    /// Whether any vantage point is ever a full feed.
    pub fn has_full_feeds(&self, family: Family) -> bool {
        self.members.iter().any(|member| member.is_feed(family))
    }

    /// Returns the number of full-feed ASes over the window, and of those that are live: known and with an open session. Without
    /// RIB dumps, the ASes whose updates name a prefix that was asked for count as full feeds.
    pub fn live_feeds(&self, family: Family) -> Vec<LiveFeeds> {
        let own = self.members.iter().filter(|member| member.is_feed(family));
        let live = own.flat_map(|member| member.usable[family].iter().map(|(window, _)| (*window, member.asn)));
        let (live, all) = (self.count_asns(live), &self.n_full_feeds[family]);
        let instants = live.intervals().chain(all.intervals()).map(|(window, _)| window.start);
        let instants = instants.filter(|at| self.window.contains(*at)).chain([self.window.start]);
        let mut feeds = Steps::sweep(instants.map(|at| (at, ())).collect(), self.window.end, |at, _| {
            let at = |counts: &Steps<usize>| counts.at(at).copied().unwrap_or(0);
            (at(&live), self.has_rib.then(|| at(all)))
        });
        feeds.merge_equal();
        let of_interval = |(window, (n_live, n_full_feeds)): (Window, &(usize, Option<usize>))| LiveFeeds {
            window,
            n_live: *n_live,
            n_full_feeds: *n_full_feeds,
        };
        feeds.intervals().map(of_interval).collect()
    }

    /// The RIB dumps written inside `window` in which anyone has a whole table, searched for the prefix.
    pub fn dumps_inside(&self, prefix: &Prefix, window: &Window) -> Vec<SearchedDump> {
        let mut dumps = Vec::new();
        for (collector, replay) in self.collectors().zip(&self.replays) {
            for (index, table) in (0..).map(DumpIndex::new).zip(&replay.tables) {
                if table.begun_at < window.start || table.done_at >= window.end {
                    continue;
                }
                let (holders, full_feeds) = self.holders(collector, index, prefix, None);
                if full_feeds.is_empty() {
                    continue;
                }
                let holding = holders.iter().map(|peer| replay.peer(*peer).asn).collect();
                let listed = table.holders.get(prefix).into_iter().flatten();
                let of_full_feeds = listed.filter(|holder| holders.contains(&holder.peer));
                let entries = of_full_feeds
                    .filter_map(|holder| Some((holder.peer, holder.record, holder.paths.last()?.1.clone())))
                    .collect();
                let (file, at) = (table.file, table.done_at);
                let full_feeds = full_feeds.clone();
                dumps.push(SearchedDump { collector, file, at, full_feeds, holding, entries });
            }
        }
        dumps
    }

    /// The collector of a vantage point, and its peer in the replay of that collector.
    pub fn replayed(&self, vantage_point: VantagePointIndex) -> (CollectorIndex, PeerId) {
        let member = &self.members[vantage_point.get()];
        (member.collector, member.peer)
    }

    fn usable(&self, collector: CollectorIndex, peer: PeerId, family: Family) -> Vec<(Window, bool)> {
        let everything = [Window { start: Timestamp::MIN, end: Timestamp::MAX }];
        let epochs = match (self.has_rib, self.metric) {
            (true, _) => self.full_feed.epochs(collector, peer, family),
            (false, Metric::Baseline) => &everything,
            // Without RIB dumps no table is known to have the size that IODA asks for.
            (false, Metric::Ioda) => &[],
        };
        let replay = self.replay(collector);
        let first = replay.sessions.partition_point(|span| (span.peer, span.family) < (peer, family));
        let sessions = replay.sessions[first..].iter().take_while(|span| (span.peer, span.family) == (peer, family));
        let mut usable = Vec::new();
        for session in sessions.filter(|span| span.state == PeerState::Up) {
            let Ok(up) = Window::new(session.from, session.to) else { continue };
            usable.extend(epochs.iter().filter_map(|epoch| Some((up.intersect(epoch)?, session.complete))));
        }
        usable
    }

    fn count_full_feeds(&self, family: Family) -> Steps<usize> {
        self.count_asns(self.members.iter().flat_map(|member| {
            let epochs = self.full_feed.epochs(member.collector, member.peer, family);
            epochs.iter().map(|epoch| (*epoch, member.asn))
        }))
    }

    /// Counts the ASes with any open window over time.
    fn count_asns(&self, windows: impl Iterator<Item = (Window, usize)>) -> Steps<usize> {
        let changes = windows.flat_map(|(window, asn)| [(window.start, (true, asn)), (window.end, (false, asn))]);
        let (mut per_asn, mut n) = (vec![0u32; self.asns.len()], 0);
        Steps::sweep(changes.collect(), Timestamp::MAX, |_, changes| {
            for (_, (begins, asn)) in changes {
                let open = &mut per_asn[*asn];
                if *begins {
                    n += usize::from(*open == 0);
                    *open += 1;
                } else {
                    *open -= 1;
                    n -= usize::from(*open == 0);
                }
            }
            n
        })
    }

    /// Full feeds (indices of peers) that hold the prefix in one RIB dump, and all full-feed ASes of it.
    pub(super) fn holders(
        &self,
        collector: CollectorIndex,
        index: DumpIndex,
        prefix: &Prefix,
        origin: Option<Asn>,
    ) -> (BTreeSet<PeerId>, &BTreeSet<Asn>) {
        let table = &self.replay(collector).tables[index.get()];
        let is_full = |peer: PeerId| self.is_full(collector, index, peer, prefix.family());
        let all = &self.full_asns[collector.get()][index.get()][prefix.family()];
        let listed = table.holders.get(prefix).map_or(&[][..], |holders| holders);
        let sees = |paths: &[(Option<u32>, AsPath)]| {
            paths.iter().any(|(_, path)| origin.is_none_or(|origin| path.originates(origin)))
        };
        let holders = listed.iter().filter(|holder| is_full(holder.peer) && sees(&holder.paths));
        (holders.map(|holder| holder.peer).collect(), all)
    }

    fn is_full(&self, collector: CollectorIndex, index: DumpIndex, peer: PeerId, family: Family) -> bool {
        let replay = self.replay(collector);
        !replay.first_as_mismatch[peer.get()]
            && self.full_feed.is_full(collector, index, &replay.tables[index.get()], peer, family)
    }

    fn full_asns_of(&self, collector: CollectorIndex) -> Vec<PerFamily<BTreeSet<Asn>>> {
        let replay = self.replay(collector);
        let of_table = |index: DumpIndex, family: Family| {
            let full = replay.peer_ids().filter(|peer| self.is_full(collector, index, *peer, family));
            full.map(|peer| replay.peer(peer).asn).collect()
        };
        let dumps = (0..replay.tables.len()).map(DumpIndex::new);
        dumps.map(|index| PerFamily::from_fn(|family| of_table(index, family))).collect()
    }

    /// The vantage point that a peer of a replay is.
    pub(super) fn member(&self, collector: CollectorIndex, peer: PeerId) -> Option<VantagePointIndex> {
        let found = self.members.binary_search_by_key(&(collector, peer), |member| (member.collector, member.peer));
        found.ok().map(VantagePointIndex::new)
    }
}

/// Cuts one usable stretch into spans.
fn observed_of(
    vantage_point: VantagePointIndex,
    usable: Window,
    complete: bool,
    spans: &[RouteSpan],
    observed: &mut Vec<ObservedSpan>,
) {
    let mut push = |start: Timestamp, end: Timestamp, state: ObservedState, provenance: Option<Provenance>| {
        if let Ok(window) = Window::new(start, end) {
            observed.push(ObservedSpan { vantage_point, window, state, provenance });
        }
    };
    let mut at = usable.start;
    for span in spans {
        if span.to <= usable.start || span.from >= usable.end || span.from == span.to {
            continue;
        }
        let (from, to) = (span.from.max(usable.start), span.to.min(usable.end));
        if complete {
            push(at, from, ObservedState::Absent, None);
        }
        let provenance = Some((span.evidence, span.record));
        match &span.state {
            RouteState::Present(path) => {
                push(from, to, ObservedState::Present(path.clone(), span.announced_at), provenance)
            }
            RouteState::Absent => push(from, to, ObservedState::Absent, provenance),
            RouteState::Unknown => {}
        }
        at = to;
    }
    if complete {
        push(at, usable.end, ObservedState::Absent, None);
    }
}

/// Returns whether nearly all vantage points that name an origin name this one.
fn is_main_origin(observed: &[ObservedSpan], origin: Asn) -> bool {
    let (mut own, mut others) = (FxHashSet::default(), FxHashSet::default());
    for span in observed {
        if let Some(path) = span.state.known_path() {
            (if path.originates(origin) { &mut own } else { &mut others }).insert(span.vantage_point);
        }
    }
    !own.is_empty() && others.len() * MAIN_ORIGIN <= own.len()
}
