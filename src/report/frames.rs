//! The results as polars frames: one schema each, named columns, times as UTC timestamps, sorted.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::text::is_unprintable;
use super::{Doubts, Report, round};
use crate::bgp::{Collector, Prefix};
use crate::detect::{Episode, Event, Flap, Loss, Outage, SpaceStep, SpaceTimeline, Subject, Upstream};
use crate::error::Error;
use crate::tables::{Frames, column, columns, frame, frames, number_lists, text_lists, texts, times};
use crate::time::{Steps, Timestamp, Window};
use crate::visibility::Step;

/// The shares of an outage that only a prefix or only an AS has, so that each column means one quantity.
pub(super) struct OutageShares {
    /// Of the live peer ASes; None for a network: an AS, or a prefix that is announced in parts.
    pub visibility_before: Option<f64>,
    pub visibility_min: Option<f64>,
    /// Of the address space; None for a single prefix.
    pub space_share_before: Option<f64>,
    pub space_share_min: Option<f64>,
}

impl OutageShares {
    pub(super) fn new(outage: &Outage) -> OutageShares {
        let (before, min) = (outage.visibility.before.map(round), Some(round(outage.visibility.min)));
        let is_single = outage.subject.prefix.is_some_and(|prefix| outage.prefixes == [prefix]);
        let of_prefix = |share: Option<f64>| share.filter(|_| is_single);
        let of_network = |share: Option<f64>| share.filter(|_| !is_single);
        OutageShares {
            visibility_before: of_prefix(before),
            visibility_min: of_prefix(min),
            space_share_before: of_network(before),
            space_share_min: of_network(min),
        }
    }
}

/// One row per outage: the columns of `outages.csv` and `outages.parquet`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn outage_frame(outages: &[Outage]) -> Result<DataFrame, Error> {
    let asns = |list: &[Upstream]| list.iter().map(|upstream| upstream.asn.0).collect::<Vec<u32>>();
    frame(
        "outages",
        columns!(outages, o => {
            column "id" => o.id.as_str(),
            column "scope" => o.subject.scope.as_ref(),
            texts "target" => Some(o.subject.target),
            column "asn" => o.subject.asn.map(|asn| asn.0),
            texts "prefix" => o.subject.prefix,
            text_lists "prefixes" => &o.prefixes,
            texts "family" => Some(o.subject.family),
            times "started_at" => o.fall.start(),
            times "ended_at" => o.fall.end(),
            times "start_earliest" => o.fall.start_bounds.earliest,
            times "start_latest" => o.fall.start_bounds.latest,
            times "end_earliest" => o.fall.end_bounds.earliest,
            times "end_latest" => o.fall.end_bounds.latest,
            column "duration_seconds" => o.fall.duration().as_secs_f64(),
            column "severity" => o.severity.as_ref(),
            column "class" => o.class.as_ref(),
            text_lists "censored" => o.fall.censored.iter().map(AsRef::<str>::as_ref),
            column "episode" => o.episode as u32,
            times "loss_first" => Some(o.fall.loss.first),
            times "loss_half" => o.fall.loss.half,
            times "loss_most" => o.fall.loss.most,
            times "loss_last" => Some(o.fall.loss.last),
            times "recovery_first" => o.fall.recovery.map(|r| r.first),
            times "recovery_half" => o.fall.recovery.and_then(|r| r.half),
            times "recovery_most" => o.fall.recovery.and_then(|r| r.most),
            times "recovery_last" => o.fall.recovery.map(|r| r.last),
            column "share_min" => round(o.fall.share_min),
            column "visibility_before" => OutageShares::new(o).visibility_before,
            column "visibility_min" => OutageShares::new(o).visibility_min,
            column "space_share_before" => OutageShares::new(o).space_share_before,
            column "space_share_min" => OutageShares::new(o).space_share_min,
            column "n_vantage_points" => o.counts.n_vantage_points as u32,
            column "n_vantage_points_lost" => o.counts.n_vantage_points_lost as u32,
            column "n_peer_asns" => o.counts.n_peer_asns as u32,
            column "n_collectors" => o.counts.n_collectors as u32,
            column "rib_confirmed" => o.rib_confirmed,
            column "evidence_quality" => o.quality.as_ref(),
            text_lists "prefix_outages" => &o.prefix_outages,
            column "n_zombies" => o.survivors.iter().filter(|s| s.zombie).count() as u32,
            number_lists "upstreams_before" => asns(&o.upstreams.before),
            number_lists "upstreams_after" => asns(&o.upstreams.after),
            column "upstreams_pattern" => o.upstreams.pattern.as_ref().map(|pattern| pattern.as_ref()),
            column "agreement_loss_spread_seconds" => o.agreement.loss_spread().map(|spread| spread.as_secs_f64()),
            column "agreement_recovery_spread_seconds" => o.agreement.recovery_spread().map(|spread| spread.as_secs_f64()),
            times "agreement_start_earliest" => o.agreement.start_range().map(|range| range.0),
            times "agreement_start_latest" => o.agreement.start_range().map(|range| range.1),
            times "agreement_end_earliest" => o.agreement.end_range().map(|range| range.0),
            times "agreement_end_latest" => o.agreement.end_range().map(|range| range.1),
            column "ioda_answer" => o.agreement.ioda.as_ref().map(|ioda| ioda.as_ref()),
        }),
    )
}

