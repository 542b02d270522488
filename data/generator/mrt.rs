//! The bytes of MRT records (RFC 6396, 8050) and of the BGP messages in them (RFC 4271, 4760, 6793, 7911).

use std::net::{IpAddr, Ipv4Addr};

use outage_replay::bgp::{Asn, Family};
use outage_replay::time::Timestamp;

use super::scenario::How;
use super::words::{Nlri, Path, Segment};
use super::world::{Said, seconds_after};

const TABLE_DUMP: u16 = 12;
const TABLE_DUMP_V2: u16 = 13;
const BGP: u16 = 5;
const BGP4MP: u16 = 16;
const BGP4MP_ET: u16 = 17;

const AS_TRANS: u16 = 23456;
/// Address families on the wire (RFC 4760).
const AFI: [u16; 2] = [1, 2];
const UNICAST: u8 = 1;
/// No standard gives this type to a segment of a path.
const UNKNOWN_SEGMENT: u8 = 9;

/// What the records of one session have in common.
#[derive(Clone, Debug)]
pub struct Session {
    pub peer_asn: Asn,
    pub peer_address: IpAddr,
    pub local_asn: Asn,
    pub local_address: IpAddr,
    pub is_two_octet: bool,
    pub has_add_path: bool,
    pub is_legacy: bool,
}

/// When and how a record of an update file is written.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub at: Timestamp,
    pub is_extended: bool,
    pub is_local: bool,
    pub uses_mp: bool,
    pub flaws: Flaws,
}

/// What is wrong with a record of an update file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flaws {
    micros: Option<u32>,
    cut: Option<usize>,
    has_other_width: bool,
    has_unknown_segment: bool,
    has_other_path_ids: bool,
    has_bad_length: bool,
    reserved: u8,
    safi: Option<u8>,
    is_mapped: bool,
}

impl Stamp {
    /// Writes the record in this way.
    pub fn write(&mut self, how: How) {
        let flaws = &mut self.flaws;
        match how {
            How::Lost => {}
            How::Stamped(seconds) | How::Clock(seconds) => self.at = seconds_after(self.at, seconds),
            How::Micros(micros) => (self.is_extended, flaws.micros) = (true, Some(micros)),
            How::Cut(n) => flaws.cut = Some(n),
            How::OtherWidth => flaws.has_other_width = true,
            How::UnknownSegment => flaws.has_unknown_segment = true,
            How::OtherPathIds => flaws.has_other_path_ids = true,
            How::BadLength => flaws.has_bad_length = true,
            How::Reserved(octet) => flaws.reserved = octet,
            How::Safi(safi) => (self.uses_mp, flaws.safi) = (true, Some(safi)),
            How::Mapped => flaws.is_mapped = true,
        }
    }
}

/// One entry of a RIB record.
#[derive(Debug)]
pub struct Entry<'a> {
    pub peer_index: u16,
    pub originated: Timestamp,
    pub path_id: Option<u32>,
    pub session: &'a Session,
    pub path: &'a Path,
}

/// The subtypes of a RIB record of TABLE_DUMP_V2 (RFC 6396, section 4.3; RFC 8050, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RibKind {
    Unicast,
    Multicast,
    UnicastAddPath,
}

/// Any record: header and body.
pub fn record(at: Timestamp, kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 + body.len());
    put_u32(&mut bytes, at.secs() as u32);
    put_u16(&mut bytes, kind);
    put_u16(&mut bytes, subtype);
    put_u32(&mut bytes, body.len() as u32);
    bytes.extend(body);
    bytes
}

