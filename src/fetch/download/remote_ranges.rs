//! Parts of a file on a server: range requests (RFC 9110, section 14), all of the same version of the file.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::{Downloader, GIVE_UP_AFTER, Pace, Unanswered};
use crate::archive::ReadAt;
use crate::fetch::resume::validator;
use crate::fetch::{FetchError, ReadRange};
use crate::http::{self, Retry};

/// A file on a server of which parts are requested.
pub struct RemoteRanges<'d> {
    downloader: &'d Downloader,
    url: String,
    length: u64,
    validator: String,
    /// The beginning of the file, which came with its length.
    first: Vec<u8>,
    read: Vec<ReadRange>,
}

/// A part of a file, and what its response says about the whole.
struct RemotePart {
    octets: Vec<u8>,
    length: u64,
    validator: Option<String>,
}

/// A part that is requested.
#[derive(Clone, Copy)]
struct WantedPart<'a> {
    url: &'a str,
    offset: u64,
    /// Its length in bytes.
    n: u64,
    /// The validator and the length of the file that earlier parts had.
    known: Option<(&'a str, u64)>,
    /// The most bytes that the file may have.
    max_bytes: u64,
}

impl WantedPart<'_> {
    fn failed(&self, why: impl Into<String>) -> FetchError {
        FetchError::Failed { url: self.url.to_owned(), why: why.into() }
    }
}

/// Why a request brought no part.
enum NoPart {
    /// It may the next time, after the pause that the server asked for.
    Again {
        why: String,
        pause: Option<std::time::Duration>,
    },
    Never(FetchError),
}

impl NoPart {
    fn again(why: impl Into<String>) -> NoPart {
        NoPart::Again { why: why.into(), pause: None }
    }
}

impl<'d> RemoteRanges<'d> {
    /// Requests the first `n_first` bytes of a file that may have at most `max_bytes`.
    ///
    /// # Errors
    ///
    /// If the server does not send parts of the file, does not say which version of it they are from, or says that it is longer.
    pub(in crate::fetch) fn open(
        downloader: &'d Downloader,
        url: &str,
        (n_first, max_bytes): (usize, u64),
    ) -> Result<RemoteRanges<'d>, FetchError> {
        let wanted = WantedPart { url, offset: 0, n: n_first as u64, known: None, max_bytes };
        let RemotePart { octets, length, validator } = downloader.part(wanted)?;
        let no_version = || wanted.failed("the server does not say which version of the file a part is from");
        let validator = validator.ok_or_else(no_version)?;
        Ok(RemoteRanges { downloader, url: url.to_owned(), length, validator, first: octets, read: Vec::new() })
    }

    pub(in crate::fetch) fn read(&self) -> &[ReadRange] {
        &self.read
    }

    pub(in crate::fetch) fn validator(&self) -> &str {
        &self.validator
    }
}

impl ReadAt for RemoteRanges<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        let end = offset + length as u64;
        let held = usize::try_from(offset).ok().and_then(|offset| self.first.get(offset..)).unwrap_or_default();
        let mut octets = held.get(..length.min(held.len())).unwrap_or_default().to_vec();
        let begin = offset + octets.len() as u64;
        if begin < end {
            let known = Some((self.validator.as_str(), self.length));
            let (n, max_bytes) = (end - begin, self.length);
            let wanted = WantedPart { url: &self.url, offset: begin, n, known, max_bytes };
            let part = self.downloader.part(wanted).map_err(|error| error.to_string())?;
            octets.extend_from_slice(&part.octets);
        }
        self.read.push(ReadRange::of(offset, &octets)?);
        Ok(octets)
    }
}

impl Downloader {
    /// Requests a part of a file.
    fn part(&self, wanted: WantedPart) -> Result<RemotePart, FetchError> {
        let turn = self.turn(wanted.url)?;
        let (n_failed, sends_whole_files) = self.host(&turn.host, |host| (host.failed, host.sends_whole_files));
        if n_failed >= GIVE_UP_AFTER {
            return Err(wanted.failed(format!("{} did not deliver {GIVE_UP_AFTER} files in a row", turn.host)));
        }
        if sends_whole_files {
            return Err(wanted.failed(format!("{} sends whole files only", turn.host)));
        }
        let result = self.persist_part(wanted, &turn.host);
        self.host(&turn.host, |host| match result {
            Ok(_) => host.failed = 0,
            Err(FetchError::Failed { .. }) if !host.sends_whole_files => host.failed += 1,
            Err(_) => {}
        });
        result
    }

