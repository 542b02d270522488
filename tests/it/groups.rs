//! Networks that are judged together: groups of a list, and what is registered in a country. Whole tables, whose events are.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;

use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::cli::{self, MAIN, folder, prints, refused, words};
use crate::server::server;

/// What the registry of the region published on the day before; the blocks of Japan are not announced in the archive.
const APNIC: &str = "\
2|apnic|20141222|5|19830613|20141221|+1000
apnic|*|asn|*|1|summary
apnic|*|ipv4|*|3|summary
apnic|KP|asn|131279|1|20091211|allocated|A9177C3E
apnic|KP|ipv4|175.45.176.0|512|20091218|allocated|A9177C3E
apnic|KP|ipv4|175.45.178.0|512|20091218|allocated|A9177C3E
apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated|A92D9378
apnic|KP|ipv4|198.51.100.0|256|20110412|reserved|A92D9378
";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let file = fs::File::create(path).expect("a file");
    let written = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => GzEncoder::new(file, flate2::Compression::fast()).write_all(text.as_bytes()),
        Some("bz2") => bzip2::write::BzEncoder::new(file, bzip2::Compression::fast()).write_all(text.as_bytes()),
        _ => (&file).write_all(text.as_bytes()),
    };
    written.expect("a file");
}

/// The question of [`MAIN`] about other targets.
fn asked(targets: &str) -> String {
    MAIN.replace("--asn 131279", targets)
}

/// Edge, edge, severity, share of every outage of a network, without those of its prefixes.
fn of_networks(document: &Value) -> Vec<Value> {
    let outages = document["outages"].as_array().expect("outages").iter();
    let of_networks = outages.filter(|outage| outage["prefix"].is_null());
    let facts = |outage: &Value| json!([outage["start"], outage["end"], outage["severity"], outage["space_share_min"]]);
    of_networks.map(facts).collect()
}

#[test]
fn a_country_is_judged_as_the_network_of_what_is_registered_there() {
    let out = folder();
    let file = out.path().join("delegated-apnic-extended-20141222");
    write(&file, APNIC);
    let of_asn = cli::json(MAIN);
    for by in ["", "--country-by address", "--country-by asn"] {
        let country = cli::json(&asked(&format!("--country kp {by} --delegated {}", file.display())));
        assert_eq!(of_networks(&country), of_networks(&of_asn), "{by}");
        assert_eq!(country["answer"], "outage");
        let longest = &country["outages"].as_array().expect("outages")[5];
        assert_eq!(longest["id"], "KP-IPv4-20141222T161500Z");
        assert_eq!((&longest["scope"], &longest["target"]), (&json!("group"), &json!("KP")));
        // What other judgements find is compared for a group as for an AS.
        assert_eq!(longest["ioda"], of_asn["outages"][5]["ioda"], "{by}");
        assert_eq!(longest["agreement"], of_asn["outages"][5]["agreement"], "{by}");
    }
    let country = cli::json(&asked(&format!("--country KP --delegated {}", file.display())));
    let group = &country["query"]["groups"][0];
    assert_eq!(group["members"], json!(["175.45.176.0/22"]), "adjacent blocks are one");
    let source = &group["source"];
    assert_eq!((&source["country"], &source["by"]), (&json!("KP"), &json!("address")));
    assert_eq!(source["files"][0]["date"], "2014-12-21");
}

#[test]
fn a_country_says_what_it_stands_for_and_what_it_is_not() {
    let out = folder();
    let file = out.path().join("apnic.txt.gz");
    write(&file, APNIC);
    let page = words(&prints(0, &asked(&format!("--country KP --delegated {}", file.display()))));
    for expected in [
        "KP (addresses registered there) disappeared from the IPv4 routing table from 2014-12-22 16:15:00",
        "KP: it stands for 1 address block registered in KP according to apnic.txt.gz (2014-12-21). Registration is not location",
        "KP: what afrinic, arin, lacnic, ripencc registered in KP is missing: none of their statistics were read.",
    ] {
        assert!(page.contains(expected), "{expected} is not in: {page}");
    }
    // Nothing that is registered in Japan is in the archive: that is no outage, and not "no outage" either.
    let page = words(&prints(3, &asked(&format!("--country JP --delegated {}", file.display()))));
    assert!(page.contains("Verdict: not announced"), "{page}");
    assert!(page.contains("JP (addresses registered there): not announced in any of 24 full IPv4 tables"), "{page}");
}

