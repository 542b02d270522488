//! What the vantage points say about a fall of one prefix: who lost it, who kept it, what took its place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::dip::{self, Dip, Dips, Sample};
use super::*;
use crate::query::{Criteria, Metric, Thresholds};
use crate::visibility::{BaselineSource, Piece, Timeline, VantagePointIndex, View, Vote};

/// A route still held this long after the outage began, without a new announcement, may be stuck (Ongkanchana et al.,
/// "Hunting BGP zombies in the wild", ANRW 2021).
const ZOMBIE_AGE: Duration = Duration::from_secs(90 * 60);
/// A cover must be seen by this share of the live peer ASes throughout.
const COVER_SHARE: f64 = 0.5;

/// The samples that decide, by metric.
pub(super) fn samples(timeline: &Timeline, metric: Metric) -> Vec<Sample> {
    timeline
        .stretches()
        .map(|(window, step)| {
            let share = match metric {
                Metric::Baseline => step.baseline_share(),
                Metric::Ioda => step.visibility(),
            };
            Sample { window, share: share.filter(|_| step.observed) }
        })
        .collect()
}

/// Falls that the window shows, and flaps. `since` is a RIB dump of before the data that shows it up.
pub(super) fn in_window(samples: &[Sample], thresholds: &Thresholds, window: Window, since: Option<Timestamp>) -> Dips {
    let mut dips = dip::dips(samples, thresholds);
    let shown = |dip: &Dip| dip.end > window.start && dip.start < window.end;
    dips.outages.retain(shown);
    dips.flaps.retain(shown);
    for dip in &mut dips.outages {
        if dip.start < window.start && !dip.censored.contains(&Censoring::Left) {
            dip.censored.push(Censoring::BeganBeforeFrom);
        }
        if dip.censored.contains(&Censoring::Left) && dip.start_bounds.earliest.is_none() {
            dip.start_bounds.earliest = since.filter(|since| *since < dip.start);
        }
        if dip.end_bounds.latest.is_none() && dip.end >= window.end {
            // What lies beyond the window is shown only where it tells the end.
            dip.censored.retain(|censoring| *censoring != Censoring::GapEnd);
            dip.censored.push(Censoring::Right);
            dip.censored.dedup();
            dip.end = window.end;
            dip.end_bounds.earliest = Some(window.end);
            if let Some(part) = dip.parts.last_mut() {
                part.end = part.end.min(window.end);
            }
        } else if dip.end > window.end {
            dip.censored.push(Censoring::EndedAfterTo);
        }
        dip.censored.sort_unstable();
        dip.censored.dedup();
    }
    dips
}

/// Outages, episodes and lesser losses of one prefix. `asn` is the target through which it was found, `others` are all
/// prefixes that the data show, sorted.
pub fn prefix_findings(
    view: &View,
    timeline: &Timeline,
    target: Target,
    asn: Option<Asn>,
    others: &[Prefix],
    criteria: &Criteria,
) -> Findings {
    // A prefix that even at its best most full feeds do not see has no level to fall from under IODA's rule.
    let Criteria { metric, thresholds, .. } = criteria;
    let is_never_up = *metric == Metric::Ioda && timeline.baseline.visibility() < thresholds.down_below;
    if !timeline.baseline.decides() || is_never_up {
        return Findings::default();
    }
    let samples = samples(timeline, *metric);
    let looked_back = timeline.baseline.looked_back.map(|looked_back| looked_back.at);
    let dips = in_window(&samples, thresholds, view.window(), looked_back);
    let mut findings = Findings::default();
    let about = About { scope: Scope::Prefix, target, prefix: Some(timeline.prefix), family: timeline.family() };
    let numbers = episodes(&about, &dips, thresholds, view.window(), &mut findings.episodes);

    let may_have_losses = samples.iter().any(|sample| sample.share.is_some_and(|share| share < 1.0));
    if dips.outages.is_empty() && !may_have_losses {
        return findings;
    }
    let pieces = view.pieces(&timeline.prefix);
    let scene = Scene { view, timeline, pieces: &pieces };
    for (dip, episode) in dips.outages.iter().zip(numbers) {
        findings.outages.push(scene.outage(dip, target, asn, others, episode));
    }
    findings.losses = scene.losses(&about, &samples, &dips, thresholds);
    findings
}

