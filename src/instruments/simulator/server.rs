//! Connections: a thread that listens, or one connection that was handed over.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::answer::Connection;
use super::error::SimulatorError;
use super::model::Model;
use super::state::Simulator;
use super::wire;
use crate::foundation::clock::{Clock, Timer, lane};
use crate::foundation::socket::{Socket, ask_for_stamps};

/// Connections that the system may hold ready for us.
const BACKLOG: u32 = 4096;

/// Pause after the system refuses a connection for want of descriptors.
const BREATH: Duration = Duration::from_millis(10);

/// How HTTP/2 begins, where the client knows that it will be understood.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A simulator that listens on a port of its own, from a thread of its own. Ends when it is dropped.
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[cfg(test)]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the simulator is reported where it happened; dropping must not panic again.
            let _ = thread.join();
        }
    }
}

/// Starts a simulator on `address`; port 0 takes a free one. It answers when this returns.
///
/// # Errors
/// A model that contradicts itself, an address that cannot be had, no thread.
pub fn start(model: &Model, address: SocketAddr) -> Result<Running, SimulatorError> {
    let (stop, stopped) = oneshot::channel::<Infallible>();
    let (tell, told) = mpsc::sync_channel(1);
    let model = model.clone();
    let thread = std::thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || {
            let lane = match lane(false) {
                Ok(lane) => lane,
                Err(source) => {
                    let _ = tell.send(Err(SimulatorError::Thread { source }));
                    return;
                }
            };
            lane.block_on(async {
                let clock = Clock::real();
                match open(&model, &clock, address) {
                    Ok((simulator, listener, address)) => {
                        let _ = tell.send(Ok(address));
                        tokio::select! {
                            () = accept(listener, simulator, clock) => {}
                            _ = stopped => {}
                        }
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error));
                    }
                }
            });
        })
        .map_err(|source| SimulatorError::Thread { source })?;
    let ended = || SimulatorError::Thread {
        source: io::Error::other("the thread ended"),
    };
    let address = told.recv().map_err(|_| ended())??;
    Ok(Running {
        address,
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// Makes the server and its listening socket.
fn open(
    model: &Model,
    clock: &Clock,
    address: SocketAddr,
) -> Result<(Simulator, TcpListener, SocketAddr), SimulatorError> {
    let timer = Timer::new(clock).map_err(|source| SimulatorError::Thread { source })?;
    let simulator = Simulator::new(model, timer)?;
    let bound = || -> io::Result<(TcpListener, SocketAddr)> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        ask_for_stamps(&socket);
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (listener, address) = bound().map_err(|source| SimulatorError::Bind { address, source })?;
    Ok((simulator, listener, address))
}

/// Takes connections for good.
async fn accept(listener: TcpListener, simulator: Simulator, clock: Clock) {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (simulator, clock) = (simulator.clone(), clock.clone());
                tokio::task::spawn_local(async move {
                    // Small events must leave at once; a socket that refuses is only slower.
                    let _ = stream.set_nodelay(true);
                    let second = speaks_http2(&stream).await;
                    let connection = Connection::default();
                    let wire = Wire {
                        socket: Socket::new(stream, clock),
                        connection: connection.clone(),
                    };
                    serve_as(wire, simulator, connection, second).await;
                });
            }
            Err(error) => {
                if is_of_descriptors(&error) && !std::mem::replace(&mut told, true) {
                    tracing::warn!(
                        %error,
                        "no descriptor is left for another connection: it hangs until one ends; `ulimit -n` raises \
                         the limit"
                    );
                }
                tracing::debug!(%error, "no connection");
                clock.sleep_until(clock.now() + BREATH).await;
            }
        }
    }
}

/// Whether the limit on descriptors, our own or the system's, is the reason.
fn is_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
/// Serves one connection, HTTP/1.1, until either side ends it. Must run in the simulator's lane.
pub async fn serve<I>(io: I, simulator: Simulator)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    serve_as(io, simulator, Connection::default(), false).await;
}

#[cfg(test)]
/// The same by HTTP/2.
pub async fn serve_http2<I>(io: I, simulator: Simulator)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    serve_as(io, simulator, Connection::default(), true).await;
}

async fn serve_as<I>(io: I, simulator: Simulator, connection: Connection, second: bool)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service =
        service_fn(move |request| wire::handle(simulator.clone(), connection.clone(), request));
    let ended = if second {
        http2::Builder::new(Lane)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(io), service)
            .await
    } else {
        http1::Builder::new()
            .header_read_timeout(None)
            .auto_date_header(false)
            .serve_connection(TokioIo::new(io), service)
            .await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Whether the client's first bytes are HTTP/2's.
async fn speaks_http2(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    match stream.peek(&mut first).await {
        // `PRI` is no method of HTTP/1: four bytes tell.
        Ok(seen) => seen >= 4 && first[..seen] == PREFACE[..seen],
        Err(_) => false,
    }
}

/// Runs HTTP/2's streams in the connection's own lane.
#[derive(Debug, Clone, Copy)]
struct Lane;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Lane {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// A socket that tells when requests come, and ends with a reset where an answer says so.
struct Wire {
    socket: Socket,
    connection: Connection,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.connection.is_reset() {
            // With no time to linger, closing sends RST; where it cannot be set, the client sees a plain close.
            let _ = self.socket.stream().set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if read.is_ready() {
            self.connection.note_arrival(self.socket.arrived());
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.is_reset() {
            // An orderly end first would spoil the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
