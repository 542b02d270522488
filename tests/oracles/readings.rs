//! Three readings of one file must agree, whatever is in it: one of everything, one of a selection, and one of the same selection by
//! several threads. They must also cost in proportion to the file. Of a RIB dump that is sorted by length, a reading that was extended
//! must be that of the whole file.

use outage_replay::bgp::{AsPath, Prefix};
use outage_replay::decode::{self, Change, MaxLengths, Reading, RibEntry, RibRecord, RouteEvent, Selection};
use outage_replay::helpers::Helpers;

/// Numbers that look random, from a seed (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Whether all readings agree; how many events there were.
pub fn check(file: &[u8], chance: &mut Chance) -> Result<usize, String> {
    let everything = ["0.0.0.0/0", "::/0"].map(|prefix| prefix.parse::<Prefix>().expect("a prefix"));
    let mut all = Selection::new();
    everything.iter().for_each(|prefix| all.add_within(*prefix));
    let whole = decode::read(file, &all);
    let mut selection = Selection::new();
    let (mut within, mut origins) = (Vec::new(), Vec::new());
    let named: Vec<(Prefix, Option<&AsPath>)> = named(&whole).collect();
    for _ in 0..chance.below(4) {
        match named.get(chance.below(named.len())) {
            Some((_, Some(path))) if chance.below(2) == 0 => origins.extend(path.origin()),
            Some((prefix, _)) => {
                within.push(prefix.shortened_to(prefix.len().saturating_sub(chance.below(9) as u8)));
            }
            None => break,
        }
    }
    within.iter().for_each(|prefix| selection.add_within(*prefix));
    origins.iter().for_each(|origin| selection.add_origin(*origin));
    let alone = decode::read(file, &selection);
    let helped = with_helpers(file, &selection, 1 + chance.below(2));
    let of = |reading: &Reading| {
        let census = &reading.census;
        (reading.events.clone(), reading.rib.clone(), census.counts, census.ending.clone(), census.span)
    };
    if of(&alone) != of(&helped) {
        return Err("a second thread changes the reading".to_owned());
    }
    let is_of = |path: &AsPath| origins.iter().any(|origin| path.originates(*origin));
    let is_meant = |event: &&RouteEvent| match &event.change {
        Change::Announce { prefix, path, .. } => selection.matches(prefix) || is_of(path),
        Change::Withdraw { prefix, .. } | Change::Unclear { prefix } => selection.matches(prefix),
        _ => true,
    };
    let is_listed = |(of, entry): &(&RibRecord, &RibEntry)| selection.matches(&of.prefix) || is_of(&entry.path);
    let (listed, beside): (Vec<_>, Vec<_>) = alone.rib.iter().partition(is_listed);
    if !alone.events.iter().eq(whole.events.iter().filter(is_meant))
        || !listed.into_iter().eq(whole.rib.iter().filter(is_listed))
        || alone.census.peers != whole.census.peers
        || alone.census.ending != whole.census.ending
    {
        return Err("the filter changes the reading".to_owned());
    }
    // The other routes of a prefix of a chosen origin, and those of the prefixes that cover it.
    let of_origins: Vec<Prefix> =
        whole.rib.iter().filter(|(_, entry)| is_of(&entry.path)).map(|(of, _)| of.prefix).collect();
    if !beside.iter().all(|(of, _)| of_origins.iter().any(|own| of.prefix.contains(own))) {
        return Err("an origin brings routes that have nothing to do with it".to_owned());
    }
    let n_found = alone.events.len() + alone.rib.len();
    if !origins.is_empty() {
        let other = named.get(chance.below(named.len())).map(|(prefix, _)| *prefix);
        let revealed: Vec<Prefix> = of_origins.into_iter().chain(other).collect();
        drop((whole, helped));
        check_extended(file, alone, selection, &revealed)?;
    }
    Ok(n_found)
}

/// Whether a reading that is extended for prefixes that were revealed later is that of the whole file.
fn check_extended(file: &[u8], earlier: Reading, mut selection: Selection, revealed: &[Prefix]) -> Result<(), String> {
    if !earlier.can_be_extended() {
        return Ok(());
    }
    revealed.iter().for_each(|prefix| selection.add_prefix(*prefix));
    let max_lengths = MaxLengths::of_skipped(&earlier.skipped_prefixes, revealed);
    let beginning = decode::read_beginning(file, &selection, &Helpers::new(), max_lengths);
    let Some(extended) = earlier.extended_with(beginning, max_lengths) else { return Ok(()) };
    let whole = decode::read(file, &selection);
    let is_same = extended.rib == whole.rib
        && extended.census.counts == whole.census.counts
        && extended.census.peers == whole.census.peers;
    is_same.then_some(()).ok_or_else(|| "an extended reading is not that of the whole file".to_owned())
}

/// Every prefix that a file names, with its path; a withdrawal has none.
fn named(reading: &Reading) -> impl Iterator<Item = (Prefix, Option<&AsPath>)> {
    let changed = reading.events.iter().filter_map(|event| match &event.change {
        Change::Announce { prefix, path, .. } => Some((*prefix, Some(path))),
        Change::Withdraw { prefix, .. } => Some((*prefix, None)),
        _ => None,
    });
    reading.rib.iter().map(|(of, entry)| (of.prefix, Some(&entry.path))).chain(changed)
}

fn with_helpers(file: &[u8], selection: &Selection, n_helping: usize) -> Reading {
    let helpers = Helpers::new();
    std::thread::scope(|scope| {
        (0..n_helping).for_each(|_| drop(scope.spawn(|| helpers.help())));
        let reading = decode::read_with(file, selection, &helpers);
        helpers.dismiss();
        reading
    })
}
