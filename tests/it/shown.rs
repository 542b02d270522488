//! Every form of the report states what limits its findings: lost messages, iBGP, flaps, time that was not judged,
//! networks that were never announced, and the source of the data.

use std::path::Path;
use std::time::Duration;

use outage_replay::archive::DumpKind;
use outage_replay::catalog::Mirror;
use outage_replay::coverage::{Gap, GapReason};
use outage_replay::detect::{Flap, Scope};
use outage_replay::observations::{self, Observations};
use outage_replay::pipeline::{Sources, collect, judge};
use outage_replay::query::{Query, Target};
use outage_replay::replay::{Doubt, DoubtReason, PeerId};
use outage_replay::report::{self, Export, Report, Style};
use outage_replay::time::{Timestamp, Window};
use outage_replay::{Options, run};

use crate::cli::{self, json, prints, words};

const FLAP: &str = "--asn 131279 --from 2014-12-21T21:00 --to 2014-12-21T22:00 --archive data/dprk-2014";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// AS131279 in the shipped archive.
fn question(from: &str, to: &str) -> (Query, Mirror) {
    let targets = vec![Target::Asn("131279".parse().expect("an AS"))];
    let window = Window::new(at(from), at(to)).expect("a window");
    let query = Query::new(targets, window);
    let archive = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/dprk-2014"));
    (query, Mirror::open(archive).expect("an archive"))
}

/// What the archive would have shown, had messages of `rrc00` been cut, a router been silent, and two sessions been iBGP.
fn doubtful() -> Observations {
    let (query, mirror) = question("2014-12-22T16:00", "2014-12-22T16:40");
    let mut observations = collect(&query, &mirror, 2, &()).expect("observations");
    let replay = observations.replays.iter_mut().find(|replay| replay.collector.name() == "rrc00").expect("rrc00");
    let doubt = |start: &str, end: Timestamp, peer, reason| Doubt {
        window: Window::new(at(start), end).expect("a window"),
        peer: Some(PeerId::new(peer)),
        reason,
    };
    let lost = |time: &str, peer| doubt(time, at(time) + Duration::from_micros(1), peer, DoubtReason::LostMessage);
    replay.doubts = vec![
        lost("2014-12-22T16:05:07", 0),
        lost("2014-12-22T16:15:00", 1),
        doubt("2014-12-22T16:20:00", at("2014-12-22T16:30:00"), 2, DoubtReason::Silence),
        lost("2014-12-22T16:25:40", 0),
    ];
    replay.is_internal[0] = true;
    replay.is_internal[1] = true;
    replay.corrections.late_records = 14;
    let file =
        observations.files.iter_mut().find(|file| file.collector.name() == "rrc00" && file.kind == DumpKind::Updates);
    file.expect("an update file").n_unsupported = 24;
    observations
}

fn judged(observations: Observations) -> Report {
    judge(observations, &Options { jobs: 2, ..Options::default() }).expect("a report")
}

/// Every form that people read, by its name; without line breaks.
fn pages(report: &Report) -> Vec<(&'static str, String)> {
    vec![
        ("table", words(&report::table(report, Style::default()))),
        ("markdown", words(&report::markdown(report, false))),
        ("html", words(&report::html(report))),
    ]
}

fn document(report: &Report) -> serde_json::Value {
    serde_json::to_value(report::document(report)).expect("JSON")
}

#[test]
fn doubts_are_in_every_output() {
    let report = judged(doubtful());
    let n_peers = report.replays.iter().find(|replay| replay.collector.name() == "rrc00").expect("rrc00").peers.len();
    let all: usize = report.replays.iter().map(|replay| replay.peers.len()).sum();
    for (form, page) in pages(&report) {
        for sentence in [
            "rrc00: 3 messages from 2 vantage points could not be read in full, 2014-12-22 16:05:07 to 16:25:40; what they \
             may have changed counts as unknown",
            "rrc00: 1 vantage point fell silent while others went on, 2014-12-22 16:20:00 to 16:30:00; unknown from the \
             last message on (10 min)",
            "14 records have times that cannot be right",
            "24 records are of kinds that are not read: routes in them are not known",
            &format!("rrc00: 2 of {n_peers} vantage points are iBGP sessions of the collector's own AS"),
            &format!(
                "2 of {all} vantage points are iBGP sessions of the collector's own AS: they show what that network \
                 selected, not independent views."
            ),
        ] {
            assert!(page.contains(sentence), "{form}: '{sentence}' is not in\n{page}");
        }
    }
    let document = document(&report);
    let collectors = document["coverage"]["collectors"].as_array().expect("collectors");
    let rrc00 = collectors.iter().find(|row| row["collector"] == "rrc00").expect("rrc00");
    assert_eq!((&rrc00["n_internal"], &rrc00["unsupported_records"]), (&2.into(), &24.into()));
    let expected = serde_json::json!([
        { "reason": "lost_message", "n": 3, "n_vantage_points": 2, "seconds": null,
          "first": "2014-12-22T16:05:07Z", "last": "2014-12-22T16:25:40Z" },
        { "reason": "silence", "n": 1, "n_vantage_points": 1, "seconds": 600,
          "first": "2014-12-22T16:20:00Z", "last": "2014-12-22T16:30:00Z" },
    ]);
    assert_eq!(rrc00["doubts"], expected);
    assert!(document["coverage"]["not_known"].to_string().contains("iBGP"));
}

