//! Peers that are renumbered, fall silent, or never existed, and how RIB dumps list them.

use std::net::{IpAddr, Ipv4Addr};

use super::bytes::{self, Peer};
use super::judge::{Rule, each, exact, known, safe};
use super::scene::{About, Dump, N_PEERS, ORIGIN, Record, Scene};

const OUTAGE: &str = "08:30:00..09:10:00";

/// From 08:20:00 on `new_self` renumbers the first `n` peers: the new peers send the whole table, the old ones send
/// nothing more.
fn renumbered(n: usize, new_self: impl Fn(Peer) -> Peer) -> Scene {
    let mut scene = Scene::calm();
    let step = scene.at("08:20:00");
    for peer in 0..n {
        scene.peers[peer] = new_self(scene.peers[peer]);
        let others = scene.others();
        for (index, prefix) in others.iter().enumerate() {
            let path = [scene.peers[peer].asn, 1299, 20000 + index as u32];
            let message = bytes::announcement(scene.speech, &scene.peers[peer], &path, &[*prefix]);
            scene.add(step + 1 + index as i64 / 20, peer, About::Twist, &message);
        }
        scene = scene.back_at("08:20:05", &[peer]);
    }
    let peers = scene.peers.clone();
    for record in scene.records.iter_mut().filter(|record| record.about == About::Others && record.written >= step) {
        if record.peer < n {
            let message = record.message().to_vec();
            record.bytes = bytes::bgp4mp(record.written, &peers[record.peer], bytes::MESSAGE_AS4, &message);
        }
    }
    scene.lost("08:30:00").back("09:10:00")
}

fn other_asn(peer: Peer) -> Peer {
    Peer { asn: peer.asn + 60_000, ..peer }
}

fn other_address(peer: Peer) -> Peer {
    let IpAddr::V4(address) = peer.address else { panic!("{peer:?}") };
    Peer { address: Ipv4Addr::from_bits(address.to_bits() + 100).into(), ..peer }
}

#[test]
fn a_peer_with_a_new_as_number_does_not_vote_twice() {
    safe(&renumbered(N_PEERS, other_asn), OUTAGE);
    safe(&renumbered(6, other_asn), OUTAGE);
    let found = exact(&renumbered(1, other_asn), OUTAGE);
    known(&Scene::calm(), &found, "08:10:00..09:50:00");
}

#[test]
fn a_peer_with_a_new_address_does_not_vote_twice() {
    safe(&renumbered(N_PEERS, other_address), OUTAGE);
    safe(&renumbered(6, other_address), OUTAGE);
    exact(&renumbered(1, other_address), OUTAGE);
}

#[test]
fn former_addresses_that_a_rib_dump_after_the_window_no_longer_lists_are_unknown() {
    for new_self in [other_asn, other_address] {
        let mut scene = renumbered(N_PEERS, new_self);
        scene.dumps.push(scene.dump("16:00:00"));
        safe(&scene, OUTAGE);
        // And one inside the window.
        let mut scene = renumbered(N_PEERS, new_self);
        scene.dumps.push(scene.dump_with("08:40:00", &[]));
        safe(&scene, OUTAGE);
    }
}

#[test]
fn a_peer_whose_address_is_mapped_into_ipv6_is_the_same_peer() {
    let mapped = |peer: Peer| {
        let IpAddr::V4(address) = peer.address else { panic!("{peer:?}") };
        Peer { address: address.to_ipv6_mapped().into(), ..peer }
    };
    let mut scene = Scene::calm();
    scene.peers = scene.peers.into_iter().map(mapped).collect();
    let all = scene.peers.clone();
    let scene = scene.lost("08:30:00").back("09:10:00").change(
        |_| true,
        |record| {
            let message = record.message().to_vec();
            record.bytes = bytes::bgp4mp(record.stamped(), &all[record.peer], bytes::MESSAGE_AS4, &message);
        },
    );
    safe(&scene, OUTAGE);
}

#[test]
fn two_sessions_with_one_link_local_address_are_two_peers() {
    let shared = "fe80::1".parse().expect("an address");
    let mut scene = Scene::busy_v6();
    scene.peers[0].address = shared;
    scene.peers[1].address = shared;
    let all = scene.peers.clone();
    scene.dumps = vec![scene.dump("08:00:00")];
    let scene = scene.change(
        |record| record.peer < 2,
        |record| {
            let message = record.message().to_vec();
            record.bytes = bytes::bgp4mp(record.stamped(), &all[record.peer], bytes::MESSAGE_AS4, &message);
        },
    );
    exact(&scene.lost("08:30:00").back("09:10:00"), OUTAGE);
}

/// These peers send nothing between two times: their withdrawals are lost, and no state change is recorded.
fn silent(scene: Scene, n: usize, window: &str) -> Scene {
    let (from, to) = window.split_once(' ').expect("two clocks");
    let (from, to) = (scene.at(from), scene.at(to));
    scene.without(move |record: &Record| record.peer < n && (from..to).contains(&record.written))
}

