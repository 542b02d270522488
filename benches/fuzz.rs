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

use outage_replay::bgp::{Asn, Prefix};
use outage_replay::decode::{self, Change, Reading, RouteEvent, Selection};
use outage_replay::helpers::Helpers;

/// Numbers that look like chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

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

/// Whether all readings agree; how many events there were.
fn check(file: &[u8], chance: &mut Chance) -> Result<usize, String> {
    let everything = ["0.0.0.0/0", "::/0"].map(|prefix| prefix.parse::<Prefix>().expect("a prefix"));
    let mut all = Selection::new();
    everything.iter().for_each(|prefix| all.add_within(*prefix));
    let whole = decode::read(file, &all);
    let mut selection = Selection::new();
    let (mut within, mut origins) = (Vec::new(), Vec::new());
    for _ in 0..chance.below(4) {
        let Some(event) = whole.events.get(chance.below(whole.events.len())) else { break };
        match &event.change {
            Change::RibEntry { path, .. } | Change::Announce { path, .. } if chance.below(2) == 0 => {
                origins.extend(path.origin());
            }
            Change::RibEntry { prefix, .. } | Change::Announce { prefix, .. } | Change::Withdraw { prefix, .. } => {
                within.push(prefix.shortened_to(prefix.len().saturating_sub(chance.below(9) as u8)));
            }
            _ => {}
        }
    }
    within.iter().for_each(|prefix| selection.add_within(*prefix));
    origins.iter().for_each(|origin| selection.add_origin(*origin));
    let alone = decode::read(file, &selection);
    let helped = with_helpers(file, &selection, 1 + chance.below(2));
    let of = |reading: &Reading| {
        (reading.events.clone(), reading.census.counts, reading.census.ending.clone(), reading.census.span)
    };
    if of(&alone) != of(&helped) {
        return Err("a helpers changes the reading".to_owned());
    }
    let expected = whole.events.iter().filter(|event| wanted(event, &selection, &origins));
    let (own, beside): (Vec<_>, Vec<_>) = alone.events.iter().partition(|event| wanted(event, &selection, &origins));
    if !own.into_iter().eq(expected)
        || alone.census.peers != whole.census.peers
        || alone.census.ending != whole.census.ending
    {
        return Err("the filter changes the reading".to_owned());
    }
    // The other routes of a prefix of a chosen origin, and those of the prefixes that cover it.
    let of_origins: Vec<Prefix> = whole.events.iter().filter_map(|event| of_origin(event, &origins)).collect();
    let is_beside = |event: &&RouteEvent| match &event.change {
        Change::RibEntry { prefix, .. } => of_origins.iter().any(|own| prefix.contains(own)),
        _ => false,
    };
    if !beside.iter().all(is_beside) {
        return Err("an origin brings routes that have nothing to do with it".to_owned());
    }
    Ok(alone.events.len())
}

/// The prefix of a RIB entry of one of these origins.
fn of_origin(event: &RouteEvent, origins: &[Asn]) -> Option<Prefix> {
    match &event.change {
        Change::RibEntry { prefix, path, .. } if origins.iter().any(|origin| path.originates(*origin)) => Some(*prefix),
        _ => None,
    }
}

fn wanted(event: &RouteEvent, selection: &Selection, origins: &[Asn]) -> bool {
    match &event.change {
        Change::RibEntry { prefix, path, .. } | Change::Announce { prefix, path, .. } => {
            selection.matches(prefix) || origins.iter().any(|origin| path.originates(*origin))
        }
        Change::Withdraw { prefix, .. } | Change::Unclear { prefix } => selection.matches(prefix),
        _ => true,
    }
}

fn with_helpers(file: &[u8], selection: &Selection, n_helping: usize) -> Reading {
    let helpers = Helpers::new();
    std::thread::scope(|scope| {
        (0..n_helping).for_each(|_| drop(scope.spawn(|| helpers.help())));
        let reading = decode::read_with(file, selection, &helpers);
        helpers.dismiss();
        reading
    })
}