#[test]
fn a_folder_holds_the_statistics_of_many_days() {
    let out = folder();
    let kp_until = |day: &str| APNIC.replace("|20141221|", &format!("|{day}|"));
    let nothing = APNIC.replace("|KP|", "|KR|");
    write(&out.path().join("apnic/2014/delegated-apnic-extended-20141130.gz"), &nothing);
    write(&out.path().join("apnic/2014/delegated-apnic-20141220"), &nothing);
    write(&out.path().join("apnic/2014/delegated-apnic-extended-20141220.bz2"), &kp_until("20141219"));
    write(&out.path().join("apnic/2014/delegated-apnic-extended-20141223.gz"), &nothing);
    write(&out.path().join("ripencc/delegated-ripencc-extended-20141222"), &nothing.replace("apnic", "ripencc"));
    write(&out.path().join("ripencc/delegated-ripencc-latest"), "not read");
    let country = cli::json(&asked(&format!("--country KP --delegated {}", out.path().display())));
    let files = &country["query"]["groups"][0]["source"]["files"];
    assert_eq!(files[0]["name"], "delegated-apnic-extended-20141220.bz2");
    assert_eq!(files[1]["name"], "delegated-ripencc-extended-20141222");
    assert_eq!(files.as_array().map(Vec::len), Some(2));
    // A folder of other years does not answer for this one.
    let old = out.path().join("old");
    write(&old.join("delegated-apnic-extended-20120101"), APNIC);
    refused(
        2,
        &asked(&format!("--country KP --delegated {}", old.display())),
        &[
            "no registry statistics for 2014-12-22",
            "the files there are from 2012-01-01 to 2012-01-01",
            "https://ftp.apnic.net/stats/apnic/2014/delegated-apnic-extended-20141222.gz",
        ],
    );
}

#[test]
fn statistics_that_cannot_be_read_are_refused() {
    let out = folder();
    let file = out.path().join("delegated-apnic-extended-20141222");
    let country = |country: &str| asked(&format!("--country {country} --delegated {}", file.display()));
    refused(2, &country("KP"), &["delegated-apnic-extended-20141222: No such file"]);
    write(&file, "<html>404</html>\n");
    refused(2, &country("KP"), &["line 1: this is not the first line of registry statistics"]);
    write(&file, APNIC.rsplit_once("|reserved").expect("a line").0);
    refused(2, &country("KP"), &["line 8: it has fewer than seven fields: the file may be truncated"]);
    write(&file, APNIC);
    refused(
        2,
        &country("XX"),
        &["no address block is registered in XX according to delegated-apnic-extended-20141222"],
    );
    refused(2, &country("Korea"), &["'Korea' is not a country code: write the two letters"]);
    refused(2, &asked("--country KP"), &["--delegated <PATH>"]);
}

