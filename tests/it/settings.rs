//! Settings from variables and files, and the reference that the program prints: completions, manual pages.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::cli::{QUIET, Ran, folder, prints, program, ran, refused, words};

/// A folder to work in, and one for the user's configuration.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new(here: &str, users: &str) -> Home {
        let home = Home { folder: folder() };
        let own = home.users().join("outage-replay");
        fs::create_dir_all(&own).expect("a folder");
        fs::create_dir_all(home.here()).expect("a folder");
        fs::write(home.here().join("outage-replay.toml"), here).expect("a file");
        fs::write(own.join("outage-replay.toml"), users).expect("a file");
        home
    }

    fn here(&self) -> std::path::PathBuf {
        self.folder.path().join("here")
    }

    fn users(&self) -> std::path::PathBuf {
        self.folder.path().join("users")
    }

    fn program(&self, args: &str) -> Command {
        let mut command = program(args);
        command.current_dir(self.here()).env("XDG_CONFIG_HOME", self.users());
        command
    }
}

/// The output of `config` for a setting: its value and its source.
fn setting(command: &mut Command, name: &str) -> String {
    let Ran { code, stdout, stderr } = ran(command);
    assert_eq!(code, 0, "{stderr}");
    let line = stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("{name} is not in: {stdout}"))
        .split_whitespace()
        .skip(1)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_here_over_the_users() {
    let home = Home::new("min-peers = 7\nmetric = \"ioda\"\n", "min-peers = 8\nmetric = \"baseline\"\njobs = 1\n");
    let users = home.users().join("outage-replay/outage-replay.toml");
    let variable = |command: &mut Command| command.env("OUTAGE_REPLAY_MIN_PEERS", "6").status().is_ok();
    let mut with_variable = home.program("config");
    assert!(variable(&mut with_variable));
    let mut with_flag = home.program("config --min-peers 5");
    assert!(variable(&mut with_flag));
    assert_eq!(setting(&mut with_flag, "min-peers"), "5 flag");
    assert_eq!(setting(&mut with_variable, "min-peers"), "6 OUTAGE_REPLAY_MIN_PEERS");
    assert_eq!(setting(&mut home.program("config"), "min-peers"), "7 outage-replay.toml");
    assert_eq!(setting(&mut home.program("config"), "metric"), "ioda outage-replay.toml");
    assert_eq!(setting(&mut home.program("config"), "jobs"), format!("1 {}", users.display()));
    assert_eq!(setting(&mut home.program("config"), "min-coverage"), "0.5 default");
    assert_eq!(setting(home.program("config").env("OUTAGE_REPLAY_MIN_PEERS", ""), "min-peers"), "7 outage-replay.toml");
}

#[test]
fn mistyped_variables_are_pointed_out() {
    let Ran { code, stdout, .. } = ran(program("config").env("OUTAGE_REPLAY_MIN_PEER", "3"));
    assert_eq!(code, 0);
    assert!(stdout.contains("\nOUTAGE_REPLAY_MIN_PEER: not a setting\n"), "{stdout}");
    // A check that never fails because its setting is misspelt would be worse than an error.
    for (name, meant) in [
        ("OUTAGE_REPLAY_FAIL_ON_OUTAGES", "OUTAGE_REPLAY_FAIL_ON_OUTAGE"),
        ("OUTAGE_REPLAY_MIN_PEER", "OUTAGE_REPLAY_MIN_PEERS"),
    ] {
        for args in [QUIET, "plan --asn 1", "redetect nowhere", "cache path"] {
            let Ran { code, stderr, .. } = ran(program(args).env(name, "1"));
            assert_eq!(code, 2, "{args}: {stderr}");
            let words = format!("error: the environment variable {name} is not a setting; did you mean {meant}?");
            assert!(stderr.starts_with(&words), "{args}: {stderr}");
        }
    }
    // The tests' own variables, and what is set to nothing.
    let mut harmless = program(QUIET);
    harmless.env("OUTAGE_REPLAY_MRT", "x").env("OUTAGE_REPLAY_TEST_BROWSER", "x").env("OUTAGE_REPLAY_NONE", "");
    assert_eq!(ran(&mut harmless).code, 0);
}

