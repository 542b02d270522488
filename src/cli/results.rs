//! The arguments of an output: what is printed, what is written, and the exit code.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use terminal_size::{Height, Width};

use outage_replay::report::{self, Answer, EXPORTS, Export, FORMATS, Format, Report, Style, printable};

use outage_replay::time::{Timestamp, Window};

use super::choice::one_of;
use super::labels::LabelArgs;
use super::memory::MemoryLimit;
use super::{output_failed, typed};

/// The longest line in characters, however wide the terminal.
const MAX_WIDTH: usize = 200;
/// No machine has use for more than a thousand threads, and a hundred thousand would slow each other down.
pub const MAX_JOBS: usize = 1024;

/// Endings of file names that users pass to --output by mistake, and the file that they expect.
const OUTPUTS: [(&str, &str); 6] = [
    ("html", "report.html"),
    ("svg", "timeline.svg"),
    ("png", "timeline.png"),
    ("csv", "outages.csv"),
    ("parquet", "outages.parquet"),
    ("json", "manifest.json"),
];

/// Names the files of an output folder, those first that people open.
pub fn wrote(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let n_files = names.len();
    names.retain(|name| !name.ends_with(".parquet") && name != NOTE);
    let place = |name: &String| OUTPUTS.iter().position(|(_, file)| file == name).unwrap_or(OUTPUTS.len());
    names.sort_by_key(|name| (place(name), name.clone()));
    let paths: Vec<String> = names.iter().map(|name| folder.join(name).display().to_string()).collect();
    match n_files - names.len() {
        0 => format!("wrote {}", paths.join(", ")),
        1 => format!("wrote {}, and 1 more file", paths.join(", ")),
        n => format!("wrote {}, and {n} more files", paths.join(", ")),
    }
}

/// The note of the archive, which the other files contain.
const NOTE: &str = "NOTE.txt";

/// When colours are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

impl Colour {
    /// Parses its name.
    pub fn parser() -> impl TypedValueParser<Value = Colour> {
        one_of([
            (Colour::Auto, "auto", "On a terminal, without NO_COLOR, unless TERM is dumb"),
            (Colour::Always, "always", ""),
            (Colour::Never, "never", ""),
        ])
    }
}

/// What is printed and written, and what the exit code means.
#[derive(Clone, Debug, clap::Args)]
pub struct Output {
    /// What to print
    #[arg(
        long,
        default_value = FORMATS[0].name,
        value_parser = one_of(FORMATS.iter().map(|format| (format, format.name, format.help))),
        help_heading = "Output"
    )]
    pub format: &'static Format,
    /// Also write the run into this folder: report.html, tables, timelines, manifest
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Which files to write with --output
    ///
    /// A comma list. manifest.json is always written.
    #[arg(
        long,
        value_name = "KIND",
        value_parser = one_of(EXPORTS.iter().map(|export| (export, export.name, export.help))),
        value_delimiter = ',',
        default_value = "csv,parquet,html",
        requires = "output",
        help_heading = "Output"
    )]
    export: Vec<&'static Export>,
    #[command(flatten)]
    pub labels: LabelArgs,
    /// Show every row of every list in the table
    #[arg(long, help_heading = "Output")]
    pub all: bool,
    /// Whether to print colours
    #[arg(long, value_name = "WHEN", value_parser = Colour::parser(), default_value = "auto", help_heading = "Output")]
    color: Colour,
    /// Replace an earlier run in the --output folder
    #[arg(long, requires = "output", help_heading = "Output")]
    force: bool,
    /// Exit with 4 when an outage was found
    ///
    /// It takes precedence over exit code 3.
    #[arg(long, help_heading = "Output")]
    fail_on_outage: bool,
    /// Exit with 3 when anything is missing: any gap, any incomplete file, even if the result is not affected
    ///
    /// The result is still printed and written. Without this flag the exit code is 3 only if the remaining data do not suffice.
    #[arg(long, help_heading = "Output")]
    pub strict: bool,
    /// Threads, at most 1024; 0 for one per core. Beyond 64, or four for each core, more change nothing
    ///
    /// Downloads have their own: at most four connections to a host.
    #[arg(long, value_name = "N", default_value = "0", value_parser = typed::number(0..=MAX_JOBS), help_heading = "Settings")]
    pub jobs: usize,
    #[command(flatten)]
    pub memory: MemoryLimit,
}

