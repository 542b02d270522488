//! Findings about one prefix: who lost it, who kept it, what took its place.
//! [`network`](super::network) does the same for a network as its address space.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::agreement::Agreement;
use super::context::PrefixContext;
use super::detector::{Detector, Shares};
use super::episodes::episodes;
use super::evidence;
use super::falls::{Fall, Falls, falls_in, intervals_below};
use super::model::{Class, Findings, Loss, Outage, Quality, Severity, Subject, Survivor, TOTAL_BELOW, Visibility};
use super::upstream::Upstreams;
use crate::bgp::{Asn, Collector, VantagePoint};
use crate::time::{Timestamp, Window};
use crate::visibility::{BaselineSource, ObservedSpan, ObservedState, VantagePointIndex};

/// A route still held this long after the outage began, without a new announcement, may be stuck (Ongkanchana et al.,
/// "Hunting BGP zombies in the wild", ANRW 2021).
const ZOMBIE_AGE: Duration = Duration::from_secs(90 * 60);
/// A less-specific prefix covers another one if this share of the live peer ASes sees it throughout.
const COVER_SHARE: f64 = 0.5;

/// Finds outages, episodes and lesser losses of one prefix.
pub(crate) fn prefix_findings(context: &PrefixContext, subject: Subject, detector: &dyn Detector) -> Findings {
    if !detector.can_judge(&context.timeline) {
        return Findings::default();
    }
    let (shares, window) = (detector.shares(&context.timeline), context.view.window());
    let looked_back = context.timeline.baseline.looked_back.map(|looked_back| looked_back.at);
    let falls = falls_in(window, &shares, detector, looked_back);
    let (episodes, numbers) = episodes(&subject, &falls, detector.thresholds().episode_gap, window);
    let outages = falls.outages.iter().zip(numbers);
    let outages = outages.map(|(fall, episode)| context.outage(context.with_first_return(fall), subject, episode));
    Findings {
        outages: outages.collect(),
        episodes,
        losses: context.losses(subject, &shares, &falls, detector),
        ..Findings::default()
    }
}

