//! A mail in the form of SMTP.

use std::time::SystemTime;

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use trial_core::mails::OutgoingMail;
use trial_core::values::Email;

use super::settings::Mailboxes;
use crate::WrittenMail;

/// The same mail gives the same bytes, so that a second copy can be recognised.
pub(super) fn formatted(
    mail: &OutgoingMail,
    written: WrittenMail,
    mailboxes: &Mailboxes,
    to: &Address,
) -> Result<Vec<u8>, lettre::error::Error> {
    let Mailboxes { from, reply_to, envelope_from } = mailboxes;
    let envelope = Envelope::new(Some(envelope_from.clone()), vec![to.clone()])?;
    let mut message = Message::builder()
        .envelope(envelope)
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(written.subject)
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .date(SystemTime::from(mail.created_at).max(SystemTime::UNIX_EPOCH))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    if let Some(reply_to) = reply_to {
        message = message.reply_to(reply_to.clone());
    }
    // No encoded body has `=_` in it, and no body has the mail's id.
    let alternatives = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{}", mail.id))
        .singlepart(SinglePart::plain(written.text))
        .singlepart(SinglePart::html(written.html));
    Ok(message.multipart(alternatives)?.formatted())
}

/// The address in the form of SMTP. It was parsed by RFC 5321, including quoted local parts and address literals, not
/// all of which the library's own parser knows; characters that could end its command are checked for again.
pub(super) fn recipient(email: &Email) -> Option<Address> {
    let (local, domain) = email.as_str().rsplit_once('@')?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii() && !b.is_ascii_control());
    let bare = !domain.contains([' ', '<', '>']) && (local.starts_with('"') || !local.contains([' ', '<', '>']));
    (plain(local) && plain(domain) && bare).then(|| Address::new_dangerous(local, domain))
}
