//! Which collectors a run uses when the query names none.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Query;
use crate::bgp::{Collector, Project};
use crate::error::Error;
use crate::time::Timestamp;

/// A small and diverse default, so that a first run costs little: multihop collectors, whose peers are all over the world,
/// and large exchanges. Each with the date from which its archive certainly contains full feeds.
const DEFAULT: [(&str, i64); 6] = [
    // Amsterdam, multihop, the oldest collector of RIPE RIS.
    ("rrc00", 938_736_000), // 1999-10-01
    // London Internet Exchange.
    ("rrc01", 973_036_800), // 2000-11-01
    // Montevideo, multihop, by LACNIC.
    ("rrc24", 1_577_836_800), // 2020-01-01
    // Eugene, Oregon, multihop, the oldest collector of RouteViews with MRT files.
    ("route-views2", 1_009_843_200), // 2002-01-01
    // London Internet Exchange.
    ("route-views.linx", 1_104_537_600), // 2005-01-01
    // Sydney, Equinix.
    ("route-views.sydney", 1_293_840_000), // 2011-01-01
];

/// Which collectors are used when the query names none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Choice {
    /// A small and diverse set that existed at the start of the window.
    #[default]
    Few,
    /// All collectors that the catalog knows.
    All,
}

/// Returns the collectors that the broker may know, and the project of each.
fn known() -> Result<BTreeMap<Collector, Project>, Error> {
    let listed = bgpkit_broker::load_collectors()
        .map_err(|error| Error::Broker { url: "the list of collectors".to_owned(), why: error.to_string() })?;
    Ok(listed
        .into_iter()
        .map(|collector| {
            let project = if collector.project == "riperis" { Project::RipeRis } else { Project::RouteViews };
            (Collector::new(&collector.id), project)
        })
        .collect())
}

/// Returns the project that publishes the files of a collector. None if neither RIPE RIS nor RouteViews has one of that name.
pub fn publisher(collector: &Collector) -> Option<Project> {
    static KNOWN: OnceLock<BTreeMap<Collector, Project>> = OnceLock::new();
    KNOWN.get_or_init(|| known().unwrap_or_default()).get(collector).copied()
}

/// Returns the collectors that a query uses. It is an error to name an unknown one.
pub(super) fn collectors(query: &Query, choice: Choice) -> Result<Vec<Collector>, Error> {
    let known = known()?;
    if let Some(unknown) = query.collectors.iter().find(|collector| !known.contains_key(*collector)) {
        let known = known.keys().map(ToString::to_string).collect();
        return Err(Error::UnknownCollector { name: unknown.to_string(), known });
    }
    let mut collectors = match (query.collectors.as_slice(), choice) {
        ([], Choice::Few) => default_collectors(&known, query.window.start),
        ([], Choice::All) => known.keys().cloned().collect(),
        (named, _) => named.to_vec(),
    };
    collectors.retain(|collector| query.project.is_none_or(|project| known.get(collector) == Some(&project)));
    Ok(collectors)
}

/// Returns those of [`collectors`] that must have files. With [`Choice::All`] none must: not every collector existed at the
/// time.
pub(super) fn expected(query: &Query, choice: Choice) -> Result<Vec<Collector>, Error> {
    match (query.collectors.as_slice(), choice) {
        ([], Choice::All) => Ok(Vec::new()),
        _ => collectors(query, choice),
    }
}

/// Returns the default choice at a date.
fn default_collectors(known: &BTreeMap<Collector, Project>, at: Timestamp) -> Vec<Collector> {
    let existed = DEFAULT.iter().filter(|(_, since)| Timestamp::from_secs(*since) <= at);
    existed.map(|(name, _)| Collector::new(name)).filter(|collector| known.contains_key(collector)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_collectors_of_a_project_have_a_publisher() {
        let publisher = |name| publisher(&Collector::new(name));
        assert_eq!(publisher("rrc06"), Some(Project::RipeRis));
        for name in ["route-views2", "route-views.sydney", "cix.atl"] {
            assert_eq!(publisher(name), Some(Project::RouteViews), "{name}");
        }
        assert_eq!(["mine", "rrc-lab"].map(publisher), [None, None]);
    }

    #[test]
    fn the_default_choice_exists_at_its_date_and_is_known_to_the_broker() {
        let known = known().unwrap();
        let names = |at: &str| -> Vec<String> {
            default_collectors(&known, at.parse().unwrap()).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("2001-06-01"), ["rrc00", "rrc01"]);
        assert_eq!(names("2014-12-22"), ["rrc00", "rrc01", "route-views2", "route-views.linx", "route-views.sydney"]);
        assert_eq!(names("2024-01-01").len(), DEFAULT.len());
    }
}
