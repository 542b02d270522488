//! Which findings a report shows, and in which order: by target, by network and prefix, the longest first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Report, Summary};
use crate::bgp::{Asn, Family, Prefix};
use crate::detect::{Episode, Event, Flap, Outage, Scope, Subject};
use crate::query::Target;
use crate::time::Timestamp;
use crate::visibility::Timeline;

/// A target, and the outages in its headline: those of the whole network, or of single prefixes if it had none.
pub(super) struct Headline<'a> {
    pub summary: &'a Summary,
    pub outages: Vec<&'a Outage>,
    /// Whether they are those of the whole network, or of the prefix that was asked about.
    pub is_whole: bool,
    /// Its flaps, in the same way.
    pub flaps: Vec<Counted>,
}

/// Returns the headline of every target, in the order of the question.
pub(super) fn of_targets(report: &Report) -> Vec<Headline<'_>> {
    let outages = outages_of_targets(report).into_iter().zip(&report.summaries).zip(flaps(report));
    let headlines = outages.map(|((mut outages, summary), flaps)| {
        if outages.iter().any(|outage| is_whole(report, summary, &outage.subject)) {
            outages.retain(|outage| is_whole(report, summary, &outage.subject));
        }
        let is_whole = outages.iter().any(|outage| is_asked(summary, &outage.subject));
        Headline { summary, outages, is_whole, flaps }
    });
    headlines.collect()
}

/// Returns, for every target in the order of the question, the outages of its prefixes that are no part of an outage of their
/// network.
pub(super) fn parts_of_targets(report: &Report) -> Vec<Vec<&Outage>> {
    outages_of_targets(report).into_iter().map(|outages| parts(report, outages)).collect()
}

fn parts<'a>(report: &Report, outages: Vec<&'a Outage>) -> Vec<&'a Outage> {
    let (of_networks, of_prefixes): (Vec<&Outage>, Vec<&Outage>) =
        outages.into_iter().partition(|outage| is_of_network(report, &outage.subject));
    let members: FxHashSet<&str> =
        of_networks.iter().flat_map(|outage| &outage.prefix_outages).map(String::as_str).collect();
    of_prefixes.into_iter().filter(|outage| !members.contains(outage.id.as_str())).collect()
}

/// Returns the outages of every target, in the order of the question.
fn outages_of_targets(report: &Report) -> Vec<Vec<&Outage>> {
    let outages = &report.findings.outages;
    let mut of_asns: FxHashMap<Asn, Vec<usize>> = FxHashMap::default();
    let mut of_prefixes: BTreeMap<Prefix, Vec<usize>> = BTreeMap::new();
    for (index, Outage { subject, .. }) in outages.iter().enumerate() {
        subject.asn.iter().for_each(|asn| of_asns.entry(*asn).or_default().push(index));
        subject.prefix.iter().for_each(|prefix| of_prefixes.entry(*prefix).or_default().push(index));
    }
    let prefixes: Vec<Prefix> = of_prefixes.keys().copied().collect();
    // A prefix may be asked for by several targets.
    let of_network = |network: &Target| -> Vec<usize> {
        match network {
            Target::Asn(asn) => of_asns.get(asn).cloned().unwrap_or_default(),
            Target::Prefix(asked, matching) => {
                let lost = matching.select(*asked, &prefixes);
                lost.iter().filter_map(|prefix| of_prefixes.get(prefix)).flatten().copied().collect()
            }
            Target::Group(_) => Vec::new(),
        }
    };
    let of_target = |summary: &Summary| {
        let target = &summary.target;
        let mut own: Vec<usize> = report.parameters.query.networks_of(target).iter().flat_map(of_network).collect();
        if matches!(target, Target::Group(_)) {
            // An AS of the group may be a target itself; members may overlap.
            own.retain(|index| outages[*index].subject.prefix.is_some());
            own.extend((0..outages.len()).filter(|index| outages[*index].subject.target == *target));
            own.sort_unstable();
            own.dedup();
        }
        own.into_iter().map(|index| &outages[index]).collect()
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
            Target::Asn(_) | Target::Group(_) => of_targets.get(&summary.target).cloned().unwrap_or_default(),
            Target::Prefix(asked, matching) => {
                let own = matching.select(asked, &prefixes);
                own.iter().filter_map(|prefix| of_prefixes.get(prefix)).flatten().copied().collect()
            }
        };
        if episodes.iter().any(|episode| is_whole(report, summary, &episode.subject)) {
            episodes.retain(|episode| is_whole(report, summary, &episode.subject));
        }
        let of_episode = |episode: &'_ Episode| {
            let is_of_network = is_of_network(report, &episode.subject);
            let prefix = episode.subject.prefix.filter(|prefix| !summary.target.is_prefix(*prefix));
            episode.flaps.iter().map(|flap| Counted { flap: *flap, is_of_network, prefix }).collect::<Vec<_>>()
        };
        episodes.into_iter().flat_map(of_episode).collect()
    };
    report.summaries.iter().map(of_target).collect()
}

/// Whether a finding is about a network as a whole: a group, an AS, or a prefix that is announced in parts.
pub(super) fn is_of_network(report: &Report, subject: &Subject) -> bool {
    subject.prefix.is_none_or(|prefix| report.aggregate(prefix).is_some())
}

