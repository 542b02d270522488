//! Early, odd and damaged files: every run ends, and reports the kind and state of each file.

use super::*;

/// A file below `odd/`, the name that an archive would give it, and its expected report: verdict, records, damaged ones,
/// and the reason.
const FILES: [(&str, &str, &str); 47] = [
    ("bgpdump/bview.20020722.2337.gz", "rrc00/2002.07/bview.20020722.2337.gz", "ok 115521 0"),
    ("bgpdump/bview.64k_stream_overflow.gz", "rrc00/2018.09/bview.20180919.0800.gz", "ok 2 0"),
    ("bgpdump/bview.ipv4_unicast_add_path.gz", "rrc00/2016.01/bview.20160107.1201.gz", "ok 32 0"),
    ("bgpdump/bview.ipv6_unicast_add_path.gz", "rrc00/2016.01/bview.20160107.1224.gz", "ok 32 0"),
    ("bgpdump/updates.20020722.2238.gz", "rrc00/2002.07/updates.20020722.2238.gz", "ok 1121 0"),
    (
        "bgpdump/updates.20070211.0141.gz",
        "route-views.linx/bgpdata/2007.02/UPDATES/updates.20070211.0141.gz",
        "ok 23394 0",
    ),
    ("bgpdump/updates.20071015.1505.gz", "rrc00/2007.10/updates.20071015.1505.gz", "ok 4297 0"),
    ("bgpdump/updates.20100722.2015.gz", "rrc00/2010.07/updates.20100722.2015.gz", "ok 2193 0"),
    ("bgpdump/updates.20160811.1600.gz", "rrc00/2016.08/updates.20160811.1600.gz", "ok 17406 0"),
    ("bgpdump/updates.et-header.2015.gz", "rrc00/2015.10/updates.20151023.0200.gz", "ok 89686 0"),
    (
        "bgpdump/updates.et-header.2015.gz.hist-f14af31",
        "rrc00/2015.10/updates.20151007.2350.gz",
        "truncated 1 1: no record begins at offset 480, after record 0: type 22037, length 1114116",
    ),
    ("bgpdump/updates.long_withdrawal.gz", "rrc00/2019.12/updates.20191231.1140.gz", "ok 1 0"),
    (
        "bgpdump/updates.nlri_mask_trailing_bits.gz",
        "rrc00/2010.11/updates.20101107.2220.gz",
        "damaged 1 1: at byte 0: a malformed list of IPv4 prefixes",
    ),
    (
        "bgpdump/updates.20071015.1505.gz.bgp.gz",
        "rrc00/2007.10/updates.20071015.1505.gz",
        "unreadable 0 0: not an MRT file: it begins with \"BGP4MP|1192460700|A|213.\"",
    ),
    (
        "bgpdump/updates.et-header.2015.gz.bgp.gz.hist-963be56",
        "rrc00/2015.10/updates.20151023.0200.gz",
        "unreadable 0 0: not an MRT file: it begins with \"BGP4MP_ET|1444261860.425\"",
    ),
    ("bgpkit-updates.20100227.1600.first-796-records.gz", "rrc15/2010.02/updates.20100227.1600.gz", "ok 796 0"),
    ("bgpkit-updates.bz2", "route-views2/bgpdata/2024.09/UPDATES/updates.20240914.2230.bz2", "ok 85 0"),
    ("lab/bird-mrtdump_bgp", "rrc00/2017.02/updates.20170211.0825", "ok 27 0"),
    ("lab/bird-mrtdump_rib", "rrc00/2017.02/bview.20170211.0828", "ok 14 0"),
    ("lab/bird6-mrtdump_bgp", "rrc00/2017.02/updates.20170211.0825", "ok 27 0"),
    ("lab/bird6-mrtdump_rib", "rrc00/2017.02/bview.20170211.0828", "ok 9 0"),
    ("lab/bird6_bgp", "rrc00/2017.02/updates.20170211.0930", "ok 29 0"),
    ("lab/bird6_bgp.hist-00961c3", "rrc00/2017.02/updates.20170211.0820", "ok 27 0"),
    ("lab/bird6_bgp.hist-b2f2433", "rrc00/2015.10/updates.20151014.1630", "ok 33 0"),
    ("lab/bird_bgp", "rrc00/2017.02/updates.20170211.0930", "ok 29 0"),
    ("lab/bird_bgp.hist-4dcc227", "rrc00/2015.10/updates.20151014.1630", "ok 56 0"),
    ("lab/bird_bgp.hist-985f1e4", "rrc00/2017.02/updates.20170211.0820", "ok 29 0"),
    (
        "lab/eqix.updates.20220119.1645.mrt",
        "route-views.eqix/bgpdata/2022.01/UPDATES/updates.20220119.1645.mrt",
        "ok 500 0",
    ),
    ("lab/openbgpd_bgp", "rrc00/2015.10/updates.20151014.1650", "ok 87 0"),
    ("lab/openbgpd_rib_table", "rrc00/2015.10/bview.20151014.1733", "ok 31 0"),
    ("lab/openbgpd_rib_table-mp", "rrc00/2015.10/bview.20151014.1724", "ok 31 0"),
    ("lab/openbgpd_rib_table-v2", "rrc00/2015.10/bview.20151014.1710", "ok 24 0"),
    ("lab/quagga_bgp", "rrc00/2017.02/updates.20170211.0835", "ok 67 0"),
    ("lab/quagga_bgp.hist-85ca987", "rrc00/2015.10/updates.20151014.1605", "ok 91 0"),
    ("lab/quagga_bgp_large_communities", "rrc00/2016.11/updates.20161106.1730", "ok 6 0"),
    ("lab/quagga_rib", "rrc00/2017.02/bview.20170211.0840", "ok 7 0"),
    ("lab/quagga_rib.hist-1b5acfb", "rrc00/2015.10/bview.20151014.1615", "ok 22 0"),
    (
        "truncated/bview.20140112.1600_3samples.bz2",
        "rrc00/2014.01/bview.20140112.1600.bz2",
        "rejected 3 3: it has no PEER_INDEX_TABLE",
    ),
    (
        "truncated/rib.20080501.0644_firstMB.bz2",
        "route-views2/bgpdata/2008.05/RIBS/rib.20080501.0644.bz2",
        "rejected 139291 0: the bzip2 container is truncated after 9876188 decompressed bytes",
    ),
    (
        "truncated/rib.20140523.0600_firstMB.bz2",
        "route-views2/bgpdata/2014.05/RIBS/rib.20140523.0600.bz2",
        "rejected 9073 0: the bzip2 container is truncated after 15274550 decompressed bytes",
    ),
    (
        "truncated/rib6.20151101.0600_firstMB.bz2",
        "route-views6/bgpdata/2015.11/RIBS/rib.20151101.0600.bz2",
        "rejected 6871 0: the bzip2 container is truncated after 12132997 decompressed bytes",
    ),
    ("../archive/rrc00/1999.09/updates.19990903.1041.gz", "rrc00/1999.09/updates.19990903.1041.gz", "ok 24242 0"),
    ("../archive/rrc00/1999.12/updates.19991214.1621.gz", "rrc00/1999.12/updates.19991214.1621.gz", "ok 18203 0"),
    ("../archive/rrc00/2000.01/bview.20000111.0032.gz", "rrc00/2000.01/bview.20000111.0032.gz", "ok 2490 0"),
    ("../archive/rrc00/2000.01/updates.20000102.2014.gz", "rrc00/2000.01/updates.20000102.2014.gz", "ok 3957 0"),
    (
        "../archive/rrc00/2000.03/updates.20000325.0345.gz",
        "rrc00/2000.03/updates.20000325.0345.gz",
        "truncated 5 1: no record begins at offset 14756, after record 4: type 32305, length 256",
    ),
    ("../archive/rrc01/2000.11/updates.20001104.0124.gz", "rrc01/2000.11/updates.20001104.0124.gz", "ok 1286 0"),
];

