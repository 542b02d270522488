//! Votes of vantage points over time as counts of peer ASes.

use super::{Piece, Step, Sufficiency};
use crate::bgp::Asn;
use crate::time::Timestamp;

/// The input of one sweep.
pub(super) struct Sweep<'a> {
    pub pieces: &'a [Piece],
    pub origin: Option<Asn>,
    pub asn_of: &'a dyn Fn(usize) -> usize,
    pub n_asns: usize,
    /// ASes (by index) that normally carry the prefix.
    pub baseline: &'a [usize],
    /// Full-feed ASes over time, where it is known who they are.
    pub n_full_feeds: Option<&'a [(Timestamp, usize)]>,
    pub end: Timestamp,
    pub sufficiency: Sufficiency,
}

/// Vantage points of one AS that vote, and those among them that see the prefix.
#[derive(Clone, Copy, Default)]
struct AsnVotes {
    live: usize,
    seeing: usize,
}

/// The step function: one step wherever a count changes.
pub(super) fn steps(sweep: &Sweep) -> Vec<Step> {
    // (instant, whether it begins, AS, sees); an end sorts before a beginning of the same instant.
    let mut changes: Vec<(Timestamp, bool, usize, bool)> = Vec::with_capacity(sweep.pieces.len() * 2);
    for piece in sweep.pieces {
        let (asn, sees) = ((sweep.asn_of)(piece.vantage_point), piece.vote.sees(sweep.origin));
        changes.push((piece.window.start, true, asn, sees));
        changes.push((piece.window.end, false, asn, sees));
    }
    changes.sort_unstable();

    let mut is_baseline = vec![false; sweep.n_asns];
    for asn in sweep.baseline {
        is_baseline[*asn] = true;
    }
    let mut votes = vec![AsnVotes::default(); sweep.n_asns];
    let mut step = Step {
        from: Timestamp::MIN,
        n_visible: 0,
        n_live: 0,
        n_baseline_visible: 0,
        n_baseline_live: 0,
        n_vantage_points_visible: 0,
        n_vantage_points: 0,
        observed: false,
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut index = 0;
    while let Some(&(at, ..)) = changes.get(index) {
        if at >= sweep.end {
            break;
        }
        while let Some(&(_, begins, asn, sees)) = changes.get(index).filter(|change| change.0 == at) {
            step.count(&mut votes[asn], is_baseline[asn], begins, sees);
            index += 1;
        }
        step.from = at;
        step.observed = sweep.suffices(&step);
        let same = |last: &Step| Step { from: at, ..*last } == step;
        if !steps.last().is_some_and(same) {
            steps.push(step);
        }
    }
    steps
}

impl Step {
    fn count(&mut self, votes: &mut AsnVotes, is_baseline: bool, begins: bool, sees: bool) {
        let before = *votes;
        if begins {
            votes.live += 1;
            votes.seeing += usize::from(sees);
            self.n_vantage_points += 1;
            self.n_vantage_points_visible += usize::from(sees);
        } else {
            votes.live -= 1;
            votes.seeing -= usize::from(sees);
            self.n_vantage_points -= 1;
            self.n_vantage_points_visible -= usize::from(sees);
        }
        let baseline = usize::from(is_baseline);
        match (before.live > 0, votes.live > 0) {
            (false, true) => (self.n_live, self.n_baseline_live) = (self.n_live + 1, self.n_baseline_live + baseline),
            (true, false) => (self.n_live, self.n_baseline_live) = (self.n_live - 1, self.n_baseline_live - baseline),
            _ => {}
        }
        match (before.seeing > 0, votes.seeing > 0) {
            (false, true) => {
                (self.n_visible, self.n_baseline_visible) = (self.n_visible + 1, self.n_baseline_visible + baseline);
            }
            (true, false) => {
                (self.n_visible, self.n_baseline_visible) = (self.n_visible - 1, self.n_baseline_visible - baseline);
            }
            _ => {}
        }
    }
}

impl Sweep<'_> {
    fn suffices(&self, step: &Step) -> bool {
        let enough = step.n_live >= self.sufficiency.min_peers.max(1) && step.n_baseline_live > 0;
        // Without RIB dumps nobody knows who is a full feed: the number of peers alone decides.
        let covered = self.n_full_feeds.is_none_or(|counts| {
            let index = counts.partition_point(|(at, _)| *at <= step.from);
            let n = index.checked_sub(1).and_then(|index| counts.get(index)).map_or(0, |(_, n)| *n);
            step.n_live as f64 >= self.sufficiency.min_coverage * n as f64
        });
        enough && covered
    }
}
