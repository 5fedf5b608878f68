//! `token sign` and `token show`, with keys of every kind.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::issuer::{
    ED25519, Kind, P256, P384, RSA, claims, claims_but, issuer, make_key, pem, sign, sign_with,
};
use super::{Folder, Ran};

fn decode(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let object = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (object(parts[0]), object(parts[1]))
}

fn show(folder: &Folder, token: &str) -> Ran {
    folder.actiongate(&["token", "show", "--config", "actiongate.toml", token])
}

/// `key.pem` signs with and without a name for it, and `jwks.json` verifies both.
#[track_caller]
pub fn assert_signs_and_verifies(folder: &Folder, kind: Kind) {
    let claims = claims(&["ecs:*:*"]);
    folder.write("claims.json", &format!("{claims:#}\n"));
    let from_file = [
        "token",
        "sign",
        "--key",
        "key.pem",
        "--claims",
        "@claims.json",
    ];
    let from_file = folder.actiongate(&from_file).ended(0).out;
    let named = sign(folder, &claims);
    for (token, kid) in [
        (named.as_str(), json!("k1")),
        (from_file.trim(), json!(null)),
    ] {
        let (header, payload) = decode(token);
        assert_eq!(header["alg"], kind.algorithm, "{kind:?}");
        assert_eq!(header["kid"], kid, "{kind:?}");
        assert_eq!(payload, claims, "{kind:?}");
        let shown = show(folder, token).ended(0);
        assert!(
            shown.line("token").starts_with("good"),
            "{kind:?} {}",
            shown.out
        );
    }
}

#[test]
fn every_kind_of_key_signs_and_its_key_set_verifies() {
    for kind in [ED25519, RSA, P256, P384] {
        assert_signs_and_verifies(&issuer(kind), kind);
    }
}

#[test]
fn claims_can_come_from_standard_input() {
    let folder = issuer(ED25519);
    let arguments = ["token", "sign", "--key", "key.pem", "--claims", "@-"];
    let ran = folder
        .actiongate_reading("{\"sub\":\"bob\"}", &arguments)
        .ended(0);
    assert_eq!(decode(ran.out.trim()).1, json!({"sub": "bob"}));
}

#[test]
fn sign_says_what_it_cannot_use() {
    let folder = issuer(ED25519);
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let sec1 = pair.private_key().as_der().unwrap();
    folder.write("sec1.pem", &pem("EC PRIVATE KEY", sec1.as_ref()));
    folder.write("text.pem", "no key\n");
    folder.write("broken.json", "{\"sub\":");
    let object = "the claims are not a JSON object";
    let cases: [(&str, &str, &[&str]); 9] = [
        ("key.pem", "{sub}", &[object, "{\"sub\":\"alice\"}"]),
        ("key.pem", "", &[object]),
        ("key.pem", "[1]", &[object, "expected a map"]),
        ("key.pem", "@broken.json", &[object]),
        (
            "key.pem",
            "@none.json",
            &["cannot read `none.json`", "No such file"],
        ),
        (
            "none.pem",
            "{}",
            &["cannot read `none.pem`", "No such file"],
        ),
        ("public.pem", "{}", &["not a private key"]),
        ("text.pem", "{}", &["not a private key"]),
        (
            "sec1.pem",
            "{}",
            &["PKCS #8", "`openssl pkcs8 -topk8 -nocrypt`"],
        ),
    ];
    for (key, claims, parts) in cases {
        folder
            .actiongate(&["token", "sign", "--key", key, "--claims", claims])
            .failed_with(parts);
    }
}

#[test]
fn show_tells_what_a_good_token_grants_and_reaches() {
    let folder = issuer(ED25519);
    let token = sign(&folder, &claims(&["ecs:servers:*Metadata"]));
    let arguments = ["token", "show", "--config", "actiongate.toml", "-"];
    let from_input = folder.actiongate_reading(&format!("{token}\n"), &arguments);
    let shown = show(&folder, &token).ended(0);
    // How long it is good for changes by the second.
    let lines = |ran: &Ran| -> Vec<String> {
        let lines = ran.out.lines().filter(|line| !line.contains("expires in"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(lines(&from_input.ended(0)), lines(&shown));
    assert!(shown.line("token").starts_with("good"), "{}", shown.out);
    assert!(shown.line("token").contains("expires in"), "{}", shown.out);
    assert_eq!(shown.line("subject"), "alice");
    assert_eq!(shown.line("projects"), "a1");
    assert_eq!(shown.line("grants"), "ecs:servers:*Metadata");
    assert_eq!(shown.line("operations"), "11 of 161 reached");
    assert!(shown.out.contains("\"iss\": \"https://iam.example.com\""));
    let rows: Vec<&str> = shown
        .out
        .lines()
        .skip_while(|line| !line.starts_with("operations"))
        .collect();
    assert_eq!(rows.len(), 162, "{}", shown.out);
    let yes = rows.iter().filter(|line| line.starts_with("  yes "));
    assert_eq!(yes.count(), 11, "{}", shown.out);
    let denied = "  no   Configuring ECS Metadata (Native OpenStack API) (missing ecs:servers:get)";
    assert!(rows.contains(&denied), "{}", shown.out);
}

#[test]
fn show_writes_none_where_there_is_nothing() {
    let folder = issuer(ED25519);
    let mut claims = claims(&[]);
    for claim in ["sub", "project_id", "actions"] {
        claims.as_object_mut().unwrap().remove(claim);
    }
    let shown = show(&folder, &sign(&folder, &claims)).ended(0);
    for label in ["subject", "projects", "grants"] {
        assert_eq!(shown.line(label), "(none)", "{label}");
    }
    assert_eq!(shown.line("operations"), "6 of 161 reached");
}

#[test]
fn show_refuses_what_the_gateway_refuses() {
    let folder = issuer(ED25519);
    make_key(&folder, ED25519, "other.pem");
    let good = claims(&["ecs:*:*"]);
    let cases = [
        (
            "token_expired",
            sign(&folder, &claims_but("exp", json!(1000))),
        ),
        (
            "token_audience",
            sign(&folder, &claims_but("aud", json!("evs"))),
        ),
        (
            "token_issuer",
            sign(&folder, &claims_but("iss", json!("https://other.example"))),
        ),
        (
            "token_claim",
            sign(&folder, &claims_but("exp", Value::Null)),
        ),
        (
            "claims_invalid",
            sign(&folder, &claims_but("actions", json!(["ecs"]))),
        ),
        (
            "token_signature",
            sign_with(&folder, "other.pem", "k1", &good),
        ),
        ("token_key", sign_with(&folder, "other.pem", "k2", &good)),
    ];
    for (reason, token) in cases {
        let shown = show(&folder, &token).ended(3);
        assert!(shown.line("claims").starts_with('{'), "{}", shown.out);
        let refused = shown.line("token");
        assert!(refused.starts_with("refused: "), "{refused}");
        assert!(
            refused.contains(&format!("`{reason}`")),
            "{reason}: {refused}"
        );
    }
    for garbage in ["garbage", "a.b.c", "..", ""] {
        let shown = show(&folder, garbage).ended(3);
        assert!(shown.line("token").starts_with("refused: "), "{garbage:?}");
        assert!(!shown.out.contains("claims"), "{}", shown.out);
    }
}

#[test]
fn show_needs_a_config_it_can_use() {
    let folder = Folder::new();
    folder
        .actiongate(&["token", "show", "--config", "none.toml", "a.b.c"])
        .failed_with(&["none.toml", "No such file"]);
}
