//! Whether a response arrives fast enough.

use std::time::{Duration, Instant};

use super::Limits;

/// The pace of one response. Silence is noticed elsewhere: this is for servers that always send a little.
pub(super) struct Pace {
    limits: Limits,
    measured_at: Instant,
    received_then: u64,
}

impl Pace {
    /// Begins now, with `held` bytes.
    pub(super) fn new(limits: Limits, held: u64) -> Pace {
        Pace { limits, measured_at: Instant::now(), received_then: held }
    }

    /// Returns why a response with `received` bytes so far is not awaited any longer. `elapsed` is the time since the first attempt.
    pub(super) fn too_slow(&mut self, received: u64, elapsed: Duration) -> Option<String> {
        let Limits { total, slow, min_rate, .. } = self.limits;
        if elapsed > total {
            return Some(format!("too slow: {received} bytes in {total:?}"));
        }
        let measured = self.measured_at.elapsed();
        if measured < slow {
            return None;
        }
        let brought = received - self.received_then;
        if (brought as f64) < min_rate as f64 * measured.as_secs_f64() {
            return Some(format!("too slow: {brought} bytes in {:.0} s", measured.as_secs_f64()));
        }
        (self.measured_at, self.received_then) = (Instant::now(), received);
        None
    }
}
