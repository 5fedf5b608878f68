//! A list in a real Redis, spoken to with the commands of the README.

use std::fs;
use std::net::{IpAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;
use crate::support::{Authority, Files, own_ip};

const KEY: &str = "actiongate:revoked";
const VERSION: &str = r#"{"version":1}"#;

/// A `redis-server` that keeps nothing on disk, stopped when dropped.
struct Redis {
    child: Option<Child>,
    ip: IpAddr,
    port: u16,
    /// What `redis-cli` is told.
    login: Vec<String>,
    folder: TempDir,
}

impl Redis {
    fn start() -> Self {
        Self::start_at(own_ip(), "", &[])
    }

    /// `config` is what it is told beside its address, `login` what `redis-cli` is.
    fn start_at(ip: IpAddr, config: &str, login: &[&str]) -> Self {
        let free = TcpListener::bind((ip, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let port_key = match config.contains("tls-cert-file") {
            true => "port 0\ntls-port",
            false => "port",
        };
        let own = format!("bind {ip}\n{port_key} {port}\nsave \"\"\nappendonly no\n");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("redis.conf"), own + config).unwrap();
        let mut redis = Self {
            child: None,
            ip,
            port,
            login: login.iter().map(|text| (*text).to_owned()).collect(),
            folder,
        };
        redis.run();
        redis
    }

    /// Starts it, again or for the first time: it knows nothing.
    fn run(&mut self) {
        let child = Command::new("redis-server")
            .arg("redis.conf")
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server is installed"));
        let started = Instant::now();
        while self.try_cli(&["PING"]) != "PONG" {
            assert!(started.elapsed() < PATIENCE, "redis-server does not answer");
            thread::yield_now();
        }
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }

    fn section(&self, more: &str) -> String {
        format!(
            "{ADMIN}[revocation]\nredis = \"redis://{}\"\n{more}\n",
            self.address()
        )
    }

    fn try_cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-h", &self.ip.to_string(), "-p", &self.port.to_string()])
            .args(&self.login)
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn cli(&self, arguments: &[&str]) {
        let answer = self.try_cli(arguments);
        assert!(answer.parse::<u64>().is_ok(), "{arguments:?}: {answer}");
    }

    /// As the README says.
    fn begin(&self) {
        self.cli(&["SADD", KEY, VERSION]);
    }

    fn revoke(&self, id: &str) {
        self.cli(&["SADD", KEY, &of_token(id).to_string()]);
        self.cli(&["PUBLISH", KEY, "changed"]);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn what_is_revoked_is_refused_by_two_gateways_within_a_second() {
    let upstream = Upstream::start();
    let redis = Redis::start();
    redis.begin();
    let start = || Setup::new(&upstream).more(&redis.section("")).start();
    let gateways = [start(), start()];
    for gateway in &gateways {
        assert_eq!(gateway.call(&call("t1")).status, 200);
    }
    let started = Instant::now();
    redis.revoke("t1");
    for gateway in &gateways {
        wait_for(gateway, &call("t1"), 401);
    }
    assert!(started.elapsed() <= SOON, "{:?}", started.elapsed());
    for gateway in &gateways {
        assert_eq!(gateway.call(&call("t2")).status, 200);
    }
    redis.cli(&["SREM", KEY, &of_token("t1").to_string()]);
    redis.cli(&["PUBLISH", KEY, "changed"]);
    for gateway in &gateways {
        wait_for(gateway, &call("t1"), 200);
    }
    // More members than one command reads.
    let entries: Vec<String> = (0..5000)
        .map(|number| of_token(&format!("many-{number}")).to_string())
        .collect();
    let mut add = vec!["SADD", KEY];
    add.extend(entries.iter().map(String::as_str));
    redis.cli(&add);
    redis.cli(&["PUBLISH", KEY, "changed"]);
    for gateway in &gateways {
        wait_for(gateway, &call("many-4999"), 401);
        let status = wait_for_status(gateway, |status| status["state"] == "ok");
        assert_eq!(status["entries"], 5000);
    }
}

#[test]
fn it_goes_away_and_comes_back_under_load_without_a_failed_request() {
    let upstream = Upstream::start();
    let mut redis = Redis::start();
    redis.begin();
    redis.revoke("t1");
    let gateway = Setup::new(&upstream).more(&redis.section("")).start();
    wait_for(&gateway, &call("t1"), 401);
    let is_over = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let callers = [("t1", 401), ("t2", 200)].map(|(id, expected)| {
        let (is_over, calls) = (Arc::clone(&is_over), Arc::clone(&calls));
        let mut client = gateway.connect();
        thread::spawn(move || {
            let call = call(id);
            let mut others = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let answer = client.call(&call);
                calls.fetch_add(1, Ordering::Relaxed);
                if answer.status != expected {
                    others.push(answer);
                }
            }
            others
        })
    });
    redis.stop();
    wait_for_status(&gateway, |status| status["state"] == "stale");
    // Back, and empty: that is not a list on which nothing stands.
    redis.run();
    wait_for_error(&gateway, "the set has no member `{\"version\":1}`");
    assert_eq!(gateway.admin(&Call::get("/ready")).status, 200);
    redis.cli(&["SADD", KEY, &of_token("t1").to_string()]);
    redis.begin();
    redis.revoke("t3");
    wait_for(&gateway, &call("t3"), 401);
    let status = wait_for_status(&gateway, |status| status["state"] == "ok");
    assert_eq!(status["entries"], 2);
    let enough = calls.load(Ordering::Relaxed) + 100;
    while calls.load(Ordering::Relaxed) < enough {
        thread::yield_now();
    }
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        let others = caller.join().unwrap();
        assert!(others.is_empty(), "{others:?}");
    }
}

#[test]
fn without_it_nobody_is_served_until_it_is_there() {
    let upstream = Upstream::start();
    let mut redis = Redis::start();
    redis.stop();
    let gateway = Setup::new(&upstream).more(&redis.section("")).start();
    let answer = gateway.call(&call("t1"));
    answer.refusal(503, "revocation_unavailable", "error");
    redis.run();
    redis.begin();
    redis.revoke("t1");
    wait_for(&gateway, &call("t1"), 401);
    assert_eq!(gateway.call(&call("t2")).status, 200);
}

#[test]
fn a_member_that_is_not_understood_leaves_the_last_list() {
    let upstream = Upstream::start();
    let redis = Redis::start();
    redis.begin();
    redis.revoke("t1");
    let gateway = Setup::new(&upstream).more(&redis.section("")).start();
    wait_for(&gateway, &call("t1"), 401);
    redis.cli(&["SADD", KEY, "t2"]);
    redis.cli(&["PUBLISH", KEY, "changed"]);
    wait_for_error(&gateway, "the member `t2` of the set cannot be used: ");
    assert_eq!(gateway.call(&call("t1")).status, 401);
    assert_eq!(gateway.call(&call("t2")).status, 200);
    redis.cli(&["DEL", KEY]);
    redis.cli(&["RPUSH", KEY, VERSION]);
    redis.cli(&["PUBLISH", KEY, "changed"]);
    wait_for_error(&gateway, "WRONGTYPE");
    assert_eq!(gateway.call(&call("t1")).status, 401);
    redis.cli(&["DEL", KEY]);
    redis.begin();
    redis.revoke("t2");
    wait_for(&gateway, &call("t2"), 401);
    assert_eq!(gateway.call(&call("t1")).status, 200);
}

#[test]
fn a_user_that_may_only_read_is_enough() {
    let upstream = Upstream::start();
    let users = "\
user default off
user admin on >admin ~* &* +@all
user actiongate on >secret ~actiongate:revoked &actiongate:revoked -@all +scard +smembers +subscribe
";
    let login = ["--no-auth-warning", "--user", "admin", "--pass", "admin"];
    let redis = Redis::start_at(own_ip(), users, &login);
    redis.begin();
    let section = redis.section("username = \"actiongate\"\npassword_file = \"password\"");
    let setup = || Setup::new(&upstream).more(&section);
    let gateway = setup().file("password", "secret\n").start();
    assert_eq!(gateway.call(&call("t1")).status, 200);
    redis.revoke("t1");
    let (_, time) = wait_for(&gateway, &call("t1"), 401);
    assert!(time <= SOON, "{time:?}");
    let stranger = setup().file("password", "wrong\n").start();
    wait_for_error(&stranger, "WRONGPASS");
    assert_eq!(stranger.call(&call("t2")).status, 503);
    let forgetful = setup().start();
    wait_for_error(&forgetful, "cannot read `");
}

#[test]
fn over_tls_it_has_to_be_the_one_that_the_ca_knows() {
    let upstream = Upstream::start();
    let authority = Authority::new("Redis CA");
    let files = Files::new();
    let ip = own_ip();
    let issued = authority.issue(&[&ip.to_string()]);
    let pair = files.pair("redis", &issued);
    let ca = files.write("ca.pem", &authority.pem());
    let (chain, key) = (pair.chain.display(), pair.key.display());
    let ca_path = ca.display().to_string();
    let config = format!(
        "tls-cert-file {chain}\ntls-key-file {key}\ntls-ca-cert-file {ca_path}\ntls-auth-clients no\n"
    );
    let redis = Redis::start_at(ip, &config, &["--tls", "--cacert", &ca_path]);
    redis.begin();
    redis.revoke("t1");
    let section = |ca: &str| {
        let section = redis.section(&format!("ca = \"{ca}\""));
        section.replace("redis://", "rediss://")
    };
    let gateway = Setup::new(&upstream).more(&section(&ca_path)).start();
    wait_for(&gateway, &call("t1"), 401);
    assert_eq!(gateway.call(&call("t2")).status, 200);
    let other = Authority::new("Another CA");
    let other = files.write("other.pem", &other.pem());
    let section = section(&other.display().to_string());
    let gateway = Setup::new(&upstream).more(&section).start();
    wait_for_error(&gateway, "cannot connect to 127.");
    assert_eq!(gateway.call(&call("t2")).status, 503);
}
