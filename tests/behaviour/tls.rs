//! TLS: whom a run trusts, and what it says of those that it does not. The certificates are of `tests/fixtures/tls`.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::support::{Ended, WIDE, results, run, write};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tls")
        .join(name)
}

/// Answers every request with a small JSON body, until the client ends.
fn serve(mut stream: impl Read + Write) {
    let (mut seen, mut byte) = (Vec::new(), [0; 1]);
    while let Ok(1) = stream.read(&mut byte) {
        seen.push(byte[0]);
        if seen.ends_with(b"\r\n\r\n") {
            seen.clear();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        }
    }
}

/// Listens for as long as the tests run, each connection in a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A server with the certificate of that name; it speaks HTTP/1.1 and names no protocol.
fn secure(certificate: &str) -> SocketAddr {
    let config = Arc::new(config(certificate));
    listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        serve(StreamOwned::new(connection, stream));
    })
}

/// A server that agrees to those protocols, and speaks what was agreed to.
fn agreeing(protocols: &[&[u8]]) -> SocketAddr {
    let mut config = config("good");
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    listen(move |stream| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        stream.set_nonblocking(true).unwrap();
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let second = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let stream = TokioIo::new(stream);
            let service = service_fn(|request: Request<Incoming>| async move {
                let body = json!({ "version": format!("{:?}", request.version()) });
                let body = Full::new(Bytes::from(body.to_string()));
                Ok::<_, Infallible>(Response::new(body))
            });
            // How a connection ends is the client's to say.
            let _ = if second {
                let builder = http2::Builder::new(TokioExecutor::new());
                builder.serve_connection(stream, service).await
            } else {
                let builder = http1::Builder::new();
                builder.serve_connection(stream, service).await
            };
        });
    })
}

