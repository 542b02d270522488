//! The targets of the question, one answer each: how often and how long each was down, and how much of the window was judged.

use std::time::Duration;

use polars::prelude::*;

use super::headlines::{self, Headline};
use super::quiet::{self, Announced};
use super::{Answer, Report, Summary, words};
use crate::bgp::Prefix;
use crate::detect::{Outage, Quality};
use crate::error::Error;
use crate::query::Target;
use crate::tables::{column, columns, frame, texts};
use crate::time::Windows;

/// The answer for one target. Its outages are those of the whole network: everything that an AS originates in one family, the
/// prefix that was asked about, or the prefixes inside it if it is not announced itself.
pub(super) struct TargetAnswer<'a> {
    pub summary: &'a Summary,
    headline: Headline<'a>,
    pub label: Option<&'a str>,
    pub answer: Answer,
    /// None if that is not known.
    pub announced: Option<bool>,
    pub n_outages: usize,
    /// Outages of single prefixes that the network as a whole did not share.
    pub n_prefix_outages: usize,
    pub n_flaps: usize,
    /// The judged time in which it was down.
    pub downtime: Duration,
    /// The longest outage, which may reach beyond the window. None without an outage.
    pub longest: Option<Duration>,
    /// Whether that is its whole length, not a lower bound.
    pub is_longest_exact: bool,
    pub judged: Duration,
    pub unknown: Duration,
    /// The lowest quality among its outages, of prefixes too. None without an outage.
    pub quality: Option<Quality>,
}

/// Returns the answer of every target, in the order of the question.
pub(super) fn target_answers(report: &Report) -> Vec<TargetAnswer<'_>> {
    let parts = headlines::parts_of_targets(report);
    let headlines = headlines::of_targets(report);
    let with_parts = headlines.into_iter().zip(parts);
    with_parts.map(|(headline, parts)| TargetAnswer::new(report, headline, &parts)).collect()
}

impl<'a> TargetAnswer<'a> {
    /// `parts` are the outages of prefixes that are no part of an outage of their AS.
    fn new(report: &'a Report, headline: Headline<'a>, parts: &[&Outage]) -> TargetAnswer<'a> {
        let summary = headline.summary;
        let window = report.parameters.window();
        let of_whole: Vec<&Outage> =
            headline.outages.iter().copied().filter(|outage| is_of_whole(report, summary, outage)).collect();
        let n_prefix_outages = parts.iter().filter(|outage| !is_of_whole(report, summary, outage)).count();
        let unobserved: Windows = summary.unobserved.iter().copied().collect();
        let judged = Windows::from(window).without(&unobserved);
        let down: Windows = of_whole.iter().map(|outage| outage.fall.seen).collect();
        let longest = of_whole.iter().max_by_key(|outage| outage.fall.duration());
        let announced = match quiet::announced(report, summary) {
            Announced::Yes => Some(true),
            Announced::No => Some(false),
            Announced::Unknown => None,
        };
        TargetAnswer {
            summary,
            label: report.parameters.query.labels.get(&summary.target).map(String::as_str),
            answer: if !headline.outages.is_empty() {
                Answer::Outage
            } else if summary.is_sufficient() {
                Answer::NoOutage
            } else {
                Answer::InsufficientData
            },
            announced,
            n_outages: of_whole.len(),
            n_prefix_outages,
            n_flaps: headline.flaps.len(),
            downtime: judged.intersect(&down).duration(),
            longest: longest.map(|outage| outage.fall.duration()),
            is_longest_exact: longest.is_some_and(|outage| words::is_exact(outage)),
            judged: judged.duration(),
            unknown: unobserved.duration(),
            // High comes first.
            quality: of_whole.iter().chain(parts).map(|outage| outage.quality).max(),
            headline,
        }
    }

    /// Returns the share of the judged time in which it was not down. None if no time was judged.
    pub(super) fn availability(&self) -> Option<f64> {
        let judged = self.judged.as_secs_f64();
        (judged > 0.0).then(|| 1.0 - self.downtime.as_secs_f64() / judged)
    }

    /// Returns the answer in a word or two.
    pub(super) fn words(&self) -> &'static str {
        match self.answer {
            Answer::Outage if self.n_outages == 0 => "outages of prefixes",
            Answer::Outage => "outage",
            Answer::NoOutage => "no outage",
            Answer::InsufficientData if self.announced == Some(false) => "not announced",
            Answer::InsufficientData => "insufficient data",
        }
    }

    /// Returns the answer in a sentence.
    pub(super) fn headline(&self, report: &Report) -> String {
        words::headline(report, &self.headline)
    }
}

/// Whether an outage is one of the whole target.
fn is_of_whole(report: &Report, summary: &Summary, outage: &Outage) -> bool {
    match summary.target {
        Target::Asn(_) | Target::Group(_) => outage.subject.target == summary.target && outage.subject.prefix.is_none(),
        Target::Prefix(asked, _) => {
            let is_announced = |prefix: Prefix| {
                let is_known = report.timelines.binary_search_by_key(&prefix, |timeline| timeline.prefix).is_ok();
                is_known && !summary.never_carried.contains(&prefix)
            };
            let has_own = report.aggregate(asked).is_some() || is_announced(asked);
            !has_own || outage.subject.prefix == Some(asked)
        }
    }
}

/// Rounds a share of time to eight digits: ten years have some 10^8 seconds, and one of them must not vanish.
pub(super) fn exact_share(share: f64) -> f64 {
    (share * 1e8).round() / 1e8
}

/// One row per target: the columns of `targets.csv` and `targets.parquet`, in order.
///
/// # Errors
///
/// If polars rejects the columns.
pub fn target_frame(report: &Report) -> Result<DataFrame, Error> {
    let answers = target_answers(report);
    frame(
        "targets",
        columns!(answers, row => {
            texts "target" => Some(row.summary.target),
            column "label" => row.label,
            column "answer" => row.answer.name(),
            column "announced" => row.announced,
            column "n_prefixes" => row.summary.n_prefixes as u32,
            column "n_judged" => row.summary.n_judged as u32,
            column "n_outages" => row.n_outages as u32,
            column "n_prefix_outages" => row.n_prefix_outages as u32,
            column "n_flaps" => row.n_flaps as u32,
            column "n_total_flaps" => row.summary.n_total_flaps as u32,
            column "downtime_seconds" => row.downtime.as_secs_f64(),
            column "longest_seconds" => row.longest.map(|longest| longest.as_secs_f64()),
            column "judged_seconds" => row.judged.as_secs_f64(),
            column "unknown_seconds" => row.unknown.as_secs_f64(),
            column "availability" => row.availability().map(exact_share),
            column "evidence_quality" => row.quality.as_ref().map(|quality| quality.as_ref()),
            column "headline" => row.headline(report),
        }),
    )
}
