//! Downloads of single files, with resumption, retries and limits.

mod pace;
mod remote_ranges;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::{self, Runtime};

use pace::Pace;
pub use remote_ranges::RemoteRanges;

use super::FetchError;
use super::note::DownloadSource;
use super::resume::{Resumable, continues, total};
use crate::archive;
use crate::http::{self, POLL_INTERVAL, Retry, RetryLimits};
use crate::progress::Progress;

/// The limits of downloads.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections to one host at a time.
    pub per_host: usize,
    /// A connection that delivers no byte for this long is closed.
    pub silence: Duration,
    /// A connection that delivers less than this many bytes per second …
    pub min_rate: u64,
    /// … during this interval is closed too.
    pub slow: Duration,
    /// Attempts per file, including the first. An attempt that receives a megabyte of the file does not count.
    pub attempts: u32,
    /// The first pause between attempts; each later one is twice as long.
    pub first_pause: Duration,
    /// No attempt begins later than this after the first, and no longer pause that the server asks for is accepted.
    pub total: Duration,
    /// The most bytes that a file may have, whatever it is listed with.
    pub max_file: u64,
}

impl Limits {
    /// The most bytes that a file may have by default. The largest RIB dumps have 1 GB.
    pub const MAX_FILE: u64 = 4_000_000_000;

    /// Returns the most bytes that are accepted of a file of the listed size, or of unknown size (0). Listings round, and
    /// publishers replace files.
    pub(super) fn max_bytes(&self, listed: u64) -> u64 {
        const SLACK: u64 = 16_000_000;
        match listed {
            0 => self.max_file,
            _ => listed.saturating_mul(2).saturating_add(SLACK).min(self.max_file),
        }
    }

    /// Returns why a file with more than `max_bytes` is refused.
    pub(super) fn too_long(&self, max_bytes: u64) -> String {
        match max_bytes >= self.max_file {
            true => format!("it is longer than {max_bytes} bytes, the most that a file may have (--max-file-size)"),
            false => format!("it is longer than {max_bytes} bytes, far more than its listed size"),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_host: 4,
            silence: Duration::from_secs(30),
            // The speed of a modem of 1995, for each connection.
            min_rate: 2_000,
            slow: Duration::from_secs(60),
            attempts: 5,
            first_pause: Duration::from_secs(1),
            total: Duration::from_secs(60 * 60),
            max_file: Limits::MAX_FILE,
        }
    }
}

/// Downloads files over HTTP.
pub struct Downloader {
    /// The runtime of the HTTP client.
    runtime: Runtime,
    client: Client,
    limits: Limits,
    progress: Arc<dyn Progress>,
    hosts: Mutex<HashMap<String, Host>>,
    freed: Condvar,
}

/// After this many files in a row that a host did not deliver, no further file is requested from it: a server that is down must
/// not cost the full number of attempts for each of a thousand files.
const GIVE_UP_AFTER: u32 = 8;
/// An attempt that received this many bytes of a file does not count as failed.
const PROGRESS: u64 = 1_000_000;

/// The state of a host.
#[derive(Default)]
struct Host {
    /// Connections in use.
    busy: usize,
    /// Files since the last complete one that did not arrive completely.
    failed: u32,
    /// Files since the last whole one that arrived and were not what they should be.
    refused: u32,
    /// It asked for no requests until then.
    quiet_until: Option<Instant>,
    /// It answers a request for a part with the whole file.
    sends_whole_files: bool,
}

/// A file that is to be downloaded.
pub(super) struct Wanted<'a> {
    pub(super) source: &'a DownloadSource,
    /// Where it is stored until it is complete.
    pub(super) part: &'a Path,
    /// The most bytes that are accepted.
    pub(super) max_bytes: u64,
}

impl Wanted<'_> {
    fn url(&self) -> &str {
        &self.source.url
    }

    /// The server sends more than the file can have. What was received is of no use.
    fn too_long(&self, limits: &Limits) -> Attempt {
        Resumable::forget(self.part);
        let _ = fs::remove_file(self.part);
        Attempt::Never(FetchError::Failed { url: self.url().to_owned(), why: limits.too_long(self.max_bytes) })
    }
}

/// The result of one attempt.
enum Attempt {
    Done,
    /// It failed and may succeed later, after the pause that the server asked for.
    Again {
        why: String,
        pause: Option<Duration>,
    },
    Never(FetchError),
}

impl Attempt {
    fn again(why: impl Into<String>) -> Attempt {
        Attempt::Again { why: why.into(), pause: None }
    }
}

/// Why there is no response.
enum Unanswered {
    Error(reqwest::Error),
    Silence,
    Cancelled,
}

impl Downloader {
    /// Returns a client that uses the proxy variables of the environment and the certificates of the system. It reports what
    /// it receives to `progress`, which may cancel it.
    ///
    /// # Errors
    ///
    /// If the client cannot be set up.
    pub fn new(limits: Limits, progress: Arc<dyn Progress>) -> Result<Downloader, FetchError> {
        let client = Client::builder()
            .user_agent(http::user_agent())
            .redirect(http::redirects())
            .connect_timeout(limits.silence)
            .build()
            .map_err(|error| FetchError::NoClient { why: http::chain(&error) })?;
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Downloader { runtime, client, limits, progress, hosts: Mutex::default(), freed: Condvar::new() })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the most connections to one host.
    pub(super) fn per_host(&self) -> usize {
        self.limits.per_host.max(1)
    }

