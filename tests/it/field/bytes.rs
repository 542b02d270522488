//! MRT records octet by octet, right or wrong: unlike the generator's writer, this one also writes what no standard allows.

use std::net::{IpAddr, Ipv4Addr};

use outage_replay::bgp::{Family, Prefix};

pub const BGP4MP: u16 = 16;
pub const TABLE_DUMP_V2: u16 = 13;
/// Subtypes of BGP4MP (RFC 6396, section 4.4; RFC 8050, section 3).
pub const MESSAGE: u16 = 1;
pub const ENTRY: u16 = 2;
pub const SNAPSHOT: u16 = 3;
pub const MESSAGE_AS4: u16 = 4;
pub const STATE_CHANGE_AS4: u16 = 5;
pub const MESSAGE_AS4_ADDPATH: u16 = 9;
/// Types of BGP messages (RFC 4271, section 4.1).
pub const OPEN: u8 = 1;
pub const UPDATE: u8 = 2;
pub const NOTIFICATION: u8 = 3;
pub const KEEPALIVE: u8 = 4;
/// Subsequent address families (RFC 4760, section 6).
pub const UNICAST: u8 = 1;
pub const MULTICAST: u8 = 2;
pub const UNICAST_AND_MULTICAST: u8 = 3;

/// One end of a session at the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub asn: u32,
    pub address: IpAddr,
    pub local_asn: u32,
}

impl Peer {
    pub fn router_id(&self) -> Ipv4Addr {
        match self.address {
            IpAddr::V4(address) => address,
            IpAddr::V6(address) => Ipv4Addr::from_bits(address.to_bits() as u32),
        }
    }
}

/// A prefix, and how an UPDATE speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// The fields of RFC 4271, IPv4 only.
    Classic,
    /// MP_REACH_NLRI and MP_UNREACH_NLRI with this subsequent address family.
    Multiprotocol(u8),
}

/// Header and body of a record.
pub fn record(at: i64, kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let header = [&(at as u32).to_be_bytes()[..], &kind.to_be_bytes(), &subtype.to_be_bytes()].concat();
    [&header[..], &(body.len() as u32).to_be_bytes(), body].concat()
}

/// A record of a session: `content` is a message, or two states.
pub fn bgp4mp(at: i64, peer: &Peer, subtype: u16, content: &[u8]) -> Vec<u8> {
    let is_wide = matches!(subtype, MESSAGE_AS4 | STATE_CHANGE_AS4 | 7 | 9 | 11);
    let mut body = Vec::new();
    for asn in [peer.asn, peer.local_asn] {
        body.extend(number(asn, is_wide));
    }
    body.extend([0, 0, 0, 1 + u8::from(peer.address.is_ipv6())]);
    body.extend(octets(peer.address));
    body.extend(octets(match peer.address {
        IpAddr::V4(_) => IpAddr::from([192, 0, 2, 254]),
        IpAddr::V6(_) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xfe]),
    }));
    body.extend(content);
    record(at, BGP4MP, subtype, &body)
}

/// A BGP message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff; 16][..], &(19 + body.len() as u16).to_be_bytes(), &[kind], body].concat()
}

/// An UPDATE from its three parts.
pub fn update(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let lengths = [withdrawn.len(), attributes.len()].map(|length| (length as u16).to_be_bytes());
    message(UPDATE, &[&lengths[0], withdrawn, &lengths[1], attributes, announced].concat())
}

/// An UPDATE that withdraws.
pub fn withdrawal(speech: Speech, prefixes: &[Prefix]) -> Vec<u8> {
    match speech {
        Speech::Classic => update(&list(prefixes), &[], &[]),
        Speech::Multiprotocol(safi) => update(&[], &mp_unreach(safi, prefixes), &[]),
    }
}

