//! Random histories of several collectors, damaged in every way, against an oracle that knows the truth.
//!
//! `truth.rs` follows what every vantage point really held, one second after the other, and says what the files allow
//! to be known. Whatever the program claims must be true: it never reports an outage where there is none, finds every
//! one that the files show, and holds its tongue where they do not.
//!
//! `OUTAGE_REPLAY_SEED=N` replays the history of one seed; `OUTAGE_REPLAY_HISTORIES=N` runs that many, and
//! `OUTAGE_REPLAY_FIRST_SEED=N` says where to begin. With `OUTAGE_REPLAY_GO_ON` set it names every history that fails.

mod history;
mod truth;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use outage_replay::bgp::Prefix;
use outage_replay::catalog::{Match, Mirror, Query, Target};
use outage_replay::detect::{Outage, Thresholds};
use outage_replay::report::Report;
use outage_replay::time::{Timestamp, Window};
use outage_replay::visibility::{Held, PeerState, SessionSpan, Timeline};
use outage_replay::{Options, run};

use crate::generator;
use history::{Damage, END, History, N_CONTROLS, PREFIXES, Random, START};
use truth::{HOLDS, KNOWN, LACKS, Truth};

/// Histories of a usual run.
const N_HISTORIES: u64 = 1000;

#[test]
fn whatever_is_claimed_of_a_random_history_is_true_and_whatever_the_files_show_is_found() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (first, n) = match number("OUTAGE_REPLAY_SEED") {
        Some(seed) => (seed, 1),
        None => {
            let first = number("OUTAGE_REPLAY_FIRST_SEED").unwrap_or(0);
            (first, number("OUTAGE_REPLAY_HISTORIES").unwrap_or(N_HISTORIES))
        }
    };
    let goes_on = std::env::var_os("OUTAGE_REPLAY_GO_ON").is_some();
    let next = AtomicU64::new(first);
    let failures: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while goes_on || failures.lock().expect("a lock").is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + n {
                        break;
                    }
                    if let Some(why) = fault(&History::random(seed)) {
                        println!("OUTAGE_REPLAY_SEED={seed}: {why}");
                        failures.lock().expect("a lock").push((seed, why));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("a lock");
    let Some((seed, why)) = failures.first() else { return };
    if goes_on {
        panic!("{} of {n} histories", failures.len());
    }
    let small = shrunk(History::random(*seed));
    let why = fault(&small).unwrap_or_else(|| format!("only once: {why}"));
    panic!(
        "{why}\n\nOUTAGE_REPLAY_SEED={seed} shows it again. Without what does not matter, the history is\n\n{}",
        small.scenario()
    );
}

/// What is wrong with the answer to a history; a panic counts.
fn fault(history: &History) -> Option<String> {
    std::panic::catch_unwind(|| check(history).err())
        .unwrap_or_else(|panic| Some(format!("it panicked: {:?}", panic.downcast_ref::<String>())))
}

/// The history without everything that may be left out while the same goes wrong.
fn shrunk(mut history: History) -> History {
    let kind = |fault: &str| fault.split(':').next().unwrap_or_default().to_owned();
    let Some(wrong) = fault(&history).map(|fault| kind(&fault)) else { return history };
    let fails = |history: &History| fault(history).is_some_and(|fault| kind(&fault) == wrong);
    let mut chunk = history.deeds.len().max(1);
    loop {
        let mut from = 0;
        while from < history.deeds.len() {
            let mut less = history.clone();
            less.deeds.drain(from..(from + chunk).min(history.deeds.len()));
            match fails(&less) {
                true => history = less,
                false => from += chunk,
            }
        }
        if chunk == 1 {
            break;
        }
        chunk = chunk.div_ceil(2);
    }
    for index in (0..history.broken.len()).rev() {
        let mut less = history.clone();
        less.broken.remove(index);
        if fails(&less) {
            history = less;
        }
    }
    for index in (0..history.dumps.len()).rev() {
        let mut less = history.clone();
        let gone = less.dumps.remove(index);
        let is_named = |broken: &history::Broken| (broken.collector, broken.at) == (gone.collector, gone.at);
        if !less.broken.iter().any(|broken| broken.is_rib && is_named(broken)) && fails(&less) {
            history = less;
        }
    }
    history
}

/// The epoch of all histories.
const EPOCH_SECONDS: i64 = 1_419_235_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(EPOCH_SECONDS + seconds)
}

/// Seconds from the epoch of the second that holds `at`.
fn second(at: Timestamp) -> i64 {
    at.secs() - EPOCH_SECONDS
}

