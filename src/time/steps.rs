//! Step functions of time: a value that holds from one instant until the next one.

use super::{Timestamp, Window};

/// A step function: each value holds from its instant up to the next one, the last value up to the end.
///
/// Before its first instant and from its end on, it has no value.
///
/// ```
/// use outage_replay::time::{Steps, Timestamp, Window};
///
/// let second = Timestamp::from_secs;
/// let mut n_peers = Steps::until(second(60));
/// n_peers.push(second(0), 3);
/// n_peers.push(second(20), 1);
///
/// assert_eq!(n_peers.at(second(19)), Some(&3));
/// assert_eq!(n_peers.at(second(60)), None);
///
/// let is_low = n_peers.map(|_, n| *n < 2);
/// let low = Window::new(second(20), second(60))?;
/// assert_eq!(is_low.intervals().last(), Some((low, &true)));
/// # Ok::<(), outage_replay::time::EmptyWindow>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps<T> {
    /// In order of time, all before `end`.
    steps: Vec<(Timestamp, T)>,
    end: Timestamp,
}

impl<T> Steps<T> {
    /// Returns a step function that ends at `end` and has no value yet.
    pub fn until(end: Timestamp) -> Steps<T> {
        Steps { steps: Vec::new(), end }
    }

    /// Sets the value from `at` on. `at` is after the instants of all other values; a value at or after the end is ignored.
    pub fn push(&mut self, at: Timestamp, value: T) {
        debug_assert!(self.steps.last().is_none_or(|(last, _)| *last < at), "steps are pushed in order of time");
        if at < self.end {
            self.steps.push((at, value));
        }
    }

    /// Sorts changes by time and returns the value after the changes of each instant: `value` gets all changes of one
    /// instant at once, in their order, and keeps the running state itself.
    ///
    /// ```
    /// use outage_replay::time::{Steps, Timestamp};
    ///
    /// let second = Timestamp::from_secs;
    /// let changes = vec![(second(0), 1), (second(9), -1), (second(5), 1), (second(9), -1)];
    /// let mut n_open = 0;
    /// let open = Steps::sweep(changes, Timestamp::MAX, |_, changes| {
    ///     n_open += changes.iter().map(|(_, by)| by).sum::<i32>();
    ///     n_open
    /// });
    /// assert_eq!(open.values().copied().collect::<Vec<_>>(), [1, 2, 0]);
    /// ```
    pub fn sweep<C: Ord>(
        mut changes: Vec<(Timestamp, C)>,
        end: Timestamp,
        mut value: impl FnMut(Timestamp, &[(Timestamp, C)]) -> T,
    ) -> Steps<T> {
        changes.sort_unstable();
        let mut steps = Steps::until(end);
        for of_instant in changes.chunk_by(|a, b| a.0 == b.0) {
            match of_instant {
                [(at, _), ..] if *at < end => steps.push(*at, value(*at, of_instant)),
                _ => break,
            }
        }
        steps
    }

    /// Returns the value at an instant; `None` before the first value and from the end on.
    pub fn at(&self, at: Timestamp) -> Option<&T> {
        let next = self.steps.partition_point(|(since, _)| *since <= at);
        let (_, value) = self.steps.get(next.checked_sub(1)?)?;
        (at < self.end).then_some(value)
    }

    /// Returns every value with the interval for which it holds, in order. Two intervals in a row may hold equal values.
    pub fn intervals(&self) -> impl DoubleEndedIterator<Item = (Window, &T)> {
        self.steps.iter().enumerate().map(|(index, (start, value))| {
            let end = self.steps.get(index + 1).map_or(self.end, |(next, _)| *next);
            (Window { start: *start, end }, value)
        })
    }

    /// Returns the values, in order of time.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.steps.iter().map(|(_, value)| value)
    }

    /// Returns a step function with the same instants, and with the values that `f` gives for each interval and value.
    pub fn map<U>(&self, mut f: impl FnMut(Window, &T) -> U) -> Steps<U> {
        let steps = self.intervals().map(|(window, value)| (window.start, f(window, value)));
        Steps { steps: steps.collect(), end: self.end }
    }

    /// Cuts off everything from `end` on.
    pub fn truncate(&mut self, end: Timestamp) {
        self.end = self.end.min(end);
        self.steps.retain(|(at, _)| *at < end);
    }

    /// Returns the end: the first instant after the last value.
    pub fn end(&self) -> Timestamp {
        self.end
    }
}

impl<T: PartialEq> Steps<T> {
    /// Joins intervals in a row that hold equal values, and gives back unused memory.
    pub fn merge_equal(&mut self) {
        self.steps.dedup_by(|next, last| last.1 == next.1);
        self.steps.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Steps<char> {
        let mut steps = Steps::until(Timestamp::from_secs(text.len() as i64));
        for (second, value) in text.chars().enumerate().filter(|(_, value)| *value != '.') {
            steps.push(Timestamp::from_secs(second as i64), value);
        }
        steps
    }

    fn show(steps: &Steps<char>) -> String {
        let interval =
            |(window, value): (Window, &char)| format!("{value} {}..{}", window.start.secs(), window.end.secs());
        steps.intervals().map(interval).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_value_holds_until_the_next_one_and_the_last_until_the_end() {
        let steps = steps("..a..b.");
        assert_eq!(show(&steps), "a 2..5, b 5..7");
        let at = |second| steps.at(Timestamp::from_secs(second)).copied();
        assert_eq!([1, 2, 4, 5, 6, 7].map(at), [None, Some('a'), Some('a'), Some('b'), Some('b'), None]);
    }

    #[test]
    fn what_lies_after_the_end_is_cut_off() {
        let mut steps = steps("a..b");
        steps.push(Timestamp::from_secs(4), 'c');
        assert_eq!(show(&steps), "a 0..3, b 3..4");
        steps.truncate(Timestamp::from_secs(3));
        assert_eq!(show(&steps), "a 0..3");
    }

    #[test]
    fn equal_values_are_joined_on_request_only() {
        let mut steps = steps("a.ab");
        assert_eq!(show(&steps), "a 0..2, a 2..3, b 3..4");
        steps.merge_equal();
        assert_eq!(show(&steps), "a 0..3, b 3..4");
    }

    #[test]
    fn a_sweep_gives_one_value_for_all_changes_of_an_instant() {
        let second = Timestamp::from_secs;
        let changes = vec![(second(5), 'c'), (second(1), 'b'), (second(1), 'a'), (second(9), 'd')];
        let steps = Steps::sweep(changes, second(9), |_, changes| changes.iter().map(|(_, c)| *c).collect::<String>());
        let found: Vec<(i64, &str)> = steps.intervals().map(|(window, s)| (window.start.secs(), s.as_str())).collect();
        assert_eq!(found, [(1, "ab"), (5, "c")]);
    }
}
