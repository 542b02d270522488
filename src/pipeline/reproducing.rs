//! An earlier run again, from the same files.

use std::collections::BTreeMap;

use super::{Options, Progress, Sources, collect, judge};
use crate::catalog::{Mirror, Recorded};
use crate::error::Error;
use crate::fetch::Cache;
use crate::observations::RunRecord;
use crate::query::{Query, RibChoice};
use crate::report::Report;

/// Answers the question of an earlier run from the files that it read: those in `archive`, or else in the cache and at their
/// publishers. The report is that of the run if every file has the digest that the record states.
///
/// # Errors
///
/// As [`run`](super::run), and if a file is not there.
pub fn reproduce(
    record: &RunRecord,
    archive: Option<&Mirror>,
    cache: Option<&Cache>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let catalog = Recorded::new(&record.files, &record.collectors, archive)?;
    // Which RIB dumps are read was decided then.
    let query = Query { ribs: RibChoice::All, ..record.query.clone() };
    let mut observations = collect(&query, Sources { catalog: &catalog, cache }, options.jobs, progress)?;
    observations.query = record.query.clone();
    observations.note = record.note.clone();
    observations.listing = record.listing.clone();
    let urls: BTreeMap<&str, &Option<String>> =
        record.files.iter().map(|file| (file.name.as_str(), &file.url)).collect();
    for file in &mut observations.files {
        file.url = urls.get(file.name.as_str()).copied().cloned().flatten();
    }
    judge(observations, options)
}
