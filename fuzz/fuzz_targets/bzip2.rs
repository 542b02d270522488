//! A bzip2 stream, decoded by our decoder and by libbz2: the same content, the same verdict.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/outage-replay-bzip2/tests/oracle/mod.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else { return };
    oracle::Ours::default().compare(stream, [1, 7, 100, 4096, 1 << 16][usize::from(*size) % 5]);
});
