//! Which vantage points count: full feeds, baselines, sufficient data, address families, address space.

use outage_replay::report::Style;

use super::{check, feeds, hours_of_feeds, three_feeds};

// T69
#[test]
fn a_loss_at_three_fifths_of_the_feeds_is_a_partial_outage() {
    let scenario = feeds(10, "peers most = a b c p4 p5 p6\nat +10 most withdraw P\nat +600 most announce P");
    check(
        &scenario,
        "P 0..900 show R",
        "outage P 10..600 partial withdrawn min 0.40 survivors 4 zombies 0 | R 0:10/10 10:4/10 600:10/10",
    );
}

// T76
#[test]
fn networks_inside_a_network_that_stays_up_are_covered_and_the_as_loses_nothing() {
    let scenario = three_feeds(
        "group parts = P 175.45.177.0/24 175.45.178.0/24 175.45.179.0/24
         route all parts,175.45.176.0/22 \"4837 131279\"
         at +10 all withdraw parts
         at +600 all announce parts",
    );
    check(
        &scenario,
        "AS131279 0..900 show space",
        "outage P,175.45.177.0/24,175.45.178.0/24,175.45.179.0/24 10..600 total covered | space 0:4/4 10:4/4 600:4/4",
    );
    let other_origin = scenario
        .replace("parts,175.45.176.0/22 \"4837 131279\"", "parts \"4837 131279\"\nroute all 175.45.176.0/22 \"4837\"");
    check(&other_origin, "P 0..900", "outage P 10..600 total covered_other");
}

// T77
#[test]
fn a_default_route_or_a_very_short_network_covers_nothing() {
    let scenario = three_feeds(
        "route all 0.0.0.0/0,168.0.0.0/5 \"4837 131279\"
         at +10 all withdraw P
         at +600 all announce P",
    );
    check(&scenario, "P 0..900", "outage P 10..600 total withdrawn");
}

// T78
#[test]
fn overlapping_networks_of_an_as_count_their_space_once() {
    let scenario = three_feeds(
        "group parts = P 175.45.177.0/24 175.45.178.0/24 175.45.179.0/24
         route all parts,175.45.176.0/22 \"4837 131279\"
         at +10 all withdraw 175.45.176.0/22",
    );
    check(
        &scenario,
        "AS131279 0..900 show space",
        "outage 175.45.176.0/22 10..? total withdrawn right | space 0:4/4 10:4/4",
    );
}

// T81
#[test]
fn sessions_that_carry_ipv6_and_go_down_leave_ipv4_untouched() {
    let scenario = three_feeds(
        "peer a6 x AS1001 2001:db8::1
         peer b6 x AS1002 2001:db8::2
         peer c6 x AS1003 2001:db8::3
         table six 10 of 2001:db8:8000::/33 as /48 origins 64500 via 174 on a6,b6,c6
         route a6,b6,c6 2001:db8:4::/48 \"4837 131279\"
         at +10 a6,b6,c6 down",
    );
    check(
        &scenario,
        "P 2001:db8:4::/48 0..900 show R",
        "insufficient_data | unobserved 2001:db8:4::/48 10..900 | R 0:3/3 | R 0:3/3 10:0/0?",
    );
    check(
        &scenario.replace("down", "withdraw 2001:db8:4::/48"),
        "AS131279 0..900",
        "outage AS131279,2001:db8:4::/48 10..? total withdrawn right",
    );
}

// T82
#[test]
fn an_interval_with_fewer_live_ases_than_the_minimum_is_unobserved() {
    let scenario = feeds(10, "peers some = a b\nat +100 some down\nat +200 all withdraw P\nat +600 all announce P");
    check(
        &scenario,
        "P 0..900 min-peers 10 show R",
        "insufficient_data | unobserved P 100..900 | R 0:10/10 100:8/8? 200:0/8? 600:8/8?",
    );
    check(&scenario, "P 0..900 min-peers 8", "outage P 200..600 total withdrawn");
}

#[test]
fn an_interval_with_less_than_half_of_the_full_feeds_is_unobserved() {
    let scenario = feeds(5, "at +50 a,b,c down\nat +200 all withdraw P\nat +600 all announce P");
    check(&scenario, "P 0..900 show R", "insufficient_data | unobserved P 50..900 | R 0:5/5 50:2/2? 200:0/2? 600:2/2?");
}

// T84
#[test]
fn full_feeds_are_judged_by_their_time_and_the_preset_of_ioda_finds_none_in_small_tables() {
    let scenario = feeds(
        4,
        "peer small x AS1005 192.0.2.105
         table few 10 of 198.18.0.0/15 as /24 origins 64500 via 174 on small
         route small P \"4837 131279\"
         at +10 all withdraw P
         at +600 all announce P",
    );
    check(&scenario, "P 0..900 show V", "outage P 10..600 total withdrawn | V 0:4/4 10:0/4 600:4/4");
    check(&scenario, "P 0..900 metric-ioda", "insufficient_data | unobserved P 0..900 | never carried 1 of 1");
}

