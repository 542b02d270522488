//! Outages, timelines and coverage as tables, documents and files.
//!
//! Everything here is presentation: no finding depends on it. [`FORMATS`] lists what can be printed, [`EXPORTS`] what can be
//! written; to add a format, write a function in a file of its own and add a row to `exporters.rs`.

mod compare;
mod drawing;
mod evidence;
mod exporters;
mod frames;
mod headlines;
mod html;
mod json;
mod labels;
mod layers;
mod markdown;
mod output;
mod picture;
mod printable;
mod question;
mod quiet;
mod rows;
mod sureness;
mod survey;
mod table;
mod targets;
mod text;
mod text_page;
mod troubles;
mod witnesses;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::bgp::{Collector, Family, PerFamily, Prefix, Project, VantagePoint};
use crate::coverage::{FileReading, Gap, GapReason, ListingSource, Verdict};
use crate::detect::{Findings, Skew, SpaceTimeline, Subject};
use crate::observations::Source;
use crate::query::{Criteria, GroupSource, Query, RegisteredBy, Target};
use crate::replay::{ControlSample, Replay};
use crate::time::{Timestamp, Window};
use crate::visibility::{FullFeedRule, KnownSpan, LiveFeeds, SessionSpan, Timeline, View};

pub use compare::{Comparison, compare};
pub use evidence::evidence_frames;
pub use exporters::{EXPORTS, Export, FORMATS, Format};
pub use frames::{coverage_frame, episode_frame, event_frame, flap_frame, loss_frame, outage_frame, timeline_frames};
pub use html::html;
pub use json::{document, lines};
pub use labels::{AsNames, Labels, PictureForm, PictureWidth};
pub use markdown::markdown;
pub use output::{check_folder, exports_of, read_criteria, result_files, write};
pub use picture::svg;
#[cfg(feature = "pictures")]
pub use picture::{pdf, png};
pub use printable::printable;
pub use quiet::verdict;
pub use survey::{SURVEY_FORMATS, SurveyFormat, check_survey_folder, survey_document, write_survey};
pub use table::{explain, find_outage, table};
pub use targets::target_frame;
pub use text_page::Style;
pub use troubles::Doubts;

/// The question, and every threshold that the answer depends on.
#[derive(Clone, Debug, Serialize)]
pub struct Parameters {
    /// The query.
    #[serde(flatten)]
    pub query: Query,
    /// The criteria by which it was judged.
    #[serde(flatten)]
    pub criteria: Criteria,
}

impl Parameters {
    /// Returns the window of the query.
    pub fn window(&self) -> Window {
        self.query.window
    }
}

/// How well one target could be observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The target.
    pub target: Target,
    /// The number of its prefixes.
    pub n_prefixes: usize,
    /// Those that no RIB dump contains and no vantage point carried for long: new, transient, or never announced.
    pub never_carried: Vec<Prefix>,
    /// The number of prefixes that could be judged at any time of the window.
    pub n_judged: usize,
    /// Falls that were too short to be outages and left at most one in twenty of the peer ASes that saw the target.
    pub n_total_flaps: usize,
    /// Parts of the window in which the data do not suffice to judge the target.
    pub unobserved: Vec<Window>,
}

impl Summary {
    /// Whether the data suffice to judge the target over the whole window.
    pub fn is_sufficient(&self) -> bool {
        self.unobserved.is_empty() && self.n_prefixes > self.never_carried.len()
    }

    /// Returns the total time in which the data do not suffice to judge the target.
    pub fn unobserved_time(&self) -> Duration {
        self.unobserved.iter().map(Window::duration).sum()
    }
}

