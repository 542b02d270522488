//! One file from a server to a local path, whole or not at all.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::{self, Runtime};

use super::FetchError;
use super::resume::{Resumable, continues, total};
use crate::http;
use crate::progress::Progress;

/// How patient and how polite downloads are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections to one host at a time.
    pub per_host: usize,
    /// A connection that brings nothing for this long is given up.
    pub silence: Duration,
    /// A connection that brings less than this many bytes a second is given up too …
    pub min_rate: u64,
    /// … once it did so for this long.
    pub slow: Duration,
    /// Attempts per file, the first included. One that brought a megabyte of it does not count.
    pub attempts: u32,
    /// The first pause between attempts; each following one is twice as long.
    pub first_pause: Duration,
    /// A file is given up after this much time, and a pause that the server asks for is never longer.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_host: 4,
            silence: Duration::from_secs(30),
            // A modem of 1995, for each of the connections.
            min_rate: 2_000,
            slow: Duration::from_secs(60),
            attempts: 5,
            first_pause: Duration::from_secs(1),
            total: Duration::from_secs(60 * 60),
        }
    }
}

/// What a downloaded file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It can be read to its end.
    Whole,
    /// It ends early. Sent so twice, that is how it was published.
    Cut(String),
    /// It is something else, such as an error page.
    Foreign(String),
}

/// Whether a file that was accepted has its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    /// It ended early each time that it was sent.
    No,
}

/// Judges a downloaded file before it is accepted. What it says of a run that is to stop does not matter.
pub type Check = fn(&Path, &dyn Progress) -> Checked;

/// Downloads files over HTTP.
pub struct Downloader {
    /// The client's own threads.
    runtime: Runtime,
    client: Client,
    limits: Limits,
    check: Check,
    progress: Arc<dyn Progress>,
    hosts: Mutex<HashMap<String, Host>>,
    freed: Condvar,
}

/// After this many files in a row that a host did not deliver, each asked for as often as the limits allow, it is
/// asked for nothing more: a server that is down must not cost each of a thousand files its patience.
const GIVE_UP_AFTER: u32 = 8;
/// Whoever waits looks up this often, whether to stop.
pub(super) const GLANCE: Duration = Duration::from_millis(100);
/// An attempt that brought so many bytes was worth it.
const WORTH_IT: u64 = 1_000_000;

/// What is known of a host.
#[derive(Default)]
struct Host {
    /// Connections in use.
    busy: usize,
    /// Files that it did not deliver since the last one that it did.
    failed: u32,
    /// It asked for quiet until then.
    quiet_until: Option<Instant>,
}

/// What became of one attempt.
enum Attempt {
    Done,
    /// It may work later, not before the pause that the server asked for.
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

/// Why there is no answer.
enum Unanswered {
    Error(reqwest::Error),
    Silence,
    Cancelled,
}

impl Downloader {
    /// A client that honours the proxy variables of the environment and trusts the certificates of the system. What it
    /// receives it tells `progress`, which may stop it.
    pub fn new(limits: Limits, check: Check, progress: Arc<dyn Progress>) -> Result<Downloader, FetchError> {
        let failed = |why| FetchError::Failed { url: "the network".to_owned(), why };
        let client = Client::builder()
            .user_agent(http::user_agent())
            .redirect(http::redirects())
            .connect_timeout(limits.silence)
            .build()
            .map_err(|error| failed(http::chain(&error)))?;
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Downloader { runtime, client, limits, check, progress, hosts: Mutex::default(), freed: Condvar::new() })
    }

    /// The most connections to one host.
    pub(super) fn per_host(&self) -> usize {
        self.limits.per_host.max(1)
    }

    pub(super) fn progress(&self) -> &dyn Progress {
        self.progress.as_ref()
    }

