//! `outage-replay plan`: what a run would read, without downloading it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use outage_replay::archive::{ArchiveFile, Location};
use outage_replay::catalog::{self, CollectorPlan, Offer, RibNotes};
use outage_replay::fetch::Cache;
use outage_replay::observations::SCHEMA_VERSION;
use outage_replay::pipeline::Sources;
use outage_replay::query::{Query, RibChoice};
use outage_replay::report::Format;
use outage_replay::time::{Timestamp, Window};

use super::downloads::{self, DOWNLOAD_RATE};
use super::size::{amount, megabytes};
use super::usage;

/// The most collectors that are named of those not chosen.
const MOST_OFFERS: usize = 4;

/// The most gaps that are listed, unless all are.
const MOST_MISSING: usize = 12;

/// What one collector would contribute.
struct Row {
    plan: CollectorPlan,
    /// When RIB dumps are due that are not listed.
    missing_ribs: Vec<Timestamp>,
    sum: Sum,
    /// The size of the RIB dumps that are left out.
    bytes_left_out: u64,
}

/// Numbers and sizes of files.
#[derive(Clone, Copy, Default)]
struct Sum {
    n_files: usize,
    n_unsized: usize,
    n_cached: usize,
    n_missing: usize,
    bytes: u64,
    bytes_cached: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.n_files += other.n_files;
        self.n_unsized += other.n_unsized;
        self.n_cached += other.n_cached;
        self.n_missing += other.n_missing;
        self.bytes += other.bytes;
        self.bytes_cached += other.bytes_cached;
    }

    fn n_requests(self) -> usize {
        self.n_files - self.n_cached
    }

    fn bytes_left(self) -> u64 {
        self.bytes.saturating_sub(self.bytes_cached)
    }

    fn seconds(self) -> u64 {
        downloads::seconds(self.n_requests(), self.bytes_left())
    }
}

/// Returns the plan as text or JSON.
pub fn render(query: &Query, sources: Sources, format: &Format, all: bool) -> anyhow::Result<String> {
    if !["table", "json"].contains(&format.name) {
        return Err(usage("a plan has no such format: pass --format table or json"));
    }
    let files = sources.catalog.list(query)?;
    let mut plan = catalog::plan(query, &files, &RibNotes::default());
    plan.expect(&sources.catalog.expected(query)?, query.window);
    let rows: Vec<Row> = plan.collectors.into_iter().map(|plan| row(plan, query.window, sources.cache)).collect();
    let mut total = Sum::default();
    rows.iter().for_each(|row| total.add(row.sum));
    let cost = Cost { query, rows, total, not_chosen: sources.catalog.not_chosen(query) };
    Ok(match format.name {
        "json" => {
            let mut text = serde_json::to_string_pretty(&cost.document())?;
            text.push('\n');
            text
        }
        _ => cost.table(if all { usize::MAX } else { MOST_MISSING }),
    })
}

fn row(plan: CollectorPlan, window: Window, cache: Option<&Cache>) -> Row {
    let mut sum = Sum::default();
    for file in plan.files() {
        let size = file.size();
        let is_here = match file.location {
            Location::Local(_) | Location::Unread(_) | Location::Cached { .. } => true,
            Location::Lost { .. } => false,
            Location::Remote { .. } => cache.is_some_and(|cache| cache.holds(&file.name)),
        };
        sum.add(Sum {
            n_files: 1,
            n_unsized: usize::from(size == 0),
            n_cached: usize::from(is_here),
            n_missing: 0,
            bytes: size,
            bytes_cached: if is_here { size } else { 0 },
        });
    }
    let missing_ribs = plan.missing_ribs(window);
    sum.n_missing = missing_ribs.len() + plan.gaps.iter().map(|gap| plan.slots_in(gap).len()).sum::<usize>();
    let bytes_left_out = plan.left_out.iter().map(ArchiveFile::size).sum();
    Row { plan, missing_ribs, sum, bytes_left_out }
}

/// What a run would read, and what it leaves out.
struct Cost<'a> {
    query: &'a Query,
    rows: Vec<Row>,
    total: Sum,
    /// Collectors that the default choice does not take, cheapest feed first.
    not_chosen: Vec<Offer>,
}

