//! The search for the vantage points that normally carry a prefix.
//!
//! Data from after a loss never change the baseline by which it is judged. RIB dumps before the window come first. A RIB dump
//! inside the window adds the vantage points that hold the prefix in it, each from when it first held the prefix for some time.
//! If only a small part of the full feeds holds a prefix, that is normal only if RIB dumps at least a day apart agree: a single
//! one may have been written during an outage.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::baseline::{Baseline, BaselineCarrier, BaselineSource, LookedBack};
use super::index::{CollectorIndex, VantagePointIndex};
use super::observed::ObservedSpan;
use super::share;
use super::view::View;
use crate::bgp::{Asn, Prefix};
use crate::replay::{DumpIndex, PeerId};
use crate::time::{Steps, Timestamp, Window};

/// A prefix is widely held if at least this share of the full feeds holds it.
const WIDE: f64 = 0.5;
/// A single RIB dump in which less than this share of the full feeds hold a prefix does not show the normal state. The two
/// stuck routes of an outage of December 2014 were 8 % of them.
const SMALL: f64 = 0.25;
/// RIB dumps that show a low level confirm each other if they are at least this far apart: few outages last that long.
const AGREE_OVER: Duration = Duration::from_secs(24 * 3600);
/// A route held for less than this, as in path hunting, is no normal state. Networks that flap may be up for no more than two
/// minutes of every half hour (rrc06, 2 January 2021).
const HOLD: Duration = Duration::from_secs(60);

/// One RIB dump, searched for a prefix.
struct Look<'a> {
    at: Timestamp,
    /// Full feeds that hold it.
    holders: BTreeSet<PeerId>,
    holding: BTreeSet<Asn>,
    full_feeds: &'a BTreeSet<Asn>,
}

impl Look<'_> {
    fn level(&self) -> f64 {
        share(self.holding.len(), self.full_feeds.len()).unwrap_or(0.0)
    }
}

/// The RIB dumps of one collector, searched for a prefix.
struct Looks<'a> {
    collector: CollectorIndex,
    before: Vec<Look<'a>>,
    inside: Vec<Look<'a>>,
    after: Vec<Look<'a>>,
}

impl<'a> Looks<'a> {
    /// Returns the RIB dump before the window in which most vantage points held it; the latest of equals.
    fn best(&self) -> Option<&Look<'a>> {
        self.before.iter().max_by_key(|look| look.holders.len())
    }
}

/// Carriers while they are collected.
#[derive(Default)]
struct Carriers {
    /// Index of the vantage point, and the instant from which it counts.
    list: Vec<(VantagePointIndex, Timestamp)>,
}

impl Carriers {
    fn add(&mut self, who: VantagePointIndex, since: Timestamp) {
        if !self.list.iter().any(|(known, _)| *known == who) {
            self.list.push((who, since));
        }
    }
}

