//! Lookups in RIB dumps compared with readings of the whole file: real dumps, where a copy is at hand, and the shipped ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use outage_replay::archive::ReadAt;
use outage_replay::bgp::{AsPath, Family, Peer, Prefix};
use outage_replay::decode::lookup::{Hints, Lookup, look_up};
use outage_replay::decode::{self, Selection};

/// A file in memory, and how much of it was read.
struct Stored {
    bytes: Vec<u8>,
    n_reads: usize,
}

impl Stored {
    fn open(path: &Path) -> Stored {
        Stored { bytes: std::fs::read(path).expect("a file"), n_reads: 0 }
    }
}

impl ReadAt for Stored {
    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        self.n_reads += 1;
        let range = offset as usize..offset as usize + length;
        self.bytes.get(range).map(<[u8]>::to_vec).ok_or("outside the file".to_owned())
    }
}

/// What the whole file contains.
struct Whole {
    routes: BTreeMap<Prefix, Vec<(Peer, Option<u32>, AsPath)>>,
    tables: BTreeMap<Peer, [u64; 2]>,
    n_records: u64,
}

fn whole(stored: &Stored) -> Whole {
    let mut selection = Selection::new();
    selection.add_within("0.0.0.0/0".parse().expect("a prefix"));
    selection.add_within("::/0".parse().expect("a prefix"));
    let reading = decode::read(&stored.bytes[..], &selection);
    let peers = &reading.census.peers;
    let mut routes: BTreeMap<Prefix, Vec<_>> = BTreeMap::new();
    for (record, entry) in reading.rib.iter() {
        let peer = peers[entry.peer as usize].peer;
        routes.entry(record.prefix).or_default().push((peer, entry.path_id, entry.path.clone()));
    }
    let tables = peers.iter().map(|activity| (activity.peer, activity.table_size)).collect();
    Whole { routes, tables, n_records: reading.census.counts.rib_records }
}

fn assert_same(found: &Lookup, whole: &Whole) {
    for one in &found.prefixes {
        let expected = whole.routes.get(&one.prefix).cloned().unwrap_or_default();
        assert_eq!(one.routes, expected, "{}", one.prefix);
        assert_eq!(one.is_present, !expected.is_empty(), "{}", one.prefix);
    }
    assert_eq!(found.n_records, whole.n_records);
}

/// Some prefixes of a dump, those around them, and a few that are not announced.
fn wanted(whole: &Whole, n: usize) -> Vec<Prefix> {
    let all: Vec<Prefix> = whole.routes.keys().copied().collect();
    let last = *all.last().expect("a prefix");
    let mut wanted = vec![all[0], all[1], last, all[all.len() - 2]];
    for prefix in all.iter().step_by((all.len() / n).max(1)) {
        wanted.push(*prefix);
        wanted.extend(prefix.len().checked_sub(1).map(|length| prefix.shortened_to(length)));
        wanted.extend(Prefix::new(prefix.net().network(), prefix.len() + 1));
        wanted.extend(Prefix::new(prefix.net().broadcast(), prefix.len() + 2));
    }
    let unused = ["192.0.2.0/24", "240.0.0.0/8", "2001:db8::/32"];
    wanted.extend(unused.map(|prefix| prefix.parse::<Prefix>().expect("a prefix")));
    wanted.retain(|prefix| *prefix <= last);
    wanted
}

/// Every RIB dump in bzip2 below a folder.
fn dumps(folder: &Path) -> Vec<PathBuf> {
    let (mut dumps, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.starts_with("rib") && name.ends_with(".bz2") {
                dumps.push(path);
            }
        }
    }
    dumps.sort();
    dumps
}

#[test]
fn prefixes_of_real_dumps_are_found_as_in_the_whole_file() {
    let Some(folder) = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from) else {
        println!("skipped: OUTAGE_REPLAY_MRT names no folder of archives");
        return;
    };
    let dumps = dumps(&folder.join("archive"));
    assert!(dumps.len() >= 3, "{dumps:?}");
    for path in dumps {
        let mut stored = Stored::open(&path);
        let whole = whole(&stored);
        let wanted = wanted(&whole, 150);
        let mut hints = Hints::default();
        for some in wanted.chunks(50) {
            let found = look_up(&mut stored, some, &hints, &[0.4]).unwrap_or_else(|why| panic!("{path:?}: {why}"));
            assert_same(&found, &whole);
            hints = found.hints;
        }
        // One by one: from nothing, and with the hints of the last lookup.
        let (mut most, mut n_lookups) = (0, 0);
        for prefix in wanted.iter().step_by(23) {
            let found = look_up(&mut stored, &[*prefix], &Hints::default(), &[]).expect("a lookup");
            assert_same(&found, &whole);
            most = most.max(found.n_bytes);
            let again = look_up(&mut stored, &[*prefix], &found.hints, &[]).expect("a lookup");
            assert_eq!(again.prefixes, found.prefixes);
            n_lookups += 2;
        }
        println!(
            "{path:?}: at most {most} of {} bytes, {} reads in {n_lookups} lookups",
            stored.length(),
            stored.n_reads
        );
    }
}

#[test]
fn tables_of_real_dumps_are_estimated() {
    let Some(folder) = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from) else { return };
    for path in dumps(&folder.join("archive")) {
        let mut stored = Stored::open(&path);
        let whole = whole(&stored);
        let all: Vec<Prefix> = whole.routes.keys().copied().collect();
        let found = look_up(&mut stored, &all[all.len() / 3..][..1], &Hints::default(), &[0.6]).expect("a lookup");
        for family in Family::ALL {
            let n = family as usize;
            let largest = whole.tables.values().map(|sizes| sizes[n]).max().unwrap_or_default();
            for table in found.tables.iter().filter(|_| largest > 1000) {
                let (estimated, counted) = (table.sizes[n] as f64, whole.tables[&table.peer][n] as f64);
                let error = (estimated - counted).abs() / largest as f64;
                println!("{family} {}: {estimated} of {counted}", table.peer);
                assert!(error < 0.15, "{path:?} {}: {estimated} instead of {counted}", table.peer);
            }
        }
    }
}

#[test]
fn truncated_real_dumps_are_not_looked_up() {
    let Some(folder) = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from) else { return };
    let dumps = dumps(&folder.join("odd/truncated"));
    assert!(dumps.len() >= 3, "{dumps:?}");
    for path in dumps {
        let mut stored = Stored::open(&path);
        let why = look_up(&mut stored, &["8.8.8.0/24".parse().expect("a prefix")], &Hints::default(), &[]);
        assert!(why.is_err(), "{path:?}");
    }
}

#[test]
fn the_shipped_dumps_give_the_same_in_part_and_as_a_whole() {
    let mut n_dumps = 0;
    for path in dumps(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014")).iter().step_by(5) {
        let mut stored = Stored::open(path);
        let whole = whole(&stored);
        let wanted = wanted(&whole, 20);
        let found =
            look_up(&mut stored, &wanted, &Hints::default(), &[]).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        assert_same(&found, &whole);
        n_dumps += 1;
    }
    assert!(n_dumps > 5);
}
