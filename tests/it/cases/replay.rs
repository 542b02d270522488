//! What announcements and withdrawals do, and in which order they count.

use super::{check, three_feeds};

// T01
#[test]
fn three_feeds_that_lose_and_regain_a_prefix_one_by_one_make_one_outage() {
    let scenario = three_feeds(
        "at +10 a withdraw P
         at +11 b withdraw P
         at +12 c withdraw P
         at +100 a announce P
         at +101 b announce P
         at +102 c announce P",
    );
    check(
        &scenario,
        "P 0..900 min-duration 60 show R edges",
        "outage P 11..101 total withdrawn loss 10 11 12 12 recovery 100 101 102 102 | \
         R 0:3/3 10:2/3 11:1/3 12:0/3 100:1/3 101:2/3 102:3/3",
    );
}

// T02
#[test]
fn another_path_is_a_change_of_path_and_no_outage() {
    check(
        &three_feeds("at +20 a announce P \"3356 4837 131279\""),
        "P 0..900 show R AS1001",
        "no_outage | R 0:3/3 | -900..20 holds \"1001 4837 131279\" rib | \
         20..900 holds \"1001 3356 4837 131279\" announce | -900..900 up",
    );
}

// T03
#[test]
fn a_repeated_announcement_changes_nothing_but_shows_that_the_route_is_alive() {
    check(
        &three_feeds("at +20 a announce P every 10 times 50"),
        "P 0..900 show R AS1001",
        "no_outage | R 0:3/3 | -900..900 holds \"1001 4837 131279\" rib | -900..900 up",
    );
}

// T04
#[test]
fn a_withdrawal_of_a_prefix_never_seen_is_no_outage() {
    let scenario = three_feeds(
        "prefix Q 175.45.177.0/24
         route b,c Q \"4837 131279\"
         at +10 a withdraw Q, 192.0.2.0/24",
    );
    check(&scenario.replace("Q, 192", "Q,192"), "175.45.177.0/24 0..900 show R V", "no_outage | R 0:2/2 | V 0:2/3");
    check(
        &three_feeds("at +10 a,b,c withdraw 192.0.2.0/24"),
        "192.0.2.0/24 0..900",
        "insufficient_data | unobserved 192.0.2.0/24 0..900 | never carried 1 of 1",
    );
}

// T05
#[test]
fn a_repeated_withdrawal_does_not_move_the_start() {
    let scenario = three_feeds(
        "at +10 a,b,c withdraw P
         at +40 a,b,c withdraw P
         at +300 a,b,c announce P",
    );
    check(&scenario, "P 0..900", "outage P 10..300 total withdrawn");
}

// T06
#[test]
fn a_prefix_withdrawn_and_announced_by_one_message_is_present() {
    check(
        &three_feeds("at +10 a,b,c withdraw P announce P \"3356 4837 131279\""),
        "P 0..900 show R",
        "no_outage | R 0:3/3",
    );
}

// T07
#[test]
fn a_prefix_withdrawn_and_announced_in_multiprotocol_attributes_is_present() {
    let scenario = three_feeds(
        "prefix Q 2001:db8:4::/48
         route a,b,c Q \"4837 131279\"
         at +10 a,b,c withdraw Q announce Q \"3356 4837 131279\"",
    );
    check(&scenario.replace("table", "#"), "2001:db8:4::/48 0..900 show R", "no_outage | R 0:3/3");
    check(
        &three_feeds("at +10 a,b,c withdraw P announce P \"3356 4837 131279\" mp"),
        "P 0..900 show R",
        "no_outage | R 0:3/3",
    );
}

// T08
#[test]
fn messages_of_one_second_count_in_the_order_of_the_file() {
    let withdrawn_first = three_feeds("at +10 a,b,c withdraw P\nat +10 a,b,c announce P");
    check(&withdrawn_first, "P 0..900 min-duration 0 show R", "no_outage | R 0:3/3");
    let announced_first = three_feeds("at +10 a,b,c announce P\nat +10 a,b,c withdraw P\nat +500 a,b,c announce P");
    check(&announced_first, "P 0..900", "outage P 10..500 total withdrawn");
}

// T09
#[test]
fn a_message_whose_time_steps_back_is_applied_in_the_order_of_the_file_and_counted() {
    let scenario = three_feeds("at +60 a announce P\nat +61 a withdraw P stamped +50");
    check(
        &scenario,
        "P 0..900 show R AS1001",
        "no_outage | loss P 50..900 local min 0.67 by AS1001 | x: late 1 | R 0:3/3 50:2/3 | -900..50 holds \"1001 4837 \
         131279\" rib | 50..900 lacks it withdraw | -900..900 up",
    );
}

// T10
#[test]
fn the_end_of_one_file_comes_before_the_beginning_of_the_next_in_the_same_second() {
    let scenario = three_feeds("at +299 a,b,c withdraw P stamped +300\nat +300 a,b,c announce P");
    for jobs in [1, 2, 16] {
        check(&scenario, &format!("P 0..900 min-duration 0 jobs {jobs} show R"), "no_outage | R 0:3/3");
    }
}

// T11
#[test]
fn a_clock_that_steps_back_by_less_than_two_seconds_does_not_reorder_messages() {
    let scenario = three_feeds(
        "at +10.9 a,b,c announce P
         at +10.95 a,b,c withdraw P stamped +10.1
         at +311.1 a,b,c announce P",
    );
    check(&scenario, "P 0..900", "outage P 10.9..311.1 total withdrawn");
}
