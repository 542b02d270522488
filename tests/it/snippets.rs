//! The code in docs/tables.md and docs/ci.md works and prints what is shown.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::{MAIN, contents, folder, prints, program, without_settings};

/// The fenced blocks of a document, by language and in order.
fn blocks(name: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let text = fs::read_to_string(path).expect("a document");
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((language, block))) => open = Some((language, block + line + "\n")),
            (None, None) => {}
        }
    }
    blocks
}

/// Runs a query in DuckDB and prints its rows.
const SQL: &str = "import sys, duckdb\nfor row in duckdb.sql(sys.argv[1]).fetchall(): print(*row)";

#[test]
fn the_tables_open_in_polars_pandas_and_duckdb() {
    let Some(python) = env::var_os("OUTAGE_REPLAY_TEST_PYTHON") else {
        assert!(env::var_os("CI").is_none(), "OUTAGE_REPLAY_TEST_PYTHON is needed: run .ci/python");
        println!("skipped: OUTAGE_REPLAY_TEST_PYTHON names no Python with polars, pandas and duckdb");
        return;
    };
    let blocks = blocks("tables.md");
    let command = blocks.iter().find(|(language, _)| language == "sh").expect("the command of the run");
    assert_eq!(command.1.trim(), format!("outage-replay {MAIN} --output run"));
    let folder = folder();
    prints(0, &format!("{MAIN} --output {}", folder.path().join("run").display()));
    let mut n_run = 0;
    for pair in blocks.windows(2) {
        let [(language, code), (_, shown)] = pair else { continue };
        let arguments: &[&str] = match language.as_str() {
            "python" => &["-c", code],
            "sql" => &["-c", SQL, code],
            "sh" if code.starts_with("outage-replay dataset ") => {
                let words = code.trim_start_matches("outage-replay ").trim();
                let output = program(words).current_dir(folder.path()).output().expect("the program runs");
                assert_eq!(String::from_utf8_lossy(&output.stdout), *shown, "{code}");
                n_run += 1;
                continue;
            }
            _ => continue,
        };
        let output = Command::new(&python).args(arguments).current_dir(folder.path()).output().expect("Python runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), *shown, "{code}\n{errors}");
        n_run += 1;
    }
    assert_eq!(n_run, 10);
    // No column needs quotes. JSON has `start` and `end`, and no other key that would.
    let reserved = "import duckdb\nfor row in duckdb.sql(\"SELECT keyword_name FROM duckdb_keywords() WHERE \
                    keyword_category = 'reserved'\").fetchall(): print(*row)";
    let output = Command::new(&python).args(["-c", reserved]).output().expect("Python runs");
    let reserved: BTreeSet<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    assert!(reserved.contains("end") && reserved.len() > 50, "{reserved:?}");
    let (mut names, mut keys_of_json) = (BTreeSet::new(), BTreeSet::new());
    for (name, bytes) in contents(&folder.path().join("run")) {
        match name.rsplit('.').next() {
            Some("parquet") => {
                names.extend(crate::golden::frame(&bytes).get_column_names().iter().map(ToString::to_string));
            }
            Some("json") => keys(&serde_json::from_slice(&bytes).expect("JSON"), &mut keys_of_json),
            _ => {}
        }
    }
    keys(&serde_json::from_str(&prints(0, &format!("{MAIN} --format json"))).expect("JSON"), &mut keys_of_json);
    keys_of_json.remove("end");
    names.extend(keys_of_json);
    let quoted: Vec<&String> = names.intersection(&reserved).collect();
    assert!(names.len() > 150 && quoted.is_empty(), "{quoted:?}");
}

/// Every key in a JSON value.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.keys().cloned());
            fields.values().for_each(|value| keys(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn the_script_for_ci_fails_for_an_outage_and_passes_without() {
    let script = blocks("ci.md").into_iter().find(|(_, code)| code.starts_with("#!/bin/sh")).expect("a script").1;
    let program = Path::new(env!("CARGO_BIN_EXE_outage-replay")).parent().expect("a folder");
    let path = env::join_paths(
        std::iter::once(program.to_owned()).chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let path = path.expect("a path");
    let run = |prefixes: &str, from: &str, settings: &[(&str, &str)]| {
        let folder = folder();
        let mut command = Command::new("sh");
        without_settings(&mut command);
        command.args(["-c", &script]).current_dir(folder.path()).env("PATH", &path).stdin(Stdio::null());
        command.env("OUTAGE_REPLAY_ARCHIVE", Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014"));
        command.env("PREFIXES", prefixes).env("FROM", from).env("DURATION", "2h").envs(settings.iter().copied());
        let output = command.output().expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json = fs::read_to_string(folder.path().join("outages.json")).expect("outages.json");
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr), json)
    };
    let (code, text, json) = run("175.45.176.0/22", "2014-12-22T15:00", &[]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("| 175.45.176.0/22 |") && json.contains("\"answer\": \"outage\""), "{text}");
    let (code, text, json) = run("198.51.100.0/24", "2014-12-22T16:00", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(json.contains("\"answer\": \"no_outage\"") || text.contains("did not suffice"), "{text}");
    let few = [("OUTAGE_REPLAY_MIN_PEERS", "99"), ("IF_UNKNOWN", "1")];
    let (code, text, _) = run("175.45.176.0/22", "2014-12-22T19:00", &few);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("The data did not suffice"), "{text}");
    let (code, text, _) = run("no prefix", "2014-12-22T19:00", &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("The check could not run: exit code 2."), "{text}");
}
