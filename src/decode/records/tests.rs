//! What records mean, and that the prefilter loses none of it.

use super::super::MAX_DAMAGE;
use super::super::samples::*;
use super::*;
use crate::bgp::AsPath;
use crate::coverage::Skipped;

const P: &str = "175.45.176.0/24";

fn reading(bytes: &[u8], words: &str) -> Reading {
    super::super::read(bytes, &selection(words))
}

/// Reads all records and compares the events; none may be damaged.
#[track_caller]
fn check(words: &str, records: &[Vec<u8>], expected: &str) {
    let reading = reading(&records.concat(), words);
    assert_eq!(text(&reading), expected);
    assert_eq!(reading.census.damage, []);
    assert_eq!(reading.census.ending, Ending::Complete);
    assert_eq!(reading.census.counts.records, records.len() as u64);
}

/// The damage, as text, of records of which the rest is still read.
#[track_caller]
fn check_damage(words: &str, records: &[Vec<u8>], expected_events: &str, expected_damage: &[&str]) {
    let reading = reading(&records.concat(), words);
    let damage: Vec<&str> = reading.census.damage.iter().map(|damage| damage.what.as_str()).collect();
    assert_eq!(damage, expected_damage);
    assert_eq!(text(&reading), expected_events);
    assert_eq!(reading.census.counts.damaged, expected_damage.len() as u64);
    assert_eq!(reading.census.ending, Ending::Complete);
}

#[test]
fn an_update_that_withdraws_and_announces_a_prefix_announces_it() {
    let withdrawn = [nlri(P), nlri("10.0.0.0/8")].concat();
    check(
        ALL,
        &[update_record(&withdrawn, &attributes(4, &[64500, 131279]), &nlri(P))],
        "192.0.2.1 withdraws 10.0.0.0/8 | 192.0.2.1 announces 175.45.176.0/24 64500 131279",
    );
}

#[test]
fn an_update_that_withdraws_and_announces_an_ipv6_prefix_announces_it() {
    let list = nlri("2001:db8::/32");
    let attributes = [attributes(4, &[64500]), mp_unreach(2, 1, &list), mp_reach(2, 1, &list)].concat();
    check(ALL, &[update_record(&[], &attributes, &[])], "192.0.2.1 announces 2001:db8::/32 64500");
}

#[test]
fn a_four_octet_origin_comes_from_as4_path_on_a_two_octet_session() {
    let as4_path = attribute(17, &segment(2, 4, &[4837, 131279]));
    let attributes = [attributes(2, &[7018, 4837, 23456]), as4_path].concat();
    let record = bgp4mp(1, PEER, &message(2, &update(&[], &attributes, &nlri(P))));
    for words in [P, "AS131279"] {
        check(words, std::slice::from_ref(&record), "192.0.2.1 announces 175.45.176.0/24 7018 4837 131279");
    }
}

#[test]
fn a_four_octet_origin_comes_from_as4_path_in_an_old_table_dump() {
    let as4_path = attribute(17, &segment(2, 4, &[4837, 131279]));
    let attributes = [attributes(2, &[7018, 4837, 23456]), as4_path].concat();
    for words in [P, "AS131279"] {
        check(
            words,
            &[table_dump(&[dumped(P, PEER, &attributes)])],
            "192.0.2.1 holds 175.45.176.0/24 7018 4837 131279",
        );
    }
}

#[test]
fn as4_path_is_ignored_on_a_four_octet_session() {
    let as4_path = attribute(17, &segment(2, 4, &[4837, 65000]));
    let attributes = [attributes(4, &[7018, 4837, 131279]), as4_path].concat();
    check(P, &[update_record(&[], &attributes, &nlri(P))], "192.0.2.1 announces 175.45.176.0/24 7018 4837 131279");
    check("AS65000", &[update_record(&[], &attributes, &nlri(P))], "");
}

#[test]
fn an_origin_that_the_session_could_not_carry_is_unknown_and_the_prefix_present() {
    let record = bgp4mp(1, PEER, &message(2, &update(&[], &attributes(2, &[7018, 23456]), &nlri(P))));
    let reading = reading(&record, P);
    let path = reading.events.iter().find_map(|event| announced_path(&event.change));
    assert!(path.is_some_and(|path| path.origin_is_unknown()), "{}", text(&reading));
}

