//! The default rule: a network is down while most ASes that normally carry it do not.

use super::detector::Detector;
use crate::query::Thresholds;
use crate::visibility::Step;

/// Down by the share of the live peer ASes that normally carry the prefix.
#[derive(Clone, Copy, Debug)]
pub struct BaselineRule(pub Thresholds);

impl Detector for BaselineRule {
    fn thresholds(&self) -> Thresholds {
        self.0
    }

    fn share(&self, step: &Step) -> Option<f64> {
        step.baseline_share()
    }
}
