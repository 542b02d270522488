//! Tables with a row that is shorter or longer than it declares.

use super::super::samples::{OTHER, PEER, PEER6, peer_table};
use super::rows;

/// The rows of a table after its header.
fn table(peers: &[(u32, &str)]) -> Vec<u8> {
    peer_table(peers)[12 + 8..].to_vec()
}

fn names(octets: &[u8], n: usize) -> (String, Option<&'static str>) {
    let (peers, flaw) = rows(octets, n);
    (peers.iter().map(|peer| peer.to_string()).collect::<Vec<_>>().join(" "), flaw)
}

const REAL: [(u32, &str); 4] =
    [(3333, "195.69.144.10"), (1103, "195.69.144.11"), (6939, "2001:7f8:1::a500:6939:1"), (2497, "195.69.144.12")];

const ALL: &str = "AS3333 195.69.144.10 AS1103 195.69.144.11 AS6939 2001:7f8:1::a500:6939:1 AS2497 195.69.144.12";

#[test]
fn a_row_four_octets_too_short_costs_no_other() {
    // GoBGP's own routes: a type that promises a number of four octets, which is not there.
    let local = [2, 0, 0, 0, 0, 0, 0, 0, 0];
    for identifiers in [[10, 0, 0, 4], [10, 0, 1, 0], [195, 69, 144, 10], [0, 0, 0, 0]] {
        let mut rest = table(&REAL);
        rest[1..5].copy_from_slice(&identifiers);
        let first = [&local[..], &rest].concat();
        assert_eq!(names(&first, 5), (format!("AS0 0.0.0.0 {ALL}"), None), "{identifiers:?}");
        let last = [&rest[..], &local].concat();
        assert_eq!(names(&last, 5), (format!("{ALL} AS0 0.0.0.0"), None));
    }
}

#[test]
fn a_number_wider_than_its_type_costs_no_other_row() {
    let wide = [0, 192, 0, 2, 9, 192, 0, 2, 9, 0, 0, 0xfd, 0xe8];
    let octets = [&table(&REAL[..2]), &wide[..], &table(&REAL[2..])].concat();
    let (read, flaw) = names(&octets, 5);
    assert_eq!(flaw, None);
    assert_eq!(read, ALL.replacen(" AS6939", " AS0 0.0.0.0 AS6939", 1));
}

#[test]
fn rows_of_no_peer_are_rows() {
    let octets = table(&[(0, "0.0.0.0"), PEER, (0, "192.0.2.7"), PEER6, OTHER]);
    assert_eq!(
        names(&octets, 5),
        ("AS0 0.0.0.0 AS64500 192.0.2.1 AS0 192.0.2.7 AS64500 2001:db8::1 AS64501 192.0.2.2".to_owned(), None)
    );
}

#[test]
fn octets_after_the_last_row_cost_none_unless_they_may_belong_to_it() {
    let with = |rows: &[u8], rest: &[u8]| names(&[rows, rest].concat(), 4);
    assert_eq!(with(&table(&REAL), &[0; 4]), (ALL.to_owned(), None));
    let mut narrow = table(&REAL[..3]);
    narrow.extend([0, 192, 0, 2, 9, 192, 0, 2, 9, 0x12, 0x34]);
    assert_eq!(with(&narrow, &[0xfd, 0xe8]).1, Some("a peer table that can be read in more than one way"));
}

#[test]
fn a_table_that_is_cut_is_reported() {
    let octets = table(&REAL);
    for n in 1..octets.len() {
        let (peers, flaw) = rows(&octets[..n], 4);
        assert!(flaw.is_some() || peers.iter().filter(|peer| peer.asn.0 == 0).count() == 1, "{n}: {peers:?}");
    }
    assert_eq!(rows(&octets[..octets.len() - 1], 4).1, Some("a peer table that ends early"));
}
