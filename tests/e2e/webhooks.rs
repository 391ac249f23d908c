//! Tenant events by the real binary: repeated until the platform accepts them, none after a 410, signed by two keys
//! during a rotation, and replayed on an operator's request.

use trialgate_tests::{Applicant, Arrived, Home, Receiver, Service, until};

const OLD: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const NEW: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// A home, and additional environment for its service and its commands.
struct Told {
    home: Home,
    environment: Vec<(&'static str, String)>,
}

impl Told {
    async fn start(&self) -> Service {
        let environment: Vec<_> = self.environment.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.home.sandbox_with(&environment).await
    }

    /// Runs `webhooks …` beside the service; returns exit status and output.
    async fn webhooks(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.home.command(&[&["webhooks"], arguments].concat());
        command.arg("--config").arg(self.home.config()).envs(self.environment.iter().cloned());
        let ended = trialgate_tests::finish(command).await;
        (ended.code(), ended.stdout + &ended.stderr)
    }

    async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let (code, said) = self.webhooks(&[arguments, &["--json"]].concat()).await;
        assert_eq!(code, Some(0), "{said}");
        serde_json::from_str(&said).unwrap()
    }
}

async fn join(service: &Service, n: u32) {
    let applicant = Applicant::new(n);
    let client = service.client();
    let code = client.obtain_code(&applicant).await;
    assert_eq!(client.apply(&applicant, &code).await.code(), "000");
}

async fn arrived(receiver: &Receiver, events: usize) -> Vec<Arrived> {
    until("the events arrive", async || {
        let arrived = receiver.arrived();
        (arrived.len() >= events).then_some(arrived)
    })
    .await
}

async fn readiness(service: &Service) -> serde_json::Value {
    let readiness = service.client().get("/readyz").await;
    readiness["dependencies"].as_array().unwrap().iter().find(|it| it["name"] == "platform").unwrap().clone()
}

#[tokio::test]
async fn an_event_is_told_until_it_is_taken_and_again_when_an_operator_wants_it() {
    let receiver = Receiver::start("500 Oops").await;
    let mut told = Told { home: Home::new(), environment: receiver.environment(&[OLD]) };
    let service = told.start().await;
    join(&service, 1).await;
    let first = arrived(&receiver, 1).await.remove(0);
    let event = first.event();
    assert_eq!((&event["type"], &event["data"]["status"]), (&"tenant.trial_started".into(), &"trial".into()));
    assert_eq!(event["data"]["phone"], Applicant::new(1).e164());
    until("readiness names the platform", async || {
        let platform = readiness(&service).await;
        (platform["ready"] == false).then_some(())
    })
    .await;
    receiver.answer("204 No Content");
    let second = arrived(&receiver, 2).await.remove(1);
    assert_eq!((second.id(), &second.body), (first.id(), &first.body), "the same event, 5 s later");
    assert_ne!(second.headers["webhook-timestamp"], first.headers["webhook-timestamp"]);
    assert_eq!(second.signatures().len(), 1);
    let list = until("the event is settled", async || {
        let list = told.json(&["list", "--state", "sent"]).await;
        (list["items"].as_array().unwrap().len() == 1).then_some(list)
    })
    .await;
    assert_eq!((&list["items"][0]["id"], &list["items"][0]["attempts"]), (&first.id().into(), &2.into()));
    let shown = told.json(&["show", first.id()]).await;
    assert_eq!((&shown["payload"], &shown["lastReply"]), (&event, &"status 204".into()));

    // The keys rotate: the new one signs first, the old one still does.
    service.stop().await;
    told.environment = receiver.environment(&[NEW, OLD]);
    let service = told.start().await;
    let (code, said) = told.webhooks(&["replay", first.id()]).await;
    assert_eq!((code, said.trim()), (Some(0), format!("event {} is due now", first.id()).as_str()));
    let third = arrived(&receiver, 3).await.remove(2);
    assert_eq!((third.id(), &third.body), (first.id(), &first.body));
    assert_eq!(third.signatures().len(), 2);
    let (code, said) = told.webhooks(&["replay", "019aa6f2-7c3e-7f00-8000-000000000000"]).await;
    assert!(code == Some(1) && said.contains("there is no event"), "{said}");
    let (code, said) = told.webhooks(&["test"]).await;
    assert!(code == Some(0) && said.contains("status 204"), "{said}");
    assert_eq!(arrived(&receiver, 4).await[3].event()["type"], "trialgate.test");
    let ended = service.stop().await;
    for secret in [OLD, NEW, &Applicant::new(1).e164()[3..], "/hooks"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn who_answers_410_is_left_alone_until_an_operator_enables_it() {
    let receiver = Receiver::start("410 Gone").await;
    let told = Told { home: Home::new(), environment: receiver.environment(&[OLD]) };
    let service = told.start().await;
    join(&service, 1).await;
    let gone = arrived(&receiver, 1).await.remove(0);
    receiver.answer("200 OK");
    service.stop().await;

    // The disabled endpoint outlives the process, and later events wait.
    let service = told.start().await;
    join(&service, 2).await;
    until("readiness names the platform", async || {
        let platform = readiness(&service).await;
        platform["problem"].as_str().is_some_and(|problem| problem.contains("webhooks enable")).then_some(())
    })
    .await;
    assert_eq!(receiver.arrived().len(), 1);
    let mut doctor = told.home.command(&["doctor", "--config"]);
    doctor.arg(told.home.config()).envs(told.environment.iter().cloned());
    let doctor = trialgate_tests::finish(doctor).await;
    assert!(doctor.stdout.contains("platform") && doctor.stdout.contains("disabled since"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("events waiting: 2"), "{}", doctor.stdout);

    let (code, said) = told.webhooks(&["enable"]).await;
    assert_eq!((code, said.trim()), (Some(0), "the endpoint is enabled"));
    let events = arrived(&receiver, 3).await;
    assert!(events[1..].iter().any(|event| event.id() == gone.id()), "nothing is lost");
    let (_, said) = told.webhooks(&["enable"]).await;
    assert_eq!(said.trim(), "the endpoint was not disabled");
    service.stop().await;
}

#[tokio::test]
async fn a_private_address_is_refused_at_the_start_and_nobody_is_told_by_default() {
    let receiver = Receiver::start("200 OK").await;
    let home = Home::new();
    let service = home.sandbox().await;
    join(&service, 1).await;
    let list = home.ask_json(&["webhooks", "list"]).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 0, "local: nothing is kept for anybody");
    let mut command = home.command(&["webhooks", "test", "--config"]);
    command.arg(home.config());
    let refused = home.refused(command).await;
    assert!(refused.contains("`platform.kind` is \"local\""), "{refused}");
    service.stop().await;

    let mut command = home.sandbox_command();
    command.envs(receiver.environment(&[OLD])).env("TRIALGATE_PLATFORM__WEBHOOK__ALLOW_PRIVATE_ADDRESSES", "false");
    let refused = home.refused(command).await;
    assert!(refused.contains("platform.webhook.allow_private_addresses"), "{refused}");
    assert_eq!(receiver.arrived().len(), 0);
}
