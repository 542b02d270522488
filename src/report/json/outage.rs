//! One outage as a JSON value.

use serde_json::{Value, json};

use super::super::evidence::{Shown, by_id};
use super::super::frames::OutageShares;
use super::super::sureness::Sureness;
use super::super::{Report, round};
use super::seconds;
use crate::detect::{Agreement, Counterfactual, Edge, Outage, Upstream, Upstreams};

/// Every outage.
pub(super) fn outages(report: &Report) -> impl Iterator<Item = Value> + '_ {
    let by_id = by_id(report);
    let sureness = Sureness::new(report);
    report.findings.outages.iter().map(move |o| outage(report, o, &Shown::new(o, &by_id), &sureness))
}

fn outage(report: &Report, outage: &Outage, shown: &Shown, sureness: &Sureness) -> Value {
    let mut value = facts(outage);
    let others = json!({
        "evidence_reason": sureness.evidence(outage),
        "baseline_search": sureness.looked_back(outage).map(|search| json!({
            "oldest_rib": search.at, "n_ribs": search.n_dumps,
        })),
        "parts": outage.fall.parts,
        "prefix_outages": outage.prefix_outages,
        "n_zombies": outage.survivors.iter().filter(|survivor| survivor.zombie).count(),
        "survivors": outage.survivors,
        "upstreams": upstreams(&outage.upstreams),
        "agreement": agreement(&outage.agreement),
        "ioda": outage.agreement.ioda.map(otherwise),
        "evidence": shown.summary(report),
    });
    if let (Value::Object(fields), Value::Object(others)) = (&mut value, others) {
        fields.extend(others);
    }
    value
}

/// What an outage shows without the rest of the report.
pub(in crate::report) fn facts(outage: &Outage) -> Value {
    let shares = OutageShares::new(outage);
    json!({
        "id": outage.id,
        "scope": outage.subject.scope,
        "target": outage.subject.target,
        "asn": outage.subject.asn,
        "prefix": outage.subject.prefix,
        "prefixes": outage.prefixes,
        "family": outage.subject.family,
        "start": outage.fall.start(),
        "end": outage.fall.end(),
        "start_earliest": outage.fall.start_bounds.earliest,
        "start_latest": outage.fall.start_bounds.latest,
        "end_earliest": outage.fall.end_bounds.earliest,
        "end_latest": outage.fall.end_bounds.latest,
        "duration_seconds": seconds(outage.fall.duration()),
        "severity": outage.severity,
        "class": outage.class,
        "censored": outage.fall.censored,
        "episode": outage.episode,
        "loss": edge(&outage.fall.loss),
        "recovery": outage.fall.recovery.as_ref().map(edge),
        "share_min": round(outage.fall.share_min),
        "visibility_before": shares.visibility_before,
        "visibility_min": shares.visibility_min,
        "space_share_before": shares.space_share_before,
        "space_share_min": shares.space_share_min,
        "n_vantage_points": outage.counts.n_vantage_points,
        "n_vantage_points_lost": outage.counts.n_vantage_points_lost,
        "n_peer_asns": outage.counts.n_peer_asns,
        "n_collectors": outage.counts.n_collectors,
        "rib_confirmed": outage.rib_confirmed,
        "evidence_quality": outage.quality,
    })
}

fn edge(edge: &Edge) -> Value {
    json!({ "first": edge.first, "half": edge.half, "most": edge.most, "last": edge.last })
}

fn upstreams(upstreams: &Upstreams) -> Value {
    json!({
        "before": routes(&upstreams.before, true),
        "after": routes(&upstreams.after, false),
        "last_to_lose": upstreams.last_to_lose,
        "first_to_regain": upstreams.first_to_regain,
        "pattern": upstreams.pattern,
    })
}

fn routes(list: &[Upstream], before: bool) -> Vec<Value> {
    let n: usize = list.iter().map(|upstream| upstream.n_routes).sum();
    let route = |upstream: &Upstream| {
        let mut value = json!({
            "asn": upstream.asn,
            "n_routes": upstream.n_routes,
            "share": round(upstream.n_routes as f64 / n.max(1) as f64),
        });
        if let Value::Object(fields) = &mut value
            && before
        {
            fields.insert("n_lost".to_owned(), json!(upstream.n_lost));
        }
        value
    };
    list.iter().map(route).collect()
}

fn agreement(agreement: &Agreement) -> Value {
    let (start, end) = (agreement.start_range(), agreement.end_range());
    json!({
        "collectors": agreement.collectors.iter().map(|halves| json!({
            "collector": halves.of, "loss_half": halves.loss, "recovery_half": halves.recovery,
        })).collect::<Vec<_>>(),
        "projects": agreement.projects.iter().map(|halves| json!({
            "project": halves.of, "loss_half": halves.loss, "recovery_half": halves.recovery,
        })).collect::<Vec<_>>(),
        "loss_spread_seconds": agreement.loss_spread().map(seconds),
        "recovery_spread_seconds": agreement.recovery_spread().map(seconds),
        "without": agreement.without.iter().map(|(collector, verdict)| {
            let mut value = json!({ "collector": collector });
            if let (Value::Object(fields), Value::Object(verdict)) = (&mut value, otherwise(*verdict)) {
                fields.extend(verdict);
            }
            value
        }).collect::<Vec<_>>(),
        "start_earliest": start.map(|range| range.0),
        "start_latest": start.map(|range| range.1),
        "end_earliest": end.map(|range| range.0),
        "end_latest": end.map(|range| range.1),
    })
}

fn otherwise(otherwise: Counterfactual) -> Value {
    let (start, end) = match otherwise {
        Counterfactual::Outage { start, end } => (start, end),
        _ => (None, None),
    };
    json!({ "answer": otherwise.as_ref(), "start": start, "end": end })
}
