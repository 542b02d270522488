//! Compares the library with the output of bgpdump, which lies beside each file, line by line.

use super::*;

use std::io::{BufRead, BufReader};
use std::net::IpAddr;

use outage_replay::bgp::Prefix;
use outage_replay::decode::{self, Change, Selection};
use outage_replay::time::Timestamp;

/// Peer, kind, prefix and time of a route, with the number of occurrences.
type Lines = BTreeMap<(i64, char, IpAddr, u32, Prefix), usize>;

/// The lines of the text that are about a route: `B` in a RIB dump, `A` and `W` in updates.
fn printed(text: &Path) -> Lines {
    let file = std::fs::File::open(text).expect("a text");
    let mut lines = Lines::new();
    for line in BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines() {
        let line = String::from_utf8_lossy(line.expect("a line").as_bytes()).into_owned();
        let mut words = line.split('|').skip(1);
        let mut next = || words.next().unwrap_or_default();
        let time = next().split('.').next().unwrap_or_default().parse().expect("a time");
        let kind = next();
        if kind == "STATE" {
            continue;
        }
        let (address, asn) = (next().parse().expect("an address"), next().parse().expect("an AS number"));
        let prefix = next().parse().expect("a prefix");
        *lines.entry((time, kind.chars().next().expect("a kind"), address, asn, prefix)).or_default() += 1;
    }
    lines
}

/// The same as this library reads it.
fn read(file: &Path) -> Lines {
    let mut everything = Selection::new();
    for block in ["0.0.0.0/0", "::/0"] {
        everything.add_within(block.parse().expect("a prefix"));
    }
    let reading = decode::read(std::fs::File::open(file).expect("a file"), &everything);
    let mut lines = Lines::new();
    let mut add = |at: Timestamp, kind, peer: u32, prefix| {
        let peer = reading.census.peers[peer as usize].peer;
        *lines.entry((at.secs(), kind, peer.address, peer.asn.0, prefix)).or_default() += 1;
    };
    reading.rib.iter().for_each(|(record, entry)| add(record.at, 'B', entry.peer, record.prefix));
    for event in &reading.events {
        let (kind, prefix) = match &event.change {
            Change::Announce { prefix, .. } => ('A', *prefix),
            Change::Withdraw { prefix, .. } => ('W', *prefix),
            _ => continue,
        };
        add(event.at, kind, event.peer, prefix);
    }
    lines
}

/// `B 12`, `A 3 W 1`.
fn counts(lines: &Lines) -> String {
    let count = |kind| lines.iter().filter(|((_, k, ..), _)| *k == kind).map(|(_, n)| n).sum::<usize>();
    let counts = ['B', 'A', 'W'].map(|kind| (kind, count(kind)));
    counts.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{kind} {n}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_route_that_bgpdump_prints_is_read_and_no_other() {
    let Some(folder) = folder() else { return };
    for (name, expected, left_out) in [
        ("bview.20020722.2337.gz", "B 115521", ""),
        ("bview.64k_stream_overflow.gz", "B 23", ""),
        // Routes of the collector itself, at AS 0 and no address.
        ("bview.ipv4_unicast_add_path.gz", "B 60", "B 2"),
        ("bview.ipv6_unicast_add_path.gz", "B 60", "B 2"),
        ("updates.20020722.2238.gz", "A 825 W 2419", ""),
        // Multicast, which the text does not distinguish.
        ("updates.20070211.0141.gz", "A 51236 W 2270", "A 93 W 58"),
        ("updates.20071015.1505.gz", "A 10111 W 385", ""),
        ("updates.20100722.2015.gz", "A 5067 W 547", ""),
        ("updates.20160811.1600.gz", "A 39256 W 1956", ""),
        // Without an AS path.
        ("updates.et-header.2015.gz", "A 577735 W 3", "A 2"),
        ("updates.long_withdrawal.gz", "W 4096", ""),
    ] {
        let ours = read(&folder.join("odd/bgpdump").join(name));
        let mut theirs = printed(&folder.join(format!("odd/bgpdump/{name}.bgp.gz")));
        assert_eq!(counts(&ours), expected, "{name}");
        for (line, n) in &ours {
            let n_theirs = theirs.get_mut(line).unwrap_or_else(|| panic!("{name}: only ours: {line:?}"));
            assert!(*n_theirs >= *n, "{name}: {n} of ours, {n_theirs} of theirs: {line:?}");
            *n_theirs -= n;
        }
        assert_eq!(counts(&theirs), left_out, "{name}: {:?}", theirs.iter().find(|(_, n)| **n > 0));
    }
}

#[test]
fn every_withdrawal_after_a_dump_names_a_route_of_the_dump() {
    let Some(folder) = folder() else { return };
    let month = folder.join("archive/route-views.jinx/bgpdata/2014.05");
    let mut held: BTreeSet<(IpAddr, Prefix)> = read(&month.join("RIBS/rib.20140501.0000.bz2"))
        .into_keys()
        .map(|(_, _, peer, _, prefix)| (peer, prefix))
        .collect();
    let mut everything = Selection::new();
    everything.add_within("0.0.0.0/0".parse().expect("a prefix"));
    let updates = std::fs::File::open(month.join("UPDATES/updates.20140501.0000.bz2")).expect("a file");
    let reading = decode::read(updates, &everything);
    let (mut n_matching, mut n_without) = (0, 0);
    for event in &reading.events {
        let peer = reading.census.peers[event.peer as usize].peer.address;
        match &event.change {
            Change::Announce { prefix, .. } => {
                held.insert((peer, *prefix));
            }
            Change::Withdraw { prefix, .. } if held.remove(&(peer, *prefix)) => n_matching += 1,
            Change::Withdraw { .. } => n_without += 1,
            _ => {}
        }
    }
    assert_eq!((n_matching, n_without), (261, 0));
}

/// Zebra kept 4,096 octets of longer messages: what is whole in them is read.
#[test]
fn withdrawals_in_messages_that_the_collector_cut_are_kept() {
    let Some(folder) = folder() else { return };
    let day = folder.join("archive/route-views2/bgpdata/2008.02/UPDATES");
    let mut everything = Selection::new();
    everything.add_within("0.0.0.0/0".parse().expect("a prefix"));
    let (mut n_all, mut n_cut, mut n_records) = (0, 0, 0);
    for file in std::fs::read_dir(day).expect("files") {
        let input = std::fs::File::open(file.expect("a file").path()).expect("a file");
        let reading = decode::read(input, &everything);
        let is_cut = |what: &str| what.starts_with("an UPDATE of which only");
        let cut: BTreeSet<u64> = reading.census.damage.iter().filter(|d| is_cut(&d.what)).map(|d| d.record).collect();
        n_records += cut.len();
        for event in reading.events.iter().filter(|event| matches!(event.change, Change::Withdraw { .. })) {
            n_all += 1;
            n_cut += usize::from(cut.contains(&event.record));
        }
    }
    // As an independent reader counts them: 3.2 %.
    assert_eq!((n_records, n_cut, n_all), (55, 25_680, 813_670));
}
