//! Reference: effective settings, shell completions, manual pages.

use std::fmt::Write as _;
use std::fs;
use std::io;
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
    let man = Man::new(command);
    let mut page = Vec::new();
    let mut sections = || -> io::Result<()> {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        page.extend_from_slice(SYNOPSIS.as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_subcommands_section(&mut page)?;
        let mut notes = Vec::new();
        man.render_extra_section(&mut notes)?;
        page.extend(String::from_utf8_lossy(&notes).replacen(".SH EXTRA", ".SH NOTES", 1).into_bytes());
        page.extend_from_slice(FILES.as_bytes());
        man.render_version_section(&mut page)
    };
    sections().context("cannot make the manual page")?;
    Ok(page)
}

/// The sections of the manual page that the definition of the command line does not contain.
const SYNOPSIS: &str = "\
.SH SYNOPSIS
.nf
\\fBoutage\\-replay\\fR \\-\\-asn ASN \\-\\-from TIME \\-\\-to TIME [OPTIONS]
\\fBoutage\\-replay\\fR \\-\\-prefix PREFIX \\-\\-from TIME \\-\\-duration LENGTH [OPTIONS]
\\fBoutage\\-replay\\fR COMMAND
.fi
";
const FILES: &str = "\
.SH FILES
.TP
outage\\-replay.toml
Settings, in the working directory.
.TP
~/.config/outage\\-replay/outage\\-replay.toml
Settings of the user.
.TP
~/.cache/outage\\-replay
Downloaded files, in the layout of their publishers.
.SH ENVIRONMENT
.TP
OUTAGE_REPLAY_MIN_PEERS, OUTAGE_REPLAY_COLLECTOR, …
Every flag by its name. An unknown variable of this kind is an error.
.TP
OUTAGE_REPLAY_CACHE, BGPKIT_BROKER_URL
Other names of \\-\\-cache\\-dir and \\-\\-broker\\-url.
.TP
NO_COLOR, TERM
No colours with NO_COLOR, or if TERM is dumb.
.TP
COLUMNS
The width of a page that is not printed on a terminal.
";

/// Writes a manual page for each command into `folder` and returns their paths, one per line.
pub fn pages(command: Command, folder: &Path) -> anyhow::Result<String> {
    let unwritten = || format!("cannot write manual pages into {}", folder.display());
    fs::create_dir_all(folder).with_context(unwritten)?;
    let own = page(command.clone())?;
    let name = format!("{}.1", command.get_name());
    clap_mangen::generate_to(command, folder).with_context(unwritten)?;
    fs::write(folder.join(name), own).with_context(unwritten)?;
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
