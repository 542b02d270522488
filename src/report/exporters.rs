//! Every form in which a report is printed or exported. A new one needs a function in a file of its own and a row here.

use std::io::{self, Write};

use polars::prelude::DataFrame;

use super::frames::{
    cell, coverage_frame, episode_frame, event_frame, flap_frame, loss_frame, outage_frame, timeline_frames,
};
use super::printable::{PrintableJson, printable};
use super::targets::target_frame;
use super::{Report, Style, document, evidence_frames, html, lines, markdown, picture, table};
use crate::error::Error;
use crate::folder::Folder;
use crate::observations::{self, TableRows};
use crate::tables::{single, write_csv};

/// A form in which a report is printed.
#[derive(Debug)]
pub struct Format {
    /// The name in arguments.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub help: &'static str,
    /// Whether the output contains the verdict and the note of the archive.
    pub has_verdict: bool,
    print: fn(&Report, Style, &mut dyn Write) -> Result<(), Error>,
}

/// Every format. The first one is the default.
pub static FORMATS: [Format; 5] = [
    Format {
        name: "table",
        help: "For a person",
        has_verdict: true,
        print: |report, style, out| print_text(&printable(&table::table(report, style)), out),
    },
    Format { name: "json", help: "One document", has_verdict: true, print: print_json },
    Format { name: "ndjson", help: "One outage a line, then the run", has_verdict: true, print: print_ndjson },
    Format { name: "csv", help: "One outage a row", has_verdict: false, print: print_csv },
    Format {
        name: "markdown",
        help: "For an issue tracker",
        has_verdict: true,
        print: |report, style, out| print_text(&markdown(report, style.all), out),
    },
];

/// Files of one kind in the folder of a run.
#[derive(Debug)]
pub struct Export {
    /// The name in arguments.
    pub name: &'static str,
    /// What they contain, in a few words.
    pub help: &'static str,
    /// The names of all files that it may write.
    pub files: &'static [&'static str],
    /// Writes the files and returns the tables among them.
    pub(super) write: fn(&Report, &Folder) -> Result<Vec<TableRows>, Error>,
}

/// Every export, in the order in which the files are written.
pub static EXPORTS: &[Export] = &[
    Export {
        name: "csv",
        help: "Outages, flaps, episodes, events, losses, targets and coverage as tables",
        files: &[
            "outages.csv",
            "flaps.csv",
            "episodes.csv",
            "events.csv",
            "losses.csv",
            "targets.csv",
            "coverage.csv",
            NOTE,
        ],
        write: export_csv,
    },
    Export {
        name: "parquet",
        help: "The same tables as csv, with timelines, evidence and observations",
        files: &PARQUET_FILES,
        write: export_parquet,
    },
    Export {
        name: "html",
        help: "The report as one page for a browser",
        files: &["report.html"],
        write: |report, folder| {
            folder.write("report.html", html(report).as_bytes())?;
            Ok(Vec::new())
        },
    },
    Export {
        name: "svg",
        help: "The timeline as a still picture",
        files: &["timeline.svg"],
        write: |report, folder| {
            folder.write("timeline.svg", picture::svg(report).as_bytes())?;
            Ok(Vec::new())
        },
    },
    #[cfg(feature = "pictures")]
    Export {
        name: "png",
        help: "The timeline as a picture in pixels",
        files: &[PNG],
        write: |report, folder| {
            folder.write(PNG, &picture::png(report)?)?;
            Ok(Vec::new())
        },
    },
    #[cfg(feature = "pictures")]
    Export {
        name: "pdf",
        help: "The timeline as a picture for a paper",
        files: &[PDF],
        write: |report, folder| {
            folder.write(PDF, &picture::pdf(report)?)?;
            Ok(Vec::new())
        },
    },
];

/// The timeline in pixels and as PDF. A program without the feature `pictures` replaces those of another one.
pub(super) const PNG: &str = "timeline.png";
pub(super) const PDF: &str = "timeline.pdf";

/// The note of the archive as a file of its own: a first line that is not a row would break CSV readers.
const NOTE: &str = "NOTE.txt";

