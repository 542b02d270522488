//! Which networks of the whole table may have been out: a first, quick pass over the archives, after which only these are replayed.
//!
//! A prefix is down while less than a certain share of the live vantage points that normally carry it see it. So it was never down
//! if too few peers ever lost it, however many of the others were not live: with fewer live ones the time is not judged at all. An AS is down while too little of its address space is up, so it was never down if
//! prefixes that were up throughout are enough of it. Of a prefix with several origins each one may have lost it to another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::thread;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::collecting::{self, Listing};
use super::reading::{FileReader, ReadFile};
use super::{Progress, acceptance, ahead};
use crate::archive::ArchiveFile;
use crate::bgp::{Asn, Family, Peer, PerFamily, Prefix};
use crate::catalog::CollectorPlan;
use crate::coverage::Verdict;
use crate::decode::Selection;
use crate::detect::units_of;
use crate::error::Error;
use crate::fetch::Cache;
use crate::helpers::Helpers;
use crate::query::{Criteria, Match, Metric, Query, Scanned, Sufficiency, TableScan, Target};
use crate::replay::{LossScan, ScannedLosses};

/// A table of this share of the largest one is certainly full, whatever the others are like.
const SURELY_FULL: f64 = 0.75;
/// A table of less than this share of the largest one is certainly not full.
const SURELY_PARTIAL: f64 = 0.1;
/// So many prefixes are replayed in any case, and ASes if none may have been out: those with the greatest losses.
const LEAST: usize = 10;
/// More prefixes cannot be replayed. Each takes some KB.
const MOST: usize = 150_000;

/// The networks that may have been out, and some in any case.
struct MayBeOut {
    targets: Vec<Target>,
    /// How many there were to choose from.
    n_named: usize,
}

/// Scans the archives of the window of `query`, and returns the question about every network that may have been out.
pub(super) fn scan(
    query: &Query,
    listing: &Listing,
    of: Scanned,
    criteria: &Criteria,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Query, Error> {
    let plans = collecting::plan(query, listing)?.collectors;
    let planned: Vec<ArchiveFile> = plans.iter().flat_map(CollectorPlan::files).cloned().collect();
    ahead::check_allowed(&planned, cache, progress)?;
    let n_ribs = plans.iter().map(|plan| plan.ribs.len()).sum();
    progress.begin(n_ribs, planned.len() - n_ribs);
    let mut selection = Selection::new();
    match of {
        Scanned::Prefixes => selection.sample_everything(),
        Scanned::Asns => selection.sample_origins(),
    }
    let losses = thread::scope(|scope| {
        ahead::fetch(scope, &planned, cache, progress);
        let losses = |plan| losses(plan, query, &selection, cache, progress);
        plans.iter().map(losses).collect::<Result<Vec<_>, Error>>()
    })?;
    let MayBeOut { targets, n_named } = match of {
        Scanned::Prefixes => prefixes(&losses, criteria)?,
        Scanned::Asns => asns(&losses, criteria, query)?,
    };
    Ok(Query {
        scan: Some(TableScan { of, n_named: n_named as u64, n_chosen: targets.len() as u64 }),
        targets,
        labels: BTreeMap::new(),
        groups: BTreeMap::new(),
        ..query.clone()
    })
}

/// Reads the files of one collector in order, as many at a time as there are threads.
fn losses(
    plan: &CollectorPlan,
    query: &Query,
    selection: &Selection,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<ScannedLosses, Error> {
    let helpers = Helpers::new();
    let reader = FileReader { cache, selection, helpers: &helpers, progress };
    let read = |file: &ArchiveFile| reader.read(file);
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
            // The times in an unreadable file cannot be trusted, so it is not applied.
            if updates.report.verdict != Verdict::Unreadable {
                scan.updates(&updates.reading);
            }
        }
    }
    ribs.into_iter().for_each(|rib| apply(&mut scan, rib));
    Ok(scan.finish())
}

/// Chooses from all prefixes.
fn prefixes(losses: &[ScannedLosses], criteria: &Criteria) -> Result<MayBeOut, Error> {
    let all: FxHashSet<&Prefix> = losses.iter().flat_map(ScannedLosses::prefixes).collect();
    let tallies = tallies(losses, losses.iter().flat_map(|of| of.lost().map(|(prefix, _)| prefix)));
    let (mut chosen, mut others): (Vec<Prefix>, Vec<(f64, Prefix)>) = (Vec::new(), Vec::new());
    for (prefix, tally) in tallies {
        match tally.may_be_out(criteria) {
            true => chosen.push(prefix),
            false => others.push((tally.lost_share(), prefix)),
        }
    }
    check_number(chosen.len())?;
    add_others(&mut chosen, others);
    if chosen.is_empty() {
        let any: BTreeSet<&Prefix> = all.iter().copied().collect();
        chosen.extend(any.into_iter().take(LEAST));
    }
    if chosen.is_empty() {
        // The archives name no prefix, and the run says so.
        chosen.extend(Family::ALL.map(Prefix::everything));
    }
    chosen.sort_unstable();
    let targets = chosen.into_iter().map(|prefix| Target::Prefix(prefix, Match::Exact)).collect();
    Ok(MayBeOut { targets, n_named: all.len() })
}

/// What an AS originates.
#[derive(Debug, Default)]
struct Originated {
    prefixes: PerFamily<Vec<Prefix>>,
    /// Whether any of them may have been out.
    any_may_be_out: PerFamily<bool>,
    /// Those that were up throughout, and that count for the AS.
    surely_up: PerFamily<Vec<Prefix>>,
    lost_share: f64,
}

