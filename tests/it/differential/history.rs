//! Random histories: the peers of each collector, their actions, and the damage to the files.

use std::fmt::Write;

use super::trouble::Trouble;

/// First second of the archive, before the epoch.
pub const START: i64 = -1800;
/// Its end, and that of the window, which begins at the epoch.
pub const END: i64 = 5400;
pub const EPOCH: &str = "2014-12-22T08:00";

/// What is asked for. The first three are all that AS131279 originates, and the fourth covers them.
pub const PREFIXES: [&str; 6] = [
    "175.45.176.0/24",
    "175.45.177.0/24",
    "2001:db8:4::/48",
    "175.45.176.0/22",
    // No peer ever withdraws these two.
    "192.0.2.0/24",
    "2001:db8:5::/48",
];
pub const N_CONTROLS: usize = 2;
/// Those of IPv6, a bit each.
pub const IPV6: u8 = 0b10_0100;
pub const PATHS: [&str; 3] = ["4837 131279", "3356 4837 131279", "1299 4755"];

/// SplitMix64: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `range.start` up to, and without, `range.end`.
    pub fn within(&mut self, range: std::ops::Range<i64>) -> i64 {
        range.start + (self.next() % (range.end - range.start) as u64) as i64
    }

    pub fn chance(&mut self, percent: i64) -> bool {
        self.within(0..100) < percent
    }

    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.within(0..among.len() as i64) as usize]
    }
}

#[derive(Clone, Debug)]
pub struct CollectorSpec {
    pub name: &'static str,
    pub is_ris: bool,
    pub has_states: bool,
    pub container: &'static str,
    pub is_v1: bool,
    /// Seconds between two update files.
    pub period: i64,
    /// Whether OPEN is recorded although state changes are not.
    pub has_opens: bool,
    /// More options of the statement.
    pub options: String,
}

#[derive(Clone, Debug)]
pub struct PeerSpec {
    pub collector: usize,
    pub asn: u32,
    pub address: String,
    pub options: &'static str,
    /// Carries a fifth of the table only.
    pub is_partial: bool,
    /// Several paths for a prefix.
    pub has_add_path: bool,
    pub is_ipv4_only: bool,
    /// Prefixes held at the start, a bit each.
    pub held: u8,
    /// Whether its session is down at the start.
    pub is_idle: bool,
    /// From when on every reader must see that it no longer exists, because another peer has replaced it.
    pub gone_from: Option<i64>,
    /// The peer that it was before it was renumbered.
    pub former: Option<usize>,
}

/// Something that a peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Announce {
        prefix: usize,
        path: usize,
        id: u8,
    },
    Withdraw {
        prefix: usize,
        id: u8,
    },
    /// What it holds already, in a record whose time is this much too early.
    RepeatLate {
        prefix: usize,
        by: i64,
    },
    Down,
    Up {
        transfer: i64,
        ends_with_end_of_rib: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    pub collector: usize,
    pub at: i64,
    pub span: i64,
    /// Per cent of the records that are in it.
    pub cut: i64,
    /// More options of the statement.
    pub options: String,
    /// Whether a reader may ignore it.
    pub is_useless: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The file does not exist.
    Skip,
    /// By a statement of the scenario.
    Break(&'static str, i64),
    /// Octets that belong to no record, at this second.
    Torn(i64),
    /// Bits of the stored file, as many as said, at places that follow from the second number.
    Flip(i64, u64),
}

impl Damage {
    /// Whether nothing of the file can be read.
    pub fn is_whole(&self) -> bool {
        matches!(self, Damage::Skip | Damage::Break("empty" | "html" | "zero-bytes", _))
    }

    /// Whether the file is as good as before.
    pub fn is_harmless(&self) -> bool {
        matches!(self, Damage::Break("members", _))
    }
}

/// What happened to the file of a collector that begins at this second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub collector: usize,
    pub is_rib: bool,
    pub at: i64,
    pub damage: Damage,
}

#[derive(Clone, Debug)]
pub struct History {
    pub collectors: Vec<CollectorSpec>,
    pub peers: Vec<PeerSpec>,
    pub deeds: Vec<(i64, usize, Deed)>,
    pub dumps: Vec<Dump>,
    pub broken: Vec<Broken>,
    pub min_peers: usize,
    /// Whether the question is for the AS as well as for its prefixes.
    pub asks_for_the_as: bool,
    has_dead_peer: bool,
    /// The window of the question.
    pub window: (i64, i64),
    /// Its troubles; see [`History::befallen`].
    pub troubles: Vec<Trouble>,
    /// More statements, about peers and at the end.
    pub peer_lines: Vec<String>,
    pub lines: Vec<String>,
    /// Intervals of a collector of which the records are missing.
    pub holes: Vec<(usize, i64, i64)>,
    /// Deeds whose UPDATE withdraws many unrelated prefixes first.
    pub filled: Vec<(i64, usize)>,
}

