//! Whole, joined, cut and padded containers.

use std::io::Write;

use super::*;

fn content() -> Vec<u8> {
    (0..60_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKERS: [Pack; 3] = [gzip, bzip2, zstandard];

/// A reader that gives one octet at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(1);
        self.0.read(&mut buffer[..n])
    }
}

/// The content, and the number of trailing bytes.
fn unpack(packed: impl Read) -> io::Result<(Vec<u8>, u64)> {
    let helpers = Helpers::new();
    let mut container = decompress(packed, &helpers);
    let mut content = Vec::new();
    container.read_to_end(&mut content)?;
    Ok((content, container.n_trailing()))
}

#[test]
fn every_format_is_recognised_by_content() {
    for packed in PACKERS.map(|pack| pack(&content())).iter().chain([&content()]) {
        assert_eq!(unpack(&packed[..]).unwrap(), (content(), 0));
    }
}

#[test]
fn a_plain_file_whose_first_time_is_a_signature_is_plain() {
    use super::super::samples::{PEER, addresses, message, record};
    for seconds in [0x5f2a_4d18, 0x502a_4d18, 0x28b5_2ffd, 0x1f8b_0800] {
        let body = [addresses(4, PEER), message(4, &[])].concat();
        let records = [record(seconds, 16, 4, &body), record(seconds + 1, 16, 4, &body)].concat();
        for n in [records.len(), records.len() - 1, 30, 12] {
            assert_eq!(unpack(&records[..n]).unwrap(), (records[..n].to_vec(), 0), "{seconds:x} {n}");
        }
    }
    // A skippable frame before one with content, as pzstd writes them.
    let skipped = [&[0x5f, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 9, 9, 9, 9][..], &zstandard(b"content")].concat();
    assert_eq!(unpack(&skipped[..]).unwrap(), (b"content".to_vec(), 0));
}

#[test]
fn all_members_are_read_wherever_the_input_pauses() {
    let halves = content();
    let (first, second) = halves.split_at(1000);
    let second = &second[..1000];
    for pack in PACKERS {
        let joined = [pack(first), pack(second), pack(&[])].concat();
        assert_eq!(unpack(&joined[..]).unwrap(), (halves[..2000].to_vec(), 0));
        assert_eq!(unpack(Trickle(&joined)).unwrap(), (halves[..2000].to_vec(), 0));
    }
}

#[test]
fn a_container_cut_anywhere_is_an_error_and_never_an_end() {
    for pack in PACKERS {
        let packed = pack(&content()[..2000]);
        for n in 4..packed.len() {
            let error = unpack(&packed[..n]).expect_err(&format!("cut after {n} bytes"));
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "cut after {n} bytes: {error}");
        }
        let joined = [packed.clone(), packed.clone()].concat();
        for n in packed.len() + 1..joined.len() {
            let error = unpack(&joined[..n]).expect_err(&format!("cut after {n} bytes"));
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "cut after {n} bytes: {error}");
        }
    }
}

#[test]
fn what_came_before_a_cut_is_read() {
    for pack in PACKERS {
        let packed = pack(&content());
        let helpers = Helpers::new();
        let mut container = decompress(&packed[..packed.len() - 1], &helpers);
        let mut read = Vec::new();
        assert!(container.read_to_end(&mut read).is_err());
        assert!(content().starts_with(&read) && read.len() > 100_000);
    }
}

#[test]
fn a_checksum_that_does_not_fit_is_an_error() {
    for (pack, checksum_at) in [(PACKERS[0], 8), (PACKERS[1], 4)] {
        let mut packed = pack(&content());
        let at = packed.len() - checksum_at;
        packed[at] ^= 0x55;
        assert_eq!(unpack(&packed[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn what_is_checked_only_at_its_end_is_corrupt_as_a_whole_and_what_is_cut_is_not() {
    let is_corrupt = |packed: &[u8]| {
        let helpers = Helpers::new();
        let mut container = decompress(packed, &helpers);
        assert!(container.read_to_end(&mut Vec::new()).is_err());
        container.is_corrupt()
    };
    for (pack, checksum_at, is_late) in [(PACKERS[0], 8, true), (PACKERS[1], 4, false)] {
        let mut packed = pack(&content());
        let at = packed.len() - checksum_at;
        packed[at] ^= 0x55;
        assert_eq!(is_corrupt(&packed), is_late);
    }
    for pack in PACKERS {
        let packed = pack(&content());
        assert!((packed.len() - 20..packed.len()).all(|n| !is_corrupt(&packed[..n])));
    }
}

#[test]
fn bytes_after_the_last_member_are_counted_and_the_members_are_read() {
    for pack in PACKERS {
        for trailing in [&[0; 512][..], &[0], b"\n", &[0x1f, 0], b"BZ\n", b"BZhello", b"(\n", b"<html>"] {
            let packed = [pack(&content()), trailing.to_vec()].concat();
            assert_eq!(unpack(&packed[..]).unwrap(), (content(), trailing.len() as u64));
        }
    }
}

#[test]
fn an_empty_container_is_whole_and_an_empty_file_is_not_a_container() {
    for pack in PACKERS {
        let packed = pack(&[]);
        let helpers = Helpers::new();
        let mut container = decompress(&packed[..], &helpers);
        assert_eq!(container.read(&mut [0; 9]).unwrap(), 0);
        assert!(!container.was_empty());
    }
    let helpers = Helpers::new();
    let mut container = decompress(&[][..], &helpers);
    assert_eq!(container.read(&mut [0; 9]).unwrap(), 0);
    assert!(container.was_empty());
}

#[test]
fn a_time_that_spells_bzh_is_not_taken_for_bzip2() {
    let record = [b'B', b'Z', b'h', b'5', 0, 16, 0, 1, 0, 0, 0, 0];
    assert_eq!(unpack(&record[..]).unwrap(), (record.to_vec(), 0));
}
