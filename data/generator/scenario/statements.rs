//! The statements of the language, one function each.

use std::collections::BTreeMap;

use outage_replay::bgp::{Family, Prefix, Project};
use outage_replay::time::{Timestamp, Window};

use super::super::words::{Line, Nlri, ScenarioError, nlri, with_first};
use super::super::world::mix;
use super::options::{as_numbers, container, container_named, grid, how, positive, read_break, rib_format, table_path};
use super::*;

/// Reads a scenario line by line.
pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    let mut reader = Reader::default();
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        // The note is prose: quotes and '#' mean nothing in it.
        if let Some(note) = text.trim_start().strip_prefix("note ") {
            reader.notes.push(note.trim().to_owned());
            continue;
        }
        let mut line = Line::new(number, text)?;
        if !line.is_empty() {
            reader.statement(&mut line)?;
            line.end()?;
        }
    }
    reader.finish(text.lines().count())
}

#[derive(Default)]
struct Reader {
    name: Option<String>,
    notes: Vec<String>,
    epoch: Option<Timestamp>,
    span: Option<Window>,
    collectors: Vec<CollectorSpec>,
    peers: Vec<PeerSpec>,
    peer_groups: BTreeMap<String, Vec<PeerIndex>>,
    prefix_groups: BTreeMap<String, Vec<Nlri>>,
    routes: Vec<InitialRoute>,
    noise: Vec<Noise>,
    happenings: Vec<Happening>,
    ribs: Vec<RibSpec>,
    raws: Vec<Raw>,
    skips: Vec<FileName>,
    breaks: Vec<(FileName, Break)>,
    copies: Vec<Copy>,
    writings: Vec<Writing>,
}

impl Reader {
    fn statement(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        match line.word("a statement")?.as_str() {
            "name" => self.name = Some(line.word("the name of the scenario")?),
            "epoch" => self.epoch = Some(line.time(None)?),
            "archive" => self.archive(line)?,
            "collector" => self.collector(line)?,
            "peer" => self.peer(line)?,
            "peers" => self.peers(line)?,
            "prefix" => self.prefix(line)?,
            "group" => self.group(line)?,
            "route" => self.route(line)?,
            "table" => self.table(line)?,
            "noise" => self.noise(line)?,
            "at" => self.at(line)?,
            "rib" => self.rib(line)?,
            "raw" => self.raw(line)?,
            "skip" => {
                let file = self.file_name(line)?;
                self.skips.push(file);
            }
            "break" => {
                let file = self.file_name(line)?;
                let damage = read_break(line)?;
                self.breaks.push((file, damage));
            }
            "copy" => {
                let (file, container) = (self.file_name(line)?, container(line)?);
                let damage = if line.is_empty() { None } else { Some(read_break(line)?) };
                self.copies.push(Copy { file, container, damage });
            }
            "records" => self.records(line)?,
            other => return line.error(format!("unknown statement '{other}'")),
        }
        Ok(())
    }

    fn finish(self, n_lines: usize) -> Result<Scenario, ScenarioError> {
        let Some(span) = self.span else {
            return Err(ScenarioError {
                line: n_lines,
                cause: "no archive statement: write archive START .. END".into(),
            });
        };
        Ok(Scenario {
            name: self.name,
            note: (!self.notes.is_empty()).then(|| self.notes.join(" ")),
            span,
            collectors: self.collectors,
            peers: self.peers,
            routes: self.routes,
            noise: self.noise,
            happenings: self.happenings,
            ribs: self.ribs,
            raws: self.raws,
            skips: self.skips,
            breaks: self.breaks,
            copies: self.copies,
            writings: self.writings,
        })
    }

    /// `archive START .. END`
    fn archive(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let start = line.time(self.epoch)?;
        line.expect_word("..")?;
        let end = line.time(self.epoch)?;
        match Window::new(start, end) {
            Ok(span) => self.span = Some(span),
            Err(error) => return line.error(error.to_string()),
        }
        self.epoch = self.epoch.or(Some(start));
        Ok(())
    }