    /// Downloads `url` to `part`, going on where an earlier attempt broke off, and returns once the file is whole and
    /// was accepted. What did not become whole stays for the next time.
    pub(super) fn download(&self, url: &str, part: &Path) -> Result<Whole, FetchError> {
        let turn = self.turn(url)?;
        if self.host(&turn.host, |host| host.failed) >= GIVE_UP_AFTER {
            let why = format!("{} did not deliver {GIVE_UP_AFTER} files in a row and is not asked again", turn.host);
            return Err(FetchError::Failed { url: url.to_owned(), why });
        }
        let result = self.persist(url, part, &turn.host);
        self.host(&turn.host, |host| match result {
            Err(FetchError::Failed { .. }) => host.failed += 1,
            Err(FetchError::Io(_) | FetchError::Cancelled) => {}
            _ => host.failed = 0,
        });
        result
    }

    /// Asks as often as the limits allow.
    fn persist(&self, url: &str, part: &Path, host: &str) -> Result<Whole, FetchError> {
        let begun = Instant::now();
        let mut pause = self.limits.first_pause;
        let mut refused = None;
        let mut left = self.limits.attempts;
        loop {
            let before = length(part);
            let (why, asked) = match self.attempt(url, part, begun) {
                Attempt::Done => {
                    let size = length(part);
                    let seen_before = refused.replace(size) == Some(size);
                    let checked = (self.check)(part, self.progress());
                    if self.progress.is_cancelled() {
                        return Err(FetchError::Cancelled);
                    }
                    match checked {
                        Checked::Whole => return Ok(Whole::Yes),
                        Checked::Cut(_) if seen_before => return Ok(Whole::No),
                        Checked::Cut(why) | Checked::Foreign(why) => {
                            Resumable::forget(part);
                            if seen_before {
                                return Err(FetchError::Failed { url: url.to_owned(), why });
                            }
                            (why, None)
                        }
                    }
                }
                Attempt::Again { why, pause } => (why, pause),
                Attempt::Never(error) => return Err(error),
            };
            if length(part) >= before.saturating_add(WORTH_IT) {
                (left, pause) = (self.limits.attempts, self.limits.first_pause);
            } else {
                left = left.saturating_sub(1);
            }
            let wait = asked.unwrap_or_else(|| http::jittered(pause));
            let time_is_over = begun.elapsed().saturating_add(wait) > self.limits.total;
            if left == 0 || time_is_over {
                let why = match asked {
                    Some(asked) if time_is_over => format!("{why}, and asks to come back in {} s", asked.as_secs()),
                    _ => why,
                };
                return Err(FetchError::Failed { url: url.to_owned(), why });
            }
            self.progress.retrying(url, &why, wait);
            if let (Some(asked), Some(until)) = (asked, Instant::now().checked_add(wait)) {
                // All connections leave it in peace.
                self.host(host, |host| host.quiet_until = (asked > Duration::ZERO).then_some(until));
            }
            self.sleep(wait)?;
            pause = pause.saturating_mul(2);
        }
    }

