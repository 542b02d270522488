//! Small records for tests, built octet by octet, and readings as text.

use std::net::IpAddr;

use super::{Change, Lost, Reading, RibEntry, RouteEvent, Selection};

/// When samples happen, unless they say otherwise.
pub(super) const AT: u32 = 1_419_264_900;

/// Peers of the samples: AS64500 at 192.0.2.1, its IPv6 session, and AS64501 at 192.0.2.2.
pub(super) const PEER: (u32, &str) = (64500, "192.0.2.1");
pub(super) const PEER6: (u32, &str) = (64500, "2001:db8::1");
pub(super) const OTHER: (u32, &str) = (64501, "192.0.2.2");

pub(super) fn record(at: u32, kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let mut record = at.to_be_bytes().to_vec();
    record.extend(kind.to_be_bytes());
    record.extend(subtype.to_be_bytes());
    record.extend((body.len() as u32).to_be_bytes());
    record.extend(body);
    record
}

/// The part of a BGP4MP body before the message or the states.
pub(super) fn addresses(subtype: u16, (asn, address): (u32, &str)) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [asn, 64511] {
        match subtype {
            4 | 5 | 7 | 9 | 11 => body.extend(number.to_be_bytes()),
            _ => body.extend((number as u16).to_be_bytes()),
        }
    }
    let address: IpAddr = address.parse().unwrap();
    body.extend([0, 0, 0, if address.is_ipv4() { 1 } else { 2 }]);
    body.extend(octets(address));
    body.extend(octets(address));
    body
}

pub(super) fn bgp4mp(subtype: u16, peer: (u32, &str), message: &[u8]) -> Vec<u8> {
    record(AT, 16, subtype, &[addresses(subtype, peer), message.to_vec()].concat())
}

pub(super) fn state_record(subtype: u16, peer: (u32, &str), old: u16, new: u16) -> Vec<u8> {
    bgp4mp(subtype, peer, &[old.to_be_bytes(), new.to_be_bytes()].concat())
}

/// A BGP message with its header.
pub(super) fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![0xff; 16];
    message.extend((19 + content.len() as u16).to_be_bytes());
    message.push(kind);
    message.extend(content);
    message
}

/// An UPDATE without its header.
pub(super) fn update(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    [&field(withdrawn)[..], &field(attributes), announced].concat()
}

/// An UPDATE of [`PEER`] with four-octet AS numbers.
pub(super) fn update_record(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    bgp4mp(4, PEER, &message(2, &update(withdrawn, attributes, announced)))
}

