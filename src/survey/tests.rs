//! Judgements of looks written as text.

use super::*;
use crate::bgp::Asn;
use crate::query::Thresholds;

const HOUR: i64 = 3600;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_secs(1_400_000_400 + hour * HOUR)
}

fn prefix() -> Prefix {
    "192.0.2.0/24".parse().unwrap()
}

/// Looks every two hours: the share in tenths, `x` for all, `?` for unknown.
fn looks(text: &str) -> Vec<SurveyLook> {
    let look = |(n, c): (usize, char)| {
        let share = match c {
            '?' => None,
            'x' => Some(1.0),
            c => Some(f64::from(c.to_digit(10).unwrap()) / 10.0),
        };
        SurveyLook {
            at: at(2 * n as i64),
            n_holders: 0,
            n_full_feeds: 10,
            share,
            state: LookState::Unknown,
            why: share.is_none().then(|| "no dump".to_owned()),
        }
    };
    text.chars().enumerate().map(look).collect()
}

/// Candidates as the hours of the last look before, the first and last in, and the first after them.
fn found(text: &str) -> Vec<String> {
    let hour = |at: Timestamp| (at.secs() - 1_400_000_400) / HOUR;
    let edge = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| hour(at).to_string());
    let words = |candidate: &LossCandidate| {
        let LossCandidate { last_seen, first_lost, last_lost, first_back, n_unknown } = candidate;
        let (lost, back) = (hour(*first_lost), hour(*last_lost));
        format!("{} {lost} {back} {} ?{n_unknown}", edge(*last_seen), edge(*first_back))
    };
    candidates::judge(prefix(), looks(text)).candidates.iter().map(words).collect()
}

#[test]
fn a_loss_lies_between_the_looks_that_show_the_prefix() {
    assert_eq!(found("xxxx"), [""; 0]);
    assert_eq!(found("xx00xx"), ["2 4 6 8 ?0"]);
    assert_eq!(found("x0x0x"), ["0 2 2 4 ?0", "4 6 6 8 ?0"]);
}

#[test]
fn a_loss_at_an_end_of_the_survey_has_no_look_before_or_after_it() {
    assert_eq!(found("0xx"), ["- 0 0 2 ?0"]);
    assert_eq!(found("xx0"), ["2 4 4 - ?0"]);
}

#[test]
fn what_is_unknown_is_neither_seen_nor_lost() {
    assert_eq!(found("x??x"), [""; 0]);
    assert_eq!(found("x?0?0?x"), ["0 4 8 12 ?3"]);
    assert_eq!(found("??0x"), ["- 4 4 6 ?2"]);
    assert_eq!(found("x0??"), ["0 2 2 - ?2"]);
    assert_eq!(found("????"), [""; 0]);
}

#[test]
fn a_prefix_is_judged_by_how_widely_it_is_held_at_other_times() {
    // A third of the full feeds carry it at most times.
    assert_eq!(found("333313333333"), ["6 8 8 10 ?0"]);
    assert_eq!(found("33333"), [""; 0]);
    // One look at which more hold it decides nothing.
    assert_eq!(found("333333333333x333"), [""; 0]);
    // Back only at six tenths of the usual.
    assert_eq!(found("xx45x"), ["2 4 6 8 ?0"]);
    assert_eq!(found("xx55x"), [""; 0]);
    let never = candidates::judge(prefix(), looks("000"));
    assert!(never.candidates.is_empty() && !never.is_seen());
    assert_eq!(never.n_looks(LookState::Lost), 3);
}

#[test]
fn the_thresholds_are_those_of_a_run() {
    let Thresholds { down_below, up_at, .. } = Thresholds::default();
    assert_eq!((down_below, up_at), (0.5, 0.6));
}

#[test]
fn a_long_loss_is_replayed_at_its_edges_only() {
    let survey = Window::new(at(0), at(400)).unwrap();
    let windows = |last_seen: Option<i64>, first_back: Option<i64>| {
        let candidate = LossCandidate {
            last_seen: last_seen.map(at),
            first_lost: at(12),
            last_lost: at(300),
            first_back: first_back.map(at),
            n_unknown: 0,
        };
        let edges = candidate.edges(survey).unwrap();
        let hours =
            |window: &Window| ((window.start.secs() - at(0).secs()) / HOUR, (window.end.secs() - at(0).secs()) / HOUR);
        edges.windows().iter().map(hours).collect::<Vec<_>>()
    };
    assert_eq!(windows(Some(10), Some(302)), [(10, 12), (300, 302)]);
    assert_eq!(windows(Some(10), None), [(10, 12)]);
    assert_eq!(windows(None, Some(302)), [(300, 302)]);
    assert_eq!(windows(None, None), [(0, 400)]);
}

