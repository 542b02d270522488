//! The question, and by what criteria it is answered.

mod group;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bgp::{Asn, Collector, Prefix, Project};
use crate::time::{Timestamp, Window};

pub use group::{Group, GroupName, GroupSource, MAX_GROUP_NAME, ParseGroupNameError, RegisteredBy, RegistryFile};

/// Which prefixes a prefix target stands for.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// The prefix alone.
    Exact,
    /// The prefix and everything inside it.
    #[default]
    MoreSpecific,
    /// The prefix and every prefix that covers it.
    LessSpecific,
    /// All of these.
    Any,
}

impl Match {
    /// Returns those of the sorted `prefixes` that a question about `asked` includes: `asked` itself, the prefixes inside it in
    /// order, and those that cover it, the shortest first.
    pub fn select(self, asked: Prefix, prefixes: &[Prefix]) -> Vec<Prefix> {
        let is_known = |prefix: &Prefix| prefixes.binary_search(prefix).is_ok();
        let mut selected: Vec<Prefix> = Some(asked).into_iter().filter(is_known).collect();
        if self.includes_more_specific() {
            // More-specific prefixes sort directly after the prefix that contains them.
            let after = &prefixes[prefixes.partition_point(|prefix| *prefix <= asked)..];
            selected.extend(after.iter().copied().take_while(|prefix| asked.contains(prefix)));
        }
        if self.includes_less_specific() {
            selected.extend((0..asked.len()).map(|length| asked.shortened_to(length)).filter(is_known));
        }
        selected
    }

    /// Whether the prefixes inside the prefix are meant.
    pub const fn includes_more_specific(self) -> bool {
        matches!(self, Match::MoreSpecific | Match::Any)
    }

    /// Whether the prefixes that cover the prefix are meant.
    pub const fn includes_less_specific(self) -> bool {
        matches!(self, Match::LessSpecific | Match::Any)
    }
}

/// What a query asks about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// Every prefix that this AS originates in any RIB dump or update that is read.
    Asn(Asn),
    /// A prefix and, by the match, its relatives.
    Prefix(Prefix, Match),
    /// Networks that are judged together: a group of [`Query::groups`].
    Group(GroupName),
}

impl Target {
    /// Whether it is this prefix.
    pub fn is_prefix(&self, prefix: Prefix) -> bool {
        matches!(self, Target::Prefix(own, _) if *own == prefix)
    }

    /// Returns its name as one word, as it stands in the names of outages.
    pub fn word(&self) -> String {
        match self {
            Target::Group(name) => name.word(),
            Target::Asn(_) | Target::Prefix(..) => self.to_string(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Asn(asn) => asn.fmt(f),
            Target::Prefix(prefix, _) => prefix.fmt(f),
            Target::Group(name) => name.fmt(f),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which of the RIB dumps inside a window are read. The last one before the window, from which the replay starts, and the first
/// one after it are always read. If there is none before, the first one inside is; if there is none after, the last one inside.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum RibChoice {
    /// As many as [`RibChoice::spacing`] demands, the first one after each gap, and those next to and inside an outage that was
    /// found.
    #[default]
    Auto,
    /// Every one.
    All,
    /// As many as [`RibChoice::spacing`] demands, and the first one after each gap.
    Daily,
    /// None.
    Edges,
}

impl RibChoice {
    /// Returns the longest time between two RIB dumps that are read. None if there is no limit.
    pub const fn spacing(self) -> Option<Duration> {
        const HOUR: u64 = 3600;
        match self {
            RibChoice::Auto => Some(Duration::from_secs(48 * HOUR)),
            RibChoice::All => Some(Duration::ZERO),
            RibChoice::Daily => Some(Duration::from_secs(24 * HOUR)),
            RibChoice::Edges => None,
        }
    }
}

/// One question: which networks, when, seen by whom.
///
/// It is serialised as `targets`, `labels`, `groups`, `prefix_match`, `window_start`, `window_end`, `collectors`, `project`,
/// `baseline_seconds`, `ribs` and `scan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Fields", try_from = "Fields")]
pub struct Query {
    /// What is asked about; never empty.
    pub targets: Vec<Target>,
    /// The names that the user gave to targets.
    pub labels: BTreeMap<Target, String>,
    /// The groups among the targets.
    pub groups: BTreeMap<GroupName, Group>,
    /// When.
    pub window: Window,
    /// Only these collectors; empty for all of a local archive, or a small and diverse choice of the publishers'.
    pub collectors: Vec<Collector>,
    /// Only the collectors of this project.
    pub project: Option<Project>,
    /// How far before the window RIB dumps are read to learn how widely a prefix is normally seen. Zero: only the dump
    /// that the replay starts from.
    pub baseline: Duration,
    /// Which RIB dumps inside the window are read.
    pub ribs: RibChoice,
    /// The scan that chose the targets. None if the user named them.
    pub scan: Option<TableScan>,
}

/// A quick pass over the whole table, which chose those networks that may have been out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableScan {
    /// What it chose from.
    pub of: Scanned,
    /// How many of these the archives named.
    pub n_named: u64,
    /// How many of them may have been out.
    pub n_chosen: u64,
}

/// What a scan chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scanned {
    /// All prefixes.
    Prefixes,
    /// All origin ASes, each as the network of everything that it originates.
    Asns,
}

impl Query {
    /// A question about `targets` in `window`, to the collectors that are used if none are named.
    pub fn new(targets: Vec<Target>, window: Window) -> Query {
        Query {
            targets,
            labels: BTreeMap::new(),
            groups: BTreeMap::new(),
            window,
            collectors: Vec::new(),
            project: None,
            baseline: Duration::ZERO,
            ribs: RibChoice::default(),
            scan: None,
        }
    }