impl View<'_> {
    /// Returns the baseline of a prefix, with routes of `origin` where one is given; `observed` are the spans of the prefix.
    pub(super) fn baseline(&self, prefix: &Prefix, observed: &[ObservedSpan], origin: Option<Asn>) -> Baseline {
        if !self.has_rib() {
            return self.peak(observed, origin);
        }
        let looks = self.needed_looks(prefix, origin);
        let bests: Vec<(&Looks, &Look)> = looks.iter().filter_map(|looks| Some((looks, looks.best()?))).collect();
        let mut full_feeds: BTreeSet<Asn> =
            bests.iter().flat_map(|(_, look)| look.full_feeds.iter().copied()).collect();
        let holding: BTreeSet<Asn> = bests.iter().flat_map(|(_, look)| look.holding.iter().copied()).collect();
        let level = share(holding.len(), full_feeds.len()).unwrap_or(0.0);
        let is_normal = !holding.is_empty() && (level >= SMALL || agree(&looks));

        let mut carriers = Carriers::default();
        let member = |collector: CollectorIndex, peer: &PeerId| self.member(collector, *peer);
        for (looks, best) in bests.iter().filter(|_| is_normal) {
            let own = best.holders.iter().filter_map(|peer| member(looks.collector, peer));
            own.for_each(|who| carriers.add(who, Timestamp::MIN));
        }
        for looks in &looks {
            let mut most = if is_normal { looks.best().map_or(0, |best| best.holders.len()) } else { 0 };
            let shows = |look: &&Look| is_normal || look.level() >= SMALL;
            for look in looks.inside.iter().filter(shows) {
                if look.holders.len() > most {
                    most = look.holders.len();
                    let own = look.holders.iter().filter_map(|peer| member(looks.collector, peer)).collect();
                    let carried = carried_since(observed, own, origin, look.at);
                    carried.for_each(|(who, since)| carriers.add(who, since));
                    full_feeds.extend(look.full_feeds);
                }
            }
        }
        if !carriers.list.is_empty() {
            let source = if is_normal { BaselineSource::RibBefore } else { BaselineSource::RibInside };
            let looked_back = if is_normal { looked_back(&bests) } else { None };
            return Baseline { looked_back, ..self.baseline_of(carriers.list, full_feeds.len(), source) };
        }
        if let Some(new) = self.newly_carried(&looks, observed, origin) {
            return new;
        }
        // If the prefix has another normal origin, the few routes of this AS are only a trace.
        let is_trace = || origin.is_some() && self.baseline(prefix, &self.observed(prefix), None).decides();
        if holding.is_empty() || is_trace() {
            return Baseline::none();
        }
        let few = bests.iter().flat_map(|(looks, look)| {
            look.holders.iter().filter_map(|peer| Some((member(looks.collector, peer)?, Timestamp::MAX)))
        });
        let few = few.collect();
        self.baseline_of(few, full_feeds.len(), BaselineSource::Unconfirmed)
    }

    /// Returns the baseline of a new prefix: no RIB dump up to the end of the window shows it widely held, and it is held at the
    /// end or after it.
    fn newly_carried(&self, looks: &[Looks], observed: &[ObservedSpan], origin: Option<Asn>) -> Option<Baseline> {
        let end = self.until();
        let is_held_after = looks.iter().flat_map(|looks| &looks.after).any(|look| look.level() >= WIDE);
        let (mut live, mut holding) = (BTreeSet::new(), BTreeSet::new());
        for span in observed.iter().filter(|span| span.window.end >= end) {
            let asn = self.vantage_point(span.vantage_point).peer.asn;
            live.insert(asn);
            if span.state.sees(origin) {
                holding.insert(asn);
            }
        }
        let is_held_at_end = share(holding.len(), live.len()).is_some_and(|share| share >= WIDE);
        if !is_held_after && !is_held_at_end {
            return None;
        }
        let source = if is_held_after { BaselineSource::RibAfter } else { BaselineSource::WindowEnd };
        let (at, carriers) = self.most_holding(observed, origin, HOLD)?;
        let n_live = self.n_known(observed, at);
        let baseline = self.baseline_of(carriers.into_iter().map(|who| (who, at)).collect(), n_live, source);
        (baseline.visibility() >= WIDE).then_some(baseline)
    }

    /// Returns those known to hold the prefix at the instant at which most ASes did, the earliest of equals. An origin counts
    /// only if at least half as many held its route for some time: an announcement of some seconds is no normal state.
    fn peak(&self, observed: &[ObservedSpan], origin: Option<Asn>) -> Baseline {
        let Some((at, carriers)) = self.most_holding(observed, origin, Duration::ZERO) else { return Baseline::none() };
        let n_known = self.n_known(observed, at);
        let (n_carriers, carriers) = (carriers.len(), carriers.into_iter().map(|who| (who, Timestamp::MIN)).collect());
        let baseline = self.baseline_of(carriers, n_known, BaselineSource::Peak);
        let n_lasting = || self.most_holding(observed, origin, HOLD).map_or(0, |(_, lasting)| lasting.len());
        let is_trace = origin.is_some() && (baseline.visibility() < SMALL || n_lasting() * 2 < n_carriers);
        if is_trace { Baseline::none() } else { baseline }
    }

    /// Returns the earliest instant from which on the largest number of ASes holds the prefix for `hold`, and their vantage
    /// points.
    fn most_holding(
        &self,
        observed: &[ObservedSpan],
        origin: Option<Asn>,
        hold: Duration,
    ) -> Option<(Timestamp, BTreeSet<VantagePointIndex>)> {
        // Intervals in which one vantage point holds it, by any path.
        let mut held: Vec<(VantagePointIndex, Timestamp, Timestamp)> = Vec::new();
        for span in observed.iter().filter(|span| span.state.sees(origin)) {
            let (who, start, end) = (span.vantage_point, span.window.start, span.window.end);
            match held.last_mut() {
                Some(last) if (last.0, last.2) == (who, start) => last.2 = end,
                _ => held.push((who, start, end)),
            }
        }
        held.retain(|(_, start, end)| *end >= *start + hold);
        let changes = held.iter().flat_map(|(who, start, end)| {
            let asn = self.vantage_point(*who).peer.asn;
            [(*start, (false, asn)), (*end - hold, (true, asn))]
        });
        let mut n_held: BTreeMap<Asn, usize> = BTreeMap::new();
        let n_asns = Steps::sweep(changes.collect(), Timestamp::MAX, |_, changes| {
            let mut most = 0;
            // Beginnings sort before ends: a vantage point that loses the prefix at this instant has held it for `hold` as well.
            for (_, (ends, asn)) in changes {
                let n = n_held.entry(*asn).or_default();
                *n = if *ends { *n - 1 } else { *n + 1 };
                if *n == 0 {
                    n_held.remove(asn);
                }
                most = most.max(n_held.len());
            }
            most
        });
        // The first of equals: `max_by_key` keeps the last.
        let (most, n) = n_asns.intervals().rev().max_by_key(|(_, n)| **n)?;
        let at = Some(most.start).filter(|_| *n > 0)?;
        let holding = held.iter().filter(|(_, start, end)| *start <= at && at + hold <= *end);
        Some((at, holding.map(|(who, ..)| *who).collect()))
    }

    /// Counts the ASes whose state of the prefix is known at an instant.
    fn n_known(&self, observed: &[ObservedSpan], at: Timestamp) -> usize {
        let known = observed.iter().filter(|span| span.window.contains(at));
        known.map(|span| self.vantage_point(span.vantage_point).peer.asn).collect::<BTreeSet<_>>().len()
    }

    fn looks(&self, collector: CollectorIndex, prefix: &Prefix, origin: Option<Asn>) -> Looks<'_> {
        let tables = &self.replay(collector).tables;
        let first = tables.iter().position(|table| table.done_at <= self.until());
        let mut looks = Looks { collector, before: Vec::new(), inside: Vec::new(), after: Vec::new() };
        for (index, table) in tables.iter().enumerate() {
            let (holders, full_feeds) = self.holders(collector, DumpIndex::new(index), prefix, origin);
            if full_feeds.is_empty() {
                continue;
            }
            let holding = holders.iter().map(|peer| self.replay(collector).peer(*peer).asn).collect();
            let look = Look { at: table.done_at, holders, holding, full_feeds };
            // The first RIB dump counts as before the window even if it was completed inside it: the replay starts from it.
            let list = if table.done_at <= self.window().start || Some(index) == first {
                &mut looks.before
            } else if table.done_at <= self.until() {
                &mut looks.inside
            } else {
                &mut looks.after
            };
            list.push(look);
        }
        looks
    }

    fn baseline_of(
        &self,
        carriers: Vec<(VantagePointIndex, Timestamp)>,
        n_full_feeds: usize,
        source: BaselineSource,
    ) -> Baseline {
        let mut carriers: Vec<BaselineCarrier> =
            carriers.into_iter().map(|(vantage_point, since)| BaselineCarrier { vantage_point, since }).collect();
        carriers.sort_unstable();
        carriers.dedup_by_key(|carrier| carrier.vantage_point);
        carriers.shrink_to_fit();
        let asns: BTreeSet<Asn> = carriers.iter().map(|of| self.vantage_point(of.vantage_point).peer.asn).collect();
        let asns: Vec<Asn> = asns.into_iter().collect();
        // An AS that carries it is a full feed, even if RIB dumps of other times do not show that.
        let n_full_feeds = n_full_feeds.max(asns.len());
        Baseline { carriers, asns, n_full_feeds, source, looked_back: None }
    }

    /// Searches the RIB dumps of every collector for a prefix. Of those before the replay, only as many as the prefix itself
    /// needs are searched, the latest first, so that the result does not depend on the other prefixes of the question.
    fn needed_looks(&self, prefix: &Prefix, origin: Option<Asn>) -> Vec<Looks<'_>> {
        let mut looks: Vec<Looks> = self.collectors().map(|c| self.looks(c, prefix, origin)).collect();
        let mut earlier: Vec<Vec<Look>> = Vec::with_capacity(looks.len());
        for looks in &mut looks {
            let begins = self.begins(looks.collector);
            let replayed = looks.before.partition_point(|look| look.at < begins);
            let own = looks.before.split_off(replayed);
            earlier.push(std::mem::replace(&mut looks.before, own));
        }
        loop {
            let more: Vec<(CollectorIndex, Look)> =
                low_at(&looks).into_iter().filter_map(|c| Some((c, earlier.get_mut(c.get())?.pop()?))).collect();
            if more.is_empty() {
                return looks;
            }
            more.into_iter().for_each(|(collector, look)| looks[collector.get()].before.insert(0, look));
        }
    }

    /// Returns the collectors where no RIB dump before the window shows the prefix as widely held as expected.
    pub fn low_at(&self, prefix: &Prefix, origin: Option<Asn>) -> BTreeSet<CollectorIndex> {
        low_at(&self.needed_looks(prefix, origin))
    }
}

