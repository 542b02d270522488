//! Whole outputs, compared byte for byte with what was reviewed: `tests/golden/<case>/{case.toml, expected/}`.
//!
//! `UPDATE_GOLDEN=1 cargo test golden` writes them anew; the difference is read like code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use polars::prelude::*;
use serde::Deserialize;

use crate::{cli, scenario};

/// `case.toml`.
#[derive(Deserialize)]
struct Case {
    /// Exit code.
    exit: i32,
    /// Arguments, without `--archive`.
    args: String,
    /// The archive, below this repository, or the scenario that makes one.
    archive: Option<String>,
    scenario: Option<String>,
    /// What is compared; the rest would only repeat another case at length.
    compare: BTreeSet<String>,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The frame of a Parquet file.
pub fn frame(bytes: &[u8]) -> DataFrame {
    ParquetReader::new(Cursor::new(bytes)).finish().expect("a Parquet file")
}

/// A Parquet file as text: its columns with their types, then its rows. The file's own bytes depend on the compressor.
fn rows(bytes: &[u8]) -> Vec<u8> {
    let mut frame = frame(bytes);
    let schema = frame.schema().iter().map(|(name, dtype)| format!("{name}: {dtype}\n")).collect::<String>();
    let mut text = format!("{schema}\n").into_bytes();
    let lists: Vec<Column> = frame.columns().iter().filter(|column| column.dtype().is_list()).cloned().collect();
    for column in lists {
        let values = (0..column.len()).map(|row| match column.get(row).expect("a value") {
            AnyValue::List(values) => {
                let values: Vec<String> = values.iter().map(|value| value.str_value().into_owned()).collect();
                format!("[{}]", values.join(", "))
            }
            value => value.to_string(),
        });
        frame.with_column(Column::new(column.name().clone(), values.collect::<Vec<_>>())).expect("a column");
    }
    CsvWriter::new(&mut text)
        .n_threads(1)
        .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.fZ".into()))
        .finish(&mut frame)
        .expect("text");
    text
}

/// A manifest without what depends on the compressor and on the commit: digests and sizes of results, and the commit.
fn without_digests(bytes: &[u8]) -> Vec<u8> {
    let mut manifest: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
    manifest["commit"] = "any".into();
    manifest["manifest_sha256"] = "any".into();
    for result in manifest["results"].as_array_mut().expect("results") {
        result["sha256"] = "any".into();
        result["bytes"] = "any".into();
    }
    format!("{manifest:#}\n").into_bytes()
}

/// Everything that the case prints and writes, by the name of its file.
fn outputs(case: &Case) -> BTreeMap<String, Vec<u8>> {
    let made = case.scenario.as_deref().map(scenario::folder);
    let archive = match (&made, &case.archive) {
        (Some(made), None) => made.path().display().to_string(),
        (None, Some(archive)) => archive.clone(),
        _ => panic!("a case has an archive or a scenario"),
    };
    let out = tempfile::TempDir::new().expect("a temporary folder");
    let run = out.path().join("run");
    let args = format!("{} --archive {archive}", case.args);
    let mut outputs = BTreeMap::new();
    for (name, args) in [
        ("table.txt", format!("{args} --export csv,parquet,html,svg --output {}", run.display())),
        ("all.txt", format!("{args} --all")),
        ("report.json", format!("{args} --format json")),
        ("report.ndjson", format!("{args} --format ndjson")),
        ("report.csv", format!("{args} --format csv")),
        ("report.md", format!("{args} --format markdown")),
    ] {
        outputs.insert(name.to_owned(), cli::prints(case.exit, &args).into_bytes());
    }
    for (name, bytes) in cli::contents(&run) {
        match name.ends_with(".parquet") {
            true => outputs.insert(format!("output/{name}.txt"), rows(&bytes)),
            false if name == "manifest.json" => outputs.insert(format!("output/{name}"), without_digests(&bytes)),
            false => outputs.insert(format!("output/{name}"), bytes),
        };
    }
    for (name, bytes) in &outputs {
        let text = String::from_utf8_lossy(bytes);
        for path in [archive.as_str(), env!("CARGO_MANIFEST_DIR"), &run.to_string_lossy()] {
            assert!(!text.contains(path), "{name} names a path of this machine: {path}");
        }
    }
    outputs
}

fn check(name: &str) {
    let folder = golden().join(name);
    let text = std::fs::read_to_string(folder.join("case.toml")).expect("case.toml");
    let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}/case.toml: {error}"));
    let mut outputs = outputs(&case);
    let unknown: Vec<&String> = case.compare.iter().filter(|name| !outputs.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "{name}: no such outputs: {unknown:?}");
    outputs.retain(|name, _| case.compare.contains(name));
    for (file, made) in outputs {
        let path = folder.join("expected").join(&file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(&path, &made).expect("a golden file");
            continue;
        }
        let expected = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(difference) = difference(&expected, &made) {
            panic!("{name}/expected/{file}: {difference}\n(UPDATE_GOLDEN=1 accepts what is printed now)");
        }
    }
}

/// The first line that differs.
fn difference(expected: &[u8], made: &[u8]) -> Option<String> {
    if expected == made {
        return None;
    }
    let (expected, made) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(made));
    let (mut expected, mut made, mut n) = (expected.lines(), made.lines(), 0);
    loop {
        n += 1;
        match (expected.next(), made.next()) {
            (None, None) => return Some("the ends of lines differ".to_owned()),
            (a, b) if a == b => continue,
            (a, b) => return Some(format!("line {n}\n  expected {}\n  is       {}", shown(a), shown(b))),
        }
    }
}

fn shown(line: Option<&str>) -> &str {
    line.unwrap_or("nothing")
}

#[test]
fn north_korea_in_december_2014() {
    check("dprk-2014");
}

#[test]
fn every_kind_of_finding_and_of_doubt() {
    check("doubts");
}

#[test]
fn every_case_is_run() {
    let mut cases: Vec<String> = std::fs::read_dir(golden())
        .expect("tests/golden")
        .map(|entry| entry.expect("a case").file_name().to_string_lossy().into_owned())
        .collect();
    cases.sort();
    assert_eq!(cases, ["doubts", "dprk-2014"]);
}
