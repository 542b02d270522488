//! What may depend on what. Each rule is one row here: a change of the architecture is a change of this file.

mod circles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module, what of ours it may import, which packages it may use, and which part of the world it may touch.
struct Module {
    name: &'static str,
    /// Modules, or single items of a module (`catalog::Target`).
    ours: &'static [&'static str],
    packages: &'static [&'static str],
    /// `std` modules that reach outside the process, and `clock`.
    world: &'static [&'static str],
}

/// Plain values that every step may use.
const LEAVES: [&str; 8] = ["time", "bgp", "query", "archive", "coverage", "error", "progress", "helpers"];

/// The steps come in the order of the data; none imports a later one.
const MODULES: [Module; 25] = [
    Module { name: "time", ours: &[], packages: &["chrono", "serde", "thiserror"], world: &[] },
    Module { name: "bgp", ours: &[], packages: &["ipnet", "serde", "thiserror", "triomphe"], world: &[] },
    Module {
        name: "query",
        ours: &["time", "bgp"],
        packages: &["arrayvec", "serde", "strum", "thiserror"],
        world: &[],
    },
    Module { name: "archive", ours: &["time", "bgp"], packages: &["serde"], world: &[] },
    Module { name: "coverage", ours: &["time", "bgp", "archive"], packages: &["serde", "strum"], world: &[] },
    // Errors carry their cause, whatever it is.
    Module { name: "error", ours: &LEAVES, packages: &["polars", "rayon", "thiserror"], world: &[] },
    Module { name: "progress", ours: &[], packages: &[], world: &[] },
    Module { name: "helpers", ours: &[], packages: &[], world: &[] },
    // Shared by the modules that open files.
    Module { name: "files", ours: &[], packages: &["sha2"], world: &["fs"] },
    // Shared by the modules that use HTTP.
    Module { name: "http", ours: &[], packages: &["chrono", "reqwest"], world: &["clock", "thread"] },
    Module {
        name: "catalog",
        ours: &["files", "http"],
        packages: &["bgpkit_broker", "chrono", "reqwest", "rustc_hash", "serde", "serde_json", "thiserror"],
        world: &["fs", "clock", "thread"],
    },
    // Downloads wait, and give up.
    Module {
        name: "fetch",
        ours: &["files", "http"],
        packages: &["reqwest", "rustc_hash", "thiserror", "tokio"],
        world: &["fs", "clock", "thread"],
    },
    Module {
        name: "decode",
        ours: &LEAVES,
        packages: &["bgpkit_parser", "bzip2", "flate2", "hashbrown", "outage_replay_bzip2", "rustc_hash", "zstd"],
        world: &[],
    },
    Module {
        name: "registry",
        ours: &["files", "decode"],
        packages: &["chrono", "ipnet", "thiserror"],
        world: &["fs"],
    },
    Module { name: "replay", ours: &["decode"], packages: &["rustc_hash", "serde", "smallvec"], world: &[] },
    // Shared by the modules that write files.
    Module { name: "tables", ours: &[], packages: &["polars", "polars_parquet"], world: &[] },
    Module { name: "folder", ours: &["files"], packages: &["polars", "rustix", "tempfile"], world: &["fs"] },
    Module {
        name: "observations",
        ours: &["replay", "tables", "files", "folder"],
        packages: &["polars", "rustc_hash", "serde", "serde_json", "tempfile"],
        world: &["fs"],
    },
    Module { name: "visibility", ours: &["replay"], packages: &["rustc_hash", "strum"], world: &[] },
    Module { name: "detect", ours: &["visibility"], packages: &["rustc_hash", "serde", "strum"], world: &[] },
    Module { name: "survey", ours: &["fetch::ReadRange", "visibility"], packages: &[], world: &[] },
    Module {
        name: "report",
        ours: &["detect", "survey", "visibility", "observations", "registry", "replay", "tables", "folder"],
        packages: &[
            "base64",
            "chrono",
            "maud",
            "miniz_oxide",
            "pdf_writer",
            "polars",
            "resvg",
            "rustc_hash",
            "serde",
            "serde_json",
            "sha2",
            "tempfile",
            "textwrap",
        ],
        world: &["fs"],
    },
    Module {
        name: "pipeline",
        ours: &["catalog", "fetch", "decode", "replay", "observations", "visibility", "detect", "survey", "report"],
        packages: &["rayon", "rustc_hash", "rustix"],
        world: &["thread", "fs"],
    },
    Module {
        name: "cli",
        ours: &["catalog", "fetch", "observations", "registry", "report", "pipeline", "survey", "Options", "run"],
        packages: &[
            "anyhow",
            "chrono",
            "clap",
            "clap_complete",
            "clap_mangen",
            "csv",
            "etcetera",
            "humantime",
            "indicatif",
            "rustc_hash",
            "serde_json",
            "signal_hook",
            "strsim",
            "tempfile",
            "terminal_size",
            "thiserror",
            "toml",
        ],
        // A ceiling on memory ends the process.
        world: &["fs", "env", "clock", "thread", "process"],
    },
    Module { name: "main", ours: &["cli"], packages: &["anyhow"], world: &["process"] },
];

