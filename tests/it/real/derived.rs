//! RIB dumps derived from a day of updates: what each peer held at 08:00, 12:00 and 16:00.
//!
//! No real archives with many peers and RIB dumps of the same day are available, so the dumps are derived from updates:
//! a deliberately plain replay follows a part of the prefixes per peer. The update files keep their messages about this
//! part, and the rest becomes KEEPALIVEs, so that no peer falls silent. A model as plain as that replay determines the
//! true outages: which peers hold a prefix, and from which origin.

mod claims;

use std::collections::HashMap;

use super::records::{self, Copied, Speaker, session, stamped, update};
use super::*;
use crate::field::bytes::{self, Peer};

use outage_replay::bgp::Prefix;
use outage_replay::query::Thresholds;
use tempfile::TempDir;

/// A day of updates, and the part of it that is replayed.
struct Day {
    collector: &'static str,
    folder: &'static str,
    rib: &'static str,
    names: [&'static str; 2],
    dumps: &'static [&'static str],
    window: &'static str,
    min_peers: usize,
    /// A prefix is of interest if this many peers withdraw it.
    n_withdraw: u32,
}

const OF_2008: Day = Day {
    collector: "route-views2",
    folder: "route-views2/bgpdata/2008.02/UPDATES",
    rib: "route-views2/bgpdata/2008.02/RIBS/rib.20080219.",
    names: ["updates.20080219.0604", "updates.20080219.1641"],
    dumps: &["2008-02-19T08:00:00Z", "2008-02-19T12:00:00Z", "2008-02-19T16:00:00Z"],
    window: "2008-02-19T08:30 2008-02-19T16:30",
    min_peers: 5,
    n_withdraw: 10,
};

const OF_2002: Day = Day {
    collector: "route-views2",
    folder: "route-views2/bgpdata/2002.01/UPDATES",
    rib: "route-views2/bgpdata/2002.01/RIBS/rib.20020101.",
    names: ["updates.20020101.0012", "updates.20020101.0828"],
    // Named in Pacific time.
    dumps: &["2002-01-01T09:30:00Z", "2002-01-01T12:00:00Z", "2002-01-01T14:00:00Z"],
    window: "2002-01-01T10:05 2002-01-01T16:30",
    min_peers: 10,
    n_withdraw: 8,
};

const OF_2021: Day = Day {
    collector: "rrc06",
    folder: "rrc06/2021.01",
    rib: "rrc06/2021.01/bview.20210102.",
    names: ["updates.20210102.0505", "updates.20210102.0910"],
    dumps: &["2021-01-02T06:30:00Z", "2021-01-02T08:00:00Z"],
    window: "2021-01-02T06:35 2021-01-02T09:10",
    min_peers: 2,
    n_withdraw: 2,
};

/// The held routes of all peers: the segments of the path by prefix.
type Tables = BTreeMap<Speaker, HashMap<Prefix, Vec<u8>>>;

/// One change of one route: the new origin, and whether there is a route at all.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: i64,
    peer: Speaker,
    holds: bool,
    origin: Option<u32>,
}

/// A replayed day: the archive with its dumps, and what is true.
struct Derived {
    archive: TempDir,
    history: HashMap<Prefix, Vec<Change>>,
    /// The tables at each dump.
    tables: Vec<Tables>,
}

