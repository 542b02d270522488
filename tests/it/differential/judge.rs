//! Compares the claims of the program about a history with the truth.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use outage_replay::bgp::Prefix;
use outage_replay::detect::Outage;
use outage_replay::query::{Target, Thresholds};
use outage_replay::report::Report;
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::{PeerState, RouteState, SessionSpan, Timeline};

use super::history::{self, END, History, N_CONTROLS, PREFIXES, START};
use super::trouble::TOLERANCE;
use super::truth::{HOLDS, KNOWN, LACKS, Truth};
use super::{at, second};

/// Peer ASes about which a claim is allowed or required, a bit each.
#[derive(Clone, Copy, Default)]
struct Votes {
    may_hold: u32,
    may_lack: u32,
    must_hold: u32,
    must_lack: u32,
    /// Those of `must_lack` of which a vantage point that normally carries the prefix must be said to lack it.
    carriers_must_lack: u32,
}

/// The bit of the AS of a peer.
fn bit(history: &History, peer: usize) -> u32 {
    let asn = history.peers[peer].asn;
    1 << history.peers.iter().position(|peer| peer.asn == asn).expect("a peer")
}

fn bits(history: &History, peers: impl IntoIterator<Item = usize>) -> u32 {
    peers.into_iter().fold(0, |bits, peer| bits | bit(history, peer))
}

impl Votes {
    /// The claims that are allowed and required about a prefix at a moment.
    fn of(history: &History, truth: &Truth, prefix: usize, at: i64) -> Votes {
        let mut votes = Votes::default();
        for peer in 0..history.peers.len() {
            let (asn, claims) = (bit(history, peer), truth.claims(peer, prefix, at));
            let add = |set: &mut u32, is_member: bool| *set |= if is_member { asn } else { 0 };
            let is_known = claims & KNOWN != 0;
            add(&mut votes.may_hold, claims & HOLDS != 0);
            add(&mut votes.may_lack, claims & LACKS != 0);
            add(&mut votes.must_hold, is_known && claims & LACKS == 0);
            add(&mut votes.must_lack, is_known && claims & HOLDS == 0);
            let is_carrier = truth.certain_baseline[prefix].contains(&peer);
            add(&mut votes.carriers_must_lack, is_carrier && is_known && claims & HOLDS == 0);
        }
        // One AS holds it while any of its vantage points does.
        votes.may_lack &= !votes.must_hold;
        votes.must_lack &= !votes.may_hold;
        votes.carriers_must_lack &= !votes.may_hold;
        votes
    }
}

/// The smallest and the largest share that a correct reader may compute, and whether the data are sufficient for every
/// reader.
struct Shares {
    least: Option<f64>,
    most: Option<f64>,
    suffice: bool,
}

impl Shares {
    fn of(history: &History, truth: &Truth, prefix: usize, votes: &Votes) -> Shares {
        let certain = bits(history, truth.certain_baseline[prefix].iter().copied());
        let possible = bits(history, truth.possible_baseline[prefix].iter().copied());
        let share = |hold: u32, lack: u32| {
            let (hold, lack) = (hold.count_ones(), lack.count_ones());
            (hold + lack > 0).then(|| f64::from(hold) / f64::from(hold + lack))
        };
        let may_be_full = |peer: &usize| !history.peers[*peer].is_partial || !truth.tells_partial;
        let everyone = bits(history, (0..history.peers.len()).filter(may_be_full));
        let live = votes.must_hold | votes.must_lack;
        Shares {
            least: share(votes.must_hold & certain, votes.may_lack & possible),
            // A vantage point that never carried it does not count for one that is unknown.
            most: share(votes.may_hold & possible, votes.carriers_must_lack),
            suffice: live.count_ones() >= history.min_peers as u32
                && live.count_ones() * 2 >= everyone.count_ones()
                // With less than half of the baseline the interval is unobserved.
                && live & certain != 0
                && (votes.must_hold & certain | votes.carriers_must_lack).count_ones() * 2 >= possible.count_ones(),
        }
    }

    /// Whether no reader may consider it down.
    fn is_up(&self, thresholds: &Thresholds) -> bool {
        self.suffice && self.least.is_some_and(|share| share >= thresholds.up_at)
    }

    /// Whether every reader must consider it down.
    fn is_down(&self, thresholds: &Thresholds) -> bool {
        self.suffice && self.most.is_some_and(|share| share < thresholds.down_below)
    }
}

