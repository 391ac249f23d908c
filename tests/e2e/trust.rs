//! The claims of a request that the service believes, and the paths that each listener serves.

use std::net::{SocketAddr, TcpListener};

use reqwest::redirect::Policy;
use reqwest::{Client as Http, Response};
use trialgate_tests::{Client, Home, Service, until};

/// An operator signs in by a browser with these headers.
async fn sign_in(service: &Service, token: &str, claims: &[(&str, &str)]) -> Response {
    let http = Http::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let form = http.post(format!("http://{}/console/sign-in", service.address()));
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(format!("token={token}"));
    claims.iter().fold(form, |form, (name, value)| form.header(*name, *value)).send().await.unwrap()
}

async fn operator(home: &Home) -> String {
    let added = home.ask_json(&["operators", "add", "ada", "--role", "viewer"]).await;
    added["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn browsers_are_known_by_the_configuration_alone() {
    let home = Home::new();
    let service = home.sandbox().await;
    let token = operator(&home).await;
    let claims = [("host", "trial.example.com"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "a.example")];
    let cookie = sign_in(&service, &token, &claims).await.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("trialgate_session=") && !cookie.contains("Secure"), "{cookie}");
    let doctor = home.ask(&["doctor"]).await;
    assert!(doctor.contains("neither `http.tls` nor `http.public_url` is set"), "{doctor}");
    assert_eq!(service.stop().await.code(), Some(0));

    let behind_a_proxy = [("TRIALGATE_HTTP__PUBLIC_URL", "https://trial.example.com")];
    let service = home.sandbox_with(&behind_a_proxy).await;
    // As in the default upstream of nginx, and from an attacker.
    for claims in [
        [("host", "127.0.0.1"), ("x-forwarded-proto", "http"), ("x-forwarded-host", "localhost")],
        [("host", "localhost:8080"), ("forwarded", "host=127.0.0.1;proto=http"), ("sec-fetch-site", "same-origin")],
    ] {
        let entered = sign_in(&service, &token, &claims).await;
        assert_eq!(entered.status(), 303);
        let cookie = entered.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("__Host-trialgate_session=") && cookie.contains("; Secure"), "{cookie}");
    }
    let foreign =
        sign_in(&service, &token, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]).await;
    assert_eq!((foreign.status().as_u16(), foreign.headers().get("set-cookie")), (403, None));
    let mut doctor = home.command(&["doctor", "--config"]);
    doctor.arg(home.config()).envs(behind_a_proxy);
    let doctor = trialgate_tests::finish(doctor).await;
    assert!(doctor.stdout.contains("TLS is off here; a proxy provides it (`http.public_url`)"), "{doctor:?}");
    assert_eq!(service.stop().await.code(), Some(0));

    let served = Service::start(home.serve_command()).await.stop().await;
    assert!(served.stderr.contains("neither `http.tls` nor `http.public_url` is set"), "{served:?}");
}

#[tokio::test]
async fn administrators_have_an_address_of_their_own() {
    let home = Home::new();
    let (service, own) = (home.sandbox().await, [("TRIALGATE_HTTP__ADMIN_LISTEN", "127.0.0.1:0")]);
    assert_eq!(service.client().try_get("/metrics").await.unwrap().status(), 200, "where there is one address");
    assert_eq!(service.stop().await.code(), Some(0));
    let mut command = home.serve_command();
    command.envs(own);
    let service = Service::start(command).await;
    let admin: SocketAddr = until("the other address is told", async || {
        let line = service
            .stdout()
            .lines()
            .find_map(|line| line.strip_prefix("/metrics, /docs and /openapi.json on http://").map(str::to_owned));
        line.map(|address| address.parse().unwrap())
    })
    .await;
    for path in ["/metrics", "/docs/", "/openapi.json", "/ops/openapi.json"] {
        let served = Client::new(admin).try_get(path).await.unwrap();
        let refused = service.client().try_get(path).await.unwrap();
        assert_eq!((served.status().as_u16(), refused.status().as_u16()), (200, 404), "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(Client::new(admin).try_get(path).await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(Client::new(admin).try_get("/console/sign-in").await.unwrap().status(), 404);
    assert_eq!(service.stop().await.code(), Some(0));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = home.serve_command();
    command.env("TRIALGATE_HTTP__ADMIN_LISTEN", taken.local_addr().unwrap().to_string());
    let line = home.refused(command).await;
    assert!(line.contains("another program uses this port") && line.contains("`http.admin_listen`"), "{line}");
}
