//! `manifest.json`: the question, the collectors, and every file of a folder.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::{Observations, Source};
use crate::bgp::Collector;
use crate::coverage::{FileReading, Gap, ListingSource};
use crate::error::Error;
use crate::query::Query;
use crate::replay::{ControlSample, Corrections, Replay};

/// The version of the folder's format: every incompatible change increments it.
pub(crate) const FORMAT: u32 = 1;
/// The file that marks a folder as ours.
pub(crate) const MANIFEST: &str = "manifest.json";

/// This program and the MRT parser that it is built with.
pub const TOOL: Tool = Tool {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    parser: concat!("bgpkit-parser ", env!("OUTAGE_REPLAY_PARSER")),
};

/// The program that made an output.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tool {
    /// The program.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The MRT parser and its version.
    pub parser: &'static str,
}

/// What [`super::read`] needs of a manifest; it may contain more.
#[derive(Deserialize)]
pub(super) struct Manifest {
    pub(super) note: Option<String>,
    #[serde(flatten)]
    pub(super) listing: ListingSource,
    #[serde(rename = "parameters")]
    pub(super) query: Query,
    pub(super) collectors: Vec<ManifestCollector>,
    pub(super) gaps: Vec<Gap>,
    pub(super) tables: Vec<ManifestTable>,
    pub(super) files: Vec<FileReading>,
}

/// A Parquet file and the number of its rows.
#[derive(Deserialize, Serialize)]
pub(crate) struct ManifestTable {
    pub(super) name: String,
    pub(super) rows: usize,
}

/// What the Parquet files do not contain about a collector.
#[derive(Deserialize, Serialize)]
pub(crate) struct ManifestCollector {
    collector: Collector,
    #[serde(flatten)]
    pub(super) source: Source,
    has_rib: bool,
    late_records: u64,
    missed_announcements: u64,
    missed_withdrawals: u64,
    #[serde(serialize_with = "control_or_null")]
    control: Option<ControlSample>,
}

/// The keys that every version of the format has, so that another version is not reported as damage.
#[derive(Deserialize)]
struct Head {
    format: Option<u32>,
    tool: HeadTool,
}

#[derive(Deserialize)]
struct HeadTool {
    name: String,
    version: String,
}

/// Returns the manifest of a folder that contains observations only.
pub(super) fn manifest(observations: &Observations, tables: &[ManifestTable]) -> Value {
    json!({
        "format": FORMAT,
        "tool": TOOL,
        "note": observations.note,
        "catalog": observations.listing.catalog,
        "remarks": observations.listing.remarks,
        "parameters": observations.query,
        "collectors": manifest_collectors(&observations.replays, &observations.sources),
        "gaps": observations.gaps,
        "tables": tables,
        "files": observations.files,
    })
}

/// Returns the collectors as the manifest lists them. `sources` are those of `replays`, in order.
pub(crate) fn manifest_collectors(replays: &[Replay], sources: &[Source]) -> Vec<ManifestCollector> {
    replays.iter().zip(sources).map(|(replay, source)| ManifestCollector::new(replay, source)).collect()
}

/// Reads as much of a folder's manifest as `T` contains.
///
/// # Errors
///
/// If the folder has no manifest, its manifest has another format, or a key of `T` is missing or invalid.
pub(crate) fn read_manifest<T: DeserializeOwned>(folder: &Path) -> Result<T, Error> {
    let path = folder.join(MANIFEST);
    parse(&path).map_err(|why| Error::Run { path, why })
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "file not found: pass a folder that --output wrote".to_owned(),
        _ => error.to_string(),
    })?;
    let head: Head = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let HeadTool { name, version } = head.tool;
    match head.format {
        Some(FORMAT) => serde_json::from_str(&text).map_err(|error| error.to_string()),
        format => {
            let format = format.map_or("an unknown format".to_owned(), |format| format!("format {format}"));
            Err(format!("{name} {version} wrote {format}, and this version reads format {FORMAT}: run the query again"))
        }
    }
}

impl ManifestCollector {
    fn new(replay: &Replay, source: &Source) -> ManifestCollector {
        ManifestCollector {
            collector: replay.collector.clone(),
            source: *source,
            has_rib: replay.has_rib,
            late_records: replay.corrections.late_records,
            missed_announcements: replay.corrections.missed_announcements,
            missed_withdrawals: replay.corrections.missed_withdrawals,
            control: replay.control,
        }
    }

    /// Returns the replay without the contents of the Parquet files.
    pub(super) fn replay(&self) -> Replay {
        Replay {
            collector: self.collector.clone(),
            peers: Vec::new(),
            first_as_mismatch: Vec::new(),
            is_internal: Vec::new(),
            doubts: Vec::new(),
            holes: Vec::new(),
            sessions: Vec::new(),
            routes: Vec::new(),
            tables: Vec::new(),
            has_rib: self.has_rib,
            corrections: Corrections {
                late_records: self.late_records,
                missed_announcements: self.missed_announcements,
                missed_withdrawals: self.missed_withdrawals,
            },
            control: self.control,
        }
    }
}

/// Returns the control sample of a collector as JSON.
pub(crate) fn control(sample: &ControlSample) -> Value {
    json!({
        "n_prefixes": sample.n_prefixes,
        "n_vantage_points": sample.n_vantage_points,
        "n_fallen": (sample.n_vantage_points > 0).then_some(sample.n_fallen),
        "n_compared": sample.n_compared,
        "n_mismatched": sample.n_mismatched,
        "mismatch_rate": sample.mismatch_rate().map(|rate| (rate * 1e6).round() / 1e6),
        "n_lost_sync": sample.n_lost_sync,
        "n_lost_tables": sample.n_lost_tables,
    })
}

fn control_or_null<S: Serializer>(sample: &Option<ControlSample>, serializer: S) -> Result<S::Ok, S::Error> {
    sample.as_ref().map(control).serialize(serializer)
}
