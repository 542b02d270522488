//! Outages: intervals in which a share falls below its threshold and stays there.
//!
//! A [`Detector`] is the rule: which share decides, and when it means that a network is down. [`falls()`] finds every fall of a
//! share over time; the falls of a prefix and of everything that an AS originates become outages, flaps and lesser losses, which
//! are classified by what the vantage points did.
//!
//! To add a detector, implement the trait in a file of your own and pass it to [`judge_with`](crate::pipeline::judge_with), as
//! `examples/detector.rs` does.

mod agreement;
mod baseline_rule;
mod comparison;
mod context;
mod detector;
mod episodes;
mod events;
mod evidence;
mod falls;
mod ioda_rule;
mod model;
mod network;
mod prefix;
mod space;
mod upstream;

use crate::query::{Criteria, Metric};

pub use agreement::{Agreement, Counterfactual, HalfCrossings};
pub use baseline_rule::BaselineRule;
pub use comparison::{MAX_SKEW, Skew};
pub use detector::{Detector, Shares};
pub use events::TOGETHER;
pub use evidence::{Dump, Evidence, Witness};
pub use falls::{Bounds, Censoring, Edge, Fall, Falls, falls};
pub use ioda_rule::IodaRule;
pub use model::{
    AsnRole, Class, Counts, Episode, Event, Findings, Flap, Loss, Outage, Quality, Scope, Severity, SharedAsn, Subject,
    Survivor, TOTAL_BELOW, Visibility,
};
pub use network::{SpaceLayer, SpaceStep, SpaceTimeline};
pub use upstream::{Pattern, PeerAt, Upstream, Upstreams};

pub(crate) use comparison::{Counterfactuals, compare_collectors, skews};
pub(crate) use context::PrefixContext;
pub(crate) use events::events;
pub(crate) use network::{SpaceContext, space_findings};
pub(crate) use prefix::prefix_findings;
pub(crate) use space::units_of;

/// Returns the detector that the criteria select.
pub fn detector(criteria: &Criteria) -> Box<dyn Detector> {
    match criteria.metric {
        Metric::Baseline => Box::new(BaselineRule(criteria.thresholds)),
        Metric::Ioda => Box::new(IodaRule(criteria.thresholds)),
    }
}

#[cfg(test)]
mod tests;
