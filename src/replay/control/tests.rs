//! What a sample of the table shows about the vantage point. Histories are written as in the tests of the replay.

use super::super::tests::{check, check_session, run};
use super::*;

fn sample(text: &str) -> ControlSample {
    run(text).control.unwrap()
}

#[test]
fn a_transfer_is_over_when_nine_tenths_of_the_table_have_arrived() {
    let text = "0 rib a:P,T0-100 | 50 a down | 60 a up | 70 a announce T0-89 | 95 a announce T89-90 | 95 a announce P";
    check_session(
        text,
        "a",
        "unknown -1000..0 | up 0..50 | down 50..60 | syncing 60..95 | up partly 95..960 | up 960..end",
    );
    check(text, "a", "P", "yes 0..50 | yes 95..end");
}

#[test]
fn a_table_that_still_grows_when_the_transfer_times_out_may_be_incomplete() {
    let text = "0 rib a:P,T0-100 | 50 a down | 60 a up | 70 a announce T0-80 | 950 a announce T80-95";
    check_session(text, "a", "unknown -1000..0 | up 0..50 | down 50..60 | syncing 60..950 | up partly 950..end");
    let half = "0 rib a:P,T0-100 | 50 a down | 60 a up | 70 a announce T0-50";
    check_session(half, "a", "unknown -1000..0 | up 0..50 | down 50..60 | syncing 60..960 | up partly 960..end");
}

#[test]
fn a_vantage_point_that_withdraws_its_table_within_a_minute_is_left_out_until_it_is_back() {
    let text = "0 rib a:P,T0-100 b:P | 100 a withdraw T0-40 | 110 a withdraw P | 140 a withdraw T40-95 | \
                300 a announce T0-80 | 330 a announce P | 340 a announce T80-90";
    check_session(text, "a", "unknown -1000..0 | up 0..100 | syncing 100..340 | up 340..end");
    check(text, "a", "P", "yes 0..110 | no 110..330 | yes 330..end");
    assert_eq!(sample(text).n_lost_tables, 1);
    let slowly = "0 rib a:P,T0-100 | 100 a withdraw T0-40 | 200 a withdraw T40-70 | 300 a withdraw T70-100";
    check_session(slowly, "a", "unknown -1000..0 | up 0..end");
    let until_the_next_dump = "0 rib a:P,T0-100 | 100 a withdraw T0-100 | 7200 rib a:P,T0-100";
    check_session(until_the_next_dump, "a", "unknown -1000..0 | up 0..100 | syncing 100..7200 | up 7200..end");
}

// T41
#[test]
fn a_table_out_of_step_with_a_dump_is_discarded_since_the_previous_dump() {
    let text = "-900 rib a:P,T0-100 | 0 rib a:P,T0-100 | 50 a withdraw P | 60 a announce Q | \
                7200 rib a:P,T0-96 | 7300 a withdraw P";
    check_session(text, "a", "unknown -1000..-900 | up -900..0 | unknown 0..7200 | up partly 7200..end");
    check(text, "a", "P", "yes -900..0 | yes 7200..7300 | no 7300..end");
    check(text, "a", "Q", "");
    let found = sample(text);
    assert_eq!((found.n_compared, found.n_mismatched, found.n_lost_sync), (200, 4, 1));
    // The RIB dump lacks so much that it may show only a part of the table.
    check(text, "a", "R", "");
    // An update just before the RIB dump outweighs it.
    let recent = "0 rib a:P,T0-100 | 7190 a withdraw P | 7200 rib a:P,T0-90";
    check_session(recent, "a", "unknown -1000..0 | unknown 0..7200 | up partly 7200..end");
    check(recent, "a", "P", "no 7200..end");
}

#[test]
fn a_few_mismatches_are_counted_and_discard_nothing() {
    let text = "0 rib a:P,T0-100 | 100 a withdraw T0-2 | 7150 a withdraw T2-50 | 7200 rib a:P,T0-101";
    check_session(text, "a", "unknown -1000..0 | up 0..end");
    let found = sample(text);
    assert_eq!((found.n_compared, found.n_mismatched, found.n_lost_sync), (53, 3, 0));
    assert_eq!((found.n_prefixes, found.n_vantage_points), (101, 1));
}

#[test]
fn prefixes_that_fall_for_two_minutes_are_counted() {
    let dump = "0 rib a:T0-100 b:T0-100 c:T0-100";
    let falls = |what: &str| sample(&format!("{dump} | {what}")).n_fallen;
    assert_eq!(falls("10 a withdraw T0-1 | 20 b withdraw T0-1 | 140 a announce T0-1"), 1);
    assert_eq!(falls("10 a withdraw T0-1 | 20 b withdraw T0-1 | 139 a announce T0-1"), 0);
    assert_eq!(falls("10 a withdraw T0-1 | 500 c withdraw T1-2"), 0);
    assert_eq!(falls("10 a withdraw T0-3 | 20 b withdraw T0-3"), 3);
    assert_eq!(falls("10 a withdraw T0-1 | 20 b down | 30 c withdraw T1-2 | 40 a withdraw T1-2"), 1);
}

#[test]
fn without_a_sampled_prefix_there_is_no_control_sample() {
    assert_eq!(run("0 rib a:P | 10 a withdraw P").control, None);
    assert_eq!(run("10 a withdraw T0-50").control, None);
}
