mod cadf;
mod chain;
mod evidence;
mod file;
mod syslog;

use super::*;

/// To this file, which only grows.
fn to_file(path: &Path) -> Settings {
    Target::File(FileSettings::new(path.to_owned())).into()
}

pub(super) fn record() -> Record {
    Record {
        time: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001),
        request_id: Uuid::from_u128(1),
        client_request_id: Some("a\"\n".to_owned()),
        trace: None,
        peer: IpAddr::from([127, 0, 0, 1]).into(),
        worker: 1,
        authorizer: None,
        method: Some(Method::PUT),
        operation: Some("Configuring".into()),
        route: Some("/v2/{project_id}".into()),
        project: Some("p".to_owned()),
        caller: Some(Arc::new(Caller {
            issuer: "iss".into(),
            subject: Some("alice".to_owned()),
            unknown_roles: 0,
        })),
        decision: Some(Decision::Deny),
        reason: "action_missing",
        reported: None,
        candidate: None,
        missing: vec!["ecs:servers:get".to_owned()],
        status: Some(403),
        bytes_received: 2,
        bytes_sent: 3,
        upstream_time: None,
        total_time: Duration::from_micros(45),
        evidence: None,
    }
}

#[test]
fn a_line_is_one_json_object() {
    let mut text = Vec::new();
    line::write(&mut text, &record());
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "{\"version\":1,\"time\":\"2023-11-14T22:13:20.000001Z\",\"request_id\":\"req-00000000-0000-0000-0000-000000000001\",\
         \"client_request_id\":\"a\\\"\\n\",\"peer\":\"127.0.0.1\",\"worker\":1,\"method\":\"PUT\",\
         \"operation\":\"Configuring\",\"route\":\"/v2/{project_id}\",\"subject\":\"alice\",\"project\":\"p\",\
         \"issuer\":\"iss\",\"decision\":\"deny\",\"reason\":\"action_missing\",\"missing\":[\"ecs:servers:get\"],\
         \"status\":403,\"bytes_received\":2,\"bytes_sent\":3,\"upstream_us\":null,\"total_us\":45}"
    );
}

#[test]
fn a_line_counts_unknown_roles_where_there_are_any() {
    let mut record = record();
    record.caller = Some(Arc::new(Caller {
        issuer: "iss".into(),
        subject: None,
        unknown_roles: 2,
    }));
    let mut text = Vec::new();
    line::write(&mut text, &record);
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("\"issuer\":\"iss\",\"unknown_roles\":2,"),
        "{text}"
    );
}

#[test]
fn lines_are_as_the_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let bare = Record {
        client_request_id: None,
        trace: Some(TraceId::random()),
        peer: PeerAddress::Unix,
        authorizer: Some("nginx"),
        method: None,
        operation: None,
        route: None,
        project: None,
        caller: None,
        decision: None,
        missing: Vec::new(),
        status: None,
        upstream_time: Some(Duration::from_secs(1)),
        ..record()
    };
    let link = "a".repeat(64);
    let mut lines = vec![Vec::new(); 6];
    line::write(&mut lines[0], &record());
    line::write(&mut lines[1], &bare);
    let events = [
        line::Event::Begin { previous: None },
        line::Event::Begin {
            previous: Some(&link),
        },
        line::Event::Torn {
            bytes: 3,
            digest: &link,
        },
        line::Event::Dropped { lines: 2 },
    ];
    for (line, event) in lines.iter_mut().skip(2).zip(events) {
        line::write_event(line, SystemTime::now(), event);
    }
    for (index, mut line) in lines.into_iter().enumerate() {
        // Events stand in chains only.
        for is_sealed in [false, true] {
            if is_sealed {
                super::chain::Chain::new(None).seal(None, &mut line);
            }
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            let is_valid = validator.is_valid(&value);
            assert_eq!(is_valid, index < 2 || is_sealed, "{value}");
            let mut other = value.clone();
            other["password"] = "x".into();
            assert!(!validator.is_valid(&other), "{other}");
        }
    }
}

#[test]
fn every_record_is_written_before_the_writer_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let (auditor, writer) = start(&to_file(&path)).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let auditor = auditor.clone();
            thread::spawn(move || (0..500).for_each(|_| auditor.record(record())))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    drop(auditor);
    assert_eq!(writer.finish(), 0);
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 2000);
}

#[test]
fn a_full_queue_drops_and_counts_and_never_waits() {
    let (queue, records) = sync_channel(3);
    let auditor = Auditor {
        queue: Some(queue),
        keeps_evidence: false,
        counts: Arc::default(),
        is_moved: Arc::default(),
    };
    (0..5).for_each(|_| auditor.record(record()));
    assert_eq!(auditor.counts().dropped(), 2);
    drop(records);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = start(&to_file(Path::new("/nonexistent/audit"))).unwrap_err();
    assert!(
        error.to_string().starts_with("/nonexistent/audit: "),
        "{error}"
    );
}
