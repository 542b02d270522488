//! Which collectors a run uses when the query names none: the cheapest of those with full feeds that suffice together.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::published::known;
use super::{ArchiveFile, DumpKind, Query, era, ribs};
use crate::bgp::{Collector, Project};
use crate::error::Error;
use crate::time::{Timestamp, Window};

/// Collectors whose archives contain full feeds: multihop collectors, and large exchanges on every continent.
const CANDIDATES: [&str; 29] = [
    "rrc00",
    "rrc01",
    "rrc03",
    "rrc04",
    "rrc06",
    "rrc10",
    "rrc11",
    "rrc12",
    "rrc15",
    "rrc16",
    "rrc19",
    "rrc20",
    "rrc21",
    "rrc23",
    "rrc24",
    "rrc25",
    "route-views2",
    "route-views3",
    "route-views4",
    "route-views.amsix",
    "route-views.chicago",
    "route-views.eqix",
    "route-views.isc",
    "route-views.linx",
    "route-views.saopaulo",
    "route-views.sg",
    "route-views.soxrs",
    "route-views.sydney",
    "route-views.wide",
];

/// A choice has this many full feeds, more than twice as many as an answer needs by default.
const ENOUGH_FEEDS: f64 = 25.0;
/// It has as many as an answer needs without any one of its collectors, so that an outage can be judged without each.
const ENOUGH_WITHOUT_ONE: f64 = 10.0;
/// Fewer collectors are no basis for saying that others saw the same; more cost requests.
const FEWEST: usize = 3;
const MOST: usize = 5;

/// Prefixes in a full table, IPv4 and IPv6 together, at the start of a year (bgp.potaroo.net).
const TABLE_SIZES: [(i64, f64); 5] =
    [(2001, 100_000.0), (2008, 250_000.0), (2015, 550_000.0), (2020, 910_000.0), (2026, 1_280_000.0)];
/// What a route costs in a RIB dump that is compressed by bzip2, in bytes: route-views2 had 108 MB in 2016, 82 MB in 2026.
const BYTES_PER_ROUTE: f64 = 4.0;
/// A RIB dump is larger by this factor if it is compressed by gzip.
const GZIP: f64 = 1.4;

/// The time whose update files show what updates cost, from the start of the window on.
pub(super) const SAMPLE: Duration = Duration::from_secs(3600);

/// Which collectors are used when the query names none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The cheapest set with enough full feeds at the start of the window.
    Few {
        /// The most bytes that it may have; where that is too little for enough full feeds, as many as possible.
        budget: Option<u64>,
    },
    /// All collectors that the catalog knows.
    All,
}

impl Default for Choice {
    fn default() -> Choice {
        Choice::Few { budget: None }
    }
}

/// What a collector would contribute, estimated from the sizes of some of its files.
#[derive(Clone, PartialEq, Debug)]
pub struct Offer {
    /// The collector.
    pub collector: Collector,
    /// Its project.
    pub project: Project,
    /// Full feeds: the size of its RIB dumps divided by that of a full table of the time.
    pub n_feeds: f64,
    /// The bytes that the query needs of it.
    pub bytes: u64,
    /// The files that have them.
    pub n_files: u64,
}

impl Offer {
    /// Returns what it costs, in bytes: a request takes as long as this many more.
    fn cost(&self) -> u64 {
        const PER_REQUEST: u64 = 250_000;
        self.bytes.saturating_add(self.n_files.saturating_mul(PER_REQUEST))
    }

    /// Returns what a full feed costs.
    fn price(&self) -> f64 {
        self.cost() as f64 / self.n_feeds.max(f64::MIN_POSITIVE)
    }
}

/// Returns the collectors among which a query chooses: those that it names, or candidates, or all. It is an error to name an
/// unknown one.
pub(super) fn candidates(query: &Query, choice: Choice) -> Result<Vec<Collector>, Error> {
    let known = known()?;
    if let Some(unknown) = query.collectors.iter().find(|collector| !known.contains_key(*collector)) {
        let known = known.keys().map(ToString::to_string).collect();
        return Err(Error::UnknownCollector { name: unknown.to_string(), known });
    }
    let mut collectors = match (query.collectors.as_slice(), choice) {
        ([], Choice::Few { .. }) => {
            CANDIDATES.map(Collector::new).into_iter().filter(|name| known.contains_key(name)).collect()
        }
        ([], Choice::All) => known.keys().cloned().collect(),
        (named, _) => named.to_vec(),
    };
    collectors.retain(|collector| query.project.is_none_or(|project| known.get(collector) == Some(&project)));
    Ok(collectors)
}

/// Returns the budget of a choice that has to be made. None if the query names its collectors, or all are used.
pub(super) fn budget(query: &Query, choice: Choice) -> Option<Option<u64>> {
    match choice {
        Choice::Few { budget } if query.collectors.is_empty() => Some(budget),
        _ => None,
    }
}

