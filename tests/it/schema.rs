//! docs/schema.json describes every document that the program prints, and no other; CITATION.cff names this version.

use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli::{self, MAIN};

/// Reports one invalid document per line.
const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open('docs/schema.json'))
Draft202012Validator.check_schema(schema)
outage = {'$schema': schema['$schema'], '$ref': '#/$defs/outage', '$defs': schema['$defs']}
for path in sys.argv[1:]:
    value = json.load(open(path))
    validator = Draft202012Validator(outage if path.endswith('.outage.json') else schema)
    for error in validator.iter_errors(value):
        print(path.rsplit('/', 1)[-1], error.json_path, error.message[:200])
";

#[test]
fn every_document_matches_the_schema_and_no_other_does() {
    let Some(python) = env::var_os("OUTAGE_REPLAY_TEST_PYTHON") else {
        assert!(env::var_os("CI").is_none(), "OUTAGE_REPLAY_TEST_PYTHON is needed: run .ci/python");
        println!("skipped: OUTAGE_REPLAY_TEST_PYTHON names no Python with jsonschema");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = cli::folder();
    let path = |name: &str| out.path().join(name);
    let write = |name: &str, value: &Value| std::fs::write(path(name), value.to_string()).expect("a file");
    let mut names = Vec::new();
    for (name, code, args) in [
        ("outages", 0, MAIN.to_owned()),
        ("losses", 0, "--asn 131279 --from 2014-12-22T05:20 --to 2014-12-22T05:50 --archive data/dprk-2014".to_owned()),
        ("ioda", 3, format!("{MAIN} --metric ioda")),
        ("prefixes", 0, MAIN.replace("--asn 131279", "--prefix 175.45.176.0/22 --match any")),
        ("quiet", 0, cli::QUIET.to_owned()),
        ("too_few", 3, format!("{} --min-peers 99", cli::QUIET)),
        ("not_announced", 3, cli::QUIET.replace("64500", "64999")),
    ] {
        let text = cli::prints(code, &format!("{args} --format json"));
        write(&format!("{name}.json"), &serde_json::from_str(&text).expect("JSON"));
        names.push(format!("{name}.json"));
    }
    let golden = std::fs::read_to_string(root.join("tests/golden/doubts/expected/report.json")).expect("a golden");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    write("doubts.json", &golden);
    names.push("doubts.json".to_owned());
    // A line of ndjson is an outage with the kind of the line.
    let lines = std::fs::read_to_string(root.join("tests/golden/doubts/expected/report.ndjson")).expect("a golden");
    let mut line: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    line.as_object_mut().expect("an object").remove("record");
    write("line.outage.json", &line);
    names.push("line.outage.json".to_owned());
    let mut wrong = Vec::new();
    let mut spoil = |name: &str, spoil: &dyn Fn(&mut Value)| {
        let mut value = golden.clone();
        spoil(&mut value);
        assert_ne!(value, golden, "{name}");
        write(&format!("wrong_{name}.json"), &value);
        wrong.push(format!("wrong_{name}.json"));
    };
    spoil("key", &|value| value["outages"][0]["started_at"] = "2020-03-01T11:00:00Z".into());
    spoil("version", &|value| value["schema_version"] = 2.into());
    spoil("time", &|value| value["query"]["window_start"] = "yesterday".into());
    spoil("lacking", &|value| {
        drop(value["coverage"]["targets"][0].as_object_mut().expect("a target").remove("answer"))
    });
    let files = names.iter().chain(&wrong).map(|name| path(name));
    let output = Command::new(&python).args(["-c", VALIDATE]).args(files).current_dir(root).output().expect("Python");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let invalid: Vec<&str> = text.lines().filter(|line| !line.starts_with("wrong_")).collect();
    assert!(invalid.is_empty(), "{invalid:#?}");
    for name in wrong {
        assert!(text.lines().any(|line| line.starts_with(&name)), "{name} is taken for valid: {text}");
    }
}

#[test]
fn the_citation_names_this_version() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CITATION.cff")).expect("a file");
    let has = |line: &str| text.lines().any(|own| own == line);
    assert!(has("cff-version: 1.2.0") && has(&format!("version: {}", env!("CARGO_PKG_VERSION"))), "{text}");
}
