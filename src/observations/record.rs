//! What the manifest of a run says about it: enough to repeat it and to compare the results.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::manifest::{MANIFEST, Manifest, ResultFile, read_manifest_file};
use crate::bgp::{Collector, Project};
use crate::coverage::{FileReading, ListingSource};
use crate::error::Error;
use crate::query::{Criteria, Query};

/// A run as its manifest describes it.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// The name and version of the program that wrote it.
    pub tool: String,
    /// The commit of that program, as far as it is known.
    pub commit: Option<String>,
    /// The question.
    pub query: Query,
    /// The criteria by which it was judged. None if the folder contains observations only.
    pub criteria: Option<Criteria>,
    /// What the archive says about itself.
    pub note: Option<String>,
    /// Which catalog listed the files.
    pub listing: ListingSource,
    /// The collectors, and the project whose layout the files of each have.
    pub collectors: Vec<(Collector, Project)>,
    /// Every file that was read.
    pub files: Vec<FileReading>,
    /// The files of the folder.
    pub results: Vec<ResultFile>,
}

/// Reads the record of a run from its folder or its manifest.
///
/// # Errors
///
/// If there is no manifest, or it is damaged or of another version.
pub fn read_record(run: &Path) -> Result<RunRecord, Error> {
    #[derive(Deserialize)]
    struct Judged {
        tool: Tool,
        commit: Option<String>,
        answer: Option<String>,
        parameters: Value,
    }
    #[derive(Deserialize)]
    struct Tool {
        name: String,
        version: String,
    }
    let path = if run.is_dir() { run.join(MANIFEST) } else { run.to_owned() };
    let wrong = |error: serde_json::Error| Error::Run { path: path.clone(), why: error.to_string() };
    let value: Value = read_manifest_file(&path)?;
    let manifest = Manifest::deserialize(&value).map_err(wrong)?;
    let Judged { tool, commit, answer, parameters } = Judged::deserialize(&value).map_err(wrong)?;
    let criteria = answer.map(|_| serde_json::from_value(parameters)).transpose().map_err(wrong)?;
    Ok(RunRecord {
        tool: format!("{} {}", tool.name, tool.version),
        commit,
        query: manifest.query,
        criteria,
        note: manifest.note,
        listing: manifest.listing,
        collectors: manifest.collectors.iter().map(|of| (of.collector.clone(), of.source.project)).collect(),
        files: manifest.files,
        results: manifest.results,
    })
}
