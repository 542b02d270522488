//! Sentences shared by every form of the report that people read: headlines, patterns of loss, and what is not known.

use super::headlines::{Counted, Headline, is_of_network, is_of_parts, longest};
use super::quiet::{self, Announced};
use super::text::{clock, count, duration, from_to, grouped, hours, percent_exactly, percent_in_words, time_of_day};
use super::{Report, Summary, troubles};
use crate::bgp::{Family, Prefix};
use crate::detect::{
    AsnRole, Censoring, Class, Event, Outage, Pattern, Quality, Scope, Severity, SharedAsn, TOGETHER, TOTAL_BELOW,
    Upstream,
};
use crate::query::{Group, GroupSource, RegisteredBy, RegistryFile, Scanned, TableScan, Target};
use crate::registry::missing_registries;
use crate::replay::ControlSample;
use crate::time::{Steps, Timestamp, Window, Windows};

/// When the first and the last vantage point lost an outage's network, and when they regained it. None if they did not differ.
pub(super) type Margins = [Option<Window>; 2];

const NO_MARGINS: Margins = [None, None];

/// The answer for one target.
pub(super) fn headline(report: &Report, headline: &Headline) -> String {
    sentences(report, headline).join(" ")
}

/// The answer for one target, sentence by sentence: its longest outage of each family, of the whole network before
/// single prefixes.
pub(super) fn sentences(report: &Report, headline: &Headline) -> Vec<String> {
    sentences_within(report, headline, |_| NO_MARGINS)
}

/// The same with the margins of the edges.
pub(super) fn sentences_within(
    report: &Report,
    headline: &Headline,
    margins: impl Fn(&Outage) -> Margins,
) -> Vec<String> {
    let Headline { summary, outages, flaps, .. } = headline;
    let Some(first) = outages.first() else { return vec![quiet::sentence(report, headline)] };
    let unjudged = quiet::unjudged(report, summary);
    if is_of_parts(report, summary, first) {
        let n = count(outages.len(), "outage of a single prefix", "outages of single prefixes");
        let as_a_whole = match unjudged {
            None => "no outage of the network as a whole".to_owned(),
            Some(unjudged) if unjudged.is_all => "the network as a whole could not be judged".to_owned(),
            Some(unjudged) => {
                format!("{}; no outage of the network as a whole seen in the rest of the window", unjudged.text)
            }
        };
        let of_network: Vec<Counted> = flaps.iter().filter(|flap| flap.is_of_network).copied().collect();
        let flaps = quiet::longest_flap(&of_network).map_or(String::new(), |flaps| format!("; {flaps}"));
        return vec![format!("{}: {as_a_whole}{flaps}; {n}.", report.labelled(&summary.target))];
    }
    let mut sentences = Vec::new();
    for longest in longest(outages) {
        sentences.push(sentence_within(report, longest, margins(longest)));
        let others = || outages.iter().filter(|o| o.subject.family == longest.subject.family && o.id != longest.id);
        let is_alike =
            |other: &&&Outage| (other.fall.start(), other.fall.end()) == (longest.fall.start(), longest.fall.end());
        let n_alike = others().filter(is_alike).count();
        if n_alike > 0 {
            let prefixes = count(n_alike, "other prefix was", "other prefixes were");
            sentences.push(format!("{prefixes} lost at the same time, and for as long."));
        }
        match (others().count() - n_alike, is_of_network(report, &longest.subject)) {
            (0, _) => {}
            (n, true) => {
                sentences.push(format!("{} listed below.", count(n, "other outage is", "other outages are")));
            }
            (1, false) => sentences.push("There is 1 other outage.".to_owned()),
            (n, false) => sentences.push(format!("There are {n} other outages.")),
        }
        sentences.extend(too_short(report, longest));
    }
    sentences.extend(quiet::flaps_beside(outages, flaps));
    // What holds for many targets is stated once, under "Not known".
    let is_shown = |unjudged: &quiet::Unjudged| report.summaries.len() == 1 || unjudged.is_most;
    let unjudged_sentence = |unjudged: quiet::Unjudged| match unjudged.is_all {
        true => "At no time could all of it be judged.".to_owned(),
        false => unjudged.text + ".",
    };
    sentences.extend(unjudged.filter(is_shown).map(unjudged_sentence));
    sentences
}