/// An UPDATE that announces.
pub fn announcement(speech: Speech, peer: &Peer, path: &[u32], prefixes: &[Prefix]) -> Vec<u8> {
    let route = [origin(), as_path(path, true)].concat();
    match speech {
        Speech::Classic => update(&[], &[route, next_hop(peer)].concat(), &list(prefixes)),
        Speech::Multiprotocol(safi) => update(&[], &[route, mp_reach(safi, peer, 0, prefixes)].concat(), &[]),
    }
}

/// End-of-RIB (RFC 4724).
pub fn end_of_rib(family: Family) -> Vec<u8> {
    match family {
        Family::V4 => update(&[], &[], &[]),
        Family::V6 => update(&[], &attribute(0x80, 15, &[0, 2, UNICAST]), &[]),
    }
}

/// An OPEN message with four-octet AS numbers.
pub fn open(peer: &Peer) -> Vec<u8> {
    let capabilities = [&[1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 65, 4][..], &peer.asn.to_be_bytes()].concat();
    let parameters = [&[2, capabilities.len() as u8][..], &capabilities].concat();
    let fixed = [&[4][..], &number(peer.asn, false), &[0, 180], &peer.router_id().octets()].concat();
    message(OPEN, &[&fixed[..], &[parameters.len() as u8], &parameters].concat())
}

pub fn origin() -> Vec<u8> {
    attribute(0x40, 1, &[0])
}

pub fn next_hop(peer: &Peer) -> Vec<u8> {
    attribute(0x40, 3, &peer.router_id().octets())
}

/// AS_PATH of one sequence.
pub fn as_path(path: &[u32], is_wide: bool) -> Vec<u8> {
    attribute(0x40, 2, &segment(2, path, is_wide))
}

/// A segment of an AS path of any type.
pub fn segment(kind: u8, members: &[u32], is_wide: bool) -> Vec<u8> {
    let members: Vec<u8> = members.iter().flat_map(|asn| number(*asn, is_wide)).collect();
    [&[kind, (members.len() / if is_wide { 4 } else { 2 }) as u8][..], &members].concat()
}

pub fn mp_reach(safi: u8, peer: &Peer, reserved: u8, prefixes: &[Prefix]) -> Vec<u8> {
    let family = prefixes.first().map_or(Family::V4, |prefix| prefix.family());
    let next_hop = match (family, peer.address) {
        (Family::V6, IpAddr::V4(address)) => IpAddr::from(address.to_ipv6_mapped()),
        (_, address) => address,
    };
    let next_hop = octets(next_hop);
    let value = [&afi(family)[..], &[safi, next_hop.len() as u8], &next_hop, &[reserved], &list(prefixes)].concat();
    attribute(0x80, 14, &value)
}

pub fn mp_unreach(safi: u8, prefixes: &[Prefix]) -> Vec<u8> {
    let family = prefixes.first().map_or(Family::V4, |prefix| prefix.family());
    attribute(0x80, 15, &[&afi(family)[..], &[safi], &list(prefixes)].concat())
}

pub fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    match u8::try_from(value.len()) {
        Ok(length) => [&[flags, kind, length][..], value].concat(),
        Err(_) => [&[flags | 0x10, kind][..], &(value.len() as u16).to_be_bytes(), value].concat(),
    }
}

/// Prefixes as lengths and octets.
pub fn list(prefixes: &[Prefix]) -> Vec<u8> {
    prefixes.iter().flat_map(nlri).collect()
}

/// The same with a path identifier before each (RFC 7911).
pub fn list_with_ids(prefixes: &[Prefix]) -> Vec<u8> {
    prefixes.iter().flat_map(|prefix| [vec![0, 0, 0, 1], nlri(prefix)].concat()).collect()
}

pub fn nlri(prefix: &Prefix) -> Vec<u8> {
    let mut bytes = vec![prefix.len()];
    bytes.extend(&octets(prefix.net().addr())[..usize::from(prefix.len()).div_ceil(8)]);
    bytes
}

