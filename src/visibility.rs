//! The share of usable vantage points that see a prefix, over time.
//!
//! Vantage points of one AS count once, as in CAIDA's BGPView. Two shares are computed: *visibility*, against every AS
//! with a usable full-feed vantage point, and the *baseline share*, against those that normally carry the prefix.
//! Unknown vantage points leave both the numerator and the denominator.

mod baseline;
mod full_feed;
mod index;
mod sweep;
mod view;

use crate::bgp::{Asn, Family, Prefix};
use crate::time::{Timestamp, Window};

pub use crate::replay::{PeerId, PeerState, RecordRef, RouteState};
pub use baseline::{Baseline, BaselineSource, LookedBack};
pub use full_feed::{FullFeed, FullFeedRule};
pub use index::{CollectorIndex, VantagePointIndex};
pub use view::{Because, KnownSpan, Piece, SearchedDump, SessionSpan, View, Vote};

/// A stretch in which nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Since when; it lasts until the next step.
    pub from: Timestamp,
    /// Peer ASes whose usable vantage points see the prefix.
    pub n_visible: usize,
    /// Peer ASes with a usable vantage point.
    pub n_live: usize,
    /// Those among `n_baseline_live` that see the prefix.
    pub n_baseline_visible: usize,
    /// Peer ASes among those that normally carry the prefix of which a vantage point that carries it is usable, or any
    /// sees it. While all that carry it are unknown, another one of the same AS, which never did, is no sign of a loss.
    pub n_baseline_live: usize,
    /// Usable vantage points that see the prefix.
    pub n_vantage_points_visible: usize,
    /// Usable vantage points.
    pub n_vantage_points: usize,
    /// Whether the data suffice to judge.
    pub observed: bool,
}

impl Step {
    /// Share of the live peer ASes that see the prefix; nothing when none is live.
    pub fn visibility(&self) -> Option<f64> {
        share(self.n_visible, self.n_live)
    }

    /// Share of the live peer ASes that normally carry the prefix; nothing when none is live.
    pub fn baseline_share(&self) -> Option<f64> {
        share(self.n_baseline_visible, self.n_baseline_live)
    }
}

/// A stretch in which as many peer ASes are live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveFeeds {
    /// When.
    pub window: Window,
    /// Full-feed ASes that are known and whose session is up.
    pub n_live: usize,
    /// All of them; nothing where no RIB dump tells.
    pub n_full_feeds: Option<usize>,
}

impl LiveFeeds {
    /// The share that is live.
    pub fn share(&self) -> Option<f64> {
        share(self.n_live, self.n_full_feeds?)
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The visibility of one prefix over time, as a step function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The prefix.
    pub prefix: Prefix,
    /// Where set, only routes of this origin count; a route whose origin the session could not carry counts too.
    pub origin: Option<Asn>,
    /// In order; the first begins where the data do, the last ends with `end`.
    pub steps: Vec<Step>,
    /// Who normally carries it.
    pub baseline: Baseline,
    /// The end of the data: of the window asked about, or a little later.
    pub end: Timestamp,
}

impl Timeline {
    /// What of it lies before `end`.
    pub fn until(mut self, end: Timestamp) -> Timeline {
        self.end = self.end.min(end);
        self.steps.retain(|step| step.from < end);
        self
    }

    /// The timeline as if no vantage point had carried the prefix before `at`.
    pub fn carried_from(&self, at: Timestamp) -> Timeline {
        let mut timeline = self.clone();
        for step in timeline.steps.iter_mut().filter(|step| step.from < at) {
            (step.n_baseline_visible, step.n_baseline_live) = (0, 0);
        }
        timeline
    }

    /// The step that holds `at`.
    pub fn at(&self, at: Timestamp) -> Option<&Step> {
        let index = self.steps.partition_point(|step| step.from <= at);
        self.steps.get(index.checked_sub(1)?)
    }

    /// Every step with the stretch for which it lasts.
    pub fn stretches(&self) -> impl DoubleEndedIterator<Item = (Window, &Step)> {
        self.steps.iter().enumerate().filter_map(|(index, step)| {
            let end = self.steps.get(index + 1).map_or(self.end, |next| next.from);
            Some((Window::new(step.from, end).ok()?, step))
        })
    }

    /// The family of the prefix.
    pub fn family(&self) -> Family {
        self.prefix.family()
    }
}
