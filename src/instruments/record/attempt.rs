//! One attempt: one record in the journal, one row in `requests.parquet`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::foundation::units::Offset;

/// Whether an attempt counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Recorded, never counted.
    Warmup,
    /// Counted.
    Measured,
}

impl Phase {
    /// The name in `requests.parquet`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Measured => "measured",
        }
    }
}

/// Where a count of output tokens came from (metrics.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokensSource {
    /// The server's own count.
    Usage,
    /// A tokenizer.json that the scenario gave.
    Tokenizer,
    /// One a content chunk.
    Chunks,
    /// What was asked for.
    Requested,
}

impl TokensSource {
    /// The name in `requests.parquet` and in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Tokenizer => "tokenizer",
            Self::Chunks => "chunks",
            Self::Requested => "requested",
        }
    }
}

/// The clocks of one attempt (metrics.md); `None` for what did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clocks {
    /// When the arrival process intended it.
    pub scheduled: Offset,
    /// When the first byte of the request was handed to the socket.
    pub sent: Option<Offset>,
    /// When a new connection was ready; absent where one was reused.
    pub connected: Option<Offset>,
    /// First byte of the final head of the answer.
    pub first_byte: Option<Offset>,
    /// First chunk with generated content, reasoning included.
    pub first_content: Option<Offset>,
    /// First chunk of the answer proper.
    pub first_answer: Option<Offset>,
    /// Last chunk with generated content.
    pub last_content: Option<Offset>,
    /// Last byte of the answer, or when the attempt was given up.
    pub end: Option<Offset>,
}

/// What went over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes of request bodies.
    pub bytes_sent: u64,
    /// Bytes of answers' bodies as they came over the wire.
    pub bytes_received: u64,
    /// Decoded size of the pictures in the answer (width · height · 3).
    pub image_bytes: Option<u64>,
    /// Whether the connection had been used before.
    pub reused: bool,
}

/// Tokens of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens of the prompt, where known.
    pub input: Option<u64>,
    /// Tokens generated, reasoning included, where known.
    pub output: Option<u64>,
    /// Tokens of reasoning, where the server tells them.
    pub reasoning: Option<u64>,
    /// Where `output` came from.
    pub source: Option<TokensSource>,
}

/// One try of a request.
#[expect(
    clippy::struct_field_names,
    reason = "`attempt` is the name of the number, as in requests.parquet"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whether it counts.
    pub phase: Phase,
    /// Number of the request within its repeat and phase, from 0, in the order of the schedule.
    pub index: u64,
    /// Number of the attempt at this request, from 1.
    pub attempt: u32,
    /// Number of the dataset's row, from 0; absent where no dataset is declared.
    pub dataset_row: Option<u64>,
    /// What happened when.
    pub clocks: Clocks,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of the (last) answer.
    pub http_status: Option<u16>,
    /// The error's text, redacted and shortened.
    pub error: Option<String>,
    /// What went over the wire.
    pub traffic: Traffic,
    /// Tokens.
    pub tokens: Tokens,
    /// Chunks with generated content.
    pub chunks: u64,
    /// Time between content chunks in nanoseconds, within a choice, pooled.
    pub gaps_ns: Vec<u64>,
    /// Choices that were asked for (`n`).
    pub choices: u32,
    /// Cost of the request in the declared unit.
    pub workload: Option<f64>,
    /// The row's own limit on e2e in milliseconds.
    pub row_slo_ms: Option<f64>,
    /// The request's parameters after all layers, as a JSON object.
    pub params: String,
    /// The server's own measures by name (`stage_durations.x`, `peak_memory_mb`, `cached_tokens`), durations in seconds;
    /// steps' times too.
    pub server: BTreeMap<String, f64>,
    /// Notes that become warnings of the cell: `warmup_reused`, `usage_zero`, `content_type`.
    pub notes: Vec<String>,
}

impl Attempt {
    /// The first attempt at a request of which nothing but these clocks is known: it was not sent.
    pub fn unsent(phase: Phase, index: u64, clocks: Clocks) -> Self {
        Self {
            phase,
            index,
            attempt: 1,
            dataset_row: None,
            clocks,
            outcome: Outcome::Unsent,
            http_status: None,
            error: None,
            traffic: Traffic::default(),
            tokens: Tokens::default(),
            chunks: 0,
            gaps_ns: Vec::new(),
            choices: 1,
            workload: None,
            row_slo_ms: None,
            params: String::new(),
            server: BTreeMap::new(),
            notes: Vec::new(),
        }
    }
}
