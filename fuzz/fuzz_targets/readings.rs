//! The content of an MRT file, read in three ways that must agree. Memory must be in proportion to it.
#![no_main]

#[path = "../cost.rs"]
mod cost;
#[path = "../../tests/oracles/readings.rs"]
mod readings;

use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTING: cost::Counting = cost::Counting;

/// What a reading holds besides, with the buffers of all containers and the sets of limited size.
const FIXED: usize = 64 << 20;
/// Bytes held for each byte of content, for three readings at once. A withdrawn prefix of one octet becomes an event of some 90 bytes.
const PER_BYTE: usize = 1000;

fuzz_target!(|input: &[u8]| {
    let Some((seed, plain)) = input.split_first() else { return };
    let (result, most) = cost::measured(|| readings::check(plain, &mut readings::Chance((*seed).into())));
    result.unwrap();
    assert!(most <= FIXED + PER_BYTE * plain.len(), "{most} bytes of memory for {} of content", plain.len());
});
