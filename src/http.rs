//! The rules for HTTP requests: the user agent, the addresses and redirects that are allowed, and when a failed request is
//! made again.

use std::fmt;
use std::io::Read;
use std::str::FromStr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::blocking::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{StatusCode, Url};

use crate::progress::Progress;

/// The servers of the publishers redirect once or twice.
const MAX_REDIRECTS: usize = 5;

/// Returns the name and version of this program and, if the package has one, the address of its repository.
pub(crate) fn user_agent() -> String {
    let name = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    match env!("CARGO_PKG_REPOSITORY") {
        "" => name.to_owned(),
        home => format!("{name} (+{home})"),
    }
}

/// The URL of a folder on a server, below which files have the paths that their publisher gave them: http or https, without
/// credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<BaseUrl, String> {
        let text = text.trim().trim_end_matches('/');
        let wrong = |why: &str| format!("{why}; write https://host/path");
        match plain_url(text) {
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                Err(wrong("it contains more than host and path"))
            }
            Ok(_) => Ok(BaseUrl(text.to_owned())),
            Err(why) => Err(wrong(why)),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BaseUrl {
    /// Returns a URL that is part of this program.
    pub(crate) fn known(url: &'static str) -> BaseUrl {
        BaseUrl(url.to_owned())
    }

    /// Returns the URL of `path` below it.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}/{}", self.0, path.trim_start_matches('/'))
    }
}

/// Parses an http or https URL with a host and without credentials.
pub(crate) fn plain_url(text: &str) -> Result<Url, &'static str> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it contains blanks or control characters");
    }
    let url = Url::parse(text).map_err(|_| "not a URL")?;
    check_plain(&url)?;
    // The standard reads https:///host as https://host.
    if text.split_once("://").is_some_and(|(_, rest)| rest.starts_with(['/', '\\'])) {
        return Err("it has no host");
    }
    Ok(url)
}

fn check_plain(url: &Url) -> Result<(), &'static str> {
    match url.scheme() {
        "http" | "https" if url.host_str().is_none_or(str::is_empty) => Err("it has no host"),
        "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
            Err("it contains a user name or password")
        }
        "http" | "https" => Ok(()),
        _ => Err("only http and https are allowed"),
    }
}

/// Follows a few redirects, only to URLs that [`plain_url`] accepts, and never from https to http.
pub(crate) fn redirects() -> Policy {
    Policy::custom(|attempt| match refused(&attempt) {
        Some(why) => attempt.error(why),
        None => attempt.follow(),
    })
}

fn refused(attempt: &Attempt) -> Option<String> {
    let from = attempt.previous().last().map_or("", Url::scheme);
    if attempt.previous().len() > MAX_REDIRECTS {
        return Some(format!("more than {MAX_REDIRECTS} redirects"));
    }
    if let Err(why) = check_plain(attempt.url()) {
        return Some(format!("cannot follow a redirect: {why}"));
    }
    (from == "https" && attempt.url().scheme() == "http").then(|| "a redirect leads from https to http".to_owned())
}

/// Whether the same request may succeed later.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// Returns the pause that a server asks for, in seconds or as a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.to_utc() - chrono::Utc::now()).to_std().unwrap_or_default())
}

/// Decides whether and when a failed request is made again: after pauses that double, and not later than a limit.
pub(crate) struct Retry {
    begun: Instant,
    limits: RetryLimits,
    pause: Duration,
    attempts_left: u32,
}

/// How often and how long a request is made again.
#[derive(Clone, Copy)]
pub(crate) struct RetryLimits {
    /// Attempts, including the first.
    pub(crate) attempts: u32,
    /// The first pause; each later one is twice as long.
    pub(crate) first_pause: Duration,
    /// No attempt begins later than this after the first.
    pub(crate) total: Duration,
}

impl Retry {
    /// Begins now, before the first attempt.
    pub(crate) fn new(limits: RetryLimits) -> Retry {
        Retry { begun: Instant::now(), limits, pause: limits.first_pause, attempts_left: limits.attempts }
    }

    /// Returns how long ago the first attempt began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Starts to count again: the attempt that just failed made progress.
    pub(crate) fn reset(&mut self) {
        self.pause = self.limits.first_pause;
        self.attempts_left = self.limits.attempts.saturating_add(1);
    }

    /// Returns the pause before the next attempt. `why` is why the last one failed, and `asked` the pause that the server
    /// asked for.
    ///
    /// # Errors
    ///
    /// Returns why there is no further attempt.
    pub(crate) fn next_pause(&mut self, why: &str, asked: Option<Duration>) -> Result<Duration, String> {
        self.attempts_left = self.attempts_left.saturating_sub(1);
        let pause = asked.unwrap_or_else(|| jittered(self.pause));
        let is_late = self.elapsed().saturating_add(pause) > self.limits.total;
        match asked {
            Some(asked) if is_late => Err(format!("{why}; the server asks to wait {} s", asked.as_secs())),
            _ if is_late || self.attempts_left == 0 => Err(why.to_owned()),
            _ => {
                self.pause = self.pause.saturating_mul(2);
                Ok(pause)
            }
        }
    }
}

