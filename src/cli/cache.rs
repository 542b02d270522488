//! `outage-replay cache`: the downloaded files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::{ArgGroup, Subcommand};

use outage_replay::fetch::{Cache, EntryState};
use outage_replay::pipeline;

use super::downloads::Allowance;
use super::progress::Progress;
use super::signals::Signals;
use super::size::{self, megabytes};

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Print the path of the cache
    Path,
    /// List its files
    List,
    /// Check every file against its digest; a pending file has no digest until a run reads it
    Verify {
        /// Also read every file and check that its records match the time in its name and its peers are those of its collector
        #[arg(long)]
        records: bool,
    },
    /// Remove files that were downloaded
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Prune {
        /// Remove files not used for longer than this: 30days, 12h
        #[arg(long, value_name = "LENGTH", value_parser = super::arguments::length, group = "what")]
        older_than: Option<Duration>,
        /// Remove the least recently used files until at most this much is left: 500M, 20G, or bytes
        #[arg(long, value_name = "SIZE", value_parser = size::parse, group = "what")]
        max_size: Option<u64>,
    },
}

/// Runs the command. Returns what it prints, and whether no file is damaged.
pub fn run(command: &CacheCommand, root: &Path) -> anyhow::Result<(String, bool)> {
    let cache = Cache::new(root, None);
    let unreadable = || format!("cannot read the cache at {}", root.display());
    let mut text = String::new();
    let mut is_intact = true;
    match command {
        CacheCommand::Path => {
            let _ = writeln!(text, "{}", root.display());
        }
        CacheCommand::List | CacheCommand::Verify { .. } => {
            let verify = matches!(command, CacheCommand::Verify { .. });
            let entries = cache.entries(verify).with_context(unreadable)?;
            for entry in &entries {
                let state = match entry.state {
                    EntryState::Complete => "complete",
                    EntryState::Verified => "verified",
                    EntryState::Damaged => "damaged",
                    EntryState::Partial => "partial",
                    EntryState::Pending => "pending",
                    EntryState::Foreign => "foreign",
                };
                is_intact &= entry.state != EntryState::Damaged;
                let from = entry.url.as_ref().map_or(String::new(), |url| format!("  {url}"));
                let _ = writeln!(text, "{:>12} {state:<9} {}{from}", entry.bytes, entry.name);
            }
            let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
            let _ = writeln!(text, "{} files, {}", entries.len(), megabytes(bytes));
            if let CacheCommand::Verify { records: true } = command {
                is_intact &= examine(&cache, &mut text)?;
            }
        }
        CacheCommand::Prune { older_than, max_size } => {
            let removed = cache.prune(*older_than, *max_size).with_context(unreadable)?;
            let bytes: u64 = removed.iter().map(|entry| entry.bytes).sum();
            let _ = writeln!(text, "{} files removed, {}", removed.len(), megabytes(bytes));
        }
    }
    Ok((text, is_intact))
}

/// Reads every file, and lists those that may not be what they should be. Returns whether there is none.
fn examine(cache: &Cache, text: &mut String) -> anyhow::Result<bool> {
    let signals = Signals::listen().context("cannot listen for signals")?;
    let progress = Progress::new(false, 0, Allowance::unlimited(), signals);
    let examined = pipeline::examine(cache, 0, &progress);
    progress.finish();
    let examined = examined.map_err(|error| progress.interrupted(error))?;
    let mut n_suspect = 0;
    for (report, why) in examined.iter().filter_map(|of| Some((&of.report, of.suspicion.as_ref()?))) {
        let _ = writeln!(text, "     suspect {}: {why}", report.name);
        n_suspect += 1;
    }
    let _ = writeln!(text, "{} files read, {n_suspect} suspect", examined.len());
    Ok(n_suspect == 0)
}