/// What findings are about.
pub(super) struct About {
    pub scope: Scope,
    pub target: Target,
    pub prefix: Option<Prefix>,
    pub family: Family,
}

/// Groups outages and flaps into episodes; the episode number of each outage.
pub(super) fn episodes(
    about: &About,
    dips: &Dips,
    thresholds: &Thresholds,
    window: Window,
    episodes: &mut Vec<Episode>,
) -> Vec<usize> {
    let mut members: Vec<(Window, Option<usize>, f64)> = Vec::new();
    members.extend(dips.outages.iter().enumerate().map(|(index, dip)| (dip.window(), Some(index), dip.share_min)));
    members.extend(dips.flaps.iter().map(|dip| (dip.window(), None, dip.share_min)));
    members.sort_by_key(|(window, ..)| *window);
    let windows: Vec<Window> = members.iter().map(|(window, ..)| *window).collect();
    let mut numbers = vec![0; dips.outages.len()];
    for ((member, outage, share_min), number) in members.into_iter().zip(dip::group(&windows, thresholds.episode_gap)) {
        let shown = Window { start: member.start.max(window.start), end: member.end.min(window.end) };
        if episodes.last().is_none_or(|episode| episode.number != number) {
            let About { scope, target, prefix, family } = *about;
            episodes.push(Episode {
                number,
                scope,
                target,
                prefix,
                family,
                window: shown,
                n_outages: 0,
                flaps: Vec::new(),
            });
        }
        let Some(episode) = episodes.last_mut() else { continue };
        episode.window.end = episode.window.end.max(shown.end);
        match outage {
            Some(index) => {
                episode.n_outages += 1;
                numbers[index] = number;
            }
            None => episode.flaps.push(Flap { window: member, share_min }),
        }
    }
    numbers
}

struct Scene<'a> {
    view: &'a View<'a>,
    timeline: &'a Timeline,
    pieces: &'a [Piece],
}

