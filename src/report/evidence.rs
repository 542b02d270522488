//! The records that show the outages: as a table, as examples in JSON, and as commands of other programs that print them.

use polars::prelude::*;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::text::shell_word;
use super::{FileReading, Report};
use crate::bgp::{AsPath, Peer, Prefix};
use crate::detect::{Dump, Evidence, Outage, Witness};
use crate::error::Error;
use crate::observations::columns::*;
use crate::replay::{FileIndex, RecordRef};
use crate::tables::{Frames, column, columns, frame, frames, texts, times};
use crate::time::Timestamp;
use crate::visibility::CollectorIndex;

/// Records shown of each edge as examples.
pub(super) const N_EXAMPLES: usize = 3;

/// The evidence of an outage, sorted by time. For an AS it includes that of its prefixes.
pub(super) struct Shown<'a> {
    pub losses: Vec<&'a Witness>,
    pub returns: Vec<&'a Witness>,
    pub dumps: Vec<&'a Dump>,
}

/// Every outage by its id.
pub(super) fn by_id(report: &Report) -> FxHashMap<&str, &Outage> {
    report.findings.outages.iter().map(|outage| (outage.id.as_str(), outage)).collect()
}

impl<'a> Shown<'a> {
    pub(super) fn new(outage: &'a Outage, by_id: &FxHashMap<&str, &'a Outage>) -> Shown<'a> {
        let members = outage.prefix_outages.iter().filter_map(|id| by_id.get(id.as_str()));
        let all: Vec<&Evidence> = members.map(|member| &member.evidence).chain([&outage.evidence]).collect();
        let mut losses: Vec<&Witness> = all.iter().flat_map(|evidence| &evidence.losses).collect();
        let mut returns: Vec<&Witness> = all.iter().flat_map(|evidence| &evidence.returns).collect();
        for list in [&mut losses, &mut returns] {
            list.sort_by_key(|witness| (witness.at, witness.collector, witness.peer, witness.prefix));
        }
        let mut dumps: Vec<&Dump> = all.iter().flat_map(|evidence| &evidence.dumps).collect();
        dumps.sort_by_key(|dump| (dump.at, dump.collector, dump.prefix));
        Shown { losses, returns, dumps }
    }

    /// Counts, and a few examples.
    pub(super) fn summary(&self, report: &Report) -> Value {
        json!({
            "losses": witnesses(report, &self.losses),
            "returns": witnesses(report, &self.returns),
            "rib_dumps": {
                "n": self.dumps.len(),
                "n_confirming": self.dumps.iter().filter(|dump| dump.confirms).count(),
                "examples": self.dumps.iter().take(N_EXAMPLES).map(|dump| json!({
                    "file": file(report, dump.file).map(|file| &file.name),
                    "at": dump.at,
                    "prefix": dump.prefix,
                    "n_full_feeds": dump.n_full_feeds,
                    "n_holding": dump.holding.len(),
                })).collect::<Vec<_>>(),
            },
        })
    }
}

fn witnesses(report: &Report, witnesses: &[&Witness]) -> Value {
    let recorded = || witnesses.iter().filter(|witness| record(witness).is_some());
    json!({
        "n": witnesses.len(),
        "n_records": recorded().count(),
        "examples": recorded().take(N_EXAMPLES).map(|witness| {
            let peer = peer(report, witness);
            let record = record(witness);
            json!({
                "collector": report.replays[witness.collector.get()].collector,
                "peer_asn": peer.asn,
                "peer_address": peer.address,
                "prefix": witness.prefix,
                "at": witness.at,
                "evidence": name(witness),
                "as_path": witness.path.as_ref().map(ToString::to_string),
                "file": record.and_then(|record| file(report, record.file)).map(|file| &file.name),
                "record": record.map(|record| record.record),
                "byte_offset": record.map(|record| record.offset),
            })
        }).collect::<Vec<_>>(),
    })
}

pub(super) fn file(report: &Report, file: FileIndex) -> Option<&FileReading> {
    report.files.get(file.get())
}

pub(super) fn peer(report: &Report, witness: &Witness) -> Peer {
    report.replays[witness.collector.get()].peer(witness.peer)
}

pub(super) fn record(witness: &Witness) -> Option<RecordRef> {
    witness.provenance.and_then(|(_, record)| record)
}

/// Returns the kind of evidence of a change.
pub(super) fn name(witness: &Witness) -> &'static str {
    witness.provenance.map_or("not_named", |(evidence, _)| evidence.name())
}

