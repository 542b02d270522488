//! The records in a piece of a RIB dump, which begins and ends inside a record.
//!
//! RIB records carry sequence numbers that ascend by one, and each can be read to its last octet: a place from which three
//! such records follow one another begins one of them.

use crate::bgp::Prefix;
use crate::decode::mrt::{HEADER, TABLE_DUMP_V2, header, table_dump_v2::PEER_INDEX_TABLE, unicast_table};
use crate::decode::rib::outline;

/// The number of records that must follow one another.
const CHAIN: usize = 3;

/// A longer record is none of a RIB dump: a thousand peers with the longest attributes have fewer octets.
const MAX_BODY: usize = 16 << 20;

/// Places that look like the type of a record, before a piece is given up. Of a block of a real dump some ten do.
const MAX_CANDIDATES: usize = 4096;

/// Octets of the type, the subtype and the length in the header of a record, and of the time before them.
const TIME: usize = 4;

/// One record of unicast routes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainedRecord {
    /// Where it begins in the piece, and how many octets it has with its header.
    pub(super) offset: usize,
    pub(super) length: usize,
    /// The time in its header, in seconds.
    pub(super) seconds: u32,
    pub(super) sequence: u32,
    pub(super) prefix: Prefix,
}

/// Records that follow one another to the end of a piece.
pub(super) struct Chain {
    pub(super) records: Vec<ChainedRecord>,
    /// Whether the piece ends with the last of them, and not inside another one.
    pub(super) ends_whole: bool,
}

/// The records from `offset` on, up to the end of the piece.
///
/// # Errors
///
/// How many records followed one another, and what comes instead of the next one.
pub(super) fn follow(content: &[u8], offset: usize, n_peers: usize) -> Result<Chain, (usize, String)> {
    let mut records: Vec<ChainedRecord> = Vec::new();
    let mut at = offset;
    loop {
        let rest = content.get(at..).unwrap_or_default();
        let Some((seconds, kind, subtype, length)) = header(rest) else {
            return Ok(Chain { records, ends_whole: rest.is_empty() });
        };
        let broken = |what: &str| Err((records.len(), format!("at octet {at} of a part: {what}")));
        if kind != TABLE_DUMP_V2 || unicast_table(subtype).is_none() || length > MAX_BODY {
            return broken("no record of unicast routes where one should begin");
        }
        let Some(body) = rest.get(HEADER..HEADER + length) else {
            return Ok(Chain { records, ends_whole: false });
        };
        let Some(outline) = outline(body, subtype, n_peers, |_| {}) else {
            return broken("a RIB record that cannot be read to its end");
        };
        let record = ChainedRecord {
            offset: at,
            length: HEADER + length,
            seconds,
            sequence: outline.sequence,
            prefix: outline.prefix,
        };
        if let Some(before) = records.last() {
            if before.sequence.checked_add(1) != Some(record.sequence) {
                return broken("the sequence numbers have a gap");
            }
            if before.prefix > record.prefix {
                return broken("the prefixes are not in order");
            }
        }
        records.push(record);
        at += HEADER + length;
    }
}

/// The records of a piece that begins anywhere. None if too few follow one another to be sure of any.
///
/// # Errors
///
/// If records follow one another and then break off before the piece ends.
pub(super) fn resynchronise(content: &[u8], n_peers: usize) -> Result<Option<Chain>, String> {
    let [kind_high, kind_low] = TABLE_DUMP_V2.to_be_bytes();
    let may_begin =
        |window: &[u8]| matches!(window, [k1, k0, 0, 2 | 4 | 8 | 10] if (*k1, *k0) == (kind_high, kind_low));
    let places = content.windows(4).enumerate().filter(|(_, window)| may_begin(window));
    for (n, offset) in places.filter_map(|(place, _)| place.checked_sub(TIME)).enumerate() {
        if n > MAX_CANDIDATES {
            return Err("too much of it looks like records and is none".to_owned());
        }
        match follow(content, offset, n_peers) {
            Ok(chain) if chain.records.len() >= CHAIN => return Ok(Some(chain)),
            Err((n, why)) if n >= CHAIN => return Err(why),
            _ => {}
        }
    }
    Ok(None)
}

/// The body of the PEER_INDEX_TABLE with which a dump begins, and where the record after it begins. None if the piece ends
/// inside it.
///
/// # Errors
///
/// If the dump begins with anything else.
pub(super) fn peer_table(content: &[u8]) -> Result<Option<(&[u8], usize)>, String> {
    let Some((_, kind, subtype, length)) = header(content) else { return Ok(None) };
    if (kind, subtype) != (TABLE_DUMP_V2, PEER_INDEX_TABLE) || length > MAX_BODY {
        return Err("it does not begin with the peer table of TABLE_DUMP_V2".to_owned());
    }
    Ok(content.get(HEADER..HEADER + length).map(|body| (body, HEADER + length)))
}
