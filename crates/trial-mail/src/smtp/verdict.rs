//! What a failed delivery means, and words for it that tell on nobody.

use std::error::Error as _;

use lettre::transport::smtp::Error;
use trial_core::{DeliveryError, Redaction};

use super::session::{Failure, Fault, Step};

/// Basic codes that say that we, not the recipient, did something wrong: commands and parameters that the server does not
/// have (RFC 5321 section 4.2.2), and who we are or how we connected (RFC 4954 section 6, RFC 5248).
const OURS: [u16; 12] = [500, 502, 503, 504, 523, 524, 525, 530, 534, 535, 538, 555];

/// A mail is given up at once only where the server refused, for good, this recipient or this mail. Everything else is tried
/// again: 4xx, time-outs, connections, TLS and replies that make no sense, of course, but also each 5xx that is ours to mend.
/// That is any before the recipient is named (we are not welcome, cannot sign in, or may not send from our address), and
/// later those that are about us: no authentication, no encryption, commands unknown, relaying denied, blocked by policy.
/// Taken for transient by mistake, a mail costs some tries and fails a day later in the sight of operations; taken for
/// permanent by mistake, an applicant never gets the account.
pub(super) fn verdict(failure: &Failure, redaction: &Redaction) -> DeliveryError {
    let Failure { step, fault } = failure;
    let told = match fault {
        Fault::Tcp(error) => format!("{error}"),
        Fault::Smtp(error) => reply_of(error),
    };
    let words = format!("{}: {}", step_name(*step), redaction.redact(&told));
    let is_about_the_mail = matches!(step, Step::Recipient | Step::Content);
    match fault {
        Fault::Smtp(error) if is_about_the_mail && error.is_permanent() && !is_ours(error) => {
            DeliveryError::Permanent(words)
        }
        Fault::Smtp(_) | Fault::Tcp(_) => DeliveryError::Transient(words),
    }
}

fn step_name(step: Step) -> &'static str {
    match step {
        Step::Connect => "no session with the mail server",
        Step::SignIn => "the mail server did not let us sign in",
        Step::Sender => "the mail server refused the sender",
        Step::Recipient => "the mail server refused the recipient",
        Step::Content => "the mail server did not take the mail",
        Step::Check => "the mail server does not answer",
    }
}

fn reply_of(error: &Error) -> String {
    match (error.status(), error.source()) {
        (Some(code), Some(text)) => format!("{code} {text}"),
        _ => error.to_string(),
    }
}

fn is_ours(error: &Error) -> bool {
    let code = error.status().map_or(0, u16::from);
    OURS.contains(&code) || error.source().is_some_and(|text| is_ours_by_detail(&text.to_string()))
}

/// Enhanced codes (RFC 3463) that say the same: 5.1.7 and 5.1.8 the sender's address, 5.3.5 a server that is not configured
/// for this, 5.7 security and policy, which is where "relaying denied" and block lists are.
fn is_ours_by_detail(text: &str) -> bool {
    let mut digits = text.split([' ', '\t']).next().unwrap_or_default().split('.');
    let (class, subject, detail) = (digits.next(), digits.next(), digits.next());
    class == Some("5")
        && matches!((subject, detail), (Some("7"), Some(_)) | (Some("1"), Some("7" | "8")) | (Some("3"), Some("5")))
}
