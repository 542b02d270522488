//! The same content and the same verdict as libbz2-rs.

mod oracle;

use std::iter::repeat_n;

use oracle::{Item, Ours, Plan, Random, Verdict, compressed, content, corrected, crafted, damaged, n_max};
use proptest::prelude::*;

fn check_whole(content: &[u8], level: u32) {
    let stream = compressed(content, level);
    for n_max in [1 << 20, 65_536, 997] {
        assert_eq!(
            Ours::default().decode(&stream, n_max),
            (content.to_vec(), Verdict::Whole),
            "level {level}, {n_max}"
        );
    }
}

/// Content that hardly compresses.
fn noise(n: usize) -> Vec<u8> {
    let mut random = Random(n as u64);
    (0..n).map(|_| random.next() as u8).collect()
}

#[test]
fn content_of_every_kind_comes_back() {
    for level in 1..=9 {
        check_whole(b"", level);
        check_whole(b"a", level);
        check_whole(b"banana", level);
        check_whole(&(0..=255).collect::<Vec<u8>>(), level);
        check_whole(&noise(350_000), level);
    }
}

#[test]
fn runs_of_every_length_come_back() {
    let runs = |lengths: &mut dyn Iterator<Item = usize>| -> Vec<u8> {
        lengths.enumerate().flat_map(|(index, n)| repeat_n([7, 0, 255][index % 3], n)).collect()
    };
    check_whole(&runs(&mut (1..700)), 9);
    check_whole(&runs(&mut [3, 4, 5, 254, 255, 256, 258, 259, 260, 3, 3, 1, 4].into_iter()), 1);
    for n in [3, 4, 5, 255, 258, 259, 260, 261, 514, 100_000] {
        check_whole(&runs(&mut [n].into_iter()), 1);
    }
}

#[test]
fn a_block_may_be_full_and_may_stand_for_50_times_its_length() {
    check_whole(&noise(899_981), 9);
    check_whole(&noise(1_900_000), 9);
    let run = vec![9; 46_000_000];
    let stream = compressed(&run, 9);
    assert!(Ours::default().decode(&stream, 1 << 20) == (run, Verdict::Whole));
}

#[test]
fn blocks_with_equal_rotations_come_back() {
    for period in [&b"ab"[..], b"aab", b"abcabcabd", &[5; 7]] {
        check_whole(&period.repeat(70_000 / period.len()), 1);
    }
}

#[test]
fn damaged_streams_give_what_libbz2_gives() {
    let mut ours = Ours::default();
    for seed in 0..1500 {
        let mut random = Random(seed);
        let stream = compressed(&content(&mut random, 6000), 1 + random.below(9) as u32);
        let n_max = n_max(&mut random);
        for _ in 0..6 {
            ours.compare(&damaged(&mut random, &stream), n_max);
        }
    }
}

#[test]
fn damage_in_long_blocks_gives_what_libbz2_gives() {
    let mut ours = Ours::default();
    for seed in 0..12 {
        let mut random = Random(1_000_000 + seed);
        let stream = compressed(&content(&mut random, 700_000), 1 + random.below(9) as u32);
        ours.compare(&stream, 1 << 20);
        for _ in 0..6 {
            ours.compare(&damaged(&mut random, &stream), 1 << 20);
        }
    }
}

#[test]
fn every_cut_gives_what_libbz2_gives() {
    let mut ours = Ours::default();
    let stream = compressed(&noise(300), 1);
    for n in 0..=stream.len() {
        ours.compare(&stream[..n], 4096);
    }
}

#[test]
fn every_bit_matters_as_in_libbz2() {
    let mut ours = Ours::default();
    let stream = compressed(&b"a block is a block is a block, mostly".repeat(3), 1);
    for bit in 0..stream.len() * 8 {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 0x80 >> (bit % 8);
        ours.compare(&damaged, 4096);
    }
}

#[test]
fn blocks_that_no_compressor_writes_give_what_libbz2_gives() {
    let mut ours = Ours::default();
    let mut n_whole = 0;
    for seed in 0..4000 {
        let mut random = Random(2_000_000 + seed);
        let stream = crafted(&mut random);
        let n_max = n_max(&mut random);
        let (content, _) = ours.compare(&stream, n_max);
        let corrected = corrected(&stream, &content);
        n_whole += usize::from(ours.compare(&corrected, n_max).1 == Verdict::Whole);
        ours.compare(&damaged(&mut random, &corrected), n_max);
    }
    assert!(n_whole > 1000, "{n_whole} of them are blocks");
}

/// Complete codes for the symbols of [`Plan::of`]; the last symbol is the end.
const CODES: [usize; 6] = [2, 2, 2, 4, 4, 3];
const END: usize = 5;

/// The symbols of a run.
fn run(mut n: usize) -> Vec<usize> {
    let mut symbols = Vec::new();
    while n > 0 {
        symbols.push(1 - n % 2);
        n = (n - 1) / 2;
    }
    symbols
}

/// What both decoders say of a block whose checksum fits.
fn verdict(plan: &Plan) -> Verdict {
    let mut ours = Ours::default();
    let stream = plan.stream();
    let (content, _) = ours.compare(&stream, 1 << 20);
    ours.compare(&corrected(&stream, &content), 1 << 20).1
}