    /// Returns the relatives that prefix targets include. None if no prefix is asked about by itself.
    pub fn matching(&self) -> Option<Match> {
        self.targets.iter().find_map(|target| match target {
            Target::Prefix(_, matching) => Some(*matching),
            Target::Asn(_) | Target::Group(_) => None,
        })
    }

    /// Returns the ASes and prefixes that a target stands for: itself, or the members of a group.
    pub fn networks_of<'a>(&'a self, target: &'a Target) -> &'a [Target] {
        match target {
            Target::Group(name) => self.groups.get(name).map_or(&[], |group| &group.members),
            Target::Asn(_) | Target::Prefix(..) => std::slice::from_ref(target),
        }
    }

    /// Returns all ASes and prefixes that are asked about, each with the target that it belongs to.
    pub fn networks(&self) -> impl Iterator<Item = (Target, Target)> {
        self.targets.iter().flat_map(|target| self.networks_of(target).iter().map(|network| (*network, *target)))
    }
}

/// A [`Query`] as it is serialised: one match serves all prefixes.
#[derive(Serialize, Deserialize)]
struct Fields {
    targets: Vec<String>,
    labels: Vec<Label>,
    groups: Vec<GroupFields>,
    #[serde(rename = "prefix_match")]
    matching: Option<Match>,
    window_start: Timestamp,
    window_end: Timestamp,
    collectors: Vec<Collector>,
    project: Option<Project>,
    baseline_seconds: u64,
    ribs: RibChoice,
    scan: Option<TableScan>,
}

/// The name of a target, as it is serialised.
#[derive(Serialize, Deserialize)]
struct Label {
    target: String,
    label: String,
}

/// A group, as it is serialised.
#[derive(Serialize, Deserialize)]
struct GroupFields {
    name: String,
    members: Vec<String>,
    #[serde(rename = "prefix_match")]
    matching: Match,
    source: GroupSource,
}

impl From<(GroupName, Group)> for GroupFields {
    fn from((name, group): (GroupName, Group)) -> GroupFields {
        GroupFields {
            name: name.to_string(),
            members: group.members.iter().map(ToString::to_string).collect(),
            matching: group.matching(),
            source: group.source,
        }
    }
}

impl GroupFields {
    fn group(self) -> Result<(GroupName, Group), String> {
        let name = self.name.parse().map_err(|error: ParseGroupNameError| error.to_string())?;
        let members = self.members.iter().map(|text| network(text, self.matching)).collect::<Result<_, String>>()?;
        Ok((name, Group { members, source: self.source }))
    }
}

/// Parses an AS or a prefix.
fn network(text: &str, matching: Match) -> Result<Target, String> {
    match text.parse::<Asn>() {
        Ok(asn) => Ok(Target::Asn(asn)),
        Err(_) => text.parse().map(|prefix| Target::Prefix(prefix, matching)).map_err(|error| error.to_string()),
    }
}

impl From<Query> for Fields {
    fn from(query: Query) -> Fields {
        Fields {
            targets: query.targets.iter().map(ToString::to_string).collect(),
            labels: query.labels.iter().map(|(target, label)| Label::new(target, label)).collect(),
            matching: query.matching(),
            groups: query.groups.into_iter().map(GroupFields::from).collect(),
            window_start: query.window.start,
            window_end: query.window.end,
            collectors: query.collectors,
            project: query.project,
            baseline_seconds: query.baseline.as_secs(),
            ribs: query.ribs,
            scan: query.scan,
        }
    }
}

impl Label {
    fn new(target: &Target, label: &str) -> Label {
        Label { target: target.to_string(), label: label.to_owned() }
    }
}

impl TryFrom<Fields> for Query {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Query, String> {
        let matching = fields.matching.unwrap_or_default();
        let groups: BTreeMap<GroupName, Group> =
            fields.groups.into_iter().map(GroupFields::group).collect::<Result<_, String>>()?;
        let target = |text: &str| match text.parse::<GroupName>() {
            Ok(name) if groups.contains_key(&name) => Ok(Target::Group(name)),
            _ => network(text, matching),
        };
        Ok(Query {
            targets: fields.targets.iter().map(|text| target(text)).collect::<Result<_, String>>()?,
            labels: fields
                .labels
                .into_iter()
                .map(|named| Ok((target(&named.target)?, named.label)))
                .collect::<Result<_, String>>()?,
            groups,
            window: Window::new(fields.window_start, fields.window_end).map_err(|error| error.to_string())?,
            collectors: fields.collectors,
            project: fields.project,
            baseline: Duration::from_secs(fields.baseline_seconds),
            ribs: fields.ribs,
            scan: fields.scan,
        })
    }
}

/// What an answer is judged by.
///
/// ```
/// use outage_replay::query::{Criteria, Metric, Thresholds};
///
/// let criteria = Criteria {
///     thresholds: Thresholds { down_below: 0.2, ..Thresholds::default() },
///     ..Criteria::default()
/// };
/// assert_eq!(criteria.metric, Metric::Baseline);
/// assert_eq!(criteria.ioda().thresholds.down_below, 0.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Criteria {
    /// Which share decides.
    pub metric: Metric,
    /// How much data suffices.
    #[serde(flatten)]
    pub sufficiency: Sufficiency,
    /// When a fall is an outage.
    #[serde(flatten)]
    pub thresholds: Thresholds,
}

