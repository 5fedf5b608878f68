//! What was used, and what was granted, group by group.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::By;
use crate::app::{Caller, Recorded, Reviewer, Undecidable};
use crate::audit::{Decided, RequestLine};
use crate::cli::passed::Passed;
use crate::grant::{ConditionKeys, Holdings, LeftOut, Usage};
use crate::table::{ActionId, ActionSet, ActionTable, Operation};

/// Who is looked at: callers, or roles.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Who {
    /// As the audit names it.
    pub issuer: String,
    /// The subject's or the role's; none for callers without a subject.
    pub name: Option<String>,
}

/// What one of them did.
#[derive(Debug)]
pub struct Group {
    /// The issuer's place in the config, where it is known.
    pub issuer: Option<usize>,
    /// Permitted requests.
    pub requests: u64,
    pub first: SystemTime,
    pub last: SystemTime,
    /// How often each action was demanded.
    pub used: BTreeMap<ActionId, u64>,
    /// What covered them.
    pub usage: Usage,
    /// Those of which no evidence tells what covered them.
    pub unproven: ActionSet,
    /// Whatever was granted to some request.
    pub granted: ActionSet,
}

/// All of them.
pub struct Gathered<'a> {
    reviewer: Option<&'a Reviewer>,
    pub table: &'a ActionTable,
    by: By,
    labels: HashMap<&'a str, &'a Operation>,
    pub groups: BTreeMap<Who, Group>,
    pub passed: Passed,
}

/// What a request demanded.
struct Demand {
    required: Vec<ActionId>,
    newer: Vec<ActionId>,
}

impl<'a> Gathered<'a> {
    pub fn new(reviewer: Option<&'a Reviewer>, table: &'a ActionTable, by: By) -> Self {
        let labels = table.operations().iter();
        Self {
            reviewer,
            table,
            by,
            labels: labels
                .map(|operation| (&*operation.permission, operation))
                .collect(),
            groups: BTreeMap::new(),
            passed: Passed::default(),
        }
    }

    pub fn take(&mut self, line: &RequestLine<'_>) {
        if line.decision != Some(Decided::Permit) {
            return self
                .passed
                .request("not permitted, so nothing was used", line);
        }
        let Some(issuer) = line.issuer.as_deref() else {
            return self.passed.request("of nobody known", line);
        };
        let read = match self.reviewer {
            None => Err(Undecidable::NoEvidence),
            Some(reviewer) => reviewer.read(line),
        };
        let told = read
            .as_ref()
            .ok()
            .and_then(|recorded| Some((recorded, known(recorded)?)));
        match (told, self.by) {
            (Some((recorded, caller)), By::Subject) => {
                self.take_known(line, issuer, recorded, caller);
            }
            (Some((recorded, caller)), By::Role) => self.take_roles(line, issuer, recorded, caller),
            (None, By::Subject) => self.take_unproven(line, issuer),
            (None, By::Role) => {
                let why = match read {
                    Err(why) => why.to_string(),
                    Ok(_) => "the config cannot read its claims".to_owned(),
                };
                self.passed
                    .request(format_args!("of unknown roles: {why}"), line);
            }
        }
    }

    fn take_known(
        &mut self,
        line: &RequestLine<'_>,
        issuer: &str,
        recorded: &Recorded,
        caller: &Caller,
    ) {
        let holdings = self.reviewer.and_then(|reviewer| reviewer.holdings(caller));
        let (Some(demand), Some(holdings)) = (self.demand(line, recorded), holdings) else {
            return self.take_unproven(line, issuer);
        };
        let (who, place) = (subject(line, issuer), Some(caller.issuer));
        self.add(line, (who, place), &demand, &holdings, |_| true);
    }

    fn take_roles(
        &mut self,
        line: &RequestLine<'_>,
        issuer: &str,
        recorded: &Recorded,
        caller: &Caller,
    ) {
        let Some(demand) = self.demand(line, recorded) else {
            return self
                .passed
                .request("not routed by the config's table", line);
        };
        let roles = self
            .reviewer
            .map(|reviewer| reviewer.roles(caller))
            .unwrap_or_default();
        if roles.is_empty() {
            self.passed.request("without a role of the config", line);
        }
        for (role, holdings) in roles {
            let who = Who {
                issuer: issuer.to_owned(),
                name: Some(role),
            };
            // The rest was granted by something else.
            let granted = holdings.granted().clone();
            self.add(
                line,
                (who, Some(caller.issuer)),
                &demand,
                &holdings,
                |action| granted.contains(action),
            );
        }
    }

