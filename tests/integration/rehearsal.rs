//! Decisions that are not made: those of a candidate, and refusals that are reported only.

use std::sync::Arc;
use std::thread;

use actiongate::app::assemble;
use actiongate::audit::{self, Ruling, Target};
use actiongate::config::Config;
use actiongate::gateway::{Case, Judge, Rehearsing, Snapshot};
use actiongate::proxy::Upstream as Forwarding;
use actiongate::server::{Address, Server, Service};
use serde_json::{Map, Value, json};
use tokio::sync::{oneshot, watch};

use crate::support::{
    Call, Claims, Client, Gateway, ISSUER, PROJECT, Setup, Upstream, default_key, metadata, token,
};

const LIST: &str = "ecs:servers:listMetadata";
const CLAIMS: &str = "roles = \"/roles\"\n[issuer.roles]\noperator = \"ECS FullAccess\"\n";
const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\n";
const REHEARSAL: &str = "[rehearsal]\ncandidate = \"next.toml\"\n";

/// A whole config, as the one in use is, whose role has another policy.
fn candidate(policy: &str, more: &str) -> String {
    format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[upstream]\nurl = \"http://127.0.0.1:1\"\n[[issuer]]\nname = \"{ISSUER}\"\n\
         audiences = [\"ecs\"]\nkeys = \"jwks.json\"\n{more}[issuer.claims]\nproject = \"/project_id\"\nactions = \"/actions\"\n\
         roles = \"/roles\"\n[issuer.roles]\noperator = \"{policy}\"\n"
    )
}

fn operator() -> String {
    Claims::new(PROJECT, &[])
        .set("roles", "operator")
        .sign(default_key())
}

fn delete() -> Call {
    Call::new("DELETE", format!("/v2.1/{PROJECT}/servers/s1"))
}

/// The counts of what the candidate was asked.
fn rehearsed(gateway: &Gateway) -> Vec<(String, String)> {
    let answer = gateway.admin(&Call::get("/metrics"));
    let text = String::from_utf8(answer.body).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let counts =
        lines.filter_map(|line| line.strip_prefix("actiongate_rehearsed_requests_total{result=\""));
    let counts = counts.map(|count| count.split_once("\"} ").unwrap());
    let counts = counts.filter(|(_, count)| *count != "0");
    counts
        .map(|(result, count)| (result.to_owned(), count.to_owned()))
        .collect()
}

fn counted(counts: &[(&str, &str)]) -> Vec<(String, String)> {
    counts
        .iter()
        .map(|(result, count)| ((*result).to_owned(), (*count).to_owned()))
        .collect()
}

#[test]
fn a_candidate_is_asked_and_decides_nothing() {
    let upstream = Upstream::start();
    let start = |policy: &str| {
        Setup::new(&upstream)
            .claims(CLAIMS)
            .more(ADMIN)
            .more(REHEARSAL)
            .file("next.toml", &candidate(policy, ""))
            .start()
    };
    let gateway = start("ECS ReadOnlyAccess");
    let list = Call::get(metadata());
    assert_eq!(gateway.call(&list.clone().bearer(&operator())).status, 200);
    assert_eq!(gateway.call(&delete().bearer(&operator())).status, 200);
    // What neither lists, and what no token is good for.
    assert_eq!(
        gateway
            .call(&Call::get("/nothing").bearer(&operator()))
            .status,
        404
    );
    assert_eq!(gateway.call(&list.bearer("x.y.z")).status, 401);
    assert_eq!(
        rehearsed(&gateway),
        counted(&[("same", "2"), ("narrows", "1")])
    );
    let lines = gateway.into_audit();
    let candidates: Vec<&Value> = lines.iter().map(|line| &line["candidate"]).collect();
    let denied =
        json!({"decision": "deny", "reason": "action_missing", "missing": ["ecs:servers:delete"]});
    assert_eq!(
        candidates,
        [&Value::Null, &denied, &Value::Null, &Value::Null]
    );
    assert_eq!(lines[1]["decision"], "permit");
}

