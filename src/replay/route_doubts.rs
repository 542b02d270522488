//! Intervals in which single routes turned out to be uncertain. They are applied at the end of a replay.

use rustc_hash::FxHashMap;

use super::breaks::{Break, Breaks};
use super::index::PeerId;
use super::spans::{Basis, RouteSpan, RouteState};
use crate::bgp::Prefix;
use crate::time::{Timestamp, Window};

/// The intervals in which routes are to be marked as unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteDoubts(FxHashMap<(PeerId, Prefix), Vec<RouteDoubt>>);

/// An interval in which a route is uncertain, except where it already was what it may have become.
#[derive(Clone, Debug)]
struct RouteDoubt {
    window: Window,
    may_be: Option<RouteState>,
    /// When the replay applied the change. From then on the span of the route shows only the change itself.
    applied_at: Timestamp,
    /// Where the route already was `may_be`.
    agreed: Vec<Window>,
}

impl RouteDoubts {
    /// Marks a route as uncertain during `window`, in which it may have been anything.
    pub(super) fn add(&mut self, peer: PeerId, prefix: Prefix, window: Window) {
        self.add_change(peer, prefix, window, None, window.start);
    }

    /// Marks a route as uncertain during `window`, in which it became `may_be` at an unknown instant. The replay applied the
    /// change at `applied_at`.
    pub(super) fn add_change(
        &mut self,
        peer: PeerId,
        prefix: Prefix,
        window: Window,
        may_be: Option<RouteState>,
        applied_at: Timestamp,
    ) {
        let doubt = RouteDoubt { window, may_be, applied_at, agreed: Vec::new() };
        self.0.entry((peer, prefix)).or_default().push(doubt);
    }

    /// Applies the doubts to the history of the routes.
    pub(super) fn apply(mut self, routes: &mut Vec<RouteSpan>) {
        if self.0.is_empty() {
            return;
        }
        for span in routes.iter() {
            for doubt in self.0.get_mut(&(span.peer, span.prefix)).into_iter().flatten() {
                let Ok(own) = Window::new(span.from, span.to.min(doubt.applied_at)) else { continue };
                let agrees = doubt.may_be.as_ref().is_some_and(|may_be| !span.state.differs_from(may_be));
                doubt.agreed.extend(own.intersect(&doubt.window).filter(|_| agrees));
            }
        }
        let uncertain = |(key, doubts): ((PeerId, Prefix), Vec<RouteDoubt>)| {
            let left = doubts.into_iter().flat_map(|doubt| doubt.window.without(&Window::united(doubt.agreed)));
            (key, Window::united(left.collect()))
        };
        let doubts: FxHashMap<(PeerId, Prefix), Vec<Window>> = self.0.into_iter().map(uncertain).collect();
        let mut cut = Vec::new();
        // That of the earliest span.
        let mut evidence: FxHashMap<(PeerId, Prefix), (Timestamp, Basis)> = FxHashMap::default();
        // There may be millions of spans, most of them not in doubt.
        routes.retain(|span| match doubts.get(&(span.peer, span.prefix)) {
            None => true,
            Some(windows) => {
                let earliest = evidence.entry((span.peer, span.prefix)).or_insert((span.from, span.evidence));
                if span.from < earliest.0 {
                    *earliest = (span.from, span.evidence);
                }
                cut.extend(without(span.clone(), windows));
                false
            }
        });
        for ((peer, prefix), windows) in doubts {
            let evidence = evidence.get(&(peer, prefix)).map_or(Basis::Announce, |(_, evidence)| *evidence);
            cut.extend(windows.into_iter().map(|window| unknown(peer, prefix, window, evidence)));
        }
        routes.append(&mut cut);
    }
}

/// Marks routes as unknown from a break on, until they are announced or a RIB dump lists them.
pub(super) fn apply_breaks(routes: &mut Vec<RouteSpan>, breaks: &Breaks) {
    if breaks.is_empty() {
        return;
    }
    let mut parts = Vec::new();
    routes.retain(|span| match breaks.get(&(span.peer, span.prefix.family())) {
        Some(breaks) if breaks.iter().any(|broken| is_broken(span, broken)) => {
            parts.extend(broken_route(span.clone(), breaks));
            false
        }
        _ => true,
    });
    routes.append(&mut parts);
}

fn is_broken(span: &RouteSpan, Break { window, .. }: &Break) -> bool {
    span.from < window.end && span.to > window.start && span.state != RouteState::Unknown
}

fn broken_route(span: RouteSpan, breaks: &[Break]) -> Vec<RouteSpan> {
    let (mut parts, mut rest) = (Vec::new(), Some(span));
    for broken in breaks {
        let Some(span) = rest.take() else { break };
        if !is_broken(&span, broken) {
            rest = Some(span);
            continue;
        }
        let Break { window, known_again } = broken;
        let announced_again = if span.announced_at >= window.end { span.announced_at } else { span.to };
        let start = span.from.max(window.start);
        let until = announced_again.min(*known_again).max(window.end).min(span.to);
        if span.from < start {
            parts.push(RouteSpan { to: start, ..span.clone() });
        }
        parts.push(unknown(span.peer, span.prefix, Window { start, end: until }, span.evidence));
        rest = (until < span.to).then_some(RouteSpan { from: until, ..span });
    }
    parts.extend(rest);
    parts
}

fn unknown(peer: PeerId, prefix: Prefix, window: Window, evidence: Basis) -> RouteSpan {
    let (Window { start, end }, state) = (window, RouteState::Unknown);
    RouteSpan { peer, prefix, from: start, to: end, state, evidence, announced_at: start, record: None }
}

/// The parts of a span outside of these intervals, which are in order and disjoint.
fn without(span: RouteSpan, windows: &[Window]) -> Vec<RouteSpan> {
    let left = Window { start: span.from, end: span.to }.without(windows);
    left.into_iter().map(|Window { start, end }| RouteSpan { from: start, to: end, ..span.clone() }).collect()
}