#[test]
fn a_block_may_have_100_000_octets_for_each_level_and_no_more() {
    for (symbols, expected) in [
        (run(100_000), Verdict::Whole),
        (run(100_001), Verdict::Invalid),
        ([run(99_999), vec![2]].concat(), Verdict::Whole),
        ([run(100_000), vec![2]].concat(), Verdict::Invalid),
        ([vec![2], run(99_999)].concat(), Verdict::Whole),
        ([vec![2], run(100_000)].concat(), Verdict::Invalid),
        ([run(99_998), vec![2, 2, 2]].concat(), Verdict::Invalid),
    ] {
        let mut plan = Plan::of(CODES, &[symbols.clone(), vec![END]].concat());
        assert_eq!(verdict(&plan), expected, "{symbols:?}");
        plan.level = 2;
        assert_eq!(verdict(&plan), Verdict::Whole, "{symbols:?}");
    }
}

#[test]
fn selectors_beyond_the_last_useful_one_are_read_and_ignored() {
    let symbols = [vec![2; 120], vec![END]].concat();
    for (n, expected) in [
        (0, Verdict::Invalid),
        (2, Verdict::Invalid),
        (3, Verdict::Whole),
        (18_002, Verdict::Whole),
        (18_003, Verdict::Whole),
        (32_767, Verdict::Whole),
    ] {
        let plan = Plan { selectors: vec![1; n], ..Plan::of(CODES, &symbols) };
        assert_eq!(verdict(&plan), expected, "{n} selectors");
    }
}

#[test]
fn the_original_row_is_one_of_the_block() {
    for (origin, expected) in
        [(0, Verdict::Whole), (4, Verdict::Whole), (5, Verdict::Invalid), (100_010, Verdict::Invalid)]
    {
        let plan = Plan { origin, ..Plan::of(CODES, &[2, 3, 4, 2, 3, END]) };
        assert_eq!(verdict(&plan), expected, "{origin}");
    }
}

#[test]
fn code_lengths_that_leave_codes_over_or_symbols_without_are_accepted() {
    // Four symbols of one bit: the last two have no code. Lengths of 20 bits: most bits are no code.
    assert_eq!(verdict(&Plan::of([1, 1, 1, 1, 2, 2], &[0, 1, 0])), Verdict::Invalid);
    assert_eq!(verdict(&Plan::of([3, 3, 1, 4, 4, 1], &[2, 2, END])), Verdict::Whole);
    assert_eq!(verdict(&Plan::of([20; 6], &[2, 3, 4, END])), Verdict::Whole);
    let mut plan = Plan::of([20; 6], &[2, 3, 4]);
    plan.items.push(Item::Bits(u64::MAX, 21));
    assert_eq!(verdict(&plan), Verdict::Invalid);
}

#[test]
fn a_block_that_ends_where_a_run_length_should_be_gives_what_libbz2_gives() {
    let mut ours = Ours::default();
    // Four equal values, and other content before them that fills buffers or does not.
    for n in [0, 1, 5, 1000] {
        for is_randomised in [false, true] {
            let symbols = [vec![3; n], vec![2], run(3), vec![END]].concat();
            for origin in [0, n / 2, n + 3] {
                let plan = Plan { origin, is_randomised, ..Plan::of(CODES, &symbols) };
                for n_max in 1..20 {
                    ours.compare(&plan.stream(), n_max);
                }
                ours.compare(&plan.stream(), 1 << 20);
            }
        }
    }
}

#[test]
fn every_cut_of_an_odd_block_gives_what_libbz2_gives() {
    let mut ours = Ours::default();
    // Different numbers of selectors put each bit at each place of an octet.
    for n_selectors in 1..=8 {
        let selectors = vec![0; n_selectors];
        let mut no_code = Plan::of([20; 6], &[0, 1]);
        no_code.items.push(Item::Bits(u64::MAX, 40));
        let plans = [
            Plan::of(CODES, &[0; 40]),
            Plan::of(CODES, &[vec![2], vec![1; 30], vec![END]].concat()),
            Plan::of(CODES, &[2; 49]),
            Plan::of(CODES, &[2; 60]),
            Plan { origin: 100_010, ..Plan::of(CODES, &[2, END]) },
            Plan { origin: 100_011, ..Plan::of(CODES, &[2, END]) },
            Plan { members: vec![0], ..Plan::of(CODES, &[2, END]) },
            Plan { ranges: 0, members: Vec::new(), ..Plan::of(CODES, &[2, END]) },
            Plan { n_tables: 7, ..Plan::of(CODES, &[2, END]) },
            no_code,
        ];
        for plan in plans {
            let stream = Plan { selectors: selectors.clone(), ..plan }.stream();
            for n in 10..=stream.len() {
                ours.compare(&stream[..n], 4096);
            }
        }
        for rank in [2, 5, 7] {
            let selectors = [selectors.clone(), vec![rank]].concat();
            let stream = Plan { selectors, ..Plan::of(CODES, &[2, END]) }.stream();
            (10..=stream.len()).for_each(|n| drop(ours.compare(&stream[..n], 4096)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn any_content_comes_back_at_any_level(
        parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 1..400usize), 0..60),
        level in 1..=9u32,
        n_max in 1..5000usize,
    ) {
        let content: Vec<u8> = parts.iter().flat_map(|(part, n)| part.repeat(*n)).collect();
        let stream = compressed(&content, level);
        prop_assert_eq!(Ours::default().decode(&stream, n_max), (content, Verdict::Whole));
    }

    #[test]
    fn any_octets_give_what_libbz2_gives(octets in prop::collection::vec(any::<u8>(), 0..300), has_header: bool, n_max in 1..5000usize) {
        let header = if has_header { &b"BZh9\x31\x41\x59\x26\x53\x59"[..] } else { b"BZh1" };
        Ours::default().compare(&[header, &octets].concat(), n_max);
        Ours::default().compare(&octets, n_max);
    }
}
