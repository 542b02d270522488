//! The measured code of this project, each run in its own process: this program again, with `driver` as its first
//! argument. Answers go to standard output, one line for each route.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::FileExt;

use super::rounds;
use bgpkit_parser::BgpkitParser;
use bgpkit_parser::models::ElemType;
use outage_replay::archive::ReadAt;
use outage_replay::bgp::{AsPath, Asn, Family, Prefix};
use outage_replay::decode::lookup::{self, Hints};
use outage_replay::decode::{self, Change, Selection};
use outage_replay::replay::WholeTable;
use outage_replay::time::Timestamp;
use outage_replay_bzip2::{Content, Decoder};

#[path = "../../crates/outage-replay-bzip2/examples/bunzip/stream.rs"]
mod bzip2_stream;

/// What is asked for.
#[derive(Default)]
struct Question {
    prefixes: Vec<Prefix>,
    origin: Option<Asn>,
}

/// `driver drain|unpack|read|look-up|list|reference|table|reference-table [--prefixes FILE] [--origin AS] FILE…`
pub fn run(arguments: &[String]) -> io::Result<()> {
    if let Some(("measure", command)) = arguments.split_first().map(|(task, rest)| (task.as_str(), rest)) {
        return rounds::run_and_print(command);
    }
    let mut words = arguments.iter();
    let task = words.next().map(String::as_str).unwrap_or_default();
    let (mut question, mut files) = (Question::default(), Vec::new());
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| io::Error::other(format!("{word} needs a value")));
        match word.as_str() {
            "--prefixes" => question.prefixes = prefixes(value()?)?,
            "--origin" => question.origin = Some(value()?.parse().map_err(io::Error::other)?),
            _ => files.push(word.as_str()),
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut selection = Selection::new();
    question.prefixes.iter().for_each(|prefix| selection.add_prefix(*prefix));
    question.origin.iter().for_each(|origin| selection.add_origin(*origin));
    match task {
        "table" => return table(&files, &mut out),
        "reference-table" => return reference_table(&files, &mut out),
        _ => {}
    }
    for file in files {
        match task {
            "drain" => drain(file)?,
            "unpack" => unpack(file)?,
            "read" => read(file, &question, &selection, &mut out)?,
            "look-up" => look_up(file, &question, &mut out)?,
            "list" => list(file, &mut out)?,
            "reference" => reference(file, &question, &mut out)?,
            _ => return Err(io::Error::other(format!("no such task: {task:?}"))),
        }
    }
    out.flush()
}

fn prefixes(list: &str) -> io::Result<Vec<Prefix>> {
    let lines = BufReader::new(File::open(list)?).lines();
    lines.map(|line| line?.parse().map_err(io::Error::other)).collect()
}

/// The content of a file.
fn plain(file: &str) -> io::Result<Box<dyn Read>> {
    let stored = BufReader::with_capacity(1 << 17, File::open(file)?);
    Ok(match file.rsplit('.').next() {
        Some("gz") => Box::new(flate2::bufread::MultiGzDecoder::new(stored)),
        Some("bz2") => Box::new(bzip2::bufread::MultiBzDecoder::new(stored)),
        _ => Box::new(stored),
    })
}

/// Decompresses and looks at nothing.
fn drain(file: &str) -> io::Result<()> {
    let mut plain = plain(file)?;
    let mut buffer = vec![0; 1 << 20];
    while plain.read(&mut buffer)? > 0 {}
    Ok(())
}

/// The same for bzip2 with the decoder of this library, one block after the other.
fn unpack(file: &str) -> io::Result<()> {
    let stored = std::fs::read(file)?;
    let (mut decoder, mut content) = (Decoder::new(), Content::new());
    let mut rest = &stored[..];
    while !rest.is_empty() {
        let n = bzip2_stream::decode(&mut decoder, &mut content, rest, 1 << 20, |_| ()).map_err(io::Error::other)?;
        rest = rest.get(n..).unwrap_or_default();
    }
    Ok(())
}

/// The decode step of this library.
fn read(file: &str, question: &Question, selection: &Selection, out: &mut impl Write) -> io::Result<()> {
    let reading = decode::read(File::open(file)?, selection);
    let names =
        reading.census.peers.iter().map(|activity| format!("|{}|{}|", activity.peer.address, activity.peer.asn.0));
    let names: Vec<String> = names.collect();
    let is_of = |path: &AsPath| question.origin.is_some_and(|origin| path.originates(origin));
    let mut print = |kind: &str, texts: &[String; 2], peer: u32| {
        let texts = [kind, &texts[0], &names[peer as usize], &texts[1]];
        texts.iter().try_for_each(|text| out.write_all(text.as_bytes()))
    };
    let texts = |at: Timestamp, prefix: &Prefix| [at.secs().to_string(), format!("{prefix}\n")];
    for (record, entries) in reading.rib.records() {
        let (is_wanted, texts) = (selection.has_prefix(&record.prefix), texts(record.at, &record.prefix));
        for entry in entries.iter().filter(|entry| is_wanted || is_of(&entry.path)) {
            print("A|", &texts, entry.peer)?;
        }
    }
    for event in &reading.events {
        let (kind, prefix, path) = match &event.change {
            Change::Announce { prefix, path, .. } => ("A|", prefix, Some(path)),
            Change::Withdraw { prefix, .. } => ("W|", prefix, None),
            _ => continue,
        };
        if selection.has_prefix(prefix) || path.is_some_and(is_of) {
            print(kind, &texts(event.at, prefix), event.peer)?;
        }
    }
    Ok(())
}

