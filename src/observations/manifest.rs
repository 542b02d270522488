//! `manifest.json`: the question, the collectors, and every file of a folder.

use std::fmt;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::{Observations, Source};
use crate::bgp::Collector;
use crate::coverage::{FileReading, Gap, ListingSource};
use crate::error::Error;
use crate::files::{open_regular, sha256};
use crate::folder::WrittenFile;
use crate::query::Query;
use crate::replay::{ControlSample, Corrections, Replay};

/// The version of the outputs: every incompatible change of a key, a column or their meaning increments it.
pub const SCHEMA_VERSION: u32 = 1;
/// The file that marks a folder as ours.
pub(crate) const MANIFEST: &str = "manifest.json";

/// This program and the MRT parser that it is built with.
pub const TOOL: Tool = Tool {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    parser: concat!("bgpkit-parser ", env!("BUILT_PARSER")),
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

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The commit from which this program was built, as far as it is known. A plus sign after it marks a build that may contain later
/// changes.
pub const COMMIT: Option<&str> = match env!("BUILT_COMMIT_ID") {
    id if id.is_empty() => None,
    id => Some(id),
};

/// The last key of a manifest: the digest of its text, in which this digest is written as zeros.
const SEAL: &str = "\"manifest_sha256\": \"";
/// The zeros.
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

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
    pub(super) results: Vec<ResultFile>,
    pub(super) files: Vec<FileReading>,
}

/// A file of the folder.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ResultFile {
    /// Its name in the folder.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// The number of its rows. None if it is no table.
    pub rows: Option<usize>,
}

/// The name of a table and the number of its rows.
pub(crate) type TableRows = (&'static str, usize);

/// Returns the files that were written into a folder; `rows` are those of the tables among them.
pub(crate) fn result_files(written: Vec<WrittenFile>, rows: &[TableRows]) -> Vec<ResultFile> {
    let rows_of = |name: &str| rows.iter().find(|(table, _)| *table == name).map(|(_, rows)| *rows);
    let file = |WrittenFile { name, bytes, sha256 }| ResultFile { rows: rows_of(&name), name, bytes, sha256 };
    written.into_iter().map(file).collect()
}

/// What the Parquet files do not contain about a collector.
#[derive(Deserialize, Serialize)]
pub(crate) struct ManifestCollector {
    pub(super) collector: Collector,
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
    schema_version: Option<u32>,
    tool: HeadTool,
}

#[derive(Deserialize)]
struct HeadTool {
    name: String,
    version: String,
}

/// Returns the manifest of a folder that contains observations only.
pub(super) fn manifest(observations: &Observations, results: &[ResultFile]) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "tool": TOOL,
        "commit": COMMIT,
        "note": observations.note,
        "catalog": observations.listing.catalog,
        "remarks": observations.listing.remarks,
        "parameters": observations.query,
        "collectors": manifest_collectors(&observations.replays, &observations.sources),
        "gaps": observations.gaps,
        "results": results,
        "files": observations.files,
    })
}

/// Returns a manifest, a JSON object, with its digest as the last key: damage to it shows.
pub(crate) fn sealed(manifest: &str) -> String {
    let body = manifest.trim_end().strip_suffix('}').unwrap_or(manifest).trim_end();
    let text = format!("{body},\n  {SEAL}{NO_DIGEST}\"\n}}\n");
    let digest = sha256(text.as_bytes());
    text.replace(&format!("{SEAL}{NO_DIGEST}"), &format!("{SEAL}{digest}"))
}

/// Checks the digest at the end of a manifest.
fn check_seal(text: &str) -> Result<(), String> {
    let damaged = || "it was damaged or changed after it was written: its digest does not match".to_owned();
    let at = text.rfind(SEAL).ok_or_else(damaged)? + SEAL.len();
    let digest = text.get(at..at + NO_DIGEST.len()).ok_or_else(damaged)?;
    let without = [&text[..at], NO_DIGEST, &text[at + NO_DIGEST.len()..]].concat();
    if sha256(without.as_bytes()) == digest { Ok(()) } else { Err(damaged()) }
}

/// Returns the collectors as the manifest lists them. `sources` are those of `replays`, in order.
pub(crate) fn manifest_collectors(replays: &[Replay], sources: &[Source]) -> Vec<ManifestCollector> {
    replays.iter().zip(sources).map(|(replay, source)| ManifestCollector::new(replay, source)).collect()
}

/// Reads as much of a folder's manifest as `T` contains.
///
/// # Errors
///
/// If the folder has no manifest, its manifest is damaged or has another schema version, or a key of `T` is missing or invalid.
pub(crate) fn read_manifest<T: DeserializeOwned>(folder: &Path) -> Result<T, Error> {
    read_manifest_file(&folder.join(MANIFEST))
}

/// Reads as much of a manifest as `T` contains.
///
/// # Errors
///
/// As [`read_manifest`].
pub(super) fn read_manifest_file<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    parse(path).map_err(|why| Error::Run { path: path.to_owned(), why })
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = open_regular(path).and_then(io::read_to_string).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "file not found: pass a folder that --output wrote".to_owned(),
        _ => error.to_string(),
    })?;
    let head: Head = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let HeadTool { name, version } = head.tool;
    match head.schema_version {
        Some(SCHEMA_VERSION) => {
            check_seal(&text)?;
            serde_json::from_str(&text).map_err(|error| error.to_string())
        }
        other => {
            let other = other.map_or("an unknown schema version".to_owned(), |other| format!("schema version {other}"));
            Err(format!(
                "{name} {version} wrote {other}, and this version reads schema version {SCHEMA_VERSION}: run the query again"
            ))
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
