//! A lost session is lost observation and never a withdrawal.

use super::{check, hours_of_feeds, three_feeds};

/// Three feeds of a RouteViews collector, which records no session states; RIB dumps 15 minutes before and 2 hours
/// after the epoch.
fn without_states(more: &str) -> String {
    let scenario = hours_of_feeds(3, "+9000", &format!("noise every 20\nrib x -900\nrib x +7200\n{more}"));
    scenario.replace("riperis updates 300 states keepalives 60", "routeviews updates 900")
}

// T14
#[test]
fn a_closed_session_leaves_the_share_of_the_others_whole() {
    check(&three_feeds("at +50 a down"), "P 0..900 show R V", "no_outage | R 0:3/3 50:2/2 | V 0:3/3 50:2/2");
}

// T15
#[test]
fn a_collector_that_loses_all_sessions_leaves_the_judgement_to_the_others() {
    let two_collectors = three_feeds(
        "collector y riperis updates 300 states keepalives 60
         peer d y AS2001 192.0.2.101
         peer e y AS2002 192.0.2.102
         peer f y AS2003 192.0.2.103
         table more 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on y
         route d,e,f P \"4837 131279\"
         rib y -900
         at +50 x down",
    );
    check(&two_collectors, "P 0..900 show R", "no_outage | x empty 300..900 | R 0:6/6 50:3/3");
    check(
        &three_feeds("at +50 x down"),
        "P 0..900 show R",
        "insufficient_data | unobserved P 50..900 | x empty 300..900 | R 0:3/3 50:0/0?",
    );
}

// T16
#[test]
fn a_prefix_sent_late_in_a_table_transfer_was_never_absent() {
    check(
        &three_feeds("at +50 a down\nat +60 a up transfer 36"),
        "P 0..900 show R AS1001",
        "no_outage | R 0:3/3 50:2/2 96:3/3 | -900..50 holds \"1001 4837 131279\" rib | \
         78..900 holds \"1001 4837 131279\" announce | -900..50 up | 50..60 down | 60..96 syncing | 96..900 up",
    );
}

// T17, T30
#[test]
fn a_prefix_that_a_new_session_does_not_bring_back_is_absent_from_the_end_of_the_transfer() {
    check(
        &three_feeds("at +50 a down\nat +60 a up transfer 50 without P"),
        "P 0..900 show R",
        "no_outage | loss P 110..900 local min 0.67 by AS1001 | R 0:3/3 50:2/2 110:2/3",
    );
    check(
        &three_feeds("at +50 x down\nat +60 x up transfer 50 without P\nat +600 x announce P"),
        "P 0..900",
        "outage P 110..600 total withdrawn gap_start in 50..110 | unobserved P 50..110",
    );
}

// T18
#[test]
fn a_peer_that_never_gets_beyond_connecting_is_never_live() {
    let scenario = three_feeds(
        "peer f x AS1104 192.0.2.104 idle
         at +10 f state 3>2 every 20 times 40
         at +20 f state 2>3 every 20 times 40",
    );
    check(&scenario, "P 0..900 show V", "no_outage | V 0:3/3");
}

// T19
#[test]
fn a_peer_that_repeats_a_loss_of_its_session_is_never_live() {
    let scenario = three_feeds("peer f x AS1104 192.0.2.104 idle\nat +10 f state 6>1 every 65 times 13");
    check(&scenario, "P 0..900 show V", "no_outage | V 0:3/3");
}

#[test]
fn a_dump_in_the_middle_of_a_table_transfer_does_not_make_absent_what_has_not_been_sent() {
    // P is sent at +660, after the table; the dump of +650 lists the table alone.
    check(
        &three_feeds("at +600 a down\nat +630 a up transfer 60\nrib x +650"),
        "P 0..900 show R",
        "no_outage | R 0:3/3 600:2/2 690:3/3",
    );
}

// T20
#[test]
fn a_session_that_is_cleared_and_then_idle_is_lost_once() {
    check(
        &three_feeds("at +50 a down\nat +50 a state 6>7\nat +51 a state 7>1"),
        "P 0..900 show R AS1001",
        "no_outage | R 0:3/3 50:2/2 | -900..50 holds \"1001 4837 131279\" rib | -900..50 up | 50..900 down",
    );
}

