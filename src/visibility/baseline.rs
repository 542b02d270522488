//! The vantage points that normally carry a prefix: the level from which it can fall. `carriers` finds them.

use super::index::VantagePointIndex;
use super::share;
use crate::bgp::Asn;
use crate::time::Timestamp;

/// The source from which the ASes that normally carry a prefix were learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum BaselineSource {
    /// From RIB dumps before the window.
    RibBefore,
    /// From RIB dumps inside the window: no earlier one shows it widely held. It is judged from its announcement on.
    RibInside,
    /// From the updates: the prefix is new and listed only by RIB dumps after the window. It is judged from its announcement on.
    RibAfter,
    /// From the updates: the prefix is new, and held at the end of the window. It is judged from its announcement on.
    WindowEnd,
    /// There is no RIB dump: from the instant at which the largest number of ASes was known to hold the prefix.
    Peak,
    /// Only a small part of the full feeds holds it in RIB dumps, and this is not confirmed as its normal state. It is not
    /// judged.
    Unconfirmed,
    /// No vantage point is known to have carried the prefix.
    #[strum(serialize = "nobody")]
    None,
}

/// The search for the normal state in RIB dumps older than those just before the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedBack {
    /// The oldest RIB dump from which carriers were taken.
    pub at: Timestamp,
    /// Number of RIB dumps from before the window that were searched, those just before it included.
    pub n_dumps: usize,
}

/// A vantage point that normally carries a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaselineCarrier {
    /// The vantage point, in the view that the baseline was computed in.
    pub vantage_point: VantagePointIndex,
    /// The instant from which it counts: [`Timestamp::MIN`] for those of a RIB dump before the window, [`Timestamp::MAX`] where
    /// the level is not confirmed.
    pub since: Timestamp,
}

/// The vantage points that normally carry a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The vantage points, sorted.
    pub carriers: Vec<BaselineCarrier>,
    /// Their ASes, sorted.
    pub asns: Vec<Asn>,
    /// Number of full-feed ASes.
    pub n_full_feeds: usize,
    /// How they were learned.
    pub source: BaselineSource,
    /// Set if carriers were taken from an older RIB dump than the last one before the window.
    pub looked_back: Option<LookedBack>,
}

impl Baseline {
    /// Returns the share of full-feed ASes that carry the prefix.
    pub fn visibility(&self) -> f64 {
        share(self.asns.len(), self.n_full_feeds).unwrap_or(0.0)
    }

    /// Returns whether a loss of the prefix could be seen at any time.
    pub fn decides(&self) -> bool {
        !self.asns.is_empty() && self.source != BaselineSource::Unconfirmed
    }

    /// Returns the instant at which half of the carriers had begun to carry it.
    pub fn mostly_since(&self) -> Timestamp {
        let mut since: Vec<Timestamp> = self.carriers.iter().map(|carrier| carrier.since).collect();
        since.sort_unstable();
        since.get(since.len().saturating_sub(1) / 2).copied().unwrap_or(Timestamp::MIN)
    }

    /// Returns this vantage point if it normally carries the prefix.
    pub(crate) fn carrier(&self, vantage_point: VantagePointIndex) -> Option<&BaselineCarrier> {
        let place = self.carriers.binary_search_by_key(&vantage_point, |carrier| carrier.vantage_point);
        self.carriers.get(place.ok()?)
    }

    pub(super) fn none() -> Baseline {
        let source = BaselineSource::None;
        Baseline { carriers: Vec::new(), asns: Vec::new(), n_full_feeds: 0, source, looked_back: None }
    }
}
