//! The decode step on real archives: those in the folder that `OUTAGE_REPLAY_MRT` names, with `archive/` as published
//! and `odd/` for formats and damage. The counts pinned here agree with an independent reader of the same files.

use std::fs::File;
use std::path::{Path, PathBuf};

use outage_replay::decode::{self, Change, Ending, Reading, RecordCounts, RibEntry, RibRecord, Selection};

/// The folder of archives. None if there is none; then tests print one line and pass.
fn archives() -> Option<PathBuf> {
    let folder = std::env::var_os("OUTAGE_REPLAY_MRT").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: OUTAGE_REPLAY_MRT names no folder of archives");
    }
    folder
}

fn read(file: &Path, selection: &Selection) -> Reading {
    decode::read(File::open(file).unwrap(), selection)
}

fn everything() -> Selection {
    let mut selection = Selection::new();
    selection.add_within("0.0.0.0/0".parse().unwrap());
    selection.add_within("::/0".parse().unwrap());
    selection
}

/// Numbers of events: RIB entries, announcements, withdrawals, ups, downs.
fn n_events(reading: &Reading) -> [usize; 5] {
    let count = |is: fn(&Change) -> bool| reading.events.iter().filter(|event| is(&event.change)).count();
    [
        reading.rib.len(),
        count(|change| matches!(change, Change::Announce { .. })),
        count(|change| matches!(change, Change::Withdraw { .. })),
        count(|change| matches!(change, Change::SessionUp)),
        count(|change| matches!(change, Change::SessionDown | Change::ConnectionClosed)),
    ]
}

#[test]
fn counts_of_real_archives_are_those_of_an_independent_reader() {
    let Some(folder) = archives() else { return };
    // File, records, messages, state changes, ignored, damaged; then events as `n_events` has them.
    let expected: [(&str, [u64; 5], [usize; 5]); 11] = [
        ("archive/rrc06/2021.01/updates.20210102.0700.gz", [6926, 6922, 4, 0, 0], [0, 19130, 618, 0, 4]),
        ("archive/rrc00/1999.09/updates.19990903.1041.gz", [24242, 24238, 4, 0, 0], [0, 65286, 25, 1, 3]),
        ("archive/rrc00/2000.01/bview.20000111.0032.gz", [2490, 0, 0, 0, 0], [452_018, 0, 0, 0, 0]),
        ("archive/rrc01/2000.11/updates.20001104.0124.gz", [1286, 901, 322, 63, 0], [0, 378, 141, 2, 328]),
        (
            "archive/route-views2/bgpdata/2002.01/UPDATES/updates.20020101.0012.bz2",
            [5718, 5718, 0, 0, 0],
            [0, 10334, 1704, 0, 0],
        ),
        (
            "archive/route-views6/bgpdata/2015.09/RIBS/rib.20150922.1200.bz2",
            [25_879, 0, 0, 0, 0],
            [609_246, 0, 0, 0, 0],
        ),
        ("odd/bgpdump/bview.20020722.2337.gz", [115_521, 0, 0, 0, 0], [115_521, 0, 0, 0, 0]),
        ("odd/bgpdump/updates.20160811.1600.gz", [17_406, 17_384, 22, 0, 0], [0, 39_256, 1956, 0, 22]),
        ("odd/bgpdump/updates.long_withdrawal.gz", [1, 1, 0, 0, 0], [0, 0, 4096, 0, 0]),
        ("odd/lab/bird-mrtdump_bgp", [27, 15, 9, 3, 0], [0, 12, 0, 2, 8]),
        ("odd/lab/bird_bgp", [29, 17, 9, 3, 0], [0, 12, 0, 2, 8]),
    ];
    for (name, counts, events) in expected {
        let reading = read(&folder.join(name), &everything());
        let RecordCounts { records, messages, state_changes, ignored, damaged, .. } = reading.census.counts;
        assert_eq!([records, messages, state_changes, ignored, damaged], counts, "{name}: {:?}", reading.census.damage);
        assert_eq!(n_events(&reading), events, "{name}");
        assert_eq!(reading.census.ending, Ending::Complete, "{name}");
    }
}

#[test]
fn tables_of_a_real_rib_dump_have_their_published_sizes() {
    let Some(folder) = archives() else { return };
    let name = "archive/route-views.jinx/bgpdata/2014.05/RIBS/rib.20140501.0000.bz2";
    let reading = read(&folder.join(name), &Selection::new());
    assert_eq!(reading.census.counts.rib_records, 493_868);
    assert_eq!(reading.events, []);
    let full_feeds: Vec<_> = reading.census.peers.iter().filter(|peer| peer.table_size[0] > 100_000).collect();
    assert_eq!(full_feeds.len(), 1);
    assert_eq!((full_feeds[0].peer.asn.0, full_feeds[0].table_size), (30844, [493_784, 0]));
}

