//! What the fast check skips, and that it has no false negatives.

use proptest::prelude::*;

use super::super::attributes::Encoding;
use super::super::container::decompress;
use super::super::samples::*;
use super::super::{Reading, Selection, records};
use super::{Noted, routes_may_match};
use crate::helpers::Helpers;

const AS4: Encoding = Encoding { four_octets: true, add_path: false };
const AS2: Encoding = Encoding { four_octets: false, add_path: false };
const P: &str = "175.45.176.0/24";

fn may_match(update: &[u8], encoding: Encoding, words: &str) -> Option<bool> {
    routes_may_match(update, encoding, &selection(words), &mut Noted { sampled: false, skipped: None })
}

#[test]
fn a_message_about_other_prefixes_and_origins_is_passed_over() {
    let list = [nlri("10.0.0.0/8"), nlri("192.0.2.0/24")].concat();
    let path = [attributes(4, &[64500, 65000]), mp_reach(2, 1, &nlri("2001:db8::/32"))].concat();
    for words in ["", P, "AS131279", "AS131279 within:175.0.0.0/8 2001:db8::/48"] {
        let expected = Some(words.contains("2001:db8::/48"));
        assert_eq!(may_match(&update(&list, &path, &list), AS4, words), expected, "{words}");
    }
}

#[test]
fn a_selected_prefix_matches_in_any_list() {
    let path = attributes(4, &[64500, 65000]);
    let (p, other) = (nlri(P), nlri("10.0.0.0/8"));
    for update in [
        update(&[&other[..], &p].concat(), &[], &[]),
        update(&[], &path, &[&other[..], &p].concat()),
        update(&[], &mp_unreach(1, 1, &p), &[]),
        update(&[], &[path.clone(), mp_reach(1, 1, &p)].concat(), &[]),
    ] {
        assert_eq!(may_match(&update, AS4, P), Some(true));
        assert_eq!(may_match(&update, AS4, "175.45.177.0/24"), Some(false));
    }
    let multicast = update(&[], &[path, mp_reach(1, 2, &p)].concat(), &[]);
    assert_eq!(may_match(&multicast, AS4, P), Some(false));
}

#[test]
fn a_selected_origin_matches_in_either_path_and_after_a_confederation() {
    let announce = |attributes: &[u8]| update(&[], attributes, &nlri(P));
    let sets = [segment(2, 4, &[64500]), segment(1, 4, &[131279, 65000]), segment(4, 4, &[65002])].concat();
    assert_eq!(may_match(&announce(&attribute(2, &sets)), AS4, "AS131279"), Some(true));
    assert_eq!(may_match(&announce(&attribute(2, &sets)), AS4, "AS64500"), Some(false));
    let merged = [attributes(2, &[64500, 23456]), attribute(17, &segment(2, 4, &[131279]))].concat();
    assert_eq!(may_match(&announce(&merged), AS2, "AS131279"), Some(true));
}

#[test]
fn what_is_malformed_or_unusual_is_left_to_the_decoder() {
    let path = attributes(4, &[64500]);
    for update in [
        vec![],
        vec![0, 1],
        update(&[], &[], &[]),
        update(&[], &[], &nlri(P)),
        update(&[33, 1, 2, 3, 4, 5], &[], &[]),
        update(&[24, 1, 2], &[], &[]),
        update(&[], &path, &[0]),
        update(&[], &path, &nlri_with_id(1, P)),
        update(&[], &[0x40, 1, 9], &[]),
        update(&[], &attribute(2, &[2, 2, 0]), &nlri(P)),
        update(&[], &attribute(2, &segment(2, 4, &[])), &nlri(P)),
        update(&[], &attribute(2, &segment(9, 4, &[1])), &nlri(P)),
        update(&[], &mp_reach(2, 1, &[129]), &[]),
        update(&[], &attribute(14, &[0, 1, 1, 4, 1]), &[]),
        update(&[], &attribute(15, &[0, 2]), &[]),
    ] {
        assert_eq!(may_match(&update, AS4, "10.0.0.0/8"), None, "{update:?}");
    }
}

#[test]
fn an_end_of_rib_marker_matters_to_everyone() {
    assert_eq!(may_match(&update(&[], &mp_unreach(2, 1, &[]), &[]), AS4, ""), Some(true));
    assert_eq!(may_match(&update(&[], &[], &[]), AS4, ""), None);
}

#[test]
fn host_bits_do_not_hide_a_prefix() {
    assert_eq!(may_match(&update(&[12, 10, 0x1f], &[], &[]), AS4, "10.16.0.0/12"), Some(true));
    let v6 = update(&[], &mp_unreach(2, 1, &[20, 0x20, 0x01, 0x0d]), &[]);
    assert_eq!(may_match(&v6, AS4, "2001::/20"), Some(true));
}

/// Prefixes of which some are inside others, default routes and impossible lengths among them.
fn prefix() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        80 => (prop::sample::select(&[8u8, 9, 12, 16, 20, 24, 32][..]), 9u8..12, 0u8..3, any::<u8>())
            .prop_map(|(length, a, b, c)| [vec![length], vec![a, b, c, c][..usize::from(length).div_ceil(8)].to_vec()].concat()),
        1 => Just(vec![0]),
        1 => Just(vec![40, 10, 1, 2, 3, 4]),
    ]
}

fn list() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prefix(), 0..4).prop_map(|prefixes| prefixes.concat())
}