/// Returns those of the collectors of a query that must have files; `chosen` returns the collectors. With [`Choice::All`] none
/// must: not every collector existed at the time.
pub(super) fn expected(
    query: &Query,
    choice: Choice,
    chosen: impl FnOnce() -> Result<Vec<Collector>, Error>,
) -> Result<Vec<Collector>, Error> {
    if choice == Choice::All && query.collectors.is_empty() { Ok(Vec::new()) } else { chosen() }
}

/// Returns what each collector would contribute. `files` has its RIB dumps before the window, and its updates of [`SAMPLE`] from the
/// start of the window on. Collectors without either make no offer.
pub(super) fn offers(query: &Query, files: &[ArchiveFile]) -> Vec<Offer> {
    let mut by_collector: BTreeMap<&Collector, Vec<&ArchiveFile>> = BTreeMap::new();
    for file in files {
        by_collector.entry(&file.collector).or_default().push(file);
    }
    by_collector.into_iter().filter_map(|(collector, files)| offer(query, collector, &files)).collect()
}

fn offer(query: &Query, collector: &Collector, files: &[&ArchiveFile]) -> Option<Offer> {
    let window = query.window;
    let sample = Window { start: window.start, end: (window.start + SAMPLE).min(window.end) };
    let of_kind = |kind: DumpKind| files.iter().copied().filter(move |file| file.kind == kind);
    let mut ribs: Vec<&ArchiveFile> = of_kind(DumpKind::Rib).filter(|rib| era::opened(rib).0 < window.start).collect();
    ribs.sort_by_key(|rib| era::opened(rib));
    // Updates are read from the RIB dump on that seeds the replay.
    let seeded_at = ribs::seed(ribs.iter().copied(), window).map(|seed| era::opened(seed).0)?;
    ribs.sort_by_key(|rib| rib.size());
    // A cut dump is small.
    let rib = ribs.get(ribs.len() / 2)?;
    let updates: Vec<&ArchiveFile> =
        of_kind(DumpKind::Updates).filter(|file| sample.contains(era::opened(file).0)).collect();
    let interval = era::interval(updates.first()?);
    let mean = updates.iter().map(|file| file.size()).sum::<u64>() as f64 / updates.len() as f64;
    let span = Window { start: seeded_at - ribs::BEFORE_RIB, end: window.end + ribs::BEYOND }.duration() + interval;
    let n_updates = span.as_secs().div_ceil(interval.as_secs().max(1));
    let n_ribs = n_ribs(query, rib);
    let bytes = (n_ribs * rib.size()).saturating_add((n_updates as f64 * mean) as u64);
    let of_gzip = if rib.name.ends_with(".gz") { GZIP } else { 1.0 };
    let n_feeds = rib.size() as f64 / (of_gzip * BYTES_PER_ROUTE * table_size(window.start));
    let n_files = n_ribs + n_updates;
    Some(Offer { collector: collector.clone(), project: rib.project, n_feeds, bytes, n_files })
}

/// Returns how many RIB dumps the query reads: the one before the window, the one after it, those inside and those of the
/// baseline.
fn n_ribs(query: &Query, rib: &ArchiveFile) -> u64 {
    let n_in = |length: Duration, spacing: Duration| length.as_secs() / spacing.as_secs().max(1);
    let length = query.window.duration();
    let n_inside = match query.ribs.spacing() {
        Some(Duration::ZERO) => n_in(length, era::interval(rib)),
        Some(spacing) => n_in(length, spacing),
        None => 0,
    };
    2 + n_inside + n_in(query.baseline, era::interval(rib))
}

/// Returns how many prefixes a full table had at a time, between the known numbers.
fn table_size(at: Timestamp) -> f64 {
    const YEAR: f64 = 365.25 * 86_400.0;
    let year = 1970.0 + at.secs() as f64 / YEAR;
    let between = |pair: &[(i64, f64)]| match *pair {
        [(from, least), (to, most)] if year <= to as f64 => {
            let share = ((year - from as f64) / (to - from) as f64).max(0.0);
            Some(least + share * (most - least))
        }
        _ => None,
    };
    TABLE_SIZES.windows(2).find_map(between).unwrap_or(TABLE_SIZES[TABLE_SIZES.len() - 1].1)
}

/// A default choice.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    /// The collectors.
    pub(super) collectors: Vec<Collector>,
    /// The offers that were not taken, the cheapest feed first.
    pub(super) others: Vec<Offer>,
}

/// Chooses from the collectors of `files`, which are those that [`offers`] needs.
pub(super) fn choose(query: &Query, files: &[ArchiveFile], budget: Option<u64>) -> Chosen {
    let offers = offers(query, files);
    let collectors = cheapest(&offers, budget);
    let mut others: Vec<Offer> = offers.into_iter().filter(|offer| !collectors.contains(&offer.collector)).collect();
    others.sort_by(|one, other| one.price().total_cmp(&other.price()));
    Chosen { collectors, others }
}