impl Originated {
    /// Whether less than `down_below` of the space of a family may have been up.
    fn may_be_out(&self, down_below: f64) -> bool {
        Family::ALL.into_iter().any(|family| {
            let (all, up) = (units_of(&self.prefixes[family]), units_of(&self.surely_up[family]));
            self.any_may_be_out[family] && (up as f64) < down_below * all as f64
        })
    }

    fn n_prefixes(&self) -> usize {
        Family::ALL.into_iter().map(|family| self.prefixes[family].len()).sum()
    }
}

/// Chooses from all origin ASes.
fn asns(losses: &[ScannedLosses], criteria: &Criteria, query: &Query) -> Result<MayBeOut, Error> {
    let mut origins: Vec<(Prefix, Asn)> = losses.iter().flat_map(ScannedLosses::origins).collect();
    origins.sort_unstable();
    origins.dedup();
    let tallies = tallies(losses, origins.iter().map(|(prefix, _)| *prefix));
    let mut originated: BTreeMap<Asn, Originated> = BTreeMap::new();
    for of_prefix in origins.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((prefix, _)) = of_prefix.first() else { continue };
        let (family, tally) = (prefix.family(), tallies.get(prefix).copied().unwrap_or_default());
        let may_be_out = of_prefix.len() > 1 || tally.may_be_out(criteria);
        // What RIB dumps from long before the window show is not looked at.
        let is_sure = !may_be_out && tally.is_surely_carried() && query.baseline.is_zero();
        for (_, asn) in of_prefix.iter().filter(|(_, asn)| *asn != Asn::TRANS) {
            let of_as = originated.entry(*asn).or_default();
            of_as.prefixes[family].push(*prefix);
            of_as.any_may_be_out[family] |= may_be_out;
            of_as.surely_up[family].extend(is_sure.then_some(*prefix));
            of_as.lost_share = of_as.lost_share.max(tally.lost_share());
        }
    }
    let may_be_out = |asn: &Asn| originated[asn].may_be_out(criteria.thresholds.down_below);
    let (mut chosen, others): (Vec<Asn>, Vec<Asn>) = originated.keys().partition(|asn| may_be_out(asn));
    check_number(chosen.iter().map(|asn| originated[asn].n_prefixes()).sum())?;
    // An AS may originate thousands of prefixes: others are replayed only if there is nothing else.
    if chosen.is_empty() {
        add_others(&mut chosen, others.into_iter().map(|asn| (originated[&asn].lost_share, asn)).collect());
    }
    chosen.sort_unstable();
    let mut targets: Vec<Target> = chosen.into_iter().map(Target::Asn).collect();
    if targets.is_empty() {
        // The archives name no origin, and the run says so.
        targets.extend(Family::ALL.map(|family| Target::Prefix(Prefix::everything(family), Match::Exact)));
    }
    Ok(MayBeOut { targets, n_named: originated.len() })
}

/// Whether so many prefixes can be replayed.
fn check_number(n: usize) -> Result<(), Error> {
    if n > MOST { Err(Error::TooManyLosses { n, limit: MOST }) } else { Ok(()) }
}

/// Adds those with the greatest losses of the others, if there are few.
fn add_others<N: Ord>(chosen: &mut Vec<N>, mut others: Vec<(f64, N)>) {
    others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    others.truncate(LEAST.saturating_sub(chosen.len()));
    chosen.extend(others.into_iter().map(|(_, network)| network));
}

/// What is known of a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// How many peers have lost it, at most at the same time.
    n_lost: usize,
    /// How many ASes with a full table hold it normally, at least.
    n_holders: usize,
    /// How many ASes have a full table, at most.
    n_full_feeds: usize,
}

impl Tally {
    /// Whether the prefix may have been down.
    fn may_be_out(&self, criteria: &Criteria) -> bool {
        let Sufficiency { min_peers, min_coverage } = criteria.sufficiency;
        // The smallest number of carriers that are live at a time that is judged: all full feeds that are not live may be
        // carriers. Without a RIB dump, only ASes that have shown that they carry it are live.
        let n_live = match self.n_full_feeds {
            0 => min_peers as f64,
            n => (self.n_holders as f64 - (1.0 - min_coverage) * n as f64).max(0.0),
        };
        let is_enough = || self.n_lost as f64 >= (1.0 - criteria.thresholds.down_below) * n_live;
        self.n_lost > 0 && (criteria.metric != Metric::Baseline || is_enough())
    }

    /// Whether at least half of the full feeds carry it normally, so that it counts for the network that it belongs to.
    fn is_surely_carried(&self) -> bool {
        self.n_full_feeds > 0 && 2 * self.n_holders >= self.n_full_feeds
    }

    fn lost_share(&self) -> f64 {
        self.n_lost as f64 / self.n_holders.max(1) as f64
    }
}

/// Tallies prefixes.
fn tallies(losses: &[ScannedLosses], prefixes: impl Iterator<Item = Prefix>) -> FxHashMap<Prefix, Tally> {
    let full_feeds = FullFeeds::of(losses);
    let tally = |prefix: Prefix| Tally { n_full_feeds: full_feeds.n_at_most[prefix.family()], ..Tally::default() };
    let mut tallies: FxHashMap<Prefix, Tally> = prefixes.map(|prefix| (prefix, tally(prefix))).collect();
    for (prefix, n_lost) in losses.iter().flat_map(ScannedLosses::lost) {
        if let Some(tally) = tallies.get_mut(&prefix) {
            tally.n_lost += n_lost;
        }
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
