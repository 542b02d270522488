//! The picture as shapes, and from these in pixels and as PDF. Texts are drawn with Roboto, which is part of the program, so that
//! they are the same on every machine.

mod pdf;

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use super::super::Report;
use super::super::labels::PictureWidth;
use super::{svg, words};
use crate::error::Error;

const REGULAR: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("../fonts/Roboto-Medium.ttf");

/// Pixels of a PNG for each pixel of the drawing: sharp on dense screens, and 600 to an inch in print.
const SCALE: f32 = 2.0;
const SCALE_IN_PRINT: f32 = 6.25;

/// The picture as PNG.
pub fn png(report: &Report) -> Result<Vec<u8>, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Picture { source };
    let tree = tree(report)?;
    let scale = if report.labels.picture.width == PictureWidth::Post { SCALE } else { SCALE_IN_PRINT };
    let size = tree.size();
    let (width, height) = ((size.width() * scale).ceil() as u32, (size.height() * scale).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| failed("the picture is too large".into()))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.into()))
}

/// The picture as PDF.
pub fn pdf(report: &Report) -> Result<Vec<u8>, Error> {
    Ok(pdf::pdf(&tree(report)?, &words::title(report).0))
}

/// The picture as shapes, with its texts in our own font.
fn tree(report: &Report) -> Result<usvg::Tree, Error> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(MEDIUM.to_vec());
    let options =
        usvg::Options { fontdb: Arc::new(fonts), font_family: "Roboto".to_owned(), ..usvg::Options::default() };
    usvg::Tree::from_str(&svg(report), &options).map_err(|error| Error::Picture { source: error.into() })
}
