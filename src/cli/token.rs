//! `token sign` and `token show`.

use std::path::Path;

use anyhow::{Context as _, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};

use super::{Outcome, explain, say};
use crate::gateway::{Identity, Rules, unix_time};
use crate::grant;
use crate::table::{ActionName, Operation};
use crate::token::{Token, unverified_claims};

pub fn sign(key: &Path, claims: &str, kid: Option<&str>) -> anyhow::Result<Outcome> {
    let text = match claims.strip_prefix('@') {
        Some(file) => super::read_text(Path::new(file))?,
        None => claims.to_owned(),
    };
    let claims: Map<String, Value> = serde_json::from_str(&text)
        .context("the claims are not a JSON object such as {\"sub\":\"alice\"}")?;
    let pem = std::fs::read(key).with_context(|| format!("cannot read `{}`", key.display()))?;
    say(sign_claims(&pem, &claims, kid)?);
    Ok(Outcome::Done)
}

/// A token of these claims; the key's type decides the algorithm.
pub fn sign_claims(
    pem: &[u8],
    claims: &Map<String, Value>,
    kid: Option<&str>,
) -> anyhow::Result<String> {
    let keys = [
        (EncodingKey::from_rsa_pem(pem), Algorithm::RS256),
        (EncodingKey::from_ec_pem(pem), Algorithm::ES256),
        (EncodingKey::from_ec_pem(pem), Algorithm::ES384),
        (EncodingKey::from_ed_pem(pem), Algorithm::EdDSA),
    ];
    for (key, algorithm) in keys {
        let Ok(key) = key else { continue };
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        if let Ok(token) = jsonwebtoken::encode(&header, claims, &key) {
            return Ok(token);
        }
    }
    bail!(
        "the key is not a private key in PEM form that is of use: RSA, EC on P-256 or P-384 in PKCS #8 form \
         (`openssl pkcs8 -topk8 -nocrypt` makes it), or Ed25519"
    )
}

pub fn show(config: &Path, token: &str) -> anyhow::Result<Outcome> {
    let config = super::read_config(config)?;
    let rules = explain::load(&config)?;
    let claims = match unverified_claims(Token::new(token)) {
        Ok(claims) => claims,
        Err(error) => {
            say(format_args!("token         refused: {error}"));
            return Ok(Outcome::Denied);
        }
    };
    say(format_args!(
        "claims        {}",
        serde_json::to_string_pretty(&claims)?
    ));
    match rules.identify(Token::new(token), unix_time()) {
        Ok(identity) => {
            show_identity(&rules, &identity, &claims)?;
            Ok(Outcome::Done)
        }
        Err(rejection) => {
            let (message, reason) = (rejection.message(), rejection.reason());
            say(format_args!(
                "token         refused: {message} Reason `{reason}`; the claims above are not verified."
            ));
            Ok(Outcome::Denied)
        }
    }
}

fn show_identity(
    rules: &Rules,
    identity: &Identity,
    claims: &Map<String, Value>,
) -> anyhow::Result<()> {
    let principal = &identity.principal;
    let left = identity.expires.saturating_sub(unix_time());
    let left = humantime::format_duration(std::time::Duration::from_secs(left));
    say(format_args!(
        "token         good: signature, issuer, audience and times; expires in {left}"
    ));
    explain::say_bound(identity);
    say(format_args!(
        "subject       {}",
        principal.subject.as_deref().unwrap_or("(none)")
    ));
    say(format_args!(
        "projects      {}",
        explain::or_none(&principal.projects)
    ));
    if let Some(mapping) = rules.mapping(principal.issuer) {
        let patterns: Vec<String> = grant::patterns(claims, &mapping.actions)?
            .iter()
            .map(ToString::to_string)
            .collect();
        say(format_args!(
            "grants        {}",
            explain::or_none(&patterns)
        ));
    }
    let table = rules.router().table();
    let granted = principal.grants.granted();
    let missing = |operation: &Operation| -> Vec<&str> {
        let missing = operation.required.iter();
        let missing = missing.filter(|action| !granted.contains(**action));
        let names = missing.filter_map(|action| table.name(*action));
        names.map(ActionName::as_str).collect()
    };
    let operations = table.operations();
    let reached = operations
        .iter()
        .filter(|operation| missing(operation).is_empty());
    say(format_args!(
        "operations    {} of {} reached",
        reached.count(),
        operations.len()
    ));
    for operation in operations {
        let names = missing(operation);
        match names.as_slice() {
            [] => say(format_args!("  yes  {}", operation.permission)),
            names => say(format_args!(
                "  no   {} (missing {})",
                operation.permission,
                names.join(", ")
            )),
        }
    }
    Ok(())
}
