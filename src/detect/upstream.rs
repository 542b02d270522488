//! The adjacent upstreams of an origin before a loss and after the return. They are evidence, never attribution: paths meet at
//! the AS next to the origin, which does not mean that anything broke there.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::evidence::{Evidence, Witness};
use super::falls::Fall;
use crate::bgp::Asn;
use crate::time::Timestamp;
use crate::visibility::{ObservedSpan, ObservedState, VantagePointIndex, View};

/// A loss that takes longer than this from its first to its last tenth is no single event. Convergence after one
/// withdrawal takes a few minutes.
const MAX_CONVERGENCE: Duration = Duration::from_secs(10 * 60);
/// An adjacent upstream with a smaller share of the routes than this is not counted in the pattern.
const MIN_SHARE: f64 = 0.05;
/// From this share on, all routes through an upstream count as lost; up to its complement, none.
const NEARLY_ALL: f64 = 0.9;
/// ASes listed as the last to lose it, and as the first to regain it.
const MAX_LISTED: usize = 5;

/// An AS next to the origin on its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its number.
    pub asn: Asn,
    /// Routes of usable vantage points that led through it.
    pub n_routes: usize,
    /// Those among them that were lost; for the time after, none.
    pub n_lost: usize,
}

/// How the losses are distributed over the adjacent upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Routes through two or more of them were lost together.
    OriginSide,
    /// Only routes through one of them were lost together, or there was no other.
    SingleUpstream,
    /// Neither: some routes through the same AS were lost and some were not, or over a longer time.
    Scattered,
}

/// A peer AS at an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeerAt {
    /// Its number.
    pub peer_asn: Asn,
    /// When its last vantage point lost it, or its first one had it back.
    pub at: Timestamp,
}

/// The adjacent upstreams of a network around an outage, and the peer ASes at its edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstreams {
    /// Just before, most routes first.
    pub before: Vec<Upstream>,
    /// Once it was back, most routes first.
    pub after: Vec<Upstream>,
    /// Peer ASes that lost it last, the very last first.
    pub last_to_lose: Vec<PeerAt>,
    /// Peer ASes that had it back first.
    pub first_to_regain: Vec<PeerAt>,
    /// How the losses are distributed; `None` where no path is known.
    pub pattern: Option<Pattern>,
}

impl Upstreams {
    /// Returns the upstreams of one prefix; `lost_at` is the instant with the fewest routes.
    pub(super) fn new(
        view: &View,
        observed: &[ObservedSpan],
        origin: Option<Asn>,
        fall: &Fall,
        lost_at: Timestamp,
        evidence: &Evidence,
    ) -> Upstreams {
        let before_at = fall.loss.first - Duration::from_micros(1);
        let lost = observed.iter().filter(|span| span.window.contains(lost_at) && !span.state.sees(origin));
        let lost: FxHashSet<VantagePointIndex> = lost.map(|span| span.vantage_point).collect();
        let before = routes(observed, origin, before_at, &lost);
        let after = fall.recovery.map(|edge| routes(observed, origin, edge.last, &FxHashSet::default()));
        let after = after.unwrap_or_default();
        Upstreams::of(before, after, fall, view, [evidence].into_iter())
    }

