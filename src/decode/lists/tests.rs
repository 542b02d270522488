//! Lists in every form, and messages that lose something.

use super::super::samples::*;
use super::{Family, Form, Lists, Lost};

fn form(list: &[u8], family: Family, add_path: bool) -> Form {
    Form::of(list, family, add_path, false)
}

#[test]
fn a_list_that_makes_sense_as_declared_is_what_it_is_declared() {
    let plain = [nlri("10.0.0.0/8"), nlri("192.0.2.0/24")].concat();
    let with_ids = [nlri_with_id(1, "10.0.0.0/8"), nlri_with_id(720, "192.0.2.0/24")].concat();
    assert_eq!(form(&plain, Family::V4, false), Form::Plain);
    assert_eq!(form(&with_ids, Family::V4, true), Form::WithPathIds);
    assert_eq!(form(&[0], Family::V6, false), Form::Plain);
    assert_eq!(form(&nlri_with_id(0xdead_beef, "10.0.0.0/8"), Family::V4, true), Form::WithPathIds);
}

#[test]
fn frr_marks_records_by_the_family_of_the_session() {
    // IPv6 routes without identifiers over an IPv4 session that has them, and the other way round.
    for prefix in ["2a0e:b107:1::/48", "2001:db8:1234:5678::/64", "::/0"] {
        assert_eq!(form(&nlri(prefix), Family::V6, true), Form::Plain, "{prefix}");
    }
    for prefix in ["2a0e:b107:1::/48", "2001:db8::/32"] {
        let list = [nlri_with_id(1, prefix), nlri_with_id(2, "2a0e:b107:2::/48")].concat();
        assert_eq!(form(&list, Family::V6, false), Form::WithPathIds, "{prefix}");
    }
}

#[test]
fn a_list_that_makes_sense_in_both_forms_is_uncertain() {
    // Its last octet is the length of a default route with a large identifier.
    assert_eq!(form(&nlri("2a0e:b100::/32"), Family::V6, true), Form::Either);
    assert_eq!(form(&nlri_with_id(0x0008_0a10, "64.0.0.0/2"), Family::V4, false), Form::Either);
}

#[test]
fn a_flipped_bit_makes_no_list_of_the_other_form() {
    // The length of the first of two prefixes is wrong: from the second on they might be one with an identifier.
    for length in [152, 56, 88, 33] {
        let list = [&[length, 192, 0, 2][..], &nlri("198.51.100.0/24")].concat();
        assert_eq!(form(&list, Family::V4, false), Form::Unreadable, "{length}");
    }
    let list = [&[0, 0, 0, 1, 200, 192, 0, 2][..], &nlri_with_id(1, "198.51.100.0/24")].concat();
    assert_eq!(form(&list, Family::V4, true), Form::Unreadable);
}

/// The losses of a message of which only `n` octets were kept, and the number of prefixes read.
fn cut(whole: &[u8], n: usize) -> (String, usize) {
    losses(&Lists::of(&whole[..n], whole.len(), false))
}

fn losses(lists: &Lists) -> (String, usize) {
    let name = |lost: Lost| {
        let family = match lost.families {
            [true, true] => "any",
            [true, false] => "IPv4",
            _ => "IPv6",
        };
        format!("{family}{}{}", if lost.withdrawals { " W" } else { "" }, if lost.announcements { " A" } else { "" })
    };
    let lost: Vec<String> = lists.lost().map(name).collect();
    (lost.join(", "), lists.all.iter().map(|list| list.routes().count()).sum())
}

#[test]
fn a_cut_in_withdrawn_routes_at_the_end_of_a_message_loses_only_withdrawals() {
    let list = [nlri("10.0.0.0/8"), nlri("192.0.2.0/24"), nlri("198.51.100.0/24")].concat();
    let alone = update(&list, &[], &[]);
    assert_eq!(cut(&alone, 9), ("IPv4 W".to_owned(), 2));
    let announces = update(&list, &attributes(4, &[64500]), &nlri("203.0.113.0/24"));
    assert_eq!(cut(&announces, 9), ("any W A".to_owned(), 2));
    // All but the length of the attributes, which can only be 0.
    assert_eq!(cut(&alone, alone.len() - 2), (String::new(), 3));
    assert_eq!(cut(&alone, 1), ("any W A".to_owned(), 0));
}

