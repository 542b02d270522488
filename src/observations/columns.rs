//! Names of columns that several tables have, or that are read back by name, and of the states in them.

use crate::replay::{PeerState, RouteState};

pub(crate) const COLLECTOR: &str = "collector";
pub(crate) const PEER_ADDRESS: &str = "peer_address";
pub(crate) const PEER_ASN: &str = "peer_asn";
pub(crate) const PREFIX: &str = "prefix";
pub(crate) const FAMILY: &str = "family";
pub(crate) const ORIGIN: &str = "origin";
pub(crate) const UPSTREAM: &str = "upstream";
pub(crate) const AS_PATH: &str = "as_path";
pub(crate) const FILE: &str = "file";
pub(crate) const RECORD: &str = "record";
pub(crate) const BYTE_OFFSET: &str = "byte_offset";
pub(crate) const STARTED_AT: &str = "started_at";
pub(crate) const ENDED_AT: &str = "ended_at";
pub(crate) const STATE: &str = "state";
pub(crate) const EVIDENCE: &str = "evidence";
pub(crate) const ANNOUNCED_AT: &str = "announced_at";
pub(crate) const COMPLETE: &str = "complete";
pub(crate) const FIRST_AT: &str = "first_at";
pub(crate) const LAST_AT: &str = "last_at";
pub(crate) const AT: &str = "at";
pub(crate) const PATH_ID: &str = "path_id";
pub(crate) const N_PREFIXES: [&str; 2] = ["n_prefixes_ipv4", "n_prefixes_ipv6"];
pub(crate) const FOREIGN_FIRST_HOP: &str = "foreign_first_hop";
pub(crate) const INTERNAL: &str = "internal";
pub(crate) const REASON: &str = "reason";

/// The states of a route in the column [`STATE`].
pub(super) const PRESENT: &str = "present";
pub(super) const ABSENT: &str = "absent";
pub(super) const UNKNOWN: &str = "unknown";

pub(super) fn route_name(state: &RouteState) -> &'static str {
    match state {
        RouteState::Present(_) => PRESENT,
        RouteState::Absent => ABSENT,
        RouteState::Unknown => UNKNOWN,
    }
}

/// Every state of a session.
pub(super) const SESSION_STATES: [PeerState; 4] =
    [PeerState::Up, PeerState::Syncing, PeerState::Down, PeerState::Unknown];

pub(super) fn session_name(state: PeerState) -> &'static str {
    match state {
        PeerState::Up => "session_up",
        PeerState::Syncing => "session_syncing",
        PeerState::Down => "session_down",
        PeerState::Unknown => "session_unknown",
    }
}
