//! Corrections applied at the end of a replay: stretches in which a route, or everything from one vantage point, turned out
//! to be uncertain.

use rustc_hash::FxHashMap;

use super::*;

/// The stretches to mark as unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay {
    /// Of single routes, by peer and prefix.
    routes: FxHashMap<(usize, Prefix), Vec<RouteDoubt>>,
    /// Of whole vantage points: nothing is known in them.
    sessions: FxHashMap<usize, Vec<Window>>,
    /// The same, and nothing follows from what was known before them either.
    breaks: FxHashMap<usize, Vec<Window>>,
}

/// A stretch in which a route is uncertain, except where it already was what it may have become.
#[derive(Clone, Debug)]
struct RouteDoubt {
    window: Window,
    may_be: Option<Held>,
    /// When the replay applied the change: from then on the route shows nothing but that.
    applied_at: Timestamp,
    /// Where the route already was that.
    agreed: Vec<Window>,
}

/// A stretch after which nothing is known, and the first RIB dump that tells the table after it.
#[derive(Clone, Copy, Debug)]
struct Break {
    window: Window,
    known_again: Timestamp,
}

impl Overlay {
    /// Marks a route as uncertain during `window`, in which it may have been anything.
    pub fn doubt_route(&mut self, peer: usize, prefix: Prefix, window: Window) {
        self.doubt_change(peer, prefix, window, None, window.start);
    }

    /// Marks a route as uncertain during `window`, in which it became `may_be` at an unknown instant. The replay let that
    /// happen at `applied_at`.
    pub fn doubt_change(
        &mut self,
        peer: usize,
        prefix: Prefix,
        window: Window,
        may_be: Option<Held>,
        applied_at: Timestamp,
    ) {
        self.routes.entry((peer, prefix)).or_default().push(RouteDoubt {
            window,
            may_be,
            applied_at,
            agreed: Vec::new(),
        });
    }

    /// All that the peer says is uncertain; what it was before and after is not.
    pub fn doubt_session(&mut self, peer: usize, window: Window) {
        self.sessions.entry(peer).or_default().push(window);
    }

    /// Nothing is known of the peer, and what it held before tells nothing of what it holds after.
    pub fn break_session(&mut self, peer: usize, window: Window) {
        self.breaks.entry(peer).or_default().push(window);
        self.doubt_session(peer, window);
    }

    /// Takes everything back. `dumps` are the instants at which RIB dumps made the table of a peer known again.
    pub fn apply(
        mut self,
        sessions: &mut Vec<PeerSpan>,
        routes: &mut Vec<RouteSpan>,
        dumps: impl Fn(usize, Family) -> Vec<Timestamp>,
    ) {
        let mut breaks: FxHashMap<(usize, Family), Vec<Break>> = FxHashMap::default();
        for (peer, windows) in std::mem::take(&mut self.breaks) {
            let windows = Window::united(windows);
            for family in Family::ALL {
                let dumps = dumps(peer, family);
                let after = |end: Timestamp| dumps.iter().copied().find(|at| *at >= end).unwrap_or(Timestamp::MAX);
                let of_window = |window: &Window| Break { window: *window, known_again: after(window.end) };
                breaks.insert((peer, family), windows.iter().map(of_window).collect());
            }
        }
        if !breaks.is_empty() {
            let broken = |span: RouteSpan| match breaks.get(&(span.peer, span.prefix.family())) {
                Some(breaks) => broken_route(span, breaks),
                None => vec![span],
            };
            *routes = std::mem::take(routes).into_iter().flat_map(broken).collect();
            // End-of-RIB does not show that a table is complete if part of the transfer was not recorded.
            let mut unheard: FxHashMap<(usize, Family, Timestamp), Timestamp> = FxHashMap::default();
            for span in sessions.iter().filter(|span| span.state == PeerState::Syncing) {
                let mut own = breaks.get(&(span.peer, span.family)).into_iter().flatten();
                if let Some(last) = own.rfind(|other| other.window.start < span.to && other.window.end > span.from) {
                    unheard.insert((span.peer, span.family, span.to), last.known_again);
                }
            }
            let broken = |span: PeerSpan| match breaks.get(&(span.peer, span.family)) {
                Some(breaks) => {
                    let known_again = unheard.get(&(span.peer, span.family, span.from)).copied();
                    let parts = incomplete_until(span, known_again.unwrap_or(Timestamp::MIN));
                    parts.into_iter().flat_map(|span| broken_table(span, breaks)).collect()
                }
                None => vec![span],
            };
            *sessions = std::mem::take(sessions).into_iter().flat_map(broken).collect();
        }
        if !self.sessions.is_empty() {
            self.sessions.values_mut().for_each(|windows| *windows = Window::united(std::mem::take(windows)));
            let cut = |span: PeerSpan| match self.sessions.get(&span.peer) {
                Some(windows) => cut_session(span, windows),
                None => vec![span],
            };
            *sessions = std::mem::take(sessions).into_iter().flat_map(cut).collect();
        }
        if !self.routes.is_empty() {
            self.cut_routes(routes);
        }
    }

