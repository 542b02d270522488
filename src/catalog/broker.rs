//! The publishers' archives, as a bgpkit-broker server lists them.

mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bgpkit_broker::{BrokerItem, QueryParams};
use reqwest::blocking::Client;

use super::choice::Chosen;
use super::of_each::of_each;
use super::published;
use super::ribs::RIB_LOOK_BACK;
use super::{ArchiveFile, Catalog, Choice, DumpKind, Location, Offer, Query, RibNotes, choice, is_in, plan};
use crate::archive;
use crate::bgp::{Collector, Project};
use crate::coverage::ListingSource;
use crate::error::Error;
use crate::http::{self, NoResult, Retry, RetryLimits};
use crate::progress::Progress;
use crate::time::{Timestamp, Window};

/// The public broker.
const PUBLIC: &str = "https://api.bgpkit.com/v3/broker";
/// The longest URL of a file.
const MAX_URL: usize = 2048;
const HOUR: Duration = Duration::from_secs(3600);
/// The broker takes all file names as UTC. They were in local time until 2006 (RouteViews), and intervals were longer until
/// 2003 (RIPE RIS), so the query for an old window is wider by this much on either side.
const LOCAL_TIME_SLACK: Duration = HOUR.saturating_mul(9);
const LOCAL_TIME_UNTIL: Timestamp = Timestamp::from_secs(1_138_924_800);
/// For later windows: a file may begin this long before the first message that is needed.
const SLACK: Duration = Duration::from_secs(30 * 60);

/// How long a failed query to a broker is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The first pause; each later one is twice as long.
    pub first_pause: Duration,
    /// No attempt begins later than this after the first, and no longer pause that the broker asks for is accepted.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { first_pause: Duration::from_secs(1), total: Duration::from_secs(60) }
    }
}

/// The URL of a broker: http or https, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl(String);

/// Text that is not the URL of a broker.
#[derive(Debug, thiserror::Error)]
#[error("{0}; write https://host/path, such as {PUBLIC}")]
pub struct ParseBrokerUrlError(&'static str);

impl FromStr for BrokerUrl {
    type Err = ParseBrokerUrlError;

    fn from_str(text: &str) -> Result<BrokerUrl, ParseBrokerUrlError> {
        let text = text.trim().trim_end_matches('/');
        match http::plain_url(text) {
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                Err(ParseBrokerUrlError("it contains more than host and path"))
            }
            Ok(_) => Ok(BrokerUrl(text.to_owned())),
            Err(why) => Err(ParseBrokerUrlError(why)),
        }
    }
}

impl Default for BrokerUrl {
    /// The public broker.
    fn default() -> BrokerUrl {
        BrokerUrl(PUBLIC.to_owned())
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The archives that a bgpkit-broker server lists.
pub struct Broker {
    url: BrokerUrl,
    client: Client,
    choice: Choice,
    patience: Patience,
    progress: Arc<dyn Progress>,
    /// The default choice for the last query without named collectors.
    chosen: Mutex<Option<(Query, Chosen)>>,
    remarks: Mutex<BTreeSet<String>>,
}

impl Broker {
    /// Returns the broker at `url`. A query that names no collector uses those of `choice`; `progress` may cancel it.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be set up.
    pub fn new(
        url: &BrokerUrl,
        choice: Choice,
        patience: Patience,
        progress: Arc<dyn Progress>,
    ) -> Result<Broker, Error> {
        let client = Client::builder()
            .user_agent(http::user_agent())
            .redirect(http::redirects())
            .build()
            .map_err(|error| Error::Broker { url: url.to_string(), why: http::chain(&error) })?;
        let (chosen, remarks) = (Mutex::default(), Mutex::default());
        Ok(Broker { url: url.clone(), client, choice, patience, progress, chosen, remarks })
    }

    /// Returns its URL.
    pub fn url(&self) -> &str {
        &self.url.0
    }

    /// Lists the RIB dumps that may seed, check or end the replay of `collector`, and the updates from the earliest one on.
    fn list_collector(&self, collector: &Collector, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let window = query.window;
        let slack = if window.start < LOCAL_TIME_UNTIL { LOCAL_TIME_SLACK } else { SLACK };
        let mut ribs = Vec::new();
        for look_back in RIB_LOOK_BACK {
            let start = window.start - look_back.max(query.baseline) - slack;
            ribs =
                self.search(collector.name(), DumpKind::Rib, Window { start, end: window.end + RIB_LOOK_BACK[0] })?;
            if ribs.iter().any(|rib| rib.named_at < window.start) {
                break;
            }
        }
        // Updates matter from the seeding RIB dump on, which the plan chooses.
        let seeded = plan(query, &ribs, &RibNotes::default());
        let start = seeded.collectors.first().map_or(window.start, |plan| plan.start.min(window.start));
        // If the seed turns out to be broken, the RIB dump before it takes its place.
        let earlier = ribs.iter().rev().map(|rib| rib.named_at).find(|at| *at < start).unwrap_or(start);
        let span = Window { start: earlier - slack, end: window.end + slack };
        let mut files = self.search(collector.name(), DumpKind::Updates, span)?;
        files.append(&mut ribs);
        Ok(files)
    }

    /// Makes the default choice, or returns it if it was made for this query.
    fn choose(&self, query: &Query) -> Result<Chosen, Error> {
        let Some(budget) = choice::budget(query, self.choice) else {
            return Ok(Chosen { collectors: choice::candidates(query, self.choice)?, others: Vec::new() });
        };
        let mut known = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, chosen)) = known.as_ref().filter(|(of, _)| of == query) {
            return Ok(chosen.clone());
        }
        let candidates = choice::candidates(query, self.choice)?;
        let names = candidates.iter().map(Collector::name).collect::<Vec<_>>().join(",");
        let start = query.window.start;
        let slack = if start < LOCAL_TIME_UNTIL { LOCAL_TIME_SLACK } else { SLACK };
        let mut files =
            self.search(&names, DumpKind::Rib, Window { start: start - RIB_LOOK_BACK[0] - slack, end: start })?;
        let sample = Window { start: start - slack, end: start + choice::SAMPLE + slack };
        files.extend(self.search(&names, DumpKind::Updates, sample)?);
        let chosen = choice::choose(query, &files, budget);
        *known = Some((query.clone(), chosen.clone()));
        Ok(chosen)
    }

