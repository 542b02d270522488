//! What the archives showed about a query, and how it is stored in a folder. No threshold changes it: a run can be
//! judged again from its observations, without the archives.
//!
//! [`pipeline::collect`](crate::pipeline::collect) makes [`Observations`], [`write()`] stores them, [`read`] loads them,
//! and [`pipeline::judge`](crate::pipeline::judge) finds the outages in them. Observations that were written and read
//! are judged exactly like those that were never written.
//!
//! # The folder
//!
//! | file | one row per |
//! |---|---|
//! | `manifest.json` | – |
//! | `peers.parquet` | peer that the archive of a collector names |
//! | `rib_tables.parquet` | accepted RIB dump, and peer with a route in it |
//! | `rib_entries.parquet` | accepted RIB dump, selected prefix, peer and path |
//! | `spans.parquet` | interval in which a peer held a route, or held none; interval in which a session had one state |
//! | `doubts.parquet` | interval in which the messages of a peer, or of a whole collector, are uncertain |
//!
//! `docs/output.md` describes the columns. Rows of a Parquet file are sorted by collector. They name a peer by collector,
//! address and AS number, and a record by file, index and offset; the file is one of those that the manifest lists.
//!
//! `manifest.json` contains the version of the schema, the program, the query, the note of the archive, and per
//! collector what its files contributed. It lists the gaps, every archive file with its SHA-256 digest, and every other
//! file of the folder with its digest and the number of its rows; its last key is its own digest. So a damaged or incomplete
//! folder is rejected.
//!
//! The folder of a run contains these files too, beside the findings that [`report`](crate::report) adds. Its manifest
//! also contains the answer, the criteria and the coverage, which [`read`] ignores.
//!
//! A folder appears whole: it is made beside its place and renamed at the end.
//!
//! # Many machines
//!
//! A [`Task`] is the part of a run that is about one collector, and a [`Part`] is what it observed: a folder as above, whose manifest
//! has one more key. [`pipeline::tasks`](crate::pipeline::tasks) makes tasks, and [`pipeline::join`](crate::pipeline::join)
//! makes observations from their parts.

pub(crate) mod columns;
mod dataset;
mod manifest;
mod part;
mod read;
mod record;
mod task;
mod write;

use serde::{Deserialize, Serialize};

use crate::bgp::Project;
use crate::coverage::{FileReading, Gap, ListingSource};
use crate::query::Query;
use crate::replay::Replay;

pub use dataset::{DatasetTable, add_to_dataset};
pub use manifest::{COMMIT, ResultFile, SCHEMA_VERSION, TOOL, Tool};
pub(crate) use manifest::{MANIFEST, TableRows, control, manifest_collectors, result_files, sealed};
pub use part::{Part, PartRecord, has_part, read_part, write_part};
pub use read::read;
pub use record::{RunRecord, read_record};
pub use task::Task;
pub(crate) use write::{FILES, tables, write_tables};
pub use write::{doubt_frame, peer_frame, rib_entry_frames, rib_table_frame, span_frames, write};

/// Everything that was collected to answer a query.
#[derive(Clone, Debug)]
pub struct Observations {
    /// The question.
    pub query: Query,
    /// What the archive says about itself.
    pub note: Option<String>,
    /// Which catalog listed the files.
    pub listing: ListingSource,
    /// Per collector, by name.
    pub replays: Vec<Replay>,
    /// Per collector, in the same order.
    pub sources: Vec<Source>,
    /// Intervals without data, by collector and time, whether or not they change an answer.
    pub gaps: Vec<Gap>,
    /// Every file that was read. A record refers to its file by the index in this list.
    pub files: Vec<FileReading>,
}

impl Observations {
    /// Nothing was observed.
    pub(crate) fn nothing(query: Query) -> Observations {
        Observations {
            query,
            note: None,
            listing: ListingSource::default(),
            replays: Vec::new(),
            sources: Vec::new(),
            gaps: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Adds what was observed at further collectors, whose names come after those of all others.
    pub(crate) fn add(&mut self, mut other: Observations) {
        // Files are numbered as they are listed.
        let n_files = self.files.len();
        other.replays.iter_mut().for_each(|replay| replay.number_files_from(n_files));
        self.replays.append(&mut other.replays);
        self.sources.append(&mut other.sources);
        self.gaps.append(&mut other.gaps);
        self.files.append(&mut other.files);
    }
}

/// The archive files of one collector, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The project whose layout they have.
    pub project: Project,
    /// Update files that were read.
    pub n_update_files: usize,
    /// RIB dumps that were rejected as tables.
    pub n_rib_dumps_rejected: usize,
    /// Byte ranges in update files that belong to no record.
    pub n_skipped_ranges: usize,
    /// The length of these ranges together.
    pub skipped_bytes: u64,
}
