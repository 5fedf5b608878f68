//! The tags of one server, within Nova's bounds.

use std::cell::RefCell;
use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Fault};
use super::body::parse_member;

/// Nova's bounds: tags of one server, and characters of one tag.
pub const MAX_TAGS: usize = 50;
const MAX_TEXT: usize = 60;

#[derive(Debug, Default)]
pub struct Tags {
    all: RefCell<BTreeSet<String>>,
}

impl Tags {
    pub fn new(tags: BTreeSet<String>) -> Self {
        Self {
            all: RefCell::new(tags),
        }
    }

    pub fn to_json(&self) -> Value {
        json!(*self.all.borrow())
    }

    pub fn show(&self) -> Answer {
        Answer::show(&json!({"tags": self.to_json()}))
    }

    pub fn replace(&self, tags: BTreeSet<String>) -> Answer {
        self.all.replace(tags);
        self.show()
    }

    pub fn clear(&self) -> Answer {
        self.all.borrow_mut().clear();
        Answer::DONE
    }

    pub fn check(&self, id: &str, tag: &str) -> Result<Answer, Fault> {
        match self.all.borrow().contains(tag) {
            true => Ok(Answer::DONE),
            false => Err(Fault::TagNotFound(id.to_owned(), tag.to_owned())),
        }
    }

    pub fn add(&self, tag: &str) -> Result<Answer, Fault> {
        let tag = parse(json!(tag))?;
        let mut all = self.all.borrow_mut();
        if all.contains(&tag) {
            return Ok(Answer::DONE);
        }
        if all.len() >= MAX_TAGS {
            return Err(Fault::TooManyTags);
        }
        all.insert(tag);
        Ok(Answer {
            status: StatusCode::CREATED,
            body: String::new(),
        })
    }

    pub fn remove(&self, id: &str, tag: &str) -> Result<Answer, Fault> {
        self.check(id, tag)?;
        self.all.borrow_mut().remove(tag);
        Ok(Answer::DONE)
    }
}

pub fn parse_all(body: &[u8]) -> Result<BTreeSet<String>, Fault> {
    parse_list(parse_member(body, "tags")?)
}

pub fn parse_list(value: Value) -> Result<BTreeSet<String>, Fault> {
    let Value::Array(tags) = value else {
        return Err(Fault::InvalidField("tags".to_owned(), value));
    };
    if tags.len() > MAX_TAGS {
        return Err(Fault::TooManyTags);
    }
    tags.into_iter().map(parse).collect()
}

fn parse(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(tag)
            if (1..=MAX_TEXT).contains(&tag.chars().count()) && !tag.contains(['/', ',']) =>
        {
            Ok(tag)
        }
        value => Err(Fault::InvalidField("tag".to_owned(), value)),
    }
}
