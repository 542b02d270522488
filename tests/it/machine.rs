//! A machine that lacks files, space or rights says nothing about the archive: the run ends with an error, and no gap.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cli::{MAIN, Ran, folder, program, ran, without_settings};
use super::field::scene::Scene;

/// The program, after a command of the shell that lowers a limit.
fn limited(limit: &str, args: &str) -> Ran {
    let mut command = Command::new("sh");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("-c");
    command.arg(format!("{limit}; exec {} {args}", env!("CARGO_BIN_EXE_outage-replay")));
    without_settings(&mut command);
    ran(&mut command)
}

#[test]
fn the_number_of_open_files_limits_the_threads_and_changes_no_byte() {
    let expected = ran(&mut program(&format!("{MAIN} --format json")));
    assert_eq!(expected.code, 0, "{}", expected.stderr);
    for limit in [24, 32, 64] {
        let found = limited(&format!("ulimit -n {limit}"), &format!("{MAIN} --format json --jobs 64"));
        assert_eq!((found.code, found.stderr.as_str()), (0, ""), "{limit}");
        assert!(found.stdout == expected.stdout, "with {limit} files");
    }
}

#[test]
fn without_files_to_open_the_run_ends_with_what_to_do() {
    for limit in 4..12 {
        let Ran { code, stdout, stderr } = limited(&format!("ulimit -n {limit}"), &format!("{MAIN} --format json"));
        // Too few even for the loader, a gap nowhere.
        assert!(code != 3, "{limit}: {stderr}");
        if code == 1 {
            assert_eq!(stdout, "", "{limit}");
        }
    }
}

#[test]
fn a_ceiling_on_memory_ends_the_run_with_what_to_do_and_leaves_no_output() {
    let out = folder();
    let output = out.path().join("run");
    let run = |limit: &str| {
        ran(&mut program(&format!("{MAIN} --memory-limit {limit} --output {} --force", output.display())))
    };
    let Ran { code, stderr, .. } = run("8M");
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("more memory than --memory-limit 8 MB: ask about fewer networks"), "{stderr}");
    assert!(!output.exists());
    // A limit that is not reached changes nothing, not even a byte.
    assert_eq!(run("4G").code, 0);
    let with = super::cli::contents(&output);
    let plain = out.path().join("plain");
    assert_eq!(ran(&mut program(&format!("{MAIN} --output {}", plain.display()))).code, 0);
    assert!(with == super::cli::contents(&plain));
    let mut redetect = program(&format!("redetect {} --memory-limit 8M", output.display()));
    let Ran { code, stderr, .. } = ran(&mut redetect);
    assert!(code == 1 && stderr.contains("--memory-limit"), "{stderr}");
    // What a killed run left in the making is not taken for a run.
    assert_eq!(ran(&mut program(&format!("{MAIN} --memory-limit lots"))).code, 2);
}

/// A pipe that no program writes to.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn a_pipe_under_the_name_of_a_file_is_refused_and_not_waited_for() {
    let folder = folder();
    let archive = folder.path().join("rrc99/2024.03");
    std::fs::create_dir_all(&archive).expect("a folder");
    pipe(&archive.join("updates.20240310.0810.gz"));
    pipe(&folder.path().join("archive.json"));
    let question = format!("--asn 1 --from 2024-03-10T08:10 --duration 1h --archive {}", folder.path().display());
    let Ran { code, stderr, .. } = ran(&mut program(&question));
    assert!(code == 1 && stderr.contains("is not a regular file"), "{stderr}");

    let elsewhere = self::folder();
    pipe(&elsewhere.path().join("outage-replay.toml"));
    let mut command = program("--asn 1 --from 2014-12-22 --duration 1h --archive nowhere");
    let Ran { code, stderr, .. } = ran(command.current_dir(elsewhere.path()));
    assert!(code == 2 && stderr.contains("is not a regular file"), "{code}: {stderr}");

    let run = self::folder();
    pipe(&run.path().join("manifest.json"));
    for command in ["redetect", "explain", "reproduce"] {
        let Ran { code, stderr, .. } = ran(&mut program(&format!("{command} {}", run.path().display())));
        assert!(code == 1 && stderr.contains("is not a regular file"), "{command}: {code}: {stderr}");
    }
}

#[test]
fn a_cache_with_links_that_lead_nowhere_or_back_is_listed() {
    let folder = folder();
    let path = folder.path();
    std::fs::create_dir_all(path.join("rrc00/2014.12")).expect("a folder");
    symlink("nowhere", path.join("rrc00/broken")).expect("a link");
    symlink("..", path.join("rrc00/loop")).expect("a link");
    symlink("self", path.join("rrc00/self")).expect("a link");
    std::fs::write(path.join("rrc00/2014.12/updates.20141222.1615.gz.pending"), b"whole").expect("a file");
    let cache = format!("--cache-dir {}", path.display());
    for command in ["list", "verify", "prune --max-size 0"] {
        let Ran { code, stdout, stderr } = ran(&mut program(&format!("cache {command} {cache}")));
        assert_eq!((code, stderr.as_str()), (0, ""), "{command}");
        assert!(stdout.contains("1 file"), "{command}: {stdout}");
    }
    assert!(!path.join("rrc00/2014.12/updates.20141222.1615.gz.pending").exists());
}

#[test]
fn the_result_is_printed_even_if_the_folder_cannot_be_written_in_the_end() {
    // A file of one block is too large: every table and page fails, after the run.
    let out = folder();
    let run = out.path().join("run");
    let args = format!("{MAIN} --format json --output {}", run.display());
    let found = limited("trap '' XFSZ; ulimit -f 1", &args);
    assert_eq!(found.code, 1, "{}", found.stderr);
    assert!(found.stdout == ran(&mut program(&format!("{MAIN} --format json"))).stdout);
    assert!(found.stderr.contains("cannot write") && found.stderr.contains("run"), "{}", found.stderr);
    assert_eq!(std::fs::read_dir(out.path()).expect("a folder").count(), 0, "nothing half-written remains");
}

