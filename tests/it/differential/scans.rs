//! A scan of the whole table of a random history: every network with an outage or a flap is among those that it chooses, and the findings
//! about these are those of a question about them.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use outage_replay::bgp::{Asn, Prefix};
use outage_replay::catalog::Mirror;
use outage_replay::detect::Scope;
use outage_replay::pipeline::scan;
use outage_replay::query::{Match, RibChoice, Scanned, Target};
use outage_replay::replay::RouteState;
use outage_replay::report::Report;
use outage_replay::run;

use super::questions::for_each_of;
use super::{everything, options, query};

/// Histories of a usual run.
const N_HISTORIES: u64 = 100;

#[test]
fn no_prefix_is_out_that_a_scan_leaves_out() {
    let (n_out, n_chosen, n_prefixes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    for_each_of(N_HISTORIES, |history, folder| {
        let mirror = Mirror::open(folder).expect("an archive");
        for ribs in [RibChoice::All, RibChoice::Auto] {
            let query = query(everything(), history.window, ribs);
            let options = options(history, 2);
            let whole = run(&query, &mirror, &options, &()).expect("a report");
            let scanned = scan(&query, &mirror, Scanned::Prefixes, &options, &()).expect("a scan");
            let chosen: BTreeSet<Prefix> = (scanned.targets.iter())
                .filter_map(
                    |target| if let Target::Prefix(prefix, Match::Exact) = target { Some(*prefix) } else { None },
                )
                .collect();
            let found = |report: &Report| -> BTreeSet<(Prefix, String)> {
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
            n_prefixes.fetch_add(scanned.scan.expect("a scan").n_named as usize, Relaxed);
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

/// Every AS that originates a route in a report.
fn origins(report: &Report) -> BTreeSet<Asn> {
    let of_replays = report.replays.iter().flat_map(|replay| {
        let spans = replay.routes.iter().filter_map(|span| match &span.state {
            RouteState::Present(Some(path)) => Some(path),
            _ => None,
        });
        let holders = replay.tables.iter().flat_map(|table| table.holders.values().flatten());
        spans.chain(holders.flat_map(|holder| holder.paths.iter().map(|(_, path)| path)))
    });
    of_replays.flat_map(|path| path.origins()).copied().filter(|asn| *asn != Asn::TRANS).collect()
}

/// The outages and flaps of ASes as a whole.
fn of_asns(report: &Report) -> BTreeSet<(Asn, String)> {
    let asn = |target: &Target| if let Target::Asn(asn) = target { Some(*asn) } else { None };
    let outages = report.findings.outages.iter().filter(|outage| outage.subject.scope == Scope::Asn);
    let outages = outages.filter_map(|outage| Some((asn(&outage.subject.target)?, format!("{:?}", outage.fall))));
    let episodes = report.findings.episodes.iter().filter(|episode| episode.subject.scope == Scope::Asn);
    let flaps = episodes.flat_map(|episode| {
        episode.flaps.iter().filter_map(|flap| Some((asn(&episode.subject.target)?, format!("{flap:?}"))))
    });
    outages.chain(flaps).collect()
}

#[test]
fn no_as_is_out_that_a_scan_leaves_out() {
    let (n_out, n_chosen, n_asns) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    for_each_of(N_HISTORIES, |history, folder| {
        let mirror = Mirror::open(folder).expect("an archive");
        let options = options(history, 2);
        let named = query(everything(), history.window, RibChoice::All);
        let all = origins(&run(&named, &mirror, &options, &()).expect("a report"));
        let asked = query(all.iter().copied().map(Target::Asn).collect(), history.window, RibChoice::All);
        let whole = of_asns(&run(&asked, &mirror, &options, &()).expect("a report"));
        let scanned = scan(&asked, &mirror, Scanned::Asns, &options, &()).expect("a scan");
        let is_chosen = |asn: &Asn| scanned.targets.contains(&Target::Asn(*asn));
        n_out.fetch_add(whole.iter().map(|(asn, _)| asn).collect::<BTreeSet<_>>().len(), Relaxed);
        n_chosen.fetch_add(all.iter().filter(|asn| is_chosen(asn)).count(), Relaxed);
        n_asns.fetch_add(scanned.scan.expect("a scan").n_named as usize, Relaxed);
        if let Some((asn, fall)) = whole.iter().find(|(asn, _)| !is_chosen(asn)) {
            return Err(format!("{asn} is out and left out of {} chosen ones: {fall}", scanned.targets.len()));
        }
        let narrow = of_asns(&run(&scanned, &mirror, &options, &()).expect("a report"));
        match narrow.symmetric_difference(&whole).next() {
            Some(other) => Err(format!("only in one of them: {other:?}")),
            None => Ok(()),
        }
    });
    let (n_out, n_chosen, n_asns) = (n_out.into_inner(), n_chosen.into_inner(), n_asns.into_inner());
    println!("{n_asns} ASes, {n_chosen} chosen, {n_out} out");
}
