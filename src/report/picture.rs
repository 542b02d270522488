//! The timeline as a still picture, for papers and posts: as SVG, and the same in pixels and as PDF.

mod canvas;
#[cfg(feature = "pictures")]
mod shapes;
mod words;

use maud::html;

use super::Report;
use super::drawing::{self, SHADES};
use super::html::credit;
use super::labels::PictureWidth;
use super::layers::Layers;
use super::rows::{self, Panel, Row};
use super::text::{count, from_to, percent, wrap};
use super::words::length;
use crate::detect::Outage;
use crate::observations::TOOL;
use crate::query::Target;
use crate::survey::Survey;
use crate::time::Window;
use canvas::{Canvas, Measures, STRIP, STRIP_STEP};
#[cfg(feature = "pictures")]
pub use shapes::{pdf, png};

const STYLE: &str = include_str!("picture.css");

/// Limits of longer lists.
const MOST_STRIPS: usize = 24;
const MOST_PREFIXES: usize = 8;
const MOST_COLLECTORS: usize = 6;
const MOST_READINGS: usize = 868;

/// The picture as SVG.
pub fn svg(report: &Report) -> String {
    let form = report.labels.picture;
    let mut canvas = Canvas::new(Measures::of(form.width), report.parameters.window());
    let (title, subtitle) = words::title(report);
    if form.has_title {
        let layout = canvas.layout;
        canvas.paragraph("title", layout.title, &title, 5);
        canvas.top += 4.0;
        for line in &subtitle {
            canvas.paragraph("subtitle", layout.subtitle, line, 8);
        }
        canvas.top += 14.0;
    }
    networks(&mut canvas, report);
    coverage(&mut canvas, report);
    source(&mut canvas, report);
    canvas.finish(&title, STYLE)
}

/// The looks of a survey as SVG: nothing is drawn between them, because nothing was looked at there.
pub(super) fn survey_svg(survey: &Survey) -> String {
    let layout = Measures::of(PictureWidth::default());
    let mut canvas = Canvas::new(layout, survey.query.window);
    let n = survey.prefixes.iter().map(|prefix| prefix.candidates.len()).sum();
    canvas.paragraph("title", layout.title, &format!("Survey: {} to replay", count(n, "window", "windows")), 5);
    let line = format!("{}, from RIB dumps alone", from_to(survey.query.window));
    canvas.paragraph("subtitle", layout.subtitle, &line, 1);
    canvas.top += 14.0;
    for prefix in &survey.prefixes {
        let lowest = prefix.looks.iter().filter_map(|look| look.share).min_by(f64::total_cmp);
        canvas.row_name("strong", &prefix.prefix.to_string(), &lowest.map_or("unknown".to_owned(), percent));
        let plot = canvas.plot(STRIP);
        let looks = prefix.looks.iter().map(|look| {
            let class = look.share.map_or("unknown", drawing::shade);
            html! { rect class=(class) x=(plot.x(look.at)) width="2" y=(plot.y(1.0)) height=(plot.height(1.0)) {} }
        });
        canvas.parts.push(html! { @for look in looks { (look) } });
        canvas.top += STRIP_STEP;
    }
    canvas.axis();
    let legend = "Each line is one look; the darker, the fewer full feeds hold the prefix. Hatched: unknown. Between the lines \
                  nothing was looked at.";
    canvas.small(legend, 2);
    canvas.top += 24.0;
    canvas.finish("Survey", STYLE)
}

/// A curve for each of a few networks with the strips of their prefixes, or a strip for each of many.
fn networks(canvas: &mut Canvas, report: &Report) {
    let (panels, left) = rows::panels(report, MOST_STRIPS, MOST_READINGS);
    if panels.len() > rows::MOST_CURVES {
        let what = format!("{}:", rows::quantity(&panels));
        canvas.small(&what, 2);
        canvas.top += 8.0;
        panels.iter().for_each(|panel| network(canvas, report, panel));
        canvas.axis();
        canvas.left_out(left, "network", "networks");
        let has_stuck = panels.iter().flat_map(|panel| &panel.readings).any(|reading| reading.is_stuck);
        let keys: Vec<_> = [("lost", "outage"), ("flap", "flap")].into_iter().chain(shades(has_stuck)).collect();
        canvas.keys("", &keys);
        return by_origins(canvas, &panels);
    }
    let height = if panels.len() > 1 { 84.0 } else { 150.0 };
    panels.iter().for_each(|panel| curve(canvas, report, panel, height));
    canvas.axis();
    canvas.keys("", &keys(&panels));
    by_origins(canvas, &panels);
    prefixes(canvas, report);
}

/// The groups of several ASes among the panels, the first few.
fn by_origins(canvas: &mut Canvas, panels: &[Panel]) {
    let layered = panels.iter().filter_map(|panel| Some((panel, panel.layers.as_ref()?)));
    layered.take(rows::MOST_LAYERED).for_each(|(panel, layers)| by_origin(canvas, panel, layers));
}

