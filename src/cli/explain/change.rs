//! What would permit a denied request: the smallest changes, each tried by deciding again with it.

mod draft;
mod wording;

use serde::Serialize;
use serde_json::Value;

use draft::Draft;

use super::basis::{Basis, Kind};
use super::caller::Holder;
use super::explanation::PolicyName;
use crate::decision::{Circumstances, Denial};
use crate::router::Target;
use crate::table::ActionId;

/// A request is refused for no more reasons than these, one after the other.
const MAX_EDITS: usize = 6;

/// Advice, and what it comes to.
#[derive(Debug, Serialize)]
pub struct Change {
    pub says: String,
    /// Each permits the request by itself; the smallest first.
    pub ways: Vec<Way>,
}

/// Edits that together permit the request.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    pub edits: Vec<Edit>,
    /// How many more of the table's actions the caller may use then, in requests like this one.
    pub adds: usize,
}

/// One change of a caller, its policies or its request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Edit {
    /// The token is for this project.
    Project { claim: String, project: String },
    /// The token is for this domain, and for no project.
    Domain {
        claim: Option<String>,
        project_claim: String,
        domain: String,
    },
    /// The application credential's access rules include the request.
    AccessRule,
    /// Statements that deny the request are not there.
    Drop {
        actions: Vec<String>,
        statements: Vec<Dropped>,
    },
    /// A condition turns out otherwise.
    Condition {
        statement: String,
        condition: String,
        #[serde(flatten)]
        example: Example,
    },
    /// The actions are granted by name.
    Grant { actions: Vec<String>, place: Place },
    /// The caller has this role, too.
    Role { role: String, claim: String },
    /// The caller has this policy, too.
    Policy { policy: String },
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropped {
    pub policy: PolicyName,
    pub statement: String,
    #[serde(skip)]
    pub held: usize,
}

/// With what a condition turns out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "of", content = "example", rename_all = "snake_case")]
pub enum Example {
    Time(String),
    Address(std::net::IpAddr),
    /// The caller has just proved who it is, as this claim says.
    Authentication(String),
    Claim {
        claim: String,
        value: Value,
    },
}

/// Where actions can be granted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "in", content = "claim", rename_all = "snake_case")]
pub enum Place {
    ActionsClaim(String),
    PoliciesClaim(String),
    RolesPolicies,
    /// The one that the caller is made up of.
    Policy,
}

impl Change {
    /// Advice that no decision can try.
    pub fn told(says: &str) -> Self {
        Self {
            says: says.to_owned(),
            ways: Vec::new(),
        }
    }
}

/// What would permit a request that is denied.
pub fn find(
    basis: &Basis<'_>,
    holder: &Holder<'_>,
    target: &Target<'_>,
    circumstances: Circumstances,
) -> anyhow::Result<Change> {
    let search = Search {
        basis,
        holder,
        target,
    };
    let mut ways = Vec::new();
    search.go_on(&Draft::new(holder, circumstances), &[], &mut ways)?;
    ways.sort_by_key(|way: &Way| (way.adds, way.edits.len()));
    let all = ways.clone();
    ways.retain(|way| !all.iter().any(|other| other.is_part_of(way)));
    let says: Vec<String> = ways.iter().map(ToString::to_string).collect();
    let says = match says.as_slice() {
        [] => "no single change of the caller, its policies or the circumstances permits it"
            .to_owned(),
        ways => ways.join("; or "),
    };
    Ok(Change { says, ways })
}

impl Way {
    /// Whether `other` has all its edits, and more.
    fn is_part_of(&self, other: &Self) -> bool {
        let mut edits = self.edits.iter();
        self.edits.len() < other.edits.len() && edits.all(|edit| other.edits.contains(edit))
    }
}

struct Search<'s> {
    basis: &'s Basis<'s>,
    holder: &'s Holder<'s>,
    target: &'s Target<'s>,
}

