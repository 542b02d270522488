//! The reading of one file: records dispatched by type, sessions and messages turned into events.

use std::io::Read;

use super::attributes::Encoding;
use super::clock::{self, Runs};
use super::container::Container;
use super::control::Control;
use super::covers::Covers;
use super::envelope::{
    envelope, legacy_peer, local_as, message_content, message_encoding, names_snapshot, state_change, states, timed,
    whole_update,
};
use super::lists::Lists;
use super::mrt::{
    BGP, BGP4MP, BGP4MP_ET, ESTABLISHED, KEEPALIVE, MARKER, MESSAGE_HEADER, NOTIFICATION, OPEN, ROUTE_REFRESH,
    ROUTE_REFRESH_CISCO, TABLE_DUMP, TABLE_DUMP_V2, UPDATE, bgp, bgp4mp, has_four_octets, table_dump, table_dump_v2,
    unicast_table,
};
use super::numbers::Numbers;
use super::paths::Paths;
use super::peers::{Peers, is_placeholder};
use super::prefilter::{Relevance, relevance};
use super::prefix_hash::hash_bits;
use super::repeats::PrefixCount;
use super::skipped_prefixes::{SkippedPrefixes, UPDATE_BLOCKS};
use super::walk::{Next, Record, Walk};
use super::wire::Octets;
use super::{Census, Change, Counts, Ending, MAX_DAMAGE, PeerIndex, Reading, RouteEvent, Selection, updates};
use crate::bgp::{AsPath, Asn, Family, Peer, Prefix};
use crate::coverage::{Damage, Skipped};
use crate::time::Timestamp;

/// Reads a file to its end.
pub(super) fn read<R: Read>(container: Container<'_, R>, selection: &Selection) -> Reading {
    read_records(container, selection, false)
}

/// Reads a file; `decode_all` leaves the prefilter out.
pub(super) fn read_records<R: Read>(container: Container<'_, R>, selection: &Selection, decode_all: bool) -> Reading {
    let mut walk = Walk::new(container);
    let mut draft = Draft::new(selection, decode_all);
    let ending = loop {
        while !decode_all && walk.pass_over(|next| draft.passes_over(next)) {}
        match walk.record() {
            Ok(record) => draft.record(&record),
            Err(ending) => break ending,
        }
    };
    let (container, end) = (walk.input(), walk.offset());
    if container.was_empty() {
        return draft.finish(Ending::Unreadable("the file is empty: 0 bytes".to_owned()));
    }
    if container.n_trailing() > 0 {
        let what = format!("{} bytes that belong to nothing follow the end of the container", container.n_trailing());
        draft.count_damage(Damage { record: draft.counts.records, offset: end, what });
        draft.has_trailing_bytes = true;
    }
    draft.finish(if container.is_corrupt() { corrupt(ending) } else { ending })
}

/// How a file ended of which any octet may be wrong, whatever its end looked like.
fn corrupt(ending: Ending) -> Ending {
    match ending {
        Ending::Truncated(why) | Ending::Corrupt(why) | Ending::Unreadable(why) => Ending::Corrupt(why),
        Ending::Complete => Ending::Corrupt("the container is damaged".to_owned()),
    }
}

/// A reading in the making.
pub(super) struct Draft<'s> {
    pub(super) selection: &'s Selection,
    pub(super) decode_all: bool,
    pub(super) peers: Peers,
    /// What the peer indices of TABLE_DUMP_V2 mean.
    pub(super) table: Vec<PeerIndex>,
    pub(super) has_peer_table: bool,
    pub(super) table_lacks_numbers: bool,
    pub(super) prefixes: PrefixCount,
    pub(super) paths: Paths,
    pub(super) control: Control,
    pub(super) covers: Covers,
    pub(super) skipped_prefixes: SkippedPrefixes,
    pub(super) counts: Counts,
    pub(super) numbers: Numbers,
    lacked_peer_table: bool,
    pub(super) events: Vec<RouteEvent>,
    damage: Vec<Damage>,
    pub(super) latest_damaged: Option<u64>,
    has_trailing_bytes: bool,
    runs: Runs,
    pub(super) skipped: Vec<Skipped>,
    /// The times of the latest two records; the end of time where there are none.
    latest: [Timestamp; 2],
}

