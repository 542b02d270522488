//! The bytes of the synthetic archives: TABLE_DUMP_V2 (RFC 6396, section 4.3) and BGP4MP_MESSAGE_AS4 (section 4.4.3).

use std::io::{self, Write};

use outage_replay::bgp::{Family, Prefix};

use super::world::{Network, Peer, Size, TARGET, World, hash};

/// When the dump was written: 2024-01-01 00:00 UTC.
pub const BEGIN: u32 = 1_704_067_200;
/// Seconds that an update file spans.
pub const STEP: u32 = 900;

/// A RIB dump of everything that the peers carry of these networks, written at `begin`.
pub fn write_rib(world: &World, networks: &[Network], begin: u32, out: &mut impl Write) -> io::Result<()> {
    let mut body = Vec::new();
    body.extend([0, 0, 0, 1, 0, 0]);
    put_u16(&mut body, world.peers.len());
    for peer in &world.peers {
        body.push(2);
        body.extend(peer.address.octets());
        body.extend(peer.address.octets());
        body.extend(peer.asn.to_be_bytes());
    }
    write_record(out, begin, 13, 1, &body)?;
    let mut scratch = Scratch::default();
    for (sequence, network) in networks.iter().enumerate() {
        body.clear();
        body.extend((sequence as u32).to_be_bytes());
        put_prefix(&mut body, &network.prefix);
        let count_at = body.len();
        body.extend([0, 0]);
        let mut n = 0u16;
        for (index, peer) in world.peers.iter().enumerate().filter(|(_, peer)| world.carries(peer, network)) {
            put_attributes(world, peer, network, 0, None, &mut scratch);
            put_u16(&mut body, index);
            body.extend(originated(peer, network).to_be_bytes());
            put_u16(&mut body, scratch.attributes.len());
            body.extend_from_slice(&scratch.attributes);
            n += 1;
        }
        if n > 0 {
            body[count_at..count_at + 2].copy_from_slice(&n.to_be_bytes());
            // A collector takes seconds to write a large dump.
            let at = begin + (sequence / 20_000) as u32;
            let subtype = if network.prefix.family() == Family::V4 { 2 } else { 4 };
            write_record(out, at, 13, subtype, &body)?;
        }
    }
    Ok(())
}

/// One message of an update file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    /// Seconds from the beginning of the first file.
    at: u32,
    peer: usize,
    /// Which networks: they share one group.
    first: usize,
    n: usize,
    detour: u64,
    withdraws: bool,
}

/// The update file with that index.
pub fn write_updates(world: &World, size: Size, index: usize, out: &mut impl Write) -> io::Result<()> {
    let mut messages = target_messages(world, index);
    for incident in 0.. {
        if messages.len() >= size.n_messages_per_file {
            break;
        }
        add_incident(world, index, hash(&[20, index as u64, incident]), &mut messages);
    }
    messages.truncate(size.n_messages_per_file.max(1000));
    messages.sort();
    let (mut scratch, mut body, mut list) = (Scratch::default(), Vec::new(), Vec::new());
    for message in messages {
        let peer = &world.peers[message.peer];
        list.clear();
        world.networks[message.first..message.first + message.n]
            .iter()
            .for_each(|network| put_prefix(&mut list, &network.prefix));
        body.clear();
        body.extend(peer.asn.to_be_bytes());
        body.extend(6447u32.to_be_bytes());
        body.extend([0, 0, 0, 1]);
        body.extend(peer.address.octets());
        body.extend([128, 223, 51, 102]);
        let message_at = body.len();
        body.extend([0xff; 16]);
        body.extend([0, 0, 2]);
        put_update(world, peer, &message, &list, &mut scratch, &mut body);
        let length = (body.len() - message_at) as u16;
        body[message_at + 16..message_at + 18].copy_from_slice(&length.to_be_bytes());
        write_record(out, BEGIN + message.at, 16, 4, &body)?;
    }
    Ok(())
}

/// What becomes of the target: a flap in the second file, an outage from the fourth to the eighth.
fn target_messages(world: &World, index: usize) -> Vec<Message> {
    let begin = index as u32 * STEP;
    let target = || world.networks.iter().enumerate().filter(|(_, network)| world.asn(network.origin) == TARGET);
    let edges: &[(u32, bool)] = match index {
        1 => &[(100, true), (130, false)],
        3 => &[(420, true)],
        7 => &[(200, false)],
        _ => &[],
    };
    let mut messages = Vec::new();
    for &(after, withdraws) in edges {
        for (peer, session) in world.peers.iter().enumerate() {
            for (first, _) in target().filter(|(_, network)| world.carries(session, network)) {
                let jitter = hash(&[21, peer as u64, first as u64]) as u32 % 20;
                messages.push(Message { at: begin + after + jitter, peer, first, n: 1, detour: 0, withdraws });
            }
        }
    }
    messages
}

