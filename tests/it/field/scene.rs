//! Scenes: the messages of twelve peers of one collector on a morning, as records that a test can change before they are
//! written.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;

use outage_replay::bgp::{Family, Prefix};
use tempfile::TempDir;

use super::bytes::{self, Peer, Speech, UNICAST};

/// Midnight of 2024-03-10.
const DAY: i64 = 1_710_028_800;
/// The prefixes of the scene, and the AS that originates them.
pub const V4: &str = "198.51.100.0/24";
pub const V6: &str = "2a0e:b107:1::/48";
pub const ORIGIN: u32 = 50509;
pub const N_PEERS: usize = 12;
const N_OTHERS: u32 = 60;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The steady chatter about other prefixes.
    Others,
    /// The prefix is withdrawn.
    Loss,
    /// The prefix is announced.
    Back,
    /// Anything that a test added.
    Twist,
}

/// A record of an update file.
#[derive(Clone, Debug)]
pub struct Record {
    /// When it was written, in true time: its place in the file.
    pub written: i64,
    /// The time on the clock of the collector, which determines the file.
    pub clock: i64,
    pub peer: usize,
    pub about: About,
    pub bytes: Vec<u8>,
}

impl Record {
    /// Puts another time into the header.
    pub fn stamp(&mut self, at: i64) {
        self.bytes[..4].copy_from_slice(&(at as u32).to_be_bytes());
    }

    /// The time in the header.
    pub fn stamped(&self) -> i64 {
        i64::from(u32::from_be_bytes(self.bytes[..4].try_into().expect("four octets")))
    }

    /// Stores only the first octets of the message, as collectors do that have no room for more; its own length stays.
    pub fn cut_message(&mut self, n_octets: usize) {
        let header = self.bytes.len() - self.message().len();
        self.bytes.truncate(header + n_octets);
        self.set_length();
    }

    /// The BGP message in it, from its marker.
    pub fn message(&self) -> &[u8] {
        let at = self.bytes.windows(16).position(|octets| octets == [0xff; 16]).expect("a message");
        &self.bytes[at..]
    }

    /// Replaces the message.
    pub fn replace_message(&mut self, message: &[u8]) {
        let header = self.bytes.len() - self.message().len();
        self.bytes.truncate(header);
        self.bytes.extend(message);
        self.set_length();
    }

    /// Gives the record another subtype.
    pub fn subtype(&mut self, subtype: u16) {
        self.bytes[6..8].copy_from_slice(&subtype.to_be_bytes());
    }

    /// Makes it an extended one with these microseconds.
    pub fn micros(&mut self, micros: u32) {
        self.bytes[4..6].copy_from_slice(&17_u16.to_be_bytes());
        self.bytes.splice(12..12, micros.to_be_bytes());
        self.set_length();
    }

    fn set_length(&mut self) {
        let length = self.bytes.len() as u32 - 12;
        self.bytes[8..12].copy_from_slice(&length.to_be_bytes());
    }
}

/// A RIB dump.
#[derive(Clone, Debug)]
pub struct Dump {
    pub at: i64,
    pub bytes: Vec<u8>,
}

/// How the archive names its files.
#[derive(Clone, Debug)]
pub struct Layout {
    pub folder: String,
    pub rib_folder: String,
    pub rib: &'static str,
    pub suffix: &'static str,
    /// Seconds of one update file, and the seconds to add to its time for its name.
    pub slot: i64,
    pub zone: fn(i64) -> i64,
}

/// A morning at one collector, and the question about it.
#[derive(Clone, Debug)]
pub struct Scene {
    pub day: i64,
    pub prefix: Prefix,
    pub speech: Speech,
    pub peers: Vec<Peer>,
    pub records: Vec<Record>,
    pub dumps: Vec<Dump>,
    pub layout: Layout,
    pub from: i64,
    pub to: i64,
    pub span: (i64, i64),
    pub min_peers: Option<usize>,
}

