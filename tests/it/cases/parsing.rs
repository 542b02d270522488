//! What unusual records mean for the answer.

use super::{check, feeds, three_feeds};

// T42
#[test]
fn an_origin_of_four_octets_is_found_on_sessions_of_two() {
    let scenario = three_feeds("at +10 all withdraw P\nat +600 all announce P");
    let mut two_octets = scenario.clone();
    for number in 1..=3 {
        two_octets = two_octets.replace(&format!("192.0.2.{number}\n"), &format!("192.0.2.{number} two-octet\n"));
    }
    assert_eq!(two_octets.matches("two-octet").count(), 3);
    let expected = "outage AS131279,P 10..600 total withdrawn | R 0:3/3 10:0/3 600:3/3";
    check(&scenario, "AS131279 0..900 show R", expected);
    check(&two_octets, "AS131279 0..900 show R", expected);
}

// T43
#[test]
fn an_origin_of_four_octets_is_found_in_dumps_of_the_first_format() {
    let scenario = three_feeds("at +10 all withdraw P").replace("keepalives 60", "keepalives 60 format v1");
    check(&scenario, "AS131279 0..900", "outage AS131279,P 10..? total withdrawn right");
}

// T44
#[test]
fn an_origin_that_the_session_could_not_carry_is_unknown_and_not_another() {
    let scenario = three_feeds("at +10 all announce P \"7018 4837 23456\"");
    check(&scenario, "AS131279 0..900 show V space", "no_outage | V 0:3/3 | space 0:1/1");
}

// T45
#[test]
fn prepending_sets_and_confederations_leave_the_origin_what_it_is() {
    for path in ["4837 131279 131279 131279 131279 131279", "4837 {131279,65000}", "4837 131279 (65001 65002)"] {
        let scenario = three_feeds(&format!("at +10 all announce P \"{path}\""));
        check(&scenario, "AS131279 0..900 show space", "no_outage | space 0:1/1");
    }
}

// T45
#[test]
fn a_route_without_a_path_is_the_collectors_own_and_ignored() {
    let scenario = feeds(
        4,
        "at +10 all withdraw P
         at +60 p4 announce P \"\" verbatim
         at +600 all announce P \"4837 131279\"",
    );
    check(&scenario, "P 0..900 show R", "outage P 10..600 total withdrawn | R 0:4/4 10:0/4 600:4/4");
}

// T45
#[test]
fn a_peer_whose_paths_begin_with_another_as_is_no_full_feed() {
    let scenario = three_feeds(
        "peer server x AS1104 192.0.2.104
         table theirs 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on server
         route server P,theirs \"1003 4837 131279\" verbatim",
    );
    check(&scenario, "P 0..900 show V", "no_outage | V 0:3/3");
}

/// A feed with path identifiers beside three without.
fn with_path_identifiers(more: &str) -> String {
    three_feeds(&format!(
        "peer d x AS1104 192.0.2.104 add-path
         table theirs 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on d
         route d P \"4837 131279\" id 1
         {more}"
    ))
}

// T46
#[test]
fn a_prefix_is_present_while_any_of_its_paths_is() {
    let scenario = with_path_identifiers(
        "at +10 d announce P \"1299 4837 131279\" id 2
         at +100 d withdraw P id 1
         at +300 d withdraw P id 2",
    );
    let expected =
        |start: &str| format!("no_outage | loss P {start}..900 local min 0.75 by AS1104 | R 0:4/4 {start}:3/4");
    check(&scenario, "P 0..900 show R", &expected("300"));
    let without_ids = with_path_identifiers("at +100 d withdraw P id 1").replace("rib x -900", "rib x -900 no-ids");
    check(&without_ids, "P 0..900 show R", &expected("100"));
}

// T46
#[test]
fn a_prefix_with_several_paths_without_identifiers_is_unknown_until_all_are_withdrawn() {
    let scenario = with_path_identifiers(
        "route d P \"1299 4837 131279\" id 2
         at +100 d withdraw P id 1
         at +300 d withdraw P id 2",
    );
    let without_ids = scenario.replace("rib x -900", "rib x -900 no-ids");
    let expected = "no_outage | loss P 300..900 local min 0.75 by AS1104 | R 0:4/4 100:3/3 300:3/4";
    check(&without_ids, "P 0..900 show R", expected);
}

// T46
#[test]
fn a_dump_shows_the_paths_that_remain_beside_one_withdrawn_just_before_it() {
    let scenario = with_path_identifiers("at +50 d withdraw P id 2").replace("rib x -900", "rib x +60");
    let expected = |share: &str| format!("insufficient_data | unobserved P 0..60 | x no_rib 0..60 | R 60:{share}");
    check(&scenario, "P 0..900 show R", &expected("4/4"));
    // Perhaps the one that is listed is the one that went.
    let without_ids = scenario.replace("rib x +60", "rib x +60 no-ids");
    check(&without_ids, "P 0..900 show R", &expected("3/3"));
}

