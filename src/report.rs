//! Outages, timelines and coverage as tables, documents and files. Decides nothing.

mod drawing;
mod earlier;
mod evidence;
mod frames;
mod html;
mod json;
mod markdown;
mod observations;
mod observed;
mod output;
mod picture;
mod quiet;
mod rows;
mod sureness;
mod table;
mod text;
mod troubles;
mod witnesses;
mod words;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bgp::{Collector, Family, PerFamily, Prefix, Project};
use crate::coverage::{FileReading, Gap, GapReason, Verdict};
use crate::detect::{AsnTimeline, Findings, Skew};
use crate::query::{Criteria, Match, Metric, Query, Target};
use crate::replay::{ControlSample, Replay};
use crate::time::{Timestamp, Window};
use crate::visibility::{FullFeedRule, KnownSpan, LiveFeeds, SessionSpan, Timeline};

pub use earlier::{Earlier, read};
pub use evidence::evidence_frames;
pub use frames::{Frames, coverage_frame, outage_frame, timeline_frames};
pub use html::html;
pub use json::{document, lines};
pub use markdown::markdown;
pub use observations::{Observations, Source};
pub use observed::{doubt_frame, peer_frame, rib_entry_frames, rib_table_frame, span_frames};
pub use output::{Export, check_folder, outages_csv, write};
pub use picture::{png, svg};
pub use quiet::verdict;
pub use table::{Style, explain, find_outage, table};
pub use text::steers;
pub use troubles::Doubts;

/// This program and the parser that it trusts with MRT records.
pub const TOOL: Tool = Tool {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    parser: concat!("bgpkit-parser ", env!("OUTAGE_REPLAY_PARSER")),
};

/// What made a report.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tool {
    /// The program.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The MRT parser and its version.
    pub parser: &'static str,
}

/// The question, and every threshold that the answer depends on.
#[derive(Clone, Debug, Serialize)]
pub struct Parameters {
    /// What was asked about.
    pub targets: Vec<Target>,
    /// Which prefixes a prefix target stands for.
    #[serde(rename = "match")]
    pub matching: Option<Match>,
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window, not included.
    pub to: Timestamp,
    /// Only these collectors, if any were chosen.
    pub collectors: Vec<Collector>,
    /// Only this project, if one was chosen.
    pub project: Option<Project>,
    /// How far before the window RIB dumps were read for the baseline, in seconds.
    pub baseline_seconds: u64,
    /// What it was judged by.
    #[serde(flatten)]
    pub criteria: Criteria,
}

impl Parameters {
    /// The parameters of a run.
    pub fn new(query: &Query, criteria: &Criteria) -> Parameters {
        let matching = query.targets.iter().find_map(|target| match target {
            Target::Prefix(_, matching) => Some(*matching),
            Target::Asn(_) => None,
        });
        Parameters {
            targets: query.targets.clone(),
            matching,
            from: query.window.start,
            to: query.window.end,
            collectors: query.collectors.clone(),
            project: query.project,
            baseline_seconds: query.baseline.as_secs(),
            criteria: *criteria,
        }
    }

    /// The window asked about.
    pub fn window(&self) -> Window {
        Window { start: self.from, end: self.to }
    }
}

/// How well one target could be observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The target.
    pub target: Target,
    /// Prefixes that it stands for.
    pub n_prefixes: usize,
    /// Those that no RIB dump shows and nobody carried for long: new, transient, or never announced.
    pub never_carried: Vec<Prefix>,
    /// How many could be judged at any time of the window.
    pub n_judged: usize,
    /// Falls of the target that were too short to be outages, and that left at most one in twenty of those who saw it.
    pub n_total_flaps: usize,
    /// Parts of the window in which the data do not suffice to judge it.
    pub unobserved: Vec<Window>,
}

impl Summary {
    /// Whether the data suffice to judge the target over the whole window.
    pub fn is_sufficient(&self) -> bool {
        self.unobserved.is_empty() && self.n_prefixes > self.never_carried.len()
    }

    /// Total time in which they do not.
    pub fn unobserved_time(&self) -> Duration {
        self.unobserved.iter().map(Window::duration).sum()
    }
}

/// What one collector contributed.
#[derive(Clone, Debug)]
pub struct CollectorCoverage {
    /// Who.
    pub collector: Collector,
    /// Whose.
    pub project: Project,
    /// Peers that its files mention.
    pub n_peers: usize,
    /// Those of the collector's own AS (iBGP).
    pub n_internal: usize,
    /// Those that were full feeds at any time (without RIB dumps: that mention the prefixes), IPv4 and IPv6.
    pub n_full_feeds: [usize; 2],
    /// RIB dumps used.
    pub n_rib_dumps: usize,
    /// RIB dumps that may not be trusted as tables.
    pub n_rib_dumps_rejected: usize,
    /// Update files read.
    pub n_update_files: usize,
    /// Messages older than what was already known: not applied.
    pub late_records: u64,
    /// Routes in a RIB dump that the updates had not shown.
    pub missed_announcements: u64,
    /// Routes that a RIB dump lacks and whose withdrawal the updates had not shown.
    pub missed_withdrawals: u64,
    /// Stretches of bytes in update files that belong to no record.
    pub n_skipped_ranges: usize,
    /// How many bytes those are.
    pub skipped_bytes: u64,
    /// What the control sample shows; nothing where no RIB dump lists a prefix of it.
    pub control: Option<ControlSample>,
    /// How far its clock seems to be off, where outages show it.
    pub skew: Option<Skew>,
    /// Per reason: when what its vantage points said is uncertain.
    pub doubts: Vec<Doubts>,
}

