//! What every form of the report that people read says alike: headlines, doubts, and which outages come first.

use super::text::{clock, count, duration, from_to, percent};
use super::*;
use crate::detect::{Censoring, Class, Outage, Quality, Scope, Severity, TOTAL_BELOW};

/// The answer for one target: its longest outage of each family, of the whole network before single prefixes.
pub(super) fn headline(report: &Report, summary: &Summary) -> String {
    let shown = outages_of(report, summary);
    let Some(first) = shown.first() else { return quiet_sentence(report, summary) };
    if first.scope == Scope::Prefix && matches!(summary.target, Target::Asn(_)) {
        let n = count(shown.len(), "outage of a single prefix", "outages of single prefixes");
        return format!("{}: no outage of the network as a whole; {n}.", summary.target);
    }
    let mut sentences = Vec::new();
    for longest in longest(&shown) {
        sentences.push(sentence(longest));
        let n = shown.iter().filter(|outage| outage.family == longest.family).count() - 1;
        if n > 0 {
            sentences.push(format!("{} listed below.", count(n, "other outage is", "other outages are")));
        }
    }
    sentences.join(" ")
}

/// The outages that the headline of a target speaks of: those of the whole network, or of single prefixes if there is
/// none.
pub(super) fn outages_of<'a>(report: &'a Report, summary: &Summary) -> Vec<&'a Outage> {
    let outages = report.findings.outages.iter().filter(|outage| outage.target == summary.target);
    let (of_asn, of_prefix): (Vec<&Outage>, Vec<&Outage>) = outages.partition(|o| o.scope == Scope::Asn);
    if of_asn.is_empty() { of_prefix } else { of_asn }
}

/// The longest of each family.
pub(super) fn longest<'a>(outages: &[&'a Outage]) -> Vec<&'a Outage> {
    let of_family = |family| {
        let own = outages.iter().copied().filter(|outage| outage.family == family);
        own.max_by_key(|o| (o.duration, std::cmp::Reverse(o.start)))
    };
    Family::ALL.into_iter().filter_map(of_family).collect()
}

fn quiet_sentence(report: &Report, summary: &Summary) -> String {
    let target = summary.target;
    let window = report.parameters.window();
    if summary.n_prefixes == 0 {
        return format!("{target}: unknown. No file that was read shows any prefix of it.");
    }
    if summary.n_prefixes == summary.never_carried.len() {
        return format!("{target}: unknown. Nobody is known to carry it normally, so a loss could not be seen.");
    }
    if !summary.is_sufficient() {
        let time = duration(summary.unobserved_time());
        return format!(
            "{target}: no outage seen, but the data are insufficient for {time} of {}.",
            duration(window.duration())
        );
    }
    format!("{target}: no outage from {} UTC.", from_to(window))
}

/// The finding as a sentence.
pub(super) fn sentence(outage: &Outage) -> String {
    let Outage { family, .. } = outage;
    let name = match outage.scope {
        Scope::Asn => outage.target.to_string(),
        Scope::Prefix => outage.prefix.map(|prefix| prefix.to_string()).unwrap_or_default(),
    };
    let is_replaced = outage.class == Class::OriginChanged;
    let what = match (outage.severity, outage.scope) {
        _ if is_replaced => format!("was replaced as the origin of its {family} address space"),
        (Severity::Total, _) if outage.start.is_some() => format!("disappeared from the {family} routing table"),
        (Severity::Total, _) => format!("was missing from the {family} routing table"),
        (_, Scope::Asn) if outage.visibility_min > TOTAL_BELOW => {
            format!("lost {} of its {family} address space", percent(1.0 - outage.visibility_min))
        }
        _ => format!("was missing from most of the {family} routing table"),
    };
    let when = match (outage.start, outage.end) {
        (Some(start), Some(end)) => format!("from {} UTC", from_to(Window { start, end })),
        (Some(start), None) if outage.severity == Severity::Total && !is_replaced => {
            format!("at {} UTC and was not back at the end of the window", clock(start))
        }
        (Some(start), None) => format!("from {} UTC to the end of the window", clock(start)),
        (None, Some(end)) => format!("when the data begin and until {} UTC", clock(end)),
        (None, None) => "throughout the window".to_owned(),
    };
    let exact = outage.censored.iter().all(|c| *c == Censoring::BeganBeforeFrom);
    let length = format!("{}{}", if exact { "" } else { "at least " }, duration(outage.duration));
    let zombies = match outage.survivors.iter().filter(|survivor| survivor.zombie).count() {
        0 => String::new(),
        n => format!(", {} a stuck route", count(n, "keeps", "keep")),
    };
    if is_replaced {
        return format!("{name} {what} {when} ({length}): another AS announced it.");
    }
    let covered = match outage.class {
        Class::Covered | Class::CoveredOther => ", while a less specific prefix stayed",
        _ => "",
    };
    format!(
        "{name} {what} {when} ({length}): {} of {} usable vantage points lost it{zombies}{covered}.",
        outage.n_vantage_points_lost, outage.n_vantage_points
    )
}

