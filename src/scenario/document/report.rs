//! `report`, as written.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::foundation::kinds::kinds;

/// What is written, and what the report shows.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Report {
    /// The formats; all unless given.
    #[schemars(length(min = 1), example = &["md", "html"])]
    pub formats: Option<Vec<Format>>,
    /// A Jinja template of your own, relative to the scenario; its result is written beside the reports.
    #[schemars(example = &"templates/team.md.j2")]
    pub template: Option<PathBuf>,
    /// Axis values: each other cell is shown relative to the cell that differs only in these, with a speed-up and its interval.
    #[serde(default)]
    #[schemars(example = &serde_json::json!({ "rate": 0.1 }))]
    pub baseline: IndexMap<String, Value>,
    /// Request parameters to show statistics by.
    #[serde(default)]
    #[schemars(example = &["width", "height"])]
    pub group_by: Vec<String>,
    /// How many returned pictures, videos or texts are kept and shown per cell. 1 unless given, 0 keeps none.
    #[schemars(range(max = 1000), example = 4)]
    pub samples: Option<u32>,
    /// Percentiles beside p50, p75, p90, p95, p99 and p99.9, in percent: `97.5`, not `0.975`. In results and templates
    /// they are named without their point, two digits standing before the decimals: `p975` is the 97.5th, `p099` the 9.9th.
    #[serde(default)]
    #[schemars(example = &[97.5])]
    pub percentiles: Vec<Percentile>,
    /// The same numbers in the files that other tools read, under `exports/<name>/`.
    #[serde(default)]
    #[schemars(example = &["vllm-omni"])]
    pub exports: Vec<Export>,
}

/// A percentile in percent, above 1 (`0.95` is refused: it was meant as a share) and below 100.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Percentile(
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 100), example = 97.5)] pub f64,
);

/// A format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Markdown, for a pull request.
    Md,
    /// One HTML file.
    Html,
    /// The machine's summary.
    Json,
    /// One row a cell.
    Csv,
    /// One case an objective.
    Junit,
}

impl Format {
    /// All of them: what is written unless the scenario says otherwise.
    pub const ALL: [Self; 5] = [Self::Md, Self::Html, Self::Json, Self::Csv, Self::Junit];

    /// The name as written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Html => "html",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Junit => "junit",
        }
    }
}

kinds! {
    /// A file that another tool reads.
    pub enum Export: Written {
        /// llm-d's benchmark report.
        LlmD = "llm-d" => Written::Later,
        /// Bencher Metric Format.
        Bencher = "bencher" => Written::Now,
        /// The action of that name.
        GithubActionBenchmark = "github-action-benchmark" => Written::Now,
        /// Locust's CSV files.
        Locust = "locust" => Written::Later,
        /// vLLM-Omni's serving benchmark.
        VllmOmni = "vllm-omni" => Written::Later,
        /// The printed blocks of async_benchmarking.py.
        AsyncBenchmarking = "async-benchmarking" => Written::Later,
        /// ServerlessLLM's loading benchmark.
        Serverlessllm = "serverlessllm" => Written::Later,
    }
}

/// Whether an export can be written, or is only known to the language.
enum Written {
    Now,
    Later,
}

impl Export {
    /// Whether it can be written; the others parse, validate and plan.
    pub const fn supported(self) -> bool {
        matches!(self.about(), Written::Now)
    }
}
