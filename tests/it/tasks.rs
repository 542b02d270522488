//! A run in parts: `plan --tasks`, `collect`, `join`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::{self, MAIN, Ran, contents, folder, prints, program, ran, refused};
use crate::golden;

/// The tasks of the main question, which it writes into a file.
fn planned(out: &Path, question: &str) -> Vec<String> {
    let lines = prints(0, &format!("plan {question} --tasks"));
    fs::write(out.join("tasks.jsonl"), &lines).expect("a file");
    lines.lines().map(str::to_owned).collect()
}

/// Collects and joins until nothing is lacking. Returns how many rounds it took.
fn in_rounds(out: &Path, flags: &str) -> usize {
    let at = out.display();
    for round in 1..10 {
        let join =
            format!("join {at}/tasks.jsonl --parts {at}/parts --next {at}/next.jsonl --output {at}/joined {flags}");
        let Ran { code, stderr, .. } = ran(&mut program(&join));
        if code != 6 {
            assert_eq!(code, 0, "{stderr}");
            assert_eq!(fs::read_to_string(out.join("next.jsonl")).expect("a list"), "");
            return round;
        }
        assert!(stderr.contains("no part yet") && stderr.contains("--next"), "{stderr}");
        prints(0, &format!("collect {at}/next.jsonl --parts {at}/parts"));
    }
    panic!("no end of rounds");
}

#[test]
fn a_run_in_parts_writes_the_same_bytes_as_one_run() {
    for (question, n_rounds) in
        [(MAIN.to_owned(), 4), (format!("{MAIN} --ribs all"), 2), (format!("{MAIN} --collector rrc00,route-views2"), 4)]
    {
        let out = folder();
        let tasks = planned(out.path(), &question);
        assert!(tasks.len() > 1, "{question}");
        let flags = "--export csv,parquet,html,png,svg";
        assert!(in_rounds(out.path(), flags) <= n_rounds, "{question}");
        prints(0, &format!("{question} --output {}/whole {flags}", out.path().display()));
        let (joined, whole) = (contents(&out.path().join("joined")), contents(&out.path().join("whole")));
        assert_eq!(joined.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>(), "{question}");
        for (name, bytes) in &joined {
            assert!(*bytes == whole[name], "{question}: {name} differs");
        }
    }
}

