//! The files that a query needs, per collector, and the files that should exist and do not.

use std::collections::BTreeMap;
use std::time::Duration;

use super::missing::{follows, is_read, missing, pause, timed, unread_gaps};
use super::ribs::{BEFORE_RIB, BEYOND, ChosenRibs, RIB_LOOK_BACK, RibNotes};
use super::{ArchiveFile, DumpKind, Query, era};
use crate::bgp::{Collector, Project};
use crate::coverage::{Gap, GapReason};
use crate::query::RibChoice;
use crate::time::{Timestamp, Window};

const MINUTE: Duration = Duration::from_secs(60);
/// RIB dumps are named up to this much before or after their regular time.
const RIB_STRAYS: Duration = MINUTE.saturating_mul(30);

/// What one collector contributes.
#[derive(Clone, Debug)]
pub struct CollectorPlan {
    /// The collector.
    pub collector: Collector,
    /// The project whose layout its files have.
    pub project: Project,
    /// RIB dumps in order: those of the baseline, the one that seeds the replay, the chosen ones inside the window, the first
    /// after it.
    pub ribs: Vec<ArchiveFile>,
    /// RIB dumps inside the window, in order, that are listed and not chosen.
    pub left_out: Vec<ArchiveFile>,
    /// The name of the RIB dump that is read only to check whether a single other one is complete.
    pub only_compared: Option<String>,
    /// Update files in order, without gaps other than `gaps`.
    pub updates: Vec<ArchiveFile>,
    /// Intervals for which an update file should exist and does not.
    pub gaps: Vec<Gap>,
    /// When the updates begin to matter: at the seeding RIB dump, or at the start of the window.
    pub start: Timestamp,
    /// Until when they reach without a gap: the end of the window, or up to 15 minutes later.
    pub end: Timestamp,
}

impl CollectorPlan {
    /// Returns the plan of a collector of which no file is listed: the whole window is a gap.
    pub fn unlisted(collector: &Collector, project: Project, window: Window) -> CollectorPlan {
        let detail = "no file of this collector is listed".to_owned();
        CollectorPlan::without_files(collector, project, window, GapReason::Missing, detail)
    }

    /// Returns the plan of a collector of which no file is read: the whole window is a gap.
    pub fn without_files(
        collector: &Collector,
        project: Project,
        window: Window,
        reason: GapReason,
        detail: String,
    ) -> CollectorPlan {
        CollectorPlan {
            collector: collector.clone(),
            project,
            ribs: Vec::new(),
            left_out: Vec::new(),
            only_compared: None,
            updates: Vec::new(),
            gaps: vec![Gap { collector: collector.clone(), window, reason, detail }],
            start: window.start,
            end: window.end,
        }
    }

    /// Returns the files that it reads: RIB dumps, then updates.
    pub fn files(&self) -> impl Iterator<Item = &ArchiveFile> {
        self.ribs.iter().chain(&self.updates)
    }

    /// Returns the interval that an update file may cover: from its opening to that of the next one. None if it is empty.
    pub fn span(&self, index: usize, window_end: Timestamp) -> Option<Window> {
        let file = self.updates.get(index)?;
        let start = era::opened(file).0;
        let end = match self.updates.get(index + 1) {
            Some(next) => era::opened(next).1,
            None => (start + era::interval(file)).max(window_end),
        };
        Window::new(start, end).ok()
    }

    /// Returns when the missing update files in a gap should begin: one per interval, in step with the file before the gap or,
    /// if there is none, with the first one after it.
    pub fn slots_in(&self, gap: &Gap) -> Vec<Timestamp> {
        let before = self.updates.iter().rfind(|file| era::opened(file).0 < gap.window.end);
        let nearest = before.or(self.updates.first()).filter(|file| file.records.is_none());
        let usual = era::update_interval_at(self.project, gap.window.start);
        let (interval, phase) = match nearest {
            Some(file) => (era::interval(file), era::opened(file).1),
            None => (usual, Timestamp::from_secs(0)),
        };
        slots(gap.window, interval, phase).collect()
    }

