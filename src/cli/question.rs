//! The arguments that say which networks are asked about, and when.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use outage_replay::bgp::{Asn, Prefix};
use outage_replay::query::{Group, GroupName, GroupSource, Match, RegisteredBy, Target};
use outage_replay::registry::{self, Country};
use outage_replay::time::{Timestamp, Window};

use super::typed::{self, Listed};
use super::{misuse, usage};

/// The arguments that say which networks are asked about, and when.
pub struct Question<'a> {
    pub asns: &'a [Asn],
    pub prefixes: &'a [Prefix],
    pub lists: &'a [PathBuf],
    pub countries: Countries<'a>,
    pub matching: Match,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub duration: Option<Duration>,
}

/// The countries that are asked about.
#[derive(Clone, Copy, Default)]
pub struct Countries<'a> {
    pub codes: &'a [Country],
    pub by: RegisteredBy,
    /// Files and folders with the statistics of registries.
    pub statistics: &'a [PathBuf],
}

/// What is asked about.
#[derive(Default)]
pub struct Targets {
    /// Once each.
    pub targets: Vec<Target>,
    /// The names of some of them.
    pub labels: BTreeMap<Target, String>,
    /// The groups among them.
    pub groups: BTreeMap<GroupName, Group>,
}

impl Question<'_> {
    /// Returns the targets and the window.
    pub fn read(&self) -> anyhow::Result<(Targets, Window)> {
        let mut missing = Vec::new();
        let names_networks = !(self.asns.is_empty() && self.prefixes.is_empty() && self.lists.is_empty());
        if !names_networks && self.countries.codes.is_empty() {
            missing.push("nothing to look for: pass --asn, --prefix or --targets");
        }
        if self.from.is_none() {
            missing.push("the window has no start: pass --from");
        }
        if self.to.is_none() && self.duration.is_none() {
            missing.push("the window has no end: pass --to or --duration");
        }
        if !missing.is_empty() {
            return Err(misuse(missing.join("; ")));
        }
        let window = self.window()?;
        Ok((self.targets(window)?, window))
    }

    fn window(&self) -> anyhow::Result<Window> {
        let from = self.from.unwrap_or(Timestamp::MIN);
        let to = match (self.to, self.duration) {
            (None, Some(Duration::ZERO)) => return Err(misuse("--duration must be longer than 0s")),
            (None, Some(duration)) => from + duration,
            (to, _) => to.unwrap_or(from),
        };
        let window =
            Window::new(from, to).map_err(|error| misuse(format!("--to must be later than --from: {error}")))?;
        let now = Timestamp::from_secs(chrono::Utc::now().timestamp());
        // RIPE RIS and RouteViews published their first MRT files in 1999 and 2001.
        let first = Timestamp::from_secs(915_148_800);
        if window.start < first {
            return Err(usage(format!("--from {} is before 1999: there are no archives", window.start)));
        }
        if window.end > now {
            let flag = if self.to.is_some() { "--to" } else { "the end of the window," };
            return Err(usage(format!("{flag} {} is in the future: it is {now} now", window.end)));
        }
        Ok(window)
    }

    fn targets(&self, window: Window) -> anyhow::Result<Targets> {
        let mut found = Targets::default();
        for country in self.countries.codes {
            let Countries { by, statistics, .. } = self.countries;
            let group =
                registry::group(statistics, *country, by, window.start).map_err(|error| usage(error.to_string()))?;
            found.add_group(country.to_string().parse()?, group)?;
        }
        found.targets.extend(targets(self.asns, self.prefixes, self.matching));
        for path in self.lists {
            let listed = typed::list(path, self.matching)?;
            let mut groups: BTreeMap<GroupName, Vec<Target>> = BTreeMap::new();
            for Listed { target, label, group } in &listed {
                found.labels.extend(label.clone().map(|label| (*target, label)));
                group.iter().for_each(|name| groups.entry(*name).or_default().push(*target));
            }
            for (name, members) in groups {
                found.add_group(name, Group { members, source: GroupSource::List })?;
            }
            found.targets.extend(listed.into_iter().map(|listed| listed.target));
        }
        found.targets = once_each(found.targets);
        if found.targets.is_empty() {
            return Err(usage("nothing to look for: the list of targets is empty"));
        }
        Ok(found)
    }
}

/// Returns what --asn and --prefix ask about, in this order.
pub fn targets(asns: &[Asn], prefixes: &[Prefix], matching: Match) -> Vec<Target> {
    let asns = asns.iter().map(|asn| Target::Asn(*asn));
    asns.chain(prefixes.iter().map(|prefix| Target::Prefix(*prefix, matching))).collect()
}

/// Returns targets without those that were there before.
pub fn once_each(mut targets: Vec<Target>) -> Vec<Target> {
    let mut known = HashSet::new();
    targets.retain(|target| known.insert(*target));
    targets
}

impl Targets {
    /// Adds a group, or more members of it. Outages are named by groups, so two groups must differ in their names as words.
    fn add_group(&mut self, name: GroupName, group: Group) -> anyhow::Result<()> {
        if let Some(other) = self.groups.keys().find(|other| **other != name && other.word() == name.word()) {
            return Err(usage(format!(
                "the groups '{other}' and '{name}' cannot be told apart in the names of outages"
            )));
        }
        self.targets.push(Target::Group(name));
        match self.groups.entry(name) {
            Entry::Vacant(entry) => drop(entry.insert(group)),
            Entry::Occupied(mut entry) if entry.get().source == group.source => {
                entry.get_mut().members.extend(group.members)
            }
            Entry::Occupied(_) => return Err(usage(format!("'{name}' is both a country and a group of --targets"))),
        }
        Ok(())
    }
}
