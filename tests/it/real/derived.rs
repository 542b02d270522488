//! RIB dumps derived from a day of updates: what each peer held at 08:00, 12:00 and 16:00.
//!
//! Real archives with many peers and dumps of the same day are not at hand, so that dumps are made of updates: a part
//! of the prefixes, chosen by hash, is replayed per peer without any further thought. The update files keep what they
//! say of this part, and the rest becomes KEEPALIVEs, so that nobody falls silent. A model as plain as that replay
//! says what is true of outages: who holds a prefix, and by which origin.

use std::collections::HashMap;

use super::records::{self, Speaker, session, stamped, update};
use super::*;
use crate::field::bytes::{self, Peer};

use outage_replay::bgp::Prefix;
use outage_replay::detect::Thresholds;
use outage_replay::visibility::Timeline;
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
    /// One of so many networks of 16 bits is taken, with everything in it.
    one_of: u64,
}

const OF_2008: Day = Day {
    collector: "route-views2",
    folder: "route-views2/bgpdata/2008.02/UPDATES",
    rib: "route-views2/bgpdata/2008.02/RIBS/rib.20080219.",
    names: ["updates.20080219.0604", "updates.20080219.1641"],
    dumps: &["2008-02-19T08:00:00Z", "2008-02-19T12:00:00Z", "2008-02-19T16:00:00Z"],
    window: "2008-02-19T08:30 2008-02-19T16:30",
    min_peers: 10,
    one_of: 160,
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
    one_of: 8,
};

