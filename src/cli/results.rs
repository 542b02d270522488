//! The arguments of an output: what is printed, what is written, and the exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;

use outage_replay::report::{self, Answer, EXPORTS, Export, FORMATS, Format, Report, Style};

use super::choice::one_of;

/// The longest line in characters, however wide the terminal.
const MAX_WIDTH: usize = 200;

/// What is printed and written, and what the exit code means.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// What to print
    #[arg(
        long,
        default_value = FORMATS[0].name,
        value_parser = one_of(FORMATS.iter().map(|format| (format, format.name, format.help))),
        help_heading = "Output"
    )]
    pub format: &'static Format,
    /// Also write the run into this folder: tables, timelines, manifest
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
    /// Fold nothing: every row of every list in the table
    #[arg(long, help_heading = "Output")]
    all: bool,
    /// Replace an earlier run in the --output folder
    #[arg(long, requires = "output", help_heading = "Output")]
    force: bool,
    /// Exit with 4 when an outage was found
    ///
    /// It wins over 3.
    #[arg(long, help_heading = "Output")]
    fail_on_outage: bool,
    /// Exit with 3 when anything is missing: any gap, any file that is not whole, whatever it does to the result
    ///
    /// The result is printed and written all the same. Without it the exit code is 3 only where the rest does not suffice.
    #[arg(long, help_heading = "Output")]
    pub strict: bool,
    /// Threads, at most 1024; 0 for one per core
    ///
    /// Downloads have their own: at most four connections to a host.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = jobs(), help_heading = "Output")]
    pub jobs: usize,
}

impl Output {
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

    /// Prints the report and returns the exit code.
    pub fn print(&self, report: &Report, out: &mut dyn Write) -> anyhow::Result<u8> {
        self.format.print(report, style(self.all), out)?;
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
pub fn style(all: bool) -> Style {
    let stdout = io::stdout();
    let width = match terminal_size::terminal_size_of(&stdout) {
        Some((terminal_size::Width(width), _)) => Some(usize::from(width)),
        None => std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()),
    };
    Style {
        colour: has_colour(stdout.is_terminal(), std::env::var_os("NO_COLOR")),
        width: width.unwrap_or(Style::default().width).min(MAX_WIDTH),
        all,
    }
}

/// Colours need a terminal and no `NO_COLOR` (<https://no-color.org>).
fn has_colour(is_terminal: bool, no_color: Option<OsString>) -> bool {
    is_terminal && no_color.is_none_or(|value| value.is_empty())
}

/// No machine has use for more than a thousand threads, and a hundred thousand would slow each other down.
pub fn jobs() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(0..=1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_no_objection() {
        assert!(has_colour(true, None));
        assert!(has_colour(true, Some("".into())));
        assert!(!has_colour(true, Some("1".into())));
        assert!(!has_colour(false, None));
    }
}