/// Some peers change their route to one group of networks, often several times, and settle.
fn add_incident(world: &World, index: usize, dice: u64, messages: &mut Vec<Message>) {
    let share = (dice >> 11) as f64 / (1u64 << 53) as f64;
    // Few networks flap much.
    let first =
        (hash(&[22, (share.powi(4) * world.networks.len() as f64) as u64]) % world.networks.len() as u64) as usize;
    let network = &world.networks[first];
    if world.asn(network.origin) == TARGET {
        return;
    }
    let same = |other: &&Network| other.group == network.group && other.prefix.family() == network.prefix.family();
    let n = world.networks[first..].iter().take(1 + (dice >> 8) as usize % 4).take_while(same).count();
    let reach =
        if dice & 3 == 0 { 1 + (dice >> 12) % 3 } else { world.peers.len() as u64 * (3 + (dice >> 12) % 6) / 10 };
    let start = (dice >> 16) as u32 % STEP;
    for step in 0..reach {
        let peer = ((dice >> 20) + step * 5) as usize % world.peers.len();
        if !world.carries(&world.peers[peer], network) {
            continue;
        }
        let changes = 1 + hash(&[23, dice, step]) % 3;
        for change in 0..changes {
            let dice = hash(&[24, dice, step, change]);
            let is_last = change + 1 == changes;
            let at = index as u32 * STEP + (start + dice as u32 % 20 + 25 * change as u32).min(STEP - 1);
            let detour = if is_last && dice >> 8 & 3 != 0 { 0 } else { 1 + (dice >> 12) % 4 };
            messages.push(Message { at, peer, first, n, detour, withdraws: dice >> 16 & 15 == 0 });
        }
    }
}

fn put_update(world: &World, peer: &Peer, message: &Message, list: &[u8], scratch: &mut Scratch, body: &mut Vec<u8>) {
    let network = &world.networks[message.first];
    let is_v4 = network.prefix.family() == Family::V4;
    if message.withdraws && is_v4 {
        put_u16(body, list.len());
        body.extend_from_slice(list);
        return put_u16(body, 0);
    }
    body.extend([0, 0]);
    if message.withdraws {
        put_u16(body, 7 + list.len());
        body.extend([0x90, 15]);
        put_u16(body, 3 + list.len());
        body.extend([0, 2, 1]);
        return body.extend_from_slice(list);
    }
    put_attributes(world, peer, network, message.detour, (!is_v4).then_some(list), scratch);
    put_u16(body, scratch.attributes.len());
    body.extend_from_slice(&scratch.attributes);
    if is_v4 {
        body.extend_from_slice(list);
    }
}

#[derive(Default)]
struct Scratch {
    attributes: Vec<u8>,
    path: Vec<u32>,
    communities: Vec<u32>,
}

