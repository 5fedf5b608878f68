//! One server: whether it runs, its metadata, its automatic recovery.

use std::cell::Cell;

use serde_json::{Value, json};

use super::answer::{Answer, Fault};
use super::body::{parse_action, parse_member};
use super::metadata::{Items, Metadata};

const AUTO_RECOVERY: &str = "support_auto_recovery";
/// The spellings that Nova takes.
const SOFT: [&str; 3] = ["SOFT", "Soft", "soft"];
const HARD: [&str; 3] = ["HARD", "Hard", "hard"];

#[derive(Debug)]
pub struct Server {
    pub project: String,
    pub id: String,
    pub metadata: Metadata,
    name: String,
    state: Cell<State>,
    auto_recovery: Cell<bool>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Active,
    Stopped,
}

/// What to do with a server.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Start,
    Stop,
    SoftReboot,
    HardReboot,
}

impl Server {
    /// It runs, with a little metadata and automatic recovery on.
    pub fn new(project: &str, id: &str, name: &str) -> Self {
        Self {
            project: project.to_owned(),
            id: id.to_owned(),
            metadata: Metadata::new(Items::from([
                ("environment".to_owned(), "demo".to_owned()),
                ("role".to_owned(), "web".to_owned()),
            ])),
            name: name.to_owned(),
            state: Cell::new(State::Active),
            auto_recovery: Cell::new(true),
        }
    }

    /// As it stands in a list.
    pub fn summary(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }

    pub fn details(&self) -> Value {
        let status = match self.state.get() {
            State::Active => "ACTIVE",
            State::Stopped => "SHUTOFF",
        };
        json!({
            "id": self.id,
            "name": self.name,
            "status": status,
            "tenant_id": self.project,
            "metadata": self.metadata.items(),
        })
    }

    /// At once, where Nova takes its time.
    pub fn act(&self, action: Action) -> Result<Answer, Fault> {
        let state = match (action, self.state.get()) {
            (Action::Start, State::Stopped)
            | (Action::SoftReboot, State::Active)
            | (Action::HardReboot, _) => State::Active,
            (Action::Stop, State::Active) => State::Stopped,
            (Action::Start, State::Active) => return Err(self.conflict("start", "active")),
            (Action::Stop, State::Stopped) => return Err(self.conflict("stop", "stopped")),
            (Action::SoftReboot, State::Stopped) => {
                return Err(self.conflict("reboot", "stopped"));
            }
        };
        self.state.set(state);
        Ok(Answer::ACCEPTED)
    }

    fn conflict(&self, verb: &'static str, state: &'static str) -> Fault {
        Fault::Conflict(verb, self.id.clone(), state)
    }

    pub fn show_auto_recovery(&self) -> Answer {
        let state = self.auto_recovery.get().to_string();
        Answer::show(&json!({AUTO_RECOVERY: state}))
    }

    pub fn set_auto_recovery(&self, state: bool) -> Answer {
        self.auto_recovery.set(state);
        Answer::DONE
    }
}

impl Action {
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let (name, value) = parse_action(body)?;
        match name.as_str() {
            "os-start" => Ok(Self::Start),
            "os-stop" => Ok(Self::Stop),
            "reboot" => Self::parse_reboot(value),
            _ => Err(Fault::UnknownAction(name)),
        }
    }

    fn parse_reboot(value: Value) -> Result<Self, Fault> {
        let kind = match value.as_object() {
            Some(members) if members.len() == 1 => members.get("type"),
            _ => None,
        };
        match kind.map(Value::as_str) {
            Some(Some(kind)) if SOFT.contains(&kind) => Ok(Self::SoftReboot),
            Some(Some(kind)) if HARD.contains(&kind) => Ok(Self::HardReboot),
            _ => Err(Fault::InvalidField("reboot".to_owned(), value)),
        }
    }
}

pub fn parse_auto_recovery(body: &[u8]) -> Result<bool, Fault> {
    let value = parse_member(body, AUTO_RECOVERY)?;
    match value.as_str() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(Fault::InvalidField(AUTO_RECOVERY.to_owned(), value)),
    }
}
