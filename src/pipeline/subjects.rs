//! The prefixes that the targets stand for, and what is known of each target as a whole.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::bgp::{Asn, Family, Prefix};
use crate::detect::{AsnTimeline, Episode, Scope, TOTAL_BELOW};
use crate::query::{Query, Target};
use crate::replay::Replay;
use crate::report::Summary;
use crate::time::Window;
use crate::visibility::{BaselineSource, Timeline};

/// A prefix to be judged.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub prefix: Prefix,
    /// The first target that asks for it.
    pub target: Target,
    /// The target ASes that originate it.
    pub asns: Vec<Asn>,
}

/// Everything that the targets stand for, by prefix.
pub(super) fn subjects(query: &Query, known: &[Prefix], replays: &[&Replay]) -> Vec<Subject> {
    let mut subjects: BTreeMap<Prefix, Subject> = BTreeMap::new();
    let mut add = |prefix: Prefix, target: Target| {
        let subject = subjects.entry(prefix).or_insert_with(|| Subject { prefix, target, asns: Vec::new() });
        if let Target::Asn(asn) = target
            && !subject.asns.contains(&asn)
        {
            subject.asns.push(asn);
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
    subjects.into_values().collect()
}

/// What each target AS originates, by family.
pub(super) fn by_asn(subjects: &[Subject]) -> BTreeMap<(Asn, Family), Vec<&Subject>> {
    let mut of_asns: BTreeMap<(Asn, Family), Vec<&Subject>> = BTreeMap::new();
    for subject in subjects {
        for asn in &subject.asns {
            of_asns.entry((*asn, subject.prefix.family())).or_default().push(subject);
        }
    }
    of_asns
}

/// How well each target could be observed. A prefix counts for every target that asks for it.
pub(super) fn summaries(
    query: &Query,
    subjects: &[Subject],
    timelines: &[Timeline],
    spaces: &[AsnTimeline],
    episodes: &[Episode],
) -> Vec<Summary> {
    let mut of_asns: BTreeMap<Asn, Vec<&Timeline>> = BTreeMap::new();
    for (subject, timeline) in subjects.iter().zip(timelines) {
        subject.asns.iter().for_each(|asn| of_asns.entry(*asn).or_default().push(timeline));
    }
    // Subjects, and so timelines, are sorted.
    let prefixes: Vec<Prefix> = subjects.iter().map(|subject| subject.prefix).collect();
    let timeline_of = |prefix: Prefix| timelines.get(prefixes.binary_search(&prefix).ok()?);
    let unobserved_of = |timeline: &Timeline| {
        unobserved(query.window, timeline.stretches().filter(|(_, step)| step.observed).map(|(window, _)| window))
    };
    let mut summaries = Vec::new();
    for target in &query.targets {
        let own: Vec<&Timeline> = match target {
            Target::Asn(asn) => of_asns.get(asn).cloned().unwrap_or_default(),
            Target::Prefix(asked, matching) => {
                matching.select(*asked, &prefixes).into_iter().filter_map(timeline_of).collect()
            }
        };
        let is_carried = |timeline: &&&Timeline| !matches!(timeline.baseline.source, BaselineSource::Nobody);
        let never_carried: Vec<Prefix> =
            own.iter().filter(|timeline| !is_carried(timeline)).map(|timeline| timeline.prefix).collect();
        let unobserved = match target {
            Target::Asn(asn) => {
                let own = spaces.iter().filter(|space| space.asn == *asn && !space.prefixes.is_empty());
                let unobserved_of = |space: &AsnTimeline| {
                    unobserved(
                        query.window,
                        space.stretches().filter(|(_, step)| step.observed).map(|(window, _)| window),
                    )
                };
                own.map(unobserved_of).max_by_key(|windows| total(windows))
            }
            // Where nobody announces the prefix itself, it is what lies inside that is asked about.
            Target::Prefix(asked, _) => {
                let carried = own.iter().filter(is_carried);
                match carried.clone().find(|timeline| timeline.prefix == *asked) {
                    Some(itself) => Some(unobserved_of(itself)),
                    None => carried
                        .map(|part| unobserved_of(part))
                        .reduce(|one, other| Window::united([one, other].concat())),
                }
            }
        };
        summaries.push(Summary {
            target: *target,
            n_prefixes: own.len(),
            n_judged: own.iter().filter(|timeline| timeline.steps.iter().any(|step| step.observed)).count(),
            n_total_flaps: total_flaps(target, episodes),
            never_carried,
            unobserved: unobserved.unwrap_or_else(|| vec![query.window]),
        });
    }
    summaries
}

/// An AS is seen as a whole; of a prefix target everything that it stands for counts.
fn total_flaps(target: &Target, episodes: &[Episode]) -> usize {
    let scope = match target {
        Target::Asn(_) => Scope::Asn,
        Target::Prefix(..) => Scope::Prefix,
    };
    let own = episodes.iter().filter(|episode| episode.target == *target && episode.scope == scope);
    own.flat_map(|episode| &episode.flaps).filter(|flap| flap.share_min <= TOTAL_BELOW).count()
}

fn total(windows: &[Window]) -> i64 {
    windows.iter().map(|window| window.end.micros_since(window.start)).sum()
}

/// What is left of `window` once the observed stretches (in order) are taken out.
fn unobserved(window: Window, observed: impl Iterator<Item = Window>) -> Vec<Window> {
    window.without(&observed.collect::<Vec<_>>())
}
