//! A still picture while it is drawn, from top to bottom: its measures, texts, keys and axes.

use maud::{Markup, html};

use super::super::drawing::{self, Plot, PlotPlace, Room, Side, Tick, dates, ticks};
use super::super::labels::PictureWidth;
use super::super::text::{count, is_unprintable, wrap};
use crate::time::Window;

/// The height of a strip, and the distance of the next one.
pub(super) const STRIP: f64 = 15.0;
pub(super) const STRIP_STEP: f64 = 20.0;

/// The size of most texts. In print it is 7 points high, the least that journals accept.
const SMALL: f64 = 13.0;
const POINTS_OF_SMALL: f64 = 7.0;
/// The width of an average letter, as a part of its size. Digits and capitals are wider.
const LETTER: f64 = 0.46;
const WIDE_LETTER: f64 = 0.55;
const TITLE_LETTER: f64 = 0.52;

/// The measures of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures {
    /// The class of its texts.
    pub class: &'static str,
    pub width: f64,
    pub margin: f64,
    /// Left edge and width of the plots: names are on their left, numbers on their right.
    pub left: f64,
    pub plot_width: f64,
    /// Whether names stand above the plots: there is no room beside them.
    pub is_stacked: bool,
    pub title: f64,
    pub subtitle: f64,
    /// The width on paper. None for pixels.
    pub inches: Option<f64>,
}

impl Measures {
    pub(super) fn of(width: PictureWidth) -> Measures {
        let units = |inches: f64| (inches * 72.0 * SMALL / POINTS_OF_SMALL).floor();
        match width {
            PictureWidth::Post => Measures {
                class: "post",
                width: 1200.0,
                margin: 36.0,
                left: 228.0,
                plot_width: 868.0,
                is_stacked: false,
                title: 31.0,
                subtitle: 18.0,
                inches: None,
            },
            PictureWidth::Page => Measures {
                class: "page",
                width: units(6.9),
                margin: 4.0,
                left: 196.0,
                plot_width: units(6.9) - 196.0 - 68.0,
                is_stacked: false,
                title: 22.0,
                subtitle: 15.0,
                inches: Some(6.9),
            },
            PictureWidth::Column => Measures {
                class: "column",
                width: units(3.3),
                margin: 3.0,
                left: 46.0,
                plot_width: units(3.3) - 46.0 - 4.0,
                is_stacked: true,
                title: 18.0,
                subtitle: 14.0,
                inches: Some(3.3),
            },
        }
    }

    /// The width of texts that go from margin to margin.
    pub(super) fn text_width(&self) -> f64 {
        self.width - 2.0 * self.margin
    }

    /// The width of the names on the left of plots.
    pub(super) fn name_width(&self) -> f64 {
        self.left - self.margin - 42.0
    }
}

/// The drawing so far.
pub(super) struct Canvas {
    pub layout: Measures,
    pub window: Window,
    pub top: f64,
    pub parts: Vec<Markup>,
}

impl Canvas {
    pub(super) fn new(layout: Measures, window: Window) -> Canvas {
        Canvas { layout, window, top: layout.margin.min(24.0), parts: Vec::new() }
    }

