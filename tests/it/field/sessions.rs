//! Sessions that begin, end, and collide.

use outage_replay::bgp::Family;

use super::bytes;
use super::judge::{exact, known, safe};
use super::scene::{About, N_PEERS, Record, Scene};

const OUTAGE: &str = "08:30:00..09:10:00";

/// What the messages of a new session are: the parts that a collector may or may not record.
#[derive(Clone, Copy)]
struct Start {
    has_keepalive: bool,
    has_end_of_rib: bool,
    has_prefix: bool,
}

const WITHOUT_PREFIX: Start = Start { has_keepalive: true, has_end_of_rib: true, has_prefix: false };

/// A new session of a peer, which begins without any state change: OPEN, the table, End-of-RIB.
fn reopened(scene: &mut Scene, clock: &str, peer: usize, start: Start) {
    let at = scene.at(clock);
    let open = bytes::open(&scene.peers[peer]);
    scene.add(at, peer, About::Twist, &open);
    if start.has_keepalive {
        scene.add(at, peer, About::Twist, &bytes::message(bytes::KEEPALIVE, &[]));
    }
    let mut table = scene.others();
    if start.has_prefix {
        table.push(scene.prefix);
    }
    for (index, prefix) in table.iter().enumerate() {
        let path = [scene.peers[peer].asn, 1299, 20000 + index as u32];
        let path = if *prefix == scene.prefix { scene.path(peer) } else { path.to_vec() };
        let message = bytes::announcement(scene.speech, &scene.peers[peer], &path, &[*prefix]);
        scene.add(at + 1 + index as i64 / 20, peer, About::Twist, &message);
    }
    if start.has_end_of_rib {
        scene.add(at + 5, peer, About::Twist, &bytes::end_of_rib(Family::V4));
    }
}

/// Every peer begins a new session at 08:30:00, without the prefix, which is back at 09:10:00.
fn all_reopened(start: Start) -> Scene {
    let mut scene = Scene::calm().back("09:10:00");
    (0..N_PEERS).for_each(|peer| reopened(&mut scene, "08:30:00", peer, start));
    scene
}

fn states(scene: &mut Scene, clock: &str, peer: usize, changes: &[(u16, u16)]) {
    let at = scene.at(clock);
    for (old, new) in changes {
        scene.add(at, peer, About::Twist, &[old.to_be_bytes(), new.to_be_bytes()].concat());
    }
}

#[test]
fn new_sessions_without_the_prefix_have_lost_it_where_no_states_are_recorded() {
    safe(&all_reopened(WITHOUT_PREFIX), OUTAGE);
}

#[test]
fn new_sessions_without_keepalive_or_end_of_rib_are_new_sessions() {
    safe(&all_reopened(Start { has_keepalive: false, ..WITHOUT_PREFIX }), OUTAGE);
    safe(&all_reopened(Start { has_end_of_rib: false, ..WITHOUT_PREFIX }), OUTAGE);
    safe(&all_reopened(Start { has_keepalive: false, has_end_of_rib: false, has_prefix: false }), OUTAGE);
}

#[test]
fn a_rib_dump_after_new_sessions_shows_what_they_lack() {
    let mut scene = all_reopened(WITHOUT_PREFIX);
    scene.dumps.push(scene.dump_with("08:40:00", &[]));
    let found = safe(&scene, OUTAGE);
    known(&scene, &found, "08:42:00..09:50:00");
    let mut scene = all_reopened(WITHOUT_PREFIX);
    scene.dumps.push(scene.dump("16:00:00"));
    safe(&scene, OUTAGE);
}

#[test]
fn new_sessions_with_the_prefix_have_not_lost_it() {
    let mut scene = Scene::calm();
    (0..N_PEERS).for_each(|peer| reopened(&mut scene, "08:30:00", peer, Start { has_prefix: true, ..WITHOUT_PREFIX }));
    safe(&scene, "");
}

#[test]
fn a_new_session_of_one_peer_changes_no_answer() {
    let mut scene = Scene::tidy();
    reopened(&mut scene, "08:20:00", 5, WITHOUT_PREFIX);
    exact(&scene, OUTAGE);
    let mut scene = Scene::tidy();
    reopened(&mut scene, "08:45:00", 5, WITHOUT_PREFIX);
    exact(&scene, OUTAGE);
}

