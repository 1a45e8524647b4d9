//! TLS: whom a run trusts, and what it says of those that it does not. The certificates are of `tests/fixtures/tls`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

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

/// A server with the certificate of that name.
fn secure(certificate: &str) -> SocketAddr {
    let chain = CertificateDer::from_pem_file(fixture(&format!("{certificate}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{certificate}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    let config = Arc::new(config);
    listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        serve(StreamOwned::new(connection, stream));
    })
}

/// Sends four requests to a server while trusting an authority; `more` is further lines of the scenario.
fn asked(host: &str, server: SocketAddr, authority: Option<&str>, more: &str) -> (Ended, Value) {
    asked_by("hyper", host, server, authority, more)
}

/// The same by that client.
fn asked_by(
    client: &str,
    host: &str,
    server: SocketAddr,
    authority: Option<&str>,
    more: &str,
) -> (Ended, Value) {
    let folder = tempfile::tempdir().unwrap();
    let trust = authority.map_or(String::new(), |name| {
        std::fs::copy(fixture(name), folder.path().join("ca.pem")).unwrap();
        format!("http: {{ client: {client}, tls: {{ ca: ca.pem }} }}")
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
    for (client, host) in [
        ("hyper", "localhost"),
        ("hyper", "127.0.0.1"),
        ("native", "localhost"),
    ] {
        let more = "    ready: { path: /health, within: 5s }\n    metadata: /version\nload: { requests: 4 }";
        let (ended, results) = asked_by(client, host, server, Some("authority.pem"), more);
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
        let (ended, results) = asked("localhost", server, authority, "load: { requests: 4 }");
        assert_eq!(ended.code, Some(5), "{reason}: {}", ended.stderr);
        assert_eq!(results["cells"][0]["outcomes"]["tls"], 4, "{reason}");
        let warnings = results["cells"][0]["warnings"].to_string();
        assert!(warnings.contains(reason), "{reason}: {warnings}");
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
