//! Votes of vantage points over time as counts of peer ASes.

use super::{Piece, Step, VantagePointIndex};
use crate::bgp::Asn;
use crate::query::Sufficiency;
use crate::time::{Timestamp, Window};

/// The input of one sweep.
pub(super) struct Sweep<'a> {
    pub pieces: &'a [Piece],
    pub origin: Option<Asn>,
    pub asn_of: &'a dyn Fn(VantagePointIndex) -> usize,
    pub n_asns: usize,
    /// Vantage points that normally carry the prefix, sorted, and from when on they count as such.
    pub baseline: &'a [(VantagePointIndex, Timestamp)],
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
    /// Vantage points of the AS that normally carry it, live or not.
    carriers: usize,
}

/// What one vantage point adds to the counts of its AS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ballot {
    /// From now on it counts among those that normally carry the prefix.
    Carrier,
    /// It votes.
    Vote { sees: bool, is_baseline: bool },
}

/// The step function: one step wherever a count changes.
pub(super) fn steps(sweep: &Sweep) -> Vec<Step> {
    // (instant, whether it begins, AS, vote); an end sorts before a beginning of the same instant.
    let mut changes: Vec<(Timestamp, bool, usize, Ballot)> = Vec::with_capacity(sweep.pieces.len() * 2);
    for piece in sweep.pieces {
        let sees = piece.vote.sees(sweep.origin);
        let asn = (sweep.asn_of)(piece.vantage_point);
        let carrier = sweep.baseline.binary_search_by_key(&piece.vantage_point, |(who, _)| *who);
        let since =
            carrier.ok().and_then(|index| sweep.baseline.get(index)).map_or(Timestamp::MAX, |(_, since)| *since);
        let mut vote = |window: Option<Window>, is_baseline: bool| {
            if let Some(window) = window {
                changes.push((window.start, true, asn, Ballot::Vote { sees, is_baseline }));
                changes.push((window.end, false, asn, Ballot::Vote { sees, is_baseline }));
            }
        };
        let Window { start, end } = piece.window;
        vote(Window::new(start, end.min(since)).ok(), false);
        vote(Window::new(start.max(since), end).ok(), true);
    }
    let first = sweep.pieces.iter().map(|piece| piece.window.start).min().unwrap_or(Timestamp::MIN);
    for (vantage_point, since) in sweep.baseline.iter().filter(|(_, since)| *since < Timestamp::MAX) {
        changes.push((first.max(*since), true, (sweep.asn_of)(*vantage_point), Ballot::Carrier));
    }
    changes.sort_unstable();

    let mut votes = vec![AsnVotes::default(); sweep.n_asns];
    let mut n_carriers = 0;
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
            step.count(&mut votes[asn], begins, ballot, &mut n_carriers);
            index += 1;
        }
        step.from = at;
        step.observed = sweep.suffices(&step, n_carriers);
        let same = |last: &Step| Step { from: at, ..*last } == step;
        if !steps.last().is_some_and(same) {
            steps.push(step);
        }
    }
    steps.shrink_to_fit();
    steps
}

impl Step {
    /// `n_carriers`: ASes that normally carry the prefix, live or not.
    fn count(&mut self, votes: &mut AsnVotes, begins: bool, ballot: Ballot, n_carriers: &mut usize) {
        let before = *votes;
        let change = |n: &mut usize, by: bool| match begins {
            true => *n += usize::from(by),
            false => *n -= usize::from(by),
        };
        match ballot {
            Ballot::Carrier => {
                *n_carriers += usize::from(votes.carriers == 0);
                votes.carriers += 1;
            }
            Ballot::Vote { sees, is_baseline } => {
                change(&mut votes.live, true);
                change(&mut votes.seeing, sees);
                change(&mut votes.baseline, is_baseline);
                change(&mut self.n_vantage_points, true);
                change(&mut self.n_vantage_points_visible, sees);
            }
        }

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
        recount(&mut self.n_baseline_live, |votes| votes.baseline > 0 || votes.carriers > 0 && votes.seeing > 0);
        recount(&mut self.n_baseline_visible, |votes| votes.carriers > 0 && votes.seeing > 0);
    }
}

impl Sweep<'_> {
    /// Whether enough ASes vote, and enough of those that decide: the ones that normally carry the prefix.
    fn suffices(&self, step: &Step, n_carriers: usize) -> bool {
        let Sufficiency { min_peers, min_coverage } = self.sufficiency;
        let enough = step.n_live >= min_peers.max(1) && step.n_baseline_live > 0;
        // Without RIB dumps nothing shows who is a full feed, and who carries the prefix is known little by little: the number
        // of peers alone decides.
        let covered = self.n_full_feeds.is_none_or(|counts| {
            let index = counts.partition_point(|(at, _)| *at <= step.from);
            let n = index.checked_sub(1).and_then(|index| counts.get(index)).map_or(0, |(_, n)| *n);
            let deciding = step.n_baseline_live as f64 >= min_coverage * n_carriers as f64;
            deciding && step.n_live as f64 >= min_coverage * n as f64
        });
        enough && covered
    }
}
