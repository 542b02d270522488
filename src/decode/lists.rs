//! The lists of prefixes in one UPDATE: the form in which each is readable, and the parts that are not.
//!
//! The subtype of a record declares whether its prefixes have path identifiers. Daemons get it wrong: FRR chooses the
//! subtype by the family of the session and not by that of the routes, and collectors without ADD-PATH support recorded such
//! sessions as plain ones. [`Form::of`] decides for each list on its own, and every reader of routes uses it.

use super::Lost;
use super::attributes::{
    EXTENDED_LENGTH, MP_REACH, MP_UNREACH, attribute, max_length, multiprotocol_family, nlri, unicast,
};
use super::wire::Octets;
use crate::bgp::{Family, Prefix};

/// A prefix and its path identifier, where its list has them.
pub(super) type ListedRoute = (Prefix, Option<u32>);

/// Path identifiers are small numbers. A larger one is more likely the beginning of a prefix, whose first octet is its
/// length; but OpenBGPD draws them at random.
pub(super) const MAX_PATH_ID: u32 = 0x00ff_ffff;

/// Octets of the shortest MP_REACH_NLRI or MP_UNREACH_NLRI with a route: header, family, a default route.
const SHORTEST_MULTIPROTOCOL: usize = 3 + 3 + 1;

/// How the prefixes of a list are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    WithPathIds,
    /// One of the two, and the octets do not show which.
    Either,
    Unreadable,
}

impl Form {
    /// The form of a list whose record declares it to have path identifiers, or not to. The declared form holds
    /// unless it is implausible and the other form is not. Of a list that was cut off the last prefix may be a part.
    pub(super) fn of(list: &[u8], family: Family, add_path: bool, is_cut: bool) -> Form {
        let scan = |with_ids| ListScan::of(list, family, with_ids, is_cut);
        let declared = scan(add_path);
        if add_path {
            if declared.is_readable && declared.first_id <= MAX_PATH_ID {
                return Form::WithPathIds;
            }
            // A default route among others is more likely the beginning of an identifier.
            let plain = scan(false);
            return match plain.is_readable && (plain.n_default == 0 || plain.n == 1) {
                true if declared.is_readable => Form::Either,
                true => Form::Plain,
                false if declared.is_readable => Form::WithPathIds,
                false => Form::Unreadable,
            };
        }
        if declared.is_readable && declared.n_default == 0 {
            return Form::Plain;
        }
        let with_ids = scan(true);
        match with_ids.is_readable && with_ids.n > 0 && with_ids.greatest_id <= MAX_PATH_ID {
            true if declared.is_readable && declared.n_default == 1 => Form::Either,
            // No list names the default route twice.
            true => Form::WithPathIds,
            false if declared.is_readable && declared.n_default == 1 => Form::Plain,
            false => Form::Unreadable,
        }
    }

    /// The ways in which a list of this form may be read: with path identifiers or without.
    fn readings(self) -> &'static [bool] {
        match self {
            Form::Plain => &[false],
            Form::WithPathIds => &[true],
            Form::Either => &[false, true],
            Form::Unreadable => &[],
        }
    }
}

/// The prefixes of a list when it is read with path identifiers, or without.
struct ListScan {
    is_readable: bool,
    n: usize,
    n_default: usize,
    first_id: u32,
    greatest_id: u32,
}

impl ListScan {
    fn of(list: &[u8], family: Family, with_ids: bool, is_cut: bool) -> ListScan {
        let mut scan = ListScan { is_readable: true, n: 0, n_default: 0, first_id: 0, greatest_id: 0 };
        let mut rest = Octets(list);
        while !rest.is_empty() {
            let before = rest;
            let Some((path_id, length, _)) = nlri(&mut rest, family, with_ids) else {
                scan.is_readable = is_cut && is_front(before, family, with_ids);
                break;
            };
            if scan.n == 0 {
                scan.first_id = path_id;
            }
            scan.greatest_id = scan.greatest_id.max(path_id);
            scan.n += 1;
            scan.n_default += usize::from(length == 0);
        }
        scan
    }
}

/// Whether octets that are not a whole prefix may be the front of one.
fn is_front(mut octets: Octets, family: Family, with_ids: bool) -> bool {
    if with_ids && octets.u32().is_none() {
        return true;
    }
    octets.u8().is_none_or(|length| length <= max_length(family))
}

/// Where in a message a list stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ListPlace {
    Withdrawn,
    Announced,
    Unreach,
    Reach,
}

impl ListPlace {
    /// The directions in which routes are lost with a list there.
    fn directions(self) -> [bool; 2] {
        match self {
            ListPlace::Withdrawn | ListPlace::Unreach => WITHDRAWALS,
            ListPlace::Announced | ListPlace::Reach => ANNOUNCEMENTS,
        }
    }
}

/// One list of prefixes.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    octets: &'a [u8],
    family: Family,
    form: Form,
    place: ListPlace,
    /// Whether the message contains a second attribute of this type, so that neither is certain (RFC 7606, section 3).
    is_repeated: bool,
}

