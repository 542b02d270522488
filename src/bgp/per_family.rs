//! One value for each address family.

use std::ops::{Index, IndexMut};

use super::Family;

/// One value for IPv4 and one for IPv6, indexed by [`Family`].
///
/// ```
/// use outage_replay::bgp::{Family, PerFamily};
///
/// let mut n_prefixes = PerFamily::new(950_000, 200_000);
/// n_prefixes[Family::V6] += 1;
/// assert_eq!(n_prefixes[Family::V6], 200_001);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PerFamily<T>([T; 2]);

impl<T> PerFamily<T> {
    /// The values for IPv4 and for IPv6.
    pub const fn new(v4: T, v6: T) -> PerFamily<T> {
        PerFamily([v4, v6])
    }

    /// What `value` returns for each family.
    pub fn from_fn(value: impl FnMut(Family) -> T) -> PerFamily<T> {
        PerFamily(Family::ALL.map(value))
    }

    /// What `change` makes of each value.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> PerFamily<U> {
        PerFamily(self.0.map(change))
    }

    /// Each family and its value, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = (Family, &T)> {
        Family::ALL.into_iter().zip(&self.0)
    }

    /// The values, IPv4 first.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// The values, IPv4 first, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}

impl<T> From<[T; 2]> for PerFamily<T> {
    fn from(values: [T; 2]) -> PerFamily<T> {
        PerFamily(values)
    }
}

impl<T> Index<Family> for PerFamily<T> {
    type Output = T;

    #[inline]
    fn index(&self, family: Family) -> &T {
        &self.0[family as usize]
    }
}

impl<T> IndexMut<Family> for PerFamily<T> {
    #[inline]
    fn index_mut(&mut self, family: Family) -> &mut T {
        &mut self.0[family as usize]
    }
}
