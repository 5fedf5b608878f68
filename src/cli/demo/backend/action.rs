//! What can be done with a server, and what state that leaves it in.

use serde_json::Value;

use super::answer::Fault;
use super::body::parse_action;
use super::flavor::Flavor;

/// The spellings that Nova takes.
const SOFT: [&str; 3] = ["SOFT", "Soft", "soft"];
const HARD: [&str; 3] = ["HARD", "Hard", "hard"];
/// In bytes.
const MAX_IMAGE: usize = 255;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    Active,
    Stopped,
    Paused,
    Suspended,
    /// The resize is to be confirmed or undone.
    Resized,
}

impl State {
    pub fn status(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Stopped => "SHUTOFF",
            Self::Paused => "PAUSED",
            Self::Suspended => "SUSPENDED",
            Self::Resized => "VERIFY_RESIZE",
        }
    }

    /// Nova's other word for it, which its faults use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Resized => "resized",
        }
    }

    /// Nova's number of what the hypervisor says.
    pub fn power(self) -> u8 {
        match self {
            Self::Active | Self::Resized => 1,
            Self::Paused => 3,
            Self::Stopped | Self::Suspended => 4,
        }
    }
}

#[derive(Debug)]
pub enum Action {
    Start,
    Stop,
    SoftReboot,
    HardReboot,
    Pause,
    Unpause,
    Suspend,
    Resume,
    Resize(&'static Flavor),
    /// Of this image, or of none.
    Rebuild(Option<String>),
    ConfirmResize,
    RevertResize,
    Lock,
    Unlock,
    ShowConsole,
}

impl Action {
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let (name, value) = parse_action(body)?;
        match name.as_str() {
            "os-start" => Ok(Self::Start),
            "os-stop" => Ok(Self::Stop),
            "reboot" => parse_reboot(value),
            "pause" => Ok(Self::Pause),
            "unpause" => Ok(Self::Unpause),
            "suspend" => Ok(Self::Suspend),
            "resume" => Ok(Self::Resume),
            "resize" => parse_resize(&value),
            "rebuild" => parse_rebuild(value),
            "confirmResize" => Ok(Self::ConfirmResize),
            "revertResize" => Ok(Self::RevertResize),
            "lock" => Ok(Self::Lock),
            "unlock" => Ok(Self::Unlock),
            "os-getConsoleOutput" => Ok(Self::ShowConsole),
            _ => Err(Fault::UnknownAction(name)),
        }
    }

    /// Nova's word in a conflict and in a server's history.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::SoftReboot | Self::HardReboot => "reboot",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Resize(_) => "resize",
            Self::Rebuild(_) => "rebuild",
            Self::ConfirmResize => "confirmResize",
            Self::RevertResize => "revertResize",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::ShowConsole => "get_console_output",
        }
    }

    /// The state after it; none where it cannot be done. A revert goes back to a running server,
    /// as only those are resized here.
    pub fn next(&self, state: State) -> Option<State> {
        match (self, state) {
            (Self::Start, State::Stopped)
            | (Self::SoftReboot, State::Active)
            | (
                Self::HardReboot,
                State::Active | State::Stopped | State::Paused | State::Suspended,
            )
            | (Self::Unpause, State::Paused)
            | (Self::Resume, State::Suspended)
            | (Self::ConfirmResize | Self::RevertResize, State::Resized) => Some(State::Active),
            (Self::Stop, State::Active) => Some(State::Stopped),
            (Self::Pause, State::Active) => Some(State::Paused),
            (Self::Suspend, State::Active) => Some(State::Suspended),
            (Self::Resize(_), State::Active) => Some(State::Resized),
            (Self::Rebuild(_), State::Active | State::Stopped)
            | (Self::Lock | Self::Unlock | Self::ShowConsole, _) => Some(state),
            _ => None,
        }
    }
}

fn parse_reboot(value: Value) -> Result<Action, Fault> {
    let kind = match value.as_object() {
        Some(members) if members.len() == 1 => members.get("type"),
        _ => None,
    };
    match kind.map(Value::as_str) {
        Some(Some(kind)) if SOFT.contains(&kind) => Ok(Action::SoftReboot),
        Some(Some(kind)) if HARD.contains(&kind) => Ok(Action::HardReboot),
        _ => Err(Fault::InvalidField("reboot".to_owned(), value)),
    }
}

fn parse_resize(value: &Value) -> Result<Action, Fault> {
    let Some(name) = value.get("flavorRef").and_then(Value::as_str) else {
        return Err(Fault::InvalidField("resize".to_owned(), value.clone()));
    };
    match Flavor::find(name) {
        Some(flavor) => Ok(Action::Resize(flavor)),
        None => Err(Fault::InvalidFlavor),
    }
}

fn parse_rebuild(value: Value) -> Result<Action, Fault> {
    let image = match value.as_object() {
        Some(members) if members.len() == 1 => members.get("imageRef"),
        _ => None,
    };
    match image {
        Some(Value::String(image)) if image.len() <= MAX_IMAGE => Ok(Action::Rebuild(
            Some(image.clone()).filter(|text| !text.is_empty()),
        )),
        _ => Err(Fault::InvalidField("rebuild".to_owned(), value)),
    }
}
