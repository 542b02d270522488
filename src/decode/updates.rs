//! Decodes one UPDATE in full: the prefixes that it withdraws and announces, and their path.
//!
//! Lists of prefixes are not read by bgpkit-parser, because it takes a prefix of length 0 for a path identifier and silently
//! drops a whole list if it does not accept its next hop.

use super::lists::{ListedRoute, Lists};
use super::paths::Paths;
use crate::bgp::{AsPath, Prefix};

/// The content of one UPDATE.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    /// Withdrawn and not announced again by the same message.
    pub(super) withdrawn: Vec<ListedRoute>,
    pub(super) announced: Vec<ListedRoute>,
    /// The path of everything announced; empty when the peer itself originates it.
    pub(super) path: Option<AsPath>,
    /// Prefixes that it names in a form that is unreadable or ambiguous.
    pub(super) unclear: Vec<Prefix>,
    /// The fault of the path.
    pub(super) flaw: Option<String>,
}

/// Decodes the routes of an UPDATE, as far as it can be read.
pub(super) fn decode(lists: &Lists, four_octets: bool, paths: &mut Paths) -> Update {
    let mut decoded = Update::default();
    for list in &lists.all {
        match (list.is_clear(), list.is_withdrawn()) {
            (false, _) => decoded.unclear.extend(list.routes().map(|(prefix, _)| prefix)),
            (true, true) => decoded.withdrawn.extend(list.routes()),
            (true, false) => decoded.announced.extend(list.routes()),
        }
    }
    if !decoded.announced.is_empty() {
        match paths.decode(lists.attributes, four_octets) {
            Ok(Some(path)) => decoded.path = Some(path),
            unread => {
                decoded.flaw = unread.err().or_else(|| Some("an announcement without an AS_PATH".to_owned()));
                decoded.unclear.extend(decoded.announced.drain(..).map(|(prefix, _)| prefix));
            }
        }
    }
    remove_named_again(&mut decoded);
    decoded
}

/// Removes withdrawals of what the same message announces, or names unclearly. A message may contain thousands of both.
fn remove_named_again(decoded: &mut Update) {
    if decoded.withdrawn.is_empty() {
        return;
    }
    let mut announced: Vec<&ListedRoute> = decoded.announced.iter().collect();
    let mut unclear: Vec<&Prefix> = decoded.unclear.iter().collect();
    announced.sort_unstable();
    unclear.sort_unstable();
    let is_named_again =
        |route: &ListedRoute| announced.binary_search(&route).is_ok() || unclear.binary_search(&&route.0).is_ok();
    decoded.withdrawn.retain(|route| !is_named_again(route));
}

#[cfg(test)]
mod tests;
