//! Any text as a token, and any header and claims signed by a known key: what is accepted is what an
//! independent reader accepts.
//!
//! An input is a byte that says who signs (`a` to `f`), then the header, a line feed, the claims, and
//! perhaps a line feed and edits of the text. After `A` to `F` come choices of header and claims. After
//! any other byte comes the text of the token itself.

#![no_main]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use actiongate::app;
use actiongate::grant::{ClaimMapping, Compiler, NamedPolicy, Principal, Role, Roles};
use actiongate::json::Pointer;
use actiongate::table::{ActionTable, Source};
use actiongate::token::{
    self, Algorithm, Delegation, Issuer, JwtIssuer, KeyFeed, KeySettings, KeySource, KeystoneJws,
    Kind, Location, Recognized, Settings, Token, Verified,
};
use libfuzzer_sys::fuzz_target;
use oracle::jws::{check_keystone, decode, object};
use oracle::signer::Signer;
use oracle::{claims, wildcard};
use serde_json::{Map, Value, json};

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 30;
const AUDIENCE: &str = "ecs";
/// Roles and their policies.
const ROLES: [(&str, &str); 2] = [
    (
        "operator",
        r#"{"Version": "1.1", "Statement": [
            {"Effect": "Allow", "Action": ["ecs:servers:*", "ecs:cloudServers:put"]},
            {"Effect": "Deny", "Action": ["ecs:servers:delete"]}]}"#,
    ),
    (
        "auditor",
        r#"{"Version": "5.0", "Statement": [
            {"Effect": "Allow", "Action": ["ECS:*:get*", "ecs:*:?ist"]},
            {"Effect": "Deny", "Action": ["*:*:*"], "Condition": {"Bool": {"g:MFAPresent": "false"}}}]}"#,
    ),
];
const NAMES: [&str; 2] = ["https://a.example", "https://b.example"];
/// The place of a Keystone behind the issuers with names.
const KEYSTONE: usize = NAMES.len();

struct World {
    /// By issuer, the Keystone's behind the others'; the last one's are nobody's.
    signers: [Vec<Signer>; 4],
    issuers: Vec<Issuer>,
    table: ActionTable,
    mapping: ClaimMapping,
    roles: Roles,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let signers = [
        vec![Signer::es256("k1"), Signer::ed25519("k2")],
        // The same name for another key of another issuer.
        vec![Signer::ed25519("k1")],
        // Of two keys one is for another algorithm than the Keystone's.
        vec![Signer::es256("k1"), Signer::ed25519("k1")],
        vec![Signer::es256("k1")],
    ];
    let mut mapping = ClaimMapping {
        actions: Some(pointer("/actions")),
        policies: Some(pointer("/policies")),
        roles: Some(pointer("/roles")),
        domain_enters_projects: true,
        ..ClaimMapping::new(pointer("/project_id"), pointer("/sub"))
    };
    mapping.keys.domain = Some(pointer("/domain"));
    let fed = mapping.keys.feed("g:MFAPresent", pointer("/mfa"));
    fed.expect("a key");
    let table = ActionTable::load(&Source::builtin()).expect("the built-in table");
    let (roles, errors) = Compiler::new(&table).compile(&ROLES.map(role), &mapping.keys);
    assert_eq!(errors, []);
    let issuers = NAMES.iter().zip(&signers);
    let issuers = issuers.map(|(name, signers)| issuer(name, signers));
    let world = World {
        issuers: issuers.chain([keystone(&signers[KEYSTONE])]).collect(),
        signers,
        table,
        mapping,
        roles,
    };
    let claims = json!({"iss": NAMES[0], "aud": AUDIENCE, "exp": NOW + 1});
    let good = world.signers[0][0].token(
        br#"{"alg":"ES256","kid":"k1"}"#,
        claims.to_string().as_bytes(),
    );
    let verified = token::verify(&world.issuers, Settings::default(), Token::new(&good), NOW);
    verified.expect("a good token");
    let claims = json!({"sub": "u", "iat": NOW, "exp": NOW + 1, "openstack_methods": [], "openstack_audit_ids": []});
    let good =
        world.signers[KEYSTONE][0].token(br#"{"alg":"ES256"}"#, claims.to_string().as_bytes());
    let verified = token::verify(&world.issuers, Settings::default(), Token::new(&good), NOW);
    verified.expect("a good token of the Keystone");
    world
});

fn pointer(text: &str) -> Pointer {
    text.parse().expect("a pointer")
}

fn role((name, document): (&str, &str)) -> Role {
    let policy = NamedPolicy::read(name.to_owned(), document.as_bytes());
    Role {
        name: name.to_owned(),
        line: 1,
        policies: vec![Arc::new(policy.expect("a policy"))],
    }
}