impl Scene<'_> {
    fn outage(&self, dip: &Dip, target: Target, asn: Option<Asn>, others: &[Prefix], episode: usize) -> Outage {
        let (prefix, family) = (self.timeline.prefix, self.timeline.family());
        let dip = &self.with_first_return(dip);
        let core = self.core(dip);
        let survivors = self.survivors(dip, &core);
        let lost = self.lost(core.start);
        let survivor_asns: BTreeSet<Asn> = survivors.iter().map(|survivor| survivor.peer_asn).collect();
        let remaining = self.seeing(core.start);
        let stuck: BTreeSet<Asn> = survivors.iter().filter(|s| s.zombie).map(|s| s.peer_asn).collect();
        let severity = if dip.share_min <= TOTAL_BELOW || (!remaining.is_empty() && remaining.is_subset(&stuck)) {
            Severity::Total
        } else {
            Severity::Partial
        };
        let dumps = evidence::dumps(self.view, &prefix, &core, |asn| survivor_asns.contains(asn));
        let rib_confirmed = (!dumps.is_empty()).then(|| dumps.iter().all(|dump| dump.confirms));
        let evidence = evidence::evidence(self.view, prefix, None, self.pieces, dip, dumps);
        let seen = dip.window();
        let usable = usable_carriers(self.view, self.timeline, self.pieces, &seen);
        let collectors: BTreeSet<&Collector> = usable.iter().map(|who| &who.collector).collect();
        let peer_asns: BTreeSet<Asn> = usable.iter().map(|who| who.peer.asn).collect();
        let before = self.timeline.stretches().rfind(|(window, step)| window.end <= dip.loss.first && step.observed);
        let visibility_min = self
            .timeline
            .stretches()
            .filter(|(window, step)| step.observed && window.intersect(&dip.window()).is_some())
            .filter_map(|(_, step)| step.visibility())
            .fold(1.0, f64::min);
        Outage {
            id: id(Scope::Prefix, target, Some(prefix), family, dip),
            scope: Scope::Prefix,
            target,
            asn,
            prefix: Some(prefix),
            prefixes: vec![prefix],
            family,
            start: (!dip.censored.contains(&Censoring::Left)).then_some(dip.start),
            end: (!dip.censored.contains(&Censoring::Right)).then_some(dip.end),
            start_bounds: dip.start_bounds,
            end_bounds: dip.end_bounds,
            duration: dip.window().duration(),
            severity,
            class: self.class(dip, &core, &lost, others),
            censored: dip.censored.clone(),
            episode,
            loss: dip.loss,
            recovery: dip.recovery,
            visibility_before: before.and_then(|(_, step)| step.visibility()),
            visibility_min,
            baseline_min: dip.share_min,
            n_vantage_points: usable.len(),
            n_vantage_points_lost: lost_in(self.pieces, &usable, self.view, None, &seen),
            n_peer_asns: peer_asns.len(),
            n_collectors: collectors.len(),
            rib_confirmed,
            quality: self.quality(dip),
            parts: dip.parts.clone(),
            survivors,
            upstreams: Upstreams::new(self.view, self.pieces, None, dip, core.start, &evidence),
            evidence,
            prefix_outages: Vec::new(),
            agreement: Agreement::default(),
        }
    }

    /// The share also rises when a vantage point that has kept its route becomes usable: the first return is that of a route.
    fn with_first_return(&self, dip: &Dip) -> Dip {
        let mut dip = dip.clone();
        let Some(recovery) = &mut dip.recovery else { return dip };
        let returns = self.pieces.windows(2).filter_map(|pair| match pair {
            [before, after] if before.vantage_point == after.vantage_point => {
                let is_return = before.vote == Vote::Absent && after.vote.sees(None);
                is_return.then_some(after.window.start)
            }
            _ => None,
        });
        let returns = returns.filter(|at| recovery.first <= *at && *at <= dip.end);
        recovery.first = returns.min().unwrap_or(recovery.first);
        // A share also rises when someone who lacks the route leaves the vote: nothing came back then.
        let not_before = |at: Timestamp| at.max(recovery.first);
        (recovery.half, recovery.most) = (recovery.half.map(not_before), recovery.most.map(not_before));
        dip
    }

    /// From the moment at which everything was lost that would be lost, to the first return.
    fn core(&self, dip: &Dip) -> Window {
        let end = dip.recovery.map_or(dip.end, |edge| edge.first);
        // Where the window ends in the middle of the fall, what follows tells who lost it.
        let instant = Window { start: dip.loss.last, end: dip.loss.last + Duration::from_micros(1) };
        let fallback = if dip.loss.last >= dip.end { instant } else { dip.window() };
        Window::new(dip.loss.last, end).unwrap_or(fallback)
    }

    fn votes_at(&self, at: Timestamp) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(move |piece| piece.window.contains(at))
    }

    fn who(&self, piece: &Piece) -> &VantagePoint {
        self.view.vantage_point(piece.vantage_point)
    }

    fn normally_carries(&self, asn: &Asn) -> bool {
        self.timeline.baseline.asns.binary_search(asn).is_ok()
    }

    /// Vantage points that normally carry the prefix and do not at that moment.
    fn lost(&self, at: Timestamp) -> Vec<&VantagePoint> {
        let carriers = &self.timeline.baseline.vantage_points;
        let absent = self.votes_at(at).filter(|piece| piece.vote == Vote::Absent).map(|piece| self.who(piece));
        absent.filter(|who| carriers.binary_search(who).is_ok()).collect()
    }

    /// ASes that normally carry the prefix and do at that moment.
    fn seeing(&self, at: Timestamp) -> BTreeSet<Asn> {
        let seeing = self.votes_at(at).filter(|piece| piece.vote.sees(None)).map(|piece| self.who(piece).peer.asn);
        seeing.filter(|asn| self.normally_carries(asn)).collect()
    }

    /// Vantage points that held a route from the start of the outage through its core.
    fn survivors(&self, dip: &Dip, core: &Window) -> Vec<Survivor> {
        let mut by_vantage_point: BTreeMap<VantagePointIndex, Vec<&Piece>> = BTreeMap::new();
        let whole = Window { start: dip.start, end: core.end };
        for piece in self.pieces.iter().filter(|piece| piece.window.intersect(&whole).is_some()) {
            by_vantage_point.entry(piece.vantage_point).or_default().push(piece);
        }
        let lost: BTreeSet<Asn> = self.lost(core.start).iter().map(|vantage_point| vantage_point.peer.asn).collect();
        let kept = by_vantage_point.into_values().filter(|pieces| {
            pieces.iter().all(|piece| piece.vote.sees(None))
                && pieces.first().is_some_and(|piece| piece.window.start <= dip.start)
                && pieces.last().is_some_and(|piece| piece.window.end >= core.end)
        });
        kept.filter_map(|pieces| {
            let who = self.who(pieces.first()?);
            let then = dip.start + ZOMBIE_AGE;
            let held_then = pieces.iter().find(|piece| piece.window.contains(then));
            let zombie = held_then.is_some_and(|piece| match &piece.vote {
                Vote::Present(Some(path), announced_at) => {
                    *announced_at <= dip.start
                        && path.hops().iter().any(|hop| lost.contains(hop) && *hop != who.peer.asn)
                }
                _ => false,
            });
            Some(Survivor {
                collector: who.collector.clone(),
                peer_asn: who.peer.asn,
                peer_address: who.peer.address,
                zombie,
            })
        })
        .collect()
    }

    fn class(&self, dip: &Dip, core: &Window, lost: &[&VantagePoint], others: &[Prefix]) -> Class {
        if self.is_local(lost, core.start) {
            return Class::Local;
        }
        // Without RIB dumps a covering prefix that no message names may be there all the same.
        let without = if self.view.has_rib() { Class::Withdrawn } else { Class::Unknown };
        self.cover(dip, core, others).unwrap_or(without)
    }

    /// Whether all who lost it are of one AS or of one collector, while another one kept it.
    fn is_local(&self, lost: &[&VantagePoint], at: Timestamp) -> bool {
        let kept: Vec<&VantagePoint> = self
            .votes_at(at)
            .filter(|piece| piece.vote.sees(None))
            .map(|piece| self.who(piece))
            .filter(|who| self.normally_carries(&who.peer.asn))
            .collect();
        let asns: BTreeSet<Asn> = lost.iter().map(|who| who.peer.asn).collect();
        let collectors: BTreeSet<&Collector> = lost.iter().map(|who| &who.collector).collect();
        let kept_elsewhere = kept.iter().any(|who| !collectors.contains(&who.collector));
        (asns.len() == 1 && kept.iter().any(|who| !asns.contains(&who.peer.asn)))
            || (collectors.len() == 1 && kept_elsewhere)
    }

    /// The longest less-specific prefix that stayed up throughout.
    fn cover(&self, dip: &Dip, core: &Window, others: &[Prefix]) -> Option<Class> {
        let prefix = self.timeline.prefix;
        let mut covers =
            (0..prefix.len()).rev().map(|len| prefix.shortened_to(len)).filter(|p| others.binary_search(p).is_ok());
        let own = origins_at(self.pieces, dip.loss.first - Duration::from_micros(1));
        covers.find_map(|cover| {
            let timeline = self.view.timeline(cover, None);
            let mut shares = timeline
                .stretches()
                .filter(|(window, step)| step.observed && window.intersect(core).is_some())
                .filter_map(|(_, step)| step.visibility())
                .peekable();
            shares.peek()?;
            if !shares.all(|share| share >= COVER_SHARE) {
                return None;
            }
            let origins = origins_at(&self.view.pieces(&cover), core.start)?;
            let is_same = own.as_ref().is_none_or(|own| own.iter().any(|origin| origins.contains(origin)));
            // A reserved number names no network that could deliver the traffic.
            if origins.iter().all(|origin| origin.is_reserved()) && !(own.is_some() && is_same) {
                return None;
            }
            Some(if is_same { Class::Covered } else { Class::CoveredOther })
        })
    }

    fn quality(&self, dip: &Dip) -> Quality {
        let rule = self.view.rules()[self.timeline.family()];
        let is_whole = rule.is_none_or(|rule| !rule.uncertain);
        if !self.view.has_rib() {
            Quality::Low
        } else if is_whole
            && dip.censored.iter().all(|censoring| censoring.is_exact())
            && self.timeline.baseline.source == BaselineSource::RibBefore
        {
            Quality::High
        } else {
            Quality::Medium
        }
    }

    /// Stretches with some loss outside outages and flaps: those below the listing threshold, and those that are local.
    fn losses(&self, about: &About, samples: &[Sample], dips: &Dips, thresholds: &Thresholds) -> Vec<Loss> {
        let asked = self.view.window();
        let taken: Vec<Window> = dips
            .outages
            .iter()
            .chain(&dips.flaps)
            .map(|dip| Window {
                start: dip.loss.first,
                end: dip.recovery.map_or(dip.end, |edge| edge.last).max(dip.end),
            })
            .collect();
        let below = super::asn::stretches_below(samples, 1.0);
        below
            .into_iter()
            .filter(|(window, _)| !taken.iter().any(|taken| taken.intersect(window).is_some()))
            .filter_map(|(window, share_min)| {
                let shown = window.intersect(&asked)?;
                if shown.duration() < thresholds.min_duration {
                    return None;
                }
                let lowest = samples.iter().find(|s| s.share == Some(share_min) && window.contains(s.window.start))?;
                let lost = self.lost(lowest.window.start);
                let local = self.is_local(&lost, lowest.window.start);
                let About { scope, target, prefix, family } = *about;
                let class = if local { Class::Local } else { Class::Withdrawn };
                let lost_by = lost.into_iter().cloned().collect();
                (local || share_min < thresholds.degraded_below).then_some(Loss {
                    scope,
                    target,
                    prefix,
                    family,
                    window: shown,
                    class,
                    share_min,
                    lost_by,
                })
            })
            .collect()
    }
}

