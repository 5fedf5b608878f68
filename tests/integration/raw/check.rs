//! Sends rows and holds against them what both ends see.

use std::fmt::Write as _;
use std::net::Shutdown;
use std::time::Duration;

use super::row::{After, Answered, Row, View, all, normal, unfill};
use crate::support::{Answer, Call, Client, Gateway, Seen, Setup, Upstream, metadata};

/// The most of a row's bytes that a failure shows.
const SHOWN: usize = 500;
/// How long a row may take: less than a test, because many may fail at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Both ends, and what the audit must say in the end.
pub struct World {
    pub upstream: Upstream,
    gateway: Gateway,
    /// Of each row that was answered: its name, the status and the reason.
    audited: Vec<(&'static str, u16, &'static str)>,
    /// How many requests the upstream must have seen in the end.
    forwarded: usize,
}

/// The rows that are not as they should be.
#[derive(Default)]
pub struct Ledger(String);

/// Sends each row; fails with all that are not as they should be.
pub fn check(rows: Vec<Row>) {
    check_behind(|setup| setup, rows);
}

/// The same with a gateway of these settings.
pub fn check_behind(change: impl Fn(Setup) -> Setup, rows: Vec<Row>) {
    let mut world = World::start(change);
    let mut ledger = Ledger::default();
    for row in rows {
        ledger.note(row.name, &row.bytes, world.check(&row));
    }
    ledger.finish(world);
}

impl Ledger {
    pub fn note(&mut self, name: &str, bytes: &[u8], checked: Result<(), String>) {
        if let Err(failure) = checked {
            let bytes = shown(bytes);
            let _ = writeln!(self.0, "{name}\n  bytes: {bytes}\n  {failure}\n");
        }
    }

