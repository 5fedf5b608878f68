//! The body of an answer, whoever wrote it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use crate::proxy::{AnswerFailure, Running, UpstreamBody};

/// The body of an answer: the upstream's, whose trailers are dropped, or ours.
#[derive(Debug)]
pub struct ResponseBody {
    content: Content,
    /// None where it goes on in another protocol, or where a question was answered.
    exchange: Option<Exchange>,
}

#[derive(Debug)]
pub enum Content {
    Upstream(UpstreamBody),
    Own(Option<Bytes>),
    /// The answer to a question, whose connection is busy until it is sent.
    Told {
        body: UnsyncBoxBody<Bytes, AnswerFailure>,
        _running: Running,
    },
}

impl ResponseBody {
    pub(super) fn new(content: Content, exchange: Option<Exchange>) -> Self {
        Self { content, exchange }
    }

    /// Of an answer that is no exchange's.
    pub fn told(body: UnsyncBoxBody<Bytes, AnswerFailure>, running: Running) -> Self {
        let content = Content::Told {
            body,
            _running: running,
        };
        Self::new(content, None)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = AnswerFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        match &mut self.content {
            Content::Upstream(body) => Pin::new(body).poll_frame(context),
            Content::Own(text) => {
                let text = text.take();
                if let (Some(text), Some(exchange)) = (&text, &self.exchange) {
                    exchange.sent(text.len());
                }
                Poll::Ready(text.map(|text| Ok(Frame::data(text))))
            }
            Content::Told { body, .. } => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Upstream(body) => body.is_end_stream(),
            Content::Own(text) => text.is_none(),
            Content::Told { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Upstream(body) => body.size_hint(),
            Content::Own(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
            Content::Told { body, .. } => body.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // Nobody wanted the rest.
        let is_end = self.is_end_stream();
        if let Some(exchange) = &mut self.exchange
            && !is_end
        {
            exchange.abort();
        }
    }
}
