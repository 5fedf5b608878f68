//! Deciding about requests that somebody else forwards.
//!
//! The same steps as for a request of ours, up to the permit; what only forwarding would refuse or
//! remove is refused here, because the other proxy would send it on.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response};

use super::body::Offered;
use super::exchange::{Beginning, Exchange};
use super::{Current, Gateway, Identity, Rejection, Rules};
use crate::audit::PeerAddress;
use crate::proxy::{self, Peer};
use crate::router::RequestPath;
use crate::token::unix_time;

/// A request that somebody else has, and forwards if it may.
#[derive(Debug)]
pub struct Question {
    /// The request's.
    pub method: Method,
    /// The path and the query as the client sent them.
    pub target: String,
    /// As they will be forwarded.
    pub headers: HeaderMap,
    /// What is known of the body.
    pub body: QuestionBody,
    /// Where its client is, if that is clear.
    pub client: Option<IpAddr>,
    /// Whom the asker takes the caller for, if it says that.
    pub subject: Option<String>,
    /// Who is calling by the rules that decide, where that is not what the headers have to tell.
    pub caller: Option<Rc<Identity>>,
}

/// What is known of the body of a request that somebody else has.
#[derive(Debug)]
pub enum QuestionBody {
    /// Nothing.
    Unknown,
    /// It is longer than what came of it.
    Partial,
    /// All of it.
    Whole(Bytes),
}

/// Why a question is not answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidQuestion {
    /// Anybody could tell of requests that were never sent.
    #[error("{0} may not ask here, expected one of those that `authorizer.trusted` lists")]
    Untrusted(PeerAddress),
    /// Nothing else may stand in for it.
    #[error("the question has no {0}")]
    Missing(&'static str),
    /// Whoever reads the other one reads another request.
    #[error("the question has more than one {0}")]
    Repeated(&'static str),
    /// It has no such form.
    #[error("the question's {0} cannot be read")]
    Unreadable(&'static str),
    /// It is about somebody else.
    #[error("the token is not the one of the subject `{0}`")]
    Subject(String),
    /// They prove nothing.
    #[error(
        "the subject's claims are not believed here, expected a token, or `authorizer.believe_claims = true`"
    )]
    Claims,
    /// The body would tell which operation it is.
    #[error("the body tells which operation this is, and the proxy that asks has not forwarded it")]
    NoBody,
    /// Likewise.
    #[error(
        "the body tells which operation this is, and the proxy that asks has forwarded only its beginning"
    )]
    PartialBody,
}

/// What was decided about a question.
#[derive(Debug)]
pub struct Verdict {
    /// Why not, unless it was permitted.
    pub rejection: Option<Rejection>,
    /// What to answer: of a permit the headers are for the upstream, but for the request's id.
    pub response: Response<Bytes>,
}

impl Gateway {
    /// Decides about a request as [`Gateway::handle`] does, and audits that, but forwards nothing.
    /// `asker` is the other end of the connection.
    pub async fn judge(&self, question: Question, asker: &Peer, product: &'static str) -> Verdict {
        let current = Rc::clone(&self.current.borrow());
        let peer = match question.client {
            Some(client) => asker.behind(client),
            None => asker.behind_unclear(),
        };
        let mut request = Request::new(());
        *request.method_mut() = question.method;
        // The text is what is judged; this is for the form of a refusal and for the trace.
        *request.uri_mut() = question.target.parse().unwrap_or_default();
        *request.headers_mut() = question.headers;
        let (mut head, ()) = request.into_parts();
        let beginning = Beginning::of_question(product, &head);
        let mut exchange = Exchange::begin(self.observers(&current), beginning, &peer, self.worker);
        let basis = Basis {
            target: &question.target,
            body: &question.body,
            subject: question.subject.as_deref(),
            caller: question.caller,
        };
        let answer = current.answer(&mut head, basis, &peer, &mut exchange).await;
        exchange.conclude(answer, &current.snapshot.settings)
    }

    /// Refuses what is no question, and audits that. `head` is the asker's own.
    pub fn refuse_question(
        &self,
        error: impl Into<Rejection>,
        (head, asker): (&request::Parts, &Peer),
        product: &'static str,
    ) -> Verdict {
        let current = Rc::clone(&self.current.borrow());
        let beginning = Beginning::of_question(product, head);
        let mut exchange = Exchange::begin(self.observers(&current), beginning, asker, self.worker);
        exchange.forget_method();
        exchange.conclude(Err(error.into()), &current.snapshot.settings)
    }

    /// What decisions rest on now.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.current.borrow().snapshot.rules)
    }

    /// Who is calling with the credential of these headers, and the rules that say so: only with those
    /// may it be asked what the caller can do.
    ///
    /// # Errors
    ///
    /// As a request with it would be refused.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Rc<Identity>, Arc<Rules>), Rejection> {
        let current = Rc::clone(&self.current.borrow());
        let identity = current.authenticate(headers, unix_time()).await?;
        // Whose connection it is to be used on, the asker knows.
        identity.check_holder(None)?;
        current.rules().check_revocation(&identity)?;
        Ok((identity, Arc::clone(&current.snapshot.rules)))
    }
}

/// What a question's answer rests on besides its head.
struct Basis<'a> {
    target: &'a str,
    body: &'a QuestionBody,
    subject: Option<&'a str>,
    caller: Option<Rc<Identity>>,
}

impl Current {
    /// What the upstream is to be told with the request, if it may be forwarded.
    async fn answer(
        &self,
        head: &mut request::Parts,
        basis: Basis<'_>,
        peer: &Peer,
        exchange: &mut Exchange,
    ) -> Result<HeaderMap, Rejection> {
        let path: RequestPath = basis.target.parse()?;
        proxy::check_claims(&head.headers)?;
        let method = head.method.clone();
        let body = Offered::Told(basis.body);
        let line = (&method, &path);
        let judged = self.judge(head, line, (body, basis.caller), peer, exchange);
        let judged = judged.await?;
        if let QuestionBody::Whole(bytes) = basis.body {
            self.check_size(bytes.len(), &judged.permit)?;
        }
        self.proxy.profile().check_media_types(&head.headers)?;
        let identity = judged.identity.as_ref();
        if let (Some(identity), Some(subject)) = (identity, basis.subject) {
            identity.check_subject(subject)?;
        }
        let caller = identity.map(|known| known.of_request(judged.project));
        let told = self.proxy.identity(caller)?;
        exchange.permitted();
        Ok(told)
    }
}
