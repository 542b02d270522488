//! The 64-bit hash of a prefix, which decides about the control sample and fills the Bloom filters.
//!
//! The network address is taken as 128 bits, IPv4 in the upper 32; SplitMix64 mixes both halves and the length. The hash
//! depends on the prefix alone, so the control sample is the same in every file, collector and run. The sample uses the six
//! lowest bits; filters use others.

/// One prefix in this many belongs to the control sample: a power of two.
pub const CONTROL_RATE: u64 = 64;

/// Hashes the prefix of `length` bits at the beginning of `octets`; bits beyond its length do not count. Hot: once per IPv6 prefix of an
/// UPDATE, and per prefix of a dump.
#[inline]
pub(super) fn hash(octets: &[u8], length: u8) -> u64 {
    // Few prefixes are longer than 64 bits.
    let bits = if octets.len() <= 8 {
        let bits = octets.iter().fold(0u64, |bits, octet| bits << 8 | u64::from(*octet));
        u128::from(bits.checked_shl(64 - 8 * octets.len() as u32).unwrap_or(0)) << 64
    } else {
        octets.iter().take(16).zip((0..=120).rev().step_by(8)).fold(0, |bits, (o, at)| bits | u128::from(*o) << at)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_one_hash_however_it_is_given() {
        let address = 0x2001_0db8_1234_5678_9abc_def0_1122_3344_u128;
        for length in 0..=128u8 {
            let bits = address & !u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
            let octets = &address.to_be_bytes()[..usize::from(length).div_ceil(8)];
            assert_eq!(hash(octets, length), hash_bits(bits, length), "/{length}");
            if length <= 32 {
                assert_eq!(hash_v4((bits >> 96) as u32, length), hash_bits(bits, length), "/{length}");
                // As a dump of the old form has it, with all four octets.
                assert_eq!(hash(&address.to_be_bytes()[..4], length), hash_bits(bits, length), "/{length}");
            }
        }
    }
}
