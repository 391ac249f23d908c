//! Databases that can be opened, and the errors of the others.

use trial_storage::{PostgresLedger, PostgresOpenError, PostgresOptions};

use super::server::Database;
use crate::migrations;

async fn refused(options: PostgresOptions) -> PostgresOpenError {
    PostgresLedger::open(options).await.err().expect("the database is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_from_many_places_at_once_is_done_once() {
    let database = Database::empty().await;
    assert!(matches!(refused(database.options()).await, PostgresOpenError::Pending { .. }));
    let all: Vec<_> = (0..8)
        .map(|_| {
            let options = database.options();
            tokio::spawn(async move { PostgresLedger::migrate(&options).await.unwrap().len() })
        })
        .collect();
    let mut run = 0;
    for migrated in all {
        run += migrated.await.unwrap();
    }
    assert_eq!(run, migrations());
    database.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_another_program_is_refused_and_left_alone() {
    let database = Database::empty().await;
    database.execute("CREATE TABLE theirs (id INTEGER)").await;
    assert!(matches!(refused(database.options()).await, PostgresOpenError::Foreign(_)));
    assert!(matches!(PostgresLedger::migrate(&database.options()).await, Err(PostgresOpenError::Foreign(_))));
    assert_eq!(database.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_and_older_databases_are_told_apart() {
    let database = Database::new().await;
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999')").await;
    let error = refused(database.options()).await;
    assert!(matches!(&error, PostgresOpenError::Newer { names, .. } if names == &["99999999999999"]), "{error}");
    assert!(matches!(PostgresLedger::migrate(&database.options()).await, Err(PostgresOpenError::Newer { .. })));
    database.execute("DELETE FROM __diesel_schema_migrations").await;
    let error = refused(database.options()).await;
    assert!(matches!(&error, PostgresOpenError::Pending { names, .. } if names.len() == migrations()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_under_transfer_is_not_served() {
    let database = Database::new().await;
    database.execute("INSERT INTO moving_in (since, source) VALUES (0, 'sqlite:old.db')").await;
    let error = refused(database.options()).await;
    assert!(matches!(&error, PostgresOpenError::MovingIn { from, .. } if from == "sqlite:old.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_errors_name_no_password() {
    let database = Database::empty().await;
    let (port, closed) = (database.server.port(), trial_cluster::free_port());
    for (url, reason) in [
        (format!("postgres://nobody:hunter2@127.0.0.1:{port}/postgres"), "nobody"),
        (format!("postgres://trialgate:hunter2@127.0.0.1:{port}/absent"), "absent"),
        (format!("postgres://trialgate:hunter2@127.0.0.1:{closed}/postgres"), "refused"),
        (format!("postgres://trialgate:hunter2@127.0.0.1:{port}/postgres?sslmode=verify-full"), "TLS"),
    ] {
        let error = refused(PostgresOptions::new(&url)).await;
        assert!(matches!(error, PostgresOpenError::Connect { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsafe_settings_of_the_server_are_reported() {
    // The shared server syncs nothing.
    let concerns = Database::new().await.open().await.concerns().await.unwrap();
    let grave: Vec<_> = concerns.iter().filter(|(is_grave, _)| *is_grave).map(|(_, said)| said.as_str()).collect();
    assert_eq!(grave.len(), 2, "{concerns:?}");
    assert!(grave.iter().any(|said| said.contains("`fsync`")), "{concerns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_servers_the_one_that_can_be_written_to_is_used() {
    let database = Database::new().await;
    let (port, closed) = (database.server.port(), trial_cluster::free_port());
    let url = format!("postgres://trialgate@127.0.0.1:{closed},127.0.0.1:{port}/{}", database.name);
    PostgresLedger::open(PostgresOptions::new(url)).await.unwrap();
    database.execute(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", database.name)).await;
    let error = refused(database.options()).await;
    assert!(matches!(error, PostgresOpenError::Connect { .. }), "{error}");
}
