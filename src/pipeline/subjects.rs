//! The prefixes that the targets stand for, and what is known of each target as a whole.

use std::collections::BTreeMap;

use crate::bgp::{Asn, Prefix};
use crate::catalog::{Match, Query, Target};
use crate::detect::AsnTimeline;
use crate::replay::Replay;
use crate::report::Summary;
use crate::time::{Timestamp, Window};
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
pub(super) fn subjects(query: &Query, known: &[Prefix], replays: &[Replay]) -> Vec<Subject> {
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
        let inside = matches!(matching, Match::MoreSpecific | Match::Any);
        let around = matches!(matching, Match::LessSpecific | Match::Any);
        add(*asked, *target);
        for prefix in known.iter().filter(|p| (inside && asked.contains(p)) || (around && p.contains(asked))) {
            add(*prefix, *target);
        }
    }
    for target in &query.targets {
        let Target::Asn(asn) = target else { continue };
        for prefix in replays.iter().flat_map(|replay| replay.originated_by(*asn)) {
            add(prefix, *target);
        }
    }
    subjects.into_values().collect()
}

/// How well each target could be observed.
pub(super) fn summaries(
    query: &Query,
    subjects: &[Subject],
    timelines: &[Timeline],
    spaces: &[AsnTimeline],
) -> Vec<Summary> {
    let mut summaries = Vec::new();
    for target in &query.targets {
        let of_target = |(subject, _): &(&Subject, &Timeline)| match target {
            Target::Asn(asn) => subject.asns.contains(asn),
            Target::Prefix(..) => subject.target == *target,
        };
        let own: Vec<&Timeline> =
            subjects.iter().zip(timelines).filter(of_target).map(|(_, timeline)| timeline).collect();
        let never_carried: Vec<Prefix> = own
            .iter()
            .filter(|timeline| timeline.baseline.source == BaselineSource::Nobody)
            .map(|timeline| timeline.prefix)
            .collect();
        let unobserved = match target {
            Target::Asn(asn) => {
                let own = spaces.iter().filter(|space| space.asn == *asn && !space.prefixes.is_empty());
                own.map(|space| {
                    unobserved(
                        query.window,
                        space.stretches().filter(|(_, step)| step.observed).map(|(window, _)| window),
                    )
                })
                .max_by_key(|windows| total(windows))
            }
            Target::Prefix(asked, _) => own.iter().find(|timeline| timeline.prefix == *asked).map(|timeline| {
                unobserved(
                    query.window,
                    timeline.stretches().filter(|(_, step)| step.observed).map(|(window, _)| window),
                )
            }),
        };
        summaries.push(Summary {
            target: *target,
            n_prefixes: own.len(),
            never_carried,
            unobserved: unobserved.unwrap_or_else(|| vec![query.window]),
        });
    }
    summaries
}

fn total(windows: &[Window]) -> i64 {
    windows.iter().map(|window| window.end.micros_since(window.start)).sum()
}

/// What is left of `window` once the observed stretches (in order) are taken out.
fn unobserved(window: Window, observed: impl Iterator<Item = Window>) -> Vec<Window> {
    let mut left = Vec::new();
    let mut at: Timestamp = window.start;
    for stretch in observed {
        left.extend(Window::new(at, stretch.start.min(window.end)));
        at = at.max(stretch.end);
    }
    left.extend(Window::new(at, window.end));
    left
}