    /// `collector NAME PROJECT OPTION...`
    fn collector(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let name = line.word("the name of a collector")?;
        self.check_new(line, &name)?;
        let project: Project = line.value("a project: write riperis or routeviews")?;
        let is_ris = project == Project::RipeRis;
        let mut spec = CollectorSpec {
            name,
            project,
            updates: None,
            ribs: None,
            container: if is_ris { Container::Gzip } else { Container::Bzip2 },
            rib_format: RibFormat::TableDumpV2,
            rib_span: 0,
            records_states: false,
            keepalives: None,
            extended_time: false,
            clock: 0,
            name_offset: 0,
            has_dummy_peer: false,
            lists_present_only: false,
            sorts_by_length: false,
        };
        while !line.is_empty() {
            match line.word("an option")?.as_str() {
                "updates" => spec.updates = Some(grid(line)?),
                "ribs" => spec.ribs = Some(grid(line)?),
                "span" => spec.rib_span = line.value("a number of seconds")?,
                "states" => spec.records_states = true,
                "keepalives" => spec.keepalives = Some(positive(line)?),
                "et" => spec.extended_time = true,
                "clock" => spec.clock = line.value("a number of seconds such as +120")?,
                "names" => spec.name_offset = line.value("a number of seconds such as -28800")?,
                "format" => spec.rib_format = rib_format(line)?,
                "dummy-peer" => spec.has_dummy_peer = true,
                "present-only" => spec.lists_present_only = true,
                "by-length" => spec.sorts_by_length = true,
                other => match container_named(other) {
                    Some(container) => spec.container = container,
                    None => return line.error(format!("unknown option '{other}' of a collector")),
                },
            }
        }
        self.collectors.push(spec);
        Ok(())
    }

    /// `peer NAME COLLECTOR ASN ADDRESS OPTION...`
    fn peer(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let name = line.word("the name of a peer")?;
        self.check_new(line, &name)?;
        let mut spec = PeerSpec {
            name,
            collector: self.collector_named(line)?,
            asn: line.asn()?,
            address: line.value("an IP address")?,
            is_two_octet: false,
            has_add_path: false,
            is_legacy: false,
            is_idle: false,
            is_unlisted: false,
            share: 100,
        };
        while !line.is_empty() {
            match line.word("an option")?.as_str() {
                "two-octet" => spec.is_two_octet = true,
                "add-path" => spec.has_add_path = true,
                "legacy" => (spec.is_legacy, spec.is_two_octet) = (true, true),
                "idle" => spec.is_idle = true,
                "unlisted" => spec.is_unlisted = true,
                "partial" => spec.share = line.percent("a share of the tables")?,
                other => return line.error(format!("unknown option '{other}' of a peer")),
            }
        }
        if spec.is_legacy && !spec.address.is_ipv4() {
            return line.error("records of MRT type 5 have IPv4 addresses only");
        }
        self.peers.push(spec);
        Ok(())
    }

    /// `peers NAME = PEERS...`
    fn peers(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let name = line.word("the name of a group")?;
        self.check_new(line, &name)?;
        line.expect_word("=")?;
        let mut members = Vec::new();
        while !line.is_empty() {
            members.extend(self.selection(line)?);
        }
        self.peer_groups.insert(name, members);
        Ok(())
    }

    /// `prefix NAME PREFIX`
    fn prefix(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let name = line.word("the name of a prefix")?;
        let word = line.word("a prefix")?;
        let Some(nlri) = nlri(&word) else { return line.error(format!("'{word}' is not a prefix")) };
        self.define_prefixes(line, name, vec![nlri])
    }

    /// `group NAME = PREFIXES...`
    fn group(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let name = line.word("the name of a group")?;
        line.expect_word("=")?;
        let mut members = Vec::new();
        while !line.is_empty() {
            members.extend(self.listed_prefixes(line)?);
        }
        self.define_prefixes(line, name, members)
    }

    /// `route PEERS PREFIXES "PATH" [id N] [since TIME] [verbatim]`
    fn route(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let peers = self.selection(line)?;
        let prefixes = self.listed_prefixes(line)?;
        let Some(path) = line.path()? else { return line.error("expected an AS path in quotes") };
        let (mut path_id, mut since, mut is_verbatim) = (1, None, false);
        while !line.is_empty() {
            match line.word("an option")?.as_str() {
                "id" => path_id = line.value("a path identifier")?,
                "since" => since = Some(line.time(self.epoch)?),
                "verbatim" => is_verbatim = true,
                other => return line.error(format!("unknown option '{other}' of a route")),
            }
        }
        for peer in peers {
            let asn = self.peers[peer].asn;
            let path = if is_verbatim { path.clone() } else { with_first(asn, path.clone()) };
            for &nlri in &prefixes {
                let route = RouteSpec { nlri, path_id, path: path.clone() };
                self.routes.push(InitialRoute { peer, route, since, alternative: None });
            }
        }
        Ok(())
    }