impl Output {
    /// Returns the same for one of several windows, which has a folder of its own in the output folder.
    pub fn of_window(&self, window: Window) -> Output {
        let name = |at: Timestamp| at.to_string().replace(['-', ':'], "");
        let name = format!("{}-{}", name(window.start), name(window.end));
        Output { output: self.output.as_ref().map(|folder| folder.join(name)), ..self.clone() }
    }

    /// Checks that the output folder can be written, before the work begins.
    pub fn check(&self) -> anyhow::Result<()> {
        match &self.output {
            Some(folder) => Ok(report::check_folder(folder, self.force)?),
            None => Ok(()),
        }
    }

    /// Writes the output folder, if there is one, and returns it.
    pub fn write(&self, report: &Report) -> anyhow::Result<Option<&Path>> {
        let Some(folder) = self.output.as_deref() else { return Ok(None) };
        report::write(report, folder, &self.export, self.force)?;
        Ok(Some(folder))
    }

    /// Returns what is surprising about the name of the output folder: it looks like that of a file.
    pub fn surprise(&self) -> Option<String> {
        let folder = self.output.as_deref()?;
        let ending = folder.extension()?.to_str()?;
        let file = OUTPUTS.iter().find(|(own, _)| *own == ending).map(|(_, file)| folder.join(file))?;
        Some(format!("{} is a folder: the file is {}", folder.display(), file.display()))
    }

    /// Prints the report of observations, writes the output folder, and returns the exit code.
    pub fn deliver(&self, report: &Report, quiet: bool, out: &mut dyn Write) -> anyhow::Result<u8> {
        // CSV has no verdict, so it goes to standard error; a closed standard error is ignored.
        if !self.format.has_verdict && !quiet {
            if let Some(note) = &report.note {
                let _ = writeln!(io::stderr(), "{}", printable(&format!("note: {note}")));
            }
            let _ = writeln!(io::stderr(), "verdict: {}", report.answer().name().replace('_', " "));
        }
        // The result is not lost if the folder cannot be written.
        let code = self.print(report, out);
        let folder = self.write(report)?;
        if let Some(folder) = folder.filter(|_| io::stderr().is_terminal() && !quiet) {
            let _ = writeln!(io::stderr(), "{}", printable(&wrote(folder)));
        }
        code
    }

    /// Prints the report and returns the exit code.
    pub fn print(&self, report: &Report, out: &mut dyn Write) -> anyhow::Result<u8> {
        self.format.print(report, style(self.all, self.color), out)?;
        out.flush().map_err(output_failed)?;
        Ok(exit_code(report, self.fail_on_outage, self.strict))
    }
}

/// Returns 0 if the data suffice, 3 if not, and 4 for an outage with --fail-on-outage.
fn exit_code(report: &Report, fail_on_outage: bool, strict: bool) -> u8 {
    match report.answer() {
        Answer::Outage if fail_on_outage => 4,
        _ if !report.is_sufficient() || (strict && !report.is_complete()) => 3,
        _ => 0,
    }
}

/// Returns the style of pages on standard output. In a pipe, the width is that of the variable `COLUMNS`.
pub fn style(all: bool, colour: Colour) -> Style {
    let stdout = io::stdout();
    let (width, height) = match terminal_size::terminal_size_of(&stdout) {
        Some((Width(width), Height(height))) => (Some(usize::from(width)), Some(usize::from(height))),
        None => (env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()), None),
    };
    Style {
        colour: match colour {
            Colour::Auto => has_colour(stdout.is_terminal(), |name| env::var_os(name)),
            Colour::Always => true,
            Colour::Never => false,
        },
        width: width.unwrap_or(Style::default().width).min(MAX_WIDTH),
        all,
        height,
    }
}

/// Colours need a terminal that has them, and no `NO_COLOR` (<https://no-color.org>).
fn has_colour(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    is_terminal && variable("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb(variable("TERM"))
}

/// Whether a terminal can only print characters, by its variable `TERM`.
pub fn is_dumb(term: Option<OsString>) -> bool {
    term.is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_that_has_them_and_no_objection() {
        let with = |name: &'static str, value: &'static str| {
            has_colour(true, move |asked| (asked == name).then(|| OsString::from(value)))
        };
        assert!(with("NO_COLOR", "") && with("TERM", "xterm-256color"));
        assert!(!with("NO_COLOR", "1") && !with("TERM", "dumb"));
        assert!(!has_colour(false, |_| None));
    }
}
