//! The Authorization API 1.0 of `OpenID` `AuthZEN`: evaluations of one request or of several.
//! <https://openid.net/specs/authorization-api-1_0.html>
//!
//! The action is a method, the resource a path, the subject whoever holds a token.

use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::claims::{Object, Proof, believe};
use super::{Asker, MAX_QUESTION, TextBody, search};
use crate::gateway::{
    Identity, InvalidQuestion, Question, QuestionBody, Rejection, Verdict, X_ACTIONGATE_REPORT,
};
use crate::json;
use crate::proxy::X_OPENSTACK_REQUEST_ID;
use crate::router::JsonBody;

const CONFIGURATION: &str = "/.well-known/authzen-configuration";
const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SEARCH_ACTION: &str = "/access/v1/search/action";
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The most evaluations of one message.
const MOST: usize = 1000;

/// What is wrong with a message as a whole.
pub struct Refusal(pub StatusCode, pub String);

impl From<InvalidQuestion> for Refusal {
    fn from(error: InvalidQuestion) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

pub async fn answer(
    asker: &Asker,
    head: &request::Parts,
    body: &mut Option<Incoming>,
    believes_claims: bool,
) -> Response<TextBody> {
    let service = Service {
        asker,
        head,
        believes_claims,
    };
    let (status, value) = match service.answer(body).await {
        Ok(value) => (StatusCode::OK, value),
        Err(Refusal(status, message)) => (status, Value::from(message)),
    };
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(id) = head.headers.get(X_REQUEST_ID) {
        headers.insert(X_REQUEST_ID, id.clone());
    }
    super::text(response)
}

/// One message, and who sent it.
pub struct Service<'a> {
    pub asker: &'a Asker,
    head: &'a request::Parts,
    believes_claims: bool,
}

/// The four parts of an evaluation.
#[derive(Clone, Copy)]
struct Parts<'a> {
    subject: Option<&'a Value>,
    action: Option<&'a Value>,
    resource: Option<&'a Value>,
    context: Option<&'a Value>,
}

impl<'a> Parts<'a> {
    /// Those of `own`, each instead of the one in `defaults`.
    fn new(own: &'a Object, defaults: Option<&'a Object>) -> Self {
        let get = |name| {
            let default = || defaults.and_then(|defaults| defaults.get(name));
            own.get(name).or_else(default)
        };
        Self {
            subject: get("subject"),
            action: get("action"),
            resource: get("resource"),
            context: get("context"),
        }
    }
}

