//! What the tests of connections have: one connection to a server within the process, and simulated time.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::DuplexStream;

use super::super::{Lost, Options, Origin, Wire, connect, memory};
use crate::foundation::clock::{Clock, Timer, lane};
use crate::foundation::units::Offset;
use crate::instruments::exchange::{Exchange, Head};

/// A connection, the origin it goes to, and time.
pub struct Bench {
    pub wire: Wire,
    pub origin: Origin,
    pub timer: Timer,
}

/// Runs a test, with a server for its one connection.
pub fn over<S, T>(
    options: &Options,
    serve: impl Fn(DuplexStream, Timer) -> S,
    test: impl Fn(Bench) -> T,
) where
    S: Future<Output = ()> + 'static,
    T: Future<Output = ()>,
{
    lane(true).unwrap().block_on(async {
        let (dialer, mut listener) = memory::listen();
        let origin = Origin::in_memory(dialer, options);
        let clock = Clock::simulated();
        let timer = Timer::new(&clock).unwrap();
        // Connections within the process are made by the dialer; no handshake of HTTP waits for the other side.
        let wire = connect(&origin, &clock, Duration::MAX).await.unwrap();
        let server = serve(listener.accept().await.unwrap(), timer.clone());
        let server = tokio::task::spawn_local(server);
        test(Bench {
            wire,
            origin,
            timer,
        })
        .await;
        server.abort();
    });
}

impl Bench {
    pub async fn send(&mut self, exchange: &Exchange) -> Result<Option<Head>, Lost> {
        self.wire.send(exchange, &self.origin).await
    }

    pub async fn head(&mut self, exchange: &Exchange) -> Head {
        self.send(exchange).await.unwrap().unwrap()
    }

    /// The rest of the body, and the stamp of each of its chunks.
    pub async fn body(&mut self) -> Result<(Vec<u8>, Vec<Offset>), Lost> {
        let (mut body, mut stamps) = (Vec::new(), Vec::new());
        while let Some(chunk) = self.wire.next().await? {
            body.extend_from_slice(chunk.bytes);
            stamps.push(chunk.at);
        }
        Ok((body, stamps))
    }

    pub async fn text(&mut self, exchange: &Exchange) -> String {
        self.head(exchange).await;
        String::from_utf8(self.body().await.unwrap().0).unwrap()
    }

    /// Whether the connection can be used again, once the server has had its turn; `None` while an answer goes on.
    pub async fn free(&mut self) -> Option<bool> {
        self.timer.after(Duration::from_millis(5)).await;
        poll_fn(|cx| {
            Poll::Ready(match self.wire.poll_free(cx) {
                Poll::Ready(free) => Some(free),
                Poll::Pending => None,
            })
        })
        .await
    }
}

pub fn post(body: impl Into<Bytes>) -> Exchange {
    Exchange::post_json("/v1/x", body)
}