#[test]
fn prepending_sets_and_confederations_leave_the_origin_known() {
    let announce = |path: &[u8]| update_record(&[], &attribute(2, path), &nlri(P));
    let sequence = segment(2, 4, &[7018, 131279, 131279, 131279]);
    let confederation = segment(3, 4, &[65001, 65002]);
    for words in ["AS131279", P] {
        let check = |path: &[u8], expected: &str| {
            check(words, &[announce(path)], &format!("192.0.2.1 announces 175.45.176.0/24 {expected}"));
        };
        check(&sequence, "7018 131279 131279 131279");
        check(&[sequence.clone(), confederation.clone()].concat(), "7018 131279 131279 131279");
        check(&[confederation.clone(), sequence.clone()].concat(), "7018 131279 131279 131279");
        check(&[segment(2, 4, &[7018]), segment(1, 4, &[131279, 65000])].concat(), "7018 {131279,65000}");
        check(&[sequence.clone(), segment(2, 4, &[])].concat(), "7018 131279 131279 131279");
    }
}

#[test]
fn routes_with_an_empty_path_belong_to_the_collector_and_are_left_out() {
    check(P, &[update_record(&[], &attribute(2, &[]), &nlri(P))], "");
    check(P, &[peer_table(&[PEER]), rib(2, P, &[entry(0, None, &attribute(2, &[]))])], "");
    check(P, &[update_record(&[], &attribute(2, &segment(3, 4, &[65001])), &nlri(P))], "");
}

#[test]
fn path_identifiers_are_kept_on_sessions_that_have_them() {
    let path = attributes(4, &[64500, 131279]);
    let record = |withdrawn: &[u8], announced: &[u8]| {
        let path = if announced.is_empty() { Vec::new() } else { path.clone() };
        bgp4mp(9, PEER, &message(2, &update(withdrawn, &path, announced)))
    };
    check(
        P,
        &[
            record(&[], &[nlri_with_id(1, P), nlri_with_id(2, P)].concat()),
            record(&nlri_with_id(1, P), &[]),
            record(&nlri_with_id(2, P), &nlri_with_id(3, P)),
        ],
        "192.0.2.1 announces 175.45.176.0/24#1 64500 131279 | 192.0.2.1 announces 175.45.176.0/24#2 64500 131279 \
         | 192.0.2.1 withdraws 175.45.176.0/24#1 \
         | 192.0.2.1 withdraws 175.45.176.0/24#2 | 192.0.2.1 announces 175.45.176.0/24#3 64500 131279",
    );
}

#[test]
fn host_bits_are_cleared_in_updates_and_dumps() {
    let path = attributes(4, &[64500]);
    check("10.16.0.0/12", &[update_record(&[], &path, &[12, 10, 31])], "192.0.2.1 announces 10.16.0.0/12 64500");
    let records = [peer_table(&[PEER]), rib(2, "10.31.0.0/12", &[entry(0, None, &path)])];
    check("10.16.0.0/12", &records, "192.0.2.1 holds 10.16.0.0/12 64500");
}

#[test]
fn an_ipv4_prefix_on_an_ipv6_session_is_an_ipv4_prefix() {
    let attributes = [attributes(4, &[64500, 131279]), mp_reach(1, 1, &nlri(P))].concat();
    let announce = bgp4mp(4, PEER6, &message(2, &update(&[], &attributes, &[])));
    let withdraw = bgp4mp(4, PEER6, &message(2, &update(&[], &mp_unreach(1, 1, &nlri(P)), &[])));
    check(
        P,
        &[announce, withdraw],
        "2001:db8::1 announces 175.45.176.0/24 64500 131279 | 2001:db8::1 withdraws 175.45.176.0/24",
    );
}

#[test]
fn messages_of_the_collector_itself_are_ignored_and_counted() {
    let records: Vec<_> =
        [6, 7, 10, 11].map(|subtype| bgp4mp(subtype, PEER, &message(2, &update(&nlri(P), &[], &[])))).into();
    check(P, &records, "");
    let reading = reading(&records.concat(), P);
    assert_eq!((reading.census.counts.ignored, reading.census.counts.messages, reading.census.peers.len()), (4, 0, 0));
}

