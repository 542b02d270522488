//! A machine that lacks files, space or rights says nothing about the archive: the run ends with an error, and no gap.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::process::Command;

use super::cli::{MAIN, Ran, folder, program, ran, without_settings};

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

/// Killed before the n-th change of a name, for every n, the program leaves the earlier run or the new one, and the next run
/// cleans up. Needs `strace`.
#[test]
fn a_run_that_is_killed_while_it_replaces_another_leaves_one_of_the_two() {
    let traced = |n: usize, args: &str| {
        let mut command = Command::new("strace");
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-f", "-qq", "-o", "/dev/null"]);
        command.arg("-e").arg(format!("inject=rename,renameat2,rmdir,unlinkat:signal=SIGKILL:when={n}"));
        command.arg(env!("CARGO_BIN_EXE_outage-replay")).args(args.split_whitespace());
        without_settings(&mut command);
        command.output()
    };
    let question = "--asn 131279 --from 2014-12-22T16:00 --to 2014-12-22T17:00 --archive data/dprk-2014 --quiet";
    let out = folder();
    let run = out.path().join("run");
    let args = |export: &str| format!("{question} --force --export {export} --output {}", run.display());
    for n in 1.. {
        assert_eq!(ran(&mut program(&args("csv"))).code, 0);
        let earlier = super::cli::contents(&run);
        let Ok(killed) = traced(n, &args("parquet")) else { return eprintln!("skipped: there is no strace") };
        if killed.status.code() == Some(1) && String::from_utf8_lossy(&killed.stderr).contains("strace") {
            return eprintln!("skipped: strace cannot trace here");
        }
        let left = super::cli::contents(&run);
        let is_new = left.iter().any(|(name, _)| name == "outages.parquet");
        assert!(left == earlier || is_new, "{n}: {:?}", left.keys());
        if killed.status.success() {
            assert!(n > 2, "nothing was injected");
            break;
        }
        assert_eq!(ran(&mut program(&args("csv"))).code, 0);
        let names: Vec<_> =
            std::fs::read_dir(out.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["run"], "{n}: the next run cleans up");
    }
}
