//! How far a run is, on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal, plain lines with `--verbose`, nothing otherwise.
pub struct Progress {
    bar: Mutex<ProgressBar>,
    draws: bool,
    milestones: bool,
    names: bool,
}

impl Progress {
    /// `verbose` counts the flags given.
    pub fn new(quiet: bool, verbose: u8) -> Progress {
        Progress {
            bar: Mutex::new(ProgressBar::hidden()),
            draws: !quiet && verbose == 0 && io::stderr().is_terminal(),
            milestones: verbose > 0,
            names: verbose > 1,
        }
    }

    /// Leaves a clean line behind.
    pub fn finish(&self) {
        if let Ok(bar) = self.bar.lock() {
            bar.finish_and_clear();
        }
    }

    /// The folder with the results is complete.
    pub fn wrote(&self, folder: &Path) {
        if self.milestones {
            self.say(&format!("wrote {}", folder.display()));
        }
    }

    fn say(&self, text: &str) {
        // Nobody to tell is no reason to stop.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

impl outage_replay::pipeline::Progress for Progress {
    fn begin(&self, stage: &str, n_files: usize) {
        if self.milestones {
            self.say(&format!("reading {n_files} files: {stage}"));
        }
        if self.draws
            && let Ok(mut bar) = self.bar.lock()
        {
            bar.finish_and_clear();
            let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} files, {eta} left");
            *bar = ProgressBar::new(n_files as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(stage.to_owned());
        }
    }

    fn file_read(&self, name: &str) {
        if self.names {
            self.say(&format!("read {name}"));
        }
        if self.draws
            && let Ok(bar) = self.bar.lock()
        {
            bar.inc(1);
        }
    }
}
