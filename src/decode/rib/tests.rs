//! RIB dumps: entries, peer tables and the size of each peer's table.

use super::super::samples::*;
use super::super::{Ending, Reading};

const P: &str = "175.45.176.0/24";

fn reading(records: &[Vec<u8>], words: &str) -> Reading {
    super::super::read(&records.concat()[..], &selection(words))
}

fn damage(reading: &Reading) -> Vec<&str> {
    reading.census.damage.iter().map(|damage| damage.what.as_str()).collect()
}

fn sizes(reading: &Reading) -> Vec<[u64; 2]> {
    reading.census.peers.iter().map(|peer| peer.table_size).collect()
}

fn path(origin: u32) -> Vec<u8> {
    attributes(4, &[64500, origin])
}

#[test]
fn an_entry_has_the_time_at_which_the_dump_was_written() {
    let reading = reading(&[peer_table(&[PEER]), rib(2, P, &[entry(0, None, &path(131279))])], P);
    let (record, _) = reading.rib.iter().next().unwrap();
    assert_eq!(record.at.secs(), i64::from(AT));
    assert_eq!((record.record, record.offset), (1, 33));
    assert!(!reading.census.lacks_peer_table);
}

#[test]
fn a_prefix_split_over_records_is_held_by_all_and_counted_once() {
    let records = [
        peer_table(&[PEER, OTHER]),
        rib(2, P, &[entry(0, None, &path(131279))]),
        rib(2, P, &[entry(1, None, &path(131279)), entry(0, None, &path(131279))]),
        rib(2, "10.0.0.0/8", &[entry(1, None, &path(65000))]),
        rib(4, "2001:db8::/32", &[entry(1, None, &path(65000))]),
    ];
    let reading = reading(&records, P);
    assert_eq!(
        text(&reading),
        "192.0.2.1 holds 175.45.176.0/24 64500 131279 | 192.0.2.2 holds 175.45.176.0/24 64500 131279 \
         | 192.0.2.1 holds 175.45.176.0/24 64500 131279"
    );
    assert_eq!(sizes(&reading), [[1, 0], [2, 1]]);
    assert_eq!(reading.census.counts.rib_records, 4);
}

#[test]
fn several_paths_of_one_peer_are_one_prefix_in_its_table() {
    let entries = [entry(0, Some(1), &path(131279)), entry(0, Some(2), &path(65000))];
    let reading = reading(&[peer_table(&[PEER]), rib(8, P, &entries), rib(10, "2001:db8::/32", &entries)], "AS65000");
    assert_eq!(
        text(&reading),
        "192.0.2.1 holds 175.45.176.0/24#1 64500 131279 | 192.0.2.1 holds 175.45.176.0/24#2 64500 65000 \
         | 192.0.2.1 holds 2001:db8::/32#1 64500 131279 | 192.0.2.1 holds 2001:db8::/32#2 64500 65000"
    );
    assert_eq!(sizes(&reading), [[1, 1]]);
}

#[test]
fn a_selected_origin_selects_every_route_of_its_prefix() {
    let set = [attribute(2, &[segment(2, 4, &[64500]), segment(1, 4, &[65000, 131279])].concat())].concat();
    let entries = [entry(0, None, &path(65000)), entry(1, None, &set)];
    let records = [peer_table(&[PEER, OTHER]), rib(2, P, &entries), rib(2, "175.45.177.0/24", &entries[..1])];
    let reading = reading(&records, "AS131279");
    assert_eq!(
        text(&reading),
        "192.0.2.1 holds 175.45.176.0/24 64500 65000 | 192.0.2.2 holds 175.45.176.0/24 64500 {65000,131279}"
    );
    assert_eq!(sizes(&reading), [[2, 0], [1, 0]]);
}

#[test]
fn a_selected_origin_selects_the_prefixes_that_cover_its_own() {
    let of = |prefix: &str, origin: u32| rib(2, prefix, &[entry(0, None, &path(origin))]);
    let records = [
        peer_table(&[PEER]),
        of("0.0.0.0/0", 65000),
        of("175.0.0.0/7", 65000),
        of("175.45.0.0/16", 65001),
        of("175.45.160.0/19", 65002),
        of("175.45.160.0/24", 65003),
        of(P, 131279),
        of("175.45.177.0/24", 131279),
        of("175.45.192.0/19", 65004),
    ];
    let reading = reading(&records, "AS131279");
    let held: Vec<String> = text(&reading).split(" | ").map(|event| event["192.0.2.1 holds ".len()..].into()).collect();
    assert_eq!(
        held,
        [
            "175.45.0.0/16 64500 65001",
            "175.45.160.0/19 64500 65002",
            "175.45.176.0/24 64500 131279",
            "175.45.177.0/24 64500 131279",
        ]
    );
    let places: Vec<u64> = reading.rib.iter().map(|(record, _)| record.record).collect();
    assert_eq!(places, [3, 4, 6, 7]);
    assert_eq!(sizes(&reading), [[8, 0]]);
}

