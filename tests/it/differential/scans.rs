//! A scan of the whole table of a random history: every prefix with an outage or a flap is among those that it chooses, and the findings
//! about these are those of a question about them.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use outage_replay::bgp::Prefix;
use outage_replay::catalog::Mirror;
use outage_replay::pipeline::scan;
use outage_replay::query::{Match, RibChoice, Target};
use outage_replay::run;

use super::questions::for_each_of;
use super::{options, query};

/// Histories of a usual run.
const N_HISTORIES: u64 = 100;

#[test]
fn no_prefix_is_out_that_a_scan_leaves_out() {
    let (n_out, n_chosen, n_prefixes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    for_each_of(N_HISTORIES, |history, folder| {
        let mirror = Mirror::open(folder).expect("an archive");
        let everything = ["0.0.0.0/0", "::/0"]
            .map(|all| Target::Prefix(all.parse().expect("a prefix"), Match::MoreSpecific))
            .to_vec();
        for ribs in [RibChoice::All, RibChoice::Auto] {
            let query = query(everything.clone(), history.window, ribs);
            let options = options(history, 2);
            let whole = run(&query, &mirror, &options, &()).expect("a report");
            let scanned = scan(&query, &mirror, &options, &()).expect("a scan");
            let chosen: BTreeSet<Prefix> = (scanned.targets.iter())
                .filter_map(
                    |target| if let Target::Prefix(prefix, Match::Exact) = target { Some(*prefix) } else { None },
                )
                .collect();
            let found = |report: &outage_replay::report::Report| -> BTreeSet<(Prefix, String)> {
                let outages = report.findings.outages.iter();
                let outages = outages.filter_map(|outage| Some((outage.subject.prefix?, format!("{:?}", outage.fall))));
                let flaps = report.findings.episodes.iter().flat_map(|episode| {
                    episode.flaps.iter().filter_map(|flap| Some((episode.subject.prefix?, format!("{flap:?}"))))
                });
                outages.chain(flaps).collect()
            };
            let expected = found(&whole);
            n_out.fetch_add(expected.iter().map(|(prefix, _)| prefix).collect::<BTreeSet<_>>().len(), Relaxed);
            n_chosen.fetch_add(chosen.len(), Relaxed);
            n_prefixes.fetch_add(scanned.scan.expect("a scan").n_prefixes as usize, Relaxed);
            if let Some((prefix, fall)) = expected.iter().find(|(prefix, _)| !chosen.contains(prefix)) {
                return Err(format!("{ribs:?}: {prefix} is out and left out of {} chosen ones: {fall}", chosen.len()));
            }
            let narrow = run(&scanned, &mirror, &options, &()).expect("a report");
            let narrow = found(&narrow);
            if let Some(other) = narrow.symmetric_difference(&expected).next() {
                return Err(format!("{ribs:?}: only in one of them: {other:?}"));
            }
        }
        Ok(())
    });
    let (n_out, n_chosen, n_prefixes) = (n_out.into_inner(), n_chosen.into_inner(), n_prefixes.into_inner());
    println!("{n_prefixes} prefixes, {n_chosen} chosen, {n_out} out");
}
