//! What the archives showed: the part of a report that no threshold changes.

use serde::Deserialize;

use crate::bgp::{Prefix, Project, VantagePoint};
use crate::coverage::{FileReading, Gap};
use crate::query::Query;
use crate::replay::Replay;
use crate::time::Window;
use crate::visibility::{KnownSpan, SessionSpan};

use super::CoverageRow;

/// Everything that was collected to answer a question; to judge it, no archive is needed any more.
#[derive(Clone, Debug)]
pub struct Observations {
    /// The question.
    pub query: Query,
    /// What the archive says about itself.
    pub note: Option<String>,
    /// Per collector, by name.
    pub replays: Vec<Replay>,
    /// Per collector, in the same order.
    pub sources: Vec<Source>,
    /// Stretches without data, whatever became of them.
    pub gaps: Vec<Gap>,
    /// Per collector and stretch of the window: known or not.
    pub rows: Vec<CoverageRow>,
    /// Every file read; records are referred to by its place here.
    pub files: Vec<FileReading>,
}

/// What one collector's archive consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Whose it is.
    pub project: Project,
    /// Update files read.
    pub n_update_files: usize,
    /// RIB dumps that may not be trusted as tables.
    pub n_rib_dumps_rejected: usize,
    /// Stretches of bytes in update files that belong to no record.
    pub n_skipped_ranges: usize,
    /// How many bytes those are.
    pub skipped_bytes: u64,
}

/// Everything known of a prefix, vantage point by vantage point, usable or not.
pub(super) fn spans<'a>(replays: &'a [Replay], prefix: &Prefix) -> impl Iterator<Item = KnownSpan> + use<'a> {
    let prefix = *prefix;
    replays.iter().flat_map(move |replay| {
        replay.of_prefix(&prefix).iter().filter_map(move |span| {
            let collector = replay.collector.clone();
            Some(KnownSpan {
                vantage_point: VantagePoint { collector, peer: replay.peer(span.peer) },
                prefix,
                window: Window::new(span.from, span.to).ok()?,
                state: span.state.clone(),
                evidence: span.evidence.name(),
            })
        })
    })
}

/// The state of every session over time.
pub(super) fn sessions(replays: &[Replay]) -> impl Iterator<Item = SessionSpan> {
    replays.iter().flat_map(|replay| {
        replay.sessions.iter().filter_map(|span| {
            let collector = replay.collector.clone();
            Some(SessionSpan {
                vantage_point: VantagePoint { collector, peer: replay.peer(span.peer) },
                family: span.family,
                window: Window::new(span.from, span.to).ok()?,
                state: span.state,
            })
        })
    })
}
