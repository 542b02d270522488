//! When a fall is an outage, where its edges are, and how it is classified.

use super::{check, feeds, hours_of_feeds, report, three_feeds};

// T63
#[test]
fn short_drops_are_flaps_of_one_episode() {
    let scenario = three_feeds("at +0 all withdraw P every 100 times 6\nat +40 all announce P every 100 times 6");
    check(&scenario, "P -300..900", "no_outage | episode P 0..540: 0 outages 6 flaps");
}

// T64
#[test]
fn a_short_return_is_part_of_the_outage_and_a_longer_one_divides_it() {
    let hour = 3600;
    let scenario = |returns: i64| {
        let (back, again) = (9 * hour, 9 * hour + returns);
        hours_of_feeds(
            3,
            "+37800",
            &format!(
                "rib x -900
                 at +0 all withdraw P
                 at +{back} all announce P
                 at +{again} all withdraw P
                 at +{} all announce P",
                again + 1200
            ),
        )
    };
    check(&scenario(90), "P -60..37800", "outage P 0..33690 total withdrawn merged 2");
    check(
        &scenario(300),
        "P -60..37800",
        "outage P 0..32400 total withdrawn | outage P 32700..33900 total withdrawn | episode P 0..33900: 2 outages 0 flaps",
    );
}

// T66
#[test]
fn a_share_that_oscillates_about_one_half_is_one_outage() {
    // 9 and 11 of 20.
    let scenario = feeds(
        20,
        "peers out = a b c p4 p5 p6 p7 p8 p9
         peers edge = p10 p11
         at +0 out withdraw P
         at +10 edge withdraw P every 60 times 10
         at +40 edge announce P every 60 times 10
         at +900 out announce P",
    );
    check(&scenario, "P -60..1200", "outage P 10..900 partial withdrawn min 0.45 survivors 9 zombies 0");
}

// T67
#[test]
fn a_slow_loss_has_separate_first_half_and_last_times() {
    let scenario = feeds(40, "at +0 all withdraw P spread 180\nat +900 all announce P");
    check(
        &scenario.replace("keepalives 60", "keepalives 60 et"),
        "P -60..1200 show edges",
        "outage P 92.307692..900 total withdrawn loss 0 92.307692 161.538461 180 recovery 900 900 900 900",
    );
}

// T68
#[test]
fn a_loss_at_one_of_forty_feeds_is_local() {
    let scenario = hours_of_feeds(40, "+34200", "rib x -900\nat +0 p7 withdraw P\nat +32400 p7 announce P");
    check(
        &scenario.replace("keepalives 60", "keepalives 240"),
        "P -60..33900",
        "no_outage | loss P 0..32400 local min 0.97 by AS1007",
    );
}

/// `n` feeds of which the last four keep P for nine hours, by `path`; the first one is of AS1001.
fn kept_by_four(n: usize, path: &str) -> String {
    let others = n - 4;
    let scenario = hours_of_feeds(
        n,
        "+34200",
        &format!(
            "peers kept = p{} p{} p{} p{n}
             route kept P \"{path}\"
             rib x -900
             at +0 all,-kept withdraw P
             at +32400 all,-kept announce P",
            others + 1,
            others + 2,
            others + 3
        ),
    );
    scenario.replace("keepalives 60", "keepalives 240")
}

// T70, T03
#[test]
fn routes_kept_through_an_as_that_lost_the_prefix_itself_are_stuck() {
    let scenario = kept_by_four(40, "1001 4837 131279");
    check(&scenario, "P -60..33900", "outage P 0..32400 total withdrawn min 0.10 survivors 4 zombies 4");
    // An AS that repeats its announcement still has the route.
    check(
        &format!("{scenario}at +60 p40 announce P\n"),
        "P -60..33900",
        "outage P 0..32400 partial withdrawn min 0.10 survivors 4 zombies 3",
    );
}

// T71
#[test]
fn routes_kept_by_a_coherent_path_make_a_partial_outage() {
    let scenario = kept_by_four(36, "4837 131279");
    check(&scenario, "P -60..33900", "outage P 0..32400 partial withdrawn min 0.11 survivors 4 zombies 0");
}

// T72
#[test]
fn a_prefix_that_no_dump_before_its_announcement_lists_is_new_and_not_lost() {
    let scenario =
        three_feeds("at -1 all withdraw P").replace("archive -900", "archive -1800").replace("at -1 ", "at -1000 ");
    let scenario = format!("{scenario}at +300 all announce P\nrib x +1500\n");
    check(&scenario, "P 0..900", "insufficient_data | unobserved P 0..300");
}

#[test]
fn data_after_the_window_distinguish_an_outage_at_its_end_from_a_flap() {
    check(&three_feeds("at +850 all withdraw P"), "P 0..900", "outage P 850..? total withdrawn right");
    let flap = three_feeds("at +850 all withdraw P\nat +930 all announce P");
    check(&flap, "P 0..900", "no_outage | episode P 850..900: 0 outages 1 flaps");
    let outage = three_feeds("at +850 all withdraw P\nat +1100 all announce P");
    check(&outage, "P 0..900", "outage P 850..1100 total withdrawn ended_after_to");
    // A fall that begins after the window is not reported.
    check(&three_feeds("at +950 all withdraw P"), "P 0..900", "no_outage");
}

#[test]
fn the_id_of_an_outage_is_the_same_through_any_window_that_shows_its_start() {
    let scenario = three_feeds("at +100 all withdraw P\nat +700 all announce P");
    let id = |question: &str| super::report(&scenario, question).findings.outages[0].id.clone();
    assert_eq!(id("P 0..900"), "175.45.176.0/24-20141222T080140Z");
    assert_eq!(id("P 200..300"), id("P 0..900"));
}

