//! A quick look: what RIB dumps alone show about a few prefixes, at the times at which they were written.
//!
//! Two dumps that show a prefix say nothing about the time between them. A survey therefore finds windows in which a run may
//! find an outage, and never says that there was none.

mod candidates;
mod feeds;

use std::collections::BTreeMap;

use crate::bgp::{Collector, Peer, Prefix, Project};
use crate::fetch::ReadRange;
use crate::time::{Timestamp, Window};

pub use candidates::{Edges, LossCandidate};
use feeds::Feeds;

/// What a survey looks for.
#[derive(Clone, Debug)]
pub struct SurveyQuery {
    /// The prefixes, each by itself.
    pub prefixes: Vec<Prefix>,
    /// The time in which dumps are looked at; a dump at its very end is, too.
    pub window: Window,
    /// Only these collectors; empty for all of an archive, or the first [`SurveyQuery::MOST_COLLECTORS`] of
    /// [`SurveyQuery::PREFERRED`] that have RIB dumps.
    pub collectors: Vec<Collector>,
    /// Only the collectors of this project.
    pub project: Option<Project>,
    /// Whether files on servers may be read as a whole where prefixes cannot be looked up.
    pub whole_files: bool,
    /// Fewer full-feed ASes than this decide nothing.
    pub min_peers: usize,
}

impl SurveyQuery {
    /// How many collectors of RouteViews are looked at if the question names none.
    pub const MOST_COLLECTORS: usize = 2;
    /// Collectors of RouteViews with many full feeds, the oldest first.
    pub const PREFERRED: [&'static str; 3] = ["route-views2", "route-views.linx", "route-views.sydney"];
}

/// How a RIB dump was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookMethod {
    /// In parts.
    LookedUp,
    /// From its beginning to its end.
    WholeFile,
    /// Not at all.
    NotRead,
}

impl LookMethod {
    /// Returns the name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            LookMethod::LookedUp => "looked_up",
            LookMethod::WholeFile => "whole_file",
            LookMethod::NotRead => "not_read",
        }
    }
}

/// What one RIB dump shows.
#[derive(Clone, Debug)]
pub struct DumpLook {
    /// Its collector.
    pub collector: Collector,
    /// Its path in the publishers' layout.
    pub name: String,
    /// The time in its name.
    pub at: Timestamp,
    /// How it was read.
    pub method: LookMethod,
    /// Why it was not looked up, or shows nothing.
    pub why: Option<String>,
    /// Bytes read.
    pub bytes: u64,
    /// The length of the file in bytes. None if it is not known.
    pub file_bytes: Option<u64>,
    /// What identifies its version on the server.
    pub validator: Option<String>,
    /// The parts that were read.
    pub ranges: Vec<ReadRange>,
    /// The digest of the whole file, if it was read as a whole.
    pub sha256: Option<String>,
    /// What it shows; None if it shows nothing that can be relied on.
    pub shown: Option<DumpContent>,
}

/// The tables in a RIB dump, and who holds the prefixes.
#[derive(Clone, Debug)]
pub struct DumpContent {
    /// The number of its records of routes.
    pub n_records: u64,
    /// How many records were counted to estimate the tables, IPv4 then IPv6. None if the tables were counted.
    pub n_sampled: Option<[u64; 2]>,
    /// The size of each vantage point's table, IPv4 then IPv6.
    pub tables: Vec<(Peer, [u64; 2])>,
    /// The vantage points that hold each prefix of the question.
    pub holders: Vec<Vec<Peer>>,
}

/// Whether the dumps of one time show a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookState {
    /// At least half as widely held as usual.
    Seen,
    /// Less than that.
    Lost,
    /// Not judged.
    Unknown,
}

impl LookState {
    /// Returns the name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            LookState::Seen => "seen",
            LookState::Lost => "lost",
            LookState::Unknown => "unknown",
        }
    }
}

/// What all dumps of one time show about one prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyLook {
    /// The time in the names of the dumps.
    pub at: Timestamp,
    /// How many full-feed ASes hold the prefix.
    pub n_holders: usize,
    /// How many full-feed ASes there are.
    pub n_full_feeds: usize,
    /// The share of the former in the latter. None if the dumps do not show enough.
    pub share: Option<f64>,
    /// What this means.
    pub state: LookState,
    /// Why it is unknown.
    pub why: Option<String>,
}

/// What was seen of one prefix.
#[derive(Clone, Debug)]
pub struct PrefixSurvey {
    /// The prefix.
    pub prefix: Prefix,
    /// The share that nine of ten looks do not exceed: how widely the prefix is held at most times. None without any look.
    pub usual: Option<f64>,
    /// In order of time.
    pub looks: Vec<SurveyLook>,
    /// Where a run may find an outage.
    pub candidates: Vec<LossCandidate>,
}

