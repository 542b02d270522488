//! Which update files are missing, judged by the names of those that are listed.

use std::time::Duration;

use super::mirror::unread;
use super::{ArchiveFile, DumpKind, Location, NAME_PRECISION, era, rhythm};
use crate::bgp::Collector;
use crate::coverage::{Gap, GapReason};
use crate::time::{Timestamp, Window};

/// The longest pause between two update files, if half of their interval is not shorter.
const LONGEST_PAUSE: Duration = Duration::from_secs(450);
/// The longest pause between files that are dated by their records: a collector may have nothing to write for this long.
const LONGEST_SILENCE: Duration = Duration::from_secs(150);

/// Returns the intervals of `start..end` that no update file covers; `next` is the first file after them.
///
/// Files follow each other at the interval of their era. A pause of up to half an interval (a restart of the daemon, a RIB
/// dump at the same time) is not a gap. After the last listed file, a pause cannot be told from a file that is not
/// published yet, so the time after its interval is a gap.
pub(super) fn missing(
    collector: &Collector,
    updates: &[ArchiveFile],
    next: Option<&ArchiveFile>,
    start: Timestamp,
    end: Timestamp,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut hole = |from: Timestamp, to: Timestamp, detail: String| {
        if let Ok(window) = Window::new(from.max(start), to.min(end)) {
            gaps.push(Gap { collector: collector.clone(), window, reason: GapReason::Missing, detail });
        }
    };
    let Some((first, last)) = updates.first().zip(updates.last()) else {
        hole(start, end, "no update file in the archive".to_owned());
        return gaps;
    };
    if era::opened(first).0 > start {
        hole(start, era::opened(first).1, format!("no update file before {}", first.name));
    }
    for pair in updates.windows(2) {
        let [file, next] = pair else { continue };
        if !follows(next, file) {
            let (from, to) = (era::opened(file).0 + era::interval(file), era::opened(next).1);
            hole(from, to, format!("no update file between {} and {}", file.name, next.name));
        }
    }
    let (opened, interval) = (era::opened(last), era::interval(last));
    if end > opened.1 + interval + NAME_PRECISION && !next.is_some_and(|next| follows(next, last)) {
        hole(opened.0 + interval, end, format!("no update file after {}", last.name));
    }
    gaps
}

/// Whether no file is missing between `file` and `next`.
pub(super) fn follows(next: &ArchiveFile, file: &ArchiveFile) -> bool {
    rhythm::spacing(file, next) <= era::interval(file) + pause(file)
}

/// Returns how long after the end of a file the next one may begin.
pub(super) fn pause(file: &ArchiveFile) -> Duration {
    match file.records {
        Some(_) => LONGEST_SILENCE,
        None => LONGEST_PAUSE.min(era::interval(file) / 2),
    }
}

/// Returns the files of one kind in order of time, each with the interval that is known of it or that the listing shows. Of two with the same time,
/// the first one that can be read is kept: copies were compared before.
pub(super) fn timed(files: &[&ArchiveFile], kind: DumpKind) -> Vec<ArchiveFile> {
    let mut files: Vec<&ArchiveFile> = files.iter().copied().filter(|file| file.kind == kind).collect();
    files.sort_by_key(|file| (era::opened(file), !is_read(file), &file.name));
    files.dedup_by(|a, b| a.named_at == b.named_at);
    let intervals = rhythm::intervals(&files);
    files
        .into_iter()
        .zip(intervals)
        .map(|(file, lasts)| ArchiveFile { lasts: file.lasts.or(lasts), ..file.clone() })
        .collect()
}

pub(super) fn is_read(file: &ArchiveFile) -> bool {
    !matches!(file.location, Location::Unread(_))
}

