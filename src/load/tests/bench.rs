//! A protocol without a format, cells, and servers with known behaviour.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions in short lists"
)]

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request as HttpRequest, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use indexmap::IndexMap;

use crate::foundation::clock::{Clock, Timer, lane};
use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Offset, Rate};
use crate::instruments::exchange::{Exchange, Flow, Issue, Judgement, Received, Step, Steps};
use crate::instruments::record::journal::{self, JournalError};
use crate::instruments::record::{Attempt, Outcome, Phase, Seen};
use crate::instruments::transport::{Client, Options, Origin, memory};
use crate::kinds::arrival;
use crate::kinds::dataset::{Layers, Params, Request};
use crate::kinds::protocol::{PrepareError, Prepared, Protocol};
use crate::load::{Blocks, RepeatReport, Requests, Stop, Work, run_repeat, simulate_repeat};
use crate::plan::Cell;
use crate::scenario::{Load, Order, Slo, Timeouts, Warmup};

use super::super::Live;

/// POSTs nothing and takes any 2xx; `[DONE]` in the body is its end mark.
pub struct Plain;

struct Once<'a> {
    exchange: &'a Exchange,
    judged: Option<Judgement>,
}

impl Protocol for Plain {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        Ok(Prepared {
            params_json: serde_json::to_string(&request.params).unwrap(),
            request,
            exchange: Exchange::post_json("/", "{}"),
            stream: false,
            choices: 1,
            requested_tokens: None,
        })
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, _: Issue) -> Box<dyn Steps + 'a> {
        Box::new(Once {
            exchange: &prepared.exchange,
            judged: None,
        })
    }
}

impl Steps for Once<'_> {
    fn next(&mut self, _: &mut Seen) -> Step<'_> {
        match self.judged.take() {
            Some(judged) => Step::Finish(judged),
            None => Step::Send(self.exchange),
        }
    }

    fn receive(&mut self, event: Received<'_>, seen: &mut Seen) -> Flow {
        match event {
            Received::Head(head) => {
                self.judged = Some(match head.refusal() {
                    Some(outcome) => Judgement::failed(outcome, "refused"),
                    None => Judgement::ok(),
                });
            }
            Received::Chunk { bytes, at } if bytes.ends_with(b"[DONE]\n") => {
                seen.end = Some(at);
                return Flow::Enough;
            }
            Received::Chunk { .. } | Received::End { .. } | Received::Elapsed { .. } => {}
        }
        Flow::More
    }
}

/// A closed loop of one client that sends ten requests; tests change what they are about.
pub fn cell() -> Cell {
    Cell {
        id: "target=t,rate=inf,concurrency=1".into(),
        key: "k".into(),
        axes: IndexMap::new(),
        target: "t".into(),
        dataset: None,
        model: None,
        rate: Rate::Infinite,
        concurrency: Concurrency::ONE,
        arrival: arrival::Kind::Constant,
        params: Params::new(),
        load: Load {
            rate: None,
            concurrency: None,
            arrival: None,
            burstiness: 1.0,
            batch: 1,
            speed: 1.0,
            requests: Some(10),
            duration: None,
            think_time: (Duration::ZERO, Duration::ZERO),
            ramp: Duration::ZERO,
            warmup: Warmup::default(),
            repeats: 1,
            order: Order::Declared,
            cooldown: Duration::ZERO,
            seed: 0,
            timeouts: Timeouts {
                connect: secs(5.0),
                first_byte: None,
                idle: secs(30.0),
                total: secs(600.0),
            },
            retries: 0,
            window_skip: Duration::ZERO,
            drain: None,
            precise: false,
            catch_up_burst: false,
            poll_every: None,
            workload: None,
            replicas: None,
        },
        slo: Slo::default(),
        created_by_include: false,
        search: None,
        seed: Seed::root(0),
    }
}

/// An open loop with a constant rate.
pub fn constant(rate: f64, requests: u64, concurrency: Concurrency) -> Cell {
    let mut cell = cell();
    cell.rate = Rate::PerSecond(rate);
    cell.concurrency = concurrency;
    cell.load.requests = Some(requests);
    cell
}

pub fn at_most(concurrency: u32) -> Concurrency {
    Concurrency::AtMost(concurrency.try_into().unwrap())
}

pub fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// What a repeat left behind.
pub struct Done {
    pub report: RepeatReport,
    pub all: Vec<Attempt>,
}

impl Done {
    /// Measured attempts by index and number.
    pub fn measured(&self) -> Vec<&Attempt> {
        let mut measured: Vec<_> = self
            .all
            .iter()
            .filter(|one| one.phase == Phase::Measured)
            .collect();
        measured.sort_by_key(|one| (one.index, one.attempt));
        measured
    }

    /// When each of them was due, in seconds.
    pub fn scheduled(&self) -> Vec<f64> {
        let measured = self.measured();
        let due = measured.iter().map(|one| one.clocks.scheduled.as_seconds());
        due.collect()
    }

    pub fn outcomes(&self) -> Vec<Outcome> {
        self.measured().iter().map(|one| one.outcome).collect()
    }
}

pub fn e2e(attempt: &Attempt) -> f64 {
    attempt
        .clocks
        .end
        .unwrap()
        .since(attempt.clocks.scheduled)
        .as_secs_f64()
}

pub fn service(attempt: &Attempt) -> f64 {
    attempt
        .clocks
        .end
        .unwrap()
        .since(attempt.clocks.sent.unwrap())
        .as_secs_f64()
}

pub fn queue(attempt: &Attempt) -> f64 {
    attempt
        .clocks
        .sent
        .unwrap()
        .since(attempt.clocks.scheduled)
        .as_secs_f64()
}

