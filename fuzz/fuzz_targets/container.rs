//! A stored file (gzip, bzip2, Zstandard, or plain), read in three ways that must agree.
#![no_main]

#[path = "../../tests/oracles/readings.rs"]
mod readings;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((seed, stored)) = input.split_first() else { return };
    readings::check(stored, &mut readings::Chance((*seed).into())).unwrap();
});
