//! Which operation a request is about: one matchit tree of all paths.
//!
//! Pure. A literal segment wins over a parameter, whatever the method; what no template lists is not
//! found. Never decides whether the caller may.

mod body;
mod candidate;
mod overlap;
mod parameter;
mod path;
mod scan;

use std::collections::HashMap;

use hyper::Method;

pub use body::{InvalidBody, JsonBody};
pub use candidate::{Candidates, Target, UnlistedBody};
pub use overlap::{Overlap, overlaps};
pub use parameter::InvalidParameter;
pub use path::{InvalidRequestPath, RequestPath};

use candidate::{Choice, RouteIndex};

use crate::table::{ActionTable, Operation};

/// Finds the [`Target`] of a request in an action table.
#[derive(Debug)]
pub struct Router {
    table: ActionTable,
    tree: matchit::Router<usize>,
    endpoints: Vec<Endpoint>,
}

/// All templates of one shape.
#[derive(Debug, Default)]
struct Endpoint {
    methods: Vec<(Method, Choice)>,
}

/// Why a request has no [`Target`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unroutable {
    /// No operation has this path.
    #[error("no operation of the action table has this path")]
    NotFound,
    /// Operations have the path, with these methods only; CONNECT, TRACE and what is not in upper
    /// case are in no table.
    #[error("no operation of the action table has this path with this method, only with {}", methods(.0))]
    MethodNotAllowed(Vec<Method>),
    /// The path is an operation's, but for what one of its parameters holds.
    #[error(transparent)]
    Parameter(#[from] InvalidParameter),
    /// Operations have the path and the method, for other bodies only.
    #[error(transparent)]
    Body(#[from] UnlistedBody),
}

/// Why a table cannot be routed.
#[derive(Debug, thiserror::Error)]
#[error("the route `{route}` of {file}:{line} cannot stand beside the others")]
pub struct UnroutableTable {
    route: String,
    file: String,
    line: usize,
    source: matchit::InsertError,
}

impl Router {
    /// Builds the tree.
    ///
    /// # Errors
    ///
    /// A route that matchit cannot tell from another one.
    pub fn new(table: ActionTable) -> Result<Self, Box<UnroutableTable>> {
        let mut tree = matchit::Router::new();
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let mut shapes: HashMap<String, usize> = HashMap::new();
        for (operation_index, operation) in table.operations().iter().enumerate() {
            for (route_index, route) in operation.routes.iter().enumerate() {
                let template = &route.template;
                let known = shapes.entry(template.shape());
                let is_new = matches!(known, std::collections::hash_map::Entry::Vacant(_));
                let endpoint = *known.or_insert(endpoints.len());
                if is_new {
                    let inserted = tree.insert(template.as_str(), endpoint);
                    inserted.map_err(|source| UnroutableTable {
                        route: format!("{} {template}", route.method),
                        file: route.place.file.clone(),
                        line: route.place.line,
                        source,
                    })?;
                    endpoints.push(Endpoint::default());
                }
                let index = RouteIndex {
                    operation: operation_index,
                    route: route_index,
                    project: template.parameter_index(operation.project.as_deref()),
                    domain: template.parameter_index(operation.domain.as_deref()),
                };
                if let Some(endpoint) = endpoints.get_mut(endpoint) {
                    endpoint.add(&route.method, operation, index);
                }
            }
        }
        Ok(Self {
            table,
            tree,
            endpoints,
        })
    }

    /// The table that is routed.
    pub fn table(&self) -> &ActionTable {
        &self.table
    }

    /// Finds what a request may be about.
    ///
    /// # Errors
    ///
    /// [`Unroutable`] where the table lists no such request line.
    pub fn resolve<'a>(
        &'a self,
        method: &'a Method,
        path: &'a RequestPath,
    ) -> Result<Candidates<'a>, Unroutable> {
        let found = self.tree.at(path.path());
        let found = found.map_err(|_| Unroutable::NotFound)?;
        let endpoint = self.endpoints.get(*found.value);
        let endpoint = endpoint.ok_or(Unroutable::NotFound)?;
        let choice = endpoint.methods.iter().find(|(known, _)| known == method);
        let Some((_, choice)) = choice else {
            return Err(endpoint.explain_miss());
        };
        Ok(Candidates::new(
            (method, path),
            self.table.operations(),
            choice,
            found.params,
        ))
    }
}

impl Endpoint {
    fn add(&mut self, method: &Method, operation: &Operation, index: RouteIndex) {
        let known = self.methods.iter_mut().find(|(known, _)| known == method);
        match known {
            Some((_, choice)) => choice.add(operation.selector.as_ref(), index),
            None => {
                let choice = Choice::new(operation, index);
                self.methods.push((method.clone(), choice));
            }
        }
    }

    fn explain_miss(&self) -> Unroutable {
        let mut methods: Vec<Method> = self
            .methods
            .iter()
            .map(|(known, _)| known.clone())
            .collect();
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        Unroutable::MethodNotAllowed(methods)
    }
}

fn methods(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
