//! Events: which outages of prefixes began and ended together and share an AS.

use outage_replay::detect::Event;

use super::{report, three_feeds};

/// `AS64500 2 prefixes 512: 10..600`: what each event shares, its prefixes, its space and its window.
fn events(scenario: &str, question: &str) -> Vec<String> {
    let epoch = super::epoch(scenario);
    let report = report(scenario, question);
    let of_event = |event: &Event| {
        let shared = event.shared.map_or("-".to_owned(), |shared| {
            format!("{} {} of {}", shared.role.as_ref(), shared.asn, shared.n_prefixes)
        });
        let at = |time: Option<outage_replay::time::Timestamp>| {
            time.map_or("?".to_owned(), |time| (time.micros_since(epoch) / 1_000_000).to_string())
        };
        let prefixes: Vec<String> = event.prefixes.iter().map(ToString::to_string).collect();
        format!("{shared}: {} {}..{} x {}", prefixes.join(","), at(event.start()), at(event.end()), event.space)
    };
    report.findings.events.iter().map(of_event).collect()
}

const NETWORKS: &str = "prefix Q 198.51.100.0/23
     prefix R 203.0.113.0/24
     prefix S 192.0.2.0/24
     route all Q \"4837 131279\"
     route all R \"4837 64510\"
     route a,b S \"174 64511\"
     route c S \"3356 64511\"";

#[test]
fn prefixes_with_one_origin_or_behind_one_upstream_are_one_event_if_they_are_lost_together() {
    let scenario = three_feeds(&format!(
        "{NETWORKS}
         at +10 all withdraw P,Q
         at +40 all withdraw R
         at +50 all withdraw S
         at +600 all announce P,Q,R,S",
    ));
    assert_eq!(
        events(&scenario, "0.0.0.0/0 0..900"),
        [
            "upstream AS4837 of 3: 175.45.176.0/24,198.51.100.0/23,203.0.113.0/24 10..600 x 4",
            "origin AS64511 of 1: 192.0.2.0/24 50..600 x 1",
        ]
    );
}

#[test]
fn outages_that_begin_or_end_at_other_times_are_other_events() {
    let scenario = three_feeds(&format!(
        "{NETWORKS}
         at +10 all withdraw P
         at +140 all withdraw Q
         at +300 all withdraw R
         at +600 all announce P,Q",
    ));
    assert_eq!(
        events(&scenario, "0.0.0.0/0 0..900"),
        [
            "origin AS131279 of 1: 198.51.100.0/23 140..600 x 2",
            "origin AS64510 of 1: 203.0.113.0/24 300..? x 1",
            "origin AS131279 of 1: 175.45.176.0/24 10..600 x 1",
        ]
    );
}

#[test]
fn outages_of_a_prefix_one_after_another_are_events_of_their_own() {
    let scenario = three_feeds(
        "at +10 all withdraw P
         at +200 all announce P
         at +500 all withdraw P
         at +800 all announce P",
    );
    assert_eq!(
        events(&scenario, "P 0..900"),
        ["origin AS131279 of 1: 175.45.176.0/24 500..800 x 1", "origin AS131279 of 1: 175.45.176.0/24 10..200 x 1"]
    );
}

#[test]
fn a_vantage_point_stands_under_every_upstream_through_which_it_reached_the_prefixes_of_an_outage() {
    let scenario = three_feeds(
        "prefix Q 175.45.178.0/24
         route all Q \"174 131279\"
         at +10 all withdraw P,Q
         at +600 all announce P,Q",
    );
    let page = outage_replay::report::html(&report(&scenario, "AS131279 0..900"));
    // Three vantage points under each, at the loss and at the return.
    for upstream in ["AS4837", "AS174"] {
        let group =
            page.find(&format!("<th scope=\"row\">{upstream}</th>")).unwrap_or_else(|| panic!("{upstream}: {page}"));
        let row = &page[group..group + page[group..].find("</tr>").expect("a row")];
        assert_eq!(row.matches("circle class=\"dot\"").count(), 6, "{row}");
    }
    assert!(page.contains("via AS174, AS4837") && page.contains("is under each of them"), "{page}");
}