#[test]
fn damage_is_reported_in_the_order_of_the_file_whatever_the_selection() {
    // A readable path without a selected origin.
    let broken = || entry(0, None, &[path(65000), vec![0x40, 5, 9]].concat());
    let longer = |whole: Vec<u8>| record(AT, 13, 2, &[&whole[12..], &[0]].concat());
    let records_of = |n: u32| {
        [
            rib(2, &format!("175.{n}.0.0/16"), &[broken()]),
            longer(rib(2, &format!("175.{n}.0.0/20"), &[broken()])),
            longer(rib(2, &format!("175.{n}.1.0/24"), &[entry(0, None, &path(131279)), broken()])),
        ]
    };
    let found: String = (0..12).map(|n| format!(" 175.{n}.1.0/24")).collect();
    for n_found in [1, 6, 7, 12] {
        let records: Vec<_> = [peer_table(&[PEER])].into_iter().chain((0..n_found).flat_map(records_of)).collect();
        let (before, after) = (reading(&records, "AS131279"), reading(&records, &format!("AS131279{found}")));
        let places: Vec<u64> = before.census.damage.iter().map(|damage| damage.record).collect();
        assert_eq!(places, (1..=u64::from(3 * n_found).min(20)).collect::<Vec<_>>());
        assert_eq!(before.census.damage, after.census.damage);
        assert_eq!((before.census.counts, before.census.counts.damaged), (after.census.counts, u64::from(3 * n_found)));
    }
}

#[test]
fn prefixes_that_are_not_reported_are_in_the_filter() {
    let of = |prefix: &str, origin: u32| rib(2, prefix, &[entry(0, None, &path(origin))]);
    let skipped = |records: &[Vec<u8>]| {
        let skipped = reading(records, "AS131279").skipped_prefixes;
        ["175.45.0.0/16", P, "175.45.177.0/24", "10.1.0.0/24"]
            .map(|text| skipped.may_affect(&text.parse().expect("a prefix")))
    };
    let (table, cover, selected, other) =
        (peer_table(&[PEER]), of("175.45.0.0/16", 65001), of(P, 131279), of("10.0.0.0/8", 65001));
    assert_eq!(skipped(&[table.clone(), cover.clone(), selected.clone()]), [false; 4]);
    // A skipped prefix affects the prefixes inside it.
    let sorted = [table.clone(), other, cover.clone(), selected.clone()];
    assert_eq!(skipped(&sorted), [false, false, false, true]);
    let unsorted = [table.clone(), selected, cover];
    assert_eq!(skipped(&unsorted), [true, true, true, false]);
    let split = [table, of(P, 65000), of(P, 131279)];
    assert_eq!(skipped(&split), [false, true, false, false]);
}

#[test]
fn the_peer_table_gives_the_order_and_its_placeholder_has_no_route() {
    let no_peer = (0, "0.0.0.0");
    let records = [
        peer_table(&[no_peer, PEER6, PEER]),
        rib(2, P, &[entry(0, None, &path(131279)), entry(2, None, &path(131279))]),
    ];
    let reading = reading(&records, ALL);
    assert_eq!(text(&reading), "192.0.2.1 holds 175.45.176.0/24 64500 131279");
    let order: Vec<_> = reading.census.peers.iter().map(|peer| peer.peer.to_string()).collect();
    assert_eq!(order, ["AS64500 2001:db8::1", "AS64500 192.0.2.1"]);
    assert_eq!((sizes(&reading), reading.census.counts.damaged), (vec![[0, 0], [1, 0]], 0));
}

