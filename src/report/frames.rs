//! The results as polars frames: one schema each, named columns, times as UTC timestamps, sorted.

use polars::prelude::*;

use super::text::steers;
use super::{Report, round};
use crate::detect::{Outage, Scope, Upstream};
use crate::error::Error;
use crate::time::Timestamp;

/// A column of instants in UTC, in microseconds.
pub(super) fn times(name: &str, values: Vec<Option<Timestamp>>) -> Column {
    let micros: Vec<Option<i64>> = values.into_iter().map(|at| at.map(Timestamp::micros)).collect();
    Series::new(name.into(), micros).into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_column()
}

pub(super) fn column<T, V>(name: &str, values: Vec<T>) -> Column
where
    V: ?Sized,
    Series: NamedFrom<Vec<T>, V>,
{
    Series::new(name.into(), values).into_column()
}

pub(super) fn frame(table: &'static str, columns: Vec<Column>) -> Result<DataFrame, Error> {
    DataFrame::new_infer_height(columns).map_err(|source| Error::Table { table, source })
}

/// One row per outage: the columns of `outages.csv` and `outages.parquet`, in order.
pub fn outage_frame(outages: &[Outage]) -> Result<DataFrame, Error> {
    macro_rules! each {
        ($value:expr) => {
            outages.iter().map($value).collect::<Vec<_>>()
        };
    }
    let words = |values: Vec<String>| values.join(" ");
    let asns = |list: &[Upstream]| words(list.iter().map(|upstream| upstream.asn.0.to_string()).collect());
    frame(
        "outages",
        vec![
            column("id", each!(|o| o.id.as_str())),
            column("scope", each!(|o| o.scope.name())),
            column("target", each!(|o| o.target.to_string())),
            column("asn", each!(|o| o.asn.map(|asn| asn.0))),
            column("prefix", each!(|o| o.prefix.map(|prefix| prefix.to_string()))),
            column("prefixes", each!(|o| words(o.prefixes.iter().map(ToString::to_string).collect()))),
            column("family", each!(|o| o.family.to_string())),
            times("start", each!(|o| o.start)),
            times("end", each!(|o| o.end)),
            times("start_earliest", each!(|o| o.start_bounds.earliest)),
            times("start_latest", each!(|o| o.start_bounds.latest)),
            times("end_earliest", each!(|o| o.end_bounds.earliest)),
            times("end_latest", each!(|o| o.end_bounds.latest)),
            column("duration_seconds", each!(|o| o.duration.as_secs_f64())),
            column("severity", each!(|o| o.severity.name())),
            column("class", each!(|o| o.class.name())),
            column("censored", each!(|o| words(o.censored.iter().map(|c| c.name().to_owned()).collect()))),
            column("episode", each!(|o| o.episode as u32)),
            times("first_loss", each!(|o| Some(o.loss.first))),
            times("last_loss", each!(|o| Some(o.loss.last))),
            times("first_return", each!(|o| o.recovery.map(|r| r.first))),
            times("last_return", each!(|o| o.recovery.map(|r| r.last))),
            column("visibility_before", each!(|o| o.visibility_before.map(round))),
            column("visibility_min", each!(|o| round(o.visibility_min))),
            column("baseline_share_min", each!(|o| round(o.baseline_min))),
            column("n_vantage_points", each!(|o| o.n_vantage_points as u32)),
            column("n_vantage_points_lost", each!(|o| o.n_vantage_points_lost as u32)),
            column("n_peer_asns", each!(|o| o.n_peer_asns as u32)),
            column("n_collectors", each!(|o| o.n_collectors as u32)),
            column("rib_confirmed", each!(|o| o.rib_confirmed)),
            column("evidence_quality", each!(|o| o.quality.name())),
            column("n_zombies", each!(|o| o.survivors.iter().filter(|s| s.zombie).count() as u32)),
            column("upstreams_before", each!(|o| asns(&o.upstreams.before))),
            column("upstreams_after", each!(|o| asns(&o.upstreams.after))),
            column("pattern", each!(|o| o.upstreams.pattern.map(|pattern| pattern.name()))),
            column("loss_spread_seconds", each!(|o| o.agreement.loss_spread().map(|spread| spread.as_secs_f64()))),
            column(
                "recovery_spread_seconds",
                each!(|o| o.agreement.recovery_spread().map(|spread| spread.as_secs_f64())),
            ),
            times("start_range_earliest", each!(|o| o.agreement.start_range().map(|range| range.0))),
            times("start_range_latest", each!(|o| o.agreement.start_range().map(|range| range.1))),
            times("end_range_earliest", each!(|o| o.agreement.end_range().map(|range| range.0))),
            times("end_range_latest", each!(|o| o.agreement.end_range().map(|range| range.1))),
            column("ioda_answer", each!(|o| o.agreement.ioda.map(|ioda| ioda.name()))),
        ],
    )
}

