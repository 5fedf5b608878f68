//! Each route once good and once bad, as tables; then the same behind real sockets.
//!
//! A row is `method | path | body | status | answer`. The rows of a table run in order on one
//! backend; `M` stands for the path of a server's metadata, `A` for that of its automatic recovery.
//! A method may be followed by the version to ask for; of an answer after `~` there may be more.

use std::net::{Ipv4Addr, SocketAddr};

use hyper::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;

use super::metadata::Items;
use super::*;

mod action;
mod client;
mod creation;

const METADATA: &str = "/v2.1/p1/servers/s1/metadata";
const AUTO_RECOVERY_PATH: &str = "/v1/p1/cloudservers/s1/autorecovery";
const ALL: &str = r#"{"metadata":{"environment":"demo","role":"web"}}"#;

fn backend() -> Backend {
    Backend::new(vec![
        Server::new("p1", "s1", "first"),
        Server::new("p1", "s3", "third"),
        Server::new("p2", "s2", "second"),
    ])
}

fn ask(backend: &Backend, method: &str, target: &str, body: &str) -> (u16, String) {
    let (method, minor) = method.split_once(" 2.").unwrap_or((method, "1"));
    let method: Method = method.parse().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = backend.answer(&Call {
        method: &method,
        path,
        query,
        host: "h",
        request_id: "req-1",
        version: Microversion(minor.parse().unwrap()),
        body: body.as_bytes(),
    });
    (answer.status.as_u16(), answer.body)
}

fn check(metadata: &str, table: &str) {
    check_on(&backend(), metadata, table);
}

fn check_on(backend: &Backend, metadata: &str, table: &str) {
    for row in table.trim().lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [method, path, body, status, answer] = cells[..] else {
            panic!("{row}");
        };
        let path = match path.strip_prefix('M') {
            Some(rest) => format!("{metadata}{rest}"),
            None if path == "A" => AUTO_RECOVERY_PATH.to_owned(),
            None => path.to_owned(),
        };
        let (found_status, found) = ask(backend, method, &path, body);
        assert_eq!(found_status.to_string(), status, "{row}: {found}");
        match answer.strip_prefix('~') {
            None => assert_eq!(found, answer, "{row}"),
            Some(part) => {
                let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                assert!(covers(&parse(&found), &parse(part)), "{row}: {found}");
            }
        }
    }
}

/// Whether all that is `wanted` was found; of objects there may be more members.
fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let mut members = wanted.iter();
            members.all(|(name, value)| found.get(name).is_some_and(|found| covers(found, value)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found
                    .iter()
                    .zip(wanted)
                    .all(|(found, wanted)| covers(found, wanted))
        }
        _ => found == wanted,
    }
}

