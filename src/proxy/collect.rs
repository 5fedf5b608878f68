//! Collecting a body: one that decides, or one whose length is not known, for an upstream that would
//! take it for none.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout_at;

use super::upstream::Upstream;
use super::{ForwardError, Proxy, RequestBody, Transfer};

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

impl Proxy {
    /// Reads `body` to its end, within the time that the whole request has, which runs from here on
    /// if it does not yet. Its size and each pause are bounded by the body itself, all that are
    /// collected at a time by the upstream's settings.
    ///
    /// # Errors
    ///
    /// [`ForwardError`]: why it is not there.
    pub async fn collect(
        &self,
        mut body: RequestBody,
        transfer: &Transfer,
    ) -> Result<RequestBody, ForwardError> {
        let deadline = self.deadline(transfer, Instant::now());
        let mut reserved = Reserved::new(&self.upstream);
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

    /// When the request has to be done.
    pub(super) fn deadline(&self, transfer: &Transfer, now: Instant) -> Instant {
        let known = transfer.deadline.get();
        let deadline = known.unwrap_or_else(|| now + self.upstream.settings.request_timeout);
        transfer.deadline.set(Some(deadline));
        deadline
    }
}
