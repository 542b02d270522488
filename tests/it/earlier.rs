//! A run that was written, judged again and explained: the same bytes, the same records as other programs print, and a
//! clear error if the folder is not a run.

use std::path::Path;
use std::process::Command;

use crate::cli::{self, prints, program, ran, refused};

/// The shipped archive at the beginning of its main outage.
const SHORT: &str = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014";

/// A folder with the run of `args`.
fn run_of(args: &str) -> tempfile::TempDir {
    let out = tempfile::TempDir::new().expect("a temporary folder");
    prints(0, &format!("{args} --quiet --output {}", out.path().join("run").display()));
    out
}

#[test]
fn a_run_judged_again_prints_and_writes_what_a_new_one_does() {
    let out = run_of(SHORT);
    let (run, again, fresh) = (out.path().join("run"), out.path().join("again"), out.path().join("fresh"));
    for flags in ["", "--down-below 0.3 --all", "--min-duration 10min --format json", "--metric ioda", "--min-peers 40"]
    {
        let code = if flags == "--min-peers 40" || flags == "--metric ioda" { 3 } else { 0 };
        let judged = prints(code, &format!("redetect {} {flags} --output {} --force", run.display(), again.display()));
        assert_eq!(judged, prints(code, &format!("{SHORT} {flags} --output {} --force", fresh.display())), "{flags}");
        assert!(cli::contents(&again) == cli::contents(&fresh), "{flags}");
    }
    // The choices of that run apply unless a flag changes them.
    prints(3, &format!("redetect {} --min-peers 40 --output {} --force", run.display(), again.display()));
    prints(3, &format!("redetect {}", again.display()));
    prints(0, &format!("redetect {} --min-peers 10", again.display()));
    refused(2, &format!("redetect {} --up-at 0.2", run.display()), &["--up-at 0.2 is below"]);
    // Rows have no place for the answer.
    for (flags, code, verdict) in [("", 0, "outage"), ("--min-peers 40", 3, "insufficient data")] {
        let judged = cli::ran(&mut cli::program(&format!("redetect {} --format csv {flags}", run.display())));
        assert_eq!(judged.code, code);
        assert!(cli::is_note_and_verdict(&judged.stderr, verdict), "{}", judged.stderr);
    }
}

#[test]
fn a_run_written_before_unsupported_records_were_counted_can_be_judged_again() {
    let out = run_of(SHORT);
    let manifest = out.path().join("run/manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("\"n_unsupported\"")).collect();
    assert!(without.len() < text.lines().count());
    std::fs::write(&manifest, without.join("\n")).expect("a manifest");
    prints(0, &format!("redetect {}", out.path().join("run").display()));
}

#[test]
fn an_outage_is_explained_by_its_records() {
    let out = run_of(SHORT);
    let run = out.path().join("run");
    let text = prints(0, &format!("explain {} --outage AS131279-IPv4-20141222T161500Z", run.display()));
    for words in [
        "Verdict: outage",
        "start 2014-12-22 16:15:00",
        "before: AS4837 on 104 of 104 known routes, 96 lost",
        "route-views2 AS3356 198.51.100.2: withdraw 175.45.176.0/24",
        "record 39 at byte 3352 of route-views2/bgpdata/2014.12/UPDATES/updates.20141222.1600.bz2",
        "BGP shows routes, not hosts",
    ] {
        assert!(text.contains(words), "'{words}' is not in\n{text}");
    }
    // A row of the table names it as well: its network and its start, as far as they leave no doubt.
    for words in ["AS131279 2014-12-22T16:15", "AS131279 IPv4 12-22 16:15:00", "131279 2014-12-22 16:15 UTC"] {
        let mut command = program(&format!("explain --quiet {}", run.display()));
        assert_eq!(ran(command.args(["--outage", words])).stdout, text, "{words}");
    }
    let near = ["no outage 'AS131279-IPv4-20141222T16150' in this run; did you mean AS131279-IPv4-20141222T161500Z"];
    refused(2, &format!("explain {} --outage AS131279-IPv4-20141222T16150", run.display()), &near);
    let several = ["no outage 'AS131279' in this run; did you mean AS131279-IPv4-"];
    refused(2, &format!("explain {} --outage AS131279", run.display()), &several);
}

