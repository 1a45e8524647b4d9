//! Making a connection.

use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::origin::Reach;
use super::stamped::{Stamped, Stamps};
use super::stream::Stream;
use super::{Lost, Origin, Wire};
use crate::foundation::access::Allowed;
use crate::foundation::clock::Clock;
use crate::instruments::record::Outcome;

/// Connects to an origin: TCP, and TLS where the origin has it.
///
/// All of a name's addresses are tried in order; the first that connects holds for the cell.
///
/// # Errors
/// Where no address takes the connection (`connect`) or TLS fails (`tls`).
pub async fn connect(origin: &Origin, clock: &Clock) -> Result<Wire, Lost> {
    let stream = match &origin.reach {
        Reach::Memory(dialer) => match dialer.dial() {
            Some(stream) => Stream::Memory(stream),
            None => return Err(Lost::new(Outcome::Connect, "nothing listens in memory")),
        },
        Reach::Addresses { all, held } => {
            let tcp = match held.get() {
                Some(address) => dial(*address).await?,
                None => first(all, held).await?,
            };
            match &origin.secure {
                None => Stream::Tcp(tcp),
                Some(secure) => {
                    let connector = TlsConnector::from(Arc::clone(&secure.config));
                    let tls = connector
                        .connect(secure.server_name.clone(), tcp)
                        .await
                        .map_err(|error| {
                            Lost::new(Outcome::Tls, format!("{}: {error}", origin.name()))
                        })?;
                    Stream::Tls(Box::new(tls))
                }
            }
        }
    };
    let connected = clock.now();
    let stamps = Rc::new(Stamps::default());
    let stamped = Stamped::new(stream, clock.clone(), Rc::clone(&stamps));
    Wire::begin(stamped, stamps, origin, connected).await
}

async fn first(all: &[Allowed], held: &std::sync::OnceLock<Allowed>) -> Result<TcpStream, Lost> {
    let mut failure = Lost::new(Outcome::Connect, "the name has no address");
    for address in all {
        match dial(*address).await {
            Ok(stream) => {
                // Another slot may have been first; then its address holds for those that follow.
                let _ = held.set(*address);
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
