//! Targets made ready: simulators started, names resolved, readiness waited for, metadata read.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::credentials::{self, Credentials, Vault};
use super::event::{Event, Watcher};
use super::{RunError, Session};
use crate::foundation::access::Network;
use crate::foundation::clock::Clock;
use crate::foundation::secret::Secret;
use crate::foundation::units::Offset;
use crate::instruments::record::Spoken;
use crate::instruments::simulator::{self, Running};
use crate::instruments::transport::{Client, Options, Origin, Version, fetch};
use crate::scenario::{Address, HttpClient, HttpVersion, Ready, Target};

/// Longest that one question about readiness or metadata may take.
const QUESTION: Duration = Duration::from_secs(10);
/// How long the answer to the last question about readiness, asked when the budget ends, is waited for.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A target that load can be put on.
pub struct ReadyTarget {
    /// Where it answers, as resolved at first; requests go round robin.
    origins: Vec<Arc<Origin>>,
    route: Route,
    /// What its `metadata` answered.
    pub metadata: Option<Value>,
    /// What must appear in no output.
    pub secrets: Vec<Secret>,
    /// The simulator that it is, where it is one; stops when dropped.
    _simulator: Option<Running>,
}

/// How its addresses are found.
struct Route {
    target: String,
    urls: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    options: Options,
}

impl Route {
    fn resolve(&self) -> Result<Vec<Arc<Origin>>, RunError> {
        let origin = |url: &String| {
            Origin::resolve(
                url,
                self.headers.clone(),
                &self.options,
                &Network::default(),
            )
            .map(Arc::new)
        };
        self.urls
            .iter()
            .map(origin)
            .collect::<Result<_, _>>()
            .map_err(|source| RunError::Transport {
                target: self.target.clone(),
                source,
            })
    }
}

impl ReadyTarget {
    /// Where a cell finds it: its names are resolved once a cell. Where that fails now, the addresses of the beginning
    /// are tried: what comes of them is the cell's result, and the run goes on.
    pub fn resolved(&self, watcher: &dyn Watcher) -> Vec<Arc<Origin>> {
        self.route.resolve().unwrap_or_else(|error| {
            watcher.event(&Event::Note {
                text: &format!("{error}: the addresses of the beginning are kept"),
            });
            self.origins.clone()
        })
    }

    /// Addresses that its names resolved to at first.
    pub fn addresses(&self) -> Vec<String> {
        addresses(&self.origins)
    }
}

/// Addresses that names resolved to.
pub fn addresses(origins: &[Arc<Origin>]) -> Vec<String> {
    origins
        .iter()
        .flat_map(|origin| origin.addresses())
        .collect()
}

/// What was spoken over the connections to them, each way once.
pub fn connections(origins: &[Arc<Origin>]) -> Vec<Spoken> {
    let mut known = Vec::new();
    for spoken in origins.iter().flat_map(|origin| origin.spoken()) {
        if !known.contains(&spoken) {
            known.push(spoken);
        }
    }
    known
}

/// Makes a target ready: `Err` where it cannot be reached within its budget, or a stop is asked for first. What is asked
/// of a target before its load measures nothing, so that a stop gives it up at once, questions under way too.
pub async fn make_ready(target: &Target, session: &Session<'_>) -> Result<ReadyTarget, RunError> {
    tokio::select! {
        biased;
        ready = prepare(target, session) => ready,
        () = session.signals.stop().stopped() => Err(RunError::Stopped {
            target: target.name.clone(),
        }),
    }
}

