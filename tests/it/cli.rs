//! The program as a user sees it: every flag, every exit code, every mistake.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The question that the shipped archive was made for.
pub const MAIN: &str = "--asn 131279 --from 2014-12-22T12:00 --to 2014-12-23T20:00 --archive data/dprk-2014";
/// A short window with the beginning of the main outage.
const SHORT: &str = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014";
/// A network that is never withdrawn.
pub const QUIET: &str = "--asn 64500 --from 2014-12-22T16:00 --to 2014-12-22T17:00 --archive data/dprk-2014";

/// The program with arguments separated by blanks, run in this repository and in no particular environment.
pub fn program(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outage-replay"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args.split_whitespace());
    without_settings(&mut command);
    command
}

/// Removes the caller's settings from the environment.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OUTAGE_REPLAY_") {
            command.env_remove(name);
        }
    }
    for name in ["BGPKIT_BROKER_URL", "NO_COLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/no-configuration"));
}

/// The files of a folder by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What it printed, exit code first.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What it prints when it exits as expected.
pub fn prints(code: i32, args: &str) -> String {
    let Ran { code: exited, stdout, stderr } = ran(&mut program(args));
    assert_eq!(exited, code, "{args}: {stderr}");
    stdout
}

/// A page without its line breaks.
pub fn words(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn json(args: &str) -> Value {
    let Ran { stdout, stderr, .. } = ran(&mut program(&format!("{args} --format json")));
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{args}: {error}: {stderr}"))
}

/// Fails with this exit code, an error with all of these words, and an empty standard output.
pub fn refused(code: i32, args: &str, words: &[&str]) {
    let Ran { code: exited, stdout, stderr } = ran(&mut program(args));
    assert_eq!((exited, stdout.as_str()), (code, ""), "{args}: {stderr}");
    assert!(stderr.starts_with("error: "), "{args}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{args}: '{word}' is not in: {stderr}");
    }
}

fn outages(document: &Value, scope: &str) -> Vec<(String, String)> {
    let outages = document["outages"].as_array().expect("outages");
    let edge = |outage: &Value, name: &str| outage[name].as_str().unwrap_or("-").to_owned();
    let of_scope = outages.iter().filter(|outage| outage["scope"] == scope);
    of_scope.map(|outage| (edge(outage, "start"), edge(outage, "end"))).collect()
}

pub fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// Every file of a folder by name.
pub fn contents(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.map(|path| (name(&path), std::fs::read(&path).expect("a readable file"))).collect()
}

fn names(folder: &Path) -> Vec<String> {
    contents(folder).into_keys().collect()
}

// What it answers.

#[test]
fn the_main_question_is_answered_in_the_first_sentence() {
    let page = words(&prints(0, MAIN));
    let answer = "AS131279 disappeared from the IPv4 routing table from 2014-12-22 16:15:00 (first 16:14:08, last \
                  16:15:40) to 2014-12-23 01:46:00 (first 01:44:55, last 01:46:45) UTC (9 h 31 min): 24 of 26 usable \
                  vantage points lost it, 2 kept a stuck route.";
    assert!(page.contains(answer), "{page}");
    assert!(page.starts_with("Note: Reconstruction from published facts, not captured data."), "{page}");
    assert!(page.contains("Not known BGP shows routes"), "{page}");
}

#[test]
fn a_network_that_stayed_has_no_outage() {
    assert!(prints(0, QUIET).contains("AS64500: no outage from 2014-12-22 16:00:00 to 17:00:00 UTC."));
    assert_eq!(json(QUIET)["answer"], "no_outage");
}

#[test]
fn every_notation_of_one_question_gives_the_same_bytes() {
    for format in ["table", "json", "ndjson", "csv"] {
        let expected = prints(0, &format!("{SHORT} --format {format}"));
        for (from, to) in [
            ("--asn 131279", "--asn AS131279"),
            ("--asn 131279", "--asn as2.207"),
            ("--asn 131279", "--asn 2.207,131279 --asn AS131279"),
            ("--from 2014-12-22T15:00", "--from 2014-12-23T00:00+09:00"),
            ("--from 2014-12-22T15:00", "--from 1419260400"),
            ("--to 2014-12-22T17:00", "--duration 2h"),
            ("--to 2014-12-22T17:00", "--to 2014-12-22T17:00:00Z"),
        ] {
            let args = format!("{} --format {format}", SHORT.replace(from, to));
            assert_eq!(prints(0, &args), expected, "{args}");
        }
    }
}

