//! The gateway, in this process, stopped when dropped.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Instant;

use actiongate::app::{App, ReloadError};
use actiongate::config::Config;
use actiongate::server::{Address, Drained};
use actiongate::telemetry::chain;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    AUDIENCE, Answer, Call, Client, ISSUER, Issuer, Key, Keystone, PATIENCE, Upstream, default_key,
};

const CONFIG: &str = "actiongate.toml";

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    app: Option<App>,
    address: SocketAddr,
    text: String,
    folder: TempDir,
}

/// What goes into its config.
#[derive(Clone, Debug)]
pub struct Setup {
    listen: Vec<String>,
    upstream: Vec<String>,
    issuers: Vec<String>,
    table: Option<String>,
    more: String,
    files: Vec<(String, String)>,
    ip: IpAddr,
}

/// An address of the loopback network that nothing else in these tests has: nobody takes a port of
/// it while it is closed.
pub fn own_ip() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [high, low, ..] = std::process::id().to_ne_bytes();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    IpAddr::V4(Ipv4Addr::new(127, 100 + high % 100, low, next))
}

impl Setup {
    pub fn new(upstream: &Upstream) -> Self {
        Self::at(upstream.address())
    }

    /// To an upstream that bodies of any form are streamed to.
    pub fn generic(upstream: &Upstream) -> Self {
        Self::new(upstream).upstream("profile = \"generic\"")
    }

    /// One worker, so that what depends on one connection after another is certain.
    pub fn at(upstream: SocketAddr) -> Self {
        let setup = Self {
            listen: Vec::new(),
            upstream: vec![format!("url = \"http://{upstream}\"")],
            issuers: Vec::new(),
            table: None,
            more: String::new(),
            files: Vec::new(),
            ip: Ipv4Addr::LOCALHOST.into(),
        };
        setup.listen("drain_timeout = \"5s\"")
    }

    /// A line of `[listen]`; `workers` is 1 unless given.
    pub fn listen(mut self, line: &str) -> Self {
        let (key, _) = line.split_once(" =").unwrap();
        self.listen.retain(|other| !other.starts_with(key));
        self.listen.push(line.to_owned());
        self
    }

    /// Several places of the upstream instead of one.
    pub fn urls(mut self, urls: &[String]) -> Self {
        self.upstream.retain(|line| !line.starts_with("url ="));
        self.upstream(&format!("urls = {urls:?}"))
    }

    /// A file beside the config.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// A line of `[upstream]`.
    pub fn upstream(mut self, line: &str) -> Self {
        self.upstream.push(line.to_owned());
        self
    }

    /// An issuer whose keys are fetched, instead of the one whose keys are in a file.
    pub fn issuer(self, issuer: &Issuer, more: &str) -> Self {
        self.named_issuer(ISSUER, issuer, more)
    }

    pub fn named_issuer(mut self, name: &str, issuer: &Issuer, more: &str) -> Self {
        self.issuers.push(issuer_text(name, &issuer.url(), more));
        self
    }

    /// An issuer for each of a Keystone's domains, with more lines.
    pub fn domains(mut self, keystone: &Keystone, more: &str) -> Self {
        let text = issuer_text(Keystone::NAME, &keystone.url(), more);
        let text = text.replace(AUDIENCE, Keystone::AUDIENCE);
        self.issuers.push(text);
        self
    }

    /// An issuer of this name with those keys.
    pub fn file_issuer_of(mut self, name: &str) -> Self {
        self.issuers.push(issuer_text(name, "jwks.json", ""));
        self
    }

    /// An issuer as the config has it.
    pub fn issuer_of(mut self, text: &str) -> Self {
        self.issuers.push(text.to_owned());
        self
    }

    /// The issuer whose keys are in a file, with more lines.
    pub fn file_issuer(mut self, more: &str) -> Self {
        self.issuers.push(issuer_text(ISSUER, "jwks.json", more));
        self
    }

    /// Lines that end the issuer's section `claims`, and its other sections.
    pub fn claims(mut self, lines: &str) -> Self {
        if self.issuers.is_empty() {
            self = self.file_issuer("");
        }
        if let Some(issuer) = self.issuers.last_mut() {
            issuer.push_str(lines);
        }
        self
    }

    /// A table beside the built-in one.
    pub fn table(mut self, text: &str) -> Self {
        self.table = Some(text.to_owned());
        self
    }

    /// Tables of the config that nothing here has a word for.
    pub fn more(mut self, text: &str) -> Self {
        self.more.push_str(text);
        self
    }

    /// Listens on this address of the loopback network.
    pub fn on(mut self, ip: IpAddr) -> Self {
        self.ip = ip;
        self
    }

