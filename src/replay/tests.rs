//! Histories of one collector written as text: `rib a P | 10 a withdraw P | …`, instants in seconds after a RIB dump.
//!
//! Peers are `a`, `b`, `c` (AS64501, AS64502, AS64503), prefixes `P`, `Q`, `R`; a route of `a` to `P` has the path
//! `64501 64510`, or a number of its own: `announce P 64511`. `T0-50` are the first 50 prefixes of the control sample.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::bgp::{AsPath, Asn, Collector, Family, Peer, Prefix};
use crate::decode::clock::Runs;
use crate::decode::{
    Census, Change, Control, ControlChange, Lost, PeerActivity, Reading, RibEntry, RibRecord, RouteEvent,
};
use crate::time::{Timestamp, Window};

const END: i64 = 10_000;

fn peer(name: &str) -> (u32, Peer) {
    let index = u32::from(name.as_bytes()[0] - b'a');
    (index, Peer { address: [192, 0, 2, index as u8 + 1].into(), asn: Asn(64501 + index) })
}

/// The numbers of the control prefixes that `T0-50` stands for.
fn sampled(word: &str) -> Option<std::ops::Range<u32>> {
    let (from, to) = word.strip_prefix('T')?.split_once('-')?;
    Some(from.parse().unwrap()..to.parse().unwrap())
}

fn control() -> Control {
    let prefix = |n: u32| Prefix::new([10, 0, n as u8, 0].into(), 24).unwrap();
    let mut control = Control::default();
    control.prefixes.extend((0..200).map(prefix));
    control
}

fn prefix(name: &str) -> Prefix {
    match name {
        "P" => "175.45.176.0/24",
        "Q" => "198.51.100.0/24",
        "R" => "203.0.113.0/24",
        other => other,
    }
    .parse()
    .unwrap()
}

fn seconds(text: &str) -> Timestamp {
    Timestamp::from_micros((text.parse::<f64>().unwrap() * 1e6) as i64)
}

#[derive(Default)]
struct Story {
    ribs: BTreeMap<Timestamp, Reading>,
    updates: Option<Reading>,
    gaps: Vec<Window>,
}

fn empty() -> Reading {
    let peers = ["a", "b", "c"].map(|name| PeerActivity {
        peer: peer(name).1,
        first_at: None,
        last_at: None,
        table_size: [0, 0],
        minutes: Vec::new(),
        is_internal: false,
    });
    let census = Census { peers: peers.into(), control: control(), ..Census::default() };
    Reading { census, ..Reading::default() }
}

fn story(text: &str) -> Story {
    let mut story = Story::default();
    let (mut updates, mut runs) = (empty(), Runs::default());
    for (line, number) in text.split('|').map(str::trim).zip(0..) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // A RIB dump at one instant; every peer named in it has a table.
            [at, "rib", entries @ ..] => {
                let at = seconds(at);
                let rib = story.ribs.entry(at).or_insert_with(empty);
                rib.census.span = Some((at, at));
                for entry in entries {
                    let (name, held) = entry.split_once(':').unwrap();
                    let (index, who) = peer(name);
                    rib.census.peers[index as usize].table_size[0] = 100;
                    for word in held.split(',').filter(|word| !word.is_empty()) {
                        if let Some(numbers) = sampled(word) {
                            rib.census.control.held.resize(3, vec![0; 4]);
                            let words = &mut rib.census.control.held[index as usize];
                            numbers.for_each(|n| words[n as usize / 64] |= 1 << (n % 64));
                            continue;
                        }
                        let path = AsPath::new(vec![who.asn, Asn(64510)], 1);
                        let record = RibRecord { at, record: number, offset: 100 * number, prefix: prefix(word) };
                        rib.rib.push(record, RibEntry { peer: index, path_id: None, path });
                    }
                }
            }
            [from, "gap", to] => story.gaps.push(Window { start: seconds(from), end: seconds(to) }),
            [at, name, what @ ..] => {
                let (index, who) = peer(name);
                let at = seconds(at);
                if let [what @ ("announce" | "withdraw"), word] = what
                    && let Some(numbers) = sampled(word)
                {
                    let (n_before, is_announced) = (updates.events.len() as u32, *what == "announce");
                    runs.add(number, at);
                    let (at, run) = (runs.now(), runs.index());
                    let change = |prefix| ControlChange { at, run, n_before, peer: index, prefix, is_announced };
                    updates.census.control.changes.extend(numbers.map(change));
                    continue;
                }
                let change = match what {
                    ["announce", word, origin @ ..] => {
                        let origin = origin.first().map_or(64510, |origin| origin.parse().unwrap());
                        let path = AsPath::new(vec![who.asn, Asn(origin)], 1);
                        Change::Announce { prefix: prefix(word), path_id: None, path }
                    }
                    ["withdraw", word] => Change::Withdraw { prefix: prefix(word), path_id: None },
                    ["lost", what @ ..] => Change::Lost(Lost {
                        families: [true; 2],
                        withdrawals: what != ["announcements"],
                        announcements: what != ["withdrawals"],
                    }),
                    ["unclear", word] => Change::Unclear { prefix: prefix(word) },
                    ["open"] => Change::Open,
                    ["refused"] => Change::ConnectionClosed,
                    ["down"] => Change::SessionDown,
                    ["up"] => Change::SessionUp,
                    ["keepalive"] => Change::Alive,
                    ["end-of-rib"] => Change::EndOfRib { family: Family::V4 },
                    other => panic!("{other:?}"),
                };
                let activity = &mut updates.census.peers[index as usize];
                activity.first_at = activity.first_at.or(Some(at));
                activity.last_at = activity.last_at.max(Some(at));
                runs.add(number, at);
                let (clock, run, record, offset) = (runs.now(), runs.index(), number, 100 * number);
                updates.events.push(RouteEvent { at, clock, run, record, offset, peer: index, change });
            }
            other => panic!("{other:?}"),
        }
    }
    updates.census.runs = runs.finish();
    story.updates = Some(updates);
    story
}