/// One row of `evidence.parquet`.
struct EvidenceRow<'a> {
    outage: &'a str,
    edge: &'static str,
    evidence: &'static str,
    collector: CollectorIndex,
    peer: Option<Peer>,
    prefix: Prefix,
    at: Timestamp,
    known_until: Option<Timestamp>,
    path: Option<&'a AsPath>,
    file: Option<FileIndex>,
    record: Option<RecordRef>,
    dump: Option<&'a Dump>,
}

/// One row per vantage point and edge, and per RIB dump written during the outage and entry in it: the columns of
/// `evidence.parquet`, in order.
pub fn evidence_frames(report: &Report) -> Frames<'_> {
    let rows = report.findings.outages.iter().flat_map(|outage| rows(report, outage));
    frames(rows, |rows| evidence_frame(report, rows))
}

fn evidence_frame(report: &Report, rows: &[EvidenceRow]) -> Result<DataFrame, Error> {
    let named = |row: &EvidenceRow| row.file.and_then(|number| file(report, number));
    frame(
        "evidence",
        columns!(rows, row => {
            column "outage" => row.outage,
            column "edge" => row.edge,
            column EVIDENCE => row.evidence,
            column COLLECTOR => report.replays[row.collector.get()].collector.name(),
            texts PEER_ADDRESS => row.peer.map(|peer| peer.address),
            column PEER_ASN => row.peer.map(|peer| peer.asn.0),
            texts PREFIX => Some(row.prefix),
            times AT => Some(row.at),
            times "known_until" => row.known_until,
            texts AS_PATH => row.path,
            column FILE => named(row).map(|file| file.name.as_str()),
            column "sha256" => named(row).map(|file| file.sha256.as_str()).filter(|digest| !digest.is_empty()),
            column RECORD => row.record.map(|record| u64::from(record.record)),
            column BYTE_OFFSET => row.record.map(|record| record.offset),
            column "n_full_feeds" => row.dump.map(|dump| dump.n_full_feeds as u32),
            column "n_holding" => row.dump.map(|dump| dump.holding.len() as u32),
            column "confirms" => row.dump.map(|dump| dump.confirms),
        }),
    )
}

fn rows<'a>(report: &'a Report, outage: &'a Outage) -> Vec<EvidenceRow<'a>> {
    let mut rows = Vec::new();
    let Evidence { losses, returns, dumps } = &outage.evidence;
    for (edge, list) in [("loss", losses), ("return", returns)] {
        rows.extend(list.iter().map(|witness| EvidenceRow {
            outage: &outage.id,
            edge,
            evidence: name(witness),
            collector: witness.collector,
            peer: Some(peer(report, witness)),
            prefix: witness.prefix,
            at: witness.at,
            known_until: Some(witness.known_until),
            path: witness.path.as_ref(),
            file: record(witness).map(|record| record.file),
            record: record(witness),
            dump: None,
        }));
    }
    for dump in dumps {
        let row = |evidence, peer, path, record, dump_of| EvidenceRow {
            outage: &outage.id,
            edge: "dump",
            evidence,
            collector: dump.collector,
            peer,
            prefix: dump.prefix,
            at: dump.at,
            known_until: None,
            path,
            file: Some(dump.file),
            record,
            dump: dump_of,
        };
        rows.push(row("dump", None, None, None, Some(dump)));
        rows.extend(dump.entries.iter().map(|(peer, record, path)| {
            let peer = report.replays[dump.collector.get()].peer(*peer);
            row("rib", Some(peer), Some(path), Some(*record), None)
        }));
    }
    rows
}

/// Returns commands of public tools that print the record of a witness, for use in the archive folder.
pub(super) fn commands(report: &Report, witness: &Witness) -> Option<[String; 2]> {
    let record = record(witness)?;
    let file = shell_word(&file(report, record.file)?.name);
    let Peer { address, asn } = peer(report, witness);
    let (prefix, second, number) = (witness.prefix, witness.at.secs(), record.record);
    let kind = match name(witness) {
        "withdraw" | "implied_by_withdraw" => 'W',
        "announce" => 'A',
        // An entry of a RIB dump, which has as many lines as peers.
        _ => 'B',
    };
    Some([
        format!("bgpdump -q -m -p {file} | grep '^[^|]*|{number}|[^|]*|{kind}|{address}|{}|{prefix}'", asn.0),
        format!("bgpkit-parser -t {second} -T {} -j {address} -p {prefix} {file}", second + 1),
    ])
}
