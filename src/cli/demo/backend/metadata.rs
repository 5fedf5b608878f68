//! The metadata of one server, within Nova's bounds.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::{Answer, Fault};
use super::body::parse_member;

/// Nova's quota of metadata items of one server.
pub const MAX_ITEMS: usize = 128;
/// Nova's bound on a key and on a value, in characters.
const MAX_TEXT: usize = 255;

pub type Items = BTreeMap<String, String>;

#[derive(Debug)]
pub struct Metadata {
    items: RefCell<Items>,
}

impl Metadata {
    pub fn new(items: Items) -> Self {
        Self {
            items: RefCell::new(items),
        }
    }

    pub fn items(&self) -> Items {
        self.items.borrow().clone()
    }

    pub fn show(&self) -> Answer {
        Answer::show(&json!({"metadata": *self.items.borrow()}))
    }

    pub fn show_item(&self, key: &str) -> Result<Answer, Fault> {
        let items = self.items.borrow();
        let value = items.get(key).ok_or(Fault::ItemNotFound)?;
        Ok(Answer::show(&json!({"meta": {key: value}})))
    }

    pub fn merge(&self, items: Items) -> Result<Answer, Fault> {
        let mut merged = self.items();
        merged.extend(items);
        self.replace(merged)
    }

    pub fn replace(&self, items: Items) -> Result<Answer, Fault> {
        if items.len() > MAX_ITEMS {
            return Err(Fault::TooManyItems);
        }
        self.items.replace(items);
        Ok(self.show())
    }

    pub fn remove(&self, key: &str) -> Result<Answer, Fault> {
        let removed = self.items.borrow_mut().remove(key);
        removed.map(|_| Answer::DONE).ok_or(Fault::ItemNotFound)
    }
}

pub fn parse_items(body: &[u8], member: &'static str) -> Result<Items, Fault> {
    check_items(parse_member(body, member)?, member)
}

pub fn check_items(value: Value, member: &'static str) -> Result<Items, Fault> {
    let pairs = match value {
        Value::Object(pairs) => pairs,
        value => return Err(Fault::InvalidField(member.to_owned(), value)),
    };
    let parse_pair = |(key, value): (String, Value)| match value {
        _ if !is_key(&key) => Err(Fault::InvalidKey(key)),
        Value::String(text) if text.chars().count() <= MAX_TEXT => Ok((key, text)),
        value => Err(Fault::InvalidField(key, value)),
    };
    let items: Items = pairs
        .into_iter()
        .map(parse_pair)
        .collect::<Result<_, _>>()?;
    match items.len() > MAX_ITEMS {
        true => Err(Fault::TooManyItems),
        false => Ok(items),
    }
}

fn is_key(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:. ".contains(&byte);
    (1..=MAX_TEXT).contains(&text.len()) && text.bytes().all(is_allowed)
}