/// How often a thread that waits checks whether the run was cancelled.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Sleeps for `pause`, or until the run is cancelled; returns whether it was.
pub(crate) fn sleep(pause: Duration, progress: &dyn Progress) -> bool {
    let begun = Instant::now();
    while !progress.is_cancelled() {
        match pause.checked_sub(begun.elapsed()) {
            Some(left) if !left.is_zero() => thread::sleep(left.min(POLL_INTERVAL)),
            _ => return false,
        }
    }
    true
}

/// Why a request has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// The run was cancelled. The request ends in the background.
    Cancelled,
    /// The thread of the request panicked.
    Panicked,
}

/// Makes a request in a thread of its own and returns its result, unless the run is cancelled first.
pub(crate) fn unless_cancelled<T: Send + 'static>(
    progress: &dyn Progress,
    request: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    let (result, received) = mpsc::sync_channel(1);
    thread::spawn(move || result.send(request()));
    loop {
        match received.recv_timeout(POLL_INTERVAL) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) if progress.is_cancelled() => return Err(NoResult::Cancelled),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(NoResult::Panicked),
        }
    }
}

/// Returns a duration between half of `pause` and all of it, so that many clients do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let random = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    pause / 2 + (pause / 2).mul_f64(f64::from(random % 1000) / 1000.0)
}

/// Why the body of an answer was not read.
pub(crate) enum Unread {
    /// It is longer than it may be.
    TooLong,
    /// The connection failed, for this reason.
    Failed(String),
}

/// Returns the body of an answer of at most `most` bytes.
pub(crate) fn body(answer: Response, most: u64) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    match answer.take(most + 1).read_to_end(&mut body) {
        Err(error) => Err(Unread::Failed(chain(&error))),
        Ok(n) if n as u64 > most => Err(Unread::TooLong),
        Ok(_) => Ok(body),
    }
}

/// Returns an error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn only_plain_urls_are_accepted() {
        for good in ["http://127.0.0.1:8080/v3", "https://api.bgpkit.com/v3/broker", "HTTPS://host"] {
            assert!(plain_url(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("file:///etc/passwd", "only http and https"),
            ("ftp://host/file", "only http and https"),
            ("https://user:secret@host/", "user name or password"),
            ("https://user@host/", "user name or password"),
            ("https://", "not a URL"),
            ("https:///path", "no host"),
            ("host/path", "not a URL"),
            ("", "not a URL"),
            ("https://host/a b", "blanks"),
            ("https://host/\n", "blanks"),
        ] {
            let found = plain_url(bad).expect_err(bad);
            assert!(found.contains(why), "{bad}: {found}");
        }
    }

    #[test]
    fn a_base_is_a_plain_url_without_a_query() {
        let base: BaseUrl = "https://storage.googleapis.com/routeviews-archives/".parse().unwrap();
        assert_eq!(
            base.join("/bgpdata/2014.12/RIBS/rib.20141222.1600.bz2"),
            "https://storage.googleapis.com/routeviews-archives/bgpdata/2014.12/RIBS/rib.20141222.1600.bz2"
        );
        for bad in ["file:///mirror", "https://user@host/", "https://host/?path=", "https://host/#x", "host", ""] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let pause = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            retry_after(&headers)
        };
        assert_eq!(pause("120"), Some(Duration::from_secs(120)));
        assert_eq!(pause("99999999999999999999"), None);
        assert_eq!(pause("Mon, 22 Dec 2014 16:15:00 GMT"), Some(Duration::ZERO));
        assert_eq!(pause("-5"), None);
        assert_eq!(pause("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn a_request_is_made_again_until_attempts_or_time_run_out() {
        let limits = |attempts, total| RetryLimits {
            attempts,
            first_pause: Duration::from_secs(2),
            total: Duration::from_secs(total),
        };
        let mut retry = Retry::new(limits(3, 3600));
        let first = retry.next_pause("HTTP 503", None).unwrap();
        assert!((1..=2).contains(&first.as_secs()), "{first:?}");
        assert_eq!(retry.next_pause("HTTP 503", Some(Duration::from_secs(9))), Ok(Duration::from_secs(9)));
        assert_eq!(retry.next_pause("HTTP 503", None), Err("HTTP 503".to_owned()));
        retry.reset();
        assert!(retry.next_pause("HTTP 503", None).is_ok());
        let late = Retry::new(limits(3, 60)).next_pause("HTTP 429", Some(Duration::from_secs(61)));
        assert_eq!(late, Err("HTTP 429; the server asks to wait 61 s".to_owned()));
    }
}