fn report(history: &History) -> Report {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(history, folder.path());
    let mut targets: Vec<Target> =
        PREFIXES.iter().map(|prefix| Target::Prefix(prefix.parse().expect("a prefix"), Match::Exact)).collect();
    // Everything is read twice then.
    if history.asks_for_the_as {
        targets.push(Target::Asn("131279".parse().expect("an AS")));
    }
    let window = Window::new(at(0), at(END)).expect("a window");
    let query = Query { targets, window, collectors: Vec::new(), project: None, baseline: Duration::ZERO };
    let mut options = Options { jobs: 1, ..Options::default() };
    options.sufficiency.min_peers = history.min_peers;
    let mirror = Mirror::open(folder.path()).expect("an archive");
    run(&query, &mirror, &options, &()).expect("a report")
}

fn write(history: &History, folder: &Path) {
    let scenario = history.scenario();
    generator::write_archive(&scenario, folder).unwrap_or_else(|error| panic!("{error}: {scenario}"));
    for broken in &history.broken {
        let Damage::Flip(n, seed) = broken.damage else { continue };
        let mirror = Mirror::open(folder).expect("an archive");
        let name = history.collectors[broken.collector].name;
        let is_it = |file: &&outage_replay::catalog::ArchiveFile| {
            file.collector.name() == name
                && file.named_at == at(broken.at)
                && (file.kind == outage_replay::catalog::DumpKind::Rib) == broken.is_rib
        };
        let file = mirror.files().iter().find(is_it).expect("the file that is broken");
        let path = folder.join(&file.name);
        let mut bytes = std::fs::read(&path).expect("a file");
        let mut random = Random::new(seed);
        for _ in 0..n {
            let place = random.within(0..bytes.len() as i64) as usize;
            bytes[place] ^= 1 << random.within(0..8);
        }
        std::fs::write(&path, bytes).expect("a file");
    }
}

/// Peer ASes of which something may or must be said, a bit each.
#[derive(Clone, Copy, Default)]
struct Votes {
    may_hold: u32,
    may_lack: u32,
    must_hold: u32,
    must_lack: u32,
    /// Those of `must_lack` of which a vantage point that normally carries the prefix must be said to lack it.
    carriers_must_lack: u32,
}

/// The bit of the AS of a peer.
fn bit(history: &History, peer: usize) -> u32 {
    let asn = history.peers[peer].asn;
    1 << history.peers.iter().position(|peer| peer.asn == asn).expect("a peer")
}

fn bits(history: &History, peers: impl IntoIterator<Item = usize>) -> u32 {
    peers.into_iter().fold(0, |bits, peer| bits | bit(history, peer))
}

impl Votes {
    /// What may and must be said of a prefix at a moment.
    fn of(history: &History, truth: &Truth, prefix: usize, at: i64) -> Votes {
        let mut votes = Votes::default();
        for peer in 0..history.peers.len() {
            let (asn, claims) = (bit(history, peer), truth.claims(peer, prefix, at));
            let add = |set: &mut u32, is_member: bool| *set |= if is_member { asn } else { 0 };
            let is_known = claims & KNOWN != 0;
            add(&mut votes.may_hold, claims & HOLDS != 0);
            add(&mut votes.may_lack, claims & LACKS != 0);
            add(&mut votes.must_hold, is_known && claims & LACKS == 0);
            add(&mut votes.must_lack, is_known && claims & HOLDS == 0);
            let is_carrier = truth.certain_baseline[prefix].contains(&peer);
            add(&mut votes.carriers_must_lack, is_carrier && is_known && claims & HOLDS == 0);
        }
        // One AS holds it while any of its vantage points does.
        votes.may_lack &= !votes.must_hold;
        votes.must_lack &= !votes.may_hold;
        votes.carriers_must_lack &= !votes.may_hold;
        votes
    }
}

/// The smallest and the largest share that honest readers may see, and whether the data suffice for everyone.
struct Shares {
    least: Option<f64>,
    most: Option<f64>,
    suffice: bool,
}

