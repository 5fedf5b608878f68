//! A request's body before the decision: still to come, or read because the decision rests on it.

use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};

use super::exchange::Exchange;
use super::{Current, InvalidQuestion, QuestionBody, Rejection};
use crate::decision::Permit;
use crate::proxy::{BodyFailure, ForwardError, RequestBody};
use crate::router::{Candidates, JsonBody, Target};
use crate::table::MAX_JSON_BODY;

/// Where a body is that may decide.
pub enum Offered<'a> {
    /// On its way.
    Coming(&'a mut Option<Incoming>),
    /// Told by somebody who has it.
    Told(&'a QuestionBody),
}

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
        body: Offered<'_>,
        candidates: Candidates<'a>,
        exchange: &mut Exchange,
    ) -> Result<(Content, Target<'a>), Rejection> {
        exchange.found(&candidates);
        let body = match body {
            Offered::Coming(body) => body,
            Offered::Told(body) => {
                let target = told_target(headers, body, candidates)?;
                return Ok((Content::Coming, target));
            }
        };
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
        match content {
            Content::Coming => {
                let most = permit.max_body().unwrap_or(self.max_body());
                self.bounded(body, most, exchange)
            }
            Content::Read(body) => {
                // Read for whichever operation takes the most.
                self.check_size(body.bytes().map_or(0, <[u8]>::len), permit)?;
                Ok(body)
            }
        }
    }

    /// Whether a body of so many bytes is not too large for what was permitted.
    pub fn check_size(&self, size: usize, permit: &Permit) -> Result<(), Rejection> {
        let most = permit.max_body().unwrap_or(self.max_body());
        match size as u64 <= most {
            true => Ok(()),
            false => Err(ForwardError::RequestBody(BodyFailure::TooLarge { most }).into()),
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

/// What a body decides that somebody else has and tells of.
fn told_target<'a>(
    headers: &HeaderMap,
    body: &QuestionBody,
    candidates: Candidates<'a>,
) -> Result<Target<'a>, Rejection> {
    let bytes = match body {
        QuestionBody::Unknown => return Err(InvalidQuestion::NoBody.into()),
        QuestionBody::Partial => return Err(InvalidQuestion::PartialBody.into()),
        QuestionBody::Whole(bytes) => bytes,
    };
    JsonBody::check_head(headers)?;
    let most = candidates.max_body(MAX_JSON_BODY as u64);
    if bytes.len() as u64 > most {
        return Err(ForwardError::RequestBody(BodyFailure::TooLarge { most }).into());
    }
    Ok(candidates.target(Some(JsonBody::parse(bytes)?))?)
}
