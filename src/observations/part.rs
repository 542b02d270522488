//! A part: what one [`Task`] observed, as a folder.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::manifest::{TOOL, read_manifest};
use super::{Observations, Task, read, write};
use crate::bgp::Prefix;
use crate::error::Error;

/// What one [`Task`] observed.
#[derive(Clone, Debug)]
pub struct Part {
    /// What was observed at the collector.
    pub observations: Observations,
    /// What decides about further tasks.
    pub record: PartRecord,
}

/// What a task leaves behind beside observations: it decides about further tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// The RIB dumps of its plan, by name.
    pub ribs: Vec<String>,
    /// The RIB dumps inside the window that are not in its plan, by name.
    pub left_out: Vec<String>,
    /// The RIB dumps that were read and used, or are not to be relied on, by name.
    pub spent_ribs: Vec<String>,
    /// The prefixes of the ASes asked about that were looked for, sorted.
    pub prefixes: Vec<Prefix>,
    /// Further prefixes of theirs that only older RIB dumps reveal, sorted.
    pub in_older: Vec<Prefix>,
}

/// The key of a part in the manifest of its folder.
const PART: &str = "part";

#[derive(Serialize, Deserialize)]
struct PartHead {
    task: String,
    tool: String,
    record: PartRecord,
}

/// Stores a part in a folder named after its task, below `parts`. It appears whole or not at all.
///
/// # Errors
///
/// If the folder exists, or a file cannot be written.
pub fn write_part(part: &Part, task: &Task, parts: &Path) -> Result<(), Error> {
    let name = task.name();
    let folder = parts.join(&name);
    let head = PartHead { task: name, tool: TOOL.to_string(), record: part.record.clone() };
    let head: Value = serde_json::to_value(&head).unwrap_or_default();
    write::write_with(&part.observations, &folder, Some((PART, head)))
}

/// Whether a folder below `parts` is named after a task.
pub fn has_part(task: &Task, parts: &Path) -> bool {
    parts.join(task.name()).exists()
}

/// Reads the part of a task. None if there is no folder of its name below `parts`.
///
/// # Errors
///
/// If it is damaged, or another version wrote it.
pub fn read_part(task: &Task, parts: &Path) -> Result<Option<Part>, Error> {
    #[derive(Deserialize)]
    struct WithPart {
        part: Option<PartHead>,
    }
    let name = task.name();
    let folder = parts.join(&name);
    if !folder.exists() {
        return Ok(None);
    }
    let wrong = |why: String| Error::Run { path: folder.clone(), why };
    let WithPart { part } = read_manifest(&folder)?;
    let head = part.ok_or_else(|| wrong("it is not a part: collect did not write it".to_owned()))?;
    if head.task != name {
        return Err(wrong(format!("it is the part of {}", head.task)));
    }
    if head.tool != TOOL.to_string() {
        return Err(wrong(format!("{} wrote it, and this is {TOOL}: collect it again", head.tool)));
    }
    Ok(Some(Part { observations: read(&folder)?, record: head.record }))
}
