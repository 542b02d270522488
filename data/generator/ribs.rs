//! RIB dumps: the tables of a collector's peers as records, written over a stretch of time.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use outage_replay::bgp::{Asn, Prefix};
use outage_replay::time::Timestamp;

use super::mrt::{self, Entry, RibKind, Session};
use super::scenario::{CollectorIndex, Omission, PeerIndex, Prefixes, RibFormat, RibSpec, Scenario};
use super::words::{Nlri, Path};
use super::world::{Key, Route, World, mix, seconds_after};

/// The records of one RIB dump.
pub fn dump(scenario: &Scenario, world: &World, sessions: &[Session], spec: &RibSpec) -> Vec<u8> {
    let collector = &scenario.collectors[spec.collector];
    let peers: Vec<PeerIndex> =
        (0..scenario.peers.len()).filter(|&peer| scenario.peers[peer].collector == spec.collector).collect();
    let span = spec.span.unwrap_or(collector.rib_span) as i64;
    let tables = Tables { world, spec, peers: &peers, end: seconds_after(spec.at, span) };
    let mut prefixes = tables.prefixes();
    if collector.sorts_by_length {
        prefixes.sort_by_key(|prefix| (prefix.family(), prefix.len()));
    }
    let has_routes = |peer: PeerIndex| prefixes.iter().any(|prefix| !tables.routes(peer, prefix, spec.at).is_empty());
    let listed: Vec<PeerIndex> = (peers.iter().copied())
        .filter(|&peer| !scenario.peers[peer].is_unlisted)
        .filter(|&peer| !collector.lists_present_only || has_routes(peer))
        .collect();
    let dummy = collector.has_dummy_peer.then(dummy_session);
    let clock = |at: Timestamp| seconds_after(at, collector.clock);
    let format = spec.format.unwrap_or(collector.rib_format);

    let mut bytes = Vec::new();
    if format == RibFormat::TableDumpV2 && spec.has_peer_table {
        let as_listed = |&peer: &PeerIndex| {
            let mut session = sessions[peer].clone();
            session.peer_address =
                if spec.is_mapped { mrt::mapped(session.peer_address) } else { session.peer_address };
            session.peer_asn = if spec.has_no_asns { Asn(0) } else { session.peer_asn };
            session
        };
        let table: Vec<Session> = dummy.iter().cloned().chain(listed.iter().map(as_listed)).collect();
        let id = Ipv4Addr::from(collector_id(spec.collector));
        bytes.extend(mrt::peer_index_table(clock(spec.at), id, &table, spec.left_over));
    }
    let n_written = prefixes.len() as u64 * spec.cut / 100;
    let mut sequence = 0u32;
    for (index, prefix) in prefixes.iter().enumerate().take(n_written as usize) {
        let at = seconds_after(spec.at, span * index as i64 / prefixes.len() as i64);
        let found = (listed.iter().enumerate()).flat_map(|(place, &peer)| {
            tables.routes(peer, prefix, at).into_iter().map(move |(path_id, route)| (place, path_id, route))
        });
        for group in records_of(scenario, spec, &listed, prefix, found.collect(), format) {
            let entries: Vec<Entry> = (group.routes.iter())
                .map(|(place, path_id, route)| Entry {
                    peer_index: (place + usize::from(dummy.is_some())) as u16,
                    originated: clock(route.since),
                    path_id: (group.kind == RibKind::UnicastAddPath).then_some(*path_id),
                    session: &sessions[listed[*place]],
                    path: &route.path,
                })
                .collect();
            let Some((_, _, Route { nlri, .. })) = group.routes.first() else { continue };
            bytes.extend(match format {
                RibFormat::TableDumpV2 => mrt::rib_record(clock(at), sequence, group.kind, nlri, &entries),
                RibFormat::TableDump => mrt::table_dump_record(clock(at), sequence as u16, nlri, &entries[0]),
            });
            sequence += 1;
        }
    }
    if spec.is_twice {
        bytes.extend_from_within(..);
    }
    bytes
}

/// One RIB record to be.
struct Group {
    kind: RibKind,
    /// Place of the peer among the listed ones, path identifier, route.
    routes: Vec<(usize, u32, Route)>,
}

