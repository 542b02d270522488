//! What libbz2-rs makes of a stream, and streams of all kinds to compare it with.

#[path = "../../examples/bunzip/stream.rs"]
mod stream;

use bzip2::{Compress, Compression, Decompress, Status};
use outage_replay_bzip2::{BLOCK_MAGIC, Content, Decoder, END_MAGIC, Error};

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Whole,
    /// Also if a checksum does not fit: libbz2 does not distinguish them.
    Invalid,
    Cut,
}

/// The content that libbz2-rs returns if it is called with buffers of `n_max` octets, and the verdict.
pub fn libbz2(stream: &[u8], n_max: usize) -> (Vec<u8>, Verdict) {
    let mut decoder = Decompress::new(false);
    let mut content = Vec::new();
    let (mut buffer, mut n) = (vec![0; n_max], 0);
    let verdict = loop {
        let (n_read, n_written) = (decoder.total_in(), decoder.total_out());
        let rest = stream.get(n_read as usize..).unwrap_or_default();
        let status = decoder.decompress(rest, &mut buffer[n..]);
        n += (decoder.total_out() - n_written) as usize;
        match status {
            Ok(Status::StreamEnd) => break Verdict::Whole,
            Ok(_) if decoder.total_in() > n_read || decoder.total_out() > n_written => {}
            Ok(_) => break Verdict::Cut,
            Err(_) => break Verdict::Invalid,
        }
        if n == n_max {
            content.extend_from_slice(&buffer);
            n = 0;
        }
    };
    content.extend_from_slice(&buffer[..n]);
    (content, verdict)
}

/// Our decoder, to be used again.
#[derive(Default)]
pub struct Ours {
    decoder: Decoder,
    content: Content,
}

impl Ours {
    /// The same of this crate.
    pub fn decode(&mut self, stream: &[u8], n_max: usize) -> (Vec<u8>, Verdict) {
        let mut content = Vec::new();
        let result = stream::decode(&mut self.decoder, &mut self.content, stream, n_max, |piece| {
            assert!(piece.len() <= n_max);
            content.extend_from_slice(piece);
        });
        let verdict = match result {
            Ok(_) => Verdict::Whole,
            Err(Error::Cut) => Verdict::Cut,
            Err(_) => Verdict::Invalid,
        };
        (content, verdict)
    }

    /// Panics if the decoders differ; returns what they agree on.
    pub fn compare(&mut self, stream: &[u8], n_max: usize) -> (Vec<u8>, Verdict) {
        let expected = libbz2(stream, n_max);
        let found = self.decode(stream, n_max);
        if found != expected {
            let file = std::env::temp_dir().join("outage-replay-bzip2-differs.bz2");
            std::fs::write(&file, stream).expect("a temporary file");
            panic!(
                "{} octets and {:?} instead of {} and {:?}, in pieces of {n_max}: {}",
                found.0.len(),
                found.1,
                expected.0.len(),
                expected.1,
                file.display()
            );
        }
        found
    }
}

/// A stream of this content.
pub fn compressed(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = Compress::new(Compression::new(level), 0);
    let mut stream = Vec::with_capacity(content.len() + content.len() / 50 + 1000);
    let mut status = Status::Ok;
    while status != Status::StreamEnd {
        let rest = content.get(encoder.total_in() as usize..).unwrap_or_default();
        status = encoder.compress_vec(rest, &mut stream, bzip2::Action::Finish).expect("compression");
        stream.reserve(1000);
    }
    stream
}

/// splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Mostly small, at most `n`.
    pub fn small(&mut self, n: usize) -> usize {
        let limit = self.below(n + 1);
        self.below(limit + 1)
    }
}

/// The length of a buffer.
pub fn n_max(random: &mut Random) -> usize {
    [1, 2, 7, 100, 1000, 4096, 65_536, 1 << 20][random.below(8)]
}

/// Content of up to about `n` octets.
pub fn content(random: &mut Random, n: usize) -> Vec<u8> {
    let n = random.small(n);
    let mut content = Vec::with_capacity(n + 1000);
    let n_values = 1 + random.small(255);
    let (max_run, max_copy) = (1 + random.small(600), 1 + random.small(3000));
    let kind = random.below(6);
    while content.len() < n {
        match kind {
            // Noise.
            0 => content.push(random.below(n_values) as u8),
            // Runs.
            1 => {
                let (value, n) = (random.below(n_values) as u8, 1 + random.below(max_run));
                content.resize(content.len() + n, value);
            }
            // The same, mostly short.
            2 => {
                let (value, n) = (random.below(n_values) as u8, 1 + random.small(8));
                content.resize(content.len() + n, value);
            }
            // One period.
            3 if content.len() > n_values => content.push(content[content.len() - n_values]),
            // Copies of what came before, as in archives.
            4 | 5 if content.len() > 20 && !random.once_in(4) => {
                let n_copied = 1 + random.below(max_copy.min(content.len()));
                let from = random.below(content.len() - n_copied + 1);
                content.extend_from_within(from..from + n_copied);
            }
            _ => content.push((random.next() >> 7) as u8),
        }
    }
    content
}

