//! One server: whether it runs, its metadata, its tags, its automatic recovery.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::action::{Action, State};
use super::answer::{Answer, Fault, OWNER, now, with};
use super::body::parse_member;
use super::call::Call;
use super::draft::{Change, Draft};
use super::flavor::{FLAVORS, Flavor};
use super::history::History;
use super::metadata::{Items, Metadata};
use super::tag::Tags;
use super::version::Microversion;

const AUTO_RECOVERY: &str = "support_auto_recovery";
pub const ZONE: &str = "demo-1";

#[derive(Debug)]
pub struct Server {
    pub project: String,
    pub id: String,
    pub metadata: Metadata,
    pub tags: Tags,
    pub history: History,
    pub flavor: Cell<&'static Flavor>,
    name: RefCell<String>,
    /// Empty for none.
    description: RefCell<String>,
    image: RefCell<Option<String>>,
    key: Option<String>,
    created: String,
    state: Cell<State>,
    is_locked: Cell<bool>,
    /// While a resize can be undone.
    former_flavor: Cell<Option<&'static Flavor>>,
    auto_recovery: Cell<bool>,
}

impl Server {
    /// It runs, with a little metadata and automatic recovery on.
    pub fn new(project: &str, id: &str, name: &str) -> Self {
        let [flavor, ..] = &FLAVORS;
        let draft = Draft {
            name: name.to_owned(),
            flavor,
            image: None,
            metadata: Items::from([
                ("environment".to_owned(), "demo".to_owned()),
                ("role".to_owned(), "web".to_owned()),
            ]),
            tags: BTreeSet::new(),
            key: None,
            description: None,
        };
        Self::create(project, id, draft)
    }

    /// At once, where Nova takes its time.
    pub fn create(project: &str, id: &str, draft: Draft) -> Self {
        Self {
            project: project.to_owned(),
            id: id.to_owned(),
            metadata: Metadata::new(draft.metadata),
            tags: Tags::new(draft.tags),
            history: History::default(),
            flavor: Cell::new(draft.flavor),
            name: RefCell::new(draft.name),
            description: RefCell::new(draft.description.unwrap_or_default()),
            image: RefCell::new(draft.image),
            key: draft.key,
            created: now(),
            state: Cell::new(State::Active),
            is_locked: Cell::new(false),
            former_flavor: Cell::new(None),
            auto_recovery: Cell::new(true),
        }
    }

    pub fn is_named(&self, part: &str) -> bool {
        self.name.borrow().contains(part)
    }

    /// As it stands in a list.
    pub fn summary(&self, call: &Call<'_>) -> Value {
        json!({"id": self.id, "name": *self.name.borrow(), "links": self.links(call)})
    }

    fn links(&self, call: &Call<'_>) -> Value {
        call.links(&self.project, &format!("servers/{}", self.id))
    }

    pub fn details(&self, call: &Call<'_>) -> Value {
        let state = self.state.get();
        let image = match &*self.image.borrow() {
            None => json!(""),
            Some(id) => {
                json!({"id": id, "links": call.links(&self.project, &format!("images/{id}"))})
            }
        };
        let mut shown = json!({
            "id": self.id,
            "name": *self.name.borrow(),
            "status": state.status(),
            "tenant_id": self.project,
            "user_id": OWNER,
            "metadata": self.metadata.items(),
            "flavor": self.flavor.get().embed(call, &self.project),
            "image": image,
            "links": self.links(call),
            "hostId": "",
            "addresses": {},
            "accessIPv4": "",
            "accessIPv6": "",
            "config_drive": "",
            "key_name": self.key,
            "created": self.created,
            "updated": self.created,
            "progress": 0,
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": ZONE,
            "OS-EXT-STS:power_state": state.power(),
            "OS-EXT-STS:task_state": null,
            "OS-EXT-STS:vm_state": state.name(),
            "OS-SRV-USG:launched_at": self.created.trim_end_matches('Z'),
            "OS-SRV-USG:terminated_at": null,
            "os-extended-volumes:volumes_attached": [],
        });
        let description = self.description.borrow();
        let description = Some(description.as_str()).filter(|text| !text.is_empty());
        let newer = [
            (9, "locked", json!(self.is_locked.get())),
            (19, "description", json!(description)),
            (26, "tags", self.tags.to_json()),
        ];
        for (minor, name, value) in newer {
            if call.version >= Microversion(minor) {
                shown = with(shown, [(name, value)]);
            }
        }
        shown
    }

    /// What the answer to its creation tells; there is no password in it, as nobody could log in.
    pub fn introduce(&self, call: &Call<'_>) -> Answer {
        let shown = json!({
            "id": self.id,
            "links": self.links(call),
            "OS-DCF:diskConfig": "MANUAL",
        });
        Answer {
            status: StatusCode::ACCEPTED,
            body: json!({"server": shown}).to_string(),
        }
    }

    pub fn change(&self, call: &Call<'_>, change: Change) -> Answer {
        if let Some(name) = change.name {
            self.name.replace(name);
        }
        if let Some(description) = change.description {
            self.description.replace(description);
        }
        Answer::show(&json!({"server": self.details(call)}))
    }

    /// At once, where Nova takes its time.
    pub fn act(&self, call: &Call<'_>, action: &Action) -> Result<Answer, Fault> {
        if !matches!(action, Action::Lock | Action::Unlock | Action::ShowConsole) {
            self.refuse_locked()?;
        }
        let state = self.state.get();
        let Some(next) = action.next(state) else {
            return Err(Fault::Conflict(
                action.verb(),
                self.id.clone(),
                state.name(),
            ));
        };
        self.state.set(next);
        match action {
            Action::Lock => self.is_locked.set(true),
            Action::Unlock => self.is_locked.set(false),
            Action::Rebuild(image) => {
                self.image.replace(image.clone());
                let body = json!({"server": self.details(call)}).to_string();
                let status = StatusCode::ACCEPTED;
                return Ok(Answer { status, body });
            }
            Action::Resize(flavor) => {
                self.former_flavor.set(Some(self.flavor.replace(flavor)));
            }
            Action::ConfirmResize => {
                self.former_flavor.take();
                return Ok(Answer::DONE);
            }
            Action::RevertResize => {
                if let Some(flavor) = self.former_flavor.take() {
                    self.flavor.set(flavor);
                }
            }
            Action::ShowConsole => {
                let output = format!("{} login: ", self.name.borrow());
                return Ok(Answer::show(&json!({"output": output})));
            }
            _ => {}
        }
        Ok(Answer::ACCEPTED)
    }

    /// What would change a locked server is not done.
    pub fn refuse_locked(&self) -> Result<(), Fault> {
        match self.is_locked.get() {
            true => Err(Fault::Locked(self.id.clone())),
            false => Ok(()),
        }
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

pub fn parse_auto_recovery(body: &[u8]) -> Result<bool, Fault> {
    let value = parse_member(body, AUTO_RECOVERY)?;
    match value.as_str() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(Fault::InvalidField(AUTO_RECOVERY.to_owned(), value)),
    }
}
