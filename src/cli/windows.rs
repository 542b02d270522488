//! One question in several windows: what is printed beside the reports, and the exit code of all.

use std::fmt::Write as _;
use std::io::Write;

use outage_replay::report::{Report, verdict};
use outage_replay::time::{Timestamp, Window};

use super::output_failed;
use super::results::Output;

/// The answers so far.
#[derive(Default)]
pub struct Windows {
    /// What is said of each window.
    answers: Vec<(Window, String)>,
    codes: Vec<u8>,
    /// Whether a table was printed: a further one has no heading.
    has_printed: bool,
}

/// Returns a window as it is printed.
pub fn in_words(window: Window) -> String {
    let time = |at: Timestamp| at.to_string().replace('T', " ").replace('Z', "");
    format!("{} to {} UTC", time(window.start), time(window.end))
}

impl Windows {
    /// Prints the report of one window after those of others, and returns its exit code.
    pub fn print(&mut self, output: &Output, report: &Report, out: &mut dyn Write) -> anyhow::Result<u8> {
        let mut text = Vec::new();
        let code = output.print(report, &mut text)?;
        let is_first = !std::mem::replace(&mut self.has_printed, true);
        let mut printed = &text[..];
        match output.format.name {
            "table" => {
                let heading = format!(
                    "{}=== {} ===\n\n",
                    if is_first { "" } else { "\n" },
                    in_words(report.parameters.query.window)
                );
                out.write_all(heading.as_bytes()).map_err(output_failed)?;
            }
            // One heading for all rows.
            "csv" if !is_first => {
                let line = printed.iter().position(|byte| *byte == b'\n').map_or(printed.len(), |end| end + 1);
                printed = &printed[line..];
            }
            _ => {}
        }
        out.write_all(printed).and_then(|()| out.flush()).map_err(output_failed)?;
        Ok(code)
    }

    /// Adds the answer for a window.
    pub fn add(&mut self, window: Window, report: &Report, code: u8) {
        self.answers.push((window, verdict(report)));
        self.codes.push(code);
    }

    /// Adds a window without an answer.
    pub fn failed(&mut self, window: Window) {
        self.answers.push((window, "failed".to_owned()));
        self.codes.push(1);
    }

    /// Returns the answers of all windows.
    pub fn summary(&self) -> String {
        let mut text = "\nAll windows\n".to_owned();
        for (window, answer) in &self.answers {
            let _ = writeln!(text, "{}  {answer}", in_words(*window));
        }
        text
    }

    /// Returns the exit code: 1 if a window failed, then 4, then 3.
    pub fn code(&self) -> u8 {
        [1, 4, 3].into_iter().find(|code| self.codes.contains(code)).unwrap_or_default()
    }
}
