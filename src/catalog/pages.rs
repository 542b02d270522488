//! The publishers' archives, as the folder pages of their servers list them: for runs without a broker.
//!
//! A folder has one page a month. Where it cannot be read, files are assumed at the publisher's usual times: one that does not
//! exist is then a gap, as everywhere.

mod folder;
mod page;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};

use self::folder::MonthFolder;
use self::store::FolderList;
use super::choice::Chosen;
use super::of_each::of_each;
use super::ribs::RIB_LOOK_BACK;
use super::{ArchiveFile, BaseUrl, Catalog, Choice, DumpKind, Offer, Patience, Query, choice};
use crate::archive;
use crate::bgp::{Collector, Project};
use crate::coverage::ListingSource;
use crate::error::Error;
use crate::http::{self, NoResult, Retry, RetryLimits, Unread};
use crate::progress::Progress;
use crate::time::{Timestamp, Window};

/// The name of this catalog in outputs.
pub(super) const NAME: &str = "archive pages";
/// Larger pages are refused. A month of rrc00 has 9,000 files, of at most 250 bytes of HTML each.
const MAX_PAGE: u64 = 8 << 20;
/// A page arrives within this time, or the request is made again.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts at a page, including the first.
const ATTEMPTS: u32 = 4;
/// The collectors of the default choice if no page shows the size of a file.
const WITHOUT_SIZES: [&str; 4] = ["rrc00", "rrc01", "route-views2", "route-views.linx"];
/// After this many pages in a row that a host did not deliver, no more are requested from it.
const SILENT_AFTER: u32 = 3;
/// File names may be in local time, up to 8 hours behind UTC, and a file may begin up to an hour before the first message that
/// is needed.
const SLACK: Duration = Duration::from_secs(9 * 3600);

/// The servers of the publishers.
#[derive(Clone, Debug)]
pub struct Publishers {
    /// That of RIPE RIS.
    pub ripe_ris: BaseUrl,
    /// That of RouteViews.
    pub routeviews: BaseUrl,
}

impl Publishers {
    /// Returns the server of a project.
    pub(super) fn of(&self, project: Project) -> &BaseUrl {
        match project {
            Project::RipeRis => &self.ripe_ris,
            Project::RouteViews => &self.routeviews,
        }
    }
}

impl Default for Publishers {
    fn default() -> Publishers {
        Publishers {
            ripe_ris: BaseUrl::known("https://data.ris.ripe.net"),
            routeviews: BaseUrl::known("https://archive.routeviews.org"),
        }
    }
}

/// Where folder pages are, and where lists of them are kept.
#[derive(Clone, Debug)]
pub struct PageSources {
    /// The publishers' servers: their pages are the most complete.
    pub publishers: Publishers,
    /// Servers whose pages are read where the publisher's cannot be.
    pub mirrors: Vec<BaseUrl>,
    /// The folder of the cache.
    pub cache: PathBuf,
}

/// The archives, as the folder pages of their servers list them.
pub struct Pages {
    sources: PageSources,
    choice: Choice,
    patience: Patience,
    progress: Arc<dyn Progress>,
    state: Mutex<PageState>,
}

/// What the requests so far showed.
#[derive(Default)]
struct PageState {
    /// How many pages in a row each host did not deliver.
    failed: BTreeMap<String, u32>,
    /// Whether any page was read, or is in the cache.
    has_list: bool,
    /// Whether any server answered anything.
    has_answer: bool,
    /// The last URL without an answer, and why.
    failure: Option<(String, String)>,
    remarks: BTreeSet<String>,
    /// The collectors of the last query.
    chosen: Option<(Query, Chosen)>,
}

impl PageState {
    fn answered(&mut self, host: String) {
        self.has_answer = true;
        self.failed.remove(&host);
    }

    fn is_silent(&self, host: &str) -> bool {
        self.failed.get(host).is_some_and(|n| *n >= SILENT_AFTER)
    }
}

/// The answer to the request for a page.
enum PageAnswer {
    Page(String),
    /// The server has no such page.
    Absent(String),
    /// The server does not answer, or not with the whole page.
    Failed(String),
}

/// What is known about the files of a folder.
enum FolderListing {
    Known(FolderList),
    /// Its page cannot be read. Files may be at this path of the server.
    Assumed {
        path: String,
    },
    /// It does not exist.
    Absent,
}

