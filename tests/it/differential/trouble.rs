//! Troubles that archives have although their files look whole: wrong stamps, messages that cannot be read, peers that
//! change their number, holes inside files.
//!
//! A trouble is stored separately from the history that it affects, so that either can be left out.
//! [`History::befallen`] combines them.

use super::history::{CollectorSpec, Deed, END, History, IPV6, N_CONTROLS, PATHS, PREFIXES, PeerSpec, Random, START};

/// What kind of trouble; the names are those that `OUTAGE_REPLAY_TROUBLE` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Records with a wrong time.
    Clock,
    /// UPDATE messages that end early.
    Cut,
    /// UPDATE messages that cannot be read, or only by a reader who knows what may be ignored.
    Garble,
    /// A peer has another AS, or another address, from now on.
    Renumber,
    /// `::ffff:a.b.c.d` in updates or RIB dumps.
    Mapped,
    /// TABLE_DUMP shows peers as AS 23456.
    Trans,
    /// Sessions begin with OPEN, without state changes.
    Open,
    /// A second connection beside an established session.
    Second,
    /// Records of an interval are missing although the file is there.
    Hole,
    /// Files of 1, 15 or 60 minutes.
    Rhythm,
    /// A copy beside the file, cut, empty or whole.
    Double,
    /// Rows of peer tables that are no peers.
    Nobody,
    /// A RIB dump that holds itself twice.
    Twice,
    /// SAFI 3.
    Safi,
    /// A window that begins or ends anywhere.
    Window,
}

impl Kind {
    pub const ALL: [(Kind, &'static str); 15] = [
        (Kind::Clock, "clock"),
        (Kind::Cut, "cut"),
        (Kind::Garble, "garble"),
        (Kind::Renumber, "renumber"),
        (Kind::Mapped, "mapped"),
        (Kind::Trans, "trans"),
        (Kind::Open, "open"),
        (Kind::Second, "second"),
        (Kind::Hole, "hole"),
        (Kind::Rhythm, "rhythm"),
        (Kind::Double, "double"),
        (Kind::Nobody, "nobody"),
        (Kind::Twice, "twice"),
        (Kind::Safi, "safi"),
        (Kind::Window, "window"),
    ];

    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Whether every reader must still know what the same files show without it: nothing is lost or in doubt.
    fn leaves_all_known(self) -> bool {
        matches!(self, Kind::Double | Kind::Window)
    }
}

#[derive(Clone, Debug)]
pub struct Trouble {
    pub kind: Kind,
    pub collector: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Statements of the scenario as they are.
    Lines(Vec<String>),
    /// Stamps of an interval are off by this much; and whether RIB dumps of about that time are left out, which would
    /// have to be of the same clock.
    Stamps { line: String, from: i64, to: i64, by: i64, spares_dumps: bool },
    /// No records.
    Hole { from: i64, to: i64 },
    /// Update files of this many seconds.
    Rhythm(i64),
    /// Peers go on under another AS or address, without the prefixes of these bits.
    Renumber { peers: Vec<usize>, at: i64, after: i64, transfer: i64, is_new_address: bool, without: u8 },
    /// OPEN is recorded, and these sessions begin anew: peer, when, after how long, without the prefixes of these bits.
    Open(Vec<(usize, i64, i64, u8)>),
    /// What RIB dumps are written with: all of the collector, or the one of this second.
    Dumps { at: Option<i64>, options: String, lines: Vec<String>, is_useless: bool },
    /// TABLE_DUMP and AS numbers that do not fit it.
    Trans(Vec<usize>),
    /// Deeds whose UPDATE withdraws many unrelated prefixes first, and the statement that cuts it.
    Filled { peer: usize, at: i64, line: String },
    /// From and to, and perhaps a prefix that is lost.
    Window { from: i64, to: i64, loss: Option<Loss> },
}

/// A prefix that all peers but one lose.
#[derive(Clone, Copy, Debug)]
struct Loss {
    prefix: usize,
    lost: i64,
    back: i64,
    stuck: Option<usize>,
}

/// A claim may be this many seconds off in troubled archives, and more where stamps are.
pub const TOLERANCE: i64 = 60;
/// No reader believes a stamp that is off by more than this: the neighbours of such a record show its time.
const CREDIBLE: i64 = 900;
/// A former address may be believed for this long after another address of its AS has taken over.
const SILENCE: i64 = 900;

impl History {
    /// The history of `seed` with troubles: of one kind, or of any.
    pub fn troubled(seed: u64, kind: Option<Kind>) -> History {
        let mut history = History::random(seed);
        let random = &mut Random::new(seed ^ 0x7472_6f75_626c_6573);
        for _ in 0..random.pick(&[1, 1, 1, 2]) {
            let kind = kind.unwrap_or_else(|| random.pick(&Kind::ALL).0);
            let collector = random.within(0..history.collectors.len() as i64) as usize;
            if let Some(what) = what(random, &history, kind, collector) {
                history.troubles.push(Trouble { kind, collector, what });
            }
        }
        history
    }

