//! The demo's files: a key, tokens of six personas, and the config that accepts them.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{OTHER_PROJECT, PRODUCTION, PROJECT};
use crate::cli::token::sign_claims;
use crate::token::unix_time;

const ISSUER: &str = "https://iam.demo.example";
const AUDIENCE: &str = "ecs";
const KID: &str = "demo-1";
/// How long the tokens are good, in seconds.
const LIFETIME: u64 = 24 * 3600;

/// A name, a project and the claim that says what is granted there.
const PERSONAS: [(&str, &str, &str, &[&str]); 6] = [
    ("operator", PROJECT, "actions", &["ecs:*:*"]),
    ("reader", PROJECT, "actions", &["ecs:*:get*", "ecs:*:list*"]),
    (
        "metadata-only",
        PROJECT,
        "actions",
        &["ecs:servers:*Metadata"],
    ),
    ("other-project", OTHER_PROJECT, "actions", &["ecs:*:*"]),
    ("helpdesk", PROJECT, "roles", &["helpdesk"]),
    ("auditor", PROJECT, "roles", &["auditor"]),
];

/// Writes all files to `folder`, making it if need be; those of an earlier demo are replaced.
pub fn write(
    folder: &Path,
    listen: SocketAddr,
    admin: SocketAddr,
    upstream: SocketAddr,
) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    refuse_foreign(folder)?;
    let pair =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("cannot make a key")?;
    let der = pair.to_pkcs8v1().context("cannot write the key")?;
    let pem = pem("PRIVATE KEY", der.as_ref());
    write_private(&folder.join("key.pem"), &pem)?;
    let key_set = key_set(pair.public_key().as_ref()).context("the key has no coordinates")?;
    write_private(&folder.join("jwks.json"), &format!("{key_set:#}\n"))?;
    for (name, project, claim, granted) in PERSONAS {
        let claims = claims(name, project, claim, granted);
        let token = sign_claims(pem.as_bytes(), &claims, Some(KID))?;
        write_private(&folder.join(format!("{name}.token")), &token)?;
    }
    let config = config(listen, admin, upstream);
    write_private(&folder.join("actiongate.toml"), &config)?;
    Ok(())
}

fn claims(name: &str, project: &str, claim: &str, granted: &[&str]) -> Map<String, Value> {
    let now = unix_time();
    let members = [
        ("iss", json!(ISSUER)),
        ("aud", json!(AUDIENCE)),
        ("sub", json!(name)),
        ("iat", json!(now)),
        ("exp", json!(now + LIFETIME)),
        ("project_id", json!(project)),
        (claim, json!(granted)),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The public key as a JWK set; `point` is uncompressed, 4 and two coordinates (SEC 1 §2.3.3).
fn key_set(point: &[u8]) -> Option<Value> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(json!({"keys": [{
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": KID,
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
    }]}))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let characters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = characters
        .chunks(64)
        .map(|line| line.iter().collect())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn config(listen: SocketAddr, admin: SocketAddr, upstream: SocketAddr) -> String {
    // Only where somebody named it.
    let public = match admin.ip().is_loopback() {
        true => "",
        false => "allow_public = true\n",
    };
    format!(
        "# Written by `actiongate demo`.

[listen]
address = \"{listen}\"

[upstream]
url = \"http://{upstream}\"

[[issuer]]
name = \"{ISSUER}\"
audiences = [\"{AUDIENCE}\"]
keys = \"jwks.json\"

[issuer.claims]
project = \"/project_id\"
actions = \"/actions\"
roles = \"/roles\"

[issuer.roles]
operator = \"ECS FullAccess\"
helpdesk = [\"ECS CommonOperations\", \"hands off production\"]
auditor = \"ECS ReadOnlyAccess\"

# A denial outweighs every grant.
[[policy]]
name = \"hands off production\"
document = '''
{{
  \"Version\": \"1.1\",
  \"Statement\": [{{
    \"Effect\": \"Deny\",
    \"Action\": [
      \"ecs:*:stop\", \"ecs:*:reboot\", \"ecs:servers:delete\", \"ecs:cloudServers:deleteServers\"
    ],
    \"Resource\": [\"ECS:*:*:instance:{PRODUCTION}\"]
  }}]
}}
'''

[audit]
file = \"audit.jsonl\"

[admin]
address = \"{admin}\"
{public}"
    )
}

/// The default is a name that anybody can make first in the system's temporary folder.
fn refuse_foreign(folder: &Path) -> anyhow::Result<()> {
    let us = fs::metadata("/proc/self")?.uid();
    let found = fs::symlink_metadata(folder)?;
    ensure!(
        found.is_dir() && found.uid() == us && found.mode() & 0o022 == 0,
        "it is a link, somebody else's or open for others to write; name another folder with --dir"
    );
    Ok(())
}

/// A new file in place of what was there: the mode of an old one would stay, a link would lead
/// elsewhere.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