#[test]
fn the_settings_file_can_be_chosen_or_left_out() {
    let home = Home::new("min-peers = 7\n", "jobs = 1\n");
    let other = home.folder.path().join("other.toml");
    fs::write(&other, "min-coverage = 0.25\n").expect("a file");
    let chosen = format!("config --config {}", other.display());
    assert_eq!(setting(&mut home.program(&chosen), "min-coverage"), format!("0.25 {}", other.display()));
    assert_eq!(setting(&mut home.program(&chosen), "min-peers"), "10 default");
    assert_eq!(setting(home.program("config").env("OUTAGE_REPLAY_CONFIG", &other), "min-peers"), "10 default");
    for mut without in [home.program("config --no-config"), home.program("config")] {
        without.env("OUTAGE_REPLAY_NO_CONFIG", "1");
        assert_eq!(setting(&mut without, "min-peers"), "10 default");
        assert_eq!(setting(&mut without, "jobs"), "0 default");
    }
    refused(2, &format!("{QUIET} --config none.toml"), &["there is no settings file none.toml"]);
    refused(2, &format!("{QUIET} --config x --no-config"), &["--no-config"]);
}

#[test]
fn settings_that_change_the_answer_are_named_with_their_source() {
    let home = Home::new("down-below = 0.05\n", "");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let question = QUIET.replace("data/dprk-2014", &archive.display().to_string());
    let named = "Settings that differ from the defaults: --min-peers 5, --down-below 0.05 from outage-replay.toml.";
    for format in ["table", "markdown"] {
        let args = format!("{question} --min-peers 5 --format {format}");
        let page = words(&ran(&mut home.program(&args)).stdout);
        assert!(page.contains(named), "{format}: {page}");
        let page = ran(&mut home.program(&format!("{question} --no-config --format {format}"))).stdout;
        assert!(!page.contains("not the default"), "{format}: {page}");
    }
}

#[test]
fn mistakes_are_answered_with_what_to_write() {
    let with = |args: &str| format!("{QUIET} {args}");
    for (args, words) in [
        ("--asn KP", "names are not looked up: find the number at https://bgp.tools"),
        ("--prefix 192.0.2.1", "is an address, not a prefix: write 192.0.2.1/32 with --match less-specific"),
        ("--prefix ::ffff:192.0.2.0/120", "write 192.0.2.0/24"),
        ("--asn 64501 64502", "a list is separated by commas: --asn 64501,64502"),
        ("--asn 64501, 64502 64503", "a list is separated by commas: --asn 64501,64502,64503"),
        ("--asn 64501 rib.bz2", "files and folders are given with --archive: --archive rib.bz2"),
        ("--quiet plan", "the command comes first: outage-replay plan"),
        ("--since 2014-12-22", "there is no --since: did you mean --from?"),
        ("--until 2014-12-22", "there is no --until: did you mean --to?"),
        ("--dry-run", "outage-replay plan, with the same arguments, shows what a run would read"),
        ("-n", "outage-replay plan"),
        ("--collector rrc0", "did you mean rrc00?"),
    ] {
        refused(2, &with(args), &[words]);
    }
    refused(2, "131279 --from 2014-12-22", &["'131279' needs a flag: --asn 131279"]);
    prints(0, &with("--collector RRC00 --min-peers 3"));
    let utc = QUIET.replace("2014-12-22T16:00", "2014-12-22T16Z");
    assert_eq!(prints(0, &utc), prints(0, QUIET));
}

