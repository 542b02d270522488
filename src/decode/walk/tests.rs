//! Where records begin and files end.

use super::super::samples::*;
use super::*;

/// The bodies of all records, and the ending.
fn walk(bytes: &[u8]) -> (Vec<Vec<u8>>, Ending) {
    let mut walk = Walk::new(bytes);
    let mut bodies = Vec::new();
    loop {
        match walk.record() {
            Ok(record) => bodies.push(record.body.to_vec()),
            Err(ending) => return (bodies, ending),
        }
    }
}

#[test]
fn a_file_ends_whole_only_after_a_whole_record() {
    let file = [record(AT, 16, 4, &[1; 30]), record(AT, 16, 4, &[2; 20])].concat();
    for n in 1..file.len() {
        let (bodies, ending) = walk(&file[..n]);
        assert_eq!(bodies.len(), usize::from(n >= 42));
        match n {
            1..12 => assert!(matches!(ending, Ending::Unreadable(_)), "{n}: {ending:?}"),
            42 => assert_eq!(ending, Ending::Complete),
            _ => assert!(matches!(ending, Ending::Truncated(_)), "{n}: {ending:?}"),
        }
    }
    assert_eq!(walk(&file), (vec![vec![1; 30], vec![2; 20]], Ending::Complete));
    assert_eq!(
        walk(&file[..50]).1,
        Ending::Truncated("the file ends inside the header of record 1 at offset 42: 8 of 12 octets".to_owned())
    );
    assert_eq!(
        walk(&file[..60]).1,
        Ending::Truncated("the file ends inside record 1 at offset 42: 6 of 20 octets".to_owned())
    );
}

#[test]
fn records_longer_than_the_buffer_are_read_and_impossible_ones_end_the_file() {
    let long = vec![7; 3 * BUFFER + 1];
    let file = [record(AT, 13, 1, &long), record(AT, 13, 2, &[8])].concat();
    assert_eq!(walk(&file), (vec![long, vec![8]], Ending::Complete));
    let mut absurd = record(AT, 16, 4, &[]);
    absurd[8] = 0x7f;
    let file = [record(AT, 16, 4, &[9]), absurd].concat();
    let (bodies, ending) = walk(&file);
    assert_eq!(bodies, [[9]]);
    assert_eq!(
        ending,
        Ending::Truncated("no record begins at offset 13, after record 0: type 16, length 2130706432".to_owned())
    );
}

#[test]
fn padding_after_the_last_record_is_lost_framing_and_no_record() {
    let file = [record(AT, 16, 4, &[9]), vec![0; 512]].concat();
    let (bodies, ending) = walk(&file);
    assert_eq!(bodies.len(), 1);
    assert!(matches!(ending, Ending::Truncated(_)), "{ending:?}");
}

#[test]
fn a_not_found_page_is_not_an_mrt_file() {
    let (bodies, ending) = walk(b"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html>");
    assert_eq!(bodies.len(), 0);
    assert_eq!(
        ending,
        Ending::Unreadable("not an MRT file: it begins with \"<!DOCTYPE HTML PUBLIC \\\"-\"".to_owned())
    );
    assert_eq!(walk(b"gone\n").1, Ending::Unreadable("not an MRT file: it holds only \"gone\\n\"".to_owned()));
}

#[test]
fn a_batch_of_the_year_2000_is_four_octets_longer_than_it_declares() {
    let path = attributes(2, &[64500]);
    let routes = ["192.0.2.0/24", "198.51.100.0/24"].map(|prefix| dumped(prefix, PEER, &path));
    let whole = table_dump(&routes);
    let mut short = whole.clone();
    let length = (whole.len() - 12 - 4) as u32;
    short[8..12].copy_from_slice(&length.to_be_bytes());
    let body = whole[12..].to_vec();
    let file = [short.clone(), whole, short.clone()].concat();
    assert_eq!(walk(&file), (vec![body.clone(), body.clone(), body], Ending::Complete));
    let (bodies, _) = walk(&short[..short.len() - 4]);
    assert_eq!(bodies.len(), 1, "without the four octets the record has its declared length");
}
