//! What a run that reads fewer RIB dumps says of the random histories: everything is true of the files that it read, and an outage
//! that it finds or rules out is not ruled out or found with all of them, where the same vantage points decide. A dump inside the
//! window may add vantage points to a baseline, as docs/method.md says.
//!
//! `OUTAGE_REPLAY_DUMPS=N` compares that many histories and prints how much was read and found.

use std::collections::BTreeSet;
use std::time::Duration;

use outage_replay::bgp::VantagePoint;
use outage_replay::query::RibChoice;
use outage_replay::report::Report;
use outage_replay::visibility::BaselineCarrier;

use super::history::{History, PREFIXES};
use super::judge::check;
use super::{answer_with, at, second, targets, write};

/// Histories of a usual run.
const N_HISTORIES: u64 = 60;

/// What is claimed of a prefix at one second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Claim {
    Up,
    Down,
    Unknown,
}

/// What is claimed of a prefix, second by second.
fn claims(report: &Report, prefix: &str, window: (i64, i64)) -> Vec<Claim> {
    let prefix = prefix.parse().expect("a prefix");
    let timeline = report.timelines.iter().find(|timeline| timeline.prefix == prefix).expect("a timeline");
    let outages = report.findings.outages.iter().filter(|outage| outage.subject.prefix == Some(prefix));
    let parts: Vec<(i64, i64)> = outages
        .flat_map(|outage| outage.fall.parts.iter().map(|part| (second(part.start), second(part.end))))
        .collect();
    let claim = |now: i64| {
        let middle = at(now) + Duration::from_millis(500);
        let is_judged = timeline.steps.at(middle).is_some_and(|step| step.observed);
        let is_down = timeline.steps.at(middle).and_then(|step| step.baseline_share()).is_some_and(|share| share < 0.5);
        match (parts.iter().any(|(from, to)| *from <= now && now < *to), is_judged) {
            (_, false) => Claim::Unknown,
            (true, true) if is_down => Claim::Down,
            (false, true) if !is_down => Claim::Up,
            _ => Claim::Unknown,
        }
    };
    (window.0..window.1).map(claim).collect()
}

#[derive(Default, Debug)]
struct Tally {
    n_dumps: usize,
    n_read: usize,
    n_outages: usize,
    n_same: usize,
    n_found: usize,
    judged_with_all: usize,
    judged: usize,
    /// Prefixes for which other vantage points decide.
    n_other_baselines: usize,
    /// Seconds for which one says up and the other down.
    differs: usize,
}

/// The dumps of the history that the run read.
fn as_read(history: &History, report: &Report) -> History {
    let read: BTreeSet<(&str, i64)> = report
        .files
        .iter()
        .filter(|file| file.kind == outage_replay::archive::DumpKind::Rib)
        .filter_map(|file| Some((file.collector.name(), minute(&file.name)?)))
        .collect();
    let mut history = history.clone();
    let names: Vec<&str> = history.collectors.iter().map(|collector| collector.name).collect();
    history.dumps.retain(|dump| read.contains(&(names[dump.collector], dump.at)));
    history
}

/// The time in the name of a file.
fn minute(name: &str) -> Option<i64> {
    let stamp = name.split('.').find(|part| part.len() == 8 && part.bytes().all(|b| b.is_ascii_digit()))?;
    let time = name.split('.').skip_while(|part| *part != stamp).nth(1)?;
    let text = format!("{}-{}-{}T{}:{}", &stamp[..4], &stamp[4..6], &stamp[6..], &time[..2], &time[2..]);
    text.parse().ok().map(second)
}

