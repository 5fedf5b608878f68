//! A caller as keystonemiddleware's `auth_token` tells of it, for an upstream without that filter.
//!
//! Made once of a token. What cannot be the value of a header refuses the request: to leave it out, or
//! to alter it, would tell of another caller.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::credential::{Unnameable, header_value};
use super::header::OPENSTACK_SYSTEM_SCOPE;
use crate::grant::{IdentityClaims, Principal};

const X_IDENTITY_STATUS: HeaderName = HeaderName::from_static("x-identity-status");
const X_USER: HeaderName = HeaderName::from_static("x-user");
const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const X_USER_NAME: HeaderName = HeaderName::from_static("x-user-name");
const X_USER_DOMAIN_ID: HeaderName = HeaderName::from_static("x-user-domain-id");
const X_USER_DOMAIN_NAME: HeaderName = HeaderName::from_static("x-user-domain-name");
const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
const X_PROJECT_NAME: HeaderName = HeaderName::from_static("x-project-name");
const X_PROJECT_DOMAIN_ID: HeaderName = HeaderName::from_static("x-project-domain-id");
const X_PROJECT_DOMAIN_NAME: HeaderName = HeaderName::from_static("x-project-domain-name");
const X_IS_ADMIN_PROJECT: HeaderName = HeaderName::from_static("x-is-admin-project");
const X_TENANT: HeaderName = HeaderName::from_static("x-tenant");
const X_TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");
const X_TENANT_NAME: HeaderName = HeaderName::from_static("x-tenant-name");
const X_DOMAIN_ID: HeaderName = HeaderName::from_static("x-domain-id");
const X_DOMAIN_NAME: HeaderName = HeaderName::from_static("x-domain-name");
const X_ROLES: HeaderName = HeaderName::from_static("x-roles");
const X_ROLE: HeaderName = HeaderName::from_static("x-role");

/// Every header that may be set.
pub const KEYSTONE_HEADERS: [HeaderName; 19] = [
    X_IDENTITY_STATUS,
    X_USER,
    X_USER_ID,
    X_USER_NAME,
    X_USER_DOMAIN_ID,
    X_USER_DOMAIN_NAME,
    X_PROJECT_ID,
    X_PROJECT_NAME,
    X_PROJECT_DOMAIN_ID,
    X_PROJECT_DOMAIN_NAME,
    X_IS_ADMIN_PROJECT,
    X_TENANT,
    X_TENANT_ID,
    X_TENANT_NAME,
    X_DOMAIN_ID,
    X_DOMAIN_NAME,
    X_ROLES,
    X_ROLE,
    OPENSTACK_SYSTEM_SCOPE,
];

type Lines = Vec<(HeaderName, HeaderValue)>;

/// The headers of one token.
#[derive(Debug)]
pub struct KeystoneHeaders {
    /// Of the user and its roles.
    user: Lines,
    /// The only project of the token, and the headers of a request for it.
    project: Option<(String, Lines)>,
    /// Of a token for no project: the domain's or the system's.
    scope: Lines,
}

impl KeystoneHeaders {
    /// Of the caller's claims.
    ///
    /// # Errors
    ///
    /// What cannot be told; a caller without an id cannot be told at all.
    pub fn new(claims: &IdentityClaims, principal: &Principal) -> Result<Self, Unnameable> {
        let confirmed = HeaderValue::from_static("Confirmed");
        let mut user = vec![(X_IDENTITY_STATUS, confirmed)];
        let id = claims.user_id.as_ref();
        add(
            &mut user,
            "user's id",
            Some(id.ok_or(Unnameable::Missing("user's id"))?),
            &[X_USER_ID],
        )?;
        let texts = [
            ("user's name", &claims.user_name, &[X_USER_NAME, X_USER][..]),
            ("user's domain", &claims.user_domain_id, &[X_USER_DOMAIN_ID]),
            (
                "name of the user's domain",
                &claims.user_domain_name,
                &[X_USER_DOMAIN_NAME],
            ),
        ];
        for (fact, text, names) in texts {
            add(&mut user, fact, text.as_ref(), names)?;
        }
        add(
            &mut user,
            "roles",
            join(&claims.roles)?.as_ref(),
            &[X_ROLES, X_ROLE],
        )?;
        let project = match principal.projects.as_slice() {
            [only] => Some((only.clone(), project_lines(only, claims)?)),
            _ => None,
        };
        let scope = match principal.projects.is_empty() {
            true => scope_lines(claims)?,
            false => Lines::new(),
        };
        Ok(Self {
            user,
            project,
            scope,
        })
    }

