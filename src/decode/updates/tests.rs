//! One UPDATE at a time.

use super::super::prefilter::{Matter, update_matters};
use super::super::samples::*;
use super::{Encoding, Paths, Update, salvage};
use crate::bgp::{Family, Prefix};

const AS4: Encoding = Encoding { four_octets: true, add_path: false };
const ADD_PATH: Encoding = Encoding { four_octets: true, add_path: true };

fn decode(update: &[u8], encoding: Encoding) -> Result<Update, String> {
    super::decode(update, encoding, &mut Paths::default())
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
    let decoded = decode(&update, AS4).unwrap();
    assert_eq!(announced(&decoded), ["192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(decoded.path.unwrap().to_string(), "64500 131279");
    let alone = super::super::samples::update(&[], &[path, mp_reach(2, 1, &v6[1])].concat(), &[]);
    assert_eq!(announced(&decode(&alone, AS4).unwrap()), ["::/0"]);
}

#[test]
fn a_next_hop_of_unusual_length_costs_no_route() {
    let odd = attribute(14, &[&[0, 2, 1, 12][..], &[0; 12], &[0], &nlri("2001:db8::/32")].concat());
    let update = update(&[], &[attributes(4, &[64500]), odd].concat(), &[]);
    assert_eq!(announced(&decode(&update, AS4).unwrap()), ["2001:db8::/32"]);
}

#[test]
fn attributes_that_carry_no_route_may_be_nonsense() {
    let nonsense = [attribute(8, &[1]), attribute(3, &[]), attribute(255, &[7; 300]), attribute(17, &[9])].concat();
    let update = update(&[], &[nonsense, attributes(4, &[64500])].concat(), &nlri("192.0.2.0/24"));
    assert_eq!(announced(&decode(&update, AS4).unwrap()), ["192.0.2.0/24"]);
}

#[test]
fn a_second_list_of_one_kind_is_refused() {
    let list = mp_unreach(2, 1, &nlri("2001:db8::/32"));
    assert_eq!(decode(&update(&[], &[list.clone(), list].concat(), &[]), AS4), Err("attribute 15 twice".to_owned()));
}

#[test]
fn withdrawals_of_other_paths_than_the_announced_one_stay() {
    let withdrawn = [nlri_with_id(1, "192.0.2.0/24"), nlri_with_id(2, "192.0.2.0/24")].concat();
    let update = update(&withdrawn, &attributes(4, &[64500]), &nlri_with_id(2, "192.0.2.0/24"));
    let decoded = decode(&update, ADD_PATH).unwrap();
    assert_eq!(announced(&decoded), ["192.0.2.0/24#2"]);
    assert_eq!(decoded.withdrawn, [("192.0.2.0/24".parse().unwrap(), Some(1))]);
}

#[test]
fn default_routes_with_path_identifiers_are_routes() {
    let list = [nlri_with_id(1, "0.0.0.0/0"), nlri_with_id(2, "0.0.0.0/0")].concat();
    let decoded = decode(&update(&[], &attributes(4, &[64500]), &list), ADD_PATH).unwrap();
    assert_eq!(announced(&decoded), ["0.0.0.0/0#1", "0.0.0.0/0#2"]);
}

#[test]
fn end_of_rib_needs_a_message_without_routes() {
    let family = |update: &[u8]| decode(update, AS4).unwrap().end_of_rib;
    assert_eq!(family(&update(&[], &[], &[])), Some(Family::V4));
    assert_eq!(family(&update(&[], &mp_unreach(2, 1, &[]), &[])), Some(Family::V6));
    assert_eq!(family(&update(&[], &[mp_unreach(2, 1, &[]), mp_reach(1, 2, &[])].concat(), &[])), None);
}

#[test]
fn a_cut_message_is_salvaged_wherever_it_was_cut() {
    let list = [nlri("192.0.2.0/24"), nlri("10.0.0.0/8")].concat();
    let whole = update(&list, &attributes(4, &[64500]), &list);
    for n in 2..whole.len() {
        let salvaged = salvage(&whole[..n], AS4).unwrap();
        let decoded = decode(&salvaged, AS4).unwrap();
        let n_routes = decoded.withdrawn.len() + decoded.announced.len();
        assert_eq!(n_routes, usize::from(n >= 6) + usize::from(n >= 8), "after {n} octets");
        assert_eq!(update_matters(&salvaged, AS4, &selection(ALL)), Matter::Routes);
    }
    assert_eq!(salvage(&[0], AS4), None);
}
