//! The growth plot: CPU time of this library and of bare decompression, both axes logarithmic.

use std::fmt::Write as _;

use super::jobs::Growth;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 48.0;

pub fn growth(points: &[Growth]) -> String {
    let mut kinds: Vec<&str> = points.iter().map(|point| point.of).collect();
    kinds.dedup();
    let (width, height) = (WIDTH * kinds.len() as f64, HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (index, kind) in kinds.iter().enumerate() {
        let own: Vec<&Growth> = points.iter().filter(|point| point.of == *kind).collect();
        svg += &panel(kind, &own, WIDTH * index as f64);
    }
    svg += "</svg>\n";
    svg
}

fn panel(kind: &str, points: &[&Growth], left: f64) -> String {
    let costs = || points.iter().flat_map(|point| [point.own.cpu(), point.limit.cpu()]);
    let low = costs().fold(f64::INFINITY, f64::min).max(1e-3).log10().floor();
    let high = costs().fold(0.0, f64::max).max(1e-2).log10().ceil().max(low + 1.0);
    let last = points.iter().map(|point| point.n as f64).fold(1.0, f64::max).log10().max(0.1);
    let x = |n: usize| left + MARGIN + (n as f64).log10() / last * (WIDTH - 1.6 * MARGIN);
    let y = |cost: f64| HEIGHT - MARGIN - (cost.max(1e-3).log10() - low) / (high - low) * (HEIGHT - 1.8 * MARGIN);
    let mut svg = String::new();
    for power in low as i32..=high as i32 {
        let (value, at) = (10f64.powi(power), y(10f64.powi(power)));
        let (begin, end) = (left + MARGIN, left + WIDTH - 0.6 * MARGIN);
        let _ = writeln!(svg, "<path d=\"M{begin:.0} {at:.1}H{end:.0}\" stroke=\"#ddd\"/>");
        let _ =
            writeln!(svg, "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value} s</text>", begin - 5.0, at + 4.0);
    }
    for point in points {
        let (at, below) = (x(point.n), HEIGHT - MARGIN + 16.0);
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{below:.0}\" text-anchor=\"middle\">{}</text>", point.n);
    }
    let middle = left + WIDTH / 2.0;
    let _ = writeln!(svg, "<text x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{kind}</text>", HEIGHT - 12.0);
    let mut line = |name: &str, colour: &str, offset: f64, cost: &dyn Fn(&Growth) -> f64| {
        let path: Vec<String> = points.iter().map(|point| format!("{:.1} {:.1}", x(point.n), y(cost(point)))).collect();
        let _ = writeln!(svg, "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join("L"));
        let _ =
            writeln!(svg, "<text x=\"{:.0}\" y=\"{offset:.0}\" fill=\"{colour}\">{name}</text>", left + MARGIN + 6.0);
    };
    line("bare decompression", "#767676", 18.0, &|point| point.limit.cpu());
    line("this library, CPU time", "#0b6e99", 32.0, &|point| point.own.cpu());
    svg
}
