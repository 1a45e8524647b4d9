//! A server for all ways to speak HTTP: hyper's, with rustls before it, on a runtime that never waits. It answers what
//! [`crate::server`] answers to a small request, and counts what was spoken.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::crypto::ring::{cipher_suite, default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::clients::Way;
use crate::server::small_body;

/// The certificate of plimsoll's own tests; it holds for 127.0.0.1 until 2100.
const CERTIFICATE: &[u8] = include_bytes!("../../../tests/fixtures/tls/good.pem");
const KEY: &[u8] = include_bytes!("../../../tests/fixtures/tls/good.key");

/// What it counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that came whole, by version (1.1, 2), and without and with TLS.
    requests: [[AtomicU64; 2]; 2],
    /// Connections on which something can be sent: those that came, and of TLS those that it was agreed upon.
    connections: AtomicU64,
}

impl Counts {
    /// Requests that came whole by that way so far.
    pub fn requests(&self, way: Way) -> u64 {
        self.requests[usize::from(way.http2)][usize::from(way.tls)].load(Relaxed)
    }

    /// Requests that came whole by any way so far.
    pub fn all_requests(&self) -> u64 {
        let all = self.requests.iter().flatten();
        all.map(|requests| requests.load(Relaxed)).sum()
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }
}

/// The server, on a thread of its own that is pinned to a processor.
pub struct Server {
    plain: SocketAddr,
    secure: SocketAddr,
    /// What it counts.
    pub counts: Arc<Counts>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// Where no port or thread can be had.
    pub fn start(processor: usize) -> io::Result<Self> {
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            io::Result::Ok((listener.local_addr()?, listener))
        };
        let ((plain, listener), (secure, secure_listener)) = (listen()?, listen()?);
        let acceptor = TlsAcceptor::from(Arc::new(tls().map_err(io::Error::other)?));
        let (counts, over) = (Arc::<Counts>::default(), Arc::<AtomicBool>::default());
        let (theirs, until) = (Arc::clone(&counts), Arc::clone(&over));
        let serve = async move {
            let listener = TcpListener::from_std(listener)?;
            let secure_listener = TcpListener::from_std(secure_listener)?;
            tokio::spawn(accept(listener, None, Arc::clone(&theirs)));
            tokio::spawn(accept(secure_listener, Some(acceptor), theirs));
            // A task that is always ready has the runtime look at its sockets without ever waiting for them.
            while !until.load(Relaxed) {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        let run = move || {
            crate::child::pin(processor)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()?;
            runtime.block_on(serve)
        };
        let thread = std::thread::Builder::new().name("ways".into()).spawn(run)?;
        Ok(Self {
            plain,
            secure,
            counts,
            over,
            thread: Some(thread),
        })
    }

    /// Where that way is spoken.
    pub const fn address(&self, way: Way) -> SocketAddr {
        if way.tls { self.secure } else { self.plain }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(Err(error)) = self.thread.take().and_then(|thread| thread.join().ok()) {
            eprintln!("the server of all ways failed: {error}");
        }
    }
}

/// TLS 1.3 with one cipher, so that all clients do the same sums, and without tickets, so that each handshake is a whole
/// one.
fn tls() -> Result<ServerConfig, rustls::Error> {
    let unreadable =
        |error: rustls::pki_types::pem::Error| rustls::Error::General(error.to_string());
    let chain = CertificateDer::from_pem_slice(CERTIFICATE).map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_slice(KEY).map_err(unreadable)?;
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_256_GCM_SHA384];
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    counts: Arc<Counts>,
) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(connection(socket, acceptor.clone(), Arc::clone(&counts)));
    }
}

/// Serves a connection to its end, which is the client's to choose.
async fn connection(socket: TcpStream, acceptor: Option<TlsAcceptor>, counts: Arc<Counts>) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    if let Some(acceptor) = acceptor {
        if let Ok(stream) = acceptor.accept(socket).await {
            serve(stream, true, counts).await;
        }
    } else {
        serve(socket, false, counts).await;
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    tls: bool,
    counts: Arc<Counts>,
) {
    counts.connections.fetch_add(1, Relaxed);
    let service = service_fn(move |request: Request<Incoming>| {
        let counts = Arc::clone(&counts);
        async move {
            let http2 = request.version() == Version::HTTP_2;
            request.into_body().collect().await?;
            counts.requests[usize::from(http2)][usize::from(tls)].fetch_add(1, Relaxed);
            let mut response = Response::new(Full::new(Bytes::from_static(small_body())));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok::<_, hyper::Error>(response)
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    // How it ends says nothing of what it cost.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