/// What a peer said, or that its session changed, as a record of an update file.
pub fn update_record(session: &Session, stamp: Stamp, said: &Said) -> Vec<u8> {
    if session.is_legacy {
        return legacy_record(session, stamp, said);
    }
    let four_octets = !session.is_two_octet;
    let (subtype, content) = match said {
        Said::State { old, new } => {
            let subtype = if four_octets { 5 } else { 0 };
            (subtype, [old.to_be_bytes(), new.to_be_bytes()].concat())
        }
        _ => {
            let subtype = match (stamp.is_local, four_octets) {
                (false, false) => 1,
                (false, true) => 4,
                (true, false) => 6,
                (true, true) => 7,
            };
            // The four ADD-PATH subtypes follow in the order MESSAGE, AS4, LOCAL, AS4_LOCAL.
            let subtype = match subtype {
                1 if session.has_add_path => 8,
                4 if session.has_add_path => 9,
                6 if session.has_add_path => 10,
                7 if session.has_add_path => 11,
                other => other,
            };
            let spoken = Session {
                is_two_octet: session.is_two_octet != stamp.flaws.has_other_width,
                has_add_path: session.has_add_path != stamp.flaws.has_other_path_ids,
                ..session.clone()
            };
            let (kind, body) = message(&spoken, &stamp, said);
            let mut octets = with_header(kind, &body);
            if let (Some(n), Said::Update { .. }) = (stamp.flaws.cut, said) {
                octets.truncate(n);
            }
            (subtype, octets)
        }
    };
    let mut body = Vec::new();
    if stamp.is_extended {
        put_u32(&mut body, stamp.flaws.micros.unwrap_or(stamp.at.micros().rem_euclid(1_000_000) as u32));
    }
    for asn in [session.peer_asn, session.local_asn] {
        put_asn(&mut body, asn, four_octets);
    }
    put_u16(&mut body, 0); // interface
    let ends = [session.peer_address, session.local_address];
    let ends = if stamp.flaws.is_mapped { ends.map(mapped) } else { ends };
    put_u16(&mut body, AFI[usize::from(ends[0].is_ipv6())]);
    ends.into_iter().for_each(|address| put_address(&mut body, address));
    body.extend(content);
    record(stamp.at, if stamp.is_extended { BGP4MP_ET } else { BGP4MP }, subtype, &body)
}

/// A record of MRT type 5, which early collectors wrote: messages without their header.
fn legacy_record(session: &Session, stamp: Stamp, said: &Said) -> Vec<u8> {
    let mut body = Vec::new();
    put_asn(&mut body, session.peer_asn, false);
    put_address(&mut body, session.peer_address);
    if let Said::State { old, new } = said {
        put_u16(&mut body, *old);
        put_u16(&mut body, *new);
        return record(stamp.at, BGP, 3, &body);
    }
    put_asn(&mut body, session.local_asn, false);
    put_address(&mut body, session.local_address);
    let (kind, message) = message(session, &stamp, said);
    body.extend(message);
    let subtype = match kind {
        1 => 5,
        3 => 6,
        4 => 7,
        _ => 1,
    };
    record(stamp.at, BGP, subtype, &body)
}

/// The type and the body of the BGP message; state changes have none.
fn message(session: &Session, stamp: &Stamp, said: &Said) -> (u8, Vec<u8>) {
    match said {
        Said::Open => (1, open(session)),
        Said::Update { withdrawn, announced, path } => {
            (2, update(session, stamp, withdrawn, announced, path.as_deref()))
        }
        Said::EndOfRib(Family::V4) => (2, vec![0, 0, 0, 0]),
        Said::EndOfRib(Family::V6) => {
            let unreach = attribute(0x80, 15, &[0, 2, UNICAST]);
            (2, update_body(&[], &unreach, &[]))
        }
        // Cease, Administrative Shutdown (RFC 4486).
        Said::Notification => (3, vec![6, 2]),
        Said::Keepalive | Said::State { .. } => (4, Vec::new()),
        Said::Message { kind, body } => (*kind, body.clone()),
    }
}

fn with_header(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 16];
    put_u16(&mut bytes, 19 + body.len() as u16);
    bytes.push(kind);
    bytes.extend(body);
    bytes
}

