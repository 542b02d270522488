//! `WholeTable`, compared with a table that is built from the records of bgpkit-parser.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bgpkit_parser::BgpkitParser;
use bgpkit_parser::models::ElemType;
use outage_replay::bgp::{Peer, Prefix};
use outage_replay::decode::{self, Ending, Reading, Selection};
use outage_replay::replay::WholeTable;

/// The files of rrc00 from the RIB dump of 2014-12-22 08:00 until 17:00, in order.
fn files() -> Vec<PathBuf> {
    let month = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014/rrc00/2014.12");
    let mut updates: Vec<PathBuf> = fs::read_dir(&month).unwrap().map(|entry| entry.unwrap().path()).collect();
    updates.sort();
    let is_between = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        ("updates.20141222.0800".."updates.20141222.1700").contains(&name)
    };
    [month.join("bview.20141222.0800.gz")].into_iter().chain(updates.into_iter().filter(is_between)).collect()
}

fn read(path: &Path) -> Reading {
    let mut selection = Selection::new();
    selection.sample_everything();
    decode::read(File::open(path).unwrap(), &selection)
}

fn table(files: &[PathBuf]) -> WholeTable {
    let mut table = WholeTable::new();
    files.iter().for_each(|file| table.apply(&read(file)));
    table
}

/// Who holds what, when every element is believed.
fn by_parser(files: &[PathBuf]) -> BTreeSet<(IpAddr, Prefix)> {
    let mut held = BTreeSet::new();
    for file in files {
        let plain = flate2::read::MultiGzDecoder::new(File::open(file).unwrap());
        for elem in BgpkitParser::from_reader(plain) {
            let net = elem.prefix.prefix;
            let route = (elem.peer_ip, Prefix::new(net.network(), net.prefix_len()).unwrap());
            match elem.elem_type {
                ElemType::ANNOUNCE => held.insert(route),
                ElemType::WITHDRAW => held.remove(&route),
            };
        }
    }
    held
}

#[test]
fn every_prefix_at_every_peer_is_what_the_records_say() {
    let files = files();
    assert!(files.len() > 100, "{}", files.len());
    for n in [1, files.len() / 2, files.len()] {
        let (table, expected) = (table(&files[..n]), by_parser(&files[..n]));
        let known: Vec<Peer> = table.peers().collect();
        assert!(known.len() > 5, "{}", known.len());
        let of = |address: IpAddr| expected.iter().filter(move |(peer, _)| *peer == address).count() as u64;
        for peer in &known {
            assert_eq!(table.size(peer).unwrap().values().sum::<u64>(), of(peer.address), "{} {n}", peer.address);
        }
        for (prefix, n_holders) in table.holders() {
            let holders = known.iter().filter(|peer| expected.contains(&(peer.address, prefix)));
            assert_eq!(n_holders, holders.count(), "{prefix} {n}");
        }
        assert!(expected.iter().all(|(address, prefix)| {
            known.iter().filter(|peer| peer.address == *address).all(|peer| table.holds(peer, prefix) == Some(true))
        }));
    }
}

#[test]
fn only_the_north_korean_networks_lost_every_peer_except_the_stuck_one() {
    let files = files();
    let at = |time: &str| files.iter().position(|file| file.to_str().unwrap().contains(time)).unwrap();
    let (before, after) = (table(&files[..at("20141222.1500")]), table(&files[..at("20141222.1640")]));
    let lost: BTreeSet<String> = before
        .holders()
        .zip(after.holders())
        .filter(|((_, n), (_, n_after))| *n > before.peers().count() / 2 && *n_after <= 1)
        .map(|((prefix, _), _)| prefix.to_string())
        .collect();
    let expected = [176, 177, 178, 179].map(|n| format!("175.45.{n}.0/24"));
    assert_eq!(lost, expected.into());
}

#[test]
fn what_a_cut_file_or_a_closed_session_hides_is_unknown_and_not_absent() {
    let files = files();
    let dump = read(&files[0]);
    let mut table = WholeTable::new();
    table.apply(&dump);
    let peer = table.peers().next().unwrap();
    let prefix = "175.45.176.0/24".parse().unwrap();
    assert_eq!(table.holds(&peer, &prefix), Some(true));

    // The next update file, cut: everything later is unknown, at every peer.
    let mut cut = read(&files[1]);
    cut.census.ending = Ending::Truncated("the file ends early".to_owned());
    let mut after_cut = table.clone();
    after_cut.apply(&cut);
    assert_eq!((after_cut.holds(&peer, &prefix), after_cut.peers().count()), (None, 0));
    after_cut.apply(&dump);
    assert_eq!(after_cut.holds(&peer, &prefix), Some(true));

    // One session closes: its peer alone is unknown.
    let n_known = table.peers().count();
    let mut closing = read(&files[1]);
    closing.census.control.changes.clear();
    let index = closing.census.peers.iter().position(|activity| activity.peer == peer).unwrap() as u32;
    let mut event = closing.events[0].clone();
    (event.peer, event.change) = (index, decode::Change::SessionDown);
    closing.events = vec![event];
    table.apply(&closing);
    assert_eq!((table.holds(&peer, &prefix), table.peers().count()), (None, n_known - 1));
}
