//! RIB dumps against updates: which of them is right, and which dumps are rejected.

use super::{answer, answer_in, check, hours_of_feeds, report, three_feeds};

/// What is known of the route of `a`, the feed of AS1001.
fn check_a(scenario: &str, window: &str, expected: &str) {
    let found = answer(scenario, &format!("P {window} show AS1001"));
    assert_eq!(found, format!("{expected} | -900..{} up", window.rsplit('.').next().unwrap_or_default()), "{scenario}");
}

// T31
#[test]
fn a_route_that_is_older_than_the_dump_counts_from_the_dump_on() {
    let scenario = three_feeds("").replace("4837 131279\"\n", "4837 131279\" since 2013-11-01\n");
    assert!(scenario.contains("since 2013"), "{scenario}");
    check_a(&scenario, "0..900", "no_outage | -900..900 holds \"1001 4837 131279\" rib");
}

// T32
#[test]
fn a_withdrawal_while_the_dump_is_written_counts() {
    // The record of P is written first, the last one 171 seconds later.
    let scenario = three_feeds("at -840 a withdraw P").replace("rib x -900", "rib x -900 span 180");
    check(
        &scenario,
        "P 0..900 show R AS1001",
        "no_outage | loss P 0..900 local min 0.67 by AS1001 | R 0:2/3 | -840..900 lacks it withdraw | -900..-729 unknown | -729..900 up",
    );
}

// T33
#[test]
fn a_withdrawal_just_before_a_dump_may_not_be_in_it_yet() {
    let scenario = three_feeds("rib x +600 stale a P \"4837 131279\"\nat +580 a withdraw P");
    check_a(
        &scenario,
        "0..900",
        "no_outage | loss P 580..900 local min 0.67 by AS1001 | \
         -900..580 holds \"1001 4837 131279\" rib | 580..900 lacks it withdraw",
    );
}

#[test]
fn a_withdrawal_in_the_very_second_of_a_dump_is_not_a_missed_one() {
    let scenario = three_feeds("at +600 a withdraw P\nrib x +600");
    check_a(
        &scenario,
        "0..900",
        "no_outage | loss P 600..900 local min 0.67 by AS1001 | \
         -900..600 holds \"1001 4837 131279\" rib | 600..900 lacks it withdraw",
    );
}

// T34
#[test]
fn a_dump_that_lists_a_route_withdrawn_long_before_shows_a_missed_announcement() {
    let scenario = three_feeds("rib x +900 stale a P \"4837 131279\"\nat +300 a withdraw P");
    check_a(
        &scenario,
        "0..1200",
        "no_outage | x: missed announcements 1 | -900..300 holds \"1001 4837 131279\" rib | \
         300..900 unknown withdraw | 900..1200 holds \"1001 4837 131279\" rib",
    );
}

// T35
#[test]
fn a_dump_that_lacks_a_route_announced_long_before_shows_a_missed_withdrawal() {
    let scenario = three_feeds("rib x +900 omit a P\nat +300 a announce P");
    check_a(
        &scenario,
        "0..1200",
        "no_outage | loss P 900..1200 local min 0.67 by AS1001 | x: missed withdrawals 1 | \
         -900..300 holds \"1001 4837 131279\" rib | 300..900 unknown rib | 900..1200 lacks it not_in_rib",
    );
}

// T36
#[test]
fn a_dump_that_lacks_the_last_two_fifths_of_its_records_is_rejected() {
    // The prefix sorts after those of the table, so it is among the missing ones.
    let scenario = three_feeds("rib x +600").replace("198.18.0.0/15", "10.18.0.0/15");
    let (cut, truncated) =
        (scenario.replace("+600", "+600 cut 60%"), format!("{scenario}break x rib +600 truncate 60%"));
    check(&cut, "P 0..900 show R", "no_outage | x: rejected 1 | R 0:3/3");
    check(&truncated, "P 0..900 show R", "no_outage | x: rejected 1 | R 0:3/3");
}

// T37
#[test]
fn a_dump_of_a_few_bytes_is_rejected_and_the_updates_go_on() {
    let scenario = three_feeds(
        "rib x +600
         break x rib +600 truncate 161
         at +700 all withdraw P
         at +1000 all announce P",
    );
    check(&scenario, "P 0..1200", "outage P 700..1000 total withdrawn | x: rejected 1");
}