impl Search<'_> {
    /// Adds every way on from `draft`, which `edits` have led to.
    fn go_on(&self, draft: &Draft<'_>, edits: &[Edit], ways: &mut Vec<Way>) -> anyhow::Result<()> {
        let denial = match draft.decide(self.target) {
            Ok(()) => {
                ways.push(Way {
                    adds: draft.adds(self.basis, self.target),
                    edits: edits.to_vec(),
                });
                return Ok(());
            }
            Err(_) if edits.len() >= MAX_EDITS => return Ok(()),
            Err(denial) => denial,
        };
        for more in self.edits(draft, &denial)? {
            if let Some(draft) = draft.with(self.basis, &more) {
                self.go_on(&draft, &[edits, &more].concat(), ways)?;
            }
        }
        Ok(())
    }

    /// What may be done about a denial, each for itself.
    fn edits(&self, draft: &Draft<'_>, denial: &Denial) -> anyhow::Result<Vec<Vec<Edit>>> {
        let mapping = &self.holder.reading.mapping;
        Ok(match denial {
            Denial::Project { project } => vec![vec![Edit::Project {
                claim: mapping.project.to_string(),
                project: project.clone(),
            }]],
            Denial::Domain { domain } => vec![vec![Edit::Domain {
                claim: mapping.keys.domain.as_ref().map(ToString::to_string),
                project_claim: mapping.project.to_string(),
                domain: domain.clone(),
            }]],
            Denial::AccessRule { .. } => vec![vec![Edit::AccessRule]],
            Denial::Denied { actions } => self.undo(draft, actions)?,
            Denial::Actions { missing } => self.grant(draft, missing)?,
        })
    }

    /// Other circumstances, or policies without the statements.
    fn undo(&self, draft: &Draft<'_>, actions: &[ActionId]) -> anyhow::Result<Vec<Vec<Edit>>> {
        let (mut statements, mut others) = (Vec::new(), Some(Vec::new()));
        for action in actions {
            for found in draft.evidence(self.basis, self.target, *action)?.statements {
                if !found.evidence.denies() || !found.evidence.applies {
                    continue;
                }
                let dropped = Dropped {
                    policy: found.policy.clone(),
                    statement: found.evidence.statement.clone(),
                    held: found.held,
                };
                if statements.contains(&dropped) {
                    continue;
                }
                statements.push(dropped);
                let conditions = &found.evidence.conditions;
                let condition = conditions.iter().find_map(|condition| {
                    draft
                        .example(&condition.key, condition.witness.as_ref()?)
                        .map(|example| Edit::Condition {
                            statement: found.place(),
                            condition: condition.condition.clone(),
                            example,
                        })
                });
                match (condition, &mut others) {
                    (Some(edit), Some(others)) => others.push(edit),
                    _ => others = None,
                }
            }
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let actions = self.names(actions);
        // What avoids one denial may run into another.
        let others = others.filter(|edits| {
            let tried = draft.with(self.basis, edits);
            let tried = tried.map(|draft| draft.decide(self.target));
            !matches!(tried, None | Some(Err(Denial::Denied { .. })))
        });
        let drop = vec![Edit::Drop {
            actions,
            statements,
        }];
        Ok(others.into_iter().chain([drop]).collect())
    }

    /// Other circumstances, the actions by name, or the role that comes with the least besides.
    fn grant(&self, draft: &Draft<'_>, missing: &[ActionId]) -> anyhow::Result<Vec<Vec<Edit>>> {
        let mut all = Vec::new();
        if let Some(edits) = self.fulfill(draft, missing)? {
            all.push(edits);
        }
        let mapping = &self.holder.reading.mapping;
        let place = match (&mapping.actions, &mapping.policies, self.holder.kind) {
            (Some(claim), ..) => Place::ActionsClaim(claim.to_string()),
            (None, Some(claim), _) => Place::PoliciesClaim(claim.to_string()),
            (None, None, Kind::Roles) => Place::RolesPolicies,
            (None, None, Kind::Policies) => Place::Policy,
        };
        all.push(vec![Edit::Grant {
            actions: self.names(missing),
            place,
        }]);
        let mut least: Option<(usize, Edit)> = None;
        for (role, _) in self.holder.reading.roles.iter() {
            let edit = match self.holder.kind {
                Kind::Policies => Edit::Policy {
                    policy: role.to_owned(),
                },
                Kind::Roles => Edit::Role {
                    role: role.to_owned(),
                    claim: mapping
                        .roles
                        .as_ref()
                        .map_or_else(String::new, ToString::to_string),
                },
            };
            let tried = draft.with(self.basis, std::slice::from_ref(&edit));
            if let Some(draft) = tried.filter(|draft| draft.decide(self.target).is_ok()) {
                let adds = draft.adds(self.basis, self.target);
                if least.as_ref().is_none_or(|(least, _)| adds < *least) {
                    least = Some((adds, edit));
                }
            }
        }
        all.extend(least.map(|(_, edit)| vec![edit]));
        Ok(all)
    }

    /// What makes statements that the caller has allow each missing action; nothing where that cannot be
    /// had, as where a statement is about other instances.
    fn fulfill(
        &self,
        draft: &Draft<'_>,
        missing: &[ActionId],
    ) -> anyhow::Result<Option<Vec<Edit>>> {
        let mut edits: Vec<Edit> = Vec::new();
        for action in missing {
            let found = draft.evidence(self.basis, self.target, *action)?.statements;
            let mut ways = found.iter().filter_map(|found| {
                let evidence = &found.evidence;
                if evidence.denies() || evidence.resource.as_ref().is_some_and(|its| !its.holds) {
                    return None;
                }
                let unmet = evidence.conditions.iter().filter(|its| !its.holds);
                let edits = unmet.map(|condition| {
                    let example = draft.example(&condition.key, condition.witness.as_ref()?)?;
                    Some(Edit::Condition {
                        statement: found.place(),
                        condition: condition.condition.clone(),
                        example,
                    })
                });
                edits.collect::<Option<Vec<Edit>>>()
            });
            let Some(way) = ways.next() else {
                return Ok(None);
            };
            edits.extend(way);
        }
        edits.dedup();
        let tried = draft.with(self.basis, &edits);
        let is_good = tried.is_some_and(|draft| draft.decide(self.target).is_ok());
        Ok(Some(edits).filter(|edits| is_good && !edits.is_empty()))
    }

    fn names(&self, actions: &[ActionId]) -> Vec<String> {
        let table = self.basis.table();
        let names = actions.iter().filter_map(|action| table.name(*action));
        names.map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests;
