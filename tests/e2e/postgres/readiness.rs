//! While the server is gone, or does not answer: applications are refused in time, and `/readyz` reports it.

use rustix::process::Signal;
use trial_cluster::{Cluster, VOLATILE};
use trialgate_tests::{Applicant, Client, Home, until, within};

async fn until_ready(client: &Client, status: u16) {
    until("readiness changes", async || {
        let readiness = within("readiness is told", client.try_readiness()).await.unwrap();
        let storage =
            readiness.body["dependencies"].as_array().unwrap().iter().find(|it| it["name"] == "storage").unwrap();
        assert_eq!(readiness.body["ready"], readiness.status == 200, "{readiness:?}");
        assert_eq!(storage["ready"], readiness.status == 200, "{readiness:?}");
        (readiness.status == status).then_some(())
    })
    .await;
}

/// Nobody can apply, and every answer says so.
async fn assert_out_of_order(client: &Client, applicant: &Applicant, code: &str, newcomer: &Applicant) {
    until_ready(client, 503).await;
    let (applied, asked) = tokio::join!(
        within("an application is answered", client.apply(applicant, code)),
        within("a request for a code is answered", client.send_code(newcomer)),
    );
    assert!(["003", "005"].contains(&applied.code()), "{applied:?}");
    assert_eq!(applied.retry_after.is_some(), applied.code() == "005", "{applied:?}");
    assert_eq!(asked.code(), "202", "{asked:?}");
    assert_eq!(client.get("/healthz").await["status"], "ok", "the process itself is well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_the_server() {
    let mut cluster = Cluster::start(VOLATILE);
    let home = Home::on(&cluster).await;
    let service = home.start().await;
    let client = service.client();
    let mut applicants = (0..).map(Applicant::new);
    let mut kept = Vec::new();
    until_ready(client, 200).await;
    for how in [None, Some(Signal::INT), Some(Signal::QUIT), Some(Signal::KILL)] {
        let (applicant, newcomer) = (applicants.next().unwrap(), applicants.next().unwrap());
        let code = client.obtain_code(&applicant).await;
        match how {
            None => cluster.freeze(),
            Some(signal) => cluster.stop(signal),
        }
        assert_out_of_order(client, &applicant, &code, &newcomer).await;
        match how {
            None => cluster.thaw(),
            Some(_) => cluster.resume(),
        }
        until_ready(client, 200).await;
        assert_eq!(client.apply(&applicant, &code).await.code(), "000", "{how:?}");
        kept.push(applicant);
    }
    home.database().assert_keeps_exactly(&kept);
}