/// The attributes of a route. `list` are the IPv6 prefixes of an UPDATE; in a dump MP_REACH_NLRI has a next hop only.
fn put_attributes(
    world: &World,
    peer: &Peer,
    network: &Network,
    detour: u64,
    list: Option<&[u8]>,
    scratch: &mut Scratch,
) {
    let Scratch { attributes, path, communities } = scratch;
    world.path(peer, network, detour, path);
    attributes.clear();
    attributes.extend([0x40, 1, 1, if hash(&[30, network.group]).is_multiple_of(8) { 2 } else { 0 }]);
    let prepended = [1, 1, 1, 1, 1, 1, 2, 3][hash(&[31, network.group, u64::from(path[path.len() - 1])]) as usize % 8];
    let n = path.len() - 1 + prepended;
    attributes.extend([0x50, 2]);
    put_u16(attributes, 2 + 4 * n);
    attributes.extend([2, n as u8]);
    for index in 0..n {
        attributes.extend(world.asn(path[index.min(path.len() - 1)]).to_be_bytes());
    }
    let is_v4 = network.prefix.family() == Family::V4;
    if is_v4 {
        attributes.extend([0x40, 3, 4]);
        attributes.extend(peer.address.octets());
    }
    if peer.system.is_multiple_of(3) {
        attributes.extend([0x80, 4, 4]);
        attributes.extend((hash(&[32, u64::from(path[1.min(path.len() - 1)])]) as u32 % 300).to_be_bytes());
    }
    if hash(&[33, network.prefix.bits() as u64, (network.prefix.bits() >> 64) as u64]).is_multiple_of(12) {
        attributes.extend([0xc0, 7, 8]);
        attributes.extend(world.asn(network.origin).to_be_bytes());
        attributes.extend([10, 0, (network.group >> 8) as u8, network.group as u8]);
    }
    communities_of(world, path, network, communities);
    if !communities.is_empty() {
        attributes.extend([0xd0, 8]);
        put_u16(attributes, 4 * communities.len());
        communities.iter().for_each(|community| attributes.extend(community.to_be_bytes()));
    }
    put_large_communities(world, path, network, attributes);
    if !is_v4 {
        let next_hop = [&[0x20, 0x01, 0x07, 0xf8, 0, 0, 0, 0][..], &[0; 4], &peer.address.octets()].concat();
        match list {
            Some(list) => {
                attributes.extend([0x90, 14]);
                put_u16(attributes, 21 + list.len());
                attributes.extend([0, 2, 1, 16]);
                attributes.extend(next_hop);
                attributes.push(0);
                attributes.extend_from_slice(list);
            }
            None => {
                attributes.extend([0x80, 14, 17, 16]);
                attributes.extend(next_hop);
            }
        }
    }
}

/// Half of the ASes tag where they learned a route; one of eight removes the tags of others.
fn communities_of(world: &World, path: &[u32], network: &Network, communities: &mut Vec<u32>) {
    communities.clear();
    for pair in path.windows(2).rev() {
        let [own, from] = [pair[0], pair[1]].map(u64::from);
        let habit = hash(&[40, own]);
        if habit.is_multiple_of(8) {
            communities.clear();
        }
        if habit >> 8 & 15 < 8 {
            let tag = hash(&[41, own, from, network.group & 1]);
            for index in 0..2 + (habit >> 16) % 8 {
                let value = 1000 * index as u32 + tag.rotate_right(7 * index as u32) as u32 % 60;
                communities.push(world.asn(pair[0]) << 16 | value & 0xffff);
            }
        }
    }
    communities.sort_unstable();
    communities.dedup();
}

/// LARGE_COMMUNITIES (RFC 8092): one AS of six uses them.
fn put_large_communities(world: &World, path: &[u32], network: &Network, attributes: &mut Vec<u8>) {
    let tagging = || path.iter().filter(|asn| hash(&[42, u64::from(**asn)]).is_multiple_of(6));
    let n = 2 * tagging().count().min(20);
    if n == 0 {
        return;
    }
    attributes.extend([0xe0, 32, 12 * n as u8]);
    for asn in tagging().take(20) {
        for (function, value) in [(1u32, network.group >> 9), (2, network.origin.into())] {
            attributes.extend(world.asn(*asn).to_be_bytes());
            attributes.extend(function.to_be_bytes());
            attributes.extend((hash(&[43, u64::from(*asn), value]) as u32 % 200).to_be_bytes());
        }
    }
}

/// Many routes last changed together, when their session or their group did.
fn originated(peer: &Peer, network: &Network) -> u32 {
    let system = u64::from(peer.system);
    let dice = match hash(&[50, system, network.group]) {
        dice if dice & 7 < 5 => dice,
        _ => hash(&[51, system, (network.prefix.bits() >> 64) as u64]),
    };
    BEGIN - 60 - (dice >> 8) as u32 % 30 - (((dice >> 40) as u32 % 1_000_000) >> (dice >> 16 & 7))
}

fn put_prefix(out: &mut Vec<u8>, prefix: &Prefix) {
    out.push(prefix.len());
    out.extend(&prefix.bits().to_be_bytes()[..usize::from(prefix.len()).div_ceil(8)]);
}

fn put_u16(out: &mut Vec<u8>, n: usize) {
    out.extend((n as u16).to_be_bytes());
}

fn write_record(out: &mut impl Write, at: u32, kind: u16, subtype: u16, body: &[u8]) -> io::Result<()> {
    let mut header = [0; 12];
    header[..4].copy_from_slice(&at.to_be_bytes());
    header[4..6].copy_from_slice(&kind.to_be_bytes());
    header[6..8].copy_from_slice(&subtype.to_be_bytes());
    header[8..].copy_from_slice(&(body.len() as u32).to_be_bytes());
    out.write_all(&header)?;
    out.write_all(body)
}
