//! A small SVG writer: shapes with classes, no font metrics, coordinates to a hundredth.
//!
//! The classes get their colours from [`style`]: as values with a rule for dark screens in a file of its own, as CSS
//! variables within HTML. Colours are never the only difference: series have markers and dashes too.

use std::fmt::Write as _;

use crate::report::escape;

/// Width of a character of small text, generously; texts are laid out by it.
pub const CHARACTER: f64 = 6.4;

/// Paper around the drawing in a file of its own.
const MARGIN: f64 = 16.0;

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Svg {
    width: f64,
    height: f64,
    title: String,
    description: String,
    body: String,
}

/// Where a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Begins there.
    Start,
    /// Around it.
    Middle,
    /// Ends there.
    End,
}

/// How a point is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square on its corner.
    Diamond,
    /// A triangle.
    Triangle,
    /// A square.
    Square,
    /// An upright bar.
    Bar,
    /// A cross: a point that says nothing of the target.
    Cross,
}

/// Markers of series, in order.
pub const MARKERS: [Marker; 4] = [
    Marker::Circle,
    Marker::Diamond,
    Marker::Triangle,
    Marker::Square,
];

impl Svg {
    /// An empty drawing.
    pub fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        Self {
            width,
            height,
            title: escape::line(title),
            description: escape::line(description),
            body: String::new(),
        }
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it shows, in words.
    pub fn description(&self) -> &str {
        &self.description
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.body.write_fmt(arguments);
    }

