//! Where the gateway listens besides one port.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::support::{Call, PATIENCE, Setup, Upstream, metadata, token};

/// One call over a Unix socket; the whole answer.
fn call(path: &Path, call: Call) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let bytes = call.header("Connection: close").bytes();
    stream.write_all(&bytes).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

#[test]
fn several_addresses_are_one_gateway() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let addresses = format!("address = [\"127.0.0.1:0\", \"unix:{}\"]", path.display());
    let mut gateway = Setup::new(&upstream)
        .listen(&addresses)
        .listen("unix_mode = \"0600\"")
        .start();
    assert_eq!(gateway.call(&get()).status, 200);
    let text = call(&path, get());
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    gateway.stop();
    assert!(!path.exists());
    let requests = upstream.requests();
    assert_eq!(requests[1].headers.get("x-forwarded-for"), Some("unknown"));
    let forwarded = requests[1].headers.get("forwarded").unwrap();
    assert!(forwarded.starts_with("for=unknown;"), "{forwarded}");
    let audit = gateway.audit();
    assert_eq!(audit[0]["peer"], "127.0.0.1");
    assert_eq!(audit[1]["peer"], "unix");
}

#[test]
fn a_socket_that_somebody_else_has_put_there_stays() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let addresses = format!("address = [\"127.0.0.1:0\", \"unix:{}\"]", path.display());
    let mut gateway = Setup::new(&upstream).listen(&addresses).start();
    fs::remove_file(&path).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();
    gateway.stop();
    assert!(path.exists());
}

#[test]
fn a_proxy_over_a_unix_socket_may_be_trusted() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let addresses = format!("address = [\"127.0.0.1:0\", \"unix:{}\"]", path.display());
    let gateway = Setup::new(&upstream)
        .listen(&addresses)
        .listen("trusted_proxies = \"unix\"")
        .start();
    let forwarded = || get().header("X-Forwarded-For: 192.0.2.1");
    call(&path, forwarded());
    gateway.call(&forwarded());
    let requests = upstream.requests();
    let addresses = requests
        .iter()
        .map(|request| request.headers.get("x-forwarded-for"));
    let addresses: Vec<_> = addresses.collect();
    assert_eq!(addresses, [Some("192.0.2.1"), Some("127.0.0.1")]);
}

#[test]
fn a_socket_that_was_left_behind_is_replaced_and_nothing_else() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate");
    let addresses = format!("address = [\"127.0.0.1:0\", \"unix:{}\"]", path.display());
    let setup = Setup::new(&upstream).listen(&addresses);
    // One that is listened on.
    let listener = UnixListener::bind(&path).unwrap();
    let error = setup.clone().try_start().unwrap_err();
    assert!(
        error.contains(&format!("cannot listen on unix:{}", path.display())),
        "{error}"
    );
    assert!(path.exists());
    // Nobody listens any more.
    drop(listener);
    let gateway = setup.clone().start();
    assert!(call(&path, get()).starts_with("HTTP/1.1 200 "));
    drop(gateway);
    // A file of somebody.
    fs::write(&path, "text").unwrap();
    let error = setup.try_start().unwrap_err();
    assert!(error.contains("not a socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
}
