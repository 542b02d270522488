//! Which prefixes of the whole table may have been out: a first, quick pass over the archives, after which only these are replayed.
//!
//! A prefix is down while less than a certain share of the live vantage points that normally carry it see it. So it was never down
//! if too few peers ever lost it, however many of the others were not live: with fewer live ones the time is not judged at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::thread;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::collecting::{self, Listing};
use super::reading::{self, ReadFile};
use super::{Progress, acceptance, ahead};
use crate::archive::ArchiveFile;
use crate::bgp::{Asn, Family, Peer, PerFamily, Prefix};
use crate::catalog::CollectorPlan;
use crate::coverage::Verdict;
use crate::decode::Selection;
use crate::error::Error;
use crate::fetch::Cache;
use crate::helpers::Helpers;
use crate::query::{Criteria, Match, Metric, Query, Sufficiency, TableScan, Target};
use crate::replay::{LossScan, ScannedLosses};

/// A table of this share of the largest one is certainly full, whatever the others are like.
const SURELY_FULL: f64 = 0.75;
/// A table of less than this share of the largest one is certainly not full.
const SURELY_PARTIAL: f64 = 0.1;
/// So many prefixes are replayed in any case: those with the greatest losses.
const LEAST: usize = 10;
/// More cannot be replayed. Each takes some KB.
const MOST: usize = 150_000;

