//! The AS path of a route (RFC 4271, section 4.3), reduced to what visibility depends on.

use std::fmt;

use triomphe::ThinArc;

use super::Asn;

/// The ASes that a route crossed, nearest first. Confederation segments (RFC 5065) are left out: they name no AS
/// outside the peer. Prepended numbers are kept. Copies share their memory.
///
/// Archives contain millions of paths, so each is one word and one allocation, which holds the number of origins and the hops.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AsPath(ThinArc<usize, Asn>);

impl AsPath {
    /// A path whose last `n_origins` members form the origin: one for an ordinary path, several when the path ends
    /// in an AS_SET.
    pub fn new(hops: impl IntoIterator<Item = Asn, IntoIter: ExactSizeIterator>, n_origins: usize) -> AsPath {
        let hops = hops.into_iter();
        AsPath(ThinArc::from_header_and_iter(n_origins.min(hops.len()), hops))
    }

    /// Every AS of the path, prepending kept.
    pub fn hops(&self) -> &[Asn] {
        &self.0.slice
    }

    fn n_origins(&self) -> usize {
        self.0.header.header
    }

    /// The hops before the origin.
    fn transit(&self) -> &[Asn] {
        &self.hops()[..self.hops().len() - self.n_origins()]
    }

    /// The ASes that may have originated the route. `AS_TRANS` stands for a four-octet number that the session could not carry.
    pub fn origins(&self) -> &[Asn] {
        &self.hops()[self.transit().len()..]
    }

    /// The origin; None for an AS_SET, an unknown origin (`AS_TRANS`) or an empty path.
    pub fn origin(&self) -> Option<Asn> {
        match self.origins() {
            [origin] if *origin != Asn::TRANS => Some(*origin),
            _ => None,
        }
    }

    /// Whether `asn` may have originated the route.
    pub fn originates(&self, asn: Asn) -> bool {
        self.origins().contains(&asn)
    }

    /// Whether the origin is unknown: the path names none, or a session of two-octet AS numbers replaced it by `AS_TRANS`.
    pub fn origin_is_unknown(&self) -> bool {
        self.n_origins() == 0 || self.origins() == [Asn::TRANS]
    }

    /// The AS nearest to the collector.
    pub fn first(&self) -> Option<Asn> {
        self.hops().first().copied()
    }

    /// The adjacent upstream of the origin: the last AS before it, skipping prepending.
    pub fn upstream(&self) -> Option<Asn> {
        let origins = self.origins();
        self.transit().iter().rev().find(|hop| !origins.contains(hop)).copied()
    }
}

impl fmt::Debug for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsPath({self})")
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_plain = if self.n_origins() > 1 { self.transit().len() } else { self.hops().len() };
        for (index, hop) in self.hops().iter().enumerate() {
            let before = match index {
                0 if n_plain == 0 => "{",
                0 => "",
                _ if index == n_plain => " {",
                _ if index > n_plain => ",",
                _ => " ",
            };
            write!(f, "{before}{}", hop.0)?;
        }
        if n_plain < self.hops().len() { f.write_str("}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prepending_changes_neither_origin_nor_upstream() {
        let path = AsPath::new([7018, 4837, 131279, 131279, 131279].map(Asn), 1);
        assert_eq!(path.origin(), Some(Asn(131279)));
        assert_eq!(path.upstream(), Some(Asn(4837)));
        assert_eq!(path.to_string(), "7018 4837 131279 131279 131279");
    }

    #[test]
    fn an_as_set_has_several_origins_and_no_single_one() {
        let path = AsPath::new([7018, 131279, 65000].map(Asn), 2);
        assert!(path.originates(Asn(131279)) && path.originates(Asn(65000)));
        assert_eq!(path.origin(), None);
        assert_eq!(path.to_string(), "7018 {131279,65000}");
        assert_eq!(AsPath::new([131279, 65000].map(Asn), 2).to_string(), "{131279,65000}");
    }

    #[test]
    fn as_trans_at_the_end_is_an_unknown_origin() {
        let path = AsPath::new([7018, 23456].map(Asn), 1);
        assert!(path.origin_is_unknown());
        assert_eq!(path.origin(), None);
    }
}