/// The same, whatever signals come.
async fn prepare(target: &Target, session: &Session<'_>) -> Result<ReadyTarget, RunError> {
    let vault = Vault {
        environment: session.environment,
        folders: &session.scenario.folders,
    };
    let credentials = credentials::of(target, &vault)?;
    let (urls, simulator) = match &target.address {
        Address::Urls(urls) => (urls.clone(), None),
        Address::Embedded(model) => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let running =
                simulator::start(model, address).map_err(|source| RunError::Simulator {
                    target: target.name.clone(),
                    source,
                })?;
            (vec![running.base_url()], Some(running))
        }
    };
    let network = Network::default();
    let options = options(target);
    let asking = Asking {
        target,
        credentials: &credentials,
        options: &options,
        network: &network,
        session,
    };
    if let Some(ready) = &target.ready {
        // One budget for all of the target's addresses.
        let clock = Clock::real();
        for url in &urls {
            asking.wait_until_ready(url, ready, &clock).await?;
        }
    }
    let metadata = match (&target.metadata, urls.first()) {
        (Some(path), Some(base)) => asking.metadata(base, path).await,
        _ => None,
    };
    let route = Route {
        target: target.name.clone(),
        urls,
        headers: credentials.headers,
        options,
    };
    Ok(ReadyTarget {
        origins: route.resolve()?,
        route,
        metadata,
        secrets: credentials.secrets,
        _simulator: simulator,
    })
}

fn options(target: &Target) -> Options {
    let version = match target.http.version {
        HttpVersion::Auto => Version::Auto,
        HttpVersion::Http11 => Version::Http11,
        HttpVersion::Http2 => Version::Http2,
    };
    let client = match target.http.client {
        HttpClient::Native => Client::Native,
        HttpClient::Hyper => Client::Hyper,
        HttpClient::Reqwest => Client::Reqwest,
    };
    Options {
        version,
        client,
        per_request: target.http.connection_per_request,
        ca_file: target.http.ca_file.clone(),
        ..Options::default()
    }
}

/// Questions to a target before any load.
struct Asking<'a> {
    target: &'a Target,
    credentials: &'a Credentials,
    options: &'a Options,
    network: &'a Network,
    session: &'a Session<'a>,
}

impl Asking<'_> {
    async fn get(&self, url: &str, at_most: Duration) -> Result<fetch::Fetched, fetch::FetchError> {
        fetch::get(
            url,
            &self.credentials.headers,
            at_most,
            self.options,
            self.network,
        )
        .await
    }

    /// Asks until it is ready; at last when the budget, which began with `clock`, ends.
    async fn wait_until_ready(
        &self,
        base: &str,
        ready: &Ready,
        clock: &Clock,
    ) -> Result<(), RunError> {
        let url = join(base, &ready.path);
        self.session.watcher.event(&Event::Waiting {
            target: &self.target.name,
            url: &url,
        });
        let end = Offset::ZERO + ready.within;
        let mut tries = 0;
        loop {
            tries += 1;
            let patience = end.since(clock.now()).max(LAST_WORD).min(QUESTION);
            let last = match self.get(&url, patience).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let after = clock.now().since(Offset::ZERO);
                    self.session.watcher.event(&Event::Ready {
                        target: &self.target.name,
                        url: base,
                        after,
                    });
                    return Ok(());
                }
                Ok(answer) => format!("status {}", answer.status),
                Err(error) => error.to_string(),
            };
            if clock.now() >= end {
                return Err(RunError::NotReady {
                    target: self.target.name.clone(),
                    url,
                    within: ready.within,
                    tries,
                    last,
                });
            }
            clock
                .sleep_until((clock.now() + ready.every).min(end))
                .await;
        }
    }

    /// What the target says of itself; that it says nothing is noted, not an error.
    async fn metadata(&self, base: &str, path: &str) -> Option<Value> {
        let url = if path.contains("://") {
            path.to_owned()
        } else {
            join(base, path)
        };
        let answer = match self.get(&url, QUESTION).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                serde_json::from_slice(&answer.body).map_err(|error| format!("is no JSON: {error}"))
            }
            Ok(answer) => Err(format!("answered status {}", answer.status)),
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(value) => Some(value),
            Err(reason) => {
                let text = format!("target `{}`: metadata {url} {reason}", self.target.name);
                self.session.watcher.event(&Event::Note { text: &text });
                None
            }
        }
    }
}

fn join(base: &str, path: &str) -> String {
    format!(
        "{}/{}",
        base.trim_end_matches('/'),
        path.trim_start_matches('/')
    )
}
