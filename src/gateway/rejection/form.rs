//! Which form a refusal's body has, so that whoever asked can read it.

use hyper::http::request;

use super::accept;

/// The form of a refusal's body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A fault of Nova.
    Nova,
    /// An error of the vendor's own API.
    Ecs,
    /// A problem document (RFC 9457).
    Problem,
}

impl Form {
    /// What the client of this request reads, whether or not anything is found for it. The versions
    /// are those of the vendor's API beside Nova's.
    pub fn of(head: &request::Parts) -> Self {
        if accept::prefers_problem(&head.headers) {
            return Self::Problem;
        }
        match head.uri.path().split('/').nth(1) {
            Some("v1" | "v1.1" | "v3") => Self::Ecs,
            _ => Self::Nova,
        }
    }

    /// The `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Nova | Self::Ecs => "application/json",
            Self::Problem => "application/problem+json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[test]
    fn the_first_segment_names_the_api() {
        let cases = [
            ("/", Form::Nova),
            ("/v2", Form::Nova),
            ("/v2.1/p/servers", Form::Nova),
            ("/v1", Form::Ecs),
            ("/v1/", Form::Ecs),
            ("/v1?x=/v2", Form::Ecs),
            ("/v1/p/cloudservers", Form::Ecs),
            ("/v1.1/p/cloudservers", Form::Ecs),
            ("/v3/p/instances", Form::Ecs),
            ("http://h/v3/p/instances", Form::Ecs),
            ("/v1.2/p", Form::Nova),
            ("/v10", Form::Nova),
            ("/V1/p", Form::Nova),
            ("//v1/p", Form::Nova),
            ("/x/v1", Form::Nova),
            ("/%76%31/p", Form::Nova),
            ("*", Form::Nova),
        ];
        for (target, expected) in cases {
            let (mut head, ()) = Request::get(target).body(()).unwrap().into_parts();
            assert_eq!(Form::of(&head), expected, "{target}");
            let problem = "application/problem+json".parse().unwrap();
            head.headers.insert("accept", problem);
            assert_eq!(Form::of(&head), Form::Problem, "{target}");
        }
    }
}