impl Pages {
    /// Returns a catalog of these pages. A query that names no collector uses those of `choice`; `progress` may cancel it.
    pub fn new(sources: PageSources, choice: Choice, patience: Patience, progress: Arc<dyn Progress>) -> Pages {
        Pages { sources, choice, patience, progress, state: Mutex::default() }
    }

    /// Lists the RIB dumps of a collector that may seed, check or end its replay, and the updates from the earliest one on.
    fn list_collector(&self, client: &Client, collector: &Collector, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let window = query.window;
        let mut known = BTreeMap::new();
        let mut of = |kind, span| self.files(client, &mut known, collector, kind, span, window);
        let mut files = Vec::new();
        for look_back in RIB_LOOK_BACK {
            let start = window.start - look_back.max(query.baseline) - SLACK;
            files = of(DumpKind::Rib, Window { start, end: window.end + RIB_LOOK_BACK[0] })?;
            if files.iter().any(|rib| rib.named_at < window.start) {
                break;
            }
        }
        // A broken RIB dump before the window is replaced by the one before it, and one that is too young by another.
        let before = files.iter().map(|rib| rib.named_at).filter(|at| *at < window.start);
        let mut before: Vec<Timestamp> = before.collect();
        before.sort_unstable();
        let seeds = before.iter().rev().take(3).min();
        let start = seeds.copied().unwrap_or(window.start) - SLACK;
        files.append(&mut of(DumpKind::Updates, Window { start, end: window.end + SLACK })?);
        Ok(files)
    }

    /// Returns the files of one collector and kind that are named in `span`. `known` contains the listings that were made.
    fn files(
        &self,
        client: &Client,
        known: &mut BTreeMap<String, FolderListing>,
        collector: &Collector,
        kind: DumpKind,
        span: Window,
        window: Window,
    ) -> Result<Vec<ArchiveFile>, Error> {
        let mut files = Vec::new();
        // Nothing is published before its time.
        let span = Window { end: span.end.min(store::now()), ..span };
        for folder in MonthFolder::all(collector, span).into_iter().filter(|folder| folder.kinds.contains(&kind)) {
            let path = folder.path();
            if !known.contains_key(&path) {
                known.insert(path.clone(), self.listing(client, &folder, window)?);
            }
            let publisher = self.publisher(folder.project);
            let at = |path: &str, name: &str, size| folder.file(name, publisher.join(&format!("{path}/{name}")), size);
            match known.get(&path) {
                Some(FolderListing::Known(list)) => {
                    files.extend(list.files.iter().filter_map(|(name, size)| at(&list.path, name, *size)));
                }
                Some(FolderListing::Assumed { path }) => {
                    files.extend(folder.usual_names(kind, span).iter().filter_map(|(name, _)| at(path, name, 0)));
                }
                Some(FolderListing::Absent) | None => {}
            }
        }
        files.retain(|file| file.kind == kind && span.contains(file.named_at));
        Ok(files)
    }

    /// Finds out what a folder contains: from the cache, its publisher's page, or that of a mirror.
    fn listing(&self, client: &Client, folder: &MonthFolder, window: Window) -> Result<FolderListing, Error> {
        if let Some(list) = store::load(&self.sources.cache, folder) {
            self.state().has_list = true;
            return Ok(FolderListing::Known(list));
        }
        // Why the publisher's page cannot be read; those of mirrors only take its place.
        let mut reasons = Vec::new();
        for base in self.bases(folder.project) {
            for path in folder.published_paths() {
                match self.ask(client, &base.join(&format!("{path}/")))? {
                    PageAnswer::Page(page) => {
                        let files = page::files(&page, |name| folder.parse(name).is_some());
                        if !files.is_empty() {
                            let list = FolderList { path, files };
                            self.state().has_list = true;
                            self.save(folder, &list);
                            return Ok(FolderListing::Known(list));
                        }
                        reasons.push(format!("{} lists no file of this month", base.join(&path)));
                    }
                    PageAnswer::Absent(why) => reasons.push(why),
                    PageAnswer::Failed(why) => {
                        reasons.push(why);
                        break;
                    }
                }
            }
        }
        self.assumed(client, folder, window, reasons.first().map_or("", String::as_str))
    }

    /// Keeps a list for later runs. A cache that cannot be written only costs more requests.
    fn save(&self, folder: &MonthFolder, list: &FolderList) {
        if let Err(error) = store::save(&self.sources.cache, folder, list) {
            self.progress.warning(&format!("cannot keep the list of {}: {error}", folder.path()));
        }
    }