#[test]
fn full_feeds_that_fall_silent_for_good_do_not_hide_an_outage() {
    each(Rule::Safe, [3, 6, 9, 11].map(|n| (n, silent(Scene::tidy(), n, "08:20:00 10:00:00"), OUTAGE.to_owned())));
    each(
        Rule::Safe,
        [6, 9].map(|n| {
            let mut scene = silent(Scene::tidy(), n, "08:20:00 10:00:00");
            let talking: Vec<usize> = (n..N_PEERS).collect();
            scene.dumps.push(without_peers(&scene, "16:00:00", &talking));
            (n, scene, OUTAGE.to_owned())
        }),
    );
}

/// A dump that lists these peers only.
fn without_peers(scene: &Scene, clock: &str, listed: &[usize]) -> Dump {
    let mut rest = scene.clone();
    rest.peers = listed.iter().map(|peer| scene.peers[*peer]).collect();
    rest.dump(clock)
}

#[test]
fn full_feeds_that_are_silent_for_forty_minutes_do_not_hide_an_outage() {
    each(Rule::Safe, [6, 9, 11].map(|n| (n, silent(Scene::tidy(), n, "08:20:00 09:00:00"), OUTAGE.to_owned())));
    each(
        Rule::Safe,
        [6, 9, 11].map(|n| {
            (n, silent(Scene::busy().lost("08:30:00").back("09:10:00"), n, "08:20:00 09:00:00"), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn full_feeds_that_fall_silent_are_no_outage() {
    each(Rule::Safe, [3, 6, 11].map(|n| (n, silent(Scene::busy(), n, "08:20:00 10:00:00"), String::new())));
}

#[test]
fn one_full_feed_that_falls_silent_changes_no_answer() {
    exact(&silent(Scene::tidy(), 1, "08:20:00 10:00:00"), OUTAGE);
    exact(&silent(Scene::tidy(), 1, "08:20:00 09:00:00"), OUTAGE);
}

/// The dump of the scene as TABLE_DUMP, whose AS numbers have two octets.
fn old_dump(scene: &Scene, as_listed: impl Fn(Peer) -> Peer) -> Dump {
    let at = scene.at("08:00:00");
    let others = scene.others();
    let mut bytes = Vec::new();
    for (sequence, prefix) in others.iter().chain([&scene.prefix]).enumerate() {
        for peer in &scene.peers {
            let origin = if *prefix == scene.prefix { ORIGIN } else { 20000 };
            let listed = as_listed(*peer);
            bytes.extend(bytes::table_dump_record(at, sequence as u16, prefix, &listed, &[listed.asn, 1299, origin]));
        }
    }
    Dump { at, bytes }
}

#[test]
fn peers_that_an_old_dump_lists_as_as_23456_are_those_of_the_updates() {
    let scene = || {
        let mut scene = Scene::empty(Scene::calm().day);
        scene.peers.iter_mut().for_each(|peer| peer.asn += 200_000);
        scene.chatter(60);
        scene.lost("08:30:00").back("09:10:00")
    };
    // With the real number in AS4_PATH.
    let mut with_as4_path = scene();
    with_as4_path.dumps = vec![old_dump(&with_as4_path, |peer| peer)];
    exact(&with_as4_path, OUTAGE);
    // Without: the number appears nowhere in the dump.
    let mut without = scene();
    without.dumps = vec![old_dump(&without, |peer| Peer { asn: 23456, ..peer })];
    without.min_peers = Some(1);
    safe(&without, OUTAGE);
    // And where the updates have two octets too.
    let all = without.peers.clone();
    let narrow = without.change(
        |_| true,
        |record| {
            let message = record.message().to_vec();
            record.bytes = bytes::bgp4mp(record.stamped(), &all[record.peer], bytes::MESSAGE, &message);
        },
    );
    safe(&narrow, OUTAGE);
}

#[test]
fn an_old_dump_of_ordinary_numbers_is_read() {
    let mut scene = Scene::tidy();
    scene.dumps = vec![old_dump(&scene, |peer| peer)];
    exact(&scene, OUTAGE);
}

/// A dump with odd rows in front of those of the peers.
fn dump_behind(scene: &Scene, clock: &str, n_rows: usize, rows: &[u8]) -> Dump {
    let at = scene.at(clock);
    let own: Vec<u8> = scene.peers.iter().flat_map(bytes::row).collect();
    let mut bytes = bytes::peer_index_table(at, n_rows + scene.peers.len(), &[rows, &own].concat());
    bytes.extend(scene.tables(at, &(0..N_PEERS).collect::<Vec<_>>(), n_rows as u16));
    Dump { at, bytes }
}

#[test]
fn empty_rows_of_a_peer_table_are_no_vantage_points() {
    let nobody = Peer { asn: 0, address: IpAddr::from([0, 0, 0, 0]), local_asn: 12654 };
    let zero = Peer { asn: 0, address: IpAddr::from([195, 69, 144, 99]), local_asn: 12654 };
    let unspecified = Peer { asn: 3333, address: IpAddr::from([0, 0, 0, 0]), local_asn: 12654 };
    each(
        Rule::Exact,
        [("AS0 at 0.0.0.0", nobody), ("AS0", zero), ("0.0.0.0", unspecified)].map(|(name, row)| {
            let mut scene = Scene::tidy();
            scene.dumps = vec![dump_behind(&scene, "08:00:00", 1, &bytes::row(&row))];
            (name, scene, OUTAGE.to_owned())
        }),
    );
}

#[test]
fn a_row_of_a_peer_table_that_is_four_octets_too_short_spoils_no_dump() {
    for id in [[0, 0, 0, 0], [10, 0, 1, 0]] {
        let mut scene = Scene::tidy();
        let short = [&[2][..], &id, &[0; 4]].concat();
        scene.dumps = vec![dump_behind(&scene, "08:00:00", 1, &short)];
        exact(&scene, OUTAGE);
    }
}

#[test]
fn octets_left_over_after_a_peer_table_spoil_no_dump() {
    let mut scene = Scene::tidy();
    let at = scene.at("08:00:00");
    let rows: Vec<u8> = scene.peers.iter().flat_map(bytes::row).chain([0; 7]).collect();
    let all: Vec<usize> = (0..N_PEERS).collect();
    let bytes = [bytes::peer_index_table(at, N_PEERS, &rows), scene.tables(at, &all, 0)].concat();
    scene.dumps = vec![Dump { at, bytes }];
    safe(&scene, OUTAGE);
}

/// A dump whose peers all have AS 0.
fn numberless(scene: &Scene, clock: &str) -> Dump {
    let mut nobodies = scene.clone();
    nobodies.peers.iter_mut().for_each(|peer| peer.asn = 0);
    nobodies.dump(clock)
}

#[test]
fn a_dump_whose_peers_all_have_as_0_is_useless_and_the_updates_are_not() {
    let mut only = Scene::tidy();
    only.dumps = vec![numberless(&only, "08:00:00")];
    safe(&only, OUTAGE);
    let mut second = Scene::tidy();
    second.dumps.push(numberless(&second, "08:50:00"));
    exact(&second, OUTAGE);
}

#[test]
fn a_dump_that_holds_itself_twice_is_one_dump() {
    for clock in ["08:00:00", "08:45:00", "16:00:00"] {
        let mut scene = Scene::tidy();
        let holding: &[usize] = if clock == "08:45:00" { &[] } else { &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] };
        let dump = scene.dump_with(clock, holding);
        let twice = Dump { at: dump.at, bytes: [&dump.bytes[..], &dump.bytes].concat() };
        scene.dumps.retain(|other| other.at != dump.at);
        scene.dumps.extend([twice, scene.dump("09:40:00")]);
        exact(&scene, OUTAGE);
    }
}

#[test]
fn two_dumps_of_different_times_in_one_file_are_never_mixed() {
    let mut scene = Scene::tidy();
    let (first, second) = (scene.dump("08:00:00"), scene.dump_with("08:40:00", &[]));
    scene.dumps = vec![Dump { at: first.at, bytes: [first.bytes, second.bytes].concat() }];
    safe(&scene, OUTAGE);
}

#[test]
fn a_dump_that_is_cut_is_no_evidence_of_absence() {
    for clock in ["08:20:00", "08:45:00", "09:30:00"] {
        let mut scene = Scene::tidy();
        let mut dump = scene.dump(clock);
        // The prefix is its last one.
        dump.bytes.truncate(dump.bytes.len() * 2 / 3);
        scene.dumps.push(dump);
        safe(&scene, OUTAGE);
        let mut scene = Scene::calm();
        let mut dump = scene.dump(clock);
        dump.bytes.truncate(dump.bytes.len() * 2 / 3);
        scene.dumps.push(dump);
        safe(&scene, "");
    }
}

#[test]
fn a_row_or_an_entry_that_is_there_twice_counts_once() {
    let mut scene = Scene::tidy();
    scene.dumps = vec![dump_behind(&scene, "08:00:00", 1, &bytes::row(&scene.peers[3]))];
    exact(&scene, OUTAGE);
}

#[test]
fn a_rib_record_without_entries_is_no_loss() {
    let mut scene = Scene::tidy();
    let empty = bytes::rib_record(scene.at("08:00:00"), 99, &"203.0.113.0/24".parse().expect("a prefix"), &[]);
    scene.dumps[0].bytes.extend(empty);
    exact(&scene, OUTAGE);
}
