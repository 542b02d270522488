//! Troubles put into copies of real archives: the answer is that of the intact copy, or unknown where the trouble is.

use super::records::{self, Copied, Speaker, session, set_length, set_micros, stamp, stamped, update};
use super::*;

use outage_replay::bgp::Prefix;
use outage_replay::report::Summary;
use tempfile::TempDir;

/// Seconds by which an edge may differ.
const TOLERANCE: i64 = 10;

/// A part of a real archive with known outages, and the moment of the trouble.
struct Place {
    collector: &'static str,
    folder: &'static str,
    /// The first and last name of the files that are copied.
    names: [&'static str; 2],
    window: &'static str,
    min_peers: usize,
    /// Prefixes that are lost about this time.
    targets: Vec<Prefix>,
    lost: Timestamp,
}

/// Rows of the independent list whose last withdrawal lies in a window: up to `n` of each family.
fn listed(folder: &Path, list: &str, window: [&str; 2], min_peers: u64, n: usize) -> Vec<Prefix> {
    let text = std::fs::read_to_string(folder.join(format!("expected/{list}.jsonl"))).expect("a list");
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a row"));
    let within = |row: &serde_json::Value| {
        let lost = row["all_withdrawn"].as_str().unwrap_or_default();
        window[0] <= lost && lost <= window[1] && row["peers_withdrew"].as_u64() >= Some(min_peers)
    };
    let long = |row: &serde_json::Value| row["seconds"].as_u64() >= Some(300) && row["reannounced"].is_string();
    let rows = rows.filter(|row| within(row) && long(row));
    let prefixes: BTreeSet<Prefix> =
        rows.map(|row| row["prefix"].as_str().expect("a prefix").parse().expect("a prefix")).collect();
    let of = |family: Family| prefixes.iter().filter(move |prefix| prefix.family() == family).take(n);
    of(Family::V4).chain(of(Family::V6)).copied().collect()
}

/// Three full feeds of each family, five-minute files, extended records.
fn rrc06(folder: &Path) -> Place {
    Place {
        collector: "rrc06",
        folder: "rrc06/2021.01",
        names: ["updates.20210102.0550", "updates.20210102.0735"],
        window: "2021-01-02T06:45 2021-01-02T07:35",
        min_peers: 2,
        targets: listed(folder, "rrc06-20210102", ["2021-01-02T07:02:00Z", "2021-01-02T07:06:00Z"], 3, 4),
        lost: at("2021-01-02T07:02:41Z"),
    }
}

/// Beacons of RIPE RIS, which are announced at four and withdrawn at six, at 45 peers.
fn of_2008(_: &Path) -> Place {
    Place {
        collector: "route-views2",
        folder: "route-views2/bgpdata/2008.02/UPDATES",
        names: ["updates.20080219.0402", "updates.20080219.0620"],
        window: "2008-02-19T05:30 2008-02-19T06:30",
        min_peers: 5,
        targets: [68, 69, 71].map(|number| format!("84.205.{number}.0/24").parse().expect("a prefix")).to_vec(),
        lost: at("2008-02-19T06:00:00Z"),
    }
}

/// Files named in US Pacific time, AS numbers of two octets.
fn of_2002(folder: &Path) -> Place {
    Place {
        collector: "route-views2",
        folder: "route-views2/bgpdata/2002.01/UPDATES",
        names: ["updates.20020101.0012", "updates.20020101.0343"],
        window: "2002-01-01T10:00 2002-01-01T11:45",
        min_peers: 5,
        targets: listed(folder, "rv2-20020101", ["2002-01-01T10:30:00Z", "2002-01-01T10:40:00Z"], 15, 6),
        lost: at("2002-01-01T10:35:57Z"),
    }
}

impl Place {
    fn ask(&self, copy: &Copied) -> Report {
        let archive: TempDir = copy.write();
        let targets = self.targets.iter().map(|prefix| Target::Prefix(*prefix, Match::Exact)).collect();
        replay(archive.path(), (self.collector, self.window), targets, &at_least(self.min_peers))
    }

    /// The withdrawals of the first target about the time of the loss, by their peers.
    fn withdrawals(&self, copy: &mut Copied) -> Vec<Speaker> {
        let (first, last) = (self.lost.secs() - 300, self.lost.secs() + 300);
        let mut speakers = Vec::new();
        for record in copy.records_mut().filter(|record| (first..last).contains(&stamped(record))) {
            if let Some(speaker) = self.withdraws(record) {
                speakers.push(speaker);
            }
        }
        speakers
    }

