//! Episodes: outages and flaps of one network that follow one another closely.

use std::time::Duration;

use super::falls::{Fall, Falls, micros};
use super::model::{Episode, Flap, Subject};
use crate::time::{Timestamp, Window};

/// Groups outages and flaps into episodes, as far as `window` shows them. Returns the number of the episode of each outage too.
pub(super) fn episodes(subject: &Subject, falls: &Falls, gap: Duration, window: Window) -> (Vec<Episode>, Vec<usize>) {
    let outages = falls.outages.iter().enumerate().map(|(index, fall)| (fall, Some(index)));
    let flaps = falls.flaps.iter().map(|fall| (fall, None));
    let mut members: Vec<(&Fall, Option<usize>)> = outages.chain(flaps).collect();
    members.sort_by_key(|(fall, _)| fall.seen);
    let windows: Vec<Window> = members.iter().map(|(fall, _)| fall.seen).collect();
    let (mut episodes, mut numbers) = (Vec::<Episode>::new(), vec![0; falls.outages.len()]);
    for ((fall, outage), number) in members.into_iter().zip(group(&windows, gap)) {
        let shown = Window { start: fall.seen.start.max(window.start), end: fall.seen.end.min(window.end) };
        if episodes.len() < number {
            let subject = *subject;
            episodes.push(Episode { number, subject, window: shown, n_outages: 0, flaps: Vec::new() });
        }
        let Some(episode) = episodes.last_mut() else { continue };
        episode.window.end = episode.window.end.max(shown.end);
        match outage {
            Some(index) => {
                episode.n_outages += 1;
                numbers[index] = number;
            }
            None => episode.flaps.push(Flap { window: fall.seen, share_min: fall.share_min }),
        }
    }
    (episodes, numbers)
}

/// Groups windows (in order) separated by at most `gap`: returns the number of the group of each, from 1.
pub(super) fn group(windows: &[Window], gap: Duration) -> Vec<usize> {
    let mut number = 0;
    let mut end: Option<Timestamp> = None;
    windows
        .iter()
        .map(|window| {
            if end.is_none_or(|end| window.start.micros_since(end) > micros(gap)) {
                number += 1;
            }
            end = Some(end.map_or(window.end, |end| end.max(window.end)));
            number
        })
        .collect()
}
