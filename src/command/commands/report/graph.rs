//! The picture: pins, the repositories that they were built from, what built them, and who saw it, in four columns.
//!
//! A line is drawn only where something was proved. Where nothing was, a broken line ends in a box that says so.

use super::html::{escaped, shortened};

/// One way through the picture.
pub(super) struct Path {
    pub(super) pin: String,
    /// Repository, builder and log, as far as they were proved; or what is known instead.
    pub(super) way: Result<[String; 3], &'static str>,
}

/// A column of boxes, each with its text once, in the order in which they come first.
#[derive(Default)]
struct Column(Vec<(String, bool)>);

impl Column {
    /// The place of a box.
    fn place(&mut self, text: &str, is_gap: bool) -> usize {
        let found = self.0.iter().position(|(known, gap)| known == text && *gap == is_gap);
        found.unwrap_or_else(|| {
            self.0.push((text.to_owned(), is_gap));
            self.0.len().saturating_sub(1)
        })
    }
}

/// A line from a box to one of the next column.
#[derive(PartialEq)]
struct Line {
    column: usize,
    from: usize,
    to: usize,
    is_gap: bool,
}

/// The picture as inline SVG.
pub(super) fn svg(paths: &[Path]) -> String {
    let mut columns: [Column; 4] = Default::default();
    let mut lines: Vec<Line> = Vec::new();
    let [pins, repositories, builders, logs] = &mut columns;
    for path in paths {
        let pin = pins.place(&path.pin, false);
        let mut places = vec![pin];
        match &path.way {
            Ok([repository, builder, log]) => {
                let proved = [(repository, &mut *repositories), (builder, &mut *builders), (log, &mut *logs)];
                places.extend(proved.map(|(text, column)| column.place(text, false)));
            }
            Err(why) => places.push(repositories.place(why, true)),
        }
        for (column, pair) in places.windows(2).enumerate() {
            let [from, to] = *pair else { continue };
            let line = Line { column, from, to, is_gap: path.way.is_err() };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let rows = columns.iter().map(|column| column.0.len()).max().unwrap_or_default();
    let height = TOP.saturating_add(rows.saturating_mul(ROW));
    let mut svg = format!("<svg viewBox='0 0 {WIDTH} {height}' role='img' aria-label='Who built what from where'>\n");
    for (index, title) in TITLES.iter().enumerate() {
        svg.push_str(&format!("<text class='title' x='{}' y='18'>{title}</text>\n", left(index)));
    }
    for line in &lines {
        svg.push_str(&drawn(line));
    }
    for (index, column) in columns.iter().enumerate() {
        for (row, (text, is_gap)) in column.0.iter().enumerate() {
            svg.push_str(&boxed(index, row, text, *is_gap));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

const fn left(column: usize) -> usize {
    column.saturating_mul(BOX + GAP)
}

const fn middle(row: usize) -> usize {
    TOP.saturating_add(row.saturating_mul(ROW)).saturating_add(HIGH / 2)
}

fn drawn(line: &Line) -> String {
    let (x1, x2) = (left(line.column).saturating_add(BOX), left(line.column.saturating_add(1)));
    let (y1, y2, half) = (middle(line.from), middle(line.to), GAP / 2);
    let class = if line.is_gap { "line gap" } else { "line" };
    let (x3, x4) = (x1.saturating_add(half), x2.saturating_sub(half));
    format!("<path class='{class}' d='M{x1} {y1}C{x3} {y1} {x4} {y2} {x2} {y2}'/>\n")
}

fn boxed(column: usize, row: usize, text: &str, is_gap: bool) -> String {
    let (x, y) = (left(column), TOP.saturating_add(row.saturating_mul(ROW)));
    let class = if is_gap { "box gap" } else { "box" };
    let label = text.strip_prefix("https://github.com/").unwrap_or(text);
    format!(
        "<g class='{class}'><title>{}</title><rect x='{x}' y='{y}' width='{BOX}' height='{HIGH}' rx='4'/>\
         <text x='{}' y='{}'>{}</text></g>\n",
        escaped(text),
        x.saturating_add(8),
        y.saturating_add(17),
        escaped(&shortened(label, LETTERS)),
    )
}

const TITLES: [&str; 4] = ["Pin", "Built from", "Built by", "Seen by"];
/// A box, and what is between two of them; and how many letters go into one.
const BOX: usize = 220;
const GAP: usize = 60;
const LETTERS: usize = 30;
const HIGH: usize = 26;
const ROW: usize = 36;
const TOP: usize = 30;
const WIDTH: usize = 4 * BOX + 3 * GAP;
