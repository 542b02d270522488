//! Origins of a prefix, and prefixes and origins that take its place.

use outage_replay::detect::{Class, Scope};
use outage_replay::report::Answer;

use super::bytes;
use super::judge::{Found, exact, never_no_outage};
use super::scene::{About, N_PEERS, ORIGIN, Scene};

const OUTAGE: &str = "08:30:00..09:10:00";
const OTHER: u32 = 64_777;

/// These peers announce the prefix of the scene with another origin.
fn originated_by(mut scene: Scene, clock: &str, origin: &[u8], peers: &[usize]) -> Scene {
    for &peer in peers {
        let path = [bytes::segment(2, &[scene.peers[peer].asn, 1299], true), origin.to_vec()].concat();
        let attributes =
            [bytes::origin(), bytes::attribute(0x40, 2, &path), bytes::next_hop(&scene.peers[peer])].concat();
        let message = bytes::update(&[], &attributes, &bytes::list(&[scene.prefix]));
        scene.add(scene.at(clock), peer, About::Twist, &message);
    }
    scene
}

fn all() -> Vec<usize> {
    (0..N_PEERS).collect()
}

fn sequence(asn: u32) -> Vec<u8> {
    bytes::segment(2, &[asn], true)
}

#[test]
fn an_as_that_was_never_the_origin_is_not_replaced() {
    // One peer has another origin for 20 s; no other peer ever has.
    let scene = originated_by(Scene::tidy(), "08:29:40", &sequence(OTHER), &[4]);
    let scene = scene.back_at("08:29:55", &[4]);
    let report = scene.report_on_asn(OTHER);
    assert_eq!(report.findings.outages, [], "AS{OTHER} lost nothing");
    let report = scene.report_on_asn(ORIGIN);
    let classes: Vec<Class> = report.findings.outages.iter().map(|outage| outage.class).collect();
    assert!(!classes.is_empty() && classes.iter().all(|class| *class == Class::Withdrawn), "{classes:?}");
    exact(&scene, OUTAGE);
}

#[test]
fn path_hunting_through_another_origin_is_not_the_normal_state() {
    // On the way down every peer hears the other origin for 20 s.
    let scene = originated_by(Scene::tidy(), "08:29:40", &sequence(OTHER), &all());
    let report = scene.report_on_asn(OTHER);
    assert_eq!(report.findings.outages, [], "AS{OTHER} lost nothing");
}

#[test]
fn an_as_whose_prefix_another_announces_has_another_origin() {
    let scene = originated_by(Scene::calm(), "08:30:00", &sequence(OTHER), &all()).back("09:10:00");
    let report = scene.report_on_asn(ORIGIN);
    let outages: Vec<_> = report.findings.outages.iter().collect();
    assert!(!outages.is_empty(), "{:?}", report.answer());
    assert!(outages.iter().all(|outage| outage.class == Class::OriginChanged), "{outages:#?}");
    // The prefix itself was there all the time.
    let found = exact(&scene, "");
    assert_eq!(found.claims, []);
}

#[test]
fn a_prefix_that_is_withdrawn_with_a_covering_one_in_its_place_is_covered() {
    let mut scene = Scene::calm();
    let covering = "198.51.0.0/16".parse().expect("a prefix");
    for peer in all() {
        let message = bytes::announcement(scene.speech, &scene.peers[peer], &scene.path(peer), &[covering]);
        scene.add(scene.at("07:50:00"), peer, About::Twist, &message);
        scene.add(scene.at("08:20:00"), peer, About::Twist, &message);
    }
    let scene = scene.lost("08:30:00").back("09:10:00");
    let report = scene.report();
    let outage =
        report.findings.outages.iter().find(|outage| outage.subject.scope == Scope::Prefix).expect("an outage");
    assert_eq!(outage.class, Class::Covered);
}

#[test]
fn an_origin_in_an_as_set_gives_one_answer_for_the_as_and_for_its_prefix() {
    let set = bytes::segment(1, &[ORIGIN, 23_898], true);
    let mut scene = Scene::calm();
    scene.dumps = vec![scene.dump_with("08:00:00", &[])];
    let scene = originated_by(scene, "08:05:00", &set, &all()).lost("08:30:00");
    let scene = originated_by(scene, "09:10:00", &set, &all());
    let of_prefix = Found::from(&scene.report());
    let of_asn = Found::from(&scene.report_on_asn(ORIGIN));
    let edges = |found: &Found| found.claims.iter().map(|claim| (claim.start, claim.end)).collect::<Vec<_>>();
    assert_eq!(edges(&of_asn), edges(&of_prefix));
    assert_eq!(edges(&of_asn), [(scene.at("08:30:00"), scene.at("09:10:00"))]);
}

#[test]
fn an_as_without_any_known_prefix_is_not_answered_with_no_outage() {
    let report = Scene::tidy().report_on_asn(64_999);
    assert_ne!(report.answer(), Answer::NoOutage);
}

#[test]
fn an_as_is_lost_and_back_with_its_prefix() {
    let scene = Scene::tidy();
    let report = scene.report_on_asn(ORIGIN);
    never_no_outage(&report);
    let of_asn: Vec<_> = report.findings.outages.iter().filter(|outage| outage.subject.scope == Scope::Asn).collect();
    let [outage] = of_asn[..] else { panic!("{of_asn:#?}") };
    assert_eq!(
        (outage.fall.start().map(|at| at.secs()), outage.fall.end().map(|at| at.secs())),
        (Some(scene.at("08:30:00")), Some(scene.at("09:10:00")))
    );
}