/// How the routes to one prefix are spread over records.
fn records_of(
    scenario: &Scenario,
    spec: &RibSpec,
    listed: &[PeerIndex],
    prefix: &Prefix,
    routes: Vec<(usize, u32, Route)>,
    format: RibFormat,
) -> Vec<Group> {
    if format == RibFormat::TableDump {
        return routes.into_iter().map(|route| Group { kind: RibKind::Unicast, routes: vec![route] }).collect();
    }
    let is_named = |names: &[Nlri]| names.iter().any(|nlri| nlri.prefix() == *prefix);
    if is_named(&spec.multicast) {
        return vec![Group { kind: RibKind::Multicast, routes }];
    }
    // Sessions with path identifiers have records of their own.
    let (with_ids, mut without_ids): (Vec<_>, Vec<_>) =
        routes.into_iter().partition(|(place, _, _)| spec.has_path_ids && scenario.peers[listed[*place]].has_add_path);
    let mut groups = Vec::new();
    if is_named(&spec.split) {
        let second = without_ids.split_off(without_ids.len().div_ceil(2));
        groups.push(Group { kind: RibKind::Unicast, routes: without_ids });
        without_ids = second;
    }
    groups.push(Group { kind: RibKind::Unicast, routes: without_ids });
    groups.push(Group { kind: RibKind::UnicastAddPath, routes: with_ids });
    groups
}

/// The tables that a dump shows: those of the world, with the statement's omissions and additions.
struct Tables<'a> {
    world: &'a World,
    spec: &'a RibSpec,
    peers: &'a [PeerIndex],
    end: Timestamp,
}

impl Tables<'_> {
    /// Every prefix that some peer ever holds, sorted.
    fn prefixes(&self) -> Vec<Prefix> {
        let held = self.peers.iter().flat_map(|&peer| self.world.keys(peer).map(|key| key.0));
        let stale = self.spec.stale.iter().map(|(_, route)| route.nlri.prefix());
        let prefixes: BTreeSet<Prefix> = held.chain(stale).collect();
        let is_held = |prefix: &Prefix| {
            let shown = |at| self.peers.iter().any(|&peer| !self.routes(peer, prefix, at).is_empty());
            shown(self.spec.at) || shown(self.end)
        };
        prefixes.into_iter().filter(is_held).collect()
    }

    /// What the dump shows of `peer` and `prefix`: path identifiers and routes.
    fn routes(&self, peer: PeerIndex, prefix: &Prefix, at: Timestamp) -> Vec<(u32, Route)> {
        if self.spec.omitted.iter().any(|(peers, what)| peers.contains(&peer) && omits(what, peer, prefix)) {
            return Vec::new();
        }
        let keys = self.world.keys_of(peer, prefix);
        let mut routes: Vec<(u32, Route)> =
            keys.filter_map(|key: &Key| Some((key.1, self.world.route(peer, key, at)?.clone()))).collect();
        for (_, stale) in self.spec.stale.iter().filter(|(p, stale)| *p == peer && stale.nlri.prefix() == *prefix) {
            let path: Rc<Path> = Rc::new(stale.path.clone());
            routes.push((stale.path_id, Route { nlri: stale.nlri, path, since: seconds_after(at, -3600) }));
        }
        routes
    }
}

fn omits(what: &Omission, peer: PeerIndex, prefix: &Prefix) -> bool {
    match what {
        Omission::Prefixes(Prefixes::Everything) => true,
        Omission::Prefixes(Prefixes::These(prefixes)) => prefixes.iter().any(|nlri| nlri.prefix() == *prefix),
        Omission::Share(share) => {
            let bits = prefix.bits();
            mix(&[peer as u64, (bits >> 64) as u64, bits as u64, u64::from(prefix.len())]) % 100 < *share
        }
    }
}

/// Peer number 0 of Quagga's peer tables, which stands for routes of the collector itself.
fn dummy_session() -> Session {
    Session {
        peer_asn: Asn(0),
        peer_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        local_asn: Asn(0),
        local_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        is_two_octet: true,
        has_add_path: false,
        is_legacy: false,
    }
}

/// An address of the documentation range for the collector itself.
pub fn collector_id(collector: CollectorIndex) -> [u8; 4] {
    [192, 0, 2, 250 - (collector % 250) as u8]
}