#[test]
fn statistics_are_downloaded_once() {
    let out = folder();
    write(&out.path().join("apnic.gz"), APNIC);
    let whole = fs::read(out.path().join("apnic.gz")).expect("a file");
    let (address, n_requests) = server(move |path| match path {
        "/2014/delegated-apnic-extended-20141222.gz" => Some(whole.clone()),
        "/2014/delegated-apnic-extended-20141221.gz" => Some(whole[..whole.len() / 2].to_vec()),
        "/2014/delegated-apnic-extended-20141220.gz" => Some(b"<html>maintenance</html>".to_vec()),
        _ => None,
    });
    let cache = out.path().join("cache");
    let question = |name: &str, more: &str| {
        asked(&format!("--country KP --delegated {address}/2014/{name} --cache-dir {} {more}", cache.display()))
    };
    let name = "delegated-apnic-extended-20141222.gz";
    refused(1, &question(name, "--offline"), &["cannot get the registry statistics at", "not in the cache"]);
    // Nothing is downloaded for a question that cannot be answered.
    refused(2, &question(name, "--baseline 8days"), &["--baseline is at most 7days"]);
    refused(2, &question(name, "--min-coverage 2"), &["--min-coverage"]);
    let page = prints(0, &question(name, ""));
    assert!(page.contains("KP (addresses registered there)") && page.contains(name), "{page}");
    assert_eq!(prints(0, &question(name, "")), page);
    assert_eq!(prints(0, &question(name, "--offline")), page);
    assert_eq!(n_requests.load(Ordering::Relaxed), 1);
    let listed = prints(0, &format!("cache verify --cache-dir {}", cache.display()));
    assert!(listed.contains("verified") && listed.contains(name), "{listed}");
    // What a server sends instead is not kept.
    refused(1, &question("delegated-apnic-extended-20141219.gz", ""), &["does not exist: HTTP 404"]);
    refused(1, &question("delegated-apnic-extended-20141221.gz", ""), &["cannot get the registry statistics at"]);
    refused(
        1,
        &question("delegated-apnic-extended-20141220.gz", ""),
        &["this is not the first line of registry statistics"],
    );
    assert_eq!(prints(0, &format!("cache verify --cache-dir {}", cache.display())), listed);
    refused(2, &question("delegated-apnic-latest", ""), &["not the name of a file of statistics of one day"]);
}

#[test]
fn targets_of_one_group_are_judged_together_and_by_themselves() {
    let out = folder();
    let list = out.path().join("targets.csv");
    let table =
        "target,group,label\n175.45.176.0/24,Pyongyang & Co,First\n175.45.178.0/24,Pyongyang & Co,\n64500,,Other\n";
    write(&list, table);
    let document = cli::json(&asked(&format!("--targets {}", list.display())));
    let targets = document["coverage"]["targets"].as_array().expect("targets").iter();
    let named: Vec<&str> = targets.filter_map(|target| target["target"].as_str()).collect();
    assert_eq!(named, ["Pyongyang & Co", "175.45.176.0/24", "175.45.178.0/24", "AS64500"]);
    assert_eq!(document["outages"][5]["id"], "Pyongyang___Co-IPv4-20141222T161500Z");
    let expected = json!(["175.45.176.0/24", "175.45.178.0/24"]);
    assert_eq!(document["outages"][5]["prefixes"], expected);
    assert_eq!(document["query"]["groups"][0]["members"], expected);
    // A network of which less than half is lost is not down.
    let table = "target,group\nAS131279,All\nAS64500,All\n";
    write(&list, table);
    let document = cli::json(&asked(&format!("--targets {}", list.display())));
    let of_group: Vec<&Value> =
        document["outages"].as_array().expect("outages").iter().filter(|outage| outage["scope"] == "group").collect();
    let of_asns = document["outages"].as_array().expect("outages").iter().filter(|outage| outage["scope"] == "asn");
    assert_eq!(of_asns.count(), 8);
    let spaces = document["coverage"]["targets"].as_array().expect("targets");
    assert_eq!(spaces[0]["target"], "All");
    for outage in of_group {
        assert!(outage["space_share_min"].as_f64().expect("a share") < 0.5, "{outage}");
    }
}

