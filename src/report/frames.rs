//! The results as polars frames: one schema each, named columns, times as UTC timestamps, sorted.

use polars::prelude::*;

use super::text::is_unprintable;
use super::{Doubts, Report, round};
use crate::bgp::{Asn, Collector, Family, Prefix};
use crate::detect::{Outage, Scope, SpaceStep, Upstream};
use crate::error::Error;
use crate::tables::{Frames, column, columns, frame, frames, texts, times};
use crate::time::{Timestamp, Window};
use crate::visibility::Step;

/// One row per outage: the columns of `outages.csv` and `outages.parquet`, in order.
pub fn outage_frame(outages: &[Outage]) -> Result<DataFrame, Error> {
    let words = |values: Vec<String>| values.join(" ");
    let asns = |list: &[Upstream]| words(list.iter().map(|upstream| upstream.asn.0.to_string()).collect());
    frame(
        "outages",
        columns!(outages, o => {
            column "id" => o.id.as_str(),
            column "scope" => o.subject.scope.as_ref(),
            texts "target" => Some(o.subject.target),
            column "asn" => o.subject.asn.map(|asn| asn.0),
            texts "prefix" => o.subject.prefix,
            column "prefixes" => words(o.prefixes.iter().map(ToString::to_string).collect()),
            texts "family" => Some(o.subject.family),
            times "start" => o.fall.start(),
            times "end" => o.fall.end(),
            times "start_earliest" => o.fall.start_bounds.earliest,
            times "start_latest" => o.fall.start_bounds.latest,
            times "end_earliest" => o.fall.end_bounds.earliest,
            times "end_latest" => o.fall.end_bounds.latest,
            column "duration_seconds" => o.fall.duration().as_secs_f64(),
            column "severity" => o.severity.as_ref(),
            column "class" => o.class.as_ref(),
            column "censored" => words(o.fall.censored.iter().map(|c| c.as_ref().to_owned()).collect()),
            column "episode" => o.episode as u32,
            times "first_loss" => Some(o.fall.loss.first),
            times "last_loss" => Some(o.fall.loss.last),
            times "first_return" => o.fall.recovery.map(|r| r.first),
            times "last_return" => o.fall.recovery.map(|r| r.last),
            column "visibility_before" => o.visibility.before.map(round),
            column "visibility_min" => round(o.visibility.min),
            column "baseline_share_min" => round(o.fall.share_min),
            column "n_vantage_points" => o.counts.n_vantage_points as u32,
            column "n_vantage_points_lost" => o.counts.n_vantage_points_lost as u32,
            column "n_peer_asns" => o.counts.n_peer_asns as u32,
            column "n_collectors" => o.counts.n_collectors as u32,
            column "rib_confirmed" => o.rib_confirmed,
            column "evidence_quality" => o.quality.as_ref(),
            column "n_zombies" => o.survivors.iter().filter(|s| s.zombie).count() as u32,
            column "upstreams_before" => asns(&o.upstreams.before),
            column "upstreams_after" => asns(&o.upstreams.after),
            column "pattern" => o.upstreams.pattern.as_ref().map(|pattern| pattern.as_ref()),
            column "loss_spread_seconds" => o.agreement.loss_spread().map(|spread| spread.as_secs_f64()),
            column "recovery_spread_seconds" => o.agreement.recovery_spread().map(|spread| spread.as_secs_f64()),
            times "start_range_earliest" => o.agreement.start_range().map(|range| range.0),
            times "start_range_latest" => o.agreement.start_range().map(|range| range.1),
            times "end_range_earliest" => o.agreement.end_range().map(|range| range.0),
            times "end_range_latest" => o.agreement.end_range().map(|range| range.1),
            column "ioda_answer" => o.agreement.ioda.as_ref().map(|ioda| ioda.as_ref()),
        }),
    )
}

/// One row of `timelines.parquet`: an interval in which the visibility of a prefix or target AS is constant.
struct TimelineRow<'a> {
    scope: Scope,
    asn: Option<Asn>,
    prefix: Option<Prefix>,
    family: Family,
    shown: Window,
    counts: [usize; 2],
    visibility: Option<f64>,
    seen: Option<&'a Step>,
    space: Option<&'a SpaceStep>,
    observed: bool,
}

