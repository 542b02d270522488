//! Events: outages of prefixes that began and ended together and share an AS. What an event shares is evidence, never blame: paths
//! meet at an AS, which does not mean that anything broke there.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::falls::Censoring;
use super::model::{AsnRole, Event, Outage, Severity, SharedAsn};
use super::space;
use super::upstream::Pattern;
use crate::bgp::{Asn, Family, Prefix};
use crate::time::{Timestamp, Window};

/// Outages whose starts, and whose ends, are at most this far apart began and ended together: BGP needs some minutes to converge.
pub const TOGETHER: Duration = Duration::from_secs(120);

/// Groups the outages of prefixes into events; each outage belongs to exactly one.
pub(crate) fn events(outages: &[Outage]) -> Vec<Event> {
    let mut members: Vec<EventOutage> = outages.iter().map(EventOutage::new).collect();
    members.sort_by_key(|member| (member.family, member.edges.seen.start, member.outage.subject.prefix));
    let mut events: Vec<Event> = together(&members).into_iter().map(|group| event(&group)).collect();
    let rank =
        |event: &Event| (std::cmp::Reverse(event.space_seconds() as u64), event.window.start, event.prefixes.clone());
    events.sort_by_cached_key(rank);
    (1..).zip(&mut events).for_each(|(number, event)| event.number = number);
    events
}

/// The edges of an outage, as far as they are known.
#[derive(Clone, Copy, PartialEq, Eq)]
struct SeenEdges {
    seen: Window,
    is_start_known: bool,
    is_end_known: bool,
}

impl SeenEdges {
    /// Whether two outages began and ended together. An unknown edge never matches a known one.
    fn are_together(&self, other: &SeenEdges) -> bool {
        let is_near = |a: Timestamp, b: Timestamp| a.max(b) <= a.min(b) + TOGETHER;
        (self.is_start_known, self.is_end_known) == (other.is_start_known, other.is_end_known)
            && is_near(self.seen.start, other.seen.start)
            && is_near(self.seen.end, other.seen.end)
    }
}

/// An outage with the ASes that it may share with others.
struct EventOutage<'a> {
    outage: &'a Outage,
    family: Family,
    edges: SeenEdges,
    asns: Vec<(AsnRole, Asn)>,
}

impl EventOutage<'_> {
    fn new(outage: &Outage) -> EventOutage<'_> {
        let is_known = |edge: Censoring| !outage.fall.censored.contains(&edge);
        let edges = SeenEdges {
            seen: outage.fall.seen,
            is_start_known: is_known(Censoring::Left),
            is_end_known: is_known(Censoring::Right),
        };
        let origins = origins(outage).into_iter().map(|asn| (AsnRole::Origin, asn));
        // Another upstream whose routes stayed shows nothing.
        let is_single = outage.upstreams.pattern == Some(Pattern::SingleUpstream);
        let upstream = outage.upstreams.before.iter().max_by_key(|upstream| upstream.n_lost).filter(|_| is_single);
        let asns = origins.chain(upstream.map(|upstream| (AsnRole::Upstream, upstream.asn)));
        EventOutage { outage, family: outage.subject.family, edges, asns: asns.collect() }
    }
}

/// Returns the origins that most of the lost routes had.
fn origins(outage: &Outage) -> Vec<Asn> {
    let mut counts: BTreeMap<Vec<Asn>, usize> = BTreeMap::new();
    let paths = outage.evidence.losses.iter().filter_map(|witness| witness.path.as_ref());
    for path in paths.filter(|path| !path.origin_is_unknown()) {
        let mut origins = path.origins().to_vec();
        origins.sort_unstable();
        *counts.entry(origins).or_default() += 1;
    }
    let most = counts.into_iter().max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a)));
    most.map(|(origins, _)| origins).unwrap_or_default()
}

/// Groups members, which are sorted by family and start, so that those of one AS are together with the first of them.
fn together<'a, 'b>(members: &'b [EventOutage<'a>]) -> Vec<Vec<&'b EventOutage<'a>>> {
    let mut groups = JoinedIndices::of(members.len());
    // Of each AS, the first members of groups that began a short time ago.
    let mut firsts: FxHashMap<(Family, Asn), Vec<usize>> = FxHashMap::default();
    for (index, member) in members.iter().enumerate() {
        for (_, asn) in &member.asns {
            let firsts = firsts.entry((member.family, *asn)).or_default();
            firsts.retain(|first| members[*first].edges.seen.start + TOGETHER >= member.edges.seen.start);
            match firsts.iter().find(|first| members[**first].edges.are_together(&member.edges)) {
                Some(first) => groups.merge(*first, index),
                None => firsts.push(index),
            }
        }
    }
    let mut by_first: BTreeMap<usize, Vec<&EventOutage>> = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        by_first.entry(groups.first(index)).or_default().push(member);
    }
    by_first.into_values().collect()
}

/// Indices in groups: each leads to an earlier one of its group, the first to itself.
struct JoinedIndices(Vec<usize>);

impl JoinedIndices {
    /// `n` groups of one.
    fn of(n: usize) -> JoinedIndices {
        JoinedIndices((0..n).collect())
    }

    fn first(&mut self, index: usize) -> usize {
        let mut at = index;
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn merge(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}

fn event(members: &[&EventOutage]) -> Event {
    let seen = || members.iter().map(|member| member.edges.seen);
    let start = seen().map(|seen| seen.start).min().unwrap_or(Timestamp::MIN);
    let end = seen().map(|seen| seen.end).max().unwrap_or(Timestamp::MAX);
    let mut by_prefix: Vec<(Prefix, &Outage)> =
        members.iter().filter_map(|member| Some((member.outage.subject.prefix?, member.outage))).collect();
    by_prefix.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.id.cmp(&other.id)));
    let mut prefixes: Vec<Prefix> = by_prefix.iter().map(|(prefix, _)| *prefix).collect();
    prefixes.dedup();
    let is_total = members.iter().all(|member| member.outage.severity == Severity::Total);
    Event {
        number: 0,
        family: members.first().map_or(Family::V4, |member| member.family),
        window: Window { start, end },
        is_start_known: members.iter().all(|member| member.edges.is_start_known),
        is_end_known: members.iter().all(|member| member.edges.is_end_known),
        severity: if is_total { Severity::Total } else { Severity::Partial },
        space: space::units_of(&prefixes),
        shared: shared(members),
        prefixes,
        outages: by_prefix.into_iter().map(|(_, outage)| outage.id.clone()).collect(),
    }
}

/// Returns the AS that most members share.
fn shared(members: &[&EventOutage]) -> Option<SharedAsn> {
    let mut counts: BTreeMap<(AsnRole, Asn), usize> = BTreeMap::new();
    for key in members.iter().flat_map(|member| &member.asns) {
        *counts.entry(*key).or_default() += 1;
    }
    // The first of equals: `max_by_key` keeps the last.
    let most = counts.into_iter().rev().max_by_key(|(_, n)| *n);
    most.map(|((role, asn), n_prefixes)| SharedAsn { asn, role, n_prefixes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_share_a_member_are_one() {
        let mut groups = JoinedIndices::of(6);
        for (a, b) in [(3, 1), (5, 4), (4, 3)] {
            groups.merge(a, b);
        }
        assert_eq!([0, 1, 2, 3, 4, 5].map(|index| groups.first(index)), [0, 1, 2, 1, 1, 1]);
    }
}
