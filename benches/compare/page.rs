//! `docs/performance.md`: every figure of it comes from one run of the comparison.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Plan;
use super::jobs::{Growth, Row, Run, Unpacking};
use super::rounds::Series;
use super::tools::Tool;

/// What follows it is written by hand and kept.
const NOTES: &str = "## What the figures say";

/// The part of an earlier page that the program did not write.
pub fn kept_notes(path: &Path) -> String {
    let earlier = fs::read_to_string(path).unwrap_or_default();
    earlier.find(NOTES).map_or_else(|| format!("{NOTES}\n"), |at| earlier[at..].to_owned())
}

pub fn page(
    plan: &Plan,
    tools: &[Tool],
    rows: &[Row],
    unpacking: &[Unpacking],
    growth: &[Growth],
    runs: &[Run],
    notes: &str,
) -> String {
    let mut page = String::from("# Performance\n\n");
    let _ = writeln!(
        page,
        "Written by `cargo bench --bench compare`; only the last section is written by hand. CPU seconds are user and \
         system time of the whole\nprocess. The rounds were interleaved: ratios are the median of the ratios of each \
         round, with the least and the most in brackets;\nbgpdump and monocle ran once. Before it was timed, each tool had to give the same answer as \
         bgpkit-parser's library. The limit is bare decompression in the same round: flate2 on zlib-rs\nfor gzip, `bzip2 -dc` for \
         bzip2.\n"
    );
    let _ = writeln!(page, "{}\n", machine());
    let versions = tools.iter().map(|tool| format!("{} {}", tool.name, tool.version)).collect::<Vec<_>>().join(", ");
    let _ =
        writeln!(page, "Peers: {versions}. Archives: the {} edition. {} rounds.\n", plan.edition.name, plan.n_rounds);
    page += "## Finding routes, one thread\n\n";
    page += "| job | MB stored | routes found | limit, CPU s | this, CPU s | × limit | × less CPU than bgpkit-parser | others, CPU s | peak MB |\n";
    page += "|---|---|---|---|---|---|---|---|---|\n";
    rows.iter().for_each(|row| page += &table_row(row));
    for (job, (tool, route)) in rows.iter().flat_map(|row| row.disagreeing.iter().map(|one| (&row.job, one))) {
        let _ = write!(page, "\nNot timed: {tool} for \"{job}\", because it gives another answer about `{route}`.\n");
    }
    page += "\n## bzip2 alone, one thread\n\n";
    page += "| files | MB stored | `bzip2 -dc`, CPU s | CPU s and × `bzip2 -dc` |\n|---|---|---|---|\n";
    for Unpacking { what, bytes, limit, others } in unpacking {
        let others = others
            .iter()
            .map(|(name, series)| format!("{name} {:.2}, {}", series.cpu(), bracketed(series.ratio(limit))));
        let others = others.collect::<Vec<_>>().join("; ");
        let _ = writeln!(page, "| {what} | {:.1} | {:.2} | {others} |", *bytes as f64 / 1e6, limit.cpu());
    }
    page += "\n## Growth\n\n![CPU time against the number of prefixes and of files](performance-growth.svg)\n\n";
    page += "| what | limit, CPU s | this, CPU s | × limit | peak MB |\n|---|---|---|---|---|\n";
    for point in growth {
        let Growth { of, n, limit, own } = point;
        let ratio = bracketed(own.ratio(limit));
        let _ = writeln!(page, "| {n} {of} | {:.2} | {:.2} | {ratio} | {:.0} |", limit.cpu(), own.cpu(), own.peak());
    }
    page += "\n## The whole program\n\n| run | CPU s | × limit | wall s | × faster than 1 thread | peak MB |\n|---|---|---|---|---|---|\n";
    for Run { what, series, limit, speedup } in runs {
        let of_limit = limit.as_ref().map_or("–".to_owned(), |limit| bracketed(series.ratio(limit)));
        let speedup = speedup.map_or("–".to_owned(), |(_, ratio)| bracketed(ratio));
        let _ = writeln!(
            page,
            "| {what} | {:.3} | {of_limit} | {:.3} | {speedup} | {:.0} |",
            series.cpu(),
            series.wall(),
            series.peak()
        );
    }
    page.push('\n');
    page += notes;
    page
}

fn table_row(row: &Row) -> String {
    let peer = |name: &str| row.peers.iter().find(|(peer, _)| *peer == name).map(|(_, series)| series);
    let less = peer("bgpkit-parser").map_or("–".to_owned(), |peer| bracketed(peer.ratio(&row.own)));
    let others: Vec<String> = row.peers.iter().map(|(name, series)| format!("{name} {:.2}", series.cpu())).collect();
    let Series(own) = &row.own;
    debug_assert!(!own.is_empty());
    format!(
        "| {} | {:.1} | {} | {:.2} | {:.2} | {} | {less} | {} | {:.0} |\n",
        row.job,
        row.bytes as f64 / 1e6,
        row.n_routes,
        row.limit.cpu(),
        row.own.cpu(),
        bracketed(row.own.ratio(&row.limit)),
        if others.is_empty() { "–".to_owned() } else { others.join(", ") },
        row.own.peak()
    )
}

fn bracketed([median, least, most]: [f64; 3]) -> String {
    format!("{median:.2} [{least:.2}–{most:.2}]")
}

/// What it ran on, and how busy that was.
fn machine() -> String {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split(':').nth(1))
            .map(|s| s.trim().to_owned())
    };
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let n = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Machine: {model}, {n} cores, {memory} of memory, {} {}; load average when the page was written: {}.",
        std::env::consts::OS,
        std::env::consts::ARCH,
        load.split(' ').next().unwrap_or("unknown")
    )
}