/// Warns about a fall that had not ended at the end of the window and is still short enough to be a flap.
pub(super) fn too_short(report: &Report, outage: &Outage) -> Option<String> {
    let is_short =
        outage.fall.end().is_none() && outage.fall.duration() < report.parameters.criteria.thresholds.min_duration;
    is_short.then(|| "That is too short to tell a flap from an outage.".to_owned())
}

/// Returns the answer for a long list of targets, sentence by sentence: how many had an outage, how many at once, and the
/// longest outage.
pub(super) fn overview(report: &Report, headlines: &[Headline]) -> Vec<String> {
    let (all, n_judged) = (asked(report), headlines.len());
    let lost = headlines.iter().filter(|headline| !headline.outages.is_empty());
    let (whole, partial): (Vec<&Headline>, Vec<&Headline>) = lost.partition(|headline| headline.is_whole);
    let quiet = headlines.iter().filter(|headline| headline.outages.is_empty());
    let n_unknown = quiet.filter(|headline| !headline.summary.is_sufficient()).count();
    let unknown = |whom: &str| match n_unknown {
        0 => String::new(),
        n => format!("; for {n} of {whom} the data do not suffice"),
    };
    let mut sentences = match (whole.len(), partial.len()) {
        (0, 0) if n_unknown == n_judged => {
            vec![format!(
                "None of {all} could be judged over the whole window; no outage seen in the parts that could be judged."
            )]
        }
        (0, 0) => vec![format!("No outage seen at any of {all}{}.", unknown("them"))],
        (n, 0) => vec![format!("{n} of {all} had an outage{}.", unknown("the others"))],
        (0, n) => {
            vec![format!("{n} of {all} had outages of single prefixes, and none as a whole{}.", unknown("the others"))]
        }
        (n, more) => {
            let unknown = unknown("the others");
            vec![format!("{n} of {all} had an outage, and {more} more had outages of single prefixes only{unknown}.")]
        }
    };
    let lost = if whole.is_empty() { partial } else { whole };
    sentences.extend(quiet::flapping(report, headlines));
    if let Some((n, window)) = most_at_once(&lost, report.parameters.window()).filter(|(n, _)| *n > 1) {
        sentences.push(format!("Most at once: {n}, from {} UTC.", from_to(window)));
    }
    // The first of equals: `max_by_key` keeps the last.
    let longest = lost.iter().rev().flat_map(|headline| headline.outages.iter().rev());
    if let Some(longest) = longest.max_by_key(|o| (o.fall.duration(), std::cmp::Reverse(o.fall.start()))) {
        sentences.push(format!("The longest: {}", sentence(report, longest)));
    }
    sentences
}

/// Whether `n` targets are summarised where at most `limit` are named. Those of a scan are, unless all are to be listed: the user
/// named none.
pub(super) fn are_summarised(report: &Report, n: usize, limit: usize) -> bool {
    let is_scan = report.parameters.query.scan.is_some() && n > 1 && limit < usize::MAX;
    n > limit || is_scan
}

/// Returns how many targets were asked about: `20 targets`, or `107 prefixes` of the table that was scanned.
pub(super) fn asked(report: &Report) -> String {
    match report.parameters.query.scan {
        Some(TableScan { of, n_named, .. }) => format!("{} {}", grouped(n_named), scanned(of)),
        None => format!("{} targets", report.summaries.len()),
    }
}