#[test]
fn an_end_of_rib_marker_names_its_family_and_no_prefix() {
    check(P, &[update_record(&[], &[], &[])], "192.0.2.1 end of IPv4");
    check(P, &[update_record(&[], &mp_unreach(2, 1, &[]), &[])], "192.0.2.1 end of IPv6");
    check(P, &[update_record(&[], &mp_unreach(1, 1, &[]), &[])], "192.0.2.1 end of IPv4");
    check(P, &[update_record(&[], &mp_unreach(2, 2, &[]), &[])], "");
    check(P, &[update_record(&nlri("10.0.0.0/8"), &mp_unreach(2, 1, &[]), &[])], "");
    check(P, &[update_record(&[], &attribute(1, &[0]), &[])], "");
}

#[test]
fn undeclared_path_identifiers_are_read_if_only_they_are_plausible() {
    let path = attributes(4, &[64500]);
    check(
        ALL,
        &[
            update_record(&[], &path, &nlri_with_id(720, "64.17.246.0/23")),
            update_record(&[nlri_with_id(720, "64.17.246.0/23"), nlri_with_id(721, P)].concat(), &[], &[]),
        ],
        "192.0.2.1 announces 64.17.246.0/23#720 64500 \
         | 192.0.2.1 withdraws 64.17.246.0/23#720 | 192.0.2.1 withdraws 175.45.176.0/24#721",
    );
    let v6 = mp_unreach(2, 1, &nlri("2a0e:b107:1::/48"));
    let withdrawal = bgp4mp(9, PEER, &message(2, &update(&[], &v6, &[])));
    check("2a0e:b107:1::/48", &[withdrawal], "192.0.2.1 withdraws 2a0e:b107:1::/48");
    // A default route, or an identifier.
    let either = update_record(&[], &path, &nlri_with_id(0x0008_0a10, "64.0.0.0/2"));
    check_damage(
        "64.0.0.0/2 10.0.0.0/8",
        &[either],
        "192.0.2.1 unclear 10.0.0.0/8 | 192.0.2.1 unclear 64.0.0.0/2",
        &["IPv4 prefixes that may have path identifiers or not"],
    );
    let neither = update_record(&[208, 1, 2, 3], &[], &[]);
    check_damage(P, &[neither], "192.0.2.1 lost IPv4 withdrawals", &["a malformed list of IPv4 prefixes"]);
}

#[test]
fn a_default_route_among_prefixes_that_cannot_have_path_identifiers_is_one() {
    let path = attributes(4, &[64500]);
    check("within:0.0.0.0/0", &[update_record(&[], &path, &[0])], "192.0.2.1 announces 0.0.0.0/0 64500");
    let list = [vec![0], nlri("178.215.220.0/22"), nlri(P)].concat();
    check(P, &[update_record(&[], &path, &list)], "192.0.2.1 announces 175.45.176.0/24 64500");
}

#[test]
fn one_damaged_record_costs_no_other() {
    let path = attributes(4, &[64500, 131279]);
    let good = update_record(&[], &path, &nlri(P));
    let anything = "192.0.2.1 lost IPv4 IPv6 withdrawals announcements";
    let unclear = "192.0.2.1 unclear 175.45.176.0/24";
    let damaged = [
        (update_record(&[], &attribute(2, &[2, 9, 0, 0]), &nlri(P)), unclear, "an AS_PATH that cannot be read"),
        (update_record(&[], &attribute(1, &[0]), &nlri(P)), unclear, "an announcement without an AS_PATH"),
        (update_record(&[], &[0x40, 1, 200], &nlri(P)), unclear, "an attribute longer than the attributes"),
        (bgp4mp(4, PEER, &message(2, &[0, 9, 24])), anything, "withdrawn routes longer than the message"),
        (bgp4mp(4, PEER, &message(2, &[0, 0, 0, 9, 1])), anything, "attributes longer than the message"),
        (bgp4mp(4, PEER, &message(9, &[])), anything, "a BGP message of unknown type 9"),
        (bgp4mp(4, PEER, &[1; 30]), anything, "no BGP message where one should begin"),
        (state_record(5, PEER, 6, 9), anything, "a state change that cannot be read"),
        (
            update_record(&[], &mp_reach(2, 1, &[129]), &[]),
            "192.0.2.1 lost IPv6 announcements",
            "a malformed list of IPv6 prefixes",
        ),
        (
            update_record(&[], &attribute(14, &[0, 1, 1, 9, 0]), &[]),
            "192.0.2.1 lost IPv4 announcements",
            "malformed attribute 14",
        ),
    ];
    let announced = "192.0.2.1 announces 175.45.176.0/24 64500 131279";
    for (damaged, lost, what) in damaged {
        let records = [good.clone(), damaged, good.clone()];
        check_damage(P, &records, &[announced, lost, announced].join(" | "), &[what]);
        // Losses are reported whatever the selection.
        let expected = if lost.contains("lost") { lost } else { "" };
        assert_eq!(text(&reading(&records.concat(), "10.0.0.0/8")), expected, "{what}");
    }
}

