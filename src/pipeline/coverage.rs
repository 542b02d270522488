//! What the archives did not show: gaps while files are read, and the coverage of a report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::reading::ReadFile;
use crate::bgp::{Asn, Collector, Family};
use crate::catalog::{self, CollectorPlan, NAME_PRECISION};
use crate::coverage::{FileReading, Gap, GapReason, ListingSource, Skipped, Verdict};
use crate::decode::clock::STRAY;
use crate::detect::Skew;
use crate::observations::Source;
use crate::replay::{RIB_INSTANT, Replay, RibTable};
use crate::report::{CollectorCoverage, Coverage, CoverageRow, Doubts};
use crate::time::{Timestamp, Window};
use crate::visibility::View;

/// A collector may record nothing for this long before a file ends.
const LATE: Duration = Duration::from_secs(10);

/// Returns the gaps that are known before any update file is read: missing files, and the time after two rejected RIB dumps in a
/// row. `ribs` are the reports of the RIB dumps, in order.
pub(super) fn known_gaps(plan: &CollectorPlan, ribs: &[FileReading], window: Window) -> Vec<Gap> {
    let mut gaps = plan.gaps.clone();
    for pair in ribs.windows(2).filter(|pair| pair.iter().all(is_refused)) {
        let [first, second] = pair else { continue };
        let Some(at) = second.first_at else { continue };
        let detail = format!("two RIB dumps in a row were rejected: {} and {}", first.name, second.name);
        gaps.extend(gap(plan, window, Window { start: at, end: at + RIB_INSTANT }, GapReason::Unconfirmed, detail));
    }
    gaps
}

/// Returns the gaps in the update file `index` of the plan. They include gaps before the seeding RIB dump, because the replay uses
/// the session changes in such files.
pub(super) fn gaps_of_file(plan: &CollectorPlan, index: usize, updates: &ReadFile, window: Window) -> Vec<Gap> {
    let (file, span) = (&updates.report, plan.span(index, window.end));
    // In an unreadable file, the times are not reliable either.
    let believed = if file.verdict == Verdict::Unreadable { &[][..] } else { &file.skipped };
    let skipped = believed.iter().filter_map(|skipped| {
        let Skipped { offset, bytes, .. } = skipped;
        let detail =
            format!("{}: {bytes} bytes at offset {offset} that belong to no record, or to no known peer", file.name);
        gap(plan, window, lost(skipped, span), GapReason::Damaged, detail)
    });
    let unseen = span.and_then(|span| unseen(updates, span)).and_then(|(stretch, reason)| {
        let detail = match &file.detail {
            Some(detail) => format!("{}: {detail}", file.name),
            None => file.name.clone(),
        };
        gap(plan, window, stretch, reason, detail)
    });
    let unproved = unproved(plan, index, updates, window).or_else(|| after_the_last(plan, index, updates, window));
    skipped.chain(unseen).chain(unproved).collect()
}

/// Returns the part of the window after the last file. File names have minute precision, so a file may end a minute later than its
/// name says: it ends its usual length after its first record, or at its last record if that is later.
fn after_the_last(plan: &CollectorPlan, index: usize, updates: &ReadFile, window: Window) -> Option<Gap> {
    let named = plan.updates.get(index).filter(|_| index + 1 == plan.updates.len())?.nominal_span();
    let (first, last) = updates.reading.census.span?;
    let until = (first.clamp(named.start, named.start + NAME_PRECISION) + named.duration()).max(last);
    let is_known = plan.gaps.iter().any(|gap| gap.window.end >= window.end);
    let stretch = Window::new(until, window.end).ok().filter(|rest| !is_known && rest.duration() > LATE)?;
    gap(plan, window, stretch, GapReason::Missing, format!("no update file after {}", updates.report.name))
}