fn issuer(name: &str, signers: &[Signer]) -> Issuer {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.json");
    let keys: Vec<Value> = signers.iter().map(Signer::jwk).collect();
    std::fs::write(&path, json!({ "keys": keys }).to_string()).expect("a file");
    let keys = feed(name, Location::File(path));
    Issuer {
        name: name.to_owned(),
        leeway: LEEWAY,
        kind: Kind::Jwt(JwtIssuer {
            audiences: vec![AUDIENCE.to_owned(), "other".to_owned()],
            keys,
        }),
    }
}

/// Verifies without asking, and accepts trusts among what is delegated.
fn keystone(signers: &[Signer]) -> Issuer {
    let folder = tempfile::tempdir().expect("a folder");
    for (number, signer) in signers.iter().enumerate() {
        let path = folder.path().join(number.to_string());
        std::fs::write(path, signer.pem()).expect("a file");
    }
    let algorithm = Algorithm::ES256;
    Issuer {
        name: "keystone".to_owned(),
        leeway: LEEWAY,
        kind: Kind::KeystoneJws(KeystoneJws {
            keys: feed(
                "keystone",
                Location::Pem(folder.path().to_owned(), algorithm),
            ),
            algorithm,
            delegated: vec![Delegation::Trust],
        }),
    }
}

fn feed(name: &str, location: Location) -> KeyFeed {
    let (mut source, keys) = KeySource::new(name, KeySettings::new(location)).expect("a source");
    app::fetch_once(&mut source).expect("keys");
    keys
}

fuzz_target!(|input: &[u8]| {
    let Some(text) = written(input) else { return };
    let verified = token::verify(&WORLD.issuers, Settings::default(), Token::new(&text), NOW);
    let _ = token::unverified_claims(Token::new(&text));
    let Ok(Recognized::Verified(verified)) = verified else {
        return;
    };
    let claims = check(&text, &verified);
    assert_eq!(claims, verified.claims, "{text}");
    let World {
        mapping,
        roles,
        table,
        ..
    } = &*WORLD;
    let principal = Principal::new(verified.issuer, &claims, mapping, roles, table);
    if let Ok(principal) = principal {
        check_principal(&principal, &claims);
    }
});

/// The text of the token that an input stands for.
fn written(input: &[u8]) -> Option<String> {
    let (first, rest) = input.split_first()?;
    let signer = match first.to_ascii_lowercase() {
        b'a' => &WORLD.signers[0][0],
        b'b' => &WORLD.signers[0][1],
        b'c' => &WORLD.signers[1][0],
        b'd' => &WORLD.signers[KEYSTONE + 1][0],
        b'e' => &WORLD.signers[KEYSTONE][0],
        b'f' => &WORLD.signers[KEYSTONE][1],
        _ => return std::str::from_utf8(rest).map(str::to_owned).ok(),
    };
    if first.is_ascii_uppercase() {
        let (header, claims) = claims::choose(rest);
        return Some(signer.token(&header, &claims));
    }
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let (header, claims) = (parts.next()?, parts.next()?);
    let mut text = signer.token(header, claims);
    // Three bytes each: from the end or the start, where, and what is put there.
    for edit in parts.next().unwrap_or_default().chunks_exact(3) {
        let at = match edit[0] % 2 {
            0 => usize::from(edit[1]).min(text.len()),
            _ => text.len().saturating_sub(usize::from(edit[1])),
        };
        let insert = char::from(edit[2] & 0x7f);
        match edit[0] {
            128.. if at < text.len() => drop(text.remove(at)),
            _ => text.insert(at, insert),
        }
    }
    Some(text)
}

/// Reads an accepted token anew; the answer is its claims.
fn check(text: &str, verified: &Verified) -> Map<String, Value> {
    let (issuer, expires) = (verified.issuer, verified.expires);
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{text} has not three parts");
    };
    let signature = decode(signature);
    let message = &text.as_bytes()[..header.len() + 1 + payload.len()];
    let (header, claims) = (object(header), object(payload));
    let is_keystone = issuer == KEYSTONE;
    let name = NAMES.get(issuer).map(|name| json!(name));
    assert_eq!(claims.get("iss"), name.as_ref(), "{text}");
    assert!(!header.contains_key("crit"), "{text}");
    let kid = header.get("kid").map(|kid| kid.as_str().expect("a name"));
    let mut own = WORLD.signers[issuer].iter();
    let signer = own.find(|signer| {
        // A Keystone's keys have no names, and are all for one algorithm.
        let is_meant = match is_keystone {
            true => signer.algorithm() == "ES256",
            false => kid.is_none_or(|kid| kid == signer.kid),
        };
        is_meant
            && header.get("alg") == Some(&json!(signer.algorithm()))
            && signer.has_signed(message, &signature)
    });
    assert!(signer.is_some(), "{text} is signed by nobody of its issuer");
    let seconds = |claim: &str| {
        claims
            .get(claim)
            .map(|value| value.as_f64().expect("a number"))
    };
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let (now, leeway) = (NOW as f64, LEEWAY as f64);
    let until = seconds("exp").expect("an end");
    assert!(until > now - leeway, "{text} has expired");
    #[expect(
        clippy::cast_precision_loss,
        reason = "compared with what was rounded likewise"
    )]
    let is_end = (expires as f64 - until.trunc()).abs() <= until * f64::EPSILON || until > 1e19;
    assert!(is_end, "{expires} is not {until}");
    for claim in ["nbf", "iat"] {
        let is_past = seconds(claim).is_none_or(|start| start < now + leeway + 1.0);
        assert!(is_past, "{text} is not valid yet");
    }
    match is_keystone {
        true => check_keystone(text, &claims, verified.certificate.is_some()),
        false => assert!(is_for_us(&claims), "{text} is for somebody else"),
    }
    claims
}