    /// Looks for a few of the files that should be in a folder whose page cannot be read. If no server has any of them, the
    /// folder does not exist.
    fn assumed(
        &self,
        client: &Client,
        folder: &MonthFolder,
        window: Window,
        why: &str,
    ) -> Result<FolderListing, Error> {
        let span = Window { end: folder.month.end.min(store::now()), ..folder.month };
        let mut is_certain = true;
        for path in folder.published_paths() {
            for kind in folder.kinds {
                let names = folder.usual_names(*kind, span);
                let first = names.partition_point(|(_, at)| *at < window.start);
                let last = names.partition_point(|(_, at)| *at < window.end).saturating_sub(1);
                let probes = BTreeSet::from([first.min(last), last, names.len() / 2]);
                for (name, _) in probes.into_iter().filter_map(|index| names.get(index)) {
                    for base in self.bases(folder.project) {
                        match self.exists(client, &base.join(&format!("{path}/{name}")))? {
                            Some(true) => return Ok(self.assume(folder, path, why)),
                            Some(false) => {}
                            None => is_certain = false,
                        }
                    }
                }
            }
        }
        match folder.published_paths().pop() {
            Some(path) if !is_certain => Ok(self.assume(folder, path, why)),
            _ => Ok(FolderListing::Absent),
        }
    }

    fn assume(&self, folder: &MonthFolder, path: String, why: &str) -> FolderListing {
        let folder = folder.path();
        self.remark(format!(
            "The list of {folder} could not be read ({why}): its files were asked for by their usual names."
        ));
        FolderListing::Assumed { path }
    }

    /// Requests a page until it arrives, or no attempt is left.
    fn ask(&self, client: &Client, url: &str) -> Result<PageAnswer, Error> {
        let host = archive::host(url).to_owned();
        if self.state().is_silent(&host) {
            return Ok(PageAnswer::Failed(format!("{host} does not answer")));
        }
        let Patience { first_pause, total } = self.patience;
        let mut retry = Retry::new(RetryLimits { attempts: ATTEMPTS, first_pause, total });
        loop {
            let (request, to) = (client.clone(), url.to_owned());
            let received = self.unless_cancelled(move || received(&request, &to))?;
            let (why, asked, has_answer) = match received {
                Received::Whole(page) => {
                    self.state().answered(host);
                    return Ok(PageAnswer::Page(page));
                }
                Received::Refused(why) => {
                    self.state().answered(host);
                    return Ok(PageAnswer::Absent(format!("{url}: {why}")));
                }
                Received::NotYet { why, pause, has_answer } => (why, pause, has_answer),
            };
            match retry.next_pause(&why, asked) {
                Ok(pause) => {
                    self.progress.retrying(url, &why, pause);
                    if http::sleep(pause, self.progress.as_ref()) {
                        return Err(Error::Cancelled);
                    }
                }
                Err(why) => {
                    let mut state = self.state();
                    if has_answer {
                        state.answered(host);
                    } else {
                        *state.failed.entry(host).or_default() += 1;
                    }
                    state.failure = Some((url.to_owned(), why.clone()));
                    return Ok(PageAnswer::Failed(format!("{url}: {why}")));
                }
            }
        }
    }

    /// Whether a server has a file. None if it does not say.
    fn exists(&self, client: &Client, url: &str) -> Result<Option<bool>, Error> {
        if self.state().is_silent(archive::host(url)) {
            return Ok(None);
        }
        let (request, url) = (client.clone(), url.to_owned());
        let status = self.unless_cancelled(move || request.head(url).send().ok().map(|response| response.status()))?;
        Ok(match status {
            Some(status) if status.is_success() => Some(true),
            Some(StatusCode::NOT_FOUND | StatusCode::GONE) => Some(false),
            _ => None,
        })
    }

