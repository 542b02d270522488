//! SIGINT (Ctrl-C) and SIGTERM.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Shells add this to the number of the signal that ended a program.
const BY_SIGNAL: u8 = 128;

/// Whether a signal was received. The first one cancels the run, the second one ends the program at once.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    came: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
}

/// A run that a signal cancelled.
#[derive(Debug, thiserror::Error)]
#[error("cancelled{}", if *kept { ": downloaded files are kept; run the same command again to continue" } else { "" })]
pub struct Interrupted {
    /// Whether the run downloaded something, which a later one can use.
    pub kept: bool,
    /// The exit code of the program.
    pub code: u8,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> io::Result<Signals> {
        let signals = Signals::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order: at the second signal, the first handler finds the flag of the last one set.
            flag::register_conditional_shutdown(signal, i32::from(code(signal as usize)), Arc::clone(&signals.came))?;
            flag::register_usize(signal, Arc::clone(&signals.which), signal as usize)?;
            flag::register(signal, Arc::clone(&signals.came))?;
        }
        Ok(signals)
    }

    /// Whether a signal was received.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// Returns the exit code: 130 after SIGINT, 143 after SIGTERM.
    pub fn exit_code(&self) -> u8 {
        code(self.which.load(Ordering::Relaxed))
    }
}

fn code(signal: usize) -> u8 {
    u8::try_from(signal).map_or(BY_SIGNAL, |signal| BY_SIGNAL.saturating_add(signal))
}
