//! Recognises vantage points that no longer exist, because the router took another name.
//!
//! A vantage point is an address and an AS number. A router that changes either becomes a new vantage point, and the old one
//! must not keep voting.

use std::net::IpAddr;

use super::activity::Activity;
use super::index::PeerId;
use super::peers::Peers;
use super::spans::{PeerSpan, PeerState};
use super::table::DumpCensus;
use crate::time::{Timestamp, Window};

/// Peers that fell silent for good when a new peer sent its first message: one of the same AS, or at the same address, that
/// no RIB dump had listed. The router took that name. Returns each with the instant since when it is silent.
pub(super) fn renumbered(
    peers: &Peers,
    activity: &Activity,
    dumps: &[DumpCensus],
    window: Window,
) -> Vec<(PeerId, Timestamp)> {
    let end = activity.n_minutes();
    let mut renumbered = Vec::new();
    for (new, first) in activity.minutes().filter_map(|(new, minutes)| Some((new, minutes.first()?))) {
        let first_at = activity.instant(first);
        let mut before = dumps.iter().filter(|dump| dump.done_at < first_at).peekable();
        // A peer is not new if it sent a message before the first RIB dump, or if a RIB dump lists it.
        if before.peek().is_none() || before.any(|dump| dump.lists(new)) {
            continue;
        }
        let is_kin = |old: &PeerId| {
            let (old_name, new_name) = (peers.name(*old), peers.name(new));
            let has_same_address = old_name.address == new_name.address && !old_name.address.is_unspecified();
            *old != new && (old_name.asn == new_name.asn || has_same_address)
        };
        for old in peers.ids().filter(is_kin) {
            let last = activity.minutes_of(old).last();
            let since = last.map_or(window.start, |last| activity.instant(last + 1));
            let (earlier, later): (Vec<&DumpCensus>, Vec<&DumpCensus>) =
                dumps.iter().partition(|dump| dump.begun_at < first_at);
            let is_silent = last.is_none_or(|last| last <= first && last + 1 < end);
            let lists = |dumps: &[&DumpCensus]| dumps.iter().any(|dump| dump.lists(old));
            if is_silent && lists(&earlier) && !lists(&later) {
                renumbered.push((old, since));
            }
        }
    }
    renumbered
}

/// Peers that the last RIB dump inside the window lists and the first one after it does not: each with the instant of its
/// last message, since when it is unknown.
pub(super) fn gone_after_the_window(
    peers: &Peers,
    activity: &Activity,
    dumps: &[DumpCensus],
    sessions: &[PeerSpan],
    window: Window,
) -> Vec<(PeerId, Timestamp)> {
    let after = dumps.iter().find(|dump| dump.begun_at >= window.end);
    let before = dumps.iter().rfind(|dump| dump.done_at < window.end);
    let Some((after, before)) = after.zip(before) else { return Vec::new() };
    let is_closed = |peer: PeerId| {
        let closed = |span: &PeerSpan| span.peer == peer && span.state == PeerState::Down && span.to >= window.end;
        sessions.iter().any(closed)
    };
    let is_gone = |peer: &PeerId| before.lists(*peer) && !after.lists(*peer) && !is_closed(*peer);
    let last_at = |peer: PeerId| activity.minutes_of(peer).last().map(|last| activity.instant(last + 1));
    let since = |peer: PeerId| last_at(peer).unwrap_or(before.done_at).max(before.done_at);
    peers.ids().filter(is_gone).map(|peer| (peer, since(peer))).collect()
}

/// Whether an address belongs to one router alone; link-local addresses do not.
pub(super) fn is_unique(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_unicast_link_local(),
    }
}
