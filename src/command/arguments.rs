//! The command line's grammar. Every command has an example in its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::foundation::units::HumanDuration;

/// How much load does this model server carry within its SLOs, and did this change move it?
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 all well · 1 an objective missed or a regression found · 2 bad usage or an invalid scenario\n\
                  3 the measurement is void · 4 inconclusive (--strict) · 5 a target could not be reached · 6 incomplete\n\
                  70 a bug of ours · 130, 143 by signal\n\n\
                  Example: plimsoll run scenarios/quickstart.yaml"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Say more on stderr; twice for even more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Say only what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// When to use colour; `NO_COLOR` is honoured.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// How developers' log lines are written.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first scenario, its schema and .gitignore lines.
    #[command(after_help = "Example: plimsoll init --github")]
    Init(InitArguments),
    /// Check scenarios; touches no network.
    #[command(after_help = "Example: plimsoll validate scenarios/*.yaml --format github")]
    Validate(ValidateArguments),
    /// Print the JSON Schema of scenarios, results, diffs or calibrations.
    #[command(after_help = "Example: plimsoll schema scenario > scenario.v1.json")]
    Schema(SchemaArguments),
    /// Show the cells that a scenario expands into; touches no network.
    #[command(after_help = "Example: plimsoll plan scenarios/quickstart.yaml --format json")]
    Plan(PlanArguments),
    /// Execute scenarios: real load, records, report.
    #[command(
        after_help = "Example: plimsoll run scenarios/llm-chat.yaml --set targets.llm.base_url=http://127.0.0.1:8000"
    )]
    Run(RunArguments),
    /// Render a report again from its records, without load.
    #[command(after_help = "Example: plimsoll report reports/quickstart --format html")]
    Report(ReportArguments),
    /// Compare two results, or two values of one axis within a run.
    #[command(
        after_help = "Examples: plimsoll diff reports/main reports/pr --gate\n          plimsoll diff reports/pr-gate --by target=base,head --format md"
    )]
    Diff(DiffArguments),
    /// Measure this machine and this binary on the simulator, client and simulators sharing the machine.
    #[command(
        after_help = "Examples: plimsoll calibrate\n          plimsoll calibrate scenarios/llm-chat.yaml --within 30s"
    )]
    Calibrate(CalibrateArguments),
    /// Serve the simulator: a server with known truth.
    #[command(after_help = "Example: plimsoll mock --port 8099 --seed 7")]
    Mock(MockArguments),
    /// Print completions for a shell.
    #[command(after_help = "Example: plimsoll completions bash > /etc/bash_completion.d/plimsoll")]
    Completions(CompletionsArguments),
    /// Print the manual page.
    #[command(after_help = "Example: plimsoll man | man -l -")]
    Man,
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Where to write.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Write GitHub workflows too.
    #[arg(long)]
    pub github: bool,
}

/// `validate`.
#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// Scenarios.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How findings are shown.
    #[arg(long, default_value = "human")]
    pub format: FindingFormat,
    /// Unset `${env:…}` references are errors.
    #[arg(long)]
    pub check_env: bool,
    /// Set a value before the check: `path=value`.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// How findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingFormat {
    /// With source lines and carets.
    Human,
    /// One JSON object.
    Json,
    /// Workflow commands.
    Github,
    /// SARIF 2.1.0.
    Sarif,
}

/// `schema`.
#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// Of what.
    #[arg(default_value = "scenario")]
    pub what: SchemaOf,
}

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// `results.json`.
    Results,
    /// `diff.json`.
    Diff,
    /// What `calibrate` writes.
    Calibration,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The scenario.
    pub file: PathBuf,
    /// How it is shown.
    #[arg(long, default_value = "table")]
    pub format: TableFormat,
    /// Only cells whose id matches.
    #[arg(long, value_name = "GLOB")]
    pub cells: Option<String>,
    /// Set a value before planning: `path=value`.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Unset `${env:…}` references are errors.
    #[arg(long)]
    pub check_env: bool,
    /// What `calibrate` has written of this machine; the one in the user's cache unless given.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
}

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// `run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "a command line has switches")]
pub struct RunArguments {
    /// Scenarios.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The report folder; `reports/<name>` unless given.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only cells whose id matches.
    #[arg(long, value_name = "GLOB")]
    pub cells: Option<String>,
    /// Set a value before the run: `path=value`; recorded in the results.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Throw an interrupted run away and begin anew.
    #[arg(long)]
    pub restart: bool,
    /// Stop before a byte is sent.
    #[arg(long)]
    pub dry_run: bool,
    /// Stop at the first cell that fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// An inconclusive comparison exits with 4.
    #[arg(long)]
    pub strict: bool,
    /// Print this metric's value alone on stdout: `goodput`, `e2e.p99`.
    #[arg(long, value_name = "METRIC")]
    pub print: Option<String>,
    /// What `calibrate` has written of this machine; the one in the user's cache unless given.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The report folder.
    pub dir: PathBuf,
    /// Only these formats: md, html, json, csv, junit.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT")]
    pub format: Vec<String>,
    /// A template of your own.
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Render the template and write nothing.
    #[arg(long, requires = "template")]
    pub check_template: bool,
}

/// `diff`.
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// The base's report folder, results file or `git:REV:PATH`; with `--by`, the one run.
    pub base: String,
    /// The head's.
    pub head: Option<String>,
    /// Compare two values of one axis within one run, base first.
    #[arg(long, value_name = "AXIS=BASE,HEAD")]
    pub by: Option<String>,
    /// Exit by the verdict; `--gate unpaired` lets two runs apart gate too.
    #[arg(long, value_name = "DESIGN", num_args = 0..=1, default_missing_value = "paired")]
    pub gate: Option<Gate>,
    /// Inconclusive exits with 4.
    #[arg(long)]
    pub strict: bool,
    /// How it is shown.
    #[arg(long, default_value = "human")]
    pub format: DiffFormat,
}

/// Which designs may gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Gate {
    /// Interleaved repeats of one run.
    Paired,
    /// Two runs apart as well, though no interval sees the drift between them.
    Unpaired,
}

/// How a comparison is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For a terminal.
    Human,
    /// For a pull request.
    Md,
    /// For machines.
    Json,
}

/// `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArguments {
    /// A scenario, whose cells are then held against what was measured.
    pub file: Option<PathBuf>,
    /// Where it is written; `plimsoll/calibration.json` in the user's cache unless given.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// About how long it may take; the less, the fewer requests are behind each figure.
    #[arg(long, value_name = "DURATION", default_value = "100s")]
    pub within: HumanDuration,
    /// How it is shown.
    #[arg(long, default_value = "table")]
    pub format: TableFormat,
}

/// `mock`.
#[derive(Debug, Args)]
pub struct MockArguments {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Seed of every random choice; wins over the profile's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The model as YAML: what `embedded:` takes.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// End where standard input ends, as it does with the process that holds its other side.
    #[arg(long)]
    pub until_eof: bool,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell.
    pub shell: clap_complete::Shell,
}