/// A number that looks random and is the same everywhere.
fn hash(prefix: &Prefix) -> u64 {
    let mut z = prefix.bits() as u64 ^ (prefix.bits() >> 64) as u64 ^ u64::from(prefix.len());
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is seen of a prefix in a day, by which it is chosen. Peers are bits.
#[derive(Default)]
struct Seen {
    first: i64,
    announced_by: u64,
    withdrawn_by: u64,
    origins: BTreeSet<u32>,
}

impl Day {
    /// The prefixes that are taken: of those that many withdraw, that are new or that have several origins, some by
    /// hash, and whatever covers these.
    fn chosen(&self, files: &BTreeMap<String, Vec<Vec<u8>>>) -> BTreeSet<Prefix> {
        let mut seen: HashMap<Prefix, Seen> = HashMap::new();
        let mut peers: HashMap<Speaker, u32> = HashMap::new();
        for record in files.values().flatten() {
            let Some(session) = session(record) else { continue };
            let Some(update) = update(record, &session) else { continue };
            let n_peers = peers.len() as u32;
            let bit = 1_u64 << (*peers.entry(session.speaker).or_insert(n_peers)).min(63);
            for prefix in &update.withdrawn {
                seen.entry(*prefix)
                    .or_insert_with(|| Seen { first: stamped(record), ..Seen::default() })
                    .withdrawn_by |= bit;
            }
            for prefix in &update.announced {
                let seen = seen.entry(*prefix).or_insert_with(|| Seen { first: stamped(record), ..Seen::default() });
                seen.announced_by |= bit;
                seen.origins.extend(update.origin());
            }
        }
        let first = at(self.dumps[0]).secs();
        #[expect(clippy::type_complexity, reason = "a table of three rows, used once")]
        let kinds: [(usize, &dyn Fn(&Seen) -> bool); 3] = [
            (600, &|seen: &Seen| seen.withdrawn_by.count_ones() >= self.n_withdraw),
            (200, &|seen: &Seen| seen.first > first && seen.announced_by.count_ones() >= self.n_withdraw),
            (200, &|seen: &Seen| seen.origins.len() > 1 && seen.announced_by.count_ones() >= self.n_withdraw),
        ];
        let mut chosen = BTreeSet::new();
        for (n, is_kind) in kinds {
            let mut of_kind: Vec<Prefix> =
                seen.iter().filter(|(_, seen)| is_kind(seen)).map(|(prefix, _)| *prefix).collect();
            of_kind.sort_by_key(|prefix| (hash(prefix), *prefix));
            chosen.extend(of_kind.into_iter().take(n));
        }
        let covers = |prefix: &Prefix| (0..prefix.len()).map(|length| prefix.shortened_to(length)).collect::<Vec<_>>();
        let covering: Vec<Prefix> = chosen.iter().flat_map(covers).filter(|prefix| seen.contains_key(prefix)).collect();
        chosen.extend(covering);
        chosen
    }

    fn derive(&self) -> Option<Derived> {
        let folder = folder()?;
        let archive = TempDir::new().expect("a temporary folder");
        let files = Copied::of(&folder.join("archive"), self.folder, self.names[0], self.names[1]).files;
        let chosen = self.chosen(&files);
        let mut dumps = self.dumps.iter().map(|text| at(text).secs()).peekable();
        let mut derived = Derived { archive, history: HashMap::new(), tables: Vec::new() };
        let mut tables = Tables::new();
        let mut alive: HashMap<Speaker, i64> = HashMap::new();
        for (name, records) in files {
            let mut kept = Vec::new();
            for record in records {
                let now = stamped(&record);
                if dumps.next_if(|dump| *dump <= now).is_some() {
                    derived.tables.push(tables.clone());
                }
                kept.extend(reduced(record, &chosen, &mut derived, &mut tables, &mut alive));
            }
            write(&derived.archive, &name, &kept);
        }
        let n_steady = steady(&tables);
        for (dump, tables) in self.dumps.iter().zip(&derived.tables) {
            derived.write_dump(self, at(dump).secs(), tables, &n_steady);
        }
        Some(derived)
    }
}

/// The content of a record about the selected part, which is applied. Messages that cannot be read stay as they are.
fn reduced(
    record: Vec<u8>,
    chosen: &BTreeSet<Prefix>,
    derived: &mut Derived,
    tables: &mut Tables,
    alive: &mut HashMap<Speaker, i64>,
) -> Vec<u8> {
    let Some(session) = session(&record) else { return record };
    let Some(mut update) = update(&record, &session) else { return record };
    let is_taken = |prefix: &Prefix| chosen.contains(prefix);
    update.withdrawn.retain(is_taken);
    update.announced.retain(is_taken);
    let (now, peer) = (stamped(&record), session.speaker);
    let table = tables.entry(peer).or_default();
    for prefix in &update.withdrawn {
        table.remove(prefix);
        let change = Change { at: now, peer, holds: false, origin: None };
        derived.history.entry(*prefix).or_default().push(change);
    }
    for prefix in &update.announced {
        table.insert(*prefix, update.path.clone());
        let change = Change { at: now, peer, holds: true, origin: update.origin() };
        derived.history.entry(*prefix).or_default().push(change);
    }
    let mut header = record[..session.message].to_vec();
    if update.withdrawn.is_empty() && update.announced.is_empty() {
        // A message every ten seconds is enough.
        let last = alive.entry(peer).or_insert(i64::MIN);
        if now < last.saturating_add(10) {
            return Vec::new();
        }
        *last = now;
        header.extend(bytes::message(bytes::KEEPALIVE, &[]));
    } else {
        header.extend(rewritten(&update, peer, session.is_wide));
    }
    records::set_length(&mut header);
    header
}

/// The same UPDATE about fewer prefixes: next hop, origin code and communities do not matter here.
fn rewritten(update: &records::Update, peer: Speaker, is_wide: bool) -> Vec<u8> {
    let of = |prefixes: &[Prefix], family: Family| -> Vec<Prefix> {
        prefixes.iter().copied().filter(|prefix| prefix.family() == family).collect()
    };
    let peer = Peer { asn: peer.asn, address: peer.address, local_asn: 0 };
    let mut attributes = Vec::new();
    if !update.announced.is_empty() {
        let path = if is_wide { update.path.clone() } else { narrowed(&update.path) };
        attributes.extend([bytes::origin(), bytes::attribute(0x40, 2, &path), bytes::next_hop(&peer)].concat());
    }
    let announced = of(&update.announced, Family::V6);
    if !announced.is_empty() {
        attributes.extend(bytes::mp_reach(bytes::UNICAST, &peer, 0, &announced));
    }
    let withdrawn = of(&update.withdrawn, Family::V6);
    if !withdrawn.is_empty() {
        attributes.extend(bytes::mp_unreach(bytes::UNICAST, &withdrawn));
    }
    let [withdrawn, announced] = [&update.withdrawn, &update.announced].map(|all| bytes::list(&of(all, Family::V4)));
    bytes::update(&withdrawn, &attributes, &announced)
}

fn narrowed(mut path: &[u8]) -> Vec<u8> {
    let mut narrow = Vec::new();
    while let [kind, n, after @ ..] = path {
        let (members, rest) = after.split_at(4 * usize::from(*n));
        narrow.extend([*kind, *n]);
        members.chunks(4).for_each(|asn| narrow.extend(&asn[2..]));
        path = rest;
    }
    narrow
}

fn write(archive: &TempDir, name: &str, records: &[u8]) {
    let path = archive.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, records).expect("a file");
}

