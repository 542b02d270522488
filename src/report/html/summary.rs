//! The answer at the top: what happened, and how sure that is.

use maud::{Markup, html};

use super::super::headlines::{self, Headline};
use super::super::sureness::Sureness;
use super::super::text::{count, duration, first_of, from_to, percent};
use super::super::words::{self, Statement};
use super::super::{Answer, Report, quiet, verdict};
use crate::detect::Outage;

/// More targets than this are counted, not listed: a table below the picture has them.
const MOST_TARGETS: usize = 3;

/// Units, which stay on the line of their number.
const UNITS: [&str; 6] = ["d", "h", "min", "s", "ms", "%"];

/// Terms of the page, explained for readers who do not know them.
const WORDS: [(&str, &str); 17] = [
    ("AS", "a network with its own number and routes: a provider, a company, a country's backbone"),
    ("prefix", "a block of addresses that an AS announces to the others, such as 192.0.2.0/24"),
    (
        "vantage point",
        "a router of another network that shares its routing table with a collector; without a route, it cannot reach the prefix by BGP",
    ),
    (
        "collector",
        "a machine that records the BGP messages of its vantage points; this report is based on its files alone",
    ),
    ("full feed", "a vantage point that sends its whole table, not only routes of its own customers"),
    ("usable", "a full feed whose session was up and whose state is known at that time; only these are counted"),
    ("live peers", "the ASes with a usable vantage point at that time; vantage points of one AS count once"),
    ("RIB dump", "a whole table, written every few hours"),
    ("update", "a message between two RIB dumps that announces routes or withdraws them"),
    ("upstream", "the AS through which an AS is reached: the one before it on the path of a route"),
    ("outage", "the share that still has a route falls below its threshold, and stays there for some minutes"),
    ("flap", "the same, but too short to be an outage"),
    ("episode", "outages and flaps of one network that follow one another within hours"),
    ("extent", "total: no route was left, or only stuck ones; partial: some vantage points kept a working route"),
    (
        "class",
        "how it was lost. Withdrawn: no route to these addresses is left. Covered: a larger prefix around it stayed. \
         Origin changed: another AS announces it. Local: only one AS or one collector lost it. \
         Unknown: withdrawn, and without RIB dumps a larger prefix around it may have stayed",
    ),
    ("withdrawn", "a vantage point said that it has no route any more"),
    (
        "stuck route",
        "a route that a vantage point still shows long after the network disappeared, although the AS behind it lost it: a leftover, not a working route",
    ),
];

/// The title of the page: who and when.
pub(super) fn title(report: &Report) -> String {
    report.labels.title.clone().unwrap_or_else(|| subject(report))
}

/// Who and when.
fn subject(report: &Report) -> String {
    format!("{}: {} UTC", targets(report), from_to(report.parameters.window()))
}

/// The targets, the first few by name.
pub(super) fn targets(report: &Report) -> String {
    if report.parameters.query.scan.is_some() {
        return "The whole table".to_owned();
    }
    let targets = &report.parameters.query.targets;
    first_of(targets.iter().map(|target| report.labelled(target)), 3)
}

/// The answer in words, and what the archive says about itself.
pub(super) fn answer(report: &Report) -> Markup {
    let (headlines, sureness) = (headlines::of_targets(report), Sureness::new(report));
    html! {
        @if let Some(title) = &report.labels.title { p.kicker { strong { (title) } } }
        p.kicker {
            strong { (targets(report)) }
            @if report.parameters.query.scan.is_none() { " in the routing table" }
            ", " (unbroken(&from_to(report.parameters.window()))) " UTC"
        }
        (answers(report, &sureness, &headlines))
        @if let Some(note) = &report.note { (archive_note(note)) }
    }
}

/// The note of the archive: its first sentence above the picture, the others on demand.
fn archive_note(note: &str) -> Markup {
    let first = note.find(". ").map(|at| note.split_at(at + 1)).filter(|(first, _)| first.len() < 200);
    html! {
        @match first {
            Some((first, rest)) => details.archive-note {
                summary { strong { "About the data. " } (first) }
                (rest)
            },
            None => p.archive-note { strong { "About the data. " } (note) },
        }
    }
}

fn answers(report: &Report, sureness: &Sureness, headlines: &[Headline]) -> Markup {
    if let [only] = headlines {
        return headline(report, sureness, only);
    }
    let overview = words::overview(report, headlines);
    let Some((first, others)) = overview.split_first() else { return html! {} };
    html! {
        h1 { (first) }
        @if headlines.len() <= MOST_TARGETS {
            ul.lead { @for headline in headlines { li { (words::headline(report, headline)) } } }
        } @else {
            p.lead { (unbroken(&others.join(" "))) }
        }
    }
}

/// The answer for the only target: what and when in large letters, then who saw it.
fn headline(report: &Report, sureness: &Sureness, headline: &Headline) -> Markup {
    let sentences = words::sentences(report, headline);
    let longest = headlines::longest(&headline.outages);
    let statement = longest.first().map(|outage| words::statement(report, outage));
    let edges = longest.first().and_then(|outage| sureness.edge_sentence(outage));
    match (statement, sentences.as_slice()) {
        (Some(Statement { what, when, who }), [first, rest @ ..]) if first.starts_with(&what) => html! {
            h1 { (what) " " span.when { (unbroken(&when)) } }
            p.lead { (unbroken(&[&[format!("{who}.")], rest, edges.as_slice()].concat().join(" "))) }
        },
        _ => html! { h1 { (unbroken(&sentences.join(" "))) } },
    }
}

