//! Intervals without records, inside files and between them.

use super::judge::{Rule, each, exact, known, safe, safe_in};
use super::scene::{About, Record, Scene, written};

const OUTAGE: &str = "08:30:00..09:10:00";

/// As RouteViews has it: files of 15 minutes and dumps of two hours.
fn routeviews(mut scene: Scene) -> Scene {
    scene.layout.folder = "route-views9/bgpdata/YYYY.MM/UPDATES".to_owned();
    scene.layout.rib_folder = "route-views9/bgpdata/YYYY.MM/RIBS".to_owned();
    (scene.layout.rib, scene.layout.suffix, scene.layout.slot) = ("rib", "bz2", 900);
    scene
}

fn busy_outage() -> Scene {
    routeviews(Scene::busy().lost("08:30:00").back("09:10:00"))
}

#[test]
fn files_of_fifteen_minutes_show_the_outage() {
    exact(&busy_outage(), OUTAGE);
}

#[test]
fn a_file_that_begins_late_hides_no_outage() {
    // Two minutes are what a daemon may need to write a RIB dump: they are no hole.
    for end in ["08:35:00", "08:37:00", "08:44:00"] {
        let hole = format!("08:30:00 {end}");
        let scene = busy_outage().dead(&hole);
        let found = safe(&scene, OUTAGE);
        known(&scene, &found, "08:10:00..08:29:50 09:10:30..09:50:00");
        // At the slower pace of the other scenes.
        safe(&routeviews(Scene::tidy()).dead(&hole), OUTAGE);
    }
}

#[test]
fn a_daemon_that_was_dead_in_the_middle_of_a_file_hides_no_outage() {
    let scene = || routeviews(Scene::busy().lost("08:33:00").back("09:10:00"));
    safe(&scene().dead("08:31:00 08:44:00"), "08:33:00..09:10:00");
    // Both the withdrawal and the return.
    let short = routeviews(Scene::busy().lost("08:33:00").back("08:40:00"));
    safe(&short.dead("08:31:00 08:44:00"), "08:33:00..08:40:00");
    // The return alone.
    safe(&busy_outage().dead("09:01:00 09:14:00"), OUTAGE);
}

#[test]
fn a_whole_container_that_ends_early_hides_no_outage() {
    let scene = routeviews(Scene::busy().lost("08:40:00").back("09:10:00"));
    safe(&scene.dead("08:37:00 08:45:00"), "08:40:00..09:10:00");
    let scene = routeviews(Scene::tidy());
    safe(&scene.dead("08:29:00 08:38:00"), OUTAGE);
}

#[test]
fn a_hole_of_many_files_hides_no_outage() {
    let scene = Scene::busy().lost("08:30:00").back("09:10:00");
    safe(&scene.dead("08:28:00 08:47:00"), OUTAGE);
}

#[test]
fn a_hole_inside_files_is_no_outage() {
    each(
        Rule::Safe,
        ["08:30:00 08:37:00", "08:31:00 08:44:00", "08:38:00 08:52:00"]
            .map(|hole| (hole, routeviews(Scene::busy()).dead(hole), String::new())),
    );
}

#[test]
fn one_small_peer_that_continues_does_not_fill_a_hole() {
    let mut scene = Scene::busy().lost("08:35:00").back("09:10:00").dead("08:30:00 08:50:00");
    let mut small = scene.peers[0];
    (small.asn, small.address) = (4200, "195.69.144.200".parse().expect("an address"));
    scene.peers.push(small);
    let three = scene.others()[..3].to_vec();
    scene.chatter_of(scene.peers.len() - 1, 5, scene.span.0, scene.span.1, &three);
    safe(&scene, "08:35:00..09:10:00");
}

/// Where every peer speaks rarely, a pause is no hole.
#[test]
fn a_collector_of_few_records_has_no_holes() {
    for interval in [300, 600] {
        let scene = Scene::with_chatter(interval).lost("08:30:00").back("09:10:00");
        let found = exact(&scene, OUTAGE);
        known(&scene, &found, "08:10:00..09:50:00");
    }
}

#[test]
fn a_pause_of_a_minute_is_no_hole() {
    let scene = busy_outage().dead("08:50:00 08:51:00");
    let found = exact(&scene, OUTAGE);
    known(&scene, &found, "08:10:00..08:49:00 08:52:00..09:50:00");
}

#[test]
fn the_time_after_the_last_record_is_unknown() {
    let scene = routeviews(Scene::busy()).dead("09:36:00 10:00:00");
    let found = safe(&scene, "");
    let end = scene.at("09:50:00");
    let unknown: i64 = found.unobserved.iter().map(|(from, to)| end.min(*to) - scene.at("09:37:00").max(*from)).sum();
    assert!(unknown >= 12 * 60, "13 minutes without a record are known: {:?}", found.unobserved);
}

