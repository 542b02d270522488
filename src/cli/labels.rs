//! The arguments that change how a report reads, not what it finds.

use std::path::PathBuf;

use anyhow::Context;
use clap::ArgAction;
use clap::builder::BoolishValueParser;

use outage_replay::report::{AsNames, Labels, PictureForm, PictureWidth};

use super::choice::one_of;
use super::{text_of, usage};

const WIDTHS: [(PictureWidth, &str, &str); 3] = [
    (PictureWidth::Column, "column", "3.3 inches, for a column of a paper"),
    (PictureWidth::Page, "page", "6.9 inches, for the whole width of its page"),
    (PictureWidth::Post, "post", "1,200 pixels, for the web"),
];

/// Names, a title, and the form of pictures.
#[derive(Clone, Debug, clap::Args)]
pub struct LabelArgs {
    /// A file with the names of ASes: one number and name a line, as in RIPE NCC's asnames.txt
    ///
    /// `131279 STAR-KP, KP`, `AS131279 Star Joint Venture`, or CSV with the columns asn and name. Headlines, tables and pictures
    /// show them; nothing else depends on them.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    as_names: Option<PathBuf>,
    /// The title of the page and of the pictures [default: what was found]
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    title: Option<String>,
    /// How wide the pictures are
    #[arg(
        long,
        value_name = "WIDTH",
        value_parser = one_of(WIDTHS),
        default_value = "post",
        help_heading = "Output"
    )]
    picture_width: PictureWidth,
    /// Whether the pictures have their title and the sentences below it
    ///
    /// `--picture-title=false` leaves them to the caption of a paper. Evidence, coverage and source stay.
    #[arg(
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "true",
        help_heading = "Output"
    )]
    picture_title: bool,
}

impl LabelArgs {
    /// Reads them, before the work begins.
    pub fn read(&self) -> anyhow::Result<Labels> {
        let names = match &self.as_names {
            None => AsNames::default(),
            Some(path) => {
                let text =
                    text_of(path).with_context(|| format!("cannot read the names of ASes from {}", path.display()))?;
                AsNames::parse(&text).map_err(|error| usage(format!("{}, {error}", path.display())))?
            }
        };
        let picture = PictureForm { width: self.picture_width, has_title: self.picture_title };
        Ok(Labels { title: self.title.as_deref().and_then(Labels::clean_title), names, picture })
    }
}
