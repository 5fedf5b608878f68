//! What happens to a request, step by step; `Gateway::serve` is the list.

mod answer;
mod body;
mod cache;
mod exchange;
mod identity;
mod question;
mod rehearsal;
mod rejection;
mod rest;
mod rules;
mod upgrade;

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

pub use answer::ResponseBody;
pub use cache::PrincipalCache;
pub use identity::Identity;
pub use question::{InvalidQuestion, Question, QuestionBody, Verdict};
pub use rehearsal::{Case, Judge, Rehearsal, Rehearsing};
pub use rejection::{KeystoneChallenge, Rejection, X_ACTIONGATE_REASON, X_ACTIONGATE_REPORT};
pub use rules::{Decided, Reading, Rules, unknown_roles};
pub use upgrade::Upgrade;

use body::{Content, Offered};
use exchange::{Beginning, Exchange, Observers};
use rest::Rest;

use crate::audit::{Auditor, Ruling};
use crate::decision::{self, Circumstances, Permit};
use crate::metrics::{Meter, Registry, WorkerCounts};
use crate::proxy::{self, AllowedHosts, BodyLimits, Origin, Peer, Proxy, Upstream, UpstreamBody};
use crate::router::{Candidates, RequestPath, Target};
use crate::token::{self, TokenError, unix_time};
use crate::trace::Tracer;

/// What holds for every request, whatever the table says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Bounds of requests' bodies.
    pub body: BodyLimits,
    /// The hosts that are served.
    pub hosts: AllowedHosts,
    /// Where clients without a good token are sent for one.
    pub keystone: Option<KeystoneChallenge>,
}

/// Everything that a reload replaces; the same for all workers.
#[derive(Debug)]
pub struct Snapshot {
    /// What decisions rest on.
    pub rules: Arc<Rules>,
    /// What holds for every request.
    pub settings: Settings,
    /// Where permitted requests go.
    pub upstream: Arc<Upstream>,
}

/// An answer in the making, and what follows it where that is another protocol.
pub type Answering = Pin<Box<dyn Future<Output = (Response<ResponseBody>, Option<Box<Upgrade>>)>>>;

/// One worker's gateway.
#[derive(Debug)]
pub struct Gateway {
    current: RefCell<Rc<Current>>,
    auditor: Auditor,
    counted: Option<(Arc<Registry>, Arc<WorkerCounts>)>,
    tracer: Tracer,
    worker: usize,
}

/// A [`Snapshot`] and what one worker has gathered under it. A request keeps the one it began with.
#[derive(Debug)]
struct Current {
    snapshot: Arc<Snapshot>,
    proxy: Rc<Proxy>,
    callers: PrincipalCache,
    meter: Option<Rc<Meter>>,
}

/// A request that may be forwarded.
struct Judged<'a> {
    /// Who is calling; nobody known, if everybody may.
    identity: Option<Rc<Identity>>,
    content: Content,
    permit: Permit,
    /// The project of the path.
    project: Option<&'a str>,
}

impl Gateway {
    /// Must be called where tasks can be spawned on the thread, as [`Proxy::new`]. Counts where there is
    /// a registry.
    pub fn new(
        worker: usize,
        snapshot: Arc<Snapshot>,
        auditor: Auditor,
        registry: Option<Arc<Registry>>,
        tracer: Tracer,
    ) -> Rc<Self> {
        let proxy = Rc::new(Proxy::new(Arc::clone(&snapshot.upstream)));
        let counted = registry.map(|registry| {
            let counts = registry.worker();
            (registry, counts)
        });
        let current = Current::new(snapshot, proxy, counted.as_ref());
        Rc::new(Self {
            current: RefCell::new(Rc::new(current)),
            auditor,
            counted,
            tracer,
            worker,
        })
    }

    /// Requests that begin from now on are judged by `snapshot`. Connections to an upstream that
    /// stays the same are kept.
    pub fn replace(&self, snapshot: Arc<Snapshot>) {
        let mut current = self.current.borrow_mut();
        let proxy = match Arc::ptr_eq(&current.snapshot.upstream, &snapshot.upstream) {
            true => Rc::clone(&current.proxy),
            false => Rc::new(Proxy::new(Arc::clone(&snapshot.upstream))),
        };
        *current = Rc::new(Current::new(snapshot, proxy, self.counted.as_ref()));
    }