impl<'a> List<'a> {
    /// The family of its prefixes.
    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// Whether it withdraws; otherwise it announces.
    pub(super) fn is_withdrawn(&self) -> bool {
        matches!(self.place, ListPlace::Withdrawn | ListPlace::Unreach)
    }

    /// Whether its prefixes have path identifiers.
    pub(super) fn has_path_ids(&self) -> bool {
        self.form == Form::WithPathIds
    }

    /// Whether the content of the list is certain.
    pub(super) fn is_clear(&self) -> bool {
        !self.is_repeated && matches!(self.form, Form::Plain | Form::WithPathIds)
    }

    /// The path identifier, length and octets of each whole prefix in it.
    pub(super) fn prefixes(self) -> impl Iterator<Item = (Option<u32>, u8, &'a [u8])> {
        self.form.readings().iter().flat_map(move |with_ids| {
            let mut rest = Octets(self.octets);
            std::iter::from_fn(move || {
                let (path_id, length, octets) = nlri(&mut rest, self.family, *with_ids)?;
                Some((with_ids.then_some(path_id), length, octets))
            })
        })
    }

    /// The routes in it.
    pub(super) fn routes(self) -> impl Iterator<Item = ListedRoute> {
        self.prefixes().filter_map(move |(path_id, length, octets)| {
            Some((Prefix::from_nlri(self.family, length, octets)?, path_id))
        })
    }
}

/// The parts of an UPDATE.
#[derive(Default)]
pub(super) struct Lists<'a> {
    /// Every list that is not empty; the fields of the message before its attributes.
    pub(super) all: Vec<List<'a>>,
    /// The path attributes, as far as they are whole.
    pub(super) attributes: &'a [u8],
    /// The first fault of the message, if it has one.
    pub(super) flaw: Option<String>,
    /// The family whose table is complete (RFC 4724, section 2).
    pub(super) end_of_rib: Option<Family>,
    /// Whether routes may be unreadable: by family, withdrawals and announcements.
    lost: [[bool; 2]; 2],
    /// Whether there was an MP_UNREACH_NLRI, and an MP_REACH_NLRI.
    seen: [bool; 2],
    add_path: bool,
}

