//! When did a network disappear from the Internet's routing table, for how long, and how sure are we?
//!
//! Listings become files, files become route events, events become spans of presence, spans become timelines,
//! timelines become outages, outages become a report. One module per step, in that order:
//!
//! [`catalog`] → [`fetch`] → [`decode`] → [`replay`] → [`observations`] → [`visibility`] → [`detect`] → [`report`]
//!
//! [`pipeline`] composes them. [`survey`] judges what RIB dumps alone show, without a replay. [`registry`] says which networks
//! are registered in a country. [`time`], [`bgp`], [`query`],
//! [`archive`], [`coverage`], [`progress`], [`helpers`] and [`error`] may be used by any step.
//!
//! Four things hold throughout. Absence of data is never reported as absence of routes. The same inputs give the same
//! bytes, whatever the number of threads. Damaged or missing archives never abort a run: they are counted, located and
//! shown beside the results. And only the modules that list, read and write files, and the binary, touch the outside world: a
//! table in `tests/it/architecture.rs` names them.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]
#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod archive;
pub mod bgp;
pub mod coverage;
pub mod error;
mod files;
pub mod helpers;
mod http;
pub mod progress;
pub mod query;
pub mod time;

mod folder;
mod tables;

pub mod catalog;
pub mod fetch;

pub mod decode;
pub mod observations;
pub mod registry;
pub mod replay;
pub mod visibility;

pub mod detect;
pub mod survey;

pub mod report;

pub mod pipeline;

pub use detect::Outage;
pub use error::Error;
pub use observations::Observations;
pub use pipeline::{Options, run};
pub use query::Query;
pub use report::Report;