    fn unless_cancelled<T: Send + 'static>(&self, request: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        http::unless_cancelled(self.progress.as_ref(), request).map_err(|stopped| match stopped {
            NoResult::Cancelled => Error::Cancelled,
            NoResult::Panicked => self.error("the request ended without a result"),
        })
    }

    /// Returns the servers with the files of a project, in the order in which their pages are read.
    fn bases(&self, project: Project) -> Vec<&BaseUrl> {
        [self.publisher(project)].into_iter().chain(&self.sources.mirrors).collect()
    }

    fn publisher(&self, project: Project) -> &BaseUrl {
        self.sources.publishers.of(project)
    }

    fn remark(&self, what: String) {
        if self.state().remarks.insert(what.clone()) {
            self.progress.warning(&what);
        }
    }

    fn publishers(&self) -> String {
        let Publishers { ripe_ris, routeviews } = &self.sources.publishers;
        if ripe_ris == routeviews { ripe_ris.to_string() } else { format!("{ripe_ris} and {routeviews}") }
    }

    fn error(&self, why: &str) -> Error {
        Error::Broker { url: self.publishers(), why: why.to_owned() }
    }

    /// Returns the collectors that a query uses, and lists their files unless that was done.
    fn chosen(&self, query: &Query) -> Result<Chosen, Error> {
        let known = || self.state().chosen.clone().filter(|(of, _)| of == query).map(|(_, chosen)| chosen);
        match known() {
            Some(chosen) => Ok(chosen),
            None => self.list(query).map(|_| known().unwrap_or_default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, PageState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog for Pages {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let collectors = choice::candidates(query, self.choice)?;
        self.progress.listing(&self.publishers());
        let client =
            Client::builder().user_agent(http::user_agent()).redirect(http::redirects()).timeout(TIMEOUT).build();
        let client = client.map_err(|error| self.error(&http::chain(&error)))?;
        let mut files = of_each(&collectors, |collector| self.list_collector(&client, collector, query))?;
        // Without any answer, nothing is known about any file.
        let state = self.state();
        if !state.has_list
            && !state.has_answer
            && let Some((url, why)) = state.failure.clone()
        {
            return Err(Error::Broker { url, why });
        }
        drop(state);
        let chosen = match choice::budget(query, self.choice) {
            None => Chosen { collectors, others: Vec::new() },
            Some(budget) if files.iter().any(|file| file.size() > 0) => choice::choose(query, &files, budget),
            Some(_) => {
                let usual = collectors.into_iter().filter(|collector| WITHOUT_SIZES.contains(&collector.name()));
                Chosen { collectors: usual.collect(), others: Vec::new() }
            }
        };
        files.retain(|file| chosen.collectors.contains(&file.collector));
        self.state().chosen = Some((query.clone(), chosen));
        files.sort();
        Ok(files)
    }

    fn expected(&self, query: &Query) -> Result<Vec<Collector>, Error> {
        choice::expected(query, self.choice, || Ok(self.chosen(query)?.collectors))
    }

    fn not_chosen(&self, query: &Query) -> Vec<Offer> {
        self.chosen(query).map(|chosen| chosen.others).unwrap_or_default()
    }

    fn source(&self) -> ListingSource {
        ListingSource { catalog: Some(NAME.to_owned()), remarks: self.state().remarks.iter().cloned().collect() }
    }
}

/// The result of one request.
enum Received {
    Whole(String),
    Refused(String),
    /// A later request may have another result.
    NotYet {
        why: String,
        pause: Option<Duration>,
        /// Whether the server can be expected to answer other requests.
        has_answer: bool,
    },
}

/// Makes one request for a page.
fn received(client: &Client, url: &str) -> Received {
    let response = match client.get(url).send() {
        Ok(response) => response,
        Err(error) if error.is_redirect() || error.is_builder() => return Received::Refused(http::chain(&error)),
        Err(error) => return Received::NotYet { why: http::chain(&error), pause: None, has_answer: false },
    };
    let status = response.status();
    if http::may_pass(status) {
        let pause = http::retry_after(response.headers());
        return Received::NotYet { why: format!("HTTP {status}"), pause, has_answer: false };
    }
    if status != StatusCode::OK {
        return Received::Refused(format!("HTTP {status}"));
    }
    match text(response) {
        Ok(page) if page::is_whole(&page) => Received::Whole(page),
        Ok(_) => Received::NotYet { why: "the page is truncated".to_owned(), pause: None, has_answer: true },
        Err(why) => why,
    }
}

/// Returns the text of a page that is not too large.
fn text(response: Response) -> Result<String, Received> {
    match http::body(response, MAX_PAGE) {
        Err(Unread::Failed(why)) => Err(Received::NotYet { why, pause: None, has_answer: true }),
        Err(Unread::TooLong) => Err(Received::Refused(format!("the page is larger than {} MB", MAX_PAGE >> 20))),
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}
