//! The publishers' archives, as a bgpkit-broker indexes them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use bgpkit_broker::{BgpkitBroker, BrokerError, BrokerItem};
use rustc_hash::FxHashSet;

use super::{ArchiveFile, Catalog, DumpKind, Location, Query, choice, plan};
use crate::bgp::{Collector, Project};
use crate::error::Error;
use crate::time::{Timestamp, Window};

/// The most that a broker server returns in one page.
const PAGE_SIZE: i64 = 1000;
const HOUR: Duration = Duration::from_secs(3600);
/// File names were in local time until 2006 (RouteViews) and intervals longer until 2003 (RIPE RIS): the broker takes
/// names for UTC, so old windows are asked about with this much to spare.
const LOCAL_TIME_SLACK: Duration = HOUR.saturating_mul(9);
const LOCAL_TIME_UNTIL: Timestamp = Timestamp::from_secs(1_138_924_800);
/// Otherwise a file may begin this long before the first message that is needed.
const SLACK: Duration = Duration::from_secs(30 * 60);
/// RIB dumps are asked for from this long before the window, and if that finds none, from a week before.
const RIB_LOOK_BACK: [Duration; 2] = [HOUR.saturating_mul(26), HOUR.saturating_mul(24 * 7 + 2)];

/// How long a broker that does not answer is asked again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The first pause; each following one is twice as long.
    pub first_pause: Duration,
    /// No further attempt begins after this much time.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { first_pause: Duration::from_secs(1), total: Duration::from_secs(60) }
    }
}

/// The archives that a bgpkit-broker server knows.
pub struct Broker {
    client: BgpkitBroker,
    patience: Patience,
}

impl Broker {
    /// The broker at `url`; without one, that of `BGPKIT_BROKER_URL` or else the public one.
    pub fn new(url: Option<&str>, patience: Patience) -> Broker {
        let client = BgpkitBroker::new().page_size(PAGE_SIZE);
        let client = match url {
            Some(url) => client.broker_url(url.trim().trim_end_matches('/')),
            None => client,
        };
        Broker { client, patience }
    }

    /// Every collector that a broker may know.
    pub fn collectors() -> Result<Vec<Collector>, Error> {
        Ok(choice::known()?.into_keys().collect())
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.client.broker_url
    }

    /// Everything listed of one collector and kind in `window`, by name.
    fn search(&self, collector: &Collector, kind: DumpKind, window: Window) -> Result<Vec<ArchiveFile>, Error> {
        let client = self
            .client
            .clone()
            .collector_id(collector.name())
            .data_type(kind.name())
            .ts_start(window.start.secs())
            // The end is exclusive.
            .ts_end(window.end.secs() + 1);
        let listed = self.ask(|| {
            let items = client.query()?;
            let mut unique: BTreeMap<String, BrokerItem> = BTreeMap::new();
            for item in items {
                unique.insert(item.url.clone(), item);
            }
            // A page that went missing on the way looks like the end of the list.
            let total = client.clone().page_size(1).query_total_count()?;
            if (unique.len() as i64) < total {
                let found = unique.len();
                return Err(BrokerError::BrokerError(format!("the list is cut: {found} of {total} files")));
            }
            Ok(unique)
        })?;
        listed.into_values().map(|item| archive_file(&item).map_err(|why| self.error(why))).collect()
    }

    /// Asks until there is an answer, a refusal that will not change, or no patience left.
    fn ask<T>(&self, question: impl Fn() -> Result<T, BrokerError>) -> Result<T, Error> {
        let begun = Instant::now();
        let mut pause = self.patience.first_pause;
        loop {
            let error = match question() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let next = jittered(pause);
            if !may_pass(&error) || begun.elapsed().saturating_add(next) > self.patience.total {
                return Err(self.error(error.to_string()));
            }
            thread::sleep(next);
            pause = pause.saturating_mul(2);
        }
    }

    fn error(&self, why: String) -> Error {
        Error::Broker { url: self.url().to_owned(), why }
    }
}

impl Catalog for Broker {
    fn list(&self, query: &Query) -> Result<Vec<ArchiveFile>, Error> {
        let window = query.window;
        let known = choice::known()?;
        if let Some(unknown) = query.collectors.iter().find(|collector| !known.contains_key(*collector)) {
            let known = known.keys().map(ToString::to_string).collect();
            return Err(Error::UnknownCollector { name: unknown.to_string(), known });
        }
        let collectors = match query.collectors.as_slice() {
            [] => choice::default_collectors(&known, window.start),
            named => named.to_vec(),
        };
        let wanted =
            |collector: &&Collector| query.project.is_none_or(|project| known.get(*collector) == Some(&project));
        let slack = if window.start < LOCAL_TIME_UNTIL { LOCAL_TIME_SLACK } else { SLACK };
        let mut files = Vec::new();
        for collector in collectors.iter().filter(wanted) {
            let mut ribs = Vec::new();
            for look_back in RIB_LOOK_BACK {
                let span = Window {
                    start: window.start - look_back.max(query.baseline) - slack,
                    end: window.end + RIB_LOOK_BACK[0],
                };
                ribs = self.search(collector, DumpKind::Rib, span)?;
                if ribs.iter().any(|rib| rib.named_at < window.start) {
                    break;
                }
            }
            // Updates matter from the seeding dump on; which one that is, the plan decides.
            let seeded = plan(query, &ribs, &FxHashSet::default());
            let start = seeded.collectors.first().map_or(window.start, |plan| plan.start.min(window.start));
            // A seed that turns out to be broken gives way to the dump before it.
            let earlier = ribs.iter().rev().map(|rib| rib.named_at).find(|at| *at < start).unwrap_or(start);
            files.extend(self.search(
                collector,
                DumpKind::Updates,
                Window { start: earlier - slack, end: window.end + slack },
            )?);
            files.append(&mut ribs);
        }
        files.sort();
        Ok(files)
    }
}