    pub fn finish(mut self, world: World) {
        if let Err(failure) = world.check_audit() {
            self.0.push_str(&failure);
        }
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

impl World {
    pub fn start(change: impl Fn(Setup) -> Setup) -> Self {
        let upstream = Upstream::start();
        let gateway = change(Setup::new(&upstream)).start();
        Self {
            upstream,
            gateway,
            audited: Vec::new(),
            forwarded: 0,
        }
    }

    /// A client that does not wait for long.
    pub fn connect(&self) -> Client {
        let mut client = self.gateway.connect();
        let stream = client.wire().stream();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// The audit must say this in the end.
    pub fn audited(&mut self, name: &'static str, status: u16, reason: &'static str) {
        self.audited.push((name, status, reason));
    }

    fn check(&mut self, row: &Row) -> Result<(), String> {
        let before = self.upstream.count();
        let answered = self.answers(row);
        let mut expected: Vec<&View> = row.answers.iter().filter_map(view).collect();
        let list = View::list();
        if row.after == After::Open && answered.is_ok() {
            expected.push(&list);
        }
        let went_on = self.goes_on(row.name, before, &expected);
        answered.and(went_on)
    }

    /// The next good request works, and nothing else came than what is expected since there were
    /// `before` requests.
    pub fn goes_on(
        &mut self,
        name: &'static str,
        before: usize,
        expected: &[&View],
    ) -> Result<(), String> {
        let next = self.gateway.call(&good());
        if next.status != 200 {
            return Err(format!("the next good request got {}", told(&next)));
        }
        self.audited(name, 200, "ok");
        self.forwarded += expected.len() + 1;
        let list = View::list();
        let expected = [expected, &[&list]].concat();
        let seen = self.upstream.requests().split_off(before);
        compare(&seen, &expected).map_err(|failure| {
            let seen: Vec<_> = seen.iter().map(came).collect();
            format!("{failure}\n  the upstream saw:\n{}", seen.join("\n"))
        })
    }

    /// Sends the row's bytes and reads what comes back, to the end.
    fn answers(&mut self, row: &Row) -> Result<(), String> {
        let mut client = self.connect();
        // A refusal may come before all is sent.
        let _ = client.wire().write(&row.bytes);
        if row.ends {
            let _ = client.wire().stream().shutdown(Shutdown::Write);
        }
        for answered in &row.answers {
            self.answer(&mut client, row, answered)?;
        }
        match row.after {
            After::Closed => {
                let end = client.wire().end();
                end.map_err(|error| format!("the connection was not closed: {error}"))
            }
            After::Open => {
                client.send(good().bytes());
                let next = read(&mut client, "GET")?;
                if next.status != 200 {
                    let next = told(&next);
                    return Err(format!("the next one of the connection got {next}"));
                }
                self.audited(row.name, 200, "ok");
                Ok(())
            }
        }
    }

    fn answer(
        &mut self,
        client: &mut Client,
        row: &Row,
        answered: &Answered,
    ) -> Result<(), String> {
        let method = match row.bytes.starts_with(b"HEAD ") {
            true => "HEAD",
            false => "GET",
        };
        let answer = read(client, method)?;
        let (status, reason, audited) = match answered {
            Answered::Continue => {
                client.send(&row.rest);
                (100, "(none)", None)
            }
            Answered::Unreadable(status) => (*status, "(none)", Some("request_unreadable")),
            Answered::Refused(status, reason) | Answered::Broken(status, reason, _) => {
                (*status, *reason, Some(*reason))
            }
            Answered::Forwarded(_) => (200, "(none)", Some("ok")),
        };
        if let Some(audited) = audited {
            self.audited(row.name, status, audited);
        }
        match (answer.status, answer.reason()) == (status, reason) {
            true => Ok(()),
            false => Err(format!("expected {status} {reason}, got {}", told(&answer))),
        }
    }

    /// One line for every answer, and no request that nobody has seen yet.
    fn check_audit(mut self) -> Result<(), String> {
        let audit = self.gateway.into_audit();
        let lines = audit.iter().map(|line| {
            let status = line["status"].as_u64().unwrap_or_default();
            (status, line["reason"].as_str().unwrap_or_default())
        });
        let lines: Vec<(u64, &str)> = lines.collect();
        for (at, (name, status, reason)) in self.audited.iter().enumerate() {
            let expected = (u64::from(*status), *reason);
            if lines.get(at) != Some(&expected) {
                let found = lines.get(at);
                return Err(format!(
                    "the audit has {found:?} for {name:?}, expected {expected:?}"
                ));
            }
        }
        if lines.len() > self.audited.len() {
            let more = &lines[self.audited.len()..];
            return Err(format!("the audit has more lines: {more:?}"));
        }
        let (forwarded, seen) = (self.forwarded, self.upstream.stop().len());
        match forwarded == seen {
            true => Ok(()),
            false => Err(format!(
                "{forwarded} were forwarded, the upstream saw {seen}"
            )),
        }
    }
}

fn good() -> Call {
    Call::get(metadata()).header(format!("X-Auth-Token: {}", all()))
}

fn view(answered: &Answered) -> Option<&View> {
    match answered {
        Answered::Forwarded(view) | Answered::Broken(_, _, view) => Some(view),
        Answered::Refused(..) | Answered::Unreadable(_) | Answered::Continue => None,
    }
}

fn read(client: &mut Client, method: &str) -> Result<Answer, String> {
    let answer = client.try_answer(method);
    answer.map_err(|cut| format!("no answer: {cut:?}"))
}

fn compare(seen: &[Seen], expected: &[&View]) -> Result<(), String> {
    if seen.len() != expected.len() {
        return Err(format!("expected {} requests upstream", expected.len()));
    }
    for (seen, expected) in seen.iter().zip(expected) {
        if (normal(&seen.head), &*seen.raw_body) != (expected.head(), expected.body()) {
            let (head, body) = (shown(&expected.head()), shown(expected.body()));
            return Err(format!("expected upstream:\n    {head} {body}"));
        }
    }
    Ok(())
}

fn came(seen: &Seen) -> String {
    let head = normal(&seen.head);
    format!("    {} {}", shown(&head), shown(&seen.raw_body))
}

fn told(answer: &Answer) -> String {
    let (status, headers) = (answer.status, &answer.headers);
    format!("{status} {headers:?} {}", shown(&answer.body))
}

/// Bytes as a failure tells them.
fn shown(bytes: &[u8]) -> String {
    let bytes = unfill(bytes);
    let cut = bytes.get(..SHOWN).unwrap_or(&bytes);
    format!("{}, {} bytes", cut.escape_ascii(), bytes.len())
}
