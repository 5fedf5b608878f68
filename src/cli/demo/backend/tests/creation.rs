//! Servers created, renamed, tagged and deleted.

use super::collection::MAX_SERVERS;
use super::*;

const SERVERS: &str = "/v2.1/p1/servers";

/// Creates one and tells its identifier.
fn create(backend: &Backend, method: &str, members: &str) -> String {
    let body = format!(r#"{{"server":{{"flavorRef":"s3.large.2",{members}}}}}"#);
    let (status, body) = ask(backend, method, SERVERS, &body);
    assert_eq!(status, 202, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["server"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn creates_shows_and_deletes() {
    let backend = backend();
    let members = r#""name":" n ","imageRef":"i","networks":"none","metadata":{"a":"b"},
        "tags":["t"],"key_name":"k","description":"d","min_count":1,"max_count":1"#;
    let id = create(&backend, "POST 2.52", members);
    let table = r#"
        GET 2.52   | S | | 200 | ~{"server":{"name":"n","image":{"id":"i"},"metadata":{"a":"b"},"tags":["t"],"key_name":"k","description":"d","status":"ACTIVE","flavor":{"original_name":"s3.large.2"}}}
        GET        | /v2.1/p2/servers/ID | | 404 | {"itemNotFound":{"code":404,"message":"Instance ID could not be found."}}
        DELETE     | /v2.1/p2/servers/ID | | 404 | {"itemNotFound":{"code":404,"message":"Instance ID could not be found."}}
        DELETE     | S | | 204 |
        DELETE     | S | | 404 | {"itemNotFound":{"code":404,"message":"Instance ID could not be found."}}
        GET        | /v2.1/p1/servers | | 200 | ~{"servers":[{"id":"s1"},{"id":"s3"}]}
    "#;
    let table = table.replace("| S |", &format!("| {SERVERS}/ID |"));
    check_on(&backend, METADATA, &table.replace("ID", &id));
    create(&backend, "POST", r#""name":"old","imageRef":"""#);
}

/// A row is `method | members of the server | what is told`.
#[test]
fn refuses_what_it_cannot_create() {
    let rows = r#"
        POST      | "flavorRef":"s3.large.2"            | 'name' is a required property
        POST      | "name":"n"                          | 'flavorRef' is a required property
        POST      | "name":"n","flavorRef":"no"         | Invalid flavorRef provided.
        POST      | "name":" ","flavorRef":"s3.large.2" | FIELD name. Value: \" \"
        POST 2.37 | GOOD                                | 'networks' is a required property
        POST      | GOOD,"networks":[]                  | FIELD networks. Value: []
        POST      | GOOD,"min_count":2                  | FIELD min_count. Value: 2
        POST      | GOOD,"metadata":1                   | FIELD metadata. Value: 1
        POST      | GOOD,"imageRef":1                   | FIELD imageRef. Value: 1
        POST 2.26 | GOOD,"tags":[]                      | Additional properties are not allowed ('tags' was unexpected)
        POST      | GOOD,"description":"d"              | Additional properties are not allowed ('description' was unexpected)
        POST      | GOOD,"user_data":""                 | Additional properties are not allowed ('user_data' was unexpected)
        PUT       | "user_data":""                      | Additional properties are not allowed ('user_data' was unexpected)
        PUT       | "name":""                           | FIELD name. Value: \"\"
        PUT       | "description":"d"                   | Additional properties are not allowed ('description' was unexpected)
    "#;
    let rows = rows.replace("GOOD", r#""name":"n","flavorRef":"s3.large.2""#);
    let rows = rows.replace("FIELD", "Invalid input for field/attribute");
    let backend = backend();
    for row in rows.trim().lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [method, members, message] = cells[..] else {
            panic!("{row}");
        };
        let path = match method {
            "PUT" => "/v2.1/p1/servers/s1",
            _ => SERVERS,
        };
        let found = ask(
            &backend,
            method,
            path,
            &format!(r#"{{"server":{{{members}}}}}"#),
        );
        let expected = format!(r#"{{"badRequest":{{"code":400,"message":"{message}"}}}}"#);
        assert_eq!(found, (400, expected), "{row}");
    }
    let table = r#"
        POST | /v2.1/p1/servers | {"server":1} | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute server. Value: 1"}}
        GET  | /v2.1/p1/servers |              | 200 | ~{"servers":[{"id":"s1"},{"id":"s3"}]}
    "#;
    check_on(&backend, METADATA, table);
}

#[test]
fn bounds_servers() {
    let backend = backend();
    for _ in 3..MAX_SERVERS {
        create(&backend, "POST", r#""name":"n""#);
    }
    let table = r#"
        POST | /v2.1/p9/servers | {"server":{"name":"n","flavorRef":"s3.large.2"}} | 403 | {"forbidden":{"code":403,"message":"Quota exceeded for instances: Requested 1, but already used 100 of 100 instances"}}
    "#;
    check_on(&backend, METADATA, table);
}

#[test]
fn renames() {
    let table = r#"
        PUT      | /v2.1/p1/servers/s1 | {"server":{"name":"new"}}         | 200 | ~{"server":{"id":"s1","name":"new"}}
        PUT 2.19 | /v2.1/p1/servers/s1 | {"server":{"description":"text"}} | 200 | ~{"server":{"name":"new","description":"text"}}
        PUT 2.19 | /v2.1/p1/servers/s1 | {"server":{"description":null}}   | 200 | ~{"server":{"description":null}}
        PUT      | /v2.1/p2/servers/s1 | {"server":{"name":"new"}}         | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        GET      | /v2.1/p1/servers/s1 |                                   | 200 | ~{"server":{"name":"new"}}
    "#;
    check(METADATA, table);
}

#[test]
fn tags() {
    let table = r#"
        GET 2.26    | T   |                | 200 | {"tags":[]}
        PUT 2.26    | T/a |                | 201 |
        PUT 2.26    | T/a |                | 204 |
        GET 2.26    | T/a |                | 204 |
        GET 2.26    | T/b |                | 404 | {"itemNotFound":{"code":404,"message":"Server s1 has no tag 'b'"}}
        PUT 2.26    | T   | {"tags":["b","c"]} | 200 | {"tags":["b","c"]}
        DELETE 2.26 | T/a |                | 404 | {"itemNotFound":{"code":404,"message":"Server s1 has no tag 'a'"}}
        DELETE 2.26 | T/b |                | 204 |
        GET 2.26    | T   |                | 200 | {"tags":["c"]}
        PUT 2.26    | T/a%2Cb |            | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute tag. Value: \"a,b\""}}
        PUT 2.26    | T   | {"tags":[""]}  | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute tag. Value: \"\""}}
        PUT 2.26    | T   | {"tags":"c"}   | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute tags. Value: \"c\""}}
        DELETE 2.26 | T   |                | 204 |
        GET 2.26    | T   |                | 200 | {"tags":[]}
    "#;
    check(
        METADATA,
        &table.replace("| T", "| /v2.1/p1/servers/s1/tags"),
    );
}

#[test]
fn bounds_tags() {
    let backend = backend();
    let path = "/v2.1/p1/servers/s1/tags";
    let expected = r#"{"badRequest":{"code":400,"message":"The number of tags exceeded the per-server limit 50"}}"#;
    for number in 0..50 {
        assert_eq!(
            ask(&backend, "PUT 2.26", &format!("{path}/{number}"), "").0,
            201
        );
    }
    let one_more = ask(&backend, "PUT 2.26", &format!("{path}/50"), "");
    assert_eq!(one_more, (400, expected.to_owned()));
    let all: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let all = json!({"tags": all}).to_string();
    assert_eq!(
        ask(&backend, "PUT 2.26", path, &all),
        (400, expected.to_owned())
    );
}