/// A damaged copy of a stream.
pub fn damaged(random: &mut Random, stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    for _ in 0..1 + random.small(3) {
        if stream.is_empty() {
            break;
        }
        // Half of the damages are where headers and tables of a first block are.
        let near = if random.once_in(2) { stream.len() } else { stream.len().min(200) };
        let at = random.below(near);
        match random.below(9) {
            0..=3 => stream[at] ^= 1 << random.below(8),
            4 => stream[at] = random.next() as u8,
            5 => stream.truncate(at),
            6 => drop(stream.remove(at)),
            7 => stream.insert(at, random.next() as u8),
            _ => {
                let n = random.below(stream.len() - at).min(40);
                stream[at..at + n].iter_mut().for_each(|octet| *octet = random.next() as u8);
            }
        }
    }
    stream
}

/// Bits, most significant first.
#[derive(Default)]
struct Writer {
    octets: Vec<u8>,
    n_bits: usize,
}

impl Writer {
    fn put(&mut self, value: u64, n: usize) {
        for bit in (0..n).rev() {
            if self.n_bits.is_multiple_of(8) {
                self.octets.push(0);
            }
            if let Some(last) = self.octets.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.n_bits % 8);
            }
            self.n_bits += 1;
        }
    }
}

/// A stream of one block, field by field.
#[derive(Clone, Default)]
pub struct Plan {
    pub level: u8,
    pub checksum: u32,
    pub is_randomised: bool,
    pub origin: usize,
    /// Which values occur, by their high 4 bits and by their low ones.
    pub ranges: u16,
    pub members: Vec<u16>,
    pub n_tables: usize,
    /// The place of each table among those used last.
    pub selectors: Vec<usize>,
    /// The first number of each table, if it is not its first length, and the lengths.
    pub tables: Vec<(Option<usize>, Vec<usize>)>,
    pub items: Vec<Item>,
}

/// What follows the tables.
#[derive(Clone, Copy)]
pub enum Item {
    /// The code of a symbol in the table that is in use; nothing if it has none.
    Symbol(usize),
    /// So many low bits of a number.
    Bits(u64, usize),
}

impl Plan {
    /// A block of level 1 with the values 0 to 3, two tables of these lengths for six symbols, and these symbols.
    #[allow(dead_code)]
    pub fn of(lengths: [usize; 6], symbols: &[usize]) -> Plan {
        Plan {
            level: 1,
            ranges: 0x8000,
            members: vec![0xf000],
            n_tables: 2,
            selectors: vec![0; symbols.len().div_ceil(50)],
            tables: vec![(None, lengths.to_vec()); 2],
            items: symbols.iter().map(|symbol| Item::Symbol(*symbol)).collect(),
            ..Plan::default()
        }
    }

    pub fn n_values(&self) -> usize {
        self.members.iter().map(|members| members.count_ones() as usize).sum()
    }

    pub fn stream(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.put(0x42_5a68, 24);
        to.put(u64::from(b'0' + self.level), 8);
        to.put(BLOCK_MAGIC, 48);
        to.put(u64::from(self.checksum), 32);
        to.put(u64::from(self.is_randomised), 1);
        to.put(self.origin as u64, 24);
        to.put(u64::from(self.ranges), 16);
        self.members.iter().for_each(|members| to.put(u64::from(*members), 16));
        to.put(self.n_tables as u64, 3);
        to.put(self.selectors.len() as u64, 15);
        let mut order: Vec<usize> = (0..8).collect();
        let mut used = Vec::new();
        for rank in &self.selectors {
            to.put((1 << (rank + 1)) - 2, rank + 1);
            order[..=*rank].rotate_right(1);
            used.push(order[0]);
        }
        for (first, lengths) in &self.tables {
            let mut last = first.unwrap_or(lengths[0]);
            to.put(last as u64, 5);
            for length in lengths {
                while last != *length {
                    to.put(if last < *length { 0b10 } else { 0b11 }, 2);
                    last = if last < *length { last + 1 } else { last - 1 };
                }
                to.put(0, 1);
            }
        }
        let codes: Vec<Vec<(u64, usize)>> = self.tables.iter().map(|(_, lengths)| codes(lengths)).collect();
        for (index, item) in self.items.iter().enumerate() {
            let table = used.get(index / 50).and_then(|table| codes.get(*table));
            match *item {
                Item::Bits(bits, n) => to.put(bits, n),
                Item::Symbol(symbol) => {
                    let (code, length) = table.and_then(|codes| codes.get(symbol)).copied().unwrap_or_default();
                    to.put(code, length);
                }
            }
        }
        to.put(END_MAGIC, 48);
        to.put(u64::from(self.checksum), 32);
        to.octets
    }
}