fn config(certificate: &str) -> ServerConfig {
    let chain = CertificateDer::from_pem_file(fixture(&format!("{certificate}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{certificate}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap()
}

/// Sends four requests to a server while trusting an authority; `more` is further lines of the scenario.
fn asked(host: &str, server: SocketAddr, authority: Option<&str>, more: &str) -> (Ended, Value) {
    asked_by("client: hyper", host, server, authority, more)
}

/// The same with those HTTP options.
fn asked_by(
    http: &str,
    host: &str,
    server: SocketAddr,
    authority: Option<&str>,
    more: &str,
) -> (Ended, Value) {
    let folder = tempfile::tempdir().unwrap();
    let trust = authority.map_or(String::new(), |name| {
        std::fs::copy(fixture(name), folder.path().join("ca.pem")).unwrap();
        format!("http: {{ {http}, tls: {{ ca: ca.pem }} }}")
    });
    let port = server.port();
    let scenario = format!(
        "version: 1
name: tls
targets:
  secure:
    protocol: http
    path: /x
    base_url: https://{host}:{port}
    {trust}
{more}
{WIDE}"
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "--out", "out"]);
    let results = folder
        .path()
        .join("out/results.json")
        .is_file()
        .then(|| results(&folder.path().join("out")));
    (ended, results.unwrap_or_default())
}

#[test]
fn an_authority_of_the_scenarios_own_is_trusted_by_load_and_readiness() {
    let server = secure("good");
    for (http, host) in [
        ("client: hyper", "localhost"),
        ("client: hyper", "127.0.0.1"),
        ("client: native", "localhost"),
        ("client: reqwest", "localhost"),
        ("client: reqwest", "127.0.0.1"),
    ] {
        let more = "    ready: { path: /health, within: 5s }\n    metadata: /version\nload: { requests: 4 }";
        let (ended, results) = asked_by(http, host, server, Some("authority.pem"), more);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(results["cells"][0]["requests"]["ok"], 4);
    }
}

#[test]
fn an_authority_is_found_beside_the_scenario_from_wherever_it_is_run() {
    let server = secure("good");
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("bench");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    std::fs::copy(fixture("authority.pem"), inner.join("ca.pem")).unwrap();
    let scenario = format!(
        "version: 1
name: tls
targets:
  secure:
    protocol: http
    path: /x
    base_url: https://localhost:{}
    http: {{ tls: {{ ca: ca.pem }} }}
    ready: {{ path: /health, within: 5s }}
    metadata: /version
load: {{ requests: 4 }}
{WIDE}",
        server.port()
    );
    write(&inner, "a.yaml", &scenario);
    let key = |out: &str| {
        let results = results(&folder.path().join(out));
        assert_eq!(results["cells"][0]["requests"]["ok"], 4);
        results["cells"][0]["key"].clone()
    };
    let ended = run(folder.path(), &["run", "bench/a.yaml", "--out", "above"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // What a run leaves can be run again, and is the same cell.
    let effective = folder.path().join("above/effective.yaml");
    let effective = effective.to_str().unwrap();
    let ended = run(&inner, &["run", effective, "--out", "../again"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(key("above"), key("again"));
}

#[test]
fn whom_nobody_vouches_for_is_a_failure_of_tls_with_its_reason() {
    // As servers without TLS answer what they cannot read.
    let plain = listen(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        serve(stream);
    });
    for (server, authority, reason) in [
        (secure("good"), Some("stranger.pem"), "UnknownIssuer"),
        (secure("good"), None, "UnknownIssuer"),
        (secure("expired"), Some("authority.pem"), "expired"),
        (
            secure("elsewhere"),
            Some("authority.pem"),
            "not valid for name",
        ),
        (plain, Some("authority.pem"), "corrupt message"),
    ] {
        for client in ["hyper", "reqwest"] {
            let http = format!("client: {client}");
            let load = "load: { requests: 4 }";
            let (ended, results) = asked_by(&http, "localhost", server, authority, load);
            assert_eq!(ended.code, Some(5), "{reason}: {}", ended.stderr);
            assert_eq!(results["cells"][0]["outcomes"]["tls"], 4, "{reason}");
            let warnings = results["cells"][0]["warnings"].to_string();
            assert!(warnings.contains(reason), "{reason}: {warnings}");
        }
    }
}

#[test]
fn a_file_that_holds_no_certificate_is_named_before_anything_is_sent() {
    let (ended, _) = asked(
        "localhost",
        secure("good"),
        Some("good.key"),
        "load: { requests: 4 }",
    );
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("ca.pem"), "{}", ended.stderr);
    assert!(ended.stderr.contains("certificate"), "{}", ended.stderr);
}

#[test]
fn what_is_spoken_over_tls_is_agreed_with_the_server_and_recorded() {
    let both = agreeing(&[b"h2", b"http/1.1"]);
    let first = agreeing(&[b"http/1.1"]);
    let silent = secure("good");
    let spoken =
        |http: &str, alpn: Option<&str>| json!([{ "http": http, "tls": "TLSv1_3", "alpn": alpn }]);
    for (server, http, expected) in [
        (both, "version: auto", spoken("2", Some("h2"))),
        (both, "version: 2", spoken("2", Some("h2"))),
        (
            both,
            "version: 2, connections: per_request",
            spoken("2", Some("h2")),
        ),
        (both, "version: 1.1", spoken("1.1", Some("http/1.1"))),
        (first, "version: auto", spoken("1.1", Some("http/1.1"))),
        (first, "client: native", spoken("1.1", Some("http/1.1"))),
        (silent, "version: auto", spoken("1.1", None)),
        // It does not tell what TLS came to.
        (
            both,
            "client: reqwest",
            json!([{ "http": "1.1", "tls": null, "alpn": null }]),
        ),
    ] {
        let version = if expected[0]["http"] == "2" {
            "HTTP/2.0"
        } else {
            "HTTP/1.1"
        };
        let expect = if server == silent {
            String::new()
        } else {
            format!("    expect: {{ json: {{ /version: {version} }} }}\n")
        };
        let more = format!("{expect}load: {{ requests: 4 }}");
        let (ended, results) = asked_by(http, "localhost", server, Some("authority.pem"), &more);
        assert_eq!(ended.code, Some(0), "{http}: {}", ended.stderr);
        assert_eq!(results["cells"][0]["requests"]["ok"], 4, "{http}");
        let connections = &results["environment"]["connections"]["secure"];
        assert_eq!(connections, &expected, "{http}");
    }
}

#[test]
fn a_server_that_does_not_agree_to_http_2_is_a_failure_of_tls() {
    for server in [secure("good"), agreeing(&[b"http/1.1"])] {
        let load = "load: { requests: 4 }";
        let authority = Some("authority.pem");
        let (ended, results) = asked_by("version: 2", "localhost", server, authority, load);
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        assert_eq!(results["cells"][0]["outcomes"]["tls"], 4);
        let warnings = results["cells"][0]["warnings"].to_string();
        // Either side may be the one that says so.
        assert!(
            warnings.contains("ALPN") || warnings.contains("NoApplicationProtocol"),
            "{warnings}"
        );
    }
}
