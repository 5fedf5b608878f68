//! Who holds tokens to the access rules of application credentials where the gateway does not know them.

use super::{IssuerConfig, IssuerKind};
use crate::document::Section;
use crate::proxy::{Credential, IdentityMode, Settings};
use crate::token::Delegation;

/// An issuer of the kind `keystone-jws` may leave the rules to the upstream; `section` is [upstream], read
/// as `settings`, and must not keep the upstream from looking at them (keystonemiddleware's `auth_token`,
/// `validate_allowed_request`).
pub fn refuse_unheld(section: &Section<'_>, settings: &Settings, issuers: &[IssuerConfig]) {
    let Some(issuer) = issuers.iter().find(|issuer| leaves_rules(issuer)) else {
        return;
    };
    let (key, reason) = if settings.service_token.is_some() {
        let reason = "Keystone's middleware does not look at them beside a service token";
        ("service_token", reason)
    } else if settings.credential != Credential::Forward {
        let reason = "the upstream does not see the caller's token";
        ("credential", reason)
    } else if settings.identity == IdentityMode::Keystonemiddleware {
        let reason = "the upstream believes the gateway who is calling";
        ("identity", reason)
    } else {
        return;
    };
    let name = &issuer.name;
    let message = format!(
        "with `upstream.{key}` nobody holds application credentials of the issuer `{name}` to their access \
         rules: {reason}, and the issuer's tokens do not hold the rules; expected no \
         \"application_credential\" in `issuer.delegated`, or an issuer with `kind = \"keystone\"` in its \
         place, which is asked for the rules"
    );
    section.problem(section.line_at(key), message);
}

/// Whether tokens are accepted whose rules only Keystone knows, without asking it.
fn leaves_rules(issuer: &IssuerConfig) -> bool {
    let restricted = Delegation::ApplicationCredential;
    matches!(&issuer.kind, IssuerKind::KeystoneJws { delegated, .. } if delegated.contains(&restricted))
}