impl Cost<'_> {
    fn document(&self) -> Value {
        let Cost { query, rows, total, not_chosen } = self;
        json!({
            "schema_version": SCHEMA_VERSION,
            "window_start": query.window.start,
            "window_end": query.window.end,
            "n_files": total.n_files,
            "bytes": total.bytes,
            "n_files_of_unknown_size": total.n_unsized,
            "n_files_cached": total.n_cached,
            "bytes_cached": total.bytes_cached,
            "n_requests": total.n_requests(),
            "bytes_to_download": total.bytes_left(),
            "estimated_seconds": total.seconds(),
            "n_missing": total.n_missing,
            "collectors": rows.iter().map(|row| json!({
                "collector": row.plan.collector,
                "project": row.plan.project,
                "n_rib_dumps": row.plan.ribs.len(),
                "n_update_files": row.plan.updates.len(),
                "bytes": row.sum.bytes,
                "n_files_of_unknown_size": row.sum.n_unsized,
                "n_files_cached": row.sum.n_cached,
                "bytes_cached": row.sum.bytes_cached,
                "missing": row.plan.gaps.iter().map(|gap| json!({
                    "start": gap.window.start,
                    "end": gap.window.end,
                    "slots": row.plan.slots_in(gap),
                    "detail": gap.detail,
                })).collect::<Vec<_>>(),
                "missing_rib_dumps": row.missing_ribs,
                "n_rib_dumps_left_out": row.plan.left_out.len(),
                "bytes_left_out": row.bytes_left_out,
                "files": row.plan.files().map(|file| &file.name).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "collectors_not_chosen": not_chosen.iter().map(|offer| json!({
                "collector": offer.collector,
                "project": offer.project,
                "estimated_full_feeds": offer.n_feeds.round() as u64,
                "estimated_bytes": offer.bytes,
            })).collect::<Vec<_>>(),
        })
    }

    fn table(&self, limit: usize) -> String {
        let Cost { query, rows, total, .. } = self;
        let mut text = format!("To answer {} to {} (UTC):\n\n", query.window.start, query.window.end);
        let _ = writeln!(
            text,
            "{:<22} {:>5} {:>8} {:>12} {:>7} {:>8}",
            "collector", "RIBs", "updates", "size", "cached", "missing"
        );
        for Row { plan, sum, .. } in rows {
            let _ = writeln!(
                text,
                "{:<22} {:>5} {:>8} {:>12} {:>6}% {:>8}",
                plan.collector.name(),
                plan.ribs.len(),
                plan.updates.len(),
                megabytes(sum.bytes),
                100 * sum.n_cached / sum.n_files.max(1),
                sum.n_missing,
            );
        }
        let _ = match total.n_requests() {
            0 => writeln!(text, "\n{} files ({}); nothing to download.", total.n_files, megabytes(total.bytes)),
            n => writeln!(
                text,
                "\n{} files ({}); {} to download in {n} requests, about {} at {} a second.",
                total.n_files,
                megabytes(total.bytes),
                megabytes(total.bytes_left()),
                humantime::format_duration(std::time::Duration::from_secs(total.seconds())),
                megabytes(DOWNLOAD_RATE),
            ),
        };
        if total.n_unsized > 0 {
            let _ = writeln!(text, "The size of {} files is not known and not counted.", total.n_unsized);
        }
        let missing = self.missing();
        for line in missing.iter().take(limit) {
            let _ = writeln!(text, "Missing: {line}");
        }
        if missing.len() > limit {
            let _ = writeln!(text, "… and {} more: --all lists them", missing.len() - limit);
        }
        text + &self.left_out()
    }

    /// The files that are due and not listed, a line for each gap between update files and for the RIB dumps of a collector.
    fn missing(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Row { plan, missing_ribs, .. } in &self.rows {
            for gap in &plan.gaps {
                let (from, to, n) = (gap.window.start, gap.window.end, plan.slots_in(gap).len());
                let files = if n == 1 { "file" } else { "files" };
                lines.push(format!("{} updates {from} to {to} ({n} {files}): {}", gap.collector, gap.detail));
            }
            match missing_ribs[..] {
                [] => {}
                [at] => lines.push(format!("{} RIB dump {at}", plan.collector)),
                [first, .., last] => {
                    lines.push(format!("{} {} RIB dumps, {first} to {last}", plan.collector, missing_ribs.len()))
                }
            }
        }
        lines
    }

    /// What is left out, and what it would cost.
    fn left_out(&self) -> String {
        let mut text = String::new();
        let n_ribs: usize = self.rows.iter().map(|row| row.plan.left_out.len()).sum();
        let bytes = self.rows.iter().map(|row| row.bytes_left_out).sum();
        if n_ribs > 0 {
            let _ = writeln!(
                text,
                "Left out: {n_ribs} RIB dumps inside the window, {} (--ribs {}); {}.",
                amount(bytes),
                <&str>::from(self.query.ribs),
                if self.query.ribs == RibChoice::Auto {
                    "those that an outage needs are read"
                } else {
                    "they are not read"
                },
            );
        }
        let shown = self.not_chosen.iter().take(MOST_OFFERS).map(|Offer { collector, n_feeds, bytes, .. }| {
            format!("{collector} ({} for about {:.0} full feeds)", amount(*bytes), n_feeds.round())
        });
        let shown: Vec<String> = shown.collect();
        if !shown.is_empty() {
            let more = match self.not_chosen.len() - shown.len() {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            let _ = writeln!(text, "Not chosen: {}{more}; choose them by name with --collector.", shown.join(", "));
        }
        text
    }
}
