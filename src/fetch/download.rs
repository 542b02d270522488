//! One file from a server to a local path, whole or not at all.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};

use super::FetchError;

/// How patient and how polite downloads are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections to one host at a time.
    pub per_host: usize,
    /// A connection that brings nothing for this long is given up.
    pub silence: Duration,
    /// Attempts per file, the first included.
    pub attempts: u32,
    /// The first pause between attempts; each following one is twice as long.
    pub first_pause: Duration,
    /// No further attempt begins after this much time, and a pause that the server asks for is never longer.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_host: 4,
            silence: Duration::from_secs(30),
            attempts: 5,
            first_pause: Duration::from_secs(1),
            total: Duration::from_secs(30 * 60),
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

/// Judges a downloaded file before it is accepted.
pub type Check = fn(&Path) -> Checked;

/// Downloads files over HTTP.
pub struct Downloader {
    client: Client,
    limits: Limits,
    check: Check,
    hosts: Mutex<HashMap<String, Host>>,
    freed: Condvar,
}

/// After this many files in a row that a host did not deliver, each asked for as often as the limits allow, it is
/// asked for nothing more: a server that is down must not cost each of a thousand files its patience.
const GIVE_UP_AFTER: u32 = 8;

/// What is known of a host.
#[derive(Default)]
struct Host {
    /// Connections in use.
    busy: usize,
    /// Files that it did not deliver since the last one that it did.
    failed: u32,
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

impl Downloader {
    /// A client that honours the proxy variables of the environment and trusts the certificates of the system.
    pub fn new(limits: Limits, check: Check) -> Result<Downloader, FetchError> {
        let client = Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.silence)
            .timeout(limits.silence)
            .build()
            .map_err(|error| FetchError::Failed { url: "the network".to_owned(), why: chain(&error) })?;
        Ok(Downloader { client, limits, check, hosts: Mutex::default(), freed: Condvar::new() })
    }

    /// Downloads `url` to `part`, going on where an earlier attempt broke off, and returns once the file is whole and
    /// was accepted. What did not become whole stays for the next time.
    pub(super) fn download(&self, url: &str, part: &Path) -> Result<Whole, FetchError> {
        let turn = self.turn(url);
        if self.host(&turn.host, |host| host.failed) >= GIVE_UP_AFTER {
            let why = format!("{} did not deliver {GIVE_UP_AFTER} files in a row and is not asked again", turn.host);
            return Err(FetchError::Failed { url: url.to_owned(), why });
        }
        let result = self.persist(url, part);
        self.host(&turn.host, |host| match result {
            Err(FetchError::Failed { .. }) => host.failed += 1,
            Err(FetchError::Io(_)) => {}
            _ => host.failed = 0,
        });
        result
    }