/// PEER_INDEX_TABLE with these rows.
pub fn peer_index_table(at: i64, n_rows: usize, rows: &[u8]) -> Vec<u8> {
    let body = [&[193, 0, 4, 28, 0, 0][..], &(n_rows as u16).to_be_bytes(), rows].concat();
    record(at, TABLE_DUMP_V2, 1, &body)
}

/// A row of a peer table, with a four-octet AS number.
pub fn row(peer: &Peer) -> Vec<u8> {
    let kind = 2 | u8::from(peer.address.is_ipv6());
    [&[kind][..], &peer.router_id().octets(), &octets(peer.address), &peer.asn.to_be_bytes()].concat()
}

/// One prefix at many peers, by their rows in the peer table and the segments of their AS paths.
pub fn rib_record(at: i64, sequence: u32, prefix: &Prefix, entries: &[(u16, Peer, Vec<u8>)]) -> Vec<u8> {
    let mut body = [&sequence.to_be_bytes()[..], &nlri(prefix), &(entries.len() as u16).to_be_bytes()].concat();
    for (index, peer, path) in entries {
        let mut attributes = [origin(), attribute(0x40, 2, path)].concat();
        match prefix.family() {
            Family::V4 => attributes.extend(next_hop(peer)),
            // Length and address of the next hop only (RFC 6396, section 4.3.4).
            Family::V6 => {
                let address = match peer.address {
                    IpAddr::V4(address) => octets(address.to_ipv6_mapped().into()),
                    address => octets(address),
                };
                attributes.extend(attribute(0x80, 14, &[&[16][..], &address].concat()));
            }
        }
        body.extend([&index.to_be_bytes()[..], &((at - 3600) as u32).to_be_bytes()].concat());
        body.extend((attributes.len() as u16).to_be_bytes());
        body.extend(attributes);
    }
    record(at, TABLE_DUMP_V2, if prefix.family() == Family::V4 { 2 } else { 4 }, &body)
}

/// A record of TABLE_DUMP: AS numbers of two octets, and an AS4_PATH where the path has larger ones.
pub fn table_dump_record(at: i64, sequence: u16, prefix: &Prefix, peer: &Peer, path: &[u32]) -> Vec<u8> {
    let mut attributes = [origin(), as_path(path, false), next_hop(peer)].concat();
    if path.iter().any(|asn| *asn > 0xffff) {
        attributes.extend(attribute(0xc0, 17, &segment(2, path, true)));
    }
    let fixed = [&[0, 0][..], &sequence.to_be_bytes(), &octets(prefix.net().addr()), &[prefix.len(), 1]].concat();
    let rest = [&((at - 3600) as u32).to_be_bytes()[..], &octets(peer.address), &number(peer.asn, false)].concat();
    let body = [&fixed[..], &rest, &(attributes.len() as u16).to_be_bytes(), &attributes].concat();
    record(at, 12, 1, &body)
}

/// A route as BGP4MP_ENTRY (RFC 6396, appendix B.2): one peer, one prefix.
pub fn entry_record(at: i64, prefix: &Prefix, peer: &Peer, path: &[u32]) -> Vec<u8> {
    let attributes = [origin(), as_path(path, false)].concat();
    let mut content = [&[0, 0, 0, 1][..], &((at - 3600) as u32).to_be_bytes()].concat();
    content.extend([&afi(prefix.family())[..], &[UNICAST, 4], &peer.router_id().octets()].concat());
    content.extend([&nlri(prefix)[..], &(attributes.len() as u16).to_be_bytes(), &attributes].concat());
    bgp4mp(at, peer, ENTRY, &content)
}

/// A number that does not fit two octets becomes AS_TRANS (RFC 6793, section 9).
pub fn number(asn: u32, is_wide: bool) -> Vec<u8> {
    if is_wide { asn.to_be_bytes().to_vec() } else { u16::try_from(asn).unwrap_or(23456).to_be_bytes().to_vec() }
}

pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn afi(family: Family) -> [u8; 2] {
    [0, 1 + u8::from(family == Family::V6)]
}
