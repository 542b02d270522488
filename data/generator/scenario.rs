//! A scenario as typed values. One statement a line; names must be defined above the line that uses them.

mod options;
mod statements;

use std::net::IpAddr;

use outage_replay::bgp::{Asn, Family, Project};
use outage_replay::time::{Timestamp, Window};

use super::words::{Nlri, Path, ScenarioError};

/// Index of a collector in [`Scenario::collectors`].
pub type CollectorIndex = usize;
/// Index of a peer in [`Scenario::peers`].
pub type PeerIndex = usize;

/// Everything that a scenario says.
#[derive(Debug)]
pub struct Scenario {
    pub name: Option<String>,
    pub note: Option<String>,
    /// From the first RIB dump to the end of the last update file.
    pub span: Window,
    pub collectors: Vec<CollectorSpec>,
    pub peers: Vec<PeerSpec>,
    /// What the peers hold at the start, in the order of the text; a later one replaces an earlier one.
    pub routes: Vec<InitialRoute>,
    /// Background changes of table prefixes.
    pub noise: Vec<Noise>,
    pub happenings: Vec<Happening>,
    pub ribs: Vec<RibSpec>,
    pub raws: Vec<Raw>,
    /// Files that are not published.
    pub skips: Vec<FileName>,
    /// Files that are published damaged.
    pub breaks: Vec<(FileName, Break)>,
    /// Second files of a moment, in another container.
    pub copies: Vec<Copy>,
    /// Stretches in which records are written otherwise than they should be.
    pub writings: Vec<Writing>,
}

/// When files begin: every `period` seconds, `phase` seconds after midnight UTC.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    pub period: i64,
    pub phase: i64,
}

/// A collector and how it writes.
#[derive(Debug)]
pub struct CollectorSpec {
    pub name: String,
    pub project: Project,
    pub updates: Option<Grid>,
    pub ribs: Option<Grid>,
    pub container: Container,
    pub rib_format: RibFormat,
    /// How long the writing of a RIB dump takes, in seconds.
    pub rib_span: u64,
    /// Whether session state changes, OPEN and KEEPALIVE messages are recorded (Quagga: `dump bgp all`).
    pub records_states: bool,
    /// Seconds between the KEEPALIVE messages of a peer.
    pub keepalives: Option<u64>,
    /// Whether every update record has microseconds.
    pub extended_time: bool,
    /// How far the clock is ahead, in seconds.
    pub clock: i64,
    /// How far the time in file names is ahead of UTC, in seconds.
    pub name_offset: i64,
    /// Whether the peer table begins with AS0 0.0.0.0, as Quagga writes it.
    pub has_dummy_peer: bool,
    /// Whether the peer table leaves out peers without routes.
    pub lists_present_only: bool,
    /// Whether RIB dumps list short prefixes first, then by address, as those of RIPE RIS do since 2023.
    pub sorts_by_length: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Gzip,
    Bzip2,
    Zstandard,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RibFormat {
    TableDump,
    TableDumpV2,
}

/// A session of a collector.
#[derive(Debug)]
pub struct PeerSpec {
    pub name: String,
    pub collector: CollectorIndex,
    pub asn: Asn,
    pub address: IpAddr,
    /// Whether the session carries AS numbers of two octets.
    pub is_two_octet: bool,
    pub has_add_path: bool,
    /// Whether its records are of MRT type 5, as in 1999.
    pub is_legacy: bool,
    /// Whether the session is down at the start.
    pub is_idle: bool,
    /// Whether peer tables leave it out.
    pub is_unlisted: bool,
    /// How much of every `table` it holds, in percent.
    pub share: u64,
}

/// A route held at the start.
#[derive(Debug)]
pub struct InitialRoute {
    pub peer: PeerIndex,
    pub route: RouteSpec,
    /// When it last changed.
    pub since: Option<Timestamp>,
    /// For routes of a table: a second path that background changes switch to.
    pub alternative: Option<Path>,
}

/// A prefix with its path, the peer's own AS in front.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    pub nlri: Nlri,
    pub path_id: u32,
    pub path: Path,
}

#[derive(Debug)]
pub struct Noise {
    pub period: u64,
    pub collectors: Vec<CollectorIndex>,
}

/// Something that peers do at a moment.
#[derive(Debug)]
pub struct Happening {
    pub line: usize,
    pub at: Timestamp,
    pub peers: Vec<PeerIndex>,
    pub deed: Deed,
    pub manner: Manner,
}

#[derive(Debug)]
pub enum Deed {
    /// One UPDATE.
    Update(Vec<Edit>),
    Down,
    Up {
        transfer: u64,
        ends_with_end_of_rib: bool,
        without: Vec<Prefixes>,
    },
    /// One record of a state change, without effect on the simulated session.
    State {
        old: u16,
        new: u16,
    },
    Open,
    Keepalive,
    Notification,
    EndOfRib(Family),
    /// A BGP message of this type and body.
    Message {
        kind: u8,
        body: Vec<u8>,
    },
}

/// Part of one UPDATE.
#[derive(Debug)]
pub enum Edit {
    Withdraw {
        prefixes: Prefixes,
        path_id: u32,
    },
    /// Without a path: the one that the peer last had for the prefix.
    Announce {
        prefixes: Prefixes,
        path_id: u32,
        path: Option<Path>,
    },
}

