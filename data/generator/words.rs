//! The words of a scenario: lines, quoted texts, times, prefixes, AS paths.

use std::collections::VecDeque;
use std::net::IpAddr;

use outage_replay::bgp::{Asn, Family, Prefix};
use outage_replay::time::Timestamp;

/// What is wrong with a scenario, and on which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub cause: String,
}

/// A prefix as it is written on the wire: bits beyond the length are kept where the octets have room for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nlri {
    pub address: IpAddr,
    pub length: u8,
}

impl Nlri {
    /// The network that is meant.
    pub fn prefix(&self) -> Prefix {
        // The length was checked against the family when the text was read.
        Prefix::new(self.address, self.length).unwrap_or_else(|| unreachable!("/{} fits {}", self.length, self.address))
    }

    /// Its address family.
    pub fn family(&self) -> Family {
        if self.address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The network `bits` as a prefix of `length` bits below `block`.
    pub fn below(block: Prefix, length: u8, index: u128) -> Nlri {
        let bits = block.bits() | index << (128 - u32::from(length));
        let address = match block.family() {
            Family::V4 => IpAddr::from(((bits >> 96) as u32).to_be_bytes()),
            Family::V6 => IpAddr::from(bits.to_be_bytes()),
        };
        Nlri { address, length }
    }
}

/// One segment of an AS path (RFC 4271, section 4.3; RFC 5065 for confederations), by its code on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub code: u8,
    pub members: Vec<Asn>,
}

impl Segment {
    pub const SET: u8 = 1;
    pub const SEQUENCE: u8 = 2;
    pub const CONFED_SEQUENCE: u8 = 3;
    pub const CONFED_SET: u8 = 4;

    /// Whether it names members of a confederation.
    pub fn is_confed(&self) -> bool {
        matches!(self.code, Segment::CONFED_SEQUENCE | Segment::CONFED_SET)
    }
}

/// An AS path, nearest AS first.
pub type Path = Vec<Segment>;

/// The path of one sequence.
pub fn sequence(members: Vec<Asn>) -> Path {
    vec![Segment { code: Segment::SEQUENCE, members }]
}

/// `path` with `asn` in front, as a router does when it passes a route on; unchanged when it starts with `asn`.
pub fn with_first(asn: Asn, mut path: Path) -> Path {
    match path.first_mut() {
        Some(first) if first.code == Segment::SEQUENCE => {
            if first.members.first() != Some(&asn) {
                first.members.insert(0, asn);
            }
        }
        _ => path.insert(0, Segment { code: Segment::SEQUENCE, members: vec![asn] }),
    }
    path
}

/// The words of one line that have not been read yet.
pub struct Line {
    pub number: usize,
    words: VecDeque<(String, bool)>,
}

impl Line {
    /// Splits a line at blanks. `"..."` is one word; `#` starts a comment.
    pub fn new(number: usize, text: &str) -> Result<Line, ScenarioError> {
        let mut words = VecDeque::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() && !rest.starts_with('#') {
            if let Some(quoted) = rest.strip_prefix('"') {
                let Some((word, after)) = quoted.split_once('"') else {
                    return Err(ScenarioError { line: number, cause: "a quoted path does not end".to_owned() });
                };
                words.push_back((word.to_owned(), true));
                rest = after.trim_start();
            } else {
                let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                words.push_back((word.to_owned(), false));
                rest = after.trim_start();
            }
        }
        Ok(Line { number, words })
    }

