//! What a broker lists: the shipped archive, or every collector for a month.

use std::fmt::Write;
use std::fs;

use outage_replay::archive::DumpKind;
use outage_replay::catalog::Mirror;

use super::servers::Servers;

/// Every file of the shipped archive.
pub fn shipped(archive: &str) -> String {
    let mut sql = format!(
        "INSERT INTO collectors VALUES
             (1,'rrc00','{archive}/rrc00','ripe-ris',300),
             (2,'route-views2','{archive}/route-views2/bgpdata','route-views',900),
             (3,'route-views.sydney','{archive}/route-views.sydney/bgpdata','route-views',900);\n"
    );
    for file in Mirror::open(&Servers::archive()).expect("the archive").files() {
        let collector = match file.collector.name() {
            "rrc00" => 1,
            "route-views2" => 2,
            "route-views.sydney" => 3,
            other => panic!("{other} is not in the index"),
        };
        let kind = if file.kind == DumpKind::Updates { 1 } else { 2 };
        let bytes = fs::metadata(Servers::archive().join(&file.name)).expect("a file").len();
        let at = file.named_at.secs();
        writeln!(
            sql,
            "INSERT INTO files(timestamp,collector_id,type_id,rough_size,exact_size) \
             VALUES ({at},{collector},{kind},{bytes},{bytes});"
        )
        .expect("text");
    }
    sql
}

/// The approximate size in bytes of a file of 2014: a RIB dump, and the updates of one interval. A full feed is 4 MB of
/// a dump (route-views.jinx, 2014-05-01, has one), 23 are some 90 MB; RIS published 380 kB every 5 minutes at rrc00.
const LARGE: [u32; 2] = [90_000_000, 1_200_000];
const SMALL: [u32; 2] = [20_000_000, 400_000];
const MULTIHOP: [&str; 6] = ["rrc00", "rrc01", "rrc03", "route-views2", "route-views3", "route-views.linx"];

/// Every collector that the broker's client knows, with every slot of December 2014 but one. None of it can be
/// downloaded.
pub fn world(archive: &str) -> String {
    let size = |name: &str| if MULTIHOP.contains(&name) { LARGE } else { SMALL };
    slots(archive, ("2014-12-01", "2015-01-01"), &size)
        + "DELETE FROM files WHERE type_id = 1 AND timestamp = unixepoch('2014-12-22 13:15:00')
               AND collector_id = (SELECT id FROM collectors WHERE name = 'route-views.sydney');\n"
}

/// The same in September 2026. The sizes of the named collectors are those that were seen, a RIB dump and fifteen minutes of updates;
/// others are taken to be like rrc04. The updates of these and of route-views.soxrs are assumed, in proportion.
pub fn world_of_2026(archive: &str) -> String {
    let size = |name: &str| match name {
        "rrc00" => [427_000_000, 18_000_000],
        "route-views2" => [82_000_000, 1_530_000],
        "route-views.sg" => [119_000_000, 3_100_000],
        "route-views.amsix" => [57_000_000, 2_200_000],
        // Its dumps were of this size in 2024.
        "route-views.soxrs" => [11_500_000, 320_000],
        _ => [70_000_000, 3_000_000],
    };
    slots(archive, ("2026-09-01", "2026-09-15"), &size)
}

/// Every collector that the broker's client knows, with every slot of some days; `size` returns the sizes of a RIB dump and of
/// fifteen minutes of updates.
fn slots(archive: &str, (from, to): (&str, &str), size: &dyn Fn(&str) -> [u32; 2]) -> String {
    let collectors = bgpkit_broker::load_collectors().expect("the collectors");
    assert_eq!(collectors.len(), 86);
    let mut sql = String::new();
    for (id, collector) in collectors.iter().enumerate() {
        let (name, is_ris) = (&collector.id, collector.project == "riperis");
        let (project, folder) = if is_ris { ("ripe-ris", "") } else { ("route-views", "/bgpdata") };
        let [rib, updates] = size(name);
        let (rib_interval, interval) = if is_ris { (28_800, 300) } else { (7_200, 900) };
        writeln!(
            sql,
            "INSERT INTO collectors VALUES ({id},'{name}','{archive}/{name}{folder}','{project}',{interval});"
        )
        .expect("text");
        for (kind, step, bytes) in [(1, interval, (u64::from(updates) * interval / 900) as u32), (2, rib_interval, rib)]
        {
            // Sizes go up and down by a quarter.
            writeln!(
                sql,
                "WITH RECURSIVE slot(at) AS (SELECT unixepoch('{from}') UNION ALL
                     SELECT at + {step} FROM slot WHERE at + {step} < unixepoch('{to}'))
                 INSERT INTO files(timestamp,collector_id,type_id,rough_size,exact_size)
                     SELECT at, {id}, {kind}, {bytes} * (75 + at / {step} % 50) / 100, 0 FROM slot;"
            )
            .expect("text");
        }
    }
    sql
}
