//! One simulated server: what it has admitted, and when each answer is due.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use super::error::SimulatorError;
use super::fault::Faults;
use super::model::{FaultKind, LoadTime, Model};
use super::picture::Pictures;
use super::queueing::Queue;
use super::service::{Distribution, Uniform, mix};
use crate::foundation::clock::{Timer, Until};
use crate::foundation::seed::Seed;
use crate::foundation::units::Offset;

/// Requests that may queue unless the model says otherwise (running.md).
const QUEUE: u32 = 100;

/// Names of models that are remembered, whoever makes them up.
const MODELS: usize = 4096;

/// A server's state; cheap to clone, and every clone is the same server. Lives in one lane, where its timer lives.
#[derive(Debug, Clone)]
pub struct Simulator(Rc<State>);

#[derive(Debug)]
struct State {
    timer: Timer,
    times: Times,
    faults: Faults,
    line: RefCell<Line>,
    pictures: Pictures,
    /// Models that were loaded before.
    loaded: RefCell<HashSet<String>>,
    /// Chooses words and colours.
    salt: u64,
}

/// What arrivals change.
#[derive(Debug)]
struct Line {
    queue: Queue,
    /// Number of the next request.
    next: u64,
}

/// What a request wants of the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Demand {
    /// An answer in one piece.
    Plain,
    /// So many tokens.
    Tokens {
        /// How many, in each choice.
        count: u64,
        /// Whether they are let out one by one.
        streamed: bool,
    },
    /// A model's weights; `cached` where they were loaded before.
    Load {
        /// Whether they were.
        cached: bool,
    },
    /// An answer in one piece after so long, whatever the model says.
    Exactly(Duration),
    /// Pictures of D = area·frames·steps units in total.
    Picture {
        /// D, summed over the pictures.
        units: f64,
    },
}

/// A request's place: when it came, when it starts, when each part of its answer is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its number, from 0, in the order of arrival.
    pub ordinal: u64,
    /// When it was there in full.
    pub arrival: Offset,
    /// When a server takes it up.
    pub start: Offset,
    /// Its times from the start.
    pub timing: Timing,
    /// What goes wrong with it.
    pub fault: Option<FaultKind>,
}

/// When the parts of an answer are due, from the start of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    /// The first part.
    pub first: Duration,
    /// The last part, when the server is free again.
    pub last: Duration,
    /// How many parts.
    pub count: u64,
}

impl Timing {
    /// When part `number` is due: evenly spread, from a multiplication, so that nothing adds up to a drift.
    pub fn part(self, number: u64) -> Duration {
        let gaps = self.count.saturating_sub(1);
        if gaps == 0 {
            return self.last;
        }
        let spread = (self.last.saturating_sub(self.first)).as_nanos();
        let after = spread * u128::from(number.min(gaps)) / u128::from(gaps);
        self.first + Duration::from_nanos(u64::try_from(after).unwrap_or(u64::MAX))
    }
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The line is full.
    Full,
    /// A fault says 429.
    Limited,
    /// A fault says 500.
    Broken,
}

impl Simulator {
    /// A server that follows `model`, its faults' windows counted from the epoch of the timer's clock.
    pub fn new(model: &Model, timer: Timer) -> Result<Self, SimulatorError> {
        if let Some(finding) = model.check("").into_iter().next() {
            return Err(SimulatorError::Model {
                pointer: finding.pointer,
                problem: finding.message,
            });
        }
        let seed = Seed::root(model.seed);
        let queue = Queue::new(model.servers, model.queue.unwrap_or(QUEUE));
        Ok(Self(Rc::new(State {
            timer,
            times: Times::new(model, seed),
            faults: Faults::new(&model.faults, seed),
            line: RefCell::new(Line { queue, next: 0 }),
            pictures: Pictures::default(),
            loaded: RefCell::default(),
            salt: seed.derive("content").as_u64(),
        })))
    }

    /// What the server's clock shows: the stamps in its answers are nanoseconds of it.
    pub fn now(&self) -> Offset {
        self.0.timer.now()
    }

    /// Takes in a request that is there in full since `arrived`; since now, where nobody tells.
    pub(super) fn admit(
        &self,
        demand: Demand,
        arrived: Option<Offset>,
    ) -> (Place, Option<Refusal>) {
        let state = &*self.0;
        let line = &mut *state.line.borrow_mut();
        let arrival = arrived.unwrap_or_else(|| state.timer.now());
        let ordinal = line.next;
        line.next += 1;
        let timing = state.times.of(demand, ordinal);
        let fault = state.faults.hit(ordinal, arrival);
        let (start, refusal) = match fault {
            Some(FaultKind::Http500) => (arrival, Some(Refusal::Broken)),
            Some(FaultKind::Http429) => (arrival, Some(Refusal::Limited)),
            _ => match line.queue.enter(arrival, timing.last) {
                Some(start) => (start, None),
                None => (arrival, Some(Refusal::Full)),
            },
        };
        (
            Place {
                ordinal,
                arrival,
                start,
                timing,
                fault,
            },
            refusal,
        )
    }

