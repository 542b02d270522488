//! Which vantage points of the dumps are full feeds.

use std::collections::{BTreeMap, BTreeSet};

use super::{DumpLook, LookState, SurveyLook};
use crate::bgp::{Asn, Collector, Family, Peer, Prefix};
use crate::query::Sufficiency;
use crate::time::Timestamp;
use crate::visibility::{MIN_TABLES, RELATIVE_SIZE};

/// A vantage point and a family.
type Feed = (Collector, Peer, usize);

/// The tables of all dumps, as shares of a full one.
pub(super) struct Feeds {
    /// At each time.
    shares: BTreeMap<(Timestamp, Feed), f64>,
    /// The median over all times at which the vantage point was listed.
    usual: BTreeMap<Feed, f64>,
}

impl Feeds {
    /// Compares each table with those of the same time at all collectors, as a run does. The sizes are estimates, so a
    /// vantage point must also be a full feed at most other times.
    pub(super) fn new(dumps: &[DumpLook]) -> Feeds {
        let mut sizes: BTreeMap<(Timestamp, usize), Vec<u64>> = BTreeMap::new();
        for (dump, family, size, _) in tables(dumps) {
            if size > 0 {
                sizes.entry((dump.at, family)).or_default().push(size);
            }
        }
        let full: BTreeMap<_, _> = sizes.into_iter().map(|(key, sizes)| (key, full_table(sizes))).collect();
        let (mut shares, mut all) = (BTreeMap::new(), BTreeMap::<Feed, Vec<f64>>::new());
        for (dump, family, size, peer) in tables(dumps) {
            let Some(full) = full.get(&(dump.at, family)) else { continue };
            let share = size as f64 / full;
            let feed = (dump.collector.clone(), *peer, family);
            all.entry(feed.clone()).or_default().push(share);
            shares.insert((dump.at, feed), share);
        }
        let median = |mut shares: Vec<f64>| {
            shares.sort_unstable_by(f64::total_cmp);
            shares.get(shares.len() / 2).copied().unwrap_or_default()
        };
        Feeds { shares, usual: all.into_iter().map(|(feed, shares)| (feed, median(shares))).collect() }
    }

    fn is_full(&self, at: Timestamp, feed: &Feed) -> bool {
        let is_whole = |share: Option<&f64>| share.is_some_and(|share| *share >= 1.0);
        is_whole(self.shares.get(&(at, feed.clone()))) && is_whole(self.usual.get(feed))
    }

    /// How many ASes have a full table at most times, at the collectors of these dumps.
    fn usual_feeds(&self, dumps: &[&DumpLook], family: usize) -> usize {
        let is_here = |collector: &Collector| dumps.iter().any(|dump| dump.collector == *collector);
        let full = self
            .usual
            .iter()
            .filter(|((collector, _, of), share)| *of == family && **share >= 1.0 && is_here(collector));
        full.map(|((_, peer, _), _)| peer.asn).collect::<BTreeSet<Asn>>().len()
    }

    /// What the dumps of one time show about the prefix with this number.
    pub(super) fn look(
        &self,
        at: Timestamp,
        dumps: &[&DumpLook],
        n: usize,
        prefix: &Prefix,
        min_peers: usize,
    ) -> SurveyLook {
        let family = prefix.family() as usize;
        let (mut full, mut holders) = (BTreeSet::<Asn>::new(), BTreeSet::<Asn>::new());
        let mut reasons = Vec::new();
        let min_coverage = Sufficiency::default().min_coverage;
        for dump in dumps {
            let Some(shown) = &dump.shown else {
                reasons.push(format!("{}: {}", dump.collector, dump.why.as_deref().unwrap_or("not read")));
                continue;
            };
            let held = shown.holders.get(n).map(Vec::as_slice).unwrap_or_default();
            for (peer, _) in &shown.tables {
                if self.is_full(at, &(dump.collector.clone(), *peer, family)) {
                    full.insert(peer.asn);
                    if held.contains(peer) {
                        holders.insert(peer.asn);
                    }
                }
            }
        }
        let (n_holders, n_full_feeds) = (holders.len(), full.len());
        let n_usual = self.usual_feeds(dumps, family);
        let why = if dumps.is_empty() {
            Some("no dump of this time is listed".to_owned())
        } else if n_full_feeds == 0 && !reasons.is_empty() {
            Some(reasons.join("; "))
        } else if n_full_feeds < min_peers.max(1) {
            let family = Family::ALL.get(family).map(ToString::to_string).unwrap_or_default();
            let mut why = format!("only {n_full_feeds} peer ASes with a full {family} table");
            reasons.iter().for_each(|reason| why.push_str(&format!("; {reason}")));
            Some(why)
        } else if (n_full_feeds as f64) < min_coverage * n_usual as f64 {
            Some(format!("only {n_full_feeds} of {n_usual} ASes that usually have a full table have one"))
        } else {
            None
        };
        let share = why.is_none().then(|| n_holders as f64 / n_full_feeds as f64);
        SurveyLook { at, n_holders, n_full_feeds, share, state: LookState::Unknown, why }
    }
}

/// Every table of every dump and family.
fn tables(dumps: &[DumpLook]) -> impl Iterator<Item = (&DumpLook, usize, u64, &Peer)> {
    let shown = dumps.iter().filter_map(|dump| Some((dump, dump.shown.as_ref()?)));
    shown.flat_map(|(dump, shown)| {
        let rows = shown.tables.iter();
        rows.flat_map(move |(peer, sizes)| (0..).zip(sizes).map(move |(family, size)| (dump, family, *size, peer)))
    })
}

/// The smallest full table, by the rule of a run.
fn full_table(mut sizes: Vec<u64>) -> f64 {
    sizes.sort_unstable();
    if sizes.len() < MIN_TABLES {
        return sizes.last().copied().unwrap_or_default().div_ceil(2) as f64;
    }
    // Nearest rank.
    let rank = (sizes.len() * 95).div_ceil(100);
    sizes.get(rank - 1).copied().unwrap_or_default() as f64 * RELATIVE_SIZE
}