/// What the data leave open about the targets, each with the targets for which it does.
pub(super) fn doubts(report: &Report) -> Vec<(String, Vec<String>)> {
    // What is the same for several targets is said once.
    let mut doubts: Vec<(String, Vec<String>)> = Vec::new();
    for summary in &report.summaries {
        for doubt in unknown_of(report, summary) {
            match doubts.iter_mut().find(|(known, _)| *known == doubt) {
                Some((_, targets)) => targets.push(summary.target.to_string()),
                None => doubts.push((doubt, vec![summary.target.to_string()])),
            }
        }
    }
    doubts
}

/// What such data leave open whatever the target.
pub(super) fn general_doubts(report: &Report) -> Vec<&'static str> {
    let mut doubts = Vec::new();
    if report.findings.outages.iter().any(|outage| outage.quality == Quality::Low) {
        doubts.push("Without RIB dumps it is not known who had a route and never changed it.");
    }
    doubts.push("BGP shows routes, not hosts: a route can be up while no traffic flows.");
    doubts.push("Why a route was withdrawn is not in the data.");
    doubts
}

/// What the data leave open about one target.
fn unknown_of(report: &Report, summary: &Summary) -> Vec<String> {
    let mut unknown = Vec::new();
    let peers = report.coverage.n_peer_asns.into_iter().max().unwrap_or(0);
    let min_peers = report.parameters.min_peers;
    if peers == 0 {
        return vec![nobody(report).to_owned()];
    }
    if !summary.unobserved.is_empty() && peers < min_peers {
        let found = count(peers, "peer AS", "peer ASes");
        unknown.push(format!("only {found} of the {min_peers} required: --min-peers {peers} accepts fewer."));
    } else if let Some(first) = summary.unobserved.first() {
        let time = duration(summary.unobserved_time());
        let first = match summary.unobserved.len() {
            1 => from_to(*first),
            _ => format!("first {}", from_to(*first)),
        };
        unknown.push(format!("{time} could not be judged, {first} UTC."));
    }
    if !summary.never_carried.is_empty() {
        let prefixes = count(summary.never_carried.len(), "prefix is", "prefixes are");
        unknown.push(format!("{prefixes} in no RIB dump and not held at the end: new or transient, not judged."));
    }
    unknown
}

/// Why no vantage point counts.
fn nobody(report: &Report) -> &'static str {
    match report.parameters.metric {
        "ioda" => {
            "no vantage point has the 400,000 IPv4 or 10,000 IPv6 prefixes that --metric ioda asks for; without it \
             tables are judged by those of their time."
        }
        _ => "no vantage point has a table that is known and full.",
    }
}

/// Outages in the order in which they are read.
pub(super) struct Groups<'a> {
    /// Of whole networks.
    pub of_asn: Vec<&'a Outage>,
    /// Of prefixes that were not lost together with their network.
    pub alone: Vec<&'a Outage>,
    /// Of prefixes that were: they say the same again.
    pub members: Vec<&'a Outage>,
}

/// Outages of whole networks, then of prefixes that were not lost together with theirs.
pub(super) fn groups(report: &Report) -> Groups<'_> {
    let mut outages: Vec<&Outage> = report.findings.outages.iter().collect();
    outages.sort_by_key(|o| (o.scope, o.start.unwrap_or(Timestamp::MIN), o.prefix, o.family));
    let (of_asn, of_prefix): (Vec<&Outage>, Vec<&Outage>) = outages.into_iter().partition(|o| o.scope == Scope::Asn);
    let is_member = |outage: &&Outage| of_asn.iter().any(|asn| is_part_of(outage, asn));
    let (members, alone) = of_prefix.into_iter().partition(is_member);
    Groups { of_asn, alone, members }
}

/// Whether a prefix outage lies within an outage of its AS.
fn is_part_of(outage: &Outage, of_asn: &Outage) -> bool {
    let span = |o: &Outage| (o.start.unwrap_or(Timestamp::MIN), o.end.unwrap_or(Timestamp::MAX));
    let ((start, end), (asn_start, asn_end)) = (span(outage), span(of_asn));
    outage.asn == of_asn.asn
        && outage.prefix.is_some_and(|prefix| of_asn.prefixes.contains(&prefix))
        && start < asn_end
        && end > asn_start
}
