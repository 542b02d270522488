//! Every question about the random histories in parts: one task for each collector, in any order and repeated, and joined; of every ninth
//! history the parts are written and read. The result is that of a single run; what a missing part would have shown is unknown.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use outage_replay::Error;
use outage_replay::catalog::Mirror;
use outage_replay::coverage::Gap;
use outage_replay::observations::{Observations, Part, Task, has_part, read_part, write_part};
use outage_replay::pipeline::{Joined, collect_part, join, judge, tasks};
use outage_replay::query::{Query, RibChoice, Target};
use outage_replay::report::Report;

use super::history::{History, Random};
use super::questions::for_each_of;
use super::{answer_with, options, query, targets};
use crate::properties::written;

/// Histories of a usual run.
const N_HISTORIES: u64 = 1000;
/// Of so many histories one is asked about in every way, with parts as folders.
const THOROUGH: usize = 9;
/// Histories of a usual run in which tasks fail.
const N_WITH_FAILURES: u64 = 100;

/// No history needs more rounds.
const MAX_ROUNDS: usize = 20;

fn shuffled(mut tasks: Vec<Task>, random: &mut Random) -> Vec<Task> {
    for index in (1..tasks.len()).rev() {
        tasks.swap(index, random.within(0..index as i64 + 1) as usize);
    }
    tasks
}

/// The lines of tasks, as another process would read them.
fn sent(tasks: &[Task]) -> Vec<Task> {
    tasks.iter().map(|task| Task::parse(&task.to_line()).expect("a task")).collect()
}

/// Where parts are kept.
enum Parts {
    Folder(tempfile::TempDir),
    Memory(Mutex<HashMap<String, Part>>),
}

impl Parts {
    fn new(are_written: bool) -> Parts {
        match are_written {
            true => Parts::Folder(tempfile::tempdir().expect("a temporary folder")),
            false => Parts::Memory(Mutex::default()),
        }
    }

    fn load(&self, task: &Task) -> Result<Option<Part>, Error> {
        match self {
            Parts::Folder(folder) => read_part(task, folder.path()),
            Parts::Memory(parts) => Ok(parts.lock().expect("no other thread panics").get(&task.name()).cloned()),
        }
    }

    fn keep(&self, part: Part, task: &Task) -> Result<(), Error> {
        match self {
            Parts::Folder(folder) => write_part(&part, task, folder.path()),
            Parts::Memory(parts) => {
                parts.lock().expect("no other thread panics").insert(task.name(), part);
                Ok(())
            }
        }
    }
}

/// Does all tasks but those of the collectors in `failing`, round by round, and joins what they leave. Returns how many rounds it took.
fn in_parts(
    query: &Query,
    folder: &Path,
    failing: &BTreeSet<String>,
    parts: &Parts,
    random: &mut Random,
) -> Result<(Observations, usize), String> {
    let mirror = Mirror::open(folder).expect("an archive");
    let first = sent(&tasks(query, &mirror, 1, &()).map_err(|error| error.to_string())?);
    let load = |task: &Task| parts.load(task);
    let mut failed = Vec::new();
    for round in 0..MAX_ROUNDS {
        let joined = join(first.clone(), &failed, &load, 1, &()).map_err(|error| error.to_string())?;
        let lacking = match joined {
            Joined::Whole(observations) => return Ok((*observations, round)),
            Joined::Lacks(tasks) => sent(&tasks),
        };
        let fails = |task: &Task| failing.contains(task.collector.name());
        failed.extend(lacking.iter().filter(|task| fails(task)).cloned());
        for task in shuffled(lacking, random).into_iter().filter(|task| !fails(task)) {
            let part = collect_part(&task, None, 1, &()).map_err(|error| error.to_string())?;
            parts.keep(part, &task).map_err(|error| error.to_string())?;
            if random.within(0..4) == 0 {
                let again = collect_part(&task, None, 2, &()).map_err(|error| error.to_string())?;
                let stored = parts.load(&task).map_err(|error| error.to_string())?.expect("a part");
                assert_eq!(again.record, stored.record, "a task that is done twice");
                if let Parts::Folder(folder) = parts {
                    assert!(parts.keep(again, &task).is_err() && has_part(&task, folder.path()));
                } else {
                    parts.keep(again, &task).expect("in memory the second replaces the first");
                }
            }
        }
    }
    Err(format!("more than {MAX_ROUNDS} rounds"))
}

