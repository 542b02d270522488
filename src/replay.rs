//! RIB dumps and ordered updates of one collector as spans of what each vantage point knew.
//!
//! A vantage point has one session per address family: up, syncing, down or unknown. Its routes count only while the session
//! is up. A RIB dump shows the whole table; before the first one, and after every gap in the archive, a prefix without an
//! update is unknown. Without any RIB dump a prefix is known from its first announcement on. If the first update of the
//! prefix is a withdrawal, the vantage point must have held the route: it counts as held since the updates began
//! or were last interrupted.
//!
//! Three components share the work. `Sessions` follows what does not depend on the selection: the peers, their session states
//! and the control sample. `Routes` follows the selected prefixes; sessions reach it only as `Effect`s. [`Replayer`] puts the
//! events of both in order.

mod activity;
mod bits;
mod breaks;
mod control;
mod due;
mod effects;
mod falls;
mod held_paths;
mod identity;
mod index;
mod losses;
mod numbering;
mod outcome;
mod peers;
mod replayer;
mod route;
mod route_doubts;
mod routes;
mod sample;
mod sampled;
mod session;
mod session_doubts;
mod sessions;
mod silence;
mod spans;
mod table;
mod times;
mod whole;

pub use control::{ControlSample, MAX_MISMATCH};

pub use held_paths::{IdentifiedPath, IdentifiedPaths};
pub(crate) use index::index;
pub use index::{DumpIndex, FileIndex, PeerId};
pub use losses::{LossScan, ScannedLosses};
pub use outcome::Replay;
pub use replayer::Replayer;
pub use sample::MIN_SAMPLE;
pub use sampled::{SampleNumbers, SampledTables};
pub use sessions::{MAX_SILENCE, RIB_BACKLOG, RIB_INSTANT, SYNC_TIMEOUT};
pub use spans::{Basis, Corrections, Doubt, DoubtReason, PeerSpan, PeerState, RecordRef, RouteSpan, RouteState};
pub use table::{Holder, RibTable};
pub use times::FileTime;
pub use whole::WholeTable;

#[cfg(test)]
mod tests;
