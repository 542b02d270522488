//! A network as its address space: a group, everything that an AS originates, or a prefix that is announced in parts. And the
//! findings about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::agreement::Agreement;
use super::context::PrefixContext;
use super::detector::{Detector, Shares};
use super::episodes::episodes;
use super::evidence::{self, Evidence};
use super::falls::{Fall, falls, falls_in, intervals_below};
use super::model::{
    Class, Counts, Findings, Loss, Outage, Quality, Severity, Subject, Survivor, TOTAL_BELOW, Visibility,
};
use super::space::Space;
use super::upstream::Upstreams;
use crate::bgp::{Asn, Prefix};
use crate::time::{Steps, Timestamp, Window};
use crate::visibility::{BaselineSource, Timeline, View};

/// The address space of a network while the same prefixes are down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceStep {
    /// Prefixes that are not known to be down.
    pub n_prefixes_up: usize,
    /// All of them.
    pub n_prefixes: usize,
    /// Distinct /24 (IPv4) or /48 (IPv6) networks in the union of the prefixes that are not known to be down: what is
    /// unknown is not lost.
    pub space_up: u64,
    /// The same for all of them.
    pub space: u64,
    /// Whether the data suffice to judge: at least half of the space is observed.
    pub observed: bool,
}

impl SpaceStep {
    /// Returns the share of the space that is not known to be lost; `None` when there is no space.
    pub fn share(&self) -> Option<f64> {
        (self.space > 0).then(|| self.space_up as f64 / self.space as f64)
    }
}

/// The address space of a network over time: of a group, of everything that an AS originates, or of a prefix that is not announced
/// as such but as more-specific prefixes. Each of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceTimeline {
    /// The network, as findings name it.
    pub subject: Subject,
    /// The prefixes that count, sorted: those that at least half of the full feeds normally carry.
    pub prefixes: Vec<Prefix>,
    /// The space, up to the end of the data: of the window asked about, or a little later.
    pub steps: Steps<SpaceStep>,
    /// The same by origin AS, the largest first. Only groups have it.
    pub layers: Vec<SpaceLayer>,
}

/// The part of a group's address space that one AS normally originates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceLayer {
    /// The AS. None if it is not known.
    pub origin: Option<Asn>,
    /// Its space. What two ASes originate counts for each of them.
    pub steps: Steps<SpaceStep>,
}

impl SpaceLayer {
    /// Returns all of its space, up or not, in /24 or /48 networks.
    pub fn space(&self) -> u64 {
        self.steps.values().next().map_or(0, |step| step.space)
    }

    /// Returns the least space that is up in each of some intervals, which are in order of time and do not overlap. None where the layer
    /// has no value.
    pub fn lowest_in(&self, windows: &[Window]) -> Vec<Option<u64>> {
        let mut lowest: Vec<Option<u64>> = vec![None; windows.len()];
        for (interval, step) in self.steps.intervals() {
            let first = windows.partition_point(|window| window.end <= interval.start);
            let overlapping = windows.iter().zip(&mut lowest).skip(first);
            for (_, lowest) in overlapping.take_while(|(window, _)| window.start < interval.end) {
                *lowest = Some(lowest.map_or(step.space_up, |known| known.min(step.space_up)));
            }
        }
        lowest
    }
}

impl SpaceTimeline {
    /// Adds up the timelines of the prefixes of a network, all of one family, up to `end`. Those of an AS count only routes of that
    /// origin.
    pub fn new(subject: Subject, timelines: &[&Timeline], detector: &dyn Detector, end: Timestamp) -> SpaceTimeline {
        let (prefixes, steps) = space_of(timelines, detector, end);
        SpaceTimeline { subject, prefixes, steps, layers: Vec::new() }
    }

    /// Adds the space by origin AS. `timelines` are those of its prefixes, and `origin_of` returns the AS that normally originates one.
    pub(crate) fn with_layers(
        self,
        timelines: &[&Timeline],
        origin_of: impl Fn(&Timeline) -> Option<Asn>,
        detector: &dyn Detector,
    ) -> SpaceTimeline {
        let mut of_origin: BTreeMap<Option<Asn>, Vec<&Timeline>> = BTreeMap::new();
        for timeline in timelines.iter().filter(|timeline| self.prefixes.binary_search(&timeline.prefix).is_ok()) {
            of_origin.entry(origin_of(timeline)).or_default().push(timeline);
        }
        let layer = |(origin, timelines): (Option<Asn>, Vec<&Timeline>)| {
            let (_, mut steps) = space_of(&timelines, detector, self.steps.end());
            steps.merge_equal();
            SpaceLayer { origin, steps }
        };
        let mut layers: Vec<SpaceLayer> = of_origin.into_iter().map(layer).collect();
        layers.sort_by_key(|layer| (std::cmp::Reverse(layer.space()), layer.origin));
        SpaceTimeline { layers, ..self }
    }