#[test]
fn a_record_that_does_not_show_whose_it_is_puts_its_collector_in_doubt() {
    let good = update_record(&[], &attributes(4, &[64500, 131279]), &nlri(P));
    let mut nameless = vec![0xfb, 0xf4, 0xfb, 0xff];
    nameless.extend(message(2, &update(&nlri(P), &[], &[])));
    for (orphan, what) in [
        (record(AT, 16, 4, &[1, 2, 3]), Some("a message that ends before its addresses do")),
        (record(AT, 16, 1, &nameless), Some("a message that ends before its addresses do")),
        (record(AT, 16, 5, &[1, 2, 3]), Some("a state change that cannot be read")),
        (
            record(AT, 16, 0, &[0xfb, 0xf4, 0xfb, 0xff, 0, 6, 0, 1]),
            Some("a state change of an established session without its addresses"),
        ),
        (record(AT, 17, 4, &[1, 2, 3]), Some("a record without its microseconds")),
        (record(AT, 16, 3, &[0, 0]), None),
        (record(AT, 16, 12, &[]), None),
        (record(AT, 9, 1, &[]), None),
    ] {
        for words in [P, "10.0.0.0/8"] {
            let reading = reading(&[&good[..], &orphan, &orphan, &good].concat(), words);
            let at = Timestamp::from_secs(AT.into());
            let (offset, bytes) = (good.len() as u64, 2 * orphan.len() as u64);
            assert_eq!(reading.census.skipped, [Skipped { offset, bytes, after: at, before: at }], "{what:?}");
            assert_eq!(reading.census.damage.first().map(|damage| damage.what.as_str()), what);
            assert_eq!(reading.census.counts.unsupported, if what.is_none() { 2 } else { 0 });
        }
    }
}

#[test]
fn all_messages_of_a_record_are_read() {
    let keepalive = message(4, &[]);
    let withdrawal = message(2, &update(&nlri(P), &[], &[]));
    check(P, &[bgp4mp(4, PEER, &[&keepalive[..], &withdrawal].concat())], "192.0.2.1 withdraws 175.45.176.0/24");
    check_damage(
        "10.0.0.0/8",
        &[bgp4mp(4, PEER, &[&withdrawal[..], &[0]].concat())],
        "192.0.2.1 lost IPv4 IPv6 withdrawals announcements",
        &["1 octets after a BGP message"],
    );
}

#[test]
fn a_session_inside_one_as_is_internal() {
    let inside = (64511, "192.0.2.1");
    let of_trans = (23456, "192.0.2.2");
    let mut both_lost = addresses(1, of_trans);
    both_lost[2..4].copy_from_slice(&23456u16.to_be_bytes());
    both_lost.extend(message(4, &[]));
    let file = [
        bgp4mp(4, inside, &message(4, &[])),
        bgp4mp(4, PEER6, &message(4, &[])),
        record(AT, 16, 1, &both_lost),
        state_record(5, (64511, "192.0.2.9"), 6, 1),
    ];
    let is_internal: Vec<bool> = reading(&file.concat(), P).census.peers.iter().map(|peer| peer.is_internal).collect();
    assert_eq!(is_internal, [true, false, false, true]);
}

