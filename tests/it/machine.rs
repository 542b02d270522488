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