#[test]
fn a_group_of_several_ases_is_drawn_as_layers_of_their_address_space() {
    let out = folder();
    let list = out.path().join("targets.csv");
    write(&list, "target,group,label\nAS131279,All,Star JV\nAS64500,All,\nAS64501,All,\n");
    let run = out.path().join("run");
    prints(
        0,
        &format!("{} --output {} --export html,svg", asked(&format!("--targets {}", list.display())), run.display()),
    );
    let page = fs::read_to_string(run.join("report.html")).expect("a page");
    let picture = fs::read_to_string(run.join("timeline.svg")).expect("a picture");
    for expected in ["By origin AS", "6 /24", "AS131279 (Star JV)"] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(picture.contains("All IPv4 by origin AS: address space still routed of 6 /24"));
    // Of six networks AS131279 has four. While it is out, the others are at the bottom.
    let tops = |class: &str| -> BTreeSet<String> {
        let rects = picture.split("<rect ").filter(|rect| rect.starts_with(&format!("class=\"{class}\"")));
        let measure = |rect: &str, name: &str| {
            let (_, rest) = rect.split_once(&format!("{name}=\"")).expect("a measure");
            rest.split('"').next().expect("a value").to_owned()
        };
        rects.filter(|rect| rect.contains("width")).map(|rect| measure(rect, "height")).collect()
    };
    assert!(tops("layer0").contains("73.33"), "{:?}", tops("layer0"));
    assert!(tops("layer1").contains("18.33"), "{:?}", tops("layer1"));
    // A network of one AS has no layers.
    assert!(!out_of("--asn 131279").contains("By origin AS"));
}

#[test]
fn names_of_groups_cannot_be_mistaken() {
    let out = folder();
    let list = out.path().join("targets.csv");
    let with = |group: &str| {
        write(&list, &format!("target,group\n131279,\"{group}\"\n64500,a-b\n"));
        asked(&format!("--targets {}", list.display()))
    };
    refused(2, &with("AS64500"), &["line 2: 'AS64500' cannot be the name of a group: it is an AS number or a prefix"]);
    refused(2, &with(&"x".repeat(65)), &["line 2: the name of a group must not be longer than 64 bytes"]);
    refused(2, &with("tab\there"), &["line 2: the name of a group must not contain control characters"]);
    write(&list, "target,group\n131279,a b\n64500,a_b\n");
    refused(2, &asked(&format!("--targets {}", list.display())), &["the groups 'a b' and 'a_b' cannot be told apart"]);
}

#[test]
fn a_run_about_a_country_can_be_judged_again_and_repeated() {
    let out = folder();
    let (file, run) = (out.path().join("apnic"), out.path().join("run"));
    write(&file, APNIC);
    let question = asked(&format!("--country KP --delegated {} --output {}", file.display(), run.display()));
    let page = prints(0, &question);
    assert_eq!(prints(0, &format!("redetect {}", run.display())), page);
    let explained = prints(0, &format!("explain {} --outage KP-IPv4-20141222T161500Z", run.display()));
    assert!(explained.contains("KP-IPv4-20141222T161500Z"), "{explained}");
    // The statistics are not needed again: the manifest has what they said.
    fs::remove_file(&file).expect("a file");
    let same = prints(0, &format!("reproduce {} --archive data/dprk-2014", run.join("manifest.json").display()));
    assert!(words(&same).contains("same"), "{same}");
    let answers = fs::read_to_string(run.join("targets.csv")).expect("a table");
    assert!(answers.lines().nth(1).is_some_and(|row| row.starts_with("KP,,outage,true,4,4,8,0,")), "{answers}");
}

/// The question of [`MAIN`] about the whole table.
const SCAN: &str = "--all-prefixes";

#[test]
fn a_scan_of_the_whole_table_finds_the_networks_that_were_out_and_lists_their_events_first() {
    let scan = cli::json(&asked(SCAN));
    let networks = ["175.45.176.0/24", "175.45.177.0/24", "175.45.178.0/24", "175.45.179.0/24"];
    assert_eq!(scan["query"]["targets"], json!(networks));
    assert_eq!(scan["query"]["scan"], json!({ "of": "prefixes", "n_named": 107, "n_chosen": 4 }));
    assert_eq!(scan["events"][0]["start"], "2014-12-22T16:15:00Z");
    assert_eq!(scan["events"][0]["prefixes"], json!(networks));
    // Everything that is said of the events is what a question about the whole table says.
    let whole = cli::json(&asked("--prefix 0.0.0.0/0,::/0"));
    assert_eq!(scan["events"], whole["events"]);
    let page = prints(0, &asked(SCAN));
    let (events, outages) = (page.find("\nEvents (").expect("events"), page.find("\nOutages (").expect("outages"));
    assert!(events < outages, "{page}");
    assert!(words(&page).contains("Of 107 prefixes 4 were replayed."), "{page}");
    assert!(!page.contains("--match"), "{page}");
    assert!(page.contains("\n4 of 107 prefixes had an outage.\nMost at once: 4, from 2014-12-22 16:15:00"), "{page}");
    let html = out_of(SCAN);
    assert!(html.contains("<strong>The whole table</strong>") && html.contains("4 of 107 prefixes had an outage"));
}

