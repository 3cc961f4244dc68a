//! Pictures made by the server: data in, SVG out. Coordinates are whole numbers, colours are classes of the stylesheet, and
//! every picture says in words what it shows.

use ankuan_ledger::Amount;
use maud::{Markup, html};

/// A group of bars: what stands below it, and a value for each series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Below the bars.
    pub label: String,
    /// One a series.
    pub values: Vec<Amount>,
}

/// A chart of bars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bars {
    /// What it shows.
    pub title: String,
    /// The same in a sentence.
    pub description: String,
    /// What each series is.
    pub series: Vec<String>,
    /// From left to right.
    pub groups: Vec<Group>,
}

const BAR_WIDTH: i64 = 16;
const BAR_GAP: i64 = 3;
/// At least so much lies between groups; a chart of few groups takes its whole width.
const GROUP_GAP: i64 = 18;
const PLOT_HEIGHT: i64 = 150;
const TOP: i64 = 24;
const LEFT: i64 = 8;
/// Below the plot: months and legend.
const BELOW: i64 = 46;
/// Room for the legend even where there are few bars.
const WIDTH_MIN: i64 = 360;

/// How high a value stands, of `full` for `most`; what is above zero is seen.
fn height(value: Amount, most: Amount, full: i64) -> i64 {
    if value <= Amount::ZERO || most <= Amount::ZERO {
        return 0;
    }
    let scaled = i128::from(value.minor()) * i128::from(full) / i128::from(most.minor());
    i64::try_from(scaled).unwrap_or(full).clamp(1, full)
}

/// Draws bars.
#[must_use]
pub fn bars(chart: &Bars) -> Markup {
    let series = chart.series.len().max(1) as i64;
    let (groups, bars_width) = (chart.groups.len().max(1) as i64, series * (BAR_WIDTH + BAR_GAP) - BAR_GAP);
    let group_width = (bars_width + GROUP_GAP).max((WIDTH_MIN - LEFT * 2) / groups);
    let width = LEFT * 2 + group_width * groups;
    let most = chart.groups.iter().flat_map(|group| group.values.iter().copied()).max().unwrap_or_default();
    let (floor, total) = (TOP + PLOT_HEIGHT, TOP + PLOT_HEIGHT + BELOW);
    html! {
        figure.chart {
            svg viewBox=(format!("0 0 {width} {total}")) role="img" aria-label=(chart.title) {
                title { (chart.title) }
                desc { (chart.description) }
                line.axis x1="0" y1=(floor) x2=(width) y2=(floor) {}
                line.grid x1="0" y1=(TOP) x2=(width) y2=(TOP) {}
                text.label x=(LEFT) y=(TOP - 6) { (most) }
                @for (place, group) in (0..).zip(&chart.groups) {
                    @let left = LEFT + place * group_width + (group_width - bars_width) / 2;
                    @for (number, value) in (0..).zip(&group.values) {
                        @let tall = height(*value, most, PLOT_HEIGHT);
                        rect class=(format!("series-{number}")) x=(left + number * (BAR_WIDTH + BAR_GAP)) y=(floor - tall)
                            width=(BAR_WIDTH) height=(tall) {
                            title { (group.label) " " (chart.series.get(number as usize).map_or("", String::as_str)) " " (value) }
                        }
                    }
                    text.label.middle x=(left + bars_width / 2) y=(floor + 16) { (group.label) }
                }
                @for (number, name) in (0..).zip(&chart.series) {
                    rect class=(format!("series-{number}")) x=(LEFT + number * 110) y=(total - 18) width="12" height="12" {}
                    text.label x=(LEFT + number * 110 + 18) y=(total - 8) { (name) }
                }
            }
        }
    }
}

/// A place where money is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Column and row, from 0.
    pub at: (i64, i64),
    /// What it is.
    pub label: String,
    /// What is there; nothing for a place that money only passes.
    pub amount: Option<Amount>,
}

/// What moved from one node to another, by their places in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// From.
    pub from: usize,
    /// To.
    pub to: usize,
    /// How much.
    pub amount: Amount,
}

const BOX_WIDTH: i64 = 136;
const BOX_HEIGHT: i64 = 52;
const COLUMN: i64 = BOX_WIDTH + 132;
const ROW: i64 = BOX_HEIGHT + 34;
/// Between arrows that end at one place.
const ARROWS_APART: i64 = 18;