/// What one collector contributed.
#[derive(Clone, Debug)]
pub struct CollectorCoverage {
    /// The collector.
    pub collector: Collector,
    /// Its files.
    pub source: Source,
    /// The project that publishes its files. None if it is not a collector of RIPE RIS or RouteViews.
    pub publisher: Option<Project>,
    /// Peers that its files name.
    pub n_peers: usize,
    /// Peers in the collector's own AS (iBGP).
    pub n_internal: usize,
    /// Peers that were full feeds at any time, IPv4 and IPv6. Without RIB dumps: peers that mention the prefixes.
    pub n_full_feeds: [usize; 2],
    /// RIB dumps used.
    pub n_rib_dumps: usize,
    /// Records whose times contradict their order.
    pub late_records: u64,
    /// Routes in a RIB dump that the updates had not shown.
    pub missed_announcements: u64,
    /// Routes that a RIB dump lacks although the updates had shown no withdrawal.
    pub missed_withdrawals: u64,
    /// The result of the control sample. None if no RIB dump contains a prefix of it.
    pub control: Option<ControlSample>,
    /// The apparent offset of its clock. None if no outage shows it.
    pub skew: Option<Skew>,
    /// Per reason: when the messages of its vantage points are uncertain.
    pub doubts: Vec<Doubts>,
}

/// An interval in which a collector's vantage points were known, or were not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageRow {
    /// The collector.
    pub collector: Collector,
    /// The interval.
    #[serde(flatten)]
    pub window: Window,
    /// Why they were not known. None if they were.
    pub reason: Option<GapReason>,
    /// Details for people.
    pub detail: String,
}

/// What the archives show, and what they do not.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Which catalog listed the files.
    pub listing: ListingSource,
    /// Per collector.
    pub collectors: Vec<CollectorCoverage>,
    /// Intervals without data, whether or not they change an answer.
    pub gaps: Vec<Gap>,
    /// Per collector and interval of the window: known or not.
    pub rows: Vec<CoverageRow>,
    /// How full feeds were distinguished from partial ones, IPv4 and IPv6.
    pub rules: PerFamily<Option<FullFeedRule>>,
    /// Whether RIB dumps seeded the replay.
    pub has_rib: bool,
    /// Distinct ASes with a usable vantage point, IPv4 and IPv6.
    pub n_peer_asns: [usize; 2],
    /// The number of live full-feed ASes over the window, IPv4 and IPv6.
    pub live_feeds: [Vec<LiveFeeds>; 2],
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There was at least one outage.
    Outage,
    /// There was no outage.
    NoOutage,
    /// No outage was found, but the data do not suffice to exclude one.
    InsufficientData,
}

impl Answer {
    /// Returns the name used in outputs.
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
    /// The query and the criteria.
    pub parameters: Parameters,
    /// The note of the archive about itself.
    pub note: Option<String>,
    /// Names and a title, which readers add.
    pub labels: Labels,
    /// Outages, episodes, lesser losses.
    pub findings: Findings,
    /// Per target.
    pub summaries: Vec<Summary>,
    /// Per prefix, sorted.
    pub timelines: Vec<Timeline>,
    /// The prefix of each timeline as findings name it: with its target and AS.
    pub subjects: Vec<Subject>,
    /// Per network among the targets and family: group, AS, or prefix that is not announced as such, but in parts.
    pub spaces: Vec<SpaceTimeline>,
    /// What each collector observed.
    pub replays: Vec<Replay>,
    /// The coverage of the data.
    pub coverage: Coverage,
    /// Every file read.
    pub files: Vec<FileReading>,
    /// Where settings came from that were not on the command line, by flag: the name of a file or a variable. For people: it
    /// changes no finding.
    pub setting_sources: BTreeMap<String, String>,
}

impl Report {
    /// Whether the data suffice to judge every target over the whole window.
    pub fn is_sufficient(&self) -> bool {
        !self.summaries.is_empty() && self.summaries.iter().all(Summary::is_sufficient)
    }

    /// Whether there is no gap, and every file was read to its end without damage. This is stricter than
    /// [`Report::is_sufficient`]: what one collector lacks, others may show.
    pub fn is_complete(&self) -> bool {
        self.coverage.gaps.is_empty() && self.files.iter().all(|file| file.verdict == Verdict::Ok)
    }

