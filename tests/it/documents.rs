//! The program does what README.md, docs/output.md, docs/method.md and docs/tutorial.md state.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::cli;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The commands of the `console` blocks of a document, each with the output shown below it.
fn commands(document: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut is_console = false;
    for line in document.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if is_console {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => {
                    output.push_str(line);
                    output.push('\n');
                }
                (None, None) => panic!("output before any command: {line}"),
            }
        }
    }
    commands
}

/// The arguments of a command that runs this program.
fn arguments(command: &str) -> Option<&str> {
    ["cargo run -- ", "cargo run --release -- ", "outage-replay "].iter().find_map(|start| command.strip_prefix(start))
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = read("README.md");
    let commands = commands(&readme);
    assert!(commands.iter().any(|(command, _)| arguments(command).is_some()), "README.md shows no run of the program");
    for (command, shown) in commands {
        match arguments(&command) {
            Some(args) => {
                let printed = cli::prints(0, args);
                // A command without output below it is shown for the command's sake.
                assert!(shown.is_empty() || shown == printed, "$ {command}\n{printed}");
            }
            None => assert_eq!(shown, "", "no test can say whether this is what '{command}' prints"),
        }
    }
}

#[test]
fn the_commands_of_the_tutorial_print_what_it_shows() {
    for (command, shown) in commands(&read("docs/tutorial.md")) {
        let args = arguments(&command).unwrap_or_else(|| panic!("'{command}' runs another program"));
        let cli::Ran { code, stdout, .. } = cli::ran(&mut cli::program(args));
        assert!(code == 0 || code == 3, "$ {command}");
        assert!(shown.is_empty() || shown == stdout, "$ {command}\n{stdout}");
    }
}

#[test]
fn the_pictures_of_the_documents_are_there_and_small() {
    for name in ["README.md", "docs/tutorial.md", "docs/reading-a-report.md"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).parent().expect("a folder").to_owned();
        for picture in read(name).split("](").skip(1).filter_map(|link| link.split(')').next()) {
            if picture.ends_with(".png") || picture.ends_with(".svg") {
                let bytes =
                    std::fs::metadata(folder.join(picture)).unwrap_or_else(|_| panic!("{name}: no {picture}")).len();
                assert!(bytes < 200_000, "{picture} has {bytes} bytes");
            }
        }
    }
}

/// Words of `docs/output.md` in code style.
fn documented() -> BTreeSet<String> {
    let text = read("docs/output.md");
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether a key is described: by its whole path, or by its name below the path of what holds it.
fn is_documented(documented: &BTreeSet<String>, path: &str) -> bool {
    let is_below = |(parent, name): (&str, &str)| documented.contains(parent) && documented.contains(name);
    documented.contains(path) || path.rsplit_once('.').is_some_and(is_below)
}

/// Every key below `value`, as a path: `outages[].loss.first`.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                keys(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[test]
fn every_key_and_column_is_in_the_contract() {
    let documented = documented();
    let mut found = BTreeSet::new();
    // Outages, flaps, survivors, a gap; losses; insufficient data.
    let six = "--asn 131279 --from 2014-12-22T05:20 --to 2014-12-22T05:50 --archive data/dprk-2014";
    for args in [cli::MAIN, six] {
        let document: Value = serde_json::from_str(&cli::prints(0, &format!("{args} --format json"))).expect("JSON");
        keys(&document, "", &mut found);
    }
    let out = tempfile::TempDir::new().expect("a temporary folder");
    let run = out.path().join("run");
    let lines = cli::prints(
        0,
        &format!("{} --format ndjson --export csv,parquet,html,svg,png,pdf --output {}", cli::MAIN, run.display()),
    );
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        found.insert("record".to_owned());
        assert!(documented.contains(line["record"].as_str().expect("a record")), "record {}", line["record"]);
    }
    let mut missing: Vec<String> = found.into_iter().filter(|key| !is_documented(&documented, key)).collect();
    for (name, bytes) in cli::contents(&run) {
        if !documented.contains(&name) {
            missing.push(name.clone());
        }
        let mut names = BTreeSet::new();
        match name.rsplit('.').next() {
            Some("json") => {
                keys(&serde_json::from_slice(&bytes).expect("JSON"), "", &mut names);
                // Parameters are those of the document.
                names = names.into_iter().map(|name| name.replacen("parameters", "query", 1)).collect();
                names.retain(|name| name != "query");
            }
            Some("csv") => {
                let text = String::from_utf8(bytes).expect("text");
                names.extend(text.lines().next().expect("a header").split(',').map(str::to_owned));
            }
            Some("html" | "svg" | "png" | "pdf" | "txt") => {}
            _ => names.extend(crate::golden::frame(&bytes).get_column_names().iter().map(ToString::to_string)),
        }
        missing.extend(
            names.into_iter().filter(|key| !is_documented(&documented, key)).map(|key| format!("{name}: {key}")),
        );
    }
    let survey =
        "survey --prefix 175.45.176.0/24 --from 2014-12-22T00:00 --to 2014-12-22T20:00 --archive data/dprk-2014";
    let mut found = BTreeSet::new();
    keys(&serde_json::from_str(&cli::prints(0, &format!("{survey} --format json"))).expect("JSON"), "", &mut found);
    let columns = cli::prints(0, &format!("{survey} --format csv"));
    found.extend(columns.lines().next().expect("a header").split(',').map(str::to_owned));
    missing
        .extend(found.into_iter().filter(|key| !is_documented(&documented, key)).map(|key| format!("survey: {key}")));
    assert!(missing.is_empty(), "not in docs/output.md: {missing:#?}");
}

#[test]
fn the_defaults_of_the_method_are_those_of_the_program() {
    let method = read("docs/method.md");
    let help = cli::prints(0, "--help");
    let mut documented = Vec::new();
    for row in method.lines().filter_map(|line| line.strip_prefix("| `--")) {
        let (flag, rest) = row.split_once("` | ").expect("a flag and its default");
        let default = rest.split(" | ").next().expect("a default");
        let described = help.split_once(&format!("--{flag} <")).unwrap_or_else(|| panic!("--help has no --{flag}")).1;
        let actual = described.split_once("[default: ").expect("a default").1;
        let actual = actual.split([']', ';']).next().expect("a default");
        assert_eq!(default, actual, "--{flag}");
        documented.push(flag.to_owned());
    }
    // Every threshold that can be set is in the table.
    let detection = help.split_once("Detection").expect("a part of --help").1;
    for flag in [
        "min-peers",
        "min-coverage",
        "down-below",
        "up-at",
        "min-duration",
        "merge-gap",
        "episode-gap",
        "degraded-below",
    ] {
        assert!(detection.contains(&format!("--{flag} <")), "--{flag}");
        assert!(documented.iter().any(|known| known == flag), "--{flag} is not in docs/method.md");
    }
}
