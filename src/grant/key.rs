//! Condition keys, and what a token says about them.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use crate::json::Pointer;

/// What a condition asks about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Key {
    /// `g:CurrentTime`, of the request.
    CurrentTime,
    /// `g:SourceIp`, of the request.
    SourceIp,
    /// `g:ServiceName`, of the action.
    ServiceName,
    /// `g:MFAAge`: seconds since the moment that a claim holds.
    MfaAge,
    /// What a claim holds.
    Claim(String),
}

impl Key {
    /// The key called `name`.
    ///
    /// Version 5.0 compares keys without case, so that no claim may feed `g:sourceip`; a key of a
    /// claim in another case than the config's is one that nothing feeds.
    pub fn new(name: &str) -> Self {
        let own = [
            Self::CurrentTime,
            Self::SourceIp,
            Self::ServiceName,
            Self::MfaAge,
        ];
        let mut own = own.into_iter();
        own.find(|key| key.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Claim(name.to_owned()))
    }

    /// As a policy writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::CurrentTime => "g:CurrentTime",
            Self::SourceIp => "g:SourceIp",
            Self::ServiceName => "g:ServiceName",
            Self::MfaAge => "g:MFAAge",
            Self::Claim(name) => name,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the conditions and resources of an issuer's policies are held against, besides the request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConditionKeys {
    /// The claim that says the caller's domain.
    pub domain: Option<Pointer>,
    /// The region of the upstream.
    pub region: Option<String>,
    claims: Vec<(String, Pointer)>,
}

/// Why no claim may feed a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidKey {
    /// It is known without a claim.
    #[error("`{0}` is taken from the request")]
    Request(String),
    /// It is about the resource, of which a token knows nothing.
    #[error("`{0}` is about the resource, which a token cannot know")]
    Resource(String),
    /// It is no key at all.
    #[error("expected a condition key as in `g:UserName`, found `{0}`")]
    Name(String),
}

impl ConditionKeys {
    /// Keys of which the claim at `subject` feeds `g:UserId`, and nothing else.
    pub fn new(subject: Pointer) -> Self {
        Self {
            claims: vec![("g:UserId".to_owned(), subject)],
            ..Self::default()
        }
    }

    /// Feeds the key called `name` from the claim at `pointer`, instead of any claim before.
    ///
    /// `g:MFAAge` is fed by the moment of the authentication, since an age in a token would stand
    /// still.
    ///
    /// # Errors
    ///
    /// Keys that are known from the request, or about the resource.
    pub fn feed(&mut self, name: &str, pointer: Pointer) -> Result<(), InvalidKey> {
        let key = Key::new(name);
        match key {
            Key::CurrentTime | Key::SourceIp | Key::ServiceName => {
                return Err(InvalidKey::Request(name.to_owned()));
            }
            Key::MfaAge | Key::Claim(_) => {}
        }
        let words: Vec<&str> = name.splitn(2, ':').collect();
        if words.len() != 2 || words.contains(&"") || name.contains(char::is_whitespace) {
            return Err(InvalidKey::Name(name.to_owned()));
        }
        let of_resource = [
            "g:ResourceTag/",
            "g:RequestTag/",
            "g:TagKeys",
            "g:EnterpriseProjectId",
        ];
        let is_start = |start: &&str| {
            let beginning = name.get(..start.len());
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
        };
        if of_resource.iter().any(is_start) {
            return Err(InvalidKey::Resource(name.to_owned()));
        }
        self.claims.retain(|(own, _)| own != key.name());
        self.claims.push((key.name().to_owned(), pointer));
        Ok(())
    }

    /// Every claim that they are held against.
    pub fn pointers(&self) -> impl Iterator<Item = &Pointer> {
        let claims = self.claims.iter().map(|(_, pointer)| pointer);
        claims.chain(&self.domain)
    }

    /// Whether a request, an action or a claim says something about `key`.
    pub fn feeds(&self, key: &Key) -> bool {
        match key {
            Key::CurrentTime | Key::SourceIp | Key::ServiceName => true,
            Key::MfaAge | Key::Claim(_) => self.claims.iter().any(|(name, _)| name == key.name()),
        }
    }

    /// The claim that feeds `key`, if one does.
    pub fn pointer(&self, key: &Key) -> Option<String> {
        let found = self.claims.iter().find(|(name, _)| name == key.name());
        found.map(|(_, pointer)| pointer.to_string())
    }

    /// The keys that claims feed, each with its claim.
    pub fn fed(&self) -> impl Iterator<Item = (&str, &Pointer)> {
        let claims = self.claims.iter();
        claims.map(|(name, pointer)| (name.as_str(), pointer))
    }

