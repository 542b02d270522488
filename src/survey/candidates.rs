//! Windows in which a prefix may have been lost, between the dumps that show it.

use std::time::Duration;

use super::{LookState, PrefixSurvey, SurveyLook};
use crate::bgp::Prefix;
use crate::query::Thresholds;
use crate::time::{Timestamp, Window};

/// The prefix is held this widely, or less, in nine of ten looks.
const USUAL: f64 = 0.9;

/// A dump is written for some minutes after the time in its name.
const WRITING: Duration = Duration::from_secs(600);

/// A longer window is replayed at its edges only.
const LONG: Duration = Duration::from_secs(48 * 3600);

/// A loss that dumps show, between looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossCandidate {
    /// The last look before it that shows the prefix. None if it was lost at the first one.
    pub last_seen: Option<Timestamp>,
    /// The first look at which it was lost.
    pub first_lost: Timestamp,
    /// The last one.
    pub last_lost: Timestamp,
    /// The first look after it that shows the prefix. None if there is none.
    pub first_back: Option<Timestamp>,
    /// Looks between these that are unknown.
    pub n_unknown: usize,
}

/// What a run has to replay to find the edges of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edges {
    /// All of it.
    Together(Window),
    /// Its beginning and its end, as far as dumps bound them.
    Apart(Vec<Window>),
}

impl Edges {
    /// Returns the windows in order.
    pub fn windows(&self) -> &[Window] {
        match self {
            Edges::Together(window) => std::slice::from_ref(window),
            Edges::Apart(windows) => windows,
        }
    }
}

impl LossCandidate {
    /// Returns what to replay; a candidate without a look before or after it begins or ends with the survey.
    pub fn edges(&self, survey: Window) -> Option<Edges> {
        let begin = self.last_seen.unwrap_or(survey.start.min(self.first_lost));
        let end = self.first_back.map_or(survey.end.max(self.last_lost), |back| back + WRITING);
        let whole = Window::new(begin, end).ok()?;
        if whole.duration() <= LONG {
            return Some(Edges::Together(whole));
        }
        let fall = self.last_seen.and_then(|seen| Window::new(seen, self.first_lost + WRITING).ok());
        let rise = self.first_back.and_then(|back| Window::new(self.last_lost, back + WRITING).ok());
        let edges: Vec<Window> = fall.into_iter().chain(rise).collect();
        Some(if edges.is_empty() { Edges::Together(whole) } else { Edges::Apart(edges) })
    }
}

/// Judges the looks at one prefix, which are in order of time.
pub(super) fn judge(prefix: Prefix, mut looks: Vec<SurveyLook>) -> PrefixSurvey {
    let mut shares: Vec<f64> = looks.iter().filter_map(|look| look.share).collect();
    shares.sort_unstable_by(f64::total_cmp);
    let rank = (shares.len() as f64 * USUAL).ceil() as usize;
    let usual = shares.get(rank.saturating_sub(1)).copied();
    let Thresholds { down_below, up_at, .. } = Thresholds::default();
    let mut is_lost = false;
    for look in &mut looks {
        let (Some(share), Some(usual)) = (look.share, usual) else { continue };
        // A prefix that no look shows was not announced.
        is_lost = share < usual * if is_lost { up_at } else { down_below } || usual == 0.0;
        look.state = if is_lost { LookState::Lost } else { LookState::Seen };
    }
    let mut survey = PrefixSurvey { prefix, usual, looks, candidates: Vec::new() };
    if survey.is_seen() {
        survey.candidates = candidates(&survey.looks);
    }
    survey
}

fn candidates(looks: &[SurveyLook]) -> Vec<LossCandidate> {
    let mut found: Vec<LossCandidate> = Vec::new();
    let mut last_seen = None;
    let mut open: Option<LossCandidate> = None;
    let mut n_unknown = 0;
    for look in looks {
        match (look.state, &mut open) {
            (LookState::Unknown, _) => n_unknown += 1,
            (LookState::Seen, None) => (last_seen, n_unknown) = (Some(look.at), 0),
            (LookState::Seen, Some(candidate)) => {
                candidate.first_back = Some(look.at);
                candidate.n_unknown += n_unknown;
                found.extend(open.take());
                (last_seen, n_unknown) = (Some(look.at), 0);
            }
            (LookState::Lost, None) => {
                let (first_lost, last_lost) = (look.at, look.at);
                open = Some(LossCandidate { last_seen, first_lost, last_lost, first_back: None, n_unknown });
                n_unknown = 0;
            }
            (LookState::Lost, Some(candidate)) => {
                candidate.last_lost = look.at;
                candidate.n_unknown += n_unknown;
                n_unknown = 0;
            }
        }
    }
    if let Some(candidate) = &mut open {
        candidate.n_unknown += n_unknown;
    }
    found.extend(open);
    found
}
