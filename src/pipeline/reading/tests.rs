//! RIB dumps of one collector beside each other.

use super::*;
use crate::bgp::{Asn, Collector};
use crate::decode::PeerActivity;

/// The whole of the address space, and a part of it.
const WHOLE: [u16; 2] = [0xdfff, 0];
const PART: [u16; 2] = [0x5fff, 0];

/// A RIB dump of so many peers with tables of so many prefixes each.
fn dump(n_peers: u8, size: u64, last_blocks: [u16; 2]) -> ReadFile {
    let activity = |n: u8| PeerActivity {
        peer: Peer { address: [192, 0, 2, n].into(), asn: Asn(64500 + u32::from(n)) },
        first_at: None,
        last_at: None,
        table_size: [size, 0],
        minutes: Vec::new(),
        is_internal: false,
    };
    let peers = (0..n_peers).map(activity).collect();
    let reading = Reading { peers, ending: Ending::Complete, last_blocks, ..unreadable(String::new()) };
    let report = FileReading {
        name: String::new(),
        collector: Collector::new("rrc00"),
        kind: DumpKind::Rib,
        bytes: 0,
        sha256: String::new(),
        first_at: None,
        last_at: None,
        n_records: 0,
        n_damaged: 0,
        n_unsupported: 0,
        damage: Vec::new(),
        skipped: Vec::new(),
        verdict: Verdict::Ok,
        detail: None,
    };
    ReadFile { reading, report }
}

/// Which of them are accepted, and the first reason why one is not.
#[track_caller]
fn check(ribs: &[ReadFile], expected: &[bool], expected_why: &str) {
    let flaws = judge_ribs(&ribs.iter().collect::<Vec<_>>(), &BTreeMap::new());
    assert_eq!(flaws.iter().map(Option::is_none).collect::<Vec<_>>(), expected, "{flaws:?}");
    assert_eq!(flaws.into_iter().flatten().next().unwrap_or_default(), expected_why);
}

#[test]
fn the_outlier_is_judged_and_not_the_majority() {
    let (usual, double) = (|| dump(12, 1000, WHOLE), || dump(12, 2000, WHOLE));
    let why = "most tables in it are much larger than in 2 of 2 other dumps";
    check(&[usual(), double(), usual()], &[true, false, true], why);
    check(&[double(), usual(), usual()], &[false, true, true], why);
    let cut = "12 of 12 IPv4 tables have less than three quarters of what they have in another dump";
    check(&[usual(), dump(12, 400, PART), usual()], &[true, false, true], cut);
    check(&[usual(), usual()], &[true, true], "");
}

#[test]
fn dumps_that_are_cut_alike_do_not_outvote_a_whole_one() {
    let (whole, cut) = (|| dump(12, 1000, WHOLE), || dump(12, 400, PART));
    let why = "12 of 12 IPv4 tables have less than three quarters of what they have in another dump";
    check(&[cut(), whole(), cut()], &[false, true, false], why);
    check(&[dump(12, 400, PART), whole(), dump(12, 200, PART)], &[false, true, false], why);
    check(&[cut(), whole()], &[false, true], why);
}

#[test]
fn a_dump_of_few_peers_is_one_that_has_few_for_most_others() {
    let of = |n_peers| dump(n_peers, 1000, WHOLE);
    check(&[of(12), of(5)], &[true, false], "it lists 5 peers, less than half of those in the dump beside it: 12");
    let why = "it lists 5 peers, less than half of those in 2 of 2 other dumps: 12 or more";
    check(&[of(12), of(5), of(13)], &[true, false, true], why);
    check(&[of(12), of(30), of(12)], &[true, true, true], "");
}

#[test]
fn a_dump_whose_rows_are_nobody_is_no_dump() {
    let why = "its peer table names no peer: every row has AS 0 or no address";
    check(&[dump(0, 0, WHOLE), dump(12, 1000, WHOLE)], &[false, true], why);
}
