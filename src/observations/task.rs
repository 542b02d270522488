//! A task: the part of a run that is about one collector, as one line of JSON that any machine can work on.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SCHEMA_VERSION, TOOL};
use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::bgp::{Collector, Prefix, Project};
use crate::coverage::ListingSource;
use crate::error::Error;
use crate::files::sha256;
use crate::query::Query;
use crate::time::{Timestamp, Window};

/// How many digits of its digest name a task.
const ID_DIGITS: usize = 16;
/// And how many characters of the collector's name.
const MAX_COLLECTOR: usize = 64;

/// The part of a run that is about one collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The collector.
    pub collector: Collector,
    /// The project whose layout its files have.
    pub project: Project,
    /// The question of the whole run.
    pub query: Query,
    /// Which catalog listed the files.
    pub listing: ListingSource,
    /// Prefixes of the ASes asked about that other collectors have revealed, sorted.
    pub prefixes: Vec<Prefix>,
    /// The names of the RIB dumps that findings need, once for each time that the replay begins again with more of them.
    pub ribs: Vec<BTreeSet<String>>,
    /// The names of older RIB dumps that are read for the baseline alone, in the order in which they are read.
    pub older: Vec<String>,
    /// Every listed file of the collector that may matter, with what its archive says about it.
    pub files: Vec<(ArchiveFile, Vec<String>)>,
}

/// A line of a list of tasks.
#[derive(Serialize, Deserialize)]
struct Line {
    schema_version: u32,
    tool: String,
    /// The name of the task, which contains the digest of `body`.
    task: String,
    body: Body,
}

/// A [`Task`] as it is written.
#[derive(Serialize, Deserialize)]
struct Body {
    collector: Collector,
    project: Project,
    query: Query,
    listing: ListingSource,
    prefixes: Vec<Prefix>,
    ribs: Vec<BTreeSet<String>>,
    older: Vec<String>,
    /// What archives say about files, each note once.
    notes: Vec<String>,
    files: Vec<File>,
}

/// An [`ArchiveFile`] as it is written.
#[derive(Serialize, Deserialize)]
struct File {
    name: String,
    kind: DumpKind,
    named_at: Timestamp,
    at: Location,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lasts_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    records: Option<Window>,
    /// Indices of notes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<usize>,
}

impl Task {
    /// Returns its name: the collector, and a digest of everything that decides what the task observes.
    pub fn name(&self) -> String {
        name_of(&Body::from(self))
    }

    /// Returns it as one line of JSON, without a line end.
    pub fn to_line(&self) -> String {
        let body = Body::from(self);
        let line = Line { schema_version: SCHEMA_VERSION, tool: TOOL.to_string(), task: name_of(&body), body };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Parses a line of a list of tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Task`] if it is no task, another version wrote it, or it was changed.
    pub fn parse(line: &str) -> Result<Task, Error> {
        #[derive(Deserialize)]
        struct Head {
            schema_version: u32,
            tool: String,
        }
        let wrong = |error: serde_json::Error| Error::Task { why: format!("not a line of plan --tasks: {error}") };
        let head: Head = serde_json::from_str(line).map_err(wrong)?;
        if head.schema_version != SCHEMA_VERSION {
            let Head { schema_version, tool } = head;
            let why = format!(
                "{tool} wrote schema version {schema_version}, and this version reads schema version {SCHEMA_VERSION}: plan again"
            );
            return Err(Error::Task { why });
        }
        let line: Line = serde_json::from_str(line).map_err(wrong)?;
        if line.task != name_of(&line.body) {
            return Err(Error::Task { why: format!("the line of {} was changed after it was written", line.task) });
        }
        Ok(line.body.into())
    }

    /// Returns its files.
    pub fn archive_files(&self) -> Vec<ArchiveFile> {
        self.files.iter().map(|(file, _)| file.clone()).collect()
    }
}

fn name_of(body: &Body) -> String {
    let digest = sha256(serde_json::to_string(body).unwrap_or_default().as_bytes());
    // The name is that of a folder, and the task may come from anywhere.
    let is_safe = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let collector = body.collector.name().chars().map(|c| if is_safe(c) { c } else { '_' });
    let collector: String = collector.take(MAX_COLLECTOR).collect();
    format!("{}-{}", collector.trim_start_matches('.'), &digest[..ID_DIGITS])
}

impl From<&Task> for Body {
    fn from(task: &Task) -> Body {
        let mut notes: Vec<String> = Vec::new();
        let mut index_of = |note: &String| {
            notes.iter().position(|known| known == note).unwrap_or_else(|| {
                notes.push(note.clone());
                notes.len() - 1
            })
        };
        let files = task.files.iter().map(|(file, notes)| File {
            name: file.name.clone(),
            kind: file.kind,
            named_at: file.named_at,
            at: file.location.clone(),
            lasts_seconds: file.lasts.map(|lasts| lasts.as_secs()),
            records: file.records,
            notes: notes.iter().map(&mut index_of).collect(),
        });
        let files = files.collect();
        Body {
            collector: task.collector.clone(),
            project: task.project,
            query: task.query.clone(),
            listing: task.listing.clone(),
            prefixes: task.prefixes.clone(),
            ribs: task.ribs.clone(),
            older: task.older.clone(),
            notes,
            files,
        }
    }
}

impl From<Body> for Task {
    fn from(body: Body) -> Task {
        let Body { collector, project, query, listing, prefixes, ribs, older, notes, files } = body;
        let file = |file: File| {
            let notes = file.notes.iter().filter_map(|index| notes.get(*index).cloned()).collect();
            let file = ArchiveFile {
                collector: collector.clone(),
                named_at: file.named_at,
                kind: file.kind,
                project,
                name: file.name,
                location: file.at,
                lasts: file.lasts_seconds.map(Duration::from_secs),
                records: file.records,
            };
            (file, notes)
        };
        let files = files.into_iter().map(file).collect();
        Task { collector, project, query, listing, prefixes, ribs, older, files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Target;

    fn task(collector: &str) -> Task {
        let window = Window::new(Timestamp::from_secs(0), Timestamp::from_secs(1)).unwrap();
        let target: Prefix = "192.0.2.0/24".parse().unwrap();
        Task {
            collector: Collector::new(collector),
            project: Project::RipeRis,
            query: Query::new(vec![Target::Prefix(target, crate::query::Match::Exact)], window),
            listing: ListingSource::default(),
            prefixes: Vec::new(),
            ribs: Vec::new(),
            older: Vec::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn a_task_names_a_folder_below_another_one_whatever_its_collector_is_called() {
        for (collector, begins) in
            [("rrc00", "rrc00-"), ("../../etc", "_.._etc-"), ("/tmp/x", "_tmp_x-"), ("a\\b\n", "a_b_-")]
        {
            let name = task(collector).name();
            assert!(name.starts_with(begins) && name.len() == begins.len() + ID_DIGITS, "{name}");
        }
        assert!(task(&"x".repeat(1000)).name().len() < 100);
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_not_otherwise() {
        let line = task("rrc00").to_line();
        assert_eq!(Task::parse(&line).unwrap(), task("rrc00"));
        assert!(Task::parse(&line.replace("192.0.2.0/24", "198.51.100.0/24")).is_err());
        assert!(Task::parse(&line[..line.len() / 2]).is_err());
    }
}
