//! TLS: a certificate that is renewed during service, and the effect of a stop on connections of both protocols.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{ClientBuilder, Version};
use rustix::process::Signal;
use tokio::task::JoinSet;
use trialgate_tests::{Applicant, Client, Home, Identity, Service, until};

async fn sandbox(home: &Home, identity: &Identity) -> Service {
    home.sandbox_with(&[&identity.environment()[..], &[("TRIALGATE_LIMITS__SMS_PER_DAY", "1000000")]].concat()).await
}

fn http_1(builder: ClientBuilder) -> ClientBuilder {
    builder.http1_only()
}

async fn version(client: &Client) -> Version {
    client.try_get("/healthz").await.unwrap().version()
}

#[tokio::test]
async fn the_whole_way_is_gone_in_both_protocols() {
    let home = Home::new();
    let identity = Identity::make(&home);
    let service = sandbox(&home, &identity).await;
    let both = [identity.client(service.address(), |builder| builder), identity.client(service.address(), http_1)];
    assert_eq!((version(&both[0]).await, version(&both[1]).await), (Version::HTTP_2, Version::HTTP_11));
    for (number, client) in (1..).zip(&both) {
        let applicant = Applicant::new(number);
        let code = client.obtain_code(&applicant).await;
        assert_eq!(client.apply(&applicant, &code).await.code(), "000");
        let mail = client.mail_of(&applicant).await;
        assert!(mail.text.contains(&format!("https://{}/portal/", service.address())), "{}", mail.text);
    }
    // A client without TLS is disconnected, and nobody else notices.
    assert!(service.client().try_readiness().await.is_err());
    assert_eq!(both[0].try_get("/readyz").await.unwrap().status(), 200);
    assert_eq!(service.stop().await.code(), Some(0));
}

#[tokio::test]
async fn a_certificate_is_renewed_on_a_signal() {
    let home = Home::new();
    let old = Identity::make(&home);
    let service = sandbox(&home, &old).await;
    let (kept, also_kept) = (old.client(service.address(), |builder| builder), old.client(service.address(), http_1));
    assert_eq!((version(&kept).await, version(&also_kept).await), (Version::HTTP_2, Version::HTTP_11));

    let new = Identity::make(&home);
    service.signal(Signal::HUP);
    let renewed = until("the new certificate is shown", async || {
        let client = new.client(service.address(), |builder| builder);
        client.try_get("/healthz").await.is_ok().then_some(client)
    })
    .await;
    assert!(
        old.client(service.address(), |builder| builder).try_get("/healthz").await.is_err(),
        "it is no longer used"
    );
    // Their connections are from before.
    assert_eq!((version(&kept).await, version(&also_kept).await), (Version::HTTP_2, Version::HTTP_11));

    new.break_up();
    service.signal(Signal::HUP);
    until("the failure is counted", async || {
        let metrics = renewed.try_get("/metrics").await.unwrap().text().await.unwrap();
        assert!(metrics.contains("\ntrialgate_tls_certificate_not_after_seconds "), "{metrics}");
        metrics.contains("\ntrialgate_tls_renewal_failures_total 1\n").then_some(())
    })
    .await;
    assert_eq!(version(&new.client(service.address(), |builder| builder)).await, Version::HTTP_2);
    let ended = service.stop().await;
    assert_eq!(ended.code(), Some(0));
    assert!(ended.stderr.contains("the certificate cannot be reloaded"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_a_certificate_the_signal_changes_nothing() {
    let home = Home::new();
    let service = home.sandbox().await;
    service.signal(Signal::HUP);
    assert_eq!(service.client().get("/healthz").await["status"], "ok");
    assert_eq!(service.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_is_finished_in_both_protocols() {
    let home = Home::new();
    let identity = Identity::make(&home);
    let service = sandbox(&home, &identity).await;
    let answered = Arc::new(AtomicU32::new(0));
    let mut load = JoinSet::new();
    for number in 0..8 {
        let client = identity.client(service.address(), if number % 2 == 0 { http_1 } else { |builder| builder });
        let answered = Arc::clone(&answered);
        load.spawn(async move {
            // An error comes only after the end; a reply is complete.
            for applicant in (0..).map(|place| Applicant::new(number + 8 * place)) {
                let Ok(reply) = client.try_send_code(&applicant).await else { return };
                assert_eq!(reply.code(), "200");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let idle = identity.client(service.address(), |builder| builder);
    assert_eq!(version(&idle).await, Version::HTTP_2);
    until("the load is on", async || (answered.load(Ordering::Relaxed) >= 100).then_some(())).await;
    // An idle connection of HTTP/2 does not hold up the end, for which the service is waited for.
    let ended = service.stop().await;
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    load.join_all().await;
}
