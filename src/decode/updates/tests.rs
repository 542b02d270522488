//! One UPDATE at a time.

use super::super::attributes::Encoding;
use super::super::prefilter::{Relevance, relevance};
use super::super::samples::*;
use super::super::skipped_prefixes::SkippedPrefixes;
use super::{Lists, Paths, Update};
use crate::bgp::{Family, Prefix};

const AS4: Encoding = Encoding { four_octets: true, add_path: false };
const ADD_PATH: Encoding = Encoding { four_octets: true, add_path: true };

/// A message without a fault.
fn decode(update: &[u8], encoding: Encoding) -> Update {
    let lists = Lists::of(update, update.len(), encoding.add_path);
    let decoded = super::decode(&lists, encoding.four_octets, &mut Paths::default());
    assert_eq!((&lists.flaw, &decoded.flaw, lists.lost().count()), (&None, &None, 0));
    decoded
}

fn announced(update: &Update) -> Vec<String> {
    let text = |(prefix, path_id): &(Prefix, Option<u32>)| match path_id {
        Some(id) => format!("{prefix}#{id}"),
        None => prefix.to_string(),
    };
    update.announced.iter().map(text).collect()
}

#[test]
fn routes_of_both_families_share_one_message_and_one_path() {
    let path = attributes(4, &[64500, 131279]);
    let v6 = [nlri("2001:db8::/32"), nlri("::/0")];
    let update = update(&[], &[path.clone(), mp_reach(2, 1, &v6[0])].concat(), &nlri("192.0.2.0/24"));
    let decoded = decode(&update, AS4);
    assert_eq!(announced(&decoded), ["192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(decoded.path.unwrap().to_string(), "64500 131279");
    let alone = super::super::samples::update(&[], &[path, mp_reach(2, 1, &v6[1])].concat(), &[]);
    assert_eq!(announced(&decode(&alone, AS4)), ["::/0"]);
}

#[test]
fn a_next_hop_of_unusual_length_costs_no_route() {
    let odd = attribute(14, &[&[0, 2, 1, 12][..], &[0; 12], &[0], &nlri("2001:db8::/32")].concat());
    let update = update(&[], &[attributes(4, &[64500]), odd].concat(), &[]);
    assert_eq!(announced(&decode(&update, AS4)), ["2001:db8::/32"]);
}

#[test]
fn attributes_that_carry_no_route_may_be_nonsense() {
    let nonsense = [attribute(8, &[1]), attribute(3, &[]), attribute(255, &[7; 300]), attribute(17, &[9])].concat();
    let update = update(&[], &[nonsense, attributes(4, &[64500])].concat(), &nlri("192.0.2.0/24"));
    assert_eq!(announced(&decode(&update, AS4)), ["192.0.2.0/24"]);
}

#[test]
fn withdrawals_of_other_paths_than_the_announced_one_stay() {
    let withdrawn = [nlri_with_id(1, "192.0.2.0/24"), nlri_with_id(2, "192.0.2.0/24")].concat();
    let update = update(&withdrawn, &attributes(4, &[64500]), &nlri_with_id(2, "192.0.2.0/24"));
    let decoded = decode(&update, ADD_PATH);
    assert_eq!(announced(&decoded), ["192.0.2.0/24#2"]);
    assert_eq!(decoded.withdrawn, [("192.0.2.0/24".parse().unwrap(), Some(1))]);
}

#[test]
fn default_routes_with_path_identifiers_are_routes() {
    let list = [nlri_with_id(1, "0.0.0.0/0"), nlri_with_id(2, "0.0.0.0/0")].concat();
    let decoded = decode(&update(&[], &attributes(4, &[64500]), &list), ADD_PATH);
    assert_eq!(announced(&decoded), ["0.0.0.0/0#1", "0.0.0.0/0#2"]);
}

#[test]
fn end_of_rib_needs_a_message_without_routes() {
    let family = |update: &[u8]| Lists::of(update, update.len(), false).end_of_rib;
    assert_eq!(family(&update(&[], &[], &[])), Some(Family::V4));
    assert_eq!(family(&update(&[], &mp_unreach(2, 1, &[]), &[])), Some(Family::V6));
    assert_eq!(family(&update(&[], &[mp_unreach(2, 1, &[]), mp_reach(1, 2, &[])].concat(), &[])), None);
}

#[test]
fn a_cut_message_keeps_its_whole_prefixes_wherever_it_was_cut() {
    let list = [nlri("192.0.2.0/24"), nlri("10.0.0.0/8")].concat();
    let whole = update(&list, &attributes(4, &[64500]), &nlri("203.0.113.0/24"));
    for n in 0..whole.len() {
        let lists = Lists::of(&whole[..n], whole.len(), false);
        let decoded = super::decode(&lists, true, &mut Paths::default());
        let n_routes = decoded.withdrawn.len() + decoded.announced.len();
        assert_eq!(n_routes, usize::from(n >= 6) + usize::from(n >= 8), "after {n} octets");
        assert!(lists.lost().count() > 0, "after {n} octets");
    }
}

#[test]
fn an_announcement_whose_path_cannot_be_read_is_unclear() {
    for attributes in [attribute(1, &[0]), attribute(2, &[2, 9, 0]), attribute(2, &segment(9, 4, &[64500]))] {
        let update = update(&nlri("192.0.2.0/24"), &attributes, &[nlri("10.0.0.0/8"), nlri("192.0.2.0/24")].concat());
        let lists = Lists::of(&update, update.len(), false);
        let decoded = super::decode(&lists, true, &mut Paths::default());
        let unclear: Vec<String> = decoded.unclear.iter().map(Prefix::to_string).collect();
        assert_eq!(unclear, ["10.0.0.0/8", "192.0.2.0/24"]);
        assert_eq!((decoded.withdrawn, decoded.announced), (vec![], vec![]));
        assert_eq!(
            relevance(&update, AS4, &selection("192.0.2.0/24"), &mut SkippedPrefixes::default()),
            Relevance::Routes
        );
    }
}

#[test]
fn a_path_of_the_other_width_is_read_if_only_that_is_possible() {
    let path = |width: usize, numbers: &[u32], four_octets: bool| {
        let update = update(&[], &attributes(width, numbers), &nlri("10.0.0.0/8"));
        let lists = Lists::of(&update, update.len(), false);
        super::decode(&lists, four_octets, &mut Paths::default()).path.map(|path| path.to_string())
    };
    for numbers in [&[64500][..], &[64500, 1299], &[64500, 131279, 1299]] {
        let expected = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(path(4, numbers, false), Some(expected.clone()));
        if !numbers.contains(&131279) {
            assert_eq!(path(2, numbers, true), Some(expected));
        }
    }
}
