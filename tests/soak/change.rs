//! Changes while it serves: configs read again, certificates replaced, upstreams that die.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::{JoinSet, LocalSet};

use crate::client::{Client, HOST, Place, request};
use crate::gateway::Gateway;
use crate::upstream::{Seen, Upstream};
use crate::{alone, run};

const RELOADS: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);
/// So many reloads for one certificate and one death.
const EACH: usize = 5;
/// Connections of either kind, and how many requests each has.
const CLIENTS: usize = 4;
const REQUESTS: usize = 20;

/// What the clients are told, and what they tell.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    gets: AtomicUsize,
    posts: AtomicUsize,
    failed_posts: AtomicUsize,
    /// What became of each GET that failed.
    failures: Mutex<Vec<String>>,
}

#[test]
fn changes_fail_no_idempotent_request_and_double_no_other() {
    let _alone = alone();
    let seen = Seen::default();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (steady, dying) = (Upstream::start(any, &seen), Upstream::start(any, &seen));
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    authority.issue(folder.path());
    let (first, second) = (steady.address(), dying.address());
    let upstream =
        format!("urls = [\"http://{first}\", \"http://{second}\"]\neject_time = \"100ms\"");
    let tls = "[listen.tls]\ncertificates = [{ chain = \"chain.pem\", key = \"key.pem\" }]";
    let gateway = Gateway::start_in(folder, tls, &upstream);
    let place = Place::over_tls(gateway.address(), authority.trusting());
    let load = Arc::new(Load::default());
    let clients = thread::spawn({
        let (place, load) = (place.clone(), Arc::clone(&load));
        move || run(LocalSet::new().run_until(ask(place, load)))
    });
    change(&gateway, &authority, dying, &seen);
    load.is_over.store(true, Ordering::Relaxed);
    clients.join().unwrap();
    let figure = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let (gets, posts, failed) = (&load.gets, &load.posts, &load.failed_posts);
    let (gets, posts, failed) = (figure(gets), figure(posts), figure(failed));
    let failures = load.failures.lock().unwrap();
    let (doubled, certificates) = (seen.doubled(), place.certificates());
    println!(
        "{RELOADS} reloads, {certificates} certificates, {} deaths of an upstream: {gets} idempotent \
         requests, {} failed; {posts} others, {failed} failed, {} doubled",
        RELOADS / EACH,
        failures.len(),
        doubled.len()
    );
    assert!(gets > 0 && seen.count() > 0);
    // Not every one need have met a new connection.
    assert!(certificates > RELOADS / EACH / 2);
    assert_eq!(*failures, [""; 0]);
    assert_eq!(doubled, [""; 0]);
}

/// All the changes, one after the other.
fn change(gateway: &Gateway, authority: &Authority, mut dying: Upstream, seen: &Seen) {
    for round in 0..RELOADS {
        if round % EACH == 0 {
            authority.issue(gateway.folder());
        }
        gateway.reload();
        // Requests between two changes, and time to see the new files.
        thread::sleep(PAUSE);
        if round % EACH == 2 {
            let address = dying.address();
            dying.kill();
            thread::sleep(PAUSE);
            dying = Upstream::start(address, seen);
        }
    }
}

/// Asks until it is over, on connections that are new after some requests.
async fn ask(place: Place, load: Arc<Load>) {
    let mut tasks = JoinSet::new();
    for client in 0..CLIENTS {
        tasks.spawn_local(get(place.clone(), Arc::clone(&load)));
        tasks.spawn_local(post(client, place.clone(), Arc::clone(&load)));
    }
    tasks.join_all().await;
}

async fn get(place: Place, load: Arc<Load>) {
    let request = request("GET", "", "");
    while !load.is_over.load(Ordering::Relaxed) {
        let mut client = Client::new(place.clone());
        for _ in 0..REQUESTS {
            load.gets.fetch_add(1, Ordering::Relaxed);
            match client.ask(&request).await {
                Ok(200) => {}
                other => load.failures.lock().unwrap().push(format!("{other:?}")),
            }
        }
    }
}

async fn post(client: usize, place: Place, load: Arc<Load>) {
    while !load.is_over.load(Ordering::Relaxed) {
        let mut connection = Client::new(place.clone());
        for _ in 0..REQUESTS {
            let number = load.posts.fetch_add(1, Ordering::Relaxed);
            let lines = format!("X-Id: {client}-{number}\r\nContent-Length: 2\r\n");
            let request = request("POST", "", &lines) + "{}";
            if !connection
                .ask(&request)
                .await
                .is_ok_and(|status| status == 200)
            {
                load.failed_posts.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Who signs the certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Writes `chain.pem` and `key.pem`, one after the other.
    fn issue(&self, folder: &Path) {
        let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join("chain.pem"), certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }

    fn trusting(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots);
        Arc::new(config.with_no_client_auth())
    }
}
