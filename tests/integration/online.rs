//! Issuers that are asked about each token: a Keystone, and an authorization server (RFC 7662).

mod answer;
mod double;
mod introspection;
mod own_token;
mod tls;
mod trouble;
mod upstream;

use std::thread;
use std::time::Instant;

use crate::support::{Answer, Call, Gateway, PATIENCE, Setup, Upstream, metadata};
use double::{Keystone, PASSWORD, token};

const SERVICE: &str = "[issuer.service]\nusername = \"gateway\"\nproject = \"service\"\n\
     password_file = \"password\"\n";
const ROLES: &str = "[issuer.roles]\nreader = \"ECS ReadOnlyAccess\"\nadmin = \"ECS FullAccess\"\n";

/// A Keystone that knows `alice`, a reader, and a gateway that asks it.
struct World {
    keystone: Keystone,
    upstream: Upstream,
    gateway: Gateway,
}

/// A gateway that asks at these URLs, with more lines about the issuer.
fn setup(upstream: &Upstream, urls: &[String], more: &str) -> Setup {
    let issuer = format!(
        "[[issuer]]\nkind = \"keystone\"\nname = \"keystone\"\nauth_urls = {urls:?}\n{more}\n{SERVICE}{ROLES}"
    );
    let setup = Setup::new(upstream).issuer_of(&issuer);
    setup.file("password", &format!("{PASSWORD}\n"))
}

impl World {
    fn start() -> Self {
        Self::with("", |setup| setup)
    }

    /// With more lines about the issuer, and whatever else.
    fn with(more: &str, set: impl FnOnce(Setup) -> Setup) -> Self {
        let (keystone, upstream) = (Keystone::start(), Upstream::start());
        keystone.know("alice", token(&["reader"]));
        let gateway = set(setup(&upstream, &[keystone.url()], more)).start();
        Self {
            keystone,
            upstream,
            gateway,
        }
    }

    fn ask(&self, token: &str) -> Answer {
        ask(&self.gateway, token)
    }

    fn permits(&self, token: &str) {
        let before = self.upstream.count();
        let answer = self.ask(token);
        assert_eq!(answer.status, 200, "{token} {answer:?}");
        assert_eq!(self.upstream.count(), before + 1);
    }

    /// The message of a refusal, of which the upstream has seen nothing.
    fn refuses(&self, token: &str, status: u16, reason: &str) -> String {
        let before = self.upstream.count();
        let answer = self.ask(token);
        assert_eq!(self.upstream.count(), before);
        let family = if status == 403 { "forbidden" } else { "error" };
        answer.refusal(status, reason, family)
    }

    /// That its issuer cannot be asked, because of this.
    fn cannot_tell(&self, token: &str, cause: &str) {
        let message = self.refuses(token, 503, "issuer_unavailable");
        let expected = format!("The issuer of the token cannot be asked about it: {cause}.");
        assert_eq!(message, expected);
    }

    /// How often the Keystone was asked about tokens.
    fn questions(&self) -> usize {
        self.keystone.questions().len()
    }
}

fn call(token: &str) -> Call {
    Call::get(metadata()).header(format!("X-Auth-Token: {token}"))
}

fn ask(gateway: &Gateway, token: &str) -> Answer {
    gateway.call(&call(token))
}

/// Asks again and again until the answer is `status`; for what happens on its own in time.
fn ask_until(gateway: &Gateway, token: &str, status: u16) -> Answer {
    let started = Instant::now();
    let mut client = gateway.connect();
    loop {
        let answer = client.call(&call(token));
        if answer.status == status {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "still {answer:?}");
        thread::yield_now();
    }
}