#[test]
fn a_cut_in_announced_routes_loses_announcements_alone() {
    let list = [nlri("10.0.0.0/8"), nlri("192.0.2.0/24"), nlri("198.51.100.0/24")].concat();
    let whole = update(&nlri("203.0.113.0/24"), &attributes(4, &[64500]), &list);
    assert_eq!(cut(&whole, whole.len() - 1), ("IPv4 A".to_owned(), 1 + 2));
}

#[test]
fn a_cut_in_attributes_keeps_those_that_are_whole_and_names_the_family_of_the_cut_one() {
    let list = [nlri("2001:db8::/32"), nlri("2001:db9::/32")].concat();
    let path = attributes(4, &[64500]);
    let reach = update(&[], &[path.clone(), mp_reach(2, 1, &list)].concat(), &[]);
    assert_eq!(cut(&reach, reach.len() - 1), ("IPv6 A".to_owned(), 1));
    let unreach = update(&[], &mp_unreach(2, 1, &list), &[]);
    assert_eq!(cut(&unreach, unreach.len() - 1), ("IPv6 W".to_owned(), 1));
    let multicast = update(&[], &mp_unreach(2, 2, &list), &[]);
    assert_eq!(cut(&multicast, multicast.len() - 1), (String::new(), 0));
    // A whole one is used, and what follows it may be anything.
    let both = update(&[], &[mp_unreach(2, 1, &list), path, mp_reach(1, 1, &nlri("10.0.0.0/8"))].concat(), &[]);
    assert_eq!(cut(&both, 4 + 4 + 3 + list.len() + 6), ("any W A".to_owned(), 2));
}

#[test]
fn one_list_that_cannot_be_read_loses_its_own_family_and_direction() {
    let (good, bad) = (nlri("10.0.0.0/8"), [200, 1, 2, 3]);
    let path = attributes(4, &[64500]);
    let of = |update: &[u8]| losses(&Lists::of(update, update.len(), false));
    assert_eq!(of(&update(&bad, &path, &good)), ("IPv4 W".to_owned(), 1));
    assert_eq!(of(&update(&good, &path, &bad)), ("IPv4 A".to_owned(), 1));
    assert_eq!(of(&update(&bad, &path, &bad)), ("IPv4 W A".to_owned(), 0));
    assert_eq!(of(&update(&good, &mp_unreach(2, 1, &bad), &[])), ("IPv6 W".to_owned(), 1));
    assert_eq!(of(&update(&bad, &mp_reach(2, 1, &bad), &good)), ("IPv4 W, IPv6 A".to_owned(), 1));
    assert_eq!(of(&update(&[], &attribute(15, &[0, 2]), &good)), ("any W".to_owned(), 1));
    assert_eq!(
        of(&update(&[], &[&path[..], &[0x40, 8, 200, 0, 0, 0, 0, 0]].concat(), &good)),
        ("any W A".to_owned(), 1)
    );
    assert_eq!(of(&[0, 9, 24]), ("any W A".to_owned(), 0));
    assert_eq!(of(&[0, 0, 0, 9, 1]), ("any W A".to_owned(), 0));
}

#[test]
fn a_message_with_a_repeated_attribute_is_uncertain() {
    let twice = [mp_unreach(2, 1, &nlri("2001:db8::/32")), mp_unreach(2, 1, &nlri("2001:db9::/32"))].concat();
    let update = update(&[], &twice, &[]);
    let lists = Lists::of(&update, update.len(), false);
    assert!(lists.all.len() == 2 && lists.all.iter().all(|list| !list.is_clear()));
    assert_eq!((lists.flaw.as_deref(), lists.lost().count()), (Some("attribute 15 twice"), 0));
}

#[test]
fn the_reserved_octet_is_ignored_and_safi_3_is_unicast() {
    let reach = attribute(14, &[&[0, 2, 1, 4, 192, 0, 2, 1, 255][..], &nlri("2001:db8::/32")].concat());
    for attributes in [reach, mp_reach(2, 3, &nlri("2001:db8::/32")), mp_unreach(2, 3, &nlri("2001:db8::/32"))] {
        let update = update(&[], &attributes, &[]);
        assert_eq!(losses(&Lists::of(&update, update.len(), false)), (String::new(), 1));
    }
    let end = update(&[], &mp_unreach(2, 3, &[]), &[]);
    assert_eq!(Lists::of(&end, end.len(), false).end_of_rib, None);
}
