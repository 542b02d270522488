//! What detection finds: outages, flaps, episodes and lesser losses.

use serde::Serialize;

use super::agreement::Agreement;
use super::evidence::Evidence;
use super::falls::{Censoring, Fall};
use super::upstream::Upstreams;
use crate::bgp::{Asn, Collector, Family, Prefix, VantagePoint};
use crate::query::{GroupName, Target};
use crate::time::{Timestamp, Window};

/// The share left at which everything is gone but a few stuck routes.
pub const TOTAL_BELOW: f64 = 0.05;

/// Whether a finding is about a group of networks, about an AS or about a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All networks of a group, of one family.
    Group,
    /// Everything that an AS originates, of one family.
    Asn,
    /// One prefix.
    Prefix,
}

/// How much was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No route was left, or only stuck routes.
    Total,
    /// Below the threshold, but some vantage points kept it.
    Partial,
    /// Not below the threshold: listed, not counted as an outage.
    Degraded,
}

/// What kind of loss it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The routes were withdrawn, and no other route covered the prefix.
    Withdrawn,
    /// The routes were withdrawn, and whether another route covered the prefix is not known: without RIB dumps there may be a
    /// less-specific prefix that no message names.
    Unknown,
    /// Another AS originated the space meanwhile.
    OriginChanged,
    /// A less-specific prefix of the same origin stayed up: the addresses remained reachable.
    Covered,
    /// A less-specific prefix of another origin stayed up.
    CoveredOther,
    /// Only vantage points of one AS or of one collector lost it, while others kept it.
    Local,
}

/// How good the evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Full tables from RIB dumps, both edges dated by updates.
    High,
    /// Full tables, but an edge is censored or lies in a gap, the prefix is in no RIB dump before the window, or there are too
    /// few tables to tell a full one from a partial one.
    Medium,
    /// No RIB dump: what vantage points carried is inferred from what they announced and withdrew.
    Low,
}

/// The network that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// A group, an AS or a prefix.
    pub scope: Scope,
    /// The target of the query that it answers.
    pub target: Target,
    /// The AS, for an AS or for a prefix that was found through one.
    pub asn: Option<Asn>,
    /// The prefix; `None` for an AS and for a group.
    pub prefix: Option<Prefix>,
    /// The family.
    pub family: Family,
}

impl Subject {
    /// Returns all networks of a group, of one family.
    pub fn of_group(name: GroupName, family: Family) -> Subject {
        Subject { scope: Scope::Group, target: Target::Group(name), asn: None, prefix: None, family }
    }

    /// Returns everything that an AS originates, of one family.
    pub fn of_asn(asn: Asn, family: Family) -> Subject {
        Subject { scope: Scope::Asn, target: Target::Asn(asn), asn: Some(asn), prefix: None, family }
    }

    /// Returns a prefix; `asn` is the target AS through which it was found.
    pub fn of_prefix(prefix: Prefix, target: Target, asn: Option<Asn>) -> Subject {
        Subject { scope: Scope::Prefix, target, asn, prefix: Some(prefix), family: prefix.family() }
    }

    /// Returns the name of the network: `AS64500 IPv4`, or the prefix.
    pub fn name(&self) -> String {
        self.prefix.map_or_else(|| format!("{} {}", self.target, self.family), |prefix| prefix.to_string())
    }

    /// Returns the name of an outage of this network: the network and its first instant. Where that is not known, `until-` and
    /// its end; where neither is, `at-` and the first instant at which it was seen down. The name depends only on the network
    /// and the known edge, so that it is the same through any window that shows this edge.
    pub(super) fn id(&self, fall: &Fall) -> String {
        let has = |kinds: [Censoring; 2]| kinds.iter().any(|kind| fall.censored.contains(kind));
        let is_start_known = !has([Censoring::Left, Censoring::GapStart]);
        let is_end_known = !has([Censoring::Right, Censoring::GapEnd]);
        let (word, at) = match (is_start_known, is_end_known) {
            (true, _) => ("", fall.seen.start),
            (false, true) => ("until-", fall.seen.end),
            (false, false) => ("at-", fall.seen.start),
        };
        let digits = if at.micros() % 1_000_000 == 0 { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.6fZ" };
        let at = at.to_datetime().format(digits);
        match self.prefix {
            Some(prefix) => format!("{prefix}-{word}{at}"),
            None => format!("{}-{}-{word}{at}", self.target.word(), self.family),
        }
    }
}

/// The shares of an outage. For a network, shares of its address space; for a prefix, shares of the live peer ASes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visibility {
    /// The share just before.
    pub before: Option<f64>,
    /// The smallest share during the outage.
    pub min: f64,
}

/// Numbers of vantage points that could have lost a network. For several prefixes, those of the prefix that the most lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counts {
    /// Those that had no route at some time of the outage.
    pub n_vantage_points_lost: usize,
    /// Vantage points that normally carry the prefix and were usable at any time of the outage.
    pub n_vantage_points: usize,
    /// Distinct peer ASes among `n_vantage_points`.
    pub n_peer_asns: usize,
    /// Distinct collectors among `n_vantage_points`.
    pub n_collectors: usize,
}

/// A vantage point that kept a route through an outage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// Its collector.
    pub collector: Collector,
    /// Its AS.
    pub peer_asn: Asn,
    /// Its address.
    pub peer_address: std::net::IpAddr,
    /// Whether the route is stuck: silent, and through an AS that itself had lost the prefix.
    pub zombie: bool,
}

