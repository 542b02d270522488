//! Properties of every archive: the order of files and threads does not matter, a replay agrees with a naive model,
//! and shares are between 0 and 1.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use outage_replay::archive::ArchiveFile;
use outage_replay::bgp::Prefix;
use outage_replay::catalog::{Catalog, Mirror};
use outage_replay::observations;
use outage_replay::pipeline::{collect, judge};
use outage_replay::query::{Match, Metric, Query, RibChoice, Target};
use outage_replay::report::{self, Export, Report};
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::{PeerState, RouteState};
use outage_replay::{Error, Options, run};
use proptest::prelude::*;

use crate::scenario;

const EPOCH: &str = "2014-12-22T08:00";
/// End of the window and of the random histories, in seconds after the epoch.
const END: i64 = 2400;
/// A RIB dump in the middle.
const RIB: i64 = 1200;
const PREFIXES: [&str; 3] = ["175.45.176.0/24", "175.45.177.0/24", "175.45.176.0/22"];
const PATHS: [&str; 2] = ["4837 131279", "3356 4837 131279"];

// Random histories

/// Something that a peer does, at a second after the epoch.
#[derive(Clone, Debug)]
enum Deed {
    Announce { prefix: usize, path: usize },
    Withdraw { prefix: usize },
    Down,
    Up { transfer: i64, ends_with_end_of_rib: bool },
}

/// What peers of two collectors do; the first hold every prefix whose bit is set, at the start.
#[derive(Clone, Debug)]
struct Story {
    /// Collector and prefixes held at the start, per peer.
    peers: Vec<(usize, u8)>,
    deeds: Vec<(i64, usize, Deed)>,
}

fn story() -> impl Strategy<Value = Story> {
    let peers = prop::collection::vec((0..2usize, 0..8u8), 3..6);
    peers.prop_flat_map(|peers| {
        let deed = prop_oneof![
            4 => (0..3usize, 0..2usize).prop_map(|(prefix, path)| Deed::Announce { prefix, path }),
            4 => (0..3usize).prop_map(|prefix| Deed::Withdraw { prefix }),
            1 => Just(Deed::Down),
            1 => (0..60i64, any::<bool>())
                .prop_map(|(transfer, ends_with_end_of_rib)| Deed::Up { transfer, ends_with_end_of_rib }),
        ];
        let second = prop_oneof![9 => 0..END, 1 => RIB - 1..RIB + 2];
        let deeds = prop::collection::vec((second, 0..peers.len(), deed), 0..40);
        deeds.prop_map(move |mut deeds| {
            deeds.sort_by_key(|(at, ..)| *at);
            Story { peers: peers.clone(), deeds }
        })
    })
}

/// Peers of each collector to which nothing happens.
const N_STILL: usize = 4;

impl Story {
    fn scenario(&self) -> String {
        let mut text = format!(
            "epoch {EPOCH}\narchive -900 .. +2700\ncollector x riperis updates 300 states keepalives 60\n\
             collector y routeviews updates 900 states keepalives 60\n"
        );
        for (peer, (collector, _)) in self.peers.iter().enumerate() {
            let collector = ["x", "y"][*collector];
            writeln!(text, "peer p{peer} {collector} AS{} 192.0.2.{}", 1001 + peer, 1 + peer).expect("memory");
        }
        // Most peers of both collectors never fall silent: a dump that lists only a minority of them would be rejected.
        for still in 0..N_STILL {
            let (asn, host) = (2001 + still, 101 + still);
            writeln!(text, "peer x{still} x AS{asn} 192.0.2.{host}").expect("memory");
            writeln!(text, "peer y{still} y AS{} 198.51.100.{host}", asn + 100).expect("memory");
        }
        text += "table rest 20 of 198.18.0.0/15 as /24 origins 64500 via 174\nrib x -900\nrib y -900\nrib x +1200\nrib y +1200\n";
        for (peer, (_, held)) in self.peers.iter().enumerate() {
            for (index, prefix) in PREFIXES.iter().enumerate().filter(|(index, _)| held >> index & 1 != 0) {
                writeln!(text, "route p{peer} {prefix} \"{}\"", PATHS[index % 2]).expect("memory");
            }
        }
        for (at, peer, deed) in &self.deeds {
            let what = match deed {
                Deed::Announce { prefix, path } => format!("announce {} \"{}\"", PREFIXES[*prefix], PATHS[*path]),
                Deed::Withdraw { prefix } => format!("withdraw {}", PREFIXES[*prefix]),
                Deed::Down => "down".to_owned(),
                Deed::Up { transfer, ends_with_end_of_rib: true } => format!("up transfer {transfer}"),
                Deed::Up { transfer, .. } => format!("up transfer {transfer} no-end-of-rib"),
            };
            writeln!(text, "at +{at} p{peer} {what}").expect("memory");
        }
        text
    }

