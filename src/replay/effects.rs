//! How session changes affect routes: everything that the routes of a replay depend on besides the messages about them.

use super::index::{DumpIndex, PeerId};
use crate::bgp::{Asn, Family};
use crate::decode::Lost;
use crate::time::Timestamp;

/// A change of the routes of one peer that a session causes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// Routes are not known from `at` on: those of one family, or all.
    Forget { peer: PeerId, family: Option<Family>, at: Timestamp },
    /// A part of a message was lost at `at`.
    Lose { peer: PeerId, family: Family, lost: Lost, at: Timestamp },
    /// A RIB dump shows the table of the peer.
    Reconcile(TableDump),
}

/// A RIB dump that shows the table of one peer, for one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableDump {
    pub peer: PeerId,
    pub asn: Asn,
    pub family: Family,
    pub dump: DumpIndex,
    pub done_at: Timestamp,
    /// Updates after this time may not be in the RIB dump: they outweigh it.
    pub newest: Timestamp,
    /// When its first record was written.
    pub begun_at: Timestamp,
    /// Since when the whole table had been known from a RIB dump and updates; None where it was not.
    pub known_since: Option<Timestamp>,
    /// Since when the history of the peer is to be discarded, where it is out of step with the RIB dump.
    pub discard_since: Option<Timestamp>,
    /// Whether the RIB dump may show only a part of the table: what it lacks may be there.
    pub is_part: bool,
}
