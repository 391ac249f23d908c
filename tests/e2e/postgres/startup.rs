//! Starting on a server: errors are one line that says what to do, without a password.

use rustix::process::Signal;
use trial_cluster::{Cluster, USER, VOLATILE, free_port};
use trialgate_tests::{Applicant, DATABASE, Database, Home, Service};

/// The single error line of `serve`, and of `migrate` if that cannot help, which must contain all of these.
async fn assert_refused(home: &Home, commands: &[&str], says: &[&str]) {
    for command in commands {
        let line = home.refused(home.command(&[command, "--config", home.config().to_str().unwrap()])).await;
        for expected in says {
            assert!(line.contains(expected), "{command}: {expected:?} is not in {line}");
        }
    }
}

/// A home whose service finds a database by this URL, and nothing else of the server.
fn home_at(cluster: &Cluster, place: &str) -> Home {
    Home::beside(cluster, &format!("postgres://{place}?sslmode=disable"))
}

/// Creates a user with this password, unlike ours.
fn create_user(cluster: &Cluster, name: &str, password: &str) {
    let rules = format!("('host all {name} 127.0.0.1/32 scram-sha-256'), ('host all {USER} 127.0.0.1/32 trust')");
    let file = cluster.execute("postgres", "SHOW hba_file");
    cluster.execute("postgres", &format!("COPY (VALUES {rules}) TO '{}'", file.trim()));
    let password = password.replace('\'', "''");
    cluster.execute("postgres", &format!("CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{password}'"));
    cluster.execute("postgres", "SELECT pg_reload_conf()");
}

#[tokio::test]
async fn two_processes_migrate_at_once() {
    let homes = Home::shared_empty().await.with_another();
    let (one, other) = tokio::join!(homes[0].ask(&["migrate"]), homes[1].ask(&["migrate"]));
    let ran = [&one, &other].map(|said| (said.contains("ran "), said.contains("is up to date")));
    assert!([[(true, false), (false, true)], [(false, true), (true, false)]].contains(&ran), "{one}{other}");
    let service = homes[0].start().await;
    let code = service.client().obtain_code(&Applicant::new(1)).await;
    assert_eq!(service.client().apply(&Applicant::new(1), &code).await.code(), "006", "no access codes were loaded");
}

