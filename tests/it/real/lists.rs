//! Every outage of the independent lists against ours, and every one of ours against the lists.
//!
//! The lists know no shares: a prefix is down from the withdrawal by the last peer known to hold it to the next
//! announcement by anyone, for at least two minutes. First this library is given the same rule, and both readers must
//! agree to the second; then its own. Every listed and every other outage is counted under what became of it.

use super::*;

use outage_replay::bgp::Prefix;
use outage_replay::query::Thresholds;
use outage_replay::visibility::Timeline;
use serde::Deserialize;

/// Shorter ones are no outages, ours or listed.
const MIN_DURATION: Duration = Duration::from_secs(120);

/// A list by its name, what it covers, and the fewest peers with which it counts an outage.
struct List {
    name: &'static str,
    scene: (&'static str, &'static str),
    min_peers: usize,
}

const JINX_LIST: List = List { name: "jinx-20140501", scene: JINX, min_peers: 1 };
const RRC06_LIST: List = List { name: "rrc06-20210102", scene: RRC06, min_peers: 2 };
/// All 34 files.
const RV2_LIST: List =
    List { name: "rv2-20020101", scene: ("route-views2", "2002-01-01T08:12 2002-01-01T16:43:30"), min_peers: 5 };

/// A row of a list. Times are whole seconds.
#[derive(Deserialize)]
struct Listed {
    prefix: String,
    all_withdrawn: String,
    reannounced: Option<String>,
    seconds: u64,
    peers_before: usize,
    peers_withdrew: usize,
    covered_by: Option<String>,
}

impl Listed {
    fn lost(&self) -> i64 {
        at(&self.all_withdrawn).secs()
    }

    fn back(&self) -> Option<i64> {
        self.reannounced.as_deref().map(|text| at(text).secs())
    }
}

/// A list, and what we find for its prefixes.
struct Pair {
    rows: Vec<Listed>,
    report: Report,
}

/// What became of a listed outage, and the one of ours that answers to it.
type Found<'a> = (&'static str, Option<&'a Outage>);

impl Pair {
    fn read(list: &List, thresholds: Thresholds) -> Option<Pair> {
        let folder = folder()?;
        let text = std::fs::read_to_string(folder.join(format!("expected/{}.jsonl", list.name))).expect("a list");
        let rows = text.lines().map(|line| serde_json::from_str(line).expect("a row of the list"));
        let rows: Vec<Listed> = rows.filter(|row: &Listed| row.seconds >= MIN_DURATION.as_secs()).collect();
        let prefixes: BTreeSet<Prefix> = rows.iter().map(|row| row.prefix.parse().expect("a prefix")).collect();
        let targets = prefixes.iter().map(|prefix| Target::Prefix(*prefix, Match::Exact)).collect();
        let mut options = at_least(list.min_peers);
        options.criteria.thresholds = thresholds;
        Some(Pair { rows, report: replay(&folder.join("archive"), list.scene, targets, &options) })
    }

    fn timeline(&self, prefix: &str) -> &Timeline {
        let prefix: Prefix = prefix.parse().expect("a prefix");
        self.report.timelines.iter().find(|timeline| timeline.prefix == prefix).expect("its timeline")
    }

    fn outages(&self, prefix: &str) -> Vec<&Outage> {
        let prefix: Option<Prefix> = prefix.parse().ok();
        self.report.findings.outages.iter().filter(|outage| outage.subject.prefix == prefix).collect()
    }

    /// Whether every peer withdrew it: as many as the list ever counts for this prefix, holding or withdrawing.
    fn is_unanimous(&self, row: &Listed) -> bool {
        let same = self.rows.iter().filter(|other| other.prefix == row.prefix);
        same.map(|row| row.peers_before.max(row.peers_withdrew)).max() == Some(row.peers_withdrew)
    }

