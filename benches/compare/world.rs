//! An invented Internet of real size: ASes below their providers, the prefixes that they originate, and the peers of
//! one collector. Everything follows from hashes of its index, so that the same size gives the same bytes everywhere.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use outage_replay::bgp::Prefix;

/// The AS that disappears, and its upstream: those of `data/dprk-2014`.
pub const TARGET: u32 = 131_279;
const UPSTREAM: u32 = 4_837;
/// What it originates.
pub const TARGET_PREFIXES: [&str; 4] = ["175.45.176.0/24", "175.45.177.0/24", "175.45.178.0/24", "175.45.179.0/24"];

/// What covers them where a dump is sorted by length.
const TARGET_COVERED_BY: &str = "175.45.176.0/22";

/// ASes without a provider, ASes that sell transit, and the rest.
const N_TOP: usize = 14;
const N_TRANSIT: usize = 6_000;
const N_ASES: usize = 62_000;

/// How much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub n_v4: usize,
    pub n_v6: usize,
    pub n_peers: usize,
    pub n_update_files: usize,
    pub n_messages_per_file: usize,
}

/// A prefix, who originates it, and the group of prefixes that share its routes.
#[derive(Clone, Copy)]
pub struct Network {
    pub prefix: Prefix,
    pub origin: u32,
    pub group: u64,
}

/// One session of the collector.
pub struct Peer {
    /// Index of its AS.
    pub system: u32,
    pub asn: u32,
    pub address: Ipv4Addr,
    /// Of 1000 groups, how many it carries.
    pub share: u64,
    /// Its providers up to the top, itself first.
    chain: Vec<u32>,
}

pub struct World {
    asns: Vec<u32>,
    providers: Vec<Vec<u32>>,
    pub networks: Vec<Network>,
    pub peers: Vec<Peer>,
}

impl World {
    pub fn new(size: Size) -> World {
        let (asns, providers) = systems();
        let mut world = World { asns, providers, networks: Vec::new(), peers: Vec::new() };
        world.networks = world.networks(size);
        world.peers = (0..size.n_peers as u64).map(|index| world.peer(index)).collect();
        world
    }

    pub fn asn(&self, system: u32) -> u32 {
        self.asns[system as usize]
    }

    /// Whether a peer carries a network: a full feed nearly all, and all of the target's.
    pub fn carries(&self, peer: &Peer, network: &Network) -> bool {
        let all = self.asn(network.origin) == TARGET && peer.share > 500;
        all || hash(&[1, u64::from(peer.system), network.group]) % 1000 < peer.share
    }

    /// The ASes between a peer and the origin, both included. Another `detour` may give another path.
    pub fn path(&self, peer: &Peer, network: &Network, detour: u64, path: &mut Vec<u32>) {
        let mut climb = [0; 12];
        let (mut n, mut at) = (0, network.origin);
        loop {
            climb[n] = at;
            n += 1;
            let providers = &self.providers[at as usize];
            if providers.is_empty() || n == climb.len() || peer.chain.contains(&at) {
                break;
            }
            let taste = if n == 1 { network.group } else { 0 };
            let choice = hash(&[2, u64::from(at), taste, u64::from(peer.system) % 5, detour]);
            at = providers[choice as usize % providers.len()];
        }
        path.clear();
        for &hop in &peer.chain {
            path.push(hop);
            if hop == climb[n - 1] {
                n -= 1;
                break;
            }
        }
        path.extend(climb[..n].iter().rev());
    }

    /// The networks as a dump of RIPE RIS lists them since 2023, short prefixes first, and one of a provider that covers those
    /// of the target.
    pub fn by_length(&self) -> Vec<Network> {
        let covering = TARGET_COVERED_BY.parse().expect("a prefix");
        let target = self.networks.iter().find(|network| self.asn(network.origin) == TARGET);
        let provider = target.and_then(|network| self.providers[network.origin as usize].first()).copied();
        let mut networks: Vec<Network> =
            self.networks.iter().copied().filter(|network| network.prefix != covering).collect();
        networks.extend(provider.map(|origin| Network { prefix: covering, origin, group: u64::from(origin) << 8 }));
        networks.sort_by_key(|network| (network.prefix.family(), network.prefix.len(), network.prefix));
        networks
    }

    fn networks(&self, size: Size) -> Vec<Network> {
        let mut networks = self.v4_networks(size.n_v4);
        let target = (self.asns.len() - 1) as u32;
        let own = TARGET_PREFIXES.map(|prefix| prefix.parse().expect("a prefix"));
        networks.retain(|network| !own.contains(&network.prefix));
        networks.extend(own.map(|prefix| Network { prefix, origin: target, group: u64::from(target) << 8 }));
        networks.extend(self.v6_networks(size.n_v6));
        networks.sort_by_key(|network| network.prefix);
        networks.dedup_by_key(|network| network.prefix);
        networks
    }

