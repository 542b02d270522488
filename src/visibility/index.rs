//! Typed indices of a [`View`](super::View).

use crate::replay::index;

index! {
    /// A collector of a view: an index into [`View::replays`](super::View::replays).
    CollectorIndex
}

index! {
    /// A vantage point of a view: an index into [`View::vantage_points`](super::View::vantage_points).
    VantagePointIndex
}
