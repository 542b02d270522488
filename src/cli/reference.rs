//! Reference: effective settings, shell completions, manual pages.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use outage_replay::catalog::BrokerUrl;
use outage_replay::query::Thresholds;
use outage_replay::report::printable;

use super::settings::Parsed;

/// Returns every effective setting, and the settings files that were looked for. `cache` is the default cache folder.
pub fn config(command: &Command, parsed: &Parsed, cache: Option<&Path>) -> String {
    let default = |name: &str| match name {
        "broker-url" => BrokerUrl::default().to_string(),
        "cache-dir" => cache.map_or("-".to_owned(), |cache| cache.display().to_string()),
        "up-at" => format!("{}; ioda: {}", Thresholds::default().up_at, Thresholds::default().down_below),
        _ => "-".to_owned(),
    };
    let rows: Vec<[String; 3]> = parsed
        .effective(command)
        .into_iter()
        .map(|(name, values, origin)| {
            let value = if values.is_empty() { default(&name) } else { values.join(",") };
            [name, value, origin.to_string()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (names, values) = (width(0), width(1));
    let mut text = String::new();
    for [name, value, origin] in &rows {
        let _ = writeln!(text, "{name:<names$}  {value:<values$}  {origin}");
    }
    text.push('\n');
    for (path, is_there) in &parsed.files {
        let _ = writeln!(text, "{}: {}", path.display(), if *is_there { "read" } else { "not there" });
    }
    for name in &parsed.strangers {
        let _ = writeln!(text, "{name}: not a setting");
    }
    printable(&text)
}

/// Returns the completion script of a shell.
pub fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// Returns the manual page of the program.
pub fn page(command: Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).context("cannot make the manual page")?;
    Ok(page)
}

/// Writes a manual page for each command into `folder` and returns their paths, one per line.
pub fn pages(command: Command, folder: &Path) -> anyhow::Result<String> {
    let unwritten = || format!("cannot write manual pages into {}", folder.display());
    fs::create_dir_all(folder).with_context(unwritten)?;
    clap_mangen::generate_to(command, folder).with_context(unwritten)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(unwritten)? {
        let path = entry.with_context(unwritten)?.path();
        if path.extension().is_some_and(|extension| extension == "1") {
            names.push(path.display().to_string());
        }
    }
    names.sort();
    Ok(names.iter().map(|name| format!("{name}\n")).collect())
}