/// Returns the largest number of targets that were down at once, and the longest interval in which that many were.
fn most_at_once(lost: &[&Headline], asked: Window) -> Option<(usize, Window)> {
    // Several prefixes of one target count once.
    let down = lost.iter().flat_map(|headline| {
        let down: Windows = headline.outages.iter().filter_map(|o| o.fall.seen.intersect(&asked)).collect();
        Vec::from(down)
    });
    let changes = down.flat_map(|window| [(window.start, 1), (window.end, -1)]);
    let mut n = 0;
    let n_down = Steps::sweep(changes.collect(), Timestamp::MAX, |_, changes| {
        n += changes.iter().map(|(_, by)| by).sum::<isize>();
        n.unsigned_abs()
    });
    // The first of equals: `max_by_key` keeps the last.
    let most = n_down.intervals().rev().filter(|(_, n)| **n > 0).max_by_key(|(window, n)| (**n, window.duration()));
    most.map(|(window, n)| (*n, window))
}

/// The statement of an outage in three parts: `AS64500 disappeared from the IPv4 routing table`, `from 12:00 to 13:00 UTC
/// (1 h)`, `3 of 3 usable vantage points lost it`.
pub(super) struct Statement {
    pub what: String,
    pub when: String,
    pub who: String,
}

/// Returns how long an outage was: `9 h 31 min`, or `≥ 9 h 31 min` if an edge is not known.
pub(super) fn length(outage: &Outage) -> String {
    format!("{}{}", if is_exact(outage) { "" } else { "≥ " }, duration(outage.fall.duration()))
}

/// Whether the duration is that of the outage, not a lower bound.
pub(super) fn is_exact(outage: &Outage) -> bool {
    outage.fall.censored.iter().all(|censoring| censoring.is_exact())
}

/// Returns the statement of an outage as one sentence.
pub(super) fn sentence(report: &Report, outage: &Outage) -> String {
    sentence_within(report, outage, NO_MARGINS)
}

fn sentence_within(report: &Report, outage: &Outage, margins: Margins) -> String {
    let Statement { what, when, who } = statement_within(report, outage, margins);
    format!("{what} {when}: {who}.")
}

/// Returns the statement of an outage, part by part.
pub(super) fn statement(report: &Report, outage: &Outage) -> Statement {
    statement_within(report, outage, NO_MARGINS)
}

fn statement_within(report: &Report, outage: &Outage, margins: Margins) -> Statement {
    let family = outage.subject.family;
    let name = match outage.subject.scope {
        Scope::Group | Scope::Asn => report.labelled(&outage.subject.target),
        Scope::Prefix => outage.subject.prefix.map(|prefix| of_prefix(report, prefix)).unwrap_or_default(),
    };
    let is_replaced = outage.class == Class::OriginChanged;
    let what = match (outage.severity, outage.subject.scope) {
        _ if is_replaced => format!("was replaced as the origin of its {family} address space"),
        (Severity::Total, _) if outage.fall.start().is_some() => format!("disappeared from the {family} routing table"),
        (Severity::Total, _) => format!("was missing from the {family} routing table"),
        _ if outage.is_of_space() && outage.visibility.min > TOTAL_BELOW => {
            format!(
                "lost the routes to {} of its {family} address space",
                percent_in_words(1.0 - outage.visibility.min)
            )
        }
        _ => format!("was missing from most {family} routing tables"),
    };
    let length = format!("{}{}", if is_exact(outage) { "" } else { "at least " }, duration(outage.fall.duration()));
    Statement {
        what: format!("{name} {what}"),
        when: format!("{} ({length})", when(outage, margins)),
        who: who(outage),
    }
}

/// Returns a prefix, with its label if it was asked about itself.
fn of_prefix(report: &Report, prefix: Prefix) -> String {
    let itself = report.parameters.query.targets.iter().find(|target| target.is_prefix(prefix));
    itself.map_or_else(|| prefix.to_string(), |target| report.labelled(target))
}

