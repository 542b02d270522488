//! One UPDATE in full: which prefixes it withdraws and announces, by which path.
//!
//! Lists of prefixes are read here and not by the parser, which takes a prefix of length 0 for a path identifier and
//! drops a whole list, in silence, for what it dislikes in its next hop.

use super::paths::Paths;
use super::prefilter::{self, Encoding, MP_REACH, MP_UNREACH, attribute, unicast};
use super::wire::Octets;
use crate::bgp::{AsPath, Family, Prefix};

/// A prefix and its path identifier, where the session has one.
type Route = (Prefix, Option<u32>);

/// What one UPDATE says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    /// Withdrawn and not announced again by the same message.
    pub(super) withdrawn: Vec<Route>,
    pub(super) announced: Vec<Route>,
    /// The path of everything announced; empty when the peer itself originates it.
    pub(super) path: Option<AsPath>,
    /// The family whose table is complete (RFC 4724, section 2).
    pub(super) end_of_rib: Option<Family>,
}

/// Decodes an UPDATE without its header; says what is wrong with one whose routes cannot be trusted.
pub(super) fn decode(update: &[u8], encoding: Encoding, paths: &mut Paths) -> Result<Update, String> {
    let mut decoded = Update::default();
    let mut octets = Octets(update);
    let withdrawn = octets.field().ok_or("withdrawn routes longer than the message")?;
    let attributes = octets.field().ok_or("attributes longer than the message")?;
    let announced = octets.0;
    decoded.withdrawn = routes(withdrawn, Family::V4, encoding.add_path)?;
    decoded.announced = routes(announced, Family::V4, encoding.add_path)?;
    let has_other_families = multiprotocol_routes(attributes, encoding.add_path, &mut decoded)?;
    if attributes.is_empty() {
        decoded.end_of_rib = Some(Family::V4);
    }
    if has_other_families || !decoded.withdrawn.is_empty() || !decoded.announced.is_empty() {
        decoded.end_of_rib = None;
    }
    if !decoded.announced.is_empty() {
        let path = paths.decode(attributes, encoding.four_octets)?;
        decoded.path = Some(path.ok_or("an announcement without an AS_PATH")?);
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

/// Adds the routes of MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760); says whether there are routes of other families.
fn multiprotocol_routes(attributes: &[u8], add_path: bool, decoded: &mut Update) -> Result<bool, String> {
    let mut attributes = Octets(attributes);
    let mut has_other_families = false;
    let (mut has_reach, mut has_unreach) = (false, false);
    while let Some((code, value)) = attribute(&mut attributes).ok_or("an attribute longer than the attributes")? {
        let (seen, list) = match code {
            MP_REACH => (&mut has_reach, &mut decoded.announced),
            MP_UNREACH => (&mut has_unreach, &mut decoded.withdrawn),
            _ => continue,
        };
        if std::mem::replace(seen, true) {
            return Err(format!("attribute {code} twice"));
        }
        match unicast(code, value).ok_or_else(|| format!("malformed attribute {code}"))? {
            Some((family, [])) if code == MP_UNREACH => decoded.end_of_rib = Some(family),
            Some((family, prefixes)) => list.extend(routes(prefixes, family, add_path)?),
            None => has_other_families = true,
        }
    }
    Ok(has_other_families)
}

/// The prefixes of a list.
fn routes(list: &[u8], family: Family, add_path: bool) -> Result<Vec<Route>, String> {
    let mut rest = Octets(list);
    let mut routes = Vec::new();
    let mut n_default = 0;
    while !rest.is_empty() {
        let (path_id, length, octets) = prefilter::nlri(&mut rest, family, add_path)
            .ok_or_else(|| format!("a malformed list of {family} prefixes"))?;
        let prefix = Prefix::from_nlri(family, length, octets)
            .ok_or_else(|| format!("a malformed list of {family} prefixes"))?;
        n_default += usize::from(length == 0);
        routes.push((prefix, add_path.then_some(path_id)));
    }
    if !add_path && (n_default > 1 || n_default == 1 && holds_path_ids(list, family)) {
        return Err(format!("path identifiers among {family} prefixes, on a session that has none"));
    }
    Ok(routes)
}

/// Whether a list with a default route in it may as well be prefixes with path identifiers, whose first octets are 0.
/// Collectors that did not expect them filled whole archives of 2020 and 2021 with such messages.
fn holds_path_ids(list: &[u8], family: Family) -> bool {
    let mut rest = Octets(list);
    while !rest.is_empty() {
        if prefilter::nlri(&mut rest, family, true).is_none() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
