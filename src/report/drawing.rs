//! Shapes shared by every picture of a run. The page and the still picture differ in where a plot lies and in their
//! style sheets, not in the drawing.
//!
//! Shapes have classes, no colours: `known`, `unknown`, `stuck`, `outage`, and `n0` (no peer sees it) to `n5` (all do).

mod axis;
mod readings;

use maud::{Markup, html};

use crate::time::{Timestamp, Window};

pub(super) use axis::{Room, Side, Tick, dates, ticks};
pub(super) use readings::{Reading, merged, thinned};

/// A plot: time from left to right, shares from bottom to top.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub window: Window,
    pub place: PlotPlace,
}

/// Where a plot lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PlotPlace {
    /// All of the element that holds it, in per cent: it follows every size and zoom.
    Everywhere,
    /// A rectangle, in pixels.
    Box { left: f64, top: f64, width: f64, height: f64 },
}

impl Plot {
    /// Over the whole of its element.
    pub(super) fn everywhere(window: Window) -> Plot {
        Plot { window, place: PlotPlace::Everywhere }
    }

    /// The part of the window's length at which an instant lies.
    pub(super) fn part(&self, at: Timestamp) -> f64 {
        at.micros_since(self.window.start) as f64 / self.window.end.micros_since(self.window.start) as f64
    }

    /// Returns the distance of an instant from the left.
    pub(super) fn x(&self, at: Timestamp) -> String {
        match self.place {
            PlotPlace::Everywhere => per_cent(self.part(at)),
            PlotPlace::Box { left, width, .. } => pixels(left + width * self.part(at)),
        }
    }

    /// Returns the width of an interval.
    pub(super) fn width(&self, interval: &Window) -> String {
        let part = self.part(interval.end) - self.part(interval.start);
        match self.place {
            PlotPlace::Everywhere => per_cent(part),
            PlotPlace::Box { width, .. } => pixels(width * part),
        }
    }

    /// Returns the distance of a share from the top.
    pub(super) fn y(&self, share: f64) -> String {
        match self.place {
            PlotPlace::Everywhere => per_cent(1.0 - share),
            PlotPlace::Box { top, height, .. } => pixels(top + height * (1.0 - share)),
        }
    }

    /// Returns the height of a share.
    pub(super) fn height(&self, share: f64) -> String {
        match self.place {
            PlotPlace::Everywhere => per_cent(share),
            PlotPlace::Box { height, .. } => pixels(height * share),
        }
    }
}

/// Five decimals of a per cent: a tenth of a second in four months.
fn per_cent(part: f64) -> String {
    if part == 0.0 { "0".to_owned() } else { format!("{}%", trimmed(part * 100.0, 5)) }
}

fn pixels(length: f64) -> String {
    trimmed(length, 2)
}

/// A number without needless zeros, the same on every machine.
fn trimmed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A rectangle of the full height for the part of an interval that the plot shows.
pub(super) fn block(plot: &Plot, interval: &Window, class: &str) -> Option<Markup> {
    let shown = interval.intersect(&plot.window)?;
    Some(html! {
        rect class=(class) x=(plot.x(shown.start)) width=(plot.width(&shown)) y=(plot.y(1.0)) height=(plot.height(1.0)) {}
    })
}

/// The shades of [`shade`] from all to nothing, with what a legend says of each.
pub(super) const SHADES: [(&str, &str); 6] =
    [("n5", "all"), ("n4", "≥ 75%"), ("n3", "≥ 50%"), ("n2", "≥ 25%"), ("n1", "> 0%"), ("n0", "none")];

/// Shades of how much is seen: `n0` nothing, `n5` everything, equal steps between.
pub(super) fn shade(share: f64) -> &'static str {
    match share {
        share if share <= 0.0 => "n0",
        share if share < 0.25 => "n1",
        share if share < 0.5 => "n2",
        share if share < 0.75 => "n3",
        share if share < 1.0 => "n4",
        _ => "n5",
    }
}

/// A strip of shades; what is unknown is hatched.
pub(super) fn strip(plot: &Plot, readings: &[Reading]) -> Markup {
    let class = |reading: &Reading| match reading.share {
        Some(_) if reading.is_stuck => "stuck",
        share => share.map_or("unknown", shade),
    };
    let mut blocks: Vec<(Window, &str)> = Vec::new();
    for reading in readings {
        match blocks.last_mut() {
            Some((last, shade)) if *shade == class(reading) && last.end == reading.window.start => {
                last.end = reading.window.end;
            }
            _ => blocks.push((reading.window, class(reading))),
        }
    }
    let partly = readings.iter().filter(|reading| reading.is_partly_unknown);
    html! {
        @for (interval, class) in &blocks { @if let Some(block) = block(plot, interval, class) { (block) } }
        @for reading in partly { @if let Some(block) = block(plot, &reading.window, "unknown") { (block) } }
    }
}

/// The share over time as a filled area with a line on top; what is unknown is hatched over the full height.
pub(super) fn area(plot: &Plot, readings: &[Reading]) -> Markup {
    let shown = readings.iter().filter_map(|reading| Some((reading.window.intersect(&plot.window)?, reading)));
    let known: Vec<(Window, f64)> = shown.clone().filter_map(|(window, r)| Some((window, r.share?))).collect();
    let filled =
        shown.clone().filter_map(|(window, r)| Some((window, r.share.filter(|share| *share > 0.0)?, r.is_stuck)));
    let unknown = shown.filter(|(_, reading)| reading.share.is_none() || reading.is_partly_unknown);
    html! {
        @for (window, share, is_stuck) in filled {
            @let class = if is_stuck { "stuck" } else { "known" };
            rect class=(class) x=(plot.x(window.start)) width=(plot.width(&window)) y=(plot.y(share)) height=(plot.height(share)) {}
        }
        @for (window, _) in unknown { @if let Some(block) = block(plot, &window, "unknown") { (block) } }
        (outline(plot, &known))
    }
}

/// The line along the top of an area: level while the share is constant, upright where it changes.
fn outline(plot: &Plot, known: &[(Window, f64)]) -> Markup {
    let falls = known.windows(2).filter_map(|pair| match pair {
        [(before, from), (after, to)] if before.end == after.start && from != to => Some((after.start, *from, *to)),
        _ => None,
    });
    html! {
        g class="outline" {
            @for (window, share) in known {
                line x1=(plot.x(window.start)) x2=(plot.x(window.end)) y1=(plot.y(*share)) y2=(plot.y(*share)) {}
            }
            @for (at, from, to) in falls {
                line x1=(plot.x(at)) x2=(plot.x(at)) y1=(plot.y(from)) y2=(plot.y(to)) {}
            }
        }
    }
}

/// The patterns with which everything unknown is filled, and what only stuck routes still show.
pub(super) fn patterns() -> Markup {
    html! {
        defs {
            @for name in ["hatching", "stuck"] {
                pattern id=(name) patternUnits="userSpaceOnUse" width="6" height="6" patternTransform="rotate(45)" {
                    rect class={ (name) "-ground" } width="6" height="6" {}
                    rect class={ (name) "-line" } width="1.6" height="6" {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_needless_digits() {
        assert_eq!(
            [0.0, 12.5, 100.0, 0.123_456_7, -0.0].map(|number| trimmed(number, 5)),
            ["0", "12.5", "100", "0.12346", "0"]
        );
    }

    #[test]
    fn only_none_and_all_have_the_outermost_shades() {
        assert_eq!([0.0, 0.01, 0.3, 0.6, 0.999, 1.0].map(shade), ["n0", "n1", "n2", "n3", "n4", "n5"]);
    }
}
