//! What `--version` tells beside the version: the commit where git knows it, and the version of the MRT parser. And the archive of
//! `outage-replay demo` as one file.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={DEMO}");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    pack(Path::new(DEMO), &Path::new(&out).join("demo.bin"))?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=BUILT_PARSER={}", parser_version().unwrap_or_else(|| "?".to_owned()));
    let is_optimised = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = commit(is_optimised);
    let said = commit.as_ref().map(|commit| match is_optimised {
        true => format!(" (commit {commit})"),
        false => format!(" (commit {commit} or later, not optimised)"),
    });
    println!("cargo::rustc-env=BUILT_COMMIT={}", said.unwrap_or_default());
    // For manifests. A plus sign marks a build that may contain later changes.
    let plus = if is_optimised { "" } else { "+" };
    println!("cargo::rustc-env=BUILT_COMMIT_ID={}", commit.map_or(String::new(), |commit| commit + plus));
    Ok(())
}

/// The archive of the demonstration.
const DEMO: &str = "data/dprk-2014";

/// Writes all files of a folder into one: the length of the name (two octets, little-endian), the name, the length of the content (four
/// octets), the content.
fn pack(folder: &Path, packed: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut bytes = Vec::new();
    for path in files {
        let name =
            path.strip_prefix(folder).map_err(io::Error::other)?.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let (name, content) = (name.replace('\\', "/"), fs::read(&path)?);
        bytes.extend(u16::try_from(name.len()).map_err(io::Error::other)?.to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(u32::try_from(content.len()).map_err(io::Error::other)?.to_le_bytes());
        bytes.extend(content);
    }
    fs::write(packed, bytes)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// The locked version; a package that is built as part of another one has no lock file of its own.
fn parser_version() -> Option<String> {
    let lock = fs::read_to_string("Cargo.lock").ok()?;
    println!("cargo::rerun-if-changed=Cargo.lock");
    let (_, rest) = lock.split_once("name = \"bgpkit-parser\"")?;
    Some(rest.split('"').nth(1)?.to_owned())
}

/// The commit that is checked out, if this folder is the top of a git checkout and git is there to say so. Whoever develops
/// has a new one every few minutes and must not build everything again for its name: then it is that of the last full build.
fn commit(is_exact: bool) -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(".").canonicalize().ok()? {
        return None;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    if !is_exact {
        return Some(commit);
    }
    for name in ["HEAD", &git(&["rev-parse", "--symbolic-full-name", "HEAD"])?] {
        let path = git(&["rev-parse", "--git-path", name])?;
        // A file that is not there would be taken for changed at every build.
        if Path::new(&path).is_file() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    Some(commit)
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
