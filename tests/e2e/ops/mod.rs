//! Operators, and their interface.

mod interface;
mod people;
mod reads;
mod third_party;

use trialgate_tests::{Home, Service};

/// The token of a new operator.
async fn token(home: &Home, name: &str, role: &str) -> String {
    let added = home.ask_json(&["operators", "add", name, "--role", role]).await;
    added["token"].as_str().unwrap().to_owned()
}

fn url(service: &Service) -> String {
    format!("http://{}", service.address())
}
