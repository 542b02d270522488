//! Outages: where a share falls below its threshold and stays there.
//!
//! [`dips`] finds every fall of one step function; [`prefix_findings`] and [`asn_findings`] turn the falls of
//! a prefix and of everything that an AS originates into outages, flaps and lesser losses, and judge them by what the
//! vantage points did.

mod agreement;
mod asn;
mod dip;
mod evidence;
mod judge;
mod space;
mod upstream;

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::bgp::{Asn, Collector, Family, Prefix, VantagePoint};
use crate::query::Target;
use crate::time::{Timestamp, Window};

pub use agreement::{Agreement, Halves, MAX_SKEW, Others, Otherwise, Skew, asn_agreement, prefix_agreement, skews};
pub use asn::{AsnTimeline, SpaceStep, asn_findings};
pub use dip::{Dip, Edge, Sample, dips};
pub use evidence::{Dump, Evidence, Witness};
pub use judge::prefix_findings;
pub use upstream::{Pattern, PeerAt, Upstream, Upstreams};

/// The share left at which everything is gone but a few stuck routes.
pub const TOTAL_BELOW: f64 = 0.05;

macro_rules! names {
    ($type:ty { $($variant:ident => $name:literal),* $(,)? }) => {
        impl $type {
            /// The name used in outputs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything that an AS originates, of one family.
    Asn,
    /// One prefix.
    Prefix,
}
names!(Scope { Asn => "asn", Prefix => "prefix" });

/// How much was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing was left, or nothing but stuck routes.
    Total,
    /// Below the threshold, but some vantage points kept it.
    Partial,
    /// Not below the threshold: listed, not counted as an outage.
    Degraded,
}
names!(Severity { Total => "total", Partial => "partial", Degraded => "degraded" });

/// What kind of loss it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The routes were withdrawn and nothing took their place.
    Withdrawn,
    /// The routes were withdrawn, and whether anything took their place is not known: without RIB dumps a less-specific prefix
    /// may be there and never be named.
    Unknown,
    /// Another AS originates the space meanwhile.
    OriginChanged,
    /// A less-specific prefix of the same origin stayed up: the addresses remained reachable.
    Covered,
    /// A less-specific prefix of another origin stayed up.
    CoveredOther,
    /// Only vantage points of one AS or of one collector lost it, while others kept it.
    Local,
}
names!(Class {
    Withdrawn => "withdrawn", Unknown => "unknown", OriginChanged => "origin_changed", Covered => "covered",
    CoveredOther => "covered_other", Local => "local",
});

/// Why an edge is not known exactly, or lies outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Censoring {
    /// Already down when the data begin: the start is unknown.
    Left,
    /// It began before the window; the true start is known from earlier data.
    BeganBeforeFrom,
    /// The start lies in a stretch without sufficient data: see its bounds.
    GapStart,
    /// The end lies in a stretch without sufficient data: see its bounds.
    GapEnd,
    /// Still down at the end of the window: the duration is a lower bound.
    Right,
    /// It ended after the window; the true end is known from later data.
    EndedAfterTo,
}
names!(Censoring {
    Left => "left", BeganBeforeFrom => "began_before_from", GapStart => "gap_start", GapEnd => "gap_end",
    Right => "right", EndedAfterTo => "ended_after_to",
});

impl Censoring {
    /// Whether both sides of the edge were seen all the same, outside the window.
    pub fn is_exact(self) -> bool {
        matches!(self, Censoring::BeganBeforeFrom | Censoring::EndedAfterTo)
    }
}

/// How good the evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Whole tables from RIB dumps, both edges dated by updates.
    High,
    /// Whole tables, but an edge is censored or lies in a gap, the prefix is in no RIB dump before the window, or too few
    /// tables are there to tell a whole one from a part.
    Medium,
    /// No RIB dump: what vantage points carried is inferred from what they announced and withdrew.
    Low,
}
names!(Quality { High => "high", Medium => "medium", Low => "low" });

/// The earliest and the latest time that the data allow for an edge. Nothing where the data set no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// Not before.
    pub earliest: Option<Timestamp>,
    /// Not after.
    pub latest: Option<Timestamp>,
}

