use std::fs;

use serde_json::Value;
use trial_core::audit::AuditRecord;
use trial_core::ports::AuditTrail;
use trial_core::values::AuditId;
use trial_storage::{SqliteLedger, SqliteOptions};

use crate::files::shell;
use crate::{Home, Ran, SANDBOX};

fn migrated() -> Home {
    let home = Home::new(SANDBOX);
    assert!(home.run("migrate").done().contains("ran "));
    assert!(home.run("migrate").done().ends_with("is up to date\n"));
    assert_eq!(json(home.run("migrate --json"))["ran"], serde_json::json!([]));
    home
}

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.done()).unwrap()
}

#[test]
fn access_codes_are_imported_once() {
    let home = migrated();
    fs::write(home.path("codes.csv"), "\u{feff}kind,code\r\nvoice,1\r\nvoice,2\r\nmultimedia,a\r\nvoice,1\r\n")
        .unwrap();
    let run = |options: &str| {
        let ran = home.run(&format!("access-codes import codes.csv{options}"));
        assert_eq!((ran.status, ran.err.as_str()), (0, "warning: codes.csv:5: code 1 repeats line 2\n"));
        ran.out
    };
    assert_eq!(run(" --dry-run"), "all rows are good: 3 would be added, 1 known; nothing was changed\n");
    assert_eq!(run(""), "3 added, 1 known\n");
    let again: Value = serde_json::from_str(&run(" --json")).unwrap();
    assert_eq!((&again["added"], &again["known"], &again["rows"]), (&0.into(), &4.into(), &4.into()));
    assert_eq!(again["repeated"], serde_json::json!([{ "line": 5, "first": 2, "code": "1" }]));
    let stock = json(home.run("access-codes stock --json"));
    let expected = serde_json::json!({ "stock": [
        { "kind": "voice", "free": 2, "leased": 0, "quarantined": 0, "retired": 0, "daysUntilEmpty": null,
            "nextRestEndsAt": null },
        { "kind": "multimedia", "free": 1, "leased": 0, "quarantined": 0, "retired": 0, "daysUntilEmpty": null,
            "nextRestEndsAt": null },
    ] });
    assert_eq!(stock, expected);
    let heads = "kind        free  leased  quarantined  retired  days until empty  next quarantine ends\nvoice ";
    assert!(home.run("access-codes stock").done().starts_with(heads));
}

#[test]
fn one_bad_row_keeps_all_out_and_every_bad_row_is_named() {
    let home = migrated();
    fs::write(home.path("good.csv"), "kind,code\nvoice,1\n").unwrap();
    home.run("access-codes import good.csv").done();
    fs::write(home.path("bad.csv"), "kind,code\nvoice,2\nfax,3\nmultimedia,1\nvoice\n").unwrap();
    let ran = home.run("access-codes import bad.csv");
    assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert_eq!(lines[0], "bad.csv:3: \"fax\" is not a kind of access code; must be one of voice, multimedia");
    assert!(lines[1].starts_with("bad.csv:4: code 1 is in the pool as voice"), "{ran:?}");
    assert_eq!(lines[2], "bad.csv:5: has 1 column; it must have kind and code");
    assert_eq!(lines[3], "trialgate: nothing was imported; bad rows: 3 of 4");
    assert_eq!(json(home.run("access-codes stock --json"))["stock"][0]["free"], 1);
    let refused: Value = serde_json::from_str(&home.run("access-codes import bad.csv --json").out).unwrap();
    assert_eq!(refused["refused"].as_array().map(Vec::len), Some(3));
    assert!(home.run("access-codes import absent.csv").refused().contains("cannot open absent.csv"));
    assert!(home.run("access-codes import trialgate.toml").refused().contains("the header must be `kind,code`"));
}