    pub(super) fn progress(&self) -> &dyn Progress {
        self.progress.as_ref()
    }

    /// Returns as many attempts as the limits allow for one file of one server.
    pub(super) fn attempts(&self) -> Retry {
        let Limits { attempts, first_pause, total, .. } = self.limits;
        Retry::new(RetryLimits { attempts, first_pause, total })
    }

    /// Downloads `url` to `part` and returns when the response is complete. It resumes an interrupted download, and an
    /// incomplete file stays for the next run.
    pub(super) fn download(&self, wanted: &Wanted, retry: &mut Retry) -> Result<(), FetchError> {
        let url = wanted.url();
        let turn = self.turn(url)?;
        if self.host(&turn.host, |host| host.failed.max(host.refused)) >= GIVE_UP_AFTER {
            let why = format!(
                "{} did not deliver {GIVE_UP_AFTER} files in a row: no more requests are sent to it",
                turn.host
            );
            return Err(FetchError::Failed { url: url.to_owned(), why });
        }
        let result = self.persist(wanted, retry);
        self.host(&turn.host, |host| match result {
            Err(FetchError::Failed { .. }) => host.failed += 1,
            Err(FetchError::Io(_) | FetchError::Cancelled) => {}
            _ => host.failed = 0,
        });
        result
    }

    /// Records whether the reading of a complete response showed the file that was asked for.
    pub(super) fn judged(&self, url: &str, is_accepted: bool) {
        self.host(archive::host(url), |host| host.refused = if is_accepted { 0 } else { host.refused + 1 });
    }

    /// Waits before the next attempt at a file; `why` is why the last one failed, and `asked` the pause that the server asked
    /// for.
    pub(super) fn wait(
        &self,
        url: &str,
        why: &str,
        asked: Option<Duration>,
        retry: &mut Retry,
    ) -> Result<(), FetchError> {
        let failed = |why| FetchError::Failed { url: url.to_owned(), why };
        let pause = retry.next_pause(why, asked).map_err(failed)?;
        self.progress.retrying(url, why, pause);
        self.keep_quiet(archive::host(url), asked, pause);
        if http::sleep(pause, self.progress()) { Err(FetchError::Cancelled) } else { Ok(()) }
    }

    /// Notes the pause that a host asked for, which applies to all connections to it.
    fn keep_quiet(&self, host: &str, asked: Option<Duration>, pause: Duration) {
        if let (Some(asked), Some(until)) = (asked, Instant::now().checked_add(pause)) {
            self.host(host, |host| host.quiet_until = (asked > Duration::ZERO).then_some(until));
        }
    }

    /// Makes as many attempts as are left.
    fn persist(&self, wanted: &Wanted, retry: &mut Retry) -> Result<(), FetchError> {
        loop {
            let before = length(wanted.part);
            let (why, asked) = match self.attempt(wanted, retry) {
                Attempt::Done => return Ok(()),
                Attempt::Again { why, pause } => (why, pause),
                Attempt::Never(error) => return Err(error),
            };
            if length(wanted.part) >= before.saturating_add(PROGRESS) {
                retry.reset();
            }
            self.wait(wanted.url(), &why, asked, retry)?;
        }
    }

    fn attempt(&self, wanted: &Wanted, retry: &Retry) -> Attempt {
        let (url, part) = (wanted.url(), wanted.part);
        // A download never writes through a link.
        if part.is_symlink()
            && let Err(error) = fs::remove_file(part)
        {
            return Attempt::Never(error.into());
        }
        let held = Resumable::load(part);
        let mut request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(held) = &held {
            request = request.header(RANGE, format!("bytes={}-", held.bytes)).header(IF_RANGE, &held.validator);
        }
        let answer = async { self.before_silence(request.send()).await };
        let response = match self.runtime.block_on(answer) {
            Ok(response) => response,
            Err(Unanswered::Error(error)) if error.is_redirect() || error.is_builder() => {
                return Attempt::Never(FetchError::Failed { url: url.to_owned(), why: http::chain(&error) });
            }
            Err(Unanswered::Error(error)) => return Attempt::again(http::chain(&error)),
            Err(Unanswered::Silence) => return Attempt::again(format!("no response in {:?}", self.limits.silence)),
            Err(Unanswered::Cancelled) => return Attempt::Never(FetchError::Cancelled),
        };
        let status = response.status();
        match status {
            StatusCode::OK => self.receive(response, wanted, 0, retry),
            StatusCode::PARTIAL_CONTENT => match held {
                Some(held) if continues(response.headers(), &held) => self.receive(response, wanted, held.bytes, retry),
                _ => {
                    Resumable::forget(part);
                    Attempt::again("the server sent a different part than requested")
                }
            },
            // The last run received all of it before it stopped.
            StatusCode::RANGE_NOT_SATISFIABLE
                if held.as_ref().is_some_and(|held| total(response.headers()) == Some(held.bytes)) =>
            {
                Attempt::Done
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Resumable::forget(part);
                Attempt::again("the file on the server has changed")
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Attempt::Never(FetchError::Missing { url: url.to_owned(), status: status.as_u16() })
            }
            _ if http::may_pass(status) => {
                Attempt::Again { why: format!("HTTP {status}"), pause: http::retry_after(response.headers()) }
            }
            _ => Attempt::Never(FetchError::Failed { url: url.to_owned(), why: format!("HTTP {status}") }),
        }
    }