fn peer(n: u32) -> Peer {
    Peer { address: format!("192.0.2.{n}").parse().unwrap(), asn: Asn(64_500 + n) }
}

/// A dump at an hour: the IPv4 table of each peer, and which of them hold the prefix.
fn dump(collector: &str, hour: i64, n_records: u64, sizes: &[u64], holders: &[u32]) -> DumpLook {
    DumpLook {
        collector: Collector::new(collector),
        name: format!("{collector}/{hour}"),
        at: at(hour),
        method: LookMethod::LookedUp,
        why: None,
        bytes: 1,
        file_bytes: None,
        validator: None,
        ranges: Vec::new(),
        sha256: None,
        shown: Some(DumpContent {
            n_records,
            n_sampled: None,
            tables: (1..).zip(sizes).map(|(n, size)| (peer(n), [*size, 0])).collect(),
            holders: vec![holders.iter().map(|n| peer(*n)).collect()],
        }),
    }
}

fn survey(dumps: Vec<DumpLook>, min_peers: usize) -> Survey {
    let query = SurveyQuery {
        prefixes: vec![prefix()],
        window: Window::new(at(0), at(100)).unwrap(),
        collectors: Vec::new(),
        project: None,
        whole_files: false,
        min_peers,
    };
    Survey::new(query, dumps, Vec::new())
}

#[test]
fn only_full_feeds_count_and_each_as_once() {
    let sizes = [1000, 990, 1010, 200, 0];
    let dumps = vec![dump("route-views2", 0, 1000, &sizes, &[1, 4]), dump("route-views3", 0, 1000, &sizes, &[2])];
    let survey = survey(dumps, 3);
    let look = &survey.prefixes[0].looks[0];
    assert_eq!((look.n_holders, look.n_full_feeds), (2, 3));
}

#[test]
fn a_table_that_seems_full_in_one_dump_is_not_a_full_feed() {
    let usual = [1000, 1000, 1000, 300];
    let mut dumps: Vec<DumpLook> = (0..5).map(|n| dump("route-views2", 2 * n, 1000, &usual, &[1, 2, 3])).collect();
    dumps[2] = dump("route-views2", 4, 1000, &[1000, 1000, 100, 990], &[1, 2]);
    let survey = survey(dumps, 2);
    let feeds: Vec<usize> = survey.prefixes[0].looks.iter().map(|look| look.n_full_feeds).collect();
    assert_eq!(feeds, [3, 3, 2, 3, 3]);
}

#[test]
fn too_few_peers_and_dumps_that_end_early_decide_nothing() {
    let sizes = [1000, 1000, 1000];
    let few = survey(vec![dump("route-views2", 0, 1000, &sizes, &[])], 4);
    assert_eq!(few.answer(), SurveyAnswer::InsufficientData);
    assert_eq!(few.prefixes[0].looks[0].state, LookState::Unknown);
    let mut dumps: Vec<DumpLook> = (0..5).map(|n| dump("route-views2", 2 * n, 1000, &sizes, &[1, 2, 3])).collect();
    dumps[3] = dump("route-views2", 6, 700, &sizes, &[]);
    let short = survey(dumps, 3);
    assert_eq!(short.prefixes[0].looks[3].state, LookState::Unknown);
    assert!(short.prefixes[0].candidates.is_empty() && !short.is_sufficient());
}

#[test]
fn a_dump_in_which_most_sessions_are_down_decides_nothing() {
    let up = [1000; 5];
    let mut dumps: Vec<DumpLook> = (0..5).map(|n| dump("route-views2", 2 * n, 1000, &up, &[1, 2, 3, 4, 5])).collect();
    dumps[2] = dump("route-views2", 4, 1000, &[1000, 1000, 0, 0, 0], &[]);
    let survey = survey(dumps, 2);
    let look = &survey.prefixes[0].looks[2];
    assert_eq!(look.why.as_deref(), Some("only 2 of 5 ASes that usually have a full table have one"));
    assert!(survey.prefixes[0].candidates.is_empty());
}

#[test]
fn the_dumps_that_could_be_read_decide_for_those_that_could_not() {
    let sizes = [1000, 1000, 1000];
    let mut dumps = vec![dump("route-views2", 0, 1000, &sizes, &[1, 2, 3]), dump("route-views3", 0, 1000, &sizes, &[])];
    dumps[1].shown = None;
    let survey = survey(dumps.clone(), 3);
    assert_eq!(survey.prefixes[0].looks[0].share, Some(1.0));
    dumps[0].shown = None;
    dumps[0].why = Some("cannot be looked up".to_owned());
    let survey = self::survey(dumps, 3);
    assert_eq!(
        survey.prefixes[0].looks[0].why.as_deref(),
        Some("route-views2: cannot be looked up; route-views3: not read")
    );
}