// T87
#[test]
fn a_day_of_flaps_does_not_empty_the_baseline() {
    // Up for 6 minutes of every 10. No feed has it in the last dump before the window, all have it in an earlier one.
    let scenario = hours_of_feeds(
        3,
        "+9000",
        "rib x +1200
         rib x +3420
         at +300 all withdraw P every 600 times 10
         at +540 all announce P every 600 times 9
         at +6000 all announce P
         at +6600 all withdraw P
         at +7800 all announce P
         at +8700 all withdraw P",
    );
    check(
        &scenario,
        "P 5400..9000 baseline 86400 show R",
        "outage P 5700..6000 total withdrawn | outage P 6600..7800 total withdrawn | \
         outage P 8700..? total withdrawn right | episode P 5700..9000: 3 outages 0 flaps | \
         R 5400:3/3 5700:0/3 6000:3/3 6600:0/3 7800:3/3 8700:0/3",
    );
    // The earlier dump is read without `--baseline`.
    check(
        &scenario,
        "P 5400..9000",
        "outage P 5700..6000 total withdrawn | outage P 6600..7800 total withdrawn | \
         outage P 8700..? total withdrawn right | episode P 5700..9000: 3 outages 0 flaps",
    );
}

#[test]
fn a_window_inside_an_outage_is_judged_by_a_dump_of_before_it() {
    let scenario = hours_of_feeds(
        12,
        "+12000",
        "peers rest = c p4 p5 p6 p7 p8 p9 p10 p11 p12
         rib x -840
         at +600 rest withdraw P
         rib x +3600
         rib x +7200
         at +9000 rest announce P",
    );
    // In the last dump before the window two stuck routes are left of twelve.
    let (_, report) = super::ask(&scenario, "P 7800..8700 min-peers 10");
    let found = super::answer(&scenario, "P 7800..8700 min-peers 10");
    let [outage] = report.findings.outages.as_slice() else { panic!("one outage: {found}") };
    assert_eq!((outage.counts.n_vantage_points_lost, outage.counts.n_vantage_points), (10, 12), "{found}");
    let looked_back = report.timelines[0].baseline.looked_back.expect("an older dump");
    assert_eq!(looked_back.n_dumps, 3);
    let page = outage_replay::report::table(&report, Style::default());
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("so 3 RIB dumps from before the window were searched, going back to "), "{page}");
    // Without that dump nothing shows whether two of twelve are the normal state.
    let without = scenario.replace("rib x -840\n", "");
    let found = super::answer(&without, "P 7800..8700 min-peers 10");
    assert_eq!(found, "insufficient_data | unobserved P 7800..8700");
}

#[test]
fn a_prefix_that_one_of_many_feeds_announces_for_the_first_time_was_not_lost_before() {
    let scenario =
        feeds(12, "").replace("route all P", "route all 198.51.100.0/24") + "at +300 a announce P \"4837 131279\"\n";
    let found = super::answer(&scenario, "P 0..900 min-peers 10");
    assert_eq!(found, "insufficient_data | unobserved P 0..900 | never carried 1 of 1");
}

// T88
#[test]
fn a_prefix_that_a_third_of_the_feeds_carry_is_judged_by_that_third() {
    let scenario = feeds(10, "at +10 a,b,c withdraw P\nat +600 a,b,c announce P");
    let scenario = scenario.replace("route all P", "route a,b,c P");
    check(
        &scenario,
        "P 0..900 show R V",
        "outage P 10..600 total withdrawn | R 0:3/3 10:0/3 600:3/3 | V 0:3/10 10:0/10 600:3/10",
    );
}

#[test]
fn a_feed_that_never_carried_the_prefix_does_not_answer_for_one_that_is_unknown() {
    check(
        "epoch 2014-12-22T08:00
         archive -900 .. +1800
         collector x riperis updates 300 states keepalives 60
         collector y riperis updates 300 states keepalives 60
         peer a x AS1001 192.0.2.1
         peer b x AS1002 192.0.2.2
         peer c y AS1001 198.51.100.1
         peer d y AS1002 198.51.100.2
         peer e y AS1003 198.51.100.3
         prefix P 175.45.176.0/24
         table rest 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on all
         route a,b,e P \"4837 131279\"
         rib x -900
         rib y -900
         skip x updates +300",
        "P 0..900 show R V",
        "insufficient_data | unobserved P 300..900 | x missing 300..900 | R 0:3/3 300:1/1? | V 0:3/3 300:1/3?",
    );
}