impl Scene {
    /// Each peer repeats a route every minute; the prefix stays.
    pub fn calm() -> Scene {
        Scene::with_chatter(60)
    }

    /// As `calm`, withdrawn by all at 08:30:00 and back at 09:10:00.
    pub fn tidy() -> Scene {
        Scene::calm().lost("08:30:00").back("09:10:00")
    }

    /// As `calm`, with twelve times as many records: a few unreadable ones are less than a file tolerates.
    pub fn busy() -> Scene {
        Scene::with_chatter(5)
    }

    /// Each peer repeats a route every `interval` seconds.
    pub fn with_chatter(interval: i64) -> Scene {
        let mut scene = Scene::empty(DAY);
        scene.dumps.push(scene.dump("08:00:00"));
        scene.chatter(interval);
        scene
    }

    /// As `calm`, about an IPv6 prefix.
    pub fn calm_v6() -> Scene {
        Scene::v6(60)
    }

    /// As `busy`, about an IPv6 prefix.
    pub fn busy_v6() -> Scene {
        Scene::v6(5)
    }

    fn v6(interval: i64) -> Scene {
        let mut scene = Scene::empty(DAY);
        scene.prefix = V6.parse().expect("a prefix");
        scene.speech = Speech::Multiprotocol(UNICAST);
        for (index, peer) in scene.peers.iter_mut().enumerate() {
            peer.address = format!("2001:db8::{}", index + 1).parse().expect("an address");
        }
        scene.dumps.push(scene.dump("08:00:00"));
        scene.chatter(interval);
        scene
    }

    /// On another day, at the same clock.
    pub fn on(day: i64) -> Scene {
        let mut scene = Scene::empty(day);
        scene.dumps.push(scene.dump("08:00:00"));
        scene.chatter(60);
        scene
    }

    /// No record and no RIB dump yet.
    pub fn empty(day: i64) -> Scene {
        let peer = |index: usize| Peer {
            asn: 3000 + 7 * index as u32,
            address: IpAddr::from([195, 69, 144, 10 + index as u8]),
            local_asn: 12654,
        };
        let layout = Layout {
            folder: "rrc99/YYYY.MM".to_owned(),
            rib_folder: "rrc99/YYYY.MM".to_owned(),
            rib: "bview",
            suffix: "gz",
            slot: 300,
            zone: |at| at,
        };
        let mut scene = Scene {
            day,
            prefix: V4.parse().expect("a prefix"),
            speech: Speech::Classic,
            peers: (0..N_PEERS).map(peer).collect(),
            records: Vec::new(),
            dumps: Vec::new(),
            layout,
            from: 0,
            to: 0,
            span: (0, 0),
            min_peers: None,
        };
        (scene.from, scene.to) = (scene.at("08:10:00"), scene.at("09:50:00"));
        scene.span = (scene.at("07:45:00"), scene.at("10:00:00"));
        scene
    }

    /// `08:30:00` on the day of the scene; `-24:00:00` is midnight of the day before.
    pub fn at(&self, clock: &str) -> i64 {
        let parts: Vec<i64> = clock.split(':').map(|part| part.parse().expect("a clock")).collect();
        let [hours, minutes, seconds] = parts[..] else { panic!("{clock}: write 08:30:00") };
        self.day + hours * 3600 + minutes * 60 + seconds
    }

    /// Asks about `08:10:00 09:50:00`.
    pub fn window(mut self, window: &str) -> Scene {
        let (from, to) = window.split_once(' ').expect("two clocks");
        (self.from, self.to) = (self.at(from), self.at(to));
        self
    }

    /// Other prefixes that every peer holds.
    pub fn others(&self) -> Vec<Prefix> {
        let other = |index: u32| match self.prefix.family() {
            Family::V4 => format!("65.{}.0.0/16", 50 + index),
            Family::V6 => format!("2a0f:{:x}::/32", 0x100 + index),
        };
        (0..N_OTHERS).map(|index| other(index).parse().expect("a prefix")).collect()
    }