// T21
#[test]
fn a_state_change_of_as_0_at_the_address_of_a_live_peer_is_ignored() {
    let scenario = three_feeds("peer g x AS0 192.0.2.1 idle unlisted\nat +50 g state 4>8");
    check(&scenario, "P 0..900 show R", "no_outage | R 0:3/3");
}

// T22
#[test]
fn a_state_change_of_an_unspecified_address_is_ignored() {
    let scenario = three_feeds("peer g x AS1001 0.0.0.0 idle unlisted\nat +50 g state 6>1");
    check(&scenario, "P 0..900 show R", "no_outage | R 0:3/3");
}

// T23
#[test]
fn a_feed_missing_from_a_dump_was_lost_when_it_fell_silent() {
    check(
        &without_states("at +100 a announce P\nat +101 a down"),
        "P 0..8000 show R AS1001",
        "no_outage | R 0:3/3 100:2/2 | -900..100 holds \"1001 4837 131279\" rib | -900..100 up | 100..8000 unknown",
    );
}

// T24
#[test]
fn a_silent_feed_that_the_next_dump_lists_was_up_throughout() {
    // Routes outside of tables are not part of the noise.
    let scenario = without_states("").replace("via 174 on all", "via 174 on b,c\nroute a rest \"174 64500\"");
    check(&scenario, "P 0..8000 show R", "no_outage | R 0:3/3");
}

// T25
#[test]
fn an_update_or_keepalive_on_a_closed_session_shows_that_it_is_open_again() {
    // The next keepalive would come at 70.
    for (next, open) in [("", 70), ("at +65 a announce P", 65), ("at +60 a withdraw 192.0.2.0/24", 60)] {
        let scenario = three_feeds(&format!("at +50 a state 6>1\n{next}\nat +80 a announce P"));
        let (held, synced) = (if open == 65 { 65 } else { 80 }, open + 900);
        check(
            &scenario,
            "P 0..1200 show R AS1001",
            &format!(
                "no_outage | R 0:3/3 50:2/2 {synced}:3/3 | -900..50 holds \"1001 4837 131279\" rib | \
                 {held}..1200 holds \"1001 4837 131279\" announce | -900..50 up | 50..{open} down | \
                 {open}..{synced} syncing | {synced}..1200 up"
            ),
        );
    }
}

// T26
#[test]
fn a_feed_that_arrives_during_the_window_counts_from_its_first_dump() {
    let scenario = three_feeds(
        "peer d x AS1104 192.0.2.104 idle unlisted
         table late 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on d
         route d P \"4837 131279\"
         at +100 d up transfer 30
         rib x +600",
    );
    // The peer is in no peer table: RIB dumps of daemons that know it list it.
    let scenario = scenario.replace(" unlisted", "");
    check(&scenario, "P 0..900 show R V", "no_outage | R 0:3/3 600:4/4 | V 0:3/3 600:4/4");
}

// T27
#[test]
fn a_peer_in_the_peer_table_without_routes_is_not_live() {
    let scenario = three_feeds("peer d x AS1104 192.0.2.104 idle").replace("keepalives 60", "keepalives 60 dummy-peer");
    check(&scenario, "P 0..900 show V", "no_outage | V 0:3/3");
}

// T28
#[test]
fn two_sessions_of_one_as_count_once_and_a_new_as_at_an_old_address_is_another_peer() {
    let twice = three_feeds(
        "peer a2 x AS1001 192.0.2.101
         table again 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on a2
         route a2 P \"4837 131279\"
         at +50 a withdraw P",
    );
    check(&twice, "P 0..900 show V", "no_outage | V 0:3/3");
    let renumbered = three_feeds(
        "peer d x AS1104 192.0.2.1 idle
         table again 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on d
         route d P \"4837 131279\"
         at +50 a down
         at +100 d up transfer 10
         rib x +600",
    );
    check(&renumbered, "P 0..900 show V R", "no_outage | R 0:3/3 50:2/2 | V 0:3/3 50:2/2 600:3/3");
}

// T29
#[test]
fn a_notification_closes_the_session_at_once() {
    check(&three_feeds("at +50 a notification"), "P 0..900 show R", "no_outage | R 0:3/3 50:2/2");
}
