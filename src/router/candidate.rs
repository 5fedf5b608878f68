//! What one request may be about, and what it is about once its body is known.

use hyper::Method;
use matchit::Params;
use serde_json::{Map, Value};

use super::{RequestPath, Unroutable, parameter};
use crate::grant::Instances;
use crate::table::{Access, ActionId, BodySelector, Operation, Resource, Route};

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

    fn select(&self, body: Option<&Map<String, Value>>) -> Result<RouteIndex, Unroutable> {
        let unlisted = |text: Option<&str>| Unroutable::Body(text.map(str::to_owned));
        let (known, text) = match self {
            Self::One(index) => return Ok(*index),
            Self::Key(known) => {
                let mut keys = body.into_iter().flat_map(Map::keys);
                match (keys.next(), keys.next()) {
                    (Some(key), None) => (known, key.as_str()),
                    _ => return Err(unlisted(None)),
                }
            }
            Self::Value(member, known) => {
                let value = body.and_then(|body| body.get(member));
                match value.and_then(Value::as_str) {
                    Some(value) => (known, value),
                    None => return Err(unlisted(None)),
                }
            }
        };
        let found = known.iter().find(|(known, _)| known == text);
        found
            .map(|(_, index)| *index)
            .ok_or_else(|| unlisted(Some(text)))
    }
}

/// Says of which body there is no operation.
pub fn describe(found: Option<&str>) -> String {
    match found {
        Some(text) => format!("`{text}` in its body"),
        None => "a body that names none of its operations".to_owned(),
    }
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
    pub fn target(self, body: Option<&'a Map<String, Value>>) -> Result<Target<'a>, Unroutable> {
        let index = self.choice.select(body)?;
        let operation = self.operations.get(index.operation);
        let operation = operation.ok_or(Unroutable::NotFound)?;
        let route = operation.routes.get(index.route);
        let route = route.ok_or(Unroutable::NotFound)?;
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
            route,
            project,
            domain,
            parameters: self.parameters,
            body,
        })
    }
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
    /// The route that matched.
    pub route: &'a Route,
    project: Option<&'a str>,
    domain: Option<&'a str>,
    parameters: Params<'a, 'a>,
    body: Option<&'a Map<String, Value>>,
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

    /// Every action that this request demands.
    pub fn required(&self) -> impl Iterator<Item = ActionId> {
        let conditional = self.operation.conditional.iter();
        let met = conditional.filter(|conditional| {
            let body = self.body;
            body.is_some_and(|body| conditional.when.find(body).is_some())
        });
        let besides = met.flat_map(|conditional| &conditional.required);
        self.operation.required.iter().chain(besides).copied()
    }

    /// The instances that this request is about.
    pub fn instances(&self) -> Instances<'_> {
        let ids = match &self.operation.resource {
            None => None,
            Some(Resource::Parameter(name)) => self.parameter(name).map(|id| vec![id]),
            Some(Resource::Body(pointer)) => self.body.and_then(|body| pointer.find(body)),
        };
        match ids {
            Some(ids) => Instances {
                ids,
                is_instance_level: true,
            },
            None => Instances {
                ids: self.parameter(SERVER_PARAMETER).into_iter().collect(),
                is_instance_level: false,
            },
        }
    }
}

/// The path parameter that names a server, which a policy may deny also where the vendor grants no
/// single ones.
const SERVER_PARAMETER: &str = "server_id";
