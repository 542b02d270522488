//! Where archives come from: the arguments that runs and surveys share, and the catalog and cache that they choose.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use outage_replay::bgp::Collector;
use outage_replay::catalog::{
    Broker, BrokerOrPages, BrokerUrl, CachedArchive, Catalog, Choice, PageSources, Pages, Patience, Publishers,
};
use outage_replay::fetch::{BaseUrl, Cache, Downloader, Limits};
use outage_replay::pipeline::{self, Sources};

use super::cache_root;
use super::choice::one_of;
use super::progress::Progress;
use super::{size, typed};

/// Where the list of the publishers' files comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogChoice {
    Auto,
    Broker,
    Archives,
}

const CATALOGS: [(CatalogChoice, &str, &str); 3] = [
    (CatalogChoice::Auto, "auto", "The broker, and the archives' pages if it does not answer"),
    (CatalogChoice::Broker, "broker", "The broker; without it the run fails"),
    (CatalogChoice::Archives, "archives", "The folder pages of the archives' own servers"),
];

/// Where archives come from.
#[derive(Debug, clap::Args)]
pub struct SourceArgs {
    /// A folder in the publishers' layout, or MRT files: rrc06/2021.01/updates.….gz, mydump.mrt.bz2. Repeatable
    ///
    /// The collector is the folder with a published name (rrc06, route-views2), wherever it is in the path, and otherwise the
    /// folder above the date and UPDATES or RIBS folders. For files with other names, passed one by one or in a folder that
    /// contains nothing else, the records show what they contain and when.
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Source")]
    pub archive: Vec<PathBuf>,
    /// The collector whose files --archive names, where no folder has its name
    #[arg(long, value_name = "NAME", requires = "archive", value_parser = typed::collector_name, help_heading = "Source")]
    pub collector_name: Option<String>,
    /// The bgpkit-broker server that lists the publishers' files [default: the public one]
    ///
    /// http or https, without credentials: https://api.bgpkit.com/v3/broker is the public one. BGPKIT_BROKER_URL is the same
    /// setting by another name.
    #[arg(long, value_name = "URL", help_heading = "Source")]
    pub broker_url: Option<BrokerUrl>,
    /// What lists the publishers' files
    ///
    /// A page lists one month of a collector; it is kept in the cache. Where a page cannot be read, files are asked for by the
    /// names that are usual at the time: those that do not exist count as gaps.
    #[arg(
        long,
        value_name = "WHICH",
        value_parser = one_of(CATALOGS),
        default_value = "auto",
        help_heading = "Source"
    )]
    pub catalog: CatalogChoice,
    /// Another server with the publishers' files, which is asked first. Repeatable
    ///
    /// The URL below which files have the paths that their publisher gave them: a copy of RouteViews is at
    /// https://storage.googleapis.com/routeviews-archives. Mirrors are asked in the order given, then the publisher.
    #[arg(long, value_name = "URL", help_heading = "Source")]
    pub mirror: Vec<BaseUrl>,
    /// The server of both publishers, for tests
    #[arg(long, value_name = "URL", hide = true, help_heading = "Source")]
    pub publisher_url: Option<BaseUrl>,
    /// The largest size allowed for one file, whatever the catalog or its server says
    #[arg(
        long,
        value_name = "SIZE",
        value_parser = size::parse,
        default_value = "4GB",
        help_heading = "Source"
    )]
    pub max_file_size: u64,
    /// Where downloaded files are kept [default: the user's cache directory]
    #[arg(long, value_name = "DIR", help_heading = "Source")]
    pub cache_dir: Option<PathBuf>,
    /// Use only what is in the cache
    ///
    /// The same question has the same answer with and without network. Digests are compared: a file that is missing or damaged
    /// is named on standard error and counts as a gap.
    #[arg(long, help_heading = "Source")]
    pub offline: bool,
}

