//! The sources of files as a user sees them: archives, the cache, plans. Runs over a network are in `network`.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::cli::{MAIN, QUIET, Ran, contents, folder, json, prints, program, ran, refused};
use crate::scenario;
use crate::server::server;

#[test]
fn sources_are_narrowed_by_collector_and_project() {
    let collectors = |args: &str| -> Vec<String> {
        let document = json(&format!("{QUIET} --min-peers 5 {args}"));
        let collectors = document["coverage"]["collectors"].as_array().expect("collectors");
        collectors.iter().map(|one| one["collector"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(collectors(""), ["route-views.sydney", "route-views2", "rrc00"]);
    assert_eq!(collectors("--collector rrc00"), ["rrc00"]);
    assert_eq!(collectors("--collector rrc00,route-views2"), ["route-views2", "rrc00"]);
    assert_eq!(collectors("--project routeviews"), ["route-views.sydney", "route-views2"]);
    assert_eq!(collectors("--project riperis"), ["rrc00"]);
    refused(
        2,
        &format!("{QUIET} --collector rrc99"),
        &["unknown collector 'rrc99': the archive has route-views.sydney, route-views2, rrc00"],
    );
    refused(2, &format!("{QUIET} --project bgpstream"), &["unknown project 'bgpstream': write riperis or routeviews"]);
    refused(1, &format!("{QUIET} --project riperis --collector route-views2"), &["the chosen collectors have none"]);
}

#[test]
fn the_archive_may_come_from_the_environment() {
    let args = QUIET.replace("--archive data/dprk-2014", "");
    let Ran { code, stdout, .. } = ran(program(&args).env("OUTAGE_REPLAY_ARCHIVE", "data/dprk-2014"));
    assert_eq!((code, stdout), (0, prints(0, QUIET)));
}

#[test]
fn a_plan_lists_what_a_run_would_read_and_what_is_missing() {
    let plan = prints(0, &format!("plan {MAIN}"));
    assert!(plan.contains("718 files"), "{plan}");
    assert!(plan.contains("Left out: 34 RIB dumps inside the window"), "{plan}");
    assert!(prints(0, &format!("plan {MAIN} --ribs all --yes")).contains("752 files"), "all RIB dumps");
    assert!(
        plan.contains("Missing: route-views.sydney updates 2014-12-22T13:30:00Z to 2014-12-22T13:45:00Z"),
        "{plan}"
    );
    let document: Value = serde_json::from_str(&prints(0, &format!("plan {MAIN} --format json"))).expect("JSON");
    let collectors = document["collectors"].as_array().expect("collectors");
    assert_eq!(collectors.len(), 3);
    assert_eq!(collectors[0]["collector"], "route-views.sydney");
    assert_eq!(collectors[0]["missing"].as_array().map(Vec::len), Some(1));
    assert_eq!(collectors[0]["missing"][0]["slots"], serde_json::json!(["2014-12-22T13:30:00Z"]));
    for (sum, expected) in [("n_files", 718), ("n_requests", 0), ("bytes_to_download", 0), ("n_missing", 1)] {
        assert_eq!(document[sum], expected, "{sum}");
    }
    refused(2, &format!("plan {MAIN} --format csv"), &["--format table or json"]);
    refused(2, "plan --from 2014-12-22 --to 2014-12-23 --archive data/dprk-2014", &["nothing to look for"]);
}

#[test]
fn commands_ignore_the_settings_that_do_not_concern_them() {
    let folder = folder();
    for args in ["cache path".to_owned(), format!("plan {MAIN}")] {
        let mut command = program(&args);
        command.env("OUTAGE_REPLAY_CACHE", folder.path()).env("BGPKIT_BROKER_URL", "http://127.0.0.1:1");
        let Ran { code, stderr, .. } = ran(&mut command);
        assert_eq!(code, 0, "{args}: {stderr}");
    }
}

#[test]
fn a_cache_is_listed_verified_and_pruned() {
    let folder = folder();
    let cache = format!("--cache-dir {}", folder.path().display());
    assert_eq!(prints(0, &format!("cache path {cache}")).trim_end(), folder.path().display().to_string());
    assert!(prints(0, &format!("cache list {cache}")).starts_with("0 files"));

    // A file whose digest is not yet in its place was not finished; one without any was not downloaded.
    let file = folder.path().join("rrc00/2014.12/updates.20141222.1615.gz");
    let foreign = folder.path().join("rrc00/2014.12/updates.20141222.1620.gz");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(&file, b"not finished").expect("a file");
    std::fs::write(format!("{}.new", file.display()), b"a digest").expect("a digest");
    std::fs::write(&foreign, b"of somebody else").expect("a file");
    let verified = prints(1, &format!("cache verify {cache}"));
    assert!(verified.contains("damaged   rrc00/2014.12/updates.20141222.1615.gz"), "{verified}");
    assert!(verified.contains("foreign   rrc00/2014.12/updates.20141222.1620.gz"), "{verified}");
    assert!(prints(0, &format!("cache prune --older-than 30days {cache}")).starts_with("0 files removed"));
    assert!(prints(0, &format!("cache prune --max-size 0 {cache}")).starts_with("1 files removed"));
    assert!(!file.exists() && foreign.exists());
    refused(2, &format!("cache prune {cache}"), &["--older-than", "--max-size"]);
    refused(1, &format!("cache list --cache-dir {}", foreign.display()), &["cannot read the cache"]);
    refused(2, &format!("cache prune --max-size many {cache}"), &["500M"]);
}

/// A cache that holds the shipped archive as if it had been downloaded.
fn filled_cache() -> TempDir {
    let folder = folder();
    for file in outage_replay::catalog::Mirror::open(Path::new("data/dprk-2014")).expect("the archive").files() {
        let bytes = std::fs::read(Path::new("data/dprk-2014").join(&file.name)).expect("a file");
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(&path, bytes).expect("a file");
        std::fs::write(format!("{}.sha256", path.display()), digest).expect("a digest");
    }
    folder
}

/// A window after 16:00 for networks that stay, from the three collectors of the shipped archive.
const OFFLINE: &str = "--asn 64500 --from 2014-12-22T16:00 --to 2014-12-22T17:00 --offline";
const OF_THE_ARCHIVE: &str = "--collector rrc00,route-views2,route-views.sydney";

#[test]
fn offline_reads_the_cache_alone() {
    let cache = filled_cache();
    let cached = format!("{OFFLINE} --cache-dir {}", cache.path().display());
    let from_cache = prints(0, &format!("{cached} {OF_THE_ARCHIVE} --format csv"));
    assert_eq!(from_cache, prints(0, &format!("{QUIET} --format csv")));

    // Among the collectors that the cache has, the choice is that of a run with network.
    let document: Value = serde_json::from_str(&prints(0, &format!("{cached} --format json"))).expect("JSON");
    let gaps: Vec<(&str, &str)> = document["coverage"]["gaps"]
        .as_array()
        .expect("gaps")
        .iter()
        .map(|gap| (gap["collector"].as_str().unwrap_or("-"), gap["detail"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(gaps, []);

    let empty = folder();
    refused(1, &format!("{OFFLINE} --cache-dir {}", empty.path().display()), &["the cache at", "without --offline"]);
    let nowhere = empty.path().join("nowhere");
    refused(1, &format!("{OFFLINE} --cache-dir {}", nowhere.display()), &["the cache at", "without --offline"]);
    refused(2, &format!("{cached} --collector rrc99"), &["unknown collector 'rrc99'"]);
}

#[test]
fn offline_never_uses_a_damaged_file_and_reports_it() {
    let cache = filled_cache();
    let args = format!("{OFFLINE} --cache-dir {} {OF_THE_ARCHIVE} --format json", cache.path().display());
    let file = "rrc00/2014.12/updates.20141222.1615.gz";
    let path = cache.path().join(file);
    let right = std::fs::read(&path).expect("a file");
    // Another file in its place reads well, and is not what was downloaded.
    std::fs::copy(cache.path().join("rrc00/2014.12/updates.20141222.1620.gz"), &path).expect("a copy");
    let damaged = ran(&mut program(&args));
    assert!(
        damaged.stderr.contains("updates.20141222.1615.gz: damaged in the cache: its digest does not match"),
        "{}",
        damaged.stderr
    );
    let document: Value = serde_json::from_str(&damaged.stdout).expect("JSON");
    let gap = &document["coverage"]["gaps"][0];
    assert_eq!((&gap["reason"], &gap["start"]), (&"unavailable".into(), &"2014-12-22T16:15:00Z".into()), "{gap}");
    assert!(std::fs::read(&path).expect("a file") != right, "it is not repaired, and not removed");

    std::fs::write(&path, &right).expect("a file");
    std::fs::remove_file(format!("{}.sha256", path.display())).expect("removed");
    assert!(ran(&mut program(&args)).stderr.contains("it has no digest"));
}

#[test]
fn the_minimum_coverage_decides_the_effect_of_a_missing_collector() {
    // The files of one collector for the window are missing; two thirds of the peers are still known.
    let archive = filled_cache();
    for entry in std::fs::read_dir(archive.path().join("rrc00/2014.12")).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("updates.20141222.16") {
            std::fs::remove_file(entry.path()).expect("removed");
        }
    }
    let args = QUIET.replace("data/dprk-2014", &archive.path().display().to_string());
    let page = prints(0, &args);
    assert!(page.contains("rrc00 unknown 2014-12-22 16:00:00"), "{page}");
    prints(0, &format!("{args} --min-coverage 0.5"));
    let page = prints(3, &format!("{args} --min-coverage 0.95"));
    assert!(page.contains("insufficient"), "{page}");
    prints(3, &format!("{args} --strict"));
}

#[test]
fn strict_asks_for_more_than_a_sufficient_answer() {
    // One file is missing, and others show what it would have.
    let answer = prints(0, MAIN);
    let strict = ran(&mut program(&format!("{MAIN} --strict")));
    assert_eq!((strict.code, strict.stdout), (3, answer), "the result is printed all the same");
    assert_eq!(strict.stderr, "--strict: 1 gap, and 0 files not read completely\n");
    assert_eq!(prints(0, &format!("{QUIET} --strict")), prints(0, QUIET));
    prints(4, &format!("{MAIN} --strict --fail-on-outage"));
}

#[test]
fn an_invalid_broker_url_is_refused() {
    let folder = folder();
    let args = format!("{QUIET} --cache-dir {} --all-collectors", folder.path().display());
    for (url, why) in [
        ("not-a-url", "not a URL"),
        ("file:///etc/passwd", "only http and https are allowed"),
        ("https://user:secret@host/v3", "a user name or password"),
        ("http://", "not a URL"),
        ("https://host/v3?page=1", "more than host and path"),
    ] {
        let args = args.replace("--archive data/dprk-2014", &format!("--broker-url {url}"));
        refused(2, &args, &["--broker-url", why, "https://api.bgpkit.com/v3/broker"]);
        let args = args.replace(&format!("--broker-url {url}"), "");
        let by_variable = ran(program(&args).env("BGPKIT_BROKER_URL", url));
        assert_eq!(by_variable.code, 2, "{}", by_variable.stderr);
    }
    assert!(contents(folder.path()).is_empty());
}

#[test]
fn an_invalid_mirror_or_catalog_is_refused() {
    let folder = folder();
    let args = format!("{QUIET} --cache-dir {}", folder.path().display());
    for (url, why) in [
        ("mirror", "not a URL"),
        ("ftp://host/routeviews", "only http and https are allowed"),
        ("https://user:secret@host/", "a user name or password"),
        ("https://host/?path=", "more than host and path"),
    ] {
        let args = args.replace("--archive data/dprk-2014", &format!("--mirror https://host/ --mirror {url}"));
        refused(2, &args, &["--mirror", why, "https://host/path"]);
    }
    let args = args.replace("--archive data/dprk-2014", "--catalog somewhere");
    refused(2, &args, &["--catalog", "auto, broker, archives"]);
    assert!(contents(folder.path()).is_empty());
}

#[test]
fn an_archive_that_cannot_be_used_is_named_with_what_was_expected() {
    let window = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00";
    refused(1, &format!("{window} --archive no/such/folder"), &["cannot read the archive at no/such/folder: "]);
    refused(1, &format!("{window} --archive Cargo.toml"), &["cannot read the archive at Cargo.toml: "]);
    let empty = folder();
    refused(
        1,
        &format!("{window} --archive {}", empty.path().display()),
        &["no archive files below", "updates.YYYYMMDD.HHMM.gz (RIPE RIS)", "(RouteViews)"],
    );
}

/// A copy of one collector of the shipped archive, without its metadata, below `place`.
fn copied(place: &str, names: impl Fn(&str) -> String) -> TempDir {
    let folder = folder();
    let from = Path::new("data/dprk-2014/rrc00/2014.12");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let to = folder.path().join(place).join(names(&name));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(entry.path(), to).expect("a copy");
    }
    folder
}

/// One collector is asked about its part of the great outage.
const ALONE: &str = "--asn 131279 --from 2014-12-22T15:00 --to 2014-12-22T17:00 --min-peers 5";

fn outages(archive: &Path, more: &str) -> (Value, Vec<String>) {
    let Ran { stdout, stderr, .. } =
        ran(&mut program(&format!("{ALONE} --format json --archive {} {more}", archive.display())));
    let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
    let starts = document["outages"].as_array().expect("outages").iter().map(|outage| outage["start"].to_string());
    let starts = starts.collect();
    (document, starts)
}

#[test]
fn an_archive_has_the_same_answer_in_any_layout() {
    let (_, expected) = outages(Path::new("data/dprk-2014"), "--collector rrc00");
    assert!(!expected.is_empty());
    let same = |name: &str| name.to_owned();
    for (place, archive) in [("rrc00", "rrc00"), ("rrc00/2014/12/22", ""), ("data/RRC00/mine", "data")] {
        let folder = copied(place, same);
        let (document, starts) = outages(&folder.path().join(archive), "");
        assert_eq!(starts, expected, "{place}");
        assert_eq!(document["coverage"]["collectors"][0]["collector"], "rrc00");
    }
    // Other names: the records show what the files contain.
    let folder = copied("mine", |name| format!("dump-{}.mrt.gz", name.replace('.', "")));
    let (document, starts) = outages(&folder.path().join("mine"), "--collector-name lab");
    assert_eq!(starts, expected);
    assert_eq!(document["coverage"]["collectors"][0]["collector"], "lab");
}

#[test]
fn of_two_files_of_one_minute_the_whole_one_is_read_and_a_contradiction_is_refused() {
    let (_, expected) = outages(Path::new("data/dprk-2014"), "--collector rrc00");
    let folder = copied("rrc00", str::to_owned);
    let file = |name: &str| folder.path().join("rrc00").join(name);
    let whole = std::fs::read(file("updates.20141222.1615.gz")).expect("a file");
    std::fs::write(file("updates.20141222.1615.bz2"), b"").expect("an empty copy");
    std::fs::write(file("updates.20141222.1615"), &whole[..whole.len() / 2]).expect("a cut copy");
    assert_eq!(outages(folder.path(), "").1, expected);
    std::fs::copy(file("updates.20141222.1620.gz"), file("updates.20141222.1615.zst")).expect("another file");
    refused(
        1,
        &format!("{ALONE} --archive {}", folder.path().display()),
        &["updates.20141222.1615.gz", "updates.20141222.1615.zst", "two different files with updates"],
    );
}

#[test]
fn a_file_that_cannot_be_read_for_its_container_is_named() {
    let folder = copied("rrc00", |name| name.replace("1615.gz", "1615.xz"));
    let args = format!("{ALONE} --archive {}", folder.path().display());
    let Ran { stderr, stdout, .. } = ran(&mut program(&args));
    assert!(stderr.contains("warning: not read") && stderr.contains("updates.20141222.1615.xz"), "{stderr}");
    assert!(stdout.contains("16:15:00"), "{stdout}");
    let plan = prints(0, &format!("plan {args}"));
    assert!(plan.contains("updates.20141222.1615.xz: .xz is not read; decompress it"), "{plan}");
}

#[test]
fn the_note_of_an_archive_follows_its_data() {
    let note = |archive: &str| {
        let page = ran(&mut program(&format!("{ALONE} --archive {archive}"))).stdout;
        assert!(page.starts_with("Note: Reconstruction from published facts"), "{archive}: {page}");
        assert_eq!(page.matches("Reconstruction from published facts").count(), 1);
    };
    note("data");
    note("data/dprk-2014/rrc00");
    note("data/dprk-2014/rrc00/2014.12/updates.20141222.1615.gz");
    note("data/dprk-2014/rrc00 --archive data/dprk-2014/route-views2");
    let out = folder();
    let run = out.path().join("run");
    prints(0, &format!("{ALONE} --archive data/dprk-2014 --output {} --export csv,parquet", run.display()));
    assert!(prints(0, &format!("explain {}", run.display())).starts_with("Note: Reconstruction"));
    assert!(prints(0, &format!("redetect {}", run.display())).starts_with("Note: Reconstruction"));
    let sidecar = std::fs::read_to_string(run.join("NOTE.txt")).expect("a note");
    assert!(sidecar.starts_with("Reconstruction"), "{sidecar}");
    let table = std::fs::read(run.join("outages.parquet")).expect("a table");
    assert!(String::from_utf8_lossy(&table).contains("Reconstruction from published facts"));
}

#[test]
fn lists_of_targets_are_read_as_editors_save_them() {
    let folder = folder();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "\u{feff}131279\r\n# a comment\r\n").expect("a list");
    let args =
        format!("--from 2014-12-22T15:00 --to 2014-12-22T17:00 --archive data/dprk-2014 --targets {}", list.display());
    assert!(prints(0, &args).contains("AS131279"));
    std::fs::write(&list, b"\xff\xfe1\x003\x00").expect("a list");
    refused(1, &args, &["cannot read targets from", "UTF-16", "save it as UTF-8"]);
}

#[test]
fn a_window_without_files_says_what_the_archive_holds() {
    refused(
        1,
        "--asn 131279 --from 2005-12-22 --duration 1h --archive data/dprk-2014",
        &[
            "no update file or RIB dump covers 2005-12-22T00:00:00Z .. 2005-12-22T01:00:00Z",
            "2014-12-21T20:00:00Z to 2014-12-23T20:00:00Z",
        ],
    );
}

// Windows.

#[test]
fn a_plan_folds_a_long_list_of_missing_files_and_the_flag_unfolds_it() {
    // One update file in four is not there.
    let skipped: String = (0..20).map(|n| format!("skip x updates +{}\n", 600 + 1200 * n)).collect();
    let archive = scenario::folder(&format!(
        "epoch 2020-03-01T00:00\narchive +0 .. +24000\ncollector x riperis updates 300 ribs 28800\npeer a x AS64500 192.0.2.1\n\
         route a 203.0.113.0/24 \"64500\"\nnoise every 30\n{skipped}"
    ));
    let question = format!(
        "plan --asn 64500 --from 2020-03-01T00:00 --to 2020-03-01T06:40 --archive {}",
        archive.path().display()
    );
    let lines = |page: &str| page.lines().filter(|line| line.starts_with("Missing: ")).count();
    let (folded, all) = (prints(0, &question), prints(0, &format!("{question} --all")));
    assert_eq!(lines(&folded), 12, "{folded}");
    let n_more = lines(&all) - 12;
    assert!(n_more >= 7 && folded.contains(&format!("… and {n_more} more: --all lists them")), "{folded}");
    assert!(!all.contains("more: --all"), "{all}");
}

/// A broker that lists the update files of `rrc00` in the shipped archive, and one RIB dump, at `host`.
fn broker_of(host: String) -> String {
    let names: Vec<String> = std::fs::read_dir("data/dprk-2014/rrc00/2014.12")
        .expect("the archive")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("a name"))
        .collect();
    let (address, _) = server(move |path| {
        let asked = |key: &str| {
            let (_, value) = path.split_once(&format!("{key}="))?;
            value.split('&').next()
        };
        let (from, to) = (asked("ts_start")?.parse::<i64>().ok()?, asked("ts_end")?.parse::<i64>().ok()?);
        let kind = asked("data_type")?;
        let items = names.iter().filter_map(|name| {
            let stamp = name.split('.').skip(1).take(2).collect::<Vec<_>>().join("");
            let at = chrono::NaiveDateTime::parse_from_str(&stamp, "%Y%m%d%H%M").ok()?;
            let is_kind = name.starts_with(if kind == "rib" { "bview" } else { "updates" });
            (is_kind && (from..to).contains(&at.and_utc().timestamp())).then(|| {
                serde_json::json!({
                    "ts_start": at.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    "ts_end": at.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    "collector_id": "rrc00",
                    "data_type": kind,
                    "url": format!("{host}/rrc00/2014.12/{name}"),
                    "rough_size": 100_000,
                    "exact_size": 0,
                })
            })
        });
        let items: Vec<Value> = if asked("page") == Some("1") { items.collect() } else { Vec::new() };
        let n = items.len();
        let page =
            serde_json::json!({ "total": n, "count": n, "page": 1, "page_size": 1000, "error": null, "data": items });
        Some(page.to_string().into_bytes())
    });
    address
}

#[test]
fn a_broker_that_lied_leaves_nothing_that_a_later_run_believes() {
    // One server has the files of the collector, the other under their names those of another collector, or of another time.
    let shipped = |path: &str| std::fs::read(format!("data/dprk-2014{path}")).ok();
    let (honest, _) = server(shipped);
    let (lying, _) = server(move |path| {
        let other = path.replace("/rrc00/2014.12/", "/route-views2/bgpdata/2014.12/UPDATES/").replace(".gz", ".bz2");
        let earlier = path.replace("updates.20141222.16", "updates.20141222.13");
        shipped(&other).or_else(|| shipped(&earlier))
    });
    let out = folder();
    let question = |host: &str, cache: &str| {
        let broker = broker_of(host.to_owned());
        let at = out.path().join(cache);
        format!(
            "--asn 131279 --from 2014-12-22T16:00 --to 2014-12-22T16:30 --collector rrc00 --min-peers 5 --broker-url {broker} \
             --catalog broker --cache-dir {} --format csv",
            at.display()
        )
    };
    let clean = prints(0, &question(&honest, "clean"));
    assert!(clean.contains("AS131279-IPv4-20141222T161504Z"), "{clean}");
    let poisoned = ran(&mut program(&question(&lying, "cache"))).stdout;
    assert_ne!(poisoned, clean);
    let cache = format!("--cache-dir {}", out.path().join("cache").display());
    let examined = prints(1, &format!("cache verify --records {cache}"));
    for expected in [
        "updates.20141222.1620.gz: its records are dated 2014-12-22T13:20:03Z",
        "they belong to another file",
        "  http://127.0.0.1:",
    ] {
        assert!(examined.contains(expected), "{expected} is not in {examined}");
    }
    assert_eq!(prints(0, &question(&honest, "cache")), clean);
    let examined = prints(0, &format!("cache verify --records {cache}"));
    assert!(examined.contains(", 0 suspect\n"), "{examined}");
    // A file of another collector has other peers.
    let path = out.path().join("cache/rrc00/2014.12/updates.20141222.1615.gz");
    let other =
        std::fs::read("data/dprk-2014/route-views2/bgpdata/2014.12/UPDATES/updates.20141222.1615.bz2").expect("a file");
    let digest: String = Sha256::digest(&other).iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(&path, other).expect("a file");
    std::fs::write(format!("{}.sha256", path.display()), digest).expect("a digest");
    let examined = prints(1, &format!("cache verify --records {cache}"));
    let expected = "suspect rrc00/2014.12/updates.20141222.1615.gz: none of its peers is in any other file of rrc00";
    assert!(examined.contains(expected), "{examined}");
}

#[test]
fn a_downloaded_file_with_one_record_of_another_time_is_the_file_of_its_name() {
    const NAME: &str = "updates.20141222.1615.gz";
    const HOUR: u32 = 3600;
    let (host, n_requests) = server(|path| {
        let stored = std::fs::read(format!("data/dprk-2014{path}")).ok()?;
        if !path.ends_with(NAME) {
            return Some(stored);
        }
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain).ok()?;
        let length = 12 + u32::from_be_bytes(plain[8..12].try_into().ok()?) as usize;
        let mut late = plain[..length].to_vec();
        let seconds = u32::from_be_bytes(late[..4].try_into().ok()?) + 72 * HOUR;
        late[..4].copy_from_slice(&seconds.to_be_bytes());
        Some([plain, late].concat())
    });
    let out = folder();
    let question = format!(
        "--asn 131279 --from 2014-12-22T16:00 --to 2014-12-22T16:30 --collector rrc00 --min-peers 5 --broker-url {} \
         --catalog broker --cache-dir {} --format csv",
        broker_of(host),
        out.path().display()
    );
    let Ran { code, stdout, .. } = ran(&mut program(&question));
    let n = n_requests.load(std::sync::atomic::Ordering::Relaxed);
    assert!(stdout.contains("AS131279-IPv4-20141222T161504Z"), "{stdout}");
    assert_eq!(ran(&mut program(&question)).code, code);
    assert_eq!(n_requests.load(std::sync::atomic::Ordering::Relaxed), n, "nothing is downloaded again");
}

#[test]
fn without_certificates_the_error_says_what_to_install() {
    let folder = folder();
    let asked = format!("--asn 131279 --from 2014-12-22 --to 2014-12-23 --cache-dir {}", folder.path().display());
    let mut command = program(&asked);
    command.env("SSL_CERT_FILE", folder.path().join("none")).env("SSL_CERT_DIR", folder.path());
    let Ran { code, stdout, stderr } = ran(&mut command);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.starts_with("error: cannot use HTTPS: ") && stderr.contains("ca-certificates"), "{stderr}");
}
