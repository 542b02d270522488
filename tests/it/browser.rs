//! `report.html` in a real browser: Chromium, driven by `tests/browser/report.mjs`.
//!
//! `UPDATE_PICTURES=1 cargo test browser` also writes the screenshots of `docs/pictures`; they are looked at, not compared.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cli, hostile};

/// The browser and the folder of packages that drive it. None if they are not installed: then the test prints that it
/// is skipped, or fails if `CI` is set.
fn browser() -> Option<(PathBuf, PathBuf)> {
    let packages = env::var_os("OUTAGE_REPLAY_TEST_BROWSER").map(PathBuf::from);
    let folders = env::var_os("PATH").unwrap_or_default();
    let chromium = env::split_paths(&folders).map(|folder| folder.join("chromium")).find(|path| path.is_file());
    let found = packages.zip(chromium);
    if found.is_none() {
        let missing = "chromium, and OUTAGE_REPLAY_TEST_BROWSER=folder of packages, are needed";
        assert!(env::var_os("CI").is_none(), "{missing}: run .ci/browser");
        println!("skipped: {missing}");
    }
    found
}

/// Runs the program and opens its page.
fn opens(code: i32, args: &str, pictures: Option<&Path>) {
    let Some((packages, chromium)) = browser() else { return };
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let (run, json) = (folder.path().join("run"), folder.path().join("report.json"));
    let printed = cli::prints(code, &format!("{args} --format json --export html,svg --output {}", run.display()));
    std::fs::write(&json, printed).expect("a file");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/report.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(packages).arg(chromium).arg(run.join("report.html")).arg(json);
    if let Some(pictures) = pictures {
        node.arg(pictures);
        std::fs::copy(run.join("timeline.svg"), pictures.join("timeline.svg")).expect("the still picture");
    }
    let output = node.output().expect("node");
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args}\n{found}{errors}");
}

#[test]
fn the_page_on_north_korea_works_in_a_browser() {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    opens(0, cli::MAIN, env::var_os("UPDATE_PICTURES").map(|_| pictures.as_path()));
}

#[test]
fn the_page_on_twenty_networks_has_a_strip_and_a_row_for_each() {
    let asns = "131279,64500,64501,65540,64502,64503,64504,64505,64506,64507,64508,64509,64510,64511,65536,65537,65538,65539,65541,65542";
    let args = cli::MAIN.replace("131279", asns);
    opens(0, &args, None);
}

#[test]
fn the_page_on_years_has_an_axis_that_can_be_read() {
    opens(3, "--asn 131279 --from 2009-01-01 --to 2014-12-31 --archive data/dprk-2014", None);
}

#[test]
fn hostile_text_remains_text() {
    let (_archive, args) = hostile::archive();
    opens(3, &args, None);
}
