//! A Keystone that knows the tokens it is told of.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::{Choice, PROJECT, Seen, Step, Upstream, answer};

pub const PASSWORD: &str = "pass \"word\"";

/// Answers `GET` and `POST /v3/auth/tokens` until it is dropped.
pub struct Keystone {
    server: Upstream,
    state: Arc<Mutex<State>>,
}

pub struct State {
    pub password: String,
    /// How long a token that it gives is good.
    pub life: Duration,
    given: usize,
    good: HashSet<String>,
    tokens: HashMap<String, Value>,
    /// What it does instead of answering about a token.
    pub trouble: Option<Vec<Step>>,
    /// What it does instead of giving a token.
    pub login_trouble: Option<Vec<Step>>,
}

impl Keystone {
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    pub fn start_on(ip: IpAddr) -> Self {
        Self::start_at(SocketAddr::new(ip, 0))
    }

    pub fn start_at(address: SocketAddr) -> Self {
        let state = Arc::new(Mutex::new(State {
            password: PASSWORD.to_owned(),
            life: Duration::from_hours(1),
            given: 0,
            good: HashSet::new(),
            tokens: HashMap::new(),
            trouble: None,
            login_trouble: None,
        }));
        let server = Upstream::start_at(address);
        let choice = Choice::new({
            let state = Arc::clone(&state);
            move |seen| state.lock().unwrap().answer(seen)
        });
        server.always(vec![Step::Read, Step::Choose(choice)]);
        Self { server, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn url(&self) -> String {
        format!("http://{}/v3", self.address())
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Knows this token from now on.
    pub fn know(&self, token: &str, body: Value) {
        self.state().tokens.insert(token.to_owned(), body);
    }

    pub fn forget(&self, token: &str) {
        self.state().tokens.remove(token);
    }

    /// Does so with every question about a token from now on.
    pub fn trouble(&self, steps: Vec<Step>) {
        self.state().trouble = Some(steps);
    }

    pub fn recover(&self) {
        self.state().trouble = None;
        self.state().login_trouble = None;
    }

    /// Takes this token of the gateway's, too.
    pub fn accept(&self, own: &str) {
        self.state().good.insert(own.to_owned());
    }

    /// No token that it has given is good any longer.
    pub fn revoke_given(&self) {
        self.state().good.clear();
    }

    fn all(&self, method: &str) -> Vec<Seen> {
        let mut requests = self.server.requests();
        requests.retain(|seen| seen.line.starts_with(method));
        requests
    }

    /// What it was asked about tokens.
    pub fn questions(&self) -> Vec<Seen> {
        self.all("GET ")
    }

    /// How it was asked for tokens.
    pub fn logins(&self) -> Vec<Seen> {
        self.all("POST ")
    }

    /// Waits until there were so many requests of any kind.
    pub fn wait_for_requests(&self, count: usize) {
        self.server.wait_for_requests(count);
    }
}

impl State {
    fn answer(&mut self, seen: &Seen) -> Vec<Step> {
        let target = seen.line.split(' ').nth(1).unwrap();
        assert_eq!(target, "/v3/auth/tokens?nocatalog", "{}", seen.line);
        let step = match seen.line.starts_with("POST ") {
            true => match &self.login_trouble {
                Some(steps) => return steps.clone(),
                None => self.log_in(seen),
            },
            false => match &self.trouble {
                Some(steps) => return steps.clone(),
                None => self.judge(seen),
            },
        };
        vec![step]
    }

    fn log_in(&mut self, seen: &Seen) -> Step {
        let auth: Value = serde_json::from_slice(&seen.body).unwrap();
        let identity = &auth["auth"]["identity"];
        let secret = match identity["methods"][0].as_str() {
            Some("password") => &identity["password"]["user"]["password"],
            _ => &identity["application_credential"]["secret"],
        };
        if *secret != json!(self.password) {
            return error("401 Unauthorized", 401);
        }
        self.given += 1;
        let own = format!("own-{}", self.given);
        let mut body = token(&[]);
        body["token"]["expires_at"] = ends_in(self.life).into();
        let header = format!("X-Subject-Token: {own}");
        self.good.insert(own);
        answer("201 Created", &[JSON, &header], &body.to_string())
    }

    fn judge(&self, seen: &Seen) -> Step {
        let header = |name| seen.headers.get(name).unwrap_or_default();
        if !self.good.contains(header("x-auth-token")) {
            return error("401 Unauthorized", 401);
        }
        let subject = header("x-subject-token");
        match self.tokens.get(subject) {
            Some(body) => about(subject, &body.to_string()),
            None => error("404 Not Found", 404),
        }
    }
}

const JSON: &str = "Content-Type: application/json";

/// An answer about this token.
pub fn about(subject: &str, body: &str) -> Step {
    let header = format!("X-Subject-Token: {subject}");
    answer("200 OK", &[JSON, &header], body)
}

/// As Keystone says that something is wrong.
pub fn error(status: &str, code: u16) -> Step {
    let body = json!({"error": {"code": code, "message": "no", "title": "No"}});
    answer(status, &[JSON], &body.to_string())
}

pub fn ends_in(life: Duration) -> String {
    humantime::format_rfc3339_micros(SystemTime::now() + life).to_string()
}

/// Good for an hour, with these roles in [`PROJECT`].
pub fn token(roles: &[&str]) -> Value {
    let roles: Vec<Value> = roles
        .iter()
        .map(|name| json!({"id": format!("id-of-{name}"), "name": name}))
        .collect();
    json!({"token": {
        "methods": ["password"],
        "audit_ids": ["AAAAAAAAAAAAAAAAAAAAAA"],
        "issued_at": ends_in(Duration::ZERO),
        "expires_at": ends_in(Duration::from_hours(1)),
        "user": {"id": "u1", "name": "alice", "password_expires_at": null,
            "domain": {"id": "d1", "name": "Users"}},
        "project": {"id": PROJECT, "name": "shop", "domain": {"id": "d2", "name": "Shops"}},
        "is_domain": false,
        "roles": roles,
    }})
}