    /// The history with its troubles worked in.
    pub fn befallen(&self) -> History {
        let mut history = self.clone();
        for Trouble { collector, what, .. } in &self.troubles {
            history.befall(*collector, what);
        }
        history.deeds.sort_by_key(|(at, ..)| *at);
        // A renumbered router sends nothing under its former name.
        let renamed_at = |trouble: &Trouble, peer: usize| match &trouble.what {
            What::Renumber { peers, at, .. } if peers.contains(&peer) => Some(*at),
            _ => None,
        };
        let gone_from = |peer: usize| {
            let times = self.troubles.iter().filter_map(|trouble| renamed_at(trouble, peer));
            times.min().unwrap_or(i64::MAX)
        };
        let (mut deeds, mut lines) = (std::mem::take(&mut history.deeds), std::mem::take(&mut history.lines));
        deeds.retain(|(at, peer, _)| *at <= gone_from(*peer));
        lines.retain(|line| {
            let of_peer = line.strip_prefix("at ").and_then(|rest| {
                let (at, rest) = rest.split_once(" p")?;
                Some((at.parse::<i64>().ok()?, rest.split(' ').next()?.parse::<usize>().ok()?))
            });
            of_peer.is_none_or(|(at, peer)| at <= gone_from(peer))
        });
        (history.deeds, history.lines) = (deeds, lines);
        // What was to be copied may have been taken away by another trouble.
        let History { lines, dumps, collectors, .. } = &mut history;
        let is_there = |line: &String| {
            let of_dump =
                |dump: &super::history::Dump| format!("{} rib {:+} ", collectors[dump.collector].name, dump.at);
            !line.starts_with("copy ")
                || !line.contains(" rib ")
                || dumps.iter().any(|dump| line.contains(&of_dump(dump)))
        };
        lines.retain(is_there);
        history
    }