#[test]
fn a_worker_takes_tasks_from_standard_input_and_prints_the_names_of_their_parts() {
    let out = folder();
    let tasks = planned(out.path(), MAIN);
    let parts = out.path().join("parts");
    for _ in 0..2 {
        // The second time the part is there, and is not collected again.
        let mut child = program(&format!("collect --parts {}", parts.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        child.stdin.take().expect("a pipe").write_all(tasks[0].as_bytes()).expect("a line");
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(output.status.code(), Some(0));
        let name = String::from_utf8(output.stdout).expect("text");
        assert!(tasks[0].contains(&format!("\"task\":\"{}\"", name.trim())), "{name}");
        assert_eq!(fs::read_dir(&parts).expect("a folder").count(), 1);
        assert!(parts.join(name.trim()).join("manifest.json").is_file());
    }
}

#[test]
fn a_task_that_failed_is_a_gap_with_its_reason_and_never_an_outage() {
    let out = folder();
    let at = out.path().display();
    let tasks = planned(out.path(), &format!("{MAIN} --ribs all"));
    // Only the first collector is collected.
    fs::write(out.path().join("one.jsonl"), &tasks[0]).expect("a file");
    prints(0, &format!("collect {at}/one.jsonl --parts {at}/parts"));
    let join = format!("join {at}/tasks.jsonl --parts {at}/parts");
    let Ran { code, stdout, stderr } = ran(&mut program(&join));
    assert_eq!((code, stdout.as_str()), (6, ""), "{stderr}");
    assert!(stderr.contains(&format!("{} task", tasks.len() - 1)), "{stderr}");
    let document = cli::json(&format!("{join} --failed {at}/tasks.jsonl"));
    let gaps = document["coverage"]["gaps"].as_array().expect("gaps");
    let of_tasks = gaps.iter().filter(|gap| gap["detail"].as_str().is_some_and(|detail| detail.contains("failed")));
    assert_eq!(of_tasks.clone().count(), tasks.len() - 1);
    assert!(of_tasks.clone().all(|gap| gap["reason"] == "unavailable"));
    // Nothing at all was collected.
    let nothing = folder();
    let join = format!("join {at}/tasks.jsonl --parts {} --failed {at}/tasks.jsonl", nothing.path().display());
    let document = cli::json(&join);
    assert_eq!(document["outages"].as_array().map(Vec::len), Some(0));
    assert_eq!(document["answer"], "insufficient_data");
    prints(3, &join);
}

#[test]
fn a_machine_without_the_archive_says_so_instead_of_finding_every_file_missing() {
    let (out, archive) = (folder(), folder());
    prints(0, &format!("demo {}/archive", archive.path().display()));
    planned(out.path(), &MAIN.replace("data/dprk-2014", &format!("{}/archive", archive.path().display())));
    drop(archive);
    let at = out.path().display();
    let what = ["none of its", "is on this machine", "at the same path everywhere"];
    refused(1, &format!("collect {at}/tasks.jsonl --parts {at}/parts"), &what);
    assert_eq!(fs::read_dir(out.path().join("parts")).expect("a folder").count(), 0);
}

#[test]
fn a_path_that_is_no_text_is_refused_because_its_collector_would_be_missing_from_the_list() {
    let archive = folder();
    let odd = archive.path().join(OsStr::from_bytes(b"odd-\xff"));
    ran(program("demo").arg(odd.join("dprk-2014")));
    let mut plan = program("plan --tasks --asn 131279 --from 2014-12-22T12:00 --to 2014-12-23T20:00 --archive");
    let Ran { code, stdout, stderr } = ran(plan.arg(odd.join("dprk-2014")));
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains("is not UTF-8 text: rename it"), "{stderr}");
}

#[test]
fn lists_of_tasks_and_parts_are_checked() {
    let out = folder();
    let at = out.path().display();
    let tasks = planned(out.path(), MAIN);
    let parts = format!("--parts {at}/parts");
    let write = |name: &str, text: &str| fs::write(out.path().join(name), text).expect("a file");
    write("changed.jsonl", &tasks[0].replace("updates.2014", "updates.2015"));
    refused(
        2,
        &format!("collect {at}/changed.jsonl {parts}"),
        &["changed.jsonl, line 1", "was changed after it was written"],
    );
    write("other.jsonl", "\n{\"a\": 1}\n");
    refused(2, &format!("collect {at}/other.jsonl {parts}"), &["other.jsonl, line 2", "not a line of plan --tasks"]);
    write("old.jsonl", &tasks[0].replace("\"schema_version\":1", "\"schema_version\":0"));
    refused(2, &format!("join {at}/old.jsonl {parts}"), &["schema version 0", "plan again"]);
    write("empty.jsonl", "");
    refused(1, &format!("join {at}/empty.jsonl {parts}"), &["the list contains no tasks"]);
    refused(1, &format!("join {at}/none.jsonl {parts}"), &["none.jsonl"]);
    let twice = format!("{}\n{}\n", tasks[0], tasks[0]);
    write("twice.jsonl", &twice);
    refused(1, &format!("join {at}/twice.jsonl {parts}"), &["out of order or listed twice"]);
    let other = prints(0, &format!("plan {MAIN} --ribs all --tasks"));
    write("mixed.jsonl", &format!("{}\n{}\n", tasks[0], other.lines().nth(1).expect("a second task")));
    refused(1, &format!("join {at}/mixed.jsonl {parts}"), &["belongs to another run"]);
    write("elsewhere.jsonl", &tasks[0].replace("data/dprk-2014/", "data/dprk-2015/"));
    refused(2, &format!("collect {at}/elsewhere.jsonl {parts}"), &["elsewhere.jsonl, line 1", "changed"]);
    // A part that was damaged is named, and not used.
    prints(0, &format!("collect {at}/tasks.jsonl {parts}"));
    let part =
        fs::read_dir(out.path().join("parts")).expect("a folder").next().expect("a part").expect("a part").path();
    let spans = part.join("spans.parquet");
    let mut bytes = fs::read(&spans).expect("a table");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&spans, bytes).expect("a table");
    refused(1, &format!("join {at}/tasks.jsonl {parts}"), &["spans.parquet", "digest"]);
}

