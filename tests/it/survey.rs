//! `outage-replay survey` from its arguments to what it prints and writes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{self, Ran, contents, folder, prints, ran, refused, words};

/// Two days in which the network of the shipped archive is lost four times at the time of a dump.
const SURVEY: &str = "survey --prefix 175.45.176.0/24 --from 2014-12-21T20:00 --to 2014-12-23T20:00";
const SHIPPED: &str = "--archive data/dprk-2014";

fn shipped() -> String {
    format!("{SURVEY} {SHIPPED}")
}

fn document(args: &str) -> (i32, Value) {
    let Ran { code, stdout, stderr } = ran(&mut cli::program(&format!("{args} --format json")));
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{args}: {error}: {stderr}")))
}

/// The archive of route-views2 alone, to be damaged.
fn copied(into: &Path) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014/route-views2/bgpdata/2014.12/RIBS");
    let to = into.join("route-views2/bgpdata/2014.12/RIBS");
    fs::create_dir_all(&to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
    }
    to.display().to_string()
}

fn rib(folder: &str, name: &str) -> std::path::PathBuf {
    Path::new(folder).join(format!("rib.{name}.bz2"))
}

#[test]
fn the_outage_is_between_the_dumps_that_show_the_network() {
    let (code, survey) = document(&shipped());
    assert_eq!((code, survey["answer"].as_str()), (0, Some("candidates")));
    let candidates = survey["prefixes"][0]["candidates"].as_array().expect("candidates");
    assert_eq!(candidates.len(), 4);
    let longest = &candidates[1];
    for (key, at) in [
        ("last_seen", "2014-12-22T16:00:00Z"),
        ("first_lost", "2014-12-22T18:00:00Z"),
        ("last_lost", "2014-12-23T00:00:00Z"),
        ("first_back", "2014-12-23T02:00:00Z"),
    ] {
        assert_eq!(longest[key], at, "{key}");
    }
    // The command finds the outage.
    let command = longest["commands"][0].as_str().expect("a command");
    let args = command.strip_prefix("outage-replay ").expect("the program");
    let page = words(&prints(0, args));
    assert!(page.contains("2014-12-22 16:15:00 (first") && page.contains("to 2014-12-23 01:46:00 (first"), "{page}");
}

#[test]
fn a_network_that_every_dump_shows_is_never_said_to_have_had_no_outage() {
    let args = shipped().replace("175.45.176.0/24", "192.0.2.0/24");
    let page = words(&prints(0, &args));
    assert!(page.contains("Survey: no loss at any of 25 looks."), "{page}");
    assert!(page.contains("Nothing was looked at between the dumps"), "{page}");
    assert!(page.contains("leaves no trace here"), "{page}");
    assert!(page.starts_with("Note: Reconstruction from published facts, not captured data."), "{page}");
    assert_eq!(document(&args).1["answer"], "no_candidates");
}

#[test]
fn a_network_that_no_dump_shows_is_not_announced_and_not_judged() {
    let args = shipped().replace("175.45.176.0/24", "198.18.255.0/24");
    let (code, survey) = document(&args);
    assert_eq!((code, survey["answer"].as_str()), (3, Some("insufficient_data")));
    assert!(words(&prints(3, &args)).contains("Not announced at any of 25 looks"));
}

#[test]
fn every_part_of_a_dump_that_was_read_is_in_the_document() {
    let (_, survey) = document(&shipped());
    let dumps = survey["dumps"].as_array().expect("dumps");
    let n = |method: &str| dumps.iter().filter(|dump| dump["method"] == method).count();
    // Those of rrc00 are in gzip.
    assert_eq!((n("looked_up"), n("whole_file"), n("not_read")), (50, 6, 0));
    for dump in dumps {
        let is_whole = dump["method"] == "whole_file";
        assert_eq!(dump["sha256"].is_string(), is_whole, "{dump}");
        if !is_whole {
            let ranges = dump["ranges"].as_array().expect("ranges");
            let bytes: u64 = ranges.iter().map(|range| range["bytes"].as_u64().expect("a number")).sum();
            assert_eq!(dump["bytes"], bytes);
            assert!(ranges.iter().all(|range| range["sha256"].as_str().is_some_and(|digest| digest.len() == 64)));
            assert!(dump["n_sampled"]["ipv4"].as_u64() > Some(50), "{dump}");
        }
    }
}

