//! Real archives, where a copy is at hand.
//!
//! `OUTAGE_REPLAY_MRT` names a folder with `archive/`, files in the publishers' own layout, and `expected/`, the
//! outages that an independent and much simpler reader finds in them. The archives are not ours and stay outside the
//! repository: without the variable these tests print that they are skipped, and pass.

mod derived;
mod injected;
mod lists;
mod odd;
mod records;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use outage_replay::archive::DumpKind;
use outage_replay::bgp::{Asn, Collector, Family};
use outage_replay::catalog::Mirror;
use outage_replay::coverage::{GapReason, Verdict};
use outage_replay::detect::{Censoring, Class, Evidence, Findings, Quality, Scope, Severity};
use outage_replay::query::{Match, Query, RibChoice, Sufficiency, Target};
use outage_replay::report::{Answer, Style};
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::{BaselineCarrier, PeerState, SessionSpan, Timeline};
use outage_replay::{Options, Outage, Report, run};

/// The 50 files of rrc06 of 2021-01-02: three full feeds per family, no RIB dump, one dead peer.
const RRC06: (&str, &str) = ("rrc06", "2021-01-02T05:05 2021-01-02T09:15");
/// Eight hours of route-views2 of 2002-01-01, named in US Pacific time.
const RV2: (&str, &str) = ("route-views2", "2002-01-01T08:30 2002-01-01T16:30");
/// The one RIB dump that updates follow at once.
const JINX: (&str, &str) = ("route-views.jinx", "2014-05-01T00:00:20 2014-05-01T00:15");

/// The folder of real archives. None if there is none; then one line states that these tests are skipped.
fn folder() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let folder = std::env::var_os("OUTAGE_REPLAY_MRT");
    if folder.is_none() {
        // Not `eprintln!`, which the test harness keeps to itself.
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "real: skipped, OUTAGE_REPLAY_MRT does not name a folder of archives");
        });
    }
    folder.map(PathBuf::from)
}

/// Answers `targets` over a collector and window of `archive`.
fn replay(archive: &Path, place: (&str, &str), targets: Vec<Target>, options: &Options) -> Report {
    replay_with(RibChoice::default(), archive, place, targets, options)
}

fn replay_with(
    ribs: RibChoice,
    archive: &Path,
    (collector, window): (&str, &str),
    targets: Vec<Target>,
    options: &Options,
) -> Report {
    let (from, to) = window.split_once(' ').expect("two times");
    let between = Window::new(at(from), at(to)).expect("a window");
    let query = Query { collectors: vec![Collector::new(collector)], ribs, ..Query::new(targets, between) };
    let mirror = Mirror::open(archive).expect("an archive");
    run(&query, &mirror, options, &()).unwrap_or_else(|error| panic!("{collector} {window}: {error}"))
}

fn at_least(min_peers: usize) -> Options {
    let mut options = Options::default();
    options.criteria.sufficiency.min_peers = min_peers;
    options
}

/// Answers targets such as `AS24757 196.188.0.0/16` over the real archive, if there is one.
fn ask(scene: (&str, &str), text: &str, min_peers: usize) -> Option<Report> {
    Some(replay(&folder()?.join("archive"), scene, targets(text), &at_least(min_peers)))
}

