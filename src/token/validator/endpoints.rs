//! The servers of one issuer: which is asked, and which is left alone.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::Uri;
use tokio::time::Instant;

use super::connection::{Answer, Call, Server};
use super::error::AskError;
use crate::tls;

/// So often in a row a server may be absent before it is asked no more for a while.
const MAX_FAILURES: u32 = 5;

/// In the order they are preferred.
#[derive(Debug)]
pub struct Endpoints {
    all: Vec<Endpoint>,
    timeout: Duration,
}

#[derive(Debug)]
struct Endpoint {
    server: Server,
    health: Mutex<Health>,
}

/// One that has just failed is asked after the others. One that was absent too often is not asked at
/// all, but for one probe each time the wait is over.
#[derive(Debug, Default)]
struct Health {
    absences: u32,
    aside_until: Option<Instant>,
}

impl Endpoints {
    /// Each gets `timeout` for an answer, and is left alone for as long when it has failed.
    pub fn new(uris: &[Uri], tls: Option<&tls::Client>, timeout: Duration) -> Self {
        let all = uris.iter().map(|uri| Endpoint {
            server: Server::new(uri, tls),
            health: Mutex::default(),
        });
        Self {
            all: all.collect(),
            timeout,
        }
    }

    /// Asks one after another until `read` makes something of an answer.
    ///
    /// # Errors
    ///
    /// That of the last one that was asked.
    pub async fn exchange<T>(
        &self,
        call: &Call,
        read: impl Fn(Answer) -> Result<T, AskError>,
    ) -> Result<T, AskError> {
        let mut last = AskError::Resting;
        for endpoint in self.in_order() {
            if !endpoint.admits(Instant::now(), self.timeout) {
                continue;
            }
            let exchange = endpoint.server.exchange(call);
            let exchanged = tokio::time::timeout(self.timeout, exchange).await;
            let exchanged = exchanged.unwrap_or(Err(AskError::Timeout(self.timeout)));
            let read = exchanged.and_then(&read);
            endpoint.record(read.as_ref().err(), Instant::now(), self.timeout);
            match read {
                Ok(read) => return Ok(read),
                // The others would say the same.
                Err(error @ (AskError::Refused | AskError::Forbidden)) => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn in_order(&self) -> Vec<&Endpoint> {
        let now = Instant::now();
        let mut order: Vec<&Endpoint> = self.all.iter().collect();
        order.sort_by_key(|endpoint| endpoint.health().is_aside(now));
        order
    }
}

impl Endpoint {
    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, now: Instant, pause: Duration) -> bool {
        self.health().admits(now, pause)
    }

    fn record(&self, error: Option<&AskError>, now: Instant, pause: Duration) {
        let mut health = self.health();
        match error {
            None | Some(AskError::Refused | AskError::Forbidden) => *health = Health::default(),
            Some(error) => {
                health.aside_until = Some(now + pause);
                health.absences = match error.is_absence() {
                    true => health.absences.saturating_add(1),
                    false => 0,
                };
            }
        }
    }
}

impl Health {
    fn is_aside(&self, now: Instant) -> bool {
        self.aside_until.is_some_and(|until| now < until)
    }

    fn admits(&mut self, now: Instant, pause: Duration) -> bool {
        if self.absences < MAX_FAILURES {
            return true;
        }
        if self.is_aside(now) {
            return false;
        }
        // This one finds out; the others go on without it.
        self.aside_until = Some(now + pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    fn endpoints() -> Endpoints {
        let uris = ["http://a/v3", "http://b/v3"].map(|uri| uri.parse().unwrap());
        Endpoints::new(&uris, None, PAUSE)
    }

    fn order(endpoints: &Endpoints) -> Vec<String> {
        let order = endpoints.in_order().into_iter();
        order
            .map(|endpoint| format!("{:?}", endpoint.server))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_failed_is_asked_last_for_a_while() {
        let endpoints = endpoints();
        assert_eq!(
            order(&endpoints),
            ["Server(http://a/v3)", "Server(http://b/v3)"]
        );
        let error = AskError::Unreadable(String::new());
        endpoints.all[0].record(Some(&error), Instant::now(), PAUSE);
        assert_eq!(
            order(&endpoints),
            ["Server(http://b/v3)", "Server(http://a/v3)"]
        );
        assert!(endpoints.all[0].admits(Instant::now(), PAUSE));
        tokio::time::advance(PAUSE).await;
        assert_eq!(
            order(&endpoints),
            ["Server(http://a/v3)", "Server(http://b/v3)"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_absent_is_probed_once_in_a_while() {
        let endpoint = &endpoints().all[0];
        let absent = AskError::Timeout(PAUSE);
        for _ in 0..MAX_FAILURES {
            assert!(endpoint.admits(Instant::now(), PAUSE));
            endpoint.record(Some(&absent), Instant::now(), PAUSE);
        }
        assert!(!endpoint.admits(Instant::now(), PAUSE));
        tokio::time::advance(PAUSE).await;
        let admitted = [(); 3].map(|()| endpoint.admits(Instant::now(), PAUSE));
        assert_eq!(admitted, [true, false, false]);
        endpoint.record(None, Instant::now(), PAUSE);
        assert!(endpoint.admits(Instant::now(), PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_to_a_token_makes_a_server_absent() {
        let endpoint = &endpoints().all[0];
        let errors = [
            AskError::Status(hyper::StatusCode::INTERNAL_SERVER_ERROR),
            AskError::Status(hyper::StatusCode::BAD_GATEWAY),
            AskError::Broken("broken off".into()),
            AskError::TooLarge,
        ];
        for error in errors.iter().cycle().take(8 * MAX_FAILURES as usize) {
            endpoint.record(Some(error), Instant::now(), PAUSE);
            assert!(endpoint.admits(Instant::now(), PAUSE));
        }
    }
}
