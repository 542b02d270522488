//! What the archives did not show.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lane::Archive;
use super::reading::ReadFile;
use crate::bgp::{Asn, Collector, Family};
use crate::catalog::{CollectorPlan, NAME_PRECISION};
use crate::coverage::{FileReading, Gap, GapReason, Skipped, Verdict};
use crate::decode::clock::STRAY;
use crate::detect::Skew;
use crate::replay::{RIB_INSTANT, Replay, RibTable};
use crate::report::{CollectorCoverage, Coverage, CoverageRow, Doubts, Source};
use crate::time::{Timestamp, Window};
use crate::visibility::View;

/// So long after a file is due to end nothing need have been recorded.
const LATE: Duration = Duration::from_secs(10);

/// What is known to be a gap before any update file is read: files that are missing, and the time after RIB dumps that
/// contradict each other too often to be accepted. `ribs` are reports of the RIB dumps, in order.
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

/// The stretches that the `index`th update file of the plan does not show, those before the seeding RIB dump too: what
/// such a file says of sessions matters to the replay.
pub(super) fn gaps_of_file(plan: &CollectorPlan, index: usize, updates: &ReadFile, window: Window) -> Vec<Gap> {
    let (file, span) = (&updates.report, plan.span(index, window.end));
    // The times in a file of which nothing is believed are no better than its records.
    let believed = if file.verdict == Verdict::Unreadable { &[][..] } else { &file.skipped };
    let skipped = believed.iter().filter_map(|skipped| {
        let Skipped { offset, bytes, .. } = skipped;
        let detail = format!("{}: {bytes} bytes at {offset} that belong to no record, or to no known peer", file.name);
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

/// The end of the window that lies after the last file. Names are minutes, so that a file may go on for one longer than they
/// say, and its records show whether it did: it lasts as long as others from its first record on, or up to its last one.
fn after_the_last(plan: &CollectorPlan, index: usize, updates: &ReadFile, window: Window) -> Option<Gap> {
    let named = plan.updates.get(index).filter(|_| index + 1 == plan.updates.len())?.nominal_span();
    let (first, last) = updates.reading.census.span?;
    let until = (first.clamp(named.start, named.start + NAME_PRECISION) + named.duration()).max(last);
    let is_known = plan.gaps.iter().any(|gap| gap.window.end >= window.end);
    let stretch = Window::new(until, window.end).ok().filter(|rest| !is_known && rest.duration() > LATE)?;
    gap(plan, window, stretch, GapReason::Missing, format!("no update file after {}", updates.report.name))
}

/// The time that a file should cover only because names are spaced so, where its own records end long before: then one
/// file or more is missing. Missing files at least double the spacing, so that the second half would be without records.
fn unproved(plan: &CollectorPlan, index: usize, updates: &ReadFile, window: Window) -> Option<Gap> {
    let stretched = plan.updates.get(index)?.stretched()?;
    let (_, last) = updates.reading.census.span?;
    let last = updates.reading.census.read_until.map_or(last, |until| until.min(last));
    let stretch = Window::new(stretched.window.start.max(last), plan.span(index, window.end)?.end).ok()?;
    let detail = format!("no update file after {}, whose records end at {last}", updates.report.name);
    (last < stretched.proved_from).then(|| gap(plan, window, stretch, GapReason::Missing, detail))?
}

/// A stretch as a gap; nothing after the window asked about.
fn gap(plan: &CollectorPlan, window: Window, stretch: Window, reason: GapReason, detail: String) -> Option<Gap> {
    let window = Window::new(stretch.start, stretch.end.min(window.end)).ok()?;
    Some(Gap { collector: plan.collector.clone(), window, reason, detail })
}

/// A stretch without any record, though files are there.
pub(super) fn silent(plan: &CollectorPlan, window: Window) -> Gap {
    let detail = "its files hold no record of this time, and it never pauses for as long".to_owned();
    Gap { collector: plan.collector.clone(), window, reason: GapReason::Silent, detail }
}

/// The part of its time that an update file does not show, and why.
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
    // Times beyond the span of the file do not tell where in it the cut is.
    if let (GapReason::Truncated, Some(until)) = (reason, updates.reading.census.read_until)
        && until < span.end
    {
        span.start = span.start.max(until);
    }
    Some((span, reason))
}

/// What of the gaps lies after `start`, in order.
pub(super) fn since(start: Timestamp, gaps: Vec<Gap>) -> Vec<Gap> {
    let clipped = gaps.into_iter().filter_map(|gap| {
        let window = Window::new(gap.window.start.max(start), gap.window.end).ok()?;
        Some(Gap { window, ..gap })
    });
    let mut gaps: Vec<Gap> = clipped.collect();
    gaps.sort();
    gaps
}

/// The time in which bytes were lost; never empty, even within one second. Times far from those of the file are part of the
/// damage: then any of its time may be concerned.
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

/// All gaps, and for each collector when its vantage points were known within the window: after a gap not before the
/// next accepted RIB dump.
pub(super) fn rows(archives: &[Archive], window: Window) -> (Vec<Gap>, Vec<CoverageRow>) {
    let any_rib = archives.iter().any(|archive| archive.replay.has_rib);
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    for Archive { replay, gaps, .. } in archives {
        let collector = &replay.collector;
        let mut push = |stretch: Window, reason: Option<GapReason>, detail: &str| {
            if let Some(window) = stretch.intersect(&window) {
                let detail = detail.to_owned();
                rows.push(CoverageRow { collector: collector.clone(), window, reason, detail });
            }
        };
        if any_rib && !replay.has_rib {
            push(window, Some(GapReason::Excluded), "no accepted RIB dump, while other collectors have one");
            all.extend(gaps.iter().cloned());
            continue;
        }
        // A dump that overlaps a gap is a snapshot and ends nothing.
        let in_gap = |table: &&RibTable| gaps.iter().any(|gap| table.overlaps(&gap.window));
        let seeds = || replay.tables.iter().filter(|table| !in_gap(table)).map(|table| table.done_at);
        let resumes = |after: Timestamp| match replay.has_rib {
            true => seeds().find(|at| *at >= after).unwrap_or(Timestamp::MAX),
            false => after,
        };
        // Whether it lies in a gap or not: what ends the time before a snapshot is not the lack of a dump.
        let mut at = match replay.has_rib {
            true => replay.tables.first().map_or(Timestamp::MAX, |table| table.done_at),
            false => Timestamp::MIN,
        };
        if let Ok(unseeded) = Window::new(window.start, at)
            && replay.has_rib
        {
            push(unseeded, Some(GapReason::NoRib), "no accepted RIB dump yet");
        }
        for gap in gaps {
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
        all.extend(gaps.iter().cloned());
    }
    rows.sort_by(|a, b| (&a.collector, a.window).cmp(&(&b.collector, b.window)));
    (all, rows)
}

/// The coverage of the run.
pub(super) fn coverage(
    view: &View,
    replays: &[Replay],
    sources: &[Source],
    skews: &BTreeMap<Collector, Skew>,
    gaps: Vec<Gap>,
    rows: Vec<CoverageRow>,
) -> Coverage {
    let mut collectors = Vec::new();
    for (source, replay) in sources.iter().zip(replays) {
        let own = |family| -> usize {
            let full_feeds = view.full_feeds(family);
            full_feeds.iter().filter(|vantage_point| vantage_point.collector == replay.collector).count()
        };
        collectors.push(CollectorCoverage {
            collector: replay.collector.clone(),
            project: source.project,
            n_peers: replay.peers.len(),
            n_internal: replay.is_internal.iter().filter(|is_internal| **is_internal).count(),
            n_full_feeds: Family::ALL.map(own),
            n_rib_dumps: replay.tables.len(),
            n_rib_dumps_rejected: source.n_rib_dumps_rejected,
            n_update_files: source.n_update_files,
            late_records: replay.corrections.late_records,
            missed_announcements: replay.corrections.missed_announcements,
            missed_withdrawals: replay.corrections.missed_withdrawals,
            skew: skews.get(&replay.collector).copied(),
            n_skipped_ranges: source.n_skipped_ranges,
            skipped_bytes: source.skipped_bytes,
            control: replay.control,
            doubts: Doubts::of(replay),
        });
    }
    let n_peer_asns = Family::ALL.map(|family| {
        let mut asns: Vec<Asn> = view.full_feeds(family).iter().map(|who| who.peer.asn).collect();
        asns.sort_unstable();
        asns.dedup();
        asns.len()
    });
    let live_feeds = Family::ALL.map(|family| view.live_feeds(family));
    Coverage { collectors, gaps, rows, rules: view.rules(), has_rib: view.has_rib(), n_peer_asns, live_feeds }
}