pub(super) fn run(text: &str) -> Replay {
    let mut story = story(text);
    let window = Window { start: Timestamp::from_secs(-1000), end: Timestamp::from_secs(END) };
    let mut samples = SampledTables::default();
    story.ribs.values_mut().zip(0..).for_each(|(rib, n)| samples.take(&format!("{n:02}"), rib));
    let mut replayer = Replayer::new(Collector::new("rrc00"), window, samples);
    story.ribs.values().zip(0..).for_each(|(rib, n)| replayer.rib(FileIndex::new(n), &format!("{n:02}"), rib));
    story.gaps.iter().for_each(|gap| replayer.gap(*gap));
    story.updates.iter().for_each(|updates| {
        replayer.updates(FileIndex::new(story.ribs.len()), updates, FileTime { nominal: Some(window), next_at: None })
    });
    replayer.finish()
}

fn time(at: Timestamp) -> String {
    match at.micros() as f64 / 1e6 {
        at if at == END as f64 => "end".to_owned(),
        at => at.to_string(),
    }
}

/// Checks what was known of a prefix at a peer: `yes 0..10 | no 10..end`.
pub(super) fn check(text: &str, who: &str, what: &str, expected: &str) {
    let replay = run(text);
    let index = replay.peers.iter().position(|p| *p == peer(who).1).unwrap();
    let spans = replay.routes.iter().filter(|span| span.peer.get() == index && span.prefix == prefix(what));
    let shown: Vec<String> = spans
        .map(|span| {
            let held = match &span.state {
                RouteState::Present(_) => "yes",
                RouteState::Absent => "no",
                RouteState::Unknown => "unknown",
            };
            format!("{held} {}..{}", time(span.from), time(span.to))
        })
        .collect();
    assert_eq!(shown.join(" | "), expected, "{text}");
}

pub(super) fn check_session(text: &str, who: &str, expected: &str) {
    let replay = run(text);
    let index = replay.peers.iter().position(|p| *p == peer(who).1).unwrap();
    let spans = replay.sessions.iter().filter(|span| span.peer.get() == index && span.family == Family::V4);
    let shown: Vec<String> = spans
        .map(|span| {
            let partly = if span.state == PeerState::Up && !span.complete { " partly" } else { "" };
            format!("{:?}{partly} {}..{}", span.state, time(span.from), time(span.to)).to_lowercase()
        })
        .collect();
    assert_eq!(shown.join(" | "), expected, "{text}");
}

#[test]
fn a_route_lasts_from_the_rib_dump_to_its_withdrawal_and_again_from_its_announcement() {
    check("0 rib a:P | 10 a withdraw P | 100 a announce P", "a", "P", "yes 0..10 | no 10..100 | yes 100..end");
}