impl Shares {
    fn of(history: &History, truth: &Truth, prefix: usize, votes: &Votes) -> Shares {
        let certain = bits(history, truth.certain_baseline[prefix].iter().copied());
        let possible = bits(history, truth.possible_baseline[prefix].iter().copied());
        let share = |hold: u32, lack: u32| {
            let (hold, lack) = (hold.count_ones(), lack.count_ones());
            (hold + lack > 0).then(|| f64::from(hold) / f64::from(hold + lack))
        };
        let may_be_full = |peer: &usize| !history.peers[*peer].is_partial || !truth.tells_partial;
        let everyone = bits(history, (0..history.peers.len()).filter(may_be_full));
        let live = votes.must_hold | votes.must_lack;
        Shares {
            least: share(votes.must_hold & certain, votes.may_lack & possible),
            // What never carried it does not answer for what is unknown.
            most: share(votes.may_hold & possible, votes.carriers_must_lack),
            suffice: live.count_ones() >= history.min_peers as u32
                && live.count_ones() * 2 >= everyone.count_ones()
                && live & certain != 0,
        }
    }

    /// Whether nobody may take it for down.
    fn is_up(&self, thresholds: &Thresholds) -> bool {
        self.suffice && self.least.is_some_and(|share| share >= thresholds.up_at)
    }

    /// Whether everybody must take it for down.
    fn is_down(&self, thresholds: &Thresholds) -> bool {
        self.suffice && self.most.is_some_and(|share| share < thresholds.down_below)
    }
}

/// What is wrong with the answer, if anything is.
fn check(history: &History) -> Result<(), String> {
    let report = report(history);
    let truth = Truth::of(history);
    let mut all_shares: Vec<Vec<Shares>> = Vec::new();
    for (prefix, text) in PREFIXES.iter().enumerate() {
        let parsed: Prefix = text.parse().expect("a prefix");
        let timeline = report.timelines.iter().find(|timeline| timeline.prefix == parsed).expect("a timeline");
        let votes: Vec<Votes> = (START..END).map(|at| Votes::of(history, &truth, prefix, at)).collect();
        check_votes(history, &votes, timeline, text)?;
        check_spans(history, &truth, &report, prefix)?;
        let outages: Vec<&Outage> = report.findings.outages.iter().filter(|o| o.prefix == Some(parsed)).collect();
        let shares: Vec<Shares> = votes.iter().map(|votes| Shares::of(history, &truth, prefix, votes)).collect();
        check_outages(&outages, &shares, text)?;
        if prefix >= PREFIXES.len() - N_CONTROLS {
            let losses = report.findings.losses.iter().filter(|loss| loss.prefix == Some(parsed)).count();
            if !outages.is_empty() || losses > 0 {
                return Err(format!("invented: {text}, which nobody ever lost: {outages:?}, {losses} losses"));
            }
        }
        all_shares.push(shares);
    }
    check_the_as(history, &all_shares, &report)
}

/// What the timeline counts against what may and must be counted, in the middle of every second.
fn check_votes(history: &History, votes: &[Votes], timeline: &Timeline, prefix: &str) -> Result<(), String> {
    let middle = Duration::from_millis(500);
    for second in 0..END {
        let Votes { may_hold, may_lack, must_hold, must_lack, .. } = votes[(second - START) as usize];
        let (n_visible, n_live) =
            timeline.at(at(second) + middle).map_or((0, 0), |step| (step.n_visible as u32, step.n_live as u32));
        let n_lacking = n_live - n_visible;
        let wrong = if n_visible > may_hold.count_ones() {
            "false presence"
        } else if n_lacking > may_lack.count_ones() {
            "false absence"
        } else if n_visible < must_hold.count_ones() {
            "missed presence"
        } else if n_lacking < must_lack.count_ones() {
            "missed absence"
        } else {
            continue;
        };
        let names = |bits: u32| {
            let peers = (0..history.peers.len()).filter(|peer| bits & bit(history, *peer) != 0);
            peers.map(|peer| history.peers[peer].asn.to_string()).collect::<Vec<_>>().join(" ")
        };
        return Err(format!(
            "{wrong}: {prefix} at {second:+}: {n_visible} hold it and {n_lacking} do not; may hold: {} (must: {}), may \
             lack: {} (must: {})",
            names(may_hold),
            names(must_hold),
            names(may_lack),
            names(must_lack)
        ));
    }
    Ok(())
}