    /// Why each of ours is in no list that answers to none of `found`.
    fn others(&self, found: &[Found]) -> Vec<&'static str> {
        let is_listed = |ours: &&Outage| found.iter().any(|(_, found)| found.is_some_and(|o| std::ptr::eq(o, *ours)));
        self.report.findings.outages.iter().filter(|ours| !is_listed(ours)).map(|ours| self.unlisted(ours)).collect()
    }

    /// Why one of ours is not in the list:
    /// - `absent`: the RIB dump lacks the prefix already, and the lists begin with a withdrawal,
    /// - `kept`: a peer kept a route throughout, and the lists know no shares,
    /// - `brief`: all of them were without one, but for less than two minutes; by the rule of the lists, as far as the window or
    ///   the data reach: the fall is not over, or was seen late.
    fn unlisted(&self, ours: &Outage) -> &'static str {
        if ours.fall.censored.contains(&Censoring::Left) {
            return "absent";
        }
        let timeline = self.timeline(&ours.subject.prefix.expect("a prefix").to_string());
        let (start, end) = (ours.fall.start().expect("a start"), ours.fall.end().unwrap_or(timeline.steps.end()));
        let mut empty: Vec<Window> = Vec::new();
        for (window, _) in timeline.steps.intervals().filter(|(window, step)| step.n_visible == 0 && window.start < end)
        {
            match empty.last_mut() {
                Some(last) if last.end == window.start => last.end = window.end,
                _ => empty.push(window),
            }
        }
        match empty.into_iter().filter(|window| window.end > start).map(|window| window.duration()).max() {
            None => "kept",
            Some(longest) if longest < MIN_DURATION => "brief",
            Some(_) => "unexplained",
        }
    }
}

fn secs(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::secs)
}

/// `a 3, b 2`.
fn counted<'a>(classes: impl IntoIterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for class in classes {
        *counts.entry(class).or_default() += 1;
    }
    counts.iter().map(|(class, n)| format!("{class} {n}")).collect::<Vec<_>>().join(", ")
}

/// By the rule of the lists, what became of a listed outage:
/// - `same`: both edges are the same,
/// - `instant`: where they differ, no peer held the prefix: an announcement and a withdrawal of one second lie there, a
///   return for the list and no time at all for us,
/// - `others`: where they differ, only peer ASes held it that normally do not, by the moment at which most held it:
///   they first mentioned it when others had lost it already, and do not count for us,
/// - `transient`: no RIB dump has the prefix and no peer holds it at the end of the window, so that no peer normally
///   carries it, and no outage is claimed.
fn by_their_rule<'a>(pair: &'a Pair, row: &Listed) -> Found<'a> {
    let (lost, back, timeline) = (row.lost(), row.back(), pair.timeline(&row.prefix));
    if timeline.baseline.asns.is_empty() {
        return ("transient", None);
    }
    let down_at = |o: &Outage| secs(o.fall.start_bounds.latest).expect("an instant seen down");
    let up_at = |o: &Outage| secs(o.fall.end()).unwrap_or(timeline.steps.end().secs());
    let around = |o: &&Outage| down_at(o) <= lost && back.unwrap_or(timeline.steps.end().secs()) <= up_at(o);
    let Some(ours) = pair.outages(&row.prefix).into_iter().find(around) else { return ("missed", None) };
    let (mut n_visible, mut n_normal) = (0, 0);
    for (from, to) in [(down_at(ours), lost), (back.unwrap_or(up_at(ours)), up_at(ours))] {
        let Ok(differing) = Window::new(Timestamp::from_secs(from), Timestamp::from_secs(to)) else { continue };
        for (_, step) in timeline.steps.intervals().filter(|(window, _)| window.intersect(&differing).is_some()) {
            (n_visible, n_normal) = (n_visible.max(step.n_visible), n_normal.max(step.n_baseline_visible));
        }
    }
    let is_same = secs(ours.fall.start()) == Some(lost) && secs(ours.fall.end()) == back;
    match (is_same, n_visible, n_normal) {
        (true, ..) => ("same", Some(ours)),
        (_, 0, _) => ("instant", Some(ours)),
        (_, _, 0) => ("others", Some(ours)),
        _ => ("missed", None),
    }
}

