//! Two runs beside each other: outages that only one has, edges that moved, time that only one could judge, files that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value, json};

use super::Report;
use super::json::facts;
use super::targets::{TargetAnswer, target_answers};
use super::text::count;
use crate::coverage::Gap;
use crate::detect::Outage;
use crate::observations::{SCHEMA_VERSION, TOOL};

/// The most rows of a list in the text.
const MOST_ROWS: usize = 20;

/// The keys of an outage that are compared.
const COMPARED: [&str; 21] = [
    "start",
    "end",
    "start_earliest",
    "start_latest",
    "end_earliest",
    "end_latest",
    "severity",
    "class",
    "censored",
    "evidence_quality",
    "rib_confirmed",
    "share_min",
    "visibility_before",
    "visibility_min",
    "space_share_before",
    "space_share_min",
    "n_vantage_points",
    "n_vantage_points_lost",
    "n_peer_asns",
    "n_collectors",
    "prefixes",
];
/// The keys of an outage that only one run has.
const BRIEF: [&str; 6] = ["id", "start", "end", "severity", "class", "evidence_quality"];

/// What differs between two runs.
pub struct Comparison<'a> {
    answers: [&'static str; 2],
    /// Settings and parts of the question.
    question: Vec<DifferentValue>,
    n_same: usize,
    /// Outages that only the first, and only the second run has.
    only: [Vec<&'a Outage>; 2],
    /// Outages of both runs that are not the same.
    changed: Vec<Changed<'a>>,
    targets: Vec<(String, Vec<DifferentValue>)>,
    collectors: [Vec<String>; 2],
    gaps: [Vec<&'a Gap>; 2],
    /// Archive files that only one run read, by number.
    n_files: [usize; 2],
    /// Archive files that both read, with different contents.
    other_bytes: Vec<&'a str>,
}

/// An outage of both runs, as each has it, and what differs.
type Changed<'a> = (&'a Outage, &'a Outage, Vec<DifferentValue>);

/// A value that two runs do not share.
struct DifferentValue {
    key: String,
    values: [Value; 2],
}

/// Compares two runs.
pub fn compare<'a>(first: &'a Report, second: &'a Report) -> Comparison<'a> {
    let (n_same, only, changed) = outages(&first.findings.outages, &second.findings.outages);
    let both = [first, second];
    let parameters = both.map(|report| fields(json!(report.parameters)));
    let names = both
        .map(|report| report.coverage.collectors.iter().map(|of| of.collector.to_string()).collect::<BTreeSet<_>>());
    let gaps = both.map(|report| report.coverage.gaps.iter().collect::<BTreeSet<_>>());
    let files = both.map(|report| {
        report.files.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect::<BTreeMap<_, _>>()
    });
    let [before, after] = &files;
    let n_files = [(before, after), (after, before)]
        .map(|(own, other)| own.keys().filter(|name| !other.contains_key(*name)).count());
    let other_bytes = before.iter().filter(|(name, digest)| after.get(*name).is_some_and(|other| other != *digest));
    Comparison {
        answers: both.map(|report| report.answer().name()),
        question: differences(&parameters[0], &parameters[1]),
        n_same,
        only,
        changed,
        targets: targets(first, second),
        collectors: only_in(&names),
        gaps: only_in(&gaps),
        n_files,
        other_bytes: other_bytes.map(|(name, _)| *name).collect(),
    }
}

/// Returns what each of two sets has and the other has not.
fn only_in<T: Ord + Clone>([first, second]: &[BTreeSet<T>; 2]) -> [Vec<T>; 2] {
    [first.difference(second).cloned().collect(), second.difference(first).cloned().collect()]
}

/// Pairs outages by id; then those of one network that overlap, because an id contains an edge and an edge may have moved.
fn outages<'a>(first: &'a [Outage], second: &'a [Outage]) -> (usize, [Vec<&'a Outage>; 2], Vec<Changed<'a>>) {
    let by_id: FxHashMap<&str, &Outage> = second.iter().map(|outage| (outage.id.as_str(), outage)).collect();
    let mut pairs: Vec<(&Outage, &Outage)> = Vec::new();
    let mut left: Vec<&Outage> = Vec::new();
    for outage in first {
        match by_id.get(outage.id.as_str()) {
            Some(same) => pairs.push((outage, same)),
            None => left.push(outage),
        }
    }
    let paired: FxHashSet<&str> = pairs.iter().map(|(_, outage)| outage.id.as_str()).collect();
    let mut right: Vec<&Outage> = second.iter().filter(|outage| !paired.contains(outage.id.as_str())).collect();
    left.retain(|outage| {
        let place = |o: &Outage| {
            (o.subject.prefix.is_none().then_some(o.subject.target), o.subject.asn, o.subject.prefix, o.subject.family)
        };
        let is_it =
            |other: &&Outage| place(outage) == place(other) && outage.fall.seen.intersect(&other.fall.seen).is_some();
        let found = right.iter().position(is_it);
        pairs.extend(found.map(|index| (*outage, right.remove(index))));
        found.is_none()
    });
    let n_pairs = pairs.len();
    let changed: Vec<_> = pairs
        .into_iter()
        .filter_map(|(before, after)| {
            let differences = differences(&compared(before), &compared(after));
            (!differences.is_empty()).then_some((before, after, differences))
        })
        .collect();
    (n_pairs - changed.len(), [left, right], changed)
}