/// A vantage point that kept a route through an outage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// Who recorded it.
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
    /// What it is referred to by: the network and its first instant. Where that is not known, `until-` and its end; where
    /// neither is, `at-` and the first instant at which it was seen down.
    pub id: String,
    /// An AS or a prefix.
    pub scope: Scope,
    /// The target of the query that it answers.
    pub target: Target,
    /// The AS, for an AS or for a prefix that was found through one.
    pub asn: Option<Asn>,
    /// The prefix; nothing for an AS.
    pub prefix: Option<Prefix>,
    /// The prefixes that were down; for a prefix, itself.
    pub prefixes: Vec<Prefix>,
    /// The family.
    pub family: Family,
    /// First instant below the threshold; nothing when that was before the data.
    pub start: Option<Timestamp>,
    /// First instant at which it was up again; nothing when it was not. Where the end lies in a gap: the last instant
    /// at which it was seen down.
    pub end: Option<Timestamp>,
    /// What the data allow for the start.
    pub start_bounds: Bounds,
    /// What the data allow for the end.
    pub end_bounds: Bounds,
    /// From start to end; a lower bound where an edge is censored.
    pub duration: Duration,
    /// How much was lost.
    pub severity: Severity,
    /// What kind of loss.
    pub class: Class,
    /// What is not known about the edges.
    pub censored: Vec<Censoring>,
    /// The episode it belongs to: index into the episodes of its target and family, from 1.
    pub episode: usize,
    /// How the share fell.
    pub loss: Edge,
    /// How it came back; nothing when it did not.
    pub recovery: Option<Edge>,
    /// Share of the live peer ASes that saw it just before; for an AS, the share of its address space that was up.
    pub visibility_before: Option<f64>,
    /// The smallest such share during the outage.
    pub visibility_min: f64,
    /// The smallest share of those that normally carry it; for an AS, as `visibility_min`.
    pub baseline_min: f64,
    /// Vantage points that normally carry the prefix and were usable at any time of the outage; for an AS, those of its prefix
    /// that most lost.
    pub n_vantage_points: usize,
    /// Those among them that had no route at some time of it.
    pub n_vantage_points_lost: usize,
    /// Distinct peer ASes among `n_vantage_points`.
    pub n_peer_asns: usize,
    /// Distinct collectors among `n_vantage_points`.
    pub n_collectors: usize,
    /// Whether the RIB dumps written during the outage lack the prefix; nothing when none was written.
    pub rib_confirmed: Option<bool>,
    /// How good the evidence is.
    pub quality: Quality,
    /// The falls of which it was merged, in order.
    pub parts: Vec<Window>,
    /// Vantage points that kept a route through it.
    pub survivors: Vec<Survivor>,
    /// Through whom it was reached before and after.
    pub upstreams: Upstreams,
    /// The records behind it; for an AS, those of prefixes that are no outage of their own.
    pub evidence: Evidence,
    /// For an AS, the outages of its prefixes that it consists of, by their [`Outage::id`].
    pub prefix_outages: Vec<String>,
    /// How far those who saw it agree.
    pub agreement: Agreement,
}

impl Outage {
    /// From the first to the last instant at which it was seen down, within the data.
    pub fn seen(&self) -> Window {
        let start = self.start.or(self.start_bounds.latest).unwrap_or(self.loss.first);
        Window { start, end: start + self.duration.max(Duration::from_micros(1)) }
    }
}

/// What an outage is referred to by. It depends on nothing but the network and the edge that is known, so that it is the same
/// through any window that shows this edge.
fn id(scope: Scope, target: Target, prefix: Option<Prefix>, family: Family, dip: &Dip) -> String {
    let has = |kinds: [Censoring; 2]| kinds.iter().any(|kind| dip.censored.contains(kind));
    let is_start_known = !has([Censoring::Left, Censoring::GapStart]);
    let is_end_known = !has([Censoring::Right, Censoring::GapEnd]);
    let (word, at) = match (is_start_known, is_end_known) {
        (true, _) => ("", dip.start),
        (false, true) => ("until-", dip.end),
        (false, false) => ("at-", dip.start),
    };
    let digits = if at.micros() % 1_000_000 == 0 { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.6fZ" };
    let at = format!("{word}{}", at.to_datetime().format(digits));
    match (scope, prefix) {
        (Scope::Prefix, Some(prefix)) => format!("{prefix}-{at}"),
        _ => format!("{target}-{family}-{at}"),
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

/// Outages and flaps of one target that follow one another closely. It groups, and never alters its members.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Number of the episode of its target and family, from 1.
    pub number: usize,
    /// An AS or a prefix.
    pub scope: Scope,
    /// The target of the query.
    pub target: Target,
    /// The prefix; nothing for an AS.
    pub prefix: Option<Prefix>,
    /// The family.
    pub family: Family,
    /// From the first member's start to the last one's end, as far as the window shows.
    pub window: Window,
    /// How many outages it holds.
    pub n_outages: usize,
    /// Its flaps.
    pub flaps: Vec<Flap>,
}

/// A loss that stayed above the threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// An AS or a prefix.
    pub scope: Scope,
    /// The target of the query.
    pub target: Target,
    /// The prefix; nothing for an AS.
    pub prefix: Option<Prefix>,
    /// The family.
    pub family: Family,
    /// When, as far as the window shows.
    pub window: Window,
    /// `local`, or `withdrawn` for a loss at several.
    pub class: Class,
    /// The smallest share during it.
    pub share_min: f64,
    /// Who lost it.
    pub lost_by: Vec<VantagePoint>,
}

/// Everything found about one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Outages, in order.
    pub outages: Vec<Outage>,
    /// Episodes, in order.
    pub episodes: Vec<Episode>,
    /// Losses that are no outages.
    pub losses: Vec<Loss>,
}

impl Findings {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.outages.is_empty() && self.episodes.is_empty() && self.losses.is_empty()
    }

    /// Adds those of another target.
    pub fn extend(&mut self, other: Findings) {
        self.outages.extend(other.outages);
        self.episodes.extend(other.episodes);
        self.losses.extend(other.losses);
    }
}

#[cfg(test)]
mod tests;