impl PrefixContext<'_> {
    fn outage(&self, fall: Fall, subject: Subject, episode: usize) -> Outage {
        let prefix = self.timeline.prefix;
        let core = core(&fall);
        let survivors = self.survivors(&fall, &core);
        let surviving: BTreeSet<Asn> = survivors.iter().map(|survivor| survivor.peer_asn).collect();
        let dumps = evidence::dumps(self.view, &prefix, &core, |asn| surviving.contains(asn));
        let rib_confirmed = (!dumps.is_empty()).then(|| dumps.iter().all(|dump| dump.confirms));
        let evidence = evidence::evidence(self.view, prefix, None, &self.observed, &fall, dumps);
        Outage {
            id: subject.id(&fall),
            subject,
            prefixes: vec![prefix],
            severity: self.severity(&fall, &survivors, core.start),
            class: self.class(&fall, &core),
            episode,
            visibility: self.visibility(&fall),
            counts: self.counts(&fall.seen),
            rib_confirmed,
            quality: self.quality(&fall),
            survivors,
            upstreams: Upstreams::new(self.view, &self.observed, None, &fall, core.start, &evidence),
            evidence,
            prefix_outages: Vec::new(),
            agreement: Agreement::default(),
            fall,
        }
    }

    fn severity(&self, fall: &Fall, survivors: &[Survivor], at: Timestamp) -> Severity {
        let remaining: BTreeSet<Asn> = self.kept(at).map(|who| who.peer.asn).collect();
        let stuck: BTreeSet<Asn> = survivors.iter().filter(|s| s.zombie).map(|s| s.peer_asn).collect();
        let is_stuck = !remaining.is_empty() && remaining.is_subset(&stuck);
        if fall.share_min <= TOTAL_BELOW || is_stuck { Severity::Total } else { Severity::Partial }
    }

    fn visibility(&self, fall: &Fall) -> Visibility {
        let observed = || self.timeline.steps.intervals().filter(|(_, step)| step.observed);
        let before = observed().rfind(|(window, _)| window.end <= fall.loss.first);
        let during = observed().filter(|(window, _)| window.intersect(&fall.seen).is_some());
        Visibility {
            before: before.and_then(|(_, step)| step.visibility()),
            min: during.filter_map(|(_, step)| step.visibility()).fold(1.0, f64::min),
        }
    }

    /// The share also rises when a vantage point that has kept its route becomes usable, and when one without a route becomes
    /// unknown. Moves the recovery to the first instant at which a route came back.
    fn with_first_return(&self, fall: &Fall) -> Fall {
        let mut fall = fall.clone();
        let Some(recovery) = &mut fall.recovery else { return fall };
        let returns = self.observed.windows(2).filter_map(|pair| match pair {
            [before, after] if before.vantage_point == after.vantage_point => {
                let is_return = before.state == ObservedState::Absent && self.sees(after);
                is_return.then_some(after.window.start)
            }
            _ => None,
        });
        let returns = returns.filter(|at| recovery.first <= *at && *at <= fall.seen.end);
        recovery.first = returns.min().unwrap_or(recovery.first);
        let not_before = |at: Timestamp| at.max(recovery.first);
        (recovery.half, recovery.most) = (recovery.half.map(not_before), recovery.most.map(not_before));
        fall
    }

    /// Returns the carriers without a route at an instant.
    fn lost(&self, at: Timestamp) -> Vec<&VantagePoint> {
        let absent = self.observed_at(at).filter(|span| span.state == ObservedState::Absent);
        absent.filter(|span| self.is_of_carrier(span)).map(|span| self.vantage_point(span)).collect()
    }

    /// Returns the vantage points with a route at an instant whose AS normally carries the prefix.
    fn kept(&self, at: Timestamp) -> impl Iterator<Item = &VantagePoint> {
        let seeing = self.observed_at(at).filter(|span| self.sees(span)).map(|span| self.vantage_point(span));
        seeing.filter(|who| self.timeline.baseline.asns.binary_search(&who.peer.asn).is_ok())
    }

    /// Returns the vantage points that held a route from the start of the outage through its core.
    fn survivors(&self, fall: &Fall, core: &Window) -> Vec<Survivor> {
        let mut by_vantage_point: BTreeMap<VantagePointIndex, Vec<&ObservedSpan>> = BTreeMap::new();
        let (start, whole) = (fall.seen.start, Window { start: fall.seen.start, end: core.end });
        for span in self.observed.iter().filter(|span| span.window.intersect(&whole).is_some()) {
            by_vantage_point.entry(span.vantage_point).or_default().push(span);
        }
        let lost: BTreeSet<Asn> = self.lost(core.start).iter().map(|vantage_point| vantage_point.peer.asn).collect();
        let kept = by_vantage_point.into_values().filter(|observed| {
            observed.iter().all(|span| self.sees(span))
                && observed.first().is_some_and(|span| span.window.start <= start)
                && observed.last().is_some_and(|span| span.window.end >= core.end)
        });
        let survivor = |observed: Vec<&ObservedSpan>| {
            let VantagePoint { collector, peer } = self.vantage_point(observed.first()?);
            let held = observed.iter().find(|span| span.window.contains(start + ZOMBIE_AGE));
            let zombie = held.is_some_and(|span| match &span.state {
                ObservedState::Present(Some(path), announced_at) => {
                    let leads_through_loss = path.hops().iter().any(|hop| lost.contains(hop) && *hop != peer.asn);
                    *announced_at <= start && leads_through_loss
                }
                _ => false,
            });
            Some(Survivor { collector: collector.clone(), peer_asn: peer.asn, peer_address: peer.address, zombie })
        };
        kept.filter_map(survivor).collect()
    }

    fn class(&self, fall: &Fall, core: &Window) -> Class {
        if self.is_local(&self.lost(core.start), core.start) {
            return Class::Local;
        }
        // Without RIB dumps a covering prefix that no message names may be there all the same.
        let without = if self.view.has_rib() { Class::Withdrawn } else { Class::Unknown };
        self.cover(fall, core).unwrap_or(without)
    }

    /// Returns whether all vantage points that lost it are of one AS or of one collector, while another one kept it.
    fn is_local(&self, lost: &[&VantagePoint], at: Timestamp) -> bool {
        let asns: BTreeSet<Asn> = lost.iter().map(|who| who.peer.asn).collect();
        let collectors: BTreeSet<&Collector> = lost.iter().map(|who| &who.collector).collect();
        (asns.len() == 1 && self.kept(at).any(|who| !asns.contains(&who.peer.asn)))
            || (collectors.len() == 1 && self.kept(at).any(|who| !collectors.contains(&who.collector)))
    }

    /// Returns the class that the longest less-specific prefix gives that stayed up throughout; `None` if there is none.
    fn cover(&self, fall: &Fall, core: &Window) -> Option<Class> {
        let own = origins_at(&self.observed, fall.loss.first - Duration::from_micros(1));
        self.less_specifics().find_map(|cover| {
            let intervals = cover.timeline.steps.intervals();
            let during = intervals.filter(|(window, step)| step.observed && window.intersect(core).is_some());
            let mut shares = during.filter_map(|(_, step)| step.visibility()).peekable();
            shares.peek()?;
            if !shares.all(|share| share >= COVER_SHARE) {
                return None;
            }
            let origins = origins_at(&cover.observed, core.start)?;
            let is_same = own.as_ref().is_none_or(|own| own.iter().any(|origin| origins.contains(origin)));
            // A reserved number names no network that could deliver the traffic.
            if origins.iter().all(|origin| origin.is_reserved()) && !(own.is_some() && is_same) {
                return None;
            }
            Some(if is_same { Class::Covered } else { Class::CoveredOther })
        })
    }

    fn quality(&self, fall: &Fall) -> Quality {
        let rule = self.view.rules()[self.timeline.family()];
        let is_certain = rule.is_none_or(|rule| !rule.uncertain);
        let is_from_before = self.timeline.baseline.source == BaselineSource::RibBefore;
        match self.view.has_rib() {
            false => Quality::Low,
            true if is_certain && fall.is_exact() && is_from_before => Quality::High,
            true => Quality::Medium,
        }
    }

    /// Returns the intervals with some loss outside outages and flaps: those below the listing threshold, and local ones.
    fn losses(&self, subject: Subject, shares: &Shares, falls: &Falls, detector: &dyn Detector) -> Vec<Loss> {
        let thresholds = detector.thresholds();
        let whole = |fall: &Fall| {
            let end = fall.recovery.map_or(fall.seen.end, |edge| edge.last).max(fall.seen.end);
            Window { start: fall.loss.first, end }
        };
        let known: Vec<Window> = falls.all().map(whole).collect();
        let loss = |(window, share_min): (Window, f64)| {
            let shown = window.intersect(&self.view.window())?;
            if shown.duration() < thresholds.min_duration {
                return None;
            }
            let is_lowest = |(of_share, share): &(Window, &Option<f64>)| {
                **share == Some(share_min) && window.contains(of_share.start)
            };
            let (Window { start: at, .. }, _) = shares.intervals().find(is_lowest)?;
            let lost = self.lost(at);
            let is_local = self.is_local(&lost, at);
            let class = if is_local { Class::Local } else { Class::Withdrawn };
            let lost_by = lost.into_iter().cloned().collect();
            let is_listed = is_local || share_min < thresholds.degraded_below;
            is_listed.then_some(Loss { subject, window: shown, class, share_min, lost_by })
        };
        let below = intervals_below(shares, 1.0).into_iter();
        below
            .filter(|(window, _)| !known.iter().any(|known| known.intersect(window).is_some()))
            .filter_map(loss)
            .collect()
    }
}

/// Returns the core of a fall: from the last loss to the first return.
fn core(fall: &Fall) -> Window {
    let last_loss = fall.loss.last;
    let first_return = fall.recovery.map_or(fall.seen.end, |edge| edge.first);
    // Where the window ends in the middle of the fall, the data after it show who lost it.
    let instant = Window { start: last_loss, end: last_loss + Duration::from_micros(1) };
    let fallback = if last_loss >= fall.seen.end { instant } else { fall.seen };
    Window::new(last_loss, first_return).unwrap_or(fallback)
}

/// Returns the origins that most vantage points saw at an instant, the members of an AS_SET together; the smallest of equals.
fn origins_at(observed: &[ObservedSpan], at: Timestamp) -> Option<Vec<Asn>> {
    let mut counts: BTreeMap<Vec<Asn>, usize> = BTreeMap::new();
    for span in observed.iter().filter(|span| span.window.contains(at)) {
        if let ObservedState::Present(Some(path), _) = &span.state
            && !path.origin_is_unknown()
        {
            let mut origins = path.origins().to_vec();
            origins.sort_unstable();
            *counts.entry(origins).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(origins, n)| (*n, std::cmp::Reverse(origins.clone()))).map(|(origins, _)| origins)
}
