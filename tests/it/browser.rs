//! `report.html` in a real browser: Chromium, driven by `tests/browser/report.mjs`.
//!
//! `UPDATE_PICTURES=1 cargo test browser` also writes the screenshots of `docs/pictures`; they are looked at, not compared.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cli, scenario};

/// The browser and the folder of packages that drive it, unless they are not installed: then the test is skipped and says
/// so, or fails where `CI` is set.
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

/// Several targets of both families, a gap, edges without a date, and nothing that a name says is anything but text.
const HOSTILE: &str = r#"
name hostile
note </script><script>alert(1)</script><img src=x onerror=alert(2)> "quotes" 'too' & &amp; ]]> --> \u003c {{7*7}}
archive 2020-03-01T08:00 .. 2020-03-01T12:00
collector rrc00 riperis updates 300 ribs 3600 states
peer a rrc00 AS3333 192.0.2.1
peer b rrc00 AS1103 192.0.2.2
peer c rrc00 AS3549 192.0.2.3
table v4 20 of 198.18.0.0/15 as /24 origins 64505-64509 via 174,1299,2914
table v6 5 of 2001:db8:ff00::/40 as /48 origins 64505-64509 via 174,1299,2914
route all 192.0.2.0/24 "1299 64500"
route all 2001:db8:1::/48 "1299 64504"
noise every 60
at 2020-03-01T09:45 all withdraw 192.0.2.0/24 spread 20
at 2020-03-01T10:05 all announce 192.0.2.0/24 spread 20
skip rrc00 updates 2020-03-01T10:40
at 2020-03-01T11:20 all withdraw 2001:db8:1::/48 spread 3
"#;

#[test]
fn hostile_words_stay_words() {
    let archive = scenario::folder(HOSTILE);
    let args = "--asn 64500 --prefix 2001:db8:1::/48 --min-peers 2 --from 2020-03-01T09:00 --to 2020-03-01T11:40";
    opens(3, &format!("{args} --archive {}", archive.path().display()), None);
}