/// Returns the time of an outage, `from 2014-12-22 16:15:00 to 16:20:00 UTC`, with what is not known about its edges.
fn when(outage: &Outage, [lost, back]: Margins) -> String {
    let is_total = outage.severity == Severity::Total && outage.class != Class::OriginChanged;
    let in_gap = |edge: Censoring, words: &'static str| if outage.fall.censored.contains(&edge) { words } else { "" };
    let or_earlier = in_gap(Censoring::GapStart, " or earlier");
    let or_later = in_gap(Censoring::GapEnd, " or later");
    // The end as it is written after the start: without its date if that is the same.
    let until = |start: Timestamp, end: Timestamp| {
        let is_same_day = start.to_datetime().date_naive() == end.to_datetime().date_naive();
        let shown = if is_same_day { time_of_day(end) } else { clock(end) };
        format!("{shown}{or_later}{}", margin(end, back))
    };
    let since = |start: Timestamp| format!("{}{or_earlier}{}", clock(start), margin(start, lost));
    // If it was already down when the data begin, only the time when it was first seen down is known.
    let first_judged = outage.fall.start_bounds.latest;
    match (outage.fall.start(), outage.fall.end(), first_judged) {
        (Some(start), Some(end), _) => format!("from {} to {} UTC", since(start), until(start, end)),
        (Some(start), None, _) if is_total && or_earlier.is_empty() => {
            format!("at {} UTC and was not back {AT_THE_END}", since(start))
        }
        (Some(start), None, _) => format!("from {} UTC, and not back {AT_THE_END}", since(start)),
        (None, Some(end), Some(first)) => {
            format!("when first judged, at {}, and until {} UTC", clock(first), until(first, end))
        }
        (None, Some(end), None) => {
            format!("when the data begin, and until {}{or_later}{} UTC", clock(end), margin(end, back))
        }
        (None, None, Some(first)) => {
            format!("when first judged, at {} UTC, and not back {AT_THE_END}", clock(first))
        }
        (None, None, None) => format!("when the data begin, and not back {AT_THE_END}"),
    }
}

/// ` (first 16:14:08, last 16:15:40)`: the first and the last vantage point, beside an edge. Empty if they do not differ.
pub(super) fn margin(edge: Timestamp, margin: Option<Window>) -> String {
    let day = |at: Timestamp| at.to_datetime().date_naive();
    let shown = |at: Timestamp| if day(at) == day(edge) { time_of_day(at) } else { clock(at) };
    margin.map_or(String::new(), |margin| format!(" (first {}, last {})", shown(margin.start), shown(margin.end)))
}

const AT_THE_END: &str = "at the end of the window";

fn who(outage: &Outage) -> String {
    if outage.class == Class::OriginChanged {
        return "another AS announced it".to_owned();
    }
    let zombies = match outage.survivors.iter().filter(|survivor| survivor.zombie).count() {
        0 => String::new(),
        n => format!(", {n} kept a stuck route"),
    };
    let covered = match outage.class {
        Class::Covered | Class::CoveredOther => ", while a less specific prefix stayed",
        _ => "",
    };
    format!(
        "{} of {} usable vantage points lost it{zombies}{covered}",
        outage.counts.n_vantage_points_lost, outage.counts.n_vantage_points
    )
}

/// Names the time before the window from which RIB dumps were read for the baseline. None if there is none.
pub(super) fn look_back(report: &Report) -> Option<String> {
    let back = report.parameters.query.baseline;
    let dumps =
        || format!("RIB dumps from up to {} before the window show who normally carries each prefix.", duration(back));
    (!back.is_zero()).then(dumps)
}

