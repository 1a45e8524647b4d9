//! `report`, as written.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Percentiles beside p50, p75, p90, p95, p99 and p99.9.
    #[serde(default)]
    #[schemars(example = &[97.5])]
    pub percentiles: Vec<Percentile>,
    /// The same numbers in the files that other tools read, under `exports/<name>/`.
    #[serde(default)]
    #[schemars(example = &["vllm-omni"])]
    pub exports: Vec<Export>,
}

/// A percentile, above 0 and below 100.
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

/// A file that another tool reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Export {
    /// llm-d's benchmark report.
    LlmD,
    /// Bencher Metric Format.
    Bencher,
    /// The action of that name.
    GithubActionBenchmark,
    /// Locust's CSV files.
    Locust,
    /// vLLM-Omni's serving benchmark.
    VllmOmni,
    /// The printed blocks of async_benchmarking.py.
    AsyncBenchmarking,
    /// ServerlessLLM's loading benchmark.
    Serverlessllm,
}

impl Export {
    /// The name as written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlmD => "llm-d",
            Self::Bencher => "bencher",
            Self::GithubActionBenchmark => "github-action-benchmark",
            Self::Locust => "locust",
            Self::VllmOmni => "vllm-omni",
            Self::AsyncBenchmarking => "async-benchmarking",
            Self::Serverlessllm => "serverlessllm",
        }
    }
}
