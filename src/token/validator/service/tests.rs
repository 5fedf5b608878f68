use std::time::Duration;

use super::*;
use crate::token::{ClientCredential, IntrospectionSettings};

/// A service that nothing runs, of an issuer that nobody is.
fn service() -> (Service, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "secret").unwrap();
    let settings = IntrospectionSettings {
        endpoints: vec!["http://127.0.0.1:9".parse().unwrap()],
        client: ClientCredential::Bearer { file },
        audiences: Vec::new(),
        leeway: 0,
        ask: AskSettings::default(),
    };
    let settings = ValidatorSettings::Introspection(settings);
    let (service, _) = Service::new("iam", &settings, || 0).unwrap();
    (service, folder)
}

fn question(service: &mut Service, token: &str) -> oneshot::Receiver<Verdict> {
    let (reply, verdict) = oneshot::channel();
    let subject = Subject(token.into());
    service.take(Question { subject, reply });
    verdict
}

/// Lets `task` ask about the pending token.
fn ask_by(service: &mut Service, task: impl Future<Output = Asked> + Send + 'static) {
    let (digest, _) = service.pending.pop_front().unwrap();
    let task = service.asking.spawn(task);
    service.asked.insert(task.id(), (digest, Instant::now()));
}

async fn settle(service: &mut Service) {
    let asked = service.asking.join_next_with_id().await.unwrap();
    service.settle(asked);
}

fn validated() -> Validated {
    Validated {
        claims: serde_json::Map::new(),
        expires: 100,
        reuse_until: 60,
        certificate: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_trouble_of_one_token() {
    let (mut service, _folder) = service();
    let mut other = question(&mut service, "other");
    let mut first = question(&mut service, "token");
    service.pending.rotate_left(1);
    ask_by(&mut service, async { panic!("on purpose") });
    settle(&mut service).await;
    let unavailable = AskError::Panic.for_client();
    assert_eq!(first.try_recv().unwrap().unwrap_err(), unavailable);
    assert!(other.try_recv().is_err(), "still waiting");
    ask_by(&mut service, async { Ok((Ok(validated()), 10)) });
    settle(&mut service).await;
    assert!(other.try_recv().unwrap().is_ok());
    assert_eq!(service.waiting_count, 0);
    assert!(service.asked.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_as_its_question() {
    let (mut service, _folder) = service();
    let mut first = question(&mut service, "token");
    ask_by(&mut service, async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        Ok((Ok(validated()), 10))
    });
    settle(&mut service).await;
    assert!(first.try_recv().unwrap().is_ok());
    tokio::time::advance(Duration::from_secs(55)).await;
    let mut again = question(&mut service, "token");
    assert!(again.try_recv().unwrap().is_ok(), "59 s old");
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut again = question(&mut service, "token");
    assert!(again.try_recv().is_err(), "asked anew");
    assert_eq!(service.pending.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_those_who_have_gone() {
    let (mut service, _folder) = service();
    let gone = question(&mut service, "gone");
    let again = question(&mut service, "gone");
    let _here = question(&mut service, "here");
    drop((gone, again));
    service.ask_pending();
    assert_eq!(service.asking.len(), 1);
    assert_eq!(service.waiting.len(), 1);
    assert_eq!(service.waiting_count, 1);
    assert!(service.waiting.contains_key(&Digest::of("here")));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_bounded() {
    let (mut service, _folder) = service();
    let busy = AskError::Busy.for_client();
    let mut waiting: Vec<_> = (0..MAX_TOKENS)
        .map(|number| question(&mut service, &number.to_string()))
        .collect();
    let mut refused = question(&mut service, "one more");
    assert_eq!(refused.try_recv().unwrap().unwrap_err(), busy);
    // Those of a token that is asked about already cost no more than their place.
    let more = (MAX_TOKENS..MAX_WAITING).map(|_| question(&mut service, "0"));
    waiting.extend(more);
    assert!(
        waiting
            .iter_mut()
            .all(|verdict| verdict.try_recv().is_err())
    );
    let mut refused = question(&mut service, "0");
    assert_eq!(refused.try_recv().unwrap().unwrap_err(), busy);
}
