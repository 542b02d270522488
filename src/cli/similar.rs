//! Names that are similar to a mistyped one.

/// The most similar names that an error suggests.
const MAX_SIMILAR: usize = 3;

/// Returns the most similar known name. None if no name is similar.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    known.filter(|other| likeness(other) > 0.8).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// Returns the most similar known names, the nearest first.
pub fn similar<'a>(name: &str, known: &'a [String]) -> Vec<&'a str> {
    let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    known.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    known.truncate(MAX_SIMILAR);
    known
}
