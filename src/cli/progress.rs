//! Progress on standard error.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use outage_replay::Error;
use outage_replay::coverage::Verdict;
use outage_replay::report::{Report, printable, verdict};

use super::downloads::{self, Allowance, Answer};
use super::results::{is_dumb, wrote};
use super::signals::{Interrupted, Signals};
use super::size::megabytes;
use super::usage;

/// The most unavailable files that are named. The report contains the others.
const MAX_LOST: usize = 10;

/// Progress bars on a terminal, lines with `--verbose`, and a line for each unavailable file.
pub struct Progress {
    bars: MultiProgress,
    state: Mutex<State>,
    allowance: Allowance,
    signals: Signals,
    quiet: bool,
    is_terminal: bool,
    draws: bool,
    milestones: bool,
    details: bool,
}

struct State {
    reading: ProgressBar,
    downloading: ProgressBar,
    n_announced: usize,
    bytes_announced: u64,
    n_downloaded: usize,
    bytes_received: u64,
    /// What was allowed.
    bytes_allowed: u64,
    /// Why the run was not allowed to download what it needs.
    refusal: Option<String>,
    /// Unavailable files. A file may be read more than once.
    lost: BTreeSet<String>,
}

impl Progress {
    /// Returns the progress of a run. `verbose` is the number of `-v` flags; `signals` may cancel the run.
    pub fn new(quiet: bool, verbose: u8, allowance: Allowance, signals: Signals) -> Progress {
        let is_terminal = io::stderr().is_terminal();
        let draws = !quiet && verbose == 0 && is_terminal && !is_dumb(env::var_os("TERM"));
        let target = if draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress {
            bars: MultiProgress::with_draw_target(target),
            state: Mutex::new(State {
                reading: ProgressBar::hidden(),
                downloading: ProgressBar::hidden(),
                n_announced: 0,
                bytes_announced: 0,
                n_downloaded: 0,
                bytes_received: 0,
                bytes_allowed: 0,
                refusal: None,
                lost: BTreeSet::new(),
            }),
            allowance,
            signals,
            quiet,
            is_terminal,
            draws,
            milestones: verbose > 0,
            details: verbose > 1,
        }
    }

    /// Removes the bars, and prints how many unavailable files were not named.
    pub fn finish(&self) {
        self.clear();
        let n_unnamed = self.state().lost.len().saturating_sub(MAX_LOST);
        if n_unnamed > 0 && !self.quiet {
            self.say(&format!("{n_unnamed} more files are unavailable: the coverage of the report lists them"));
        }
    }

    fn clear(&self) {
        let state = self.state();
        state.reading.finish_and_clear();
        state.downloading.finish_and_clear();
    }

    /// Prints a warning.
    pub fn warn(&self, what: &str) {
        if !self.quiet {
            self.say(&format!("warning: {what}"));
        }
    }

    /// Prints why one of several windows has no answer.
    pub fn failed(&self, why: &str) {
        self.say(&format!("error: {why}"));
    }

    /// Prints which files the output folder has.
    pub fn wrote(&self, folder: &Path) {
        if (self.milestones || self.is_terminal) && !self.quiet {
            self.say(&wrote(folder));
        }
    }

    /// Prints the verdict and the note of the archive, for formats that contain neither.
    pub fn verdict(&self, report: &Report) {
        if let Some(note) = &report.note {
            self.say(&format!("note: {note}"));
        }
        self.say(&format!("verdict: {}", verdict(report)));
    }

    /// Prints why the report is not complete.
    pub fn incomplete(&self, report: &Report) {
        let n_gaps = report.coverage.gaps.len();
        let n_files = report.files.iter().filter(|file| file.verdict != Verdict::Ok).count();
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let (gaps, files) = (count(n_gaps, "gap"), count(n_files, "file"));
        self.say(&format!("--strict: {gaps}, and {files} not read completely"));
    }

    /// Returns the error of a run. If a signal cancelled it, the error has the exit code of that signal.
    pub fn interrupted(&self, error: Error) -> anyhow::Error {
        self.clear();
        let interrupted = || {
            let kept = self.state().bytes_received > 0;
            anyhow::Error::new(Interrupted { kept, code: self.signals.exit_code() })
        };
        match error {
            Error::Cancelled => interrupted(),
            Error::NotDownloaded { .. } if self.signals.came() => interrupted(),
            Error::NotDownloaded { .. } => match self.state().refusal.take() {
                Some(why) => usage(why),
                None => error.into(),
            },
            error => error.into(),
        }
    }