/// One row per event: the columns of `events.csv` and `events.parquet`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn event_frame(events: &[Event]) -> Result<DataFrame, Error> {
    frame(
        "events",
        columns!(events, e => {
            column "event" => e.number as u32,
            texts "family" => Some(e.family),
            times "started_at" => e.start(),
            times "ended_at" => e.end(),
            column "duration_seconds" => e.window.duration().as_secs_f64(),
            column "severity" => e.severity.as_ref(),
            column "n_prefixes" => e.prefixes.len() as u32,
            column "space" => e.space,
            column "space_seconds" => e.space_seconds(),
            column "shared_asn" => e.shared.map(|shared| shared.asn.0),
            column "shared_role" => e.shared.as_ref().map(|shared| shared.role.as_ref()),
            column "n_sharing" => e.shared.map(|shared| shared.n_prefixes as u32),
            text_lists "prefixes" => &e.prefixes,
            text_lists "outages" => &e.outages,
        }),
    )
}

/// One row per fall too short to be an outage: the columns of `flaps.csv` and `flaps.parquet`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn flap_frame(episodes: &[Episode]) -> Result<DataFrame, Error> {
    let flaps = episodes.iter().flat_map(|episode| episode.flaps.iter().map(move |flap| (episode, flap)));
    let rows: Vec<(&Episode, &Flap)> = flaps.collect();
    frame(
        "flaps",
        columns!(rows, row => {
            column "scope" => row.0.subject.scope.as_ref(),
            texts "target" => Some(row.0.subject.target),
            column "asn" => row.0.subject.asn.map(|asn| asn.0),
            texts "prefix" => row.0.subject.prefix,
            texts "family" => Some(row.0.subject.family),
            column "episode" => row.0.number as u32,
            times "started_at" => Some(row.1.window.start),
            times "ended_at" => Some(row.1.window.end),
            column "duration_seconds" => row.1.window.duration().as_secs_f64(),
            column "share_min" => round(row.1.share_min),
        }),
    )
}

/// One row per episode: the columns of `episodes.csv` and `episodes.parquet`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn episode_frame(episodes: &[Episode]) -> Result<DataFrame, Error> {
    frame(
        "episodes",
        columns!(episodes, e => {
            column "scope" => e.subject.scope.as_ref(),
            texts "target" => Some(e.subject.target),
            column "asn" => e.subject.asn.map(|asn| asn.0),
            texts "prefix" => e.subject.prefix,
            texts "family" => Some(e.subject.family),
            column "episode" => e.number as u32,
            times "started_at" => Some(e.window.start),
            times "ended_at" => Some(e.window.end),
            column "duration_seconds" => e.window.duration().as_secs_f64(),
            column "n_outages" => e.n_outages as u32,
            column "n_flaps" => e.flaps.len() as u32,
        }),
    )
}

/// One row per loss that was no outage: the columns of `losses.csv` and `losses.parquet`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn loss_frame(losses: &[Loss]) -> Result<DataFrame, Error> {
    frame(
        "losses",
        columns!(losses, l => {
            column "scope" => l.subject.scope.as_ref(),
            texts "target" => Some(l.subject.target),
            column "asn" => l.subject.asn.map(|asn| asn.0),
            texts "prefix" => l.subject.prefix,
            texts "family" => Some(l.subject.family),
            times "started_at" => Some(l.window.start),
            times "ended_at" => Some(l.window.end),
            column "duration_seconds" => l.window.duration().as_secs_f64(),
            column "class" => l.class.as_ref(),
            column "share_min" => round(l.share_min),
            text_lists "lost_by_collectors" => l.lost_by.iter().map(|who| &who.collector),
            number_lists "lost_by_peer_asns" => l.lost_by.iter().map(|who| who.peer.asn.0),
            text_lists "lost_by_peer_addresses" => l.lost_by.iter().map(|who| who.peer.address),
        }),
    )
}

/// One row of `timelines.parquet`: an interval in which the visibility of a prefix or network is constant.
struct TimelineRow<'a> {
    subject: Subject,
    shown: Window,
    observed: bool,
    state: TimelineState<'a>,
}

/// A prefix is seen by peer ASes; a group, an AS, and a prefix that is announced in parts, has address space.
enum TimelineState<'a> {
    Prefix(&'a Step),
    Network(&'a SpaceStep),
}

impl TimelineRow<'_> {
    fn step(&self) -> Option<&Step> {
        match self.state {
            TimelineState::Prefix(step) => Some(step),
            TimelineState::Network(_) => None,
        }
    }

    fn space(&self) -> Option<&SpaceStep> {
        match self.state {
            TimelineState::Network(space) => Some(space),
            TimelineState::Prefix(_) => None,
        }
    }
}