#[test]
fn cut_and_damaged_files_are_reported_and_read_up_to_the_damage() {
    let Some(folder) = archives() else { return };
    for (name, n_records, n_entries, has_peer_table) in [
        ("odd/truncated/rib.20080501.0644_firstMB.bz2", 139_291, 139_291, true),
        ("odd/truncated/rib.20140523.0600_firstMB.bz2", 9073, 270_005, true),
        ("odd/truncated/rib6.20151101.0600_firstMB.bz2", 6871, 149_578, true),
        ("odd/truncated/bview.20140112.1600_3samples.bz2", 3, 0, false),
        ("archive/rrc00/2000.03/updates.20000325.0345.gz", 5, 0, true),
    ] {
        let reading = read(&folder.join(name), &everything());
        assert_eq!(reading.census.counts.records, n_records, "{name}");
        assert_eq!(n_events(&reading)[0], n_entries, "{name}");
        assert_eq!(!reading.census.lacks_peer_table, has_peer_table, "{name}");
        assert_eq!(
            matches!(reading.census.ending, Ending::Truncated(_)),
            has_peer_table,
            "{name}: {:?}",
            reading.census.ending
        );
    }
}

#[test]
fn a_selection_finds_exactly_its_part_of_everything() {
    let Some(folder) = archives() else { return };
    let mut files = files_below(&folder.join("odd"));
    for name in [
        "archive/rrc00/1999.12/updates.19991214.1621.gz",
        "archive/rrc00/2000.01/bview.20000111.0032.gz",
        "archive/rrc01/2000.11/updates.20001104.0124.gz",
        "archive/rrc06/2021.01/updates.20210102.0710.gz",
        "archive/rrc15/2010.02/updates.20100227.1600.gz",
        "archive/route-views.jinx/bgpdata/2014.05/RIBS/rib.20140501.0000.bz2",
        "archive/route-views.jinx/bgpdata/2014.05/UPDATES/updates.20140501.0000.bz2",
        "archive/route-views2/bgpdata/2008.02/UPDATES/updates.20080219.0045.bz2",
        "archive/route-views6/bgpdata/2015.10/UPDATES/updates.20151009.1230.bz2",
    ] {
        files.push(folder.join(name));
    }
    for file in files {
        let everything = read(&file, &everything());
        for n in [2, 7] {
            check_selection(&file, &everything, &sample(&everything, n));
        }
    }
}

/// About `n` prefixes and origins of a file, spread over it, one of the prefixes with all its parts.
fn sample(reading: &Reading, n: usize) -> Selection {
    let mut selection = Selection::new();
    let routes: Vec<_> = reading.events.iter().filter_map(|event| route(&event.change)).collect();
    for (i, (prefix, origins)) in routes.iter().step_by((routes.len() / n).max(1)).enumerate() {
        match i % 3 {
            0 => selection.add_prefix(*prefix),
            1 => origins.iter().for_each(|origin| selection.add_origin(*origin)),
            _ => selection.add_within(prefix.shortened_to(16)),
        }
    }
    selection
}

/// The prefix of an event and the origins of its path.
fn route(change: &Change) -> Option<(outage_replay::bgp::Prefix, Vec<outage_replay::bgp::Asn>)> {
    match change {
        Change::Announce { prefix, path, .. } => Some((*prefix, path.origins().to_vec())),
        Change::Withdraw { prefix, .. } => Some((*prefix, Vec::new())),
        _ => None,
    }
}

fn check_selection(file: &Path, everything: &Reading, selection: &Selection) {
    let wanted = |change: &Change| {
        route(change).is_none_or(|(prefix, origins)| {
            selection.matches(&prefix) || origins.iter().any(|origin| selection.matches_origin(*origin))
        })
    };
    let expected: Vec<_> = everything.events.iter().filter(|event| wanted(&event.change)).collect();
    let reading = read(file, selection);
    let found: Vec<_> = reading.events.iter().collect();
    let is_wanted = |(of, entry): &(&RibRecord, &RibEntry)| {
        selection.matches(&of.prefix) || entry.path.origins().iter().any(|origin| selection.matches_origin(*origin))
    };
    let (listed, beside): (Vec<_>, Vec<_>) = reading.rib.iter().partition(is_wanted);
    assert!(listed.into_iter().eq(everything.rib.iter().filter(is_wanted)), "{}", file.display());
    // Beside a route of a chosen origin a RIB dump shows those of others, for the same prefix and those that cover it.
    assert!(beside.is_empty() || selection.has_origins(), "{}: {beside:?}", file.display());
    let first = expected.iter().zip(&found).find(|(expected, found)| expected != found);
    assert!(expected == found, "{}: {} events, {} found, {first:?}", file.display(), expected.len(), found.len());
    assert_eq!(reading.census.peers, everything.census.peers, "{}", file.display());
    assert_eq!(
        (reading.census.span, &reading.census.ending),
        (everything.census.span, &everything.census.ending),
        "{}",
        file.display()
    );
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
