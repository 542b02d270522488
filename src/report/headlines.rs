//! Which findings a report shows, and in which order: by target, by network and prefix, the longest first.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Report, Summary};
use crate::bgp::{Asn, Family, Prefix};
use crate::detect::{Episode, Flap, Outage, Scope};
use crate::query::Target;
use crate::time::Timestamp;
use crate::visibility::Timeline;

/// A target, and the outages in its headline: those of the whole network, or of single prefixes if it had none.
pub(super) struct Headline<'a> {
    pub summary: &'a Summary,
    pub outages: Vec<&'a Outage>,
    /// Its flaps, in the same way.
    pub flaps: Vec<Counted>,
}

/// Returns the headline of every target, in the order of the question.
pub(super) fn of_targets(report: &Report) -> Vec<Headline<'_>> {
    let outages = outages_of_targets(report).into_iter().map(|mut outages| {
        if outages.iter().any(|outage| outage.subject.scope == Scope::Asn) {
            outages.retain(|outage| outage.subject.scope == Scope::Asn);
        }
        outages
    });
    let with_flaps = report.summaries.iter().zip(outages).zip(flaps(report));
    with_flaps.map(|((summary, outages), flaps)| Headline { summary, outages, flaps }).collect()
}

/// Returns, for every target in the order of the question, the outages of its prefixes that are no part of an outage of their AS.
pub(super) fn parts_of_targets(report: &Report) -> Vec<Vec<&Outage>> {
    outages_of_targets(report).into_iter().map(parts).collect()
}

fn parts(outages: Vec<&Outage>) -> Vec<&Outage> {
    let (of_asns, of_prefixes): (Vec<&Outage>, Vec<&Outage>) =
        outages.into_iter().partition(|outage| outage.subject.scope == Scope::Asn);
    let members: FxHashSet<&str> =
        of_asns.iter().flat_map(|of_asn| &of_asn.prefix_outages).map(String::as_str).collect();
    of_prefixes.into_iter().filter(|outage| !members.contains(outage.id.as_str())).collect()
}

/// Returns the outages of every target, in the order of the question.
fn outages_of_targets(report: &Report) -> Vec<Vec<&Outage>> {
    let mut of_asns: FxHashMap<Asn, Vec<&Outage>> = FxHashMap::default();
    let mut of_prefixes: BTreeMap<Prefix, Vec<&Outage>> = BTreeMap::new();
    for outage in &report.findings.outages {
        outage.subject.asn.iter().for_each(|asn| of_asns.entry(*asn).or_default().push(outage));
        outage.subject.prefix.iter().for_each(|prefix| of_prefixes.entry(*prefix).or_default().push(outage));
    }
    let prefixes: Vec<Prefix> = of_prefixes.keys().copied().collect();
    let of_target = |summary: &Summary| {
        // A prefix may be asked for by several targets.
        match summary.target {
            Target::Asn(asn) => of_asns.get(&asn).cloned().unwrap_or_default(),
            Target::Prefix(asked, matching) => {
                let lost = matching.select(asked, &prefixes);
                lost.iter().filter_map(|prefix| of_prefixes.get(prefix)).flatten().copied().collect()
            }
        }
    };
    report.summaries.iter().map(of_target).collect()
}

/// Whether an episode adds anything to the list of outages: it has flaps, or several outages.
pub(super) fn is_unstable(episode: &Episode) -> bool {
    !episode.flaps.is_empty() || episode.n_outages > 1
}

/// Returns the flaps of every target, in the order of the question: of the whole network, or of single prefixes if it has none.
fn flaps(report: &Report) -> Vec<Vec<Counted>> {
    let mut of_targets: FxHashMap<Target, Vec<&Episode>> = FxHashMap::default();
    let mut of_prefixes: BTreeMap<Prefix, Vec<&Episode>> = BTreeMap::new();
    for episode in report.findings.episodes.iter().filter(|episode| !episode.flaps.is_empty()) {
        of_targets.entry(episode.subject.target).or_default().push(episode);
        episode.subject.prefix.iter().for_each(|prefix| of_prefixes.entry(*prefix).or_default().push(episode));
    }
    let prefixes: Vec<Prefix> = of_prefixes.keys().copied().collect();
    let of_target = |summary: &Summary| {
        let mut episodes: Vec<&Episode> = match summary.target {
            Target::Asn(_) => of_targets.get(&summary.target).cloned().unwrap_or_default(),
            Target::Prefix(asked, matching) => {
                let own = matching.select(asked, &prefixes);
                own.iter().filter_map(|prefix| of_prefixes.get(prefix)).flatten().copied().collect()
            }
        };
        if episodes.iter().any(|episode| episode.subject.scope == Scope::Asn) {
            episodes.retain(|episode| episode.subject.scope == Scope::Asn);
        }
        let is_asked = |prefix: Prefix| matches!(summary.target, Target::Prefix(asked, _) if asked == prefix);
        let of_episode = |episode: &'_ Episode| {
            let (scope, prefix) = (episode.subject.scope, episode.subject.prefix.filter(|prefix| !is_asked(*prefix)));
            episode.flaps.iter().map(|flap| Counted { flap: *flap, scope, prefix }).collect::<Vec<_>>()
        };
        episodes.into_iter().flat_map(of_episode).collect()
    };
    report.summaries.iter().map(of_target).collect()
}

