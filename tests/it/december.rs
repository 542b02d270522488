//! December 2014: what was published about the disappearance of North Korea, against what the program finds in the
//! reconstruction (`data/README.md`), and what is found when any of its files is damaged.

use std::path::Path;
use std::time::Duration;

use outage_replay::bgp::Family;
use outage_replay::catalog::Mirror;
use outage_replay::detect::{Censoring, Outage, Scope, Severity};
use outage_replay::query::{Query, Target};
use outage_replay::time::{Timestamp, Window};
use outage_replay::{Options, Report, run};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// AS131279 from `from` to `to`, in the archive below `folder`.
fn replay(folder: &Path, from: &str, to: &str) -> Report {
    let targets = vec![Target::Asn("131279".parse().expect("an AS"))];
    let window = Window::new(at(from), at(to)).expect("a window");
    let query = Query::new(targets, window);
    let mirror = Mirror::open(folder).expect("an archive");
    run(&query, &mirror, &Options { jobs: 2, ..Options::default() }, &()).expect("a report")
}

fn shipped() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/dprk-2014"))
}

fn of_the_as(report: &Report) -> Vec<&Outage> {
    report.findings.outages.iter().filter(|outage| outage.subject.scope == Scope::Asn).collect()
}

#[track_caller]
fn check_within(time: Option<Timestamp>, first: &str, last: &str) {
    assert!(time.is_some_and(|time| at(first) <= time && time <= at(last)), "{time:?} not in {first}..{last}");
}

#[test]
fn what_was_published_about_december_2014_is_found() {
    let report = replay(shipped(), "2014-12-22T12:00", "2014-12-23T20:00");
    assert_eq!(report.summaries[0].n_prefixes, 4);
    let outages = of_the_as(&report);
    let around = |moment: &str| {
        let moment = at(moment);
        let holds =
            |o: &&&Outage| o.fall.start().is_some_and(|s| s <= moment) && o.fall.end().is_some_and(|e| e > moment);
        outages.iter().find(holds).copied().unwrap_or_else(|| panic!("nothing at {moment}"))
    };
    // 9 h 31 min, of all four networks at once.
    let main = around("2014-12-22T20:00");
    check_within(main.fall.start(), "2014-12-22T16:10", "2014-12-22T16:20");
    check_within(main.fall.end(), "2014-12-23T01:41", "2014-12-23T01:51");
    assert!(
        main.fall.duration().abs_diff(Duration::from_secs(9 * 3600 + 31 * 60)) <= Duration::from_secs(360),
        "{main:?}"
    );
    assert_eq!((main.severity, main.subject.family, main.prefixes.len()), (Severity::Total, Family::V4, 4));
    assert_eq!(main.fall.censored, []);
    // Another one, of half an hour, and one just before 08:00.
    let second = around("2014-12-23T16:00");
    check_within(second.fall.start(), "2014-12-23T15:36", "2014-12-23T15:46");
    check_within(second.fall.end(), "2014-12-23T16:07", "2014-12-23T16:17");
    check_within(around("2014-12-23T08:00").fall.start(), "2014-12-23T07:50", "2014-12-23T08:00");
    // Flaps came before it: in one episode with it, and not part of it.
    let episode = report.findings.episodes.iter().find(|e| e.subject.prefix.is_none() && e.number == main.episode);
    let episode = episode.expect("its episode");
    assert!(episode.n_outages + episode.flaps.len() > 5, "{episode:?}");
    assert!(episode.window.start < at("2014-12-22T13:00"), "{episode:?}");
    assert_eq!(main.fall.parts.len(), 1);
    // The dumps of 18, 20, 22 and 00 h list it at nobody but the two zombies.
    assert_eq!(main.rib_confirmed, Some(true));
    let mut stuck: Vec<u32> = main.survivors.iter().map(|survivor| survivor.peer_asn.0).collect();
    stuck.sort_unstable();
    assert_eq!(stuck, [1668, 5580]);
    assert!(main.survivors.iter().all(|survivor| survivor.zombie));
}

/// Damage done to a copy of the archive.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip,
    Cut,
    Remove,
    /// With a file of the other kind, RIB dump or updates.
    Swap,
    Double,
}

/// SplitMix64.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as usize
}

/// Where an edge may lie.
fn range(bounds: &outage_replay::detect::Bounds) -> (Timestamp, Timestamp) {
    (bounds.earliest.unwrap_or(Timestamp::MIN), bounds.latest.unwrap_or(Timestamp::MAX))
}