/// The script for Slurm, with a stand-in that runs the elements of a job array one after the other.
#[test]
fn the_script_for_job_arrays_goes_round_until_nothing_is_lacking() {
    let out = folder();
    let sbatch = out.path().join("bin/sbatch");
    fs::create_dir(out.path().join("bin")).expect("a folder");
    let stand_in = "#!/bin/sh\nfor word; do case $word in --array=1-*) n=${word#--array=1-} ;; esac; last=$word; done\n\
                    for i in $(seq 1 \"$n\"); do SLURM_ARRAY_TASK_ID=$i sh -c \"$last\" || exit 1; done\n";
    fs::write(&sbatch, stand_in).expect("a script");
    fs::set_permissions(&sbatch, fs::Permissions::from_mode(0o755)).expect("a script");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_outage-replay")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a path");
    let run = out.path().join("run");
    let mut script = Command::new(root.join("engines/slurm/outage-replay-slurm"));
    script.current_dir(root).arg(&run).args(MAIN.split_whitespace());
    cli::without_settings(&mut script);
    script.env("PATH", format!("{}:{}:{path}", out.path().join("bin").display(), program.display()));
    let Ran { code, stderr, .. } = ran(&mut script);
    assert_eq!(code, 0, "{stderr}");
    let whole = out.path().join("whole");
    prints(0, &format!("{MAIN} --output {}", whole.display()));
    assert!(contents(&run) == contents(&whole));
}

#[test]
fn a_data_set_holds_every_row_of_every_run_once() {
    let out = folder();
    let at = out.path().display();
    prints(0, &format!("{MAIN} --output {at}/first"));
    prints(0, &format!("{} --output {at}/second", MAIN.replace("--asn 131279", "--asn 64500")));
    let added = prints(0, &format!("dataset {at}/first {at}/second --into {at}/all"));
    assert_eq!(added.lines().count(), 2, "{added}");
    let all = out.path().join("all");
    let before = files_below(&all);
    for table in fs::read_dir(out.path().join("first")).expect("a folder").flatten() {
        let name = table.file_name().into_string().expect("a name");
        let Some(table) = name.strip_suffix(".parquet") else { continue };
        let rows = |run: &str| golden::frame(&fs::read(out.path().join(run).join(&name)).expect("a table")).height();
        let parts = before.iter().filter(|(path, _)| path.starts_with(&format!("{table}/")));
        let in_parts: usize = parts.map(|(_, bytes)| golden::frame(bytes).height()).sum();
        assert_eq!(in_parts, rows("first") + rows("second"), "{table}");
    }
    let days: Vec<&String> =
        before.keys().filter(|path| path.starts_with("spans/date=2014-12-22/collector=rrc00/")).collect();
    assert_eq!(days.len(), 2, "one file for each run");
    let frame = golden::frame(&before[days[0]]);
    assert!(frame.column("run").is_ok() && frame.column("collector").is_err());
    // A run that is added again changes nothing.
    prints(0, &format!("dataset {at}/first --into {at}/all"));
    assert!(files_below(&all) == before);
    // What is damaged is not added.
    let outages = out.path().join("second/outages.parquet");
    let mut bytes = fs::read(&outages).expect("a table");
    bytes[100] ^= 1;
    fs::write(&outages, bytes).expect("a file");
    refused(1, &format!("dataset {at}/second --into {at}/other"), &["outages.parquet", "its digest does not match"]);
    prints(0, &format!("{MAIN} --output {at}/page --export html"));
    refused(1, &format!("dataset {at}/page --into {at}/other"), &["without --export parquet"]);
    refused(2, &format!("dataset {at}/first"), &["--into <DIR>"]);
}

/// Every file below a folder, by path.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => {
                    let name = path.strip_prefix(folder).expect("inside").display().to_string();
                    files.insert(name, fs::read(path).expect("a file"));
                }
            }
        }
    }
    files
}
