//! The report as a folder of files, written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use polars::prelude::*;
use serde_json::json;

use super::{Report, TOOL, coverage_frame, outage_frame, span_frame, timeline_frame};
use crate::error::Error;

/// A kind of file to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// `outages.csv`, `coverage.csv`.
    Csv,
    /// `outages.parquet`, `timelines.parquet`, `spans.parquet`.
    Parquet,
}

/// The file that marks a folder as a run.
const MANIFEST: &str = "manifest.json";

/// Writes the report into `folder`, which must not hold a run unless `replace` is set. Files appear all at once: they
/// are made in a folder beside it, which then takes its name.
pub fn write(report: &Report, folder: &Path, exports: &[Export], replace: bool) -> Result<(), Error> {
    let failed = |source: io::Error| Error::Write { path: folder.to_owned(), source };
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    let holds_run = folder.join(MANIFEST).exists();
    if holds_run && !replace {
        return Err(Error::OutputExists { path: folder.to_owned() });
    }
    if !is_empty && !holds_run {
        return Err(failed(io::Error::other("the folder holds other files: choose a new or empty one")));
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(failed)?;
    let staging = tempfile::Builder::new().prefix(".outage-replay-").tempdir_in(parent).map_err(failed)?;
    for (name, bytes) in files(report, exports)? {
        let path = staging.path().join(&name);
        fs::write(&path, bytes).map_err(|source| Error::Write { path: folder.join(&name), source })?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    let staged = staging.keep();
    open_to_readers(&staged).and_then(|()| fs::rename(&staged, folder)).map_err(|source| {
        // Nothing half-written stays behind.
        let _ = fs::remove_dir_all(&staged);
        failed(source)
    })
}

/// A temporary folder is private; a result is not.
#[cfg(unix)]
fn open_to_readers(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_to_readers(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn files(report: &Report, exports: &[Export]) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut files = vec![(MANIFEST.to_owned(), manifest(report))];
    if exports.contains(&Export::Csv) {
        files.push(("outages.csv".to_owned(), csv("outages.csv", outage_frame(&report.findings.outages)?)?));
        files.push(("coverage.csv".to_owned(), csv("coverage.csv", coverage_frame(report)?)?));
    }
    if exports.contains(&Export::Parquet) {
        for (name, frame) in [
            ("outages.parquet", outage_frame(&report.findings.outages)?),
            ("timelines.parquet", timeline_frame(report)?),
            ("spans.parquet", span_frame(report)?),
        ] {
            files.push((name.to_owned(), parquet(name, frame)?));
        }
    }
    Ok(files)
}

/// Outages as CSV text: RFC 4180, times in RFC 3339.
fn csv(table: &'static str, mut frame: DataFrame) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // A few thousand rows: polars' own threads would only compete with ours.
    CsvWriter::new(&mut bytes)
        .n_threads(1)
        .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.fZ".into()))
        .finish(&mut frame)
        .map_err(|source| Error::Table { table, source })?;
    Ok(bytes)
}

fn parquet(table: &'static str, mut frame: DataFrame) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .set_parallel(false)
        .with_compression(ParquetCompression::Zstd(None))
        .finish(&mut frame)
        .map_err(|source| Error::Table { table, source })?;
    Ok(bytes)
}

fn manifest(report: &Report) -> Vec<u8> {
    let document = json!({
        "tool": TOOL,
        "note": report.note,
        "parameters": report.parameters,
        "answer": report.answer().name(),
        "files": report.files,
    });
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = serde_json::to_writer_pretty(&mut bytes, &document).map_err(io::Error::from).and_then(|()| writeln!(bytes));
    bytes
}

/// Outages as CSV text, for standard output.
pub fn outages_csv(report: &Report) -> Result<Vec<u8>, Error> {
    csv("outages", outage_frame(&report.findings.outages)?)
}
