//! What coverage-guided fuzzing has found worth keeping: every input of `tests/corpus` once more. `fuzz/README.md` says how it grows.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../oracles/lookups.rs"]
mod lookups;
#[path = "../oracles/readings.rs"]
mod readings;

/// The inputs of a target, by name.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() > 10, "{target}: {} files", files.len());
    files.into_iter().map(|path| (path.clone(), fs::read(path).expect("a file"))).collect()
}

#[test]
fn every_kept_file_reads_alike_in_three_ways() {
    let mut n_routes = 0;
    for (path, input) in ["readings", "container"].into_iter().flat_map(inputs) {
        let Some((seed, file)) = input.split_first() else { continue };
        let checked = readings::check(file, &mut readings::Chance((*seed).into()));
        n_routes += checked.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    }
    assert!(n_routes > 0);
}

#[test]
fn a_lookup_in_every_kept_dump_shows_what_the_whole_dump_shows_or_refuses() {
    let mut n_found = 0;
    for (path, dump) in inputs("lookup") {
        n_found += lookups::check(&dump).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    }
    assert!(n_found > 0);
}
