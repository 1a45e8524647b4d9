//! Connections that never leave the process: for tests and the simulated clock.

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// Bytes that one direction of a connection holds before its writer waits.
const BUFFER_BYTES: usize = 256 << 10;
/// Connections that wait to be taken; who comes to a full line waits for a place in it, as at a system's listener.
#[cfg(test)]
const LINE: usize = 1;

/// Connects to the [`Listener`] that it was made with.
#[derive(Debug, Clone)]
pub struct Dialer(mpsc::Sender<DuplexStream>);

/// Takes the server's ends of the connections that its [`Dialer`] makes.
#[cfg(test)]
#[derive(Debug)]
pub struct Listener(mpsc::Receiver<DuplexStream>);

/// A listener, and what connects to it.
#[cfg(test)]
pub fn listen() -> (Dialer, Listener) {
    let (sender, receiver) = mpsc::channel(LINE);
    (Dialer(sender), Listener(receiver))
}

#[cfg(test)]
impl Listener {
    /// The next connection; `None` when every dialer is gone.
    pub async fn accept(&mut self) -> Option<DuplexStream> {
        self.0.recv().await
    }
}

impl Dialer {
    /// A new connection, when it has a place in the line; `None` where the listener is gone.
    pub(super) async fn dial(&self) -> Option<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
        self.0.send(theirs).await.ok().map(|()| ours)
    }
}
