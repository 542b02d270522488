//! The prefixes that the targets ask about, and a summary of each target.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::bgp::{Asn, Prefix};
use crate::detect::{Episode, SpaceTimeline, Subject, TOTAL_BELOW};
use crate::query::{Query, Target};
use crate::replay::Replay;
use crate::report::Summary;
use crate::time::{Steps, Window, Windows};
use crate::visibility::{BaselineSource, Timeline};

/// A prefix that the question asks about.
#[derive(Clone, Debug)]
pub(super) struct AskedPrefix {
    pub prefix: Prefix,
    /// The first target that asks about it, groups last.
    pub target: Target,
    /// The ASes asked about that originate it.
    pub asns: Vec<Asn>,
    /// Whether a prefix asked about is it, or selects it, so that it is not asked about only as a prefix of an AS.
    pub is_asked_itself: bool,
}

impl AskedPrefix {
    /// Returns it as findings name it.
    pub(super) fn subject(&self) -> Subject {
        Subject::of_prefix(self.prefix, self.target, self.asns.first().copied())
    }
}

/// Returns every prefix that replays show, sorted.
pub(super) fn known_prefixes(replays: &[&Replay]) -> Vec<Prefix> {
    let known: BTreeSet<Prefix> = replays.iter().flat_map(|replay| replay.prefixes()).collect();
    known.into_iter().collect()
}

/// Returns every prefix that the targets ask about, sorted. `known` are all prefixes that the data show, sorted.
pub(super) fn asked_prefixes(query: &Query, known: &[Prefix], replays: &[&Replay]) -> Vec<AskedPrefix> {
    let mut prefixes: BTreeMap<Prefix, AskedPrefix> = BTreeMap::new();
    let new = |prefix, target| AskedPrefix { prefix, target, asns: Vec::new(), is_asked_itself: false };
    let asns: FxHashSet<Asn> = query.networks().filter_map(|(network, _)| asn_of(&network)).collect();
    let mut originated: BTreeMap<Asn, BTreeSet<Prefix>> = BTreeMap::new();
    if !asns.is_empty() {
        for (asn, prefix) in replays.iter().flat_map(|replay| replay.originated_by(&asns)) {
            originated.entry(asn).or_default().insert(prefix);
        }
    }
    // A prefix that belongs to a group and to another target is reported under the other target.
    for is_of_group in [false, true] {
        let networks = || query.networks().filter(|(_, target)| matches!(target, Target::Group(_)) == is_of_group);
        for (network, target) in networks() {
            let Target::Prefix(asked, matching) = network else { continue };
            // A block of a group need not be announced as such.
            let itself = (!is_of_group).then_some(asked);
            for prefix in itself.into_iter().chain(matching.select(asked, known)) {
                prefixes.entry(prefix).or_insert_with(|| new(prefix, target)).is_asked_itself = true;
            }
        }
        for (network, target) in networks() {
            let Some(asn) = asn_of(&network) else { continue };
            for prefix in originated.get(&asn).into_iter().flatten() {
                let asked = prefixes.entry(*prefix).or_insert_with(|| new(*prefix, target));
                if !asked.asns.contains(&asn) {
                    asked.asns.push(asn);
                }
            }
        }
    }
    prefixes.into_values().collect()
}

fn asn_of(network: &Target) -> Option<Asn> {
    match network {
        Target::Asn(asn) => Some(*asn),
        Target::Prefix(..) | Target::Group(_) => None,
    }
}

/// Summarises for each target how well it could be observed. A prefix counts for every target that asks about it. `spaces` are those
/// of the networks among the targets.
pub(super) fn summaries(
    query: &Query,
    asked: &[AskedPrefix],
    timelines: &[Timeline],
    spaces: &[SpaceTimeline],
    episodes: &[Episode],
) -> Vec<Summary> {
    let mut of_asns: BTreeMap<Asn, Vec<Prefix>> = BTreeMap::new();
    for asked in asked {
        asked.asns.iter().for_each(|asn| of_asns.entry(*asn).or_default().push(asked.prefix));
    }
    let prefixes: Vec<Prefix> = timelines.iter().map(|timeline| timeline.prefix).collect();
    let timeline_of = |prefix: &Prefix| timelines.get(prefixes.binary_search(prefix).ok()?);
    let prefixes_of = |network: &Target| match network {
        Target::Asn(asn) => of_asns.get(asn).cloned().unwrap_or_default(),
        Target::Prefix(asked, matching) => matching.select(*asked, &prefixes),
        Target::Group(_) => Vec::new(),
    };
    let summary = |target: &Target| {
        let own: BTreeSet<Prefix> = query.networks_of(target).iter().flat_map(prefixes_of).collect();
        let own: Vec<&Timeline> = own.iter().filter_map(timeline_of).collect();
        let (carried, never_carried): (Vec<&Timeline>, Vec<&Timeline>) =
            own.iter().partition(|timeline| timeline.baseline.source != BaselineSource::None);
        let unobserved_of = |timeline: &&Timeline| unobserved(query.window, &timeline.steps, |s| s.observed);
        // Where the prefix itself is never announced, its parts are asked about.
        let itself = carried.iter().find(|timeline| target.is_prefix(timeline.prefix)).map(unobserved_of);
        let of_space = || {
            let own = spaces.iter().filter(|space| space.subject.target == *target && !space.prefixes.is_empty());
            let unobserved = own.map(|space| unobserved(query.window, &space.steps, |step| step.observed));
            unobserved.max_by_key(Windows::duration)
        };
        let of_parts = || match target {
            Target::Prefix(..) => carried.iter().map(unobserved_of).reduce(|one, other| one.union(&other)),
            Target::Asn(_) | Target::Group(_) => None,
        };
        let unobserved = itself.or_else(of_space).or_else(of_parts);
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

/// Counts the flaps of a target to (nearly) nothing: of a network those of the whole; for another prefix those of every prefix that
/// the target asks about.
fn total_flaps(target: &Target, episodes: &[Episode], spaces: &[SpaceTimeline]) -> usize {
    let is_network = |subject: &Subject| spaces.iter().any(|space| space.subject == *subject);
    let has_space = spaces.iter().any(|space| space.subject.target == *target);
    let own = episodes.iter().filter(|episode| episode.subject.target == *target);
    let own = own.filter(|episode| is_network(&episode.subject) == has_space);
    own.flat_map(|episode| &episode.flaps).filter(|flap| flap.share_min <= TOTAL_BELOW).count()
}

/// Returns the time in `window` in which the data do not suffice.
fn unobserved<T>(window: Window, steps: &Steps<T>, is_observed: impl Fn(&T) -> bool) -> Windows {
    let observed = steps.intervals().filter(|(_, step)| is_observed(step)).map(|(window, _)| window);
    Windows::from(window).without(&observed.collect())
}