/// The space of a group, one layer for each AS that originates it.
fn by_origin(canvas: &mut Canvas, panel: &Panel, layers: &Layers) {
    const HEIGHT: f64 = 110.0;
    canvas.top += 4.0;
    canvas.small(&format!("{} by origin AS: address space still routed of {}", panel.name, layers.whole), 2);
    canvas.top += 8.0;
    let Measures { left, plot_width, .. } = canvas.layout;
    let (plot, top, grid) = (canvas.plot(HEIGHT), canvas.top, canvas.grid(HEIGHT));
    canvas.parts.push(html! {
        (grid)
        (layers.draw(&plot))
        rect.frame x=(left) y=(top) width=(plot_width) height=(HEIGHT) {}
    });
    canvas.top += HEIGHT + 6.0;
    canvas.axis();
    let names: Vec<(&str, String)> = layers.keys.iter().map(|(class, name)| (*class, canvas::cut(name, 34))).collect();
    let keys: Vec<(&str, &str)> = names.iter().map(|(class, name)| (*class, name.as_str())).collect();
    canvas.keys("", &keys);
}

/// The colours of the curves that are shown.
fn keys(panels: &[Panel]) -> Vec<(&'static str, &'static str)> {
    let readings = || panels.iter().flat_map(|panel| &panel.readings);
    let is_shown = |class: &str| match class {
        "lost" => panels.iter().any(|panel| !panel.outages.is_empty()),
        "flap" => panels.iter().flat_map(|panel| &panel.episodes).any(|episode| !episode.flaps.is_empty()),
        "stuck" => readings().any(|reading| reading.is_stuck),
        "unknown" => readings().any(|reading| reading.share.is_none() || reading.is_partly_unknown),
        _ => true,
    };
    let keys = [
        ("known", "still routed"),
        ("lost", "outage"),
        ("flap", "flap (short mark)"),
        ("stuck", "only stuck routes"),
        ("unknown", "unknown"),
        ("half", "one half"),
    ];
    keys.into_iter().filter(|(class, _)| is_shown(class)).collect()
}

/// The colours of strips.
fn shades(has_stuck: bool) -> Vec<(&'static str, &'static str)> {
    let stuck = has_stuck.then_some(("stuck", "only stuck routes"));
    SHADES.into_iter().chain(stuck).chain([("unknown", "unknown")]).collect()
}

fn curve(canvas: &mut Canvas, report: &Report, panel: &Panel, height: f64) {
    let layout = canvas.layout;
    let lowest = rows::lowest(&panel.readings).map_or("unknown".to_owned(), percent);
    let quantity = rows::quantity(std::slice::from_ref(panel));
    if layout.is_stacked {
        canvas.row_name("strong", &panel.name, &format!("lowest {lowest}"));
        for text in report.label(&panel.target).into_iter().chain([quantity]) {
            canvas.text("quiet", layout.margin, canvas.top + 12.0, &canvas::cut(text, 64));
            canvas.top += 16.0;
        }
    }
    lengths(canvas, &panel.outages);
    rail(canvas, panel, 9.0);
    let plot = canvas.plot(height);
    let (top, right) = (canvas.top, layout.left + layout.plot_width);
    if !layout.is_stacked {
        canvas.text("strong", layout.margin, top + 13.0, &canvas::cut(&panel.name, 20));
        let letters = (layout.name_width() / 6.4) as usize;
        let name = report.label(&panel.target).unwrap_or_default();
        let named = wrap(&canvas::printable(name), letters, 0).into_iter().take(2).filter(|line| !line.is_empty());
        let lines: Vec<String> = named.chain(wrap(quantity, letters, 0)).collect();
        for (index, line) in lines.iter().enumerate() {
            canvas.text("quiet", layout.margin, top + 30.0 + 16.0 * index as f64, line);
        }
        canvas.text("value", layout.width - layout.margin, top + 13.0, "lowest");
        canvas.text("value strong", layout.width - layout.margin, top + 31.0, &lowest);
    }
    for (share, label) in [(1.0, "100%"), (0.5, "50%"), (0.0, "0%")] {
        canvas.text("scale", layout.left - 6.0, top + height * (1.0 - share) + 4.0, label);
    }
    let window = canvas.window;
    let grid = canvas.grid(height);
    canvas.parts.push(html! {
        (grid)
        (drawing::area(&plot, &panel.readings))
        @for band in panel.outages.iter().filter_map(|outage| shown(outage, window)) {
            @if let Some(band) = drawing::block(&plot, &band, "outage") { (band) }
        }
        @for flap in panel.episodes.iter().flat_map(|episode| &episode.flaps) {
            @if let Some(band) = drawing::block(&plot, &flap.window, "flapped") { (band) }
        }
        line.half x1=(layout.left) x2=(right) y1=(plot.y(0.5)) y2=(plot.y(0.5)) {}
        rect.frame x=(layout.left) y=(top) width=(layout.plot_width) height=(height) {}
    });
    canvas.top += height + 6.0;
}

