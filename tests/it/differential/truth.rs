//! What every vantage point held, second by second, and what a reader of the files may or must claim about it.
//!
//! This oracle shares no code with the program. It follows sessions and tables one second after the other; the files
//! only determine what can be known.

use super::history::{CollectorSpec, Damage, Deed, Dump, END, History, IPV6, PREFIXES, START};

/// A claim that is true, or that the records do not contradict: the vantage point holds the prefix, or lacks it.
pub const HOLDS: u8 = 1;
pub const LACKS: u8 = 2;
/// Every reader must make the one claim that is true.
pub const KNOWN: u8 = 4;

const N_SECONDS: usize = (END - START) as usize;
/// How long a RIB dump may show its tables if no update file follows it.
const SNAPSHOT: i64 = 61;
/// How long before a missing file the file before it may seem to continue.
const LATE: i64 = 30;
/// A table transfer without an end is over after a quarter of an hour.
const TRANSFER: i64 = 900;
const N_PREFIXES: usize = PREFIXES.len();

pub struct Truth {
    /// By peer and prefix, a set of claims per second.
    claims: Vec<[Vec<u8>; N_PREFIXES]>,
    /// Whether any dump shows beyond doubt which feeds are partial.
    pub tells_partial: bool,
    /// Per prefix: peers that certainly, and those that perhaps, count as normally carrying it.
    pub certain_baseline: [Vec<usize>; N_PREFIXES],
    pub possible_baseline: [Vec<usize>; N_PREFIXES],
    /// Per prefix: peers that a RIB dump beyond doubt lists with it, and when that dump was done.
    listed: [Vec<(usize, i64)>; N_PREFIXES],
}

impl Truth {
    /// Peers that carried the prefix by a RIB dump that was done before `at`.
    pub fn carriers(&self, prefix: usize, at: i64) -> impl Iterator<Item = usize> {
        self.listed[prefix].iter().filter(move |(_, done)| *done < at).map(|(peer, _)| *peer)
    }

    pub fn claims(&self, peer: usize, prefix: usize, at: i64) -> u8 {
        self.claims[peer][prefix][(at - START) as usize]
    }
}

/// What a peer really holds, and whether its session is up.
struct Life {
    /// Per second: prefixes held.
    held: Vec<u8>,
    is_up: Vec<bool>,
    /// Whether the session is up and the whole table has been sent in it.
    is_full: Vec<bool>,
    /// Whether the table is complete by an End-of-RIB, or has been since the start.
    is_ended: Vec<bool>,
    /// As `is_full`, and no reader may still wait for the rest of the table.
    is_settled: Vec<bool>,
    /// Prefixes that the records last show as held, and those for which they may as well show the opposite.
    recorded: Vec<u8>,
    in_doubt: Vec<u8>,
    /// Seconds at which messages about single prefixes were recorded: per second, which.
    named: Vec<u8>,
    /// When the session closed or began anew.
    breaks: Vec<i64>,
}

fn index(at: i64) -> usize {
    (at - START) as usize
}

