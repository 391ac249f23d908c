//! The request to a provider, and the meaning of its answer.

use std::time::Duration;

use trial_core::bot_challenge::{BotChallengeVerdict, ProofRefusal};
use trial_core::ports::BotChallenge as _;
use trial_outbound::captcha::{CaptchaProvider, Siteverify, SiteverifySettings, UnusableSiteverify};

use super::provider::Provider;

fn settings(url: &str) -> SiteverifySettings {
    let secret = "s&cret".to_owned().into();
    SiteverifySettings { url: url.to_owned(), secret, timeout: Duration::from_secs(5) }
}

fn guard(provider: &Provider) -> Siteverify {
    Siteverify::new(settings(&provider.url)).unwrap()
}

fn codes(codes: &str) -> String {
    format!(r#"{{"success": false, "error-codes": [{codes}], "messages": []}}"#)
}

#[tokio::test]
async fn the_provider_is_asked_by_secret_and_proof_alone() {
    let provider = Provider::start().await;
    provider
        .answer("200 OK", r#"{"success": true, "challenge_ts": "2026-11-22T10:00:00Z", "hostname": "example.com"}"#);
    let guard = guard(&provider);
    assert_eq!(guard.challenge(), None);
    assert_eq!(guard.judge("a proof+&=").await.unwrap(), BotChallengeVerdict::Passed);
    let asked =
        [("secret", "s&cret"), ("response", "a proof+&=")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(provider.asked(), asked);
    assert_eq!(guard.judge("").await.unwrap(), BotChallengeVerdict::Refused(ProofRefusal::Missing));
    assert_eq!(provider.asked().len(), 2, "an empty proof is not sent");
}

#[tokio::test]
async fn faults_of_applicants_are_told_from_our_own() {
    let provider = Provider::start().await;
    let guard = guard(&provider);
    for (code, refusal) in [
        ("missing-input-response", ProofRefusal::Missing),
        ("invalid-input-response", ProofRefusal::Wrong),
        ("expired-input-response", ProofRefusal::Expired),
        ("timeout-or-duplicate", ProofRefusal::Used),
        ("already-seen-response", ProofRefusal::Used),
        ("invalid-or-already-seen-response", ProofRefusal::Used),
    ] {
        for status in ["200 OK", "400 Bad Request"] {
            provider.answer(status, &codes(&format!("{code:?}")));
            assert_eq!(guard.judge("proof").await.unwrap(), BotChallengeVerdict::Refused(refusal), "{code}");
            guard.check().await.unwrap();
        }
    }
    for (ours, said) in [
        (r#""invalid-input-secret""#, "invalid-input-secret"),
        (r#""invalid-input-response", "invalid-input-secret""#, "invalid-input-response, invalid-input-secret"),
        (r#""sitekey-secret-mismatch""#, "sitekey-secret-mismatch"),
        (r#""+8616673280001 <b>""#, "+*** <b>"),
        (r#""no cyZjcmV0, see https://x.example/?a""#, "no ***, see ***"),
        ("", ""),
    ] {
        provider.answer("200 OK", &codes(ours));
        let error = guard.judge("proof").await.unwrap_err().to_string();
        assert_eq!(error, format!("it refuses every proof: {said:?}"));
        assert!(guard.check().await.is_err());
    }
}

#[tokio::test]
async fn no_proof_passes_while_the_provider_cannot_be_understood() {
    let provider = Provider::start().await;
    let guard = guard(&provider);
    for (status, body) in [
        ("200 OK", "<html>"),
        ("200 OK", r#"{"success": "yes"}"#),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", ""),
        ("503 Busy", "later"),
        ("200 OK", &format!(r#"{{"success": true, "more": "{}"}}"#, "x".repeat(20_000))),
    ] {
        provider.answer(status, body);
        assert!(guard.judge("proof").await.is_err(), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_is_not_waited_for_long() {
    let provider = Provider::start().await;
    let error = guard(&provider).judge("proof").await.unwrap_err();
    assert_eq!(error.to_string(), "no answer within 5 s");
}

#[tokio::test]
async fn an_absent_provider_is_reported_without_its_address() {
    let error = Siteverify::new(settings("http://127.0.0.1:1/siteverify?key=secret")).unwrap().judge("proof").await;
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("no answer: ") && !error.contains("key"), "{error}");
}

#[test]
fn invalid_addresses_are_refused_and_secrets_are_hidden() {
    for url in ["", "here", "ftp://a/", "https://"] {
        assert!(matches!(Siteverify::new(settings(url)), Err(UnusableSiteverify::Url)), "{url}");
    }
    assert!(!format!("{:?}", settings("https://a/")).contains("s&cret"));
}

/// As in the providers' documents: the page permits the sources of the script.
#[test]
fn the_sources_of_a_widget_include_its_script() {
    for provider in [CaptchaProvider::Turnstile, CaptchaProvider::HCaptcha, CaptchaProvider::ReCaptcha] {
        let is_covered = provider.sources().iter().any(|source| match source.split_once("*.") {
            Some((_, domain)) => provider.script_url().contains(&format!(".{domain}/")),
            None => provider.script_url().starts_with(source),
        });
        assert!(is_covered, "{provider:?}");
        assert!(provider.verify_url().ends_with("/siteverify"));
        assert!(provider.field().starts_with(provider.class()));
    }
}