    pub(super) fn plot(&self, height: f64) -> Plot {
        let Measures { left, plot_width, .. } = self.layout;
        Plot { window: self.window, place: PlotPlace::Box { left, top: self.top, width: plot_width, height } }
    }

    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.parts.push(html! { text class=(class) x=(x) y=(y) { (printable(text)) } });
    }

    /// Lines of text below each other, from margin to margin.
    pub(super) fn paragraph(&mut self, class: &str, size: f64, text: &str, most: usize) {
        let letter = if class == "title" { TITLE_LETTER } else { LETTER };
        let letters = (self.layout.text_width() / (size * letter)) as usize;
        let lines = wrap(&printable(text), letters, 0);
        for (index, line) in lines.iter().take(most).enumerate() {
            let is_cut = index + 1 == most && lines.len() > most;
            self.top += (size * 1.36).round();
            let (x, y) = (self.layout.margin, self.top);
            self.text(class, x, y, &if is_cut { format!("{line} …") } else { line.clone() });
        }
    }

    /// A paragraph of the smallest text.
    pub(super) fn small(&mut self, text: &str, most: usize) {
        self.paragraph("quiet", SMALL, text, most);
    }

    /// The name of a row: beside its plot, or above it, with its number on the right.
    pub(super) fn row_name(&mut self, class: &str, name: &str, value: &str) {
        let Measures { margin, width, is_stacked, .. } = self.layout;
        let room = if is_stacked { width - 2.0 * margin - 60.0 } else { self.layout.left - margin - 8.0 };
        let name = cut(name, (room / (SMALL * WIDE_LETTER)) as usize);
        self.text(class, margin, self.top + 12.0, &name);
        self.text("value", width - margin, self.top + 12.0, value);
        if is_stacked {
            self.top += 16.0;
        }
    }

    /// Colours and their names, one after the other, in lines.
    pub(super) fn keys(&mut self, what: &str, keys: &[(&str, &str)]) {
        let Measures { margin, width, left, is_stacked, .. } = self.layout;
        let long = |text: &str| text.chars().count() as f64 * SMALL * LETTER;
        let begin = if is_stacked { margin } else { left };
        let mut x = begin;
        if !what.is_empty() {
            let at = if is_stacked { margin } else { margin.max(left - long(what) - 24.0) };
            self.text("quiet", at, self.top + 11.0, what);
            if is_stacked {
                self.top += 18.0;
            }
        }
        for (class, name) in keys {
            let next = x + 24.0 + long(name) + 16.0;
            if next - 16.0 > width - margin && x > begin {
                self.top += 18.0;
                x = begin;
            }
            let y = self.top;
            self.parts.push(match *class {
                // As it is drawn: half as high as an outage.
                "flap" => html! { rect class="flap" x=(x) y=(y + 7.0) width="4" height="5" {} },
                "half" => html! { line.half x1=(x) x2=(x + 18.0) y1=(y + 6.0) y2=(y + 6.0) {} },
                class => html! { rect class=(class) x=(x) y=(y) width="18" height="12" {} },
            });
            self.text("quiet", x + 23.0, y + 11.0, name);
            x += 24.0 + long(name) + 16.0;
        }
        self.top += 24.0;
    }

    fn ticks(&self) -> Vec<Tick> {
        ticks(self.window, Room { width: self.layout.plot_width, letter: SMALL * WIDE_LETTER })
    }

    pub(super) fn grid(&self, height: f64) -> Markup {
        let plot = self.plot(height);
        html! {
            g.grid {
                @for tick in self.ticks() {
                    line x1=(plot.x(tick.at)) x2=(plot.x(tick.at)) y1=(plot.y(1.0)) y2=(plot.y(0.0)) {}
                }
            }
        }
    }

    /// The marks of the time below plots, and its days.
    pub(super) fn axis(&mut self) {
        let plot = self.plot(0.0);
        let top = self.top - 6.0;
        for tick in self.ticks() {
            let x = plot.x(tick.at);
            let class = match tick.side {
                Side::First => "tick first",
                Side::Middle => "tick",
                Side::Last => "tick last",
            };
            self.parts.push(html! {
                line.mark x1=(x) x2=(x) y1=(top) y2=(top + 5.0) {}
                text class=(class) x=(x) y=(top + 19.0) { (tick.label) }
            });
        }
        let Measures { margin, left, is_stacked, .. } = self.layout;
        let days = format!("{}, UTC", dates(self.window));
        let letters = ((left - margin - 24.0) / (SMALL * LETTER)) as usize;
        match is_stacked {
            true => {
                self.text("quiet", left, top + 36.0, &days);
                self.top += 44.0;
            }
            false => {
                for (index, line) in wrap(&days, letters, 0).iter().enumerate() {
                    self.text("quiet", margin, top + 19.0 + 16.0 * index as f64, line);
                }
                self.top += 34.0;
            }
        }
    }

    pub(super) fn left_out(&mut self, n: usize, one: &str, many: &str) {
        if n > 0 {
            self.text("quiet", self.layout.left, self.top + 12.0, &format!("and {} not shown", count(n, one, many)));
            self.top += STRIP_STEP;
        }
    }

    /// The picture as SVG.
    pub(super) fn finish(&self, title: &str, style: &str) -> String {
        let Measures { class, width, inches, .. } = self.layout;
        let height = self.top.ceil();
        let size = |units: f64| match inches {
            Some(inches) => format!("{:.4}in", inches * units / width),
            None => units.to_string(),
        };
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" class=(class) width=(size(width)) height=(size(height)) viewBox={ "0 0 " (width) " " (height) } role="img" {
                title { (printable(title)) }
                style { (maud::PreEscaped(style)) }
                (drawing::patterns())
                rect.ground width=(width) height=(height) {}
                @for part in &self.parts { (part) }
            }
        };
        svg.into_string() + "\n"
    }
}

/// Replaces characters that XML does not allow.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect()
}

/// At most `most` letters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }
}