impl History {
    pub fn random(seed: u64) -> History {
        let random = &mut Random::new(seed);
        let collectors: Vec<CollectorSpec> = [("x", true), ("y", false), ("z", random.chance(50))]
            .into_iter()
            .take(random.within(1..4) as usize)
            .map(|(name, is_ris)| CollectorSpec {
                name,
                is_ris,
                has_states: is_ris,
                container: match (random.within(0..100), is_ris) {
                    // Compressing by it takes a hundred times as long.
                    (0, _) => "zst",
                    (1..25, true) => "plain",
                    (1..25, false) => "bz2",
                    _ => "gz",
                },
                is_v1: random.chance(10),
                period: if is_ris { 300 } else { 900 },
                has_opens: false,
                options: if is_ris && seed.is_multiple_of(3) { " by-length".to_owned() } else { String::new() },
            })
            .collect();
        let peers = peers(random, &collectors);
        let mut history = History {
            deeds: deeds(random, &peers),
            dumps: dumps(random, &collectors),
            broken: Vec::new(),
            min_peers: random.within(1..4) as usize,
            asks_for_the_as: random.chance(20),
            has_dead_peer: random.chance(20),
            window: (0, END),
            troubles: Vec::new(),
            peer_lines: Vec::new(),
            lines: Vec::new(),
            holes: Vec::new(),
            filled: Vec::new(),
            collectors,
            peers,
        };
        history.break_files(random);
        history
    }

    fn break_files(&mut self, random: &mut Random) {
        let n = random.pick(&[0, 0, 1, 1, 2, 3, 5]);
        for _ in 0..n {
            let collector = random.within(0..self.collectors.len() as i64) as usize;
            let spec = &self.collectors[collector];
            let own: Vec<i64> = self.dumps.iter().filter(|dump| dump.collector == collector).map(|d| d.at).collect();
            let is_rib = !own.is_empty() && random.chance(30);
            let period = spec.period;
            let at = if is_rib { random.pick(&own) } else { random.within(START / period..END / period) * period };
            // After a flipped bit, a plain file, or Zstandard without a checksum, is valid and wrong.
            let is_checked = matches!(spec.container, "gz" | "bz2");
            let damage = match random.within(0..if is_checked { 12 } else { 9 }) {
                0..3 => Damage::Skip,
                3 => Damage::Break(random.pick(&["empty", "html", "zero-bytes"]), 0),
                4 => Damage::Break("truncate", random.within(1..100)),
                5 => Damage::Break("shorten", random.within(1..40)),
                6 => Damage::Break("trailing-garbage", 0),
                7 if spec.container != "plain" => Damage::Break("members", random.within(2..6)),
                7 | 8 => Damage::Torn(at + random.within(0..period)),
                9 => Damage::Break("corrupt", random.within(0..100)),
                10 => Damage::Break("bad-crc", 0),
                _ => Damage::Flip(random.within(1..4), random.next()),
            };
            if !self.broken.iter().any(|b| (b.collector, b.is_rib, b.at) == (collector, is_rib, at)) {
                self.broken.push(Broken { collector, is_rib, at, damage });
            }
        }
    }

