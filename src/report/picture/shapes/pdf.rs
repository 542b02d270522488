//! The still picture as PDF, for papers: shapes as they are, texts as outlines.
//!
//! `svg2pdf` would bring a second copy of resvg, because it uses an older one. The pictures need only its fills, lines and
//! patterns, which are below.

use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, TextStr};
use resvg::tiny_skia::{PathSegment, Point, Rect as Place, Transform};
use resvg::usvg::{Color, FillRule, Group, Node, Paint, Path, Pattern, Tree};

use crate::observations::TOOL;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const ABOUT: Ref = Ref::new(5);
/// Opacities have the numbers from here on.
const FIRST_OPACITY: i32 = 6;

/// Points of paper in a pixel.
const POINTS: f32 = 0.75;
/// How much a stream is compressed, of ten.
const COMPRESSION: u8 = 6;

/// Returns a document of one page that the picture fills.
pub(super) fn pdf(tree: &Tree, title: &str) -> Vec<u8> {
    let (width, height) = (tree.size().width() * POINTS, tree.size().height() * POINTS);
    let mut drawing = Drawing::new();
    drawing.group(tree.root(), Transform::from_row(POINTS, 0.0, 0.0, -POINTS, 0.0, height));
    let Drawing { content, opacities } = drawing;

    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    pdf.document_info(ABOUT).title(TextStr(title)).creator(TextStr(TOOL.name));
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, width, height)).parent(PAGES).contents(CONTENT);
    let mut resources = page.resources();
    let number = |index: usize| Ref::new(FIRST_OPACITY + i32::try_from(index).unwrap_or(i32::MAX));
    let mut named = resources.ext_g_states();
    for index in 0..opacities.len() {
        named.pair(Name(opacity_name(index).as_bytes()), number(index));
    }
    named.finish();
    resources.finish();
    page.finish();
    for (index, opacity) in opacities.iter().enumerate() {
        pdf.ext_graphics(number(index)).stroking_alpha(*opacity).non_stroking_alpha(*opacity);
    }
    let content = miniz_oxide::deflate::compress_to_vec_zlib(&content.finish(), COMPRESSION);
    pdf.stream(CONTENT, &content).filter(Filter::FlateDecode);
    pdf.finish()
}

fn opacity_name(index: usize) -> String {
    format!("O{index}")
}

/// The page so far, and what it refers to.
struct Drawing {
    content: Content,
    opacities: Vec<f32>,
}

impl Drawing {
    fn new() -> Drawing {
        Drawing { content: Content::new(), opacities: Vec::new() }
    }

    fn group(&mut self, group: &Group, transform: Transform) {
        let transform = transform.pre_concat(group.transform());
        for node in group.children() {
            match node {
                Node::Group(group) => self.group(group, transform),
                Node::Path(path) if path.is_visible() => self.path(path, transform),
                Node::Text(text) => self.group(text.flattened(), transform),
                Node::Path(_) | Node::Image(_) => {}
            }
        }
    }

    fn path(&mut self, path: &Path, transform: Transform) {
        if let Some(fill) = path.fill() {
            self.content.save_state();
            self.opacity(fill.opacity().get());
            self.outline(path, transform);
            match (fill.paint(), fill.rule()) {
                (Paint::Color(color), rule) => {
                    self.color(*color);
                    match rule {
                        FillRule::NonZero => self.content.fill_nonzero(),
                        FillRule::EvenOdd => self.content.fill_even_odd(),
                    };
                }
                (Paint::Pattern(pattern), _) => {
                    self.content.clip_nonzero().end_path();
                    self.bands(path, pattern, transform);
                }
                // No picture has gradients.
                (Paint::LinearGradient(_) | Paint::RadialGradient(_), _) => {
                    self.content.end_path();
                }
            }
            self.content.restore_state();
        }
        if let Some((stroke, Paint::Color(color))) = path.stroke().map(|stroke| (stroke, stroke.paint())) {
            let scale = (transform.sx * transform.sy - transform.kx * transform.ky).abs().sqrt();
            let [r, g, b] = rgb(*color);
            self.content.save_state();
            self.opacity(stroke.opacity().get());
            self.content.set_stroke_rgb(r, g, b).set_line_width(rounded(stroke.width().get() * scale));
            if let Some(dashes) = stroke.dasharray() {
                self.content.set_dash_pattern(dashes.iter().map(|dash| dash * scale), stroke.dashoffset() * scale);
            }
            self.outline(path, transform);
            self.content.stroke();
            self.content.restore_state();
        }
    }

