//! The conformance suite of SMS gateways, checked from both ends.
//!
//! An adapter's tests implement [`SmsHarness`] around the gateway and a fake of its provider, and expect of
//! [`breaches`] that there are none.

use async_trait::async_trait;
use chrono::DateTime;
use trial_core::ports::SmsGateway;
use trial_core::return_codes::CodeReply;
use trial_core::sms::{GatewayReply, SmsMessage};
use trial_core::values::{ChallengeId, CodeRequestId, Keyring, Locale, Phone, SecretKey};

/// The behaviour of the provider for the next messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmsBehaviour {
    /// It accepts them.
    Accept,
    /// It refuses them.
    Refuse,
    /// It cannot be reached.
    Unreachable,
    /// It gets them, and its replies are lost.
    LoseReply,
}

/// A message that arrived at the provider's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedSms {
    /// The phone, E.164.
    pub to: String,
    /// The text that the phone shows.
    pub text: String,
}

/// A gateway under test, with the provider's end of it.
#[async_trait]
pub trait SmsHarness: Send + Sync {
    /// The gateway.
    fn gateway(&self) -> &dyn SmsGateway;

    /// Sets the behaviour of the provider from now on.
    async fn set_behaviour(&self, behaviour: SmsBehaviour);

    /// Every message that has arrived since the harness was created, oldest first.
    async fn arrived(&self) -> Vec<ArrivedSms>;
}

/// Runs every check; returns one line for each breach, none if the gateway conforms.
pub async fn breaches(harness: &dyn SmsHarness) -> Vec<String> {
    let mut breaches = Vec::new();
    for locale in Locale::ALL {
        let name = locale.as_str();
        breaches
            .extend(accepted(harness, &message("+8616673280001", "", *locale)).await.map(|b| format!("{name}: {b}")));
    }
    let zeros = message("+8616673280002", "00", Locale::En);
    breaches.extend(accepted(harness, &zeros).await.map(|b| format!("code with leading zeros: {b}")));
    breaches.extend(refused(harness).await.map(|b| format!("refused: {b}")));
    breaches.extend(unreached(harness).await.map(|b| format!("unreachable: {b}")));
    breaches.extend(reply_lost(harness).await.map(|b| format!("reply lost: {b}")));
    breaches.extend(
        accepted(harness, &message("+8616673280003", "", Locale::ZhCn)).await.map(|b| format!("afterwards: {b}")),
    );
    breaches
}

async fn accepted(harness: &dyn SmsHarness, message: &SmsMessage) -> Option<String> {
    let (reply, arrived) = send(harness, SmsBehaviour::Accept, message).await;
    if !matches!(reply, GatewayReply::Accepted { .. }) {
        return Some(format!("a message that was taken counts as {:?}", reply.state()));
    }
    let [arrived] = arrived.as_slice() else {
        return Some(format!("{} messages arrived, not one", arrived.len()));
    };
    if arrived.to != message.to.as_str() {
        return Some("it arrived at another phone".to_owned());
    }
    let words: Vec<&str> = arrived.text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if !words.contains(&message.code.reveal()) {
        return Some("the text does not hold the code as it is".to_owned());
    }
    if !words.contains(&message.valid_minutes.to_string().as_str()) {
        return Some("the text does not say how long the code lives".to_owned());
    }
    tells_on(&reply, message)
}

async fn refused(harness: &dyn SmsHarness) -> Option<String> {
    let message = message("+8616673280004", "", Locale::En);
    let (reply, arrived) = send(harness, SmsBehaviour::Refuse, &message).await;
    if !matches!(reply, GatewayReply::Refused { .. }) {
        return Some(format!("the message counts as {:?}", reply.state()));
    }
    (!arrived.is_empty()).then(|| "the message arrived all the same".to_owned()).or_else(|| tells_on(&reply, &message))
}

async fn unreached(harness: &dyn SmsHarness) -> Option<String> {
    let message = message("+8616673280005", "", Locale::En);
    let (reply, arrived) = send(harness, SmsBehaviour::Unreachable, &message).await;
    if !matches!(reply, GatewayReply::Unreached { .. }) {
        return Some(format!("the message counts as {:?}", reply.state()));
    }
    (!arrived.is_empty()).then(|| "the message arrived all the same".to_owned()).or_else(|| tells_on(&reply, &message))
}

/// The message may have arrived or not; the gateway must not claim either.
async fn reply_lost(harness: &dyn SmsHarness) -> Option<String> {
    let message = message("+8616673280006", "", Locale::En);
    let (reply, arrived) = send(harness, SmsBehaviour::LoseReply, &message).await;
    if !matches!(reply, GatewayReply::Unknown { .. }) {
        return Some(format!("the message counts as {:?}", reply.state()));
    }
    (arrived.len() > 1).then(|| "the message was sent more than once".to_owned()).or_else(|| tells_on(&reply, &message))
}