    /// Tells of the caller of a request that is for `project`. A token for a domain may enter a project:
    /// then it acts in that one only.
    ///
    /// # Errors
    ///
    /// A project that cannot be told.
    pub fn set(&self, headers: &mut HeaderMap, project: Option<&str>) -> Result<(), Unnameable> {
        let lines = match (project, &self.project) {
            (None, _) => &self.scope,
            (Some(project), Some((only, lines))) if project == only => lines,
            // Of one among several, or one that is entered, no more than the id is known.
            (Some(project), _) => {
                let id = header_value("project", project)?;
                headers.insert(X_TENANT_ID, id.clone());
                headers.insert(X_PROJECT_ID, id);
                &Lines::new()
            }
        };
        for (name, value) in self.user.iter().chain(lines) {
            headers.insert(name.clone(), value.clone());
        }
        Ok(())
    }
}

/// Tells that nobody is known to be calling, as `auth_token` does where it leaves that to the upstream
/// (`delay_auth_decision`): without a status, an upstream may take the filter to be missing.
pub fn set_nobody(headers: &mut HeaderMap) {
    headers.insert(X_IDENTITY_STATUS, HeaderValue::from_static("Invalid"));
}

fn project_lines(id: &String, claims: &IdentityClaims) -> Result<Lines, Unnameable> {
    let mut lines = Lines::new();
    add(
        &mut lines,
        "project",
        Some(id),
        &[X_PROJECT_ID, X_TENANT_ID],
    )?;
    let texts = [
        (
            "project's name",
            &claims.project_name,
            &[X_PROJECT_NAME, X_TENANT_NAME, X_TENANT][..],
        ),
        (
            "project's domain",
            &claims.project_domain_id,
            &[X_PROJECT_DOMAIN_ID],
        ),
        (
            "name of the project's domain",
            &claims.project_domain_name,
            &[X_PROJECT_DOMAIN_NAME],
        ),
    ];
    for (fact, text, names) in texts {
        add(&mut lines, fact, text.as_ref(), names)?;
    }
    if let Some(is_admin) = claims.is_admin_project {
        let text = if is_admin { "True" } else { "False" };
        lines.push((X_IS_ADMIN_PROJECT, HeaderValue::from_static(text)));
    }
    Ok(lines)
}

fn scope_lines(claims: &IdentityClaims) -> Result<Lines, Unnameable> {
    let mut lines = Lines::new();
    let (id, name) = (claims.domain_id.as_ref(), claims.domain_name.as_ref());
    add(&mut lines, "domain", id, &[X_DOMAIN_ID])?;
    add(&mut lines, "domain's name", name, &[X_DOMAIN_NAME])?;
    // A token has one scope.
    if claims.is_system && lines.is_empty() {
        lines.push((OPENSTACK_SYSTEM_SCOPE, HeaderValue::from_static("all")));
    }
    Ok(lines)
}

/// Adds the headers that carry a fact, if it is known.
fn add(
    lines: &mut Lines,
    fact: &'static str,
    text: Option<&String>,
    names: &[HeaderName],
) -> Result<(), Unnameable> {
    let Some(text) = text else { return Ok(()) };
    let value = header_value(fact, text)?;
    lines.extend(names.iter().map(|name| (name.clone(), value.clone())));
    Ok(())
}

/// All roles in one value; none where there are none.
fn join(roles: &[String]) -> Result<Option<String>, Unnameable> {
    for role in roles {
        header_value("role", role)?;
        if role.contains(',') {
            return Err(Unnameable::Comma("role"));
        }
    }
    Ok((!roles.is_empty()).then(|| roles.join(",")))
}

#[cfg(test)]
mod tests;