    /// An error on this line.
    pub fn error<T>(&self, cause: impl Into<String>) -> Result<T, ScenarioError> {
        Err(ScenarioError { line: self.number, cause: cause.into() })
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The next word, which is not optional.
    pub fn word(&mut self, what: &str) -> Result<String, ScenarioError> {
        match self.words.pop_front() {
            Some((word, false)) => Ok(word),
            Some((word, true)) => self.error(format!("expected {what}, found the path \"{word}\"")),
            None => self.error(format!("expected {what}, found the end of the line")),
        }
    }

    /// Takes the next word if it is `keyword`.
    pub fn take(&mut self, keyword: &str) -> bool {
        let found = matches!(self.words.front(), Some((word, false)) if word == keyword);
        if found {
            self.words.pop_front();
        }
        found
    }

    /// Takes `keyword`, which is not optional.
    pub fn expect_word(&mut self, keyword: &str) -> Result<(), ScenarioError> {
        if self.take(keyword) {
            return Ok(());
        }
        let found = self.words.front().map_or("the end of the line".to_owned(), |(word, _)| format!("'{word}'"));
        self.error(format!("expected '{keyword}', found {found}"))
    }

    /// The next word read as a value; `what` says in an error what it should have been.
    pub fn value<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, ScenarioError> {
        let word = self.word(what)?;
        word.parse().or_else(|_| self.error(format!("'{word}' is not {what}")))
    }

    /// A share such as `30%`, from 0 to 100.
    pub fn percent(&mut self, what: &str) -> Result<u64, ScenarioError> {
        let word = self.word(what)?;
        match word.strip_suffix('%').and_then(|digits| digits.parse().ok()) {
            Some(share) if share <= 100 => Ok(share),
            _ => self.error(format!("'{word}' is not {what}: write a share such as 30%")),
        }
    }

    /// An instant, or seconds after `epoch` written `+90`, `+90.5` or `-90`.
    pub fn time(&mut self, epoch: Option<Timestamp>) -> Result<Timestamp, ScenarioError> {
        let word = self.word("a time")?;
        if word.starts_with(['+', '-']) {
            let Some(epoch) = epoch else {
                return self
                    .error(format!("'{word}' counts from an epoch that is not set: write epoch or archive first"));
            };
            return match micros(&word) {
                Some(offset) => Ok(Timestamp::from_micros(epoch.micros() + offset)),
                None => self.error(format!("'{word}' is not a number of seconds")),
            };
        }
        word.parse().or_else(|error: outage_replay::time::ParseTimestampError| self.error(error.to_string()))
    }

    /// `AS3333`; unlike everywhere else `AS0` can be written, for records that name no peer.
    pub fn asn(&mut self) -> Result<Asn, ScenarioError> {
        let word = self.word("an AS number")?;
        asn(&word).or_else(|cause| self.error(cause))
    }

    /// A quoted AS path, if one follows.
    pub fn path(&mut self) -> Result<Option<Path>, ScenarioError> {
        match self.words.front() {
            Some((_, true)) => {
                let (text, _) = self.words.pop_front().unwrap_or_default();
                path(&text).map(Some).or_else(|cause| self.error(cause))
            }
            _ => Ok(None),
        }
    }

    /// The rest of the line as bytes in hexadecimal; blanks are allowed between them.
    pub fn bytes(&mut self) -> Result<Vec<u8>, ScenarioError> {
        let digits: String = self.words.drain(..).map(|(word, _)| word).collect();
        let pairs = digits.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> = pairs
            .map(|pair| match pair {
                [high, low] => Some((hex_digit(*high)? << 4) | hex_digit(*low)?),
                _ => None,
            })
            .collect();
        bytes.map_or_else(|| self.error("expected bytes in hexadecimal, two digits each"), Ok)
    }

    /// Refuses whatever is left.
    pub fn end(&mut self) -> Result<(), ScenarioError> {
        match self.words.pop_front() {
            Some((word, _)) => self.error(format!("'{word}' is not understood here")),
            None => Ok(()),
        }
    }
}

/// A prefix with its length; host bits are kept.
pub fn nlri(text: &str) -> Option<Nlri> {
    let (address, length) = text.split_once('/')?;
    let nlri = Nlri { address: address.parse().ok()?, length: length.parse().ok()? };
    Prefix::new(nlri.address, nlri.length).map(|_| nlri)
}

/// `AS3333` or `3333`, zero included.
pub fn asn(text: &str) -> Result<Asn, String> {
    match text {
        "0" | "AS0" => Ok(Asn(0)),
        _ => text.parse().map_err(|error: outage_replay::bgp::ParseAsnError| error.to_string()),
    }
}

/// `7018 4837 {64500,64501}`; `(65001 65002)` and `[65001,65002]` are a sequence and a set of a confederation.
fn path(text: &str) -> Result<Path, String> {
    let mut path: Path = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let (code, close) = match first {
            '{' => (Segment::SET, '}'),
            '(' => (Segment::CONFED_SEQUENCE, ')'),
            '[' => (Segment::CONFED_SET, ']'),
            _ => (Segment::SEQUENCE, ' '),
        };
        let (inside, after) = if code == Segment::SEQUENCE {
            rest.split_at(rest.find(['{', '(', '[']).unwrap_or(rest.len()))
        } else {
            rest[1..].split_once(close).ok_or_else(|| format!("'{first}' in the path \"{text}\" is not closed"))?
        };
        let members = inside.split([' ', ',']).filter(|word| !word.is_empty()).map(asn).collect::<Result<_, _>>()?;
        path.push(Segment { code, members });
        rest = after.trim_start();
    }
    Ok(path)
}

fn micros(text: &str) -> Option<i64> {
    let (sign, digits) =
        if let Some(digits) = text.strip_prefix('-') { (-1, digits) } else { (1, text.strip_prefix('+')?) };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if fraction.is_empty() || fraction.len() > 6 || !(whole.to_owned() + fraction).bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(sign * (whole * 1_000_000 + fraction))
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
