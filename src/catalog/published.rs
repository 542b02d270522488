//! The collectors of RIPE RIS and RouteViews, by name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::bgp::{Collector, Project};
use crate::error::Error;

/// Returns the collectors that the broker may know, and the project of each.
pub(super) fn known() -> Result<BTreeMap<Collector, Project>, Error> {
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
}
