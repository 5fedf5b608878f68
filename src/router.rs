//! Which operation a request is about: one matchit tree for each method.
//!
//! Pure. A literal segment wins over a parameter; what no template lists is not found. Never
//! decides whether the caller may.

mod parameter;
mod path;
mod scan;

use hyper::Method;
use matchit::Params;

pub use parameter::InvalidParameter;
pub use path::{InvalidRequestPath, RequestPath};

use crate::table::{ActionTable, Operation, PROJECT_PARAMETER, Route};

/// Finds the [`Target`] of a request in an action table.
#[derive(Debug)]
pub struct Router {
    table: ActionTable,
    trees: Vec<(Method, matchit::Router<RouteIndex>)>,
}

#[derive(Clone, Copy, Debug)]
struct RouteIndex {
    operation: usize,
    route: usize,
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
    parameters: Params<'a, 'a>,
}

impl Target<'_> {
    /// The project in the path, as it is spelled there.
    pub fn project(&self) -> Option<&str> {
        self.project
    }

    /// The segment that stands for the template's parameter, as it is spelled in the path.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }
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
    /// Builds the trees.
    ///
    /// # Errors
    ///
    /// A route that matchit cannot tell from another one.
    pub fn new(table: ActionTable) -> Result<Self, Box<UnroutableTable>> {
        let mut trees: Vec<(Method, matchit::Router<RouteIndex>)> = Vec::new();
        for (operation_index, operation) in table.operations().iter().enumerate() {
            for (route_index, route) in operation.routes.iter().enumerate() {
                let index = RouteIndex {
                    operation: operation_index,
                    route: route_index,
                };
                let insert = |tree: &mut matchit::Router<RouteIndex>| {
                    tree.insert(route.template.as_str(), index)
                        .map_err(|source| UnroutableTable {
                            route: format!("{} {}", route.method, route.template),
                            file: route.place.file.clone(),
                            line: route.place.line,
                            source,
                        })
                };
                match trees.iter_mut().find(|(method, _)| *method == route.method) {
                    Some((_, tree)) => insert(tree)?,
                    None => {
                        let mut tree = matchit::Router::new();
                        insert(&mut tree)?;
                        trees.push((route.method.clone(), tree));
                    }
                }
            }
        }
        Ok(Self { table, trees })
    }

    /// The table that is routed.
    pub fn table(&self) -> &ActionTable {
        &self.table
    }

    /// Finds what a request is about.
    ///
    /// # Errors
    ///
    /// [`Unroutable`] where the table lists no such request.
    pub fn resolve<'a>(
        &'a self,
        method: &'a Method,
        path: &'a RequestPath,
    ) -> Result<Target<'a>, Unroutable> {
        let tree = self.trees.iter().find(|(known, _)| known == method);
        let Some(found) = tree.and_then(|(_, tree)| tree.at(path.path()).ok()) else {
            return Err(self.explain_miss(path));
        };
        let operation = self.table.operations().get(found.value.operation);
        let Some((operation, route)) = operation.and_then(|operation| {
            let route = operation.routes.get(found.value.route)?;
            Some((operation, route))
        }) else {
            return Err(Unroutable::NotFound);
        };
        let kinds = route.template.parameter_kinds().iter();
        let mut project = None;
        for (kind, (name, value)) in kinds.zip(found.params.iter()) {
            parameter::check(*kind, name, value)?;
            if name == PROJECT_PARAMETER {
                project = Some(value);
            }
        }
        Ok(Target {
            method,
            path,
            operation,
            route,
            project,
            parameters: found.params,
        })
    }

    fn explain_miss(&self, path: &RequestPath) -> Unroutable {
        let with_path = self
            .trees
            .iter()
            .filter(|(_, tree)| tree.at(path.path()).is_ok());
        let mut methods: Vec<Method> = with_path.map(|(method, _)| method.clone()).collect();
        if methods.is_empty() {
            return Unroutable::NotFound;
        }
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