    /// Adds a record at a place in true time.
    pub fn add(&mut self, at: i64, peer: usize, about: About, content: &[u8]) {
        let subtype = if content.len() == 4 { bytes::STATE_CHANGE_AS4 } else { bytes::MESSAGE_AS4 };
        let bytes = bytes::bgp4mp(at, &self.peers[peer], subtype, content);
        self.records.push(Record { written: at, clock: at, peer, about, bytes });
    }

    /// All peers withdraw the prefix.
    pub fn lost(self, clock: &str) -> Scene {
        let all: Vec<usize> = (0..self.peers.len()).collect();
        self.lost_by(clock, &all)
    }

    /// All peers announce it.
    pub fn back(self, clock: &str) -> Scene {
        let all: Vec<usize> = (0..self.peers.len()).collect();
        self.back_at(clock, &all)
    }

    /// These peers withdraw the prefix.
    pub fn lost_by(mut self, clock: &str, peers: &[usize]) -> Scene {
        let message = bytes::withdrawal(self.speech, &[self.prefix]);
        peers.iter().for_each(|peer| self.add(self.at(clock), *peer, About::Loss, &message));
        self
    }

    /// These peers announce it.
    pub fn back_at(mut self, clock: &str, peers: &[usize]) -> Scene {
        for &peer in peers {
            let message = bytes::announcement(self.speech, &self.peers[peer], &self.path(peer), &[self.prefix]);
            self.add(self.at(clock), peer, About::Back, &message);
        }
        self
    }

    /// The path of a peer to the prefix.
    pub fn path(&self, peer: usize) -> Vec<u32> {
        vec![self.peers[peer].asn, 1299, ORIGIN]
    }

    /// A record, as all peers send it.
    pub fn all_say(&mut self, clock: &str, content: &[u8]) {
        let at = self.at(clock);
        (0..self.peers.len()).for_each(|peer| self.add(at, peer, About::Twist, content));
    }

    /// Changes every record that `which` selects.
    pub fn change(mut self, which: impl Fn(&Record) -> bool, how: impl Fn(&mut Record)) -> Scene {
        let chosen: Vec<&mut Record> = self.records.iter_mut().filter(|record| which(record)).collect();
        assert!(!chosen.is_empty(), "no record is chosen");
        chosen.into_iter().for_each(how);
        self
    }

    /// Takes records away.
    pub fn without(mut self, which: impl Fn(&Record) -> bool) -> Scene {
        let n_before = self.records.len();
        self.records.retain(|record| !which(record));
        assert!(self.records.len() < n_before, "no record is taken away");
        self
    }

    /// Removes all records between two times: the daemon was dead.
    pub fn dead(self, window: &str) -> Scene {
        let (from, to) = window.split_once(' ').expect("two clocks");
        let (from, to) = (self.at(from), self.at(to));
        self.without(|record| (from..to).contains(&record.written))
    }

    /// The tables of all peers, with the prefix.
    pub fn dump(&self, clock: &str) -> Dump {
        let all: Vec<usize> = (0..self.peers.len()).collect();
        self.dump_with(clock, &all)
    }

    /// The tables of all peers; these hold the prefix.
    pub fn dump_with(&self, clock: &str, holding: &[usize]) -> Dump {
        let at = self.at(clock);
        let rows: Vec<u8> = self.peers.iter().flat_map(bytes::row).collect();
        let mut bytes = bytes::peer_index_table(at, self.peers.len(), &rows);
        bytes.extend(self.tables(at, holding, 0));
        Dump { at, bytes }
    }

