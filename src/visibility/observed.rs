//! What one vantage point shows about one prefix, interval by interval.

use super::index::VantagePointIndex;
use crate::bgp::{AsPath, Asn};
use crate::replay::{Basis, RecordRef};
use crate::time::{Timestamp, Window};

/// What a usable vantage point shows about a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    /// It holds a route, by this path where it is known, last announced then.
    Present(Option<AsPath>, Timestamp),
    /// It holds none.
    Absent,
}

impl ObservedState {
    /// Whether it counts as seeing the prefix, from `origin` if one is given. A route whose origin is unknown counts;
    /// [`View::observed_of`](super::View::observed_of) leaves out those that must not count.
    pub fn sees(&self, origin: Option<Asn>) -> bool {
        match (self, origin) {
            (ObservedState::Absent, _) => false,
            (ObservedState::Present(..), None) | (ObservedState::Present(None, _), _) => true,
            (ObservedState::Present(Some(path), _), Some(origin)) => {
                path.origin_is_unknown() || path.originates(origin)
            }
        }
    }

    /// The path, if it shows the origin of the route.
    pub(super) fn known_path(&self) -> Option<&AsPath> {
        match self {
            ObservedState::Present(Some(path), _) if !path.origin_is_unknown() => Some(path),
            _ => None,
        }
    }
}

/// How a state is known, and the record that shows it, if a single one does.
pub type Provenance = (Basis, Option<RecordRef>);

/// An interval in which a usable vantage point held a prefix by one path, or did not hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedSpan {
    /// The vantage point.
    pub vantage_point: VantagePointIndex,
    /// The interval.
    pub window: Window,
    /// Whether it held the prefix.
    pub state: ObservedState,
    /// How that is known; `None` if its table was complete and did not contain the prefix.
    pub provenance: Option<Provenance>,
}