/// With more bytes than this only part of the prefixes is asked for.
const MANY_BYTES: u64 = 200_000;

#[test]
fn every_odd_file_is_read_to_its_end_and_judged() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for (source, name, expected) in FILES {
        let found = verdict(&folder.join("odd").join(source), name);
        if found != expected {
            wrong.push(format!("{source}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_text_that_other_readers_print_is_no_archive_file() {
    let Some(folder) = folder() else { return };
    let mut n_texts = 0;
    for file in std::fs::read_dir(folder.join("odd/bgpdump")).expect("files") {
        let path = file.expect("a file").path();
        let source = format!("bgpdump/{}", path.file_name().expect("a name").to_string_lossy());
        if FILES.iter().all(|(listed, ..)| *listed != source) {
            let found = verdict(&path, "rrc00/2007.10/updates.20071015.1505.gz");
            assert!(found.starts_with("unreadable 0 0: not an MRT file: it begins with"), "{source}: {found}");
            n_texts += 1;
        }
    }
    assert_eq!(n_texts, 11);
}

/// The report of a run about the only file of an archive.
fn verdict(source: &Path, name: &str) -> String {
    let archive = tempfile::tempdir().expect("a temporary folder");
    let path = archive.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let n_bytes = std::fs::copy(source, &path).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let mirror = Mirror::open(archive.path()).expect("an archive");
    let [file] = mirror.files() else { panic!("one file: {:?}", mirror.files()) };

    // Names of 1999 and of updates were given at the beginning; a dump needs time to be written.
    let from = match file.kind {
        DumpKind::Rib => file.named_at + Duration::from_secs(900),
        DumpKind::Updates => file.named_at - Duration::from_secs(2 * 3600),
    };
    let window = format!("{from} {}", file.named_at + Duration::from_secs(3600));
    let asked = if n_bytes > MANY_BYTES { ["192.0.0.0/8", "2001::/16"] } else { ["0.0.0.0/0", "::/0"] };
    let asked = asked.map(|text| Target::Prefix(text.parse().expect("a prefix"), Match::MoreSpecific));
    let report = replay(archive.path(), (file.collector.name(), &window), asked.to_vec(), &at_least(1));
    let [file] = &report.files[..] else { panic!("one file: {:?}", report.files) };
    let detail = file.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{} {} {}{detail}", file.verdict, file.n_records, file.n_damaged)
}
