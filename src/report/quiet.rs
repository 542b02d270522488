//! Sentences about a target without an outage: it stayed visible, it flapped, it could not be judged, or it was never
//! announced.

use super::headlines::{self, Counted, Headline};
use super::text::{count, duration, from_to, percent};
use super::{Answer, Report, Summary};
use crate::bgp::{Family, Prefix};
use crate::detect::{Flap, Outage, TOTAL_BELOW};
use crate::query::{Metric, Sufficiency, Target};
use crate::replay::RouteState;
use crate::visibility::LiveFeeds;

/// The answer in words: `outage`, `no outage of 2 min or more, but 1 flap`.
pub fn verdict(report: &Report) -> String {
    match report.answer() {
        Answer::Outage => "outage".to_owned(),
        Answer::NoOutage => match flaps(&headlines::of_targets(report)) {
            Some(flaps) => format!("no outage of {} or more, but {flaps}", shortest(report)),
            None => "no outage".to_owned(),
        },
        Answer::InsufficientData if report.summaries.iter().all(|own| announced(report, own) == Announced::No) => {
            "not announced".to_owned()
        }
        Answer::InsufficientData => "insufficient data".to_owned(),
    }
}

/// Returns the shortest duration of an outage; shorter falls are flaps.
pub(super) fn shortest(report: &Report) -> String {
    duration(report.parameters.criteria.thresholds.min_duration)
}

/// `3 flaps, 2 of them total`.
pub(super) fn flaps(headlines: &[Headline]) -> Option<String> {
    let all = || headlines.iter().flat_map(|headline| &headline.flaps);
    let n_total = all().filter(|flap| is_total(flap)).count();
    match (all().count(), n_total) {
        (0, _) => None,
        (1, 0) => Some("1 flap".to_owned()),
        (1, _) => Some("1 total flap".to_owned()),
        (n, 0) => Some(format!("{n} flaps")),
        (n, total) if n == total => Some(format!("{n} total flaps")),
        (n, total) => Some(format!("{n} flaps, {total} of them total")),
    }
}

fn is_total(flap: &Flap) -> bool {
    flap.share_min <= TOTAL_BELOW
}

/// The answer for a target without an outage.
pub(super) fn sentence(report: &Report, headline: &Headline) -> String {
    let Headline { summary, flaps, .. } = headline;
    let target = report.labelled(&summary.target);
    let window = report.parameters.window();
    match announced(report, summary) {
        Announced::No => {
            let advice = match summary.target {
                Target::Asn(_) => "Check the number, or start the window earlier.",
                Target::Prefix(..) => "Check the prefix, or start the window earlier.",
                Target::Group(_) => "No network of it was announced: check the list.",
            };
            let tables = tables(report, summary);
            return format!("{target}: not announced in any of {tables} from {} UTC. {advice}", from_to(window));
        }
        Announced::Unknown if summary.n_prefixes == 0 => {
            return format!("{target}: unknown. None of the files read contains a prefix of it.");
        }
        _ => {}
    }
    if n_peers(report, summary) == 0 {
        return format!("{target}: unknown, because {}", no_table(report));
    }
    if summary.n_prefixes == summary.never_carried.len() {
        return format!(
            "{target}: unknown. No vantage point is known to carry it normally, so a loss could not be seen."
        );
    }
    let mut sentence = match unjudged(report, summary) {
        None if flaps.is_empty() => return format!("{target}: no outage from {} UTC.", from_to(window)),
        None => format!("{target}: no outage of {} or more from {} UTC", shortest(report), from_to(window)),
        Some(Unjudged { is_all: true, .. }) => {
            return format!("{target}: unknown. No part of the window could be judged, {} UTC.", from_to(window));
        }
        Some(Unjudged { text, .. }) => format!("{target}: {text}; no outage seen in the rest of the window"),
    };
    if let Some(flap) = longest_flap(flaps) {
        sentence.push_str(&format!("; {flap}"));
    }
    sentence + "."
}

/// Explains why no vantage point has a full table.
pub(super) fn no_table(report: &Report) -> &'static str {
    match report.parameters.criteria.metric {
        Metric::Ioda => {
            "no vantage point has the 400,000 IPv4 or 10,000 IPv6 prefixes that --metric ioda requires; without it \
             each table is compared with the others of its time."
        }
        Metric::Baseline => "no vantage point is known to have a full table.",
    }
}