/// A stream of one block that no compressor writes: random tables, lengths, rows. Most are blocks, some are nearly.
pub fn crafted(random: &mut Random) -> Vec<u8> {
    let most = if random.once_in(6) { 20_000 } else { 1500 };
    let n_symbols = random.small(most);
    // Values that occur.
    let density = random.below(4);
    let mut set = || match random.below(3) {
        0 => 1 << random.below(16),
        _ => (0..density).fold(random.next(), |all, _| all & random.next()) as u16,
    };
    let ranges = set();
    let members = (0..ranges.count_ones()).map(|_| set()).collect();
    let mut plan = Plan {
        level: 1 + random.small(8) as u8,
        checksum: random.next() as u32,
        is_randomised: random.once_in(4),
        origin: match random.below(12) {
            0 => 899_990 + random.below(30),
            1 => 99_990 + random.below(30),
            2 => random.below(1 << 24),
            3 => random.below(20_000),
            _ => random.small(n_symbols / 2),
        },
        ranges,
        members,
        n_tables: if random.once_in(20) { random.below(8) } else { 2 + random.below(5) },
        ..Plan::default()
    };
    let n_selectors = match random.below(40) {
        0 => 0,
        1 => 18_000 + random.below(10),
        2 => random.below(1 << 15),
        3 => n_symbols.div_ceil(50).saturating_sub(1),
        _ => n_symbols.div_ceil(50) + 1 + random.small(3),
    };
    for _ in 0..n_selectors {
        let limit = if random.once_in(3000) { 8 } else { plan.n_tables.clamp(1, 6) };
        plan.selectors.push(random.small(limit - 1));
    }
    let n_values = plan.n_values();
    for _ in 0..plan.n_tables {
        let first = random.once_in(60).then(|| random.below(32));
        plan.tables.push((first, lengths(random, n_values + 2)));
    }
    // Symbols: often runs, sometimes too long ones; the end; sometimes bits that may be no code.
    let run_weight = random.below(8);
    for index in 0..n_symbols {
        let symbol = match random.below(10) {
            _ if index + 1 == n_symbols => n_values + 1,
            n if n < run_weight => random.below(2),
            8 if n_values > 1 => 2 + random.small(n_values - 2),
            _ if n_values > 1 => 2 + random.below(n_values - 1),
            _ => random.below(2),
        };
        let is_odd = index / 50 >= n_selectors || random.once_in(20_000);
        plan.items.push(if is_odd { Item::Bits(random.next(), random.below(22)) } else { Item::Symbol(symbol) });
    }
    plan.stream()
}

/// Code lengths: of a complete code, or of too many or too few codes.
fn lengths(random: &mut Random, n: usize) -> Vec<usize> {
    if random.once_in(4) {
        let (low, high) = (1 + random.below(20), 1 + random.below(20));
        return (0..n).map(|_| low.min(high) + random.below(low.abs_diff(high) + 1)).collect();
    }
    // Leaves are split until there are enough.
    let mut lengths = vec![1, 1];
    while lengths.len() < n {
        let at = if random.once_in(2) { random.below(lengths.len()) } else { 0 };
        if lengths[at] < 20 {
            lengths[at] += 1;
            lengths.push(lengths[at]);
        } else {
            lengths.swap(0, at);
            let shortest = (0..lengths.len()).min_by_key(|index| lengths[*index]).unwrap_or(0);
            lengths.swap(0, shortest);
        }
    }
    lengths.truncate(n);
    for at in (1..lengths.len()).rev() {
        lengths.swap(at, random.below(at + 1));
    }
    lengths
}

/// The code of each symbol and its length.
fn codes(lengths: &[usize]) -> Vec<(u64, usize)> {
    let mut codes = vec![(0, 0); lengths.len()];
    let mut code = 0;
    for length in 1..=20 {
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, other)| **other == length) {
            codes[symbol] = (code & ((1 << length) - 1), length);
            code += 1;
        }
        code <<= 1;
    }
    codes
}

/// The stream with the checksum of `content` in its only block and in its end, which is not padded.
pub fn corrected(stream: &[u8], content: &[u8]) -> Vec<u8> {
    let mut checksum = u32::MAX;
    for octet in content {
        checksum ^= u32::from(*octet) << 24;
        for _ in 0..8 {
            checksum = checksum << 1 ^ if checksum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        }
    }
    let checksum = !checksum;
    let mut stream = stream.to_vec();
    if let Some(place) = stream.get_mut(10..14) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
    // The end is somewhere in the last octets.
    let n_bits = stream.len() * 8;
    let bit = |at: usize| u64::from(stream[at / 8] >> (7 - at % 8) & 1);
    let end = (n_bits.saturating_sub(88)..(n_bits - 79).max(1))
        .find(|at| (*at..at + 48).fold(0, |number, at| number << 1 | bit(at)) == END_MAGIC);
    if let Some(end) = end {
        for index in 0..32 {
            let at = end + 48 + index;
            stream[at / 8] &= !(0x80 >> (at % 8));
            stream[at / 8] |= ((checksum >> (31 - index) & 1) as u8) << (7 - at % 8);
        }
    }
    stream
}