fn difference(found: &Report, expected: &Report) -> Option<String> {
    let (found, expected) = (written(found), written(expected));
    let (found, expected) = found.iter().zip(&expected).find(|(found, expected)| found != expected)?;
    let place = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| text.get(place.saturating_sub(200)..).unwrap_or(text).chars().take(400).collect::<String>();
    Some(format!("in parts: ...{}\nin one run: ...{}", part(found), part(expected)))
}

/// Questions in which collectors send for more from each other: about an AS, with few RIB dumps.
fn asked(history: &History) -> Vec<(Vec<Target>, RibChoice)> {
    let asn = vec![Target::Asn("131279".parse().expect("an AS"))];
    vec![(targets(history), RibChoice::Auto), (asn.clone(), RibChoice::Auto), (asn, RibChoice::All)]
}

#[test]
fn what_is_collected_in_parts_and_joined_is_what_a_single_run_collects() {
    let (n_histories, n_runs, n_with_more) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    for_each_of(N_HISTORIES, |history, folder| {
        let mut random = Random::new(history.window.1 as u64);
        let n = n_histories.fetch_add(1, Relaxed);
        let is_thorough = n % THOROUGH == 0;
        let mut asked = asked(history);
        if !is_thorough {
            asked = vec![asked.swap_remove(n % 3)];
        }
        for (targets, ribs) in asked {
            let expected = answer_with(history, folder, targets.clone(), history.window, (ribs, 2));
            let query = query(targets, history.window, ribs);
            let parts = Parts::new(is_thorough);
            let (observations, n_rounds) = in_parts(&query, folder, &BTreeSet::new(), &parts, &mut random)?;
            n_runs.fetch_add(1, Relaxed);
            n_with_more.fetch_add(usize::from(n_rounds > 1), Relaxed);
            let found = judge(observations, &options(history, 1)).expect("a report");
            if let Some(difference) = difference(&found, &expected) {
                return Err(format!("{ribs:?}, {n_rounds} rounds: {difference}"));
            }
        }
        Ok(())
    });
    let (n_runs, n_with_more) = (n_runs.into_inner(), n_with_more.into_inner());
    println!("{n_runs} runs in parts, {n_with_more} of more than one round");
}

#[test]
fn of_a_collector_whose_part_is_missing_nothing_is_known() {
    for_each_of(N_WITH_FAILURES, |history, folder| {
        let mut random = Random::new(history.window.1 as u64);
        let lost = history.collectors[random.within(0..history.collectors.len() as i64) as usize].name;
        let query = query(targets(history), history.window, RibChoice::All);
        let parts = Parts::new(true);
        let (observations, _) = in_parts(&query, folder, &[lost.to_owned()].into(), &parts, &mut random)?;
        let report = judge(observations, &options(history, 1)).expect("a report");
        let is_named = |gap: &Gap| gap.collector.name() == lost && gap.detail.contains("failed");
        if !report.coverage.gaps.iter().any(is_named) {
            return Err("the missing part is not among the gaps".to_owned());
        }
        if report.replays.iter().any(|replay| replay.collector.name() == lost && !replay.peers.is_empty()) {
            return Err("something is known of the collector of the missing part".to_owned());
        }
        if history.collectors.len() == 1 {
            let claims = report.findings.outages.len() + report.findings.losses.len();
            return if claims == 0 { Ok(()) } else { Err(format!("{claims} claims from nothing")) };
        }
        for file in
            Mirror::open(folder).expect("an archive").files().iter().filter(|file| file.collector.name() == lost)
        {
            std::fs::remove_file(folder.join(&file.name)).expect("a file");
        }
        let without = answer_with(history, folder, targets(history), history.window, (RibChoice::All, 1));
        let said = |report: &Report| {
            let falls = report.findings.outages.iter().map(|outage| (&outage.id, &outage.fall, outage.severity));
            format!("{:?} {:?}", falls.collect::<Vec<_>>(), report.summaries)
        };
        let (found, expected) = (said(&report), said(&without));
        if found == expected {
            Ok(())
        } else {
            Err(format!("without the part: {found}\nwithout the files: {expected}"))
        }
    });
}