/// The flaps beside the outages of a target, where any of them was total.
pub(super) fn flaps_beside(outages: &[&Outage], flaps: &[Counted]) -> Option<String> {
    let is_of_network = outages.first()?.is_of_space();
    let beside: Vec<Counted> = flaps.iter().filter(|flap| flap.is_of_network == is_of_network).copied().collect();
    let has_total = beside.iter().any(|flap| is_total(flap));
    longest_flap(&beside).filter(|_| has_total).map(|flaps| format!("Also {flaps}."))
}

/// How many targets had flaps, and no outage.
pub(super) fn flapping(report: &Report, headlines: &[Headline]) -> Option<String> {
    let n = headlines.iter().filter(|headline| headline.outages.is_empty() && !headline.flaps.is_empty()).count();
    let others = count(n, "target without an outage", "targets without an outage");
    (n > 0).then(|| format!("{others} flapped for less than {}.", shortest(report)))
}

/// `3 flaps, the longest 1 min 30 s, 2014-12-22 12:22:00 to 12:23:30 (lost by all vantage points)`: the longest of those that
/// left nothing, if there are any.
pub(super) fn longest_flap(flaps: &[Counted]) -> Option<String> {
    let total: Vec<&Counted> = flaps.iter().filter(|flap| is_total(flap)).collect();
    let (of, kind) = match total.len() {
        0 => (flaps.iter().collect(), "the longest"),
        n if n == flaps.len() => (total, "the longest"),
        _ => (total, "the longest total one"),
    };
    // The first of equals: `max_by_key` keeps the last.
    let longest = of.into_iter().rev().max_by_key(|flap| flap.window.duration())?;
    let (length, when) = (duration(longest.window.duration()), from_to(longest.window));
    let extent = match (longest.is_of_network, longest.share_min) {
        (true, share) if share <= 0.0 => "all of its address space".to_owned(),
        (true, share) => format!("{} of its address space", percent(1.0 - share)),
        (false, share) if share <= 0.0 => "all vantage points".to_owned(),
        (false, share) => format!("lost by {}", percent(1.0 - share)),
    };
    let of_prefix = longest.prefix.map_or(String::new(), |prefix| format!("{prefix}, "));
    Some(match flaps.len() {
        1 => format!("1 flap of {length}, {of_prefix}{when} UTC ({extent})"),
        n => format!("{n} flaps, {kind} {length}, {of_prefix}{when} UTC ({extent})"),
    })
}

/// The part of the window that could not be judged.
pub(super) struct Unjudged {
    /// `16 h of 24 h could not be judged, 2014-12-22 00:00:00 to 16:00:00 UTC`.
    pub text: String,
    /// Whether it is more than half of the window.
    pub is_most: bool,
    /// Whether it is the whole window.
    pub is_all: bool,
}

/// The part of the window in which a target could not be judged, if any.
pub(super) fn unjudged(report: &Report, summary: &Summary) -> Option<Unjudged> {
    // `max_by_key` returns the last maximum, so the order is reversed to get the first.
    let longest = summary.unobserved.iter().rev().max_by_key(|window| window.duration())?;
    let whole = report.parameters.window();
    let which = if summary.unobserved.len() > 1 { "the longest interval " } else { "" };
    let (unknown, all) = (summary.unobserved_time(), whole.duration());
    let is_all = unknown >= all;
    let text = match is_all {
        true => format!("no part of the window could be judged, {} UTC", from_to(whole)),
        false => {
            let length = format!("{} of {}", duration(unknown), duration(all));
            format!("{length} could not be judged, {which}{} UTC", from_to(*longest))
        }
    };
    Some(Unjudged { text, is_most: unknown * 2 > all, is_all })
}

/// Whether a target was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Announced {
    /// Some vantage point had a route to it at some time.
    Yes,
    /// No route was seen, and the data do not suffice to exclude one.
    Unknown,
    /// Enough full tables were known over the whole window, and none of them had a route to it.
    No,
}

/// Returns whether a target was announced in the window.
pub(super) fn announced(report: &Report, summary: &Summary) -> Announced {
    if summary.n_prefixes > summary.never_carried.len() {
        return Announced::Yes;
    }
    let seen: Vec<Announced> = summary.never_carried.iter().map(|prefix| was_announced(report, prefix)).collect();
    match seen.iter().min() {
        Some(Announced::Yes) => Announced::Yes,
        Some(Announced::Unknown) => Announced::Unknown,
        _ if families(report, summary).is_empty() => Announced::Unknown,
        _ => Announced::No,
    }
}

