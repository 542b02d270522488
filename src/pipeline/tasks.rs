//! A run in parts, on as many machines: [`tasks`] lists them, [`collect_part`] works on one, and [`join`] makes of all parts what a
//! single run would have observed.
//!
//! What has to be read at one collector may depend on what others show: prefixes of an AS that only they reveal, and the RIB dumps
//! that a finding needs. So a join may ask for further tasks, which contain the first ones. It decides as a single run does, by
//! the same functions over the same observations.

use std::collections::BTreeSet;
use std::path::{self, Path, PathBuf};
use std::thread;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::collecting::{self, Collected, Listing};
use super::collector_state::CollectorState;
use super::copies::AROUND;
use super::looking_back::LookBack;
use super::round::RoundInput;
use super::{Progress, Sources, ahead, needed_ribs};
use crate::archive::{ArchiveFile, Location};
use crate::bgp::Prefix;
use crate::catalog::{self, CollectorPlan, RibNotes};
use crate::coverage::GapReason;
use crate::error::Error;
use crate::fetch::Cache;
use crate::observations::{Observations, Part, PartRecord, Task};
use crate::query::Query;

/// Returns the tasks of a run, one for each of `listing`'s collectors.
pub(super) fn tasks(query: &Query, listing: &Listing, sources: Sources) -> Result<Vec<Task>, Error> {
    let (from, to) = (query.window.start - AROUND, query.window.end + AROUND);
    let source = sources.catalog.source();
    let task = |plan: CollectorPlan| {
        let own = listing.files.iter().filter(|file| file.collector == plan.collector);
        let own = own.filter(|file| file.records.is_some() || (file.named_at >= from && file.named_at < to));
        let files = own.map(|file| Ok((anywhere(file)?, sources.catalog.notes(file))));
        Ok(Task {
            collector: plan.collector.clone(),
            project: plan.project,
            query: query.clone(),
            listing: source.clone(),
            prefixes: Vec::new(),
            ribs: Vec::new(),
            older: Vec::new(),
            files: files.collect::<Result<_, Error>>()?,
        })
    };
    collecting::plan(query, listing)?.collectors.into_iter().map(task).collect()
}

/// The file as a process in another working directory finds it. Its path has to be text, as tasks are.
fn anywhere(file: &ArchiveFile) -> Result<ArchiveFile, Error> {
    let absolute = |path: &Path| match path::absolute(path).unwrap_or_else(|_| path.to_owned()) {
        path if path.to_str().is_some() => Ok(path),
        path => Err(Error::Task { why: format!("the path {} is not UTF-8 text: rename it", path.display()) }),
    };
    let location = match &file.location {
        Location::Local(path) => Location::Local(absolute(path)?),
        Location::Unread(path) => Location::Unread(absolute(path)?),
        location => location.clone(),
    };
    Ok(ArchiveFile { location, ..file.clone() })
}

/// A machine on which the archive is not mounted would take every file for missing.
fn check_archive(task: &Task) -> Result<(), Error> {
    let local = |file: &ArchiveFile| match &file.location {
        Location::Local(path) => Some(path.clone()),
        _ => None,
    };
    let paths: Vec<PathBuf> = task.files.iter().filter_map(|(file, _)| local(file)).collect();
    match paths.first() {
        Some(first) if !paths.iter().any(|path| path.exists()) => Err(Error::Task {
            why: format!(
                "none of its {} files is on this machine, such as {}: the archive must be at the same path everywhere",
                paths.len(),
                first.display()
            ),
        }),
        _ => Ok(()),
    }
}

/// Works on one task.
pub(super) fn collect_part(task: &Task, cache: Option<&Cache>, progress: &dyn Progress) -> Result<Part, Error> {
    check_archive(task)?;
    let (query, files) = (&task.query, task.archive_files());
    let plan = catalog::plan(query, &files, &RibNotes::default()).collectors.pop();
    let plan = plan.unwrap_or_else(|| CollectorPlan::unlisted(&task.collector, task.project, query.window));
    let mut part = read(task, plan, &files, cache, progress)?;
    part.observations.listing.remarks = cache.map(Cache::remarks).unwrap_or_default();
    Ok(part)
}