#[test]
fn without_a_question_the_usage_is_shown_with_an_example_that_runs() {
    for args in ["", "--archive data/dprk-2014"] {
        let Ran { code, stdout, stderr } = ran(&mut program(args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(
            stderr.lines().count() < 24 && stderr.contains("\nUsage: outage-replay --asn <ASN> --from"),
            "{stderr}"
        );
        assert!(stderr.lines().any(|line| line.trim() == "outage-replay demo"), "{stderr}");
        assert!(prints(0, "demo").contains("Verdict: outage"));
    }
    // What is missing is said at once.
    refused(2, "--collector rrc00 --to 2014-12-22", &["nothing to look for", "pass --from"]);
}

#[test]
fn targets_are_read_from_tables_and_from_standard_input() {
    let folder = folder();
    let list = folder.path().join("targets.csv");
    let asked = |list: &str| QUIET.replace("--asn 64500", &format!("--targets {list}"));
    for text in ["\u{feff}asn,name\n64500,Star\n", "Prefix;label\n\"64500\";x\n", "64500\tStar # JV\n"] {
        fs::write(&list, text).expect("a file");
        // The page names a target as its table does.
        let expected = |page: String| match text {
            text if text.contains("Star\n") => page.replace("AS64500: no", "AS64500 (Star): no"),
            text if text.contains(";x\n") => page.replace("AS64500: no", "AS64500 (x): no"),
            _ => page,
        };
        assert_eq!(
            words(&prints(0, &asked(&list.display().to_string()))),
            expected(words(&prints(0, QUIET))),
            "{text}"
        );
        let mut piped = program(&asked("-"));
        piped.stdin(fs::File::open(&list).expect("a file"));
        assert_eq!(words(&ran(&mut piped).stdout), expected(words(&prints(0, QUIET))), "{text}");
    }
    fs::write(&list, "64500\nasn,name\n").expect("a file");
    refused(2, &asked(&list.display().to_string()), &["targets.csv, line 2: 'asn' is not an AS number"]);
    fs::write(&list, "192.0.2.1\n").expect("a file");
    refused(2, &asked(&list.display().to_string()), &["line 1: '192.0.2.1' is an address, not a prefix"]);
}

#[test]
fn a_file_stands_for_the_flags() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let here = format!(
        "asn = [64500]\nfrom = 2014-12-22T16:00:00Z\nduration = \"1h\"\narchive = {archive:?}\nformat = \"csv\"\n\
         force = true\nverbose = 1\n"
    );
    let home = Home::new(&here, "");
    let Ran { code, stdout, stderr } = ran(&mut home.program(""));
    assert_eq!((code, stdout), (0, prints(0, &format!("{QUIET} --format csv"))), "{stderr}");
    assert!(stderr.contains("reading"), "verbose: {stderr}");
    // A flag replaces a list, and what it excludes is not asked for.
    let Ran { code, stdout, .. } = ran(&mut home.program("--asn 131279 --to 2014-12-22T17:00 --quiet"));
    assert_eq!(code, 0);
    assert!(stdout.contains("131279") && !stdout.contains("64500"), "{stdout}");
    // Other commands take what concerns them.
    assert_eq!(ran(&mut home.program("plan --format json")).code, 0);
    let cached = Home::new("cache-dir = \"here\"\n", "");
    assert_eq!(ran(&mut cached.program("cache path")).stdout, "here\n");
    assert_eq!(ran(cached.program("cache path").env("OUTAGE_REPLAY_CACHE", "there")).stdout, "there\n");
    assert_eq!(ran(&mut cached.program("cache path --cache-dir elsewhere")).stdout, "elsewhere\n");
}

#[test]
fn a_switch_can_be_switched_off_again() {
    let home = Home::new("strict = true\nquiet = true\n", "");
    assert_eq!(setting(&mut home.program("config"), "strict"), "true outage-replay.toml");
    assert_eq!(setting(&mut home.program("config --strict=false"), "strict"), "false flag");
    assert_eq!(
        setting(home.program("config").env("OUTAGE_REPLAY_STRICT", "no"), "strict"),
        "false OUTAGE_REPLAY_STRICT"
    );
    assert_eq!(setting(&mut home.program("config --strict"), "strict"), "true flag");
    // A gap makes the strict run fail, and nothing else.
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dprk-2014");
    let question = "--asn 131279 --from 2014-12-22T13:00 --to 2014-12-22T14:30";
    for (more, code) in [("", 3), ("--strict=false", 0)] {
        let mut command = home.program(&format!("{question} {more}"));
        assert_eq!(ran(command.arg("--archive").arg(&archive)).code, code, "{more}");
    }
    let words = "invalid value 'perhaps' for '--strict[=<BOOL>]'";
    refused(2, &format!("{QUIET} --strict=perhaps"), &[words]);
}

#[test]
fn invalid_settings_are_refused_with_their_source() {
    for (text, words) in [
        ("min-peer = 3", "outage-replay.toml: unknown setting 'min-peer'; did you mean min-peers?"),
        ("[detection]\nmin-peers = 3", "outage-replay.toml: unknown setting 'detection'"),
        (
            "min-peers = \"many\"",
            "outage-replay.toml, line 1: invalid value 'many' for '--min-peers <N>': 'many' is not a whole number",
        ),
        (
            "min-peers = [1, 2]",
            "outage-replay.toml, line 1: the argument '--min-peers <N>' cannot be used multiple times",
        ),
        ("min-peers = { a = 1 }", "outage-replay.toml: min-peers is neither a value nor a list of values"),
        ("min-peers", "outage-replay.toml: TOML parse error at line 1"),
        ("quiet = \"perhaps\"", "outage-replay.toml, line 1: "),
        ("to = \"2014-12-22\"\nduration = \"3h\"", "exclude each other"),
        ("broker-url = \"ftp://host\"", "only http and https are allowed"),
    ] {
        let home = Home::new(text, "");
        for command in ["config", "", "plan"] {
            let Ran { code, stdout, stderr } = ran(&mut home.program(command));
            assert_eq!((code, stdout.as_str()), (2, ""), "{text}: {stderr}");
            assert!(stderr.starts_with("error: ") && stderr.contains(words), "{text}: {stderr}");
        }
    }
    let Ran { code, stderr, .. } = ran(program("config").env("OUTAGE_REPLAY_JOBS", "all"));
    assert_eq!(code, 2);
    assert!(stderr.contains("OUTAGE_REPLAY_JOBS: invalid value 'all' for '--jobs <N>'"), "{stderr}");
}

#[test]
fn mistyped_words_are_answered_with_the_nearest_ones() {
    for (args, meant) in [
        ("--min-peer 3", "'--min-peers'"),
        ("--format jsno", "'json'"),
        ("plna --asn 1", "'plan'"),
        ("--project riperi", "write riperis or routeviews"),
    ] {
        refused(2, &format!("{args} --from 2014-12-22"), &[meant]);
    }
    refused(
        2,
        &format!("{QUIET} --collector route-view2"),
        &["unknown collector 'route-view2'", "did you mean route-views2?"],
    );
}

#[test]
fn every_shell_completes_commands_and_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = prints(0, &format!("completions {shell}"));
        for word in ["outage-replay", "min-peers", "plan", "prune"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    refused(2, "completions tcsh", &["bash", "zsh", "fish"]);
    // The shells that are installed understand theirs.
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let folder = folder();
        let path = folder.path().join("script");
        fs::write(&path, prints(0, &format!("completions {shell}"))).expect("a file");
        match Command::new(shell).arg(check).arg(&path).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => println!("skipped: {shell} is not installed"),
        }
    }
}

