//! Tests of the platform's settings: required keys and hidden secrets.

use trial_core::platform::EndpointId;

use super::{Case, KEY};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A configuration complete but for the platform.
fn with_platform(platform: &str) -> Case {
    Case::new(&format!(
        "mail.transport = \"sandbox\"\nsandbox.enabled = true\nsms.gateways = [\"sandbox\"]\n\
         secrets.keys = [{{ id = \"a\", key = \"{KEY}\" }}]\n{platform}"
    ))
}

#[test]
fn nobody_is_told_unless_a_platform_is_named() {
    let config =
        with_platform(&format!("platform.webhook = {{ url = \"https://a.example\", secrets = [\"{SECRET}\"] }}"));
    let config = config.config();
    assert!(config.serving().unwrap().platform.is_none());
    assert!(!config.policy.platform_listens);
}

#[test]
fn a_platform_is_told_by_what_is_given_here_or_in_files() {
    let url = "https://platform.example.com/hooks?token=hunter2";
    for case in [
        with_platform(&format!(
            "platform = {{ kind = \"webhook\", webhook = {{ url = \"{url}\", secrets = [\"{SECRET}\", \"{SECRET}\"] }} }}"
        )),
        with_platform(
            "platform = { kind = \"webhook\", webhook = { url_file = \"url\", secrets_file = \"secrets\" } }",
        )
        .with_file("url", &format!("{url}\n"))
        .with_file("secrets", &format!("{SECRET}\r\n\n{SECRET}\n")),
    ] {
        let config = case.config();
        assert!(config.policy.platform_listens);
        let setup = config.serving().unwrap().platform.unwrap();
        assert_eq!((setup.settings.url.as_str(), setup.settings.secrets.len()), (url, 2));
        assert_eq!(setup.endpoint, EndpointId::of_url(url));
        let shown = config.settings.to_toml().unwrap() + &format!("{config:?} {setup:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"),
            "{shown}"
        );
    }
}

#[test]
fn what_is_missing_or_no_secret_is_named() {
    for (webhook, message) in [
        ("{}", "`platform.webhook.url` is missing"),
        ("{ url = \"https://a.example\" }", "`platform.webhook.secrets` is missing"),
        (
            "{ url = \"https://a.example\", secrets = [\"hunter2\"] }",
            "`platform.webhook.secrets` [0]: must be `whsec_`",
        ),
        ("{ url = \"https://a.example\", secrets_file = \"absent\" }", "`platform.webhook.secrets_file`: cannot read"),
        (
            "{ url = \"http://a.example\", secrets = [\"SECRET\"] }",
            "`platform.webhook.url`: the address must begin with https",
        ),
        ("{ url = \"https://10.0.0.1\", secrets = [\"SECRET\"] }", "`platform.webhook.url`: the address is private"),
    ] {
        let webhook = webhook.replace("SECRET", SECRET);
        let case = with_platform(&format!("platform = {{ kind = \"webhook\", webhook = {webhook} }}"));
        let error = case.config().serving().unwrap_err().to_string();
        assert!(error.contains(message) && !error.contains("hunter2"), "{message}: {error}");
    }
}