#[test]
fn a_dump_that_holds_itself_twice_counts_once() {
    let table = peer_table(&[PEER, OTHER]);
    let of = |prefix: &str| rib(2, prefix, &[entry(0, None, &path(131279)), entry(1, None, &path(65000))]);
    let once = [of("10.0.0.0/8"), of(P), of("192.0.2.0/24"), rib(4, "2001:db8::/32", &[entry(0, None, &path(65000))])];
    let once = once.concat();
    let numbered = |n: u8, mut record: Vec<u8>| {
        record[12..16].copy_from_slice(&[0, 0, 0, n]);
        record
    };
    let by_number = [numbered(0, of("9.0.0.0/8")), numbered(1, of("11.0.0.0/8"))].concat();
    let later = [numbered(0, of("10.0.0.0/8")), numbered(1, of("11.0.0.0/8"))].concat();
    for (file, expected, n_events) in [
        (vec![table.clone(), once.clone(), table.clone(), once.clone()], [[3, 1], [3, 0]], 2),
        (vec![table.clone(), once.clone(), once.clone(), once.clone()], [[3, 1], [3, 0]], 2),
        // Two dumps in one: the last one counts.
        (vec![table.clone(), by_number, later], [[2, 0], [2, 0]], 0),
        (
            vec![table.clone(), once.clone(), table.clone(), of("10.1.0.0/16"), of("10.2.0.0/16"), of("10.3.0.0/16")],
            [[3, 1], [3, 0]],
            0,
        ),
    ] {
        let reading = reading(&file, P);
        assert_eq!(sizes(&reading), expected);
        assert_eq!((reading.rib.len(), reading.census.counts.damaged), (n_events, 0));
    }
}

#[test]
fn a_dump_that_begins_again_and_ends_early_is_damaged() {
    let of = |prefix: &str| rib(2, prefix, &[entry(0, None, &path(131279))]);
    let file = [peer_table(&[PEER]), of("10.0.0.0/8"), of(P), of("192.0.2.0/24"), of("10.0.0.0/8"), of(P)];
    assert_eq!(damage(&reading(&file, P)), ["a RIB dump that begins again and then holds 2 IPv4 routes of 3"]);
}

#[test]
fn one_view_after_the_other_and_one_peer_after_the_other_are_one_dump() {
    let of = |prefix: &str| rib(2, prefix, &[entry(0, None, &path(131279))]);
    let views = [peer_table(&[PEER]), of("10.0.0.0/8"), of(P), peer_table(&[OTHER]), of("10.0.0.0/8"), of(P)];
    assert_eq!((sizes(&reading(&views, P)), reading(&views, P).rib.len()), (vec![[2, 0], [2, 0]], 2));
    let route = |prefix: &str, peer| table_dump(&[dumped(prefix, peer, &attributes(2, &[64500]))]);
    let by_peer = [route("10.0.0.0/8", PEER), route(P, PEER), route("10.0.0.0/8", OTHER), route(P, OTHER)];
    assert_eq!((sizes(&reading(&by_peer, P)), reading(&by_peer, P).rib.len()), (vec![[2, 0], [2, 0]], 2));
}

#[test]
fn entries_in_messages_are_routes_of_a_dump() {
    let attributes = attributes(2, &[64500, 65000]);
    let of = |safi: u8| {
        let head = [&[0, 0, 0, 1][..], &(AT - 9).to_be_bytes(), &[0, 1, safi, 4, 192, 0, 2, 1]].concat();
        bgp4mp(2, PEER, &[&head[..], &nlri(P), &field(&attributes)].concat())
    };
    let file = [of(1), of(2)];
    for words in [P, "AS65000"] {
        let reading = reading(&file, words);
        assert_eq!(text(&reading), "192.0.2.1 holds 175.45.176.0/24 64500 65000");
        assert_eq!(
            (sizes(&reading), reading.census.counts.rib_records, reading.census.counts.damaged),
            (vec![[1, 0]], 2, 0)
        );
    }
}

#[test]
fn peers_of_an_old_dump_have_the_number_that_their_routes_begin_with() {
    let of = |address: &'static str, first: u32| {
        let as4_path = attribute(17, &segment(2, 4, &[first, 131279]));
        dumped(P, (23456, address), &[attributes(2, &[23456, 23456]), as4_path].concat())
    };
    let without = dumped(P, (23456, "192.0.2.9"), &attributes(2, &[23456, 3549]));
    let file = [table_dump(&[of("192.0.2.1", 196615), of("192.0.2.2", 196616), without])];
    for words in [P, "10.0.0.0/8"] {
        let names: Vec<String> = reading(&file, words).census.peers.iter().map(|peer| peer.peer.to_string()).collect();
        assert_eq!(names, ["AS196615 192.0.2.1", "AS196616 192.0.2.2", "AS23456 192.0.2.9"]);
    }
}

