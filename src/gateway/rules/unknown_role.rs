//! Roles of tokens that the config does not map: counted, and named once in the log.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use crate::grant::UnknownRoles;

/// Names that are logged under one snapshot; a token may hold any.
const MAX_LOGGED: usize = 64;

/// In this process, through all reloads.
static SEEN: AtomicU64 = AtomicU64::new(0);

/// How many unknown roles newly verified tokens had since the process began.
pub fn unknown_roles() -> u64 {
    SEEN.load(Ordering::Relaxed)
}

/// The names that were logged, each with its issuer.
///
/// Workers come here only with a token that is new to them and has such roles: the lock is not on
/// the way of other requests.
#[derive(Debug, Default)]
pub struct RoleLog {
    logged: Mutex<HashSet<(usize, String)>>,
}

impl RoleLog {
    /// Counts `roles` of a token of the issuer at this place, called `name`.
    pub fn note(&self, issuer: usize, name: &str, roles: &UnknownRoles) {
        if roles.count() == 0 {
            return;
        }
        SEEN.fetch_add(roles.count() as u64, Ordering::Relaxed);
        for role in self.unlogged(issuer, roles) {
            // Escaped: whoever made the token wrote it.
            let role = role.escape_debug();
            warn!(
                issuer = name,
                "the role `{role}` of a token of {name} is not in [issuer.roles] and grants nothing"
            );
        }
    }

    fn unlogged<'a>(&self, issuer: usize, roles: &'a UnknownRoles) -> Vec<&'a str> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new =
            |role: &&String| logged.len() < MAX_LOGGED && logged.insert((issuer, (*role).clone()));
        let new = roles.names().iter().filter(|role| is_new(role));
        new.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[String]) -> UnknownRoles {
        let mut roles = UnknownRoles::default();
        for name in names {
            roles.add(name);
        }
        roles
    }

    #[test]
    fn each_name_is_logged_once_an_issuer() {
        let log = RoleLog::default();
        let both = roles(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(log.unlogged(0, &both), ["a", "b"]);
        assert_eq!(log.unlogged(0, &both), [""; 0]);
        assert_eq!(log.unlogged(1, &both), ["a", "b"]);
        assert_eq!(log.unlogged(0, &roles(&["c".to_owned()])), ["c"]);
    }

    #[test]
    fn no_token_fills_the_log() {
        let log = RoleLog::default();
        let mut count = 0;
        for token in 0..100 {
            let names: Vec<String> = (0..10).map(|role| format!("{token}-{role}")).collect();
            count += log.unlogged(0, &roles(&names)).len();
        }
        assert_eq!(count, MAX_LOGGED);
    }

    #[test]
    fn all_are_counted() {
        let before = unknown_roles();
        let log = RoleLog::default();
        let names: Vec<String> = (0..40).map(|role| role.to_string()).collect();
        log.note(0, "iss", &roles(&names));
        log.note(0, "iss", &roles(&names));
        assert!(unknown_roles() - before >= 80);
    }
}