#[test]
fn what_the_candidate_would_let_through_stays_refused() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .claims(&CLAIMS.replace("FullAccess", "ReadOnlyAccess"))
        .more(ADMIN)
        .more(REHEARSAL)
        .file("next.toml", &format!("{}[table]\nfiles = [\"more.toml\"]\n", candidate("ECS FullAccess", "")))
        .file("more.toml", "[[operation]]\npermission = \"more\"\nroutes = [\"GET /v9/{project_id}/more\"]\nactions = [\"ecs:more:get\"]\n")
        .start();
    let answer = gateway.call(&delete().bearer(&operator()));
    answer.refusal(403, "action_missing", "forbidden");
    let more = Call::get(format!("/v9/{PROJECT}/more"));
    assert_eq!(
        gateway.call(&more.bearer(&token(&["ecs:more:get"]))).status,
        404
    );
    assert_eq!(rehearsed(&gateway), counted(&[("widens", "2")]));
    let lines = gateway.into_audit();
    let permit = json!({"decision": "permit", "reason": "ok", "missing": []});
    assert_eq!(
        [&lines[0]["candidate"], &lines[1]["candidate"]],
        [&permit, &permit]
    );
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_candidate_that_cannot_be_used_changes_no_answer() {
    let upstream = Upstream::start();
    for next in ["[listen", &candidate("ECS NoSuchPolicy", "")] {
        let gateway = Setup::new(&upstream)
            .claims(CLAIMS)
            .more(ADMIN)
            .more(REHEARSAL)
            .file("next.toml", next)
            .start();
        assert_eq!(gateway.call(&delete().bearer(&operator())).status, 200);
        assert_eq!(rehearsed(&gateway), counted(&[]));
        // Mended, it is taken up with the next reload.
        gateway.replace_file("next.toml", &candidate("ECS ReadOnlyAccess", ""));
        gateway.reload().unwrap();
        assert_eq!(gateway.call(&delete().bearer(&operator())).status, 200);
        assert_eq!(rehearsed(&gateway), counted(&[("narrows", "1")]));
    }
    let without = Setup::new(&upstream).claims(CLAIMS).more(REHEARSAL).start();
    assert_eq!(without.call(&delete().bearer(&operator())).status, 200);
}

/// Panics when it is asked for a decision, or already when it is told of a caller.
#[derive(Debug)]
struct Double {
    on_caller: bool,
}

impl Judge for Double {
    fn caller(&self, _: &str, _: &Map<String, Value>) -> Rehearsing {
        assert!(!self.on_caller, "a double's panic");
        Err("claims_invalid")
    }

    fn rule(&self, _: Option<&Rehearsing>, _: &Case<'_>) -> Option<Ruling> {
        panic!("a double's panic")
    }
}

#[test]
fn a_candidate_that_panics_changes_no_answer() {
    let upstream = Upstream::start();
    for on_caller in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let keys = crate::support::Key::set(&[default_key()]);
        std::fs::write(folder.path().join("jwks.json"), keys).unwrap();
        let text = candidate("ECS FullAccess", "")
            .replace("127.0.0.1:1\"", &format!("{}\"", upstream.address()));
        let config = Config::parse("actiongate.toml", &text, folder.path()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (report, address) = std::sync::mpsc::channel();
        let control = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (rules, _supplies) = assemble(&config).unwrap().supply().await.unwrap();
                let rules = Arc::into_inner(rules)
                    .unwrap()
                    .with_candidate(Arc::new(Double { on_caller }));
                let upstream = Forwarding::new(&config.upstream).unwrap();
                upstream.resolve_first().await;
                let (_keep, snapshots) = watch::channel(Arc::new(Snapshot {
                    rules: Arc::new(rules),
                    settings: config.gateway.clone(),
                    upstream,
                }));
                let (auditor, _writer) = audit::start(&Target::Off.into()).unwrap();
                let service = Service {
                    snapshots,
                    tls: None,
                    auditor,
                    metrics: None,
                    tracer: actiongate::trace::Tracer::default(),
                    handler: None,
                    first_worker: 0,
                };
                let server = Server::start(config.listen.clone(), &service).unwrap();
                report.send(server.addresses().unwrap().remove(0)).unwrap();
                let stopped = async { drop(stopped.await) };
                server.run(stopped).await
            })
        });
        let Address::Ip(address) = address.recv().unwrap() else {
            panic!("a Unix socket")
        };
        let mut client = Client::connect(address);
        // Thrice: it is not asked again, and nothing of it shows.
        for _ in 0..3 {
            assert_eq!(client.call(&delete().bearer(&operator())).status, 200);
            let refused = client.call(&delete().bearer(&token(&[LIST])));
            refused.refusal(403, "action_missing", "forbidden");
        }
        drop(client);
        drop(stop);
        assert_eq!(control.join().unwrap().panicked, 0);
    }
}