    /// `table NAME COUNT of BLOCK as /LENGTH origins ASN,ASN.. via ASN,ASN.. [on PEERS]`
    fn table(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let name = line.word("the name of a table")?;
        let count: u64 = positive(line)?;
        line.expect_word("of")?;
        let block: Prefix = line.value("a prefix without host bits")?;
        line.expect_word("as")?;
        let word = line.word("a length such as /24")?;
        let length = word.strip_prefix('/').and_then(|digits| digits.parse::<u8>().ok());
        let max = if block.family() == Family::V4 { 32 } else { 128 };
        let Some(length) = length.filter(|length| (block.len()..=max).contains(length)) else {
            return line.error(format!("'{word}' is not a length from /{} to /{max}", block.len()));
        };
        if u32::from(length - block.len()) < 64 && count > 1 << (length - block.len()) {
            return line.error(format!("{block} has no {count} prefixes of length /{length}"));
        }
        line.expect_word("origins")?;
        let origins = as_numbers(line)?;
        line.expect_word("via")?;
        let vias = as_numbers(line)?;
        let peers = if line.take("on") { self.selection(line)? } else { (0..self.peers.len()).collect() };

        let members: Vec<Nlri> = (0..count).map(|index| Nlri::below(block, length, u128::from(index))).collect();
        for peer in peers {
            let (asn, share) = (self.peers[peer].asn, self.peers[peer].share);
            for (index, &nlri) in (0..).zip(&members) {
                // Evenly strewn, another part for every peer, and exactly the share of it.
                let place = (index + 37 * peer as u64) % count;
                if (place + 1) * share / 100 == place * share / 100 {
                    continue;
                }
                let origin = origins[index as usize % origins.len()];
                let hash = mix(&[peer as u64, index, u64::from(length)]);
                let via = |n: u64| vias[(hash.wrapping_add(n) % vias.len() as u64) as usize];
                let path = table_path(asn, &[via(0)], origin);
                let alternative = Some(table_path(asn, &[via(1), via(2)], origin));
                let route = RouteSpec { nlri, path_id: 1, path };
                self.routes.push(InitialRoute { peer, route, since: None, alternative });
            }
        }
        self.define_prefixes(line, name, members)
    }

    /// `noise every SECONDS [on COLLECTOR,COLLECTOR..]`
    fn noise(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        line.expect_word("every")?;
        let period = positive(line)?;
        let collectors = if line.take("on") {
            let names = line.word("names of collectors")?;
            names.split(',').map(|name| self.find_collector(line, name)).collect::<Result<_, _>>()?
        } else {
            (0..self.collectors.len()).collect()
        };
        self.noise.push(Noise { period, collectors });
        Ok(())
    }

    /// `at TIME PEERS DEED... OPTION...`
    fn at(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let at = line.time(self.epoch)?;
        let peers = self.selection(line)?;
        let first = line.word("what happens")?;
        let deed = match first.as_str() {
            "withdraw" | "announce" => Deed::Update(self.edits(line, first)?),
            "down" => Deed::Down,
            "up" => self.up(line)?,
            "state" => {
                let word = line.word("a change of state such as 6>1")?;
                let states = word.split_once('>').and_then(|(old, new)| Some((old.parse().ok()?, new.parse().ok()?)));
                let Some((old, new)) = states else {
                    return line.error(format!("'{word}' is not a change such as 6>1"));
                };
                Deed::State { old, new }
            }
            "open" => Deed::Open,
            "keepalive" => Deed::Keepalive,
            "notification" => Deed::Notification,
            "end-of-rib" => Deed::EndOfRib(if line.take("v6") { Family::V6 } else { Family::V4 }),
            "message" => Deed::Message { kind: line.value("the type of a BGP message")?, body: line.bytes()? },
            other => return line.error(format!("unknown happening '{other}'")),
        };
        let mut manner = Manner { times: 1, ..Manner::default() };
        while !line.is_empty() {
            match line.word("an option")?.as_str() {
                "spread" => manner.spread = line.value("a number of seconds")?,
                "shuffle" => manner.shuffle = Some(line.value("a number")?),
                "every" => {
                    manner.every = line.value("a number of seconds")?;
                    line.expect_word("times")?;
                    manner.times = line.value("a number")?;
                }
                "stamped" => manner.stamped = Some(line.time(self.epoch)?),
                "local" => manner.is_local = true,
                "mp" => manner.uses_mp = true,
                "verbatim" => manner.is_verbatim = true,
                other => return line.error(format!("unknown option '{other}' of a happening")),
            }
        }
        self.happenings.push(Happening { line: line.number, at, peers, deed, manner });
        Ok(())
    }

