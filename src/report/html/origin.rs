//! Where the answer comes from: the method, the parameters, the files, and how to repeat the run.

use maud::{Markup, html};

use super::super::text::{self, count, duration, from_to, size};
use super::super::{Report, command};
use super::parts::{self, Column};
use super::summary;
use crate::bgp::{Collector, Project};
use crate::observations::TOOL;
use crate::query::{Criteria, Metric, Sufficiency, Thresholds};

/// Files listed one by one. The manifest lists all of them.
const MOST_FILES: usize = 1500;

/// Rules in the order in which they apply, with the numbers of this run.
pub(super) fn method(report: &Report) -> Option<Markup> {
    let Criteria { sufficiency: Sufficiency { min_peers, min_coverage }, thresholds, .. } = &report.parameters.criteria;
    let Thresholds { down_below, up_at, min_duration, merge_gap, episode_gap, .. } = thresholds;
    Some(html! {
        ol {
            li {
                "A vantage point is one peer of one collector. "
                @if report.coverage.has_rib { "Its table starts from a RIB dump and follows its updates in the order of the file." }
                @else { "There is no RIB dump: it is known for a prefix from its first announcement, or from before its first withdrawal." }
            }
            li { "While its session is not up, or its table not known, it is unknown, and counts neither as seeing a prefix nor as missing it." }
            @match report.parameters.criteria.metric {
                Metric::Baseline => li { "A prefix is judged by the ASes that normally carry it; vantage points of one AS count once." },
                Metric::Ioda => li { "As in IODA, a prefix is judged by all ASes with at least 400,000 IPv4 or 10,000 IPv6 prefixes." },
            }
            li {
                "An outage begins when the share that still sees it falls below " (down_below) " and ends when it is back at " (up_at)
                ". Falls under " (duration(*min_duration)) " are flaps; outages at most " (duration(*merge_gap))
                " apart are one; outages and flaps at most " (duration(*episode_gap)) " apart are one episode."
            }
            li { "An AS is out while more than half of its address space is known to be lost." }
            li {
                "Fewer than " (min_peers) " peer ASes, or less than " (text::percent(*min_coverage))
                " of the full feeds, are not enough to judge: the interval is reported as unknown."
            }
        }
    })
}

pub(super) fn sources(report: &Report) -> Option<Markup> {
    let window = from_to(report.parameters.window());
    Some(html! {
        h3 { "Repeat this run" }
        p {
            "With the files listed below in a folder " code { "ARCHIVE" } ", in the layout of their publishers"
            @if report.note.is_some() { ", and with the " code { "archive.json" } " that describes them" } ":"
        }
        pre tabindex="0" { code { (command::shown(&report.parameters, "ARCHIVE")) } }
        h3 { "Cite it" }
        blockquote {
            "Visibility of " (summary::targets(report)) ", " (window) " UTC, computed with " (TOOL.name) " " (TOOL.version)
            " from the archives listed by their SHA-256 digests in this report. " (credit(report))
        }
        (parameters(report))
        (files(report))
    })
}

/// Returns the credit for the data: the note of the archive if it has one, else its publishers.
pub(in crate::report) fn credit(report: &Report) -> String {
    if let Some(note) = &report.note {
        return format!("About the data: {note}");
    }
    let mut publishers: Vec<String> =
        report.coverage.collectors.iter().map(|of| publisher(&of.collector, of.publisher)).collect();
    publishers.sort_unstable();
    publishers.dedup();
    format!("Data: {}.", publishers.join("; "))
}

/// Returns the publisher of the data of a collector: its project, or the collector itself.
fn publisher(collector: &Collector, project: Option<Project>) -> String {
    match project {
        Some(Project::RipeRis) => "RIPE NCC Routing Information Service".to_owned(),
        Some(Project::RouteViews) => "University of Oregon RouteViews".to_owned(),
        None => format!("collector {collector}"),
    }
}

fn parameters(report: &Report) -> Markup {
    let parameters = serde_json::to_value(&report.parameters).unwrap_or_default();
    let shown = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(values) if values.is_empty() => "all".to_owned(),
        serde_json::Value::Array(values) => values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        serde_json::Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    let names = parameters.as_object().into_iter().flatten();
    html! {
        details {
            summary { "Parameters" }
            dl.parameters { @for (name, value) in names { div { dt { (name) } dd { (shown(value)) } } } }
            p.note { "Names and units are those of the JSON report." }
        }
    }
}

fn files(report: &Report) -> Markup {
    let bytes: u64 = report.files.iter().map(|file| file.bytes).sum();
    let left = report.files.len().saturating_sub(MOST_FILES);
    html! {
        details {
            summary { "Files read: " (report.files.len()) ", " (size(bytes)) }
            (parts::listing(
                "Files",
                html! { "Files with the SHA-256 digest of their stored bytes" },
                &[
                    Column::Words("File"), Column::Number("Bytes"), Column::Number("Records"),
                    Column::Words("SHA-256"),
                ],
                html! {
                    @for file in report.files.iter().take(MOST_FILES) {
                        tr data-collector=(file.collector) {
                            th.long scope="row" { (file.name) }
                            td.number { (file.bytes) }
                            td.number { (file.n_records) }
                            td.digest { (file.sha256) }
                        }
                    }
                },
            ))
            (parts::folded(left, "file", "files", "manifest.json lists every file."))
            p.note { (count(report.files.len(), "file is", "files are")) " listed in manifest.json too." }
        }
    }
}