/// Text whose dates do not break at their hyphens, nor numbers from their units.
fn unbroken(text: &str) -> Markup {
    let is_unit = |word: &str| UNITS.contains(&word.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '%'));
    html! {
        @for (index, word) in text.split(' ').enumerate() {
            @if index > 0 { @if is_unit(word) { "\u{a0}" } @else { " " } }
            @if word.contains('-') { span.unbroken { (word) } } @else { (word) }
        }
    }
}

/// The facts under the picture: verdict, longest outage, evidence, how much could be judged, and what the words mean.
pub(super) fn facts(report: &Report) -> Markup {
    let (headlines, sureness) = (headlines::of_targets(report), Sureness::new(report));
    html! {
        (cards(report, &sureness, &headlines))
        details {
            summary { "What the words mean" }
            dl.words { @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } } }
        }
    }
}

fn cards(report: &Report, sureness: &Sureness, headlines: &[Headline]) -> Markup {
    let class = match report.answer() {
        Answer::Outage => "is-loss",
        Answer::NoOutage => "is-well",
        Answer::InsufficientData => "is-unknown",
    };
    let answer = match verdict(report).as_str() {
        "not announced" => "Not announced",
        _ if report.answer() == Answer::Outage => "Outage",
        _ if report.answer() == Answer::NoOutage => "No outage",
        _ => "Insufficient data",
    };
    let flaps = quiet::flaps(headlines).filter(|_| report.answer() != Answer::Outage);
    let flaps = flaps.map(|flaps| format!("of {} or more, but {flaps}", quiet::shortest(report)));
    let headlined: Vec<&Outage> = headlines.iter().flat_map(|headline| &headline.outages).copied().collect();
    let longest = headlined.iter().copied().max_by_key(|o| (o.fall.duration(), std::cmp::Reverse(o.fall.start())));
    html! {
        dl.facts {
            div class=(class) { dt { "Verdict" } dd { (answer) } dd.why { (extent(&headlined)) (flaps.unwrap_or_default()) } }
            @if let Some(longest) = longest { (facts_of(sureness, longest, headlines.len() > 1)) }
            (judged(report))
        }
    }
}

fn extent(outages: &[&Outage]) -> String {
    match outages {
        [] => String::new(),
        [only] => format!("{}, {}", only.severity.as_ref(), only.class.as_ref().replace('_', " ")),
        all => format!("{} in the window", count(all.len(), "outage", "outages")),
    }
}

/// Duration, extent and evidence of the longest outage, with its network if there are several.
fn facts_of(sureness: &Sureness, outage: &Outage, is_named: bool) -> Markup {
    let stuck = outage.survivors.iter().filter(|survivor| survivor.zombie).count();
    let kept = outage.counts.n_vantage_points.saturating_sub(outage.counts.n_vantage_points_lost);
    html! {
        div {
            dt { "Longest" }
            dd { (unbroken(&words::length(outage))) }
            dd.why {
                @if is_named { (outage.subject.name()) ": " }
                (outage.severity.as_ref()) ", " (outage.class.as_ref().replace('_', " "))
            }
        }
        div {
            dt { "Lost by" }
            dd { (outage.counts.n_vantage_points_lost) " of " (outage.counts.n_vantage_points) }
            dd.why {
                "usable vantage points in " (count(outage.counts.n_peer_asns, "AS", "ASes")) " at "
                (count(outage.counts.n_collectors, "collector", "collectors"))
                @if kept > 0 { "; " (kept) " kept a route" @if stuck > 0 { ", " (stuck) " of them stuck" } }
            }
        }
        div {
            dt { "Evidence" }
            dd { (outage.quality.as_ref()) }
            dd.why { (sureness.evidence(outage)) }
        }
    }
}

/// The share of the window that could be judged.
fn judged(report: &Report) -> Markup {
    let whole = report.parameters.window().duration();
    let worst = report.summaries.iter().max_by_key(|summary| summary.unobserved_time());
    let Some(worst) = worst else { return html! {} };
    let missing = worst.unobserved_time();
    let is_one = report.summaries.len() == 1;
    html! {
        div {
            dt { "Judged" }
            dd { (percent(1.0 - missing.as_secs_f64() / whole.as_secs_f64())) }
            dd.why {
                @match (missing.is_zero(), is_one) {
                    (true, true) => "of the window: the data are sufficient for all of it",
                    (true, false) => "of the window, for every target",
                    (false, true) if worst.n_prefixes > 1 => {
                        "of the window for all of its prefixes; for some of them " (duration(missing)) " could not be judged"
                    }
                    (false, true) => { "of the window; " (duration(missing)) " could not be judged" }
                    (false, false) => {
                        "of the window for " (report.labelled(&worst.target)) ", the least judged target: "
                        (duration(missing)) " are unknown"
                    }
                }
            }
        }
    }
}