/// Everything that is said of single vantage points, full feeds or not.
fn check_spans(history: &History, truth: &Truth, report: &Report, prefix: usize) -> Result<(), String> {
    let parsed: Prefix = PREFIXES[prefix].parse().expect("a prefix");
    let is_up = |session: &&SessionSpan| session.family == parsed.family() && session.state == PeerState::Up;
    let all_sessions: Vec<SessionSpan> = report.sessions().collect();
    let sessions: Vec<&SessionSpan> = all_sessions.iter().filter(is_up).collect();
    for span in report.spans().filter(|span| span.prefix == parsed) {
        let who = &span.vantage_point;
        let is_who = |peer: &history::PeerSpec| {
            history.collectors[peer.collector].name == who.collector.name()
                && peer.address == who.peer.address.to_string()
        };
        let Some(peer) = history.peers.iter().position(is_who) else { continue };
        if history.peers[peer].is_partial {
            continue;
        }
        let claim = match span.held {
            Held::Present(_) => HOLDS,
            Held::Absent => LACKS,
            Held::Unknown => continue,
        };
        let is_up =
            |at: Timestamp| sessions.iter().any(|session| session.vantage_point == *who && session.window.contains(at));
        let (from, to) = (second(span.window.start).max(0), second(span.window.end).min(END));
        let middle = Duration::from_millis(500);
        for second in from..to {
            let then = at(second) + middle;
            let allowed = truth.claims(peer, prefix, second);
            if span.window.contains(then) && allowed & claim == 0 && is_up(then) {
                return Err(format!(
                    "false span: {} at {second:+}: AS{} at {} {:?} by {}",
                    PREFIXES[prefix],
                    who.peer.asn.0,
                    who.collector.name(),
                    span.held,
                    span.evidence
                ));
            }
        }
    }
    Ok(())
}

/// Outages against what the shares may be.
fn check_outages(outages: &[&Outage], shares: &[Shares], prefix: &str) -> Result<(), String> {
    let thresholds = Thresholds::default();
    let shares_at = |second: i64| &shares[(second.clamp(START, END - 1) - START) as usize];
    for outage in outages {
        let bounds = format!("{:?} {:?} {:?}", outage.start_bounds, outage.end_bounds, outage.parts);
        for part in &outage.parts {
            let (from, to) = (second(part.start), second(part.end));
            if let Some(up) = (from..to).find(|second| shares_at(*second).is_up(&thresholds)) {
                return Err(format!(
                    "false outage: {prefix} is up at {up:+}, in an outage from {from:+} to {to:+}: {bounds}"
                ));
            }
        }
        if let Some(earliest) = outage.start_bounds.earliest
            && shares_at(second(earliest) - 1).is_down(&thresholds)
        {
            return Err(format!("wrong bounds: {prefix} was down before {:+}: {bounds}", second(earliest)));
        }
        if let Some(latest) = outage.end_bounds.latest
            && shares_at(second(latest)).is_down(&thresholds)
        {
            return Err(format!("wrong bounds: {prefix} is down after {:+}: {bounds}", second(latest)));
        }
    }
    let mut from = 0;
    while from < END {
        let to = (from..END).find(|second| !shares_at(*second).is_down(&thresholds)).unwrap_or(END);
        if to - from > thresholds.min_duration.as_secs() as i64 {
            let covers = |outage: &&Outage| {
                outage.start.is_none_or(|start| second(start) <= from) && outage.end.is_none_or(|end| second(end) >= to)
            };
            if !outages.iter().any(covers) {
                let found: Vec<String> =
                    outages.iter().map(|o| format!("{:?}..{:?}", o.start.map(second), o.end.map(second))).collect();
                return Err(format!("missed outage: {prefix} is down from {from:+} to {to:+}, found only {found:?}"));
            }
        }
        from = to + 1;
    }
    Ok(())
}

/// An AS is not down while nothing of it can be.
fn check_the_as(history: &History, shares: &[Vec<Shares>], report: &Report) -> Result<(), String> {
    let thresholds = Thresholds::default();
    for outage in report.findings.outages.iter().filter(|outage| outage.prefix.is_none()) {
        for part in &outage.parts {
            let own = |prefix: &usize| {
                let parsed: Prefix = PREFIXES[*prefix].parse().expect("a prefix");
                parsed.family() == outage.family
            };
            let is_up = |second: i64| {
                let mut own = (0..PREFIXES.len() - N_CONTROLS).filter(own);
                own.all(|prefix| shares[prefix][(second - START) as usize].is_up(&thresholds))
            };
            // Another origin is a loss to the AS, and the truth here does not tell origins apart.
            let is_taken_over = outage.class == outage_replay::detect::Class::OriginChanged;
            let has_other =
                history.deeds.iter().any(|(.., deed)| matches!(deed, history::Deed::Announce { path: 2, .. }));
            let mut seconds = second(part.start).max(START)..second(part.end).min(END);
            if !is_taken_over
                && !has_other
                && let Some(up) = seconds.find(|second| is_up(*second))
            {
                return Err(format!("false outage: everything that the AS has is up at {up:+}: {:?}", outage.parts));
            }
        }
    }
    Ok(())
}
