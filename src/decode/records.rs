//! Reads the records of one file: dispatched by type, sessions and messages turned into events.

use std::io::Read;

use super::attributes::Encoding;
use super::container::Container;
use super::envelope::{
    envelope, legacy_peer, local_as, message_content, message_encoding, names_snapshot, state_change, states, timed,
    whole_update,
};
use super::lists::Lists;
use super::losses::{placeholder_state, unread_kind, unread_state};
use super::mrt::{
    BGP, BGP4MP, BGP4MP_ET, ESTABLISHED, KEEPALIVE, MARKER, MESSAGE_HEADER, NOTIFICATION, OPEN, ROUTE_REFRESH,
    ROUTE_REFRESH_CISCO, TABLE_DUMP, TABLE_DUMP_V2, UPDATE, bgp, bgp4mp, has_four_octets, table_dump, table_dump_v2,
    unicast_table,
};
use super::peers::is_placeholder;
use super::prefilter::{Relevance, relevance};
use super::reading_builder::ReadingBuilder;
use super::rib::RibReader;
use super::walk::{Next, Record, Walk};
use super::wire::Octets;
use super::{Change, Ending, MaxLengths, PeerIndex, Reading, Selection, updates};
use crate::bgp::{Asn, Family, Peer};
use crate::time::Timestamp;

/// Reads a file to its end.
pub(super) fn read<R: Read>(container: Container<'_, R>, selection: &Selection) -> Reading {
    read_until(container, ReadingBuilder::new(selection, false), |_| false)
}

/// Reads a RIB dump until no prefix up to `max_lengths` is left, if it is sorted by length.
pub(super) fn read_beginning<R: Read>(
    container: Container<'_, R>,
    selection: &Selection,
    max_lengths: MaxLengths,
) -> Reading {
    read_until(container, ReadingBuilder::new(selection, false), |rib| rib.is_beyond(&max_lengths))
}

/// Reads a file to its end, without the prefilter.
#[cfg(test)]
pub(super) fn read_decoding_all<R: Read>(container: Container<'_, R>, selection: &Selection) -> Reading {
    read_until(container, ReadingBuilder::new(selection, true), |_| false)
}

/// Reads a file until `is_enough` returns true after a record, or to its end.
fn read_until<R: Read>(
    container: Container<'_, R>,
    reading: ReadingBuilder,
    is_enough: impl Fn(&RibReader) -> bool,
) -> Reading {
    let mut walk = Walk::new(container);
    let decode_all = reading.decode_all;
    let mut records = RecordReader { reading, rib: RibReader::default() };
    let ending = loop {
        while !decode_all && walk.skip_if(|next| records.skips(next)) {}
        match walk.record() {
            Ok(record) => records.record(&record),
            Err(ending) => break ending,
        }
        if records.reading.excess().is_some() || is_enough(&records.rib) {
            break Ending::Complete;
        }
    };
    let ending = match records.reading.excess() {
        Some(what) => {
            Ending::Truncated(format!("it names more than {what}: it was not read beyond offset {}", walk.offset()))
        }
        None => ending,
    };
    let (container, end) = (walk.input(), walk.offset());
    if container.was_empty() {
        return records.finish(Ending::Unreadable("the file is empty: 0 bytes".to_owned()));
    }
    if container.n_trailing() > 0 {
        records.reading.trailing_bytes(end, container.n_trailing());
    }
    records.finish(if container.is_corrupt() { corrupt(ending) } else { ending })
}

/// The ending of a file whose container failed its checksum.
fn corrupt(ending: Ending) -> Ending {
    match ending {
        Ending::Truncated(why) | Ending::Corrupt(why) | Ending::Unreadable(why) => Ending::Corrupt(why),
        Ending::Complete => Ending::Corrupt("the container is damaged".to_owned()),
    }
}

/// Reads one record after the other into a [`ReadingBuilder`].
struct RecordReader<'s> {
    reading: ReadingBuilder<'s>,
    rib: RibReader,
}

