//! Files that are small as stored and name more than any real one: they cost what they weigh, or are read up to where they
//! become implausible, and no claim about them is untrue.

use std::net::IpAddr;

use outage_replay::bgp::{Asn, Prefix};
use outage_replay::decode::{self, Change, Ending, Selection};

use super::bytes::{self, Peer, Speech};
use super::judge::{asked, exact, safe};
use super::scene::{About, ORIGIN, Scene};

const OUTAGE: &str = "08:30:00..09:10:00";

/// `n` prefixes of length 24, from 20.0.0.0 on.
fn networks(n: u32) -> Vec<Prefix> {
    let network = |index: u32| Prefix::new(IpAddr::from(((20 << 24) + (index << 8)).to_be_bytes()), 24);
    (0..n).map(|index| network(index).expect("a length of the family")).collect()
}

/// The attributes of what a peer announces.
fn attributes(scene: &Scene, peer: usize) -> Vec<u8> {
    [bytes::origin(), bytes::as_path(&scene.path(peer), true), bytes::next_hop(&scene.peers[peer])].concat()
}

/// The prefix of the scene, with these path identifiers.
fn with_ids(scene: &Scene, ids: std::ops::Range<u32>) -> Vec<u8> {
    ids.flat_map(|id| [&id.to_be_bytes()[..], &bytes::nlri(&scene.prefix)].concat()).collect()
}

#[test]
fn a_prefix_with_thousands_of_paths_is_lost_when_the_last_one_is_withdrawn() {
    const N: u32 = 40_000;
    const STEP: usize = 4_000;
    let mut scene = Scene::tidy();
    for peer in 0..scene.peers.len() {
        // The path in the RIB dump has no identifier.
        scene.add(scene.at("08:05:00"), peer, About::Others, &bytes::withdrawal(scene.speech, &[scene.prefix]));
        let attributes = attributes(&scene, peer);
        for first in (0..N).step_by(STEP) {
            let list = with_ids(&scene, first..first + STEP as u32);
            let announced = bytes::update(&[], &attributes, &list);
            scene.add(scene.at("08:05:01"), peer, About::Twist, &announced);
            scene.add(scene.at("08:30:00"), peer, About::Twist, &bytes::update(&list, &[], &[]));
        }
    }
    let scene = scene.without(|record| record.about == About::Loss);
    // ADD-PATH: RFC 8050, section 4.
    exact(&scene.change(|record| record.about == About::Twist, |record| record.subtype(9)), OUTAGE);
}

#[test]
fn messages_that_withdraw_and_announce_thousands_of_prefixes_change_nothing_twice() {
    let mut scene = Scene::tidy();
    let prefixes = [networks(14_000), vec![scene.prefix]].concat();
    let list = bytes::list(&prefixes);
    for peer in 0..scene.peers.len() {
        let message = bytes::update(&list, &attributes(&scene, peer), &list);
        scene.add(scene.at("09:10:00"), peer, About::Back, &message);
    }
    exact(&scene, OUTAGE);
}

#[test]
fn a_file_with_more_peers_than_any_collector_has_is_read_up_to_there() {
    let mut scene = Scene::tidy();
    let at = scene.at("08:41:00");
    let own = scene.peers[0];
    for n in 0..12_000_u32 {
        let address = IpAddr::from((0x0b00_0000 + n).to_be_bytes());
        let peer = Peer { asn: 100_000 + n, address, ..own };
        let bytes = bytes::bgp4mp(at, &peer, bytes::MESSAGE_AS4, &bytes::message(4, &[]));
        let mut record = scene.records[0].clone();
        (record.written, record.clock, record.about, record.bytes) = (at, at, About::Twist, bytes);
        scene.records.push(record);
    }
    safe(&scene, OUTAGE);
    let report = scene.report();
    let cut: Vec<&str> = report.files.iter().filter_map(|file| file.detail.as_deref()).collect();
    assert!(matches!(&cut[..], [why] if why.contains("it names more than 10000 peers")), "{cut:?}");
}

#[test]
fn a_file_with_more_changes_than_any_real_one_is_read_up_to_there() {
    let scene = Scene::calm();
    let peer = &scene.peers[0];
    let withdrawal = bytes::withdrawal(Speech::Classic, &networks(15_000));
    let record = bytes::bgp4mp(scene.at("08:41:00"), peer, bytes::MESSAGE_AS4, &withdrawal);
    let file = record.repeat(250);
    let mut selection = Selection::new();
    selection.add_within("0.0.0.0/0".parse().expect("a prefix"));
    let reading = decode::read(&file[..], &selection);
    let n = reading.events.iter().filter(|event| matches!(event.change, Change::Withdraw { .. })).count();
    assert!((3_000_000..3_100_000).contains(&n), "{n}");
    assert!(
        matches!(&reading.census.ending, Ending::Truncated(why) if why.contains("more than 3000000 changes")),
        "{:?}",
        reading.census.ending
    );
    // The same of prefixes that were not asked about costs nothing, and the file is whole.
    let reading = decode::read(&file[..], &Selection::new());
    assert_eq!((reading.census.ending, reading.census.counts.records), (Ending::Complete, 250));
}

#[test]
fn an_as_with_more_prefixes_than_any_network_has_is_refused() {
    let mut scene = Scene::tidy();
    let path = scene.path(0);
    for prefixes in networks(160_000).chunks(10_000) {
        let message = bytes::announcement(Speech::Classic, &scene.peers[0], &path, prefixes);
        scene.add(scene.at("08:20:00"), 0, About::Twist, &message);
    }
    let folder = scene.write();
    let asn = Asn(ORIGIN).0;
    let (from, to) = ("2024-03-10T08:10", "2024-03-10T09:50");
    let arguments = format!("--asn {asn} --from {from} --to {to} --archive {}", folder.path().display());
    let ran = crate::cli::ran(&mut crate::cli::program(&arguments));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    for words in ["AS50509 originates more than 150000 prefixes", "--prefix"] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    // The prefix alone can be asked about.
    let ran = asked(&scene, folder.path(), "--archive {}");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
