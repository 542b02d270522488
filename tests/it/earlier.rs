//! A run that was written, judged again and explained: the same bytes, the same records as other programs print, and a
//! clear error if the folder is not a run.

use std::path::Path;
use std::process::Command;

use crate::cli::{self, prints, program, ran, refused};
use crate::differential::Random;

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
fn a_run_answers_a_narrower_question_without_its_archives() {
    let wide = SHORT.replace("--asn 131279", "--prefix 175.45.176.0/22");
    let (of_asn, of_prefix) = (run_of(SHORT), run_of(&wide));
    let again =
        |out: &tempfile::TempDir, target: &str| format!("redetect {} {target}", out.path().join("run").display());
    for target in ["--prefix 175.45.177.0/24", "--prefix 175.45.177.0/24 --match exact", "--prefix 175.45.178.0/23"] {
        let (narrow, alone) =
            (cli::json(&again(&of_prefix, target)), cli::json(&SHORT.replace("--asn 131279", target)));
        for key in ["query", "answer", "outages", "episodes", "events", "losses"] {
            assert_eq!(narrow[key], alone[key], "{target} {key}");
        }
        assert_eq!(narrow["coverage"]["targets"], alone["coverage"]["targets"], "{target}");
    }
    // What was not observed is not answered.
    for (target, name) in [("--asn 64500", "AS64500"), ("--prefix 175.45.177.0/24", "175.45.177.0/24")] {
        let words = format!("the run did not observe all of {name}: it was about AS131279");
        refused(1, &again(&of_asn, target), &[&words]);
    }
    refused(1, &again(&of_prefix, "--asn 131279"), &["did not observe all of AS131279"]);
    refused(1, &again(&of_prefix, "--prefix 175.45.176.0/24 --match any"), &["did not observe all of"]);
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

/// How the program refuses a run whose files were changed.
fn is_refused(run: &Path, words: &[&str]) {
    for command in ["redetect", "explain"] {
        refused(1, &format!("{command} {}", run.display()), words);
    }
}

#[test]
fn a_folder_that_is_no_run_or_of_another_version_is_refused() {
    let nowhere = tempfile::TempDir::new().expect("a temporary folder");
    is_refused(nowhere.path(), &["manifest.json", "pass a folder that --output wrote"]);
    let out = run_of(SHORT);
    let run = out.path().join("run");
    let manifest = run.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    for (version, words) in [
        ("\"schema_version\": 7,", &["schema version 7", "reads schema version 1", "run the query again"][..]),
        ("", &["an unknown schema version"]),
        ("\"format\": 1,", &["an unknown schema version"]),
    ] {
        let other = text.replacen("\"schema_version\": 1,", version, 1);
        assert_ne!(other, text);
        std::fs::write(&manifest, other).expect("a manifest");
        is_refused(&run, words);
    }
}

#[test]
fn a_run_without_its_observations_is_refused() {
    let out = run_of(SHORT);
    let run = out.path().join("run");
    std::fs::remove_file(run.join("spans.parquet")).expect("a file");
    is_refused(&run, &["spans.parquet", "file not found"]);
    prints(0, &format!("{SHORT} --quiet --force --export csv --output {}", run.display()));
    is_refused(&run, &["peers.parquet", "the run was written without --export parquet"]);
}

/// A change of a file.
#[derive(Debug)]
enum Harm {
    /// One bit is another.
    Flip(usize, u8),
    /// It ends early.
    Cut(usize),
    /// Some octets are zero.
    Zeros(usize),
    /// Some octets are there twice.
    Twice(usize),
}

fn harmed(bytes: &[u8], harm: &Harm) -> Vec<u8> {
    let mut harmed = bytes.to_vec();
    match *harm {
        Harm::Flip(at, bit) => harmed[at] ^= 1 << bit,
        Harm::Cut(at) => harmed.truncate(at),
        Harm::Zeros(at) => harmed.iter_mut().skip(at).take(16).for_each(|byte| *byte = 0),
        Harm::Twice(at) => {
            let part: Vec<u8> = harmed.iter().skip(at).take(16).copied().collect();
            harmed.splice(at..at, part);
        }
    }
    harmed
}

/// Damage is found by digests, not by luck: there is no other answer, and no panic.
#[test]
fn damage_anywhere_in_a_run_is_an_error_that_names_the_file() {
    let out = run_of("--asn 131279 --from 2014-12-22T16:10 --to 2014-12-22T16:20 --archive data/dprk-2014");
    let run = out.path().join("run");
    let read = [
        "manifest.json",
        "peers.parquet",
        "rib_tables.parquet",
        "rib_entries.parquet",
        "spans.parquet",
        "doubts.parquet",
    ];
    let mut random = Random::new(14);
    for name in read {
        let path = run.join(name);
        let bytes = std::fs::read(&path).expect("a file");
        for n in 0..60 {
            let at = random.within(0..bytes.len() as i64) as usize;
            let harm = match n % 6 {
                0 => Harm::Cut(at),
                1 => Harm::Zeros(at),
                2 => Harm::Twice(at),
                _ => Harm::Flip(at, random.within(0..8) as u8),
            };
            let harmed = harmed(&bytes, &harm);
            if harmed == bytes {
                continue;
            }
            std::fs::write(&path, harmed).expect("a file");
            let error = outage_replay::observations::read(&run).expect_err("an error");
            assert!(error.to_string().contains(name), "{name}, {harm:?}: {error}");
            if n < 2 {
                is_refused(&run, &[name]);
            }
        }
        std::fs::write(&path, bytes).expect("a file");
    }
    prints(0, &format!("redetect {}", run.display()));
}