    /// When what is due at `due` really leaves; `None`: never.
    pub(super) fn release(&self, ordinal: Option<u64>, due: Offset) -> Option<Offset> {
        self.0.faults.release(ordinal, due)
    }

    /// Waits until what is due at `due` may leave.
    pub(super) async fn wait(&self, ordinal: Option<u64>, due: Offset) {
        match self.release(ordinal, due) {
            Some(at) => self.until(at).await,
            None => std::future::pending().await,
        }
    }

    /// The wait for a moment of the server's clock.
    pub(super) fn until(&self, at: Offset) -> Until {
        self.0.timer.until(at)
    }

    /// A number that chooses the content of an answer: the same for equal prompts, whatever their order.
    pub(super) fn content_key(&self, prompt: &str) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in prompt.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        mix(hash ^ self.0.salt)
    }

    /// A number that names an answer.
    pub(super) fn answer_id(&self, place: &Place) -> u64 {
        mix(self.0.salt.rotate_left(17) ^ place.ordinal)
    }

    /// Pictures made before.
    pub(super) fn pictures(&self) -> &Pictures {
        &self.0.pictures
    }

    /// Notes that a model is loaded; whether it was before.
    pub(super) fn loads(&self, model: &str) -> bool {
        let mut loaded = self.0.loaded.borrow_mut();
        if loaded.len() >= MODELS {
            loaded.clear();
        }
        !loaded.insert(model.to_owned())
    }

    /// Whether pictures are all that this server makes: then a chat without a picture's size asks for one too.
    pub(super) fn makes_pictures_only(&self) -> bool {
        let times = &self.0.times;
        times.image.is_some() && times.ttft.is_none() && times.itl.is_none()
    }
}

/// The model's times.
#[derive(Debug)]
struct Times {
    service: Option<Distribution>,
    draws: Uniform,
    ttft: Option<Duration>,
    itl: Option<Duration>,
    /// Base, and time per unit.
    image: Option<(Duration, Duration)>,
    load: Option<LoadTime>,
}

impl Times {
    fn new(model: &Model, seed: Seed) -> Self {
        Self {
            service: model
                .service
                .as_ref()
                .and_then(|service| Distribution::new(service).ok()),
            draws: Uniform::new(seed, "service"),
            ttft: model.ttft.map(|ttft| ttft.0),
            itl: model.itl.map(|itl| itl.0),
            image: model
                .image
                .as_ref()
                .map(|image| (image.base.0, image.per_unit.0)),
            load: model.load.clone(),
        }
    }

    /// The times of the request of that number.
    fn of(&self, demand: Demand, ordinal: u64) -> Timing {
        let service = self
            .service
            .map(|service| service.quantile(self.draws.draw(ordinal)));
        let whole = |last: Duration| Timing {
            first: last,
            last,
            count: 1,
        };
        match demand {
            Demand::Load { cached } => whole(match &self.load {
                Some(load) if cached => load.cached.0,
                Some(load) => load.cold.0,
                None => service.unwrap_or_default(),
            }),
            Demand::Exactly(time) => whole(time),
            Demand::Plain => whole(service.unwrap_or_default()),
            Demand::Picture { units } => whole(match self.image {
                Some((base, per_unit)) => {
                    // A day is the longest that anything takes here: see `service`.
                    let seconds = base.as_secs_f64() + per_unit.as_secs_f64() * units;
                    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
                }
                None => service.unwrap_or_default(),
            }),
            Demand::Tokens {
                count,
                streamed: true,
            } => self.tokens(count, service),
            Demand::Tokens {
                count,
                streamed: false,
            } => whole(service.unwrap_or_else(|| self.tokens(count, None).last)),
        }
    }

    /// The times of so many streamed tokens (the model's documentation has the rule).
    fn tokens(&self, count: u64, service: Option<Duration>) -> Timing {
        let gaps = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
        let (first, last) = match (self.ttft, self.itl, service) {
            (Some(ttft), Some(itl), _) => (ttft, ttft.saturating_add(itl.saturating_mul(gaps))),
            (Some(ttft), None, service) => (ttft, service.unwrap_or(ttft).max(ttft)),
            (None, Some(itl), service) => {
                let spread = itl.saturating_mul(gaps);
                let first = service.unwrap_or_default().saturating_sub(spread);
                (first, first.saturating_add(spread))
            }
            (None, None, service) => {
                let last = service.unwrap_or_default();
                (last / gaps.saturating_add(1), last)
            }
        };
        Timing { first, last, count }
    }
}
