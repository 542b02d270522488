//! How far a run is, on standard error.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use outage_replay::Error;
use outage_replay::coverage::Verdict;
use outage_replay::report::{Report, verdict};

use super::signals::{Interrupted, Signals};
use super::terminal::printable;

/// So many files that could not be had are named; of the others the report speaks.
const MAX_LOST: usize = 10;

/// Bars on a terminal, plain lines with `--verbose`, and a line for each file that could not be had.
pub struct Progress {
    bars: MultiProgress,
    state: Mutex<State>,
    signals: Signals,
    quiet: bool,
    milestones: bool,
    details: bool,
}

struct State {
    reading: ProgressBar,
    downloading: ProgressBar,
    n_announced: usize,
    bytes_announced: u64,
    n_downloaded: usize,
    /// Files are read more than once, and lost only once.
    lost: BTreeSet<String>,
}

impl Progress {
    /// `verbose` counts the flags given; `signals` may stop the run.
    pub fn new(quiet: bool, verbose: u8, signals: Signals) -> Progress {
        let draws = !quiet && verbose == 0 && io::stderr().is_terminal();
        let target = if draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress {
            bars: MultiProgress::with_draw_target(target),
            state: Mutex::new(State {
                reading: ProgressBar::hidden(),
                downloading: ProgressBar::hidden(),
                n_announced: 0,
                bytes_announced: 0,
                n_downloaded: 0,
                lost: BTreeSet::new(),
            }),
            signals,
            quiet,
            milestones: verbose > 0,
            details: verbose > 1,
        }
    }

    /// Leaves a clean line behind, and says how much was lost.
    pub fn finish(&self) {
        let state = self.state();
        state.reading.finish_and_clear();
        state.downloading.finish_and_clear();
        let n_unnamed = state.lost.len().saturating_sub(MAX_LOST);
        drop(state);
        if n_unnamed > 0 && !self.quiet {
            self.say(&format!("{n_unnamed} more files could not be had; the coverage of the report has them"));
        }
    }

    /// What was found and is not used.
    pub fn warn(&self, what: &str) {
        if !self.quiet {
            self.say(&format!("warning: {what}"));
        }
    }

    /// The folder with the results is complete.
    pub fn wrote(&self, folder: &Path) {
        if self.milestones {
            self.say(&format!("wrote {}", folder.display()));
        }
    }

    /// The answer in a word, and what the archive says about itself, where standard output has no place for them.
    pub fn verdict(&self, report: &Report) {
        if let Some(note) = &report.note {
            self.say(&format!("note: {note}"));
        }
        self.say(&format!("verdict: {}", verdict(report)));
    }

    /// What keeps the report from being complete.
    pub fn incomplete(&self, report: &Report) {
        let n_gaps = report.coverage.gaps.len();
        let n_files = report.files.iter().filter(|file| file.verdict != Verdict::Ok).count();
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let (gaps, files) = (count(n_gaps, "gap"), count(n_files, "file"));
        self.say(&format!("--strict: {gaps}, and {files} read less than whole"));
    }

    /// The error of a run; where a signal ended it, with the exit code that tells so.
    pub fn interrupted(&self, error: Error) -> anyhow::Error {
        match error {
            Error::Cancelled => anyhow::Error::new(Interrupted { error, code: self.signals.exit_code() }),
            error => error.into(),
        }
    }

    fn say(&self, text: &str) {
        // What a server or a file name says may not steer the terminal. Nobody to tell is no reason to stop.
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
            self.say(&format!("downloading {n_files} files of about {:.1} MB", bytes as f64 / 1e6));
        }
    }

    fn received(&self, bytes: u64) {
        self.state().downloading.inc(bytes);
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
            self.say(&format!("{url}: {why}; again in {:.1} s", pause.as_secs_f64()));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.signals.came()
    }
}