    /// Every second at which anything may change, and those around it.
    fn moments(&self) -> BTreeSet<i64> {
        let changes = self.deeds.iter().flat_map(|(at, _, deed)| match deed {
            Deed::Up { transfer, .. } => vec![*at, at + transfer, at + 900],
            _ => vec![*at],
        });
        let around = changes.chain([0, RIB]).flat_map(|at| [at - 1, at, at + 1]);
        around.filter(|at| (0..END).contains(at)).collect()
    }
}

fn at(seconds: i64) -> Timestamp {
    let epoch: Timestamp = EPOCH.parse().expect("a time");
    Timestamp::from_secs(epoch.secs() + seconds)
}

fn query(start: Timestamp, end: Timestamp, targets: Vec<Target>) -> Query {
    let window = Window::new(start, end).expect("a window");
    Query { ribs: RibChoice::All, ..Query::new(targets, window) }
}

fn every_prefix() -> Vec<Target> {
    PREFIXES.iter().map(|prefix| Target::Prefix(prefix.parse().expect("a prefix"), Match::Exact)).collect()
}

fn options(jobs: usize) -> Options {
    let mut options = Options { jobs, ..Options::default() };
    options.criteria.sufficiency.min_peers = 1;
    options
}

// The naive model

/// What is known about a prefix at a vantage point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Present,
    Absent,
    Unknown,
}

/// The state of one peer after reading its messages one after the other, up to and including `now`.
fn told_by_the_model(story: &Story, peer: usize, prefix: usize, now: i64) -> Told {
    let is_held_at_start = story.peers[peer].1 >> prefix & 1 != 0;
    let (mut is_held, mut is_up) = (is_held_at_start, true);
    // The session that is up: when its table is complete, and whether anything was said about the prefix in it.
    let (mut known_from, mut is_complete, mut is_named) = (-900, true, false);
    for (at, who, deed) in &story.deeds {
        if *who != peer || *at > now {
            continue;
        }
        match deed {
            Deed::Announce { prefix: named, .. } if *named == prefix => (is_held, is_named) = (true, true),
            Deed::Withdraw { prefix: named } if *named == prefix => (is_held, is_named) = (false, true),
            Deed::Announce { .. } | Deed::Withdraw { .. } => {}
            Deed::Down => is_up = false,
            Deed::Up { transfer, ends_with_end_of_rib } => {
                is_up = true;
                // Without an End-of-RIB the table is taken for sent after a quarter of an hour.
                known_from = at + if *ends_with_end_of_rib { *transfer } else { 900 };
                is_complete = *ends_with_end_of_rib;
                // The transfer names what the peer holds.
                is_named = is_held;
            }
        }
    }
    // A RIB dump shows the whole table of a session that is up, and nothing about one that is being set up.
    is_complete |= now >= RIB && known_from < RIB;
    match (is_up && now >= known_from, is_held) {
        (true, true) => Told::Present,
        (true, false) if is_complete || is_named => Told::Absent,
        _ => Told::Unknown,
    }
}

