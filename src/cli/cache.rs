//! `outage-replay cache`: the downloaded files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::{ArgGroup, Subcommand};

use outage_replay::fetch::{Cache, EntryState};

use super::size::{self, megabytes};

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Print where it is
    Path,
    /// List its files
    List,
    /// Compare every file with its digest; one that is pending has none until a run reads it
    Verify,
    /// Remove files that were downloaded
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Prune {
        /// Those not used for longer than this: 30days, 12h
        #[arg(long, value_name = "LENGTH", value_parser = super::arguments::length, group = "what")]
        older_than: Option<Duration>,
        /// The least recently used ones, until at most this is left: 500M, 20G, or bytes
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
        CacheCommand::List | CacheCommand::Verify => {
            let verify = matches!(command, CacheCommand::Verify);
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
                let _ = writeln!(text, "{:>12} {state:<9} {}", entry.bytes, entry.name);
            }
            let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
            let _ = writeln!(text, "{} files, {}", entries.len(), megabytes(bytes));
        }
        CacheCommand::Prune { older_than, max_size } => {
            let removed = cache.prune(*older_than, *max_size).with_context(unreadable)?;
            let bytes: u64 = removed.iter().map(|entry| entry.bytes).sum();
            let _ = writeln!(text, "{} files removed, {}", removed.len(), megabytes(bytes));
        }
    }
    Ok((text, is_intact))
}
