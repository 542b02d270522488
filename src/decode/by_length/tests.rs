//! A reading that was extended is the reading of the whole file.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::samples::*;
use super::super::{Reading, read, read_beginning};
use super::MaxLengths;
use crate::bgp::Prefix;
use crate::decode::Selection;
use crate::helpers::Helpers;

const ORIGIN: &str = "AS64501";

/// A prefix and the origin that each of three peers sees, 0 for none.
type Row = (&'static str, [u32; 3]);

fn rows(rows: &[Row]) -> Vec<u8> {
    let record = |(prefix, origins): &Row| {
        let entries = origins.iter().zip(0u16..).filter(|(origin, _)| **origin > 0);
        let entries: Vec<Vec<u8>> =
            entries.map(|(origin, peer)| entry(peer, None, &attributes(4, &[64500, *origin]))).collect();
        rib(if prefix.contains(':') { 4 } else { 2 }, prefix, &entries)
    };
    [peer_table(&[PEER, PEER6, OTHER]), rows.iter().flat_map(record).collect()].concat()
}

fn with_prefixes(prefixes: &[Prefix]) -> Selection {
    let mut selection = selection(ORIGIN);
    prefixes.iter().for_each(|prefix| selection.add_prefix(*prefix));
    selection
}

/// The first reading, and what it reveals.
fn first(file: &[u8]) -> (Reading, Vec<Prefix>) {
    let reading = read(file, &selection(ORIGIN));
    let originates = |path: &crate::bgp::AsPath| path.originates(ORIGIN.parse().unwrap());
    let own = reading.rib.iter().filter(|(_, entry)| originates(&entry.path)).map(|(record, _)| record.prefix);
    let revealed: BTreeSet<Prefix> = own.collect();
    (reading, revealed.into_iter().collect())
}

fn beginning(file: &[u8], prefixes: &[Prefix], max_lengths: MaxLengths) -> Reading {
    read_beginning(file, &with_prefixes(prefixes), &Helpers::new(), max_lengths)
}

/// The reading of the whole file, if it is that of the beginning and the first one together; None if it has to be read.
fn checked(file: &[u8], more: &[Prefix]) -> Option<Reading> {
    let (first, mut revealed) = first(file);
    revealed.extend(more);
    let max_lengths = MaxLengths::of_skipped(&first.skipped_prefixes, &revealed);
    let again = beginning(file, &revealed, max_lengths);
    let extended = first.extended_with(again, max_lengths)?;
    let whole = read(file, &with_prefixes(&revealed));
    assert_eq!(extended.rib, whole.rib);
    assert_eq!(extended.census.counts, whole.census.counts);
    assert_eq!(extended.census.peers, whole.census.peers);
    Some(whole)
}

const SORTED: &[Row] = &[
    ("10.0.0.0/8", [64503, 0, 64503]),
    ("11.0.0.0/8", [64504, 0, 0]),
    ("10.1.0.0/16", [64503, 64503, 0]),
    ("10.9.0.0/16", [64503, 64503, 0]),
    ("10.1.2.0/24", [64501, 0, 0]),
    ("10.1.3.0/24", [64501, 64505, 0]),
    ("12.1.3.0/24", [64506, 64506, 0]),
    ("2001:db8::/32", [64503, 0, 0]),
    ("2001:db8:1::/48", [64506, 0, 0]),
];

#[test]
fn of_a_sorted_dump_the_part_up_to_the_longest_covering_prefix_is_read_again() {
    let file = rows(SORTED);
    let (first, revealed) = first(&file);
    let max_lengths = MaxLengths::of_skipped(&first.skipped_prefixes, &revealed);
    assert_eq!(max_lengths, MaxLengths([Some(16), None]));
    // The peer table, four prefixes, and the one that shows the end.
    assert_eq!(beginning(&file, &revealed, max_lengths).census.counts.records, 6);
    let whole = checked(&file, &[]).unwrap();
    let prefixes: Vec<String> = whole.rib.records().map(|(record, _)| record.prefix.to_string()).collect();
    assert_eq!(prefixes, ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.3.0/24"]);
}

#[test]
fn what_another_file_reveals_is_found_in_either_family() {
    let more = ["12.1.3.0/24", "2001:db8:1::/48"].map(|prefix| prefix.parse().unwrap());
    assert_eq!(checked(&rows(SORTED), &more).unwrap().rib.records().count(), 7);
}

#[test]
fn a_dump_that_is_not_sorted_or_has_damage_is_read_as_a_whole() {
    let mut by_address = SORTED.to_vec();
    by_address.sort_by_key(|(prefix, _)| prefix.parse::<Prefix>().unwrap());
    assert!(!first(&rows(&by_address)).0.can_be_extended());
    assert!(checked(&rows(&by_address), &[]).is_none());
    let whole = rows(SORTED);
    assert!(checked(&whole[..whole.len() - 1], &[]).is_none(), "cut");
    let unknown_peer = rib(2, "10.1.9.0/24", &[entry(7, None, &attributes(4, &[64500, 64503]))]);
    assert!(checked(&[rows(&SORTED[..7]), unknown_peer, rows(&[])].concat(), &[]).is_none(), "damaged");
    assert!(checked(&[whole.clone(), whole].concat(), &[]).is_none(), "twice");
}

#[test]
fn a_file_of_other_peers_does_not_extend_a_reading() {
    let (file, other) = (rows(SORTED), [peer_table(&[OTHER, PEER6, PEER]), rows(SORTED)].concat());
    let (first, revealed) = first(&file);
    let max_lengths = MaxLengths::of_skipped(&first.skipped_prefixes, &revealed);
    assert!(first.clone().extended_with(beginning(&other, &revealed, max_lengths), max_lengths).is_none());
    assert!(first.extended_with(beginning(&file, &revealed, max_lengths), max_lengths).is_some());
}

const POOL: &[&str] = &[
    "10.0.0.0/8",
    "10.0.0.0/9",
    "10.1.0.0/16",
    "10.1.0.0/20",
    "10.1.2.0/24",
    "10.1.2.128/25",
    "10.1.3.0/24",
    "11.1.3.0/24",
    "0.0.0.0/0",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8:1:2::/64",
    "2001:db9::/48",
];

fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let origin = || prop::sample::select(&[0u32, 64501, 64503, 64504][..]);
    let row = (prop::sample::select(POOL), [origin(), origin(), origin()]);
    (prop::collection::vec(row, 0..12), any::<[bool; 2]>()).prop_map(|(mut rows, [is_sorted, v6_first])| {
        let prefix = |row: &Row| row.0.parse::<Prefix>().unwrap();
        if is_sorted {
            rows.sort_by_key(|row| ((prefix(row).family() as u8 == 0) == v6_first, prefix(row).len(), prefix(row)));
        }
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_extended_reading_is_that_of_the_whole_file(
        some in some_rows(),
        more in prop::sample::subsequence(POOL.to_vec(), 0..4),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut file = rows(&some);
        if let Some((at, octet)) = change {
            let at = at.index(file.len());
            file[at] = octet;
        }
        let more: Vec<Prefix> = more.iter().map(|prefix| prefix.parse().unwrap()).collect();
        let is_extended = checked(&file, &more).is_some();
        if change.is_none() {
            prop_assert_eq!(is_extended, first(&file).0.can_be_extended());
        }
    }
}
