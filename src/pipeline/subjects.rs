//! The prefixes that the targets ask about, and a summary of each target.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::bgp::{Asn, Prefix};
use crate::detect::{AggregateTimeline, AsnTimeline, Episode, Scope, Subject, TOTAL_BELOW};
use crate::query::{Query, Target};
use crate::replay::Replay;
use crate::report::Summary;
use crate::time::{Steps, Window, Windows};
use crate::visibility::{BaselineSource, Timeline};

/// A prefix that the question asks about.
#[derive(Clone, Debug)]
pub(super) struct AskedPrefix {
    pub prefix: Prefix,
    /// The first target that asks about it.
    pub target: Target,
    /// The target ASes that originate it.
    pub asns: Vec<Asn>,
}

impl AskedPrefix {
    /// Returns it as findings name it.
    pub(super) fn subject(&self) -> Subject {
        Subject::of_prefix(self.prefix, self.target, self.asns.first().copied())
    }
}

/// Returns every prefix that the targets ask about, sorted. `known` are all prefixes that the data show, sorted.
pub(super) fn asked_prefixes(query: &Query, known: &[Prefix], replays: &[&Replay]) -> Vec<AskedPrefix> {
    let mut prefixes: BTreeMap<Prefix, AskedPrefix> = BTreeMap::new();
    let mut add = |prefix: Prefix, target: Target| {
        let asked = prefixes.entry(prefix).or_insert_with(|| AskedPrefix { prefix, target, asns: Vec::new() });
        if let Target::Asn(asn) = target
            && !asked.asns.contains(&asn)
        {
            asked.asns.push(asn);
        }
    };
    for target in &query.targets {
        let Target::Prefix(asked, matching) = target else { continue };
        add(*asked, *target);
        matching.select(*asked, known).into_iter().for_each(|prefix| add(prefix, *target));
    }
    let asns = query.targets.iter().filter_map(|target| match target {
        Target::Asn(asn) => Some(*asn),
        Target::Prefix(..) => None,
    });
    let asns: FxHashSet<Asn> = asns.collect();
    if !asns.is_empty() {
        let mut originated: BTreeMap<Asn, BTreeSet<Prefix>> = BTreeMap::new();
        for (asn, prefix) in replays.iter().flat_map(|replay| replay.originated_by(&asns)) {
            originated.entry(asn).or_default().insert(prefix);
        }
        for target in &query.targets {
            let Target::Asn(asn) = target else { continue };
            originated.get(asn).into_iter().flatten().for_each(|prefix| add(*prefix, *target));
        }
    }
    prefixes.into_values().collect()
}

/// The address space of the networks asked about.
#[derive(Clone, Copy)]
pub(super) struct Spaces<'a> {
    pub asns: &'a [AsnTimeline],
    pub aggregates: &'a [AggregateTimeline],
}

impl Spaces<'_> {
    fn aggregate(&self, prefix: Prefix) -> Option<&AggregateTimeline> {
        self.aggregates.iter().find(|aggregate| aggregate.prefix == prefix)
    }
}

/// Summarises for each target how well it could be observed. A prefix counts for every target that asks about it.
pub(super) fn summaries(
    query: &Query,
    asked: &[AskedPrefix],
    timelines: &[Timeline],
    spaces: Spaces,
    episodes: &[Episode],
) -> Vec<Summary> {
    let mut of_asns: BTreeMap<Asn, Vec<&Timeline>> = BTreeMap::new();
    for (asked, timeline) in asked.iter().zip(timelines) {
        asked.asns.iter().for_each(|asn| of_asns.entry(*asn).or_default().push(timeline));
    }
    let prefixes: Vec<Prefix> = timelines.iter().map(|timeline| timeline.prefix).collect();
    let timeline_of = |prefix: Prefix| timelines.get(prefixes.binary_search(&prefix).ok()?);
    let summary = |target: &Target| {
        let own: Vec<&Timeline> = match target {
            Target::Asn(asn) => of_asns.get(asn).cloned().unwrap_or_default(),
            Target::Prefix(asked, matching) => {
                matching.select(*asked, &prefixes).into_iter().filter_map(timeline_of).collect()
            }
        };
        let (carried, never_carried): (Vec<&Timeline>, Vec<&Timeline>) =
            own.iter().partition(|timeline| timeline.baseline.source != BaselineSource::None);
        let unobserved = match target {
            Target::Asn(asn) => {
                let own = spaces.asns.iter().filter(|space| space.asn == *asn && !space.prefixes.is_empty());
                let unobserved = own.map(|space| unobserved(query.window, &space.steps, |step| step.observed));
                unobserved.max_by_key(Windows::duration)
            }
            Target::Prefix(asked, _) => {
                let unobserved_of = |timeline: &&Timeline| unobserved(query.window, &timeline.steps, |s| s.observed);
                // Where the prefix itself is never announced, its parts are asked about.
                let itself = carried.iter().find(|timeline| timeline.prefix == *asked).map(unobserved_of);
                let aggregate = spaces.aggregate(*asked);
                match itself.or_else(|| Some(unobserved(query.window, &aggregate?.steps, |step| step.observed))) {
                    Some(unobserved) => Some(unobserved),
                    None => carried.iter().map(unobserved_of).reduce(|one, other| one.union(&other)),
                }
            }
        };
        Summary {
            target: *target,
            n_prefixes: own.len(),
            n_judged: own.iter().filter(|timeline| timeline.steps.values().any(|step| step.observed)).count(),
            n_total_flaps: total_flaps(target, episodes, spaces),
            never_carried: never_carried.iter().map(|timeline| timeline.prefix).collect(),
            unobserved: unobserved.unwrap_or_else(|| Windows::from(query.window)).into(),
        }
    };
    query.targets.iter().map(summary).collect()
}

/// Counts the flaps of a target to (nearly) nothing: of an AS, or of a prefix announced in parts, those of the whole; for
/// another prefix those of every prefix that the target asks about.
fn total_flaps(target: &Target, episodes: &[Episode], spaces: Spaces) -> usize {
    let is_whole = |episode: &&Episode| match *target {
        Target::Asn(_) => episode.subject.scope == Scope::Asn,
        Target::Prefix(asked, _) if spaces.aggregate(asked).is_some() => episode.subject.prefix == Some(asked),
        Target::Prefix(..) => episode.subject.scope == Scope::Prefix,
    };
    let own = episodes.iter().filter(|episode| episode.subject.target == *target).filter(is_whole);
    own.flat_map(|episode| &episode.flaps).filter(|flap| flap.share_min <= TOTAL_BELOW).count()
}

/// Returns the time in `window` in which the data do not suffice.
fn unobserved<T>(window: Window, steps: &Steps<T>, is_observed: impl Fn(&T) -> bool) -> Windows {
    let observed = steps.intervals().filter(|(_, step)| is_observed(step)).map(|(window, _)| window);
    Windows::from(window).without(&observed.collect())
}