/// Sends one message; returns the reply and the messages that arrived.
async fn send(
    harness: &dyn SmsHarness,
    behaviour: SmsBehaviour,
    message: &SmsMessage,
) -> (GatewayReply, Vec<ArrivedSms>) {
    harness.set_behaviour(behaviour).await;
    let before = harness.arrived().await.len();
    let reply = harness.gateway().send(message).await;
    let arrived = harness.arrived().await.split_off(before);
    (reply, arrived)
}

/// Replies are stored and shown to operators, who must see neither phone nor code.
fn tells_on(reply: &GatewayReply, message: &SmsMessage) -> Option<String> {
    let detail = reply.detail()?;
    let national = message.to.as_str().trim_start_matches("+86");
    (detail.contains(national) || detail.contains(message.code.reveal()))
        .then(|| "the gateway's words hold the phone or the code".to_owned())
}

/// A message whose code begins with `prefix`.
fn message(phone: &str, prefix: &str, locale: Locale) -> SmsMessage {
    let to = Phone::from_canonical(phone, 86);
    let key = SecretKey::new("conformance", &[7; 32]).expect("the key is good");
    let keyring = Keyring::new(vec![key]).expect("there is one key");
    let code = (0..1_000_000_u128)
        .map(|nonce| keyring.current_code(ChallengeId::from_bytes(nonce.to_be_bytes()), &to))
        .find(|code| code.reveal().starts_with(prefix));
    let code_request = CodeRequestId::new(DateTime::UNIX_EPOCH, [0; 10]);
    SmsMessage { code_request, to, code: code.expect("some code begins so"), valid_minutes: 5, locale }
}

/// The verdict required of a gateway for one behaviour of its provider: a line of the operators' table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderCase {
    /// The gateway's name.
    pub gateway: &'static str,
    /// The behaviour of the provider, in words.
    pub provider: &'static str,
    /// The required verdict.
    pub verdict: Verdict,
}

/// A [`GatewayReply`] without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Accepted,
    /// The message was refused.
    Refused,
    /// The account was refused.
    AccountRefused,
    /// It was refused for now.
    Throttled,
    /// It is definitely not on its way.
    Unreached,
    /// It may be on its way.
    Unknown,
}

impl Verdict {
    /// The verdict in a reply.
    pub fn of(reply: &GatewayReply) -> Self {
        match reply {
            GatewayReply::Accepted { .. } => Self::Accepted,
            GatewayReply::Refused { .. } => Self::Refused,
            GatewayReply::AccountRefused { .. } => Self::AccountRefused,
            GatewayReply::Throttled { .. } => Self::Throttled,
            GatewayReply::Unreached { .. } => Self::Unreached,
            GatewayReply::Unknown { .. } => Self::Unknown,
        }
    }

    /// Its name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::AccountRefused => "account refused",
            Self::Throttled => "throttled",
            Self::Unreached => "unreached",
            Self::Unknown => "unknown",
        }
    }

    fn reply(self) -> GatewayReply {
        let reason = String::new();
        match self {
            Self::Accepted => GatewayReply::Accepted { provider_id: None },
            Self::Refused => GatewayReply::Refused { reason },
            Self::AccountRefused => GatewayReply::AccountRefused { reason },
            Self::Throttled => GatewayReply::Throttled { reason },
            Self::Unreached => GatewayReply::Unreached { reason },
            Self::Unknown => GatewayReply::Unknown { reason },
        }
    }
}

impl ProviderCase {
    /// Sends one message by a gateway whose provider behaves so; returns the deviation from the verdict, if any.
    pub async fn breach(&self, gateway: &dyn SmsGateway) -> Option<String> {
        let message = message("+8616673280007", "", Locale::En);
        let reply = gateway.send(&message).await;
        let breach = if gateway.name() == self.gateway && Verdict::of(&reply) == self.verdict {
            tells_on(&reply, &message)
        } else {
            Some(format!("{} says {reply:?}", gateway.name()))
        };
        breach.map(|breach| format!("{}: {}: {breach}", self.gateway, self.provider))
    }

    /// The line of the table: verdict, answer to the client, whether the next gateway is asked, and whether it counts
    /// against the gateway, by the rules themselves.
    pub fn line(&self) -> String {
        let reply = self.verdict.reply();
        let (code, next) = (CodeReply::from(reply.state()).code, reply.allows_another());
        let counts = if reply.is_gateway_fault() { "yes" } else { "no" };
        let verdict = self.verdict.as_str();
        let answer = if next { format!("{} if it is the last", code.as_str()) } else { code.as_str().to_owned() };
        let next = if next { "yes" } else { "no" };
        format!("| `{}` | {} | {verdict} | {answer} | {next} | {counts} |", self.gateway, self.provider)
    }
}