#[test]
fn files_of_a_spreadsheet_and_standard_input_are_imported() {
    let home = migrated();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/access-codes");
    let command = |words: &str| home.run(&format!("access-codes import {words}"));
    assert_eq!(command(&format!("{fixtures}/codes.xlsx")).done(), "4 added, 0 known\n");
    assert_eq!(command(&format!("{fixtures}/codes-mac.csv")).done(), "0 added, 4 known\n");
    let spoiled = command(&format!("{fixtures}/spoiled.xlsx"));
    assert_eq!((spoiled.status, spoiled.err.lines().count()), (1, 6), "{spoiled:?}");
    assert!(command(&format!("{fixtures}/codes.ods")).refused().contains("save it as .xlsx or as CSV"));
    let piped = |text: &str| shell(&home, &format!("printf '{text}' | $TRIALGATE access-codes import - 2>&1 || true"));
    assert_eq!(piped(r"kind,code\rvoice,97011\rmultimedia,chat-97011\r"), "2 added, 0 known\n");
    assert!(piped(r"kind,code\rvoice,97012\rvoice,TRUE\r").starts_with("standard input:3: `TRUE` is a truth value"));
    assert!(piped(r"kind,code\n").contains("standard input: the file has no rows below its header"));
    let twice = piped(r"kind,code\nvoice,97013\nvoice,97013\n");
    assert_eq!(twice, "warning: standard input:3: code 97013 repeats line 2\n1 added, 1 known\n");
}

#[test]
fn the_threshold_is_the_configured_one_until_it_is_set() {
    let home = migrated();
    let shown = json(home.run_with("quota show --json", &[("TRIALGATE_QUOTA__THRESHOLD", "7")]))["today"].clone();
    assert_eq!((&shown["threshold"], &shown["left"], &shown["reserved"]), (&7.into(), &7.into(), &0.into()));
    assert!(home.run("quota set 10").done().starts_with("day "));
    assert_eq!(
        json(home.run_with("quota show --json", &[("TRIALGATE_QUOTA__THRESHOLD", "7")]))["today"]["threshold"],
        10
    );
    assert_eq!(json(home.run("quota set 0 --json"))["today"]["left"], 0);
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let home = migrated();
    let id = "019aa6f2-7c3e-7f00-8000-000000000000";
    assert_eq!(home.run("tenants list").done(), "no tenants\n");
    assert_eq!(json(home.run("tenants list --json")), serde_json::json!({ "items": [], "nextCursor": null }));
    assert!(home.run(&format!("tenants show {id}")).refused().contains("there is no tenant"));
    assert_eq!(home.run("applications find --phone 16673280001").done(), "no requests\n");
    assert_eq!(
        json(home.run("applications find --request-id a-1 --json")),
        serde_json::json!({ "requests": [], "timeline": [] })
    );
    assert_eq!(home.run("applications find --email a@example.com").done(), "no requests\n");
    assert_eq!(home.run("phones show 16673280001").done(), "+8616673280001 has no requests\n");
    assert!(home.run("phones unlock 16673280001").refused().contains("there is nothing to unlock"));
}

