//! Envoy's questions over gRPC, by tonic's client.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::{LIST, START, address, ask, facts, last_line, start};
use crate::http2::client::run;
use crate::support::{Call, Gateway, PROJECT, metadata, token};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// `envoy.service.auth.v3.CheckRequest`; a message within is bytes on the wire.
#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(bytes = "vec", tag = "1")]
    attributes: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<RpcStatus>,
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    ok: Option<Permitted>,
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<RpcStatus>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<Line>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, Message)]
struct Permitted {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(message, optional, tag = "1")]
    header: Option<Pair>,
    #[prost(int32, tag = "3")]
    append_action: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// A field of text, bytes or a message.
fn field(tag: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut text = Vec::new();
    prost::encoding::bytes::encode(tag, &value.as_ref().to_vec(), &mut text);
    text
}

/// A question in the making: the fields of `HttpRequest`.
struct Http(Vec<u8>);

impl Http {
    fn new(method: &str, path: &str) -> Self {
        Self([field(2, method), field(4, path), field(5, "api.test")].concat())
    }

    fn with(mut self, tag: u32, value: impl AsRef<[u8]>) -> Self {
        self.0.extend(field(tag, value));
        self
    }

    /// Of the map.
    fn header(self, name: &str, value: &str) -> Self {
        self.with(3, [field(1, name), field(2, value)].concat())
    }

    /// One line of those that are not joined.
    fn raw_headers(self, lines: &[(&str, &[u8])]) -> Self {
        let lines = lines
            .iter()
            .flat_map(|(name, value)| field(1, [field(1, name), field(3, value)].concat()));
        self.with(13, lines.collect::<Vec<u8>>())
    }

    fn bearer(self, actions: &[&str]) -> Self {
        self.header("authorization", &format!("Bearer {}", token(actions)))
    }

    fn check(&self) -> CheckRequest {
        let source = field(1, field(1, field(2, "198.51.100.7")));
        // A field that nobody here knows.
        let unknown = field(200, "x");
        CheckRequest {
            attributes: [field(1, source), field(4, field(2, &self.0)), unknown].concat(),
        }
    }
}

/// hyper's connection as tonic wants it.
struct Connection(SendRequest<Body>);

impl GrpcService<Body> for Connection {
    type ResponseBody = Incoming;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

struct Asker(Grpc<Connection>);

impl Asker {
    async fn connect(gateway: &Gateway) -> Self {
        let stream = TcpStream::connect(address(gateway)).await.unwrap();
        let handshake = handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let origin = "http://authorizer.test".parse().unwrap();
        Self(Grpc::with_origin(Connection(sender), origin))
    }

    async fn call(
        &mut self,
        path: &'static str,
        check: CheckRequest,
    ) -> Result<CheckResponse, Status> {
        self.0.ready().await.unwrap();
        let path = path.parse().unwrap();
        let codec = ProstCodec::<CheckRequest, CheckResponse>::default();
        let answer = self.0.unary(tonic::Request::new(check), path, codec).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn check(&mut self, http: &Http) -> CheckResponse {
        self.call(CHECK, http.check()).await.unwrap()
    }

    /// The question is refused with this status and reason; the message of its body.
    async fn refused(&mut self, http: Http, status: i32, reason: &str) -> String {
        let answer = self.check(&http).await;
        let denied = answer.denied.unwrap();
        assert_eq!(answer.ok, None);
        let code = if status == 401 {
            Code::Unauthenticated
        } else {
            Code::PermissionDenied
        };
        let expected = RpcStatus {
            code: code.into(),
            message: reason.to_owned(),
        };
        assert_eq!(answer.status, Some(expected));
        assert_eq!(denied.status.unwrap().code, status);
        assert_eq!(value(&denied.headers, "x-actiongate-reason"), Some(reason));
        assert_eq!(
            value(&denied.headers, "content-type"),
            Some("application/json")
        );
        let body: Value = serde_json::from_str(&denied.body).unwrap();
        let fault = body.as_object().unwrap().values().next().unwrap();
        assert_eq!(fault["code"], status);
        fault["message"].as_str().unwrap().to_owned()
    }
}

fn value<'a>(lines: &'a [Line], name: &str) -> Option<&'a str> {
    let mut pairs = lines.iter().filter_map(|line| line.header.as_ref());
    pairs
        .find(|pair| pair.key == name)
        .map(|pair| pair.value.as_str())
}

fn with(question: impl AsyncFnOnce(&mut Asker, &Gateway)) -> Gateway {
    let gateway = start("envoy-grpc");
    run(async {
        let mut asker = Asker::connect(&gateway).await;
        question(&mut asker, &gateway).await;
    });
    gateway
}

