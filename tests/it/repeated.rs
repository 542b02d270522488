//! Runs repeated from their manifests, and runs beside each other.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{self, MAIN, folder, prints, refused};

/// The beginning of the main outage.
const SHORT: &str = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014";

fn write(args: &str, run: &Path) {
    prints(0, &format!("{args} --quiet --output {}", run.display()));
}

/// A copy of the shipped archive.
fn copy_of_the_archive(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let mut folders = vec![from.clone()];
    while let Some(folder) = folders.pop() {
        let target = to.join(folder.strip_prefix(&from).expect("a folder below"));
        fs::create_dir_all(&target).expect("a folder");
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => drop(fs::copy(entry.path(), target.join(entry.file_name())).expect("a copy")),
            }
        }
    }
}

#[test]
fn a_run_is_reproduced_byte_for_byte_from_its_manifest_alone() {
    let out = folder();
    let (run, again) = (out.path().join("run"), out.path().join("again"));
    prints(0, &format!("{MAIN} --min-duration 4min --quiet --export csv,parquet,html,svg --output {}", run.display()));
    // Only the manifest is needed, wherever it is.
    let manifest = out.path().join("paper.json");
    fs::copy(run.join("manifest.json"), &manifest).expect("a copy");
    let printed = prints(
        0,
        &format!("reproduce {} --archive data/dprk-2014 --quiet --output {}", manifest.display(), again.display()),
    );
    assert!(printed.contains("Archive files: all 727 match the digests of the run."), "{printed}");
    assert!(printed.contains("files are the same, byte for byte."), "{printed}");
    assert!(cli::contents(&run) == cli::contents(&again));
    let json = prints(0, &format!("reproduce {} --json --archive data/dprk-2014 --quiet", run.display()));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["same"], true);
    assert_eq!(json["results"].as_array().map(Vec::len), Some(cli::contents(&run).len() - 1));
}

#[test]
fn other_archive_files_are_named_and_missing_ones_are_an_error() {
    let out = folder();
    let (run, archive) = (out.path().join("run"), out.path().join("archive"));
    copy_of_the_archive(&archive);
    write(SHORT, &run);
    refused(1, &format!("reproduce {}", run.display()), &["from a local archive: pass it with --archive"]);

    let reproduce = format!("reproduce {} --quiet --archive {}", run.display(), archive.display());
    prints(0, &reproduce);
    let file = "rrc00/2014.12/updates.20141222.1615.gz";
    fs::copy(archive.join("rrc00/2014.12/updates.20141222.1620.gz"), archive.join(file)).expect("a copy");
    let printed = prints(5, &reproduce);
    assert!(printed.contains("have different contents: rrc00/2014.12/updates.20141222.1615.gz"), "{printed}");
    assert!(printed.contains("files differ: "), "{printed}");
    fs::remove_file(archive.join(file)).expect("removed");
    refused(1, &reproduce, &[&format!("1 of its files, such as {file}, are not in the archive")]);
}

#[test]
fn a_manifest_says_what_was_asked_of_what() {
    let out = folder();
    let run = out.path().join("run");
    write(&format!("{SHORT} --min-peers 5 --jobs 1"), &run);
    let manifest = fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    let document: Value = serde_json::from_str(&manifest).expect("JSON");
    let words = document["command"].as_array().expect("a command").iter().map(|word| word.as_str().expect("a word"));
    let command: Vec<&str> = words.collect();
    let window = ["--from", "2014-12-22T15:00:00Z", "--to", "2014-12-22T17:00:00Z"];
    let expected = [&["outage-replay", "--asn", "AS131279"][..], &window, &["--min-peers", "5"]].concat();
    assert_eq!(command, expected);
    assert!(document["commit"].as_str().is_none_or(|commit| commit.len() >= 12), "{}", document["commit"]);
    // Every other file of the folder is listed with its digest.
    let listed = document["results"].as_array().expect("results");
    let names: Vec<&str> = listed.iter().map(|file| file["name"].as_str().expect("a name")).collect();
    let mut sorted = names.clone();
    sorted.sort();
    let files: Vec<String> = cli::contents(&run).into_keys().filter(|name| name != "manifest.json").collect();
    assert_eq!(sorted, files);
}