/// Draws the way of money: places, and arrows with amounts.
#[must_use]
pub fn way(title: &str, description: &str, nodes: &[Node], edges: &[Edge]) -> Markup {
    let columns = nodes.iter().map(|node| node.at.0 + 1).max().unwrap_or(1);
    // Rows above the first place would be empty.
    let first = nodes.iter().map(|node| node.at.1).min().unwrap_or(0);
    let rows = nodes.iter().map(|node| node.at.1 + 1 - first).max().unwrap_or(1);
    let (width, total) = (columns * COLUMN - (COLUMN - BOX_WIDTH) + 2, rows * ROW);
    let corner = |node: &Node| (1 + node.at.0 * COLUMN, 8 + (node.at.1 - first) * ROW);
    let arrows = edges.iter().enumerate().filter_map(|(place, edge)| {
        let (from, to) = (nodes.get(edge.from)?, nodes.get(edge.to)?);
        let (start, end) = (corner(from), corner(to));
        if from.at.0 == to.at.0 {
            return Some(upright(edge, start, end));
        }
        // Arrows that end at one place end below each other.
        let level = |other: &&Edge| nodes.get(other.from).is_some_and(|node| node.at.0 != to.at.0);
        let ending: Vec<&Edge> = edges.iter().filter(|other| other.to == edge.to).filter(level).collect();
        let before = edges[..place].iter().filter(|other| other.to == edge.to).filter(level).count() as i64;
        let spread = before * 2 - (ending.len() as i64 - 1);
        let y2 = end.1 + BOX_HEIGHT / 2 + spread * ARROWS_APART / 2;
        let (x1, y1, x2) = (start.0 + BOX_WIDTH, start.1 + BOX_HEIGHT / 2, end.0 - 7);
        let bend = x1 + 20;
        let path = format!("M{x1} {y1} C{bend} {y1} {x1} {y2} {} {y2} L{x2} {y2}", x1 + 34);
        Some(html! {
            path.edge d=(path) {}
            path.head d=(format!("M{x2} {} l7 5 l-7 5 z", y2 - 5)) {}
            text.amount.end x=(x2 - 4) y=(y2 - 5) { (edge.amount) }
        })
    });
    let arrows: Vec<Markup> = arrows.collect();
    html! {
        figure.chart.way.wide-only {
            svg viewBox=(format!("0 0 {width} {total}")) role="img" aria-label=(title) {
                title { (title) }
                desc { (description) }
                @for arrow in &arrows { (arrow) }
                @for node in nodes {
                    @let (x, y) = corner(node);
                    rect.node x=(x) y=(y) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="6" {}
                    text.middle x=(x + BOX_WIDTH / 2) y=(y + if node.amount.is_some() { 21 } else { 31 }) { (node.label) }
                    @if let Some(amount) = node.amount {
                        text.amount.middle x=(x + BOX_WIDTH / 2) y=(y + 40) { (amount) }
                    }
                }
            }
        }
    }
}

/// An arrow within a column.
fn upright(edge: &Edge, start: (i64, i64), end: (i64, i64)) -> Markup {
    let x = start.0 + BOX_WIDTH / 2 + if start.1 < end.1 { 10 } else { -10 };
    let (y1, y2, head) = if start.1 < end.1 {
        (start.1 + BOX_HEIGHT, end.1 - 7, "l-5 0 l5 7 l5 -7 z")
    } else {
        (start.1, end.1 + BOX_HEIGHT + 7, "l-5 0 l5 -7 l5 7 z")
    };
    let label_x = if start.1 < end.1 { x + 6 } else { x - 6 };
    let side = if start.1 < end.1 { "amount" } else { "amount end" };
    // Beside the lower half, where no box stands.
    let label_y = end.1 - 13 + if start.1 < end.1 { 0 } else { BOX_HEIGHT + 34 };
    html! {
        line.edge x1=(x) y1=(y1) x2=(x) y2=(y2) {}
        path.head d=(format!("M{x} {y2} {head}")) {}
        text class=(side) x=(label_x) y=(label_y) { (edge.amount) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_values() {
        let amount = Amount::from_minor;
        assert_eq!(height(amount(0), amount(100), 150), 0);
        assert_eq!(height(amount(50), amount(100), 150), 75);
        assert_eq!(height(amount(1), amount(i64::MAX), 150), 1, "what is there is seen");
        assert_eq!(height(amount(i64::MAX), amount(i64::MAX), 150), 150);
        assert_eq!(height(amount(-5), amount(100), 150), 0);
    }

    #[test]
    fn a_chart_says_what_it_shows() {
        let group = |label: &str, values: [i64; 2]| Group {
            label: label.to_owned(),
            values: values.map(Amount::from_minor).to_vec(),
        };
        let chart = Bars {
            title: "收付".to_owned(),
            description: "按月<收付>".to_owned(),
            series: vec!["收".to_owned(), "付".to_owned()],
            groups: vec![group("10", [10_000, 5_000]), group("11", [0, 20_000])],
        };
        let drawn = bars(&chart).into_string();
        assert!(drawn.contains("<desc>按月&lt;收付&gt;</desc>"), "{drawn}");
        assert!(drawn.contains(r#"class="series-1" x="95" y="137" width="16" height="37""#), "{drawn}");
        assert!(drawn.contains(r#"class="series-1" x="267" y="24" width="16" height="150""#), "{drawn}");
        assert!(!drawn.contains("style="), "the policy of contents forbids it");
        assert!(drawn.contains("200.00"));
    }

    #[test]
    fn arrows_that_end_at_one_place_stand_apart() {
        let node = |at, label: &str| Node { at, label: label.to_owned(), amount: None };
        let nodes = [node((0, 0), "a"), node((0, 1), "b"), node((1, 0), "c")];
        let edge = |from, minor| Edge { from, to: 2, amount: Amount::from_minor(minor) };
        let drawn = way("t", "d", &nodes, &[edge(0, 100), edge(1, 200)]).into_string();
        let heights: Vec<&str> = drawn.split("amount end\" x=\"258\" y=\"").skip(1).map(|rest| &rest[..2]).collect();
        assert_eq!(heights, ["20", "38"], "{drawn}");
        // What is not there is not drawn.
        assert!(
            !way("t", "d", &nodes, &[Edge { from: 9, to: 2, amount: Amount::ZERO }]).into_string().contains("path")
        );
    }
}
