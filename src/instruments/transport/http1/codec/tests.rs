//! The codec by itself, and against hyper.

mod against_hyper;
mod generate;
mod reference;

use super::{After, Answer, Event, FIELDS, Heads, Refusal};
use generate::{Case, Ending};

/// Most bytes of a head in these tests, as by default.
pub const CAP: usize = 64 << 10;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As HTTP says it should; whether the connection can take another request.
    Whole { reusable: bool },
    /// More was to come when the test had no more to give.
    Waiting,
    /// Not within HTTP.
    Refused,
    /// By a cap that was passed.
    TooLarge,
    /// By the connection's end.
    Cut,
}

/// A head's fields, in the order in which they stand.
pub type Fields = Vec<(String, Vec<u8>)>;

/// What an answer said, however it was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub head: Option<(u16, Fields)>,
    pub body: Vec<u8>,
    pub ended: Ended,
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Cut => Self::Cut,
            _ if refusal.is_too_large() => Self::TooLarge,
            _ => Self::Refused,
        }
    }
}

pub fn listed(headers: &http::HeaderMap) -> Fields {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

/// Reads a case with our codec, and once more where its head is known already: that must change nothing.
pub fn read(case: &Case) -> Said {
    let mut heads = Heads::default();
    let said = read_after(case, &mut heads);
    assert_eq!(read_after(case, &mut heads), said, "{case:?}");
    said
}

fn read_after(case: &Case, heads: &mut Heads) -> Said {
    let mut said = Said {
        head: None,
        body: Vec::new(),
        ended: Ended::Waiting,
    };
    let mut answer = Answer::new(case.to_head, CAP);
    let mut waiting: Vec<u8> = Vec::new();
    for piece in case.pieces() {
        waiting.extend_from_slice(piece);
        if let Err(refusal) = take(&mut answer, &mut waiting, heads, &mut said) {
            said.ended = refusal.into();
            return said;
        }
    }
    let whole = |after| Ended::Whole {
        reusable: after == After::Keep && waiting.is_empty() && case.ending == Ending::Stays,
    };
    if let Ended::Whole { reusable } = said.ended {
        said.ended = whole(if reusable { After::Keep } else { After::Close });
        return said;
    }
    said.ended = match (case.ending, answer.closed(&waiting)) {
        (Ending::Stays, _) => Ended::Waiting,
        (_, Err(refusal)) => refusal.into(),
        (Ending::Closes, Ok(())) => Ended::Whole { reusable: false },
        (Ending::Breaks, Ok(())) => Ended::Cut,
    };
    said
}

fn take(
    answer: &mut Answer,
    waiting: &mut Vec<u8>,
    heads: &mut Heads,
    said: &mut Said,
) -> Result<(), Refusal> {
    let mut used = 0;
    loop {
        let taken = answer.take(&waiting[used..], heads)?;
        used += taken.used;
        match taken.event {
            Some(Event::Interim) => {}
            Some(Event::Head(head)) => {
                said.head = Some((head.status.as_u16(), listed(&head.headers)));
            }
            Some(Event::Body(body)) => said.body.extend_from_slice(body),
            Some(Event::End(after)) => {
                said.ended = Ended::Whole {
                    reusable: after == After::Keep,
                }
            }
            None => break,
        }
    }
    waiting.drain(..used);
    Ok(())
}