    /// A straight line from (x, y) to (x, y).
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format_args!(
            "<path class=\"{class}\" d=\"M{} {}L{} {}\"/>",
            c(from.0),
            c(from.1),
            c(to.0),
            c(to.1)
        ));
    }

    /// Many level lines at once, each from x to x at a y.
    pub fn strokes(&mut self, class: &str, strokes: &[(f64, f64, f64)]) {
        let mut path = String::new();
        for (from, to, y) in strokes {
            let _ = write!(path, "M{} {}H{}", c(*from), c(*y), c(*to));
        }
        if !path.is_empty() {
            self.path(class, "", &path);
        }
    }

    /// Many upright bars at once, so high, around their places.
    pub fn bars(&mut self, class: &str, places: &[(f64, f64)], height: f64) {
        let mut path = String::new();
        for (x, y) in places {
            let _ = write!(path, "M{} {}v{}", c(*x), c(y - height / 2.0), c(height));
        }
        if !path.is_empty() {
            self.path(class, "", &path);
        }
    }

    /// A line through points, dashed where `dash` says how.
    pub fn polyline(&mut self, class: &str, dash: &str, points: &[(f64, f64)]) {
        if points.len() < 2 {
            return;
        }
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let _ = write!(
                path,
                "{}{} {}",
                if index == 0 { 'M' } else { 'L' },
                c(*x),
                c(*y)
            );
        }
        self.path(class, dash, &path);
    }

    /// Steps: each point holds to the next one's x, the last to `end`.
    pub fn steps(&mut self, class: &str, dash: &str, points: &[(f64, f64)], end: f64) {
        let Some((x, y)) = points.first() else { return };
        let mut path = format!("M{} {}", c(*x), c(*y));
        let mut at = *y;
        for (x, y) in &points[1..] {
            if c(*y) != c(at) {
                let _ = write!(path, "H{}V{}", c(*x), c(*y));
                at = *y;
            }
        }
        let _ = write!(path, "H{}", c(end));
        self.path(class, dash, &path);
    }

    fn path(&mut self, class: &str, dash: &str, path: &str) {
        let dash = if dash.is_empty() {
            String::new()
        } else {
            format!(" stroke-dasharray=\"{dash}\"")
        };
        self.push(format_args!("<path class=\"{class}\"{dash} d=\"{path}\"/>"));
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            c(x),
            c(y),
            c(width.max(0.0)),
            c(height.max(0.0))
        ));
    }

    /// A text; `class` beside that of all texts.
    pub fn text(&mut self, class: &str, anchor: Anchor, (x, y): (f64, f64), text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " m",
            Anchor::End => " e",
        };
        let text = escape::xml(&escape::line(text));
        self.push(format_args!(
            "<text class=\"t {class}{anchor}\" x=\"{}\" y=\"{}\">{text}</text>",
            c(x),
            c(y)
        ));
    }

    /// A text that is at most so wide: cut, and squeezed where the font is wider than thought.
    pub fn text_within(
        &mut self,
        class: &str,
        anchor: Anchor,
        place: (f64, f64),
        (text, width): (&str, f64),
    ) {
        self.text(class, anchor, place, &shortened(text, width));
    }

    /// A point.
    pub fn marker(&mut self, class: &str, marker: Marker, (x, y): (f64, f64), r: f64) {
        let path = match marker {
            Marker::Circle => {
                self.push(format_args!(
                    "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
                    c(x),
                    c(y),
                    c(r)
                ));
                return;
            }
            Marker::Diamond => format!(
                "M{} {}l{r} {r}l-{r} {r}l-{r} -{r}z",
                c(x),
                c(y - r * 1.2),
                r = c(r * 1.2)
            ),
            Marker::Triangle => format!(
                "M{} {}l{} {}h-{}z",
                c(x),
                c(y - r * 1.15),
                c(r * 1.15),
                c(r * 2.0),
                c(r * 2.3)
            ),
            Marker::Square => format!(
                "M{} {}h{s}v{s}h-{s}z",
                c(x - r * 0.9),
                c(y - r * 0.9),
                s = c(r * 1.8)
            ),
            Marker::Bar => format!("M{} {}v{}", c(x), c(y - r * 1.3), c(r * 2.6)),
            Marker::Cross => format!(
                "M{} {}l{s} {s}m0 -{s}l-{s} {s}",
                c(x - r),
                c(y - r),
                s = c(r * 2.0)
            ),
        };
        self.push(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    /// Opens a group whose shapes answer a pointer with `tip`.
    pub fn open(&mut self, class: &str, tip: &str) {
        self.push(format_args!(
            "<g class=\"{class}\"><title>{}</title>",
            escape::xml(&escape::line(tip))
        ));
    }

    /// Closes the group.
    pub fn close(&mut self) {
        self.body.push_str("</g>");
    }

    /// The drawing as a part of HTML; `id` must be the only one of its kind there. The page styles it.
    pub fn inline(&self, id: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {w} {h}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title>\
             <desc id=\"{id}-d\">{}</desc>{}</svg>",
            escape::xml(&self.title),
            escape::xml(&self.description),
            self.body,
            w = c(self.width),
            h = c(self.height),
        )
    }

    /// The drawing as a file of its own, with its style.
    pub fn file(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{MARGIN} -{MARGIN} {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
             aria-labelledby=\"t d\">\n<title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>\n<style>{}@media(prefers-color-scheme:dark){{{}}}</style>\n\
             <rect class=\"p\" x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"100%\" height=\"100%\"/>\n{}\n</svg>\n",
            escape::xml(&self.title),
            escape::xml(&self.description),
            style(|name| colour(name, false).to_owned()),
            style(|name| colour(name, true).to_owned()),
            // A line a shape, so that a diff shows what moved.
            self.body.replace("><", ">\n<"),
            w = c(self.width + 2.0 * MARGIN),
            h = c(self.height + 2.0 * MARGIN),
        )
    }
}

/// A coordinate: at most two decimals, none that are 0.
fn c(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Colours by name: on light and on dark paper, text at least 4.5:1 and lines at least 3:1 against it.
const COLOURS: [(&str, &str, &str); 11] = [
    ("paper", "#ffffff", "#14171b"),
    ("ink", "#1b2027", "#e7eaee"),
    ("dim", "#5b6470", "#9fa9b5"),
    ("grid", "#e4e7eb", "#2b313a"),
    ("axis", "#8a939e", "#6b7683"),
    ("k0", "#1d5bb8", "#7eb0ff"),
    ("k1", "#b4530a", "#f2a65a"),
    ("k2", "#18794e", "#5cc99a"),
    ("k3", "#8a3799", "#d99ae8"),
    ("bad", "#b3261e", "#ff8f85"),
    ("band", "#f1f3f6", "#1c2127"),
];

/// A colour by name.
pub fn colour(name: &str, dark: bool) -> &'static str {
    COLOURS
        .iter()
        .find(|(known, _, _)| *known == name)
        .map_or(
            "#808080",
            |(_, light, darker)| if dark { darker } else { light },
        )
}

