//! The terms of the field as types: autonomous system numbers, prefixes, AS paths, collectors, peers, vantage points.

mod asn;
mod path;
mod per_family;
mod prefix;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use asn::{Asn, ParseAsnError};
pub use path::AsPath;
pub use per_family::PerFamily;
pub use prefix::{Family, ParsePrefixError, Prefix};

/// The organisation that runs a collector, which decides how its archive is laid out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Project {
    /// RIPE NCC's Routing Information Service: `rrcNN`, gzip, updates every 5 minutes, RIBs every 8 hours.
    RipeRis,
    /// University of Oregon's RouteViews: bzip2, updates every 15 minutes, RIBs every 2 hours.
    RouteViews,
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Project::RipeRis => "riperis",
            Project::RouteViews => "routeviews",
        })
    }
}

impl FromStr for Project {
    type Err = String;
    fn from_str(text: &str) -> Result<Project, String> {
        match text.to_ascii_lowercase().as_str() {
            "riperis" | "ris" | "ripe-ris" => Ok(Project::RipeRis),
            "routeviews" | "route-views" | "rv" => Ok(Project::RouteViews),
            _ => Err(format!("unknown project '{text}': write riperis or routeviews")),
        }
    }
}

impl Serialize for Project {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Project {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Project, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A host that records BGP sessions and publishes archives, by its published name (`rrc00`, `route-views2`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Collector(Arc<str>);

impl Collector {
    /// The collector of that name.
    pub fn new(name: &str) -> Collector {
        Collector(Arc::from(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The project that runs it, by its name: all collectors of RIPE RIS are called rrc.
    pub fn project(&self) -> Project {
        if self.0.starts_with("rrc") { Project::RipeRis } else { Project::RouteViews }
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Collector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Collector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Collector, D::Error> {
        Ok(Collector(String::deserialize(deserializer)?.into()))
    }
}

/// The router at the far end of one BGP session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Peer {
    /// Its address on the session.
    pub address: IpAddr,
    /// Its AS number.
    pub asn: Asn,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.asn, self.address)
    }
}

/// A peer of one collector: the unit that sees or does not see a prefix.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VantagePoint {
    /// The collector that records the session.
    pub collector: Collector,
    /// The peer at the far end.
    pub peer: Peer,
}

impl fmt::Display for VantagePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.collector, self.peer)
    }
}
