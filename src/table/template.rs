//! Path templates such as `/v2.1/{project_id}/servers/{server_id}/metadata`.

use std::fmt;
use std::sync::Arc;

/// A path with parameters; each stands for exactly one whole segment.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PathTemplate {
    text: Arc<str>,
    segments: Vec<Segment>,
    parameters: Vec<(String, ParameterKind)>,
}

/// What the segments may hold that a parameter stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ParameterKind {
    /// `*_id`: one thing has one spelling.
    Identifier,
    /// `*_version`: a number such as `v2.1`, and no resource beside the versions.
    Version,
    /// Any other: a name that somebody chose.
    Text,
}

/// What stands between two slashes of a template.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Segment {
    /// Matches itself.
    Literal(String),
    /// `{name}`: matches any one segment of its kind.
    Parameter(String),
}

/// Why a text is not a [`PathTemplate`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTemplate {
    /// The first character.
    #[error("a path starts with `/`")]
    NotAbsolute,
    /// Two slashes in a row, or one at the end of what is no version.
    #[error("a segment is empty")]
    EmptySegment,
    /// A segment that mixes text and braces.
    #[error("`{0}` is neither a literal nor one `{{parameter}}`; is a `/` missing?")]
    Mixed(String),
    /// A parameter without a proper name.
    #[error("`{0}` is not a parameter name of lower-case letters, digits and `_`")]
    ParameterName(String),
    /// The same parameter twice.
    #[error("the parameter `{0}` is named twice")]
    Repeated(String),
    /// A literal that no request path can hold.
    #[error("`{0}` holds a character other than letters, digits and `-._~`, or is a dot segment")]
    Literal(String),
}

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// The first thing wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let path = text.strip_prefix('/').ok_or(InvalidTemplate::NotAbsolute)?;
        let mut segments = Vec::new();
        if !path.is_empty() {
            for part in path.split('/') {
                let segment = match part {
                    "" if is_version_root(text) => Segment::Literal(String::new()),
                    part => Segment::parse(part)?,
                };
                match &segment {
                    Segment::Parameter(name) if segments.contains(&segment) => {
                        return Err(InvalidTemplate::Repeated(name.clone()));
                    }
                    _ => segments.push(segment),
                }
            }
        }
        let parameters = segments.iter().filter_map(Segment::parameter).collect();
        Ok(Self {
            text: text.into(),
            segments,
            parameters,
        })
    }

    /// As written, which is how matchit writes it, too.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, for those who keep it.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// From left to right.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names and kinds of its parameters, from left to right.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, ParameterKind)> {
        self.parameters
            .iter()
            .map(|(name, kind)| (name.as_str(), *kind))
    }

    /// Which of its parameters has this name, counted from 0.
    pub fn parameter_index(&self, name: Option<&str>) -> Option<usize> {
        let name = name?;
        self.parameters.iter().position(|(found, _)| found == name)
    }

    /// Whether it has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameter_index(Some(name)).is_some()
    }

    /// The template without parameter names: two templates that match the same paths are equal in this.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                Segment::Parameter(_) => shape.push_str("{}"),
            }
        }
        shape
    }
}

/// Whether a path is a version and a slash, such as `/v2.1/`: of all that end with one, only these are
/// a resource at upstreams of OpenStack, where clients ask for the document of the version.
pub fn is_version_root(path: &str) -> bool {
    let version = path
        .strip_prefix('/')
        .and_then(|path| path.strip_suffix('/'));
    version.is_some_and(is_version)
}

