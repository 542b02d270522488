//! The statistics of registries that a question names: files, folders, and URLs of files.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;

use outage_replay::fetch::{self, BaseUrl, Cache};
use outage_replay::registry;

/// Statistics of registries.
#[derive(Clone, Debug)]
pub enum Statistics {
    /// A file, or a folder of files.
    Path(PathBuf),
    /// A file on a server, and its name in the cache.
    Url(BaseUrl, String),
}

/// Parses an argument of --delegated.
pub fn parse(argument: OsString) -> Result<Statistics, String> {
    match argument.to_str().filter(|text| text.contains("://")) {
        Some(url) => Ok(Statistics::Url(url.parse()?, registry::cached_name(url)?)),
        None => Ok(Statistics::Path(argument.into())),
    }
}

impl Statistics {
    /// Returns the file or folder. What is on a server is downloaded into the cache first, unless it is there.
    pub fn path(&self, cache: impl FnOnce() -> anyhow::Result<Cache>) -> anyhow::Result<PathBuf> {
        match self {
            Statistics::Path(path) => Ok(path.clone()),
            Statistics::Url(url, name) => fetch::document(&cache()?, name, &url.to_string(), registry::check)
                .with_context(|| format!("cannot get the registry statistics at {url}")),
        }
    }
}
