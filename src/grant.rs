//! What a caller may do: from verified claims to a [`Principal`].
//!
//! Pure. Patterns and policies are held against the table once, those of roles when the rules are
//! loaded, a token's own when it is first seen; deciding is then a comparison of bits, and a few
//! statements where a policy asks about the request. What cannot be parsed refuses the token.

mod access_rule;
mod classes;
mod compiled;
mod grants;
mod identity;
mod key;
mod least;
mod mapping;
mod pattern;
mod policy;
mod principal;
mod role;
mod system;
mod wildcard;

pub use access_rule::{AccessRuleClaim, AccessRules};
pub use classes::{Axis, Class, Context, Holding, Undecided, axes, ids};
pub use compiled::{CompiledPolicy, NotUnderstood};
pub use grants::{
    Address, ConditionEvidence, Grants, Inputs, Instances, Reach, Reaching, Request,
    ResourceEvidence, RoleGrants, StatementEvidence, Verdict,
};
pub use identity::{IdentityClaims, IdentityMapping};
pub use key::{CallerValues, ConditionKeys, InvalidKey};
pub use least::{Holdings, LeftOut, Names, Suggestion, Unsound, Usage};
pub use mapping::{ClaimMapping, InvalidClaim, Scope};
pub use pattern::{InvalidPattern, Pattern};
pub use policy::{InvalidPolicy, Policy, Wanted, Witness};
pub use principal::{Principal, UnknownRoles};
pub use role::{
    Compiler, FoundRoles, InvalidDocument, NamedPolicy, Role, RoleError, RolePolicy, Roles,
};
pub use system::system_policies;

/// Random policies and contexts, and what the documents say of them read in another way.
#[cfg(test)]
pub(crate) use compiled::tests::{generator, interpreter, keys as generated_keys};

#[cfg(test)]
mod tests;
