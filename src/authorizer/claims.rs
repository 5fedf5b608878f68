//! Who an `AuthZEN` subject is: the caller with a token, or claims where the config believes them.

use std::rc::Rc;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Map, Value};

use crate::gateway::{Identity, InvalidQuestion, Rejection, Rules};
use crate::token::{Standing, Verified};

/// An object of JSON.
pub type Object = Map<String, Value>;

/// How a subject proves who it is.
pub enum Proof {
    /// By this token, or by none.
    Token(HeaderMap),
    /// Not at all: these claims are of the issuer with this name.
    Claims(String, Object),
}

impl Proof {
    /// Reads `subject.properties`.
    pub fn read(properties: Option<&Object>) -> Result<Self, InvalidQuestion> {
        let get = |name| properties.and_then(|properties| properties.get(name));
        let mut headers = HeaderMap::new();
        match (get("token"), get("claims")) {
            (None, None) => {}
            (Some(_), Some(_)) => return Err(InvalidQuestion::Repeated("credential")),
            (Some(token), None) => {
                let unreadable = || InvalidQuestion::Unreadable("`subject.properties.token`");
                let token = token.as_str().ok_or_else(unreadable)?;
                let value = HeaderValue::from_str(&format!("Bearer {token}"));
                let mut value = value.map_err(|_| unreadable())?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            (None, Some(claims)) => {
                let unreadable = InvalidQuestion::Unreadable("`subject.properties.claims`");
                let claims = claims.as_object().ok_or(unreadable)?;
                let issuer = get("issuer").ok_or(InvalidQuestion::Missing(
                    "`subject.properties.issuer` beside the claims",
                ))?;
                let issuer = issuer
                    .as_str()
                    .ok_or(InvalidQuestion::Unreadable("`subject.properties.issuer`"))?;
                return Ok(Self::Claims(issuer.to_owned(), claims.clone()));
            }
        }
        Ok(Self::Token(headers))
    }
}

/// Whom claims describe that nobody has verified.
pub fn believe(rules: &Rules, issuer: &str, claims: Object) -> Result<Rc<Identity>, Rejection> {
    let mut issuers = rules.issuers().iter();
    let place = issuers.position(|known| known.name == issuer);
    let place = place.ok_or(InvalidQuestion::Unreadable("`subject.properties.issuer`"))?;
    let expires = match claims.get("exp") {
        None => u64::MAX,
        // What is no time is over.
        Some(time) => time.as_u64().unwrap_or_default(),
    };
    let identity = rules.read(Verified {
        issuer: place,
        claims,
        expires,
        standing: Standing::Until(0),
        certificate: None,
    })?;
    Ok(Rc::new(identity))
}