#[test]
fn refusals_that_are_reported_only_are_let_through_and_told() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .file_issuer("mode = \"report\"")
        .more(ADMIN)
        .start();
    let report = "x-actiongate-report";
    let answer = gateway.call(&delete().bearer(&token(&[LIST])));
    assert_eq!(
        (answer.status, answer.headers.get(report)),
        (200, Some("action_missing"))
    );
    let answer = gateway.call(&delete().bearer(&token(&["ecs:servers:delete"])));
    assert_eq!((answer.status, answer.headers.get(report)), (200, None));
    // Whatever is no question of grants stays refused.
    let other = Claims::new("other", &["*:*:*"]).sign(default_key());
    gateway
        .call(&delete().bearer(&other))
        .refusal(403, "project_mismatch", "forbidden");
    let expired = Claims::new(PROJECT, &["*:*:*"])
        .set("exp", 1)
        .sign(default_key());
    gateway
        .call(&delete().bearer(&expired))
        .refusal(401, "token_expired", "error");
    let foreign = Claims::new(PROJECT, &["*:*:*"])
        .set("aud", "other")
        .sign(default_key());
    gateway
        .call(&delete().bearer(&foreign))
        .refusal(401, "token_audience", "error");
    gateway
        .call(&delete())
        .refusal(401, "token_missing", "error");
    gateway
        .call(&Call::get("/nothing").bearer(&token(&["*:*:*"])))
        .refusal(404, "route_unknown", "itemNotFound");
    let text = String::from_utf8(gateway.admin(&Call::get("/metrics")).body).unwrap();
    assert!(
        text.contains("\nactiongate_reported_requests_total 1\n"),
        "{text}"
    );
    let lines = gateway.into_audit();
    let reported =
        json!({"decision": "deny", "reason": "action_missing", "missing": ["ecs:servers:delete"]});
    assert_eq!(
        (&lines[0]["decision"], &lines[0]["reported"]),
        (&json!("permit"), &reported)
    );
    assert_eq!(lines[1].get("reported"), None);
}

#[test]
fn one_operation_may_be_reported_on() {
    let upstream = Upstream::start();
    let table = "[table]\nreport = [\"Deleting an ECS (native OpenStack API)\"]\n";
    let gateway = Setup::new(&upstream).more(table).start();
    let some = token(&["ecs:servers:stop"]);
    assert_eq!(gateway.call(&delete().bearer(&some)).status, 200);
    let answer = gateway.call(&Call::get(metadata()).bearer(&some));
    answer.refusal(403, "action_missing", "forbidden");
    let unknown = table.replace("Deleting an ECS", "Deleting an EC");
    let error = Setup::new(&upstream)
        .more(&unknown)
        .try_start()
        .unwrap_err();
    assert!(error.contains("`table.report` names `Deleting an EC (native OpenStack API)`, which is no operation of the table; did you mean `Deleting an ECS (native OpenStack API)`?"), "{error}");
}