// T46
#[test]
fn without_any_dump_the_end_of_one_path_does_not_show_that_it_was_the_last() {
    let scenario = with_path_identifiers(
        "at +10 d announce P \"1299 4837 131279\" id 2
         at +100 d withdraw P id 2
         at +300 a,b,c announce P",
    );
    check(
        &scenario.replace("rib x -900", ""),
        "P 0..900 show V",
        "insufficient_data | unobserved P 0..300 | V 10:1/1? 100:0/0? 300:3/3",
    );
}

// T47
#[test]
fn bits_beyond_the_length_of_a_prefix_mean_nothing() {
    let scenario = three_feeds("at +10 all withdraw 175.45.183.255/20\nat +300 all announce 175.45.176.1/20");
    let scenario = scenario.replace("prefix P 175.45.176.0/24", "prefix P 175.45.176.0/20");
    check(&scenario, "175.45.176.0/20 0..900", "outage 175.45.176.0/20 10..300 total withdrawn");
}

// T48
#[test]
fn an_ipv4_prefix_on_an_ipv6_session_is_an_ipv4_prefix() {
    let mut scenario = three_feeds("at +10 all withdraw P mp\nat +300 all announce P mp");
    for number in 1..=3 {
        scenario = scenario.replace(&format!("192.0.2.{number}\n"), &format!("2001:db8::{number}\n"));
    }
    check(&scenario, "P 0..900 show R", "outage P 10..300 total withdrawn | R 0:3/3 10:0/3 300:3/3");
}

// T49
#[test]
fn what_the_collector_sent_itself_is_ignored() {
    check(&three_feeds("at +10 all withdraw P local"), "P 0..900 show R", "no_outage | R 0:3/3");
}

// T50
#[test]
fn an_end_of_rib_on_an_established_session_is_no_event() {
    check(&three_feeds("at +10 all end-of-rib\nat +20 all end-of-rib v6"), "P 0..900 show R", "no_outage | R 0:3/3");
}

// T51
#[test]
fn path_identifiers_on_a_session_without_them_make_no_default_route() {
    // Path identifier 0 and P read as four default routes and P.
    let attributes = "40 01 01 00 40 02 0e 02 03 00 00 03 e9 00 00 12 e5 00 02 00 cf 40 03 04 c0 00 02 01";
    let scenario = three_feeds(&format!(
        "at +10 all withdraw P
         at +60 a message 2 00 00 00 1c {attributes} 00 00 00 00 18 af 2d b0
         at +600 all announce P"
    ))
    .replace("keepalives 60", "keepalives 20");
    check(
        &scenario,
        "P 0..900 show R not-ok",
        // Only with path identifiers does the list make sense.
        "outage P 10..600 total withdrawn | R 0:3/3 10:0/3 60:1/3 600:3/3",
    );
}

// T52
#[test]
fn one_unreadable_record_leaves_the_rest_of_its_file() {
    // Withdrawn routes longer than the message.
    let scenario = three_feeds(
        "at +10 a withdraw P
         at +20 a message 2 ff ff 00 00
         at +30 b,c withdraw P
         at +600 all announce P",
    )
    .replace("keepalives 60", "keepalives 20");
    check(
        &scenario,
        "P 0..900 show R not-ok",
        // What a holds or lacks is unknown from then on.
        "outage P 30..600 total withdrawn | R 0:3/3 10:2/3 20:2/2 30:0/2 600:3/3 | updates.20141222.0800 damaged",
    );
}

// T53
#[test]
fn asking_for_an_as_finds_the_same_as_asking_for_its_prefix() {
    let scenario = three_feeds(
        "at +10 a,b withdraw P
         at +60 c down
         at +90 c up transfer 10
         at +300 a announce P \"4755\"
         at +600 all announce P",
    );
    let steps = "R 0:3/3 10:1/3 60:0/2 100:1/3 300:2/3 600:3/3";
    check(&scenario, "P 0..900 show R", &format!("outage P 10..300 total withdrawn survivors 1 zombies 0 | {steps}"));
    check(
        &scenario,
        "AS131279 0..900 show R",
        &format!(
            "outage AS131279 10..600 total origin_changed survivors 1 zombies 0 | outage P 10..300 total withdrawn survivors 1 zombies 0 | {steps}"
        ),
    );
}

// T54
#[test]
fn an_as_that_only_carries_a_prefix_does_not_originate_it() {
    let scenario = three_feeds(
        "route all 192.0.2.0/24 \"4837 131279 51040\"
         at +10 all withdraw 192.0.2.0/24",
    );
    check(&scenario, "AS131279 0..900 show V", "no_outage | V 0:3/3");
}
