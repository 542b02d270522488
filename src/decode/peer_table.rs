//! The rows of a PEER_INDEX_TABLE (RFC 6396, section 4.3.1), also if a row has another length than it declares.
//!
//! GoBGP writes a row for its own routes that is four octets too short, and every row after it would be read four octets
//! off. The table does not mark that row, so the plausibility of all rows decides.

use std::net::{IpAddr, Ipv4Addr};

use super::peers::is_placeholder;
use super::wire::Octets;
use crate::bgp::{Asn, Family, Peer};

/// Lengths that a row has: a type and an identifier, an address of 0, 4 or 16 octets, a number of 0, 2 or 4.
const LENGTHS: [usize; 8] = [5, 7, 9, 11, 13, 21, 23, 25];

/// No more rows than this may have a wrong length.
const MAX_WRONG: usize = 2;

/// Larger tables are not searched: it takes the square of their size.
const MAX_SEARCHED: usize = 4096;

/// The search stops at this many ways to read a table.
const MAX_FOUND: usize = 16;

/// Flags in the type of a row.
const IPV6: u8 = 1;
const FOUR_OCTETS: u8 = 2;

/// A row whose peer cannot be known.
const NO_PEER: Peer = Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), asn: Asn(0) };

/// The peers of `n` rows, and the fault of the table if it cannot be relied on.
pub(super) fn rows(octets: &[u8], n: usize) -> (Vec<Peer>, Option<&'static str>) {
    let mut rest = Octets(octets);
    let mut peers = Vec::new();
    while peers.len() < n
        && let Some(peer) = row(&mut rest)
    {
        peers.push(peer);
    }
    let fits = peers.len() == n && rest.is_empty();
    let mut found = Vec::new();
    if peers.len() == n {
        let mut rest = Octets(octets);
        let sensible: Option<Vec<Peer>> = (0..n).map(|_| sensible_row(&mut rest)).collect();
        match sensible {
            Some(_) if fits => return (peers, None),
            // Octets without meaning after the rows.
            Some(peers) => found.push(Found { peers, widths: [0; 2] }),
            None => {}
        }
    }
    for n_wrong in 1..=if fits { 1 } else { MAX_WRONG } {
        // One wrong length explains more than two.
        if (n_wrong == 1 || found.is_empty()) && n <= MAX_SEARCHED / 16usize.pow(n_wrong as u32 - 1) {
            let mut search = Search { n, n_wrong, found: Vec::new() };
            search.from(octets, n_wrong, &mut Found::default());
            found.extend(search.found);
        }
    }
    // Daemons write all numbers in one width.
    let least = found.iter().map(Found::n_odd).min();
    found.retain(|found| Some(found.n_odd()) == least);
    match &found[..] {
        // Rows four octets off may fit by accident, and strange ones be what the collector wrote.
        [] if fits => (peers, None),
        [] if peers.len() < n => (peers, Some("a peer table that ends early")),
        [] => (peers, Some("a peer table with octets left over")),
        [first, others @ ..] if others.iter().all(|other| other.peers == first.peers) => (first.peers.clone(), None),
        _ => (peers, Some("a peer table that can be read in more than one way")),
    }
}

/// A way to read a table.
#[derive(Clone, Default)]
struct Found {
    peers: Vec<Peer>,
    /// How many rows have a number of two octets and of four.
    widths: [usize; 2],
}

impl Found {
    /// How many rows have a number of another width than most.
    fn n_odd(&self) -> usize {
        self.widths[0].min(self.widths[1])
    }
}

/// The ways to read a table of `n` rows in which exactly `n_wrong` have a wrong length.
struct Search {
    n: usize,
    n_wrong: usize,
    found: Vec<Found>,
}

impl Search {
    /// Reads the rows after those in `read`, of which `n_wrong` have a wrong length.
    fn from(&mut self, octets: &[u8], n_wrong: usize, read: &mut Found) {
        let before = (read.peers.len(), read.widths);
        let mut rest = Octets(octets);
        while self.found.len() < MAX_FOUND && read.peers.len() < self.n {
            let right = length(rest);
            for length in LENGTHS.into_iter().filter(|length| n_wrong > 0 && Some(*length) != right) {
                let mut after = rest;
                // A row of octets that are all 0 is the collector's own, and there may be one of each family.
                let is_empty = |row: &[u8]| row.iter().skip(1).all(|octet| *octet == 0);
                if after.take(length).is_some_and(|row| self.n_wrong == 1 || is_empty(row)) {
                    read.peers.push(NO_PEER);
                    self.from(after.0, n_wrong - 1, read);
                    read.peers.pop();
                }
            }
            let is_wide = rest.0.first().is_some_and(|kind| kind & FOUR_OCTETS != 0);
            match sensible_row(&mut rest) {
                Some(peer) => read.peers.push(peer),
                None => break,
            }
            read.widths[usize::from(is_wide)] += 1;
        }
        if read.peers.len() == self.n && n_wrong == 0 && rest.is_empty() {
            self.found.push(read.clone());
        }
        read.peers.truncate(before.0);
        read.widths = before.1;
    }
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
    let address = octets.address(if kind & IPV6 != 0 { Family::V6 } else { Family::V4 })?;
    let asn = if kind & FOUR_OCTETS != 0 { octets.u32()? } else { u32::from(octets.u16()?) };
    Some(Peer { address, asn: Asn(asn) })
}

/// A plausible row: of a possible peer, or of none.
fn sensible_row(octets: &mut Octets) -> Option<Peer> {
    let kind = *octets.0.first()?;
    let peer = row(octets).filter(|_| kind <= IPV6 | FOUR_OCTETS)?;
    // AS numbers are assigned from the low end, and for private use from the high one.
    let may_be = matches!(peer.asn.0, 0..1_000_000 | 4_200_000_000..=4_294_967_294);
    let is_address = match peer.address {
        IpAddr::V4(address) => matches!(address.octets(), [1..=126 | 128..=223, _, _, 1..=255]),
        IpAddr::V6(address) => matches!(address.octets(), [0x20..=0x3f | 0xfc..=0xfe, ..]),
    };
    match (may_be, is_address || peer.address.is_unspecified()) {
        (true, true) if is_placeholder(&peer) => Some(NO_PEER),
        (true, true) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
