//! The rows of a PEER_INDEX_TABLE (RFC 6396, section 4.3.1), also where one of them has another length than it says.
//!
//! GoBGP writes a row for its own routes that is four octets too short, and every row after it would be read four octets
//! off. Which row it is is not marked: rows that make sense tell.

use std::net::{IpAddr, Ipv4Addr};

use super::peers::is_nobody;
use super::rib::address;
use super::wire::Octets;
use crate::bgp::{Asn, Family, Peer};

/// Lengths that a row has: a type and an identifier, an address of 0, 4 or 16 octets, a number of 0, 2 or 4.
const LENGTHS: [usize; 8] = [5, 7, 9, 11, 13, 21, 23, 25];

/// No more rows than this may have a wrong length.
const MAX_WRONG: usize = 2;

/// Larger tables are not searched: it takes the square of their size.
const MAX_SEARCHED: usize = 4096;

/// More ways to read a table than this are not told apart.
const MAX_FOUND: usize = 16;

/// Flags in the type of a row.
const IPV6: u8 = 1;
const FOUR_OCTETS: u8 = 2;

/// A row whose peer cannot be known.
const NO_PEER: Peer = Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), asn: Asn(0) };

/// The peers of so many rows, and what is wrong with the table where it cannot be relied on.
pub(super) fn rows(octets: &[u8], n: usize) -> (Vec<Peer>, Option<&'static str>) {
    let mut rest = Octets(octets);
    let mut peers = Vec::new();
    while peers.len() < n
        && let Some(peer) = row(&mut rest)
    {
        peers.push(peer);
    }
    if peers.len() == n && rest.is_empty() {
        return (peers, None);
    }
    let mut found = Vec::new();
    // Rows of the right length, and octets behind them that mean nothing.
    if peers.len() == n {
        let mut rest = Octets(octets);
        found.extend((0..n).map(|_| sensible_row(&mut rest)).collect::<Option<Vec<Peer>>>());
    }
    for n_wrong in 1..=MAX_WRONG {
        // One wrong length explains more than two.
        if (n_wrong == 1 || found.is_empty()) && n <= MAX_SEARCHED / 16usize.pow(n_wrong as u32 - 1) {
            search(octets, n, n_wrong, &mut Vec::new(), &mut found);
        }
    }
    match &found[..] {
        [] if peers.len() < n => (peers, Some("a peer table that ends early")),
        [] => (peers, Some("a peer table with octets left over")),
        [first, others @ ..] if others.iter().all(|other| other == first) => (first.clone(), None),
        _ => (peers, Some("a peer table that can be read in more than one way")),
    }
}

/// Finds the ways to read the rows behind `peers`, `n` with these, so that just so many of them have a wrong length.
fn search(octets: &[u8], n: usize, n_wrong: usize, peers: &mut Vec<Peer>, found: &mut Vec<Vec<Peer>>) {
    let n_before = peers.len();
    let mut rest = Octets(octets);
    while found.len() < MAX_FOUND && peers.len() < n {
        let right = length(rest);
        for length in LENGTHS.into_iter().filter(|length| n_wrong > 0 && Some(*length) != right) {
            let mut after = rest;
            if after.take(length).is_some() {
                peers.push(NO_PEER);
                search(after.0, n, n_wrong - 1, peers, found);
                peers.pop();
            }
        }
        match sensible_row(&mut rest) {
            Some(peer) => peers.push(peer),
            None => break,
        }
    }
    if peers.len() == n && n_wrong == 0 && rest.is_empty() {
        found.push(peers.clone());
    }
    peers.truncate(n_before);
}

/// The length of a row by its type.
fn length(row: Octets) -> Option<usize> {
    let kind = *row.0.first()?;
    Some(5 + if kind & IPV6 != 0 { 16 } else { 4 } + if kind & FOUR_OCTETS != 0 { 4 } else { 2 })
}

/// A row: type, BGP identifier, address, AS number.
fn row(octets: &mut Octets) -> Option<Peer> {
    let kind = octets.u8()?;
    octets.take(4)?;
    let address = address(octets, if kind & IPV6 != 0 { Family::V6 } else { Family::V4 })?;
    let asn = if kind & FOUR_OCTETS != 0 { octets.u32()? } else { u32::from(octets.u16()?) };
    Some(Peer { address, asn: Asn(asn) })
}

/// A row that makes sense: of a peer that there may be, or of none.
fn sensible_row(octets: &mut Octets) -> Option<Peer> {
    let kind = *octets.0.first()?;
    let peer = row(octets).filter(|_| kind <= IPV6 | FOUR_OCTETS)?;
    // Numbers are given out from the low end, and for private use from the high one.
    let may_be = matches!(peer.asn.0, 0..1_000_000 | 4_200_000_000..=4_294_967_294);
    let is_address = match peer.address {
        IpAddr::V4(address) => matches!(address.octets(), [1..=126 | 128..=223, ..]),
        IpAddr::V6(address) => matches!(address.octets(), [0x20..=0x3f | 0xfc..=0xfe, ..]),
    };
    match (may_be, is_address || peer.address.is_unspecified()) {
        (true, true) if is_nobody(&peer) => Some(NO_PEER),
        (true, true) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