/// An OPEN message with the capabilities of the session (RFC 5492).
fn open(session: &Session) -> Vec<u8> {
    let mut capabilities = vec![1, 4, 0, 1, 0, UNICAST];
    if !session.is_two_octet {
        capabilities.extend([65, 4]);
        put_u32(&mut capabilities, session.peer_asn.0);
    }
    if session.has_add_path {
        capabilities.extend([69, 4, 0, 1, UNICAST, 3]);
    }
    let mut body = vec![4];
    put_asn(&mut body, session.peer_asn, false);
    put_u16(&mut body, 180);
    body.extend(router_id(session.peer_address).octets());
    body.push(capabilities.len() as u8 + 2);
    body.extend([2, capabilities.len() as u8]);
    body.extend(capabilities);
    body
}

fn update(
    session: &Session,
    stamp: &Stamp,
    withdrawn: &[(Nlri, u32)],
    announced: &[(Nlri, u32)],
    path: Option<&Path>,
) -> Vec<u8> {
    // IPv4 routes have their own fields, except on an IPv6 session.
    let flaws = &stamp.flaws;
    let safi = flaws.safi.unwrap_or(UNICAST);
    let is_mp = |nlri: &Nlri| stamp.uses_mp || nlri.address.is_ipv6() || session.peer_address.is_ipv6();
    let octets = |prefixes: &[(Nlri, u32)], wanted: &dyn Fn(&Nlri) -> bool| {
        let mut bytes = Vec::new();
        for (nlri, path_id) in prefixes.iter().filter(|(nlri, _)| wanted(nlri)) {
            put_nlri(&mut bytes, nlri, session.has_add_path.then_some(*path_id));
        }
        let length = bytes.get_mut(if session.has_add_path { 4 } else { 0 });
        if let Some(length) = length.filter(|_| flaws.has_bad_length) {
            *length |= 0x80;
        }
        bytes
    };
    let mut attributes = Vec::new();
    if let Some(path) = path {
        let next_hop = announced.iter().any(|(nlri, _)| !is_mp(nlri));
        let mut path = path.clone();
        if flaws.has_unknown_segment {
            path.iter_mut().for_each(|segment| segment.code = UNKNOWN_SEGMENT);
        }
        attributes.extend(path_attributes(session, &path, session.is_two_octet, next_hop));
    }
    for family in Family::ALL {
        let of_family = |nlri: &Nlri| is_mp(nlri) && nlri.family() == family;
        let reached = octets(announced, &of_family);
        if !reached.is_empty() {
            let mut value = Vec::new();
            put_u16(&mut value, AFI[family as usize]);
            value.push(safi);
            put_next_hop(&mut value, session, family);
            value.push(flaws.reserved);
            value.extend(reached);
            attributes.extend(attribute(0x80, 14, &value));
        }
        let unreached = octets(withdrawn, &of_family);
        if !unreached.is_empty() {
            let mut value = Vec::new();
            put_u16(&mut value, AFI[family as usize]);
            value.push(safi);
            value.extend(unreached);
            attributes.extend(attribute(0x80, 15, &value));
        }
    }
    let classic = |nlri: &Nlri| !is_mp(nlri);
    update_body(&octets(withdrawn, &classic), &attributes, &octets(announced, &classic))
}

fn update_body(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    put_u16(&mut body, withdrawn.len() as u16);
    body.extend(withdrawn);
    put_u16(&mut body, attributes.len() as u16);
    body.extend(attributes);
    body.extend(announced);
    body
}

