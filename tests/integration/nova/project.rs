//! Projects that Nova would take for something of its API.

use crate::support::{Call, Claims, Refusing, default_key};

/// Nova's route with the project and the one without it, for which the first path may stand.
const PATHS: [(&str, &str, &str); 3] = [
    ("GET", "os-keypairs", "/v2.1/os-keypairs/flavors"),
    ("DELETE", "servers", "/v2.1/servers/servers/tags"),
    ("GET", "Servers", "/v2/Servers/servers"),
];

#[test]
fn a_project_is_one_by_its_form() {
    let world = Refusing::start();
    let generic = Refusing::with(|setup| setup.upstream("profile = \"generic\""));
    for (method, project, path) in PATHS {
        let token = Claims::new(project, &["*:*:*"]).sign(default_key());
        let call = Call::new(method, path).bearer(&token);
        let message = world.call(&call).refusal(400, "project_form", "badRequest");
        let expected = format!(
            "The project `{project}` is none that Nova knows by its form, expected hexadecimal \
             digits in lower case and `-` only."
        );
        assert_eq!(message, expected);
        generic.permits(&call);
    }
    for project in ["4f5e3d2c1b0a49788796a5b4c3d2e1f0", "0-f"] {
        let token = Claims::new(project, &["*:*:*"]).sign(default_key());
        world.permits(&Call::get(format!("/v2.1/{project}/servers")).bearer(&token));
    }
}