#[test]
fn the_documented_offset_is_the_documented_instant() {
    let offset = prints(0, "--asn 131279 --from 2014-12-23T01:15+09:00 --duration 30min --archive data/dprk-2014");
    let utc = prints(0, "--asn 131279 --from 2014-12-22T16:15 --duration 30min --archive data/dprk-2014");
    assert_eq!(offset, utc);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let mut first: Option<(Vec<String>, Files)> = None;
    for jobs in ["1", "2", "16"] {
        let out = folder();
        let run = out.path().join("run");
        let printed: Vec<String> = ["table", "json", "ndjson", "csv"]
            .iter()
            .map(|format| {
                prints(
                    0,
                    &format!(
                        "{SHORT} --jobs {jobs} --format {format} --force --export csv,parquet,html,svg,png,pdf --output {}",
                        run.display()
                    ),
                )
            })
            .collect();
        let this = (printed, contents(&run));
        match &first {
            None => first = Some(this),
            Some(first) => assert_eq!((&first.0, &first.1), (&this.0, &this.1), "--jobs {jobs}"),
        }
    }
}

// Exit codes.

#[test]
fn exit_codes_distinguish_sufficient_from_insufficient_data_and_outages_on_request() {
    for (code, args) in [
        (0, SHORT.to_owned()),
        (0, QUIET.to_owned()),
        (0, format!("{QUIET} --fail-on-outage")),
        (4, format!("{SHORT} --fail-on-outage")),
        (3, format!("{QUIET} --min-peers 25")),
        (3, format!("{QUIET} --min-peers 25 --fail-on-outage")),
        (3, format!("{SHORT} --asn 64999")),
        // An outage was found, and of the second network nothing is known.
        (4, format!("{SHORT} --asn 64999 --fail-on-outage")),
    ] {
        prints(code, &args);
    }
    refused(1, "--asn 1 --from 2014-12-22 --duration 1h --archive nowhere", &["cannot read the archive at nowhere"]);
    refused(2, "--from 2014-12-22 --duration 1h --archive data/dprk-2014", &["nothing to look for", "try '--help'"]);
}

#[test]
fn too_few_peers_are_named_with_the_flag_that_accepts_them() {
    let page = words(&prints(3, &format!("{QUIET} --min-peers 25")));
    let unknown = "AS64500: unknown. No part of the window could be judged, 2014-12-22 16:00:00 to 17:00:00 UTC.";
    assert!(page.contains(unknown), "{page}");
    assert!(page.contains("only 24 peer ASes of the 25 required: --min-peers 24 accepts fewer."), "{page}");
    assert_eq!(json(&format!("{QUIET} --min-peers 25"))["answer"], "insufficient_data");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let version = concat!("outage-replay ", env!("CARGO_PKG_VERSION"));
    assert_eq!(prints(0, "-V"), format!("{version}\n"));
    let long = prints(0, "--version");
    assert!(long.starts_with(version) && long.contains("\nbgpkit-parser 0.23."), "{long}");
    let (short, long) = (prints(0, "-h"), prints(0, "--help"));
    for help in [&short, &long] {
        assert!(help.contains("Exit codes:") && help.contains("--fail-on-outage"), "{help}");
        for heading in ["Target:", "Window:", "Source:", "Detection:", "Output:"] {
            assert!(help.contains(&format!("\n{heading}\n")), "{heading} is not in: {help}");
        }
    }
    assert!(long.len() > short.len() && long.contains("Examples:"), "{long}");
}

#[test]
fn every_flag_of_the_help_has_a_test_here() {
    let help = prints(0, "--help");
    let flags = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
    let mut n_flags = 0;
    // A switch is shown as `--strict[=<BOOL>]`, and switched off as `--strict=false`.
    for flag in flags.filter_map(|flag| flag.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()) {
        let tests = concat!(
            include_str!("cli.rs"),
            include_str!("groups.rs"),
            include_str!("machine.rs"),
            include_str!("settings.rs"),
            include_str!("sources.rs"),
            include_str!("tasks.rs"),
            include_str!("windows.rs")
        );
        let used = tests.match_indices(flag).any(|(at, _)| {
            let next = tests[at + flag.len()..].chars().next();
            next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-')
        });
        assert!(
            used,
            "{flag} has no test in tests/it/cli.rs, groups.rs, machine.rs, settings.rs, sources.rs, tasks.rs or windows.rs"
        );
        n_flags += 1;
    }
    assert!(n_flags > 25, "{n_flags} flags found");
}

/// Every file below a folder.
fn tree(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(tree(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            files.insert(name, std::fs::read(&path).expect("a readable file"));
        }
    }
    files
}

