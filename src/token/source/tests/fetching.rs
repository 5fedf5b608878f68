//! What comes over the wire, and what of it is refused.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;

const LIMIT: usize = 512 * 1024;

async fn fetch(location: Location) -> Result<Vec<String>, String> {
    let (mut source, feed) = KeySource::new("i", Settings::new(location)).unwrap();
    match source.refresh().await {
        Ok(()) => Ok(kids(&feed).unwrap()),
        Err(error) => Err(chain(&error)),
    }
}

/// A good set with spaces behind it.
fn padded(length: usize) -> String {
    let set = set("k");
    let spaces = " ".repeat(length - set.len());
    set + &spaces
}

#[test]
fn asks_for_what_the_url_says() {
    runtime().block_on(async {
        let server = Server::start(ok(&set("k"))).await;
        for path in ["", "/", "/a/b?c=%20d"] {
            assert_eq!(fetch(server.url(path)).await, Ok(vec!["k".to_owned()]));
        }
        let heads = server.requests.borrow().clone();
        let lines: Vec<&str> = heads
            .iter()
            .map(|head| head.lines().next().unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                "GET / HTTP/1.1",
                "GET / HTTP/1.1",
                "GET /a/b?c=%20d HTTP/1.1"
            ]
        );
        let host = format!("host: {}", server.address);
        for head in heads {
            assert!(head.lines().any(|line| line == host), "{head}");
        }
    });
}

#[test]
fn other_answers_are_refused_and_say_why() {
    let status =
        |what| format!("the answer is {what}, expected 200 OK (redirects are not followed)");
    let too_large = "it is larger than 524288 bytes".to_owned();
    let not_json = "it is not a usable key set: not one JSON object with distinct members";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases: [(&str, Vec<u8>, String); 11] = [
        ("404", b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}".to_vec(), status("404 Not Found")),
        ("404 that never ends", b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n{}".to_vec(), status("404 Not Found")),
        ("redirect", b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec(), status("302 Found")),
        ("no content", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), status("204 No Content")),
        ("too large", ok(&padded(LIMIT + 1)), too_large.clone()),
        ("too large in pieces", format!("{chunked}{:x}\r\n{}\r\n0\r\n\r\n", LIMIT + 1, padded(LIMIT + 1)).into_bytes(), too_large.clone()),
        ("too large and never ends", format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}", padded(LIMIT + 1)).into_bytes(), too_large),
        ("empty", ok(""), format!("{not_json}: EOF while parsing a value at line 1 column 0")),
        ("page", ok("<html>"), format!("{not_json}: expected value at line 1 column 1")),
        ("no keys", ok("{}"), "it is not a usable key set: there is no array `keys`, expected a JWK set (RFC 7517 §5)".to_owned()),
        ("no HTTP", b"220 mail.example ESMTP\r\n".to_vec(), "the exchange failed: invalid HTTP version parsed".to_owned()),
    ];
    runtime().block_on(async {
        for (name, answer, expected) in cases {
            let server = Server::start(answer).await;
            let refused = fetch(server.url("/")).await.unwrap_err();
            assert_eq!(refused, expected, "{name}");
            assert_eq!(server.fetches(), 1, "{name}");
        }
        let server = Server::start(ok(&padded(LIMIT))).await;
        assert_eq!(fetch(server.url("/")).await, Ok(vec!["k".to_owned()]));
    });
}

#[test]
fn an_answer_that_breaks_off_is_refused() {
    runtime().block_on(async {
        for part in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let answering = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read_u8().await;
                stream.write_all(part.as_bytes()).await.unwrap();
            };
            let url = format!("http://{address}/").parse().unwrap();
            let (refused, ()) = tokio::join!(fetch(url), answering);
            let refused = refused.unwrap_err();
            let starts = ["the exchange failed: ", "the answer broke off: "];
            assert!(
                starts.iter().any(|start| refused.starts_with(start)),
                "{refused}"
            );
        }
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let refused = fetch(format!("http://{closed}/").parse().unwrap())
            .await
            .unwrap_err();
        assert!(
            refused.starts_with(&format!("cannot connect to {closed}: ")),
            "{refused}"
        );
    });
}

/// Takes the five seconds: the runtime's clock cannot be paused without tokio's `test-util`.
#[test]
fn a_server_that_hangs_is_given_up() {
    runtime().block_on(async {
        let silent = Server::start_closed(Vec::new()).await;
        let halfway =
            Server::start(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()).await;
        let started = Instant::now();
        let (first, second) = tokio::join!(fetch(silent.url("/")), fetch(halfway.url("/")));
        let expected = Err("no complete answer within 5 s".to_owned());
        assert_eq!((first, second), (expected.clone(), expected));
        assert!(started.elapsed() < PATIENCE);
    });
}

