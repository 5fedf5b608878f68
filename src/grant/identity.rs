//! Who a caller is, for an upstream that takes that from the gateway.

use serde_json::{Map, Value};

use super::mapping::{InvalidClaim, find, read_roles, read_text, wrong_type};
use crate::json::Pointer;

/// Which claims say who a caller is; the project's id is [`super::ClaimMapping::project`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each says what its name says")]
pub struct IdentityMapping {
    pub user_id: Option<Pointer>,
    pub user_name: Option<Pointer>,
    pub user_domain_id: Option<Pointer>,
    pub user_domain_name: Option<Pointer>,
    pub project_name: Option<Pointer>,
    pub project_domain_id: Option<Pointer>,
    pub project_domain_name: Option<Pointer>,
    pub domain_id: Option<Pointer>,
    pub domain_name: Option<Pointer>,
    pub roles: Option<Pointer>,
    pub is_admin_project: Option<Pointer>,
    pub system_scope: Option<Pointer>,
}

/// What they say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each says what its name says")]
pub struct IdentityClaims {
    pub user_id: Option<String>,
    pub user_name: Option<String>,
    pub user_domain_id: Option<String>,
    pub user_domain_name: Option<String>,
    pub project_name: Option<String>,
    pub project_domain_id: Option<String>,
    pub project_domain_name: Option<String>,
    pub domain_id: Option<String>,
    pub domain_name: Option<String>,
    pub roles: Vec<String>,
    pub is_admin_project: Option<bool>,
    pub is_system: bool,
}

impl IdentityMapping {
    /// Reads the claims.
    ///
    /// # Errors
    ///
    /// A claim of another type.
    pub fn read(&self, claims: &Map<String, Value>) -> Result<IdentityClaims, InvalidClaim> {
        let text = |pointer: &Option<Pointer>| read_text(pointer.as_ref(), claims);
        Ok(IdentityClaims {
            user_id: text(&self.user_id)?,
            user_name: text(&self.user_name)?,
            user_domain_id: text(&self.user_domain_id)?,
            user_domain_name: text(&self.user_domain_name)?,
            project_name: text(&self.project_name)?,
            project_domain_id: text(&self.project_domain_id)?,
            project_domain_name: text(&self.project_domain_name)?,
            domain_id: text(&self.domain_id)?,
            domain_name: text(&self.domain_name)?,
            roles: read_roles(self.roles.as_ref(), claims)?,
            is_admin_project: match find(self.is_admin_project.as_ref(), claims) {
                None => None,
                Some((pointer, value)) => {
                    let is_admin = value.as_bool();
                    Some(is_admin.ok_or_else(|| wrong_type(pointer, "true or false"))?)
                }
            },
            // Keystone's answer has `{"all": true}` there, its JWS the word.
            is_system: match find(self.system_scope.as_ref(), claims) {
                None => false,
                Some((pointer, value)) => match &*value {
                    Value::Bool(is_system) => *is_system,
                    Value::String(scope) if scope == "all" => true,
                    _ => return Err(wrong_type(pointer, "\"all\", true or false")),
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_read_or_the_token_refused() {
        let pointer = |text: &str| text.parse().ok();
        let mapping = IdentityMapping {
            user_id: pointer("/user/id"),
            roles: pointer("/roles/*/name"),
            is_admin_project: pointer("/admin"),
            system_scope: pointer("/system"),
            ..IdentityMapping::default()
        };
        let read = |claims: &Value| mapping.read(claims.as_object().unwrap());
        let all = json!({"user": {"id": "u", "name": 1}, "roles": [{"name": "a"}, {"name": "b"}], "admin": false, "system": "all"});
        let expected = IdentityClaims {
            user_id: Some("u".to_owned()),
            roles: vec!["a".to_owned(), "b".to_owned()],
            is_admin_project: Some(false),
            is_system: true,
            ..IdentityClaims::default()
        };
        assert_eq!(read(&all), Ok(expected));
        assert_eq!(read(&json!({})), Ok(IdentityClaims::default()));
        assert!(read(&json!({"system": true})).unwrap().is_system);
        assert!(!read(&json!({"system": false})).unwrap().is_system);
        let cases = [
            (json!({"user": {"id": 1}}), "`/user/id` is not a string"),
            (json!({"user": {"id": null}}), "`/user/id` is not a string"),
            (
                json!({"roles": [{"name": "a"}, {"id": "b"}]}),
                "`/roles/*/name` is not the name of a role or an array of names",
            ),
            (json!({"admin": "True"}), "`/admin` is not true or false"),
            (
                json!({"system": "some"}),
                "`/system` is not \"all\", true or false",
            ),
            (
                json!({"system": null}),
                "`/system` is not \"all\", true or false",
            ),
        ];
        for (claims, expected) in cases {
            let error = read(&claims).unwrap_err().to_string();
            assert_eq!(error, format!("the claim at {expected}"), "{claims}");
        }
    }
}
