//! MRT files whose names show neither kind nor time: both are taken from their records.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::copies::two_files;
use crate::archive::{ArchiveFile, DumpKind};
use crate::bgp::Collector;
use crate::catalog::{Mirror, NAME_PRECISION};
use crate::decode::{self, Ending, Reading, Selection};
use crate::error::Error;
use crate::progress::Progress;
use crate::time::{Timestamp, Window};

/// So much of a file, as stored, shows what it is.
const HEAD: u64 = 1 << 20;

/// Opens folders in the publishers' layout, single files, and folders of MRT files of any name. All files are of the
/// collector `chosen`, if there is one.
pub fn open(roots: &[PathBuf], chosen: Option<&Collector>, progress: &dyn Progress) -> Result<Mirror, Error> {
    let mut mirror = Mirror::scan(roots, chosen)?;
    for file in mirror.unnamed().to_vec() {
        Error::if_cancelled(progress)?;
        match inspect(&file.path) {
            Ok((kind, records)) => mirror.add(&file, kind, records),
            Err(why) if file.is_asked_for => {
                return Err(Error::Archive { path: file.path, source: io::Error::other(why) });
            }
            Err(why) => mirror.pass_over(&file, &why),
        }
    }
    mirror.check()?;
    check_overlap(&mirror)?;
    Ok(mirror)
}

/// What a file holds, and of which time its records are.
fn inspect(path: &Path) -> Result<(DumpKind, Window), String> {
    let open = || File::open(path).map_err(|error| error.to_string());
    let head = decode::read(open()?.take(HEAD), &Selection::new());
    // A RIB dump takes minutes, whatever its size; only the last record shows where updates end.
    let reading = match kind(&head) {
        Some(DumpKind::Rib) => head,
        Some(DumpKind::Updates) => decode::read(open()?, &Selection::new()),
        None => return Err(no_mrt(&head)),
    };
    let (Some(kind), Some((first, last))) = (kind(&reading), reading.census.span) else { return Err(no_mrt(&reading)) };
    let end = Timestamp::from_secs(last.secs() + 1);
    Ok((kind, Window { start: first, end }))
}

fn kind(reading: &Reading) -> Option<DumpKind> {
    let counts = reading.census.counts;
    match (counts.messages + counts.state_changes, counts.rib_records) {
        (0, 0) => None,
        (0, _) => Some(DumpKind::Rib),
        _ => Some(DumpKind::Updates),
    }
}

fn no_mrt(reading: &Reading) -> String {
    match &reading.census.ending {
        Ending::Unreadable(why) => why.clone(),
        _ => "it holds neither routes nor messages".to_owned(),
    }
}

/// Updates of one time come from two collectors, or are copies of each other: the files do not show which.
fn check_overlap(mirror: &Mirror) -> Result<(), Error> {
    let span =
        |file: &ArchiveFile| file.records.unwrap_or_else(|| Window { start: file.named_at, ..file.nominal_span() });
    let updates = || mirror.files().iter().filter(|file| file.kind == DumpKind::Updates);
    for file in updates().filter(|file| file.records.is_some()) {
        let own = span(file);
        let most = own.duration().saturating_sub(NAME_PRECISION).max(Duration::from_secs(1));
        let overlaps = |other: &&ArchiveFile| {
            other.collector == file.collector
                && other.name != file.name
                && other.named_at != file.named_at
                && span(other).start >= own.start
                && span(other).start < own.start + most
        };
        if let Some(other) = updates().find(overlaps) {
            return Err(two_files(file, other));
        }
    }
    Ok(())
}