fn read(
    task: &Task,
    plan: CollectorPlan,
    files: &[ArchiveFile],
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Part, Error> {
    thread::scope(|scope| {
        let download = |files: &[ArchiveFile]| ahead::fetch(scope, files, cache, progress);
        let round = RoundInput { query: &task.query, listed: files, cache, progress, download: &download };
        let mut collected = Collected::new(&task.query, vec![plan], task.prefixes.clone()).read(round)?;
        for needed in &task.ribs {
            let needed: FxHashSet<String> = needed.iter().cloned().collect();
            collected = collected.with_ribs(vec![needed], round).read(round)?;
        }
        let older = task.older.iter().filter_map(|name| files.iter().find(|file| file.name == *name));
        let in_older = collected.read_older(round, older.map(|file| (0, file.clone())).collect())?;
        let prefixes: BTreeSet<Prefix> = collected.revealed.iter().copied().collect();
        let mut record = PartRecord {
            prefixes: prefixes.into_iter().collect(),
            in_older: in_older.into_iter().collect(),
            ..PartRecord::default()
        };
        if let [state] = &collected.states()[..] {
            let names = |files: &[&ArchiveFile]| files.iter().map(|file| file.name.clone()).collect();
            let mut spent: Vec<String> = state.spent_ribs.iter().map(|name| (*name).to_owned()).collect();
            spent.sort();
            (record.ribs, record.left_out, record.spent_ribs) = (names(&state.ribs), names(&state.left_out), spent);
        }
        let mut observations = Observations::nothing(task.query.clone());
        collected.finish().into_iter().for_each(|archive| observations.add(archive.observations(&task.query)));
        Ok(Part { observations, record })
    })
}

/// What can be made of parts.
#[derive(Debug)]
pub enum Joined {
    /// All that a single run would have observed.
    Whole(Box<Observations>),
    /// These tasks have no part yet.
    Lacks(Vec<Task>),
}

/// Makes of the parts of `tasks`, which `load` returns, what a single run would have observed. Of the collectors of tasks in `failed`
/// without a part nothing is known.
pub(super) fn join(tasks: Vec<Task>, failed: &[Task], load: &Load, progress: &dyn Progress) -> Result<Joined, Error> {
    let Some(first) = tasks.first() else { return Err(Error::Task { why: "the list contains no tasks".to_owned() }) };
    let (query, listing) = (first.query.clone(), first.listing.clone());
    if let Some(other) = tasks.iter().find(|task| task.query != query || task.listing != listing) {
        return Err(Error::Task { why: format!("{} belongs to another run than {}", other.name(), first.name()) });
    }
    if let Some(pair) = tasks.windows(2).find(|pair| pair[0].collector >= pair[1].collector) {
        return Err(Error::Task {
            why: format!("the tasks of {} are out of order or listed twice", pair[0].collector),
        });
    }
    let listed: Vec<ArchiveFile> = tasks.iter().flat_map(Task::archive_files).collect();
    let failed = failed.iter().map(Task::name).collect();
    let slots = tasks.into_iter().map(|task| Slot { task, part: None, is_lost: false }).collect();
    let mut parts = Parts { slots, failed, load };
    let mut n_looks = 0;
    loop {
        Error::if_cancelled(progress)?;
        if let Some(lacking) = parts.load(progress)? {
            return Ok(Joined::Lacks(lacking));
        }
        if parts.share_prefixes(parts.prefixes()) {
            continue;
        }
        let mut look = LookBack::default();
        while let Some(older) = look.next(&query, &listed, &parts.states()) {
            for (index, file) in older {
                parts.slots[index].change(|task| task.older.push(file.name));
            }
            if let Some(lacking) = parts.load(progress)? {
                return Ok(Joined::Lacks(lacking));
            }
        }
        let by_older: BTreeSet<Prefix> = parts.each().flat_map(|part| &part.record.in_older).copied().collect();
        if !by_older.is_empty() {
            parts.share_prefixes(parts.prefixes().into_iter().chain(by_older).collect());
            continue;
        }
        n_looks += 1;
        let needed = match collecting::takes_more_ribs(&query, n_looks) {
            true => needed_ribs::find(&query, &parts.states(), &|_| true),
            false => None,
        };
        let Some(needed) = needed else { break };
        for (slot, needed) in parts.slots.iter_mut().zip(needed).filter(|(_, needed)| !needed.is_empty()) {
            slot.change(|task| task.ribs.push(needed.into_iter().collect()));
            slot.forget_older();
        }
    }
    let mut whole = Observations { listing, ..Observations::nothing(query) };
    let mut remarks = BTreeSet::new();
    for part in parts.slots.iter_mut().filter_map(|slot| slot.part.take()) {
        remarks.extend(part.observations.listing.remarks.iter().cloned());
        whole.add(part.observations);
    }
    whole.listing.remarks.extend(remarks);
    let files = parts.slots.iter().flat_map(|slot| &slot.task.files);
    let notes = files.map(|(file, notes)| (file, notes.clone()));
    whole.note = collecting::note(notes, &whole.files);
    Ok(Joined::Whole(Box::new(whole)))
}

/// Returns the part of a task, if there is one.
pub type Load<'a> = dyn Fn(&Task) -> Result<Option<Part>, Error> + Sync + 'a;

/// One collector of a run.
struct Slot {
    task: Task,
    /// None until the part of the task is loaded.
    part: Option<Part>,
    /// Whether a task of the collector failed for good.
    is_lost: bool,
}

/// The collectors of a run, and their parts as far as these were loaded.
struct Parts<'a> {
    slots: Vec<Slot>,
    /// The names of the tasks that failed for good.
    failed: FxHashSet<String>,
    load: &'a Load<'a>,
}