fn path(width: usize) -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![24 => Just(2u8), 6 => Just(1), 4 => Just(3), 2 => Just(4), 1 => Just(7)];
    let segment = (kind, prop::collection::vec(64500u32..64504, 0..4));
    prop::collection::vec(segment, 0..3).prop_map(move |segments| {
        segments.iter().flat_map(|(kind, asns)| super::super::samples::segment(*kind, width, asns)).collect()
    })
}

/// Mostly an AS_PATH, on sessions of two octets often an AS4_PATH, and sometimes anything.
fn some_attributes(width: usize) -> impl Strategy<Value = Vec<u8>> {
    let as_path = path(width).prop_map(|path| attribute(2, &path));
    let as4_path = path(4).prop_map(|path| attribute(17, &path));
    let other = prop_oneof![
        list().prop_map(|list| mp_reach(1, 1, &list)),
        list().prop_map(|list| mp_unreach(1, 1, &list)),
        list().prop_map(|list| mp_reach(2, 1, &list)),
        list().prop_map(|list| mp_unreach(2, 3, &list)),
        list().prop_map(|list| mp_reach(1, 2, &list)),
        path(width).prop_map(|path| attribute(2, &path)),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(code, value)| attribute(code, &value)),
    ];
    let often = |strategy| prop::option::weighted(0.9, strategy);
    (often(as_path.boxed()), prop::option::of(as4_path), prop::option::weighted(0.3, other))
        .prop_map(|(path, as4_path, other)| [path, as4_path, other].into_iter().flatten().flatten().collect())
}

fn update_of(subtype: u16) -> impl Strategy<Value = Vec<u8>> {
    let width = if matches!(subtype, 4 | 9) { 4 } else { 2 };
    (list(), some_attributes(width), list(), 0u8..3).prop_map(move |(withdrawn, attributes, announced, peer)| {
        let peer = [PEER, PEER6, OTHER][usize::from(peer)];
        let message = message(2, &update(&withdrawn, &attributes, &announced));
        // Some are cut, as long ones are.
        let n = if message.len().is_multiple_of(5) { message.len() * 2 / 3 } else { message.len() };
        bgp4mp(subtype, peer, &message[..n])
    })
}

fn rib_of(subtype: u16) -> impl Strategy<Value = Vec<u8>> {
    let entry = (0u16..4, some_attributes(4))
        .prop_map(move |(peer, attributes)| entry(peer, matches!(subtype, 8 | 10).then_some(7), &attributes));
    (0u8..3, prop::collection::vec(entry, 0..4)).prop_map(move |(n, entries)| {
        rib(subtype, ["10.0.0.0/8", "10.1.0.0/16", "11.2.0.0/20"][usize::from(n)], &entries)
    })
}

/// A file of well-formed and a few malformed records, and then some octets changed, lost or added.
fn file(n_changes: usize) -> impl Strategy<Value = Vec<u8>> {
    let record = prop_oneof![
        update_of(1),
        update_of(4),
        update_of(8),
        update_of(9),
        rib_of(2),
        rib_of(8),
        some_attributes(2).prop_map(|attributes| table_dump(&[dumped("10.1.0.0/16", PEER, &attributes)])),
        (0u16..9).prop_map(|state| state_record(0, PEER, 6, state)),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 0..=n_changes);
    (prop::collection::vec(record, 1..12), changes).prop_map(|(records, changes)| {
        let mut file = [peer_table(&[PEER, PEER6, OTHER]), records.concat()].concat();
        for (at, octet, what) in changes {
            let at = at.index(file.len());
            match what {
                0 => file.truncate(at.max(file.len() * 3 / 4)),
                1 => file.insert(at, octet),
                _ => file[at] = octet,
            }
        }
        file
    })
}

fn some_selection() -> impl Strategy<Value = Selection> {
    let words = &[
        "10.0.0.0/8",
        "10.1.0.0/16",
        "11.2.2.0/24",
        "within:10.0.0.0/9",
        "within:9.0.0.0/12",
        "within:0.0.0.0/0",
        "within:900::/12",
        "a01::/20",
    ][..];
    let origins = prop::sample::subsequence(vec!["AS64500", "AS64501", "AS64503"], 0..3);
    (prop::sample::subsequence(words.to_vec(), 0..3), origins)
        .prop_map(|(words, origins)| selection(&[words, origins].concat().join(" ")))
}

fn check_no_event_is_lost(file: &[u8], selection: &Selection) {
    let [filtered, whole] =
        [records::read, records::read_decoding_all].map(|read| read(decompress(file, &Helpers::new()), selection));
    let comparable = |reading: &Reading| {
        let control = (
            reading.census.control.prefixes.clone(),
            reading.census.control.held.clone(),
            reading.census.control.changes.clone(),
        );
        let end = (reading.census.ending.clone(), reading.census.skipped.clone());
        (reading.census.peers.clone(), reading.events.clone(), reading.census.span, end, control)
    };
    assert_eq!(comparable(&filtered), comparable(&whole));
    assert!(filtered.census.counts.damaged <= whole.census.counts.damaged);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_filter_loses_no_event(file in file(0), selection in some_selection()) {
        check_no_event_is_lost(&file, &selection);
    }

    #[test]
    fn the_filter_loses_no_event_of_a_damaged_file(file in file(5), selection in some_selection()) {
        check_no_event_is_lost(&file, &selection);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_no_event_is_lost(&bytes, &selection(ALL));
    }

    #[test]
    fn arbitrary_bodies_never_panic(
        kind in prop::sample::select(&[5u16, 12, 13, 16, 17][..]),
        subtype in 0u16..13,
        body in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        check_no_event_is_lost(&[peer_table(&[PEER]), record(AT, kind, subtype, &body)].concat(), &selection(ALL));
    }
}