    /// Appends a response to the `held` bytes of the file. It is complete only if it has the announced length.
    fn receive(&self, response: Response, wanted: &Wanted, held: u64, retry: &Retry) -> Attempt {
        let part = wanted.part;
        let announced = response.content_length().map(|length| length.saturating_add(held));
        // A server may send only part of the rest of the file.
        let expected = if held > 0 { total(response.headers()).or(announced) } else { announced };
        if expected.is_some_and(|expected| expected > wanted.max_bytes) {
            return wanted.too_long(&self.limits);
        }
        let file = if held == 0 { File::create(part) } else { OpenOptions::new().append(true).open(part) };
        let mut file = match file {
            Ok(file) => file,
            Err(error) => return Attempt::Never(error.into()),
        };
        if held == 0
            && let Err(error) = Resumable::remember(part, response.headers(), wanted.source)
        {
            return Attempt::Never(error.into());
        }
        let received = match self.runtime.block_on(self.copy(response, &mut file, wanted, (held, retry))) {
            Ok(received) => received,
            Err(stopped) => return stopped,
        };
        match expected {
            Some(expected) if expected != received => {
                if received > expected {
                    Resumable::forget(part);
                }
                Attempt::again(format!("received {received} of {expected} bytes"))
            }
            _ => Attempt::Done,
        }
    }

    /// Copies a response into the file while it arrives fast enough. Returns the length of the file.
    async fn copy(
        &self,
        mut response: Response,
        file: &mut File,
        wanted: &Wanted<'_>,
        (held, retry): (u64, &Retry),
    ) -> Result<u64, Attempt> {
        let mut received = held;
        let mut pace = Pace::new(self.limits, held);
        loop {
            if let Some(why) = pace.too_slow(received, retry.elapsed()) {
                return Err(Attempt::again(why));
            }
            let chunk = match self.before_silence(response.chunk()).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(received),
                Err(Unanswered::Error(error)) => {
                    return Err(Attempt::again(format!(
                        "connection lost after {received} bytes: {}",
                        http::chain(&error)
                    )));
                }
                Err(Unanswered::Silence) => {
                    let silence = self.limits.silence;
                    return Err(Attempt::again(format!("no data for {silence:?} after {received} bytes")));
                }
                Err(Unanswered::Cancelled) => return Err(Attempt::Never(FetchError::Cancelled)),
            };
            received += chunk.len() as u64;
            if received > wanted.max_bytes {
                return Err(wanted.too_long(&self.limits));
            }
            file.write_all(&chunk).map_err(|error| Attempt::Never(error.into()))?;
            self.progress.received(chunk.len() as u64);
        }
    }

    /// Awaits a result, unless it takes too long or the run is cancelled.
    async fn before_silence<T>(&self, what: impl Future<Output = reqwest::Result<T>>) -> Result<T, Unanswered> {
        let begun = Instant::now();
        let mut what = pin!(what);
        loop {
            if self.progress.is_cancelled() {
                return Err(Unanswered::Cancelled);
            }
            match tokio::time::timeout(POLL_INTERVAL, what.as_mut()).await {
                Ok(answer) => return answer.map_err(Unanswered::Error),
                Err(_) if begun.elapsed() >= self.limits.silence => return Err(Unanswered::Silence),
                Err(_) => {}
            }
        }
    }

    /// Waits for a free connection to the host.
    fn turn(&self, url: &str) -> Result<Turn<'_>, FetchError> {
        let name = archive::host(url).to_owned();
        let mut hosts = self.hosts();
        loop {
            if self.progress.is_cancelled() {
                return Err(FetchError::Cancelled);
            }
            let host = hosts.entry(name.clone()).or_default();
            if host.busy < self.per_host() && host.quiet_until.is_none_or(|until| until <= Instant::now()) {
                host.busy += 1;
                return Ok(Turn { downloader: self, host: name });
            }
            hosts = match self.freed.wait_timeout(hosts, POLL_INTERVAL) {
                Ok((hosts, _)) => hosts,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn host<T>(&self, name: &str, ask: impl FnOnce(&mut Host) -> T) -> T {
        ask(self.hosts().entry(name.to_owned()).or_default())
    }
}

fn length(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |metadata| metadata.len())
}

/// A connection to a host. It becomes free when this value is dropped.
struct Turn<'a> {
    downloader: &'a Downloader,
    host: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.downloader.host(&self.host, |host| host.busy -= 1);
        self.downloader.freed.notify_all();
    }
}
