//! The report as one JSON document. Its shape is a contract: see `docs/output.md`.

mod outage;

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::targets::{TargetAnswer, exact_share, target_answers};
use super::{CollectorCoverage, Report, family_name, round, troubles, verdict, words};
use crate::detect::{Episode, Event, Loss};
use crate::observations::{SCHEMA_VERSION, TOOL, control};
use crate::visibility::LiveFeeds;
use outage::outages;

pub(super) use outage::facts;

/// Returns the whole report. The values of its lists are made one at a time as they are written.
pub fn document(report: &Report) -> impl Serialize + '_ {
    Document(report)
}

/// The report as one JSON value a line: every outage, then the run as a whole.
pub fn lines(report: &Report) -> impl Iterator<Item = Value> + '_ {
    let run =
        std::iter::once_with(|| Value::Object(run(report).map(|(name, value)| (name.to_owned(), value)).collect()));
    outages(report).map(|outage| tagged("outage", outage)).chain(run.map(|run| tagged("run", run)))
}

struct Document<'a>(&'a Report);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document(report) = *self;
        let mut document = serializer.serialize_map(None)?;
        for (name, value) in run(report) {
            document.serialize_entry(name, &value)?;
        }
        document.serialize_entry("outages", &Each(|| outages(report)))?;
        document.serialize_entry("episodes", &Each(|| report.findings.episodes.iter().map(episode)))?;
        document.serialize_entry("events", &Each(|| report.findings.events.iter().map(event)))?;
        document.serialize_entry("losses", &Each(|| report.findings.losses.iter().map(loss)))?;
        document.end()
    }
}

/// A list whose values are made one at a time as they are written.
struct Each<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Value>> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Returns the fields of the run as a whole.
fn run(report: &Report) -> impl Iterator<Item = (&'static str, Value)> {
    let fields = [
        ("schema_version", json!(SCHEMA_VERSION)),
        ("tool", json!(TOOL)),
        ("note", json!(report.note)),
        ("query", json!(report.parameters)),
        ("answer", json!(report.answer().name())),
        ("verdict", json!(verdict(report))),
        ("coverage", coverage(report)),
    ];
    fields.into_iter()
}

/// Adds the kind of the line in front of the fields of `value`.
fn tagged(record: &str, value: Value) -> Value {
    let mut tagged = Map::from_iter([("record".to_owned(), json!(record))]);
    if let Value::Object(fields) = value {
        tagged.extend(fields);
    }
    Value::Object(tagged)
}

fn coverage(report: &Report) -> Value {
    let coverage = &report.coverage;
    let full_feed: Map<String, Value> = coverage
        .rules
        .values()
        .enumerate()
        .map(|(index, rule)| {
            let value = rule.map(|rule| {
                json!({
                    "min_prefixes": rule.cutoff.0,
                    "max_prefixes": rule.cutoff.1,
                    "uncertain": rule.uncertain,
                })
            });
            (family_name(index).to_owned(), value.unwrap_or(Value::Null))
        })
        .collect();
    json!({
        "sufficient": report.is_sufficient(),
        "catalog": coverage.listing.catalog,
        "remarks": coverage.listing.remarks,
        "rib": coverage.has_rib,
        "n_peer_asns": { "ipv4": coverage.n_peer_asns[0], "ipv6": coverage.n_peer_asns[1] },
        "full_feed": full_feed,
        "live": { "ipv4": live(&coverage.live_feeds[0]), "ipv6": live(&coverage.live_feeds[1]) },
        "targets": target_answers(report).iter().map(|answer| target(report, answer)).collect::<Vec<_>>(),
        "collectors": coverage.collectors.iter().map(|of| collector(report, of)).collect::<Vec<_>>(),
        "gaps": coverage.gaps,
        "not_known": words::general_doubts(report),
        "files": {
            "read": report.files.len(),
            "bytes": report.files.iter().map(|file| file.bytes).sum::<u64>(),
            "records": report.files.iter().map(|file| file.n_records).sum::<u64>(),
            "damaged_records": report.files.iter().map(|file| file.n_damaged).sum::<u64>(),
            "unsupported_records": report.files.iter().map(|file| file.n_unsupported).sum::<u64>(),
            "not_ok": report.files.iter().filter(|file| file.detail.is_some()).map(|file| json!({
                "name": file.name, "verdict": file.verdict, "detail": file.detail,
            })).collect::<Vec<_>>(),
        },
    })
}

/// How many of the full feeds were live, over the window.
fn live(feeds: &[LiveFeeds]) -> Vec<Value> {
    let step = |feeds: &LiveFeeds| {
        json!({
            "start": feeds.window.start,
            "end": feeds.window.end,
            "n_live": feeds.n_live,
            "n_full_feeds": feeds.n_full_feeds,
            "share": feeds.share().map(round),
        })
    };
    feeds.iter().map(step).collect()
}

