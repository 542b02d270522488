//! MRT bytes (RFC 6396) from any reader as route events.
//!
//! One pass per file: decompress, walk the records, test their raw bytes against the [`Selection`], decode the few
//! that may matter. Whatever is malformed or unusual is decoded in full, so the test can never lose data. Damage is
//! located and counted, and the rest of the file is used.

mod attributes;
pub mod clock;
mod container;
mod control;
mod covers;
#[cfg(test)]
mod differential_tests;
mod envelope;
mod events;
mod lists;
mod losses;
mod mrt;
mod numbers;
mod paths;
mod peer_table;
mod peers;
mod prefilter;
mod prefix_hash;
mod repeats;
mod resync;
mod rib;
#[cfg(test)]
mod samples;
mod selection;
mod skipped_prefixes;
mod updates;
mod walk;
mod wire;

use std::io::Read;

use crate::bgp::{AsPath, Family, Peer, Prefix};
use crate::coverage::{Damage, Skipped};
use crate::crew::Crew;
use crate::time::Timestamp;

pub use clock::{CLOCK_TOLERANCE, Run};
pub use control::{Control, ControlChange};
pub use prefix_hash::CONTROL_RATE;
pub use selection::Selection;
pub use skipped_prefixes::SkippedPrefixes;

/// Index of a peer in [`Reading::peers`] of the same file.
pub type PeerIndex = u32;

/// One RIB entry, announcement, withdrawal or session change, as the collector wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEvent {
    /// When the collector wrote the record: the MRT header, for RIB entries too.
    pub at: Timestamp,
    /// The latest time among the records of its [`Run`] up to this one.
    pub clock: Timestamp,
    /// The number of that run in [`Reading::runs`].
    pub run: u16,
    /// Index of the record in its file, from 0.
    pub record: u64,
    /// Where the record begins, in bytes of the decompressed file.
    pub offset: u64,
    /// Who sent it.
    pub peer: PeerIndex,
    /// What it says.
    pub change: Change,
}

/// What a [`RouteEvent`] says about its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The peer held this route when the RIB dump was written.
    RibEntry {
        /// The prefix.
        prefix: Prefix,
        /// The path identifier, where the dump has one (RFC 7911, 8050).
        path_id: Option<u32>,
        /// The AS path, AS4_PATH merged.
        path: AsPath,
        /// When the route last changed, as the collector remembers it. A hint, never the time of a state.
        originated_at: Timestamp,
    },
    /// The peer announced this route; it replaces an earlier one of the same prefix and path identifier.
    Announce {
        /// The prefix.
        prefix: Prefix,
        /// The path identifier, on sessions that have one (RFC 7911).
        path_id: Option<u32>,
        /// The AS path, AS4_PATH merged (RFC 6793).
        path: AsPath,
    },
    /// The peer withdrew the prefix, or one path of it.
    Withdraw {
        /// The prefix.
        prefix: Prefix,
        /// The path identifier, on sessions that have one.
        path_id: Option<u32>,
    },
    /// The peer has sent its whole table of this family (RFC 4724, section 2).
    EndOfRib {
        /// The family.
        family: Family,
    },
    /// The session reached Established (state 6).
    SessionUp,
    /// The session left Established: a state change from state 6, or a NOTIFICATION that ends an established session.
    SessionDown,
    /// A connection that was not established was closed, or moved on: a state change between other states, or a
    /// NOTIFICATION that refuses a second connection (RFC 4271, section 6.8). An established session goes on beside it.
    ConnectionClosed,
    /// The peer opened a session: an OPEN message.
    Open,
    /// The session is established: the peer's first UPDATE or KEEPALIVE in the file, or after its session closed.
    Alive,
    /// The peer sent a message that cannot be read, or only in part: any prefix may have been in the rest. What could be
    /// read follows as events of the same record.
    Lost(Lost),
    /// The peer sent a message about this prefix, and what it says of it cannot be read.
    Unclear {
        /// The prefix.
        prefix: Prefix,
    },
}

impl Change {
    /// The prefix that it is about, if it is about one.
    pub fn prefix(&self) -> Option<Prefix> {
        match self {
            Change::RibEntry { prefix, .. }
            | Change::Announce { prefix, .. }
            | Change::Withdraw { prefix, .. }
            | Change::Unclear { prefix } => Some(*prefix),
            _ => None,
        }
    }
}

/// What the unread part of a message may have said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Of which families, IPv4 then IPv6.
    pub families: [bool; 2],
    /// Whether it may have withdrawn prefixes.
    pub withdrawals: bool,
    /// Whether it may have announced prefixes.
    pub announcements: bool,
}

impl Lost {
    /// Anything.
    pub const ANYTHING: Lost = Lost { families: [true; 2], withdrawals: true, announcements: true };
}

/// A peer that a file mentions, and how much it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerActivity {
    /// Who.
    pub peer: Peer,
    /// The earliest record that the peer sent (BGP messages, not state changes); nothing if it sent none.
    pub first_at: Option<Timestamp>,
    /// The latest one.
    pub last_at: Option<Timestamp>,
    /// Distinct prefixes that the peer holds in this RIB dump, IPv4 then IPv6; zero in update files.
    pub table_size: [u64; 2],
    /// Minutes since the Unix epoch in which it sent any message, in order of the file.
    pub minutes: Vec<u32>,
    /// Whether a record shows that the session is inside one AS (iBGP): the collector has the AS number of the peer.
    pub is_internal: bool,
}

