//! Reads observations from a folder.

mod rows;
mod tables;

use std::path::Path;

pub(super) use rows::read_frame;

use super::Observations;
use super::manifest::{Manifest, ManifestCollector, read_manifest};
use super::write::{DOUBTS, PEERS, RIB_ENTRIES, RIB_TABLES, SPANS};
use crate::archive;
use crate::error::Error;
use crate::replay::Replay;
use tables::{KnownNames, Tables};

/// Reads the observations in a folder that [`write`](super::write()) or [`report::write`](crate::report::write) made.
///
/// # Errors
///
/// If a file is missing, damaged, of another format, or does not match the manifest; the error names the file and, where it
/// can, the row.
pub fn read(folder: &Path) -> Result<Observations, Error> {
    let manifest: Manifest = read_manifest(folder)?;
    let failed = |file: &str, why: String| Error::Run { path: folder.join(file), why };
    let tables = Tables::new(folder, &manifest.results, &manifest.files);
    let mut replays: Vec<Replay> = manifest.collectors.iter().map(ManifestCollector::replay).collect();
    tables.peers(&mut replays).map_err(|why| failed(PEERS, why))?;
    let mut known = KnownNames::new(&replays);
    tables.rib_tables(&mut replays, &known).map_err(|why| failed(RIB_TABLES, why))?;
    tables.rib_entries(&mut replays, &mut known).map_err(|why| failed(RIB_ENTRIES, why))?;
    tables.spans(&mut replays, &mut known).map_err(|why| failed(SPANS, why))?;
    tables.doubts(&mut replays, &known).map_err(|why| failed(DOUBTS, why))?;
    for replay in &mut replays {
        replay.sessions.sort_unstable();
        replay.routes.sort_by_key(|span| (span.prefix, span.peer, span.from));
    }
    Ok(Observations {
        query: manifest.query,
        note: manifest.note.map(|note| archive::escaped(&note)),
        listing: manifest.listing,
        replays,
        sources: manifest.collectors.iter().map(|collector| collector.source).collect(),
        gaps: manifest.gaps,
        files: manifest.files,
    })
}
