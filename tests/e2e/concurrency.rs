//! Two hundred at once, for the last ten: at as many instances as a database can have.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use trialgate_tests::{Applicant, Fleet, Home, until};

use crate::databases::on_every_database;

const APPLICANTS: u32 = 200;

on_every_database!(
    the_last_ten_pairs_go_to_exactly_ten,
    the_last_ten_units_go_to_exactly_ten,
    two_hundred_copies_are_one_application,
);

/// The codes of all applicants, requested a few at a time.
pub(crate) async fn obtain_codes(fleet: &Fleet, applicants: &[Applicant]) -> Vec<(Applicant, String)> {
    let mut parts = JoinSet::new();
    for (part, client) in applicants.chunks(25).zip(fleet.doors().clients().into_iter().cycle()) {
        let part = part.to_vec();
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

/// All apply at once, each on a connection of its own; returns their answers.
pub(crate) async fn apply_at_once(
    fleet: &Fleet,
    applications: Vec<(Applicant, String)>,
) -> BTreeMap<String, Vec<Applicant>> {
    let mut applying = JoinSet::new();
    for ((applicant, code), client) in applications.into_iter().zip(fleet.doors().clients().into_iter().cycle()) {
        let client = client.another();
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

pub(crate) fn counts(told: &BTreeMap<String, Vec<Applicant>>) -> Vec<(&str, usize)> {
    told.iter().map(|(code, applicants)| (code.as_str(), applicants.len())).collect()
}

async fn the_last_ten_pairs_go_to_exactly_ten(home: Home) {
    let fleet = Fleet::start(home.with_another(), &[]).await;
    let mut database = fleet.home(0).database();
    let first: Vec<Applicant> = (0..90).map(|n| Applicant::new(1_000 + n)).collect();
    let first_told = apply_at_once(&fleet, obtain_codes(&fleet, &first).await).await;
    assert_eq!(counts(&first_told), [("000", 90)]);
    assert_eq!(database.count("access_codes WHERE state = 'free'"), 20);

    let everyone: Vec<Applicant> = (0..APPLICANTS).map(Applicant::new).collect();
    let applications = obtain_codes(&fleet, &everyone).await;
    let told = apply_at_once(&fleet, applications).await;
    assert_eq!(counts(&told), [("000", 10), ("006", 190)]);
    database.assert_keeps_exactly(first.iter().chain(&told["000"]));
}

async fn the_last_ten_units_go_to_exactly_ten(home: Home) {
    let fleet = Fleet::start(home.with_another(), &[]).await;
    let everyone: Vec<Applicant> = (0..APPLICANTS).map(Applicant::new).collect();
    let applications = obtain_codes(&fleet, &everyone).await;
    fleet.home(0).ask(&["quota", "set", "10"]).await;
    let told = apply_at_once(&fleet, applications).await;
    assert_eq!(counts(&told), [("000", 10), ("205", 190)]);
    fleet.home(0).database().assert_keeps_exactly(&told["000"]);
}

async fn two_hundred_copies_are_one_application(home: Home) {
    let fleet = Fleet::start(home.with_another(), &[]).await;
    let applicant = Applicant::new(1);
    let code = fleet.doors().client(0).obtain_code(&applicant).await;
    let copies = vec![(applicant.clone(), code); 200];
    let told = apply_at_once(&fleet, copies).await;
    assert_eq!(counts(&told), [("000", 200)]);
    let mut database = fleet.home(0).database();
    database.assert_keeps_exactly([&applicant]);
    let sent = "SELECT count(*) AS number FROM mails WHERE state = 'sent'";
    until("the mail is settled", async || (database.number(sent) == 1).then_some(())).await;
    let mut mails = Vec::new();
    for client in fleet.doors().clients() {
        mails.extend(client.mails_of(&applicant).await);
    }
    assert_eq!(mails.len(), 1);
}
