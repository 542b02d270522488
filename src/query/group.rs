//! Networks that are judged together under one name: a list of the user's, or all that is registered in a country.

use std::fmt;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Match, Target};
use crate::bgp::{Asn, Prefix};

/// The longest name of a group, in bytes.
pub const MAX_GROUP_NAME: usize = 64;

/// The name of a group: one line of text that can be mistaken neither for an AS number nor for a prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupName(ArrayString<MAX_GROUP_NAME>);

/// Why a text is no name of a group.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseGroupNameError {
    /// It has no characters.
    #[error("the name of a group must not be empty")]
    Empty,
    /// It is longer than [`MAX_GROUP_NAME`].
    #[error("the name of a group must not be longer than {MAX_GROUP_NAME} bytes, '{0}' is")]
    Long(String),
    /// It contains a control character.
    #[error("the name of a group must not contain control characters: '{}'", .0.escape_debug())]
    Control(String),
    /// It is an AS number or a prefix.
    #[error("'{0}' cannot be the name of a group: it is an AS number or a prefix")]
    Network(String),
}

impl std::str::FromStr for GroupName {
    type Err = ParseGroupNameError;

    fn from_str(text: &str) -> Result<GroupName, ParseGroupNameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseGroupNameError::Empty);
        }
        if text.contains(char::is_control) {
            return Err(ParseGroupNameError::Control(text.to_owned()));
        }
        if text.parse::<Asn>().is_ok() || text.parse::<Prefix>().is_ok() {
            return Err(ParseGroupNameError::Network(text.to_owned()));
        }
        ArrayString::from(text).map(GroupName).map_err(|_| ParseGroupNameError::Long(text.to_owned()))
    }
}

impl GroupName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as one word: with an underscore in place of everything but letters, digits, hyphens and full stops.
    pub fn word(&self) -> String {
        self.0.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' }).collect()
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Networks that are judged together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its members: ASes and prefixes, no groups.
    pub members: Vec<Target>,
    /// Who says that they belong together.
    pub source: GroupSource,
}

impl Group {
    /// Returns the relatives that its prefixes include.
    pub fn matching(&self) -> Match {
        let prefixes = self.members.iter().find_map(|member| match member {
            Target::Prefix(_, matching) => Some(*matching),
            Target::Asn(_) | Target::Group(_) => None,
        });
        prefixes.unwrap_or_default()
    }
}

/// Who says that the members of a group belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GroupSource {
    /// A list of targets of the user's.
    List,
    /// The statistics of Regional Internet Registries.
    Registrations {
        /// The country, by its two letters of ISO 3166.
        country: String,
        /// What is registered there.
        by: RegisteredBy,
        /// The files, in order.
        files: Vec<RegistryFile>,
    },
}

/// What is registered in a country.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum RegisteredBy {
    /// Address blocks, whichever AS announces them.
    #[default]
    Address,
    /// ASes, with whatever they originate.
    Asn,
}

/// A file of a registry's statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryFile {
    /// Its name.
    pub name: String,
    /// The registry.
    pub registry: String,
    /// The last day that it covers: `2014-12-21`.
    pub date: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}
