//! What an issuer has said of tokens, for as long as it may be repeated.

use std::fmt;

use aws_lc_rs::digest;
use foldhash::quality::RandomState;
use quick_cache::Weighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use tokio::time::Instant;

use super::Verdict;

/// What all answers together may weigh, in bytes as far as they can be told.
const CAPACITY: u64 = 64 * 1024 * 1024;
/// The least an answer weighs: so many bounds their number.
const LEAST_WEIGHT: u64 = 1024;
/// Values in memory take so many times the bytes of their JSON text.
const FACTOR: u64 = 8;

/// The SHA-256 of a token: the token itself is not kept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of all bytes of a token, and nothing else.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// One answer.
#[derive(Clone)]
struct Known {
    verdict: Verdict,
    until: Instant,
    size: u64,
}

#[derive(Clone)]
struct Size;

impl Weighter<Digest, Known> for Size {
    fn weight(&self, _: &Digest, known: &Known) -> u64 {
        known.size.saturating_mul(FACTOR).max(LEAST_WEIGHT)
    }
}

/// Bounded; what is asked for once is the first to go.
pub struct Answers(Cache<Digest, Known, Size, RandomState>);

impl Answers {
    pub fn new() -> Self {
        let entries = usize::try_from(CAPACITY / LEAST_WEIGHT / 16).unwrap_or(usize::MAX);
        Self(Cache::with(
            entries,
            CAPACITY,
            Size,
            RandomState::default(),
            DefaultLifecycle::default(),
        ))
    }

    /// What was said of a token, if it still counts.
    pub fn find(&self, digest: Digest, now: Instant) -> Option<Verdict> {
        let known = self.0.get(&digest)?;
        (now < known.until).then(|| known.verdict.clone())
    }

    /// Keeps an answer, whose text has `size` bytes, until the time `until`.
    pub fn keep(&mut self, digest: Digest, verdict: Verdict, size: usize, until: Instant) {
        let known = Known {
            verdict,
            until,
            size: size as u64,
        };
        self.0.insert(digest, known);
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::token::TokenError;

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_until_its_time() {
        let mut answers = Answers::new();
        let (one, other) = (Digest::of("one"), Digest::of("other"));
        let until = Instant::now() + Duration::from_secs(10);
        answers.keep(one, Err(TokenError::NotActive), 10, until);
        assert!(answers.find(one, Instant::now()).is_some());
        assert!(answers.find(other, Instant::now()).is_none());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(answers.find(one, Instant::now()).is_none());
    }

    #[tokio::test]
    async fn the_answers_are_bounded() {
        let mut answers = Answers::new();
        let until = Instant::now() + Duration::from_secs(10);
        for number in 0..1000 {
            let digest = Digest::of(&number.to_string());
            answers.keep(digest, Err(TokenError::NotActive), 256 * 1024, until);
        }
        let most = CAPACITY / (256 * 1024 * FACTOR);
        assert!(answers.0.len() as u64 <= most, "{answers:?}");
        assert!(!answers.0.is_empty());
    }
}
