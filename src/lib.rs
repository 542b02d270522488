//! When did a network disappear from the Internet's routing table, for how long, and how sure are we?
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod bgp;
pub mod time;
pub mod coverage;
pub mod error;
pub mod decode;
pub mod catalog;
pub mod fetch;
pub mod replay;
pub mod visibility;
pub mod detect;
