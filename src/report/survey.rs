//! A survey as a page, a document, a table, a picture and a folder.

mod document;
mod page;
mod strip;

use std::io::{self, Write};
use std::path::Path;

use polars::prelude::*;

use super::frames::cell;
use super::printable::{PrintableJson, printable};
use super::text_page::Style;
use super::{picture, round};
use crate::bgp::Prefix;
use crate::error::Error;
use crate::folder::{self, Folder};
use crate::survey::{Survey, SurveyLook};
use crate::tables::{column, columns, frame, texts, times, write_csv};

pub use document::survey_document;

/// The files of a survey's folder. None of them is that of a run.
const DOCUMENT: &str = "survey.json";
const LOOKS: &str = "looks.csv";
const PICTURE: &str = "survey.svg";
const FILES: [&str; 3] = [DOCUMENT, LOOKS, PICTURE];

/// A form in which a survey is printed.
#[derive(Debug)]
pub struct SurveyFormat {
    /// The name in arguments.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub help: &'static str,
    print: fn(&Survey, Style, &mut dyn Write) -> Result<(), Error>,
}

/// Every format. The first one is the default.
pub static SURVEY_FORMATS: [SurveyFormat; 3] = [
    SurveyFormat {
        name: "table",
        help: "For a person",
        print: |survey, style, out| {
            let text = printable(&page::page(survey, style));
            out.write_all(text.as_bytes()).map_err(|source| Error::Print { source })
        },
    },
    SurveyFormat {
        name: "json",
        help: "One document, with the parts of each file that were read",
        print: |survey, _, out| {
            let document = survey_document(survey);
            let written = serde_json::to_writer_pretty(PrintableJson(&mut *out), &document).map_err(io::Error::from);
            written.and_then(|()| out.write_all(b"\n")).map_err(|source| Error::Print { source })
        },
    },
    SurveyFormat {
        name: "csv",
        help: "One look a row",
        print: |survey, _, out| {
            let mut bytes = Vec::new();
            write_csv("looks", looks_frame(survey)?, cell, &mut bytes)?;
            out.write_all(&bytes).map_err(|source| Error::Print { source })
        },
    },
];

impl SurveyFormat {
    /// Prints a survey. `style` matters only where people read the output.
    ///
    /// # Errors
    ///
    /// If a table cannot be made, or the output cannot be written.
    pub fn print(&self, survey: &Survey, style: Style, out: &mut dyn Write) -> Result<(), Error> {
        (self.print)(survey, style, out)
    }
}

/// Checks that a survey can be written into `folder`: it does not exist, is empty, or contains only an earlier survey that may be
/// replaced.
///
/// # Errors
///
/// If the folder cannot be read, contains other files, or contains a survey and `replace` is not set.
pub fn check_survey_folder(folder: &Path, replace: bool) -> Result<(), Error> {
    folder::check(folder, &FILES, replace)
}

/// Writes a survey into `folder`, which appears whole or not at all.
///
/// # Errors
///
/// If [`check_survey_folder`] fails, or a file cannot be made or written.
pub fn write_survey(survey: &Survey, folder: &Path, replace: bool) -> Result<(), Error> {
    let folder = Folder::begin(folder, &FILES, replace)?;
    folder.write(DOCUMENT, format!("{:#}\n", survey_document(survey)).as_bytes())?;
    folder.stream(LOOKS, |file| write_csv("looks.csv", looks_frame(survey)?, cell, file))?;
    folder.write(PICTURE, picture::survey_svg(survey).as_bytes())?;
    folder.finish()
}

/// One row per look at a prefix: the columns of `looks.csv`, in order.
fn looks_frame(survey: &Survey) -> Result<DataFrame, Error> {
    let looks = survey.prefixes.iter().flat_map(|prefix| prefix.looks.iter().map(|look| (prefix.prefix, look)));
    let rows: Vec<(Prefix, &SurveyLook)> = looks.collect();
    let bytes = |look: &SurveyLook| -> u64 {
        survey.dumps.iter().filter(|dump| dump.at == look.at).map(|dump| dump.bytes).sum()
    };
    let collectors = |look: &SurveyLook| {
        let shown = survey.dumps.iter().filter(|dump| dump.at == look.at && dump.shown.is_some());
        shown.map(|dump| dump.collector.to_string()).collect::<Vec<_>>().join(" ")
    };
    frame(
        "looks",
        columns!(rows, row => {
            texts "prefix" => Some(row.0),
            times "at" => Some(row.1.at),
            column "state" => row.1.state.name(),
            column "share" => row.1.share.map(round),
            column "n_holders" => row.1.share.map(|_| row.1.n_holders as u32),
            column "n_full_feeds" => row.1.n_full_feeds as u32,
            column "collectors" => collectors(row.1),
            column "bytes" => bytes(row.1),
            column "why" => row.1.why.as_deref(),
        }),
    )
}