    /// Lists the files of one kind in `window`, by name. `collectors` are one or several, with commas between them.
    fn search(&self, collectors: &str, kind: DumpKind, window: Window) -> Result<Vec<ArchiveFile>, Error> {
        let params = QueryParams {
            collector_id: Some(collectors.to_owned()),
            data_type: Some(kind.name().to_owned()),
            ts_start: Some(window.start.secs().to_string()),
            // The end is exclusive.
            ts_end: Some((window.end.secs() + 1).to_string()),
            ..QueryParams::default()
        };
        let listed = self.ask(&params)?.into_values().map(|item| archive_file(&item).map_err(|why| self.error(why)));
        let mut files = listed.collect::<Result<Vec<_>, _>>()?;
        let n_listed = files.len();
        let is_asked_for = |file: &ArchiveFile| {
            let is_of_collector = collectors.split(',').any(|name| name == file.collector.name());
            is_of_collector && file.kind == kind && (window.start..=window.end).contains(&file.named_at)
        };
        files.retain(is_asked_for);
        if files.len() < n_listed {
            let n_ignored = n_listed - files.len();
            let remark = format!("the broker lists {n_ignored} files that were not asked for: they are ignored");
            self.remarks.lock().unwrap_or_else(PoisonError::into_inner).insert(remark);
        }
        Ok(files)
    }

    /// Sends a query again and again until the broker answers it, refuses it for good, or the patience runs out.
    fn ask(&self, params: &QueryParams) -> Result<BTreeMap<String, BrokerItem>, Error> {
        let Patience { first_pause, total } = self.patience;
        let mut retry = Retry::new(RetryLimits { attempts: u32::MAX, first_pause, total });
        loop {
            let (client, url, params) = (self.client.clone(), self.url().to_owned(), params.clone());
            let refusal = match self.before_cancelled(move || search::every_page(&client, &url, &params))? {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            if !refusal.may_pass {
                return Err(self.error(refusal.why));
            }
            let pause = retry.next_pause(&refusal.why, refusal.pause).map_err(|why| self.error(why))?;
            self.progress.retrying(self.url(), &refusal.why, pause);
            if http::sleep(pause, self.progress.as_ref()) {
                return Err(Error::Cancelled);
            }
        }
    }

    /// Runs `question` in a thread of its own and returns its answer, unless the run is cancelled first. Then the request ends
    /// in the background.
    fn before_cancelled<T: Send + 'static>(&self, question: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        http::unless_cancelled(self.progress.as_ref(), question).map_err(|stopped| match stopped {
            NoResult::Cancelled => Error::Cancelled,
            NoResult::Panicked => self.error("the broker client stopped without an answer".to_owned()),
        })
    }

    fn error(&self, why: String) -> Error {
        Error::Broker { url: self.url().to_owned(), why }
    }
}

impl Catalog for Broker {
    fn source(&self) -> ListingSource {
        let remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        ListingSource { catalog: Some(format!("broker {}", self.url())), remarks }
    }

    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        self.list_each(query, |collector| self.list_collector(collector, query))
    }

    fn list_ribs(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let window = query.window;
        let slack = if window.start < LOCAL_TIME_UNTIL { LOCAL_TIME_SLACK } else { SLACK };
        let around = Window { start: window.start - slack, end: window.end + slack };
        let mut files = self.list_each(query, |collector| self.search(collector.name(), DumpKind::Rib, around))?;
        files.retain(|file| is_in(file, window));
        Ok(files)
    }

    fn expected(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        choice::expected(query, self.choice, || Ok(self.choose(query)?.collectors))
    }

    fn not_chosen(&self, query: &Query) -> Vec<Offer> {
        self.choose(query).map(|chosen| chosen.others).unwrap_or_default()
    }
}

