//! `outage-replay cache`: the downloaded files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::{ArgGroup, Subcommand};

use outage_replay::fetch::{Cache, EntryState};

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Print where it is
    Path,
    /// List its files
    List,
    /// Compare every file with its digest
    Verify,
    /// Remove files that were downloaded
    #[command(group = ArgGroup::new("what").required(true).multiple(true))]
    Prune {
        /// Those not used for longer than this: 30days, 12h
        #[arg(long, value_name = "LENGTH", value_parser = super::arguments::length, group = "what")]
        older_than: Option<Duration>,
        /// The least recently used ones, until at most this is left: 500M, 20G, or bytes
        #[arg(long, value_name = "SIZE", value_parser = size, group = "what")]
        max_size: Option<u64>,
    },
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text
        .trim_end_matches(['B', 'b'])
        .split_at_checked(text.trim_end_matches(['B', 'b']).len().saturating_sub(1))
    {
        Some((digits, "k" | "K")) => (digits, 1_000),
        Some((digits, "M")) => (digits, 1_000_000),
        Some((digits, "G")) => (digits, 1_000_000_000),
        Some((digits, "T")) => (digits, 1_000_000_000_000),
        _ => (text, 1),
    };
    let n: u64 = digits.trim().parse().map_err(|_| format!("'{text}' is not a size: write 500M, 20G or bytes"))?;
    n.checked_mul(unit).ok_or_else(|| format!("'{text}' is too large"))
}

/// Runs the command: what it prints, and whether all is well.
pub fn run(command: &CacheCommand, root: &Path) -> anyhow::Result<(String, bool)> {
    let cache = Cache::new(root, None);
    let unreadable = || format!("cannot read the cache at {}", root.display());
    let mut text = String::new();
    let mut is_well = true;
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
                    EntryState::Foreign => "foreign",
                };
                is_well &= entry.state != EntryState::Damaged;
                let _ = writeln!(text, "{:>12} {state:<9} {}", entry.bytes, entry.name);
            }
            let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
            let _ = writeln!(text, "{} files, {:.1} MB", entries.len(), bytes as f64 / 1e6);
        }
        CacheCommand::Prune { older_than, max_size } => {
            let removed = cache.prune(*older_than, *max_size).with_context(unreadable)?;
            let bytes: u64 = removed.iter().map(|entry| entry.bytes).sum();
            let _ = writeln!(text, "{} files removed, {:.1} MB", removed.len(), bytes as f64 / 1e6);
        }
    }
    Ok((text, is_well))
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_have_decimal_units() {
        assert_eq!(super::size("20G"), Ok(20_000_000_000));
        assert_eq!(super::size("500MB"), Ok(500_000_000));
        assert_eq!(super::size("1234"), Ok(1234));
        assert!(super::size("many").is_err());
        assert!(super::size("").is_err());
    }
}
