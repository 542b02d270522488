//! The arguments that say which networks are asked about, and when.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
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
    /// A list of windows in place of these.
    pub windows: Option<&'a Path>,
}

/// The countries that are asked about.
#[derive(Clone, Copy, Default)]
pub struct Countries<'a> {
    pub codes: &'a [Country],
    pub by: RegisteredBy,
    /// Gets the files and folders with the statistics of registries. Some may have to be downloaded, so everything else is checked before.
    pub statistics: Option<&'a dyn Fn() -> anyhow::Result<Vec<PathBuf>>>,
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

/// What messages call the end of a window that no flag names.
const END: &str = "the end of the window,";

/// One question: what is asked about, and when.
pub type Asked = (Targets, Window);

impl Question<'_> {
    /// Returns the targets and the window, of which there is one.
    pub fn read_one(&self) -> anyhow::Result<Asked> {
        let mut asked = self.read()?;
        match asked.pop().filter(|_| asked.is_empty()) {
            Some(one) => Ok(one),
            None => {
                Err(usage("this command takes one window: pass --from and --to, and no other windows in --targets"))
            }
        }
    }

    /// Returns what is asked about in each window, in their order.
    pub fn read(&self) -> anyhow::Result<Vec<Asked>> {
        let lists =
            self.lists.iter().map(|path| typed::list(path, self.matching)).collect::<anyhow::Result<Vec<_>>>()?;
        let listed: Vec<&Listed> = lists.iter().flatten().collect();
        // Windows of their own stand in for those of the question.
        let has_own = !listed.is_empty() && listed.iter().all(|listed| listed.window.is_some());
        let asks_only_lists = self.asns.is_empty() && self.prefixes.is_empty() && self.countries.codes.is_empty();
        let windows = match has_own && asks_only_lists && self.from.is_none() && self.windows.is_none() {
            true => Vec::new(),
            false => self.windows()?,
        };
        let mut all: Vec<Window> = windows.clone();
        for (from, to) in listed.iter().filter_map(|listed| listed.window) {
            all.push(checked(from, to, END)?);
        }
        all.sort_unstable();
        all.dedup();
        let statistics = match self.countries.statistics {
            Some(statistics) if !self.countries.codes.is_empty() => statistics()?,
            _ => Vec::new(),
        };
        let asked = |window: Window| {
            let is_of_question = windows.contains(&window);
            let is_asked = |listed: &&Listed| match listed.window {
                Some((from, to)) => (from, to) == (window.start, window.end),
                None => is_of_question,
            };
            let listed: Vec<&Listed> = listed.iter().copied().filter(|listed| is_asked(listed)).collect();
            Ok((self.targets(window, is_of_question, (&listed, &statistics))?, window))
        };
        let mut asked = all.into_iter().map(asked).collect::<anyhow::Result<Vec<Asked>>>()?;
        asked.retain(|(targets, _)| !targets.targets.is_empty());
        match asked.is_empty() {
            true => Err(usage("nothing to look for: the list of targets is empty")),
            false => Ok(asked),
        }
    }

    /// Returns the windows of the question itself.
    fn windows(&self) -> anyhow::Result<Vec<Window>> {
        let mut missing = Vec::new();
        let names_networks = !(self.asns.is_empty() && self.prefixes.is_empty() && self.lists.is_empty());
        if !names_networks && self.countries.codes.is_empty() {
            missing.push("nothing to look for: pass --asn, --prefix or --targets");
        }
        if self.windows.is_none() && self.from.is_none() {
            missing.push("the window has no start: pass --from");
        }
        if self.windows.is_none() && self.to.is_none() && self.duration.is_none() {
            missing.push("the window has no end: pass --to or --duration");
        }
        if !missing.is_empty() {
            return Err(misuse(missing.join("; ")));
        }
        if let Some(path) = self.windows {
            let windows = typed::windows(path)?;
            if windows.is_empty() {
                return Err(usage("nothing to look for: the list of windows is empty"));
            }
            return windows.into_iter().map(|(from, to)| checked(from, to, END)).collect();
        }
        let from = self.from.unwrap_or(Timestamp::MIN);
        let to = match (self.to, self.duration) {
            (None, Some(Duration::ZERO)) => return Err(misuse("--duration must be longer than 0s")),
            (None, Some(duration)) => from + duration,
            (to, _) => to.unwrap_or(from),
        };
        Ok(vec![checked(from, to, if self.to.is_some() { "--to" } else { END })?])
    }

    /// Returns what is asked about in one window: `listed`, and what the other arguments name if it is a window of the question.
    fn targets(
        &self,
        window: Window,
        is_of_question: bool,
        (listed, statistics): (&[&Listed], &[PathBuf]),
    ) -> anyhow::Result<Targets> {
        let mut found = Targets::default();
        for country in self.countries.codes.iter().filter(|_| is_of_question) {
            let group = registry::group(statistics, *country, self.countries.by, window.start);
            let group = group.map_err(|error| usage(error.to_string()))?;
            found.add_group(country.to_string().parse()?, group)?;
        }
        if is_of_question {
            found.targets.extend(targets(self.asns, self.prefixes, self.matching));
        }
        let mut groups: BTreeMap<GroupName, Vec<Target>> = BTreeMap::new();
        for Listed { target, label, group, .. } in listed {
            found.labels.extend(label.clone().map(|label| (*target, label)));
            group.iter().for_each(|name| groups.entry(*name).or_default().push(*target));
        }
        for (name, members) in groups {
            found.add_group(name, Group { members, source: GroupSource::List })?;
        }
        found.targets.extend(listed.iter().map(|listed| listed.target));
        found.targets = once_each(found.targets);
        Ok(found)
    }
}

/// Returns a window of which there may be archives.
fn checked(from: Timestamp, to: Timestamp, end: &str) -> anyhow::Result<Window> {
    let window = Window::new(from, to).map_err(|error| misuse(format!("--to must be later than --from: {error}")))?;
    let now = Timestamp::from_secs(chrono::Utc::now().timestamp());
    // RIPE RIS and RouteViews published their first MRT files in 1999 and 2001.
    let first = Timestamp::from_secs(915_148_800);
    if window.start < first {
        return Err(usage(format!("--from {} is before 1999: there are no archives", window.start)));
    }
    if window.end > now {
        return Err(usage(format!("{end} {} is in the future: it is {now} now", window.end)));
    }
    Ok(window)
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
