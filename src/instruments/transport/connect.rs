//! Making a connection.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::by_reqwest::ByReqwest;
use super::http1::{ByHyper, Native};
use super::http2::Http2;
use super::origin::{Reach, Secure};
use super::stamped::{Stamped, Stamps};
use super::stream::Stream;
use super::tls::HTTP_2;
use super::{Client, Lost, Origin, Version, Wire, wire};
use crate::foundation::access::Allowed;
use crate::foundation::clock::Clock;
use crate::foundation::socket::{Socket, ask_for_stamps};
use crate::instruments::record::{HttpSpoken, Outcome, Spoken};

/// Connects to an origin: TCP, and TLS where the origin has it. By reqwest, which connects when it sends, `within` is how
/// long that may take; else it is the caller's to say.
///
/// All of a name's addresses are tried in order; the first that connects holds for the cell.
///
/// # Errors
/// Where no address takes the connection (`connect`) or TLS fails (`tls`).
pub async fn connect(origin: &Origin, clock: &Clock, within: Duration) -> Result<Wire, Lost> {
    let (options, stamps) = (&origin.options, Rc::new(Stamps::default()));
    let caps = options.caps;
    if options.client == Client::Reqwest {
        let shared = (clock.clone(), Rc::clone(&stamps));
        let client = wire::Speaker::Reqwest(Box::new(ByReqwest::new(origin, shared, within)?));
        return Ok(Wire::new(client, stamps, caps, None));
    }
    let (stream, spoken) = reach(origin, clock).await?;
    let http = spoken.http;
    origin.note(spoken);
    let connected = clock.now();
    let stream = Stamped::new(stream, clock.clone(), Rc::clone(&stamps));
    let speaker = match (http, options.client) {
        (HttpSpoken::Http2, _) => {
            wire::Speaker::Http2(Box::new(Http2::begin(stream.of_frames(), caps).await?))
        }
        (HttpSpoken::Http11, Client::Native) => {
            wire::Speaker::Native(Box::new(Native::new(stream, caps)))
        }
        (HttpSpoken::Http11, _) => {
            wire::Speaker::Hyper(Box::new(ByHyper::begin(stream, caps.head_bytes).await?))
        }
    };
    Ok(Wire::new(speaker, stamps, caps, Some(connected)))
}

/// A stream to an origin, and what is to be spoken over it.
async fn reach(origin: &Origin, clock: &Clock) -> Result<(Stream, Spoken), Lost> {
    let unasked = if origin.options.version == Version::Http2 {
        HttpSpoken::Http2
    } else {
        HttpSpoken::Http11
    };
    let tcp = match &origin.reach {
        Reach::Memory(dialer) => {
            return match dialer.dial().await {
                Some(stream) => Ok((Stream::Memory(stream), Spoken::plain(unasked))),
                None => Err(Lost::new(Outcome::Connect, "nothing listens in memory")),
            };
        }
        Reach::Addresses { all, held, .. } => match held.get() {
            Some(address) => dial(*address).await?,
            None => first(all, origin).await?,
        },
    };
    ask_for_stamps(&tcp);
    let tcp = Socket::new(tcp, clock.clone());
    match &origin.secure {
        None => Ok((Stream::Tcp(tcp), Spoken::plain(unasked))),
        Some(secure) => {
            let tls = secured(tcp, secure, origin).await?;
            let spoken = negotiated(&tls, origin)?;
            Ok((Stream::Tls(Box::new(tls)), spoken))
        }
    }
}

async fn secured(tcp: Socket, secure: &Secure, origin: &Origin) -> Result<TlsStream<Socket>, Lost> {
    TlsConnector::from(Arc::clone(&secure.config))
        .connect(secure.server_name.clone(), tcp)
        .await
        .map_err(|error| Lost::new(Outcome::Tls, format!("{}: {error}", origin.name())))
}

/// What TLS negotiated. A server that names no protocol speaks HTTP/1.1.
fn negotiated(tls: &TlsStream<Socket>, origin: &Origin) -> Result<Spoken, Lost> {
    let (_, session) = tls.get_ref();
    let alpn = session.alpn_protocol();
    let http = if alpn == Some(HTTP_2) {
        HttpSpoken::Http2
    } else {
        HttpSpoken::Http11
    };
    if http == HttpSpoken::Http11 && origin.options.version == Version::Http2 {
        let text = format!(
            "{}: the server does not agree to HTTP/2 (ALPN)",
            origin.name()
        );
        return Err(Lost::new(Outcome::Tls, text));
    }
    Ok(Spoken {
        http,
        tls: session
            .protocol_version()
            .and_then(|version| version.as_str())
            .map(str::to_owned),
        alpn: alpn.map(|name| String::from_utf8_lossy(name).into_owned()),
    })
}

async fn first(all: &[Allowed], origin: &Origin) -> Result<TcpStream, Lost> {
    let mut failure = Lost::new(Outcome::Connect, "the name has no address");
    for address in all {
        match dial(*address).await {
            Ok(stream) => {
                origin.hold(address.address());
                return Ok(stream);
            }
            Err(lost) => failure = lost,
        }
    }
    Err(failure)
}

async fn dial(address: Allowed) -> Result<TcpStream, Lost> {
    let address = address.address();
    let failed = |error: &std::io::Error| Lost::connecting(&address.to_string(), error);
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| failed(&error))?;
    // A request must leave when it was written, not when the last answer was acknowledged.
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::OnceLock;

    use super::*;
    use crate::foundation::access::Network;
    use crate::foundation::clock::lane;
    use crate::instruments::transport::Options;

    fn origin(address: std::net::SocketAddr, client: Client) -> Origin {
        let options = Options {
            client,
            ..Options::default()
        };
        let url = format!("http://{address}");
        Origin::resolve(&url, Vec::new(), &options, &Network::default()).unwrap()
    }

    /// A name with two addresses, of which the first takes no connection at first and one later.
    #[test]
    fn the_address_that_connected_holds_though_an_earlier_one_comes_to_life() {
        let dead = TcpListener::bind("127.0.0.1:0").unwrap();
        let first_address = dead.local_addr().unwrap();
        drop(dead);
        let alive = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut origin = origin(alive.local_addr().unwrap(), Client::Hyper);
        if let Reach::Addresses { all, held, .. } = &mut origin.reach {
            all.insert(0, Network::default().allow("", first_address).unwrap());
            *held = OnceLock::new();
        }
        let connect = || {
            lane(false).unwrap().block_on(async {
                let clock = Clock::real();
                connect(&origin, &clock, Duration::from_secs(5)).await
            })
        };
        connect().unwrap();
        alive.accept().unwrap();
        // Nobody else may have been given the port meanwhile.
        let Ok(risen) = TcpListener::bind(first_address) else {
            return;
        };
        risen.set_nonblocking(true).unwrap();
        connect().unwrap();
        alive.accept().unwrap();
        assert_eq!(
            risen.accept().unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
        assert_eq!(origin.addresses().len(), 2, "both are told");
    }

    #[test]
    fn all_addresses_of_a_name_are_told_and_the_one_that_holds_is_connected_to() {
        let alive = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = alive.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}");
        let origin =
            Origin::resolve(&url, Vec::new(), &Options::default(), &Network::default()).unwrap();
        assert!(
            origin.addresses().contains(&format!("127.0.0.1:{port}")),
            "{:?}",
            origin.addresses()
        );
        origin.hold(alive.local_addr().unwrap());
        assert_eq!(origin.candidates(), [alive.local_addr().unwrap()]);
    }
}