impl Service<'_> {
    async fn answer(&self, body: &mut Option<Incoming>) -> Result<Value, Refusal> {
        let path = self.head.uri.path();
        let expected = match path {
            CONFIGURATION => Method::GET,
            EVALUATION | EVALUATIONS | SEARCH_ACTION => Method::POST,
            _ => {
                let text = format!("there is no `{}` here", json::quoted(path));
                return Err(Refusal(StatusCode::NOT_FOUND, text));
            }
        };
        if self.head.method != expected {
            let text = format!("expected {expected}");
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, text));
        }
        if path == CONFIGURATION {
            return self.configuration();
        }
        let message = self.message(body).await?;
        match path {
            SEARCH_ACTION => search::actions(self, &message).await,
            EVALUATIONS => self.evaluations(&message).await,
            _ => self.evaluation(&message).await,
        }
    }

    async fn message(&self, body: &mut Option<Incoming>) -> Result<Object, Refusal> {
        let refuse = |error: String| Refusal(StatusCode::BAD_REQUEST, error);
        if JsonBody::check_head(&self.head.headers).is_err() {
            return Err(refuse("expected `Content-Type: application/json`".into()));
        }
        let bytes = self.asker.read(body, MAX_QUESTION).await;
        let bytes = bytes.ok_or_else(|| {
            refuse(format!(
                "expected a message of at most {MAX_QUESTION} bytes"
            ))
        })?;
        json::parse_object(&bytes).map_err(|error| refuse(format!("{error}: {}", error.detail())))
    }

    /// Where everything is: at the place that was asked for it.
    fn configuration(&self) -> Result<Value, Refusal> {
        let host = self
            .head
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok());
        let authority = self.head.uri.authority().map(Authority::as_str);
        let host = host
            .or(authority)
            .ok_or(InvalidQuestion::Missing("`Host`"))?;
        let base = format!("{}://{host}", self.asker.peer.scheme());
        Ok(json!({
            "policy_decision_point": base,
            "access_evaluation_endpoint": format!("{base}{EVALUATION}"),
            "access_evaluations_endpoint": format!("{base}{EVALUATIONS}"),
            "search_action_endpoint": format!("{base}{SEARCH_ACTION}"),
        }))
    }

    async fn evaluation(&self, message: &Object) -> Result<Value, Refusal> {
        let question = self.question(Parts::new(message, None));
        match question {
            // What lacks a part is no evaluation.
            Err(Rejection::Question(
                error @ (InvalidQuestion::Missing(_)
                | InvalidQuestion::Repeated(_)
                | InvalidQuestion::Unreadable(_)),
            )) => {
                let text = error.to_string();
                self.asker.refuse(error, self.head);
                Err(Refusal(StatusCode::BAD_REQUEST, text))
            }
            question => Ok(decision(&self.judge(question).await)),
        }
    }

    async fn evaluations(&self, message: &Object) -> Result<Value, Refusal> {
        let evaluations = match message.get("evaluations") {
            None => return self.evaluation(message).await,
            Some(Value::Array(evaluations)) => evaluations,
            Some(_) => return Err(InvalidQuestion::Unreadable("`evaluations`").into()),
        };
        if evaluations.is_empty() {
            return self.evaluation(message).await;
        }
        if evaluations.len() > MOST {
            let text = format!("expected at most {MOST} evaluations");
            return Err(Refusal(StatusCode::BAD_REQUEST, text));
        }
        let last = last_decision(message)?;
        let mut decisions = Vec::new();
        for evaluation in evaluations {
            let question = match evaluation.as_object() {
                Some(own) => self.question(Parts::new(own, Some(message))),
                None => Err(InvalidQuestion::Unreadable("evaluation").into()),
            };
            let verdict = self.judge(question).await;
            decisions.push(decision(&verdict));
            if last == Some(verdict.rejection.is_none()) {
                break;
            }
        }
        Ok(json!({ "evaluations": decisions }))
    }

    async fn judge(&self, question: Result<Question, Rejection>) -> Verdict {
        match question {
            Ok(question) => {
                let (peer, product) = (&self.asker.peer, self.asker.product.name());
                self.asker.gateway.judge(question, peer, product).await
            }
            Err(error) => self.asker.refuse(error, self.head),
        }
    }

    fn question(&self, parts: Parts<'_>) -> Result<Question, Rejection> {
        let (name, action) = entity(parts.action, ["`action`", "`action.name`"], "name")?;
        let (kind, _) = entity(parts.resource, ["`resource`", "`resource.type`"], "type")?;
        let (target, resource) = entity(parts.resource, ["`resource`", "`resource.id`"], "id")?;
        if kind != "path" {
            return Err(InvalidQuestion::Unreadable("`resource.type`, which is not `path`").into());
        }
        let method = Method::from_bytes(name.as_bytes());
        let method = method.map_err(|_| InvalidQuestion::Unreadable("`action.name`"))?;
        let subject = self.subject(parts.subject)?;
        let mut headers = subject.headers;
        let body = match action.and_then(|properties| properties.get("body")) {
            None => QuestionBody::Unknown,
            Some(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                QuestionBody::Whole(Bytes::from(body.to_string()))
            }
        };
        let host = resource.and_then(|properties| properties.get("host"));
        let host = match host {
            Some(host) => {
                let host = host
                    .as_str()
                    .and_then(|host| HeaderValue::from_str(host).ok());
                Some(host.ok_or(InvalidQuestion::Unreadable("`resource.properties.host`"))?)
            }
            None => self.head.headers.get(HOST).cloned(),
        };
        if let Some(host) = host {
            headers.insert(HOST, host);
        }
        Ok(Question {
            method,
            target: target.to_owned(),
            headers,
            body,
            client: client(parts.context)?,
            subject: Some(subject.id),
            caller: subject.caller,
        })
    }

    /// Who the subject is.
    pub fn subject(&self, subject: Option<&Value>) -> Result<Subject, Rejection> {
        entity(subject, ["`subject`", "`subject.type`"], "type")?;
        let (id, properties) = entity(subject, ["`subject`", "`subject.id`"], "id")?;
        let (headers, caller) = match Proof::read(properties)? {
            Proof::Token(headers) => (headers, None),
            Proof::Claims(..) if !self.believes_claims => {
                return Err(InvalidQuestion::Claims.into());
            }
            Proof::Claims(issuer, claims) => {
                let rules = self.asker.gateway.rules();
                let caller = believe(&rules, &issuer, claims)?;
                (HeaderMap::new(), Some(caller))
            }
        };
        Ok(Subject {
            id: id.to_owned(),
            headers,
            caller,
        })
    }
}

