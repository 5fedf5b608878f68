//! One client connection and what it shares with the others of its worker.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::Incoming;

use super::drain::{Drain, Phase};
use super::forwarded::{self, Source};
use super::refusal::{Census, Refusals};
use super::{Handler, Settings};
use crate::gateway::{Answering, Gateway};
use crate::proxy::{Activity, Peer};
use crate::tls;

/// How long a connection does nothing before it gives up its buffers.
pub const DOZE: Duration = Duration::from_secs(1);

/// What a worker's connections share.
#[derive(Debug)]
pub struct Shared {
    pub gateway: Rc<Gateway>,
    pub drain: Rc<Drain>,
    pub settings: Settings,
    pub handler: Option<Arc<dyn Handler>>,
    pub tls: Option<tls::Server>,
    pub refusals: Arc<Refusals>,
    pub census: Arc<Census>,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Session {
    pub shared: Rc<Shared>,
    pub activity: Rc<Activity>,
}

/// What a connection is to do that has nothing to do now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rest {
    /// Wait.
    Wait,
    /// Wait, and give up buffers if they are empty.
    Doze,
    /// End: the wait for the client is over.
    End(Over),
}

/// Why a connection that waits for its client need not wait any longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Over {
    /// Nothing has come for as long as it may, or the gateway is about to stop.
    Idle,
    /// A head has been on its way for too long.
    SlowHead,
}

impl Session {
    /// What there is to do; nothing but to wait while an exchange runs.
    pub fn rest(&self) -> Rest {
        let Some(idle) = self.activity.idle_for() else {
            return Rest::Wait;
        };
        let settings = &self.shared.settings;
        let phase = self.shared.drain.phase();
        let head = self.activity.head_for();
        match head {
            Some(head) if head >= settings.header_timeout => Rest::End(Over::SlowHead),
            _ if phase == Phase::Closing || idle >= settings.client_timeout => {
                Rest::End(Over::Idle)
            }
            None if phase == Phase::Serving && idle >= DOZE => Rest::Doze,
            _ => Rest::Wait,
        }
    }

    /// Whether the wait for the client is over.
    pub fn over(&self) -> Option<Over> {
        match self.rest() {
            Rest::End(over) => Some(over),
            Rest::Wait | Rest::Doze => None,
        }
    }

    /// Whether the answer to the latest request is to be the connection's last.
    pub fn is_last(&self) -> bool {
        self.shared.drain.phase() != Phase::Serving
            || self.activity.begun() >= self.shared.settings.max_requests_per_connection
    }

    /// Waits for `wait`, unless the wait is over before.
    pub async fn unless_over<T>(&self, wait: impl Future<Output = T>) -> Result<T, Over> {
        let mut wait = std::pin::pin!(wait);
        std::future::poll_fn(|context| match wait.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => match self.over() {
                Some(over) => Poll::Ready(Err(over)),
                None => Poll::Pending,
            },
        })
        .await
    }

    /// Gives the request to whoever answers here; `peer` is the other end of the connection.
    pub fn answer(&self, request: Request<Incoming>, peer: &Rc<Peer>) -> Answering {
        if let Some(handler) = &self.shared.handler {
            return handler.handle(&self.shared.gateway, request, peer);
        }
        let trusted = &self.shared.settings.trusted_proxies;
        // One connection of a proxy carries the requests of many clients.
        let is_proxy = trusted.contain(peer.address());
        let source = is_proxy.then(|| forwarded::source(request.headers(), trusted));
        let peer = match source {
            None | Some(Source::Proxy) => Rc::clone(peer),
            Some(Source::Client(client)) => Rc::new(peer.behind(client)),
            Some(Source::Unclear) => Rc::new(peer.behind_unclear()),
        };
        self.shared.gateway.handle(request, peer)
    }
}

/// Looks at a connection: whether its wait may be over, for which it has to be woken.
pub fn is_due(settings: &Settings, activity: &Activity, now: Instant) -> bool {
    activity.look(now);
    let Some(idle) = activity.idle_for() else {
        return false;
    };
    let head = activity.head_for();
    idle >= settings.client_timeout
        || head.is_some_and(|head| head >= settings.header_timeout)
        || idle >= DOZE && !activity.is_asleep()
}