/// Both ends connect at once: one connection is closed (RFC 4271, section 6.8; RFC 4486: Cease 7).
#[test]
fn an_open_that_is_refused_as_a_second_connection_begins_no_session() {
    for clock in ["08:20:00", "08:45:00"] {
        let mut scene = Scene::tidy();
        for peer in 0..N_PEERS {
            let (at, open) = (scene.at(clock), bytes::open(&scene.peers[peer]));
            scene.add(at, peer, About::Twist, &open);
            scene.add(at, peer, About::Twist, &bytes::message(bytes::NOTIFICATION, &[6, 7]));
        }
        let found = exact(&scene, OUTAGE);
        known(&scene, &found, "08:10:00..09:50:00");
    }
}

#[test]
fn an_open_that_is_refused_for_its_contents_closes_no_session() {
    let mut scene = Scene::tidy();
    for peer in 0..N_PEERS {
        let (at, open) = (scene.at("08:20:00"), bytes::open(&scene.peers[peer]));
        scene.add(at, peer, About::Twist, &open);
        // OPEN Message Error, Bad Peer AS.
        scene.add(at, peer, About::Twist, &bytes::message(bytes::NOTIFICATION, &[2, 2]));
    }
    safe(&scene, OUTAGE);
}

#[test]
fn states_of_a_second_connection_leave_the_session_up() {
    // Active, OpenSent, deleted, Idle: never Established.
    for changes in
        [&[(3, 4), (4, 7), (7, 1)][..], &[(1, 3), (3, 4), (4, 1)], &[(4, 5), (5, 1)], &[(3, 1)], &[(1, 2), (2, 1)]]
    {
        for clock in ["08:20:00", "08:45:00"] {
            let mut scene = Scene::tidy();
            (0..N_PEERS).for_each(|peer| states(&mut scene, clock, peer, changes));
            let found = exact(&scene, OUTAGE);
            known(&scene, &found, "08:10:00..09:50:00");
        }
    }
}

#[test]
fn an_open_and_states_of_a_second_connection_leave_the_session_up() {
    let mut scene = Scene::tidy();
    for peer in 0..N_PEERS {
        states(&mut scene, "08:20:00", peer, &[(3, 4)]);
        let (at, open) = (scene.at("08:20:00"), bytes::open(&scene.peers[peer]));
        scene.add(at, peer, About::Twist, &open);
        scene.add(at, peer, About::Twist, &bytes::message(bytes::NOTIFICATION, &[6, 7]));
        states(&mut scene, "08:20:00", peer, &[(4, 1)]);
    }
    safe(&scene, OUTAGE);
}

#[test]
fn sessions_that_close_are_no_outage() {
    let mut scene = Scene::calm();
    for peer in 0..N_PEERS {
        states(&mut scene, "08:30:00", peer, &[(6, 1)]);
        states(&mut scene, "08:50:00", peer, &[(1, 3), (3, 4), (4, 5), (5, 6)]);
        reopened(&mut scene, "08:50:00", peer, Start { has_prefix: true, ..WITHOUT_PREFIX });
    }
    let down = scene.at("08:30:00")..scene.at("08:50:00");
    safe(&scene.without(|record| record.about == About::Others && down.contains(&record.written)), "");
}

#[test]
fn sessions_that_close_during_an_outage_and_return_without_the_prefix_do_not_end_it() {
    let mut scene = Scene::tidy();
    for peer in 0..4 {
        states(&mut scene, "08:40:00", peer, &[(6, 1), (1, 3), (3, 4), (4, 5), (5, 6)]);
        reopened(&mut scene, "08:40:01", peer, WITHOUT_PREFIX);
    }
    exact(&scene, OUTAGE);
}

#[test]
fn a_notification_of_the_session_closes_it() {
    // Cease, Administrative Shutdown, at all but three: what they hold is unknown, and not lost.
    let mut scene = Scene::calm();
    for peer in 3..N_PEERS {
        let at = scene.at("08:30:00");
        scene.add(at, peer, About::Twist, &bytes::message(bytes::NOTIFICATION, &[6, 2]));
    }
    let end = scene.at("08:30:00");
    let is_after = |record: &Record| record.about == About::Others && record.peer >= 3 && record.written > end;
    safe(&scene.without(is_after), "");
}
