//! Sets of instants, as windows.

use std::time::Duration;

use super::{Timestamp, Window};

/// A set of instants: windows in order of time that neither overlap nor touch.
///
/// ```
/// use outage_replay::time::{Timestamp, Window, Windows};
///
/// let window = |start, end| Window::new(Timestamp::from_secs(start), Timestamp::from_secs(end));
/// let observed: Windows = [window(0, 10)?, window(10, 20)?, window(50, 60)?].into_iter().collect();
/// assert_eq!(observed.as_slice(), [window(0, 20)?, window(50, 60)?]);
///
/// let unobserved = Windows::from(window(0, 60)?).without(&observed);
/// assert_eq!(unobserved.as_slice(), [window(20, 50)?]);
/// assert_eq!(unobserved.duration().as_secs(), 30);
/// # Ok::<(), outage_replay::time::EmptyWindow>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// Returns the windows, in order.
    pub fn as_slice(&self) -> &[Window] {
        &self.0
    }

    /// Returns whether the instant lies in any of the windows.
    pub fn contains(&self, at: Timestamp) -> bool {
        let next = self.0.partition_point(|window| window.end <= at);
        self.0.get(next).is_some_and(|window| window.start <= at)
    }

    /// Returns the instants that lie in this set, in the other one, or in both.
    pub fn union(&self, other: &Windows) -> Windows {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// Returns the instants that lie in both sets.
    pub fn intersect(&self, other: &Windows) -> Windows {
        let meeting = |window: &Window| {
            let first = other.0.partition_point(|of_other| of_other.end <= window.start);
            let (start, end) = (window.start, window.end);
            let meeting = other.0[first..].iter().take_while(move |of_other| of_other.start < end);
            meeting.filter_map(move |of_other| of_other.intersect(&Window { start, end }))
        };
        Windows(self.0.iter().flat_map(meeting).collect())
    }

    /// Returns the instants of this set that are not in the other one.
    pub fn without(&self, other: &Windows) -> Windows {
        Windows(self.0.iter().flat_map(|window| window.without(&other.0)).collect())
    }

    /// Returns how long all windows last together.
    pub fn duration(&self) -> Duration {
        self.0.iter().map(Window::duration).sum()
    }
}

impl From<Window> for Windows {
    fn from(window: Window) -> Windows {
        Windows(vec![window])
    }
}

/// The windows may overlap and come in any order.
impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Windows {
        Windows(Window::united(windows.into_iter().collect()))
    }
}

impl From<Windows> for Vec<Window> {
    fn from(windows: Windows) -> Vec<Window> {
        windows.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `..##.#`: one character a second.
    fn windows(text: &str) -> Windows {
        let second = |second: usize| Timestamp::from_secs(second as i64);
        let set = text.chars().enumerate().filter(|(_, c)| *c == '#');
        set.map(|(start, _)| Window { start: second(start), end: second(start + 1) }).collect()
    }

    fn show(windows: &Windows) -> String {
        (0..8).map(|second| if windows.contains(Timestamp::from_secs(second)) { '#' } else { '.' }).collect()
    }

    #[test]
    fn windows_that_overlap_or_touch_are_one() {
        assert_eq!(windows("..##.###").as_slice().len(), 2);
        assert_eq!(show(&windows("..##.###")), "..##.###");
    }

    #[test]
    fn sets_are_united_intersected_and_subtracted() {
        for (a, b, union, both, rest) in [
            ("####....", "..####..", "######..", "..##....", "##......"),
            ("#.#.#.#.", ".######.", "#######.", "..#.#.#.", "#......."),
            ("########", "#..##..#", "########", "#..##..#", ".##..##."),
            ("..##....", "........", "..##....", "........", "..##...."),
        ] {
            let (a, b) = (windows(a), windows(b));
            assert_eq!([show(&a.union(&b)), show(&a.intersect(&b)), show(&a.without(&b))], [union, both, rest]);
        }
    }

    #[test]
    fn durations_add_up() {
        assert_eq!(windows("##..#...").duration(), Duration::from_secs(3));
        assert_eq!(windows("........").duration(), Duration::ZERO);
    }
}