/// An archive of a private collector, with an unpublished name and files of another length.
fn own(scene: Scene, minutes: i64) -> Scene {
    let mut scene = scene;
    scene.layout.folder = "lab-ams/YYYY.MM".to_owned();
    scene.layout.rib_folder = scene.layout.folder.clone();
    scene.layout.slot = minutes * 60;
    // Whole hours.
    scene.span = (scene.at("07:00:00"), scene.at("10:00:00"));
    scene
}

#[test]
fn the_files_of_ones_own_collector_have_their_own_length() {
    each(
        Rule::Exact,
        [1, 5, 10, 15, 20, 30, 60]
            .map(|minutes| (format!("{minutes} min"), own(Scene::tidy(), minutes), OUTAGE.to_owned())),
    );
}

#[test]
fn a_missing_file_of_ones_own_collector_hides_no_outage() {
    for minutes in [1, 5, 15, 30] {
        let scene = own(Scene::tidy(), minutes);
        let mut files = scene.files();
        files.remove(&scene.update_file(scene.at("08:30:00"))).expect("the file of 08:30");
        safe_in(&scene, written(&files).path(), OUTAGE);
    }
}

#[test]
fn missing_files_of_a_known_collector_hide_no_outage() {
    for (scene, slots) in [
        (Scene::tidy(), &["08:30:00"][..]),
        (Scene::tidy(), &["08:30:00", "08:35:00", "08:40:00"]),
        (routeviews(Scene::tidy()), &["08:30:00"]),
    ] {
        let mut files = scene.files();
        for slot in slots {
            files.remove(&scene.update_file(scene.at(slot))).expect("a file");
        }
        safe_in(&scene, written(&files).path(), OUTAGE);
    }
}

/// RIPE RIS went from files of 15 minutes to files of five in July 2003.
#[test]
fn missing_files_of_the_summer_of_2003_hide_no_outage() {
    // 2003-07-20, 07-23, 07-28 and 08-15.
    for day in [1_058_659_200, 1_058_918_400, 1_059_350_400, 1_060_905_600] {
        let mut scene = Scene::on(day);
        scene = scene.lost("08:30:00").back("09:10:00");
        exact(&scene, OUTAGE);
        let mut files = scene.files();
        for slot in ["08:30:00", "08:35:00"] {
            files.remove(&scene.update_file(scene.at(slot))).expect("a file");
        }
        safe_in(&scene, written(&files).path(), OUTAGE);
    }
}

#[test]
fn files_that_become_shorter_on_the_way_are_no_holes() {
    // 15 minutes until 09:00, five from then on.
    let scene = own(Scene::tidy(), 15);
    let mut later = own(Scene::tidy(), 5);
    later.dumps.clear();
    let step = scene.at("09:00:00");
    let mut files = scene.files();
    files.retain(|name, _| name.contains("bview") || *name < scene.update_file(step));
    files.extend(later.files().into_iter().filter(|(name, _)| *name >= later.update_file(step)));
    let ends = |record: &Record| record.about == About::Back;
    assert!(scene.records.iter().any(ends));
    safe_in(&scene, written(&files).path(), OUTAGE);
}

/// Names of route-views2 in US Pacific time, on the days on which summer time begins and ends in 2002.
#[test]
fn names_in_pacific_time_are_understood_on_the_days_the_clocks_change() {
    // 2002-04-07: 02:00 PST is 03:00 PDT, 10:00 UTC. 2002-10-27: 02:00 PDT is 01:00 PST, 09:00 UTC.
    let spring: fn(i64) -> i64 = |at| if at < 1_018_173_600 { at - 8 * 3600 } else { at - 7 * 3600 };
    let autumn: fn(i64) -> i64 = |at| if at < 1_035_709_200 { at - 7 * 3600 } else { at - 8 * 3600 };
    for (day, zone) in [(1_018_137_600, spring), (1_035_676_800, autumn)] {
        let mut scene = Scene::empty(day);
        scene.layout.zone = zone;
        scene.layout.folder = "route-views2/bgpdata/YYYY.MM/UPDATES".to_owned();
        scene.layout.rib_folder = "route-views2/bgpdata/YYYY.MM/RIBS".to_owned();
        (scene.layout.rib, scene.layout.suffix, scene.layout.slot) = ("rib", "bz2", 900);
        scene.span = (scene.at("07:45:00"), scene.at("13:00:00"));
        scene.chatter(60);
        scene.dumps = vec![scene.dump("08:00:00")];
        let scene = scene.window("08:30:00 12:30:00").lost("10:30:00").back("11:10:00");
        if day == 1_018_137_600 {
            exact(&scene, "10:30:00..11:10:00");
        } else {
            // An hour of names is there twice, and one file for two: what is lost by that is unknown.
            safe(&scene, "10:30:00..11:10:00");
        }
    }
}
