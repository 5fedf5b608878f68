//! What one request may be about, and what it is about once its body is known.

use hyper::Method;
use matchit::Params;
use serde_json::{Map, Value};

use super::{JsonBody, RequestPath, Unroutable, parameter};
use crate::grant::Instances;
use crate::json::{self, Others};
use crate::table::{
    Access, ActionId, BodySelector, MAX_JSON_BODY, Operation, PathTemplate, Resource, Route,
};

/// One route of the table.
#[derive(Clone, Copy, Debug)]
pub struct RouteIndex {
    pub operation: usize,
    pub route: usize,
    /// Which of the path's parameters is the project.
    pub project: Option<usize>,
    /// Which of the path's parameters is the domain.
    pub domain: Option<usize>,
}

/// The operations of one method and path.
#[derive(Debug)]
pub enum Choice {
    /// There is only one.
    One(RouteIndex),
    /// The body's only member tells.
    Key(Vec<(String, RouteIndex)>),
    /// The value of the named member tells.
    Value(String, Vec<(String, RouteIndex)>),
}

impl Choice {
    pub fn new(operation: &Operation, index: RouteIndex) -> Self {
        let mut choice = match &operation.selector {
            None => return Self::One(index),
            Some(BodySelector::Key(_)) => Self::Key(Vec::new()),
            Some(BodySelector::Value { member, .. }) => Self::Value(member.clone(), Vec::new()),
        };
        choice.add(operation.selector.as_ref(), index);
        choice
    }

    /// Adds another operation, which the table has found to be told apart from the others.
    pub fn add(&mut self, selector: Option<&BodySelector>, index: RouteIndex) {
        match (self, selector) {
            (Self::Key(known), Some(BodySelector::Key(key))) => known.push((key.clone(), index)),
            (Self::Value(_, known), Some(BodySelector::Value { values, .. })) => {
                known.extend(values.iter().map(|value| (value.clone(), index)));
            }
            _ => {}
        }
    }

    fn select(&self, body: Option<&JsonBody>) -> Result<RouteIndex, UnlistedBody> {
        let members = || body.map(JsonBody::members).ok_or(UnlistedBody::Absent);
        let (known, text) = match self {
            Self::One(index) => return Ok(*index),
            Self::Key(known) => {
                let members = members()?;
                let mut keys = members.keys();
                match (keys.next(), keys.next()) {
                    (Some(key), None) => (known, key),
                    _ => return Err(UnlistedBody::Members(members.len())),
                }
            }
            Self::Value(member, known) => match members()?.get(member) {
                Some(Value::String(value)) => (known, value),
                _ => return Err(UnlistedBody::NoValue(member.clone())),
            },
        };
        let found = known.iter().find(|(known, _)| known == text);
        found.map(|(_, index)| *index).ok_or_else(|| match self {
            Self::Value(member, _) => UnlistedBody::Value {
                member: member.clone(),
                value: json::quoted(text),
            },
            Self::One(_) | Self::Key(_) => UnlistedBody::Key(json::quoted(text)),
        })
    }

    fn indices(&self) -> impl Iterator<Item = RouteIndex> {
        let (one, several) = match self {
            Self::One(index) => (Some(*index), [].as_slice()),
            Self::Key(known) | Self::Value(_, known) => (None, known.as_slice()),
        };
        one.into_iter()
            .chain(several.iter().map(|(_, index)| *index))
    }
}

/// Why a good JSON object leads to none of the operations that have the path.
///
/// None says which bodies would: that is for those to know who may send them.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnlistedBody {
    /// There is no body, and it is asked for.
    #[error("the body tells which operation of the action table this is, expected a JSON object")]
    Absent,
    /// The only one would tell: of several, each could be what the upstream goes by.
    #[error(
        "the body tells which operation this is by its only member, expected exactly one top-level member instead of {0}"
    )]
    Members(usize),
    /// The only member is none of those that tell.
    #[error("no operation of the action table has this path with the member `{0}` in the body")]
    Key(String),
    /// The member whose value would tell is not there, or no string.
    #[error("the body tells which operation this is by its member `{0}`, expected a string there")]
    NoValue(String),
    /// The value is none of those that tell.
    #[error(
        "no operation of the action table has this path with `{value}` as the body's `{member}`"
    )]
    Value {
        /// The member's name, which is the table's.
        member: String,
        /// The beginning of what is there.
        value: String,
    },
    /// A member that is another one for servers that do not look closely.
    #[error(
        "the body's member `{0}` is but for its spelling one that matters here, expected that one"
    )]
    Alike(String),
}

