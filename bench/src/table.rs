//! The table, in Markdown.

/// Its columns.
const HEAD: [&str; 7] = [
    "work",
    "client",
    "figure",
    "× floor",
    "× oha",
    "beside it",
    "bar",
];

/// Rows as they are found.
#[derive(Debug, Default)]
pub struct Table(Vec<[String; HEAD.len()]>);

impl Table {
    /// Adds a row.
    pub fn row(&mut self, cells: [String; HEAD.len()]) {
        self.0.push(cells);
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head = HEAD.map(str::to_owned);
        let rule = HEAD.map(|_| "---".to_owned());
        [head, rule]
            .iter()
            .chain(&self.0)
            .map(|cells| line(cells))
            .collect()
    }
}
