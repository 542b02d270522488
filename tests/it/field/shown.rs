//! What an answer states about itself: iBGP, flaps, the source of the data.

use super::bytes;
use super::judge::{Rule, asked, truthful};
use super::scene::{About, Record, Scene};
use crate::cli::{Ran, folder, prints, program, ran};

const OUTAGE: &str = "08:30:00..09:10:00";

#[test]
fn the_sessions_of_the_operators_own_as_are_called_ibgp() {
    for is_dump in [true, false] {
        let mut scene = Scene::empty(Scene::calm().day);
        scene.peers.iter_mut().for_each(|peer| (peer.asn, peer.local_asn) = (64_500, 64_500));
        if is_dump {
            scene.dumps = vec![scene.dump("08:00:00")];
        }
        scene.chatter(60);
        scene.min_peers = Some(1);
        let scene = scene.lost("08:30:00").back("09:10:00");
        let answer = asked(&scene, scene.write().path(), "--archive {}");
        truthful(&scene, &answer, OUTAGE, Rule::Safe);
        assert!(format!("{}{}", answer.stdout, answer.stderr).contains("iBGP"), "{}", answer.stderr);
    }
}

#[test]
fn sessions_with_other_ases_are_not_called_ibgp() {
    let scene = Scene::tidy();
    let answer = asked(&scene, scene.write().path(), "--archive {}");
    assert!(!format!("{}{}", answer.stdout, answer.stderr).contains("iBGP"), "{}", answer.stderr);
}

#[test]
fn a_flap_of_all_is_in_the_answer_in_every_format() {
    // All peers lose it for a minute: too short for an outage, but a flap.
    let scene = Scene::calm().lost("08:30:00").back("08:31:00");
    let archive = scene.write();
    for format in ["table", "markdown", "json", "ndjson", "csv"] {
        let args = format!("{} --archive {} --format {format}", scene.arguments(), archive.path().display());
        let Ran { stdout, stderr, .. } = ran(&mut program(&args));
        let all = format!("{stdout}{stderr}").to_lowercase();
        assert!(all.contains("flap") || all.contains("08:30:00"), "{format}: {stdout}{stderr}");
    }
}

#[test]
fn lost_and_doubtful_records_are_shown_on_the_page() {
    // The withdrawal of one peer cannot be read.
    let one = |record: &Record| record.about == About::Loss && record.peer == 3;
    let scene = Scene::busy().lost("08:30:00").back("09:10:00").change(one, |record| record.cut_message(22));
    let archive = scene.write();
    let page = ran(&mut program(&format!("{} --archive {} --all", scene.arguments(), archive.path().display())));
    let is_said = ["lost", "unread", "could not be read", "damaged"].iter().any(|word| page.stdout.contains(word));
    assert!(is_said, "{}", page.stdout);
    // A record is two hours ahead.
    let mut scene = Scene::tidy();
    let at = scene.at("08:45:30");
    scene.add(at, 4, About::Twist, &bytes::message(bytes::KEEPALIVE, &[]));
    let scene = scene.change(|record| record.about == About::Twist, |record| record.stamp(at + 7200));
    let archive = scene.write();
    let page = ran(&mut program(&format!("{} --archive {} --all", scene.arguments(), archive.path().display())));
    let is_said =
        ["clock", "time", "stamp"].iter().any(|word| page.stdout.to_lowercase().contains(&format!("wrong {word}")));
    let is_said = is_said
        || page.stdout.contains("contradict their order")
        || page.stdout.contains("doubt")
        || page.stdout.contains("late");
    assert!(is_said, "{}", page.stdout);
}

/// The shipped archive is a reconstruction, and has a note that states it.
const NOTE: &str = "Reconstruction from published facts";
const SHORT: &str = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --min-peers 3";