/// The page of a question.
fn out_of(targets: &str) -> String {
    let out = folder();
    prints(0, &format!("{} --output {}/run", asked(targets), out.path().display()));
    fs::read_to_string(out.path().join("run/report.html")).expect("a page")
}

#[test]
fn a_scan_in_which_nothing_was_lost_judges_ten_prefixes() {
    let quiet = "--all-prefixes --from 2014-12-23T03:00 --to 2014-12-23T05:00 --archive data/dprk-2014 --collector route-views2 \
                 --min-peers 9";
    let document = cli::json(quiet);
    assert_eq!(document["query"]["scan"], json!({ "of": "prefixes", "n_named": 87, "n_chosen": 10 }));
    assert_eq!((&document["answer"], &document["events"]), (&json!("no_outage"), &json!([])));
}

#[test]
fn a_scan_by_origin_finds_the_as_that_was_out() {
    let scan = cli::json(&asked("--all-asns"));
    assert_eq!(scan["query"]["targets"], json!(["AS131279"]));
    assert_eq!(scan["query"]["scan"], json!({ "of": "asns", "n_named": 29, "n_chosen": 1 }));
    let whole = cli::json(&asked("--asn 131279"));
    assert_eq!((&scan["outages"][0], &scan["events"]), (&whole["outages"][0], &whole["events"]));
    let page = prints(0, &asked("--all-asns"));
    assert!(words(&page).contains("Of 29 origin ASes 1 was replayed."), "{page}");
    let out = folder();
    let run = out.path().join("run").display().to_string();
    prints(0, &format!("{} --output {run}", asked("--all-asns")));
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(format!("{run}/manifest.json")).expect("a file")).expect("JSON");
    assert_eq!(manifest["command"].as_array().expect("words")[1..3], [json!("--all-asns"), json!("--from")]);
    prints(0, &format!("reproduce {run} --archive data/dprk-2014"));
    refused(2, &format!("{MAIN} --all-asns"), &["'--all-asns'", "cannot be used with", "'--asn <ASN>'"]);
    refused(2, &format!("{} --all-asns", asked(SCAN)), &["'--all-prefixes'", "cannot be used with"]);
}

#[test]
fn a_scan_is_written_judged_again_and_repeated_like_any_run() {
    let out = folder();
    let run = out.path().join("run").display().to_string();
    prints(0, &format!("{} --output {run}", asked(SCAN)));
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(format!("{run}/manifest.json")).expect("a file")).expect("JSON");
    assert_eq!(manifest["command"].as_array().expect("words")[1..3], [json!("--all-prefixes"), json!("--from")]);
    prints(0, &format!("redetect {run} --output {run}-again"));
    assert!(cli::contents(Path::new(&run)) == cli::contents(Path::new(&format!("{run}-again"))));
    prints(0, &format!("reproduce {run} --archive data/dprk-2014"));
    let plan = prints(0, &format!("plan {}", asked(SCAN)));
    assert!(plan.contains("718 files ("), "{plan}");
    refused(2, &format!("plan --tasks {}", asked(SCAN)), &["a scan has no tasks"]);
    refused(2, &format!("{MAIN} --all-prefixes"), &["'--all-prefixes'", "cannot be used with", "'--asn <ASN>'"]);
    refused(2, "--all-prefixes --from 2014-12-22", &["the window has no end"]);
}
