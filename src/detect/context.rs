//! What the vantage points observed of one prefix, computed once for every judgement of it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::model::Counts;
use crate::bgp::{Asn, Collector, Prefix, VantagePoint};
use crate::time::{Timestamp, Window};
use crate::visibility::{ObservedSpan, Timeline, View};

/// A prefix in a view: its timeline, and what every vantage point showed of it, from which that was computed.
#[derive(Debug)]
pub(crate) struct PrefixContext<'a> {
    /// The vantage points of all collectors.
    pub view: &'a View<'a>,
    /// The visibility of the prefix over time.
    pub timeline: Cow<'a, Timeline>,
    /// What every usable vantage point observed, in order of vantage point and time; only routes of the origin that the
    /// timeline counts.
    pub observed: Cow<'a, [ObservedSpan]>,
    /// All prefixes that the data show, sorted.
    known: &'a [Prefix],
    /// The longest less-specific prefix that the data show, computed when it is needed.
    less_specific: OnceCell<Option<Box<PrefixContext<'a>>>>,
}

impl<'a> PrefixContext<'a> {
    /// Computes the timeline of a prefix, whatever its origin. `known` are all prefixes that the data show, sorted.
    pub(crate) fn new(view: &'a View<'a>, prefix: Prefix, known: &'a [Prefix]) -> PrefixContext<'a> {
        let observed = view.observed(&prefix);
        let timeline = Cow::Owned(view.timeline_of(prefix, None, &observed));
        PrefixContext { view, timeline, observed: Cow::Owned(observed), known, less_specific: OnceCell::new() }
    }

    /// Returns the context of a timeline that was computed before, without less-specific prefixes.
    pub(super) fn of(view: &'a View<'a>, timeline: &'a Timeline) -> PrefixContext<'a> {
        let observed = Cow::Owned(view.observed_of(&timeline.prefix, timeline.origin));
        let timeline = Cow::Borrowed(timeline);
        PrefixContext { view, timeline, observed, known: &[], less_specific: OnceCell::new() }
    }

    /// Returns the timeline that counts only routes of one origin.
    pub(crate) fn of_origin(&self, origin: Asn) -> Timeline {
        self.view.timeline_of_origin(&self.timeline, &self.observed, origin)
    }

    /// Returns the context as if no vantage point had carried the prefix before `at`.
    pub(crate) fn carried_from(&self, at: Timestamp) -> PrefixContext<'_> {
        PrefixContext {
            view: self.view,
            timeline: Cow::Owned(self.timeline.carried_from(at)),
            observed: Cow::Borrowed(&self.observed),
            known: self.known,
            less_specific: OnceCell::new(),
        }
    }

    /// Returns the less-specific prefixes that the data show, the longest first.
    pub(super) fn less_specifics(&self) -> impl Iterator<Item = &PrefixContext<'a>> {
        std::iter::successors(self.less_specific(), |context| context.less_specific())
    }

    fn less_specific(&self) -> Option<&PrefixContext<'a>> {
        let context = self.less_specific.get_or_init(|| {
            let prefix = self.timeline.prefix;
            let mut shorter = (0..prefix.len()).rev().map(|length| prefix.shortened_to(length));
            let longest = shorter.find(|prefix| self.known.binary_search(prefix).is_ok())?;
            Some(Box::new(PrefixContext::new(self.view, longest, self.known)))
        });
        context.as_deref()
    }

    /// Returns what the vantage points observed at an instant.
    pub(super) fn observed_at(&self, at: Timestamp) -> impl Iterator<Item = &ObservedSpan> {
        self.observed.iter().filter(move |span| span.window.contains(at))
    }

    /// Returns whether the span shows a route that the timeline counts.
    pub(super) fn sees(&self, span: &ObservedSpan) -> bool {
        span.state.sees(self.timeline.origin)
    }

    /// Returns the vantage point of a span.
    pub(super) fn vantage_point(&self, span: &ObservedSpan) -> &'a VantagePoint {
        self.view.vantage_point(span.vantage_point)
    }

    /// Returns whether the vantage point of a span normally carries the prefix.
    pub(super) fn is_of_carrier(&self, span: &ObservedSpan) -> bool {
        self.timeline.baseline.carrier(span.vantage_point).is_some()
    }

    /// Counts the vantage points that could have lost the prefix in `window`, and those that did.
    pub(super) fn counts(&self, window: &Window) -> Counts {
        let then = || self.observed.iter().filter(|span| span.window.intersect(window).is_some());
        let usable: BTreeSet<&VantagePoint> =
            then().filter(|span| self.is_of_carrier(span)).map(|span| self.vantage_point(span)).collect();
        let without = then().filter(|span| !self.sees(span));
        let lost: BTreeSet<&VantagePoint> = without.map(|span| self.vantage_point(span)).collect();
        Counts {
            n_vantage_points_lost: lost.intersection(&usable).count(),
            n_vantage_points: usable.len(),
            n_peer_asns: usable.iter().map(|who| who.peer.asn).collect::<BTreeSet<Asn>>().len(),
            n_collectors: usable.iter().map(|who| &who.collector).collect::<BTreeSet<&Collector>>().len(),
        }
    }
}
