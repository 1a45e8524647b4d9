//! Who is measured, and how each is told to do the same work.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The body of every small request: 100 bytes of JSON.
pub const BODY: &str = r#"{"prompt":"what does a request cost the one who sends it, and where does all that time go","n":100}"#;

/// The authority that signed the server's certificate.
const AUTHORITY: &str = include_str!("../../tests/fixtures/tls/authority.pem");
/// Its file in the scratch folder.
const AUTHORITY_FILE: &str = "authority.pem";

/// The script that has wrk send the same request.
const WRK_SCRIPT: &str =
    "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n";

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Raw sockets.
    Floor,
    /// Plimsoll by its own codec.
    Native,
    /// Plimsoll by hyper.
    Hyper,
    /// Plimsoll by its own codec, with `load.precise`.
    Precise,
    /// oha, from crates.io.
    Oha,
    /// wrk, from Debian.
    Wrk,
}

impl Name {
    /// As the table shows it.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Floor => "floor (raw sockets)",
            Self::Native => "plimsoll, native",
            Self::Hyper => "plimsoll, hyper",
            Self::Precise => "plimsoll, precise",
            Self::Oha => "oha",
            Self::Wrk => "wrk",
        }
    }
}

/// What a client is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Small requests over so many connections, as fast as answers come.
    Saturating(usize),
    /// Small requests at a rate, over at most so many connections; `None` for as many as it takes.
    Offered(u32, Option<usize>),
    /// So many streams at once, each begun again when it has ended.
    Streams(usize),
    /// Small requests as fast as answers come, so many at once, by a way to speak HTTP.
    Spoken(Way, usize),
    /// One small request.
    One,
}

/// A way to speak HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// HTTP/2, one request at a time over each connection; else HTTP/1.1.
    pub http2: bool,
    /// Over TLS.
    pub tls: bool,
    /// Each request over a connection of its own.
    pub fresh: bool,
}

impl Way {
    /// As the table shows it.
    pub const fn shown(self) -> &'static str {
        match (self.http2, self.tls) {
            (false, false) => "HTTP/1.1",
            (false, true) => "HTTP/1.1 over TLS",
            (true, false) => "HTTP/2",
            (true, true) => "HTTP/2 over TLS",
        }
    }

    /// The scheme of its addresses.
    const fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// A target's `http`. Plimsoll's own codec is for HTTP/1.1; by which one it speaks HTTP/2 is its own to say.
    fn options(self) -> String {
        let mut options = if self.http2 {
            "version: 2".to_owned()
        } else {
            "client: native, version: \"1.1\"".to_owned()
        };
        if self.tls {
            options.push_str(", tls: { ca: ");
            options.push_str(AUTHORITY_FILE);
            options.push_str(" }");
        }
        if self.fresh {
            options.push_str(", connections: per_request");
        }
        options
    }
}

/// Where the programs are, and where their files go.
#[derive(Debug, Clone)]
pub struct Programs {
    /// This program.
    pub own: PathBuf,
    /// plimsoll.
    pub plimsoll: PathBuf,
    /// oha; `None` where it is not there.
    pub oha: Option<PathBuf>,
    /// wrk; `None` where it is not there.
    pub wrk: Option<PathBuf>,
    /// A folder for scenarios and reports.
    pub scratch: PathBuf,
}

