//! The timeline as a still picture, for papers and posts: as SVG, and the same in pixels.
//!
//! Pixels are drawn with Roboto, which is part of the program, so that they are the same on every machine.

use std::sync::Arc;

use maud::{Markup, PreEscaped, html};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use super::drawing::{self, Plot, PlotPlace, Tick, ticks};
use super::headlines::{self, Headline};
use super::html::credit;
use super::rows::{self, Panel, Row};
use super::sureness::Sureness;
use super::text::{count, from_to, is_unprintable, percent, wrap};
use super::words::{self, Statement};
use super::{Report, quiet};
use crate::detect::Outage;
use crate::error::Error;
use crate::observations::TOOL;
use crate::query::Target;
use crate::survey::Survey;
use crate::time::Window;

const STYLE: &str = include_str!("picture.css");
const REGULAR: &[u8] = include_bytes!("fonts/Roboto-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("fonts/Roboto-Medium.ttf");

/// Pixels of a PNG for each unit of the drawing: sharp on dense screens and in print.
const SCALE: f32 = 2.0;

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 36.0;
/// Left edge and width of the plots: names are on their left, numbers on their right.
const LEFT: f64 = 228.0;
const PLOT_WIDTH: f64 = 868.0;
const STRIP: f64 = 15.0;
const STRIP_STEP: f64 = 20.0;
/// Limits of longer lists.
const MOST_LINES: usize = 5;
const MOST_TARGETS: usize = 20;
const MOST_PANELS: usize = 4;
const MOST_PREFIXES: usize = 8;
const MOST_COLLECTORS: usize = 6;
const MOST_READINGS: usize = 868;
const MOST_TICKS: usize = 10;

/// The picture as SVG.
pub fn svg(report: &Report) -> String {
    let mut drawing = Drawing { window: report.parameters.window(), top: 0.0, parts: Vec::new() };
    drawing.title(report);
    drawing.panels(report);
    drawing.prefixes(report);
    drawing.coverage(report);
    drawing.source(report);
    let height = drawing.top.ceil();
    let (title, _) = title(report);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox={ "0 0 " (WIDTH) " " (height) } role="img" {
            title { (printable(&title)) }
            style { (PreEscaped(STYLE)) }
            (drawing::hatching())
            rect.ground width=(WIDTH) height=(height) {}
            @for part in &drawing.parts { (part) }
        }
    };
    svg.into_string() + "\n"
}

/// The looks of a survey as SVG: nothing is drawn between them, because nothing was looked at there.
pub(super) fn survey_svg(survey: &Survey) -> String {
    let mut drawing = Drawing { window: survey.query.window, top: 24.0, parts: Vec::new() };
    let n = survey.prefixes.iter().map(|prefix| prefix.candidates.len()).sum();
    drawing.paragraph("title", &format!("Survey: {} to replay", count(n, "window", "windows")), 68, 38.0, 5);
    let line = format!("{}, from RIB dumps alone", from_to(survey.query.window));
    drawing.paragraph("subtitle", &line, 130, 25.0, 1);
    drawing.top += 14.0;
    for prefix in &survey.prefixes {
        let plot = drawing.plot(STRIP);
        let top = drawing.top;
        drawing.text("strong", MARGIN, top + 12.0, &cut(&prefix.prefix.to_string(), 24));
        let lowest = prefix.looks.iter().filter_map(|look| look.share).min_by(f64::total_cmp);
        let right = LEFT + PLOT_WIDTH + 60.0;
        drawing.text("value", right, top + 12.0, &lowest.map_or("unknown".to_owned(), percent));
        let looks = prefix.looks.iter().map(|look| {
            let class = look.share.map_or("unknown", drawing::shade);
            html! { rect class=(class) x=(plot.x(look.at)) width="2" y=(plot.y(1.0)) height=(plot.height(1.0)) {} }
        });
        drawing.parts.push(html! { @for look in looks { (look) } });
        drawing.top += STRIP_STEP;
    }
    drawing.axis();
    let legend = "Each line is one look; the darker, the fewer full feeds hold the prefix. Hatched: unknown. Between the lines \
                  nothing was looked at.";
    drawing.paragraph("quiet small", legend, 150, 22.0, 2);
    let height = (drawing.top + 24.0).ceil();
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox={ "0 0 " (WIDTH) " " (height) } role="img" {
            title { "Survey" }
            style { (PreEscaped(STYLE)) }
            (drawing::hatching())
            rect.ground width=(WIDTH) height=(height) {}
            @for part in &drawing.parts { (part) }
        }
    };
    svg.into_string() + "\n"
}

