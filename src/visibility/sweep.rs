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
    /// Vantage points that normally carry the prefix, sorted.
    pub baseline: &'a [usize],
    /// Full-feed ASes over time, where it is known who they are.
    pub n_full_feeds: Option<&'a [(Timestamp, usize)]>,
    pub end: Timestamp,
    pub sufficiency: Sufficiency,
}

/// Vantage points of one AS that vote, and those among them that see the prefix, and that normally carry it.
#[derive(Clone, Copy, Default)]
struct AsnVotes {
    live: usize,
    seeing: usize,
    baseline: usize,
    /// Whether any vantage point of the AS normally carries it, live or not.
    is_baseline: bool,
}

/// What one vantage point adds to the counts of its AS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ballot {
    sees: bool,
    is_baseline: bool,
}

/// The step function: one step wherever a count changes.
pub(super) fn steps(sweep: &Sweep) -> Vec<Step> {
    // (instant, whether it begins, AS, vote); an end sorts before a beginning of the same instant.
    let mut changes: Vec<(Timestamp, bool, usize, Ballot)> = Vec::with_capacity(sweep.pieces.len() * 2);
    for piece in sweep.pieces {
        let asn = (sweep.asn_of)(piece.vantage_point);
        let is_baseline = sweep.baseline.binary_search(&piece.vantage_point).is_ok();
        let ballot = Ballot { sees: piece.vote.sees(sweep.origin), is_baseline };
        changes.push((piece.window.start, true, asn, ballot));
        changes.push((piece.window.end, false, asn, ballot));
    }
    changes.sort_unstable();

    let mut votes = vec![AsnVotes::default(); sweep.n_asns];
    for vantage_point in sweep.baseline {
        votes[(sweep.asn_of)(*vantage_point)].is_baseline = true;
    }
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
        while let Some(&(_, begins, asn, ballot)) = changes.get(index).filter(|change| change.0 == at) {
            step.count(&mut votes[asn], begins, ballot);
            index += 1;
        }
        step.from = at;
        step.observed = sweep.suffices(&step);
        let same = |last: &Step| Step { from: at, ..*last } == step;
        if !steps.last().is_some_and(same) {
            steps.push(step);
        }
    }
    steps.shrink_to_fit();
    steps
}

impl Step {
    fn count(&mut self, votes: &mut AsnVotes, begins: bool, ballot: Ballot) {
        let before = *votes;
        let change = |n: &mut usize, by: bool| match begins {
            true => *n += usize::from(by),
            false => *n -= usize::from(by),
        };
        change(&mut votes.live, true);
        change(&mut votes.seeing, ballot.sees);
        change(&mut votes.baseline, ballot.is_baseline);
        change(&mut self.n_vantage_points, true);
        change(&mut self.n_vantage_points_visible, ballot.sees);

        // An AS counts once, whatever the number of its vantage points.
        let recount = |n: &mut usize, holds: fn(&AsnVotes) -> bool| match (holds(&before), holds(votes)) {
            (false, true) => *n += 1,
            (true, false) => *n -= 1,
            _ => {}
        };
        recount(&mut self.n_live, |votes| votes.live > 0);
        recount(&mut self.n_visible, |votes| votes.seeing > 0);
        // Whoever sees it shows that it is there. But while all that normally carry it are unknown, another one that never
        // did is no sign of a loss.
        recount(&mut self.n_baseline_live, |votes| votes.baseline > 0 || votes.is_baseline && votes.seeing > 0);
        recount(&mut self.n_baseline_visible, |votes| votes.is_baseline && votes.seeing > 0);
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