/// Words that say nothing about what a thing is.
const UNUSED_WORDS: [&str; 8] = ["elem", "lens", "manager", "helper", "utils", "handler", "data", "info"];

const MAX_LINES: usize = 600;
const MAX_LINES_OF_MAIN: usize = 60;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file, by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of src") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root().join("src")).expect("a path below src").to_string_lossy();
                sources.insert(name.replace('\\', "/"), std::fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    sources
}

/// Whether a file holds tests only.
fn is_tests(name: &str) -> bool {
    name.ends_with("tests.rs") || name.ends_with("samples.rs")
}

/// The code of a file: no comments, no tests.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            match lines.next() {
                // Tests stand at the end of a file.
                Some(item) if item.ends_with('{') => break,
                _ => continue,
            }
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or_default());
            code.push('\n');
        }
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What follows `root::` in the code: `item`, or for a list each `item` of it, with the module in front.
fn imports(code: &str, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        if code[..at].chars().next_back().is_some_and(|c| is_word(c) || c == ':') {
            continue;
        }
        let Some(rest) = code[at + root.len()..].strip_prefix("::") else { continue };
        let items: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        for item in items.into_iter().filter(|item| !item.is_empty()) {
            let module: String = item.chars().take_while(|c| is_word(*c)).collect();
            match item[module.len()..].strip_prefix("::") {
                Some(rest) => match rest.strip_prefix('{') {
                    Some(list) => {
                        for item in list.split('}').next().unwrap_or_default().split(',') {
                            found.insert(format!("{module}::{}", item.trim()));
                        }
                    }
                    None => {
                        let item: String = rest.chars().take_while(|c| is_word(*c)).collect();
                        found.insert(format!("{module}::{item}"));
                    }
                },
                None => {
                    found.insert(module);
                }
            }
        }
    }
    found
}

fn module_of(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

fn row(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == module_of(name))
}

/// Dependencies of the manifest as they are written in code.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = manifest().parse().expect("Cargo.toml");
    let dependencies = manifest["dependencies"].as_table().expect("dependencies");
    dependencies.keys().map(|name| name.replace('-', "_")).collect()
}

fn manifest() -> String {
    std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml")
}