#[test]
fn a_peer_whose_number_two_octets_cannot_hold_has_the_one_that_its_routes_begin_with() {
    let as4_path = |first: u32| attribute(17, &segment(2, 4, &[first, 131279]));
    let announce = |address: &'static str, first: u32, prefix: &str| {
        let attributes = [attributes(2, &[23456, 23456]), as4_path(first)].concat();
        bgp4mp(1, (23456, address), &message(2, &update(&[], &attributes, &nlri(prefix))))
    };
    let alone = bgp4mp(1, (23456, "192.0.2.9"), &message(2, &update(&nlri(P), &[], &[])));
    let file = [
        announce("192.0.2.1", 196615, P),
        announce("192.0.2.1", 196615, "10.0.0.0/8"),
        announce("192.0.2.1", 196616, "10.0.0.0/8"),
        announce("192.0.2.2", 196617, "10.0.0.0/8"),
        // A route server: its routes begin with the numbers of others.
        announce("192.0.2.3", 196618, "10.0.0.0/8"),
        announce("192.0.2.3", 196619, "10.0.0.0/8"),
        alone,
    ];
    for words in [P, "172.16.0.0/12"] {
        let peers = reading(&file.concat(), words).census.peers;
        let names: Vec<String> = peers.iter().map(|peer| peer.peer.to_string()).collect();
        assert_eq!(
            names,
            ["AS196615 192.0.2.1", "AS196617 192.0.2.2", "AS23456 192.0.2.3", "AS23456 192.0.2.9"],
            "{words}"
        );
    }
}

#[test]
fn damage_is_located_a_few_times_and_counted_without_limit() {
    let bytes = vec![bgp4mp(4, PEER, &message(9, &[])); 30].concat();
    let reading = reading(&bytes, P);
    assert_eq!(reading.census.counts.damaged, 30);
    assert_eq!(reading.census.damage.len(), MAX_DAMAGE);
    assert_eq!((reading.census.damage[1].record, reading.census.damage[1].offset), (1, bytes.len() as u64 / 30));
}

#[test]
fn an_origin_alone_selects_announcements_and_sessions_and_a_prefix_its_withdrawals() {
    let records = [
        state_record(5, PEER, 5, 6),
        update_record(&[], &attributes(4, &[64500, 131279]), &nlri(P)),
        update_record(&[], &attributes(4, &[64500, 65000]), &nlri(P)),
        update_record(&nlri(P), &[], &[]),
        state_record(5, PEER, 6, 1),
    ];
    check("AS131279", &records, "192.0.2.1 up | 192.0.2.1 announces 175.45.176.0/24 64500 131279 | 192.0.2.1 down");
    check(
        "AS131279 175.45.176.0/24",
        &records,
        "192.0.2.1 up | 192.0.2.1 announces 175.45.176.0/24 64500 131279 \
         | 192.0.2.1 announces 175.45.176.0/24 64500 65000 | 192.0.2.1 withdraws 175.45.176.0/24 | 192.0.2.1 down",
    );
}

#[test]
fn a_transit_network_is_not_the_origin() {
    check("AS131279", &[update_record(&[], &attributes(4, &[64500, 131279, 51040]), &nlri(P))], "");
    let records = [peer_table(&[PEER]), rib(2, P, &[entry(0, None, &attributes(4, &[64500, 131279, 51040]))])];
    check("AS131279", &records, "");
}

#[test]
fn sessions_of_no_peer_are_ignored_and_counted() {
    let records = [
        state_record(0, (0, "192.0.2.1"), 4, 8),
        state_record(0, (64500, "0.0.0.0"), 6, 1),
        state_record(5, (64500, "::"), 6, 1),
    ];
    check(P, &records, "");
    let counts = reading(&records.concat(), P).census.counts;
    assert_eq!((counts.ignored, counts.state_changes), (3, 0));
}

#[test]
fn shortened_records_of_early_zebra_are_ignored_and_wrong_families_corrected() {
    let short = record(AT, 16, 0, &[0xfb, 0xf4, 0xfb, 0xff, 0, 4, 0, 1]);
    let mut open = vec![0xfb, 0xf4, 0xfb, 0xff];
    open.extend(message(1, &[4, 0xfb, 0xf4, 0, 180, 192, 0, 2, 1, 0]));
    let mut lying = addresses(0, PEER);
    lying[7] = 2;
    lying.extend([0, 6, 0, 1]);
    check(P, &[short, record(AT, 16, 1, &open), record(AT, 16, 0, &lying)], "192.0.2.1 down");
}

