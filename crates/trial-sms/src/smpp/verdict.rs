//! Answers of the message centre, and their meaning for a message.

use rusmpp::CommandStatus;
use trial_core::sms::GatewayReply;

use super::codec::{Frame, id};
use super::pdu;
use crate::refusal::Refusal;

/// The message's id, or the reason of the refusal. A status other than 0 is a definite refusal whatever the body: the
/// message centre has not accepted the message (section 4.4.2).
pub(super) fn of(answer: &Frame) -> Result<Option<String>, GatewayReply> {
    match (answer.status, answer.id) {
        (0, id::GENERIC_NACK) => {
            Err(GatewayReply::Unknown { reason: "a generic_nack that gives no reason".to_owned() })
        }
        (0, _) => Ok(pdu::message_id(&answer.body)),
        (status, _) => {
            let status = CommandStatus::from(status);
            Err(refusal(status).reply(name(status)))
        }
    }
}

/// The reply for a message of which a part is on its way, whatever the outcome of the next.
pub(super) fn of_part(sent: usize, reply: &GatewayReply) -> GatewayReply {
    let said = reply.detail().unwrap_or_default();
    GatewayReply::Unknown { reason: format!("{sent} of its parts were taken, and the next: {said}") }
}

/// Statuses about us or the message centre (SMPP 3.4 section 5.1.3, SMPP 5.0 section 4.7.6). Every other one is about
/// the message: a number of the vendor's own (from 0x400 on) may mean anything, and so may `ESME_RSUBMITFAIL` and
/// `ESME_RINVDSTTON`.
fn refusal(status: CommandStatus) -> Refusal {
    match status {
        // The message centre has no room, no time or no service now.
        CommandStatus::EsmeRthrottled
        | CommandStatus::EsmeRmsgqful
        | CommandStatus::EsmeRsyserr
        | CommandStatus::EsmeRxTAppn
        | CommandStatus::EsmeRsertypunavail => Refusal::Throttled,
        // Our login, our sender and our permissions.
        CommandStatus::EsmeRinvbndsts
        | CommandStatus::EsmeRalybnd
        | CommandStatus::EsmeRbindfail
        | CommandStatus::EsmeRinvpaswd
        | CommandStatus::EsmeRinvsysid
        | CommandStatus::EsmeRinvsystyp
        | CommandStatus::EsmeRinvsertyp
        | CommandStatus::EsmeRinvsrcadr
        | CommandStatus::EsmeRinvsrcton
        | CommandStatus::EsmeRinvsrcnpi
        | CommandStatus::EsmeRinvregdlvflg
        | CommandStatus::EsmeRsertypunauth
        | CommandStatus::EsmeRprohibited
        | CommandStatus::EsmeRsertypdenied => Refusal::Account,
        _ => Refusal::Message,
    }
}

/// The status in the specification's spelling, or its number.
pub(super) fn name(status: CommandStatus) -> String {
    match status {
        CommandStatus::Other(number) => format!("command_status 0x{number:08X}"),
        known => format!("{known:?}").to_ascii_uppercase().replacen("ESME", "ESME_", 1),
    }
}