#[test]
fn two_runs_are_compared_by_outage() {
    let out = folder();
    let (first, second) = (out.path().join("first"), out.path().join("second"));
    write(SHORT, &first);
    let printed = prints(0, &format!("compare {} {}", first.display(), first.display()));
    assert!(printed.starts_with("Both runs found the same: "), "{printed}");

    // Stricter: short outages are flaps.
    prints(0, &format!("redetect {} --min-duration 6min --output {}", first.display(), second.display()));
    let compare = format!("compare {} {}", first.display(), second.display());
    let printed = prints(5, &compare);
    for words in [
        "min_duration_seconds 120 | 360",
        "Only in the first:",
        "AS131279-IPv4-20141222T155200Z: 2014-12-22T15:52:00Z to 2014-12-22T15:57:00Z, total, withdrawn",
        "AS131279: n_outages 4 | 2",
    ] {
        assert!(printed.contains(words), "'{words}' is not in\n{printed}");
    }
    assert!(!printed.contains("Changed:") && !printed.contains("Gaps"), "{printed}");
    let document: Value = serde_json::from_str(&prints(5, &format!("{compare} --json"))).expect("JSON");
    assert_eq!(document["same"], false);
    assert_eq!(document["outages"]["only_second"], serde_json::json!([]));

    // An edge that moved is a change of one outage, although its id contains the edge.
    prints(0, &format!("redetect {} --down-below 0.2 --force --output {}", first.display(), second.display()));
    let printed = prints(5, &compare);
    assert!(printed.contains("Changed:") && printed.contains("start "), "{printed}");
    refused(1, &format!("compare {} {}", first.display(), out.path().display()), &["manifest.json"]);
}

#[test]
fn every_target_has_a_row_and_its_times_add_up_to_the_window() {
    let out = folder();
    let run = out.path().join("run");
    // An AS that was lost, one that was not, a prefix, and one that no vantage point announces.
    let args = "--asn 131279,64500,64999 --prefix 175.45.178.0/24 --from 2014-12-22T15:00 --to 2014-12-22T17:00 \
                --archive data/dprk-2014";
    let json: Value =
        serde_json::from_str(&prints(3, &format!("{args} --format json --output {}", run.display()))).expect("JSON");
    let targets = json["coverage"]["targets"].as_array().expect("targets");
    let answers: Vec<&str> = targets.iter().map(|target| target["answer"].as_str().expect("an answer")).collect();
    assert_eq!(answers, ["outage", "no_outage", "insufficient_data", "outage"]);
    let number = |target: &Value, key: &str| target[key].as_f64().expect("a number");
    for target in targets {
        let (judged, unknown) = (number(target, "judged_seconds"), number(target, "unknown_seconds"));
        assert_eq!(judged + unknown, 7200.0, "{target}");
        assert!(number(target, "downtime_seconds") <= judged, "{target}");
    }
    // 15:29 to 15:36, 15:52 to 15:57, 16:01:30 to 16:04:30, and from 16:15 on.
    assert_eq!(number(&targets[0], "downtime_seconds"), 420.0 + 300.0 + 180.0 + 2700.0);
    assert_eq!((number(&targets[0], "availability"), number(&targets[1], "availability")), (0.5, 1.0));
    // What was not judged is not available.
    assert!(targets[2]["availability"].is_null() && number(&targets[2], "judged_seconds") == 0.0, "{}", targets[2]);
    let table = fs::read_to_string(run.join("targets.csv")).expect("a table");
    assert_eq!(table.lines().count(), 1 + targets.len());
    assert!(table.contains("\nAS64999,,insufficient_data,"), "{table}");
}
