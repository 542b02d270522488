//! Falls of step functions written as text: `0 1.0 | 10 .4 | 40 ? | 60 1.0 | end 100`, instants in seconds.

use std::time::Duration;

use super::episodes::group;
use super::{BaselineRule, Censoring, Edge, Fall, Falls, Shares};
use crate::query::Thresholds;
use crate::time::{Steps, Timestamp, Window};

fn shares(text: &str) -> Shares {
    let at = |word: &str| Timestamp::from_micros((word.parse::<f64>().unwrap() * 1e6).round() as i64);
    let steps: Vec<Vec<&str>> = text.split('|').map(|step| step.split_whitespace().collect()).collect();
    let end = steps.last().and_then(|last| last.iter().find(|word| **word != "end")).unwrap();
    let mut shares = Steps::until(at(end));
    for step in &steps[..steps.len() - 1] {
        let share = (step[1] != "?").then(|| step[1].parse().unwrap());
        shares.push(at(step[0]), share);
    }
    shares
}

fn falls(text: &str) -> Falls {
    super::falls(&shares(text), &BaselineRule(Thresholds::default()))
}

fn seconds(at: Timestamp) -> String {
    (at.micros() as f64 / 1e6).to_string()
}

fn show(fall: &Fall) -> String {
    let mut words =
        vec![format!("{}..{}", seconds(fall.seen.start), seconds(fall.seen.end)), format!("min {}", fall.share_min)];
    if fall.parts.len() > 1 {
        words.push(format!("of {}", fall.parts.len()));
    }
    words.extend(fall.censored.iter().map(|censoring| censoring.as_ref().to_owned()));
    for (censoring, bounds) in [(Censoring::GapStart, &fall.start_bounds), (Censoring::GapEnd, &fall.end_bounds)] {
        if let (true, Some(earliest), Some(latest)) =
            (fall.censored.contains(&censoring), bounds.earliest, bounds.latest)
        {
            words.push(format!("in {}..{}", seconds(earliest), seconds(latest)));
        }
    }
    words.join(" ")
}

fn check(timeline: &str, expected: &str) {
    let found = falls(timeline);
    let outages = found.outages.iter().map(show);
    let flaps = found.flaps.iter().map(|fall| format!("flap {}", show(fall)));
    assert_eq!(outages.chain(flaps).collect::<Vec<_>>().join(" | "), expected, "{timeline}");
}

#[test]
fn a_fall_below_half_lasts_until_six_tenths_are_back() {
    check("0 1 | 100 .49 | 200 .55 | 300 .59 | 400 .6 | end 500", "100..400 min 0.49");
}

#[test]
fn a_share_of_exactly_one_half_is_not_down() {
    check("0 1 | 100 .5 | 900 1 | end 1000", "");
}

#[test]
fn oscillation_between_the_thresholds_is_one_outage() {
    check("0 1 | 10 .48 | 70 .55 | 130 .48 | 190 .55 | 250 .48 | 610 1 | end 700", "10..610 min 0.48");
}

#[test]
fn short_falls_are_flaps_and_do_not_add_up() {
    check("0 1 | 100 0 | 140 1 | 200 0 | 240 1 | end 900", "flap 100..140 min 0 | flap 200..240 min 0");
}

#[test]
fn outages_a_short_way_apart_are_merged_and_keep_their_parts() {
    check("0 1 | 1000 0 | 5000 1 | 5090 .1 | 6000 1 | end 7000", "1000..6000 min 0 of 2");
    check("0 1 | 1000 0 | 5000 1 | 5300 .1 | 6000 1 | end 7000", "1000..5000 min 0 | 5300..6000 min 0.1");
}

#[test]
fn a_flap_before_an_outage_does_not_move_its_start() {
    check("0 1 | 900 0 | 930 1 | 1000 0 | 5000 1 | end 7000", "1000..5000 min 0 | flap 900..930 min 0");
}

#[test]
fn edges_outside_the_data_are_censored() {
    check("0 0 | 500 1 | end 900", "0..500 min 0 left");
    check("0 1 | 500 0 | end 900", "500..900 min 0 right");
    // A fall that is not over may have any length.
    check("0 1 | 890 0 | end 900", "890..900 min 0 right");
    check("0 0 | 10 1 | end 900", "0..10 min 0 left");
    check("0 0 | end 900", "0..900 min 0 left right");
}

