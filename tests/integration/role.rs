//! Roles in tokens, and the policies that the config gives them.

use serde_json::{Value, json};

use crate::support::{Call, Claims, PROJECT, Refusing, Setup, default_key, metadata};

/// As Keycloak's tokens have them.
const CLAIMS: &str = r#"
roles = "/realm_access/roles"
[issuer.claims.conditions]
"g:MFAPresent" = "/mfa"
[issuer.roles]
auditor = "ECS ReadOnlyAccess"
"an operator" = ["ECS CommonOperations", "no metadata"]
admin = "ECS FullAccess"
careful = "with two factors"
"#;
const POLICIES: &str = r#"
[[policy]]
name = "no metadata"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Deny", "Action": ["ecs:servers:*etMetadata"]}]}'''
[[policy]]
name = "with two factors"
file = "careful.json"
"#;
const CAREFUL: &str = r#"{"Version": "5.0", "Statement": [
    {"Effect": "Allow", "Action": ["ecs:*:list*"]},
    {"Effect": "Allow", "NotAction": ["ecs:*:delete*"], "Condition": {"Bool": {"g:MFAPresent": ["true"]}}}
]}"#;

fn setup(setup: Setup) -> Setup {
    setup
        .claims(CLAIMS)
        .more(POLICIES)
        .file("careful.json", CAREFUL)
}

/// A token that grants nothing but by its roles.
fn claims(roles: impl Into<Value>) -> Claims {
    let access = json!({"roles": roles.into()});
    Claims::new(PROJECT, &[]).set("realm_access", access)
}

fn sign(roles: impl Into<Value>) -> String {
    claims(roles).sign(default_key())
}

#[test]
fn a_role_does_what_its_policies_allow() {
    let world = Refusing::with(setup);
    let list = || Call::get(metadata());
    let delete = || Call::new("DELETE", format!("/v2.1/{PROJECT}/servers/s1"));
    world.permits(&list().bearer(&sign(["auditor"])));
    world.permits(&list().bearer(&sign("auditor")));
    world.permits(&list().bearer(&sign(["offline_access", "an operator"])));
    world.permits(&delete().bearer(&sign(["admin"])));
    let answer = world.call(&delete().bearer(&sign(["auditor", "an operator"])));
    let message = answer.refusal(403, "action_missing", "forbidden");
    assert_eq!(
        message,
        "Policy doesn't allow ecs:servers:delete to be performed."
    );
    // Not two roles, though the words are names.
    let answer = world.call(&list().bearer(&sign("auditor admin")));
    answer.refusal(403, "action_missing", "forbidden");
    let answer = world.call(&list().bearer(&sign(json!({"auditor": true}))));
    answer.refusal(401, "claims_invalid", "error");
}

#[test]
fn a_deny_outweighs_what_another_role_allows() {
    let world = Refusing::with(setup);
    let set = || {
        let json = "Content-Type: application/json";
        Call::new("PUT", metadata())
            .header(json)
            .body("{\"metadata\":{}}")
    };
    world.permits(&set().bearer(&sign(["admin"])));
    for roles in [["admin", "an operator"], ["an operator", "admin"]] {
        let answer = world.call(&set().bearer(&sign(roles)));
        let message = answer.refusal(403, "action_denied", "forbidden");
        assert_eq!(
            message,
            "Policy doesn't allow ecs:servers:setMetadata to be performed."
        );
    }
}

#[test]
fn a_claim_may_be_a_condition() {
    let world = Refusing::with(setup);
    let show = || Call::get(format!("/v2.1/{PROJECT}/servers/s1"));
    let delete = Call::new("DELETE", format!("/v2.1/{PROJECT}/servers/s1"));
    let sign = |mfa: Value| claims(["careful"]).set("mfa", mfa).sign(default_key());
    world.permits(&show().bearer(&sign(json!(true))));
    let answer = world.call(&show().bearer(&sign(json!(false))));
    answer.refusal(403, "action_missing", "forbidden");
    let without = claims(["careful"]).sign(default_key());
    let answer = world.call(&show().bearer(&without));
    answer.refusal(403, "action_missing", "forbidden");
    world.permits(&Call::get(metadata()).bearer(&without));
    let answer = world.call(&delete.bearer(&sign(json!(true))));
    answer.refusal(403, "action_missing", "forbidden");
    let answer = world.call(&show().bearer(&sign(json!(["yes"]))));
    let message = answer.refusal(401, "claims_invalid", "error");
    assert!(
        message.starts_with("The policy `with two factors` of the token's roles cannot be judged"),
        "{message}"
    );
}

#[test]
fn unknown_roles_grant_nothing_and_are_counted() {
    let world = Refusing::with(setup);
    let list = || Call::get(metadata());
    let before = actiongate::gateway::unknown_roles();
    let answer = world.call(&list().bearer(&sign(["Auditor", "default-roles-x", "Auditor"])));
    answer.refusal(403, "action_missing", "forbidden");
    let known = sign(["auditor"]);
    world.permits(&list().bearer(&known));
    let some = sign(["auditor", "offline_access"]);
    world.permits(&list().bearer(&some));
    world.permits(&list().bearer(&some));
    // The second time it was known already.
    assert!(actiongate::gateway::unknown_roles() >= before + 3);
    let audit = world.gateway.into_audit();
    let counts: Vec<&Value> = audit.iter().map(|line| &line["unknown_roles"]).collect();
    assert_eq!(counts, [&json!(2), &Value::Null, &json!(1), &json!(1)]);
    assert!(audit[1].get("unknown_roles").is_none());
}

#[test]
fn a_role_that_cannot_be_judged_keeps_the_gateway_from_starting() {
    let world = Refusing::start();
    let setup = Setup::new(&world.upstream)
        .claims("roles = \"/roles\"\n[issuer.roles]\nmine = \"own\"\n")
        .more(POLICIES)
        .file("careful.json", CAREFUL)
        .more(
            "[[policy]]\nname = \"own\"\ndocument = '''{\"Version\": \"1.1\", \"Statement\": [{\"Effect\": \"Allow\", \
             \"Action\": [\"ecs:*:*\"], \"Condition\": {\"StringEquals\": {\"g:DomainName\": [\"d\"]}}}]}'''\n",
        );
    let error = setup.try_start().map(|_| ()).unwrap_err();
    let expected = "the role `mine` has the policy `own`, which cannot be judged: `Statement[0]` has a condition on `g:DomainName`, which no claim feeds";
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("actiongate.toml:"), "{error}");
}

#[test]
fn a_policy_file_that_changes_is_read_again() {
    let world = Refusing::with(setup);
    let list = || Call::get(metadata());
    let careful = sign(["careful"]);
    world.permits(&list().bearer(&careful));
    let denying = CAREFUL.replacen("Allow", "Deny", 1);
    world.gateway.replace_file("careful.json", &denying);
    world.gateway.reload().unwrap();
    let answer = world.call(&list().bearer(&careful));
    answer.refusal(403, "action_denied", "forbidden");
    world.gateway.replace_file("careful.json", "{}");
    let error = world.gateway.reload().unwrap_err().to_string();
    assert!(
        error
            .contains("the policy `with two factors` of the file `careful.json` is not understood"),
        "{error}"
    );
    let answer = world.call(&list().bearer(&careful));
    answer.refusal(403, "action_denied", "forbidden");
}