#[test]
fn a_survey_gives_the_same_bytes_each_time_and_a_folder_with_them() {
    let out = folder();
    let args = format!("{} --format json --output {}", shipped(), out.path().join("survey").display());
    let first = prints(0, &args);
    let files = contents(&out.path().join("survey"));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["looks.csv", "survey.json", "survey.svg"]);
    assert_eq!(prints(0, &format!("{args} --force")), first);
    assert_eq!(contents(&out.path().join("survey")), files);
    assert_eq!(String::from_utf8_lossy(&files["survey.json"]), first);
    assert_eq!(String::from_utf8_lossy(&files["looks.csv"]), prints(0, &format!("{} --format csv", shipped())));
    refused(1, &args, &["contains an earlier run", "--force"]);
    // A survey is not a run.
    refused(1, &format!("redetect {}", out.path().join("survey").display()), &["manifest.json"]);
    let run = out.path().join("run");
    prints(0, &format!("{} --output {}", cli::MAIN, run.display()));
    refused(1, &format!("{} --force --output {}", shipped(), run.display()), &["other files"]);
}

#[test]
fn rows_without_all_fold_looks_of_the_same_state() {
    let rows = |args: &str| prints(0, args).lines().filter(|line| line.starts_with("  12-2")).count();
    assert_eq!(rows(&shipped()), 9);
    assert_eq!(rows(&format!("{} --all", shipped())), 25);
    assert_eq!(prints(0, &format!("{} --format csv", shipped())).lines().count(), 26);
}

#[test]
fn a_damaged_or_missing_dump_is_unknown_and_neither_seen_nor_lost() {
    let archive = folder();
    let dumps = copied(archive.path());
    let args = format!("{SURVEY} --archive {} --min-peers 5", archive.path().display());
    let (code, clean) = document(&args);
    assert_eq!((code, clean["is_sufficient"].as_bool()), (0, Some(true)));
    // Cut in the middle, changed in one bit, missing.
    let cut = fs::read(rib(&dumps, "20141222.1000")).expect("a file");
    fs::write(rib(&dumps, "20141222.1000"), &cut[..cut.len() / 2]).expect("a cut file");
    let mut changed = fs::read(rib(&dumps, "20141222.2000")).expect("a file");
    let middle = changed.len() / 2;
    changed[middle] ^= 4;
    fs::write(rib(&dumps, "20141222.2000"), changed).expect("a damaged file");
    fs::remove_file(rib(&dumps, "20141223.0400")).expect("a missing file");
    let (code, survey) = document(&args);
    assert_eq!((code, survey["is_sufficient"].as_bool()), (3, Some(false)));
    let looks = survey["prefixes"][0]["looks"].as_array().expect("looks");
    let before = clean["prefixes"][0]["looks"].as_array().expect("looks");
    assert_eq!(looks.len(), before.len());
    for (look, before) in looks.iter().zip(before) {
        let at = look["at"].as_str().expect("a time");
        if ["2014-12-22T10:00:00Z", "2014-12-22T20:00:00Z", "2014-12-23T04:00:00Z"].contains(&at) {
            assert_eq!(look["state"], "unknown", "{look}");
            assert!(look["why"].is_string() && look["share"].is_null(), "{look}");
        } else {
            assert_eq!(look, before);
        }
    }
    assert_eq!(survey["missing"][0]["at"], "2014-12-23T04:00:00Z");
    let longest = &survey["prefixes"][0]["candidates"][1];
    assert_eq!(longest["n_unknown"], 1);
    assert_eq!(longest["last_seen"], "2014-12-22T16:00:00Z");
}

