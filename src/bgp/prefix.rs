//! IP prefixes in canonical form: host bits cleared.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The address family of a prefix, taken from the prefix itself and never from the session that carried it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, in order.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An IP network in canonical form; IPv4 sorts before IPv6, then by address, then the shorter one first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix(IpNet);

/// Hashes an IPv4 prefix as one word, because many maps have prefixes as keys.
impl Hash for Prefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            IpNet::V4(net) => state.write_u64(u64::from(net.addr().to_bits()) << 8 | u64::from(net.prefix_len())),
            IpNet::V6(net) => {
                state.write_u128(net.addr().to_bits());
                state.write_u8(net.prefix_len());
            }
        }
    }
}

impl Prefix {
    /// The shortest prefix of a family, which contains all others: `0.0.0.0/0` or `::/0`.
    pub fn everything(family: Family) -> Prefix {
        match family {
            Family::V4 => Prefix(IpNet::V4(Ipv4Net::default())),
            Family::V6 => Prefix(IpNet::V6(Ipv6Net::default())),
        }
    }

    /// The network of `length` bits that contains `address`; None if the family has no such length.
    pub fn new(address: IpAddr, length: u8) -> Option<Prefix> {
        Some(Prefix(IpNet::new(address, length).ok()?.trunc()))
    }

    /// The same network as a value of the `ipnet` crate.
    pub fn net(&self) -> IpNet {
        self.0
    }

    /// Its address family.
    pub fn family(&self) -> Family {
        match self.0 {
            IpNet::V4(_) => Family::V4,
            IpNet::V6(_) => Family::V6,
        }
    }

    /// Its length in bits.
    #[expect(clippy::len_without_is_empty, reason = "a prefix is a set of addresses and never empty")]
    pub fn len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether every address of `other` lies inside; a prefix contains itself.
    pub fn contains(&self, other: &Prefix) -> bool {
        match (self.0, other.0) {
            (IpNet::V4(a), IpNet::V4(b)) => a.contains(&b),
            (IpNet::V6(a), IpNet::V6(b)) => a.contains(&b),
            _ => false,
        }
    }

    /// The covering prefix of `length` bits; itself when it is not longer than that.
    pub fn shortened_to(&self, length: u8) -> Prefix {
        let length = length.min(self.len());
        Prefix(match self.0 {
            IpNet::V4(net) => Ipv4Net::new(net.network(), length).map(|n| IpNet::V4(n.trunc())).unwrap_or(self.0),
            IpNet::V6(net) => Ipv6Net::new(net.network(), length).map(|n| IpNet::V6(n.trunc())).unwrap_or(self.0),
        })
    }

    /// The network address as a number, aligned to the top of 128 bits.
    pub fn bits(&self) -> u128 {
        match self.0.network() {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    /// The prefix written as an NLRI, `length` and the octets that it needs (RFC 4271, section 4.3).
    /// Nothing when the length or the octets do not fit the family.
    pub fn from_nlri(family: Family, length: u8, octets: &[u8]) -> Option<Prefix> {
        let n_octets = usize::from(length).div_ceil(8);
        let octets = octets.get(..n_octets)?;
        match family {
            Family::V4 => {
                let mut bytes = [0; 4];
                bytes.get_mut(..n_octets)?.copy_from_slice(octets);
                Prefix::new(Ipv4Addr::from(bytes).into(), length)
            }
            Family::V6 => {
                let mut bytes = [0; 16];
                bytes.get_mut(..n_octets)?.copy_from_slice(octets);
                Prefix::new(Ipv6Addr::from(bytes).into(), length)
            }
        }
    }
}

impl From<IpNet> for Prefix {
    fn from(net: IpNet) -> Prefix {
        Prefix(net.trunc())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Prefix, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePrefixError {
    /// Not an address and a length.
    #[error("'{0}' is not a prefix: write 175.45.176.0/24 or 2001:db8::/32")]
    Syntax(String),
    /// Address bits are set beyond the length.
    #[error("'{text}' has bits set beyond its length: did you mean {canonical}?")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that holds it.
        canonical: Prefix,
    },
}

impl FromStr for Prefix {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Prefix, ParsePrefixError> {
        let net: IpNet = text.trim().parse().map_err(|_| ParsePrefixError::Syntax(text.to_owned()))?;
        let canonical = Prefix(net.trunc());
        if canonical.0 == net {
            Ok(canonical)
        } else {
            Err(ParsePrefixError::HostBits { text: text.to_owned(), canonical })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("a prefix")
    }

    #[test]
    fn host_bits_are_refused_in_a_question_and_cleared_in_an_archive() {
        let message = "175.45.176.5/24".parse::<Prefix>().unwrap_err().to_string();
        assert!(message.contains("did you mean 175.45.176.0/24?"), "{message}");
        assert_eq!(Prefix::from_nlri(Family::V4, 24, &[175, 45, 176]), Some(prefix("175.45.176.0/24")));
        assert_eq!(Prefix::from_nlri(Family::V4, 20, &[175, 45, 191]), Some(prefix("175.45.176.0/20")));
    }

    #[test]
    fn impossible_nlri_is_no_prefix() {
        assert_eq!(Prefix::from_nlri(Family::V4, 33, &[1, 2, 3, 4, 5]), None);
        assert_eq!(Prefix::from_nlri(Family::V4, 208, &[0; 26]), None);
        assert_eq!(Prefix::from_nlri(Family::V6, 64, &[0; 7]), None);
    }

    #[test]
    fn a_prefix_covers_itself_and_its_parts_but_never_another_family() {
        assert!(prefix("10.0.0.0/8").contains(&prefix("10.1.0.0/16")));
        assert!(prefix("10.0.0.0/8").contains(&prefix("10.0.0.0/8")));
        assert!(!prefix("10.1.0.0/16").contains(&prefix("10.0.0.0/8")));
        assert!(!prefix("::/0").contains(&prefix("10.0.0.0/8")));
        assert_eq!(prefix("10.1.2.0/24").shortened_to(16), prefix("10.1.0.0/16"));
    }
}
