//! The rules of a gateway with one issuer, and a caller with a token of it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use actiongate::decision::Mode;
use actiongate::gateway::{Identity, Reading, Rules};
use actiongate::grant::{ClaimMapping, Roles};
use actiongate::router::Router;
use actiongate::token::{
    Algorithm, Delegation, Issuer, JwtIssuer, KeyFeed, KeySettings, KeySource, KeystoneJws, Kind,
    Location, Settings, Token, unix_time,
};
use serde_json::json;

use super::request::PROJECT;
use super::signer::Signer;

const ISSUER: &str = "https://iam.example.com/realms/cloud";
const USER: &str = "8c1f9a52-60de-4b1d-9d14-2f7b0a6e4c33";

/// How the issuer's tokens are made.
#[derive(Clone, Copy)]
pub enum Form {
    /// A JWT, of about 700 bytes with an RSA key.
    Jwt,
    /// A Keystone's JWS.
    Keystone,
}

impl Form {
    /// A token for an hour, which grants everything.
    pub fn token(self, signer: &Signer) -> String {
        let now = unix_time();
        let claims = match self {
            Self::Jwt => json!({
                "iss": ISSUER, "aud": "ecs", "sub": USER, "iat": now, "exp": now + 3600,
                "jti": "b7a1b1c2-33a5-4f3e-8a63-7d1e0f9c2b44", "project_id": PROJECT,
                "actions": ["*:*:*"],
            }),
            Self::Keystone => json!({
                "sub": USER.replace('-', ""), "iat": now, "exp": now + 3600,
                "openstack_methods": ["password"],
                "openstack_audit_ids": ["3T2dc1CGQxyJsHdDu1xkcw"],
                "openstack_project_id": PROJECT,
            }),
        };
        signer.token(&claims)
    }

    /// Rules under which a gateway accepts them.
    pub fn rules(self, signer: &Signer, router: Router) -> Rules {
        let keys = feed(signer);
        let kind = match self {
            Self::Jwt => Kind::Jwt(JwtIssuer {
                audiences: vec!["ecs".to_owned()],
                keys,
            }),
            Self::Keystone => Kind::KeystoneJws(KeystoneJws {
                keys,
                algorithm: Algorithm::ES256,
                delegated: Delegation::ALL.to_vec(),
            }),
        };
        let issuer = Issuer {
            name: ISSUER.to_owned(),
            leeway: 0,
            kind,
        };
        let reading = Reading {
            mode: Mode::Enforce,
            mapping: self.mapping(),
            roles: Roles::default(),
        };
        Rules::new(router, vec![(issuer, reading)], Settings::default())
    }

    /// How their claims are read.
    pub fn mapping(self) -> ClaimMapping {
        let pointer = |text: &str| text.parse().unwrap();
        let project = match self {
            Self::Jwt => "/project_id",
            Self::Keystone => "/openstack_project_id",
        };
        ClaimMapping {
            actions: Some(pointer("/actions")),
            ..ClaimMapping::new(pointer(project), pointer("/sub"))
        }
    }
}

/// All that a gateway does with a token that it has not seen.
pub fn identify(rules: &Rules, token: &str) -> Identity {
    ready(rules.identify(Token::new(token))).unwrap()
}

fn feed(signer: &Signer) -> KeyFeed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, signer.key_set()).unwrap();
    let settings = KeySettings::new(Location::File(path));
    let (mut source, feed) = KeySource::new(ISSUER, settings).unwrap();
    ready(source.refresh()).unwrap();
    feed
}

/// What there is to wait for is here already.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
