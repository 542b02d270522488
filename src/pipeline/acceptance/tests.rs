//! RIB dumps of one collector beside each other.

use super::*;
use crate::bgp::Asn;
use crate::decode::PeerActivity;

/// The whole of the address space, and a part of it.
const WHOLE: [u16; 2] = [0xdfff, 0];
const PART: [u16; 2] = [0x5fff, 0];

/// The census of a RIB dump of `n_peers` peers with tables of `size` prefixes each.
fn dump(n_peers: u8, size: u64, last_blocks: [u16; 2]) -> Census {
    let activity = |n: u8| PeerActivity {
        peer: Peer { address: [192, 0, 2, n].into(), asn: Asn(64500 + u32::from(n)) },
        first_at: None,
        last_at: None,
        table_size: [size, 0],
        minutes: Vec::new(),
        is_internal: false,
    };
    Census { peers: (0..n_peers).map(activity).collect(), last_blocks, ..Census::default() }
}

/// Which of them are accepted, and the first reason why one is not.
#[track_caller]
fn check(dumps: &[Census], expected: &[bool], expected_why: &str) {
    let candidate = |census| Candidate { census, rejection: None };
    let rejections = rejections(&dumps.iter().map(candidate).collect::<Vec<_>>());
    assert_eq!(rejections.iter().map(Option::is_none).collect::<Vec<_>>(), expected, "{rejections:?}");
    assert_eq!(rejections.into_iter().flatten().next().unwrap_or_default(), expected_why);
}

#[test]
fn a_swollen_dump_is_rejected_and_not_the_majority() {
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
fn a_dump_of_few_peers_compared_with_most_others_is_rejected() {
    let of = |n_peers| dump(n_peers, 1000, WHOLE);
    check(&[of(12), of(5)], &[true, false], "it lists 5 peers, fewer than half as many as the adjacent dump (12)");
    let why = "it lists 5 peers, fewer than half as many as 2 of 2 other dumps (12 or more)";
    check(&[of(12), of(5), of(13)], &[true, false, true], why);
    check(&[of(12), of(30), of(12)], &[true, true, true], "");
}

#[test]
fn a_dump_whose_peer_table_names_no_peer_is_rejected() {
    let why = "its peer table names no peer: every row has AS 0 or no address";
    check(&[dump(0, 0, WHOLE), dump(12, 1000, WHOLE)], &[false, true], why);
}