/// The quantile by linear interpolation between order statistics (metrics.md), restated here.
pub fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() - 1) as f64 * q;
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// Attempts as the journal would have them.
#[derive(Default)]
pub struct Kept(pub Vec<u8>);

impl Blocks for Kept {
    fn block(&mut self, attempts: &[u8]) -> Result<(), JournalError> {
        self.0.extend_from_slice(attempts);
        Ok(())
    }
}

pub fn work(cell: &Cell, origin: Origin) -> Work<'_> {
    Work {
        cell,
        repeat: 1,
        requests: Requests {
            rows: None,
            cycle: false,
            layers: Layers::default(),
            workload: None,
            protocol: Arc::new(Plain),
        },
        origins: vec![Arc::new(origin)],
        connections: None,
        samples: 0,
        redactor: Arc::default(),
        stop: Stop::default(),
        lanes: None,
        live: Arc::new(Live::new()),
    }
}

/// What the server does with a request: its number from 0, and the timer of the simulation.
pub type Answer = Response<Full<Bytes>>;

/// Runs a cell on the simulated clock against a server that answers each request as `serve` says.
pub fn simulated<S, F>(cell: &Cell, adjust: impl FnOnce(&mut Work<'_>), serve: S) -> Done
where
    S: Fn(u64, Timer) -> F + 'static,
    F: Future<Output = Answer> + 'static,
{
    simulated_taking_connections(Duration::ZERO, cell, adjust, serve)
}

/// The same against a server that lets so much time pass between two connections that it takes.
pub fn simulated_taking_connections<S, F>(
    pause: Duration,
    cell: &Cell,
    adjust: impl FnOnce(&mut Work<'_>),
    serve: S,
) -> Done
where
    S: Fn(u64, Timer) -> F + 'static,
    F: Future<Output = Answer> + 'static,
{
    let lane = lane(true).unwrap();
    lane.block_on(async {
        let (dialer, mut listener) = memory::listen();
        let timer = Timer::new(&Clock::simulated()).unwrap();
        let serve = Rc::new(serve);
        let count = Rc::new(RefCell::new(0_u64));
        tokio::task::spawn_local(async move {
            while let Some(stream) = listener.accept().await {
                let (serve, count, time) = (Rc::clone(&serve), Rc::clone(&count), timer.clone());
                let service = service_fn(move |_: HttpRequest<Incoming>| {
                    let number = count.replace_with(|count| *count + 1);
                    let answer = serve(number, time.clone());
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::task::spawn_local(async move {
                    let _ = serving.await;
                });
                timer.after(pause).await;
            }
        });
        let mut work = work(cell, Origin::in_memory(dialer, &Options::default()));
        adjust(&mut work);
        let mut kept = Kept::default();
        let report = simulate_repeat(&work, &mut kept).await.unwrap();
        Done {
            report,
            all: journal::decode(&kept.0).unwrap(),
        }
    })
}

/// Makes two tests of each: what holds by one client holds by the other.
macro_rules! by_both_clients {
    ($($test:ident,)*) => {
        mod by_hyper {
            $(
                #[test]
                fn $test() {
                    super::$test(super::Client::Hyper);
                }
            )*
        }
        mod by_our_own_codec {
            $(
                #[test]
                fn $test() {
                    super::$test(super::Client::Native);
                }
            )*
        }
    };
}
pub(super) use by_both_clients;

/// Makes a test of each for reqwest, as far as it tells what they ask.
macro_rules! by_reqwest_too {
    ($($test:ident,)*) => {
        mod by_reqwest {
            $(
                #[test]
                fn $test() {
                    super::$test(super::Client::Reqwest);
                }
            )*
        }
    };
}
pub(super) use by_reqwest_too;

/// Runs a cell over real sockets.
pub fn over_sockets(
    cell: &Cell,
    address: std::net::SocketAddr,
    adjust: impl FnOnce(&mut Work<'_>),
) -> Done {
    over_sockets_by(Client::default(), cell, address, adjust)
}

/// Runs a cell over real sockets, by that client.
pub fn over_sockets_by(
    client: Client,
    cell: &Cell,
    address: std::net::SocketAddr,
    adjust: impl FnOnce(&mut Work<'_>),
) -> Done {
    let options = Options {
        client,
        ..Options::default()
    };
    over_sockets_with(&options, cell, address, adjust)
}

/// Runs a cell over real sockets, spoken to as the options say.
pub fn over_sockets_with(
    options: &Options,
    cell: &Cell,
    address: std::net::SocketAddr,
    adjust: impl FnOnce(&mut Work<'_>),
) -> Done {
    let mut kept = Kept::default();
    let report = over_sockets_onto(&mut kept, options, (cell, address), adjust);
    Done {
        report,
        all: journal::decode(&kept.0).unwrap(),
    }
}

/// The same, its records written to that disk.
pub fn over_sockets_onto(
    disk: &mut dyn Blocks,
    options: &Options,
    (cell, address): (&Cell, std::net::SocketAddr),
    adjust: impl FnOnce(&mut Work<'_>),
) -> RepeatReport {
    let network = crate::foundation::access::Network::default();
    let origin =
        Origin::resolve(&format!("http://{address}"), Vec::new(), options, &network).unwrap();
    let mut work = work(cell, origin);
    adjust(&mut work);
    run_repeat(&work, disk).unwrap()
}

pub fn ok() -> Answer {
    Response::new(Full::new(Bytes::from_static(b"{}")))
}

pub fn at(seconds: f64) -> Offset {
    Offset::from_seconds(seconds)
}
