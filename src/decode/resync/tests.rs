//! Files with bytes lost in the middle: what is read after them, and what bgpkit-parser makes of the same file.

use std::io::Write;

use bgpkit_parser::BgpkitParser;
use bgpkit_parser::parser::iters::{RecoveryConfig, RecoveryEvent};
use proptest::prelude::*;

use super::super::samples::*;
use super::super::{Ending, Reading, Selection, read};

fn keepalive(n: u32) -> Vec<u8> {
    let mut record = bgp4mp(4, PEER, &message(4, &[]));
    record[..4].copy_from_slice(&(AT + n).to_be_bytes());
    record
}

/// Ten records, one a second, with `damage` done to the bytes of the file.
fn file(damage: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = (0..10).flat_map(keepalive).collect();
    damage(&mut file);
    file
}

/// Octets of each of those records.
const LENGTH: usize = 12 + 20 + 19;

fn reading(bytes: &[u8]) -> Reading {
    read(bytes, &Selection::new())
}

/// `records damaged | offset bytes after..before`, seconds after the beginning.
fn outcome(reading: &Reading) -> String {
    let skipped = reading.census.skipped.iter().map(|skipped| {
        let [after, before] = [skipped.after, skipped.before].map(|at| at.secs() - i64::from(AT));
        format!(" | {} {} {after}..{before}", skipped.offset, skipped.bytes)
    });
    format!("{} {}{}", reading.census.counts.records, reading.census.counts.damaged, skipped.collect::<String>())
}

#[test]
fn reading_goes_on_after_bytes_that_belong_to_no_record() {
    let inserted = file(|file| {
        file.splice(3 * LENGTH..3 * LENGTH, [0xee; 100]);
    });
    assert_eq!(outcome(&reading(&inserted)), format!("10 1 | {} 100 1..3", 3 * LENGTH));
    assert_eq!(reading(&inserted).census.ending, Ending::Complete);
    // The record that lost its front goes too.
    let removed = file(|file| {
        file.drain(3 * LENGTH..3 * LENGTH + 7);
    });
    assert_eq!(outcome(&reading(&removed)), format!("9 1 | {} {} 1..4", 3 * LENGTH, LENGTH - 7));
    // Its length is one too many: an octet follows its message, and the record after it is lost.
    let wrong_length = file(|file| file[3 * LENGTH + 11] += 1);
    assert_eq!(outcome(&reading(&wrong_length)), format!("9 2 | {} 50 2..5", 4 * LENGTH + 1));
}

#[test]
fn a_place_is_believed_only_if_several_records_follow_one_another() {
    let late = file(|file| {
        file.splice(8 * LENGTH..8 * LENGTH, [0xee; 100]);
    });
    let reading_of_late = reading(&late);
    assert_eq!(outcome(&reading_of_late), "8 0");
    let Ending::Truncated(why) = &reading_of_late.census.ending else { panic!("{:?}", reading_of_late.census.ending) };
    assert!(why.starts_with(&format!("no record begins at offset {}, after record 7", 8 * LENGTH)), "{why}");
    let of_another_year = file(|file| {
        file.splice(3 * LENGTH..3 * LENGTH, [0xee; 100]);
        for n in 3..10 {
            file[100 + n * LENGTH] = 0x20;
        }
    });
    assert_eq!(outcome(&reading(&of_another_year)), "3 0");
    assert_eq!(reading(&[0xee; 100]).census.counts.records, 0);
}

#[test]
fn a_container_that_proves_damaged_or_cut_while_records_are_searched_for_is_not_whole() {
    let file = file(|file| file[3 * LENGTH + 4] = 0xee);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&file).unwrap();
    let gzip = encoder.finish().unwrap();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(&file).unwrap();
    let zstandard = encoder.finish().unwrap();
    for (whole, checksum_at) in [(gzip, 8), (zstandard, 4)] {
        assert_eq!(reading(&whole).census.ending, Ending::Complete);
        let mut damaged = whole.clone();
        damaged[whole.len() - checksum_at] ^= 0x55;
        let cut = &whole[..whole.len() - 1];
        for (packed, what) in [(&damaged[..], "damaged"), (cut, "truncated")] {
            match (what, &reading(packed).census.ending) {
                ("damaged", Ending::Corrupt(why)) | ("truncated", Ending::Truncated(why)) if why.contains(what) => {}
                (_, ending) => panic!("{what}: {ending:?}"),
            }
        }
    }
}

/// Skipped ranges as the parser reports them: offsets of the beginning and the end.
fn skipped_by_the_parser(bytes: &[u8]) -> Vec<(u64, u64)> {
    let parser = BgpkitParser::from_reader(bytes);
    let events = parser.into_recovering_record_iter(RecoveryConfig::default());
    let gaps = events.filter_map(|event| match event {
        Ok(RecoveryEvent::Gap(gap)) => Some((gap.start_offset, gap.end_offset)),
        _ => None,
    });
    gaps.collect()
}

proptest! {
    #[test]
    fn the_parser_finds_the_same_place(
        after in 1usize..6,
        noise in prop::collection::vec(prop_oneof![Just(0xee_u8), Just(0), Just(16), any::<u8>()], 13..400),
    ) {
        // Noise that begins like a record is a damaged record for both, of another length for each.
        prop_assume!(noise[4..6] != [0, 16] && noise[4..6] != [0, 17] && (noise[4] != 0 || noise[5] > 49));
        let at = after * LENGTH;
        let bytes = file(|file| { file.splice(at..at, noise.iter().copied()); });
        let found = reading(&bytes);
        let [skipped] = found.census.skipped[..] else { panic!("{found:?}") };
        prop_assert_eq!(skipped_by_the_parser(&bytes), [(skipped.offset, skipped.offset + skipped.bytes)]);
        prop_assert_eq!(found.census.counts.records, 10);
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(16), Just(0xff), any::<u8>()], 0..3000)) {
        reading(&file(|file| file.extend(bytes)));
    }
}
