//! HTTP as this program speaks it: who asks, which addresses and redirects are followed, how long a server wants us to
//! wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{StatusCode, Url};

/// Publishers redirect once or twice.
const MAX_REDIRECTS: usize = 5;

/// Name, version and, once the package says where it lives, the address of the project.
pub(crate) fn user_agent() -> String {
    let name = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    match env!("CARGO_PKG_REPOSITORY") {
        "" => name.to_owned(),
        home => format!("{name} (+{home})"),
    }
}

/// An address that may be asked: http or https, with a host and without credentials.
pub(crate) fn plain_url(text: &str) -> Result<Url, &'static str> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it holds blanks or control characters");
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
            Err("it holds a user name or password")
        }
        "http" | "https" => Ok(()),
        _ => Err("only http and https are asked"),
    }
}

/// Follows a few redirects, to plain addresses only and never from https to http.
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
        return Some(format!("a redirect leads elsewhere: {why}"));
    }
    (from == "https" && attempt.url().scheme() == "http").then(|| "a redirect leaves https".to_owned())
}

/// Whether the same question may get another answer later.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// The pause that a server asks for, in seconds or as a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.to_utc() - chrono::Utc::now()).to_std().unwrap_or_default())
}

/// Between half of the pause and the whole of it, so that many clients do not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    pause / 2 + (pause / 2).mul_f64(f64::from(random % 1000) / 1000.0)
}

/// An error and its causes in one line.
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
    fn only_plain_addresses_are_asked() {
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
    fn a_server_may_ask_for_a_pause_in_seconds_or_until_a_date() {
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
}