impl Life {
    fn follow(history: &History, peer: usize) -> Life {
        let mut life = Life {
            held: vec![0; N_SECONDS],
            is_up: vec![false; N_SECONDS],
            is_full: vec![false; N_SECONDS],
            is_ended: vec![false; N_SECONDS],
            is_settled: vec![false; N_SECONDS],
            recorded: vec![0; N_SECONDS],
            in_doubt: vec![0; N_SECONDS],
            named: vec![0; N_SECONDS],
            breaks: Vec::new(),
        };
        let spec = &history.peers[peer];
        // Paths held per prefix, a bit for each identifier.
        let mut paths: [u8; N_PREFIXES] = std::array::from_fn(|prefix| spec.held >> prefix & 1);
        let mut deeds = history.deeds.iter().filter(|(_, who, _)| *who == peer).peekable();
        let (mut is_up, mut sent_at, mut has_end) = (!spec.is_idle, START, true);
        let has_opens = history.collectors[spec.collector].has_opens;
        let is_lost = |at: i64| is_lost(history, spec.collector, at);
        let (mut recorded, mut in_doubt) = (if spec.is_idle { 0 } else { spec.held }, 0);
        for at in START..END {
            let mut named = 0;
            while let Some((_, _, deed)) = deeds.next_if(|(then, ..)| *then == at) {
                if let Deed::Announce { prefix, .. } | Deed::Withdraw { prefix, .. } | Deed::RepeatLate { prefix, .. } =
                    *deed
                    && is_up
                {
                    named |= 1 << prefix;
                    in_doubt &= !(1 << prefix);
                }
                match *deed {
                    Deed::Announce { prefix, id, .. } => {
                        paths[prefix] |= 1 << (id - 1);
                        recorded |= u8::from(is_up) << prefix;
                    }
                    Deed::Withdraw { prefix, id } => {
                        paths[prefix] &= !(1 << (id - 1));
                        if is_up && paths[prefix] == 0 {
                            recorded &= !(1 << prefix);
                        }
                    }
                    Deed::RepeatLate { .. } => {}
                    Deed::Down => {
                        // What of an unfinished transfer was sent is not followed here.
                        in_doubt |= if is_up && at < sent_at { u8::MAX } else { 0 };
                        is_up = false;
                        life.breaks.push(at);
                    }
                    Deed::Up { transfer, ends_with_end_of_rib } => {
                        in_doubt |= if is_up && at < sent_at { u8::MAX } else { 0 };
                        (is_up, sent_at, has_end) = (true, at + transfer, ends_with_end_of_rib);
                        // The OPEN shows that the former table is gone.
                        recorded &= if has_opens { 0 } else { u8::MAX };
                        in_doubt |= if has_opens && is_lost(at) { u8::MAX } else { 0 };
                        life.breaks.push(at);
                    }
                }
            }
            let held = (0..N_PREFIXES).fold(0, |held, prefix| held | u8::from(paths[prefix] != 0) << prefix);
            if is_up && at >= sent_at {
                recorded |= held;
                in_doubt &= !held;
            }
            let now = index(at);
            life.held[now] = held;
            life.is_up[now] = is_up;
            life.is_full[now] = is_up && at >= sent_at;
            life.is_ended[now] = is_up && at >= sent_at && has_end;
            life.is_settled[now] = life.is_full[now] && (has_end || at > sent_at + TRANSFER);
            (life.recorded[now], life.in_doubt[now]) = (recorded, in_doubt);
            life.named[now] = named;
        }
        life
    }

    fn is_full_throughout(&self, dump: &Dump) -> bool {
        (dump.at - 1..=dump.at + dump.span + 1).all(|at| self.is_full[index(at.min(END - 1))])
    }

    fn is_settled_throughout(&self, dump: &Dump) -> bool {
        (dump.at - 1..=dump.at + dump.span + 1).all(|at| self.is_settled[index(at.min(END - 1))])
    }
}

/// Whether records of a collector of that second are missing or damaged.
fn is_lost(history: &History, collector: usize, at: i64) -> bool {
    let period = history.collectors[collector].period;
    let broken = history.broken.iter().filter(|b| b.collector == collector && !b.is_rib && !b.damage.is_harmless());
    let broken = broken.map(|broken| (broken.at, broken.at + period));
    let holes = history.holes.iter().filter(|(who, ..)| *who == collector).map(|(_, from, to)| (*from, *to));
    broken.chain(holes).any(|(from, to)| (from..to).contains(&at))
}

/// An interval for which the files of a collector are missing or damaged.
struct Hole {
    from: i64,
    to: i64,
    /// Nothing of it can be read.
    is_whole: bool,
}

/// A RIB dump and its qualities.
struct Judged {
    dump: Dump,
    /// It is whole and lists nearly all peers: no reader may reject it.
    is_good: bool,
    /// A reader may be able to use it.
    is_readable: bool,
    /// Nothing happened to its file.
    is_unbroken: bool,
    /// It lacks records, and a reader need not notice.
    may_pass: bool,
}

impl Judged {
    fn done_at(&self) -> i64 {
        self.dump.at + self.dump.span
    }
}