/// The same routes of a sorted RIB dump, from some of its blocks.
fn look_up(file: &str, question: &Question, out: &mut impl Write) -> io::Result<()> {
    let mut file = Parts(File::open(file)?);
    let lookup = lookup::look_up(&mut file, &question.prefixes, &Hints::default(), &[]);
    for found in lookup.map_err(|why| io::Error::other(why.to_string()))?.prefixes {
        let at = found.at.secs();
        for (peer, _, _) in &found.routes {
            writeln!(out, "A|{at}|{}|{}|{}", peer.address, peer.asn.0, found.prefix)?;
        }
    }
    Ok(())
}

/// A file that is read in parts.
struct Parts(File);

impl ReadAt for Parts {
    fn length(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        let mut octets = vec![0; length];
        self.0.read_exact_at(&mut octets, offset).map_err(|error| error.to_string())?;
        Ok(octets)
    }
}

/// Every prefix at every peer: how many each peer holds in the end, and a digest of which.
fn table(files: &[&str], out: &mut impl Write) -> io::Result<()> {
    let mut selection = Selection::new();
    selection.sample_everything();
    let mut table = WholeTable::new();
    for file in files {
        table.apply(&decode::read(File::open(file)?, &selection));
    }
    let mut lines: Vec<String> = table
        .peers()
        .filter_map(|peer| {
            let sizes = table.size(&peer)?;
            let (v4, v6) = (sizes[Family::V4], sizes[Family::V6]);
            Some(format!("{}|{}|{v4}|{v6}", peer.address, peer.asn.0))
        })
        .collect();
    lines.sort();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(out, "{}", table.holders().map(|(_, n)| n * n).sum::<usize>())
}

/// The same by bgpkit-parser's library and a set.
fn reference_table(files: &[&str], out: &mut impl Write) -> io::Result<()> {
    let mut held: HashSet<(IpAddr, u32, Prefix)> = HashSet::new();
    for file in files {
        for elem in BgpkitParser::from_reader(plain(file)?) {
            let net = elem.prefix.prefix;
            let Some(prefix) = Prefix::new(net.network(), net.prefix_len()) else { continue };
            let route = (elem.peer_ip, elem.peer_asn.to_u32(), prefix);
            match elem.elem_type {
                ElemType::ANNOUNCE => held.insert(route),
                ElemType::WITHDRAW => held.remove(&route),
            };
        }
    }
    let mut sizes: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    let mut holders: HashMap<Prefix, usize> = HashMap::new();
    for (address, asn, prefix) in held {
        sizes.entry(format!("{address}|{asn}")).or_default()[prefix.family() as usize] += 1;
        *holders.entry(prefix).or_default() += 1;
    }
    let mut lines: Vec<String> = sizes.iter().map(|(peer, [v4, v6])| format!("{peer}|{v4}|{v6}")).collect();
    lines.sort();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(out, "{}", holders.values().map(|n| n * n).sum::<usize>())
}

/// Every prefix that a file names.
fn list(file: &str, out: &mut impl Write) -> io::Result<()> {
    let mut selection = Selection::new();
    for family in ["0.0.0.0/0", "::/0"] {
        selection.add_within(family.parse().map_err(io::Error::other)?);
    }
    let mut prefixes = BTreeSet::new();
    let reading = decode::read(File::open(file)?, &selection);
    prefixes.extend(reading.rib.records().map(|(record, _)| record.prefix));
    for event in reading.events {
        if let Change::Announce { prefix, .. } = event.change {
            prefixes.insert(prefix);
        }
    }
    prefixes.iter().try_for_each(|prefix| writeln!(out, "{prefix}"))
}

/// Every record through bgpkit-parser's own decoder, filtered afterwards.
fn reference(file: &str, question: &Question, out: &mut impl Write) -> io::Result<()> {
    let wanted: HashSet<Prefix> = question.prefixes.iter().copied().collect();
    for elem in BgpkitParser::from_reader(plain(file)?) {
        let net = elem.prefix.prefix;
        let Some(prefix) = Prefix::new(net.network(), net.prefix_len()) else { continue };
        let of_origin = || elem.origin_asns.iter().flatten().any(|asn| question.origin == Some(Asn(asn.to_u32())));
        let kind = match elem.elem_type {
            ElemType::ANNOUNCE if of_origin() || wanted.contains(&prefix) => 'A',
            ElemType::WITHDRAW if wanted.contains(&prefix) => 'W',
            _ => continue,
        };
        let (at, peer): (i64, IpAddr) = (elem.timestamp as i64, elem.peer_ip);
        writeln!(out, "{kind}|{at}|{peer}|{}|{prefix}", elem.peer_asn.to_u32())?;
    }
    Ok(())
}
