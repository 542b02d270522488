//! What `--version` tells beside the version: the commit of an optimised build, and the version of the MRT parser.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=OUTAGE_REPLAY_PARSER={}", parser_version().unwrap_or_else(|| "?".to_owned()));
    // Whoever develops has a new commit every few minutes, and must not build everything again for its name.
    let is_optimised = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if is_optimised { commit() } else { None };
    let words = commit.map_or(String::new(), |commit| format!(" (commit {commit})"));
    println!("cargo::rustc-env=OUTAGE_REPLAY_COMMIT={words}");
}

/// The locked version; a package that is built as part of another one has no lock file of its own.
fn parser_version() -> Option<String> {
    let lock = fs::read_to_string("Cargo.lock").ok()?;
    println!("cargo::rerun-if-changed=Cargo.lock");
    let (_, rest) = lock.split_once("name = \"bgpkit-parser\"")?;
    Some(rest.split('"').nth(1)?.to_owned())
}

/// The commit that is checked out, if this folder is the top of a git checkout and git is there to say so.
fn commit() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(".").canonicalize().ok()? {
        return None;
    }
    for name in ["HEAD", &git(&["rev-parse", "--symbolic-full-name", "HEAD"])?] {
        let path = git(&["rev-parse", "--git-path", name])?;
        // A file that is not there would be taken for changed at every build.
        if Path::new(&path).is_file() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