/// Returns the interval that a file covers only by the spacing of names, if its records end long before: then a file is missing.
/// Missing files at least double the spacing, so the second half would contain no record.
fn unproved(plan: &CollectorPlan, index: usize, updates: &ReadFile, window: Window) -> Option<Gap> {
    let stretched = plan.updates.get(index)?.stretched()?;
    let (_, last) = updates.reading.census.span?;
    let last = updates.reading.census.read_until.map_or(last, |until| until.min(last));
    let stretch = Window::new(stretched.window.start.max(last), plan.span(index, window.end)?.end).ok()?;
    let detail = format!("no update file after {}, whose records end at {last}", updates.report.name);
    (last < stretched.proved_from).then(|| gap(plan, window, stretch, GapReason::Missing, detail))?
}

/// Returns the part of an interval before the end of the window as a gap. None if there is none.
fn gap(plan: &CollectorPlan, window: Window, stretch: Window, reason: GapReason, detail: String) -> Option<Gap> {
    let window = Window::new(stretch.start, stretch.end.min(window.end)).ok()?;
    Some(Gap { collector: plan.collector.clone(), window, reason, detail })
}

/// Returns the gap of an interval without records in existing files.
pub(super) fn silent(plan: &CollectorPlan, window: Window) -> Gap {
    let detail = "its files contain no record from this time, and it is never otherwise silent for so long".to_owned();
    Gap { collector: plan.collector.clone(), window, reason: GapReason::Silent, detail }
}

/// Returns the part of its interval that an update file does not show, and why. None if it shows all.
fn unseen(updates: &ReadFile, mut span: Window) -> Option<(Window, GapReason)> {
    let file = &updates.report;
    let reason = match file.verdict {
        Verdict::Truncated => GapReason::Truncated,
        Verdict::Empty => GapReason::Empty,
        Verdict::Missing => GapReason::Missing,
        Verdict::Unavailable => GapReason::Unavailable,
        Verdict::Unreadable | Verdict::Rejected => GapReason::Unreadable,
        Verdict::Ok | Verdict::Damaged => return None,
    };
    // A time outside the interval of the file does not show where it is truncated.
    if let (GapReason::Truncated, Some(until)) = (reason, updates.reading.census.read_until)
        && until < span.end
    {
        span.start = span.start.max(until);
    }
    Some((span, reason))
}

/// Returns the parts of the gaps after `start`, in order.
pub(super) fn since(start: Timestamp, gaps: Vec<Gap>) -> Vec<Gap> {
    let clipped = gaps.into_iter().filter_map(|gap| {
        let window = Window::new(gap.window.start.max(start), gap.window.end).ok()?;
        Some(Gap { window, ..gap })
    });
    let mut gaps: Vec<Gap> = clipped.collect();
    gaps.sort();
    gaps
}

/// Returns the interval in which messages were lost, which is never empty. Times far from the interval of the file are part of
/// the damage, and then all of the file may be affected.
fn lost(skipped: &Skipped, span: Option<Window>) -> Window {
    let is_of_file = |at: Timestamp| span.is_none_or(|span| span.start <= at + STRAY && at <= span.end + STRAY);
    let (mut start, mut end) = (skipped.after, skipped.before);
    if let Some(span) = span {
        start = if is_of_file(start) { start } else { span.start };
        end = if is_of_file(end) { end } else { span.end };
    }
    Window { start, end: end.max(Timestamp::from_micros(start.micros() + 1)) }
}

/// Whether a RIB dump was read and rejected for what is in it.
fn is_refused(rib: &FileReading) -> bool {
    rib.verdict == Verdict::Rejected && rib.first_at.is_some()
}

/// Returns the intervals of the window in which the vantage points of each collector were known, and in which they were
/// not: after a gap they stay unknown until the next accepted RIB dump.
fn rows(replays: &[Replay], gaps: &[Gap], window: Window) -> Vec<CoverageRow> {
    let any_rib = replays.iter().any(|replay| replay.has_rib);
    let of_replay = |replay: &'_ Replay| match any_rib && !replay.has_rib {
        true => {
            let detail = "no accepted RIB dump, while other collectors have one";
            row(replay, window, window, Some(GapReason::Excluded), detail).into_iter().collect()
        }
        false => rows_of(replay, gaps, window),
    };
    let mut rows: Vec<CoverageRow> = replays.iter().flat_map(of_replay).collect();
    rows.sort_by(|a, b| (&a.collector, a.window).cmp(&(&b.collector, b.window)));
    rows
}

