//! Compares the decoder with libbz2-rs on damaged and crafted streams for a while: `cargo bench --bench fuzz -- --seconds 60`.
//! `--seed N` begins elsewhere.

#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::time::{Duration, Instant};

use oracle::{Ours, Random, Verdict, compressed, content, corrected, crafted, damaged, n_max};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str| {
        let value = arguments.iter().skip_while(|argument| *argument != flag).nth(1);
        value.and_then(|value| value.parse::<u64>().ok())
    };
    let (begin, length) = (Instant::now(), Duration::from_secs(number("--seconds").unwrap_or(10)));
    let mut seed = number("--seed").unwrap_or(0) << 32;
    let mut ours = Ours::default();
    let mut verdicts = [0u64; 3];
    while begin.elapsed() < length {
        let mut random = Random(seed);
        let n_max = n_max(&mut random);
        let stream = if random.once_in(2) {
            let stream = crafted(&mut random);
            let (content, verdict) = ours.compare(&stream, n_max);
            verdicts[verdict as usize] += 1;
            corrected(&stream, &content)
        } else {
            let n = if random.once_in(300) { 1_200_000 } else { 8000 };
            compressed(&content(&mut random, n), 1 + random.below(9) as u32)
        };
        verdicts[ours.compare(&stream, n_max).1 as usize] += 1;
        for _ in 0..8 {
            verdicts[ours.compare(&damaged(&mut random, &stream), n_max).1 as usize] += 1;
        }
        seed += 1;
    }
    let n: u64 = verdicts.iter().sum();
    let of = |verdict: Verdict| verdicts[verdict as usize];
    let (whole, invalid, cut) = (of(Verdict::Whole), of(Verdict::Invalid), of(Verdict::Cut));
    println!("{n} streams in {:?}: {whole} whole, {invalid} invalid, {cut} cut; no difference", begin.elapsed());
}