/// ORIGIN, AS_PATH, NEXT_HOP and, where the session cannot carry the path, AS4_PATH.
fn path_attributes(session: &Session, path: &Path, two_octets: bool, with_next_hop: bool) -> Vec<u8> {
    let mut bytes = attribute(0x40, 1, &[0]);
    bytes.extend(attribute(0x40, 2, &path_octets(path, !two_octets)));
    if with_next_hop {
        bytes.extend(attribute(0x40, 3, &next_hop_v4(session).octets()));
    }
    if two_octets && path.iter().any(|segment| segment.members.iter().any(|asn| asn.0 > 0xffff)) {
        // A peer of two octets puts itself in front of AS_PATH only, and AS4_PATH never has confederation segments
        // (RFC 6793, section 4.2.2).
        let mut path: Path = path.iter().filter(|segment| !segment.is_confed()).cloned().collect();
        if let Some(first) = path.first_mut()
            && first.code == Segment::SEQUENCE
            && first.members.first() == Some(&session.peer_asn)
        {
            first.members.remove(0);
        }
        path.retain(|segment| !segment.members.is_empty());
        bytes.extend(attribute(0xc0, 17, &path_octets(&path, true)));
    }
    bytes
}

fn path_octets(path: &Path, four_octets: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in path {
        for members in segment.members.chunks(255) {
            bytes.extend([segment.code, members.len() as u8]);
            for asn in members {
                put_asn(&mut bytes, *asn, four_octets);
            }
        }
    }
    bytes
}

fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + value.len());
    match u8::try_from(value.len()) {
        Ok(length) => bytes.extend([flags, kind, length]),
        Err(_) => {
            bytes.extend([flags | 0x10, kind]);
            put_u16(&mut bytes, value.len() as u16);
        }
    }
    bytes.extend(value);
    bytes
}

/// PEER_INDEX_TABLE (RFC 6396, section 4.3.1).
pub fn peer_index_table(at: Timestamp, collector: Ipv4Addr, peers: &[Session], left_over: usize) -> Vec<u8> {
    let mut body = collector.octets().to_vec();
    put_u16(&mut body, 0); // no view name
    put_u16(&mut body, peers.len() as u16);
    for session in peers {
        body.push(u8::from(session.peer_address.is_ipv6()) | u8::from(!session.is_two_octet) << 1);
        body.extend(router_id(session.peer_address).octets());
        put_address(&mut body, session.peer_address);
        put_asn(&mut body, session.peer_asn, !session.is_two_octet);
    }
    body.resize(body.len() + left_over, 0);
    record(at, TABLE_DUMP_V2, 1, &body)
}

/// A RIB record of TABLE_DUMP_V2: one prefix, many peers. AS paths have four octets whatever the session.
pub fn rib_record(at: Timestamp, sequence: u32, kind: RibKind, nlri: &Nlri, entries: &[Entry]) -> Vec<u8> {
    let family = nlri.family();
    let subtype = match (kind, family) {
        (RibKind::Unicast, Family::V4) => 2,
        (RibKind::Multicast, Family::V4) => 3,
        (RibKind::Unicast, Family::V6) => 4,
        (RibKind::Multicast, Family::V6) => 5,
        (RibKind::UnicastAddPath, Family::V4) => 8,
        (RibKind::UnicastAddPath, Family::V6) => 10,
    };
    let mut body = Vec::new();
    put_u32(&mut body, sequence);
    put_nlri(&mut body, nlri, None);
    put_u16(&mut body, entries.len() as u16);
    for entry in entries {
        put_u16(&mut body, entry.peer_index);
        put_u32(&mut body, entry.originated.secs() as u32);
        if let Some(path_id) = entry.path_id {
            put_u32(&mut body, path_id);
        }
        let mut attributes = path_attributes(entry.session, entry.path, false, family == Family::V4);
        if family == Family::V6 {
            // Only the next hop: prefix and family are those of the record (RFC 6396, section 4.3.4).
            let mut value = Vec::new();
            put_next_hop(&mut value, entry.session, family);
            attributes.extend(attribute(0x80, 14, &value));
        }
        put_u16(&mut body, attributes.len() as u16);
        body.extend(attributes);
    }
    record(at, TABLE_DUMP_V2, subtype, &body)
}

