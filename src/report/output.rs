//! The folder of a run: the exported files and a manifest. The observations in it can be judged again.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::exporters::{EXPORTS, Export, PDF, PNG};
use super::printable::PrintableJson;
use super::{Report, question};
use crate::error::Error;
use crate::folder::{self, Folder};
use crate::observations::{
    self, COMMIT, MANIFEST, ResultFile, SCHEMA_VERSION, Source, TOOL, manifest_collectors, sealed,
};
use crate::query::Criteria;

/// Checks that a run can be written into `folder`: it does not exist, is empty, or contains only an earlier run that may be
/// replaced. A program calls this before it spends hours on a run.
///
/// # Errors
///
/// If the folder cannot be read, contains other files, or contains a run and `replace` is not set.
pub fn check_folder(folder: &Path, replace: bool) -> Result<(), Error> {
    folder::check(folder, &files(), replace)
}

/// Writes a run into `folder`, which appears whole or not at all. Returns its files, other than the manifest.
///
/// # Errors
///
/// If [`check_folder`] fails, or a file cannot be made or written.
pub fn write(report: &Report, folder: &Path, exports: &[&Export], replace: bool) -> Result<Vec<ResultFile>, Error> {
    let folder = Folder::begin(folder, &files(), replace)?;
    let results = export(report, exports, &folder)?;
    let manifest = manifest(report, &results);
    let mut text = Vec::new();
    let written = serde_json::to_writer_pretty(PrintableJson(&mut text), &manifest).map_err(io::Error::from);
    written.map_err(|source| Error::Write { path: MANIFEST.into(), source })?;
    folder.write(MANIFEST, sealed(&String::from_utf8_lossy(&text)).as_bytes())?;
    folder.finish()?;
    Ok(results)
}

/// Returns the exports that write files of these names.
pub fn exports_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'static Export> {
    let names: Vec<&str> = names.collect();
    EXPORTS.iter().filter(|export| export.files.iter().any(|file| names.contains(file))).collect()
}

/// Returns the files of a run, other than the manifest, as [`write()`] would write them.
///
/// # Errors
///
/// If a file cannot be made or written.
pub fn result_files(report: &Report, exports: &[&Export]) -> Result<Vec<ResultFile>, Error> {
    let failed = |source| Error::Write { path: "a temporary folder".into(), source };
    let place = tempfile::TempDir::new().map_err(failed)?;
    let folder = Folder::begin(&place.path().join("run"), &[], false)?;
    export(report, exports, &folder)
}

/// Writes the files of `exports` into a folder in the making.
fn export(report: &Report, exports: &[&Export], folder: &Folder) -> Result<Vec<ResultFile>, Error> {
    let mut tables = Vec::new();
    for export in EXPORTS.iter().filter(|export| exports.iter().any(|chosen| chosen.name == export.name)) {
        tables.extend((export.write)(report, folder)?);
    }
    Ok(observations::result_files(folder.written(), &tables))
}

/// Reads the criteria by which the run in `folder` was judged. None if the folder contains observations only.
///
/// # Errors
///
/// If the manifest cannot be read.
pub fn read_criteria(folder: &Path) -> Result<Option<Criteria>, Error> {
    Ok(observations::read_record(folder)?.criteria)
}

/// Returns the names of all files that a run may consist of: no other file is ever replaced.
fn files() -> Vec<&'static str> {
    EXPORTS.iter().flat_map(|export| export.files).chain([&MANIFEST, &PNG, &PDF]).copied().collect()
}

fn manifest(report: &Report, results: &[ResultFile]) -> Value {
    let sources: Vec<Source> = report.coverage.collectors.iter().map(|of| of.source).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "tool": TOOL,
        "commit": COMMIT,
        "command": question::words(&report.parameters, None),
        "note": report.note,
        "catalog": report.coverage.listing.catalog,
        "remarks": report.coverage.listing.remarks,
        "parameters": report.parameters,
        "answer": report.answer().name(),
        "collectors": manifest_collectors(&report.replays, &sources),
        "gaps": report.coverage.gaps,
        "coverage": report.coverage.rows,
        "results": results,
        "files": report.files,
    })
}