#[test]
fn every_state_but_established_and_every_notification_ends_a_session() {
    let states: Vec<_> = (1..=8).map(|new| state_record(0, PEER, 6, new)).collect();
    let down = "192.0.2.1 down";
    check(P, &states, &[down, down, down, down, down, "192.0.2.1 up", down, down].join(" | "));
    let messages =
        [bgp4mp(4, PEER, &message(1, &[4])), bgp4mp(4, PEER, &message(3, &[6, 4])), bgp4mp(4, PEER, &message(4, &[]))];
    check(P, &messages, "192.0.2.1 open | 192.0.2.1 down");
}

#[test]
fn every_message_shows_that_its_peer_is_alive() {
    let at = |seconds: u32, mut record: Vec<u8>| {
        record[..4].copy_from_slice(&seconds.to_be_bytes());
        record
    };
    let records = [
        at(AT + 9, bgp4mp(4, PEER, &message(4, &[]))),
        at(AT, bgp4mp(4, PEER, &message(5, &[0, 1, 0, 1]))),
        at(AT + 5, bgp4mp(4, PEER6, &message(2, &update(&nlri("10.0.0.0/8"), &[], &[])))),
        at(AT + 20, state_record(5, OTHER, 6, 1)),
    ];
    let reading = reading(&records.concat(), P);
    let seconds = |at: Option<Timestamp>| at.map(|at| at.secs() - i64::from(AT));
    let heard: Vec<_> =
        reading.census.peers.iter().map(|peer| (seconds(peer.first_at), seconds(peer.last_at))).collect();
    assert_eq!(heard, [(Some(0), Some(9)), (Some(5), Some(5)), (None, None)]);
    assert_eq!(reading.census.span, Some((Timestamp::from_secs(AT.into()), Timestamp::from_secs((AT + 20).into()))));
    assert_eq!((reading.census.counts.messages, reading.census.counts.state_changes), (3, 1));
}

#[test]
fn microseconds_are_part_of_the_time() {
    let body = [&250_000u32.to_be_bytes()[..], &addresses(5, PEER), &[0, 6, 0, 1]].concat();
    let reading = reading(&record(AT, 17, 5, &body), P);
    assert_eq!(reading.events[0].at, Timestamp::from_micros(i64::from(AT) * 1_000_000 + 250_000));
}

#[test]
fn multicast_and_other_protocols_are_ignored_and_what_may_be_unicast_unsupported() {
    let mut records: Vec<_> = [3, 5, 7, 9, 11].map(|subtype| record(AT, 13, subtype, &[])).into();
    records.push(record(AT, 16, 3, &[]));
    records.extend([6, 12, 99].map(|subtype| record(AT, 13, subtype, &[])));
    records.push(record(AT, 11, 0, &[]));
    let generic = |family: [u8; 3]| record(AT, 13, 6, &[&[0, 0, 0, 1][..], &family].concat());
    records.extend([[0, 1, 1], [0, 2, 1], [0, 1, 128], [0, 25, 65]].map(generic));
    check(P, &records, "");
    let counts = reading(&records.concat(), P).census.counts;
    assert_eq!((counts.ignored, counts.unsupported), (8, 6));
    let multicast = [attributes(4, &[64500]), mp_reach(1, 2, &nlri(P)), mp_unreach(1, 2, &nlri(P))].concat();
    check(P, &[update_record(&[], &multicast, &[])], "");
}

#[test]
fn the_oldest_form_has_messages_without_headers() {
    let peer = [0xfb, 0xf4, 192, 0, 2, 1];
    let body = |content: &[u8]| [&peer[..], &[0xfb, 0xff, 192, 0, 2, 9], content].concat();
    let records = [
        record(AT, 5, 1, &body(&update(&nlri("10.0.0.0/8"), &attributes(2, &[64500, 65000]), &nlri(P)))),
        record(AT, 5, 3, &[&peer[..], &[0, 6, 0, 1]].concat()),
        record(AT, 5, 5, &body(&[])),
        record(AT, 5, 6, &body(&[])),
        record(AT, 5, 7, &body(&[])),
    ];
    check(
        P,
        &records,
        "192.0.2.1 announces 175.45.176.0/24 64500 65000 | 192.0.2.1 down | 192.0.2.1 open | 192.0.2.1 down",
    );
}

