use std::sync::Arc;

use super::*;

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer caller"),
        ("x-auth-token", "caller"),
        ("x-user", "mallory"),
        ("accept", "*/*"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

fn lines(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let lines = headers.iter();
    lines
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect()
}

#[test]
fn the_credential_is_the_callers_or_ours_or_none() {
    let own = HeaderValue::from_static("own");
    let file = |name| Credential::File {
        header: HeaderName::from_static(name),
        path: "token".into(),
    };
    let others = [("x-user", "mallory"), ("accept", "*/*")];
    let mut forwarded = headers();
    set_credential(&mut forwarded, &Credential::Forward, Some(&own));
    assert_eq!(forwarded, headers());
    let cases = [
        (Credential::Strip, None),
        (file("x-auth-token"), Some(("x-auth-token", "own"))),
        (file("authorization"), Some(("authorization", "own"))),
        (file("x-service"), Some(("x-service", "own"))),
    ];
    for (settings, set) in cases {
        let mut headers = headers();
        set_credential(&mut headers, &settings, Some(&own));
        let mut expected: Vec<_> = others.into_iter().chain(set).collect();
        let mut lines = lines(&headers);
        expected.sort_unstable();
        lines.sort_unstable();
        assert_eq!(lines, expected, "{settings:?}");
    }
}

#[test]
fn the_caller_is_named_or_the_request_refused() {
    let settings = IdentityMode::Named(IdentityHeaders {
        subject: Some(HeaderName::from_static("x-user")),
        project: Some(HeaderName::from_static("x-project")),
        issuer: None,
    });
    let name = |subject: Option<&str>| Caller {
        issuer: Arc::from("i"),
        subject: subject.map(str::to_owned),
        unknown_roles: 0,
    };
    let cases = [
        (Some("alice"), Some("p"), Ok(())),
        (Some("al ice"), Some("p"), Ok(())),
        (None, Some("p"), Err(Unnameable::Missing("subject"))),
        (Some("alice"), None, Err(Unnameable::Missing("project"))),
        (Some(""), Some("p"), Err(Unnameable::Value("subject"))),
        (Some(" alice"), Some("p"), Err(Unnameable::Value("subject"))),
        (
            Some("a\r\nx: y"),
            Some("p"),
            Err(Unnameable::Value("subject")),
        ),
        (Some("alice"), Some("ü"), Err(Unnameable::Value("project"))),
    ];
    for (subject, project, expected) in cases {
        let mut headers = headers();
        let name = name(subject);
        let caller = VerifiedCaller {
            name: &name,
            project,
            keystone: None,
        };
        let set = set_identity(&mut headers, &settings, Some(caller));
        assert_eq!(set, expected, "{subject:?} {project:?}");
        if set.is_ok() {
            assert_eq!(headers["x-user"], subject.unwrap());
            assert_eq!(headers["x-project"], project.unwrap());
        }
    }
    let mut headers = headers();
    assert_eq!(set_identity(&mut headers, &settings, None), Ok(()));
    assert!(!headers.contains_key("x-user"));
}

#[test]
fn a_file_is_read_again_when_it_changes_and_good_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let write = |text: &[u8]| {
        let new = folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &path).unwrap();
    };
    assert!(matches!(
        CredentialFile::open(&path),
        Err(CredentialError::Read(_))
    ));
    write(b"\tone \r\n");
    let (file, value) = CredentialFile::open(&path).unwrap();
    assert_eq!(value, "one");
    assert!(value.is_sensitive());
    assert!(file.changed().unwrap().is_none());
    let large = vec![b'x'; 65 * 1024];
    write(b" \n");
    assert!(matches!(file.changed(), Err(CredentialError::Empty)));
    write(b"a\nb");
    assert!(matches!(file.changed(), Err(CredentialError::Value)));
    write(&large);
    assert!(matches!(file.changed(), Err(CredentialError::TooLarge)));
    write(b"two");
    assert_eq!(file.changed().unwrap().unwrap(), "two");
    assert!(file.changed().unwrap().is_none());
}

#[test]
fn a_service_token_stands_beside_the_callers() {
    let mut headers = headers();
    set_service_token(&mut headers, None);
    assert!(!headers.contains_key("x-service-token"));
    let own = HeaderValue::from_static("own");
    set_service_token(&mut headers, Some(&own));
    assert_eq!(headers["x-service-token"], "own");
    assert_eq!(headers["x-auth-token"], "caller");
}

/// An upstream that believes its headers must never be told of a caller halfway.
#[test]
fn without_the_whole_identity_nothing_is_sent() {
    let name = Caller {
        issuer: Arc::from("i"),
        subject: Some("alice".to_owned()),
        unknown_roles: 0,
    };
    let refused = Err(Unnameable::Value("role"));
    let cases = [
        (None, Unnameable::Missing("identity")),
        (Some(&refused), Unnameable::Value("role")),
    ];
    for (keystone, expected) in cases {
        let caller = VerifiedCaller {
            name: &name,
            project: Some("p"),
            keystone,
        };
        let mode = IdentityMode::Keystonemiddleware;
        let set = set_identity(&mut headers(), &mode, Some(caller));
        assert_eq!(set, Err(expected));
    }
}
