//! Feeds damaged archives to the decode step for a while: `cargo bench --bench fuzz -- --seconds 60 [--seed 1]`.
//!
//! It starts from the shipped archive and changes octets, lengths and ends, before and after compression. Nothing may
//! panic or hang, and however a file is damaged three readings must agree: alone, with other threads at work on its
//! blocks, and the part of a full reading that concerns the same targets. Runs on stable Rust.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[path = "../tests/oracles/readings.rs"]
mod readings;

use readings::{Chance, check};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let (seconds, mut seed) = (number("--seconds").unwrap_or(60), number("--seed").unwrap_or(1));
    let seeds = seeds();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut n_cases, mut n_events) = (0u64, 0);
    while Instant::now() < end {
        let mut chance = Chance(seed);
        let file = damaged(&seeds, &mut chance);
        match check(&file, &mut chance) {
            Ok(n) => n_events += n,
            Err(what) => {
                eprintln!("fuzz: {what}; again with --seed {seed} --seconds 1");
                return ExitCode::FAILURE;
            }
        }
        n_cases += 1;
        seed += 1;
    }
    println!("fuzz: {n_cases} damaged files, {n_events} events, 0 differences in {seconds} s");
    ExitCode::SUCCESS
}

/// Small files of the shipped archive, decompressed.
fn seeds() -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("data")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the shipped archive").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => files.push(path),
            }
        }
    }
    files.sort();
    let contents = files.iter().filter_map(|path| {
        let stored = fs::read(path).ok()?;
        let mut plain = Vec::new();
        match path.extension()?.to_str()? {
            "gz" => flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain).ok()?,
            "bz2" => bzip2::read::MultiBzDecoder::new(&stored[..]).read_to_end(&mut plain).ok()?,
            _ => return None,
        };
        Some(plain)
    });
    contents.filter(|plain| (1..200_000).contains(&plain.len())).step_by(7).collect()
}

fn damaged(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut plain = seeds[chance.below(seeds.len())].clone();
    if chance.below(4) == 0 {
        plain.extend_from_slice(&seeds[chance.below(seeds.len())]);
    }
    damage(&mut plain, chance);
    let mut file = match chance.below(4) {
        0 => plain,
        1 => zstd::encode_all(&plain[..], 1).expect("memory"),
        2 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&plain).and_then(|()| encoder.finish()).expect("memory")
        }
        _ => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(&plain).and_then(|()| encoder.finish()).expect("memory")
        }
    };
    if chance.below(2) == 0 {
        damage(&mut file, chance);
    }
    if chance.below(8) == 0 {
        file.extend_from_within(..);
    }
    file
}

/// A few changes: octets, pieces lost, repeated or moved, the end cut off.
fn damage(octets: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..chance.below(6) {
        let n = octets.len();
        if n == 0 {
            return;
        }
        let at = chance.below(n);
        match chance.below(7) {
            0 => octets[at] ^= 1 << chance.below(8),
            1 => octets[at] = [0, 1, 0x7f, 0x80, 0xff][chance.below(5)],
            2 => octets.truncate(n - chance.below(n.min(64))),
            3 => drop(octets.drain(at..n.min(at + chance.below(40)))),
            4 => {
                let piece = octets[at..n.min(at + chance.below(200))].to_vec();
                let to = chance.below(n);
                octets.splice(to..to, piece);
            }
            5 => octets.insert(at, chance.next() as u8),
            _ => octets[at] = chance.next() as u8,
        }
    }
}