impl Truth {
    pub fn of(history: &History) -> Truth {
        let lives: Vec<Life> = (0..history.peers.len()).map(|peer| Life::follow(history, peer)).collect();
        let of_collector = |collector: usize| -> Vec<usize> {
            (0..lives.len()).filter(|peer| history.peers[*peer].collector == collector).collect()
        };
        let n_collectors = history.collectors.len();
        let holes: Vec<Vec<Hole>> =
            (0..n_collectors).map(|collector| holes(history, &lives, collector, &of_collector(collector))).collect();
        let dumps: Vec<Vec<Judged>> = (0..n_collectors)
            .map(|collector| judged(history, &lives, &holes[collector], collector, &of_collector(collector)))
            .collect();
        let has_dump = dumps.iter().flatten().any(|dump| dump.is_readable);
        let tells_partial = dumps.iter().flatten().any(|dump| dump.is_good);
        let claims = (0..lives.len())
            .map(|peer| {
                let collector = history.peers[peer].collector;
                let mut claims = claims(history, peer, &lives[peer], &holes[collector], &dumps[collector], has_dump);
                if history.peers[peer].is_partial && tells_partial {
                    claims.iter_mut().for_each(|claims| claims.fill(0));
                }
                trouble(history, peer, &lives, &mut claims);
                claims
            })
            .collect();
        let baseline = |is_certain: bool| {
            std::array::from_fn(|prefix| {
                let normally = |peer: &usize| {
                    let dumps = &dumps[history.peers[*peer].collector];
                    let holds = |at: i64| lives[*peer].held[index(at.min(END - 1))] >> prefix & 1 != 0;
                    let shows = |judged: &Judged| {
                        let span = judged.dump.at..=judged.done_at();
                        lives[*peer].is_full_throughout(&judged.dump) && span.clone().all(holds)
                    };
                    if history.peers[*peer].is_partial && (tells_partial || is_certain) {
                        return false;
                    }
                    match is_certain {
                        // Either may be the one that seeds the replay.
                        true => {
                            let before = || dumps.iter().filter(|judged| judged.done_at() < history.window.0 - 600);
                            before().any(|judged| judged.is_good) && before().all(shows)
                        }
                        // Without a dump, a withdrawal implies that the peer held the prefix.
                        false => {
                            let names = |at: i64| lives[*peer].named[index(at)] >> prefix & 1 != 0;
                            (START..END).any(|at| holds(at) || !tells_partial && names(at))
                        }
                    }
                };
                (0..lives.len()).filter(normally).collect()
            })
        };
        let listed = std::array::from_fn(|prefix| {
            let is_listed = |peer: usize, judged: &Judged| {
                let mut span = judged.dump.at - 1..=(judged.done_at() + 1).min(END - 1);
                judged.is_good
                    && !history.peers[peer].is_partial
                    && lives[peer].is_settled_throughout(&judged.dump)
                    && span.all(|at| lives[peer].held[index(at)] >> prefix & 1 != 0)
            };
            let of_peer = |peer: usize| {
                let own = dumps[history.peers[peer].collector].iter();
                own.filter(move |judged| is_listed(peer, judged)).map(move |judged| (peer, judged.done_at()))
            };
            (0..lives.len()).flat_map(of_peer).collect()
        });
        Truth { listed, certain_baseline: baseline(true), possible_baseline: baseline(false), claims, tells_partial }
    }
}

fn holes(history: &History, lives: &[Life], collector: usize, peers: &[usize]) -> Vec<Hole> {
    let period = history.collectors[collector].period;
    let lost = history.holes.iter().filter(|(who, ..)| *who == collector);
    let mut holes: Vec<Hole> = lost.map(|(_, from, to)| Hole { from: *from, to: *to, is_whole: false }).collect();
    for slot in (START.div_euclid(period) * period..END).step_by(period as usize) {
        let (from, to) = (slot.max(START), (slot + period).min(END));
        let broken = history.broken.iter().find(|b| b.collector == collector && !b.is_rib && b.at == slot);
        let broken = broken.filter(|broken| !broken.damage.is_harmless());
        // If all peers are silent, a pause cannot be distinguished from a loss.
        let speaks = |peer: &usize| (from..to).all(|at| lives[*peer].is_up[index(at)]);
        if broken.is_some() || !peers.iter().any(speaks) {
            holes.push(Hole { from, to, is_whole: broken.is_some_and(|broken| broken.damage.is_whole()) });
        }
    }
    holes
}

