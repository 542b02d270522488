//! The published facts about North Korea's disappearance in December 2014, one by one, on the shipped reconstruction.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bgpkit_parser::{BgpElem, BgpkitParser};
use outage_replay::bgp::Asn;
use outage_replay::decode;
use outage_replay::detect::{Outage, Scope, Severity};
use outage_replay::helpers::Helpers;
use outage_replay::time::Timestamp;

use super::outages::december_2014;

/// Whether an edge lies within this many minutes of a published time.
fn is_near(at: Option<Timestamp>, published: &str, minutes: i64) -> bool {
    let published: Timestamp = published.parse().expect("a time");
    at.is_some_and(|at| at.micros_since(published).abs() <= minutes * 60_000_000)
}

#[test]
fn what_was_published_of_december_2014_is_found() {
    let report = december_2014(&["131279"], "2014-12-22T12:00", "2014-12-23T20:00");
    assert_eq!(report.timelines.len(), 4, "four networks");
    let of_the_as: Vec<&Outage> = report.findings.outages.iter().filter(|o| o.subject.scope == Scope::Asn).collect();
    let find = |start: &str, end: &str, minutes: i64| {
        let near = |o: &&&Outage| is_near(o.fall.start(), start, minutes) && is_near(o.fall.end(), end, minutes);
        of_the_as.iter().find(near).unwrap_or_else(|| panic!("no outage from {start} to {end}"))
    };
    let main = find("2014-12-22T16:15", "2014-12-23T01:46", 5);
    assert_eq!(main.severity, Severity::Total);
    assert!((main.fall.duration().as_secs() as i64 - 34_260).abs() <= 360, "9 h 31 min within 6 min");
    find("2014-12-23T15:41", "2014-12-23T16:12", 5);
    let just_before_eight = |o: &&&Outage| is_near(o.fall.start(), "2014-12-23T08:00", 10);
    assert!(of_the_as.iter().any(|o| just_before_eight(&o)), "another one just before 08:00");

    // The flaps before it belong to its episode, not to it.
    assert_eq!(main.fall.parts.len(), 1);
    let episode = report.findings.episodes.iter().find(|e| e.subject.scope == Scope::Asn && e.number == main.episode);
    let episode = episode.expect("its episode");
    assert!(episode.n_outages > 1 && !episode.flaps.is_empty());
    assert!(episode.window.start < main.fall.start().expect("a start"));

    // The only transit, and an origin that does not fit into the two octets of half of the sessions.
    assert_eq!(main.upstreams.before.iter().map(|up| up.asn).collect::<Vec<_>>(), [Asn(4837)]);
    assert_eq!(main.upstreams.after.iter().map(|up| up.asn).collect::<Vec<_>>(), [Asn(4837)]);
    let origins: BTreeSet<Option<Asn>> = report
        .spans()
        .filter_map(|span| match span.state {
            outage_replay::visibility::RouteState::Present(path) => path.map(|path| path.origin()),
            _ => None,
        })
        .collect();
    assert_eq!(origins, BTreeSet::from([Some(Asn(131279))]));
}

#[test]
fn no_rib_dump_during_it_lists_the_networks_but_at_stuck_peers() {
    let report = december_2014(&["131279"], "2014-12-22T12:00", "2014-12-23T20:00");
    let is_main = |o: &&Outage| o.subject.scope == Scope::Prefix && is_near(o.fall.start(), "2014-12-22T16:15", 5);
    let main: Vec<&Outage> = report.findings.outages.iter().filter(is_main).collect();
    assert_eq!(main.len(), 4);
    for outage in main {
        let stuck: BTreeSet<Asn> = outage.survivors.iter().filter(|s| s.zombie).map(|s| s.peer_asn).collect();
        let mut dumps = BTreeSet::new();
        for dump in &outage.evidence.dumps {
            assert!(dump.holding.iter().all(|asn| stuck.contains(asn)), "{dump:?}");
            dumps.insert(report.files[dump.file.get()].name.rsplit('/').next().unwrap_or_default().to_owned());
        }
        for expected in [
            "rib.20141222.1800.bz2",
            "rib.20141222.2000.bz2",
            "rib.20141222.2200.bz2",
            "rib.20141223.0000.bz2",
            "bview.20141223.0000.gz",
        ] {
            assert!(dumps.contains(expected), "{expected} is not among {dumps:?}");
        }
    }
}

#[test]
fn the_rib_dump_after_it_shows_routes_as_old_as_the_recovery() {
    let name = "data/dprk-2014/route-views2/bgpdata/2014.12/RIBS/rib.20141223.0200.bz2";
    let file = File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("the shipped archive");
    let mut content = Vec::new();
    decode::content(file, &Helpers::new()).read_to_end(&mut content).expect("a whole file");
    // The program does not use the originated times of RIB entries; bgpkit-parser returns them.
    let routes = BgpkitParser::from_reader(&content[..]).into_iter();
    let is_of_the_as = |route: &BgpElem| {
        let is_prefix = route.prefix.prefix.to_string() == "175.45.176.0/24";
        is_prefix && route.origin_asns.iter().flatten().any(|origin| origin.to_u32() == 131279)
    };
    let changed: Vec<Timestamp> =
        routes.filter(is_of_the_as).map(|route| Timestamp::from_secs(route.timestamp as i64)).collect();
    let recent = changed.iter().filter(|at| is_near(Some(**at), "2014-12-23T01:46", 3)).count();
    assert!(recent * 10 >= changed.len() * 8 && recent > 5, "{recent} of {}: {changed:?}", changed.len());
}
