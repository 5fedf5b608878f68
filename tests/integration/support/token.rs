//! Real keys, and tokens signed with them.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

pub const ISSUER: &str = "https://iam.test";
pub const AUDIENCE: &str = "ecs";
pub const PROJECT: &str = "0a1b2c3d4e5f";
pub const OTHER_PROJECT: &str = "f5e4d3c2b1a0";

/// A key pair with a name.
#[derive(Clone)]
pub struct Key {
    kid: String,
    algorithm: Algorithm,
    private: EncodingKey,
    public: Value,
}

/// A token's claims; at first good ones, for an hour, that grant nothing.
#[derive(Clone, Debug)]
pub struct Claims {
    members: Map<String, Value>,
}

impl Key {
    pub fn es256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(der.as_ref()),
            public: json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
                "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}),
        }
    }

    pub fn rs256(kid: &str) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let modulus = pair.public_key().modulus();
        let exponent = pair.public_key().exponent();
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::RS256,
            private: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
            public: json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
                "n": URL_SAFE_NO_PAD.encode(modulus.big_endian_without_leading_zero()),
                "e": URL_SAFE_NO_PAD.encode(exponent.big_endian_without_leading_zero())}),
        }
    }

    /// The public half of an ES256 key in PEM form (RFC 5480 §2).
    pub fn pem(&self) -> String {
        let prefix: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let half = |name: &str| URL_SAFE_NO_PAD.decode(self.public[name].as_str().unwrap());
        let (x, y) = (half("x").unwrap(), half("y").unwrap());
        let text = STANDARD.encode([prefix.as_slice(), &[4], &x, &y].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// What it signs as a thing of this kind, the header's `typ`.
    pub fn sign_kind(&self, kind: &str, payload: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.typ = Some(kind.to_owned());
        jsonwebtoken::encode(&header, payload, &self.private).unwrap()
    }

    /// A key set of these.
    pub fn set(keys: &[&Self]) -> String {
        let members: Vec<&Value> = keys.iter().map(|key| &key.public).collect();
        json!({ "keys": members }).to_string()
    }
}

impl Claims {
    /// For this project, with these grants.
    pub fn new(project: &str, actions: &[&str]) -> Self {
        let now = now();
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now,
            "exp": now + 3600, "project_id": project, "actions": actions});
        let Value::Object(members) = claims else {
            panic!("not an object");
        };
        Self { members }
    }

    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.members.remove(name);
        self
    }

    pub fn sign(&self, key: &Key) -> String {
        self.sign_as(key, &key.kid)
    }

    /// With a header that names another key than the one that signs.
    pub fn sign_as(&self, key: &Key, kid: &str) -> String {
        let mut header = Header::new(key.algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, &self.members, &key.private).unwrap()
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// The key that a gateway trusts unless its test says otherwise.
pub fn default_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::es256("k1"))
}

/// A good token of [`PROJECT`] with these grants.
pub fn token(actions: &[&str]) -> String {
    Claims::new(PROJECT, actions).sign(default_key())
}
