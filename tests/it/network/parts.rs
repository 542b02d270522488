//! A run in parts from the publishers' servers: two workers with caches of their own, one behind a mirror.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::proxy::{Fault, Proxy};
use super::runs::{bare, program};
use super::servers::Servers;
use crate::cli::contents;

fn exits(code: i32, command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(code), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The question of [`program`] with times.
const WHEN: [&str; 4] = ["--from", "2014-12-22T16:00", "--to", "2014-12-22T17:00"];

#[test]
fn workers_with_caches_of_their_own_collect_what_a_single_run_downloads() {
    let Some(servers) = Servers::start() else { return };
    let (publisher, mirror) = (Proxy::start(&servers), Proxy::start(&servers));
    for (what, fault) in [("all files", None), ("a lost file", Some(("updates.20141222.1620", Fault::Status(404))))] {
        let place = TempDir::new().expect("a folder");
        let folder = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(&path).expect("a folder");
            path
        };
        publisher.reset();
        mirror.reset();
        for proxy in [&publisher, &mirror] {
            if let Some((path, fault)) = &fault {
                proxy.fault(path, fault.clone(), None);
            }
        }
        let (alone, url) = (folder("alone"), publisher.broker_url());
        let whole = place.path().join("whole");
        let mut run = program(&alone, Some(&url), &WHEN);
        let code = run.arg("--output").arg(&whole).output().expect("the program runs").status.code().expect("a code");

        let mut plan = bare(&alone, Some(&url));
        plan.args(["plan", "--tasks", "--asn", "131279", "--collector", &super::COLLECTORS.join(",")]).args(WHEN);
        let tasks = place.path().join("tasks.jsonl");
        let lines = exits(0, &mut plan);
        fs::write(&tasks, &lines).expect("a list");
        let (caches, parts) = ([folder("cache-0"), folder("cache-1")], [folder("parts-0"), folder("parts-1")]);
        let (next, joined) = (place.path().join("next.jsonl"), place.path().join("joined"));
        let collect = |worker: usize, list: &Path, more: &[&str]| {
            let mut collect = bare(&caches[worker], None);
            collect.arg("collect").arg(list).arg("--parts").arg(&parts[worker]).arg("--quiet").args(more);
            collect
        };
        let join = || {
            let mut join = bare(&alone, None);
            join.arg("join")
                .arg(&tasks)
                .arg("--parts")
                .args(&parts)
                .arg("--next")
                .arg(&next)
                .arg("--output")
                .arg(&joined);
            join
        };
        for _ in 0..5 {
            if join().output().expect("the program runs").status.code() != Some(6) {
                break;
            }
            let lacking = fs::read_to_string(&next).expect("a list");
            for (number, line) in lacking.lines().enumerate() {
                let list = place.path().join("one.jsonl");
                fs::write(&list, line).expect("a list");
                let mirror = ["--mirror", &mirror.archive_url()];
                let cache = caches[number % 2].display().to_string();
                let more = if number % 2 == 0 { &mirror[..] } else { &["--cache-dir", &cache, "--jobs", "1"] };
                exits(0, &mut collect(number % 2, &list, more));
            }
        }
        assert!(!exits(code, join().arg("--force")).is_empty(), "{what}");
        let (found, expected) = (contents(&joined), contents(&whole));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
        for (name, bytes) in &found {
            assert!(*bytes == expected[name], "{what}: {name} differs");
        }
        // Offline, what is in the cache suffices; nothing is asked of a server.
        let (before, again) = (publisher.file_counts().len(), folder("again"));
        let first = lines.lines().next().expect("a task");
        let list = place.path().join("one.jsonl");
        fs::write(&list, first).expect("a list");
        let mut offline = bare(&alone, None);
        exits(0, offline.arg("collect").arg(&list).arg("--parts").arg(&again).arg("--offline"));
        assert_eq!(publisher.file_counts().len(), before, "{what}");
    }
}