/// The same according to the report.
fn told_by_the_report(report: &Report, peer: usize, prefix: usize, now: Timestamp) -> Told {
    let asn = 1001 + peer as u32;
    let prefix: Prefix = PREFIXES[prefix].parse().expect("a prefix");
    let session = report.sessions().find(|span| {
        span.vantage_point.peer.asn.0 == asn && span.family == prefix.family() && span.window.contains(now)
    });
    if session.map(|span| span.state) != Some(PeerState::Up) {
        return Told::Unknown;
    }
    let route = report
        .spans()
        .find(|span| span.vantage_point.peer.asn.0 == asn && span.prefix == prefix && span.window.contains(now));
    match route.map(|span| span.state) {
        Some(RouteState::Present(_)) => Told::Present,
        Some(RouteState::Absent) => Told::Absent,
        Some(RouteState::Unknown) => Told::Unknown,
        None => Told::Absent,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_agrees_with_a_naive_model(story in story()) {
        let folder = scenario::folder(&story.scenario());
        let mirror = Mirror::open(folder.path()).expect("an archive");
        let report = run(&query(at(0), at(END), every_prefix()), &mirror, &options(1), &()).expect("a report");
        for (prefix, timeline) in report.timelines.iter().map(|timeline| {
            (PREFIXES.iter().position(|name| *name == timeline.prefix.to_string()).expect("a target"), timeline)
        }) {
            for now in story.moments() {
                let (mut n_visible, mut n_live) = (0, 2 * N_STILL as u32);
                for peer in 0..story.peers.len() {
                    let expected = told_by_the_model(&story, peer, prefix, now);
                    let found = told_by_the_report(&report, peer, prefix, at(now));
                    // After a table transfer without an end silence stays unknown: the report names no span then.
                    if expected != Told::Unknown || found == Told::Present {
                        prop_assert_eq!(found, expected, "AS{} {} +{}", 1001 + peer, PREFIXES[prefix], now);
                    }
                    n_visible += u32::from(expected == Told::Present);
                    n_live += u32::from(expected != Told::Unknown);
                }
                let step = timeline.steps.at(at(now)).expect("a step");
                prop_assert_eq!((step.n_visible, step.n_live), (n_visible, n_live), "{} +{}", PREFIXES[prefix], now);
            }
        }
    }

    #[test]
    fn shares_are_shares(story in story()) {
        let folder = scenario::folder(&story.scenario());
        let mirror = Mirror::open(folder.path()).expect("an archive");
        let mut targets = every_prefix();
        targets.push(Target::Asn("131279".parse().expect("an AS")));
        let report = run(&query(at(0), at(END), targets), &mirror, &options(2), &()).expect("a report");
        assert_shares(&report);
    }

    #[test]
    fn an_as_shows_what_its_prefixes_show(story in story(), jobs in 1..4usize) {
        // The second path is of another origin: only some peers, dumps or updates reveal that a prefix is of the AS.
        let folder = scenario::folder(&story.scenario().replace("3356 4837 131279", "3356 64999"));
        let mirror = Mirror::open(folder.path()).expect("an archive");
        let asn = "131279".parse().expect("an AS");
        let asns = [asn].into_iter().collect();
        let answers = [vec![], every_prefix()].map(|mut targets| {
            targets.push(Target::Asn(asn));
            run(&query(at(0), at(END), targets), &mirror, &options(jobs), &()).expect("a report")
        });
        let [by_asn, by_prefix] = &answers;
        for (found, expected) in by_asn.replays.iter().zip(&by_prefix.replays) {
            prop_assert_eq!(found.originated_by(&asns), expected.originated_by(&asns));
            prop_assert_eq!(&found.sessions, &expected.sessions);
        }
        let own = by_asn.replays.iter().flat_map(|replay| replay.originated_by(&asns));
        let own: BTreeSet<Prefix> = own.map(|(_, prefix)| prefix).collect();
        let matters = |prefix: &Prefix| own.iter().any(|own| prefix.contains(own));
        for (found, expected) in by_asn.replays.iter().zip(&by_prefix.replays) {
            let [found_routes, expected_routes] =
                [found, expected].map(|replay| replay.routes.iter().filter(|span| matters(&span.prefix)));
            prop_assert!(found_routes.eq(expected_routes), "{:?}\n{:?}", found.routes, expected.routes);
            for (found, expected) in found.tables.iter().zip(&expected.tables) {
                let [found, expected] =
                    [found, expected].map(|table| table.holders.iter().filter(|(prefix, _)| matters(prefix)));
                prop_assert!(found.eq(expected));
            }
        }
    }

    #[test]
    fn neither_threads_nor_the_order_of_the_listing_change_the_result(story in story(), seed in any::<u64>()) {
        let folder = scenario::folder(&story.scenario());
        let mut targets = every_prefix();
        targets.push(Target::Asn("131279".parse().expect("an AS")));
        assert_same_result(folder.path(), &query(at(0), at(END), targets), seed);
    }

    #[test]
    fn an_earlier_run_judged_again_equals_a_fresh_one(story in story(), other in 0..other_options().len()) {
        let folder = scenario::folder(&story.scenario());
        let mut targets = every_prefix();
        targets.push(Target::Asn("131279".parse().expect("an AS")));
        assert_same_judgement(folder.path(), &query(at(0), at(END), targets), &other_options()[other..=other]);
    }
}

// An earlier run judged again

/// Flags that a user might try on an earlier run.
fn other_options() -> Vec<Options> {
    let with = |change: fn(&mut Options)| {
        let mut options = options(2);
        change(&mut options);
        options
    };
    vec![
        with(|_| {}),
        with(|options| options.criteria.thresholds.down_below = 0.3),
        with(|options| (options.criteria.thresholds.down_below, options.criteria.thresholds.up_at) = (0.9, 1.0)),
        with(|options| options.criteria.thresholds.min_duration = Duration::from_millis(1500)),
        with(|options| options.criteria.thresholds.merge_gap = Duration::from_secs(900)),
        with(|options| options.criteria.thresholds.episode_gap = Duration::ZERO),
        with(|options| options.criteria.thresholds.degraded_below = 0.5),
        with(|options| options.criteria.sufficiency.min_peers = 9),
        with(|options| options.criteria.sufficiency.min_coverage = 0.9),
        with(|options| options.criteria.metric = Metric::Ioda),
    ]
}

/// Every file of a folder, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut contents: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("a file")))
        .collect();
    contents.sort();
    contents
}

