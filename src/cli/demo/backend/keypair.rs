//! The key pairs of the demo's backend: public keys under names.
//!
//! Nova keeps them for users. Nobody tells this backend who asks, so here they are a project's.

use std::cell::RefCell;
use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Fault, OWNER, now, with};
use super::body::parse_member;
use super::call::Call;
use super::version::Microversion;

/// Of all projects together: Nova's quota of one user.
pub const MAX_KEYPAIRS: usize = 100;
const MAX_NAME: usize = 255;
/// Nova's bound.
const MAX_KEY: usize = 16 * 1024;

#[derive(Debug, Default)]
pub struct Keypairs {
    /// By project and name.
    all: RefCell<BTreeMap<(String, String), Keypair>>,
}

#[derive(Debug)]
struct Keypair {
    public_key: String,
    fingerprint: String,
    created: String,
}

impl Keypairs {
    pub fn operate(&self, call: &Call<'_>, project: &str, rest: &[&str]) -> Result<Answer, Fault> {
        let status = |newer, older| match call.version >= Microversion(2) {
            true => newer,
            false => older,
        };
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(self.list(call, project)),
            ("POST", []) => {
                let shown = self.create(call, project)?;
                let status = status(StatusCode::CREATED, StatusCode::OK);
                let body = json!({"keypair": shown}).to_string();
                Ok(Answer { status, body })
            }
            ("GET", [name]) => self.show(call, project, name),
            ("DELETE", [name]) => {
                let removed = self.all.borrow_mut().remove(&place(project, name));
                removed.ok_or_else(|| Fault::KeypairNotFound((*name).to_owned()))?;
                Ok(status_answer(status(
                    StatusCode::NO_CONTENT,
                    StatusCode::ACCEPTED,
                )))
            }
            _ => Err(Fault::NoSuchRoute),
        }
    }

    fn list(&self, call: &Call<'_>, project: &str) -> Answer {
        let all = self.all.borrow();
        let ours = all.iter().filter(|((owner, _), _)| owner == project);
        let shown: Vec<Value> = ours
            .map(|((_, name), keypair)| json!({"keypair": keypair.summary(call, name)}))
            .collect();
        Answer::show(&json!({"keypairs": shown}))
    }

    fn show(&self, call: &Call<'_>, project: &str, name: &str) -> Result<Answer, Fault> {
        let all = self.all.borrow();
        let found = all.get(&place(project, name));
        let keypair = found.ok_or_else(|| Fault::KeypairNotFound(name.to_owned()))?;
        let more = [
            ("id", json!(1)),
            ("user_id", json!(OWNER)),
            ("created_at", json!(keypair.created)),
            ("deleted", json!(false)),
            ("deleted_at", Value::Null),
            ("updated_at", Value::Null),
        ];
        let shown = with(keypair.summary(call, name), more);
        Ok(Answer::show(&json!({"keypair": shown})))
    }

    fn create(&self, call: &Call<'_>, project: &str) -> Result<Value, Fault> {
        let (name, keypair) = parse(call.body)?;
        let mut all = self.all.borrow_mut();
        let place = place(project, &name);
        if all.contains_key(&place) {
            return Err(Fault::KeypairExists(name));
        }
        if all.len() >= MAX_KEYPAIRS {
            return Err(Fault::TooManyKeypairs);
        }
        let shown = with(keypair.summary(call, &name), [("user_id", json!(OWNER))]);
        all.insert(place, keypair);
        Ok(shown)
    }
}

impl Keypair {
    fn summary(&self, call: &Call<'_>, name: &str) -> Value {
        let shown = json!({
            "name": name,
            "public_key": self.public_key,
            "fingerprint": self.fingerprint,
        });
        match call.version >= Microversion(2) {
            true => with(shown, [("type", json!("ssh"))]),
            false => shown,
        }
    }
}

fn place(project: &str, name: &str) -> (String, String) {
    (project.to_owned(), name.to_owned())
}

fn status_answer(status: StatusCode) -> Answer {
    Answer {
        status,
        body: String::new(),
    }
}

/// The name and the key. One without a public key Nova would make up to 2.91; here it is asked for.
fn parse(body: &[u8]) -> Result<(String, Keypair), Fault> {
    let value = parse_member(body, "keypair")?;
    let Value::Object(mut members) = value else {
        return Err(Fault::InvalidField("keypair".to_owned(), value));
    };
    let mut text = |name: &'static str, bound: usize| match members.remove(name) {
        None => Err(Fault::MissingMember(name)),
        Some(Value::String(text)) if (1..=bound).contains(&text.len()) => Ok(text),
        Some(value) => Err(Fault::InvalidField(name.to_owned(), value)),
    };
    let name = text("name", MAX_NAME)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@. ".contains(&byte);
    if !name.bytes().all(is_allowed) {
        return Err(Fault::InvalidField("name".to_owned(), json!(name)));
    }
    let public_key = text("public_key", MAX_KEY)?;
    match members.remove("type") {
        None => {}
        Some(kind) if kind == "ssh" => {}
        Some(kind) => return Err(Fault::InvalidField("type".to_owned(), kind)),
    }
    if let Some((other, _)) = members.into_iter().next() {
        return Err(Fault::UnexpectedMember(other));
    }
    let fingerprint = fingerprint(&public_key).ok_or(Fault::InvalidPublicKey)?;
    let keypair = Keypair {
        public_key,
        fingerprint,
        created: now(),
    };
    Ok((name, keypair))
}

/// As OpenSSH writes it: Nova's own is of MD5.
fn fingerprint(public_key: &str) -> Option<String> {
    let mut words = public_key.split_whitespace();
    let (kind, key) = (words.next()?, STANDARD.decode(words.next()?).ok()?);
    // RFC 4253, section 6.6: the key repeats its kind, after four bytes of length.
    let (length, rest) = key.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (inner, _) = rest.split_at_checked(length)?;
    let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-");
    if !known || inner != kind.as_bytes() {
        return None;
    }
    let hash = STANDARD_NO_PAD.encode(digest(&SHA256, &key));
    Some(format!("SHA256:{hash}"))
}
