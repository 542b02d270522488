//! The folders of the publishers' servers: one a month and collector, at RouteViews one for each kind of file too.

use std::time::Duration;

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use crate::archive::{ArchiveFile, DumpKind, Location};
use crate::bgp::{Collector, Project};
use crate::catalog::era;
use crate::time::{Timestamp, Window};

/// One folder.
#[derive(Clone, Debug)]
pub(super) struct MonthFolder {
    pub(super) collector: Collector,
    pub(super) project: Project,
    /// The kinds of files in it.
    pub(super) kinds: &'static [DumpKind],
    /// The month that the files are named after.
    pub(super) month: Window,
}

impl MonthFolder {
    /// Returns the folders of a collector that contain files named in `span`, in order of time.
    pub(super) fn all(collector: &Collector, span: Window) -> Vec<MonthFolder> {
        let project = collector.project();
        let kinds: &[&'static [DumpKind]] = match project {
            Project::RipeRis => &[&[DumpKind::Rib, DumpKind::Updates]],
            Project::RouteViews => &[&[DumpKind::Rib], &[DumpKind::Updates]],
        };
        let mut folders = Vec::new();
        let mut at = span.start;
        while let Some(month) = month_of(at).filter(|month| month.start < span.end) {
            let of_kinds =
                |kinds: &&'static [DumpKind]| MonthFolder { collector: collector.clone(), project, kinds, month };
            folders.extend(kinds.iter().map(of_kinds));
            at = month.end;
        }
        folders
    }

    /// Returns its path in the publishers' layout, which is also its path in the cache.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collector, self.below_collector())
    }

    /// Returns the paths at which its publisher may have it. route-views2 was published without a folder of its own first, and
    /// copies of the archive have it there.
    pub(super) fn published_paths(&self) -> Vec<String> {
        let old = (self.collector.name() == "route-views2").then(|| self.below_collector());
        old.into_iter().chain([self.path()]).collect()
    }

    fn below_collector(&self) -> String {
        let month = self.month.start.to_datetime().format("%Y.%m");
        match (self.project, self.kinds) {
            (Project::RipeRis, _) => month.to_string(),
            (Project::RouteViews, [DumpKind::Rib]) => format!("bgpdata/{month}/RIBS"),
            (Project::RouteViews, _) => format!("bgpdata/{month}/UPDATES"),
        }
    }

    /// Returns kind and time of a file by its name in this folder. None for other names.
    pub(super) fn parse(&self, name: &str) -> Option<(DumpKind, Timestamp)> {
        let mut words = name.split('.');
        let (word, date, time, suffix) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let is_number = |word: &str, length| word.len() == length && word.bytes().all(|byte| byte.is_ascii_digit());
        if words.next().is_some() || suffix != self.suffix() || !is_number(date, 8) || !is_number(time, 4) {
            return None;
        }
        let kind = *self.kinds.iter().find(|kind| self.word(**kind) == word)?;
        let at = NaiveDateTime::parse_from_str(&format!("{date} {time}"), "%Y%m%d %H%M").ok()?;
        let at = Timestamp::from_secs(at.and_utc().timestamp());
        self.month.contains(at).then_some((kind, at))
    }

    /// Returns the names of the files of a kind that are published at regular times in `span`. Empty for times at which the
    /// publisher's schedule is not known.
    pub(super) fn usual_names(&self, kind: DumpKind, span: Window) -> Vec<(String, Timestamp)> {
        let Some(span) = span.intersect(&self.month) else { return Vec::new() };
        // Where the schedule of RIB dumps is not known, update files are named after odd minutes.
        let Some(rib_interval) = era::rib_interval_at(self.project, span.start) else { return Vec::new() };
        let interval = match kind {
            DumpKind::Rib => rib_interval,
            DumpKind::Updates => era::update_interval_at(self.project, span.start),
        };
        let step = interval.as_secs().max(60) as i64;
        let first = Timestamp::from_secs(span.start.secs().div_euclid(step) * step);
        let slots = (0..).map(|n| first + Duration::from_secs(n * step.unsigned_abs()));
        let named = slots.take_while(|at| *at < span.end).filter(|at| span.contains(*at));
        let name =
            |at: Timestamp| format!("{}.{}.{}", self.word(kind), at.to_datetime().format("%Y%m%d.%H%M"), self.suffix());
        named.map(|at| (name(at), at)).collect()
    }

    /// Returns a file of this folder at a URL.
    pub(super) fn file(&self, name: &str, url: String, size: u64) -> Option<ArchiveFile> {
        let (kind, named_at) = self.parse(name)?;
        Some(ArchiveFile {
            collector: self.collector.clone(),
            named_at,
            kind,
            project: self.project,
            name: format!("{}/{name}", self.path()),
            location: Location::Remote { url, size },
            lasts: None,
            records: None,
        })
    }

    fn word(&self, kind: DumpKind) -> &'static str {
        match (self.project, kind) {
            (_, DumpKind::Updates) => "updates",
            (Project::RipeRis, DumpKind::Rib) => "bview",
            (Project::RouteViews, DumpKind::Rib) => "rib",
        }
    }

    fn suffix(&self) -> &'static str {
        match self.project {
            Project::RipeRis => "gz",
            Project::RouteViews => "bz2",
        }
    }
}