impl<'s> Draft<'s> {
    fn new(selection: &'s Selection, decode_all: bool) -> Draft<'s> {
        Draft {
            selection,
            decode_all,
            peers: Peers::default(),
            table: Vec::new(),
            has_peer_table: false,
            table_lacks_numbers: false,
            prefixes: PrefixCount::default(),
            paths: Paths::default(),
            control: Control::default(),
            covers: Covers::default(),
            skipped_prefixes: SkippedPrefixes::default(),
            counts: Counts::default(),
            numbers: Numbers::default(),
            lacked_peer_table: false,
            events: Vec::new(),
            damage: Vec::new(),
            latest_damaged: None,
            has_trailing_bytes: false,
            runs: Runs::default(),
            skipped: Vec::new(),
            latest: [Timestamp::MAX; 2],
        }
    }

    fn finish(mut self, ending: Ending) -> Reading {
        self.leave_all_covers();
        self.numbers.name(&mut self.peers);
        self.compare_repeats();
        let runs = self.runs.finish();
        let believed = clock::believed(&runs, None);
        let census = Census {
            peers: self.peers.into_list(),
            control: self.control.finish(),
            counts: self.counts,
            damage: self.damage,
            span: clock::span(&believed),
            read_until: believed.last().map(|run| run.last_at),
            runs,
            skipped: self.skipped,
            ending,
            has_trailing_bytes: self.has_trailing_bytes,
            last_blocks: self.prefixes.last_blocks(),
            lacks_peer_table: self.lacked_peer_table,
        };
        Reading { census, events: self.events, skipped_prefixes: self.skipped_prefixes }
    }

    /// Does all there is to do about an UPDATE that nobody asked about, sent by a peer whose session is known to be
    /// established. Says no to every other record, and then does nothing: [`Draft::record`] does it all. Hot: once per
    /// record.
    #[inline]
    fn passes_over(&mut self, next: &Next) -> bool {
        let mut passed = || {
            let (at, body) = timed(next.seconds, next.kind, next.body)?;
            let encoding = message_encoding(next.kind, next.subtype)?;
            let (peer, message) = self.peers.by_envelope(body.0, encoding.four_octets)?;
            let update = whole_update(message)?;
            let matter = relevance(update, encoding, self.selection, &mut self.skipped_prefixes);
            (matter != Relevance::Routes && self.peers.is_alive(peer)).then_some((peer, at, update, encoding, matter))
        };
        let Some((peer, at, update, encoding, matter)) = passed() else { return false };
        self.time(at);
        self.counts.records += 1;
        self.counts.messages += 1;
        self.peers.heard(peer, at);
        if matter == Relevance::ControlSample {
            let lists = Lists::of(update, update.len(), encoding.add_path);
            let now = (self.runs.now(), self.runs.index());
            self.control.update(now, self.events.len(), peer, &lists, encoding.add_path, self.selection);
        }
        true
    }

    fn record(&mut self, record: &Record) {
        let Some((at, body)) = timed(record.seconds, record.kind, record.body) else {
            self.counts.records += 1;
            self.orphan(record, Timestamp::from_secs(i64::from(record.seconds)));
            return self.damage(record, "a record without its microseconds".to_owned());
        };
        if record.n_skipped > 0 {
            self.skip(record, at);
        }
        self.time(at);
        self.counts.records += 1;
        match (record.kind, record.subtype) {
            (BGP4MP | BGP4MP_ET, _) => self.bgp4mp(record, at, body),
            (TABLE_DUMP_V2, _) => self.table_dump_v2(record, at),
            (TABLE_DUMP, table_dump::IPV4) => self.table_dump(record, at, Family::V4),
            (TABLE_DUMP, table_dump::IPV6) => self.table_dump(record, at, Family::V6),
            (BGP, _) => self.legacy_bgp(record, at, body),
            _ => self.unread_kind(record, at),
        }
    }

    #[inline]
    fn time(&mut self, at: Timestamp) {
        self.latest = [at, self.latest[0]];
        self.runs.add(self.counts.records, at);
    }

    /// Counts the octets before a record that belong to none. Perhaps the record before them was damaged too, so nothing
    /// is certain since the one before that.
    fn skip(&mut self, record: &Record, before: Timestamp) {
        let (offset, n) = (record.offset - record.n_skipped, record.n_skipped);
        let after = before.min(self.latest[0]).min(self.latest[1]);
        let what = format!("{n} bytes that belong to no record");
        self.count_damage(Damage { record: record.index, offset, what });
        self.push_skipped(Skipped { offset, bytes: n, after, before });
    }

    fn table_dump_v2(&mut self, record: &Record, at: Timestamp) {
        use table_dump_v2::*;
        let Some((family, add_path)) = unicast_table(record.subtype) else {
            return match record.subtype {
                PEER_INDEX_TABLE => self.peer_table(record),
                // Multicast routes, and the locations of the peers (RFC 6397).
                RIB_IPV4_MULTICAST
                | RIB_IPV6_MULTICAST
                | RIB_IPV4_MULTICAST_ADDPATH
                | RIB_IPV6_MULTICAST_ADDPATH
                | GEO_PEER_TABLE => self.counts.ignored += 1,
                RIB_GENERIC | RIB_GENERIC_ADDPATH if is_of_other_routes(record.body) => self.counts.ignored += 1,
                _ => self.counts.unsupported += 1,
            };
        };
        self.lacked_peer_table |= !self.has_peer_table;
        self.rib_entries(record, at, family, add_path);
    }

    fn bgp4mp(&mut self, record: &Record, at: Timestamp, body: Octets) {
        use bgp4mp::*;
        let Some(encoding) = message_encoding(record.kind, record.subtype) else {
            return match record.subtype {
                STATE_CHANGE => self.state_change(record, at, body, state_change(body, false)),
                ENTRY => self.table_entry(record, at, body),
                SNAPSHOT if names_snapshot(body) => self.counts.ignored += 1,
                STATE_CHANGE_AS4 => self.state_change(record, at, body, state_change(body, true)),
                // Messages that the collector sent itself.
                MESSAGE_LOCAL | MESSAGE_AS4_LOCAL | MESSAGE_LOCAL_ADDPATH | MESSAGE_AS4_LOCAL_ADDPATH => {
                    self.counts.ignored += 1;
                }
                _ => self.unread_kind(record, at),
            };
        };
        match envelope(body, encoding.four_octets) {
            Some((peer, message)) if is_placeholder(&peer) => {
                // An UPDATE without any addresses may be from any peer.
                let lacks_addresses = body.0.len() - message.len() < 8;
                match message.get(MESSAGE_HEADER - 1) {
                    Some(&UPDATE) | None if lacks_addresses => self.unread_message(record, at),
                    _ => self.counts.ignored += 1,
                }
            }
            Some((peer, message)) => {
                let index = self.sent(peer, at);
                if message.starts_with(&MARKER) && peer.asn != Asn::TRANS {
                    self.peers.note_envelope(body.0, message, index);
                }
                if local_as(body, encoding.four_octets) == Some(peer.asn) {
                    self.peers.set_internal(index);
                }
                self.messages(record, at, index, message, encoding);
            }
            None => self.unread_message(record, at),
        }
    }

    /// A message that ends before its addresses do.
    fn unread_message(&mut self, record: &Record, at: Timestamp) {
        self.counts.messages += 1;
        self.damage(record, "a message that ends before its addresses do".to_owned());
        self.orphan(record, at);
    }

    /// The BGP message of a record; should others follow it there, those too.
    fn messages(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, octets: &[u8], encoding: Encoding) {
        let mut rest = octets;
        loop {
            rest = self.message(record, at, peer, rest, encoding);
            if rest.is_empty() {
                return;
            }
            if !rest.starts_with(&MARKER) {
                let what = format!("{} octets after a BGP message", rest.len());
                return self.lost(record, at, peer, what);
            }
        }
    }

    /// A BGP message with its header; returns what follows it.
    fn message<'a>(
        &mut self,
        record: &Record,
        at: Timestamp,
        peer: PeerIndex,
        message: &'a [u8],
        encoding: Encoding,
    ) -> &'a [u8] {
        let Some((kind, length, content)) = message_content(message) else {
            self.lost(record, at, peer, "no BGP message where one should begin".to_owned());
            return &[];
        };
        let (content, rest) = content.split_at_checked(length).unwrap_or((content, &[]));
        if matches!(kind, UPDATE | KEEPALIVE) {
            self.alive(record, at, peer);
        }
        match kind {
            UPDATE => {
                if content.len() < length {
                    self.damage(record, format!("an UPDATE of which only {} octets were kept", message.len()));
                }
                self.update(record, at, peer, (content, length), encoding);
            }
            OPEN => self.opened(record, at, peer),
            NOTIFICATION => self.notified(record, at, peer, content),
            KEEPALIVE | ROUTE_REFRESH | ROUTE_REFRESH_CISCO => {}
            _ => self.lost(record, at, peer, format!("a BGP message of unknown type {kind}")),
        }
        rest
    }

    /// An UPDATE, and how long it should be.
    fn update(
        &mut self,
        record: &Record,
        at: Timestamp,
        peer: PeerIndex,
        (update, length): (&[u8], usize),
        encoding: Encoding,
    ) {
        let is_whole = update.len() == length && !self.decode_all && !self.peers.lacks_number(peer);
        let skipped = &mut self.skipped_prefixes;
        let matter = if is_whole { relevance(update, encoding, self.selection, skipped) } else { Relevance::Routes };
        if matter == Relevance::None {
            return;
        }
        let lists = Lists::of(update, length, encoding.add_path);
        // Losses come first, and are reported whatever the selection.
        for lost in lists.lost() {
            self.event(record, at, peer, Change::Lost(lost));
        }
        let now = (self.runs.now(), self.runs.index());
        self.control.update(now, self.events.len(), peer, &lists, encoding.add_path, self.selection);
        if matter == Relevance::Routes {
            self.routes(record, at, peer, lists, encoding.four_octets);
        }
    }

    fn routes(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, lists: Lists, four_octets: bool) {
        let decoded = updates::decode(&lists, four_octets, &mut self.paths);
        if let Some(what) = lists.flaw.or(decoded.flaw) {
            self.damage(record, what);
        }
        if let Some(family) = lists.end_of_rib {
            self.event(record, at, peer, Change::EndOfRib { family });
        }
        for (prefix, path_id) in decoded.withdrawn {
            if self.selection.matches(&prefix) {
                self.event(record, at, peer, Change::Withdraw { prefix, path_id });
            } else {
                self.skip_in_update(&prefix);
            }
        }
        if let Some(path) = decoded.path.filter(|path| !path.hops().is_empty()) {
            if self.peers.lacks_number(peer) {
                self.numbers.count(peer, &path, lists.attributes, four_octets);
            }
            let of_wanted_origin = self.originates(&path);
            for (prefix, path_id) in decoded.announced {
                if of_wanted_origin || self.selection.matches(&prefix) {
                    let path = path.clone();
                    self.event(record, at, peer, Change::Announce { prefix, path_id, path });
                } else {
                    self.skip_in_update(&prefix);
                }
            }
        }
        // A wanted origin may have announced any of them. Those that it is known to have are chosen themselves: what a
        // RIB dump or a message that can be read has shown to be of a wanted origin is asked for by prefix, and the files
        // are read again. Of a prefix that only unreadable messages could show to be its own nothing is ever claimed.
        for prefix in decoded.unclear {
            if self.selection.matches(&prefix) {
                self.event(record, at, peer, Change::Unclear { prefix });
            } else {
                self.skip_in_update(&prefix);
            }
        }
    }

    /// Notes that an UPDATE names a prefix and that no event says so.
    fn skip_in_update(&mut self, prefix: &Prefix) {
        if self.selection.has_origins() {
            self.skipped_prefixes.grow(UPDATE_BLOCKS);
            self.skipped_prefixes.add(hash_bits(prefix.bits(), prefix.len()));
        }
    }

    fn state_change(&mut self, record: &Record, at: Timestamp, body: Octets, change: Option<(Peer, (u16, u16))>) {
        match change {
            Some((peer, _)) if is_placeholder(&peer) => self.placeholder_state(record, at, body),
            Some((peer, states)) => {
                self.counts.state_changes += 1;
                let is_internal =
                    record.kind != BGP && local_as(body, has_four_octets(record.subtype)) == Some(peer.asn);
                let peer = self.peers.index(peer);
                if is_internal {
                    self.peers.set_internal(peer);
                }
                match states {
                    (_, ESTABLISHED) => self.event(record, at, peer, Change::SessionUp),
                    (ESTABLISHED, _) => self.closed(record, at, peer),
                    _ => self.event(record, at, peer, Change::ConnectionClosed),
                }
            }
            None => self.unread_state(record, at, body),
        }
    }

    /// The oldest form: IPv4, two-octet AS numbers, messages without their header.
    fn legacy_bgp(&mut self, record: &Record, at: Timestamp, mut body: Octets) {
        const ENCODING: Encoding = Encoding { four_octets: false, add_path: false };
        let whole = body;
        let peer = legacy_peer(&mut body);
        match record.subtype {
            bgp::STATE_CHANGE => {
                let change = peer.zip(states(&mut body));
                self.state_change(record, at, whole, change);
            }
            bgp::UPDATE | bgp::OPEN | bgp::NOTIFY | bgp::KEEPALIVE => match peer.zip(legacy_peer(&mut body)) {
                Some((peer, _)) if is_placeholder(&peer) => self.counts.ignored += 1,
                Some((peer, local)) => {
                    let is_internal = peer.asn == local.asn && peer.asn != Asn::TRANS;
                    let peer = self.sent(peer, at);
                    if is_internal {
                        self.peers.set_internal(peer);
                    }
                    if matches!(record.subtype, bgp::UPDATE | bgp::KEEPALIVE) {
                        self.alive(record, at, peer);
                    }
                    match record.subtype {
                        bgp::UPDATE => self.update(record, at, peer, (body.0, body.0.len()), ENCODING),
                        bgp::OPEN => self.opened(record, at, peer),
                        bgp::NOTIFY => self.notified(record, at, peer, body.0),
                        _ => {}
                    }
                }
                None => self.unread_message(record, at),
            },
            _ => self.unread_kind(record, at),
        }
    }

    /// Counts a message of `peer`.
    fn sent(&mut self, peer: Peer, at: Timestamp) -> PeerIndex {
        let peer = self.peers.index(peer);
        self.counts.messages += 1;
        self.peers.heard(peer, at);
        peer
    }

    /// Messages that only an established session carries.
    fn alive(&mut self, record: &Record, at: Timestamp, peer: PeerIndex) {
        if self.peers.set_alive(peer, true) {
            self.event(record, at, peer, Change::Alive);
        }
    }

    /// The session that the OPEN begins shows itself by its next message.
    fn opened(&mut self, record: &Record, at: Timestamp, peer: PeerIndex) {
        self.peers.set_alive(peer, false);
        self.event(record, at, peer, Change::Open);
    }

    /// An OPEN message error (RFC 4271, section 6.2) and a collision (section 6.8; RFC 4486) end a connection that is not
    /// established.
    fn notified(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, content: &[u8]) {
        match content {
            [2, ..] | [6, 7, ..] => {
                self.peers.set_alive(peer, false);
                self.event(record, at, peer, Change::ConnectionClosed);
            }
            _ => self.closed(record, at, peer),
        }
    }

    fn closed(&mut self, record: &Record, at: Timestamp, peer: PeerIndex) {
        self.peers.set_alive(peer, false);
        self.event(record, at, peer, Change::SessionDown);
    }

    /// Whether a path may have a wanted origin.
    pub(super) fn originates(&self, path: &AsPath) -> bool {
        self.selection.has_origins() && path.origins().iter().any(|origin| self.selection.matches_origin(*origin))
    }

    pub(super) fn event(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, change: Change) {
        let (clock, run) = (self.runs.now(), self.runs.index());
        self.events.push(RouteEvent { at, clock, run, record: record.index, offset: record.offset, peer, change });
    }

    /// Counts a record as damaged, once.
    pub(super) fn damage(&mut self, record: &Record, what: String) {
        if self.latest_damaged.replace(record.index) != Some(record.index) {
            self.count_damage(Damage { record: record.index, offset: record.offset, what });
        } else if record.kind == TABLE_DUMP_V2 {
            self.damage_again(record, what);
        }
    }

    /// Of the things that are wrong with a RIB record the first in the alphabet is told: which is found first depends on
    /// whether its prefix was known to be wanted before it was read.
    fn damage_again(&mut self, record: &Record, what: String) {
        let known = self.damage.iter_mut().find(|known| (known.record, known.offset) == (record.index, record.offset));
        if let Some(known) = known.filter(|known| what < known.what) {
            known.what = what;
        }
    }

    /// Keeps the list in the order of the file: records that cover others may be read after these.
    pub(super) fn count_damage(&mut self, damage: Damage) {
        self.counts.damaged += 1;
        let place = |damage: &Damage| (damage.record, damage.offset);
        let at = self.damage.partition_point(|known| place(known) <= place(&damage));
        if at < MAX_DAMAGE {
            self.damage.insert(at, damage);
            self.damage.truncate(MAX_DAMAGE);
        }
    }
}

/// Whether a RIB_GENERIC record (RFC 6396, section 4.3.3; RFC 8050) is of another family than unicast.
fn is_of_other_routes(body: &[u8]) -> bool {
    let mut octets = Octets(body);
    let family = octets.take(4).and_then(|_| octets.array());
    family.is_some_and(|family: [u8; 3]| !matches!(family, [0, 1 | 2, 1 | 3]))
}

#[cfg(test)]
mod tests;
