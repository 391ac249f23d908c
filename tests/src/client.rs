//! An HTTP client of the service.

use std::net::SocketAddr;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

use crate::{Applicant, Mail, Secret, note, until};

/// The path that sends a code.
pub const SEND_CODE_PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode";
/// The path that applies for a trial.
pub const APPLY_PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/applyTenant";
/// The path that queries a trial.
pub const QUERY_TENANT_PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/queryTenant";

/// A website that calls the service: in English by default.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// A reply, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// `X-Request-Id`.
    pub request_id: String,
    /// The body.
    pub body: Value,
}

/// A captured message.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Message {
    /// A short message.
    Sms {
        /// The recipient.
        to: String,
        /// The text.
        text: String,
        /// The code in it.
        code: String,
        /// The time of capture.
        at: String,
    },
    /// A mail.
    Mail(Mail),
}

#[derive(Deserialize)]
struct Messages {
    messages: Vec<Message>,
}

impl Client {
    /// A client of the service at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self::at(format!("http://{address}"))
    }

    /// A client of the same service, on connections of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::at(self.base.clone())
    }

    fn at(base: String) -> Self {
        // A proxy of the environment cannot reach processes of ours. Another crate may enable TLS in reqwest, which
        // then needs a provider even for plain HTTP. An existing one will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { http: reqwest::Client::builder().no_proxy().build().unwrap(), base }
    }

    /// A client over this connection pool, at this base address.
    pub(crate) fn over(http: reqwest::Client, base: String) -> Self {
        Self { http, base }
    }

    /// Gets any path.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn try_get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        self.http.get(self.base.clone() + path).send().await
    }

    /// A request that can be added to.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(self.base.clone() + path).json(body)
    }

    /// Posts a form, as providers of short messages do; returns the status and seconds of `Retry-After`.
    pub async fn tell(&self, path: &str, form: &'static str) -> (u16, Option<u64>) {
        let request = self.http.post(self.base.clone() + path).body(form);
        let told = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").send().await.unwrap();
        let wait = told.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap().parse().unwrap());
        (told.status().as_u16(), wait)
    }

    /// Gets a body as JSON.
    pub async fn get(&self, path: &str) -> Value {
        let reply = self.http.get(self.base.clone() + path).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
        reply.json().await.unwrap()
    }

    /// Asks for readiness.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn try_readiness(&self) -> reqwest::Result<Reply> {
        Reply::to(self.http.get(self.base.clone() + "/readyz")).await
    }

    /// Asks for a code.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn try_send_code(&self, applicant: &Applicant) -> reqwest::Result<Reply> {
        Reply::to(self.post(SEND_CODE_PATH, &applicant.code_request()).header(ACCEPT_LANGUAGE, "en")).await
    }

    /// Applies.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn try_apply(&self, applicant: &Applicant, code: &str) -> reqwest::Result<Reply> {
        Reply::to(self.post(APPLY_PATH, &applicant.application(code)).header(ACCEPT_LANGUAGE, "en")).await
    }

    /// Asks for a code.
    pub async fn send_code(&self, applicant: &Applicant) -> Reply {
        self.try_send_code(applicant).await.expect("a request for a code is answered")
    }

    /// Applies.
    pub async fn apply(&self, applicant: &Applicant, code: &str) -> Reply {
        self.try_apply(applicant, code).await.expect("an application is answered")
    }

    /// Asks for a code, which is sent, and reads it.
    pub async fn obtain_code(&self, applicant: &Applicant) -> String {
        let reply = self.send_code(applicant).await;
        assert_eq!(reply.code(), "200", "{reply:?}");
        self.code_of(applicant).await.expect("the message is captured")
    }

    /// The code of the newest message to an applicant.
    pub async fn code_of(&self, applicant: &Applicant) -> Option<String> {
        self.try_code_of(applicant).await.expect("messages are listed")
    }

    /// The code of the newest message to an applicant.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn try_code_of(&self, applicant: &Applicant) -> reqwest::Result<Option<String>> {
        let newest = self.messages(&format!("channel=sms&limit=1&to={}", applicant.phone)).await?;
        Ok(newest.into_iter().find_map(|message| match message {
            Message::Sms { code, .. } => {
                note(Secret::Code, &code);
                Some(code)
            }
            Message::Mail(_) => None,
        }))
    }

    /// Captured messages by these filters, the newest first.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn messages(&self, filters: &str) -> reqwest::Result<Vec<Message>> {
        let listed = self.http.get(format!("{}/sandbox/messages?{filters}", self.base)).send().await?;
        Ok(listed.error_for_status()?.json::<Messages>().await?.messages)
    }

    /// The mails to an applicant that were captured so far.
    pub async fn mails_of(&self, applicant: &Applicant) -> Vec<Mail> {
        let mails = self.messages(&format!("channel=mail&to={}", applicant.email)).await;
        let mail = |message| match message {
            Message::Mail(mail) => Some(mail),
            Message::Sms { .. } => None,
        };
        mails.expect("messages are listed").into_iter().filter_map(mail).collect()
    }

    /// The one mail to an applicant, once it is captured.
    pub async fn mail_of(&self, applicant: &Applicant) -> Mail {
        let mut mails = until("the mail is captured", async || {
            let mails = self.mails_of(applicant).await;
            (!mails.is_empty()).then_some(mails)
        })
        .await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    /// Sets these faults of the captured gateway and mail server, and clears all others.
    pub async fn set_faults(&self, faults: Value) {
        let reply = self.http.put(format!("{}/sandbox/faults", self.base)).json(&faults).send().await.unwrap();
        assert_eq!(reply.status(), 200);
    }
}

impl Reply {
    /// Sends a request and reads the reply to its end.
    ///
    /// # Errors
    /// The connection was lost, or there was none.
    pub async fn to(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let text = |name: &str, headers: &HeaderMap| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Ok(Self {
            status: response.status().as_u16(),
            retry_after: text(RETRY_AFTER.as_str(), response.headers()).map(|seconds| seconds.parse().unwrap()),
            request_id: text("x-request-id", response.headers()).expect("every reply has an id"),
            body: serde_json::from_slice(&response.bytes().await?).expect("every reply is JSON"),
        })
    }

    /// The return code, checked in both spellings.
    pub fn code(&self) -> &str {
        self.pair(&self.body, "Code")
    }

    /// The message, checked in both spellings.
    pub fn message(&self) -> &str {
        self.pair(&self.body, "Msg")
    }

    /// The return code of a reply in the envelope `schema`.
    pub fn enveloped_code(&self) -> &str {
        assert_eq!(self.body.as_object().map(serde_json::Map::len), Some(1), "{self:?}");
        self.pair(&self.body["schema"], "Code")
    }

    fn pair<'a>(&'a self, fields: &'a Value, name: &str) -> &'a str {
        assert_eq!(self.status, 200, "{self:?}");
        let (long, short) = (fields[format!("return{name}")].as_str(), fields[format!("ret{name}")].as_str());
        assert_eq!(long, short, "{self:?}");
        long.unwrap_or_else(|| panic!("no return code: {self:?}"))
    }
}
