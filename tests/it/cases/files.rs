//! Which files are read, and the effect of missing and damaged ones.

use super::{check, hours_of_feeds, three_feeds};

/// Two RouteViews collectors with three feeds each; RIB dumps of both 15 minutes before the epoch, and of `x` an hour
/// after it.
fn two_collectors(more: &str) -> String {
    let x = hours_of_feeds(3, "+7200", "rib x -900\nrib x +3600")
        .replace("riperis updates 300 states", "routeviews updates 900");
    format!(
        "{x}collector y routeviews updates 900 keepalives 60
         peer d y AS2001 192.0.2.101
         peer e y AS2002 192.0.2.102
         peer f y AS2003 192.0.2.103
         table more 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on y
         route d,e,f P \"4837 131279\"
         rib y -900
         {more}\n"
    )
}

// T55
#[test]
fn a_missing_file_makes_its_collector_unknown_until_the_next_dump_and_the_other_one_decides() {
    let scenario = two_collectors(
        "skip x updates +900
         at +1000 all withdraw P
         at +4500 all announce P",
    );
    check(
        &scenario,
        "P 0..7200 show V",
        "outage P 1000..4500 total withdrawn | x missing 900..3600 | V 0:6/6 900:3/3 1000:0/3 3600:0/6 4500:6/6",
    );
}

#[test]
fn a_fall_just_before_a_file_that_is_not_published_yet_is_no_flap() {
    // The files end at 900; those that would follow are not there.
    let scenario =
        three_feeds("at +895 all withdraw P\nskip x updates +900\nskip x updates +1200\nskip x updates +1500")
            .replace("archive -900 .. +1800", "archive -900 .. +1799");
    check(&scenario, "P 0..900 min-duration 1", "outage P 895..? total withdrawn right");
    // Five seconds of it were seen; without the rule it would last for 150, and be an outage.
    check(
        &scenario,
        "P 0..1045",
        "outage P 895..900 total withdrawn gap_end in 900..? | unobserved P 900..1045 | x missing 900..1045",
    );
}

// T56
#[test]
fn an_edge_inside_a_gap_is_known_within_bounds() {
    let scenario = two_collectors(
        "skip x updates +900
         at +1000 all withdraw P
         at +4500 all announce P",
    );
    check(
        &scenario,
        "P 0..7200 collector x",
        "outage P 3600..4500 total withdrawn gap_start in 900..3600 | unobserved P 900..3600 | x missing 900..3600",
    );
    let back_inside = scenario.replace("+4500", "+1500");
    check(&back_inside, "P 0..7200 collector x", "insufficient_data | unobserved P 900..3600 | x missing 900..3600");
}

// T57
#[test]
fn every_kind_of_broken_file_has_its_verdict() {
    let gap = |reason: &str, verdict: &str| {
        format!("insufficient_data | unobserved P 300..900 | x {reason} 300..900 | updates.20141222.0805 {verdict}")
    };
    let whole = "no_outage | updates.20141222.0805 damaged".to_owned();
    for (damage, expected) in [
        ("break x updates +300 empty", gap("unreadable", "unreadable")),
        ("break x updates +300 html", gap("unreadable", "unreadable")),
        ("break x updates +300 truncate 10", gap("truncated", "truncated")),
        // Any octet may be wrong.
        ("break x updates +300 bad-crc", gap("unreadable", "unreadable")),
        ("break x updates +300 trailing-garbage", whole),
        ("break x updates +300 members 3", "no_outage".to_owned()),
        ("skip x updates +300", "insufficient_data | unobserved P 300..900 | x missing 300..900".to_owned()),
    ] {
        check(&three_feeds(damage), "P 0..900 show not-ok", &expected);
    }
}

// T57
#[test]
fn a_file_cut_in_the_middle_counts_up_to_the_cut() {
    let scenario =
        three_feeds("at +310 a withdraw P\nat +590 a announce P").replace("keepalives 60", "keepalives 60 plain");
    check(
        &format!("{scenario}break x updates +300 shorten 5\n"),
        "P 0..900 show R not-ok",
        "insufficient_data | loss P 310..586 local min 0.67 by AS1001 | unobserved P 586..900 | x truncated 586..900 | \
         R 0:3/3 310:2/3 586:0/0? | updates.20141222.0805 truncated",
    );
}

#[test]
fn a_cut_file_whose_last_record_is_of_a_later_file_is_a_gap() {
    // The last whole record bears a time of another file, so the time of the cut is not known.
    let scenario = three_feeds("at +590 a announce P stamped +1000\nat +595 b withdraw P")
        .replace("keepalives 60", "keepalives 60 plain");
    check(
        &format!("{scenario}break x updates +300 shorten 1\n"),
        "P 0..900 show R not-ok",
        "insufficient_data | unobserved P 300..900 | x truncated 300..900 | x: late 1 | R 0:3/3 300:0/0? | \
         updates.20141222.0805 truncated",
    );
}

#[test]
fn update_files_that_were_mixed_up_are_set_aside() {
    let scenario = three_feeds("at +310 all withdraw P\nat +800 all announce P");
    let question = "P 0..1500 show R not-ok";
    check(&scenario, question, "outage P 310..800 total withdrawn | R 0:3/3 310:0/3 800:3/3");
    let folder = crate::scenario::folder(&scenario);
    let name = |clock: &str| folder.path().join(format!("x/2014.12/updates.20141222.{clock}.gz"));
    let aside = folder.path().join("aside");
    for (from, to) in [(name("0805"), aside.clone()), (name("0810"), name("0805")), (aside, name("0810"))] {
        std::fs::rename(from, to).expect("a file");
    }
    let found = super::answer_in(folder.path(), &scenario, question);
    assert_eq!(
        found,
        "insufficient_data | unobserved P 300..1500 | x unreadable 300..1500 | R 0:3/3 300:0/0? | \
         updates.20141222.0805 unreadable | updates.20141222.0810 unreadable"
    );
}