#[test]
fn whole_prefixes_of_an_update_that_the_collector_cut_are_used() {
    let cut = |update: &[u8], n: usize| {
        let whole = message(2, update);
        bgp4mp(4, PEER, &whole[..whole.len() - n])
    };
    let what = |n: usize| format!("an UPDATE of which only {n} octets were kept");
    let list = [nlri(P), nlri("10.0.0.0/8")].concat();
    let path = attributes(4, &[64500]);
    let announced = update(&[], &path, &list);
    let kept = what(announced.len() + 18);
    let announces = "192.0.2.1 lost IPv4 announcements | 192.0.2.1 announces 175.45.176.0/24 64500";
    check_damage(ALL, &[cut(&announced, 1)], announces, &[&kept]);
    check_damage("192.168.0.0/16", &[cut(&announced, 1)], "192.0.2.1 lost IPv4 announcements", &[&kept]);
    let withdrawn = update(&list, &path, &nlri("192.0.2.0/24"));
    let kept = what(withdrawn.len() + 19 - 10);
    let both = "192.0.2.1 lost IPv4 IPv6 withdrawals announcements \
                | 192.0.2.1 withdraws 175.45.176.0/24 | 192.0.2.1 withdraws 10.0.0.0/8";
    check_damage(ALL, &[cut(&withdrawn, 10)], both, &[&kept]);
    let empty_then_attributes = update(&[], &path, &[]);
    let kept = what(empty_then_attributes.len() + 18);
    check_damage(ALL, &[cut(&empty_then_attributes, 1)], "", &[&kept]);
    let kept = what(21 + 5);
    check_damage(
        ALL,
        &[bgp4mp(4, PEER, &message(2, &update(&list, &[], &[]))[..26])],
        "192.0.2.1 lost IPv4 withdrawals | 192.0.2.1 withdraws 175.45.176.0/24",
        &[&kept],
    );
}

#[test]
fn a_cut_message_keeps_its_multiprotocol_routes() {
    let list = nlri("2001:db8::/32");
    let attributes = [mp_reach(2, 1, &list), attributes(4, &[64500]), attribute(8, &[0; 8])].concat();
    let whole = message(2, &update(&[], &attributes, &[]));
    let reading = reading(&bgp4mp(4, PEER, &whole[..whole.len() - 4]), "2001:db8::/32");
    assert_eq!(text(&reading), "192.0.2.1 announces 2001:db8::/32 64500");
    // Where the path is cut off, what is announced is known, and not how.
    let kept = 19 + 4 + mp_reach(2, 1, &list).len() + 4;
    let reading = super::super::read(&bgp4mp(4, PEER, &whole[..kept])[..], &selection("2001:db8::/32"));
    assert_eq!(text(&reading), "192.0.2.1 lost IPv4 IPv6 withdrawals announcements | 192.0.2.1 unclear 2001:db8::/32");
}

#[test]
fn the_first_update_or_keepalive_of_an_established_session_is_a_sign_of_life() {
    let keepalive = bgp4mp(4, PEER, &message(4, &[]));
    let update = update_record(&[], &attributes(4, &[64500]), &nlri("10.0.0.0/8"));
    let open = bgp4mp(4, OTHER, &message(1, &[]));
    let closed = state_record(5, PEER, 6, 1);
    let file = [&open, &keepalive, &update, &closed, &closed, &keepalive, &update].map(Vec::as_slice).concat();
    let alive = reading(&file, P).events.into_iter().filter(|event| event.change == Change::Alive);
    assert_eq!(alive.map(|event| (event.peer, event.record)).collect::<Vec<_>>(), [(1, 1), (1, 5)]);
}

fn announced_path(change: &Change) -> Option<&AsPath> {
    match change {
        Change::Announce { path, .. } => Some(path),
        _ => None,
    }
}

#[test]
fn equal_paths_of_a_file_are_one_in_memory() {
    let record = update_record(&[], &attributes(4, &[64500, 131279]), &nlri(P));
    let reading = reading(&[record.clone(), record].concat(), P);
    let paths: Vec<_> = reading.events.iter().filter_map(|event| announced_path(&event.change)).collect();
    assert!(std::ptr::eq(paths[0].hops(), paths[1].hops()));
}

#[test]
fn a_file_of_no_bytes_is_not_an_empty_archive() {
    assert_eq!(reading(&[], P).census.ending, Ending::Unreadable("the file is empty: 0 bytes".to_owned()));
}