impl Programs {
    /// Looks for them; peers are wanted, not needed.
    pub fn find(own: PathBuf, plimsoll: PathBuf, scratch: PathBuf) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin");
        let find = |name: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::iter::once(here.clone())
                .chain(std::env::split_paths(&path))
                .map(|folder| folder.join(name))
                .find(|file| file.is_file())
        };
        Self {
            own,
            plimsoll,
            oha: find("oha"),
            wrk: find("wrk"),
            scratch,
        }
    }

    /// What stands in the table where a client has no figure.
    pub fn why_missing(&self, name: Name, work: Work) -> String {
        let here = match name {
            Name::Oha => self.oha.is_some(),
            Name::Wrk => self.wrk.is_some(),
            _ => true,
        };
        match (name, here) {
            (Name::Oha, false) => {
                "not here: `cargo install oha --locked --root bench/target/peers`".to_owned()
            }
            (Name::Wrk, false) => "not here: `apt-get install wrk`".to_owned(),
            _ => format!("knows no such work ({work:?})"),
        }
    }

    /// Of what versions the peers are.
    pub fn versions(&self) -> String {
        let version = |program: &Path, argument: &str| {
            let output = Command::new(program).arg(argument).output().ok()?;
            let text = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&text)
                .lines()
                .next()
                .map(|line| line.trim().to_owned())
        };
        let programs = [
            (Some(&self.plimsoll), "--version"),
            (self.oha.as_ref(), "--version"),
            (self.wrk.as_ref(), "-v"),
        ];
        let versions = programs
            .into_iter()
            .filter_map(|(program, argument)| version(program?, argument));
        versions.collect::<Vec<_>>().join(", ")
    }

    /// The command that has a client do that work; `None` where it is not here, or knows no such work.
    ///
    /// # Errors
    /// Where a scenario cannot be written.
    pub fn command(
        &self,
        name: Name,
        work: Work,
        lasts: Duration,
        server: SocketAddr,
    ) -> std::io::Result<Option<Command>> {
        match name {
            Name::Floor => Ok(self.floor(work, lasts, server)),
            Name::Native | Name::Hyper | Name::Precise => {
                self.plimsoll(name, work, lasts, server).map(Some)
            }
            Name::Oha => Ok(self.oha(work, lasts, server)),
            Name::Wrk => self.wrk(work, lasts, server),
        }
    }

    fn floor(&self, work: Work, lasts: Duration, server: SocketAddr) -> Option<Command> {
        let (kind, connections, rate) = match work {
            Work::Saturating(connections) => ("small", connections, None),
            Work::Offered(rate, connections) => ("small", connections.unwrap_or(64), Some(rate)),
            Work::Streams(streams) => ("streams", streams, None),
            Work::Spoken(..) | Work::One => return None,
        };
        let mut command = Command::new(&self.own);
        command
            .arg("floor")
            .arg(kind)
            .arg(server.to_string())
            .arg(connections.to_string());
        command
            .arg(lasts.as_millis().to_string())
            .args(rate.map(|rate| rate.to_string()));
        Some(command)
    }

    /// The results of plimsoll's last run.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn results(&self) -> std::io::Result<serde_json::Value> {
        let text = std::fs::read_to_string(self.report().join("results.json"))?;
        Ok(serde_json::from_str(&text)?)
    }

    fn authority(&self) -> PathBuf {
        self.scratch.join(AUTHORITY_FILE)
    }

    /// The report folder of plimsoll's last run.
    pub fn report(&self) -> PathBuf {
        self.scratch.join("report")
    }

    fn plimsoll(
        &self,
        name: Name,
        work: Work,
        lasts: Duration,
        server: SocketAddr,
    ) -> std::io::Result<Command> {
        let (scheme, options) = match (work, name) {
            (Work::Spoken(way, _), _) => (way.scheme(), way.options()),
            (_, Name::Hyper) => ("http", "client: hyper".to_owned()),
            _ => ("http", "client: native".to_owned()),
        };
        let seconds = format!("{}ms", lasts.as_millis());
        let (mut load, matrix) = match work {
            Work::Saturating(connections)
            | Work::Streams(connections)
            | Work::Spoken(_, connections) => (
                format!("duration: {seconds}"),
                format!("concurrency: {connections}"),
            ),
            Work::Offered(rate, connections) => {
                let cap = connections.map_or_else(|| "inf".to_owned(), |cap| cap.to_string());
                (
                    format!("duration: {seconds}"),
                    format!("rate: {rate}, concurrency: {cap}"),
                )
            }
            Work::One => ("requests: 1".to_owned(), "concurrency: 1".to_owned()),
        };
        if name == Name::Precise {
            load.push_str(", precise: true");
        }
        let target = if let Work::Streams(_) = work {
            "protocol: openai-chat, model: bench".to_owned()
        } else {
            format!("protocol: http, method: POST, path: /small, json: {BODY}")
        };
        let rows = if let Work::Streams(_) = work {
            "datasets: { d: { kind: prompts, task: chat, rows: [{ prompt: what does a token cost }] } }\n"
        } else {
            ""
        };
        let scenario = format!(
            "version: 1\nname: bench\ntargets:\n  t: {{ {target}, base_url: \"{scheme}://{server}\", http: {{ {options} }} }}\n\
             {rows}matrix: {{ {matrix} }}\nload: {{ {load} }}\nreport: {{ formats: [json], samples: 0 }}\n"
        );
        let file = self.scratch.join("bench.yaml");
        std::fs::write(&file, scenario)?;
        std::fs::write(self.authority(), AUTHORITY)?;
        let report = self.report();
        for left in [&report, &self.scratch.join("report.part")] {
            let _ = std::fs::remove_dir_all(left);
        }
        let mut command = Command::new(&self.plimsoll);
        command
            .arg("run")
            .arg(file)
            .arg("--out")
            .arg(report)
            .arg("-q");
        Ok(command)
    }

    fn oha(&self, work: Work, lasts: Duration, server: SocketAddr) -> Option<Command> {
        let mut command = Command::new(self.oha.as_ref()?);
        command.args([
            "--no-tui",
            "--method",
            "POST",
            "-T",
            "application/json",
            "-d",
            BODY,
        ]);
        let (connections, rate) = match work {
            Work::Saturating(connections)
            | Work::Streams(connections)
            | Work::Spoken(_, connections) => (connections, None),
            Work::Offered(rate, connections) => (connections.unwrap_or(64), Some(rate)),
            Work::One => (1, None),
        };
        if work == Work::One {
            command.args(["-n", "1"]);
        } else {
            command.arg("-z").arg(format!("{}ms", lasts.as_millis()));
        }
        command.arg("-c").arg(connections.to_string());
        if let Some(rate) = rate {
            command.arg("-q").arg(rate.to_string());
        }
        let mut scheme = "http";
        if let Work::Spoken(way, _) = work {
            scheme = way.scheme();
            if way.http2 {
                command.arg("--http2");
            }
            if way.tls {
                command.arg("--cacert").arg(self.authority());
            }
            if way.fresh {
                command.arg("--disable-keepalive");
            }
        }
        let path = if let Work::Streams(_) = work {
            "v1/chat/completions"
        } else {
            "small"
        };
        command.arg(format!("{scheme}://{server}/{path}"));
        Some(command)
    }

    fn wrk(
        &self,
        work: Work,
        lasts: Duration,
        server: SocketAddr,
    ) -> std::io::Result<Option<Command>> {
        let (Some(program), Work::Saturating(connections)) = (&self.wrk, work) else {
            // wrk knows no rate, and no stream that it would begin again.
            return Ok(None);
        };
        let script = self.scratch.join("wrk.lua");
        std::fs::write(&script, format!("{WRK_SCRIPT}wrk.body = '{BODY}'\n"))?;
        let mut command = Command::new(program);
        command
            .arg("-t1")
            .arg(format!("-c{connections}"))
            .arg(format!("-d{}s", lasts.as_secs().max(1)));
        command
            .arg("-s")
            .arg(script)
            .arg(format!("http://{server}/small"));
        Ok(Some(command))
    }
}
