//! `token sign` and `token show`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Subcommand;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};

use super::{ConfigFile, Outcome, explain, say};
use crate::app::{Inspected, Inspector};
use crate::decision::OperationReach;
use crate::gateway::Rejection;
use crate::grant::{Reach, Reaching as _};
use crate::table::ActionName;
use crate::token::{Standing, Token, TokenError, unix_time, unverified_claims};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Sign claims, for tests
    Sign {
        /// A private key in PEM form: RSA, EC (PKCS #8) or Ed25519
        #[arg(long, value_name = "PEM")]
        key: PathBuf,
        /// The claims as JSON, or @FILE
        #[arg(long, value_name = "JSON|@FILE")]
        claims: String,
        /// The name of the key in its key set
        #[arg(long)]
        kid: Option<String>,
    },
    /// Show a token's claims, what they grant and which operations they reach
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// The token, or - for standard input
        #[arg(value_name = "TOKEN|-")]
        token: String,
    },
}

pub fn run(command: TokenCommand) -> anyhow::Result<Outcome> {
    match command {
        TokenCommand::Sign { key, claims, kid } => sign(&key, &claims, kid.as_deref()),
        TokenCommand::Show { config, token } => {
            let token = match token.as_str() {
                "-" => super::read_text("-".as_ref())?,
                _ => token,
            };
            show(&config.config, token.trim())
        }
    }
}

fn sign(key: &Path, claims: &str, kid: Option<&str>) -> anyhow::Result<Outcome> {
    let text = super::text_or_file(claims)?;
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

fn show(config: &Path, token: &str) -> anyhow::Result<Outcome> {
    let config = super::read_config(config)?;
    let inspector = Inspector::new(&config)?;
    let inspected = inspector.inspect(Token::new(token));
    let (claims, verified) = match &inspected {
        // Of a token that its issuer was asked about, they are what it said.
        Ok(inspected) => (Some(inspected.claims.clone()), ""),
        Err(_) => (
            unverified_claims(Token::new(token)).ok(),
            "; the claims above are not verified",
        ),
    };
    let verified = claims.as_ref().map_or("", |_| verified);
    if let Some(claims) = claims {
        say(format_args!(
            "claims        {}",
            serde_json::to_string_pretty(&claims)?
        ));
    }
    match inspected {
        Ok(inspected) => {
            print_all(explain::revocation_step(&inspector));
            show_identity(&explain::Basis::new(Some(&config))?, inspected)?;
            Ok(Outcome::Done)
        }
        Err(rejection) => {
            if let Rejection::Unauthenticated(
                TokenError::Revoked | TokenError::RevocationUnavailable,
            ) = rejection
            {
                print_all(explain::revocation_step(&inspector));
            }
            let (message, reason) = (rejection.message(), rejection.reason());
            say(format_args!(
                "token         refused: {message} Reason `{reason}`{verified}."
            ));
            Ok(Outcome::Denied)
        }
    }
}

fn print_all(steps: impl IntoIterator<Item = explain::Step>) {
    for step in steps {
        step.print();
    }
}

fn show_identity(basis: &explain::Basis<'_>, inspected: Inspected) -> anyhow::Result<()> {
    let Inspected { identity, claims } = inspected;
    let reader = basis.issuers.get(identity.principal.issuer);
    let reader = reader.context("the token's issuer is gone")?;
    let holder = explain::Holder::new(basis, reader, claims);
    let holder = holder.map_err(|rejection| anyhow!("{}", rejection.message()))?;
    let principal = &holder.principal;
    let end = match identity.expires {
        u64::MAX => "when it expires is not said".to_owned(),
        expires => {
            let left = Duration::from_secs(expires.saturating_sub(unix_time()));
            format!("expires in {}", humantime::format_duration(left))
        }
    };
    let checked = match identity.standing {
        Standing::Keys(_) => "signature, issuer, audience and times",
        Standing::Until(_) => "its issuer says so",
    };
    say(format_args!("token         good: {checked}; {end}"));
    print_all(explain::bound_step(&identity));
    say(format_args!(
        "subject       {}",
        principal
            .subject
            .as_deref()
            .unwrap_or("(none)")
            .escape_debug()
    ));
    print_all(holder.steps()?);
    if holder.reading.mapping.actions.is_some() {
        let patterns = holder.patterns.iter().map(ToString::to_string);
        let patterns: Vec<String> = patterns.collect();
        say(format_args!(
            "grants        {}",
            explain::or_none(&patterns)
        ));
    }
    let table = basis.table();
    let operations = table.operations();
    let reaches: Vec<OperationReach> = operations
        .iter()
        .map(|operation| OperationReach::new(operation, &principal.grants))
        .collect();
    let count = |reach| reaches.iter().filter(|found| found.reach == reach).count();
    let depending = match count(Reach::Some) {
        0 => String::new(),
        some => format!(", {some} more by some requests"),
    };
    say(format_args!(
        "operations    {} of {} reached{depending}",
        count(Reach::Every),
        operations.len()
    ));
    for (operation, OperationReach { reach, because }) in operations.iter().zip(&reaches) {
        let names = because.iter().filter_map(|action| table.name(*action));
        let names: Vec<&str> = names.map(ActionName::as_str).collect();
        let (permission, names) = (&operation.permission, names.join(", "));
        match reach {
            Reach::Every => say(format_args!("  yes  {permission}")),
            Reach::Some => say(format_args!(
                "  some {permission} ({names}: depends on the request)"
            )),
            Reach::No => {
                let is_denied = |action| principal.grants.denial_reach(action) == Reach::Every;
                let verb = match because.iter().copied().any(is_denied) {
                    true => "denied",
                    false => "missing",
                };
                say(format_args!("  no   {permission} ({verb} {names})"));
            }
        }
    }
    Ok(())
}
