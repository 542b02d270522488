//! Files in the publishers' layout: which records go into which file, its name, its container.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

use outage_replay::bgp::{Asn, Project};
use outage_replay::time::Timestamp;
use serde::Serialize;

use super::mrt::{self, Flaws, Session, Stamp};
use super::ribs;
use super::scenario::{self, Break, CollectorSpec, Container, FileName, Grid, How, RibSpec, Scenario, Writing};
use super::words::ScenarioError;
use super::world::{self, World, seconds_after};

/// The files of a scenario's archive: relative paths, sorted, and what is in them.
pub fn files(text: &str) -> Result<Vec<(String, Vec<u8>)>, ScenarioError> {
    let scenario = scenario::parse(text)?;
    let world = world::simulate(&scenario)?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (collector, spec) in scenario.collectors.iter().enumerate() {
        let mut contents = update_files(&scenario, &world, collector);
        contents.extend(rib_files(&scenario, &world, collector));
        add_raws(&scenario, collector, &mut contents)?;
        let mut damage = breaks(&scenario, collector, &contents)?;
        for file in scenario.skips.iter().filter(|file| file.collector == collector) {
            let slot = slot_of(spec, file);
            if contents.remove(&slot).is_none() {
                return no_such_file(file);
            }
        }
        for copy in scenario.copies.iter().filter(|copy| copy.file.collector == collector) {
            let slot = slot_of(spec, &copy.file);
            let Some(content) = contents.get(&slot) else { return no_such_file(&copy.file) };
            let bytes = stored(copy.container, content.clone(), copy.damage.as_ref());
            files.insert(file_name(spec, copy.container, &slot), bytes);
        }
        for (slot, content) in contents {
            let bytes = stored(spec.container, content, damage.remove(&slot));
            files.insert(file_name(spec, spec.container, &slot), bytes);
        }
    }
    if scenario.note.is_some() {
        files.insert("archive.json".to_owned(), description(&scenario));
    }
    Ok(files.into_iter().collect())
}

/// An archive file before it has a name: whether it is a RIB dump, and the moment that it begins.
type Slot = (bool, Timestamp);

/// The update files of a collector, empty ones included.
fn update_files(scenario: &Scenario, world: &World, collector: usize) -> BTreeMap<Slot, Vec<u8>> {
    let spec = &scenario.collectors[collector];
    let Some(grid) = spec.updates else { return BTreeMap::new() };
    let sessions = sessions(scenario);
    // By the clock of the collector, as everything that it writes.
    let start = seconds_after(scenario.span.start, spec.clock);
    let end = seconds_after(scenario.span.end, spec.clock);
    let mut files = BTreeMap::new();
    let mut slot = grid.slot(start);
    while slot < end {
        files.insert((false, slot), Vec::new());
        slot = seconds_after(slot, grid.period);
    }
    for sent in world.sent.iter().filter(|sent| scenario.peers[sent.peer].collector == collector) {
        let at = seconds_after(sent.at, spec.clock);
        let stamped = sent.stamped.map_or(at, |stamped| seconds_after(stamped, spec.clock));
        let mut stamp = Stamp {
            at: stamped,
            is_extended: spec.extended_time || stamped.micros() % 1_000_000 != 0,
            is_local: sent.is_local,
            uses_mp: sent.uses_mp,
            flaws: Flaws::default(),
        };
        let is_meant = |writing: &&Writing| writing.peers.contains(&sent.peer) && writing.span.contains(sent.at);
        let ways: Vec<How> = scenario.writings.iter().filter(is_meant).map(|writing| writing.how).collect();
        if ways.iter().any(|how| matches!(how, How::Lost)) {
            continue;
        }
        let by_clock = |how: &How| if let How::Clock(seconds) = how { *seconds } else { 0 };
        let filed_at = seconds_after(at, ways.iter().map(by_clock).sum());
        ways.into_iter().for_each(|how| stamp.write(how));
        // A table transfer may outlast the archive.
        if let Some(content) = files.get_mut(&(false, grid.slot(filed_at))) {
            content.extend(mrt::update_record(&sessions[sent.peer], stamp, &sent.said));
        }
    }
    files
}

