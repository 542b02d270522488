//! IODA's rule: a network is down while most full feeds do not carry it.

use super::detector::Detector;
use crate::query::Thresholds;
use crate::visibility::Step;

/// Down by the share of all live full-feed ASes.
#[derive(Clone, Copy, Debug)]
pub struct IodaRule(pub Thresholds);

impl Detector for IodaRule {
    fn thresholds(&self) -> Thresholds {
        self.0
    }

    fn share(&self, step: &Step) -> Option<f64> {
        step.visibility()
    }

    /// A prefix that even normally is below the threshold has no level to fall from.
    fn min_visibility(&self) -> f64 {
        self.0.down_below
    }
}