#[test]
fn two_dumps_that_are_cut_alike_are_rejected_beside_a_whole_one() {
    let dumps = "rib x -600 cut 60%\nrib x +600\nat +100 a withdraw P";
    let scenario =
        three_feeds(dumps).replace("198.18.0.0/15", "10.18.0.0/15").replace("rib x -900", "rib x -900 cut 60%");
    check(
        &scenario,
        "P 300..900 show R",
        "insufficient_data | unobserved P 300..600 | x no_rib 300..600 | x: rejected 2 | R 600:2/2",
    );
}

#[test]
fn a_single_cut_dump_is_replaced_by_the_older_one_that_reveals_the_cut() {
    let dumps = three_feeds("at +100 a withdraw P").replace("198.18.0.0/15", "10.18.0.0/15");
    let one = dumps.replace("rib x -900", "rib x -4500\nrib x -900 cut 60%").replace("archive -900", "archive -4500");
    check(
        &one,
        "P 300..900 show R",
        "no_outage | loss P 300..900 local min 0.67 by AS1001 | x: rejected 1 | R 300:2/3",
    );
}

#[test]
fn a_dump_with_a_record_of_an_unknown_kind_is_rejected() {
    let scenario = three_feeds("rib x +600").replace("keepalives 60", "keepalives 60 plain");
    let folder = crate::scenario::folder(&scenario);
    let path = folder.path().join("x/2014.12/bview.20141222.0810");
    let mut dump = std::fs::read(&path).expect("a RIB dump");
    // A RIB record of P, with its header of twelve octets and its sequence number of four before.
    let at = dump.windows(4).position(|octets| octets == [24, 175, 45, 176]).expect("P") - 16;
    assert_eq!(dump[at + 4..at + 8], [0, 13, 0, 2]);
    dump[at + 7] = 99;
    std::fs::write(&path, dump).expect("a RIB dump");
    let found = answer_in(folder.path(), &scenario, "P 0..900 show R not-ok");
    assert_eq!(found, "no_outage | x: rejected 1 | R 0:3/3 | bview.20141222.0810 rejected");
}

#[test]
fn a_whole_dump_with_bytes_after_its_container_counts() {
    let scenario = three_feeds("rib x +600\nbreak x rib +600 trailing-garbage\nrib x +900 omit a P");
    check(
        &scenario,
        "P 0..1200 show R not-ok",
        "no_outage | loss P 900..1200 local min 0.67 by AS1001 | x: missed withdrawals 1 | R 0:3/3 600:2/2 900:2/3 | \
         bview.20141222.0810 damaged",
    );
    // As the dump that the replay starts from.
    let seed = three_feeds("break x rib -900 trailing-garbage");
    check(&seed, "P 0..900 show R not-ok", "no_outage | R 0:3/3 | bview.20141222.0745 damaged");
}

#[test]
fn a_dump_during_an_unrecorded_transfer_does_not_make_absent_what_is_not_sent_yet() {
    let silent = |scenario: String| scenario.replace("updates 300 states", "updates 300");
    let transfer = "at +550 a down\nat +560 a up without P,half\nrib x +600\nat +650 a announce half,P\nrib x +1200";
    let half = "table half 20 of 172.16.0.0/13 as /24 origins 64500 via 174 on all";
    check(
        &silent(three_feeds(&format!("{half}\n{transfer}"))),
        "P 0..1500 show AS1001",
        "no_outage | -900..650 unknown rib | 650..1500 holds \"1001 4837 131279\" announce | \
         -900..600 up | 600..1200 up | 1200..1500 up",
    );
    // In a large table the sample shows that a thirtieth is still missing.
    let thirtieth = half.replace("half 20", "half 600");
    let large = silent(large_feeds(&format!("{thirtieth}\n{transfer}")));
    check(&large, "P 0..1500 show R", "no_outage | R 0:2/2 650:3/3");
}

#[test]
fn a_broken_dump_before_the_window_is_replaced_by_an_older_one() {
    let scenario = three_feeds("rib x +0\nbreak x rib +0 truncate 161\nat +60 a withdraw P");
    check(
        &scenario,
        "P 660..900 show R",
        "no_outage | loss P 660..900 local min 0.67 by AS1001 | x: rejected 1 | R 660:2/3",
    );
}

/// A folder with a dump cut to two fifths, 25 hours before the epoch; one six days older that shows it, but is too old to
/// serve instead; and updates from 15 minutes before the epoch. With the scenario of the updates.
fn one_cut_dump() -> (tempfile::TempDir, String) {
    let feeds = |more: &str| {
        let all = hours_of_feeds(3, "+1800", more);
        // P sorts after the table.
        all.replace("198.18.0.0/15", "10.18.0.0/15")
    };
    let dumps = feeds("rib x -640200\nrib x -90000 cut 60%").replace("archive -900", "archive -640800");
    let folder = crate::scenario::folder(&dumps.replace(" updates 300", "").replace(" keepalives 60", ""));
    let updates = feeds("at +450 all announce P");
    crate::generator::write_archive(&updates, folder.path()).expect("updates");
    (folder, updates)
}

