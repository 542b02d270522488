//! Records whose time is wrong. The order of the file is the order on the wire.

use super::bytes;
use super::judge::{Rule, each, exact, known, safe, safe_in};
use super::scene::{About, Record, Scene, written};

const OUTAGE: &str = "08:30:00..09:10:00";
const STEPS: [i64; 5] = [10, 60, 600, 7200, 86_400];

/// A KEEPALIVE of one peer that is written at a clock, with another time.
fn odd_keepalive(mut scene: Scene, clock: &str, off_by: i64) -> Scene {
    let at = scene.at(clock);
    scene.add(at, 4, About::Twist, &bytes::message(bytes::KEEPALIVE, &[]));
    scene.change(|record| record.about == About::Twist, move |record| record.stamp(at + off_by))
}

/// The time of one ordinary record is off.
fn odd_update(scene: Scene, clock: &str, off_by: i64) -> Scene {
    let from = scene.at(clock);
    let is_it = move |record: &Record| record.peer == 4 && (from..from + 60).contains(&record.written);
    scene.change(is_it, move |record| record.stamp(record.written + off_by))
}

/// The clock of the collector is this many seconds fast until a moment at which it is corrected.
fn set_back(scene: Scene, clock: &str, seconds: i64) -> Scene {
    let step = scene.at(clock);
    scene.change(
        move |record| record.written < step,
        move |record| {
            record.clock += seconds;
            record.stamp(record.clock);
        },
    )
}

#[test]
fn one_keepalive_ahead_advances_no_other_peer() {
    each(Rule::Exact, STEPS.map(|by| (by, odd_keepalive(Scene::tidy(), "08:25:30", by), OUTAGE.to_owned())));
    each(Rule::Exact, STEPS.map(|by| (by, odd_keepalive(Scene::tidy(), "08:45:30", by), OUTAGE.to_owned())));
}

#[test]
fn one_keepalive_ahead_applies_no_later_rib_dump_early() {
    for by in [1800, 3600, 7200] {
        let mut scene = odd_keepalive(Scene::tidy(), "08:25:30", by);
        scene.dumps.extend([scene.dump_with("08:45:00", &[]), scene.dump("09:30:00")]);
        let found = exact(&scene, OUTAGE);
        known(&scene, &found, "08:10:00..09:50:00");
    }
}

#[test]
fn one_keepalive_far_ahead_but_inside_the_window_makes_nothing_late() {
    let scene = || {
        let mut scene = Scene::empty(Scene::calm().day).window("08:10:00 10:50:00");
        scene.span = (scene.at("07:45:00"), scene.at("11:00:00"));
        scene.dumps = vec![scene.dump("08:00:00"), scene.dump("09:30:00")];
        scene.chatter(60);
        scene.lost("08:40:00").back("09:10:00")
    };
    each(
        Rule::Safe,
        [600, 3000, 7200].map(|by| (by, odd_keepalive(scene(), "08:20:30", by), "08:40:00..09:10:00".to_owned())),
    );
}

#[test]
fn one_keepalive_with_an_earlier_time_changes_nothing() {
    each(Rule::Exact, STEPS.map(|by| (by, odd_keepalive(Scene::tidy(), "08:45:30", -by), OUTAGE.to_owned())));
}

#[test]
fn one_update_about_another_prefix_with_a_wrong_time_changes_nothing() {
    let members = STEPS.into_iter().flat_map(|by| [by, -by]);
    each(Rule::Exact, members.map(|by| (by, odd_update(Scene::tidy(), "08:25:00", by), OUTAGE.to_owned())));
}

#[test]
fn one_record_at_the_start_or_end_of_a_file_with_another_time_changes_nothing() {
    for clock in ["08:30:00", "08:34:59", "08:35:00", "07:45:00", "09:59:59"] {
        each(
            Rule::Exact,
            STEPS.map(|by| (format!("{clock} +{by}"), odd_keepalive(Scene::tidy(), clock, by), OUTAGE.to_owned())),
        );
    }
}

#[test]
fn records_of_the_years_1970_and_2106_change_nothing() {
    for at in [0, 1, i64::from(u32::MAX)] {
        let scene = odd_keepalive(Scene::tidy(), "08:45:30", 0);
        let scene = scene.change(|record| record.about == About::Twist, |record| record.stamp(at));
        exact(&scene, OUTAGE);
    }
}

#[test]
fn a_record_ahead_whose_file_is_missing_hides_no_outage() {
    let scene = odd_keepalive(Scene::tidy().window("08:10:00 09:30:00"), "08:22:00", 80 * 60);
    let mut files = scene.files();
    files.remove(&scene.update_file(scene.at("09:40:00"))).expect("the file of 09:40");
    safe_in(&scene, written(&files).path(), OUTAGE);
}

