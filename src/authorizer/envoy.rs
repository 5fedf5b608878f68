//! Envoy's `ext_authz` over gRPC: the request is in the message, and so is the answer.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::message::{
    APPEND, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest,
    HttpResponse, HttpStatus, OVERWRITE, OkHttpResponse,
};
use super::original::{Sent, X_ENVOY_AUTH_PARTIAL_BODY, sent_by_envoy};
use super::{Asker, MAX_QUESTION, TextBody, message};
use crate::gateway::{InvalidQuestion, Question, QuestionBody, Verdict};
use crate::proxy::AnswerFailure;

/// The only method that there is.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

pub async fn answer(
    asker: &Asker,
    head: request::Parts,
    body: &mut Option<Incoming>,
) -> Response<TextBody> {
    let is_grpc = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if head.method != Method::POST || head.uri.path() != CHECK || !is_grpc {
        return boxed(Status::unimplemented(format!("expected {CHECK}")).into_http());
    }
    let Some(bytes) = asker.read(body, MAX_QUESTION).await else {
        // The audit has it; the status alone is a refusal for Envoy.
        asker.refuse(InvalidQuestion::Unreadable("message"), &head);
        return boxed(Status::resource_exhausted("the message did not come whole").into_http());
    };
    let check = Check {
        asker: asker.clone(),
        head: head.clone(),
    };
    let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_QUESTION);
    let request = Request::from_parts(head, Full::new(bytes));
    boxed(grpc.unary(check, request).await)
}

fn boxed(response: Response<tonic::body::Body>) -> Response<TextBody> {
    response.map(|body| body.map_err(|_| AnswerFailure::Broken).boxed_unsync())
}

struct Check {
    asker: Asker,
    head: request::Parts,
}

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, Status>>>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let (asker, head) = (self.asker.clone(), self.head.clone());
        Box::pin(async move {
            let verdict = match question(request.into_inner()) {
                Ok(question) => {
                    let (peer, product) = (&asker.peer, asker.product.name());
                    asker.gateway.judge(question, peer, product).await
                }
                Err(error) => asker.refuse(error, &head),
            };
            Ok(tonic::Response::new(response(&verdict)))
        })
    }
}

fn question(check: CheckRequest) -> Result<Question, InvalidQuestion> {
    let attributes = check
        .attributes
        .ok_or(InvalidQuestion::Missing("attributes"))?;
    let http = attributes.request.and_then(|request| request.http);
    let http = http.ok_or(InvalidQuestion::Missing("`attributes.request.http`"))?;
    let address = attributes.source.and_then(|source| source.address);
    let address = address.and_then(|address| address.socket_address);
    let client = address.and_then(|address| address.address.parse().ok());
    for (text, name) in [(&http.method, "method"), (&http.path, "path")] {
        if text.is_empty() {
            return Err(InvalidQuestion::Missing(name));
        }
    }
    let method = Method::from_bytes(http.method.as_bytes());
    let method = method.map_err(|_| InvalidQuestion::Unreadable("method"))?;
    let mut headers = headers(&http)?;
    let body = match sent_by_envoy(&headers)? {
        Sent::Nothing => QuestionBody::Unknown,
        Sent::Beginning => QuestionBody::Partial,
        Sent::All if http.raw_body.is_empty() => QuestionBody::Whole(http.body),
        Sent::All if http.body.is_empty() => QuestionBody::Whole(http.raw_body),
        Sent::All => return Err(InvalidQuestion::Repeated("body")),
    };
    headers.remove(X_ENVOY_AUTH_PARTIAL_BODY);
    Ok(Question {
        method,
        target: http.path,
        headers,
        body,
        client,
        subject: None,
        caller: None,
    })
}

/// Every header line, without those that begin with `:` and stand for the request line; the host is the
/// message's.
fn headers(http: &HttpRequest) -> Result<HeaderMap, InvalidQuestion> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &[u8]| {
        if name.starts_with(':') {
            return Ok(());
        }
        let unreadable = InvalidQuestion::Unreadable("headers");
        let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value),
        ) else {
            return Err(unreadable);
        };
        match headers.try_append(name, value) {
            Ok(_) => Ok(()),
            Err(_) => Err(unreadable),
        }
    };
    match &http.header_map {
        Some(map) => {
            for line in &map.headers {
                let value = match line.raw_value.is_empty() {
                    true => line.value.as_bytes(),
                    false => &line.raw_value,
                };
                add(&line.key, value)?;
            }
        }
        None => {
            for (name, value) in &http.headers {
                add(name, value.as_bytes())?;
            }
        }
    }
    add(HOST.as_str(), http.host.as_bytes())?;
    Ok(headers)
}

fn response(verdict: &Verdict) -> CheckResponse {
    let (head, body) = (&verdict.response, verdict.response.body());
    let Some(rejection) = &verdict.rejection else {
        return CheckResponse {
            status: Some(message::Status::default()),
            http_response: Some(HttpResponse::Ok(OkHttpResponse {
                headers: options(head.headers(), OVERWRITE),
            })),
        };
    };
    let code = match head.status().as_u16() {
        401 => Code::Unauthenticated,
        _ => Code::PermissionDenied,
    };
    CheckResponse {
        status: Some(message::Status {
            code: code.into(),
            message: rejection.reason().to_owned(),
        }),
        http_response: Some(HttpResponse::Denied(DeniedHttpResponse {
            status: Some(HttpStatus {
                code: head.status().as_u16().into(),
            }),
            headers: options(head.headers(), APPEND),
            body: Bytes::clone(body),
        })),
    }
}

fn options(headers: &HeaderMap, append_action: i32) -> Vec<HeaderValueOption> {
    let option = |(name, value): (&HeaderName, &HeaderValue)| HeaderValueOption {
        header: Some(message::HeaderValue {
            key: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            raw_value: Bytes::new(),
        }),
        append_action,
    };
    headers.iter().map(option).collect()
}