/// One row per group, AS or prefix and interval of constant visibility: the columns of `timelines.parquet`, in order.
pub fn timeline_frames(report: &Report) -> Frames<'_> {
    let window = report.parameters.window();
    let of_networks = report.networks().flat_map(move |space| {
        timeline_rows(space.subject, window, &space.steps, |step| (step.observed, TimelineState::Network(step)))
    });
    let aggregates: BTreeMap<Prefix, &SpaceTimeline> =
        report.spaces.iter().filter_map(|space| Some((space.subject.prefix?, space))).collect();
    let of_prefixes =
        report.timelines.iter().zip(&report.subjects).flat_map(move |(timeline, subject)| {
            match aggregates.get(&timeline.prefix).copied() {
                Some(SpaceTimeline { steps, .. }) => {
                    timeline_rows(*subject, window, steps, |step| (step.observed, TimelineState::Network(step)))
                }
                None => timeline_rows(*subject, window, &timeline.steps, |step| {
                    (step.observed, TimelineState::Prefix(step))
                }),
            }
        });
    frames(of_networks.chain(of_prefixes), timeline_frame)
}

/// Returns the intervals of one subject in the window; `state` returns whether a step was observed, and what it shows.
fn timeline_rows<'a, T>(
    subject: Subject,
    window: Window,
    steps: &'a Steps<T>,
    state: impl Fn(&'a T) -> (bool, TimelineState<'a>),
) -> Vec<TimelineRow<'a>> {
    let row = |(interval, step): (Window, &'a T)| {
        let (shown, (observed, state)) = (interval.intersect(&window)?, state(step));
        Some(TimelineRow { subject, shown, observed, state })
    };
    steps.intervals().filter_map(row).collect()
}

fn timeline_frame(rows: &[TimelineRow]) -> Result<DataFrame, Error> {
    frame(
        "timelines",
        columns!(rows, row => {
            column "scope" => row.subject.scope.as_ref(),
            texts "target" => Some(row.subject.target),
            column "asn" => row.subject.asn.map(|asn| asn.0),
            texts "prefix" => row.subject.prefix,
            texts "family" => Some(row.subject.family),
            times "started_at" => Some(row.shown.start),
            times "ended_at" => Some(row.shown.end),
            column "observed" => row.observed,
            column "n_visible" => row.step().map(|step| step.n_visible),
            column "n_live" => row.step().map(|step| step.n_live),
            column "visibility" => row.step().and_then(Step::visibility),
            column "n_baseline_visible" => row.step().map(|step| step.n_baseline_visible),
            column "n_baseline_live" => row.step().map(|step| step.n_baseline_live),
            column "baseline_share" => row.step().and_then(Step::baseline_share),
            column "n_vantage_points_visible" => row.step().map(|step| step.n_vantage_points_visible),
            column "n_vantage_points" => row.step().map(|step| step.n_vantage_points),
            column "n_prefixes_up" => row.space().map(|space| space.n_prefixes_up as u32),
            column "n_prefixes" => row.space().map(|space| space.n_prefixes as u32),
            column "space_up" => row.space().map(|space| space.space_up),
            column "space" => row.space().map(|space| space.space),
            column "space_share" => row.space().and_then(SpaceStep::share),
        }),
    )
}

/// Escapes a CSV cell so that spreadsheets do not read it as a formula and terminals do not obey it.
pub(super) fn cell(text: &str) -> String {
    let shown: String =
        text.chars().flat_map(|c| if is_unprintable(c) { c.escape_default().collect() } else { vec![c] }).collect();
    if shown.starts_with(['=', '+', '-', '@']) { format!("'{shown}") } else { shown }
}

/// One row of `coverage.csv`.
struct Covered<'a> {
    collector: &'a Collector,
    started_at: Timestamp,
    ended_at: Timestamp,
    state: &'static str,
    reason: Option<String>,
    detail: Option<String>,
}

/// One row per collector and interval of the window, then one per vantage point and reason to doubt it: the columns of
/// `coverage.csv`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn coverage_frame(report: &Report) -> Result<DataFrame, Error> {
    let mut rows: Vec<Covered> = Vec::new();
    rows.extend(report.coverage.rows.iter().map(|row| Covered {
        collector: &row.collector,
        started_at: row.window.start,
        ended_at: row.window.end,
        state: if row.reason.is_none() { "known" } else { "unknown" },
        reason: row.reason.map(|reason| reason.to_string()),
        detail: row.reason.map(|_| row.detail.clone()),
    }));
    for replay in &report.replays {
        rows.extend(Doubts::of_peers(replay).into_iter().map(|(peer, doubts)| Covered {
            collector: &replay.collector,
            started_at: doubts.first,
            ended_at: doubts.last,
            state: "doubtful",
            reason: Some(doubts.reason.name().to_owned()),
            detail: Some(doubts.sentence(&peer.map_or(String::new(), |peer| replay.peer(peer).to_string()))),
        }));
    }
    frame(
        "coverage",
        columns!(rows, row => {
            column "collector" => row.collector.name(),
            times "started_at" => Some(row.started_at),
            times "ended_at" => Some(row.ended_at),
            column "state" => row.state,
            column "reason" => row.reason.clone(),
            column "detail" => row.detail.as_deref(),
        }),
    )
}