/// Network trouble, overload and half an answer may pass; a refusal will not.
fn may_pass(error: &BrokerError) -> bool {
    match error {
        BrokerError::NetworkError(error) => !error.is_builder() && !error.is_redirect(),
        BrokerError::BrokerError(why) => match why.split_once("HTTP ").and_then(|(_, rest)| rest.get(..3)) {
            Some(status) => status.starts_with('5') || status == "429" || status == "408",
            None => true,
        },
        _ => false,
    }
}

/// Between half of the pause and the whole of it, so that many clients do not come back together.
fn jittered(pause: Duration) -> Duration {
    let random = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    pause / 2 + (pause / 2).mul_f64(f64::from(random % 1000) / 1000.0)
}

/// A broker's item as an archive file. Its URL is untrusted: only the scheme, the host and the kind of container are
/// taken from it, and the name in the cache is made from what was asked for.
fn archive_file(item: &BrokerItem) -> Result<ArchiveFile, String> {
    let refuse = |why: &str| format!("the broker lists {}: {why}", item.url.escape_debug());
    let (scheme, rest) = item.url.split_once("://").ok_or_else(|| refuse("not a URL"))?;
    if !matches!(scheme, "http" | "https") {
        return Err(refuse("only http and https are fetched"));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(refuse("not a plain URL"));
    }
    let kind = match item.data_type.as_str() {
        "rib" => DumpKind::Rib,
        "updates" => DumpKind::Updates,
        _ => return Err(refuse("neither a RIB dump nor updates")),
    };
    let collector = item.collector_id.as_str();
    if collector.is_empty()
        || !collector.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        || collector.starts_with('.')
    {
        return Err(refuse("not the name of a collector"));
    }
    let suffix = match rest.rsplit('.').next() {
        Some(suffix @ ("gz" | "bz2" | "zst")) => suffix,
        _ => return Err(refuse("not a .gz, .bz2 or .zst file")),
    };
    let at = item.ts_start;
    let (month, stamp) = (at.format("%Y.%m"), at.format("%Y%m%d.%H%M"));
    let is_ris = collector.starts_with("rrc");
    let name = match (is_ris, kind) {
        (true, DumpKind::Rib) => format!("{collector}/{month}/bview.{stamp}.{suffix}"),
        (true, DumpKind::Updates) => format!("{collector}/{month}/updates.{stamp}.{suffix}"),
        (false, DumpKind::Rib) => format!("{collector}/bgpdata/{month}/RIBS/rib.{stamp}.{suffix}"),
        (false, DumpKind::Updates) => format!("{collector}/bgpdata/{month}/UPDATES/updates.{stamp}.{suffix}"),
    };
    let size = [item.exact_size, item.rough_size].into_iter().find(|size| *size > 0).unwrap_or(0);
    Ok(ArchiveFile {
        collector: Collector::new(collector),
        named_at: Timestamp::from_secs(at.and_utc().timestamp()),
        kind,
        project: if is_ris { Project::RipeRis } else { Project::RouteViews },
        name,
        location: Location::Remote { url: item.url.clone(), size: size.unsigned_abs() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(url: &str, collector: &str, data_type: &str) -> BrokerItem {
        let at: chrono::NaiveDateTime = "2014-12-22T16:15:00".parse().unwrap();
        BrokerItem {
            ts_start: at,
            ts_end: at,
            collector_id: collector.to_owned(),
            data_type: data_type.to_owned(),
            url: url.to_owned(),
            rough_size: 380_000,
            exact_size: 0,
        }
    }

    #[test]
    fn an_item_becomes_a_file_of_the_publishers_layout() {
        let file =
            archive_file(&item("https://data.ris.ripe.net/rrc00/2014.12/updates.20141222.1615.gz", "rrc00", "updates"));
        assert_eq!(file.unwrap().name, "rrc00/2014.12/updates.20141222.1615.gz");
        let file = archive_file(&item(
            "http://archive.routeviews.org/bgpdata/2014.12/RIBS/rib.20141222.1615.bz2",
            "route-views2",
            "rib",
        ));
        assert_eq!(file.unwrap().name, "route-views2/bgpdata/2014.12/RIBS/rib.20141222.1615.bz2");
    }

    #[test]
    fn a_listing_cannot_lead_to_other_schemes_folders_or_credentials() {
        for (url, collector) in [
            ("file:///etc/passwd.gz", "rrc00"),
            ("ftp://host/updates.gz", "rrc00"),
            ("https://user:secret@host/updates.gz", "rrc00"),
            ("https:///updates.gz", "rrc00"),
            ("https://host/updates gz.gz", "rrc00"),
            ("https://host/updates.gz", "../../rrc00"),
            ("https://host/updates.gz", ".."),
            ("https://host/updates.gz", ""),
            ("https://host/updates.html", "rrc00"),
            ("updates.gz", "rrc00"),
        ] {
            assert!(archive_file(&item(url, collector, "updates")).is_err(), "{url} {collector}");
        }
        assert!(archive_file(&item("https://host/updates.gz", "rrc00", "peers")).is_err());
    }
}
