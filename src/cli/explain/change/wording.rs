//! Advice in words.

use std::fmt;

use super::{Edit, Example, Place, Way};
use crate::cli::explain::caller::quoted;
use crate::json;

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edits: Vec<String> = self.edits.iter().map(ToString::to_string).collect();
        f.write_str(&edits.join(", and "))?;
        match self.edits.last() {
            Some(Edit::Role { .. } | Edit::Policy { .. }) => {
                write!(f, " (which may use {} actions more)", self.adds)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project { claim, project } => write!(
                f,
                "use a token whose claim `{claim}` names `{}`, or a path of the token's project",
                project.escape_debug()
            ),
            Self::Domain {
                claim: Some(claim),
                project_claim,
                domain,
            } => write!(
                f,
                "use a token whose claim `{claim}` names `{}` and that has no claim `{project_claim}`",
                domain.escape_debug()
            ),
            Self::Domain { claim: None, .. } => {
                f.write_str("name the claim with the domain as `domain` in [issuer.claims]")
            }
            Self::AccessRule => f.write_str(
                "use a token of an application credential whose access rules include it, or of one \
                 without any",
            ),
            Self::Drop {
                actions,
                statements,
            } => {
                let places = statements.iter();
                let places: Vec<String> = places
                    .map(|dropped| format!("{} {}", dropped.policy, dropped.statement))
                    .collect();
                let (verb, actions) = match places.len() {
                    1 => ("denies", actions.join(" and ")),
                    _ => ("deny", actions.join(" and ")),
                };
                let places = places.join(" and ");
                write!(
                    f,
                    "drop {places}, which {verb} {actions} whatever grants it"
                )
            }
            Self::Condition {
                statement,
                condition,
                example,
            } => {
                let example = match example {
                    Example::Time(time) => format!("send it at another time, such as {time}"),
                    Example::Address(address) => {
                        format!("send it from another address, such as {address}")
                    }
                    Example::Authentication(_) => "authenticate again".to_owned(),
                    Example::Claim { claim, value } => {
                        format!(
                            "use a token whose claim `{claim}` is {}",
                            json::shown(value)
                        )
                    }
                };
                write!(f, "{example} ({condition}, of {statement})")
            }
            Self::Grant { actions, place } => {
                let actions = actions.join(" and ");
                match place {
                    Place::ActionsClaim(claim) => {
                        write!(f, "use a token whose claim `{claim}` grants {actions}, too")
                    }
                    Place::PoliciesClaim(claim) => {
                        write!(
                            f,
                            "use a token whose policies at `{claim}` allow {actions}, too"
                        )
                    }
                    Place::Policy => write!(f, "let the policy allow {actions}, too"),
                    Place::RolesPolicies => {
                        write!(
                            f,
                            "give a role of [issuer.roles] a policy that allows {actions}"
                        )
                    }
                }
            }
            Self::Policy { policy } => write!(f, "use the policy {}, too", quoted(policy)),
            Self::Role { role, .. } => write!(f, "use a token with the role {}", quoted(role)),
        }
    }
}