/// An interval in which a share was below its threshold after having been above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// The network and the known edge, as one word.
    pub id: String,
    /// The network.
    pub subject: Subject,
    /// The prefixes that were down; for a prefix, itself, or those inside it if it is announced in parts.
    pub prefixes: Vec<Prefix>,
    /// When the share that decides fell and came back, and how far.
    pub fall: Fall,
    /// How much was lost.
    pub severity: Severity,
    /// What kind of loss.
    pub class: Class,
    /// The episode it belongs to: index into the episodes of its target and family, from 1.
    pub episode: usize,
    /// The shares of all live peer ASes.
    pub visibility: Visibility,
    /// How many vantage points could have lost it, and did.
    pub counts: Counts,
    /// Whether the RIB dumps written during the outage lack the prefix; `None` when none was written.
    pub rib_confirmed: Option<bool>,
    /// How good the evidence is.
    pub quality: Quality,
    /// Vantage points that kept a route through it.
    pub survivors: Vec<Survivor>,
    /// The adjacent upstreams of the origin before and after.
    pub upstreams: Upstreams,
    /// The records that show it; for an AS, those of prefixes without an outage of their own.
    pub evidence: Evidence,
    /// For a network, the outages of its prefixes that it consists of, by their [`Outage::id`].
    pub prefix_outages: Vec<String>,
    /// How far the collectors agree.
    pub agreement: Agreement,
}

impl Outage {
    /// Whether its shares are of the address space of a network: of a group, of an AS, or of a prefix that is announced in parts.
    /// Otherwise they are of the peers that see a prefix.
    pub fn is_of_space(&self) -> bool {
        self.subject.prefix.is_none_or(|own| !self.prefixes.contains(&own))
    }
}

/// A fall too short to be an outage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Flap {
    /// When.
    #[serde(flatten)]
    pub window: Window,
    /// The smallest share during it.
    pub share_min: f64,
}

/// Outages and flaps of one network that follow one another closely. An episode groups its members and never alters them.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Number of the episode of its target and family, from 1.
    pub number: usize,
    /// The network.
    pub subject: Subject,
    /// From the first member's start to the last one's end, as far as the window shows.
    pub window: Window,
    /// Number of its outages.
    pub n_outages: usize,
    /// Its flaps.
    pub flaps: Vec<Flap>,
}

/// A loss that stayed above the threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The network.
    pub subject: Subject,
    /// When, as far as the window shows.
    pub window: Window,
    /// `local`, or `withdrawn` for a loss at several ASes and collectors.
    pub class: Class,
    /// The smallest share during it.
    pub share_min: f64,
    /// The vantage points that lost it.
    pub lost_by: Vec<VantagePoint>,
}

/// What an AS is to the prefixes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AsnRole {
    /// It originates them.
    Origin,
    /// All routes that were lost led through it to their origins.
    Upstream,
}

/// An AS that prefixes of an event share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedAsn {
    /// Its number.
    pub asn: Asn,
    /// What it is to most of them.
    pub role: AsnRole,
    /// The number of these prefixes.
    pub n_prefixes: usize,
}

/// Outages of prefixes of one family that began and ended together and share an AS, or a single one.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number, from 1: by address space times duration, the largest first.
    pub number: usize,
    /// The family of its prefixes.
    pub family: Family,
    /// From the first start to the last end, as far as they were seen.
    pub window: Window,
    /// Whether the start is known. Otherwise the prefixes were down when the data begin.
    pub is_start_known: bool,
    /// Whether the end is known. Otherwise they were down at the end of the window.
    pub is_end_known: bool,
    /// Total if all of its outages are.
    pub severity: Severity,
    /// The prefixes that were down, sorted.
    pub prefixes: Vec<Prefix>,
    /// Distinct /24 (IPv4) or /48 (IPv6) networks in their union.
    pub space: u64,
    /// The AS that most of them share, an origin before an upstream. None if no path is known.
    pub shared: Option<SharedAsn>,
    /// Its outages, by their [`Outage::id`], in order of the prefixes.
    pub outages: Vec<String>,
}

impl Event {
    /// Returns the first instant at which any of its prefixes was down; `None` where that was before the data.
    pub fn start(&self) -> Option<Timestamp> {
        self.is_start_known.then_some(self.window.start)
    }

    /// Returns the first instant at which all of them were up again; `None` where one was still down at the end of the window.
    pub fn end(&self) -> Option<Timestamp> {
        self.is_end_known.then_some(self.window.end)
    }

    /// Returns the address space times the duration, in units of /24 or /48 and seconds, by which events are ranked.
    pub fn space_seconds(&self) -> f64 {
        self.space as f64 * self.window.duration().as_secs_f64()
    }
}

/// Everything found about some targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Outages, in order.
    pub outages: Vec<Outage>,
    /// Episodes, in order.
    pub episodes: Vec<Episode>,
    /// Losses that are no outages.
    pub losses: Vec<Loss>,
    /// Which outages of prefixes began and ended together, the largest first.
    pub events: Vec<Event>,
}

impl Findings {
    /// Returns whether there is no outage, episode or loss.
    pub fn is_empty(&self) -> bool {
        self.outages.is_empty() && self.episodes.is_empty() && self.losses.is_empty()
    }

    /// Adds the findings about other targets.
    pub fn extend(&mut self, other: Findings) {
        self.outages.extend(other.outages);
        self.episodes.extend(other.episodes);
        self.losses.extend(other.losses);
        self.events.extend(other.events);
    }
}
