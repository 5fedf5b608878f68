//! A request's body before the decision: still to come, or read because the decision rests on it.

use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};

use super::exchange::Exchange;
use super::{Current, Rejection};
use crate::decision::Permit;
use crate::proxy::{BodyFailure, ForwardError, RequestBody};
use crate::router::{Candidates, JsonBody, Target};

/// See the module.
pub enum Content {
    /// Nothing of it has been asked for.
    Coming,
    /// All of it is there.
    Read(RequestBody),
}

impl Current {
    /// Reads a body that decides, and what it decides.
    pub async fn read_body<'a>(
        &self,
        headers: &HeaderMap,
        body: &mut Option<Incoming>,
        candidates: Candidates<'a>,
        exchange: &mut Exchange,
    ) -> Result<(Content, Target<'a>), Rejection> {
        exchange.found(&candidates);
        JsonBody::check_head(headers)?;
        let body = self.bounded(body, candidates.max_body(self.max_body()), exchange)?;
        let body = self.proxy.collect(body, exchange.transfer()).await?;
        let json = JsonBody::parse(body.bytes().unwrap_or_default())?;
        let target = candidates.target(Some(json))?;
        Ok((Content::Read(body), target))
    }

    /// The body that is sent with the permitted request: as it comes, or as it was judged.
    pub fn permitted_body(
        &self,
        content: Content,
        body: &mut Option<Incoming>,
        permit: &Permit,
        exchange: &Exchange,
    ) -> Result<RequestBody, Rejection> {
        let most = permit.max_body().unwrap_or(self.max_body());
        match content {
            Content::Coming => self.bounded(body, most, exchange),
            // Read for whichever operation takes the most.
            Content::Read(body) if body.bytes().map_or(0, <[u8]>::len) as u64 > most => {
                Err(ForwardError::RequestBody(BodyFailure::TooLarge { most }).into())
            }
            Content::Read(body) => Ok(body),
        }
    }

    fn max_body(&self) -> u64 {
        self.snapshot.settings.body.size
    }

    /// Refuses a length beyond `most` at once, so that a client that asks first sends nothing.
    fn bounded(
        &self,
        body: &mut Option<Incoming>,
        most: u64,
        exchange: &Exchange,
    ) -> Result<RequestBody, Rejection> {
        let length = body.as_ref().map_or(0, |body| body.size_hint().lower());
        let Some(body) = body.take_if(|_| length <= most) else {
            return Err(ForwardError::RequestBody(BodyFailure::TooLarge { most }).into());
        };
        let mut limits = self.snapshot.settings.body;
        limits.size = most;
        Ok(RequestBody::new(body, exchange.transfer(), limits))
    }
}