/// Writes a report, and what its files hold.
fn written(report: &Report, folder: &Path) -> cli::Files {
    let exports = ["csv", "parquet", "html", "svg"].map(|name| Export::named(name).expect("an export"));
    report::write(report, folder, &exports, true).expect("a folder");
    cli::contents(folder)
}

#[test]
fn doubts_and_ibgp_survive_a_written_run() {
    let out = cli::folder();
    let run = out.path().join("run");
    let report = judged(doubtful());
    let files = written(&report, &run);
    let csv = String::from_utf8_lossy(&files["coverage.csv"]);
    let of_peer = csv.lines().find(|line| line.contains("lost_message")).expect("a row");
    assert!(of_peer.starts_with("rrc00,2014-12-22T16:05:07Z,2014-12-22T16:25:40Z,doubtful,lost_message,"), "{of_peer}");
    assert!(of_peer.contains("2 messages from AS"), "{of_peer}");

    let again = observations::read(&run).expect("the run");
    for (before, after) in report.replays.iter().zip(&again.replays) {
        assert_eq!((&before.doubts, &before.is_internal), (&after.doubts, &after.is_internal));
    }
    assert!(written(&judged(again), &out.path().join("again")) == files);
}

#[test]
fn a_silent_archive_is_a_gap_with_that_name() {
    let mut observations = doubtful();
    let window = Window::new(at("2014-12-22T16:30:02"), at("2014-12-22T16:37:01")).expect("a window");
    observations.gaps.push(Gap {
        collector: observations.replays[0].collector.clone(),
        window,
        reason: GapReason::Silent,
        detail: "no record from 16:30:02 to 16:37:01".to_owned(),
    });
    let report = judged(observations);
    let collector = &report.replays[0].collector;
    // Unknown until the next RIB dump, and there is none in the window.
    let expected =
        format!("{collector} unknown 2014-12-22 16:30:02 to 16:40:00: silent (no record from 16:30:02 to 16:37:01)");
    for (form, page) in pages(&report).into_iter().filter(|(form, _)| *form != "html") {
        assert!(page.contains(&expected), "{form}: {page}");
    }
}

#[test]
fn a_total_flap_is_part_of_every_answer() {
    let flap = "no outage of 2 min or more from 2014-12-21 21:00:00 to 22:00:00 UTC; 1 flap of 1 min 19 s, 2014-12-21 \
                21:16:59 to 21:18:18 UTC (all of its address space).";
    let verdict = "no outage of 2 min or more, but 1 total flap";
    let table = words(&prints(0, FLAP));
    assert!(table.contains(&format!("Verdict: {verdict} AS131279: {flap}")), "{table}");
    assert!(table.contains("AS131279 IPv4 1 0 12-21 21:16:59 to 21:18:18"), "{table}");
    assert!(words(&prints(0, &format!("{FLAP} --format markdown"))).contains(flap));
    let document = json(FLAP);
    assert_eq!((&document["answer"], &document["verdict"]), (&"no_outage".into(), &verdict.into()));
    assert!(document["coverage"]["targets"][0]["headline"].as_str().is_some_and(|headline| headline.contains(flap)));
    let stderr = cli::ran(&mut cli::program(&format!("{FLAP} --format csv"))).stderr;
    assert!(stderr.ends_with(&format!("\nverdict: {verdict}\n")), "{stderr}");
    let out = cli::folder();
    prints(0, &format!("{FLAP} --quiet --export html,svg --output {}", out.path().join("run").display()));
    let files = cli::contents(&out.path().join("run"));
    for name in ["report.html", "timeline.svg"] {
        let text = String::from_utf8_lossy(&files[name]);
        assert!(text.contains("1 flap of 1") && text.contains("no outage of 2"), "{name}");
    }
    assert!(String::from_utf8_lossy(&files["report.html"]).contains("of 2 min or more, but 1 total flap"));
}