    /// What the claims of one token say.
    pub fn read<'a>(&'a self, claims: &'a Map<String, Value>) -> CallerValues<'a> {
        let find = |pointer: &'a Pointer| pointer.find(claims).filter(|value| !value.is_null());
        let values = self.claims.iter().filter_map(|(name, pointer)| {
            let value = find(pointer)?;
            Some((name.as_str(), value))
        });
        CallerValues {
            domain: match self.domain.as_ref().and_then(find) {
                // What a `*` selects is an array, and no domain.
                Some(Cow::Borrowed(domain)) => domain.as_str(),
                _ => None,
            },
            values: values.collect(),
        }
    }
}

/// What one token says about condition keys.
#[derive(Clone, Debug, Default)]
pub struct CallerValues<'a> {
    domain: Option<&'a str>,
    values: Vec<(&'a str, Cow<'a, Value>)>,
}

impl<'a> CallerValues<'a> {
    /// What claims say that are known by their pointers.
    pub fn of(keys: &'a ConditionKeys, find: impl Fn(&str) -> Option<&'a Value>) -> Self {
        let find = |pointer: &Pointer| find(&pointer.to_string());
        let values = keys.claims.iter().filter_map(|(name, pointer)| {
            let value = find(pointer)?;
            Some((name.as_str(), Cow::Borrowed(value)))
        });
        Self {
            domain: keys.domain.as_ref().and_then(find).and_then(Value::as_str),
            values: values.collect(),
        }
    }

    /// The caller's domain, if its token tells.
    pub fn domain(&self) -> Option<&'a str> {
        self.domain
    }

    /// The claim that feeds `key`; none if it is absent or null.
    pub fn find(&self, key: &Key) -> Option<&Value> {
        let mut values = self.values.iter();
        values
            .find(|(name, _)| *name == key.name())
            .map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_feed_keys() {
        let mut keys = ConditionKeys::new("/sub".parse().unwrap());
        keys.domain = Some("/domain".parse().unwrap());
        keys.feed("g:UserName", "/user/name".parse().unwrap())
            .unwrap();
        keys.feed("g:mfaage", "/auth_time".parse().unwrap())
            .unwrap();
        let claims = json!({"sub": "u", "user": {"name": ["a"]}, "auth_time": null, "domain": "d"});
        let values = keys.read(claims.as_object().unwrap());
        let find = |name| values.find(&Key::new(name)).cloned();
        assert_eq!(find("g:UserId"), Some(json!("u")));
        assert_eq!(find("g:UserName"), Some(json!(["a"])));
        assert_eq!(find("g:MFAAge"), None);
        assert_eq!(find("g:DomainName"), None);
        assert_eq!(values.domain(), Some("d"));
        for (name, expected) in [
            ("g:UserId", true),
            ("g:MFAAge", true),
            ("g:CurrentTime", true),
            ("g:SourceIp", true),
            ("g:ServiceName", true),
            ("g:DomainName", false),
            ("g:userid", false),
            ("g:sourceip", true),
            ("G:mfaAge", true),
        ] {
            assert_eq!(keys.feeds(&Key::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_later_feed_replaces_an_earlier() {
        let mut keys = ConditionKeys::new("/sub".parse().unwrap());
        keys.feed("g:UserId", "/uid".parse().unwrap()).unwrap();
        let claims = json!({"sub": "a", "uid": "b"});
        let values = keys.read(claims.as_object().unwrap());
        assert_eq!(values.find(&Key::new("g:UserId")), Some(&json!("b")));
    }

    #[test]
    fn some_keys_are_fed_by_no_claim() {
        let mut keys = ConditionKeys::default();
        let cases = [
            ("g:CurrentTime", "`g:CurrentTime` is taken from the request"),
            ("g:SourceIp", "`g:SourceIp` is taken from the request"),
            ("g:sourceip", "`g:sourceip` is taken from the request"),
            (
                "G:resourcetag/team",
                "`G:resourcetag/team` is about the resource, which a token cannot know",
            ),
            ("g:ServiceName", "`g:ServiceName` is taken from the request"),
            (
                "g:ResourceTag/team",
                "`g:ResourceTag/team` is about the resource, which a token cannot know",
            ),
            (
                "g:EnterpriseProjectId",
                "`g:EnterpriseProjectId` is about the resource, which a token cannot know",
            ),
            (
                "UserName",
                "expected a condition key as in `g:UserName`, found `UserName`",
            ),
            (
                "g:",
                "expected a condition key as in `g:UserName`, found `g:`",
            ),
            (
                "g:a b",
                "expected a condition key as in `g:UserName`, found `g:a b`",
            ),
        ];
        for (name, expected) in cases {
            let error = keys.feed(name, "/a".parse().unwrap()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