/// What two runs may see differently of one outage.
fn compared(outage: &Outage) -> Map<String, Value> {
    chosen(outage, &COMPARED)
}

/// Returns some of the keys that an outage has in JSON, in this order.
fn chosen(outage: &Outage, keys: &[&str]) -> Map<String, Value> {
    let mut facts = fields(facts(outage));
    keys.iter().filter_map(|key| facts.remove_entry(*key)).collect()
}

fn targets(first: &Report, second: &Report) -> Vec<(String, Vec<DifferentValue>)> {
    let facts = |answer: &TargetAnswer| {
        fields(json!({
            "answer": answer.answer.name(),
            "announced": answer.announced,
            "n_prefixes": answer.summary.n_prefixes,
            "n_outages": answer.n_outages,
            "n_prefix_outages": answer.n_prefix_outages,
            "n_flaps": answer.n_flaps,
            "downtime_seconds": answer.downtime.as_secs_f64(),
            "judged_seconds": answer.judged.as_secs_f64(),
            "unknown_seconds": answer.unknown.as_secs_f64(),
        }))
    };
    let of = |report| -> BTreeMap<_, _> {
        target_answers(report).iter().map(|answer| (answer.summary.target, facts(answer))).collect()
    };
    let (before, after) = (of(first), of(second));
    let both = before.iter().filter_map(|(target, facts)| Some((target, facts, after.get(target)?)));
    let changed = both.map(|(target, before, after)| (target.to_string(), differences(before, after)));
    changed.filter(|(_, differences)| !differences.is_empty()).collect()
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn differences(first: &Map<String, Value>, second: &Map<String, Value>) -> Vec<DifferentValue> {
    let other = |key: &str| second.get(key).cloned().unwrap_or_default();
    let pairs = first.iter().map(|(key, value)| (key.clone(), [value.clone(), other(key)]));
    let different = pairs.filter(|(_, [before, after])| before != after);
    different.map(|(key, values)| DifferentValue { key, values }).collect()
}

impl Comparison<'_> {
    /// Whether both runs found the same, whatever was asked and read.
    pub fn is_same(&self) -> bool {
        self.answers[0] == self.answers[1]
            && self.only.iter().all(Vec::is_empty)
            && self.changed.is_empty()
            && self.targets.is_empty()
            && self.collectors.iter().all(Vec::is_empty)
            && self.gaps.iter().all(Vec::is_empty)
    }

    /// Returns it as one JSON value.
    pub fn document(&self) -> Value {
        let list =
            |differences: &[DifferentValue]| differences.iter().map(DifferentValue::document).collect::<Vec<_>>();
        let outages = |list: &[&Outage]| list.iter().map(|outage| chosen(outage, &BRIEF)).collect::<Vec<_>>();
        json!({
            "schema_version": SCHEMA_VERSION,
            "tool": TOOL,
            "same": self.is_same(),
            "answers": { "first": self.answers[0], "second": self.answers[1] },
            "question": list(&self.question),
            "outages": {
                "n_same": self.n_same,
                "only_first": outages(&self.only[0]),
                "only_second": outages(&self.only[1]),
                "changed": self.changed.iter().map(|(before, after, differences)| json!({
                    "first_id": before.id, "second_id": after.id, "differences": list(differences),
                })).collect::<Vec<_>>(),
            },
            "targets": self.targets.iter().map(|(target, differences)| json!({
                "target": target, "differences": list(differences),
            })).collect::<Vec<_>>(),
            "coverage": {
                "collectors": { "only_first": self.collectors[0], "only_second": self.collectors[1] },
                "gaps": { "only_first": self.gaps[0], "only_second": self.gaps[1] },
                "files": {
                    "n_only_first": self.n_files[0], "n_only_second": self.n_files[1], "other_bytes": self.other_bytes,
                },
            },
        })
    }

    /// Returns it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.is_same() {
            let _ = writeln!(text, "Both runs found the same: {}.", count(self.n_same, "outage", "outages"));
        } else {
            let _ =
                writeln!(text, "The runs differ. Each pair shows the value of the first run, then that of the second.");
        }
        let _ = writeln!(text, "Answer: {} | {}", self.answers[0], self.answers[1]);
        rows(&mut text, "Question", &self.question, |difference| difference.shown());
        let [first, second] = &self.only;
        let _ = writeln!(
            text,
            "Outages: {} the same, {} changed, {} only in the first, {} only in the second",
            self.n_same,
            self.changed.len(),
            first.len(),
            second.len()
        );
        rows(&mut text, "Only in the first", first, |outage| outage_row(outage));
        rows(&mut text, "Only in the second", second, |outage| outage_row(outage));
        rows(&mut text, "Changed", &self.changed, |(before, after, differences)| {
            let id = if before.id == after.id { before.id.clone() } else { format!("{} | {}", before.id, after.id) };
            format!("{id}: {}", all(differences))
        });
        rows(&mut text, "Targets", &self.targets, |(target, differences)| format!("{target}: {}", all(differences)));
        for (order, collectors, gaps) in
            [("first", &self.collectors[0], &self.gaps[0]), ("second", &self.collectors[1], &self.gaps[1])]
        {
            rows(&mut text, &format!("Collectors only in the {order}"), collectors, Clone::clone);
            rows(&mut text, &format!("Gaps only in the {order}"), gaps, |gap| {
                let Gap { collector, window, reason, detail } = gap;
                format!("{collector} {} to {}: {reason} ({detail})", window.start, window.end)
            });
        }
        let [first, second] = self.n_files;
        if first + second + self.other_bytes.len() > 0 {
            let _ = writeln!(
                text,
                "Archive files: {first} only in the first, {second} only in the second, {} with different contents",
                self.other_bytes.len()
            );
        }
        text
    }
}

impl DifferentValue {
    fn document(&self) -> Value {
        json!({ "key": self.key, "first": self.values[0], "second": self.values[1] })
    }

    fn shown(&self) -> String {
        let [first, second] = self.values.each_ref().map(shown);
        format!("{} {first} | {second}", self.key)
    }
}

fn all(differences: &[DifferentValue]) -> String {
    differences.iter().map(DifferentValue::shown).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn outage_row(outage: &Outage) -> String {
    let time = |at: Option<crate::time::Timestamp>| at.map_or("unknown".to_owned(), |at| at.to_string());
    let (start, end) = (time(outage.fall.start()), time(outage.fall.end()));
    format!("{}: {start} to {end}, {}, {}", outage.id, outage.severity.as_ref(), outage.class.as_ref())
}

fn rows<T>(text: &mut String, heading: &str, rows: &[T], row: impl Fn(&T) -> String) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "{heading}:");
    for shown in rows.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "  {}", row(shown));
    }
    if rows.len() > MOST_ROWS {
        let _ = writeln!(text, "  … and {} more: --json lists them", rows.len() - MOST_ROWS);
    }
}
