//! Blocks cut out of their stream, alone and with the help of others.

use std::io::Write;

use super::*;
use crate::decode::container::decompress;

/// Text of several blocks of 100,000 octets, and a long run.
fn content() -> Vec<u8> {
    let mut content: Vec<u8> = (0..120_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    content.resize(content.len() + 3_000_000, 7);
    content
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The readable content and the ending, with a number of helping threads.
fn unpacked(packed: &[u8], n_helping: usize) -> (Vec<u8>, Result<u64, String>) {
    let helpers = Helpers::new();
    std::thread::scope(|scope| {
        (0..n_helping).for_each(|_| drop(scope.spawn(|| helpers.help())));
        while helpers.n_ahead() < n_helping {
            std::thread::yield_now();
        }
        let mut container = decompress(packed, &helpers);
        let mut content = Vec::new();
        let end = container.read_to_end(&mut content).map_err(|error| error.to_string());
        let n_trailing = container.n_trailing();
        drop(container);
        helpers.dismiss();
        (content, end.map(|_| n_trailing))
    })
}

#[test]
fn any_number_of_threads_gives_the_same_content() {
    let two = [packed(&content()), packed(&content()[..1000]), b"tail".to_vec()].concat();
    for n_helping in [0, 1, 3] {
        let (found, end) = unpacked(&two, n_helping);
        assert!(found == [&content()[..], &content()[..1000]].concat(), "{n_helping} helping");
        assert_eq!(end, Ok(4));
    }
}

#[test]
fn damage_and_cuts_give_the_same_content_and_the_same_words() {
    let whole = packed(&content()[..400_000]);
    for at in (20..whole.len()).step_by(whole.len() / 23) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        for bytes in [&damaged[..], &whole[..at]] {
            let alone = unpacked(bytes, 0);
            assert!(alone.1.is_err(), "at {at}");
            assert!(unpacked(bytes, 2) == alone, "at {at}");
        }
    }
}

#[test]
fn what_is_read_before_damage_is_what_libbz2_gives() {
    let whole = packed(&content()[..400_000]);
    let mut damaged = whole.clone();
    let at = whole.len() * 3 / 4;
    damaged[at] ^= 0x10;
    let mut expected = Vec::new();
    let mut decoder = bzip2::read::BzDecoder::new(&damaged[..]);
    let mut octet = [0];
    while let Ok(1) = decoder.read(&mut octet) {
        expected.push(octet[0]);
    }
    let found = unpacked(&damaged, 0).0;
    // The last octet comes with the news that the checksum does not fit.
    assert!(found.starts_with(&expected) && found.len() - expected.len() <= 1 && expected.len() > 100_000);
}

#[test]
fn a_magic_number_is_found_at_every_bit() {
    for magic in [BLOCK, END] {
        for begin in 48..140 {
            let mut octets = Vec::new();
            append(&mut octets, 0, &[0x55; 20], 0, begin);
            append(&mut octets, begin, &(magic << 16).to_be_bytes(), 0, MAGIC);
            append(&mut octets, begin + MAGIC, &[0xaa; 4], 0, 32);
            assert_eq!(find(&octets, &mut 0, 48), Some(begin));
            assert_eq!(find(&octets, &mut 0, begin + 1), None);
        }
    }
}

#[test]
fn a_block_that_was_taken_for_two_is_joined_again() {
    let packed = packed(&content()[..50_000]);
    let n_bits = find(&packed, &mut 0, 32 + MAGIC).unwrap() - 32;
    for half in [HEAD, 1001, n_bits / 2, n_bits - HEAD] {
        let mut first = Block::new(b'1', &packed, 32, half);
        let second = Block::new(b'1', &packed, 32 + half, n_bits - half);
        first.decode();
        assert!(first.is_empty(), "{half}");
        let mut whole = first.joined(&second);
        whole.decode();
        assert!(whole.end == Some(Ok(())) && whole.piece == content()[..50_000], "{half}");
    }
}

/// A block read by both decoders, piece by piece: its length, and how it ended.
fn read_twice(stream: &[u8]) -> (usize, Result<(), String>) {
    let mut ours = unpacking::Unpacking::default();
    let mut theirs = libbz2::LibbzUnpacking::default();
    let mut n = 0;
    loop {
        let (mut piece, mut expected) = (Vec::new(), Vec::new());
        let end = ours.next(stream, &mut piece, PIECE);
        assert_eq!(end, theirs.next(stream, &mut expected, PIECE));
        assert!(piece == expected, "{} octets instead of {}", piece.len(), expected.len());
        n += piece.len();
        if let Some(end) = end {
            return (n, end);
        }
    }
}

#[test]
fn a_block_gives_what_libbz2_gives_however_it_is_damaged() {
    let packed = packed(&content()[..20_000]);
    let n_bits = find(&packed, &mut 0, 32 + MAGIC).unwrap() - 32;
    let whole = Block::new(b'1', &packed, 32, n_bits);
    assert_eq!(read_twice(&whole.stream), (20_000, Ok(())));
    let mut ends = [0; 3];
    for at in (0..whole.stream.len()).step_by(61) {
        let mut damaged = Block::new(b'1', &packed, 32, n_bits).stream;
        damaged[at.max(4)] ^= 1 << (at % 8);
        let cut = Block::new(b'1', &packed, 32, (8 * at).clamp(HEAD, n_bits)).stream;
        for stream in [&damaged[..], &whole.stream[..at.max(4)], &cut] {
            match read_twice(stream).1 {
                Ok(()) => ends[0] += 1,
                Err(why) if why == unpacking::INVALID => ends[1] += 1,
                Err(_) => ends[2] += 1,
            }
        }
    }
    assert!(ends[0] <= 2 && ends[1] > 200 && ends[2] > 200, "{ends:?}");
}

#[test]
fn a_block_of_runs_is_read_in_pieces() {
    let packed = packed(&vec![7; 4_700_000]);
    let n_bits = find(&packed, &mut 0, 32 + MAGIC).unwrap() - 32;
    let mut block = Block::new(b'1', &packed, 32, n_bits);
    assert_eq!(read_twice(&block.stream), (4_700_000, Ok(())));
    let mut n = 0;
    while block.end.is_none() {
        block.decode();
        assert!(block.piece.len() == PIECE || block.end.is_some());
        n += block.piece.len();
    }
    assert_eq!(n, 4_700_000);
    // Not at the end of the block.
    let damaged = Block::new(b'1', &packed, 32, n_bits - 3);
    assert_eq!(read_twice(&damaged.stream).1, Err(unpacking::INVALID.to_owned()));
}

#[test]
fn bits_are_moved_as_they_are() {
    let octets: Vec<u8> = (0..40u8).map(|n| n.wrapping_mul(73)).collect();
    for (kept, at, n) in [(0, 0, 64), (3, 5, 200), (8, 9, 1), (13, 3, 0), (7, 64, 250), (1, 7, 9)] {
        let mut moved = Vec::new();
        append(&mut moved, 0, &[0xc3; 2], 0, kept);
        append(&mut moved, kept, &octets, at, n);
        for index in 0..n {
            assert_eq!(bits(&moved, kept + index, 1), bits(&octets, at + index, 1), "{kept} {at} {n} {index}");
        }
    }
}