/// Target-seconds: those that were judged, and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    pub judged: i64,
    pub all: i64,
}

impl Observed {
    pub fn of(report: &Report) -> Observed {
        let window = report.parameters.window().duration().as_secs() as i64;
        let of_prefixes = || report.summaries.iter().filter(|summary| matches!(summary.target, Target::Prefix(..)));
        let unobserved: i64 = of_prefixes().map(|summary| summary.unobserved_time().as_secs() as i64).sum();
        let all = window * of_prefixes().count() as i64;
        Observed { judged: all - unobserved, all }
    }

    pub fn add(&mut self, other: Observed) {
        self.judged += other.judged;
        self.all += other.all;
    }

    pub fn share(&self) -> f64 {
        self.judged as f64 / self.all.max(1) as f64
    }
}

/// What is wrong with the answer, if anything is.
pub fn check(history: &History, report: &Report) -> Result<(), String> {
    let truth = Truth::of(history);
    let mut all_shares: Vec<Vec<Shares>> = Vec::new();
    for (prefix, text) in PREFIXES.iter().enumerate() {
        let parsed: Prefix = text.parse().expect("a prefix");
        let timeline = report.timelines.iter().find(|timeline| timeline.prefix == parsed).expect("a timeline");
        let votes: Vec<Votes> = (START..END).map(|at| Votes::of(history, &truth, prefix, at)).collect();
        check_votes(history, &votes, timeline, text)?;
        check_spans(history, &truth, report, prefix)?;
        let outages: Vec<&Outage> =
            report.findings.outages.iter().filter(|o| o.subject.prefix == Some(parsed)).collect();
        let shares: Vec<Shares> = votes.iter().map(|votes| Shares::of(history, &truth, prefix, votes)).collect();
        check_outages(history, &outages, &shares, text)?;
        check_claims(history, &truth, report, prefix, &votes, &outages)?;
        if prefix >= PREFIXES.len() - N_CONTROLS {
            let losses = report.findings.losses.iter().filter(|loss| loss.subject.prefix == Some(parsed)).count();
            if !outages.is_empty() || losses > 0 {
                return Err(format!("invented: {text}, which nobody ever lost: {outages:?}, {losses} losses"));
            }
        }
        all_shares.push(shares);
    }
    check_the_as(history, &all_shares, report)
}

/// Compares the counts of the timeline with those that are allowed and required, in the middle of every second.
fn check_votes(history: &History, votes: &[Votes], timeline: &Timeline, prefix: &str) -> Result<(), String> {
    let middle = Duration::from_millis(500);
    for second in history.window.0..history.window.1 {
        let Votes { may_hold, may_lack, must_hold, must_lack, .. } = votes[(second - START) as usize];
        let (n_visible, n_live) =
            timeline.steps.at(at(second) + middle).map_or((0, 0), |step| (step.n_visible, step.n_live));
        let n_lacking = n_live - n_visible;
        // Numbers of four octets are lost in some sessions and not in others of the same AS: it counts twice then.
        let wide = || history.peers.iter().map(|peer| peer.asn).filter(|asn| *asn > u32::from(u16::MAX));
        let n_twice = (wide().count() - wide().collect::<BTreeSet<_>>().len()) as u32;
        let wrong = if n_visible > may_hold.count_ones() + n_twice {
            "false presence"
        } else if n_lacking > may_lack.count_ones() + n_twice {
            "false absence"
        } else if n_visible < must_hold.count_ones() {
            "missed presence"
        } else if n_lacking < must_lack.count_ones() {
            "missed absence"
        } else {
            continue;
        };
        let names = |bits: u32| {
            let peers = (0..history.peers.len()).filter(|peer| bits & bit(history, *peer) != 0);
            peers.map(|peer| history.peers[peer].asn.to_string()).collect::<Vec<_>>().join(" ")
        };
        return Err(format!(
            "{wrong}: {prefix} at {second:+}: {n_visible} hold it and {n_lacking} do not; may hold: {} (must: {}), may \
             lack: {} (must: {})",
            names(may_hold),
            names(must_hold),
            names(may_lack),
            names(must_lack)
        ));
    }
    Ok(())
}

