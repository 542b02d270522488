//! Autonomous system numbers (RFC 6793), in asplain and asdot (RFC 5396).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An autonomous system number of four octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Asn(pub u32);

impl Asn {
    /// `AS_TRANS`: stands for a four-octet number on a session that carries two octets (RFC 6793, section 9).
    pub const TRANS: Asn = Asn(23456);

    /// Whether the number can name no network on the public Internet: 0, `AS_TRANS`, documentation, private use
    /// and reserved ranges of the IANA registry (RFC 5398, 6996, 7300, 7607).
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0 | 23456 | 64496..=131071 | 4_200_000_000..=u32::MAX)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// A plain number, as every BGP data set writes it.
impl Serialize for Asn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// Why a text is not an AS number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an AS number: write 131279, AS131279 or 2.207")]
pub struct ParseAsnError(String);

/// ```
/// use outage_replay::bgp::Asn;
/// assert_eq!("AS131279".parse(), Ok(Asn(131279)));
/// assert_eq!("2.207".parse(), Ok(Asn(131279)));
/// ```
impl FromStr for Asn {
    type Err = ParseAsnError;

    fn from_str(text: &str) -> Result<Asn, ParseAsnError> {
        let error = || ParseAsnError(text.to_owned());
        let trimmed = text.trim();
        let digits = match trimmed.get(..2) {
            Some(head) if head.eq_ignore_ascii_case("AS") => &trimmed[2..],
            _ => trimmed,
        };
        if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(error());
        }
        let number = match digits.split_once('.') {
            Some((high, low)) => {
                let (high, low): (u16, u16) = (high.parse().map_err(|_| error())?, low.parse().map_err(|_| error())?);
                u32::from(high) << 16 | u32::from(low)
            }
            None => digits.parse().map_err(|_| error())?,
        };
        if number == 0 { Err(error()) } else { Ok(Asn(number)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_one_number_reads_the_same() {
        for text in ["131279", "AS131279", "as131279", "2.207", "AS2.207", " 131279 "] {
            assert_eq!(text.parse(), Ok(Asn(131279)), "{text}");
        }
    }

    #[test]
    fn mistyped_numbers_are_refused() {
        for text in ["", "AS", "0", "4294967296", "1.2.3", "1.65536", "-1", "+5", "ASN5", "175.45.176.0/24", "é1"] {
            assert!(text.parse::<Asn>().is_err(), "{text}");
        }
    }
}
