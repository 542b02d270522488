//! The contenders: this library, bare decompression, and the tools that people use today.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tool that was found, or installed.
pub struct Tool {
    pub name: &'static str,
    pub version: String,
    program: PathBuf,
}

/// Peers that cargo can install: package, features.
const INSTALLABLE: [(&str, &[&str]); 2] = [("bgpkit-parser", &["--features", "cli"]), ("monocle", &[])];
/// Peers that are used where they are.
const OTHERS: [&str; 4] = ["bgpdump", "bgpreader", "bgpgrep", "bgpscanner"];

/// Finds the peers; with `install`, cargo builds those that it can into `folder`.
pub fn find(folder: &Path, install: bool) -> io::Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for (name, features) in INSTALLABLE {
        let own = folder.join("bin").join(name);
        if on_path(name).is_none() && !own.exists() && install {
            eprintln!("installing {name}");
            let mut cargo = Command::new("cargo");
            cargo.args(["install", "--locked", name, "--root"]).arg(folder).args(features);
            if !cargo.status()?.success() {
                eprintln!("cannot install {name}: it is left out");
            }
        }
        tools.extend(on_path(name).or_else(|| own.exists().then_some(own)).map(|program| tool(name, program)));
    }
    tools.extend(OTHERS.iter().filter_map(|name| on_path(name).map(|program| tool(name, program))));
    Ok(tools)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.is_file())
}

pub fn is_installed(name: &str) -> bool {
    on_path(name).is_some()
}

fn tool(name: &'static str, program: PathBuf) -> Tool {
    let said = |flag: &str| {
        let output = Command::new(&program).arg(flag).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let word = |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
        text.split_whitespace().find(word).map(str::to_owned)
    };
    let version = said("--version").or_else(|| said("-v")).unwrap_or_else(|| "version unknown".to_owned());
    Tool { name, version, program }
}

/// What every contender is asked.
pub enum Question {
    /// These prefixes and no others.
    Prefixes(Vec<String>),
    /// Everything that this AS originates.
    Origin(u32),
}

/// The command of another tool for this question. None if the tool cannot answer it.
pub fn command(tool: &Tool, question: &Question, files: &[PathBuf]) -> Option<Vec<String>> {
    let program = quoted(&tool.program.to_string_lossy());
    let joined = |prefixes: &[String]| prefixes.join(",");
    let each = match (tool.name, question) {
        ("bgpkit-parser", Question::Prefixes(prefixes)) if prefixes.len() <= 100 => {
            format!("{program} -f prefixes={} \"$file\"", joined(prefixes))
        }
        ("bgpkit-parser", Question::Origin(asn)) => format!("{program} -o {asn} \"$file\""),
        ("monocle", Question::Prefixes(prefixes)) if prefixes.len() <= 100 => {
            format!("{program} parse -p {} \"$file\"", joined(prefixes))
        }
        ("monocle", Question::Origin(asn)) => format!("{program} parse -o {asn} \"$file\""),
        ("bgpdump", Question::Prefixes(prefixes)) if prefixes.len() <= 100 => {
            let tests: Vec<String> = prefixes.iter().map(|prefix| format!("$6 == \"{prefix}\"")).collect();
            format!("{program} -m \"$file\" 2>/dev/null | awk -F'|' '{}'", tests.join(" || "))
        }
        ("bgpdump", Question::Origin(asn)) => {
            format!("{program} -m \"$file\" 2>/dev/null | awk -F'|' '$7 ~ /(^| ){asn}$/'")
        }
        ("bgpreader", Question::Prefixes(prefixes)) if prefixes.len() <= 100 => {
            let flags: String = prefixes.iter().map(|prefix| format!(" -k {prefix}")).collect();
            format!("{program} -d singlefile -o rib-file=\"$file\" -o upd-file=\"$file\"{flags}")
        }
        ("bgpgrep", Question::Prefixes(prefixes)) if prefixes.len() <= 100 => {
            format!("{program} \"$file\" -exact '{}'", prefixes.join(" "))
        }
        ("bgpscanner", Question::Prefixes(prefixes)) if prefixes.len() <= 100 => {
            let flags: String = prefixes.iter().map(|prefix| format!(" -e {prefix}")).collect();
            format!("{program}{flags} \"$file\"")
        }
        _ => return None,
    };
    Some(over(files, &each))
}

/// A shell that does the same for each file.
pub fn over(files: &[PathBuf], each: &str) -> Vec<String> {
    let list: Vec<String> = files.iter().map(|file| quoted(&file.to_string_lossy())).collect();
    ["sh", "-c", &format!("for file in {}; do {each}; done", list.join(" "))].map(str::to_owned).to_vec()
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// An answer in a form that can be compared: how often each route occurs. Times of RIB entries are left out, because
/// some tools print when the route last changed.
pub fn routes(answer: &str, has_rib: bool) -> BTreeMap<String, usize> {
    let mut routes = BTreeMap::new();
    for line in answer.lines() {
        let words: Vec<&str> = line.split('|').collect();
        let route = match words[..] {
            [kind @ ("A" | "W"), at, peer, asn, prefix, ..] => (kind, at, peer, asn, prefix),
            // bgpdump
            [_, at, kind @ ("A" | "B" | "W"), peer, asn, prefix, ..] => {
                (if kind == "W" { "W" } else { "A" }, at, peer, asn, prefix)
            }
            _ => continue,
        };
        let (kind, at, peer, asn, prefix) = route;
        let at = if has_rib { "" } else { at.split('.').next().unwrap_or_default() };
        *routes.entry(format!("{kind}|{at}|{peer}|{asn}|{prefix}")).or_default() += 1;
    }
    routes
}

/// A route that occurs in one of the answers more often than in the other.
pub fn difference(a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>) -> Option<String> {
    let only = |a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>| {
        a.iter().find(|(route, n)| b.get(*route) != Some(n)).map(|(route, _)| route.clone())
    };
    only(a, b).or_else(|| only(b, a))
}

/// Whether the answers of this tool can be compared line by line.
pub fn is_comparable(name: &str) -> bool {
    !matches!(name, "bgpreader" | "bgpgrep" | "bgpscanner")
}