/// A subject, and how it proves who it is.
pub struct Subject {
    pub id: String,
    pub headers: HeaderMap,
    pub caller: Option<Rc<Identity>>,
}

/// The text that names a part, and the part's properties. `names` are the part's and the text's.
pub fn entity<'a>(
    part: Option<&'a Value>,
    names: [&'static str; 2],
    key: &str,
) -> Result<(&'a str, Option<&'a Object>), InvalidQuestion> {
    let [part_name, key_name] = names;
    let part = part.ok_or(InvalidQuestion::Missing(part_name))?;
    let part = part
        .as_object()
        .ok_or(InvalidQuestion::Unreadable(part_name))?;
    let text = part.get(key).ok_or(InvalidQuestion::Missing(key_name))?;
    let text = text.as_str().ok_or(InvalidQuestion::Unreadable(key_name))?;
    let properties = match part.get("properties") {
        None => None,
        Some(Value::Object(properties)) => Some(properties),
        Some(_) => return Err(InvalidQuestion::Unreadable("`properties`")),
    };
    Ok((text, properties))
}

/// Where the client is, as the asker says.
pub fn client(context: Option<&Value>) -> Result<Option<IpAddr>, InvalidQuestion> {
    let Some(address) = context.and_then(|context| context.get("address")) else {
        return Ok(None);
    };
    let address = address.as_str().and_then(|address| address.parse().ok());
    address
        .map(Some)
        .ok_or(InvalidQuestion::Unreadable("`context.address`"))
}

/// The decision behind which no more are wanted.
fn last_decision(message: &Object) -> Result<Option<bool>, InvalidQuestion> {
    let options = message.get("options");
    let semantic = options.and_then(|options| options.get("evaluations_semantic"));
    match semantic.map(|semantic| semantic.as_str()) {
        None | Some(Some("execute_all")) => Ok(None),
        Some(Some("deny_on_first_deny")) => Ok(Some(false)),
        Some(Some("permit_on_first_permit")) => Ok(Some(true)),
        Some(_) => Err(InvalidQuestion::Unreadable(
            "`options.evaluations_semantic`",
        )),
    }
}

fn decision(verdict: &Verdict) -> Value {
    let id = verdict.response.headers().get(X_OPENSTACK_REQUEST_ID);
    let id = id.and_then(|id| id.to_str().ok());
    match &verdict.rejection {
        None => {
            let reported = verdict.response.headers().get(X_ACTIONGATE_REPORT);
            let reported = reported.and_then(|reason| reason.to_str().ok());
            let mut context = Object::from_iter([("request_id".to_owned(), json!(id))]);
            context.extend(reported.map(|reason| ("reported".to_owned(), json!(reason))));
            json!({"decision": true, "context": context})
        }
        Some(rejection) => {
            let mut context = reasons(rejection);
            context.insert("request_id".to_owned(), json!(id));
            json!({"decision": false, "context": context})
        }
    }
}

/// Why not, as the context of a decision.
pub fn reasons(rejection: &Rejection) -> Object {
    let mut context = Object::new();
    context.insert("reason".to_owned(), json!(rejection.reason()));
    context.insert("message".to_owned(), json!(rejection.message()));
    context.insert("status".to_owned(), json!(rejection.status().as_u16()));
    if let Rejection::Forbidden { missing, .. } = rejection {
        context.insert("missing".to_owned(), json!(missing));
    }
    context
}
