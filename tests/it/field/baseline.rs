//! The baseline, and outages at the edges of a window.

use outage_replay::detect::Scope;

use super::judge::{Found, exact, never_no_outage, safe};
use super::scene::{N_PEERS, Scene};

const OUTAGE: &str = "08:30:00..09:10:00";

#[test]
fn a_window_inside_an_outage_is_not_answered_with_no_outage() {
    for window in ["08:31:00 09:09:00", "08:40:00 09:00:00", "08:30:00 09:10:00", "08:30:01 09:00:00"] {
        let scene = Scene::tidy().window(window);
        safe(&scene, OUTAGE);
        never_no_outage(&scene.report());
    }
}

#[test]
fn a_window_inside_an_outage_of_two_days_is_not_answered_with_no_outage() {
    // The last dump that has the prefix is of the day before; dumps of the outage have it at two peers or at none.
    for stuck in [&[0, 1][..], &[]] {
        let mut scene = Scene::calm();
        let before = scene.dump("-24:00:00");
        scene.dumps = vec![before, scene.dump_with("00:00:00", stuck), scene.dump_with("08:00:00", stuck)];
        let scene = scene.window("08:10:00 09:50:00");
        let report = scene.report();
        let found = Found::from(&report);
        assert_eq!(
            found.faults(&[(scene.from, scene.to)], super::judge::Rule::Safe),
            Vec::<String>::new(),
            "{stuck:?}"
        );
        if !stuck.is_empty() {
            never_no_outage(&report);
        }
    }
}

#[test]
fn two_stuck_routes_of_twelve_full_feeds_are_not_a_baseline() {
    let mut scene = Scene::calm().lost_by("07:50:00", &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11]).window("08:10:00 09:00:00");
    scene.dumps = vec![scene.dump("00:00:00"), scene.dump_with("08:00:00", &[0, 1])];
    never_no_outage(&scene.report());
    safe(&scene, "07:50:00..10:00:00");
    // Nor when these two are withdrawn as well.
    let scene = scene.lost_by("08:40:00", &[0, 1]);
    never_no_outage(&scene.report());
    safe(&scene, "07:50:00..10:00:00");
}

#[test]
fn a_window_that_begins_in_an_outage_shows_its_end() {
    let scene = Scene::tidy().window("08:45:00 09:50:00");
    let found = safe(&scene, OUTAGE);
    never_no_outage(&scene.report());
    assert!(
        found.claims.is_empty() || found.claims.iter().any(|claim| claim.end == scene.at("09:10:00")),
        "{:?}",
        found.claims
    );
}

#[test]
fn a_window_that_ends_in_an_outage_shows_its_beginning() {
    let scene = Scene::tidy().window("08:10:00 08:50:00");
    let found = exact(&scene, OUTAGE);
    assert_eq!(found.claims.len(), 1, "{:?}", found.claims);
}

#[test]
fn a_fall_that_is_not_over_at_the_end_is_not_answered_with_no_outage() {
    for seconds in [10, 60, 119] {
        let mut scene = Scene::tidy();
        scene.to = scene.at("08:30:00") + seconds;
        never_no_outage(&scene.report());
        // Not even where the archive itself ends there.
        let end = scene.to;
        let mut scene = scene.without(|record| record.written > end);
        scene.span.1 = end;
        never_no_outage(&scene.report());
    }
}

#[test]
fn a_fall_of_a_minute_at_the_end_is_no_outage_where_later_files_show_its_end() {
    let scene = Scene::calm().lost("08:30:00").back("08:31:00").window("08:10:00 08:30:30");
    safe(&scene, "08:30:00..08:31:00");
    assert_eq!(Found::from(&scene.report()).claims, [], "it is back after a minute");
}

#[test]
fn the_same_outage_has_the_same_edges_and_witnesses_through_every_window() {
    let mut seen: Vec<(String, String)> = Vec::new();
    for window in
        ["08:10:00 09:50:00", "08:05:00 09:55:00", "08:29:00 09:11:00", "08:28:30 09:14:59", "07:50:00 09:30:00"]
    {
        let scene = Scene::tidy().window(window);
        exact(&scene, OUTAGE);
        let report = scene.report();
        let outages = report.findings.outages.iter().filter(|outage| outage.subject.scope == Scope::Prefix);
        let shown = outages.map(|o| {
            let (start, end) = (o.fall.start().expect("a start"), o.fall.end().expect("an end"));
            format!("{start} {end} {} of {} {}", o.counts.n_vantage_points_lost, o.counts.n_vantage_points, o.id)
        });
        seen.push((window.to_owned(), shown.collect()));
    }
    assert!(seen.windows(2).all(|pair| pair[0].1 == pair[1].1), "{seen:#?}");
}

#[test]
fn an_outage_has_the_same_id_through_a_window_that_begins_in_it() {
    let ids = |window: &str| -> Vec<String> {
        let report = Scene::tidy().window(window).report();
        report.findings.outages.iter().map(|outage| outage.id.clone()).collect()
    };
    assert_eq!(ids("08:10:00 09:50:00"), ids("08:10:00 08:50:00"));
    let inside = ids("08:45:00 09:50:00");
    assert!(inside.is_empty() || inside == ids("08:10:00 09:50:00"), "{inside:?}");
}

#[test]
fn a_prefix_that_is_announced_for_the_first_time_was_not_lost_before() {
    let new = |peers: &[usize]| {
        let mut scene = Scene::calm();
        scene.dumps = vec![scene.dump_with("00:00:00", &[]), scene.dump_with("08:00:00", &[])];
        scene.back_at("09:00:00", peers)
    };
    safe(&new(&[3]), "");
    safe(&new(&[3, 4]), "");
    safe(&new(&(0..N_PEERS).collect::<Vec<_>>()), "");
    // A dump afterwards makes no difference.
    let mut scene = new(&(0..N_PEERS).collect::<Vec<_>>());
    scene.dumps.push(scene.dump("09:30:00"));
    safe(&scene, "");
}

#[test]
fn a_prefix_that_is_new_in_the_window_is_lost_when_it_is_withdrawn() {
    let mut scene = Scene::calm();
    scene.dumps = vec![scene.dump_with("08:00:00", &[])];
    let scene = scene.back("08:20:00").lost("08:50:00").back("09:20:00");
    safe(&scene, "08:50:00..09:20:00");
    let found = Found::from(&scene.report());
    assert_eq!(found.claims.len(), 1, "{found:?}");
}

#[test]
fn a_prefix_that_only_a_dump_inside_the_window_lists_is_judged() {
    // It was announced before 08:15, where the archive has a hole.
    let mut scene = Scene::calm().lost("09:00:00").back("09:20:00");
    scene.dumps = vec![scene.dump_with("08:00:00", &[]), scene.dump("08:40:00")];
    let scene = scene.dead("08:10:00 08:20:00");
    safe(&scene, "09:00:00..09:20:00");
    let found = Found::from(&scene.report());
    assert!(found.claims.iter().any(|claim| claim.start == scene.at("09:00:00")), "{found:?}");
}

#[test]
fn a_beacon_that_is_down_at_both_ends_of_the_window_is_judged() {
    let mut scene = Scene::calm();
    scene.dumps = vec![scene.dump("00:00:00"), scene.dump_with("08:00:00", &[]), scene.dump("08:45:00")];
    let scene = scene.back("08:30:00").lost("09:10:00");
    safe(&scene, "00:00:01..08:30:00 09:10:00..10:00:00");
    let found = Found::from(&scene.report());
    assert!(found.claims.iter().any(|claim| claim.start == scene.at("09:10:00")), "{found:?}");
}