fn targets(text: &str) -> Vec<Target> {
    let target = |word: &str| match word.parse() {
        Ok(prefix) => Target::Prefix(prefix, Match::Exact),
        Err(_) => Target::Asn(word.parse().expect("an AS number or a prefix")),
    };
    text.split_whitespace().map(target).collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn of(report: &Report, scope: Scope, family: Family) -> Vec<&Outage> {
    report.findings.outages.iter().filter(|o| o.subject.scope == scope && o.subject.family == family).collect()
}

/// Fails unless `time` lies in `range`, both ends included: `07:02:41 07:03:42` on the day of the report's window.
#[track_caller]
fn check_within(report: &Report, time: Option<Timestamp>, range: &str) {
    let day = report.parameters.window().start.to_string();
    let (first, last) = range.split_once(' ').expect("two times");
    let [first, last] = [first, last].map(|clock| at(&format!("{}T{clock}Z", &day[..10])));
    assert!(
        time.is_some_and(|time| first <= time && time <= last),
        "{} not in {range}",
        time.map_or("nothing".to_owned(), |time| time.to_string())
    );
}

#[test]
fn ethiopia_is_lost_once_for_ten_minutes() {
    let Some(report) = ask(RRC06, "AS24757", 2) else { return };
    assert_eq!(of(&report, Scope::Asn, Family::V6), Vec::<&Outage>::new());
    let [outage] = of(&report, Scope::Asn, Family::V4)[..] else { panic!("{:#?}", report.findings.outages) };
    check_within(&report, outage.fall.start(), "07:02:41 07:03:42");
    check_within(&report, outage.fall.end(), "07:12:58 07:13:30");
    assert_eq!(outage.severity, Severity::Total);
    let prefixes = of(&report, Scope::Prefix, Family::V4);
    // Four have a less-specific prefix of the same network, which is lost a little later and covers nothing.
    assert_eq!(prefixes.iter().filter(|o| o.class == Class::Unknown).count(), 38);
    assert_eq!(prefixes.len(), 38);
    for prefix in prefixes {
        check_within(&report, prefix.fall.start(), "07:02:12 07:03:42");
        check_within(&report, prefix.fall.end(), "07:12:58 07:13:30");
        assert!(outage.prefixes.contains(&prefix.prefixes[0]), "{:?}", prefix.prefixes);
    }
}

#[test]
fn beacons_are_withdrawn_at_six_and_return_at_eight_in_both_families() {
    let Some(report) = ask(RRC06, "AS12654", 2) else { return };
    // Two more are withdrawn three times an hour, for three minutes.
    const FREQUENT: [&str; 2] = ["84.205.66.0/24", "2001:7fb:ff02::/48"];
    for (family, n_beacons) in [(Family::V4, 15), (Family::V6, 16)] {
        let [of_asn] = of(&report, Scope::Asn, family)[..] else { panic!("{:#?}", report.findings.outages) };
        let prefixes = of(&report, Scope::Prefix, family);
        let is_frequent =
            |o: &Outage| o.subject.prefix.is_some_and(|prefix| FREQUENT.contains(&prefix.to_string().as_str()));
        let (frequent, beacons): (Vec<_>, Vec<_>) = prefixes.into_iter().partition(|o| is_frequent(o));
        assert_eq!((frequent.len(), beacons.len()), (12, n_beacons), "{family:?}");
        for outage in beacons.into_iter().chain([of_asn]) {
            check_within(&report, outage.fall.start(), "06:00:00 06:10:00");
            check_within(&report, outage.fall.end(), "08:00:02 08:00:45");
            assert_eq!((outage.class, &outage.survivors), (Class::Unknown, &vec![]), "{:?}", outage.subject.prefix);
        }
    }
}

#[test]
fn flaps_every_half_hour_are_one_episode_of_outages() {
    let Some(report) = ask(RRC06, "AS28573", 2) else { return };
    let outages = of(&report, Scope::Asn, Family::V6);
    let episodes: Vec<_> =
        report.findings.episodes.iter().filter(|episode| episode.subject.scope == Scope::Asn).collect();
    let [episode] = episodes[..] else { panic!("{episodes:#?}") };
    // Withdrawn every 29 minutes. Of 40 prefixes enough are back for less than two minutes each time, so that it is one outage
    // of seven parts; six more were tried by one peer for seconds, and are no part of the AS.
    assert_eq!((episode.n_outages, episode.flaps.len()), (1, 0));
    let [outage] = outages[..] else { panic!("{outages:#?}") };
    assert_eq!((outage.episode, outage.fall.end()), (episode.number, None));
    let clocks = |time: fn(&Window) -> Timestamp| {
        let times = outage.fall.parts.iter().map(|part| time(part).to_string()[11..19].to_owned());
        times.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(clocks(|part| part.start), "05:08:39 05:36:41 06:05:38 06:34:15 07:02:47 07:33:32 08:00:41");
    assert_eq!(clocks(|part| part.end), "05:35:27 06:05:34 06:33:39 07:02:16 07:31:53 08:00:30 09:15:00");
}

/// Beacons of RIPE RIS are withdrawn and announced again every two hours.
#[test]
fn every_planned_withdrawal_and_return_of_the_beacons_of_2008_is_found() {
    const DAY: (&str, &str) = ("route-views2", "2008-02-19T00:30 2008-02-20T00:00");
    const BEACONS: [u8; 10] = [67, 68, 69, 71, 74, 75, 76, 77, 78, 79];
    let names = BEACONS.map(|number| format!("84.205.{number}.0/24"));
    let Some(report) = ask(DAY, &names.join(" "), 5) else { return };
    // No state records, pauses of two minutes every two hours, and messages that the collector cut.
    assert_eq!(report.coverage.gaps, []);
    assert_eq!(report.files.iter().map(|file| file.n_damaged).sum::<u64>(), 55);
    assert!(report.files.iter().all(|file| matches!(file.verdict, Verdict::Ok | Verdict::Damaged)));
    assert_eq!(report.findings.outages.len(), 6 * names.len());
    for (index, name) in names.iter().enumerate() {
        let outages: Vec<&Outage> = report
            .findings
            .outages
            .iter()
            .filter(|o| o.subject.prefix.is_some_and(|p| p.to_string() == *name))
            .collect();
        for (outage, hour) in outages.iter().zip([2, 6, 10, 14, 18, 22]) {
            // One of them is hunted for by longer and longer paths.
            let minute = if (index, hour) == (0, 2) { 20 } else { 5 };
            check_within(&report, outage.fall.start(), &format!("{hour:02}:00:00 {hour:02}:{minute:02}:00"));
            match outage.fall.recovery {
                // The last return is after midnight, and known from after the window.
                Some(_) if hour == 22 => assert_eq!(outage.fall.censored, [Censoring::EndedAfterTo]),
                Some(recovery) => {
                    let hour = hour + 2;
                    check_within(&report, Some(recovery.first), &format!("{hour:02}:00:00 {hour:02}:01:00"));
                    check_within(&report, outage.fall.end(), &format!("{hour:02}:00:00 {hour:02}:01:20"));
                }
                None => assert_eq!((hour, &outage.fall.censored[..]), (22, &[Censoring::Right][..])),
            }
        }
        assert_eq!(outages.len(), 6, "{name}");
    }
}

#[test]
fn files_named_in_pacific_time_show_an_outage_in_utc() {
    let Some(report) = ask(RV2, "AS9942", 5) else { return };
    let [outage] = of(&report, Scope::Asn, Family::V4)[..] else { panic!("{:#?}", report.findings.outages) };
    check_within(&report, outage.fall.start(), "10:35:57 10:35:57");
    check_within(&report, outage.fall.loss.half, "10:35:57 10:35:57");
    check_within(&report, outage.fall.end(), "11:30:00 11:30:50");
    let prefixes = of(&report, Scope::Prefix, Family::V4);
    assert_eq!(prefixes.len(), 57);
    // Some are lost a minute before the others; the AS as a whole reaches its lowest share only as it returns.
    let last_loss = prefixes.iter().map(|outage| outage.fall.loss.last).max();
    check_within(&report, last_loss, "10:38:05 10:38:05");
}

#[test]
fn sixteen_prefixes_of_a_full_table_are_lost_for_four_minutes() {
    let Some(report) = ask(JINX, "AS58332", 1) else { return };
    assert_eq!((of(&report, Scope::Asn, Family::V4).len(), of(&report, Scope::Prefix, Family::V4).len()), (1, 16));
    for outage in &report.findings.outages {
        check_within(&report, outage.fall.start(), "00:09:53 00:09:53");
        check_within(&report, outage.fall.end(), "00:13:53 00:13:53");
        assert_eq!((outage.severity, outage.quality), (Severity::Total, Quality::High));
    }
}

/// ASes with prefixes that are announced repeatedly and never withdrawn.
#[test]
fn stable_networks_have_no_outage() {
    for (scene, asn, min_peers, n_prefixes, answer) in [
        (RRC06, "AS9051", 2, 173, Answer::InsufficientData),
        (RRC06, "AS42003", 2, 6, Answer::InsufficientData),
        (RV2, "AS2871", 5, 3, Answer::InsufficientData),
        (JINX, "AS44244", 1, 62, Answer::NoOutage),
    ] {
        let Some(report) = ask(scene, asn, min_peers) else { return };
        assert_eq!(report.findings.outages, [], "{asn}");
        assert_eq!(report.findings.losses, [], "{asn}");
        assert_eq!(report.summaries[0].n_prefixes, n_prefixes, "{asn}");
        // Without RIB dumps no vantage point is known to hold a prefix before the first announcements: the first
        // interval is unknown.
        assert_eq!(report.answer(), answer, "{asn}");
        assert!(
            report.summaries[0].unobserved.iter().all(|window| window.start == report.parameters.window().start),
            "{asn}"
        );
    }
}

#[test]
fn a_peer_that_only_fails_to_connect_changes_nothing() {
    const TARGETS: &str = "AS24757 AS12654 AS28573 AS9051";
    let Some(folder) = folder() else { return };
    let Some(report) = ask(RRC06, TARGETS, 2) else { return };
    // Its 221 records are the only state changes: no other session ever closes, so no outage begins with one.
    let closed = report.sessions().filter(|span| span.state == PeerState::Down);
    let closed: BTreeSet<Asn> = closed.map(|span| span.vantage_point.peer.asn).collect();
    assert_eq!(closed, BTreeSet::from([DEAD_PEER]));
    let dead = |span: &SessionSpan| span.vantage_point.peer.asn == DEAD_PEER;
    assert!(report.sessions().filter(dead).all(|span| span.state != PeerState::Up));
    assert!(report.spans().all(|span| span.vantage_point.peer.asn != DEAD_PEER));
    assert_eq!(report.coverage.n_peer_asns, [3, 3], "AS42 and AS3856 only send keepalives");

    let mirror = tempfile::tempdir().expect("a temporary folder");
    let month = mirror.path().join("rrc06/2021.01");
    std::fs::create_dir_all(&month).expect("a folder");
    let mut n_left_out = 0;
    for file in std::fs::read_dir(folder.join("archive/rrc06/2021.01")).expect("files") {
        let path = file.expect("a file").path();
        let (content, n) = without_dead_peer(&std::fs::read(&path).expect("a file"));
        n_left_out += n;
        std::fs::write(month.join(path.file_stem().expect("a name")), content).expect("a copy");
    }
    assert_eq!(n_left_out, 221);
    let without = replay(mirror.path(), RRC06, targets(TARGETS), &at_least(2));
    // Records have other numbers in other files.
    let without_records = |findings: &Findings| {
        let mut findings = findings.clone();
        findings.outages.iter_mut().for_each(|outage| outage.evidence = Evidence::default());
        findings
    };
    assert_eq!(without_records(&without.findings), without_records(&report.findings));
    // Without it, the other vantage points have other indices.
    let by_name = |report: &Report| {
        let view = report.view();
        let name = |carrier: &BaselineCarrier| (view.vantage_point(carrier.vantage_point).clone(), carrier.since);
        let named = |timeline: &Timeline| timeline.baseline.carriers.iter().map(name).collect::<Vec<_>>();
        report.timelines.iter().map(|timeline| (timeline.clone(), named(timeline))).collect::<Vec<_>>()
    };
    let (of_others, of_all) = (by_name(&without), by_name(&report));
    assert_eq!(of_others.len(), of_all.len());
    for ((found, found_carriers), (expected, carriers)) in of_others.iter().zip(&of_all) {
        assert_eq!((found.prefix, &found.steps, found_carriers), (expected.prefix, &expected.steps, carriers));
    }
}

const DEAD_PEER: Asn = Asn(17697);

/// The records of a gzip file but for those of the dead peer, and how many those were.
fn without_dead_peer(stored: &[u8]) -> (Vec<u8>, usize) {
    let mut content = Vec::new();
    flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut content).expect("gzip");
    let (mut kept, mut n_left_out, mut rest) = (Vec::new(), 0, &content[..]);
    while !rest.is_empty() {
        // Time, type, subtype, length; then the AS of the peer, of two octets in the state changes of this archive.
        let length = 12 + u32::from_be_bytes(rest[8..12].try_into().expect("four bytes")) as usize;
        let (record, after) = rest.split_at(length);
        let is_state_change = record[4..8] == [0, 16, 0, 0];
        match is_state_change && u32::from(u16::from_be_bytes([record[12], record[13]])) == DEAD_PEER.0 {
            true => n_left_out += 1,
            false => kept.extend_from_slice(record),
        }
        rest = after;
    }
    (kept, n_left_out)
}

#[test]
fn three_peers_are_not_enough_by_default() {
    let Some(report) = ask(RRC06, "AS24757", Sufficiency::default().min_peers) else { return };
    assert_eq!((report.answer(), report.is_sufficient()), (Answer::InsufficientData, false));
    let page = outage_replay::report::table(&report, Style::default());
    assert!(page.contains("only 3 peer ASes of the 10 required: --min-peers 3"), "{page}");
}

#[test]
fn a_hole_in_the_archive_is_stated_and_never_an_outage() {
    // A RIB dump of 22:00, and no updates before 23:45.
    let hole = ("route-views.jinx", "2014-05-30T22:15 2014-05-30T23:59:30");
    let Some(report) = ask(hole, "AS44244 AS12654 AS37106", 1) else { return };
    let gaps = |report: &Report| -> Vec<String> {
        report
            .coverage
            .gaps
            .iter()
            .map(|gap| format!("{} {} {}", gap.reason, gap.window.start, gap.window.end))
            .collect()
    };
    assert_eq!(gaps(&report), ["missing 2014-05-30T22:00:00Z 2014-05-30T23:45:00Z"]);
    // The dump shows its own minute, and the updates after the hole show none of the tables.
    let rows = &report.coverage.rows;
    assert_eq!(
        rows.iter().map(|row| (row.window, row.reason)).collect::<Vec<_>>(),
        [(report.parameters.window(), Some(GapReason::Missing))]
    );
    assert_eq!(report.findings.outages, []);
    assert_eq!(report.answer(), Answer::InsufficientData);

    let missing_file = ("rrc15", "2010-02-27T16:00 2010-02-27T16:15");
    let Some(report) = ask(missing_file, "AS12654 AS3549", 1) else { return };
    assert_eq!(gaps(&report), ["missing 2010-02-27T16:05:00Z 2010-02-27T16:10:00Z"]);
    // A beacon withdrawn at 16:00, as planned: what became of it in the gap is not known.
    let [beacon] = &report.findings.outages[..] else { panic!("{:#?}", report.findings.outages) };
    assert_eq!(beacon.subject.prefix, "84.205.79.0/24".parse().ok());
    check_within(&report, beacon.fall.start(), "16:00:18 16:00:18");
    check_within(&report, beacon.fall.end_bounds.earliest, "16:05:00 16:05:00");
    assert_eq!((beacon.fall.end_bounds.latest, &beacon.fall.censored[..]), (None, &[Censoring::GapEnd][..]));
}
