//! How large the table of each peer is, estimated from the blocks that were read.

use super::stretch::Stretch;
use crate::bgp::Family;
use crate::decode::mrt::HEADER;
use crate::decode::rib::outline;

/// What the parts of a dump show about the tables in it.
pub(super) struct Estimates {
    /// By row of the peer table: the estimated number of records that list the peer, IPv4 then IPv6.
    pub(super) tables: Vec<[u64; 2]>,
    /// How many records were counted for that, of each family.
    pub(super) n_sampled: [u64; 2],
    /// How many records the dump has of each family; only their sum is certain.
    pub(super) n_records: [u64; 2],
}

/// The records of one family in one stretch.
struct BlockSample {
    first: u32,
    last: u32,
    n_records: u64,
    /// By row of the peer table: in how many of them it has a route.
    held: Vec<u64>,
}

/// Each stretch stands for the records that are nearer to it than to any other of its family. `v4_share` is the share of
/// IPv4 among all records, if it is known from elsewhere.
pub(super) fn estimate(stretches: &[Stretch], n_peers: usize, v4_share: Option<f64>) -> Estimates {
    let samples = Family::ALL.map(|family| samples(stretches, n_peers, family));
    let last = stretches.last().and_then(|stretch| stretch.records().last());
    let total = last.map_or(0, |record| u64::from(record.sequence) + 1);
    let [v4, v6] = &samples;
    let (least, most) = (
        v4.last().map_or(0, |sample| u64::from(sample.last) + 1),
        v6.first().map_or(total, |sample| u64::from(sample.first)),
    );
    let n_v4 = match v4_share {
        _ if v4.is_empty() => 0,
        Some(share) => ((total as f64 * share).round() as u64).clamp(least, most.max(least)),
        None => (least + most) / 2,
    };
    let bounds = [(0, n_v4), (n_v4, total)];
    let mut tables = vec![[0; 2]; n_peers];
    for (family, (samples, (begin, end))) in samples.iter().zip(bounds).enumerate() {
        for (row, table) in tables.iter_mut().enumerate() {
            let size: f64 = (0..samples.len()).map(|index| share_of(samples, index, row, (begin, end))).sum();
            if let Some(table) = table.get_mut(family) {
                *table = size.round() as u64;
            }
        }
    }
    let n_sampled = samples.map(|samples| samples.iter().map(|sample| sample.n_records).sum());
    Estimates { tables, n_sampled, n_records: [n_v4, total - n_v4.min(total)] }
}

/// How many records of a peer one sample stands for.
fn share_of(samples: &[BlockSample], index: usize, row: usize, (begin, end): (u64, u64)) -> f64 {
    let Some(sample) = samples.get(index) else { return 0.0 };
    let middle =
        |before: &BlockSample, after: &BlockSample| (u64::from(before.last) + u64::from(after.first)).div_ceil(2);
    let before = index.checked_sub(1).and_then(|before| samples.get(before));
    let from = before.map_or(begin, |before| middle(before, sample));
    let to = samples.get(index + 1).map_or(end, |after| middle(sample, after));
    let held = sample.held.get(row).copied().unwrap_or_default();
    to.saturating_sub(from) as f64 * held as f64 / sample.n_records.max(1) as f64
}

fn samples(stretches: &[Stretch], n_peers: usize, family: Family) -> Vec<BlockSample> {
    stretches.iter().filter_map(|stretch| sample(stretch, n_peers, family)).collect()
}

fn sample(stretch: &Stretch, n_peers: usize, family: Family) -> Option<BlockSample> {
    let records: Vec<_> = stretch.settled().iter().filter(|record| record.prefix.family() == family).collect();
    let (first, last) = (records.first()?, records.last()?);
    let mut held = vec![0; n_peers];
    // A record may list a peer more than once, with several paths.
    let mut latest = vec![None; n_peers];
    for record in &records {
        let octets = stretch.octets(record);
        let Some([_, _, _, _, _, _, s1, s0]) = octets.first_chunk() else { continue };
        let subtype = u16::from_be_bytes([*s1, *s0]);
        outline(octets.get(HEADER..).unwrap_or_default(), subtype, n_peers, |row| {
            let row = usize::from(row);
            if let (Some(n), Some(latest)) = (held.get_mut(row), latest.get_mut(row))
                && *latest != Some(record.sequence)
            {
                *latest = Some(record.sequence);
                *n += 1;
            }
        });
    }
    Some(BlockSample { first: first.sequence, last: last.sequence, n_records: records.len() as u64, held })
}
