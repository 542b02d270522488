//! What we could not see, and why. Shown with every result: absence of data is never absence of routes.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bgp::Collector;
use crate::time::{Timestamp, Window};

/// Part of an archive file that could not be read. The rest of the file is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Index of the record in its file, from 0.
    pub record: u64,
    /// Where the record begins, in bytes of the decompressed file.
    pub offset: u64,
    /// What is wrong with it.
    pub what: String,
}

/// A stretch of bytes inside an archive file that belongs to no record, or to records that do not show whose they are. What
/// was said in it is lost, and may have been said by any peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Where it begins, in bytes of the decompressed file.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// The time of the latest record before it that is certain.
    pub after: Timestamp,
    /// The time of the first record after it.
    pub before: Timestamp,
}

/// Why a stretch of a collector's history is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// An update file that should exist is not in the archive.
    Missing,
    /// An update file exists and could not be downloaded.
    Unavailable,
    /// The file is there and holds no record.
    Empty,
    /// The file ends early: its container or its last record is cut.
    Truncated,
    /// The file is not an MRT file, or nothing in it could be read.
    Unreadable,
    /// Bytes inside the file belong to no record, or to records that do not show whose they are.
    Damaged,
    /// The files are there, and their records stop for longer than the collector ever pauses.
    Silent,
    /// Two RIB dumps in a row were rejected, and nothing has confirmed the tables since.
    Unconfirmed,
    /// No RIB dump from which the tables of the vantage points could be known yet.
    NoRib,
    /// The collector has no RIB dump in the archive while other collectors have one.
    Excluded,
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GapReason::Missing => "missing",
            GapReason::Unavailable => "unavailable",
            GapReason::Empty => "empty",
            GapReason::Truncated => "truncated",
            GapReason::Unreadable => "unreadable",
            GapReason::Damaged => "damaged",
            GapReason::Silent => "silent",
            GapReason::Unconfirmed => "unconfirmed",
            GapReason::NoRib => "no_rib",
            GapReason::Excluded => "excluded",
        })
    }
}

impl Serialize for GapReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A stretch of time for which a collector's archive shows nothing. Its vantage points are unknown in it and until
/// the next accepted RIB dump.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Whose archive.
    pub collector: Collector,
    /// The stretch.
    pub window: Window,
    /// Why.
    pub reason: GapReason,
    /// What exactly, for a person: the file, the damage.
    pub detail: String,
}

/// What became of one archive file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Read to its end.
    Ok,
    /// Read to its end; single records in it were damaged, or of kinds that this version does not read, and are counted.
    Damaged,
    /// It holds no record.
    Empty,
    /// It ends early.
    Truncated,
    /// Not an MRT file.
    Unreadable,
    /// The catalog lists it, and the publisher does not have it.
    Missing,
    /// It could not be downloaded, or the network may not be used.
    Unavailable,
    /// A RIB dump that may not be trusted as a table.
    Rejected,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Ok => "ok",
            Verdict::Damaged => "damaged",
            Verdict::Empty => "empty",
            Verdict::Truncated => "truncated",
            Verdict::Unreadable => "unreadable",
            Verdict::Missing => "missing",
            Verdict::Unavailable => "unavailable",
            Verdict::Rejected => "rejected",
        })
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One row of the manifest: a file that the run read, and what it found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileReading {
    /// Path below the archive, or URL.
    pub name: String,
    /// Whose archive.
    pub collector: Collector,
    /// `rib` or `updates`.
    #[serde(deserialize_with = "kind")]
    pub kind: Cow<'static, str>,
    /// Size as stored, in bytes.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, in hexadecimal.
    pub sha256: String,
    /// Time of the earliest record.
    pub first_at: Option<Timestamp>,
    /// Time of the latest record.
    pub last_at: Option<Timestamp>,
    /// MRT records in it.
    pub n_records: u64,
    /// Records that could not be read.
    pub n_damaged: u64,
    /// Records of kinds that this version does not read: they might hide routes. Folders of earlier runs may lack it.
    #[serde(default)]
    pub n_unsupported: u64,
    /// The first few of them.
    pub damage: Vec<Damage>,
    /// Stretches of bytes that belong to no record.
    pub skipped: Vec<Skipped>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, where the verdict is not `ok`.
    pub detail: Option<String>,
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "rib" => Ok("rib".into()),
        "updates" => Ok("updates".into()),
        other => Err(D::Error::custom(format!("a file of the unknown kind '{other}'"))),
    }
}
