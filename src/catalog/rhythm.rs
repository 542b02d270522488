//! The interval between the files of a listing, judged by the names around each of them.
//!
//! The usual interval of the publisher holds until the listing shows another one. An interval that is too long would hide
//! missing files, so a longer one needs clear support from the names, and the records of each file must confirm it
//! ([`ArchiveFile::stretched`]).

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ArchiveFile, DumpKind, era};

const MINUTE: u64 = 60;

/// How many steps from name to name, before a file and after it, are used to find its interval.
const NEIGHBOURS: usize = 8;
/// This many equal steps are not a coincidence.
const MIN_SIDE: usize = 3;
/// The fewest steps on either side of a change.
const MIN_PART: usize = 2;
/// In minutes. Files that are further apart belong to separate listings.
const LONGEST_UPDATES: u64 = 4 * 60;
const LONGEST_RIBS: u64 = 7 * 24 * 60;

/// Returns how long each file lasts until the next one is due, for the files of one collector and kind in order of time. None
/// means the usual interval of the publisher.
pub(super) fn intervals(files: &[&ArchiveFile]) -> Vec<Option<Duration>> {
    let steps: Vec<Option<u64>> = files.windows(2).map(|pair| step(pair.first()?, pair.get(1)?)).collect();
    let of = |(index, file): (usize, &&ArchiveFile)| {
        if file.records.is_some() {
            return None;
        }
        let before: Vec<u64> = steps.iter().take(index).rev().take(NEIGHBOURS).map_while(|step| *step).collect();
        let before: Vec<u64> = before.into_iter().rev().collect();
        let after: Vec<u64> = steps.iter().skip(index).take(NEIGHBOURS).map_while(|step| *step).collect();
        let usual = Usual {
            minutes: era::usual_interval(file).map(|usual| usual.as_secs() / MINUTE),
            is_published: file.collector_is_published(),
            is_of_ribs: file.kind == DumpKind::Rib,
        };
        at(&before, &after, usual).map(|minutes| Duration::from_secs(minutes * MINUTE))
    };
    files.iter().enumerate().map(of).collect()
}

/// Returns the minutes from one file to the next. None if their names do not show it.
fn step(file: &ArchiveFile, next: &ArchiveFile) -> Option<u64> {
    if file.records.is_some() || next.records.is_some() {
        return None;
    }
    let longest = match file.kind {
        DumpKind::Updates => LONGEST_UPDATES,
        DumpKind::Rib => LONGEST_RIBS,
    };
    let micros = spacing(file, next).as_micros() as u64;
    let minutes = (micros + MINUTE * 500_000) / (MINUTE * 1_000_000);
    (minutes > 0 && minutes <= longest).then_some(minutes)
}

/// Returns how much later `next` was opened than `file`: the maximum if a name in local time is ambiguous.
pub(super) fn spacing(file: &ArchiveFile, next: &ArchiveFile) -> Duration {
    let shift = |file: &ArchiveFile| {
        let (earliest, latest) = era::opened(file);
        (earliest.micros_since(file.named_at), latest.micros_since(file.named_at))
    };
    let (earliest, latest) = (era::opened(file).0, era::opened(next).1);
    // Two names in the same ambiguous hour have the same offset.
    let micros = match shift(file) == shift(next) {
        true => next.named_at.micros_since(file.named_at),
        false => latest.micros_since(earliest),
    };
    Duration::from_micros(micros.max(0).unsigned_abs())
}

/// The interval to expect before any name is seen.
#[derive(Clone, Copy)]
struct Usual {
    minutes: Option<u64>,
    /// Whether RIPE RIS or RouteViews has a collector of that name. The interval of other collectors is unknown.
    is_published: bool,
    /// Whether the files are RIB dumps, for which a short interval is not a safe guess.
    is_of_ribs: bool,
}

/// Returns the interval between `before` and `after`, in minutes.
fn at(before: &[u64], after: &[u64], usual: Usual) -> Option<u64> {
    let (steps, index) = ([before, after].concat(), before.len());
    let fits = |steps: &[u64], rhythm: u64| steps.iter().filter(|step| **step == rhythm).count();
    let single = rhythm(&steps, steps.len(), usual);
    let n_single = single.map_or(0, |single| fits(&steps, single));
    if n_single == steps.len() {
        return single;
    }
    // The interval changed here if two intervals fit clearly more steps than one does.
    let changes = MIN_PART..=steps.len().saturating_sub(MIN_PART);
    let two: Vec<(usize, u64)> = changes
        .filter_map(|change| {
            let (earlier, later) = steps.split_at(change);
            let (first, second) = (rhythm(earlier, MIN_SIDE, usual)?, rhythm(later, MIN_SIDE, usual)?);
            let here = if index < change { first } else { second };
            Some((fits(earlier, first) + fits(later, second), here))
        })
        .collect();
    let most = two.iter().map(|(n, _)| *n).max().filter(|n| *n >= n_single + MIN_PART);
    // If several places of the change fit equally well, the shorter interval hides no missing file.
    let changed = two.iter().filter(|(n, _)| Some(*n) == most).map(|(_, here)| *here).min();
    changed.or(single)
}

