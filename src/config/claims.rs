//! `[issuer.claims]` and `[issuer.roles]`: what the claims of an issuer's tokens say.

use super::parse_required;
use super::policy::{Found, Policies};
use crate::document::{Located, Section};
use crate::grant::{AccessRuleClaim, ClaimMapping, ConditionKeys, Role};
use crate::json::Pointer;

const POINTER: &str = "a JSON pointer such as \"/project_id\"";

/// Where the claims are that a kind of issuer always has in the same place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual {
    project: Option<&'static str>,
    subject: Option<&'static str>,
    domain: Option<&'static str>,
    roles: Option<&'static str>,
    access_rules: Option<&'static str>,
    /// Whether its tokens may hold any.
    has_roles: bool,
    /// By the keys of [issuer.identity].
    identity: &'static [(&'static str, &'static str)],
}

/// The service type of the upstream, unless the config says otherwise.
const SERVICE_TYPE: &str = "compute";

impl Usual {
    /// Of a JWT only the subject's is known (RFC 7519 §4.1.2).
    pub const JWT: Self = Self {
        project: None,
        subject: Some("/sub"),
        domain: None,
        roles: None,
        access_rules: None,
        has_roles: true,
        identity: &[],
    };
    /// Of the payload of Keystone's JWS tokens (`keystone/token/providers/jws`).
    pub const KEYSTONE_JWS: Self = Self {
        project: Some("/openstack_project_id"),
        subject: Some("/sub"),
        domain: Some("/openstack_domain_id"),
        roles: None,
        access_rules: None,
        has_roles: false,
        identity: &[("system_scope", "/openstack_system")],
    };
    /// Of Keystone's answer to `GET /v3/auth/tokens`.
    pub const KEYSTONE: Self = Self {
        project: Some("/token/project/id"),
        subject: Some("/token/user/id"),
        domain: Some("/token/domain/id"),
        roles: Some("/token/roles/*/name"),
        access_rules: Some("/token/application_credential/access_rules"),
        has_roles: true,
        identity: &[
            ("user_name", "/token/user/name"),
            ("user_domain_id", "/token/user/domain/id"),
            ("user_domain_name", "/token/user/domain/name"),
            ("project_name", "/token/project/name"),
            ("project_domain_id", "/token/project/domain/id"),
            ("project_domain_name", "/token/project/domain/name"),
            ("domain_name", "/token/domain/name"),
            ("is_admin_project", "/token/is_admin_project"),
            ("system_scope", "/token/system/all"),
        ],
    };

    /// The mapping of an issuer whose config says nothing about claims.
    pub fn mapping(self, region: Option<&String>) -> Option<ClaimMapping> {
        let pointer = |text: Option<&str>| text.and_then(|text| text.parse::<Pointer>().ok());
        let mut mapping = ClaimMapping::new(pointer(self.project)?, pointer(self.subject)?);
        mapping.roles = pointer(self.roles);
        mapping.keys.domain = pointer(self.domain);
        mapping.access_rules = self.access_rules();
        mapping.keys.region = region.cloned();
        Some(mapping)
    }

    /// What a key of [issuer.identity] is where it is not said.
    pub fn identity(self, key: &str) -> Option<Pointer> {
        let (_, text) = self.identity.iter().find(|(known, _)| *known == key)?;
        text.parse().ok()
    }

    /// Where the upstream is told of roles, as `mapping` reads them. What a config takes for one may be none:
    /// a user's id, or anything else in a token that never has roles. An upstream that heard of it would
    /// take the user `admin` for an administrator.
    pub fn told_roles(self, mapping: &ClaimMapping) -> Option<&Pointer> {
        let roles = mapping.roles.as_ref();
        roles.filter(|roles| self.has_roles && **roles != mapping.subject)
    }

    fn access_rules(self) -> Option<AccessRuleClaim> {
        let pointer = self.access_rules?.parse().ok()?;
        let service = SERVICE_TYPE.to_owned();
        Some(AccessRuleClaim { pointer, service })
    }

    /// Whether the claims that are needed are all known.
    fn is_whole(self) -> bool {
        self.project.is_some()
    }
}

