//! Impossible numbers: no part may be larger than its whole in any situation.

use proptest::prelude::*;

use super::{feeds, report};

/// What some of the feeds do, and when.
fn doing() -> impl Strategy<Value = String> {
    let who = prop::sample::subsequence(vec!["a", "b", "c", "p4", "p5", "p6"], 1..=6);
    let what = prop::sample::select(vec!["withdraw P", "announce P", "announce P \"4837\"", "down"]);
    (0..1500i64, who, what).prop_map(|(at, who, what)| format!("at +{at} {} {what}\n", who.join(",")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_part_is_larger_than_its_whole(events in prop::collection::vec(doing(), 1..8), skips in any::<bool>()) {
        let mut events = events;
        events.sort_by_key(|event| event[4..].split(' ').next().and_then(|at| at.parse::<i64>().ok()));
        let gap = if skips { "skip x updates +300\n" } else { "" };
        let scenario = feeds(6, &format!("{}{gap}rib x +600", events.concat()));
        for question in ["P 0..900", "AS131279 300..1200"] {
            let report = report(&scenario, question);
            for outage in &report.findings.outages {
                prop_assert!(outage.counts.n_vantage_points_lost <= outage.counts.n_vantage_points, "{}: {scenario}", outage.id);
                prop_assert!(outage.counts.n_peer_asns <= outage.counts.n_vantage_points, "{}: {scenario}", outage.id);
                for share in [Some(outage.visibility.min), Some(outage.fall.share_min), outage.visibility.before] {
                    prop_assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)), "{}: {scenario}", outage.id);
                }
                if let (Some(end), Some(recovery)) = (outage.fall.end(), outage.fall.recovery) {
                    prop_assert!(recovery.first <= recovery.last && recovery.last >= end, "{}: {scenario}", outage.id);
                }
                prop_assert!(outage.fall.loss.first <= outage.fall.loss.last, "{}: {scenario}", outage.id);
            }
            for timeline in &report.timelines {
                prop_assert!(timeline.baseline.asns.len() <= timeline.baseline.n_full_feeds, "{scenario}");
                for step in timeline.steps.values() {
                    prop_assert!(step.n_visible <= step.n_live, "{scenario}");
                    prop_assert!(step.n_baseline_visible <= step.n_baseline_live, "{scenario}");
                    prop_assert!(step.n_vantage_points_visible <= step.n_vantage_points, "{scenario}");
                }
            }
            for feeds in report.coverage.live_feeds.iter().flatten() {
                prop_assert!(feeds.n_full_feeds.is_none_or(|n| feeds.n_live <= n), "{scenario}");
            }
        }
    }
}
