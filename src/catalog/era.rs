//! What the time in a file name means: it has changed over the years and differs between projects.

use std::time::Duration;

use super::{ArchiveFile, DumpKind};
use crate::bgp::Project;
use crate::time::Timestamp;

const HOUR: u64 = 3600;

/// RouteViews named files in US Pacific time until 2003-02-03 19:00 UTC (routeviews.org, "data").
const ROUTEVIEWS_PACIFIC_UNTIL: Timestamp = Timestamp::from_secs(1_044_298_800);
/// Its collector route-views.eqix until 2006-02-01 21:00 UTC.
const EQIX_PACIFIC_UNTIL: Timestamp = Timestamp::from_secs(1_138_827_600);
/// RIPE RIS used Amsterdam time in September 1999 (a file named 10:41 begins at 08:41:39 UTC) and UTC by December.
const RIS_LOCAL_UNTIL: Timestamp = Timestamp::from_secs(943_920_000);
/// RIPE RIS moved from 15-minute to 5-minute files about July 2003; the exact day was not found.
const RIS_FIFTEEN_MINUTES_UNTIL: Timestamp = Timestamp::from_secs(1_059_696_000);

/// No RIB dumps of either project are further apart, by what they publish.
pub(super) const LONGEST_RIB_INTERVAL: Duration = Duration::from_secs(8 * HOUR);

/// Earliest and latest instant at which the collector may have opened the file.
pub(super) fn opened(file: &ArchiveFile) -> (Timestamp, Timestamp) {
    let at = file.named_at;
    let pacific_until = match file.collector.name() {
        "route-views.eqix" => EQIX_PACIFIC_UNTIL,
        _ => ROUTEVIEWS_PACIFIC_UNTIL,
    };
    match file.project {
        // Pacific Standard Time is 8 hours behind UTC, daylight time 7.
        Project::RouteViews if at < pacific_until => {
            (at + Duration::from_secs(7 * HOUR), at + Duration::from_secs(8 * HOUR))
        }
        // Central European Summer Time is 2 hours ahead, standard time 1.
        Project::RipeRis if at < RIS_LOCAL_UNTIL => {
            (at - Duration::from_secs(2 * HOUR), at - Duration::from_secs(HOUR))
        }
        _ => (at, at),
    }
}

/// How long an update file of that era lasts.
pub(super) fn update_interval(file: &ArchiveFile) -> Duration {
    debug_assert_eq!(file.kind, DumpKind::Updates);
    update_interval_at(file.project, file.named_at)
}

/// How long an update file lasts that begins then.
pub(super) fn update_interval_at(project: Project, at: Timestamp) -> Duration {
    match project {
        Project::RipeRis if at >= RIS_FIFTEEN_MINUTES_UNTIL => Duration::from_secs(300),
        _ => Duration::from_secs(900),
    }
}

/// How often a RIB dump was published then; of the first years nobody says.
pub(super) fn rib_interval_at(project: Project, at: Timestamp) -> Option<Duration> {
    match project {
        Project::RipeRis => (at >= RIS_FIFTEEN_MINUTES_UNTIL).then_some(LONGEST_RIB_INTERVAL),
        Project::RouteViews => (at >= ROUTEVIEWS_PACIFIC_UNTIL).then_some(Duration::from_secs(2 * HOUR)),
    }
}
