//! The 64-bit hash of a prefix, which decides about the control sample and fills the Bloom filters.
//!
//! The network address is taken as 128 bits, IPv4 in the upper 32; SplitMix64 mixes both halves and the length. The hash
//! depends on the prefix alone, so the control sample is the same in every file, collector and run. The sample uses the six
//! lowest bits; filters use others.

/// One prefix in this many belongs to the control sample: a power of two.
pub const CONTROL_RATE: u64 = 64;

/// Hashes the prefix of `length` bits at the beginning of `octets`; bits beyond its length do not count.
#[inline]
pub(super) fn hash(octets: &[u8], length: u8) -> u64 {
    let bits = match octets.first_chunk::<4>() {
        Some(head) if octets.len() == 4 => u128::from(u32::from_be_bytes(*head)) << 96,
        _ => {
            octets.iter().take(16).zip((0..=120).rev().step_by(8)).fold(0, |bits, (o, at)| bits | u128::from(*o) << at)
        }
    };
    hash_bits(bits & !u128::MAX.checked_shr(u32::from(length)).unwrap_or(0), length)
}

/// Hashes an IPv4 prefix by its network address. Hot: once per prefix of an UPDATE.
#[inline]
pub(super) fn hash_v4(network: u32, length: u8) -> u64 {
    split_mix(u64::from(network) << 32 ^ u64::from(length))
}

/// Hashes a prefix by its network address, aligned to the top of 128 bits.
#[inline]
pub(super) fn hash_bits(bits: u128, length: u8) -> u64 {
    split_mix((bits >> 64) as u64 ^ (bits as u64).rotate_left(32) ^ u64::from(length))
}

/// Whether the prefix with this hash belongs to the control sample.
#[inline]
pub(super) fn is_sampled(hash: u64) -> bool {
    hash.is_multiple_of(CONTROL_RATE)
}

#[inline]
fn split_mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
