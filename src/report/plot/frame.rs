//! The frame of a plot with two scales: grid, ticks, names of the axes.

use super::scale::{PlotScale, tick_label};
use super::svg::{Anchor, CHARACTER, Svg};

/// The area that values are drawn in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Area {
    /// The place of a value on the upright scale.
    pub fn y(&self, scale: &PlotScale, value: f64) -> f64 {
        scale.place(value, self.bottom, self.top)
    }

    /// The place of a value on the level scale.
    pub fn x(&self, scale: &PlotScale, value: f64) -> f64 {
        scale.place(value, self.left, self.right)
    }
}

/// Lines across the area with their values at the left, and above them what they are.
pub fn upright(svg: &mut Svg, area: &Area, scale: &PlotScale, name: &str) {
    for tick in scale.ticks() {
        let y = area.y(scale, *tick);
        svg.line("g", (area.left, y), (area.right, y));
        svg.text(
            "s",
            Anchor::End,
            (area.left - 7.0, y + 3.8),
            &tick_label(*tick),
        );
    }
    svg.text(
        "s",
        Anchor::Start,
        (area.left - 40.0, area.top - 12.0),
        name,
    );
}

/// The lower edge with its values, and below them what they are.
pub fn level(svg: &mut Svg, area: &Area, scale: &PlotScale, name: &str) {
    svg.line("a", (area.left, area.bottom), (area.right, area.bottom));
    for tick in scale.ticks() {
        let x = area.x(scale, *tick);
        svg.line("a", (x, area.bottom), (x, area.bottom + 4.0));
    }
    tick_labels(svg, area, scale);
    svg.text(
        "s",
        Anchor::Middle,
        (f64::midpoint(area.left, area.right), area.bottom + 34.0),
        name,
    );
}

/// The values of a level scale below the area; one that would touch the one before it is left out.
pub fn tick_labels(svg: &mut Svg, area: &Area, scale: &PlotScale) {
    let mut taken = f64::NEG_INFINITY;
    for tick in scale.ticks() {
        let (x, text) = (area.x(scale, *tick), tick_label(*tick));
        let half = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX)) * CHARACTER / 2.0;
        if x - half >= taken {
            svg.text("s", Anchor::Middle, (x, area.bottom + 17.0), &text);
            taken = x + half + CHARACTER;
        }
    }
}

/// Says in the middle of an area that there is nothing to draw.
pub fn nothing(svg: &mut Svg, area: &Area, why: &str) {
    svg.rectangle(
        "n",
        (area.left, area.top),
        (area.right - area.left, area.bottom - area.top),
    );
    svg.text(
        "s",
        Anchor::Middle,
        (
            f64::midpoint(area.left, area.right),
            f64::midpoint(area.top, area.bottom) + 4.0,
        ),
        why,
    );
}