/// A target: how well it could be observed, and its answer.
fn target(report: &Report, answer: &TargetAnswer) -> Value {
    let summary = answer.summary;
    json!({
        "target": summary.target,
        "label": answer.label,
        "answer": answer.answer.name(),
        "announced": answer.announced,
        "n_prefixes": summary.n_prefixes,
        "n_judged": summary.n_judged,
        "n_outages": answer.n_outages,
        "n_prefix_outages": answer.n_prefix_outages,
        "n_flaps": answer.n_flaps,
        "n_total_flaps": summary.n_total_flaps,
        "downtime_seconds": seconds(answer.downtime),
        "longest_seconds": answer.longest.map(seconds),
        "judged_seconds": seconds(answer.judged),
        "unknown_seconds": seconds(answer.unknown),
        "availability": answer.availability().map(exact_share),
        "evidence_quality": answer.quality,
        "never_carried": summary.never_carried,
        "unobserved": summary.unobserved,
        "headline": answer.headline(report),
    })
}

fn collector(report: &Report, collector: &CollectorCoverage) -> Value {
    json!({
        "collector": collector.collector,
        "project": collector.source.project,
        "n_peers": collector.n_peers,
        "n_internal": collector.n_internal,
        "n_full_feeds": { "ipv4": collector.n_full_feeds[0], "ipv6": collector.n_full_feeds[1] },
        "n_rib_dumps": collector.n_rib_dumps,
        "n_rib_dumps_rejected": collector.source.n_rib_dumps_rejected,
        "n_update_files": collector.source.n_update_files,
        "late_records": collector.late_records,
        "missed_announcements": collector.missed_announcements,
        "missed_withdrawals": collector.missed_withdrawals,
        "unsupported_records": troubles::n_unsupported(report, collector),
        "clock_skew_seconds": collector.skew.map(|skew| skew.micros as f64 / 1e6),
        "n_clock_events": collector.skew.map_or(0, |skew| skew.n_events),
        "clock_suspect": collector.skew.is_some_and(|skew| skew.is_suspect()),
        "n_skipped_ranges": collector.source.n_skipped_ranges,
        "skipped_bytes": collector.source.skipped_bytes,
        "control": collector.control.as_ref().map(control),
        "doubts": collector.doubts.iter().map(|doubts| json!({
            "reason": doubts.reason.name(),
            "n": doubts.n,
            "n_vantage_points": doubts.n_vantage_points,
            "seconds": doubts.duration.map(seconds),
            "first": doubts.first,
            "last": doubts.last,
        })).collect::<Vec<_>>(),
    })
}

fn episode(episode: &Episode) -> Value {
    json!({
        "scope": episode.subject.scope,
        "target": episode.subject.target,
        "asn": episode.subject.asn,
        "prefix": episode.subject.prefix,
        "family": episode.subject.family,
        "episode": episode.number,
        "start": episode.window.start,
        "end": episode.window.end,
        "duration_seconds": seconds(episode.window.duration()),
        "n_outages": episode.n_outages,
        "n_flaps": episode.flaps.len(),
        "flaps": episode.flaps.iter().map(|flap| json!({
            "start": flap.window.start,
            "end": flap.window.end,
            "duration_seconds": seconds(flap.window.duration()),
            "share_min": round(flap.share_min),
        })).collect::<Vec<_>>(),
    })
}

fn event(event: &Event) -> Value {
    json!({
        "event": event.number,
        "family": event.family,
        "start": event.start(),
        "end": event.end(),
        "duration_seconds": seconds(event.window.duration()),
        "severity": event.severity,
        "n_prefixes": event.prefixes.len(),
        "space": event.space,
        "space_seconds": event.space_seconds(),
        "shared_asn": event.shared.map(|shared| shared.asn),
        "shared_role": event.shared.map(|shared| shared.role),
        "n_sharing": event.shared.map(|shared| shared.n_prefixes),
        "prefixes": event.prefixes,
        "outages": event.outages,
    })
}

fn loss(loss: &Loss) -> Value {
    json!({
        "scope": loss.subject.scope,
        "target": loss.subject.target,
        "asn": loss.subject.asn,
        "prefix": loss.subject.prefix,
        "family": loss.subject.family,
        "start": loss.window.start,
        "end": loss.window.end,
        "duration_seconds": seconds(loss.window.duration()),
        "class": loss.class,
        "share_min": round(loss.share_min),
        "lost_by": loss.lost_by.iter().map(|who| json!({
            "collector": who.collector, "peer_asn": who.peer.asn, "peer_address": who.peer.address,
        })).collect::<Vec<_>>(),
    })
}

/// Seconds as a whole number wherever they are whole.
fn seconds(duration: Duration) -> Value {
    if duration.subsec_micros() == 0 { json!(duration.as_secs()) } else { json!(duration.as_secs_f64()) }
}