/// Returns the collectors where no RIB dump before the window shows the prefix at half of the full feeds, or, if other
/// collectors show that it is widely held, at more than a small part of them.
fn low_at(looks: &[Looks]) -> BTreeSet<CollectorIndex> {
    let bests: Vec<(&Looks, &Look)> = looks.iter().filter_map(|looks| Some((looks, looks.best()?))).collect();
    let full_feeds: BTreeSet<&Asn> = bests.iter().flat_map(|(_, look)| look.full_feeds).collect();
    let holding: BTreeSet<&Asn> = bests.iter().flat_map(|(_, look)| &look.holding).collect();
    let is_wide = share(holding.len(), full_feeds.len()).is_some_and(|share| share >= WIDE);
    let limit = if is_wide { SMALL } else { WIDE };
    bests.iter().filter(|(_, best)| best.level() < limit).map(|(looks, _)| looks.collector).collect()
}

/// Returns since when each of the vantage points in `who` has carried a prefix that the RIB dump of `at` lists for all of them.
/// The prefix counts as carried from the first instant at which half of them held it, each for at least [`HOLD`], even if they
/// lost it again before the RIB dump.
fn carried_since(
    observed: &[ObservedSpan],
    who: BTreeSet<VantagePointIndex>,
    origin: Option<Asn>,
    at: Timestamp,
) -> impl Iterator<Item = (VantagePointIndex, Timestamp)> {
    let mut stretches: BTreeMap<VantagePointIndex, Vec<Window>> = BTreeMap::new();
    let is_own = |span: &&ObservedSpan| who.contains(&span.vantage_point) && span.window.start <= at;
    for ObservedSpan { vantage_point, window, .. } in
        observed.iter().filter(is_own).filter(|span| span.state.sees(origin))
    {
        let own = stretches.entry(*vantage_point).or_default();
        match own.last_mut() {
            Some(last) if last.end == window.start => last.end = window.end,
            _ => own.push(*window),
        }
    }
    stretches.values_mut().for_each(|own| own.retain(|held| held.duration() >= HOLD || held.contains(at)));
    let mut begins: Vec<Timestamp> = stretches.values().flatten().map(|held| held.start).collect();
    begins.sort_unstable();
    let n_holding = |at: Timestamp| stretches.values().filter(|own| own.iter().any(|held| held.contains(at))).count();
    let carried_at = begins.into_iter().find(|begin| n_holding(*begin) * 2 >= who.len()).unwrap_or(at);
    let since = move |who: VantagePointIndex| {
        let own = stretches.get(&who).into_iter().flatten();
        own.filter(|held| held.end > carried_at).map(|held| held.start).next().unwrap_or(at).min(at)
    };
    who.into_iter().map(move |who| (who, since(who)))
}

/// Returns whether RIB dumps that span at least a day, including those after the window, all show a low level.
fn agree(looks: &[Looks]) -> bool {
    let all = || looks.iter().flat_map(|looks| looks.before.iter().chain(&looks.inside).chain(&looks.after));
    let (first, last) = (all().map(|look| look.at).min(), all().map(|look| look.at).max());
    let spans = first.zip(last).is_some_and(|(first, last)| first + AGREE_OVER <= last);
    spans && all().all(|look| look.level() < WIDE) && all().filter(|look| !look.holders.is_empty()).count() > 1
}

fn looked_back(bests: &[(&Looks, &Look)]) -> Option<LookedBack> {
    let is_older = |(looks, best): &&(&Looks, &Look)| looks.before.last().is_some_and(|last| last.at > best.at);
    let at = bests.iter().filter(is_older).map(|(_, best)| best.at).min()?;
    Some(LookedBack { at, n_dumps: bests.iter().map(|(looks, _)| looks.before.len()).sum() })
}
