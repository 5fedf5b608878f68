//! A caller as it would be after some edits.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::{Edit, Example};
use crate::cli::explain::basis::Basis;
use crate::cli::explain::caller::{Held, Holder};
use crate::cli::explain::decision;
use crate::cli::explain::explanation::{ActionEvidence, PolicyName};
use crate::decision::{Circumstances, Denial, authorize};
use crate::grant::{Address, Grants, Verdict, Witness};
use crate::json::Pointer;
use crate::router::Target;
use crate::table::{ActionId, ActionSet};

/// What a decision rests on, with edits.
pub struct Draft<'a> {
    before: &'a Holder<'a>,
    holder: Holder<'a>,
    circumstances: Circumstances,
    /// Granted by name, besides what claims grant.
    granted: ActionSet,
    /// Whether anybody may do more than before, and not only in other circumstances.
    is_wider: bool,
}

impl<'a> Draft<'a> {
    pub fn new(holder: &'a Holder<'a>, circumstances: Circumstances) -> Self {
        Self {
            before: holder,
            holder: holder.clone(),
            circumstances,
            granted: ActionSet::default(),
            is_wider: false,
        }
    }

    /// After these, too; nothing if the gateway could not judge such a caller.
    pub fn with(&self, basis: &Basis<'_>, edits: &[Edit]) -> Option<Self> {
        let mut draft = Self {
            holder: self.holder.clone(),
            granted: self.granted.clone(),
            ..*self
        };
        for edit in edits {
            draft.apply(basis, edit)?;
        }
        draft.holder.principal.grants = draft.grants(basis)?;
        Some(draft)
    }

    fn apply(&mut self, basis: &Basis<'_>, edit: &Edit) -> Option<()> {
        let Holder {
            principal,
            held,
            claims,
            reading,
            ..
        } = &mut self.holder;
        match edit {
            Edit::Project { project, .. } => principal.projects = vec![project.clone()],
            Edit::Domain { domain, .. } => {
                principal.projects = Vec::new();
                principal.domain = Some(domain.clone());
            }
            Edit::AccessRule => principal.access_rules = None,
            Edit::Drop { statements, .. } => {
                self.is_wider = true;
                for (index, held) in held.iter_mut().enumerate() {
                    let dropped = statements.iter().filter(|dropped| dropped.held == index);
                    let places: Vec<&str> = dropped.map(|its| its.statement.as_str()).collect();
                    held.compiled = Cow::Owned(held.compiled.without(&places));
                }
            }
            Edit::Condition { example, .. } => match example {
                Example::Time(text) => {
                    let time = humantime::parse_rfc3339(text).ok()?;
                    self.circumstances.now = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
                }
                Example::Address(address) => self.circumstances.address = Address::Known(*address),
                Example::Authentication(claim) => {
                    let pointer: Pointer = claim.parse().ok()?;
                    pointer.write(claims, json!(self.circumstances.now));
                }
                Example::Claim { claim, value } => {
                    let pointer: Pointer = claim.parse().ok()?;
                    pointer.write(claims, value.clone());
                }
            },
            Edit::Grant { actions, .. } => {
                self.is_wider = true;
                for name in actions {
                    self.granted
                        .insert(basis.table().action(&name.parse().ok()?)?);
                }
            }
            Edit::Role { role, .. } | Edit::Policy { policy: role } => {
                self.is_wider = true;
                for policy in reading.roles.find(&[role]).policies {
                    let name = PolicyName::Named(policy.name.clone());
                    // What a caller has twice counts once, but for what was dropped.
                    let source = basis.policy(&policy.name);
                    held.extend(source.map(|source| Held {
                        name,
                        roles: vec![role.clone()],
                        compiled: Cow::Owned(policy.compiled.clone()),
                        source: Cow::Owned(source.policy.clone()),
                    }));
                }
            }
        }
        Some(())
    }

    fn grants(&self, basis: &Basis<'_>) -> Option<Grants> {
        let mut named = self.granted.clone();
        for pattern in &self.holder.patterns {
            named.union_with(&pattern.select(basis.table()));
        }
        let mut grants = Grants::new(named);
        let values = self.holder.reading.mapping.keys.read(&self.holder.claims);
        for held in &self.holder.held {
            grants.add(&held.compiled, &values).ok()?;
        }
        Some(grants)
    }

    pub fn decide(&self, target: &Target<'_>) -> Result<(), Denial> {
        authorize(&self.holder.principal, target, self.circumstances).map(|_| ())
    }

    /// How many more actions may be used than before, in requests about the same.
    pub fn adds(&self, basis: &Basis<'_>, target: &Target<'_>) -> usize {
        if !self.is_wider {
            return 0;
        }
        let request = decision::request(target, self.circumstances);
        let may = |holder: &Holder<'_>, action| {
            holder.principal.grants.verdict(action, &request) == Verdict::Allowed
        };
        let mut actions: Vec<ActionId> = basis.table().actions().map(|(id, _)| id).collect();
        actions.retain(|action| may(&self.holder, *action) && !may(self.before, *action));
        actions.len()
    }

    pub fn evidence(
        &self,
        basis: &Basis<'_>,
        target: &Target<'_>,
        action: ActionId,
    ) -> anyhow::Result<ActionEvidence> {
        let request = decision::request(target, self.circumstances);
        decision::evidence(basis, &self.holder, action, &request)
    }

    /// A witness in words; none for a claim that nobody can name.
    pub fn example(&self, key: &str, witness: &Witness) -> Option<Example> {
        Some(match witness {
            Witness::Time(seconds) => {
                let time = UNIX_EPOCH.checked_add(Duration::from_secs(*seconds))?;
                Example::Time(humantime::format_rfc3339_seconds(time).to_string())
            }
            Witness::Address(address) => Example::Address(*address),
            Witness::Fresh => Example::Authentication(self.claim(key)?),
            Witness::Claim(value) => Example::Claim {
                claim: self.claim(key)?,
                value: value.clone(),
            },
        })
    }

    fn claim(&self, key: &str) -> Option<String> {
        let mut fed = self.holder.reading.mapping.keys.fed();
        let (_, pointer) = fed.find(|(name, _)| *name == key)?;
        Some(pointer.to_string())
    }
}
