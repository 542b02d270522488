//! Which RIB dumps of a collector a query needs.

use std::time::Duration;

use rustc_hash::FxHashSet;

use super::missing::is_read;
use super::{ArchiveFile, DumpKind, Query, era};
use crate::bgp::Collector;
use crate::time::{Timestamp, Window};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A RIB dump named less than this before the window may still be incomplete when the window begins.
const RIB_SETTLES: Duration = MINUTE.saturating_mul(10);
/// How far before the window a seeding RIB dump is searched, first and second attempt. RIPE RIS dumps every 8 hours, so the
/// first attempt tolerates two missing ones.
pub(super) const RIB_LOOK_BACK: [Duration; 2] = [HOUR.saturating_mul(26), HOUR.saturating_mul(24 * 7)];
/// Updates from this long before a RIB dump show which messages were in flight while it was written.
pub(super) const BEFORE_RIB: Duration = MINUTE.saturating_mul(15);
/// Update files are read this far beyond the window, because they show whether a route that is lost at its end returns at
/// once. One file of RouteViews, three of RIPE RIS.
pub(super) const BEYOND: Duration = MINUTE.saturating_mul(15);
/// Distances at which older RIB dumps are read. Few outages last longer than a day, and each RIB dump costs the reading of a
/// whole table.
const OLDER_AT: [Duration; 6] = [
    Duration::ZERO,
    HOUR.saturating_mul(4),
    HOUR.saturating_mul(12),
    HOUR.saturating_mul(24),
    HOUR.saturating_mul(24 * 3),
    HOUR.saturating_mul(24 * 6),
];

/// What a run has learned about RIB dumps, by name, which changes the choice of them.
#[derive(Clone, Debug, Default)]
pub struct RibNotes {
    /// Those that are broken. They stay in the plan but serve no purpose, so that an older one takes the place of a broken seed.
    pub rejected: FxHashSet<String>,
    /// Those that a finding needs, whatever [`RibChoice`](crate::query::RibChoice) leaves out.
    pub needed: FxHashSet<String>,
}

/// The RIB dumps that one collector contributes.
pub(super) struct ChosenRibs {
    /// In order, including rejected ones: the report states why they were rejected.
    pub(super) files: Vec<ArchiveFile>,
    /// See [`CollectorPlan::left_out`].
    pub(super) left_out: Vec<ArchiveFile>,
    /// Whether any of them is not rejected.
    pub(super) has_usable: bool,
    /// When the RIB dump that seeds the replay was opened.
    pub(super) seeded_at: Option<Timestamp>,
    /// When the first RIB dump inside the window was opened.
    pub(super) first_inside: Option<Timestamp>,
    /// See [`CollectorPlan::only_compared`].
    pub(super) only_compared: Option<String>,
}

impl ChosenRibs {
    /// Chooses from the RIB dumps of one collector, in order.
    pub(super) fn new(query: &Query, mut ribs: Vec<ArchiveFile>, notes: &RibNotes) -> ChosenRibs {
        let window = query.window;
        ribs.retain(is_read);
        let (refused, usable): (Vec<&ArchiveFile>, Vec<&ArchiveFile>) =
            ribs.iter().partition(|rib| notes.rejected.contains(&rib.name));
        let opened = |rib: &ArchiveFile| era::opened(rib).0;

        let latest = window.start - RIB_SETTLES;
        let seed = seed(usable.iter().copied(), window);
        let baseline_from = window.start - query.baseline;
        let is_baseline =
            |rib: &&&ArchiveFile| opened(rib) >= baseline_from && seed.is_some_and(|seed| opened(rib) < opened(seed));
        let is_inside = |rib: &&&ArchiveFile| opened(rib) > latest && opened(rib) < window.end;
        let is_after = |rib: &&&ArchiveFile| opened(rib) >= window.end && opened(rib) < window.end + RIB_LOOK_BACK[0];
        let baseline = usable.iter().filter(is_baseline);
        let inside: Vec<&ArchiveFile> = usable.iter().filter(is_inside).copied().collect();
        let first_inside = inside.first().map(|rib| opened(rib));
        let after = usable.iter().find(is_after);
        let edges = (seed.map(opened), after.copied().map(opened));
        let mut is_chosen = spaced(&inside, edges, query.ribs.spacing());
        for (rib, is_chosen) in inside.iter().zip(&mut is_chosen) {
            *is_chosen |= notes.needed.contains(&rib.name);
        }
        let pick = |chosen: bool| {
            let picked = inside.iter().zip(&is_chosen).filter(move |(_, is_chosen)| **is_chosen == chosen);
            picked.map(|(rib, _)| *rib)
        };
        let mut chosen: Vec<&ArchiveFile> =
            baseline.copied().chain(seed).chain(pick(true)).chain(after.copied()).collect();
        let has_usable = !chosen.is_empty();
        let only_compared = match chosen[..] {
            [one] => {
                usable.iter().rfind(|rib| opened(rib) < opened(one) && opened(rib) >= opened(one) - RIB_LOOK_BACK[1])
            }
            _ => None,
        };
        chosen.extend(only_compared);
        chosen.extend(refused);
        chosen.sort_by_key(|rib| (era::opened(rib), &rib.name));
        ChosenRibs {
            has_usable,
            seeded_at: seed.map(opened),
            first_inside,
            only_compared: only_compared.map(|rib| rib.name.clone()),
            files: chosen.into_iter().cloned().collect(),
            left_out: pick(false).cloned().collect(),
        }
    }

