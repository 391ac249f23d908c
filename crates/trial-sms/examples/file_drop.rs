//! A gateway in one file: it writes messages as files into a directory, from which a modem's daemon sends them.
//!
//! `docs/adapters.md` walks through it. The tests of this crate include this file, and check the gateway by the
//! conformance
//! suite. Run by itself, it sends one message to a directory:
//!
//! ```sh
//! cargo run -p trial-sms --example file_drop -- /tmp
//! ```

use std::io::ErrorKind;
use std::path::PathBuf;

use async_trait::async_trait;
use trial_core::ports::SmsGateway;
use trial_core::sms::{GatewayReply, GatewayUnusable, SmsMessage};
use trial_sms::Wording;

/// Writes messages as files.
pub struct FileDropGateway {
    /// The directory in which the daemon looks for messages.
    pub outgoing: PathBuf,
    /// The text of messages.
    pub wording: Wording,
}

#[async_trait]
impl SmsGateway for FileDropGateway {
    fn name(&self) -> &'static str {
        "file_drop"
    }

    async fn send(&self, message: &SmsMessage) -> GatewayReply {
        let text = self.wording.text(message);
        let file = self.outgoing.join(format!("{}.sms", message.code_request));
        let part = file.with_extension("part");
        let content = format!("To: {}\nAlphabet: UTF-8\n\n{text}", message.to);
        // Nothing is there for the daemon before the rename: after a failure until then, the message is not on its way.
        if let Err(error) = tokio::fs::write(&part, content).await {
            return not_written(error.kind());
        }
        match tokio::fs::rename(&part, &file).await {
            Ok(()) => GatewayReply::Accepted { provider_id: None },
            // Here it may be, so that the outcome is unknown.
            Err(error) => GatewayReply::Unknown { reason: format!("cannot rename: {}", error.kind()) },
        }
    }

    async fn check(&self) -> Result<(), GatewayUnusable> {
        match tokio::fs::metadata(&self.outgoing).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(GatewayUnusable("it is no directory".to_owned())),
            Err(error) => Err(GatewayUnusable(error.kind().to_string())),
        }
    }
}

/// No text of the message, no phone and no code: this is stored, logged and shown.
fn not_written(kind: ErrorKind) -> GatewayReply {
    let reason = format!("cannot write: {kind}");
    match kind {
        ErrorKind::NotFound => GatewayReply::Unreached { reason },
        ErrorKind::StorageFull => GatewayReply::Throttled { reason },
        _ => GatewayReply::Refused { reason },
    }
}

#[cfg(not(test))]
#[tokio::main]
async fn main() {
    use trial_core::values::{ChallengeId, CodeRequestId};
    use trial_core::values::{Keyring, KeyringError, Locale, Phone, SecretKey};

    let outgoing = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let gateway = FileDropGateway { outgoing, wording: Wording::default() };
    let to = Phone::from_canonical("+8616673280001", 86);
    let code = || -> Result<_, KeyringError> {
        Ok(Keyring::new(vec![SecretKey::new("example", &[7; 32])?])?
            .current_code(ChallengeId::from_bytes([7; 16]), &to))
    };
    let Ok(code) = code() else { return };
    let code_request = CodeRequestId::from_bytes([7; 16]);
    let message = SmsMessage { code_request, to: to.clone(), code, valid_minutes: 5, locale: Locale::En };
    let reply = gateway.send(&message).await;
    tracing::info!(?reply, "sent");
}
