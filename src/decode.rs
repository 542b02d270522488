//! MRT bytes (RFC 6396) from any reader as route events.
//!
//! Every file is read in one pass: the container is decompressed (`container`), records are framed (`walk`), a fast check of
//! raw bytes skips those that cannot match the [`Selection`] (`prefilter`), and the few others are decoded (`records`,
//! `rib`). Malformed and unusual records are decoded in full, so the check never loses data. Damage is located and counted,
//! and the rest of the file is used.

mod attributes;
mod by_length;
mod census;
pub mod clock;
mod container;
mod control;
mod covering;
#[cfg(test)]
mod differential_tests;
mod envelope;
mod limits;
mod lists;
pub mod lookup;
mod losses;
mod mrt;
mod numbers;
mod paths;
mod peer_table;
mod peers;
mod prefilter;
mod prefix_hash;
mod reading_builder;
mod records;
mod repeats;
mod resync;
mod rib;
mod rib_entries;
#[cfg(test)]
mod samples;
mod selection;
mod skipped_prefixes;
mod updates;
mod walk;
mod wire;

use std::io::Read;

use crate::bgp::{AsPath, Family, Prefix};
use crate::helpers::Helpers;
use crate::time::Timestamp;

pub use by_length::MaxLengths;
pub use census::{Census, Ending, MAX_DAMAGE, RecordCounts};
pub use clock::{CLOCK_TOLERANCE, Run};
pub use control::{Control, ControlChange};
pub use peers::PeerActivity;
pub use prefix_hash::CONTROL_RATE;
pub use rib_entries::{RibEntries, RibEntry, RibRecord};
pub use selection::Selection;
pub use skipped_prefixes::SkippedPrefixes;

/// Index of a peer in [`Census::peers`] of the same file.
pub type PeerIndex = u32;

/// One announcement, withdrawal or session change, as the collector wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEvent {
    /// When the collector wrote the record.
    pub at: Timestamp,
    /// The latest time among the records of its [`Run`] up to this one.
    pub clock: Timestamp,
    /// The number of that run in [`Census::runs`].
    pub run: u16,
    /// Index of the record in its file, from 0.
    pub record: u64,
    /// Where the record begins, in bytes of the decompressed file.
    pub offset: u64,
    /// The peer that it is about.
    pub peer: PeerIndex,
    /// What changed.
    pub change: Change,
}

/// What a [`RouteEvent`] changes for its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
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
    /// The peer sent a message that cannot be read completely: any prefix may have been in the rest. The readable part
    /// follows as events of the same record.
    Lost(Lost),
    /// The peer sent a message that names this prefix in a form that is unreadable or ambiguous.
    Unclear {
        /// The prefix.
        prefix: Prefix,
    },
}

impl Change {
    /// The prefix of the route; None for changes of a session.
    pub fn prefix(&self) -> Option<Prefix> {
        match self {
            Change::Announce { prefix, .. } | Change::Withdraw { prefix, .. } | Change::Unclear { prefix } => {
                Some(*prefix)
            }
            _ => None,
        }
    }
}

/// What the unread part of a message may have contained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Whether it may have contained prefixes of a family, IPv4 then IPv6.
    pub families: [bool; 2],
    /// Whether it may have withdrawn prefixes.
    pub withdrawals: bool,
    /// Whether it may have announced prefixes.
    pub announcements: bool,
}

impl Lost {
    /// Withdrawals and announcements of both families.
    pub const ANYTHING: Lost = Lost { families: [true; 2], withdrawals: true, announcements: true };
}

/// The content of one archive file: what is true of the whole file, and what it says about the selection. The default is
/// that of a whole file without any record.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What is true of the whole file, whatever the selection.
    pub census: Census,
    /// The events of the selected routes and of all sessions, in file order; inside one UPDATE withdrawals come first (RFC
    /// 4271, section 4.3: a prefix that is both withdrawn and announced is announced).
    pub events: Vec<RouteEvent>,
    /// The entries of the selected routes in a RIB dump.
    pub rib: RibEntries,
    /// The prefixes that the file names but `events` and `rib` leave out, noted while an origin is selected: an origin AS
    /// stands for prefixes that may be known only after the file was read.
    pub skipped_prefixes: SkippedPrefixes,
}

impl Reading {
    /// About how much memory it takes, in bytes.
    pub fn n_bytes(&self) -> usize {
        let Reading { census, events, rib, skipped_prefixes } = self;
        let Census { peers, control, runs, .. } = census;
        let minutes: usize = peers.iter().map(|peer| size_of_val(&peer.minutes[..])).sum();
        let control = size_of_val(&control.prefixes[..]) + size_of_val(&control.changes[..]);
        let of_census = size_of_val(&peers[..]) + minutes + control + size_of_val(&runs[..]);
        size_of::<Reading>() + of_census + size_of_val(&events[..]) + rib.n_bytes() + skipped_prefixes.n_bytes()
    }

    /// The reading of a file that cannot be read, for this reason.
    pub fn unreadable(why: String) -> Reading {
        Reading { census: Census { ending: Ending::Unreadable(why), ..Census::default() }, ..Reading::default() }
    }
}

/// Reads one archive file: gzip, bzip2, Zstandard or plain, recognised by content, all members and streams.
///
/// Never fails: [`Census::ending`], [`Census::damage`] and [`RecordCounts::damaged`] describe what could not be read.
pub fn read(input: impl Read + Send, selection: &Selection) -> Reading {
    read_with(input, selection, &Helpers::new())
}

/// Reads one archive file like [`read`], while helper threads decompress blocks of it. The result does not depend on them.
pub fn read_with(input: impl Read + Send, selection: &Selection, helpers: &Helpers) -> Reading {
    records::read(container::decompress(input, helpers), selection)
}

/// Reads the beginning of a RIB dump that is sorted by length, until no prefix up to `max_lengths` is left. The census of the
/// whole file has to come from an earlier reading: see [`Reading::extended_with`].
pub fn read_beginning(
    input: impl Read + Send,
    selection: &Selection,
    helpers: &Helpers,
    max_lengths: MaxLengths,
) -> Reading {
    records::read_beginning(container::decompress(input, helpers), selection, max_lengths)
}

/// The decompressed bytes of one archive file. Reading ends with an error where a container is truncated or damaged.
pub fn content<'c>(input: impl Read + 'c, helpers: &'c Helpers) -> impl Read + 'c {
    container::decompress(input, helpers)
}
