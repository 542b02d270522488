//! Reads one archive file and fills in its row of the manifest.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use super::acceptance::{Candidate, unsupported};
use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::bgp::Prefix;
use crate::catalog::NAME_PRECISION;
use crate::coverage::{FileReading, Verdict};
use crate::decode::{self, Ending, MaxLengths, Reading, Selection, clock};
use crate::error::{Error, is_of_the_machine};
use crate::fetch::{self, Cache, Checked, Digest, FetchError, FileDigest, Opened, ReadFully};
use crate::helpers::Helpers;
use crate::progress::Progress;
use crate::time::Timestamp;

/// A file whose records lie further than this from its name was written by a wrong clock.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(24 * 3600);

/// One file: its content, and its row of the manifest.
pub(super) struct ReadFile {
    pub reading: Reading,
    pub report: FileReading,
    /// How many prefixes of the chosen origins had been revealed when it was read: it was read for these.
    pub n_known: usize,
    /// Whether the control sample was taken out of its census.
    pub is_sample_taken: bool,
}

impl ReadFile {
    /// Whether it names any of `revealed` for which it was not read.
    pub(super) fn is_stale(&self, revealed: &[Prefix]) -> bool {
        let unknown = revealed.get(self.n_known..).unwrap_or_default();
        unknown.iter().any(|prefix| self.reading.skipped_prefixes.may_affect(prefix))
    }

    /// The census of a RIB dump, and the reason for rejecting it: `known`, or that the file is unusable or ends early.
    pub(super) fn candidate(&self, known: Option<&String>) -> Candidate<'_> {
        let is_unusable = matches!(
            self.report.verdict,
            Verdict::Unreadable | Verdict::Truncated | Verdict::Empty | Verdict::Missing | Verdict::Unavailable
        );
        let rejection = known.or(self.report.detail.as_ref().filter(|_| is_unusable)).cloned();
        Candidate { census: &self.reading.census, rejection }
    }
}

/// Reads archive files.
#[derive(Clone, Copy)]
pub(super) struct FileReader<'a> {
    pub cache: Option<&'a Cache>,
    pub selection: &'a Selection,
    pub helpers: &'a Helpers,
    /// Every file is reported to it.
    pub progress: &'a dyn Progress,
}