#[test]
fn files_are_bounded_too() {
    let mut file = KeyFile::new(|_| {});
    file.put(&padded(LIMIT)).unwrap();
    let error = file.put(&padded(LIMIT + 1)).unwrap_err();
    assert_eq!(error.to_string(), "it is larger than 524288 bytes");
    let missing = runtime().block_on(fetch("/nonexistent/jwks.json".parse().unwrap()));
    let expected = "cannot read `/nonexistent/jwks.json`: No such file or directory (os error 2)";
    assert_eq!(missing, Err(expected.to_owned()));
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Serves a key set to whoever accepts a certificate of `name` by `ca`; answers its port.
async fn serve_tls(ca: &CertifiedIssuer<'static, KeyPair>, name: &str) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(&ok(&set("k"))).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    port
}

#[test]
fn https_demands_the_right_authority_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (authority("ours"), authority("other"));
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let our_ca = write("ours.pem", &ours.pem());
    let other_ca = write("other.pem", &other.pem());
    let both = write("both.pem", &format!("{}{}", other.pem(), ours.pem()));
    runtime().block_on(async {
        let address = serve_tls(&ours, "127.0.0.1").await;
        let name = serve_tls(&ours, "localhost").await;
        let unknown = "invalid peer certificate: UnknownIssuer";
        let wrong_name = "invalid peer certificate: certificate not valid for name";
        let cases = [
            ("127.0.0.1", address, Some(&our_ca), Ok(())),
            ("127.0.0.1", address, Some(&both), Ok(())),
            ("localhost", name, Some(&our_ca), Ok(())),
            ("127.0.0.1", address, Some(&other_ca), Err(unknown)),
            ("127.0.0.1", address, None, Err(unknown)),
            ("127.0.0.1", name, Some(&our_ca), Err(wrong_name)),
            ("localhost", address, Some(&our_ca), Err(wrong_name)),
        ];
        for (host, port, ca, expected) in cases {
            let mut settings = Settings::new(format!("https://{host}:{port}/").parse().unwrap());
            settings.ca = ca.cloned();
            let (mut source, feed) = match KeySource::new("i", settings) {
                Ok(made) => made,
                // A machine without system roots refuses to start instead.
                Err(FetchError::Tls(error))
                    if ca.is_none() && matches!(*error, tls::TlsError::NoRoots) =>
                {
                    continue;
                }
                Err(error) => panic!("{}", chain(&error)),
            };
            match (source.refresh().await, expected) {
                (Ok(()), Ok(())) => assert_eq!(kids(&feed), Some(only("k"))),
                (Err(error), Err(expected)) => {
                    let text = chain(&error);
                    let start = format!("cannot connect to {host}:{port}: ");
                    assert!(
                        text.starts_with(&start) && text.contains(expected),
                        "{text}"
                    );
                }
                (found, expected) => panic!("{host} {ca:?}: {found:?}, not {expected:?}"),
            }
        }
    });
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let missing = folder.path().join("missing.pem");
    let url: Location = "https://iam/jwks".parse().unwrap();
    let refused = |ca: &PathBuf| {
        let mut settings = Settings::new(url.clone());
        settings.ca = Some(ca.clone());
        chain(&KeySource::new("i", settings).unwrap_err())
    };
    let expected = format!("cannot read `{}`: ", missing.display());
    assert!(
        refused(&missing).starts_with(&expected),
        "{}",
        refused(&missing)
    );
    let expected = format!(
        "there is no certificate in `{}`, expected PEM",
        empty.display()
    );
    assert_eq!(refused(&empty), expected);
}

#[test]
fn certificates_are_read_again_for_each_fetch() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let (ours, other) = (authority("ours"), authority("other"));
    runtime().block_on(async {
        let port = serve_tls(&ours, "127.0.0.1").await;
        let url = format!("https://127.0.0.1:{port}/");
        let mut settings = Settings::new(url.parse().unwrap());
        settings.ca = Some(ca.clone());
        std::fs::write(&ca, other.pem()).unwrap();
        let (mut source, feed) = KeySource::new("i", settings).unwrap();
        let refused = chain(&source.refresh().await.unwrap_err());
        assert!(refused.contains("UnknownIssuer"), "{refused}");
        std::fs::write(&ca, ours.pem()).unwrap();
        source.refresh().await.unwrap();
        assert_eq!(kids(&feed), Some(only("k")));
        std::fs::write(&ca, "").unwrap();
        let refused = chain(&source.refresh().await.unwrap_err());
        let path = ca.display();
        let expected = format!("there is no certificate in `{path}`, expected PEM");
        assert_eq!(refused, expected);
        // The last good set stays.
        assert_eq!(kids(&feed), Some(only("k")));
    });
}
