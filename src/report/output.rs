//! The report as a folder of files, written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use polars::prelude::*;
use serde_json::{Value, json};

use super::json::control;
use super::*;
use crate::error::Error;

/// A kind of file to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// `outages.csv`, `coverage.csv`, and `NOTE.txt` where the archive says something about itself.
    Csv,
    /// `outages.parquet`, `timelines.parquet`, and the tables from which the run can be judged again.
    Parquet,
    /// `report.html`.
    Html,
    /// `timeline.svg`.
    Svg,
    /// `timeline.png`.
    Png,
}

/// The shape of the folder: a later shape has a higher number.
pub(super) const FORMAT: u32 = 1;
/// The file that marks a folder as a run.
pub(super) const MANIFEST: &str = "manifest.json";
/// What the archive says about itself, beside tables that have no place for it: a first line that is no row would stop
/// readers of CSV, and a column would have to be joined around.
const NOTE: &str = "NOTE.txt";
/// Every file that a run may consist of: nothing else is ever replaced.
const FILES: [&str; 15] = [
    MANIFEST,
    NOTE,
    "report.html",
    "timeline.svg",
    "timeline.png",
    "outages.csv",
    "coverage.csv",
    "outages.parquet",
    "timelines.parquet",
    "evidence.parquet",
    SPANS,
    PEERS,
    RIB_TABLES,
    RIB_ENTRIES,
    DOUBTS,
];

/// The tables from which a run can be judged again.
pub(super) const SPANS: &str = "spans.parquet";
pub(super) const PEERS: &str = "peers.parquet";
pub(super) const RIB_TABLES: &str = "rib_tables.parquet";
pub(super) const RIB_ENTRIES: &str = "rib_entries.parquet";
pub(super) const DOUBTS: &str = "doubts.parquet";

/// Whether a report could be written into `folder`: it does not exist, is empty, or holds nothing but an earlier run
/// that may be replaced. Asked before a long run, so that its result is not lost.
pub fn check_folder(folder: &Path, replace: bool) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
    let mut names: Vec<OsString> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>().map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    names.sort();
    if let Some(other) = names.iter().find(|name| !FILES.iter().any(|own| name.as_os_str() == *own)) {
        let other = other.display();
        return Err(failed(io::Error::other(format!("it contains other files ({other}): choose a new or empty folder"))));
    }
    if !names.is_empty() && !replace {
        return Err(Error::OutputExists { path: folder.to_owned() });
    }
    Ok(())
}

/// Writes the report into `folder`, which must not hold a run unless `replace` is set. Files appear all at once: they
/// are made in a folder beside it, which then takes its name.
pub fn write(report: &Report, folder: &Path, exports: &[Export], replace: bool) -> Result<(), Error> {
    check_folder(folder, replace)?;
    let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
    // `.` and links have no name of their own that could be given away.
    let target = if folder.exists() { fs::canonicalize(folder).map_err(failed)? } else { folder.to_owned() };
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(failed)?;
    // Nothing half-written stays behind: the folder vanishes with this value, with the earlier run in it.
    let staging = tempfile::Builder::new().prefix(".outage-replay-").tempdir_in(parent).map_err(failed)?;
    let (made, earlier) = (staging.path().join("made"), staging.path().join("earlier"));
    fs::create_dir(&made).map_err(failed)?;
    Folder { made: &made, named: folder }.write(report, exports)?;
    if target.exists() {
        fs::rename(&target, &earlier).map_err(failed)?;
    }
    fs::rename(&made, &target).map_err(|source| {
        // The earlier run goes back to its place.
        let _ = fs::rename(&earlier, &target);
        failed(source)
    })
}

/// Where the files are made, and the folder that will hold them.
struct Folder<'a> {
    made: &'a Path,
    named: &'a Path,
}