    fn befall(&mut self, collector: usize, what: &What) {
        match what {
            What::Lines(lines) => self.lines.extend(lines.iter().cloned()),
            What::Stamps { line, from, to, by, spares_dumps } => {
                self.lines.push(line.clone());
                // The clock that names files is the same.
                self.broken
                    .retain(|broken| broken.is_rib || broken.collector != collector || !line.contains(" clock "));
                let span = from - by.abs() - TOLERANCE..to + by.abs() + TOLERANCE;
                if !spares_dumps {
                    self.remove_dumps(|dump| dump.collector == collector && span.contains(&dump.at));
                }
            }
            What::Hole { from, to } => {
                let name = self.collectors[collector].name;
                self.lines.push(format!("records {name} {from:+} .. {to:+} lost"));
                self.holes.push((collector, *from, *to));
            }
            What::Rhythm(period) => {
                self.broken.retain(|broken| broken.is_rib || broken.collector != collector);
                self.collectors[collector].period = *period;
            }
            What::Renumber { peers, at, after, transfer, is_new_address, without } => {
                self.collectors[collector].options += " present-only";
                for &peer in peers {
                    self.renumber(peer, *at, *after, *transfer, *is_new_address, *without);
                }
            }
            What::Open(resets) => {
                self.collectors[collector].has_opens = true;
                for (peer, at, after, without) in resets {
                    self.deeds.push((*at, *peer, Deed::Down));
                    self.take_away(*peer, at + 1, *without);
                    self.deeds.push((at + 2 + after, *peer, Deed::Up { transfer: 10, ends_with_end_of_rib: true }));
                }
            }
            What::Dumps { at, options, lines, is_useless } => {
                self.peer_lines.extend(lines.iter().cloned());
                let is_meant =
                    |dump: &&mut super::history::Dump| dump.collector == collector && at.is_none_or(|at| at == dump.at);
                for dump in self.dumps.iter_mut().filter(is_meant) {
                    dump.options = format!("{} {options}", dump.options);
                    dump.is_useless |= *is_useless;
                }
            }
            What::Trans(peers) => {
                for (index, peer) in self.peers.iter_mut().enumerate() {
                    // A router that took another address has kept its number.
                    let is_meant = peers.contains(&index) || peer.former.is_some_and(|former| peers.contains(&former));
                    peer.asn += if is_meant { 70_000 } else { 0 };
                }
                self.use_table_dump(collector);
            }
            What::Filled { peer, at, line } => {
                self.filled.push((*at, *peer));
                self.lines.push(line.clone());
            }
            What::Window { from, to, loss } => {
                self.window = (*from, *to);
                if let Some(loss) = loss {
                    self.lose(*loss);
                }
            }
        }
    }

    /// A RIB dump of every collector shows the loss soon after.
    fn lose(&mut self, Loss { prefix, lost, back, stuck }: Loss) {
        let is_about = |deed: &Deed| matches!(deed, Deed::Announce { prefix: p, .. } | Deed::Withdraw { prefix: p, .. } if *p == prefix);
        self.deeds.retain(|(at, _, deed)| *at < lost || *at > back || !is_about(deed));
        for (peer, spec) in self.peers.iter().enumerate() {
            if spec.is_ipv4_only && IPV6 >> prefix & 1 != 0 || stuck == Some(peer) {
                continue;
            }
            for id in 1..=if spec.has_add_path { 2 } else { 1 } {
                self.deeds.push((lost, peer, Deed::Withdraw { prefix, id }));
            }
            if back < END {
                self.deeds.push((back, peer, Deed::Announce { prefix, path: 0, id: 1 }));
            }
        }
        let at = (lost / 60 + 3) * 60;
        for collector in 0..self.collectors.len() {
            if !self.dumps.iter().any(|dump| dump.collector == collector && (dump.at - at).abs() < 300) {
                let options = String::new();
                self.dumps.push(super::history::Dump { collector, at, span: 0, cut: 100, options, is_useless: false });
            }
        }
        self.dumps.sort_by_key(|dump| (dump.collector, dump.at));
    }

    fn remove_dumps(&mut self, is_gone: impl Fn(&super::history::Dump) -> bool) {
        let (gone, kept) = self.dumps.drain(..).partition::<Vec<_>, _>(is_gone);
        self.dumps = kept;
        let is_named =
            |broken: &super::history::Broken| gone.iter().any(|d| (d.collector, d.at) == (broken.collector, broken.at));
        self.broken.retain(|broken| !broken.is_rib || !is_named(broken));
    }

