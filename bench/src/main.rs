//! What plimsoll costs and how true its times are, beside a floor of raw sockets and beside its peers, in one run on one
//! machine. Prints one table in Markdown; `--help` says how.

mod bench;
mod child;
mod clients;
mod clock;
mod connections;
mod cost;
mod figures;
mod floor;
mod footprint;
mod server;
mod table;
mod truth;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use bench::Bench;
use clients::Programs;
use server::Server;
use table::Table;

const HELP: &str = "\
cargo run --release --manifest-path bench/Cargo.toml -- [PART…] [--rounds N] [--seconds S] [--plimsoll PATH]

Parts (all unless given):
  requests     CPU of a small request
  connections  CPU of a small request by HTTP/1.1 and HTTP/2, in the clear and over TLS, and by a connection for each
  tokens       CPU of a streamed token
  ttft         error of the time to the first token
  lateness     lateness of sending
  memory       memory of a stream in flight
  start        from the start to the first request

--rounds       how often each client is measured, one after the other (5)
--seconds      how long each time (2.5)
--plimsoll     a binary to measure; without it the release binary is built

For a profiler: `serve [SECONDS]` is the server alone and prints its address; POST /small is the small request.

Peers: oha (cargo install oha --locked --root bench/target/peers) and wrk (apt-get install wrk), or wherever PATH has them.

The clients run on the machine's last processor, the server spins on the first. A client's CPU time is what the kernel
accounts to its process (user and system, all threads) over a window in the midst of its work, divided by what the server
counted over the same window: no client's start and no client's report is in it. `whole process` is all of both, from
getrusage, over all requests. `connections` has a server of its own in the other's place: hyper and rustls, on a runtime
that never waits; its clients' connections carry one request at a time by any version. Ratios are taken within a round; figures are the median over the rounds (least–greatest).";

type Part = fn(&Bench, &mut Table) -> io::Result<()>;

const PARTS: [(&str, Part); 7] = [
    ("requests", cost::small_requests),
    ("connections", connections::ways),
    ("tokens", cost::token_events),
    ("ttft", truth::first_tokens),
    ("lateness", truth::sending),
    ("memory", footprint::memory),
    ("start", footprint::start),
];

/// What the command line asks for.
struct Asked {
    parts: Vec<Part>,
    rounds: u32,
    window: Duration,
    plimsoll: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = if arguments.first().is_some_and(|first| first == "ticks") {
        ticks(arguments.get(1))
    } else if arguments.first().is_some_and(|first| first == "floor") {
        floor_work(&arguments[1..])
            .map_or_else(|| Err(io::Error::other("floor: no such work")), floor::run)
    } else if arguments.first().is_some_and(|first| first == "serve") {
        serve(arguments.get(1))
    } else if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        println!("{HELP}");
        Ok(())
    } else {
        asked(&arguments).and_then(run)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The ticks of a bare timer, for so many milliseconds.
fn ticks(ms: Option<&String>) -> io::Result<()> {
    let ms = ms.and_then(|text| text.parse().ok());
    let ms = ms.ok_or_else(|| io::Error::other("ticks: for how many milliseconds?"))?;
    truth::ticks(Duration::from_millis(ms))
}

fn floor_work(arguments: &[String]) -> Option<floor::Work> {
    let [kind, server, connections, ms, rest @ ..] = arguments else {
        return None;
    };
    Some(floor::Work {
        server: server.parse().ok()?,
        connections: connections.parse().ok()?,
        lasts: Duration::from_millis(ms.parse().ok()?),
        rate: rest.first().and_then(|rate| rate.parse().ok()),
        streams: kind == "streams",
    })
}

/// The server alone, for so many seconds: for a profiler, which wants a client by itself.
fn serve(seconds: Option<&String>) -> io::Result<()> {
    let seconds = seconds
        .map_or(Ok(600), |text| text.parse())
        .map_err(io::Error::other)?;
    let server = Server::start(0)?;
    println!("http://{}", server.address);
    std::thread::sleep(Duration::from_secs(seconds));
    Ok(())
}

fn asked(arguments: &[String]) -> io::Result<Asked> {
    let mut asked = Asked {
        parts: Vec::new(),
        rounds: 5,
        window: Duration::from_millis(2500),
        plimsoll: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| io::Error::other(format!("{argument} needs a value")))
        };
        match argument.as_str() {
            "--rounds" => asked.rounds = value()?.parse().map_err(io::Error::other)?,
            "--seconds" => {
                asked.window = Duration::from_secs_f64(value()?.parse().map_err(io::Error::other)?);
            }
            "--plimsoll" => asked.plimsoll = Some(std::path::absolute(value()?)?),
            name => match PARTS.iter().find(|(part, _)| *part == name) {
                Some((_, part)) => asked.parts.push(*part),
                None => {
                    return Err(io::Error::other(format!(
                        "`{name}` is neither a part nor an option; see --help"
                    )));
                }
            },
        }
    }
    if asked.parts.is_empty() {
        asked.parts = PARTS.map(|(_, part)| part).to_vec();
    }
    Ok(asked)
}

fn run(asked: Asked) -> io::Result<()> {
    let plimsoll = match asked.plimsoll {
        Some(path) => path,
        None => built()?,
    };
    let processors = std::thread::available_parallelism()?.get();
    if processors < 2 {
        return Err(io::Error::other(
            "the server and the clients need a processor each, and there is one",
        ));
    }
    // Thousands of streams have both of their ends in this run.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let scratch = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scratch");
    std::fs::create_dir_all(&scratch)?;
    let bench = Bench {
        server: Server::start(0)?,
        programs: Programs::find(std::env::current_exe()?, plimsoll, scratch),
        rounds: asked.rounds,
        window: asked.window,
        processor: processors - 1,
    };
    let mut table = Table::default();
    for part in asked.parts {
        part(&bench, &mut table)?;
    }
    println!("{}\n\n{}", bench.described(), table.markdown());
    Ok(())
}

/// The release binary, built if it is not up to date.
fn built() -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked"])
        .current_dir(&root)
        .status()?;
    if !status.success() {
        return Err(io::Error::other("plimsoll could not be built"));
    }
    Ok(root.join("target/release/plimsoll"))
}
