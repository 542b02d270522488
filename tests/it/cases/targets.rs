//! Questions: how targets and windows may be written, and what is refused.

use std::sync::Mutex;

use outage_replay::catalog::Mirror;
use outage_replay::pipeline::Progress;
use outage_replay::{report, run};

use super::{Question, answer, check, epoch, hours_of_feeds, three_feeds};
use crate::scenario;

// T91
#[test]
fn an_as_number_may_be_written_in_three_ways() {
    let scenario = three_feeds("at +10 all withdraw P\nat +600 all announce P");
    let expected = "outage AS131279,P 10..600 total withdrawn";
    for target in ["AS131279", "131279", "2.207"] {
        check(&scenario, &format!("{target} 0..900"), expected);
    }
    assert_eq!(answer(&scenario, "AS131279 P 0..900"), expected);
}

#[test]
fn a_prefix_that_only_the_dump_in_place_of_a_broken_one_reveals_is_looked_for_at_every_collector() {
    // Q moves to another AS, at `y` before its first dump and at `x` before the broken one.
    let scenario = hours_of_feeds(
        3,
        "+1800",
        "prefix Q 198.51.100.0/24
         route a,b,c Q \"4837 131279\"
         rib x -4500
         at -1000 a,b,c announce Q \"174 64500\"
         rib x -900
         break x rib -900 truncate 161
         rib x +600
         collector y riperis updates 300 states keepalives 60
         peer d y AS2001 192.0.2.101
         peer e y AS2002 192.0.2.102
         peer f y AS2003 192.0.2.103
         table more 20 of 198.18.0.0/15 as /24 origins 64500 via 174 on y
         route d,e,f P \"4837 131279\"
         route d,e,f Q \"174 64500\"
         rib y -900",
    )
    .replace("archive -900", "archive -4500");
    let expected = "no_outage | loss AS131279 0..900 degraded min 0.50 | x: rejected 1 | V 0:6/6 | V 0:6/6";
    for jobs in [1, 2, 3, 8] {
        check(&scenario, &format!("AS131279 0..900 jobs {jobs} show V"), expected);
    }
}

#[test]
fn an_announcement_that_is_withdrawn_at_the_same_instant_is_an_announcement() {
    let scenario = three_feeds(
        "prefix Q 198.51.100.0/24
         at +100 a announce Q \"4837 64500\"
         at +100 a withdraw Q",
    );
    let verdict = |question: &str| report::verdict(&super::report(&scenario, question));
    assert_eq!(verdict("198.51.100.0/24 0..900"), "insufficient data");
    assert_eq!(verdict("AS64500 0..900"), "no outage");
    assert_eq!(verdict("203.0.113.0/24 0..900"), "not announced");
    assert_eq!(
        answer(&scenario, "198.51.100.0/24 0..900"),
        "insufficient_data | unobserved 198.51.100.0/24 0..900 | never carried 1 of 1"
    );
}

/// The names of the files that were read, in order.
#[derive(Default)]
struct Names(Mutex<Vec<String>>);

impl Progress for Names {
    fn file_read(&self, name: &str) {
        let name = name.rsplit('/').next().unwrap_or_default();
        self.0.lock().expect("no thread panicked").push(name.to_owned());
    }
}

#[test]
fn a_prefix_that_only_updates_reveal_costs_only_the_files_that_named_it_before() {
    // No RIB dump. The withdrawal in the third file names no AS; the announcement in the tenth reveals whose prefix it was,
    // and that of the twelfth is of the other prefix, which no file names before.
    let scenario = hours_of_feeds(
        3,
        "+3600",
        "prefix Q 198.51.100.0/24
         at -200 all withdraw P
         at +1900 all announce P
         at +2500 all announce Q \"4837 131279\"
         at +3100 all withdraw Q",
    );
    let folder = scenario::folder(&scenario);
    let mirror = Mirror::open(folder.path()).expect("an archive");
    for jobs in [1, 4] {
        let question = Question::new(&format!("AS131279 0..3600 jobs {jobs} show V"), epoch(&scenario));
        let names = Names::default();
        let report = run(&question.query, &mirror, &question.options, &names).expect("a report");
        let mut read = names.0.into_inner().expect("no thread panicked");
        read.sort_unstable();
        let n_read = read.len();
        read.dedup();
        // Threads that read on while the prefix is revealed may have to read their files again, too.
        let n_again = n_read - read.len();
        assert!((1..=jobs).contains(&n_again), "{n_again} of {} files read again by {jobs} threads", read.len());
        let both = answer(&scenario, "175.45.176.0/24 198.51.100.0/24 0..3600 show V");
        let shares = |text: &str| text.split(" | ").filter(|part| part.starts_with('V')).map(str::to_owned).collect();
        let (by_asn, by_prefix): (Vec<String>, Vec<String>) = (shares(&question.rendered(&report)), shares(&both));
        assert_eq!(by_asn, by_prefix, "with {jobs} threads");
    }
}

/// Standard error and exit code of the binary.
fn refused(arguments: &str) -> (String, Option<i32>) {
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/data/dprk-2014");
    let output = crate::cli::program("")
        .args(["--asn", "64500", "--archive", archive])
        .args(arguments.split_whitespace())
        .output()
        .expect("the binary");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

// T92
#[test]
fn an_impossible_window_is_wrong_usage() {
    for (arguments, reason) in [
        ("--from 2014-12-23 --to 2014-12-22", "the window is empty"),
        ("--from 2014-12-22 --to 2014-12-22", "the window is empty"),
        ("--from 2014-12-22 --to 2999-01-01", "in the future"),
        ("--from 1998-12-22 --to 1998-12-23", "before 1999"),
        ("--from yesterday --to 2014-12-22", "is not a time"),
    ] {
        let (message, code) = refused(arguments);
        assert!(message.contains(reason), "{arguments}: {message}");
        assert_eq!(code, Some(2), "{arguments}: {message}");
    }
}