impl Folder<'_> {
    /// Makes one file after the other: only the one that is being written is in memory.
    fn write(&self, report: &Report, exports: &[Export]) -> Result<(), Error> {
        let outages = || outage_frame(&report.findings.outages);
        if exports.contains(&Export::Csv) {
            self.file("outages.csv", |file| csv("outages.csv", outages()?, file))?;
            self.file("coverage.csv", |file| csv("coverage.csv", coverage_frame(report)?, file))?;
            if let Some(note) = &report.note {
                self.bytes(NOTE, format!("{note}\n").as_bytes())?;
            }
        }
        let mut tables = Vec::new();
        if exports.contains(&Export::Parquet) {
            let frames: [(&'static str, Frames); 8] = [
                ("outages.parquet", whole(outages)),
                ("timelines.parquet", timeline_frames(report)),
                ("evidence.parquet", evidence_frames(report)),
                (SPANS, span_frames(report)),
                (PEERS, whole(|| peer_frame(report))),
                (RIB_TABLES, whole(|| rib_table_frame(report))),
                (RIB_ENTRIES, rib_entry_frames(report)),
                (DOUBTS, whole(|| doubt_frame(report))),
            ];
            for (name, frames) in frames {
                let n_rows = self.file(name, |file| parquet(name, frames, report.note.as_deref(), file))?;
                tables.push(json!({ "name": name, "rows": n_rows }));
            }
        }
        if exports.contains(&Export::Html) {
            self.bytes("report.html", html(report).as_bytes())?;
        }
        if exports.contains(&Export::Svg) {
            self.bytes("timeline.svg", svg(report).as_bytes())?;
        }
        if exports.contains(&Export::Png) {
            self.bytes("timeline.png", &png(report)?)?;
        }
        self.bytes(MANIFEST, &manifest(report, tables))
    }

    fn bytes(&self, name: &'static str, bytes: &[u8]) -> Result<(), Error> {
        fs::write(self.made.join(name), bytes).map_err(|source| self.failed(name, source))
    }

    /// A file that is written as it is made.
    fn file<T>(&self, name: &'static str, make: impl FnOnce(&mut dyn Write) -> Result<T, Error>) -> Result<T, Error> {
        let failed = |source| self.failed(name, source);
        let mut file = File::create(self.made.join(name)).map(BufWriter::new).map_err(failed)?;
        let made = make(&mut file).map_err(|error| match error {
            Error::Table { source: PolarsError::IO { error, .. }, .. } => failed(io::Error::new(error.kind(), error)),
            error => error,
        })?;
        file.flush().map_err(failed)?;
        Ok(made)
    }

    fn failed(&self, name: &str, source: io::Error) -> Error {
        Error::Write { path: self.named.join(name), source }
    }
}

/// A short table.
fn whole<'a>(frame: impl FnOnce() -> Result<DataFrame, Error> + 'a) -> Frames<'a> {
    Box::new(std::iter::once_with(frame))
}

/// A table as CSV text: RFC 4180, times in RFC 3339.
fn csv(table: &'static str, mut frame: DataFrame, file: impl Write) -> Result<(), Error> {
    // A few thousand rows: polars' own threads would only compete with ours.
    CsvWriter::new(file)
        .n_threads(1)
        .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.fZ".into()))
        .finish(&mut frame)
        .map_err(|source| Error::Table { table, source })
}

/// A table as Parquet, a row group for each frame: how many rows it has. What the archive says about itself is in the
/// metadata of the file, under `note`.
fn parquet(table: &'static str, mut frames: Frames, note: Option<&str>, file: impl Write) -> Result<usize, Error> {
    let failed = |source| Error::Table { table, source };
    let Some(first) = frames.next().transpose()? else { return Ok(0) };
    let note = note.map(|note| KeyValueMetadata::from_static(vec![("note".to_owned(), note.to_owned())]));
    let writer = ParquetWriter::new(file)
        .set_parallel(false)
        .with_compression(ParquetCompression::Zstd(None))
        .with_key_value_metadata(note);
    let mut writer = writer.batched(first.schema()).map_err(failed)?;
    let mut n_rows = 0;
    for frame in std::iter::once(Ok(first)).chain(frames) {
        let frame = frame?;
        n_rows += frame.height();
        writer.write_batch(&frame).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(n_rows)
}

/// `tables`: the Parquet files.
fn manifest(report: &Report, tables: Vec<Value>) -> Vec<u8> {
    let collectors = report.coverage.collectors.iter().zip(&report.replays);
    let document = json!({
        "format": FORMAT,
        "tool": TOOL,
        "note": report.note,
        "parameters": report.parameters,
        "answer": report.answer().name(),
        "collectors": collectors.map(|(collector, replay)| json!({
            "collector": collector.collector,
            "project": collector.project,
            "has_rib": replay.has_rib,
            "n_update_files": collector.n_update_files,
            "n_rib_dumps_rejected": collector.n_rib_dumps_rejected,
            "late_records": collector.late_records,
            "missed_announcements": collector.missed_announcements,
            "missed_withdrawals": collector.missed_withdrawals,
            "n_skipped_ranges": collector.n_skipped_ranges,
            "skipped_bytes": collector.skipped_bytes,
            "control": collector.control.as_ref().map(control),
        })).collect::<Vec<_>>(),
        "gaps": report.coverage.gaps,
        "coverage": report.coverage.rows,
        "tables": tables,
        "files": report.files,
    });
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = serde_json::to_writer_pretty(&mut bytes, &document).map_err(io::Error::from).and_then(|()| writeln!(bytes));
    bytes
}

/// Outages as CSV text, for standard output.
pub fn outages_csv(report: &Report) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    csv("outages", outage_frame(&report.findings.outages)?, &mut bytes)?;
    Ok(bytes)
}