/// Why a finding of the damaged archive contradicts those of the whole one.
fn contradiction(damaged: &Report, whole: &Report) -> Option<String> {
    for outage in &damaged.findings.outages {
        let same = |o: &&Outage| {
            (o.subject.scope, o.subject.prefix, o.subject.family)
                == (outage.subject.scope, outage.subject.prefix, outage.subject.family)
        };
        let (start, end) = (range(&outage.fall.start_bounds), range(&outage.fall.end_bounds));
        let begins = |o: &Outage| {
            let (earliest, latest) = range(&o.fall.start_bounds);
            // The share that decides is that of the collectors which are left: seconds may differ, as they spread.
            let slack = Duration::from_secs(120);
            earliest - slack <= start.1 && start.0 <= latest.max(o.fall.loss.last) + slack
        };
        let ends = |o: &Outage| {
            let (earliest, latest) = range(&o.fall.end_bounds);
            let slack = Duration::from_secs(120);
            earliest - slack <= end.1 && end.0 <= latest + slack
        };
        let in_truth: Vec<&Outage> = whole.findings.outages.iter().filter(same).collect();
        // One that joins several begins with the first and ends with the last of them.
        let may_be = in_truth.iter().any(|o| begins(o)) && in_truth.iter().any(|o| ends(o));
        let is_flap =
            whole.findings.episodes.iter().filter(|e| e.subject.prefix == outage.subject.prefix).any(|episode| {
                episode
                    .flaps
                    .iter()
                    .any(|flap| outage.fall.start_bounds.latest.is_some_and(|t| flap.window.contains(t)))
            });
        if !may_be && !is_flap {
            return Some(format!(
                "{:?} {:?}..{:?} {:?} {:?} {:?}",
                outage.subject.prefix,
                outage.fall.start(),
                outage.fall.end(),
                outage.fall.start_bounds,
                outage.fall.end_bounds,
                outage.fall.censored
            ));
        }
        let is_in_gap = |c: &Censoring| matches!(c, Censoring::GapStart | Censoring::GapEnd);
        if outage.fall.censored.iter().any(is_in_gap)
            && damaged.coverage.gaps.len() <= whole.coverage.gaps.len()
            && damaged.files.iter().all(|file| file.detail.is_none())
        {
            return Some(format!("an edge is unknown, and no loss is reported: {outage:?}"));
        }
    }
    None
}

#[test]
fn no_damage_to_a_file_of_december_2014_makes_an_outage_or_hides_itself() {
    const WINDOW: (&str, &str) = ("2014-12-22T15:45", "2014-12-22T18:30");
    let whole = replay(shipped(), WINDOW.0, WINDOW.1);
    let names: Vec<&str> = whole.files.iter().map(|file| file.name.as_str()).collect();
    let n = std::env::var("OUTAGE_REPLAY_DAMAGES").map_or(25, |n| n.parse().expect("a number"));
    let first = std::env::var("OUTAGE_REPLAY_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    for seed in first..first + n {
        let copy = tempfile::tempdir().expect("a temporary folder");
        for name in &names {
            let path = copy.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::copy(shipped().join(name), path).expect("a copy");
        }
        let mut state = seed;
        let name = names[next(&mut state) % names.len()];
        let path = copy.path().join(name);
        let mut bytes = std::fs::read(&path).expect("a file");
        let kinds =
            [Damage::Flip, Damage::Flip, Damage::Flip, Damage::Cut, Damage::Remove, Damage::Swap, Damage::Double];
        let damage = kinds[next(&mut state) % kinds.len()];
        match damage {
            Damage::Flip => {
                let place = next(&mut state) % bytes.len();
                bytes[place] ^= 1 << (next(&mut state) % 8);
                std::fs::write(&path, &bytes).expect("a file");
            }
            Damage::Cut => {
                bytes.truncate(next(&mut state) % bytes.len());
                std::fs::write(&path, &bytes).expect("a file");
            }
            Damage::Remove => std::fs::remove_file(&path).expect("a file"),
            Damage::Swap => {
                let is_rib = |name: &str| name.contains("/bview.") || name.contains("/rib.");
                let others: Vec<&&str> = names.iter().filter(|other| is_rib(other) != is_rib(name)).collect();
                let other = copy.path().join(others[next(&mut state) % others.len()]);
                std::fs::copy(&other, copy.path().join("other")).expect("a copy");
                std::fs::copy(&path, &other).expect("a copy");
                std::fs::rename(copy.path().join("other"), &path).expect("a copy");
            }
            Damage::Double => {
                bytes.extend(std::fs::read(copy.path().join(names[next(&mut state) % names.len()])).expect("a file"));
                std::fs::write(&path, &bytes).expect("a file");
            }
        }
        let damaged = replay(copy.path(), WINDOW.0, WINDOW.1);
        if let Some(why) = contradiction(&damaged, &whole) {
            panic!("OUTAGE_REPLAY_SEED={seed}: {damage:?} of {name}: {why}");
        }
    }
}