    /// Chooses the first RIB dump that was opened at `at` or later, if it is inside the window: what a gap made unknown is known
    /// from there on.
    pub(super) fn choose_first_after(&mut self, at: Timestamp) {
        let opened = |rib: &ArchiveFile| era::opened(rib).0;
        let Some(index) = self.left_out.iter().position(|rib| opened(rib) >= at) else { return };
        let is_nearer = |rib: &ArchiveFile| opened(rib) >= at && opened(rib) <= opened(&self.left_out[index]);
        if !self.files.iter().any(is_nearer) {
            let rib = self.left_out.remove(index);
            let place =
                self.files.partition_point(|other| (era::opened(other), &other.name) < (era::opened(&rib), &rib.name));
            self.files.insert(place, rib);
        }
    }
}

/// Returns the RIB dump from which the replay of a window starts; `ribs` are in order.
pub(super) fn seed<'a>(
    ribs: impl DoubleEndedIterator<Item = &'a ArchiveFile> + Clone,
    window: Window,
) -> Option<&'a ArchiveFile> {
    let latest = window.start - RIB_SETTLES;
    RIB_LOOK_BACK.iter().find_map(|look_back| {
        ribs.clone().rfind(|rib| {
            let opened = era::opened(rib).1;
            opened <= latest && opened >= window.start - *look_back
        })
    })
}

/// Chooses from the RIB dumps inside a window, evenly, so that no two are further apart than `spacing`. `edges` are the times of
/// the seed and of the first dump after the window. Without a seed the first one is chosen, because the replay starts from it;
/// without a dump after the window the last one.
fn spaced(
    inside: &[&ArchiveFile],
    edges: (Option<Timestamp>, Option<Timestamp>),
    spacing: Option<Duration>,
) -> Vec<bool> {
    let opened = |rib: &ArchiveFile| era::opened(rib).0;
    let mut is_chosen = vec![spacing == Some(Duration::ZERO); inside.len()];
    let (Some(first), Some(last)) = (inside.first(), inside.last()) else { return is_chosen };
    let (seeded_at, after) = edges;
    is_chosen[0] |= seeded_at.is_none();
    is_chosen[inside.len() - 1] |= after.is_none();
    let (begin, end) = (seeded_at.unwrap_or(opened(first)), after.unwrap_or(opened(last)));
    let Some(spacing) = spacing.map(|spacing| spacing.as_secs() as i64).filter(|spacing| *spacing > 0) else {
        return is_chosen;
    };
    let n_parts = (end.secs() - begin.secs() + spacing - 1) / spacing;
    for part in 1..n_parts {
        let ideal = begin.secs() + (end.secs() - begin.secs()) * part / n_parts;
        let nearest = (0..inside.len()).min_by_key(|index| (opened(inside[*index]).secs() - ideal).abs());
        nearest.into_iter().for_each(|index| is_chosen[index] = true);
    }
    is_chosen
}

