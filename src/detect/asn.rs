//! An AS as the address space that it originates.

use std::collections::{BTreeMap, BTreeSet};

use super::dip::{Dip, Sample};
use super::judge::{About, episodes, in_window, lost_in, samples, usable_carriers};
use super::space::Space;
use super::*;
use crate::query::{Criteria, Metric, Thresholds};
use crate::visibility::{BaselineSource, Timeline, View};

/// A stretch in which the same prefixes of an AS are down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceStep {
    /// Since when; it lasts until the next step.
    pub from: Timestamp,
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
    /// The share of the space that is not known to be lost; nothing when there is none.
    pub fn share(&self) -> Option<f64> {
        (self.space > 0).then(|| self.space_up as f64 / self.space as f64)
    }
}

/// The address space of one AS and family over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsnTimeline {
    /// The AS.
    pub asn: Asn,
    /// The family.
    pub family: Family,
    /// The prefixes that count, sorted: those that at least half of the full feeds normally carry.
    pub prefixes: Vec<Prefix>,
    /// In order; the last ends with `end`.
    pub steps: Vec<SpaceStep>,
    /// The end of the data: of the window asked about, or a little later.
    pub end: Timestamp,
}

/// What is known of one prefix from some instant on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct State {
    up: Option<bool>,
    observed: bool,
}

impl AsnTimeline {
    /// Adds up the timelines of what `asn` originates, all of one family and counting only routes of that origin.
    pub fn new(asn: Asn, family: Family, timelines: &[&Timeline], criteria: &Criteria, end: Timestamp) -> AsnTimeline {
        // Where nothing shows what is normal for a prefix, its space is unobserved: it may be lost already.
        let is_unconfirmed = |t: &Timeline| t.baseline.source == BaselineSource::Unconfirmed;
        let carried = |limit: f64| -> Vec<&Timeline> {
            let is_base =
                |t: &&&Timeline| is_unconfirmed(t) || t.baseline.decides() && t.baseline.visibility() >= limit;
            timelines.iter().filter(is_base).copied().collect()
        };
        // A network that reaches only a minority is still a network: then all that it has counts.
        let mut base = carried(0.5);
        if base.iter().all(|timeline| is_unconfirmed(timeline)) && criteria.metric == Metric::Baseline {
            base = carried(0.0);
        }
        base.sort_by_key(|timeline| timeline.prefix);
        let prefixes: Vec<Prefix> = base.iter().map(|timeline| timeline.prefix).collect();
        let mut changes: Vec<(Timestamp, usize, State)> = Vec::new();
        for (index, timeline) in base.iter().enumerate() {
            changes.extend(
                states(&samples(timeline, criteria.metric), &criteria.thresholds)
                    .into_iter()
                    .map(|(at, state)| (at, index, state)),
            );
        }
        changes.sort_unstable();
        AsnTimeline { asn, family, steps: add_up(&prefixes, &changes), prefixes, end }
    }

    /// Every step with the stretch for which it lasts.
    pub fn stretches(&self) -> impl Iterator<Item = (Window, &SpaceStep)> {
        self.steps.iter().enumerate().filter_map(|(index, step)| {
            let end = self.steps.get(index + 1).map_or(self.end, |next| next.from);
            Some((Window::new(step.from, end).ok()?, step))
        })
    }

    /// What of it lies before `end`.
    pub fn until(mut self, end: Timestamp) -> AsnTimeline {
        self.end = self.end.min(end);
        self.steps.retain(|step| step.from < end);
        self
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        self.stretches()
            .map(|(window, step)| Sample { window, share: step.share().filter(|_| step.observed) })
            .collect()
    }
}