/// The picture as PNG.
pub fn png(report: &Report) -> Result<Vec<u8>, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Picture { source };
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(MEDIUM.to_vec());
    let options =
        usvg::Options { fontdb: Arc::new(fonts), font_family: "Roboto".to_owned(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&svg(report), &options).map_err(|error| failed(error.into()))?;
    let size = tree.size();
    let (width, height) = ((size.width() * SCALE).ceil() as u32, (size.height() * SCALE).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| failed("the picture is too large".into()))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.into()))
}

/// Returns the title, and the lines under it.
fn title(report: &Report) -> (String, Vec<String>) {
    match headlines::of_targets(report).as_slice() {
        [only] => title_of_one(report, only),
        all => title_of_many(report, all),
    }
}

/// Returns how many targets had an outage, then the longest outage of each target and family.
fn title_of_many(report: &Report, headlines: &[Headline]) -> (String, Vec<String>) {
    let n = headlines.iter().filter(|headline| !headline.outages.is_empty()).count();
    let title = match n {
        0 if report.is_sufficient() => format!("No outage at {} targets", headlines.len()),
        0 if headlines.iter().any(|headline| headline.summary.is_sufficient()) => {
            format!("No outage seen at {} targets; the data do not suffice for all", headlines.len())
        }
        0 => format!("None of {} targets could be judged over the whole window", headlines.len()),
        n => format!("{n} of {} targets had an outage", headlines.len()),
    };
    let mut lines: Vec<String> = headlines.iter().flat_map(|headline| lines_of(&headline.outages)).collect();
    lines.extend(quiet::flapping(report, headlines));
    if headlines.len() > MOST_TARGETS {
        lines = words::overview(report, headlines).split_off(1);
    } else if lines.len() > MOST_LINES {
        let left = lines.len() - (MOST_LINES - 1);
        lines.truncate(MOST_LINES - 1);
        lines.push(format!("… and {left} more."));
    }
    (title, lines)
}

/// Returns the longest outage of a target in each family, and how many more there were.
fn lines_of(outages: &[&Outage]) -> Vec<String> {
    let line = |longest: &Outage| {
        let Statement { what, when, .. } = words::statement(longest);
        match outages.iter().filter(|outage| outage.subject.family == longest.subject.family).count() - 1 {
            0 => format!("{what} {when}."),
            n => format!("{what} {when}; {}.", count(n, "other outage", "other outages")),
        }
    };
    headlines::longest(outages).into_iter().map(line).collect()
}

fn title_of_one(report: &Report, headline: &Headline) -> (String, Vec<String>) {
    let outages = &headline.outages;
    let longest =
        headlines::longest(outages).into_iter().max_by_key(|o| (o.fall.duration(), std::cmp::Reverse(o.fall.start())));
    let Some(longest) = longest else { return (words::headline(report, headline), Vec::new()) };
    let Statement { what, when, who } = words::statement(longest);
    let mut sentences = vec![format!("{}: {who}.", capitalised(&when))];
    if outages.len() > 1 {
        sentences.push(format!("{} in the window.", count(outages.len() - 1, "other outage", "other outages")));
    }
    sentences.extend(Sureness::new(report).edge_sentence(longest));
    sentences.extend(words::too_short(report, longest));
    sentences.extend(quiet::flaps_beside(outages, &headline.flaps));
    let unjudged = quiet::unjudged(report, headline.summary).filter(|unjudged| !unjudged.is_all);
    sentences.extend(unjudged.map(|unjudged| unjudged.text + "."));
    (what, vec![sentences.join(" ")])
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Replaces characters that XML does not allow.
fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect()
}

