//! One question in several windows: `--windows`, and tables of targets with windows of their own.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Deserializer, Value};

use crate::cli::{Ran, contents, folder, json, prints, program, ran, refused};

const LONG: (&str, &str) = ("2014-12-22T12:00", "2014-12-23T03:00");
const SHORT: (&str, &str) = ("2014-12-23T15:00", "2014-12-23T17:00");

/// The question about one window.
fn alone((from, to): (&str, &str)) -> String {
    format!("--asn 131279 --from {from} --to {to} --archive data/dprk-2014")
}

#[test]
fn each_window_of_a_list_is_answered_like_a_run_of_its_own() {
    let out = folder();
    let at = out.path().display();
    // In any order, with or without a heading, with comments.
    for list in [
        format!("from,to\n{},{} # the long one\n\n{},{}\n", LONG.0, LONG.1, SHORT.0, SHORT.1),
        format!("# two\n{};{}\n{};{}\n", SHORT.0, SHORT.1, LONG.0, LONG.1),
    ] {
        fs::write(out.path().join("windows.csv"), &list).expect("a file");
        let several = format!("--asn 131279 --windows {at}/windows.csv --archive data/dprk-2014");
        let page = prints(0, &several);
        let first = page.find("=== 2014-12-22 12:00:00 to 2014-12-23 03:00:00 UTC ===").expect("a heading");
        let second = page.find("=== 2014-12-23 15:00:00 to 2014-12-23 17:00:00 UTC ===").expect("a heading");
        assert!(first < second && page.contains(&prints(0, &alone(LONG))) && page.contains(&prints(0, &alone(SHORT))));
        let summary = "All windows\n2014-12-22 12:00:00 to 2014-12-23 03:00:00 UTC  outage\n2014-12-23 15:00:00";
        assert!(page.contains(summary), "{page}");
        prints(0, &format!("{several} --output {at}/out --force --export parquet"));
        for (window, name) in
            [(LONG, "20141222T120000Z-20141223T030000Z"), (SHORT, "20141223T150000Z-20141223T170000Z")]
        {
            prints(0, &format!("{} --output {at}/one --force --export parquet", alone(window)));
            assert!(contents(&out.path().join("out").join(name)) == contents(&out.path().join("one")), "{name}");
        }
        prints(4, &format!("{several} --fail-on-outage"));
    }
}

#[test]
fn the_formats_for_programs_follow_one_another() {
    let out = folder();
    fs::write(out.path().join("windows.csv"), format!("{},{}\n{},{}\n", LONG.0, LONG.1, SHORT.0, SHORT.1))
        .expect("a file");
    let several = format!("--asn 131279 --windows {}/windows.csv --archive data/dprk-2014", out.path().display());
    let documents = prints(0, &format!("{several} --format json"));
    let documents: Vec<Value> =
        Deserializer::from_str(&documents).into_iter().collect::<Result<_, _>>().expect("JSON documents");
    assert_eq!(documents, [json(&alone(LONG)), json(&alone(SHORT))]);
    let rows = prints(0, &format!("{several} --format csv"));
    let headings = rows.lines().filter(|line| line.starts_with("id,")).count();
    let all: Vec<String> =
        [LONG, SHORT].iter().map(|window| prints(0, &format!("{} --format csv", alone(*window)))).collect();
    let n_rows: usize = all.iter().map(|rows| rows.lines().count() - 1).sum();
    assert_eq!((headings, rows.lines().count()), (1, n_rows + 1));
    let plans = prints(0, &format!("plan {several}"));
    assert_eq!(plans.matches("To answer").count(), 2, "{plans}");
}

#[test]
fn targets_may_have_windows_of_their_own() {
    let out = folder();
    let at = out.path().display();
    let table = format!(
        "asn,from,to,label\nAS131279,{},{},Star JV\nAS64500,{},{},\nAS131279,{},{},\n",
        LONG.0, LONG.1, SHORT.0, SHORT.1, SHORT.0, SHORT.1
    );
    fs::write(out.path().join("targets.csv"), table).expect("a file");
    let documents = prints(0, &format!("--targets {at}/targets.csv --archive data/dprk-2014 --format json"));
    let documents: Vec<Value> =
        Deserializer::from_str(&documents).into_iter().collect::<Result<_, _>>().expect("JSON documents");
    let asked: Vec<(&Value, &Value)> =
        documents.iter().map(|of| (&of["query"]["window_start"], &of["query"]["targets"])).collect();
    assert_eq!(
        asked,
        [
            (&"2014-12-22T12:00:00Z".into(), &serde_json::json!(["AS131279"])),
            (&"2014-12-23T15:00:00Z".into(), &serde_json::json!(["AS64500", "AS131279"])),
        ]
    );
    // A target without one is asked about in the window of the command line.
    fs::write(out.path().join("mixed.csv"), format!("asn,from,to\n131279,{},{}\n64500,,\n", SHORT.0, SHORT.1))
        .expect("a file");
    let mixed = format!("--targets {at}/mixed.csv --archive data/dprk-2014");
    refused(2, &mixed, &["the window has no start"]);
    let page = prints(0, &format!("{mixed} --from {} --to {}", LONG.0, LONG.1));
    assert!(page.contains("AS64500: no outage from 2014-12-22 12:00:00"), "{page}");
}

#[test]
fn a_window_without_files_is_named_and_the_others_are_answered() {
    let out = folder();
    let at = out.path().display();
    fs::write(out.path().join("windows.csv"), format!("2013-01-01,2013-01-02\n{},{}\n", SHORT.0, SHORT.1))
        .expect("a file");
    let several = format!("--asn 131279 --windows {at}/windows.csv --archive data/dprk-2014");
    let Ran { code, stdout, stderr } = ran(&mut program(&several));
    assert_eq!(code, 1);
    assert!(
        stderr.contains("error: 2013-01-01 00:00:00 to 2013-01-02 00:00:00 UTC: no update file or RIB dump covers"),
        "{stderr}"
    );
    assert!(stdout.contains("2013-01-02 00:00:00 UTC  failed\n2014-12-23 15:00:00 to 2014-12-23 17:00:00 UTC  outage"));
}

#[test]
fn mistakes_in_windows_are_named_with_their_line() {
    let out = folder();
    let at = out.path().display();
    let list = format!("--asn 131279 --archive data/dprk-2014 --windows {at}/windows.csv");
    for (text, words) in [
        ("from,to\n2014-12-22\n", "line 2: a window needs a start and an end"),
        ("2014-12-22,yesterday\n", "line 1"),
        ("# none\n", "the list of windows is empty"),
        ("2014-12-23,2014-12-22\n", "--to must be later than --from"),
        ("2014-12-22,2999-01-01\n", "is in the future"),
    ] {
        fs::write(out.path().join("windows.csv"), text).expect("a file");
        refused(2, &list, &[words]);
    }
    fs::write(out.path().join("windows.csv"), format!("{},{}\n{},{}\n", LONG.0, LONG.1, SHORT.0, SHORT.1))
        .expect("a file");
    refused(2, &format!("{list} --from 2014-12-22"), &["cannot be used with"]);
    refused(2, &format!("plan {list} --tasks"), &["plan one window at a time"]);
    let mut child = program("--asn 131279 --archive data/dprk-2014 --windows - --format csv")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().expect("a pipe").write_all(format!("{},{}\n", SHORT.0, SHORT.1).as_bytes()).expect("a line");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(String::from_utf8(output.stdout).expect("text"), prints(0, &format!("{} --format csv", alone(SHORT))));
}