#[test]
fn a_rejected_dump_stays_rejected_when_the_dump_that_revealed_it_leaves_the_plan() {
    let (folder, scenario) = one_cut_dump();
    for target in ["P", "AS131279"] {
        let found = super::answer_in(folder.path(), &scenario, &format!("{target} 0..900 show not-ok"));
        let expected =
            format!("insufficient_data | unobserved {target} 0..450 | x: rejected 1 | bview.20141221.0700 rejected");
        assert_eq!(found, expected);
    }
}

#[test]
fn a_dump_under_the_name_of_a_later_one_is_set_aside() {
    // It lacks P, which was back before the first update file that is read.
    let scenario = three_feeds("at -590 all announce P").replace("rib x -900", "rib x -900 omit a,b,c P");
    let folder = crate::scenario::folder(&scenario);
    let month = folder.path().join("x/2014.12");
    std::fs::rename(month.join("bview.20141222.0745.gz"), month.join("bview.20141222.0810.gz")).expect("a dump");
    assert_eq!(
        super::answer_in(folder.path(), &scenario, "P 1200..1800 show not-ok"),
        "insufficient_data | unobserved P 1200..1800 | never carried 1 of 1 | x: rejected 1 | bview.20141222.0810 rejected"
    );
}

#[test]
fn a_dump_of_the_time_when_the_next_one_was_due_is_set_aside_and_a_late_one_is_not() {
    let dumps = |late: u32| {
        let dumps = hours_of_feeds(3, "+40000", &format!("rib x -900\nrib x +{late}"));
        dumps.replace(" updates 300", "").replace(" keepalives 60", "")
    };
    let named_0800 = |late: u32, clock: &str| {
        let scenario = dumps(late);
        let folder = crate::scenario::folder(&scenario);
        let month = folder.path().join("x/2014.12");
        let to = month.join("bview.20141222.0800.gz");
        std::fs::rename(month.join(format!("bview.20141222.{clock}.gz")), to).expect("a dump");
        super::answer_in(folder.path(), &scenario, "P 0..900 show not-ok")
    };
    let late = named_0800(1500, "0825");
    assert!(!late.contains("rejected"), "{late}");
    let next = named_0800(30000, "1620");
    assert!(next.ends_with("bview.20141222.0800 rejected"), "{next}");
}

// T38
#[test]
fn a_prefix_whose_entries_are_split_over_two_records_is_held_by_all() {
    let scenario = three_feeds("").replace("rib x -900", "rib x -900 split P");
    check(&scenario, "P 0..900 show R", "no_outage | R 0:3/3");
}

// T39
#[test]
fn a_prefix_in_a_multicast_table_is_not_held() {
    let scenario = three_feeds("").replace("rib x -900", "rib x -900 multicast P");
    check(&scenario, "P 0..900", "insufficient_data | unobserved P 0..900 | never carried 1 of 1");
}

// T40
#[test]
fn a_dump_with_an_odd_minute_seeds_and_one_named_as_the_start_is_a_checkpoint() {
    let odd = three_feeds("").replace("rib x -900", "rib x -60");
    check(
        &odd,
        "P 1200..1500 show R files",
        "no_outage | R 1200:3/3 | bview.20141222.0759 ok | updates.20141222.0745 ok | updates.20141222.0750 ok | \
         updates.20141222.0755 ok | updates.20141222.0800 ok | updates.20141222.0805 ok | updates.20141222.0810 ok | \
         updates.20141222.0815 ok | updates.20141222.0820 ok | updates.20141222.0825 ok",
    );
    let named_as_the_start = three_feeds("rib x +0 omit a P\nat -100 a announce P");
    check(
        &named_as_the_start,
        "P 0..900 show R",
        "no_outage | loss P 0..900 local min 0.67 by AS1001 | x: missed withdrawals 1 | R 0:2/3",
    );
}

/// Three feeds with tables of 20,000 prefixes, of which the control sample holds some 300.
fn large_feeds(more: &str) -> String {
    three_feeds(more).replace("rest 20 of 198.18.0.0/15 as /24", "rest 20000 of 10.0.0.0/8 as /24")
}