#[test]
fn unknown_intervals_change_no_state_and_widen_the_edges() {
    check("0 1 | 100 ? | 200 1 | end 900", "");
    check("0 1 | 100 ? | 200 0 | 600 1 | end 900", "200..600 min 0 gap_start in 100..200");
    check("0 1 | 100 0 | 400 ? | 600 1 | end 900", "100..400 min 0 gap_end in 400..600");
    check("0 1 | 100 0 | 200 ? | 600 0 | 700 1 | end 900", "100..700 min 0");
    check("0 ? | end 900", "");
    check("0 1 | 100 0 | 140 ? | 600 1 | end 900", "100..140 min 0 gap_end in 140..600");
    check("0 1 | 100 0 | 140 ? | 160 1 | end 900", "flap 100..140 min 0 gap_end in 140..160");
    // At the end of the window its state is not known.
    check("0 1 | 100 0 | 400 ? | end 900", "100..400 min 0 gap_end");
}

#[test]
fn the_fall_and_the_return_are_followed_from_their_first_to_their_last_change() {
    let timeline =
        "0 1 | 100 .9 | 110 .6 | 120 .4 | 140 .08 | 160 0 | 500 .1 | 520 .5 | 540 .7 | 560 .9 | 570 1 | end 900";
    let found = falls(timeline);
    let edge = |edge: &Edge| {
        let times = [Some(edge.first), edge.half, edge.most, Some(edge.last)];
        times.map(|at| at.map_or("-".to_owned(), seconds)).join(" ")
    };
    let [fall] = found.outages.as_slice() else { panic!("one outage: {found:?}") };
    assert_eq!(edge(&fall.loss), "100 120 140 160");
    assert_eq!(edge(&fall.recovery.unwrap()), "500 520 560 570");
}

#[test]
fn the_last_return_is_not_before_the_end() {
    // The share is 1 for a minute between two merged falls, and lower at the end.
    let found = falls("0 1 | 100 0 | 300 1 | 360 .1 | 600 .7 | end 9000");
    let [fall] = found.outages.as_slice() else { panic!("one outage: {found:?}") };
    let recovery = fall.recovery.unwrap();
    assert_eq!([fall.seen.end, recovery.first, recovery.last].map(seconds), ["600", "600", "600"]);
}

#[test]
fn the_edges_of_an_outage_do_not_reach_into_its_neighbours() {
    // The share returns to 0.7 between the two outages and before a flap.
    let timeline = "0 1 | 100 .3 | 110 0 | 400 .7 | 600 .3 | 620 0 | 900 .3 | 910 .7 | 1000 0 | 1030 .7 | end 1100";
    let found = falls(timeline);
    let [first, second] = found.outages.as_slice() else { panic!("two outages: {found:?}") };
    let edge = |edge: Edge| [edge.first, edge.last].map(seconds).join(" ");
    assert_eq!([edge(first.loss), edge(first.recovery.unwrap())], ["100 110", "400 400"]);
    assert_eq!([edge(second.loss), edge(second.recovery.unwrap())], ["600 620", "900 910"]);
}

#[test]
fn forty_vantage_points_that_withdraw_one_by_one_cross_one_half_with_the_twenty_first() {
    let mut timeline = "0 1".to_owned();
    for lost in 1..=40 {
        let at = 1000.0 + f64::from(lost - 1) * 180.0 / 39.0;
        timeline.push_str(&format!(" | {at} {}", f64::from(40 - lost) / 40.0));
    }
    timeline.push_str(" | 9000 1 | end 9999");
    let found = falls(&timeline);
    let [fall] = found.outages.as_slice() else { panic!("one outage: {found:?}") };
    assert_eq!(fall.loss.first, Timestamp::from_secs(1000));
    assert_eq!(seconds(fall.seen.start), "1092.307692");
    assert_eq!(fall.loss.most.map(seconds).unwrap(), "1161.538462");
    assert_eq!(fall.loss.last, Timestamp::from_secs(1180));
}

#[test]
fn falls_within_six_hours_are_one_episode() {
    let window = |start: i64, end: i64| Window { start: Timestamp::from_secs(start), end: Timestamp::from_secs(end) };
    let windows = [window(0, 10), window(20_000, 20_010), window(41_611, 41_620)];
    assert_eq!(group(&windows, Duration::from_secs(6 * 3600)), [1, 1, 2]);
}
