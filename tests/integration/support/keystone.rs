//! A Keystone whose every domain is an issuer: their key sets on one socket.

use super::{Key, Step, Upstream, answer};

/// Serves what it was told last of each domain; of the others it knows nothing.
#[derive(Debug)]
pub struct Keystone {
    server: Upstream,
}

impl Keystone {
    pub const NAME: &str = "https://keystone.test/v4/oauth2/{domain_id}";
    pub const AUDIENCE: &str = "openstack-apis:{domain_id}";

    pub fn start() -> Self {
        let server = Upstream::start();
        server.always(script("404 Not Found", "{}"));
        Self { server }
    }

    /// The `iss` of a domain's tokens.
    pub fn issuer(domain: &str) -> String {
        Self::NAME.replace("{domain_id}", domain)
    }

    /// The `aud` of a domain's tokens.
    pub fn audience(domain: &str) -> String {
        Self::AUDIENCE.replace("{domain_id}", domain)
    }

    /// Where the keys of all domains are.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.server.address(), path("{domain_id}"))
    }

    /// These keys of `domain` from now on.
    pub fn serve(&self, domain: &str, keys: &[&Key]) {
        self.answer_with(domain, "200 OK", &Key::set(keys));
    }

    /// From now on.
    pub fn answer_with(&self, domain: &str, status: &str, body: &str) {
        self.server.at(&path(domain), script(status, body));
    }

    /// Gives these keys of `domain` once the script before it is done.
    pub fn serve_after(&self, domain: &str, before: Step, keys: &[&Key]) {
        let mut script = script("200 OK", &Key::set(keys));
        script.insert(1, before);
        self.server.at(&path(domain), script);
    }

    /// The domains it was asked about, in this order.
    pub fn asked(&self) -> Vec<String> {
        let requests = self.server.requests();
        let domains = requests.iter().map(|request| {
            let parts: Vec<&str> = request.line.split('/').collect();
            assert_eq!(parts.len(), 6, "{}", request.line);
            parts[3].to_owned()
        });
        domains.collect()
    }

    /// How often it was asked in all.
    pub fn fetches(&self) -> usize {
        self.server.count()
    }

    /// Waits until it was asked so many times in all.
    pub fn wait_for_fetches(&self, count: usize) {
        self.server.wait_for_requests(count);
    }
}

fn path(domain: &str) -> String {
    format!("/v4/oauth2/{domain}/jwks.json")
}

fn script(status: &str, body: &str) -> Vec<Step> {
    let headers = ["Content-Type: application/json", "Connection: close"];
    vec![Step::Read, answer(status, &headers, body), Step::Close]
}
