//! What the command line says of a request and of who sends it.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::{Asked, Who};
use crate::cli::{parse_time, read_text, text_or_file};
use crate::json;

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("caller").required(true))]
pub struct Arguments {
    /// The config [default: the built-in table and policies]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A file with the caller's token, or - for standard input
    #[arg(long, value_name = "FILE|-", group = "caller", requires = "config")]
    token: Option<PathBuf>,
    /// The claims of a token, as they are or in a file: nothing is verified
    #[arg(long, value_name = "JSON|FILE", group = "caller", requires = "config")]
    claims: Option<String>,
    /// Whoever has this role, and others named likewise
    #[arg(
        long = "role",
        value_name = "NAME",
        group = "caller",
        requires = "config"
    )]
    roles: Vec<String>,
    /// Whoever has this policy alone
    #[arg(long, value_name = "NAME", group = "caller")]
    policy: Option<String>,
    /// The recorded request with this id, from what the audit holds of it
    #[arg(long, value_name = "ID", group = "caller", requires_all = ["config", "audit"],
          conflicts_with_all = ["method", "path", "body", "address", "at"])]
    pub request: Option<String>,
    /// A file of the audit, and others named likewise; - is standard input
    #[arg(long, value_name = "FILE|-", requires = "request")]
    pub audit: Vec<PathBuf>,
    /// The issuer whose claims or roles these are [default: the only one, or the one with the roles]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["token", "policy", "request"])]
    issuer: Option<String>,
    /// The project in which the roles or the policy are [default: the path's own]
    #[arg(long, value_name = "ID", conflicts_with_all = ["token", "claims", "request"])]
    project: Option<String>,
    /// The request's method, such as GET
    #[arg(required_unless_present = "request")]
    method: Option<String>,
    /// The request's path, such as /v2.1/PROJECT/servers/SERVER/metadata, or its URL
    #[arg(required_unless_present = "request")]
    path: Option<String>,
    /// The request's body as JSON, or @FILE, where it tells what the request is
    #[arg(long, value_name = "JSON|@FILE")]
    body: Option<String>,
    /// The client's address, which policies may ask for [default: none, as over a Unix socket]
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// When the request is made, which policies may ask for [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<u64>,
    /// The form of the explanation
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub format: Form,
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Form {
    Text,
    Json,
}

impl Arguments {
    /// The request, with what files hold.
    pub fn read(self) -> anyhow::Result<Asked> {
        let who = match (self.token, self.claims, self.policy) {
            (Some(file), ..) => Who::Token(read_text(&file)?.trim().to_owned()),
            (None, Some(claims), _) => Who::Claims {
                claims: read_claims(&claims)?,
                issuer: self.issuer,
            },
            (None, None, Some(name)) => Who::Policy {
                name,
                project: self.project,
                claims: Map::new(),
            },
            (None, None, None) if self.roles.is_empty() => {
                bail!("expected --token, --claims, --role or --policy")
            }
            (None, None, None) => Who::Roles {
                names: self.roles,
                project: self.project,
                issuer: self.issuer,
                claims: Map::new(),
            },
        };
        Ok(Asked {
            who,
            method: self.method.context("expected a method")?,
            path: self.path.context("expected a path")?,
            body: self.body.as_deref().map(text_or_file).transpose()?,
            address: self.address.into(),
            at: self.at,
        })
    }
}

/// An argument that is JSON, or the file that holds it.
fn read_claims(argument: &str) -> anyhow::Result<Map<String, Value>> {
    let text = match argument.trim_start().starts_with('{') {
        true => argument.to_owned(),
        false => read_text(argument.as_ref())?,
    };
    json::parse_object(text.trim().as_bytes()).context("the claims cannot be read")
}
