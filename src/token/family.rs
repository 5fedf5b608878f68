//! Issuers that differ in one part of their names: the keys of each are fetched when a token first
//! names it.
//!
//! Anybody can invent names. So they cannot push out an issuer whose keys are here, nor cause more
//! than one fetch at a time, nor many in a row; requests that would have to wait long are refused.

mod source;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

pub use source::{FamilySource, Settings};

use super::source::PATIENCE;
use super::{JwtIssuer, KeyFeed, Template, TokenError};

/// The most issuers of one family whose keys are kept.
const MAX_MEMBERS: usize = 256;
/// The most names that are remembered because no keys were had for them.
const MAX_ABSENT: usize = 1024;
/// The most names that wait to be asked about.
const MAX_AWAITED: usize = 16;

/// Issuers of JWTs, each with keys and audiences of its own.
#[derive(Debug)]
pub struct JwtFamily {
    /// The `iss` claim of their tokens.
    pub name: Template,
    /// A token's `aud` must name one of these, with the value that its `iss` has.
    pub audiences: Vec<Template>,
    /// The keys of all of them.
    pub keys: KeyFamily,
}

impl JwtFamily {
    /// The issuer called `name`, if its keys have been fetched.
    pub fn member(&self, name: &str) -> Option<JwtIssuer> {
        let value = self.name.value_in(name)?;
        let keys = self.keys.find(value)?;
        let audiences = self.audiences.iter().map(|audience| audience.fill(value));
        Some(JwtIssuer {
            audiences: audiences.collect(),
            keys,
        })
    }

    /// Fetches the keys of the issuer called `name`, unless they are here.
    ///
    /// # Errors
    ///
    /// [`TokenError::UnknownIssuer`] where nobody has such keys, [`TokenError::KeysUnavailable`] where
    /// nobody can tell.
    pub async fn fetch(&self, name: &str) -> Result<(), TokenError> {
        let unknown = || TokenError::UnknownIssuer(name.to_owned());
        let value = self.name.value_in(name).ok_or_else(unknown)?;
        let fetched = self.keys.fetch(value).await;
        fetched.map_err(|absence| match absence {
            Absence::Unknown => unknown(),
            Absence::Unavailable => TokenError::KeysUnavailable,
        })
    }
}

/// Shows the keys of a family's issuers, each known by the value in its name; cheap to clone, safe on
/// every worker.
#[derive(Clone, Debug)]
pub struct KeyFamily {
    members: Arc<watch::Sender<Members>>,
    requests: mpsc::Sender<Box<str>>,
}

/// Why an issuer has no keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// There is no such issuer.
    Unknown,
    /// Nobody can tell now.
    Unavailable,
}

impl KeyFamily {
    fn find(&self, value: &str) -> Option<KeyFeed> {
        let mut found = None;
        self.members.send_if_modified(|members| {
            found = members.find(value);
            false
        });
        found
    }

    async fn fetch(&self, value: &str) -> Result<(), Absence> {
        let mut members = self.members.subscribe();
        let mut asked = Ok(());
        self.members.send_if_modified(|members| {
            asked = members.ask(value, &self.requests);
            false
        });
        asked?;
        let settled = members.wait_for(|members| members.settled(value).is_some());
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(Ok(members)) => members.settled(value).unwrap_or(Err(Absence::Unavailable)),
            _ => Err(Absence::Unavailable),
        }
    }
}

/// What is known of a family's issuers.
#[derive(Debug, Default)]
struct Members {
    by_value: HashMap<Box<str>, Member>,
    /// How often any of them was looked for.
    uses: u64,
}

#[derive(Debug)]
enum Member {
    /// Asked for.
    Awaited,
    /// Not asked for again until then.
    Absent { absence: Absence, until: Instant },
    /// Here; and which use was its last.
    Present { keys: KeyFeed, used: u64 },
}

impl Members {
    /// The keys of `value`. One that has lost them is asked for anew.
    fn find(&mut self, value: &str) -> Option<KeyFeed> {
        self.uses += 1;
        match self.by_value.get_mut(value) {
            Some(Member::Present { keys, used }) if keys.current().is_some() => {
                *used = self.uses;
                Some(keys.clone())
            }
            _ => None,
        }
    }

    /// Sees that somebody asks for the keys of `value`, unless that is known to be of no use.
    fn ask(&mut self, value: &str, requests: &mpsc::Sender<Box<str>>) -> Result<(), Absence> {
        match self.by_value.get(value) {
            Some(Member::Awaited) => return Ok(()),
            Some(Member::Present { keys, .. }) if keys.current().is_some() => return Ok(()),
            Some(Member::Absent { absence, until }) if Instant::now() < *until => {
                return Err(*absence);
            }
            _ => {}
        }
        // Full: to wait in a longer line would be to wait for strangers.
        let sent = requests.try_send(value.into());
        sent.map_err(|_| Absence::Unavailable)?;
        self.by_value.insert(value.into(), Member::Awaited);
        Ok(())
    }

    /// What came of asking for `value`; nothing while somebody does.
    fn settled(&self, value: &str) -> Option<Result<(), Absence>> {
        match self.by_value.get(value) {
            Some(Member::Awaited) => None,
            Some(Member::Present { .. }) => Some(Ok(())),
            Some(Member::Absent { absence, .. }) => Some(Err(*absence)),
            None => Some(Err(Absence::Unavailable)),
        }
    }

    /// Keeps the keys of `value`, in the place of the one that is missed least.
    fn admit(&mut self, value: Box<str>, keys: KeyFeed) {
        self.make_room(MAX_MEMBERS, |member| match member {
            Member::Present { keys, used } => Some((keys.current().is_some(), *used)),
            _ => None,
        });
        let used = self.uses;
        self.by_value.insert(value, Member::Present { keys, used });
    }

    /// Remembers until then that no keys were had for `value`.
    fn refuse(&mut self, value: Box<str>, absence: Absence, until: Instant) {
        self.make_room(MAX_ABSENT, |member| match member {
            Member::Absent { until, .. } => Some(*until),
            _ => None,
        });
        let absent = Member::Absent { absence, until };
        self.by_value.insert(value, absent);
    }

    /// Where `most` have a rank already, the one with the least goes.
    fn make_room<R: Ord>(&mut self, most: usize, rank: impl Fn(&Member) -> Option<R>) {
        let ranked = self.by_value.iter();
        let ranked = ranked.filter_map(|(value, member)| Some((rank(member)?, value)));
        if ranked.clone().count() < most {
            return;
        }
        let least = ranked.min().map(|(_, value)| value.clone());
        if let Some(value) = least {
            self.by_value.remove(&value);
        }
    }
}

#[cfg(test)]
mod tests;
