//! The share of usable vantage points that see a prefix, over time.
//!
//! Vantage points of one AS count once, as in CAIDA's BGPView. Two shares are computed: *visibility*, against every AS
//! with a usable full-feed vantage point, and the *baseline share*, against those that normally carry the prefix.
//! Unknown vantage points leave both the numerator and the denominator.

mod baseline;
mod carriers;
mod full_feed;
mod index;
mod observed;
mod sweep;
mod view;

use std::sync::Arc;

use crate::bgp::{Asn, Family, Prefix};
use crate::time::{Steps, Timestamp, Window};

pub use crate::replay::{FileIndex, PeerId, PeerState, RecordRef, RouteState};
pub use baseline::{Baseline, BaselineCarrier, BaselineSource, LookedBack};
pub use full_feed::{FullFeed, FullFeedRule, MIN_TABLES, RELATIVE_SIZE};
pub use index::{CollectorIndex, VantagePointIndex};
pub use observed::{ObservedSpan, ObservedState, Provenance};
pub use view::{KnownSpan, SearchedDump, SessionSpan, View};

/// What the vantage points observed of a prefix while nothing changed. Small: a run about all prefixes has millions of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Peer ASes whose usable vantage points see the prefix.
    pub n_visible: u32,
    /// Peer ASes with a usable vantage point.
    pub n_live: u32,
    /// Those among `n_baseline_live` that see the prefix.
    pub n_baseline_visible: u32,
    /// Peer ASes that normally carry the prefix and have a usable vantage point that carries it, or any that sees it. While all
    /// vantage points that carry it are unknown, another one of the same AS that never did shows no loss.
    pub n_baseline_live: u32,
    /// Usable vantage points that see the prefix.
    pub n_vantage_points_visible: u32,
    /// Usable vantage points.
    pub n_vantage_points: u32,
    /// Whether the data suffice to judge.
    pub observed: bool,
}

impl Step {
    /// Returns the share of the live peer ASes that see the prefix; `None` when none is live.
    pub fn visibility(&self) -> Option<f64> {
        share(self.n_visible as usize, self.n_live as usize)
    }

    /// Returns the share that sees the prefix among the live peer ASes that normally carry it; `None` when none is live.
    pub fn baseline_share(&self) -> Option<f64> {
        share(self.n_baseline_visible as usize, self.n_baseline_live as usize)
    }
}

/// An interval in which the number of live peer ASes is constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveFeeds {
    /// When.
    pub window: Window,
    /// Full-feed ASes whose state is known and whose session is up.
    pub n_live: usize,
    /// All full-feed ASes; `None` without RIB dumps.
    pub n_full_feeds: Option<usize>,
}

impl LiveFeeds {
    /// Returns the share that is live.
    pub fn share(&self) -> Option<f64> {
        share(self.n_live, self.n_full_feeds?)
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The visibility of one prefix over time. Copies share their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The prefix.
    pub prefix: Prefix,
    /// Where set, only routes of this origin count; a route whose origin the session could not carry counts too.
    pub origin: Option<Asn>,
    /// From the start of the data to their end: the end of the window asked about, or a little later.
    pub steps: Arc<Steps<Step>>,
    /// The vantage points that normally carry it.
    pub baseline: Arc<Baseline>,
}

impl Timeline {
    /// Cuts off everything from `end` on.
    pub fn until(mut self, end: Timestamp) -> Timeline {
        if self.steps.end() > end {
            Arc::make_mut(&mut self.steps).truncate(end);
        }
        self
    }

    /// Returns the timeline as if no vantage point had carried the prefix before `at`.
    pub fn carried_from(&self, at: Timestamp) -> Timeline {
        let steps = self.steps.map(|window, step| match window.start < at {
            true => Step { n_baseline_visible: 0, n_baseline_live: 0, ..*step },
            false => *step,
        });
        Timeline { steps: Arc::new(steps), ..self.clone() }
    }

    /// Returns the family of the prefix.
    pub fn family(&self) -> Family {
        self.prefix.family()
    }
}