    fn add(
        &mut self,
        line: &RequestLine<'_>,
        (who, issuer): (Who, Option<usize>),
        demand: &Demand,
        holdings: &Holdings,
        is_its: impl Fn(ActionId) -> bool,
    ) {
        let required = demand.required.iter().copied();
        let required: Vec<ActionId> = required.filter(|action| is_its(*action)).collect();
        let table = self.table;
        let group = self.group(line, who, issuer);
        group.count(&required);
        group.granted.union_with(holdings.granted());
        group.usage.add(&required, &demand.newer, holdings, table);
    }

    /// What is known is the operation's label; what its body demanded besides is not.
    fn take_unproven(&mut self, line: &RequestLine<'_>, issuer: &str) {
        let label = line.operation.as_deref().unwrap_or_default();
        let Some(operation) = self.labels.get(label) else {
            return self
                .passed
                .request("of an operation that the table does not have", line);
        };
        let required = operation.required.clone();
        if !operation.conditional.is_empty() {
            let why = "of an operation that may have demanded more, as its body said";
            self.passed.request(why, line);
        }
        let group = self.group(line, subject(line, issuer), None);
        group.count(&required);
        for action in required {
            group.unproven.insert(action);
        }
    }

    fn group(&mut self, line: &RequestLine<'_>, who: Who, issuer: Option<usize>) -> &mut Group {
        let group = self.groups.entry(who).or_insert_with(|| Group {
            issuer,
            requests: 0,
            first: line.time,
            last: line.time,
            used: BTreeMap::new(),
            usage: Usage::default(),
            unproven: ActionSet::default(),
            granted: ActionSet::default(),
        });
        group.issuer = group.issuer.or(issuer);
        group.requests += 1;
        group.first = group.first.min(line.time);
        group.last = group.last.max(line.time);
        group
    }

    /// What policies are held against that whoever is in `group` has.
    pub fn keys(&self, group: &Group) -> Option<&'a ConditionKeys> {
        let reading = self.reviewer?.reading(group.issuer?)?;
        Some(&reading.mapping.keys)
    }

    /// What the request demanded of a gateway with this config.
    fn demand(&mut self, line: &RequestLine<'_>, recorded: &Recorded) -> Option<Demand> {
        let target = self.reviewer?.target(recorded);
        match target {
            Ok(Ok(target)) => Some(Demand {
                required: target.required().collect(),
                newer: target.operation.refused_by.clone(),
            }),
            Ok(Err(_)) => None,
            Err(why) => {
                self.passed
                    .request(format_args!("not wholly told: {why}"), line);
                None
            }
        }
    }
}

impl Group {
    fn count(&mut self, required: &[ActionId]) {
        for action in required {
            *self.used.entry(*action).or_default() += 1;
        }
    }

    /// Between the first and the last request.
    pub fn days(&self) -> u64 {
        let span = self.last.duration_since(self.first).unwrap_or_default();
        span.as_secs() / (24 * 60 * 60)
    }

    /// What covered the actions that were used; what is not known of them is left out, unless `assumed` to
    /// have asked for nothing.
    pub fn usage(&self, table: &ActionTable, assumed: bool) -> Usage {
        let mut usage = self.usage.clone();
        for (action, _) in table
            .actions()
            .filter(|(id, _)| self.unproven.contains(*id))
        {
            match assumed {
                true => usage.add_unconditional(action),
                false => usage.leave_out(action, LeftOut::Unproven),
            }
        }
        usage
    }
}

fn subject(line: &RequestLine<'_>, issuer: &str) -> Who {
    Who {
        issuer: issuer.to_owned(),
        name: line.subject.as_deref().map(str::to_owned),
    }
}

fn known(recorded: &Recorded) -> Option<&Caller> {
    recorded.caller.as_deref()?.as_ref().ok()
}