fn is_for_us(claims: &Map<String, Value>) -> bool {
    let is_ours = |audience: &Value| audience == AUDIENCE || audience == "other";
    match &claims["aud"] {
        Value::Array(audiences) => {
            audiences.iter().all(Value::is_string) && audiences.iter().any(is_ours)
        }
        audience => is_ours(audience),
    }
}

/// What is granted lies between what the claims surely grant and what they may.
fn check_principal(principal: &Principal, claims: &Map<String, Value>) {
    let texts = |claim: &str| match claims.get(claim) {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let patterns: Vec<&str> = match claims.get("actions") {
        Some(Value::String(text)) => text.split(' ').collect(),
        _ => texts("actions"),
    };
    let mut documents = match claims.get("policies") {
        Some(Value::Array(documents)) => documents.clone(),
        Some(document) => vec![document.clone()],
        None => Vec::new(),
    };
    let (mut roles, mut unknown) = (texts("roles"), BTreeSet::new());
    roles.retain(|name| ROLES.iter().any(|(known, _)| known == name) || !unknown.insert(*name));
    for (name, document) in ROLES {
        if roles.contains(&name) {
            documents.push(serde_json::from_str(document).expect("JSON"));
        }
    }
    assert_eq!(principal.unknown_roles.count(), unknown.len());
    for (id, action) in WORLD.table.actions() {
        let aliases = WORLD.table.aliases(action).iter();
        let names: Vec<String> = aliases.chain([action]).map(ToString::to_string).collect();
        let is_named = |pattern: &str| names.iter().any(|name| is_like(pattern, name, false));
        let is_granted = patterns.iter().any(|pattern| is_named(pattern));
        let says = |effect, always| {
            let mut documents = documents.iter();
            documents.any(|document| says(document, effect, always, &names))
        };
        let surely = (is_granted || says("Allow", true)) && !says("Deny", false);
        let perhaps = (is_granted || says("Allow", false)) && !says("Deny", true);
        match principal.grants.granted().contains(id) {
            true => assert!(perhaps, "{action} is granted"),
            false => assert!(!surely, "{action} is not granted"),
        }
    }
    assert_eq!(json!(principal.projects), json!(texts("project_id")));
    let domain = claims
        .get("domain")
        .filter(|_| !claims.contains_key("project_id"));
    assert_eq!(principal.domain.as_deref(), domain.and_then(Value::as_str));
    assert_eq!(principal.enters_all_projects, principal.domain.is_some());
    assert_ne!(principal.domain.as_deref(), Some(""));
}

/// Whether a document has such a statement about the action called `names`; only those without
/// conditions and resources, if it is to be one for `always`.
fn says(document: &Value, effect: &str, always: bool, names: &[String]) -> bool {
    let is_identity = document["Version"] == "5.0";
    let mut statements = document["Statement"].as_array().into_iter().flatten();
    statements.any(|statement| {
        let is_named = |member: &str| {
            let mut patterns = statement[member].as_array().into_iter().flatten();
            patterns.any(|pattern| {
                let pattern = pattern.as_str().unwrap_or_default();
                names.iter().any(|name| is_like(pattern, name, is_identity))
            })
        };
        let is_about = match statement.get("NotAction") {
            Some(_) => !is_named("NotAction"),
            None => is_named("Action"),
        };
        let depends = statement.get("Condition").is_some() || statement.get("Resource").is_some();
        statement["Effect"] == effect && is_about && !(always && depends)
    })
}

/// Whether the pattern, part by part, is the action's: the service exactly in Version 1.1, the rest
/// without case.
fn is_like(pattern: &str, action: &str, is_identity: bool) -> bool {
    let (patterns, parts) = (pattern.split(':'), action.split(':'));
    let mut pairs = patterns.clone().zip(parts.clone()).enumerate();
    patterns.count() == parts.count()
        && pairs.all(
            |(index, (pattern, part))| match index == 0 && !is_identity {
                true => wildcard::is_like(pattern, part),
                false => wildcard::is_like(&pattern.to_lowercase(), &part.to_lowercase()),
            },
        )
}