    /// `withdraw PREFIXES [id N]` and `announce PREFIXES ["PATH"] [id N]`, any number of them in one UPDATE.
    fn edits(&mut self, line: &mut Line, first: String) -> Result<Vec<Edit>, ScenarioError> {
        let mut edits = Vec::new();
        let mut is_announcement = first == "announce";
        loop {
            let prefixes = self.prefixes(line)?;
            let path = if is_announcement { line.path()? } else { None };
            let path_id = if line.take("id") { line.value("a path identifier")? } else { 1 };
            edits.push(if is_announcement {
                Edit::Announce { prefixes, path_id, path }
            } else {
                Edit::Withdraw { prefixes, path_id }
            });
            is_announcement = match () {
                () if line.take("announce") => true,
                () if line.take("withdraw") => false,
                () => return Ok(edits),
            };
        }
    }

    /// `up [transfer SECONDS] [no-end-of-rib] [without PREFIXES]`
    fn up(&mut self, line: &mut Line) -> Result<Deed, ScenarioError> {
        let (mut transfer, mut ends_with_end_of_rib, mut without) = (0, true, Vec::new());
        loop {
            if line.take("transfer") {
                transfer = line.value("a number of seconds")?;
            } else if line.take("no-end-of-rib") {
                ends_with_end_of_rib = false;
            } else if line.take("without") {
                without.push(self.prefixes(line)?);
            } else {
                return Ok(Deed::Up { transfer, ends_with_end_of_rib, without });
            }
        }
    }