    /// Returns what all vantage points observed, side by side, as it was judged: a [`Timeline`] of the report refers to its carriers
    /// by their indices in it.
    pub fn view(&self) -> View<'_> {
        View::new(self.replays.iter().collect(), self.parameters.window(), &self.parameters.criteria)
    }

    /// Returns the name of a target beside its number or code: what the user calls it, the name of an AS, or what a country stands
    /// for. None if it has none.
    pub fn label(&self, target: &Target) -> Option<&str> {
        let query = &self.parameters.query;
        let of_users = query.labels.get(target).map(String::as_str);
        of_users.or_else(|| match target {
            Target::Asn(asn) => self.labels.names.get(*asn),
            Target::Prefix(..) => None,
            Target::Group(name) => match query.groups.get(name)?.source {
                GroupSource::List => None,
                GroupSource::Registrations { by: RegisteredBy::Address, .. } => Some("addresses registered there"),
                GroupSource::Registrations { by: RegisteredBy::Asn, .. } => Some("ASes registered there"),
            },
        })
    }

    /// Returns a target with its label: `AS64500 (EXAMPLE, ZZ)`.
    pub fn labelled(&self, target: &Target) -> String {
        match self.label(target) {
            Some(label) => format!("{target} ({label})"),
            None => target.to_string(),
        }
    }

    /// Returns the address space of every group and AS among the targets.
    pub fn networks(&self) -> impl Iterator<Item = &SpaceTimeline> {
        self.spaces.iter().filter(|space| space.subject.prefix.is_none())
    }

    /// Returns the address space of a prefix that is announced in parts. None if it is announced as such.
    pub fn aggregate(&self, prefix: Prefix) -> Option<&SpaceTimeline> {
        self.spaces.iter().find(|space| space.subject.prefix == Some(prefix))
    }

    /// Returns what each vantage point held of each prefix that was judged, whether or not the vantage point was usable. For
    /// tests and other programs: no output contains it.
    pub fn spans(&self) -> impl Iterator<Item = KnownSpan> {
        self.timelines.iter().flat_map(|timeline| self.spans_of(&timeline.prefix))
    }

    fn spans_of(&self, prefix: &Prefix) -> impl Iterator<Item = KnownSpan> + use<'_> {
        let prefix = *prefix;
        self.replays.iter().flat_map(move |replay| {
            replay.of_prefix(&prefix).iter().filter_map(move |span| {
                let collector = replay.collector.clone();
                Some(KnownSpan {
                    vantage_point: VantagePoint { collector, peer: replay.peer(span.peer) },
                    prefix,
                    window: self.before_the_end(span.from, span.to)?,
                    state: span.state.clone(),
                    evidence: span.evidence.name(),
                })
            })
        })
    }

    /// Returns the states of every session over time. For tests and other programs: no output contains it.
    pub fn sessions(&self) -> impl Iterator<Item = SessionSpan> {
        self.replays.iter().flat_map(|replay| {
            replay.sessions.iter().filter_map(|span| {
                let collector = replay.collector.clone();
                Some(SessionSpan {
                    vantage_point: VantagePoint { collector, peer: replay.peer(span.peer) },
                    family: span.family,
                    window: self.before_the_end(span.from, span.to)?,
                    state: span.state,
                })
            })
        })
    }

    /// Returns the part of an interval before the end of the window. None if it is empty: files may end later.
    fn before_the_end(&self, from: Timestamp, to: Timestamp) -> Option<Window> {
        Window::new(from, to.min(self.parameters.window().end)).ok()
    }

    /// Returns the answer in one word.
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

/// Returns the name of a family by its index in pairs: IPv4, then IPv6.
fn family_name(index: usize) -> &'static str {
    match Family::ALL.get(index) {
        Some(Family::V6) => "ipv6",
        _ => "ipv4",
    }
}

/// Rounds a share to four digits, which is the precision of a few hundred peers. Only a share of 0 becomes 0, and only a share
/// of 1 becomes 1.
fn round(share: f64) -> f64 {
    let rounded = (share * 1e4).round() / 1e4;
    if share > 0.0 && share < 1.0 { rounded.clamp(1e-4, 1.0 - 1e-4) } else { rounded }
}
