//! Questions: how targets and windows may be written, and what is refused.

use super::{answer, check, three_feeds};

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
fn a_window_that_cannot_be_is_refused_as_wrong_usage() {
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