#[test]
fn a_dump_that_ends_early_inside_a_whole_file_is_not_used() {
    let archive = folder();
    let dumps = copied(archive.path());
    // The records up to the middle, in a container that is whole.
    let path = rib(&dumps, "20141222.1000");
    let mut content = Vec::new();
    let mut decoder = bzip2::read::MultiBzDecoder::new(fs::File::open(&path).expect("a file"));
    std::io::Read::read_to_end(&mut decoder, &mut content).expect("content");
    let (mut at, mut ends) = (0, Vec::new());
    while at < content.len() {
        at += 12 + u32::from_be_bytes(content[at + 8..at + 12].try_into().expect("a length")) as usize;
        ends.push(at);
    }
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    std::io::Write::write_all(&mut encoder, &content[..ends[ends.len() / 2]]).expect("compressed");
    fs::write(&path, encoder.finish().expect("a stream")).expect("a file");
    let (code, survey) = document(&format!("{SURVEY} --archive {} --min-peers 5", archive.path().display()));
    assert_eq!(code, 3);
    let looks = survey["prefixes"][0]["looks"].as_array().expect("looks");
    let unknown: Vec<&Value> = looks.iter().filter(|look| look["state"] == "unknown").collect();
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0]["why"].as_str().expect("a reason").contains("records, and most dumps of route-views2 have"));
}

#[test]
fn wrong_questions_are_refused_with_a_way_out() {
    refused(2, &shipped().replace("--prefix 175.45.176.0/24", "--asn 131279"), &["AS131279", "--prefix", "sorted"]);
    refused(2, &shipped().replace("--prefix 175.45.176.0/24", ""), &["--prefix"]);
    refused(2, &SURVEY.replace("--from 2014-12-21T20:00", ""), &["--from"]);
    refused(1, &shipped().replace("2014-12", "2013-12"), &["RIB dump"]);
    refused(2, &format!("{} --collector route-views6", shipped()), &["route-views6"]);
}

#[test]
fn the_exit_code_is_that_of_a_run() {
    assert_eq!(document(&format!("{} --fail-on-outage", shipped())).0, 4);
    assert_eq!(document(&shipped()).0, 0);
    assert_eq!(document(&format!("{} --min-peers 30", shipped())).0, 3);
    assert_eq!(document(&format!("{} --min-peers 30 --fail-on-outage", shipped())).0, 3);
}

#[test]
fn no_name_in_an_archive_controls_the_terminal_or_a_spreadsheet() {
    let (_archive, args) = crate::hostile::archive();
    let path = args.split("--archive ").nth(1).expect("an archive");
    let window = "--from 2020-03-01T08:30 --to 2020-03-01T12:00 --min-peers 2";
    let args = format!("survey --prefix 192.0.2.0/24,2001:db8:1::/48 {window} --archive {path}");
    for format in ["table", "json", "csv"] {
        let Ran { stdout, stderr, .. } = ran(&mut cli::program(&format!("{args} --format {format} --all -v")));
        let is_control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!stdout.is_empty() && !format!("{stdout}{stderr}").contains(is_control), "{format}: {stdout}");
        if format == "csv" {
            let cells = stdout.split([',', '\n']).map(|cell| cell.trim_start_matches('"'));
            assert!(cells.clone().count() > 20);
            assert!(cells.into_iter().all(|cell| !cell.starts_with('=')), "{stdout}");
        }
    }
    // A path with blanks and quotes is one word of the command.
    let (_, survey) = document(&args);
    let command = survey["prefixes"][0]["candidates"][0]["commands"][0].as_str().expect("a command");
    assert!(command.contains(" --archive "), "{command}");
}

#[test]
fn a_collector_without_any_dump_is_named() {
    let archive = folder();
    let dumps = copied(archive.path());
    fs::remove_dir_all(&dumps).expect("no dumps");
    fs::create_dir_all(&dumps).expect("a folder");
    let name = "rib.20141201.0000.bz2";
    let from = "data/dprk-2014/route-views2/bgpdata/2014.12/RIBS/rib.20141222.0000.bz2";
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(from), Path::new(&dumps).join(name)).expect("a copy");
    let args = format!("{SURVEY} --collector route-views2 --archive {}", archive.path().display());
    refused(1, &args, &["route-views2 has no RIB dump in this time"]);
}
