//! Names and notes that contain markup, formulas, commands or control characters. Archives come from strangers, and so
//! do the names of their folders.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{cli, scenario};

/// Several targets of both families, a gap, edges without a date, and a note that is markup.
const ARCHIVE: &str = r#"
name hostile
note </script><script>alert(1)</script><img src=x onerror=alert(2)> "quotes" 'too' & &amp; ]]> --> \u003c {{7*7}}
archive 2020-03-01T08:00 .. 2020-03-01T12:00
collector rrc00 riperis updates 300 ribs 3600 states
peer a rrc00 AS3333 192.0.2.1
peer b rrc00 AS1103 192.0.2.2
peer c rrc00 AS3549 192.0.2.3
table v4 20 of 198.18.0.0/15 as /24 origins 64505-64509 via 174,1299,2914
table v6 5 of 2001:db8:ff00::/40 as /48 origins 64505-64509 via 174,1299,2914
route all 192.0.2.0/24 "1299 64500"
route all 2001:db8:1::/48 "1299 64504"
noise every 60
at 2020-03-01T09:45 all withdraw 192.0.2.0/24 spread 20
at 2020-03-01T10:05 all announce 192.0.2.0/24 spread 20
skip rrc00 updates 2020-03-01T10:40
at 2020-03-01T11:20 all withdraw 2001:db8:1::/48 spread 3
"#;

/// A collector that is a formula, markup, a table row, a command and an instruction to the terminal, in folders that end
/// a script.
const COLLECTOR: &str =
    "=1+1 <img src=x onerror=alert(4)> \"q\" 'a' | `b` $(touch owned) *c* @d \u{1b}[2J\u{7}\u{9b}1m\u{202e}";
const FOLDERS: &str = "x</script><script>alert(3)</script>";

const QUESTION: &str =
    "--asn 64500 --prefix 2001:db8:1::/48 --min-peers 2 --from 2020-03-01T09:00 --to 2020-03-01T11:40";

/// The archive, and the question put to it.
pub fn archive() -> (TempDir, String) {
    let archive = scenario::folder(ARCHIVE);
    let folders = archive.path().join(FOLDERS);
    fs::create_dir_all(&folders).expect("folders");
    fs::rename(archive.path().join("rrc00"), folders.join(COLLECTOR)).expect("a collector of that name");
    let args = format!("{QUESTION} --archive {}", archive.path().display());
    (archive, args)
}

fn has_controls(text: &str) -> bool {
    let is_hidden = |c| matches!(c, '\u{200b}' | '\u{2028}' | '\u{202e}' | '\u{2066}' | '\u{feff}' | '\u{e0041}');
    text.chars().any(|c| (c.is_control() && c != '\n') || is_hidden(c))
}

#[test]
fn no_name_controls_the_terminal_in_any_format() {
    let (_archive, args) = archive();
    for format in ["table", "markdown", "json", "ndjson", "csv"] {
        for more in ["", "-vv --all"] {
            let ran = cli::ran(&mut cli::program(&format!("{args} --format {format} {more}")));
            assert_eq!(ran.code, 3, "{format}: {}", ran.stderr);
            assert!(!has_controls(&ran.stdout), "{format}: {:?}", ran.stdout);
            assert!(!has_controls(&ran.stderr), "{format}: {:?}", ran.stderr);
        }
    }
}

#[test]
fn the_json_report_still_has_the_name_itself() {
    let (_archive, args) = archive();
    let report: serde_json::Value =
        serde_json::from_str(&cli::prints(3, &format!("{args} --format json"))).expect("JSON");
    assert_eq!(report["coverage"]["collectors"][0]["collector"], COLLECTOR);
}

#[test]
fn in_markdown_a_name_is_neither_markup_nor_a_cell_nor_a_mention() {
    let (_archive, args) = archive();
    let text = cli::prints(3, &format!("{args} --format markdown --all"));
    let shown = r#"=1+1 &lt;img src=x onerror=alert(4)&gt; "q" 'a' \| \`b\` $(touch owned) \*c\* &#64;d \u{1b}"#;
    assert!(text.contains(shown), "{text}");
    assert!(!text.contains("<img") && !text.contains("<script"), "{text}");
}

