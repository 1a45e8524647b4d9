//! What a reader must see before the first number: the verdict in a sentence, and what makes numbers void.

use serde::Serialize;

use super::axes::Axes;
use super::comparison;
use crate::results::{CellResult, ObjectiveVerdict, Results, ValidityStatus};

/// Metrics of those requests alone whose limits are defined.
const OF_LIMITS: [&str; 3] = ["slo_attainment", "slo_met", "goodput"];

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Verdict {
    /// In one or two sentences.
    pub sentence: String,
    /// `good`, `bad`, `void` or `incomplete`.
    pub kind: &'static str,
    /// The exit code of `run`.
    pub exit_code: u8,
    /// Why it is not 0.
    pub reasons: Vec<String>,
    /// Objectives by what became of them.
    pub objectives: Objectives,
}

/// How many objectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Objectives {
    /// All.
    pub all: usize,
    /// Reached, in cells that are not INVALID.
    pub met: usize,
    /// Not reached, in cells that are not INVALID.
    pub missed: usize,
    /// Nothing to hold against the bound, in cells that are not INVALID.
    pub no_data: usize,
    /// Of INVALID cells, whatever their numbers say.
    pub void: usize,
}

/// Something that stands above the first number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Banner {
    /// `INCOMPLETE`, `INVALID` or `CLIENT_LIMITED`.
    pub kind: &'static str,
    /// What it means.
    pub text: String,
    /// The cells, each with its reasons.
    pub items: Vec<BannerItem>,
}

/// A cell in a banner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BannerItem {
    /// The cell's label.
    pub cell: String,
    /// Why.
    pub text: String,
}

/// Counts with a noun: `1 cell`, `2 cells`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

impl Objectives {
    fn of(results: &Results) -> Self {
        let mut counts = Self::default();
        // What a probe misses is what its search is for.
        for cell in results.cells.iter().filter(|cell| !results.is_probe(cell)) {
            for objective in &cell.objectives {
                counts.all += 1;
                let place = match (cell.validity.status, objective.verdict) {
                    (ValidityStatus::Invalid, _) | (_, ObjectiveVerdict::Void) => &mut counts.void,
                    (_, ObjectiveVerdict::Met) => &mut counts.met,
                    (_, ObjectiveVerdict::Missed) => &mut counts.missed,
                    (_, ObjectiveVerdict::NoData) => &mut counts.no_data,
                };
                *place += 1;
            }
        }
        counts
    }

