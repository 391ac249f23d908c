//! Judges failed deliveries, and describes them without personal data.

mod about;
mod absence;
#[cfg(test)]
mod replies;
mod words;

use trial_core::mails::DeliveryError;
use trial_core::privacy::Redaction;

use super::connection::Fault;
use super::session::{Failure, Step};
use about::{About, about};

/// A mail is given up at once only if the server refused, for good and explicitly, this recipient or this mail.
/// Everything else is retried: 4xx, time-outs, connections, TLS and malformed replies, but also each 5xx that we have
/// to repair: any before the recipient is named, except about the size of the mail (RFC 1870), and later those about
/// quota, rate, relaying, names, senders and block lists. Wrongly judged transient, a mail costs some attempts
/// and fails a day later in the view of operators; wrongly judged permanent, an applicant never gets the account.
pub(super) fn verdict(failure: &Failure, redaction: &Redaction) -> DeliveryError {
    let Failure { step, fault } = failure;
    let told = match fault {
        Fault::TimedOut(wait) => return DeliveryError::Transient(format!("the mail server took longer than {wait:?}")),
        Fault::Io(error) => error.to_string(),
        Fault::Closed => "the connection was closed".to_owned(),
        Fault::Nonsense => "its reply is not one of SMTP".to_owned(),
        Fault::Missing(what) => (*what).to_owned(),
        Fault::Refused(reply) => reply.words(),
    };
    let words = format!("{}: {}", step_name(*step), redaction.redact(&told));
    let refused = match fault {
        Fault::Refused(reply) if reply.is_for_good() => Some(about(&reply.text())),
        _ => None,
    };
    match (step, refused) {
        (Step::Recipient | Step::Content, Some(About::Recipient | About::Size | About::Mail))
        | (Step::Sender, Some(About::Size)) => DeliveryError::Permanent(words),
        _ => DeliveryError::Transient(words),
    }
}

fn step_name(step: Step) -> &'static str {
    match step {
        Step::Connect => "no session with the mail server",
        Step::SignIn => "the mail server refused the sign-in",
        Step::Sender => "the mail server refused the sender",
        Step::Recipient => "the mail server refused the recipient",
        Step::Content => "the mail server did not accept the mail",
        Step::Check => "the mail server does not answer",
    }
}
