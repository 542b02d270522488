//! Every real archive read in four ways, with the same result: by the filter, without it, from a reading of everything,
//! and with other threads at work on the container; and beside bgpkit-parser's own records.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bgpkit_parser::BgpkitParser;
use bgpkit_parser::models::ElemType;

use super::*;
use crate::bgp::{Asn, Peer};

/// Chosen by a seed, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

/// Prefixes as they stand in the file, parts and covers of them, and origins.
struct Targets {
    exact: Vec<Prefix>,
    within: Vec<Prefix>,
    origins: Vec<Asn>,
}

impl Targets {
    fn of(everything: &Reading, chance: &mut Chance) -> Targets {
        let mut targets = Targets { exact: Vec::new(), within: Vec::new(), origins: Vec::new() };
        let named: Vec<(Prefix, Option<&AsPath>)> =
            named(everything).map(|(_, _, prefix, path)| (prefix, path)).collect();
        for _ in 0..12 {
            let Some((prefix, path)) = named.get(chance.below(named.len())) else { break };
            match (chance.below(4), path) {
                (0, _) | (_, None) => targets.exact.push(*prefix),
                (1, _) => targets.exact.push(prefix.shortened_to(prefix.len().saturating_sub(2))),
                (2, _) => targets.within.push(prefix.shortened_to(prefix.len().saturating_sub(4).max(8))),
                (_, Some(path)) => targets.origins.extend(path.origin()),
            }
        }
        targets
    }

    fn selection(&self) -> Selection {
        let mut selection = Selection::new();
        self.exact.iter().for_each(|prefix| selection.add_prefix(*prefix));
        self.within.iter().for_each(|prefix| selection.add_within(*prefix));
        self.origins.iter().for_each(|origin| selection.add_origin(*origin));
        selection
    }

    fn n(&self) -> usize {
        self.exact.len() + self.within.len() + self.origins.len()
    }

    /// Whether a route is one of these, found without any of the tables of a [`Selection`].
    fn match_route(&self, prefix: &Prefix, path: Option<&AsPath>) -> bool {
        let covers = |chosen: &Prefix| {
            let shortest = selection::MIN_COVER_LENGTH[chosen.family() as usize];
            prefix == chosen || prefix.contains(chosen) && prefix.len() >= shortest
        };
        self.exact.iter().any(covers)
            || self.within.iter().any(|chosen| covers(chosen) || chosen.contains(prefix))
            || path.is_some_and(|path| self.origins.iter().any(|origin| path.originates(*origin)))
    }
}

/// Every route that a file names: index of the record, peer, prefix, path. A withdrawal has no path.
fn named(reading: &Reading) -> impl Iterator<Item = (u64, PeerIndex, Prefix, Option<&AsPath>)> {
    let listed = reading.rib.iter().map(|(of, entry)| (of.record, entry.peer, of.prefix, Some(&entry.path)));
    let changed = reading.events.iter().filter_map(|event| match &event.change {
        Change::Announce { prefix, path, .. } => Some((event.record, event.peer, *prefix, Some(path))),
        Change::Withdraw { prefix, .. } => Some((event.record, event.peer, *prefix, None)),
        _ => None,
    });
    listed.chain(changed)
}

/// The prefixes of which a RIB dump holds a route of a chosen origin, and those that cover them: their other routes are
/// reported too.
fn beside_origins(reading: &Reading, targets: &Targets) -> BTreeSet<Prefix> {
    let mut beside = BTreeSet::new();
    for (RibRecord { prefix, .. }, entry) in reading.rib.iter() {
        if targets.origins.iter().any(|origin| entry.path.originates(*origin)) && beside.insert(*prefix) {
            let shortest = selection::MIN_COVER_LENGTH[prefix.family() as usize];
            beside.extend((shortest..prefix.len()).map(|length| prefix.shortened_to(length)));
        }
    }
    beside
}

fn matches(event: &RouteEvent, targets: &Targets) -> bool {
    match &event.change {
        Change::Announce { prefix, path, .. } => targets.match_route(prefix, Some(path)),
        Change::Withdraw { prefix, .. } => targets.match_route(prefix, None),
        _ => true,
    }
}

type Routes = BTreeMap<(char, Peer, Prefix), usize>;

fn routes(reading: &Reading, targets: &Targets) -> Routes {
    let mut routes = Routes::new();
    for (_, peer, prefix, path) in named(reading).filter(|(_, _, prefix, path)| targets.match_route(prefix, *path)) {
        let kind = if path.is_some() { 'A' } else { 'W' };
        *routes.entry((kind, reading.census.peers[peer as usize].peer, prefix)).or_default() += 1;
    }
    routes
}