    /// The history in the language of the generator.
    pub fn scenario(&self) -> String {
        let mut text = format!("epoch {EPOCH}\narchive {START} .. +{END}\n");
        let mut line = |words: std::fmt::Arguments| writeln!(text, "{words}").expect("memory");
        let (from, to) = self.window;
        line(format_args!("# asked: from {from:+} to {to:+} with --min-peers {}", self.min_peers));
        for CollectorSpec { name, is_ris, has_states, container, is_v1, period, options, .. } in &self.collectors {
            let (kind, keepalives) = if *is_ris { ("riperis", " keepalives 60") } else { ("routeviews", "") };
            let (states, v1) = (if *has_states { " states" } else { "" }, if *is_v1 { " format v1" } else { "" });
            line(format_args!("collector {name} {kind} updates {period}{keepalives}{states}{v1} {container}{options}"));
        }
        for (index, peer) in self.peers.iter().enumerate() {
            let PeerSpec { collector, asn, address, options, .. } = peer;
            let idle = if peer.is_idle { " idle" } else { "" };
            line(format_args!("peer p{index} {} AS{asn} {address} {options}{idle}", self.collectors[*collector].name));
        }
        if self.has_dead_peer {
            line(format_args!("peer dead x AS1999 192.0.2.199 idle\nat +10 dead state 6>1 every 65 times 80"));
        }
        self.peer_lines.iter().for_each(|text| line(format_args!("{text}")));
        // The dead peer, too, but its session never comes up.
        line(format_args!("table rest 40 of 198.18.0.0/15 as /24 origins 64500-64503 via 174,3356"));
        let carries_ipv6 = |index: &usize| !self.collectors[self.peers[*index].collector].is_v1;
        let names: Vec<String> = (0..self.peers.len()).filter(carries_ipv6).map(|index| format!("p{index}")).collect();
        if !names.is_empty() {
            let names = names.join(",");
            line(format_args!("table rest6 20 of 2001:db8:8000::/33 as /48 origins 64500 via 174,6939 on {names}"));
        }
        line(format_args!("noise every 20"));
        for (index, peer) in self.peers.iter().enumerate() {
            for prefix in (0..PREFIXES.len()).filter(|prefix| peer.held >> prefix & 1 != 0) {
                line(format_args!("route p{index} {} \"{}\"", PREFIXES[prefix], PATHS[index % 2]));
            }
        }
        if !self.filled.is_empty() {
            let filler: Vec<String> = (0..120).map(|index| format!("198.19.{index}.0/24")).collect();
            line(format_args!("group filler = {}", filler.join(",")));
        }
        for (at, peer, deed) in &self.deeds {
            let filler = if self.filled.contains(&(*at, *peer)) { "withdraw filler " } else { "" };
            let what = match deed {
                Deed::Announce { prefix, path, id } => {
                    format!("{filler}announce {} \"{}\" id {id}", PREFIXES[*prefix], PATHS[*path])
                }
                Deed::Withdraw { prefix, id } => format!("{filler}withdraw {} id {id}", PREFIXES[*prefix]),
                Deed::RepeatLate { prefix, by } => {
                    format!("announce {} \"{}\" id 1 stamped {:+}", PREFIXES[*prefix], PATHS[0], at - by)
                }
                Deed::Down => "down".to_owned(),
                Deed::Up { transfer, ends_with_end_of_rib: true } => format!("up transfer {transfer}"),
                Deed::Up { transfer, .. } => format!("up transfer {transfer} no-end-of-rib"),
            };
            if matches!(deed, Deed::Up { .. }) && self.collectors[self.peers[*peer].collector].has_opens {
                line(format_args!("at {at:+} p{peer} open"));
            }
            line(format_args!("at {at:+} p{peer} {what}"));
        }
        for Dump { collector, at, span, cut, options, .. } in &self.dumps {
            line(format_args!("rib {} {at:+} span {span} cut {cut}%{options}", self.collectors[*collector].name));
        }
        for Broken { collector, is_rib, at, damage } in &self.broken {
            let file =
                format!("{} {} {at:+}", self.collectors[*collector].name, if *is_rib { "rib" } else { "updates" });
            match damage {
                Damage::Skip => line(format_args!("skip {file}")),
                Damage::Break(how @ ("truncate" | "corrupt"), n) => line(format_args!("break {file} {how} {n}%")),
                Damage::Break(how @ ("shorten" | "members"), n) => line(format_args!("break {file} {how} {n}")),
                Damage::Break(how, _) => line(format_args!("break {file} {how}")),
                Damage::Torn(then) if !is_rib => {
                    let file = format!("{} updates {then:+}", self.collectors[*collector].name);
                    line(format_args!("raw {file} bytes 54 98 00 01 00 10 00 04 00 00 00 60 00 00"));
                }
                Damage::Torn(_) => line(format_args!("raw {file} bytes 54 98 00 01 00 0d 00 02 00 00 00 60 00 00")),
                Damage::Flip(n, seed) => line(format_args!("# flip {n} bits by {seed} in {file}")),
            }
        }
        self.lines.iter().for_each(|text| line(format_args!("{text}")));
        text
    }
}

fn peers(random: &mut Random, collectors: &[CollectorSpec]) -> Vec<PeerSpec> {
    let mut peers: Vec<PeerSpec> = Vec::new();
    for (collector, spec) in collectors.iter().enumerate() {
        for host in 1..random.within(4..7) {
            let number = peers.len() as u32 + 1;
            // Some ASes peer with two collectors.
            let twin = peers.first().filter(|_| collector > 0 && random.chance(20)).map(|peer| peer.asn);
            let options = match random.within(0..10) {
                0 if spec.is_ris && !spec.is_v1 => "add-path",
                1 => "two-octet",
                2 if host > 3 => "partial 20%",
                _ => "",
            };
            // The controls are held by all, the others by most.
            let mut held = 0b11_0000;
            for prefix in 0..PREFIXES.len() - N_CONTROLS {
                held |= u8::from(random.chance(85)) << prefix;
            }
            // The first format of dumps names peers by addresses of the family of the prefix.
            held &= if spec.is_v1 { !IPV6 } else { u8::MAX };
            let address = match random.chance(20) && !spec.is_v1 {
                true => format!("2001:db8:ff::{number}"),
                false => format!("192.0.2.{number}"),
            };
            peers.push(PeerSpec {
                collector,
                asn: twin.unwrap_or(1000 + number),
                address,
                options,
                is_partial: options == "partial 20%",
                has_add_path: options == "add-path",
                is_ipv4_only: spec.is_v1,
                held,
                is_idle: false,
                gone_from: None,
                former: None,
            });
        }
    }
    peers
}