    fn attempt(&self, url: &str, part: &Path, begun: Instant) -> Attempt {
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
            Err(Unanswered::Silence) => return Attempt::again(format!("no answer in {:?}", self.limits.silence)),
            Err(Unanswered::Cancelled) => return Attempt::Never(FetchError::Cancelled),
        };
        let status = response.status();
        match status {
            StatusCode::OK => self.receive(response, part, 0, begun),
            StatusCode::PARTIAL_CONTENT => match held {
                Some(held) if continues(response.headers(), &held) => self.receive(response, part, held.bytes, begun),
                _ => {
                    Resumable::forget(part);
                    Attempt::again("the server sent another part than was asked for")
                }
            },
            // All of it had come when the last run stopped.
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

    /// Writes a response behind the `held` bytes that are there. Done only when as many came as were announced.
    fn receive(&self, response: Response, part: &Path, held: u64, begun: Instant) -> Attempt {
        let announced = response.content_length().map(|length| length.saturating_add(held));
        // A server may send less than the whole rest of the file.
        let expected = if held > 0 { total(response.headers()).or(announced) } else { announced };
        let file = if held == 0 { File::create(part) } else { OpenOptions::new().append(true).open(part) };
        let mut file = match file {
            Ok(file) => file,
            Err(error) => return Attempt::Never(error.into()),
        };
        if held == 0
            && let Err(error) = Resumable::remember(part, response.headers())
        {
            return Attempt::Never(error.into());
        }
        let received = match self.runtime.block_on(self.copy(response, &mut file, held, begun)) {
            Ok(received) => received,
            Err(stopped) => return stopped,
        };
        match expected {
            Some(expected) if expected != received => {
                if received > expected {
                    Resumable::forget(part);
                }
                Attempt::again(format!("{received} bytes came instead of {expected}"))
            }
            _ => Attempt::Done,
        }
    }

    /// Everything that comes, at no less than the lowest rate. Returns how many bytes the file has then.
    async fn copy(&self, mut response: Response, file: &mut File, held: u64, begun: Instant) -> Result<u64, Attempt> {
        let mut received = held;
        let (mut measured_at, mut received_then) = (Instant::now(), received);
        loop {
            if begun.elapsed() > self.limits.total {
                return Err(Attempt::again(format!("too slow: {received} bytes in {:?}", self.limits.total)));
            }
            let measured = measured_at.elapsed();
            if measured >= self.limits.slow {
                let brought = received - received_then;
                if (brought as f64) < self.limits.min_rate as f64 * measured.as_secs_f64() {
                    return Err(Attempt::again(format!(
                        "too slow: {brought} bytes in {:.0} s",
                        measured.as_secs_f64()
                    )));
                }
                (measured_at, received_then) = (Instant::now(), received);
            }
            let chunk = match self.before_silence(response.chunk()).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(received),
                Err(Unanswered::Error(error)) => {
                    return Err(Attempt::again(format!("broke off after {received} bytes: {}", http::chain(&error))));
                }
                Err(Unanswered::Silence) => {
                    let silence = self.limits.silence;
                    return Err(Attempt::again(format!("nothing came for {silence:?} after {received} bytes")));
                }
                Err(Unanswered::Cancelled) => return Err(Attempt::Never(FetchError::Cancelled)),
            };
            file.write_all(&chunk).map_err(|error| Attempt::Never(error.into()))?;
            received += chunk.len() as u64;
            self.progress.received(chunk.len() as u64);
        }
    }

    /// What is awaited, unless it takes too long or the run is to stop.
    async fn before_silence<T>(&self, what: impl Future<Output = reqwest::Result<T>>) -> Result<T, Unanswered> {
        let begun = Instant::now();
        let mut what = pin!(what);
        loop {
            if self.progress.is_cancelled() {
                return Err(Unanswered::Cancelled);
            }
            match tokio::time::timeout(GLANCE, what.as_mut()).await {
                Ok(answer) => return answer.map_err(Unanswered::Error),
                Err(_) if begun.elapsed() >= self.limits.silence => return Err(Unanswered::Silence),
                Err(_) => {}
            }
        }
    }

    fn sleep(&self, pause: Duration) -> Result<(), FetchError> {
        let begun = Instant::now();
        loop {
            if self.progress.is_cancelled() {
                return Err(FetchError::Cancelled);
            }
            match pause.checked_sub(begun.elapsed()) {
                Some(left) if !left.is_zero() => thread::sleep(left.min(GLANCE)),
                _ => return Ok(()),
            }
        }
    }

    /// Waits until the host has a connection to spare.
    fn turn(&self, url: &str) -> Result<Turn<'_>, FetchError> {
        let name = url.split('/').nth(2).unwrap_or_default().to_owned();
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
            hosts = match self.freed.wait_timeout(hosts, GLANCE) {
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

/// A connection to a host, given back when it is dropped.
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