impl Criteria {
    /// Returns the default criteria of a metric.
    pub fn of(metric: Metric) -> Criteria {
        match metric {
            Metric::Baseline => Criteria::default(),
            Metric::Ioda => Criteria::default().ioda(),
        }
    }

    /// Returns IODA's criteria with the durations of these: down below one half of all full feeds, and up from one half on.
    pub fn ioda(&self) -> Criteria {
        let thresholds = Thresholds { down_below: 0.5, up_at: 0.5, ..self.thresholds };
        Criteria { metric: Metric::Ioda, thresholds, ..*self }
    }
}

/// Which share decides.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The share of the ASes that normally carry the prefix; full feeds are judged relative to their time.
    #[default]
    Baseline,
    /// As IODA: the share of all full-feed ASes, where a full feed has at least [`IODA_FULL_FEED`] prefixes, and a prefix is
    /// up while at least half of them see it.
    Ioda,
}

/// How many prefixes make a full feed under IODA's rule, IPv4 and IPv6.
pub const IODA_FULL_FEED: [u64; 2] = [400_000, 10_000];

/// What makes an interval usable as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sufficiency {
    /// Fewer distinct peer ASes than this decide nothing. RIPEstat's default (`min_peers`) is 10.
    pub min_peers: usize,
    /// Less than this share of the full-feed ASes of the moment decides nothing.
    pub min_coverage: f64,
}

impl Default for Sufficiency {
    fn default() -> Sufficiency {
        Sufficiency { min_peers: 10, min_coverage: 0.5 }
    }
}

/// When a fall counts as an outage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Down while the share is below this. 0.5 as IODA.
    pub down_below: f64,
    /// Up again once the share is at least this. The default is higher than `down_below`, so that a share that hovers near the
    /// threshold does not start and end an outage each time.
    pub up_at: f64,
    /// Shorter falls are flaps: BGP needs minutes to converge after a single change.
    #[serde(rename = "min_duration_seconds", with = "seconds")]
    pub min_duration: Duration,
    /// Outages separated by at most this are one.
    #[serde(rename = "merge_gap_seconds", with = "seconds")]
    pub merge_gap: Duration,
    /// Outages and flaps separated by at most this are one episode.
    #[serde(rename = "episode_gap_seconds", with = "seconds")]
    pub episode_gap: Duration,
    /// A loss that is not an outage is listed if the share falls below this, or if it is a local loss of a prefix.
    pub degraded_below: f64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            down_below: 0.5,
            up_at: 0.6,
            min_duration: Duration::from_secs(120),
            merge_gap: Duration::from_secs(120),
            episode_gap: Duration::from_secs(6 * 3600),
            degraded_below: 0.9,
        }
    }
}

/// Durations as a number of seconds: an integer where it is one.
mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        match duration.subsec_nanos() {
            0 => serializer.serialize_u64(duration.as_secs()),
            _ => serializer.serialize_f64(duration.as_secs_f64()),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
