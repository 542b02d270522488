//! Looks side by side, as characters.

use super::super::table::block;
use crate::survey::{LookState, SurveyLook};

/// What a look that is unknown is shown as.
pub(super) const UNKNOWN: char = '·';

/// One character for each look or, if they do not fit into `columns`, for each group of as many.
pub(super) struct Strip {
    /// The characters.
    pub bars: String,
    /// Days above the characters at which they begin.
    pub axis: String,
    /// How many looks a character stands for.
    pub n_each: usize,
}

/// Draws looks, which are in order of time.
pub(super) fn strip(looks: &[SurveyLook], columns: usize) -> Strip {
    let n_each = looks.len().div_ceil(columns.max(1)).max(1);
    let groups = looks.chunks(n_each);
    let bars = groups.clone().map(bar).collect();
    let (mut axis, mut n, mut latest) = (String::new(), 0, String::new());
    for (column, group) in groups.enumerate() {
        let Some(first) = group.first() else { continue };
        let day = first.at.to_datetime().format("%m-%d").to_string();
        if day != latest && column >= n {
            axis.push_str(&" ".repeat(column - n));
            axis.push('|');
            axis.push_str(&day);
            axis.push(' ');
            n = column + day.len() + 2;
        }
        latest = day;
    }
    Strip { bars, axis, n_each }
}

/// The lowest share of a group. If part of it is unknown, that is shown, unless another part shows a loss.
fn bar(group: &[SurveyLook]) -> char {
    let lowest = group.iter().filter_map(|look| look.share).min_by(f64::total_cmp);
    let has = |state| group.iter().any(|look| look.state == state);
    match lowest {
        Some(share) if has(LookState::Lost) || !has(LookState::Unknown) => block(share),
        _ => UNKNOWN,
    }
}
