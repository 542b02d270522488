//! How much a run may download, and the question before a large download.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::signals::Signals;
use super::size::amount;

/// Assumptions of estimates: the bytes per second that publishers' servers send, and the time of a request besides, with
/// several requests at once.
pub const DOWNLOAD_RATE: u64 = 5_000_000;
const SECONDS_PER_REQUEST: f64 = 0.05;

/// A download of this size is announced, in bytes.
const WORTH_SAYING: u64 = 100_000_000;
/// How often it is checked whether a signal came while an answer is awaited.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Estimates how many seconds a download takes.
pub fn seconds(n_files: usize, bytes: u64) -> u64 {
    let waiting = n_files as f64 * SECONDS_PER_REQUEST;
    bytes.div_ceil(DOWNLOAD_RATE) + waiting.ceil() as u64
}

/// What a run may download.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// More than this needs consent, in bytes.
    pub limit: u64,
    /// Consent was given before.
    pub yes: bool,
    /// More than this is never downloaded.
    pub budget: Option<u64>,
}

/// What the allowance says of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may begin.
    Allowed,
    /// Somebody has to be asked this.
    Ask(String),
    /// It may not begin, and why.
    Refused(String),
}

impl Allowance {
    /// Returns the allowance of a command whose flags say what it downloads.
    pub fn unlimited() -> Allowance {
        Allowance { limit: u64::MAX, yes: true, budget: None }
    }

    /// Decides about a download of `bytes`, after `before` were allowed.
    pub fn answer(&self, n_files: usize, bytes: u64, before: u64) -> Answer {
        let total = before.saturating_add(bytes);
        if let Some(budget) = self.budget.filter(|budget| total > *budget) {
            return Answer::Refused(format!(
                "downloading {} would take more than --budget {}: name fewer collectors, shorten the window, or choose with --ribs \
                 edges; `outage-replay plan` shows what each part costs",
                download(n_files, total),
                amount(budget)
            ));
        }
        if self.yes || total <= self.limit {
            return Answer::Allowed;
        }
        Answer::Ask(format!("Download {}, about {}?", download(n_files, bytes), time(n_files, bytes)))
    }

    /// Why a run ends that would need consent and cannot ask for it.
    pub fn needs_consent(&self, n_files: usize, bytes: u64) -> String {
        format!(
            "the run would download {}, about {}, which is more than --max-download {}: pass --yes to allow it, or --budget to \
             bound it; `outage-replay plan` shows what it consists of",
            download(n_files, bytes),
            time(n_files, bytes),
            amount(self.limit)
        )
    }
}

/// Describes a large download in a line. None if it is small.
pub fn announcement(n_files: usize, bytes: u64) -> Option<String> {
    (bytes >= WORTH_SAYING).then(|| format!("downloading {}, about {}", download(n_files, bytes), time(n_files, bytes)))
}

fn download(n_files: usize, bytes: u64) -> String {
    let files = if n_files == 1 { "file" } else { "files" };
    format!("{n_files} {files} ({})", amount(bytes))
}

fn time(n_files: usize, bytes: u64) -> String {
    let seconds = seconds(n_files, bytes);
    let rounded = if seconds < 60 { seconds } else { seconds.div_ceil(60) * 60 };
    humantime::format_duration(Duration::from_secs(rounded)).to_string()
}

/// Whether there is a user who can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for consent on the terminal. Anything but yes is no, as is a signal.
pub fn ask(question: &str, signals: &Signals) -> bool {
    if write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stderr().flush()).is_err() {
        return false;
    }
    // Reading cannot be interrupted, waiting can.
    let (answer, answered) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        answer.send(read.map(|_| line))
    });
    loop {
        match answered.recv_timeout(POLL_INTERVAL) {
            Ok(line) => return line.is_ok_and(|line| is_yes(&line)),
            Err(RecvTimeoutError::Timeout) if !signals.came() => {}
            Err(_) => return false,
        }
    }
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance { limit: 1_000_000_000, yes: false, budget: None };

    #[test]
    fn what_exceeds_the_limit_needs_consent() {
        assert_eq!(ALLOWANCE.answer(10, 1_000_000_000, 0), Answer::Allowed);
        let asked = Answer::Ask("Download 1744 files (1.2 GB), about 6m?".to_owned());
        assert_eq!(ALLOWANCE.answer(1744, 1_200_000_000, 0), asked);
        assert!(matches!(ALLOWANCE.answer(1, 1, 1_000_000_000), Answer::Ask(_)));
        assert_eq!(Allowance { yes: true, ..ALLOWANCE }.answer(1744, u64::MAX, 1), Answer::Allowed);
    }

    #[test]
    fn nothing_exceeds_the_budget() {
        let bounded = Allowance { yes: true, budget: Some(500_000_000), ..ALLOWANCE };
        assert_eq!(bounded.answer(10, 500_000_000, 0), Answer::Allowed);
        let Answer::Refused(why) = bounded.answer(10, 1, 500_000_000) else { panic!("it is refused") };
        assert!(why.starts_with("downloading 10 files (500 MB) would take more than --budget 500 MB:"), "{why}");
    }

    #[test]
    fn only_yes_is_consent() {
        assert!(["y\n", "YES", " Yes \r\n"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "yes please", "ja"].into_iter().any(is_yes));
    }
}