/// Returns the cache of a command that knows its files without a catalog; `folder` is that of --cache-dir.
pub fn cache(folder: Option<&Path>, offline: bool, progress: &Arc<Progress>) -> anyhow::Result<Cache> {
    let watch = || -> Arc<dyn pipeline::Progress> { progress.clone() };
    let downloader = (!offline).then(|| Downloader::new(Limits::default(), watch())).transpose()?;
    Ok(Cache::new(&cache_root(folder)?, downloader))
}

/// The catalog of a run and its cache.
pub struct Store {
    catalog: Box<dyn Catalog>,
    cache: Option<Cache>,
}

impl Store {
    /// Returns both, borrowed.
    pub fn sources(&self) -> Sources<'_> {
        Sources { catalog: self.catalog.as_ref(), cache: self.cache.as_ref() }
    }
}

impl SourceArgs {
    /// Returns the catalog and the cache; of what publishers have, `choice` decides.
    pub fn store(&self, choice: Choice, progress: &Arc<Progress>) -> anyhow::Result<Store> {
        if !self.archive.is_empty() {
            let name = self.collector_name.as_deref().map(Collector::new);
            let mirror = pipeline::open_archive(&self.archive, name.as_ref(), progress.as_ref())
                .map_err(|error| progress.interrupted(error))?;
            mirror.warnings().iter().for_each(|warning| progress.warn(warning));
            return Ok(Store { catalog: Box::new(mirror), cache: None });
        }
        let root = cache_root(self.cache_dir.as_deref())?;
        if self.offline {
            let catalog = Box::new(CachedArchive::open(&root, choice)?);
            return Ok(Store { catalog, cache: Some(Cache::new(&root, None)) });
        }
        let watch = || -> Arc<dyn pipeline::Progress> { progress.clone() };
        let limits = Limits { max_file: self.max_file_size, ..Limits::default() };
        let downloader = Downloader::new(limits, watch())?;
        let url = self.broker_url.clone().unwrap_or_default();
        let broker = || Broker::new(&url, choice, Patience::default(), watch());
        let pages = || {
            let publisher = self.publisher_url.clone();
            let publishers =
                publisher.map_or_else(Publishers::default, |url| Publishers { ripe_ris: url.clone(), routeviews: url });
            let sources = PageSources { publishers, mirrors: self.mirror.clone(), cache: root.clone() };
            Pages::new(sources, choice, Patience::default(), watch())
        };
        let catalog: Box<dyn Catalog> = match self.catalog {
            CatalogChoice::Auto => Box::new(BrokerOrPages::new(broker()?, pages(), watch())),
            CatalogChoice::Broker => Box::new(broker()?),
            CatalogChoice::Archives => Box::new(pages()),
        };
        let cache = Cache::new(&root, Some(downloader)).with_mirrors(self.mirror.clone());
        Ok(Store { catalog, cache: Some(cache) })
    }

    /// Returns the arguments with which another command reads the same archives.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        self.archive.iter().for_each(|path| add("--archive", path.display().to_string()));
        self.collector_name.iter().for_each(|name| add("--collector-name", name.clone()));
        self.broker_url.iter().for_each(|url| add("--broker-url", url.to_string()));
        if self.catalog != CatalogChoice::Auto {
            let chosen = CATALOGS.iter().find(|(choice, ..)| *choice == self.catalog);
            chosen.iter().for_each(|(_, name, _)| add("--catalog", (*name).to_owned()));
        }
        self.mirror.iter().for_each(|url| add("--mirror", url.to_string()));
        self.publisher_url.iter().for_each(|url| add("--publisher-url", url.to_string()));
        if self.max_file_size != Limits::MAX_FILE {
            add("--max-file-size", self.max_file_size.to_string());
        }
        self.cache_dir.iter().for_each(|path| add("--cache-dir", path.display().to_string()));
        if self.offline {
            words.push("--offline".to_owned());
        }
        words
    }
}
