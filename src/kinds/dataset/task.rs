//! What a request asks a model to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The task of a dataset.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Chat messages to text.
    Chat,
    /// A text goes on.
    Completion,
    /// Texts to vectors.
    Embedding,
    /// Text to picture.
    T2i,
    /// Picture to picture.
    I2i,
    /// Text and picture to picture.
    Ti2i,
    /// Text to video.
    T2v,
    /// Picture to video.
    I2v,
    /// Text and picture to video.
    Ti2v,
    /// Model loads.
    Load,
}

impl Task {
    /// The name as written in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "completion",
            Self::Embedding => "embedding",
            Self::T2i => "t2i",
            Self::I2i => "i2i",
            Self::Ti2i => "ti2i",
            Self::T2v => "t2v",
            Self::I2v => "i2v",
            Self::Ti2v => "ti2v",
            Self::Load => "load",
        }
    }

    /// Whether a request of this task brings a picture.
    pub const fn takes_image(self) -> bool {
        matches!(self, Self::I2i | Self::Ti2i | Self::I2v | Self::Ti2v)
    }
}
