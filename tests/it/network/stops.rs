//! Runs that are stopped: by Ctrl-C, by the system, while they list, download and wait.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::proxy::{Fault, Proxy};
use super::runs::program;
use super::servers::Servers;
use super::{LIMITS, WINDOW, assert_sound, files_below, replay, text};

/// Part of the names of files that come slowly: the last ones of every collector.
const SLOW: &str = "20141222.163";
const WINDOW_ARGS: [&str; 4] = ["--from", WINDOW.0, "--to", WINDOW.1];

/// Waits until `what` is true. There is no timeout: the runner ends a test that hangs.
fn until(what: impl Fn() -> bool) {
    while !what() {
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

fn start(cache: &Path, url: &str, more: &[&str]) -> Child {
    let mut command = program(cache, Some(url), &[&WINDOW_ARGS[..], more].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn ended(child: Child, code: i32) -> String {
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the program ends");
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(code), "{errors}");
    assert_eq!(stdout, b"", "{errors}");
    errors
}

#[test]
fn a_stopped_download_is_kept_and_the_next_run_resumes_it() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    let alone = TempDir::new().expect("a temporary folder");
    let clean = replay(&proxy.broker_url(), alone.path(), LIMITS).expect("a clean run");
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let cache = TempDir::new().expect("a temporary folder");
        let out = TempDir::new().expect("a temporary folder");
        let folder = out.path().join("run");
        proxy.reset();
        // A byte at a time.
        proxy.fault(SLOW, Fault::Drip, None);
        let more = ["--output", folder.to_str().expect("a path")];
        let child = start(cache.path(), &proxy.broker_url(), &more);
        let parts = || {
            files_below(cache.path())
                .into_iter()
                .filter(|file| file.contains(SLOW) && file.ends_with(".part"))
                .collect::<Vec<_>>()
        };
        let begun = |part: &String| fs::metadata(cache.path().join(part)).is_ok_and(|part| part.len() > 0);
        until(|| parts().iter().any(begun) && files_below(cache.path()).iter().any(|file| file.ends_with(".sha256")));
        signal(&child, name);
        let errors = ended(child, code);
        assert_eq!(errors, "error: cancelled: downloaded files are kept; run the same command again to continue\n");
        assert_eq!(files_below(out.path()), [""; 0], "nothing half-written");
        assert_sound(cache.path(), name);

        let finished: Vec<String> = files_below(cache.path())
            .into_iter()
            .filter_map(|file| file.strip_suffix(".sha256").map(str::to_owned))
            .collect();
        let part = parts().into_iter().find(begun).expect("a part");
        proxy.reset();
        let report = replay(&proxy.broker_url(), cache.path(), LIMITS).expect("the next run");
        assert_eq!(text(&report), text(&clean), "{name}");
        let counts = proxy.file_counts();
        assert!(!finished.is_empty());
        for file in &finished {
            assert!(!counts.contains_key(&format!("/{file}")), "{name}: {file} is downloaded again");
        }
        let resumed = proxy.requests(part.trim_end_matches(".part"));
        assert_eq!(resumed.len(), 1, "{resumed:?}");
        assert!(resumed[0].range.is_some(), "{name}: {part} goes on where it was: {resumed:?}");
        assert_sound(cache.path(), name);
        assert_eq!(files_below(cache.path()), files_below(alone.path()));
    }
}

#[test]
fn a_run_that_waits_for_a_server_can_be_stopped() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    // A silent broker, one that requests a pause, a silent server, one that requests a pause.
    for (path, fault) in [
        ("/search", Fault::Hang),
        ("/search", Fault::TooMany("30")),
        ("2014.12/", Fault::Hang),
        ("2014.12/", Fault::TooMany("600")),
    ] {
        let cache = TempDir::new().expect("a temporary folder");
        proxy.reset();
        proxy.fault(path, fault.clone(), None);
        let child = start(cache.path(), &proxy.broker_url(), &[]);
        until(|| !proxy.requests(path).is_empty());
        signal(&child, "-INT");
        ended(child, 130);
        assert_sound(cache.path(), &format!("{path} {fault:?}"));
    }
}

#[test]
fn a_second_signal_ends_the_program_as_well() {
    let Some(servers) = Servers::start() else { return };
    let proxy = Proxy::start(&servers);
    proxy.fault("2014.12/", Fault::Hang, None);
    let cache = TempDir::new().expect("a temporary folder");
    let child = start(cache.path(), &proxy.broker_url(), &[]);
    until(|| !proxy.requests("2014.12/").is_empty());
    signal(&child, "-INT");
    // It may have ended already.
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(130), &[][..]));
}
