//! What an exchange begins with, whether the request is ours to forward or not.

use hyper::body::{Body as _, Incoming};
use hyper::http::request;

/// What is known of a request when its exchange begins.
#[derive(Clone, Copy)]
pub struct Beginning<'a> {
    pub head: &'a request::Parts,
    pub has_body: bool,
    /// How long the body is, if that is known.
    pub length: Option<u64>,
    /// Who asks about it, where it is somebody else's to forward.
    pub authorizer: Option<&'static str>,
}

impl<'a> Beginning<'a> {
    pub fn of_request(head: &'a request::Parts, body: &Incoming) -> Self {
        Self {
            head,
            has_body: !body.is_end_stream(),
            length: body.size_hint().exact(),
            authorizer: None,
        }
    }

    /// Of a request that another proxy has, with its body.
    pub fn of_question(product: &'static str, head: &'a request::Parts) -> Self {
        Self {
            head,
            has_body: false,
            length: Some(0),
            authorizer: Some(product),
        }
    }
}