/// A run that was written, read back and judged by other options equals a run with these from the beginning.
fn assert_same_judgement(archive: &Path, query: &Query, others: &[Options]) {
    let mirror = Mirror::open(archive).expect("an archive");
    let out = tempfile::TempDir::new().expect("a temporary folder");
    let (earlier, again, fresh) = (out.path().join("earlier"), out.path().join("again"), out.path().join("fresh"));
    let everything = ["csv", "parquet"].map(|name| Export::named(name).expect("an export"));
    let first = run(query, &mirror, &options(1), &()).expect("a report");
    report::write(&first, &earlier, &everything, false).expect("a folder");
    for options in others {
        let read = observations::read(&earlier).expect("an earlier run");
        let judged = judge(read, options).expect("a report");
        let expected = run(query, &mirror, options, &()).expect("a report");
        for (found, expected) in written(&judged).iter().zip(&written(&expected)) {
            assert_eq!(found, expected, "{options:?}");
        }
        report::write(&judged, &again, &everything, true).expect("a folder");
        report::write(&expected, &fresh, &everything, true).expect("a folder");
        let (again, fresh) = (contents(&again), contents(&fresh));
        let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&again), names(&fresh));
        for ((name, again), (_, fresh)) in again.iter().zip(&fresh) {
            assert!(again == fresh, "{name} with {options:?}");
        }
    }
}

/// Observations that were written and read, without a report of them ever being made, are judged like those that were not.
fn assert_observations_survive(archive: &Path, query: &Query) {
    let mirror = Mirror::open(archive).expect("an archive");
    let collected = collect(query, &mirror, 1, &()).expect("observations");
    let out = tempfile::TempDir::new().expect("a temporary folder");
    let [stored, twice, direct, reread] = ["stored", "twice", "direct", "reread"].map(|name| out.path().join(name));
    observations::write(&collected, &stored).expect("a folder");
    let read = observations::read(&stored).expect("observations");
    observations::write(&read, &twice).expect("a folder");
    assert!(contents(&stored) == contents(&twice));
    assert!(report::read_criteria(&stored).expect("a manifest").is_none());
    let everything: Vec<&Export> = report::EXPORTS.iter().collect();
    for (observations, folder) in [(collected, &direct), (read, &reread)] {
        let report = judge(observations, &options(1)).expect("a report");
        report::write(&report, folder, &everything, false).expect("a folder");
    }
    let (direct, reread) = (contents(&direct), contents(&reread));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&direct), names(&reread));
    for ((name, direct), (_, reread)) in direct.iter().zip(&reread) {
        assert!(direct == reread, "{name}");
    }
}

#[test]
fn observations_written_without_a_report_are_judged_like_the_collected_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let target = Target::Asn("131279".parse().expect("an AS"));
    let window = ["2014-12-22T15:00", "2014-12-22T18:00"].map(|time| time.parse().expect("a time"));
    assert_observations_survive(&folder, &query(window[0], window[1], vec![target]));
}

#[test]
fn the_run_of_december_2014_judged_again_equals_a_fresh_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let target = Target::Asn("131279".parse().expect("an AS"));
    let window = ["2014-12-22T15:00", "2014-12-22T18:00"].map(|time| time.parse().expect("a time"));
    assert_same_judgement(&folder, &query(window[0], window[1], vec![target]), &other_options());
}