/// Returns RIB dumps from before the window that may show more than the latest one if that was written during an outage: up to
/// seven days back, at growing distances from `latest`, in the order in which to read them. Those in `known` (by name)
/// have been read already.
pub fn older_ribs(
    query: &Query,
    files: &[ArchiveFile],
    collector: &Collector,
    latest: Timestamp,
    known: &FxHashSet<&str>,
) -> Vec<ArchiveFile> {
    let is_older = |file: &&ArchiveFile| {
        let (_, opened) = era::opened(file);
        file.collector == *collector
            && file.kind == DumpKind::Rib
            && opened < latest
            && opened >= query.window.start - RIB_LOOK_BACK[1]
            && !known.contains(file.name.as_str())
    };
    let mut older: Vec<&ArchiveFile> = files.iter().filter(is_older).collect();
    older.sort_by_key(|file| (era::opened(file), &file.name));
    let mut chosen: Vec<ArchiveFile> = Vec::new();
    for distance in OLDER_AT {
        let reached = older.iter().rposition(|file| era::opened(file).1 <= latest - distance);
        // If none is that old, the oldest one.
        let index = reached.unwrap_or(0);
        if index < older.len() {
            chosen.push(older[index].clone());
            older.truncate(index);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::plan;
    use crate::catalog::plan::tests::{at, files};
    use crate::query::RibChoice;

    /// The RIB dumps of three days that are read, by day and hour.
    fn read(ribs: RibChoice, listing: &str, needed: &[&str]) -> String {
        let window = Window::new(at("2014-12-21"), at("2014-12-24")).unwrap();
        let needed = needed.iter().map(|name| format!("rib/2014-12-{name}:00")).collect();
        let notes = RibNotes { needed, ..RibNotes::default() };
        let plan = plan(&Query { ribs, ..Query::new(vec![], window) }, &files("route-views2", listing), &notes);
        let [plan] = &plan.collectors[..] else { panic!("one collector") };
        let name = |rib: &ArchiveFile| rib.name.replace("rib/2014-12-", "").replace(":00", "");
        let all = plan.ribs.len() + plan.left_out.len();
        format!("{} of {all}", plan.ribs.iter().map(name).collect::<Vec<_>>().join(" "))
    }

    fn every_two_hours(without: &str) -> String {
        let days = (20..25).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        let dump = |(day, hour): (i32, i32)| format!("2014-12-{day}T{hour:02}:00");
        let ribs: Vec<String> = days.clone().filter(|(_, hour)| hour % 2 == 0).map(dump).collect();
        let quarters = |at: String| [":00", ":15", ":30", ":45"].map(|minute| at.replace(":00", minute)).join(" ");
        let updates: Vec<String> = days.map(dump).filter(|at| !at.ends_with(without)).map(quarters).collect();
        format!("rib {} updates {}", ribs.join(" "), updates.join(" "))
    }

    #[test]
    fn no_more_rib_dumps_are_read_than_the_choice_demands() {
        let listing = every_two_hours("nothing");
        assert_eq!(read(RibChoice::Edges, &listing, &[]), "20T22 24T00 of 38");
        assert_eq!(read(RibChoice::Auto, &listing, &[]), "20T22 22T10 24T00 of 38");
        assert_eq!(read(RibChoice::Daily, &listing, &[]), "20T22 21T16 22T10 23T06 24T00 of 38");
        assert!(read(RibChoice::All, &listing, &[]).ends_with("23T22 24T00 of 38"));
        assert_eq!(read(RibChoice::Auto, &listing, &["22T18"]), "20T22 22T10 22T18 24T00 of 38");
    }

    #[test]
    fn the_first_rib_dump_after_a_gap_is_read() {
        let listing = every_two_hours("T05:00");
        assert_eq!(read(RibChoice::Auto, &listing, &[]), "20T22 21T06 22T06 22T10 23T06 24T00 of 38");
        assert_eq!(read(RibChoice::Edges, &listing, &[]), "20T22 24T00 of 38");
    }

    #[test]
    fn where_there_is_none_before_or_after_the_first_and_the_last_inside_are_read() {
        let listing = "rib 2014-12-21T08:00 2014-12-22T08:00 2014-12-22T16:00 updates 2014-12-21T00:00";
        assert_eq!(read(RibChoice::Edges, listing, &[]), "21T08 22T16 of 3");
    }

    #[test]
    fn older_dumps_are_looked_at_at_growing_distances() {
        let listing =
            files("rrc00", "rib 2014-12-14T00:00 2014-12-16T00:00 2014-12-21T00:00 2014-12-21T16:00 00:00 08:00 16:00");
        let query = Query::new(vec![], Window::new(at("2014-12-22T17:00"), at("2014-12-22T18:00")).unwrap());
        let latest = at("2014-12-22T16:00");
        let known = FxHashSet::from_iter(["rib/2014-12-22T16:00"]);
        let older = older_ribs(&query, &listing, &Collector::new("rrc00"), latest, &known);
        let names: Vec<&str> = older.iter().map(|file| file.name.as_str()).collect();
        // Those of the 14th are more than seven days old.
        assert_eq!(
            names,
            [
                "rib/2014-12-22T08:00",
                "rib/2014-12-22T00:00",
                "rib/2014-12-21T16:00",
                "rib/2014-12-21T00:00",
                "rib/2014-12-16T00:00"
            ]
        );
    }
}
