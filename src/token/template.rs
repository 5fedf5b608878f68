//! A text with one parameter, such as `https://keystone.example/v4/oauth2/{domain_id}`: one name for
//! many issuers.

use std::fmt;

/// The longest value of a parameter.
const MAX_VALUE: usize = 64;

/// A text with exactly one parameter.
///
/// A value is one segment of a path and leads nowhere else: it has no dot, slash or percent sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    before: String,
    parameter: String,
    after: String,
}

/// Braces that do not make one parameter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum InvalidTemplate {
    #[error("a `{{` or `}}` is not one of a pair")]
    Brace,
    #[error("it has more than one parameter")]
    Several,
    #[error("`{{{0}}}` is not a parameter such as `{{domain_id}}`")]
    Parameter(String),
}

impl Template {
    /// Reads `text`; one without braces has no parameter.
    ///
    /// # Errors
    ///
    /// Braces that are anything but one parameter.
    pub fn find(text: &str) -> Result<Option<Self>, InvalidTemplate> {
        let Some((before, rest)) = text.split_once('{') else {
            return match text.contains('}') {
                true => Err(InvalidTemplate::Brace),
                false => Ok(None),
            };
        };
        let (parameter, after) = rest.split_once('}').ok_or(InvalidTemplate::Brace)?;
        if before.contains('}') || parameter.contains('{') {
            return Err(InvalidTemplate::Brace);
        }
        if after.contains(['{', '}']) {
            return Err(match Self::find(after) {
                Ok(_) | Err(InvalidTemplate::Several) => InvalidTemplate::Several,
                Err(error) => error,
            });
        }
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'0'..=b'9' | b'_');
        if parameter.is_empty() || !parameter.bytes().all(is_letter) {
            return Err(InvalidTemplate::Parameter(parameter.to_owned()));
        }
        Ok(Some(Self {
            before: before.to_owned(),
            parameter: parameter.to_owned(),
            after: after.to_owned(),
        }))
    }

    /// What the parameter is called.
    pub fn parameter(&self) -> &str {
        &self.parameter
    }

    /// All that comes before the parameter.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The value that makes it `text`.
    pub fn value_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        let value = text.strip_prefix(self.before.as_str())?;
        let value = value.strip_suffix(self.after.as_str())?;
        let is_value = (1..=MAX_VALUE).contains(&value.len()) && is_run(value);
        is_value.then_some(value)
    }

    /// The text with `value` in it.
    pub fn fill(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }

    /// Whether some text is of both, were no value too long.
    pub fn meets(&self, other: &Self) -> bool {
        let starts = rests(&self.before, &other.before, |whole, part| {
            whole.strip_prefix(part)
        });
        let ends = rests(&self.after, &other.after, |whole, part| {
            whole.strip_suffix(part)
        });
        let (Some(starts), Some(ends)) = (starts, ends) else {
            return false;
        };
        // What one has more than the other has to be of the other's value.
        let is_free = [starts.0, starts.1, ends.0, ends.1].into_iter().all(is_run);
        is_free || share(starts.0, ends.1) || share(starts.1, ends.0)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}}{}", self.before, self.parameter, self.after)
    }
}

fn is_run(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes().all(is_letter)
}

/// What each has more than the other, if one of them is a part of the other.
fn rests<'a>(
    one: &'a str,
    other: &'a str,
    strip: impl Fn(&'a str, &'a str) -> Option<&'a str>,
) -> Option<(&'a str, &'a str)> {
    let more_of_one = strip(one, other).map(|rest| (rest, ""));
    more_of_one.or_else(|| strip(other, one).map(|rest| ("", rest)))
}

/// Whether a text can begin with all of `start` and end with all of `end`, some of it being of both, so
/// that the rest of each is a value: `a/b` is of `a/{x}` and of `{x}/b`.
fn share(start: &str, end: &str) -> bool {
    (1..start.len().min(end.len())).any(|length| {
        let shared = end.split_at_checked(length);
        shared.is_some_and(|(shared, after)| {
            is_run(after) && start.strip_suffix(shared).is_some_and(is_run)
        })
    })
}

#[cfg(test)]
mod tests;