/// A record of TABLE_DUMP: one prefix, one peer, AS numbers of two octets (RFC 6396, section 4.2).
pub fn table_dump_record(at: Timestamp, sequence: u16, nlri: &Nlri, entry: &Entry) -> Vec<u8> {
    let mut body = Vec::new();
    put_u16(&mut body, 0); // view
    put_u16(&mut body, sequence);
    put_address(&mut body, nlri.address);
    body.extend([nlri.length, 1]);
    put_u32(&mut body, entry.originated.secs() as u32);
    // Its subtype gives one family to the prefix and to the peer.
    match (nlri.address, entry.session.peer_address) {
        (IpAddr::V6(_), IpAddr::V4(peer)) => put_address(&mut body, peer.to_ipv6_mapped().into()),
        (IpAddr::V4(_), peer @ IpAddr::V6(_)) => put_address(&mut body, router_id(peer).into()),
        (_, peer) => put_address(&mut body, peer),
    }
    put_asn(&mut body, entry.session.peer_asn, false);
    let is_v4 = nlri.address.is_ipv4();
    let mut attributes = path_attributes(entry.session, entry.path, true, is_v4);
    if !is_v4 {
        let mut value = Vec::new();
        put_u16(&mut value, AFI[1]);
        value.push(UNICAST);
        put_next_hop(&mut value, entry.session, Family::V6);
        value.push(0);
        put_nlri(&mut value, nlri, None);
        attributes.extend(attribute(0x80, 14, &value));
    }
    put_u16(&mut body, attributes.len() as u16);
    body.extend(attributes);
    record(at, TABLE_DUMP, if is_v4 { 1 } else { 2 }, &body)
}

/// An IPv4 address as a part of IPv6.
pub fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    }
}

/// The next hop of IPv4 routes: the peer, or its router identifier on an IPv6 session.
fn next_hop_v4(session: &Session) -> Ipv4Addr {
    router_id(session.peer_address)
}

fn put_next_hop(bytes: &mut Vec<u8>, session: &Session, family: Family) {
    let next_hop = match (family, session.peer_address) {
        (Family::V4, _) => IpAddr::V4(next_hop_v4(session)),
        (Family::V6, IpAddr::V4(peer)) => IpAddr::V6(peer.to_ipv6_mapped()),
        (Family::V6, peer) => peer,
    };
    bytes.push(if next_hop.is_ipv4() { 4 } else { 16 });
    put_address(bytes, next_hop);
}

/// The BGP identifier of a router: its IPv4 address, or the last four octets of its IPv6 address.
fn router_id(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => Ipv4Addr::from_bits(address.to_bits() as u32),
    }
}

/// A prefix as its length and the octets that the length needs, bits beyond it included.
fn put_nlri(bytes: &mut Vec<u8>, nlri: &Nlri, path_id: Option<u32>) {
    if let Some(path_id) = path_id {
        put_u32(bytes, path_id);
    }
    bytes.push(nlri.length);
    let n_octets = usize::from(nlri.length).div_ceil(8);
    match nlri.address {
        IpAddr::V4(address) => bytes.extend(&address.octets()[..n_octets]),
        IpAddr::V6(address) => bytes.extend(&address.octets()[..n_octets]),
    }
}

fn put_address(bytes: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => bytes.extend(address.octets()),
        IpAddr::V6(address) => bytes.extend(address.octets()),
    }
}

/// A number that does not fit two octets becomes AS_TRANS (RFC 6793, section 9).
fn put_asn(bytes: &mut Vec<u8>, asn: Asn, four_octets: bool) {
    if four_octets {
        put_u32(bytes, asn.0);
    } else {
        put_u16(bytes, u16::try_from(asn.0).unwrap_or(AS_TRANS));
    }
}

fn put_u16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend(value.to_be_bytes());
}

fn put_u32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend(value.to_be_bytes());
}