#[test]
fn in_a_spreadsheet_a_name_is_no_formula() {
    let (archive, args) = archive();
    let run = archive.path().join("run");
    cli::prints(3, &format!("{args} --output {}", run.display()));
    let table = read(&run.join("coverage.csv"));
    assert!(table.contains("'=1+1 <img"), "{table}");
    assert!(!has_controls(&table), "{table:?}");
    let tables =
        ["outages", "flaps", "episodes", "losses", "targets"].map(|name| read(&run.join(format!("{name}.csv"))));
    for line in tables.iter().flat_map(|table| table.lines()).chain(table.lines()) {
        let begins = line.trim_start_matches('"').chars().next();
        assert!(!begins.is_some_and(|c| "=+-@".contains(c)), "{line}");
    }
}

#[test]
fn a_command_that_is_shown_holds_a_name_in_quotes() {
    let (archive, args) = archive();
    let run = archive.path().join("run");
    cli::prints(3, &format!("{args} --output {}", run.display()));
    let explained = cli::ran(cli::program("explain --all").arg(&run));
    assert!(!has_controls(&explained.stdout), "{:?}", explained.stdout);
    let commands: Vec<&str> = explained.stdout.lines().filter(|line| line.contains("bgpdump -q")).collect();
    assert!(!commands.is_empty(), "{}", explained.stdout);
    for command in commands {
        assert!(
            command.contains(r"-p 'x</script>") && command.contains(r"'\''a'\'' | `b` $(touch owned)"),
            "{command}"
        );
    }
}

#[test]
fn no_text_that_is_printed_or_written_controls_a_viewer() {
    let (archive, args) = archive();
    let note = "up \u{1b}[31m \u{9b}2J \u{7f} \u{202e} \u{200b} \u{2028} \u{2066} \u{feff} \u{e0041} down";
    let metadata = serde_json::json!({ "note": note }).to_string();
    fs::write(archive.path().join("archive.json"), metadata).expect("a note");
    let run = archive.path().join("run");
    for format in ["table", "markdown", "json", "ndjson", "csv"] {
        let args = format!("{args} --format {format} --force --export csv,html,svg --output {}", run.display());
        let ran = cli::ran(&mut cli::program(&args));
        let shown = |text: &str| text.contains("u001b") && text.contains("u009b2J");
        assert!(shown(&ran.stdout) || shown(&ran.stderr), "{format}: {} {}", ran.stdout, ran.stderr);
        assert!(!has_controls(&ran.stdout) && !has_controls(&ran.stderr), "{format}: {:?}", ran.stdout);
    }
    for (name, bytes) in cli::contents(&run) {
        let text = String::from_utf8(bytes).expect("text");
        assert!(!has_controls(&text.replace('\t', "")), "{name}");
    }
    for command in ["explain", "redetect"] {
        let ran = cli::ran(cli::program(command).arg(&run));
        assert!(!has_controls(&ran.stdout) && !has_controls(&ran.stderr), "{command}: {:?}", ran.stdout);
    }
}

#[test]
fn a_picture_is_whole_whatever_the_names() {
    let (archive, args) = archive();
    let run = archive.path().join("run");
    cli::prints(3, &format!("{args} --export svg,png --output {}", run.display()));
    let picture = read(&run.join("timeline.svg"));
    assert!(
        picture.contains("=1+1 &lt;img src=x") && !picture.contains("<img") && !picture.contains("<script"),
        "{picture}"
    );
    assert!(!has_controls(&picture.replace('\t', "")));
}

#[test]
fn the_name_of_an_as_and_a_title_are_text() {
    let (archive, args) = archive();
    let (run, names) = (archive.path().join("run"), archive.path().join("names.txt"));
    let name = "</title><script>alert(5)</script> | *b* @c \u{1b}[2J\u{202e}";
    fs::write(&names, format!("64500 {name}\n")).expect("a file");
    let written = ["--export", "html,svg,png,pdf", "--title", name, "--output"].map(str::to_owned);
    let mut program = cli::program(&args);
    program.arg("--as-names").arg(&names).args(written).arg(&run);
    let ran = cli::ran(&mut program);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(!has_controls(&ran.stdout), "{:?}", ran.stdout);
    for file in ["report.html", "timeline.svg"] {
        let page = read(&run.join(file));
        assert!(page.contains("&lt;script&gt;alert(5)") && !page.contains("<script>alert(5)"), "{file}");
        let title = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).expect("a title").0;
        assert!(title.contains("*b*") && !has_controls(title), "{file}: {title:?}");
    }
    let markdown = cli::ran(cli::program(&format!("{args} --format markdown")).arg("--as-names").arg(&names));
    assert!(
        markdown.stdout.contains("&lt;script&gt;alert(5)") && !markdown.stdout.contains("<script"),
        "{}",
        markdown.stdout
    );
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}
