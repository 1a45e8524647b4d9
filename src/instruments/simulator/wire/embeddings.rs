//! `POST /v1/embeddings`: short vectors, as many as inputs.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Ask, MODEL, Reply, Routed, bad, json_body};
use crate::instruments::simulator::service::mix;
use crate::instruments::simulator::state::{Demand, Place, Simulator};
use crate::instruments::simulator::words;

/// Numbers of a vector.
const WIDTH: u64 = 16;

/// Most inputs of one request.
const INPUTS: usize = 2048;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Input<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    #[serde(borrow)]
    Texts(Vec<Cow<'a, str>>),
}

/// Understands a request for embeddings.
pub(super) fn read(body: &Bytes) -> Result<Routed, Reply> {
    let body: Body<'_> = json_body(body)?;
    let texts = match body.input {
        Input::Text(text) => vec![text.into_owned()],
        Input::Texts(texts) => texts.into_iter().map(Cow::into_owned).collect(),
    };
    if texts.is_empty() || texts.len() > INPUTS {
        return Err(bad(&format!("input must hold from 1 to {INPUTS} texts")));
    }
    Ok(Routed::work(EmbeddingAsk {
        model: body.model.as_deref().unwrap_or(MODEL).to_owned(),
        texts,
    }))
}

struct EmbeddingAsk {
    model: String,
    texts: Vec<String>,
}

impl Ask for EmbeddingAsk {
    fn demand(&self) -> Demand {
        Demand::Plain
    }

    fn reply(self: Box<Self>, simulator: &Simulator, _place: &Place) -> Reply {
        let vector = |text: &str| -> Vec<f64> {
            let key = simulator.content_key(text);
            // Thousandths between −1 and 1 print short.
            (0..WIDTH)
                .map(|number| {
                    f64::from(u16::try_from(mix(key ^ number) % 2001).unwrap_or_default()) / 1e3
                        - 1.0
                })
                .map(|value| (value * 1e3).round() / 1e3)
                .collect()
        };
        let tokens: u64 = self
            .texts
            .iter()
            .map(|text| words::prompt_tokens(text.chars().count()))
            .sum();
        let data: Vec<_> = (0_u64..)
            .zip(&self.texts)
            .map(|(index, text)| json!({ "object": "embedding", "index": index, "embedding": vector(text) }))
            .collect();
        Reply::json(
            &json!({ "object": "list", "data": data, "model": self.model,
                             "usage": { "prompt_tokens": tokens, "total_tokens": tokens } }),
        )
    }
}