/// Whether a segment is the number of a version, such as `v2.1`.
pub fn is_version(segment: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = segment.strip_prefix('v');
    number.is_some_and(|number| match number.split_once('.') {
        Some((major, minor)) => is_number(major) && is_number(minor),
        None => is_number(number),
    })
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Segment {
    fn parameter(&self) -> Option<(String, ParameterKind)> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) => {
                let kind = match name {
                    name if name.ends_with("_id") => ParameterKind::Identifier,
                    name if name.ends_with("_version") => ParameterKind::Version,
                    _ => ParameterKind::Text,
                };
                Some((name.clone(), kind))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.is_empty() {
            return Err(InvalidTemplate::EmptySegment);
        }
        if let Some(name) = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            let is_name =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(InvalidTemplate::ParameterName(name.to_owned()));
            }
            return Ok(Self::Parameter(name.to_owned()));
        }
        if text.contains(['{', '}']) {
            return Err(InvalidTemplate::Mixed(text.to_owned()));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if matches!(text, "." | "..") || !text.bytes().all(is_plain) {
            return Err(InvalidTemplate::Literal(text.to_owned()));
        }
        Ok(Self::Literal(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_no_request_can_match() {
        let cases = [
            ("v2/servers", InvalidTemplate::NotAbsolute),
            ("/v2//servers", InvalidTemplate::EmptySegment),
            ("/v2/servers/", InvalidTemplate::EmptySegment),
            ("/{api_version}/", InvalidTemplate::EmptySegment),
            ("/servers/", InvalidTemplate::EmptySegment),
            ("/v2//", InvalidTemplate::EmptySegment),
            ("//", InvalidTemplate::EmptySegment),
            (
                "/v1{project_id}/x",
                InvalidTemplate::Mixed("v1{project_id}".to_owned()),
            ),
            (
                "/{*rest}",
                InvalidTemplate::ParameterName("*rest".to_owned()),
            ),
            ("/{}", InvalidTemplate::ParameterName(String::new())),
            ("/{a}/{a}", InvalidTemplate::Repeated("a".to_owned())),
            ("/v2/..", InvalidTemplate::Literal("..".to_owned())),
            ("/v2/a%20b", InvalidTemplate::Literal("a%20b".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(PathTemplate::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn names_tell_the_kinds_of_parameters() {
        let template = PathTemplate::parse("/v2/{key}/x/{server_id}/{id}/{ids}/{a_version}");
        let template = template.unwrap();
        let expected = [
            ParameterKind::Text,
            ParameterKind::Identifier,
            ParameterKind::Text,
            ParameterKind::Text,
            ParameterKind::Version,
        ];
        let kinds: Vec<ParameterKind> = template.parameters().map(|(_, kind)| kind).collect();
        assert_eq!(kinds, expected);
    }

    #[test]
    fn versions_are_numbers() {
        for version in ["v2", "v2.1", "v1.0", "v10.25"] {
            assert!(is_version(version), "{version}");
            assert!(is_version_root(&format!("/{version}/")), "{version}");
        }
        let others = [
            "", "v", "2.1", "V2", "v2.", "v.1", "v2.1.1", "v2a", "v2.1 ", "v+2", "servers",
        ];
        for other in others {
            assert!(!is_version(other), "{other}");
        }
        for other in [
            "/",
            "//",
            "/v2",
            "v2/",
            "/v2//",
            "//v2/",
            "/v2/x/",
            "/servers/",
        ] {
            assert!(!is_version_root(other), "{other}");
        }
    }

    #[test]
    fn a_version_with_a_slash_is_another_path_than_without() {
        let template = PathTemplate::parse("/v2.1/").unwrap();
        assert_eq!(template.as_str(), "/v2.1/");
        assert_eq!(template.shape(), "/v2.1/");
        assert_ne!(template, PathTemplate::parse("/v2.1").unwrap());
    }

    #[test]
    fn parameter_names_do_not_tell_templates_apart() {
        let shape = |text| PathTemplate::parse(text).unwrap().shape();
        assert_eq!(shape("/v2/{a}/x/{b}"), shape("/v2/{project_id}/x/{key}"));
        assert_ne!(shape("/v2/{a}/x/{b}"), shape("/v2.1/{a}/x/{b}"));
        assert!(
            PathTemplate::parse("/v2/{key}")
                .unwrap()
                .has_parameter("key")
        );
    }
}
