//! The servers of all projects, and everything below `/servers`.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::action::Action;
use super::answer::{Answer, Fault, new_id};
use super::call::Call;
use super::draft::{Change, Draft};
use super::metadata::parse_items;
use super::server::Server;
use super::tag;
use super::version::Microversion;

/// Of all projects together.
pub const MAX_SERVERS: usize = 100;

type Found = Result<Rc<Server>, Fault>;

#[derive(Debug)]
pub struct Collection {
    all: RefCell<Vec<Rc<Server>>>,
}

impl Collection {
    pub fn new(servers: Vec<Server>) -> Self {
        Self {
            all: RefCell::new(servers.into_iter().map(Rc::new).collect()),
        }
    }

    pub fn of(&self, project: &str) -> Vec<Rc<Server>> {
        let all = self.all.borrow();
        let ours = all.iter().filter(|server| server.project == project);
        ours.cloned().collect()
    }

    pub fn find(&self, project: &str, id: &str) -> Found {
        let all = self.all.borrow();
        let is_meant = |server: &&Rc<Server>| server.project == project && server.id == id;
        let found = all.iter().find(is_meant).cloned();
        found.ok_or_else(|| Fault::ServerNotFound(id.to_owned()))
    }

    /// As in Nova, a bad body is reported before an unknown server.
    pub fn operate(&self, call: &Call<'_>, project: &str, rest: &[&str]) -> Result<Answer, Fault> {
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list(call, project, Server::summary),
            ("GET", ["detail"]) => self.list(call, project, Server::details),
            ("POST", []) => self.create(call, project),
            ("GET", [id]) => {
                let server = self.find(project, id)?;
                Ok(Answer::show(&json!({"server": server.details(call)})))
            }
            ("PUT", [id]) => {
                let change = Change::parse(call)?;
                Ok(self.find(project, id)?.change(call, change))
            }
            ("DELETE", [id]) => self.delete(&*self.find(project, id)?),
            ("POST", [id, "action"]) => {
                let action = Action::parse(call.body)?;
                let server = self.find(project, id)?;
                let answer = server.act(call, &action)?;
                server.history.add(call, action.verb());
                Ok(answer)
            }
            (_, [id, "metadata", rest @ ..]) => metadata(call, self.find(project, id), rest),
            (_, [id, "tags", rest @ ..]) if call.version >= Microversion(26) => {
                tags(call, self.find(project, id), rest)
            }
            ("GET", [id, "os-instance-actions"]) => {
                let server = self.find(project, id)?;
                Ok(server.history.show(call, &server))
            }
            ("GET", [id, "os-instance-actions", request]) => {
                let server = self.find(project, id)?;
                server.history.show_one(call, &server, request)
            }
            ("GET", [id, "os-server-password"]) => {
                self.find(project, id)?;
                Ok(Answer::show(&json!({"password": ""})))
            }
            (
                "GET",
                [
                    id,
                    list @ ("os-interface" | "os-volume_attachments" | "os-security-groups"),
                ],
            ) => {
                self.find(project, id)?;
                Ok(show_none(list))
            }
            _ => Err(Fault::NoSuchRoute),
        }
    }

    /// In pages, where `limit` and `marker` ask for that, of those that `name` is found in.
    fn list(
        &self,
        call: &Call<'_>,
        project: &str,
        show: fn(&Server, &Call<'_>) -> Value,
    ) -> Result<Answer, Fault> {
        let mut servers = self.of(project);
        if let Some(part) = call.query_value("name") {
            servers.retain(|server| server.is_named(&part));
        }
        if let Some(marker) = call.query_value("marker") {
            let place = servers.iter().position(|server| server.id == marker);
            let place = place.ok_or(Fault::MarkerNotFound(marker))?;
            servers.drain(..=place);
        }
        if let Some(limit) = call.query_value("limit") {
            let limit = limit
                .parse()
                .map_err(|_| Fault::InvalidField("limit".to_owned(), json!(limit)))?;
            servers.truncate(limit);
        }
        let shown: Vec<Value> = servers.iter().map(|server| show(server, call)).collect();
        Ok(Answer::show(&json!({"servers": shown})))
    }

    fn create(&self, call: &Call<'_>, project: &str) -> Result<Answer, Fault> {
        let draft = Draft::parse(call)?;
        let mut all = self.all.borrow_mut();
        if all.len() >= MAX_SERVERS {
            return Err(Fault::TooManyServers);
        }
        let server = Rc::new(Server::create(project, &new_id(), draft));
        server.history.add(call, "create");
        all.push(Rc::clone(&server));
        Ok(server.introduce(call))
    }

    fn delete(&self, server: &Server) -> Result<Answer, Fault> {
        server.refuse_locked()?;
        self.all.borrow_mut().retain(|kept| kept.id != server.id);
        Ok(Answer::DONE)
    }
}

fn metadata(call: &Call<'_>, server: Found, rest: &[&str]) -> Result<Answer, Fault> {
    let unlocked = |server: Found| {
        let server = server?;
        server.refuse_locked().map(|()| server)
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(server?.metadata.show()),
        ("PUT", []) => {
            let items = parse_items(call.body, "metadata")?;
            unlocked(server)?.metadata.replace(items)
        }
        ("POST", []) => {
            let items = parse_items(call.body, "metadata")?;
            unlocked(server)?.metadata.merge(items)
        }
        ("GET", [key]) => server?.metadata.show_item(key),
        ("PUT", [key]) => {
            let item = parse_items(call.body, "meta")?;
            if item.len() != 1 || !item.contains_key(*key) {
                return Err(Fault::KeyMismatch);
            }
            let metadata = &unlocked(server)?.metadata;
            metadata.merge(item)?;
            metadata.show_item(key)
        }
        ("DELETE", [key]) => unlocked(server)?.metadata.remove(key),
        _ => Err(Fault::NoSuchRoute),
    }
}

fn tags(call: &Call<'_>, server: Found, rest: &[&str]) -> Result<Answer, Fault> {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(server?.tags.show()),
        ("PUT", []) => {
            let tags = tag::parse_all(call.body)?;
            Ok(server?.tags.replace(tags))
        }
        ("DELETE", []) => Ok(server?.tags.clear()),
        ("GET", [tag]) => {
            let server = server?;
            server.tags.check(&server.id, tag)
        }
        ("PUT", [tag]) => server?.tags.add(tag),
        ("DELETE", [tag]) => {
            let server = server?;
            server.tags.remove(&server.id, tag)
        }
        _ => Err(Fault::NoSuchRoute),
    }
}

/// There are no networks and no volumes here.
fn show_none(list: &str) -> Answer {
    let name = match list {
        "os-interface" => "interfaceAttachments",
        "os-volume_attachments" => "volumeAttachments",
        _ => "security_groups",
    };
    Answer::show(&json!({name: []}))
}