impl FileReader<'_> {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If the run was cancelled, or the machine cannot open or store the file.
    pub(super) fn read(&self, file: &ArchiveFile) -> Result<ReadFile, Error> {
        Error::if_cancelled(self.progress)?;
        let read = self.read_file(file);
        // A cancelled run cuts the file short.
        Error::if_cancelled(self.progress)?;
        let read = read?;
        match (read.report.verdict, &read.report.detail) {
            (Verdict::Missing | Verdict::Unavailable, Some(why)) => self.progress.file_lost(&file.name, why),
            _ => self.progress.file_read(&file.name),
        }
        Ok(read)
    }

    /// Reads a RIB dump again for prefixes that were revealed after it was read, and for those that cover them. Only the beginning
    /// of the file is read if it shows all that `earlier` lacks, which is no longer than `max_lengths`.
    ///
    /// # Errors
    ///
    /// Those of [`FileReader::read`].
    pub(super) fn read_again(
        &self,
        file: &ArchiveFile,
        earlier: ReadFile,
        max_lengths: MaxLengths,
    ) -> Result<ReadFile, Error> {
        Error::if_cancelled(self.progress)?;
        let beginning = self.read_beginning(file, &earlier, max_lengths);
        Error::if_cancelled(self.progress)?;
        let ReadFile { reading, report, is_sample_taken, .. } = earlier;
        let Some(reading) = beginning.and_then(|beginning| reading.extended_with(beginning, max_lengths)) else {
            return self.read(file);
        };
        self.progress.file_read(&file.name);
        Ok(ReadFile { reading, report, n_known: 0, is_sample_taken })
    }

    /// The beginning of a RIB dump; `None` if the file has changed since the earlier reading.
    fn read_beginning(&self, file: &ArchiveFile, earlier: &ReadFile, max_lengths: MaxLengths) -> Option<Reading> {
        let FileReader { cache, selection, helpers, .. } = *self;
        let opened = fetch::open(file, cache).ok()?;
        let decode = |input: Stoppable| decode::read_beginning(input, selection, helpers, max_lengths);
        let (beginning, digest) = self.read_opened(opened, decode).ok()?;
        (digest.sha256 == earlier.report.sha256).then_some(beginning)
    }

    /// Decodes an open file, and takes its digest.
    fn read_opened(
        &self,
        opened: Opened,
        decode: impl FnOnce(Stoppable) -> Reading,
    ) -> Result<(Reading, FileDigest), FetchError> {
        let FileReader { helpers, progress, .. } = *self;
        let digest = helpers.offer(opened.digest);
        let reading = decode(Stoppable { input: opened.file, progress });
        if progress.is_cancelled() {
            helpers.forget(&digest);
            return Err(FetchError::Cancelled);
        }
        match helpers.finish(&digest) {
            Some(Digest::Taken(digest)) => Ok((reading, digest)),
            Some(Digest::Failed(error)) => Err(error.into()),
            Some(Digest::Due(_)) | None => Err(io::Error::other("its digest was not taken").into()),
        }
    }

    fn read_file(&self, file: &ArchiveFile) -> Result<ReadFile, Error> {
        let FileReader { cache, selection, helpers, .. } = *self;
        let read = fetch::read(file, cache, |opened| {
            let decode = |input: Stoppable| decode::read_with(input, selection, helpers);
            let (mut reading, digest) = self.read_opened(opened, decode)?;
            // Times far from those in the name do not count, unless there are no others.
            let believed = clock::believed(&reading.census.runs, Some(file.nominal_span()));
            reading.census.span = clock::span(&believed).or(reading.census.span);
            Ok(ReadFully { checked: checked(file, &reading, digest.bytes), content: reading, digest })
        });
        let (reading, digest, verdict, detail) = match read {
            Ok(ReadFully { content: reading, digest, .. }) => {
                let (verdict, detail) = verdict(file, &reading);
                (reading, digest, verdict, detail)
            }
            Err(FetchError::Io(cause)) if is_cached(file) || is_of_the_machine(&cause) => {
                return Err(machine_error(file, cache, cause));
            }
            Err(error) => {
                let verdict = match &error {
                    FetchError::Missing { .. } | FetchError::Lost { is_missing: true, .. } => Verdict::Missing,
                    FetchError::Failed { .. }
                    | FetchError::NoClient { .. }
                    | FetchError::Lost { .. }
                    | FetchError::Offline
                    | FetchError::Damaged { .. }
                    | FetchError::Cancelled => Verdict::Unavailable,
                    FetchError::Io(_) => Verdict::Unreadable,
                };
                let digest = FileDigest { bytes: 0, sha256: String::new() };
                (Reading::unreadable(error.to_string()), digest, verdict, Some(error.to_string()))
            }
        };
        let report = FileReading {
            name: file.name.clone(),
            url: file.url(),
            collector: file.collector.clone(),
            kind: file.kind,
            bytes: digest.bytes,
            sha256: digest.sha256,
            lasts_seconds: file.due_after().map(|lasts| lasts.as_secs()),
            first_at: reading.census.span.map(|span| span.0),
            last_at: reading.census.span.map(|span| span.1),
            n_records: reading.census.counts.records,
            n_damaged: reading.census.counts.damaged,
            n_unsupported: reading.census.counts.unsupported,
            damage: reading.census.damage.clone(),
            skipped: reading.census.skipped.clone(),
            verdict,
            detail,
        };
        Ok(ReadFile { reading, report, n_known: 0, is_sample_taken: false })
    }
}

/// Whether the file is in the cache, or on its way into it.
fn is_cached(file: &ArchiveFile) -> bool {
    matches!(file.location, Location::Remote { .. } | Location::Cached { .. })
}

fn machine_error(file: &ArchiveFile, cache: Option<&Cache>, cause: io::Error) -> Error {
    let what = match (&file.location, cache) {
        (Location::Local(path), _) => format!("cannot read {}", path.display()),
        (_, Some(cache)) => format!("cannot store or read {} in the cache at {}", file.name, cache.root().display()),
        (_, None) => format!("cannot read {}", file.name),
    };
    Error::Machine { what, cause }
}

