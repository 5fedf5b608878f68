//! What an operation asks of its callers, whoever they are: the part of a comparison that no single
//! role shows.

use std::collections::BTreeSet;

use crate::router::Router;
use crate::table::{Access, ActionName, ActionTable, Operation, Resource};

/// What one side asks of those who send a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Demand {
    access: Access,
    /// Each with its older names, in lower case.
    required: BTreeSet<Names>,
    /// Beside what is in a body.
    conditional: BTreeSet<(String, BTreeSet<Names>)>,
    refused_by: BTreeSet<Names>,
    /// Which of the path's parameters is the token's project, and which its domain.
    project: Option<usize>,
    domain: Option<usize>,
    resource: Option<String>,
    reads_body: bool,
    max_body: Option<u64>,
    upgrade: bool,
}

/// The names that policies may give to one action.
type Names = BTreeSet<String>;

/// What is asked differently now, and what that can do to callers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DemandChange {
    /// For people, a line each.
    pub told: Vec<String>,
    /// There are tokens that may do it now and might not before.
    pub widens: bool,
    /// There are tokens that might do it before and may not now.
    pub narrows: bool,
}

impl Demand {
    /// What `operation` asks on its route with this shape.
    pub fn new(router: &Router, operation: &Operation, shape: &str) -> Self {
        let table = router.table();
        let names =
            |actions: &[ActionName]| actions.iter().map(|name| names(table, name)).collect();
        let required = operation.required.iter().filter_map(|id| table.name(*id));
        let route = operation.routes.iter();
        let route = route.clone().find(|route| route.template.shape() == shape);
        let at = |parameter: Option<&String>| {
            let template = &route?.template;
            template.parameter_index(parameter.map(String::as_str))
        };
        let conditional = operation.conditional.iter();
        Self {
            access: operation.access,
            required: required.map(|name| self::names(table, name)).collect(),
            conditional: conditional
                .map(|conditional| (conditional.when.to_string(), names(&conditional.actions)))
                .collect(),
            refused_by: names(&operation.successors),
            project: at(operation.project.as_ref()),
            domain: at(operation.domain.as_ref()),
            resource: operation.resource.as_ref().map(|resource| match resource {
                Resource::Parameter(name) => {
                    let index = at(Some(name));
                    index.map_or_else(|| name.clone(), |index| format!("parameter {}", index + 1))
                }
                Resource::Body(pointer) => pointer.to_string(),
            }),
            reads_body: operation.reads_body(),
            max_body: operation.max_body,
            upgrade: operation.upgrade,
        }
    }

    /// Every name that a denial can be of.
    fn denied_by(&self) -> BTreeSet<&String> {
        let besides = self.conditional.iter().flat_map(|(_, names)| names);
        let all = self.required.iter().chain(&self.refused_by).chain(besides);
        all.flatten().collect()
    }

    /// Whether some token has all that `self` asks for and not all that `other` does.
    fn lets_in_more_than(&self, other: &Self) -> bool {
        let rank = |access| match access {
            Access::Actions => 0,
            Access::Authenticated => 1,
            Access::Public => 2,
        };
        // A token that has all that `self` requires, each by a name that is none of `action`'s.
        let without = |action: &Names| self.required.iter().all(|own| !own.is_subset(action));
        let asks_less_of_body = |(when, names): &(String, BTreeSet<Names>)| {
            let own = self.conditional.iter().find(|(own, _)| own == when);
            let own = own.map(|(_, names)| names).into_iter().flatten();
            let own: Vec<&Names> = own.chain(&self.required).collect();
            names
                .iter()
                .any(|action| own.iter().all(|own| !own.is_subset(action)))
        };
        rank(self.access) > rank(other.access)
            || other.required.iter().any(without)
            || other.conditional.iter().any(asks_less_of_body)
            || !other.denied_by().is_subset(&self.denied_by())
            || (other.project.is_some() && self.project != other.project)
            || (other.domain.is_some() && self.domain != other.domain)
            || self.resource != other.resource
            || (other.reads_body && !self.reads_body)
            || self.max_body.unwrap_or(u64::MAX) > other.max_body.unwrap_or(u64::MAX)
            || (self.upgrade && !other.upgrade)
    }
}

/// What changed from `old` to `new`; nothing where they are equal.
pub fn change(old: &Demand, new: &Demand) -> Option<DemandChange> {
    if old == new {
        return None;
    }
    let mut told = Vec::new();
    let mut tell = |what: &str, old: String, new: String| {
        if old != new {
            told.push(format!("{what}: {old} -> {new}"));
        }
    };
    let none = "(none)".to_owned();
    let list = |names: &BTreeSet<Names>| {
        let names: Vec<String> = names.iter().map(spelled).collect();
        match names.is_empty() {
            true => "(none)".to_owned(),
            false => names.join(", "),
        }
    };
    let conditional = |demand: &Demand| {
        let all = demand.conditional.iter();
        let all: Vec<String> = all
            .map(|(when, names)| format!("{} if {when}", list(names)))
            .collect();
        all.join("; ")
    };
    let at = |index: Option<usize>| {
        index.map_or_else(|| none.clone(), |index| format!("parameter {}", index + 1))
    };
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let size = |size: Option<u64>| {
        size.map_or_else(|| "the listener's".to_owned(), |size| size.to_string())
    };
    tell("access", access(old.access), access(new.access));
    tell("demands", list(&old.required), list(&new.required));
    tell(
        "demands if the body has it",
        conditional(old),
        conditional(new),
    );
    tell(
        "is refused by a denial of",
        list(&old.refused_by),
        list(&new.refused_by),
    );
    tell("the token's project", at(old.project), at(new.project));
    tell("the token's domain", at(old.domain), at(new.domain));
    let resource = |demand: &Demand| demand.resource.clone().unwrap_or_else(|| none.clone());
    tell("instances", resource(old), resource(new));
    tell("reads the body", yes(old.reads_body), yes(new.reads_body));
    tell("longest body", size(old.max_body), size(new.max_body));
    tell("may switch protocols", yes(old.upgrade), yes(new.upgrade));
    Some(DemandChange {
        told,
        widens: new.lets_in_more_than(old),
        narrows: old.lets_in_more_than(new),
    })
}

fn access(access: Access) -> String {
    let name = match access {
        Access::Actions => "the actions",
        Access::Authenticated => "any token",
        Access::Public => "everybody",
    };
    name.to_owned()
}

fn names(table: &ActionTable, action: &ActionName) -> Names {
    let older = table.aliases(action).iter();
    let all = older.chain([action]).map(ActionName::as_str);
    all.map(str::to_ascii_lowercase).collect()
}

/// One action is told by its names in lower case, as they are compared.
fn spelled(names: &Names) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(" or ")
}