// T41
#[test]
fn a_feed_out_of_step_with_a_dump_is_unknown_since_the_dump_before() {
    let events = "at +700 a withdraw P\nat +710 a announce P\nrib x +600";
    let lost = large_feeds(&format!("{events}\nrib x +1200 omit a 3%"));
    check(
        &lost,
        "P 0..1500 show R AS1001",
        "no_outage | R 0:3/3 600:2/2 1200:3/3 | -900..600 holds \"1001 4837 131279\" rib | \
         1200..1500 holds \"1001 4837 131279\" rib | -900..600 up | 600..1200 unknown | 1200..1500 up",
    );
    let report = report(&lost, "P 0..1500");
    let control = report.coverage.collectors[0].control.expect("a sample");
    assert_eq!((control.n_vantage_points, control.n_lost_sync, control.n_lost_tables), (3, 1, 0));
    // 3 % of one of three tables, at one of two dumps: half a percent of all that was compared.
    assert!((0.003..0.008).contains(&control.mismatch_rate().expect("two dumps")), "{control:?}");
    // Rates as low as in any archive are counted and do not make the vantage point unknown.
    let few = large_feeds(&format!("{events}\nrib x +1200 omit a 1%"));
    check(&few, "P 0..1500 show R", "no_outage | R 0:3/3 700:2/3 710:3/3");
}

// T89
#[test]
fn a_feed_that_withdraws_its_whole_table_within_a_minute_is_left_out_until_it_is_back() {
    let scenario = large_feeds("at +100 a withdraw everything\nat +700 a announce rest,P");
    check(
        &scenario,
        "P 0..1500 show R AS1001",
        "no_outage | R 0:3/3 100:2/2 700:3/3 | -900..100 holds \"1001 4837 131279\" rib | 100..700 lacks it withdraw | \
         700..1500 holds \"1001 4837 131279\" announce | -900..100 up | 100..700 syncing | 700..1500 up",
    );
    let small = scenario.replace("rest 20000", "rest 20");
    check(&small, "P 0..1500 show R", "no_outage | loss P 100..700 local min 0.67 by AS1001 | R 0:3/3 100:2/3 700:3/3");
}

// T86
#[test]
fn dumps_alone_place_an_edge_only_within_bounds() {
    let events = "at +3600 all withdraw P\nat +30600 all announce P\n";
    let ribs = "rib x -900\nrib x +7200\nrib x +14400\nrib x +28800\nrib x +36000\n";
    let scenario = hours_of_feeds(3, "+36900", &format!("{ribs}{events}"));
    check(&scenario, "P 0..36060 min-duration 60", "outage P 3600..30600 total withdrawn");
    let only_dumps = scenario.replace(" updates 300", "").replace(" keepalives 60", "");
    let found = report(&only_dumps, "P 0..36060 min-duration 60");
    let [outage] = &found.findings.outages[..] else { panic!("{:?}", found.findings.outages) };
    assert!(outage.fall.start_bounds.earliest < outage.fall.start_bounds.latest, "{outage:?}");
    check(
        &only_dumps,
        "P 0..36060 min-duration 60",
        "outage P 7200..28860 total withdrawn gap_start in -840..7200 gap_end in 28860..36000 | \
         unobserved P 0..7200 7260..14400 14460..28800 28860..36000 | x missing 0..36060",
    );
}

#[test]
fn without_any_dump_a_first_withdrawal_shows_that_the_route_had_been_there() {
    let scenario = hours_of_feeds(
        3,
        "+1800",
        "at +10 all withdraw P
         at +600 all announce P",
    );
    check(&scenario, "P 0..900 show R", "outage P 10..600 total unknown | R 0:3/3 10:0/3 600:3/3");
}

#[test]
fn without_any_dump_nothing_is_known_before_a_first_announcement() {
    let scenario = hours_of_feeds(3, "+1800", "at +300 all announce P");
    check(&scenario, "P 0..900 show R", "insufficient_data | unobserved P 0..300 | R 300:3/3");
}

#[test]
fn without_any_dump_a_gap_ends_what_was_known() {
    let scenario = hours_of_feeds(
        3,
        "+2400",
        "at +10 all announce P
         skip x updates +300
         at +400 all withdraw P
         at +1000 a withdraw P
         at +1200 all announce P",
    );
    // The withdrawal of `a` shows that it held P since the gap; of `b` and `c` nothing is known until they announce it.
    check(
        &scenario,
        "P 0..1800 show R",
        "outage P 1000..1200 total unknown | unobserved P 0..10 300..600 | x missing 300..600 | \
         R 10:3/3 300:0/0? 600:1/1 1000:0/1 1200:3/3",
    );
}
