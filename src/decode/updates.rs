//! One UPDATE in full: which prefixes it withdraws and announces, by which path.
//!
//! The framing of every attribute and prefix is checked here first, because the parser forgives what loses routes
//! (RFC 7606): it stops at an attribute that is too long, drops a whole list for one bad prefix, and takes a prefix
//! of length 0 for a path identifier.

use bgpkit_parser::models::{Afi, AsnLength, AttrType, AttributeValue, BgpUpdateMessage, NetworkPrefix, Nlri, Safi};
use bgpkit_parser::parser::bgp::messages::parse_bgp_update_message;

use super::paths;
use super::prefilter::{self, Encoding, MP_REACH, MP_UNREACH, attribute, unicast};
use super::wire::Octets;
use crate::bgp::{AsPath, Family, Prefix};

/// What one UPDATE says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) withdrawn: Vec<(Prefix, Option<u32>)>,
    pub(super) announced: Vec<(Prefix, Option<u32>)>,
    /// The path of everything announced; empty when nothing is, or when the peer itself originates it.
    pub(super) path: AsPath,
    /// The family whose table is complete.
    pub(super) end_of_rib: Option<Family>,
}

/// Decodes an UPDATE without its header; says what is wrong with one whose routes cannot be trusted.
pub(super) fn decode(update: &[u8], encoding: Encoding) -> Result<Update, String> {
    let end_of_rib = check(update, encoding.add_path)?;
    let width = if encoding.four_octets { AsnLength::Bits32 } else { AsnLength::Bits16 };
    let message = parse_bgp_update_message(update.to_vec().into(), encoding.add_path, &width)
        .map_err(|error| error.to_string())?;
    let mut decoded = Update { end_of_rib, ..Update::default() };
    let mut path = paths::path(&message.attributes, encoding.four_octets);
    collect(&message, encoding, &mut decoded)?;
    if !decoded.announced.is_empty() {
        decoded.path = path.take().ok_or("an announcement without a readable AS_PATH")?;
    }
    let announced = &decoded.announced;
    decoded.withdrawn.retain(|route| !announced.contains(route));
    Ok(decoded)
}

/// What is left of an UPDATE of which the collector kept only the front: its whole prefixes, and its attributes where
/// they are whole. Zebra stored at most 4096 octets of a record.
pub(super) fn salvage(cut: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
    let mut octets = Octets(cut);
    let length = usize::from(octets.u16()?);
    let Some(withdrawn) = octets.take(length) else {
        return Some(assemble(whole_prefixes(octets.0, encoding.add_path), &[], &[]));
    };
    match octets.field() {
        Some(attributes) => Some(assemble(withdrawn, attributes, whole_prefixes(octets.0, encoding.add_path))),
        None => Some(assemble(withdrawn, &[], &[])),
    }
}

fn assemble(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let mut update = Vec::with_capacity(4 + withdrawn.len() + attributes.len() + announced.len());
    for field in [withdrawn, attributes] {
        update.extend(u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
        update.extend(field);
    }
    update.extend(announced);
    update
}

fn whole_prefixes(list: &[u8], add_path: bool) -> &[u8] {
    let mut rest = Octets(list);
    let mut n_whole = 0;
    while !rest.is_empty() && prefilter::nlri(&mut rest, Family::V4, add_path).is_some() {
        n_whole = list.len() - rest.0.len();
    }
    list.get(..n_whole).unwrap_or_default()
}

/// Checks every length in the message; finds the End-of-RIB marker (RFC 4724, section 2).
fn check(update: &[u8], add_path: bool) -> Result<Option<Family>, String> {
    let mut octets = Octets(update);
    let withdrawn = octets.field().ok_or("withdrawn routes longer than the message")?;
    let mut attributes = Octets(octets.field().ok_or("attributes longer than the message")?);
    let announced = octets.0;
    check_list(withdrawn, Family::V4, add_path)?;
    check_list(announced, Family::V4, add_path)?;
    let mut end_of_rib = attributes.is_empty().then_some(Family::V4);
    let mut has_routes = !withdrawn.is_empty() || !announced.is_empty();
    let mut seen = [false; 2];
    while let Some((code, value)) = attribute(&mut attributes).ok_or("an attribute longer than the attributes")? {
        if !matches!(code, MP_REACH | MP_UNREACH) {
            continue;
        }
        let seen = &mut seen[usize::from(code == MP_UNREACH)];
        if std::mem::replace(seen, true) {
            return Err(format!("attribute {code} twice"));
        }
        match unicast(code, value).ok_or_else(|| format!("malformed attribute {code}"))? {
            Some((family, [])) if code == MP_UNREACH => end_of_rib = Some(family),
            Some((family, list)) => {
                check_list(list, family, add_path)?;
                has_routes |= !list.is_empty();
            }
            None => has_routes = true,
        }
    }
    Ok(end_of_rib.filter(|_| !has_routes))
}

/// A default route among other prefixes is what path identifiers look like to a collector that does not expect them:
/// whole archives of 2020 and 2021 are full of such messages. A real one comes alone.
fn check_list(list: &[u8], family: Family, add_path: bool) -> Result<(), String> {
    let mut rest = Octets(list);
    while !rest.is_empty() {
        let (_, length, _) = prefilter::nlri(&mut rest, family, add_path)
            .ok_or_else(|| format!("a malformed list of {family} prefixes"))?;
        if length == 0 && !add_path && list.len() > 1 {
            return Err(format!("a default route among other {family} prefixes: path identifiers, not prefixes"));
        }
    }
    Ok(())
}

/// Takes the prefixes of both families out of the parsed message.
fn collect(message: &BgpUpdateMessage, encoding: Encoding, decoded: &mut Update) -> Result<(), String> {
    let route = |prefix: &NetworkPrefix| (Prefix::from(prefix.prefix), prefix.path_id.filter(|_| encoding.add_path));
    decoded.withdrawn.extend(message.withdrawn_prefixes.iter().map(route));
    decoded.announced.extend(message.announced_prefixes.iter().map(route));
    for value in &message.attributes {
        match value {
            AttributeValue::MpUnreachNlri(nlri) if is_unicast(nlri) => {
                decoded.withdrawn.extend(nlri.prefixes.iter().map(route));
            }
            AttributeValue::MpReachNlri(nlri) if is_unicast(nlri) => {
                decoded.announced.extend(nlri.prefixes.iter().map(route));
            }
            AttributeValue::Raw(raw) if matches!(raw.code, MP_REACH | MP_UNREACH) => {
                if unicast(raw.code, &raw.bytes).is_some_and(|routes| routes.is_some()) {
                    return Err(format!("{:?} that cannot be read", AttrType::from(raw.code)));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_unicast(nlri: &Nlri) -> bool {
    nlri.safi == Safi::Unicast && matches!(nlri.afi, Afi::Ipv4 | Afi::Ipv6)
}

#[cfg(test)]
mod tests;
