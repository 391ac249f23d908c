//! The committed documents, used by independent programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use trialgate_tests::{Applicant, Home, Service, finish};

use super::{token, url};
use crate::databases::on_every_database;

on_every_database!(a_generated_client_works, no_answer_is_undocumented, no_public_answer_is_undocumented);

/// Cases per operation, besides the examples and the edges of its parameters.
const EXAMPLES: &str = "15";
/// The cases are the same in each run.
const SEED: &str = "7";
/// The checks that every answer must pass.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance";

/// The document of the operations interface, and that of the public one and the sandbox's.
const OPERATIONS: &str = "openapi-ops.json";
const PUBLIC: &str = "openapi.json";

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// A program of the packages, which finds the others there too.
fn program(home: &Home, name: &str) -> Command {
    // …/target/debug/deps/e2e-…
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).expect("tests run from the target directory");
    let programs = target.join("third-party/ops/bin");
    assert!(
        programs.join(name).exists(),
        "{} has no {name}; `tests/run` makes it, with the packages of tests/third-party/ops/requirements.txt",
        programs.display()
    );
    let mut command = home.program(programs.join(name));
    let others = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{others}", programs.display()));
    command
}

/// A service with one tenant, and an administrator's token.
async fn with_a_tenant(home: &Home) -> (Service, Applicant, String) {
    let service = home.start().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000");
    service.client().mail_of(&applicant).await;
    let token = token(home, "root", "admin").await;
    (service, applicant, token)
}

async fn a_generated_client_works(home: Home) {
    let (service, applicant, token) = with_a_tenant(&home).await;
    let mut generate = program(&home, "openapi-python-client");
    generate.args(["generate", "--meta", "none", "--output-path", "ops_client", "--path"]).arg(document(OPERATIONS));
    let ended = finish(generate).await;
    assert!(ended.status.success(), "{ended:?}");
    let mut drive = program(&home, "python");
    drive.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("third-party/ops/client.py"));
    drive.arg(home.path()).arg(url(&service)).env("TRIALGATE_OPS_TOKEN", token);
    let ended = finish(drive).await;
    assert!(ended.status.success(), "{ended:?}");
    let saw: Value = serde_json::from_str(&ended.stdout).unwrap();
    let kind = |name: &str| format!("urn:trialgate:problem:{name}");
    assert_eq!(saw["revealed"], json!([applicant.e164(), applicant.email]));
    assert!(saw["masked"][0].as_str().unwrap().contains("****"), "{saw}");
    assert_eq!(saw["mail"][0], "account");
    assert_eq!(saw["mail"][2], true);
    assert_eq!(
        (&saw["me"], &saw["phone"], &saw["imported"], &saw["threshold"], &saw["days"], &saw["revoked"]),
        (&json!("admin"), &json!(false), &json!(2), &json!(1_234), &json!(3), &json!(204))
    );
    assert_eq!(saw["free"], json!([100, 100]), "100 of each, one given away and one loaded");
    let refused = json!({
        "stranger": [401, kind("unauthorized")], "viewer": [403, kind("forbidden")],
        "rows": [400, kind("invalid-rows")], "retry": [409, kind("conflict")],
    });
    assert_eq!(saw["refused"], refused);
    let done =
        ["operator.revoke", "setting.set", "person.search", "operator.add", "access_codes.import", "tenant.reveal"];
    assert_eq!(saw["audit"], json!(done));
}

async fn no_answer_is_undocumented(home: Home) {
    let (service, _applicant, token) = with_a_tenant(&home).await;
    assert_documented(&home, &service, OPERATIONS, &["--header", &format!("Authorization: Bearer {token}")]).await;
}

/// The callback of a provider exists only where one is configured.
async fn no_public_answer_is_undocumented(home: Home) {
    let (service, _applicant, _token) = with_a_tenant(&home).await;
    assert_documented(&home, &service, PUBLIC, &[]).await;
}

/// Tests every operation of a document: by its examples, at the edges of its schemas, at random, and one after another
/// with the answers of the one before.
async fn assert_documented(home: &Home, service: &Service, name: &str, more: &[&str]) {
    let mut command = program(home, "schemathesis");
    command.arg("run").arg(document(name)).args(["--url", &url(service), "--no-color", "--warnings", "off"]);
    command.args(["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES, "--seed", SEED]);
    command.args(["--checks", CHECKS, "--continue-on-failure"]).args(more);
    let ended = finish(command).await;
    assert!(ended.status.success(), "{}\n{}", ended.stdout, ended.stderr);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(document(name)).unwrap()).unwrap();
    let operations: usize =
        document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert!(ended.stdout.contains(&format!("Tested: {operations}")), "{}", ended.stdout);
}

/// Reads the schema from the first argument; each other file is TOML, or Markdown with blocks of it.
const VALIDATE: &str = r#"
import json, re, sys, tomllib, jsonschema_rs
schema = json.load(open(sys.argv[1], encoding="utf-8"))
validator = jsonschema_rs.Draft202012Validator(schema)
count = 0
for name in sys.argv[2:]:
    text = open(name, encoding="utf-8").read()
    for part in re.findall(r"(?ms)^```toml\n(.*?)^```", text) if name.endswith(".md") else [text]:
        for error in validator.iter_errors(tomllib.loads(part)):
            sys.exit(f"{name}: {error.message} at {error.instance_path}")
        count += 1
assert not validator.is_valid({"verification": {"max_tries": 0}}), "the range of a number"
assert not validator.is_valid({"http": {"lisen": "127.0.0.1:8080"}}), "an unknown key"
assert not validator.is_valid({"trial": {"duration": 30}}), "a duration without its unit"
print(count)
"#;

/// The sandbox's configuration and the examples of the documents are valid by the schema that `config schema` prints.
#[tokio::test]
async fn examples_are_valid_by_the_schema() {
    let home = Home::new();
    let _service = home.sandbox().await;
    let schema = home.write("schema.json", home.ask(&["config", "schema"]).await);
    let documents = std::fs::read_dir(document("")).unwrap().map(|entry| entry.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut command = program(&home, "python");
    command.args(["-c", VALIDATE]).arg(schema).arg(home.config()).args(documents);
    let ended = finish(command).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let count: usize = ended.stdout.trim().parse().unwrap();
    assert!(count > 5, "{count} configurations");
}