#[test]
fn a_repeated_announcement_or_withdrawal_changes_nothing() {
    check("0 rib a:P | 20 a announce P | 30 a announce P", "a", "P", "yes 0..end");
    check("0 rib a:P | 20 a withdraw P | 50 a withdraw P", "a", "P", "yes 0..20 | no 20..end");
}

#[test]
fn another_path_splits_the_span_and_leaves_no_gap() {
    check("0 rib a:P | 20 a announce P 64511", "a", "P", "yes 0..20 | yes 20..end");
}

#[test]
fn the_order_of_the_file_decides_within_one_instant_and_within_the_jitter_of_the_clock() {
    check("0 rib a:P | 20 a withdraw P | 20 a announce P", "a", "P", "yes 0..end");
    check("0 rib a: | 20 a announce P | 20 a withdraw P", "a", "P", "yes 20..20 | no 20..end");
    check("0 rib a:P | 10.9 a announce P 64511 | 10.1 a withdraw P", "a", "P", "yes 0..10.9 | no 10.9..end");
}

#[test]
fn a_record_whose_time_steps_back_is_applied_in_order_and_uncertain_from_its_own_time_on() {
    let text = "0 rib a:P | 60 a announce P 64511 | 50 a withdraw P";
    check(text, "a", "P", "yes 0..40 | unknown 40..70 | no 70..end");
    assert_eq!(run(text).corrections.late_records, 1);
    // Its time does not matter if it changes no route.
    check("0 rib a:P | 60 a announce Q | 50 a announce P", "a", "P", "yes 0..end");
}

#[test]
fn a_record_far_ahead_was_written_between_its_neighbours_and_does_not_advance_the_clock() {
    let text =
        "0 rib a:P | 99 b announce Q | 20000 a withdraw P | 100 b announce Q | 900 a announce P | 950 b announce Q";
    check(text, "a", "P", "yes 0..99 | no 99..900 | yes 900..end");
    // A RIB dump that is due between the two is not applied early.
    check(&format!("{text} | 5000 rib a:P"), "a", "P", "yes 0..99 | no 99..900 | yes 900..end");
}

#[test]
fn a_withdrawal_far_ahead_within_the_interval_of_its_file_leaves_its_prefix_unknown_until_then() {
    let text = "0 rib a:P | 29 b announce Q | 500 a withdraw P | 31 b announce Q | 90 a announce P | 95 b announce Q";
    check(text, "a", "P", "yes 0..29 | unknown 29..500 | yes 500..end");
}

#[test]
fn what_changed_while_a_clock_was_set_back_is_unknown_for_the_time_that_both_sides_claim() {
    let text =
        "0 rib a:P b:P | 100 a withdraw P | 110 b announce Q | 20 a announce P | 30 b announce Q | 200 b announce Q";
    // The clock was set back by 90 s: records before and after may both be wrong by that much.
    check(text, "a", "P", "unknown -70..200 | yes 200..end");
    check(text, "b", "P", "yes 0..end");
}

#[test]
fn what_a_lost_message_may_have_changed_is_unknown_until_the_next_update_or_dump() {
    let lost = "0 rib a:P b:P | 5 a withdraw Q | 10 a lost withdrawals | 90 a withdraw P";
    check(lost, "a", "P", "yes 0..10 | unknown 10..90 | no 90..end");
    check(lost, "a", "Q", "no 5..end");
    check(lost, "b", "P", "yes 0..end");
    let lost = "0 rib a:P b:P | 5 a withdraw Q | 10 a lost announcements | 500 rib a:P b:P";
    check(lost, "a", "P", "yes 0..end");
    check(lost, "a", "Q", "no 5..10 | unknown 10..500 | no 500..end");
    check_session(lost, "a", "unknown -1000..0 | up 0..10 | up partly 10..500 | up 500..end");
    let unclear = "0 rib a:P | 10 a unclear P | 60 a announce P";
    check(unclear, "a", "P", "yes 0..10 | unknown 10..60 | yes 60..end");
}

#[test]
fn a_dump_begun_within_a_minute_of_a_lost_message_may_not_show_its_effect() {
    let text = "0 rib a:P | 470 a lost | 500 rib a:P | 800 rib a:P";
    check(text, "a", "P", "yes 0..470 | unknown 470..800 | yes 800..end");
}