/// Chooses from `offers` the set that costs least among those that suffice; where none does within `budget`, the one with the
/// most full feeds. Both projects are in it, if both make offers that fit.
pub(super) fn cheapest(offers: &[Offer], budget: Option<u64>) -> Vec<Collector> {
    let mut search = SetSearch { offers, budget, fewest: FEWEST.min(offers.len()), set: Vec::new(), best: None };
    search.extend(0, Merit::default());
    let best = search.best.map(|(_, set)| set).unwrap_or_default();
    best.into_iter().map(|index| offers[index].collector.clone()).collect()
}

/// A search through all sets of at most [`MOST`] offers.
struct SetSearch<'a> {
    offers: &'a [Offer],
    budget: Option<u64>,
    fewest: usize,
    set: Vec<usize>,
    best: Option<(Rank, Vec<usize>)>,
}

impl SetSearch<'_> {
    /// Compares every set that contains the current one, of `merit`, and offers from the number `from` on.
    fn extend(&mut self, from: usize, merit: Merit) {
        for index in from..self.offers.len() {
            let merit = merit.with(&self.offers[index]);
            if self.budget.is_some_and(|budget| merit.bytes > budget) {
                continue;
            }
            self.set.push(index);
            let rank = merit.rank(self.fewest);
            if self.best.as_ref().is_none_or(|(best, _)| rank > *best) {
                self.best = Some((rank, self.set.clone()));
            }
            if self.set.len() < MOST {
                self.extend(index + 1, merit);
            }
            self.set.pop();
        }
    }
}

/// What is greater is better: both projects, enough feeds, a low cost of what is enough, many feeds of what is not.
type Rank = (usize, bool, Reverse<u64>, u64);

/// What a set of collectors has.
#[derive(Clone, Copy, Default)]
struct Merit {
    n: usize,
    has: [bool; 2],
    n_feeds: f64,
    most_feeds: f64,
    bytes: u64,
    cost: u64,
}

impl Merit {
    fn with(mut self, offer: &Offer) -> Merit {
        self.n += 1;
        self.has[usize::from(offer.project == Project::RipeRis)] = true;
        self.n_feeds += offer.n_feeds;
        self.most_feeds = self.most_feeds.max(offer.n_feeds);
        self.bytes = self.bytes.saturating_add(offer.bytes);
        self.cost = self.cost.saturating_add(offer.cost());
        self
    }

    fn rank(&self, fewest: usize) -> Rank {
        let n_projects = self.has.into_iter().filter(|has| *has).count();
        let suffices =
            self.n >= fewest && self.n_feeds >= ENOUGH_FEEDS && self.n_feeds - self.most_feeds >= ENOUGH_WITHOUT_ONE;
        match suffices {
            true => (n_projects, true, Reverse(self.cost), 0),
            false => (n_projects, false, Reverse(0), (self.n_feeds * 1000.0) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::publisher;

    #[test]
    fn every_candidate_is_known_to_the_broker() {
        for name in CANDIDATES {
            assert!(publisher(&Collector::new(name)).is_some(), "{name}");
        }
    }

    #[test]
    fn a_table_grows_between_the_known_years() {
        let at = |text: &str| table_size(text.parse().unwrap()).round() as i64 / 1000;
        assert_eq!([at("1999-10-01"), at("2014-12-22"), at("2026-11-01"), at("2031-01-01")], [100, 548, 1280, 1280]);
    }

    fn offer(name: &str, n_feeds: f64, megabytes: u64) -> Offer {
        let collector = Collector::new(name);
        Offer { project: collector.project(), collector, n_feeds, bytes: megabytes * 1_000_000, n_files: 100 }
    }

    fn chosen(offers: &[Offer], budget: Option<u64>) -> String {
        cheapest(offers, budget).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// A day of 2026, by the sizes of its files.
    fn of_2026() -> Vec<Offer> {
        vec![
            offer("rrc00", 60.0, 2582),
            offer("rrc04", 9.8, 430),
            offer("route-views.amsix", 11.1, 325),
            offer("route-views.sg", 23.2, 536),
            offer("route-views.soxrs", 2.2, 55),
            offer("route-views2", 16.0, 311),
        ]
    }

    #[test]
    fn the_cheapest_collectors_with_enough_full_feeds_are_chosen() {
        // The largest is not, although it alone has enough.
        assert_eq!(chosen(&of_2026(), None), "rrc04 route-views.soxrs route-views2");
    }

    #[test]
    fn a_budget_buys_as_many_full_feeds_as_it_can_of_both_projects() {
        assert_eq!(chosen(&of_2026(), Some(600_000_000)), "rrc04 route-views.soxrs");
        assert_eq!(chosen(&of_2026(), Some(400_000_000)), "route-views.soxrs route-views2");
        assert_eq!(chosen(&of_2026(), Some(50_000_000)), "");
    }

    #[test]
    fn where_none_suffices_all_that_fit_are_chosen() {
        let offers = [offer("rrc00", 3.0, 10), offer("route-views2", 2.0, 10)];
        assert_eq!(chosen(&offers, None), "rrc00 route-views2");
        assert_eq!(chosen(&offers[..1], None), "rrc00");
        assert_eq!(chosen(&[], None), "");
    }
}
