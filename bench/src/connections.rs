//! What HTTP/2 and TLS cost their client, by kept connections and by one for each request.

mod server;

use std::io;

use serde_json::{Value, json};

use crate::bench::{Bench, Measured};
use crate::clients::{Name, Way, Work};
use crate::figures::Rounds;
use crate::table::Table;
use server::Server;

/// Connections at once.
const CONNECTIONS: usize = 64;

/// The ways over kept connections. The first is what the others are held against.
const KEPT: [Way; 4] = [
    way(false, false, false),
    way(false, true, false),
    way(true, false, false),
    way(true, true, false),
];
/// Those by a connection for each request. oha's HTTP/2 keeps its connections whatever it is told.
const FRESH: [Way; 2] = [way(false, false, true), way(false, true, true)];

const CLIENTS: [Name; 2] = [Name::Native, Name::Oha];

const fn way(http2: bool, tls: bool, fresh: bool) -> Way {
    Way { http2, tls, fresh }
}

/// A client's figures by one way.
#[derive(Debug, Default)]
struct Figures {
    cost_us: Rounds,
    whole_us: Rounds,
    per_second: Rounds,
    void: u32,
}

/// Small requests as fast as answers come, by each way.
///
/// # Errors
/// Where a client fails, or speaks otherwise than it was told to.
pub fn ways(bench: &Bench, table: &mut Table) -> io::Result<()> {
    bench.server.shared.rest(true);
    let server = Server::start(0)?;
    let done = [&KEPT[..], &FRESH[..]]
        .into_iter()
        .try_for_each(|ways| compared(bench, &server, ways, table));
    drop(server);
    bench.server.shared.rest(false);
    done
}

fn compared(bench: &Bench, server: &Server, ways: &[Way], table: &mut Table) -> io::Result<()> {
    let mut all: Vec<[Figures; 2]> = ways.iter().map(|_| <[Figures; 2]>::default()).collect();
    for round in 0..bench.rounds {
        eprintln!("connections: round {} of {}", round + 1, bench.rounds);
        for (&way, figures) in ways.iter().zip(&mut all) {
            for (name, figures) in CLIENTS.into_iter().zip(figures) {
                if let Some(measured) = cost(bench, server, name, way)? {
                    figures.add(bench, measured);
                }
            }
        }
    }
    for (&way, figures) in ways.iter().zip(&all) {
        for (at, name) in CLIENTS.into_iter().enumerate() {
            let own = &figures[at];
            let to_plain = own.cost_us.over(&all[0][at].cost_us);
            let to_oha = own.cost_us.over(&figures[1].cost_us);
            let of = if way.fresh { "of its own" } else { "kept" };
            table.row([
                format!("small request by {}, connections {of}", way.shown()),
                if name == Name::Oha { "oha" } else { "plimsoll" }.to_owned(),
                if own.cost_us.0.is_empty() {
                    bench.programs.why_missing(name, work(way))
                } else {
                    format!("{} µs", own.cost_us.shown(1))
                },
                "–".to_owned(),
                to_oha.shown(2),
                own.beside(&to_plain, bench.rounds),
                String::new(),
            ]);
        }
    }
    Ok(())
}

const fn work(way: Way) -> Work {
    Work::Spoken(way, CONNECTIONS)
}

impl Figures {
    fn add(&mut self, bench: &Bench, measured: Measured) {
        self.cost_us.0.extend(measured.window.each_us());
        self.whole_us.0.extend(measured.whole.each_us());
        #[expect(clippy::cast_precision_loss, reason = "a count of this run")]
        let requests = measured.window.count as f64;
        let seconds = bench.window.as_secs_f64();
        self.per_second.0.push(requests / seconds);
        self.void += u32::from(measured.void);
    }

    fn beside(&self, to_plain: &Rounds, rounds: u32) -> String {
        let void = match self.void {
            0 => String::new(),
            void => format!("; void by its own word in {void} of {rounds} rounds"),
        };
        format!(
            "{} × its own plain HTTP/1.1; {}/s; whole process {} µs{void}",
            to_plain.shown(2),
            self.per_second.shown(0),
            self.whole_us.shown(1)
        )
    }
}

/// What a request costs a client by a way. That it was spoken so is held against what the server counted, and for
/// plimsoll against its results.
fn cost(bench: &Bench, server: &Server, name: Name, way: Way) -> io::Result<Option<Measured>> {
    let counts = &server.counts;
    let counted = || {
        (
            counts.requests(way),
            counts.all_requests(),
            counts.connections(),
        )
    };
    let before = counted();
    let address = server.address(way);
    let measured = bench.cost_at(name, work(way), address, || counts.requests(way))?;
    if measured.is_none() {
        return Ok(None);
    }
    let after = counted();
    let (requests, all) = (after.0 - before.0, after.1 - before.1);
    let connections = after.2 - before.2;
    let as_told = requests > 0
        && requests == all
        && if way.fresh {
            connections >= requests
        } else {
            connections == CONNECTIONS as u64
        };
    if !as_told {
        return Err(io::Error::other(format!(
            "{} was told to speak {} over {} connections ({}), and the server counted {requests} such requests of {all} \
             over {connections} connections",
            name.shown(),
            way.shown(),
            if way.fresh { "fresh" } else { "kept" },
            CONNECTIONS,
        )));
    }
    if name == Name::Native {
        check_results(bench, way, requests)?;
    }
    Ok(measured)
}

/// Whether plimsoll's own results say the same.
fn check_results(bench: &Bench, way: Way, requests: u64) -> io::Result<()> {
    let results = bench.programs.results()?;
    let spoken = &results["environment"]["connections"]["t"];
    let outcomes = &results["cells"][0]["outcomes"];
    if *spoken != expected(way) || *outcomes != json!({ "ok": requests }) {
        return Err(io::Error::other(format!(
            "plimsoll was told to speak {}, the server counted {requests} requests, and its results say {spoken} and \
             {outcomes}",
            way.shown()
        )));
    }
    Ok(())
}

/// What the results say of connections by that way.
fn expected(way: Way) -> Value {
    json!([{
        "http": if way.http2 { "2" } else { "1.1" },
        "tls": way.tls.then_some("TLSv1_3"),
        "alpn": way.tls.then_some(if way.http2 { "h2" } else { "http/1.1" }),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_words_in_the_results() {
        let plain = json!([{ "http": "1.1", "tls": null, "alpn": null }]);
        assert_eq!(expected(KEPT[0]), plain);
        let best = json!([{ "http": "2", "tls": "TLSv1_3", "alpn": "h2" }]);
        assert_eq!(expected(KEPT[3]), best);
    }
}
