//! Numbers for the prefixes of a whole table.

use rustc_hash::FxHashMap;

use crate::bgp::Prefix;

/// Prefixes in order of appearance, without default routes.
#[derive(Clone, Debug, Default)]
pub(super) struct PrefixNumbers {
    prefixes: Vec<Prefix>,
    number_of: FxHashMap<Prefix, u32>,
}

impl PrefixNumbers {
    /// The numbers of some prefixes, new or known; None for a default route.
    pub(super) fn of(&mut self, prefixes: &[Prefix]) -> Vec<Option<u32>> {
        if self.prefixes.is_empty() {
            self.number_of.reserve(prefixes.len());
        }
        let number = |prefix: &Prefix| {
            let is_default = prefix.len() == 0;
            (!is_default).then(|| {
                *self.number_of.entry(*prefix).or_insert_with(|| {
                    self.prefixes.push(*prefix);
                    (self.prefixes.len() - 1) as u32
                })
            })
        };
        prefixes.iter().map(number).collect()
    }

    pub(super) fn known(&self, prefix: &Prefix) -> Option<u32> {
        self.number_of.get(prefix).copied()
    }

    pub(super) fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }

    pub(super) fn into_prefixes(self) -> Vec<Prefix> {
        self.prefixes
    }
}