#[test]
fn every_module_imports_only_what_its_row_allows() {
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| !is_tests(name) && *name != "lib.rs") {
        let Some(row) = row(name) else {
            wrong.push(format!("{name}: has no row in MODULES"));
            continue;
        };
        let code = code(text);
        let found = imports(&code, "crate").into_iter().chain(imports(&code, "outage_replay"));
        for import in found {
            let module = import.split("::").next().unwrap_or_default();
            let is_allowed = module == row.name
                || LEAVES.contains(&module) && !LEAVES.contains(&row.name)
                || row.ours.iter().any(|own| *own == module || *own == import)
                || import == "Error" && matches!(row.name, "cli" | "main");
            if !is_allowed {
                wrong.push(format!("{name}: imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_package_is_used_where_its_row_says_and_nowhere_else() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    let packages = dependencies();
    for (name, text) in sources().iter().filter(|(name, _)| !is_tests(name) && *name != "lib.rs") {
        let Some(row) = row(name) else { continue };
        let code = code(text);
        for package in packages.iter().filter(|package| !imports(&code, package).is_empty()) {
            used.insert(package.clone());
            if !row.packages.contains(&package.as_str()) {
                wrong.push(format!("{name}: uses {package}"));
            }
        }
    }
    let unused = packages.iter().filter(|package| !used.contains(*package));
    wrong.extend(unused.map(|package| format!("Cargo.toml: nothing uses {package}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_catalog_fetch_report_and_the_binary_touch_the_outside_world() {
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| !is_tests(name)) {
        let world = row(name).map_or(&[][..], |row| row.world);
        let code = code(text);
        let std = imports(&code, "std");
        for part in ["fs", "env", "process", "thread"] {
            let is_used = std.iter().any(|import| import.split("::").next() == Some(part));
            if is_used && !world.contains(&part) {
                wrong.push(format!("{name}: uses std::{part}"));
            }
        }
        let sockets = ["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs"];
        if sockets.iter().any(|socket| code.contains(socket)) {
            wrong.push(format!("{name}: opens sockets"));
        }
        let clocks = ["Utc::now", "Local::now", "SystemTime", "Instant::now"];
        if clocks.iter().any(|clock| code.contains(clock)) && !world.contains(&"clock") {
            wrong.push(format!("{name}: reads the clock"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_says_what_it_is_for_and_stays_short() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        if !text.starts_with("//!") {
            wrong.push(format!("{name}: does not begin with its purpose (//!)"));
        }
        let limit = if name == "main.rs" { MAX_LINES_OF_MAIN } else { MAX_LINES };
        let n_lines = text.lines().count();
        if n_lines > limit {
            wrong.push(format!("{name}: has {n_lines} lines, more than {limit}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Files of the replay that depend on the selection.
const ROUTES: [&str; 5] = ["route", "routes", "route_doubts", "outcome", "replayer"];

#[test]
fn the_sessions_of_a_replay_never_see_a_route() {
    let sources = sources();
    let (mut seen, mut left) = (BTreeSet::new(), vec!["sessions".to_owned()]);
    while let Some(file) = left.pop() {
        let Some(text) = sources.get(&format!("replay/{file}.rs")) else { continue };
        if seen.insert(file) {
            let imported = imports(&code(text), "super");
            left.extend(imported.iter().map(|import| import.split("::").next().unwrap_or_default().to_owned()));
        }
    }
    assert!(seen.contains("session"), "{seen:?}");
    assert!(!ROUTES.iter().any(|file| seen.contains(*file)), "{seen:?}");
}

#[test]
fn no_type_or_module_has_a_name_that_says_nothing() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let file = name.trim_end_matches(".rs");
        let mut names: Vec<String> = file.split('/').map(str::to_owned).collect();
        for line in text.lines() {
            let mut words = line.split(|c| !is_word(c)).filter(|word| !word.is_empty());
            while let Some(word) = words.next() {
                if matches!(word, "struct" | "enum" | "trait" | "type" | "mod" | "union") {
                    names.extend(words.next().map(str::to_owned));
                }
                if !matches!(word, "pub" | "crate" | "super" | "struct" | "enum" | "trait" | "type" | "mod") {
                    break;
                }
            }
        }
        for declared in names {
            if words(&declared).iter().any(|word| UNUSED_WORDS.contains(&word.as_str())) {
                wrong.push(format!("{name}: {declared}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `RouteEvent` and `route_event` as words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[test]
fn the_parser_named_in_every_report_is_the_one_that_is_locked() {
    let lock: toml::Table =
        std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock").parse().expect("Cargo.lock");
    let packages = lock["package"].as_array().expect("packages");
    let parser = packages.iter().find(|package| package["name"].as_str() == Some("bgpkit-parser")).expect("the parser");
    let version = parser["version"].as_str().expect("a version");
    assert_eq!(outage_replay::observations::TOOL.parser, format!("bgpkit-parser {version}"));
}

#[test]
fn the_fence_sees_what_it_must() {
    let text = "use crate::catalog::{self, Target};\nuse polars::prelude::*; // frames\n// use crate::replay::X;\nfn f() { \
                crate::detect::g(std::fs::read()) }\n#[cfg(test)]\nmod tests {\nuse crate::pipeline::run;\n}\n";
    let code = code(text);
    let ours: Vec<String> = imports(&code, "crate").into_iter().collect();
    assert_eq!(ours, ["catalog::Target", "catalog::self", "detect::g"]);
    assert_eq!(imports(&code, "std").into_iter().collect::<Vec<_>>(), ["fs::read"]);
    assert_eq!(imports(&code, "polars").into_iter().collect::<Vec<_>>(), ["prelude::"]);
    assert_eq!(words("PeerInfo"), ["", "peer", "info"]);
}

/// The name of a type that a line declares outside functions and `impl` blocks.
fn declared_type(line: &str) -> Option<&str> {
    let visible = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) ")).or(line.strip_prefix("pub "));
    let (kind, rest) = visible.unwrap_or(line).split_once(' ')?;
    let is_type = matches!(kind, "struct" | "enum" | "trait" | "type" | "union");
    is_type.then(|| rest.split(|c| !is_word(c)).next().unwrap_or_default())
}

#[test]
fn no_type_of_the_library_has_the_name_of_another() {
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of_library = |name: &str| !is_tests(name) && !matches!(module_of(name), "cli" | "main");
    for (name, text) in sources().iter().filter(|(name, _)| of_library(name)) {
        for line in code(text).lines() {
            if let Some(declares) = declared_type(line) {
                declared.entry(declares.to_owned()).or_default().push(name.clone());
            }
        }
    }
    declared.retain(|_, files| files.len() > 1);
    assert!(declared.is_empty(), "{declared:#?}");
}

/// The paths of source files in a document: code spans that end in `.rs`.
fn source_paths(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).expect("a document");
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| span.ends_with(".rs") && !span.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn every_file_that_the_guides_for_contributors_name_exists() {
    for (document, folders) in [("ARCHITECTURE.md", &["src", ""][..]), ("CONTRIBUTING.md", &[""])] {
        let paths = source_paths(document);
        assert!(paths.len() > 10, "{document} names {} files", paths.len());
        let exists = |path: &String| folders.iter().any(|folder| root().join(folder).join(path).is_file());
        let missing: Vec<String> = paths.into_iter().filter(|path| !exists(path)).collect();
        assert!(missing.is_empty(), "{document} names files that do not exist: {missing:#?}");
    }
}