    /// Cuts off everything from `end` on.
    pub fn until(mut self, end: Timestamp) -> SpaceTimeline {
        self.steps.truncate(end);
        self.layers.iter_mut().for_each(|layer| layer.steps.truncate(end));
        self
    }

    /// Returns its name: `AS64500 IPv4`, or the prefix.
    pub fn name(&self) -> String {
        self.subject.name()
    }

    pub(super) fn shares(&self) -> Shares {
        shares(&self.steps)
    }
}

/// The state of one prefix: whether it is up, if that was ever known, and whether the data suffice to judge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct SpaceState {
    up: Option<bool>,
    observed: bool,
}

/// Adds up the timelines of the prefixes of a network, all of one family, up to `end`. Returns the prefixes that count.
fn space_of(timelines: &[&Timeline], detector: &dyn Detector, end: Timestamp) -> (Vec<Prefix>, Steps<SpaceStep>) {
    // Without a known normal state of a prefix its space is unobserved: it may be lost already.
    let is_unconfirmed = |t: &Timeline| t.baseline.source == BaselineSource::Unconfirmed;
    let carried = |limit: f64| -> Vec<&Timeline> {
        let is_base = |t: &&&Timeline| is_unconfirmed(t) || t.baseline.decides() && t.baseline.visibility() >= limit;
        timelines.iter().filter(is_base).copied().collect()
    };
    // A network that reaches only a minority is still a network: then all of its prefixes count.
    let mut base = carried(0.5);
    if base.iter().all(|timeline| is_unconfirmed(timeline)) && detector.min_visibility() == 0.0 {
        base = carried(0.0);
    }
    base.sort_by_key(|timeline| timeline.prefix);
    let prefixes: Vec<Prefix> = base.iter().map(|timeline| timeline.prefix).collect();
    let of_prefix = |(index, timeline): (usize, &&Timeline)| {
        let states = states(&detector.shares(timeline), detector);
        states.intervals().map(|(window, state)| (window.start, (index, *state))).collect::<Vec<_>>()
    };
    let changes = base.iter().enumerate().flat_map(of_prefix).collect();
    let steps = add_up(&prefixes, changes, end);
    (prefixes, steps)
}

fn shares(steps: &Steps<SpaceStep>) -> Shares {
    steps.map(|_, step| step.share().filter(|_| step.observed))
}

/// Returns the state of one prefix over time. Where the data do not suffice, the last known state is kept.
fn states(shares: &Shares, detector: &dyn Detector) -> Steps<SpaceState> {
    let mut up = None;
    let mut states = shares.map(|_, share| {
        if let Some(share) = share {
            up = Some(!detector.is_down(*share, up == Some(false)));
        }
        SpaceState { up, observed: share.is_some() }
    });
    states.merge_equal();
    states
}

/// Sweeps over the changes of all prefixes: at an instant, a prefix (by its index) enters a state.
fn add_up(prefixes: &[Prefix], changes: Vec<(Timestamp, (usize, SpaceState))>, end: Timestamp) -> Steps<SpaceStep> {
    let (mut up, mut observed) = (Space::new(prefixes), Space::new(prefixes));
    let mut states = vec![SpaceState { up: None, observed: false }; prefixes.len()];
    let mut n_prefixes_up = prefixes.len();
    (0..prefixes.len()).for_each(|index| up.set(index, true));
    let space = up.units();
    Steps::sweep(changes, end, |_, changes| {
        for (_, (index, state)) in changes {
            let before = std::mem::replace(&mut states[*index], *state);
            let (was_up, is_up) = (before.up != Some(false), state.up != Some(false));
            if was_up != is_up {
                up.set(*index, is_up);
                n_prefixes_up = if is_up { n_prefixes_up + 1 } else { n_prefixes_up - 1 };
            }
            if before.observed != state.observed {
                observed.set(*index, state.observed);
            }
        }
        SpaceStep {
            n_prefixes_up,
            n_prefixes: prefixes.len(),
            space_up: up.units(),
            space,
            observed: observed.units() * 2 >= space,
        }
    })
}