/// Describes the control sample: prefixes outside the query. None if no table is large enough for a sample.
pub(super) fn control(report: &Report) -> Option<String> {
    let samples = || report.coverage.collectors.iter().filter_map(|collector| collector.control);
    let judged = || samples().filter(|sample| sample.n_vantage_points > 0);
    let n_prefixes = judged().map(|sample| sample.n_prefixes).max()?;
    let sum = |of: fn(&ControlSample) -> u64| judged().map(|sample| of(&sample)).sum::<u64>();
    let part = |part: u64, whole: u64| percent_exactly(part as f64 / whole as f64, 2);
    let fallen = part(sum(|sample| sample.n_fallen), sum(|sample| sample.n_prefixes));
    let compared = match sum(|sample| sample.n_compared) {
        0 => String::new(),
        n => format!("; {} of its routes differ from a later RIB dump", part(sum(|sample| sample.n_mismatched), n)),
    };
    let prefixes = count(n_prefixes as usize, "other prefix", "other prefixes");
    Some(format!("Control sample of {prefixes}: {fallen} of them fell during the window{compared}."))
}

/// Lists, per collector, how often the control sample caused vantage points to be left out.
pub(super) fn left_out(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for collector in &report.coverage.collectors {
        let Some(sample) = collector.control else { continue };
        let mut push = |n: u64, what: &str| {
            if n > 0 {
                lines.push(format!("{}: {} {what}", collector.collector, count(n as usize, "time", "times")));
            }
        };
        push(sample.n_lost_sync, "a vantage point was out of step with a RIB dump and is unknown before it");
        push(sample.n_lost_tables, "a vantage point withdrew its whole table and is left out until it is back");
    }
    lines
}

/// Returns what the data do not show about the targets, each with the targets concerned.
pub(super) fn doubts(report: &Report) -> Vec<(String, Vec<String>)> {
    // A doubt about several targets is listed once.
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

/// Returns the catalog that listed the files, where it was not the usual one, and what was remarkable about lists and downloads.
pub(super) fn listing(report: &Report) -> Vec<String> {
    let listing = &report.coverage.listing;
    let is_unusual = listing.catalog.as_deref() == Some("archive pages");
    let pages = is_unusual.then(|| "The files were listed from the archives' own folder pages.".to_owned());
    pages.into_iter().chain(listing.remarks.iter().cloned()).collect()
}

/// Returns what data of this kind do not show about any target.
pub(super) fn general_doubts(report: &Report) -> Vec<String> {
    let mut doubts: Vec<String> = troubles::internal_doubt(report).into_iter().collect();
    if report.findings.outages.iter().any(|outage| outage.quality == Quality::Low) {
        doubts.push("Without RIB dumps it is not known who had a route and never changed it.".to_owned());
    }
    let is_asked = |family: &Family| report.timelines.iter().any(|timeline| timeline.family() == *family);
    let rules = Family::ALL.into_iter().filter(is_asked).filter_map(|family| report.coverage.rules[family]);
    if rules.into_iter().any(|rule| rule.uncertain) {
        doubts.push(
            "With fewer than three tables to compare, a partial table may be mistaken for a full one.".to_owned(),
        );
    }
    doubts.extend(report.parameters.query.scan.map(scan));
    doubts.push("BGP shows routes, not hosts: a route can be up while no traffic flows.".to_owned());
    doubts.push("Why a route was withdrawn is not in the data.".to_owned());
    doubts
}

/// Names what a scan chooses from.
fn scanned(of: Scanned) -> &'static str {
    match of {
        Scanned::Prefixes => "prefixes",
        Scanned::Asns => "origin ASes",
    }
}

/// Says what a scan leaves open.
fn scan(TableScan { of, n_named, n_chosen }: TableScan) -> String {
    let others = match of {
        Scanned::Prefixes => {
            "For the others, too few vantage points lost the route at the same time for an outage, while enough were live to judge. \
             Their smaller losses are not listed, nor is any prefix that was gone before the last RIB dump before the window."
        }
        Scanned::Asns => {
            "For each of the others, enough of the address space stayed up or was not judged. Outages of their single prefixes are not \
             listed, nor is any AS that was gone before the last RIB dump before the window."
        }
    };
    let were = if n_chosen == 1 { "was" } else { "were" };
    format!("Of {} {} {} {were} replayed. {others}", grouped(n_named), scanned(of), grouped(n_chosen))
}