    /// Joins the upstreams of several prefixes of one AS.
    pub(super) fn joined<'a>(
        view: &View,
        parts: &[&Upstreams],
        fall: &Fall,
        evidence: impl Iterator<Item = &'a Evidence>,
    ) -> Upstreams {
        let joined = |list: &dyn Fn(&Upstreams) -> Vec<Upstream>| {
            let mut sum: BTreeMap<Asn, (usize, usize)> = BTreeMap::new();
            for upstream in parts.iter().flat_map(|part| list(part)) {
                let counts = sum.entry(upstream.asn).or_default();
                *counts = (counts.0 + upstream.n_routes, counts.1 + upstream.n_lost);
            }
            sum
        };
        let (before, after) = (joined(&|part| part.before.clone()), joined(&|part| part.after.clone()));
        Upstreams::of(before, after, fall, view, evidence)
    }

    fn of<'a>(
        before: BTreeMap<Asn, (usize, usize)>,
        after: BTreeMap<Asn, (usize, usize)>,
        fall: &Fall,
        view: &View,
        evidence: impl Iterator<Item = &'a Evidence>,
    ) -> Upstreams {
        let (mut lost, mut regained) = (BTreeMap::new(), BTreeMap::new());
        // A change after an unknown time may have been earlier.
        let dated = |witness: &&Witness| witness.known_until == witness.at;
        for evidence in evidence {
            for witness in evidence.losses.iter().filter(dated) {
                let last = lost.entry(asn(view, witness)).or_insert(witness.at);
                *last = witness.at.max(*last);
            }
            for witness in evidence.returns.iter().filter(dated) {
                let first = regained.entry(asn(view, witness)).or_insert(witness.at);
                *first = witness.at.min(*first);
            }
        }
        let last_to_lose = listed(lost, |peer| (std::cmp::Reverse(peer.at), peer.peer_asn));
        let first_to_regain = listed(regained, |peer| (peer.at, peer.peer_asn));
        let before = ranked(before);
        let pattern = pattern(&before, fall);
        Upstreams { pattern, before, after: ranked(after), last_to_lose, first_to_regain }
    }
}

fn asn(view: &View, witness: &Witness) -> Asn {
    view.replay(witness.collector).peer(witness.peer).asn
}

/// Returns the first few in an order.
fn listed<K: Ord>(times: BTreeMap<Asn, Timestamp>, order: impl FnMut(&PeerAt) -> K) -> Vec<PeerAt> {
    let mut list: Vec<PeerAt> = times.into_iter().map(|(peer_asn, at)| PeerAt { peer_asn, at }).collect();
    list.sort_by_key(order);
    list.truncate(MAX_LISTED);
    list.shrink_to_fit();
    list
}

/// Counts the routes through each adjacent upstream at an instant, and those of the vantage points in `lost`.
fn routes(
    observed: &[ObservedSpan],
    origin: Option<Asn>,
    at: Timestamp,
    lost: &FxHashSet<VantagePointIndex>,
) -> BTreeMap<Asn, (usize, usize)> {
    let mut counts: BTreeMap<Asn, (usize, usize)> = BTreeMap::new();
    for span in observed.iter().filter(|span| span.window.contains(at) && span.state.sees(origin)) {
        if let ObservedState::Present(Some(path), _) = &span.state
            && let Some(upstream) = path.upstream()
        {
            let (n, n_lost) = counts.entry(upstream).or_default();
            *n += 1;
            *n_lost += usize::from(lost.contains(&span.vantage_point));
        }
    }
    counts
}

fn ranked(counts: BTreeMap<Asn, (usize, usize)>) -> Vec<Upstream> {
    let mut list: Vec<Upstream> =
        counts.into_iter().map(|(asn, (n_routes, n_lost))| Upstream { asn, n_routes, n_lost }).collect();
    list.sort_by_key(|upstream| (std::cmp::Reverse(upstream.n_routes), upstream.asn));
    list
}

fn pattern(before: &[Upstream], fall: &Fall) -> Option<Pattern> {
    let n: usize = before.iter().map(|upstream| upstream.n_routes).sum();
    let relevant: Vec<&Upstream> =
        before.iter().filter(|upstream| upstream.n_routes as f64 >= MIN_SHARE * n as f64).collect();
    let share = |upstream: &Upstream| upstream.n_lost as f64 / upstream.n_routes as f64;
    let n_hit = relevant.iter().filter(|upstream| share(upstream) >= NEARLY_ALL).count();
    let n_spared = relevant.iter().filter(|upstream| share(upstream) <= 1.0 - NEARLY_ALL).count();
    if relevant.is_empty() {
        return None;
    }
    let bulk_lost = fall.loss.most.unwrap_or(fall.loss.last);
    let is_sudden = bulk_lost <= fall.loss.first + MAX_CONVERGENCE;
    Some(match (n_hit, n_spared) {
        _ if !is_sudden || n_hit + n_spared < relevant.len() => Pattern::Scattered,
        (0, _) => Pattern::Scattered,
        (1, _) => Pattern::SingleUpstream,
        (_, 0) => Pattern::OriginSide,
        _ => Pattern::Scattered,
    })
}
