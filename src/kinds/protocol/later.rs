//! Protocols that the language knows and nobody speaks yet: they parse, validate and plan. One leaves this list when its
//! own file comes.

use super::About;
use crate::kinds::dataset::Task;

const fn known(tasks: &'static [Task], under_v1: bool) -> About {
    About {
        tasks,
        without_task: false,
        under_v1,
        build: None,
    }
}

pub(super) const OPENAI_EMBEDDINGS: About = known(&[Task::Embedding], true);
pub(super) const OPENAI_IMAGES: About = known(&[Task::T2i, Task::I2i, Task::Ti2i], true);
pub(super) const OPENAI_VIDEOS: About = known(&[Task::T2v, Task::I2v, Task::Ti2v], true);
pub(super) const TGI: About = known(&[Task::Completion], false);
pub(super) const ANTHROPIC: About = known(&[Task::Chat], true);