    /// Answers one request, and audits it when the answer has been sent or nobody waits for it:
    /// also when the future is dropped before it was ever polled. After a `101` the connection is no
    /// longer HTTP's, and the [`Upgrade`]'s.
    pub fn handle(&self, request: Request<Incoming>, peer: Rc<Peer>) -> Answering {
        let (mut head, body) = request.into_parts();
        let current = Rc::clone(&self.current.borrow());
        let beginning = Beginning::of_request(&head, &body);
        let mut exchange = Exchange::begin(self.observers(&current), beginning, &peer, self.worker);
        let rest = Rest::of(&head);
        let mut body = Some(body);
        // Boxed: hyper and we move it about, and a stream of HTTP/2 would have room for it thrice.
        Box::pin(async move {
            let served = current.serve(&mut head, &mut body, &peer, &mut exchange);
            let answer = served.await;
            let is_last = answer.is_err() && !rest.is_here(body).await;
            exchange.finish(answer, &current.snapshot.settings, is_last)
        })
    }

    /// The longest that a request waits for anything but its client.
    pub fn longest_wait(&self) -> Duration {
        self.current.borrow().snapshot.upstream.longest_wait()
    }

    /// Audits what the server could not read as a request and refused by itself.
    pub fn refuse_unreadable(&self, peer: &Peer, status: StatusCode) {
        let current = self.current.borrow();
        let observers = self.observers(&current);
        exchange::record_unreadable(observers, peer.address(), self.worker, status);
    }

    fn observers<'a>(&'a self, current: &'a Current) -> Observers<'a> {
        Observers {
            auditor: &self.auditor,
            meter: current.meter.as_ref(),
            tracer: &self.tracer,
        }
    }
}

impl Current {
    fn new(
        snapshot: Arc<Snapshot>,
        proxy: Rc<Proxy>,
        counted: Option<&(Arc<Registry>, Arc<WorkerCounts>)>,
    ) -> Self {
        let capacity = snapshot.rules.token_settings().cache;
        let counts = counted.map(|(_, counts)| Arc::clone(counts));
        let callers = PrincipalCache::counted(capacity, counts);
        let labels = snapshot.rules.labels();
        let meter = counted
            .map(|(registry, counts)| Rc::new(Meter::new(registry, counts, Arc::clone(labels))));
        Self {
            snapshot,
            proxy,
            callers,
            meter,
        }
    }

    fn rules(&self) -> &Rules {
        &self.snapshot.rules
    }

    async fn serve(
        &self,
        head: &mut request::Parts,
        body: &mut Option<Incoming>,
        peer: &Peer,
        exchange: &mut Exchange,
    ) -> Result<Response<UpstreamBody>, Rejection> {
        let path = RequestPath::parse(&head.uri)?;
        let method = head.method.clone();
        let offered = (Offered::Coming(body), None);
        let Judged {
            identity,
            content,
            permit,
            project,
        } = self
            .judge(head, (&method, &path), offered, peer, exchange)
            .await?;
        exchange.permitted();
        let body = self.permitted_body(content, body, &permit, exchange)?;
        // With nobody's token there is nothing for the gateway to stand beside.
        let service_token = match &identity {
            Some(_) => self.rules().service_token()?,
            None => None,
        };
        let origin = Origin {
            peer,
            request_id: exchange.request_id(),
            trace: exchange.trace(),
            service_token: service_token.as_ref(),
            caller: identity.as_ref().map(|known| known.of_request(project)),
        };
        let transfer = exchange.transfer();
        Ok(self
            .proxy
            .forward(permit, head, body, origin, transfer)
            .await?)
    }