/// The vantage points that normally carry a prefix and vote at any time in `window`.
pub(super) fn usable_carriers<'v>(
    view: &'v View,
    timeline: &Timeline,
    pieces: &[Piece],
    window: &Window,
) -> BTreeSet<&'v VantagePoint> {
    let then = pieces.iter().filter(|piece| piece.window.intersect(window).is_some());
    let who = then.map(|piece| view.vantage_point(piece.vantage_point));
    who.filter(|who| timeline.baseline.vantage_points.binary_search(who).is_ok()).collect()
}

/// How many of `usable` had no route of `origin` at some time in `window`.
pub(super) fn lost_in(
    pieces: &[Piece],
    usable: &BTreeSet<&VantagePoint>,
    view: &View,
    origin: Option<Asn>,
    window: &Window,
) -> usize {
    let without = pieces.iter().filter(|piece| !piece.vote.sees(origin) && piece.window.intersect(window).is_some());
    let who: BTreeSet<&VantagePoint> = without.map(|piece| view.vantage_point(piece.vantage_point)).collect();
    who.intersection(usable).count()
}

/// The origins that most vantage points saw at that moment, the members of an AS_SET together; the smallest of equals.
fn origins_at(pieces: &[Piece], at: Timestamp) -> Option<Vec<Asn>> {
    let mut counts: BTreeMap<Vec<Asn>, usize> = BTreeMap::new();
    for piece in pieces.iter().filter(|piece| piece.window.contains(at)) {
        if let Vote::Present(Some(path), _) = &piece.vote
            && !path.origin_is_unknown()
        {
            let mut origins = path.origins().to_vec();
            origins.sort_unstable();
            *counts.entry(origins).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(origins, n)| (*n, std::cmp::Reverse(origins.clone()))).map(|(origins, _)| origins)
}