pub fn assert_shares(report: &Report) {
    for timeline in &report.timelines {
        for step in timeline.steps.values() {
            assert!(step.n_visible <= step.n_live, "{step:?}");
            assert!(step.n_baseline_visible <= step.n_baseline_live && step.n_baseline_live <= step.n_live, "{step:?}");
            assert!(step.n_vantage_points_visible <= step.n_vantage_points, "{step:?}");
            assert!(step.n_live <= step.n_vantage_points, "{step:?}");
            for share in [step.visibility(), step.baseline_share()].into_iter().flatten() {
                assert!((0.0..=1.0).contains(&share), "{step:?}");
            }
        }
        for (window, step) in timeline.steps.intervals() {
            assert!(window.start < window.end, "{window:?} {step:?}");
        }
    }
    for step in report.networks().flat_map(|space| space.steps.values()) {
        assert!(step.space_up <= step.space && step.n_prefixes_up <= step.n_prefixes, "{step:?}");
    }
}

// The same inputs give the same bytes

/// A mirror that lists every file twice and in no order.
struct Shuffled {
    mirror: Mirror,
    seed: u64,
}

impl Catalog for Shuffled {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let once = self.mirror.list(query)?;
        let mut files: Vec<(u64, ArchiveFile)> = Vec::new();
        let mut state = self.seed;
        for file in once.iter().chain(&once) {
            // xorshift64*
            state = (state | 1) ^ (state << 13);
            state ^= state >> 7;
            state ^= state << 17;
            files.push((state.wrapping_mul(0x2545_f491_4f6c_dd1d), file.clone()));
        }
        files.sort();
        Ok(files.into_iter().map(|(_, file)| file).collect())
    }

    fn notes(&self, file: &ArchiveFile) -> Vec<String> {
        self.mirror.notes(file)
    }
}

/// Everything that is written of a run.
pub fn written(report: &Report) -> Vec<String> {
    let document = serde_json::to_string_pretty(&report::document(report)).expect("a document");
    let short = [
        report::outage_frame(&report.findings.outages),
        report::flap_frame(&report.findings.episodes),
        report::episode_frame(&report.findings.episodes),
        report::loss_frame(&report.findings.losses),
        report::target_frame(report),
        report::coverage_frame(report),
        observations::peer_frame(&report.replays),
        observations::rib_table_frame(&report.replays, &report.files),
    ];
    let long = [
        report::timeline_frames(report),
        report::evidence_frames(report),
        observations::span_frames(&report.replays, &report.files),
        observations::rib_entry_frames(&report.replays, &report.files),
    ];
    let frames = short.into_iter().chain(long.into_iter().flatten()).map(|frame| frame.expect("a frame"));
    let files = serde_json::to_string(&report.files).expect("a manifest");
    let mut written = vec![document, files];
    written.extend(frames.map(|frame| rows(&frame)));
    written
}

/// Every value of a frame.
fn rows(frame: &polars::prelude::DataFrame) -> String {
    let columns = frame.columns().iter().map(|column| {
        let values: Vec<String> = (0..column.len()).map(|row| format!("{:?}", column.get(row))).collect();
        format!("{}: {}", column.name(), values.join(","))
    });
    columns.collect::<Vec<_>>().join("\n")
}

fn assert_same_result(folder: &Path, query: &Query, seed: u64) {
    let mirror = Mirror::open(folder).expect("an archive");
    let expected = written(&run(query, &mirror, &options(1), &()).expect("a report"));
    let shuffled = Shuffled { mirror: Mirror::open(folder).expect("an archive"), seed };
    for jobs in [1, 2, 16] {
        let catalogs: [&dyn Catalog; 2] = [&mirror, &shuffled];
        for catalog in catalogs {
            let found = written(&run(query, catalog, &options(jobs), &()).expect("a report"));
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found, expected, "with {jobs} threads, listing {seed}");
            }
        }
    }
}

// T12, T13
#[test]
fn neither_threads_nor_the_order_of_the_listing_change_the_result_of_december_2014() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let target = Target::Asn("131279".parse().expect("an AS"));
    let window = ["2014-12-22T15:00", "2014-12-22T18:00"].map(|time| time.parse().expect("a time"));
    assert_same_result(&folder, &query(window[0], window[1], vec![target]), 2014);
    let mirror = Mirror::open(&folder).expect("an archive");
    let report = run(&query(window[0], window[1], vec![target]), &mirror, &options(2), &()).expect("a report");
    assert_shares(&report);
    let collectors: BTreeSet<_> = report.coverage.collectors.iter().map(|coverage| &coverage.collector).collect();
    assert_eq!(collectors.len(), 3);
}