    /// Allocations side by side, some of them also announced in parts; 65 of 100 prefixes are a /24.
    fn v4_networks(&self, n: usize) -> Vec<Network> {
        let mut networks = Vec::with_capacity(n + 256);
        let blocks: Vec<u32> = (1..=223).filter(|block| !matches!(block, 10 | 100 | 127 | 169 | 172 | 192)).collect();
        let per_block = n.div_ceil(blocks.len());
        for block in blocks {
            let (end, mut at) = (networks.len() + per_block, block << 24);
            for index in 0.. {
                let dice = hash(&[3, u64::from(block), index]);
                let length = 16 + [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 7, 8, 8][dice as usize % 16];
                let step = 1 << (32 - length);
                at = (at + step - 1) & !(step - 1);
                if networks.len() >= end || at >> 24 != block {
                    break;
                }
                let origin = self.owner(dice);
                let mut add = |address: u32, length: u8, group: u64| {
                    let prefix = Prefix::new(Ipv4Addr::from(address).into(), length).expect("a length of the family");
                    networks.push(Network { prefix, origin, group: u64::from(origin) << 8 | group });
                };
                add(at, length as u8, dice >> 20 & 1);
                let parts =
                    if length < 24 && dice >> 24 & 3 != 0 { (dice >> 30) as u32 % (step >> 8).min(9) } else { 0 };
                for part in 0..parts {
                    add(at + (part << 8), 24, (dice >> 20 & 1) + (u64::from(part) & 2));
                }
                at = at.saturating_add(step * (1 + (dice >> 40 & 1) as u32));
            }
            networks.truncate(end);
        }
        networks
    }

    fn v6_networks(&self, n: usize) -> Vec<Network> {
        const BASES: [u128; 8] = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00, 0x2a0f, 0x2804];
        let network = |index: u64| {
            let (dice, part) = (hash(&[4, index / 4]), index % 4);
            let address =
                BASES[dice as usize % 8] << 112 | u128::from(dice >> 16 & 0xffff) << 96 | u128::from(part) << 80;
            let length = if part == 0 { 32 } else { 48 };
            let origin = self.owner(dice);
            let prefix = Prefix::new(Ipv6Addr::from(address).into(), length).expect("a length of the family");
            Network { prefix, origin, group: u64::from(origin) << 8 | 8 | part & 1 }
        };
        (0..n as u64).map(network).collect()
    }

    /// Few ASes have many prefixes.
    fn owner(&self, dice: u64) -> u32 {
        let share = (dice >> 11) as f64 / (1u64 << 53) as f64;
        let n = (self.asns.len() - 2) as f64;
        (hash(&[5, (share.powi(3) * n) as u64]) % n as u64) as u32
    }

    fn peer(&self, index: u64) -> Peer {
        let system = match index % 4 {
            0 => (index / 4) as usize % N_TOP,
            _ => N_TOP + hash(&[6, index]) as usize % 600,
        } as u32;
        let mut chain = vec![system];
        while let Some(&provider) = chain.last().and_then(|at| self.providers[*at as usize].first()) {
            chain.push(provider);
        }
        let share = if index % 6 == 5 { 20 + hash(&[7, index]) % 200 } else { 960 + hash(&[7, index]) % 38 };
        let address = Ipv4Addr::from(0x50f9_d000 + index as u32);
        Peer { system, asn: self.asn(system), address, share, chain }
    }
}

/// AS numbers and providers, the top first and the target last.
fn systems() -> (Vec<u32>, Vec<Vec<u32>>) {
    const TOP: [u32; N_TOP] = [174, 701, 1299, 2914, 3257, 3320, 3356, 3491, 5511, 6453, 6461, 6762, 6830, 12956];
    let mut asns = TOP.to_vec();
    let mut used: HashSet<u32> = TOP.into_iter().chain([TARGET, UPSTREAM, 23456]).collect();
    let mut providers = vec![Vec::new(); N_TOP];
    for index in N_TOP as u64..N_ASES as u64 {
        let asn = (0..).map(|attempt| asn(hash(&[8, index, attempt]))).find(|asn| used.insert(*asn));
        asns.extend(asn);
        // Sold by those before it; the large ones, which come first, most of all.
        let market = match index as usize {
            index if index < N_TRANSIT / 10 => N_TOP,
            index => index.min(N_TRANSIT),
        };
        let n = 1 + hash(&[9, index]) as usize % 3;
        let seller = |choice| {
            let share = (hash(&[10, index, choice]) >> 11) as f64 / (1u64 << 53) as f64;
            (share.powi(4) * market as f64) as u32
        };
        let mut own: Vec<u32> = (0..n as u64).map(seller).collect();
        own.dedup();
        providers.push(own);
    }
    asns.extend([UPSTREAM, TARGET]);
    providers.extend([vec![2, 3, 6], vec![N_ASES as u32]]);
    (asns, providers)
}

fn asn(dice: u64) -> u32 {
    let (base, n) = match dice % 8 {
        0..4 => (100, 64_000),
        4 => (131_072, 22_000),
        5 => (196_608, 20_000),
        _ => (262_144, 140_000),
    };
    base + (dice >> 8) as u32 % n
}

/// A number that looks like chance (splitmix64).
pub fn hash(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |state, word| {
        let mut mixed = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    })
}
