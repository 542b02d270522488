//! RIB dumps that list short prefixes first: a covering prefix comes long before what it covers, so the beginning of the
//! dump that reveals the prefixes of an AS is read again.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use outage_replay::catalog::Mirror;
use outage_replay::pipeline::Progress;
use outage_replay::run;

use super::{Question, answer, answer_in, epoch, hours_of_feeds};
use crate::scenario;

/// Three feeds and two RIB dumps. A /16 of another network covers P, and nothing covers Q, which the second dump alone
/// shows as the AS's.
fn covered(more: &str) -> String {
    let scenario = hours_of_feeds(
        3,
        "+1800",
        &format!(
            "prefix Q 198.51.100.0/24
             route all 175.45.0.0/16 \"174 3356\"
             route all Q \"174 64500\"
             rib x -900
             at +100 all announce Q \"4837 131279\"
             rib x +300
             at +400 all withdraw P
             at +500 all withdraw Q
             at +1000 all announce P
             at +1000 all announce Q \"4837 131279\"
             {more}"
        ),
    );
    scenario.replace("keepalives 60", "keepalives 60 by-length")
}

const QUESTION: &str = "AS131279 0..1500 show V R files rib edges AS1001 AS1003";

#[test]
fn the_order_of_a_rib_dump_does_not_show_in_the_answer() {
    for more in ["", "prefix R 175.45.176.128/25\nroute all R \"4837 131279\"", "skip x rib +300"] {
        let (by_length, by_address) = (covered(more), covered(more).replace(" by-length", ""));
        let found = answer(&by_address, QUESTION);
        assert!(found.contains("outage P 400..1000 total covered_other"), "{found}");
        for jobs in [1, 2, 4] {
            assert_eq!(answer(&by_length, &format!("jobs {jobs} {QUESTION}")), found, "{more}");
        }
    }
}

/// Replaces a file by another as soon as it was read, and counts how often it is.
struct Replacing {
    file: PathBuf,
    other: PathBuf,
    n_read: Mutex<usize>,
}

impl Progress for Replacing {
    fn file_read(&self, name: &str) {
        if self.file.ends_with(Path::new(name).file_name().expect("a name")) {
            *self.n_read.lock().expect("no thread panicked") += 1;
            std::fs::copy(&self.other, &self.file).expect("the other file");
        }
    }
}

#[test]
fn a_dump_that_is_replaced_before_its_beginning_is_read_again_is_read_as_a_whole() {
    let one = covered("");
    let other = one.replace("route all P ", "route c P \"174 4837 131279\"\nroute a,b P ");
    let (folder, others) = (scenario::folder(&one), scenario::folder(&other));
    let dump = |folder: &Path| {
        let mirror = Mirror::open(folder).expect("an archive");
        let name = mirror.files().iter().map(|file| &file.name).find(|name| name.contains("bview.20141222.0745"));
        folder.join(name.expect("a RIB dump"))
    };
    let replaced = dump(folder.path());
    let progress = Replacing { file: replaced.clone(), other: dump(others.path()), n_read: Mutex::default() };
    let question = Question::new(&format!("jobs 1 {QUESTION}"), epoch(&one));
    let mirror = Mirror::open(folder.path()).expect("an archive");
    let report = run(&question.query, &mirror, &question.options, &progress).expect("a report");
    let found = question.rendered(&report);
    assert_eq!(*progress.n_read.lock().expect("no thread panicked"), 2, "{found}");
    assert_eq!(found, answer_in(folder.path(), &one, QUESTION));
    assert!(found.contains("holds \"1003 174 4837 131279\" rib"), "{found}");
}