/// At most `most` letters.
fn cut(text: &str, most: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= most { text } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// The drawing so far, from top to bottom.
struct Drawing {
    window: Window,
    top: f64,
    parts: Vec<Markup>,
}

impl Drawing {
    fn plot(&self, height: f64) -> Plot {
        Plot { window: self.window, place: PlotPlace::Box { left: LEFT, top: self.top, width: PLOT_WIDTH, height } }
    }

    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.parts.push(html! { text class=(class) x=(x) y=(y) { (text) } });
    }

    /// Lines of text below each other.
    fn paragraph(&mut self, class: &str, text: &str, letters: usize, step: f64, most: usize) {
        let lines = wrap(&printable(text), letters, 0);
        for (index, line) in lines.iter().take(most).enumerate() {
            let is_cut = index + 1 == most && lines.len() > most;
            self.top += step;
            self.text(class, MARGIN, self.top, &if is_cut { format!("{line} …") } else { line.clone() });
        }
    }

    fn title(&mut self, report: &Report) {
        let (title, subtitle) = title(report);
        self.top = 24.0;
        self.paragraph("title", &title, 68, 38.0, 5);
        self.top += 4.0;
        for line in &subtitle {
            self.paragraph("subtitle", line, 130, 25.0, 4);
        }
        self.top += 14.0;
    }

    fn panels(&mut self, report: &Report) {
        let (panels, left) = rows::panels(report, MOST_PANELS, MOST_READINGS);
        let height = if panels.len() > 1 { 84.0 } else { 150.0 };
        for panel in &panels {
            self.panel(panel, height);
        }
        self.axis();
        self.left_out(left, "network", "networks");
    }

    fn panel(&mut self, panel: &Panel, height: f64) {
        self.lengths(&panel.outages);
        self.rail(panel);
        let plot = self.plot(height);
        let (top, right) = (self.top, LEFT + PLOT_WIDTH);
        self.text("strong", MARGIN, top + 13.0, &cut(&panel.name, 22));
        let what = match panel.scope {
            crate::detect::Scope::Asn => ["share of its address", "space not lost"],
            crate::detect::Scope::Prefix => ["share of the peers", "that see it"],
        };
        for (line, y) in what.into_iter().zip([31.0, 47.0]) {
            self.text("quiet small", MARGIN, top + y, line);
        }
        for (share, label) in [(1.0, "100 %"), (0.5, "50 %"), (0.0, "0 %")] {
            self.text("scale", LEFT - 8.0, top + height * (1.0 - share) + 4.0, label);
        }
        let grid = self.grid(height);
        let content = html! {
            @for band in panel.outages.iter().filter_map(|outage| self.shown(outage)) {
                @if let Some(band) = drawing::block(&plot, &band, "outage") { (band) }
            }
            (grid)
            line.half x1=(LEFT) x2=(right) y1=(plot.y(0.5)) y2=(plot.y(0.5)) {}
            (drawing::area(&plot, &panel.readings))
            rect.frame x=(LEFT) y=(top) width=(PLOT_WIDTH) height=(height) {}
        };
        self.parts.push(content);
        if let Some(lowest) = rows::lowest(&panel.readings) {
            self.text("value", WIDTH - MARGIN, top + 13.0, "lowest");
            self.text("value strong", WIDTH - MARGIN, top + 31.0, &percent(lowest));
        }
        self.top += height + 6.0;
    }

    /// The part of an outage that the window shows.
    fn shown(&self, outage: &Outage) -> Option<Window> {
        let start = outage.fall.start().unwrap_or(self.window.start);
        Window::new(start, outage.fall.end().unwrap_or(self.window.end)).ok()?.intersect(&self.window)
    }

    /// How long outages lasted, above those that are wide enough.
    fn lengths(&mut self, outages: &[&Outage]) {
        let plot = self.plot(0.0);
        self.top += 18.0;
        for outage in outages {
            let Some(shown) = self.shown(outage) else { continue };
            let (Ok(x), Ok(width)) = (plot.x(shown.start).parse::<f64>(), plot.width(&shown).parse::<f64>()) else {
                continue;
            };
            let length = words::length(outage);
            if width >= 8.0 * length.chars().count() as f64 {
                self.text("length", x + width / 2.0, self.top - 6.0, &length);
            }
        }
    }

    /// Outages as bars, flaps as short marks.
    fn rail(&mut self, panel: &Panel) {
        let (plot, top) = (self.plot(9.0), self.top);
        let flaps = panel.episodes.iter().flat_map(|e| &e.flaps).filter_map(|flap| flap.window.intersect(&self.window));
        let outages = panel.outages.iter().filter_map(|outage| self.shown(outage));
        let rail = html! {
            @for flap in flaps { rect.flap x=(plot.x(flap.start)) width=(plot.width(&flap)) y=(top + 5.0) height="4" {} }
            @for outage in outages { @if let Some(bar) = drawing::block(&plot, &outage, "lost") { (bar) } }
        };
        self.parts.push(rail);
        self.top += 12.0;
    }

    fn ticks(&self) -> Vec<Tick> {
        ticks(self.window, MOST_TICKS)
    }

    fn grid(&self, height: f64) -> Markup {
        let plot = self.plot(height);
        html! {
            g.grid {
                @for tick in self.ticks() {
                    line x1=(plot.x(tick.at)) x2=(plot.x(tick.at)) y1=(plot.y(1.0)) y2=(plot.y(0.0)) {}
                }
            }
        }
    }

    fn axis(&mut self) {
        let plot = self.plot(0.0);
        let top = self.top - 6.0;
        for tick in self.ticks() {
            let x = plot.x(tick.at);
            self.parts.push(html! {
                line.mark x1=(x) x2=(x) y1=(top) y2=(top + 5.0) {}
                text.tick x=(x) y=(top + 19.0) { (tick.label) }
            });
        }
        let date = self.window.start.to_datetime().format("%Y-%m-%d, UTC").to_string();
        self.text("quiet small", MARGIN, top + 19.0, &date);
        self.top += 30.0;
    }

    fn prefixes(&mut self, report: &Report) {
        let (rows, left) = rows::prefixes(report, MOST_PREFIXES, MOST_READINGS);
        let is_alone = matches!(report.parameters.query.targets.as_slice(), [Target::Prefix(..)]) && rows.len() == 1;
        if rows.is_empty() || is_alone {
            return;
        }
        self.legend();
        for row in &rows {
            self.strip(row);
        }
        self.left_out(left, "prefix", "prefixes");
        self.top += 12.0;
    }

    fn legend(&mut self) {
        let y = self.top;
        self.text("quiet small", MARGIN, y + 11.0, "Peers that see each prefix");
        self.text("quiet small", LEFT, y + 11.0, "all");
        let mut x = LEFT + 24.0;
        for shade in ["n5", "n4", "n3", "n2", "n1", "n0"] {
            self.parts.push(html! { rect class=(shade) x=(x) y=(y) width="18" height="12" {} });
            x += 20.0;
        }
        self.text("quiet small", x + 4.0, y + 11.0, "none");
        self.parts.push(html! { rect.unknown x=(x + 66.0) y=(y) width="18" height="12" {} });
        self.text("quiet small", x + 90.0, y + 11.0, "unknown");
        self.top += 22.0;
    }

    fn strip(&mut self, row: &Row) {
        let plot = self.plot(STRIP);
        self.text("", MARGIN, self.top + 12.0, &cut(&row.name, 24));
        self.parts.push(drawing::strip(&plot, &row.readings));
        let lowest = row.lowest().map_or("unknown".to_owned(), percent);
        self.text("value", WIDTH - MARGIN, self.top + 12.0, &lowest);
        self.top += STRIP_STEP;
    }

    fn left_out(&mut self, n: usize, one: &str, many: &str) {
        if n > 0 {
            self.text("quiet small", LEFT, self.top + 12.0, &format!("and {} not shown", count(n, one, many)));
            self.top += STRIP_STEP;
        }
    }

    fn coverage(&mut self, report: &Report) {
        let collectors = rows::coverage(report);
        self.text("quiet small", MARGIN, self.top + 11.0, "Coverage of the collectors; hatched is unknown");
        self.top += 20.0;
        for (collector, unknown) in collectors.iter().take(MOST_COLLECTORS) {
            let plot = self.plot(STRIP);
            self.text("", MARGIN, self.top + 12.0, &cut(collector.name(), 24));
            let gaps = unknown.iter().filter_map(|row| drawing::block(&plot, &row.window, "unknown"));
            self.parts.push(html! {
                rect.covered x=(LEFT) y=(self.top + 5.0) width=(PLOT_WIDTH) height="5" {}
                @for gap in gaps { (gap) }
            });
            self.top += STRIP_STEP;
        }
        self.left_out(collectors.len().saturating_sub(MOST_COLLECTORS), "collector", "collectors");
    }

    fn source(&mut self, report: &Report) {
        self.top += 8.0;
        let made = format!("Window: {} UTC. Made by {} {}.", from_to(self.window), TOOL.name, TOOL.version);
        self.paragraph("quiet small", &made, 170, 18.0, 3);
        self.paragraph("quiet small", &credit(report), 170, 18.0, 5);
        self.top += 22.0;
    }
}