fn deeds(random: &mut Random, peers: &[PeerSpec]) -> Vec<(i64, usize, Deed)> {
    let n_touched = (PREFIXES.len() - N_CONTROLS) as i64;
    let mut deeds = Vec::new();
    // What happens to a network is seen by most at about the same time.
    for _ in 0..random.within(0..4) {
        let (from, lasting) =
            (random.within(-1500..END - 400), random.pick(&[30, 100, 119, 120, 121, 300, 1000, 3000]));
        let (spread, share) = (random.pick(&[0, 0, 10, 60, 100]), random.pick(&[100, 100, 90, 60, 40]));
        let prefixes: Vec<usize> = (0..n_touched as usize).filter(|_| random.chance(60)).collect();
        for (peer, spec) in peers.iter().enumerate() {
            if !random.chance(share) {
                continue;
            }
            let (lost, back) = (from + random.within(0..spread + 1), from + lasting + random.within(0..spread + 1));
            for &prefix in prefixes.iter().filter(|prefix| !spec.is_ipv4_only || IPV6 >> **prefix & 1 == 0) {
                let id = 1;
                deeds.push((lost, peer, Deed::Withdraw { prefix, id }));
                if spec.has_add_path {
                    deeds.push((lost, peer, Deed::Withdraw { prefix, id: 2 }));
                }
                if back < END {
                    deeds.push((back, peer, Deed::Announce { prefix, path: random.within(0..3) as usize, id }));
                }
            }
        }
    }
    for _ in 0..random.pick(&[0, 5, 15, 30]) {
        let (at, peer) = (random.within(START + 1..END), random.within(0..peers.len() as i64) as usize);
        let id = if peers[peer].has_add_path { random.within(1..3) as u8 } else { 1 };
        let prefix = random.within(0..n_touched) as usize;
        if peers[peer].is_ipv4_only && IPV6 >> prefix & 1 != 0 {
            continue;
        }
        deeds.push(match random.within(0..20) {
            13 if peers[peer].is_ipv4_only => continue,
            0..7 => (at, peer, Deed::Announce { prefix, path: random.within(0..3) as usize, id }),
            7..13 => (at, peer, Deed::Withdraw { prefix, id }),
            13 => (at, peer, Deed::Announce { prefix: PREFIXES.len() - 1, path: 0, id: 1 }),
            14 => (at, peer, Deed::RepeatLate { prefix: PREFIXES.len() - 2, by: random.within(1..200) }),
            15 => (at, peer, Deed::Announce { prefix: PREFIXES.len() - 2, path: 1, id: 1 }),
            16 => (at, peer, Deed::Down),
            _ => (at, peer, up(random)),
        });
    }
    // Sessions close, one by one or many at once, and most open again.
    for _ in 0..random.pick(&[0, 0, 1, 2, 4]) {
        let at = random.within(-1500..END);
        let share = random.pick(&[10, 30, 100]);
        for peer in (0..peers.len()).filter(|_| random.chance(share)).collect::<Vec<_>>() {
            deeds.push((at, peer, Deed::Down));
            let again = at + random.pick(&[1, 20, 90, 400, 2000]) + random.within(0..5);
            if again < END && random.chance(90) {
                deeds.push((again, peer, up(random)));
            }
        }
    }
    deeds.sort_by_key(|(at, ..)| *at);
    deeds
}

fn up(random: &mut Random) -> Deed {
    Deed::Up { transfer: random.pick(&[0, 1, 10, 60, 300]), ends_with_end_of_rib: random.chance(70) }
}

fn dumps(random: &mut Random, collectors: &[CollectorSpec]) -> Vec<Dump> {
    let mut dumps: Vec<Dump> = Vec::new();
    let has_none = random.chance(8);
    for collector in (0..collectors.len()).filter(|_| !has_none) {
        let mut at = vec![-1740, -900];
        for _ in 0..random.within(0..3) {
            at.push(random.within(0..END / 60) * 60);
        }
        at.sort_unstable();
        at.dedup_by_key(|at| *at / 300);
        for at in at {
            let cut = if random.chance(7) { random.pick(&[10, 40, 60]) } else { 100 };
            let span = random.pick(&[0, 0, 3, 40]);
            dumps.push(Dump { collector, at, span, cut, options: String::new(), is_useless: false });
        }
    }
    dumps
}