    /// The prefixes of these bits go while the session is down, and come back 20 min later.
    fn take_away(&mut self, peer: usize, at: i64, without: u8) {
        for prefix in (0..PREFIXES.len() - N_CONTROLS).filter(|prefix| without >> prefix & 1 != 0) {
            if self.peers[peer].is_ipv4_only && IPV6 >> prefix & 1 != 0 {
                continue;
            }
            for id in 1..=if self.peers[peer].has_add_path { 2 } else { 1 } {
                self.deeds.push((at, peer, Deed::Withdraw { prefix, id }));
            }
            if at + 1200 < END {
                self.deeds.push((at + 1200, peer, Deed::Announce { prefix, path: 0, id: 1 }));
            }
        }
    }

    /// A second peer takes over the table and the sessions of the first.
    fn renumber(&mut self, peer: usize, at: i64, after: i64, transfer: i64, is_new_address: bool, without: u8) {
        if self.peers[peer].gone_from.is_some() {
            return;
        }
        let new = self.peers.len();
        let mut spec = PeerSpec { is_idle: true, former: Some(peer), ..self.peers[peer].clone() };
        if is_new_address {
            spec.address = if spec.address.contains(':') {
                format!("2001:db8:ff::{:x}", 0x100 + new)
            } else {
                format!("198.51.100.{}", 1 + new)
            };
        } else {
            spec.asn += 5000;
        }
        self.peers.push(spec);
        self.peers[peer].gone_from = Some(at + after + if is_new_address { SILENCE } else { 0 });
        let mut more = Vec::new();
        self.deeds.retain(|(then, who, deed)| {
            if *who != peer {
                return true;
            }
            let is_session = matches!(deed, Deed::Down | Deed::Up { .. });
            if !is_session || *then > at + after {
                more.push((*then, new, *deed));
            }
            // Its session has ended for ever.
            *then <= at
        });
        self.deeds.extend(more);
        self.deeds.push((at, peer, Deed::Down));
        self.take_away(new, at, without);
        self.deeds.push((at + after, new, Deed::Up { transfer, ends_with_end_of_rib: true }));
    }

    /// TABLE_DUMP names peers by addresses of the family of the prefix.
    fn use_table_dump(&mut self, collector: usize) {
        self.collectors[collector].is_v1 = true;
        for (index, peer) in self.peers.iter_mut().enumerate().filter(|(_, peer)| peer.collector == collector) {
            (peer.is_ipv4_only, peer.held) = (true, peer.held & !IPV6);
            if peer.has_add_path {
                (peer.has_add_path, peer.options) = (false, "");
            }
            peer.address = format!("192.0.2.{}", index + 1);
        }
        let peers = &self.peers;
        self.deeds.retain(|(_, peer, deed)| match deed {
            _ if peers[*peer].collector != collector => true,
            Deed::Announce { prefix, id, .. } | Deed::Withdraw { prefix, id } => *id == 1 && IPV6 >> prefix & 1 == 0,
            Deed::RepeatLate { prefix, .. } => IPV6 >> prefix & 1 == 0,
            Deed::Down | Deed::Up { .. } => true,
        });
    }