/// Scans the archives of the window of `query`, and returns the question about every prefix that may have been out.
pub(super) fn scan(
    query: &Query,
    listing: &Listing,
    criteria: &Criteria,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Query, Error> {
    let plans = collecting::plan(query, listing)?.collectors;
    let planned: Vec<ArchiveFile> = plans.iter().flat_map(CollectorPlan::files).cloned().collect();
    ahead::check_allowed(&planned, cache, progress)?;
    let n_ribs = plans.iter().map(|plan| plan.ribs.len()).sum();
    progress.begin(n_ribs, planned.len() - n_ribs);
    let losses = thread::scope(|scope| {
        ahead::fetch(scope, &planned, cache, progress);
        plans.iter().map(|plan| losses(plan, query, cache, progress)).collect::<Result<Vec<_>, Error>>()
    })?;
    let prefixes = chosen(&losses, criteria)?;
    let all: FxHashSet<&Prefix> = losses.iter().flat_map(ScannedLosses::prefixes).collect();
    Ok(Query {
        scan: Some(TableScan { n_prefixes: all.len() as u64, n_chosen: prefixes.len() as u64 }),
        targets: prefixes.into_iter().map(|prefix| Target::Prefix(prefix, Match::Exact)).collect(),
        labels: BTreeMap::new(),
        groups: BTreeMap::new(),
        ..query.clone()
    })
}

/// Reads the files of one collector in order, as many at a time as there are threads.
fn losses(
    plan: &CollectorPlan,
    query: &Query,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<ScannedLosses, Error> {
    let mut selection = Selection::new();
    selection.sample_everything();
    let read = |file: &ArchiveFile| reading::read_one(file, cache, &selection, &Helpers::new(), progress);
    let ribs = plan.ribs.par_iter().map(read).collect::<Result<Vec<ReadFile>, Error>>()?;
    let candidates: Vec<acceptance::Candidate> = ribs.iter().map(|rib| rib.candidate(None)).collect();
    let rejections = acceptance::rejections(&candidates);
    drop(candidates);
    let accepted = plan.ribs.iter().zip(ribs).zip(rejections).filter(|(_, rejection)| rejection.is_none());
    let mut ribs: VecDeque<(&ArchiveFile, ReadFile)> = accepted.map(|(rib, _)| rib).collect();
    let mut scan = LossScan::new();
    let apply = |scan: &mut LossScan, (file, rib): (&ArchiveFile, ReadFile)| {
        scan.rib(&rib.reading, file.opened_at() <= query.window.start);
    };
    for files in plan.updates.chunks(rayon::current_num_threads()) {
        let updates = files.par_iter().map(read).collect::<Result<Vec<ReadFile>, Error>>()?;
        for (file, updates) in files.iter().zip(updates) {
            while let Some(rib) = ribs.pop_front_if(|(rib, _)| rib.opened_at() <= file.opened_at()) {
                apply(&mut scan, rib);
            }
            // What a wrong clock wrote has no place in time.
            if updates.report.verdict != Verdict::Unreadable {
                scan.updates(&updates.reading);
            }
        }
    }
    ribs.into_iter().for_each(|rib| apply(&mut scan, rib));
    Ok(scan.finish())
}

/// Chooses the prefixes that may have been down, and some in any case.
fn chosen(losses: &[ScannedLosses], criteria: &Criteria) -> Result<Vec<Prefix>, Error> {
    let full_feeds = FullFeeds::of(losses);
    let tallies = tallies(losses, &full_feeds);
    let (mut chosen, mut others): (Vec<Prefix>, Vec<(f64, Prefix)>) = (Vec::new(), Vec::new());
    for (prefix, tally) in tallies {
        match tally.may_be_out(full_feeds.n_at_most[prefix.family()], criteria) {
            true => chosen.push(prefix),
            false => others.push((tally.n_lost as f64 / tally.n_holders.max(1) as f64, prefix)),
        }
    }
    if chosen.len() > MOST {
        return Err(Error::TooManyLosses { n: chosen.len(), limit: MOST });
    }
    others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    others.truncate(LEAST.saturating_sub(chosen.len()));
    chosen.extend(others.into_iter().map(|(_, prefix)| prefix));
    if chosen.is_empty() {
        let any: BTreeSet<Prefix> = losses.iter().flat_map(ScannedLosses::prefixes).copied().collect();
        chosen.extend(any.into_iter().take(LEAST));
    }
    if chosen.is_empty() {
        // The archives name no prefix, and the run says so.
        chosen.extend(Family::ALL.map(Prefix::everything));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// What is known of a prefix that peers have lost.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// How many at most at the same time.
    n_lost: usize,
    /// How many ASes with a full table hold it normally, at least.
    n_holders: usize,
}

impl Tally {
    /// Whether the prefix may have been down. At most `n_full_feeds` ASes have a full table.
    fn may_be_out(&self, n_full_feeds: usize, criteria: &Criteria) -> bool {
        let Sufficiency { min_peers, min_coverage } = criteria.sufficiency;
        // So many carriers at least are live when the time is judged. Full feeds that are not live may all carry it. Without a RIB
        // dump only those are live that have shown that they carry it.
        let n_live = match n_full_feeds {
            0 => min_peers as f64,
            n => (self.n_holders as f64 - (1.0 - min_coverage) * n as f64).max(0.0),
        };
        criteria.metric != Metric::Baseline || self.n_lost as f64 >= (1.0 - criteria.thresholds.down_below) * n_live
    }
}

fn tallies(losses: &[ScannedLosses], full_feeds: &FullFeeds) -> FxHashMap<Prefix, Tally> {
    let mut tallies: FxHashMap<Prefix, Tally> = FxHashMap::default();
    for (prefix, n_lost) in losses.iter().flat_map(ScannedLosses::lost) {
        tallies.entry(prefix).or_default().n_lost += n_lost;
    }
    let mut seen: PerFamily<BTreeSet<Asn>> = PerFamily::default();
    for of_collector in losses {
        // An AS counts at the first collector at which it is a full feed.
        let counted: PerFamily<BTreeSet<Peer>> = PerFamily::from_fn(|family| {
            let mut is_new = |(peer, size): &(Peer, PerFamily<u64>)| {
                full_feeds.is_sure(size[family], family) && seen[family].insert(peer.asn)
            };
            of_collector.peers().filter(|of| is_new(of)).map(|(peer, _)| peer).collect()
        });
        for (prefix, n_holders) in of_collector.holders(|peer, family| counted[family].contains(peer)) {
            if let Some(tally) = tallies.get_mut(&prefix) {
                tally.n_holders += n_holders;
            }
        }
    }
    tallies
}

/// The tables in the RIB dumps before the window.
struct FullFeeds {
    largest: PerFamily<u64>,
    /// At most so many ASes have a full table.
    n_at_most: PerFamily<usize>,
}

impl FullFeeds {
    fn of(losses: &[ScannedLosses]) -> FullFeeds {
        let sizes = |family: Family| {
            losses.iter().flat_map(ScannedLosses::peers).map(move |(peer, size)| (peer.asn, size[family]))
        };
        let largest = PerFamily::from_fn(|family| sizes(family).map(|(_, size)| size).max().unwrap_or_default());
        let n_at_most = PerFamily::from_fn(|family| {
            let may_be_full = |size: u64| size as f64 >= SURELY_PARTIAL * largest[family] as f64 && size > 0;
            let asns: BTreeSet<Asn> =
                sizes(family).filter(|(_, size)| may_be_full(*size)).map(|(asn, _)| asn).collect();
            asns.len()
        });
        FullFeeds { largest, n_at_most }
    }

    fn is_sure(&self, size: u64, family: Family) -> bool {
        size > 0 && size as f64 >= SURELY_FULL * self.largest[family] as f64
    }
}
