//! A RIB dump: a lookup shows what a reading of the whole dump shows, or refuses.
#![no_main]

#[path = "../../tests/oracles/lookups.rs"]
mod lookups;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|plain: &[u8]| {
    lookups::check(plain).unwrap();
});
