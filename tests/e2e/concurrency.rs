//! Two hundred at once, for the last ten.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use trialgate_tests::{Applicant, Client, Home, Service, until};

const APPLICANTS: u32 = 200;

/// Everyone's code, asked for by a few at a time.
async fn obtain_codes(service: &Service, applicants: &[Applicant]) -> Vec<(Applicant, String)> {
    let mut parts = JoinSet::new();
    for part in applicants.chunks(25) {
        let (client, part) = (service.client().clone(), part.to_vec());
        parts.spawn(async move {
            let mut with_codes = Vec::new();
            for applicant in part {
                let code = client.obtain_code(&applicant).await;
                with_codes.push((applicant, code));
            }
            with_codes
        });
    }
    parts.join_all().await.into_iter().flatten().collect()
}

/// Everyone applies at once, each on a connection of its own; who was told what.
async fn apply_at_once(service: &Service, applications: Vec<(Applicant, String)>) -> BTreeMap<String, Vec<Applicant>> {
    let mut applying = JoinSet::new();
    for (applicant, code) in applications {
        let client = Client::new(service.address());
        applying.spawn(async move {
            let reply = client.apply(&applicant, &code).await;
            (reply.code().to_owned(), applicant)
        });
    }
    let mut told: BTreeMap<String, Vec<Applicant>> = BTreeMap::new();
    for (code, applicant) in applying.join_all().await {
        told.entry(code).or_default().push(applicant);
    }
    told
}

fn counts(told: &BTreeMap<String, Vec<Applicant>>) -> Vec<(&str, usize)> {
    told.iter().map(|(code, applicants)| (code.as_str(), applicants.len())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_ten_pairs_go_to_exactly_ten() {
    let home = Home::new();
    let service = home.sandbox().await;
    let first: Vec<Applicant> = (0..90).map(|n| Applicant::new(1_000 + n)).collect();
    let first_told = apply_at_once(&service, obtain_codes(&service, &first).await).await;
    assert_eq!(counts(&first_told), [("000", 90)]);
    assert_eq!(home.database().count("access_codes WHERE state = 'free'"), 20);

    let everyone: Vec<Applicant> = (0..APPLICANTS).map(Applicant::new).collect();
    let applications = obtain_codes(&service, &everyone).await;
    let told = apply_at_once(&service, applications).await;
    assert_eq!(counts(&told), [("000", 10), ("006", 190)]);
    home.database().assert_keeps_exactly(first.iter().chain(&told["000"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_ten_units_go_to_exactly_ten() {
    let home = Home::new();
    let service = home.sandbox().await;
    let everyone: Vec<Applicant> = (0..APPLICANTS).map(Applicant::new).collect();
    let applications = obtain_codes(&service, &everyone).await;
    home.ask(&["quota", "set", "10"]).await;
    let told = apply_at_once(&service, applications).await;
    assert_eq!(counts(&told), [("000", 10), ("205", 190)]);
    home.database().assert_keeps_exactly(&told["000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_copies_are_one_application() {
    let home = Home::new();
    let service = home.sandbox().await;
    let applicant = Applicant::new(1);
    let code = service.client().obtain_code(&applicant).await;
    let copies = vec![(applicant.clone(), code); 200];
    let told = apply_at_once(&service, copies).await;
    assert_eq!(counts(&told), [("000", 200)]);
    home.database().assert_keeps_exactly([&applicant]);
    let sent = "SELECT count(*) AS number FROM mails WHERE state = 'sent'";
    until("the mail is settled", async || (home.database().number(sent) == 1).then_some(())).await;
    assert_eq!(service.client().mails_of(&applicant).await.len(), 1);
}