/// Names of the colours.
pub fn colour_names() -> impl Iterator<Item = &'static str> {
    COLOURS.iter().map(|(name, _, _)| *name)
}

/// The rules for the classes, with colours as `colour` gives them.
pub fn style(colour: impl Fn(&str) -> String) -> String {
    let mut rules = String::from(
        ".t{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;fill:{ink}}.s{font-size:11px;fill:{dim}}\
         .b{font-weight:600}.v{fill:{bad}}.e{text-anchor:end}.m{text-anchor:middle}.p{fill:{paper}}.n{fill:{band}}\
         .g{stroke:{grid}}.a{stroke:{axis}}.l{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linejoin:round}\
         .w{fill:none;stroke:currentColor;stroke-width:5;stroke-opacity:.28}.f{fill:currentColor;stroke:{paper};stroke-width:1}\
         .h{fill:{paper};stroke:currentColor;stroke-width:1.5}.x{fill:none;stroke:currentColor;stroke-width:1.8}\
         .c0{color:{k0}}.c1{color:{k1}}.c2{color:{k2}}.c3{color:{k3}}.cb{color:{bad}}.cd{color:{dim}}\
         .t0{fill:{k0}}.t1{fill:{k1}}.t2{fill:{k2}}.t3{fill:{k3}}",
    );
    for name in colour_names() {
        rules = rules.replace(&format!("{{{name}}}"), &colour(name));
    }
    rules
}

/// A text cut to so many pixels.
pub fn shortened(text: &str, width: f64) -> String {
    escape::shorten(text, characters(width))
}

/// Characters that have room in so many pixels.
pub fn characters(width: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive width of at most hundreds"
    )]
    let most = (width / CHARACTER).max(1.0) as usize;
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_two_decimals_at_most() {
        for (value, text) in [
            (1.0, "1"),
            (1.005, "1"),
            (1.256, "1.26"),
            (-0.001, "0"),
            (10.0, "10"),
            (0.5, "0.5"),
            (100.0, "100"),
        ] {
            assert_eq!(c(value), text);
        }
    }

    #[test]
    fn a_file_names_itself_and_carries_its_own_dark_colours() {
        let mut svg = Svg::new(100.0, 50.0, "a <b>", "what");
        svg.text("s", Anchor::Middle, (1.0, 2.0), "x & \u{202e}y");
        let file = svg.file();
        for part in [
            "role=\"img\"",
            "<title id=\"t\">a &lt;b&gt;</title>",
            "<desc id=\"d\">what</desc>",
            "prefers-color-scheme:dark",
            "x &amp; ⟨U+202E⟩y",
        ] {
            assert!(file.contains(part), "{part} in {file}");
        }
        assert!(!file.contains('{') || !file.contains("{ink}"));
        assert!(!svg.inline("x").contains("<style"));
    }

    fn luminance(hex: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn colours_stand_out_from_the_paper_in_both_themes() {
        for dark in [false, true] {
            let paper = luminance(colour("paper", dark));
            for (name, least) in [
                ("ink", 7.0),
                ("dim", 4.5),
                ("k0", 4.5),
                ("k1", 4.5),
                ("k2", 4.5),
                ("k3", 4.5),
                ("bad", 4.5),
                ("axis", 3.0),
            ] {
                let other = luminance(colour(name, dark));
                let contrast = (paper.max(other) + 0.05) / (paper.min(other) + 0.05);
                assert!(contrast >= least, "{name} (dark: {dark}) has {contrast:.2}");
            }
        }
    }
}