impl Broker {
    /// Lists files of every collector that a query uses, several collectors at a time.
    fn list_each(
        &self,
        query: &Query,
        list: impl Fn(&Collector) -> Result<Vec<ArchiveFile>, Error> + Sync,
    ) -> Result<Vec<ArchiveFile>, Error> {
        self.progress.listing(self.url());
        let collectors = self.choose(query)?.collectors;
        let mut files = of_each(&collectors, list)?;
        files.sort();
        Ok(files)
    }
}

/// Returns the published collector that a folder in the path of a URL is named after; None if there is none.
fn collector_in_path(url: &str) -> Option<&str> {
    archive::path(url).split('/').find(|folder| published::publisher(&Collector::new(folder)).is_some())
}

/// Returns a broker's item as an archive file. Its URL is untrusted: the name in the cache is made from collector, kind and
/// time, and only the suffix is taken from the URL.
fn archive_file(item: &BrokerItem) -> Result<ArchiveFile, String> {
    let refuse = |why: &str| format!("the broker lists {}: {why}", item.url.escape_debug());
    if item.url.len() > MAX_URL {
        return Err(format!("the broker lists a URL of {} bytes", item.url.len()));
    }
    http::plain_url(&item.url).map_err(refuse)?;
    let kind = match item.data_type.as_str() {
        "rib" => DumpKind::Rib,
        "updates" => DumpKind::Updates,
        _ => return Err(refuse("it is neither a RIB dump nor an update file")),
    };
    let collector = item.collector_id.as_str();
    if collector.is_empty()
        || !collector.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        || collector.starts_with('.')
    {
        return Err(refuse("its collector has an invalid name"));
    }
    if let Some(other) = collector_in_path(&item.url).filter(|other| *other != collector) {
        return Err(refuse(&format!("it is listed under {collector}, but its path names {other}")));
    }
    let suffix = match item.url.rsplit('.').next() {
        Some(suffix @ ("gz" | "bz2" | "zst")) => suffix,
        _ => return Err(refuse("it is not a .gz, .bz2 or .zst file")),
    };
    let at = item.ts_start;
    let (month, stamp) = (at.format("%Y.%m"), at.format("%Y%m%d.%H%M"));
    let project = Collector::new(collector).project();
    let name = match (project, kind) {
        (Project::RipeRis, DumpKind::Rib) => format!("{collector}/{month}/bview.{stamp}.{suffix}"),
        (Project::RipeRis, DumpKind::Updates) => format!("{collector}/{month}/updates.{stamp}.{suffix}"),
        (Project::RouteViews, DumpKind::Rib) => format!("{collector}/bgpdata/{month}/RIBS/rib.{stamp}.{suffix}"),
        (Project::RouteViews, DumpKind::Updates) => {
            format!("{collector}/bgpdata/{month}/UPDATES/updates.{stamp}.{suffix}")
        }
    };
    let size = [item.exact_size, item.rough_size].into_iter().find(|size| *size > 0).unwrap_or(0);
    Ok(ArchiveFile {
        collector: Collector::new(collector),
        named_at: Timestamp::from_secs(at.and_utc().timestamp()),
        kind,
        project,
        name,
        location: Location::Remote { url: item.url.clone(), size: size.unsigned_abs() },
        lasts: None,
        records: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(url: &str, collector: &str, data_type: &str) -> BrokerItem {
        let at: chrono::NaiveDateTime = "2014-12-22T16:15:00".parse().unwrap();
        BrokerItem {
            ts_start: at,
            ts_end: at,
            collector_id: collector.to_owned(),
            data_type: data_type.to_owned(),
            url: url.to_owned(),
            rough_size: 380_000,
            exact_size: 0,
        }
    }

    #[test]
    fn an_item_becomes_a_file_of_the_publishers_layout() {
        let file =
            archive_file(&item("https://data.ris.ripe.net/rrc00/2014.12/updates.20141222.1615.gz", "rrc00", "updates"));
        assert_eq!(file.unwrap().name, "rrc00/2014.12/updates.20141222.1615.gz");
        let file = archive_file(&item(
            "http://archive.routeviews.org/bgpdata/2014.12/RIBS/rib.20141222.1615.bz2",
            "route-views2",
            "rib",
        ));
        assert_eq!(file.unwrap().name, "route-views2/bgpdata/2014.12/RIBS/rib.20141222.1615.bz2");
    }

    #[test]
    fn a_listing_cannot_lead_to_other_schemes_folders_or_credentials() {
        for (url, collector) in [
            ("file:///etc/passwd.gz", "rrc00"),
            ("ftp://host/updates.gz", "rrc00"),
            ("https://user:secret@host/updates.gz", "rrc00"),
            ("https:///updates.gz", "rrc00"),
            ("https://host/updates gz.gz", "rrc00"),
            ("https://host/updates.gz", "../../rrc00"),
            ("https://host/updates.gz", ".."),
            ("https://host/updates.gz", ""),
            ("https://host/updates.html", "rrc00"),
            ("updates.gz", "rrc00"),
        ] {
            assert!(archive_file(&item(url, collector, "updates")).is_err(), "{url} {collector}");
        }
        assert!(archive_file(&item("https://host/updates.gz", "rrc00", "peers")).is_err());
    }
}
