//! One search on a broker, page by page. The parameters and the items are those of bgpkit-broker. Its own client is not used: it
//! reads a file `.env`, which can switch off the check of certificates, follows redirects from https to http, and sets no bound to
//! what a server sends.

use std::collections::BTreeMap;
use std::time::Duration;

use bgpkit_broker::{BrokerItem, QueryParams};
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde::Deserialize;

use crate::http::{self, Unread};

/// The largest page that a broker returns.
pub(super) const PAGE_SIZE: i64 = 1000;
/// The most bytes of one page. An item has about 300.
const MAX_PAGE: u64 = 8 << 20;
/// The most files of one search: three years of five-minute files of one collector.
const MAX_FILES: i64 = 400_000;
/// The longest excerpt of an error page that is shown.
const MAX_SHOWN: usize = 512;

/// What a broker answers.
#[derive(Deserialize)]
struct Page {
    total: Option<i64>,
    error: Option<String>,
    #[serde(default)]
    data: Vec<BrokerItem>,
}

/// Why a search was not answered.
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) may_pass: bool,
    /// The pause that the broker asked for.
    pub(super) pause: Option<Duration>,
}

impl Refusal {
    fn new(why: impl Into<String>, may_pass: bool) -> Refusal {
        // The text comes from the server and may contain control characters.
        let why: String = why.into().replace(char::is_control, " ").trim().chars().take(MAX_SHOWN).collect();
        Refusal { why, may_pass, pause: None }
    }
}

/// Returns every item that answers a search, once each, by URL.
pub(super) fn every_page(
    client: &Client,
    url: &str,
    params: &QueryParams,
) -> Result<BTreeMap<String, BrokerItem>, Refusal> {
    let mut items = BTreeMap::new();
    let mut total = None;
    for number in 1.. {
        let page = page(client, url, &params.clone().page(number).page_size(PAGE_SIZE))?;
        let announced = page.total.ok_or_else(|| Refusal::new("the answer has no total", true))?;
        if announced > MAX_FILES {
            return Err(Refusal::new(
                format!(
                    "it lists {announced} files, more than {MAX_FILES}: shorten the window or choose fewer collectors"
                ),
                false,
            ));
        }
        // The list may grow while it is read.
        total = total.max(Some(announced));
        let n_items = page.data.len() as i64;
        let n_before = items.len();
        items.extend(page.data.into_iter().map(|item| (item.url.clone(), item)));
        let is_last = n_items < PAGE_SIZE || number * PAGE_SIZE >= announced;
        if is_last || items.len() == n_before {
            break;
        }
    }
    // A page that was lost looks like the end of the list.
    let (found, total) = (items.len() as i64, total.unwrap_or(0));
    if found < total {
        return Err(Refusal::new(format!("the list is incomplete: {found} of {total} files"), true));
    }
    Ok(items)
}

fn page(client: &Client, url: &str, params: &QueryParams) -> Result<Page, Refusal> {
    let response = client.get(format!("{url}/search{params}")).send().map_err(|error| {
        let may_pass = !error.is_builder() && !error.is_redirect();
        Refusal::new(http::chain(&error), may_pass)
    })?;
    let status = response.status();
    let pause = http::retry_after(response.headers());
    let body = body(response)?;
    if !status.is_success() {
        let text = String::from_utf8_lossy(&body);
        let why = format!("HTTP {status}: {}", text.trim());
        let is_overload = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let pause = pause.filter(|_| is_overload);
        return Err(Refusal { pause, ..Refusal::new(why, http::may_pass(status)) });
    }
    let page: Page = serde_json::from_slice(&body)
        .map_err(|error| Refusal::new(format!("its answer cannot be read: {error}"), true))?;
    match page.error {
        Some(why) => Err(Refusal::new(why, true)),
        None => Ok(page),
    }
}

fn body(response: Response) -> Result<Vec<u8>, Refusal> {
    http::body(response, MAX_PAGE).map_err(|unread| match unread {
        Unread::Failed(why) => Refusal::new(format!("its answer ends early: {why}"), true),
        Unread::TooLong => Refusal::new(format!("its answer is longer than {} MB", MAX_PAGE >> 20), false),
    })
}