#[test]
fn what_cannot_be_looked_for_is_said() {
    let home = migrated();
    for (line, message) in [
        ("applications find --phone 12", "the phone is not a valid phone number"),
        ("applications find --phone +33612345678", "the phone belongs to a country that is not served"),
        ("applications find --email nobody", "the e-mail "),
        ("applications find --request-id ;", "the request id must be 1 to 64 letters"),
        ("phones show 12", "the phone is not a valid phone number"),
    ] {
        let said = home.run(line).refused();
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn doctor_says_what_is_wrong() {
    let home = Home::new(SANDBOX);
    let ran = home.run("doctor");
    assert_eq!((ran.status, ran.err.as_str()), (1, "trialgate: 1 check failed\n"), "{ran:?}");
    assert!(ran.out.contains("FAIL  database"), "{ran:?}");
    home.run("migrate").done();
    let ran = home.run("doctor --json");
    assert_eq!(ran.status, 1, "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let state_of = |name: &str| {
        report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap()["state"].clone()
    };
    assert_eq!(state_of("access codes"), "fail");
    assert_eq!(state_of("sandbox"), "warn");
    for name in ["configuration", "secrets", "sms", "mail", "directory", "database", "invariants", "quota", "clock"] {
        assert_eq!(state_of(name), "ok", "{name}");
    }

    let codes: Vec<String> = (0..30).map(|n| format!("voice,{n}\nmultimedia,m{n}\n")).collect();
    fs::write(home.path("codes.csv"), format!("kind,code\n{}", codes.concat())).unwrap();
    home.run("access-codes import codes.csv").done();
    assert!(!home.run("doctor").done().contains("FAIL"));

    let ran = Home::new("x = 1").run("doctor");
    assert!(ran.status == 1 && ran.out.contains("FAIL  configuration"), "{ran:?}");
}

/// With open API clients and limits per address, an address that stands for many visitors must be named.
#[test]
fn doctor_warns_of_one_address_that_may_be_many_visitors() {
    let home = Home::new(SANDBOX);
    let out = home.run("doctor").out;
    assert!(
        out.contains("warn  addresses") && out.contains("with 30 code requests and 60 applications an hour"),
        "{out}"
    );
    let limits = "TRIALGATE_LIMITS__ADDRESS__";
    let (codes, applications) = (format!("{limits}CODES_PER_HOUR"), format!("{limits}APPLICATIONS_PER_HOUR"));
    let exempt = format!("{limits}EXEMPT");
    let is_warned = |variables: &[(&str, &str)]| home.run_with("doctor", variables).out.contains("warn  addresses");
    assert!(is_warned(&[(&codes, "0")]));
    for variables in [
        vec![(codes.as_str(), "0"), (applications.as_str(), "0")],
        vec![(exempt.as_str(), r#"["203.0.113.7"]"#)],
        vec![("TRIALGATE_HTTP__TRUSTED_PROXIES", r#"["10.0.0.0/8"]"#)],
        vec![("TRIALGATE_HTTP__CALLERS", "signed")],
    ] {
        assert!(!is_warned(&variables), "{variables:?}");
    }
}

#[test]
fn doctor_says_how_the_guard_is() {
    let home = Home::new(&format!("{SANDBOX}\n[site]\nguard = \"altcha\"\n"));
    let out = home.run("doctor").out;
    assert!(out.contains("altcha: proof of work with 2000 key derivation rounds"), "{out}");
    assert!(out.contains("programs can bypass it through the interface"), "{out}");
    let siteverify = "site_key = \"a\"\nsecret = \"b\"\nverify_url = \"http://127.0.0.1:1/\"";
    let callers = [("TRIALGATE_HTTP__CALLERS", "signed")];
    let home = Home::new(&format!("{SANDBOX}\n[site]\nguard = \"siteverify\"\n[site.siteverify]\n{siteverify}"));
    let out = home.run_with("doctor", &callers).out;
    assert!(out.contains("siteverify: cannot be used: no answer: ") && out.contains("see `site.siteverify`"), "{out}");
    assert!(!out.contains("programs can bypass it"), "{out}");
}

/// An entry is recorded before anything is shown, with the user's name and without a phone or an address.
#[test]
fn whoever_looks_by_the_command_line_is_on_record() {
    let home = migrated();
    let entries = || {
        let shown = json(home.run("audit list --json"));
        let entry =
            |entry: &Value| ["actor", "action", "subject", "detail"].map(|of| entry[of].as_str().unwrap().to_owned());
        shown["items"].as_array().unwrap().iter().map(entry).collect::<Vec<_>>()
    };
    assert_eq!(entries().len(), 0, "a look at the audit by nobody's name is none");
    for (line, action, detail) in [
        ("applications find --phone 16673280001", "person.search", "applications, by phone"),
        ("applications find --email a@example.com", "person.search", "applications, by e-mail address"),
        ("applications find --company Example", "person.search", "applications, by company"),
        ("applications find --request-id web-1", "applications.reveal", "phones and addresses were shown in full"),
        ("phones show 16673280001", "person.search", "phones, by phone"),
        ("audit list --subject +8616673280001", "person.search", "audit, by subject"),
        ("forget --email a@example.com", "person.search", "forget, by e-mail address"),
        ("export --phone 16673280001", "person.export", "no data is stored"),
        ("tenants list", "tenants.reveal", "phones and addresses were shown in full"),
        ("mail list", "mails.reveal", "phones and addresses were shown in full"),
    ] {
        let before = entries().len();
        home.run(line).done();
        let all = entries();
        assert_eq!(all.len(), before + 1, "{line}");
        let [actor, done, subject, said] = &all[0];
        assert!(actor.starts_with("cli:"), "{line}: {actor}");
        assert_eq!((done.as_str(), said.as_str()), (action, detail), "{line}");
        assert_eq!(subject.starts_with("person-"), action.starts_with("person."), "{line}: {subject}");
    }
    let before = entries().len();
    home.run("phones unlock 16673280001").refused();
    let all = entries();
    assert_eq!(
        (all.len(), all[0][1].as_str()),
        (before + 1, "person.search"),
        "that a phone has no requests is an answer"
    );
    let of_phone = |entry: &&[String; 4]| entry[3] == "phones, by phone" || entry[1] == "person.export";
    let subjects: std::collections::BTreeSet<_> = all.iter().filter(of_phone).map(|entry| &entry[2]).collect();
    assert_eq!(subjects.len(), 1, "one person is one hash");
}

/// Each listing that prints a phone in full leaves an audit entry of its own.
#[test]
fn no_listing_prints_a_phone_in_full_without_an_entry() {
    const PHONE: &str = "+8616673280001";
    let home = migrated();
    let entries = || json(home.run("audit list --limit 1000 --json"))["items"].as_array().unwrap().len();
    let unlocked = AuditRecord {
        id: AuditId::from_bytes([1; 16]),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        actor: "ada".to_owned(),
        action: "phone.unlock",
        subject: PHONE.to_owned(),
        detail: String::new(),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let ledger = SqliteLedger::open(SqliteOptions::new(home.path("trialgate.db"))).await.unwrap();
        ledger.append_entry(unlocked).await.unwrap();
        ledger.close().await;
    });
    for (line, is_in_full) in [
        ("audit list", false),
        ("audit list --json", false),
        ("audit list --action phone.unlock", false),
        ("audit list --reveal", true),
        ("audit list --reveal --json", true),
        ("audit list --subject +8616673280001", false),
        ("phones show +8616673280001", true),
        ("phones show +8616673280001 --json", true),
        ("export --phone +8616673280001", true),
        ("applications find --phone +8616673280001 --json", false),
        ("tenants list --json", false),
        ("mail list --json", false),
        ("webhooks list --json", false),
        ("prefixes list --json", false),
        ("operators list --json", false),
        ("callers list --json", false),
    ] {
        let before = entries();
        let said = home.run(line).done();
        assert_eq!(said.contains(PHONE), is_in_full, "{line}: {said}");
        assert!(!is_in_full || entries() == before + 1, "{line}");
        assert!(!line.starts_with("audit") || said.contains("+861667328"), "{line}: {said}");
    }
}

#[test]
fn a_clock_is_confirmed() {
    let home = migrated();
    let shown = json(home.run("clock show --json"));
    assert_eq!((&shown["lastSeen"], &shown["paused"]), (&Value::Null, &false.into()), "{shown}");
    let confirmed = json(home.run("clock confirm --json"));
    assert!(confirmed["lastSeen"].is_string() && confirmed.get("skewSeconds").is_none(), "{confirmed}");
    assert!(home.run("clock show").done().contains(", last sweep: 2"));
    assert!(home.run("audit list").done().contains("clock.confirm"));
    assert!(home.run("sweep").done().starts_with("suspended: 0, "));
}