/// The routes of one prefix in a dump: who holds it, by index and peer, with the segments of the path.
type Entries = Vec<(u16, Peer, Vec<u8>)>;

impl Derived {
    /// Writes the tables of all peers as a RIB dump.
    fn write_dump(&self, day: &Day, now: i64, tables: &Tables, n_steady: &BTreeMap<Speaker, [usize; 2]>) {
        let peers: Vec<Peer> =
            tables.keys().map(|speaker| Peer { asn: speaker.asn, address: speaker.address, local_asn: 6447 }).collect();
        let rows: Vec<u8> = peers.iter().flat_map(bytes::row).collect();
        let mut routes: BTreeMap<Prefix, Entries> = BTreeMap::new();
        for (index, table) in tables.values().enumerate() {
            let entry = |path: &[u8]| (index as u16, peers[index], path.to_vec());
            for (prefix, path) in table {
                routes.entry(*prefix).or_default().push(entry(path));
            }
            let path = bytes::segment(2, &[peers[index].asn, 64_500], true);
            let speaker = Speaker { asn: peers[index].asn, address: peers[index].address };
            for family in Family::ALL {
                for number in 0..n_steady[&speaker][family as usize] {
                    routes.entry(steady_prefix(family, number)).or_default().push(entry(&path));
                }
            }
        }
        let mut dump = bytes::peer_index_table(now, peers.len(), &rows);
        for (sequence, (prefix, entries)) in routes.iter().enumerate() {
            dump.extend(bytes::rib_record(now, sequence as u32, prefix, entries));
        }
        // Names of route-views2 were in Pacific time in 2002.
        let named = if day.names[0].contains("2002") { now - 8 * 3600 } else { now };
        let clock = chrono::DateTime::from_timestamp(named, 0).expect("a time").format("%H%M");
        write(&self.archive, &format!("{}{clock}", day.rib), &dump);
    }

    fn ask(&self, day: &Day, targets: Vec<Target>, thresholds: Thresholds) -> Report {
        let mut options = at_least(day.min_peers);
        options.criteria.thresholds = thresholds;
        // Every dump is compared with what a plain model says of it.
        replay_with(RibChoice::All, self.archive.path(), (day.collector, day.window), targets, &options)
    }

    /// How many peers hold a prefix in the tables of a dump, by its number, and how many peers have any table.
    fn held_in(&self, dump: usize, prefix: &Prefix) -> (usize, usize) {
        let tables = &self.tables[dump];
        (tables.values().filter(|table| table.contains_key(prefix)).count(), tables.len())
    }