    pub fn start(self) -> Gateway {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Why it does not start, with all causes.
    pub fn try_start(mut self) -> Result<Gateway, String> {
        let folder = tempfile::tempdir().unwrap();
        let keys = Key::set(&[default_key()]);
        fs::write(folder.path().join("jwks.json"), keys).unwrap();
        for (name, text) in &self.files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        if self.issuers.is_empty() {
            self = self.file_issuer("");
        }
        if !self.listen.iter().any(|line| line.starts_with("workers")) {
            self = self.listen("workers = 1");
        }
        if !self.listen.iter().any(|line| line.starts_with("address")) {
            let line = format!("address = \"{}:0\"", self.ip);
            self = self.listen(&line);
        }
        let mut text = format!(
            "[listen]\n{}\n[upstream]\n{}\n{}\n[audit]\nfile = \"audit.jsonl\"\n{}",
            self.listen.join("\n"),
            self.upstream.join("\n"),
            self.issuers.join("\n"),
            self.more
        );
        if let Some(table) = &self.table {
            fs::write(folder.path().join("table.toml"), table).unwrap();
            text.push_str("[table]\nfiles = [\"table.toml\"]\n");
        }
        let path = folder.path().join(CONFIG);
        fs::write(&path, &text).unwrap();
        let config = Config::read(&path);
        let config = config.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let app = App::start(&config);
        let app = app.map_err(|error| format!("{}\n{text}", chain(&error)))?;
        let address = app.addresses().iter().find_map(|address| match address {
            Address::Ip(address) => Some(*address),
            _ => None,
        });
        Ok(Gateway {
            address: address.unwrap(),
            app: Some(app),
            text,
            folder,
        })
    }
}

fn issuer_text(name: &str, keys: &str, more: &str) -> String {
    format!(
        "[[issuer]]\nname = \"{name}\"\naudiences = [\"{AUDIENCE}\"]\nkeys = \"{keys}\"\n{more}\n\
         [issuer.claims]\nproject = \"/project_id\"\nactions = \"/actions\"\n"
    )
}

impl Gateway {
    pub fn start(upstream: &Upstream) -> Self {
        Setup::new(upstream).start()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Replaces a file beside the config, all at once.
    pub fn replace_file(&self, name: &str, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    /// One call on a connection of its own.
    pub fn call(&self, call: &Call) -> Answer {
        self.connect().call(call)
    }

    /// One call to the admin listener.
    pub fn admin(&self, call: &Call) -> Answer {
        Client::connect(self.admin_address()).call(call)
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.app.as_ref().unwrap().admin_address().unwrap()
    }

    /// Where other proxies ask, at this place of the config.
    pub fn authorizer_address(&self, index: usize) -> SocketAddr {
        let addresses = self.app.as_ref().unwrap().authorizer_addresses();
        let Address::Ip(address) = addresses[index] else {
            panic!("{addresses:?}");
        };
        address
    }

    /// The config it was started with.
    pub fn config(&self) -> &str {
        &self.text
    }

    /// Where its config and the files beside it are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces its config, without telling it.
    pub fn write_config(&self, text: &str) {
        fs::write(self.folder().join(CONFIG), text).unwrap();
    }

    /// Tells it to read its config again and waits until it has, or has not.
    pub fn reload(&self) -> Result<(), ReloadError> {
        let reloaded = self.app.as_ref().unwrap().reload();
        reloaded.blocking_recv().unwrap()
    }

    /// Tells it to stop and goes on.
    pub fn begin_stop(&mut self) {
        self.app.as_mut().unwrap().stop();
    }

    /// Stops it and waits until it has.
    pub fn stop(&mut self) -> Drained {
        let mut app = self.app.take().unwrap();
        app.stop();
        app.join()
    }

    /// Stops it; the lines of its audit.
    pub fn into_audit(mut self) -> Vec<Value> {
        self.stop();
        self.audit()
    }

    /// The lines of the audit so far, all of them once it has stopped.
    pub fn audit(&self) -> Vec<Value> {
        let lines = self.audit_text();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// Waits until the audit has so many lines while the gateway runs.
    pub fn wait_for_audit(&self, count: usize) -> Vec<Value> {
        let started = Instant::now();
        while self.audit_text().matches('\n').count() < count {
            assert!(started.elapsed() < PATIENCE, "{}", self.audit_text());
            thread::yield_now();
        }
        self.audit()
    }

    pub fn audit_text(&self) -> String {
        fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut app) = self.app.take() {
            app.stop();
            app.join();
        }
    }
}