/// The step that all of these consist of. Missing files make multiples of it, restarts odd ones. One that is longer than a
/// publisher uses has to come `least` times, and twice.
fn rhythm(steps: &[u64], least: usize, usual: Usual) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    steps.iter().for_each(|step| *counts.entry(*step).or_default() += 1);
    let n = steps.len();
    let (mode, _) = counts.iter().max_by_key(|(step, count)| (**count, u64::MAX - **step))?;
    // Where more files are missing than there, the step itself is not the most frequent one.
    let shortest = counts.iter().find(|(_, count)| **count >= MIN_SIDE && **count * 4 >= n).map(|(step, _)| *step);
    let step = shortest.unwrap_or(*mode).min(*mode);
    let count = counts.get(&step).copied().unwrap_or(0);
    let is_shown = match usual.minutes {
        Some(minutes) if step == minutes => true,
        // Too short hides no update file.
        Some(minutes) if step < minutes => count >= MIN_SIDE || (count * 2 >= n && !usual.is_of_ribs),
        _ => {
            let wobble = step / 15;
            let is_multiple = |other: &u64| {
                let nearest = ((other + step / 2) / step).max(1) * step;
                nearest.abs_diff(*other) <= wobble
            };
            let is_odd = |other: &&u64| !is_multiple(other);
            let n_odd = steps.iter().filter(is_odd).count();
            // What the publisher's own rhythm explains speaks against a longer one.
            let contradicts =
                |other: &u64| !is_multiple(other) && usual.minutes.is_some_and(|minutes| other.is_multiple_of(minutes));
            let enough = if usual.is_published || usual.is_of_ribs { least.clamp(2, MIN_SIDE) } else { 1 };
            count >= enough && count * 2 >= n && n_odd * 4 <= n && !steps.iter().any(contradicts)
        }
    };
    is_shown.then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rhythm at each of the files, with steps between them in minutes.
    fn check(usual: u64, is_published: bool, steps: &[u64], expected: &str) {
        let usual = Usual { minutes: Some(usual), is_published, is_of_ribs: false };
        let of = |index: usize| {
            let (before, after) = steps.split_at(index);
            let before = &before[before.len().saturating_sub(NEIGHBOURS)..];
            let after = &after[..after.len().min(NEIGHBOURS)];
            at(before, after, usual).map_or("-".to_owned(), |minutes| minutes.to_string())
        };
        let found: Vec<String> = (0..=steps.len()).map(of).collect();
        assert_eq!(found.join(" "), expected, "{steps:?}");
    }

    #[test]
    fn an_own_rhythm_is_taken_from_the_names() {
        check(5, false, &[15, 15, 15], "15 15 15 15");
        check(5, false, &[60], "60 60");
        check(5, false, &[1, 1, 2, 1], "1 1 1 1 1");
        check(5, true, &[60, 60], "60 60 60");
        // One step of a published collector may as well be many missing files.
        check(5, true, &[60], "- -");
        check(5, false, &[], "-");
    }

    #[test]
    fn missing_files_and_restarts_do_not_change_it() {
        check(5, true, &[5, 10, 5, 5, 15, 5], "5 5 5 5 5 5 5");
        check(5, true, &[10, 10, 5, 10, 10], "- - - - - -");
        check(15, true, &[15, 15, 7, 15, 17, 15, 3, 3, 15], "15 15 15 15 15 15 15 15 15 15");
        check(5, false, &[15, 15, 7, 8, 15, 15, 15, 15, 15, 15, 15], "15 15 15 15 15 15 15 15 15 15 15 15");
        check(5, false, &[60, 120, 60], "60 60 60 60");
    }

    #[test]
    fn a_change_inside_the_listing_is_found_and_hides_no_file_beside_it() {
        check(15, true, &[15, 15, 15, 15, 5, 5, 5, 5], "15 15 15 15 5 5 5 5 5");
        check(15, true, &[15, 15, 15, 15, 10, 5, 5, 5, 5], "15 15 15 15 5 5 5 5 5 5");
        check(5, false, &[60, 60, 5, 5, 5, 5, 5], "60 60 5 5 5 5 5 5");
        // Of a published collector two wide steps in a row are missing files.
        check(5, true, &[5, 5, 5, 5, 10, 10], "5 5 5 5 5 5 5");
    }
}