/// A network as a strip, with its outages above it.
fn network(canvas: &mut Canvas, report: &Report, panel: &Panel) {
    let lowest = rows::lowest(&panel.readings).map_or("unknown".to_owned(), percent);
    let name = match report.label(&panel.target) {
        Some(name) => format!("{} {name}", panel.name),
        None => panel.name.clone(),
    };
    canvas.row_name("", &name, &lowest);
    rail(canvas, panel, 4.0);
    canvas.top -= 7.0;
    let plot = canvas.plot(STRIP - 5.0);
    canvas.parts.push(drawing::strip(&plot, &panel.readings));
    canvas.top += STRIP;
}

/// The part of an outage that the window shows.
fn shown(outage: &Outage, window: Window) -> Option<Window> {
    let start = outage.fall.start().unwrap_or(window.start);
    Window::new(start, outage.fall.end().unwrap_or(window.end)).ok()?.intersect(&window)
}

/// How long outages lasted, above those that are wide enough.
fn lengths(canvas: &mut Canvas, outages: &[&Outage]) {
    let plot = canvas.plot(0.0);
    canvas.top += 18.0;
    for outage in outages {
        let Some(shown) = shown(outage, canvas.window) else { continue };
        let (Ok(x), Ok(width)) = (plot.x(shown.start).parse::<f64>(), plot.width(&shown).parse::<f64>()) else {
            continue;
        };
        let length = length(outage);
        if width >= 8.0 * length.chars().count() as f64 {
            canvas.text("length", x + width / 2.0, canvas.top - 6.0, &length);
        }
    }
}

/// Outages as bars, flaps as short marks.
fn rail(canvas: &mut Canvas, panel: &Panel, height: f64) {
    let (plot, top, window) = (canvas.plot(height), canvas.top, canvas.window);
    let flaps = panel.episodes.iter().flat_map(|e| &e.flaps).filter_map(|flap| flap.window.intersect(&window));
    let outages = panel.outages.iter().filter_map(|outage| shown(outage, window));
    canvas.parts.push(html! {
        @for flap in flaps {
            rect.flap x=(plot.x(flap.start)) width=(plot.width(&flap)) y=(top + height / 2.0) height=(height / 2.0) {}
        }
        @for outage in outages { @if let Some(bar) = drawing::block(&plot, &outage, "lost") { (bar) } }
    });
    canvas.top += 12.0;
}

fn prefixes(canvas: &mut Canvas, report: &Report) {
    let (rows, left) = rows::prefixes(report, MOST_PREFIXES, MOST_READINGS);
    let is_alone = matches!(report.parameters.query.targets.as_slice(), [Target::Prefix(..)]) && rows.len() == 1;
    if rows.is_empty() || is_alone {
        return;
    }
    canvas.top += 4.0;
    canvas.small("Each prefix: the share of the peer ASes that normally carry it and still see it", 2);
    canvas.top += 8.0;
    rows.iter().for_each(|row| strip(canvas, row));
    canvas.left_out(left, "prefix", "prefixes");
    canvas.top += 4.0;
    let has_stuck = rows.iter().flat_map(|row| &row.readings).any(|reading| reading.is_stuck);
    canvas.keys("", &shades(has_stuck));
}

fn strip(canvas: &mut Canvas, row: &Row) {
    canvas.row_name("", &row.name, &row.lowest().map_or("unknown".to_owned(), percent));
    let plot = canvas.plot(STRIP);
    canvas.parts.push(drawing::strip(&plot, &row.readings));
    canvas.top += STRIP_STEP;
}

fn coverage(canvas: &mut Canvas, report: &Report) {
    let collectors = rows::coverage(report);
    canvas.small("Coverage of the collectors; hatched is unknown", 1);
    canvas.top += 6.0;
    for (collector, unknown) in collectors.iter().take(MOST_COLLECTORS) {
        canvas.row_name("", collector.name(), "");
        let Measures { left, plot_width, .. } = canvas.layout;
        let (plot, top) = (canvas.plot(STRIP), canvas.top);
        let gaps = unknown.iter().filter_map(|row| drawing::block(&plot, &row.window, "unknown"));
        canvas.parts.push(html! {
            rect.covered x=(left) y=(top + 5.0) width=(plot_width) height="5" {}
            @for gap in gaps { (gap) }
        });
        canvas.top += STRIP_STEP;
    }
    canvas.left_out(collectors.len().saturating_sub(MOST_COLLECTORS), "collector", "collectors");
}

/// How sure it is, when, and from which data: a picture is often shared alone.
fn source(canvas: &mut Canvas, report: &Report) {
    canvas.top += 8.0;
    canvas.small(&words::sureness(report), 5);
    let made = format!("Window: {} UTC. Made by {} {}.", from_to(canvas.window), TOOL.name, TOOL.version);
    canvas.small(&made, 3);
    canvas.small(&credit(report), 12);
    canvas.top += canvas.layout.margin.clamp(6.0, 22.0);
}