    /// Returns when RIB dumps are due and not listed, between the one that seeds the replay and the end of `window`.
    pub fn missing_ribs(&self, window: Window) -> Vec<Timestamp> {
        let seed = self.ribs.iter().rev().map(|rib| era::opened(rib).0).find(|at| *at <= window.start);
        let start = seed.unwrap_or(window.start - RIB_LOOK_BACK[0]);
        let listed = || self.ribs.iter().chain(&self.left_out);
        let nearest = self.ribs.iter().rfind(|rib| era::opened(rib).0 <= start).or(self.ribs.first());
        let shown = nearest.and_then(|rib| rib.lasts);
        let Some(interval) = shown.or(era::rib_interval_at(self.project, start)) else { return Vec::new() };
        // RIB dumps are named a few minutes before or after the full hour. Those with an interval of their own are in step with
        // each other.
        let phase = match (nearest, shown) {
            (Some(rib), Some(_)) => era::opened(rib).0,
            _ => Timestamp::from_secs(0),
        };
        let strays = RIB_STRAYS.min(interval / 2);
        let is_listed = |at: &Timestamp| {
            let near = |opened: Timestamp| opened + strays > *at && opened < *at + strays;
            listed().any(|rib| near(era::opened(rib).0))
        };
        slots(Window { start, end: window.end }, interval, phase).filter(|at| *at >= start && !is_listed(at)).collect()
    }
}

/// Returns the starts of the regular intervals that overlap a stretch. One of them starts at `phase`.
fn slots(stretch: Window, interval: Duration, phase: Timestamp) -> impl Iterator<Item = Timestamp> {
    let step = interval.as_secs().max(1) as i64;
    let phase = phase.secs();
    let first = (stretch.start.secs() - phase).div_euclid(step) * step + phase;
    (0..).map(move |n| Timestamp::from_secs(first + n * step)).take_while(move |at| *at < stretch.end)
}

/// The files that a query needs.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Per collector, by name.
    pub collectors: Vec<CollectorPlan>,
}

impl Plan {
    /// Adds those of `collectors` that have no file at all, each with the whole window as a gap.
    pub fn expect(&mut self, collectors: &[Collector], window: Window) {
        for collector in collectors {
            let Err(index) = self.collectors.binary_search_by(|plan| plan.collector.cmp(collector)) else { continue };
            self.collectors.insert(index, CollectorPlan::unlisted(collector, collector.project(), window));
        }
    }
}

/// Chooses from `files` those that `query` needs.
pub fn plan(query: &Query, files: &[ArchiveFile], notes: &RibNotes) -> Plan {
    let mut by_collector: BTreeMap<&Collector, Vec<&ArchiveFile>> = BTreeMap::new();
    for file in files {
        by_collector.entry(&file.collector).or_default().push(file);
    }
    let mut plan = Plan::default();
    for (collector, files) in by_collector {
        plan.collectors.extend(plan_collector(query, collector, &files, notes));
    }
    plan
}

/// Chooses the files of one collector. None if the query needs none of them.
fn plan_collector(
    query: &Query,
    collector: &Collector,
    files: &[&ArchiveFile],
    notes: &RibNotes,
) -> Option<CollectorPlan> {
    let window = query.window;
    let project = files.first()?.project;
    let updates = timed(files, DumpKind::Updates);
    let mut ribs = ChosenRibs::new(query, timed(files, DumpKind::Rib), notes);

    // Without a seed the updates matter from the start of the window; a RIB dump named just before it still seeds.
    let mut start = match ribs.seeded_at {
        Some(at) => at,
        None => ribs.first_inside.map_or(window.start, |at| at.min(window.start)),
    };
    let mut chosen = choose_updates(&updates, start - BEFORE_RIB, window.end);
    if chosen.is_empty() && ribs.files.is_empty() {
        return None;
    }
    if !ribs.has_usable {
        // Without a RIB dump every message counts, from the first file on.
        let first = chosen.iter().find(|file| is_read(file));
        start = first.map_or(start, |first| start.min(era::opened(first).1));
    }
    let next = updates.iter().find(|file| era::opened(file).0 >= window.end);
    let mut gaps = missing(collector, &chosen, next, start, window.end);
    gaps.extend(unread_gaps(collector, &chosen, start, window.end));
    gaps.sort();
    chosen.retain(is_read);
    if query.ribs != RibChoice::Edges {
        gaps.iter().for_each(|gap| ribs.choose_first_after(gap.window.end));
    }
    // If the first RIB dump comes after the window, it seeds nothing, and the replay ends before it.
    let is_seeded = ribs.seeded_at.is_some() || ribs.first_inside.is_some() || !ribs.has_usable;
    let end = if is_seeded { reach_beyond(&mut chosen, &updates, window.end) } else { window.end };
    Some(CollectorPlan {
        collector: collector.clone(),
        project,
        ribs: ribs.files,
        left_out: ribs.left_out,
        only_compared: ribs.only_compared,
        updates: chosen,
        gaps,
        start,
        end,
    })
}