#[test]
fn the_manual_pages_name_every_command_and_flag() {
    let page = prints(0, "man").replace("\\-", "-");
    let help = prints(0, "--help");
    for flag in help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
        let flag = flag.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
        assert!(page.contains(flag), "{flag} is not on the page");
    }
    for section in [".TH outage-replay 1", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS", "Exit codes"] {
        assert!(page.contains(section), "{section}");
    }
    let folder = folder();
    let pages = folder.path().join("man1");
    let listed = prints(0, &format!("man {}", pages.display()));
    assert!(listed.lines().count() >= 8 && listed.lines().all(|path| Path::new(path).is_file()), "{listed}");
    assert!(pages.join("outage-replay-cache-prune.1").is_file(), "{listed}");
    for path in listed.lines() {
        match Command::new("man").args(["--warnings", "-l", path]).env("MANROFFSEQ", "").output() {
            Ok(output) => assert!(output.stderr.is_empty(), "{path}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => {
                println!("skipped: man is not installed");
                break;
            }
        }
    }
}

#[test]
fn no_variable_of_the_build_looks_like_a_setting() {
    // `cargo run` passes the variables of the build script on to the program.
    let script = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs")).expect("the build script");
    let set = script.matches("rustc-env=").count();
    assert!(set > 0 && set == script.matches("rustc-env=BUILT_").count());
}