/// A file that ends with an error as soon as the run is to stop.
struct Stoppable<'a> {
    input: File,
    progress: &'a dyn Progress,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("the run was stopped"));
        }
        self.input.read(buffer)
    }
}

fn verdict(file: &ArchiveFile, reading: &Reading) -> (Verdict, Option<String>) {
    if let Ending::Unreadable(why) | Ending::Corrupt(why) = &reading.census.ending {
        return (Verdict::Unreadable, Some(why.clone()));
    }
    // The records of a cut or damaged file show as well that it is another file.
    if let Some(why) = foreign(file, reading) {
        return (Verdict::Unreadable, Some(why));
    }
    if clock::is_unusable(&reading.census.runs) {
        return (Verdict::Unreadable, Some("the times of its records go backwards again and again".to_owned()));
    }
    if let Ending::Truncated(why) = &reading.census.ending {
        return (Verdict::Truncated, Some(why.clone()));
    }
    if reading.census.span.is_none() {
        return (Verdict::Empty, Some("it holds no record".to_owned()));
    }
    let counts = reading.census.counts;
    let unsupported = unsupported(counts.unsupported);
    if let Some(what) = &unsupported
        && counts.messages + counts.state_changes + counts.rib_records == 0
    {
        return (Verdict::Unreadable, Some(format!("it holds no message, state change or route, and {what}")));
    }
    let damage = reading.census.damage.first().map(|damage| format!("at byte {}: {}", damage.offset, damage.what));
    let details: Vec<String> = damage.into_iter().chain(unsupported).collect();
    if details.is_empty() { (Verdict::Ok, None) } else { (Verdict::Damaged, Some(details.join("; "))) }
}

/// Why the records are not those that the name of the file promises.
fn foreign(file: &ArchiveFile, reading: &Reading) -> Option<String> {
    let (first, last) = reading.census.span?;
    if first + MAX_CLOCK_ERROR < file.named_at || last > file.named_at + MAX_CLOCK_ERROR {
        return Some(format!("its records are dated {first} to {last}: a wrong clock"));
    }
    if is_of_another_time(file, first, last) {
        return Some(format!("its records are dated {first} to {last}: they belong to another file"));
    }
    let counts = reading.census.counts;
    let is_rib = counts.rib_records > 0 && counts.messages + counts.state_changes == 0;
    (file.kind == DumpKind::Updates && is_rib).then(|| "it is a RIB dump".to_owned())
}

/// Whether all records lie before or after the nominal interval of the file, because files were mixed up. Single early or late
/// records of an update file prove nothing. A RIB dump is written after the time in its name, within minutes or hours, so it
/// may begin until the next dump is due.
pub(super) fn is_of_another_time(file: &ArchiveFile, first: Timestamp, last: Timestamp) -> bool {
    let own = file.nominal_span();
    if file.kind == DumpKind::Rib {
        return last + NAME_PRECISION < own.start || first >= own.end + NAME_PRECISION;
    }
    let is_before = last < own.start + NAME_PRECISION && first + NAME_PRECISION * 2 <= own.start;
    let is_after = first + NAME_PRECISION > own.end && last >= own.end + NAME_PRECISION * 2;
    is_before || is_after
}

/// Whether a file of `bytes` bytes was read to its end, and is the one that its name promises.
fn checked(file: &ArchiveFile, reading: &Reading, bytes: u64) -> Checked {
    // An empty file is suspect: even a collector without messages publishes the frame of a container.
    if bytes == 0 {
        return Checked::Suspect("it is empty (0 bytes)".to_owned());
    }
    match &reading.census.ending {
        Ending::Complete => foreign(file, reading).map_or(Checked::Whole, Checked::Suspect),
        Ending::Truncated(why) | Ending::Corrupt(why) => Checked::Suspect(why.clone()),
        Ending::Unreadable(why) => Checked::Foreign(why.clone()),
    }
}