    /// Makes as many attempts as the limits allow.
    fn persist_part(&self, wanted: WantedPart, host: &str) -> Result<RemotePart, FetchError> {
        let mut retry = self.attempts();
        loop {
            match self.runtime.block_on(self.attempt_part(wanted, host, &retry)) {
                Ok(part) => return Ok(part),
                Err(NoPart::Again { why, pause }) => self.wait(wanted.url, &why, pause, &mut retry)?,
                Err(NoPart::Never(error)) => return Err(error),
            }
        }
    }

    async fn attempt_part(&self, wanted: WantedPart<'_>, host: &str, retry: &Retry) -> Result<RemotePart, NoPart> {
        let WantedPart { url, offset, n, known, max_bytes } = wanted;
        let never = |why: &str| NoPart::Never(wanted.failed(why));
        let last = offset + n.max(1) - 1;
        let mut request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        request = request.header(RANGE, format!("bytes={offset}-{last}"));
        if let Some((validator, _)) = known {
            request = request.header(IF_RANGE, validator);
        }
        let response = match self.before_silence(request.send()).await {
            Ok(response) => response,
            Err(Unanswered::Error(error)) if error.is_redirect() || error.is_builder() => {
                return Err(never(&http::chain(&error)));
            }
            Err(unanswered) => return Err(self.no_answer(unanswered)),
        };
        let status = response.status();
        match status {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::OK if known.is_some() => return Err(never("the file changed while parts of it were read")),
            StatusCode::OK => {
                // The rest of the response is not read: closing the connection ends it.
                self.host(host, |host| host.sends_whole_files = true);
                return Err(never("the server sends whole files only"));
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(never("the file has no such part: it is empty or changed"));
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(NoPart::Never(FetchError::Missing { url: url.to_owned(), status: status.as_u16() }));
            }
            _ if http::may_pass(status) => {
                let pause = http::retry_after(response.headers());
                return Err(NoPart::Again { why: format!("HTTP {status}"), pause });
            }
            _ => return Err(never(&format!("HTTP {status}"))),
        }
        let headers = response.headers();
        let found = validator(headers);
        let Some((first, end, length)) = content_range(headers) else {
            return Err(NoPart::again("the server sent a part without its place"));
        };
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(NoPart::again("the server sent a part in another encoding"));
        }
        if known.is_some_and(|(validator, known)| {
            length != known || found.as_deref().is_some_and(|found| found != validator)
        }) {
            return Err(never("the file changed while parts of it were read"));
        }
        if length > max_bytes {
            return Err(never(&self.limits.too_long(max_bytes)));
        }
        let expected = last.min(length.saturating_sub(1));
        if (first, end) != (offset, expected) {
            return Err(NoPart::again("the server sent a different part than requested"));
        }
        let octets = self.octets(response, expected + 1 - offset, retry).await?;
        Ok(RemotePart { octets, length, validator: found })
    }

    /// The body of a response, which must have this length.
    async fn octets(&self, mut response: Response, length: u64, retry: &Retry) -> Result<Vec<u8>, NoPart> {
        let mut octets = Vec::with_capacity(usize::try_from(length).unwrap_or_default().min(16 << 20));
        let mut pace = Pace::new(self.limits, 0);
        loop {
            if let Some(why) = pace.too_slow(octets.len() as u64, retry.elapsed()) {
                return Err(NoPart::again(why));
            }
            match self.before_silence(response.chunk()).await {
                Ok(Some(chunk)) => {
                    self.progress.received(chunk.len() as u64);
                    octets.extend_from_slice(&chunk);
                }
                Ok(None) if octets.len() as u64 == length => return Ok(octets),
                Ok(None) => return Err(NoPart::again(format!("received {} of {length} bytes", octets.len()))),
                Err(unanswered) => return Err(self.no_answer(unanswered)),
            }
            if octets.len() as u64 > length {
                return Err(NoPart::again(format!("received more than the {length} bytes of a part")));
            }
        }
    }

    fn no_answer(&self, unanswered: Unanswered) -> NoPart {
        match unanswered {
            Unanswered::Error(error) => NoPart::again(http::chain(&error)),
            Unanswered::Silence => NoPart::again(format!("no data for {:?}", self.limits.silence)),
            Unanswered::Cancelled => NoPart::Never(FetchError::Cancelled),
        }
    }
}

/// The first and the last byte of a part, and the length of the whole file: `bytes 10-19/200`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64, u64)> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?;
    let (places, length) = range.split_once('/')?;
    let (first, last) = places.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?, length.trim().parse().ok()?))
}
