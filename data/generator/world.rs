//! What peers hold and say over time: the events of a scenario, one after the other, as messages and histories.

use std::collections::BTreeMap;
use std::rc::Rc;

use outage_replay::bgp::{Family, Prefix};
use outage_replay::time::Timestamp;

use super::scenario::{Deed, Edit, Happening, Manner, PeerIndex, Prefixes, Scenario};
use super::words::{Nlri, Path, ScenarioError, with_first};

/// A prefix and its path identifier at one peer.
pub type Key = (Prefix, u32);

/// How one route changed: from each instant on it is this, or withdrawn.
type History = Vec<(Timestamp, Option<Route>)>;

/// A path and the prefixes that are announced with it.
type Announcement = (Rc<Path>, Vec<(Nlri, u32)>);

/// More prefixes than this go into several UPDATE messages, which may have 4,096 octets.
const MAX_PREFIXES: usize = 150;

/// A route as a peer holds it.
#[derive(Clone, Debug)]
pub struct Route {
    pub nlri: Nlri,
    pub path: Rc<Path>,
    /// When it last changed.
    pub since: Timestamp,
}

/// One thing that a peer said, or that happened to its session.
#[derive(Debug)]
pub struct Sent {
    pub at: Timestamp,
    pub peer: PeerIndex,
    pub said: Said,
    pub stamped: Option<Timestamp>,
    pub is_local: bool,
    pub uses_mp: bool,
}

#[derive(Debug)]
pub enum Said {
    Update { withdrawn: Vec<(Nlri, u32)>, announced: Vec<(Nlri, u32)>, path: Option<Rc<Path>> },
    EndOfRib(Family),
    State { old: u16, new: u16 },
    Open,
    Keepalive,
    Notification,
    Message { kind: u8, body: Vec<u8> },
}

/// The result: everything recorded, in order, and every table at every moment.
pub struct World {
    pub sent: Vec<Sent>,
    histories: Vec<BTreeMap<Key, History>>,
}

impl World {
    /// Everything that the collector ever holds from `peer`.
    pub fn keys(&self, peer: PeerIndex) -> impl Iterator<Item = &Key> {
        self.histories[peer].keys()
    }

    /// The part of it that is about `prefix`.
    pub fn keys_of(&self, peer: PeerIndex, prefix: &Prefix) -> impl Iterator<Item = &Key> {
        self.histories[peer].range((*prefix, 0)..=(*prefix, u32::MAX)).map(|(key, _)| key)
    }

    /// The route that the collector holds from `peer` at `at`.
    pub fn route(&self, peer: PeerIndex, key: &Key, at: Timestamp) -> Option<&Route> {
        let history = self.histories[peer].get(key)?;
        let n_before = history.partition_point(|(since, _)| *since <= at);
        history[..n_before].last()?.1.as_ref()
    }
}