impl PrefixSurvey {
    /// Whether any look shows the prefix.
    pub fn is_seen(&self) -> bool {
        self.usual.is_some_and(|usual| usual > 0.0)
    }

    /// Returns how many looks have this state.
    pub fn n_looks(&self, state: LookState) -> usize {
        self.looks.iter().filter(|look| look.state == state).count()
    }
}

/// The answer of a survey.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The question.
    pub query: SurveyQuery,
    /// Every dump, by time and collector.
    pub dumps: Vec<DumpLook>,
    /// Dumps that were due and are not listed.
    pub missing: Vec<(Collector, Timestamp)>,
    /// By prefix, in the order of the question.
    pub prefixes: Vec<PrefixSurvey>,
    /// What the archive says about its dumps.
    pub note: Option<String>,
    /// The arguments that make a run read the same archive.
    pub source: Vec<String>,
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurveyAnswer {
    /// There is at least one window to replay.
    Candidates,
    /// Every dump shows every prefix, at its time.
    NoCandidates,
    /// No window was found, and some looks are unknown, or no look shows a prefix.
    InsufficientData,
}

impl SurveyAnswer {
    /// Returns the name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            SurveyAnswer::Candidates => "candidates",
            SurveyAnswer::NoCandidates => "no_candidates",
            SurveyAnswer::InsufficientData => "insufficient_data",
        }
    }
}

/// A dump with less than this share of the records of most others of its collector ends early.
const MIN_RECORDS: f64 = 0.75;

impl Survey {
    /// Judges what the dumps show. `missing` are those that were due and are not listed.
    pub fn new(query: SurveyQuery, mut dumps: Vec<DumpLook>, missing: Vec<(Collector, Timestamp)>) -> Survey {
        dumps.sort_by(|a, b| (a.at, &a.collector).cmp(&(b.at, &b.collector)));
        reject_short(&mut dumps);
        let feeds = Feeds::new(&dumps);
        let mut times: BTreeMap<Timestamp, Vec<usize>> = BTreeMap::new();
        for (index, dump) in dumps.iter().enumerate() {
            times.entry(dump.at).or_default().push(index);
        }
        for (_, at) in &missing {
            times.entry(*at).or_default();
        }
        let prefixes = query.prefixes.iter().enumerate().map(|(n, prefix)| {
            let looks = times.iter().map(|(at, group)| {
                let group: Vec<&DumpLook> = group.iter().filter_map(|index| dumps.get(*index)).collect();
                feeds.look(*at, &group, n, prefix, query.min_peers)
            });
            candidates::judge(*prefix, looks.collect())
        });
        let prefixes = prefixes.collect();
        Survey { query, dumps, missing, prefixes, note: None, source: Vec::new() }
    }

    /// Whether every look of every prefix could be judged, and any of them shows it: how widely a prefix is held at other
    /// times is not known of one that no look shows.
    pub fn is_sufficient(&self) -> bool {
        let is_judged = |look: &SurveyLook| look.state != LookState::Unknown;
        self.prefixes.iter().all(|survey| survey.is_seen() && survey.looks.iter().all(is_judged))
    }

    /// Returns the answer in one word.
    pub fn answer(&self) -> SurveyAnswer {
        if self.prefixes.iter().any(|survey| !survey.candidates.is_empty()) {
            SurveyAnswer::Candidates
        } else if self.is_sufficient() {
            SurveyAnswer::NoCandidates
        } else {
            SurveyAnswer::InsufficientData
        }
    }

    /// Bytes read from all dumps.
    pub fn n_bytes(&self) -> u64 {
        self.dumps.iter().map(|dump| dump.bytes).sum()
    }
}

/// Rejects dumps that are much smaller than most others of their collector.
fn reject_short(dumps: &mut [DumpLook]) {
    let mut sizes: BTreeMap<Collector, Vec<u64>> = BTreeMap::new();
    for dump in dumps.iter() {
        if let Some(shown) = &dump.shown {
            sizes.entry(dump.collector.clone()).or_default().push(shown.n_records);
        }
    }
    sizes.values_mut().for_each(|sizes| sizes.sort_unstable());
    for dump in dumps {
        let Some(sizes) = sizes.get(&dump.collector) else { continue };
        let usual = sizes.get(sizes.len() / 2).copied().unwrap_or_default();
        let n = dump.shown.as_ref().map(|shown| shown.n_records);
        if let Some(n) = n.filter(|n| (*n as f64) < MIN_RECORDS * usual as f64) {
            dump.shown = None;
            dump.why = Some(format!("it has {n} records, and most dumps of {} have {usual}", dump.collector));
        }
    }
}

#[cfg(test)]
mod tests;
