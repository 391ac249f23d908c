//! Checking a proof at the CAPTCHA provider.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::Deserialize;
use trial_core::bot_challenge::{BotChallengeUnusable, BotChallengeVerdict, ProofRefusal};
use trial_core::ports::BotChallenge;
use trial_core::privacy::Redaction;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

/// The longest time of a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// The time that an idle connection is kept.
const IDLE: Duration = Duration::from_secs(10);
/// The part of an answer that is read, in bytes; each provider's has some hundred.
const MAX_ANSWER: usize = 16 * 1024;
/// Never a widget's proof: a provider that knows the secret answers that it is wrong.
const NO_PROOF: &str = "trialgate-doctor";

/// The parameters of requests to the provider.
#[derive(Clone)]
pub struct SiteverifySettings {
    /// The address: `https://…`, or `http://…` on trusted networks.
    pub url: String,
    /// The secret of the site.
    pub secret: Zeroizing<String>,
    /// The longest wait for an answer.
    pub timeout: Duration,
}

/// Hides the secret.
impl fmt::Debug for SiteverifySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteverifySettings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The reason why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableSiteverify {
    /// The address is none of a web server.
    #[error("the address must begin with https:// or http:// and name a host")]
    Url,
    /// TLS cannot be used.
    #[error("TLS cannot be used")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be created.
    #[error("the HTTP client cannot be created")]
    Client(#[source] reqwest::Error),
}

/// Has a provider check proofs. The applicant's address is not sent: providers do not need it.
pub struct Siteverify {
    client: Client,
    url: Url,
    secret: Zeroizing<String>,
    timeout: Duration,
}

/// The relevant part of a provider's answer.
#[derive(Deserialize)]
struct Answer {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

impl Siteverify {
    /// A bot challenge by these settings.
    ///
    /// # Errors
    /// The address is none, or TLS cannot be used.
    pub fn new(settings: SiteverifySettings) -> Result<Self, UnusableSiteverify> {
        let SiteverifySettings { url, secret, timeout } = settings;
        let url = Url::parse(&url).map_err(|_| UnusableSiteverify::Url)?;
        if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
            return Err(UnusableSiteverify::Url);
        }
        let client = Client::builder()
            .tls_backend_preconfigured(
                trial_tls::client_config(url.scheme() == "https").map_err(UnusableSiteverify::Tls)?,
            )
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(UnusableSiteverify::Client)?;
        Ok(Self { client, url, secret, timeout })
    }

    async fn ask(&self, proof: &str) -> Result<Answer, BotChallengeUnusable> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("secret", &self.secret)
            .append_pair("response", proof)
            .finish();
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(body).send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        // Some report the fault with an error status.
        let answer = self.read(response).await?;
        serde_json::from_slice(&answer).map_err(|_| {
            BotChallengeUnusable::Judge(format!("status {}, and the answer cannot be understood", status.as_u16()))
        })
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, BotChallengeUnusable> {
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if answer.len() + chunk.len() > MAX_ANSWER {
                return Err(BotChallengeUnusable::Judge("the answer is too long".to_owned()));
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// The error's own text contains the address: only its innermost cause is given.
    fn lost(&self, error: &reqwest::Error) -> BotChallengeUnusable {
        if error.is_timeout() {
            return BotChallengeUnusable::Judge(format!("no answer within {} s", self.timeout.as_secs()));
        }
        let mut cause: &dyn Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        BotChallengeUnusable::Judge(format!("no answer: {}", self.redaction().redact(&cause.to_string())))
    }

    fn redaction(&self) -> Redaction {
        Redaction::default().secret(&self.secret).numbers()
    }
}

#[async_trait]
impl BotChallenge for Siteverify {
    /// The widget asks the provider.
    fn challenge(&self) -> Option<String> {
        None
    }

    async fn judge(&self, proof: &str) -> Result<BotChallengeVerdict, BotChallengeUnusable> {
        if proof.is_empty() {
            return Ok(BotChallengeVerdict::Refused(ProofRefusal::Missing));
        }
        self.ask(proof).await?.verdict(&self.redaction().secret(proof))
    }

    /// Checks that the provider knows the secret.
    async fn check(&self) -> Result<(), BotChallengeUnusable> {
        self.ask(NO_PROOF).await?.verdict(&self.redaction()).map(|_| ())
    }
}

impl Answer {
    /// The codes are common to the providers; one that is not the applicant's fault is ours.
    fn verdict(&self, redaction: &Redaction) -> Result<BotChallengeVerdict, BotChallengeUnusable> {
        if self.success {
            return Ok(BotChallengeVerdict::Passed);
        }
        let refusals: Option<Vec<_>> = self.error_codes.iter().map(|code| refusal(code)).collect();
        let codes = || redaction.redact(&self.error_codes.join(", "));
        refusals
            .and_then(|refusals| refusals.first().copied())
            .map(BotChallengeVerdict::Refused)
            .ok_or_else(|| BotChallengeUnusable::Judge(format!("it refuses every proof: {:?}", codes())))
    }
}

fn refusal(code: &str) -> Option<ProofRefusal> {
    match code {
        "missing-input-response" => Some(ProofRefusal::Missing),
        "invalid-input-response" => Some(ProofRefusal::Wrong),
        "expired-input-response" => Some(ProofRefusal::Expired),
        "timeout-or-duplicate" | "already-seen-response" | "invalid-or-already-seen-response" => {
            Some(ProofRefusal::Used)
        }
        _ => None,
    }
}