    /// The RIB records of a dump; `first` is the row of the first peer.
    pub fn tables(&self, at: i64, holding: &[usize], first: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (sequence, prefix) in self.others().iter().enumerate() {
            let entries: Vec<_> =
                (0..self.peers.len()).map(|peer| self.entry(peer, first, 20000 + peer as u32)).collect();
            bytes.extend(bytes::rib_record(at, sequence as u32, prefix, &entries));
        }
        let entries: Vec<_> = holding.iter().map(|peer| self.entry(*peer, first, ORIGIN)).collect();
        if !entries.is_empty() {
            bytes.extend(bytes::rib_record(at, N_OTHERS, &self.prefix, &entries));
        }
        bytes
    }

    fn entry(&self, peer: usize, first: u16, origin: u32) -> (u16, Peer, Vec<u8>) {
        let path = bytes::segment(2, &[self.peers[peer].asn, 1299, origin], true);
        (first + peer as u16, self.peers[peer], path)
    }

    /// The steady chatter about other prefixes.
    pub fn chatter(&mut self, interval: i64) {
        let (from, to) = self.span;
        let others = self.others();
        for peer in 0..self.peers.len() {
            self.chatter_of(peer, interval, from + 7 + (peer as i64 * interval) / N_PEERS as i64, to, &others);
        }
    }

    /// The chatter of one peer.
    pub fn chatter_of(&mut self, peer: usize, interval: i64, from: i64, to: i64, others: &[Prefix]) {
        for (number, at) in (from..to).step_by(interval as usize).enumerate() {
            let path = [self.peers[peer].asn, 1299 + (number as u32 & 1), 20000 + peer as u32];
            let prefix = others[(number + peer) % others.len()];
            let message = bytes::announcement(self.speech, &self.peers[peer], &path, &[prefix]);
            self.add(at, peer, About::Others, &message);
        }
    }

    /// The files by name, as they are stored.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let slot = |at: i64| at - at.rem_euclid(self.layout.slot);
        let mut open = slot(self.span.0);
        while open < self.span.1 {
            files.insert(self.update_file(open), Vec::new());
            open += self.layout.slot;
        }
        let mut records: Vec<&Record> = self.records.iter().collect();
        records.sort_by_key(|record| record.written);
        let mut open = slot(self.span.0);
        for record in records {
            open = open.max(slot(record.clock));
            files.entry(self.update_file(open)).or_default().extend(&record.bytes);
        }
        for dump in &self.dumps {
            files.entry(self.rib_file(dump.at)).or_default().extend(&dump.bytes);
        }
        files.into_iter().map(|(name, content)| (name, stored(self.layout.suffix, &content))).collect()
    }

    pub fn update_file(&self, at: i64) -> String {
        self.named(&self.layout.folder, "updates", at)
    }

    pub fn rib_file(&self, at: i64) -> String {
        self.named(&self.layout.rib_folder, self.layout.rib, at)
    }

    fn named(&self, folder: &str, kind: &str, at: i64) -> String {
        let named = chrono::DateTime::from_timestamp((self.layout.zone)(at), 0).expect("a time");
        let [year, month, day] = ["%Y", "%m", "%d"].map(|part| named.format(part).to_string());
        let folder = folder.replace("YYYY", &year).replace("MM", &month).replace("DD", &day);
        let name = format!("{folder}/{kind}.{}.{}", named.format("%Y%m%d.%H%M"), self.layout.suffix);
        name.trim_end_matches('.').to_owned()
    }

    /// The archive in a folder.
    pub fn write(&self) -> TempDir {
        written(&self.files())
    }
}

/// Files in a folder that vanishes with the value.
pub fn written(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    write_below(folder.path(), files);
    folder
}

/// Files below a folder.
pub fn write_below(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
}

/// Content in the container of a suffix; none is plain.
pub fn stored(suffix: &str, content: &[u8]) -> Vec<u8> {
    match suffix {
        "gz" => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(content).expect("gzip");
            gzip.finish().expect("gzip")
        }
        "bz2" => {
            let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            bzip2.write_all(content).expect("bzip2");
            bzip2.finish().expect("bzip2")
        }
        _ => content.to_vec(),
    }
}
