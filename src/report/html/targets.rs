//! The answer for each of several targets, as a table.

use maud::{Markup, html};

use super::super::Report;
use super::super::targets::{TargetAnswer, target_answers};
use super::super::text::{hours, percent};
use super::MOST_ROWS;
use super::parts::{self, Column};

pub(super) fn section(report: &Report) -> Option<Markup> {
    let mut answers = target_answers(report);
    if answers.len() < 2 {
        return None;
    }
    // Those that were down for longest come first; the others stay in the order of the question.
    answers.sort_by_key(|answer| std::cmp::Reverse(answer.longest.map(|_| answer.downtime)));
    let left = answers.len().saturating_sub(MOST_ROWS);
    answers.truncate(MOST_ROWS);
    Some(html! {
        (parts::folding(&answers, |answers| table(report, answers), "more target", "more targets"))
        (parts::folded(left, "target", "targets", "Those that were down for longest come first; the JSON report lists all of them."))
        details {
            summary { "Target by target in words" }
            ul { @for answer in &answers { li { (answer.headline(report)) } } }
        }
    })
}

fn table(report: &Report, answers: &[TargetAnswer]) -> Markup {
    parts::cards(
        "Targets",
        html! { "Targets; times h:mm:ss. Downtime: within the judged part of the window. Unknown: the part of the window that could not be judged" },
        &[
            Column::Words("Target"),
            Column::Words("Answer"),
            Column::Number("Outages"),
            Column::Number("Flaps"),
            Column::Number("Downtime"),
            Column::Number("Longest"),
            Column::Number("Unknown"),
        ],
        html! { @for answer in answers { (row(report, answer)) } },
    )
}

fn row(report: &Report, answer: &TargetAnswer) -> Markup {
    let whole = report.parameters.window().duration().as_secs_f64();
    html! {
        tr {
            th scope="row" {
                (answer.summary.target)
                @if let Some(label) = report.label(&answer.summary.target) { span.address { (label) } }
            }
            td data-label="Answer" { (answer.words()) }
            td.number data-label="Outages" {
                (answer.n_outages)
                @if answer.n_prefix_outages > 0 { span.address { "and " (answer.n_prefix_outages) " of prefixes" } }
            }
            td.number data-label="Flaps" { (answer.n_flaps) }
            td.number data-label="Downtime" { @if answer.longest.is_some() { (hours(answer.downtime)) } @else { "none" } }
            td.number data-label="Longest" {
                @match answer.longest {
                    Some(longest) => { @if !answer.is_longest_exact { "≥ " } (hours(longest)) }
                    None => "none",
                }
            }
            td.number data-label="Unknown" { (percent(answer.unknown.as_secs_f64() / whole)) }
        }
    }
}