/// A flap and its subject.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub flap: Flap,
    pub scope: Scope,
    /// `None` if it is the prefix that was asked about.
    pub prefix: Option<Prefix>,
}

impl std::ops::Deref for Counted {
    type Target = Flap;

    fn deref(&self) -> &Flap {
        &self.flap
    }
}

/// Whether an outage is one of a single prefix of a network that had none as a whole: the headline does not name it.
pub(super) fn is_of_parts(summary: &Summary, outage: &Outage) -> bool {
    outage.subject.scope == Scope::Prefix && matches!(summary.target, Target::Asn(_))
}

/// Returns the longest outage of each family.
pub(super) fn longest<'a>(outages: &[&'a Outage]) -> Vec<&'a Outage> {
    let of_family = |family| {
        let own = outages.iter().copied().filter(|outage| outage.subject.family == family);
        // The first of equals: `max_by_key` keeps the last.
        own.rev().max_by_key(|o| (o.fall.duration(), std::cmp::Reverse(o.fall.start())))
    };
    Family::ALL.into_iter().filter_map(of_family).collect()
}

/// Outages in the order in which a report shows them.
pub(super) struct Groups<'a> {
    /// Of whole networks.
    pub of_asn: Vec<&'a Outage>,
    /// Of prefixes that were not lost together with their network.
    pub alone: Vec<&'a Outage>,
    /// Of prefixes that were lost together with their network: they repeat its outage.
    pub members: Vec<&'a Outage>,
}

/// Returns the outages of whole networks, then of prefixes that were not lost together with theirs.
pub(super) fn groups(report: &Report) -> Groups<'_> {
    let mut outages: Vec<&Outage> = report.findings.outages.iter().collect();
    outages.sort_by_key(|o| {
        (o.subject.scope, o.fall.start().unwrap_or(Timestamp::MIN), o.subject.prefix, o.subject.family)
    });
    let (of_asn, of_prefix): (Vec<&Outage>, Vec<&Outage>) =
        outages.into_iter().partition(|o| o.subject.scope == Scope::Asn);
    let is_member = |outage: &&Outage| of_asn.iter().any(|asn| is_part_of(outage, asn));
    let (members, alone) = of_prefix.into_iter().partition(is_member);
    Groups { of_asn, alone, members }
}

/// Whether a prefix outage lies within an outage of its AS.
fn is_part_of(outage: &Outage, of_asn: &Outage) -> bool {
    let span = |o: &Outage| (o.fall.start().unwrap_or(Timestamp::MIN), o.fall.end().unwrap_or(Timestamp::MAX));
    let ((start, end), (asn_start, asn_end)) = (span(outage), span(of_asn));
    outage.subject.asn == of_asn.subject.asn
        && outage.subject.prefix.is_some_and(|prefix| of_asn.prefixes.contains(&prefix))
        && start < asn_end
        && end > asn_start
}

/// Returns the timelines of prefixes to show, and how many are left out: with more than `most`, those with outages come first,
/// then those with smaller losses or flaps.
pub(super) fn timelines(report: &Report, most: usize) -> (Vec<&Timeline>, usize) {
    let mut timelines: Vec<&Timeline> = report.timelines.iter().collect();
    if timelines.len() <= most {
        return (timelines, 0);
    }
    let findings = &report.findings;
    let lost: FxHashSet<Prefix> = findings.outages.iter().filter_map(|outage| outage.subject.prefix).collect();
    let reduced = findings.losses.iter().filter_map(|loss| loss.subject.prefix);
    let flapping = findings.episodes.iter().filter_map(|episode| episode.subject.prefix);
    let touched: FxHashSet<Prefix> = reduced.chain(flapping).collect();
    timelines.sort_by_key(|t| (!lost.contains(&t.prefix), !touched.contains(&t.prefix), t.prefix));
    let folded = timelines.len() - most;
    timelines.truncate(most);
    (timelines, folded)
}