/// Returns the setting that accepts fewer peers, where too few are what keeps a target from being judged.
pub(super) fn few_peers(report: &Report, summary: &Summary) -> Option<String> {
    let (peers, min_peers) = (quiet::n_peers(report, summary), report.parameters.criteria.sufficiency.min_peers);
    let found = || count(peers, "peer AS", "peer ASes");
    (!summary.unobserved.is_empty() && 0 < peers && peers < min_peers)
        .then(|| format!("only {} of the {min_peers} required: --min-peers {peers} accepts fewer", found()))
}

/// Says what a country stands for, and what it does not. Empty for other targets.
fn registrations(report: &Report, target: &Target) -> Vec<String> {
    let Target::Group(name) = target else { return Vec::new() };
    let group = report.parameters.query.groups.get(name);
    let Some(Group { source: GroupSource::Registrations { country, by, files }, members }) = group else {
        return Vec::new();
    };
    let (what, elsewhere) = match by {
        RegisteredBy::Address => (
            count(members.len(), "address block", "address blocks"),
            "a block may be used abroad, and networks there may use foreign blocks",
        ),
        RegisteredBy::Asn => (
            count(members.len(), "AS", "ASes"),
            "an AS may serve other countries, and networks there may have foreign ASes",
        ),
    };
    let of_file = |file: &RegistryFile| format!("{} ({})", file.name, file.date);
    let named = files.iter().map(of_file).collect::<Vec<_>>().join(", ");
    let mut sentences = vec![format!(
        "it stands for {what} registered in {country} according to {named}. Registration is not location: {elsewhere}."
    )];
    let missing = missing_registries(files);
    if !missing.is_empty() {
        sentences.push(format!(
            "what {} registered in {country} is missing: none of their statistics were read.",
            missing.join(", ")
        ));
    }
    sentences
}

/// Returns what the data do not show about one target.
fn unknown_of(report: &Report, summary: &Summary) -> Vec<String> {
    let mut unknown = Vec::new();
    let peers = quiet::n_peers(report, summary);
    unknown.extend(registrations(report, &summary.target));
    if peers == 0 {
        unknown.push(quiet::no_table(report).to_owned());
        return unknown;
    }
    if let Some(few) = few_peers(report, summary) {
        unknown.push(format!("{few}."));
    } else if quiet::announced(report, summary) == Announced::No {
        unknown.push("when it was last announced, if ever, is not in these data.".to_owned());
        return unknown;
    } else if let Some(unjudged) = quiet::unjudged(report, summary) {
        unknown.push(unjudged.text + ".");
    }
    let aggregate = match summary.target {
        Target::Prefix(asked, _) => report.aggregate(asked),
        Target::Asn(_) | Target::Group(_) => None,
    };
    if let Some(aggregate) = aggregate {
        let n = aggregate.prefixes.len();
        unknown.push(format!(
            "it is not announced as such: the {n} more-specific prefixes inside it are judged together."
        ));
    }
    let is_other = |prefix: &&Prefix| aggregate.is_none() || !summary.target.is_prefix(**prefix);
    let never: Vec<&Prefix> = summary.never_carried.iter().filter(is_other).collect();
    if !never.is_empty() {
        let prefixes = match never[..] {
            [only] if summary.target.is_prefix(*only) => "the prefix itself is".to_owned(),
            [only] => format!("{only} is"),
            ref all => format!("{} prefixes are", all.len()),
        };
        unknown.push(format!("{prefixes} in no RIB dump and not held at the end: new or transient, not judged."));
    }
    unknown
}