#[test]
fn the_note_of_a_reconstruction_follows_its_data() {
    for archive in ["data/dprk-2014", "data/dprk-2014/", "data", "data/dprk-2014/rrc00", "data/dprk-2014/rrc00/2014.12"]
    {
        for format in ["table", "json", "markdown", "csv"] {
            let args = format!("{SHORT} --archive {archive} --format {format}");
            let Ran { stdout, stderr, code } = ran(&mut program(&args));
            if matches!(code, 1 | 2) {
                // A folder that cannot be understood may be refused.
                assert_eq!(stdout, "", "{archive} {format}");
                continue;
            }
            assert!(format!("{stdout}{stderr}").contains(NOTE), "{archive} {format}: {stdout}{stderr}");
        }
    }
}

#[test]
fn a_copy_of_a_part_of_a_reconstruction_is_never_credited_to_a_publisher() {
    let page = prints(0, &format!("{SHORT} --archive data/dprk-2014 --all"));
    for publisher in ["Data: RIPE", "RIPE NCC Routing Information Service", "University of Oregon"] {
        assert!(!page.contains(publisher), "invented data carry the credit of a publisher: {page}");
    }
}

#[test]
fn the_note_is_in_what_is_written_and_in_what_is_made_of_it() {
    let work = folder();
    let run = work.path().join("run");
    prints(0, &format!("{SHORT} --archive data/dprk-2014 --export csv,html,parquet --output {}", run.display()));
    let html = std::fs::read_to_string(run.join("report.html")).expect("a page");
    assert!(html.contains(NOTE), "report.html");
    let explained = ran(program("explain").arg(&run));
    assert!(explained.stdout.contains(NOTE), "explain: {}{}", explained.stdout, explained.stderr);
    let again = ran(program("redetect").arg(&run));
    assert!(again.stdout.contains(NOTE), "redetect: {}{}", again.stdout, again.stderr);
    for file in std::fs::read_dir(&run).expect("files") {
        let path = file.expect("a file").path();
        // A comment in a CSV file would break its readers: the note lies beside it.
        if path.extension().is_some_and(|extension| extension == "txt" || extension == "parquet") {
            let bytes = std::fs::read(&path).expect("a file");
            let has_note = bytes.windows(NOTE.len()).any(|part| part == NOTE.as_bytes());
            assert!(has_note, "{}", path.display());
        }
    }
}

#[test]
fn a_window_inside_the_north_korean_outage_is_not_answered_with_no_outage() {
    for window in ["--from 2014-12-22T18:00 --to 2014-12-22T20:00", "--from 2014-12-23T00:10 --to 2014-12-23T01:40"] {
        let args = format!("--asn 131279 {window} --archive data/dprk-2014 --format json");
        let Ran { stdout, stderr, .. } = ran(&mut program(&args));
        let document: serde_json::Value =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
        assert_ne!(document["answer"], "no_outage", "{window}");
    }
}

#[test]
fn the_north_korean_outage_has_the_same_edges_through_every_window_around_it() {
    let edges = |window: &str| {
        let args = format!("--asn 131279 {window} --archive data/dprk-2014 --format json");
        let Ran { stdout, stderr, .. } = ran(&mut program(&args));
        let document: serde_json::Value =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
        let outages = document["outages"].as_array().expect("outages").clone();
        let longest = outages
            .into_iter()
            .filter(|outage| outage["scope"] == "asn")
            .max_by_key(|o| o["duration_seconds"].as_u64());
        let outage = longest.expect("the outage");
        let text = |name: &str| outage[name].to_string();
        format!(
            "{} {} {} of {}",
            text("started_at"),
            text("ended_at"),
            text("n_vantage_points_lost"),
            text("n_vantage_points")
        )
    };
    let whole = edges("--from 2014-12-22T12:00 --to 2014-12-23T20:00");
    for window in ["--from 2014-12-22T15:00 --to 2014-12-23T03:00", "--from 2014-12-22T16:05 --to 2014-12-23T02:30"] {
        assert_eq!(edges(window), whole, "{window}");
    }
}