/// Runs the first commands of an explanation where the other program is installed: each prints exactly one line.
fn other_programs_agree(run: &Path, archive: &Path) {
    let text = prints(0, &format!("explain {}", run.display()));
    let commands: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("bgpdump ")).collect();
    assert!(!commands.is_empty(), "{text}");
    if Command::new("bgpdump").arg("-v").output().is_err() {
        eprintln!("skipped: bgpdump is not installed");
        return;
    }
    for command in commands {
        let output = Command::new("sh").args(["-c", command]).current_dir(archive).output().expect("a shell");
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(lines, 1, "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn bgpdump_prints_the_records_that_are_named() {
    let out = run_of(SHORT);
    other_programs_agree(&out.path().join("run"), &Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014"));
}

#[test]
fn bgpdump_prints_the_records_of_real_archives_that_are_named() {
    let Some(mrt) = std::env::var_os("OUTAGE_REPLAY_MRT") else {
        eprintln!("skipped: OUTAGE_REPLAY_MRT is not set");
        return;
    };
    let archive = Path::new(&mrt).join("archive");
    for question in [
        "--asn 24757 --from 2021-01-02T07:00 --to 2021-01-02T07:20 --min-peers 1",
        "--asn 58332 --from 2014-05-01T00:00 --to 2014-05-01T00:30 --min-peers 1",
    ] {
        let out = tempfile::TempDir::new().expect("a temporary folder");
        let run = out.path().join("run");
        let args = format!("{question} --archive {} --quiet --output {}", archive.display(), run.display());
        let ran = cli::program(&args).output().expect("the program runs");
        assert!(run.exists(), "{question}: {}", String::from_utf8_lossy(&ran.stderr));
        other_programs_agree(&run, &archive);
    }
}

/// Changes one file of a good run; how that is refused.
fn spoilt(words: &[&str], spoil: impl Fn(&Path)) {
    let out = run_of(SHORT);
    let run = out.path().join("run");
    spoil(&run);
    for command in ["redetect", "explain"] {
        refused(1, &format!("{command} {}", run.display()), words);
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("a text file");
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).expect("a text file");
}

#[test]
fn a_folder_that_is_no_run_or_a_damaged_one_is_refused() {
    let nowhere = tempfile::TempDir::new().expect("a temporary folder");
    refused(
        1,
        &format!("redetect {}", nowhere.path().display()),
        &["manifest.json", "pass a folder that --output wrote"],
    );
    spoilt(&["format 7", "reads format 1"], |run| edit(&run.join("manifest.json"), "\"format\": 1,", "\"format\": 7,"));
    spoilt(&["an unknown format"], |run| edit(&run.join("manifest.json"), "\"format\": 1,", ""));
    spoilt(&["manifest.json"], |run| {
        edit(&run.join("manifest.json"), "\"metric\": \"baseline\"", "\"metric\": \"luck\"")
    });
    spoilt(&["spans.parquet", "--export parquet"], |run| {
        std::fs::remove_file(run.join("spans.parquet")).expect("a file");
    });
    spoilt(&["spans.parquet", "not a complete Parquet file"], |run| {
        let bytes = std::fs::read(run.join("spans.parquet")).expect("a file");
        std::fs::write(run.join("spans.parquet"), &bytes[..bytes.len() / 2]).expect("a file");
    });
    spoilt(&["rib_entries.parquet", "rows, but manifest.json lists"], |run| {
        std::fs::copy(run.join("peers.parquet"), run.join("rib_entries.parquet")).expect("a file");
    });
    spoilt(&["peers.parquet", "names rrc00"], |run| {
        edit(
            &run.join("manifest.json"),
            "\"collector\": \"rrc00\",\n      \"project\"",
            "\"collector\": \"rrc99\",\n      \"project\"",
        );
    });
}
