//! An issuer: its key set on a socket.

use super::{Key, Step, Upstream, answer};

/// Serves what it was told last, and counts how often it was asked.
#[derive(Debug)]
pub struct Issuer {
    server: Upstream,
}

impl Issuer {
    pub fn start(keys: &[&Key]) -> Self {
        let server = Upstream::start();
        let issuer = Self { server };
        issuer.serve(keys);
        issuer
    }

    /// Where its keys are.
    pub fn url(&self) -> String {
        format!("http://{}/keys.json", self.server.address())
    }

    /// These keys from now on.
    pub fn serve(&self, keys: &[&Key]) {
        self.answer_with("200 OK", &Key::set(keys));
    }

    /// From now on.
    pub fn answer_with(&self, status: &str, body: &str) {
        self.server.always(script(status, body));
    }

    /// A fetch that gets these keys.
    pub fn script(keys: &[&Key]) -> Vec<Step> {
        script("200 OK", &Key::set(keys))
    }

    /// Answers the next fetch like this.
    pub fn next(&self, script: Vec<Step>) {
        self.server.next(script);
    }

    pub fn fetches(&self) -> usize {
        self.server.count()
    }

    /// Waits until it was asked so many times in all.
    pub fn wait_for_fetches(&self, count: usize) {
        self.server.wait_for_requests(count);
    }
}

fn script(status: &str, body: &str) -> Vec<Step> {
    let headers = ["Content-Type: application/json", "Connection: close"];
    vec![Step::Read, answer(status, &headers, body), Step::Close]
}
