//! The flavors of the demo's backend: three, the same for every project.

use serde_json::{Value, json};

use super::answer::{Answer, Fault, with};
use super::call::Call;
use super::version::Microversion;

#[derive(Debug)]
pub struct Flavor {
    /// Its identifier, too, as the vendor has it.
    pub name: &'static str,
    pub vcpus: u32,
    /// In MiB.
    pub ram: u32,
}

/// The first is what servers are of that were not created.
pub const FLAVORS: [Flavor; 3] = [
    Flavor::new("s3.medium.2", 1, 2048),
    Flavor::new("s3.large.2", 2, 4096),
    Flavor::new("s3.xlarge.2", 4, 8192),
];

/// The one extra specification that each flavor has.
const GENERATION: &str = "ecs:generation";

impl Flavor {
    const fn new(name: &'static str, vcpus: u32, ram: u32) -> Self {
        Self { name, vcpus, ram }
    }

    pub fn find(name: &str) -> Option<&'static Self> {
        FLAVORS.iter().find(|flavor| flavor.name == name)
    }

    /// As a server shows what it is of; from 2.47 on a flavor need not outlive its servers.
    pub fn embed(&self, call: &Call<'_>, project: &str) -> Value {
        if call.version < Microversion(47) {
            return json!({"id": self.name, "links": self.links(call, project)});
        }
        json!({
            "original_name": self.name,
            "vcpus": self.vcpus,
            "ram": self.ram,
            "disk": 0,
            "ephemeral": 0,
            "swap": 0,
            "extra_specs": extra_specs(),
        })
    }

    fn links(&self, call: &Call<'_>, project: &str) -> Value {
        call.links(project, &format!("flavors/{}", self.name))
    }

    fn summary(&self, call: &Call<'_>, project: &str) -> Value {
        let shown = json!({
            "id": self.name,
            "name": self.name,
            "links": self.links(call, project),
        });
        match call.version >= Microversion(55) {
            true => with(shown, [("description", Value::Null)]),
            false => shown,
        }
    }

    fn details(&self, call: &Call<'_>, project: &str) -> Value {
        let no_swap = match call.version >= Microversion(75) {
            true => json!(0),
            false => json!(""),
        };
        let members = [
            ("vcpus", json!(self.vcpus)),
            ("ram", json!(self.ram)),
            ("disk", json!(0)),
            ("swap", no_swap),
            ("rxtx_factor", json!(1.0)),
            ("os-flavor-access:is_public", json!(true)),
            ("OS-FLV-DISABLED:disabled", json!(false)),
            ("OS-FLV-EXT-DATA:ephemeral", json!(0)),
        ];
        let shown = with(self.summary(call, project), members);
        match call.version >= Microversion(61) {
            true => with(shown, [("extra_specs", extra_specs())]),
            false => shown,
        }
    }
}

fn extra_specs() -> Value {
    json!({GENERATION: "s3"})
}

pub fn operate(call: &Call<'_>, project: &str, rest: &[&str]) -> Result<Answer, Fault> {
    let find =
        |name: &str| Flavor::find(name).ok_or_else(|| Fault::FlavorNotFound(name.to_owned()));
    let all = |show: fn(&Flavor, &Call<'_>, &str) -> Value| {
        let shown: Vec<Value> = FLAVORS
            .iter()
            .map(|flavor| show(flavor, call, project))
            .collect();
        Answer::show(&json!({"flavors": shown}))
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(all(Flavor::summary)),
        ("GET", ["detail"]) => Ok(all(Flavor::details)),
        ("GET", [name]) => {
            let shown = find(name)?.details(call, project);
            Ok(Answer::show(&json!({"flavor": shown})))
        }
        ("GET", [name, "os-extra_specs"]) => {
            find(name)?;
            Ok(Answer::show(&json!({"extra_specs": extra_specs()})))
        }
        ("GET", [name, "os-extra_specs", key]) => {
            find(name)?;
            if *key != GENERATION {
                return Err(Fault::ExtraSpecNotFound(
                    (*name).to_owned(),
                    (*key).to_owned(),
                ));
            }
            Ok(Answer::show(&extra_specs()))
        }
        _ => Err(Fault::NoSuchRoute),
    }
}