#[test]
fn a_network_that_was_never_announced_is_reported_as_not_announced() {
    let window = "--from 2014-12-21T21:00 --to 2014-12-21T22:00 --archive data/dprk-2014";
    for (target, name, what) in
        [("--asn 131297", "AS131297", "number"), ("--prefix 8.8.8.0/24", "8.8.8.0/24", "prefix")]
    {
        let page = words(&prints(3, &format!("{target} {window}")));
        let expected = format!(
            "Verdict: not announced {name}: not announced in any of 15 full IPv4 tables from 2014-12-21 21:00:00 to \
             22:00:00 UTC. Check the {what}, or start the window earlier."
        );
        assert!(page.contains(&expected), "{page}");
        assert!(!page.contains("insufficient"), "{page}");
        assert_eq!(json(&format!("{target} {window}"))["coverage"]["targets"][0]["announced"], false);
    }
    // Where the tables are not known, neither is this.
    let page = words(&prints(3, &format!("--asn 131297 {window} --min-peers 16")));
    assert!(page.contains("Verdict: insufficient data AS131297: unknown."), "{page}");
    assert!(json(&format!("--asn 131297 {window} --min-peers 16"))["coverage"]["targets"][0]["announced"].is_null());
}

#[test]
fn no_outage_is_never_claimed_for_time_that_was_not_judged() {
    let (query, mirror) = question("2014-12-22T16:00", "2014-12-22T16:40");
    let options = Options { jobs: 2, ..Options::default() };
    let mut report = run(&query, &mirror, &options, &()).expect("a report");
    // Outages of prefixes alone, while most of the window could not be judged for the network.
    report.findings.outages.retain(|outage| outage.subject.scope == Scope::Prefix);
    let headline =
        |report: &Report| document(report)["coverage"]["targets"][0]["headline"].as_str().unwrap().to_owned();
    assert_eq!(headline(&report), "AS131279: no outage of the network as a whole; 8 outages of single prefixes.");
    let episode =
        report.findings.episodes.iter_mut().find(|episode| episode.subject.scope == Scope::Asn).expect("an episode");
    let window = Window::new(at("2014-12-22T16:30"), at("2014-12-22T16:31")).expect("a window");
    episode.flaps.push(Flap { window, share_min: 0.0 });
    assert_eq!(
        headline(&report),
        "AS131279: no outage of the network as a whole; 1 flap of 1 min, 2014-12-22 16:30:00 to 16:31:00 UTC (all of its \
         address space); 8 outages of single prefixes."
    );
    report.findings.episodes.clear();
    let window = |start, end| Window::new(at(start), at(end)).expect("a window");
    report.summaries[0].unobserved =
        vec![window("2014-12-22T16:00", "2014-12-22T16:00:30"), window("2014-12-22T16:10", "2014-12-22T16:40")];
    assert_eq!(
        headline(&report),
        "AS131279: 30 min 30 s of 40 min could not be judged, the longest interval 2014-12-22 16:10:00 to 16:40:00 UTC; no \
         outage of the network as a whole seen in the rest of the window; 8 outages of single prefixes."
    );
    report.summaries[0].unobserved = vec![query.window];
    assert_eq!(
        headline(&report),
        "AS131279: the network as a whole could not be judged; 8 outages of single prefixes."
    );
    report.findings.outages.clear();
    let unknown = "AS131279: unknown. No part of the window could be judged, 2014-12-22 16:00:00 to 16:40:00 UTC.";
    for (form, page) in pages(&report) {
        assert!(page.contains(unknown) || form == "html" && page.contains("No part of the window"), "{form}: {page}");
        assert!(!page.contains("no outage"), "{form}: {page}");
    }
    report.summaries[0].unobserved = vec![window("2014-12-22T16:10", "2014-12-22T16:40")];
    assert_eq!(
        headline(&report),
        "AS131279: 30 min of 40 min could not be judged, 2014-12-22 16:10:00 to 16:40:00 UTC; no outage seen in the rest of \
         the window."
    );
}

