//! Starting: errors are one line that says what to do, and a second start continues from the first.

use std::fs;
use std::net::TcpListener;

use trialgate_tests::{Applicant, Database, Home, SERVING, Service, finish};

/// The single error line of a sandbox, which must contain all of these.
async fn assert_refused(home: &Home, arguments: &[&str], says: &[&str]) {
    let line = home.refused(home.command(arguments)).await;
    for expected in says {
        assert!(line.contains(expected), "{arguments:?}: {expected:?} is not in {line}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let home = Home::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let says = [address.as_str(), "another program uses this port", "`--listen`"];
    assert_refused(&home, &["sandbox", "--data", "data", "--listen", &address], &says).await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told() {
    let home = Home::new();
    assert_refused(
        &home,
        &["sandbox", "--listen", "127.0.0.1:0", "--data", "/proc/trialgate"],
        &["cannot create /proc/trialgate", "name another directory with --data"],
    )
    .await;
    let file = home.write("file", "");
    let below = file.join("data");
    let says = ["name another directory with --data"];
    assert_refused(&home, &["sandbox", "--listen", "127.0.0.1:0", "--data", below.to_str().unwrap()], &says).await;
    home.write("trialgate.toml", format!("storage.url = \"sqlite:/proc/trialgate.db\"\n{SERVING}"));
    assert_refused(&home, &["migrate"], &["/proc/trialgate.db", "may write to it"]).await;
}

#[tokio::test]
async fn a_directory_in_use_is_told() {
    let home = Home::new();
    let _service = home.sandbox().await;
    let says = ["in use by another process"];
    assert_refused(&home, &["sandbox", "--listen", "127.0.0.1:0", "--data", "data"], &says).await;
}

/// A back end or a proxy that is not named counts as one visitor.
#[tokio::test]
async fn serving_warns_of_one_address_that_may_be_many_visitors() {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    home.write("data/trialgate.toml", SERVING);
    home.ask(&["migrate"]).await;
    let limit = ("TRIALGATE_LIMITS__ADDRESS__CODES_PER_HOUR", "30");
    let exempt = ("TRIALGATE_LIMITS__ADDRESS__EXEMPT", r#"["203.0.113.7"]"#);
    for (environment, is_warned) in [(vec![limit], true), (vec![limit, exempt], false), (vec![], false)] {
        let mut command = home.serve_command();
        command.envs(environment.iter().copied());
        let ended = Service::start(command).await.stop().await;
        assert_eq!(ended.stderr.contains("name the back end in"), is_warned, "{environment:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_database_that_is_not_ours_or_not_whole_is_told() {
    let home = Home::new();
    assert_eq!(home.sandbox().await.stop().await.code(), Some(0));
    let path = home.data().join("trialgate.db");
    // All of it into the one file, so that it can be cut off.
    home.database().execute("PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = fs::read(&path).unwrap();
    let sandbox = ["sandbox", "--listen", "127.0.0.1:0", "--data", "data"];
    let serve = ["serve", "--config", "data/trialgate.toml"];

    for length in [whole.len() - 1, whole.len() - 4_096, whole.len() / 2, 100, 10] {
        for command in [&sandbox[..], &serve] {
            fs::write(&path, &whole[..length]).unwrap();
            assert_refused(&home, command, &["trialgate.db is not a whole SQLite database", "restore it"]).await;
            assert_eq!(fs::read(&path).unwrap(), whole[..length], "nothing is written to it");
        }
    }
    fs::write(&path, "kind,code\nvoice,95001\n".repeat(1_000)).unwrap();
    assert_refused(&home, &sandbox, &["trialgate.db is not a whole SQLite database", "`storage.url`"]).await;

    fs::remove_file(&path).unwrap();
    Database::open(&path).execute("CREATE TABLE songs (title TEXT)");
    for command in [&sandbox[..], &serve] {
        assert_refused(&home, command, &["the database of another program", "`storage.url`"]).await;
    }
    fs::write(&path, &whole).unwrap();
    Database::open(&path)
        .execute("INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('99991231235959', '9999-12-31')");
    for command in [&sandbox[..], &serve] {
        assert_refused(&home, command, &["written by a newer release", "99991231235959"]).await;
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(home.sandbox().await.stop().await.code(), Some(0), "nothing was changed by any of this");
}

#[tokio::test]
async fn a_configuration_that_is_missing_or_wrong_is_told() {
    let home = Home::new();
    assert_refused(&home, &["serve", "--config", "nowhere.toml"], &["cannot read the configuration", "nowhere.toml"])
        .await;
    home.write("typo.toml", format!("[http]\nlisten = \"127.0.0.1:0\"\nenvelop = \"flat\"\n{SERVING}"));
    assert_refused(
        &home,
        &["serve", "--config", "typo.toml"],
        &["typo.toml:3:1", "unknown key `http.envelop`", "did you mean `http.envelope`?"],
    )
    .await;
    home.write("trialgate.toml", SERVING);
    let mut command = home.command(&["serve"]);
    command.env("TRIALGATE_LOG__LEVL", "info");
    let line = home.refused(command).await;
    assert!(line.contains("TRIALGATE_LOG__LEVL") && line.contains("TRIALGATE_LOG__LEVEL"), "{line}");
    home.write("broken.toml", "[http\nlisten");
    assert_refused(&home, &["serve", "--config", "broken.toml"], &["broken.toml:1:", "not TOML"]).await;
}

#[tokio::test]
async fn serve_names_every_key_that_is_missing() {
    let home = Home::new();
    let says = ["`secrets.keys`", "trialgate secrets generate", "`sms.gateways`", "`mail.transport`"];
    assert_refused(&home, &["serve"], &says).await;
    home.write("trialgate.toml", SERVING.replace("sandbox.enabled = true", ""));
    assert_refused(&home, &["serve"], &["`sms.gateways`", "`mail.transport`", "`sandbox.enabled`"]).await;
    home.write("trialgate.toml", SERVING.replace("\"sandbox\"\n", "\"smtp\"\n"));
    assert_refused(&home, &["serve"], &["`mail.smtp_url`", "`mail.from`", "`portal.url`", "`support.contact`"]).await;
}

#[tokio::test]
async fn serve_wants_a_database_that_was_migrated() {
    let home = Home::new();
    home.write("trialgate.toml", SERVING);
    assert_refused(&home, &["serve"], &["there is no database at", "`trialgate migrate` creates it"]).await;
    for said in ["ran ", "is up to date"] {
        let ended = finish(home.command(&["migrate"])).await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert!(ended.stdout.contains(said), "{}", ended.stdout);
    }
    let service = Service::start(home.command(&["serve"])).await;
    let code = service.client().obtain_code(&Applicant::new(1)).await;
    assert_eq!(service.client().apply(&Applicant::new(1), &code).await.code(), "006", "no access codes were loaded");
    let ended = service.stop().await;
    assert_eq!(ended.code(), Some(0));
    assert!(ended.stderr.contains("`sandbox.enabled` is true"), "{}", ended.stderr);
}

#[tokio::test]
async fn wrong_usage_is_told() {
    let home = Home::new();
    for arguments in
        [&[][..], &["fly"], &["sandbox", "--listen", "nowhere"], &["quota", "set", "many"], &["serve", "x"]]
    {
        let ended = finish(home.command(arguments)).await;
        assert_eq!(ended.code(), Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stdout.is_empty() && ended.stderr.contains("--help"), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_second_start_goes_on_where_the_first_ended() {
    let home = Home::new();
    let (customer, applicant) = (Applicant::new(1), Applicant::new(2));
    let service = home.sandbox().await;
    let customers_code = service.client().obtain_code(&customer).await;
    assert_eq!(service.client().apply(&customer, &customers_code).await.code(), "000");
    let mail = service.client().mail_of(&customer).await;
    let code = service.client().obtain_code(&applicant).await;
    assert!(service.stdout().contains(&code), "captured messages are shown");
    let config = fs::read_to_string(home.config()).unwrap();
    assert_eq!(service.stop().await.code(), Some(0));

    let service = home.sandbox().await;
    assert_eq!(fs::read_to_string(home.config()).unwrap(), config);
    assert_eq!(service.client().mail_of(&customer).await.account(), mail.account());
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000", "a code sent before is still good");
    assert_eq!(service.client().apply(&customer, &customers_code).await.code(), "000");
    home.database().assert_keeps_exactly([&customer, &applicant]);
    let stock = home.ask_json(&["access-codes", "stock"]).await;
    assert_eq!(stock["stock"][0]["free"], 98, "the pool is filled once: {stock}");
}

#[tokio::test]
async fn the_sandbox_says_what_to_type_next() {
    let home = Home::new();
    let service = home.sandbox().await;
    let client = service.client();
    client.obtain_code(&Applicant::new(1)).await;
    let stdout = service.stdout();
    let base = format!("http://{}", service.address());
    for expected in [
        format!("curl -s {base}{} ", trialgate_tests::SEND_CODE_PATH),
        format!("curl -s {base}{} ", trialgate_tests::APPLY_PATH),
        format!("{base}/docs"),
        format!("--config {}", home.config().display()),
    ] {
        assert!(stdout.contains(&expected), "{expected} is not in {stdout}");
    }
    assert_eq!(client.get("/readyz").await["ready"], true);
    assert!(client.get("/openapi.json").await["paths"][trialgate_tests::APPLY_PATH].is_object());
}
