//! The command line, beside a running service.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trialgate_tests::{Applicant, Home, Service, finish};

async fn sandbox() -> (Home, Service) {
    let home = Home::new();
    let service = home.sandbox().await;
    (home, service)
}

async fn accepted(service: &Service, applicant: &Applicant) -> String {
    let code = service.client().obtain_code(applicant).await;
    let reply = service.client().apply(applicant, &code).await;
    assert_eq!(reply.code(), "000");
    reply.request_id
}

#[tokio::test]
async fn access_codes_are_imported_all_or_none() {
    let (home, service) = sandbox().await;
    let stock = async || home.ask_json(&["access-codes", "stock"]).await["stock"].clone();
    let counted = |voice: u32, multimedia: u32| {
        let row = |kind, free: u32| json!({"kind": kind, "free": free, "leased": 0, "quarantined": 0, "retired": 0, "daysUntilEmpty": null, "nextRestEndsAt": null});
        json!([row("voice", voice), row("multimedia", multimedia)])
    };
    assert_eq!(stock().await, counted(100, 100));
    let good = home.write("good.csv", "kind,code\r\nvoice,97001\r\nvoice,97002\r\nmultimedia,new-chat\r\n");
    let good = good.to_str().unwrap();
    let planned = home.ask_json(&["access-codes", "import", good, "--dry-run"]).await;
    assert_eq!((&planned["added"], &planned["known"], &planned["dryRun"]), (&json!(3), &json!(0), &json!(true)));
    assert_eq!(stock().await, counted(100, 100), "a dry run changes nothing");
    for (added, known) in [(3, 0), (0, 3)] {
        let report = home.ask_json(&["access-codes", "import", good]).await;
        assert_eq!((&report["added"], &report["known"]), (&json!(added), &json!(known)));
        assert_eq!(stock().await, counted(102, 101));
    }

    let bad = "kind,code\nvoice,97003\nfax,1\nmultimedia,97001\nvoice\nvoice,97004\nvoice,97003\nmultimedia,97004\n";
    let bad = home.write("bad.csv", bad);
    let bad = bad.to_str().unwrap();
    for dry_run in [&[][..], &["--dry-run"]] {
        let arguments = [&["access-codes", "import", bad], dry_run].concat();
        let ended = home.run(&arguments).await;
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let named = ended.stderr.lines().filter_map(|line| line.strip_prefix(bad)?.strip_prefix(':'));
        let named: BTreeSet<&str> = named.filter_map(|line| line.split(':').next()).collect();
        // Row 7 repeats row 2, which is no fault; 4 and 8 give a code two kinds.
        assert_eq!(named, BTreeSet::from(["3", "4", "5", "8"]), "{}", ended.stderr);
        assert!(ended.stderr.contains("nothing was imported"), "{}", ended.stderr);
        let ended = home.run(&[&arguments, &["--json"][..]].concat()).await;
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((ended.code(), report["refused"].as_array().unwrap().len()), (Some(1), 4), "{report}");
    }
    assert_eq!(stock().await, counted(102, 101), "no row of a bad file is loaded");
    let mut missing = home.command(&["access-codes", "import", "missing.csv", "--config"]);
    missing.arg(home.config());
    assert!(home.refused(missing).await.contains("missing.csv"));
    assert!(home.ask(&["access-codes", "stock"]).await.contains("multimedia"));

    accepted(&service, &Applicant::new(1)).await;
    let leased = home.ask_json(&["access-codes", "stock"]).await;
    assert_eq!((&leased["stock"][0]["leased"], &leased["stock"][1]["leased"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn the_quota_is_shown_and_set() {
    let (home, service) = sandbox().await;
    accepted(&service, &Applicant::new(1)).await;
    service.client().mail_of(&Applicant::new(1)).await;
    let shown = home.ask_json(&["quota", "show"]).await;
    assert_eq!(
        (&shown["today"]["threshold"], &shown["today"]["reserved"], &shown["today"]["left"]),
        (&json!(1_000), &json!(1), &json!(999))
    );
    assert_eq!(shown["timezone"], "UTC");
    let set = home.ask_json(&["quota", "set", "5"]).await;
    assert_eq!((&set["today"]["threshold"], &set["today"]["left"]), (&json!(5), &json!(4)));
    assert_eq!((&shown["today"]["ownerMails"]["limit"], &set["today"]["ownerMails"]["limit"]), (&json!(50), &json!(1)));
    home.ask(&["settings", "set", "quota.owner_mails", "7"]).await;
    assert_eq!(home.ask_json(&["quota", "show"]).await["today"]["ownerMails"]["left"], 7);
    home.ask(&["settings", "set", "quota.owner_mails", "threshold/20"]).await;
    assert_eq!(home.ask_json(&["quota", "show"]).await["today"]["ownerMails"]["left"], 1);
    assert!(home.ask(&["quota", "show"]).await.contains("limit"));
    let changed =
        home.database().lines("SELECT actor || ' ' || action AS line FROM audit WHERE subject = 'quota.threshold'");
    assert!(matches!(changed.as_slice(), [one] if one.starts_with("cli:")), "{changed:?}");
}

#[tokio::test]
async fn tenants_are_listed_and_shown() {
    let (home, service) = sandbox().await;
    assert!(home.ask(&["tenants", "list"]).await.contains("no tenants"));
    let applicants: Vec<Applicant> = (1..=3).map(Applicant::new).collect();
    for applicant in &applicants {
        accepted(&service, applicant).await;
    }
    let account = service.client().mail_of(&applicants[0]).await.account();
    let list = home.ask_json(&["tenants", "list"]).await;
    let phones: Vec<&str> = list["items"].as_array().unwrap().iter().map(|t| t["phone"].as_str().unwrap()).collect();
    let newest_first: Vec<String> = applicants.iter().rev().map(Applicant::e164).collect();
    assert_eq!(phones, newest_first);
    let page = home.ask_json(&["tenants", "list", "--limit", "2"]).await;
    let next = page["nextCursor"].as_str().unwrap();
    let rest = home.ask_json(&["tenants", "list", "--limit", "2", "--before", next]).await;
    assert_eq!((&rest["items"][0]["id"], &rest["items"][1]), (&json!(account.tenant), &Value::Null));

    let shown = home.ask_json(&["tenants", "show", &account.tenant]).await;
    assert_eq!(shown["accountName"], account.name);
    assert_eq!(shown["accessCodes"], json!({"voice": account.voice, "multimedia": account.multimedia}));
    assert_eq!((&shown["companyName"], &shown["status"]), (&json!(applicants[0].company), &json!("trial")));
    assert_eq!(shown["mails"].as_array().unwrap().len(), 1);
    let text = home.ask(&["tenants", "show", &account.tenant]).await;
    assert!(text.contains(&account.voice) && !text.contains(&account.password), "{text}");
    let mut unknown = home.command(&["tenants", "show", "019aa6f2-7c3e-7f00-8000-000000000000", "--config"]);
    unknown.arg(home.config());
    assert!(home.refused(unknown).await.contains("there is no tenant 019aa6f2"));
}

#[tokio::test]
async fn an_applicants_story_is_found() {
    let (home, service) = sandbox().await;
    let (client, customer, applicant) = (service.client(), Applicant::new(1), Applicant::new(2));
    accepted(&service, &customer).await;
    client.mail_of(&customer).await;
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, "wrong").await.code(), "002");
    let same_company = Applicant { company: customer.company.clone(), ..applicant.clone() };
    let refused = client.apply(&same_company, &code).await;
    assert_eq!(refused.code(), "004");
    home.ask(&["quota", "set", "1"]).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "205");
    home.ask(&["quota", "set", "1000"]).await;
    let reply = client.apply(&applicant, &code).await;
    assert_eq!(reply.code(), "000");

    let events = async |arguments: &[&str]| {
        let found = home.ask_json(&[&["applications", "find"], arguments].concat()).await;
        let is_request = |event: &&Value| !event["returnCode"].is_null();
        found["timeline"].as_array().unwrap().iter().filter(is_request).cloned().collect::<Vec<_>>()
    };
    let codes = |events: &[Value]| {
        events.iter().map(|event| event["returnCode"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = ["200", "002", "004", "205", "000"];
    for spelling in [applicant.phone.clone(), applicant.e164()] {
        assert_eq!(codes(&events(&["--phone", &spelling]).await), expected);
    }
    assert_eq!(codes(&events(&["--email", &applicant.email.to_uppercase()]).await), expected);
    let story = events(&["--phone", &applicant.phone]).await;
    let outcomes: Vec<&str> = story.iter().map(|event| event["words"].as_str().unwrap()).collect();
    assert!(outcomes[1].contains("the code is wrong; 4 attempts left"), "{outcomes:?}");
    assert!(
        outcomes[2].starts_with("applied: tenant ") && outcomes[2].ends_with("has the same company"),
        "{outcomes:?}"
    );
    assert!(outcomes[3].contains("the daily e-mail limit of 1 is reached"), "{outcomes:?}");
    assert!(outcomes[4].contains("was created"), "{outcomes:?}");
    let fact = story[0]["facts"][0].as_str().unwrap();
    assert!(story[0]["kind"] == "code_request" && fact.starts_with("gateway sandbox: "), "{story:?}");

    let one = events(&["--request-id", &refused.request_id]).await;
    assert_eq!((codes(&one), &one[0]["companyName"]), (vec!["004".to_owned()], &json!(customer.company)));
    let text = home.ask(&["applications", "find", "--request-id", &reply.request_id]).await;
    for expected in
        ["applied: tenant ", "answered     000", "mail ", "what to do ", &reply.request_id, &applicant.e164()]
    {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(home.ask(&["applications", "find", "--phone", "16600009999"]).await.contains("no requests"));
}

#[tokio::test]
async fn a_locked_phone_is_unlocked() {
    let home = Home::new();
    let limit = [("TRIALGATE_VERIFICATION__MAX_FAILURES", "3")];
    let service = home.sandbox_with(&limit).await;
    let (client, applicant) = (service.client(), Applicant::new(1));
    let phones = async |arguments: &[&str]| {
        let mut command = home.command(&[&["phones"], arguments].concat());
        command.envs(limit).args([&applicant.phone, "--json", "--config"]).arg(home.config());
        let ended = finish(command).await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    assert_eq!(phones(&["show"]).await["seen"], false);
    let code = client.obtain_code(&applicant).await;
    for _ in 0..3 {
        assert_eq!(client.apply(&applicant, "wrong").await.code(), "002");
    }
    assert_eq!(client.apply(&applicant, &code).await.code(), "003");
    let shown = phones(&["show"]).await;
    assert_eq!(
        (&shown["locked"], &shown["failures"], &shown["phone"]),
        (&json!(true), &json!(3), &json!(applicant.e164()))
    );
    let unlocked = phones(&["unlock"]).await;
    assert_eq!((&unlocked["locked"], &unlocked["failures"]), (&json!(false), &json!(0)));
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
    assert_eq!(home.database().count("audit WHERE action LIKE 'phone%' AND actor LIKE 'cli:%'"), 1);
    let mut unseen = home.command(&["phones", "unlock", "16600000009", "--config"]);
    unseen.arg(home.config());
    assert!(home.refused(unseen).await.contains("has no requests"));
}

#[tokio::test]
async fn doctor_finds_what_is_broken() {
    let (home, service) = sandbox().await;
    accepted(&service, &Applicant::new(1)).await;
    let report = home.ask_json(&["doctor"]).await;
    let states: BTreeSet<&str> =
        report["checks"].as_array().unwrap().iter().map(|check| check["state"].as_str().unwrap()).collect();
    assert!(states.contains("ok") && !states.contains("fail"), "{report}");
    assert!(home.ask(&["doctor"]).await.contains("invariants"));

    for (breaking, mending, says) in [
        (
            "UPDATE quota_days SET reserved = reserved + 1",
            "UPDATE quota_days SET reserved = reserved - 1",
            "the units of a day",
        ),
        (
            "UPDATE challenges SET state = 'open' WHERE state = 'consumed'",
            "UPDATE challenges SET state = 'consumed' WHERE id IN (SELECT challenge FROM applications)",
            "names the code that it consumed",
        ),
        (
            "UPDATE audit SET action = 'x' WHERE action = 'tenant.create'",
            "UPDATE audit SET action = 'tenant.create' WHERE action = 'x'",
            "every accepted application has its tenant",
        ),
        (
            "UPDATE access_codes SET kind = 'x' || kind WHERE 0; CREATE TEMP TABLE held AS SELECT code, tenant FROM
                access_codes WHERE tenant IS NOT NULL AND kind = 'voice'; UPDATE access_codes SET state = 'free',
                tenant = NULL WHERE code IN (SELECT code FROM held)",
            "UPDATE access_codes SET state = 'leased', tenant = (SELECT id FROM tenants) WHERE code =
                (SELECT min(code) FROM access_codes WHERE kind = 'voice')",
            "holds one access code of each kind",
        ),
    ] {
        home.database().execute(breaking);
        let ended = home.run(&["doctor"]).await;
        assert_eq!(ended.code(), Some(1), "{breaking}: {ended:?}");
        assert!(ended.stdout.contains(says), "{breaking}: {}", ended.stdout);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        home.database().execute(mending);
        assert_eq!(home.run(&["doctor"]).await.code(), Some(0), "{mending}");
    }
    let nowhere = finish(home.command(&["doctor", "--config", "nowhere.toml", "--json"])).await;
    let report: Value = serde_json::from_str(&nowhere.stdout).unwrap();
    assert_eq!((nowhere.code(), &report["checks"][0]["state"]), (Some(1), &json!("fail")));
}

#[tokio::test]
async fn the_configuration_is_shown_without_its_secrets() {
    let (home, _service) = sandbox().await;
    let written: toml::Table = std::fs::read_to_string(home.config()).unwrap().parse().unwrap();
    let key = written["secrets"]["keys"][0]["key"].as_str().unwrap();
    let shown = home.ask(&["config", "show"]).await;
    assert!(!shown.contains(key), "{shown}");
    let table: toml::Table = shown.parse().unwrap();
    assert_eq!(table["secrets"]["keys"][0]["id"], written["secrets"]["keys"][0]["id"]);
    assert_eq!(table["verification"]["code_ttl"].as_str(), Some("5m"));
    assert!(home.ask(&["config", "check"]).await.contains("valid and complete"));
}

#[tokio::test]
async fn a_generated_key_can_be_rotated_in() {
    let (home, service) = sandbox().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    assert_eq!(service.stop().await.code(), Some(0));
    let key = finish(home.command(&["secrets", "generate"])).await.stdout;
    let other = finish(home.command(&["secrets", "generate"])).await.stdout;
    assert_ne!(key, other);
    let config = std::fs::read_to_string(home.config()).unwrap();
    let rotated = config.replacen("[[secrets.keys]]", &format!("{key}\n[[secrets.keys]]"), 1);
    std::fs::write(home.config(), rotated).unwrap();
    let service = home.sandbox().await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000", "a code of the old key is still good");
    accepted(&service, &Applicant::new(2)).await;
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let (home, _service) = sandbox().await;
    for arguments in [
        &["applications", "find"][..],
        &["applications", "find", "--phone", "1", "--email", "a@example.com"],
        &["tenants", "show", "nonsense"],
        &["tenants", "list", "--limit", "0"],
        &["access-codes", "import"],
        &["quota", "set", "-1"],
        &["phones", "unlock"],
        &["config"],
    ] {
        let ended = home.run(arguments).await;
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
    }
    let mut wrong = home.command(&["phones", "show", "12345", "--config"]);
    wrong.arg(home.config());
    assert!(home.refused(wrong).await.contains("not a valid phone number"));
}

#[tokio::test]
async fn a_tenant_lives_on() {
    let (home, service) = sandbox().await;
    let applicant = Applicant::new(1);
    accepted(&service, &applicant).await;
    let tenant = home.ask_json(&["tenants", "list"]).await["items"][0]["id"].as_str().unwrap().to_owned();
    let order = async |order: &'static str| home.ask_json(&["tenants", order, &tenant]).await["status"].clone();
    assert_eq!(order("suspend").await, "suspended");
    assert_eq!(order("resume").await, "trial");
    assert_eq!(order("close").await, "closed");
    let stock = home.ask_json(&["access-codes", "list", "--kind", "voice", "--state", "quarantined"]).await;
    assert_eq!(stock["items"][0]["tenant"], tenant.as_str());
    assert_eq!(order("reopen").await, "trial");
    assert_eq!(home.ask_json(&["tenants", "extend", &tenant, "--days", "10"]).await["status"], "trial");
    let mails = service.client().mails_of(&applicant).await.len();
    assert_eq!(order("resend-mail").await, "trial");
    trialgate_tests::until("the account to be sent again", async || {
        (service.client().mails_of(&applicant).await.len() > mails).then_some(())
    })
    .await;
    assert_eq!(order("convert").await, "commercial");
    let mut extend = home.command(&["tenants", "extend", &tenant, "--config"]);
    extend.arg(home.config());
    let refused = home.refused(extend).await;
    assert!(refused.contains("the tenant is commercial"), "{refused}");
    home.ask(&["doctor"]).await;
}

#[tokio::test]
async fn a_sweep_does_what_time_has_brought() {
    let home = Home::new();
    let short = [
        ("TRIALGATE_TRIAL__DURATION", "1s"),
        ("TRIALGATE_TRIAL__REMINDERS", "[]"),
        ("TRIALGATE_TRIAL__GRACE", "1s"),
        ("TRIALGATE_POOL__QUARANTINE", "1s"),
    ];
    let service = home.sandbox_with(&short).await;
    accepted(&service, &Applicant::new(1)).await;
    // Otherwise it would sweep by itself.
    service.stop().await;
    let sweep = async |arguments: &[&str]| {
        let mut command = home.command(&["sweep", "--json", "--config"]);
        command.arg(home.config()).args(arguments).envs(short);
        let ended = finish(command).await;
        assert!(ended.status.success(), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let until = async |key: &str| {
        trialgate_tests::until("time to bring something", async || {
            let told = sweep(&["--dry-run"]).await;
            told[key].as_u64().filter(|count| *count > 0)
        })
        .await;
        let done = sweep(&[]).await;
        assert_eq!(sweep(&[]).await[key], 0, "once");
        done
    };
    assert_eq!(until("suspended").await["tenants"][0]["after"], "suspended");
    assert_eq!(until("closed").await["mails"]["closed"], 1);
    trialgate_tests::until("the access codes to have rested", async || sweep(&[]).await["freed"]["voice"].as_u64())
        .await;
    assert_eq!(home.ask_json(&["access-codes", "stock"]).await["stock"][0]["free"], 100);
    home.ask(&["doctor"]).await;
}
