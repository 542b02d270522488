//! What one file may bring into memory. A few kilobytes of a compressed file can name millions of routes or peers. The limits are
//! several times what the largest real files contain. A file that exceeds one is read up to there, as if it were cut.

/// Selected announcements and withdrawals in an update file. Five minutes of `rrc00` contain some 800,000 of all prefixes.
pub(super) const MAX_CHANGES: usize = 3_000_000;

/// Selected routes in a RIB dump. The largest dumps have some 100 full tables of 1.2 million prefixes, 120 million routes in all; of
/// those a question selects a part.
pub(super) const MAX_ROUTES: usize = 32_000_000;

/// Peers. The largest collectors have a few hundred.
pub(super) const MAX_PEERS: usize = 10_000;

/// Prefixes of the control sample, of which a full table has 20,000, when one in 64 is sampled.
pub(super) const MAX_SAMPLED: usize = 100_000;

/// Changes of sampled prefixes, when one in 64 is sampled.
pub(super) const MAX_SAMPLED_CHANGES: usize = 4_000_000;

/// Words of 64 bits for the tables of the control sample, when one prefix in 64 is sampled: 16 MB. A hundred full tables take 31,000.
pub(super) const MAX_SAMPLED_WORDS: usize = 2_000_000;

/// Octets of RIB records that are kept because their prefixes cover the one being read. Those of 30 covering prefixes at 100 peers
/// take half of it.
pub(super) const MAX_COVERING: usize = 1 << 20;