#[test]
fn the_demonstration_needs_no_checkout() {
    let out = folder();
    let archive = out.path().join("archive");
    let mut demo = program("demo");
    demo.current_dir(out.path());
    // What is asked and found is what the README shows.
    assert_eq!(ran(&mut demo).stdout, prints(0, MAIN));
    let written = prints(0, &format!("demo {}", archive.display()));
    let (own, same) = (tree(&archive), tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014")));
    assert!(own == same, "{} files, {} in data", own.len(), same.len());
    assert!(words(&written).contains(&format!("{} files in {}", same.len(), archive.display())), "{written}");
    refused(2, &format!("demo {}", archive.display()), &["exists: name a new folder"]);
    // Settings of others do not change what is shown.
    let mut demo = program("demo --format csv");
    demo.env("OUTAGE_REPLAY_MIN_PEERS", "99");
    assert_eq!(ran(&mut demo).stdout, prints(0, &format!("{MAIN} --format csv")));
}

// Targets.

#[test]
fn a_prefix_stands_for_its_relatives_by_the_match() {
    let window = "--from 2014-12-22T16:00 --to 2014-12-22T17:00 --archive data/dprk-2014";
    let found = |args: &str| -> Vec<String> {
        let document = json(&format!("{args} {window}"));
        let outages = document["outages"].as_array().expect("outages");
        let mut prefixes: Vec<String> =
            outages.iter().filter_map(|outage| outage["prefix"].as_str().map(str::to_owned)).collect();
        prefixes.dedup();
        prefixes
    };
    let inside =
        ["175.45.176.0/24", "175.45.177.0/24", "175.45.178.0/24", "175.45.179.0/24"].map(str::to_owned).to_vec();
    // It is announced in parts only, so it is a network.
    let whole = [&["175.45.176.0/22".to_owned()], &inside[..]].concat();
    assert_eq!(found("--prefix 175.45.176.0/22"), whole);
    assert_eq!(found("--prefix 175.45.176.0/22 --match more-specific"), whole);
    assert_eq!(found("--prefix 175.45.176.0/22 --match any"), whole);
    assert_eq!(found("--prefix 175.45.176.0/22 --match exact"), Vec::<String>::new());
    assert_eq!(found("--prefix 175.45.177.0/24 --match exact"), inside[1..2]);
    assert_eq!(found("--prefix 175.45.177.128/25 --match less-specific"), inside[1..2]);
    assert_eq!(found("--prefix 175.45.176.0/24,175.45.177.0/24"), inside[..2]);
}

#[test]
fn a_file_of_targets_stands_for_the_flags() {
    let lists = folder();
    let list = lists.path().join("targets.txt");
    std::fs::write(&list, "# North Korea\nAS131279 # Star JV\n\n  175.45.176.0/24\n").expect("a file");
    let window = "--from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014 --format json";
    let listed = prints(0, &format!("--targets {} {window}", list.display()));
    assert_eq!(listed, prints(0, &format!("--asn 131279 --prefix 175.45.176.0/24 {window}")));

    std::fs::write(&list, "AS131279\n175.45.176.5/24\n").expect("a file");
    refused(
        2,
        &format!("--targets {} {window}", list.display()),
        &["targets.txt, line 2", "did you mean 175.45.176.0/24?"],
    );
    std::fs::write(&list, "\nASX\n").expect("a file");
    refused(
        2,
        &format!("--targets {} {window}", list.display()),
        &["targets.txt, line 2", "'ASX' is not an AS number"],
    );
    std::fs::write(&list, "# nothing yet\n").expect("a file");
    refused(2, &format!("--targets {} {window}", list.display()), &["nothing to look for"]);
    refused(1, &format!("--targets none.txt {window}"), &["cannot read targets from none.txt"]);
}

#[test]
fn impossible_windows_are_refused() {
    let window = |window: &str| format!("--asn 131279 --archive data/dprk-2014 {window}");
    refused(2, &window("--from 2014-12-22 --to 2014-12-22"), &["--to must be later than --from"]);
    refused(
        2,
        &window("--from 2014-12-22 --to 2014-12-21"),
        &["--to must be later than --from", "2014-12-21T00:00:00Z"],
    );
    refused(2, &window("--from 2014-12-22 --duration 0s"), &["--duration must be longer than 0s", "try '--help'"]);
    refused(2, &window("--from 2014-12-22 --to 2999-01-01"), &["--to 2999-01-01T00:00:00Z is in the future"]);
    refused(2, &window("--from 1998-12-31 --to 1999-01-02"), &["before 1999: there are no archives"]);
    refused(2, &window("--from 2014-12-22"), &["pass --to or --duration"]);
    refused(
        2,
        &window("--from 2014-12-22 --to 2014-12-23 --duration 1h"),
        &["--to", "cannot be used with '--duration"],
    );
    refused(2, &window("--to 2014-12-22"), &["pass --from"]);
}

#[test]
fn mistyped_values_are_refused_with_the_accepted_forms() {
    let with = |args: &str| format!("{SHORT} {args}");
    refused(2, &with("--asn ASN5"), &["'ASN5' is not an AS number: write 131279, AS131279 or 2.207"]);
    refused(2, &with("--asn 4294967296"), &["'4294967296' is not an AS number"]);
    refused(2, &with("--prefix 175.45.176.5/24"), &["bits set beyond its length: did you mean 175.45.176.0/24?"]);
    refused(2, &with("--prefix 175.45.176.0"), &["is an address, not a prefix: write 175.45.176.0/32"]);
    refused(
        2,
        &SHORT.replace("2014-12-22T15:00", "noon"),
        &["'noon' is not a time: write 2014-12-22, 2014-12-22T16:15"],
    );
    refused(2, &SHORT.replace("2014-12-22T15:00", "20141222"), &["'20141222' is not a time"]);
    refused(2, &with("--min-duration long"), &["'long' is not a length of time: write 36h, 90min"]);
    refused(2, &with("--down-below 50"), &["'50' is not a share: write a number from 0 to 1"]);
    refused(2, &with("--min-coverage=-1"), &["'-1' is not a share"]);
    refused(2, &with("--down-below 0"), &["--down-below 0 finds no outage"]);
    refused(2, &with("--jobs 100000"), &["'100000' is not a whole number from 0 to 1024"]);
    refused(2, &with("--up-at 0.4"), &["--up-at 0.4 is below --down-below 0.5"]);
    refused(2, &with("--baseline 8days"), &["--baseline is at most 7days"]);
    refused(2, &with("--min-peers few"), &["--min-peers", "'few' is not a whole number"]);
    refused(2, &with("--jobs many"), &["--jobs", "'many' is not a whole number"]);
    refused(2, &with("--color perhaps"), &["auto, always, never"]);
    refused(2, &with("--format xml"), &["table, json, ndjson, csv"]);
    refused(2, &with("--metric kentik"), &["baseline, ioda"]);
    refused(2, &with("--match near"), &["exact, more-specific, less-specific, any"]);
    refused(2, &with("--ribs some"), &["auto, all, daily, edges"]);
    refused(2, &with("--budget much"), &["'much' is not a size: write 500M"]);
    refused(2, &with("--max-download much"), &["'much' is not a size: write 500M"]);
    refused(2, &with("--max-file-size 4x"), &["--max-file-size", "'4x' is not a size: write 500M"]);
    refused(2, &with("--no-such-flag"), &["--no-such-flag"]);
}

// Thresholds.

#[test]
fn every_threshold_moves_what_it_names() {
    let asn = |args: &str| outages(&json(&format!("{SHORT} {args}")), "asn");
    let main = ("2014-12-22T16:15:00Z".to_owned(), "-".to_owned());
    assert_eq!(asn("").len(), 4);
    // What is not over at the end of the window may yet last an hour.
    assert_eq!(asn("--min-duration 1h"), std::slice::from_ref(&main));
    assert_eq!(asn("--min-duration 6min").len(), 2);
    assert_eq!(asn("--merge-gap 15min").last(), Some(&("2014-12-22T15:52:00Z".to_owned(), "-".to_owned())));
    assert_eq!(asn("--baseline 1day").last(), Some(&main));
    assert_eq!(asn("--min-coverage 0.9").last(), Some(&main));
    let n_episodes = |args: &str| {
        let document = json(&format!("{SHORT} {args}"));
        document["episodes"].as_array().expect("episodes").iter().filter(|one| one["scope"] == "asn").count()
    };
    assert_eq!((n_episodes(""), n_episodes("--episode-gap 10s")), (1, 5));

    // Six feeds alone lose the networks.
    let six = SHORT.replace("2014-12-22T15:00", "2014-12-22T05:20").replace("2014-12-22T17:00", "2014-12-22T05:50");
    let losses = |args: &str| json(&format!("{six} {args}"))["losses"].as_array().expect("losses").len();
    assert_eq!((losses(""), losses("--degraded-below 0.5")), (4, 0));
    assert_eq!(outages(&json(&six), "prefix").len(), 0);
    assert_eq!(outages(&json(&format!("{six} --down-below 0.8 --up-at 0.9")), "prefix").len(), 4);
}

#[test]
fn the_rule_of_ioda_asks_for_tables_that_this_archive_does_not_have() {
    let page = prints(3, &format!("{SHORT} --metric ioda"));
    assert!(page.contains("AS131279: unknown, because no vantage point has"), "{page}");
    assert!(page.contains("no vantage point has the 400,000 IPv4 or 10,000 IPv6 prefixes"), "{page}");
    assert_eq!(json(&format!("{SHORT} --metric baseline"))["query"]["metric"], "baseline");
}

#[test]
fn a_prefix_counts_for_every_target_that_asks_for_it_in_any_order() {
    let of = |targets: &str| MAIN.replace("--asn 131279", &format!("--prefix {targets}"));
    for targets in ["175.45.176.0/22,175.45.178.0/24", "175.45.178.0/24,175.45.176.0/22"] {
        let document = json(&of(targets));
        assert_eq!(document["coverage"]["sufficient"], true, "{targets}");
        for target in document["coverage"]["targets"].as_array().expect("targets") {
            let n = if target["target"] == "175.45.178.0/24" { 1 } else { 5 };
            assert_eq!(target["n_prefixes"], n, "{target}");
            // The /22 is never announced, but its more-specific prefixes are seen throughout.
            assert_eq!(target["unobserved"].as_array().map(Vec::len), Some(0), "{target}");
        }
        let page = prints(0, &of(targets));
        assert!(page.contains("175.45.178.0/24 disappeared") && page.contains("175.45.176.0/22 disappeared"), "{page}");
    }
}

#[test]
fn a_folded_list_shows_the_longest_outages() {
    let parts = "--prefix 175.45.176.0/24,175.45.177.0/24,175.45.178.0/24,175.45.179.0/24";
    let page = prints(0, &MAIN.replace("--asn 131279", parts));
    // The four prefixes, and their event.
    assert_eq!(page.matches("12-22 16:15:00  12-23 01:46:00").count(), 5, "{page}");
    assert!(words(&page).contains("AS131279 4 4 /24 12-22 16:15:00 12-23 01:46:00 9:31:00"), "{page}");
    assert!(page.contains("… and 12 more of single prefixes, no longer than these: --all lists them"), "{page}");
}

#[test]
fn a_prefix_that_is_announced_in_parts_is_one_network() {
    let of_prefix = MAIN.replace("--asn 131279", "--prefix 175.45.176.0/22");
    let (document, of_asn) = (json(&of_prefix), json(MAIN));
    let edges = |document: &Value, of: &str| -> Vec<[Value; 5]> {
        let outages = document["outages"].as_array().expect("outages").iter();
        let own = outages.filter(|outage| outage["prefix"] == of || (of.is_empty() && outage["prefix"].is_null()));
        own.map(|outage| ["start", "end", "severity", "prefixes", "visibility_min"].map(|key| outage[key].clone()))
            .collect()
    };
    let whole = edges(&document, "175.45.176.0/22");
    assert_eq!((whole.len(), &whole), (8, &edges(&of_asn, "")), "the same outages as those of its AS");
    assert_eq!(document["coverage"]["sufficient"], true);
    let page = prints(0, &of_prefix);
    let flat = words(&page);
    assert!(
        flat.contains("175.45.176.0/22 disappeared from the IPv4 routing table from 2014-12-22 16:15:00"),
        "{page}"
    );
    assert!(flat.contains("7 other outages are listed below. Also 2 flaps, the longest 1 min 30 s"), "{page}");
    assert!(flat.contains("the 4 more-specific prefixes inside it are judged together"), "{page}");
    assert_eq!(page.matches("175.45.176.0/22  12-2").count(), 8, "{page}");
    assert!(page.contains("… and 32 outages of prefixes of these networks: --all lists them"), "{page}");
    let strip = page.lines().find(|line| line.starts_with("175.45.176.0/22  ") && line.contains('█'));
    assert!(strip.is_some_and(|strip| !strip.contains('·')), "{page}");
}

#[test]
fn visibility_before_an_outage_is_that_before_the_first_loss() {
    let document = json(MAIN);
    let outages = document["outages"].as_array().expect("outages");
    assert_eq!(outages.len(), 40);
    for outage in outages {
        let of_asn = outage["scope"] == "asn";
        let (own, other) = if of_asn {
            ("space_share_before", "visibility_before")
        } else {
            ("visibility_before", "space_share_before")
        };
        assert!(outage[own] == 1.0 && outage[other].is_null(), "{outage}");
    }
}

// What it prints.

#[test]
fn no_line_is_wider_than_the_page() {
    for width in [80, 100, 200] {
        for args in [MAIN, QUIET, "--prefix 2001:db8::/32 --from 2014-12-22 --duration 2h --archive data/dprk-2014"] {
            let Ran { stdout, .. } = ran(program(args).arg("--all").env("COLUMNS", width.to_string()));
            for line in stdout.lines() {
                // The name of a file is one word.
                let is_name = line.split_whitespace().any(|word| word.chars().count() > width - 4);
                assert!(line.chars().count() <= width || is_name, "{width}: {line}");
            }
        }
    }
}

#[test]
fn long_lists_are_folded_and_the_flag_unfolds_them() {
    let folded = prints(0, MAIN);
    assert!(folded.contains("… and 32 outages of prefixes of these networks: --all lists them"), "{folded}");
    let all = prints(0, &format!("{MAIN} --all"));
    assert!(!all.contains("--all"), "{all}");
    assert_eq!(all.lines().filter(|line| line.contains("%  withdrawn")).count(), 8 + 32);
}

#[test]
fn a_network_that_lost_single_prefixes_is_not_counted_as_one_that_was_out() {
    let folder = folder();
    let list = folder.path().join("list.csv");
    let members = ["AS131279", "AS64500", "AS64501", "AS64510"].map(|asn| format!("{asn},All")).join("\n");
    std::fs::write(&list, format!("target,group\n{members}\n")).expect("a list");
    let window = "--from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014";
    let out = folder.path().join("run");
    prints(0, &format!("--targets {} {window} --export svg --output {}", list.display(), out.display()));
    let picture = std::fs::read_to_string(out.join("timeline.svg")).expect("a picture");
    assert!(picture.contains(">1 of 5 targets had an outage<"), "{picture}");
}

#[test]
fn answers_about_many_targets_are_summarised() {
    let folder = folder();
    let list = folder.path().join("list");
    let others = (0..36).map(|n| format!("198.18.{n}.0/24"));
    let lost = (176..180).map(|n| format!("175.45.{n}.0/24"));
    let targets: Vec<String> = others.chain(lost).chain(["203.0.113.0/25".to_owned()]).collect();
    std::fs::write(&list, targets.join("\n")).expect("a list");
    let window = "--from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014";
    let asked = format!("--targets {} {window}", list.display());
    let summed = [
        "4 of 41 targets had an outage; for 1 of the others the data do not suffice.",
        "Most at once: 4, from 2014-12-22 16:15:00 to 17:00:00 UTC.",
        "The longest: 175.45.176.0/24 was missing from most IPv4 routing tables",
    ];
    let folded = prints(3, &asked);
    assert!(
        summed.iter().all(|line| folded.contains(line)) && !folded.contains("198.18.1.0/24: no outage"),
        "{folded}"
    );
    let all = prints(3, &format!("{asked} --all"));
    assert!(all.contains("198.18.1.0/24: no outage") && !all.contains("Most at once"), "{all}");
    let markdown = prints(3, &format!("{asked} --format markdown"));
    assert!(markdown.contains(summed[1]) && !markdown.contains("198.18.1.0/24: no outage"), "{markdown}");
}

/// Whether standard error has the note of the shipped archive and the verdict, and nothing else.
pub fn is_note_and_verdict(stderr: &str, verdict: &str) -> bool {
    let lines: Vec<&str> = stderr.lines().collect();
    matches!(lines[..], [note, last] if note.starts_with("note: Reconstruction") && last == format!("verdict: {verdict}"))
}

#[test]
fn a_pipe_gets_neither_colours_nor_progress() {
    for format in ["table", "json", "ndjson", "csv"] {
        let Ran { stdout, stderr, .. } = ran(&mut program(&format!("{SHORT} --format {format}")));
        assert!(!stdout.contains('\x1b'), "{stdout}");
        // Rows have no column for the answer or for the note of the archive.
        match format {
            "csv" => assert!(is_note_and_verdict(&stderr, "outage"), "{stderr}"),
            _ => assert_eq!(stderr, ""),
        }
        let without = ran(program(&format!("{SHORT} --format {format}")).env("NO_COLOR", "1"));
        assert_eq!(without.stdout, stdout);
    }
    let insufficient = ran(&mut program(&format!("{QUIET} --min-peers 40 --format csv")));
    assert_eq!(insufficient.code, 3);
    assert!(is_note_and_verdict(&insufficient.stderr, "insufficient data"), "{}", insufficient.stderr);
    assert_eq!(ran(&mut program(&format!("{SHORT} --format csv --quiet"))).stderr, "");
}

#[test]
fn names_cannot_control_the_terminal() {
    // A folder that is called so, in an archive whose note does the same.
    let archive = folder();
    let hostile = "evil\u{1b}[2J\u{7}";
    let to = archive.path().join(hostile).join("2014.12");
    std::fs::create_dir_all(&to).expect("a folder");
    for entry in std::fs::read_dir("data/dprk-2014/rrc00/2014.12").expect("a folder").flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
    std::fs::write(archive.path().join("archive.json"), r#"{"note": "x \u001b[2J y"}"#).expect("a file");
    let question = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --min-peers 3";
    for args in [question.to_owned(), format!("plan {question}"), format!("{question} --collector rrc99")] {
        for columns in ["80", "200"] {
            let mut command = program(&args);
            let Ran { stdout, stderr, .. } = ran(command.arg("--archive").arg(archive.path()).env("COLUMNS", columns));
            let printed = stdout + &stderr;
            assert!(printed.contains("evil\\u{1b}[2J\\u{7}"), "{printed}");
            assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{printed:?}");
        }
    }
}

#[test]
fn fewer_rib_dumps_give_the_same_outages() {
    let of = |ribs: &str| {
        let document = json(&format!("{QUIET} --ribs {ribs}"));
        let n: u64 = document["coverage"]["collectors"]
            .as_array()
            .expect("collectors")
            .iter()
            .filter_map(|collector| collector["n_rib_dumps"].as_u64())
            .sum();
        assert_eq!(document["query"]["ribs"], ribs);
        (n, outages(&document, "asn"))
    };
    let (n_all, of_all) = of("all");
    for ribs in ["auto", "daily", "edges"] {
        let (n, outages) = of(ribs);
        assert!(n < n_all, "{ribs}: {n} of {n_all}");
        assert_eq!(outages, of_all, "{ribs}");
    }
}

#[test]
fn milestones_are_printed_on_request_only() {
    let told = |args: &str| ran(&mut program(&format!("{QUIET} {args}"))).stderr;
    assert_eq!((told("--quiet"), told("-q"), told("")), (String::new(), String::new(), String::new()));
    let milestones = told("-v");
    assert_eq!(milestones, told("--verbose"));
    assert!(
        milestones.contains("reading 6 RIB dumps and 144 update files") && !milestones.contains("read rrc00/"),
        "{milestones}"
    );
    assert!(told("-vv").contains("read rrc00/2014.12/bview.20141222.0800.gz"));
    refused(2, &format!("{QUIET} --quiet --verbose"), &["--quiet"]);
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    for format in ["table", "json"] {
        let mut child = program(&format!("{SHORT} --format {format}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let output = program(QUIET).stdout(full).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

// What it writes.

#[test]
fn a_run_is_written_whole_and_the_export_chooses() {
    let sorted = |lists: &[&str]| {
        let mut names: Vec<&str> = lists.iter().flat_map(|list| list.split(' ')).collect();
        names.sort();
        names.join(" ")
    };
    let csv =
        "NOTE.txt coverage.csv episodes.csv events.csv flaps.csv losses.csv outages.csv targets.csv manifest.json";
    let parquet = "coverage.parquet doubts.parquet episodes.parquet events.parquet evidence.parquet flaps.parquet losses.parquet outages.parquet \
                   peers.parquet rib_entries.parquet rib_tables.parquet spans.parquet targets.parquet timelines.parquet";
    let whole = sorted(&[csv, parquet, "report.html"]);
    for (export, expected) in [
        ("", whole.as_str()),
        ("--export html", "manifest.json report.html"),
        ("--export png,svg,pdf", "manifest.json timeline.pdf timeline.png timeline.svg"),
        ("--export csv", &sorted(&[csv])),
        ("--export parquet", &sorted(&[parquet, "manifest.json"])),
        ("--export parquet,csv", &sorted(&[parquet, csv])),
    ] {
        let out = folder();
        let run = out.path().join("deep/run");
        let printed = prints(0, &format!("{QUIET} --output {} {export}", run.display()));
        assert_eq!(printed, prints(0, QUIET), "the page is the same");
        assert_eq!(names(&run).join(" "), expected);
        assert_eq!(std::fs::read_dir(out.path().join("deep")).expect("a folder").count(), 1, "nothing else remains");
    }
    refused(2, &format!("{QUIET} --export csv"), &["--output"]);
    refused(2, &format!("{QUIET} --force"), &["--output"]);
    refused(2, &format!("{QUIET} --output x --export gif"), &["csv, parquet, html, svg, png, pdf"]);
}

#[test]
fn names_of_ases_are_in_every_answer_that_people_read_and_change_nothing_else() {
    let out = folder();
    let (run, names) = (out.path().join("run"), out.path().join("asnames.txt"));
    std::fs::write(&names, "0 -Reserved AS-, ZZ\n131279 STAR-KP, KP\n4837 CHINA169, CN\n").expect("a file");
    let named = format!("{MAIN} --as-names {}", names.display());
    for format in ["table", "markdown", "json"] {
        let page = words(&prints(0, &format!("{named} --format {format}")));
        assert!(page.contains("AS131279 (STAR-KP, KP) disappeared from the IPv4 routing table"), "{format}: {page}");
    }
    assert!(words(&prints(0, &named)).contains("led through AS4837 (CHINA169, CN)"));
    assert_eq!(prints(0, &format!("{named} --format csv")), prints(0, &format!("{MAIN} --format csv")));
    prints(0, &format!("{named} --title Blackout --export parquet,html,svg --output {}", run.display()));
    for name in ["report.html", "timeline.svg"] {
        let page = String::from_utf8_lossy(&contents(&run)[name]).into_owned();
        assert!(page.contains("<title>Blackout</title>") && page.contains("(STAR-KP, KP)"), "{name}");
    }
    let again = format!("redetect {} --as-names {}", run.display(), names.display());
    assert_eq!(prints(0, &again), prints(0, &named));
    std::fs::write(&names, "131279 STAR-KP, KP\nCHINA169 4837\n").expect("a file");
    refused(
        2,
        &format!("{QUIET} --as-names {}", names.display()),
        &["asnames.txt, line 2: 'CHINA169' is not an AS number"],
    );
    refused(1, &format!("{QUIET} --as-names missing.txt"), &["cannot read the names of ASes from missing.txt"]);
}

#[test]
fn a_picture_fits_the_column_of_a_paper_and_leaves_its_title_to_the_caption() {
    let out = folder();
    let run = out.path().join("run");
    let drawn = |more: &str| {
        prints(0, &format!("{MAIN} --force --export svg,pdf {more} --output {}", run.display()));
        let files = contents(&run);
        assert!(files["timeline.pdf"].starts_with(b"%PDF-") && files["timeline.pdf"].ends_with(b"%%EOF"));
        String::from_utf8_lossy(&files["timeline.svg"]).into_owned()
    };
    for (form, width) in [("", "1200"), ("--picture-width page", "6.9000in"), ("--picture-width column", "3.3000in")] {
        let with_title = drawn(form);
        let without = drawn(&format!("{form} --picture-title=false"));
        assert!(with_title.contains(&format!("width=\"{width}\"")), "{form}");
        assert!(with_title.contains("class=\"title\"") && !without.contains("class=\"title\""), "{form}");
        for picture in [with_title, without] {
            for part in
                ["Evidence: high", "Judged: all of the window", "About the data: Reconstruction", "still routed"]
            {
                let lines = picture.split('<').filter_map(|part| Some(part.split_once('>')?.1));
                assert!(words(&lines.collect::<Vec<_>>().join(" ")).contains(part), "{form}: {part}");
            }
        }
    }
}

#[test]
fn an_earlier_run_is_replaced_only_by_force() {
    let out = folder();
    let run = out.path().join("run");
    let args = |more: &str| format!("{QUIET} --output {} {more}", run.display());
    prints(0, &args(""));
    let before = contents(&run);
    refused(
        1,
        &args("--format json"),
        &["run contains an earlier run: choose another folder or pass --force to replace it"],
    );
    assert_eq!(contents(&run), before);
    prints(0, &args("--force --export csv"));
    let csv =
        "NOTE.txt coverage.csv episodes.csv events.csv flaps.csv losses.csv manifest.json outages.csv targets.csv";
    assert_eq!(names(&run).join(" "), csv);
    assert_eq!(std::fs::read_dir(out.path()).expect("a folder").count(), 1);
}

#[test]
fn a_folder_with_other_files_is_never_touched() {
    let out = folder();
    prints(0, &format!("{QUIET} --output {}", out.path().display()));
    std::fs::write(out.path().join("notes.txt"), "mine").expect("a file");
    let before = contents(out.path());
    for force in ["", "--force"] {
        refused(
            1,
            &format!("{QUIET} --output {} {force}", out.path().display()),
            &["it contains other files (notes.txt): choose a new or empty folder"],
        );
    }
    assert_eq!(contents(out.path()), before);
    let file = out.path().join("notes.txt");
    refused(1, &format!("{QUIET} --output {}", file.display()), &["cannot write", "notes.txt"]);
}

#[test]
fn a_failed_run_writes_nothing() {
    let out = folder();
    let run = out.path().join("run");
    refused(
        1,
        &format!("--asn 1 --from 2005-12-22 --duration 1h --archive data/dprk-2014 --output {}", run.display()),
        &["no update file or RIB dump covers"],
    );
    assert_eq!(std::fs::read_dir(out.path()).expect("a folder").count(), 0);
}

#[test]
fn the_current_folder_can_be_the_output() {
    let out = folder();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let args = QUIET.replace("data/dprk-2014", &archive.to_string_lossy());
    let Ran { code, stderr, .. } = ran(program(&format!("{args} --output .")).current_dir(out.path()));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(names(out.path()).len(), 24);
}