const OF_2021: Day = Day {
    collector: "rrc06",
    folder: "rrc06/2021.01",
    rib: "rrc06/2021.01/bview.20210102.",
    names: ["updates.20210102.0505", "updates.20210102.0910"],
    dumps: &["2021-01-02T06:30:00Z", "2021-01-02T08:00:00Z"],
    window: "2021-01-02T06:35 2021-01-02T09:10",
    min_peers: 2,
    one_of: 16,
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
    let block = prefix.shortened_to(prefix.len().min(if prefix.family() == Family::V4 { 16 } else { 32 }));
    let mut z = block.bits() as u64 ^ (block.bits() >> 64) as u64 ^ u64::from(block.len());
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Day {
    fn derive(&self) -> Option<Derived> {
        let folder = folder()?;
        let archive = TempDir::new().expect("a temporary folder");
        let mut names: Vec<PathBuf> = std::fs::read_dir(folder.join("archive").join(self.folder))
            .expect("a folder")
            .map(|file| file.expect("a file").path())
            .filter(|path| {
                let stem = path.file_stem().expect("a name").to_string_lossy();
                *self.names[0] <= *stem && *stem <= *self.names[1]
            })
            .collect();
        names.sort();
        let mut dumps = self.dumps.iter().map(|text| at(text).secs()).peekable();
        let mut derived = Derived { archive, history: HashMap::new(), tables: Vec::new() };
        let mut tables = Tables::new();
        let mut alive: HashMap<Speaker, i64> = HashMap::new();
        for path in names {
            let mut kept = Vec::new();
            for record in records::records(&records::content(&path)) {
                let now = stamped(&record);
                if dumps.next_if(|dump| *dump <= now).is_some() {
                    derived.tables.push(tables.clone());
                }
                kept.extend(self.reduced(record, &mut derived, &mut tables, &mut alive));
            }
            let name = format!("{}/{}", self.folder, path.file_stem().expect("a name").to_string_lossy());
            write(&derived.archive, &name, &kept);
        }
        let n_steady = steady(&tables);
        for (dump, tables) in self.dumps.iter().zip(&derived.tables) {
            derived.write_dump(self, at(dump).secs(), tables, &n_steady);
        }
        Some(derived)
    }

    /// What a record says of the part that is taken, and applies it. Messages that cannot be read stay as they are.
    fn reduced(
        &self,
        record: Vec<u8>,
        derived: &mut Derived,
        tables: &mut Tables,
        alive: &mut HashMap<Speaker, i64>,
    ) -> Vec<u8> {
        let Some(session) = session(&record) else { return record };
        let Some(mut update) = update(&record, &session) else { return record };
        let is_taken = |prefix: &Prefix| hash(prefix).is_multiple_of(self.one_of);
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
            // A word every ten seconds is enough.
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
        let options = Options { thresholds, ..at_least(day.min_peers) };
        replay(self.archive.path(), (day.collector, day.window), targets, &options)
    }

    /// How many peers hold a prefix in the tables of a dump, by its number, and how many peers have any table.
    fn held_in(&self, dump: usize, prefix: &Prefix) -> (usize, usize) {
        let tables = &self.tables[dump];
        (tables.values().filter(|table| table.contains_key(prefix)).count(), tables.len())
    }

    /// Up to `n` prefixes with at least one withdrawal, by hash.
    fn sample(&self, n: usize) -> Vec<Prefix> {
        let mut all: Vec<Prefix> = self
            .history
            .iter()
            .filter(|(_, changes)| changes.iter().any(|change| !change.holds))
            .map(|(prefix, _)| *prefix)
            .collect();
        all.sort_by_key(|prefix| {
            (prefix.bits() as u64 ^ (prefix.bits() >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
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
            // What is undone within its second does not count.
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

/// Routes that stay all day are in no update. Each peer is given so many of them, by family, that its table is about as
/// large in every dump: most get as many as makes them full feeds, those that rarely speak fewer.
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

/// A time during which somebody holds a prefix.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    to: i64,
    n_peers: usize,
}

fn exact(prefixes: &[Prefix]) -> Vec<Target> {
    prefixes.iter().map(|prefix| Target::Prefix(*prefix, Match::Exact)).collect()
}

/// The peers by whom a prefix is judged.
fn judges(timeline: &Timeline) -> BTreeSet<Speaker> {
    let speaker =
        |point: &outage_replay::bgp::VantagePoint| Speaker { asn: point.peer.asn.0, address: point.peer.address };
    timeline.baseline.vantage_points.iter().map(speaker).collect()
}

/// Nobody left is down, anybody back is up, and nothing is merged.
fn plain_rule() -> Thresholds {
    Thresholds { down_below: 1e-9, up_at: 1e-9, merge_gap: Duration::ZERO, ..Thresholds::default() }
}

/// A rule by its name, and what contradicts it.
type Check = (&'static str, fn(&Day, &Derived) -> Vec<String>);

const CHECKS: [Check; 5] = [
    ("dumps that say what the updates say correct nothing", corrected_by_dumps),
    ("outages agree with a plain model to the second", unlike_the_model),
    ("a prefix that no earlier dump has is not lost before its first announcement", lost_before_announced),
    ("a prefix that a dump inside the window lists is judged from then on", not_judged),
    ("an origin is replaced only where it was one and another is there", replaced),
];

fn check(day: &Day) {
    let Some(derived) = day.derive() else { return };
    let mut wrong = Vec::new();
    for (rule, contradictions) in CHECKS {
        let found = contradictions(day, &derived);
        if !found.is_empty() {
            wrong.push(format!("{rule}: {} times not\n  {}", found.len(), found[..found.len().min(15)].join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_claimed_of_2008_with_derived_dumps_is_true() {
    check(&OF_2008);
}

#[test]
fn what_is_claimed_of_2002_with_derived_dumps_is_true() {
    check(&OF_2002);
}

#[test]
fn what_is_claimed_of_2021_with_derived_dumps_is_true() {
    check(&OF_2021);
}

fn corrected_by_dumps(day: &Day, derived: &Derived) -> Vec<String> {
    let report = derived.ask(day, exact(&derived.sample(50)), Thresholds::default());
    let [collector] = &report.coverage.collectors[..] else { panic!("{:?}", report.coverage.collectors) };
    let files = report.files.iter().filter(|file| file.detail.is_some());
    let mut wrong: Vec<String> =
        files.map(|file| format!("{}: {} {:?}", file.name, file.verdict, file.detail)).collect();
    // Messages that the collector of 2008 cut are damaged, and nothing else is.
    wrong.retain(|file| !file.contains(": damaged"));
    if (collector.n_rib_dumps, collector.n_rib_dumps_rejected) != (day.dumps.len(), 0) {
        wrong.push(format!("{} dumps, {} rejected", collector.n_rib_dumps, collector.n_rib_dumps_rejected));
    }
    if collector.missed_announcements + collector.missed_withdrawals > 0 {
        let (announced, withdrawn) = (collector.missed_announcements, collector.missed_withdrawals);
        wrong.push(format!("{announced} announcements and {withdrawn} withdrawals missed"));
    }
    wrong
}

/// By the rule of the model, every outage of nearly all peers is found to the second, and no other.
fn unlike_the_model(day: &Day, derived: &Derived) -> Vec<String> {
    let report = derived.ask(day, exact(&derived.sample(300)), plain_rule());
    let (from, to) = (report.parameters.from.secs(), report.parameters.to.secs());
    let (mut wrong, mut n_same, mut n_unjudged) = (Vec::new(), 0, 0);
    for timeline in &report.timelines {
        let prefix = timeline.prefix;
        let peers = judges(timeline);
        if peers.len() < day.min_peers {
            n_unjudged += 1;
            continue;
        }
        let held = derived.held(&prefix, &peers, to);
        let outages: Vec<&Outage> = report.findings.outages.iter().filter(|o| o.prefix == Some(prefix)).collect();
        let mut explained = BTreeSet::new();
        for pair in held.windows(2).map(|pair| (pair[0], Some(pair[1]))).chain(held.last().map(|last| (*last, None))) {
            let (lost, back) = (pair.0.to, pair.1.map(|next| next.from));
            // Nearly all of them held it before.
            let is_clear = pair.0.n_peers * 10 >= peers.len() * 9;
            let is_long = back.unwrap_or(to) - lost >= 120 && lost >= from + 1 && lost < to - 120;
            let same = outages.iter().position(|o| {
                o.start.map(|at| at.secs()) == Some(lost) && o.end.map(|at| at.secs()) == back.filter(|back| *back < to)
            });
            match same {
                Some(index) => n_same += usize::from(explained.insert(index)),
                None if is_clear && is_long => {
                    wrong.push(format!(
                        "{prefix}: missed {} to {:?}",
                        Timestamp::from_secs(lost),
                        back.map(Timestamp::from_secs)
                    ));
                }
                None => {}
            }
        }
        for (index, outage) in outages.iter().enumerate().filter(|(index, _)| !explained.contains(index)) {
            let lost = outage.start.unwrap_or(outage.start_bounds.latest.unwrap_or(report.parameters.from)).secs();
            let was_held = held.iter().any(|stretch| stretch.from < lost && stretch.n_peers * 2 >= peers.len());
            if !was_held {
                wrong.push(format!("{prefix}: lost at {} and not held before ({index})", outage.loss.first));
            }
            let middle = lost + outage.duration.as_secs() as i64 / 2;
            if held.iter().any(|stretch| stretch.from <= middle && middle < stretch.to) {
                wrong.push(format!("{prefix}: held by some of {} in the middle of {}", peers.len(), outage.id));
            }
        }
    }
    println!("{}: {n_same} outages to the second, {n_unjudged} prefixes not judged", day.window);
    if n_same < 20 {
        wrong.push(format!("only {n_same} outages are the same, {n_unjudged} prefixes are not judged"));
    }
    wrong
}

fn lost_before_announced(day: &Day, derived: &Derived) -> Vec<String> {
    let first = at(day.dumps[0]).secs();
    let mut new: Vec<Prefix> = derived
        .history
        .iter()
        .filter(|(prefix, changes)| derived.held_in(0, prefix).0 == 0 && changes.iter().all(|change| change.at > first))
        .map(|(prefix, _)| *prefix)
        .collect();
    new.sort();
    new.truncate(400);
    let report = derived.ask(day, exact(&new), Thresholds::default());
    let wrong: Vec<String> = report
        .findings
        .outages
        .iter()
        .filter(|outage| {
            let changes = &derived.history[&outage.prefix.expect("a prefix")];
            let announced = changes.iter().find(|change| change.holds).map_or(i64::MAX, |change| change.at);
            outage.start.map_or(outage.loss.first, |start| start).secs() < announced
        })
        .map(|outage| format!("{} {:?}", outage.id, outage.censored))
        .collect();
    println!("{}: {} new prefixes, {} outages", day.window, new.len(), report.findings.outages.len());
    wrong
}

fn not_judged(day: &Day, derived: &Derived) -> Vec<String> {
    let noon = at(day.dumps[1]).secs();
    let mut listed: Vec<Prefix> = derived
        .history
        .keys()
        .filter(|prefix| {
            let (n_holding, n_peers) = derived.held_in(1, prefix);
            derived.held_in(0, prefix).0 == 0 && n_holding * 4 >= n_peers * 3
        })
        .copied()
        .collect();
    listed.sort();
    listed.truncate(100);
    let report = derived.ask(day, exact(&listed), Thresholds::default());
    let wrong: Vec<String> = report
        .summaries
        .iter()
        .filter(|summary| {
            let to = report.parameters.to.secs();
            let unknown =
                summary.unobserved.iter().map(|part| (part.end.secs() - part.start.secs().max(noon + 900)).max(0));
            summary.never_carried.len() == summary.n_prefixes || unknown.sum::<i64>() * 10 > to - noon
        })
        .map(|summary| {
            format!("{}: never carried {:?}, unknown {:?}", summary.target, summary.never_carried, summary.unobserved)
        })
        .collect();
    println!("{}: {} prefixes in the second dump only", day.window, listed.len());
    wrong
}

/// Asked of ASes that are ever the origin of a prefix that has several.
fn replaced(day: &Day, derived: &Derived) -> Vec<String> {
    let mut asns: BTreeSet<u32> = BTreeSet::new();
    let mut prefixes: Vec<&Prefix> = derived.history.keys().collect();
    prefixes.sort();
    for prefix in prefixes {
        let origins: BTreeSet<u32> = derived.history[prefix].iter().filter_map(|change| change.origin).collect();
        if origins.len() > 1 && asns.len() < 80 {
            asns.extend(origins);
        }
    }
    let targets = asns.iter().map(|asn| Target::Asn(Asn(*asn))).collect();
    let report = derived.ask(day, targets, Thresholds::default());
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outage in report.findings.outages.iter().filter(|outage| outage.scope == Scope::Prefix) {
        let Target::Asn(asn) = outage.target else { continue };
        let (Some(prefix), Some(start)) = (outage.prefix, outage.start) else { continue };
        let of_asn = |line: &&Timeline| line.prefix == prefix && line.origin.is_none_or(|origin| origin == asn);
        let timeline = report.timelines.iter().find(of_asn);
        let Some(timeline) = timeline else { continue };
        let peers = judges(timeline);
        let middle = start.secs() + outage.duration.as_secs() as i64 / 2;
        let (n_holding, n_by_it) = derived.votes(&prefix, &peers, asn.0, middle);
        let was_origin = [30, 300, 1800]
            .into_iter()
            .any(|before| derived.votes(&prefix, &peers, asn.0, start.secs() - before).1 * 2 >= peers.len());
        *counts.entry(outage.class.name()).or_default() += 1;
        let what =
            format!("{} {:?}: {n_holding} of {} hold it, {n_by_it} by {asn}", outage.id, outage.class, peers.len());
        if !was_origin {
            wrong.push(format!("{what}, never its origin"));
        }
        // Half of them have another one, or no one has any.
        let others = n_holding - n_by_it;
        if others * 2 >= peers.len() && outage.class != Class::OriginChanged {
            wrong.push(format!("{what}: another origin is there"));
        }
        if others == 0 && outage.class == Class::OriginChanged {
            wrong.push(format!("{what}: no other origin is there"));
        }
    }
    println!("{}: {counts:?} of {} outages of {} ASes", day.window, report.findings.outages.len(), asns.len());
    wrong
}
