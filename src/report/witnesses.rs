//! What each usable vantage point held: who lost a network when, and when it had it again.

use super::drawing::{Reading, merged, thinned};
use super::*;
use crate::bgp::{Asn, VantagePoint};
use crate::detect::Outage;
use crate::visibility::{Piece, View, Vote};

/// A usable vantage point, and which part of some prefixes it held.
pub(super) struct Witness {
    pub vantage_point: VantagePoint,
    /// The AS before the origin on its path, before the outage.
    pub upstream: Option<Asn>,
    pub readings: Vec<Reading>,
    pub fate: Fate,
}

/// What became of the routes of a vantage point in an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It lost the last one at `lost`; `back` is when it had one again.
    Lost { lost: Instant, back: Option<Instant> },
    /// It kept one.
    Kept,
    /// It had none before.
    NoneBefore,
    /// What it had before is not known.
    Unknown,
}

/// When something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant {
    pub at: Timestamp,
    /// Whether it may have been before `at`: the time before is unknown.
    pub is_latest: bool,
}

/// Every vantage point that was usable for any of the prefixes of an outage; those that lost it first come first.
pub(super) fn witnesses(
    view: &View,
    prefixes: &[Prefix],
    origin: Option<Asn>,
    outage: &Outage,
    first_loss: Timestamp,
    most_readings: usize,
) -> Vec<Witness> {
    let mut own: Vec<Vec<Piece>> = vec![Vec::new(); view.vantage_points().len()];
    for piece in prefixes.iter().flat_map(|prefix| view.pieces(prefix)) {
        if let Some(pieces) = own.get_mut(piece.vantage_point) {
            pieces.push(piece);
        }
    }
    let usable = view.vantage_points().iter().zip(own).filter(|(_, pieces)| !pieces.is_empty());
    let witness = |(vantage_point, pieces): (&VantagePoint, Vec<Piece>)| {
        let held = held(&pieces, origin);
        let fate = fate(&held, first_loss, outage.end.unwrap_or(Timestamp::MAX));
        let readings = thinned(merged(held.into_iter(), view.window()), view.window(), most_readings);
        Witness { vantage_point: vantage_point.clone(), upstream: upstream(&pieces, first_loss), readings, fate }
    };
    let mut witnesses: Vec<Witness> = usable.map(witness).filter(|witness| !witness.readings.is_empty()).collect();
    witnesses.sort_by(|a, b| (a.fate, &a.vantage_point).cmp(&(b.fate, &b.vantage_point)));
    witnesses
}

/// Of how many prefixes it held a route over time, of those about which that is known.
fn held(pieces: &[Piece], origin: Option<Asn>) -> Vec<Reading> {
    let mut changes: Vec<(Timestamp, i64, i64)> = Vec::with_capacity(2 * pieces.len());
    for piece in pieces {
        let held = i64::from(piece.vote.sees(origin));
        changes.push((piece.window.start, held, 1));
        changes.push((piece.window.end, -held, -1));
    }
    changes.sort_unstable();
    let (mut readings, mut n, mut of): (Vec<Reading>, i64, i64) = (Vec::new(), 0, 0);
    for pair in changes.chunk_by(|a, b| a.0 == b.0).collect::<Vec<_>>().windows(2) {
        let [now, next] = pair else { continue };
        for (_, held, known) in *now {
            n += held;
            of += known;
        }
        let (Some((from, ..)), Some((to, ..))) = (now.first(), next.first()) else { continue };
        let Ok(window) = Window::new(*from, *to) else { continue };
        let (n, of) = (usize::try_from(n).unwrap_or(0), usize::try_from(of).unwrap_or(0));
        readings.push(Reading::new(window, (of > 0).then(|| n as f64 / of as f64), n, of));
    }
    readings
}

/// The AS before the origin on the path that was held last before an instant.
fn upstream(pieces: &[Piece], before: Timestamp) -> Option<Asn> {
    let paths = pieces.iter().filter(|piece| piece.window.start < before).filter_map(|piece| match &piece.vote {
        Vote::Present(Some(path), _) => Some((piece.window.end.min(before), path)),
        _ => None,
    });
    paths.max_by_key(|(until, _)| *until).and_then(|(_, path)| path.upstream())
}

/// What became of it between the first loss and the end of the outage.
fn fate(held: &[Reading], first: Timestamp, until: Timestamp) -> Fate {
    let mut before = held.iter().filter(|reading| reading.window.start < first).peekable();
    let last = before.by_ref().last().filter(|reading| reading.window.end >= first);
    match last.and_then(|reading| reading.share) {
        None => return Fate::Unknown,
        Some(share) if share <= 0.0 => return Fate::NoneBefore,
        Some(_) => {}
    }
    // A reading after one that is unknown, or after a hole, may have begun before.
    let instant = |index: usize| -> Option<Instant> {
        let reading = held.get(index)?;
        let previous = index.checked_sub(1).and_then(|index| held.get(index));
        let is_dated = previous.is_some_and(|p| p.share.is_some() && p.window.end == reading.window.start);
        Some(Instant { at: reading.window.start, is_latest: !is_dated })
    };
    let gone = held.iter().position(|r| r.window.start >= first && r.window.start < until && r.share == Some(0.0));
    let Some((index, lost)) = gone.and_then(|index| Some((index, instant(index)?))) else {
        return if is_known_throughout(held, first, until) { Fate::Kept } else { Fate::Unknown };
    };
    let rest = held.iter().enumerate().skip(index + 1);
    let back = rest.filter(|(_, reading)| reading.share > Some(0.0)).map(|(index, _)| index).next();
    Fate::Lost { lost, back: back.and_then(instant) }
}

/// Whether something was held all the time.
fn is_known_throughout(held: &[Reading], from: Timestamp, until: Timestamp) -> bool {
    let Some(end) = held.last().map(|last| last.window.end) else { return false };
    let Ok(whole) = Window::new(from, until.min(end)) else { return false };
    let has_some = held.iter().filter(|reading| reading.share > Some(0.0));
    has_some.filter_map(|reading| reading.window.intersect(&whole)).map(|part| part.duration()).sum::<Duration>()
        == whole.duration()
}
