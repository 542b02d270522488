//! `outage-replay plan`: what a run would read, without downloading any of it.

use std::fmt::Write as _;

use rustc_hash::FxHashSet;
use serde_json::{Value, json};

use outage_replay::catalog::{self, ArchiveFile, CollectorPlan, Location, Query};
use outage_replay::fetch::Cache;

use super::{Format, Store};

/// A cautious guess, for the estimate only: bytes a second over the network.
const DOWNLOAD_RATE: u64 = 5_000_000;

/// What one collector would contribute.
struct Row {
    plan: CollectorPlan,
    bytes: u64,
    n_unsized: usize,
    n_cached: usize,
    bytes_cached: u64,
}

/// The plan as text.
pub fn render(query: &Query, store: &Store, format: Format) -> anyhow::Result<String> {
    let files = store.sources().catalog.list(query)?;
    let plan = catalog::plan(query, &files, &FxHashSet::default());
    let rows: Vec<Row> = plan.collectors.into_iter().map(|plan| row(plan, store.sources().cache)).collect();
    Ok(match format {
        Format::Json | Format::Ndjson => {
            let mut text = serde_json::to_string_pretty(&document(query, &rows))?;
            text.push('\n');
            text
        }
        Format::Table | Format::Csv => table(query, &rows),
    })
}

fn row(plan: CollectorPlan, cache: Option<&Cache>) -> Row {
    let mut row = Row { bytes: 0, n_unsized: 0, n_cached: 0, bytes_cached: 0, plan };
    for file in row.plan.ribs.iter().chain(&row.plan.updates) {
        let size = size_of(file);
        row.bytes += size;
        row.n_unsized += usize::from(size == 0);
        let is_local = matches!(file.location, Location::Local(_));
        if is_local || cache.is_some_and(|cache| cache.holds(&file.name)) {
            row.n_cached += 1;
            row.bytes_cached += size;
        }
    }
    row
}

fn size_of(file: &ArchiveFile) -> u64 {
    match &file.location {
        Location::Local(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
        Location::Remote { size, .. } => *size,
    }
}

fn document(query: &Query, rows: &[Row]) -> Value {
    json!({
        "from": query.window.start,
        "to": query.window.end,
        "collectors": rows.iter().map(|row| json!({
            "collector": row.plan.collector,
            "project": row.plan.project,
            "n_rib_dumps": row.plan.ribs.len(),
            "n_update_files": row.plan.updates.len(),
            "bytes": row.bytes,
            "n_files_of_unknown_size": row.n_unsized,
            "n_files_cached": row.n_cached,
            "bytes_cached": row.bytes_cached,
            "missing": row.plan.gaps.iter().map(|gap| json!({
                "start": gap.window.start, "end": gap.window.end, "detail": gap.detail,
            })).collect::<Vec<_>>(),
            "files": row.plan.ribs.iter().chain(&row.plan.updates).map(|file| &file.name).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn table(query: &Query, rows: &[Row]) -> String {
    let mut text = format!("To answer {} to {} (UTC):\n\n", query.window.start, query.window.end);
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let _ =
        writeln!(text, "{:<22} {:>5} {:>8} {:>12} {:>8}  missing", "collector", "RIBs", "updates", "size", "cached");
    let (mut n_files, mut n_cached, mut bytes, mut bytes_cached) = (0, 0, 0, 0);
    for row in rows {
        let n = row.plan.ribs.len() + row.plan.updates.len();
        let missing = match row.plan.gaps.len() {
            0 => "-".to_owned(),
            n => format!("{n} stretches"),
        };
        let cached = format!("{} %", 100 * row.n_cached / n.max(1));
        let (ribs, updates) = (row.plan.ribs.len(), row.plan.updates.len());
        let name = row.plan.collector.name();
        let _ = writeln!(text, "{name:<22} {ribs:>5} {updates:>8} {:>12} {cached:>8}  {missing}", megabytes(row.bytes));
        n_files += n;
        n_cached += row.n_cached;
        bytes += row.bytes;
        bytes_cached += row.bytes_cached;
    }
    let left = bytes.saturating_sub(bytes_cached);
    let _ = writeln!(
        text,
        "\n{n_files} files of {}; {} to download in {} requests, about {} s at {} a second.",
        megabytes(bytes),
        megabytes(left),
        n_files - n_cached,
        left.div_ceil(DOWNLOAD_RATE),
        megabytes(DOWNLOAD_RATE),
    );
    let n_unsized: usize = rows.iter().map(|row| row.n_unsized).sum();
    if n_unsized > 0 {
        let _ = writeln!(text, "The size of {n_unsized} files is not known and not counted.");
    }
    for gap in rows.iter().flat_map(|row| &row.plan.gaps) {
        let _ = writeln!(text, "Missing: {} {} to {}: {}", gap.collector, gap.window.start, gap.window.end, gap.detail);
    }
    text
}