fn judged(history: &History, lives: &[Life], holes: &[Hole], collector: usize, peers: &[usize]) -> Vec<Judged> {
    let own = history.dumps.iter().filter(|dump| dump.collector == collector);
    let judge = |dump: &Dump| {
        let broken = history.broken.iter().find(|b| b.collector == collector && b.is_rib && b.at == dump.at);
        // Bytes after a whole container take nothing from it; without a container they are a record that cannot be read.
        let has_end = history.collectors[collector].container != "plain";
        let is_trailing = |damage: &Damage| matches!(damage, Damage::Break("trailing-garbage", _));
        let is_whole = |damage: &Damage| damage.is_harmless() || has_end && is_trailing(damage);
        let broken = broken.filter(|broken| !is_whole(&broken.damage));
        let n_listed = peers.iter().filter(|peer| lives[**peer].is_full_throughout(dump)).count();
        let in_hole = holes.iter().any(|hole| dump.at <= hole.to && dump.at + dump.span >= hole.from);
        Judged {
            dump: dump.clone(),
            is_good: broken.is_none()
                && dump.cut == 100
                && !dump.is_useless
                && !in_hole
                && n_listed * 4 >= peers.len() * 3,
            is_readable: broken.is_none_or(|broken| !broken.damage.is_whole()),
            is_unbroken: broken.is_none(),
            may_pass: broken.is_none() && (dump.cut < 100 || dump.is_useless),
        }
    };
    let mut judged: Vec<Judged> = own.map(judge).collect();
    // Where most are cut, and alike, the whole ones seem to hold too much.
    let n_cut = judged.iter().filter(|judged| judged.dump.cut < 100).count();
    let is_outvoted = n_cut > 1 && n_cut * 2 > judged.len() - 1;
    judged.iter_mut().for_each(|judged| judged.is_good &= !is_outvoted);
    // What is left of a table shows only beside the next one that is whole, and those before the one that seeds are
    // not read.
    for index in 0..judged.len() {
        let next = judged[index + 1..].iter().find(|later| later.is_unbroken);
        judged[index].may_pass &= !next.is_some_and(|next| next.is_good);
    }
    judged
}