#[tokio::test]
async fn a_database_that_is_not_migrated_not_ours_or_newer_is_told() {
    let home = Home::shared_empty().await;
    let mut database = home.database();
    let name = home.scratch().name();
    let place = format!("127.0.0.1:{}", home.scratch().server().port());
    assert_refused(&home, &["serve"], &[name, &place, "`trialgate migrate`"]).await;

    database.execute("CREATE TABLE songs (title TEXT)");
    assert_refused(&home, &["serve", "migrate"], &[name, &place, "another program", "`storage.url`"]).await;
    database.execute("DROP TABLE songs");

    home.ask(&["migrate"]).await;
    database.execute("INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('99991231235959', now())");
    assert_refused(&home, &["serve", "migrate"], &[name, &place, "a newer release", "99991231235959"]).await;
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '99991231235959'");
    assert_eq!(home.start().await.stop().await.code(), Some(0), "nothing was changed by any of this");
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_and_its_password_is_not() {
    let cluster = Cluster::start(VOLATILE);
    cluster.create_database(DATABASE, None);
    create_user(&cluster, "guest", "right");
    let here = format!("127.0.0.1:{}", cluster.port());
    let nobody = format!("127.0.0.1:{}", free_port());
    let frozen = Cluster::start(VOLATILE);
    frozen.freeze();
    for (place, says) in [
        (format!("guest:hunter2secret@{here}/{DATABASE}"), &[here.as_str(), DATABASE, "password", "`storage.url`"][..]),
        (format!("guest:hunter2secret@{here}/nowhere"), &[&here, "nowhere", "password"]),
        (format!("guest:right@{here}/nowhere"), &[&here, "nowhere", "does not exist"]),
        (format!("somebody:hunter2secret@{here}/{DATABASE}"), &[&here, "somebody"]),
        (format!("guest:hunter2secret@{nobody}/{DATABASE}"), &[&nobody, "refused", "`storage.url`"]),
        (format!("guest:hunter2secret@nowhere.invalid/{DATABASE}"), &["nowhere.invalid"]),
        (format!("{USER}:hunter2secret@127.0.0.1:{}/postgres", frozen.port()), &["does not answer"]),
    ] {
        let home = home_at(&cluster, &place);
        for command in ["serve", "migrate", "doctor"] {
            let ended = home.run(&[command]).await;
            assert_eq!(ended.code(), Some(1), "{command} {place}: {ended:?}");
            let said = ended.stdout + &ended.stderr;
            assert!(!said.contains("hunter2secret"), "{command} {place}: {said}");
            assert!(
                says.iter().all(|expected| said.contains(expected)),
                "{command} {place}: {says:?} is not in {said}"
            );
        }
        assert_refused(&home, &["serve", "migrate"], says).await;
    }
}

#[tokio::test]
async fn no_output_and_no_log_says_the_password() {
    let cluster = Cluster::start(&[]);
    cluster.create_database(DATABASE, None);
    create_user(&cluster, "guest", "corr@ct horse's");
    let spellings = ["corr%40ct%20horse%27s", "corr@ct horse's", "corr@ct"];
    let home = home_at(&cluster, &format!("guest:{}@127.0.0.1:{}/{DATABASE}", spellings[0], cluster.port()));
    home.write("pair.csv", "kind,code\nvoice,95001\nmultimedia,web-1\n");
    let mut said = String::new();
    for command in [
        &["migrate"][..],
        &["migrate"],
        &["access-codes", "import", "pair.csv"],
        &["config", "show"],
        &["doctor"],
        &["access-codes", "stock"],
        &["quota", "set", "7"],
        &["quota", "show", "--json"],
    ] {
        let mut command = home.command(command);
        command.arg("--config").arg(home.config()).env("TRIALGATE_LOG__LEVEL", "trace");
        let shown = format!("{command:?}");
        let ended = trialgate_tests::finish(command).await;
        assert_eq!(ended.code(), Some(0), "{shown}: {ended:?}");
        said += &(ended.stdout + &ended.stderr);
    }
    let mut command = home.serve_command();
    command.env("TRIALGATE_LOG__LEVEL", "trace");
    let mut service = Service::start(command).await;
    service.client().obtain_code(&Applicant::new(1)).await;
    let backend = cluster.backends()[0];
    cluster.kill_backend(backend);
    service.client().try_send_code(&Applicant::new(2)).await.unwrap();
    assert!(service.is_running());
    service.signal(Signal::TERM);
    let ended = service.ended().await;
    said += &(ended.stdout + &ended.stderr);
    assert!(said.lines().count() > 50, "a trace says more than {said}");
    for spelling in spellings {
        let found: Vec<&str> = said.lines().filter(|line| line.contains(spelling)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[tokio::test]
async fn a_server_that_comes_after_the_first_of_the_url_is_found() {
    let mut cluster = Cluster::start(VOLATILE);
    cluster.create_database(DATABASE, None);
    let standby = cluster.standby("follower", &[]);
    let places = format!("127.0.0.1:{},127.0.0.1:{},127.0.0.1:{}", free_port(), standby.port(), cluster.port());
    let home = home_at(&cluster, &format!("{USER}@{places}/{DATABASE}"));
    home.ask(&["migrate"]).await;
    let service = home.start().await;
    service.client().obtain_code(&Applicant::new(1)).await;
    assert_eq!(Database::on(&cluster, DATABASE).count("challenges"), 1);
    cluster.stop(Signal::INT);
    assert_refused(&home, &["serve"], &["`storage.url`"]).await;
}