/// Returns a gap for each file in a container that is not supported.
pub(super) fn unread_gaps(
    collector: &Collector,
    updates: &[ArchiveFile],
    start: Timestamp,
    end: Timestamp,
) -> Vec<Gap> {
    let gap = |(index, file): (usize, &ArchiveFile)| {
        let (earliest, latest) = era::opened(file);
        let next = updates.get(index + 1).filter(|next| follows(next, file));
        let until = next.map_or(latest + era::interval(file), |next| era::opened(next).1);
        let window = Window::new(earliest.max(start), until.min(end)).ok()?;
        Some(Gap { collector: collector.clone(), window, reason: GapReason::Missing, detail: unread(file) })
    };
    updates.iter().enumerate().filter(|(_, file)| !is_read(file)).filter_map(gap).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::catalog::plan::tests::{at, files};
    use crate::catalog::{RibNotes, plan as planned};
    use crate::query::Query;

    fn gaps(collector: &str, listing: &str, from: &str, to: &str) -> String {
        let query = Query::new(vec![], Window::new(at(from), at(to)).unwrap());
        let plan = planned(&query, &files(collector, listing), &RibNotes::default());
        let gaps = plan.collectors.iter().flat_map(|plan| &plan.gaps);
        gaps.map(|gap| format!("{}..{}", gap.window.start, gap.window.end)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_hour_that_summer_time_skips_is_no_gap_and_the_one_that_comes_twice_is() {
        let day = |day: &str, times: &str| {
            let times: Vec<String> = times.split(' ').map(|time| format!("{day}T{time}")).collect();
            format!("updates {}", times.join(" "))
        };
        let spring = day("2002-04-07", "01:00 01:15 01:30 01:45 03:00 03:15 03:30");
        assert_eq!(gaps("route-views2", &spring, "2002-04-07T09:10", "2002-04-07T10:40"), "");
        let autumn = day("2002-10-27", "00:30 00:45 01:00 01:15 01:30 01:45 02:00 02:15");
        assert_eq!(
            gaps("route-views2", &autumn, "2002-10-27T07:40", "2002-10-27T10:20"),
            "2002-10-27T08:00:00Z..2002-10-27T09:00:00Z 2002-10-27T09:00:00Z..2002-10-27T10:00:00Z"
        );
    }

    // RIPE RIS moved to five minutes in July 2003, on a day that is not known.
    #[test]
    fn a_listing_of_five_minutes_lacks_files_whatever_its_year() {
        let listing = "updates 2003-07-28T08:15 2003-07-28T08:20 2003-07-28T08:25 2003-07-28T08:40 2003-07-28T08:45";
        let gaps = gaps("rrc00", listing, "2003-07-28T08:20", "2003-07-28T08:45");
        assert_eq!(gaps, "2003-07-28T08:30:00Z..2003-07-28T08:40:00Z");
    }

    #[test]
    fn a_file_in_a_container_that_is_not_read_is_a_gap_that_names_it() {
        let mut files = files("rrc00", "rib 08:00 updates 08:00 08:05 08:10 08:15");
        for file in files.iter_mut().filter(|file| file.name.ends_with("08:05")) {
            file.name = "rrc00/updates.20141222.0805.xz".to_owned();
            file.location = Location::Unread(PathBuf::new());
        }
        let query = Query::new(vec![], Window::new(at("2014-12-22T08:00"), at("2014-12-22T08:15")).unwrap());
        let plan = planned(&query, &files, &RibNotes::default());
        let plan = &plan.collectors[0];
        // Beside those of the window the one behind it.
        assert_eq!(plan.updates.len(), 3);
        let gaps: Vec<_> = plan
            .gaps
            .iter()
            .map(|gap| (format!("{}..{}", gap.window.start, gap.window.end), gap.detail.as_str()))
            .collect();
        let detail = "rrc00/updates.20141222.0805.xz: .xz is not read; decompress it, or compress it with gzip, bzip2 or \
                      Zstandard";
        assert_eq!(gaps, [("2014-12-22T08:05:00Z..2014-12-22T08:10:00Z".to_owned(), detail)]);
    }

    #[test]
    fn dumps_of_another_rhythm_are_missed_in_step() {
        let missing = |listing: &str| -> String {
            let window = Window::new(at("2014-12-22T00:35"), at("2014-12-22T04:00")).unwrap();
            let plan = planned(&Query::new(vec![], window), &files("lab", listing), &RibNotes::default());
            let missing = plan.collectors.iter().flat_map(|plan| plan.missing_ribs(window));
            missing.map(|at| at.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(missing("rib 00:20 01:20 02:20 03:20 04:20"), "");
        assert_eq!(missing("rib 2014-12-21T23:20 00:20 01:20 03:20 04:20"), "2014-12-22T02:20:00Z");
    }
}
