//! Finds the place where records begin again after bytes that belong to none.
//!
//! Bytes are skipped up to a place from which several records follow one another, each with a whole BGP message or state
//! change; none is reconstructed. RIB dumps are not searched, because a dump with a hole is not a table.

use super::mrt::{BGP4MP, BGP4MP_ET, HEADER, MARKER, STATES, bgp4mp, has_four_octets};
use super::wire::Octets;

/// The number of records that must follow one another. Three, as for bgpkit-parser's recovering iterator.
pub(super) const CHAIN: usize = 3;

/// Longest record to search for: an extended message of 65,535 octets (RFC 8654) and its envelope.
const MAX_BODY: usize = 65_599;

/// The most octets that a chain may take.
pub(super) const REACH: usize = CHAIN * (HEADER + MAX_BODY);

/// A clock does not step this far, in seconds, while bytes are lost.
const MAX_STEP: u32 = 24 * 3600;

/// Whether `octets` begin with a chain of records, written about when `seconds` was.
pub(super) fn is_chain(octets: &[u8], seconds: u32) -> bool {
    let mut rest = Octets(octets);
    (0..CHAIN).all(|_| message_record(&mut rest, seconds).is_some())
}

/// Octets of the time and the type of a record.
pub(super) const SIGNATURE: usize = 6;

/// The first place that may begin a chain, if any: one with the type of an update record.
pub(super) fn candidate(octets: &[u8]) -> Option<usize> {
    octets.windows(SIGNATURE).position(|window| matches!(window, [_, _, _, _, 0, 16 | 17]))
}

/// A BGP4MP record with a whole message, or a state change.
fn message_record(rest: &mut Octets, seconds: u32) -> Option<()> {
    let at = rest.u32()?;
    let is_extended = match rest.u16()? {
        BGP4MP => false,
        BGP4MP_ET => true,
        _ => return None,
    };
    let subtype = rest.u16()?;
    let length = usize::try_from(rest.u32()?).ok().filter(|length| *length <= MAX_BODY)?;
    let mut body = Octets(rest.take(length)?);
    if at.abs_diff(seconds) > MAX_STEP {
        return None;
    }
    if is_extended {
        body.u32().filter(|micros| *micros < 1_000_000)?;
    }
    let is_state_change = match subtype {
        bgp4mp::STATE_CHANGE | bgp4mp::STATE_CHANGE_AS4 => true,
        bgp4mp::MESSAGE | bgp4mp::MESSAGE_AS4 | bgp4mp::MESSAGE_LOCAL..=bgp4mp::MESSAGE_AS4_LOCAL_ADDPATH => false,
        _ => return None,
    };
    body.take(if has_four_octets(subtype) { 8 } else { 4 })?;
    let [_, _, 0, family @ (1 | 2)] = body.array()? else { return None };
    body.take(if family == 1 { 8 } else { 32 })?;
    if is_state_change {
        let (old, new) = (body.u16()?, body.u16()?);
        return (body.is_empty() && [old, new].iter().all(|state| STATES.contains(state))).then_some(());
    }
    let n = body.0.len();
    body.array().filter(|marker| *marker == MARKER)?;
    (usize::from(body.u16()?) == n && (1..=5).contains(&body.u8()?)).then_some(())
}

#[cfg(test)]
mod tests;