/// The claims that are allowed and required about one peer.
fn claims(
    history: &History,
    peer: usize,
    life: &Life,
    holes: &[Hole],
    dumps: &[Judged],
    has_dump: bool,
) -> [Vec<u8>; N_PREFIXES] {
    let spec = &history.peers[peer];
    let CollectorSpec { has_states, has_opens, .. } = history.collectors[spec.collector];
    let is_lost = |at: i64| is_lost(history, spec.collector, at);
    let truth = |at: i64, prefix: usize| if life.held[index(at)] >> prefix & 1 != 0 { HOLDS } else { LACKS };
    let dumps_are_good = dumps.iter().any(|judged| judged.is_good);
    let known = known(spec.is_partial, has_states, life, holes, dumps);
    let mut claims: [Vec<u8>; N_PREFIXES] = std::array::from_fn(|_| vec![0; N_SECONDS]);
    // Without state changes a closed session is not visible until a dump shows which peers are present.
    let mut is_stale = false;
    // What the latest dump that shows the whole table lacks, and no message has named since: beyond doubt, and if that
    // dump counts.
    let (mut gone, mut perhaps_gone) = (0, 0);
    // Since the last interval of which nothing is left: prefixes named again.
    let mut named_again = u8::MAX;
    for at in START..END {
        let now = index(at);
        let breaks = life.breaks.contains(&at);
        is_stale |= breaks && (!has_states || is_lost(at));
        is_stale &= !(breaks && has_opens && life.is_up[now] && !is_lost(at));
        let mut just_done = dumps.iter().filter(|judged| judged.done_at() + 1 == at && judged.is_readable);
        if let Some(judged) = just_done.find(|judged| life.is_full_throughout(&judged.dump)) {
            perhaps_gone = !life.held[now];
            if judged.is_good {
                (is_stale, gone) = (false, perhaps_gone);
            }
        }
        let shown = life.named[now] | if life.is_full[now] { life.held[now] } else { 0 };
        (gone, perhaps_gone) = (gone & !shown, perhaps_gone & !shown);
        // A file covers one interval from its first record on, so its end is not known to the second.
        let is_dark = holes.iter().any(|hole| hole.is_whole && hole.from + LATE <= at && at < hole.to);
        let in_whole_hole = holes.iter().any(|hole| hole.is_whole && hole.from <= at && at < hole.to);
        if in_whole_hole {
            named_again = 0;
        } else {
            named_again |= life.named[now];
            // A dump, or a complete table transfer, shows every prefix.
            let is_dumped = dumps.iter().any(|judged| judged.is_readable && judged.done_at() == at);
            let is_sent = now > 0 && life.is_full[now] && !life.is_full[now - 1];
            let is_begun = life.breaks.contains(&at) && life.is_up[now];
            if is_dumped || is_sent || is_begun {
                named_again = u8::MAX;
            }
        }
        for (prefix, claims) in claims.iter_mut().enumerate() {
            let bit = 1 << prefix;
            let mut set = 0;
            if life.is_up[now] {
                set |= truth(at, prefix);
            }
            if is_stale {
                set |= if life.recorded[now] & !gone & bit != 0 { HOLDS } else { LACKS };
                set |= if life.in_doubt[now] & bit != 0 { HOLDS | LACKS } else { 0 };
                set |= if perhaps_gone & bit != 0 { LACKS } else { 0 };
            }
            // A dump in the middle of a transfer that nothing announced shows a table without what is still to come.
            let begun = life.breaks.iter().rfind(|begun| **begun <= at);
            let is_in_dump = |begun: &i64| dumps.iter().any(|d| *begun <= d.done_at() + 1 && d.dump.at - 1 <= at);
            if is_stale && life.is_up[now] && !life.is_full[now] && begun.is_some_and(is_in_dump) {
                set |= LACKS;
            }
            if has_dump && named_again & bit == 0 && (is_dark || !in_whole_hole) {
                set = 0;
            }
            if !dumps_are_good {
                // Perhaps no dump counts, and then who withdraws a prefix is taken to have held it, since the latest
                // hole at most.
                set |= HOLDS;
            }
            if is_dark {
                set = 0;
            }
            claims[now] = set | if known[now] && set != 0 { KNOWN } else { 0 };
        }
    }
    for judged in dumps {
        let in_hole = holes.iter().any(|hole| judged.dump.at <= hole.to && judged.done_at() >= hole.from);
        // While a dump is written, and in its own seconds, the order of events is not defined.
        let fuzzy = judged.dump.at - 1..=judged.done_at() + 1;
        let until = if in_hole { judged.done_at() + SNAPSHOT } else { *fuzzy.end() };
        for (prefix, claims) in claims.iter_mut().enumerate() {
            let mut seen = 0;
            for at in (*fuzzy.start()..=until).filter(|at| (START..END).contains(at)) {
                seen |= truth(at, prefix);
            }
            for at in (*fuzzy.start()..=until).filter(|at| (START..END).contains(at)) {
                claims[index(at)] = (claims[index(at)] | seen) & !KNOWN;
            }
        }
    }
    // A dump in the middle of an unrecorded transfer contradicts what was known until then. A reader that believes it
    // no longer knows since when, because the last message about a prefix may be as old as the archive.
    let is_in_transfer = |judged: &&Judged| {
        let begun = life.breaks.iter().rfind(|begun| **begun <= judged.done_at());
        begun.is_some() && !life.is_full_throughout(&judged.dump)
    };
    if let Some(judged) = dumps.iter().rfind(|judged| !has_states && is_in_transfer(judged)) {
        let until = index(judged.done_at().clamp(START, END - 1));
        claims.iter_mut().flat_map(|claims| &mut claims[..=until]).for_each(|claim| *claim &= !KNOWN);
    }
    // A route that was withdrawn while the session was closed, unrecorded: the dump contradicts the updates, and the
    // last message that agrees with it may be as old as the dump before.
    for judged in dumps.iter().filter(|_| !has_states) {
        let done = index(judged.done_at().clamp(START, END - 1));
        let contradicted = life.recorded[done] & !life.held[done];
        for (prefix, claims) in claims.iter_mut().enumerate().filter(|(prefix, _)| contradicted >> prefix & 1 != 0) {
            let named = life.named[..done].iter().rposition(|named| named >> prefix & 1 != 0);
            let dumped = dumps.iter().map(|other| other.done_at()).filter(|at| *at < judged.done_at()).max();
            let agrees = named.max(dumped.map(|at| index(at.max(START)))).unwrap_or(0);
            claims[agrees..=done].iter_mut().for_each(|claim| *claim &= !KNOWN);
        }
    }
    for (prefix, claims) in claims.iter_mut().enumerate() {
        if spec.is_ipv4_only && IPV6 >> prefix & 1 != 0 {
            claims.fill(0);
        }
    }
    claims
}

