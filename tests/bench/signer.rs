//! A key of each algorithm: what it signs, and the bare check of that, without anything around it.

use actiongate::token::Algorithm;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair.
pub struct Signer {
    algorithm: Algorithm,
    jwk: Value,
    sign: Box<dyn Fn(&[u8]) -> Vec<u8>>,
    public: aws::ParsedPublicKey,
}

impl Signer {
    /// A new one; of RSA with 2048 bits.
    pub fn new(algorithm: Algorithm) -> Self {
        let fixed = |signing, verification, curve| ec(algorithm, signing, verification, curve);
        match algorithm {
            Algorithm::ES256 => fixed(
                &aws::ECDSA_P256_SHA256_FIXED_SIGNING,
                &aws::ECDSA_P256_SHA256_FIXED,
                "P-256",
            ),
            Algorithm::ES384 => fixed(
                &aws::ECDSA_P384_SHA384_FIXED_SIGNING,
                &aws::ECDSA_P384_SHA384_FIXED,
                "P-384",
            ),
            Algorithm::ES512 => fixed(
                &aws::ECDSA_P521_SHA512_FIXED_SIGNING,
                &aws::ECDSA_P521_SHA512_FIXED,
                "P-521",
            ),
            Algorithm::EdDSA => ed(),
            Algorithm::PS256 => rsa(
                algorithm,
                &aws::RSA_PSS_SHA256,
                &aws::RSA_PSS_2048_8192_SHA256,
            ),
            _ => rsa(
                Algorithm::RS256,
                &aws::RSA_PKCS1_SHA256,
                &aws::RSA_PKCS1_2048_8192_SHA256,
            ),
        }
    }

    /// A key set with the public half alone.
    pub fn key_set(&self) -> String {
        json!({"keys": [self.jwk]}).to_string()
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "typ": "JWT", "kid": "bench"});
        let signed = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = encode((self.sign)(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The signed bytes of a token, and the signature.
    pub fn parts(token: &str) -> (Vec<u8>, Vec<u8>) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        (signed.as_bytes().to_vec(), signature)
    }

    /// Nothing but the check of a signature.
    pub fn is_signed(&self, (signed, signature): &(Vec<u8>, Vec<u8>)) -> bool {
        self.public.verify_sig(signed, signature).is_ok()
    }
}

fn rsa(
    algorithm: Algorithm,
    encoding: &'static dyn aws::RsaEncoding,
    verification: &'static aws::RsaParameters,
) -> Signer {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
    let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
    let jwk = json!({"kty": "RSA", "n": encode(modulus), "e": encode(exponent)});
    let public = aws::ParsedPublicKey::new(verification, public).unwrap();
    let sign = move |message: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = pair.sign(encoding, &random, message, &mut signature);
        signed.unwrap();
        signature
    };
    signer(algorithm, jwk, Box::new(sign), public)
}

fn ec(
    algorithm: Algorithm,
    signing: &'static aws::EcdsaSigningAlgorithm,
    verification: &'static aws::EcdsaVerificationAlgorithm,
    curve: &str,
) -> Signer {
    let pair = EcdsaKeyPair::generate(signing).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(point.len() / 2);
    let jwk = json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)});
    let public = aws::ParsedPublicKey::new(verification, point).unwrap();
    let sign = move |message: &[u8]| {
        let signature = pair.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    };
    signer(algorithm, jwk, Box::new(sign), public)
}

fn ed() -> Signer {
    let pair = Ed25519KeyPair::generate().unwrap();
    let point = pair.public_key().as_ref();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(point)});
    let public = aws::ParsedPublicKey::new(&aws::ED25519, point).unwrap();
    let sign = move |message: &[u8]| pair.sign(message).as_ref().to_vec();
    signer(Algorithm::EdDSA, jwk, Box::new(sign), public)
}

fn signer(
    algorithm: Algorithm,
    mut jwk: Value,
    sign: Box<dyn Fn(&[u8]) -> Vec<u8>>,
    public: aws::ParsedPublicKey,
) -> Signer {
    jwk["alg"] = json!(algorithm.name());
    jwk["kid"] = json!("bench");
    Signer {
        algorithm,
        jwk,
        sign,
        public,
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