#[test]
fn peers_outside_the_peer_table_are_damage() {
    let entries = [entry(7, None, &path(131279)), entry(0, None, &path(131279))];
    let with_table = reading(&[peer_table(&[PEER]), rib(2, P, &entries)], P);
    assert_eq!(text(&with_table), "192.0.2.1 holds 175.45.176.0/24 64500 131279");
    assert_eq!(damage(&with_table), ["peer 7 is not in the peer table"]);
    let without = reading(&[rib(2, P, &entries), peer_table(&[PEER]), rib(2, P, &entries[1..])], P);
    assert!(without.census.lacks_peer_table);
    assert_eq!((without.rib.len(), without.census.counts.damaged), (1, 1));
}

#[test]
fn entries_that_end_early_are_damage_and_those_before_them_are_used() {
    let whole = rib(2, P, &[entry(0, None, &path(131279)), entry(0, None, &path(131279))]);
    let body = &whole[12..];
    let cut = |n: usize| record(AT, 13, 2, &body[..n]);
    let mut long = body.to_vec();
    long.push(0);
    let records = [peer_table(&[PEER]), cut(body.len() - 1), cut(10), cut(5), record(AT, 13, 2, &long), whole.clone()];
    for words in [P, "10.0.0.0/8"] {
        assert_eq!(
            damage(&reading(&records, words)),
            [
                "RIB entries end after 1 of 2",
                "RIB entries end after 0 of 2",
                "a RIB record without a readable prefix",
                "1 octets after 2 RIB entries"
            ]
        );
    }
    assert_eq!(reading(&records, P).rib.len(), 1 + 2 + 2);
}

#[test]
fn a_peer_table_that_ends_early_keeps_the_peers_before() {
    let whole = peer_table(&[PEER, OTHER]);
    let cut = record(AT, 13, 1, &whole[12..whole.len() - 1]);
    let reading = reading(&[cut, rib(2, P, &[entry(0, None, &path(131279))])], P);
    assert_eq!(damage(&reading), ["a peer table that ends early"]);
    assert_eq!(text(&reading), "192.0.2.1 holds 175.45.176.0/24 64500 131279");
}

#[test]
fn a_path_that_cannot_be_read_is_damage_in_one_entry() {
    let entries = [entry(0, None, &attribute(2, &[2, 9, 0])), entry(0, None, &path(131279))];
    let reading = reading(&[peer_table(&[PEER]), rib(2, P, &entries)], P);
    assert_eq!(damage(&reading), ["an AS_PATH that cannot be read"]);
    assert_eq!(reading.rib.len(), 1);
}

#[test]
fn old_dumps_hold_one_route_a_record_or_a_batch() {
    let two = |origin: u32| attributes(2, &[64500, origin]);
    let records = [
        table_dump(&[dumped(P, PEER, &two(65000))]),
        table_dump(&[dumped(P, OTHER, &two(65001)), dumped("10.0.0.0/8", PEER, &two(65001))]),
    ];
    let by_prefix = reading(&records, P);
    assert_eq!(
        text(&by_prefix),
        "192.0.2.1 holds 175.45.176.0/24 64500 65000 | 192.0.2.2 holds 175.45.176.0/24 64500 65001"
    );
    assert_eq!(sizes(&by_prefix), [[2, 0], [1, 0]]);
    assert_eq!((by_prefix.census.counts.rib_records, by_prefix.census.lacks_peer_table), (2, false));
    let by_origin = reading(&records, "AS65001");
    assert_eq!(
        text(&by_origin),
        "192.0.2.2 holds 175.45.176.0/24 64500 65001 | 192.0.2.1 holds 10.0.0.0/8 64500 65001"
    );
}

#[test]
fn damage_in_an_old_dump_is_counted() {
    let good = dumped(P, PEER, &attributes(2, &[64500]));
    let mut impossible = good.clone();
    impossible[4] = 33;
    let records = [
        table_dump(&[]),
        table_dump(&[good[..good.len() - 1].to_vec()]),
        table_dump(&[impossible, good.clone()]),
        table_dump(&[good]),
    ];
    let reading = reading(&records, P);
    assert_eq!(
        damage(&reading),
        ["a TABLE_DUMP record without an entry", "a TABLE_DUMP entry that ends early", "a prefix of length 33"]
    );
    assert_eq!((reading.rib.len(), reading.census.ending), (2, Ending::Complete));
}
