//! The manifest of an earlier run.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::super::output::{FORMAT, MANIFEST};
use super::super::*;
use crate::bgp::Asn;
use crate::replay::Corrections;

#[derive(Deserialize)]
pub(super) struct Manifest {
    pub note: Option<String>,
    pub parameters: ManifestParameters,
    pub collectors: Vec<ManifestCollector>,
    pub gaps: Vec<Gap>,
    pub coverage: Vec<CoverageRow>,
    pub tables: Vec<ManifestTable>,
    pub files: Vec<FileReading>,
}

#[derive(Deserialize)]
pub(super) struct ManifestTable {
    pub name: String,
    pub rows: usize,
}

#[derive(Deserialize)]
pub(super) struct ManifestParameters {
    pub targets: Vec<String>,
    #[serde(rename = "match")]
    pub matching: Option<Match>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub collectors: Vec<Collector>,
    pub project: Option<Project>,
    pub baseline_seconds: u64,
    #[serde(flatten)]
    pub criteria: Criteria,
}

#[derive(Deserialize)]
pub(super) struct ManifestCollector {
    pub collector: Collector,
    pub has_rib: bool,
    #[serde(flatten)]
    pub source: Source,
    #[serde(flatten)]
    pub corrections: Corrections,
    pub control: Option<ControlSample>,
}

/// What every format has: a folder of another one is told from a damaged folder.
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

impl Manifest {
    /// That of a folder.
    pub fn read(folder: &Path) -> Result<Manifest, String> {
        let text = std::fs::read_to_string(folder.join(MANIFEST)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is none, so this is no folder that --output wrote".to_owned(),
            _ => error.to_string(),
        })?;
        let head: Head = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let HeadTool { name, version } = head.tool;
        match head.format {
            Some(FORMAT) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            format => {
                let format = format.map_or("without a number".to_owned(), |format| format.to_string());
                Err(format!(
                    "written by {name} {version} in format {format}, and this version reads format {FORMAT}: run it again"
                ))
            }
        }
    }
}

impl ManifestParameters {
    pub fn query(&self) -> Result<Query, String> {
        let matching = self.matching.unwrap_or_default();
        let target = |text: &String| match text.parse::<Asn>() {
            Ok(asn) => Ok(Target::Asn(asn)),
            Err(_) => text.parse().map(|prefix| Target::Prefix(prefix, matching)).map_err(|error| error.to_string()),
        };
        Ok(Query {
            targets: self.targets.iter().map(target).collect::<Result<_, String>>()?,
            window: Window::new(self.from, self.to).map_err(|error| error.to_string())?,
            collectors: self.collectors.clone(),
            project: self.project,
            baseline: Duration::from_secs(self.baseline_seconds),
        })
    }
}

impl ManifestCollector {
    /// Without anything that the tables add.
    pub fn replay(&self) -> Replay {
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
            corrections: self.corrections,
            control: self.control,
        }
    }
}