/// The RIB dumps of a collector: those of its grid, from the first to the last moment of the archive, and those of
/// `rib` statements.
fn rib_files(scenario: &Scenario, world: &World, collector: usize) -> BTreeMap<Slot, Vec<u8>> {
    let spec = &scenario.collectors[collector];
    let sessions = sessions(scenario);
    let mut files = BTreeMap::new();
    if let Some(grid) = spec.ribs {
        let mut at = grid.slot(scenario.span.start);
        while at <= scenario.span.end {
            if at >= scenario.span.start {
                let dump = RibSpec {
                    collector,
                    at,
                    span: None,
                    format: None,
                    cut: 100,
                    omitted: Vec::new(),
                    stale: Vec::new(),
                    split: Vec::new(),
                    multicast: Vec::new(),
                    has_path_ids: true,
                    has_peer_table: true,
                    is_twice: false,
                    is_mapped: false,
                    has_no_asns: false,
                    left_over: 0,
                };
                files.insert((true, seconds_after(at, spec.clock)), ribs::dump(scenario, world, &sessions, &dump));
            }
            at = seconds_after(at, grid.period);
        }
    }
    for dump in scenario.ribs.iter().filter(|dump| dump.collector == collector) {
        files.insert((true, seconds_after(dump.at, spec.clock)), ribs::dump(scenario, world, &sessions, dump));
    }
    files
}

/// Records written by hand go to the place of their time: after all records of the simulation that are not later.
fn add_raws(
    scenario: &Scenario,
    collector: usize,
    contents: &mut BTreeMap<Slot, Vec<u8>>,
) -> Result<(), ScenarioError> {
    let spec = &scenario.collectors[collector];
    for raw in scenario.raws.iter().filter(|raw| raw.file.collector == collector) {
        let at = seconds_after(raw.file.at, spec.clock);
        let bytes = match raw.kind {
            Some((kind, subtype)) => mrt::record(at, kind, subtype, &raw.bytes),
            None => raw.bytes.clone(),
        };
        let Some(content) = contents.get_mut(&slot_of(spec, &raw.file)) else { return no_such_file(&raw.file) };
        let place = if raw.file.is_rib { content.len() } else { place_of(content, at) };
        content.splice(place..place, bytes);
    }
    Ok(())
}

/// Where the first record later than `at` begins; the end of the bytes if there is none.
fn place_of(content: &[u8], at: Timestamp) -> usize {
    let mut place = 0;
    while let Some(header) = content.get(place..place + 12) {
        let word = |from: usize| header[from..from + 4].iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        if i64::from(word(0)) > at.secs() {
            return place;
        }
        place += 12 + word(8) as usize;
    }
    content.len()
}

fn breaks<'a>(
    scenario: &'a Scenario,
    collector: usize,
    contents: &BTreeMap<Slot, Vec<u8>>,
) -> Result<BTreeMap<Slot, &'a Break>, ScenarioError> {
    let mut breaks = BTreeMap::new();
    for (file, damage) in scenario.breaks.iter().filter(|(file, _)| file.collector == collector) {
        let slot = slot_of(&scenario.collectors[collector], file);
        if !contents.contains_key(&slot) {
            return no_such_file(file);
        }
        breaks.insert(slot, damage);
    }
    Ok(breaks)
}

fn no_such_file<T>(file: &FileName) -> Result<T, ScenarioError> {
    let kind = if file.is_rib { "RIB dump" } else { "update file" };
    Err(ScenarioError { line: file.line, cause: format!("the archive has no {kind} of {}", file.at) })
}

/// The file that a statement names.
fn slot_of(spec: &CollectorSpec, file: &FileName) -> Slot {
    let at = seconds_after(file.at, spec.clock);
    match spec.updates {
        Some(grid) if !file.is_rib => (false, grid.slot(at)),
        _ => (file.is_rib, at),
    }
}

impl Grid {
    /// The beginning of the slot that holds `at`.
    fn slot(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_secs((at.secs() - self.phase).div_euclid(self.period) * self.period + self.phase)
    }
}

/// `rrc00/2014.12/updates.20141222.1615.gz`, `route-views2/bgpdata/2014.12/RIBS/rib.20141222.1600.bz2`
fn file_name(spec: &CollectorSpec, container: Container, (is_rib, at): &Slot) -> String {
    let at = seconds_after(*at, spec.name_offset).to_datetime();
    let (month, minute) = (at.format("%Y.%m"), at.format("%Y%m%d.%H%M"));
    let extension = match container {
        Container::Gzip => ".gz",
        Container::Bzip2 => ".bz2",
        Container::Zstandard => ".zst",
        Container::Plain => "",
    };
    let name = &spec.name;
    match (spec.project, is_rib) {
        (Project::RipeRis, true) => format!("{name}/{month}/bview.{minute}{extension}"),
        (Project::RipeRis, false) => format!("{name}/{month}/updates.{minute}{extension}"),
        (Project::RouteViews, true) => format!("{name}/bgpdata/{month}/RIBS/rib.{minute}{extension}"),
        (Project::RouteViews, false) => format!("{name}/bgpdata/{month}/UPDATES/updates.{minute}{extension}"),
    }
}

