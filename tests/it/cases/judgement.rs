//! The findings about an outage besides its edges: its upstreams, the agreement of collectors, the records that show it.

use outage_replay::detect::{Counterfactual, Outage};

use super::{check, epoch, hours_of_feeds, report, three_feeds};

/// The outages that a question finds.
fn outages(scenario: &str, question: &str) -> Vec<Outage> {
    report(scenario, question).findings.outages
}

/// The only outage, its ASes next to the origin with routes before and how many were lost, and the pattern.
fn upstreams(scenario: &str) -> String {
    let found = outages(scenario, "P -60..1500");
    let [outage] = &found[..] else { panic!("{} outages", found.len()) };
    let before: Vec<String> =
        outage.upstreams.before.iter().map(|up| format!("{} {}/{}", up.asn, up.n_lost, up.n_routes)).collect();
    format!("{} {}", before.join(" "), outage.upstreams.pattern.as_ref().map_or("unknown", |pattern| pattern.as_ref()))
}

/// Eight feeds, four through each of two ASes next to the origin.
fn through_two(more: &str) -> String {
    hours_of_feeds(
        8,
        "+1800",
        &format!(
            "peers left = a b c p4
             peers right = p5 p6 p7 p8
             route left P \"174 131279\"
             route right P \"3356 131279\"
             rib x -900
             {more}"
        ),
    )
}

#[test]
fn a_loss_through_every_upstream_at_once_looks_like_the_origin() {
    let scenario = through_two("at +0 all withdraw P\nat +600 all announce P");
    assert_eq!(upstreams(&scenario), "AS174 4/4 AS3356 4/4 origin_side");
}

#[test]
fn a_loss_through_one_upstream_alone_looks_like_that_one() {
    let scenario = through_two("peers most = a b c p4\nat +0 most withdraw P\nat +600 most announce P")
        .replace("peers left = a b c p4", "peers left = a b c p4 p5")
        .replace("peers right = p5 p6 p7 p8", "peers right = p6 p7 p8")
        .replace("peers most = a b c p4\n", "peers most = a b c p4 p5\n");
    assert_eq!(upstreams(&scenario), "AS174 5/5 AS3356 0/3 single_upstream");
    // With a single one there is nothing to compare it with.
    let scenario = three_feeds("at +0 all withdraw P\nat +600 all announce P");
    assert_eq!(upstreams(&scenario), "AS4837 3/3 single_upstream");
}

#[test]
fn a_loss_here_and_there_or_over_a_long_time_is_scattered() {
    let scenario = through_two("peers some = a b c p5 p6\nat +0 some withdraw P\nat +600 some announce P");
    assert_eq!(upstreams(&scenario), "AS174 3/4 AS3356 2/4 scattered");
    let scenario = through_two("at +0 all withdraw P spread 1200\nat +1300 all announce P");
    assert_eq!(upstreams(&scenario), "AS174 4/4 AS3356 4/4 scattered");
}

/// Ten feeds of the RIPE RIS collector x and five of y, with further options for y.
fn two_collectors(of_y: &str, more: &str) -> String {
    let mut peers = String::new();
    for number in 1..=10 {
        peers += &format!("peer x{number} x AS{} 192.0.2.{number}\n", 1000 + number);
    }
    for number in 1..=5 {
        peers += &format!("peer y{number} y AS{} 198.51.100.{number}\n", 2000 + number);
    }
    format!(
        "epoch 2014-12-22T08:00\narchive -1800 .. +3600
         collector x riperis updates 300 states keepalives 60
         collector y routeviews updates 900 states keepalives 60 {of_y}
         {peers}prefix P 175.45.176.0/24
         table rest 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on all
         route all P \"4837 131279\"
         rib x -900
         rib y -900
         {more}\n"
    )
}

