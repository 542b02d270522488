//! The report as one HTML page, in a single file that loads nothing from the network.
//!
//! The page can be read without its script. The script adds interaction: zoom, values under the pointer, local time, filters.
//! Every text passes through maud, which escapes it; scripts and styles are allowed by their digests only.

mod coverage;
mod evidence;
mod findings;
mod origin;
mod parts;
mod summary;
mod targets;
mod visibility;
mod witnesses;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{Report, drawing};
use crate::archive;
use crate::observations::TOOL;
pub(super) use origin::credit;
use parts::Series;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Limits that keep the page small: rows of one list, and readings of all its rows. The page states where they apply.
const MOST_ROWS: usize = 200;
const MOST_READINGS: usize = 12_000;
/// Rows of a list that are not folded away.
const MOST_OPEN: usize = 20;

/// The page.
pub fn html(report: &Report) -> String {
    let mut series = Series::new(report.parameters.window());
    let picture = visibility::networks(report, &mut series);
    let sections = [
        ("targets", "Targets", targets::section(report)),
        ("outages", "Outages", findings::section(report)),
        ("prefixes", "Prefixes", visibility::prefixes(report, &mut series)),
        ("vantage-points", "Vantage points", witnesses::section(report, &mut series)),
        ("evidence", "Evidence", evidence::section(report)),
        ("coverage", "Coverage", coverage::section(report)),
        ("method", "Method", origin::method(report)),
        ("sources", "Sources", origin::sources(report)),
    ];
    let sections = sections.into_iter().filter_map(|(id, title, section)| Some((id, title, section?)));
    // Names of files and ASes come from anywhere. Escaped like this they are also valid in the data for the script.
    archive::escaped(&page(report, picture.as_ref(), &sections.collect::<Vec<_>>(), &series).into_string())
}

/// The answer, the picture, the controls, then everything else.
fn page(report: &Report, picture: Option<&Markup>, sections: &[(&str, &str, Markup)], series: &Series) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ (TOOL.name) " " (TOOL.version) };
                title { (summary::title(report)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#findings" { "Skip to the findings" }
                svg.definitions width="0" height="0" aria-hidden="true" focusable="false" { (drawing::patterns()) }
                header { (summary::answer(report)) }
                main #findings {
                    @if let Some(picture) = picture { section.picture aria-labelledby="visibility" { (picture) } }
                    (parts::toolbar(report))
                    (summary::facts(report))
                    nav aria-label="Sections" {
                        @for (id, title, _) in sections { a href={ "#" (id) } { (title) } }
                    }
                    @for (id, title, section) in sections {
                        section aria-labelledby=(id) { h2 #(id) { (title) } (section) }
                    }
                }
                footer {
                    p { "Made by " (TOOL.name) " " (TOOL.version) ", which reads MRT files with " (TOOL.parser) "." }
                }
                script #series type="application/json" { (PreEscaped(series.json())) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Returns a Content-Security-Policy that loads nothing and runs only the script of the page.
fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
}
