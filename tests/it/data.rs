//! The archives of `data/` are what their scenarios say, and other readers agree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bgpkit_parser::models::{ElemType, MrtMessage, TableDumpV2Message};
use bgpkit_parser::{BgpElem, BgpkitParser, Elementor};

use crate::{generator, scenario};

/// The shipped archives together may not be larger than this.
const MAX_BYTES: u64 = 4 << 20;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// Every file below `folder` with its path relative to it, sorted.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("a path below the folder");
            let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            files.insert(name.join("/"), std::fs::read(&path).expect("a readable file"));
        }
    }
    files
}

#[test]
fn the_shipped_archive_is_what_its_scenario_says() {
    let text = std::fs::read_to_string(data().join("dprk-2014.scenario")).expect("the scenario");
    let folder = data().join("dprk-2014");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("the old archive can be removed");
        }
        generator::write_archive(&text, &folder).expect("an archive");
    }
    let made: BTreeMap<String, Vec<u8>> = generator::archive(&text).expect("an archive").into_iter().collect();
    let shipped = files_below(&folder);
    let names: BTreeSet<&String> = made.keys().chain(shipped.keys()).collect();
    for name in names {
        let what = match (made.get(name), shipped.get(name)) {
            (Some(made), Some(shipped)) if made == shipped => continue,
            (Some(made), Some(shipped)) if decompress(name, made) == decompress(name, shipped) => {
                "holds the same records, compressed otherwise: has a compression library changed?"
            }
            (Some(_), Some(_)) => "holds other records",
            (Some(_), None) => "is missing",
            _ => "does not belong to it",
        };
        panic!("data/dprk-2014/{name} {what} (UPDATE_GOLDEN=1 writes the archive anew)");
    }
    let n_bytes: usize = shipped.values().map(Vec::len).sum();
    assert!(n_bytes as u64 <= MAX_BYTES, "data/dprk-2014 has {n_bytes} bytes");
}