/// A network of one family, with everything that its findings are derived from.
pub(crate) struct SpaceContext<'a> {
    /// The vantage points of all collectors.
    pub view: &'a View<'a>,
    /// Its address space.
    pub space: &'a SpaceTimeline,
    /// The timelines of the prefixes of the network; of an AS counting only routes of this origin.
    pub timelines: &'a [&'a Timeline],
    /// The outages of the same prefixes, whatever the origin.
    pub prefix_outages: &'a [Outage],
}

/// Finds outages, episodes and lesser losses of a network.
pub(crate) fn space_findings(context: &SpaceContext, detector: &dyn Detector) -> Findings {
    let SpaceContext { view, space, timelines, .. } = *context;
    let subject = space.subject;
    let (shares, window, thresholds) = (space.shares(), view.window(), detector.thresholds());
    let looked_back = timelines.iter().filter_map(|timeline| Some(timeline.baseline.looked_back?.at)).min();
    let falls = falls_in(window, &shares, detector, looked_back);
    let (episodes, numbers) = episodes(&subject, &falls, thresholds.episode_gap, window);
    let outages = falls.outages.iter().zip(numbers);
    let outages = outages.map(|(fall, episode)| context.outage(fall, subject, episode, detector)).collect();
    let below = intervals_below(&shares, thresholds.degraded_below + f64::EPSILON).into_iter();
    let losses = below.filter_map(|(interval, share_min)| {
        let is_fall = falls.all().any(|fall| fall.seen.intersect(&interval).is_some());
        let window = interval.intersect(&window).filter(|_| !is_fall)?;
        let is_long = window.duration() >= thresholds.min_duration;
        is_long.then(|| Loss { subject, window, class: Class::Withdrawn, share_min, lost_by: Vec::new() })
    });
    Findings { outages, episodes, losses: losses.collect(), ..Findings::default() }
}

impl SpaceContext<'_> {
    fn outage(&self, fall: &Fall, subject: Subject, episode: usize, detector: &dyn Detector) -> Outage {
        let down = self.down(fall.loss.last, detector);
        let prefixes: Vec<Prefix> = down.iter().map(|timeline| timeline.prefix).collect();
        let members = self.members(&prefixes, fall);
        // A prefix that another origin announced for most of the time was taken over, even if it was gone for a moment.
        let gone = gone(&members, fall);
        let is_taken_over = |timeline: &&&Timeline| !gone.contains(&timeline.prefix);
        let taken_over = down.iter().filter(is_taken_over).map(|timeline| PrefixContext::of(self.view, timeline));
        let taken_over: Vec<PrefixContext> = taken_over.collect();
        let (evidence, upstreams) = self.witnesses(&taken_over, &members, fall, detector);
        let is_total = fall.share_min <= TOTAL_BELOW && members.iter().all(|o| o.severity == Severity::Total);
        let is_replaced = subject.prefix.is_none() && !taken_over.is_empty() && taken_over.len() * 2 >= prefixes.len();
        Outage {
            id: subject.id(fall),
            subject,
            fall: fall.clone(),
            severity: if is_total { Severity::Total } else { Severity::Partial },
            class: if is_replaced { Class::OriginChanged } else { most_common_class(&members) },
            episode,
            visibility: Visibility { before: fall.share_before, min: fall.share_min },
            counts: counts(&members, &taken_over, fall),
            rib_confirmed: members.iter().filter_map(|member| member.rib_confirmed).reduce(|all, one| all && one),
            quality: self.quality(&members, fall),
            prefixes,
            survivors: survivors(&members),
            upstreams,
            evidence,
            prefix_outages: members.iter().map(|member| member.id.clone()).collect(),
            agreement: Agreement::default(),
        }
    }

    /// Returns the prefixes that were down at an instant.
    fn down(&self, at: Timestamp, detector: &dyn Detector) -> Vec<&Timeline> {
        let counting = self.timelines.iter().filter(|t| self.space.prefixes.binary_search(&t.prefix).is_ok());
        let is_down = |timeline: &&&Timeline| {
            let states = states(&detector.shares(timeline), detector);
            states.at(at).is_some_and(|state| state.up == Some(false))
        };
        counting.filter(is_down).copied().collect()
    }

    /// Returns the outages of `prefixes` during a fall.
    fn members(&self, prefixes: &[Prefix], fall: &Fall) -> Vec<&Outage> {
        let is_own = |outage: &&Outage| outage.subject.prefix.is_some_and(|own| prefixes.binary_search(&own).is_ok());
        let is_during = |outage: &&Outage| {
            let (start, end) = (outage.fall.start(), outage.fall.end());
            start.unwrap_or(Timestamp::MIN) < fall.seen.end && end.unwrap_or(Timestamp::MAX) > fall.seen.start
        };
        self.prefix_outages.iter().filter(is_own).filter(is_during).collect()
    }

    /// Returns what shows that prefixes were taken over by another origin, and the upstreams of all prefixes.
    fn witnesses(
        &self,
        taken_over: &[PrefixContext],
        members: &[&Outage],
        fall: &Fall,
        detector: &dyn Detector,
    ) -> (Evidence, Upstreams) {
        let view = self.view;
        let (mut own, mut parts) = (Vec::new(), Vec::new());
        for context in taken_over {
            // The edges of the prefix are wider than the instants at which the space of the AS changed.
            let falls = falls(&detector.shares(&context.timeline), detector).outages;
            for part in falls.iter().filter(|part| part.seen.intersect(&fall.seen).is_some()) {
                let (prefix, origin, observed) = (context.timeline.prefix, context.timeline.origin, &context.observed);
                let evidence = evidence::evidence(view, prefix, origin, observed, part, Vec::new());
                parts.push(Upstreams::new(view, observed, origin, part, part.loss.last, &evidence));
                own.push(evidence);
            }
        }
        let all = Evidence::joined(own.into_iter());
        let parts: Vec<&Upstreams> = parts.iter().chain(members.iter().map(|member| &member.upstreams)).collect();
        let of_members = members.iter().map(|member| &member.evidence);
        let upstreams = Upstreams::joined(view, &parts, fall, of_members.chain([&all]));
        (all, upstreams)
    }

    fn quality(&self, members: &[&Outage], fall: &Fall) -> Quality {
        let without_members = if self.view.has_rib() { Quality::Medium } else { Quality::Low };
        let worst = members.iter().map(|member| member.quality).max().unwrap_or(without_members);
        if fall.is_exact() { worst } else { worst.max(Quality::Medium) }
    }
}