/// The state of one prefix over time: hysteresis, and held where the data do not suffice.
fn states(samples: &[Sample], thresholds: &Thresholds) -> Vec<(Timestamp, State)> {
    let mut states: Vec<(Timestamp, State)> = Vec::new();
    let mut up = None;
    for sample in samples {
        if let Some(share) = sample.share {
            up = match up {
                Some(true) | None => Some(share >= thresholds.down_below),
                Some(false) => Some(share >= thresholds.up_at),
            };
        }
        let state = State { up, observed: sample.share.is_some() };
        if states.last().is_none_or(|(_, last)| *last != state) {
            states.push((sample.window.start, state));
        }
    }
    states
}

fn add_up(prefixes: &[Prefix], changes: &[(Timestamp, usize, State)]) -> Vec<SpaceStep> {
    let (mut up, mut observed) = (Space::new(prefixes), Space::new(prefixes));
    let mut states = vec![State { up: None, observed: false }; prefixes.len()];
    let mut n_prefixes_up = prefixes.len();
    for index in 0..prefixes.len() {
        up.set(index, true);
    }
    let space = up.units();
    let mut steps: Vec<SpaceStep> = Vec::new();
    for (at, index, state) in changes {
        let before = std::mem::replace(&mut states[*index], *state);
        let (was_up, is_up) = (before.up != Some(false), state.up != Some(false));
        if was_up != is_up {
            up.set(*index, is_up);
            n_prefixes_up = if is_up { n_prefixes_up + 1 } else { n_prefixes_up - 1 };
        }
        if before.observed != state.observed {
            observed.set(*index, state.observed);
        }
        let step = SpaceStep {
            from: *at,
            n_prefixes_up,
            n_prefixes: prefixes.len(),
            space_up: up.units(),
            space,
            observed: observed.units() * 2 >= space,
        };
        match steps.last_mut() {
            Some(last) if last.from == *at => *last = step,
            _ => steps.push(step),
        }
    }
    steps
}

/// Outages, episodes and lesser losses of an AS. `timelines` count only routes of that origin, `prefix_outages` are
/// those of the same prefixes whatever the origin.
pub fn asn_findings(
    view: &View,
    space: &AsnTimeline,
    timelines: &[&Timeline],
    prefix_outages: &[Outage],
    criteria: &Criteria,
) -> Findings {
    let samples = space.samples();
    let looked_back = timelines.iter().filter_map(|timeline| Some(timeline.baseline.looked_back?.at)).min();
    let dips = in_window(&samples, &criteria.thresholds, view.window(), looked_back);
    let target = Target::Asn(space.asn);
    let about = About { scope: Scope::Asn, target, prefix: None, family: space.family };
    let mut findings = Findings::default();
    let numbers = episodes(&about, &dips, &criteria.thresholds, view.window(), &mut findings.episodes);
    for (dip, episode) in dips.outages.iter().zip(numbers) {
        findings.outages.push(outage(view, space, timelines, prefix_outages, criteria, dip, episode));
    }
    for (window, share_min) in stretches_below(&samples, criteria.thresholds.degraded_below + f64::EPSILON) {
        let overlaps = dips.outages.iter().chain(&dips.flaps).any(|dip| dip.window().intersect(&window).is_some());
        let Some(shown) = window.intersect(&view.window()) else { continue };
        if !overlaps && shown.duration() >= criteria.thresholds.min_duration {
            let About { scope, target, prefix, family } = about;
            let class = Class::Withdrawn;
            findings.losses.push(Loss {
                scope,
                target,
                prefix,
                family,
                window: shown,
                class,
                share_min,
                lost_by: Vec::new(),
            });
        }
    }
    findings
}