/// The bytes as they are published.
fn stored(container: Container, mut content: Vec<u8>, damage: Option<&Break>) -> Vec<u8> {
    if let Some(Break::Shorten(n_missing)) = damage {
        content.truncate(content.len().saturating_sub(*n_missing));
    }
    let n_members = if let Some(Break::Members(n)) = damage { *n } else { 1 };
    let size = content.len().div_ceil(n_members).max(1);
    let mut bytes: Vec<u8> = if content.is_empty() {
        compressed(container, &[])
    } else {
        content.chunks(size).flat_map(|part| compressed(container, part)).collect()
    };
    let n_bytes = bytes.len();
    let share = |percent: u64| (n_bytes as u64 * percent / 100) as usize;
    match damage {
        None | Some(Break::Shorten(_) | Break::Members(_)) => {}
        Some(Break::TruncateTo(n)) => bytes.truncate(*n),
        Some(Break::TruncatePercent(percent)) => bytes.truncate(share(*percent)),
        Some(Break::Empty) => bytes.clear(),
        Some(Break::Html) => {
            bytes = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>\n".to_vec()
        }
        Some(Break::TrailingGarbage) => bytes.extend(b"this does not belong to the file\n"),
        Some(Break::ZeroBytes) => bytes.fill(0),
        // The check sum of gzip is in the eight bytes before the end, that of bzip2 in the last five.
        Some(Break::BadCrc) => {
            invert(&mut bytes, n_bytes.saturating_sub(if container == Container::Gzip { 6 } else { 3 }))
        }
        Some(Break::Corrupt(percent)) => invert(&mut bytes, share(*percent).min(n_bytes.saturating_sub(1))),
    }
    bytes
}

fn invert(bytes: &mut [u8], place: usize) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte = !*byte;
    }
}

/// Compressed with fixed settings and without a time or name inside, so that the same content gives the same bytes.
fn compressed(container: Container, content: &[u8]) -> Vec<u8> {
    let written = match container {
        Container::Gzip => {
            let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
            encoder.write_all(content).and_then(|()| encoder.finish())
        }
        Container::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(content).and_then(|()| encoder.finish())
        }
        Container::Zstandard => zstd::encode_all(content, 19),
        Container::Plain => Ok(content.to_vec()),
    };
    written.unwrap_or_else(|error| unreachable!("writing to memory does not fail: {error}"))
}

/// The ends of every session, by index of the peer.
fn sessions(scenario: &Scenario) -> Vec<Session> {
    let session = |peer: &scenario::PeerSpec| Session {
        peer_asn: peer.asn,
        peer_address: peer.address,
        // RIPE RIS and RouteViews.
        local_asn: match scenario.collectors[peer.collector].project {
            Project::RipeRis => Asn(12654),
            Project::RouteViews => Asn(6447),
        },
        local_address: match peer.address {
            IpAddr::V4(_) => IpAddr::from(ribs::collector_id(peer.collector)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, peer.collector as u16 + 1)),
        },
        is_two_octet: peer.is_two_octet,
        has_add_path: peer.has_add_path,
        is_legacy: peer.is_legacy,
    };
    scenario.peers.iter().map(session).collect()
}

/// `archive.json`: what the archive says about itself.
fn description(scenario: &Scenario) -> Vec<u8> {
    #[derive(Serialize)]
    struct Description<'a> {
        note: &'a str,
        scenario: &'a str,
        from: Timestamp,
        to: Timestamp,
        collectors: Vec<Members<'a>>,
    }
    #[derive(Serialize)]
    struct Members<'a> {
        name: &'a str,
        project: Project,
        vantage_points: Vec<String>,
    }
    let collectors = (scenario.collectors.iter().enumerate())
        .map(|(index, collector)| Members {
            name: &collector.name,
            project: collector.project,
            vantage_points: (scenario.peers.iter().filter(|peer| peer.collector == index))
                .map(|peer| format!("{} {}", peer.asn, peer.address))
                .collect(),
        })
        .collect();
    let description = Description {
        note: scenario.note.as_deref().unwrap_or_default(),
        scenario: scenario.name.as_deref().unwrap_or_default(),
        from: scenario.span.start,
        to: scenario.span.end,
        collectors,
    };
    let text = serde_json::to_string_pretty(&description).unwrap_or_else(|error| unreachable!("plain values: {error}"));
    (text + "\n").into_bytes()
}