/// Checks every claim about single vantage points, full feeds or not.
fn check_spans(history: &History, truth: &Truth, report: &Report, prefix: usize) -> Result<(), String> {
    let parsed: Prefix = PREFIXES[prefix].parse().expect("a prefix");
    let is_up = |session: &&SessionSpan| session.family == parsed.family() && session.state == PeerState::Up;
    let all_sessions: Vec<SessionSpan> = report.sessions().collect();
    let sessions: Vec<&SessionSpan> = all_sessions.iter().filter(is_up).collect();
    for span in report.spans().filter(|span| span.prefix == parsed) {
        let who = &span.vantage_point;
        // The same peer, whether its address is written as a part of IPv6 or not.
        let is_there = |peer: &history::PeerSpec| {
            let address: IpAddr = peer.address.parse().expect("an address");
            history.collectors[peer.collector].name == who.collector.name()
                && address == who.peer.address.to_canonical()
        };
        let is_who = |peer: &history::PeerSpec| is_there(peer) && peer.asn == who.peer.asn.0;
        let peers = &history.peers;
        let peer = peers.iter().position(is_who).or_else(|| peers.iter().position(is_there));
        if peer.is_some_and(|peer| peers[peer].is_partial) {
            continue;
        }
        let claim = match span.state {
            RouteState::Present(_) => HOLDS,
            RouteState::Absent => LACKS,
            RouteState::Unknown => continue,
        };
        let is_up =
            |at: Timestamp| sessions.iter().any(|session| session.vantage_point == *who && session.window.contains(at));
        let (start, end) = history.window;
        let (from, to) = (second(span.window.start).max(start), second(span.window.end).min(end));
        let middle = Duration::from_millis(500);
        for second in from..to {
            let then = at(second) + middle;
            let allowed = peer.map_or(0, |peer| truth.claims(peer, prefix, second));
            if span.window.contains(then) && allowed & claim == 0 && is_up(then) {
                return Err(format!(
                    "false span: {} at {second:+}: AS{} {} at {} {:?} by {}",
                    PREFIXES[prefix],
                    who.peer.asn.0,
                    who.peer.address,
                    who.collector.name(),
                    span.state,
                    span.evidence
                ));
            }
        }
    }
    Ok(())
}

/// Compares the outages with the possible shares.
fn check_outages(history: &History, outages: &[&Outage], shares: &[Shares], prefix: &str) -> Result<(), String> {
    let thresholds = Thresholds::default();
    let shares_at = |second: i64| &shares[(second.clamp(START, END - 1) - START) as usize];
    for outage in outages {
        let bounds = format!("{:?} {:?} {:?}", outage.fall.start_bounds, outage.fall.end_bounds, outage.fall.parts);
        for part in &outage.fall.parts {
            let (from, to) = (second(part.start), second(part.end));
            if let Some(up) = (from..to).find(|second| shares_at(*second).is_up(&thresholds)) {
                return Err(format!(
                    "false outage: {prefix} is up at {up:+}, in an outage from {from:+} to {to:+}: {bounds}"
                ));
            }
        }
        if let Some(earliest) = outage.fall.start_bounds.earliest
            && shares_at(second(earliest) - 1).is_down(&thresholds)
        {
            return Err(format!("wrong bounds: {prefix} was down before {:+}: {bounds}", second(earliest)));
        }
        if let Some(latest) = outage.fall.end_bounds.latest
            && shares_at(second(latest)).is_down(&thresholds)
        {
            return Err(format!("wrong bounds: {prefix} is down after {:+}: {bounds}", second(latest)));
        }
    }
    let (mut from, end) = history.window;
    while from < end {
        let to = (from..end).find(|second| !shares_at(*second).is_down(&thresholds)).unwrap_or(end);
        if to - from > thresholds.min_duration.as_secs() as i64 {
            let covers = |outage: &&Outage| {
                outage.fall.start().is_none_or(|start| second(start) <= from)
                    && outage.fall.end().is_none_or(|end| second(end) >= to)
            };
            if !outages.iter().any(covers) {
                let found: Vec<String> = outages
                    .iter()
                    .map(|o| format!("{:?}..{:?}", o.fall.start().map(second), o.fall.end().map(second)))
                    .collect();
                return Err(format!("missed outage: {prefix} is down from {from:+} to {to:+}, found only {found:?}"));
            }
        }
        from = to + 1;
    }
    Ok(())
}

