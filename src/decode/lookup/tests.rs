//! Lookups compared with readings of whole files, also of files that are damaged in every way.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Ipv4Addr;

use super::*;
use crate::bgp::Family;
use crate::decode::samples::{attribute, record, segment};
use crate::decode::{Ending, read};

/// A dump as its records.
struct Dump {
    records: Vec<Vec<u8>>,
    prefixes: Vec<Prefix>,
}

/// A sequence of numbers that looks random and is always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

const N_PEERS: usize = 12;
/// Peers beyond these have a fifth of the table.
const N_FULL: usize = 9;

fn peer_table() -> Vec<u8> {
    let mut body = vec![192, 0, 2, 254, 0, 0];
    body.extend((N_PEERS as u16).to_be_bytes());
    for n in 0..N_PEERS as u32 {
        body.push(2);
        body.extend([10, 0, 0, n as u8 + 1]);
        body.extend([198, 51, 100, n as u8 + 1]);
        body.extend((64_500 + n).to_be_bytes());
    }
    record(1_400_000_000, 13, 1, &body)
}

fn rib_record(sequence: u32, prefix: &Prefix, peers: &[usize], numbers: &mut Numbers) -> Vec<u8> {
    let mut body = sequence.to_be_bytes().to_vec();
    body.push(prefix.len());
    let octets = prefix.bits().to_be_bytes();
    body.extend(&octets[..usize::from(prefix.len()).div_ceil(8)]);
    body.extend((peers.len() as u16).to_be_bytes());
    for peer in peers {
        let path = [64_500 + *peer as u32, 3356, 65_000 + numbers.next(500) as u32];
        let communities: Vec<u8> = (0..12).map(|_| numbers.next(256) as u8).collect();
        let attributes = [attribute(1, &[0]), attribute(2, &segment(2, 4, &path)), attribute(8, &communities)].concat();
        body.extend((*peer as u16).to_be_bytes());
        body.extend([0x53, 0, 0, 0]);
        body.extend((attributes.len() as u16).to_be_bytes());
        body.extend(attributes);
    }
    record(1_400_000_000 + sequence / 1000, 13, if prefix.family() == Family::V4 { 2 } else { 4 }, &body)
}

/// A sorted dump of IPv4 and IPv6 prefixes; a few records are split in two.
fn dump(n_v4: usize, n_v6: usize) -> Dump {
    let mut numbers = Numbers(7);
    let mut prefixes = vec!["0.0.0.0/0".parse().unwrap()];
    while prefixes.len() < n_v4 {
        let address = Ipv4Addr::new(1 + numbers.next(220) as u8, numbers.next(256) as u8, numbers.next(256) as u8, 0);
        prefixes.extend(Prefix::new(address.into(), 14 + numbers.next(11) as u8));
    }
    while prefixes.len() < n_v4 + n_v6 {
        let text = format!("2{:03x}:{:x}::", numbers.next(4096), numbers.next(65536));
        prefixes.extend(Prefix::new(text.parse().unwrap(), 28 + numbers.next(20) as u8));
    }
    prefixes.sort_unstable();
    prefixes.dedup();
    let mut records = vec![peer_table()];
    for prefix in &prefixes {
        let holds = |peer: &usize, numbers: &mut Numbers| *peer < N_FULL || numbers.next(5) == 0;
        let peers: Vec<usize> = (0..N_PEERS).filter(|peer| holds(peer, &mut numbers)).collect();
        let is_split = numbers.next(50) == 0;
        let parts = if is_split { vec![&peers[..4], &peers[4..]] } else { vec![&peers[..]] };
        for peers in parts {
            records.push(rib_record(records.len() as u32 - 1, prefix, peers, &mut numbers));
        }
    }
    Dump { records, prefixes }
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

impl ReadAt for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        self.get(offset as usize..offset as usize + length).map(<[u8]>::to_vec).ok_or("outside the file".to_owned())
    }
}

type Routes = BTreeMap<Prefix, Vec<(Peer, Option<u32>, AsPath)>>;