#[test]
fn a_transfer_with_a_lost_message_does_not_show_what_is_absent() {
    let text = "0 rib a:P | 5 a down | 6 a up | 7 a lost announcements | 8 a end-of-rib";
    check_session(text, "a", "unknown -1000..0 | up 0..5 | down 5..6 | syncing 6..8 | up partly 8..end");
}

#[test]
fn an_open_begins_a_new_session_where_no_state_changes_are_recorded() {
    let text = "0 rib a:P | 50 a open | 51 a keepalive | 60 a end-of-rib";
    check_session(text, "a", "unknown -1000..0 | up 0..50 | syncing 50..60 | up 60..end");
    // A second connection that is refused leaves the first one as it is.
    let text = "0 rib a:P | 50 a open | 51 a refused | 60 a keepalive | 70 a withdraw P";
    check_session(text, "a", "unknown -1000..0 | up 0..end");
    check(text, "a", "P", "yes 0..70 | no 70..end");
}

#[test]
fn a_closed_session_hides_its_routes_until_the_transfer_after_it_ends() {
    let text = "0 rib a:P | 50 a down | 60 a up | 95 a announce P | 96 a end-of-rib";
    check(text, "a", "P", "yes 0..50 | yes 95..end");
    check_session(text, "a", "unknown -1000..0 | up 0..50 | down 50..60 | syncing 60..96 | up 96..end");
}

#[test]
fn a_transfer_without_an_end_leaves_the_silent_part_of_the_table_unknown() {
    let text = "0 rib a:P | 50 a down | 60 a up | 95 a announce Q";
    check_session(text, "a", "unknown -1000..0 | up 0..50 | down 50..60 | syncing 60..960 | up partly 960..end");
    check(text, "a", "P", "yes 0..50");
}

#[test]
fn a_peer_that_only_ever_fails_to_connect_is_never_up() {
    let text = "0 rib a:P | 10 b down | 75 b down | 140 b down";
    check_session(text, "b", "unknown -1000..10 | down 10..end");
}

#[test]
fn a_message_from_a_closed_session_begins_a_transfer() {
    let text = "0 rib a:P | 50 a down | 70 a announce P";
    check_session(text, "a", "unknown -1000..0 | up 0..50 | down 50..70 | syncing 70..970 | up partly 970..end");
}

#[test]
fn a_keepalive_from_a_closed_session_begins_a_transfer_that_may_lack_its_beginning() {
    let text = "0 rib a:P b:P | 10 b keepalive | 50 a down | 70 a keepalive | 80 a keepalive | 90 a end-of-rib";
    check_session(text, "a", "unknown -1000..0 | up 0..50 | down 50..70 | syncing 70..90 | up partly 90..end");
    check_session(text, "b", "unknown -1000..0 | up 0..end");
}

#[test]
fn updates_just_before_a_rib_dump_outweigh_it_but_older_ones_do_not() {
    check("-100 rib a:P | -20 a withdraw P | 0 rib a:P", "a", "P", "yes -100..-20 | no -20..end");
    let text = "-900 rib a:P | -600 a withdraw P | 0 rib a:P";
    check(text, "a", "P", "yes -900..-600 | unknown -600..0 | yes 0..end");
    assert_eq!(run(text).corrections.missed_announcements, 1);
}

#[test]
fn a_route_that_a_rib_dump_lacks_was_lost_at_an_unknown_time() {
    let text = "-900 rib a:Q | -600 a announce P | 0 rib a:Q";
    check(text, "a", "P", "unknown -600..0 | no 0..end");
    assert_eq!(run(text).corrections.missed_withdrawals, 1);
}

#[test]
fn a_silent_peer_that_a_rib_dump_lacks_is_unknown_since_it_fell_silent() {
    let text = "0 rib a:P b:P | 100 a announce Q | 7200 rib b:P";
    check_session(text, "a", "unknown -1000..0 | up 0..100 | unknown 100..end");
    check(text, "a", "P", "yes 0..100");
    check("0 rib a:P b:P | 100 a announce Q | 7200 rib a:P b:P", "a", "P", "yes 0..end");
}

#[test]
fn after_a_gap_the_session_is_unknown_until_the_next_rib_dump() {
    let text = "0 rib a:P | 100 gap 200 | 150 a withdraw P | 5000 rib a:P";
    check_session(text, "a", "unknown -1000..0 | up 0..100 | unknown 100..5000 | up 5000..end");
}