impl Slot {
    /// Changes the task, whose part is then another one.
    fn change(&mut self, change: impl FnOnce(&mut Task)) {
        change(&mut self.task);
        self.part = None;
    }

    /// Older RIB dumps were read for the prefixes and RIB dumps that were known then.
    fn forget_older(&mut self) {
        if !self.task.older.is_empty() {
            self.change(|task| task.older.clear());
        }
    }
}

impl Parts<'_> {
    /// Loads the parts that are not loaded yet. Returns the tasks that are still to be done.
    fn load(&mut self, progress: &dyn Progress) -> Result<Option<Vec<Task>>, Error> {
        let Parts { slots, failed, load } = self;
        let load = |slot: &mut Slot| -> Result<(), Error> {
            if slot.part.is_none() && !slot.is_lost {
                slot.part = load(&slot.task)?;
                slot.is_lost = slot.part.is_none() && failed.contains(&slot.task.name());
            }
            if slot.part.is_none() && slot.is_lost {
                slot.part = Some(unknown(&slot.task, progress)?);
            }
            Ok(())
        };
        slots.par_iter_mut().map(load).collect::<Vec<_>>().into_iter().collect::<Result<(), Error>>()?;
        let lacking = slots.iter().filter(|slot| slot.part.is_none()).map(|slot| slot.task.clone());
        let lacking: Vec<Task> = lacking.collect();
        Ok((!lacking.is_empty()).then_some(lacking))
    }

    /// Every part, by collector.
    fn each(&self) -> impl Iterator<Item = &Part> {
        self.slots.iter().filter_map(|slot| slot.part.as_ref())
    }

    /// The prefixes of the ASes asked about that any part reveals.
    fn prefixes(&self) -> BTreeSet<Prefix> {
        self.each().flat_map(|part| &part.record.prefixes).copied().collect()
    }

    /// Adds `prefixes` to the tasks whose parts were not read for all of them. Returns whether there are any.
    fn share_prefixes(&mut self, prefixes: BTreeSet<Prefix>) -> bool {
        let lacks = |slot: &Slot| {
            let n_known = slot.part.as_ref().map_or(0, |part| part.record.prefixes.len());
            !slot.is_lost && n_known < prefixes.len()
        };
        let grows = self.slots.iter().any(lacks);
        for slot in self.slots.iter_mut().filter(|_| grows) {
            if lacks(slot) {
                slot.change(|task| task.prefixes = prefixes.iter().copied().collect());
            }
            slot.forget_older();
        }
        grows
    }

    fn states(&self) -> Vec<CollectorState<'_>> {
        self.slots.iter().filter_map(|slot| Some(state(&slot.task, slot.part.as_ref()?))).collect()
    }
}

fn state<'a>(task: &'a Task, part: &'a Part) -> CollectorState<'a> {
    let files: FxHashMap<&str, &ArchiveFile> = task.files.iter().map(|(file, _)| (file.name.as_str(), file)).collect();
    let of_names = |names: &[String]| -> Vec<&ArchiveFile> {
        names.iter().filter_map(|name| files.get(name.as_str()).copied()).collect()
    };
    CollectorState {
        name: &task.collector,
        ribs: of_names(&part.record.ribs),
        left_out: of_names(&part.record.left_out),
        spent_ribs: part.record.spent_ribs.iter().map(String::as_str).collect(),
        replay: part.observations.replays.first(),
    }
}

/// The part of a task that failed: nothing is known of its collector.
fn unknown(task: &Task, progress: &dyn Progress) -> Result<Part, Error> {
    let detail = format!("the task {} failed", task.name());
    let window = task.query.window;
    let plan = CollectorPlan::without_files(&task.collector, task.project, window, GapReason::Unavailable, detail);
    let task = Task { ribs: Vec::new(), older: Vec::new(), files: Vec::new(), ..task.clone() };
    read(&task, plan, &[], None, progress)
}