// T83
#[test]
fn a_collector_with_a_wrong_clock_is_named_and_its_times_can_be_corrected() {
    let scenario = two_collectors("clock +120", "at +0 all withdraw P\nat +1200 all announce P");
    let report = report(&scenario, "P -300..3000");
    let skews: Vec<(&str, i64, usize, bool)> = report
        .coverage
        .collectors
        .iter()
        .map(|collector| {
            let skew = collector.skew.expect("edges at both collectors");
            (collector.collector.name(), skew.micros / 1_000_000, skew.n_events, skew.is_suspect())
        })
        .collect();
    assert_eq!(skews, [("x", 0, 2, false), ("y", 120, 2, true)]);
    let [outage] = &report.findings.outages[..] else { panic!("one outage") };
    for halves in &outage.agreement.collectors {
        let skew = report.coverage.collectors.iter().find(|collector| collector.collector == halves.of);
        let skew = skew.and_then(|collector| collector.skew).expect("a skew").micros;
        let corrected = halves.loss.expect("a loss").micros() - skew;
        assert!((corrected - epoch(&scenario).micros()).abs() <= 5_000_000, "{halves:?}");
    }
}

#[test]
fn an_outage_is_judged_again_without_each_collector() {
    let scenario = two_collectors("", "at +0 all withdraw P spread 60\nat +1200 all announce P");
    let found = outages(&scenario, "P -300..3000 min-peers 6");
    let [outage] = &found[..] else { panic!("{} outages", found.len()) };
    let without: Vec<(String, &str)> =
        outage.agreement.without.iter().map(|(who, otherwise)| (who.to_string(), otherwise.as_ref())).collect();
    // Without x five peers are left, fewer than were asked for.
    assert_eq!(without, [("x".to_owned(), "insufficient_data"), ("y".to_owned(), "outage")]);
    let (first, last) = outage.agreement.start_range().expect("a start without y");
    assert_eq!(first, last);
    assert!(first < outage.fall.start().expect("a start"), "the peers of x come first");
    // A run without it finds the same.
    let alone = outages(&scenario, "P -300..3000 min-peers 6 collector x");
    assert_eq!(alone[0].fall.start(), Some(first));
    assert!(alone[0].agreement.without.is_empty());
    assert_eq!(outage.agreement.projects.len(), 2);
}

// T84
#[test]
fn the_rule_of_ioda_reports_that_no_table_is_large_enough() {
    let found = outages(&three_feeds("at +0 all withdraw P\nat +600 all announce P"), "P -60..900");
    assert_eq!(found[0].agreement.ioda, Some(Counterfactual::NoFullFeed));
}

#[test]
fn every_edge_names_the_records_that_made_it() {
    let scenario = three_feeds("at +0 all withdraw P spread 40\nat +600 all announce P spread 40\nrib x +300");
    let report = report(&scenario, "P -60..900");
    let outage = &report.findings.outages[0];
    let shown = |witnesses: &[outage_replay::detect::Witness]| -> Vec<String> {
        let shown = witnesses.iter().map(|witness| {
            let (evidence, record) = witness.provenance.expect("a cause");
            let record = record.expect("a record");
            let peer = report.replays[witness.collector.get()].peer(witness.peer).asn;
            let file = report.files[record.file.get()].name.rsplit('/').next().unwrap_or_default();
            let seconds = witness.at.micros_since(epoch(&scenario)) / 1_000_000;
            format!("{peer} {} +{seconds} {}", evidence.name(), &file[..21])
        });
        shown.collect()
    };
    assert_eq!(
        shown(&outage.evidence.losses),
        [
            "AS1001 withdraw +0 updates.20141222.0800",
            "AS1002 withdraw +20 updates.20141222.0800",
            "AS1003 withdraw +40 updates.20141222.0800"
        ]
    );
    assert_eq!(
        shown(&outage.evidence.returns),
        [
            "AS1001 announce +600 updates.20141222.0810",
            "AS1002 announce +620 updates.20141222.0810",
            "AS1003 announce +640 updates.20141222.0810"
        ]
    );
    let [dump] = &outage.evidence.dumps[..] else { panic!("one dump") };
    assert_eq!((dump.n_full_feeds, dump.holding.len(), dump.confirms), (3, 0, true));
    assert_eq!(outage.id, "175.45.176.0/24-20141222T080020Z");
}

#[test]
fn a_session_that_closes_at_the_edge_is_no_witness() {
    let scenario = three_feeds("at +0 a,b withdraw P\nat +1 c down\nat +600 a,b announce P");
    check(&scenario, "P -60..900", "outage P 0..600 total withdrawn");
    let found = outages(&scenario, "P -60..900");
    assert_eq!(found[0].evidence.losses.len(), 2);
}
