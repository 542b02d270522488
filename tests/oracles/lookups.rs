//! A lookup in a RIB dump shows what a reading of the whole dump shows, or refuses.

use std::io::Write;

use outage_replay::archive::ReadAt;
use outage_replay::bgp::Prefix;
use outage_replay::decode::lookup::{Hints, look_up};
use outage_replay::decode::{self, Ending, Selection};

struct InMemory<'f>(&'f [u8]);

impl ReadAt for InMemory<'_> {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        let part = self.0.get(offset as usize..).and_then(|rest| rest.get(..length));
        part.map(<[u8]>::to_vec).ok_or_else(|| "outside the file".to_owned())
    }
}

/// Compares the two for prefixes of the dump and their neighbours. `plain` is the content of a dump.
///
/// # Errors
///
/// How they differ.
pub fn check(plain: &[u8]) -> Result<usize, String> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    let dump = encoder.write_all(plain).and_then(|()| encoder.finish()).map_err(|error| error.to_string())?;
    let mut all = Selection::new();
    ["0.0.0.0/0", "::/0"].iter().for_each(|prefix| all.add_within(prefix.parse().expect("a prefix")));
    let whole = decode::read(&dump[..], &all);
    let held: Vec<Prefix> = whole.rib.iter().map(|(of, _)| of.prefix).collect();
    let mut asked: Vec<Prefix> = held.iter().step_by(1 + held.len() / 5).copied().collect();
    asked.extend(asked.clone().iter().map(|prefix| prefix.shortened_to(prefix.len().saturating_sub(3))));
    asked.extend(["10.0.0.0/8".parse::<Prefix>().expect("a prefix"), "2001:db8::/32".parse().expect("a prefix")]);
    let Ok(lookup) = look_up(&mut InMemory(&dump), &asked, &Hints::default(), &[0.5]) else { return Ok(0) };
    // A lookup does not read all of it, and need not notice damage elsewhere.
    if whole.census.ending != Ending::Complete {
        return Ok(0);
    }
    for found in &lookup.prefixes {
        let n_held = held.iter().filter(|prefix| **prefix == found.prefix).count();
        if n_held != found.routes.len() {
            return Err(format!("{}: {} routes by lookup, {n_held} in the dump", found.prefix, found.routes.len()));
        }
    }
    Ok(lookup.prefixes.len())
}
