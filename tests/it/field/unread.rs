//! Messages that cannot be read, or only in part, and record types that few readers support.

use outage_replay::bgp::Prefix;

use super::bytes::{self, Speech};
use super::judge::{Rule, each, exact, known, safe};
use super::scene::{About, Record, Scene, V4};

const OUTAGE: &str = "08:30:00..09:10:00";
const MINUTE: &str = "08:30:00..08:31:00";

/// `n` other prefixes that no peer holds; before the prefix in question they make a long message.
fn many(scene: &Scene, n: u32) -> Vec<Prefix> {
    let is_v4 = scene.speech == Speech::Classic;
    let one = |index: u32| match is_v4 {
        true => format!("100.{}.{}.0/24", 64 + index / 256, index % 256),
        false => format!("2a0d:{index:x}::/48"),
    };
    let mut prefixes: Vec<Prefix> = (0..n).map(|index| one(index).parse().expect("a prefix")).collect();
    prefixes.push(scene.prefix);
    prefixes
}

fn is_loss(record: &Record) -> bool {
    record.about == About::Loss
}

fn is_back(record: &Record) -> bool {
    record.about == About::Back
}

/// The withdrawals and announcements of all, in messages of 2,000 prefixes; the prefix comes last.
fn mass(mut scene: Scene, lost: &str, back: &str) -> Scene {
    let prefixes = many(&scene, if scene.speech == Speech::Classic { 2000 } else { 1000 });
    for peer in 0..scene.peers.len() {
        let message = bytes::withdrawal(scene.speech, &prefixes);
        scene.add(scene.at(lost), peer, About::Loss, &message);
        let message = bytes::announcement(scene.speech, &scene.peers[peer], &scene.path(peer), &prefixes);
        scene.add(scene.at(back), peer, About::Back, &message);
    }
    scene
}

/// The withdrawals are readable. The announcement of every peer, a minute later, is replaced by `message`.
fn answered_by(scene: Scene, message: impl Fn(&Scene, usize) -> Vec<u8>) -> Scene {
    let all: Vec<usize> = (0..scene.peers.len()).collect();
    let scene = scene.lost("08:30:00").back("08:31:00");
    let messages: Vec<Vec<u8>> = all.iter().map(|peer| message(&scene, *peer)).collect();
    scene.change(is_back, |record| record.replace_message(&messages[record.peer]))
}

/// An announcement with an AS_PATH, or whatever stands in its place.
fn with_path(scene: &Scene, peer: usize, path: &[u8]) -> Vec<u8> {
    let attributes = [bytes::origin(), path.to_vec(), bytes::next_hop(&scene.peers[peer])].concat();
    bytes::update(&[], &attributes, &bytes::list(&[scene.prefix]))
}

#[test]
fn whole_messages_of_many_prefixes_are_read() {
    exact(&mass(Scene::busy(), "08:30:00", "09:10:00"), OUTAGE);
    exact(&mass(Scene::busy_v6(), "08:30:00", "09:10:00"), OUTAGE);
}