/// Returns the update files that may contain messages from `start` to the end of the window. A file may last half an interval
/// longer than its neighbours, or straddle the start.
fn choose_updates(updates: &[ArchiveFile], start: Timestamp, window_end: Timestamp) -> Vec<ArchiveFile> {
    let is_needed = |file: &&ArchiveFile| {
        let (earliest, latest) = era::opened(file);
        earliest < window_end && latest + era::interval(file) + pause(file) > start
    };
    updates.iter().filter(is_needed).cloned().collect()
}

/// Adds the files that follow `chosen` without a gap for up to [`BEYOND`] after the end of the window, and returns until when
/// they reach.
fn reach_beyond(chosen: &mut Vec<ArchiveFile>, updates: &[ArchiveFile], window_end: Timestamp) -> Timestamp {
    let later = updates.iter().filter(|file| era::opened(file).0 >= window_end && is_read(file));
    for file in later.take_while(|file| era::opened(file).0 < window_end + BEYOND) {
        if !chosen.last().is_some_and(|last| follows(file, last)) {
            break;
        }
        chosen.push(file.clone());
    }
    let reach = chosen.last().map_or(window_end, |last| era::opened(last).0 + era::interval(last));
    reach.min(window_end + BEYOND).max(window_end)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::archive::Location;
    use std::path::PathBuf;

    pub(in crate::catalog) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Files of one collector: `rib 08:00, updates 08:00 08:15` on 2014-12-22, or with a date.
    pub(in crate::catalog) fn files(collector: &str, text: &str) -> Vec<ArchiveFile> {
        let mut kind = DumpKind::Rib;
        let mut files = Vec::new();
        for word in text.split_whitespace() {
            match word {
                "rib" => kind = DumpKind::Rib,
                "updates" => kind = DumpKind::Updates,
                time => {
                    let time = if time.len() == 5 { format!("2014-12-22T{time}") } else { time.to_owned() };
                    let project = if collector.starts_with("rrc") { Project::RipeRis } else { Project::RouteViews };
                    let name = format!("{}/{}", kind.name(), time);
                    let location = Location::Local(PathBuf::from(&name));
                    files.push(ArchiveFile {
                        collector: Collector::new(collector),
                        named_at: at(&time),
                        kind,
                        project,
                        name,
                        location,
                        lasts: None,
                        records: None,
                    });
                }
            }
        }
        files
    }

    fn check(collector: &str, listing: &str, from: &str, to: &str, expected: &str) {
        check_without(&[], collector, listing, from, to, expected);
    }

    fn check_without(rejected: &[&str], collector: &str, listing: &str, from: &str, to: &str, expected: &str) {
        let window = Window::new(at(from), at(to)).unwrap();
        let query = Query { ribs: RibChoice::All, ..Query::new(vec![], window) };
        let rejected = rejected.iter().map(|name| (*name).to_owned()).collect();
        let notes = RibNotes { rejected, ..RibNotes::default() };
        let plan = plan(&query, &files(collector, listing), &notes);
        let mut shown = Vec::new();
        for plan in &plan.collectors {
            shown.extend(plan.files().map(|file| file.name.replace("2014-12-22T", "")));
            shown.extend(plan.gaps.iter().map(|gap| {
                format!("gap {}..{}", gap.window.start, gap.window.end).replace("2014-12-22T", "").replace(":00Z", "")
            }));
        }
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn the_last_rib_before_the_window_and_the_straddling_update_files_are_read() {
        check(
            "rrc00",
            "rib 08:00 16:00 updates 07:40 07:45 07:50 07:55 08:00 08:05 08:10 08:15",
            "2014-12-22T08:11",
            "2014-12-22T08:14",
            "rib/08:00 rib/16:00 updates/07:40 updates/07:45 updates/07:50 updates/07:55 updates/08:00 updates/08:05 updates/08:10 updates/08:15",
        );
    }

    #[test]
    fn files_are_read_for_a_quarter_of_an_hour_beyond_the_window_unless_one_is_missing() {
        let of = |updates: &str, expected: &str| {
            let listing = format!("rib 08:00 updates 07:45 07:50 07:55 08:00 08:05 {updates}");
            let read = "rib/08:00 updates/07:45 updates/07:50 updates/07:55 updates/08:00 updates/08:05";
            check("rrc00", &listing, "2014-12-22T08:10", "2014-12-22T08:10:01", &format!("{read} {expected}"));
        };
        of("08:10 08:15 08:20 08:25 08:30", "updates/08:10 updates/08:15 updates/08:20 updates/08:25");
        of("08:10 08:20 08:25", "updates/08:10");
    }

    #[test]
    fn a_rib_with_an_odd_minute_seeds_and_one_named_as_the_start_is_a_checkpoint() {
        check("rrc00", "rib 07:59", "2014-12-22T08:30", "2014-12-22T09:00", "rib/07:59 gap 07:59..09:00");
        check(
            "rrc00",
            "rib 00:00 08:00",
            "2014-12-22T08:00",
            "2014-12-22T08:10",
            "rib/00:00 rib/08:00 gap 00:00..08:10",
        );
    }

    #[test]
    fn an_older_rib_takes_the_place_of_a_rejected_one_which_stays_in_the_plan() {
        let (from, to) = ("2014-12-22T16:30", "2014-12-22T16:35");
        check_without(
            &["rib/2014-12-22T16:00"],
            "rrc00",
            "rib 08:00 16:00 updates 16:25 16:30",
            from,
            to,
            "rib/08:00 rib/16:00 updates/16:25 updates/16:30 gap 08:00..16:25",
        );
        // Without any other the updates stand alone, and without those nothing is known.
        check_without(
            &["rib/2014-12-22T16:00"],
            "rrc00",
            "rib 16:00 updates 16:25 16:30",
            from,
            to,
            "rib/16:00 updates/16:25 updates/16:30",
        );
        check_without(&["rib/2014-12-22T16:00"], "rrc00", "rib 16:00", from, to, "rib/16:00 gap 16:30..16:35");
    }

    #[test]
    fn a_missing_slot_is_a_gap_and_a_short_pause_is_not() {
        check(
            "route-views2",
            "rib 02:00 updates 01:45 02:00 02:17 02:32 03:02",
            "2014-12-22T02:20",
            "2014-12-22T03:10",
            "rib/02:00 updates/01:45 updates/02:00 updates/02:17 updates/02:32 updates/03:02 gap 02:47..03:02",
        );
    }

    #[test]
    fn behind_the_interval_of_the_last_file_is_a_gap() {
        let listing = "rib 08:00 updates 07:45 07:50 07:55 08:00 08:05 08:10";
        let files = "rib/08:00 updates/07:45 updates/07:50 updates/07:55 updates/08:00 updates/08:05 updates/08:10";
        let of = |to: &str, expected: &str| check("rrc00", listing, "2014-12-22T08:10", to, expected);
        of("2014-12-22T08:16", files);
        of("2014-12-22T08:17", &format!("{files} gap 08:15..08:17"));
        check(
            "route-views2",
            "rib 08:00 updates 07:45 08:00",
            "2014-12-22T08:10",
            "2014-12-22T08:22",
            "rib/08:00 updates/07:45 updates/08:00 gap 08:15..08:22",
        );
    }

    #[test]
    fn a_pause_before_a_file_that_is_not_read_is_no_gap_and_a_missing_one_is() {
        let of = |listing: &str, expected: &str| {
            check("route-views2", listing, "2014-12-22T08:10", "2014-12-22T08:21", expected);
        };
        let files = "rib/08:00 updates/07:45 updates/08:00";
        of("rib 08:00 updates 07:45 08:00 08:22", &format!("{files} updates/08:22"));
        of("rib 08:00 updates 07:45 08:00 08:30", &format!("{files} gap 08:15..08:21"));
    }

    // T60
    #[test]
    fn update_files_of_early_route_views_are_found_by_pacific_time() {
        check(
            "route-views2",
            "updates 2003-01-10T07:45 2003-01-10T08:00 2003-01-10T08:15 2003-01-10T16:00",
            "2003-01-10T16:05",
            "2003-01-10T16:10",
            "updates/2003-01-10T07:45 updates/2003-01-10T08:00 updates/2003-01-10T08:15",
        );
    }

    // T59
    #[test]
    fn early_ris_files_at_odd_minutes_are_found() {
        check(
            "rrc00",
            "updates 2001-01-10T22:21 2001-01-10T22:36 2001-01-10T22:51",
            "2001-01-10T22:50",
            "2001-01-10T23:00",
            "updates/2001-01-10T22:21 updates/2001-01-10T22:36 updates/2001-01-10T22:51",
        );
    }
}
