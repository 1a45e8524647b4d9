//! `POST /v1/images/generations`, and what all pictures share: their shape, their cost, their making.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Ask, Reply, Routed, bad, created, json_body};
use crate::instruments::simulator::model::FaultKind;
use crate::instruments::simulator::service::mix;
use crate::instruments::simulator::state::{Demand, Place, Simulator};

/// Width and height of a picture unless the request says otherwise.
const SIDE: u32 = 1024;

/// The widest and highest picture.
const LARGEST: u32 = 8192;

/// Steps unless the request says otherwise.
const STEPS: u32 = 50;

/// Most pictures of one request.
const PICTURES: u32 = 16;

/// A picture's shape as requests give it.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Shape {
    width: Option<u32>,
    height: Option<u32>,
    size: Option<String>,
    num_frames: Option<u32>,
    num_inference_steps: Option<u32>,
    num_outputs_per_prompt: Option<u32>,
    seed: Option<i64>,
}

impl Shape {
    /// Whether anything says that a picture is wanted. A seed alone may be a text's.
    pub fn is_given(&self) -> bool {
        self.width.is_some()
            || self.height.is_some()
            || self.size.is_some()
            || self.num_frames.is_some()
            || self.num_inference_steps.is_some()
            || self.num_outputs_per_prompt.is_some()
    }

    /// This shape where `first` says nothing.
    pub fn over(self, first: Self) -> Self {
        Self {
            width: first.width.or(self.width),
            height: first.height.or(self.height),
            size: first.size.or(self.size),
            num_frames: first.num_frames.or(self.num_frames),
            num_inference_steps: first.num_inference_steps.or(self.num_inference_steps),
            num_outputs_per_prompt: first.num_outputs_per_prompt.or(self.num_outputs_per_prompt),
            seed: first.seed.or(self.seed),
        }
    }
}

/// The pictures that a request wants.
pub(super) struct Picture {
    width: u32,
    height: u32,
    frames: u32,
    steps: u32,
    count: u32,
    seed: i64,
    prompt: String,
}

impl Picture {
    /// Understands a shape.
    pub fn new(shape: &Shape, prompt: String) -> Result<Self, Reply> {
        let of_size = match shape.size.as_deref() {
            None | Some("auto") => None,
            Some(size) => Some(
                size.split_once('x')
                    .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)))
                    .ok_or_else(|| bad("size must be WIDTHxHEIGHT, such as 1024x1024"))?,
            ),
        };
        let (width, height) =
            of_size.unwrap_or((shape.width.unwrap_or(SIDE), shape.height.unwrap_or(SIDE)));
        let within = |name: &str, value: u32, most: u32| {
            if (1..=most).contains(&value) {
                Ok(value)
            } else {
                Err(bad(&format!(
                    "{name} must be from 1 to {most}, not {value}"
                )))
            }
        };
        Ok(Self {
            width: within("width", width, LARGEST)?,
            height: within("height", height, LARGEST)?,
            frames: within("num_frames", shape.num_frames.unwrap_or(1), 100_000)?,
            steps: within(
                "num_inference_steps",
                shape.num_inference_steps.unwrap_or(STEPS),
                100_000,
            )?,
            count: within(
                "the number of pictures",
                shape.num_outputs_per_prompt.unwrap_or(1),
                PICTURES,
            )?,
            seed: shape.seed.unwrap_or_default(),
            prompt,
        })
    }

    /// What they cost: D = max(width·height/256, 1)·frames·steps each.
    pub fn demand(&self) -> Demand {
        let area = (f64::from(self.width) * f64::from(self.height) / 256.0).max(1.0);
        Demand::Picture {
            units: area * f64::from(self.frames) * f64::from(self.steps) * f64::from(self.count),
        }
    }

    /// The prompt.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The pictures as PNG in base64: two colours chosen by prompt, seed and number.
    pub fn encoded(&self, simulator: &Simulator) -> Vec<String> {
        let key =
            mix(simulator.content_key(&self.prompt) ^ u64::from_ne_bytes(self.seed.to_ne_bytes()));
        (0..u64::from(self.count))
            .map(|number| {
                let colours = mix(key ^ number);
                STANDARD.encode(simulator.pictures().png(self.width, self.height, colours))
            })
            .collect()
    }

    /// A plausible peak: 4,096 MiB for the weights, and 12 bytes a pixel.
    pub fn peak_memory_mb(&self) -> f64 {
        (4096.0 + f64::from(self.width) * f64::from(self.height) * 12.0 / 1_048_576.0).round()
    }
}

/// The server's own times of a picture, in milliseconds.
pub(super) fn stage_durations(place: &Place) -> serde_json::Value {
    let ms = |duration: std::time::Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    json!({ "queue_wait_ms": ms(place.start.since(place.arrival)), "stage_0_gen_ms": ms(place.timing.last) })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    n: Option<u32>,
    #[serde(flatten)]
    shape: Shape,
}

/// Understands a request for pictures.
pub(super) fn read(body: &Bytes) -> Result<Routed, Reply> {
    let body: Body<'_> = json_body(body)?;
    let mut shape = body.shape;
    shape.num_outputs_per_prompt = body.n.or(shape.num_outputs_per_prompt);
    Ok(Routed::work(ImagesAsk {
        picture: Picture::new(&shape, body.prompt.into_owned())?,
    }))
}

struct ImagesAsk {
    picture: Picture,
}

impl Ask for ImagesAsk {
    fn demand(&self) -> Demand {
        self.picture.demand()
    }

    fn reply(self: Box<Self>, simulator: &Simulator, place: &Place) -> Reply {
        let made = if place.fault == Some(FaultKind::NoImage) {
            Vec::new()
        } else {
            self.picture.encoded(simulator)
        };
        let data: Vec<_> = made
            .iter()
            .map(|png| json!({ "b64_json": png, "url": null, "revised_prompt": null }))
            .collect();
        Reply::json(&json!({
            "created": created(place.arrival),
            "data": data,
            "output_format": "png",
            "size": format!("{}x{}", self.picture.width, self.picture.height),
            "metrics": { "stage_durations": stage_durations(place), "peak_memory_mb": self.picture.peak_memory_mb() },
        }))
    }
}