/// Whether any peer had a route to a prefix, or any RIB dump lists it.
fn was_announced(report: &Report, prefix: &Prefix) -> Announced {
    let spans = || report.replays.iter().flat_map(|replay| replay.of_prefix(prefix));
    let is_listed =
        report.replays.iter().flat_map(|replay| &replay.tables).any(|table| table.holders.contains_key(prefix));
    if is_listed || spans().any(|span| matches!(span.state, RouteState::Present(_))) {
        Announced::Yes
    } else if spans().any(|span| span.state == RouteState::Unknown) {
        Announced::Unknown
    } else {
        Announced::No
    }
}

/// Returns the families of a target for which enough full tables are known over the whole window.
fn families(report: &Report, summary: &Summary) -> Vec<Family> {
    let Sufficiency { min_peers, min_coverage } = report.parameters.criteria.sufficiency;
    let suffices = |feeds: &LiveFeeds| {
        feeds.n_live >= min_peers.max(1) && feeds.share().is_some_and(|share| share >= min_coverage)
    };
    let is_known = |family: &Family| {
        let mut at = report.parameters.window().start;
        for feeds in report.coverage.live_feeds[*family as usize].iter().filter(|feeds| suffices(feeds)) {
            if feeds.window.start > at {
                return false;
            }
            at = at.max(feeds.window.end);
        }
        at >= report.parameters.window().end
    };
    asked(report, summary).filter(|family| report.coverage.has_rib && is_known(family)).collect()
}

/// The families that a target is about.
fn asked<'a>(report: &'a Report, summary: &'a Summary) -> impl Iterator<Item = Family> + 'a {
    let networks = report.parameters.query.networks_of(&summary.target);
    let may_be = |network: &Target, family: Family| match network {
        Target::Asn(_) | Target::Group(_) => true,
        Target::Prefix(prefix, _) => prefix.family() == family,
    };
    Family::ALL.into_iter().filter(move |family| networks.iter().any(|network| may_be(network, *family)))
}

/// Returns how many peer ASes have a usable vantage point in the family of a target. For an AS: in the family with more.
pub(super) fn n_peers(report: &Report, summary: &Summary) -> usize {
    asked(report, summary).map(|family| report.coverage.n_peer_asns[family as usize]).max().unwrap_or(0)
}

/// `24 full IPv4 tables`.
fn tables(report: &Report, summary: &Summary) -> String {
    let of_family = |family: Family| {
        let n = report.coverage.n_peer_asns[family as usize];
        format!("{n} full {family} {}", if n == 1 { "table" } else { "tables" })
    };
    families(report, summary).into_iter().map(of_family).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Timestamp, Window};

    fn check(flaps: &[(&str, &str, f64)], is_of_network: bool, expected: &str) {
        let counted = flaps.iter().map(|(start, end, share_min)| {
            let at = |time: &str| format!("2014-12-22T{time}").parse::<Timestamp>().unwrap();
            let window = Window::new(at(start), at(end)).unwrap();
            Counted { flap: Flap { window, share_min: *share_min }, is_of_network, prefix: None }
        });
        assert_eq!(longest_flap(&counted.collect::<Vec<_>>()).unwrap(), expected);
    }

    #[test]
    fn the_longest_flap_is_named_and_one_that_left_nothing_comes_first() {
        check(
            &[("12:22:00", "12:23:30", 0.0)],
            false,
            "1 flap of 1 min 30 s, 2014-12-22 12:22:00 to 12:23:30 UTC (all vantage points)",
        );
        check(
            &[("12:00:00", "12:01:40", 0.4), ("12:22:00", "12:23:00", 0.0)],
            true,
            "2 flaps, the longest total one 1 min, 2014-12-22 12:22:00 to 12:23:00 UTC (all of its address space)",
        );
        check(
            &[("12:00:00", "12:01:40", 0.4), ("12:22:00", "12:23:00", 0.3)],
            false,
            "2 flaps, the longest 1 min 40 s, 2014-12-22 12:00:00 to 12:01:40 UTC (lost by 60%)",
        );
    }
}