#[expect(clippy::too_many_arguments, reason = "the parts of one judgement, used once")]
fn outage(
    view: &View,
    space: &AsnTimeline,
    timelines: &[&Timeline],
    prefix_outages: &[Outage],
    criteria: &Criteria,
    dip: &Dip,
    episode: usize,
) -> Outage {
    let core_start = dip.loss.last;
    let down: Vec<&Timeline> = timelines
        .iter()
        .filter(|timeline| space.prefixes.binary_search(&timeline.prefix).is_ok())
        .filter(|timeline| is_down(timeline, criteria, core_start))
        .copied()
        .collect();
    let prefixes: Vec<Prefix> = down.iter().map(|timeline| timeline.prefix).collect();
    let members: Vec<&Outage> = prefix_outages
        .iter()
        .filter(|member| member.prefix.is_some_and(|prefix| prefixes.binary_search(&prefix).is_ok()))
        .filter(|member| {
            member.start.unwrap_or(Timestamp::MIN) < dip.end && member.end.unwrap_or(Timestamp::MAX) > dip.start
        })
        .collect();
    // What another origin announced for most of the time was taken over, even if it was gone for a moment in between.
    let mut gone_for: BTreeMap<Prefix, Duration> = BTreeMap::new();
    for (member, prefix) in members.iter().filter_map(|member| Some((member, member.prefix?))) {
        let shared = member.seen().intersect(&dip.window()).map_or(Duration::ZERO, |shared| shared.duration());
        *gone_for.entry(prefix).or_default() += shared;
    }
    let is_gone = |duration: Duration| duration * 2 >= dip.window().duration();
    let gone: BTreeSet<Prefix> = gone_for.into_iter().filter(|(_, d)| is_gone(*d)).map(|(prefix, _)| prefix).collect();
    let taken_over: Vec<&Timeline> = down.iter().filter(|timeline| !gone.contains(&timeline.prefix)).copied().collect();
    let (evidence, upstreams) = witnesses(view, space.asn, &taken_over, &members, criteria, dip);
    let total = dip.share_min <= TOTAL_BELOW && members.iter().all(|member| member.severity == Severity::Total);
    let class = if !taken_over.is_empty() && taken_over.len() * 2 >= prefixes.len() {
        Class::OriginChanged
    } else {
        most_common_class(&members)
    };
    let most_lost = members.iter().max_by_key(|member| (member.n_vantage_points_lost, member.n_vantage_points));
    let [n_vantage_points_lost, n_vantage_points, n_peer_asns, n_collectors] = match most_lost {
        Some(member) => {
            [member.n_vantage_points_lost, member.n_vantage_points, member.n_peer_asns, member.n_collectors]
        }
        None => taken_over.iter().map(|timeline| lost_origin(view, space.asn, timeline, dip)).max().unwrap_or_default(),
    };
    let confirmed: Vec<bool> = members.iter().filter_map(|member| member.rib_confirmed).collect();
    let mut survivors: Vec<Survivor> = members.iter().flat_map(|member| member.survivors.clone()).collect();
    survivors.sort_by(|a, b| {
        (&a.collector, a.peer_asn, a.peer_address, !a.zombie).cmp(&(
            &b.collector,
            b.peer_asn,
            b.peer_address,
            !b.zombie,
        ))
    });
    survivors.dedup_by(|b, a| (&a.collector, a.peer_asn, a.peer_address) == (&b.collector, b.peer_asn, b.peer_address));
    let worst = members.iter().map(|member| member.quality).max().unwrap_or(if view.has_rib() {
        Quality::Medium
    } else {
        Quality::Low
    });
    let edges_known = dip.censored.iter().all(|censoring| censoring.is_exact());
    let target = Target::Asn(space.asn);
    Outage {
        id: id(Scope::Asn, target, None, space.family, dip),
        scope: Scope::Asn,
        target,
        asn: Some(space.asn),
        prefix: None,
        family: space.family,
        start: (!dip.censored.contains(&Censoring::Left)).then_some(dip.start),
        end: (!dip.censored.contains(&Censoring::Right)).then_some(dip.end),
        start_bounds: dip.start_bounds,
        end_bounds: dip.end_bounds,
        duration: dip.window().duration(),
        severity: if total { Severity::Total } else { Severity::Partial },
        class,
        censored: dip.censored.clone(),
        episode,
        loss: dip.loss,
        recovery: dip.recovery,
        visibility_before: dip.share_before,
        visibility_min: dip.share_min,
        baseline_min: dip.share_min,
        n_vantage_points,
        n_vantage_points_lost,
        n_peer_asns,
        n_collectors,
        rib_confirmed: (!confirmed.is_empty()).then(|| confirmed.iter().all(|confirmed| *confirmed)),
        quality: if edges_known { worst } else { worst.max(Quality::Medium) },
        parts: dip.parts.clone(),
        prefixes,
        survivors,
        upstreams,
        evidence,
        prefix_outages: members.iter().map(|member| member.id.clone()).collect(),
        agreement: Agreement::default(),
    }
}

