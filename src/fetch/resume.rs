//! Downloads that no reading has verified yet: which version of the file they are from, and from where.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};

use super::note::{DownloadSource, beside};

/// The suffix of the note of a `.part` file: the validator of its version, and where it comes from. It stays while the file is `.pending`.
pub(super) const VALIDATOR: &str = "validator";

/// A download that was interrupted and can be resumed.
pub(super) struct Resumable {
    pub(super) bytes: u64,
    /// The ETag or Last-Modified of the file that the bytes are from.
    pub(super) validator: String,
}

impl Resumable {
    /// The file with the validator in its first line and the source in its second. It stays until the download is verified.
    fn note(part: &Path) -> PathBuf {
        beside(part, VALIDATOR)
    }

    pub(super) fn load(part: &Path) -> Option<Resumable> {
        let bytes = fs::metadata(part).ok()?.len();
        let note = fs::read_to_string(Resumable::note(part)).ok()?;
        let validator = note.lines().next().unwrap_or_default().to_owned();
        // A damaged validator must not prevent a new download.
        let is_usable = !validator.is_empty() && HeaderValue::from_str(&validator).is_ok();
        (bytes > 0 && is_usable).then_some(Resumable { bytes, validator })
    }

    /// Stores the validator of a response, and where it comes from.
    pub(super) fn remember(part: &Path, headers: &HeaderMap, source: &DownloadSource) -> io::Result<()> {
        fs::write(Resumable::note(part), format!("{}\n{source}\n", validator(headers).unwrap_or_default()))
    }

    /// Returns where a download comes from, complete or not. None if an earlier version began it.
    pub(super) fn source(part: &Path) -> Option<DownloadSource> {
        let note = fs::read_to_string(Resumable::note(part)).ok()?;
        note.lines().nth(1).map(DownloadSource::parse)
    }

    /// Removes the note of a download that was verified or given up.
    pub(super) fn done(part: &Path) {
        let _ = fs::remove_file(Resumable::note(part));
    }

    pub(super) fn forget(part: &Path) {
        let _ = fs::remove_file(part);
        Resumable::done(part);
    }
}

/// The validator of a response. Only a strong ETag or a date identifies the bytes (RFC 9110, section 13.1.5).
pub(super) fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(ETAG).filter(|etag| !etag.starts_with("W/")).or_else(|| text(LAST_MODIFIED)).map(str::to_owned)
}

/// Whether a partial response continues the bytes that are here, from the same version of the file.
pub(super) fn continues(headers: &HeaderMap, held: &Resumable) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = range.strip_prefix("bytes ").and_then(|range| range.split('-').next());
    let version = match held.validator.starts_with('"') {
        true => headers.get(ETAG),
        false => headers.get(LAST_MODIFIED),
    };
    first == Some(held.bytes.to_string().as_str())
        && version.is_none_or(|version| version.as_bytes() == held.validator.as_bytes())
}

/// Returns the length of the whole file from a partial response: `bytes 10-19/20`, `bytes */20`.
pub(super) fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit('/').next()?.trim().parse().ok()
}
