//! Compares the claims about a day with derived RIB dumps with the plain model, rule by rule.

use super::*;

use outage_replay::visibility::{Timeline, View};

fn exact(prefixes: &[Prefix]) -> Vec<Target> {
    prefixes.iter().map(|prefix| Target::Prefix(*prefix, Match::Exact)).collect()
}

/// The peers that count for a prefix.
fn judges(view: &View, timeline: &Timeline) -> BTreeSet<Speaker> {
    let peers = timeline.baseline.carriers.iter().map(|carrier| view.vantage_point(carrier.vantage_point).peer);
    peers.map(|peer| Speaker { asn: peer.asn.0, address: peer.address }).collect()
}

/// Down when the last peer loses it, up when the first one regains it, and nothing is merged.
fn plain_rule() -> Thresholds {
    Thresholds { down_below: 1e-9, up_at: 1e-9, merge_gap: Duration::ZERO, ..Thresholds::default() }
}

/// A rule by its name, and what contradicts it.
type Check = (&'static str, fn(&Day, &Derived) -> Vec<String>);

const CHECKS: [Check; 5] = [
    ("dumps that say what the updates say correct nothing", corrected_by_dumps),
    ("outages agree with a plain model to the second", unlike_the_model),
    ("a prefix that no earlier dump has is not lost before its first announcement", lost_before_announced),
    ("a prefix that a dump inside the window lists is judged from then on", not_judged),
    ("an origin is replaced only where it was one and another is there", replaced),
];

fn check(day: &Day) {
    let Some(derived) = day.derive() else { return };
    let mut wrong = Vec::new();
    for (rule, contradictions) in CHECKS {
        let found = contradictions(day, &derived);
        if !found.is_empty() {
            wrong.push(format!("{rule}: {} times not\n  {}", found.len(), found[..found.len().min(15)].join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_claimed_of_2008_with_derived_dumps_is_true() {
    check(&OF_2008);
}

#[test]
fn what_is_claimed_of_2002_with_derived_dumps_is_true() {
    check(&OF_2002);
}

#[test]
fn what_is_claimed_of_2021_with_derived_dumps_is_true() {
    check(&OF_2021);
}

fn corrected_by_dumps(day: &Day, derived: &Derived) -> Vec<String> {
    let report = derived.ask(day, exact(&derived.sample(50, day.min_peers)), Thresholds::default());
    let [collector] = &report.coverage.collectors[..] else { panic!("{:?}", report.coverage.collectors) };
    let files = report.files.iter().filter(|file| file.detail.is_some());
    let mut wrong: Vec<String> =
        files.map(|file| format!("{}: {} {:?}", file.name, file.verdict, file.detail)).collect();
    // Messages that the collector of 2008 cut are damaged, and nothing else is.
    wrong.retain(|file| !file.contains(": damaged"));
    if (collector.n_rib_dumps, collector.source.n_rib_dumps_rejected) != (day.dumps.len(), 0) {
        wrong.push(format!("{} dumps, {} rejected", collector.n_rib_dumps, collector.source.n_rib_dumps_rejected));
    }
    if collector.missed_announcements + collector.missed_withdrawals > 0 {
        let (announced, withdrawn) = (collector.missed_announcements, collector.missed_withdrawals);
        wrong.push(format!("{announced} announcements and {withdrawn} withdrawals missed"));
    }
    wrong
}

/// By the rule of the model, every outage of nearly all peers is found to the second, and no other.
fn unlike_the_model(day: &Day, derived: &Derived) -> Vec<String> {
    let report = derived.ask(day, exact(&derived.sample(300, day.min_peers)), plain_rule());
    let (from, to) = (report.parameters.window().start.secs(), report.parameters.window().end.secs());
    let (mut wrong, mut n_same, mut n_unjudged, mut n_unknown) = (Vec::new(), 0, 0, 0);
    let view = report.view();
    for timeline in &report.timelines {
        let prefix = timeline.prefix;
        let peers = judges(&view, timeline);
        if peers.len() < day.min_peers {
            n_unjudged += 1;
            continue;
        }
        let held = derived.held(&prefix, &peers, to);
        let outages: Vec<&Outage> =
            report.findings.outages.iter().filter(|o| o.subject.prefix == Some(prefix)).collect();
        let mut explained = BTreeSet::new();
        let summary =
            report.summaries.iter().find(|s| s.target == Target::Prefix(prefix, Match::Exact)).expect("a summary");
        let is_unknown = |from: i64, to: i64| {
            summary.unobserved.iter().any(|part| part.start.secs() <= from && to <= part.end.secs())
        };
        for pair in held.windows(2).map(|pair| (pair[0], Some(pair[1]))).chain(held.last().map(|last| (*last, None))) {
            let (lost, back) = (pair.0.to, pair.1.map(|next| next.from));
            // Nearly all of them held it before.
            let is_clear = pair.0.n_peers * 10 >= peers.len() * 9;
            let is_long = back.unwrap_or(to) - lost >= 120 && lost > from && lost < to - 120;
            let same = outages.iter().position(|o| {
                // What comes after the window is read as well, a little way.
                let end = o.fall.end().map(|at| at.secs()).filter(|end| *end < to);
                o.fall.start().map(|at| at.secs()) == Some(lost) && end == back.filter(|back| *back < to)
            });
            match same {
                Some(index) => n_same += usize::from(explained.insert(index)),
                None if is_clear && is_long && is_unknown(lost, back.unwrap_or(to)) => n_unknown += 1,
                None if is_clear && is_long => {
                    wrong.push(format!(
                        "{prefix}: missed {} to {:?}",
                        Timestamp::from_secs(lost),
                        back.map(Timestamp::from_secs)
                    ));
                }
                None => {}
            }
        }
        for (index, outage) in outages.iter().enumerate().filter(|(index, _)| !explained.contains(index)) {
            let lost = outage
                .fall
                .start()
                .unwrap_or(outage.fall.start_bounds.latest.unwrap_or(report.parameters.window().start))
                .secs();
            let was_held = held.iter().any(|stretch| stretch.from < lost && stretch.n_peers * 2 >= peers.len());
            if !was_held {
                wrong.push(format!("{prefix}: lost at {} and not held before ({index})", outage.fall.loss.first));
            }
            let middle = lost + outage.fall.duration().as_secs() as i64 / 2;
            if held.iter().any(|stretch| stretch.from <= middle && middle < stretch.to) {
                wrong.push(format!("{prefix}: held by some of {} in the middle of {}", peers.len(), outage.id));
            }
        }
    }
    println!("{}: {n_same} outages to the second, {n_unknown} unknown, {n_unjudged} prefixes not judged", day.window);
    if n_unknown * 20 > n_same {
        wrong.push(format!("{n_unknown} outages lie in time that is unknown"));
    }
    if n_same < 20 {
        wrong.push(format!("only {n_same} outages are the same, {n_unjudged} prefixes are not judged"));
    }
    wrong
}

fn lost_before_announced(day: &Day, derived: &Derived) -> Vec<String> {
    let first = at(day.dumps[0]).secs();
    let mut new: Vec<Prefix> = derived
        .history
        .iter()
        .filter(|(prefix, changes)| derived.held_in(0, prefix).0 == 0 && changes.iter().all(|change| change.at > first))
        .map(|(prefix, _)| *prefix)
        .collect();
    new.sort();
    new.truncate(400);
    let report = derived.ask(day, exact(&new), Thresholds::default());
    let wrong: Vec<String> = report
        .findings
        .outages
        .iter()
        .filter(|outage| {
            let changes = &derived.history[&outage.subject.prefix.expect("a prefix")];
            let announced = changes.iter().find(|change| change.holds).map_or(i64::MAX, |change| change.at);
            outage.fall.start().map_or(outage.fall.loss.first, |start| start).secs() < announced
        })
        .map(|outage| format!("{} {:?}", outage.id, outage.fall.censored))
        .collect();
    println!("{}: {} new prefixes, {} outages", day.window, new.len(), report.findings.outages.len());
    wrong
}

fn not_judged(day: &Day, derived: &Derived) -> Vec<String> {
    let noon = at(day.dumps[1]).secs();
    let mut listed: Vec<Prefix> = derived
        .history
        .keys()
        .filter(|prefix| {
            let (n_holding, n_peers) = derived.held_in(1, prefix);
            derived.held_in(0, prefix).0 == 0 && n_holding * 4 >= n_peers * 3
        })
        .copied()
        .collect();
    listed.sort();
    listed.truncate(100);
    let report = derived.ask(day, exact(&listed), Thresholds::default());
    let wrong: Vec<String> = report
        .summaries
        .iter()
        .filter(|summary| {
            let to = report.parameters.window().end.secs();
            let unknown =
                summary.unobserved.iter().map(|part| (part.end.secs() - part.start.secs().max(noon + 900)).max(0));
            summary.never_carried.len() == summary.n_prefixes || unknown.sum::<i64>() * 10 > to - noon
        })
        .map(|summary| {
            format!("{}: never carried {:?}, unknown {:?}", summary.target, summary.never_carried, summary.unobserved)
        })
        .collect();
    println!("{}: {} prefixes in the second dump only", day.window, listed.len());
    wrong
}

/// Asked of ASes that are ever the origin of a prefix that has several.
fn replaced(day: &Day, derived: &Derived) -> Vec<String> {
    let mut asns: BTreeSet<u32> = BTreeSet::new();
    let mut prefixes: Vec<&Prefix> = derived.history.keys().collect();
    prefixes.sort();
    for prefix in prefixes {
        let origins: BTreeSet<u32> = derived.history[prefix].iter().filter_map(|change| change.origin).collect();
        if origins.len() > 1 && asns.len() < 80 {
            asns.extend(origins);
        }
    }
    let targets = asns.iter().map(|asn| Target::Asn(Asn(*asn))).collect();
    let report = derived.ask(day, targets, Thresholds::default());
    let view = report.view();
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outage in report.findings.outages.iter().filter(|outage| outage.subject.scope == Scope::Prefix) {
        let Target::Asn(asn) = outage.subject.target else { continue };
        let (Some(prefix), Some(start)) = (outage.subject.prefix, outage.fall.start()) else { continue };
        let of_asn = |line: &&Timeline| line.prefix == prefix && line.origin.is_none_or(|origin| origin == asn);
        let timeline = report.timelines.iter().find(of_asn);
        let Some(timeline) = timeline else { continue };
        let peers = judges(&view, timeline);
        let middle = start.secs() + outage.fall.duration().as_secs() as i64 / 2;
        let (n_holding, n_by_it) = derived.votes(&prefix, &peers, asn.0, middle);
        let half_hour = start.secs() - 1800..start.secs();
        let changes = derived.history[&prefix].iter().map(|change| change.at).filter(|at| half_hour.contains(at));
        let was_origin =
            changes.chain([half_hour.start]).any(|at| derived.votes(&prefix, &peers, asn.0, at).1 * 2 >= peers.len());
        *counts.entry(outage.class.as_ref()).or_default() += 1;
        let what =
            format!("{} {:?}: {n_holding} of {} hold it, {n_by_it} by {asn}", outage.id, outage.class, peers.len());
        if !was_origin {
            wrong.push(format!("{what}, never its origin"));
        }
        // Half of them have another one, or no one has any.
        let others = n_holding - n_by_it;
        if others * 2 >= peers.len() && outage.class != Class::OriginChanged {
            wrong.push(format!("{what}: another origin is there"));
        }
        if others == 0 && outage.class == Class::OriginChanged {
            wrong.push(format!("{what}: no other origin is there"));
        }
    }
    println!("{}: {counts:?} of {} outages of {} ASes", day.window, report.findings.outages.len(), asns.len());
    wrong
}