#[test]
fn a_rib_dump_inside_a_gap_shows_one_instant_only() {
    let text = "0 rib a:P | 100 gap 9000 | 5000 rib a:";
    check_session(text, "a", "unknown -1000..0 | up 0..100 | unknown 100..5000 | up 5000..5060 | unknown 5060..end");
}

#[test]
fn without_rib_dumps_a_first_withdrawal_implies_the_route_before_it() {
    check("10 a withdraw P | 100 a announce P", "a", "P", "yes -1000..10 | no 10..100 | yes 100..end");
    check("10 b announce P", "b", "P", "yes 10..end");
    check("10 gap 500 | 600 a withdraw P", "a", "P", "yes 500..600 | no 600..end");
    check("10 a down | 20 a up | 30 a end-of-rib | 600 a withdraw P", "a", "P", "no 600..end");
}

#[test]
fn spans_refer_to_the_record_that_began_them() {
    let replay =
        run("0 rib a:P | 50 a down | 60 a up | 95 a announce P | 96 a end-of-rib | 97 a announce P | 7200 rib a:");
    let of = |record: Option<RecordRef>| record.map(|r| (r.file.get(), r.record, r.offset));
    let routes: Vec<_> = replay.routes.iter().map(|span| (time(span.from), of(span.record))).collect();
    let rib = ("0".to_owned(), Some((0, 0, 0)));
    let announced = ("95".to_owned(), Some((2, 3, 300)));
    assert_eq!(routes, [rib, announced, ("97".to_owned(), None), ("7200".to_owned(), None)]);
    let sessions = replay.sessions.iter().filter(|span| span.peer.get() == 0 && span.family == Family::V4);
    let sessions: Vec<_> = sessions.map(|span| (span.state, of(span.record))).collect();
    let expected = [
        (PeerState::Unknown, None),
        (PeerState::Up, None),
        (PeerState::Down, Some((2, 1, 100))),
        (PeerState::Syncing, Some((2, 2, 200))),
        (PeerState::Up, Some((2, 4, 400))),
    ];
    assert_eq!(sessions, expected);
    let implied = &run("10 a withdraw P").routes[0];
    assert_eq!((implied.evidence, of(implied.record)), (Basis::ImpliedByWithdraw, Some((0, 0, 0))));
}

#[test]
fn a_replay_knows_its_prefixes_and_their_origins() {
    let replay = run("0 rib a:P | 10 a withdraw Q | 20 a announce R 64511 | 30 b announce P 64511");
    let named = |names: &str| names.split_whitespace().map(prefix).collect::<BTreeSet<_>>();
    assert_eq!(replay.prefixes(), named("P Q R"));
    let originated = replay.originated_by(&[64510, 64511].map(Asn).into_iter().collect());
    let expected = [(64510, "P"), (64511, "P"), (64511, "R")];
    assert_eq!(originated, expected.map(|(asn, name)| (Asn(asn), prefix(name))).into());
}

#[test]
fn a_message_after_a_rib_dump_with_an_earlier_time_leaves_its_prefix_unknown() {
    let text = "0 rib a:P | 60 a announce Q | -50 a withdraw P | -40 a announce R";
    check(text, "a", "P", "unknown -50..end");
    check(text, "a", "R", "unknown -40..end");
    check(&format!("{text} | 90 a announce P"), "a", "P", "unknown -50..90 | yes 90..end");
    // It has no effect if it agrees with the RIB dump.
    check("0 rib a:P | 60 a announce Q | -50 a announce P | -40 a withdraw R", "a", "P", "yes 0..end");
    check(&format!("{text} | 5000 rib a:P"), "a", "R", "unknown -40..5000 | no 5000..end");
}

#[test]
fn a_session_that_closed_just_before_a_rib_dump_is_not_opened_by_it() {
    let text = "-900 rib a:P b:P | -20 a down | 0 rib a:P b:P";
    check_session(text, "a", "unknown -1000..-900 | up -900..-20 | down -20..end");
    let text = "-900 rib a:P b:P | -600 a down | 0 rib a:P b:P";
    check_session(text, "a", "unknown -1000..-900 | up -900..-600 | down -600..0 | up 0..end");
}

#[test]
fn what_a_run_about_many_prefixes_has_millions_of_is_small() {
    assert_eq!(size_of::<Option<RecordRef>>(), 16);
    assert_eq!(size_of::<RouteSpan>(), 80);
    assert_eq!(size_of::<Holder>(), 56);
}