/// Octets after their length in two.
pub(super) fn field(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

pub(super) fn attribute(code: u8, value: &[u8]) -> Vec<u8> {
    [&[0x50, code][..], &field(value)].concat()
}

/// A segment of a path: 1 AS_SET, 2 AS_SEQUENCE, 3 and 4 of a confederation; numbers of `width` octets.
pub(super) fn segment(kind: u8, width: usize, numbers: &[u32]) -> Vec<u8> {
    let mut segment = vec![kind, numbers.len() as u8];
    numbers.iter().for_each(|number| segment.extend(&number.to_be_bytes()[4 - width..]));
    segment
}

/// ORIGIN, AS_PATH of one sequence and NEXT_HOP.
pub(super) fn attributes(width: usize, path: &[u32]) -> Vec<u8> {
    [attribute(1, &[0]), attribute(2, &segment(2, width, path)), attribute(3, &[192, 0, 2, 1])].concat()
}

/// A prefix as NLRI.
pub(super) fn nlri(prefix: &str) -> Vec<u8> {
    let (address, length) = prefix.split_once('/').unwrap();
    let length: u8 = length.parse().unwrap();
    let mut nlri = vec![length];
    nlri.extend(&octets(address.parse().unwrap())[..usize::from(length).div_ceil(8)]);
    nlri
}

/// A prefix as NLRI with a path identifier.
pub(super) fn nlri_with_id(id: u32, prefix: &str) -> Vec<u8> {
    [&id.to_be_bytes()[..], &nlri(prefix)].concat()
}

pub(super) fn mp_reach(family: u8, safi: u8, list: &[u8]) -> Vec<u8> {
    attribute(14, &[&[0, family, safi, 4, 192, 0, 2, 1, 0][..], list].concat())
}

pub(super) fn mp_unreach(family: u8, safi: u8, list: &[u8]) -> Vec<u8> {
    attribute(15, &[&[0, family, safi][..], list].concat())
}

pub(super) fn peer_table(peers: &[(u32, &str)]) -> Vec<u8> {
    let mut body = vec![192, 0, 2, 255, 0, 0];
    body.extend((peers.len() as u16).to_be_bytes());
    for (asn, address) in peers {
        let address: IpAddr = address.parse().unwrap();
        body.extend([if address.is_ipv4() { 2 } else { 3 }, 0, 0, 0, 0]);
        body.extend(octets(address));
        body.extend(asn.to_be_bytes());
    }
    record(AT, 13, 1, &body)
}

/// A RIB entry of a peer index.
pub(super) fn entry(peer: u16, path_id: Option<u32>, attributes: &[u8]) -> Vec<u8> {
    let mut entry = peer.to_be_bytes().to_vec();
    entry.extend((AT - 86_400).to_be_bytes());
    entry.extend(path_id.iter().flat_map(|id| id.to_be_bytes()));
    entry.extend(field(attributes));
    entry
}

/// A RIB record of TABLE_DUMP_V2.
pub(super) fn rib(subtype: u16, prefix: &str, entries: &[Vec<u8>]) -> Vec<u8> {
    let n = (entries.len() as u16).to_be_bytes();
    record(AT, 13, subtype, &[&[0, 0, 0, 0][..], &nlri(prefix), &n, &entries.concat()].concat())
}

/// A route of TABLE_DUMP, without view and sequence number.
pub(super) fn dumped(prefix: &str, (asn, address): (u32, &str), attributes: &[u8]) -> Vec<u8> {
    let (network, length) = prefix.split_once('/').unwrap();
    let mut route = octets(network.parse().unwrap());
    route.extend([length.parse().unwrap(), 1]);
    route.extend((AT - 86_400).to_be_bytes());
    route.extend(octets(address.parse().unwrap()));
    route.extend((asn as u16).to_be_bytes());
    route.extend(field(attributes));
    route
}

/// A TABLE_DUMP record of IPv4.
pub(super) fn table_dump(routes: &[Vec<u8>]) -> Vec<u8> {
    record(AT, 12, 1, &[&[0, 0, 0, 0][..], &routes.concat()].concat())
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Prefixes, `within:` prefixes and AS numbers, separated by spaces.
pub(super) fn selection(words: &str) -> Selection {
    let mut selection = Selection::new();
    for word in words.split_whitespace() {
        match word.strip_prefix("within:") {
            Some(prefix) => selection.add_within(prefix.parse().unwrap()),
            None if word.starts_with("AS") => selection.add_origin(word.parse().unwrap()),
            None => selection.add_prefix(word.parse().unwrap()),
        }
    }
    selection
}

/// Everything there is.
pub(super) const ALL: &str = "within:0.0.0.0/0 within:::/0";

/// The events as text, separated by ` | `; signs of life, which every peer gives, are left out.
pub(super) fn text(reading: &Reading) -> String {
    let line = |event: &RouteEvent| {
        format!("{} {}", reading.census.peers[event.peer as usize].peer.address, change(&event.change))
    };
    let of_rib = reading.rib.iter().map(|(record, RibEntry { peer, path_id, path })| {
        let peer = reading.census.peers[*peer as usize].peer.address;
        format!("{peer} holds {}{} {path}", record.prefix, id(path_id))
    });
    let events = reading.events.iter().filter(|event| event.change != Change::Alive).map(line);
    of_rib.chain(events).collect::<Vec<_>>().join(" | ")
}

fn id(path_id: &Option<u32>) -> String {
    path_id.map_or(String::new(), |id| format!("#{id}"))
}

fn change(change: &Change) -> String {
    match change {
        Change::Announce { prefix, path_id, path } => format!("announces {prefix}{} {path}", id(path_id)),
        Change::Withdraw { prefix, path_id } => format!("withdraws {prefix}{}", id(path_id)),
        Change::EndOfRib { family } => format!("end of {family}"),
        Change::SessionUp => "up".to_owned(),
        Change::SessionDown => "down".to_owned(),
        Change::Open => "open".to_owned(),
        Change::ConnectionClosed => "connection closed".to_owned(),
        Change::Lost(lost) => format!("lost {}", lost_text(lost)),
        Change::Unclear { prefix } => format!("unclear {prefix}"),
        Change::Alive => "alive".to_owned(),
    }
}

fn lost_text(lost: &Lost) -> String {
    let families =
        ["IPv4", "IPv6"].into_iter().zip(lost.families).filter(|(_, is_lost)| *is_lost).map(|(name, _)| name);
    let kinds = [("withdrawals", lost.withdrawals), ("announcements", lost.announcements)];
    let kinds = kinds.into_iter().filter(|(_, is_lost)| *is_lost).map(|(name, _)| name);
    families.chain(kinds).collect::<Vec<_>>().join(" ")
}
