//! Evidence of the longest outages: the upstreams of the network, and the records of the archive.

use maud::{Markup, html};

use super::super::evidence::{self, Shown};
use super::super::{Report, headlines, words};
use super::parts::{self, Column, instant};
use crate::detect::{Outage, PeerAt, Upstreams, Witness};

/// Outages shown: the longest of each target and family.
const MOST_OUTAGES: usize = 3;
/// Records shown of each edge.
const MOST_RECORDS: usize = 12;

pub(super) fn section(report: &Report) -> Option<Markup> {
    let longest: Vec<&Outage> =
        headlines::of_targets(report).iter().flat_map(|headline| headlines::longest(&headline.outages)).collect();
    if longest.is_empty() {
        return None;
    }
    let by_id = evidence::by_id(report);
    Some(html! {
        @for outage in longest.iter().take(MOST_OUTAGES) {
            h3 { (outage.subject.name()) }
            p.note { "Outage " code { (outage.id) } }
            (upstreams(report, outage))
            (records(report, &Shown::new(outage, &by_id)))
        }
        p.note {
            code { "outage-replay explain" } " shows every record of a run folder, with commands of other programs that print the records; "
            "evidence.parquet has them as a table."
        }
        (parts::folded(longest.len().saturating_sub(MOST_OUTAGES), "outage of another target", "outages of other targets", "The longest of the first targets are shown."))
    })
}

fn upstreams(report: &Report, outage: &Outage) -> Markup {
    let Upstreams { before, after, last_to_lose, first_to_regain, pattern } = &outage.upstreams;
    if before.is_empty() && after.is_empty() {
        return html! {};
    }
    let mut asns: Vec<_> = before.iter().chain(after).map(|upstream| upstream.asn).collect();
    // Most routes first, each once.
    let mut seen = Vec::new();
    asns.retain(|asn| {
        !seen.contains(asn) && {
            seen.push(*asn);
            true
        }
    });
    html! {
        p {
            (words::upstream_sentence(report, outage).unwrap_or_default()) " "
            @if let Some(pattern) = pattern { (words::pattern_sentence(*pattern, before)) } " "
            (words::agreement_sentence(outage).unwrap_or_default())
        }
        div.narrow {
            (parts::listing(
                "Upstreams",
                html! { "Upstreams: the AS before the origin on the paths of usable vantage points" },
                &[
                    Column::Words("Upstream"), Column::Number("Routes before"), Column::Number("Lost"),
                    Column::Number("Routes after"),
                ],
                html! {
                    @for asn in asns {
                        @let was = before.iter().find(|upstream| upstream.asn == asn);
                        @let is = after.iter().find(|upstream| upstream.asn == asn);
                        tr {
                            th scope="row" { (report.labels.asn(asn)) }
                            td.number { (was.map_or(0, |upstream| upstream.n_routes)) }
                            td.number { (was.map_or(0, |upstream| upstream.n_lost)) }
                            td.number { (is.map_or(0, |upstream| upstream.n_routes)) }
                        }
                    }
                },
            ))
        }
        (peers("Last to lose it", last_to_lose))
        (peers("First to regain it", first_to_regain))
    }
}

fn peers(what: &str, peers: &[PeerAt]) -> Markup {
    html! {
        @if !peers.is_empty() {
            p {
                (what) ": "
                @for (index, peer) in peers.iter().enumerate() {
                    @if index > 0 { ", " }
                    (peer.peer_asn) " " (instant(peer.at))
                }
                "."
            }
        }
    }
}

fn records(report: &Report, shown: &Shown) -> Markup {
    let confirming = shown.dumps.iter().filter(|dump| dump.confirms).count();
    html! {
        @if !shown.dumps.is_empty() {
            p {
                "RIB dumps written during the outage: " (confirming) " of " (shown.dumps.len())
                " checks show a route only from ASes that kept one, or none (one check per RIB dump and prefix)."
            }
        }
        (edge(report, "loss", &shown.losses))
        (edge(report, "return", &shown.returns))
    }
}

/// The first records of an edge, with file and offset so that they can be looked up.
fn edge(report: &Report, name: &str, witnesses: &[&Witness]) -> Markup {
    let recorded: Vec<_> = witnesses.iter().filter_map(|witness| Some((witness, evidence::record(witness)?))).collect();
    if recorded.is_empty() {
        return html! {};
    }
    let n_shown = recorded.len().min(MOST_RECORDS);
    html! {
        details {
            summary { "Records of the " (name) ": the first " (n_shown) " of " (recorded.len()) }
            (parts::listing(
                &format!("Records of the {name}"),
                html! { "Records of the " (name) ", " span.zone { "UTC" } "; offsets are those of the decompressed file" },
                &[
                    Column::Words("Time"), Column::Words("Vantage point"), Column::Words("Prefix"),
                    Column::Words("Record"), Column::Number("Number"), Column::Number("At byte"),
                    Column::Words("File"),
                ],
                html! {
                    @for (witness, record) in recorded.into_iter().take(MOST_RECORDS) {
                        @let collector = &report.replays[witness.collector.get()].collector;
                        tr data-collector=(collector) {
                            td { (instant(witness.at)) }
                            th scope="row" { (evidence::peer(report, witness)) }
                            td { (witness.prefix) }
                            td { (evidence::name(witness).replace('_', " ")) }
                            td.number { (record.record) }
                            td.number { (record.offset) }
                            td.long { (evidence::file(report, record.file).map_or("", |file| file.name.as_str())) }
                        }
                    }
                },
            ))
        }
    }
}
