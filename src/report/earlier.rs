//! A run that was written into a folder, read back: what was observed, and what it was judged by.

mod manifest;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use super::output::{DOUBTS, MANIFEST, PEERS, RIB_ENTRIES, RIB_TABLES, SPANS};
use super::*;
use crate::error::Error;
use manifest::{Manifest, ManifestCollector};
use tables::{Known, Tables};

/// An earlier run: all that it takes to judge it again.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// What was observed.
    pub observations: Observations,
    /// What they were judged by.
    pub criteria: Criteria,
}

/// Reads a folder that [`super::write`] made.
pub fn read(folder: &Path) -> Result<Earlier, Error> {
    let failed = |file: &str, why: String| Error::Run { path: folder.join(file), why };
    let manifest = Manifest::read(folder).map_err(|why| failed(MANIFEST, why))?;
    let tables = Tables::new(folder, &manifest.tables, &manifest.files);
    let mut replays: Vec<Replay> = manifest.collectors.iter().map(ManifestCollector::replay).collect();
    let of_collector: BTreeMap<String, usize> =
        replays.iter().enumerate().map(|(index, replay)| (replay.collector.to_string(), index)).collect();
    tables.peers(&mut replays, &of_collector).map_err(|why| failed(PEERS, why))?;
    let mut known = Known::new(&replays, &of_collector);
    tables.rib_tables(&mut replays, &known).map_err(|why| failed(RIB_TABLES, why))?;
    tables.rib_entries(&mut replays, &mut known).map_err(|why| failed(RIB_ENTRIES, why))?;
    tables.spans(&mut replays, &mut known).map_err(|why| failed(SPANS, why))?;
    tables.doubts(&mut replays, &known).map_err(|why| failed(DOUBTS, why))?;
    for replay in &mut replays {
        replay.sessions.sort_unstable();
        replay.routes.sort_by_key(|span| (span.prefix, span.peer, span.from));
    }
    let parameters = &manifest.parameters;
    Ok(Earlier {
        criteria: parameters.criteria,
        observations: Observations {
            query: parameters.query().map_err(|why| failed(MANIFEST, why))?,
            note: manifest.note,
            replays,
            sources: manifest.collectors.iter().map(|collector| collector.source).collect(),
            gaps: manifest.gaps,
            rows: manifest.coverage,
            files: manifest.files,
        },
    })
}
