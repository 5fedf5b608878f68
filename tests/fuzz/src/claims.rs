//! Headers and claims put together from values that stand on either side of every rule.

/// Of a header: names and what they may be, as JSON; an empty text leaves the member out.
const HEADER: [(&str, &[&str]); 3] = [
    (
        "alg",
        &[
            r#""ES256""#,
            r#""EdDSA""#,
            r#""none""#,
            r#""HS256""#,
            r#""es256""#,
            "1",
            "",
        ],
    ),
    (
        "kid",
        &[r#""k1""#, r#""k2""#, "", r#""K1""#, r#""""#, "null", "1"],
    ),
    ("crit", &["", "", "", "[]", r#"["b64"]"#, "null"]),
];

/// Of the claims; times are around 1800000000 with a leeway of 30 seconds.
const CLAIMS: [(&str, &[&str]); 20] = [
    (
        "iss",
        &[
            r#""https://a.example""#,
            r#""https://b.example""#,
            r#""https://A.example""#,
            r#"["https://a.example"]"#,
            "",
        ],
    ),
    (
        "aud",
        &[
            r#""ecs""#,
            r#"["ecs"]"#,
            r#"["x","other"]"#,
            r#"["x"]"#,
            r#""ECS""#,
            "[]",
            r#"["ecs",1]"#,
            r#"{"ecs":1}"#,
            "null",
            "",
        ],
    ),
    (
        "exp",
        &[
            "1800000001",
            "1800000000",
            "1799999971",
            "1799999970",
            "1799999969",
            "1799999970.5",
            "1.9e9",
            "18446744073709551616",
            "1e300",
            "-1",
            r#""1800000060""#,
            "true",
            "",
        ],
    ),
    (
        "nbf",
        &[
            "",
            "1800000000",
            "1800000030",
            "1800000030.5",
            "1800000031",
            "1e300",
            "-1",
            r#""0""#,
            "null",
        ],
    ),
    (
        "iat",
        &["", "1800000000", "1800000030", "1800000031", "-1", r#""0""#],
    ),
    ("sub", &[r#""alice""#, "", "1"]),
    (
        "project_id",
        &[r#""p1""#, r#"["p1","p2"]"#, "[]", "[1]", "1", ""],
    ),
    (
        "actions",
        &[
            r#"["ecs:*:*"]"#,
            r#""ecs:servers:get ECS:*:* ecs:SERVERS:*metadata""#,
            r#"["*:*:*"]"#,
            r#"["ecs:servers:GET*"]"#,
            r#"["ecs:servers"]"#,
            r#"["ecs::get"]"#,
            r#"["e*s:s*r*s:*t*"]"#,
            r#""ecs:*:set*Metadata""#,
            "[]",
            "1",
            "",
        ],
    ),
    (
        "roles",
        &[
            "",
            r#""operator""#,
            r#"["operator","auditor","auditor"]"#,
            r#"["Operator","a","a","b"]"#,
            "[]",
            "[1]",
            "null",
        ],
    ),
    (
        "policies",
        &[
            "",
            r#"{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["ecs:cloudServers:get"]}]}"#,
            r#"[{"Version":"5.0","Statement":[{"Effect":"Allow","NotAction":["ecs:*:del?te*"]}]}]"#,
            r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["ecs:*:list*"],"Condition":{"StringMatch":{"g:UserId":["al*"]}}}]}"#,
            r#"{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["ecs:*:*"],"Condition":{"Bool":{"g:MFAPresent":["true"]}}}]}"#,
            r#"{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["ecs:*:*"],"Resource":["ecs:*:d1:instance:a*"]}]}"#,
            r#"{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["ECS:*:*"]}]}"#,
            r#"{"Version":"1.0","Statement":[{"Effect":"Allow","Action":["ecs:*:*"]}]}"#,
            "[]",
            "1",
        ],
    ),
    ("mfa", &["", "true", r#""false""#, "[]", "1"]),
    ("domain", &["", r#""d1""#, r#""""#, "1", "null"]),
    // Of a Keystone's.
    (
        "openstack_methods",
        &["", r#"["password"]"#, "[]", "[1]", r#""password""#, "null"],
    ),
    (
        "openstack_audit_ids",
        &["", r#"["a1"]"#, "[]", r#"["a1",1]"#, "null"],
    ),
    (
        "openstack_project_id",
        &["", r#""p1""#, r#""""#, r#"["p1"]"#, "null"],
    ),
    ("openstack_domain_id", &["", r#""d1""#, "1"]),
    ("openstack_system", &["", r#""all""#, "true"]),
    ("openstack_trust_id", &["", r#""t1""#, "null"]),
    ("openstack_app_cred_id", &["", r#""c1""#, "null"]),
    (
        "openstack_thumbprint",
        &[
            "",
            r#""AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=""#,
            r#""AAAA""#,
            "null",
        ],
    ),
];

/// A header and claims, each member chosen by a byte.
pub fn choose(mut choices: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let header = object(&HEADER, &mut choices);
    let claims = object(&CLAIMS, &mut choices);
    (header, claims)
}

fn object(members: &[(&str, &[&str])], choices: &mut &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, values) in members {
        let mut next = || {
            let (choice, rest) = choices.split_first().unwrap_or((&0, &[]));
            *choices = rest;
            usize::from(*choice)
        };
        let choice = next();
        // The upper values repeat the member.
        let more = (choice >= 240).then(&mut next);
        for choice in [Some(choice), more].into_iter().flatten() {
            let value = values[choice % values.len()];
            if !value.is_empty() {
                written.push(format!("\"{name}\":{value}"));
            }
        }
    }
    format!("{{{}}}", written.join(",")).into_bytes()
}