#[derive(Debug)]
pub enum Prefixes {
    These(Vec<Nlri>),
    /// All that the peer holds, or last held.
    Everything,
}

/// How a happening is spread over peers and time, and how it is recorded.
#[derive(Debug, Default)]
pub struct Manner {
    /// Seconds from the first peer to the last.
    pub spread: u64,
    /// Changes the order of the peers.
    pub shuffle: Option<u64>,
    /// Seconds between repetitions.
    pub every: i64,
    pub times: i64,
    /// The time in the record's header, where it is not the time of the happening.
    pub stamped: Option<Timestamp>,
    /// Whether the record says that the collector itself sent the message.
    pub is_local: bool,
    /// Whether IPv4 prefixes travel in MP_REACH_NLRI and MP_UNREACH_NLRI.
    pub uses_mp: bool,
    /// Whether the path is written without the peer's own AS in front.
    pub is_verbatim: bool,
}

/// One RIB dump beside those of the grid, or instead of one.
#[derive(Debug)]
pub struct RibSpec {
    pub collector: CollectorIndex,
    pub at: Timestamp,
    pub span: Option<u64>,
    pub format: Option<RibFormat>,
    /// How many percent of the RIB records are written.
    pub cut: u64,
    pub omitted: Vec<(Vec<PeerIndex>, Omission)>,
    /// Routes listed although the peers do not hold them.
    pub stale: Vec<(PeerIndex, RouteSpec)>,
    /// Prefixes whose entries are spread over two records.
    pub split: Vec<Nlri>,
    /// Prefixes written as multicast.
    pub multicast: Vec<Nlri>,
    pub has_path_ids: bool,
    pub has_peer_table: bool,
    /// Whether everything is in the file twice.
    pub is_twice: bool,
    /// Whether IPv4 addresses of peers are written as `::ffff:a.b.c.d`.
    pub is_mapped: bool,
    /// Whether the peer table gives AS 0 to every peer.
    pub has_no_asns: bool,
    /// How many zero octets follow the last entry of the peer table.
    pub left_over: usize,
}

#[derive(Debug)]
pub enum Omission {
    Prefixes(Prefixes),
    /// Percent of the table.
    Share(u64),
}

/// A record written by hand.
#[derive(Debug)]
pub struct Raw {
    pub file: FileName,
    /// Type and subtype; without them the bytes have their own header, or none.
    pub kind: Option<(u16, u16)>,
    pub bytes: Vec<u8>,
}

/// An archive file by the moment that its name stands for; for updates any moment in its slot.
#[derive(Debug)]
pub struct FileName {
    pub line: usize,
    pub collector: CollectorIndex,
    pub is_rib: bool,
    pub at: Timestamp,
}

/// A second file beside the one of the same moment, which is whole.
#[derive(Debug)]
pub struct Copy {
    pub file: FileName,
    pub container: Container,
    pub damage: Option<Break>,
}

/// How the records of some peers are written in a stretch of time, whatever the peers really said.
#[derive(Debug)]
pub struct Writing {
    pub peers: Vec<PeerIndex>,
    pub span: Window,
    pub how: How,
}

#[derive(Clone, Copy, Debug)]
pub enum How {
    /// Not at all.
    Lost,
    /// With a time that is so many seconds too late, or too early.
    Stamped(i64),
    /// By a clock that is ahead by so much, which also says to which file they go.
    Clock(i64),
    /// With microseconds (`BGP4MP_ET`), these.
    Micros(u32),
    /// UPDATE messages end after so many octets. Their header states the full length.
    Cut(usize),
    /// UPDATE messages have AS numbers of the width that the record does not state.
    OtherWidth,
    /// Segments of AS paths have a type that is not defined.
    UnknownSegment,
    /// The message has path identifiers and the record does not say so, or the reverse.
    OtherPathIds,
    /// The first prefix of every list has an impossible length.
    BadLength,
    /// The reserved octet of MP_REACH_NLRI has this value.
    Reserved(u8),
    /// All prefixes are in MP_REACH_NLRI and MP_UNREACH_NLRI, with this subsequent address family.
    Safi(u8),
    /// IPv4 addresses of both ends are written as `::ffff:a.b.c.d`.
    Mapped,
}

/// What is wrong with a stored file.
#[derive(Debug)]
pub enum Break {
    /// Only the first bytes are there.
    TruncateTo(usize),
    /// Only the first percent are there.
    TruncatePercent(u64),
    /// No byte at all.
    Empty,
    /// A web page instead of the file.
    Html,
    /// Text follows the container.
    TrailingGarbage,
    /// As many zero bytes as the file has.
    ZeroBytes,
    /// The check sum in the container is wrong.
    BadCrc,
    /// A byte in the middle of the container is wrong, at this percentage.
    Corrupt(u64),
    /// The last bytes of the last record are missing inside a valid container.
    Shorten(usize),
    /// The content is split over several gzip members or bzip2 streams. Not damage.
    Members(usize),
}

/// Reads a scenario.
pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    statements::parse(text)
}
