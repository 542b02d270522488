//! The seam for detection rules: which share of a network decides, and when it is down.

use crate::query::Thresholds;
use crate::time::Steps;
use crate::visibility::{Step, Timeline};

/// A share over time; `None` where the data do not suffice to judge.
pub type Shares = Steps<Option<f64>>;

/// A rule that finds outages in the visibility of networks.
///
/// A detector says which share decides and when that share means *down*. Everything else is common to all detectors: flaps,
/// merging and episodes (by the durations of [`Detector::thresholds`]), edges within bounds where data are missing, class,
/// survivors, evidence, address space of an AS, and how far the collectors agree.
/// [`judge_with`](crate::pipeline::judge_with) answers a question by any detector; [`BaselineRule`](super::BaselineRule) and
/// [`IodaRule`](super::IodaRule) are the two that [`Metric`](crate::query::Metric) selects.
///
/// ```
/// use outage_replay::detect::{Detector, falls};
/// use outage_replay::query::Thresholds;
/// use outage_replay::time::{Steps, Timestamp};
/// use outage_replay::visibility::Step;
///
/// /// Down as soon as no vantage point sees the network.
/// struct Gone;
///
/// impl Detector for Gone {
///     fn thresholds(&self) -> Thresholds {
///         Thresholds::default()
///     }
///
///     fn share(&self, step: &Step) -> Option<f64> {
///         step.visibility()
///     }
///
///     fn is_down(&self, share: f64, _was_down: bool) -> bool {
///         share == 0.0
///     }
/// }
///
/// let mut shares = Steps::until(Timestamp::from_secs(900));
/// shares.push(Timestamp::from_secs(0), Some(0.3));
/// shares.push(Timestamp::from_secs(100), Some(0.0));
/// shares.push(Timestamp::from_secs(600), Some(0.1));
/// assert_eq!(falls(&shares, &Gone).outages.len(), 1);
/// ```
pub trait Detector: Sync {
    /// Returns the durations that separate flaps, outages and episodes, and the levels of the default [`Detector::is_down`].
    fn thresholds(&self) -> Thresholds;

    /// Returns the share of a prefix that decides, from 0 to 1; `None` where there is none. It is asked only about steps
    /// at which the data suffice: absence of data is never taken for absence of routes.
    fn share(&self, step: &Step) -> Option<f64>;

    /// Returns whether a share means that the network is down. By default it goes down below
    /// [`down_below`](Thresholds::down_below) and is up again from [`up_at`](Thresholds::up_at) on.
    fn is_down(&self, share: f64, was_down: bool) -> bool {
        let Thresholds { down_below, up_at, .. } = self.thresholds();
        if was_down { share < up_at } else { share < down_below }
    }

    /// Returns the smallest normal visibility at which a prefix can be judged. By default every prefix can that any full
    /// feed normally carries.
    fn min_visibility(&self) -> f64 {
        0.0
    }

    /// Returns whether a loss of the prefix could be seen at any time.
    fn can_judge(&self, timeline: &Timeline) -> bool {
        timeline.baseline.decides() && timeline.baseline.visibility() >= self.min_visibility()
    }

    /// Returns the share that decides, over time.
    fn shares(&self, timeline: &Timeline) -> Shares {
        timeline.steps.map(|_, step| self.share(step).filter(|_| step.observed))
    }
}
