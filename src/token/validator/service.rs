//! Asks one issuer on the control thread: one request at a time for each token, a bounded number in
//! all, and every answer remembered for its time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::answers::{Answers, Digest};
use super::error::AskError;
use super::introspection::Introspection;
use super::keystone::Keystone;
use super::outage::Outage;
use super::service_token::{Keeper, first_attempt};
use super::{AskSettings, Question, Subject, Validated, Validator, ValidatorSettings, Verdict};
use crate::token::TokenError;

/// Questions of workers that nobody has looked at yet.
const QUESTIONS: usize = 1024;
/// Requests that an issuer has to answer at the same time.
const CONCURRENCY: usize = 32;
/// Tokens that an answer is waited for.
const MAX_TOKENS: usize = 512;
/// Requests that wait for an answer, for whichever token.
const MAX_WAITING: usize = 16 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Service {
    asker: Arc<Asker>,
    keeper: Option<Keeper>,
    settings: AskSettings,
    questions: mpsc::Receiver<Question>,
    answers: Answers,
    waiting: HashMap<Digest, Vec<oneshot::Sender<Verdict>>>,
    waiting_count: usize,
    pending: VecDeque<(Digest, Subject)>,
    asking: JoinSet<Asked>,
    /// What each of the tasks asks about, and since when.
    asked: HashMap<Id, (Digest, Instant)>,
    outage: Arc<Outage>,
}

/// What came of asking, and the bytes of the answer's text.
type Asked = Result<(Judged, usize), AskError>;

/// An issuer's answer that could be read.
pub type Judged = Result<Validated, TokenError>;

#[derive(Debug)]
enum Asker {
    Keystone(Keystone),
    Introspection(Introspection),
}

impl Service {
    /// `clock` tells seconds since 1970. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// A file that cannot be used.
    pub fn new(
        issuer: &str,
        settings: &ValidatorSettings,
        clock: fn() -> u64,
    ) -> Result<(Self, Validator), AskError> {
        let (sender, questions) = mpsc::channel(QUESTIONS);
        let ask = settings.ask().clone();
        let outage = Arc::new(Outage::new(issuer));
        let (asker, keeper) = match settings {
            ValidatorSettings::Keystone(settings) => {
                let (keystone, keeper) = Keystone::new(settings, Arc::clone(&outage), clock)?;
                (Asker::Keystone(keystone), Some(keeper))
            }
            ValidatorSettings::Introspection(settings) => {
                let introspection = Introspection::new(issuer, settings, clock)?;
                (Asker::Introspection(introspection), None)
            }
        };
        let validator = Validator {
            questions: sender,
            patience: ask.patience(),
            service_token: keeper.as_ref().map(Keeper::watch),
        };
        let service = Self {
            asker: Arc::new(asker),
            keeper,
            settings: ask,
            questions,
            answers: Answers::new(),
            waiting: HashMap::new(),
            waiting_count: 0,
            pending: VecDeque::new(),
            asking: JoinSet::new(),
            asked: HashMap::new(),
            outage,
        };
        Ok((service, validator))
    }

    /// Ready when the first attempt to have a token of our own has come to an end, good or bad.
    pub fn first_attempt(&self) -> impl Future<Output = ()> + use<> {
        let own = self.keeper.as_ref().map(Keeper::watch);
        async move {
            if let Some(own) = own {
                first_attempt(own).await;
            }
        }
    }

    /// Answers until every validator is gone.
    pub async fn run(mut self) {
        if let Some(keeper) = self.keeper.take() {
            // It ends with the asker.
            tokio::spawn(keeper.run());
        }
        loop {
            tokio::select! {
                question = self.questions.recv() => match question {
                    Some(question) => self.take(question),
                    None => return,
                },
                Some(asked) = self.asking.join_next_with_id() => self.settle(asked),
            }
            self.ask_pending();
        }
    }

    fn ask_pending(&mut self) {
        while self.asking.len() < CONCURRENCY
            && let Some((digest, subject)) = self.pending.pop_front()
        {
            let waiting = self.waiting.get(&digest);
            if waiting.is_some_and(|waiting| waiting.iter().any(|reply| !reply.is_closed())) {
                self.ask(digest, subject);
            } else {
                // Whoever asked has gone: not to keep those who wait behind an issuer that is slow.
                self.stop_waiting(digest);
            }
        }
    }

    fn take(&mut self, Question { subject, reply }: Question) {
        let digest = Digest::of(&subject.0);
        if let Some(verdict) = self.answers.find(digest, Instant::now()) {
            let _ = reply.send(verdict);
            return;
        }
        let is_asked = self.waiting.contains_key(&digest);
        let has_room = is_asked || self.waiting.len() < MAX_TOKENS;
        if self.waiting_count >= MAX_WAITING || !has_room {
            let _ = reply.send(Err(AskError::Busy.for_client()));
            return;
        }
        self.waiting_count += 1;
        self.waiting.entry(digest).or_default().push(reply);
        if !is_asked {
            self.pending.push_back((digest, subject));
        }
    }

    fn ask(&mut self, digest: Digest, subject: Subject) {
        let asker = Arc::clone(&self.asker);
        let patience = self.settings.patience();
        let task = self.asking.spawn(async move {
            let answer = tokio::time::timeout(patience, asker.ask(&subject.0)).await;
            answer.unwrap_or(Err(AskError::Timeout(patience)))
        });
        self.asked.insert(task.id(), (digest, Instant::now()));
    }

    fn settle(&mut self, asked: Result<(Id, Asked), JoinError>) {
        let (task, asked) = match asked {
            Ok(asked) => asked,
            Err(error) => (error.id(), Err(AskError::Panic)),
        };
        let Some((digest, since)) = self.asked.remove(&task) else {
            return;
        };
        match &asked {
            Ok(_) => self.outage.end(),
            // It was known before.
            Err(AskError::Resting | AskError::NoToken(_)) => {}
            Err(error) => self.outage.begin(error),
        }
        let verdict = match asked {
            Ok((judged, size)) => {
                let time = match judged {
                    Ok(_) => self.settings.cache,
                    Err(_) => self.settings.refusal_cache,
                };
                let verdict = judged.map(Arc::new);
                // An answer may have been old when it came.
                let until = since + time;
                self.answers.keep(digest, verdict.clone(), size, until);
                verdict
            }
            Err(error) => Err(error.for_client()),
        };
        for reply in self.stop_waiting(digest) {
            let _ = reply.send(verdict.clone());
        }
    }

    fn stop_waiting(&mut self, digest: Digest) -> Vec<oneshot::Sender<Verdict>> {
        let waiting = self.waiting.remove(&digest).unwrap_or_default();
        self.waiting_count = self.waiting_count.saturating_sub(waiting.len());
        waiting
    }
}

impl Asker {
    async fn ask(&self, token: &str) -> Asked {
        match self {
            Self::Keystone(keystone) => keystone.ask(token).await,
            Self::Introspection(introspection) => introspection.ask(token).await,
        }
    }
}

#[cfg(test)]
mod tests;