/// The operations that a request line may be about; only its body may leave more than one.
#[derive(Debug)]
pub struct Candidates<'a> {
    method: &'a Method,
    path: &'a RequestPath,
    operations: &'a [Operation],
    choice: &'a Choice,
    parameters: Params<'a, 'a>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(
        (method, path): (&'a Method, &'a RequestPath),
        operations: &'a [Operation],
        choice: &'a Choice,
        parameters: Params<'a, 'a>,
    ) -> Self {
        Self {
            method,
            path,
            operations,
            choice,
            parameters,
        }
    }

    /// Whether [`Candidates::target`] wants the body.
    pub fn reads_body(&self) -> bool {
        match self.only() {
            Some(operation) => operation.reads_body(),
            None => true,
        }
    }

    /// Whether the table lists the request for everybody.
    pub fn is_public(&self) -> bool {
        let only = self.only();
        only.is_some_and(|operation| operation.access == Access::Public)
    }

    /// The path's template, as the first of the operations spells it.
    pub fn template(&self) -> Option<&'a PathTemplate> {
        let index = self.choice.indices().next()?;
        let route = self
            .operations
            .get(index.operation)?
            .routes
            .get(index.route);
        route.map(|route| &route.template)
    }

    /// The most bytes that the body may have for any of the operations, where each that says nothing
    /// has the listener's bound.
    pub fn max_body(&self, listener: u64) -> u64 {
        let operations = self.choice.indices();
        let operations = operations.filter_map(|index| self.operations.get(index.operation));
        let bounds = operations.map(|operation| operation.max_body.unwrap_or(listener));
        bounds.max().unwrap_or(listener).min(MAX_JSON_BODY as u64)
    }

    /// Each once, in the order of the table.
    pub fn operations(&self) -> Vec<&'a Operation> {
        let mut indices: Vec<usize> = self.choice.indices().map(|index| index.operation).collect();
        indices.sort_unstable();
        indices.dedup();
        let operations = self.operations;
        indices
            .into_iter()
            .filter_map(|index| operations.get(index))
            .collect()
    }

    fn only(&self) -> Option<&'a Operation> {
        match self.choice {
            Choice::One(index) => self.operations.get(index.operation),
            Choice::Key(_) | Choice::Value(..) => None,
        }
    }

    /// What a request with this body, where it is asked for, is about.
    ///
    /// # Errors
    ///
    /// [`Unroutable::Body`] and [`Unroutable::Parameter`].
    pub fn target(self, body: Option<JsonBody>) -> Result<Target<'a>, Unroutable> {
        let index = self.choice.select(body.as_ref())?;
        let operation = self.operations.get(index.operation);
        let operation = operation.ok_or(Unroutable::NotFound)?;
        let route = operation.routes.get(index.route);
        let route = route.ok_or(Unroutable::NotFound)?;
        if let Some(body) = &body {
            refuse_alike(operation, body)?;
        }
        let (mut project, mut domain) = (None, None);
        let parameters = route.template.parameters().zip(self.parameters.iter());
        for (at, ((name, kind), (_, value))) in parameters.enumerate() {
            parameter::check(kind, name, value)?;
            if index.project == Some(at) {
                project = Some(value);
            }
            if index.domain == Some(at) {
                domain = Some(value);
            }
        }
        Ok(Target {
            method: self.method,
            path: self.path,
            operation,
            place: index.operation,
            route,
            project,
            domain,
            parameters: self.parameters,
            body,
        })
    }
}