impl<'a> Lists<'a> {
    /// Splits an UPDATE without its header. It is cut if it has fewer octets than `length`, which its header declares.
    pub(super) fn of(update: &'a [u8], length: usize, add_path: bool) -> Lists<'a> {
        let mut lists = Lists { add_path, ..Lists::default() };
        if let Err(what) = lists.read(update, length) {
            // Its lengths contradict each other, so no field is certain.
            lists = Lists { flaw: Some(what.to_owned()), lost: [[true; 2]; 2], ..Lists::default() };
        }
        lists.all.sort_by_key(|list| list.place);
        if lists.flaw.is_some() || lists.lost != [[false; 2]; 2] || update.len() < length {
            lists.end_of_rib = None;
        }
        lists
    }

    fn read(&mut self, update: &'a [u8], length: usize) -> Result<(), &'static str> {
        let mut octets = Octets(update);
        let n_withdrawn = usize::from(octets.u16().ok_or("withdrawn routes longer than the message")?);
        let n_after = length.checked_sub(4 + n_withdrawn).ok_or("withdrawn routes longer than the message")?;
        let Some(withdrawn) = octets.take(n_withdrawn) else {
            self.add(octets.0, Family::V4, ListPlace::Withdrawn, true);
            self.lose(&[Family::V4], WITHDRAWALS);
            if n_after > 0 {
                self.lose(&Family::ALL, [true; 2]);
            }
            return Ok(());
        };
        self.add(withdrawn, Family::V4, ListPlace::Withdrawn, false);
        let Some(n_attributes) = octets.u16().map(usize::from) else {
            if n_after > 0 {
                self.lose(&Family::ALL, [true; 2]);
            }
            return Ok(());
        };
        let n_announced = n_after.checked_sub(n_attributes).ok_or("attributes longer than the message")?;
        let attributes = octets.take(n_attributes).unwrap_or_else(|| std::mem::take(&mut octets.0));
        let has_other_families = self.read_attributes(attributes, n_attributes);
        let announced = octets.0;
        self.add(announced, Family::V4, ListPlace::Announced, announced.len() < n_announced);
        if announced.len() < n_announced {
            self.lose(&[Family::V4], ANNOUNCEMENTS);
        }
        if attributes.is_empty() {
            self.end_of_rib = Some(Family::V4);
        }
        if has_other_families || !self.all.is_empty() {
            self.end_of_rib = None;
        }
        Ok(())
    }

    /// Adds the lists in the attributes, which may be cut; returns whether there are routes of other families.
    fn read_attributes(&mut self, attributes: &'a [u8], length: usize) -> bool {
        let is_cut = attributes.len() < length;
        let mut rest = Octets(attributes);
        let mut has_other_families = false;
        loop {
            let before = rest.0;
            match attribute(&mut rest) {
                Some(Some((code @ (MP_REACH | MP_UNREACH), value))) => {
                    has_other_families |= self.multiprotocol(code, value, false);
                }
                Some(Some(_)) => {}
                Some(None) if !is_cut => {
                    self.attributes = attributes;
                    return has_other_families;
                }
                _ => {
                    let n_whole = attributes.len() - before.len();
                    self.attributes = attributes.get(..n_whole).unwrap_or_default();
                    if !is_cut {
                        self.flaw.get_or_insert_with(|| "an attribute longer than the attributes".to_owned());
                    }
                    let n_after = self.cut_attribute(before, length - n_whole, is_cut);
                    if n_after >= SHORTEST_MULTIPROTOCOL {
                        self.lose(&Family::ALL, [true; 2]);
                    }
                    return has_other_families;
                }
            }
        }
    }

    /// The attribute inside which the record ends. Returns how many of the `n_unread` octets from its beginning on have
    /// unknown content.
    fn cut_attribute(&mut self, front: &'a [u8], n_unread: usize, is_cut: bool) -> usize {
        let (code, length, value) = match *front {
            [flags, code, high, low, ref value @ ..] if flags & EXTENDED_LENGTH != 0 => {
                (code, 4 + usize::from(u16::from_be_bytes([high, low])), value)
            }
            [flags, code, length, ref value @ ..] if flags & EXTENDED_LENGTH == 0 => {
                (code, 3 + usize::from(length), value)
            }
            _ => return n_unread,
        };
        // Longer than what it is in: its length cannot be right.
        let Some(n_after) = n_unread.checked_sub(length).filter(|_| is_cut) else { return n_unread };
        if matches!(code, MP_REACH | MP_UNREACH) {
            self.multiprotocol(code, value, true);
        }
        n_after
    }

    /// MP_REACH_NLRI or MP_UNREACH_NLRI (RFC 4760); returns whether it is of another family than unicast.
    fn multiprotocol(&mut self, code: u8, value: &'a [u8], is_cut: bool) -> bool {
        let place = if code == MP_UNREACH { ListPlace::Unreach } else { ListPlace::Reach };
        let families: &[Family] = match multiprotocol_family(value) {
            Some(None) => return true,
            Some(Some(Family::V4)) => &[Family::V4],
            Some(Some(Family::V6)) => &[Family::V6],
            None => &Family::ALL,
        };
        if is_cut {
            self.lose(families, place.directions());
        }
        match unicast(code, value) {
            Some(Some((family, []))) if place == ListPlace::Unreach && !is_cut => {
                // The end of SAFI 3 (unicast and multicast) is not the end of the unicast table.
                let is_unicast = value.get(2) == Some(&1);
                self.end_of_rib = is_unicast.then_some(family);
                return !is_unicast;
            }
            Some(Some((family, list))) => self.add(list, family, place, is_cut),
            _ if is_cut => {}
            _ => {
                self.lose(families, place.directions());
                self.flaw.get_or_insert_with(|| format!("malformed attribute {code}"));
            }
        }
        if std::mem::replace(&mut self.seen[usize::from(place == ListPlace::Reach)], true) {
            self.flaw.get_or_insert_with(|| format!("attribute {code} twice"));
            self.all.iter_mut().filter(|list| list.place == place).for_each(|list| list.is_repeated = true);
        }
        false
    }

    /// Adds a list, which may be cut.
    fn add(&mut self, octets: &'a [u8], family: Family, place: ListPlace, is_cut: bool) {
        if octets.is_empty() {
            return;
        }
        let form = Form::of(octets, family, self.add_path, is_cut);
        match form {
            Form::Plain | Form::WithPathIds => {}
            Form::Either => {
                let what = || format!("{family} prefixes that may have path identifiers or not");
                self.flaw.get_or_insert_with(what);
            }
            Form::Unreadable => {
                self.lose(&[family], place.directions());
                self.flaw.get_or_insert_with(|| format!("a malformed list of {family} prefixes"));
                return;
            }
        }
        self.all.push(List { octets, family, form, place, is_repeated: false });
    }

    /// Routes of these families may have been withdrawn, or announced, without being readable.
    fn lose(&mut self, families: &[Family], directions: [bool; 2]) {
        for family in families {
            let lost = &mut self.lost[*family as usize];
            *lost = [lost[0] || directions[0], lost[1] || directions[1]];
        }
    }

    /// The unreadable routes, split by family if they differ.
    pub(super) fn lost(&self) -> impl Iterator<Item = Lost> {
        let [v4, v6] = self.lost;
        let lost = |families, [withdrawals, announcements]: [bool; 2]| Lost { families, withdrawals, announcements };
        let parts = match v4 == v6 {
            true => [lost([true; 2], v4), lost([false; 2], [false; 2])],
            false => [lost([true, false], v4), lost([false, true], v6)],
        };
        parts.into_iter().filter(|lost| lost.withdrawals || lost.announcements)
    }
}

/// Directions in which routes may be lost: withdrawals, announcements.
const WITHDRAWALS: [bool; 2] = [true, false];
const ANNOUNCEMENTS: [bool; 2] = [false, true];

#[cfg(test)]
mod tests;
