//! What the time in a file name means, by project and year.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Weekday};

use super::{ArchiveFile, DumpKind};
use crate::bgp::Project;
use crate::time::Timestamp;

const HOUR: u64 = 3600;

/// RouteViews named files in US Pacific time until 2003-02-03 19:00 UTC (routeviews.org, "data").
const ROUTEVIEWS_PACIFIC_UNTIL: Timestamp = Timestamp::from_secs(1_044_298_800);
/// Its collector route-views.eqix did so until 2006-02-01 21:00 UTC.
const EQIX_PACIFIC_UNTIL: Timestamp = Timestamp::from_secs(1_138_827_600);
/// RIPE RIS used Amsterdam time in September 1999 (a file named 10:41 begins at 08:41:39 UTC) and UTC by December.
const RIS_LOCAL_UNTIL: Timestamp = Timestamp::from_secs(943_920_000);
/// RIPE RIS moved from 15-minute to 5-minute files about July 2003; the exact day was not found.
const RIS_FIFTEEN_MINUTES_UNTIL: Timestamp = Timestamp::from_secs(1_059_696_000);

/// RIPE RIS dumps list short prefixes first since 2023 at the latest; those of 2010 were sorted by address. Which year between
/// them brought the change was not found.
const RIS_BY_LENGTH_SINCE: Timestamp = Timestamp::from_secs(1_514_764_800);

/// The longest interval between RIB dumps of either project.
const LONGEST_RIB_INTERVAL: Duration = Duration::from_secs(8 * HOUR);

/// Returns the earliest and the latest time at which the collector may have opened the file.
pub(super) fn opened(file: &ArchiveFile) -> (Timestamp, Timestamp) {
    let at = file.named_at;
    if file.records.is_some() {
        return (at, at);
    }
    let pacific_until = match file.collector.name() {
        "route-views.eqix" => EQIX_PACIFIC_UNTIL,
        _ => ROUTEVIEWS_PACIFIC_UNTIL,
    };
    match file.project {
        Project::RouteViews if at < pacific_until => {
            let (least, most) = pacific_offset(at);
            (at + Duration::from_secs(least * HOUR), at + Duration::from_secs(most * HOUR))
        }
        // Central European Summer Time is 2 hours ahead, standard time 1.
        Project::RipeRis if at < RIS_LOCAL_UNTIL => {
            (at - Duration::from_secs(2 * HOUR), at - Duration::from_secs(HOUR))
        }
        _ => (at, at),
    }
}

/// Returns how many hours US Pacific time is behind UTC at a local time, at least and at most. From 1987 to 2006 daylight time
/// lasted from 02:00 on the first Sunday in April to 02:00 on the last Sunday in October (15 U.S.C. 260a as of 1986). The
/// hour before its end occurs twice and the hour after its start never occurs, so a name in either is ambiguous.
fn pacific_offset(local: Timestamp) -> (u64, u64) {
    let Some(local) = DateTime::from_timestamp(local.secs(), 0).map(|local| local.naive_utc()) else { return (7, 8) };
    let sunday = |month: u32, n: u8| NaiveDate::from_weekday_of_month_opt(local.year(), month, Weekday::Sun, n);
    let at = |day: Option<NaiveDate>, hour: u32| day.and_then(|day| day.and_hms_opt(hour, 0, 0));
    let last_in_october = sunday(10, 5).or_else(|| sunday(10, 4));
    let bounds: [Option<NaiveDateTime>; 4] =
        [at(sunday(4, 1), 2), at(sunday(4, 1), 3), at(last_in_october, 1), at(last_in_october, 2)];
    let [Some(before), Some(begun), Some(ending), Some(over)] = bounds else { return (7, 8) };
    if local < before || local >= over {
        (8, 8)
    } else if local >= begun && local < ending {
        (7, 7)
    } else {
        (7, 8)
    }
}

/// Returns how long a file lasts until the next one of its kind is due.
pub(super) fn interval(file: &ArchiveFile) -> Duration {
    if let (Some(records), DumpKind::Updates) = (file.records, file.kind) {
        return records.duration();
    }
    file.lasts.or(usual_interval(file)).unwrap_or(LONGEST_RIB_INTERVAL)
}

/// Returns the interval at which the project published such files at the time. None for the first RIB dumps, whose schedule
/// is not documented.
pub(super) fn usual_interval(file: &ArchiveFile) -> Option<Duration> {
    match file.kind {
        DumpKind::Updates => Some(update_interval_at(file.project, file.named_at)),
        DumpKind::Rib => rib_interval_at(file.project, file.named_at),
    }
}

/// Returns how long an update file lasted at a time.
pub(super) fn update_interval_at(project: Project, at: Timestamp) -> Duration {
    match project {
        Project::RipeRis if at >= RIS_FIFTEEN_MINUTES_UNTIL => Duration::from_secs(300),
        _ => Duration::from_secs(900),
    }
}

/// Returns the interval between RIB dumps at a time. None if it is not documented.
pub(super) fn rib_interval_at(project: Project, at: Timestamp) -> Option<Duration> {
    match project {
        Project::RipeRis => (at >= RIS_FIFTEEN_MINUTES_UNTIL).then_some(LONGEST_RIB_INTERVAL),
        Project::RouteViews => (at >= ROUTEVIEWS_PACIFIC_UNTIL).then_some(Duration::from_secs(2 * HOUR)),
    }
}

/// Returns whether a RIB dump probably lists all short prefixes before the long ones, instead of each prefix next to those that
/// cover it. This may only decide in which order files are read: the order inside a file shows when it is read.
pub(crate) fn may_be_by_length(rib: &ArchiveFile) -> bool {
    rib.project == Project::RipeRis && rib.named_at >= RIS_BY_LENGTH_SINCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pacific_time_is_exact_except_in_the_hours_that_come_twice_or_never() {
        let offset = |at: &str| pacific_offset(at.parse().unwrap());
        for (at, expected) in [
            ("2002-01-01T00:12", (8, 8)),
            ("2002-04-07T01:59", (8, 8)),
            ("2002-04-07T02:30", (7, 8)),
            ("2002-04-07T03:00", (7, 7)),
            ("2002-10-27T00:59", (7, 7)),
            ("2002-10-27T01:00", (7, 8)),
            ("2002-10-27T01:59", (7, 8)),
            ("2002-10-27T02:00", (8, 8)),
            // October 2001 has four Sundays, April 2001 begins with one.
            ("2001-04-01T03:00", (7, 7)),
            ("2001-10-28T02:00", (8, 8)),
        ] {
            assert_eq!(offset(at), expected, "{at}");
        }
    }
}
