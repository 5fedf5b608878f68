//! What was done with one server, the latest of it.

use std::cell::RefCell;
use std::collections::VecDeque;

use serde_json::{Value, json};

use super::answer::{Answer, Fault, OWNER, now, with};
use super::call::Call;
use super::server::Server;
use super::version::Microversion;

const MAX_EVENTS: usize = 50;

#[derive(Debug, Default)]
pub struct History {
    /// The newest first, as Nova shows them.
    events: RefCell<VecDeque<Event>>,
}

#[derive(Debug)]
struct Event {
    request_id: String,
    action: &'static str,
    time: String,
}

impl History {
    pub fn add(&self, call: &Call<'_>, action: &'static str) {
        let mut events = self.events.borrow_mut();
        events.truncate(MAX_EVENTS - 1);
        events.push_front(Event {
            request_id: call.request_id.to_owned(),
            action,
            time: now(),
        });
    }

    pub fn show(&self, call: &Call<'_>, server: &Server) -> Answer {
        let events = self.events.borrow();
        let shown: Vec<Value> = events
            .iter()
            .map(|event| event.show(call, server))
            .collect();
        Answer::show(&json!({"instanceActions": shown}))
    }

    pub fn show_one(
        &self,
        call: &Call<'_>,
        server: &Server,
        request_id: &str,
    ) -> Result<Answer, Fault> {
        let events = self.events.borrow();
        let found = events.iter().find(|event| event.request_id == request_id);
        let event =
            found.ok_or_else(|| Fault::EventNotFound(server.id.clone(), request_id.to_owned()))?;
        let shown = with(event.show(call, server), [("events", json!([]))]);
        Ok(Answer::show(&json!({"instanceAction": shown})))
    }
}

impl Event {
    fn show(&self, call: &Call<'_>, server: &Server) -> Value {
        let shown = json!({
            "action": self.action,
            "instance_uuid": server.id,
            "message": null,
            "project_id": server.project,
            "request_id": self.request_id,
            "start_time": self.time,
            "user_id": OWNER,
        });
        match call.version >= Microversion(58) {
            true => with(shown, [("updated_at", json!(self.time))]),
            false => shown,
        }
    }
}