    /// Asks as often as the limits allow.
    fn persist(&self, url: &str, part: &Path) -> Result<Whole, FetchError> {
        let begun = Instant::now();
        let mut pause = self.limits.first_pause;
        let mut refused = None;
        let mut last = String::new();
        for attempt in 1..=self.limits.attempts {
            let (why, asked) = match self.attempt(url, part, begun) {
                Attempt::Done => {
                    let size = fs::metadata(part)?.len();
                    let seen_before = refused.replace(size) == Some(size);
                    match (self.check)(part) {
                        Checked::Whole => return Ok(Whole::Yes),
                        Checked::Cut(_) if seen_before => return Ok(Whole::No),
                        Checked::Cut(why) | Checked::Foreign(why) => {
                            fs::remove_file(part)?;
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
            last = why;
            let wait = asked.unwrap_or(pause);
            if attempt < self.limits.attempts {
                if begun.elapsed().saturating_add(wait) > self.limits.total {
                    break;
                }
                thread::sleep(wait);
            }
            pause *= 2;
        }
        Err(FetchError::Failed { url: url.to_owned(), why: last })
    }

    fn attempt(&self, url: &str, part: &Path, begun: Instant) -> Attempt {
        let held = Resumable::load(part);
        let mut request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(held) = &held {
            request = request.header(RANGE, format!("bytes={}-", held.bytes)).header(IF_RANGE, &held.validator);
        }
        let response = match request.send() {
            Ok(response) => response,
            Err(error) if error.is_redirect() || error.is_builder() => {
                return Attempt::Never(FetchError::Failed { url: url.to_owned(), why: chain(&error) });
            }
            Err(error) => return Attempt::Again { why: chain(&error), pause: None },
        };
        let status = response.status();
        match status {
            StatusCode::OK => self.receive(response, part, 0, begun),
            StatusCode::PARTIAL_CONTENT => match held {
                Some(held) if continues(response.headers(), &held) => self.receive(response, part, held.bytes, begun),
                _ => {
                    Resumable::forget(part);
                    Attempt::Again { why: "the server sent another part than was asked for".to_owned(), pause: None }
                }
            },
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Resumable::forget(part);
                Attempt::Again { why: "the file on the server has changed".to_owned(), pause: None }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Attempt::Never(FetchError::Missing { url: url.to_owned(), status: status.as_u16() })
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Attempt::Again { why: format!("HTTP {status}"), pause: retry_after(response.headers()) }
            }
            _ if status.is_server_error() => {
                Attempt::Again { why: format!("HTTP {status}"), pause: retry_after(response.headers()) }
            }
            _ => Attempt::Never(FetchError::Failed { url: url.to_owned(), why: format!("HTTP {status}") }),
        }
    }

    /// Writes a response behind the `held` bytes that are there. Done only when as many came as were announced.
    fn receive(&self, mut response: Response, part: &Path, held: u64, begun: Instant) -> Attempt {
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
        let mut received = held;
        let mut buffer = vec![0; 1 << 16];
        loop {
            if begun.elapsed() > self.limits.total {
                return Attempt::Again {
                    why: format!("too slow: {received} bytes in {:?}", self.limits.total),
                    pause: None,
                };
            }
            match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    if let Err(error) = file.write_all(&buffer[..n]) {
                        return Attempt::Never(error.into());
                    }
                    received += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Attempt::Again {
                        why: format!("broke off after {received} bytes: {}", chain(&error)),
                        pause: None,
                    };
                }
            }
        }
        match expected {
            Some(expected) if expected != received => {
                if received > expected {
                    Resumable::forget(part);
                }
                Attempt::Again { why: format!("{received} bytes came instead of {expected}"), pause: None }
            }
            _ => {
                Resumable::done(part);
                Attempt::Done
            }
        }
    }

    /// Waits until the host has a connection to spare.
    fn turn(&self, url: &str) -> Turn<'_> {
        let name = url.split('/').nth(2).unwrap_or_default().to_owned();
        let mut hosts = self.hosts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        while hosts.get(&name).is_some_and(|host| host.busy >= self.limits.per_host.max(1)) {
            hosts = self.freed.wait(hosts).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        hosts.entry(name.clone()).or_default().busy += 1;
        Turn { downloader: self, host: name }
    }

    fn host<T>(&self, name: &str, ask: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.hosts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        ask(hosts.entry(name.to_owned()).or_default())
    }
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

/// A download that broke off and can go on: how much is there, and of which version of the file.
struct Resumable {
    bytes: u64,
    validator: String,
}

impl Resumable {
    fn note(part: &Path) -> PathBuf {
        let mut name = part.as_os_str().to_owned();
        name.push(".validator");
        PathBuf::from(name)
    }

    fn load(part: &Path) -> Option<Resumable> {
        let bytes = fs::metadata(part).ok()?.len();
        let validator = fs::read_to_string(Resumable::note(part)).ok()?;
        (bytes > 0 && !validator.is_empty()).then_some(Resumable { bytes, validator })
    }

    /// Only a strong ETag or a date identifies the bytes (RFC 9110, section 13.1.5).
    fn remember(part: &Path, headers: &HeaderMap) -> io::Result<()> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let validator = text(ETAG).filter(|etag| !etag.starts_with("W/")).or_else(|| text(LAST_MODIFIED));
        fs::write(Resumable::note(part), validator.unwrap_or_default())
    }

    fn done(part: &Path) {
        let _ = fs::remove_file(Resumable::note(part));
    }

    fn forget(part: &Path) {
        Resumable::done(part);
        let _ = fs::remove_file(part);
    }
}

/// Whether a partial answer goes on where we are, with the version of the file that we have the beginning of.
fn continues(headers: &HeaderMap, held: &Resumable) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = range.strip_prefix("bytes ").and_then(|range| range.split('-').next());
    let version = match held.validator.starts_with('"') {
        true => headers.get(ETAG),
        false => headers.get(LAST_MODIFIED),
    };
    first == Some(held.bytes.to_string().as_str())
        && version.is_none_or(|version| version.as_bytes() == held.validator.as_bytes())
}

/// The length of the whole file, from the answer to a request for a part of it.
fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit('/').next()?.trim().parse().ok()
}

/// The pause that a server asks for, in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    (at.to_utc() - chrono::Utc::now()).to_std().ok()
}

/// An error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        source = cause.source();
    }
    words
}