#[test]
fn a_check_is_answered_as_the_gateway_would() {
    let gateway = with(async |asker, _| {
        let answer = asker
            .check(&Http::new("GET", &metadata()).bearer(&[LIST]))
            .await;
        assert_eq!(answer.status, Some(RpcStatus::default()));
        assert_eq!(answer.denied, None);
        // Nothing but the request's id.
        let [line] = answer.ok.unwrap().headers.try_into().unwrap();
        assert_eq!(
            (line.append_action, line.header.unwrap().key.as_str()),
            (2, "x-openstack-request-id")
        );
        asker
            .refused(Http::new("GET", &metadata()), 401, "token_missing")
            .await;
        let odd = Http::new("GET", "/v2.1//servers").bearer(&[LIST]);
        asker.refused(odd, 400, "path_invalid").await;
        let cut = Http::new("GET", &format!("{}#/x", metadata())).bearer(&[LIST]);
        asker.refused(cut, 400, "path_invalid").await;
        let denied = Http::new("PUT", &metadata()).bearer(&[LIST]);
        let message = asker.refused(denied, 403, "action_missing").await;
        let missing = "ecs:servers:setMetadata, ecs:servers:get";
        assert_eq!(
            message,
            format!("Policy doesn't allow {missing} to be performed.")
        );
    });
    let line = last_line(gateway);
    let expected = json!(["envoy-grpc", "PUT", "deny", "action_missing", 403]);
    assert_eq!(facts(&line), expected);
    assert_eq!(line["peer"], "198.51.100.7");
}

#[test]
fn headers_are_judged_line_by_line() {
    with(async |asker, _| {
        let bearer = format!("Bearer {}", token(&[LIST]));
        let good: (&str, &[u8]) = ("authorization", bearer.as_bytes());
        let raw = |more: &[(&str, &[u8])]| {
            let lines = [&[good, (":path", b"/v9"), (":method", b"PUT")], more].concat();
            Http::new("GET", &metadata()).raw_headers(&lines)
        };
        assert!(asker.check(&raw(&[])).await.ok.is_some());
        let cases: [(&[(&str, &[u8])], i32, &str); 7] = [
            (&[good], 401, "token_ambiguous"),
            (&[("x-auth-token", b"t")], 401, "token_ambiguous"),
            (&[("host", b"other.test")], 400, "host_invalid"),
            (&[("x_roles", b"admin")], 400, "header_name"),
            (&[("x-roles", b"admin")], 400, "header_claim"),
            (&[("a b", b"x")], 403, "question_unreadable"),
            (&[("x-a", b"1\n2")], 403, "question_unreadable"),
        ];
        for (lines, status, reason) in cases {
            asker.refused(raw(lines), status, reason).await;
        }
        // Where Envoy has joined them, the two are no token.
        let joined =
            Http::new("GET", &metadata()).header("authorization", &format!("{bearer},{bearer}"));
        asker.refused(joined, 401, "token_malformed").await;
        // Only one of the two is read: this one, with every line by itself.
        let both = raw(&[]).header("authorization", "Bearer other");
        assert!(asker.check(&both).await.ok.is_some());
    });
}

#[test]
fn a_body_that_decides_has_to_be_whole() {
    with(async |asker, _| {
        let path = format!("/v2.1/{PROJECT}/servers/s1/action");
        let action = || {
            let http = Http::new("POST", &path).bearer(&[START]);
            http.header("content-type", "application/json")
        };
        let partial = |told: &str| action().header("x-envoy-auth-partial-body", told);
        let (start, stop) = ("{\"os-start\": null}", "{\"os-stop\": null}");
        assert!(
            asker
                .check(&partial("false").with(11, start))
                .await
                .ok
                .is_some()
        );
        assert!(
            asker
                .check(&partial("false").with(12, start))
                .await
                .ok
                .is_some()
        );
        for (http, status, reason) in [
            (action(), 403, "body_not_forwarded"),
            (action().with(11, start), 403, "body_not_forwarded"),
            (partial("true").with(11, start), 403, "body_partial"),
            (partial("").with(11, start), 403, "question_unreadable"),
            (
                partial("false").with(11, start).with(12, stop),
                403,
                "question_ambiguous",
            ),
            (partial("false").with(11, stop), 403, "action_missing"),
            (partial("false"), 400, "body_invalid"),
            (
                partial("false").with(12, b"{\"os-start\": \"\xff\"}"),
                400,
                "body_invalid",
            ),
        ] {
            asker.refused(http, status, reason).await;
        }
    });
}

#[test]
fn what_is_no_check_is_refused() {
    let gateway = with(async |asker, gateway| {
        for (message, part) in [
            (CheckRequest::default(), "attributes"),
            (
                CheckRequest {
                    attributes: field(4, ""),
                },
                "`attributes.request.http`",
            ),
            (Http(field(4, metadata())).check(), "method"),
            (Http(field(2, "GET")).check(), "path"),
        ] {
            let answer = asker.call(CHECK, message).await.unwrap();
            let status = answer.status.unwrap();
            assert_eq!(status.message, "question_incomplete");
            let body = answer.denied.unwrap().body;
            assert!(
                body.contains(&format!("The question has no {part}.")),
                "{body}"
            );
        }
        // Not a message at all, another method, another protocol.
        let broken = CheckRequest {
            attributes: vec![0xff],
        };
        let status = asker.call(CHECK, broken).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        let path = "/envoy.service.auth.v3.Authorization/Other";
        let good = Http::new("GET", &metadata()).bearer(&[LIST]).check();
        let status = asker.call(path, good).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        let http = ask(gateway, &Call::get(metadata()).bearer(&token(&[LIST])));
        assert_eq!(http.headers.get("grpc-status"), Some("12"));
        let large = Http::new("GET", &metadata())
            .bearer(&[LIST])
            .with(11, vec![b' '; 300_000]);
        let status = asker.call(CHECK, large.check()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
    });
    let line = last_line(gateway);
    let expected = json!(["envoy-grpc", null, "reject", "question_unreadable", 403]);
    assert_eq!(facts(&line), expected);
}
