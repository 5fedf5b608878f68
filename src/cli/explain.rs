//! `explain`: one request through the functions the server uses, each step with its evidence.

mod arguments;
mod basis;
mod caller;
mod change;
mod decision;
mod explanation;
mod recorded;
mod told;
mod walk;

use serde_json::{Map, Value};

pub use arguments::Arguments;
use arguments::Form;
pub use basis::{Basis, unknown};
pub use caller::{Holder, or_none};
pub use explanation::{Decision, Explanation, PolicyName, Step};
pub use told::{bound_step, revocation_step};
pub use walk::{Depth, explain};

use super::{Outcome, say};
use crate::app::Inspector;
use crate::grant::Address;

/// A request to explain, and who sends it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub who: Who,
    /// As in a request line.
    pub method: String,
    /// The path, or the whole URL.
    pub path: String,
    /// JSON.
    pub body: Option<String>,
    /// The client's; none over a Unix socket.
    pub address: Address,
    /// Seconds since 1970; now, if it is not said. Tokens are verified as of now.
    pub at: Option<u64>,
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub enum Who {
    /// The caller with this token.
    Token(String),
    /// A caller with these claims, which nobody verifies, of this issuer or the only one.
    Claims {
        claims: Map<String, Value>,
        issuer: Option<String>,
    },
    /// A caller with these roles, made up: of this issuer, or the only one that knows them; in this
    /// project, or the path's own; with these claims besides.
    Roles {
        names: Vec<String>,
        project: Option<String>,
        issuer: Option<String>,
        claims: Map<String, Value>,
    },
    /// A caller with this policy alone, made up likewise.
    Policy {
        name: String,
        project: Option<String>,
        claims: Map<String, Value>,
    },
}

pub fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    if let (Some(id), Some(config)) = (&arguments.request, &arguments.config) {
        return recorded::run(id, &arguments.audit, config, arguments.format);
    }
    let config = arguments.config.as_deref().map(super::read_config);
    let (config, format) = (config.transpose()?, arguments.format);
    let asked = arguments.read()?;
    let basis = Basis::new(config.as_ref())?;
    let inspector = match (&asked.who, &config) {
        (Who::Token(_), Some(config)) => Some(Inspector::new(config)?),
        _ => None,
    };
    let explanation = explain(&basis, inspector.as_ref(), &asked, Depth::Change)?;
    finish(&explanation, format)
}

fn finish(explanation: &Explanation, format: Form) -> anyhow::Result<Outcome> {
    match format {
        Form::Text => explanation.print(),
        Form::Json => say(serde_json::to_string_pretty(explanation)?),
    }
    Ok(match explanation.decision {
        Decision::Allow => Outcome::Done,
        Decision::Deny => Outcome::Denied,
    })
}