    /// The same of any error that the run may have had.
    pub fn interrupted_any(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<Error>() {
            Ok(error) => self.interrupted(error),
            Err(error) => error,
        }
    }

    fn say(&self, text: &str) {
        // Names come from servers and file systems, so control characters are escaped. A closed standard error is ignored.
        let text = printable(text);
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn bar(&self, length: u64, template: &str) -> ProgressBar {
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bars.add(ProgressBar::new(length).with_style(style.progress_chars("█▉▊▋▌▍▎▏ ")))
    }
}

impl outage_replay::pipeline::Progress for Progress {
    fn begin(&self, n_rib_dumps: usize, n_update_files: usize) {
        if self.milestones {
            self.say(&format!("reading {n_rib_dumps} RIB dumps and {n_update_files} update files"));
        }
        let n_files = n_rib_dumps + n_update_files;
        let mut state = self.state();
        state.reading.finish_and_clear();
        state.reading =
            self.bar(n_files as u64, "{msg:17} {bar:16} {pos}/{len} files, {eta} left").with_message("reading");
    }

    fn added(&self, n_files: usize) {
        self.state().reading.inc_length(n_files as u64);
    }

    fn file_read(&self, name: &str) {
        if self.details {
            self.say(&format!("read {name}"));
        }
        self.state().reading.inc(1);
    }

    fn file_lost(&self, name: &str, why: &str) {
        let mut state = self.state();
        state.reading.inc(1);
        let is_new = state.lost.insert(name.to_owned());
        let n_lost = state.lost.len();
        drop(state);
        if is_new && n_lost <= MAX_LOST && !self.quiet {
            self.say(&format!("{name}: {why}"));
        }
    }

    fn announced(&self, n_files: usize, bytes: u64) {
        let mut state = self.state();
        if state.n_announced == 0 {
            let template = "downloading       {bar:16} {decimal_bytes}/{decimal_total_bytes}, {msg} files, \
                            {decimal_bytes_per_sec}, {eta} left";
            state.downloading = self.bar(0, template);
        }
        state.n_announced += n_files;
        state.bytes_announced += bytes;
        state.downloading.set_length(state.bytes_announced);
        state.downloading.set_message(format!("{}/{}", state.n_downloaded, state.n_announced));
        drop(state);
        if self.milestones {
            self.say(&format!("downloading {n_files} files (about {})", megabytes(bytes)));
        }
    }

    fn listing(&self, url: &str) {
        if self.draws || self.milestones {
            self.say(&format!("asking {url} for its list of files"));
        }
    }

    fn may_download(&self, n_files: usize, bytes: u64) -> bool {
        let before = self.state().bytes_allowed;
        let answer = self.allowance.answer(n_files, bytes, before);
        // What a finding needs besides is no reason for a question.
        let is_first = before == 0;
        let may = match &answer {
            Answer::Allowed => true,
            Answer::Ask(question) if is_first && !self.quiet && downloads::can_ask() => {
                self.bars.suspend(|| downloads::ask(question, &self.signals))
            }
            _ => false,
        };
        let mut state = self.state();
        if may {
            state.bytes_allowed += bytes;
        } else if is_first {
            state.refusal = Some(match answer {
                Answer::Refused(why) => why,
                _ => self.allowance.needs_consent(n_files, bytes),
            });
        }
        drop(state);
        let said = match (may, is_first) {
            (true, _) => downloads::announcement(n_files, bytes),
            (false, true) => None,
            (false, false) => Some(format!(
                "{n_files} more RIB dumps would show the outages more exactly, but were not downloaded: they would exceed the limit \
                 (--max-download, --budget)"
            )),
        };
        if let Some(said) = said.filter(|_| !self.quiet) {
            self.say(&said);
        }
        may
    }

    fn received(&self, bytes: u64) {
        let mut state = self.state();
        state.bytes_received += bytes;
        state.downloading.inc(bytes);
    }

    fn downloaded(&self, name: &str) {
        if self.details {
            self.say(&format!("downloaded {name}"));
        }
        let mut state = self.state();
        state.n_downloaded += 1;
        state.downloading.set_message(format!("{}/{}", state.n_downloaded, state.n_announced));
        if state.n_downloaded >= state.n_announced {
            state.downloading.finish_and_clear();
        }
    }

    fn retrying(&self, url: &str, why: &str, pause: Duration) {
        if self.milestones {
            self.say(&format!("{url}: {why}; retrying in {:.1} s", pause.as_secs_f64()));
        }
    }

    fn warning(&self, what: &str) {
        self.warn(what);
    }

    fn is_cancelled(&self) -> bool {
        self.signals.came()
    }
}