/// Returns the prefixes that were gone for at least half of a fall, whatever the origin.
fn gone(members: &[&Outage], fall: &Fall) -> BTreeSet<Prefix> {
    let mut gone_for: BTreeMap<Prefix, Duration> = BTreeMap::new();
    for (member, prefix) in members.iter().filter_map(|member| Some((member, member.subject.prefix?))) {
        let shared = member.fall.seen.intersect(&fall.seen).map_or(Duration::ZERO, |shared| shared.duration());
        *gone_for.entry(prefix).or_default() += shared;
    }
    gone_for.into_iter().filter(|(_, gone)| *gone * 2 >= fall.duration()).map(|(prefix, _)| prefix).collect()
}

fn most_common_class(members: &[&Outage]) -> Class {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for member in members {
        *counts.entry(member.class).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(class, n)| (*n, std::cmp::Reverse(*class)));
    most.map_or(Class::Withdrawn, |(class, _)| class)
}

/// Returns the counts of the prefix that most vantage points lost. Where all prefixes were taken over, those that lost the
/// routes of this origin count.
fn counts(members: &[&Outage], taken_over: &[PrefixContext], fall: &Fall) -> Counts {
    let key = |counts: &Counts| (counts.n_vantage_points_lost, counts.n_vantage_points);
    let of_members = members.iter().map(|member| member.counts).max_by_key(key);
    of_members.or_else(|| taken_over.iter().map(|context| context.counts(&fall.seen)).max()).unwrap_or_default()
}

/// Returns the vantage points that kept a route to any prefix; one counts as stuck if any of its routes is.
fn survivors(members: &[&Outage]) -> Vec<Survivor> {
    let mut survivors: Vec<Survivor> = members.iter().flat_map(|member| member.survivors.clone()).collect();
    survivors.sort_by(|a, b| {
        let key = |s: &Survivor| (s.peer_asn, s.peer_address, !s.zombie);
        a.collector.cmp(&b.collector).then_with(|| key(a).cmp(&key(b)))
    });
    survivors.dedup_by(|b, a| (&a.collector, a.peer_asn, a.peer_address) == (&b.collector, b.peer_asn, b.peer_address));
    survivors
}