fn compare(history: &History, ribs: RibChoice, tally: &mut Tally) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(history, folder.path());
    let of = |ribs| answer_with(history, folder.path(), targets(history), history.window, (ribs, 2));
    let (all, fewer) = (of(RibChoice::All), of(ribs));
    let n_read =
        |report: &Report| report.files.iter().filter(|file| file.kind == outage_replay::archive::DumpKind::Rib).count();
    (tally.n_dumps, tally.n_read) = (tally.n_dumps + n_read(&all), tally.n_read + n_read(&fewer));
    check(&as_read(history, &fewer), &fewer)?;
    for prefix in PREFIXES {
        let parsed = prefix.parse().expect("a prefix");
        let edges = |report: &Report| -> Vec<(i64, i64)> {
            let own = report.findings.outages.iter().filter(|outage| outage.subject.prefix == Some(parsed));
            own.map(|outage| (second(outage.fall.seen.start), second(outage.fall.seen.end))).collect()
        };
        let (of_all, of_fewer) = (edges(&all), edges(&fewer));
        tally.n_outages += of_all.len();
        tally.n_same += of_all.iter().filter(|outage| of_fewer.contains(outage)).count();
        let meets = |(from, to): &(i64, i64)| of_fewer.iter().any(|(start, end)| start < to && end > from);
        tally.n_found += of_all.iter().filter(|outage| meets(outage)).count();
        let (of_all, of_fewer) = (claims(&all, prefix, history.window), claims(&fewer, prefix, history.window));
        tally.judged_with_all += of_all.iter().filter(|claim| **claim != Claim::Unknown).count();
        tally.judged += of_fewer.iter().filter(|claim| **claim != Claim::Unknown).count();
        // A baseline of other peers moves an edge by seconds.
        tally.differs += of_all
            .iter()
            .zip(&of_fewer)
            .filter(|pair| matches!(pair, (Claim::Up, Claim::Down) | (Claim::Down, Claim::Up)))
            .count();
        let baseline = |report: &Report| {
            let timeline = report.timelines.iter().find(|timeline| timeline.prefix == parsed);
            let view = report.view();
            let name = |who: &BaselineCarrier| view.vantage_point(who.vantage_point).clone();
            timeline.map(|timeline| timeline.baseline.carriers.iter().map(name).collect::<Vec<VantagePoint>>())
        };
        if baseline(&all) != baseline(&fewer) {
            tally.n_other_baselines += 1;
            continue;
        }
        for (found, other, what) in [(&of_all, &of_fewer, "with all"), (&of_fewer, &of_all, "with fewer")] {
            if let Some((from, to)) = ruled_out(found, other) {
                let (from, to) = (history.window.0 + from as i64, history.window.0 + to as i64);
                return Err(format!("ruled out: {prefix} is down from {from:+} to {to:+} {what} dumps only"));
            }
        }
    }
    Ok(())
}

/// An outage among claims during which the other claims are that the prefix was up, throughout.
fn ruled_out(found: &[Claim], other: &[Claim]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(start) = (from..found.len()).find(|now| found[*now] == Claim::Down) {
        let end = (start..found.len()).find(|now| found[*now] != Claim::Down).unwrap_or(found.len());
        if other[start..end].iter().all(|claim| *claim == Claim::Up) {
            return Some((start, end));
        }
        from = end;
    }
    None
}

#[test]
fn with_fewer_rib_dumps_nothing_else_is_claimed() {
    let asked = std::env::var("OUTAGE_REPLAY_DUMPS").ok().and_then(|n| n.parse().ok());
    let goes_on = std::env::var_os("OUTAGE_REPLAY_GO_ON").is_some();
    let (first, n) = match std::env::var_os("OUTAGE_REPLAY_SEED") {
        Some(_) => super::seeds(1),
        None => (0, asked.unwrap_or(N_HISTORIES)),
    };
    for ribs in [RibChoice::Auto, RibChoice::Edges] {
        let (mut tally, mut n_wrong) = (Tally::default(), 0);
        for seed in first..first + n {
            let history = if seed % 2 == 0 { History::random(seed) } else { History::troubled(seed, None) }.befallen();
            if let Err(why) = compare(&history, ribs, &mut tally) {
                n_wrong += 1;
                let text = format!("OUTAGE_REPLAY_SEED={seed} ({}) {ribs:?}: {why}", history.kinds());
                assert!(goes_on, "{text}\n\n{}", history.scenario());
                println!("{text}");
            }
        }
        println!("{ribs:?}: {tally:?}");
        assert!(goes_on || n_wrong == 0, "{n_wrong} of {n} histories");
        assert!(tally.n_read < tally.n_dumps, "fewer are read");
    }
}