// T73
#[test]
fn an_outage_that_began_before_the_window_has_its_true_start() {
    let scenario = three_feeds("at -200 all withdraw P\nat +300 all announce P");
    check(&scenario, "P 0..900", "outage P -200..300 total withdrawn began_before_from");
}

// T74
#[test]
fn an_outage_that_outlasts_the_window_has_no_end() {
    check(&three_feeds("at +300 all withdraw P"), "P 0..900", "outage P 300..? total withdrawn right");
}

// T75
#[test]
fn a_prefix_that_only_a_dump_after_the_window_lists_is_not_judged_inside_it() {
    let scenario = three_feeds("at -1000 all withdraw P\nat +1200 all announce P\nrib x +1500");
    check(&scenario.replace("archive -900", "archive -1800"), "P 0..900", "insufficient_data | unobserved P 0..900");
}

// T79
#[test]
fn a_prefix_that_moves_to_another_origin_is_lost_to_the_first() {
    let scenario = three_feeds(
        "at +10 a announce P \"4837\"
         at +12 b announce P \"4837\"
         at +14 c announce P \"4837\"
         at +600 all announce P \"4837 131279\"",
    );
    check(&scenario, "AS131279 0..900 show V", "outage AS131279 12..600 total origin_changed | V 0:3/3");
}

// T80
#[test]
fn another_origin_in_its_place_does_not_end_the_outage_of_an_as() {
    let scenario = three_feeds(
        "at +0 all withdraw P
         at +600 all announce P \"4755\"
         at +1200 all announce P \"4837 131279\"",
    );
    check(
        &scenario,
        "AS131279 -60..1500 show V",
        "outage AS131279 0..1200 total withdrawn | outage P 0..600 total withdrawn | V -60:3/3 0:0/3 600:3/3",
    );
}

// T89
#[test]
fn a_feed_that_withdraws_its_whole_table_is_a_local_loss() {
    check(
        &feeds(10, "at +10 a withdraw everything\nat +600 a announce everything"),
        "P 0..900",
        "no_outage | loss P 10..600 local min 0.90 by AS1001",
    );
}

// T90
#[test]
fn networks_announced_for_a_while_are_transient_and_no_outage() {
    let scenario = three_feeds(
        "table parts 16 of 175.45.176.0/24 as /28 origins 131279 via 4837 on a
         at +100 all announce parts \"4837 131279\"
         at +600 all withdraw parts",
    );
    let scenario = scenario.replace("table parts 16 of 175.45.176.0/24 as /28 origins 131279 via 4837 on a\n", "");
    let parts: Vec<String> = (0..16).map(|index| format!("175.45.176.{}/28", index * 16)).collect();
    check(
        &scenario.replace("parts", &parts.join(",")),
        "AS131279 0..900 show space",
        "no_outage | never carried 16 of 17 | space 0:1/1",
    );
}

/// A run on the archive of December 2014 that this repository ships.
pub(super) fn december_2014(targets: &[&str], from: &str, to: &str) -> outage_replay::Report {
    use outage_replay::catalog::Mirror;
    use outage_replay::query::{Query, RibChoice, Target};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let window = outage_replay::time::Window::new(from.parse().expect("a time"), to.parse().expect("a time"));
    let targets = targets.iter().map(|asn| Target::Asn(asn.parse().expect("an AS"))).collect();
    let query = Query { ribs: RibChoice::All, ..Query::new(targets, window.expect("a window")) };
    let mirror = Mirror::open(&folder).expect("the shipped archive");
    outage_replay::run(&query, &mirror, &outage_replay::Options::default(), &()).expect("a report")
}

// T65
#[test]
fn the_outage_of_december_2014_is_separate_from_the_flaps_before_it() {
    let report = december_2014(&["131279"], "2014-12-22T12:00", "2014-12-23T20:00");
    let of_the_as = report.findings.outages.iter().filter(|outage| outage.subject.prefix.is_none());
    let found: Vec<String> = of_the_as
        .map(|outage| {
            let start = outage.fall.start().expect("a start").to_string();
            format!("{} {} {}", &start[8..19], outage.fall.duration().as_secs(), outage.severity.as_ref())
        })
        .collect();
    assert_eq!(
        found[found.len() - 3..],
        ["22T16:15:00 34260 total", "23T07:56:00 480 total", "23T15:41:00 1860 total"]
    );
    let before: Vec<&str> = found[..found.len() - 3].iter().map(|outage| &outage[3..8]).collect();
    assert_eq!(before, ["13:02", "14:37", "15:29", "15:52", "16:01"]);
    let flaps =
        report.findings.episodes.iter().filter(|episode| episode.subject.prefix.is_none()).flat_map(|e| &e.flaps);
    let flaps: Vec<String> = flaps.map(|flap| flap.window.start.to_string()[11..19].to_owned()).collect();
    assert_eq!(flaps, ["12:22:00", "15:16:00"]);
}

// T85
#[test]
fn stable_networks_have_no_outage_and_no_correction() {
    let report = december_2014(&["64500", "64501", "65540"], "2014-12-22T12:00", "2014-12-23T12:00");
    assert_eq!(report.answer().name(), "no_outage");
    assert_eq!(report.findings, outage_replay::detect::Findings::default());
    for collector in &report.coverage.collectors {
        assert_eq!(collector.missed_announcements + collector.missed_withdrawals, 0, "{collector:?}");
    }
}

#[test]
fn a_gap_is_never_an_outage_of_a_stable_network() {
    let found = report(&three_feeds("skip x updates +300"), "P 0..900");
    assert!(found.findings.outages.is_empty() && found.findings.losses.is_empty());
}