    fn cut_routes(mut self, routes: &mut Vec<RouteSpan>) {
        // A route that already was what it may have become is not in doubt.
        for span in routes.iter() {
            for doubt in self.routes.get_mut(&(span.peer, span.prefix)).into_iter().flatten() {
                let Ok(own) = Window::new(span.from, span.to.min(doubt.applied_at)) else { continue };
                let agrees = doubt.may_be.as_ref().is_some_and(|may_be| !span.held.differs_from(may_be));
                doubt.agreed.extend(own.intersect(&doubt.window).filter(|_| agrees));
            }
        }
        let uncertain = |(key, doubts): ((usize, Prefix), Vec<RouteDoubt>)| {
            let left = doubts.into_iter().flat_map(|doubt| doubt.window.without(&Window::united(doubt.agreed)));
            (key, Window::united(left.collect()))
        };
        let doubts: FxHashMap<(usize, Prefix), Vec<Window>> = self.routes.into_iter().map(uncertain).collect();
        let mut cut = Vec::with_capacity(routes.len());
        let mut evidence: FxHashMap<(usize, Prefix), Evidence> = FxHashMap::default();
        for span in routes.drain(..) {
            match doubts.get(&(span.peer, span.prefix)) {
                None => cut.push(span),
                Some(windows) => {
                    evidence.entry((span.peer, span.prefix)).or_insert(span.evidence);
                    cut.extend(without(span, windows));
                }
            }
        }
        for ((peer, prefix), windows) in doubts {
            let evidence = evidence.get(&(peer, prefix)).copied().unwrap_or(Evidence::Announce);
            cut.extend(windows.into_iter().map(|window| unknown(peer, prefix, window, evidence)));
        }
        *routes = cut;
    }
}

fn unknown(peer: usize, prefix: Prefix, window: Window, evidence: Evidence) -> RouteSpan {
    let Window { start, end } = window;
    RouteSpan { peer, prefix, from: start, to: end, held: Held::Unknown, evidence, announced_at: start, record: None }
}

/// What is left of a span outside of some stretches, which are in order and apart.
fn without(span: RouteSpan, windows: &[Window]) -> Vec<RouteSpan> {
    let left = Window { start: span.from, end: span.to }.without(windows);
    left.into_iter().map(|Window { start, end }| RouteSpan { from: start, to: end, ..span.clone() }).collect()
}

/// A route that was known before a stretch is known again once it is announced or a RIB dump lists it.
fn broken_route(span: RouteSpan, breaks: &[Break]) -> Vec<RouteSpan> {
    let (mut parts, mut rest) = (Vec::new(), Some(span));
    for Break { window, known_again } in breaks {
        let Some(span) = rest.take() else { break };
        if span.from >= window.end || span.to <= window.start || span.held == Held::Unknown {
            rest = Some(span);
            continue;
        }
        let heard_again = if span.announced_at >= window.end { span.announced_at } else { span.to };
        let start = span.from.max(window.start);
        let until = heard_again.min(*known_again).max(window.end).min(span.to);
        if span.from < start {
            parts.push(RouteSpan { to: start, ..span.clone() });
        }
        parts.push(unknown(span.peer, span.prefix, Window { start, end: until }, span.evidence));
        rest = (until < span.to).then_some(RouteSpan { from: until, ..span });
    }
    parts.extend(rest);
    parts
}

/// From a stretch on, what the peer does not say is not known, until a RIB dump tells the whole table.
fn broken_table(span: PeerSpan, breaks: &[Break]) -> Vec<PeerSpan> {
    let (mut parts, mut rest) = (Vec::new(), Some(span));
    for Break { window, known_again } in breaks {
        let Some(span) = rest.take() else { break };
        if !span.complete || span.from >= window.end || span.to <= window.end {
            rest = Some(span);
            continue;
        }
        let until = (*known_again).min(span.to);
        parts.push(PeerSpan { to: window.end, ..span.clone() });
        parts.push(PeerSpan { from: window.end, to: until, complete: false, record: None, ..span.clone() });
        rest = (until < span.to).then_some(PeerSpan { from: until, ..span });
    }
    parts.extend(rest);
    parts.retain(|span| span.from < span.to);
    parts
}

/// Marks a table as incomplete up to `at`.
fn incomplete_until(span: PeerSpan, at: Timestamp) -> Vec<PeerSpan> {
    if !span.complete || at <= span.from {
        return vec![span];
    }
    let at = at.min(span.to);
    let parts = [PeerSpan { to: at, complete: false, ..span.clone() }, PeerSpan { from: at, ..span }];
    parts.into_iter().filter(|span| span.from < span.to).collect()
}

/// Takes stretches, in order and apart, out of the time for which a session was up or being set up.
fn cut_session(span: PeerSpan, windows: &[Window]) -> Vec<PeerSpan> {
    if !span.state.is_open() {
        return vec![span];
    }
    let (mut parts, mut at) = (Vec::new(), span.from);
    for window in windows.iter().filter(|window| window.start < span.to && window.end > span.from) {
        let (from, to) = (window.start.max(span.from), window.end.min(span.to));
        if at < from {
            parts.push(PeerSpan { from: at, to: from, ..span.clone() });
        }
        let state = PeerState::Unknown;
        parts.push(PeerSpan { from, to, state, complete: false, record: None, ..span.clone() });
        at = to;
    }
    if at < span.to {
        parts.push(PeerSpan { from: at, ..span });
    }
    parts
}