#[test]
fn answers_each_native_route() {
    let table = r#"
        GET    | M         |                            | 200 | {"metadata":{"environment":"demo","role":"web"}}
        GET    | M/role    |                            | 200 | {"meta":{"role":"web"}}
        GET    | M/other   |                            | 404 | {"itemNotFound":{"code":404,"message":"Metadata item was not found"}}
        POST   | M         | {"metadata":{"role":"db"}} | 200 | {"metadata":{"environment":"demo","role":"db"}}
        POST   | M         | {"metadata":{"a":"1"}}     | 200 | {"metadata":{"a":"1","environment":"demo","role":"db"}}
        POST   | M         | []                         | 400 | {"badRequest":{"code":400,"message":"Malformed request body"}}
        PUT    | M         | {                          | 400 | {"badRequest":{"code":400,"message":"Malformed request body"}}
        GET    | M         | ignored                    | 200 | {"metadata":{"a":"1","environment":"demo","role":"db"}}
        PUT    | M         | {"metadata":{"b":"2"}}     | 200 | {"metadata":{"b":"2"}}
        GET    | M         |                            | 200 | {"metadata":{"b":"2"}}
        PUT    | M/b       | {"meta":{"b":""}}          | 200 | {"meta":{"b":""}}
        PUT    | M/c       | {"meta":{"c":"3"}}         | 200 | {"meta":{"c":"3"}}
        PUT    | M/c       | {"meta":{"b":"3"}}         | 400 | {"badRequest":{"code":400,"message":"Request body and URI mismatch"}}
        PUT    | M/c       | {"meta":{"b":"","c":""}}   | 400 | {"badRequest":{"code":400,"message":"Request body and URI mismatch"}}
        PUT    | M/c       | {"meta":{}}                | 400 | {"badRequest":{"code":400,"message":"Request body and URI mismatch"}}
        PUT    | M/c       |                            | 400 | {"badRequest":{"code":400,"message":"Malformed request body"}}
        GET    | M         |                            | 200 | {"metadata":{"b":"","c":"3"}}
        DELETE | M/b       | ignored                    | 204 |
        DELETE | M/b       |                            | 404 | {"itemNotFound":{"code":404,"message":"Metadata item was not found"}}
        GET    | M         |                            | 200 | {"metadata":{"c":"3"}}
        PUT    | M         | {"metadata":{}}            | 200 | {"metadata":{}}
    "#;
    check("/v2/p1/servers/s1/metadata", table);
    check("/v2.1/p1/servers/s1/metadata", table);
}

#[test]
fn answers_each_auto_recovery_route() {
    let table = r#"
        GET | A |                                       | 200 | {"support_auto_recovery":"true"}
        PUT | A | {"support_auto_recovery":"false"}     | 204 |
        GET | A |                                       | 200 | {"support_auto_recovery":"false"}
        PUT | A |                                       | 400 | {"error":{"code":"Ecs.0005","message":"Malformed request body"}}
        PUT | A | {}                                    | 400 | {"error":{"code":"Ecs.0005","message":"'support_auto_recovery' is a required property"}}
        PUT | A | {"support_auto_recovery":true}        | 400 | {"error":{"code":"Ecs.0005","message":"Invalid input for field/attribute support_auto_recovery. Value: true"}}
        PUT | A | {"support_auto_recovery":"True"}      | 400 | {"error":{"code":"Ecs.0005","message":"Invalid input for field/attribute support_auto_recovery. Value: \"True\""}}
        PUT | A | {"support_auto_recovery":"true","x":1} | 400 | {"error":{"code":"Ecs.0005","message":"Additional properties are not allowed ('x' was unexpected)"}}
        GET | A |                                       | 200 | {"support_auto_recovery":"false"}
        PUT | A | {"support_auto_recovery":"true"}      | 204 |
        GET | A |                                       | 200 | {"support_auto_recovery":"true"}
    "#;
    check(METADATA, table);
}

#[test]
fn knows_no_server_of_another_project() {
    let native = r#"
        GET    | M      |                   | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        PUT    | M      | {"metadata":{}}   | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        PUT    | M      | {}                | 400 | {"badRequest":{"code":400,"message":"'metadata' is a required property"}}
        POST   | M      | {"metadata":{}}   | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        GET    | M/role |                   | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        PUT    | M/k    | {"meta":{"k":""}} | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        DELETE | M/role |                   | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
    "#;
    check("/v2/p2/servers/s1/metadata", native);
    check("/v2.1/p3/servers/s1/metadata", native);
    check(
        METADATA,
        r#"
        GET | /v1/p2/cloudservers/s1/autorecovery |                                   | 404 | {"error":{"code":"Ecs.0114","message":"Instance s1 could not be found."}}
        PUT | /v1/p2/cloudservers/s1/autorecovery | {"support_auto_recovery":"false"} | 404 | {"error":{"code":"Ecs.0114","message":"Instance s1 could not be found."}}
        GET | /v1/p1/cloudservers/no/autorecovery |                                   | 404 | {"error":{"code":"Ecs.0114","message":"Instance no could not be found."}}
        GET | A                                   |                                   | 200 | {"support_auto_recovery":"true"}
    "#,
    );
}

#[test]
fn serves_nothing_but_its_routes() {
    let native = r#"{"itemNotFound":{"code":404,"message":"The resource could not be found."}}"#;
    let vendor = r#"{"error":{"code":"Ecs.0000","message":"The resource could not be found."}}"#;
    let cases = [
        ("HEAD OPTIONS PATCH put DELETE", METADATA, native),
        ("HEAD POST", "/v2.1/p1/servers/s1/metadata/role", native),
        ("HEAD POST", "/v2.1/p1/servers/s1", native),
        ("HEAD PUT DELETE", "/v2.1/p1/servers", native),
        ("HEAD POST", "/v2.1/p1/servers/detail", native),
        ("GET PUT DELETE", "/v2.1/p1/servers/s1/tags", native),
        ("HEAD POST", "/v2.1/p1/os-keypairs/k", native),
        ("POST PUT DELETE", "/v2.1/p1/flavors", native),
        ("POST", "/v2.1/p1/limits", native),
        ("HEAD GET PUT DELETE", "/v2.1/p1/servers/s1/action", native),
        ("GET", "/v2.1/p1/servers/", native),
        ("GET", "/v2.1/p1/servers/s1/", native),
        ("GET", "/v1/p1/servers/s1", vendor),
        ("POST", "/v1/p1/servers/s1/action", vendor),
        ("HEAD POST", "/", native),
        ("HEAD POST", "/v2.1", native),
        ("GET", "/v2.1//", native),
        ("OPTIONS", "*", native),
        ("GET PUT", "/v2.1/p1/servers/s1/metadata/", native),
        ("GET", "/v2.1/p1/servers/s1/metadata/role/", native),
        ("GET", "//v2.1/p1/servers/s1/metadata", native),
        ("GET", "/v2.1/servers/s1/metadata", native),
        ("GET", "/v3/p1/servers/s1/metadata", native),
        ("GET", "/v2.1/p1/servers/s1/metadata/%", native),
        ("GET", "/v2.1/p1/servers/s1/metadata/%FF", native),
        ("GET", "/v2/p1/cloudservers/s1/autorecovery", native),
        ("GET", "/v1/p1/servers/s1/metadata", vendor),
        ("HEAD POST DELETE", AUTO_RECOVERY_PATH, vendor),
    ];
    let backend = backend();
    for (methods, path, expected) in cases {
        for method in methods.split(' ') {
            let actual = ask(&backend, method, path, r#"{"metadata":{}}"#);
            assert_eq!(actual, (404, expected.to_owned()), "{method} {path}");
        }
    }
}

#[test]
fn refuses_invalid_bodies_and_keeps_the_metadata() {
    let long = "x".repeat(256);
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let long_value = format!(r#"{{"metadata":{{"k":"{long}"}}}}"#);
    let long_key = format!(r#"{{"metadata":{{"{long}":"x"}}}}"#);
    let malformed = "Malformed request body";
    let field = |text: &str| format!("Invalid input for field/attribute {text}");
    let cases = [
        ("", malformed),
        ("null", malformed),
        (r#"{"metadata":{}} x"#, malformed),
        ("\u{feff}{\"metadata\":{}}", malformed),
        (r#"{"metadata":{"k":NaN}}"#, malformed),
        (&deep, malformed),
        (r#"{"meta":{}}"#, "'metadata' is a required property"),
        (
            r#"{"metadata":{},"server":1}"#,
            "Additional properties are not allowed ('server' was unexpected)",
        ),
        (r#"{"metadata":[]}"#, &field("metadata. Value: []")),
        (r#"{"metadata":{"k":1}}"#, &field("k. Value: 1")),
        (r#"{"metadata":{"k":null}}"#, &field("k. Value: null")),
        (&long_value, &field(&format!(r#"k. Value: \"{long}\""#))),
        (&long_key, &format!("Invalid metadata key '{long}'")),
        (r#"{"metadata":{"":"x"}}"#, "Invalid metadata key ''"),
        (r#"{"metadata":{"é":"x"}}"#, "Invalid metadata key 'é'"),
        (r#"{"metadata":{"a/b":"x"}}"#, "Invalid metadata key 'a/b'"),
    ];
    let backend = backend();
    for (body, message) in cases {
        let expected = format!(r#"{{"badRequest":{{"code":400,"message":"{message}"}}}}"#);
        for method in ["PUT", "POST"] {
            let actual = ask(&backend, method, METADATA, body);
            assert_eq!(actual, (400, expected.clone()), "{method} {body}");
        }
    }
    assert_eq!(ask(&backend, "GET", METADATA, ""), (200, ALL.to_owned()));
}

#[test]
fn takes_the_longest_texts_and_the_last_of_equal_members() {
    let long_key = format!(r#"{{"{}":"v"}}"#, "k".repeat(255));
    let long_value = format!(r#"{{"k":"{}"}}"#, "é".repeat(255));
    let cases = [
        (r#"{"k":"first","k":"last"}"#, r#"{"k":"last"}"#),
        (r#"{"k":"1"},"metadata":{"l":"2"}"#, r#"{"l":"2"}"#),
        (&long_key, &long_key),
        (&long_value, &long_value),
    ];
    for (sent, kept) in cases {
        let body = format!(r#"{{"metadata":{sent}}}"#);
        let expected = format!(r#"{{"metadata":{kept}}}"#);
        assert_eq!(ask(&backend(), "PUT", METADATA, &body), (200, expected));
    }
}

#[test]
fn holds_128_items_a_server() {
    let numbered = |count: usize| {
        let items = (0..count).map(|index| (format!("k{index}"), String::new()));
        json!({"metadata": items.collect::<Items>()}).to_string()
    };
    let (full, over) = (numbered(128), numbered(129));
    let refusal =
        r#"{"forbidden":{"code":403,"message":"Maximum number of metadata items exceeds 128"}}"#;
    check(
        METADATA,
        &format!(
            r#"
        PUT  | M   | {over}              | 403 | {refusal}
        PUT  | M   | {full}              | 200 | {full}
        POST | M   | {over}              | 403 | {refusal}
        PUT  | M/k | {{"meta":{{"k":""}}}} | 403 | {refusal}
        POST | M   | {full}              | 200 | {full}
    "#
        ),
    );
}

#[test]
fn decodes_keys_of_paths() {
    for byte in 0..=u8::MAX {
        let expected = byte.is_ascii().then(|| char::from(byte).to_string());
        assert_eq!(percent_decode(&format!("%{byte:02X}")), expected, "{byte}");
        assert_eq!(percent_decode(&format!("%{byte:02x}")), expected, "{byte}");
    }
    for text in ["%", "%4", "%+4", "%4g", "%%41", "a%", "%C3", "%C3%28"] {
        assert_eq!(percent_decode(text), None, "{text}");
    }
    assert_eq!(percent_decode("a+%C3%A9").as_deref(), Some("a+é"));
    check(
        METADATA,
        r#"
        PUT    | M/a%20b%3Ac%2Ed | {"meta":{"a b:c.d":"v"}} | 200 | {"meta":{"a b:c.d":"v"}}
        GET    | M/a%20b:c.d     |                          | 200 | {"meta":{"a b:c.d":"v"}}
        GET    | M/a%2520b:c.d   |                          | 404 | {"itemNotFound":{"code":404,"message":"Metadata item was not found"}}
        PUT    | M/a%2Fb         | {"meta":{"a/b":"v"}}     | 400 | {"badRequest":{"code":400,"message":"Invalid metadata key 'a/b'"}}
        DELETE | M/%61%20b%3ac.d |                          | 204 |
        GET    | M/a%20b:c.d     |                          | 404 | {"itemNotFound":{"code":404,"message":"Metadata item was not found"}}
    "#,
    );
}

/// Runs `test` against a served backend, then sees that dropping the future closes everything.
fn serve(test: impl AsyncFnOnce(SocketAddr)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::task::spawn_local(Rc::new(backend()).serve(listener));
        let mut idle = TcpStream::connect(address).await.unwrap();
        test(address).await;
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
    });
}

/// All that comes back for `request`, without the dates.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let lines = answer.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("date:")).collect()
}

#[test]
fn keeps_a_connection_for_the_next_request() {
    serve(async |address| {
        let requests = "DELETE /v2.1/p1/servers/s1/metadata/role HTTP/1.1\r\nhost: x\r\n\r\n\
             PUT /v2.1/p1/servers/s1/metadata/k?x=y HTTP/1.1\r\nhost: x\r\n\
             transfer-encoding: chunked\r\n\r\n8\r\n{\"meta\":\r\na\r\n{\"k\":\"v\"}}\r\n0\r\n\r\n\
             HEAD /v2.1/p1/servers/s1/metadata HTTP/1.1\r\nhost: x\r\n\r\n\
             GET /v2/p1/servers/s1/metadata HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answers = "HTTP/1.1 204 No Content\r\ncontent-type: application/json\r\nVERSION\r\n\
             HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nVERSIONcontent-length: 18\r\n\r\n\
             {\"meta\":{\"k\":\"v\"}}\
             HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\nVERSION\
             content-length: 74\r\n\r\n\
             HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: 43\r\n\r\n{\"metadata\":{\"environment\":\"demo\",\"k\":\"v\"}}";
        let version = "x-openstack-nova-api-version: 2.1\r\n\
             vary: X-OpenStack-Nova-API-Version\r\nvary: OpenStack-API-Version\r\n\
             openstack-api-version: compute 2.1\r\n";
        let answers = answers.replace("VERSION", version);
        assert_eq!(exchange(address, requests).await, answers);
    });
}

#[test]
fn bounds_every_body() {
    let native = r#"{"overLimit":{"code":413,"message":"Request is too large."}}"#;
    let vendor = r#"{"error":{"code":"Ecs.0005","message":"Request is too large."}}"#;
    let malformed = r#"{"badRequest":{"code":400,"message":"Malformed request body"}}"#;
    let cases = [
        (METADATA, MAX_BODY, malformed),
        (METADATA, MAX_BODY + 1, native),
        ("/elsewhere", MAX_BODY + 1, native),
        (AUTO_RECOVERY_PATH, MAX_BODY + 1, vendor),
    ];
    serve(async |address| {
        for (path, length, expected) in cases {
            let body = "x".repeat(length);
            let request = format!(
                "PUT {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 content-length: {length}\r\n\r\n{body}"
            );
            let answer = exchange(address, &request).await;
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, expected, "{path} {length}");
        }
    });
}

#[test]
fn outlives_the_errors_of_a_connection() {
    serve(async |address| {
        let unfinished =
            format!("PUT {METADATA} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{");
        for broken in ["nonsense\r\n\r\n", &unfinished, "GET"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(broken.as_bytes()).await.unwrap();
        }
        let request = format!("GET {METADATA} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(exchange(address, &request).await.ends_with(ALL));
    });
}
