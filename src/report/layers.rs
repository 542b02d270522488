//! The address space of a group over time, one layer for each AS that originates it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::Report;
use super::drawing::{self, Plot};
use super::text::grouped;
use crate::bgp::Family;
use crate::detect::{SpaceLayer, SpaceTimeline};
use crate::query::Target;
use crate::time::{Timestamp, Window};

/// With more ASes than this, the smallest are one layer.
const MOST_NAMED: usize = 7;

/// Layers that lie on each other, the largest at the bottom.
pub(super) struct Layers {
    /// The classes and the names of the layers.
    pub keys: Vec<(&'static str, String)>,
    /// What the height of the plot stands for: `1,024 /24`.
    pub whole: String,
    cells: Vec<Cell>,
    unknown: Vec<Window>,
}

/// An interval in which nothing changes.
struct Cell {
    window: Window,
    /// The share of the whole at which each layer ends.
    tops: Vec<f64>,
}

/// The classes of layers in style sheets.
const CLASSES: [&str; MOST_NAMED + 1] =
    ["layer0", "layer1", "layer2", "layer3", "layer4", "layer5", "layer6", "layer7"];

impl Layers {
    /// Returns the layers of a network, with at most `most_cells` intervals; in each, a layer is as high as at its lowest. None if one
    /// AS originates all of it.
    pub(super) fn new(report: &Report, network: &SpaceTimeline, most_cells: usize) -> Option<Layers> {
        let window = report.parameters.window();
        let layers: Vec<&SpaceLayer> = network.layers.iter().collect();
        let space = |layers: &[&SpaceLayer]| layers.iter().map(|layer| layer.space()).sum::<u64>();
        let whole = space(&layers);
        if layers.len() < 2 || whole == 0 {
            return None;
        }
        let n_named = if layers.len() <= MOST_NAMED + 1 { layers.len() } else { MOST_NAMED };
        let (named, others) = layers.split_at(n_named);
        let name = |layer: &&SpaceLayer| match layer.origin {
            Some(asn) => report.labelled(&Target::Asn(asn)),
            None => "unknown origin".to_owned(),
        };
        let mut names: Vec<String> = named.iter().map(name).collect();
        if !others.is_empty() {
            names.push(format!("{} more ASes", others.len()));
        }
        let stacked: Vec<&[&SpaceLayer]> = named.chunks(1).chain((!others.is_empty()).then_some(others)).collect();
        let windows = windows(&layers, window, most_cells);
        let mut cells: Vec<Cell> = windows.iter().map(|window| Cell { window: *window, tops: Vec::new() }).collect();
        for layers in stacked {
            let mut up = vec![0; windows.len()];
            for layer in layers {
                let lowest = layer.lowest_in(&windows);
                up.iter_mut().zip(lowest).for_each(|(up, lowest)| *up += lowest.unwrap_or_default());
            }
            for (cell, up) in cells.iter_mut().zip(up) {
                cell.tops.push(cell.tops.last().copied().unwrap_or_default() + up as f64 / whole as f64);
            }
        }
        let unknown = network.steps.intervals().filter(|(_, step)| !step.observed);
        let unit = if network.subject.family == Family::V4 { "/24" } else { "/48" };
        Some(Layers {
            keys: CLASSES.into_iter().zip(names).collect(),
            whole: format!("{} {unit}", grouped(whole)),
            cells,
            unknown: unknown.filter_map(|(interval, _)| interval.intersect(&window)).collect(),
        })
    }

    /// Draws them from the bottom of a plot; what is unknown is hatched.
    pub(super) fn draw(&self, plot: &Plot) -> Markup {
        html! {
            @for (index, class) in CLASSES.iter().enumerate().take(self.keys.len()) {
                @for (window, from, to) in self.blocks(index) {
                    rect class=(class) x=(plot.x(window.start)) width=(plot.width(&window)) y=(plot.y(to)) height=(plot.height(to - from)) {}
                }
            }
            @for window in &self.unknown {
                @if let Some(block) = drawing::block(plot, window, "unknown") { (block) }
            }
        }
    }

    /// Where a layer begins and ends, in intervals as long as that stays the same.
    fn blocks(&self, index: usize) -> Vec<(Window, f64, f64)> {
        let mut blocks: Vec<(Window, f64, f64)> = Vec::new();
        for Cell { window, tops } in &self.cells {
            let from = index.checked_sub(1).and_then(|below| tops.get(below)).copied().unwrap_or_default();
            let to = tops.get(index).copied().unwrap_or_default();
            match blocks.last_mut() {
                Some((last, a, b)) if (*a, *b) == (from, to) && last.end == window.start => last.end = window.end,
                _ if to > from => blocks.push((*window, from, to)),
                _ => {}
            }
        }
        blocks
    }
}

/// The intervals between the changes of all layers or, if these are too many, equal parts of the window.
fn windows(layers: &[&SpaceLayer], window: Window, most: usize) -> Vec<Window> {
    let of_layer = |layer: &&SpaceLayer| -> Vec<Timestamp> {
        let clipped = layer.steps.intervals().filter_map(|(interval, _)| interval.intersect(&window));
        clipped.flat_map(|interval| [interval.start, interval.end]).collect()
    };
    let mut bounds: BTreeSet<Timestamp> = layers.iter().flat_map(of_layer).collect();
    if bounds.len() > most {
        let part = |n: usize| window.start + window.duration().mul_f64(n as f64 / most as f64);
        bounds = (0..most).map(part).chain([window.end]).collect();
    }
    let bounds: Vec<Timestamp> = bounds.into_iter().collect();
    bounds.windows(2).filter_map(|pair| Window::new(*pair.first()?, *pair.last()?).ok()).collect()
}