impl RecordReader<'_> {
    fn finish(mut self, ending: Ending) -> Reading {
        let traits = self.rib.finish(&mut self.reading);
        self.reading.finish(ending, traits)
    }

    /// Handles an irrelevant UPDATE completely, if its peer has an established session, and returns true; otherwise returns
    /// false, and [`RecordReader::record`] handles the record from the beginning. Hot: once per record.
    #[inline]
    fn skips(&mut self, next: &Next) -> bool {
        let mut skipped = || {
            let (at, body) = timed(next.seconds, next.kind, next.body)?;
            let encoding = message_encoding(next.kind, next.subtype)?;
            let (peer, message) = self.reading.peers.by_envelope(body.0, encoding.four_octets)?;
            let update = whole_update(message)?;
            let relevant = relevance(update, encoding, self.reading.selection, &mut self.reading.skipped_prefixes);
            (relevant != Relevance::Routes && self.reading.peers.is_alive(peer))
                .then_some((peer, at, update, encoding, relevant))
        };
        let Some((peer, at, update, encoding, relevant)) = skipped() else { return false };
        self.reading.time(at);
        self.reading.counts.records += 1;
        self.reading.counts.messages += 1;
        self.reading.peers.heard(peer, at);
        if relevant == Relevance::ControlSample {
            let lists = Lists::of(update, update.len(), encoding.add_path);
            self.reading.sample(peer, &lists, encoding);
        }
        true
    }

    fn record(&mut self, record: &Record) {
        let Some((at, body)) = timed(record.seconds, record.kind, record.body) else {
            self.reading.counts.records += 1;
            self.reading.orphan(record, Timestamp::from_secs(i64::from(record.seconds)));
            return self.reading.damage(record, "a record without its microseconds".to_owned());
        };
        if record.n_skipped > 0 {
            self.reading.skip_bytes(record, at);
        }
        self.reading.time(at);
        self.reading.counts.records += 1;
        match (record.kind, record.subtype) {
            (BGP4MP | BGP4MP_ET, _) => self.bgp4mp(record, at, body),
            (TABLE_DUMP_V2, _) => self.table_dump_v2(record, at),
            (TABLE_DUMP, table_dump::IPV4) => self.rib.table_dump(&mut self.reading, record, at, Family::V4),
            (TABLE_DUMP, table_dump::IPV6) => self.rib.table_dump(&mut self.reading, record, at, Family::V6),
            (BGP, _) => self.legacy_bgp(record, at, body),
            _ => unread_kind(&mut self.reading, record, at),
        }
    }

    fn table_dump_v2(&mut self, record: &Record, at: Timestamp) {
        use table_dump_v2::*;
        if let Some(table) = unicast_table(record.subtype) {
            return self.rib.rib_entries(&mut self.reading, record, at, table);
        }
        match record.subtype {
            PEER_INDEX_TABLE => self.rib.peer_table(&mut self.reading, record),
            // Multicast routes, and the locations of the peers (RFC 6397).
            RIB_IPV4_MULTICAST
            | RIB_IPV6_MULTICAST
            | RIB_IPV4_MULTICAST_ADDPATH
            | RIB_IPV6_MULTICAST_ADDPATH
            | GEO_PEER_TABLE => self.reading.counts.ignored += 1,
            RIB_GENERIC | RIB_GENERIC_ADDPATH if is_of_other_routes(record.body) => self.reading.counts.ignored += 1,
            _ => self.reading.counts.unsupported += 1,
        }
    }

    fn bgp4mp(&mut self, record: &Record, at: Timestamp, body: Octets) {
        use bgp4mp::*;
        let Some(encoding) = message_encoding(record.kind, record.subtype) else {
            return match record.subtype {
                STATE_CHANGE => self.state_change(record, at, body, state_change(body, false)),
                ENTRY => self.rib.bgp4mp_entry(&mut self.reading, record, at, body),
                SNAPSHOT if names_snapshot(body) => self.reading.counts.ignored += 1,
                STATE_CHANGE_AS4 => self.state_change(record, at, body, state_change(body, true)),
                // Messages that the collector sent itself.
                MESSAGE_LOCAL | MESSAGE_AS4_LOCAL | MESSAGE_LOCAL_ADDPATH | MESSAGE_AS4_LOCAL_ADDPATH => {
                    self.reading.counts.ignored += 1;
                }
                _ => unread_kind(&mut self.reading, record, at),
            };
        };
        match envelope(body, encoding.four_octets) {
            Some((peer, message)) if is_placeholder(&peer) => {
                // An UPDATE without any addresses may be from any peer.
                let lacks_addresses = body.0.len() - message.len() < 8;
                match message.get(MESSAGE_HEADER - 1) {
                    Some(&UPDATE) | None if lacks_addresses => self.unread_message(record, at),
                    _ => self.reading.counts.ignored += 1,
                }
            }
            Some((peer, message)) => {
                let index = self.sent(peer, at);
                if message.starts_with(&MARKER) && peer.asn != Asn::TRANS {
                    self.reading.peers.note_envelope(body.0, message, index);
                }
                if local_as(body, encoding.four_octets) == Some(peer.asn) {
                    self.reading.peers.set_internal(index);
                }
                self.messages(record, at, index, message, encoding);
            }
            None => self.unread_message(record, at),
        }
    }

    /// A message record that ends before its addresses do.
    fn unread_message(&mut self, record: &Record, at: Timestamp) {
        self.reading.counts.messages += 1;
        self.reading.damage(record, "a message that ends before its addresses do".to_owned());
        self.reading.orphan(record, at);
    }

    /// The BGP messages of a record: nearly always one.
    fn messages(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, octets: &[u8], encoding: Encoding) {
        let mut rest = octets;
        loop {
            rest = self.message(record, at, peer, rest, encoding);
            if rest.is_empty() {
                return;
            }
            if !rest.starts_with(&MARKER) {
                let what = format!("{} octets after a BGP message", rest.len());
                return self.reading.lost(record, at, peer, what);
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
            self.reading.lost(record, at, peer, "no BGP message where one should begin".to_owned());
            return &[];
        };
        let (content, rest) = content.split_at_checked(length).unwrap_or((content, &[]));
        if matches!(kind, UPDATE | KEEPALIVE) {
            self.alive(record, at, peer);
        }
        match kind {
            UPDATE => {
                if content.len() < length {
                    self.reading.damage(record, format!("an UPDATE of which only {} octets were kept", message.len()));
                }
                self.update(record, at, peer, (content, length), encoding);
            }
            OPEN => self.opened(record, at, peer),
            NOTIFICATION => self.notified(record, at, peer, content),
            KEEPALIVE | ROUTE_REFRESH | ROUTE_REFRESH_CISCO => {}
            _ => self.reading.lost(record, at, peer, format!("a BGP message of unknown type {kind}")),
        }
        rest
    }

    /// An UPDATE; `length` is what its header declares.
    fn update(
        &mut self,
        record: &Record,
        at: Timestamp,
        peer: PeerIndex,
        (update, length): (&[u8], usize),
        encoding: Encoding,
    ) {
        let is_whole = update.len() == length && !self.reading.decode_all && !self.reading.peers.lacks_number(peer);
        let skipped = &mut self.reading.skipped_prefixes;
        let relevant =
            if is_whole { relevance(update, encoding, self.reading.selection, skipped) } else { Relevance::Routes };
        if relevant == Relevance::None {
            return;
        }
        let lists = Lists::of(update, length, encoding.add_path);
        // Losses come first and do not depend on the selection.
        for lost in lists.lost() {
            self.reading.event(record, at, peer, Change::Lost(lost));
        }
        self.reading.sample(peer, &lists, encoding);
        if relevant == Relevance::Routes {
            self.routes(record, at, peer, lists, encoding.four_octets);
        }
    }

    fn routes(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, lists: Lists, four_octets: bool) {
        let decoded = updates::decode(&lists, four_octets, &mut self.reading.paths);
        if let Some(what) = lists.flaw.or(decoded.flaw) {
            self.reading.damage(record, what);
        }
        if let Some(family) = lists.end_of_rib {
            self.reading.event(record, at, peer, Change::EndOfRib { family });
        }
        for (prefix, path_id) in decoded.withdrawn {
            if self.reading.selection.matches(&prefix) {
                self.reading.event(record, at, peer, Change::Withdraw { prefix, path_id });
            } else {
                self.reading.skip_in_update(&prefix);
            }
        }
        if let Some(path) = decoded.path.filter(|path| !path.hops().is_empty()) {
            if self.reading.peers.lacks_number(peer) {
                self.reading.numbers.count(peer, &path, lists.attributes, four_octets);
            }
            let originates = self.reading.originates(&path);
            for (prefix, path_id) in decoded.announced {
                if originates || self.reading.selection.matches(&prefix) {
                    let path = path.clone();
                    self.reading.event(record, at, peer, Change::Announce { prefix, path_id, path });
                } else {
                    self.reading.skip_in_update(&prefix);
                }
            }
        }
        // A selected origin may have announced any of these. Its known prefixes are selected themselves: the pipeline adds
        // every prefix that a RIB dump or readable message shows with that origin, and reads the files again. A prefix
        // that only unreadable messages could attribute to the origin is never reported as its own.
        for prefix in decoded.unclear {
            if self.reading.selection.matches(&prefix) {
                self.reading.event(record, at, peer, Change::Unclear { prefix });
            } else {
                self.reading.skip_in_update(&prefix);
            }
        }
    }

    fn state_change(&mut self, record: &Record, at: Timestamp, body: Octets, change: Option<(Peer, (u16, u16))>) {
        match change {
            Some((peer, _)) if is_placeholder(&peer) => placeholder_state(&mut self.reading, record, at, body),
            Some((peer, states)) => {
                self.reading.counts.state_changes += 1;
                let is_internal =
                    record.kind != BGP && local_as(body, has_four_octets(record.subtype)) == Some(peer.asn);
                let peer = self.reading.peers.index(peer);
                if is_internal {
                    self.reading.peers.set_internal(peer);
                }
                match states {
                    (_, ESTABLISHED) => self.reading.event(record, at, peer, Change::SessionUp),
                    (ESTABLISHED, _) => self.closed(record, at, peer),
                    _ => self.reading.event(record, at, peer, Change::ConnectionClosed),
                }
            }
            None => unread_state(&mut self.reading, record, at, body),
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
                Some((peer, _)) if is_placeholder(&peer) => self.reading.counts.ignored += 1,
                Some((peer, local)) => {
                    let is_internal = peer.asn == local.asn && peer.asn != Asn::TRANS;
                    let peer = self.sent(peer, at);
                    if is_internal {
                        self.reading.peers.set_internal(peer);
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
            _ => unread_kind(&mut self.reading, record, at),
        }
    }

    /// Counts a message of `peer`.
    fn sent(&mut self, peer: Peer, at: Timestamp) -> PeerIndex {
        let peer = self.reading.peers.index(peer);
        self.reading.counts.messages += 1;
        self.reading.peers.heard(peer, at);
        peer
    }

    /// A message that only an established session carries.
    fn alive(&mut self, record: &Record, at: Timestamp, peer: PeerIndex) {
        if self.reading.peers.set_alive(peer, true) {
            self.reading.event(record, at, peer, Change::Alive);
        }
    }

    /// An OPEN does not establish a session; the KEEPALIVE or UPDATE after it shows one.
    fn opened(&mut self, record: &Record, at: Timestamp, peer: PeerIndex) {
        self.reading.peers.set_alive(peer, false);
        self.reading.event(record, at, peer, Change::Open);
    }

    /// An OPEN message error (RFC 4271, section 6.2) and a collision (section 6.8; RFC 4486) end a connection that is not
    /// established.
    fn notified(&mut self, record: &Record, at: Timestamp, peer: PeerIndex, content: &[u8]) {
        match content {
            [2, ..] | [6, 7, ..] => {
                self.reading.peers.set_alive(peer, false);
                self.reading.event(record, at, peer, Change::ConnectionClosed);
            }
            _ => self.closed(record, at, peer),
        }
    }

    fn closed(&mut self, record: &Record, at: Timestamp, peer: PeerIndex) {
        self.reading.peers.set_alive(peer, false);
        self.reading.event(record, at, peer, Change::SessionDown);
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
