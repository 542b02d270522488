//! The records that show the edges of an outage, and the RIB dumps written during it, so that anyone can look them up.

use super::falls::Fall;
use crate::bgp::{AsPath, Asn, Prefix};
use crate::time::{Timestamp, Window};
use crate::visibility::{CollectorIndex, FileIndex, ObservedSpan, ObservedState, PeerId, Provenance, RecordRef, View};

/// What one vantage point did at an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its collector.
    pub collector: CollectorIndex,
    /// The peer in that replay.
    pub peer: PeerId,
    /// The prefix.
    pub prefix: Prefix,
    /// When it lost the route, or had one again.
    pub at: Timestamp,
    /// The end of the time before, up to which its state is known: `at`, or earlier if its state was unknown in between.
    pub known_until: Timestamp,
    /// How that is known; `None` where its table was complete and did not contain the prefix.
    pub provenance: Option<Provenance>,
    /// The path that was lost, or that came back.
    pub path: Option<AsPath>,
}

/// A RIB dump that was written while the network was gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Its collector.
    pub collector: CollectorIndex,
    /// The file.
    pub file: FileIndex,
    /// The prefix looked for in it.
    pub prefix: Prefix,
    /// When its last record was written.
    pub at: Timestamp,
    /// Number of ASes with a full table in it.
    pub n_full_feeds: usize,
    /// Those among them that list the prefix.
    pub holding: Vec<Asn>,
    /// Their entries: peer, record and path.
    pub entries: Vec<(PeerId, RecordRef, AsPath)>,
    /// Whether the prefix is listed only by ASes that kept a route throughout.
    pub confirms: bool,
}

/// Everything that shows an outage of a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Losses, in order of time.
    pub losses: Vec<Witness>,
    /// Returns, in order of time.
    pub returns: Vec<Witness>,
    /// RIB dumps written during the outage.
    pub dumps: Vec<Dump>,
}

impl Evidence {
    /// Joins the evidence of several prefixes.
    pub(super) fn joined(parts: impl Iterator<Item = Evidence>) -> Evidence {
        let mut joined = Evidence::default();
        for part in parts {
            joined.losses.extend(part.losses);
            joined.returns.extend(part.returns);
            joined.dumps.extend(part.dumps);
        }
        joined.sort();
        joined
    }

    fn sort(&mut self) {
        for list in [&mut self.losses, &mut self.returns] {
            list.sort_by_key(|witness| (witness.at, witness.collector, witness.peer, witness.prefix));
            list.shrink_to_fit();
        }
        self.dumps.sort_by_key(|dump| (dump.at, dump.collector, dump.prefix));
    }
}

/// Returns the changes of every vantage point at both edges, and `dumps`. `observed` are the spans of the prefix, in order.
pub(super) fn evidence(
    view: &View,
    prefix: Prefix,
    origin: Option<Asn>,
    observed: &[ObservedSpan],
    fall: &Fall,
    dumps: Vec<Dump>,
) -> Evidence {
    let mut evidence = Evidence { dumps, ..Evidence::default() };
    let during = |first: Timestamp, last: Timestamp| move |at: Timestamp| first <= at && at <= last;
    let is_loss = during(fall.loss.first, fall.loss.last);
    let is_return = fall.recovery.map(|edge| during(edge.first, edge.last));
    for pair in observed.windows(2) {
        let [before, after] = pair else { continue };
        if before.vantage_point != after.vantage_point {
            continue;
        }
        let (saw, sees) = (before.state.sees(origin), after.state.sees(origin));
        let (list, path) = match (saw, sees) {
            (true, false) if is_loss(after.window.start) => (&mut evidence.losses, path(before)),
            (false, true) if is_return.is_some_and(|is_return| is_return(after.window.start)) => {
                (&mut evidence.returns, path(after))
            }
            _ => continue,
        };
        let (collector, peer) = view.replayed(after.vantage_point);
        list.push(Witness {
            collector,
            peer,
            prefix,
            at: after.window.start,
            known_until: before.window.end,
            provenance: after.provenance,
            path,
        });
    }
    evidence.sort();
    evidence
}

fn path(span: &ObservedSpan) -> Option<AsPath> {
    match &span.state {
        ObservedState::Present(path, _) => path.clone(),
        ObservedState::Absent => None,
    }
}

/// Returns the RIB dumps written inside `window` that contain a full table; `kept` returns whether an AS kept a route.
pub(super) fn dumps(view: &View, prefix: &Prefix, window: &Window, kept: impl Fn(&Asn) -> bool) -> Vec<Dump> {
    view.dumps_inside(prefix, window)
        .into_iter()
        .map(|dump| Dump {
            collector: dump.collector,
            file: dump.file,
            prefix: *prefix,
            at: dump.at,
            n_full_feeds: dump.full_feeds.len(),
            confirms: dump.holding.iter().all(&kept),
            holding: dump.holding.into_iter().collect(),
            entries: dump.entries,
        })
        .collect()
}