/// Reads which claims say what; `region` is where the instances are that policies name. What is not said
/// is `usual`.
pub fn read_claims(
    section: &Section<'_>,
    region: Option<&String>,
    usual: Usual,
) -> Option<ClaimMapping> {
    let or_usual = |key, usual: Option<&str>| {
        let said = pointer(section, key);
        match (section.has(key), usual) {
            (false, Some(usual)) => usual.parse().ok(),
            _ => said,
        }
    };
    let project = match usual.project {
        None => parse_required(section, "project", POINTER, str::parse::<Pointer>),
        usual => or_usual("project", usual),
    };
    let actions = pointer(section, "actions");
    let policies = pointer(section, "policies");
    let roles = or_usual("roles", usual.roles);
    let subject = or_usual("subject", usual.subject);
    let domain = or_usual("domain", usual.domain);
    let domain_enters_projects = section.boolean("domain_enters_projects");
    let conditions = section.section("conditions");
    let grants = ["actions", "policies", "roles"];
    if !usual.is_whole() && !grants.iter().any(|key| section.has(key)) {
        let expected = "a JSON pointer such as \"/actions\", or one in `policies` or `roles`";
        section.missing("actions", expected);
    }
    if domain_enters_projects == Some(true) && usual.domain.is_none() && !section.has("domain") {
        let expected = "a JSON pointer such as \"/domain_id\" beside `domain_enters_projects`";
        section.missing("domain", expected);
    }
    // Without them the rest is read all the same, to find its problems.
    let is_whole = project.is_some() && subject.is_some();
    let any = || "/".parse().ok();
    let mut mapping = ClaimMapping::new(project.or_else(any)?, subject.or_else(any)?);
    mapping.keys.domain = domain;
    mapping.keys.region = region.cloned();
    for (key, pointers) in conditions.iter().flat_map(Section::lists) {
        feed(section, &mut mapping.keys, &key, &pointers);
    }
    section.finish();
    is_whole.then(|| ClaimMapping {
        actions,
        policies,
        roles,
        domain_enters_projects: domain_enters_projects.unwrap_or(false),
        // Not for a config to lose: they bind.
        access_rules: usual.access_rules(),
        ..mapping
    })
}

/// The pointer that `key` has, if it has one.
pub fn pointer(section: &Section<'_>, key: &'static str) -> Option<Pointer> {
    let pointer = section.parse(key, POINTER, str::parse::<Pointer>);
    pointer.map(|pointer| pointer.value)
}

fn feed(
    section: &Section<'_>,
    keys: &mut ConditionKeys,
    key: &Located<String>,
    pointers: &[Located<String>],
) {
    let name = &key.value;
    let path = section.path("conditions");
    let [pointer] = pointers else {
        if !pointers.is_empty() {
            let message = format!("`{path}.{name}` has several values, expected {POINTER}");
            section.problem(key.line, message);
        }
        return;
    };
    match pointer.value.parse::<Pointer>() {
        Ok(pointer) => {
            if let Err(error) = keys.feed(name, pointer) {
                let message = format!("`{path}.{name}` cannot be fed by a claim: {error}");
                section.problem(key.line, message);
            }
        }
        Err(error) => {
            let text = &pointer.value;
            let message = format!("`{path}.{name}` is `{text}`, expected {POINTER}: {error}");
            section.problem(pointer.line, message);
        }
    }
}

/// Reads what each role may do; `issuer` is the section that the roles are a part of.
pub fn read_roles(
    issuer: &Section<'_>,
    mapping: Option<&ClaimMapping>,
    policies: &Policies,
) -> Vec<Role> {
    let Some(section) = issuer.section("roles") else {
        if mapping.is_some_and(|mapping| mapping.roles.is_some()) && !issuer.has("roles") {
            let expected = "a table [issuer.roles] that maps roles to policies, as `claims.roles` \
                            alone grants nothing";
            issuer.missing("roles", expected);
        }
        return Vec::new();
    };
    if mapping.is_some_and(|mapping| mapping.roles.is_none()) {
        let message =
            "`issuer.roles` is not used, expected it only beside `roles` in [issuer.claims]";
        section.problem(section.line(), message);
    }
    let roles = section.lists().into_iter();
    roles
        .map(|(name, names)| read_role(&section, name, &names, policies))
        .collect()
}

fn read_role(
    section: &Section<'_>,
    Located { value: name, line }: Located<String>,
    names: &[Located<String>],
    policies: &Policies,
) -> Role {
    if names.is_empty() {
        let message = format!("the role `{name}` has no policy, expected at least one");
        section.problem(line, message);
    }
    let mut found = Vec::new();
    for Located { value, line } in names {
        match policies.find(value) {
            Found::Policy(policy) => found.push(policy),
            Found::Broken => {}
            Found::Unknown(nearest) => section.problem(
                *line,
                format!(
                    "the role `{name}` has the policy `{value}`, which is not known; \
                     did you mean `{nearest}`?"
                ),
            ),
        }
    }
    Role {
        name,
        line,
        policies: found,
    }
}