    /// Every step up to the permit. What was read of a body takes many times its bytes, and is gone
    /// before the upstream is waited for. A `known` caller is taken for who it is.
    async fn judge<'a>(
        &'a self,
        head: &mut request::Parts,
        (method, path): (&'a Method, &'a RequestPath),
        (body, known): (Offered<'_>, Option<Rc<Identity>>),
        peer: &Peer,
        exchange: &mut Exchange,
    ) -> Result<Judged<'a>, Rejection> {
        proxy::check_head(head, &self.snapshot.settings.hosts)?;
        let candidates = self.rules().router().resolve(method, path);
        let is_public = candidates.as_ref().is_ok_and(Candidates::is_public);
        let now = unix_time();
        let identity = match (is_public, known) {
            (true, _) => nobody(&head.headers)?,
            (false, None) => Some(self.identify(&head.headers, peer, now, exchange).await?),
            (false, Some(known)) => {
                exchange.identified(&known);
                self.rules().check_expiry(&known, now)?;
                self.rules().check_revocation(&known)?;
                Some(known)
            }
        };
        // Only now: nobody unknown may probe the table.
        let candidates = match candidates {
            Ok(candidates) => candidates,
            Err(error) => {
                let rejection = Rejection::from(error);
                let case = Case {
                    method,
                    path,
                    body: None,
                    circumstances: circumstances(peer, now),
                };
                let ruling = Ruling::from(&rejection);
                self.rehearse(identity.as_deref(), &case, &ruling, exchange);
                return Err(rejection);
            }
        };
        let (content, target, now) = match candidates.reads_body() {
            false => (Content::Coming, candidates.target(None)?, now),
            true => {
                // Boxed: it is rare, and each request would have room for it.
                let read = self.read_body(&head.headers, body, candidates, exchange);
                let (content, target) = Box::pin(read).await?;
                // What is good until a moment cannot be kept by a body that comes slowly.
                let now = unix_time();
                if let Some(identity) = &identity {
                    self.rules().check_expiry(identity, now)?;
                    self.rules().check_revocation(identity)?;
                }
                (content, target, now)
            }
        };
        exchange.routed(&target);
        let circumstances = circumstances(peer, now);
        exchange.judged(&target, circumstances);
        let decided = self.decide(identity.as_deref(), &target, circumstances);
        if self.rules().rehearsal().is_some() {
            let case = Case {
                method,
                path,
                body: target.body(),
                circumstances,
            };
            let ruling = match &decided {
                Ok(_) => Ruling::permit(),
                Err(rejection) => Ruling::from(rejection),
            };
            self.rehearse(identity.as_deref(), &case, &ruling, exchange);
        }
        let Decided { permit, reported } = decided?;
        if let Some(reported) = reported {
            exchange.reported(reported);
        }
        self.proxy.profile().check_project(target.project())?;
        Ok(Judged {
            identity,
            content,
            permit,
            project: target.project(),
        })
    }

    async fn identify(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
        now: u64,
        exchange: &mut Exchange,
    ) -> Result<Rc<Identity>, Rejection> {
        let identity = self.authenticate(headers, now).await?;
        // Before the check: the audit shows whose token somebody else has.
        exchange.identified(&identity);
        identity.check_holder(peer.certificate())?;
        self.rules().check_revocation(&identity)?;
        Ok(identity)
    }

    fn decide(
        &self,
        identity: Option<&Identity>,
        target: &Target<'_>,
        circumstances: Circumstances,
    ) -> Result<Decided, Rejection> {
        match identity {
            Some(identity) => {
                let principal = &identity.principal;
                self.rules().decide(principal, target, circumstances)
            }
            None => {
                let permit = decision::admit_public(target).ok_or(TokenError::Missing)?;
                let reported = None;
                Ok(Decided { permit, reported })
            }
        }
    }

    /// Tells what the candidate would have decided, if there is one.
    fn rehearse(
        &self,
        identity: Option<&Identity>,
        case: &Case<'_>,
        live: &Ruling,
        exchange: &mut Exchange,
    ) {
        if let Some(rehearsal) = self.rules().rehearsal() {
            let caller = identity.and_then(|identity| identity.rehearsing.as_deref());
            let (found, differs) = rehearsal.compare(caller, case, live);
            exchange.rehearsed(found, differs);
        }
    }

    /// Who is calling.
    async fn authenticate(&self, headers: &HeaderMap, now: u64) -> Result<Rc<Identity>, Rejection> {
        let token = token::credential(headers)?;
        if let Some(identity) = self.callers.find(token, now) {
            return Ok(identity);
        }
        // Boxed: most tokens have been seen before, and each request would have room for it.
        let identity = Box::pin(self.rules().identify(token)).await?;
        Ok(self.callers.remember(token, identity))
    }
}

fn circumstances(peer: &Peer, now: u64) -> Circumstances {
    Circumstances {
        now,
        address: peer.client(),
    }
}

/// No token is needed, but two would be read in two ways.
fn nobody(headers: &HeaderMap) -> Result<Option<Rc<Identity>>, Rejection> {
    match token::credential(headers) {
        Err(error @ TokenError::Ambiguous) => Err(error.into()),
        _ => Ok(None),
    }
}
