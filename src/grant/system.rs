//! The vendor's system-defined policies, under the names that its users know.

/// Names and documents, as the vendor's page "Permissions" of the ECS prints them.
const POLICIES: [(&str, &str); 4] = [
    (
        "ECS FullAccess",
        include_str!("system/ecs_full_access.json"),
    ),
    (
        "ECS CommonOperations",
        include_str!("system/ecs_common_operations.json"),
    ),
    (
        "ECS ReadOnlyAccess",
        include_str!("system/ecs_read_only_access.json"),
    ),
    (
        "Server Administrator",
        include_str!("system/server_administrator.json"),
    ),
];

/// The name and the document of each system policy.
pub fn system_policies() -> impl Iterator<Item = (&'static str, &'static str)> {
    POLICIES.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::NamedPolicy;

    #[test]
    fn every_document_is_understood() {
        for (name, document) in system_policies() {
            let policy = NamedPolicy::read(name.to_owned(), document.as_bytes());
            assert_eq!(policy.map(|policy| policy.name), Ok(name.to_owned()));
        }
    }
}