/// Refuses a body in which a server could find what the operation asks for where we do not.
fn refuse_alike(operation: &Operation, body: &JsonBody) -> Result<(), UnlistedBody> {
    let refuse = |names: &[String]| match body.alike(names) {
        Some(found) => Err(UnlistedBody::Alike(json::quoted(found))),
        None => Ok(()),
    };
    if let Some(BodySelector::Value { member, .. }) = &operation.selector {
        refuse(std::slice::from_ref(member))?;
    }
    if let Some(Resource::Body(pointer)) = &operation.resource {
        refuse(pointer.names())?;
    }
    let mut conditional = operation.conditional.iter();
    conditional.try_for_each(|conditional| refuse(&conditional.when.names()))
}

/// What one request is about.
#[derive(Debug)]
pub struct Target<'a> {
    /// The request's method, which is the route's.
    pub method: &'a Method,
    /// The path that matched.
    pub path: &'a RequestPath,
    /// The operation the route leads to.
    pub operation: &'a Operation,
    /// The place of that operation in the table.
    pub place: usize,
    /// The route that matched.
    pub route: &'a Route,
    project: Option<&'a str>,
    domain: Option<&'a str>,
    parameters: Params<'a, 'a>,
    /// Its values take many times the bytes they were read from: gone before anything is waited for.
    body: Option<JsonBody>,
}

impl<'a> Target<'a> {
    /// The project in the path, as it is spelled there.
    pub fn project(&self) -> Option<&'a str> {
        self.project
    }

    /// The domain in the path, as it is spelled there.
    pub fn domain(&self) -> Option<&'a str> {
        self.domain
    }

    /// The segment that stands for the template's parameter, as it is spelled in the path.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let at = self.route.template.parameter_index(Some(name))?;
        self.parameters.iter().nth(at).map(|(_, value)| value)
    }

    /// What was read of the body, if it was asked for.
    pub fn body(&self) -> Option<&JsonBody> {
        self.body.as_ref()
    }

    /// What the decision takes from the body, and the names beside it; none where it reads none.
    pub fn kept_body(&self) -> Option<Map<String, Value>> {
        let paths = self.operation.body_paths();
        Some(json::keep(self.members()?, &paths, Others::Named))
    }

    /// Whether its body, of which perhaps only [`Target::kept_body`] is left, tells all that the decision
    /// takes from it.
    pub fn is_told(&self) -> bool {
        let mut paths = self.operation.body_paths().into_iter();
        let members = self.members();
        paths.all(|path| members.is_some_and(|members| json::tells(members, &path)))
    }

    fn members(&self) -> Option<&Map<String, Value>> {
        self.body.as_ref().map(JsonBody::members)
    }

    /// Every action that this request demands.
    pub fn required(&self) -> impl Iterator<Item = ActionId> {
        let conditional = self.operation.conditional.iter();
        let met = conditional.filter(|conditional| {
            let members = self.members();
            members.is_some_and(|members| conditional.when.find(members).is_some())
        });
        let besides = met.flat_map(|conditional| &conditional.required);
        self.operation.required.iter().chain(besides).copied()
    }

    /// The instances that this request is about.
    pub fn instances(&self) -> Instances<'_> {
        let ids = match &self.operation.resource {
            None => None,
            Some(Resource::Parameter(name)) => self.parameter(name).map(|id| vec![id]),
            Some(Resource::Body(pointer)) => {
                let found = self.members().and_then(|members| pointer.find(members));
                Some(found.unwrap_or_else(|| vec![UNREADABLE]))
            }
        };
        let is_instance_level = ids.is_some();
        let mut ids = ids.unwrap_or_default();
        // Whatever the table calls the instances, the path's server is one that a policy may deny.
        let server = self.parameter(SERVER_PARAMETER);
        ids.extend(server.filter(|server| !ids.contains(server)));
        Instances {
            ids,
            is_instance_level,
        }
    }
}

/// Stands for instances in a body of another form than expected, which the upstream may find all the
/// same: no grant for single ones is for it, and every denial is.
const UNREADABLE: &str = "";

/// The path parameter that names a server, which a policy may deny also where the vendor grants no
/// single ones.
const SERVER_PARAMETER: &str = "server_id";

#[cfg(test)]
mod tests;