#[test]
fn the_withdrawal_of_one_peer_with_a_wrong_time_changes_no_answer() {
    let members = STEPS.into_iter().flat_map(|by| [by, -by]);
    each(
        Rule::Exact,
        members.map(|by| {
            let one = |record: &Record| record.about == About::Loss && record.peer == 2;
            (by, Scene::tidy().change(one, move |record| record.stamp(record.written + by)), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn withdrawals_stamped_too_late_make_no_endless_outage() {
    each(
        Rule::Safe,
        [30, 130, 470, 3600, 86_400].map(|by| {
            let scene = Scene::calm().lost("08:30:00").back("08:31:00");
            let is_loss = |record: &Record| record.about == About::Loss;
            (
                by,
                scene.change(is_loss, move |record| record.stamp(record.written + by)),
                "08:30:00..08:31:00".to_owned(),
            )
        }),
    );
}

#[test]
fn announcements_stamped_too_late_prolong_no_outage() {
    each(
        Rule::Safe,
        [130, 470, 3600].map(|by| {
            let is_back = |record: &Record| record.about == About::Back;
            (by, Scene::tidy().change(is_back, move |record| record.stamp(record.written + by)), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn announcements_stamped_too_early_hide_no_outage() {
    each(
        Rule::Safe,
        [130, 470, 2390, 2410, 3600].map(|by| {
            let is_back = |record: &Record| record.about == About::Back;
            (by, Scene::tidy().change(is_back, move |record| record.stamp(record.written - by)), OUTAGE.to_owned())
        }),
    );
}

#[test]
fn withdrawals_stamped_too_late_at_one_of_two_collectors_are_no_outage() {
    let first = Scene::calm().lost("08:30:00").back("08:31:00");
    let first = first.change(|record| record.about == About::Loss, |record| record.stamp(record.written + 470));
    let mut second = Scene::with_chatter(45).lost("08:30:00").back("08:31:00");
    second.layout.folder = second.layout.folder.replace("rrc99", "rrc98");
    second.layout.rib_folder = second.layout.folder.clone();
    let mut files = first.files();
    files.extend(second.files());
    safe_in(&first, written(&files).path(), "08:30:00..08:31:00");
}

#[test]
fn a_clock_that_is_set_back_while_the_prefix_is_away_for_seconds_makes_no_outage() {
    let steps = [10, 60, 120, 300].into_iter();
    let members = steps.flat_map(|by| [2, 5, 10, 60].map(|away| (by, away)));
    each(
        Rule::Safe,
        members.map(|(by, away)| {
            let mut scene = Scene::calm();
            let [lost, back] = [scene.at("08:32:30") - away / 2, scene.at("08:32:30") + away - away / 2];
            scene = scene.lost("08:32:30").back("08:32:30");
            for record in &mut scene.records {
                match record.about {
                    About::Loss => (record.written, record.clock) = (lost, lost),
                    About::Back => (record.written, record.clock) = (back, back),
                    _ => continue,
                }
                record.stamp(record.written);
            }
            (format!("back {by} s, away {away} s"), set_back(scene, "08:32:30", by), String::new())
        }),
    );
}

#[test]
fn a_clock_that_is_set_back_while_the_prefix_is_away_for_minutes_hides_no_outage() {
    each(
        Rule::Safe,
        [10, 60, 120, 300].map(|by| {
            let scene = set_back(Scene::calm().lost("08:30:50").back("08:34:10"), "08:32:30", by);
            (by, scene, "08:30:50..08:34:10".to_owned())
        }),
    );
    each(Rule::Safe, [10, 60, 120, 300].map(|by| (by, set_back(Scene::tidy(), "08:32:30", by), OUTAGE.to_owned())));
}

#[test]
fn a_clock_that_is_set_back_between_two_files_makes_no_outage() {
    each(
        Rule::Safe,
        [10, 60, 120, 300].map(|by| {
            let scene = Scene::calm().lost("08:34:58").back("08:35:03");
            (by, set_back(scene, "08:35:00", by), String::new())
        }),
    );
}

#[test]
fn a_clock_that_is_set_back_after_the_outage_leaves_its_edges() {
    each(Rule::Safe, [10, 60, 120].map(|by| (by, set_back(Scene::tidy(), "09:30:00", by), OUTAGE.to_owned())));
}

#[test]
fn a_clock_that_is_set_forward_makes_no_outage() {
    each(
        Rule::Safe,
        [60, 300, 3600].map(|by| {
            let scene = Scene::calm();
            let step = scene.at("08:45:00");
            let scene = scene.change(
                move |record| record.written >= step,
                move |record| {
                    record.clock += by;
                    record.stamp(record.clock);
                },
            );
            (by, scene, String::new())
        }),
    );
}

#[test]
fn too_many_microseconds_are_less_than_a_second_or_not_known() {
    let is_ours = |record: &Record| record.about == About::Loss || record.about == About::Back;
    exact(&Scene::tidy().change(is_ours, |record| record.micros(999_999)), OUTAGE);
    exact(&Scene::tidy().change(is_ours, |record| record.micros(1_500_000)), OUTAGE);
    each(
        Rule::Safe,
        [999_999_999, 600_000_000, u32::MAX].map(|micros| {
            (micros, Scene::tidy().change(is_ours, move |record| record.micros(micros)), OUTAGE.to_owned())
        }),
    );
    // Everything in nanoseconds.
    safe(&Scene::tidy().change(|_| true, |record| record.micros((record.written as u32 % 10) * 99_999_999)), OUTAGE);
}

#[test]
fn one_file_that_is_an_hour_off_makes_and_hides_no_outage() {
    for by in [-3600, 3600] {
        for (scene, truth) in [(Scene::calm(), ""), (Scene::tidy(), OUTAGE)] {
            let (from, to) = (scene.at("08:30:00"), scene.at("08:35:00"));
            let in_file = move |record: &Record| (from..to).contains(&record.written);
            safe(&scene.change(in_file, move |record| record.stamp(record.written + by)), truth);
        }
    }
}