#[test]
fn the_headline_of_a_window_of_years_over_two_days_of_data_states_how_much_was_judged() {
    let (query, mirror) = question("2009-01-01", "2014-12-31");
    let report = run(&query, &mirror, &Options { jobs: 2, ..Options::default() }, &()).expect("a report");
    for (form, page) in pages(&report) {
        let said = "2,188 d of 2,190 d could not be judged";
        assert!(page.contains(said) || form == "html" && page.contains("2,188"), "{form}: {page}");
    }
    let page = report::html(&report);
    assert!(page.contains("<dt>Judged</dt><dd>&lt;1%</dd>"));
}

#[test]
fn edges_have_their_first_and_last_vantage_point_and_evidence_its_reason() {
    let page = words(&prints(0, cli::MAIN));
    let edges = "from 2014-12-22 16:15:00 (first 16:14:08, last 16:15:40) to 2014-12-23 01:46:00 (first 01:44:55, last \
                 01:46:45) UTC";
    assert!(page.contains(edges) && page.contains("Evidence: high"), "{page}");
    let markdown = prints(0, &format!("{} --format markdown", cli::MAIN));
    assert!(markdown.contains("| 2014-12-22 16:15:00 (first 16:14:08, last 16:15:40) |"), "{markdown}");
    let at_the_end = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014";
    let page = words(&prints(0, at_the_end));
    for sentence in [
        "from 2014-12-22 16:15:00 (first 16:14:08, last 16:15:40) UTC, and not back at the end of the window (at least 45 min)",
        "Evidence: medium (whole tables from RIB dumps, but it was not back at the end of the window",
    ] {
        assert!(page.contains(sentence), "{page}");
    }
}

#[test]
fn on_a_terminal_the_answer_fits_on_one_screen() {
    let report = |from: &str, to: &str| {
        let (query, mirror) = question(from, to);
        run(&query, Sources { catalog: &mirror, cache: None }, &Options { jobs: 2, ..Options::default() }, &())
            .expect("a report")
    };
    let main = report("2014-12-22T12:00", "2014-12-23T20:00");
    for (width, height) in [(80, 24), (80, 40), (120, 30), (200, 60)] {
        let style = Style { width, height: Some(height), ..Style::default() };
        let page = report::table(&main, style);
        assert!(page.lines().count() < height, "{width}x{height}: {page}");
        assert!(page.lines().all(|line| line.chars().count() <= width), "{width}x{height}: {page}");
        for sentence in [
            "Note: Reconstruction from published facts, not captured data.",
            "Verdict: outage",
            "16:15:00 (first 16:14:08, last 16:15:40)",
            "Evidence: high",
            "01:46:00 9:31:00",
            "More: --all",
        ] {
            assert!(words(&page).contains(sentence), "{width}x{height}: '{sentence}' is not in {page}");
        }
        // Everything ends with the answer, if it does not fit.
        let all = report::table(&main, Style { all: true, ..style });
        assert!(all.trim_end().ends_with("Verdict: outage"), "{all}");
    }
    // With room, the visibility is drawn.
    let tall = report::table(&main, Style { height: Some(40), ..Style::default() });
    assert!(tall.contains("Visibility (UTC; █ all see it, ▁ none, ^ down for a part, · partly unknown)"), "{tall}");
    // What could not be judged is on the first screen as well.
    let unknown = report("2014-12-25T12:00", "2014-12-25T13:00");
    let page = report::table(&unknown, Style { height: Some(24), ..Style::default() });
    assert!(page.contains("unknown") && page.lines().count() < 24, "{page}");
}

#[test]
fn invented_data_carry_their_note_and_credit_no_publisher() {
    let out = cli::folder();
    let run = out.path().join("run");
    prints(0, &format!("{FLAP} --quiet --export csv,parquet,html,svg --output {}", run.display()));
    let files = cli::contents(&run);
    for name in ["report.html", "timeline.svg", "manifest.json"] {
        let text = String::from_utf8_lossy(&files[name]);
        assert!(text.contains("Reconstruction from published facts"), "{name}");
        for credit in ["RIPE NCC", "University of Oregon", "Data: "] {
            assert!(!text.contains(credit), "{name}: {credit}");
        }
    }
    let explained = prints(0, &format!("explain {}", run.display()));
    assert!(explained.starts_with("Note: Reconstruction from published facts"), "{explained}");
}