    /// The names of its kinds of trouble.
    pub fn kinds(&self) -> String {
        let mut kinds: Vec<&str> = self.troubles.iter().map(|trouble| trouble.kind.name()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() { "tidy".to_owned() } else { kinds.join("+") }
    }

    /// Histories in which one part of a trouble is left out.
    pub fn with_less_of(&self, index: usize) -> Vec<History> {
        let n_parts = match &self.troubles[index].what {
            What::Lines(lines) => lines.len(),
            What::Renumber { peers, .. } | What::Trans(peers) => peers.len(),
            What::Open(resets) => resets.len(),
            _ => 0,
        };
        let without = |part: usize| {
            let mut less = self.clone();
            match &mut less.troubles[index].what {
                What::Lines(lines) => drop(lines.remove(part)),
                What::Renumber { peers, .. } | What::Trans(peers) => drop(peers.remove(part)),
                What::Open(resets) => drop(resets.remove(part)),
                _ => {}
            }
            less
        };
        (0..n_parts).filter(|_| n_parts > 1).map(without).collect()
    }

    /// By how many seconds a claim about this second may be off: zero where nothing is in trouble.
    pub fn tolerance(&self, collector: usize, at: i64) -> i64 {
        let own = self.troubles.iter().filter(|trouble| trouble.collector == collector);
        let own = own.filter(|trouble| !trouble.kind.leaves_all_known());
        let off = own.map(|trouble| match trouble.what {
            What::Stamps { from, to, by, .. } if by.abs() <= CREDIBLE => {
                let margin = by.abs() + TOLERANCE;
                if (from - margin..to + margin).contains(&at) { margin } else { TOLERANCE }
            }
            _ => TOLERANCE,
        });
        off.max().unwrap_or(0)
    }

    /// Whether a collector is no longer required to be known.
    pub fn is_in_trouble(&self, collector: usize) -> bool {
        self.troubles.iter().any(|trouble| trouble.collector == collector && !trouble.kind.leaves_all_known())
    }
}

fn what(random: &mut Random, history: &History, kind: Kind, collector: usize) -> Option<What> {
    let spec = &history.collectors[collector];
    let own: Vec<usize> = (0..history.peers.len()).filter(|peer| history.peers[*peer].collector == collector).collect();
    let dumps: Vec<i64> = history.dumps.iter().filter(|dump| dump.collector == collector).map(|dump| dump.at).collect();
    let is_update = |deed: &Deed| matches!(deed, Deed::Announce { .. } | Deed::Withdraw { .. });
    let updates: Vec<(i64, usize)> = (history.deeds.iter())
        .filter(|(_, peer, deed)| own.contains(peer) && is_update(deed))
        .map(|(at, peer, _)| (*at, *peer))
        .collect();
    let name = spec.name;
    Some(match kind {
        Kind::Clock => return clock(random, spec, &own, &updates),
        Kind::Cut | Kind::Garble => {
            let (at, peer) = if updates.is_empty() { return None } else { random.pick(&updates) };
            let way = match (kind, random.within(0..5)) {
                (Kind::Cut, _) => format!("cut {}", random.pick(&[19, 21, 23, 25, 26, 30, 34, 40, 48, 56])),
                (_, 0) => "other-width".to_owned(),
                (_, 1) => "unknown-segment".to_owned(),
                (_, 2) => "bad-length".to_owned(),
                (_, 3) => format!("reserved {}", random.within(1..256)),
                _ => "other-path-ids".to_owned(),
            };
            // Whole tables that are marked wrongly may be read in two ways.
            let is_ambiguous = way == "other-path-ids";
            let is_transfer = |(then, who, deed): &(i64, usize, Deed)| {
                *who == peer && matches!(deed, Deed::Up { .. }) && (then - 1..=then + 301).contains(&at)
            };
            match random.within(0..4) {
                0 if !is_ambiguous => {
                    let to = at + random.pick(&[1, 10, 60, 100]);
                    What::Lines(vec![format!("records {name} {at:+} .. {to:+} {way}")])
                }
                1 if kind == Kind::Cut => {
                    What::Filled { peer, at, line: format!("records p{peer} {at:+} .. {:+} cut 400", at + 1) }
                }
                _ if is_ambiguous && history.deeds.iter().any(is_transfer) => return None,
                _ => What::Lines(vec![format!("records p{peer} {at:+} .. {:+} {way}", at + 1)]),
            }
        }
        Kind::Renumber => {
            let all = random.chance(50);
            let chosen = random.pick(&own);
            What::Renumber {
                peers: own.into_iter().filter(|peer| all || *peer == chosen).collect(),
                at: random.within(-600..END - 1200),
                after: random.pick(&[0, 1, 1, 30]),
                transfer: random.pick(&[0, 0, 10, 60]),
                is_new_address: random.chance(40),
                without: random.within(0..16) as u8,
            }
        }
        Kind::Mapped => match random.chance(50) && !spec.is_v1 {
            true => What::Dumps { at: None, options: "mapped".into(), lines: Vec::new(), is_useless: false },
            false => {
                let from = random.pick(&[START, -600, 900, 2400]);
                What::Lines(vec![format!("records {name} {from:+} .. {END:+} mapped")])
            }
        },
        Kind::Trans => What::Trans(own.into_iter().filter(|_| random.chance(60)).collect()),
        Kind::Open if spec.has_states => return None,
        Kind::Open => {
            let (at, without) = (random.within(-600..END - 1400), random.within(0..16) as u8);
            let some = random.pick(&[20, 60, 100]);
            let reset = |peer: &usize| (*peer, at, 0, without);
            let mut resets: Vec<_> = own.iter().filter(|_| random.chance(some)).map(reset).collect();
            resets.iter_mut().for_each(|(_, at, after, _)| {
                (*at, *after) = (*at + random.within(0..20), random.pick(&[0, 3, 80]));
            });
            What::Open(resets)
        }
        Kind::Second => {
            let some = random.pick(&[30, 100]);
            let at = random.within(-600..END - 60);
            let mut lines = Vec::new();
            let chosen: Vec<usize> = own.into_iter().filter(|_| random.chance(some)).collect();
            for peer in chosen {
                let states = |lines: &mut Vec<String>, at: i64, states: &str| {
                    if spec.has_states {
                        lines.push(format!("at {at:+} p{peer} state {states}"));
                    }
                };
                states(&mut lines, at, random.pick(&["3>4", "2>4"]));
                if random.chance(70) {
                    lines.push(format!("at {at:+} p{peer} open"));
                }
                if random.chance(70) {
                    lines.push(format!("at {:+} p{peer} message 3 06 07", at + 1));
                }
                states(&mut lines, at + 1, random.pick(&["4>7", "4>1", "4>3"]));
                if random.chance(50) {
                    states(&mut lines, at + 2, "7>1");
                }
            }
            What::Lines(lines)
        }
        Kind::Hole => {
            let period = spec.period;
            let length = random.pick(&[300, 420, 600, 840]);
            let slot = random.within(-900 / period..END / period) * period;
            let from = match random.within(0..3) {
                0 => slot,
                1 => slot + period - length,
                _ => slot + random.within(0..period),
            };
            What::Hole { from: from.clamp(START + 60, END - 60), to: (from + length).min(END) }
        }
        Kind::Rhythm => {
            What::Rhythm(if spec.is_ris { random.pick(&[60, 900, 3600]) } else { random.pick(&[300, 3600]) })
        }
        Kind::Double => {
            let is_rib = !dumps.is_empty() && random.chance(25);
            let at = if is_rib { random.pick(&dumps) } else { random.within(-600..END) };
            let slot = if is_rib { at } else { at.div_euclid(spec.period) * spec.period };
            let is_broken = |b: &super::history::Broken| (b.collector, b.is_rib, b.at) == (collector, is_rib, slot);
            if history.broken.iter().any(is_broken) {
                return None;
            }
            let container = if spec.container == "bz2" { "gz" } else { "bz2" };
            let damage = match random.within(0..3) {
                0 => "empty".to_owned(),
                1 => format!("truncate {}%", random.within(1..100)),
                _ => String::new(),
            };
            let file = if is_rib { "rib" } else { "updates" };
            What::Lines(vec![format!("copy {name} {file} {at:+} {container} {damage}")])
        }
        Kind::Nobody if spec.is_v1 => return None,
        Kind::Nobody => {
            let options = random.within(0..4);
            let at = if dumps.is_empty() { None } else { Some(random.pick(&dumps)) };
            if options == 0 {
                return Some(What::Dumps { at, options: "as-zero".into(), lines: Vec::new(), is_useless: true });
            }
            if options == 1 {
                let options = format!("left-over {}", random.pick(&[1, 4, 8]));
                return Some(What::Dumps { at, options, lines: Vec::new(), is_useless: false });
            }
            let who = random.pick(&["AS0 0.0.0.0", "AS0 192.0.2.240", "AS1777 0.0.0.0"]);
            let nobody = format!("nobody{}", history.troubles.len());
            let lines = vec![format!("peer {nobody} {name} {who} idle")];
            let options = format!("stale {nobody} {} \"{}\"", PREFIXES.join(","), PATHS[0]);
            What::Dumps { at: at.filter(|_| random.chance(30)), options, lines, is_useless: false }
        }
        Kind::Twice if dumps.is_empty() => return None,
        Kind::Twice => {
            let at = Some(random.pick(&dumps));
            What::Dumps { at, options: "twice".into(), lines: Vec::new(), is_useless: true }
        }
        Kind::Safi => {
            let from = random.pick(&[START, -600, 600, 2400]);
            let to = if random.chance(50) { END } else { (from + random.within(60..2000)).min(END) };
            What::Lines(vec![format!("records {name} {from:+} .. {to:+} safi 3")])
        }
        Kind::Window => {
            let (at, loss) = match random.chance(60) || updates.is_empty() {
                true => {
                    let lost = random.within(-300..2400);
                    let prefix = random.within(0..(PREFIXES.len() - N_CONTROLS) as i64) as usize;
                    let back = lost + random.pick(&[600, 1500, 2400, 9000]);
                    let stuck = random.within(0..history.peers.len() as i64) as usize;
                    let stuck = Some(stuck).filter(|_| random.chance(70));
                    (lost + 900, Some(Loss { prefix, lost, back, stuck }))
                }
                false => (random.pick(&updates).0, None),
            };
            let from = (at + random.within(-900..300)).clamp(0, END - 600);
            What::Window { from, to: (from + random.within(300..2400)).min(END), loss }
        }
    })
}

/// One record, a burst, the rest of a file or of the archive.
fn clock(random: &mut Random, spec: &CollectorSpec, own: &[usize], updates: &[(i64, usize)]) -> Option<What> {
    let name = spec.name;
    let sign = random.pick(&[1, 1, -1]);
    let (at, peer) = match updates.is_empty() {
        true => (random.within(-600..END), random.pick(own)),
        false => random.pick(updates),
    };
    let end_of_file = (at.div_euclid(spec.period) + 1) * spec.period;
    let stamps = |who: String, to: i64, how: &str, by: i64, spares_dumps: bool| {
        let line = format!("records {who} {at:+} .. {:+} {how} {by:+}", to.min(END));
        Some(What::Stamps { line, from: at, to, by, spares_dumps })
    };
    match random.within(0..6) {
        0 | 1 => {
            let by = sign * random.pick(&[1, 2, 5, 30, 70, 119, 300, 470, 900, 3600, 7200, 18_000]);
            match random.chance(30) {
                true => Some(What::Stamps {
                    line: format!("at {at:+} p{peer} keepalive stamped {:+}", at + by),
                    from: at,
                    to: at + 1,
                    by: 0,
                    spares_dumps: true,
                }),
                false => stamps(format!("p{peer}"), at + 1, "stamp", by, true),
            }
        }
        2 => {
            let by = sign * random.pick(&[5, 60, 300, 470, 1800, 7200]);
            stamps(name.into(), at + random.within(1..60), "stamp", by, false)
        }
        3 => stamps(name.into(), END, "clock", sign * random.pick(&[10, 60, 120, 300]), false),
        4 => stamps(name.into(), end_of_file, "stamp", sign * random.pick(&[10, 60, 120, 300]), false),
        _ => {
            let (who, to) = match random.within(0..3) {
                0 => (format!("p{peer}"), at + 1),
                1 => (name.to_owned(), at + random.within(1..200)),
                _ => (name.to_owned(), END),
            };
            let micros = random.within(1_000_000..1_000_000_000);
            Some(What::Lines(vec![format!("records {who} {at:+} .. {:+} micros {micros}", to.min(END))]))
        }
    }
}