/// A stretch in which a collector's vantage points were known, or were not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// Whose.
    pub collector: Collector,
    /// When.
    #[serde(flatten)]
    pub window: Window,
    /// Why they were not known; nothing when they were.
    pub reason: Option<GapReason>,
    /// What exactly, for a person.
    pub detail: String,
}

/// What the archives did and did not show.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Per collector.
    pub collectors: Vec<CollectorCoverage>,
    /// Stretches without data, whatever became of them.
    pub gaps: Vec<Gap>,
    /// Per collector and stretch of the window: known or not.
    pub rows: Vec<CoverageRow>,
    /// How full feeds were told from partial ones, IPv4 and IPv6.
    pub rules: PerFamily<Option<FullFeedRule>>,
    /// Whether RIB dumps seeded the replay.
    pub has_rib: bool,
    /// Distinct ASes with a usable vantage point, IPv4 and IPv6.
    pub n_peer_asns: [usize; 2],
    /// How many of the full-feed ASes were live, over the window, IPv4 and IPv6.
    pub live_feeds: [Vec<LiveFeeds>; 2],
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There was at least one outage.
    Outage,
    /// There was none.
    NoOutage,
    /// None was found, and the data do not suffice to say that there was none.
    InsufficientData,
}

impl Answer {
    /// The name used in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Answer::Outage => "outage",
            Answer::NoOutage => "no_outage",
            Answer::InsufficientData => "insufficient_data",
        }
    }
}

/// Everything that a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The question.
    pub parameters: Parameters,
    /// What the archive says about itself.
    pub note: Option<String>,
    /// Outages, episodes, lesser losses.
    pub findings: Findings,
    /// Per target.
    pub summaries: Vec<Summary>,
    /// Per prefix, sorted.
    pub timelines: Vec<Timeline>,
    /// Per target AS and family.
    pub asn_timelines: Vec<AsnTimeline>,
    /// What it rests on, per collector.
    pub replays: Vec<Replay>,
    /// What the data are worth.
    pub coverage: Coverage,
    /// Every file read.
    pub files: Vec<FileReading>,
}

impl Report {
    /// Whether the data suffice to judge every target over the whole window.
    pub fn is_sufficient(&self) -> bool {
        !self.summaries.is_empty() && self.summaries.iter().all(Summary::is_sufficient)
    }

    /// Whether nothing is missing: no gap, and every file was read whole. More than [`Report::is_sufficient`] asks for:
    /// what one collector lacks, others may show.
    pub fn is_complete(&self) -> bool {
        self.coverage.gaps.is_empty() && self.files.iter().all(|file| file.verdict == Verdict::Ok)
    }

    /// Per prefix that was judged: what each vantage point held, usable or not.
    pub fn spans(&self) -> impl Iterator<Item = KnownSpan> {
        let spans = self.timelines.iter().flat_map(|timeline| observations::spans(&self.replays, &timeline.prefix));
        spans.filter_map(|span| Some(KnownSpan { window: self.shown(span.window)?, ..span }))
    }

    /// Per vantage point: the states of its session.
    pub fn sessions(&self) -> impl Iterator<Item = SessionSpan> {
        let sessions = observations::sessions(&self.replays);
        sessions.filter_map(|span| Some(SessionSpan { window: self.shown(span.window)?, ..span }))
    }

    /// What of a stretch lies before the end of the window: a little more was read.
    fn shown(&self, stretch: Window) -> Option<Window> {
        Window::new(stretch.start, stretch.end.min(self.parameters.to)).ok()
    }

    /// The answer in a word.
    pub fn answer(&self) -> Answer {
        if !self.findings.outages.is_empty() {
            Answer::Outage
        } else if self.is_sufficient() {
            Answer::NoOutage
        } else {
            Answer::InsufficientData
        }
    }
}

/// Index of a family in pairs: IPv4, then IPv6.
fn family_name(index: usize) -> &'static str {
    match Family::ALL.get(index) {
        Some(Family::V6) => "ipv6",
        _ => "ipv4",
    }
}

/// Shares to four digits: more would pretend to a precision that a few hundred peers do not have. Only nothing is 0, and
/// only all is 1.
fn round(share: f64) -> f64 {
    let rounded = (share * 1e4).round() / 1e4;
    if share > 0.0 && share < 1.0 { rounded.clamp(1e-4, 1.0 - 1e-4) } else { rounded }
}
