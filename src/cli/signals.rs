//! Ctrl-C and the wish of the system that the program ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use outage_replay::Error;

/// What a shell adds to the number of the signal that ended a program.
const BY_SIGNAL: u8 = 128;

/// Whether a signal came: the first one is a wish, the second one ends the program at once.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    came: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
}

/// A run that a signal ended.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted {
    /// What the run says.
    pub error: Error,
    /// What the program exits with.
    pub code: u8,
}

impl Signals {
    /// Listens from now on.
    pub fn listen() -> io::Result<Signals> {
        let signals = Signals::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the second one finds what the first one set.
            flag::register_conditional_shutdown(signal, i32::from(code(signal as usize)), Arc::clone(&signals.came))?;
            flag::register_usize(signal, Arc::clone(&signals.which), signal as usize)?;
            flag::register(signal, Arc::clone(&signals.came))?;
        }
        Ok(signals)
    }

    /// Whether to stop.
    pub fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// The exit code of a program that stopped for it: 130 after Ctrl-C, 143 after SIGTERM.
    pub fn exit_code(&self) -> u8 {
        code(self.which.load(Ordering::Relaxed))
    }
}

fn code(signal: usize) -> u8 {
    u8::try_from(signal).map_or(BY_SIGNAL, |signal| BY_SIGNAL.saturating_add(signal))
}