/// No outage while no vantage point had lost the prefix, and no observed outage is left out.
fn check_claims(
    history: &History,
    truth: &Truth,
    report: &Report,
    prefix: usize,
    votes: &[Votes],
    outages: &[&Outage],
) -> Result<(), String> {
    let parsed: Prefix = PREFIXES[prefix].parse().expect("a prefix");
    let is_own = |target: &Target| matches!(target, Target::Prefix(prefix, _) if *prefix == parsed);
    let summary = report.summaries.iter().find(|summary| is_own(&summary.target)).expect("a summary");
    let is_observed = |second: i64| !summary.unobserved.iter().any(|window: &Window| window.contains(at(second)));
    let of = |second: i64| &votes[(second - START) as usize];
    let (start, end) = history.window;
    let name = PREFIXES[prefix];

    // While no vantage point can have lost it, there is no outage.
    let possible = bits(history, truth.possible_baseline[prefix].iter().copied());
    let nobody_lacks = |second: i64| of(second).may_lack & possible == 0;
    for part in outages.iter().flat_map(|outage| &outage.fall.parts) {
        let (from, to) = (second(part.start).max(start), second(part.end).min(end));
        let wrong = |second: &i64| nobody_lacks(*second) && is_observed(*second);
        if let Some((from, to)) = longest((from..to).filter(wrong))
            && to - from > TOLERANCE
        {
            return Err(format!("false claim: {name} is said to be out, and nobody lost it from {from:+} to {to:+}"));
        }
    }

    // While so few vantage points can hold it that no half of all of them has it, there is an outage, or some time is
    // unobserved.
    let full = || (0..history.peers.len()).filter(|peer| !history.peers[*peer].is_partial);
    let n_needed = (bits(history, full()).count_ones() as usize).div_ceil(2).max(history.min_peers);
    let mut from = start;
    while from < end {
        let carriers = bits(history, truth.carriers(prefix, from - TOLERANCE));
        let is_gone = |second: i64| {
            let votes = of(second);
            let [n_holding, n_lacking] =
                [votes.may_hold, votes.may_lack & carriers].map(|bits| bits.count_ones() as usize);
            n_holding * STUCK <= n_lacking && n_holding * 2 < n_needed && n_lacking >= n_needed
        };
        let to = (from..end).find(|second| !is_gone(*second)).unwrap_or(end);
        let is_said = outages.iter().any(|outage| {
            outage.fall.start().is_none_or(|start| second(start) <= to)
                && outage.fall.end().is_none_or(|end| second(end) >= from)
        });
        if !is_said
            && let Some((from, to)) = longest((from..to).filter(|second| is_observed(*second)))
            && to - from > Thresholds::default().min_duration.as_secs() as i64 + TOLERANCE
        {
            return Err(format!("unsaid: {name} is gone and observed from {from:+} to {to:+}, and there is no outage"));
        }
        from = to + 1;
    }
    Ok(())
}

/// There is at most one stuck route for this many lost ones.
const STUCK: usize = 5;

/// The longest interval of seconds that follow each other.
fn longest(seconds: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for second in seconds {
        match stretches.last_mut() {
            Some((_, to)) if *to == second => *to += 1,
            _ => stretches.push((second, second + 1)),
        }
    }
    stretches.into_iter().max_by_key(|(from, to)| to - from)
}

/// An AS is not down while nothing of it can be.
fn check_the_as(history: &History, shares: &[Vec<Shares>], report: &Report) -> Result<(), String> {
    let thresholds = Thresholds::default();
    for outage in report.findings.outages.iter().filter(|outage| outage.subject.prefix.is_none()) {
        for part in &outage.fall.parts {
            let own = |prefix: &usize| {
                let parsed: Prefix = PREFIXES[*prefix].parse().expect("a prefix");
                parsed.family() == outage.subject.family
            };
            let is_up = |second: i64| {
                let mut own = (0..PREFIXES.len() - N_CONTROLS).filter(own);
                own.all(|prefix| shares[prefix][(second - START) as usize].is_up(&thresholds))
            };
            // Another origin is a loss for the AS, and the truth here does not distinguish origins.
            let is_taken_over = outage.class == outage_replay::detect::Class::OriginChanged;
            let has_other =
                history.deeds.iter().any(|(.., deed)| matches!(deed, history::Deed::Announce { path: 2, .. }));
            let mut seconds = second(part.start).max(START)..second(part.end).min(END);
            if !is_taken_over
                && !has_other
                && let Some(up) = seconds.find(|second| is_up(*second))
            {
                return Err(format!(
                    "false outage: everything that the AS has is up at {up:+}: {:?}",
                    outage.fall.parts
                ));
            }
        }
    }
    Ok(())
}
