//! Intervals after which nothing is known of a vantage point until a RIB dump shows its table again.

use rustc_hash::FxHashMap;

use super::index::PeerId;
use crate::bgp::Family;
use crate::time::{Timestamp, Window};

/// An interval after which nothing is known, and the first RIB dump after it that shows the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Break {
    pub window: Window,
    pub known_again: Timestamp,
}

/// The breaks of each session, in order and disjoint.
pub(super) type Breaks = FxHashMap<(PeerId, Family), Vec<Break>>;