    fn sentence(&self) -> String {
        if self.all == 0 {
            return "no objective was declared".to_owned();
        }
        if self.met == self.all {
            return if self.all == 1 {
                "the objective is met".to_owned()
            } else {
                format!("all {} objectives are met", self.all)
            };
        }
        let parts: Vec<String> = [
            (self.missed, "missed"),
            (self.no_data, "without data"),
            (self.void, "void"),
            (self.met, "met"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
        format!(
            "of {}, {}",
            counted(self.all, "objective"),
            parts.join(", ")
        )
    }
}

impl Verdict {
    /// The verdict of a run.
    pub fn of(results: &Results) -> Self {
        let objectives = Objectives::of(results);
        let kind = match () {
            () if results.incomplete => "incomplete",
            () if results.cells.iter().any(|cell| is_void(results, cell)) => "void",
            () if results.verdict.exit_code != 0 || objectives.missed > 0 => "bad",
            () => "good",
        };
        Self {
            sentence: sentence(results, &objectives),
            kind,
            exit_code: results.verdict.exit_code,
            reasons: results.verdict.reasons.clone(),
            objectives,
        }
    }
}

/// Whether a cell that is no probe is INVALID: a search goes on without such a probe, or has no answer and says so.
fn is_void(results: &Results, cell: &CellResult) -> bool {
    cell.validity.status == ValidityStatus::Invalid && !results.is_probe(cell)
}

/// How many cells are of that validity.
fn with(results: &Results, status: ValidityStatus) -> usize {
    let cells = results.cells.iter();
    cells.filter(|cell| cell.validity.status == status).count()
}

/// What is a part, missing or void comes before what is compared and what is met.
fn sentence(results: &Results, objectives: &Objectives) -> String {
    let cells = counted(results.cells.len(), "cell");
    let mut parts = Vec::new();
    if let Some(selection) = &results.selection {
        let of = usize::try_from(selection.of).unwrap_or(usize::MAX);
        parts.push(format!(
            "{} of {} (--cells '{}')",
            selection.selected,
            counted(of, "cell"),
            selection.cells
        ));
    }
    if results.incomplete {
        let begun = results.cells.iter().filter(|cell| !cell.repeats.is_empty());
        parts.push(format!(
            "incomplete: the run ended when {} of {cells} had begun",
            begun.count()
        ));
    }
    let of_cells = |status, word: &str| {
        let count = with(results, status);
        (count > 0).then(|| format!("{count} of {cells} {} {word}", are(count)))
    };
    parts.extend(of_cells(ValidityStatus::Invalid, "INVALID"));
    parts.extend(comparison(results).map(|comparison| comparison.sentence));
    if !results.searches.is_empty() {
        let answered = results
            .searches
            .iter()
            .filter(|search| search.capacity.is_some());
        parts.push(format!(
            "{} of {} found a capacity",
            answered.count(),
            counted_searches(results)
        ));
    }
    // Probes are held against objectives too: that none was declared would be wrong.
    if objectives.all > 0 || results.searches.is_empty() {
        parts.push(objectives.sentence());
    }
    parts.extend(of_cells(ValidityStatus::ClientLimited, "CLIENT_LIMITED"));
    parts.extend(without_limits(results));
    let mut sentence = parts.join("; ");
    if let Some(first) = sentence.get(..1).map(str::to_uppercase) {
        sentence.replace_range(..1, &first);
    }
    sentence.push('.');
    sentence
}

/// That an attainment which was to be reached leaves requests out: that it was reached says nothing of these.
fn without_limits(results: &Results) -> Option<String> {
    let held = results.cells.iter().filter(|cell| {
        let mut objectives = cell.objectives.iter();
        objectives.any(|objective| {
            OF_LIMITS
                .iter()
                .any(|name| objective.text.trim_start().starts_with(name))
        })
    });
    let (defined, all) = held.fold((0, 0), |(defined, all), cell| {
        (defined + cell.slo.defined, all + cell.requests.intended)
    });
    (defined < all).then(|| format!("the SLO is defined for {defined} of {all} requests"))
}

fn counted_searches(results: &Results) -> String {
    match results.searches.len() {
        1 => "1 search".to_owned(),
        count => format!("{count} searches"),
    }
}

/// What stands above the first number, the worst first.
pub fn banners(results: &Results, axes: &Axes) -> Vec<Banner> {
    let mut banners = Vec::new();
    if results.incomplete {
        banners.push(Banner {
            kind: "INCOMPLETE",
            text: "The run ended before every cell was executed. What was not executed is INVALID, and is no pass.".to_owned(),
            items: Vec::new(),
        });
    }
    for (status, kind, text) in [
        (
            ValidityStatus::Invalid,
            "INVALID",
            "The numbers of these cells say nothing of the target. Why, stands beside each:",
        ),
        (
            ValidityStatus::ClientLimited,
            "CLIENT_LIMITED",
            "The cap on requests in flight was reached because the target was slow: the rates of these cells are “at least”.",
        ),
    ] {
        let items: Vec<BannerItem> = results
            .cells
            .iter()
            .filter(|cell| cell.validity.status == status)
            .map(|cell| BannerItem {
                cell: axes.label(cell),
                text: cell.validity.reasons.join("; "),
            })
            .collect();
        if !items.is_empty() {
            banners.push(Banner {
                kind,
                text: text.to_owned(),
                items,
            });
        }
    }
    banners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::Selection;

    #[test]
    fn the_verdict_names_what_is_void_before_what_is_met() {
        let verdict = Verdict::of(&fixture::results());
        assert_eq!(
            verdict.sentence,
            "1 of 8 cells is INVALID; of 24 objectives, 3 missed, 3 void, 18 met; 1 of 8 cells is CLIENT_LIMITED."
        );
        assert_eq!(verdict.kind, "void");
    }

    #[test]
    fn an_objective_of_an_invalid_cell_is_never_counted_as_met() {
        let mut results = fixture::results();
        for cell in &mut results.cells {
            cell.validity.status = ValidityStatus::Invalid;
            for objective in &mut cell.objectives {
                objective.verdict = ObjectiveVerdict::Met;
            }
        }
        let verdict = Verdict::of(&results);
        assert_eq!((verdict.objectives.met, verdict.objectives.void), (0, 24));
        assert!(
            verdict.sentence.starts_with("8 of 8 cells are INVALID"),
            "{}",
            verdict.sentence
        );
    }

    #[test]
    fn an_interrupted_run_says_so_first() {
        let mut results = fixture::results();
        results.incomplete = true;
        assert!(
            Verdict::of(&results)
                .sentence
                .starts_with("Incomplete: the run ended when 8 of 8 cells had begun; ")
        );
        let kinds: Vec<&str> = banners(&results, &Axes::of(&results))
            .iter()
            .map(|banner| banner.kind)
            .collect();
        assert_eq!(kinds, ["INCOMPLETE", "INVALID", "CLIENT_LIMITED"]);
    }

    #[test]
    fn a_part_of_a_plan_says_that_it_is_one_before_anything_else() {
        let mut results = fixture::results();
        results.selection = Some(Selection {
            cells: "*rate=1,*".to_owned(),
            selected: 8,
            of: 12,
        });
        let sentence = Verdict::of(&results).sentence;
        assert!(
            sentence.starts_with("8 of 12 cells (--cells '*rate=1,*'); 1 of 8 cells is INVALID; "),
            "{sentence}"
        );
    }

    #[test]
    fn that_an_attainment_is_of_some_requests_only_is_in_the_first_sentence() {
        let mut results = fixture::results();
        results.cells.truncate(1);
        let intended = results.cells[0].requests.intended;
        results.cells[0].slo.defined = 6;
        let undefined = format!("the SLO is defined for 6 of {intended} requests");
        let sentence = |text: &str| {
            let mut results = results.clone();
            results.cells[0].objectives[0].text = text.to_owned();
            results.cells[0].objectives.truncate(1);
            Verdict::of(&results).sentence
        };
        let told = sentence("slo_attainment >= 50%");
        assert!(told.ends_with(&format!("; {undefined}.")), "{told}");
        assert!(!sentence("error_rate <= 1%").contains("SLO"));
    }

    #[test]
    fn a_good_run_says_so_in_a_few_words() {
        let mut results = fixture::results();
        results.cells.truncate(1);
        results.verdict = crate::results::RunVerdict::default();
        assert_eq!(Verdict::of(&results).sentence, "All 3 objectives are met.");
        assert_eq!(Verdict::of(&results).kind, "good");
        results.cells[0].objectives.clear();
        assert_eq!(Verdict::of(&results).sentence, "No objective was declared.");
    }
}
