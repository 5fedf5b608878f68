//! `[issuer.identity]`: which claims say who a caller is, for an upstream that is told all of it.

use super::IssuerConfig;
use super::claims::{Usual, pointer};
use crate::document::Section;
use crate::grant::{ClaimMapping, IdentityMapping};
use crate::json::Pointer;
use crate::proxy::IdentityMode;

/// What is not said is `usual`, or as [issuer.claims] has it.
pub fn read(issuer: &Section<'_>, claims: &ClaimMapping, usual: Usual) -> IdentityMapping {
    let section = issuer.section("identity");
    let at = |key: &'static str, other: Option<&Pointer>| {
        let said = section.as_ref().and_then(|section| pointer(section, key));
        said.or_else(|| usual.identity(key))
            .or_else(|| other.cloned())
    };
    let identity = IdentityMapping {
        user_id: at("user_id", Some(&claims.subject)),
        user_name: at("user_name", None),
        user_domain_id: at("user_domain_id", None),
        user_domain_name: at("user_domain_name", None),
        project_name: at("project_name", None),
        project_domain_id: at("project_domain_id", None),
        project_domain_name: at("project_domain_name", None),
        domain_id: at("domain_id", claims.keys.domain.as_ref()),
        domain_name: at("domain_name", None),
        roles: at("roles", usual.told_roles(claims)),
        is_admin_project: at("is_admin_project", None),
        system_scope: at("system_scope", None),
    };
    if let Some(section) = &section {
        section.finish();
    }
    identity
}

/// Leaves out what no upstream is told.
pub fn keep_told(issuers: &mut [IssuerConfig], sections: &[Section<'_>], mode: &IdentityMode) {
    if *mode == IdentityMode::Keystonemiddleware {
        return;
    }
    for issuer in issuers {
        issuer.claims.identity = None;
    }
    for section in sections
        .iter()
        .filter(|section| section.is_table("identity"))
    {
        let message = "`issuer.identity` is not used, expected it only beside \
                       `identity = \"keystonemiddleware\"` in [upstream]";
        section.problem(section.line_at("identity"), message);
    }
}