/// Whether a finding is about all of a target that is a network.
fn is_whole(report: &Report, summary: &Summary, subject: &Subject) -> bool {
    is_asked(summary, subject) && is_of_network(report, subject)
}

/// Whether a subject is what a target asks about, not one of its prefixes.
fn is_asked(summary: &Summary, subject: &Subject) -> bool {
    match subject.prefix {
        None => subject.target == summary.target,
        Some(prefix) => summary.target.is_prefix(prefix),
    }
}

/// A flap and its subject.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub flap: Flap,
    /// Whether it is of a network as a whole, not of a single prefix.
    pub is_of_network: bool,
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
pub(super) fn is_of_parts(report: &Report, summary: &Summary, outage: &Outage) -> bool {
    let is_network = match summary.target {
        Target::Asn(_) | Target::Group(_) => true,
        Target::Prefix(asked, _) => report.aggregate(asked).is_some(),
    };
    is_network && !is_of_network(report, &outage.subject)
}

/// Returns outages with the longest first.
pub(super) fn longest_first(mut outages: Vec<&Outage>) -> Vec<&Outage> {
    outages.sort_by_key(|outage| Reverse(outage.fall.duration()));
    outages
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

/// Returns the longest `limit` of some outages, in their order.
pub(super) fn longest_rows<'a>(outages: &[&'a Outage], limit: usize) -> Vec<&'a Outage> {
    let mut places: Vec<usize> = (0..outages.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(outages[*place].fall.duration()));
    places.truncate(limit);
    places.sort_unstable();
    places.into_iter().map(|place| outages[place]).collect()
}

/// Outages in the order in which a report shows them.
pub(super) struct Groups<'a> {
    /// Of whole networks: of groups, of ASes, and of prefixes that are announced in parts.
    pub of_networks: Vec<&'a Outage>,
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
    let (of_networks, of_prefixes): (Vec<&Outage>, Vec<&Outage>) =
        outages.into_iter().partition(|o| is_of_network(report, &o.subject));
    let parts: FxHashSet<&String> = of_networks.iter().flat_map(|outage| &outage.prefix_outages).collect();
    let of_asns: Vec<&&Outage> = of_networks.iter().filter(|outage| outage.subject.scope == Scope::Asn).collect();
    let is_member = |outage: &&Outage| parts.contains(&outage.id) || of_asns.iter().any(|asn| is_part_of(outage, asn));
    let (members, alone) = of_prefixes.into_iter().partition(is_member);
    Groups { of_networks, alone, members }
}

/// Returns the events that tell more than the outages of networks do: each of those is one event already if all of its prefixes, and no
/// others, were lost together.
pub(super) fn events(report: &Report) -> Vec<&Event> {
    let networks = report.findings.outages.iter().filter(|outage| is_of_network(report, &outage.subject));
    let known: FxHashSet<Vec<&str>> = networks.map(|outage| sorted(&outage.prefix_outages)).collect();
    let events: Vec<&Event> = report.findings.events.iter().collect();
    let tells_more = |event: &&Event| event.outages.len() > 1 && !known.contains(&sorted(&event.outages));
    if events.iter().any(tells_more) { events } else { Vec::new() }
}

fn sorted(ids: &[String]) -> Vec<&str> {
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    ids.sort_unstable();
    ids
}

/// Whether a prefix outage lies within an outage of its AS.
fn is_part_of(outage: &Outage, of_asn: &Outage) -> bool {
    let span = |o: &Outage| (o.fall.start().unwrap_or(Timestamp::MIN), o.fall.end().unwrap_or(Timestamp::MAX));
    let ((start, end), (asn_start, asn_end)) = (span(outage), span(of_asn));
    of_asn.subject.scope == Scope::Asn
        && outage.subject.asn == of_asn.subject.asn
        && outage.subject.prefix.is_some_and(|prefix| of_asn.prefixes.contains(&prefix))
        && start < asn_end
        && end > asn_start
}

/// Returns the timelines of prefixes to show, and how many are left out: with more than `most`, those with the longest outages
/// come first, then those with smaller losses or flaps.
pub(super) fn timelines(report: &Report, most: usize) -> (Vec<&Timeline>, usize) {
    if report.timelines.len() <= most {
        return (report.timelines.iter().collect(), 0);
    }
    let mut timelines = worst_first(report);
    let folded = timelines.len() - most;
    timelines.truncate(most);
    (timelines, folded)
}

/// Returns the timelines of prefixes: those with the longest outages, then those with smaller losses or flaps, then the others.
pub(super) fn worst_first(report: &Report) -> Vec<&Timeline> {
    let mut timelines: Vec<&Timeline> = report.timelines.iter().collect();
    let findings = &report.findings;
    let mut longest: FxHashMap<Prefix, Duration> = FxHashMap::default();
    for outage in &findings.outages {
        if let Some(prefix) = outage.subject.prefix {
            let known = longest.entry(prefix).or_default();
            *known = outage.fall.duration().max(*known);
        }
    }
    let reduced = findings.losses.iter().filter_map(|loss| loss.subject.prefix);
    let flapping = findings.episodes.iter().filter_map(|episode| episode.subject.prefix);
    let touched: FxHashSet<Prefix> = reduced.chain(flapping).collect();
    timelines.sort_by_key(|t| (Reverse(longest.get(&t.prefix)), !touched.contains(&t.prefix), t.prefix));
    timelines
}