/// The routes of every prefix, as the reader of whole files finds them, and how the file ended.
fn whole(file: &[u8]) -> (Routes, Ending) {
    let mut selection = Selection::new();
    selection.add_within("0.0.0.0/0".parse().unwrap());
    selection.add_within("::/0".parse().unwrap());
    let reading = read(file, &selection);
    let mut routes = Routes::new();
    for (record, entry) in reading.rib.iter() {
        let peer = reading.census.peers[entry.peer as usize].peer;
        routes.entry(record.prefix).or_default().push((peer, entry.path_id, entry.path.clone()));
    }
    (routes, reading.census.ending)
}

fn find(file: &[u8], prefixes: &[Prefix]) -> Result<Lookup, CannotLookUp> {
    look_up(&mut &*file, prefixes, &Hints::default(), &[])
}

fn assert_same(found: &Lookup, whole: &Routes) {
    for one in &found.prefixes {
        assert_eq!(one.is_present, whole.contains_key(&one.prefix), "{}", one.prefix);
        assert_eq!(one.routes, whole.get(&one.prefix).cloned().unwrap_or_default(), "{}", one.prefix);
    }
}

/// Prefixes of a dump, and those around them that it may lack.
fn around(prefixes: &[Prefix]) -> Vec<Prefix> {
    let mut all = Vec::new();
    for prefix in prefixes {
        all.push(*prefix);
        all.extend(prefix.len().checked_sub(1).map(|length| prefix.shortened_to(length)));
        all.extend(Prefix::new(prefix.net().network(), prefix.len() + 1));
        all.extend(Prefix::new(prefix.net().broadcast(), prefix.len() + 2));
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn every_prefix_is_found_as_in_the_whole_file_and_every_other_is_absent() {
    let dump = dump(2500, 500);
    let file = packed(&dump.records.concat());
    let (routes, ending) = whole(&file);
    assert_eq!(ending, Ending::Complete);
    assert_eq!(routes.len(), dump.prefixes.len());
    let last = *dump.prefixes.last().unwrap();
    let mut all = around(&dump.prefixes);
    let after_last: Vec<Prefix> = all.iter().copied().filter(|prefix| *prefix > last).collect();
    all.retain(|prefix| *prefix <= last);
    assert!(all.len() > 3 * dump.prefixes.len());
    for some in all.chunks(400) {
        assert_same(&find(&file, some).unwrap(), &routes);
    }
    let alone = [all[0], dump.prefixes[0], dump.prefixes[1], last, all[all.len() - 2]];
    for prefix in alone.iter().chain(all.iter().step_by(311)) {
        let found = find(&file, &[*prefix]).unwrap();
        assert_same(&found, &routes);
        assert!(found.n_bytes <= file.len() as u64, "no byte is read twice");
    }
    // Nothing shows that the dump did not end early.
    for prefix in after_last {
        let why = find(&file, &[prefix]).unwrap_err().to_string();
        assert!(why.contains("after the last record"), "{prefix}: {why}");
    }
}

#[test]
fn a_large_dump_is_read_in_part_and_hints_save_more() {
    let dump = dump(24_000, 2000);
    let file = packed(&dump.records.concat());
    let wanted = [dump.prefixes[17_123]];
    let first = find(&file, &wanted).unwrap();
    assert!(first.n_bytes < file.len() as u64 / 2, "{} of {}", first.n_bytes, file.len());
    let second = look_up(&mut &file[..], &wanted, &first.hints, &[]).unwrap();
    assert_eq!(second.prefixes, first.prefixes);
    assert!(second.n_bytes < first.n_bytes, "{} after {}", second.n_bytes, first.n_bytes);
    // Hints of another file lead to the same.
    let other = Hints { n_first: Some(1), n_last: Some(1), ..Hints::default() };
    assert_eq!(look_up(&mut &file[..], &wanted, &other, &[0.5, 0.99]).unwrap().prefixes, first.prefixes);
}

#[test]
fn tables_are_estimated_from_the_blocks_that_were_read() {
    let dump = dump(12_000, 1500);
    let file = packed(&dump.records.concat());
    let found = look_up(&mut &file[..], &dump.prefixes[4000..4001], &Hints::default(), &[0.6]).unwrap();
    assert_eq!(found.n_records, dump.records.len() as u64 - 1);
    assert_eq!(found.tables.len(), N_PEERS);
    for (n, table) in found.tables.iter().enumerate() {
        for (size, whole) in table.sizes.iter().zip([12_000.0, 1500.0]) {
            let share = *size as f64 / whole;
            let expected = if n < N_FULL { 0.93..1.07 } else { 0.1..0.3 };
            assert!(expected.contains(&share), "{}: {size} of {whole}", table.peer);
        }
    }
}

#[test]
fn the_routes_of_several_streams_one_after_the_other_are_found() {
    let dump = dump(2000, 300);
    let content = dump.records.concat();
    let file: Vec<u8> = content.chunks(content.len() / 5 + 1).flat_map(packed).collect();
    let (routes, _) = whole(&file);
    assert_same(&find(&file, &dump.prefixes).unwrap(), &routes);
}

#[test]
fn a_dump_in_another_order_is_not_looked_up() {
    let whole = dump(6000, 600);
    let renumbered = |mut records: Vec<Vec<u8>>| {
        for (sequence, record) in records.iter_mut().skip(1).enumerate() {
            record[12..16].copy_from_slice(&(sequence as u32).to_be_bytes());
        }
        packed(&records.concat())
    };
    let with = |change: &dyn Fn(&mut [Vec<u8>])| {
        let mut records = whole.records.clone();
        change(&mut records[1..]);
        renumbered(records)
    };
    let prefix = [whole.prefixes[3000]];
    let by_length = with(&|records| records.sort_by_key(|record| (record[6..8].to_vec(), record[16])));
    let reversed = with(&|records| records.reverse());
    let mixed = with(&|records| {
        let mut numbers = Numbers(3);
        (1..records.len()).for_each(|n| records.swap(n, numbers.next(n)));
    });
    let later_half_first = with(&|records| records.rotate_left(records.len() / 2));
    for file in [by_length, reversed, mixed, later_half_first] {
        let why = find(&file, &prefix).expect_err("another order").to_string();
        assert!(why.contains("order") || why.contains("not sorted") || why.contains("after the last"), "{why}");
    }
    // Two tables in one file, or one twice.
    let twice = [&whole.records[..], &whole.records[1..]].concat();
    assert!(find(&packed(&twice.concat()), &prefix).is_err());
}

#[test]
fn other_files_are_not_looked_up() {
    let dump = dump(300, 30);
    let prefix = [dump.prefixes[100]];
    let plain = dump.records.concat();
    let updates = packed(&record(1_400_000_000, 16, 4, &[0; 60]));
    let v1 = packed(&record(1_400_000_000, 12, 1, &[0; 60]).repeat(5));
    let without_table = packed(&dump.records[1..].concat());
    let lone_table = packed(&dump.records[0]);
    let begins_late = packed(&[&dump.records[..1], &dump.records[9..]].concat().concat());
    let multicast = packed(&[dump.records.concat(), record(1_400_000_000, 13, 3, &[0; 30])].concat());
    let trailing = [packed(&plain), b"and more".to_vec()].concat();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    let empty = (Vec::new(), packed(&[]));
    for (what, file) in [
        ("plain", &plain),
        ("gzip", &gzip),
        ("updates", &updates),
        ("TABLE_DUMP", &v1),
        ("without a peer table", &without_table),
        ("only a peer table", &lone_table),
        ("without its first records", &begins_late),
        ("multicast", &multicast),
        ("trailing bytes", &trailing),
        ("nothing", &empty.0),
        ("an empty stream", &empty.1),
    ] {
        assert!(find(file, &prefix).is_err(), "{what}");
    }
}

/// Damages to a dump. What a lookup still claims must be what the undamaged dump shows.
#[test]
fn a_damaged_dump_supports_no_claim_that_the_whole_one_does_not() {
    let whole_dump = dump(4000, 400);
    let content = whole_dump.records.concat();
    let file = packed(&content);
    let (routes, _) = whole(&file);
    let blocks = block_places(&file);
    assert!(blocks.len() > 8, "{}", blocks.len());
    let candidates = around(&whole_dump.prefixes);
    let mut numbers = Numbers(11);
    let (mut n_claims, mut n_refusals) = (0, 0);
    let n_rounds = 160;
    for round in 0..n_rounds {
        let mut damaged = file.clone();
        match round % 4 {
            0 => {
                for _ in 0..1 + numbers.next(3) {
                    let bit = numbers.next(file.len() * 8);
                    damaged[bit / 8] ^= 1 << (bit % 8);
                }
            }
            1 => damaged.truncate(numbers.next(file.len())),
            2 => {
                let n = numbers.next(blocks.len() - 1);
                damaged = without_bits(&file, blocks[n], blocks[n + 1]);
            }
            _ => {
                let mut records = whole_dump.records.clone();
                let (a, b) = (1 + numbers.next(records.len() - 1), 1 + numbers.next(records.len() - 1));
                match numbers.next(3) {
                    0 => records.swap(a, b),
                    1 => drop(records.remove(a)),
                    _ => {
                        let removed = records.remove(a);
                        records.insert(b.min(records.len()), removed);
                    }
                }
                damaged = packed(&records.concat());
            }
        }
        let wanted: Vec<Prefix> = (0..4).map(|_| candidates[numbers.next(candidates.len())]).collect();
        match find(&damaged, &wanted) {
            Ok(found) => {
                n_claims += 1;
                for one in &found.prefixes {
                    let expected = routes.get(&one.prefix).cloned().unwrap_or_default();
                    assert_eq!(one.routes, expected, "round {round}: {}", one.prefix);
                }
            }
            Err(_) => n_refusals += 1,
        }
    }
    assert!(n_claims > n_rounds / 20 && n_refusals > n_rounds / 4, "{n_claims} claims, {n_refusals} refusals");
}

/// Where the blocks of a stream begin, in bits.
fn block_places(file: &[u8]) -> Vec<usize> {
    use crate::decode::container::blocks::{Magic, next_magic};
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(magic) = next_magic(file, at) {
        let (Magic::Block(place) | Magic::End(place)) = magic;
        places.push(place);
        at = place + 1;
    }
    places
}

fn without_bits(file: &[u8], from: usize, to: usize) -> Vec<u8> {
    let bits = (0..file.len() * 8).filter(|bit| !(from..to).contains(bit));
    let bits: Vec<u8> = bits.map(|bit| file[bit / 8] >> (7 - bit % 8) & 1).collect();
    bits.chunks(8).map(|octet| octet.iter().enumerate().fold(0, |sum, (n, bit)| sum | bit << (7 - n))).collect()
}

/// An attribute may hold octets that look like records.
#[test]
fn records_inside_an_attribute_are_not_records() {
    let plain = dump(3000, 0);
    let mut records = plain.records.clone();
    let mut numbers = Numbers(5);
    let n_forged = records.len() / 2;
    // Records of higher prefixes with the numbers that follow, in an attribute of a record in the middle.
    let forged: Vec<u8> = (0..40u32)
        .flat_map(|n| {
            let prefix: Prefix = format!("223.{n}.0.0/16").parse().unwrap();
            rib_record(n_forged as u32 + n, &prefix, &[0], &mut numbers)
        })
        .collect();
    let attributes =
        [attribute(1, &[0]), attribute(2, &segment(2, 4, &[64_500, 65_001])), attribute(99, &forged)].concat();
    let mut body = records[n_forged][12..16].to_vec();
    let length = records[n_forged][16];
    body.extend(&records[n_forged][16..17 + usize::from(length).div_ceil(8)]);
    body.extend([0, 1, 0, 0, 0x53, 0, 0, 0]);
    body.extend((attributes.len() as u16).to_be_bytes());
    body.extend(attributes);
    records[n_forged] = record(1_400_000_000, 13, 2, &body);
    let file = packed(&records.concat());
    let (routes, _) = whole(&file);
    let mut wanted = plain.prefixes.clone();
    wanted.extend((0..40).map(|n| format!("223.{n}.0.0/16").parse::<Prefix>().unwrap()));
    wanted.sort_unstable();
    wanted.retain(|prefix| prefix <= plain.prefixes.last().unwrap());
    for some in wanted.chunks(100) {
        if let Ok(found) = find(&file, some) {
            assert_same(&found, &routes);
        }
    }
}
