//! Votes of vantage points over time as counts of peer ASes.

use super::{Piece, Step};
use crate::bgp::Asn;
use crate::query::Sufficiency;
use crate::time::{Steps, Timestamp, Window};

/// The input of one sweep.
pub(super) struct Sweep<'a> {
    pub pieces: &'a [Piece],
    pub origin: Option<Asn>,
    pub asn_of: &'a dyn Fn(usize) -> usize,
    pub n_asns: usize,
    /// Vantage points that normally carry the prefix, sorted, and from when on they count as such.
    pub baseline: &'a [(usize, Timestamp)],
    /// Full-feed ASes over time, where it is known who they are.
    pub n_full_feeds: Option<&'a Steps<usize>>,
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

/// Returns the counts over time: one step wherever a count changes.
pub(super) fn steps(sweep: &Sweep) -> Steps<Step> {
    // Hot: (instant, (whether it begins, AS, vote)); an end sorts before a beginning of the same instant.
    let mut changes: Vec<(Timestamp, (bool, usize, Ballot))> = Vec::with_capacity(sweep.pieces.len() * 2);
    for piece in sweep.pieces {
        let sees = piece.vote.sees(sweep.origin);
        let asn = (sweep.asn_of)(piece.vantage_point);
        let carrier = sweep.baseline.binary_search_by_key(&piece.vantage_point, |(who, _)| *who);
        let since =
            carrier.ok().and_then(|index| sweep.baseline.get(index)).map_or(Timestamp::MAX, |(_, since)| *since);
        let mut vote = |window: Option<Window>, is_baseline: bool| {
            if let Some(window) = window {
                changes.push((window.start, (true, asn, Ballot::Vote { sees, is_baseline })));
                changes.push((window.end, (false, asn, Ballot::Vote { sees, is_baseline })));
            }
        };
        let Window { start, end } = piece.window;
        vote(Window::new(start, end.min(since)).ok(), false);
        vote(Window::new(start.max(since), end).ok(), true);
    }
    let first = sweep.pieces.iter().map(|piece| piece.window.start).min().unwrap_or(Timestamp::MIN);
    for (vantage_point, since) in sweep.baseline.iter().filter(|(_, since)| *since < Timestamp::MAX) {
        changes.push((first.max(*since), (true, (sweep.asn_of)(*vantage_point), Ballot::Carrier)));
    }

    let mut votes = vec![AsnVotes::default(); sweep.n_asns];
    let (mut step, mut n_carriers) = (Step::default(), 0);
    let mut steps = Steps::sweep(changes, sweep.end, |at, changes| {
        for (_, (begins, asn, ballot)) in changes {
            step.count(&mut votes[*asn], *begins, *ballot, &mut n_carriers);
        }
        step.observed = sweep.suffices(at, &step, n_carriers);
        step
    });
    steps.merge_equal();
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
    fn suffices(&self, at: Timestamp, step: &Step, n_carriers: usize) -> bool {
        let Sufficiency { min_peers, min_coverage } = self.sufficiency;
        let enough = step.n_live >= min_peers.max(1) && step.n_baseline_live > 0;
        // Without RIB dumps nothing shows who is a full feed, and who carries the prefix is known little by little: the number
        // of peers alone decides.
        let covered = self.n_full_feeds.is_none_or(|counts| {
            let n = counts.at(at).copied().unwrap_or(0);
            let deciding = step.n_baseline_live as f64 >= min_coverage * n_carriers as f64;
            deciding && step.n_live as f64 >= min_coverage * n as f64
        });
        enough && covered
    }
}
