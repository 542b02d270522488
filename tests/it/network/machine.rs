//! A machine that fails while a file is downloaded: the run ends with an error that names the cache, or the result is the usual
//! one. The next run heals what is left.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::machine::{FAILURES, injected};

use super::runs::{document, program};
use super::servers::Servers;
use super::{assert_sound, copy, files_below};

const FILE: &str = "rrc00/2014.12/updates.20141222.1615.gz";

#[test]
fn whatever_call_fails_during_a_download_nothing_is_lost_and_no_gap_is_reported() {
    let Some(servers) = Servers::start() else { return };
    let full = TempDir::new().expect("a temporary folder");
    let question = ["--from", "2014-12-22T16:00", "--to", "2014-12-22T16:40", "--strict"];
    let url = servers.broker_url();
    let (expected, _) = document(&mut program(full.path(), Some(&url), &question));
    let mut n_points = 0;
    for (calls, error) in FAILURES {
        for n in 1.. {
            let cache = TempDir::new().expect("a temporary folder");
            copy(full.path(), cache.path(), FILE);
            let own = ["", ".part", ".part.validator", ".pending", ".sha256", ".sha256.new", ".new", ".lock"];
            let paths: Vec<PathBuf> = own.iter().map(|suffix| cache.path().join(format!("{FILE}{suffix}"))).collect();
            let command = program(cache.path(), Some(&url), &question);
            let Some((found, has_failed)) = injected(calls, &format!("error={error}"), n, &paths, &command) else {
                return eprintln!("skipped: strace cannot run here");
            };
            if !has_failed {
                break;
            }
            n_points += 1;
            let context = format!("{calls} {error} {n}: {} {}", found.code, found.stderr);
            match found.code {
                0 => assert!(found.stdout.as_bytes() == expected, "{context}: another result"),
                1 => {
                    assert!(found.stdout.is_empty(), "{context}: a result all the same");
                    assert!(found.stderr.contains("in the cache at") && found.stderr.contains(FILE), "{context}");
                }
                _ => panic!("{context}"),
            }
            let (next, _) = document(&mut program(cache.path(), Some(&url), &question));
            assert!(next == expected, "{context}: the next run");
            for left in files_below(cache.path()).iter().filter(|file| file.ends_with(".lock")) {
                std::fs::remove_file(cache.path().join(left)).expect("a lock of a run that could not remove it");
            }
            assert_sound(cache.path(), &context);
        }
    }
    println!("{n_points} calls failed");
    assert!(n_points > 12, "{n_points}");
}