/// Names what the prefixes of an event have in common: `AS64500`, `behind AS64501`, or the only prefix.
pub(super) fn event_name(event: &Event) -> String {
    match (event.shared, event.prefixes.as_slice()) {
        (Some(SharedAsn { asn, role: AsnRole::Origin, .. }), _) => asn.to_string(),
        (_, [only]) => only.to_string(),
        (Some(SharedAsn { asn, role: AsnRole::Upstream, .. }), _) => format!("behind {asn}"),
        (None, prefixes) => count(prefixes.len(), "prefix", "prefixes"),
    }
}

/// Returns how long an event was: `9:31:00`, or `≥9:31:00` if an edge is not known.
pub(super) fn event_length(event: &Event) -> String {
    let is_whole = event.start().is_some() && event.end().is_some();
    format!("{}{}", if is_whole { "" } else { "≥" }, hours(event.window.duration()))
}

/// Says what an event is.
pub(super) fn about_events() -> String {
    format!(
        "Outages of prefixes that began and ended within {} of each other and share an origin or the only upstream whose routes were \
         lost, ranked by address space times duration. What they share is evidence, not the cause.",
        duration(TOGETHER)
    )
}

/// Describes the pattern of the losses. It never names a cause: BGP data do not show one.
pub(super) fn pattern_sentence(pattern: Pattern, before: &[Upstream]) -> &'static str {
    match pattern {
        Pattern::SingleUpstream if before.len() == 1 => {
            "Every known route led through this one AS: the data cannot distinguish a loss at the origin \
             from one at or beyond this AS."
        }
        Pattern::SingleUpstream => "Only the routes through one of them were lost together; the others stayed.",
        Pattern::OriginSide => "The routes through all of them were lost together.",
        Pattern::Scattered => {
            "The losses do not follow any one AS next to the origin, or took longer than one withdrawal does."
        }
    }
}

/// Names the upstreams of a network just before it was lost. None if no path is known.
pub(super) fn upstream_sentence(report: &Report, outage: &Outage) -> Option<String> {
    let upstreams = &outage.upstreams;
    let n: usize = upstreams.before.iter().map(|upstream| upstream.n_routes).sum();
    let name = |upstream: &Upstream| report.labels.asn(upstream.asn);
    let through = |list: &[Upstream]| match list {
        [] => None,
        [only] => Some(name(only)),
        [first, second] => Some(format!("{} and {}", name(first), name(second))),
        [first, rest @ ..] => Some(format!("{} and {}", name(first), count(rest.len(), "other", "others"))),
    };
    let before = through(&upstreams.before)?;
    let after = match through(&upstreams.after) {
        Some(after) if after == before => ", as they did afterwards".to_owned(),
        Some(after) => format!(", afterwards through {after}"),
        None => String::new(),
    };
    let what = outage.subject.name();
    let routes = count(n, "known route", "known routes");
    Some(format!("Just before, {routes} to {what} led through {before}{after}."))
}

/// States how closely the collectors agree on the start of an outage. None if only one of them saw it.
pub(super) fn agreement_sentence(outage: &Outage) -> Option<String> {
    let agreement = &outage.agreement;
    let n = agreement.collectors.iter().filter(|halves| halves.loss.is_some()).count();
    let spread = agreement.loss_spread()?;
    let apart = if spread.is_zero() {
        "at the same time".to_owned()
    } else {
        format!("within {} of each other", duration(spread))
    };
    Some(format!("{n} collectors saw half of their routes lost {apart}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bgp::Asn;

    #[test]
    fn the_wording_never_names_a_culprit() {
        let upstream = Upstream { asn: Asn(64500), n_routes: 3, n_lost: 3 };
        for pattern in [Pattern::OriginSide, Pattern::SingleUpstream, Pattern::Scattered] {
            for before in [&[upstream][..], &[upstream, upstream][..]] {
                let text = pattern_sentence(pattern, before);
                assert!(!text.contains("AS64500") && !text.contains("caused") && !text.contains("fault"), "{text}");
            }
        }
    }
}