const PARQUET_FILES: [&str; 14] = {
    let [spans, peers, rib_tables, rib_entries, doubts] = observations::FILES;
    [
        OUTAGES,
        FLAPS,
        EPISODES,
        EVENTS,
        LOSSES,
        TARGETS,
        TIMELINES,
        EVIDENCE,
        COVERAGE,
        spans,
        peers,
        rib_tables,
        rib_entries,
        doubts,
    ]
};
const OUTAGES: &str = "outages.parquet";
const FLAPS: &str = "flaps.parquet";
const EPISODES: &str = "episodes.parquet";
const EVENTS: &str = "events.parquet";
const LOSSES: &str = "losses.parquet";
const TARGETS: &str = "targets.parquet";
const COVERAGE: &str = "coverage.parquet";
const TIMELINES: &str = "timelines.parquet";
const EVIDENCE: &str = "evidence.parquet";

impl Format {
    /// Returns the format of that name.
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// Prints a report. `style` matters only where people read the output.
    ///
    /// # Errors
    ///
    /// If `out` cannot be written.
    pub fn print(&self, report: &Report, style: Style, out: &mut dyn Write) -> Result<(), Error> {
        (self.print)(report, style, out)
    }
}

impl Export {
    /// Returns the export of that name.
    pub fn named(name: &str) -> Option<&'static Export> {
        EXPORTS.iter().find(|export| export.name == name)
    }
}

fn print_text(text: &str, out: &mut dyn Write) -> Result<(), Error> {
    out.write_all(text.as_bytes()).map_err(|source| Error::Print { source })
}

fn print_csv(report: &Report, _: Style, out: &mut dyn Write) -> Result<(), Error> {
    let mut bytes = Vec::new();
    write_csv("outages", outage_frame(&report.findings.outages)?, cell, &mut bytes)?;
    out.write_all(&bytes).map_err(|source| Error::Print { source })
}

fn print_json(report: &Report, _: Style, out: &mut dyn Write) -> Result<(), Error> {
    let written = serde_json::to_writer_pretty(PrintableJson(&mut *out), &document(report)).map_err(io::Error::from);
    written.and_then(|()| out.write_all(b"\n")).map_err(|source| Error::Print { source })
}

fn print_ndjson(report: &Report, _: Style, out: &mut dyn Write) -> Result<(), Error> {
    for line in lines(report) {
        let written = serde_json::to_writer(PrintableJson(&mut *out), &line).map_err(io::Error::from);
        written.and_then(|()| out.write_all(b"\n")).map_err(|source| Error::Print { source })?;
    }
    Ok(())
}

fn export_csv(report: &Report, folder: &Folder) -> Result<Vec<TableRows>, Error> {
    let findings = &report.findings;
    let tables: [(&'static str, DataFrame); 7] = [
        ("outages.csv", outage_frame(&findings.outages)?),
        ("flaps.csv", flap_frame(&findings.episodes)?),
        ("episodes.csv", episode_frame(&findings.episodes)?),
        ("events.csv", event_frame(&findings.events)?),
        ("losses.csv", loss_frame(&findings.losses)?),
        ("targets.csv", target_frame(report)?),
        ("coverage.csv", coverage_frame(report)?),
    ];
    let write = |(name, frame): (&'static str, DataFrame)| {
        let rows = frame.height();
        folder.stream(name, |file| write_csv(name, frame, cell, file))?;
        Ok((name, rows))
    };
    let rows = tables.into_iter().map(write).collect::<Result<_, Error>>()?;
    if let Some(note) = &report.note {
        folder.write(NOTE, format!("{note}\n").as_bytes())?;
    }
    Ok(rows)
}

fn export_parquet(report: &Report, folder: &Folder) -> Result<Vec<TableRows>, Error> {
    let findings = &report.findings;
    let tables = [
        (OUTAGES, single(|| outage_frame(&findings.outages))),
        (FLAPS, single(|| flap_frame(&findings.episodes))),
        (EPISODES, single(|| episode_frame(&findings.episodes))),
        (EVENTS, single(|| event_frame(&findings.events))),
        (LOSSES, single(|| loss_frame(&findings.losses))),
        (TARGETS, single(|| target_frame(report))),
        (TIMELINES, timeline_frames(report)),
        (EVIDENCE, evidence_frames(report)),
        (COVERAGE, single(|| coverage_frame(report))),
    ];
    let observed = observations::tables(&report.replays, &report.files);
    observations::write_tables(folder, tables.into_iter().chain(observed), report.note.as_deref())
}