fn rows_of(replay: &Replay, gaps: &[Gap], window: Window) -> Vec<CoverageRow> {
    let gaps: Vec<&Gap> = gaps.iter().filter(|gap| gap.collector == replay.collector).collect();
    let mut rows = Vec::new();
    let mut push = |interval: Window, reason, detail: &str| rows.extend(row(replay, interval, window, reason, detail));
    // A RIB dump that overlaps a gap shows one instant and does not end the gap.
    let is_in_gap = |table: &&RibTable| gaps.iter().any(|gap| table.overlaps(&gap.window));
    let seeds = || replay.tables.iter().filter(|table| !is_in_gap(table)).map(|table| table.done_at);
    let resumes = |after: Timestamp| match replay.has_rib {
        true => seeds().find(|at| *at >= after).unwrap_or(Timestamp::MAX),
        false => after,
    };
    // The first RIB dump counts here even if it lies in a gap: then the gap is the reason, not the lack of a RIB dump.
    let mut at = match replay.has_rib {
        true => replay.tables.first().map_or(Timestamp::MAX, |table| table.done_at),
        false => Timestamp::MIN,
    };
    if let Ok(unseeded) = Window::new(window.start, at)
        && replay.has_rib
    {
        push(unseeded, Some(GapReason::NoRib), "no accepted RIB dump yet");
    }
    for gap in &gaps {
        if gap.window.start > at {
            push(Window { start: at, end: gap.window.start }, None, "");
        }
        let end = resumes(gap.window.end);
        if let Ok(unknown) = Window::new(at.max(gap.window.start), end) {
            push(unknown, Some(gap.reason), &gap.detail);
            at = end;
        }
    }
    if let Ok(rest) = Window::new(at.max(window.start), window.end) {
        push(rest, None, "");
    }
    rows
}

/// Returns the part of an interval inside the window as a row. None if there is none.
fn row(
    replay: &Replay,
    interval: Window,
    window: Window,
    reason: Option<GapReason>,
    detail: &str,
) -> Option<CoverageRow> {
    let window = interval.intersect(&window)?;
    Some(CoverageRow { collector: replay.collector.clone(), window, reason, detail: detail.to_owned() })
}

/// Returns the coverage of a run. `sources` are those of `replays`, in order.
pub(super) fn coverage(
    view: &View,
    replays: &[Replay],
    sources: &[Source],
    skews: &BTreeMap<Collector, Skew>,
    gaps: Vec<Gap>,
    window: Window,
) -> Coverage {
    let collectors = sources.iter().zip(replays);
    let collectors = collectors.map(|(source, replay)| {
        let skew = skews.get(&replay.collector).copied();
        collector(view, replay, source, skew)
    });
    Coverage {
        listing: ListingSource::default(),
        collectors: collectors.collect(),
        rows: rows(replays, &gaps, window),
        gaps,
        rules: view.rules(),
        has_rib: view.has_rib(),
        n_peer_asns: Family::ALL.map(|family| {
            let asns: BTreeSet<Asn> = view.full_feeds(family).iter().map(|full_feed| full_feed.peer.asn).collect();
            asns.len()
        }),
        live_feeds: Family::ALL.map(|family| view.live_feeds(family)),
    }
}

fn collector(view: &View, replay: &Replay, source: &Source, skew: Option<Skew>) -> CollectorCoverage {
    let n_full_feeds = |family| {
        let full_feeds = view.full_feeds(family);
        full_feeds.iter().filter(|full_feed| full_feed.collector == replay.collector).count()
    };
    CollectorCoverage {
        collector: replay.collector.clone(),
        source: *source,
        publisher: catalog::publisher(&replay.collector),
        n_peers: replay.peers.len(),
        n_internal: replay.is_internal.iter().filter(|is_internal| **is_internal).count(),
        n_full_feeds: Family::ALL.map(n_full_feeds),
        n_rib_dumps: replay.tables.len(),
        late_records: replay.corrections.late_records,
        missed_announcements: replay.corrections.missed_announcements,
        missed_withdrawals: replay.corrections.missed_withdrawals,
        skew,
        control: replay.control,
        doubts: Doubts::of(replay),
    }
}