/// A number that looks random and is the same everywhere (SplitMix64).
pub fn mix(words: &[u64]) -> u64 {
    words.iter().fold(0, |state: u64, word| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Lets the scenario happen.
pub fn simulate(scenario: &Scenario) -> Result<World, ScenarioError> {
    let mut simulation = Simulation::new(scenario)?;
    while let Some(((at, _), event)) = simulation.events.pop_first() {
        simulation.happen(at, event)?;
    }
    let histories = simulation.peers.into_iter().map(|peer| peer.history).collect();
    Ok(World { sent: simulation.sent, histories })
}

enum Event<'a> {
    Deed { peer: PeerIndex, happening: &'a Happening, stamped: Option<Timestamp> },
    Transfer { peer: PeerIndex, keys: Vec<Key>, session: u64 },
    EndOfRib { peer: PeerIndex, family: Family, session: u64 },
    Noise { collector: usize, tick: u64 },
    Keepalive { peer: PeerIndex },
}

#[derive(Default)]
struct Peer {
    /// What the router at the far end holds, whether the session is up or not.
    held: BTreeMap<Key, Route>,
    /// The last route of every prefix it ever held.
    usual: BTreeMap<Key, Route>,
    /// First and second path of table prefixes.
    alternatives: Vec<(Key, Rc<Path>, Rc<Path>)>,
    /// What the collector has from it.
    seen: BTreeMap<Key, Nlri>,
    history: BTreeMap<Key, History>,
    is_up: bool,
    /// Counts the sessions, so that a table transfer ends with its session.
    session: u64,
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    peers: Vec<Peer>,
    events: BTreeMap<(Timestamp, u64), Event<'a>>,
    n_events: u64,
    sent: Vec<Sent>,
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario) -> Result<Simulation<'a>, ScenarioError> {
        let mut simulation = Simulation {
            scenario,
            peers: scenario.peers.iter().map(|spec| Peer { is_up: !spec.is_idle, ..Peer::default() }).collect(),
            events: BTreeMap::new(),
            n_events: 0,
            sent: Vec::new(),
        };
        simulation.load_tables();
        for happening in &scenario.happenings {
            simulation.schedule_happening(happening)?;
        }
        simulation.schedule_background();
        Ok(simulation)
    }

    fn load_tables(&mut self) {
        for (index, initial) in (0..).zip(&self.scenario.routes) {
            let peer = &mut self.peers[initial.peer];
            let key = (initial.route.nlri.prefix(), initial.route.path_id);
            // Routes are one hour to twenty days old when the archive begins.
            let age = 3600 + mix(&[index, initial.peer as u64]) % (20 * 86_400);
            let since = initial.since.unwrap_or_else(|| seconds_after(self.scenario.span.start, -(age as i64)));
            let path = Rc::new(initial.route.path.clone());
            if let Some(alternative) = &initial.alternative {
                peer.alternatives.push((key, path.clone(), Rc::new(alternative.clone())));
            }
            let route = Route { nlri: initial.route.nlri, path, since };
            peer.held.insert(key, route.clone());
            peer.usual.insert(key, route.clone());
            if peer.is_up {
                peer.seen.insert(key, route.nlri);
                peer.history.insert(key, vec![(Timestamp::MIN, Some(route))]);
            }
        }
    }

    fn schedule_happening(&mut self, happening: &'a Happening) -> Result<(), ScenarioError> {
        let Manner { spread, shuffle, every, times, stamped, .. } = happening.manner;
        let mut peers = happening.peers.clone();
        if let Some(seed) = shuffle {
            peers.sort_by_key(|&peer| mix(&[seed, peer as u64]));
        }
        for repetition in 0..times {
            for (index, &peer) in (0..).zip(&peers) {
                let n_steps = (peers.len() as i64 - 1).max(1);
                let mut offset = spread as i64 * 1_000_000 * index / n_steps;
                if !self.scenario.collectors[self.scenario.peers[peer].collector].extended_time {
                    offset -= offset % 1_000_000;
                }
                let at = Timestamp::from_micros(happening.at.micros() + offset + every * 1_000_000 * repetition);
                if !self.scenario.span.contains(at) {
                    let cause = format!("{at} lies outside the archive");
                    return Err(ScenarioError { line: happening.line, cause });
                }
                self.schedule(at, Event::Deed { peer, happening, stamped });
            }
        }
        Ok(())
    }

    fn schedule_background(&mut self) {
        let start = self.scenario.span.start;
        for noise in &self.scenario.noise {
            for &collector in &noise.collectors {
                let offset = mix(&[collector as u64]) % noise.period;
                for (tick, at) in self.moments(seconds_after(start, offset as i64), noise.period) {
                    self.schedule(at, Event::Noise { collector, tick });
                }
            }
        }
        for (peer, spec) in self.scenario.peers.iter().enumerate() {
            if let Some(period) = self.scenario.collectors[spec.collector].keepalives {
                let offset = mix(&[peer as u64, 1]) % period;
                for (_, at) in self.moments(seconds_after(start, offset as i64), period) {
                    self.schedule(at, Event::Keepalive { peer });
                }
            }
        }
    }

    fn moments(&self, first: Timestamp, period: u64) -> Vec<(u64, Timestamp)> {
        let at = |tick: u64| (tick, seconds_after(first, (tick * period) as i64));
        (0..).map(at).take_while(|(_, at)| *at < self.scenario.span.end).collect()
    }

    fn schedule(&mut self, at: Timestamp, event: Event<'a>) {
        self.n_events += 1;
        self.events.insert((at, self.n_events), event);
    }

    fn happen(&mut self, at: Timestamp, event: Event<'a>) -> Result<(), ScenarioError> {
        match event {
            Event::Deed { peer, happening, stamped } => {
                let before = self.sent.len();
                self.deed(at, peer, happening)?;
                for sent in &mut self.sent[before..] {
                    sent.stamped = stamped;
                    sent.is_local = happening.manner.is_local;
                    sent.uses_mp = happening.manner.uses_mp;
                }
            }
            Event::Transfer { peer, keys, session } => {
                if self.peers[peer].is_up && self.peers[peer].session == session {
                    self.transfer(at, peer, &keys);
                }
            }
            Event::EndOfRib { peer, family, session } => {
                if self.peers[peer].is_up && self.peers[peer].session == session {
                    self.say(at, peer, Said::EndOfRib(family));
                }
            }
            Event::Noise { collector, tick } => self.noise(at, collector, tick),
            Event::Keepalive { peer } => {
                if self.peers[peer].is_up {
                    self.say(at, peer, Said::Keepalive);
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, at: Timestamp, peer: PeerIndex, said: Said) {
        self.sent.push(Sent { at, peer, said, stamped: None, is_local: false, uses_mp: false });
    }

    fn records_states(&self, peer: PeerIndex) -> bool {
        self.scenario.collectors[self.scenario.peers[peer].collector].records_states
    }

    fn deed(&mut self, at: Timestamp, peer: PeerIndex, happening: &Happening) -> Result<(), ScenarioError> {
        match &happening.deed {
            Deed::Update(edits) => self.update(at, peer, happening, edits)?,
            Deed::Down => self.down(at, peer),
            Deed::Up { transfer, ends_with_end_of_rib, without } => {
                for prefixes in without {
                    for (_, key) in named_keys(prefixes, 1, &self.peers[peer]) {
                        self.peers[peer].held.remove(&key);
                    }
                }
                self.up(at, peer, *transfer, *ends_with_end_of_rib);
            }
            Deed::State { old, new } => self.say(at, peer, Said::State { old: *old, new: *new }),
            Deed::Open => self.say(at, peer, Said::Open),
            Deed::Keepalive => self.say(at, peer, Said::Keepalive),
            Deed::Notification => self.say(at, peer, Said::Notification),
            Deed::EndOfRib(family) => self.say(at, peer, Said::EndOfRib(*family)),
            Deed::Message { kind, body } => self.say(at, peer, Said::Message { kind: *kind, body: body.clone() }),
        }
        Ok(())
    }

    /// One UPDATE: its withdrawals and announcements, in several messages where one cannot carry them.
    fn update(
        &mut self,
        at: Timestamp,
        peer: PeerIndex,
        happening: &Happening,
        edits: &[Edit],
    ) -> Result<(), ScenarioError> {
        let mut withdrawn = Vec::new();
        let mut announced: Vec<Announcement> = Vec::new();
        for edit in edits {
            match edit {
                Edit::Withdraw { prefixes, path_id } => {
                    let keys = named_keys(prefixes, *path_id, &self.peers[peer]);
                    withdrawn.extend(keys.into_iter().map(|(nlri, key)| (nlri, key.1)));
                }
                Edit::Announce { prefixes, path_id, path } => {
                    let asn = self.scenario.peers[peer].asn;
                    let path = path
                        .clone()
                        .map(|path| Rc::new(if happening.manner.is_verbatim { path } else { with_first(asn, path) }));
                    for (nlri, key) in named_keys(prefixes, *path_id, &self.peers[peer]) {
                        let Some(path) = path.clone().or_else(|| Some(self.peers[peer].usual.get(&key)?.path.clone()))
                        else {
                            let name = &self.scenario.peers[peer].name;
                            let cause = format!("peer {name} never had a route to {}: write its path", key.0);
                            return Err(ScenarioError { line: happening.line, cause });
                        };
                        match announced.iter_mut().find(|(known, _)| *known == path) {
                            Some((_, members)) => members.push((nlri, key.1)),
                            None => announced.push((path, vec![(nlri, key.1)])),
                        }
                    }
                }
            }
        }
        // A copy of a message that the collector sent itself says nothing about the peer.
        if !happening.manner.is_local {
            for (nlri, path_id) in &withdrawn {
                self.remember(at, peer, (nlri.prefix(), *path_id), None);
            }
            for (path, members) in &announced {
                for (nlri, path_id) in members {
                    let route = Route { nlri: *nlri, path: path.clone(), since: at };
                    self.remember(at, peer, (nlri.prefix(), *path_id), Some(route));
                }
            }
        }
        if self.peers[peer].is_up {
            self.say_update(at, peer, &withdrawn, &announced);
        }
        Ok(())
    }

    /// A route of `peer` changes, at the peer itself and, while the session is up, at the collector.
    fn remember(&mut self, at: Timestamp, peer: PeerIndex, key: Key, route: Option<Route>) {
        let peer = &mut self.peers[peer];
        match &route {
            Some(route) => {
                peer.held.insert(key, route.clone());
                peer.usual.insert(key, route.clone());
            }
            None => {
                peer.held.remove(&key);
            }
        }
        if peer.is_up {
            match &route {
                Some(route) => peer.seen.insert(key, route.nlri),
                None => peer.seen.remove(&key),
            };
            peer.history.entry(key).or_default().push((at, route));
        }
    }

    fn say_update(&mut self, at: Timestamp, peer: PeerIndex, withdrawn: &[(Nlri, u32)], announced: &[Announcement]) {
        let mut withdrawn: Vec<Vec<_>> = withdrawn.chunks(MAX_PREFIXES).map(<[_]>::to_vec).collect();
        for (path, members) in announced {
            for announced in members.chunks(MAX_PREFIXES) {
                let withdrawn = if withdrawn.is_empty() { Vec::new() } else { withdrawn.remove(0) };
                let update = Said::Update { withdrawn, announced: announced.to_vec(), path: Some(path.clone()) };
                self.say(at, peer, update);
            }
        }
        for withdrawn in withdrawn {
            self.say(at, peer, Said::Update { withdrawn, announced: Vec::new(), path: None });
        }
    }

    fn down(&mut self, at: Timestamp, peer: PeerIndex) {
        if self.records_states(peer) {
            self.say(at, peer, Said::State { old: 6, new: 1 });
        }
        self.peers[peer].is_up = false;
        self.forget_table(at, peer);
    }

    /// The collector drops all that it has from `peer`.
    fn forget_table(&mut self, at: Timestamp, peer: PeerIndex) {
        let peer = &mut self.peers[peer];
        for key in std::mem::take(&mut peer.seen).into_keys() {
            peer.history.entry(key).or_default().push((at, None));
        }
    }

    /// The session comes up, and the peer sends its table evenly over `transfer` seconds.
    fn up(&mut self, at: Timestamp, peer: PeerIndex, transfer: u64, ends_with_end_of_rib: bool) {
        if self.records_states(peer) {
            // Idle, Connect, OpenSent, OpenConfirm, Established (RFC 6396, section 4.4.1).
            self.say(at, peer, Said::State { old: 1, new: 2 });
            self.say(at, peer, Said::State { old: 2, new: 4 });
            self.say(at, peer, Said::Open);
            self.say(at, peer, Said::State { old: 4, new: 5 });
            self.say(at, peer, Said::State { old: 5, new: 6 });
        }
        // A session that was up began anew without anybody noticing its end.
        self.forget_table(at, peer);
        self.peers[peer].is_up = true;
        self.peers[peer].session += 1;
        let session = self.peers[peer].session;
        let mut groups: BTreeMap<(Family, Vec<u32>), Vec<Key>> = BTreeMap::new();
        for (key, route) in &self.peers[peer].held {
            let hops = route.path.iter().flat_map(|segment| segment.members.iter().map(|asn| asn.0)).collect();
            groups.entry((key.0.family(), hops)).or_default().push(*key);
        }
        let has_v6 = groups.keys().any(|(family, _)| *family == Family::V6);
        let n_groups = groups.len().max(1) as u64;
        for (index, keys) in (0..).zip(groups.into_values()) {
            let moment = seconds_after(at, (transfer * index / n_groups) as i64);
            self.schedule(moment, Event::Transfer { peer, keys, session });
        }
        if ends_with_end_of_rib {
            let end = seconds_after(at, transfer as i64);
            self.schedule(end, Event::EndOfRib { peer, family: Family::V4, session });
            if has_v6 {
                self.schedule(end, Event::EndOfRib { peer, family: Family::V6, session });
            }
        }
    }

    /// Part of a table transfer: what the peer still holds and has not sent in the meantime.
    fn transfer(&mut self, at: Timestamp, peer: PeerIndex, keys: &[Key]) {
        let mut announced: Vec<Announcement> = Vec::new();
        for key in keys {
            let Some(route) = self.peers[peer].held.get(key).cloned() else { continue };
            if self.peers[peer].seen.contains_key(key) {
                continue;
            }
            match announced.iter_mut().find(|(known, _)| *known == route.path) {
                Some((_, members)) => members.push((route.nlri, key.1)),
                None => announced.push((route.path.clone(), vec![(route.nlri, key.1)])),
            }
            // To the collector the route is as old as the session.
            self.remember(at, peer, *key, Some(Route { since: at, ..route }));
        }
        self.say_update(at, peer, &[], &announced);
    }

    /// One peer of the collector changes its path to one prefix of a table.
    fn noise(&mut self, at: Timestamp, collector: usize, tick: u64) {
        let hash = mix(&[collector as u64, tick, 2]);
        let candidates: Vec<PeerIndex> = (0..self.peers.len())
            .filter(|&peer| self.scenario.peers[peer].collector == collector)
            .filter(|&peer| self.peers[peer].is_up && !self.peers[peer].alternatives.is_empty())
            .collect();
        let Some(&peer) = candidates.get((hash % candidates.len().max(1) as u64) as usize) else { return };
        let alternatives = &self.peers[peer].alternatives;
        let (key, first, second) = alternatives[((hash >> 32) % alternatives.len() as u64) as usize].clone();
        // Only what the collector has: noise neither hides a withdrawal nor runs ahead of a transfer.
        if !self.peers[peer].seen.contains_key(&key) {
            return;
        }
        let Some(route) = self.peers[peer].held.get(&key).cloned() else { return };
        let path = if route.path == first { second } else { first };
        self.remember(at, peer, key, Some(Route { path: path.clone(), since: at, ..route }));
        self.say_update(at, peer, &[], &[(path, vec![(route.nlri, key.1)])]);
    }
}

/// The prefixes that a statement names, as `peer` writes them.
fn named_keys(prefixes: &Prefixes, path_id: u32, peer: &Peer) -> Vec<(Nlri, Key)> {
    match prefixes {
        Prefixes::These(prefixes) => prefixes.iter().map(|nlri| (*nlri, (nlri.prefix(), path_id))).collect(),
        Prefixes::Everything => peer.usual.iter().map(|(key, route)| (route.nlri, *key)).collect(),
    }
}

/// The instant `seconds` after `at`, or before it.
pub fn seconds_after(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + seconds * 1_000_000)
}
