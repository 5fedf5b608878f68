//! What an operation asks of its callers, whoever they are: the part of a comparison that no single
//! role shows.

use std::collections::BTreeSet;

use hyper::Method;

use super::sample::SERVER_PARAMETER;
use crate::router::Router;
use crate::table::{Access, ActionName, ActionTable, Operation, ParameterKind, Resource};

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
    /// What each of the path's parameters may hold.
    kinds: Vec<ParameterKind>,
    resource: Option<String>,
    /// The path's server, which policies may deny, where it is not the resource.
    server: Option<usize>,
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
    /// What `operation` asks on its route with this method and shape.
    pub fn new(router: &Router, operation: &Operation, (method, shape): (&Method, &str)) -> Self {
        let table = router.table();
        let names =
            |actions: &[ActionName]| actions.iter().map(|name| names(table, name)).collect();
        let required = operation.required.iter().filter_map(|id| table.name(*id));
        let mut listed = operation.routes.iter();
        let route = listed.find(|route| route.method == *method && route.template.shape() == shape);
        let at = |parameter: Option<&String>| {
            let template = &route?.template;
            template.parameter_index(parameter.map(String::as_str))
        };
        let conditional = operation.conditional.iter();
        let kinds = route.iter().flat_map(|route| route.template.parameters());
        let is_resource = matches!(&operation.resource, Some(Resource::Parameter(name)) if name == SERVER_PARAMETER);
        let server = route.and_then(|route| route.template.parameter_index(Some(SERVER_PARAMETER)));
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
            kinds: kinds.map(|(_, kind)| kind).collect(),
            server: server.filter(|_| !is_resource),
            reads_body: operation.reads_body(),
            max_body: operation.max_body,
            upgrade: operation.upgrade,
        }
    }

    /// Every name that a denial is always of.
    fn denied_by(&self) -> BTreeSet<&String> {
        self.required
            .iter()
            .chain(&self.refused_by)
            .flatten()
            .collect()
    }

    /// Whether a denial of `name` is one where the body has something at `when`.
    fn is_denied_by(&self, name: &String, when: &String) -> bool {
        let mut conditional = self.conditional.iter();
        self.denied_by().contains(name)
            || conditional
                .any(|(own, names)| own == when && names.iter().flatten().any(|own| own == name))
    }

    /// For whom an operation is.
    fn whom(&self) -> String {
        match self.access {
            Access::Actions => format!("{}: {}", access(self.access), list(&self.required)),
            Access::Authenticated | Access::Public => access(self.access),
        }
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
        // Of something in the body that only one of them looks at it takes no odd spelling.
        let looks_less =
            |(when, _): &(String, _)| !self.conditional.iter().any(|(own, _)| own == when);
        let denies_less = |(when, names): &(String, BTreeSet<Names>)| {
            let mut names = names.iter().flatten();
            names.any(|name| !self.is_denied_by(name, when))
        };
        let mut kinds = self.kinds.iter().zip(&other.kinds);
        rank(self.access) > rank(other.access)
            || other.required.iter().any(without)
            || other.conditional.iter().any(asks_less_of_body)
            || other.conditional.iter().any(looks_less)
            || other.conditional.iter().any(denies_less)
            || !other.denied_by().is_subset(&self.denied_by())
            || (other.project.is_some() && self.project != other.project)
            || (other.domain.is_some() && self.domain != other.domain)
            || kinds.any(|(own, other)| width(*own) > width(*other))
            || self.resource != other.resource
            || (other.server.is_some() && self.server != other.server)
            || (other.reads_body && !self.reads_body)
            || match (self.max_body, other.max_body) {
                (Some(own), Some(other)) => own > other,
                (None, None) => false,
                // The listener's may be more or less.
                _ => true,
            }
            || (self.upgrade && !other.upgrade)
    }
}

/// What changed from `old` to `new`, where none is a request that no operation is for; nothing where they
/// are equal.
pub fn change(old: Option<&Demand>, new: Option<&Demand>) -> Option<DemandChange> {
    let told = |told: String| vec![told];
    match (old, new) {
        (Some(old), Some(new)) => difference(old, new),
        (None, None) => None,
        (None, Some(new)) => Some(DemandChange {
            told: told(format!("is listed now, for {}", new.whom())),
            widens: true,
            narrows: false,
        }),
        (Some(old), None) => Some(DemandChange {
            told: told(format!("was listed, for {}", old.whom())),
            widens: false,
            narrows: true,
        }),
    }
}

fn difference(old: &Demand, new: &Demand) -> Option<DemandChange> {
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
    tell("parameters", kinds(old), kinds(new));
    tell("instances", resource(old), resource(new));
    tell("the path's server", at(old.server), at(new.server));
    tell("reads the body", yes(old.reads_body), yes(new.reads_body));
    tell("longest body", size(old.max_body), size(new.max_body));
    tell("may switch protocols", yes(old.upgrade), yes(new.upgrade));
    Some(DemandChange {
        told,
        widens: new.lets_in_more_than(old),
        narrows: old.lets_in_more_than(new),
    })
}

fn kinds(demand: &Demand) -> String {
    let kinds = demand.kinds.iter().map(|kind| match kind {
        ParameterKind::Identifier => "identifier",
        ParameterKind::Version => "version",
        ParameterKind::Text => "text",
    });
    kinds.collect::<Vec<_>>().join(", ")
}

/// A version is an identifier, and an identifier a text.
fn width(kind: ParameterKind) -> u8 {
    match kind {
        ParameterKind::Version => 0,
        ParameterKind::Identifier => 1,
        ParameterKind::Text => 2,
    }
}

fn list(names: &BTreeSet<Names>) -> String {
    let names: Vec<String> = names.iter().map(spelled).collect();
    match names.is_empty() {
        true => "(none)".to_owned(),
        false => names.join(", "),
    }
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