#[test]
fn an_output_folder_that_cannot_be_written_is_refused_before_the_run() {
    let out = folder();
    let link = out.path().join("link");
    symlink("nowhere", &link).expect("a link");
    let file = out.path().join("file");
    std::fs::write(&file, "a file").expect("a file");
    for place in [link, file.join("run")] {
        // The archive does not exist either, and is not looked for.
        let args = format!("--asn 1 --from 2014-12-22 --duration 1h --archive nowhere --output {}", place.display());
        let Ran { code, stderr, .. } = ran(&mut program(&args));
        assert!(code == 1 && stderr.contains("cannot write"), "{stderr}");
    }
}

/// Runs a command of the program and lets the `n`th of these system calls fail, of those that concern one of `paths` if there are
/// any. Returns None without `strace`; and whether anything failed.
pub fn injected(calls: &str, how: &str, n: usize, paths: &[PathBuf], command: &Command) -> Option<(Ran, bool)> {
    let log = folder();
    let log = log.path().join("log");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o"]).arg(&log);
    traced.arg("-e").arg(format!("trace={calls}")).arg("-e").arg(format!("inject={calls}:{how}:when={n}"));
    for path in paths {
        traced.arg("-P").arg(path);
    }
    traced.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    let output = traced.output().ok()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    if stderr.contains("strace:") {
        return None;
    }
    let log = std::fs::read_to_string(&log).unwrap_or_default();
    let has_failed = log.contains("INJECTED") || log.contains("killed by");
    Some((Ran { code, stdout, stderr }, has_failed))
}

/// Calls of the system, and how each may fail.
pub const FAILURES: [(&str, &str); 8] = [
    ("openat", "EMFILE"),
    ("openat", "EACCES"),
    ("write", "ENOSPC"),
    ("fsync", "EIO"),
    ("rename,renameat,renameat2", "EACCES"),
    ("mkdir", "ENOSPC"),
    ("unlink,unlinkat,rmdir", "EACCES"),
    ("flock", "ENOLCK"),
];

/// As the tests of SQLite do: every single call fails once.
#[test]
fn whatever_call_of_the_system_fails_the_result_is_right_or_there_is_none() {
    let scene = Scene::tidy();
    let archive = scene.write();
    let out = folder();
    let run = out.path().join("run");
    let args = |export: &str| {
        let (question, archive) = (scene.arguments(), archive.path().display());
        format!("{question} --archive {archive} --jobs 1 --force --export {export} --output {}", run.display())
    };
    let expected = ran(&mut program(&args("csv")));
    assert_eq!(expected.code, 0, "{}", expected.stderr);
    let earlier = super::cli::contents(&run);
    let later = {
        ran(&mut program(&args("parquet,html")));
        super::cli::contents(&run)
    };
    let mut n_points = 0;
    for (calls, error) in FAILURES {
        for n in 1.. {
            assert_eq!(ran(&mut program(&args("csv"))).code, 0, "{calls} {error} {n}: the next run");
            assert!(super::cli::contents(&run) == earlier, "{calls} {error} {n}: the next run writes the same");
            let command = program(&args("parquet,html"));
            let Some((found, has_failed)) = injected(calls, &format!("error={error}"), n, &[], &command) else {
                return eprintln!("skipped: strace cannot run here");
            };
            if !has_failed {
                break;
            }
            n_points += 1;
            let context = format!("{calls} {error} {n}: {} {}", found.code, found.stderr);
            let left = super::cli::contents(&run);
            assert!(left == earlier || left == later, "{context}: half a run");
            match found.code {
                0 => assert!(found.stdout == expected.stdout, "{context}: another result"),
                // The loader of the system fails in its own way.
                1 | 2 | 127 => assert!(!found.stderr.is_empty(), "{context}: no reason"),
                _ => panic!("{context}"),
            }
        }
    }
    println!("{n_points} calls failed");
    assert!(n_points > 100, "{n_points}");
}

/// Killed before the n-th change of a name, for every n, the program leaves the earlier run or the new one, and the next run
/// cleans up. Needs `strace`.
#[test]
fn a_run_that_is_killed_while_it_replaces_another_leaves_one_of_the_two() {
    let question = "--asn 131279 --from 2014-12-22T16:00 --to 2014-12-22T17:00 --archive data/dprk-2014 --quiet";
    let out = folder();
    let run = out.path().join("run");
    let args = |export: &str| format!("{question} --force --export {export} --output {}", run.display());
    for n in 1.. {
        assert_eq!(ran(&mut program(&args("csv"))).code, 0);
        let earlier = super::cli::contents(&run);
        let calls = "rename,renameat2,rmdir,unlinkat";
        let command = program(&args("parquet"));
        let Some((killed, was_killed)) = injected(calls, "signal=SIGKILL", n, &[], &command) else {
            return eprintln!("skipped: strace cannot run here");
        };
        let left = super::cli::contents(&run);
        assert!(left == earlier || left.contains_key("outages.parquet"), "{n}: {:?}", left.keys());
        if !was_killed {
            assert!(killed.code == 0 && n > 2, "{n}: {}", killed.stderr);
            break;
        }
        assert_eq!(ran(&mut program(&args("csv"))).code, 0);
        let names: Vec<_> =
            std::fs::read_dir(out.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["run"], "{n}: the next run cleans up");
    }
}