/// What shows that prefixes were `taken_over` by another origin, and through whom all of them were reached.
fn witnesses(
    view: &View,
    asn: Asn,
    taken_over: &[&Timeline],
    members: &[&Outage],
    criteria: &Criteria,
    dip: &Dip,
) -> (Evidence, Upstreams) {
    let (mut own, mut parts) = (Vec::new(), Vec::new());
    for timeline in taken_over {
        // The edges of the prefix are wider than the instants at which the space of the AS changed.
        let falls = dip::dips(&samples(timeline, criteria.metric), &criteria.thresholds).outages;
        for fall in falls.iter().filter(|fall| fall.window().intersect(&dip.window()).is_some()) {
            let pieces = view.pieces_of(&timeline.prefix, Some(asn));
            let evidence = evidence::evidence(view, timeline.prefix, Some(asn), &pieces, fall, Vec::new());
            parts.push(Upstreams::new(view, &pieces, Some(asn), fall, fall.loss.last, &evidence));
            own.push(evidence);
        }
    }
    let all = Evidence::joined(own.into_iter());
    let parts: Vec<&Upstreams> = parts.iter().chain(members.iter().map(|member| &member.upstreams)).collect();
    let upstreams = Upstreams::joined(view, &parts, dip, members.iter().map(|member| &member.evidence).chain([&all]));
    (all, upstreams)
}

fn is_down(timeline: &Timeline, criteria: &Criteria, at: Timestamp) -> bool {
    let states = states(&samples(timeline, criteria.metric), &criteria.thresholds);
    let index = states.partition_point(|(from, _)| *from <= at);
    index.checked_sub(1).and_then(|index| states.get(index)).is_some_and(|(_, state)| state.up == Some(false))
}

fn most_common_class(members: &[&Outage]) -> Class {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for member in members {
        *counts.entry(member.class).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(class, n)| (*n, std::cmp::Reverse(*class)));
    most.map_or(Class::Withdrawn, |(class, _)| class)
}

/// Of a prefix that another origin took over: vantage points that had no route of this one, those that could have lost it,
/// and their ASes and collectors.
fn lost_origin(view: &View, asn: Asn, timeline: &Timeline, dip: &Dip) -> [usize; 4] {
    let pieces = view.pieces_of(&timeline.prefix, Some(asn));
    let usable = usable_carriers(view, timeline, &pieces, &dip.window());
    let lost = lost_in(&pieces, &usable, view, Some(asn), &dip.window());
    let asns: BTreeSet<Asn> = usable.iter().map(|who| who.peer.asn).collect();
    let collectors: BTreeSet<&Collector> = usable.iter().map(|who| &who.collector).collect();
    [lost, usable.len(), asns.len(), collectors.len()]
}

/// Stretches of samples whose share stays below `limit`, and the smallest share in each. Samples without a share
/// belong to the stretch around them.
pub(super) fn stretches_below(samples: &[Sample], limit: f64) -> Vec<(Window, f64)> {
    let mut stretches: Vec<(Window, f64)> = Vec::new();
    let mut open = false;
    for sample in samples {
        match sample.share {
            Some(share) if share < limit => match stretches.last_mut().filter(|_| open) {
                Some((window, share_min)) => {
                    window.end = sample.window.end;
                    *share_min = share_min.min(share);
                }
                None => {
                    stretches.push((sample.window, share));
                    open = true;
                }
            },
            Some(_) => open = false,
            None => {}
        }
    }
    stretches
}