/// One row per target AS or prefix and interval of constant visibility: the columns of `timelines.parquet`, in order.
pub fn timeline_frames(report: &Report) -> Frames<'_> {
    let window = report.parameters.window();
    let of_asns = report.asn_timelines.iter().flat_map(move |timeline| {
        timeline.steps.intervals().filter_map(move |(interval, step)| {
            Some(TimelineRow {
                scope: Scope::Asn,
                asn: Some(timeline.asn),
                prefix: None,
                family: timeline.family,
                shown: interval.intersect(&window)?,
                counts: [step.n_prefixes_up, step.n_prefixes],
                visibility: step.share(),
                seen: None,
                space: Some(step),
                observed: step.observed,
            })
        })
    });
    let of_prefixes = report.timelines.iter().flat_map(move |timeline| {
        timeline.steps.intervals().filter_map(move |(interval, step)| {
            Some(TimelineRow {
                scope: Scope::Prefix,
                asn: None,
                prefix: Some(timeline.prefix),
                family: timeline.family(),
                shown: interval.intersect(&window)?,
                counts: [step.n_visible, step.n_live],
                visibility: step.visibility(),
                seen: Some(step),
                space: None,
                observed: step.observed,
            })
        })
    });
    frames(of_asns.chain(of_prefixes), timeline_frame)
}

fn timeline_frame(rows: &[TimelineRow]) -> Result<DataFrame, Error> {
    frame(
        "timelines",
        columns!(rows, row => {
            column "scope" => row.scope.as_ref(),
            column "asn" => row.asn.map(|asn| asn.0),
            texts "prefix" => row.prefix,
            texts "family" => Some(row.family),
            times "from" => Some(row.shown.start),
            times "to" => Some(row.shown.end),
            column "n_visible" => row.counts[0] as u32,
            column "n_live" => row.counts[1] as u32,
            column "visibility" => row.visibility,
            column "n_baseline_visible" => row.seen.map(|step| step.n_baseline_visible as u32),
            column "n_baseline_live" => row.seen.map(|step| step.n_baseline_live as u32),
            column "baseline_share" => row.seen.and_then(Step::baseline_share),
            column "n_vantage_points_visible" => row.seen.map(|step| step.n_vantage_points_visible as u32),
            column "n_vantage_points" => row.seen.map(|step| step.n_vantage_points as u32),
            column "space_up" => row.space.map(|step| step.space_up),
            column "space" => row.space.map(|step| step.space),
            column "observed" => row.observed,
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
    from: Timestamp,
    to: Timestamp,
    state: &'static str,
    reason: Option<String>,
    detail: Option<String>,
}

/// One row per collector and interval of the window, then one per vantage point and reason to doubt it: the columns of
/// `coverage.csv`, in order.
pub fn coverage_frame(report: &Report) -> Result<DataFrame, Error> {
    let mut rows: Vec<Covered> = Vec::new();
    rows.extend(report.coverage.rows.iter().map(|row| Covered {
        collector: &row.collector,
        from: row.window.start,
        to: row.window.end,
        state: if row.reason.is_none() { "known" } else { "unknown" },
        reason: row.reason.map(|reason| reason.to_string()),
        detail: row.reason.map(|_| row.detail.clone()),
    }));
    for replay in &report.replays {
        rows.extend(Doubts::of_peers(replay).into_iter().map(|(peer, doubts)| Covered {
            collector: &replay.collector,
            from: doubts.first,
            to: doubts.last,
            state: "doubtful",
            reason: Some(doubts.reason.name().to_owned()),
            detail: Some(doubts.sentence(&peer.map_or(String::new(), |peer| replay.peer(peer).to_string()))),
        }));
    }
    frame(
        "coverage",
        columns!(rows, row => {
            column "collector" => cell(row.collector.name()),
            times "from" => Some(row.from),
            times "to" => Some(row.to),
            column "state" => row.state,
            column "reason" => row.reason.clone(),
            column "detail" => row.detail.as_deref().map(cell),
        }),
    )
}