/// Returns the month of an instant. None if it is beyond the calendar.
fn month_of(at: Timestamp) -> Option<Window> {
    let day = at.to_datetime();
    let next = if day.month() == 12 { (day.year() + 1, 1) } else { (day.year(), day.month() + 1) };
    let first = |(year, month)| {
        let midnight = NaiveDate::from_ymd_opt(year, month, 1)?.and_hms_opt(0, 0, 0)?;
        Some(Timestamp::from_secs(midnight.and_utc().timestamp()))
    };
    Window::new(first((day.year(), day.month()))?, first(next)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(collector: &str, from: &str, to: &str) -> Vec<MonthFolder> {
        let span = Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        MonthFolder::all(&Collector::new(collector), span)
    }

    #[test]
    fn each_month_is_a_folder_in_the_layout_of_its_project() {
        let paths = |collector, from, to| -> Vec<String> {
            folders(collector, from, to).iter().flat_map(MonthFolder::published_paths).collect()
        };
        assert_eq!(paths("rrc00", "2014-12-31", "2015-01-01T00:01"), ["rrc00/2014.12", "rrc00/2015.01"]);
        assert_eq!(paths("rrc00", "2014-12-01", "2015-01-01"), ["rrc00/2014.12"]);
        assert_eq!(
            paths("route-views2", "2014-12-22", "2014-12-23"),
            [
                "bgpdata/2014.12/RIBS",
                "route-views2/bgpdata/2014.12/RIBS",
                "bgpdata/2014.12/UPDATES",
                "route-views2/bgpdata/2014.12/UPDATES"
            ]
        );
    }

    #[test]
    fn only_names_of_the_folder_are_its_files() {
        let ris = &folders("rrc00", "2014-12-22", "2014-12-23")[0];
        assert_eq!(ris.parse("bview.20141222.0800.gz").unwrap().0, DumpKind::Rib);
        assert_eq!(ris.parse("updates.20141222.0805.gz").unwrap().1, "2014-12-22T08:05".parse().unwrap());
        for other in [
            "updates.20150101.0000.gz",
            "updates.20141222.0805.bz2",
            "updates.20141222.0805.gz.md5",
            "updates.20141222.0805",
            "updates.20141232.0805.gz",
            "updates.20141222.2405.gz",
            "updates.+2014122.0805.gz",
            "rib.20141222.0800.gz",
            "UPDATES.20141222.0805.gz",
            "./updates.20141222.0805.gz",
            "../updates.20141222.0805.gz",
            "/rrc00/2014.12/updates.20141222.0805.gz",
            "http://host/updates.20141222.0805.gz",
            "updates.20141222.0805.gz?x",
            "updates.20141222.0805.gz%00",
            "updates%2e20141222.0805.gz",
            "latest-bview.gz",
            "",
        ] {
            assert_eq!(ris.parse(other), None, "{other}");
        }
        let updates = &folders("route-views.sydney", "2014-12-22", "2014-12-23")[1];
        assert!(updates.parse("updates.20141222.0815.bz2").is_some());
        assert_eq!(updates.parse("rib.20141222.0800.bz2"), None);
    }

    #[test]
    fn usual_names_are_at_the_intervals_of_the_publisher() {
        let names = |collector: &str, kind, from: &str, to: &str| -> Vec<String> {
            let span = Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
            let of = folders(collector, from, to);
            of.iter()
                .filter(|folder| folder.kinds.contains(&kind))
                .flat_map(|of| of.usual_names(kind, span))
                .map(|n| n.0)
                .collect()
        };
        assert_eq!(
            names("rrc00", DumpKind::Rib, "2014-12-31T15:59", "2015-01-01T08:01"),
            ["bview.20141231.1600.gz", "bview.20150101.0000.gz", "bview.20150101.0800.gz"]
        );
        assert_eq!(
            names("route-views.sydney", DumpKind::Updates, "2014-12-22T08:00", "2014-12-22T08:30"),
            ["updates.20141222.0800.bz2", "updates.20141222.0815.bz2"]
        );
        assert_eq!(names("rrc00", DumpKind::Updates, "2001-01-10", "2001-01-11"), [""; 0]);
    }
}