#[test]
fn by_the_rule_of_the_lists_both_readers_agree_to_the_second() {
    // Down when the last peer loses it, up when the first one regains it, and nothing is merged.
    let rule = Thresholds { down_below: 1e-9, up_at: 1e-9, merge_gap: Duration::ZERO, ..Thresholds::default() };
    for (list, listed, others) in [
        (&JINX_LIST, "same 154, transient 21", "brief 3"),
        (&RRC06_LIST, "instant 1, others 30, same 2704", "brief 46"),
        (&RV2_LIST, "instant 5, others 17, same 924", ""),
    ] {
        let Some(pair) = Pair::read(list, rule) else { return };
        let found: Vec<Found> = pair.rows.iter().map(|row| by_their_rule(&pair, row)).collect();
        assert_eq!(counted(found.iter().map(|(class, _)| *class)), listed, "{}", list.name);
        assert_eq!(counted(pair.others(&found)), others, "{}", list.name);
    }
}

/// By our thresholds, what became of a listed outage:
/// - `agrees`: the last withdrawal lies in our loss, the first announcement in our recovery,
/// - `merged`: it is one of several that ours joins, because at most two minutes lie between them,
/// - `inside`: ours begins before or ends after it, because those that came back in between were fewer than six tenths,
/// - `transient`: as above.
fn by_our_rule<'a>(pair: &'a Pair, row: &Listed) -> Found<'a> {
    let (lost, back, timeline) = (row.lost(), row.back(), pair.timeline(&row.prefix));
    if timeline.baseline.asns.is_empty() {
        return ("transient", None);
    }
    let fits = |first: Timestamp, last: Timestamp, at: i64| first.secs() <= at && at <= last.secs();
    let is_lost = |o: &Outage| fits(o.fall.loss.first, o.fall.loss.last, lost);
    let is_back = |o: &Outage| match (back, o.fall.recovery) {
        (Some(back), Some(recovery)) => fits(recovery.first, recovery.last, back),
        (back, recovery) => back.is_none() && recovery.is_none(),
    };
    let outages = pair.outages(&row.prefix);
    if let Some(ours) = outages.iter().find(|o| is_lost(o) && is_back(o)) {
        return ("agrees", Some(ours));
    }
    let ends_later = |o: &Outage| o.fall.recovery.is_none_or(|r| back.is_some_and(|back| back <= r.last.secs()));
    let Some(ours) = outages.into_iter().find(|o| o.fall.loss.first.secs() <= lost && ends_later(o)) else {
        return ("missed", None);
    };
    let then = back.and_then(|back| timeline.steps.at(Timestamp::from_secs(back)));
    let share = then.and_then(|step| step.baseline_share()).unwrap_or(0.0);
    match ours.fall.parts.len() {
        1 if is_back(ours) || share < Thresholds::default().up_at => ("inside", Some(ours)),
        1 => ("missed", None),
        _ => ("merged", Some(ours)),
    }
}

/// Unanimous and uncovered ones first, then the rest: it makes no difference.
#[test]
fn by_our_thresholds_every_listed_outage_is_found_and_every_other_one_explained() {
    for (list, clear, unclear, others) in [
        (&JINX_LIST, "agrees 46, merged 2, transient 2", "agrees 102, merged 4, transient 19", "brief 2"),
        (&RRC06_LIST, "agrees 1729, inside 118, merged 676", "agrees 124, inside 5, merged 83", "brief 238, kept 56"),
        (&RV2_LIST, "agrees 431, inside 34, merged 232", "agrees 184, inside 11, merged 54", "brief 69, kept 31"),
    ] {
        let Some(pair) = Pair::read(list, Thresholds::default()) else { return };
        let found: Vec<Found> = pair.rows.iter().map(|row| by_our_rule(&pair, row)).collect();
        let classes = pair.rows.iter().zip(found.iter().map(|(class, _)| *class));
        let (of_clear, of_unclear): (Vec<_>, Vec<_>) =
            classes.partition(|(row, _)| row.covered_by.is_none() && pair.is_unanimous(row));
        assert_eq!(counted(of_clear.into_iter().map(|(_, class)| class)), clear, "{}", list.name);
        assert_eq!(counted(of_unclear.into_iter().map(|(_, class)| class)), unclear, "{}", list.name);
        assert_eq!(counted(pair.others(&found)), others, "{}", list.name);
    }
}