/// Removes from the claims about one peer what the troubles of its collector make unknown.
fn trouble(history: &History, peer: usize, lives: &[Life], claims: &mut [Vec<u8>; N_PREFIXES]) {
    let spec = &history.peers[peer];
    if let Some(from) = spec.gone_from {
        claims.iter_mut().for_each(|claims| claims[index(from.clamp(START, END - 1))..].fill(0));
    }
    if !history.is_in_trouble(spec.collector) {
        return;
    }
    let margins: Vec<usize> = (START..END).map(|at| history.tolerance(spec.collector, at) as usize).collect();
    for claims in claims.iter_mut() {
        let was: Vec<u8> = claims.clone();
        claims.fill(0);
        for claim in [HOLDS, LACKS] {
            // How many of the seconds before have it.
            let mut n_before = vec![0u32];
            for was in &was {
                n_before.push(n_before.last().copied().unwrap_or(0) + u32::from(was & claim != 0));
            }
            for now in 0..N_SECONDS {
                let (from, to) = (now.saturating_sub(margins[now]), (now + margins[now] + 1).min(N_SECONDS));
                claims[now] |= if n_before[to] > n_before[from] { claim } else { 0 };
            }
        }
    }
    // If all peers are silent, a hole cannot be distinguished from a pause.
    for (_, from, to) in history.holes.iter().filter(|(who, ..)| *who == spec.collector) {
        let speaks = |other: &usize| {
            history.peers[*other].collector == spec.collector && (*from..*to).all(|at| lives[*other].is_up[index(at)])
        };
        if !(0..lives.len()).any(|other| speaks(&other)) {
            claims.iter_mut().flat_map(|claims| &mut claims[index(*from)..]).for_each(|claim| *claim |= HOLDS | LACKS);
        }
    }
}

/// The seconds at which every reader must know the whole table.
fn known(is_partial: bool, has_states: bool, life: &Life, holes: &[Hole], dumps: &[Judged]) -> Vec<bool> {
    let mut known = vec![false; N_SECONDS];
    // The peer was in the last dump, and the files have been whole ever since.
    let (mut is_followed, mut is_known, mut n_bad) = (false, false, 0);
    for at in START..END {
        let now = index(at);
        for judged in dumps.iter().filter(|judged| judged.done_at() + 1 == at) {
            let is_listed = life.is_settled_throughout(&judged.dump);
            n_bad = if judged.is_good { 0 } else { n_bad + 1 };
            if judged.is_good {
                (is_followed, is_known) = (is_listed, is_listed);
            } else if !is_listed || n_bad > 1 || judged.may_pass {
                (is_followed, is_known) = (false, false);
            }
        }
        if holes.iter().any(|hole| hole.from <= at && at < hole.to) {
            (is_followed, is_known) = (false, false);
        }
        if life.breaks.contains(&at) {
            is_known = false;
            is_followed &= has_states;
        }
        if is_followed && !is_known && now > 0 && life.is_ended[now] && life.is_ended[now - 1] {
            is_known = true;
        }
        known[now] = is_known && !is_partial;
    }
    if !has_states {
        // The next dump may show that the session was lost, and no more than its last message shows when.
        for lost in &life.breaks {
            let last = (START..*lost).rev().find(|at| life.named[index(*at)] != 0).unwrap_or(START);
            known[index(last)..index(*lost)].fill(false);
        }
    }
    known
}
