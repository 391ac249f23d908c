//! Several instances are one service.

use trialgate_tests::{Applicant, Fleet, Home};

#[tokio::test]
async fn a_threshold_is_in_force_everywhere_at_once() {
    let fleet = Fleet::start(Home::shared().await.with_another(), &[]).await;
    let clients = fleet.doors().clients();
    let mut newcomers = (100..).map(Applicant::new);
    let mut customers = Vec::new();
    // An applicant at one instance has the code from the other.
    for (place, number) in [(0, 1), (1, 2)] {
        let (here, there, applicant) = (&clients[place], &clients[1 - place], Applicant::new(number));
        let code = there.obtain_code(&applicant).await;
        fleet.home(place).ask(&["quota", "set", &customers.len().to_string()]).await;
        for client in &clients {
            assert_eq!(client.send_code(&newcomers.next().unwrap()).await.code(), "205");
            assert_eq!(client.apply(&applicant, &code).await.code(), "205");
        }
        fleet.home(place).ask(&["quota", "set", &(customers.len() + 1).to_string()]).await;
        assert_eq!(here.send_code(&newcomers.next().unwrap()).await.code(), "200");
        assert_eq!(here.apply(&applicant, &code).await.code(), "000");
        customers.push(applicant);
        for client in &clients {
            assert_eq!(client.send_code(&newcomers.next().unwrap()).await.code(), "205", "the last one is gone");
        }
        fleet.home(place).ask(&["quota", "set", "1000"]).await;
    }
    fleet.home(0).database().assert_keeps_exactly(&customers);
}

#[tokio::test]
async fn what_one_instance_was_told_another_knows() {
    let fleet = Fleet::start(Home::shared().await.with_another(), &[]).await;
    let (one, other) = (fleet.doors().client(0), fleet.doors().client(1));
    let (applicant, guesser) = (Applicant::new(1), Applicant::new(2));
    let code = one.obtain_code(&applicant).await;
    assert_eq!(other.send_code(&applicant).await.code(), "201", "the interval is that of the phone");
    assert_eq!(other.apply(&applicant, &code).await.code(), "000");
    assert_eq!(one.apply(&applicant, &code).await.code(), "000", "the identical application again");
    let taken = Applicant { company: applicant.company.clone(), ..guesser.clone() };
    let code = other.obtain_code(&guesser).await;
    assert_eq!(one.apply(&taken, &code).await.code(), "004");
    for client in [&one, &other, &one, &other, &one] {
        assert_eq!(client.apply(&guesser, "wrong").await.code(), "002");
    }
    assert_eq!(other.apply(&guesser, &code).await.code(), "001", "it is spent by wrong attempts at either");
    fleet.home(0).database().assert_keeps_exactly([&applicant]);
}