/// What bgpkit-parser makes of the same octets.
fn of_parser(plain: &[u8], targets: &Targets) -> Routes {
    let mut routes = Routes::new();
    for elem in BgpkitParser::from_reader(plain) {
        let net = elem.prefix.prefix;
        let Some(prefix) = Prefix::new(net.network(), net.prefix_len()) else { continue };
        let kind = match elem.elem_type {
            ElemType::ANNOUNCE => 'A',
            ElemType::WITHDRAW => 'W',
        };
        let of_origin = || elem.origin_asns.iter().flatten().any(|asn| targets.origins.contains(&Asn(asn.to_u32())));
        if targets.match_route(&prefix, None) || kind == 'A' && of_origin() {
            let peer = Peer { address: elem.peer_ip, asn: Asn(elem.peer_asn.to_u32()) };
            *routes.entry((kind, peer, prefix)).or_default() += 1;
        }
    }
    routes
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// The content as far as it can be read.
fn content(stored: &[u8]) -> Vec<u8> {
    let helpers = Helpers::new();
    let mut content = Vec::new();
    let _ = container::decompress(stored, &helpers).read_to_end(&mut content);
    content
}

fn with_helpers(stored: &[u8], selection: &Selection, n_helping: usize) -> Reading {
    let helpers = Helpers::new();
    std::thread::scope(|scope| {
        (0..n_helping).for_each(|_| drop(scope.spawn(|| helpers.help())));
        let reading = read_with(stored, selection, &helpers);
        helpers.dismiss();
        reading
    })
}

fn same(a: &Reading, b: &Reading) -> bool {
    let control = |reading: &Reading| {
        let Control { prefixes, held, changes, .. } = &reading.census.control;
        (prefixes.clone(), held.clone(), changes.clone())
    };
    let found = |reading: &'_ Reading| (reading.events.clone(), reading.rib.clone());
    (&a.census.peers, found(a), a.census.span, &a.census.ending, a.census.lacks_peer_table, control(a))
        == (&b.census.peers, found(b), b.census.span, &b.census.ending, b.census.lacks_peer_table, control(b))
}

#[test]
fn real_archives_read_alike_in_every_way() {
    let Some(root) = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from) else {
        let _ =
            writeln!(std::io::stderr(), "differential: skipped, OUTAGE_REPLAY_MRT does not name a folder of archives");
        return;
    };
    let mut files = Vec::new();
    collect(&root.join("archive"), &mut files);
    collect(&root.join("odd"), &mut files);
    files.sort();
    let everything = Targets {
        exact: Vec::new(),
        within: ["0.0.0.0/0", "::/0"].map(|prefix| prefix.parse().unwrap()).to_vec(),
        origins: Vec::new(),
    };
    let (mut n_records, mut n_targets, mut n_routes, mut n_beside, mut n_beside_parser) = (0, 0, 0, 0, 0);
    let mut chance = Chance(6);
    for file in &files {
        let stored = fs::read(file).unwrap();
        let plain = content(&stored);
        let whole = read(&plain[..], &everything.selection());
        let targets = Targets::of(&whole, &mut chance);
        let selection = targets.selection();
        // Decompressing is what costs.
        let is_whole = whole.census.ending == Ending::Complete && whole.census.counts.damaged == 0;
        let once = if is_whole { &plain[..] } else { &stored[..] };
        let alone = read(once, &selection);
        let helped = with_helpers(&stored, &selection, 1 + chance.below(3));
        assert!(
            same(&alone, &helped) && alone.census.counts == helped.census.counts,
            "{}: with helpers",
            file.display()
        );
        let unfiltered = records::read_decoding_all(container::decompress(once, &Helpers::new()), &selection);
        assert!(same(&alone, &unfiltered), "{}: without the filter", file.display());
        let beside = beside_origins(&whole, &targets);
        let expected = whole.events.iter().filter(|event| matches(event, &targets));
        assert!(alone.events.iter().eq(expected), "{}: changes out of everything", file.display());
        let is_meant = |(of, entry): &(&RibRecord, &RibEntry)| targets.match_route(&of.prefix, Some(&entry.path));
        let (own, more): (Vec<_>, Vec<_>) = alone.rib.iter().partition(is_meant);
        assert!(own.into_iter().eq(whole.rib.iter().filter(is_meant)), "{}: entries out of everything", file.display());
        assert!(more.iter().all(|(of, _)| beside.contains(&of.prefix)), "{}: more than was asked for", file.display());
        let reported: BTreeSet<_> = named(&alone).map(|(record, peer, prefix, _)| (record, peer, prefix)).collect();
        for (record, peer, prefix, _) in named(&whole).filter(|_| selection.has_origins()) {
            let is_known = reported.contains(&(record, peer, prefix)) || alone.skipped_prefixes.may_affect(&prefix);
            assert!(is_known, "{}: {prefix} was lost", file.display());
        }
        n_beside += more.len();
        n_records += alone.census.counts.records;
        n_targets += targets.n();
        n_routes += alone.events.len() + alone.rib.len();
        // The parser drops or misreads what is damaged or against its expectations.
        if is_whole {
            let (own, parsed) = (routes(&alone, &targets), of_parser(&plain, &targets));
            if own == parsed {
                n_beside_parser += 1;
            } else {
                let _ = writeln!(
                    std::io::stderr(),
                    "{}: {} routes, {} by the parser",
                    file.display(),
                    own.len(),
                    parsed.len()
                );
            }
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "differential: {} files, {n_records} records, {n_targets} targets, {n_routes} events, {n_beside} more beside those of an origin, 0 differences; {n_beside_parser} \
         files also equal to bgpkit-parser's records",
        files.len(),
    );
    assert!(n_routes > 0 && n_beside > 0);
}