    fn outline(&mut self, path: &Path, transform: Transform) {
        let at = |point: Point| {
            let mut point = point;
            transform.map_point(&mut point);
            (rounded(point.x), rounded(point.y))
        };
        let mut last = Point::zero();
        for segment in path.data().segments() {
            match segment {
                PathSegment::MoveTo(to) => {
                    let (x, y) = at(to);
                    self.content.move_to(x, y);
                    last = to;
                }
                PathSegment::LineTo(to) => {
                    let (x, y) = at(to);
                    self.content.line_to(x, y);
                    last = to;
                }
                PathSegment::QuadTo(control, to) => {
                    let near = |end: Point| {
                        Point::from_xy(end.x + (control.x - end.x) * 2.0 / 3.0, end.y + (control.y - end.y) * 2.0 / 3.0)
                    };
                    self.curve(at(near(last)), at(near(to)), at(to));
                    last = to;
                }
                PathSegment::CubicTo(first, second, to) => {
                    self.curve(at(first), at(second), at(to));
                    last = to;
                }
                PathSegment::Close => {
                    self.content.close_path();
                }
            }
        }
    }

    fn curve(&mut self, (x1, y1): (f32, f32), (x2, y2): (f32, f32), (x, y): (f32, f32)) {
        self.content.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn opacity(&mut self, opacity: f32) {
        if opacity >= 1.0 {
            return;
        }
        let known = self.opacities.iter().position(|known| *known == opacity);
        let index = known.unwrap_or_else(|| {
            self.opacities.push(opacity);
            self.opacities.len() - 1
        });
        self.content.set_parameters(Name(opacity_name(index).as_bytes()));
    }

    fn color(&mut self, color: Color) {
        let [r, g, b] = rgb(color);
        self.content.set_fill_rgb(r, g, b);
    }

    /// Fills a path with a pattern of grounds and upright bands, each in one piece: between tiles viewers show seams.
    fn bands(&mut self, path: &Path, pattern: &Pattern, transform: Transform) {
        let lies = transform.pre_concat(pattern.transform());
        let place = path.data().bounds().transform(transform);
        let Some(cover) = place.zip(lies.invert()).and_then(|(place, back)| place.transform(back)) else { return };
        let step = pattern.rect().width();
        for node in pattern.root().children() {
            let Node::Path(band) = node else { continue };
            let Some(Paint::Color(color)) = band.fill().map(|fill| fill.paint()) else { continue };
            self.color(*color);
            let bounds = band.bounding_box();
            if bounds.width() >= step {
                self.quad(cover, lies);
            } else {
                let first = ((cover.left() - bounds.right()) / step).floor() as i32;
                let last = ((cover.right() - bounds.left()) / step).ceil() as i32;
                for index in first..=last {
                    let by = index as f32 * step;
                    let band = Place::from_ltrb(bounds.left() + by, cover.top(), bounds.right() + by, cover.bottom());
                    band.into_iter().for_each(|band| self.quad(band, lies));
                }
            }
            self.content.fill_nonzero();
        }
    }

    fn quad(&mut self, rect: Place, transform: Transform) {
        let corners = [
            (rect.left(), rect.top()),
            (rect.right(), rect.top()),
            (rect.right(), rect.bottom()),
            (rect.left(), rect.bottom()),
        ];
        for (index, (x, y)) in corners.into_iter().enumerate() {
            let mut corner = Point::from_xy(x, y);
            transform.map_point(&mut corner);
            let (x, y) = (rounded(corner.x), rounded(corner.y));
            if index == 0 {
                self.content.move_to(x, y)
            } else {
                self.content.line_to(x, y)
            };
        }
        self.content.close_path();
    }
}

fn rgb(color: Color) -> [f32; 3] {
    [color.red, color.green, color.blue].map(|part| f32::from(part) / 255.0)
}

/// Three decimals of a point: less than a printer can show.
fn rounded(length: f32) -> f32 {
    (length * 1000.0).round() / 1000.0
}