#[test]
fn a_cut_file_of_an_earlier_time_is_set_aside_as_a_whole_one_is() {
    // What it withdraws was announced again before the dump.
    let scenario = three_feeds("at -3890 all withdraw P\nat -3500 all announce P\nbreak x updates -3900 shorten 5")
        .replace("archive -900", "archive -4500")
        .replace("keepalives 60", "keepalives 60 plain");
    let folder = crate::scenario::folder(&scenario);
    let month = folder.path().join("x/2014.12");
    std::fs::copy(month.join("updates.20141222.0655"), month.join("updates.20141222.0805")).expect("a file");
    assert_eq!(
        super::answer_in(folder.path(), &scenario, "P 0..900 show R not-ok"),
        "insufficient_data | unobserved P 300..900 | x unreadable 300..900 | R 0:3/3 300:0/0? | \
         updates.20141222.0805 unreadable"
    );
}

/// The answer if all records of an update file except the first `n_read` are of an unknown kind.
fn answer_where_only(n_read: usize) -> String {
    let scenario = three_feeds("at +310 a withdraw P").replace("keepalives 60", "keepalives 5 plain");
    let folder = crate::scenario::folder(&scenario);
    let path = folder.path().join("x/2014.12/updates.20141222.0805");
    let mut file = std::fs::read(&path).expect("an update file");
    let (mut at, mut n) = (0, 0);
    while let Some(length) = file.get(at + 8..at + 12) {
        let length = length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        if n >= n_read {
            file[at + 7] = 99;
        }
        (at, n) = (at + 12 + length, n + 1);
    }
    std::fs::write(&path, file).expect("an update file");
    super::answer_in(folder.path(), &scenario, "P 0..900 show not-ok")
}

#[test]
fn records_of_unknown_kinds_are_a_gap_and_not_silence() {
    let gap = |reason: &str| {
        let gap = if reason == "unreadable" { "unreadable" } else { "damaged" };
        format!("insufficient_data | unobserved P 300..900 | x {gap} 300..900 | updates.20141222.0805 {reason}")
    };
    assert_eq!(answer_where_only(0), gap("unreadable"));
    // Their peers are not known: from the first of these records on all peers are unknown.
    let from = |second: u32| {
        format!(
            "insufficient_data | loss P 310..{second} local min 0.67 by AS1001 | unobserved P {second}..900 | x damaged \
             {second}..900 | updates.20141222.0805 damaged"
        )
    };
    assert_eq!([answer_where_only(100), answer_where_only(175)], [from(465), from(590)]);
}

// T57
#[test]
fn a_slot_without_any_record_is_a_gap() {
    let scenario = three_feeds("").replace(" keepalives 60", "");
    check(&scenario, "P 0..900", "insufficient_data | unobserved P 0..900 | x empty 0..900");
}

#[test]
fn files_of_an_abandoned_plan_are_listed_last() {
    // Without its dump the replay has nothing to begin with at 07:45.
    let scenario = three_feeds("break x rib -900 truncate 161");
    let names =
        |clocks: &str| clocks.split(' ').map(|clock| format!(" | updates.20141222.{clock} ok")).collect::<String>();
    let (used, aside) = (names("0800 0805 0810 0815 0820 0825"), names("0745 0750 0755"));
    for jobs in [1, 4] {
        check(
            &scenario,
            &format!("P 1200..1800 jobs {jobs} show files"),
            &format!(
                "insufficient_data | unobserved P 1200..1800 | never carried 1 of 1 | x: rejected 1 | \
                 bview.20141222.0745 rejected{used}{aside}"
            ),
        );
    }
}

// T58
#[test]
fn files_that_straddle_the_edges_of_the_window_are_read_and_cut() {
    let scenario = two_collectors(
        "collector z riperis updates 300 keepalives 60
         peer g z AS3001 192.0.2.201
         peer h z AS3002 192.0.2.202
         peer i z AS3003 192.0.2.203
         table third 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on z
         route g,h,i P \"4837 131279\"
         rib z -900
         at +460 all withdraw P
         at +6359 all announce P
         at +6560 all withdraw P",
    );
    // 08:07 to 09:46.
    let files = super::answer(&scenario, "P 420..6360 show files");
    for name in ["updates.20141222.0805 ok", "updates.20141222.0800 ok", "updates.20141222.0945 ok"] {
        assert!(files.contains(name), "{name} in {files}");
    }
    assert!(files.contains("updates.20141222.0955 ok"), "{files}");
    check(&scenario, "P 420..6360", "outage P 460..6359 total withdrawn");
}

// T62
#[test]
fn files_whose_records_are_of_another_day_are_set_aside() {
    let scenario = two_collectors(
        "collector z riperis updates 300 ribs 900 keepalives 60 clock +90000 names -90000
         peer g z AS3001 192.0.2.201
         table third 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on z
         at +100 g withdraw P",
    );
    let found = super::answer(&scenario, "P 0..7200 show V not-ok");
    let rest = found.split_once("updates.").map_or(found.as_str(), |(rest, _)| rest);
    assert!(rest.starts_with("no_outage | z excluded 0..7200 | z: rejected"), "{found}");
    assert!(found.contains("V 0:6/6 | ") && found.contains("updates.20141222.0800 unreadable"), "{found}");
}
