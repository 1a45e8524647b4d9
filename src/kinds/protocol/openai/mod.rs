//! The OpenAI form: chat and completions, streamed or not.

mod answer;
mod body;
mod chat;
mod completions;
mod event;

pub use body::{content, parts_of};
pub use chat::Chat;
pub use completions::Completions;
