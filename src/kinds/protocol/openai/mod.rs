//! The OpenAI form: chat and completions, streamed or not.

mod answer;
mod body;
mod chat;
mod completions;
mod event;

pub use body::content;
pub(super) use chat::CHAT;
pub(super) use completions::COMPLETIONS;
