//! Which data are missing, and why. Every result shows it: absence of data is never absence of routes.

use serde::{Deserialize, Serialize};

use crate::archive::DumpKind;
use crate::bgp::Collector;
use crate::time::{Timestamp, Window};

/// Which catalog listed the files of a run, and what was remarkable about the lists and the downloads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListingSource {
    /// `broker URL`, `archive pages` or `cache`. None for local archives.
    pub catalog: Option<String>,
    /// Sentences: why another catalog took the place of the broker, which pages could not be read, which copies of a file
    /// differed.
    pub remarks: Vec<String>,
}

/// Part of an archive file that could not be read. The rest of the file is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The index of the record in its file, from 0.
    pub record: u64,
    /// The offset of the record in the decompressed file, in bytes.
    #[serde(rename = "byte_offset")]
    pub offset: u64,
    /// The error.
    pub what: String,
}

/// A range of bytes inside an archive file that belongs to no record, or to records of unknown peers. Its messages are lost, and
/// may have come from any peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its offset in the decompressed file, in bytes.
    #[serde(rename = "byte_offset")]
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// The latest certain time of a record before it.
    pub after: Timestamp,
    /// The time of the first record after it.
    pub before: Timestamp,
}

/// Why an interval of a collector's archive is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GapReason {
    /// An update file that should exist is not in the archive.
    Missing,
    /// An update file exists and could not be downloaded.
    Unavailable,
    /// The file contains no record.
    Empty,
    /// The file ends early: its container or its last record is truncated.
    Truncated,
    /// The file is not an MRT file, or nothing in it could be read.
    Unreadable,
    /// Bytes inside the file belong to no record, or to records of unknown peers.
    Damaged,
    /// The files contain no record for longer than the collector ever pauses.
    Silent,
    /// Two RIB dumps in a row were rejected, so nothing has confirmed the tables since.
    Unconfirmed,
    /// No RIB dump has shown the tables of the vantage points yet.
    NoRib,
    /// The collector has no RIB dump in the archive while other collectors have one.
    Excluded,
}

/// An interval for which a collector's archive has no data. Its vantage points are unknown from its start until the next
/// accepted RIB dump.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The collector.
    pub collector: Collector,
    /// The interval.
    #[serde(flatten)]
    pub window: Window,
    /// The reason.
    pub reason: GapReason,
    /// Details for people: the file, the damage.
    pub detail: String,
}

/// The result of reading one archive file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// Read to the end.
    Ok,
    /// Read to the end. Some records were damaged or of unsupported types; they are counted.
    Damaged,
    /// It contains no record.
    Empty,
    /// It ends early.
    Truncated,
    /// Not an MRT file.
    Unreadable,
    /// The catalog lists it, but the publisher does not have it.
    Missing,
    /// It could not be downloaded, or the network may not be used.
    Unavailable,
    /// A RIB dump that was rejected as a table.
    Rejected,
}

/// One archive file that the run read, as the manifest lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileReading {
    /// The path below the archive, or the URL.
    pub name: String,
    /// Where its publisher has it. None for files of a local archive.
    pub url: Option<String>,
    /// The collector.
    pub collector: Collector,
    /// RIB dump or updates.
    pub kind: DumpKind,
    /// Size as stored, in bytes.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, in hexadecimal.
    pub sha256: String,
    /// How many seconds it lasts until the next one is due. None if its name does not contain a time.
    pub lasts_seconds: Option<u64>,
    /// Time of the earliest record.
    pub first_at: Option<Timestamp>,
    /// Time of the latest record.
    pub last_at: Option<Timestamp>,
    /// MRT records in it.
    pub n_records: u64,
    /// Records that could not be read.
    pub n_damaged: u64,
    /// Records of unsupported types, which may contain routes.
    pub n_unsupported: u64,
    /// The first of the damaged records.
    pub damage: Vec<Damage>,
    /// Byte ranges that belong to no record.
    pub skipped: Vec<Skipped>,
    /// The result of reading it.
    pub verdict: Verdict,
    /// The reason, if the verdict is not `ok`.
    pub detail: Option<String>,
}