#[test]
fn a_withdrawal_after_the_cut_of_a_message_hides_no_outage() {
    each(
        Rule::Safe,
        [4096, 8000].map(|n| {
            let scene = mass(Scene::busy(), "08:30:00", "09:10:00");
            (n, scene.change(is_loss, |record| record.cut_message(n)), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn an_announcement_after_the_cut_of_a_message_prolongs_no_outage() {
    each(
        Rule::Safe,
        [40, 60, 4096, 8000].map(|n| {
            let scene = mass(Scene::busy(), "08:30:00", "08:31:00");
            (n, scene.change(is_back, |record| record.cut_message(n)), MINUTE.to_owned())
        }),
    );
}

#[test]
fn a_withdrawal_after_the_cut_of_mp_unreach_hides_no_outage() {
    each(
        Rule::Safe,
        [30, 4096, 6000].map(|n| {
            let scene = mass(Scene::busy_v6(), "08:30:00", "09:10:00");
            (n, scene.change(is_loss, |record| record.cut_message(n)), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn an_announcement_after_the_cut_of_mp_reach_prolongs_no_outage() {
    each(
        Rule::Safe,
        [30, 80, 4096, 6000].map(|n| {
            let scene = mass(Scene::busy_v6(), "08:30:00", "08:31:00");
            (n, scene.change(is_back, |record| record.cut_message(n)), MINUTE.to_owned())
        }),
    );
}

#[test]
fn a_cut_message_of_one_peer_changes_no_answer() {
    let one = |which: fn(&Record) -> bool| move |record: &Record| which(record) && record.peer == 3;
    let scene = mass(Scene::busy(), "08:30:00", "09:10:00").change(one(is_loss), |record| record.cut_message(4096));
    exact(&scene, OUTAGE);
    let scene = mass(Scene::busy(), "08:30:00", "09:10:00").change(one(is_back), |record| record.cut_message(4096));
    exact(&scene, OUTAGE);
}

#[test]
fn cut_messages_of_one_peer_all_morning_change_no_answer() {
    let scene = || Scene::busy().lost("08:30:00").back("09:10:00");
    let of_one = |record: &Record| record.peer == 3 && record.about == About::Others;
    safe(&scene().change(of_one, |record| record.cut_message(45)), OUTAGE);
    // One of fifty records of a file is less than it tolerates.
    let some = |record: &Record| of_one(record) && record.written % 20 < 5;
    exact(&scene().change(some, |record| record.cut_message(45)), OUTAGE);
}

#[test]
fn a_lost_message_about_ipv6_leaves_ipv4_known() {
    let mut scene = Scene::busy().lost("08:30:00").back("09:10:00");
    let v6: Vec<Prefix> = many(&Scene::calm_v6(), 1000);
    let message = bytes::update(&[], &bytes::mp_unreach(bytes::UNICAST, &v6), &[]);
    scene.all_say("08:50:00", &message);
    let scene = scene.change(|record| record.about == About::Twist, |record| record.cut_message(4096));
    exact(&scene, OUTAGE);
}

#[test]
fn a_rib_dump_after_a_lost_withdrawal_makes_the_prefix_known_again() {
    let mut scene = mass(Scene::busy(), "08:30:00", "09:10:00").change(is_loss, |record| record.cut_message(4096));
    scene.dumps.push(scene.dump_with("08:45:00", &[]));
    let found = safe(&scene, OUTAGE);
    known(&scene, &found, "08:47:00..09:50:00 08:10:00..08:29:59");
    assert!(found.claims.iter().any(|claim| claim.end == scene.at("09:10:00")), "{:?}", found.claims);
}

/// As written by daemons that mark ADD-PATH by the capability of the session rather than of the family.
#[test]
fn lists_without_path_identifiers_in_add_path_records_are_never_misread() {
    for scene in [Scene::busy(), Scene::busy_v6()] {
        let scene = scene.lost("08:30:00").back("09:10:00");
        let is_ours = |record: &Record| record.about != About::Others;
        safe(&scene.change(is_ours, |record| record.subtype(bytes::MESSAGE_AS4_ADDPATH)), OUTAGE);
    }
}

#[test]
fn path_identifiers_in_plain_records_are_never_misread() {
    let scene = Scene::busy().lost("08:30:00").back("09:10:00");
    let list = bytes::list_with_ids(&[scene.prefix]);
    safe(&scene.change(is_loss, |record| record.replace_message(&bytes::update(&list, &[], &[]))), OUTAGE);
    let scene = answered_by(Scene::busy(), |scene, peer| {
        let attributes =
            [bytes::origin(), bytes::as_path(&scene.path(peer), true), bytes::next_hop(&scene.peers[peer])];
        bytes::update(&[], &attributes.concat(), &bytes::list_with_ids(&[scene.prefix]))
    });
    safe(&scene, MINUTE);
}

#[test]
fn path_identifiers_in_add_path_records_are_read() {
    let scene = Scene::busy().lost("08:30:00").back("09:10:00");
    let (list, path) = (bytes::list_with_ids(&[scene.prefix]), [1299, 50509]);
    let attributes = [bytes::origin(), bytes::as_path(&path, true), bytes::next_hop(&scene.peers[0])].concat();
    let scene = scene
        .change(is_loss, |record| record.replace_message(&bytes::update(&list, &[], &[])))
        .change(is_back, |record| record.replace_message(&bytes::update(&[], &attributes, &list)))
        .change(|record| record.about != About::Others, |record| record.subtype(bytes::MESSAGE_AS4_ADDPATH));
    // The dump knows these routes without identifiers: as paths of their own.
    safe(&scene, OUTAGE);
}

#[test]
fn an_unknown_segment_type_in_the_path_prolongs_no_outage() {
    let scene = answered_by(Scene::busy(), |scene, peer| {
        with_path(scene, peer, &bytes::attribute(0x40, 2, &bytes::segment(9, &scene.path(peer), true)))
    });
    safe(&scene, MINUTE);
}

#[test]
fn a_path_of_the_wrong_width_prolongs_no_outage() {
    let wide = |scene: &Scene, peer: usize| with_path(scene, peer, &bytes::as_path(&scene.path(peer), true));
    let narrow = |scene: &Scene, peer: usize| with_path(scene, peer, &bytes::as_path(&scene.path(peer), false));
    safe(&answered_by(Scene::busy(), narrow), MINUTE);
    // The same in records of two octets: header and all.
    let scene = answered_by(Scene::busy(), wide);
    let peers = scene.peers.clone();
    let scene = scene.change(is_back, |record| {
        record.bytes = bytes::bgp4mp(record.written, &peers[record.peer], bytes::MESSAGE, record.message());
    });
    safe(&scene, MINUTE);
}

#[test]
fn a_path_that_ends_early_prolongs_no_outage() {
    let scene = answered_by(Scene::busy(), |scene, peer| {
        let path = bytes::segment(2, &scene.path(peer), true);
        with_path(scene, peer, &bytes::attribute(0x40, 2, &path[..path.len() - 3]))
    });
    safe(&scene, MINUTE);
}

#[test]
fn a_flipped_bit_in_a_list_hides_no_outage() {
    let flipped = |index: usize| {
        move |record: &mut Record| {
            let mut message = record.message().to_vec();
            message[index] ^= 0x40;
            record.replace_message(&message);
        }
    };
    // In the marker, the length and the type of the message, the length of the list, and the lengths of both prefixes.
    each(
        Rule::Safe,
        [3, 17, 18, 19, 20, 21, 24].map(|index| {
            let mut scene = Scene::busy().back("09:10:00");
            for peer in 0..scene.peers.len() {
                let message = bytes::withdrawal(Speech::Classic, &[scene.others()[59], scene.prefix]);
                scene.add(scene.at("08:30:00"), peer, About::Loss, &message);
            }
            (index, scene.change(is_loss, flipped(index)), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn the_reserved_octet_of_mp_reach_is_ignored() {
    let scene = answered_by(Scene::busy_v6(), |scene, peer| {
        let reach = bytes::mp_reach(bytes::UNICAST, &scene.peers[peer], 1, &[scene.prefix]);
        bytes::update(&[], &[bytes::origin(), bytes::as_path(&scene.path(peer), true), reach].concat(), &[])
    });
    let found = exact(&scene, "");
    known(&scene, &found, "08:10:00..09:50:00");
}

#[test]
fn a_withdrawal_beside_an_unreadable_path_is_read() {
    let mut scene = Scene::busy_v6().back("09:10:00");
    for peer in 0..scene.peers.len() {
        let broken = bytes::attribute(0x40, 2, &[2, 9, 0, 0, 0, 1]);
        let reach = bytes::mp_reach(bytes::UNICAST, &scene.peers[peer], 0, &[scene.others()[7]]);
        let unreach = bytes::mp_unreach(bytes::UNICAST, &[scene.prefix]);
        let message = bytes::update(&[], &[bytes::origin(), broken, unreach, reach].concat(), &[]);
        scene.add(scene.at("08:30:00"), peer, About::Loss, &message);
    }
    exact(&scene, OUTAGE);
}

#[test]
fn routes_for_unicast_and_multicast_are_unicast_routes() {
    for mut scene in [Scene::calm(), Scene::calm_v6()] {
        scene.speech = Speech::Multiprotocol(bytes::UNICAST_AND_MULTICAST);
        safe(&scene.lost("08:30:00").back("09:10:00"), OUTAGE);
    }
}

#[test]
fn multicast_routes_are_no_unicast_routes() {
    for mut scene in [Scene::tidy(), Scene::calm_v6().lost("08:30:00").back("09:10:00")] {
        scene.speech = Speech::Multiprotocol(bytes::MULTICAST);
        let scene = scene.lost("08:20:00").back("08:50:00").lost("09:20:00");
        exact(&scene, OUTAGE);
    }
}

#[test]
fn ipv4_in_mp_reach_and_mp_unreach_is_ipv4() {
    let mut scene = Scene::calm();
    scene.speech = Speech::Multiprotocol(bytes::UNICAST);
    exact(&scene.lost("08:30:00").back("09:10:00"), OUTAGE);
}

#[test]
fn a_table_of_entry_records_is_read_or_reported_as_unread() {
    let mut scene = Scene::tidy();
    let at = scene.at("08:00:00");
    let others = scene.others();
    let mut table = Vec::new();
    for peer in &scene.peers {
        for prefix in others.iter().chain([&scene.prefix]) {
            table.extend(bytes::entry_record(at, prefix, peer, &[peer.asn, 1299, 50509]));
        }
    }
    scene.dumps[0].bytes = table;
    safe(&scene, OUTAGE);
}

#[test]
fn the_name_of_a_snapshot_changes_nothing() {
    let mut scene = Scene::tidy();
    let body = [&[0, 0][..], b"/var/spool/dump.20240310\0"].concat();
    let bytes = bytes::record(scene.at("08:50:00"), bytes::BGP4MP, bytes::SNAPSHOT, &body);
    let at = scene.at("08:50:00");
    scene.records.push(Record { written: at, clock: at, peer: 0, about: About::Twist, bytes });
    exact(&scene, OUTAGE);
}

#[test]
fn a_rib_dump_of_generic_records_is_read_or_reported_as_unread() {
    // RIB_GENERIC (RFC 6396, section 4.3.3): family and prefix in the record; the prefix in question only there.
    let mut scene = Scene::tidy();
    let at = scene.at("08:00:00");
    let plain = scene.dump_with("08:00:00", &[]);
    let with = scene.dump("08:00:00");
    let last = &with.bytes[plain.bytes.len()..];
    let body = [&last[12..16], &[0, 1, 1], &last[16..]].concat();
    scene.dumps[0].bytes = [plain.bytes, bytes::record(at, bytes::TABLE_DUMP_V2, 6, &body)].concat();
    assert_eq!(scene.prefix.to_string(), V4);
    safe(&scene, OUTAGE);
}

#[test]
fn few_messages_are_lost_and_the_rest_of_the_day_is_known() {
    let scene = mass(Scene::busy(), "08:30:00", "08:31:00").lost("09:20:00").back("09:40:00");
    let later = scene.at("09:00:00");
    let scene = scene.change(|record| is_loss(record) && record.written < later, |record| record.cut_message(4096));
    let found = safe(&scene, "08:30:00..08:31:00 09:20:00..09:40:00");
    known(&scene, &found, "08:10:00..08:29:59 08:32:00..09:50:00");
}