    /// Who withdraws the first target in a record.
    fn withdraws(&self, record: &[u8]) -> Option<Speaker> {
        let session = session(record)?;
        let update = update(record, &session)?;
        update.withdrawn.contains(&self.targets[0]).then_some(session.speaker)
    }
}

/// A trouble by its name: what it does to a copy, and by how much it may move edges.
type Trouble = (&'static str, fn(&Place, &mut Copied), i64);

const TROUBLES: [Trouble; 8] = [
    ("a long message of one peer is cut", cut, 0),
    ("a record is two hours ahead", ahead, 0),
    ("a peer has another AS number from then on", renumbered, 0),
    ("the first minutes of a file are gone", beginning_gone, 0),
    ("a withdrawal is unreadable", unreadable, 0),
    ("all stamps are 120 s earlier from then on", set_back, 120),
    ("withdrawals have too many microseconds", microseconds, 0),
    ("all withdrawals of a prefix are unreadable", all_unreadable, 0),
];

fn cut(place: &Place, copy: &mut Copied) {
    let near = (place.lost.secs() - 300)..place.lost.secs();
    let longest = copy.records_mut().filter(|record| near.contains(&stamped(record)) && session(record).is_some());
    let record = longest.max_by_key(|record| record.len()).expect("a record");
    record.truncate(12 + (record.len() - 12) * 2 / 3);
    set_length(record);
}

fn ahead(place: &Place, copy: &mut Copied) {
    let then = place.lost.secs() - 60;
    let record = copy.records_mut().find(|record| stamped(record) >= then).expect("a record");
    let at = stamped(record) + 7200;
    stamp(record, at);
}

fn renumbered(place: &Place, copy: &mut Copied) {
    let peer = place.withdrawals(copy)[0];
    let then = place.lost.secs() - 600;
    for record in copy.records_mut().filter(|record| stamped(record) >= then) {
        if let Some(session) = session(record)
            && session.speaker == peer
        {
            record[session.asn.end - 1] ^= 1;
        }
    }
}

fn beginning_gone(place: &Place, copy: &mut Copied) {
    let then = place.lost.secs();
    let of_then = |records: &&mut Vec<Vec<u8>>| {
        records.iter().any(|record| stamped(record) <= then) && records.iter().any(|record| stamped(record) > then + 60)
    };
    let records = copy.files.values_mut().find(of_then).expect("a file");
    records.retain(|record| stamped(record) > then + 60);
}

/// Makes the length of the withdrawn routes invalid.
fn spoil(record: &mut [u8]) {
    let message = session(record).expect("a session").message;
    record[message + 19] = 0xff;
}

fn unreadable(place: &Place, copy: &mut Copied) {
    let peer = place.withdrawals(copy)[0];
    let near = (place.lost.secs() - 300)..(place.lost.secs() + 300);
    for record in copy.records_mut().filter(|record| near.contains(&stamped(record))) {
        if place.withdraws(record) == Some(peer) {
            spoil(record);
        }
    }
}

fn all_unreadable(place: &Place, copy: &mut Copied) {
    let near = (place.lost.secs() - 300)..(place.lost.secs() + 600);
    for record in copy.records_mut().filter(|record| near.contains(&stamped(record))) {
        if place.withdraws(record).is_some() {
            spoil(record);
        }
    }
}

fn set_back(place: &Place, copy: &mut Copied) {
    let then = place.lost.secs() + 120;
    let mut is_after = false;
    for record in copy.records_mut() {
        is_after |= stamped(record) >= then;
        if is_after {
            let at = stamped(record) - 120;
            stamp(record, at);
        }
    }
}

fn microseconds(place: &Place, copy: &mut Copied) {
    let near = (place.lost.secs() - 300)..(place.lost.secs() + 300);
    for record in copy.records_mut().filter(|record| near.contains(&stamped(record))) {
        if place.withdraws(record).is_some() {
            set_micros(record, 999_999_999);
        }
    }
}

/// Every claim about a damaged copy that is not true of the intact one.
fn contradictions(intact: &Report, hurt: &Report, moved: i64) -> Vec<String> {
    let mut wrong = Vec::new();
    for (then, now) in intact.summaries.iter().zip(&hurt.summaries) {
        let unknown = |summary: &Summary, from: i64, to: i64| -> i64 {
            let parts = summary.unobserved.iter();
            parts.map(|part| (to.min(part.end.secs()) - from.max(part.start.secs())).max(0)).sum()
        };
        let of = |report: &Report| -> Vec<Outage> {
            let outages = report.findings.outages.iter().filter(|outage| outage.subject.target == then.target);
            outages.cloned().collect()
        };
        let (from, to) = (hurt.parameters.window().start, hurt.parameters.window().end);
        let seen = |outage: &Outage| {
            let start = outage.fall.start().or(outage.fall.start_bounds.latest).unwrap_or(from);
            (start.secs(), outage.fall.end().or(outage.fall.end_bounds.earliest).unwrap_or(to).secs())
        };
        let (before, after) = (of(intact), of(hurt));
        // This time is unknown, or the prefix is reported down, or it was back so briefly that the intact
        // copy makes one outage of two.
        let is_unknown = |from: i64, to: i64| {
            let inside = |at: i64| at.clamp(from, to);
            let out: i64 = after.iter().map(|claim| inside(seen(claim).1) - inside(seen(claim).0)).sum();
            let back = before.iter().flat_map(|outage| outage.fall.parts.windows(2)).map(|pair| match pair {
                [part, next] => inside(next.start.secs()) - inside(part.end.secs()),
                _ => 0,
            });
            (unknown(now, from, to) + out + back.sum::<i64>()) * 10 >= (to - from) * 9
        };
        for claim in &after {
            let (start, end) = seen(claim);
            let overlaps = |other: &&Outage| start < seen(other).1 + TOLERANCE && end > seen(other).0 - TOLERANCE;
            let Some(true_one) = before.iter().find(overlaps) else {
                if unknown(then, start, end) * 10 < (end - start) * 9 {
                    wrong.push(format!("{}: another outage {}", then.target, claim.id));
                }
                continue;
            };
            let margin = TOLERANCE + moved;
            // With fewer vantage points half of them may be gone a little earlier or later, within the loss.
            let first = true_one.fall.loss.first.secs().min(seen(true_one).0) - margin;
            let last_loss = true_one.fall.loss.last.secs() + margin;
            if start < first && !is_unknown(start, first + margin) {
                wrong.push(format!("{}: {} begins {} s earlier", then.target, claim.id, first + margin - start));
            }
            if start > last_loss && !is_unknown(seen(true_one).0, start) {
                wrong.push(format!("{}: {} begins {} s later", then.target, claim.id, start - seen(true_one).0));
            }
            let last = true_one.fall.recovery.map_or(to, |edge| edge.last).secs().max(seen(true_one).1) + margin;
            if end > last && !is_unknown(last - margin, end) {
                wrong.push(format!("{}: {} ends {} s later", then.target, claim.id, end - last + margin));
            }
            if true_one.severity == Severity::Total && claim.severity != Severity::Total {
                wrong.push(format!("{}: {} is {:?}", then.target, claim.id, claim.severity));
            }
            if true_one.class != claim.class {
                wrong.push(format!("{}: {} is {:?}, not {:?}", then.target, claim.id, claim.class, true_one.class));
            }
        }
        for true_one in &before {
            let (start, end) = seen(true_one);
            let is_found = after.iter().any(|claim| seen(claim).0 < end && seen(claim).1 > start);
            if !is_found && !is_unknown(start, end) {
                wrong.push(format!("{}: {} is missed", then.target, true_one.id));
            }
        }
    }
    wrong
}

/// Puts each trouble into its own copy. Also counts the time that is unknown, so that growing caution is visible.
fn check(place: fn(&Path) -> Place) {
    let Some(folder) = folder() else { return };
    let place = place(&folder);
    let copy = Copied::of(&folder.join("archive"), place.folder, place.names[0], place.names[1]);
    let intact = place.ask(&copy);
    let told = |report: &Report| -> String {
        let clock =
            |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| at.to_datetime().format("%H:%M:%S").to_string());
        let outages = report
            .findings
            .outages
            .iter()
            .map(|o| format!("{} {}..{}", o.subject.target, clock(o.fall.start()), clock(o.fall.end())));
        let unknown = report.summaries.iter().flat_map(|summary| {
            let parts =
                summary.unobserved.iter().map(|part| format!("{}..{}", clock(Some(part.start)), clock(Some(part.end))));
            parts.map(move |part| format!("{} unknown {part}", summary.target))
        });
        outages.chain(unknown).collect::<Vec<_>>().join("\n  ")
    };
    let lost: BTreeSet<_> = intact.findings.outages.iter().filter_map(|outage| outage.subject.prefix).collect();
    assert_eq!(lost, place.targets.iter().copied().collect(), "every target is lost in the intact copy");
    let mut wrong = Vec::new();
    for (name, trouble, moved) in TROUBLES {
        let mut copy = copy.clone();
        trouble(&place, &mut copy);
        let hurt = place.ask(&copy);
        let found = contradictions(&intact, &hurt, moved);
        if !found.is_empty() {
            wrong.push(format!("{name}: {}\nintact:\n  {}\nhurt:\n  {}", found.join("\n"), told(&intact), told(&hurt)));
        }
        let unknown = |report: &Report| -> u64 {
            report.summaries.iter().map(|summary| summary.unobserved_time().as_secs() / 60).sum()
        };
        println!("{}: {name}: {} min unknown, {} before", place.collector, unknown(&hurt), unknown(&intact));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_trouble_makes_another_claim_of_three_feeds_of_2021() {
    check(rrc06);
}

#[test]
fn no_trouble_makes_another_claim_of_the_beacons_of_2008() {
    check(of_2008);
}

#[test]
fn no_trouble_makes_another_claim_of_an_as_of_2002() {
    check(of_2002);
}

#[test]
fn a_copy_answers_as_the_archive_does() {
    let Some(folder) = folder() else { return };
    let place = of_2002(&folder);
    let copy = Copied::of(&folder.join("archive"), place.folder, place.names[0], place.names[1]);
    let first = folder.join("archive").join(place.folder).join("updates.20020101.0012.bz2");
    assert_eq!(copy.files.values().next().map(|records| records.concat()), Some(records::content(&first)));
    let report = place.ask(&copy);
    for file in &report.files {
        assert_eq!(
            copy.files.get(&file.name).map(|records| records.len() as u64),
            Some(file.n_records),
            "{}",
            file.name
        );
    }
}
