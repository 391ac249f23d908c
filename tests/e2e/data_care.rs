//! Personal data, by the real binary: exported, erased, removed on expiry; and all of it, backed up and restored.

use serde_json::Value;
use trial_cluster::Cluster;
use trialgate_tests::{Applicant, Home, Service};

use super::databases::on_every_database;

on_every_database! {
    a_person_is_shown_and_forgotten_and_the_audit_stays,
}

/// Asks for a code, and mistypes it.
async fn visit(service: &Service, applicant: &Applicant) {
    let client = service.client();
    assert_eq!(client.send_code(applicant).await.code(), "200");
    assert_eq!(client.apply(applicant, "wrong").await.code(), "002");
}

async fn a_person_is_shown_and_forgotten_and_the_audit_stays(home: Home) {
    let service = home.start().await;
    let (visitor, customer) = (Applicant::new(1), Applicant::new(2));
    visit(&service, &visitor).await;
    let code = service.client().obtain_code(&customer).await;
    assert_eq!(service.client().apply(&customer, &code).await.code(), "000");
    let phone = visitor.e164();
    home.ask(&["phones", "unlock", &phone]).await;

    let shown: Value = serde_json::from_str(&home.ask(&["export", "--phone", &phone]).await).unwrap();
    for (table, rows) in [("applications", 1), ("audit", 1), ("challenges", 1), ("code_requests", 1), ("phones", 1)] {
        assert_eq!(shown[table].as_array().unwrap().len(), rows, "{shown}");
    }
    assert_eq!(shown["applications"][0]["phone"], phone);
    assert_eq!(shown["applications"][0]["refusal"]["tries_left"], 4, "{shown}");

    let would = home.ask(&["forget", "--phone", &phone]).await;
    assert!(would.starts_with("would be erased: applications 1"), "{would}");
    let done = home.ask_json(&["forget", "--phone", &phone, "--yes"]).await;
    assert_eq!((&done["done"], &done["rows"]["applications"]), (&true.into(), &1.into()));
    assert_eq!(home.ask(&["forget", "--phone", &phone]).await.trim(), "no data of this person");
    let found = home.ask(&["applications", "find", "--phone", &phone]).await;
    assert!(!found.contains("002"), "{found}");

    let mut command = home.command(&["forget", "--email", &customer.email, "--yes", "--config"]);
    command.arg(home.config());
    let refused = home.refused(command).await;
    assert!(refused.contains("a tenant in use; close it first"), "{refused}");
    let over = home.ask_json(&["retention", "run", "--dry-run"]).await;
    assert_eq!((&over["dryRun"], &over["removed"]["applications"]), (&true.into(), &0.into()));
    let over = home.ask(&["retention", "run"]).await;
    assert!(over.starts_with("removed: agreements 0, applications 0, challenges 0, code requests 0"), "{over}");
    let audit = home.database().lines("SELECT action || ' ' || subject AS line FROM audit WHERE actor LIKE 'cli:%'");
    assert!(audit.iter().any(|entry| entry.starts_with("phone.unlock person-")), "{audit:?}");
    assert!(audit.iter().any(|entry| entry.starts_with("person.forget person-")), "{audit:?}");
    assert!(audit.iter().all(|entry| !entry.contains(&phone)), "{audit:?}");
    let ended = service.stop().await;
    assert!(!ended.stderr.contains(&phone[3..]), "{}", ended.stderr);
}

#[tokio::test]
async fn a_copy_made_while_the_service_runs_is_served_from() {
    let home = Home::new();
    let service = home.sandbox().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000");
    let copy = home.path().join("copy.db");
    let said = home.ask(&["backup", copy.to_str().unwrap()]).await;
    assert!(said.contains("copy.db: ") && said.contains(" bytes, whole"), "{said}");
    let mut again = home.command(&["backup", copy.to_str().unwrap(), "--config"]);
    again.arg(home.config());
    assert!(home.refused(again).await.contains("exists already"));
    visit(&service, &Applicant::new(2)).await;
    service.kill().await;

    // The machine is lost; only the copy remains.
    for file in ["trialgate.db", "trialgate.db-wal", "trialgate.db-shm"] {
        let _ = std::fs::remove_file(home.data().join(file));
    }
    std::fs::copy(&copy, home.data().join("trialgate.db")).unwrap();
    let doctor = home.ask(&["doctor"]).await;
    assert!(doctor.contains("invariants"), "{doctor}");
    let service = home.sandbox().await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000", "the applicant is known");
    let stock = home.ask_json(&["access-codes", "stock"]).await;
    assert_eq!(stock["stock"][0]["leased"], 1, "{stock}");
    service.stop().await;
}

#[tokio::test]
async fn what_pg_dump_copied_is_restored_and_served_from() {
    let cluster = Cluster::start(&[]);
    let mut home = Home::on(&cluster).await;
    let service = home.start().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000");
    let mut backup = home.command(&["backup", "copy.db", "--config"]);
    backup.arg(home.config());
    assert!(home.refused(backup).await.contains("pg_dump"));
    let dump = home.path().join("trialgate.dump");
    let run = |program: &str, arguments: &[&str]| {
        let done = std::process::Command::new(cluster.program(program)).args(arguments).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let from = cluster.url(trialgate_tests::DATABASE);
    run("pg_dump", &["--format=custom", "--file", dump.to_str().unwrap(), &from]);
    service.stop().await;
    cluster.create_database("restored", None);
    let to = cluster.url("restored");
    run(
        "pg_restore",
        &["--exit-on-error", "--single-transaction", "--no-owner", "--dbname", &to, dump.to_str().unwrap()],
    );
    home.move_to(&cluster, &to);
    home.ask(&["doctor"]).await;
    let service = home.start().await;
    assert_eq!(service.client().apply(&applicant, &code).await.code(), "000", "the applicant is known");
    let another = Applicant::new(2);
    let code = service.client().obtain_code(&another).await;
    assert_eq!(service.client().apply(&another, &code).await.code(), "000", "and new applicants are accepted");
    service.stop().await;
}