/// How a file ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// After a whole record, at the end of a whole container.
    #[default]
    Complete,
    /// Early: what the container or the last record lacks. Everything before it was read.
    Truncated(String),
    /// A check sum over all that was read does not fit: any of it may be wrong.
    Corrupt(String),
    /// It never began: not a container or not MRT.
    Unreadable(String),
}

/// How many records of each kind a file holds, decoded or not. A record is of one kind at most; peer tables are of
/// none. `damaged` counts across kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All MRT records.
    pub records: u64,
    /// RIB records: one prefix of TABLE_DUMP_V2, one route or batch of TABLE_DUMP.
    pub rib_records: u64,
    /// BGP messages, sent by peers.
    pub messages: u64,
    /// Session state changes.
    pub state_changes: u64,
    /// Records that say nothing about a peer: state changes of address 0.0.0.0 or AS 0, messages that the collector
    /// itself sent (`_LOCAL` subtypes), routes that are not unicast, protocols other than BGP.
    pub ignored: u64,
    /// Types and subtypes that this version does not read; they might hide unicast routes.
    pub unsupported: u64,
    /// Records that could not be read, or not as a whole, as far as the selection made the reader look: RIB entries
    /// that do not matter to it are walked but not decoded. Bytes after the end of the container count as one, and so do
    /// skipped bytes.
    pub damaged: u64,
}

/// Everything that one archive file says about the selection.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Every peer mentioned, in order of appearance; for a TABLE_DUMP_V2 file, those of its peer table.
    pub peers: Vec<PeerActivity>,
    /// What the selected records say, in file order; inside one UPDATE withdrawals come first (RFC 4271, section 4.3:
    /// a prefix that is both withdrawn and announced is announced).
    pub events: Vec<RouteEvent>,
    /// The prefixes that the file names and that `events` leave out, noted while an origin is selected: by it alone no reader
    /// can know every prefix that matters.
    pub skipped_prefixes: SkippedPrefixes,
    /// What it says about the control sample.
    pub control: Control,
    /// Every record counted.
    pub counts: Counts,
    /// The first [`MAX_DAMAGE`] of them that were damaged.
    pub damage: Vec<Damage>,
    /// Earliest and latest record time, outliers left out.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The runs of records whose times follow one another, in order.
    pub runs: Vec<Run>,
    /// Stretches of bytes inside the file that belong to no record, or to records that do not show whose they are: whatever
    /// was said in them is lost, and any peer may have said it.
    pub skipped: Vec<Skipped>,
    /// How the file ended.
    pub ending: Ending,
    /// The time of the last record in it: up to then a file that ends early was read.
    pub read_until: Option<Timestamp>,
    /// Whether bytes that belong to nothing follow a whole container. They are damage, and take nothing from what is in it.
    pub has_trailing_bytes: bool,
    /// How far a RIB dump reaches, IPv4 then IPv6: the greatest leading 16 bits of its prefixes, among public unicast
    /// addresses; zero where it has none.
    pub last_blocks: [u16; 2],
    /// Whether a TABLE_DUMP_V2 RIB record came before any PEER_INDEX_TABLE, so that its peers are unknown.
    pub lacks_peer_table: bool,
}

impl Reading {
    /// About how much memory it takes, in bytes.
    pub fn n_bytes(&self) -> usize {
        let minutes: usize = self.peers.iter().map(|peer| size_of_val(&peer.minutes[..])).sum();
        size_of::<Reading>()
            + size_of_val(&self.peers[..])
            + minutes
            + size_of_val(&self.events[..])
            + size_of_val(&self.control.prefixes[..])
            + size_of_val(&self.control.changes[..])
            + size_of_val(&self.runs[..])
            + self.skipped_prefixes.n_bytes()
    }

    /// The reading of a file that cannot be read, for this reason.
    pub fn unreadable(why: String) -> Reading {
        Reading { ending: Ending::Unreadable(why), ..Reading::default() }
    }
}

/// Damage is counted without limit and located this often per file.
pub const MAX_DAMAGE: usize = 20;

/// Reads one archive file: gzip, bzip2, Zstandard or plain, recognised by content, all members and streams.
///
/// Never fails: what cannot be read is in [`Reading::ending`], [`Reading::damage`] and [`Counts::damaged`].
pub fn read(input: impl Read + Send, selection: &Selection) -> Reading {
    read_with(input, selection, &Crew::new())
}

/// The same, with the help of a crew in decompressing. The reading is the same with any crew.
pub fn read_with(input: impl Read + Send, selection: &Selection, crew: &Crew) -> Reading {
    events::read(container::decompress(input, crew), selection)
}

/// The decompressed bytes of one archive file. Reading ends with an error where a container is cut or damaged.
pub fn content<'c>(input: impl Read + 'c, crew: &'c Crew) -> impl Read + 'c {
    container::decompress(input, crew)
}
