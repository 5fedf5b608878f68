//! Collecting a body whose length is not known, for an upstream that would take it for none.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout_at;

use super::upstream::Upstream;
use super::{ForwardError, RequestBody};

/// Bytes that are counted as collected for as long as this lives.
#[derive(Debug)]
pub struct Reserved {
    upstream: Arc<Upstream>,
    bytes: usize,
}

impl Reserved {
    fn new(upstream: &Arc<Upstream>) -> Self {
        Self {
            upstream: Arc::clone(upstream),
            bytes: 0,
        }
    }

    /// Whether so many more may be collected.
    fn add(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let before = self.upstream.collected.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= self.upstream.settings.collect_total
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let collected = &self.upstream.collected;
        collected.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads `body` to its end; its size and each pause are bounded by the body itself.
pub async fn collect(
    mut body: RequestBody,
    upstream: &Arc<Upstream>,
    deadline: Instant,
) -> Result<RequestBody, ForwardError> {
    let mut reserved = Reserved::new(upstream);
    let mut collected = BytesMut::new();
    loop {
        let frame = timeout_at(deadline.into(), body.frame()).await;
        let Some(frame) = frame.map_err(|_| ForwardError::RequestTimeout)? else {
            break;
        };
        let data = frame
            .map_err(ForwardError::RequestBody)?
            .into_data()
            .unwrap_or_default();
        if !reserved.add(data.len()) {
            return Err(ForwardError::Busy);
        }
        collected.extend_from_slice(&data);
    }
    let bytes: Bytes = collected.freeze();
    Ok(match bytes.is_empty() {
        true => RequestBody::empty(),
        false => RequestBody::whole(bytes, reserved),
    })
}
