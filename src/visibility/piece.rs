//! What one vantage point shows about one prefix, interval by interval.

use super::index::VantagePointIndex;
use crate::bgp::{AsPath, Asn};
use crate::replay::{Basis, RecordRef};
use crate::time::{Timestamp, Window};

/// What a usable vantage point shows about a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vote {
    /// It holds a route, by this path where it is known, last announced then.
    Present(Option<AsPath>, Timestamp),
    /// It holds none.
    Absent,
}

impl Vote {
    /// Whether it counts as seeing the prefix, from `origin` if one is given. A route whose origin is unknown counts;
    /// [`View::pieces_of`](super::View::pieces_of) leaves out those that must not count.
    pub fn sees(&self, origin: Option<Asn>) -> bool {
        match (self, origin) {
            (Vote::Absent, _) => false,
            (Vote::Present(..), None) | (Vote::Present(None, _), _) => true,
            (Vote::Present(Some(path), _), Some(origin)) => path.origin_is_unknown() || path.originates(origin),
        }
    }

    /// The path, if it shows the origin of the route.
    pub(super) fn known_path(&self) -> Option<&AsPath> {
        match self {
            Vote::Present(Some(path), _) if !path.origin_is_unknown() => Some(path),
            _ => None,
        }
    }
}

/// How a vote is known, and the record that shows it, if a single one does.
pub type Because = (Basis, Option<RecordRef>);

/// An interval in which a usable vantage point held a prefix by one path, or did not hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The vantage point.
    pub vantage_point: VantagePointIndex,
    /// The interval.
    pub window: Window,
    /// Whether it held the prefix.
    pub vote: Vote,
    /// How that is known; `None` if its table was complete and did not contain the prefix.
    pub because: Option<Because>,
}