/// One row per target AS or prefix and constant stretch: the columns of `timelines.parquet`, in order.
pub fn timeline_frame(report: &Report) -> Result<DataFrame, Error> {
    let window = report.parameters.window();
    let (mut scopes, mut asns, mut prefixes, mut families) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let (mut visible, mut live, mut visibility) = (Vec::new(), Vec::new(), Vec::new());
    let (mut baseline_visible, mut baseline_live, mut baseline_share) = (Vec::new(), Vec::new(), Vec::new());
    let (mut points_visible, mut points, mut observed) = (Vec::new(), Vec::new(), Vec::new());
    let (mut space_up, mut space) = (Vec::new(), Vec::new());
    for timeline in &report.asn_timelines {
        for (stretch, step) in timeline.stretches() {
            let Some(shown) = stretch.intersect(&window) else { continue };
            scopes.push(Scope::Asn.name());
            asns.push(Some(timeline.asn.0));
            prefixes.push(None);
            families.push(timeline.family.to_string());
            from.push(Some(shown.start));
            to.push(Some(shown.end));
            visible.push(step.n_prefixes_up as u32);
            live.push(step.n_prefixes as u32);
            visibility.push(step.share());
            baseline_visible.push(None);
            baseline_live.push(None);
            baseline_share.push(None);
            points_visible.push(None);
            points.push(None);
            space_up.push(Some(step.space_up));
            space.push(Some(step.space));
            observed.push(step.observed);
        }
    }
    for timeline in &report.timelines {
        for (stretch, step) in timeline.stretches() {
            let Some(shown) = stretch.intersect(&window) else { continue };
            scopes.push(Scope::Prefix.name());
            asns.push(None);
            prefixes.push(Some(timeline.prefix.to_string()));
            families.push(timeline.family().to_string());
            from.push(Some(shown.start));
            to.push(Some(shown.end));
            visible.push(step.n_visible as u32);
            live.push(step.n_live as u32);
            visibility.push(step.visibility());
            baseline_visible.push(Some(step.n_baseline_visible as u32));
            baseline_live.push(Some(step.n_baseline_live as u32));
            baseline_share.push(step.baseline_share());
            points_visible.push(Some(step.n_vantage_points_visible as u32));
            points.push(Some(step.n_vantage_points as u32));
            space_up.push(None);
            space.push(None);
            observed.push(step.observed);
        }
    }
    frame(
        "timelines",
        vec![
            column("scope", scopes),
            column("asn", asns),
            column("prefix", prefixes),
            column("family", families),
            times("from", from),
            times("to", to),
            column("n_visible", visible),
            column("n_live", live),
            column("visibility", visibility),
            column("n_baseline_visible", baseline_visible),
            column("n_baseline_live", baseline_live),
            column("baseline_share", baseline_share),
            column("n_vantage_points_visible", points_visible),
            column("n_vantage_points", points),
            column("space_up", space_up),
            column("space", space),
            column("observed", observed),
        ],
    )
}

/// Text of a CSV file that a spreadsheet takes for text: no formula, and nothing that steers a terminal.
fn cell(text: &str) -> String {
    let shown: String =
        text.chars().flat_map(|c| if steers(c) { c.escape_default().collect() } else { vec![c] }).collect();
    if shown.starts_with(['=', '+', '-', '@']) { format!("'{shown}") } else { shown }
}

/// One row per collector and stretch of the window: the columns of `coverage.csv`, in order.
pub fn coverage_frame(report: &Report) -> Result<DataFrame, Error> {
    let rows = &report.coverage.rows;
    frame(
        "coverage",
        vec![
            column("collector", rows.iter().map(|row| cell(row.collector.name())).collect::<Vec<_>>()),
            times("from", rows.iter().map(|row| Some(row.window.start)).collect()),
            times("to", rows.iter().map(|row| Some(row.window.end)).collect()),
            column(
                "state",
                rows.iter().map(|row| if row.reason.is_none() { "known" } else { "unknown" }).collect::<Vec<_>>(),
            ),
            column("reason", rows.iter().map(|row| row.reason.map(|reason| reason.to_string())).collect::<Vec<_>>()),
            column("detail", rows.iter().map(|row| row.reason.map(|_| cell(&row.detail))).collect::<Vec<_>>()),
        ],
    )
}
