//! Counts of peer ASes over time, from what each vantage point observed.

use super::Step;
use super::baseline::{Baseline, BaselineCarrier};
use super::index::VantagePointIndex;
use super::observed::ObservedSpan;
use crate::bgp::Asn;
use crate::query::Sufficiency;
use crate::time::{Steps, Timestamp, Window};

/// The input of one sweep.
pub(super) struct Sweep<'a> {
    pub observed: &'a [ObservedSpan],
    pub origin: Option<Asn>,
    pub asn_of: &'a dyn Fn(VantagePointIndex) -> usize,
    pub n_asns: usize,
    pub baseline: &'a Baseline,
    /// Number of full-feed ASes over time; `None` without RIB dumps.
    pub n_full_feeds: Option<&'a Steps<usize>>,
    pub end: Timestamp,
    pub sufficiency: Sufficiency,
}

/// Vantage points of one AS that are live, and those among them that see the prefix, and that normally carry it.
#[derive(Clone, Copy, Default)]
struct AsnCounts {
    live: u32,
    seeing: u32,
    baseline: u32,
    /// Vantage points of the AS that normally carry it, live or not.
    carriers: u32,
}

/// A contribution of one vantage point to the counts of its AS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Contribution {
    /// It counts from now on among those that normally carry the prefix.
    Carrier,
    /// It is live.
    Live { sees: bool, is_baseline: bool },
}

/// Returns the counts over time: one step wherever a count changes.
pub(super) fn steps(sweep: &Sweep) -> Steps<Step> {
    // Hot: (instant, (whether it begins, AS, contribution)); an end sorts before a beginning of the same instant.
    let mut changes: Vec<(Timestamp, (bool, usize, Contribution))> = Vec::with_capacity(sweep.observed.len() * 2);
    for span in sweep.observed {
        let sees = span.state.sees(sweep.origin);
        let asn = (sweep.asn_of)(span.vantage_point);
        let since = sweep.baseline.carrier(span.vantage_point).map_or(Timestamp::MAX, |carrier| carrier.since);
        let mut add = |window: Option<Window>, is_baseline: bool| {
            if let Some(window) = window {
                changes.push((window.start, (true, asn, Contribution::Live { sees, is_baseline })));
                changes.push((window.end, (false, asn, Contribution::Live { sees, is_baseline })));
            }
        };
        let Window { start, end } = span.window;
        add(Window::new(start, end.min(since)).ok(), false);
        add(Window::new(start.max(since), end).ok(), true);
    }
    let first = sweep.observed.iter().map(|span| span.window.start).min().unwrap_or(Timestamp::MIN);
    for BaselineCarrier { vantage_point, since } in
        sweep.baseline.carriers.iter().filter(|carrier| carrier.since < Timestamp::MAX)
    {
        changes.push((first.max(*since), (true, (sweep.asn_of)(*vantage_point), Contribution::Carrier)));
    }

    let mut counts = vec![AsnCounts::default(); sweep.n_asns];
    let (mut step, mut n_carriers) = (Step::default(), 0);
    let mut steps = Steps::sweep(changes, sweep.end, |at, changes| {
        for (_, (begins, asn, contribution)) in changes {
            step.count(&mut counts[*asn], *begins, *contribution, &mut n_carriers);
        }
        step.observed = sweep.suffices(at, &step, n_carriers);
        step
    });
    steps.merge_equal();
    steps
}

impl Step {
    /// `n_carriers`: ASes that normally carry the prefix, live or not.
    fn count(&mut self, counts: &mut AsnCounts, begins: bool, contribution: Contribution, n_carriers: &mut usize) {
        let before = *counts;
        let change = |n: &mut u32, by: bool| match begins {
            true => *n += u32::from(by),
            false => *n -= u32::from(by),
        };
        match contribution {
            Contribution::Carrier => {
                *n_carriers += usize::from(counts.carriers == 0);
                counts.carriers += 1;
            }
            Contribution::Live { sees, is_baseline } => {
                change(&mut counts.live, true);
                change(&mut counts.seeing, sees);
                change(&mut counts.baseline, is_baseline);
                change(&mut self.n_vantage_points, true);
                change(&mut self.n_vantage_points_visible, sees);
            }
        }

        // An AS counts once, whatever the number of its vantage points.
        let recount = |n: &mut u32, holds: fn(&AsnCounts) -> bool| match (holds(&before), holds(counts)) {
            (false, true) => *n += 1,
            (true, false) => *n -= 1,
            _ => {}
        };
        recount(&mut self.n_live, |counts| counts.live > 0);
        recount(&mut self.n_visible, |counts| counts.seeing > 0);
        // Any vantage point that sees the prefix shows that it is there. But while all that normally carry it are unknown,
        // another one that never did shows no loss.
        recount(&mut self.n_baseline_live, |counts| counts.baseline > 0 || counts.carriers > 0 && counts.seeing > 0);
        recount(&mut self.n_baseline_visible, |counts| counts.carriers > 0 && counts.seeing > 0);
    }
}

impl Sweep<'_> {
    /// Returns whether enough ASes are live, and enough of those that normally carry the prefix.
    fn suffices(&self, at: Timestamp, step: &Step, n_carriers: usize) -> bool {
        let Sufficiency { min_peers, min_coverage } = self.sufficiency;
        let enough = step.n_live as usize >= min_peers.max(1) && step.n_baseline_live > 0;
        // Without RIB dumps full feeds are not known, and carriers are learned one by one: only the number of peers decides.
        let covered = self.n_full_feeds.is_none_or(|counts| {
            let n = counts.at(at).copied().unwrap_or(0);
            let deciding = step.n_baseline_live as f64 >= min_coverage * n_carriers as f64;
            deciding && step.n_live as f64 >= min_coverage * n as f64
        });
        enough && covered
    }
}