    /// Up to `n` prefixes with at least one withdrawal, by hash.
    fn sample(&self, n: usize, min_peers: usize) -> Vec<Prefix> {
        let mut all: Vec<Prefix> = self
            .history
            .iter()
            .filter(|(_, changes)| changes.iter().any(|change| !change.holds))
            .map(|(prefix, _)| *prefix)
            .collect();
        // First those that the first dump shows sufficiently.
        all.sort_by_key(|prefix| (self.held_in(0, prefix).0 < min_peers, hash(prefix), *prefix));
        all.truncate(n);
        all.sort();
        all
    }

    /// When some of these peers hold a prefix, by the plainest model there is: from, to, and how many at most.
    fn held(&self, prefix: &Prefix, peers: &BTreeSet<Speaker>, end: i64) -> Vec<Stretch> {
        let mut holding: BTreeSet<Speaker> = BTreeSet::new();
        let mut stretches: Vec<Stretch> = Vec::new();
        let changes = &self.history[prefix];
        for (index, change) in changes.iter().enumerate().filter(|(_, change)| peers.contains(&change.peer)) {
            let n_before = holding.len();
            if change.holds {
                holding.insert(change.peer)
            } else {
                holding.remove(&change.peer)
            };
            // A change that is undone within its second does not count.
            let is_last = changes[index + 1..]
                .iter()
                .find(|next| peers.contains(&next.peer))
                .is_none_or(|next| next.at > change.at);
            match (n_before, holding.len(), stretches.last_mut()) {
                (0, 1.., Some(last)) if last.to == change.at => last.to = i64::MAX,
                (0, 1.., _) => stretches.push(Stretch { from: change.at, to: i64::MAX, n_peers: holding.len() }),
                (1.., 0, Some(last)) => last.to = change.at,
                _ => {}
            }
            if let Some(last) = stretches.last_mut().filter(|_| is_last) {
                last.n_peers = last.n_peers.max(holding.len());
            }
        }
        stretches.retain(|stretch| stretch.from < stretch.to && stretch.from < end);
        stretches
    }

    /// At a moment: how many of these peers hold a prefix, and how many of them by this origin.
    fn votes(&self, prefix: &Prefix, peers: &BTreeSet<Speaker>, origin: u32, now: i64) -> (usize, usize) {
        let mut held: BTreeMap<Speaker, Option<u32>> = BTreeMap::new();
        for change in self.history[prefix].iter().filter(|change| change.at <= now && peers.contains(&change.peer)) {
            if change.holds {
                held.insert(change.peer, change.origin)
            } else {
                held.remove(&change.peer)
            };
        }
        (held.len(), held.values().filter(|held| **held == Some(origin)).count())
    }
}

/// Routes that stay all day are in no update. Each peer gets some of them, by family, so that its table is about as
/// large in every dump: most become full feeds, and peers with few messages get fewer.
fn steady(tables: &Tables) -> BTreeMap<Speaker, [usize; 2]> {
    let size = |table: &HashMap<Prefix, Vec<u8>>, family: Family| {
        table.keys().filter(|prefix| prefix.family() == family).count()
    };
    let mut n_steady: BTreeMap<Speaker, [usize; 2]> = BTreeMap::new();
    for family in Family::ALL {
        let mut sizes: Vec<usize> = tables.values().map(|table| size(table, family)).filter(|n| *n > 0).collect();
        sizes.sort_unstable();
        let (median, largest) = (sizes.get(sizes.len() / 2).copied(), sizes.last().copied().unwrap_or(0));
        assert!(3 * largest < 16_384, "{largest} prefixes are too many: take fewer");
        for (speaker, table) in tables {
            let own = size(table, family);
            let is_full = median.is_some_and(|median| own * 5 >= median);
            n_steady.entry(*speaker).or_default()[family as usize] = 3 * if is_full { largest } else { own };
        }
    }
    n_steady
}

fn steady_prefix(family: Family, number: usize) -> Prefix {
    let text = match family {
        Family::V4 => format!("100.{}.{}.0/24", 64 + number / 256, number % 256),
        Family::V6 => format!("3fff:{number:x}::/32"),
    };
    text.parse().expect("a prefix")
}

/// An interval during which a peer holds a prefix.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    to: i64,
    n_peers: usize,
}