    /// `rib COLLECTOR TIME OPTION...`
    fn rib(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let mut spec = RibSpec {
            collector: self.collector_named(line)?,
            at: line.time(self.epoch)?,
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
        while !line.is_empty() {
            match line.word("an option")?.as_str() {
                "span" => spec.span = Some(line.value("a number of seconds")?),
                "format" => spec.format = Some(rib_format(line)?),
                "cut" => spec.cut = line.percent("a share of the records")?,
                "omit" => {
                    let peers = self.selection(line)?;
                    spec.omitted.push((peers, self.omission(line)?));
                }
                "stale" => {
                    let peers = self.selection(line)?;
                    let prefixes = self.listed_prefixes(line)?;
                    let Some(path) = line.path()? else { return line.error("expected an AS path in quotes") };
                    for peer in peers {
                        let path = with_first(self.peers[peer].asn, path.clone());
                        let stale = |&nlri| (peer, RouteSpec { nlri, path_id: 1, path: path.clone() });
                        spec.stale.extend(prefixes.iter().map(stale));
                    }
                }
                "split" => spec.split.extend(self.listed_prefixes(line)?),
                "multicast" => spec.multicast.extend(self.listed_prefixes(line)?),
                "no-ids" => spec.has_path_ids = false,
                "no-peer-table" => spec.has_peer_table = false,
                "twice" => spec.is_twice = true,
                "mapped" => spec.is_mapped = true,
                "as-zero" => spec.has_no_asns = true,
                "left-over" => spec.left_over = line.value("a number of octets")?,
                other => return line.error(format!("unknown option '{other}' of a rib")),
            }
        }
        self.ribs.push(spec);
        Ok(())
    }

    /// `records PEERS TIME .. TIME HOW`
    fn records(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let peers = self.selection(line)?;
        let start = line.time(self.epoch)?;
        line.expect_word("..")?;
        let end = line.time(self.epoch)?;
        let how = how(line)?;
        match Window::new(start, end) {
            Ok(span) => self.writings.push(Writing { peers, span, how }),
            Err(error) => return line.error(error.to_string()),
        }
        Ok(())
    }

    /// `PREFIXES` or `N%`
    fn omission(&self, line: &mut Line) -> Result<Omission, ScenarioError> {
        let word = line.word("prefixes or a share such as 3%")?;
        match word.strip_suffix('%').and_then(|digits| digits.parse().ok()) {
            Some(share) => Ok(Omission::Share(share)),
            None => Ok(Omission::Prefixes(self.find_prefixes(line, &word)?)),
        }
    }

    /// `raw COLLECTOR updates|rib TIME record TYPE SUBTYPE HEX`, or `... bytes HEX`
    fn raw(&mut self, line: &mut Line) -> Result<(), ScenarioError> {
        let file = self.file_name(line)?;
        let kind = match line.word("record or bytes")?.as_str() {
            "record" => Some((line.value("an MRT type")?, line.value("an MRT subtype")?)),
            "bytes" => None,
            other => return line.error(format!("expected record or bytes, found '{other}'")),
        };
        self.raws.push(Raw { file, kind, bytes: line.bytes()? });
        Ok(())
    }

    /// `COLLECTOR updates|rib TIME`
    fn file_name(&self, line: &mut Line) -> Result<FileName, ScenarioError> {
        let collector = self.collector_named(line)?;
        let is_rib = match line.word("updates or rib")?.as_str() {
            "updates" => false,
            "rib" => true,
            other => return line.error(format!("expected updates or rib, found '{other}'")),
        };
        Ok(FileName { line: line.number, collector, is_rib, at: line.time(self.epoch)? })
    }

    fn collector_named(&self, line: &mut Line) -> Result<CollectorIndex, ScenarioError> {
        let name = line.word("the name of a collector")?;
        self.find_collector(line, &name)
    }

    fn find_collector(&self, line: &Line, name: &str) -> Result<CollectorIndex, ScenarioError> {
        let found = self.collectors.iter().position(|collector| collector.name == name);
        found.map_or_else(|| line.error(format!("unknown collector '{name}'")), Ok)
    }

    /// Peers, groups, collectors or `all`, separated by commas; a leading `-` takes away what was named before.
    fn selection(&self, line: &mut Line) -> Result<Vec<PeerIndex>, ScenarioError> {
        let word = line.word("names of peers")?;
        let mut selected: Vec<PeerIndex> = Vec::new();
        for item in word.split(',') {
            match item.strip_prefix('-') {
                Some(name) => {
                    let away = self.find_peers(line, name)?;
                    selected.retain(|peer| !away.contains(peer));
                }
                None => {
                    let more = self.find_peers(line, item)?;
                    selected.extend(more.into_iter().filter(|peer| !selected.contains(peer)).collect::<Vec<_>>());
                }
            }
        }
        Ok(selected)
    }

    fn find_peers(&self, line: &Line, name: &str) -> Result<Vec<PeerIndex>, ScenarioError> {
        if name == "all" {
            return Ok((0..self.peers.len()).collect());
        }
        if let Some(peer) = self.peers.iter().position(|peer| peer.name == name) {
            return Ok(vec![peer]);
        }
        if let Some(group) = self.peer_groups.get(name) {
            return Ok(group.clone());
        }
        if let Some(collector) = self.collectors.iter().position(|collector| collector.name == name) {
            return Ok((0..self.peers.len()).filter(|&peer| self.peers[peer].collector == collector).collect());
        }
        line.error(format!("'{name}' is no peer, group of peers or collector"))
    }

    fn prefixes(&self, line: &mut Line) -> Result<Prefixes, ScenarioError> {
        let word = line.word("prefixes")?;
        self.find_prefixes(line, &word)
    }

    /// Prefixes and names of them, separated by commas, or `everything`.
    fn find_prefixes(&self, line: &Line, word: &str) -> Result<Prefixes, ScenarioError> {
        if word == "everything" {
            return Ok(Prefixes::Everything);
        }
        let mut found = Vec::new();
        for item in word.split(',') {
            match (self.prefix_groups.get(item), nlri(item)) {
                (Some(group), _) => found.extend(group.iter().copied()),
                (None, Some(nlri)) => found.push(nlri),
                (None, None) => return line.error(format!("'{item}' is no prefix and no name of one")),
            }
        }
        Ok(Prefixes::These(found))
    }

    fn listed_prefixes(&self, line: &mut Line) -> Result<Vec<Nlri>, ScenarioError> {
        match self.prefixes(line)? {
            Prefixes::These(prefixes) => Ok(prefixes),
            Prefixes::Everything => line.error("'everything' cannot be used here: name the prefixes"),
        }
    }

    fn define_prefixes(&mut self, line: &Line, name: String, prefixes: Vec<Nlri>) -> Result<(), ScenarioError> {
        if name == "everything" || self.prefix_groups.contains_key(&name) {
            return line.error(format!("the name '{name}' is taken"));
        }
        self.prefix_groups.insert(name, prefixes);
        Ok(())
    }

    fn check_new(&self, line: &Line, name: &str) -> Result<(), ScenarioError> {
        if self.find_peers(line, name).is_ok() || name.contains(',') || name.starts_with('-') {
            return line.error(format!("the name '{name}' is taken or has a comma or a leading '-'"));
        }
        Ok(())
    }
}