#[test]
fn the_examples_of_the_language_are_a_scenario() {
    let readme = std::fs::read_to_string(data().join("README.md")).expect("data/README.md");
    let cells = readme.lines().filter(|line| line.starts_with('|')).filter_map(|line| line.rsplit('|').nth(1));
    let examples: Vec<&str> = cells.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`')).collect();
    let folder = scenario::folder(&examples.join("\n"));
    assert!(examples.len() > 50, "{} examples found", examples.len());
    let files = files_below(folder.path());
    // A clock two minutes ahead and names in US Pacific time; slots without records are files all the same.
    for name in
        ["archive.json", "old/2014.12/bview.20141222.0802", "new/bgpdata/2014.12/UPDATES/updates.20141222.1745.zst"]
    {
        assert!(files.contains_key(name), "{name} among {:?}", files.keys());
    }
    assert!(!files.contains_key("route-views2/bgpdata/2014.12/UPDATES/updates.20141222.1616.bz2"));
}

#[test]
fn a_mistake_is_reported_with_its_line() {
    let head =
        "archive 2014-12-22T16:00 .. 2014-12-22T17:00\ncollector x riperis updates 300\npeer a x AS1 192.0.2.1\n";
    for (line, expected) in [
        ("fly", "line 4: unknown statement 'fly'"),
        ("peer b y AS2 192.0.2.2", "line 4: unknown collector 'y'"),
        ("peer a x AS2 192.0.2.2", "line 4: the name 'a' is taken"),
        ("peer b x AS2 192.0.2.256", "line 4: '192.0.2.256' is not an IP address"),
        ("route a 175.45.176.0/33 \"1\"", "line 4: '175.45.176.0/33' is no prefix and no name of one"),
        ("route a 175.45.176.0/24", "line 4: expected an AS path in quotes"),
        ("route a 175.45.176.0/24 \"4837 131279", "line 4: a quoted path does not end"),
        ("route a 175.45.176.0/24 \"4837 {131279\"", "line 4: '{' in the path \"4837 {131279\" is not closed"),
        ("at +10 b down", "line 4: 'b' is no peer, group of peers or collector"),
        ("at +3600 a down", "line 4: 2014-12-22T17:00:00Z lies outside the archive"),
        ("at noon a down", "line 4: 'noon' is not a time"),
        ("at +10 a announce 192.0.2.0/24", "line 4: peer a never had a route to 192.0.2.0/24: write its path"),
        ("at +10 a state 6-1", "line 4: '6-1' is not a change such as 6>1"),
        ("at +10 a message 2 0g", "line 4: expected bytes in hexadecimal"),
        ("at +10 a down loudly", "line 4: unknown option 'loudly' of a happening"),
        (
            "table t 300 of 192.0.2.0/24 as /32 origins 1 via 2",
            "line 4: 192.0.2.0/24 has no 300 prefixes of length /32",
        ),
        ("skip x rib +0", "line 4: the archive has no RIB dump of 2014-12-22T16:00:00Z"),
        ("break x updates +0 melt", "line 4: unknown damage 'melt'"),
        ("records a +0 .. +60 blurred", "line 4: unknown way 'blurred' to write records"),
        ("copy x rib +0 bz2", "line 4: the archive has no RIB dump of 2014-12-22T16:00:00Z"),
        ("copy x updates +0 xz", "line 4: 'xz' is not a container: gz, bz2, zst or plain"),
        ("epoch 2014-12-22 again", "line 4: 'again' is not understood here"),
    ] {
        let error = generator::archive(&format!("{head}{line}\n")).expect_err(line).to_string();
        assert!(error.starts_with(expected), "{line}: {error}");
    }
    let error = generator::archive("epoch 2014-12-22").expect_err("no archive").to_string();
    assert_eq!(error, "line 1: no archive statement: write archive START .. END");
}

/// What is inside a stored file.
fn decompress(name: &str, stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    match name.rsplit('.').next() {
        Some("gz") => flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut content).expect("gzip"),
        Some("bz2") => bzip2::read::MultiBzDecoder::new(stored).read_to_end(&mut content).expect("bzip2"),
        _ => return stored.to_vec(),
    };
    content
}

/// The records of a file as bgpkit-parser sees them: kinds of records and what peers announce and withdraw.
fn elements(name: &str, stored: &[u8]) -> (BTreeMap<String, usize>, Vec<BgpElem>) {
    let mut elementor = Elementor::new();
    let (mut kinds, mut elements) = (BTreeMap::new(), Vec::new());
    for record in BgpkitParser::from_reader(&decompress(name, stored)[..]).into_fallible_record_iter() {
        let record = record.unwrap_or_else(|error| panic!("{name}: {}", error.error));
        let kind = (record.common_header.entry_type as u16, record.common_header.entry_subtype);
        *kinds.entry(format!("{}/{}", kind.0, kind.1)).or_default() += 1;
        // RIB entries carry the time of the route; what counts here is the time of the record.
        let is_rib = matches!(record.message, MrtMessage::TableDumpV2Message(_) | MrtMessage::TableDumpMessage(_));
        if let MrtMessage::TableDumpV2Message(TableDumpV2Message::RibGeneric(_)) = record.message {
            panic!("{name}: no generic RIB is ever written");
        }
        let at = f64::from(record.common_header.timestamp);
        let found = elementor.record_to_elems(record);
        elements.extend(found.into_iter().map(|elem| if is_rib { BgpElem { timestamp: at, ..elem } } else { elem }));
    }
    (kinds, elements)
}

/// Another reader understands every record of the shipped archive, and a plain count of ASes over it has the
/// published edges.
#[test]
fn another_reader_finds_the_published_outages_in_the_shipped_archive() {
    const PARTIAL: [u32; 6] = [12779, 15469, 3582, 11537, 22388, 38022];
    let mut changes: Vec<(f64, String, IpAddr, u32, bool)> = Vec::new();
    let mut dumped: BTreeSet<String> = BTreeSet::new();
    let mut by_time: Vec<(String, Vec<u8>)> = files_below(&data().join("dprk-2014")).into_iter().collect();
    by_time.retain(|(name, _)| name != "archive.json");
    // By the time in the name, the RIB dump before the updates of the same minute.
    by_time.sort_by_key(|(name, _)| {
        let file = name.rsplit('/').next().unwrap_or_default();
        (file.split_once('.').map(|(_, time)| time.to_owned()), file.starts_with("updates"))
    });
    let mut n_records = 0;
    for (name, stored) in &by_time {
        let (kinds, elements) = elements(name, stored);
        n_records += kinds.values().sum::<usize>();
        let collector = name.split('/').next().unwrap_or_default().to_owned();
        let is_rib = !name.contains("updates");
        if is_rib {
            assert!(kinds.contains_key("13/1") && kinds.contains_key("13/2"), "{name}: {kinds:?}");
        }
        // Only the first RIB dump of a collector contains information that its updates do not.
        let is_seed = is_rib && dumped.insert(collector.clone());
        for elem in elements {
            if !elem.prefix.prefix.to_string().starts_with("175.45.17") {
                continue;
            }
            if elem.elem_type == ElemType::ANNOUNCE {
                let origins = elem.origin_asns.clone().unwrap_or_default();
                assert_eq!(origins.iter().map(|asn| asn.to_u32()).collect::<Vec<_>>(), [131_279], "{name}: {elem}");
                let path = elem.as_path.as_ref().and_then(|path| path.to_u32_vec_opt(false)).unwrap_or_default();
                assert_eq!(path.first(), Some(&elem.peer_asn.to_u32()), "{name}: {elem}");
                assert_eq!(path[path.len() - 2], 4837, "{name}: {elem}");
            }
            let asn = elem.peer_asn.to_u32();
            if (is_seed || !is_rib) && elem.prefix.prefix.to_string() == "175.45.178.0/24" && !PARTIAL.contains(&asn) {
                let is_present = elem.elem_type == ElemType::ANNOUNCE;
                changes.push((elem.timestamp, collector.clone(), elem.peer_ip, asn, is_present));
            }
        }
    }
    assert!(n_records > 20_000, "{n_records} records");

    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut holders: BTreeSet<(String, IpAddr, u32)> = BTreeSet::new();
    let (mut outages, mut lost) = (Vec::new(), None);
    for (at, collector, address, asn, is_present) in changes {
        let feed = (collector, address, asn);
        if is_present {
            holders.insert(feed)
        } else {
            holders.remove(&feed)
        };
        let share = holders.iter().map(|(_, _, asn)| asn).collect::<BTreeSet<_>>().len() as f64 / 24.0;
        // Before midnight one of the three collectors has no RIB dump yet.
        match lost {
            None if share < 0.5 && at >= 1_419_206_400.0 => lost = Some(at),
            Some(since) if share >= 0.6 => {
                outages.push((since as i64, (at - since) as i64));
                lost = None;
            }
            _ => {}
        }
    }
    assert_eq!(lost, None);
    let [.., before, main, morning, afternoon] = outages[..] else { panic!("{outages:?}") };
    assert_eq!(before, (1_419_264_090, 180), "2014-12-22T16:01:30, 3 minutes");
    assert_eq!(main, (1_419_264_900, 34_260), "2014-12-22T16:15:00, 9 h 31 min");
    assert_eq!(morning, (1_419_321_360, 480), "2014-12-23T07:56:00, 8 minutes");
    assert_eq!(afternoon, (1_419_349_260, 1860), "2014-12-23T15:41:00, 31 minutes");
    assert_eq!(outages.len(), 16 + 3, "flaps of the 22nd and outages: {outages:?}");
}

#[test]
fn every_kind_of_record_is_readable() {
    let text = r#"
        archive 2014-12-22T16:00 .. 2014-12-22T16:15
        collector x riperis updates 900 ribs 900 states plain dummy-peer
        peer a x AS3333 192.0.2.1
        peer b x AS7018 192.0.2.2 two-octet
        peer c x AS1239 2001:db8::c
        peer e x AS65536 192.0.2.5 add-path
        prefix P 175.45.176.0/24
        prefix Q 2001:db8:4::/48
        route a,b,c,e P,Q "4837 131279"
        at +10 a,b,c,e withdraw P,Q announce 192.0.2.0/24 "4837 {64500,131279}"
        at +20.25 b announce P
        at +30 a withdraw P local
        at +40 a down
        at +50 b,e announce P,Q mp
        at +60 e announce P "1299 4837 131279" id 2
        at +70 a up transfer 5
        rib x -60 format v1
        rib x -120 no-ids split P multicast Q
    "#;
    let kinds_in = |name: &str| elements(name, &scenario::file(text, name)).0.into_iter().collect::<Vec<_>>();
    let count = |pairs: &[(&str, usize)]| pairs.iter().map(|(kind, n)| (kind.to_string(), *n)).collect::<Vec<_>>();
    assert_eq!(
        kinds_in("x/2014.12/bview.20141222.1600"),
        count(&[("13/1", 1), ("13/10", 1), ("13/2", 1), ("13/4", 1), ("13/8", 1)])
    );
    assert_eq!(kinds_in("x/2014.12/bview.20141222.1559"), count(&[("12/1", 4), ("12/2", 4)]));
    assert_eq!(kinds_in("x/2014.12/bview.20141222.1558"), count(&[("13/1", 1), ("13/2", 2), ("13/5", 1)]));
    let updates = "x/2014.12/updates.20141222.1600";
    assert_eq!(
        kinds_in(updates),
        count(&[("16/1", 2), ("16/4", 5), ("16/5", 5), ("16/7", 1), ("16/9", 3), ("17/1", 1)]),
    );

    let (_, elements) = elements(updates, &scenario::file(text, updates));
    let origins = |prefix: &str, address: &str| -> Vec<u32> {
        let is_wanted = |elem: &&BgpElem| {
            elem.elem_type == ElemType::ANNOUNCE
                && elem.prefix.prefix.to_string() == prefix
                && elem.peer_ip.to_string() == address
        };
        let last = elements.iter().rfind(is_wanted).unwrap_or_else(|| panic!("{prefix} from {address}"));
        last.origin_asns.iter().flatten().map(|asn| asn.to_u32()).collect()
    };
    for address in ["192.0.2.2", "192.0.2.5"] {
        assert_eq!(origins("175.45.176.0/24", address), [131_279], "{address}");
        assert_eq!(origins("2001:db8:4::/48", address), [131_279], "{address}");
    }
    assert_eq!(origins("192.0.2.0/24", "2001:db8::c").len(), 2, "an AS_SET on an IPv6 session");
}

#[test]
fn a_damaged_file_is_damaged_as_the_scenario_says() {
    let stored = |container: &str, damage: &str| {
        let text = format!(
            "archive 2014-12-22T16:00 .. 2014-12-22T16:15\ncollector x riperis updates 900 {container}\n\
             peer a x AS3333 192.0.2.1\nroute a 192.0.2.0/24 \"64500\"\nat +1 a keepalive every 1 times 500\n{damage}"
        );
        let extension = if container == "gz" { ".gz" } else { ".bz2" };
        scenario::file(&text, &format!("x/2014.12/updates.20141222.1600{extension}"))
    };
    let content = |container: &str, stored: &[u8]| {
        let mut content = Vec::new();
        match container {
            "gz" => flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut content),
            _ => bzip2::read::MultiBzDecoder::new(stored).read_to_end(&mut content),
        }
        .map(|_| content)
        .ok()
    };
    for container in ["gz", "bz2"] {
        let whole = stored(container, "");
        let records = content(container, &whole).expect("a whole file");
        assert_eq!(records.len(), 500 * (12 + 20 + 19), "{container}: KEEPALIVE messages in records");
        for damage in ["truncate 50%", "truncate 9", "html", "zero-bytes", "bad-crc", "corrupt 50%", "trailing-garbage"]
        {
            let broken = stored(container, &format!("break x updates +0 {damage}"));
            // Readers of gzip may take text after the last member for a bad member or for nothing.
            assert!(broken != whole, "{container} {damage}");
            assert!(content(container, &broken).is_none_or(|_| damage == "trailing-garbage"), "{container} {damage}");
        }
        assert!(stored(container, "break x updates +0 empty").is_empty());
        let shortened = content(container, &stored(container, "break x updates +0 shorten 5"));
        assert_eq!(shortened.as_deref(), Some(&records[..records.len() - 5]), "{container}");
        let members = stored(container, "break x updates +0 members 3");
        assert!(members.len() > whole.len(), "{container}");
        assert_eq!(content(container, &members), Some(records), "{container}");
    }
}

#[test]
fn times_in_records_follow_the_clock_and_the_word_stamped_but_not_the_name() {
    let text = r#"
        archive 2003-01-10T16:00 .. 2003-01-10T16:30
        collector x routeviews updates 900 plain clock +120 names -28800 et
        peer a x AS3333 192.0.2.1
        peer b x AS7018 192.0.2.2
        route a,b 192.0.2.0/24 "64500"
        at +60 a,b withdraw 192.0.2.0/24 spread 0
        at +61 a announce 192.0.2.0/24 stamped +50
        at +900 a,b withdraw 192.0.2.0/24 spread 1
    "#;
    let times = |name: &str| {
        let found = elements(name, &scenario::file(text, name)).1;
        found.iter().map(|elem| elem.timestamp - 1_042_214_400.0).collect::<Vec<_>>()
    };
    assert_eq!(times("x/bgpdata/2003.01/UPDATES/updates.20030110.0800"), [180.0, 180.0, 170.0]);
    assert_eq!(times("x/bgpdata/2003.01/UPDATES/updates.20030110.0815"), [1020.0, 1021.0]);
}

#[test]
fn records_are_written_in_the_way_that_the_scenario_names() {
    let file = |ways: &str| {
        let text = format!(
            "archive 2014-12-22T16:00 .. 2014-12-22T16:10\ncollector x riperis updates 300 plain\n\
             peer a x AS3333 192.0.2.1\nroute a 203.0.113.0/24 \"64500\"\n\
             at +290 a withdraw 203.0.113.0/24\nat +290 a announce 203.0.113.0/24 \"64500\"\n{ways}\n"
        );
        scenario::file(&text, "x/2014.12/updates.20141222.1600")
    };
    let written = |way: &str| file(&format!("records a +290 .. +291 {way}"));
    let whole = file("");
    // Header, both ends of the session, the message.
    let (header, ends, withdrawal) = (12, 20, 19 + 2 + 4 + 2);
    let second = header + ends + withdrawal;
    let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four octets"));
    let seconds = word(&whole, 0);

    assert!(written("lost").is_empty());
    assert_eq!([0, second].map(|at| word(&written("stamp +7200"), at)), [seconds + 7200; 2]);
    assert!(file("records a +290 .. +291 clock +30").is_empty(), "they are in the next file");
    let early = written("clock -30");
    assert_eq!((word(&early, 0), early.len()), (seconds - 30, whole.len()));
    let micros = written("micros 412345678");
    assert_eq!((micros[5], word(&micros, header)), (17, 412_345_678));
    let cut = written("cut 23");
    assert_eq!((cut.len(), cut[header + ends + 17]), (2 * (header + ends + 23), withdrawal as u8));
    assert_eq!(whole.len() - written("other-width").len(), 4, "two AS numbers of two octets");
    assert_eq!(written("other-path-ids").len() - whole.len(), 8, "two path identifiers");
    assert_eq!([&whole, &written("other-width"), &written("other-path-ids")].map(|bytes| bytes[7]), [4; 3]);
    let differing = |way: &str| {
        let written = written(way);
        assert_eq!(written.len(), whole.len(), "{way}");
        (0..whole.len()).filter(|at| whole[*at] != written[*at]).map(|at| written[at]).collect::<Vec<u8>>()
    };
    assert_eq!(differing("unknown-segment"), [9]);
    assert_eq!(differing("bad-length"), [0x80 | 24; 2]);
    // Attributes end with the next hop, the reserved octet and the prefix.
    assert!(written("safi 3").windows(3).any(|octets| octets == [0, 1, 3]));
    let reserved = file("records a +290 .. +291 safi 1\nrecords a +290 .. +291 reserved 7");
    assert_eq!(reserved[reserved.len() - 5..], [7, 24, 203, 0, 113]);
    let mapped = written("mapped");
    let address = ["::ffff:192.0.2.1"].map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address"))[0];
    assert_eq!((mapped[header + 11], &mapped[header + 12..header + 28]), (2, address.octets().as_slice()));
}
