//! What is true of a whole archive file, whatever the selection: its peers and the sizes of their tables, the control
//! sample, how many records it has, and how far they can be relied on.

use super::clock::Run;
use super::control::Control;
use super::peers::PeerActivity;
use crate::coverage::{Damage, Skipped};
use crate::time::Timestamp;

/// The census of one archive file. The default is that of a whole file without any record.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Every peer that the file names, in order of appearance; for a TABLE_DUMP_V2 file, those of its peer table.
    pub peers: Vec<PeerActivity>,
    /// Which peers hold, announce or withdraw the prefixes of the control sample.
    pub control: Control,
    /// How many records the file contains.
    pub counts: RecordCounts,
    /// The first [`MAX_DAMAGE`] damaged records.
    pub damage: Vec<Damage>,
    /// Earliest and latest record time, without outliers.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The runs of records with consistent times, in order.
    pub runs: Vec<Run>,
    /// Ranges of bytes inside the file that belong to no record, or to records that do not name their peer: any peer may
    /// have sent what is lost there.
    pub skipped: Vec<Skipped>,
    /// How the file ended.
    pub ending: Ending,
    /// Time of the last complete record; a truncated file covers the time up to here.
    pub read_until: Option<Timestamp>,
    /// Whether bytes without meaning follow a whole container. They count as damage, but the records are complete.
    pub has_trailing_bytes: bool,
    /// How far a RIB dump reaches, IPv4 then IPv6: the greatest leading 16 bits of its prefixes, among public unicast
    /// addresses; zero if it has none.
    pub last_blocks: [u16; 2],
    /// Whether a RIB dump lists the prefixes of each family in the order of their lengths.
    pub is_by_length: bool,
    /// Whether a TABLE_DUMP_V2 RIB record came before any PEER_INDEX_TABLE, so that its peers are unknown.
    pub lacks_peer_table: bool,
}

/// Damage is counted without limit and located this often per file.
pub const MAX_DAMAGE: usize = 20;

/// How a file ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// After a whole record, at the end of a whole container.
    #[default]
    Complete,
    /// Early: what the container or the last record lacks. Everything before it was read.
    Truncated(String),
    /// A checksum over all that was read does not match: any of it may be wrong.
    Corrupt(String),
    /// The file is not a container of MRT records, or could not be opened.
    Unreadable(String),
}

/// How many records of each kind a file contains, decoded or not. A record is of one kind at most; peer tables are of
/// none. `damaged` counts across kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// All MRT records.
    pub records: u64,
    /// RIB records: one prefix of TABLE_DUMP_V2, one route or batch of TABLE_DUMP.
    pub rib_records: u64,
    /// BGP messages, sent by peers.
    pub messages: u64,
    /// Session state changes.
    pub state_changes: u64,
    /// Records that concern no vantage point: state changes of address 0.0.0.0 or AS 0, messages that the collector itself
    /// sent (`_LOCAL` subtypes), routes that are not unicast, protocols other than BGP.
    pub ignored: u64,
    /// Types and subtypes that this version does not read; they might hide unicast routes.
    pub unsupported: u64,
    /// Records that could not be read completely, as far as the selection made the reader look: RIB entries that do not
    /// match it are walked but not decoded. Bytes after the end of the container count as one, and so does each range of
    /// skipped bytes.
    pub damaged: u64,
}
